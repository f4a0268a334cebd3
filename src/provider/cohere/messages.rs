//! The conversation: the system prompt in front, calls and their results with their ids, reasoning
//! back to where it came from.
//!
//! Source: docs.cohere.com, API reference, "Chat API (v2)" (`messages`), "Errors" ("system turn must
//! be the first in the list", "message must not be empty in a turn", "tool call id not found in
//! previous tool calls"), "Tool use" (results are a string or a list of objects); read 2026-11.

use super::{
    model::Model,
    note,
    wire::{Block, Call, Called, Image, Turn, Words},
};
use crate::{
    api::chat::{
        arguments::no_object,
        message::{self, Content, Message, PartKind, Role},
    },
    fault::{Fault, FaultKind},
    json::{Quoted, Str},
};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::{borrow::Cow, fmt::Display};

/// What a tool gave that gave nothing: an empty message is refused upstream.
const NOTHING: &str = "{}";

#[derive(Deserialize)]
struct Detail<'a> {
    #[serde(borrow)]
    provider: Option<Str<'a>>,
    #[serde(borrow)]
    r#type: Option<Str<'a>>,
    #[serde(borrow)]
    thinking: Option<&'a RawValue>,
    #[serde(borrow)]
    tool_plan: Option<&'a RawValue>,
}

/// Translates the messages; what is left out without harm is noted in `dropped`.
///
/// Errors: `BadRequest` or `Unsupported` that names the message and the field.
pub(super) fn translate<'a>(
    messages: &[Message<'a>],
    model: &Model,
    dropped: &mut Vec<String>,
) -> Result<Vec<Turn<'a>>, Fault> {
    let mut talk = Talk::default();
    for (index, message) in messages.iter().enumerate() {
        let place = format_args!("messages[{index}]");
        if message.name.is_some() && matches!(message.role, Role::User | Role::Assistant) {
            note(dropped, "messages[].name");
        }
        if is_marked(message) {
            note(dropped, "messages[].cache_control");
        }
        match message.role {
            Role::System => talk.lift(message, place)?,
            Role::User => {
                let content = said(message, place)?;
                if !content.is_empty() {
                    talk.turns.push(Turn::User { content });
                }
            }
            Role::Assistant => talk.assistant(message, model, place)?,
            Role::Tool | Role::Function => talk.result(message, place)?,
        }
    }
    talk.finish()
}

/// Whether a mark for caching is on a message or on one of its parts; Cohere caches without any.
fn is_marked(message: &Message<'_>) -> bool {
    let parts = match &message.content {
        Content::Parts(parts) => parts.as_slice(),
        Content::Nothing | Content::Text(_) => &[],
    };
    message.cache_control.is_some() || parts.iter().any(|part| part.cache_control.is_some())
}

/// The conversation so far.
#[derive(Default)]
struct Talk<'a> {
    system: Vec<Quoted<'a>>,
    turns: Vec<Turn<'a>>,
    /// The id of the last call in the older `function_call` form, and how many there were.
    legacy: Option<String>,
    legacy_calls: usize,
}

impl<'a> Talk<'a> {
    fn lift(&mut self, message: &Message<'a>, place: impl Display) -> Result<(), Fault> {
        match &message.content {
            Content::Nothing => {}
            Content::Text(text) => self.system.push(*text),
            Content::Parts(parts) => {
                for part in parts {
                    let (PartKind::Text(text) | PartKind::Refusal(text)) = part.is else {
                        let message =
                            format!("`{place}.content` of a system message must be text.");
                        let place = format!("{place}.content");
                        return Err(Fault::new(FaultKind::Unsupported, message).at(place));
                    };
                    self.system.push(text);
                }
            }
        }
        Ok(())
    }

