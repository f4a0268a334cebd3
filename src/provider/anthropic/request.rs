//! A client's request in Anthropic's words.

use super::{
    Anthropic,
    host::IN_BODY,
    messages,
    model::{Model, model},
    note,
    sampling::{self, Allowed},
    schema,
    thinking::{self, Around},
    tools,
    wire::{Block, Body, Metadata, Words},
};
use crate::{
    api::chat::{
        Chat, message,
        tool::{self, Format},
    },
    fault::{Fault, FaultKind},
    json::{self, Object, Quoted, Raw},
    provider::{
        OutBody, Outgoing, answer_tool,
        params::{self, Rule},
    },
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Refused is what the client would miss in the answer: it asked for something that only OpenAI's
/// models give. Dropped are hints, and limits of taste that this API does not have.
/// Source: OpenAI API reference, "Create chat completion"; docs.claude.com, "OpenAI SDK
/// compatibility" (what has no counterpart); read 2026-11.
const PARAMETERS: &[(&str, Rule)] = &[
    ("audio", Rule::Refuse),
    ("frequency_penalty", Rule::Drop),
    ("function_call", Rule::Handled),
    ("functions", Rule::Handled),
    ("logit_bias", Rule::Drop),
    ("logprobs", Rule::Handled),
    ("max_completion_tokens", Rule::Handled),
    ("max_tokens", Rule::Handled),
    ("messages", Rule::Handled),
    ("metadata", Rule::Handled),
    ("modalities", Rule::Handled),
    ("model", Rule::Handled),
    ("n", Rule::Handled),
    ("output_config", Rule::Handled),
    ("parallel_tool_calls", Rule::Handled),
    ("prediction", Rule::Drop),
    ("presence_penalty", Rule::Drop),
    ("prompt_cache_key", Rule::Drop),
    ("prompt_cache_retention", Rule::Drop),
    ("reasoning_effort", Rule::Handled),
    ("response_format", Rule::Handled),
    ("safety_identifier", Rule::Handled),
    ("seed", Rule::Drop),
    ("service_tier", Rule::Handled),
    ("stop", Rule::Handled),
    ("store", Rule::Drop),
    ("stream", Rule::Handled),
    ("stream_options", Rule::Handled),
    ("temperature", Rule::Handled),
    ("thinking", Rule::Handled),
    ("tool_choice", Rule::Handled),
    ("tools", Rule::Handled),
    ("top_k", Rule::Handled),
    ("top_logprobs", Rule::Handled),
    ("top_p", Rule::Handled),
    ("user", Rule::Handled),
    ("verbosity", Rule::Drop),
    ("web_search_options", Rule::Refuse),
];

/// There is no mode for JSON without a schema; asking is the documented way.
/// Source: docs.claude.com, "Increase output consistency", read 2026-11.
pub(in crate::provider) const JSON_ONLY: &str =
    "Answer with one valid JSON object and nothing else: no text around it and no code fence.";

/// The complete request.
///
/// Errors: what cannot be carried and must not be lost; names the field.
pub(super) fn translate(dialect: &Anthropic, chat: &Chat<'_>) -> Result<Outgoing, Fault> {
    let host = &dialect.host;
    let (mut kept, mut dropped) = params::apply(PARAMETERS, dialect.common.unknown, &chat.body)?;
    if host.is_other_s() {
        for key in IN_BODY {
            kept.remove(key);
        }
        dropped.retain(|key| !IN_BODY.contains(&key.as_str()));
    }
    refuse_what_would_be_missed(chat)?;
    let model = model(&chat.model);
    if !model.schemas
        && let Some(wrapped) = answer_tool::wrap(chat)?
    {
        let mut outgoing = translate(dialect, &wrapped.chat)?;
        if wrapped.strict {
            note(&mut outgoing.dropped, answer_tool::STRICT);
        }
        outgoing.answer_tool = wrapped.name;
        return Ok(outgoing);
    }
    let messages = message::messages(chat)?;
    let mut talk = messages::translate(&messages, &mut dropped)?;
    host.can_fetch(&talk)?;
    if talk.is_prefilled() && !model.prefill {
        let place = format!("messages[{}]", messages.len().saturating_sub(1));
        let message = format!(
            "`{place}` must not be an assistant message: this model does not continue its own words."
        );
        return Err(Fault::new(FaultKind::Unsupported, message).at(place));
    }
    let tools = tools::translate(chat, &model, &mut dropped)?;
    let format = format(chat, &mut dropped)?;
    if matches!(format, Asked::Json) {
        talk.system.0.push(Block::Text {
            text: Words::Made(JSON_ONLY.to_owned()),
            cache_control: None,
        });
    }
    let limit = limit(chat)?;
    let around = Around {
        max_tokens: limit.map_or_else(
            || dialect.default_max_tokens.unwrap_or(model.max_tokens),
            |limit| limit.min(most(&model)),
        ),
        limited: limit.is_some(),
        unthinking: talk.is_prefilled() || talk.lost_its_thoughts(),
        forced: tools.forced(),
    };
    let plan = thinking::plan(chat, &model, around, &mut dropped)?;
    let allowed = if host.refuses_sampling() || !model.sampling {
        Allowed::Nothing
    } else if plan.thinks() {
        Allowed::Thinking
    } else {
        Allowed::All
    };
    let sampling = sampling::choose(chat, allowed, &mut dropped)?;
    let told = host.in_body(chat)?;
    let body = Body {
        model: told.model,
        anthropic_version: told.anthropic_version,
        anthropic_beta: told.anthropic_beta,
        max_tokens: plan.max_tokens,
        stream: told.stream,
        system: talk.system,
        messages: talk.turns,
        tools: tools.tools,
        tool_choice: tools.choice,
        stop_sequences: stop(chat, Quoted::is_blank, &mut dropped)?,
        temperature: sampling.temperature,
        top_p: sampling.top_p,
        top_k: sampling.top_k,
        thinking: plan.thinking,
        output_config: output_config(chat, plan.effort, format)?,
        metadata: metadata(chat, &mut dropped)?,
        service_tier: service_tier(chat, host.has_tiers(), &mut dropped)?,
    };
    Ok(Outgoing {
        path: host.path(&dialect.common.base_path, &chat.model, chat.stream),
        headers: host.headers(),
        body: OutBody::Whole(json::write(&body, &kept, chat.body.source().len())),
        dropped,
        answer_tool: None,
    })
}

/// Parameters whose effect the client would look for in the answer.
pub(in crate::provider) fn refuse_what_would_be_missed(chat: &Chat<'_>) -> Result<(), Fault> {
    let text = |key| chat.body.raw(key).map(Raw::get);
    let asks = [
        ("n", !matches!(text("n"), None | Some("null" | "1"))),
        (
            "logprobs",
            !matches!(text("logprobs"), None | Some("null" | "false")),
        ),
        (
            "top_logprobs",
            !matches!(text("top_logprobs"), None | Some("null" | "0")),
        ),
        (
            "modalities",
            text("modalities").is_some_and(|list| list.contains("\"audio\"")),
        ),
    ];
    match asks.iter().find(|(_, asked)| *asked) {
        None => Ok(()),
        Some((key, _)) => {
            let message =
                format!("`{key}` is not supported by this model's provider; leave it out.");
            Err(Fault::new(FaultKind::Unsupported, message).at(key))
        }
    }
}

/// The client's limit; the newer name wins. Units: tokens.
pub(in crate::provider) fn limit(chat: &Chat<'_>) -> Result<Option<u64>, Fault> {
    for key in ["max_completion_tokens", "max_tokens"] {
        match chat.body.read::<u64>(key) {
            Ok(None) => {}
            Ok(Some(count)) if count > 0 => return Ok(Some(count)),
            _ => return Err(wrong(key, "a whole number of at least 1")),
        }
    }
    Ok(None)
}

/// A client that asks for more than there can be gets all there is, as elsewhere in the plan.
pub(in crate::provider) const fn most(model: &Model) -> u64 {
    if model.known {
        model.max_tokens
    } else {
        u64::MAX
    }
}

enum Asked<'a> {
    Prose,
    Json,
    Schema(&'a RawValue, Option<Box<RawValue>>),
}

fn format<'a>(chat: &'a Chat<'_>, dropped: &mut Vec<String>) -> Result<Asked<'a>, Fault> {
    match tool::format(chat)? {
        Format::Text => Ok(Asked::Prose),
        Format::JsonObject => {
            // Asked for, but nothing enforces it.
            note(dropped, "response_format");
            Ok(Asked::Json)
        }
        Format::JsonSchema(schema) => {
            let fitted = schema::fit(schema);
            if fitted.loosened {
                note(dropped, "response_format.json_schema.schema");
            }
            Ok(Asked::Schema(schema, fitted.schema))
        }
    }
}

#[derive(Serialize)]
struct JsonSchema<'a> {
    r#type: &'static str,
    schema: &'a RawValue,
}

