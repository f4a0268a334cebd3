//! The tools of a request, and which of them must be used.

use super::request::is_strict;
use crate::{
    api::chat::{
        Extensions,
        compose::{Choice, Declared, Named, Tool, note},
        field::{Field, Map, Place, flag, list, needed, object, string},
    },
    fault::{Fault, FaultKind},
    json::{Object, Raw},
};
use serde::Deserialize;

#[derive(Deserialize)]
struct ToolFields<'a> {
    #[serde(borrow, default)]
    r#type: Field<'a>,
    #[serde(borrow, default)]
    name: Field<'a>,
    #[serde(borrow, default)]
    description: Field<'a>,
    #[serde(borrow, default)]
    input_schema: Field<'a>,
    #[serde(borrow, default)]
    strict: Field<'a>,
    #[serde(borrow, default)]
    cache_control: Field<'a>,
    #[serde(borrow, default)]
    input_examples: Field<'a>,
    #[serde(borrow, default)]
    defer_loading: Field<'a>,
    #[serde(borrow, default)]
    allowed_callers: Field<'a>,
}

#[derive(Deserialize)]
struct ChoiceFields<'a> {
    #[serde(borrow, default)]
    r#type: Field<'a>,
    #[serde(borrow, default)]
    name: Field<'a>,
    #[serde(borrow, default)]
    disable_parallel_tool_use: Field<'a>,
}

/// Errors: `Unsupported` for a tool that only Anthropic has, `BadRequest` for a malformed one.
pub(super) fn tools<'a>(
    body: &'a Object<'_>,
    takes: Extensions,
    dropped: &mut Vec<String>,
) -> Result<Vec<Tool<'a>>, Fault> {
    let place = Place::root("tools");
    let fields = list::<ToolFields<'a>>(None, body.raw("tools").map(Raw::get), &place)?;
    let tools = fields.into_iter().enumerate().map(|(index, Map(fields))| {
        let place = place.index(index);
        if let Some(kind) = string(fields.r#type, &place.key("type"))?
            && kind != *"custom"
        {
            let place = place.key("type");
            let message = format!(
                "`{place}` \"{}\" is a tool of Anthropic's own, which this model's provider does not have; declare a tool with `name` and `input_schema` instead.",
                kind.text().chars().take(64).collect::<String>()
            );
            return Err(Fault::new(FaultKind::Unsupported, message).at(place));
        }
        let at = place.key("input_schema");
        let parameters = fields.input_schema.ok_or_else(|| at.missing())?;
        if !parameters.get().starts_with('{') {
            return Err(at.wrong("a JSON schema object"));
        }
        for (field, name) in [
            (fields.input_examples, "tools[].input_examples"),
            (fields.defer_loading, "tools[].defer_loading"),
            (fields.allowed_callers, "tools[].allowed_callers"),
        ] {
            if field.is_some() {
                note(dropped, name);
            }
        }
        if fields.cache_control.is_some() && !takes.marks {
            note(dropped, "cache_control");
        }
        let mut strict = flag(fields.strict, &place.key("strict"))?;
        if strict == Some(true) && !takes.any_strict && !is_strict(parameters) {
            strict = None;
            note(dropped, "tools[].strict");
        }
        Ok(Tool {
            r#type: "function",
            function: Declared {
                name: needed(fields.name, &place.key("name"))?,
                description: string(fields.description, &place.key("description"))?,
                parameters: Some(parameters),
                strict,
            },
            cache_control: fields.cache_control.filter(|_| takes.marks),
        })
    });
    tools.collect()
}

/// `tool_choice`, and whether calls may come side by side.
pub(super) fn choice(raw: Field<'_>) -> Result<(Option<Choice<'_>>, Option<bool>), Fault> {
    let Some(raw) = raw else {
        return Ok((None, None));
    };
    let place = Place::root("tool_choice");
    let fields: ChoiceFields<'_> = object(raw, &place)?;
    let choice = match &*needed(fields.r#type, &place.key("type"))?.text() {
        "auto" => Choice::Word("auto"),
        "any" => Choice::Word("required"),
        "none" => Choice::Word("none"),
        "tool" => Choice::One(Named::function(needed(fields.name, &place.key("name"))?)),
        _ => return Err(place.key("type").wrong("one of auto, any, tool, none")),
    };
    let alone = flag(
        fields.disable_parallel_tool_use,
        &place.key("disable_parallel_tool_use"),
    )?;
    Ok((Some(choice), alone.filter(|alone| *alone).map(|_| false)))
}