    fn assistant(
        &mut self,
        message: &Message<'a>,
        model: &Model,
        place: impl Display + Copy,
    ) -> Result<(), Fault> {
        let (mut content, mut tool_plan) = (Vec::new(), None);
        for raw in &message.reasoning {
            let Ok(detail) = serde_json::from_str::<Detail<'a>>(raw.get()) else {
                continue;
            };
            if detail.provider.as_deref() != Some("cohere") {
                continue;
            }
            let string = |raw: &&'a RawValue| raw.get().starts_with('"');
            match detail.r#type.as_deref() {
                Some("thinking") if model.thinks => {
                    let thinking = detail.thinking.filter(string);
                    content.extend(thinking.map(|thinking| Block::Thinking { thinking }));
                }
                Some("tool_plan") => tool_plan = detail.tool_plan.filter(string).or(tool_plan),
                _ => {}
            }
        }
        content.append(&mut said(message, place)?);
        if let Some(text) = message.refusal {
            text_block(text, &mut content);
        }
        let tool_calls = self.calls(&message.calls, place)?;
        // Reasoning alone is no message.
        let says = |block: &Block<'_>| !matches!(block, Block::Thinking { .. });
        if tool_calls.is_empty() && !content.iter().any(says) {
            return Ok(());
        }
        self.turns.push(Turn::Assistant {
            // A plan belongs to calls.
            tool_plan: tool_plan.filter(|_| !tool_calls.is_empty()),
            content,
            tool_calls,
        });
        Ok(())
    }

    fn calls(
        &mut self,
        calls: &[message::Call<'a>],
        place: impl Display,
    ) -> Result<Vec<Call<'a>>, Fault> {
        let calls = calls.iter().enumerate().map(|(index, call)| {
            let (id, place) = match call.id {
                Some(id) => (
                    id.text(),
                    format!("{place}.tool_calls[{index}].function.arguments"),
                ),
                None => {
                    let id = format!("call_function_{}", self.legacy_calls);
                    self.legacy_calls += 1;
                    self.legacy = Some(id.clone());
                    (Cow::Owned(id), format!("{place}.function_call.arguments"))
                }
            };
            Ok(Call {
                r#type: "function",
                function: Called {
                    name: call.name,
                    arguments: arguments(call.arguments, &id, &place)?,
                },
                id,
            })
        });
        calls.collect()
    }

    fn result(&mut self, message: &Message<'a>, place: impl Display + Copy) -> Result<(), Fault> {
        let tool_call_id = match (message.role, message.call_id) {
            (Role::Tool, Some(id)) => id.text(),
            _ => self.legacy.take().map(Cow::Owned).ok_or_else(|| {
                let message =
                    format!("`{place}` answers a function that was not called before it.");
                Fault::new(FaultKind::BadRequest, message).at(place)
            })?,
        };
        let mut content = said(message, place)?;
        let image = content
            .iter()
            .position(|block| matches!(block, Block::ImageUrl { .. }));
        if image.is_some() {
            let message = format!(
                "`{place}.content` must be text: this model's provider takes no images from tools."
            );
            let place = format!("{place}.content");
            return Err(Fault::new(FaultKind::Unsupported, message).at(place));
        }
        if content.is_empty() {
            content.push(Block::Text {
                text: Words::Made(NOTHING.to_owned()),
            });
        }
        self.turns.push(Turn::Tool {
            tool_call_id,
            content,
        });
        Ok(())
    }

    /// One system message at most, and it comes first.
    fn finish(mut self) -> Result<Vec<Turn<'a>>, Fault> {
        if self.turns.is_empty() {
            let message = "`messages` must hold a user message that says something; the model cannot answer system messages alone.";
            return Err(Fault::new(FaultKind::BadRequest, message).at("messages"));
        }
        self.system.retain(|text| !text.is_blank());
        let content = match self.system.as_slice() {
            [] => return Ok(self.turns),
            [text] => Words::Kept(*text),
            texts => {
                let texts: Vec<_> = texts.iter().map(|text| text.text()).collect();
                Words::Made(texts.join("\n"))
            }
        };
        self.turns.insert(0, Turn::System { content });
        Ok(self.turns)
    }
}

