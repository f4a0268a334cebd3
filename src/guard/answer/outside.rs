//! The texts of an answer for somebody else to judge, and what stands in their places afterwards.
//!
//! An answer is read twice by the same code. [`Gather`] notes every piece of every text; what was shown of them is judged;
//! and [`Replace`] meets the same pieces in the same order and writes what becomes of each. So a value in the
//! arguments of a tool is escaped as it must be, and nothing else of the answer changes.

use super::{
    Key, What,
    whole::{self, Halt},
};
use crate::{
    api::client::Api,
    guard::channel::{Decided, Rewrite},
};
use std::{collections::BTreeMap, convert::Infallible, ops::Range};

/// Most values that are remembered, for texts that say them again.
const MAX_VALUES: usize = 1024;

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
}

impl Gather {
    /// Nothing is noted yet.
    pub fn new() -> Self {
        Self {
            pieces: Vec::new(),
            next: 0,
            of: None,
            again: false,
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

impl Default for Gather {
    fn default() -> Self {
        Self::new()
    }
}

/// Whether a text is a complete one that has been shown in pieces before, or is sealed.
const fn is_known(of: Option<Key>, again: bool) -> bool {
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
        false
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

const fn whole_of(text: &str) -> Decided {
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

/// What was replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    said: String,
    with: String,
    /// It stood within a word.
    inner: bool,
}

/// What becomes of a piece.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// Which piece.
    pub(super) number: u64,
    place: Range<usize>,
    with: String,
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

/// Writes what becomes of every piece.
#[derive(Debug, Default)]
pub struct Replace {
    /// In the order of the pieces, those of one from left to right.
    edits: Vec<Edit>,
    /// What was replaced, and by what.
    values: Vec<Value>,
    next: u64,
    of: Option<Key>,
    again: bool,
}

impl Replace {
    /// These edits are still to be made; and what they replace is replaced where it is said again.
    pub fn add(
        &mut self,
        edits: impl IntoIterator<Item = Edit>,
        values: impl IntoIterator<Item = Value>,
    ) {
        self.edits.extend(edits);
        self.edits
            .sort_by_key(|edit| (edit.number, edit.place.start));
        let mut room = MAX_VALUES.saturating_sub(self.values.len());
        for value in values {
            match self
                .values
                .iter_mut()
                .find(|known| known.said == value.said)
            {
                Some(known) => known.inner |= value.inner,
                None if value.said.is_empty() || room == 0 => {}
                None => {
                    room -= 1;
                    self.values.push(value);
                }
            }
        }
    }

    /// Edits of one piece.
    fn piece(&mut self, said: &str, out: &mut String) {
        let number = self.next;
        self.next += 1;
        let passed = self.edits.partition_point(|edit| edit.number <= number);
        let mut at = 0;
        for edit in self.edits.drain(..passed) {
            if edit.number < number || edit.place.start < at {
                continue;
            }
            out.push_str(said.get(at..edit.place.start).unwrap_or_default());
            out.push_str(&edit.with);
            at = edit.place.end;
        }
        out.push_str(said.get(at..).unwrap_or_default());
    }

    /// A text that says again what others have said.
    fn repeated(&self, said: &str, out: &mut String) {
        let mut rest = said;
        while let Some((at, value)) = self.first(rest) {
            out.push_str(rest.get(..at).unwrap_or_default());
            out.push_str(&value.with);
            rest = rest.get(at + value.said.len()..).unwrap_or_default();
        }
        out.push_str(rest);
    }

    /// The first of the values in a text, the longest of several.
    fn first(&self, text: &str) -> Option<(usize, &Value)> {
        let found = |value: &'_ Value| {
            let places = text.match_indices(value.said.as_str());
            let mut places = places.map(|(at, _)| at..at + value.said.len());
            // A name within a longer word is another word.
            let place = places.find(|place| value.inner || !is_inner(text, place))?;
            Some(place.start)
        };
        self.values
            .iter()
            .filter_map(|value| Some((found(value)?, value)))
            .min_by_key(|(at, value)| (*at, std::cmp::Reverse(value.said.len())))
    }
}

/// Whether a part of a text begins or ends in the middle of a word.
fn is_inner(text: &str, place: &Range<usize>) -> bool {
    let letter = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let part = |range: (usize, usize)| text.get(range.0..range.1).unwrap_or_default();
    let (before, own) = (part((0, place.start)), part((place.start, place.end)));
    let after = part((place.end, text.len()));
    (letter(before.chars().next_back()) && letter(own.chars().next()))
        || (letter(own.chars().next_back()) && letter(after.chars().next()))
}

impl Rewrite for Replace {
    type Stop = Infallible;

    fn rewrite(
        &mut self,
        text: &str,
        from: Decided,
        _last: bool,
        out: &mut String,
    ) -> Result<Decided, Infallible> {
        let said = text.get(from.until..).unwrap_or_default();
        match is_known(self.of, self.again) {
            true => self.repeated(said, out),
            false => self.piece(said, out),
        }
        Ok(whole_of(text))
    }

    fn again(&mut self, again: bool) {
        self.again = again;
    }

    fn of(&mut self, text: Key) {
        self.of = Some(text);
    }
}

/// What is shown of a whole answer.
///
/// Errors: it cannot be read.
pub fn read(api: Api, body: &str) -> Result<Shown, Halt<Infallible>> {
    let mut gather = Gather::new();
    whole::edited(api, body, &mut gather)?;
    Ok(Shown::of(gather.take().iter()))
}

/// A whole answer with other parts of texts in their places; `None`: the same.
///
/// Errors: it cannot be read.
pub fn replaced(
    api: Api,
    body: &str,
    shown: &Shown,
    news: &[New],
) -> Result<Option<String>, Halt<Infallible>> {
    if news.is_empty() {
        return Ok(None);
    }
    let mut replace = Replace::default();
    let edits = news.iter().flat_map(|new| shown.edits(new));
    replace.add(edits, news.iter().map(|new| shown.value(new)));
    whole::edited(api, body, &mut replace)
}

/// How one text differs from another: the part that is new, in whole words, and what stands there. `None`: it does not.
pub fn difference(old: &str, new: &str) -> Option<(Range<usize>, String)> {
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
        assert_eq!(replaced(Api::Chat, CHAT, &shown, &[]).unwrap(), None);
        let news = [new(0, 0..3, "*\"*"), new(1, 1..24, "it")];
        let want = CHAT.replace(r#""Ann said"#, r#""*\"* said"#).replace(
            r#"\"to\": \"Ann\", \"n\": [41, true]"#,
            r#"\"it\": \"\", \"\": [\"\", \"\"]"#,
        );
        assert_eq!(
            replaced(Api::Chat, CHAT, &shown, &news).unwrap(),
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
        let with = replaced(Api::Chat, body, &shown, &[new(place, 3..6, "*")]).unwrap();
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
        assert_eq!(of("", "x"), Some((0..0, "x".into())));
        assert_eq!(of("x \u{e9}", "x \u{129}"), Some((2..4, "\u{129}".into())));
    }

    fn value(said: &str, with: &str, inner: bool) -> Value {
        Value {
            said: said.into(),
            with: with.into(),
            inner,
        }
    }

    #[test]
    fn what_was_replaced_is_replaced_where_it_is_said_again_but_not_within_a_word() {
        let mut replace = Replace::default();
        let values = [("Ann", "[P_1]"), ("Ann Lee", "[P_2]"), ("", "x")];
        replace.add([], values.map(|(said, with)| value(said, with, false)));
        let mut out = String::new();
        replace.repeated("Ann Lee, Anna and Ann: Joann Ann", &mut out);
        assert_eq!(out, "[P_2], Anna and [P_1]: Joann [P_1]");
        replace.add([], [value("Ann", "[P_1]", true)]);
        out.clear();
        replace.repeated("Anna", &mut out);
        assert_eq!(out, "[P_1]a", "once it stood within a word");
    }
}
