//! A client's request as a chat request.

use super::{
    tools::{choice, tools},
    turns,
};
use crate::{
    api::chat::{
        Extensions,
        compose::{Format, Message, Request, Schema, Text, Translated, note},
        field::{Field, Place, flag, list, object, string},
        names::Names,
        request::bad,
    },
    fault::{Fault, FaultKind},
    json::{Object, Quoted, Raw},
};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};
use std::collections::BTreeSet;

/// What this API calls the fields of a chat request.
const NAMES: Names = Names {
    messages: "messages",
    system: "system",
    parameters: ".input_schema",
    effort: "output_config.effort",
    format: "output_config.format",
    fields: &[
        ("max_completion_tokens", "max_tokens"),
        (
            "parallel_tool_calls",
            "tool_choice.disable_parallel_tool_use",
        ),
        ("stop", "stop_sequences"),
        ("user", "metadata.user_id"),
    ],
};

/// Longest user id that OpenAI takes. Source: OpenAI API reference, `safety_identifier`, read 2026-11.
const MAX_USER_ID: usize = 64;

#[derive(Deserialize)]
struct Thinking<'a> {
    #[serde(borrow, default)]
    r#type: Field<'a>,
    #[serde(borrow, default)]
    budget_tokens: Field<'a>,
}

#[derive(Deserialize)]
struct OutputConfig<'a> {
    #[serde(borrow, default)]
    effort: Field<'a>,
    #[serde(borrow, default)]
    format: Field<'a>,
}

#[derive(Deserialize)]
struct OutputFormat<'a> {
    #[serde(borrow, default)]
    r#type: Field<'a>,
    #[serde(borrow, default)]
    schema: Field<'a>,
}

#[derive(Deserialize)]
struct Metadata<'a> {
    #[serde(borrow, default)]
    user_id: Field<'a>,
}

/// Writes `body` as a chat request to `model`; `takes`: what the dialect reads beyond OpenAI's fields.
///
/// Errors: `BadRequest` or `Unsupported` that names the client's field.
pub fn read(body: &Object<'_>, model: &str, takes: Extensions) -> Result<Translated, Fault> {
    let mut dropped = Vec::new();
    for (key, raw) in body.iter() {
        match key {
            _ if raw.get() == "null" => {}
            "max_tokens" | "messages" | "metadata" | "model" | "output_config"
            | "output_format" | "service_tier" | "stop_sequences" | "stream" | "system"
            | "temperature" | "thinking" | "tool_choice" | "tools" | "top_k" | "top_p" => {}
            // Their effect would be missed in the answer.
            "container" | "mcp_servers" => return Err(only_anthropic(key)),
            _ => note(&mut dropped, key),
        }
    }
    let raw = |key| body.read::<&RawValue>(key).unwrap_or_default();
    let mut messages = system(raw("system"), takes, &mut dropped)?;
    turns::translate(body, takes, &mut dropped, &mut messages)?;
    let (tool_choice, parallel_tool_calls) = choice(raw("tool_choice"))?;
    let mut request = Request {
        model,
        stream: flag(raw("stream"), &Place::root("stream"))?.filter(|on| *on),
        messages,
        max_completion_tokens: raw("max_tokens"),
        stop: stops(raw("stop_sequences"), takes)?,
        temperature: raw("temperature"),
        top_p: raw("top_p"),
        tools: tools(body, takes, &mut dropped)?,
        tool_choice,
        parallel_tool_calls,
        user: user(raw("metadata"), &mut dropped)?,
        service_tier: tier(raw("service_tier"))?,
        ..Request::default()
    };
    match raw("top_k") {
        Some(_) if !takes.top_k => note(&mut dropped, "top_k"),
        top_k => request.top_k = top_k,
    }
    let place = Place::root("output_config");
    let config: Option<OutputConfig<'_>> = raw("output_config")
        .map(|raw| object(raw, &place))
        .transpose()?;
    let (effort, format) = config.map_or((None, None), |config| (config.effort, config.format));
    let mut names = NAMES;
    request.reasoning_effort = effort_of(effort, &place)?;
    if request.reasoning_effort.is_none() {
        names.effort = "thinking";
    }
    think(&mut request, raw("thinking"), takes, &mut dropped)?;
    let (format, place) = match format {
        Some(_) => (format, place.key("format")),
        // The name of the beta.
        None => {
            names.format = "output_format";
            (raw("output_format"), Place::root("output_format"))
        }
    };
    request.response_format = format.map(|raw| form(raw, &place)).transpose()?;
    Ok(request.write(body.source().len(), names, dropped))
}

