//! A text that may be JSON, in pieces that are cut anywhere: a document as long as it fits, value by value, and a plain
//! text from where it does not.
//!
//! Nobody says beforehand which of them it is. What can still be read either way waits: brackets that open, and a number or
//! a word until a sign behind it shows that it is a value. Several documents may follow each other.

use super::{
    arguments::{Arguments, is_between},
    channel::Rewrite,
};
use crate::json::MAX_DEPTH;
use serde::de::IgnoredAny;

/// Most that waits. Units: bytes.
const MAX_WAITING: usize = 256;

/// A text so far.
#[derive(Debug, Default)]
pub struct Document {
    arguments: Arguments,
    at: At,
    /// The brackets that are open.
    open: Vec<char>,
    /// What can be read either way.
    waiting: String,
    /// Where in it a number or word begins.
    word: usize,
}

/// What comes next.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum At {
    /// A document may begin.
    #[default]
    Start,
    /// The first value of a list, or its end.
    First,
    Value,
    /// The first key of an object, or its end.
    FirstKey,
    Key,
    Colon,
    /// A comma, or the end of what is open.
    More,
    /// More of a number or word.
    Word,
    /// More of a string.
    Inside {
        key: bool,
        escaped: bool,
    },
    /// It is no JSON.
    Plain,
}

impl Document {
    /// Takes in the next piece, and adds what may go on to `out`. With `last` the text is complete, and all of it goes.
    ///
    /// Errors: a rule stops the text; what was added to `out` may not go on.
    pub fn push<E: Rewrite + ?Sized>(
        &mut self,
        piece: &str,
        last: bool,
        rewrite: &mut E,
        out: &mut String,
    ) -> Result<(), E::Stop> {
        let mut rest = piece;
        while let Some(letter) = rest.chars().next() {
            let size = match self.at {
                At::Plain => {
                    self.arguments.push(rest, last, rewrite, out)?;
                    rest.len()
                }
                At::Inside { key, escaped } => {
                    let size = self.inside(rest, key, escaped);
                    let string = rest.get(..size).unwrap_or_default();
                    self.arguments.push(string, false, rewrite, out)?;
                    size
                }
                At::Start if letter.is_ascii_whitespace() => {
                    let size = rest.len() - rest.trim_ascii_start().len();
                    let blank = rest.get(..size).unwrap_or_default();
                    self.arguments.push(blank, false, rewrite, out)?;
                    size
                }
                _ => self.outside(letter, rewrite, out)?,
            };
            rest = rest.get(size..).unwrap_or_default();
        }
        if last {
            let fits = self.waiting.is_empty() || self.at == At::Word && self.is_value();
            if !fits {
                self.misfits();
            }
            self.settle(rewrite, out)?;
            self.arguments.push("", true, rewrite, out)?;
        }
        Ok(())
    }

    /// Whether something waits for what follows.
    pub fn holds(&self) -> bool {
        !self.waiting.is_empty() || self.arguments.holds()
    }

    /// Takes in a letter outside of strings, if it fits; how many bytes of it.
    fn outside<E: Rewrite + ?Sized>(
        &mut self,
        letter: char,
        rewrite: &mut E,
        out: &mut String,
    ) -> Result<usize, E::Stop> {
        if !self.fits(letter) {
            self.misfits();
            self.settle(rewrite, out)?;
            return Ok(0);
        }
        self.waiting.push(letter);
        let opens = matches!(letter, '{' | '[') || letter.is_ascii_whitespace();
        let full = self.waiting.len() >= MAX_WAITING;
        if self.at != At::Word && (full || !opens) {
            self.settle(rewrite, out)?;
        }
        Ok(letter.len_utf8())
    }

    /// What waits is what it looks like.
    fn settle<E: Rewrite + ?Sized>(
        &mut self,
        rewrite: &mut E,
        out: &mut String,
    ) -> Result<(), E::Stop> {
        let waiting = std::mem::take(&mut self.waiting);
        self.arguments.push(&waiting, false, rewrite, out)
    }

    /// From what waits on it is no JSON.
    fn misfits(&mut self) {
        self.at = At::Plain;
        self.arguments.plain();
    }

    /// How much of a text belongs to the string that it goes on with.
    fn inside(&mut self, rest: &str, key: bool, mut escaped: bool) -> usize {
        let end = rest.find(|c: char| {
            let is_escaped = std::mem::take(&mut escaped);
            escaped = c == '\\' && !is_escaped;
            c == '"' && !is_escaped
        });
        self.at = match end {
            Some(_) if key => At::Colon,
            Some(_) => At::More,
            None => At::Inside { key, escaped },
        };
        end.map_or(rest.len(), |end| end + 1)
    }

