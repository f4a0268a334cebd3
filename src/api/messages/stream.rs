//! Writes an answer as this API's events.
//!
//! `message_start`, then the blocks one after the other, each with its start, deltas and stop, then
//! `message_delta` with reason and usage, then `message_stop`. There is no `[DONE]`.

use super::{
    MAX_BLOCKS, StopDetails, Stopped, UsageJson, call_id, error_event, id_or_none, only_an_image,
    refuse, stop_reason,
    waiting::{Block, Waiting},
};
use crate::{
    api::{
        answer::{AnswerSink, Finish, Part, Usage},
        chat::name,
        thought,
    },
    fault::Fault,
    json::Ending,
};
use serde::Serialize;

/// The only place where the events of this API are written.
#[derive(Debug, Default)]
pub struct EventWriter {
    id: String,
    model: String,
    started: bool,
    /// Blocks that have begun; the last one may be open.
    blocks: u32,
    open: Open,
    /// How far the input of the open call has come.
    ending: Ending,
    /// What comes after it.
    waiting: Waiting,
    /// Words came, or a call.
    says: bool,
    /// An image came, for which there is no place.
    image: bool,
    refusal: String,
    finish: Option<Finish>,
    stopped: Stopped,
    usage: Usage,
    out: Vec<u8>,
}

/// The block that is being written.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Open {
    #[default]
    Nothing,
    Text,
    Thinking,
    /// A call, by its place among the calls.
    Call(u32),
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Event<'a> {
    MessageStart {
        message: Message<'a>,
    },
    ContentBlockStart {
        index: u32,
        content_block: Start<'a>,
    },
    ContentBlockDelta {
        index: u32,
        delta: Delta<'a>,
    },
    ContentBlockStop {
        index: u32,
    },
    MessageDelta {
        delta: End<'a>,
        usage: UsageJson,
    },
    MessageStop,
}

#[derive(Serialize)]
struct Message<'a> {
    id: &'a str,
    r#type: &'static str,
    role: &'static str,
    model: &'a str,
    content: [(); 0],
    stop_reason: (),
    stop_sequence: (),
    usage: UsageJson,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Start<'a> {
    Text {
        text: &'static str,
    },
    Thinking {
        thinking: &'static str,
        signature: &'static str,
    },
    RedactedThinking {
        data: &'a str,
    },
    ToolUse {
        id: &'a str,
        name: &'a str,
        input: Empty,
    },
}

#[derive(Serialize)]
struct Empty {}

#[derive(Serialize)]
#[serde(tag = "type")]
enum Delta<'a> {
    #[serde(rename = "text_delta")]
    Text { text: &'a str },
    #[serde(rename = "thinking_delta")]
    Thinking { thinking: &'a str },
    #[serde(rename = "signature_delta")]
    Signature { signature: &'a str },
    #[serde(rename = "input_json_delta")]
    InputJson { partial_json: &'a str },
}

#[derive(Serialize)]
struct End<'a> {
    stop_reason: &'static str,
    stop_sequence: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stop_details: Option<StopDetails<'a>>,
}

impl Event<'_> {
    const fn name(&self) -> &'static str {
        match self {
            Self::MessageStart { .. } => "message_start",
            Self::ContentBlockStart { .. } => "content_block_start",
            Self::ContentBlockDelta { .. } => "content_block_delta",
            Self::ContentBlockStop { .. } => "content_block_stop",
            Self::MessageDelta { .. } => "message_delta",
            Self::MessageStop => "message_stop",
        }
    }
}

fn line(out: &mut Vec<u8>, event: &Event<'_>) {
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(event.name().as_bytes());
    out.extend_from_slice(b"\ndata: ");
    // Writing such a value into memory cannot fail.
    let _ = serde_json::to_writer(&mut *out, event);
    out.extend_from_slice(b"\n\n");
}

impl EventWriter {
    /// Ends a complete answer.
    pub fn done(&mut self) {
        self.write_all();
        self.start();
        self.stop();
        let finish = self.finish.unwrap_or(Finish::Stop);
        let delta = End {
            stop_reason: stop_reason(finish, !self.refusal.is_empty(), self.stopped.by_one),
            stop_sequence: self.stopped.sequence.as_deref(),
            stop_details: StopDetails::of(&self.refusal),
        };
        let usage = self.usage.into();
        line(&mut self.out, &Event::MessageDelta { delta, usage });
        line(&mut self.out, &Event::MessageStop);
    }

    /// Why the answer would be none: all that was said is an image.
    pub fn lost(&self) -> Option<Fault> {
        (self.image && !self.says).then(only_an_image)
    }

    /// Ends an answer that broke off: an error event and nothing after it.
    pub fn fail(&mut self, fault: &Fault) {
        self.out.extend_from_slice(&error_event(fault));
    }

    /// The bytes written since the last call.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }

    /// Written before the first block, so that what the provider has said of usage by then is in it.
    fn start(&mut self) {
        if std::mem::replace(&mut self.started, true) {
            return;
        }
        let message = Message {
            id: id_or_none(&self.id),
            r#type: "message",
            role: "assistant",
            model: &self.model,
            content: [],
            stop_reason: (),
            stop_sequence: (),
            usage: self.usage.into(),
        };
        line(&mut self.out, &Event::MessageStart { message });
    }

    fn begin(&mut self, open: Open, content_block: Start<'_>) {
        self.start();
        self.stop();
        let index = self.blocks;
        self.blocks += 1;
        self.open = open;
        line(
            &mut self.out,
            &Event::ContentBlockStart {
                index,
                content_block,
            },
        );
        if open == Open::Nothing {
            line(&mut self.out, &Event::ContentBlockStop { index });
        }
    }

