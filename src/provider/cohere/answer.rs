//! A whole answer, and the pieces that a streamed one is read with as well.
//!
//! `tool_plan`, "a chain-of-thought style reflection and plan", is reasoning and not the answer: it is
//! handed out as such, as newer models do themselves, which put it into a block of thinking. Citations
//! have no place in a client's answer and are left out.
//! Source: docs.cohere.com, API reference, "Chat API (v2)" (response), and the types of the official
//! Python SDK 7.3; read 2026-11.

use super::fault;
use crate::{
    api::{
        answer::{AnswerSink, Billed, Finish, Part, Usage},
        chat::count,
    },
    fault::{Fault, FaultKind},
    host::Headers,
    json::Str,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// Longest reasoning of one answer that is given back for the next request. Units: bytes.
pub(super) const MAX_THOUGHT: usize = 4 << 20;

/// Most blocks of reasoning that are given back.
pub(super) const MAX_THOUGHTS: usize = 64;

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow, default)]
    id: Option<Str<'a>>,
    #[serde(borrow, default)]
    finish_reason: Option<Str<'a>>,
    /// An object; in an error, a string.
    #[serde(borrow, default)]
    message: Option<&'a RawValue>,
    #[serde(default)]
    usage: Option<Counts>,
    #[serde(borrow, default)]
    logprobs: Option<&'a RawValue>,
}

/// The log probabilities of a piece of text: one number for each of its tokens.
#[derive(Deserialize)]
pub(super) struct Logprobs<'a> {
    #[serde(borrow, default)]
    text: Option<Str<'a>>,
    #[serde(borrow, default)]
    logprobs: Option<Vec<&'a RawValue>>,
}

#[derive(Serialize)]
struct Token<'a> {
    token: &'a str,
    logprob: Cow<'a, RawValue>,
    bytes: &'a [u8],
    top_logprobs: [(); 0],
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    tool_plan: Option<Str<'a>>,
    #[serde(borrow, default)]
    content: Option<Vec<Block<'a>>>,
    #[serde(borrow, default)]
    tool_calls: Option<Vec<Call<'a>>>,
}

/// A block of content, or a piece of one.
#[derive(Deserialize)]
pub(super) struct Block<'a> {
    #[serde(borrow, default)]
    pub(super) text: Option<Str<'a>>,
    #[serde(borrow, default)]
    pub(super) thinking: Option<Str<'a>>,
}

/// A call, or a piece of one.
#[derive(Deserialize)]
pub(super) struct Call<'a> {
    #[serde(borrow, default)]
    pub(super) id: Option<Str<'a>>,
    #[serde(borrow, default)]
    pub(super) function: Option<Function<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Function<'a> {
    #[serde(borrow, default)]
    pub(super) name: Option<Str<'a>>,
    #[serde(borrow, default)]
    pub(super) arguments: Option<Str<'a>>,
}

/// `usage`. What is billed leaves out the parts of the prompt that Cohere adds itself; `tokens` is
/// what the model read and wrote. Cohere counts in floating point.
#[derive(Debug, Default, Clone, Copy, Deserialize)]
pub(super) struct Counts {
    #[serde(default)]
    billed_units: Option<Tokens>,
    #[serde(default)]
    tokens: Option<Tokens>,
    #[serde(default, deserialize_with = "count")]
    cached_tokens: Option<u64>,
}

#[derive(Debug, Default, Clone, Copy, Deserialize)]
struct Tokens {
    #[serde(default, deserialize_with = "count")]
    input_tokens: Option<u64>,
    #[serde(default, deserialize_with = "count")]
    output_tokens: Option<u64>,
}

impl Counts {
    /// The counts in OpenAI's meaning.
    pub(super) fn usage(self) -> Usage {
        let Tokens {
            input_tokens,
            output_tokens,
        } = self.tokens.or(self.billed_units).unwrap_or_default();
        let input = input_tokens.unwrap_or(0);
        // The model reads more than is charged: Cohere's own preamble, for one.
        let billed = self.billed_units.map(|units| Billed {
            input: units.input_tokens.unwrap_or(0),
            output: units.output_tokens.unwrap_or(0),
        });
        Usage {
            input,
            output: output_tokens.unwrap_or(0),
            cached: self.cached_tokens.unwrap_or(0).min(input),
            billed,
            ..Usage::default()
        }
    }
}

/// Reads a `finish_reason`. Those of version 1 are understood as well.
///
/// Errors: the generation failed; what was said of it is only for the gateway.
pub(super) fn finish(reason: Option<&str>) -> Result<Finish, Fault> {
    match reason {
        Some("MAX_TOKENS" | "ERROR_LIMIT") => Ok(Finish::Length),
        Some("TOOL_CALL") => Ok(Finish::ToolCalls),
        Some("ERROR_TOXIC") => Ok(Finish::ContentFilter),
        Some("ERROR") => Err(Fault::new(
            FaultKind::ProviderFailed,
            FaultKind::ProviderFailed.of_provider(),
        )),
        Some("TIMEOUT") => Err(Fault::new(
            FaultKind::TimedOut,
            FaultKind::TimedOut.of_provider(),
        )),
        _ => Ok(Finish::Stop),
    }
}

/// Writes the end.
pub(super) fn end(reason: Option<&str>, finish: Finish, out: &mut dyn AnswerSink) {
    if reason == Some("STOP_SEQUENCE") {
        out.part(0, Part::StopSequence(None)); // which one is not told
    }
    out.part(0, Part::Finish(finish));
}

