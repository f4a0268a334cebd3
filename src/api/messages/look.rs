//! Reads answers that already are in this API's words, as they pass.

use crate::{
    api::{
        answer::{Finish, Tier, Usage},
        watch::{Kind, Said, Seen},
    },
    json::Str,
};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// Counts as this API gives them; later ones replace earlier ones.
#[derive(Debug, Default, Clone, Copy, Deserialize)]
pub struct Counts {
    #[serde(default)]
    input_tokens: Option<u64>,
    #[serde(default)]
    output_tokens: Option<u64>,
    #[serde(default)]
    cache_read_input_tokens: Option<u64>,
    #[serde(default)]
    cache_creation_input_tokens: Option<u64>,
    #[serde(default)]
    output_tokens_details: Option<Details>,
    #[serde(default)]
    cache_creation: Option<Written>,
    #[serde(default)]
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
struct Details {
    #[serde(default)]
    thinking_tokens: Option<u64>,
}

impl Counts {
    fn replace(&mut self, newer: Self) {
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

    fn usage(self) -> Usage {
        let cached = self.cache_read_input_tokens.unwrap_or(0);
        let cache_written = self.cache_creation_input_tokens.unwrap_or(0);
        let details = self.output_tokens_details.unwrap_or_default();
        Usage {
            input: self
                .input_tokens
                .unwrap_or(0)
                .saturating_add(cached)
                .saturating_add(cache_written),
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

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow, default)]
    r#type: Option<Str<'a>>,
    #[serde(borrow, default)]
    message: Option<Message<'a>>,
    #[serde(borrow, default)]
    content_block: Option<Block<'a>>,
    #[serde(borrow, default)]
    delta: Option<Delta<'a>>,
    #[serde(default)]
    usage: Option<Counts>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    model: Option<Str<'a>>,
    #[serde(default)]
    usage: Option<Counts>,
}

#[derive(Deserialize)]
struct Block<'a> {
    #[serde(borrow, default)]
    r#type: Option<Str<'a>>,
    #[serde(borrow, default)]
    name: Option<Str<'a>>,
}

#[derive(Deserialize)]
struct Delta<'a> {
    #[serde(borrow, default)]
    stop_reason: Option<Str<'a>>,
    #[serde(borrow, default)]
    text: Option<Str<'a>>,
    #[serde(borrow, default)]
    thinking: Option<Str<'a>>,
    #[serde(borrow, default)]
    partial_json: Option<Str<'a>>,
}

#[derive(Deserialize)]
struct Typed<'a> {
    #[serde(borrow, default)]
    r#type: Option<Str<'a>>,
}

/// Looks at one event of a stream; `counts` holds what the events before have said of usage. `None`:
/// it is no event of this API.
pub fn look<'a>(name: &str, data: &'a str, counts: &mut Counts) -> Option<Seen<'a>> {
    let event: Event<'a> = match serde_json::from_str(data) {
        Ok(event) => event,
        Err(_) => {
            let kind: Typed<'a> = serde_json::from_str(data).ok()?;
            let known = kind.r#type.as_deref().unwrap_or(name) == "error";
            return Some(Seen {
                error: known.then_some(Cow::Borrowed(data)),
                ..Seen::default()
            });
        }
    };
    let mut seen = Seen::default();
    match event.r#type.as_deref().unwrap_or(name) {
        "error" => seen.error = Some(Cow::Borrowed(data)),
        "message_start" => {
            let message = event.message?;
            if let Some(newer) = message.usage {
                counts.replace(newer);
                seen.usage = Some(counts.usage());
            }
            seen.model = message.model.filter(|model| !model.is_empty());
        }
        "content_block_start" => {
            let (kind, name) = event
                .content_block
                .map_or((None, None), |b| (b.r#type, b.name));
            seen.said.extend(name.map(|text| piece(Kind::Call, text)));
            // Text and thinking begin empty; everything else says something already.
            seen.content = !matches!(kind.as_deref(), Some("text" | "thinking") | None);
        }
        "content_block_delta" => {
            seen.content = true;
            if let Some(delta) = event.delta {
                let text = delta.text.map(|text| piece(Kind::Text, text));
                let thought = delta.thinking.map(|text| piece(Kind::Thought, text));
                let input = delta.partial_json.map(|text| piece(Kind::Call, text));
                seen.said
                    .extend([text, thought, input].into_iter().flatten());
            }
        }
        "message_delta" => {
            if let Some(newer) = event.usage {
                counts.replace(newer);
                seen.usage = Some(counts.usage());
            }
            let reason = event.delta.and_then(|delta| delta.stop_reason);
            seen.finish = reason.as_deref().map(finish);
            seen.content = seen.finish.is_some();
        }
        "message_stop" => seen.done = true,
        _ => {}
    }
    Some(seen)
}

