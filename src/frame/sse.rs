//! Server-sent events: the whole grammar, in bounded memory.
//!
//! Lines end in LF, CRLF or CR; comments, several `data` lines and a byte order mark are handled.
//! An event at the end of the stream counts although its blank line is missing: many servers
//! leave it out, and its data is complete or the JSON inside will say otherwise.
//! Source: WHATWG HTML, "Server-sent events", sections 9.2.5 and 9.2.6, read 2026-11.

use super::{Broken, Event};
use std::borrow::Cow;

/// Cuts a byte stream into events.
#[derive(Debug)]
pub struct Splitter {
    held: Vec<u8>,
    limit: usize,
    scan: Scan,
    started: bool,
}

/// Where the search for a blank line stands; survives a chunk border.
#[derive(Debug, Default)]
struct Scan {
    line_has_bytes: bool,
    after_cr: bool,
}

impl Splitter {
    /// Units: bytes of one unfinished event that may be held back.
    pub fn new(limit: usize) -> Self {
        Self {
            held: Vec::new(),
            limit,
            scan: Scan::default(),
            started: false,
        }
    }

    /// Feeds bytes and calls `each` once per finished block: its lines up to and including the blank
    /// one. A block of comments or blank lines has no data; several lines of data are joined by line
    /// feeds.
    ///
    /// Errors: [`Broken::TooLarge`]; the stream cannot be continued after it.
    pub fn push(&mut self, bytes: &[u8], mut each: impl FnMut(Event<'_>)) -> Result<(), Broken> {
        let known = self.held.len();
        if known > 0 {
            self.held.extend_from_slice(bytes);
        }
        let held = std::mem::take(&mut self.held);
        let whole = if known > 0 { held.as_slice() } else { bytes };
        let (mut rest, mut from) = (whole, known);
        while let Some(end) = self.scan.block_end(rest, from) {
            let (block, after) = rest.split_at_checked(end).unwrap_or((rest, &[]));
            each(self.parse(block));
            rest = after;
            from = 0;
        }
        if rest.len() > self.limit {
            return Err(Broken::TooLarge);
        }
        // An event that is still growing stays where it is: copying it each time would be quadratic.
        self.held = if known > 0 && rest.len() == held.len() {
            held
        } else {
            rest.to_vec()
        };
        Ok(())
    }

    /// The stream is over: an unfinished last block counts.
    pub fn close(&mut self, mut each: impl FnMut(Event<'_>)) {
        let held = std::mem::take(&mut self.held);
        if !held.is_empty() {
            each(self.parse(&held));
        }
    }

    /// Bytes held back until their event is complete.
    pub fn held(&self) -> usize {
        self.held.len()
    }

    fn parse<'a>(&mut self, raw: &'a [u8]) -> Event<'a> {
        let first = !std::mem::replace(&mut self.started, true);
        let text = if first {
            raw.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(raw)
        } else {
            raw
        };
        let (mut name, mut data) = (Cow::Borrowed(""), None::<Cow<'a, str>>);
        for line in text.split(|b| matches!(b, b'\n' | b'\r')) {
            let colon = line.iter().position(|b| *b == b':');
            let (field, value) = line
                .split_at_checked(colon.unwrap_or(line.len()))
                .unwrap_or((line, &[]));
            let value = value.strip_prefix(b":").unwrap_or(value);
            let value = value.strip_prefix(b" ").unwrap_or(value);
            match field {
                b"event" => name = String::from_utf8_lossy(value),
                b"data" => {
                    let line = String::from_utf8_lossy(value);
                    data = Some(match data.take() {
                        None => line,
                        Some(before) => {
                            let mut joined = before.into_owned();
                            joined.push('\n');
                            joined.push_str(&line);
                            Cow::Owned(joined)
                        }
                    });
                }
                _ => {}
            }
        }
        Event {
            name,
            data,
            failed: false,
            raw,
        }
    }
}

impl Scan {
    /// The end of the first block in `bytes`, looking from `from` on.
    fn block_end(&mut self, bytes: &[u8], mut from: usize) -> Option<usize> {
        loop {
            let rest = bytes.get(from..)?;
            let at = rest.iter().position(|b| matches!(b, b'\n' | b'\r'));
            let Some(at) = at else {
                self.line_has_bytes |= !rest.is_empty();
                self.after_cr &= rest.is_empty();
                return None;
            };
            let cr = rest.get(at) == Some(&b'\r');
            let second_half_of_crlf = at == 0 && !cr && self.after_cr;
            self.after_cr = cr;
            from += at + 1;
            if second_half_of_crlf {
                if from == 1 {
                    // It ends the block before this one, which has gone already.
                    return Some(from);
                }
                continue;
            }
            let blank = at == 0 && !self.line_has_bytes;
            self.line_has_bytes = false;
            if blank {
                // The LF of a closing CRLF belongs to this block if it is already here.
                if cr && bytes.get(from) == Some(&b'\n') {
                    self.after_cr = false;
                    from += 1;
                }
                return Some(from);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Seen = Vec<(String, Option<String>)>;

    fn split(pieces: &[&[u8]]) -> (Seen, Vec<u8>) {
        let (mut splitter, mut seen, mut raw) = (Splitter::new(1 << 16), vec![], vec![]);
        let mut each = |e: Event<'_>| {
            raw.extend_from_slice(e.raw);
            if e.data.is_some() {
                seen.push((e.name.into_owned(), e.data.map(Cow::into_owned)));
            }
        };
        for piece in pieces {
            splitter.push(piece, &mut each).unwrap();
        }
        splitter.close(&mut each);
        (seen, raw)
    }

    #[test]
    fn every_cut_gives_the_same_events_and_all_bytes() {
        let cases: [(&str, &[(&str, &str)]); 6] = [
            (
                "event: a\ndata: {\"x\":\"\u{e9}\"}\n\n: ping\n\ndata: one\ndata:two\n\n",
                &[("a", "{\"x\":\"\u{e9}\"}"), ("", "one\ntwo")],
            ),
            (
                "event: a\r\ndata: 1\r\ndata: 2\r\n\r\ndata: 3\r\n\r\n",
                &[("a", "1\n2"), ("", "3")],
            ),
            ("data: 1\r\rdata: 2\r\r", &[("", "1"), ("", "2")]),
            ("\u{feff}data: 1\n\ndata: 2", &[("", "1"), ("", "2")]),
            ("\n\n\ndata\n\nid: 7\nretry: 10\n\n", &[("", "")]),
            ("data: a\ndata:\n\n", &[("", "a\n")]),
        ];
        for (text, want) in cases {
            let want: Seen = want
                .iter()
                .map(|(n, d)| ((*n).into(), Some((*d).into())))
                .collect();
            let bytes = text.as_bytes();
            for cut in 0..=bytes.len() {
                let (a, b) = bytes.split_at(cut);
                assert_eq!(
                    split(&[a, b]),
                    (want.clone(), bytes.to_vec()),
                    "cut at {cut} of {text:?}"
                );
            }
            let single: Vec<&[u8]> = bytes.chunks(1).collect();
            assert_eq!(split(&single), (want, bytes.to_vec()));
        }
    }

    #[test]
    fn an_event_above_the_limit_is_an_error_and_one_at_the_limit_is_not() {
        assert_eq!(Splitter::new(8).push(b"data: 12", |_| ()), Ok(()));
        assert_eq!(
            Splitter::new(8).push(b"data: 123", |_| ()),
            Err(Broken::TooLarge)
        );
    }
}
