//! Reads answers that already are in OpenAI's words, as they pass.
//! Source: OpenAI API reference, "The chat completion chunk object", read 2026-11.

use super::usage::UsageView;
use crate::{
    api::{
        answer::{Finish, Tier, Usage},
        watch::{Kind, Said},
    },
    json::{Quoted, Str},
};
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;
use std::fmt;

/// Reads a `finish_reason`; those that compatible hosts invented mean an ordinary end.
pub fn finish_from(reason: &str) -> Finish {
    match reason {
        "length" | "model_length" => Finish::Length,
        "tool_calls" | "function_call" => Finish::ToolCalls,
        "content_filter" => Finish::ContentFilter,
        _ => Finish::Stop,
    }
}

/// Whether a `finish_reason` says that the provider failed while it answered.
///
/// Source: OpenRouter, "Errors and Debugging" (`error`); Mistral's Python SDK 3.7, `FinishReason`
/// (`error`); DeepSeek API docs, "Create Chat Completion" (`insufficient_system_resource`); read 2026-11.
pub fn is_failure(reason: &str) -> bool {
    matches!(reason, "error" | "insufficient_system_resource")
}

/// Which choices of a stream have begun and which have ended.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Choices {
    begun: u128,
    ended: u128,
}

impl Choices {
    /// Adds what another chunk says.
    pub fn see(&mut self, other: Self) {
        self.begun |= other.begun;
        self.ended |= other.ended;
    }

    /// Whether every choice that has begun has ended, and at least as many as were asked for.
    pub fn are_complete(self, wanted: u32) -> bool {
        // Those beyond cannot be followed.
        let wanted = wanted.clamp(1, u128::BITS);
        self.begun & !self.ended == 0 && self.ended.count_ones() >= wanted
    }
}

/// What one chunk of a stream says, as far as a bystander must know.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ChunkSeen<'a> {
    /// The model that answers.
    pub model: Option<Str<'a>>,
    /// Something in it is for the reader: text, a call, a refusal, reasoning, an end.
    pub content: bool,
    /// The pieces of the answer in it.
    pub said: Vec<Said<'a>>,
    /// The first `finish_reason` in it.
    pub finish: Option<Finish>,
    /// Its choices.
    pub choices: Choices,
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
    #[serde(default)]
    x_groq: Option<GroqView>,
    #[serde(default)]
    service_tier: Option<Tier>,
}

/// Groq's place for usage, also where nobody asked for it.
/// Source: Groq's Python SDK 1.7, `XGroq`, read 2026-11.
#[derive(Deserialize)]
struct GroqView {
    #[serde(default)]
    usage: Option<UsageView>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow, default)]
    index: Option<&'a RawValue>,
    #[serde(borrow, default)]
    delta: Option<Delta<'a>>,
    /// What a chunk of the older Completions API says.
    #[serde(borrow, default)]
    text: Option<Str<'a>>,
    #[serde(borrow, default)]
    finish_reason: Option<Str<'a>>,
}

impl Choice<'_> {
    /// Why it has ended. Some hosts send an empty reason with every chunk.
    fn reason(&self) -> Option<&str> {
        let reason = self.finish_reason.as_deref();
        reason.filter(|reason| !reason.is_empty())
    }
}

/// Whether a delta holds more than a role. Every other field counts, so that what a host adds
/// tomorrow counts as well.
struct Delta<'a> {
    says_something: bool,
    said: Vec<(Kind, Str<'a>)>,
}

#[derive(Deserialize)]
struct CallView<'a> {
    #[serde(borrow, default)]
    function: Option<FunctionView<'a>>,
}

#[derive(Deserialize)]
struct FunctionView<'a> {
    #[serde(borrow, default)]
    name: Option<Str<'a>>,
    #[serde(borrow, default)]
    arguments: Option<Str<'a>>,
}

