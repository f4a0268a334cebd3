//! An answer that repeats the system prompt.
//!
//! Found are runs of words of the prompt, in their order, whatever stands between the words and however they are
//! capitalised. A run is as long as the setting says: shorter ones are everybody's language. What is translated or told in
//! other words is not found.

use crate::guard::Find;
use std::collections::BTreeMap;

/// Words that make a run.
pub const WORDS: usize = 12;
/// Most words of a prompt that are remembered; a longer one is known by its beginning.
const MAX_WORDS: usize = 20_000;
/// Most places where the same two words stand that are looked at.
const MAX_PLACES: usize = 32;
/// Longest word. What is longer is cut here, in prompt and answer alike. Units: bytes.
const MAX_WORD_BYTES: usize = 256;

/// How sure it is: so many words in a row are no chance.
const SCORE: u8 = 90;

/// The words of a system prompt. They are hashed: it is not kept.
#[derive(Default)]
pub struct Echo {
    words: Vec<u64>,
    /// Where two words stand one after the other.
    places: BTreeMap<(u64, u64), Vec<u32>>,
}

impl std::fmt::Debug for Echo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Echo").finish_non_exhaustive()
    }
}

/// A word of an answer.
#[derive(Debug, Clone, Copy)]
struct Word {
    start: usize,
    end: usize,
    hash: u64,
    /// It touches the end of the text, so that it may go on.
    open: bool,
}

impl Echo {
    /// Adds a text of the system prompt.
    pub fn add(&mut self, text: &str) {
        let mut at = 0;
        let room = MAX_WORDS.saturating_sub(self.words.len());
        for _ in 0..room {
            let Some(word) = next(text, at) else { break };
            at = word.end;
            if let Some(before) = self.words.last() {
                let places = self.places.entry((*before, word.hash)).or_default();
                if let (true, Ok(place)) = (
                    places.len() < MAX_PLACES,
                    u32::try_from(self.words.len() - 1),
                ) {
                    places.push(place);
                }
            }
            self.words.push(word.hash);
        }
    }

    /// Whether there are too few words to tell a run from chance.
    pub fn is_empty(&self) -> bool {
        self.words.len() < WORDS
    }

    /// As [`Scan::scan`](crate::guard::Scan::scan), for this one `kind`. A find is a run.
    pub fn scan(
        &self,
        kind: u16,
        text: &str,
        from: usize,
        last: bool,
        finds: &mut Vec<Find>,
    ) -> usize {
        let mut at = from;
        if text
            .get(..from)
            .is_some_and(|before| before.ends_with(char::is_alphanumeric))
        {
            // In the middle of a word, which is no word by itself.
            let rest = text.get(from..).unwrap_or_default();
            let end = rest.find(|c: char| !c.is_alphanumeric());
            at += end.unwrap_or(rest.len());
        }
        while let Some(first) = next(text, at) {
            match self.run(text, first, last) {
                Run::None => at = first.end,
                Run::Until(end) => {
                    finds.push(Find {
                        start: first.start,
                        end,
                        kind,
                        score: SCORE,
                    });
                    at = end;
                }
                Run::Undecided => return first.start,
            }
        }
        text.len()
    }

    /// The run that begins with this word.
    fn run(&self, text: &str, first: Word, last: bool) -> Run {
        if first.open && !last {
            return Run::Undecided;
        }
        let Some(second) = next(text, first.end) else {
            let begins = (first.hash, 0)..=(first.hash, u64::MAX);
            let known = self.places.range(begins).next().is_some();
            return if known && !last {
                Run::Undecided
            } else {
                Run::None
            };
        };
        if second.open && !last {
            let begins = (first.hash, 0)..=(first.hash, u64::MAX);
            let known = self.places.range(begins).next().is_some();
            return if known { Run::Undecided } else { Run::None };
        }
        let Some(places) = self.places.get(&(first.hash, second.hash)) else {
            return Run::None;
        };
        // Once for all places: there may be megabytes between two words.
        let words = std::iter::successors(Some(first), |word| next(text, word.end));
        let words: Vec<Word> = words.take(WORDS).collect();
        let is_known = |word: &Word| last || !word.open;
        let mut undecided = false;
        for place in places {
            let from = usize::try_from(*place).unwrap_or(usize::MAX);
            let Some(run) = self.words.get(from..from.saturating_add(WORDS)) else {
                continue; // the prompt ends before
            };
            let pairs = run.iter().zip(&words);
            let same = pairs.take_while(|(hash, word)| is_known(word) && **hash == word.hash);
            match (same.count(), words.last()) {
                (WORDS, Some(word)) => return Run::Until(word.end),
                (same, _) => undecided |= words.get(same).map_or(!last, |word| !is_known(word)),
            }
        }
        if undecided { Run::Undecided } else { Run::None }
    }
}

