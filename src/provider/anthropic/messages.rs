//! From OpenAI's list of messages to a system prompt and alternating turns.
//!
//! System messages are lifted out wherever they stand; neighbours with one role become one turn;
//! results of tools come first in the user's turn, reasoning first in the assistant's.
//! Source: docs.claude.com, API reference, "Messages"; "Handle tool calls" (results first);
//! "Thinking: preserving thinking blocks"; read 2026-11.

use super::{
    content::{content, mark, text_block, thoughts, tool_id},
    note,
    wire::{Block, System, Turn, Words},
};
use crate::{
    api::chat::{
        arguments,
        message::{Call, Message, Role},
    },
    fault::{Fault, FaultKind},
};
use std::{borrow::Cow, fmt::Display};

/// A conversation in Anthropic's form.
#[derive(Debug, Default)]
pub(super) struct Conversation<'a> {
    pub(super) system: System<'a>,
    pub(super) turns: Vec<Turn<'a>>,
    /// The id of the last call in the older `function_call` form, and how many there were.
    legacy: Option<String>,
    legacy_calls: usize,
}

/// Translates the messages; what is left out without harm is noted in `dropped`.
///
/// Errors: `BadRequest` or `Unsupported` that names the message and the field.
pub(super) fn translate<'a>(
    messages: &[Message<'a>],
    dropped: &mut Vec<String>,
) -> Result<Conversation<'a>, Fault> {
    let mut talk = Conversation::default();
    for (index, message) in messages.iter().enumerate() {
        let place = format_args!("messages[{index}]");
        if message.name.is_some() && matches!(message.role, Role::User | Role::Assistant) {
            note(dropped, "messages[].name");
        }
        match message.role {
            Role::System => talk.lift(message, place, dropped)?,
            Role::User => {
                let mut blocks = Vec::new();
                content(message, place, dropped, &mut blocks)?;
                mark(&mut blocks, message.cache_control);
                talk.add("user", blocks);
            }
            Role::Assistant => {
                let mut blocks = thoughts(message);
                content(message, place, dropped, &mut blocks)?;
                if let Some(text) = message.refusal {
                    text_block(text, None, &mut blocks);
                }
                talk.calls(&message.calls, place, &mut blocks)?;
                mark(&mut blocks, message.cache_control);
                talk.add("assistant", blocks);
            }
            Role::Tool | Role::Function => {
                let tool_use_id = talk.answered(message, place)?;
                let mut blocks = Vec::new();
                content(message, place, dropped, &mut blocks)?;
                let result = Block::ToolResult {
                    tool_use_id,
                    content: blocks,
                    cache_control: message.cache_control,
                };
                talk.add("user", vec![result]);
            }
        }
    }
    talk.finish()
}

impl<'a> Conversation<'a> {
    /// Whether the model is asked to continue its own last words.
    pub(super) fn is_prefilled(&self) -> bool {
        self.turns
            .last()
            .is_some_and(|turn| turn.role == "assistant")
    }

