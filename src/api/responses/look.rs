//! Reads answers that already are in this API's words, as they pass.

use crate::{
    api::{
        answer::{Finish, Tier, Usage},
        watch::{Kind, Said, Seen},
    },
    json::{Quoted, Str},
};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow, default)]
    r#type: Option<Str<'a>>,
    #[serde(borrow, default)]
    response: Option<&'a RawValue>,
    #[serde(borrow, default)]
    delta: Option<&'a RawValue>,
    #[serde(borrow, default)]
    item: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Named<'a> {
    #[serde(borrow, default)]
    name: Option<Str<'a>>,
}

/// What an event says.
fn said<'a>(kind: &str, event: &Event<'a>) -> Option<Said<'a>> {
    let (of, text) = match kind {
        "response.output_text.delta" | "response.refusal.delta" => (Kind::Text, event.delta),
        "response.reasoning_text.delta" | "response.reasoning_summary_text.delta" => {
            (Kind::Thought, event.delta)
        }
        "response.function_call_arguments.delta" | "response.custom_tool_call_input.delta" => {
            (Kind::Call, event.delta)
        }
        "response.output_item.added" => {
            let item: Named<'a> = serde_json::from_str(event.item?.get()).ok()?;
            return item.name.map(|text| Said {
                choice: 0,
                kind: Kind::Call,
                text,
            });
        }
        _ => return None,
    };
    Some(Said {
        choice: 0,
        kind: of,
        text: Quoted::of(text?)?.text().into(),
    })
}

#[derive(Deserialize, Default)]
struct Response<'a> {
    #[serde(borrow, default)]
    object: Option<Str<'a>>,
    #[serde(borrow, default)]
    model: Option<Str<'a>>,
    #[serde(borrow, default)]
    status: Option<Str<'a>>,
    #[serde(borrow, default)]
    incomplete_details: Option<Incomplete<'a>>,
    #[serde(borrow, default)]
    output: Option<Vec<Item<'a>>>,
    #[serde(default)]
    usage: Option<Counts>,
    #[serde(default)]
    service_tier: Option<Tier>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Incomplete<'a> {
    #[serde(borrow, default)]
    reason: Option<Str<'a>>,
}

#[derive(Deserialize)]
struct Item<'a> {
    #[serde(borrow, default)]
    r#type: Option<Str<'a>>,
}

#[derive(Deserialize, Default)]
struct Counts {
    #[serde(default)]
    input_tokens: Option<u64>,
    #[serde(default)]
    output_tokens: Option<u64>,
    #[serde(default)]
    input_tokens_details: Option<InputDetails>,
    #[serde(default)]
    output_tokens_details: Option<OutputDetails>,
}

#[derive(Deserialize, Default)]
struct InputDetails {
    #[serde(default)]
    cached_tokens: Option<u64>,
    #[serde(default)]
    cache_write_tokens: Option<u64>,
}

#[derive(Deserialize, Default)]
struct OutputDetails {
    #[serde(default)]
    reasoning_tokens: Option<u64>,
}

impl From<Counts> for Usage {
    fn from(counts: Counts) -> Self {
        let input = counts.input_tokens_details.unwrap_or_default();
        let output = counts.output_tokens_details.unwrap_or_default();
        Self {
            input: counts.input_tokens.unwrap_or(0),
            output: counts.output_tokens.unwrap_or(0),
            cached: input.cached_tokens.unwrap_or(0),
            cache_written: input.cache_write_tokens.unwrap_or(0),
            reasoning: output.reasoning_tokens.unwrap_or(0),
            ..Self::default()
        }
    }
}

/// Looks at one event of a stream. `None`: it is no event of this API.
pub fn look<'a>(name: &str, data: &'a str) -> Option<Seen<'a>> {
    let event: Event<'a> = serde_json::from_str(data).ok()?;
    let kind = event.r#type.as_deref().unwrap_or(name);
    let response = || -> Option<Response<'a>> { serde_json::from_str(event.response?.get()).ok() };
    match kind {
        "error" => Some(Seen {
            error: Some(Cow::Borrowed(data)),
            ..Seen::default()
        }),
        "response.created" => Some(Seen {
            model: response()?.model.filter(|model| !model.is_empty()),
            ..Seen::default()
        }),
        // Nothing is said yet, and an error may still come.
        "response.queued"
        | "response.in_progress"
        | "response.output_item.added"
        | "response.content_part.added"
        | "response.reasoning_summary_part.added" => Some(Seen {
            said: said(kind, &event).into_iter().collect(),
            ..Seen::default()
        }),
        "response.failed" => Some(Seen {
            error: Some(Cow::Owned(failure(&response()?))),
            ..Seen::default()
        }),
        "response.completed" | "response.incomplete" => Some(ended(response()?)),
        _ => Some(Seen {
            content: kind.starts_with("response."),
            said: said(kind, &event).into_iter().collect(),
            ..Seen::default()
        }),
    }
}

