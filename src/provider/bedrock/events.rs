//! A streamed answer, event by event.
//!
//! A block of text or reasoning may begin without being announced, and what each event carries
//! beside its fields (`p`, padding against guesses from its length) says nothing. Events and blocks
//! that are not known are passed over.
//! Source: the shape `ConverseStreamOutput` of botocore 1.44; Amazon Bedrock API reference,
//! "ConverseStream"; read 2026-11.

use super::{
    PROVIDER,
    answer::{Call, Counts, ServedAs, finish, stopped, unreadable},
    fault,
};
use crate::{
    api::answer::{AnswerSink, Part, Usage},
    fault::{Fault, FaultKind},
    frame,
    json::Str,
    provider::{
        ChatEvents,
        anthropic::answer::{MAX_THOUGHT, hidden_thought, thought},
    },
};
use serde::Deserialize;
use serde_json::value::RawValue;

/// Most calls of an answer; what comes beyond is left out.
const MAX_CALLS: usize = 1024;

/// What a stream remembers between events.
#[derive(Debug, Default)]
pub(super) struct Events {
    opened: bool,
    done: bool,
    calls: Vec<Begun>,
    thought: Option<Open>,
}

/// A call whose arguments may still come.
#[derive(Debug)]
struct Begun {
    /// Its block's place in the message.
    block: u64,
    /// Some of its arguments have come.
    written: bool,
    ended: bool,
}

/// The reasoning that is being written.
#[derive(Debug, Default)]
struct Open {
    block: u64,
    text: String,
    signature: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    #[serde(default)]
    content_block_index: u64,
    #[serde(borrow, default)]
    start: Option<Start<'a>>,
    #[serde(borrow, default)]
    delta: Option<Delta<'a>>,
    #[serde(borrow, default)]
    stop_reason: Option<Str<'a>>,
    #[serde(borrow, default)]
    additional_model_response_fields: Option<&'a RawValue>,
    #[serde(default)]
    usage: Option<Counts>,
    #[serde(borrow, default)]
    service_tier: Option<ServedAs<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Start<'a> {
    #[serde(borrow, default)]
    tool_use: Option<Call<'a>>,
}

/// A piece of a block: an object with one key.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Delta<'a> {
    #[serde(borrow, default)]
    text: Option<Str<'a>>,
    #[serde(borrow, default)]
    tool_use: Option<Input<'a>>,
    #[serde(borrow, default)]
    reasoning_content: Option<Reasoning<'a>>,
}

#[derive(Deserialize)]
struct Input<'a> {
    #[serde(borrow, default)]
    input: Option<Str<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reasoning<'a> {
    #[serde(borrow, default)]
    text: Option<Str<'a>>,
    #[serde(borrow, default)]
    signature: Option<Str<'a>>,
    #[serde(borrow, default)]
    redacted_content: Option<&'a RawValue>,
}

