//! A streamed answer, event by event.
//!
//! Events and blocks that are not known are passed over: the provider says that it will add some.
//! Source: docs.claude.com, "Streaming messages", read 2026-11.

use super::{
    answer::{
        Block, Counts, MAX_THOUGHT, Message, StopDetails, call, end, finish, hidden_thought,
        thought, unreadable,
    },
    fault,
};
use crate::{
    api::answer::{AnswerSink, Finish, Part},
    fault::{Fault, FaultKind},
    frame::sse,
    host::Headers,
    json::Str,
    provider::ChatEvents,
};
use serde::Deserialize;
use serde_json::value::RawValue;

/// What a stream remembers between events.
#[derive(Debug, Default)]
pub(super) struct Events {
    opened: bool,
    done: bool,
    counts: Counts,
    calls: u32,
    block: Open,
    finish: Option<Finish>,
    explanation: Option<String>,
}

/// The block that is being written.
#[derive(Debug, Default)]
enum Open {
    /// None, or one whose pieces are not kept.
    #[default]
    Nothing,
    Thought {
        text: String,
        signature: String,
    },
    HiddenThought(Box<RawValue>),
    Call {
        index: u32,
        /// The arguments, where the block began with them. Replaced by what follows.
        input: Option<Box<RawValue>>,
        written: bool,
    },
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow, default)]
    r#type: Option<Str<'a>>,
    #[serde(borrow, default)]
    message: Option<Message<'a>>,
    #[serde(borrow, default)]
    content_block: Option<Block<'a>>,
    #[serde(borrow, default)]
    delta: Option<Delta<'a>>,
    #[serde(default)]
    usage: Option<Counts>,
}

/// A piece of a block, or of the message itself.
#[derive(Deserialize)]
struct Delta<'a> {
    #[serde(borrow, default)]
    r#type: Option<Str<'a>>,
    #[serde(borrow, default)]
    text: Option<Str<'a>>,
    #[serde(borrow, default)]
    thinking: Option<Str<'a>>,
    #[serde(borrow, default)]
    signature: Option<Str<'a>>,
    #[serde(borrow, default)]
    partial_json: Option<Str<'a>>,
    #[serde(borrow, default)]
    stop_reason: Option<Str<'a>>,
    #[serde(borrow, default)]
    stop_details: Option<StopDetails<'a>>,
}

#[derive(Deserialize)]
struct Kind<'a> {
    #[serde(borrow, default)]
    r#type: Option<Str<'a>>,
}

impl ChatEvents for Events {
    fn event(&mut self, event: &sse::Event<'_>, out: &mut dyn AnswerSink) -> Result<(), Fault> {
        let Some(data) = event.data.as_deref() else {
            return Ok(());
        };
        let read: Event<'_> = match serde_json::from_str(data) {
            Ok(read) => read,
            Err(_) => return unread(data, &event.name),
        };
        match read.r#type.as_deref().unwrap_or(&event.name) {
            "message_start" => self.start(read.message, out),
            "content_block_start" if self.opened => {
                self.finish_block(out);
                if let Some(block) = read.content_block {
                    self.start_block(&block, out);
                }
                Ok(())
            }
            "content_block_delta" if self.opened => {
                if let Some(delta) = read.delta {
                    self.piece(&delta, out);
                }
                Ok(())
            }
            "content_block_stop" if self.opened => {
                self.finish_block(out);
                Ok(())
            }
            "message_delta" if self.opened => {
                self.finish_block(out);
                self.message_delta(read.delta, read.usage, out);
                Ok(())
            }
            "message_stop" if self.opened => {
                self.finish_block(out);
                if !self.done {
                    self.done = true;
                    let finish = self.finish.unwrap_or(Finish::Stop);
                    end(finish, self.explanation.as_deref(), out);
                }
                Ok(())
            }
            "content_block_start"
            | "content_block_delta"
            | "content_block_stop"
            | "message_delta"
            | "message_stop" => Err(unreadable()),
            "error" => Err(fault::read(200, &Headers::default(), data.as_bytes())),
            _ => Ok(()),
        }
    }

    fn close(&mut self, _out: &mut dyn AnswerSink) -> Result<(), Fault> {
        if self.done {
            return Ok(());
        }
        Err(Fault::new(
            FaultKind::ProviderFailed,
            "The provider ended its answer before it was complete.",
        ))
    }
}