/// What the client gave natively stays; effort and format are added where it is silent.
fn output_config(
    chat: &Chat<'_>,
    effort: Option<&'static str>,
    format: Asked<'_>,
) -> Result<Option<Box<RawValue>>, Fault> {
    let native: Option<&RawValue> = chat.body.read("output_config").unwrap_or_default();
    let native = native.map(|raw| Object::parse(raw.get())).transpose();
    let mut config = native
        .map_err(|_| wrong("output_config", "an object"))?
        .unwrap_or_default();
    if let Some(effort) = effort
        && config.raw("effort").is_none()
    {
        // Strings and schemas are always writable, here and below.
        let _ = config.set("effort", effort);
    }
    if let Asked::Schema(kept, made) = &format
        && config.raw("format").is_none()
    {
        let schema = JsonSchema {
            r#type: "json_schema",
            schema: made.as_deref().unwrap_or(kept),
        };
        let _ = config.set("format", &schema);
    }
    if config.is_empty() {
        return Ok(None);
    }
    let text = String::from_utf8(config.to_vec()).unwrap_or_default();
    Ok(RawValue::from_string(text).ok())
}

/// A string or a list becomes a list, without those that are refused upstream.
pub(in crate::provider) fn stop<'a>(
    chat: &'a Chat<'_>,
    refused: fn(Quoted<'a>) -> bool,
    dropped: &mut Vec<String>,
) -> Result<Vec<Quoted<'a>>, Fault> {
    let Some(raw): Option<&RawValue> = chat.body.read("stop").unwrap_or_default() else {
        return Ok(Vec::new());
    };
    let list: Option<Vec<Quoted<'a>>> = match Quoted::of(raw) {
        Some(stop) => Some(vec![stop]),
        None => serde_json::from_str::<Vec<&RawValue>>(raw.get())
            .ok()
            .and_then(|list| list.into_iter().map(Quoted::of).collect()),
    };
    let mut list = list.ok_or_else(|| wrong("stop", "a string or a list of strings"))?;
    let all = list.len();
    list.retain(|stop| !refused(*stop));
    if list.len() < all {
        note(dropped, "stop");
    }
    Ok(list)
}

