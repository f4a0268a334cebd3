//! The texts of an answer for somebody else to judge, and what stands in their places afterwards.
//!
//! An answer is read twice by the same code. [`Gather`] notes every piece of every text; what was shown of them is judged;
//! and [`Replace`] meets the same pieces in the same order and writes what becomes of each. So a value in the
//! arguments of a tool is escaped as it must be, and nothing else of the answer changes.

use super::{
    Key, What,
    replace::{Replace, Value, is_inner},
    whole::{self, Halt},
};
use crate::{
    api::client::Api,
    guard::channel::{Decided, Rewrite},
};
use std::{collections::BTreeMap, convert::Infallible, ops::Range};

/// A piece of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Its place among those of the answer.
    number: u64,
    /// Its text.
    of: Key,
    said: String,
    /// What it is to the judge.
    is: Is,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Is {
    /// A part of a text.
    Said,
    /// The same as another text says; shown unless it is not the same.
    Repeated,
    /// A sign between two values: shown, and never changed.
    Between,
}

impl Piece {
    /// Its place; `None`: nothing can stand in it.
    pub(super) fn number(&self) -> Option<u64> {
        (self.is != Is::Between).then_some(self.number)
    }

    /// Its text.
    pub(super) const fn key(&self) -> Key {
        self.of
    }

    /// How long it is. Units: bytes.
    pub(super) fn len(&self) -> usize {
        self.said.len()
    }

    /// Its characters, as far as nobody else says them.
    pub fn chars(&self) -> usize {
        match self.is {
            Is::Said => self.said.chars().count(),
            Is::Repeated | Is::Between => 0,
        }
    }
}

/// Notes every piece of every text, and changes nothing.
#[derive(Debug)]
pub struct Gather {
    pieces: Vec<Piece>,
    next: u64,
    of: Option<Key>,
    again: bool,
    hides: bool,
}

impl Gather {
    /// Nothing is noted yet. `hides`: who judges the texts may hide some of them.
    pub fn new(hides: bool) -> Self {
        Self {
            pieces: Vec::new(),
            next: 0,
            of: None,
            again: false,
            hides,
        }
    }

    /// What was noted since the last time.
    pub fn take(&mut self) -> Vec<Piece> {
        std::mem::take(&mut self.pieces)
    }

    fn note(&mut self, said: &str, is: Is) {
        if let Some(of) = self.of.filter(|_| !said.is_empty()) {
            self.pieces.push(Piece {
                number: self.next,
                of,
                said: said.to_owned(),
                is,
            });
        }
    }
}

/// Whether a text is a complete one that has been shown in pieces before, or is sealed.
pub(super) const fn is_known(of: Option<Key>, again: bool) -> bool {
    match of {
        Some(Key {
            what: What::Detail | What::Mirror,
            ..
        }) => false,
        _ => again,
    }
}

impl Rewrite for Gather {
    type Stop = Infallible;

    fn rewrite(
        &mut self,
        text: &str,
        from: Decided,
        _last: bool,
        out: &mut String,
    ) -> Result<Decided, Infallible> {
        let said = text.get(from.until..).unwrap_or_default();
        out.push_str(said);
        if !is_known(self.of, self.again) {
            let is = if self.again { Is::Repeated } else { Is::Said };
            self.note(said, is);
            self.next += 1;
        }
        Ok(whole_of(text))
    }

    fn hides(&self) -> bool {
        self.hides
    }

    fn again(&mut self, again: bool) {
        self.again = again;
    }

    fn of(&mut self, text: Key) {
        self.of = Some(text);
    }

    fn beside(&mut self, between: &str) {
        if !is_known(self.of, self.again) {
            self.note(between, Is::Between);
        }
    }
}

pub(super) const fn whole_of(text: &str) -> Decided {
    Decided {
        until: text.len(),
        scanned: text.len(),
    }
}

/// What is shown of an answer: its texts, each once.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Shown {
    /// In the order in which they begin.
    pub texts: Vec<String>,
    /// For each of them, the pieces of all the texts that say it.
    parts: Vec<Vec<Part>>,
}