/// What a field of a delta says, as far as it is known to be a part of the answer.
fn said<'a>(key: &str, value: &'a RawValue, out: &mut Vec<(Kind, Str<'a>)>) {
    let kind = match key {
        "content" | "refusal" => Kind::Text,
        "reasoning_content" | "reasoning" => Kind::Thought,
        "tool_calls" => {
            let calls: Vec<CallView<'a>> = serde_json::from_str(value.get()).unwrap_or_default();
            for call in calls.into_iter().filter_map(|call| call.function) {
                let parts = [call.name, call.arguments].into_iter().flatten();
                out.extend(parts.map(|part| (Kind::Call, part)));
            }
            return;
        }
        _ => return,
    };
    let text = match Quoted::of(value) {
        Some(text) => text.text(),
        // Parts of some kind: about as many tokens as their JSON.
        None if value.get() != "null" => value.get().into(),
        None => return,
    };
    out.push((kind, text.into()));
}

impl<'de: 'a, 'a> Deserialize<'de> for Delta<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Look;
        impl<'de> Visitor<'de> for Look {
            type Value = Delta<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a delta object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Delta<'de>, A::Error> {
                let (mut says_something, mut parts) = (false, Vec::new());
                while let Some(key) = map.next_key::<Str<'de>>()? {
                    if &*key == "role" {
                        map.next_value::<IgnoredAny>()?;
                    } else {
                        let value: &RawValue = map.next_value()?;
                        said(&key, value, &mut parts);
                        says_something |= !matches!(value.get(), "null" | "\"\"" | "[]" | "{}");
                    }
                }
                Ok(Delta {
                    says_something,
                    said: parts,
                })
            }
        }
        deserializer.deserialize_map(Look)
    }
}

/// Takes what is said out of the choices.
fn pieces<'a>(choices: &mut [Choice<'a>]) -> Vec<Said<'a>> {
    let mut out = Vec::new();
    for choice in choices {
        let index = choice.index.and_then(|index| index.get().parse().ok());
        let index = index.unwrap_or(0);
        let parts = choice.delta.as_mut().map(|d| std::mem::take(&mut d.said));
        let text = choice.text.clone().map(|text| (Kind::Text, text));
        out.extend(
            parts
                .into_iter()
                .flatten()
                .chain(text)
                .map(|(kind, text)| Said {
                    choice: index,
                    kind,
                    text,
                }),
        );
    }
    out
}

