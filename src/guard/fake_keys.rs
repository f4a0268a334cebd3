//! A rule for tests: `s3cret` and the digits behind it are a key; `STOP` stops the text. What may still become either
//! waits.

use super::channel::{Decided, Rewrite};

pub(crate) const TEXTS: &[&str] = &[
    "",
    "s",
    "s3cret1 at the start, and s3cret22",
    "no match: s3cre t, s3cret, s3cre",
    "s3cs3cret9s3cret8 \u{e9}s3cret7\u{1f600}s3cret6",
    "sss3cret5 s3c\u{65e5}ret1",
    "quote \" and \\ and \n in s3cret4\t",
];

pub(crate) struct Masks;

const fn decided(until: usize) -> Decided {
    Decided {
        until,
        scanned: until,
    }
}

const NAME: &str = "s3cret";

impl Rewrite for Masks {
    type Stop = &'static str;

    fn rewrite(
        &mut self,
        text: &str,
        from: Decided,
        last: bool,
        out: &mut String,
    ) -> Result<Decided, Self::Stop> {
        let mut at = from.until;
        while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
            let open = |word: &str| !last && word.starts_with(rest);
            if open(NAME) || open("STOP") {
                return Ok(decided(at));
            }
            if rest.starts_with("STOP") {
                return Err("stop");
            }
            let digits = rest.strip_prefix(NAME).map(|more| {
                let end = more.find(|c: char| !c.is_ascii_digit());
                (end.unwrap_or(more.len()), end.is_none())
            });
            match digits {
                Some((_, true)) if !last => return Ok(decided(at)),
                Some((digits, _)) if digits > 0 => {
                    out.push_str("[KEY]");
                    at += NAME.len() + digits;
                }
                _ => {
                    let letter = rest.chars().next().unwrap();
                    out.push(letter);
                    at += letter.len_utf8();
                }
            }
        }
        Ok(decided(at))
    }
}

pub(crate) fn edited(text: &str) -> String {
    let mut out = String::new();
    Masks
        .rewrite(text, Decided::default(), true, &mut out)
        .unwrap();
    out
}
