//! A whole answer, and the pieces that a streamed one is read with as well.
//! Source: docs.claude.com, API reference, "Messages" (response), "Stop reasons"; read 2026-11.

use super::{content::tool_id, fault};
use crate::{
    api::answer::{AnswerSink, Finish, Part, Tier, Usage},
    fault::{Fault, FaultKind},
    host::Headers,
    json::Str,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// Longest reasoning of one block that is given back for the next request. Units: bytes.
pub(in crate::provider) const MAX_THOUGHT: usize = 4 << 20;

/// The tag of this provider's reasoning. Signatures are good on every host of these models.
/// Source: docs.claude.com, "Extended thinking", on platforms, read 2026-11.
pub(super) const PROVIDER: &str = "anthropic";

/// An answer, or the beginning of a streamed one.
#[derive(Deserialize)]
pub(super) struct Message<'a> {
    #[serde(borrow, default)]
    pub(super) id: Option<Str<'a>>,
    #[serde(borrow, default)]
    pub(super) model: Option<Str<'a>>,
    #[serde(borrow, default)]
    content: Option<Vec<Block<'a>>>,
    #[serde(borrow, default)]
    stop_reason: Option<Str<'a>>,
    #[serde(borrow, default)]
    stop_sequence: Option<Str<'a>>,
    #[serde(borrow, default)]
    stop_details: Option<StopDetails<'a>>,
    #[serde(default)]
    pub(super) usage: Option<Counts>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
}

/// One block of content.
#[derive(Deserialize)]
pub(super) struct Block<'a> {
    #[serde(borrow)]
    pub(super) r#type: Str<'a>,
    #[serde(borrow, default)]
    pub(super) text: Option<Str<'a>>,
    #[serde(borrow, default)]
    pub(super) thinking: Option<Str<'a>>,
    #[serde(borrow, default)]
    pub(super) signature: Option<Str<'a>>,
    #[serde(borrow, default)]
    pub(super) data: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) id: Option<Str<'a>>,
    #[serde(borrow, default)]
    pub(super) name: Option<Str<'a>>,
    #[serde(borrow, default)]
    pub(super) input: Option<&'a RawValue>,
}

/// Why a policy stopped the answer.
#[derive(Deserialize)]
pub(super) struct StopDetails<'a> {
    #[serde(borrow, default)]
    pub(super) explanation: Option<Str<'a>>,
}

/// `usage`, as far as it is said yet; later counts replace earlier ones.
#[derive(Debug, Default, Clone, Copy, Deserialize)]
pub(super) struct Counts {
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
    output_tokens_details: Option<OutputDetails>,
    cache_creation: Option<Written>,
    service_tier: Option<Tier>,
}

/// What was written to the cache, by how long it is kept.
/// Source: `CacheCreation` of Anthropic's Python SDK 2.14, read 2026-11.
#[derive(Debug, Default, Clone, Copy, Deserialize)]
struct Written {
    #[serde(default)]
    ephemeral_1h_input_tokens: Option<u64>,
}

#[derive(Debug, Default, Clone, Copy, Deserialize)]
struct OutputDetails {
    thinking_tokens: Option<u64>,
}

impl Counts {
    /// Takes over what `newer` says.
    pub(super) fn replace(&mut self, newer: Self) {
        self.input_tokens = newer.input_tokens.or(self.input_tokens);
        self.output_tokens = newer.output_tokens.or(self.output_tokens);
        self.cache_read_input_tokens = newer
            .cache_read_input_tokens
            .or(self.cache_read_input_tokens);
        self.cache_creation_input_tokens = newer
            .cache_creation_input_tokens
            .or(self.cache_creation_input_tokens);
        self.output_tokens_details = newer.output_tokens_details.or(self.output_tokens_details);
        self.cache_creation = newer.cache_creation.or(self.cache_creation);
        self.service_tier = newer.service_tier.or(self.service_tier);
    }

    /// The counts in OpenAI's meaning: the prompt includes what the cache gave and took.
    pub(super) fn usage(self) -> Usage {
        let cached = self.cache_read_input_tokens.unwrap_or(0);
        let cache_written = self.cache_creation_input_tokens.unwrap_or(0);
        let input = self.input_tokens.unwrap_or(0);
        let details = self.output_tokens_details.unwrap_or_default();
        Usage {
            input: input.saturating_add(cached).saturating_add(cache_written),
            output: self.output_tokens.unwrap_or(0),
            cached,
            cache_written,
            reasoning: details.thinking_tokens.unwrap_or(0),
            cache_written_1h: self
                .cache_creation
                .and_then(|written| written.ephemeral_1h_input_tokens)
                .unwrap_or(0)
                .min(cache_written),
            tier: self.service_tier.unwrap_or_default(),
            ..Usage::default()
        }
    }
}

