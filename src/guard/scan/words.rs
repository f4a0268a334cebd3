//! Lists of words of a configuration: whole words, whatever their case.
//!
//! A word of a script that puts no spaces between words is found anywhere. All lists are looked for at once.

use super::look;
use crate::guard::Find;
use aho_corasick::AhoCorasick;

/// The longest word or phrase.
///
/// Units: bytes.
pub const MAX_WORD: usize = 200;
/// How many words all lists may have together.
pub(super) const MAX_WORDS: usize = 10_000;

/// Lists of words, ready to be looked for.
#[derive(Debug)]
pub(super) struct Words {
    all: AhoCorasick,
    kinds: Vec<u16>,
    /// Every word in lower case, sorted: what a text may end in the middle of.
    sorted: Vec<String>,
}

impl Words {
    /// Errors: what is wrong with the lists.
    pub(super) fn new(lists: &[(u16, &[String])]) -> Result<Self, String> {
        let (mut forms, mut kinds, mut sorted) = (Vec::new(), Vec::new(), Vec::new());
        for (kind, words) in lists {
            for word in *words {
                if word.trim().is_empty() || word.len() > MAX_WORD {
                    return Err(format!("a word must have 1 to {MAX_WORD} bytes"));
                }
                let lower = self::lower(word);
                for form in cases(word, &lower) {
                    sorted.push(self::lower(&form));
                    forms.push(form);
                    kinds.push(*kind);
                }
            }
        }
        if lists.iter().map(|(_, words)| words.len()).sum::<usize>() > MAX_WORDS {
            return Err(format!(
                "the lists have more than {MAX_WORDS} words together"
            ));
        }
        sorted.sort();
        sorted.dedup();
        let all = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .build(&forms)
            .map_err(|error| format!("the lists cannot be used: {error}"))?;
        Ok(Self { all, kinds, sorted })
    }

    /// Adds what is found from a place on; up to where that is decided.
    pub(super) fn scan(&self, text: &str, from: usize, last: bool, finds: &mut Vec<Find>) -> usize {
        let decided = if last {
            text.len()
        } else {
            self.decided(text, from)
        };
        let found = self
            .all
            .find_overlapping_iter(text.get(from..).unwrap_or_default());
        for found in found {
            let (start, end) = (found.start() + from, found.end() + from);
            let kind = self.kinds.get(found.pattern().as_usize()).copied();
            if let Some(kind) = kind
                && start < decided
                && alone(text, start, end)
            {
                finds.push(Find {
                    start,
                    end,
                    kind,
                    score: 100,
                });
            }
        }
        decided
    }

    /// The first place where a word begins that the end of the text may have cut.
    fn decided(&self, text: &str, from: usize) -> usize {
        let mut tail = text.len().saturating_sub(2 * MAX_WORD).max(from);
        while !text.is_char_boundary(tail) {
            tail += 1;
        }
        let rest = text.get(tail..).unwrap_or_default();
        let starts = rest.char_indices().map(|(at, _)| at + tail);
        for start in starts {
            if !begins(text, start) {
                continue;
            }
            let rest = lower(text.get(start..).unwrap_or_default());
            let place = self
                .sorted
                .partition_point(|word| word.as_str() < rest.as_str());
            // A word that is there whole, at the very end, may go on to be another.
            if self
                .sorted
                .get(place)
                .is_some_and(|word| word.starts_with(&rest))
            {
                return start;
            }
        }
        text.len()
    }
}

/// Lower case, each character by itself: what follows must not change what came before.
fn lower(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

/// The ways a word is written: Unicode knows more cases than the search.
fn cases(word: &str, lower: &str) -> Vec<String> {
    let mut forms = vec![lower.to_owned()];
    if !word.is_ascii() {
        let mut rest = lower.chars();
        let capital: String = rest
            .next()
            .into_iter()
            .flat_map(char::to_uppercase)
            .chain(rest)
            .collect();
        for form in [word.to_owned(), word.to_uppercase(), capital] {
            if !forms.iter().any(|known| known.eq_ignore_ascii_case(&form)) {
                forms.push(form);
            }
        }
    }
    forms
}

/// Whether a word can begin here.
fn begins(text: &str, start: usize) -> bool {
    let first = match look::unit(text, start, true) {
        look::Unit::Code(code, _) => code,
        _ => look::OTHER,
    };
    !look::is_word(first) || !look::is_word(look::before(text, start).0)
}

fn alone(text: &str, start: usize, end: usize) -> bool {
    let next = match look::unit(text, end, true) {
        look::Unit::Code(code, _) => code,
        _ => look::OTHER,
    };
    begins(text, start) && (!look::is_word(look::before(text, end).0) || !look::is_word(next))
}
