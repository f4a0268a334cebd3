//! Reads a streamed answer in OpenAI's words, chunk by chunk, for clients that speak another API.
//! Source: OpenAI API reference, "The chat completion chunk object"; `reasoning_content` as DeepSeek and
//! vLLM send it, `reasoning` and `reasoning_details` as OpenRouter does; read 2026-11.

use super::{details::Details, fault};
use crate::{
    api::{
        answer::{AnswerSink, Part, Tier},
        chat::{UsageView, finish_from, is_failure},
    },
    fault::{Fault, FaultKind},
    frame,
    host::Headers,
    json::Str,
    provider::ChatEvents,
};
use serde::Deserialize;
use serde_json::value::RawValue;

/// Most calls that one answer's stream is followed through.
const MAX_CALLS: usize = 1024;

/// What a stream remembers between chunks.
#[derive(Debug, Default)]
pub(in crate::provider) struct Events {
    opened: bool,
    finished: bool,
    done: bool,
    /// The calls so far: their choice, the index that the provider gives them, and ours.
    calls: Vec<Call>,
    details: Details,
}

#[derive(Debug)]
struct Call {
    choice: u32,
    theirs: Option<i64>,
    ours: u32,
    id: Option<String>,
}

#[derive(Deserialize)]
struct Chunk<'a> {
    #[serde(borrow, default)]
    id: Option<Str<'a>>,
    #[serde(borrow, default)]
    model: Option<Str<'a>>,
    #[serde(borrow, default)]
    choices: Option<Vec<Choice<'a>>>,
    #[serde(default)]
    usage: Option<UsageView>,
    #[serde(default)]
    service_tier: Option<Tier>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(default)]
    index: Option<u32>,
    #[serde(borrow, default)]
    delta: Option<Delta<'a>>,
    #[serde(borrow, default)]
    finish_reason: Option<Str<'a>>,
}

#[derive(Deserialize)]
struct Delta<'a> {
    #[serde(borrow, default)]
    content: Option<Str<'a>>,
    #[serde(borrow, default)]
    refusal: Option<Str<'a>>,
    #[serde(borrow, default)]
    reasoning_content: Option<Str<'a>>,
    #[serde(borrow, default)]
    reasoning: Option<Str<'a>>,
    #[serde(borrow, default)]
    reasoning_details: Option<Vec<&'a RawValue>>,
    #[serde(borrow, default)]
    tool_calls: Option<Vec<CallDelta<'a>>>,
}

#[derive(Deserialize)]
struct CallDelta<'a> {
    #[serde(default)]
    index: Option<i64>,
    #[serde(borrow, default)]
    id: Option<Str<'a>>,
    #[serde(borrow, default)]
    function: Option<Function<'a>>,
}

#[derive(Deserialize)]
struct Function<'a> {
    #[serde(borrow, default)]
    name: Option<Str<'a>>,
    #[serde(borrow, default)]
    arguments: Option<Str<'a>>,
}

impl ChatEvents for Events {
    fn event(&mut self, event: &frame::Event<'_>, out: &mut dyn AnswerSink) -> Result<(), Fault> {
        let data = event.data.as_deref().unwrap_or_default().trim();
        if data.is_empty() || self.done {
            return Ok(()); // what follows the last event belongs to no answer
        }
        if data == "[DONE]" {
            self.done = true;
            self.details.flush(out);
            return Ok(());
        }
        let broken = || fault::read(200, &Headers::default(), data.as_bytes());
        if event.name == "error" {
            return Err(broken());
        }
        let chunk: Chunk<'_> = serde_json::from_str(data).map_err(|_| unreadable())?;
        if chunk.error.is_some_and(|error| error.get() != "null") {
            return Err(broken());
        }
        let mut choices = chunk.choices.iter().flatten();
        if choices.any(|choice| choice.finish_reason.as_deref().is_some_and(is_failure)) {
            // A failed attempt has its cost, too.
            count(&chunk, out);
            return Err(broken());
        }
        // Azure begins with a chunk of its own, which has neither choices nor the model's name.
        let says = |text: &Option<Str<'_>>| text.as_deref().is_some_and(|text| !text.is_empty());
        let begins = says(&chunk.model) || chunk.choices.iter().flatten().next().is_some();
        if begins && !self.opened {
            self.opened = true;
            out.open(
                chunk.id.as_deref().unwrap_or_default(),
                chunk.model.as_deref().unwrap_or_default(),
            );
        }
        for choice in chunk.choices.iter().flatten() {
            let index = choice.index.unwrap_or(0);
            if let Some(delta) = &choice.delta {
                self.say(index, delta, out);
            }
            // Some hosts write an empty one where others write null.
            let reason = choice.finish_reason.as_deref();
            if let Some(reason) = reason.filter(|reason| !reason.is_empty()) {
                self.finished = true;
                self.details.flush(out);
                out.part(index, Part::Finish(finish_from(reason)));
            }
        }
        count(&chunk, out);
        Ok(())
    }