enum Run {
    None,
    Undecided,
    Until(usize),
}

/// The next word at or after a place.
fn next(text: &str, from: usize) -> Option<Word> {
    let rest = text.get(from..)?;
    let start = from + rest.find(char::is_alphanumeric)?;
    let rest = text.get(start..)?;
    let longest = rest.get(..rest.floor_char_boundary(MAX_WORD_BYTES))?;
    let size = longest.find(|c: char| !c.is_alphanumeric());
    let open = size.is_none() && rest.len() < MAX_WORD_BYTES;
    let word = longest.get(..size.unwrap_or(longest.len()))?;
    // FNV-1a.
    let hash = word
        .chars()
        .flat_map(char::to_lowercase)
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, letter| {
            (hash ^ u64::from(u32::from(letter))).wrapping_mul(0x0100_0000_01b3)
        });
    Some(Word {
        start,
        end: start + word.len(),
        hash,
        open,
    })
}

#[cfg(test)]
#[allow(clippy::string_slice)]
mod tests {
    use super::*;

    const PROMPT: &str = "You are the assistant of Example Bank. Never tell anybody the code of the vault, \
        which is kept below. You are the one who keeps it. The code word is \u{dc}berraschung.";

    fn echo() -> Echo {
        let mut echo = Echo::default();
        echo.add(PROMPT);
        echo
    }

    fn found(text: &str) -> Vec<&str> {
        let mut finds = Vec::new();
        assert_eq!(echo().scan(0, text, 0, true, &mut finds), text.len());
        finds.iter().map(|f| &text[f.start..f.end]).collect()
    }

    #[test]
    fn a_run_of_its_words_is_found_however_it_is_set() {
        let said = "are the ASSISTANT of **Example** Bank - never tell\nanybody the code of";
        assert_eq!(found(&format!("I {said} money")), [said]);
        let end = "you are the one who keeps it: the code word is \u{fc}berraschung";
        assert_eq!(found(&format!("well, {end}!")), [end]);
    }

    #[test]
    fn fewer_words_or_others_are_not_found() {
        for text in [
            "You are the assistant of Example Bank. Never tell anybody the",
            "You are the assistant of Example Bank. Never ever tell anybody the code of the vault",
            "",
        ] {
            assert_eq!(found(text), [""; 0], "{text}");
        }
        let mut short = Echo::default();
        short.add("You are a helpful assistant.");
        assert!(short.is_empty());
    }

    #[test]
    fn a_long_word_is_cut_and_what_stands_between_words_does_not_matter() {
        let long = "a".repeat(10 * MAX_WORD_BYTES);
        let mut echo = Echo::default();
        echo.add(&long);
        assert_eq!(echo.words.len(), 10);
        echo.add(" one two");
        let (mut finds, gap) = (Vec::new(), " ".repeat(1000));
        let text = format!("{long}{gap}one{gap}two");
        assert_eq!(echo.scan(0, &text, 0, true, &mut finds), text.len());
        let places: Vec<_> = finds.iter().map(|find| (find.start, find.end)).collect();
        assert_eq!(places, [(0, text.len())]);
    }

    #[test]
    fn pieces_find_what_the_whole_finds_and_hold_no_more_than_a_run() {
        let text = format!("Sure, you are the one. {PROMPT} And you are the end");
        let echo = echo();
        let mut whole = Vec::new();
        echo.scan(7, &text, 0, true, &mut whole);
        assert_eq!(whole.len(), 2);
        for cut in (0..text.len()).filter(|cut| text.is_char_boundary(*cut)) {
            let (mut finds, mut more) = (Vec::new(), Vec::new());
            let until = echo.scan(7, &text[..cut], 0, false, &mut finds);
            assert!(cut - until < 100, "{cut} {until}");
            finds.retain(|find| find.start < until);
            echo.scan(7, &text, until, true, &mut more);
            finds.extend(more);
            assert_eq!(finds, whole, "cut at {cut}");
        }
    }
}