/// A piece within a text that is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Part {
    number: u64,
    place: Range<usize>,
    /// Of the texts that say the same, which.
    of: Key,
    fixed: bool,
}

/// What stands in the place of a part of a text that was shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct New {
    /// The place of its text.
    pub text: usize,
    /// Where the part begins and ends, in bytes.
    pub place: Range<usize>,
    /// What stands there.
    pub with: String,
}

/// What becomes of a piece.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// Which piece.
    pub(super) number: u64,
    pub(super) place: Range<usize>,
    pub(super) with: String,
}

impl Shown {
    /// Puts pieces together.
    pub fn of<'p>(pieces: impl Iterator<Item = &'p Piece>) -> Self {
        let mut texts: Vec<(Key, String, Vec<Part>)> = Vec::new();
        let mut known = BTreeMap::new();
        for piece in pieces {
            let at = *known.entry(piece.of).or_insert_with(|| {
                texts.push((piece.of, String::new(), Vec::new()));
                texts.len() - 1
            });
            let Some((of, text, parts)) = texts.get_mut(at) else {
                continue;
            };
            let start = text.len();
            text.push_str(&piece.said);
            parts.push(Part {
                number: piece.number,
                place: start..text.len(),
                of: *of,
                fixed: piece.is == Is::Between,
            });
        }
        let mut shown = Self::default();
        let mut places = BTreeMap::new();
        for (_, text, parts) in texts {
            let new = shown.parts.len();
            match shown.parts.get_mut(*places.entry(text).or_insert(new)) {
                Some(same) => same.extend(parts),
                None => shown.parts.push(parts),
            }
        }
        let mut texts: Vec<_> = places.into_iter().collect();
        texts.sort_unstable_by_key(|(_, place)| *place);
        shown.texts = texts.into_iter().map(|(text, _)| text).collect();
        shown
    }

    /// The texts as they are read.
    pub fn read(&self) -> Vec<&str> {
        self.texts.iter().map(String::as_str).collect()
    }

    /// What becomes of each piece when this stands in the place of a part: it stands in the first piece, and the others lose
    /// theirs.
    pub fn edits(&self, new: &New) -> Vec<Edit> {
        let mut edits = Vec::new();
        let mut begun = None;
        for part in self.parts.get(new.text).into_iter().flatten() {
            let start = part.place.start.max(new.place.start);
            let end = part.place.end.min(new.place.end);
            if part.fixed || start >= end {
                continue;
            }
            let first = begun != Some(part.of);
            begun = Some(part.of);
            edits.push(Edit {
                number: part.number,
                place: start - part.place.start..end - part.place.start,
                with: if first {
                    new.with.clone()
                } else {
                    String::new()
                },
            });
        }
        edits
    }

    /// What is new in a text that somebody has written anew. The signs between the values of a document stay: what
    /// stands between two of them is compared by itself.
    pub fn differences(&self, text: usize, new: &str) -> Vec<New> {
        let old = self.texts.get(text).map(String::as_str).unwrap_or_default();
        let part = |place: &Range<usize>| old.get(place.clone()).unwrap_or_default();
        let values = self.values(text);
        let (mut news, mut rest) = (Vec::new(), new);
        for (at, (value, sign)) in values.iter().enumerate() {
            let next = values.get(at + 1);
            let next = next.map(|(value, sign)| (part(value), part(sign)));
            let size = value_size(rest, part(value), part(sign), next);
            let (own, place) = match size {
                Some(size) => (rest.get(..size).unwrap_or_default(), value.clone()),
                // A sign is gone, and nobody can tell what is whose.
                None => (rest, value.start..old.len()),
            };
            if let Some((changed, with)) = difference(part(&place), own) {
                let place = place.start + changed.start..place.start + changed.end;
                news.push(New { text, place, with });
            }
            let Some(size) = size else { break };
            rest = rest.get(size + sign.len()..).unwrap_or_default();
        }
        news
    }

    /// The values of a text, and the signs behind each.
    fn values(&self, text: usize) -> Vec<(Range<usize>, Range<usize>)> {
        let parts = self.parts.get(text).map(Vec::as_slice).unwrap_or_default();
        let first = parts.first().map(|part| part.of);
        let end = self.texts.get(text).map_or(0, String::len);
        let mut values = vec![(0..0, 0..0)];
        for part in parts.iter().take_while(|part| Some(part.of) == first) {
            let Some((value, sign)) = values.last_mut() else {
                break;
            };
            match (part.fixed, sign.start == sign.end) {
                (true, _) => *sign = sign.start..part.place.end,
                (false, true) => {
                    value.end = part.place.end;
                    *sign = value.end..value.end;
                }
                (false, false) => {
                    let end = part.place.end;
                    values.push((part.place.clone(), end..end));
                }
            }
        }
        if values.last().is_some_and(|(_, sign)| !sign.is_empty()) {
            values.push((end..end, end..end));
        }
        values
    }

    /// What a part says.
    pub fn part(&self, text: usize, place: &Range<usize>) -> &str {
        let text = self.texts.get(text).map(String::as_str);
        text.and_then(|text| text.get(place.clone()))
            .unwrap_or_default()
    }

    /// What is replaced by something.
    pub fn value(&self, new: &New) -> Value {
        let text = self.texts.get(new.text).map(String::as_str);
        Value {
            said: self.part(new.text, &new.place).to_owned(),
            with: new.with.clone(),
            inner: is_inner(text.unwrap_or_default(), &new.place),
        }
    }
}

