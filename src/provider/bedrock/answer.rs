//! A whole answer, and the pieces that a streamed one is read with as well.
//! Source: the shape `ConverseResponse` of botocore 1.44; Amazon Bedrock API reference, "Converse";
//! read 2026-11.

use super::{PROVIDER, content::tool_id, fault};
use crate::{
    api::answer::{AnswerSink, Finish, Part, Tier, Usage},
    fault::{Fault, FaultKind},
    host::Headers,
    json::Str,
    provider::anthropic::answer::{hidden_thought, thought},
};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    #[serde(borrow, default)]
    output: Option<Output<'a>>,
    #[serde(borrow, default)]
    stop_reason: Option<Str<'a>>,
    #[serde(borrow, default)]
    additional_model_response_fields: Option<&'a RawValue>,
    #[serde(default)]
    usage: Option<Counts>,
    #[serde(borrow, default)]
    service_tier: Option<ServedAs<'a>>,
    #[serde(borrow, default, rename = "__type")]
    error: Option<Str<'a>>,
}

#[derive(Deserialize)]
struct Output<'a> {
    #[serde(borrow, default)]
    message: Option<Message<'a>>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    content: Vec<Block<'a>>,
}

/// One block of content: an object with one key.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Block<'a> {
    #[serde(borrow, default)]
    text: Option<Str<'a>>,
    #[serde(borrow, default)]
    tool_use: Option<Call<'a>>,
    #[serde(borrow, default)]
    reasoning_content: Option<Reasoning<'a>>,
    #[serde(borrow, default)]
    citations_content: Option<Cited<'a>>,
}

/// A call, or its beginning in a stream.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Call<'a> {
    #[serde(borrow, default)]
    tool_use_id: Option<Str<'a>>,
    #[serde(borrow, default)]
    name: Option<Str<'a>>,
    #[serde(borrow, default)]
    input: Option<&'a RawValue>,
    #[serde(borrow, default)]
    r#type: Option<Str<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reasoning<'a> {
    #[serde(borrow, default)]
    reasoning_text: Option<ReasoningText<'a>>,
    #[serde(borrow, default)]
    redacted_content: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct ReasoningText<'a> {
    #[serde(borrow, default)]
    text: Option<Str<'a>>,
    #[serde(borrow, default)]
    signature: Option<Str<'a>>,
}

#[derive(Deserialize)]
struct Cited<'a> {
    #[serde(borrow, default)]
    content: Vec<CitedText<'a>>,
}

#[derive(Deserialize)]
struct CitedText<'a> {
    #[serde(borrow, default)]
    text: Option<Str<'a>>,
}

/// `usage`.
#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Counts {
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
    cache_write_input_tokens: Option<u64>,
    cache_details: Option<Written>,
}

/// What was written to the cache and is kept for an hour.
/// Source: the shapes `TokenUsage`, `CacheDetail` and `ServiceTier` of botocore 1.44, read 2026-11.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(from = "Vec<CacheDetail>")]
struct Written {
    hour: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct CacheDetail {
    ttl: String,
    input_tokens: u64,
}

impl From<Vec<CacheDetail>> for Written {
    fn from(details: Vec<CacheDetail>) -> Self {
        let hour = details.iter().filter(|detail| detail.ttl == "1h");
        Self {
            hour: hour.fold(0, |sum, detail| sum.saturating_add(detail.input_tokens)),
        }
    }
}

/// `serviceTier`: how the request was served.
#[derive(Deserialize)]
pub(super) struct ServedAs<'a> {
    #[serde(borrow, default)]
    r#type: Option<Str<'a>>,
}

impl ServedAs<'_> {
    pub(super) fn tier(this: Option<&Self>) -> Tier {
        let word = this.and_then(|served| served.r#type.as_deref());
        word.map(Tier::named).unwrap_or_default()
    }
}

impl Counts {
    /// The counts in OpenAI's meaning: the prompt includes what the cache gave and took.
    pub(super) fn usage(self) -> Usage {
        let cached = self.cache_read_input_tokens.unwrap_or(0);
        let cache_written = self.cache_write_input_tokens.unwrap_or(0);
        let input = self.input_tokens.unwrap_or(0);
        Usage {
            input: input.saturating_add(cached).saturating_add(cache_written),
            output: self.output_tokens.unwrap_or(0),
            cached,
            cache_written,
            // Part of the output; the service does not say how much.
            reasoning: 0,
            cache_written_1h: self.cache_details.map_or(0, |w| w.hour.min(cache_written)),
            ..Usage::default()
        }
    }
}

