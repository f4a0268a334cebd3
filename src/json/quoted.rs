//! A string of a body, kept as it stands: quotes, escapes and all.

use super::tokens::meant;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// A JSON string that is only looked at, and written again byte for byte.
///
/// Prompts are long and nobody here needs their meaning: taking the escapes out and putting them
/// back would be most of the work of a translation.
#[derive(Debug, Clone, Copy)]
pub struct Quoted<'a>(&'a RawValue);

impl<'a> Quoted<'a> {
    /// The value, when it is a string.
    pub fn of(raw: &'a RawValue) -> Option<Self> {
        raw.get().starts_with('"').then_some(Self(raw))
    }

    /// What stands between the quotes, escapes included.
    pub fn inner(self) -> &'a str {
        let text = self.0.get();
        text.strip_prefix('"')
            .and_then(|text| text.strip_suffix('"'))
            .unwrap_or(text)
    }

    /// The text that is meant; borrowed when nothing is escaped.
    pub fn text(self) -> Cow<'a, str> {
        meant(self.inner())
    }

    /// The text that is meant, in pieces of at most `most` bytes and a letter: a long prompt with escapes
    /// is never there twice. `take` answers whether it wants more.
    pub fn pieces(self, most: usize, take: &mut dyn FnMut(&str) -> bool) {
        let mut rest = self.inner();
        if !rest.contains('\\') {
            while let Some(piece) = rest.get(..rest.floor_char_boundary(most.max(4)))
                && !rest.is_empty()
            {
                if !take(piece) {
                    return;
                }
                rest = rest.get(piece.len()..).unwrap_or_default();
            }
            return;
        }
        let mut piece = String::with_capacity(most.min(self.inner().len()) + 4);
        while !rest.is_empty() {
            let room = most.saturating_sub(piece.len()).max(4);
            let near = rest.get(..rest.floor_char_boundary(room)).unwrap_or(rest);
            let plain = near.split('\\').next().unwrap_or(near);
            piece.push_str(plain);
            rest = rest.get(plain.len()..).unwrap_or_default();
            if rest.starts_with('\\') {
                let (letter, after) = unescaped(rest);
                piece.push(letter);
                rest = after;
            }
            if piece.len() >= most {
                if !take(&piece) {
                    return;
                }
                piece.clear();
            }
        }
        if !piece.is_empty() {
            take(&piece);
        }
    }

    /// Whether it is `""`.
    pub fn is_empty(self) -> bool {
        self.inner().is_empty()
    }

    /// Whether the text begins with this letter, white space aside.
    pub fn begins(self, letter: char) -> bool {
        let start = self.inner().trim_start();
        match start.starts_with('\\') {
            true => self.text().trim_start().starts_with(letter),
            false => start.starts_with(letter),
        }
    }

    /// Whether there is nothing but white space in it.
    pub fn is_blank(self) -> bool {
        let start = self.inner().trim_start();
        if !start.starts_with('\\') {
            return start.is_empty();
        }
        self.text().trim().is_empty()
    }
}

/// The letter of the escape that the text begins with, and what follows it. Half a surrogate pair is
/// the letter for what cannot be read; what is no escape stands for itself.
pub(super) fn unescaped(text: &str) -> (char, &str) {
    if !text.starts_with('\\') {
        let letter = text.chars().next().unwrap_or_default();
        return (letter, text.get(letter.len_utf8()..).unwrap_or_default());
    }
    let short = |letter: char| (letter, text.get(2..).unwrap_or_default());
    match text.as_bytes().get(1) {
        Some(b'n') => short('\n'),
        Some(b't') => short('\t'),
        Some(b'r') => short('\r'),
        Some(b'b') => short('\u{8}'),
        Some(b'f') => short('\u{c}'),
        Some(b'u') => {
            let unit = |at: usize| u16::from_str_radix(text.get(at..at + 4)?, 16).ok();
            let first = unit(2).unwrap_or(0xfffd);
            let second = unit(8).filter(|_| text.get(6..8) == Some("\\u"));
            let units = [first, second.unwrap_or(0)];
            match char::decode_utf16(units).next() {
                Some(Ok(letter)) => {
                    let size = if letter.len_utf16() == 2 { 12 } else { 6 };
                    (letter, text.get(size..).unwrap_or_default())
                }
                _ => ('\u{fffd}', text.get(6..).unwrap_or_default()),
            }
        }
        // A quote, a backslash or a slash stands for itself.
        Some(letter) => short(char::from(*letter)),
        None => ('\\', ""),
    }
}

impl Serialize for Quoted<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl PartialEq<str> for Quoted<'_> {
    fn eq(&self, other: &str) -> bool {
        self.text() == other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quoted(text: &str) -> Quoted<'_> {
        Quoted::of(serde_json::from_str(text).unwrap()).unwrap()
    }

    #[test]
    fn a_string_keeps_its_bytes_and_gives_its_meaning() {
        let text = quoted(r#""a\/b \u00e9\n""#);
        assert_eq!(text.text(), "a/b \u{e9}\n");
        assert_eq!(serde_json::to_string(&text).unwrap(), r#""a\/b \u00e9\n""#);
        assert!(matches!(
            quoted(r#""plain""#).text(),
            Cow::Borrowed("plain")
        ));
        assert!(Quoted::of(serde_json::from_str("[1]").unwrap()).is_none());
    }

    #[test]
    fn pieces_give_the_meaning_however_they_are_cut() {
        for text in [
            r#""""#,
            r#""plain \u00fc \ud83d\ude00 \n\t\"\\\/\b\f\r end""#,
            "\"\u{fc}\u{1f600}\u{65e5}\u{672c} without escapes\"",
            r#""\\\\\\\\\u65e5\u672c""#,
        ] {
            let text = quoted(text);
            for most in [1, 2, 3, 4, 5, 7, 64] {
                let mut got = String::new();
                text.pieces(most, &mut |piece| {
                    assert!(piece.len() <= most.max(4) + 4, "{piece:?}");
                    got.push_str(piece);
                    true
                });
                assert_eq!(got, text.text(), "in pieces of {most}");
            }
        }
        let mut got = 0;
        quoted(r#""abcdefgh""#).pieces(4, &mut |_| {
            got += 1;
            false
        });
        assert_eq!(got, 1, "nobody wants the second piece");
    }

    #[test]
    fn only_white_space_is_blank_escaped_or_not() {
        for blank in [r#""""#, r#""  ""#, r#""\n\t ""#, r#"" \u00a0""#] {
            assert!(quoted(blank).is_blank(), "{blank}");
        }
        for said in [r#""a""#, r#"" \n a""#, r#""\\""#, r#""\"""#] {
            assert!(!quoted(said).is_blank(), "{said}");
        }
    }
}
