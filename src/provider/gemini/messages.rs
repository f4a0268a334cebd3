//! From OpenAI's list of messages to a system prompt and the turns of `user` and `model`.
//!
//! System messages are lifted out wherever they stand. Neighbours with one role become one turn, so
//! that parallel calls stay one step with one signature; the results of tools are a turn of their own.
//! Source: ai.google.dev, "Text generation: system instructions", "Function calling: parallel function
//! calling", "Thought signatures"; read 2026-11.

use super::{
    Home,
    model::Age,
    note, parts,
    signature::{FOREIGN, Signatures},
    wire::{Content, FunctionCall, FunctionResponse, Part, Words},
};
use crate::{
    api::chat::{
        arguments,
        message::{Call, Message, Role},
    },
    fault::{Fault, FaultKind},
    json::{self, Quoted},
};
use std::{
    borrow::Cow,
    collections::BTreeMap,
    fmt::{Display, Write as _},
};

/// A conversation in Gemini's form.
#[derive(Debug, Default)]
pub(super) struct Conversation<'a> {
    pub(super) system: Option<Content<'a>>,
    pub(super) contents: Vec<Content<'a>>,
}

struct Building<'a, 'h> {
    home: &'h Home,
    age: Age,
    /// System messages, each as it stands between quotes.
    system: Vec<Cow<'a, str>>,
    contents: Vec<Content<'a>>,
    /// Which function each call names, and its place among the calls; of two calls with one id the later counts.
    names: BTreeMap<Cow<'a, str>, (Quoted<'a>, usize)>,
    /// How many calls there are so far; an id may come again.
    calls: usize,
    /// The results of the turn that is under way, each with the place of the call that it answers.
    results: Vec<(usize, Part<'a>)>,
}

/// Translates the messages; what is left out without harm is noted in `dropped`.
///
/// Errors: `BadRequest` or `Unsupported` that names the message and the field.
pub(super) fn translate<'a>(
    messages: &[Message<'a>],
    home: &Home,
    age: Age,
    dropped: &mut Vec<String>,
) -> Result<Conversation<'a>, Fault> {
    let mut talk = Building {
        home,
        age,
        system: Vec::new(),
        contents: Vec::new(),
        names: BTreeMap::new(),
        calls: 0,
        results: Vec::new(),
    };
    for (index, message) in messages.iter().enumerate() {
        let place = format_args!("messages[{index}]");
        if message.name.is_some() && matches!(message.role, Role::User | Role::Assistant) {
            note(dropped, "messages[].name");
        }
        let mut said = Vec::new();
        parts::content(message, home, place, dropped, &mut said)?;
        match message.role {
            Role::System => talk.lift(&said, place)?,
            Role::User => talk.add("user", said),
            Role::Assistant => talk.assistant(message, said, place)?,
            Role::Tool | Role::Function => talk.result(message, said, place)?,
        }
    }
    talk.finish()
}

