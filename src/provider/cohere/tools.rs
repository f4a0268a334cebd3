//! Tools and which of them must be used.
//!
//! Cohere's `tool_choice` is `REQUIRED` or `NONE`, and absent where the model decides. A tool that is
//! named is the only one that is sent, and required.
//! Source: docs.cohere.com, API reference, "Chat API (v2)" (`tools`, `tool_choice`, `strict_tools`),
//! "Structured outputs" (strict tools need a required parameter); read 2026-11.

use super::{
    model::Model,
    note,
    wire::{Function, Tool},
};
use crate::{
    api::chat::{
        Chat,
        tool::{self, ToolChoice as Wanted},
    },
    fault::{Fault, FaultKind},
    json::{Object, Quoted},
};
use serde_json::value::RawValue;
use std::{borrow::Cow, collections::BTreeSet};

/// The tools and the choice among them.
#[derive(Debug, Default)]
pub(super) struct Tools<'a> {
    pub(super) tools: Vec<Tool<'a>>,
    pub(super) choice: Option<&'static str>,
    pub(super) strict: Option<bool>,
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
    if is_serial(chat)? {
        note(dropped, "parallel_tool_calls");
    }
    let only = |names: &[Quoted<'_>], tools: &mut Vec<tool::Tool<'_>>| {
        let names: BTreeSet<_> = names.iter().map(|name| name.text()).collect();
        tools.retain(|tool| names.contains(&tool.name.text()));
    };
    let choice = match &wanted {
        None | Some(Wanted::Auto) => None,
        Some(Wanted::None) => Some("NONE"),
        Some(Wanted::Required) => Some("REQUIRED"),
        Some(Wanted::Named(name)) => {
            only(&[*name], &mut tools);
            Some("REQUIRED")
        }
        Some(Wanted::Allowed { required, names }) => {
            only(names, &mut tools);
            required.then_some("REQUIRED")
        }
    };
    if tools.is_empty() {
        return match wanted {
            None | Some(Wanted::Auto | Wanted::None) => Ok(Tools::default()),
            Some(_) => {
                let message = "`tool_choice` asks for a tool that is not in `tools`.";
                Err(Fault::new(FaultKind::BadRequest, message).at("tool_choice"))
            }
        };
    }
    match choice {
        // Without tools there is nothing to choose from.
        Some("NONE") if !model.tool_choice => return Ok(Tools::default()),
        Some(_) if !model.tool_choice => {
            let message = "`tool_choice` cannot force a tool on this model; use \"auto\".";
            return Err(Fault::new(FaultKind::Unsupported, message).at("tool_choice"));
        }
        _ => {}
    }
    if tools.iter().any(|tool| tool.cache_control.is_some()) {
        note(dropped, "tools[].cache_control");
    }
    Ok(Tools {
        strict: match choice {
            // Nothing is called, strictly or not.
            Some("NONE") => None,
            _ => strict(chat, &tools, dropped),
        },
        tools: tools.iter().map(translated).collect(),
        choice,
    })
}

/// Whether the client wants one call at a time.
fn is_serial(chat: &Chat<'_>) -> Result<bool, Fault> {
    match chat.body.read::<bool>("parallel_tool_calls") {
        Ok(parallel) => Ok(parallel == Some(false)),
        Err(_) => {
            let message = "`parallel_tool_calls` must be true or false.";
            Err(Fault::new(FaultKind::BadRequest, message).at("parallel_tool_calls"))
        }
    }
}

/// Strictness is one switch for all tools, and refuses a tool without a required parameter: it is
/// only on when every tool asks for it and can have it. A `strict_tools` of the client stays.
fn strict(chat: &Chat<'_>, tools: &[tool::Tool<'_>], dropped: &mut Vec<String>) -> Option<bool> {
    if chat.body.raw("strict_tools").is_some() || !tools.iter().any(|tool| tool.strict) {
        return None;
    }
    let all = tools
        .iter()
        .all(|tool| tool.strict && requires_something(tool.parameters));
    if !all {
        note(dropped, "tools[].function.strict");
    }
    all.then_some(true)
}

fn requires_something(parameters: Option<&RawValue>) -> bool {
    let schema = parameters.and_then(|raw| Object::parse(raw.get()).ok());
    let required = schema.and_then(|schema| schema.raw("required").cloned());
    required.is_some_and(|list| list.get().starts_with('[') && list.get().contains('"'))
}