    fn delta(&mut self, index: u32, delta: Delta<'_>) {
        line(&mut self.out, &Event::ContentBlockDelta { index, delta });
    }

    fn stop(&mut self) {
        let open = std::mem::take(&mut self.open);
        let index = self.last();
        if open == Open::Thinking {
            let signature = thought::UNSIGNED;
            self.delta(index, Delta::Signature { signature });
        }
        if open != Open::Nothing {
            line(&mut self.out, &Event::ContentBlockStop { index });
        }
    }

    const fn last(&self) -> u32 {
        self.blocks.saturating_sub(1)
    }

    fn full(&self) -> bool {
        let blocks = usize::try_from(self.blocks).unwrap_or(usize::MAX);
        blocks.saturating_add(self.waiting.len()) >= MAX_BLOCKS
    }

    /// Whether the open block must go on before another may begin.
    const fn is_amid(&self) -> bool {
        matches!(self.open, Open::Call(_)) && !self.ending.is_over()
    }

    /// Writes what waits, up to the next call that is not complete.
    fn go_on(&mut self) {
        while !self.is_amid() {
            let Some(block) = self.waiting.next() else {
                return;
            };
            self.block(&block);
        }
    }

    /// Writes all that waits: the answer ends, or too much waits for a call that perhaps never ends.
    fn write_all(&mut self) {
        while let Some(block) = self.waiting.next() {
            self.block(&block);
        }
    }

    fn block(&mut self, block: &Block) {
        match block {
            Block::Text(text) => self.text(text),
            Block::Thought(text) => self.thinking(text),
            Block::Detail(json) => self.detail(json),
            Block::Call {
                index,
                id,
                name,
                input,
            } => {
                self.call(*index, id, name);
                self.more_input(input);
            }
        }
    }

    fn call(&mut self, index: u32, id: &str, name: &str) {
        let id = call_id(id, &self.id, index);
        let start = Start::ToolUse {
            id: &id,
            name,
            input: Empty {},
        };
        self.begin(Open::Call(index), start);
        self.ending = Ending::default();
        self.says = true;
    }

    fn more_input(&mut self, json: &str) {
        if !json.is_empty() {
            self.ending.push(json);
            self.delta(self.last(), Delta::InputJson { partial_json: json });
        }
    }

    /// More of a call's input. What comes after the end of its block is left out.
    fn input(&mut self, index: u32, json: &str) {
        if self.waiting.input(index, json) {
            if self.waiting.is_full() {
                self.write_all();
            }
        } else if self.open == Open::Call(index) {
            self.more_input(json);
            self.go_on();
        }
    }

    /// What begins a block or goes on with one of words.
    fn say(&mut self, part: Part<'_>) {
        if self.is_amid() {
            if self.waiting.goes_on(&part) || !self.full() {
                self.waiting.push(part);
            }
            if self.waiting.is_full() {
                self.write_all();
            }
            return;
        }
        match part {
            Part::Text(text) | Part::Refusal(text) => self.text(text),
            Part::Thought(text) if self.open == Open::Thinking || !self.full() => {
                self.thinking(text);
            }
            Part::ThoughtDetail(json) if self.open == Open::Thinking || !self.full() => {
                self.detail(json);
            }
            Part::ToolCall { index, id, name } if !self.full() => self.call(index, id, name),
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        if text.is_empty() || (self.open != Open::Text && self.full()) {
            return;
        }
        if self.open != Open::Text {
            self.begin(Open::Text, Start::Text { text: "" });
        }
        self.says = true;
        self.delta(self.last(), Delta::Text { text });
    }

    fn thinking(&mut self, thinking: &str) {
        if self.open != Open::Thinking {
            let block = Start::Thinking {
                thinking: "",
                signature: "",
            };
            self.begin(Open::Thinking, block);
        }
        if !thinking.is_empty() {
            self.delta(self.last(), Delta::Thinking { thinking });
        }
    }

    fn sign(&mut self, signature: &str) {
        let index = self.last();
        self.delta(index, Delta::Signature { signature });
        self.open = Open::Nothing;
        line(&mut self.out, &Event::ContentBlockStop { index });
    }

    fn detail(&mut self, json: &str) {
        let open = self.open == Open::Thinking;
        match thought::Block::of(json) {
            thought::Block::Signed {
                thinking,
                signature,
            } => {
                // The text of an open block has been written as it came.
                if !open {
                    self.thinking(&thinking);
                }
                self.sign(&signature);
            }
            thought::Block::Sealed(sealed) if open => self.sign(&sealed),
            thought::Block::Hidden { data } | thought::Block::Sealed(data) => {
                self.begin(Open::Nothing, Start::RedactedThinking { data: &data });
            }
        }
    }
}

impl AnswerSink for EventWriter {
    fn open(&mut self, id: &str, model: &str) {
        name(&mut self.id, id);
        name(&mut self.model, model);
    }

    fn part(&mut self, choice: u32, part: Part<'_>) {
        if choice > 0 {
            return;
        }
        match part {
            Part::Text("") | Part::Refusal("") | Part::Thought("") => {}
            Part::Refusal(text) => {
                refuse(&mut self.refusal, text);
                self.say(part);
            }
            Part::Text(_) | Part::Thought(_) | Part::ThoughtDetail(_) | Part::ToolCall { .. } => {
                self.say(part);
            }
            Part::ToolInput { index, json } => self.input(index, json),
            Part::Image(_) => self.image = true,
            // This API has no place for them.
            Part::Logprobs(_) => {}
            Part::StopSequence(sequence) => self.stopped = Stopped::by(sequence),
            Part::Finish(finish) => self.finish = Some(finish),
        }
    }

    fn usage(&mut self, usage: Usage) {
        self.usage = usage;
    }
}