#[derive(Deserialize)]
struct MetadataFields<'a> {
    #[serde(borrow, default)]
    user_id: Option<&'a RawValue>,
}

/// Anthropic knows one word of metadata: who the user is.
fn metadata<'a>(
    chat: &'a Chat<'_>,
    dropped: &mut Vec<String>,
) -> Result<Option<Metadata<'a>>, Fault> {
    let string = |key: &'static str, raw: Option<&'a RawValue>| match raw.map(Quoted::of) {
        Some(None) => Err(wrong(key, "a string")),
        Some(Some(text)) => Ok(Some(text).filter(|text| !text.is_blank())),
        None => Ok(None),
    };
    let mut user_id = None;
    let given: Option<&RawValue> = chat.body.read("metadata").unwrap_or_default();
    if let Some(raw) = given {
        let fields = Object::parse(raw.get()).map_err(|_| wrong("metadata", "an object"))?;
        if fields.iter().any(|(key, _)| key != "user_id") {
            note(dropped, "metadata");
        }
        let fields = serde_json::from_str::<MetadataFields<'a>>(raw.get());
        user_id = string("metadata.user_id", fields.ok().and_then(|f| f.user_id))?;
    }
    for key in ["safety_identifier", "user"] {
        if user_id.is_none() {
            user_id = string(key, chat.body.read(key).unwrap_or_default())?;
        }
    }
    Ok(user_id.map(|user_id| Metadata { user_id }))
}

/// OpenAI's `default` is capacity at the standard price only; `auto` means the same on both sides.
/// Source: docs.claude.com, "Service tiers", read 2026-11.
fn service_tier(
    chat: &Chat<'_>,
    offered: bool,
    dropped: &mut Vec<String>,
) -> Result<Option<&'static str>, Fault> {
    let Some(raw): Option<&RawValue> = chat.body.read("service_tier").unwrap_or_default() else {
        return Ok(None);
    };
    let tier = Quoted::of(raw).ok_or_else(|| wrong("service_tier", "a string"))?;
    match &*tier.text() {
        "auto" if !offered => Ok(None),
        "auto" => Ok(Some("auto")),
        "default" | "standard_only" if offered => Ok(Some("standard_only")),
        _ => {
            note(dropped, "service_tier");
            Ok(None)
        }
    }
}