/// What a message says, as blocks.
fn said<'a>(message: &Message<'a>, place: impl Display) -> Result<Vec<Block<'a>>, Fault> {
    let mut blocks = Vec::new();
    match &message.content {
        Content::Nothing => {}
        Content::Text(text) => text_block(*text, &mut blocks),
        Content::Parts(parts) => {
            for (index, part) in parts.iter().enumerate() {
                let unsupported = |what: &str| {
                    let place = format!("{place}.content[{index}].{what}");
                    let message = format!(
                        "`{place}` is not supported by this model's provider; send text or image_url."
                    );
                    Fault::new(FaultKind::Unsupported, message).at(place)
                };
                match part.is {
                    PartKind::Text(text) | PartKind::Refusal(text) => {
                        text_block(text, &mut blocks);
                    }
                    // An address or a data URL, and the same three levels of detail.
                    PartKind::Image { url, detail } => blocks.push(Block::ImageUrl {
                        image_url: Image { url, detail },
                    }),
                    PartKind::File { .. } => return Err(unsupported("file")),
                    PartKind::Audio(_) => return Err(unsupported("input_audio")),
                }
            }
        }
    }
    Ok(blocks)
}

/// Empty text is refused upstream and says nothing.
fn text_block<'a>(text: Quoted<'a>, blocks: &mut Vec<Block<'a>>) {
    if !text.is_blank() {
        blocks.push(Block::Text {
            text: Words::Kept(text),
        });
    }
}

