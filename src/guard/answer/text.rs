//! What a JSON string means, also where a letter is cut between two of them; and a text of either form as it grows.

use crate::{
    guard::{arguments::Arguments, channel::Rewrite, document::Document},
    json::Str,
};
use std::borrow::Cow;

/// A text that comes in pieces, each a JSON string.
#[derive(Debug)]
pub(super) struct Text {
    form: Grows,
    /// The first half of a letter whose other half is in the next string: UTF-16 cut in the middle.
    half: Option<u16>,
}

#[derive(Debug)]
enum Grows {
    Text(Box<Document>),
    Arguments(Box<Arguments>),
}

impl Text {
    /// A text for people, which may be JSON all the same.
    pub(super) fn plain() -> Self {
        Self {
            form: Grows::Text(Box::default()),
            half: None,
        }
    }

    pub(super) fn arguments() -> Self {
        Self {
            form: Grows::Arguments(Box::default()),
            half: None,
        }
    }

    /// Takes in the next JSON string; what goes on in its place. `None`: the same.
    ///
    /// Errors: a rule stops the text.
    pub(super) fn string<E: Rewrite + ?Sized>(
        &mut self,
        json: &str,
        last: bool,
        rewrite: &mut E,
    ) -> Result<Option<String>, E::Stop> {
        let had = self.half.is_some();
        let piece = meaning(json, &mut self.half);
        let exact = !had && self.half.is_none();
        if last {
            self.half = None;
        }
        let mut out = String::with_capacity(piece.len());
        self.push(&piece, last, rewrite, &mut out)?;
        Ok((!exact || out != *piece).then_some(out))
    }

    /// What is still held, complete or not.
    ///
    /// Errors: a rule stops the text.
    pub(super) fn rest<E: Rewrite + ?Sized>(&mut self, rewrite: &mut E) -> Result<String, E::Stop> {
        let mut out = String::new();
        self.push("", true, rewrite, &mut out)?;
        Ok(out)
    }

    /// Takes in what is no JSON string but the document itself.
    pub(super) fn push<E: Rewrite + ?Sized>(
        &mut self,
        piece: &str,
        last: bool,
        rewrite: &mut E,
        out: &mut String,
    ) -> Result<(), E::Stop> {
        match &mut self.form {
            Grows::Text(text) => text.push(piece, last, rewrite, out),
            Grows::Arguments(arguments) => arguments.push(piece, last, rewrite, out),
        }
    }

    pub(super) fn holds(&self) -> bool {
        match &self.form {
            Grows::Text(text) => text.holds(),
            Grows::Arguments(arguments) => arguments.holds(),
        }
    }
}

/// What a JSON string means. `half`: of a letter, from the string before, and for the one behind. A half
/// without its other is the letter for what cannot be read.
fn meaning<'a>(json: &'a str, half: &mut Option<u16>) -> Cow<'a, str> {
    if half.is_none()
        && let Ok(text) = serde_json::from_str::<Str<'a>>(json)
    {
        return text.into_cow();
    }
    let inner = json
        .strip_prefix('"')
        .and_then(|json| json.strip_suffix('"'));
    let mut rest = inner.unwrap_or(json);
    let mut units: Vec<u16> = half.take().into_iter().collect();
    let mut letters = [0; 2];
    while let Some(letter) = rest.chars().next() {
        let escape = rest.get(..6).filter(|escape| escape.starts_with("\\u"));
        let unit = escape.and_then(|escape| u16::from_str_radix(escape.get(2..)?, 16).ok());
        let size = match (unit, letter) {
            (Some(unit), _) => {
                units.push(unit);
                6
            }
            (None, '\\') => {
                let escape = rest.get(..2).unwrap_or_default();
                let meant: char = serde_json::from_str(&format!("\"{escape}\""))
                    .unwrap_or(char::REPLACEMENT_CHARACTER);
                units.extend_from_slice(meant.encode_utf16(&mut letters));
                escape.len().max(1)
            }
            (None, letter) => {
                units.extend_from_slice(letter.encode_utf16(&mut letters));
                letter.len_utf8()
            }
        };
        rest = rest.get(size..).unwrap_or_default();
    }
    if units
        .last()
        .is_some_and(|unit| (0xd800..0xdc00).contains(unit))
    {
        *half = units.pop();
    }
    Cow::Owned(String::from_utf16_lossy(&units))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::fake_keys::Masks;

    #[test]
    fn a_letter_that_two_strings_share_is_one() {
        let mut half = None;
        assert_eq!(meaning(r#""a\n\u00e9""#, &mut half), "a\n\u{e9}");
        assert_eq!(meaning(r#""a\"\\\/\n\ud83d""#, &mut half), "a\"\\/\n");
        assert_eq!(half, Some(0xd83d));
        assert_eq!(meaning(r#""\ude00b\u00e9""#, &mut half), "\u{1f600}b\u{e9}");
        assert_eq!(half, None);
        assert_eq!(
            meaning(r#""x\ude00\ud83d y""#, &mut half),
            "x\u{fffd}\u{fffd} y"
        );
        assert_eq!(half, None);
        half = Some(0xd83d);
        assert_eq!(meaning("\"\u{1f600}z\"", &mut half), "\u{fffd}\u{1f600}z");
    }

    #[test]
    fn a_string_that_goes_as_it_came_keeps_its_bytes() {
        let mut text = Text::plain();
        let mut of = |json: &str| text.string(json, false, &mut Masks).unwrap();
        assert_eq!(of(r#""caf\u00e9 ""#), None);
        assert_eq!(of(r#""a s3c""#), Some("a ".into()));
        assert_eq!(of(r#""ret7 ""#), Some("[KEY] ".into()));
        assert_eq!(of(r#""x \ud83d""#), Some("x ".into()));
        assert_eq!(of(r#""\ude00.""#), Some("\u{1f600}.".into()));
    }
}
