//! Chat Completions and the older Completions: choices of a whole answer or of a chunk.
//! Source: `ChatCompletion`, `ChatCompletionChunk`, `Completion` of OpenAI's official Python SDK, read 2026-11; the fields
//! `reasoning`, `reasoning_content` and `reasoning_details` as the dialects of this gateway know them.

use super::{Comes, End, Form, Key, Look, Spot, What};
use crate::{
    guard::request::{Addresses, said},
    json::each,
};
use serde::Deserialize;
use serde_json::value::RawValue;

/// Most sources of a part, and most texts of a source.
const SOURCES_OF_A_PART: u32 = 1 << 12;
const TEXTS_OF_A_SOURCE: u32 = 1 << 6;

#[derive(Deserialize)]
struct Chunk<'a> {
    #[serde(borrow, default)]
    choices: Option<Vec<Choice<'a>>>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(default)]
    index: Option<u32>,
    #[serde(borrow, default)]
    delta: Option<Said<'a>>,
    #[serde(borrow, default)]
    message: Option<Said<'a>>,
    #[serde(borrow, default)]
    text: Option<&'a RawValue>,
    #[serde(borrow, default)]
    logprobs: Option<&'a RawValue>,
    #[serde(borrow, default)]
    finish_reason: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Said<'a> {
    #[serde(borrow, default)]
    content: Option<&'a RawValue>,
    #[serde(borrow, default)]
    refusal: Option<&'a RawValue>,
    #[serde(borrow, default)]
    reasoning_content: Option<&'a RawValue>,
    #[serde(borrow, default)]
    reasoning: Option<&'a RawValue>,
    #[serde(borrow, default)]
    reasoning_details: Option<Vec<Detail<'a>>>,
    #[serde(borrow, default)]
    tool_calls: Option<Vec<Call<'a>>>,
    #[serde(borrow, default)]
    function_call: Option<Function<'a>>,
    #[serde(borrow, default)]
    audio: Option<Audio<'a>>,
    #[serde(borrow, default)]
    annotations: Option<&'a RawValue>,
}

/// A part of a content that is a list.
#[derive(Deserialize)]
struct Part<'a> {
    #[serde(borrow, default)]
    text: Option<&'a RawValue>,
    #[serde(borrow, default)]
    refusal: Option<&'a RawValue>,
    /// Mistral's reasoning.
    #[serde(borrow, default)]
    thinking: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Detail<'a> {
    #[serde(default)]
    index: Option<u32>,
    #[serde(borrow, default)]
    thinking: Option<&'a RawValue>,
    #[serde(borrow, default)]
    text: Option<&'a RawValue>,
    #[serde(borrow, default)]
    summary: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Call<'a> {
    #[serde(default)]
    index: Option<u32>,
    #[serde(borrow, default)]
    function: Option<Function<'a>>,
    #[serde(borrow, default)]
    custom: Option<Custom<'a>>,
}

#[derive(Deserialize)]
struct Function<'a> {
    #[serde(borrow, default)]
    arguments: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Custom<'a> {
    #[serde(borrow, default)]
    input: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Audio<'a> {
    #[serde(borrow, default)]
    transcript: Option<&'a RawValue>,
}

/// Looks at a chunk, or at a whole answer. `None`: it cannot be read.
pub(super) fn look(data: &str) -> Option<Look<'_>> {
    let chunk: Chunk<'_> = serde_json::from_str(data).ok()?;
    let mut look = Look::default();
    for (place, choice) in chunk.choices.into_iter().flatten().enumerate() {
        let of = choice.index.unwrap_or(u32::try_from(place).ok()?);
        // A whole answer is also complete without a reason.
        let comes = match choice.message.is_some() {
            true => Comes::Whole,
            false => Comes::Piece,
        };
        if let Some(raw) = choice.text {
            // Some hosts of Chat Completions say it here as well.
            let what = match choice.delta.is_some() || choice.message.is_some() {
                true => What::Mirror,
                false => What::Text,
            };
            look.add(Key::new(of, 0, what), raw, comes)?;
        }
        for said in choice.delta.into_iter().chain(choice.message) {
            look.said(of, &said, comes)?;
        }
        if let Some(raw) = choice.logprobs {
            look.tokens.push((raw.get(), "null"));
        }
        // Some hosts send an empty one with every chunk.
        let reason = choice.finish_reason.map_or("null", RawValue::get);
        if !matches!(reason, "null" | "\"\"") {
            look.ends.push(End::All(of));
        }
    }
    if chunk.error.is_some_and(|error| error.get() != "null") {
        // Nothing follows an error: what is held must leave before it.
        look.ends.push(End::Everything);
    }
    Some(look)
}

impl<'a> Look<'a> {
    fn said(&mut self, of: u32, said: &Said<'a>, comes: Comes) -> Option<()> {
        let before = self.spots.len();
        let key = |what| Key::new(of, 0, what);
        if let Some(raw) = said.reasoning_content {
            self.add(key(What::Thought), raw, comes)?;
        }
        if let Some(raw) = said.reasoning {
            self.add(key(What::Reasoning), raw, comes)?;
        }
        for (place, detail) in said.reasoning_details.iter().flatten().enumerate() {
            self.detail(of, place, detail, comes)?;
        }
        let thoughts = self.spots.len();
        match said.content {
            Some(raw) if raw.get().starts_with('[') => {
                let parts: Vec<Part<'a>> = serde_json::from_str(raw.get()).ok()?;
                for part in parts {
                    self.content_part(of, &part, comes)?;
                }
            }
            Some(raw) => self.add(key(What::Text), raw, comes)?,
            None => {}
        }
        if let Some(raw) = said.refusal {
            self.add(key(What::Refusal), raw, comes)?;
        }
        for (place, call) in said.tool_calls.iter().flatten().enumerate() {
            self.call(of, place, call, comes)?;
        }
        if let Some(raw) = said.function_call.as_ref().and_then(|call| call.arguments) {
            self.push(key(What::OnlyCall), raw, Form::Arguments, comes);
        }
        if let Some(raw) = said.audio.as_ref().and_then(|audio| audio.transcript) {
            self.add(key(What::Transcript), raw, comes)?;
        }
        self.sources(of, 0, said.annotations, Comes::Whole)?;
        // Many providers send an empty text along.
        let others = self.spots.get(thoughts..).unwrap_or_default();
        if thoughts == before && others.iter().any(|spot| spot.raw != "\"\"") {
            self.ends.push(End::Thoughts(of));
        }
        Some(())
    }