impl Call<'_> {
    /// A tool that the provider runs itself; the client has nothing to do for it.
    pub(super) fn is_provider_s(&self) -> bool {
        self.r#type.as_deref() == Some("server_tool_use")
    }

    /// Announces the call.
    pub(super) fn announce(&self, index: u32, out: &mut dyn AnswerSink) {
        let id = tool_id(Cow::Borrowed(
            self.tool_use_id.as_deref().unwrap_or_default(),
        ));
        let name = self.name.as_deref().unwrap_or_default();
        out.part(
            0,
            Part::ToolCall {
                index,
                id: &id,
                name,
            },
        );
    }
}

/// Reads a `stopReason`. A guardrail that stepped in has written the answer.
///
/// Errors: what the model wrote could not be read by the provider itself.
pub(super) fn finish(reason: Option<&str>) -> Result<Finish, Fault> {
    match reason {
        Some("max_tokens" | "model_context_window_exceeded") => Ok(Finish::Length),
        Some("tool_use") => Ok(Finish::ToolCalls),
        Some("guardrail_intervened" | "content_filtered") => Ok(Finish::ContentFilter),
        Some("malformed_model_output" | "malformed_tool_use") => Err(Fault::new(
            FaultKind::ProviderFailed,
            "The model wrote something that the provider could not read.",
        )),
        _ => Ok(Finish::Stop),
    }
}

/// Says that a stop sequence ended the answer, and which, where the client asked for that
/// (`additionalModelResponseFieldPaths` with `/stop_sequence`, which Claude has).
pub(super) fn stopped(reason: Option<&str>, fields: Option<&RawValue>, out: &mut dyn AnswerSink) {
    #[derive(Deserialize)]
    struct Fields<'a> {
        #[serde(borrow, default)]
        stop_sequence: Option<Str<'a>>,
    }
    if reason != Some("stop_sequence") {
        return;
    }
    let fields: Option<Fields<'_>> = fields.and_then(|raw| serde_json::from_str(raw.get()).ok());
    let sequence = fields.and_then(|fields| fields.stop_sequence);
    out.part(0, Part::StopSequence(sequence.as_deref()));
}

/// Drives `out` with a whole answer.
///
/// Errors: the provider's own when the body holds one, `ProviderFailed` when it cannot be read.
pub(super) fn read(body: &[u8], out: &mut dyn AnswerSink) -> Result<(), Fault> {
    let answer: Answer<'_> = serde_json::from_slice(body).map_err(|_| unreadable())?;
    if answer.error.is_some() {
        return Err(fault::read(200, &Headers::default(), body));
    }
    let message = answer.output.and_then(|output| output.message);
    let message = message.ok_or_else(unreadable)?;
    let finish = finish(answer.stop_reason.as_deref())?;
    out.open("", "");
    let mut calls = 0;
    for block in &message.content {
        if let Some(text) = &block.text {
            say(text, out);
        }
        for cited in block.citations_content.iter().flat_map(|c| &c.content) {
            say(cited.text.as_deref().unwrap_or_default(), out);
        }
        if let Some(reasoning) = &block.reasoning_content {
            if let Some(said) = &reasoning.reasoning_text {
                let text = said.text.as_deref().unwrap_or_default();
                if !text.is_empty() {
                    out.part(0, Part::Thought(text));
                }
                let signature = said.signature.as_deref().unwrap_or_default();
                thought(PROVIDER, text, signature, out);
            }
            if let Some(data) = reasoning.redacted_content {
                hidden_thought(PROVIDER, data, out);
            }
        }
        if let Some(call) = block.tool_use.as_ref().filter(|call| !call.is_provider_s()) {
            call.announce(calls, out);
            let json = call.input.map_or("{}", RawValue::get);
            out.part(0, Part::ToolInput { index: calls, json });
            calls += 1;
        }
    }
    if let Some(counts) = answer.usage {
        out.usage(Usage {
            tier: ServedAs::tier(answer.service_tier.as_ref()),
            ..counts.usage()
        });
    }
    stopped(
        answer.stop_reason.as_deref(),
        answer.additional_model_response_fields,
        out,
    );
    out.part(0, Part::Finish(finish));
    Ok(())
}

fn say(text: &str, out: &mut dyn AnswerSink) {
    if !text.is_empty() {
        out.part(0, Part::Text(text));
    }
}

/// The answer is not one.
pub(super) fn unreadable() -> Fault {
    Fault::new(
        FaultKind::ProviderFailed,
        "The provider's answer is not a message.",
    )
}
