//! A streamed answer, chunk by chunk; a whole answer is a stream of one.
//!
//! Chunks come without a last event that says so: an answer is complete when the last thing that was
//! said of each candidate came with its `finishReason`. Some models repeat it in every chunk, so the end
//! is written when the provider closes the stream.
//! Source: ai.google.dev, "Generating content: streamGenerateContent"; read 2026-11.

use super::{
    chunk::{Blob, Call, Candidate, Chunk, Counts, Part as Piece, finish, unreadable},
    fault, logprobs,
    signature::{self, MAX_THOUGHT, On},
};
use crate::{
    api::answer::{AnswerSink, Finish, Part},
    fault::{Fault, FaultKind},
    frame,
    host::Headers,
    provider::ChatEvents,
};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// Most candidates that are followed; the API gives at most 8.
const MAX_CANDIDATES: usize = 32;
/// Longest id and model that are remembered. Units: bytes.
const MAX_NAME: usize = 256;

/// What a stream remembers between chunks.
#[derive(Debug)]
pub(super) struct Events {
    /// The tag of what must return.
    tag: &'static str,
    opened: bool,
    id: String,
    model: String,
    counts: Counts,
    choices: Vec<Choice>,
    /// What had a reason to end has gone on: some models give one in every chunk.
    repeats: bool,
    blocked: Option<String>,
}

#[derive(Debug, Default)]
struct Choice {
    index: u32,
    calls: u32,
    /// What was thought since the last signature.
    thought: String,
    /// `None` as long as more must come.
    finish: Option<Finish>,
    /// What a policy says about its end.
    refusal: Option<String>,
}

impl ChatEvents for Events {
    fn event(&mut self, event: &frame::Event<'_>, out: &mut dyn AnswerSink) -> Result<(), Fault> {
        match event.data.as_deref() {
            None => Ok(()),
            // Not of this API, but of hosts that stand in for it.
            Some("[DONE]") => Ok(()),
            Some(data) => self.chunks(data, out),
        }
    }

    fn may_be_complete(&self) -> bool {
        if self.repeats {
            return false;
        }
        let blocked = self.choices.is_empty() && self.blocked.is_some();
        let ended = |choice: &Choice| choice.finish.is_some();
        blocked || (!self.choices.is_empty() && self.choices.iter().all(ended))
    }

    fn may_end_anywhere(&self) -> bool {
        self.repeats
    }

    fn close(&mut self, out: &mut dyn AnswerSink) -> Result<(), Fault> {
        if self.choices.iter().any(|choice| choice.finish.is_none()) {
            return Err(incomplete());
        }
        self.end(out)
    }
}

/// Drives `out` with a whole answer, or with a list of chunks, which is what a stream is without SSE.
///
/// Errors: the provider's own when the body holds one, `ProviderFailed` when it cannot be read.
pub(super) fn read(tag: &'static str, body: &[u8], out: &mut dyn AnswerSink) -> Result<(), Fault> {
    let text = std::str::from_utf8(body).map_err(|_| unreadable())?;
    let mut events = Events::new(tag);
    if is_list(text) {
        events.chunks(text, out)?;
        return events.close(out);
    }
    events.chunk(text, out)?;
    // What came whole is complete, also when it does not say why it ended.
    for choice in &mut events.choices {
        choice.finish.get_or_insert(Finish::Stop);
    }
    events.end(out)
}

impl Events {
    pub(super) fn new(tag: &'static str) -> Self {
        Self {
            tag,
            opened: false,
            id: String::new(),
            model: String::new(),
            counts: Counts::default(),
            choices: Vec::new(),
            repeats: false,
            blocked: None,
        }
    }

    /// One chunk, or a list of them.
    fn chunks(&mut self, text: &str, out: &mut dyn AnswerSink) -> Result<(), Fault> {
        if !is_list(text) {
            return self.chunk(text, out);
        }
        let chunks: Vec<&RawValue> = serde_json::from_str(text).map_err(|_| unreadable())?;
        chunks
            .into_iter()
            .try_for_each(|chunk| self.chunk(chunk.get(), out))
    }