/// An event in a form that is not known: wrong only when its type is one that is.
fn unread(data: &str, name: &str) -> Result<(), Fault> {
    let kind: Kind<'_> = serde_json::from_str(data).map_err(|_| unreadable())?;
    match kind.r#type.as_deref().unwrap_or(name) {
        "message_start"
        | "content_block_start"
        | "content_block_delta"
        | "content_block_stop"
        | "message_delta"
        | "message_stop" => Err(unreadable()),
        "error" => Err(fault::read(200, &Headers::default(), data.as_bytes())),
        _ => Ok(()),
    }
}

impl Events {
    fn start(
        &mut self,
        message: Option<Message<'_>>,
        out: &mut dyn AnswerSink,
    ) -> Result<(), Fault> {
        let message = message.ok_or_else(unreadable)?;
        if !self.opened {
            self.opened = true;
            out.open(
                message.id.as_deref().unwrap_or_default(),
                message.model.as_deref().unwrap_or_default(),
            );
        }
        self.count(message.usage, out);
        Ok(())
    }

    fn count(&mut self, counts: Option<Counts>, out: &mut dyn AnswerSink) {
        if let Some(counts) = counts {
            self.counts.replace(counts);
            out.usage(self.counts.usage());
        }
    }

    fn start_block(&mut self, block: &Block<'_>, out: &mut dyn AnswerSink) {
        match &*block.r#type {
            "text" => say(Part::Text, block.text.as_deref(), out),
            "thinking" => {
                let text = block.thinking.as_deref().unwrap_or_default();
                say(Part::Thought, Some(text), out);
                self.block = Open::Thought {
                    text: text.to_owned(),
                    signature: block.signature.as_deref().unwrap_or_default().to_owned(),
                };
            }
            "redacted_thinking" => {
                if let Some(data) = block.data {
                    self.block = Open::HiddenThought(data.to_owned());
                }
            }
            "tool_use" => {
                call(self.calls, block, out);
                self.block = Open::Call {
                    index: self.calls,
                    input: block
                        .input
                        .filter(|input| input.get() != "{}")
                        .map(ToOwned::to_owned),
                    written: false,
                };
                self.calls += 1;
            }
            _ => {}
        }
    }

    fn piece(&mut self, delta: &Delta<'_>, out: &mut dyn AnswerSink) {
        match (delta.r#type.as_deref(), &mut self.block) {
            (Some("text_delta"), _) => say(Part::Text, delta.text.as_deref(), out),
            (Some("thinking_delta"), block) => {
                let piece = delta.thinking.as_deref().unwrap_or_default();
                say(Part::Thought, Some(piece), out);
                // One byte above the limit is kept as the sign that it was passed.
                if let Open::Thought { text, .. } = block
                    && text.len() <= MAX_THOUGHT
                {
                    text.push_str(piece);
                }
            }
            (Some("signature_delta"), Open::Thought { signature, .. }) => {
                signature.push_str(delta.signature.as_deref().unwrap_or_default());
            }
            (Some("input_json_delta"), Open::Call { index, written, .. }) => {
                let json = delta.partial_json.as_deref().unwrap_or_default();
                if !json.is_empty() {
                    *written = true;
                    out.part(
                        0,
                        Part::ToolInput {
                            index: *index,
                            json,
                        },
                    );
                }
            }
            _ => {}
        }
    }

    fn finish_block(&mut self, out: &mut dyn AnswerSink) {
        match std::mem::take(&mut self.block) {
            Open::Thought { text, signature } => thought(&text, &signature, out),
            Open::HiddenThought(data) => hidden_thought(&data, out),
            Open::Call {
                index,
                input,
                written: false,
            } => {
                let json = input.as_deref().map_or("{}", RawValue::get);
                out.part(0, Part::ToolInput { index, json });
            }
            Open::Call { .. } | Open::Nothing => {}
        }
    }

    fn message_delta(
        &mut self,
        delta: Option<Delta<'_>>,
        counts: Option<Counts>,
        out: &mut dyn AnswerSink,
    ) {
        self.count(counts, out);
        let Some(delta) = delta else {
            return;
        };
        if let Some(reason) = delta.stop_reason.as_deref() {
            self.finish = Some(finish(Some(reason)));
        }
        if let Some(text) = delta.stop_details.and_then(|details| details.explanation) {
            self.explanation = Some(text.into_cow().into_owned());
        }
    }
}

fn say<'t>(part: fn(&'t str) -> Part<'t>, text: Option<&'t str>, out: &mut dyn AnswerSink) {
    if let Some(text) = text.filter(|text| !text.is_empty()) {
        out.part(0, part(text));
    }
}