/// What is shown of a whole answer.
///
/// Errors: it cannot be read.
pub fn read(api: Api, body: &str) -> Result<Shown, Halt<Infallible>> {
    let mut gather = Gather::new(false);
    whole::edited(api, body, &mut gather)?;
    Ok(Shown::of(gather.take().iter()))
}

/// A whole answer with other parts of texts in their places; `None`: the same. `hides`: some of it may have been
/// hidden.
///
/// Errors: it cannot be read.
pub fn replaced(
    api: Api,
    body: &str,
    shown: &Shown,
    news: &[New],
    hides: bool,
) -> Result<Option<String>, Halt<Infallible>> {
    if news.is_empty() && !hides {
        return Ok(None);
    }
    let mut replace = Replace::default();
    let edits = news.iter().flat_map(|new| shown.edits(new));
    replace.add(edits, news.iter().map(|new| shown.value(new)));
    whole::edited(api, body, &mut replace)
}

/// How far a value that is written anew may reach, beside four times what it was. Units: bytes.
const MAX_GROWTH: usize = 1024;

/// How long the value at the beginning of a new text is that was `value` before, with this sign behind it. `next`: the
/// value and the sign that came then. `None`: the sign is gone.
fn value_size(new: &str, value: &str, sign: &str, next: Option<(&str, &str)>) -> Option<usize> {
    if sign.is_empty() {
        return Some(new.len());
    }
    let same = new.strip_prefix(value);
    if same.is_some_and(|rest| rest.starts_with(sign)) {
        return Some(value.len());
    }
    let (next, behind) = next.unwrap_or_default();
    if next.is_empty() && behind.is_empty() {
        return new.strip_suffix(sign).map(str::len);
    }
    let near = value.len().saturating_mul(4).saturating_add(MAX_GROWTH);
    let near = near.saturating_add(sign.len() + next.len() + behind.len());
    let near = new.floor_char_boundary(near.min(new.len()));
    let near = new.get(..near).unwrap_or_default();
    // A value may hold such a sign as well: rather the one before what has stayed.
    let wanted = [sign, next, behind].concat();
    near.find(&wanted).or_else(|| near.find(sign))
}