    fn content_part(&mut self, of: u32, part: &Part<'a>, comes: Comes) -> Option<()> {
        let key = |what| Key::new(of, 0, what);
        // Several parts are one text for who reads it.
        let comes = match comes {
            Comes::Whole => Comes::Piece,
            comes => comes,
        };
        if let Some(raw) = part.text {
            self.add(key(What::Text), raw, comes)?;
        }
        if let Some(raw) = part.refusal {
            self.add(key(What::Refusal), raw, comes)?;
        }
        match part.thinking {
            Some(raw) if raw.get().starts_with('[') => {
                let parts: Vec<Part<'a>> = serde_json::from_str(raw.get()).ok()?;
                for raw in parts.into_iter().filter_map(|part| part.text) {
                    self.add(key(What::Thought), raw, comes)?;
                }
            }
            Some(raw) => self.add(key(What::Thought), raw, comes)?,
            None => {}
        }
        Some(())
    }

    fn detail(&mut self, of: u32, place: usize, detail: &Detail<'a>, comes: Comes) -> Option<()> {
        // One with an index grows; others come at once.
        let (part, comes) = match detail.index {
            Some(index) => (index, comes),
            None => (u32::try_from(place).ok()?, Comes::Whole),
        };
        let texts = [detail.thinking, detail.text, detail.summary];
        for raw in texts.into_iter().flatten() {
            if raw.get().starts_with('"') {
                self.add(Key::new(of, part, What::Detail), raw, comes)?;
            } else {
                self.push(
                    Key::new(of, part, What::Detail),
                    raw,
                    Form::Document,
                    Comes::Whole,
                );
            }
        }
        Some(())
    }

    fn call(&mut self, of: u32, place: usize, call: &Call<'a>, comes: Comes) -> Option<()> {
        let part = call.index.unwrap_or(u32::try_from(place).ok()?);
        if let Some(raw) = call.function.as_ref().and_then(|call| call.arguments) {
            self.push_arguments(Key::new(of, part, What::Call), raw, comes);
        }
        if let Some(raw) = call.custom.as_ref().and_then(|call| call.input) {
            self.add(Key::new(of, part, What::Input), raw, comes)?;
        }
        Some(())
    }

    /// Adds a text. `None`: it is none.
    pub(super) fn add(&mut self, key: Key, raw: &'a RawValue, comes: Comes) -> Option<()> {
        let text = raw.get().starts_with('"');
        text.then(|| self.push(key, raw, Form::Text, comes))
    }

    /// Adds arguments, whether as a string or, as some hosts send them, as they are.
    pub(super) fn push_arguments(&mut self, key: Key, raw: &'a RawValue, comes: Comes) {
        match raw.get().starts_with('"') {
            true => self.push(key, raw, Form::Arguments, comes),
            false => self.push(key, raw, Form::Document, Comes::Whole),
        }
    }

    /// Adds the texts of what a tool has said, or of a source; `next` is the first one's number. `None`: they are too
    /// many.
    pub(super) fn results(
        &mut self,
        of: u32,
        next: &mut u32,
        raw: &'a RawValue,
        addresses: Addresses,
        comes: Comes,
    ) -> Option<()> {
        for place in said(raw.get(), addresses)? {
            let quoted = place.start.checked_sub(1)?..place.end.checked_add(1)?;
            let key = Key::new(of, *next, What::Result);
            let raw = raw.get().get(quoted)?;
            self.spots.push(Spot::new(key, raw, Form::Text, comes));
            *next = next.checked_add(1)?;
        }
        Some(())
    }

    /// Adds the sources of a part. `None`: they are too many.
    pub(super) fn sources(
        &mut self,
        of: u32,
        part: u32,
        list: Option<&'a RawValue>,
        comes: Comes,
    ) -> Option<()> {
        let (mut place, mut read) = (0, Some(()));
        each(list, |raw| {
            read = read.and_then(|()| self.source(of, part, place, raw, comes));
            place += 1;
        });
        read
    }

    /// Adds a source. Its texts have the same numbers wherever it is said again.
    pub(super) fn source(
        &mut self,
        of: u32,
        part: u32,
        place: u32,
        raw: &'a RawValue,
        comes: Comes,
    ) -> Option<()> {
        let number = part.checked_mul(SOURCES_OF_A_PART)?.checked_add(place)?;
        let mut next = number.checked_mul(TEXTS_OF_A_SOURCE)?;
        let end = next.checked_add(TEXTS_OF_A_SOURCE)?;
        self.results(of, &mut next, raw, Addresses::Are, comes)?;
        (place < SOURCES_OF_A_PART && next <= end).then_some(())
    }

    pub(super) fn push(&mut self, key: Key, raw: &'a RawValue, form: Form, comes: Comes) {
        self.spots.push(Spot::new(key, raw.get(), form, comes));
    }
}

impl Key {
    pub(super) const fn new(of: u32, part: u32, what: What) -> Self {
        Self { of, part, what }
    }
}