impl<'a> Building<'a, '_> {
    fn lift(&mut self, said: &[Part<'a>], place: impl Display) -> Result<(), Fault> {
        for part in said {
            let Some(Words::Kept(text)) = &part.text else {
                let place = format!("{place}.content");
                let message = format!("`{place}` of a system message must be text.");
                return Err(Fault::new(FaultKind::Unsupported, message).at(place));
            };
            self.system.push(Cow::Borrowed(text.inner()));
        }
        Ok(())
    }

    fn add(&mut self, role: &'static str, parts: Vec<Part<'a>>) {
        if parts.is_empty() {
            return;
        }
        self.end_results();
        let is_results = |turn: &Content<'_>| {
            let first = turn.parts.first();
            first.is_some_and(|part| part.function_response.is_some())
        };
        match self.contents.last_mut() {
            Some(turn) if turn.role == Some(role) && !is_results(turn) => {
                turn.parts.extend(parts);
            }
            _ => self.contents.push(Content {
                role: Some(role),
                parts,
            }),
        }
    }

    fn assistant(
        &mut self,
        message: &Message<'a>,
        mut said: Vec<Part<'a>>,
        place: impl Display,
    ) -> Result<(), Fault> {
        let mut signatures = Signatures::of(message, self.home.tag(), self.age);
        let thoughts = signatures.thoughts.drain(..).map(|(text, signature)| Part {
            thought: Some(true),
            text: Some(Words::Made(text)),
            thought_signature: Some(signature),
            ..Part::default()
        });
        let mut all: Vec<_> = thoughts.collect();
        if let Some(text) = message.refusal {
            parts::text(text, &mut said);
        }
        if let Some(part) = said.iter_mut().rfind(|part| part.text.is_some()) {
            part.thought_signature = signatures.text.take();
        }
        all.append(&mut said);
        for (index, call) in message.calls.iter().enumerate() {
            all.push(self.call(call, index, &mut signatures, &place)?);
        }
        self.add("model", all);
        Ok(())
    }

    fn call(
        &mut self,
        call: &Call<'a>,
        index: usize,
        signatures: &mut Signatures<'a>,
        place: impl Display,
    ) -> Result<Part<'a>, Fault> {
        let (place, signature) = match call.id {
            Some(id) => {
                self.names.insert(id.text(), (call.name, self.calls));
                self.calls += 1;
                (
                    format!("{place}.tool_calls[{index}].function.arguments"),
                    signatures.calls.remove(&id.text()),
                )
            }
            None => (format!("{place}.function_call.arguments"), None),
        };
        let id = call.id.map(Quoted::text).unwrap_or_default();
        Ok(Part {
            function_call: Some(FunctionCall {
                id: call.id.filter(|_| self.home.takes_ids()),
                name: call.name,
                args: arguments::object(call, &id, &place)?,
            }),
            thought_signature: signature,
            ..Part::default()
        })
    }

    fn result(
        &mut self,
        message: &Message<'a>,
        said: Vec<Part<'a>>,
        place: impl Display,
    ) -> Result<(), Fault> {
        let known = match (message.role, message.call_id) {
            (Role::Tool, Some(id)) => self.names.get(&id.text()).copied(),
            _ => message.name.map(|name| (name, usize::MAX)),
        };
        let Some((name, number)) = known else {
            let place = format!("{place}.tool_call_id");
            let message = format!("`{place}` answers a call that no message before it makes.");
            return Err(Fault::new(FaultKind::BadRequest, message).at(place));
        };
        let (response, parts) = parts::outcome(said, self.age, place)?;
        let id = message
            .call_id
            .filter(|_| message.role == Role::Tool && self.home.takes_ids());
        let result = Part {
            function_response: Some(FunctionResponse {
                id,
                name,
                response,
                parts,
            }),
            ..Part::default()
        };
        self.results.push((number, result));
        Ok(())
    }

    /// Results are a turn of their own, in the order of their calls: without ids nothing else tells which is which.
    fn end_results(&mut self) {
        if self.results.is_empty() {
            return;
        }
        self.results.sort_by_key(|(number, _)| *number);
        let results = self.results.drain(..).map(|(_, result)| result);
        self.contents.push(Content {
            role: Some("user"),
            parts: results.collect(),
        });
    }

    fn finish(mut self) -> Result<Conversation<'a>, Fault> {
        self.end_results();
        if self.contents.is_empty() {
            let message = "`messages` must hold a user message that says something; the model cannot answer system messages alone.";
            return Err(Fault::new(FaultKind::BadRequest, message).at("messages"));
        }
        if self.age == Age::New {
            for turn in &mut self.contents {
                let first = turn
                    .parts
                    .iter_mut()
                    .find(|part| part.function_call.is_some());
                if let Some(call) = first {
                    call.thought_signature.get_or_insert(FOREIGN.into());
                }
            }
        }
        Ok(Conversation {
            system: joined(&self.system).map(|text| Content {
                role: None,
                parts: vec![Part {
                    text: Some(text),
                    ..Part::default()
                }],
            }),
            contents: self.contents,
        })
    }
}