    fn chunk(&mut self, text: &str, out: &mut dyn AnswerSink) -> Result<(), Fault> {
        let chunk: Chunk<'_> = serde_json::from_str(text).map_err(|_| unreadable())?;
        if chunk.error.is_some_and(|error| error.get() != "null") {
            return Err(fault::read(200, &Headers::default(), text.as_bytes()));
        }
        self.open(&chunk, out);
        if let Some(counts) = chunk.usage_metadata {
            // What cannot be counted is not a reason to lose an answer.
            if let Ok(Some(counts)) = serde_json::from_str::<Option<Counts>>(counts.get()) {
                self.counts.replace(counts);
                out.usage(self.counts.usage());
            }
        }
        if let Some(feedback) = chunk.prompt_feedback
            && let Some(reason) = feedback.block_reason
        {
            let why = feedback.block_reason_message.filter(|why| !why.is_empty());
            self.blocked = Some(match why {
                Some(why) => why.into_cow().into_owned(),
                None => format!("The provider's policy blocked this prompt ({}).", &*reason),
            });
        }
        // A client's list of choices grows in their order.
        let mut candidates = chunk.candidates.unwrap_or_default();
        candidates.sort_by_key(|candidate| candidate.index.unwrap_or(0));
        for candidate in &candidates {
            self.candidate(candidate, out)?;
        }
        Ok(())
    }

    /// Every chunk repeats the id and the model; the first that has any opens the answer.
    fn open(&mut self, chunk: &Chunk<'_>, out: &mut dyn AnswerSink) {
        let says = chunk.candidates.is_some()
            || chunk.prompt_feedback.is_some()
            || chunk.response_id.is_some()
            || chunk.usage_metadata.is_some();
        if self.opened || !says {
            return;
        }
        self.opened = true;
        let name = |text: Option<&str>| {
            let text = text.unwrap_or_default();
            let end = text.floor_char_boundary(MAX_NAME);
            text.get(..end).unwrap_or_default().to_owned()
        };
        self.id = name(chunk.response_id.as_deref());
        self.model = name(chunk.model_version.as_deref());
        out.open(&self.id, &self.model);
    }

    fn candidate(
        &mut self,
        candidate: &Candidate<'_>,
        out: &mut dyn AnswerSink,
    ) -> Result<(), Fault> {
        let index = candidate.index.unwrap_or(0);
        let at = match self.choices.iter().position(|c| c.index == index) {
            Some(at) => at,
            None if self.choices.len() == MAX_CANDIDATES => return Ok(()),
            None => {
                self.choices.push(Choice {
                    index,
                    ..Choice::default()
                });
                self.choices.len() - 1
            }
        };
        let Some(choice) = self.choices.get_mut(at) else {
            return Ok(());
        };
        let names = Names {
            tag: self.tag,
            id: &self.id,
            model: &self.model,
        };
        let content = candidate.content.as_ref();
        for part in content.and_then(|c| c.parts.as_ref()).into_iter().flatten() {
            self.repeats |= choice.finish.take().is_some();
            choice.part(part, &names, out)?;
        }
        if let Some(json) = candidate.logprobs_result.and_then(logprobs::content) {
            out.part(index, Part::Logprobs(&json));
        }
        if let Some(reason) = candidate.finish_reason.as_deref() {
            choice.finish = Some(finish(reason)?);
        }
        if let Some(why) = candidate.finish_message.as_deref() {
            choice.refusal = Some(why.to_owned());
        }
        Ok(())
    }