/// Looks at the data of one chunk. `None`: it is not a chunk.
pub fn look(data: &str) -> Option<ChunkSeen<'_>> {
    let chunk: Chunk<'_> = serde_json::from_str(data).ok()?;
    let mut choices = chunk.choices.unwrap_or_default();
    let pieces = pieces(&mut choices);
    let choices = choices.as_slice();
    let finish = choices.iter().find_map(Choice::reason);
    let says = |c: &Choice<'_>| {
        c.delta.as_ref().is_some_and(|d| d.says_something)
            || c.text.as_deref().is_some_and(|text| !text.is_empty())
    };
    let mut seen = Choices::default();
    for choice in choices {
        let index = choice.index.and_then(|index| index.get().parse().ok());
        // Those beyond the limit are left out of every answer.
        let bit = 1u128.checked_shl(index.unwrap_or(0)).unwrap_or(0);
        seen.begun |= bit;
        if choice.reason().is_some() {
            seen.ended |= bit;
        }
    }
    let of_groq = chunk.x_groq.and_then(|groq| groq.usage);
    Some(ChunkSeen {
        content: finish.is_some() || choices.iter().any(says),
        said: pieces,
        finish: finish.map(finish_from),
        choices: seen,
        usage: chunk
            .usage
            .or(of_groq)
            .map(|usage| usage.served(chunk.service_tier)),
        usage_only: chunk.usage.is_some() && choices.is_empty(),
        error: chunk.error.is_some_and(|error| error.get() != "null")
            || finish.is_some_and(is_failure),
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
    #[serde(default)]
    service_tier: Option<Tier>,
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
    let finish = choices.iter().find_map(|c| text(c.finish_reason));
    let error = error || finish.as_deref().is_some_and(is_failure);
    Some(WholeSeen {
        model: text(whole.model).map(Str::from),
        finish: finish.map(|reason| finish_from(&reason)),
        usage: whole
            .usage
            .and_then(|raw| serde_json::from_str::<Option<UsageView>>(raw.get()).ok()?)
            .map(|usage| usage.served(whole.service_tier)),
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
    fn a_stream_is_complete_when_every_choice_has_ended() {
        let seen = |chunks: &[(&str, &str)]| {
            let mut all = Choices::default();
            for (index, finish) in chunks {
                let chunk = format!(
                    r#"{{"choices":[{{"index":{index},"delta":{{}},"finish_reason":{finish}}}]}}"#
                );
                all.see(look(&chunk).unwrap().choices);
            }
            all
        };
        let stop = r#""stop""#;
        assert!(seen(&[("0", "null"), ("0", stop)]).are_complete(1));
        assert!(!seen(&[("0", "null")]).are_complete(1));
        assert!(!seen(&[]).are_complete(0));
        assert!(!seen(&[("0", "null"), ("1", "null"), ("0", stop)]).are_complete(1));
        assert!(
            !seen(&[("0", stop)]).are_complete(2),
            "the second never began"
        );
        assert!(seen(&[("1", stop), ("0", stop)]).are_complete(2));
        let all: Vec<_> = (0..200).map(|n: u32| n.to_string()).collect();
        let all: Vec<_> = all.iter().map(|n| (n.as_str(), stop)).collect();
        assert!(
            seen(&all).are_complete(200),
            "those beyond are not followed"
        );
        assert!(seen(&[("null", stop), ("4000", "null")]).are_complete(1));
        let empty = r#""""#;
        assert!(!seen(&[("0", empty), ("0", "null")]).are_complete(1));
        let chunk = r#"{"choices":[{"index":0,"delta":{},"finish_reason":""}]}"#;
        let seen = look(chunk).unwrap();
        assert_eq!((seen.finish, seen.content), (None, false));
    }

    #[test]
    fn reasoning_beside_the_completion_is_counted_once() {
        let usage = |text: &str| Usage::from(serde_json::from_str::<UsageView>(text).unwrap());
        let beside = usage(
            r#"{"prompt_tokens":32,"completion_tokens":9,"total_tokens":135,"completion_tokens_details":{"reasoning_tokens":94}}"#,
        );
        assert_eq!(
            (beside.output, beside.reasoning, beside.total()),
            (103, 94, 135)
        );
        let inside = usage(
            r#"{"prompt_tokens":32,"completion_tokens":103,"total_tokens":135,"completion_tokens_details":{"reasoning_tokens":94}}"#,
        );
        assert_eq!(
            (inside.output, inside.reasoning, inside.total()),
            (103, 94, 135)
        );
        let deepseek =
            usage(r#"{"prompt_tokens":32,"completion_tokens":9,"prompt_cache_hit_tokens":30}"#);
        assert_eq!(deepseek.cached, 30);
    }

    #[test]
    fn what_is_charged_apart_is_read_apart() {
        let chunk = r#"{"choices":[],"service_tier":"flex","usage":{"prompt_tokens":50,"completion_tokens":20,"prompt_tokens_details":{"audio_tokens":30},"completion_tokens_details":{"audio_tokens":12,"image_tokens":3}}}"#;
        let want = Usage {
            input: 50,
            output: 20,
            input_audio: 30,
            output_audio: 12,
            output_image: 3,
            tier: Tier::Flex,
            ..Usage::default()
        };
        assert_eq!(look(chunk).unwrap().usage, Some(want));
        let whole = br#"{"choices":[],"service_tier":"priority","usage":{"prompt_tokens":1}}"#;
        let tier = look_whole(whole).unwrap().usage.unwrap().tier;
        assert_eq!(tier, Tier::Priority);
        // A word that is not known, or none at all, takes nothing away.
        for odd in ["7", "null", "\"scale\"", "{}"] {
            let chunk =
                format!(r#"{{"choices":[],"service_tier":{odd},"usage":{{"prompt_tokens":5}}}}"#);
            let usage = look(&chunk).unwrap().usage.unwrap();
            assert_eq!((usage.input, usage.tier), (5, Tier::Standard), "{odd}");
        }
    }

    #[test]
    fn details_of_another_form_lose_nothing_else() {
        let chunk = r#"{"choices":[],"usage":{"prompt_tokens":5,"is_byok":1,"cost_details":[],"prompt_tokens_details":7,"completion_tokens_details":"x","cost":0.5}}"#;
        let want = Usage {
            input: 5,
            charged_pico: Some(500_000_000_000),
            ..Usage::default()
        };
        assert_eq!(look(chunk).unwrap().usage, Some(want));
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
                reasoning: 1,
                ..Usage::default()
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
