//! One `GenerateContentResponse`: a whole answer, or one chunk of a streamed one.
//! Source: `GenerateContentResponse`, `Candidate`, `FinishReason` and `BlockedReason` of google-genai 3.6;
//! read 2026-11.

use crate::{
    api::answer::{Finish, Tier, Usage},
    fault::{Fault, FaultKind},
    json::Str,
};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// An answer or a piece of one. What is not named here is passed over.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Chunk<'a> {
    #[serde(borrow, default)]
    pub(super) candidates: Option<Vec<Candidate<'a>>>,
    #[serde(borrow, default)]
    pub(super) prompt_feedback: Option<Feedback<'a>>,
    #[serde(borrow, default)]
    pub(super) usage_metadata: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) model_version: Option<Str<'a>>,
    #[serde(borrow, default)]
    pub(super) response_id: Option<Str<'a>>,
    #[serde(borrow, default)]
    pub(super) error: Option<&'a RawValue>,
}

/// One of several answers.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Candidate<'a> {
    #[serde(default)]
    pub(super) index: Option<u32>,
    #[serde(borrow, default)]
    pub(super) content: Option<Content<'a>>,
    #[serde(borrow, default)]
    pub(super) finish_reason: Option<Str<'a>>,
    #[serde(borrow, default)]
    pub(super) finish_message: Option<Str<'a>>,
    #[serde(borrow, default)]
    pub(super) logprobs_result: Option<&'a RawValue>,
}

#[derive(Deserialize)]
pub(super) struct Content<'a> {
    #[serde(borrow, default)]
    pub(super) parts: Option<Vec<Part<'a>>>,
}

/// Text, a thought, or a call; a signature may stand on each, or alone.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Part<'a> {
    #[serde(borrow, default)]
    pub(super) text: Option<Str<'a>>,
    #[serde(default)]
    pub(super) thought: Option<bool>,
    #[serde(borrow, default)]
    pub(super) thought_signature: Option<Str<'a>>,
    #[serde(borrow, default)]
    pub(super) function_call: Option<Call<'a>>,
    #[serde(borrow, default)]
    pub(super) inline_data: Option<Blob<'a>>,
}

/// What the model made, in base64.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Blob<'a> {
    #[serde(borrow, default)]
    mime_type: Option<Str<'a>>,
    #[serde(borrow, default)]
    data: Option<Str<'a>>,
}

impl Blob<'_> {
    /// The image as a data URL; `None`: it is something else.
    pub(super) fn image(&self) -> Option<String> {
        let (kind, data) = (self.mime_type.as_deref()?, self.data.as_deref()?);
        let plain = |c: char| c.is_ascii_alphanumeric() || "/+.-".contains(c);
        (kind.starts_with("image/") && kind.chars().all(plain) && !data.is_empty())
            .then(|| format!("data:{kind};base64,{data}"))
    }
}

#[derive(Deserialize)]
pub(super) struct Call<'a> {
    #[serde(borrow, default)]
    pub(super) id: Option<Str<'a>>,
    #[serde(borrow, default)]
    pub(super) name: Option<Str<'a>>,
    #[serde(borrow, default)]
    pub(super) args: Option<&'a RawValue>,
}

impl Call<'_> {
    /// The arguments without the white space between them: whole answers come indented, and the client
    /// would pay for it in every request that follows.
    pub(super) fn arguments(&self) -> Cow<'_, str> {
        let text = self.args.map(RawValue::get).unwrap_or_default();
        if !text.starts_with('{') {
            return Cow::Borrowed("{}");
        }
        let (mut quoted, mut escaped) = (false, false);
        let kept = text.chars().filter(|c| {
            let blank = !quoted && c.is_ascii_whitespace();
            quoted ^= *c == '"' && !escaped;
            escaped = quoted && *c == '\\' && !escaped;
            !blank
        });
        Cow::Owned(kept.collect())
    }
}

/// Why there are no candidates.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Feedback<'a> {
    #[serde(borrow, default)]
    pub(super) block_reason: Option<Str<'a>>,
    #[serde(borrow, default)]
    pub(super) block_reason_message: Option<Str<'a>>,
}

/// `usageMetadata`, as far as it is said yet. It counts from the start each time, so that a later count
/// replaces an earlier one; a chunk may leave some of them out.
#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Counts {
    prompt_token_count: Option<u64>,
    tool_use_prompt_token_count: Option<u64>,
    cached_content_token_count: Option<u64>,
    candidates_token_count: Option<u64>,
    thoughts_token_count: Option<u64>,
    prompt_tokens_details: Option<Modalities>,
    cache_tokens_details: Option<Modalities>,
    candidates_tokens_details: Option<Modalities>,
    traffic_type: Option<Tier>,
}

