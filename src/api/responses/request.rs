//! A client's request as a chat request.

use super::{
    items, only_openai,
    tools::{choice, tools},
};
use crate::{
    api::chat::{
        Extensions,
        compose::{Content, Format, Message, Request, Schema, Text, Translated, note},
        field::{Field, Place, flag, needed, object, string},
        names::Names,
        request::bad,
    },
    fault::Fault,
    json::{Object, Raw},
};
use serde::Deserialize;
use serde_json::value::RawValue;

/// What this API calls the fields of a chat request.
const NAMES: Names = Names {
    messages: "input",
    system: "instructions",
    parameters: ".parameters",
    effort: "reasoning.effort",
    format: "text.format",
    fields: &[
        ("max_completion_tokens", "max_output_tokens"),
        ("max_tokens", "max_output_tokens"),
        ("verbosity", "text.verbosity"),
    ],
};

const STATELESS: &str = "needs an answer that was stored; this gateway stores none. Send the whole conversation in `input`.";

#[derive(Deserialize)]
struct TextFields<'a> {
    #[serde(borrow, default)]
    format: Field<'a>,
    #[serde(borrow, default)]
    verbosity: Field<'a>,
}

#[derive(Deserialize)]
struct FormatFields<'a> {
    #[serde(borrow, default)]
    r#type: Field<'a>,
    #[serde(borrow, default)]
    name: Field<'a>,
    #[serde(borrow, default)]
    description: Field<'a>,
    #[serde(borrow, default)]
    schema: Field<'a>,
    #[serde(borrow, default)]
    strict: Field<'a>,
}

#[derive(Deserialize)]
struct Reasoning<'a> {
    #[serde(borrow, default)]
    effort: Field<'a>,
}

/// Writes `body` as a chat request to `model`; `takes`: what the dialect reads beyond OpenAI's fields.
///
/// Errors: `BadRequest` or `Unsupported` that names the client's field.
pub fn read(body: &Object<'_>, model: &str, takes: Extensions) -> Result<Translated, Fault> {
    let mut dropped = Vec::new();
    for (key, raw) in body.iter() {
        match (key, raw.get()) {
            (_, "null") => {}
            (
                "input"
                | "instructions"
                | "max_output_tokens"
                | "metadata"
                | "model"
                | "parallel_tool_calls"
                | "prompt_cache_key"
                | "reasoning"
                | "safety_identifier"
                | "service_tier"
                | "stream"
                | "stream_options"
                | "temperature"
                | "text"
                | "tool_choice"
                | "tools"
                | "top_p"
                | "user",
                _,
            ) => {}
            ("store" | "background", "false") | ("truncation", "\"disabled\"") => {}
            ("top_logprobs", "0") => {}
            ("include", list) => include(list, &mut dropped),
            ("previous_response_id" | "conversation", _) => {
                return Err(only_openai(key, STATELESS));
            }
            ("background", _) => {
                return Err(only_openai(
                    key,
                    "is not possible here: this model's provider answers at once or not at all; leave it out.",
                ));
            }
            ("prompt", _) => {
                return Err(only_openai(
                    key,
                    "names a template that OpenAI keeps; send `input` and `instructions` instead.",
                ));
            }
            ("top_logprobs", _) => {
                return Err(only_openai(
                    key,
                    "is not supported by this model's provider; leave it out.",
                ));
            }
            _ => note(&mut dropped, key),
        }
    }
    let raw = |key| body.read::<&RawValue>(key).unwrap_or_default();
    let mut messages = Vec::new();
    if let Some(text) = string(raw("instructions"), &Place::root("instructions"))?
        && !text.is_empty()
    {
        messages.push(Message {
            role: "system",
            content: Some(Content::Text(Text::Kept(text))),
            ..Message::default()
        });
    }
    items::translate(raw("input"), takes, &mut dropped, &mut messages)?;
    let place = Place::root("text");
    let text: Option<TextFields<'_>> = raw("text").map(|raw| object(raw, &place)).transpose()?;
    let (format, verbosity) = text.map_or((None, None), |text| (text.format, text.verbosity));
    let request = Request {
        model,
        stream: flag(raw("stream"), &Place::root("stream"))?.filter(|on| *on),
        messages,
        max_completion_tokens: raw("max_output_tokens"),
        temperature: raw("temperature"),
        top_p: raw("top_p"),
        reasoning_effort: effort(raw("reasoning"))?,
        verbosity,
        response_format: format
            .map(|raw| form(raw, &place.key("format")))
            .transpose()?
            .flatten(),
        tools: tools(body.raw("tools").map(Raw::get))?,
        tool_choice: choice(raw("tool_choice"))?,
        parallel_tool_calls: flag(
            raw("parallel_tool_calls"),
            &Place::root("parallel_tool_calls"),
        )?,
        user: string(raw("user"), &Place::root("user"))?,
        safety_identifier: raw("safety_identifier"),
        prompt_cache_key: raw("prompt_cache_key"),
        service_tier: string(raw("service_tier"), &Place::root("service_tier"))?.map(Text::Kept),
        ..Request::default()
    };
    Ok(request.write(body.source().len(), NAMES, dropped))
}

/// Reasoning comes with its opaque content unasked; other extras do not exist elsewhere.
fn include(list: &str, dropped: &mut Vec<String>) {
    let asked: Vec<crate::json::Str<'_>> = serde_json::from_str(list).unwrap_or_default();
    if asked
        .iter()
        .any(|name| **name != *"reasoning.encrypted_content")
    {
        note(dropped, "include");
    }
}

fn effort(raw: Field<'_>) -> Result<Option<Text<'_>>, Fault> {
    let Some(raw) = raw else { return Ok(None) };
    let place = Place::root("reasoning");
    let fields: Reasoning<'_> = object(raw, &place)?;
    // Which words there are depends on the model; the dialect knows.
    Ok(string(fields.effort, &place.key("effort"))?.map(Text::Kept))
}

fn form<'a>(raw: &'a RawValue, place: &Place<'_>) -> Result<Option<Format<'a>>, Fault> {
    let fields: FormatFields<'a> = object(raw, place)?;
    match &*needed(fields.r#type, &place.key("type"))?.text() {
        "text" => Ok(None),
        "json_object" => Ok(Some(Format {
            r#type: "json_object",
            json_schema: None,
        })),
        "json_schema" => {
            let at = place.key("schema");
            let schema = fields.schema.ok_or_else(|| at.missing())?;
            Ok(Some(Format {
                r#type: "json_schema",
                json_schema: Some(Schema {
                    name: Text::Kept(needed(fields.name, &place.key("name"))?),
                    description: string(fields.description, &place.key("description"))?,
                    schema,
                    strict: flag(fields.strict, &place.key("strict"))?,
                }),
            }))
        }
        _ => {
            let place = place.key("type");
            let message = format!("`{place}` must be text, json_object or json_schema.");
            Err(bad(message).at(place))
        }
    }
}
