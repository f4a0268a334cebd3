//! A streamed answer, event by event. Events that are not known are passed over.
//! Source: docs.cohere.com, "Streaming", "Streaming for tool use", and the types of the official
//! Python SDK 7.3; read 2026-11.

use super::{
    answer::{
        Block, Call, Counts, MAX_THOUGHT, MAX_THOUGHTS, Thought, call, end, finish, give_back,
        logprobs, unreadable,
    },
    fault,
};
use crate::{
    api::answer::{AnswerSink, Part},
    fault::{Fault, FaultKind},
    frame,
    host::Headers,
    json::Str,
    provider::ChatEvents,
};
use serde::Deserialize;
use serde_json::value::RawValue;

/// Most calls of an answer; what a provider sends beyond is left out.
const MAX_CALLS: usize = 1024;

/// The events that make an answer.
const KNOWN: &[&str] = &[
    "message-start",
    "content-start",
    "content-delta",
    "content-end",
    "tool-plan-delta",
    "tool-call-start",
    "tool-call-delta",
    "tool-call-end",
    "message-end",
];

/// What a stream remembers between events.
#[derive(Debug, Default)]
pub(super) struct Events {
    opened: bool,
    done: bool,
    calls: Vec<Open>,
    thoughts: Vec<Thought>,
    /// Bytes in `thoughts`; above the limit nothing more is kept, and nothing is given back.
    kept: usize,
    /// A block of thinking has ended: the next piece begins another.
    block_ended: bool,
}

/// A call that is being written.
#[derive(Debug)]
struct Open {
    /// How the provider counts it.
    index: u64,
    /// Some of its arguments have come.
    written: bool,
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow, default)]
    r#type: Option<Str<'a>>,
    #[serde(borrow, default)]
    id: Option<Str<'a>>,
    #[serde(default)]
    index: Option<u64>,
    #[serde(borrow, default)]
    delta: Option<Delta<'a>>,
    #[serde(borrow, default)]
    logprobs: Option<&'a RawValue>,
    /// Only an error has it out here.
    #[serde(borrow, default)]
    message: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
struct Delta<'a> {
    #[serde(borrow, default)]
    message: Option<Message<'a>>,
    #[serde(borrow, default)]
    finish_reason: Option<Str<'a>>,
    #[serde(default)]
    usage: Option<Counts>,
}

/// What a message begins with are empty lists; later its fields are pieces.
#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    content: Option<&'a RawValue>,
    #[serde(borrow, default)]
    tool_plan: Option<Str<'a>>,
    #[serde(borrow, default)]
    tool_calls: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Kind<'a> {
    #[serde(borrow, default)]
    r#type: Option<Str<'a>>,
    #[serde(borrow, default)]
    message: Option<&'a RawValue>,
}

impl ChatEvents for Events {
    fn event(&mut self, event: &frame::Event<'_>, out: &mut dyn AnswerSink) -> Result<(), Fault> {
        let Some(data) = event.data.as_deref() else {
            return Ok(());
        };
        if self.done || matches!(data.trim(), "" | "[DONE]") {
            return Ok(());
        }
        let Ok(read) = serde_json::from_str::<Event<'_>>(data) else {
            return unread(data, &event.name);
        };
        let name = read.r#type.as_deref().unwrap_or(&event.name);
        if name == "error" || is_said(read.message) {
            return Err(fault::read(200, &Headers::default(), data.as_bytes()));
        }
        if !KNOWN.contains(&name) {
            // Citations, debugging, and what is yet to be invented.
            return Ok(());
        }
        if name == "message-start" {
            if !self.opened {
                self.opened = true;
                // The model is not named; the one that was asked answers.
                out.open(read.id.as_deref().unwrap_or_default(), "");
            }
            return Ok(());
        }
        if !self.opened {
            return Err(unreadable());
        }
        let index = read.index;
        let Delta {
            message,
            finish_reason,
            usage,
        } = read.delta.unwrap_or_default();
        match name {
            "content-start" | "content-delta" => {
                if let Some(raw) = message.and_then(|message| message.content) {
                    self.content(raw, out)?;
                }
                let piece = read.logprobs.map(|raw| serde_json::from_str(raw.get()));
                if let Some(Ok(piece)) = piece {
                    logprobs(&[piece], out);
                }
            }
            "content-end" => self.block_ended = true,
            "tool-plan-delta" => {
                if let Some(text) = message.and_then(|message| message.tool_plan) {
                    self.plan(&text, out);
                }
            }
            "tool-call-start" => {
                let raw = message.and_then(|message| message.tool_calls);
                self.start_call(index, raw.ok_or_else(unreadable)?, out)?;
            }
            "tool-call-delta" => {
                if let Some(raw) = message.and_then(|message| message.tool_calls) {
                    let piece: Call<'_> =
                        serde_json::from_str(raw.get()).map_err(|_| unreadable())?;
                    self.input(index, &piece, out);
                }
            }
            "tool-call-end" => self.end_calls(out),
            _ => self.end(finish_reason.as_deref(), usage, out)?,
        }
        Ok(())
    }

    fn close(&mut self, _out: &mut dyn AnswerSink) -> Result<(), Fault> {
        if self.done {
            return Ok(());
        }
        Err(Fault::new(
            FaultKind::ProviderFailed,
            "The provider ended its answer before it was complete.",
        ))
    }
}

