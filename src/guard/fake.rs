//! A scanner for tests: it finds words.

use super::{Find, Scan};

/// Kinds, each a word that is found wherever it stands.
pub(crate) struct Words {
    kinds: Vec<String>,
    words: Vec<String>,
}

impl Words {
    pub(crate) fn new(words: &[(&str, &str)]) -> Self {
        Self {
            kinds: words.iter().map(|(kind, _)| (*kind).to_owned()).collect(),
            words: words.iter().map(|(_, word)| (*word).to_owned()).collect(),
        }
    }
}

impl Scan for Words {
    fn kinds(&self) -> &[String] {
        &self.kinds
    }

    fn scan(&self, text: &str, from: usize, last: bool, finds: &mut Vec<Find>) -> usize {
        for (at, _) in text.char_indices().filter(|(at, _)| *at >= from) {
            let rest = &text[at..];
            let pending = |word: &String| rest.len() < word.len() && word.starts_with(rest);
            if !last && self.words.iter().any(pending) {
                return at;
            }
            for (kind, word) in self.words.iter().enumerate() {
                if rest.starts_with(word.as_str()) {
                    finds.push(Find {
                        start: at,
                        end: at + word.len(),
                        kind: u16::try_from(kind).unwrap(),
                        score: 85,
                    });
                }
            }
        }
        text.len()
    }
}
