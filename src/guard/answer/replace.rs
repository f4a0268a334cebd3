//! Writes what becomes of every piece of an answer, and of what is said again.
//!
//! A response says every text again when it is complete: what was hidden in its pieces is hidden there at the same
//! places. What says it in other words, such as sealed reasoning, is looked through for the values that were hidden.

use super::{
    Key,
    outside::{Edit, is_known, whole_of},
};
use crate::guard::channel::{Decided, Rewrite};
use aho_corasick::AhoCorasick;
use std::{cmp::Reverse, collections::BTreeMap, convert::Infallible, ops::Range};

/// Most values that are remembered, for texts that say them in other words.
const MAX_VALUES: usize = 1024;

/// Most that is remembered of texts that are said again. Units: bytes.
const MAX_KEPT_BYTES: usize = 8 << 20;

/// What was replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    pub(super) said: String,
    pub(super) with: String,
    /// It stood within a word.
    pub(super) inner: bool,
}

/// What a text has said so far, and what became of it.
#[derive(Debug, Default)]
struct Kept {
    said: String,
    /// In order and apart from each other.
    parts: Vec<(Range<usize>, String)>,
}

/// Writes what becomes of every piece.
#[derive(Debug, Default)]
pub(super) struct Replace {
    /// In the order of the pieces, those of one from left to right.
    edits: Vec<Edit>,
    /// What was replaced, and by what; with whether it stood within a word.
    values: BTreeMap<String, (String, bool)>,
    /// Finds those.
    search: Option<AhoCorasick>,
    /// There are more values than are remembered.
    crowded: bool,
    /// Texts are said again.
    repeats: bool,
    kept: BTreeMap<Key, Kept>,
    /// Bytes of those.
    bytes: usize,
    /// There was more than is remembered.
    lost: bool,
    /// Up to where a text has been said again.
    at: usize,
    next: u64,
    of: Option<Key>,
    again: bool,
}

impl Replace {
    /// For an answer that says every text again.
    pub(super) fn repeating() -> Self {
        Self {
            repeats: true,
            ..Self::default()
        }
    }

    /// Whether more was said than is remembered: what is said again from here on is left out.
    pub(super) const fn has_lost(&self) -> bool {
        self.lost
    }

    /// These edits are still to be made; and what they replace is replaced where it is said again.
    pub(super) fn add(
        &mut self,
        edits: impl IntoIterator<Item = Edit>,
        values: impl IntoIterator<Item = Value>,
    ) {
        self.edits.extend(edits);
        self.edits
            .sort_by_key(|edit| (edit.number, edit.place.start));
        for Value { said, with, inner } in values {
            // What is still there was not hidden; that nothing is within everything.
            if with.contains(&said) {
                continue;
            }
            self.search = None;
            let room = self.values.len() < MAX_VALUES;
            match self.values.get_mut(&said) {
                Some((_, known)) => *known |= inner,
                None if room => {
                    self.values.insert(said, (with, inner));
                }
                None => self.crowded = true,
            }
        }
    }

    /// Edits of one piece.
    fn piece(&mut self, said: &str, out: &mut String) {
        let number = self.next;
        self.next += 1;
        let passed = self.edits.partition_point(|edit| edit.number <= number);
        self.lost |= self.repeats && self.bytes.saturating_add(said.len()) > MAX_KEPT_BYTES;
        let of = self.of.filter(|_| self.repeats && !self.lost);
        let mut kept = of.map(|of| self.kept.entry(of).or_default());
        let from = kept.as_ref().map_or(0, |kept| kept.said.len());
        let mut at = 0;
        for edit in self.edits.drain(..passed) {
            if edit.number < number || edit.place.start < at {
                continue;
            }
            out.push_str(said.get(at..edit.place.start).unwrap_or_default());
            out.push_str(&edit.with);
            at = edit.place.end;
            if let Some(kept) = &mut kept {
                let place = from + edit.place.start..from + edit.place.end;
                kept.parts.push((place, edit.with));
            }
        }
        out.push_str(said.get(at..).unwrap_or_default());
        if let Some(kept) = kept {
            kept.said.push_str(said);
            self.bytes += said.len();
        }
    }