/// An event in a form that is not known: wrong only when its type is one that is.
fn unread(data: &str, name: &str) -> Result<(), Fault> {
    let kind: Kind<'_> = serde_json::from_str(data).map_err(|_| unreadable())?;
    let name = kind.r#type.as_deref().unwrap_or(name);
    if name == "error" || is_said(kind.message) {
        return Err(fault::read(200, &Headers::default(), data.as_bytes()));
    }
    if KNOWN.contains(&name) {
        return Err(unreadable());
    }
    Ok(())
}

fn is_said(message: Option<&RawValue>) -> bool {
    message.is_some_and(|raw| raw.get().starts_with('"'))
}

impl Events {
    fn content(&mut self, raw: &RawValue, out: &mut dyn AnswerSink) -> Result<(), Fault> {
        let block: Block<'_> = serde_json::from_str(raw.get()).map_err(|_| unreadable())?;
        if let Some(text) = block.thinking.as_deref().filter(|text| !text.is_empty()) {
            out.part(0, Part::Thought(text));
            let ended = std::mem::take(&mut self.block_ended);
            let (room, few) = (self.room(text), self.thoughts.len() < MAX_THOUGHTS);
            match self.thoughts.last_mut() {
                Some(Thought::Thinking(before)) if !ended && room => before.push_str(text),
                _ if room && few => {
                    self.thoughts.push(Thought::Thinking(text.to_owned()));
                }
                _ => {}
            }
        }
        if let Some(text) = block.text.as_deref().filter(|text| !text.is_empty()) {
            out.part(0, Part::Text(text));
        }
        Ok(())
    }

    fn plan(&mut self, text: &str, out: &mut dyn AnswerSink) {
        if text.is_empty() {
            return;
        }
        out.part(0, Part::Thought(text));
        let (room, few) = (self.room(text), self.thoughts.len() < MAX_THOUGHTS);
        match self.thoughts.last_mut() {
            Some(Thought::Plan(before)) if room => before.push_str(text),
            _ if room && few => {
                self.thoughts.push(Thought::Plan(text.to_owned()));
            }
            _ => {}
        }
    }

    /// Whether a piece of reasoning may be kept; counts it in any case.
    fn room(&mut self, text: &str) -> bool {
        self.kept = self.kept.saturating_add(text.len());
        self.kept <= MAX_THOUGHT
    }

    fn start_call(
        &mut self,
        index: Option<u64>,
        raw: &RawValue,
        out: &mut dyn AnswerSink,
    ) -> Result<(), Fault> {
        let begun: Call<'_> = serde_json::from_str(raw.get()).map_err(|_| unreadable())?;
        self.end_calls(out);
        let Some(ours) = u32::try_from(self.calls.len())
            .ok()
            .filter(|_| self.calls.len() < MAX_CALLS)
        else {
            return Ok(());
        };
        call(ours, &begun, out);
        let index = index.unwrap_or(u64::from(ours));
        self.calls.push(Open {
            index,
            written: false,
        });
        self.input(Some(index), &begun, out);
        Ok(())
    }

    fn input(&mut self, index: Option<u64>, piece: &Call<'_>, out: &mut dyn AnswerSink) {
        let json = piece.function.as_ref().and_then(|f| f.arguments.as_deref());
        let Some(json) = json.filter(|json| !json.is_empty()) else {
            return;
        };
        let open = (0..).zip(&mut self.calls);
        let of = |call: &Open| index.is_none_or(|index| call.index == index);
        if let Some((index, call)) = open.filter(|(_, call)| of(call)).last() {
            call.written = true;
            out.part(0, Part::ToolInput { index, json });
        }
    }

    /// A call without arguments has empty ones.
    fn end_calls(&mut self, out: &mut dyn AnswerSink) {
        for (index, call) in (0..).zip(&mut self.calls) {
            if !std::mem::replace(&mut call.written, true) {
                out.part(0, Part::ToolInput { index, json: "{}" });
            }
        }
    }