/// Reads a `stop_reason`. A refusal is an answer that a policy ended: what was said stays.
pub(super) fn finish(reason: Option<&str>) -> Finish {
    match reason {
        Some("max_tokens" | "model_context_window_exceeded") => Finish::Length,
        Some("tool_use") => Finish::ToolCalls,
        Some("refusal") => Finish::ContentFilter,
        _ => Finish::Stop,
    }
}

#[derive(Serialize)]
struct Thought<'a> {
    provider: &'static str,
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signature: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a RawValue>,
}

/// Hands a block of reasoning out as the client must return it. Without its signature the provider
/// would not take it back.
pub(in crate::provider) fn thought(
    provider: &'static str,
    thinking: &str,
    signature: &str,
    out: &mut dyn AnswerSink,
) {
    if signature.is_empty() || thinking.len() > MAX_THOUGHT {
        return;
    }
    detail(
        &Thought {
            provider,
            r#type: "thinking",
            thinking: Some(thinking),
            signature: Some(signature),
            data: None,
        },
        out,
    );
}

/// The same for reasoning that is not to be read.
pub(in crate::provider) fn hidden_thought(
    provider: &'static str,
    data: &RawValue,
    out: &mut dyn AnswerSink,
) {
    detail(
        &Thought {
            provider,
            r#type: "redacted_thinking",
            thinking: None,
            signature: None,
            data: Some(data),
        },
        out,
    );
}

fn detail(thought: &Thought<'_>, out: &mut dyn AnswerSink) {
    let json = serde_json::to_string(thought).unwrap_or_default();
    out.part(0, Part::ThoughtDetail(&json));
}

/// Announces a call.
pub(super) fn call(index: u32, block: &Block<'_>, out: &mut dyn AnswerSink) {
    let id = tool_id(Cow::Borrowed(block.id.as_deref().unwrap_or_default()));
    let name = block.name.as_deref().unwrap_or_default();
    out.part(
        0,
        Part::ToolCall {
            index,
            id: &id,
            name,
        },
    );
}

/// What a policy says about its refusal, and the end.
pub(super) fn end(finish: Finish, explanation: Option<&str>, out: &mut dyn AnswerSink) {
    if let Some(text) = explanation.filter(|text| !text.is_empty())
        && finish == Finish::ContentFilter
    {
        out.part(0, Part::Refusal(text));
    }
    out.part(0, Part::Finish(finish));
}

/// Drives `out` with a whole answer.
///
/// Errors: the provider's own when the body holds one, `ProviderFailed` when it cannot be read.
pub(super) fn read(body: &[u8], out: &mut dyn AnswerSink) -> Result<(), Fault> {
    let message: Message<'_> = serde_json::from_slice(body).map_err(|_| unreadable())?;
    if message.error.is_some() {
        return Err(fault::read(200, &Headers::default(), body));
    }
    let content = message.content.ok_or_else(unreadable)?;
    out.open(
        message.id.as_deref().unwrap_or_default(),
        message.model.as_deref().unwrap_or_default(),
    );
    let mut calls = 0;
    for block in &content {
        match &*block.r#type {
            "text" => {
                let text = block.text.as_deref().unwrap_or_default();
                if !text.is_empty() {
                    out.part(0, Part::Text(text));
                }
            }
            "thinking" => {
                let text = block.thinking.as_deref().unwrap_or_default();
                if !text.is_empty() {
                    out.part(0, Part::Thought(text));
                }
                thought(
                    PROVIDER,
                    text,
                    block.signature.as_deref().unwrap_or_default(),
                    out,
                );
            }
            "redacted_thinking" => {
                if let Some(data) = block.data {
                    hidden_thought(PROVIDER, data, out);
                }
            }
            "tool_use" => {
                call(calls, block, out);
                let json = block.input.map_or("{}", RawValue::get);
                out.part(0, Part::ToolInput { index: calls, json });
                calls += 1;
            }
            // Tools that the provider runs itself, and what it may invent.
            _ => {}
        }
    }
    if let Some(counts) = message.usage {
        out.usage(counts.usage());
    }
    if message.stop_reason.as_deref() == Some("stop_sequence") {
        out.part(0, Part::StopSequence(message.stop_sequence.as_deref()));
    }
    let details = message.stop_details.and_then(|details| details.explanation);
    end(
        finish(message.stop_reason.as_deref()),
        details.as_deref(),
        out,
    );
    Ok(())
}

/// The answer is not one.
pub(super) fn unreadable() -> Fault {
    Fault::new(
        FaultKind::ProviderFailed,
        "The provider's answer is not a message.",
    )
}