pub(in crate::provider) fn wrong(key: &str, want: &str) -> Fault {
    Fault::new(FaultKind::BadRequest, format!("`{key}` must be {want}.")).at(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::{
        Common,
        anthropic::{Version, host::Host},
        params::Unknown,
    };

    fn sent(fields: &str, unknown: Unknown) -> Result<(String, String), String> {
        let dialect = Anthropic {
            common: Common {
                base_path: "/v1".into(),
                unknown,
            },
            default_max_tokens: None,
            host: Host::Own(Version::June2023),
        };
        let body = format!(
            r#"{{"model":"claude-haiku-4-5","messages":[{{"role":"user","content":"h\u0069"}}]{fields}}}"#
        );
        let chat = Chat::parse(body.as_bytes()).unwrap();
        let outgoing = translate(&dialect, &chat).map_err(|fault| fault.message.into_owned())?;
        assert_eq!(outgoing.path, "/v1/messages");
        let sent = outgoing.body.apply(body.as_bytes());
        Ok((String::from_utf8(sent).unwrap(), outgoing.dropped.join(",")))
    }

    const PLAIN: &str = r#"{"model":"claude-haiku-4-5","max_tokens":64000,"messages":[{"role":"user","content":"h\u0069"}]"#;

    #[test]
    fn what_is_said_twice_is_taken_once_and_what_is_unknown_follows_the_setting() {
        let cases = [
            ("", Unknown::Keep, "}", ""),
            (
                r#","new":{"a":1.10}"#,
                Unknown::Keep,
                r#","new":{"a":1.10}}"#,
                "",
            ),
            (r#","new":1"#, Unknown::Drop, "}", "new"),
            (
                r#","seed":1,"store":null,"logit_bias":{"1":1}"#,
                Unknown::Keep,
                "}",
                "seed,logit_bias",
            ),
            (
                r#","n":1,"logprobs":false,"modalities":["text"]"#,
                Unknown::Refuse,
                "}",
                "",
            ),
            (
                r#","user":"u","safety_identifier":"s""#,
                Unknown::Keep,
                r#","metadata":{"user_id":"s"}}"#,
                "",
            ),
            (
                r#","user":"u","metadata":{"user_id":"m","k":"v"}"#,
                Unknown::Keep,
                r#","metadata":{"user_id":"m"}}"#,
                "metadata",
            ),
            (
                r#","service_tier":"default""#,
                Unknown::Keep,
                r#","service_tier":"standard_only"}"#,
                "",
            ),
            (r#","stop":"""#, Unknown::Keep, "}", "stop"),
            (
                r#","output_config":{"format":{"type":"json_schema","schema":{}},"x":1},"response_format":{"type":"text"}"#,
                Unknown::Keep,
                r#","output_config":{"format":{"type":"json_schema","schema":{}},"x":1}}"#,
                "",
            ),
        ];
        for (fields, unknown, end, dropped) in cases {
            let want = Ok((format!("{PLAIN}{end}"), dropped.to_owned()));
            assert_eq!(sent(fields, unknown), want, "{fields}");
        }
    }

    #[test]
    fn the_newer_limit_wins_and_none_exceeds_what_the_model_can() {
        let limit = |fields: &str| {
            let (body, _) = sent(fields, Unknown::Keep).unwrap();
            let limit = body.split(r#""max_tokens":"#).nth(1).unwrap();
            limit.split(',').next().unwrap().to_owned()
        };
        assert_eq!(limit(r#","max_tokens":5"#), "5");
        assert_eq!(limit(r#","max_tokens":5,"max_completion_tokens":9"#), "9");
        assert_eq!(
            limit(r#","max_tokens":5,"max_completion_tokens":null"#),
            "5"
        );
        assert_eq!(limit(r#","max_tokens":100000"#), "64000");
    }

    #[test]
    fn what_would_be_missed_or_is_wrong_is_refused_by_name() {
        let unsupported = |key: &str| {
            Err(format!(
                "`{key}` is not supported by this model's provider; leave it out."
            ))
        };
        for (fields, key) in [
            (r#","n":2"#, "n"),
            (r#","logprobs":true"#, "logprobs"),
            (r#","top_logprobs":3"#, "top_logprobs"),
            (r#","modalities":["text","audio"]"#, "modalities"),
            (r#","web_search_options":{}"#, "web_search_options"),
        ] {
            assert_eq!(sent(fields, Unknown::Keep), unsupported(key), "{fields}");
        }
        for (fields, message) in [
            (
                r#","max_tokens":0"#,
                "`max_tokens` must be a whole number of at least 1.",
            ),
            (
                r#","max_tokens":1.5"#,
                "`max_tokens` must be a whole number of at least 1.",
            ),
            (
                r#","stop":[1]"#,
                "`stop` must be a string or a list of strings.",
            ),
            (r#","user":7"#, "`user` must be a string."),
            (r#","metadata":"x""#, "`metadata` must be an object."),
            (r#","service_tier":1"#, "`service_tier` must be a string."),
            (
                r#","output_config":1"#,
                "`output_config` must be an object.",
            ),
        ] {
            assert_eq!(
                sent(fields, Unknown::Keep),
                Err(message.to_owned()),
                "{fields}"
            );
        }
    }
}