    fn end(
        &mut self,
        reason: Option<&str>,
        usage: Option<Counts>,
        out: &mut dyn AnswerSink,
    ) -> Result<(), Fault> {
        if let Some(counts) = usage {
            out.usage(counts.usage());
        }
        let finish = finish(reason)?;
        self.end_calls(out);
        if !self.calls.is_empty() && self.kept <= MAX_THOUGHT {
            give_back(&self.thoughts, out);
        }
        end(reason, finish, out);
        self.done = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::borrow::Cow;

    /// Every call, joined by spaces.
    #[derive(Default)]
    struct Calls(Vec<String>);

    impl AnswerSink for Calls {
        fn open(&mut self, id: &str, model: &str) {
            self.0.push(format!("open {id}{model}"));
        }
        fn part(&mut self, _choice: u32, part: Part<'_>) {
            self.0.push(format!("{part:?}"));
        }
        fn usage(&mut self, usage: crate::api::answer::Usage) {
            self.0.push(format!("{} {}", usage.input, usage.output));
        }
    }

    fn stream(events: &[&str]) -> Result<Vec<String>, Fault> {
        let (mut calls, mut stream) = (Calls::default(), Events::default());
        for data in events {
            let event = frame::Event {
                name: Cow::Borrowed(""),
                data: Some(Cow::Borrowed(*data)),
                failed: false,
                raw: &[],
            };
            stream.event(&event, &mut calls)?;
        }
        stream.close(&mut calls)?;
        Ok(calls.0)
    }

    const START: &str = r#"{"type":"message-start","id":"i","delta":{"message":{"role":"assistant","content":[],"tool_plan":"","tool_calls":[],"citations":[]}}}"#;
    const END: &str = r#"{"type":"message-end","delta":{"finish_reason":"COMPLETE","usage":{"tokens":{"input_tokens":5.0,"output_tokens":2}}}}"#;

    #[test]
    fn reasoning_is_given_back_only_with_calls() {
        let thought = r#"{"type":"content-delta","index":0,"delta":{"message":{"content":{"thinking":"t"}}}}"#;
        let call = r#"{"type":"tool-call-start","index":3,"delta":{"message":{"tool_calls":{"id":"c","type":"function","function":{"name":"f","arguments":""}}}}}"#;
        assert_eq!(
            stream(&[START, thought, END]).unwrap(),
            ["open i", "Thought(\"t\")", "5 2", "Finish(Stop)"]
        );
        assert_eq!(
            stream(&[START, thought, call, END]).unwrap(),
            [
                "open i",
                "Thought(\"t\")",
                "ToolCall { index: 0, id: \"c\", name: \"f\" }",
                "5 2",
                "ToolInput { index: 0, json: \"{}\" }",
                r#"ThoughtDetail("{\"provider\":\"cohere\",\"type\":\"thinking\",\"thinking\":\"t\"}")"#,
                "Finish(Stop)"
            ]
        );
    }

    #[test]
    fn pieces_of_a_call_are_its_own_whatever_the_provider_counts_from() {
        let start = |index: u32| {
            format!(
                r#"{{"type":"tool-call-start","index":{index},"delta":{{"message":{{"tool_calls":{{"id":"c{index}","function":{{"name":"f"}}}}}}}}}}"#
            )
        };
        let piece = |index: u32, text: &str| {
            format!(
                r#"{{"type":"tool-call-delta","index":{index},"delta":{{"message":{{"tool_calls":{{"function":{{"arguments":"{text}"}}}}}}}}}}"#
            )
        };
        let events = [
            start(1),
            piece(1, "a"),
            start(2),
            piece(2, "b"),
            piece(9, "x"),
        ];
        let mut all = vec![START];
        all.extend(events.iter().map(String::as_str));
        all.push(END);
        let got = stream(&all).unwrap();
        let inputs: Vec<_> = got.iter().filter(|call| call.contains("Input")).collect();
        assert_eq!(
            inputs,
            [
                "ToolInput { index: 0, json: \"a\" }",
                "ToolInput { index: 1, json: \"b\" }"
            ]
        );
    }

    #[test]
    fn a_known_event_that_cannot_be_read_is_an_error_and_an_unknown_one_is_not() {
        let unknown = [
            START,
            r#"{"type":"citation-start","index":0,"delta":{"message":{"citations":{"start":1}}}}"#,
            r#"{"type":"citation-end","index":0}"#,
            r#"{"type":"debug","prompt":"x"}"#,
            r#"{"type":"new","delta":7}"#,
            "[DONE]",
            END,
            "[DONE]",
        ];
        assert!(stream(&unknown).is_ok());
        for bad in [
            "{",
            END,
            r#"{"type":"message-start","delta":7}"#,
            r#"{"type":"tool-call-start","index":0}"#,
        ] {
            assert_eq!(
                stream(&[bad]).unwrap_err().message,
                "The provider's answer is not a message.",
                "{bad}"
            );
        }
        for incomplete in [&[][..], &[START][..]] {
            assert_eq!(
                stream(incomplete).unwrap_err().message,
                "The provider ended its answer before it was complete."
            );
        }
    }

    #[test]
    fn an_error_in_any_form_ends_the_answer() {
        let cases = [
            (
                r#"{"type":"message-end","delta":{"finish_reason":"ERROR","error":"secret"}}"#,
                FaultKind::ProviderFailed,
            ),
            (
                r#"{"type":"message-end","delta":{"finish_reason":"TIMEOUT"}}"#,
                FaultKind::TimedOut,
            ),
            (
                r#"{"message":"too many tokens: total number of tokens in the prompt cannot exceed 1 - received 2."}"#,
                FaultKind::ContextLength,
            ),
            (
                r#"{"type":"error","message":"internal server error"}"#,
                FaultKind::ProviderFailed,
            ),
        ];
        for (event, want) in cases {
            assert_eq!(stream(&[START, event]).unwrap_err().kind, want, "{event}");
        }
    }
}