/// Of a count, what was not text.
/// Source: `ModalityTokenCount` and `TrafficType` of google-genai 3.6, read 2026-11.
#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(from = "Vec<ModalityCount>")]
struct Modalities {
    audio: u64,
    image: u64,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ModalityCount {
    modality: Modality,
    token_count: Option<u64>,
}

#[derive(Default, Clone, Copy, PartialEq, Eq, Deserialize)]
enum Modality {
    #[serde(rename = "AUDIO")]
    Audio,
    #[serde(rename = "IMAGE")]
    Image,
    #[default]
    #[serde(other)]
    Other,
}

impl From<Vec<ModalityCount>> for Modalities {
    fn from(counts: Vec<ModalityCount>) -> Self {
        let of = |modality| {
            let counts = counts.iter().filter(|count| count.modality == modality);
            counts.fold(0, |sum: u64, count| {
                sum.saturating_add(count.token_count.unwrap_or(0))
            })
        };
        Self {
            audio: of(Modality::Audio),
            image: of(Modality::Image),
        }
    }
}

impl Counts {
    /// Takes over what `newer` says.
    pub(super) fn replace(&mut self, newer: Self) {
        for (known, newer) in [
            (&mut self.prompt_token_count, newer.prompt_token_count),
            (
                &mut self.tool_use_prompt_token_count,
                newer.tool_use_prompt_token_count,
            ),
            (
                &mut self.cached_content_token_count,
                newer.cached_content_token_count,
            ),
            (
                &mut self.candidates_token_count,
                newer.candidates_token_count,
            ),
            (&mut self.thoughts_token_count, newer.thoughts_token_count),
        ] {
            *known = newer.or(*known);
        }
        for (known, newer) in [
            (&mut self.prompt_tokens_details, newer.prompt_tokens_details),
            (&mut self.cache_tokens_details, newer.cache_tokens_details),
            (
                &mut self.candidates_tokens_details,
                newer.candidates_tokens_details,
            ),
        ] {
            *known = newer.or(*known);
        }
        self.traffic_type = newer.traffic_type.or(self.traffic_type);
    }

    /// The counts in OpenAI's meaning: the prompt includes what was cached, the answer what was thought.
    pub(super) fn usage(self) -> Usage {
        let sum = |a: Option<u64>, b: Option<u64>| a.unwrap_or(0).saturating_add(b.unwrap_or(0));
        Usage {
            input: sum(self.prompt_token_count, self.tool_use_prompt_token_count),
            output: sum(self.candidates_token_count, self.thoughts_token_count),
            cached: self.cached_content_token_count.unwrap_or(0),
            reasoning: self.thoughts_token_count.unwrap_or(0),
            input_audio: self.prompt_tokens_details.unwrap_or_default().audio,
            cached_audio: self.cache_tokens_details.unwrap_or_default().audio,
            output_audio: self.candidates_tokens_details.unwrap_or_default().audio,
            output_image: self.candidates_tokens_details.unwrap_or_default().image,
            tier: self.traffic_type.unwrap_or_default(),
            ..Usage::default()
        }
    }
}

/// Reads a `finishReason`. A policy's end is an answer; an answer that the model spoilt is a failed
/// attempt, because a second one may be better.
///
/// Errors: the answer cannot be used.
pub(super) fn finish(reason: &str) -> Result<Finish, Fault> {
    let spoilt = |what: &'static str| Err(Fault::new(FaultKind::ProviderFailed, what));
    match reason {
        "MAX_TOKENS" | "CONTINUATION" => Ok(Finish::Length),
        "SAFETY"
        | "RECITATION"
        | "LANGUAGE"
        | "BLOCKLIST"
        | "PROHIBITED_CONTENT"
        | "SPII"
        | "IMAGE_SAFETY"
        | "IMAGE_PROHIBITED_CONTENT"
        | "IMAGE_RECITATION"
        | "ESCALATION"
        | "MODEL_ARMOR" => Ok(Finish::ContentFilter),
        "MALFORMED_FUNCTION_CALL" => spoilt("The model wrote a tool call that cannot be read."),
        "UNEXPECTED_TOOL_CALL" => spoilt("The model called a tool that it does not have."),
        "TOO_MANY_TOOL_CALLS" => spoilt("The model made too many tool calls."),
        "MALFORMED_RESPONSE" => spoilt("The model wrote an answer that cannot be read."),
        "MISSING_THOUGHT_SIGNATURE" => {
            spoilt("The provider misses a signature of the model's reasoning.")
        }
        "PUP_LIMITED_DISABLED" => Err(Fault::new(
            FaultKind::ProviderAuth,
            FaultKind::ProviderAuth.of_provider(),
        )),
        // STOP, OTHER, and what is new.
        _ => Ok(Finish::Stop),
    }
}

/// The answer is not one.
pub(super) fn unreadable() -> Fault {
    Fault::new(
        FaultKind::ProviderFailed,
        "The provider's answer is not a Gemini answer.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_lose_white_space_between_and_none_within() {
        let arguments = |text: &str| {
            let args: &RawValue = serde_json::from_str(text).unwrap();
            let call = Call {
                id: None,
                name: None,
                args: Some(args),
            };
            call.arguments().into_owned()
        };
        assert_eq!(
            arguments("{ \"a \\\" b\" : [ 1e400 ,\n \"\\\\\" , \" \u{a0}\" ] }"),
            "{\"a \\\" b\":[1e400,\"\\\\\",\" \u{a0}\"]}"
        );
        assert_eq!(arguments("null"), "{}");
    }
}
