//! A streamed answer, event by event.
//!
//! Events and blocks that are not known are passed over: the provider says that it will add some.
//! Source: docs.claude.com, "Streaming messages", read 2026-11.

use super::{
    answer::{
        Block, Counts, MAX_THOUGHT, Message, PROVIDER, StopDetails, call, end, finish,
        hidden_thought, thought, unreadable,
    },
    fault,
};
use crate::{
    api::answer::{AnswerSink, Finish, Part},
    fault::{Fault, FaultKind},
    frame,
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
    stop_sequence: Option<Str<'a>>,
    #[serde(borrow, default)]
    stop_details: Option<StopDetails<'a>>,
}

#[derive(Deserialize)]
struct Kind<'a> {
    #[serde(borrow, default)]
    r#type: Option<Str<'a>>,
}

impl ChatEvents for Events {
    fn event(&mut self, event: &frame::Event<'_>, out: &mut dyn AnswerSink) -> Result<(), Fault> {
        let Some(data) = event.data.as_deref() else {
            return Ok(());
        };
        if self.done {
            return Ok(()); // what follows belongs to no answer
        }
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
                self.done = true;
                let finish = self.finish.unwrap_or(Finish::Stop);
                end(finish, self.explanation.as_deref(), out);
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

    fn may_be_complete(&self) -> bool {
        self.finish.is_some()
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
                if signature.len() > MAX_THOUGHT {
                    return;
                }
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
            Open::Thought { text, signature } => thought(PROVIDER, &text, &signature, out),
            Open::HiddenThought(data) => hidden_thought(PROVIDER, &data, out),
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
            if reason == "stop_sequence" {
                out.part(0, Part::StopSequence(delta.stop_sequence.as_deref()));
            }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{api::answer::Usage, provider::anthropic::answer};
    use std::borrow::Cow;

    /// Every call, one line each; pieces of one text are joined, as gathering does.
    #[derive(Debug, Default, PartialEq)]
    struct Calls(Vec<(String, String)>, Option<Usage>);

    impl AnswerSink for Calls {
        fn open(&mut self, id: &str, model: &str) {
            self.0.push(("open".into(), format!("{id} {model}")));
        }
        fn part(&mut self, choice: u32, part: Part<'_>) {
            assert_eq!(choice, 0);
            let (what, text) = match part {
                Part::Text(text) => ("text".to_owned(), text.to_owned()),
                Part::Refusal(text) => ("refusal".to_owned(), text.to_owned()),
                Part::Thought(text) => ("thought".to_owned(), text.to_owned()),
                Part::ToolInput { index, json } => (format!("input {index}"), json.to_owned()),
                other => (String::new(), format!("{other:?}")),
            };
            match self.0.last_mut() {
                Some((last, joined)) if *last == what && !what.is_empty() => joined.push_str(&text),
                _ => self.0.push((what, text)),
            }
        }
        fn usage(&mut self, usage: Usage) {
            self.1 = Some(usage);
        }
    }

    fn event(data: &str) -> frame::Event<'_> {
        frame::Event {
            name: Cow::Borrowed(""),
            data: Some(Cow::Borrowed(data)),
            failed: false,
            raw: &[],
        }
    }

    fn stream(events: &[&str]) -> Result<Calls, Fault> {
        let (mut calls, mut stream) = (Calls::default(), Events::default());
        for data in events {
            stream.event(&event(data), &mut calls)?;
        }
        stream.close(&mut calls)?;
        Ok(calls)
    }

    const START: &str = r#"{"type":"message_start","message":{"id":"msg_1","model":"m","content":[],"stop_reason":null,"usage":{"input_tokens":5,"output_tokens":1,"cache_read_input_tokens":2}}}"#;
    const STOP: &str = r#"{"type":"message_stop"}"#;

    #[test]
    fn a_stream_gathers_to_the_whole_answer() {
        let whole = r#"{"id":"msg_1","model":"m","content":[
            {"type":"thinking","thinking":"a\u00e9b","signature":"s1s2"},{"type":"thinking","thinking":"","signature":"s3"},
            {"type":"redacted_thinking","data":"d\/"},{"type":"thinking","thinking":"unsigned","signature":""},
            {"type":"text","text":""},{"type":"text","text":"one"},{"type":"text","text":"two"},
            {"type":"tool_use","id":"t.1","name":"f","input":{"n":1e400}},{"type":"tool_use","id":"t2","name":"g","input":{}},
            {"type":"server_tool_use","id":"x","name":"y","input":{"q":1}}],
            "stop_reason":"refusal","stop_details":{"type":"refusal","explanation":"no"},
            "usage":{"input_tokens":5,"output_tokens":9,"cache_read_input_tokens":2,"output_tokens_details":{"thinking_tokens":4}}}"#;
        let events = [
            START,
            r#"{"type":"ping"}"#,
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"a","signature":""}}"#,
            "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"\u{e9}b\"}}",
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"s1"}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"s2"}}"#,
            r#"{"type":"content_block_stop","index":0}"#,
            r#"{"type":"content_block_start","index":1,"content_block":{"type":"thinking","thinking":"","signature":"s3"}}"#,
            r#"{"type":"content_block_stop","index":1}"#,
            r#"{"type":"content_block_start","index":2,"content_block":{"type":"redacted_thinking","data":"d\/"}}"#,
            r#"{"type":"content_block_stop","index":2}"#,
            r#"{"type":"content_block_start","index":3,"content_block":{"type":"thinking","thinking":"unsigned"}}"#,
            r#"{"type":"content_block_start","index":4,"content_block":{"type":"text","text":""}}"#,
            r#"{"type":"content_block_stop","index":4}"#,
            r#"{"type":"content_block_start","index":5,"content_block":{"type":"text","text":"one"}}"#,
            r#"{"type":"content_block_delta","index":5,"delta":{"type":"text_delta","text":""}}"#,
            r#"{"type":"content_block_delta","index":5,"delta":{"type":"text_delta","text":"two"}}"#,
            r#"{"type":"content_block_start","index":7,"content_block":{"type":"tool_use","id":"t.1","name":"f","input":{}}}"#,
            r#"{"type":"content_block_delta","index":7,"delta":{"type":"input_json_delta","partial_json":"{\"n\":"}}"#,
            r#"{"type":"content_block_delta","index":7,"delta":{"type":"input_json_delta","partial_json":"1e400}"}}"#,
            r#"{"type":"content_block_stop","index":7}"#,
            r#"{"type":"content_block_start","index":8,"content_block":{"type":"tool_use","id":"t2","name":"g","input":{}}}"#,
            r#"{"type":"content_block_stop","index":8}"#,
            r#"{"type":"content_block_start","index":9,"content_block":{"type":"server_tool_use","id":"x","name":"y","input":{}}}"#,
            r#"{"type":"content_block_delta","index":9,"delta":{"type":"input_json_delta","partial_json":"{\"q\":1}"}}"#,
            r#"{"type":"message_delta","delta":{"stop_reason":"refusal","stop_details":{"type":"refusal","explanation":"no"}},"usage":{"output_tokens":9,"output_tokens_details":{"thinking_tokens":4}}}"#,
            STOP,
        ];
        let mut gathered = Calls::default();
        answer::read(whole.as_bytes(), &mut gathered).unwrap();
        assert_eq!(stream(&events).unwrap(), gathered);
        assert_eq!(
            gathered.1,
            Some(Usage {
                input: 7,
                output: 9,
                cached: 2,
                reasoning: 4,
                ..Usage::default()
            })
        );
        let (_, last) = gathered.0.last().unwrap();
        assert_eq!(last, "Finish(ContentFilter)");
        assert_eq!(gathered.0.len(), 13);
    }

    #[test]
    fn only_an_answer_that_was_stopped_is_complete() {
        assert!(stream(&[START, STOP]).is_ok());
        let delta = r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":1}}"#;
        for events in [&[][..], &[START][..], &[START, delta][..]] {
            assert_eq!(
                stream(events).unwrap_err().message,
                "The provider ended its answer before it was complete."
            );
        }
    }

    #[test]
    fn a_known_event_that_cannot_be_read_is_an_error_and_an_unknown_one_is_not() {
        let unknown = [
            START,
            r#"{"type":"content_block_glow","message":"hot","delta":7}"#,
            r#"{"type":"new"}"#,
            STOP,
        ];
        assert!(stream(&unknown).is_ok());
        for bad in [
            "{",
            "[DONE]",
            r#"{"type":"message_start"}"#,
            r#"{"type":"message_start","message":7}"#,
            STOP,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"x"}}"#,
        ] {
            let fault = stream(&[bad]).unwrap_err();
            assert_eq!(
                fault.message, "The provider's answer is not a message.",
                "{bad}"
            );
        }
        let error = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"delta":1}"#;
        assert_eq!(
            stream(&[START, error]).unwrap_err().kind,
            FaultKind::Overloaded
        );
    }
}
