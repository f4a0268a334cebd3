//! The tools of a request, which of them must be used, and the form of the answer.
//! Source: OpenAI API reference, "Create chat completion", fields `tools`, `tool_choice`,
//! `functions`, `function_call`, `response_format`, read 2026-11.

use super::{
    Chat,
    field::{Field, Inner, Map, Place, flag, list, needed, object, string},
    request::bad,
};
use crate::{
    fault::{Fault, FaultKind},
    json::{Quoted, Raw},
};
use serde::Deserialize;
use serde_json::value::RawValue;

/// A function that the model may call.
#[derive(Debug, Clone, Copy)]
pub struct Tool<'a> {
    /// Its name.
    pub name: Quoted<'a>,
    /// What it does.
    pub description: Option<Quoted<'a>>,
    /// The JSON schema of its arguments. Shape: an object.
    pub parameters: Option<&'a RawValue>,
    /// Whether the arguments must follow the schema exactly.
    pub strict: bool,
    /// Anthropic's cache mark.
    pub cache_control: Option<&'a RawValue>,
}

/// Which tools the model must use.
#[derive(Debug, Clone)]
pub enum ToolChoice<'a> {
    /// The model decides.
    Auto,
    /// No tool.
    None,
    /// At least one.
    Required,
    /// This one.
    Named(Quoted<'a>),
    /// None but these.
    Allowed {
        /// At least one of them.
        required: bool,
        /// Their names.
        names: Vec<Quoted<'a>>,
    },
}

/// The form of the answer.
#[derive(Debug, Clone, Copy)]
pub enum Format<'a> {
    /// Prose.
    Text,
    /// Some JSON object.
    JsonObject,
    /// JSON that follows a schema. Shape: an object.
    JsonSchema(&'a RawValue),
}

#[derive(Deserialize)]
struct ToolFields<'a> {
    #[serde(borrow, default)]
    r#type: Field<'a>,
    #[serde(borrow, default)]
    function: Inner<FunctionFields<'a>>,
    #[serde(borrow, default)]
    cache_control: Field<'a>,
}

#[derive(Deserialize)]
struct FunctionFields<'a> {
    #[serde(borrow, default)]
    name: Field<'a>,
    #[serde(borrow, default)]
    description: Field<'a>,
    #[serde(borrow, default)]
    parameters: Field<'a>,
    #[serde(borrow, default)]
    strict: Field<'a>,
    #[serde(borrow, default)]
    cache_control: Field<'a>,
}

#[derive(Deserialize)]
struct ChoiceFields<'a> {
    #[serde(borrow, default)]
    r#type: Field<'a>,
    #[serde(borrow, default)]
    function: Field<'a>,
    #[serde(borrow, default)]
    allowed_tools: Field<'a>,
}

#[derive(Deserialize)]
struct AllowedFields<'a> {
    #[serde(borrow, default)]
    mode: Field<'a>,
    #[serde(borrow, default)]
    tools: Field<'a>,
}

#[derive(Deserialize)]
struct FormatFields<'a> {
    #[serde(borrow, default)]
    r#type: Field<'a>,
    #[serde(borrow, default)]
    json_schema: Field<'a>,
}

#[derive(Deserialize)]
struct SchemaFields<'a> {
    #[serde(borrow, default)]
    schema: Field<'a>,
}

/// Reads `tools`, or `functions` when there are no tools.
///
/// Errors: `BadRequest` or `Unsupported` that names the field.
pub fn tools<'a>(chat: &'a Chat<'_>) -> Result<Vec<Tool<'a>>, Fault> {
    let place = Place::root("tools");
    let text = |key| chat.body.raw(key).map(Raw::get);
    if matches!(text("tools"), None | Some("null")) {
        let place = Place::root("functions");
        let fields = list::<FunctionFields<'a>>(None, text("functions"), &place)?.into_iter();
        return fields
            .enumerate()
            .map(|(index, Map(fields))| function(&fields, None, &place.index(index)))
            .collect();
    }
    let index = chat.body.index("tools");
    let fields = list::<ToolFields<'a>>(index.as_deref(), text("tools"), &place)?.into_iter();
    let tools = fields.enumerate().map(|(index, Map(fields))| {
        let place = place.index(index);
        only_function(fields.r#type, &place.key("type"))?;
        let cache_control = fields.cache_control;
        let place = place.key("function");
        function(fields.function.needed(&place)?, cache_control, &place)
    });
    tools.collect()
}

fn function<'a>(
    fields: &FunctionFields<'a>,
    cache_control: Field<'a>,
    place: &Place<'_>,
) -> Result<Tool<'a>, Fault> {
    let parameters = fields.parameters;
    if parameters.is_some_and(|raw| !raw.get().starts_with('{')) {
        return Err(place.key("parameters").wrong("a JSON schema object"));
    }
    Ok(Tool {
        name: needed(fields.name, &place.key("name"))?,
        description: string(fields.description, &place.key("description"))?,
        parameters,
        strict: flag(fields.strict, &place.key("strict"))?.unwrap_or(false),
        cache_control: cache_control.or(fields.cache_control),
    })
}