/// Looks at a whole answer. `None`: it is neither a response nor an error.
pub fn look_whole(body: &[u8]) -> Option<Seen<'_>> {
    let text = std::str::from_utf8(body).ok()?;
    let response: Response<'_> = serde_json::from_str(text).ok()?;
    let is_response = response.object.as_deref() == Some("response");
    let error = response.error.filter(|error| error.get() != "null");
    if response.status.as_deref() == Some("failed") || (error.is_some() && !is_response) {
        return Some(Seen {
            error: Some(Cow::Owned(failure(&response))),
            ..Seen::default()
        });
    }
    is_response.then(|| ended(response))
}

/// An error as Chat Completions has it.
fn failure(response: &Response<'_>) -> String {
    let error = response.error.map_or("{}", RawValue::get);
    format!(r#"{{"error":{error}}}"#)
}

fn ended(response: Response<'_>) -> Seen<'_> {
    let reason = response.incomplete_details.and_then(|d| d.reason);
    let calls = response
        .output
        .iter()
        .flatten()
        .any(|item| item.r#type.as_deref() == Some("function_call"));
    let finish = match (response.status.as_deref(), reason.as_deref()) {
        // Work in the background, or cancelled: there is no end to speak of.
        (Some("queued" | "in_progress" | "cancelled"), _) => None,
        (_, Some("content_filter")) => Some(Finish::ContentFilter),
        (Some("incomplete"), _) => Some(Finish::Length),
        _ if calls => Some(Finish::ToolCalls),
        _ => Some(Finish::Stop),
    };
    Seen {
        model: response.model.filter(|model| !model.is_empty()),
        content: true,
        finish,
        usage: response.usage.map(|counts| Usage {
            tier: response.service_tier.unwrap_or_default(),
            ..Usage::from(counts)
        }),
        done: true,
        ..Seen::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_begins_with_the_first_delta() {
        for (kind, content) in [
            ("response.created", false),
            ("response.in_progress", false),
            ("response.output_item.added", false),
            ("response.output_text.delta", true),
            ("response.output_item.done", true),
            ("keepalive", false),
        ] {
            let data = format!(r#"{{"type":"{kind}","response":{{"model":"m"}}}}"#);
            assert_eq!(look("", &data).unwrap().content, content, "{kind}");
        }
        assert_eq!(look("", "<html>"), None);
    }

    #[test]
    fn the_end_tells_usage_and_reason() {
        let data = r#"{"type":"response.completed","response":{"model":"m","status":"completed","service_tier":"flex","output":[{"type":"function_call"}],"usage":{"input_tokens":11,"output_tokens":7,"input_tokens_details":{"cached_tokens":3},"output_tokens_details":{"reasoning_tokens":2}}}}"#;
        let seen = look("", data).unwrap();
        let usage = seen.usage.unwrap();
        assert_eq!((usage.input, usage.cached, usage.reasoning), (11, 3, 2));
        assert_eq!(usage.tier, Tier::Flex);
        assert_eq!((seen.finish, seen.done), (Some(Finish::ToolCalls), true));
        let data = r#"{"type":"response.incomplete","response":{"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"}}}"#;
        assert_eq!(look("", data).unwrap().finish, Some(Finish::Length));
    }

    #[test]
    fn a_failure_is_an_error_wherever_it_stands() {
        let data = r#"{"type":"response.failed","response":{"status":"failed","error":{"code":"rate_limit_exceeded","message":"m"}}}"#;
        let want = r#"{"error":{"code":"rate_limit_exceeded","message":"m"}}"#;
        assert_eq!(look("", data).unwrap().error.as_deref(), Some(want));
        let body = br#"{"object":"response","status":"failed","error":{"code":"rate_limit_exceeded","message":"m"}}"#;
        assert_eq!(look_whole(body).unwrap().error.as_deref(), Some(want));
        assert!(
            look_whole(br#"{"error":{"message":"m"}}"#)
                .unwrap()
                .error
                .is_some()
        );
        assert_eq!(look_whole(br#"{"choices":[]}"#), None);
    }
}
