//! A streamed answer, event by event.
//!
//! An event without a text passes byte for byte, and so does one whose text goes on as it came. What is held of a
//! text goes with the next event of that text, or in one of its own before the event that ends it. Each text is
//! guarded by itself, however the events of several mix.

use super::{
    Comes, End, Ends, Form, Key, Look, What, look, responses,
    splice::{New, named, splice, write},
    text::Text,
    whole::{Halt, quoted},
};
use crate::{
    api::client::Api,
    fault::Fault,
    frame::{Event, sse::Splitter},
    guard::channel::Rewrite,
    json::Object,
};
use std::collections::{BTreeMap, BTreeSet};

/// Largest event: what the provider role lets pass, and what it may have added.
const EVENT_LIMIT_BYTES: usize = 9 << 20;

/// Most texts of one answer.
const MAX_TEXTS: usize = 4096;

/// Most bytes of what a chunk says besides its choices, and of an item's id.
const MAX_HEAD_BYTES: usize = 4096;

/// What becomes of events that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unread {
    /// The stream ends there.
    Halts,
    /// They pass.
    Passes,
}

/// All that one stream remembers.
#[derive(Debug)]
pub struct Stream {
    splitter: Splitter,
    events: Events,
}

#[derive(Debug)]
struct Events {
    api: Api,
    unread: Unread,
    /// Something that cannot be read has passed.
    passed_unread: bool,
    texts: BTreeMap<Key, Grown>,
    /// Texts of which something has been said.
    said: BTreeSet<Key>,
    /// The fields of a chunk besides its choices. JSON text.
    head: Option<String>,
    /// The number of the next event.
    next: u64,
    /// Events of our own so far: by that much the numbers of the others grow.
    added: u64,
}

/// A text that has begun.
#[derive(Debug)]
struct Grown {
    text: Text,
    /// Its item's id. JSON text.
    id: Option<String>,
}

impl Stream {
    /// A stream that has not begun.
    pub fn new(api: Api, unread: Unread) -> Self {
        Self {
            splitter: Splitter::new(EVENT_LIMIT_BYTES),
            events: Events {
                api,
                unread,
                passed_unread: false,
                texts: BTreeMap::new(),
                said: BTreeSet::new(),
                head: None,
                next: 0,
                added: 0,
            },
        }
    }

    /// Takes in bytes and adds what goes on to `out`; with `end` nothing follows.
    ///
    /// Errors: a rule stops the stream, or it cannot be read. What was added to `out` before may go on.
    pub fn push<E: Rewrite + ?Sized>(
        &mut self,
        bytes: &[u8],
        end: bool,
        rewrite: &mut E,
        out: &mut Vec<u8>,
    ) -> Result<(), Halt<E::Stop>> {
        let Self { splitter, events } = self;
        let mut read = Ok(());
        let mut each = |event: Event<'_>| {
            if read.is_ok() {
                read = events.event(&event, rewrite, out);
            }
        };
        let fed = splitter.push(bytes, &mut each);
        if end {
            splitter.close(&mut each);
        }
        read?;
        fed.map_err(|_| Halt::Unread)?;
        if end {
            events.complete(&[End::Everything], &Look::default(), None, rewrite, out)?;
        }
        Ok(())
    }

    /// Whether something has passed that cannot be read.
    pub fn has_passed_unread(&self) -> bool {
        self.events.passed_unread
    }

    /// The number that an event of our own would have now.
    pub fn number(&self) -> u64 {
        self.events.next
    }

    /// The event that ends a stream that goes no further.
    pub fn error(&self, fault: &Fault) -> Vec<u8> {
        self.events.api.error_event(fault, self.events.next)
    }
}

impl Events {
    fn event<E: Rewrite + ?Sized>(
        &mut self,
        event: &Event<'_>,
        rewrite: &mut E,
        out: &mut Vec<u8>,
    ) -> Result<(), Halt<E::Stop>> {
        let Some(data) = event.data.as_deref().filter(|data| !data.trim().is_empty()) else {
            out.extend_from_slice(event.raw);
            return Ok(());
        };
        if data.trim() == "[DONE]" {
            self.complete(&[End::Everything], &Look::default(), None, rewrite, out)?;
            out.extend_from_slice(event.raw);
            return Ok(());
        }
        let Some(look) = look(self.api, &event.name, data) else {
            if self.unread == Unread::Halts {
                return Err(Halt::Unread);
            }
            self.passed_unread = true;
            out.extend_from_slice(event.raw);
            return Ok(());
        };
        if self.head.is_none() && !look.spots.is_empty() {
            self.head = Some(head(data));
        }
        let number = look.number.and_then(|number| number.parse::<u64>().ok());
        if !look.ended.is_empty() {
            self.complete(&look.ended, &Look::default(), number, rewrite, out)?;
        }
        if !look.ends.is_empty() {
            self.complete(&look.ends, &look, number, rewrite, out)?;
        }
        let news = self.news(&look, number, rewrite)?;
        if let Some(number) = number {
            self.next = number.saturating_add(self.added).saturating_add(1);
        }
        if news.is_empty() {
            out.extend_from_slice(event.raw);
        } else {
            write(event, data, &splice(data, news), out);
        }
        Ok(())
    }

