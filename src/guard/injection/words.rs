//! The vocabulary: which words mean the same, in whatever language, and finding them quickly.

use super::{
    classes::CLASSES,
    fold::{folded, is_alone},
    pattern::{Part, Pattern},
};
use std::{
    collections::{BTreeMap, HashMap},
    sync::LazyLock,
};

/// Longest word of the vocabulary. Units: bytes.
pub(super) const MAX_WORD: usize = 64;
/// How many entries one word can be: itself, and what it begins with.
const MOST: usize = 4;
/// No entry.
const NONE: u16 = u16::MAX;
/// The table of whole words has this many slots, as a power of two: about twice as many as there are words.
const SLOTS_LOG2: u32 = 12;
const SLOTS: usize = 1 << SLOTS_LOG2;

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

/// All that one word is, whole or by what it begins with.
#[derive(Debug)]
struct Known {
    text: String,
    hits: Hits,
    classes: u64,
}

/// Where a whole word may be found; nothing when the length is 0.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    head: u64,
    length: u16,
    known: u16,
}

/// The first eight bytes of a word, which are all of most words. The others are 0.
fn head(word: &[u8]) -> u64 {
    match word.first_chunk() {
        Some(first) => u64::from_le_bytes(*first),
        None => {
            let bytes = word.iter().rev();
            bytes.fold(0, |head, byte| head << 8 | u64::from(*byte))
        }
    }
}