/// A call's arguments: an object, inside a string that stays as the client wrote it.
fn arguments<'a>(said: Option<Quoted<'a>>, id: &str, place: &str) -> Result<Words<'a>, Fault> {
    let Some(said) = said.filter(|said| !said.is_blank()) else {
        return Ok(Words::Made("{}".to_owned()));
    };
    let text = said.text();
    let object = text.trim_start().starts_with('{')
        && serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
    if object {
        return Ok(Words::Kept(said));
    }
    Err(no_object(id, place))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{api::chat::Chat, provider::cohere::model::model};

    fn translated(name: &str, list: &str) -> Result<(String, String), String> {
        let body = format!(r#"{{"model":"m","messages":{list}}}"#);
        let chat = Chat::parse(body.as_bytes()).unwrap();
        let messages = message::messages(&chat).unwrap();
        let mut dropped = Vec::new();
        let turns = translate(&messages, &model(name), &mut dropped)
            .map_err(|fault| fault.message.into_owned())?;
        Ok((serde_json::to_string(&turns).unwrap(), dropped.join(",")))
    }

    fn turns(list: &str) -> String {
        translated("command-a-plus-05-2026", list).unwrap().0
    }

    #[test]
    fn system_messages_are_one_and_first() {
        assert_eq!(
            turns(
                r#"[{"role":"user","content":"hi"},{"role":"system","content":"a\u0041"},
                {"role":"developer","content":[{"type":"text","text":"b"},{"type":"text","text":" "}]}]"#
            ),
            r#"[{"role":"system","content":"aA\nb"},{"role":"user","content":"hi"}]"#
        );
        assert_eq!(
            turns(r#"[{"role":"developer","content":"a\u0041"},{"role":"user","content":"hi"}]"#),
            r#"[{"role":"system","content":"a\u0041"},{"role":"user","content":"hi"}]"#
        );
    }

    #[test]
    fn calls_and_results_keep_their_ids_and_arguments_their_bytes() {
        let list = r#"[{"role":"user","content":"q"},
            {"role":"assistant","content":null,"tool_calls":[
                {"id":"call.1","type":"function","function":{"name":"f","arguments":" {\"n\": 9007199254740993}"}},
                {"id":"b","function":{"name":"g","arguments":""}}]},
            {"role":"tool","tool_call_id":"call.1","content":"one"},
            {"role":"tool","tool_call_id":"b","content":""}]"#;
        assert_eq!(
            turns(list),
            [
                r#"[{"role":"user","content":"q"},{"role":"assistant","tool_calls":["#,
                r#"{"id":"call.1","type":"function","function":{"name":"f","arguments":" {\"n\": 9007199254740993}"}},"#,
                r#"{"id":"b","type":"function","function":{"name":"g","arguments":"{}"}}]},"#,
                r#"{"role":"tool","tool_call_id":"call.1","content":"one"},"#,
                r#"{"role":"tool","tool_call_id":"b","content":"{}"}]"#,
            ]
            .concat()
        );
    }

    #[test]
    fn only_cohere_s_reasoning_returns_and_only_to_a_model_that_thinks() {
        let list = r#"[{"role":"user","content":"q"},{"role":"assistant","content":"so",
            "reasoning_details":[{"provider":"anthropic","type":"thinking","thinking":"x"},
              {"provider":"cohere","type":"thinking","thinking":"t\u0041"},{"provider":"cohere","type":"tool_plan","tool_plan":"p"}],
            "tool_calls":[{"id":"a","function":{"name":"f","arguments":"{}"}}]}]"#;
        let calls = r#""tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]}]"#;
        assert_eq!(
            turns(list),
            format!(
                r#"[{{"role":"user","content":"q"}},{{"role":"assistant","tool_plan":"p","content":[{{"type":"thinking","thinking":"t\u0041"}},{{"type":"text","text":"so"}}],{calls}"#
            )
        );
        assert_eq!(
            translated("command-r-plus-08-2024", list).unwrap().0,
            format!(
                r#"[{{"role":"user","content":"q"}},{{"role":"assistant","tool_plan":"p","content":"so",{calls}"#
            )
        );
    }

    #[test]
    fn the_older_function_messages_get_one_id_on_both_sides() {
        assert_eq!(
            turns(
                r#"[{"role":"assistant","content":null,"function_call":{"name":"f","arguments":"{}"}},{"role":"function","name":"f","content":"r"}]"#
            ),
            [
                r#"[{"role":"assistant","tool_calls":[{"id":"call_function_0","type":"function","function":{"name":"f","arguments":"{}"}}]},"#,
                r#"{"role":"tool","tool_call_id":"call_function_0","content":"r"}]"#,
            ]
            .concat()
        );
    }

    #[test]
    fn what_says_nothing_is_no_message() {
        let (turns, dropped) = translated(
            "command-a-plus-05-2026",
            r#"[{"role":"user","content":" ","name":"ann"},{"role":"assistant","content":null},{"role":"user","content":"x","name":"bob"}]"#,
        )
        .unwrap();
        assert_eq!(turns, r#"[{"role":"user","content":"x"}]"#);
        assert_eq!(dropped, "messages[].name");
    }

    #[test]
    fn what_cannot_be_said_is_refused_by_name() {
        let call = |arguments: &str| {
            format!(
                r#"[{{"role":"assistant","tool_calls":[{{"id":"c","function":{{"name":"f","arguments":"{arguments}"}}}}]}}]"#
            )
        };
        let bad = "`messages[0].tool_calls[0].function.arguments` of call \"c\" must be a string that holds a JSON object, e.g. \"{}\".";
        let part = |role: &str, part: &str| {
            format!(r#"[{{"role":"{role}","tool_call_id":"c","content":[{part}]}}]"#)
        };
        let image = r#"{"type":"image_url","image_url":{"url":"https://a/b"}}"#;
        let cases = [
            (call("[1]"), bad),
            (call("{\\\"a\\\":"), bad),
            (
                r#"[{"role":"system","content":"x"},{"role":"user","content":" "}]"#.to_owned(),
                "`messages` must hold a user message that says something; the model cannot answer system messages alone.",
            ),
            (
                r#"[{"role":"function","name":"f","content":"x"}]"#.to_owned(),
                "`messages[0]` answers a function that was not called before it.",
            ),
            (
                part("system", image),
                "`messages[0].content` of a system message must be text.",
            ),
            (
                part("tool", image),
                "`messages[0].content` must be text: this model's provider takes no images from tools.",
            ),
            (
                part("user", r#"{"type":"file","file":{"file_id":"f"}}"#),
                "`messages[0].content[0].file` is not supported by this model's provider; send text or image_url.",
            ),
            (
                part("user", r#"{"type":"input_audio","input_audio":{}}"#),
                "`messages[0].content[0].input_audio` is not supported by this model's provider; send text or image_url.",
            ),
        ];
        for (list, want) in cases {
            let got = translated("command-a-plus-05-2026", &list);
            assert_eq!(got.unwrap_err(), want, "{list}");
        }
    }
}