fn only_function(field: Field<'_>, place: &Place<'_>) -> Result<(), Fault> {
    match string(field, place)? {
        Some(kind) if kind != *"function" => {
            let message = format!("`{place}` must be \"function\"; other tools are not supported.");
            Err(Fault::new(FaultKind::Unsupported, message).at(place))
        }
        _ => Ok(()),
    }
}

/// Reads `tool_choice`, or `function_call` when there is none.
///
/// Errors: `BadRequest` or `Unsupported` that names the field.
pub fn tool_choice<'a>(chat: &'a Chat<'_>) -> Result<Option<ToolChoice<'a>>, Fault> {
    const WORDS: &str = "\"none\", \"auto\", \"required\" or an object that names a function";
    let place = Place::root("tool_choice");
    let Some(raw) = chat
        .body
        .read::<&RawValue>("tool_choice")
        .unwrap_or_default()
    else {
        return function_call(chat);
    };
    if let Some(word) = Quoted::of(raw) {
        return match &*word.text() {
            "none" => Ok(Some(ToolChoice::None)),
            "auto" => Ok(Some(ToolChoice::Auto)),
            "required" => Ok(Some(ToolChoice::Required)),
            _ => Err(place.wrong(WORDS)),
        };
    }
    let fields: ChoiceFields<'a> = object(raw, &place).map_err(|_| place.wrong(WORDS))?;
    if let Some(raw) = fields.allowed_tools {
        return allowed(raw, &place.key("allowed_tools")).map(Some);
    }
    only_function(fields.r#type, &place.key("type"))?;
    let place = place.key("function");
    let raw = fields.function.ok_or_else(|| place.missing())?;
    named(raw, &place).map(|name| Some(ToolChoice::Named(name)))
}

fn function_call<'a>(chat: &'a Chat<'_>) -> Result<Option<ToolChoice<'a>>, Fault> {
    const WORDS: &str = "\"none\", \"auto\" or an object that names a function";
    let place = Place::root("function_call");
    let Some(raw) = chat
        .body
        .read::<&RawValue>("function_call")
        .unwrap_or_default()
    else {
        return Ok(None);
    };
    match Quoted::of(raw).map(Quoted::text).as_deref() {
        Some("none") => Ok(Some(ToolChoice::None)),
        Some("auto") => Ok(Some(ToolChoice::Auto)),
        Some(_) => Err(place.wrong(WORDS)),
        None => named(raw, &place).map(|name| Some(ToolChoice::Named(name))),
    }
}

fn named<'a>(raw: &'a RawValue, place: &Place<'_>) -> Result<Quoted<'a>, Fault> {
    let fields: FunctionFields<'a> = object(raw, place)?;
    needed(fields.name, &place.key("name"))
}

fn allowed<'a>(raw: &'a RawValue, place: &Place<'_>) -> Result<ToolChoice<'a>, Fault> {
    let fields: AllowedFields<'a> = object(raw, place)?;
    let mode = needed(fields.mode, &place.key("mode"))?;
    let required = match &*mode.text() {
        "auto" => false,
        "required" => true,
        _ => return Err(place.key("mode").wrong("\"auto\" or \"required\"")),
    };
    let place = place.key("tools");
    let tools = list::<ToolFields<'a>>(None, fields.tools.map(RawValue::get), &place)?.into_iter();
    let names = tools.enumerate().map(|(index, Map(fields))| {
        let place = place.index(index);
        only_function(fields.r#type, &place.key("type"))?;
        let place = place.key("function");
        needed(fields.function.needed(&place)?.name, &place.key("name"))
    });
    Ok(ToolChoice::Allowed {
        required,
        names: names.collect::<Result<_, _>>()?,
    })
}

/// Reads `response_format`.
///
/// Errors: `BadRequest` that names the field.
pub fn format<'a>(chat: &'a Chat<'_>) -> Result<Format<'a>, Fault> {
    let place = Place::root("response_format");
    let Some(raw) = chat
        .body
        .read::<&RawValue>("response_format")
        .unwrap_or_default()
    else {
        return Ok(Format::Text);
    };
    let fields: FormatFields<'a> = object(raw, &place)?;
    match &*needed(fields.r#type, &place.key("type"))?.text() {
        "text" => Ok(Format::Text),
        "json_object" => Ok(Format::JsonObject),
        "json_schema" => {
            let place = place.key("json_schema");
            let raw = fields.json_schema.ok_or_else(|| place.missing())?;
            let fields: SchemaFields<'a> = object(raw, &place)?;
            let place = place.key("schema");
            let schema = fields.schema.ok_or_else(|| place.missing())?;
            if !schema.get().starts_with('{') {
                return Err(place.wrong("a JSON schema object"));
            }
            Ok(Format::JsonSchema(schema))
        }
        _ => {
            let place = place.key("type");
            let message = format!("`{place}` must be text, json_object or json_schema.");
            Err(bad(message).at(place))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with<T>(
        fields: &str,
        read: impl FnOnce(&Chat<'_>) -> Result<T, Fault>,
    ) -> Result<T, String> {
        let body = format!(r#"{{"model":"m","messages":[{{}}],{fields}}}"#);
        read(&Chat::parse(body.as_bytes()).unwrap()).map_err(|fault| fault.message.into_owned())
    }

    fn choice(fields: &str) -> Result<String, String> {
        with(fields, |chat| {
            Ok(match tool_choice(chat)? {
                None => "absent".to_owned(),
                Some(ToolChoice::Auto) => "auto".to_owned(),
                Some(ToolChoice::None) => "none".to_owned(),
                Some(ToolChoice::Required) => "required".to_owned(),
                Some(ToolChoice::Named(name)) => format!("only {}", name.text()),
                Some(ToolChoice::Allowed { required, names }) => {
                    let names: Vec<_> = names.iter().map(|n| n.text()).collect();
                    format!(
                        "{} of {}",
                        if required { "some" } else { "any" },
                        names.join("+")
                    )
                }
            })
        })
    }

    #[test]
    fn every_tool_choice_is_read() {
        let cases = [
            (r#""x":1"#, Ok("absent")),
            (r#""tool_choice":null"#, Ok("absent")),
            (r#""tool_choice":"auto""#, Ok("auto")),
            (r#""tool_choice":"none""#, Ok("none")),
            (r#""tool_choice":"required""#, Ok("required")),
            (
                r#""tool_choice":{"type":"function","function":{"name":"f"}}"#,
                Ok("only f"),
            ),
            (
                r#""tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"required","tools":[{"type":"function","function":{"name":"f"}}]}}"#,
                Ok("some of f"),
            ),
            (r#""function_call":"none""#, Ok("none")),
            (r#""function_call":{"name":"f"}"#, Ok("only f")),
            (
                r#""tool_choice":"any""#,
                Err(
                    "`tool_choice` must be \"none\", \"auto\", \"required\" or an object that names a function.",
                ),
            ),
            (
                r#""tool_choice":{"type":"custom","custom":{"name":"f"}}"#,
                Err("`tool_choice.type` must be \"function\"; other tools are not supported."),
            ),
            (
                r#""tool_choice":{"type":"function","function":{}}"#,
                Err("`tool_choice.function.name` is required."),
            ),
        ];
        for (fields, want) in cases {
            let want = want.map(str::to_owned).map_err(str::to_owned);
            assert_eq!(choice(fields), want, "{fields}");
        }
    }

    #[test]
    fn tools_and_functions_are_the_same_thing() {
        let names = |fields: &str| {
            with(fields, |chat| {
                let tools = tools(chat)?;
                Ok(tools
                    .iter()
                    .map(|t| (t.name.text().into_owned(), t.strict))
                    .collect::<Vec<_>>())
            })
        };
        let want = Ok(vec![("f".to_owned(), true)]);
        assert_eq!(
            names(r#""tools":[{"type":"function","function":{"name":"f","strict":true}}]"#),
            want
        );
        assert_eq!(names(r#""functions":[{"name":"f","strict":true}]"#), want);
        assert_eq!(
            names(r#""tools":[{"type":"function","function":{"name":"f","parameters":[]}}]"#),
            Err("`tools[0].function.parameters` must be a JSON schema object.".to_owned())
        );
    }

    #[test]
    fn the_answer_s_form_is_read() {
        let kind = |fields: &str| {
            with(fields, |chat| {
                Ok(match format(chat)? {
                    Format::Text => "text".to_owned(),
                    Format::JsonObject => "object".to_owned(),
                    Format::JsonSchema(schema) => schema.get().to_owned(),
                })
            })
        };
        assert_eq!(kind(r#""response_format":null"#), Ok("text".into()));
        assert_eq!(
            kind(r#""response_format":{"type":"json_object"}"#),
            Ok("object".into())
        );
        assert_eq!(
            kind(
                r#""response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object"}}}"#
            ),
            Ok(r#"{"type":"object"}"#.into())
        );
        assert_eq!(
            kind(r#""response_format":{"type":"json_schema","json_schema":{"name":"n"}}"#),
            Err("`response_format.json_schema.schema` is required.".into())
        );
        assert_eq!(
            kind(r#""response_format":{"type":"xml"}"#),
            Err("`response_format.type` must be text, json_object or json_schema.".into())
        );
    }
}
