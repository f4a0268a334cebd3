//! The arguments of a tool call: a JSON document that comes in pieces, cut anywhere.
//!
//! Each string in it is a text of its own, the names of fields too: a model may well use an address as one. What
//! is put into a string is escaped as JSON wants it, so the document stays one. A number that is found becomes a
//! string. Everything between the strings passes, and tells what they mean. Arguments that are no JSON are one plain text.

use super::{
    channel::{Channel, Rewrite},
    scan::VALUE_BEGINS,
};

/// Longest number or word outside of strings that is looked at as one. Units: bytes.
const MAX_BARE_BYTES: usize = 128;
/// How long the escape is of the first half of a letter; the next one may belong to it. Units: bytes.
const HALF_PAIR: usize = 6;

/// Arguments so far.
#[derive(Debug, Default)]
pub struct Arguments {
    channel: Channel,
    at: At,
    /// Of a string: what is held, as it is written. Outside: a number or word that has not ended.
    raw: String,
    /// An escape that has not ended.
    escape: String,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum At {
    /// Nothing but white space has come.
    #[default]
    Start,
    /// It is no JSON.
    Plain,
    /// Between strings.
    Outside,
    /// In a number, or a word such as `true`.
    Bare,
    /// In a string.
    Inside,
}

impl Arguments {
    /// Takes in the next piece, and adds what may go on to `out`. With `last` the arguments are complete, and all of them
    /// go.
    ///
    /// Errors: a rule stops them; what was added to `out` may not go on.
    pub fn push<E: Rewrite + ?Sized>(
        &mut self,
        piece: &str,
        last: bool,
        rewrite: &mut E,
        out: &mut String,
    ) -> Result<(), E::Stop> {
        let mut rest = piece;
        while !rest.is_empty() {
            rest = match self.at {
                At::Start => self.start(rest, rewrite, out)?,
                At::Plain => {
                    self.channel.push(rest, last, rewrite, out)?;
                    ""
                }
                At::Outside => self.outside(rest, rewrite, out),
                At::Bare => self.bare(rest, rewrite, out)?,
                At::Inside => self.inside(rest, rewrite, out)?,
            };
        }
        if last {
            self.end(rewrite, out)?;
        }
        Ok(())
    }

    /// Whether something waits for what follows.
    pub fn holds(&self) -> bool {
        self.channel.held() > 0 || !self.raw.is_empty() || !self.escape.is_empty()
    }

    /// What follows is no JSON. To be called between two values.
    pub(super) fn plain(&mut self) {
        self.at = At::Plain;
    }