fn only_anthropic(key: &str) -> Fault {
    let message = format!("`{key}` works with Anthropic's own API only; leave it out.");
    Fault::new(FaultKind::Unsupported, message).at(key)
}

/// The system prompt, which has a place of its own here, as the first message.
fn system<'a>(
    raw: Field<'a>,
    takes: Extensions,
    dropped: &mut Vec<String>,
) -> Result<Vec<Message<'a>>, Fault> {
    let Some(raw) = raw else {
        return Ok(Vec::new());
    };
    let content = turns::texts(raw, &Place::root("system"), takes, dropped)?;
    Ok(content
        .map(|content| Message {
            role: "system",
            content: Some(content),
            ..Message::default()
        })
        .into_iter()
        .collect())
}

fn stops(raw: Field<'_>, takes: Extensions) -> Result<Field<'_>, Fault> {
    let Some(raw) = raw else { return Ok(None) };
    match serde_json::from_str::<Vec<&RawValue>>(raw.get()) {
        Ok(list) if list.is_empty() => Ok(None),
        Ok(list) if !list.iter().all(|stop| Quoted::of(stop).is_some()) => {
            Err(Place::root("stop_sequences").wrong("a list of strings"))
        }
        Ok(list) if takes.max_stops.is_some_and(|most| list.len() > most) => {
            let most = takes.max_stops.unwrap_or_default();
            let message = format!(
                "`stop_sequences` must hold {most} at most: this model's provider takes no more."
            );
            Err(Fault::new(FaultKind::Unsupported, message).at("stop_sequences"))
        }
        Ok(_) => Ok(Some(raw)),
        _ => Err(Place::root("stop_sequences").wrong("a list of strings")),
    }
}

/// Another provider is told who the user is where the name fits.
fn user<'a>(raw: Field<'a>, dropped: &mut Vec<String>) -> Result<Option<Quoted<'a>>, Fault> {
    let Some(raw) = raw else { return Ok(None) };
    let place = Place::root("metadata");
    let fields: Metadata<'a> = object(raw, &place)?;
    let user = string(fields.user_id, &place.key("user_id"))?.filter(|user| !user.is_empty());
    if user.is_some_and(|user| user.inner().len() > MAX_USER_ID) {
        note(dropped, "metadata.user_id");
        return Ok(None);
    }
    Ok(user)
}

/// `standard_only` is capacity at the standard price, which OpenAI calls `default`.
fn tier(raw: Field<'_>) -> Result<Option<Text<'_>>, Fault> {
    let tier = string(raw, &Place::root("service_tier"))?;
    Ok(tier.map(|tier| match &*tier.text() {
        "standard_only" => Text::Word("default"),
        _ => Text::Kept(tier),
    }))
}

fn effort_of(raw: Field<'_>, place: &Place<'_>) -> Result<Option<Text<'static>>, Fault> {
    let place = place.key("effort");
    let Some(word) = string(raw, &place)? else {
        return Ok(None);
    };
    let known = ["low", "medium", "high", "xhigh", "max"];
    let found = known.into_iter().find(|known| word == **known);
    found
        .map(|word| Some(Text::Word(word)))
        .ok_or_else(|| place.wrong("one of low, medium, high, xhigh, max"))
}

