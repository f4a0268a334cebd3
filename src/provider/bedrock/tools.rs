//! Tools and which of them must be used.
//!
//! There is no choice of none: without it the tools stay behind, unless the conversation has used
//! some, when Converse insists on them; and no way to ask for one call at a time.
//! Source: Amazon Bedrock API reference, "ToolConfiguration", "ToolChoice"; user guide, "Structured
//! outputs" (strict tools); read 2026-11.

use super::{
    content::Around,
    family::Family,
    messages::Conversation,
    wire::{Choice, InputSchema, Tool, Tools},
};
use crate::{
    api::chat::{
        Chat,
        tool::{self, ToolChoice as Wanted},
    },
    fault::{Fault, FaultKind},
    json::Quoted,
    provider::anthropic::{
        note, schema,
        tools::{input_schema, serial},
        wire::Schema,
    },
};
use std::collections::BTreeSet;

impl Tools<'_> {
    /// Whether the model must use one.
    pub(super) fn forced(&self) -> bool {
        matches!(self.tool_choice, Some(Choice::Any {} | Choice::Tool { .. }))
    }
}

/// Translates `tools`, `tool_choice`, `parallel_tool_calls` and their older forms.
///
/// Errors: `BadRequest` or `Unsupported` that names the field.
pub(super) fn translate<'a>(
    chat: &'a Chat<'_>,
    talk: &Conversation<'a>,
    family: &Family,
    around: &mut Around<'_>,
) -> Result<Option<Tools<'a>>, Fault> {
    let mut given = tool::tools(chat)?;
    let wanted = tool::tool_choice(chat)?;
    if let Some(Wanted::Allowed { names, .. }) = &wanted {
        let names: BTreeSet<_> = names.iter().map(|name| name.text()).collect();
        given.retain(|tool| names.contains(&tool.name.text()));
    }
    let serial = serial(chat)?;
    match wanted {
        None | Some(Wanted::Auto) => {}
        Some(Wanted::None) if !talk.uses_tools => return Ok(None),
        Some(Wanted::None) => note(around.dropped, "tool_choice"),
        Some(_) if given.is_empty() => {
            let message = "`tool_choice` asks for a tool that is not in `tools`.";
            return Err(Fault::new(FaultKind::BadRequest, message).at("tool_choice"));
        }
        Some(_) => {}
    }
    if given.is_empty() {
        let tools: Vec<_> = talk.called.iter().map(|name| remembered(*name)).collect();
        return Ok((!tools.is_empty()).then_some(Tools {
            tools,
            tool_choice: None,
        }));
    }
    if serial {
        note(around.dropped, "parallel_tool_calls");
    }
    let mut tools = Vec::with_capacity(given.len());
    for tool in &given {
        tools.push(translated(tool, family, around.dropped));
        let point = around.cache_point(tool.cache_control);
        tools.extend(point.map(Tool::CachePoint));
    }
    let out = Tools {
        tools,
        tool_choice: wanted.and_then(choice),
    };
    if out.forced() && matches!(family, Family::Claude(model) if !model.forced_tools) {
        let message = "`tool_choice` cannot force a tool on this model; use \"auto\".";
        return Err(Fault::new(FaultKind::Unsupported, message).at("tool_choice"));
    }
    Ok(Some(out))
}

fn choice(wanted: Wanted<'_>) -> Option<Choice<'_>> {
    match wanted {
        Wanted::None => None,
        Wanted::Auto
        | Wanted::Allowed {
            required: false, ..
        } => Some(Choice::Auto {}),
        Wanted::Required | Wanted::Allowed { required: true, .. } => Some(Choice::Any {}),
        Wanted::Named(name) => Some(Choice::Tool { name }),
    }
}

fn translated<'a>(tool: &tool::Tool<'a>, family: &Family, dropped: &mut Vec<String>) -> Tool<'a> {
    let strict = tool.strict && family.schemas();
    if tool.strict && !strict {
        note(dropped, "tools[].function.strict");
    }
    let mut json = input_schema(tool.parameters);
    if strict {
        let fitted = schema::fit(json.raw());
        if fitted.loosened {
            note(dropped, "tools[].function.parameters");
        }
        if let Some(made) = fitted.schema {
            json = Schema::Made(made);
        }
    }
    Tool::ToolSpec {
        name: tool.name,
        description: tool.description.filter(|said| !said.is_blank()),
        input_schema: InputSchema { json },
        strict: strict.then_some(true),
    }
}

