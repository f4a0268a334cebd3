//! An answer that follows a schema, from models that only follow those of tools: the model is made to
//! call one tool whose input is the answer, and the client never sees that tool.
//!
//! Out: [`wrap`] writes the request anew, before the dialect translates it. Back: [`Unwrapping`]
//! stands between the dialect and the client's writer.
//! That a tool's input may be the answer itself is the older advice of Anthropic's guides to tool use
//! (general knowledge, not confirmed by a page of 2026-11).

use crate::{
    api::{
        answer::{AnswerSink, Finish, Part, Usage},
        chat::{
            Chat,
            tool::{self, Format, ToolChoice},
        },
    },
    fault::{Fault, FaultKind},
    json::{Object, Quoted, Raw, Str},
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The tool's name, unless the client has one of that name.
const NAME: &str = "give_the_answer";

const SAYS: &str = "Gives the answer to the user. The whole answer is the input of this tool.";

/// What a tool's schema does not promise.
pub(super) const STRICT: &str = "response_format.json_schema.strict";

/// Most text that is held back until it is known whether it stands beside the answer. Units: bytes.
const MAX_HELD: usize = 1 << 20;

/// A request without `response_format`.
#[derive(Debug)]
pub(super) struct Wrapped<'a> {
    /// The request to translate instead.
    pub(super) chat: Chat<'a>,
    /// The tool whose input is the answer. `None`: only calls of the client's own tools can come.
    pub(super) name: Option<String>,
    /// The client asked for more than a tool's schema promises.
    pub(super) strict: bool,
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
pub(super) fn wrap<'a>(chat: &Chat<'a>) -> Result<Option<Wrapped<'a>>, Fault> {
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
        while tools.iter().any(|tool| tool.name == *name) {
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

/// Turns calls of the answer's tool back into the answer; remembers what one answer needs.
#[derive(Debug, Default)]
pub struct Unwrapping {
    /// The tool's name. `None`: everything passes.
    name: Option<String>,
    /// Text that stands beside a call of something; an answer in the schema's form stands alone.
    held: String,
    /// The provider's indices of the answer's calls; the first is the answer.
    answers: Vec<u32>,
    /// A call of the client's own tools has come.
    calls: bool,
    overflown: bool,
}

/// Most calls of the answer's tool that are told apart from others.
const MAX_ANSWERS: usize = 1024;

impl Unwrapping {
    /// `name`: the tool whose input is the answer.
    pub fn new(name: Option<String>) -> Self {
        Self {
            name,
            ..Self::default()
        }
    }

    /// Stands before a sink.
    pub fn before<'s>(&'s mut self, out: &'s mut dyn AnswerSink) -> Unwrapped<'s> {
        Unwrapped { state: self, out }
    }

    fn flush(&mut self, out: &mut dyn AnswerSink) {
        if !self.held.is_empty() {
            out.part(0, Part::Text(&std::mem::take(&mut self.held)));
        }
    }

    fn part(&mut self, part: Part<'_>, out: &mut dyn AnswerSink) {
        match part {
            // Nothing may stand around the answer.
            Part::Text(_) if !self.answers.is_empty() => {}
            Part::Text(text) if self.calls || self.overflown => out.part(0, Part::Text(text)),
            Part::Text(text) => {
                self.held.push_str(text);
                if self.held.len() > MAX_HELD {
                    self.overflown = true;
                    self.flush(out);
                }
            }
            Part::ToolCall { index, name, .. } if self.name.as_deref() == Some(name) => {
                self.held.clear();
                if self.answers.len() < MAX_ANSWERS {
                    self.answers.push(index);
                }
            }
            Part::ToolCall { index, id, name } => {
                self.calls = true;
                self.flush(out);
                let index = self.index(index);
                out.part(0, Part::ToolCall { index, id, name });
            }
            Part::ToolInput { index, json } if self.answers.contains(&index) => {
                if self.answers.first() == Some(&index) {
                    out.part(0, Part::Text(json));
                }
            }
            Part::ToolInput { index, json } => {
                let index = self.index(index);
                out.part(0, Part::ToolInput { index, json });
            }
            Part::Finish(finish) => {
                self.flush(out);
                let answered = finish == Finish::ToolCalls && !self.calls;
                out.part(
                    0,
                    Part::Finish(if answered { Finish::Stop } else { finish }),
                );
            }
            other => out.part(0, other),
        }
    }

    /// The client counts its own calls only.
    fn index(&self, theirs: u32) -> u32 {
        let before = self.answers.iter().filter(|answer| **answer < theirs);
        theirs.saturating_sub(u32::try_from(before.count()).unwrap_or(u32::MAX))
    }
}

/// A sink that unwraps.
pub struct Unwrapped<'s> {
    state: &'s mut Unwrapping,
    out: &'s mut dyn AnswerSink,
}

impl std::fmt::Debug for Unwrapped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.state.fmt(f)
    }
}

impl AnswerSink for Unwrapped<'_> {
    fn open(&mut self, id: &str, model: &str) {
        self.out.open(id, model);
    }

    fn part(&mut self, choice: u32, part: Part<'_>) {
        // Models that need this give one choice.
        if self.state.name.is_none() || choice > 0 {
            return self.out.part(choice, part);
        }
        self.state.part(part, self.out);
    }

    fn usage(&mut self, usage: Usage) {
        self.out.usage(usage);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::chat::AnswerWriter;

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

    fn answer(parts: &[Part<'_>]) -> String {
        let (mut state, mut out) = (Unwrapping::new(Some("t".into())), AnswerWriter::default());
        for part in parts {
            state.before(&mut out).part(0, *part);
        }
        let body: serde_json::Value = serde_json::from_slice(&out.body(0)).unwrap();
        let choice = &body["choices"][0];
        let calls = choice["message"]["tool_calls"].to_string();
        format!(
            "{} {calls} {}",
            choice["message"]["content"], choice["finish_reason"]
        )
    }

    #[test]
    fn what_comes_back_is_the_answer_and_the_client_s_own_calls() {
        let call = |index, name| Part::ToolCall {
            index,
            id: "i",
            name,
        };
        let input = |index, json| Part::ToolInput { index, json };
        let end = Part::Finish(Finish::ToolCalls);
        let (text, one) = (Part::Text("Sure: "), input(0, "{\"a\""));
        assert_eq!(
            answer(&[text, call(0, "t"), one, input(0, ":1}"), text, end]),
            r#""{\"a\":1}" null "stop""#
        );
        let own = r#"[{"function":{"arguments":"{}","name":"f"},"id":"i","type":"function"}]"#;
        assert_eq!(
            answer(&[text, call(0, "f"), input(0, "{}"), end]),
            format!(r#""Sure: " {own} "tool_calls""#)
        );
        assert_eq!(
            answer(&[
                call(0, "t"),
                input(0, "{}"),
                call(1, "f"),
                input(1, "{}"),
                call(2, "t"),
                input(2, "7"),
                end
            ]),
            format!(r#""{{}}" {own} "tool_calls""#)
        );
        assert_eq!(
            answer(&[text, Part::Finish(Finish::Length)]),
            r#""Sure: " null "length""#
        );
    }
}