    fn start<'a, E: Rewrite + ?Sized>(
        &mut self,
        rest: &'a str,
        rewrite: &mut E,
        out: &mut String,
    ) -> Result<&'a str, E::Stop> {
        let blank = rest.len() - rest.trim_start().len();
        let (blank, rest) = rest.split_at_checked(blank).unwrap_or((rest, ""));
        let json = matches!(rest.as_bytes().first(), Some(b'{' | b'[' | b'"'));
        // A plain text begins with it.
        self.channel.push(blank, json, rewrite, out)?;
        match rest.is_empty() {
            true => {}
            false if json => self.at = At::Outside,
            false => self.at = At::Plain,
        }
        Ok(rest)
    }

    /// What stands between strings and numbers.
    fn outside<'a, E: Rewrite + ?Sized>(
        &mut self,
        rest: &'a str,
        rewrite: &mut E,
        out: &mut String,
    ) -> &'a str {
        let end = rest.find(|c| !is_between(c)).unwrap_or(rest.len());
        let (between, rest) = rest.split_at_checked(end).unwrap_or((rest, ""));
        out.push_str(between);
        let signs: String = between.split_ascii_whitespace().collect();
        self.channel.beside(&signs);
        if !rest.is_empty() {
            // A line begins with each key and value: behind a colon this is `KEY_ENDS`.
            self.channel.beside(VALUE_BEGINS);
        }
        rewrite.beside(between);
        match rest.strip_prefix('"') {
            Some(rest) => {
                out.push('"');
                self.at = At::Inside;
                rest
            }
            None => {
                if !rest.is_empty() {
                    self.at = At::Bare;
                }
                rest
            }
        }
    }

    fn bare<'a, E: Rewrite + ?Sized>(
        &mut self,
        rest: &'a str,
        rewrite: &mut E,
        out: &mut String,
    ) -> Result<&'a str, E::Stop> {
        let end = rest.find(|c| is_between(c) || c == '"');
        let (more, rest) = rest
            .split_at_checked(end.unwrap_or(rest.len()))
            .unwrap_or((rest, ""));
        for letter in more.chars() {
            if self.raw.len() >= MAX_BARE_BYTES {
                self.end_bare(rewrite, out)?;
            }
            self.raw.push(letter);
        }
        if end.is_some() {
            self.end_bare(rewrite, out)?;
            self.at = At::Outside;
        }
        Ok(rest)
    }

    fn end_bare<E: Rewrite + ?Sized>(
        &mut self,
        rewrite: &mut E,
        out: &mut String,
    ) -> Result<(), E::Stop> {
        let word = std::mem::take(&mut self.raw);
        let mut new = String::new();
        if self.channel.push(&word, true, rewrite, &mut new)?.changed {
            push_quoted(&new, out);
        } else {
            out.push_str(&word);
        }
        Ok(())
    }

    fn inside<'a, E: Rewrite + ?Sized>(
        &mut self,
        rest: &'a str,
        rewrite: &mut E,
        out: &mut String,
    ) -> Result<&'a str, E::Stop> {
        if !self.escape.is_empty() || rest.starts_with('\\') {
            return self.escaped(rest, rewrite, out);
        }
        let end = rest.find(['"', '\\']).unwrap_or(rest.len());
        let (plain, rest) = rest.split_at_checked(end).unwrap_or((rest, ""));
        let closes = rest.strip_prefix('"');
        self.take(plain, plain, closes.is_some(), rewrite, out)?;
        Ok(match closes {
            Some(rest) => {
                out.push('"');
                self.at = At::Outside;
                rest
            }
            None => rest,
        })
    }

    /// Goes on with an escape, letter by letter until it is one.
    fn escaped<'a, E: Rewrite + ?Sized>(
        &mut self,
        rest: &'a str,
        rewrite: &mut E,
        out: &mut String,
    ) -> Result<&'a str, E::Stop> {
        let mut letters = rest.chars();
        for letter in letters.by_ref() {
            if !may_continue(&self.escape, letter) {
                // Half a pair, or no escape at all: it stands for itself, and the letter does not belong to it.
                let next = self.escape.split_off(self.escape.len().min(HALF_PAIR));
                self.end_escape(rewrite, out)?;
                self.escape = next;
                let after = letters.as_str().len() + letter.len_utf8();
                let here = rest.len().saturating_sub(after);
                return Ok(rest.get(here..).unwrap_or_default());
            }
            self.escape.push(letter);
            if is_whole(&self.escape) {
                self.end_escape(rewrite, out)?;
                break;
            }
        }
        Ok(letters.as_str())
    }

    fn end_escape<E: Rewrite + ?Sized>(
        &mut self,
        rewrite: &mut E,
        out: &mut String,
    ) -> Result<(), E::Stop> {
        let escape = std::mem::take(&mut self.escape);
        let meant = meaning(&escape);
        self.take(&meant, &escape, false, rewrite, out)
    }

    /// More of a string: what it means, and how that is written.
    fn take<E: Rewrite + ?Sized>(
        &mut self,
        text: &str,
        raw: &str,
        last: bool,
        rewrite: &mut E,
        out: &mut String,
    ) -> Result<(), E::Stop> {
        self.raw.push_str(raw);
        let mut new = String::new();
        let moved = self.channel.push(text, last, rewrite, &mut new)?;
        let written = written_in(&self.raw, moved.decided);
        if moved.changed {
            push_escaped(&new, out);
        } else {
            out.push_str(self.raw.get(..written).unwrap_or_default());
        }
        self.raw.drain(..written);
        Ok(())
    }

    /// They end here, complete or not.
    fn end<E: Rewrite + ?Sized>(
        &mut self,
        rewrite: &mut E,
        out: &mut String,
    ) -> Result<(), E::Stop> {
        match self.at {
            At::Outside => Ok(()),
            At::Start | At::Plain => self.channel.push("", true, rewrite, out).map(|_| ()),
            At::Bare => self.end_bare(rewrite, out),
            At::Inside => {
                self.take("", "", true, rewrite, out)?;
                out.push_str(&std::mem::take(&mut self.escape));
                Ok(())
            }
        }
    }
}

