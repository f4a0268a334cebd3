//! An answer on its way from a dialect to a client: open, parts, usage, finish.
//!
//! Dialects drive an [`AnswerSink`]; the writers of each client API implement it. A whole and a
//! streamed answer go through the same calls, so that gathering the one must give the other.

use crate::json::Str;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// What one answer used, in OpenAI's meaning.
///
/// Units: tokens, where nothing else is said. `cached` and `cache_written` are parts of `input`; `reasoning` is part
/// of `output`; sound and images are parts of either.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// The whole prompt, cached parts included.
    pub input: u64,
    /// The whole answer, reasoning included.
    pub output: u64,
    /// Prompt tokens read from the provider's cache.
    #[serde(skip_serializing_if = "is_none")]
    pub cached: u64,
    /// Prompt tokens written to the provider's cache.
    #[serde(skip_serializing_if = "is_none")]
    pub cache_written: u64,
    /// Answer tokens spent on reasoning.
    #[serde(skip_serializing_if = "is_none")]
    pub reasoning: u64,
    /// Of `cache_written`, what is kept for an hour.
    #[serde(skip_serializing_if = "is_none")]
    pub cache_written_1h: u64,
    /// Of `input`, what was heard.
    #[serde(skip_serializing_if = "is_none")]
    pub input_audio: u64,
    /// Of `cached`, what was heard.
    #[serde(skip_serializing_if = "is_none")]
    pub cached_audio: u64,
    /// Of `output`, what was spoken.
    #[serde(skip_serializing_if = "is_none")]
    pub output_audio: u64,
    /// Of `input`, what was seen, where a provider charges that apart.
    #[serde(skip_serializing_if = "is_none")]
    pub input_image: u64,
    /// Of `output`, what was drawn.
    #[serde(skip_serializing_if = "is_none")]
    pub output_image: u64,
    /// What a reranker is charged by. Units: searches.
    #[serde(skip_serializing_if = "is_none")]
    pub searches: u64,
    /// How the request was served.
    #[serde(skip_serializing_if = "Tier::is_standard")]
    pub tier: Tier,
    /// What is charged, where that is not what was counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub billed: Option<Billed>,
    /// What the provider says that it charged. Units: millionths of a millionth of a US dollar.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub charged_pico: Option<u64>,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's form
const fn is_none(count: &u64) -> bool {
    *count == 0
}

/// Tokens that a provider charges, where it counts others.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Billed {
    /// Of the prompt.
    pub input: u64,
    /// Of the answer.
    pub output: u64,
}

/// How a request is served, which some providers charge by.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// As usual.
    #[default]
    Standard,
    /// In a batch, later.
    Batch,
    /// When there is room, cheaper.
    Flex,
    /// Before others, dearer.
    Priority,
}

impl Tier {
    /// From a provider's word for it; what is not known is served as usual.
    ///
    /// Source: `service_tier` of OpenAI's Python SDK 3.52, of Anthropic's 2.14 (`usage`), `serviceTier` of botocore 1.44,
    /// `trafficType` of google-genai 3.6; read 2026-11.
    pub fn named(word: &str) -> Self {
        match word {
            "batch" => Self::Batch,
            "flex" | "ON_DEMAND_FLEX" => Self::Flex,
            "priority" | "fast" | "ON_DEMAND_PRIORITY" => Self::Priority,
            _ => Self::Standard,
        }
    }

    #[allow(clippy::trivially_copy_pass_by_ref)] // serde's form
    fn is_standard(&self) -> bool {
        *self == Self::Standard
    }
}

/// What is no word is served as usual.
impl<'de> Deserialize<'de> for Tier {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?;
        let word: Option<Str<'_>> = serde_json::from_str(raw.get()).ok();
        Ok(word.map(|word| Self::named(&word)).unwrap_or_default())
    }
}

impl Usage {
    /// Prompt and answer together.
    pub const fn total(&self) -> u64 {
        self.input.saturating_add(self.output)
    }
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// The model was done, or a stop sequence came.
    Stop,
    /// The token limit or the context window was reached.
    Length,
    /// The model wants tools to be called.
    ToolCalls,
    /// A content policy ended it.
    ContentFilter,
}

impl Finish {
    /// OpenAI's `finish_reason`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ToolCalls => "tool_calls",
            Self::ContentFilter => "content_filter",
        }
    }
}

/// One piece of an answer, in the order in which the client must see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part<'a> {
    /// Visible text.
    Text(&'a str),
    /// Text of a refusal.
    Refusal(&'a str),
    /// Text of the model's reasoning (`reasoning_content`).
    Thought(&'a str),
    /// One complete element of `reasoning_details`: a JSON object tagged with its provider,
    /// which the client returns unchanged with the next request.
    ThoughtDetail(&'a str),
    /// A tool call begins. `index` counts the calls of this choice from 0.
    ToolCall {
        /// Place among the calls of this choice.
        index: u32,
        /// The id that the tool's result will name; empty where the provider gave none.
        id: &'a str,
        /// The function's name.
        name: &'a str,
    },
    /// More of a tool call's arguments: a fragment of JSON text.
    ToolInput {
        /// Which call.
        index: u32,
        /// The fragment.
        json: &'a str,
    },
    /// Log probabilities of the tokens that came since the last such part: a JSON list in the form of
    /// OpenAI's `logprobs.content`.
    Logprobs(&'a str),
    /// An image that the model made. Shape: a data URL.
    Image(&'a str),
    /// A stop sequence ended the choice; which one, where the provider tells. Comes before the end.
    StopSequence(Option<&'a str>),
    /// The last part of a choice.
    Finish(Finish),
}

/// The id of a call; where the provider gave none, one that is unlike those of the other answers of a
/// conversation. Some hosts take no more than 40 characters.
pub(in crate::api) fn call_id<'a>(id: &'a str, answer: &str, index: u32) -> Cow<'a, str> {
    if !id.is_empty() {
        return Cow::Borrowed(id);
    }
    let fits = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let fitting: Vec<char> = answer.chars().filter(fits).collect();
    // What tells two ids apart stands at their end.
    let from = fitting.len().saturating_sub(24);
    let answer: String = fitting.into_iter().skip(from).collect();
    Cow::Owned(format!("call_{answer}_{index}"))
}

/// Receives an answer. Dialects drive it; writers implement it.
pub trait AnswerSink {
    /// The answer begins. Called once, before any part; `id` and `model` as the provider names them.
    fn open(&mut self, id: &str, model: &str);
    /// The next piece of choice `choice` (from 0).
    fn part(&mut self, choice: u32, part: Part<'_>);
    /// The token counts known so far. Replaces the former ones, never adds.
    fn usage(&mut self, usage: Usage);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_without_an_id_is_named_after_its_answer() {
        assert_eq!(call_id("theirs", "a", 0), "theirs");
        assert_eq!(call_id("", "r.1", 0), "call_r1_0");
        let long = "chatcmpl-0123456789abcdef0123456789abcdef";
        let made = call_id("", long, 127);
        assert_eq!(made, "call_89abcdef0123456789abcdef_127");
        assert!(made.len() <= 40);
    }
}