    fn close(&mut self, out: &mut dyn AnswerSink) -> Result<(), Fault> {
        // Some hosts leave `[DONE]` out.
        if self.opened && (self.done || self.finished) {
            self.details.flush(out);
            return Ok(());
        }
        Err(Fault::new(
            FaultKind::ProviderFailed,
            "The provider closed the stream before the answer was complete.",
        ))
    }
}

impl Events {
    fn say(&mut self, choice: u32, delta: &Delta<'_>, out: &mut dyn AnswerSink) {
        let text = |text: &Option<Str<'_>>| text.as_deref().is_some_and(|text| !text.is_empty());
        let speaks = text(&delta.content) || text(&delta.refusal) || delta.tool_calls.is_some();
        let thought = delta
            .reasoning_content
            .as_ref()
            .or(delta.reasoning.as_ref());
        if let Some(text) = thought.filter(|text| !text.is_empty()) {
            out.part(choice, Part::Thought(text));
        }
        for detail in delta.reasoning_details.iter().flatten() {
            self.details.add(choice, detail, out);
        }
        if speaks {
            self.details.flush(out);
        }
        if let Some(text) = delta.content.as_deref().filter(|text| !text.is_empty()) {
            out.part(choice, Part::Text(text));
        }
        if let Some(text) = delta.refusal.as_deref().filter(|text| !text.is_empty()) {
            out.part(choice, Part::Refusal(text));
        }
        for call in delta.tool_calls.iter().flatten() {
            self.call(choice, call, out);
        }
    }

    /// A call's beginning, or more of its arguments. Hosts leave the index out or give all calls the
    /// same; then an id or a name is what begins a call.
    fn call(&mut self, choice: u32, delta: &CallDelta<'_>, out: &mut dyn AnswerSink) {
        let function = delta.function.as_ref();
        let id = delta.id.as_deref().filter(|id| !id.is_empty());
        let name = function
            .and_then(|f| f.name.as_deref())
            .filter(|n| !n.is_empty());
        let theirs = delta.index.filter(|index| *index >= 0);
        let of_choice = |call: &&Call| call.choice == choice;
        let known = match theirs {
            Some(_) => self
                .calls
                .iter()
                .rev()
                .filter(of_choice)
                .find(|call| call.theirs == theirs)
                .filter(|call| name.is_none() || id.is_none() || call.id.as_deref() == id),
            None if id.is_some() => None,
            None => self.calls.iter().rev().find(of_choice),
        };
        let index = match known {
            Some(call) => call.ours,
            None if self.calls.len() == MAX_CALLS || (id.is_none() && name.is_none()) => return,
            None => {
                let before = self.calls.iter().filter(of_choice).count();
                let ours = u32::try_from(before).unwrap_or(u32::MAX);
                self.calls.push(Call {
                    choice,
                    theirs,
                    ours,
                    id: id.map(str::to_owned),
                });
                out.part(
                    choice,
                    Part::ToolCall {
                        index: ours,
                        id: id.unwrap_or_default(),
                        name: name.unwrap_or_default(),
                    },
                );
                ours
            }
        };
        let json = function.and_then(|f| f.arguments.as_deref());
        if let Some(json) = json.filter(|json| !json.is_empty()) {
            out.part(choice, Part::ToolInput { index, json });
        }
    }
}

fn count(chunk: &Chunk<'_>, out: &mut dyn AnswerSink) {
    if let Some(usage) = chunk.usage {
        out.usage(usage.served(chunk.service_tier));
    }
}

fn unreadable() -> Fault {
    Fault::new(
        FaultKind::ProviderFailed,
        "The provider sent an event that is not a chunk of a chat completion.",
    )
}
