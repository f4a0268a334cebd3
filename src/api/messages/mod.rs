//! Anthropic's Messages API as a client speaks it.
//!
//! In: [`read`] turns a request into a chat request (`request`, the conversation in `turns`, the
//! tools in `tools`), which any dialect takes. Out: [`AnswerWriter`] and [`EventWriter`] write an
//! answer, [`error`] a refusal. Where the provider speaks this API itself, bytes pass and [`look`] and
//! [`look_whole`] watch them.
//!
//! Source: docs.claude.com, API reference, "Messages", "Streaming messages", "Errors", "Count Message
//! tokens", and the types of the official Python SDK 2.14; read 2026-11.

mod count;
mod error;
mod look;
mod own;
mod request;
mod stream;
mod tools;
mod turns;
mod waiting;
mod whole;

pub use count::{check_count, count_body};
pub use error::{error, error_event};
pub use look::{Counts, look, look_whole};
pub use own::{Own, without_sealed};
pub use request::read;
pub use stream::EventWriter;
pub use whole::AnswerWriter;

use super::answer::{self, Finish, Usage};
use crate::fault::{Fault, FaultKind};
use serde::Serialize;

/// Most blocks of an answer; what a provider sends beyond is left out.
const MAX_BLOCKS: usize = 2048;

/// Most of a refusal that explains the end of an answer; all of it is its text. Units: bytes.
const MAX_REFUSAL: usize = 64 << 10;

/// `usage`: the prompt without what the cache gave and took.
#[derive(Serialize)]
struct UsageJson {
    input_tokens: u64,
    cache_creation_input_tokens: u64,
    cache_read_input_tokens: u64,
    output_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_tokens_details: Option<OutputDetails>,
}

#[derive(Serialize)]
struct OutputDetails {
    thinking_tokens: u64,
}

impl From<Usage> for UsageJson {
    fn from(usage: Usage) -> Self {
        let around = usage.cached.saturating_add(usage.cache_written);
        Self {
            input_tokens: usage.input.saturating_sub(around),
            cache_creation_input_tokens: usage.cache_written,
            cache_read_input_tokens: usage.cached,
            output_tokens: usage.output,
            output_tokens_details: (usage.reasoning > 0).then_some(OutputDetails {
                thinking_tokens: usage.reasoning,
            }),
        }
    }
}

/// Why an answer ended, in this API's words; `stopped`: by a stop sequence, which not every provider tells.
const fn stop_reason(finish: Finish, refused: bool, stopped: bool) -> &'static str {
    match finish {
        _ if refused => "refusal",
        Finish::Stop if stopped => "stop_sequence",
        Finish::Stop => "end_turn",
        Finish::Length => "max_tokens",
        Finish::ToolCalls => "tool_use",
        Finish::ContentFilter => "refusal",
    }
}

/// The stop sequence that ended an answer, as far as the provider tells.
#[derive(Debug, Default)]
struct Stopped {
    by_one: bool,
    sequence: Option<String>,
}

impl Stopped {
    /// Longest sequence that is told. Units: bytes.
    const MAX: usize = 4096;

    fn by(sequence: Option<&str>) -> Self {
        let told = sequence.filter(|text| text.len() <= Self::MAX);
        Self {
            by_one: true,
            sequence: told.map(str::to_owned),
        }
    }
}

/// What the model or a policy says about a refusal.
#[derive(Serialize)]
struct StopDetails<'a> {
    r#type: &'static str,
    category: (),
    explanation: &'a str,
}

impl<'a> StopDetails<'a> {
    fn of(refusal: &'a str) -> Option<Self> {
        (!refusal.is_empty()).then_some(Self {
            r#type: "refusal",
            category: (),
            explanation: refusal,
        })
    }
}

/// Adds to a refusal as far as there is room.
fn refuse(refusal: &mut String, more: &str) {
    let room = MAX_REFUSAL.saturating_sub(refusal.len());
    let end = more.floor_char_boundary(room);
    refusal.push_str(more.get(..end).unwrap_or_default());
}

/// An answer that would be empty without what this API has no place for.
fn only_an_image() -> Fault {
    Fault::new(
        FaultKind::Unsupported,
        "The answer is an image, which a message cannot carry; ask for it on /v1/chat/completions or /v1/responses.",
    )
}

/// A call's id as Anthropic takes it back, should the conversation go on there; `answer`: the id of the whole.
/// Source: docs.claude.com, API reference, `tool_use.id` (`^[a-zA-Z0-9_-]+$`), read 2026-11.
fn call_id(id: &str, answer: &str, index: u32) -> String {
    let id = answer::call_id(id, answer, index);
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    id.replace(|c| !fits(c), "_")
}

/// The id of an answer whose provider gave none.
fn id_or_none(id: &str) -> &str {
    if id.is_empty() { "msg_unnamed" } else { id }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_calls_are_such_that_anthropic_takes_them() {
        assert_eq!(call_id("call_A-1", "a", 0), "call_A-1");
        assert_eq!(
            call_id("functions.weather:0", "a", 0),
            "functions_weather_0"
        );
        assert_eq!(call_id("", "msg:1", 2), "call_msg1_2");
    }

    #[test]
    fn the_prompt_is_counted_without_what_the_cache_gave_and_took() {
        let usage = Usage {
            input: 20,
            output: 9,
            cached: 5,
            cache_written: 3,
            ..Usage::default()
        };
        assert_eq!(
            serde_json::to_string(&UsageJson::from(usage)).unwrap(),
            r#"{"input_tokens":12,"cache_creation_input_tokens":3,"cache_read_input_tokens":5,"output_tokens":9}"#
        );
    }
}