    /// What is new in an event.
    fn news<'a, E: Rewrite + ?Sized>(
        &mut self,
        look: &Look<'a>,
        number: Option<u64>,
        rewrite: &mut E,
    ) -> Result<Vec<New<'a>>, Halt<E::Stop>> {
        let mut news = Vec::new();
        let mut add = |old: &'a str, new: String| news.push(New { old, new });
        let (ends, lasts) = (Ends::of(&look.ends), look.lasts());
        for (place, spot) in look.spots.iter().enumerate() {
            let key = spot.key;
            let piece =
                spot.comes == Comes::Piece && matches!(spot.form, Form::Text | Form::Arguments);
            let again = match spot.comes {
                _ if key.what.repeats() => true,
                Comes::Again => self.said.contains(&key),
                Comes::Piece | Comes::Whole => false,
            };
            rewrite.of(key);
            rewrite.again(again);
            let new = if piece {
                let last = ends.end(&key) && lasts.get(&key) == Some(&place);
                let grown = self.grown(key, spot.form, spot.id).ok_or(Halt::Unread)?;
                let new = grown.text.string(spot.raw, last, rewrite);
                if last {
                    self.texts.remove(&key);
                }
                new.map(|new| new.map(quoted))
            } else {
                spot.whole(rewrite)
            };
            rewrite.again(false);
            if self.api == Api::Responses && self.said.len() < MAX_TEXTS {
                self.said.insert(key);
            }
            if let Some(new) = new.map_err(Halt::Stopped)? {
                add(spot.raw, new);
            }
        }
        if rewrite.hides() {
            for (old, new) in &look.tokens {
                add(old, (*new).to_owned());
            }
        }
        if let (Some(raw), Some(number), 1..) = (look.number, number, self.added) {
            add(raw, number.saturating_add(self.added).to_string());
        }
        Ok(news)
    }

    /// The text of this key; `None`: there are too many.
    fn grown(&mut self, key: Key, form: Form, id: Option<&str>) -> Option<&mut Grown> {
        let room = self.texts.len() < MAX_TEXTS || self.texts.contains_key(&key);
        room.then(|| {
            self.texts.entry(key).or_insert_with(|| Grown {
                text: match form {
                    Form::Text | Form::Sealed => Text::plain(),
                    Form::Arguments | Form::Document => Text::arguments(),
                },
                id: id
                    .filter(|id| id.len() <= MAX_HEAD_BYTES)
                    .map(str::to_owned),
            })
        })
    }

    /// Sends what is held of texts that end, but for those of which there is `more`.
    fn complete<E: Rewrite + ?Sized>(
        &mut self,
        ends: &[End],
        more: &Look<'_>,
        number: Option<u64>,
        rewrite: &mut E,
        out: &mut Vec<u8>,
    ) -> Result<(), Halt<E::Stop>> {
        let (ends, here) = (Ends::of(ends), more.pieces());
        let ended = |key: &Key| !here.contains(key) && ends.end(key);
        let keys: Vec<Key> = self.texts.keys().copied().filter(ended).collect();
        for key in keys {
            let Some(grown) = self.texts.get_mut(&key) else {
                continue;
            };
            if grown.text.holds() {
                rewrite.of(key);
                rewrite.again(key.what.repeats());
                let rest = grown.text.rest(rewrite);
                rewrite.again(false);
                let rest = rest.map_err(Halt::Stopped)?;
                let id = grown.id.take();
                self.own(key, id.as_deref(), &quoted(rest), number, out);
                if let Some(grown) = self.texts.get_mut(&key) {
                    grown.id = id;
                }
            }
            if ends.end_for_good(&key) {
                self.texts.remove(&key);
            }
        }
        Ok(())
    }

    /// Adds an event of our own that says this much of a text.
    fn own(
        &mut self,
        key: Key,
        id: Option<&str>,
        text: &str,
        number: Option<u64>,
        out: &mut Vec<u8>,
    ) {
        let Key { of, part, .. } = key;
        match self.api {
            Api::Messages | Api::CountTokens => {
                let Some(delta) = block_delta(key.what, text) else {
                    return;
                };
                let data =
                    format!(r#"{{"type":"content_block_delta","index":{of},"delta":{delta}}}"#);
                named("content_block_delta", &data, out);
            }
            Api::Responses => {
                let Some(name) = responses::growing(key.what) else {
                    return;
                };
                let mut data = format!(r#"{{"type":"response.{name}.delta","#);
                if let Some(number) = number {
                    let number = number.saturating_add(self.added);
                    data.push_str(&format!(r#""sequence_number":{number},"#));
                }
                self.added += 1;
                if let Some(id) = id {
                    data.push_str(&format!(r#""item_id":{id},"#));
                }
                data.push_str(&format!(r#""output_index":{of},"#));
                match key.what {
                    What::Summary => data.push_str(&format!(r#""summary_index":{part},"#)),
                    What::Command => data.push_str(&format!(r#""command_index":{part},"#)),
                    What::Text | What::Refusal | What::Thought => {
                        data.push_str(&format!(r#""content_index":{part},"#));
                    }
                    _ => {}
                }
                if key.what == What::Text {
                    data.push_str(r#""logprobs":[],"#);
                }
                data.push_str(&format!(r#""delta":{text}}}"#));
                named(&format!("response.{name}.delta"), &data, out);
            }
            Api::Completions => {
                let head = self.head.as_deref().unwrap_or_default();
                let data = format!(
                    r#"{{{head}"choices":[{{"index":{of},"text":{text},"logprobs":null,"finish_reason":null}}]}}"#
                );
                named("", &data, out);
            }
            _ => {
                let said = match key.what {
                    What::Mirror => Some(format!(r#"{{}},"text":{text}"#)),
                    _ => chunk_delta(key, text),
                };
                let Some(delta) = said else {
                    return;
                };
                let head = self.head.as_deref().unwrap_or_default();
                let data = format!(
                    r#"{{{head}"choices":[{{"index":{of},"delta":{delta},"finish_reason":null}}]}}"#
                );
                named("", &data, out);
            }
        }
    }
}

fn block_delta(what: What, text: &str) -> Option<String> {
    let (kind, field) = match what {
        What::Text => ("text_delta", "text"),
        What::Thought => ("thinking_delta", "thinking"),
        What::Call => ("input_json_delta", "partial_json"),
        _ => return None,
    };
    Some(format!(r#"{{"type":"{kind}","{field}":{text}}}"#))
}

fn chunk_delta(key: Key, text: &str) -> Option<String> {
    let part = key.part;
    Some(match key.what {
        What::Text => format!(r#"{{"content":{text}}}"#),
        What::Refusal => format!(r#"{{"refusal":{text}}}"#),
        What::Thought => format!(r#"{{"reasoning_content":{text}}}"#),
        What::Reasoning => format!(r#"{{"reasoning":{text}}}"#),
        What::Detail => format!(
            r#"{{"reasoning_details":[{{"type":"reasoning.text","index":{part},"text":{text}}}]}}"#
        ),
        What::Transcript => format!(r#"{{"audio":{{"transcript":{text}}}}}"#),
        What::Call => {
            format!(r#"{{"tool_calls":[{{"index":{part},"function":{{"arguments":{text}}}}}]}}"#)
        }
        What::Input => {
            format!(r#"{{"tool_calls":[{{"index":{part},"custom":{{"input":{text}}}}}]}}"#)
        }
        What::OnlyCall => format!(r#"{{"function_call":{{"arguments":{text}}}}}"#),
        _ => return None,
    })
}

/// What a chunk says besides its choices and what it has used, with a comma behind.
fn head(data: &str) -> String {
    let Ok(mut chunk) = Object::parse(data) else {
        return String::new();
    };
    for others in ["choices", "usage", "error", "obfuscation"] {
        chunk.remove(others);
    }
    let json = chunk.to_json();
    let inner = json
        .strip_prefix('{')
        .and_then(|json| json.strip_suffix('}'));
    match inner.filter(|inner| !inner.is_empty() && json.len() <= MAX_HEAD_BYTES) {
        Some(inner) => format!("{inner},"),
        None => String::new(),
    }
}