impl ChatEvents for Events {
    fn event(&mut self, event: &frame::Event<'_>, out: &mut dyn AnswerSink) -> Result<(), Fault> {
        let data = event.data.as_deref().unwrap_or_default();
        if event.failed {
            return Err(fault::exception(&event.name, data));
        }
        let known = matches!(
            &*event.name,
            "messageStart"
                | "contentBlockStart"
                | "contentBlockDelta"
                | "contentBlockStop"
                | "messageStop"
                | "metadata"
        );
        if !known {
            return Ok(());
        }
        let read: Event<'_> = serde_json::from_str(data).map_err(|_| unreadable())?;
        if &*event.name == "messageStart" {
            if !self.opened {
                self.opened = true;
                out.open("", "");
            }
            return Ok(());
        }
        if !self.opened {
            return Err(unreadable());
        }
        let block = read.content_block_index;
        match &*event.name {
            "contentBlockStart" => {
                self.end_thought(out);
                if let Some(call) = read.start.and_then(|start| start.tool_use) {
                    self.start_call(block, &call, out);
                }
            }
            "contentBlockDelta" => {
                if let Some(delta) = read.delta {
                    self.piece(block, &delta, out);
                }
            }
            "contentBlockStop" => {
                self.end_thought(out);
                self.end_calls(Some(block), out);
            }
            "messageStop" if !self.done => {
                self.end_thought(out);
                self.end_calls(None, out);
                let finish = finish(read.stop_reason.as_deref())?;
                self.done = true;
                let fields = read.additional_model_response_fields;
                stopped(read.stop_reason.as_deref(), fields, out);
                out.part(0, Part::Finish(finish));
            }
            "metadata" => {
                if let Some(counts) = read.usage {
                    out.usage(Usage {
                        tier: ServedAs::tier(read.service_tier.as_ref()),
                        ..counts.usage()
                    });
                }
            }
            _ => {}
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

impl Events {
    fn start_call(&mut self, block: u64, call: &Call<'_>, out: &mut dyn AnswerSink) {
        if call.is_provider_s() || self.calls.len() == MAX_CALLS {
            return;
        }
        let index = u32::try_from(self.calls.len()).unwrap_or(u32::MAX);
        call.announce(index, out);
        self.calls.push(Begun {
            block,
            written: false,
            ended: false,
        });
    }

    fn piece(&mut self, block: u64, delta: &Delta<'_>, out: &mut dyn AnswerSink) {
        if let Some(reasoning) = &delta.reasoning_content {
            self.think(block, reasoning, out);
            return;
        }
        self.end_thought(out);
        if let Some(text) = delta.text.as_deref().filter(|text| !text.is_empty()) {
            out.part(0, Part::Text(text));
        }
        let input = delta.tool_use.as_ref().and_then(|d| d.input.as_deref());
        let Some(json) = input.filter(|json| !json.is_empty()) else {
            return;
        };
        let mut calls = (0..).zip(self.calls.iter_mut());
        if let Some((index, call)) = calls.find(|(_, call)| call.block == block && !call.ended) {
            call.written = true;
            out.part(0, Part::ToolInput { index, json });
        }
    }

    fn think(&mut self, block: u64, reasoning: &Reasoning<'_>, out: &mut dyn AnswerSink) {
        if self
            .thought
            .as_ref()
            .is_some_and(|open| open.block != block)
        {
            self.end_thought(out);
        }
        if let Some(data) = reasoning.redacted_content {
            hidden_thought(PROVIDER, data, out);
            return;
        }
        let open = self.thought.get_or_insert_with(|| Open {
            block,
            ..Open::default()
        });
        // One piece above the limit is kept as the sign that it was passed.
        if let Some(text) = reasoning.text.as_deref().filter(|text| !text.is_empty()) {
            out.part(0, Part::Thought(text));
            if open.text.len() <= MAX_THOUGHT {
                open.text.push_str(text);
            }
        }
        if let Some(signature) = reasoning.signature.as_deref()
            && open.signature.len() <= MAX_THOUGHT
        {
            open.signature.push_str(signature);
        }
    }

    fn end_thought(&mut self, out: &mut dyn AnswerSink) {
        if let Some(open) = self.thought.take() {
            thought(PROVIDER, &open.text, &open.signature, out);
        }
    }

    /// A call without arguments has empty ones. `None`: every block has ended.
    fn end_calls(&mut self, block: Option<u64>, out: &mut dyn AnswerSink) {
        for (index, call) in (0..).zip(self.calls.iter_mut()) {
            if call.ended || block.is_some_and(|block| block != call.block) {
                continue;
            }
            call.ended = true;
            if !call.written {
                out.part(0, Part::ToolInput { index, json: "{}" });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{answer::Tier, chat::AnswerWriter};
    use std::borrow::Cow;

    fn stream(events: &[(&str, &str)]) -> Result<String, Fault> {
        let (mut out, mut stream) = (AnswerWriter::default(), Events::default());
        for (name, data) in events {
            let event = frame::Event {
                name: Cow::Borrowed(*name),
                data: Some(Cow::Borrowed(*data)),
                failed: name.ends_with("Exception"),
                raw: &[],
            };
            stream.event(&event, &mut out)?;
        }
        stream.close(&mut out)?;
        Ok(String::from_utf8(out.body(0)).unwrap())
    }

    const START: (&str, &str) = ("messageStart", r#"{"role":"assistant","p":"ab"}"#);
    const STOP: (&str, &str) = ("messageStop", r#"{"stopReason":"end_turn"}"#);

    #[test]
    fn a_stream_gathers_to_the_whole_answer() {
        let whole = r#"{"output":{"message":{"role":"assistant","content":[
            {"reasoningContent":{"reasoningText":{"text":"a\u00e9b","signature":"s1s2"}}},
            {"reasoningContent":{"reasoningText":{"text":"","signature":"s3"}}},
            {"reasoningContent":{"redactedContent":"ZA=="}},
            {"reasoningContent":{"reasoningText":{"text":"unsigned"}}},
            {"text":"one"},{"image":{"format":"png","source":{"bytes":"aGk="}}},
            {"toolUse":{"toolUseId":"t 1","name":"f","input":{"n":1e400}}},{"toolUse":{"toolUseId":"t2","name":"g","input":{}}},
            {"toolUse":{"toolUseId":"x","name":"y","input":{"q":1},"type":"server_tool_use"}}]}},
            "stopReason":"tool_use","metrics":{"latencyMs":1},
            "usage":{"inputTokens":5,"outputTokens":9,"totalTokens":24,"cacheReadInputTokens":7,"cacheWriteInputTokens":3}}"#;
        let events = [
            ("initial-response", "{}"),
            START,
            (
                "contentBlockDelta",
                r#"{"contentBlockIndex":0,"delta":{"reasoningContent":{"text":"a"}}}"#,
            ),
            (
                "contentBlockDelta",
                "{\"contentBlockIndex\":0,\"delta\":{\"reasoningContent\":{\"text\":\"\u{e9}b\"}},\"p\":\"abcd\"}",
            ),
            (
                "contentBlockDelta",
                r#"{"contentBlockIndex":0,"delta":{"reasoningContent":{"signature":"s1"}}}"#,
            ),
            (
                "contentBlockDelta",
                r#"{"contentBlockIndex":0,"delta":{"reasoningContent":{"signature":"s2"}}}"#,
            ),
            ("contentBlockStop", r#"{"contentBlockIndex":0}"#),
            (
                "contentBlockDelta",
                r#"{"contentBlockIndex":1,"delta":{"reasoningContent":{"signature":"s3"}}}"#,
            ),
            (
                "contentBlockDelta",
                r#"{"contentBlockIndex":2,"delta":{"reasoningContent":{"redactedContent":"ZA=="}}}"#,
            ),
            ("contentBlockStop", r#"{"contentBlockIndex":2}"#),
            (
                "contentBlockDelta",
                r#"{"contentBlockIndex":3,"delta":{"reasoningContent":{"text":"unsigned"}}}"#,
            ),
            (
                "contentBlockDelta",
                r#"{"contentBlockIndex":4,"delta":{"text":"o"}}"#,
            ),
            (
                "contentBlockDelta",
                r#"{"contentBlockIndex":4,"delta":{"text":""}}"#,
            ),
            (
                "contentBlockDelta",
                r#"{"contentBlockIndex":4,"delta":{"text":"ne"}}"#,
            ),
            ("contentBlockStop", r#"{"contentBlockIndex":4}"#),
            (
                "contentBlockStart",
                r#"{"contentBlockIndex":5,"start":{"image":{"format":"png"}}}"#,
            ),
            (
                "contentBlockDelta",
                r#"{"contentBlockIndex":5,"delta":{"image":{"source":{"bytes":"aGk="}}}}"#,
            ),
            (
                "contentBlockStart",
                r#"{"contentBlockIndex":6,"start":{"toolUse":{"toolUseId":"t 1","name":"f"}}}"#,
            ),
            (
                "contentBlockStart",
                r#"{"contentBlockIndex":7,"start":{"toolUse":{"toolUseId":"t2","name":"g"}}}"#,
            ),
            (
                "contentBlockDelta",
                r#"{"contentBlockIndex":6,"delta":{"toolUse":{"input":"{\"n\":"}}}"#,
            ),
            (
                "contentBlockDelta",
                r#"{"contentBlockIndex":7,"delta":{"toolUse":{"input":""}}}"#,
            ),
            (
                "contentBlockDelta",
                r#"{"contentBlockIndex":6,"delta":{"toolUse":{"input":"1e400}"}}}"#,
            ),
            ("contentBlockStop", r#"{"contentBlockIndex":6}"#),
            (
                "contentBlockStart",
                r#"{"contentBlockIndex":8,"start":{"toolUse":{"toolUseId":"x","name":"y","type":"server_tool_use"}}}"#,
            ),
            (
                "contentBlockDelta",
                r#"{"contentBlockIndex":8,"delta":{"toolUse":{"input":"{\"q\":1}"}}}"#,
            ),
            ("messageStop", r#"{"stopReason":"tool_use"}"#),
            ("brandNew", "7"),
            (
                "metadata",
                r#"{"usage":{"inputTokens":5,"outputTokens":9,"totalTokens":24,"cacheReadInputTokens":7,"cacheWriteInputTokens":3},"metrics":{"latencyMs":1}}"#,
            ),
        ];
        let mut gathered = AnswerWriter::default();
        crate::provider::bedrock::answer::read(whole.as_bytes(), &mut gathered).unwrap();
        let gathered = String::from_utf8(gathered.body(0)).unwrap();
        assert_eq!(stream(&events).unwrap(), gathered);
        assert!(gathered.contains(r#""prompt_tokens":15"#), "{gathered}");
        assert_eq!(gathered.matches("\"function\":{").count(), 2);
        let served: ServedAs<'_> = serde_json::from_str(r#"{"type":"flex"}"#).unwrap();
        assert_eq!(ServedAs::tier(Some(&served)), Tier::Flex);
        let counts: Counts = serde_json::from_str(r#"{"inputTokens":5}"#).unwrap();
        let usage = Usage {
            input: 5,
            ..Usage::default()
        };
        assert_eq!(counts.usage(), usage);
    }

    #[test]
    fn only_an_answer_that_was_stopped_is_complete() {
        assert!(stream(&[START, STOP]).is_ok());
        for events in [&[][..], &[START][..]] {
            assert_eq!(
                stream(events).unwrap_err().message,
                "The provider ended its answer before it was complete."
            );
        }
    }

    #[test]
    fn a_known_event_that_cannot_be_read_and_an_exception_are_errors() {
        let delta = r#"{"contentBlockIndex":0,"delta":{"text":"x"}}"#;
        for bad in [
            ("messageStart", "{"),
            ("contentBlockDelta", delta),
            ("metadata", r#"{"usage":7}"#),
            STOP,
        ] {
            let fault = stream(&[bad]).unwrap_err();
            assert_eq!(
                fault.message, "The provider's answer is not a message.",
                "{bad:?}"
            );
        }
        let later = [START, ("throttlingException", r#"{"message":"m"}"#)];
        assert_eq!(stream(&later).unwrap_err().kind, FaultKind::RateLimited);
        let malformed = [
            START,
            ("messageStop", r#"{"stopReason":"malformed_tool_use"}"#),
        ];
        assert_eq!(
            stream(&malformed).unwrap_err().kind,
            FaultKind::ProviderFailed
        );
    }
}