/// A budget as the effort that comes nearest; an effort that the client gave itself wins. Adaptive
/// thinking is what other models do unasked. Where none is wanted, an effort would turn it on.
fn think<'a>(
    request: &mut Request<'a>,
    raw: Field<'a>,
    takes: Extensions,
    dropped: &mut Vec<String>,
) -> Result<(), Fault> {
    let Some(raw) = raw else { return Ok(()) };
    let place = Place::root("thinking");
    let fields: Thinking<'a> = object(raw, &place)?;
    let place_of_type = place.key("type");
    let kind = string(fields.r#type, &place_of_type)?.ok_or_else(|| place_of_type.missing())?;
    if takes.thinking {
        request.thinking = Some(raw);
        return Ok(());
    }
    let effort = match &*kind.text() {
        "enabled" => {
            let place = place.key("budget_tokens");
            let budget = fields.budget_tokens.ok_or_else(|| place.missing())?;
            let budget: u64 = serde_json::from_str(budget.get())
                .map_err(|_| place.wrong("a whole number of at least 1024"))?;
            Some(match budget {
                0..=2048 => "low",
                2049..=8192 => "medium",
                _ => "high",
            })
        }
        "disabled" | "between_tools" => {
            if request.reasoning_effort.take().is_some() {
                note(dropped, "output_config.effort");
            }
            // Where nothing is known of the model, the word could be refused.
            takes.reasoning.then_some("none")
        }
        "adaptive" => None,
        _ => {
            return Err(place_of_type.wrong("one of enabled, adaptive, disabled, between_tools"));
        }
    };
    if request.reasoning_effort.is_none() {
        request.reasoning_effort = effort.map(Text::Word);
    }
    Ok(())
}

fn form<'a>(raw: &'a RawValue, place: &Place<'_>) -> Result<Format<'a>, Fault> {
    let fields: OutputFormat<'a> = object(raw, place)?;
    let kind = string(fields.r#type, &place.key("type"))?;
    if kind.is_none_or(|kind| kind != *"json_schema") {
        let place = place.key("type");
        return Err(bad(format!("`{place}` must be \"json_schema\".")).at(place));
    }
    let place = place.key("schema");
    let schema = fields.schema.ok_or_else(|| place.missing())?;
    if !schema.get().starts_with('{') {
        return Err(place.wrong("a JSON schema object"));
    }
    Ok(Format {
        r#type: "json_schema",
        json_schema: Some(Schema {
            name: Text::Word("answer"),
            description: None,
            schema,
            strict: Some(is_strict(schema)),
        }),
    })
}

/// Whether OpenAI enforces a schema like this: every object closed, every property required.
/// Source: platform.openai.com, "Structured outputs", supported schemas, read 2026-11.
pub(super) fn is_strict(schema: &RawValue) -> bool {
    is_closed(&serde_json::from_str(schema.get()).unwrap_or_default())
}

fn is_closed(schema: &Value) -> bool {
    match schema {
        Value::Array(list) => list.iter().all(is_closed),
        Value::Object(fields) => {
            let properties = match fields.get("properties") {
                Some(Value::Object(properties)) => Some(properties),
                _ => None,
            };
            let is_object = match fields.get("type") {
                Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "object"),
                kind => kind.is_some_and(|kind| kind == "object"),
            };
            let closed = fields.get("additionalProperties") == Some(&Value::Bool(false));
            if (is_object || properties.is_some()) && !closed {
                return false;
            }
            let required = fields.get("required").and_then(Value::as_array);
            let names = required.into_iter().flatten().filter_map(Value::as_str);
            let named: BTreeSet<&str> = names.collect();
            let mut properties = properties.into_iter().flat_map(|map| map.keys());
            properties.all(|name| named.contains(&**name)) && fields.values().all(is_closed)
        }
        _ => true,
    }
}

/// Checks that a list of messages is there.
pub(super) fn messages<'s, T: Deserialize<'s>>(
    body: &'s Object<'_>,
) -> Result<Vec<crate::api::chat::field::Map<T>>, Fault> {
    let place = Place::root("messages");
    let list = list::<T>(None, body.raw("messages").map(Raw::get), &place)?;
    if list.is_empty() {
        return Err(bad("`messages` must hold at least one message.").at("messages"));
    }
    Ok(list)
}
