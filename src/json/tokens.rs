//! A JSON text as a row of tokens with their places, for who must see every string of a body.

use super::{plain::plain, quoted::unescaped};
use std::{borrow::Cow, ops::Range};

/// What stands at a place. Places of strings are between their quotes. Units: bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Token {
    /// An object or a list begins.
    Open,
    /// It ends.
    Close,
    /// The key of a field.
    Key(Range<usize>),
    /// A string.
    Text(Range<usize>),
    /// A number.
    Number(Range<usize>),
    /// `true`, `false` or `null`.
    Word,
}

/// Shows each token of a valid JSON text; of another, some.
///
/// Shape: false when it breaks off, or `take` says that it is enough.
pub fn tokens(text: &str, mut take: impl FnMut(Token) -> bool) -> bool {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let token = match byte {
            b' ' | b'\t' | b'\n' | b'\r' | b',' | b':' => {
                at += 1;
                continue;
            }
            b'{' | b'[' => {
                at += 1;
                Token::Open
            }
            b'}' | b']' => {
                at += 1;
                Token::Close
            }
            b'"' => {
                let Some(size) = string(bytes.get(at + 1..).unwrap_or_default()) else {
                    return false;
                };
                let place = at + 1..at + 1 + size;
                at = place.end + 1;
                let after = bytes.get(at..).unwrap_or_default();
                let next = after.iter().find(|b| !b.is_ascii_whitespace());
                match next {
                    Some(b':') => Token::Key(place),
                    _ => Token::Text(place),
                }
            }
            b'-' | b'0'..=b'9' => {
                let number = |b: &u8| matches!(b, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
                let rest = bytes.get(at..).unwrap_or_default();
                let size = rest.iter().position(|b| !number(b)).unwrap_or(rest.len());
                at += size;
                Token::Number(at - size..at)
            }
            b'a'..=b'z' => {
                let rest = bytes.get(at..).unwrap_or_default();
                let end = rest.iter().position(|b| !b.is_ascii_lowercase());
                at += end.unwrap_or(rest.len());
                Token::Word
            }
            _ => return false,
        };
        if !take(token) {
            return false;
        }
    }
    true
}

/// How many bytes there are before the quote that ends a string.
fn string(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += plain(bytes.get(at..)?);
        match bytes.get(at)? {
            b'"' => return Some(at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// The text that is meant by what stands between the quotes of a string.
pub fn meant(inner: &str) -> Cow<'_, str> {
    if !inner.contains('\\') {
        return Cow::Borrowed(inner);
    }
    let mut out = String::with_capacity(inner.len());
    let mut rest = inner;
    while !rest.is_empty() {
        let (before, after) = rest
            .split_at_checked(plain(rest.as_bytes()))
            .unwrap_or((rest, ""));
        out.push_str(before);
        rest = after;
        if !rest.is_empty() {
            let (letter, after) = unescaped(rest);
            out.push(letter);
            rest = after;
        }
    }
    Cow::Owned(out)
}

/// Where places of [`meant`] stand in what it was made from; they are asked for in order.
#[derive(Debug)]
pub struct Places<'a> {
    rest: &'a str,
    /// Bytes of `rest` before its first escape.
    plain: usize,
    /// Bytes before `rest`, as written and as meant.
    written: usize,
    meant: usize,
}

impl<'a> Places<'a> {
    /// The places of a string, from what stands between its quotes.
    pub fn of(inner: &'a str) -> Self {
        Self {
            rest: inner,
            plain: inner.find('\\').unwrap_or(inner.len()),
            written: 0,
            meant: 0,
        }
    }

    /// Where the letter stands that begins at this byte of the meaning. Before the last answer: there.
    pub fn at(&mut self, meant: usize) -> usize {
        while self.meant < meant && !self.rest.is_empty() {
            let step = self.plain.min(meant - self.meant);
            if step > 0 {
                self.pass(step, step);
                self.plain -= step;
                continue;
            }
            let (letter, after) = unescaped(self.rest);
            self.pass(self.rest.len() - after.len(), letter.len_utf8());
            self.plain = self.rest.find('\\').unwrap_or(self.rest.len());
        }
        self.written
    }

    fn pass(&mut self, written: usize, meant: usize) {
        self.rest = self.rest.get(written..).unwrap_or_default();
        self.written += written;
        self.meant += meant;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<String> {
        let mut out = Vec::new();
        let whole = tokens(text, |token| {
            out.push(match token {
                Token::Open => "open".into(),
                Token::Close => "close".into(),
                Token::Key(place) => format!("key {}", text.get(place).unwrap()),
                Token::Text(place) => format!("text {}", text.get(place).unwrap()),
                Token::Number(place) => format!("number {}", text.get(place).unwrap()),
                Token::Word => "word".into(),
            });
            true
        });
        assert!(whole, "{text}");
        out
    }

    #[test]
    fn tokens_come_in_order_with_their_places() {
        assert_eq!(
            shown(r#" {"a" : ["x\"y", -1.5e3,true ], "":{}, "b":"é\\"} "#),
            [
                "open",
                "key a",
                "open",
                r#"text x\"y"#,
                "number -1.5e3",
                "word",
                "close",
                "key ",
                "open",
                "close",
                "key b",
                r"text é\\",
                "close"
            ]
        );
        assert_eq!(shown("\"a\""), ["text a"]);
        for broken in ["\"a", "{\"a\\", "#", "\"\\"] {
            assert!(!tokens(broken, |_| true), "{broken}");
        }
    }

    #[test]
    fn places_of_the_meaning_are_places_of_what_is_written() {
        let written = r#"a\n\u00e9\ud83d\ude00b\"é\ud800c"#;
        let meaning = meant(written);
        assert_eq!(meaning, "a\né😀b\"é\u{fffd}c");
        let mut places = Places::of(written);
        let at: Vec<_> = meaning
            .char_indices()
            .map(|(at, _)| places.at(at))
            .collect();
        assert_eq!(at, [0, 1, 3, 9, 21, 22, 24, 26, 32]);
        assert_eq!(places.at(meaning.len()), written.len());
    }
}
