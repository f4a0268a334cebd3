//! Tools and which of them must be used.
//! Source: ai.google.dev, "Function calling: function calling modes"; `FunctionCallingConfig` of
//! google-genai 3.6; read 2026-11.

use super::{
    note, schema,
    wire::{Calling, Declaration, ToolConfig, Tools},
};
use crate::{
    api::chat::{
        Chat,
        tool::{self, ToolChoice},
    },
    fault::{Fault, FaultKind},
};
use std::collections::BTreeSet;

/// Translates `tools`, `tool_choice`, `parallel_tool_calls` and their older forms.
///
/// Errors: `BadRequest` or `Unsupported` that names the field.
pub(super) fn translate<'a>(
    chat: &'a Chat<'_>,
    dropped: &mut Vec<String>,
) -> Result<(Option<[Tools<'a>; 1]>, Option<ToolConfig<'a>>), Fault> {
    let mut tools = tool::tools(chat)?;
    let wanted = tool::tool_choice(chat)?;
    match chat.body.read::<bool>("parallel_tool_calls") {
        // There is no such switch.
        Ok(Some(false)) if !tools.is_empty() => note(dropped, "parallel_tool_calls"),
        Ok(_) => {}
        Err(_) => {
            let message = "`parallel_tool_calls` must be true or false.";
            return Err(Fault::new(FaultKind::BadRequest, message).at("parallel_tool_calls"));
        }
    }
    // Names can be allowed only where a call is forced; without force the others are not offered.
    if let Some(ToolChoice::Allowed {
        required: false,
        names,
    }) = &wanted
    {
        let names: BTreeSet<_> = names.iter().map(|name| name.text()).collect();
        tools.retain(|tool| names.contains(&tool.name.text()));
    }
    let (mode, allowed_function_names) = match wanted {
        None => ("", Vec::new()),
        Some(
            ToolChoice::Auto
            | ToolChoice::Allowed {
                required: false, ..
            },
        ) => ("AUTO", Vec::new()),
        Some(ToolChoice::None) => ("NONE", Vec::new()),
        Some(ToolChoice::Required) => ("ANY", Vec::new()),
        Some(ToolChoice::Named(name)) => ("ANY", vec![name]),
        Some(ToolChoice::Allowed { names, .. }) => ("ANY", names),
    };
    let offered: BTreeSet<_> = tools.iter().map(|tool| tool.name.text()).collect();
    let strange = allowed_function_names
        .iter()
        .any(|name| !offered.contains(&name.text()));
    if strange || mode == "ANY" && tools.is_empty() {
        let message = "`tool_choice` asks for a tool that is not in `tools`.";
        return Err(Fault::new(FaultKind::BadRequest, message).at("tool_choice"));
    }
    if tools.is_empty() {
        return Ok((None, None));
    }
    let config = (!mode.is_empty()).then_some(ToolConfig {
        function_calling_config: Calling {
            mode,
            allowed_function_names,
        },
    });
    let mut budget = schema::Budget::default();
    let declared = |tool| declared(tool, &mut budget, dropped);
    let function_declarations = tools.iter().map(declared).collect();
    Ok((
        Some([Tools {
            function_declarations,
        }]),
        config,
    ))
}

/// `parametersJsonSchema` and not `parameters`: both APIs have it, it takes JSON Schema with its unions
/// and closed objects, and Google's SDK recommends it (`Schema.from_json_schema` of google-genai 3.6).
fn declared<'a>(
    tool: &tool::Tool<'a>,
    budget: &mut schema::Budget,
    dropped: &mut Vec<String>,
) -> Declaration<'a> {
    if tool.strict {
        // A forced call follows its schema, any other may not.
        note(dropped, "tools[].function.strict");
    }
    let parameters = tool.parameters;
    let fitted = parameters.map(|schema| schema::fit_parameters(schema, budget));
    if fitted.as_ref().is_some_and(|fitted| fitted.loosened) {
        note(dropped, "tools[].function.parameters");
    }
    Declaration {
        name: tool.name,
        description: tool.description,
        // A function without parameters has no schema.
        parameters_json_schema: fitted
            .filter(|fitted| !fitted.is_empty)
            .map(|fitted| fitted.schema),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(fields: &str) -> Result<String, String> {
        let body = format!(r#"{{"model":"m","messages":[{{}}],{fields}}}"#);
        let chat = Chat::parse(body.as_bytes()).unwrap();
        let mut dropped = Vec::new();
        let (tools, config) =
            translate(&chat, &mut dropped).map_err(|fault| fault.message.into_owned())?;
        Ok(format!(
            "{} {} {}",
            serde_json::to_string(&tools).unwrap(),
            serde_json::to_string(&config).unwrap(),
            dropped.join(",")
        ))
    }

    const TOOLS: &str = r#""tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{}}}},{"type":"function","function":{"name":"g","description":"d"}}]"#;
    const SENT: &str =
        r#"[{"functionDeclarations":[{"name":"f"},{"name":"g","description":"d"}]}]"#;

    #[test]
    fn every_choice_has_its_mode() {
        let config = |config: &str| format!(r#"{SENT} {{"functionCallingConfig":{{{config}}}}} "#);
        let cases = [
            ("", format!("{SENT} null ")),
            (r#","tool_choice":"auto""#, config(r#""mode":"AUTO""#)),
            (r#","tool_choice":"none""#, config(r#""mode":"NONE""#)),
            (r#","tool_choice":"required""#, config(r#""mode":"ANY""#)),
            (
                r#","tool_choice":{"type":"function","function":{"name":"g"}}"#,
                config(r#""mode":"ANY","allowedFunctionNames":["g"]"#),
            ),
            (
                r#","tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"required","tools":[{"type":"function","function":{"name":"f"}}]}}"#,
                config(r#""mode":"ANY","allowedFunctionNames":["f"]"#),
            ),
            (
                r#","tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"auto","tools":[{"type":"function","function":{"name":"f"}}]}}"#,
                r#"[{"functionDeclarations":[{"name":"f"}]}] {"functionCallingConfig":{"mode":"AUTO"}} "#.into(),
            ),
            (
                r#","parallel_tool_calls":false"#,
                format!("{SENT} null parallel_tool_calls"),
            ),
        ];
        for (fields, want) in cases {
            assert_eq!(sent(&format!("{TOOLS}{fields}")), Ok(want), "{fields}");
        }
        assert_eq!(sent(r#""tool_choice":"none""#).as_deref(), Ok("null null "));
    }

    #[test]
    fn a_choice_of_what_is_not_there_is_refused() {
        let want = Err("`tool_choice` asks for a tool that is not in `tools`.".to_owned());
        assert_eq!(sent(r#""tool_choice":"required""#), want);
        let fields = r#","tool_choice":{"type":"function","function":{"name":"h"}}"#;
        assert_eq!(sent(&format!("{TOOLS}{fields}")), want);
    }
}