/// Whether it stands between the values of a document.
pub(super) fn is_between(c: char) -> bool {
    matches!(c, '{' | '}' | '[' | ']' | ',' | ':') || c.is_ascii_whitespace()
}

/// Whether an escape that has begun so may go on with this letter.
fn may_continue(escape: &str, letter: char) -> bool {
    match escape.len() {
        0 | 6 => letter == '\\',
        1 => true,
        7 => letter == 'u',
        _ => letter.is_ascii_hexdigit(),
    }
}

fn is_whole(escape: &str) -> bool {
    match escape.len() {
        0 | 1 => false,
        6 => !unit(escape, 2).is_some_and(|unit| (0xd800..0xdc00).contains(&unit)),
        12 => true,
        _ => escape.as_bytes().get(1) != Some(&b'u'),
    }
}

fn unit(escape: &str, at: usize) -> Option<u16> {
    u16::from_str_radix(escape.get(at..at + 4)?, 16).ok()
}

/// What an escape stands for. What is none stands for itself, and half a pair for the letter of what cannot be read.
fn meaning(escape: &str) -> String {
    serde_json::from_str(&format!("\"{escape}\"")).unwrap_or_else(|_| {
        match (unit(escape, 2), unit(escape, 8)) {
            (Some(_), _) => char::REPLACEMENT_CHARACTER.to_string(),
            _ => escape.to_owned(),
        }
    })
}

/// How many bytes of what is written inside a string mean its first `text` bytes.
fn written_in(raw: &str, text: usize) -> usize {
    if !raw.contains('\\') {
        return text.min(raw.len());
    }
    let (mut at, mut meant) = (0, 0);
    while meant < text {
        let Some(rest) = raw.get(at..).filter(|rest| !rest.is_empty()) else {
            break;
        };
        let mut size = 0;
        if rest.starts_with('\\') {
            let mut escape = String::new();
            for letter in rest.chars() {
                if !may_continue(&escape, letter) {
                    escape.truncate(HALF_PAIR);
                    break;
                }
                escape.push(letter);
                if is_whole(&escape) {
                    break;
                }
            }
            size = escape.len();
            meant += meaning(&escape).len();
        } else {
            let plain = rest.find('\\').unwrap_or(rest.len());
            size += plain.min(text - meant);
            meant += size;
        }
        at += size;
    }
    raw.floor_char_boundary(at)
}

/// Adds a text as it is written inside a JSON string.
pub(super) fn push_escaped(text: &str, out: &mut String) {
    let quoted = serde_json::to_string(text).unwrap_or_default();
    out.push_str(
        quoted
            .get(1..quoted.len().saturating_sub(1))
            .unwrap_or_default(),
    );
}

