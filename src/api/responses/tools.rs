//! The tools of a request, and which of them must be used.

use super::only_openai;
use crate::{
    api::chat::{
        compose::{Allowed, Choice, Declared, Named, Tool},
        field::{Field, Map, Place, flag, list, needed, object, string},
    },
    fault::Fault,
    json::Quoted,
};
use serde::Deserialize;
use serde_json::value::RawValue;

#[derive(Deserialize)]
struct ToolFields<'a> {
    #[serde(borrow, default)]
    r#type: Field<'a>,
    #[serde(borrow, default)]
    name: Field<'a>,
    #[serde(borrow, default)]
    description: Field<'a>,
    #[serde(borrow, default)]
    parameters: Field<'a>,
    #[serde(borrow, default)]
    strict: Field<'a>,
}

#[derive(Deserialize)]
struct ChoiceFields<'a> {
    #[serde(borrow, default)]
    r#type: Field<'a>,
    #[serde(borrow, default)]
    name: Field<'a>,
    #[serde(borrow, default)]
    mode: Field<'a>,
    #[serde(borrow, default)]
    tools: Field<'a>,
}

const FREE_TEXT: &str = "\"custom\" is a tool that takes free text, which this model's provider cannot carry; declare a function with one string parameter instead.";

/// Errors: `Unsupported` for a tool that OpenAI runs itself, `BadRequest` for a malformed one.
pub(super) fn tools(text: Option<&str>) -> Result<Vec<Tool<'_>>, Fault> {
    let place = Place::root("tools");
    let fields = list::<ToolFields<'_>>(None, text, &place)?;
    let tools = fields.into_iter().enumerate().map(|(index, Map(fields))| {
        let place = place.index(index);
        only_function(needed(fields.r#type, &place.key("type"))?, &place)?;
        let at = place.key("parameters");
        if fields
            .parameters
            .is_some_and(|raw| !raw.get().starts_with('{'))
        {
            return Err(at.wrong("a JSON schema object"));
        }
        Ok(Tool {
            r#type: "function",
            function: Declared {
                name: needed(fields.name, &place.key("name"))?,
                description: string(fields.description, &place.key("description"))?,
                parameters: fields.parameters,
                strict: flag(fields.strict, &place.key("strict"))?,
            },
            cache_control: None,
        })
    });
    tools.collect()
}

fn only_function(kind: Quoted<'_>, place: &Place<'_>) -> Result<(), Fault> {
    if kind == *"function" {
        return Ok(());
    }
    if kind == *"custom" {
        return Err(only_openai(place.key("type"), FREE_TEXT));
    }
    let why = format!(
        "\"{}\" is a tool of OpenAI's own, which this model's provider does not have; declare a function instead.",
        kind.text().chars().take(64).collect::<String>()
    );
    Err(only_openai(place.key("type"), &why))
}

/// Errors: as for [`tools`].
pub(super) fn choice(raw: Field<'_>) -> Result<Option<Choice<'_>>, Fault> {
    let Some(raw) = raw else { return Ok(None) };
    let place = Place::root("tool_choice");
    if let Some(word) = Quoted::of(raw) {
        return match &*word.text() {
            "none" => Ok(Some(Choice::Word("none"))),
            "auto" => Ok(Some(Choice::Word("auto"))),
            "required" => Ok(Some(Choice::Word("required"))),
            _ => Err(place.wrong("\"none\", \"auto\", \"required\" or an object")),
        };
    }
    let fields: ChoiceFields<'_> = object(raw, &place)?;
    let kind = needed(fields.r#type, &place.key("type"))?;
    if kind != *"allowed_tools" {
        only_function(kind, &place)?;
        let name = needed(fields.name, &place.key("name"))?;
        return Ok(Some(Choice::One(Named::function(name))));
    }
    let mode = needed(fields.mode, &place.key("mode"))?;
    let place = place.key("tools");
    let tools = list::<ToolFields<'_>>(None, fields.tools.map(RawValue::get), &place)?.into_iter();
    let tools = tools.enumerate().map(|(index, Map(fields))| {
        let place = place.index(index);
        only_function(needed(fields.r#type, &place.key("type"))?, &place)?;
        needed(fields.name, &place.key("name")).map(Named::function)
    });
    Ok(Some(Choice::Allowed {
        r#type: "allowed_tools",
        allowed_tools: Allowed {
            mode,
            tools: tools.collect::<Result<_, _>>()?,
        },
    }))
}