    /// Writes the end of each choice.
    fn end(&mut self, out: &mut dyn AnswerSink) -> Result<(), Fault> {
        if self.choices.is_empty() {
            let Some(why) = self.blocked.take() else {
                return Err(incomplete());
            };
            out.part(0, Part::Refusal(&why));
            out.part(0, Part::Finish(Finish::ContentFilter));
            return Ok(());
        }
        for choice in &self.choices {
            let finish = match choice.finish.unwrap_or(Finish::Stop) {
                Finish::Stop if choice.calls > 0 => Finish::ToolCalls,
                finish => finish,
            };
            if let (Finish::ContentFilter, Some(why)) = (finish, &choice.refusal)
                && !why.is_empty()
            {
                out.part(choice.index, Part::Refusal(why));
            }
            out.part(choice.index, Part::Finish(finish));
        }
        Ok(())
    }
}

/// What the parts of an answer are called by.
struct Names<'n> {
    tag: &'static str,
    id: &'n str,
    model: &'n str,
}

impl Choice {
    fn part(
        &mut self,
        part: &Piece<'_>,
        names: &Names<'_>,
        out: &mut dyn AnswerSink,
    ) -> Result<(), Fault> {
        let index = self.index;
        let signature = part.thought_signature.as_deref().unwrap_or_default();
        let sign = |on: On<'_>, out: &mut dyn AnswerSink| {
            if !signature.is_empty() {
                signature::hand_out(index, (names.tag, names.model), on, signature, out);
            }
        };
        let text = part.text.as_deref().filter(|text| !text.is_empty());
        if let Some(call) = &part.function_call {
            let id = self.call(call, names, out)?;
            sign(On::Call(&id), out);
        } else if part.thought == Some(true) {
            if let Some(text) = text {
                out.part(index, Part::Thought(text));
                // One byte above the limit is kept as the sign that it was passed.
                if self.thought.len() <= MAX_THOUGHT {
                    self.thought.push_str(text);
                }
            }
            if !signature.is_empty() {
                let thought = std::mem::take(&mut self.thought);
                sign(On::Thought(&thought), out);
            }
        } else {
            if let Some(text) = text {
                out.part(index, Part::Text(text));
            }
            if let Some(url) = part.inline_data.as_ref().and_then(Blob::image) {
                out.part(index, Part::Image(&url));
            }
            sign(On::Text, out);
        }
        Ok(())
    }

    /// Writes a call; gives the id under which its result will return.
    fn call<'c>(
        &mut self,
        call: &'c Call<'_>,
        names: &Names<'_>,
        out: &mut dyn AnswerSink,
    ) -> Result<Cow<'c, str>, Fault> {
        let name = call.name.as_deref().unwrap_or_default();
        if name.is_empty() {
            return Err(Fault::new(
                FaultKind::ProviderFailed,
                "The model called a tool without naming it.",
            ));
        }
        let id = match call.id.as_deref() {
            Some(id) if !id.is_empty() => Cow::Borrowed(id),
            _ => Cow::Owned(self.made_up(names.id)),
        };
        let index = self.calls;
        self.calls += 1;
        out.part(
            self.index,
            Part::ToolCall {
                index,
                id: &id,
                name,
            },
        );
        let json = &call.arguments();
        out.part(self.index, Part::ToolInput { index, json });
        Ok(id)
    }

    /// An id for a call without one, unlike that of any other call of the conversation.
    fn made_up(&self, answer: &str) -> String {
        let fits = |c: &char| c.is_ascii_alphanumeric() || *c == '-' || *c == '_';
        let answer: String = answer.chars().filter(fits).collect();
        match self.index {
            0 => format!("call_{answer}_{}", self.calls),
            choice => format!("call_{answer}_{choice}_{}", self.calls),
        }
    }
}

fn is_list(text: &str) -> bool {
    text.trim_start().starts_with('[')
}

fn incomplete() -> Fault {
    Fault::new(
        FaultKind::ProviderFailed,
        "The provider ended its answer before it was complete.",
    )
}

#[cfg(test)]
#[path = "events_tests.rs"]
mod tests;
