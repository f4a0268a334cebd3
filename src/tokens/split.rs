//! Pre-tokenisation: a text falls into pieces, and tokens never reach over a piece's end.
//!
//! OpenAI states the pieces as regular expressions (`openai_public.py` in PyPI tiktoken 0.14,
//! read 2026-11). Matching them by hand is several times faster than an engine that must try each
//! alternative, and needs no look-around. The comments quote the alternatives.

use super::class::{Class, class_at};

/// Where the piece that begins at `at` ends.
pub(super) type Split = fn(text: &[u8], at: usize) -> usize;

/// `o200k_base` and `o200k_harmony`.
pub(super) fn o200k(text: &[u8], at: usize) -> usize {
    let (first, length) = class_at(text, at);
    let behind = at + length;
    match first {
        Class::End => at + 1,
        Class::Upper | Class::Lower | Class::Letter => word(text, at).unwrap_or(behind),
        Class::Number => number(text, behind),
        Class::Newline => space(text, at, behind, false),
        // A mark may lead a word or be one by itself.
        Class::Mark => match word_with_tail(text, behind) {
            Some(end) => end,
            None => contraction(text, behind),
        },
        // `[^\r\n\p{L}\p{N}]?` in front of a word.
        Class::Space | Class::Other => match word(text, behind) {
            Some(end) => end,
            None if first == Class::Other => symbols(text, behind, true),
            None if text.get(at) == Some(&b' ') && class_at(text, behind).0 == Class::Other => {
                symbols(text, behind, true)
            }
            None => space(text, at, behind, false),
        },
    }
}

/// `cl100k_base`.
pub(super) fn cl100k(text: &[u8], at: usize) -> usize {
    let (first, length) = class_at(text, at);
    let behind = at + length;
    match first {
        Class::End => at + 1,
        Class::Upper | Class::Lower | Class::Letter => letters(text, behind),
        Class::Number => number(text, behind),
        Class::Newline => space(text, at, behind, true),
        Class::Mark | Class::Space | Class::Other => {
            let cut = contraction(text, at);
            if cut > at {
                return cut;
            }
            match class_at(text, behind).0 {
                // `[^\r\n\p{L}\p{N}]?+\p{L}++`
                Class::Upper | Class::Lower | Class::Letter => letters(text, behind),
                Class::Other | Class::Mark if text.get(at) == Some(&b' ') => {
                    symbols(text, behind, false)
                }
                _ if first == Class::Space => space(text, at, behind, true),
                _ => symbols(text, behind, false),
            }
        }
    }
}

/// A word of `o200k_base` without what may stand in front of it; `None` when none begins here.
///
/// `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+`, and where that fails
/// `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*`, then a contraction.
fn word(text: &[u8], from: usize) -> Option<usize> {
    let run = capitals(text, from);
    let end = match run.tail {
        Some(end) => end,
        None if run.end > from => run.end,
        None => return None,
    };
    Some(contraction(text, end))
}

/// The first of the two alternatives of [`word`] alone.
fn word_with_tail(text: &[u8], from: usize) -> Option<usize> {
    capitals(text, from).tail.map(|end| contraction(text, end))
}

struct Capitals {
    /// The end of the first part of the pattern, taken as far as it goes.
    end: usize,
    /// The end of the whole word, if its second part can have at least one character.
    tail: Option<usize>,
}

fn capitals(text: &[u8], from: usize) -> Capitals {
    let mut end = from;
    // Letters without case and marks fit both parts: where no small letter follows, the first part
    // gives back up to the last of them, and the capitals behind it begin a piece of their own.
    let mut tail = None;
    loop {
        let (class, length) = class_at(text, end);
        match class {
            Class::Upper => end += length,
            Class::Letter | Class::Mark => {
                end += length;
                tail = Some(end);
            }
            Class::Lower => {
                tail = Some(small(text, end + length));
                break;
            }
            _ => break,
        }
    }
    Capitals { end, tail }
}

fn small(text: &[u8], mut end: usize) -> usize {
    while let (Class::Lower | Class::Letter | Class::Mark, length) = class_at(text, end) {
        end += length;
    }
    end
}

fn letters(text: &[u8], mut end: usize) -> usize {
    while let (Class::Upper | Class::Lower | Class::Letter, length) = class_at(text, end) {
        end += length;
    }
    end
}

/// `\p{N}{1,3}`, the first of them read.
fn number(text: &[u8], mut end: usize) -> usize {
    for _ in 0..2 {
        let (Class::Number, length) = class_at(text, end) else {
            break;
        };
        end += length;
    }
    end
}

/// ` ?[^\s\p{L}\p{N}]+[\r\n/]*`, in `cl100k_base` without the slash at the end.
fn symbols(text: &[u8], mut end: usize, slash: bool) -> usize {
    while let (Class::Other | Class::Mark, length) = class_at(text, end) {
        end += length;
    }
    while let Some(byte) = text.get(end) {
        if !(matches!(byte, b'\r' | b'\n') || slash && *byte == b'/') {
            break;
        }
        end += 1;
    }
    end
}

/// White space, the first character of it read.
///
/// `\s*[\r\n]+`, then `\s+(?!\S)`, then `\s+`: up to the last line end, else all but the last
/// character, which leads the next word. `cl100k_base` tries `\s++$` first: at the end of the text
/// it takes all.
fn space(text: &[u8], from: usize, behind: usize, all_at_end: bool) -> usize {
    let mut end = behind;
    let mut last = from;
    let mut newline =
        (text.get(from).is_some_and(|b| matches!(b, b'\r' | b'\n'))).then_some(behind);
    loop {
        let (class, length) = class_at(text, end);
        match class {
            Class::Space => {}
            Class::Newline => newline = Some(end + length),
            Class::End if all_at_end => return end,
            Class::End => return newline.unwrap_or(end),
            _ => break,
        }
        last = end;
        end += length;
    }
    match newline {
        Some(end) => end,
        None if last > from => last,
        None => end,
    }
}

/// `(?i:'s|'t|'re|'ve|'m|'ll|'d)?`: the end with it, or `at` where none stands. Without case, the
/// long s (U+017F) is an s as well.
fn contraction(text: &[u8], at: usize) -> usize {
    let Some([b'\'', rest @ ..]) = text.get(at..) else {
        return at;
    };
    match rest {
        [b's' | b'S' | b't' | b'T' | b'm' | b'M' | b'd' | b'D', ..] => at + 2,
        [b'r' | b'R' | b'v' | b'V', b'e' | b'E', ..] => at + 3,
        [b'l' | b'L', b'l' | b'L', ..] => at + 3,
        [0xc5, 0xbf, ..] => at + 3,
        _ => at,
    }
}