/// Adds a text as a JSON string.
pub(super) fn push_quoted(text: &str, out: &mut String) {
    out.push('"');
    push_escaped(text, out);
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::fake_keys::{Masks, TEXTS, edited};
    use serde_json::{Value, json};

    fn whole(text: &str) -> String {
        let (mut arguments, mut out) = (Arguments::default(), String::new());
        arguments.push(text, true, &mut Masks, &mut out).unwrap();
        out
    }

    fn cases() -> Vec<String> {
        let mut all: Vec<String> = TEXTS
            .iter()
            .map(|text| json!({"a": text, "b": [1, text, {"c": null}], *text: true}).to_string())
            .collect();
        let written = [
            r#" {"key":"s\u0033cret\u0037 \u00e9 \/ \ud83d\ude00s3cret1\"","n":-1.5e3}"#,
            r#"{"odd":"\ud83d s3cret1 \ude00\ud83d\u0041 \x s3cret2"}"#,
            r#"{"half":"\ud83d\" s3cret1, \ud83d\\","b":"s3cret2"}"#,
            r#"{"cut off":"s3cret12"#,
            r#"{"cut off":"s3cr\u00"#,
            r#"{"cut off":"s3cr\"#,
            r#"[s3cret4, "s3cret5", s3cret,{"s3cret6":s3cret7}]"#,
            r#""s3cret1""#,
            "plain s3cret3 text, \"s3cret\"",
            "  ",
            "{}",
        ];
        all.extend(written.map(str::to_owned));
        all
    }

    #[test]
    fn pieces_become_what_the_whole_becomes_at_every_cut() {
        for text in cases() {
            let whole = whole(&text);
            for cut in 0..=text.len() {
                let Some((a, b)) = text.split_at_checked(cut) else {
                    continue;
                };
                let (mut arguments, mut got) = (Arguments::default(), String::new());
                for (piece, last) in [(a, false), (b, true)] {
                    arguments.push(piece, last, &mut Masks, &mut got).unwrap();
                }
                assert_eq!(got, whole, "cut at {cut} of {text:?}");
                assert!(!arguments.holds());
            }
            let (mut arguments, mut got) = (Arguments::default(), String::new());
            for letter in text.chars() {
                let piece = letter.to_string();
                arguments.push(&piece, false, &mut Masks, &mut got).unwrap();
            }
            arguments.push("", true, &mut Masks, &mut got).unwrap();
            assert_eq!(got, whole, "letter by letter: {text:?}");
        }
    }

    #[test]
    fn the_document_stays_json_and_only_its_strings_change() {
        for text in TEXTS {
            let value = json!({"a": text, "b": [1, text, {"c": null}], *text: true});
            let new = edited(text);
            let want = json!({"a": new, "b": [1, new, {"c": null}], new.as_str(): true});
            let got: Value = serde_json::from_str(&whole(&value.to_string())).unwrap();
            assert_eq!(got, want);
        }
        assert_eq!(
            whole(r#" {"key":"s\u0033cret\u0037 \u00e9 \/ \ud83d\ude00s3cret1\"","n":-1.5e3}"#),
            r#" {"key":"[KEY] \u00e9 \/ \ud83d\ude00[KEY]\"","n":-1.5e3}"#
        );
        assert_eq!(
            whole(r#"{"half":"\ud83d\" s3cret1, \ud83d\\","b":"s3cret2"}"#),
            r#"{"half":"\ud83d\" [KEY], \ud83d\\","b":"[KEY]"}"#
        );
        assert_eq!(whole("[s3cret4]"), r#"["[KEY]"]"#);
        assert_eq!(whole("plain s3cret3"), "plain [KEY]");
    }

    #[test]
    fn without_a_match_not_one_byte_changes_however_it_is_written() {
        for text in [
            r#"{ "a" : "\u00e9 \/ \ud83d\ude00 \ud83d \x s3cret" , "b":[1.10,-0,1e5,true,null]}"#,
            "no JSON \\u00e9",
            r#"{"open":"\ud8"#,
        ] {
            assert_eq!(whole(text), text);
            let (mut arguments, mut got) = (Arguments::default(), String::new());
            for letter in text.chars() {
                let piece = letter.to_string();
                arguments.push(&piece, false, &mut Masks, &mut got).unwrap();
            }
            arguments.push("", true, &mut Masks, &mut got).unwrap();
            assert_eq!(got, text);
        }
    }

    #[test]
    fn a_long_word_outside_of_strings_is_not_gathered() {
        let (mut arguments, mut out) = (Arguments::default(), String::new());
        let text = format!("[{}", "9".repeat(10_000));
        arguments.push(&text, false, &mut Masks, &mut out).unwrap();
        assert!(arguments.raw.len() <= MAX_BARE_BYTES);
    }
}