/// Texts joined by a line feed, without taking their escapes out.
fn joined<'a>(texts: &[Cow<'a, str>]) -> Option<Words<'a>> {
    let mut out = String::with_capacity(texts.iter().map(|text| text.len() + 4).sum());
    for (index, text) in texts.iter().enumerate() {
        let before = if index == 0 { "\"" } else { "\\n" };
        let _ = write!(out, "{before}{text}");
    }
    out.push('"');
    let raw = json::boxed(out);
    raw.filter(|_| !texts.is_empty()).map(Words::Joined)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::chat::{Chat, message};

    fn translated(list: &str, home: &Home, age: Age) -> Result<(String, String), String> {
        let body = format!(r#"{{"model":"m","messages":{list}}}"#);
        let chat = Chat::parse(body.as_bytes()).unwrap();
        let messages = message::messages(&chat).unwrap();
        let talk = translate(&messages, home, age, &mut Vec::new())
            .map_err(|fault| fault.message.into_owned())?;
        Ok((json::written(&talk.system), json::written(&talk.contents)))
    }

    #[test]
    fn results_stand_in_the_order_of_their_calls() {
        let call = |id: &str, city: &str| {
            format!(
                r#"{{"id":"{id}","type":"function","function":{{"name":"w","arguments":"{{\"c\":\"{city}\"}}"}}}}"#
            )
        };
        let result = |id: &str, said: &str| {
            format!(r#"{{"role":"tool","tool_call_id":"{id}","content":"{said}"}}"#)
        };
        let list = format!(
            r#"[{{"role":"user","content":"q"}},{{"role":"assistant","tool_calls":[{},{},{}]}},{},{},{}]"#,
            call("a", "Paris"),
            call("b", "Rome"),
            call("c", "Oslo"),
            result("c", "-3"),
            result("a", "12"),
            result("b", "31"),
        );
        let home = Home::Vertex {
            project: "p".into(),
            location: "l".into(),
        };
        let (_, contents) = translated(&list, &home, Age::Old).unwrap();
        let places = ["12", "31", "-3"].map(|said| contents.find(said).unwrap());
        assert!(places.is_sorted(), "{contents}");
    }

    #[test]
    fn results_stand_in_order_where_a_later_turn_uses_the_ids_of_an_earlier_one() {
        let turn = |ids: &str, results: [&str; 3]| {
            let call = |id: char| {
                format!(
                    r#"{{"id":"{id}","type":"function","function":{{"name":"w","arguments":"{{}}"}}}}"#
                )
            };
            let calls = ids.chars().map(call).collect::<Vec<_>>().join(",");
            let said = results.map(|id| {
                format!(r#",{{"role":"tool","tool_call_id":"{id}","content":"said {id}"}}"#)
            });
            format!(
                r#"{{"role":"assistant","tool_calls":[{calls}]}}{}"#,
                said.join("")
            )
        };
        let (first, second) = (turn("abc", ["a", "b", "c"]), turn("bca", ["c", "a", "b"]));
        let list = format!(r#"[{{"role":"user","content":"q"}},{first},{second}]"#);
        let sent = contents(&list, Age::Old);
        let (_, last) = sent.rsplit_once(r#""role":"model""#).unwrap();
        let places = ["b", "c", "a"].map(|id| last.find(&format!("said {id}")).unwrap());
        assert!(places.is_sorted(), "{last}");
    }

    fn contents(list: &str, age: Age) -> String {
        translated(list, &Home::Gemini, age).unwrap().1
    }

    #[test]
    fn system_messages_are_lifted_in_order_from_anywhere() {
        let (system, contents) = translated(
            r#"[{"role":"system","content":"o\"ne"},{"role":"user","content":"hi"},
                {"role":"developer","content":[{"type":"text","text":"two"},{"type":"text","text":""}]},{"role":"user","content":"you"}]"#,
            &Home::Gemini,
            Age::Old,
        )
        .unwrap();
        assert_eq!(system, r#"{"parts":[{"text":"o\"ne\ntwo"}]}"#);
        assert_eq!(
            contents,
            r#"[{"role":"user","parts":[{"text":"hi"},{"text":"you"}]}]"#
        );
    }

    const CALLS: &str = r#"{"role":"user","content":"q"},
        {"role":"assistant","content":"","tool_calls":[
          {"id":"a","type":"function","function":{"name":"f","arguments":""}},
          {"id":"b","type":"function","function":{"name":"g","arguments":"{\"n\":9007199254740993}"}}]},
        {"role":"tool","tool_call_id":"b","content":"{\"x\":1}"},
        {"role":"tool","tool_call_id":"a","content":[{"type":"text","text":"plain"}]}"#;

    #[test]
    fn calls_meet_their_results_and_ids_go_where_they_are_taken() {
        assert_eq!(
            contents(
                &format!(r#"[{CALLS},{{"role":"user","content":"and?"}}]"#),
                Age::Old
            ),
            r#"[{"role":"user","parts":[{"text":"q"}]},{"role":"model","parts":[{"functionCall":{"id":"a","name":"f","args":{}}},{"functionCall":{"id":"b","name":"g","args":{"n":9007199254740993}}}]},{"role":"user","parts":[{"functionResponse":{"id":"a","name":"f","response":{"result":"plain"}}},{"functionResponse":{"id":"b","name":"g","response":{"x":1}}}]},{"role":"user","parts":[{"text":"and?"}]}]"#
        );
        let vertex = Home::Vertex {
            project: "p".into(),
            location: "l".into(),
        };
        let (_, sent) = translated(&format!("[{CALLS}]"), &vertex, Age::Old).unwrap();
        assert!(!sent.contains(r#""id""#), "{sent}");
    }

    #[test]
    fn a_step_without_a_signature_says_so_on_its_first_call_only() {
        let sent = contents(&format!("[{CALLS}]"), Age::New);
        assert_eq!(sent.matches("thoughtSignature").count(), 1);
        assert!(
            sent.contains(
                r#"{"functionCall":{"id":"a","name":"f","args":{}},"thoughtSignature":"skip_thought_signature_validator"}"#
            ),
            "{sent}"
        );
    }

    #[test]
    fn signatures_return_to_their_places_and_strange_ones_do_not() {
        let detail = |provider: &str, model: &str| {
            format!(
                r#"[{{"provider":"{provider}","type":"thinking","model":"{model}","thinking":"hm","signature":"s0"}},
                    {{"provider":"{provider}","type":"text_signature","model":"{model}","signature":"s1"}},
                    {{"provider":"{provider}","type":"call_signature","model":"{model}","call":"a","signature":"s2"}},
                    {{"provider":"anthropic","type":"thinking","thinking":"x","signature":"y"}},7]"#
            )
        };
        let said = |details: &str| {
            contents(
                &format!(
                    r#"[{{"role":"user","content":"q"}},{{"role":"assistant","content":"t","reasoning_details":{details},"tool_calls":[{{"id":"a","type":"function","function":{{"name":"f","arguments":"{{}}"}}}}]}},{{"role":"tool","tool_call_id":"a","content":"r"}}]"#
                ),
                Age::New,
            )
        };
        let own = r#"{"role":"model","parts":[{"thought":true,"text":"hm","thoughtSignature":"s0"},{"text":"t","thoughtSignature":"s1"},{"functionCall":{"id":"a","name":"f","args":{}},"thoughtSignature":"s2"}]}"#;
        let strange = r#"{"role":"model","parts":[{"text":"t"},{"functionCall":{"id":"a","name":"f","args":{}},"thoughtSignature":"skip_thought_signature_validator"}]}"#;
        assert!(said(&detail("gemini", "gemini-3-pro")).contains(own));
        assert!(said(&detail("gemini", "")).contains(own));
        assert!(said(&detail("gemini", "gemini-2.5-pro")).contains(strange));
        assert!(said(&detail("vertex", "gemini-3-pro")).contains(strange));
    }

    #[test]
    fn what_cannot_be_said_is_refused_by_name() {
        let cases = [
            (
                r#"[{"role":"system","content":"s"}]"#,
                "`messages` must hold a user message that says something; the model cannot answer system messages alone.",
            ),
            (
                r#"[{"role":"user","content":"q"},{"role":"tool","tool_call_id":"x","content":"r"}]"#,
                "`messages[1].tool_call_id` answers a call that no message before it makes.",
            ),
            (
                r#"[{"role":"system","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,aGk="}}]}]"#,
                "`messages[0].content` of a system message must be text.",
            ),
            (
                r#"[{"role":"user","content":"q"},{"role":"assistant","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"[1]"}}]}]"#,
                "`messages[1].tool_calls[0].function.arguments` of call \"a\" must be a string that holds a JSON object, e.g. \"{}\".",
            ),
            (
                r#"[{"role":"assistant","tool_calls":[{"id":"a","type":"function","function":{"name":"f"}}]},{"role":"tool","tool_call_id":"a","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,aGk="}}]}]"#,
                "`messages[1].content` of a tool's result must be text for this model; send media in a user message.",
            ),
        ];
        for (list, want) in cases {
            assert_eq!(
                translated(list, &Home::Gemini, Age::Old),
                Err(want.to_owned()),
                "{list}"
            );
        }
    }

    #[test]
    fn an_older_function_call_needs_no_id() {
        assert_eq!(
            contents(
                r#"[{"role":"user","content":"q"},{"role":"assistant","content":null,"function_call":{"name":"f","arguments":"{}"}},{"role":"function","name":"f","content":"r"}]"#,
                Age::Old
            ),
            r#"[{"role":"user","parts":[{"text":"q"}]},{"role":"model","parts":[{"functionCall":{"name":"f","args":{}}}]},{"role":"user","parts":[{"functionResponse":{"name":"f","response":{"result":"r"}}}]}]"#
        );
    }
}
