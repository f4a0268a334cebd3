//! Whether a text tries to take over the model that reads it: a score with its reason.
//!
//! It is a heuristic and no proof. A text is made into words as they are meant ([`fold`]); patterns over them each say a
//! little or much ([`phrases`]); signs that stand close together add up and fade with distance, so that a long document is
//! not judged by its length. What is written in code, base64 or spaced letters, is read and judged by the same rules
//! ([`hidden`]). A text that is about such attacks and quotes one counts less.
//!
//! Everything is bounded: a text takes linear time, in windows of [`WINDOW`] bytes.

mod classes;
mod fold;
mod hidden;
mod pattern;
mod phrases;
mod weigh;
mod words;

/// The name of what it finds.
pub const KIND: &str = "PROMPT_INJECTION";

/// The score that a rule without a `threshold` acts upon. Units: hundredths.
pub const DEFAULT: u8 = 50;

/// How much of a text is judged at a time. Units: bytes.
pub const WINDOW: usize = 32 << 10;

/// How much of the end of a window is looked at again at the beginning of the next. Units: bytes.
const OVERLAP: usize = 1 << 10;

/// What a text looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Verdict {
    /// From 0, a text like any other, to 100.
    pub score: u8,
    /// Where the strongest sign begins, in bytes of the text.
    pub start: usize,
    /// Where it ends, exclusive.
    pub end: usize,
    /// What kind of sign that is; empty without any.
    pub reason: &'static str,
}

impl Verdict {
    fn max(self, other: Self) -> Self {
        if other.score > self.score {
            other
        } else {
            self
        }
    }

    fn shifted(self, by: usize) -> Self {
        Self {
            start: self.start + by,
            end: self.end + by,
            ..self
        }
    }
}

/// Makes the vocabulary, so that no request waits for it.
pub fn prepare() {
    std::sync::LazyLock::force(&words::WORDS);
}

/// Judges a text.
pub fn score(text: &str) -> Verdict {
    let mut verdict = Verdict::default();
    let mut from = 0;
    loop {
        let end = text.floor_char_boundary(from + WINDOW);
        let window = text.get(from..end).unwrap_or_default();
        verdict = verdict.max(weigh::window(window, 0).shifted(from));
        if end >= text.len() || verdict.score == 100 {
            return verdict;
        }
        from = text.floor_char_boundary(end - OVERLAP);
    }
}
