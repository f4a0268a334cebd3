//! Out: the answer becomes a tool that the model must call.

use crate::{
    api::chat::{
        Chat,
        tool::{self, Format, ToolChoice},
    },
    fault::{Fault, FaultKind},
    json::{Object, Quoted, Raw, Str},
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeSet;

/// The tool's name, unless the client has one of that name.
const NAME: &str = "give_the_answer";

const SAYS: &str = "Gives the answer to the user. The whole answer is the input of this tool.";

/// What a tool's schema does not promise.
pub(in crate::provider) const STRICT: &str = "response_format.json_schema.strict";

/// A request without `response_format`.
#[derive(Debug)]
pub(in crate::provider) struct Wrapped<'a> {
    /// The request to translate instead.
    pub(in crate::provider) chat: Chat<'a>,
    /// The tool whose input is the answer. `None`: only calls of the client's own tools can come.
    pub(in crate::provider) name: Option<String>,
    /// The client asked for more than a tool's schema promises.
    pub(in crate::provider) strict: bool,
}

#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(borrow, default)]
    json_schema: Option<SchemaFields<'a>>,
}

#[derive(Deserialize)]
struct SchemaFields<'a> {
    #[serde(borrow, default)]
    description: Option<&'a RawValue>,
    #[serde(default)]
    strict: Option<bool>,
}

#[derive(Deserialize)]
struct Root<'a> {
    #[serde(borrow, default)]
    r#type: Option<&'a RawValue>,
    #[serde(borrow, default)]
    properties: Option<&'a RawValue>,
}

#[derive(Serialize)]
struct Tool<'a> {
    r#type: &'static str,
    function: Function<'a>,
}

#[derive(Serialize)]
struct Function<'a> {
    name: &'a str,
    description: String,
    parameters: &'a RawValue,
}

#[derive(Serialize)]
struct Older<'a> {
    r#type: &'static str,
    function: &'a RawValue,
}

#[derive(Serialize)]
struct Named<'a> {
    r#type: &'static str,
    function: Name<'a>,
}

#[derive(Serialize)]
struct Name<'a> {
    name: &'a str,
}

#[derive(Serialize)]
struct Among<'a> {
    r#type: &'static str,
    allowed_tools: Allowed<'a>,
}

#[derive(Serialize)]
struct Allowed<'a> {
    mode: &'static str,
    tools: Vec<Named<'a>>,
}

/// The request with the answer as a tool; `None`: it asks for no schema.
///
/// Beside the client's own tools the model may choose, but must call something. Where the client forces
/// one of its own, no other answer can come and the schema has nothing to say.
/// Errors: a schema whose root is no object, which is all that a tool takes.
pub(in crate::provider) fn wrap<'a>(chat: &Chat<'a>) -> Result<Option<Wrapped<'a>>, Fault> {
    let Format::JsonSchema(schema) = tool::format(chat)? else {
        return Ok(None);
    };
    if !is_object(schema) {
        let place = "response_format.json_schema.schema";
        let message = format!(
            "`{place}` must describe an object at its root for this model; put the value into a property of one."
        );
        return Err(Fault::new(FaultKind::Unsupported, message).at(place));
    }
    let fields: Option<Fields<'_>> = chat.body.read("response_format").unwrap_or_default();
    let fields = fields.and_then(|fields| fields.json_schema);
    let (tools, choice) = (tool::tools(chat)?, tool::tool_choice(chat)?);
    let mut body = chat.body.clone();
    body.remove("response_format");
    let forced = matches!(
        choice,
        Some(
            ToolChoice::Required
                | ToolChoice::Named(_)
                | ToolChoice::Allowed { required: true, .. }
        )
    );
    let mut out = Wrapped {
        chat: chat.clone(),
        name: None,
        strict: false,
    };
    if !forced {
        let mut name = NAME.to_owned();
        let taken: BTreeSet<_> = tools.iter().map(|tool| tool.name.text()).collect();
        while taken.contains(&*name) {
            name.push('_');
        }
        let said = fields.as_ref().and_then(|fields| fields.description);
        let said = said.and_then(Quoted::of).map(Quoted::text);
        let tool = Tool {
            r#type: "function",
            function: Function {
                name: &name,
                description: match said.filter(|said| !said.trim().is_empty()) {
                    Some(said) => format!("{SAYS} {said}"),
                    None => SAYS.to_owned(),
                },
                parameters: schema,
            },
        };
        offer(&mut body, &tool);
        match choice {
            Some(ToolChoice::Allowed { names, .. }) if !tools.is_empty() => {
                let names: Vec<_> = names.iter().map(|name| name.text()).collect();
                let tools = names.iter().map(|name| &**name).chain([name.as_str()]);
                let choice = Among {
                    r#type: "allowed_tools",
                    allowed_tools: Allowed {
                        mode: "required",
                        tools: tools.map(named).collect(),
                    },
                };
                // Such a value is always writable, here and below.
                let _ = body.set("tool_choice", &choice);
            }
            None | Some(ToolChoice::Auto) if !tools.is_empty() => {
                let _ = body.set("tool_choice", "required");
            }
            _ => {
                let _ = body.set("tool_choice", &named(&name));
            }
        }
        out.strict = fields.and_then(|fields| fields.strict) == Some(true);
        out.name = Some(name);
    }
    out.chat.body = body;
    Ok(Some(out))
}

