//! Tools and which of them must be used.
//! Source: docs.claude.com, "Define tools", "Forcing tool use", "Parallel tool use", "Strict tool
//! use"; read 2026-11.

use super::{
    model::Model,
    note, schema,
    wire::{Schema, Tool, ToolChoice},
};
use crate::{
    api::chat::{
        Chat,
        tool::{self, ToolChoice as Wanted},
    },
    fault::{Fault, FaultKind},
    json::{Object, Raw},
};
use serde_json::value::RawValue;
use std::collections::BTreeSet;

/// The tools and the choice among them.
#[derive(Debug, Default)]
pub(super) struct Tools<'a> {
    pub(super) tools: Vec<Tool<'a>>,
    pub(super) choice: Option<ToolChoice<'a>>,
}

impl Tools<'_> {
    /// Whether the model must use one.
    pub(super) fn forced(&self) -> bool {
        let kind = self.choice.as_ref().map(|choice| choice.r#type);
        matches!(kind, Some("any" | "tool"))
    }
}

/// Translates `tools`, `tool_choice`, `parallel_tool_calls` and their older forms.
///
/// Errors: `BadRequest` or `Unsupported` that names the field.
pub(super) fn translate<'a>(
    chat: &'a Chat<'_>,
    model: &Model,
    dropped: &mut Vec<String>,
) -> Result<Tools<'a>, Fault> {
    let mut tools = tool::tools(chat)?;
    let wanted = tool::tool_choice(chat)?;
    if let Some(Wanted::Allowed { names, .. }) = &wanted {
        let names: BTreeSet<_> = names.iter().map(|name| name.text()).collect();
        tools.retain(|tool| names.contains(&tool.name.text()));
    }
    if tools.is_empty() {
        return match wanted {
            None | Some(Wanted::Auto | Wanted::None) => Ok(Tools::default()),
            Some(_) => {
                let message = "`tool_choice` asks for a tool that is not in `tools`.";
                Err(Fault::new(FaultKind::BadRequest, message).at("tool_choice"))
            }
        };
    }
    let out = Tools {
        choice: choice(wanted, serial(chat)?),
        tools: tools
            .iter()
            .map(|tool| translated(tool, model, dropped))
            .collect(),
    };
    if out.forced() && !model.forced_tools {
        let message = "`tool_choice` cannot force a tool on this model; use \"auto\".";
        return Err(Fault::new(FaultKind::Unsupported, message).at("tool_choice"));
    }
    Ok(out)
}

/// Whether the client wants one call at a time.
pub(in crate::provider) fn serial(chat: &Chat<'_>) -> Result<bool, Fault> {
    match chat.body.read::<bool>("parallel_tool_calls") {
        Ok(parallel) => Ok(parallel == Some(false)),
        Err(_) => {
            let message = "`parallel_tool_calls` must be true or false.";
            Err(Fault::new(FaultKind::BadRequest, message).at("parallel_tool_calls"))
        }
    }
}

/// One call at a time is part of the choice, also when the client made none, never beside `none`.
fn choice(wanted: Option<Wanted<'_>>, serial: bool) -> Option<ToolChoice<'_>> {
    let (r#type, name) = match wanted {
        None if serial => ("auto", None),
        None => return None,
        Some(
            Wanted::Auto
            | Wanted::Allowed {
                required: false, ..
            },
        ) => ("auto", None),
        Some(Wanted::Required | Wanted::Allowed { required: true, .. }) => ("any", None),
        Some(Wanted::Named(name)) => ("tool", Some(name)),
        Some(Wanted::None) => ("none", None),
    };
    Some(ToolChoice {
        r#type,
        name,
        disable_parallel_tool_use: (serial && r#type != "none").then_some(true),
    })
}

fn translated<'a>(tool: &tool::Tool<'a>, model: &Model, dropped: &mut Vec<String>) -> Tool<'a> {
    let strict = tool.strict && model.schemas;
    if tool.strict && !strict {
        note(dropped, "tools[].function.strict");
    }
    let mut input_schema = input_schema(tool.parameters);
    if strict {
        let fitted = schema::fit(input_schema.raw());
        if fitted.loosened {
            note(dropped, "tools[].function.parameters");
        }
        if let Some(made) = fitted.schema {
            input_schema = Schema::Made(made);
        }
    }
    Tool {
        name: tool.name,
        description: tool.description,
        input_schema,
        strict: strict.then_some(true),
        cache_control: tool.cache_control,
    }
}

/// Arguments are an object; OpenAI lets a schema leave that out.
pub(in crate::provider) fn input_schema(parameters: Option<&RawValue>) -> Schema<'_> {
    const EMPTY: &str = r#"{"type":"object","properties":{}}"#;
    let text = match parameters.map(|raw| (raw, Object::parse(raw.get()))) {
        None => EMPTY.to_owned(),
        Some((_, Ok(object))) if object.raw("type").is_none() => {
            let mut typed = Object::default();
            typed.push("type".into(), Raw::Made("\"object\"".to_owned()));
            for (key, raw) in object.iter() {
                typed.push(key.to_owned().into(), raw.clone());
            }
            String::from_utf8(typed.to_vec()).unwrap_or_default()
        }
        Some((raw, _)) => return Schema::Kept(raw),
    };
    RawValue::from_string(text).map_or_else(|_| Schema::Kept(RawValue::NULL), Schema::Made)
}

