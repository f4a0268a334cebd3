//! From OpenAI's list of messages to a system prompt and alternating turns.
//!
//! System messages are lifted out wherever they stand; neighbours with one role become one turn;
//! results of tools come first in the user's turn, reasoning first in the assistant's.
//! Source: Amazon Bedrock API reference, "Converse" (field `messages`), "Message" (documents need
//! text beside them); user guide, "Call a tool with the Converse API"; read 2026-11.

use super::{
    content::{Around, text, thoughts, tool_id},
    wire::{Block, Turn},
};
use crate::{
    api::chat::{
        arguments,
        message::{Call, Message, Role},
    },
    fault::{Fault, FaultKind},
    json::Quoted,
    provider::anthropic::{note, wire::Words},
};
use std::{borrow::Cow, collections::BTreeSet, fmt::Display};

/// What stands for the result of a tool that gave nothing: it needs a block, and blank text is refused.
const NOTHING: &str = "(no output)";

/// A conversation in Converse's form.
#[derive(Debug, Default)]
pub(super) struct Conversation<'a> {
    pub(super) system: Vec<Block<'a>>,
    pub(super) turns: Vec<Turn<'a>>,
    /// The names of the tools that were called, each once, in order.
    pub(super) called: Vec<Quoted<'a>>,
    known: BTreeSet<Cow<'a, str>>,
    /// There are calls or results: Converse insists on tools then.
    pub(super) uses_tools: bool,
    /// The id of the last call in the older `function_call` form, and how many there were.
    legacy: Option<String>,
    legacy_calls: usize,
}

/// Translates the messages; what is left out without harm is noted in `around`.
///
/// Errors: `BadRequest` or `Unsupported` that names the message and the field.
pub(super) fn translate<'a>(
    messages: &[Message<'a>],
    around: &mut Around<'_>,
) -> Result<Conversation<'a>, Fault> {
    let mut talk = Conversation::default();
    for (index, message) in messages.iter().enumerate() {
        let place = format_args!("messages[{index}]");
        if message.name.is_some() && matches!(message.role, Role::User | Role::Assistant) {
            note(around.dropped, "messages[].name");
        }
        let mut blocks = Vec::new();
        match message.role {
            Role::System => {
                around.content(message, place, &mut blocks)?;
                talk.lift(message, place, blocks, around)?;
            }
            Role::User => {
                around.content(message, place, &mut blocks)?;
                mark(message, &mut blocks, around);
                needs_text(&blocks, place)?;
                talk.add("user", blocks);
            }
            Role::Assistant => {
                blocks = thoughts(message);
                around.content(message, place, &mut blocks)?;
                if let Some(said) = message.refusal {
                    text(said, &mut blocks);
                }
                talk.calls(&message.calls, place, &mut blocks)?;
                mark(message, &mut blocks, around);
                talk.add("assistant", blocks);
            }
            Role::Tool | Role::Function => {
                let tool_use_id = talk.answered(message, place)?;
                around.content(message, place, &mut blocks)?;
                talk.result(tool_use_id, blocks, message, around);
            }
        }
    }
    talk.finish()
}

/// A mark on a message is one after its last block.
fn mark<'a>(message: &Message<'a>, blocks: &mut Vec<Block<'a>>, around: &mut Around<'_>) {
    let open = !matches!(
        blocks.last(),
        None | Some(Block::CachePoint(_) | Block::ReasoningContent(_))
    );
    if open {
        let point = around.cache_point(message.cache_control);
        blocks.extend(point.map(Block::CachePoint));
    }
}

