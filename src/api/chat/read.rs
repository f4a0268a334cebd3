//! Reads answers that already are in OpenAI's words, as they pass.
//! Source: OpenAI API reference, "The chat completion chunk object", read 2026-11.

use crate::{
    api::answer::{Finish, Usage},
    json::Str,
};
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;
use std::fmt;

/// `usage` of an answer or a chunk. A count that is no number counts as absent.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub struct UsageView {
    #[serde(default, deserialize_with = "count")]
    prompt_tokens: Option<u64>,
    #[serde(default, deserialize_with = "count")]
    completion_tokens: Option<u64>,
    #[serde(default)]
    prompt_tokens_details: Option<PromptView>,
    #[serde(default)]
    completion_tokens_details: Option<CompletionView>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
struct PromptView {
    #[serde(default, deserialize_with = "count")]
    cached_tokens: Option<u64>,
    #[serde(default, deserialize_with = "count")]
    cache_write_tokens: Option<u64>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
struct CompletionView {
    #[serde(default, deserialize_with = "count")]
    reasoning_tokens: Option<u64>,
}

/// Some hosts count in floating point.
fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let raw = <&RawValue>::deserialize(deserializer)?;
    let number: Option<serde_json::Number> = serde_json::from_str(raw.get()).ok();
    Ok(number.and_then(|n| n.as_u64().or_else(|| n.as_f64().map(|n| n as u64))))
}

impl From<UsageView> for Usage {
    fn from(view: UsageView) -> Self {
        let prompt = view.prompt_tokens_details.unwrap_or_default();
        let completion = view.completion_tokens_details.unwrap_or_default();
        Self {
            input: view.prompt_tokens.unwrap_or(0),
            output: view.completion_tokens.unwrap_or(0),
            cached: prompt.cached_tokens.unwrap_or(0),
            cache_written: prompt.cache_write_tokens.unwrap_or(0),
            reasoning: completion.reasoning_tokens.unwrap_or(0),
        }
    }
}

/// Reads a `finish_reason`; those that compatible hosts invented mean an ordinary end.
pub fn finish_from(reason: &str) -> Finish {
    match reason {
        "length" => Finish::Length,
        "tool_calls" | "function_call" => Finish::ToolCalls,
        "content_filter" => Finish::ContentFilter,
        _ => Finish::Stop,
    }
}

/// What one chunk of a stream says, as far as a bystander must know.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ChunkSeen<'a> {
    /// The model that answers.
    pub model: Option<Str<'a>>,
    /// Something in it is for the reader: text, a call, a refusal, reasoning, an end.
    pub content: bool,
    /// The first `finish_reason` in it.
    pub finish: Option<Finish>,
    /// The usage so far.
    pub usage: Option<Usage>,
    /// It holds usage and nothing else: the chunk that `include_usage` adds.
    pub usage_only: bool,
    /// It is an error object.
    pub error: bool,
}

#[derive(Deserialize)]
struct Chunk<'a> {
    #[serde(borrow, default)]
    model: Option<Str<'a>>,
    #[serde(borrow, default)]
    choices: Option<Vec<Choice<'a>>>,
    #[serde(default)]
    usage: Option<UsageView>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(default)]
    delta: Option<Delta>,
    /// What a chunk of the older Completions API says.
    #[serde(borrow, default)]
    text: Option<Str<'a>>,
    #[serde(borrow, default)]
    finish_reason: Option<Str<'a>>,
}

/// Whether a delta holds more than a role. Every other field counts, so that what a host adds
/// tomorrow counts as well.
struct Delta {
    says_something: bool,
}

impl<'de> Deserialize<'de> for Delta {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Look;
        impl<'de> Visitor<'de> for Look {
            type Value = Delta;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a delta object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Delta, A::Error> {
                let mut says_something = false;
                while let Some(key) = map.next_key::<Str<'de>>()? {
                    if &*key == "role" {
                        map.next_value::<IgnoredAny>()?;
                    } else {
                        let value: &RawValue = map.next_value()?;
                        says_something |= !matches!(value.get(), "null" | "\"\"" | "[]" | "{}");
                    }
                }
                Ok(Delta { says_something })
            }
        }
        deserializer.deserialize_map(Look)
    }
}

/// Looks at the data of one chunk. `None`: it is not a chunk.
pub fn look(data: &str) -> Option<ChunkSeen<'_>> {
    let chunk: Chunk<'_> = serde_json::from_str(data).ok()?;
    let choices = chunk.choices.as_deref().unwrap_or_default();
    let finish = choices.iter().find_map(|c| c.finish_reason.as_deref());
    let says = |c: &Choice<'_>| {
        c.delta.as_ref().is_some_and(|d| d.says_something)
            || c.text.as_deref().is_some_and(|text| !text.is_empty())
    };
    Some(ChunkSeen {
        content: finish.is_some() || choices.iter().any(says),
        finish: finish.map(finish_from),
        usage: chunk.usage.map(Usage::from),
        usage_only: chunk.usage.is_some() && choices.is_empty(),
        error: chunk.error.is_some_and(|error| error.get() != "null"),
        model: chunk.model.filter(|model| !model.is_empty()),
    })
}

