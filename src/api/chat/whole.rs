//! Gathers an answer into one `chat.completion`.

use super::{Image, MAX_CHOICES, UsageJson, name};
use crate::api::answer::{AnswerSink, Finish, Part, Usage};
use serde::Serialize;
use serde_json::value::RawValue;

/// Most tool calls of a choice; what a provider sends beyond is left out.
const MAX_TOOL_CALLS: usize = 1024;

/// Most images of a choice.
const MAX_IMAGES: usize = 64;

/// Collects the parts of an answer until it is complete.
#[derive(Debug, Default)]
pub struct AnswerWriter {
    id: String,
    model: String,
    choices: Vec<Choice>,
    usage: Option<Usage>,
}

#[derive(Debug, Default)]
struct Choice {
    index: u32,
    text: Option<String>,
    refusal: Option<String>,
    thoughts: Option<String>,
    details: Vec<Box<RawValue>>,
    images: Vec<String>,
    calls: Vec<Call>,
    logprobs: Vec<Box<RawValue>>,
    finish: Option<Finish>,
}

#[derive(Debug)]
struct Call {
    index: u32,
    id: String,
    name: String,
    arguments: String,
}

#[derive(Serialize)]
struct Completion<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: Vec<ChoiceJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<UsageJson>,
}

#[derive(Serialize)]
struct ChoiceJson<'a> {
    index: u32,
    message: Message<'a>,
    logprobs: Option<Logprobs<'a>>,
    finish_reason: &'static str,
}

#[derive(Serialize)]
struct Logprobs<'a> {
    content: &'a [Box<RawValue>],
    refusal: (),
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    content: Option<&'a str>,
    refusal: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    reasoning_details: &'a [Box<RawValue>],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    images: Vec<Image<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<ToolCall<'a>>,
}

#[derive(Serialize)]
struct ToolCall<'a> {
    id: &'a str,
    r#type: &'static str,
    function: Function<'a>,
}

#[derive(Serialize)]
struct Function<'a> {
    name: &'a str,
    arguments: &'a str,
}

impl AnswerWriter {
    /// What the answer is called where the provider does not say.
    #[must_use]
    pub fn unless_named(mut self, id: &str, model: &str) -> Self {
        self.open(id, model);
        self
    }

    /// The answer as JSON. `created`: seconds since 1970.
    pub fn body(&self, created: u64) -> Vec<u8> {
        let completion = Completion {
            id: &self.id,
            object: "chat.completion",
            created,
            model: &self.model,
            choices: self.choices.iter().map(Choice::json).collect(),
            usage: self.usage.map(UsageJson::from),
        };
        serde_json::to_vec(&completion).unwrap_or_default()
    }

    fn choice(&mut self, index: u32) -> Option<&mut Choice> {
        let at = match self.choices.iter().position(|c| c.index == index) {
            Some(at) => at,
            None if self.choices.len() == MAX_CHOICES => return None,
            None => {
                self.choices.push(Choice {
                    index,
                    ..Choice::default()
                });
                self.choices.len() - 1
            }
        };
        self.choices.get_mut(at)
    }
}

impl Choice {
    fn json(&self) -> ChoiceJson<'_> {
        let says_nothing = self.calls.is_empty() && self.refusal.is_none();
        let calls = self.calls.iter().map(|call| ToolCall {
            id: &call.id,
            r#type: "function",
            function: Function {
                name: &call.name,
                arguments: &call.arguments,
            },
        });
        ChoiceJson {
            index: self.index,
            message: Message {
                role: "assistant",
                content: self.text.as_deref().or(says_nothing.then_some("")),
                refusal: self.refusal.as_deref(),
                reasoning_content: self.thoughts.as_deref(),
                reasoning_details: &self.details,
                images: self.images.iter().map(|url| Image::at(url)).collect(),
                tool_calls: calls.collect(),
            },
            logprobs: (!self.logprobs.is_empty()).then_some(Logprobs {
                content: &self.logprobs,
                refusal: (),
            }),
            finish_reason: self.finish.unwrap_or(Finish::Stop).as_str(),
        }
    }
}

impl AnswerSink for AnswerWriter {
    fn open(&mut self, id: &str, model: &str) {
        name(&mut self.id, id);
        name(&mut self.model, model);
    }

    fn part(&mut self, choice: u32, part: Part<'_>) {
        let Some(choice) = self.choice(choice) else {
            return;
        };
        match part {
            Part::Text(text) => choice.text.get_or_insert_default().push_str(text),
            Part::Refusal(text) => choice.refusal.get_or_insert_default().push_str(text),
            Part::Thought(text) => choice.thoughts.get_or_insert_default().push_str(text),
            Part::ThoughtDetail(json) => choice.details.extend(serde_json::from_str(json).ok()),
            Part::ToolCall { index, id, name } if choice.calls.len() < MAX_TOOL_CALLS => {
                choice.calls.push(Call {
                    index,
                    id: id.to_owned(),
                    name: name.to_owned(),
                    arguments: String::new(),
                });
            }
            Part::ToolCall { .. } => {}
            Part::ToolInput { index, json } => {
                if let Some(call) = choice.calls.iter_mut().find(|c| c.index == index) {
                    call.arguments.push_str(json);
                }
            }
            Part::Logprobs(json) => {
                let tokens: Vec<Box<RawValue>> = serde_json::from_str(json).unwrap_or_default();
                choice.logprobs.extend(tokens);
            }
            Part::Image(url) if choice.images.len() < MAX_IMAGES => {
                choice.images.push(url.to_owned());
            }
            // OpenAI's API has no place for the second.
            Part::Image(_) | Part::StopSequence(_) => {}
            Part::Finish(finish) => choice.finish = Some(finish),
        }
    }

    fn usage(&mut self, usage: Usage) {
        self.usage = Some(usage);
    }
}
