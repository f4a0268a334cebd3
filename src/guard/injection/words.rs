//! The vocabulary: which words mean the same, in whatever language, and finding them quickly.

use super::{
    classes::CLASSES,
    fold::{folded, is_alone},
    pattern::{Part, Pattern},
};
use std::{collections::HashMap, sync::LazyLock};

/// Longest word of the vocabulary. Units: bytes.
pub(super) const MAX_WORD: usize = 64;
/// How many entries one word can be: itself, and what it begins with.
const MOST: usize = 4;
/// No entry.
const NONE: u16 = u16::MAX;
/// Slots that entries are found by; a power of two.
const SLOTS: usize = 4096;

/// The entries of the vocabulary that a word is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hits([u16; MOST]);

impl Default for Hits {
    fn default() -> Self {
        Self([NONE; MOST])
    }
}

impl Hits {
    pub(super) fn iter(&self) -> impl Iterator<Item = u16> {
        self.0.into_iter().take_while(|entry| *entry != NONE)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    pub(super) fn has(&self, entry: u16) -> bool {
        self.iter().any(|own| own == entry)
    }

    fn push(&mut self, entry: u16) {
        if let Some(free) = self.0.iter_mut().find(|own| **own == NONE) {
            *free = entry;
        }
    }
}

#[derive(Debug)]
struct Entry {
    text: String,
    /// Longer words that begin with it are meant too.
    stem: bool,
    classes: u64,
    /// The patterns that begin with it.
    begins: Vec<u16>,
}

/// Words and patterns, ready to be looked for.
#[derive(Debug)]
pub(super) struct Words {
    entries: Vec<Entry>,
    slots: Vec<Vec<u16>>,
    /// Of scripts without spaces: by the first character, the longest first.
    alone: HashMap<char, Vec<u16>>,
    pub(super) patterns: Vec<Pattern>,
}

/// The one vocabulary of this process: it depends on nothing.
pub(super) static WORDS: LazyLock<Words> = LazyLock::new(Words::new);

/// Where an entry is found: its first three bytes say that.
fn slot(text: &str) -> usize {
    let mut bytes = text.bytes();
    let mut next = || usize::from(bytes.next().unwrap_or_default());
    let (a, b, c) = (next(), next(), next());
    (a.wrapping_mul(961) ^ b.wrapping_mul(37) ^ c.wrapping_mul(5)) & (SLOTS - 1)
}

impl Words {
    fn new() -> Self {
        let mut words = Self {
            entries: Vec::new(),
            slots: vec![Vec::new(); SLOTS],
            alone: HashMap::new(),
            patterns: Vec::new(),
        };
        let mut known = HashMap::new();
        for (place, (_, list)) in CLASSES.iter().enumerate() {
            let bit = u32::try_from(place)
                .ok()
                .and_then(|place| 1_u64.checked_shl(place));
            for word in list.split_whitespace() {
                let entry = words.entry(&mut known, word);
                if let Some(entry) = words.entries.get_mut(usize::from(entry)) {
                    entry.classes |= bit.unwrap_or_default();
                }
            }
        }
        let patterns = Pattern::all(&mut |word| words.entry(&mut known, word));
        for (place, pattern) in patterns.iter().enumerate() {
            let place = u16::try_from(place).unwrap_or(NONE);
            match pattern.first() {
                Some(Part::Class(class)) => {
                    for entry in &mut words.entries {
                        if entry.classes & class != 0 {
                            entry.begins.push(place);
                        }
                    }
                }
                Some(Part::Words(list)) => {
                    for entry in list {
                        if let Some(entry) = words.entries.get_mut(usize::from(*entry)) {
                            entry.begins.push(place);
                        }
                    }
                }
                Some(Part::Gap(_) | Part::Filled(_)) | None => {}
            }
        }
        words.patterns = patterns;
        for (place, entry) in words.entries.iter().enumerate() {
            let place = u16::try_from(place).unwrap_or(NONE);
            match entry.text.chars().next().filter(|c| is_alone(*c)) {
                Some(first) => words.alone.entry(first).or_default().push(place),
                None => {
                    if let Some(slot) = words.slots.get_mut(slot(&entry.text)) {
                        slot.push(place);
                    }
                }
            }
        }
        for list in words.alone.values_mut() {
            let length = |entry: &u16| {
                let entry = words.entries.get(usize::from(*entry));
                entry.map_or(0, |entry| entry.text.len())
            };
            list.sort_by_key(|entry| std::cmp::Reverse(length(entry)));
        }
        words
    }

    /// The entry of a word, written as in the lists.
    fn entry(&mut self, known: &mut HashMap<String, u16>, word: &str) -> u16 {
        if let Some(entry) = known.get(word) {
            return *entry;
        }
        let place = u16::try_from(self.entries.len()).unwrap_or(NONE);
        self.entries.push(Entry {
            text: folded(word.trim_end_matches('*')),
            stem: word.ends_with('*'),
            classes: 0,
            begins: Vec::new(),
        });
        known.insert(word.to_owned(), place);
        place
    }

    /// What a word is.
    pub(super) fn find(&self, word: &str) -> Hits {
        let mut hits = Hits::default();
        for place in self.slots.get(slot(word)).into_iter().flatten() {
            let Some(entry) = self.entries.get(usize::from(*place)) else {
                continue;
            };
            if word == entry.text || (entry.stem && word.starts_with(&entry.text)) {
                hits.push(*place);
            }
        }
        hits
    }

    /// The longest entry that a text of a script without spaces begins with, and its length in bytes.
    pub(super) fn find_at(&self, text: &str) -> (Hits, usize) {
        let mut hits = Hits::default();
        let mut length = 0;
        let first = text.chars().next();
        for place in first.and_then(|c| self.alone.get(&c)).into_iter().flatten() {
            let Some(entry) = self.entries.get(usize::from(*place)) else {
                continue;
            };
            if (length == 0 || entry.text.len() == length) && text.starts_with(&entry.text) {
                length = entry.text.len();
                hits.push(*place);
            }
        }
        (hits, length)
    }

    /// Every class that a word belongs to.
    pub(super) fn classes(&self, hits: Hits) -> u64 {
        let entries = hits
            .iter()
            .filter_map(|entry| self.entries.get(usize::from(entry)));
        entries.fold(0, |classes, entry| classes | entry.classes)
    }

    /// The patterns that may begin with a word.
    pub(super) fn begins(&self, hits: Hits) -> impl Iterator<Item = u16> {
        let own = hits.0.into_iter().take_while(|entry| *entry != NONE);
        let entries = own.filter_map(|entry| self.entries.get(usize::from(entry)));
        entries.flat_map(|entry| entry.begins.iter().copied())
    }
}

/// The bit of a class; none for a name that is not in the list, which a test keeps from happening.
pub(super) fn class(name: &str) -> u64 {
    let place = CLASSES.iter().position(|(known, _)| *known == name);
    let place = place.and_then(|place| u32::try_from(place).ok());
    place
        .and_then(|place| 1_u64.checked_shl(place))
        .unwrap_or_default()
}
