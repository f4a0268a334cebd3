//! OpenAI's Chat Completions API: the request as it is read, and the writers of its answers.
//!
//! A dialect that translates reads [`message`] and [`tool`]; one that passes bytes on reads nothing.
//! Source: OpenAI API reference, Chat Completions, read 2026-11.

pub mod arguments;
pub(in crate::api) mod compose;
pub(in crate::api) mod field;
pub mod message;
pub(in crate::api) mod names;
mod read;
pub(in crate::api) mod request;
mod stream;
pub mod tool;
mod usage;
mod whole;

pub use compose::Translated;
pub use read::{Choices, ChunkSeen, finish_from, is_failure, look, look_whole};
pub use request::Chat;
pub use stream::ChunkWriter;
pub use usage::{UsageView, count};
pub use whole::AnswerWriter;

use super::answer::Usage;
use serde::Serialize;

/// Most choices of an answer; what a provider sends beyond is left out.
const MAX_CHOICES: usize = 128;

/// Takes over a name; an empty one says nothing.
pub(in crate::api) fn name(known: &mut String, new: &str) {
    if !new.is_empty() {
        new.clone_into(known);
    }
}

/// What a dialect understands beyond OpenAI's own chat request. The readers of the other client APIs
/// write a request that holds nothing else, and list what they had to leave out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extensions {
    /// `cache_control` on parts, messages and tools.
    pub marks: bool,
    /// `reasoning_content` on the model's messages.
    pub reasoning: bool,
    /// `reasoning_details` on the model's messages.
    pub details: bool,
    /// Images and documents in the content of a tool's message.
    pub rich_results: bool,
    /// `top_k`.
    pub top_k: bool,
    /// `thinking` in Anthropic's words.
    pub thinking: bool,
    /// `strict` on tools whose schema leaves something open, which OpenAI refuses.
    pub any_strict: bool,
    /// `is_error` on the messages of tools.
    pub errors: bool,
    /// Most stop sequences, where the host is known to refuse more.
    pub max_stops: Option<usize>,
}

impl Extensions {
    /// OpenAI's chat request and nothing else.
    pub const NONE: Self = Self {
        marks: false,
        reasoning: false,
        details: false,
        rich_results: false,
        top_k: false,
        thinking: false,
        any_strict: false,
        errors: false,
        max_stops: None,
    };
    /// What every dialect that translates reads.
    pub const TRANSLATED: Self = Self {
        marks: true,
        reasoning: true,
        details: true,
        rich_results: true,
        top_k: true,
        thinking: false,
        any_strict: true,
        errors: false,
        max_stops: None,
    };
    /// What OpenAI's own hosts take. Source: OpenAI API reference, `stop`, read 2026-11.
    pub const OPENAI: Self = Self {
        max_stops: Some(4),
        ..Self::NONE
    };
}

/// An image of an answer. OpenAI's API has no form for it; this is the one that clients of OpenRouter
/// and of gateways like it know.
/// Source: OpenRouter, "Image generation" (`message.images`, `delta.images`), general knowledge, not
/// confirmed.
#[derive(Serialize)]
struct Image<'a> {
    r#type: &'static str,
    image_url: ImageUrl<'a>,
}

#[derive(Serialize)]
struct ImageUrl<'a> {
    url: &'a str,
}

impl<'a> Image<'a> {
    const fn at(url: &'a str) -> Self {
        Self {
            r#type: "image_url",
            image_url: ImageUrl { url },
        }
    }
}

#[derive(Serialize)]
struct UsageJson {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    prompt_tokens_details: PromptDetails,
    completion_tokens_details: CompletionDetails,
}

#[derive(Serialize)]
struct PromptDetails {
    cached_tokens: u64,
    #[serde(skip_serializing_if = "is_zero")]
    cache_write_tokens: u64,
}

#[derive(Serialize)]
struct CompletionDetails {
    reasoning_tokens: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's form
fn is_zero(n: &u64) -> bool {
    *n == 0
}

impl From<Usage> for UsageJson {
    fn from(usage: Usage) -> Self {
        Self {
            prompt_tokens: usage.input,
            completion_tokens: usage.output,
            total_tokens: usage.total(),
            prompt_tokens_details: PromptDetails {
                cached_tokens: usage.cached,
                cache_write_tokens: usage.cache_written,
            },
            completion_tokens_details: CompletionDetails {
                reasoning_tokens: usage.reasoning,
            },
        }
    }
}