    /// Whether a letter outside of strings may come next; what comes behind it.
    fn fits(&mut self, letter: char) -> bool {
        if self.at == At::Word {
            if !is_between(letter) && letter != '"' {
                let known = letter.is_ascii_alphanumeric() || matches!(letter, '+' | '-' | '.');
                return known && self.waiting.len() < MAX_WAITING;
            }
            if !self.is_value() {
                return false;
            }
            self.at = At::More;
        }
        let inside = |key| At::Inside {
            key,
            escaped: false,
        };
        self.at = match (self.at, letter) {
            (at, letter) if letter.is_ascii_whitespace() => at,
            (At::Start | At::First | At::Value, '{' | '[') => {
                if self.open.len() == MAX_DEPTH {
                    return false;
                }
                self.open.push(letter);
                match letter {
                    '{' => At::FirstKey,
                    _ => At::First,
                }
            }
            (At::First | At::Value, '"') => inside(false),
            (At::First | At::Value, '-' | '0'..='9' | 't' | 'f' | 'n') => {
                self.word = self.waiting.len();
                At::Word
            }
            (At::FirstKey | At::Key, '"') => inside(true),
            (At::Colon, ':') => At::Value,
            (At::More, ',') => match self.open.last() {
                Some('{') => At::Key,
                _ => At::Value,
            },
            (At::FirstKey, '}') | (At::First, ']') | (At::More, '}' | ']') => {
                let opened = if letter == '}' { '{' } else { '[' };
                if self.open.pop() != Some(opened) {
                    return false;
                }
                match self.open.is_empty() {
                    true => At::Start,
                    false => At::More,
                }
            }
            _ => return false,
        };
        true
    }

    /// Whether the number or word that waits is one.
    fn is_value(&self) -> bool {
        let word = self.waiting.get(self.word..).unwrap_or_default();
        serde_json::from_str::<IgnoredAny>(word).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::fake_keys::{Masks, TEXTS, edited};
    use serde_json::json;

    fn pieces<'t>(pieces: impl IntoIterator<Item = &'t str>) -> String {
        let (mut document, mut out) = (Document::default(), String::new());
        for piece in pieces {
            document.push(piece, false, &mut Masks, &mut out).unwrap();
        }
        document.push("", true, &mut Masks, &mut out).unwrap();
        assert!(!document.holds());
        out
    }

    #[test]
    fn a_document_is_read_value_by_value_and_a_text_as_it_is_at_every_cut() {
        let mut cases: Vec<(String, String)> = Vec::new();
        for text in TEXTS {
            let (document, new) = (json!({"a": [text, 1.5e3]}), edited(text));
            let want = json!({"a": [new, 1.5e3]}).to_string();
            cases.push((document.to_string(), want));
            cases.push(((*text).to_owned(), new));
        }
        for (text, want) in [
            (r#" {"a\"s3cret1":[]} "#, r#" {"a\"[KEY]":[]} "#),
            (r#"["s3cret\u0031","\\"]"#, r#"["[KEY]","\\"]"#),
            ("[[s3cret1]]", "[[[KEY]]]"),
            ("{s3cret1}", "{[KEY]}"),
            (r#"{"a":1,} s3cret1"#, r#"{"a":1,} [KEY]"#),
            (r#"[1}"s3cret1""#, r#"[1}"[KEY]""#),
            (r#"{"a":[{}]}[] [tru"#, r#"{"a":[{}]}[] [tru"#),
            ("[1.s3cret1,-]", "[1.[KEY],-]"),
        ] {
            cases.push((text.to_owned(), want.to_owned()));
        }
        for (text, want) in &cases {
            assert_eq!(pieces([text.as_str()]), *want);
            for (cut, _) in text.char_indices() {
                let (a, b) = text.split_at_checked(cut).unwrap();
                assert_eq!(pieces([a, b]), *want, "cut at {cut} of {text}");
            }
            let letters: Vec<String> = text.chars().map(String::from).collect();
            assert_eq!(pieces(letters.iter().map(String::as_str)), *want);
        }
    }

    #[test]
    fn what_waits_and_what_is_remembered_have_an_end() {
        for text in ["[", "9", " ", "t"].map(|part| ["[", &part.repeat(10_000)].concat()) {
            let (mut document, mut out) = (Document::default(), String::new());
            document.push(&text, false, &mut Masks, &mut out).unwrap();
            assert!(document.waiting.len() <= MAX_WAITING);
            assert!(document.open.len() <= MAX_DEPTH);
            document.push("", true, &mut Masks, &mut out).unwrap();
            assert_eq!(out, text);
        }
    }
}
