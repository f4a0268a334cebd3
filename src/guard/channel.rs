//! One text that comes in pieces: what is decided goes on, what is not waits, and nothing else does.
//!
//! The pieces of a text, guarded one after the other, make the same text as the whole guarded at once: that
//! is what [`Scan`](super::Scan) promises, and [`Rewrite`] hands on. Only what may still become part of a match is
//! held, after [`LOOK_BEHIND`] bytes that are decided and only looked at.

use super::{LOOK_BEHIND, answer::Key};

/// Most bytes that wait for a decision. A candidate that grows beyond is decided as if the text ended there:
/// no built-in kind is longer.
pub const MAX_HELD_BYTES: usize = 64 << 10;

/// From this many held bytes on, a candidate is looked at again only once it has grown by a sixteenth: a
/// long key in many small pieces costs no more than a few passes over it.
const PATIENT_FROM: usize = 4 << 10;
const PATIENCE: usize = 16;

/// Changes a text as the rules say.
pub trait Rewrite {
    /// Why a text goes no further.
    type Stop;

    /// Adds to `out` what becomes of the text from `from.until` on, as far as that is decided: the answer is up to where,
    /// at least that, at a character's border; with `last` it is the text's length. What stands before is only
    /// looked at, [`LOOK_BEHIND`] bytes before `from.scanned`.
    ///
    /// Errors: a rule stops the text.
    fn rewrite(
        &mut self,
        text: &str,
        from: Decided,
        last: bool,
        out: &mut String,
    ) -> Result<Decided, Self::Stop>;

    /// Whether the reader of the edited text must not learn what the text was: something is masked, or may be stopped.
    fn hides(&self) -> bool {
        true
    }

    /// From here on texts are, or are no longer, such as have been edited before and are said again: nothing that
    /// is found in them is counted twice.
    fn again(&mut self, _again: bool) {}

    /// Which text of an answer the next ones belong to.
    fn of(&mut self, _text: Key) {}

    /// What stands between two texts that belong to one, and is none: the signs between the values of a document.
    fn beside(&mut self, _between: &str) {}
}

/// Up to where a text is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Decided {
    /// For everybody.
    pub until: usize,
    /// For the scanner, which can begin again nowhere else.
    pub scanned: usize,
}

/// What a piece has moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moved {
    /// Bytes of the text, as it came, that are decided now and were not before.
    pub decided: usize,
    /// They have become something else.
    pub changed: bool,
}

/// A text so far.
#[derive(Default)]
pub struct Channel {
    /// What is decided, as far as it is still looked at, and what is not.
    text: String,
    /// Where the undecided begins.
    from: usize,
    /// Where the scanner begins again, and where it may as soon as all before is decided.
    scanned: usize,
    next: usize,
    /// How long `text` was when it was last looked at.
    looked: usize,
}

impl std::fmt::Debug for Channel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Channel")
            .field("held", &self.held())
            .finish_non_exhaustive()
    }
}

impl Channel {
    /// Bytes that wait for a decision.
    pub fn held(&self) -> usize {
        self.text.len().saturating_sub(self.from)
    }

    /// Takes in the next piece, and adds what may go on to `out`. With `last` the text is complete, and all of it goes.
    ///
    /// Errors: a rule stops the text; what was added to `out` may not go on.
    pub fn push<E: Rewrite + ?Sized>(
        &mut self,
        piece: &str,
        last: bool,
        rewrite: &mut E,
        out: &mut String,
    ) -> Result<Moved, E::Stop> {
        self.text.push_str(piece);
        let new = self.text.len().saturating_sub(self.looked);
        let waits = self.held() > PATIENT_FROM && new < self.held() / PATIENCE;
        if self.held() == 0 || (waits && !last) {
            return Ok(Moved {
                decided: 0,
                changed: false,
            });
        }
        let (before, begun) = (self.from, out.len());
        let from = |until, scanned| Decided { until, scanned };
        let mut decided = rewrite.rewrite(&self.text, from(before, self.scanned), last, out)?;
        let most = self.text.len().saturating_sub(MAX_HELD_BYTES);
        if !last && (decided.until < most || self.scanned.saturating_add(MAX_HELD_BYTES) < most) {
            let from = from(decided.until, self.scanned);
            decided = rewrite.rewrite(&self.text, from, true, out)?;
        }
        self.looked = self.text.len();
        let border = |place| self.text.floor_char_boundary(place);
        self.from = border(decided.until).clamp(before, self.text.len());
        let scanned = border(decided.scanned);
        if self.next <= self.from {
            self.scanned = self.scanned.max(self.next);
            self.next = self.next.max(scanned);
        }
        if self.next <= self.from {
            self.scanned = self.scanned.max(self.next);
        }
        let moved = Moved {
            decided: self.from - before,
            changed: self.text.get(before..self.from) != out.get(begun..),
        };
        self.forget();
        Ok(moved)
    }

