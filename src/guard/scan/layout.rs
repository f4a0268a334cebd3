//! How a number is written: a small language of places, matched from left to right without going back.
//!
//! `d` a digit, `a` a letter, `x` either, `h` a hexadecimal digit; `~` perhaps a space or a hyphen, `_` a space;
//! `[A-Z5]` one of these; `?` after a place makes it one that may be missing; `{8}` repeats it, `{1,6}` as often
//! as it can. Everything else stands for itself; letters in any case.

use super::look::{LETTER, Look, is_word};

/// The characters that may stand in one place, as bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Set(u128);

impl Set {
    const DIGIT: Self = Self::of(b"0123456789");
    const UPPER: Self = Self::of(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ");

    const fn of(bytes: &[u8]) -> Self {
        let (mut bits, mut rest) = (0, bytes);
        while let [first, tail @ ..] = rest {
            bits |= 1 << (*first & 127);
            rest = tail;
        }
        Self(bits)
    }

    const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Letters match in both cases.
    fn folded(self) -> Self {
        let lower = Self::of(b"abcdefghijklmnopqrstuvwxyz");
        Self(self.0 | ((self.0 & Self::UPPER.0) << 32) | ((self.0 & lower.0) >> 32))
    }

    fn has(self, code: u8) -> bool {
        code < 128 && self.0 & (1 << code) != 0
    }
}

#[derive(Debug, Clone, Copy)]
struct Place {
    set: Set,
    optional: bool,
}

/// A way to write something, ready to be matched.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    places: Vec<Place>,
}

impl Layout {
    /// Layouts are written in this crate; one that is not well formed matches less, and a test reads them all.
    pub(super) fn new(source: &str) -> Self {
        let mut places: Vec<Place> = Vec::new();
        let mut rest = source.chars();
        while let Some(character) = rest.next() {
            let place = |set: Set, optional| Place { set, optional };
            match character {
                'd' => places.push(place(Set::DIGIT, false)),
                'a' => places.push(place(Set::UPPER.folded(), false)),
                'x' => places.push(place(Set::UPPER.or(Set::DIGIT).folded(), false)),
                'h' => places.push(place(Set::of(b"0123456789ABCDEF").folded(), false)),
                '~' => places.push(place(Set::of(b" -"), true)),
                '_' => places.push(place(Set::of(b" "), false)),
                '?' => {
                    if let Some(before) = places.last_mut() {
                        before.optional = true;
                    }
                }
                '{' => {
                    let counts: String = rest.by_ref().take_while(|c| *c != '}').collect();
                    let (least, most) = counts.split_once(',').unwrap_or((&counts, &counts));
                    let (least, most) = (least.parse().unwrap_or(1), most.parse().unwrap_or(1));
                    let Some(before) = places.pop() else { continue };
                    for index in 0..most {
                        places.push(place(before.set, index >= least));
                    }
                }
                '[' => {
                    let inside: Vec<char> = rest.by_ref().take_while(|c| *c != ']').collect();
                    places.push(place(class(&inside).folded(), false));
                }
                other => {
                    let byte = u8::try_from(other).unwrap_or(LETTER);
                    places.push(place(Set::of(&[byte]).folded(), false));
                }
            }
        }
        Self { places }
    }

    /// Where what is written this way ends; none when it is written otherwise.
    pub(super) fn take(&self, look: &mut Look<'_>) -> Option<usize> {
        let mut at = 0;
        for place in &self.places {
            if place.set.has(look.get(at)) {
                at += 1;
            } else if !place.optional {
                return None;
            }
        }
        Some(at)
    }

    /// Whether something written this way may begin with this sign.
    pub(super) fn begins_with(&self, sign: u8) -> bool {
        self.places.first().is_some_and(|place| place.set.has(sign))
    }

    /// Whether something written this way may begin with so many letters or digits, and then one of what
    /// [`follows`] tells apart; with [`MAX_RUN`](super::MAX_RUN) of them, anything may follow.
    pub(super) fn may_begin(&self, digits: bool, run: usize, next: usize) -> bool {
        let own = if digits {
            Set::DIGIT
        } else {
            Set::UPPER.folded().or(Set::of(&[LETTER]))
        };
        let next = match next {
            0 => Set::DIGIT,
            1 => Set::UPPER.folded().or(Set::of(&[LETTER])),
            2 => Set::of(b" "),
            3 => Set::of(b"-"),
            4 => Set::of(b"."),
            5 => Set::of(b"/"),
            6 => Set::of(b":"),
            _ => Set(!(Set::DIGIT.0 | Set::UPPER.folded().0 | Set::of(b" -./:").0)),
        };
        let mut left = run;
        for place in &self.places {
            if left == 0 {
                if run == super::MAX_RUN || place.set.0 & next.0 != 0 {
                    return true;
                }
                if !place.optional {
                    return false;
                }
            } else if place.set.0 & own.0 != 0 {
                left -= 1;
            } else if !place.optional {
                return false;
            }
        }
        left == 0
    }
}

/// How many ways [`follows`] tells apart.
pub(super) const FOLLOWS: usize = 8;

/// What follows the first letters or digits.
pub(super) fn follows(code: u8) -> usize {
    match code {
        b'0'..=b'9' => 0,
        b'A'..=b'Z' | b'a'..=b'z' | LETTER => 1,
        b' ' => 2,
        b'-' => 3,
        b'.' => 4,
        b'/' => 5,
        b':' => 6,
        _ => 7,
    }
}

fn class(inside: &[char]) -> Set {
    let mut bits = Set(0);
    let mut rest = inside;
    while let [first, tail @ ..] = rest {
        let code = |c: &char| u8::try_from(*c).unwrap_or(LETTER) & 127;
        if let ['-', last, after @ ..] = tail {
            for byte in code(first)..=code(last) {
                bits = bits.or(Set::of(&[byte]));
            }
            rest = after;
        } else {
            bits = bits.or(Set::of(&[code(first)]));
            rest = tail;
        }
    }
    bits
}

/// Whether something that reaches up to here ends here: no word and no number goes on.
pub(super) fn ends(look: &mut Look<'_>, at: usize) -> bool {
    let next = look.get(at);
    if is_word(next) || next == b'@' {
        return false;
    }
    match next {
        b'-' => !look.get(at + 1).is_ascii_alphanumeric(),
        b'.' | b'/' => !look.get(at + 1).is_ascii_digit(),
        _ => true,
    }
}