/// Reasoning as the client must return it with the results of its calls.
#[derive(Debug)]
pub(super) enum Thought {
    Thinking(String),
    Plan(String),
}

#[derive(Serialize)]
struct Detail<'a> {
    provider: &'static str,
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_plan: Option<&'a str>,
}

/// Hands the reasoning of an answer out for the next request. Only an answer that waits for the
/// results of calls is continued; the others need none.
pub(super) fn give_back(thoughts: &[Thought], out: &mut dyn AnswerSink) {
    let size = |thought: &Thought| match thought {
        Thought::Thinking(text) | Thought::Plan(text) => text.len(),
    };
    if thoughts.iter().map(size).sum::<usize>() > MAX_THOUGHT {
        return;
    }
    for thought in thoughts {
        let (r#type, thinking, tool_plan) = match thought {
            Thought::Thinking(text) => ("thinking", Some(text.as_str()), None),
            Thought::Plan(text) => ("tool_plan", None, Some(text.as_str())),
        };
        let detail = Detail {
            provider: "cohere",
            r#type,
            thinking,
            tool_plan,
        };
        let json = serde_json::to_string(&detail).unwrap_or_default();
        out.part(0, Part::ThoughtDetail(&json));
    }
}

/// Hands log probabilities out. A piece of several tokens is as likely as all of them together; which
/// of its characters belong to which token is not told.
pub(super) fn logprobs(pieces: &[Logprobs<'_>], out: &mut dyn AnswerSink) {
    let tokens: Vec<_> = pieces.iter().filter_map(Logprobs::token).collect();
    if !tokens.is_empty() {
        let json = serde_json::to_string(&tokens).unwrap_or_default();
        out.part(0, Part::Logprobs(&json));
    }
}

impl Logprobs<'_> {
    fn token(&self) -> Option<Token<'_>> {
        let text = self.text.as_deref()?;
        let logprob = match self.logprobs.as_deref()? {
            [] => return None,
            [one] => Cow::Borrowed(*one),
            many => {
                let numbers = many.iter().map(|raw| raw.get().parse::<f64>().ok());
                let sum = numbers.sum::<Option<f64>>()?;
                Cow::Owned(serde_json::value::to_raw_value(&sum).ok()?)
            }
        };
        Some(Token {
            token: text,
            logprob,
            bytes: text.as_bytes(),
            top_logprobs: [],
        })
    }
}

/// Announces a call.
pub(super) fn call(index: u32, call: &Call<'_>, out: &mut dyn AnswerSink) {
    let name = call.function.as_ref().and_then(|f| f.name.as_deref());
    out.part(
        0,
        Part::ToolCall {
            index,
            id: call.id.as_deref().unwrap_or_default(),
            name: name.unwrap_or_default(),
        },
    );
}

/// Drives `out` with a whole answer.
///
/// Errors: the provider's own when the body holds one, `ProviderFailed` when it cannot be read.
pub(super) fn read(body: &[u8], out: &mut dyn AnswerSink) -> Result<(), Fault> {
    let answer: Answer<'_> = serde_json::from_slice(body).map_err(|_| unreadable())?;
    let message = answer.message.ok_or_else(unreadable)?.get();
    if message.starts_with('"') {
        return Err(fault::read(200, &Headers::default(), body));
    }
    let message: Message<'_> = serde_json::from_str(message).map_err(|_| unreadable())?;
    let count = |out: &mut dyn AnswerSink| {
        if let Some(counts) = answer.usage {
            out.usage(counts.usage());
        }
    };
    // A failed attempt has its cost, too.
    let reason = answer.finish_reason.as_deref();
    let finish = finish(reason).inspect_err(|_| count(out))?;
    // The model is not named; the one that was asked answers.
    out.open(answer.id.as_deref().unwrap_or_default(), "");
    let mut thoughts = Vec::new();
    let mut plan = message.tool_plan.filter(|plan| !plan.is_empty());
    if let Some(plan) = plan.take() {
        out.part(0, Part::Thought(&plan));
        thoughts.push(Thought::Plan(plan.into_cow().into_owned()));
    }
    for block in message.content.into_iter().flatten() {
        if let Some(text) = block.thinking.filter(|text| !text.is_empty()) {
            out.part(0, Part::Thought(&text));
            if thoughts.len() < MAX_THOUGHTS {
                thoughts.push(Thought::Thinking(text.into_cow().into_owned()));
            }
        }
        if let Some(text) = block.text.filter(|text| !text.is_empty()) {
            out.part(0, Part::Text(&text));
        }
    }
    let pieces = answer
        .logprobs
        .map(|raw| serde_json::from_str::<Vec<Logprobs<'_>>>(raw.get()));
    logprobs(&pieces.and_then(Result::ok).unwrap_or_default(), out);
    let calls = message.tool_calls.unwrap_or_default();
    for (index, asked) in (0..).zip(&calls) {
        call(index, asked, out);
        let json = asked.function.as_ref().and_then(|f| f.arguments.as_deref());
        let json = json.filter(|json| !json.is_empty()).unwrap_or("{}");
        out.part(0, Part::ToolInput { index, json });
    }
    count(out);
    if !calls.is_empty() {
        give_back(&thoughts, out);
    }
    end(reason, finish, out);
    Ok(())
}

/// The answer is not one.
pub(super) fn unreadable() -> Fault {
    Fault::new(
        FaultKind::ProviderFailed,
        "The provider's answer is not a message.",
    )
}