/// What a whole answer says, as far as a bystander must know.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct WholeSeen<'a> {
    /// The model that answered.
    pub model: Option<Str<'a>>,
    /// The first `finish_reason` in it.
    pub finish: Option<Finish>,
    /// The usage.
    pub usage: Option<Usage>,
    /// It is an error object.
    pub error: bool,
}

#[derive(Deserialize)]
struct Whole<'a> {
    #[serde(borrow, default)]
    model: Option<&'a RawValue>,
    #[serde(borrow, default)]
    choices: Option<Vec<Ending<'a>>>,
    #[serde(borrow, default)]
    usage: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Ending<'a> {
    #[serde(borrow, default)]
    finish_reason: Option<&'a RawValue>,
}

/// Looks at a whole answer. `None`: it is neither a chat completion nor an error.
pub fn look_whole(body: &[u8]) -> Option<WholeSeen<'_>> {
    // Of what it skips, the parser checks the grammar but not the encoding.
    let whole: Whole<'_> = serde_json::from_str(std::str::from_utf8(body).ok()?).ok()?;
    let error = whole.error.is_some_and(|error| error.get() != "null");
    if whole.choices.is_none() && !error {
        return None;
    }
    let text =
        |raw: Option<&'_ RawValue>| -> Option<String> { serde_json::from_str(raw?.get()).ok() };
    let choices = whole.choices.unwrap_or_default();
    Some(WholeSeen {
        model: text(whole.model).map(Str::from),
        finish: choices
            .iter()
            .find_map(|c| text(c.finish_reason))
            .map(|reason| finish_from(&reason)),
        usage: whole
            .usage
            .and_then(|raw| serde_json::from_str::<Option<UsageView>>(raw.get()).ok()?)
            .map(Usage::from),
        error,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_bent_by_its_host_is_still_an_answer() {
        let body = br#"{"model":"m","choices":[{"index":null,"message":{"content":[{"type":"thinking"}]},"finish_reason":"stop"}],"usage":{"prompt_tokens":5.0,"completion_tokens":"x"}}"#;
        let seen = look_whole(body).unwrap();
        assert_eq!(
            (seen.model.as_deref(), seen.finish, seen.error),
            (Some("m"), Some(Finish::Stop), false)
        );
        assert_eq!(
            seen.usage.map(|usage| (usage.input, usage.output)),
            Some((5, 0))
        );
        assert!(look_whole(br#"{"error":{"message":"x"}}"#).unwrap().error);
        assert_eq!(look_whole(b"{\"choices\":[],\"x\":\"\xff\"}"), None);
        assert_eq!(look_whole(b"{}"), None);
        assert_eq!(look_whole(b"<html>"), None);
    }

    #[test]
    fn a_role_alone_is_no_content_and_anything_else_is() {
        let content = |delta: &str| {
            look(&format!(
                r#"{{"choices":[{{"index":0,"delta":{delta},"finish_reason":null}}]}}"#
            ))
            .unwrap()
            .content
        };
        for delta in [
            r#"{"role":"assistant","content":""}"#,
            "{}",
            "null",
            r#"{"content":null,"tool_calls":[]}"#,
        ] {
            assert!(!content(delta), "{delta}");
        }
        for delta in [
            r#"{"content":"a"}"#,
            r#"{"tool_calls":[{"index":0}]}"#,
            r#"{"reasoning":"x"}"#,
            r#"{"refusal":"no"}"#,
        ] {
            assert!(content(delta), "{delta}");
        }
    }

    #[test]
    fn usage_finish_model_and_error_are_seen() {
        let seen = look(r#"{"model":"m","choices":[],"usage":{"prompt_tokens":5,"completion_tokens":3,"prompt_tokens_details":{"cached_tokens":2},"completion_tokens_details":{"reasoning_tokens":1}}}"#).unwrap();
        assert!(seen.usage_only && !seen.content);
        assert_eq!(
            seen.usage,
            Some(Usage {
                input: 5,
                output: 3,
                cached: 2,
                cache_written: 0,
                reasoning: 1
            })
        );
        assert_eq!(seen.model.as_deref(), Some("m"));
        let seen =
            look(r#"{"choices":[{"delta":{},"finish_reason":"length"}],"usage":null}"#).unwrap();
        assert_eq!(
            (seen.finish, seen.usage_only, seen.content),
            (Some(Finish::Length), false, true)
        );
        assert!(look(r#"{"error":{"message":"x"}}"#).unwrap().error);
        assert_eq!(look("not json"), None);
    }
}