/// How one text differs from another: the part that is new, in whole words, and what stands there. What is added takes
/// in the letter beside it. `None`: it does not differ.
fn difference(old: &str, new: &str) -> Option<(Range<usize>, String)> {
    if old == new {
        return None;
    }
    let same = old.chars().zip(new.chars()).take_while(|(a, b)| a == b);
    let start = same.map(|(letter, _)| letter.len_utf8()).sum();
    let rest = |text| str::get(text, start..).unwrap_or_default();
    let (old_rest, new_rest) = (rest(old), rest(new));
    let same = old_rest.chars().rev().zip(new_rest.chars().rev());
    let same = same.take_while(|(a, b)| a == b);
    let tail: usize = same.map(|(letter, _)| letter.len_utf8()).sum();
    let word = |letter: &char| letter.is_alphanumeric();
    let before = old.get(..start).unwrap_or_default();
    let before = before.chars().rev().take_while(word);
    let start = start - before.map(char::len_utf8).sum::<usize>();
    let after = old.get(old.len() - tail..).unwrap_or_default();
    let after = after.chars().take_while(word);
    let tail = tail - after.map(char::len_utf8).sum::<usize>();
    let end = old.len() - tail;
    let (mut start, mut tail) = (start, tail);
    if start == end {
        let before = old.get(..start).and_then(|old| old.chars().next_back());
        let after = old.get(end..).and_then(|old| old.chars().next());
        match (before, after) {
            (Some(letter), _) => start -= letter.len_utf8(),
            (None, Some(letter)) => tail -= letter.len_utf8(),
            // There is no place for it.
            (None, None) => return None,
        }
    }
    let with = new.get(start..new.len() - tail).unwrap_or_default();
    Some((start..old.len() - tail, with.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHAT: &str = r#"{"choices":[{"index":0,"message":{"role":"assistant","content":"Ann said: \"hi\"","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{\"to\": \"Ann\", \"n\": [41, true]}"}}]}}],"usage":{"n":1.10}}"#;

    fn new(text: usize, place: Range<usize>, with: &str) -> New {
        New {
            text,
            place,
            with: with.into(),
        }
    }

    #[test]
    fn texts_are_shown_as_they_are_meant_and_arguments_with_their_names() {
        let shown = read(Api::Chat, CHAT).unwrap();
        assert_eq!(
            shown.texts,
            ["Ann said: \"hi\"", "{to: Ann, n: [41, true]}"]
        );
        assert_eq!(replaced(Api::Chat, CHAT, &shown, &[], true).unwrap(), None);
        let news = [new(0, 0..3, "*\"*"), new(1, 1..24, "it")];
        let want = CHAT.replace(r#""Ann said"#, r#""*\"* said"#).replace(
            r#"\"to\": \"Ann\", \"n\": [41, true]"#,
            r#"\"it\": \"\", \"\": [\"\", \"\"]"#,
        );
        assert_eq!(
            replaced(Api::Chat, CHAT, &shown, &news, true).unwrap(),
            Some(want)
        );
    }

    #[test]
    fn a_text_that_is_said_twice_is_shown_once_and_replaced_twice() {
        let body = r#"{"choices":[{"index":0,"message":{"role":"assistant","content":"x","reasoning_content":"by Ann","reasoning_details":[{"type":"reasoning.text","index":0,"text":"by Ann"}]}}]}"#;
        let shown = read(Api::Chat, body).unwrap();
        assert_eq!(shown.texts.len(), 2, "{:?}", shown.texts);
        let place = shown
            .texts
            .iter()
            .position(|text| text == "by Ann")
            .unwrap();
        let with = replaced(Api::Chat, body, &shown, &[new(place, 3..6, "*")], true).unwrap();
        assert_eq!(with, Some(body.replace("Ann", "*")));
    }

    #[test]
    fn the_difference_of_two_texts_is_one_part() {
        let of = |old, new| difference(old, new);
        assert_eq!(of("a", "a"), None);
        assert_eq!(of("by Ann, and", "by *, and"), Some((3..6, "*".into())));
        assert_eq!(of("by Ann, and", "by An*, and"), Some((3..6, "An*".into())));
        assert_eq!(of("a - a", "a -"), Some((3..5, String::new())));
        assert_eq!(of("\u{e9}", "\u{e8}"), Some((0..2, "\u{e8}".into())));
        assert_eq!(of("", "x"), None);
        assert_eq!(
            of("\u{e9}.", "\u{e9}, x."),
            Some((0..2, "\u{e9}, x".into()))
        );
        assert_eq!(of("a.", "a.!"), Some((1..2, ".!".into())));
        assert_eq!(of(".", "x."), Some((0..1, "x.".into())));
        assert_eq!(of("x \u{e9}", "x \u{129}"), Some((2..4, "\u{129}".into())));
    }
}
