//! Gathers an answer into one message.

use super::{
    MAX_BLOCKS, StopDetails, Stopped, UsageJson, call_id, id_or_none, only_an_image, refuse,
    stop_reason,
};
use crate::{
    api::{
        answer::{AnswerSink, Finish, Part, Usage},
        chat::name,
        thought,
    },
    fault::Fault,
};
use serde::Serialize;
use serde_json::value::RawValue;

/// Collects the parts of an answer until it is complete.
///
/// This API has one choice; those beyond the first are left out.
#[derive(Debug, Default)]
pub struct AnswerWriter {
    id: String,
    model: String,
    blocks: Vec<Block>,
    /// An image came, for which there is no place.
    image: bool,
    refusal: String,
    finish: Option<Finish>,
    stopped: Stopped,
    usage: Usage,
}

#[derive(Debug)]
enum Block {
    Text(String),
    Thinking {
        text: String,
        /// `None`: more of its text may come.
        signature: Option<String>,
    },
    Hidden(String),
    Call {
        index: u32,
        id: String,
        name: String,
        input: String,
    },
}

#[derive(Serialize)]
struct Message<'a> {
    id: &'a str,
    r#type: &'static str,
    role: &'static str,
    model: &'a str,
    content: Vec<BlockJson<'a>>,
    stop_reason: &'static str,
    stop_sequence: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stop_details: Option<StopDetails<'a>>,
    usage: UsageJson,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum BlockJson<'a> {
    Text {
        text: &'a str,
    },
    Thinking {
        thinking: &'a str,
        signature: &'a str,
    },
    RedactedThinking {
        data: &'a str,
    },
    ToolUse {
        id: &'a str,
        name: &'a str,
        input: Input<'a>,
    },
}

#[derive(Serialize)]
#[serde(untagged)]
enum Input<'a> {
    Object(&'a RawValue),
    Nothing {},
    /// The form in which Anthropic advises to give broken input back to the model.
    /// Source: docs.claude.com, "Fine-grained tool streaming", read 2026-11.
    Broken {
        #[serde(rename = "INVALID_JSON")]
        text: &'a str,
    },
}

impl AnswerWriter {
    /// The answer as JSON.
    pub fn body(&self) -> Vec<u8> {
        let refused = !self.refusal.is_empty();
        let message = Message {
            id: id_or_none(&self.id),
            r#type: "message",
            role: "assistant",
            model: &self.model,
            content: self.blocks.iter().map(Block::json).collect(),
            stop_reason: stop_reason(
                self.finish.unwrap_or(Finish::Stop),
                refused,
                self.stopped.by_one,
            ),
            stop_sequence: self.stopped.sequence.as_deref(),
            stop_details: StopDetails::of(&self.refusal),
            usage: self.usage.into(),
        };
        serde_json::to_vec(&message).unwrap_or_default()
    }

    /// Why the answer would be none: all that was said is an image.
    pub fn lost(&self) -> Option<Fault> {
        let says = |block: &Block| matches!(block, Block::Text(_) | Block::Call { .. });
        (self.image && !self.blocks.iter().any(says)).then(only_an_image)
    }

    fn push(&mut self, block: Block) {
        if self.blocks.len() < MAX_BLOCKS {
            self.blocks.push(block);
        }
    }

    fn text(&mut self, more: &str) {
        match self.blocks.last_mut() {
            Some(Block::Text(text)) => text.push_str(more),
            _ if more.is_empty() => {}
            _ => self.push(Block::Text(more.to_owned())),
        }
    }

    fn thought(&mut self, more: &str) {
        match self.blocks.last_mut() {
            Some(Block::Thinking {
                text,
                signature: None,
            }) => text.push_str(more),
            _ if more.is_empty() => {}
            _ => self.push(Block::Thinking {
                text: more.to_owned(),
                signature: None,
            }),
        }
    }

    fn detail(&mut self, json: &str) {
        let open = match self.blocks.last_mut() {
            Some(Block::Thinking { signature, .. }) if signature.is_none() => Some(signature),
            _ => None,
        };
        match (thought::Block::of(json), open) {
            (thought::Block::Signed { signature: own, .. }, Some(open)) => *open = Some(own),
            (thought::Block::Sealed(sealed), Some(open)) => *open = Some(sealed),
            (thought::Block::Hidden { data }, _) => self.push(Block::Hidden(data)),
            (thought::Block::Sealed(data), None) => self.push(Block::Hidden(data)),
            (
                thought::Block::Signed {
                    thinking,
                    signature,
                },
                None,
            ) => self.push(Block::Thinking {
                text: thinking,
                signature: Some(signature),
            }),
        }
    }
}

impl Block {
    fn json(&self) -> BlockJson<'_> {
        match self {
            Self::Text(text) => BlockJson::Text { text },
            Self::Thinking { text, signature } => BlockJson::Thinking {
                thinking: text,
                signature: signature.as_deref().unwrap_or(thought::UNSIGNED),
            },
            Self::Hidden(data) => BlockJson::RedactedThinking { data },
            Self::Call {
                id, name, input, ..
            } => BlockJson::ToolUse {
                id,
                name,
                input: Input::of(input),
            },
        }
    }
}

impl<'a> Input<'a> {
    fn of(text: &'a str) -> Self {
        if text.trim().is_empty() {
            return Self::Nothing {};
        }
        match serde_json::from_str::<&RawValue>(text) {
            Ok(raw) if raw.get().starts_with('{') => Self::Object(raw),
            _ => Self::Broken { text },
        }
    }
}

impl AnswerSink for AnswerWriter {
    fn open(&mut self, id: &str, model: &str) {
        name(&mut self.id, id);
        name(&mut self.model, model);
    }

    fn part(&mut self, choice: u32, part: Part<'_>) {
        if choice > 0 {
            return;
        }
        match part {
            Part::Text(text) => self.text(text),
            Part::Refusal(text) => {
                self.text(text);
                refuse(&mut self.refusal, text);
            }
            Part::Thought(text) => self.thought(text),
            Part::ThoughtDetail(json) => self.detail(json),
            Part::ToolCall { index, id, name } => self.push(Block::Call {
                index,
                id: call_id(id, &self.id, index),
                name: name.to_owned(),
                input: String::new(),
            }),
            Part::ToolInput { index: of, json } => {
                let call = self.blocks.iter_mut().rev().find_map(|block| match block {
                    Block::Call { index, input, .. } if *index == of => Some(input),
                    _ => None,
                });
                if let Some(input) = call {
                    input.push_str(json);
                }
            }
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
