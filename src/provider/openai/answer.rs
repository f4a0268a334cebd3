//! Reads a whole answer in OpenAI's words.
//! Source: OpenAI API reference, "The chat completion object", read 2026-11; `reasoning_content`
//! as DeepSeek and vLLM send it, `reasoning` as OpenRouter and Ollama do.

use super::fault;
use crate::{
    api::{
        answer::{AnswerSink, Part, Tier},
        chat::{UsageView, finish_from, is_failure},
    },
    fault::{Fault, FaultKind},
    host::Headers,
    json::Str,
};
use serde::Deserialize;
use serde_json::value::RawValue;

#[derive(Deserialize)]
struct Whole<'a> {
    #[serde(borrow, default)]
    id: Option<Str<'a>>,
    #[serde(borrow, default)]
    model: Option<Str<'a>>,
    #[serde(borrow)]
    choices: Option<Vec<Choice<'a>>>,
    usage: Option<UsageView>,
    #[serde(default)]
    service_tier: Option<Tier>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(default)]
    index: u32,
    #[serde(borrow, default)]
    message: Option<Message<'a>>,
    #[serde(borrow, default)]
    finish_reason: Option<Str<'a>>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    content: Option<Str<'a>>,
    #[serde(borrow, default)]
    refusal: Option<Str<'a>>,
    #[serde(borrow, default)]
    reasoning_content: Option<Str<'a>>,
    #[serde(borrow, default)]
    reasoning: Option<Str<'a>>,
    #[serde(borrow, default)]
    reasoning_details: Option<Vec<&'a RawValue>>,
    #[serde(borrow, default)]
    tool_calls: Option<Vec<ToolCall<'a>>>,
}

#[derive(Deserialize)]
struct ToolCall<'a> {
    #[serde(borrow, default)]
    id: Option<Str<'a>>,
    #[serde(borrow, default)]
    function: Option<Function<'a>>,
}

#[derive(Deserialize)]
struct Function<'a> {
    #[serde(borrow, default)]
    name: Str<'a>,
    #[serde(borrow, default)]
    arguments: Option<Str<'a>>,
}

/// Drives `out` with a whole answer.
///
/// Errors: the provider's own when the body holds one, `ProviderFailed` when it cannot be read.
pub(super) fn read(body: &[u8], out: &mut dyn AnswerSink) -> Result<(), Fault> {
    let whole: Whole<'_> = serde_json::from_slice(body).map_err(|_| unreadable())?;
    let reasons = whole.choices.iter().flatten();
    let broke_off = reasons
        .filter_map(|choice| choice.finish_reason.as_deref())
        .any(is_failure);
    if broke_off || whole.error.is_some_and(|error| error.get() != "null") {
        // A failed attempt has its cost, too.
        count(&whole, out);
        return Err(fault::read(200, &Headers::default(), body));
    }
    let choices = whole.choices.as_deref().ok_or_else(unreadable)?;
    out.open(
        whole.id.as_deref().unwrap_or_default(),
        whole.model.as_deref().unwrap_or_default(),
    );
    for choice in choices {
        if let Some(message) = &choice.message {
            say(choice.index, message, out);
        }
        if let Some(reason) = choice.finish_reason.as_deref() {
            out.part(choice.index, Part::Finish(finish_from(reason)));
        }
    }
    count(&whole, out);
    Ok(())
}

fn count(whole: &Whole<'_>, out: &mut dyn AnswerSink) {
    if let Some(usage) = whole.usage {
        out.usage(usage.served(whole.service_tier));
    }
}

fn say(choice: u32, message: &Message<'_>, out: &mut dyn AnswerSink) {
    let thought = message
        .reasoning_content
        .as_ref()
        .or(message.reasoning.as_ref());
    if let Some(text) = thought {
        out.part(choice, Part::Thought(text));
    }
    for detail in message.reasoning_details.iter().flatten() {
        out.part(choice, Part::ThoughtDetail(detail.get()));
    }
    if let Some(text) = &message.content {
        out.part(choice, Part::Text(text));
    }
    if let Some(text) = &message.refusal {
        out.part(choice, Part::Refusal(text));
    }
    for (index, call) in (0..).zip(message.tool_calls.iter().flatten()) {
        let Some(function) = &call.function else {
            continue;
        };
        out.part(
            choice,
            Part::ToolCall {
                index,
                id: call.id.as_deref().unwrap_or_default(),
                name: &function.name,
            },
        );
        let json = function.arguments.as_deref().unwrap_or_default();
        out.part(choice, Part::ToolInput { index, json });
    }
}

fn unreadable() -> Fault {
    Fault::new(
        FaultKind::ProviderFailed,
        "The provider's answer is not a chat completion.",
    )
}
