//! Writes an answer as `chat.completion.chunk` events.

use super::{Image, MAX_CHOICES, UsageJson, name};
use crate::{
    api::answer::{AnswerSink, Part, Usage},
    fault::Fault,
    json::one_line,
};
use serde::Serialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// The only place where chunk ids, roles, the usage chunk and `[DONE]` are written.
#[derive(Debug, Default)]
pub struct ChunkWriter {
    id: String,
    model: String,
    created: u64,
    include_usage: bool,
    opened: Vec<u32>,
    usage: Option<Usage>,
    out: Vec<u8>,
}

#[derive(Serialize)]
struct Chunk<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: &'a [Choice<'a>],
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<UsageJson>,
}

#[derive(Serialize)]
struct Choice<'a> {
    index: u32,
    delta: Delta<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logprobs: Option<Logprobs<'a>>,
    finish_reason: Option<&'static str>,
}

#[derive(Serialize)]
struct Logprobs<'a> {
    content: &'a RawValue,
    refusal: (),
}

#[derive(Serialize, Default)]
struct Delta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_details: Option<[&'a RawValue; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    images: Option<[Image<'a>; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<[ToolCall<'a>; 1]>,
}

#[derive(Serialize)]
struct ToolCall<'a> {
    index: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    r#type: Option<&'static str>,
    function: Function<'a>,
}

#[derive(Serialize)]
struct Function<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    arguments: &'a str,
}

impl ChunkWriter {
    /// `created`: seconds since 1970. `include_usage`: the client asked for the usage chunk.
    pub fn new(created: u64, include_usage: bool) -> Self {
        Self {
            created,
            include_usage,
            ..Self::default()
        }
    }

    /// What the answer is called where the provider does not say.
    #[must_use]
    pub fn unless_named(mut self, id: &str, model: &str) -> Self {
        self.open(id, model);
        self
    }

    /// Ends a complete answer.
    pub fn done(&mut self) {
        if let (true, Some(usage)) = (self.include_usage, self.usage) {
            self.line(&[], Some(usage.into()));
        }
        self.out.extend_from_slice(b"data: [DONE]\n\n");
    }

    /// Ends an answer that broke off: an error event and no `[DONE]`.
    pub fn fail(&mut self, fault: &Fault) {
        self.out.extend_from_slice(b"data: ");
        self.out.extend_from_slice(&fault.body());
        self.out.extend_from_slice(b"\n\n");
    }

    /// The bytes written since the last call.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }

    fn line(&mut self, choices: &[Choice<'_>], usage: Option<UsageJson>) {
        let chunk = Chunk {
            id: &self.id,
            object: "chat.completion.chunk",
            created: self.created,
            model: &self.model,
            choices,
            usage,
        };
        self.out.extend_from_slice(b"data: ");
        // Writing such a value into memory cannot fail.
        let _ = serde_json::to_writer(&mut self.out, &chunk);
        self.out.extend_from_slice(b"\n\n");
    }
}

impl AnswerSink for ChunkWriter {
    fn open(&mut self, id: &str, model: &str) {
        name(&mut self.id, id);
        name(&mut self.model, model);
    }

    fn part(&mut self, choice: u32, part: Part<'_>) {
        if matches!(part, Part::StopSequence(_)) {
            return; // there is no place for it
        }
        let first = !self.opened.contains(&choice);
        if first && self.opened.len() == MAX_CHOICES {
            return;
        }
        if first {
            self.opened.push(choice);
        }
        let mut delta = Delta {
            role: first.then_some("assistant"),
            ..Delta::default()
        };
        let (mut finish_reason, mut logprobs) = (None, None);
        let detail = match part {
            Part::ThoughtDetail(json) => one_line(json),
            _ => Cow::Borrowed(""),
        };
        match part {
            Part::Text(text) => delta.content = Some(text),
            Part::Refusal(text) => delta.refusal = Some(text),
            Part::Thought(text) => delta.reasoning_content = Some(text),
            Part::ThoughtDetail(_) => {
                delta.reasoning_details = serde_json::from_str(&detail).ok().map(|raw| [raw]);
            }
            Part::ToolCall { index, id, name } => {
                delta.tool_calls = Some([ToolCall {
                    index,
                    id: Some(id),
                    r#type: Some("function"),
                    function: Function {
                        name: Some(name),
                        arguments: "",
                    },
                }]);
            }
            Part::ToolInput { index, json } => {
                delta.tool_calls = Some([ToolCall {
                    index,
                    id: None,
                    r#type: None,
                    function: Function {
                        name: None,
                        arguments: json,
                    },
                }]);
            }
            Part::Logprobs(json) => {
                logprobs = serde_json::from_str(json).ok().map(|content| Logprobs {
                    content,
                    refusal: (),
                });
            }
            Part::Image(url) => delta.images = Some([Image::at(url)]),
            Part::StopSequence(_) => {}
            Part::Finish(finish) => finish_reason = Some(finish.as_str()),
        }
        let choice = Choice {
            index: choice,
            delta,
            logprobs,
            finish_reason,
        };
        self.line(&[choice], None);
    }

    fn usage(&mut self, usage: Usage) {
        self.usage = Some(usage);
    }
}