fn translated<'a>(tool: &tool::Tool<'a>) -> Tool<'a> {
    const EMPTY: &str = r#"{"type":"object","properties":{}}"#;
    let parameters = match tool.parameters {
        Some(parameters) => Cow::Borrowed(parameters),
        // The API requires a schema.
        None => RawValue::from_string(EMPTY.to_owned())
            .map_or(Cow::Borrowed(RawValue::NULL), Cow::Owned),
    };
    Tool {
        r#type: "function",
        function: Function {
            name: tool.name,
            description: tool.description,
            parameters,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::cohere::model::model;

    const TOOLS: &str = r#""tools":[{"type":"function","function":{"name":"f"}},{"type":"function","function":{"name":"g"}}]"#;

    fn translated(name: &str, fields: &str) -> Result<String, String> {
        let body = format!(r#"{{"model":"m","messages":[{{}}],{fields}}}"#);
        let chat = Chat::parse(body.as_bytes()).unwrap();
        let mut dropped = Vec::new();
        let out =
            translate(&chat, &model(name), &mut dropped).map_err(|f| f.message.into_owned())?;
        let names: Vec<_> = out.tools.iter().map(|t| t.function.name.text()).collect();
        let choice = out.choice.unwrap_or("-");
        let strict = out
            .strict
            .map_or("-", |on| if on { "strict" } else { "loose" });
        Ok(format!(
            "{} {choice} {strict} {}",
            names.join("+"),
            dropped.join(",")
        ))
    }

    fn with(choice: &str) -> Result<String, String> {
        translated("command-a-03-2025", &format!("{TOOLS}{choice}"))
    }

    #[test]
    fn every_choice_is_one_of_two_words_or_none() {
        let cases = [
            ("", "f+g - - "),
            (r#","tool_choice":"auto""#, "f+g - - "),
            (r#","tool_choice":"required""#, "f+g REQUIRED - "),
            (r#","tool_choice":"none""#, "f+g NONE - "),
            (
                r#","tool_choice":{"type":"function","function":{"name":"g"}}"#,
                "g REQUIRED - ",
            ),
            (
                r#","tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"auto","tools":[{"type":"function","function":{"name":"f"}}]}}"#,
                "f - - ",
            ),
            (
                r#","parallel_tool_calls":false"#,
                "f+g - - parallel_tool_calls",
            ),
            (r#","parallel_tool_calls":true"#, "f+g - - "),
        ];
        for (choice, want) in cases {
            assert_eq!(with(choice).as_deref(), Ok(want), "{choice}");
        }
        assert_eq!(
            with(r#","tool_choice":{"type":"function","function":{"name":"h"}}"#),
            Err("`tool_choice` asks for a tool that is not in `tools`.".into())
        );
    }

    #[test]
    fn an_older_model_is_not_forced_and_needs_no_tools_to_use_none() {
        let old = |choice: &str| translated("command-r-08-2024", &format!("{TOOLS}{choice}"));
        assert_eq!(old("").as_deref(), Ok("f+g - - "));
        assert_eq!(old(r#","tool_choice":"none""#).as_deref(), Ok(" - - "));
        assert_eq!(
            old(r#","tool_choice":"required""#),
            Err("`tool_choice` cannot force a tool on this model; use \"auto\".".into())
        );
    }

    #[test]
    fn tools_are_strict_when_all_of_them_can_be() {
        let tool = |name: &str, strict: bool, required: &str| {
            format!(
                r#"{{"type":"function","function":{{"name":"{name}","strict":{strict},"parameters":{{"type":"object","properties":{{"a":{{"type":"string"}}}},"required":{required}}}}}}}"#
            )
        };
        let of = |tools: &[String], more: &str| {
            let fields = format!(r#""tools":[{}]{more}"#, tools.join(","));
            translated("command-a-03-2025", &fields).unwrap()
        };
        let f = tool("f", true, r#"["a"]"#);
        assert_eq!(of(std::slice::from_ref(&f), ""), "f - strict ");
        for other in [tool("g", false, r#"["a"]"#), tool("g", true, "[]")] {
            let tools = [f.clone(), other];
            assert_eq!(of(&tools, ""), "f+g - - tools[].function.strict");
            assert_eq!(of(&tools, r#","strict_tools":true"#), "f+g - - ");
        }
    }
}
