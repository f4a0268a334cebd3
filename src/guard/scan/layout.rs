//! How a number is written: a small language of places, matched from left to right without going back.
//!
//! `d` a digit, `a` a letter, `x` either, `h` a hexadecimal digit, `w` whatever belongs to a word; `~` perhaps a space or a hyphen, `_` a space;
//! `[A-Z5]` one of these; `?` after a place makes it one that may be missing; `{8}` repeats it, `{1,6}` as often
//! as it can. Everything else stands for itself; letters in any case.

use super::look::{LETTER, Look, is_word};

/// The characters that may stand in one place, as bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Set(u128);

impl Set {
    pub(super) const ANY: Self = Self(u128::MAX);
    /// What may stand behind a number or a word that ends.
    pub(super) const AFTER: Self = Self(!Self::WORD.or(Self::of(b"@")).0);
    const WORD: Self = Self::of(b"abcdefghijklmnopqrstuvwxyz_")
        .or(Self::of(&[LETTER]))
        .or(Self::UPPER)
        .or(Self::DIGIT);
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

    pub(super) fn has(self, code: u8) -> bool {
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
                'w' => places.push(place(Set::WORD, false)),
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

    /// What may stand in each of the first places of something written this way. Behind its end stands one of
    /// `after`, and then whatever follows.
    pub(super) fn first<const N: usize>(&self, after: Set) -> [Set; N] {
        // Which places may come next, and whether the end has been there before.
        let mut next = vec![false; self.places.len() + 1];
        let mut ended = false;
        if let Some(start) = next.first_mut() {
            *start = true;
        }
        [(); N].map(|()| {
            let mut set = if ended { Set::ANY } else { Set(0) };
            let mut behind = vec![false; next.len()];
            let mut may = false;
            for (at, known) in next.iter().enumerate() {
                may |= known;
                match self.places.get(at).filter(|_| may) {
                    Some(place) => {
                        set = set.or(place.set);
                        if let Some(behind) = behind.get_mut(at + 1) {
                            *behind = true;
                        }
                        may = place.optional;
                    }
                    None if may => {
                        set = set.or(after);
                        ended = true;
                    }
                    None => {}
                }
            }
            next = behind;
            set
        })
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

/// Whether what begins here behind a comma may be a part of the number before it: three digits, and then no more than
/// a fraction.
pub(super) fn thousands(look: &mut Look<'_>) -> bool {
    let sign = look.get(3);
    if look.run(0, 4, |c| c.is_ascii_digit()) != 3 || sign == b'-' {
        return false;
    }
    let next = 4 + look.run(4, 4, |c| c.is_ascii_digit());
    let grouped = matches!(sign, b'.' | b' ') && next > 4 && look.get(next) == sign;
    !(grouped && look.get(next + 1).is_ascii_digit())
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