    /// Whether the calls whose results now follow came without the reasoning before them, as from a
    /// client that does not keep it. A thinking budget is refused for such a conversation.
    pub(super) fn lost_its_thoughts(&self) -> bool {
        let last = self
            .turns
            .iter()
            .rev()
            .find(|turn| turn.role == "assistant");
        last.is_some_and(|turn| {
            let called = |block: &Block<'_>| matches!(block, Block::ToolUse { .. });
            let thought = |block: &Block<'_>| {
                matches!(
                    block,
                    Block::Thinking { .. } | Block::RedactedThinking { .. }
                )
            };
            turn.content.iter().any(called) && !turn.content.first().is_some_and(thought)
        })
    }

    fn add(&mut self, role: &'static str, blocks: Vec<Block<'a>>) {
        if blocks.is_empty() {
            return;
        }
        match self.turns.last_mut() {
            Some(turn) if turn.role == role => turn.content.extend(blocks),
            _ => self.turns.push(Turn {
                role,
                content: blocks,
            }),
        }
    }

    fn lift(
        &mut self,
        message: &Message<'a>,
        place: impl Display + Copy,
        dropped: &mut Vec<String>,
    ) -> Result<(), Fault> {
        let mut blocks = Vec::new();
        content(message, place, dropped, &mut blocks)?;
        if !blocks
            .iter()
            .all(|block| matches!(block, Block::Text { .. }))
        {
            let message = format!("`{place}.content` of a system message must be text.");
            let place = format!("{place}.content");
            return Err(Fault::new(FaultKind::Unsupported, message).at(place));
        }
        mark(&mut blocks, message.cache_control);
        self.system.0.append(&mut blocks);
        Ok(())
    }

    fn calls(
        &mut self,
        calls: &[Call<'a>],
        place: impl Display,
        blocks: &mut Vec<Block<'a>>,
    ) -> Result<(), Fault> {
        for (index, call) in calls.iter().enumerate() {
            let (id, place) = match call.id {
                Some(id) => (
                    tool_id(id.text()),
                    format!("{place}.tool_calls[{index}].function.arguments"),
                ),
                None => {
                    let id = format!("call_function_{}", self.legacy_calls);
                    self.legacy_calls += 1;
                    self.legacy = Some(id.clone());
                    (Cow::Owned(id), format!("{place}.function_call.arguments"))
                }
            };
            blocks.push(Block::ToolUse {
                input: arguments::object(call, &id, &place)?,
                id,
                name: call.name,
                cache_control: None,
            });
        }
        Ok(())
    }

    /// The id of the call that a tool's message answers.
    fn answered(
        &mut self,
        message: &Message<'a>,
        place: impl Display,
    ) -> Result<Cow<'a, str>, Fault> {
        if let (Role::Tool, Some(id)) = (message.role, message.call_id) {
            return Ok(tool_id(id.text()));
        }
        self.legacy.take().map(Cow::Owned).ok_or_else(|| {
            let message = format!("`{place}` answers a function that was not called before it.");
            Fault::new(FaultKind::BadRequest, message).at(place)
        })
    }

    fn finish(mut self) -> Result<Self, Fault> {
        for turn in self.turns.iter_mut().filter(|turn| turn.role == "user") {
            // Stable: results keep their order, and so does the rest.
            turn.content
                .sort_by_key(|block| !matches!(block, Block::ToolResult { .. }));
        }
        if self.turns.is_empty() {
            let message = "`messages` must hold a user message that says something; the model cannot answer system messages alone.";
            return Err(Fault::new(FaultKind::BadRequest, message).at("messages"));
        }
        // The last words of the model may not end in white space.
        if let Some(turn) = self.turns.last_mut()
            && turn.role == "assistant"
            && let Some(Block::Text { text, .. }) = turn.content.last_mut()
        {
            let said = text.text();
            let kept = said.trim_end();
            if kept.len() < said.len() {
                *text = Words::Made(kept.to_owned());
            }
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        api::chat::{Chat, message},
        json,
    };

    fn translated(list: &str) -> Result<(String, String, Vec<String>), String> {
        let body = format!(r#"{{"model":"m","messages":{list}}}"#);
        let chat = Chat::parse(body.as_bytes()).unwrap();
        let messages = message::messages(&chat).unwrap();
        let mut dropped = Vec::new();
        let talk =
            translate(&messages, &mut dropped).map_err(|fault| fault.message.into_owned())?;
        Ok((
            json::written(&talk.system),
            json::written(&talk.turns),
            dropped,
        ))
    }

    fn turns(list: &str) -> String {
        translated(list).unwrap().1
    }

    #[test]
    fn system_messages_are_lifted_in_order_from_anywhere() {
        let (system, turns, _) = translated(
            r#"[{"role":"system","content":"one"},{"role":"user","content":"hi"},
                {"role":"developer","content":[{"type":"text","text":"two\n"},{"type":"text","text":" "}]},{"role":"user","content":"you"}]"#,
        )
        .unwrap();
        assert_eq!(system, r#""one\ntwo\n""#);
        assert_eq!(
            turns,
            r#"[{"role":"user","content":[{"type":"text","text":"hi"},{"type":"text","text":"you"}]}]"#
        );
    }

    #[test]
    fn a_cache_mark_turns_the_system_prompt_into_blocks() {
        let (system, ..) = translated(
            r#"[{"role":"system","content":"a","cache_control":{"type":"ephemeral","ttl":"1h"}},{"role":"system","content":"b"},{"role":"user","content":"hi"}]"#,
        )
        .unwrap();
        assert_eq!(
            system,
            r#"[{"type":"text","text":"a","cache_control":{"type":"ephemeral","ttl":"1h"}},{"type":"text","text":"b"}]"#
        );
    }

    #[test]
    fn results_come_first_in_the_user_s_turn_and_reasoning_first_in_the_model_s() {
        let list = r#"[{"role":"user","content":"q"},
            {"role":"assistant","content":"","tool_calls":[
                {"id":"a.1","type":"function","function":{"name":"f","arguments":"{\"n\":9007199254740993}"}},
                {"id":"b","type":"function","function":{"name":"g","arguments":""}}],
             "reasoning_details":[{"provider":"other","type":"thinking","thinking":"x","signature":"y"},
                {"provider":"anthropic","type":"thinking","thinking":"t\u0041","signature":"s"},
                {"provider":"anthropic","type":"redacted_thinking","data":"d"}]},
            {"role":"user","content":"and?"},
            {"role":"tool","tool_call_id":"a.1","content":"one"},
            {"role":"tool","tool_call_id":"b","content":""}]"#;
        let id = tool_id("a.1".into());
        assert_eq!(
            turns(list),
            [
                r#"[{"role":"user","content":"q"},"#,
                r#"{"role":"assistant","content":[{"type":"thinking","thinking":"t\u0041","signature":"s"},"#,
                r#"{"type":"redacted_thinking","data":"d"},"#,
                &format!(r#"{{"type":"tool_use","id":"{id}","name":"f","input":{{"n":9007199254740993}}}},"#),
                r#"{"type":"tool_use","id":"b","name":"g","input":{}}]},"#,
                &format!(r#"{{"role":"user","content":[{{"type":"tool_result","tool_use_id":"{id}","content":"one"}},"#),
                r#"{"type":"tool_result","tool_use_id":"b"},{"type":"text","text":"and?"}]}]"#,
            ]
            .concat()
        );
    }

    #[test]
    fn the_older_function_messages_get_one_id_on_both_sides() {
        let list = r#"[{"role":"user","content":"q"},
            {"role":"assistant","content":null,"function_call":{"name":"f","arguments":"{}"}},
            {"role":"function","name":"f","content":"r"}]"#;
        assert_eq!(
            turns(list),
            [
                r#"[{"role":"user","content":"q"},"#,
                r#"{"role":"assistant","content":[{"type":"tool_use","id":"call_function_0","name":"f","input":{}}]},"#,
                r#"{"role":"user","content":[{"type":"tool_result","tool_use_id":"call_function_0","content":"r"}]}]"#,
            ]
            .concat()
        );
    }

    #[test]
    fn a_last_word_of_the_model_does_not_end_in_white_space() {
        assert_eq!(
            turns(
                r#"[{"role":"user","content":"q "},{"role":"assistant","content":"The answer is \n"}]"#
            ),
            r#"[{"role":"user","content":"q "},{"role":"assistant","content":"The answer is"}]"#
        );
    }

    #[test]
    fn a_mark_on_a_message_is_on_its_last_block() {
        assert_eq!(
            turns(
                r#"[{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}],"cache_control":{"type":"ephemeral"}},{"role":"assistant","content":" "}]"#
            ),
            r#"[{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b","cache_control":{"type":"ephemeral"}}]}]"#
        );
    }

    #[test]
    fn what_cannot_be_said_is_refused_by_name() {
        let call = |arguments: &str| {
            format!(
                r#"[{{"role":"assistant","tool_calls":[{{"id":"c","function":{{"name":"f","arguments":"{arguments}"}}}}]}}]"#
            )
        };
        let bad = "`messages[0].tool_calls[0].function.arguments` of call \"c\" must be a string that holds a JSON object, e.g. \"{}\".";
        let part = |part: &str| format!(r#"[{{"role":"user","content":[{part}]}}]"#);
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
                r#"[{"role":"system","content":[{"type":"image_url","image_url":{"url":"https://a/b"}}]}]"#.to_owned(),
                "`messages[0].content` of a system message must be text.",
            ),
            (
                part(r#"{"type":"file","file":{"file_id":"file-1"}}"#),
                "`messages[0].content[0].file.file_id` names an upload that this model's provider does not know; send `file_data`.",
            ),
            (
                part(r#"{"type":"file","file":{}}"#),
                "`messages[0].content[0].file.file_data` is required.",
            ),
            (
                part(r#"{"type":"input_audio","input_audio":{}}"#),
                "`messages[0].content[0].input_audio` is not supported by this model's provider.",
            ),
            (
                part(r#"{"type":"image_url","image_url":{"url":"ftp://a"}}"#),
                "`messages[0].content[0].image_url.url` must be an http(s) address or a data URL of a JPEG, PNG, GIF or WebP image in base64.",
            ),
        ];
        for (list, want) in cases {
            assert_eq!(translated(&list).unwrap_err(), want, "{list}");
        }
    }

    #[test]
    fn what_is_left_out_is_noted_once() {
        let (_, _, dropped) = translated(
            r#"[{"role":"user","name":"ann","content":[{"type":"image_url","image_url":{"url":"https://a/b","detail":"low"}}]},{"role":"user","name":"bob","content":"x"}]"#,
        )
        .unwrap();
        assert_eq!(
            dropped,
            ["messages[].name", "messages[].content[].image_url.detail"]
        );
    }
}