/// The slot from which on a word is looked for.
fn slot(head: u64, length: usize) -> usize {
    let mixed = (head ^ length as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    usize::try_from(mixed >> (u64::BITS - SLOTS_LOG2)).unwrap_or_default()
}

/// The place of the first two characters of a word; none where they are no letters from a to z or digits.
fn pair(word: &str) -> Option<usize> {
    let place = |byte: u8| match byte {
        b'a'..=b'z' => Some(usize::from(byte - b'a')),
        // Hardly any word begins so: some may share a place.
        b'0'..=b'9' => Some(26 + usize::from(byte - b'0') % 6),
        _ => None,
    };
    let [one, two, ..] = word.as_bytes() else {
        return None;
    };
    Some(place(*one)? * 32 + place(*two)?)
}

/// Words and patterns, ready to be looked for.
#[derive(Debug)]
pub(super) struct Words {
    entries: Vec<Entry>,
    known: Vec<Known>,
    slots: Vec<Slot>,
    /// How long the words are that begin with two letters or digits, as bits.
    lengths: Vec<u32>,
    /// The entries that longer words may begin with, by the first byte.
    stems: Vec<Vec<u16>>,
    /// Of scripts without spaces: by the first character, the longest first.
    alone: HashMap<char, Vec<u16>>,
    pub(super) patterns: Vec<Pattern>,
}

/// The one vocabulary of this process: it depends on nothing.
pub(super) static WORDS: LazyLock<Words> = LazyLock::new(Words::new);

impl Words {
    fn new() -> Self {
        let mut words = Self {
            entries: Vec::new(),
            known: Vec::new(),
            slots: vec![Slot::default(); SLOTS],
            lengths: vec![0; 32 * 32],
            stems: vec![Vec::new(); 256],
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
            if let Some(first) = entry.text.chars().next().filter(|c| is_alone(*c)) {
                words.alone.entry(first).or_default().push(place);
            } else if entry.stem
                && let Some(first) = entry.text.bytes().next()
                && let Some(stems) = words.stems.get_mut(usize::from(first))
            {
                stems.push(place);
            }
        }
        words.know();
        for list in words.alone.values_mut() {
            let length = |entry: &u16| {
                let entry = words.entries.get(usize::from(*entry));
                entry.map_or(0, |entry| entry.text.len())
            };
            list.sort_by_key(|entry| std::cmp::Reverse(length(entry)));
        }
        words
    }

    /// Fills the table of whole words, and what is known of their lengths.
    fn know(&mut self) {
        for entry in &self.entries {
            let length = u32::try_from(entry.text.len()).unwrap_or(u32::MAX);
            let bits = match 1_u32.checked_shl(length) {
                // A longer word may begin with it.
                Some(bit) if entry.stem => !(bit - 1),
                Some(bit) => bit,
                None => continue,
            };
            let lengths = pair(&entry.text).and_then(|pair| self.lengths.get_mut(pair));
            if let Some(lengths) = lengths {
                *lengths |= bits;
            }
        }
        let mut places: BTreeMap<&str, Vec<u16>> = BTreeMap::new();
        for (place, entry) in self.entries.iter().enumerate() {
            let place = u16::try_from(place).unwrap_or(NONE);
            if !entry.stem && !entry.text.starts_with(is_alone) {
                places.entry(&entry.text).or_default().push(place);
            }
        }
        let mut known = Vec::new();
        for (text, mut own) in places {
            own.extend(self.stems_of(text));
            own.sort_unstable();
            let mut hits = Hits::default();
            own.into_iter().for_each(|place| hits.push(place));
            known.push(Known {
                text: text.to_owned(),
                hits,
                classes: self.classes(hits),
            });
        }
        for (place, word) in known.iter().enumerate() {
            let (head, length) = (head(word.text.as_bytes()), word.text.len());
            let from = slot(head, length);
            let free = (from..from + SLOTS).find_map(|at| {
                let slot = self.slots.get(at % SLOTS)?;
                (slot.length == 0).then_some(at % SLOTS)
            });
            if let Some(slot) = free.and_then(|at| self.slots.get_mut(at)) {
                *slot = Slot {
                    head,
                    length: u16::try_from(length).unwrap_or_default(),
                    known: u16::try_from(place).unwrap_or(NONE),
                };
            }
        }
        self.known = known;
    }

    /// The entries that a word begins with.
    fn stems_of(&self, word: &str) -> impl Iterator<Item = u16> {
        let first = word.bytes().next().unwrap_or_default();
        let stems = self.stems.get(usize::from(first)).into_iter().flatten();
        stems.copied().filter(move |place| {
            let entry = self.entries.get(usize::from(*place));
            entry.is_some_and(|entry| word.starts_with(&entry.text))
        })
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

    /// What a word is, and every class that it belongs to.
    pub(super) fn find(&self, word: &str) -> (Hits, u64) {
        if let Some(known) = self.whole(head(word.as_bytes()), word) {
            return (known.hits, known.classes);
        }
        let mut hits = Hits::default();
        self.stems_of(word).for_each(|place| hits.push(place));
        (hits, self.classes(hits))
    }

    /// The same for ASCII letters and digits that are not in lower case yet.
    pub(super) fn find_plain(&self, word: &str) -> (Hits, u64) {
        // Digits have the bit that makes letters small already.
        const LOWER: u64 = 0x2020_2020_2020_2020;
        let used =
            u64::BITS.saturating_sub(8 * u32::try_from(word.len()).unwrap_or(u32::MAX).min(8));
        let lower = LOWER & u64::MAX.checked_shr(used).unwrap_or_default();
        if let Some(known) = self.whole(head(word.as_bytes()) | lower, word) {
            return (known.hits, known.classes);
        }
        let first = word.bytes().next().unwrap_or_default().to_ascii_lowercase();
        let stems = self.stems.get(usize::from(first));
        if stems.is_none_or(Vec::is_empty) {
            return (Hits::default(), 0);
        }
        self.find(&word.to_ascii_lowercase())
    }

    /// How long the words can be that a text begins with, the longest first.
    pub(super) fn lengths(&self, text: &str) -> impl Iterator<Item = usize> + use<> {
        let lengths = pair(text).and_then(|pair| self.lengths.get(pair));
        let mut left = lengths.copied().unwrap_or(u32::MAX);
        std::iter::from_fn(move || {
            let longest = left.checked_ilog2()?;
            left ^= 1 << longest;
            Some(longest as usize)
        })
    }

    /// What a whole word is, in whatever case its letters behind the first eight are.
    fn whole(&self, head: u64, word: &str) -> Option<&Known> {
        let from = slot(head, word.len());
        for at in from..from + SLOTS {
            let slot = self.slots.get(at % SLOTS)?;
            if slot.length == 0 {
                return None;
            }
            if slot.head == head && usize::from(slot.length) == word.len() {
                let known = self.known.get(usize::from(slot.known))?;
                if word.len() <= 8 || known.text.eq_ignore_ascii_case(word) {
                    return Some(known);
                }
            }
        }
        None
    }

    /// The longest entry that a text of a script without spaces begins with, its classes, and its length in bytes.
    pub(super) fn find_at(&self, text: &str) -> (Hits, u64, usize) {
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
        (hits, self.classes(hits), length)
    }

    fn classes(&self, hits: Hits) -> u64 {
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