/// Blocks follow each other: that one of another kind begins is enough.
const fn piece(kind: Kind, text: Str<'_>) -> Said<'_> {
    Said {
        choice: 0,
        kind,
        text,
    }
}

#[derive(Deserialize)]
struct Whole<'a> {
    #[serde(borrow, default)]
    r#type: Option<Str<'a>>,
    #[serde(borrow, default)]
    model: Option<Str<'a>>,
    #[serde(borrow, default)]
    content: Option<&'a RawValue>,
    #[serde(borrow, default)]
    stop_reason: Option<Str<'a>>,
    #[serde(default)]
    usage: Option<Counts>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
    #[serde(default)]
    input_tokens: Option<u64>,
}

/// Looks at a whole answer: a message, or a count of tokens. `None`: it is neither, nor an error.
pub fn look_whole(body: &[u8]) -> Option<Seen<'_>> {
    let text = std::str::from_utf8(body).ok()?;
    let whole: Whole<'_> = serde_json::from_str(text).ok()?;
    if whole.error.is_some() || whole.r#type.as_deref() == Some("error") {
        return Some(Seen {
            error: Some(Cow::Borrowed(text)),
            ..Seen::default()
        });
    }
    if !whole.content.is_some_and(|c| c.get().starts_with('[')) {
        whole.input_tokens?;
    }
    Some(Seen {
        model: whole.model.filter(|model| !model.is_empty()),
        content: true,
        finish: whole.stop_reason.as_deref().map(finish),
        usage: whole.usage.map(Counts::usage),
        done: true,
        ..Seen::default()
    })
}

fn finish(reason: &str) -> Finish {
    match reason {
        "max_tokens" | "model_context_window_exceeded" => Finish::Length,
        "tool_use" => Finish::ToolCalls,
        "refusal" => Finish::ContentFilter,
        _ => Finish::Stop,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_s_facts_are_gathered_over_its_events() {
        let mut counts = Counts::default();
        let start = r#"{"type":"message_start","message":{"model":"m","usage":{"input_tokens":8,"cache_read_input_tokens":3,"output_tokens":1}}}"#;
        let seen = look("message_start", start, &mut counts).unwrap();
        assert_eq!((seen.model.as_deref(), seen.content), (Some("m"), false));
        let data =
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#;
        assert!(!look("", data, &mut counts).unwrap().content);
        let data =
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a"}}"#;
        assert!(look("", data, &mut counts).unwrap().content);
        let data = r#"{"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":7}}"#;
        let seen = look("", data, &mut counts).unwrap();
        let usage = seen.usage.unwrap();
        assert_eq!((usage.input, usage.output, usage.cached), (11, 7, 3));
        assert_eq!(seen.finish, Some(Finish::ToolCalls));
        assert!(
            look("", r#"{"type":"message_stop"}"#, &mut counts)
                .unwrap()
                .done
        );
        assert!(
            look("", r#"{"type":"error","error":{}}"#, &mut counts)
                .unwrap()
                .error
                .is_some()
        );
        assert_eq!(
            look("", r#"{"type":"news","delta":7}"#, &mut counts),
            Some(Seen::default())
        );
        assert_eq!(look("", "<html>", &mut counts), None);
    }

    #[test]
    fn what_is_kept_for_an_hour_and_the_tier_are_seen() {
        let usage = look_whole(br#"{"type":"message","content":[],"usage":{"input_tokens":1,"cache_creation_input_tokens":9,"cache_creation":{"ephemeral_5m_input_tokens":5,"ephemeral_1h_input_tokens":4},"output_tokens":2,"service_tier":"batch"}}"#).unwrap().usage;
        let want = Usage {
            input: 10,
            output: 2,
            cache_written: 9,
            cache_written_1h: 4,
            tier: Tier::Batch,
            ..Usage::default()
        };
        assert_eq!(usage, Some(want));
    }

    #[test]
    fn a_whole_answer_is_a_message_or_a_count_or_an_error() {
        let seen = look_whole(br#"{"type":"message","model":"m","content":[],"stop_reason":"refusal","usage":{"input_tokens":1,"output_tokens":2}}"#).unwrap();
        assert_eq!(seen.finish, Some(Finish::ContentFilter));
        assert!(look_whole(br#"{"input_tokens":7}"#).is_some());
        assert!(
            look_whole(br#"{"type":"error","error":{"type":"api_error"}}"#)
                .unwrap()
                .error
                .is_some()
        );
        assert_eq!(look_whole(br#"{"choices":[]}"#), None);
    }
}