/// A tool of which only the calls in the conversation are known.
fn remembered(name: Quoted<'_>) -> Tool<'_> {
    Tool::ToolSpec {
        name,
        description: None,
        input_schema: InputSchema {
            json: input_schema(None),
        },
        strict: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        api::chat::message,
        provider::bedrock::{family::family, messages},
    };

    const TOOLS: &str = r#""tools":[{"type":"function","function":{"name":"f","description":""}},{"type":"function","function":{"name":"g"}}]"#;
    const HISTORY: &str = r#"{"role":"user","content":"q"},{"role":"assistant","tool_calls":[{"id":"a","function":{"name":"f"}},{"id":"b","function":{"name":"f"}}]},{"role":"tool","tool_call_id":"a","content":"r"}"#;

    fn translated(
        model: &str,
        messages: &str,
        fields: &str,
    ) -> Result<(Option<String>, String), String> {
        let body = format!(r#"{{"model":"m","messages":[{messages}],{fields}}}"#);
        let chat = Chat::parse(body.as_bytes()).unwrap();
        let list = message::messages(&chat).unwrap();
        let mut dropped = Vec::new();
        let mut around = Around {
            caches: true,
            errors: true,
            documents: Default::default(),
            dropped: &mut dropped,
        };
        let talk = messages::translate(&list, &mut around).unwrap();
        let out = translate(&chat, &talk, &family(model), &mut around)
            .map_err(|fault| fault.message.into_owned())?;
        let out = out.map(|tools| serde_json::to_string(&tools).unwrap());
        Ok((out, dropped.join(",")))
    }

    const CLAUDE: &str = "anthropic.claude-sonnet-4-5-20250929-v1:0";
    const PLAIN: &str = r#"{"role":"user","content":"q"}"#;

    #[test]
    fn every_choice_has_its_word() {
        let tools = r#""tools":[{"toolSpec":{"name":"f","inputSchema":{"json":{"type":"object","properties":{}}}}},{"toolSpec":{"name":"g","inputSchema":{"json":{"type":"object","properties":{}}}}}]"#;
        let cases = [
            ("", "", ""),
            (
                r#","tool_choice":"auto""#,
                r#","toolChoice":{"auto":{}}"#,
                "",
            ),
            (
                r#","tool_choice":"required","parallel_tool_calls":false"#,
                r#","toolChoice":{"any":{}}"#,
                "parallel_tool_calls",
            ),
            (
                r#","tool_choice":{"type":"function","function":{"name":"g"}}"#,
                r#","toolChoice":{"tool":{"name":"g"}}"#,
                "",
            ),
        ];
        for (fields, choice, dropped) in cases {
            let want = (Some(format!("{{{tools}{choice}}}")), dropped.to_owned());
            let got = translated(CLAUDE, PLAIN, &format!("{TOOLS}{fields}"));
            assert_eq!(got, Ok(want), "{fields}");
        }
    }

    #[test]
    fn none_leaves_the_tools_behind_unless_the_conversation_has_used_some() {
        let none = format!(r#"{TOOLS},"tool_choice":"none""#);
        assert_eq!(translated(CLAUDE, PLAIN, &none), Ok((None, String::new())));
        let (tools, dropped) = translated(CLAUDE, HISTORY, &none).unwrap();
        assert!(!tools.unwrap().contains("toolChoice"));
        assert_eq!(dropped, "tool_choice");
    }

    #[test]
    fn tools_that_the_client_left_out_are_known_from_their_calls() {
        assert_eq!(
            translated(CLAUDE, HISTORY, r#""tool_choice":"auto""#),
            Ok((
                Some(
                    r#"{"tools":[{"toolSpec":{"name":"f","inputSchema":{"json":{"type":"object","properties":{}}}}}]}"#
                        .to_owned()
                ),
                String::new()
            ))
        );
    }

    #[test]
    fn a_strict_tool_is_made_to_fit_where_the_model_follows_schemas() {
        let strict = r#""tools":[{"type":"function","cache_control":{"type":"ephemeral"},"function":{"name":"f","description":"d","strict":true,"parameters":{"type":"object","properties":{"n":{"type":"integer","minimum":0}}}}}]"#;
        assert_eq!(
            translated(CLAUDE, PLAIN, strict),
            Ok((
                Some(
                    r#"{"tools":[{"toolSpec":{"name":"f","description":"d","inputSchema":{"json":{"type":"object","properties":{"n":{"type":"integer","description":"{minimum: 0}"}},"additionalProperties":false}},"strict":true}},{"cachePoint":{"type":"default"}}]}"#
                        .to_owned()
                ),
                "tools[].function.parameters".to_owned()
            ))
        );
        let (_, dropped) = translated("amazon.nova-pro-v1:0", PLAIN, strict).unwrap();
        assert_eq!(dropped, "tools[].function.strict");
    }

    #[test]
    fn a_choice_without_a_tool_and_a_force_that_the_model_refuses_are_refused() {
        assert_eq!(
            translated(CLAUDE, HISTORY, r#""tool_choice":"required""#),
            Err("`tool_choice` asks for a tool that is not in `tools`.".to_owned())
        );
        assert_eq!(
            translated(
                "anthropic.claude-opus-5-5-v1:0",
                PLAIN,
                &format!(r#"{TOOLS},"tool_choice":"required""#)
            ),
            Err("`tool_choice` cannot force a tool on this model; use \"auto\".".to_owned())
        );
    }
}