fn named(name: &str) -> Named<'_> {
    Named {
        r#type: "function",
        function: Name { name },
    }
}

/// Adds the tool behind the client's own, the older `functions` among them.
fn offer(body: &mut Object<'_>, tool: &Tool<'_>) {
    let list = |body: &Object<'_>, key| {
        let text = body.raw(key).map(Raw::get).unwrap_or_default();
        let items: Vec<&RawValue> = serde_json::from_str(text).unwrap_or_default();
        items
            .into_iter()
            .map(|item| item.get().to_owned())
            .collect::<Vec<_>>()
    };
    let mut all = list(body, "tools");
    if all.is_empty() {
        let older = list(body, "functions");
        all.extend(older.iter().filter_map(|text| {
            let function = serde_json::from_str(text).ok()?;
            let tool = Older {
                r#type: "function",
                function,
            };
            serde_json::to_string(&tool).ok()
        }));
    }
    all.extend(serde_json::to_string(tool));
    body.remove("functions");
    body.remove("function_call");
    let json = format!("[{}]", all.join(","));
    if let Ok(raw) = serde_json::from_str::<&RawValue>(&json) {
        let _ = body.set("tools", raw);
    }
}

/// A schema that says nothing of its root, such as `{}`, is taken for an object's.
fn is_object(schema: &RawValue) -> bool {
    let Ok(root) = serde_json::from_str::<Root<'_>>(schema.get()) else {
        return false;
    };
    let kind = root
        .r#type
        .map(|raw| serde_json::from_str::<Str<'_>>(raw.get()));
    match kind {
        Some(Ok(kind)) => *kind == *"object",
        Some(Err(_)) => false,
        None => {
            let empty = |b: u8| matches!(b, b'{' | b'}') || b.is_ascii_whitespace();
            root.properties.is_some() || schema.get().bytes().all(empty)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrapped(fields: &str) -> Result<(String, Option<String>, bool), String> {
        let body = format!(r#"{{"model":"m","messages":[{{}}],{fields}}}"#);
        let chat = Chat::parse(body.as_bytes()).unwrap();
        let out = wrap(&chat)
            .map_err(|fault| fault.message.into_owned())?
            .unwrap();
        let sent = String::from_utf8(out.chat.body.to_vec()).unwrap();
        let rest = sent
            .strip_prefix(r#"{"model":"m","messages":[{}]"#)
            .unwrap();
        Ok((rest.to_owned(), out.name, out.strict))
    }

    const FORMAT: &str = r#""response_format":{"type":"json_schema","json_schema":{"name":"n","strict":true,"schema":{"type":"object","properties":{"a":{"const":1.10}}}}}"#;
    const TOOL: &str = r#"{"type":"function","function":{"name":"give_the_answer","description":"Gives the answer to the user. The whole answer is the input of this tool.","parameters":{"type":"object","properties":{"a":{"const":1.10}}}}}"#;

    #[test]
    fn the_answer_is_one_tool_that_must_be_called() {
        let forced = r#""tool_choice":{"type":"function","function":{"name":"give_the_answer"}}"#;
        let name = Some(NAME.to_owned());
        assert_eq!(
            wrapped(FORMAT).unwrap(),
            (
                format!(r#","tools":[{TOOL}],{forced}}}"#),
                name.clone(),
                true
            )
        );
        let own = r#"{"type":"function","function":{"name":"f"}}"#;
        let with = |choice: &str| wrapped(&format!(r#"{FORMAT},"tools":[{own}]{choice}"#)).unwrap();
        let any = format!(r#","tools":[{own},{TOOL}],"tool_choice":"required"}}"#);
        assert_eq!(with(""), (any.clone(), name.clone(), true));
        assert_eq!(with(r#","tool_choice":"auto""#), (any, name.clone(), true));
        let none = format!(r#","tools":[{own},{TOOL}],{forced}}}"#);
        assert_eq!(with(r#","tool_choice":"none""#), (none, name.clone(), true));
        let of = |names: &str| format!(r#"{{"type":"allowed_tools","allowed_tools":{names}}}"#);
        let f = r#"{"type":"function","function":{"name":"f"}}"#;
        let given = of(&format!(r#"{{"mode":"auto","tools":[{f}]}}"#));
        let made = of(&format!(
            r#"{{"mode":"required","tools":[{f},{{"type":"function","function":{{"name":"give_the_answer"}}}}]}}"#
        ));
        assert_eq!(
            with(&format!(r#","tool_choice":{given}"#)).0,
            format!(r#","tools":[{own},{TOOL}],"tool_choice":{made}}}"#)
        );
        let older = wrapped(&format!(
            r#"{FORMAT},"functions":[{{"name":"f"}}],"function_call":"auto""#
        ));
        assert_eq!(
            older.unwrap().0,
            format!(r#","tools":[{f},{TOOL}],"tool_choice":"required"}}"#)
        );
    }

    #[test]
    fn a_client_that_forces_its_own_tool_gets_no_other_answer() {
        let own =
            r#""tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":"required""#;
        assert_eq!(
            wrapped(&format!("{FORMAT},{own}")).unwrap(),
            (format!(",{own}}}"), None, false)
        );
    }

    #[test]
    fn the_name_is_one_that_the_client_does_not_use() {
        let own = r#""tools":[{"type":"function","function":{"name":"give_the_answer"}}]"#;
        let (_, name, _) = wrapped(&format!("{FORMAT},{own}")).unwrap();
        assert_eq!(name.as_deref(), Some("give_the_answer_"));
    }

    #[test]
    fn only_objects_can_be_the_input_of_a_tool() {
        let of = |schema: &str| {
            wrapped(&format!(
                r#""response_format":{{"type":"json_schema","json_schema":{{"schema":{schema}}}}}"#
            ))
        };
        for good in ["{}", "{\n}", r#"{"type":"object"}"#, r#"{"properties":{}}"#] {
            assert!(of(good).is_ok(), "{good}");
        }
        for bad in [
            r#"{"type":"array"}"#,
            r#"{"type":["object","null"]}"#,
            r##"{"$ref":"#/$defs/a"}"##,
            r#"{"anyOf":[]}"#,
        ] {
            assert_eq!(
                of(bad).unwrap_err(),
                "`response_format.json_schema.schema` must describe an object at its root for this model; put the value into a property of one.",
                "{bad}"
            );
        }
    }
}
