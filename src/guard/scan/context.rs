//! Words that say what a number is: `SSN: 078-05-1123`.
//!
//! Only what stands before a number is looked at, in a bounded stretch, so that a text that comes in pieces is
//! judged as the whole is. All words of all entities are looked for at once, and only where something was found.

use super::look;
use crate::guard::LOOK_BEHIND;
use aho_corasick::AhoCorasick;

/// How far back a word may stand.
const WINDOW: usize = 128;
const _: () = assert!(WINDOW + 8 < LOOK_BEHIND);
/// How many words after it may stand between it and what it gives a meaning to.
const MAX_WORDS: usize = 8;
/// Words up to this length must stand alone; longer ones may be the beginning of a word, as languages that
/// compose words want it.
const ALONE: usize = 4;

/// Entities, as bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Bits([u64; 4]);

impl Bits {
    /// How many there can be.
    pub(super) const MOST: usize = 256;

    pub(super) fn set(&mut self, index: usize) {
        if let Some(word) = self.0.get_mut(index / 64) {
            *word |= 1 << (index % 64);
        }
    }

    pub(super) fn has(self, index: usize) -> bool {
        self.0
            .get(index / 64)
            .is_some_and(|word| word & (1 << (index % 64)) != 0)
    }

    fn add(&mut self, other: Self) {
        for (mine, its) in self.0.iter_mut().zip(other.0) {
            *mine |= its;
        }
    }
}

/// The words of every entity, ready to be looked for.
#[derive(Debug)]
pub(super) struct Context {
    /// None only if it could not be built, which takes more words than there are.
    all: Option<AhoCorasick>,
    /// Which entities a word belongs to, and how long it is.
    owners: Vec<Bits>,
}

impl Context {
    /// Takes for each entity its words, in lower case.
    pub(super) fn new(words: &[(usize, &[&'static str])]) -> Self {
        let mut list: Vec<(&str, Bits)> = Vec::new();
        for (index, words) in words {
            for word in *words {
                match list.iter_mut().find(|known| known.0 == *word) {
                    Some(known) => known.1.set(*index),
                    None => {
                        let mut bits = Bits::default();
                        bits.set(*index);
                        list.push((word, bits));
                    }
                }
            }
        }
        let all = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .build(list.iter().map(|(word, _)| *word))
            .ok();
        Self {
            all,
            owners: list.into_iter().map(|(_, bits)| bits).collect(),
        }
    }

    /// The entities that the words before this place speak of.
    pub(super) fn at(&self, text: &str, place: usize) -> Bits {
        let mut from = place.saturating_sub(WINDOW);
        while !text.is_char_boundary(from) {
            from += 1;
        }
        let window = text.get(from..place).unwrap_or_default();
        let window = nearest(window);
        let mut bits = Bits::default();
        let Some(all) = &self.all else {
            return bits;
        };
        for found in all.find_overlapping_iter(window) {
            let (start, end) = (found.start(), found.end());
            if alone(window, start, end)
                && let Some(owners) = self.owners.get(found.pattern().as_usize())
            {
                bits.add(*owners);
            }
        }
        bits
    }
}

/// The last words of a text.
fn nearest(window: &str) -> &str {
    let mut words = 0;
    let mut inside = false;
    for (index, character) in window.char_indices().rev() {
        let word = character.is_alphanumeric();
        if inside && !word {
            words += 1;
            if words >= MAX_WORDS {
                return window.get(index..).unwrap_or_default();
            }
        }
        inside = word;
    }
    window
}

/// Whether what was found is a word, or begins a long one.
fn alone(window: &str, start: usize, end: usize) -> bool {
    let word = |code: u8| look::is_word(code) && code != b'_';
    let next = window.get(end..).and_then(|rest| rest.chars().next());
    let goes_on = next.is_some_and(char::is_alphanumeric)
        && matches!(look::unit(window, end, true), look::Unit::Code(code, _) if word(code));
    !(word(look::before(window, start).0) && starts_ascii(window, start))
        && (!goes_on || end - start > ALONE)
}

/// A word of a script without spaces may stand anywhere.
fn starts_ascii(window: &str, start: usize) -> bool {
    window
        .get(start..)
        .and_then(|rest| rest.chars().next())
        .is_some_and(|c| u32::from(c) < 0xe00)
}