    /// Adds what belongs to no text of its own but tells what a text means: the name of a field. To be called while nothing
    /// is held.
    pub fn beside(&mut self, text: &str) {
        self.text.push_str(text);
        self.from = self.text.len();
        (self.looked, self.scanned, self.next) = (self.from, self.from, self.from);
        self.forget();
    }

    /// Lets go of what nothing looks back at any more; not for each piece, since what stays is moved.
    fn forget(&mut self) {
        let gone = self.from.min(self.scanned).saturating_sub(LOOK_BEHIND);
        if gone >= LOOK_BEHIND {
            let gone = self.text.floor_char_boundary(gone);
            self.text.drain(..gone);
            for place in [
                &mut self.from,
                &mut self.looked,
                &mut self.scanned,
                &mut self.next,
            ] {
                *place = place.saturating_sub(gone);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::fake_keys::{Masks, TEXTS, edited};

    #[test]
    fn a_text_in_pieces_becomes_what_the_whole_becomes_at_every_cut() {
        for text in TEXTS {
            let whole = edited(text);
            for cut in 0..=text.len() {
                let Some((a, b)) = text.split_at_checked(cut) else {
                    continue;
                };
                let (mut channel, mut got) = (Channel::default(), String::new());
                for (piece, last) in [(a, false), (b, true)] {
                    channel.push(piece, last, &mut Masks, &mut got).unwrap();
                }
                assert_eq!(got, whole, "cut at {cut} of {text:?}");
            }
            let (mut channel, mut got) = (Channel::default(), String::new());
            for letter in text.chars() {
                let piece = letter.to_string();
                channel.push(&piece, false, &mut Masks, &mut got).unwrap();
            }
            channel.push("", true, &mut Masks, &mut got).unwrap();
            assert_eq!(got, whole, "letter by letter: {text:?}");
        }
    }

    #[test]
    fn what_cannot_become_a_match_goes_at_once_and_the_rest_when_it_is_decided() {
        let (mut channel, mut out) = (Channel::default(), String::new());
        let mut push = |piece: &str, last| {
            out.clear();
            let moved = channel.push(piece, last, &mut Masks, &mut out).unwrap();
            (out.clone(), moved.decided, moved.changed)
        };
        assert_eq!(
            push("Hello, I am ", false),
            ("Hello, I am ".into(), 12, false)
        );
        assert_eq!(push("s", false), (String::new(), 0, false));
        assert_eq!(push("3cret", false), (String::new(), 0, false));
        assert_eq!(push("7 ok", false), ("[KEY] ok".into(), 10, true));
        assert_eq!(push("s3", false), (String::new(), 0, false));
        assert_eq!(push("", true), ("s3".into(), 2, false));
    }

    #[test]
    fn what_is_held_and_what_is_kept_have_an_end() {
        let (mut channel, mut out) = (Channel::default(), String::new());
        let piece = format!("s3cret{}", "7".repeat(1000));
        channel.push(&piece, false, &mut Masks, &mut out).unwrap();
        for _ in 0..1000 {
            let digits = "7".repeat(100);
            channel.push(&digits, false, &mut Masks, &mut out).unwrap();
            assert!(channel.text.len() <= MAX_HELD_BYTES + MAX_HELD_BYTES / PATIENCE + 1024);
        }
        assert!(out.starts_with("[KEY]"), "{out:.20}");
        let (mut channel, mut out) = (Channel::default(), String::new());
        for _ in 0..1000 {
            channel.push("a ", false, &mut Masks, &mut out).unwrap();
        }
        assert!(
            channel.text.len() <= 2 * LOOK_BEHIND + 4,
            "{}",
            channel.text.len()
        );
        assert_eq!(out.len(), 2000);
    }
}