/// A document cannot stand alone.
fn needs_text(blocks: &[Block<'_>], place: impl Display) -> Result<(), Fault> {
    let document = |block: &Block<'_>| matches!(block, Block::Document { .. });
    let text = |block: &Block<'_>| matches!(block, Block::Text(_));
    if !blocks.iter().any(document) || blocks.iter().any(text) {
        return Ok(());
    }
    let place = format!("{place}.content");
    let message = format!(
        "`{place}` must hold text beside its documents: this model's provider insists on it."
    );
    Err(Fault::new(FaultKind::Unsupported, message).at(place))
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
            let first = turn.content.first();
            turn.content.iter().any(called) && !matches!(first, Some(Block::ReasoningContent(_)))
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
                results: Vec::new(),
            }),
        }
    }

    fn lift(
        &mut self,
        message: &Message<'a>,
        place: impl Display,
        mut blocks: Vec<Block<'a>>,
        around: &mut Around<'_>,
    ) -> Result<(), Fault> {
        let plain = |block: &Block<'_>| matches!(block, Block::Text(_) | Block::CachePoint(_));
        if !blocks.iter().all(plain) {
            let place = format!("{place}.content");
            let message = format!("`{place}` of a system message must be text.");
            return Err(Fault::new(FaultKind::Unsupported, message).at(place));
        }
        mark(message, &mut blocks, around);
        self.system.append(&mut blocks);
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
            if self.known.insert(call.name.text()) {
                self.called.push(call.name);
            }
            self.uses_tools = true;
            blocks.push(Block::ToolUse {
                input: arguments::object(call, &id, &place)?,
                tool_use_id: id,
                name: call.name,
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

    /// A tool's result goes before what else the user's turn says. No cache point may stand inside
    /// it, so one that is asked for there follows it.
    fn result(
        &mut self,
        tool_use_id: Cow<'a, str>,
        mut content: Vec<Block<'a>>,
        message: &Message<'a>,
        around: &mut Around<'_>,
    ) {
        let mut point = around.cache_point(message.cache_control);
        content.retain(|block| match block {
            Block::CachePoint(inner) => {
                point = point.or(Some(*inner));
                false
            }
            _ => true,
        });
        if content.is_empty() {
            content.push(Block::Text(Words::Made(NOTHING.to_owned())));
        }
        let mut new = vec![Block::ToolResult {
            tool_use_id,
            content,
            status: (message.is_error && around.errors).then_some("error"),
        }];
        new.extend(point.map(Block::CachePoint));
        self.uses_tools = true;
        match self.turns.last_mut() {
            Some(turn) if turn.role == "user" => turn.results.append(&mut new),
            _ => self.turns.push(Turn {
                role: "user",
                content: Vec::new(),
                results: new,
            }),
        }
    }

    fn finish(mut self) -> Result<Self, Fault> {
        for turn in &mut self.turns {
            turn.results.append(&mut turn.content);
            std::mem::swap(&mut turn.results, &mut turn.content);
        }
        let Some(first) = self.turns.first() else {
            let message = "`messages` must hold a user message that says something; the model cannot answer system messages alone.";
            return Err(Fault::new(FaultKind::BadRequest, message).at("messages"));
        };
        if first.role != "user" {
            let message =
                "`messages` must begin with a user message: this model's provider insists on it.";
            return Err(Fault::new(FaultKind::Unsupported, message).at("messages"));
        }
        // The last words of the model may not end in white space.
        if let Some(turn) = self.turns.last_mut()
            && turn.role == "assistant"
            && let Some(Block::Text(text)) = turn.content.last_mut()
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
        let mut around = Around {
            caches: true,
            errors: true,
            documents: Default::default(),
            dropped: &mut dropped,
        };
        let talk = translate(&messages, &mut around).map_err(|fault| fault.message.into_owned())?;
        Ok((
            json::written(&talk.system),
            json::written(&talk.turns),
            dropped,
        ))
    }

    #[test]
    fn system_messages_are_lifted_and_neighbours_are_one_turn() {
        let (system, turns, _) = translated(
            r#"[{"role":"system","content":"one"},{"role":"user","content":"h\u0069"},
                {"role":"developer","content":[{"type":"text","text":"two"},{"type":"text","text":" "}],"cache_control":{"type":"ephemeral","ttl":"1h"}},
                {"role":"user","content":""},{"role":"user","content":"you"},{"role":"assistant","content":""}]"#,
        )
        .unwrap();
        assert_eq!(
            system,
            r#"[{"text":"one"},{"text":"two"},{"cachePoint":{"type":"default","ttl":"1h"}}]"#
        );
        assert_eq!(
            turns,
            r#"[{"role":"user","content":[{"text":"h\u0069"},{"text":"you"}]}]"#
        );
    }

    #[test]
    fn results_come_first_with_their_cache_points_and_reasoning_before_all() {
        let (_, turns, _) = translated(
            r#"[{"role":"user","content":"q"},
            {"role":"assistant","content":null,"tool_calls":[
                {"id":"a 1","type":"function","function":{"name":"f","arguments":"{\"n\":9007199254740993}"}},
                {"id":"b","type":"function","function":{"name":"g","arguments":""}}],
             "reasoning_details":[{"provider":"anthropic","type":"thinking","thinking":"x","signature":"y"},
                {"provider":"bedrock","type":"thinking","thinking":"","signature":"s"},
                {"provider":"bedrock","type":"redacted_thinking","data":"ZA=="}]},
            {"role":"user","content":"and?"},
            {"role":"tool","tool_call_id":"a 1","content":[{"type":"text","text":"one","cache_control":{"type":"ephemeral"}}]},
            {"role":"tool","tool_call_id":"b","content":""}]"#,
        )
        .unwrap();
        let id = tool_id("a 1".into());
        assert_eq!(
            turns,
            [
                r#"[{"role":"user","content":[{"text":"q"}]},"#,
                r#"{"role":"assistant","content":[{"reasoningContent":{"reasoningText":{"text":"","signature":"s"}}},"#,
                r#"{"reasoningContent":{"redactedContent":"ZA=="}},"#,
                &format!(r#"{{"toolUse":{{"toolUseId":"{id}","name":"f","input":{{"n":9007199254740993}}}}}},"#),
                r#"{"toolUse":{"toolUseId":"b","name":"g","input":{}}}]},"#,
                &format!(r#"{{"role":"user","content":[{{"toolResult":{{"toolUseId":"{id}","content":[{{"text":"one"}}]}}}},"#),
                r#"{"cachePoint":{"type":"default"}},"#,
                r#"{"toolResult":{"toolUseId":"b","content":[{"text":"(no output)"}]}},{"text":"and?"}]}]"#,
            ]
            .concat()
        );
    }

    #[test]
    fn the_older_function_messages_get_one_id_on_both_sides() {
        let (_, turns, _) = translated(
            r#"[{"role":"user","content":"q"},
            {"role":"assistant","content":null,"function_call":{"name":"f","arguments":"{}"}},
            {"role":"function","name":"f","content":"r"}]"#,
        )
        .unwrap();
        assert_eq!(
            turns,
            [
                r#"[{"role":"user","content":[{"text":"q"}]},"#,
                r#"{"role":"assistant","content":[{"toolUse":{"toolUseId":"call_function_0","name":"f","input":{}}}]},"#,
                r#"{"role":"user","content":[{"toolResult":{"toolUseId":"call_function_0","content":[{"text":"r"}]}}]}]"#,
            ]
            .concat()
        );
    }

    #[test]
    fn what_cannot_be_said_is_refused_by_name() {
        let part = |part: &str| format!(r#"[{{"role":"user","content":[{part}]}}]"#);
        let cases = [
            (
                r#"[{"role":"system","content":"x"},{"role":"user","content":" "}]"#.to_owned(),
                "`messages` must hold a user message that says something; the model cannot answer system messages alone.",
            ),
            (
                r#"[{"role":"assistant","content":"x"},{"role":"user","content":"y"}]"#.to_owned(),
                "`messages` must begin with a user message: this model's provider insists on it.",
            ),
            (
                part(r#"{"type":"file","file":{"file_data":"data:application/pdf;base64,JVBERi0="}}"#),
                "`messages[0].content` must hold text beside its documents: this model's provider insists on it.",
            ),
            (
                part(r#"{"type":"file","file":{"file_id":"file-1"}}"#),
                "`messages[0].content[0].file.file_id` names an upload that this model's provider does not know; send `file_data`.",
            ),
            (
                part(r#"{"type":"image_url","image_url":{"url":"https://a/b.png"}}"#),
                "`messages[0].content[0].image_url.url` must be a data URL of a PNG, JPEG, GIF or WebP image in base64, or an s3:// address that ends in its format; this model's provider fetches no other address.",
            ),
            (
                part(r#"{"type":"input_audio","input_audio":{"data":"aGk="}}"#),
                "`messages[0].content[0].input_audio` must hold `data` and `format`.",
            ),
            (
                part(r#"{"type":"input_audio","input_audio":{"data":"aGk=","format":"ogg"}}"#),
                "`messages[0].content[0].input_audio` must be WAV or MP3 in base64.",
            ),
            (
                r#"[{"role":"user","content":"q"},{"role":"assistant","tool_calls":[{"id":"c","function":{"name":"f","arguments":"[1]"}}]}]"#.to_owned(),
                "`messages[1].tool_calls[0].function.arguments` of call \"c\" must be a string that holds a JSON object, e.g. \"{}\".",
            ),
        ];
        for (list, want) in cases {
            assert_eq!(translated(&list).unwrap_err(), want, "{list}");
        }
    }
}