    /// A text that says again what others have said.
    fn repeated(&mut self, said: &str, out: &mut String) {
        if self.same(said, out).is_some() {
            return;
        }
        if self.values.is_empty() && !self.lost {
            out.push_str(said);
        } else if !self.lost && !self.crowded {
            self.values_in(said, out);
        }
    }

    /// A text, or the next part of it, in the words in which it was said. `None`: these are others.
    fn same(&mut self, said: &str, out: &mut String) -> Option<()> {
        let kept = self.kept.get(&self.of?)?;
        let (mut at, end) = (self.at, self.at.checked_add(said.len())?);
        if kept.said.get(at..end)? != said {
            return None;
        }
        let first = kept.parts.partition_point(|(place, _)| place.start < at);
        for (place, with) in kept.parts.get(first..).unwrap_or_default() {
            if place.end > end {
                break;
            }
            out.push_str(kept.said.get(at..place.start).unwrap_or_default());
            out.push_str(with);
            at = place.end;
        }
        out.push_str(kept.said.get(at..end).unwrap_or_default());
        self.at = end;
        Some(())
    }

    /// Other words, without the values: the first of those that overlap, and the longest of several.
    fn values_in(&mut self, said: &str, out: &mut String) {
        if self.search.is_none() {
            self.search = AhoCorasick::new(self.values.keys()).ok();
        }
        // Without it nothing can be told apart, and nothing is said.
        let Some(search) = &self.search else { return };
        let values: Vec<&(String, bool)> = self.values.values().collect();
        let found = search.find_overlapping_iter(said).filter_map(|found| {
            let (with, inner) = values.get(found.pattern().as_usize())?;
            // A name within a longer word is another word.
            let counts = *inner || !is_inner(said, &found.range());
            counts.then_some((found.range(), with))
        });
        let mut found: Vec<(Range<usize>, &String)> = found.collect();
        found.sort_by_key(|(place, _)| (place.start, Reverse(place.end)));
        let mut at = 0;
        for (place, with) in found {
            if place.start >= at {
                out.push_str(said.get(at..place.start).unwrap_or_default());
                out.push_str(with);
                at = place.end;
            }
        }
        out.push_str(said.get(at..).unwrap_or_default());
    }
}

/// Whether a part of a text begins or ends in the middle of a word.
pub(super) fn is_inner(text: &str, place: &Range<usize>) -> bool {
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
        self.at = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::answer::What;

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

    #[test]
    fn what_is_said_again_is_hidden_where_it_was_hidden_however_often_it_stands_there() {
        let mut replace = Replace::repeating();
        let key = Key::new(0, 0, What::Text);
        replace.of(key);
        let edit = |number: u64, place: Range<usize>| Edit {
            number,
            place,
            with: "*".into(),
        };
        replace.add([edit(0, 0..1), edit(1, 2..3)], [value("a", "*", false)]);
        let mut out = String::new();
        replace.piece("a b a", &mut out);
        replace.piece("a a", &mut out);
        assert_eq!(out, "* b aa *");
        replace.of(key);
        out.clear();
        replace.repeated("a b a", &mut out);
        replace.repeated("a a", &mut out);
        assert_eq!(out, "* b aa *");
        replace.of(key);
        out.clear();
        replace.repeated("a or b", &mut out);
        assert_eq!(out, "* or b", "other words");
        replace.lost = true;
        replace.kept.clear();
        out.clear();
        replace.repeated("a b aa a", &mut out);
        assert_eq!(out, "", "rather nothing than what was hidden");
    }

    #[test]
    fn the_more_values_there_are_the_longer_it_takes_and_no_longer() {
        let of = |count: usize| {
            let mut replace = Replace::default();
            let names: Vec<String> = (0..count).map(|n| format!("n{n}x")).collect();
            replace.add([], names.iter().map(|name| value(name, "*", false)));
            let (text, mut out) = (
                [names.join(" "), " ".into()].concat().repeat(20),
                String::new(),
            );
            let begun = std::time::Instant::now();
            replace.repeated(&text, &mut out);
            assert!(!out.contains('n') || replace.crowded);
            begun.elapsed()
        };
        let (few, many) = (of(100), of(1000));
        assert!(many < 200 * few.max(std::time::Duration::from_millis(1)));
    }
}
