//! `reasoning_details` in a stream: OpenRouter sends one element in many pieces with the same index.
//! Source: openrouter.ai, "Reasoning tokens" (`reasoning_details`, streaming), read 2026-11.

use crate::api::answer::{AnswerSink, Part};
use serde_json::{Map, Value, value::RawValue};

/// Most elements that are put together at a time, and most text in them. What lies beyond is left out:
/// an incomplete element is worth nothing to its provider.
const MAX_ELEMENTS: usize = 64;
const MAX_BYTES: usize = 4 << 20;

/// The elements that are still growing.
#[derive(Debug, Default)]
pub(super) struct Details {
    open: Vec<(u32, Value, Map<String, Value>)>,
    bytes: usize,
}

impl Details {
    /// Takes in one piece. An element without an index is complete.
    pub(super) fn add(&mut self, choice: u32, piece: &RawValue, out: &mut dyn AnswerSink) {
        let Ok(Value::Object(fields)) = serde_json::from_str(piece.get()) else {
            return;
        };
        let Some(index) = fields
            .get("index")
            .filter(|index| index.is_number())
            .cloned()
        else {
            out.part(choice, Part::ThoughtDetail(piece.get()));
            return;
        };
        self.bytes = self.bytes.saturating_add(piece.get().len());
        if self.bytes > MAX_BYTES {
            return;
        }
        let known = self.open.iter().position(|(of, at, known)| {
            *of == choice && *at == index && known.get("type") == fields.get("type")
        });
        let room = self.open.len() < MAX_ELEMENTS;
        match known.and_then(|at| self.open.get_mut(at)) {
            Some((_, _, known)) => merge(known, fields),
            None if room => self.open.push((choice, index, fields)),
            None => {}
        }
    }

    /// Hands out what has come together.
    pub(super) fn flush(&mut self, out: &mut dyn AnswerSink) {
        let whole = std::mem::take(&mut self.bytes) <= MAX_BYTES;
        for (choice, _, fields) in self.open.drain(..).filter(|_| whole) {
            let json = Value::Object(fields).to_string();
            out.part(choice, Part::ThoughtDetail(&json));
        }
    }
}

fn merge(known: &mut Map<String, Value>, piece: Map<String, Value>) {
    for (key, new) in piece {
        match (known.get_mut(&key), new) {
            (_, Value::Null) => {}
            (Some(Value::String(text)), Value::String(more))
                if matches!(&*key, "text" | "summary" | "data") =>
            {
                text.push_str(&more);
            }
            (Some(slot), new) => *slot = new,
            (None, new) => {
                known.insert(key, new);
            }
        }
    }
}