impl Schema<'_> {
    pub(in crate::provider) fn raw(&self) -> &RawValue {
        match self {
            Schema::Kept(raw) => raw,
            Schema::Made(raw) => raw,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::anthropic::model::model;

    const TOOLS: &str = r#""tools":[{"type":"function","function":{"name":"f"}},{"type":"function","function":{"name":"g"}}]"#;

    fn translated(name: &str, fields: &str) -> Result<(String, String, String), String> {
        let body = format!(r#"{{"model":"m","messages":[{{}}],{fields}}}"#);
        let chat = Chat::parse(body.as_bytes()).unwrap();
        let mut dropped = Vec::new();
        let out =
            translate(&chat, &model(name), &mut dropped).map_err(|f| f.message.into_owned())?;
        Ok((
            serde_json::to_string(&out.tools).unwrap(),
            serde_json::to_string(&out.choice).unwrap(),
            dropped.join(","),
        ))
    }

    #[test]
    fn every_choice_has_its_word_and_one_call_at_a_time_is_part_of_it() {
        let cases = [
            ("", "null"),
            (r#","parallel_tool_calls":true"#, "null"),
            (
                r#","parallel_tool_calls":false"#,
                r#"{"type":"auto","disable_parallel_tool_use":true}"#,
            ),
            (r#","tool_choice":"auto""#, r#"{"type":"auto"}"#),
            (r#","tool_choice":"required""#, r#"{"type":"any"}"#),
            (
                r#","tool_choice":"required","parallel_tool_calls":false"#,
                r#"{"type":"any","disable_parallel_tool_use":true}"#,
            ),
            (
                r#","tool_choice":"none","parallel_tool_calls":false"#,
                r#"{"type":"none"}"#,
            ),
            (
                r#","tool_choice":{"type":"function","function":{"name":"g"}}"#,
                r#"{"type":"tool","name":"g"}"#,
            ),
        ];
        for (fields, want) in cases {
            let (_, choice, _) =
                translated("claude-sonnet-4-5", &format!("{TOOLS}{fields}")).unwrap();
            assert_eq!(choice, want, "{fields}");
        }
    }

    #[test]
    fn allowed_tools_are_the_only_ones_sent() {
        let fields = format!(
            r#"{TOOLS},"tool_choice":{{"type":"allowed_tools","allowed_tools":{{"mode":"required","tools":[{{"type":"function","function":{{"name":"g"}}}}]}}}}"#
        );
        let (tools, choice, _) = translated("claude-sonnet-4-5", &fields).unwrap();
        assert_eq!(
            tools,
            r#"[{"name":"g","input_schema":{"type":"object","properties":{}}}]"#
        );
        assert_eq!(choice, r#"{"type":"any"}"#);
    }

    #[test]
    fn a_tool_keeps_its_schema_and_a_strict_one_is_made_to_fit() {
        let tool = |strict: bool| {
            format!(
                r#""tools":[{{"type":"function","cache_control":{{"type":"ephemeral"}},"function":{{"name":"f","description":"d","strict":{strict},"parameters":{{"properties":{{"n":{{"type":"integer","minimum":0}}}}}}}}}}]"#
            )
        };
        let (tools, _, dropped) = translated("claude-sonnet-4-5", &tool(false)).unwrap();
        assert_eq!(
            tools,
            r#"[{"name":"f","description":"d","input_schema":{"type":"object","properties":{"n":{"type":"integer","minimum":0}}},"cache_control":{"type":"ephemeral"}}]"#
        );
        assert_eq!(dropped, "");
        let (tools, _, dropped) = translated("claude-sonnet-4-5", &tool(true)).unwrap();
        assert_eq!(
            tools,
            r#"[{"name":"f","description":"d","input_schema":{"type":"object","properties":{"n":{"type":"integer","description":"{minimum: 0}"}},"additionalProperties":false},"strict":true,"cache_control":{"type":"ephemeral"}}]"#
        );
        assert_eq!(dropped, "tools[].function.parameters");
        let (_, _, dropped) = translated("claude-opus-4-1", &tool(true)).unwrap();
        assert_eq!(dropped, "tools[].function.strict");
    }

    #[test]
    fn a_choice_without_a_tool_and_a_force_that_the_model_refuses_are_refused() {
        let missing = Err("`tool_choice` asks for a tool that is not in `tools`.".to_owned());
        assert_eq!(
            translated("claude-opus-5", r#""tool_choice":"required""#),
            missing
        );
        assert_eq!(
            translated(
                "claude-opus-5-5",
                &format!(r#"{TOOLS},"tool_choice":"required""#)
            ),
            Err("`tool_choice` cannot force a tool on this model; use \"auto\".".to_owned())
        );
        assert_eq!(
            translated(
                "claude-opus-5",
                &format!(r#"{TOOLS},"parallel_tool_calls":0"#)
            ),
            Err("`parallel_tool_calls` must be true or false.".to_owned())
        );
    }
}
