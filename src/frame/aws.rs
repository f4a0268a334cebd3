//! AWS event streams: binary messages with headers and two checksums, in bounded memory.
//!
//! A message is a prelude (its length, the length of its headers, the checksum of these two), the
//! headers, the payload, and the checksum of all before it. Nothing of a message is looked at before
//! both checksums are right.
//! Source: smithy.io, "Amazon Event Stream specification"; Amazon Transcribe developer guide, "Event
//! stream encoding"; read 2026-11. Checked against the parser of botocore 1.44.

use super::{Broken, Event};

/// Two lengths and their checksum.
const PRELUDE: usize = 12;
/// The checksum at the end.
const CHECK: usize = 4;
/// Most bytes of headers. Source: as above.
const MAX_HEADERS: usize = 128 << 10;

/// Cuts a byte stream into events.
#[derive(Debug)]
pub struct Splitter {
    held: Vec<u8>,
    limit: usize,
}

impl Splitter {
    /// Units: bytes of one message.
    pub fn new(limit: usize) -> Self {
        Self {
            held: Vec::new(),
            limit,
        }
    }

    /// Feeds bytes and calls `each` once per finished message.
    ///
    /// Errors: [`Broken`]; the stream cannot be continued after it.
    pub fn push(&mut self, bytes: &[u8], mut each: impl FnMut(Event<'_>)) -> Result<(), Broken> {
        let known = self.held.len();
        if known > 0 {
            self.held.extend_from_slice(bytes);
        }
        let held = std::mem::take(&mut self.held);
        let whole = if known > 0 { held.as_slice() } else { bytes };
        let mut rest = whole;
        while let Some((message, after)) = next(rest, self.limit)? {
            each(message);
            rest = after;
        }
        // A message that is still growing stays where it is: copying it each time would be quadratic.
        self.held = if known > 0 && rest.len() == held.len() {
            held
        } else {
            rest.to_vec()
        };
        Ok(())
    }

    /// Bytes held back until their message is complete.
    pub fn held(&self) -> usize {
        self.held.len()
    }
}

/// The first message and what follows it; `None` until all of it is here.
fn next(bytes: &[u8], limit: usize) -> Result<Option<(Event<'_>, &[u8])>, Broken> {
    let Some((prelude, _)) = bytes.split_first_chunk::<PRELUDE>() else {
        return Ok(None);
    };
    let (Some((length, lengths)), Some((sizes, check))) =
        (number(prelude), prelude.split_last_chunk::<CHECK>())
    else {
        return Err(Broken::Corrupt);
    };
    let (Some((headers, _)), true) = (number(lengths), crc32(sizes) == u32::from_be_bytes(*check))
    else {
        return Err(Broken::Corrupt);
    };
    if length > limit {
        return Err(Broken::TooLarge);
    }
    if headers > MAX_HEADERS || length < PRELUDE + headers + CHECK {
        return Err(Broken::Corrupt);
    }
    let Some((raw, after)) = bytes.split_at_checked(length) else {
        return Ok(None);
    };
    let event = message(raw, headers).ok_or(Broken::Corrupt)?;
    Ok(Some((event, after)))
}

/// `None`: a checksum or a header is wrong.
fn message(raw: &[u8], headers: usize) -> Option<Event<'_>> {
    let (body, check) = raw.split_last_chunk::<CHECK>()?;
    if crc32(body) != u32::from_be_bytes(*check) {
        return None;
    }
    let (headers, payload) = body.get(PRELUDE..)?.split_at_checked(headers)?;
    let head = Head::read(headers)?;
    let text = |bytes| String::from_utf8_lossy(bytes);
    let (name, data, failed) = match head.kind {
        // Errors of the service itself say all in headers.
        b"error" => (head.error_code, head.error_message, true),
        b"exception" => (head.exception_type, payload, true),
        _ => (head.event_type, payload, false),
    };
    Some(Event {
        name: text(name),
        data: Some(text(data)),
        failed,
        raw,
    })
}

/// The headers that say what a message is; empty where absent.
#[derive(Default)]
struct Head<'a> {
    kind: &'a [u8],
    event_type: &'a [u8],
    exception_type: &'a [u8],
    error_code: &'a [u8],
    error_message: &'a [u8],
}

impl<'a> Head<'a> {
    fn read(mut bytes: &'a [u8]) -> Option<Self> {
        let mut head = Self::default();
        while let Some((size, rest)) = bytes.split_first() {
            let (name, rest) = rest.split_at_checked(usize::from(*size))?;
            let (kind, rest) = rest.split_first()?;
            let (value, rest) = value(*kind, rest)?;
            bytes = rest;
            let slot = match name {
                b":message-type" => &mut head.kind,
                b":event-type" => &mut head.event_type,
                b":exception-type" => &mut head.exception_type,
                b":error-code" => &mut head.error_code,
                b":error-message" => &mut head.error_message,
                _ => continue,
            };
            *slot = value?;
        }
        Some(head)
    }
}

/// A header's value, when it is text, and what follows it.
fn value(kind: u8, bytes: &[u8]) -> Option<(Option<&[u8]>, &[u8])> {
    let fixed = match kind {
        0 | 1 => 0, // true, false
        2 => 1,     // byte
        3 => 2,     // short
        4 => 4,     // integer
        5 | 8 => 8, // long, time
        9 => 16,    // uuid
        6 | 7 => {
            // bytes, text: their size stands before them
            let (size, rest) = bytes.split_first_chunk::<2>()?;
            let size = usize::from(u16::from_be_bytes(*size));
            let (value, rest) = rest.split_at_checked(size)?;
            return Some(((kind == 7).then_some(value), rest));
        }
        _ => return None,
    };
    bytes.get(fixed..).map(|rest| (None, rest))
}

fn number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (number, rest) = bytes.split_first_chunk::<4>()?;
    let number = usize::try_from(u32::from_be_bytes(*number)).ok()?;
    Some((number, rest))
}

/// CRC-32 as gzip has it, four bits at a time: a table of 256 entries would not be faster for events
/// that are some hundred bytes long.
fn crc32(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 16] = [
        0x0000_0000,
        0x1db7_1064,
        0x3b6e_20c8,
        0x26d9_30ac,
        0x76dc_4190,
        0x6b6b_51f4,
        0x4db2_6158,
        0x5005_713c,
        0xedb8_8320,
        0xf00f_9344,
        0xd6d6_a3e8,
        0xcb61_b38c,
        0x9b64_c2b0,
        0x86d3_d2d4,
        0xa00a_e278,
        0xbdbd_f21c,
    ];
    let step = |crc: u32| {
        let entry = TABLE.get((crc & 15) as usize).copied();
        (crc >> 4) ^ entry.unwrap_or_default()
    };
    !bytes
        .iter()
        .fold(!0, |crc, byte| step(step(crc ^ u32::from(*byte))))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A message out of headers `(name, type, value with its size)` and a payload.
    fn made(headers: &[(&str, u8, &[u8])], payload: &[u8]) -> Vec<u8> {
        let mut head = Vec::new();
        for (name, kind, value) in headers {
            head.push(u8::try_from(name.len()).unwrap());
            head.extend_from_slice(name.as_bytes());
            head.push(*kind);
            head.extend_from_slice(value);
        }
        let total = u32::try_from(PRELUDE + head.len() + payload.len() + CHECK).unwrap();
        let mut out = total.to_be_bytes().to_vec();
        out.extend_from_slice(&u32::try_from(head.len()).unwrap().to_be_bytes());
        out.extend_from_slice(&crc32(&out).to_be_bytes());
        out.extend_from_slice(&head);
        out.extend_from_slice(payload);
        out.extend_from_slice(&crc32(&out).to_be_bytes());
        out
    }

    fn text(value: &str) -> Vec<u8> {
        let size = u16::try_from(value.len()).unwrap().to_be_bytes();
        [&size, value.as_bytes()].concat()
    }

    fn event(name: &str, payload: &str) -> Vec<u8> {
        let (kind, name) = (text("event"), text(name));
        made(
            &[(":message-type", 7, &kind), (":event-type", 7, &name)],
            payload.as_bytes(),
        )
    }

    type Seen = Vec<(String, String, bool)>;

    fn split(pieces: &[&[u8]]) -> Result<(Seen, Vec<u8>), Broken> {
        let (mut splitter, mut seen, mut raw) = (Splitter::new(1 << 16), vec![], vec![]);
        for piece in pieces {
            splitter.push(piece, |event| {
                raw.extend_from_slice(event.raw);
                let data = event.data.unwrap().into_owned();
                seen.push((event.name.into_owned(), data, event.failed));
            })?;
        }
        Ok((seen, raw))
    }

    #[test]
    fn the_checksum_is_the_common_one() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b""), 0);
    }

    #[test]
    fn every_cut_gives_the_same_events_and_all_bytes() {
        let (kind, name) = (text("exception"), text("throttlingException"));
        let (error, code) = (text("error"), text("InternalError"));
        let said = text("It broke");
        let stream = [
            event("contentBlockDelta", "{\"delta\":{\"text\":\"\u{e9}\"}}"),
            event("ping", ""),
            made(
                &[
                    ("t", 0, &[]),
                    ("f", 1, &[]),
                    ("b", 2, &[1]),
                    ("s", 3, &[1, 2]),
                    ("i", 4, &[0; 4]),
                    ("l", 5, &[0; 8]),
                    ("x", 6, &[0, 2, 9, 9]),
                    (":exception-type", 7, &name),
                    ("w", 8, &[0; 8]),
                    ("u", 9, &[0; 16]),
                    (":message-type", 7, &kind),
                ],
                b"{}",
            ),
            made(
                &[
                    (":message-type", 7, &error),
                    (":error-code", 7, &code),
                    (":error-message", 7, &said),
                ],
                b"",
            ),
        ]
        .concat();
        let seen = |name: &str, data: &str, failed| (name.to_owned(), data.to_owned(), failed);
        let want = vec![
            seen(
                "contentBlockDelta",
                "{\"delta\":{\"text\":\"\u{e9}\"}}",
                false,
            ),
            seen("ping", "", false),
            seen("throttlingException", "{}", true),
            seen("InternalError", "It broke", true),
        ];
        for cut in 0..=stream.len() {
            let (a, b) = stream.split_at(cut);
            assert_eq!(
                split(&[a, b]),
                Ok((want.clone(), stream.clone())),
                "cut at {cut}"
            );
        }
        let single: Vec<&[u8]> = stream.chunks(1).collect();
        assert_eq!(split(&single), Ok((want, stream.clone())));
    }

    #[test]
    fn a_flipped_bit_anywhere_is_noticed() {
        let good = event("messageStop", r#"{"stopReason":"end_turn"}"#);
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0x10;
            assert_eq!(split(&[&bad]), Err(Broken::Corrupt), "byte {at}");
        }
    }

    #[test]
    fn lengths_that_lie_are_refused_although_their_checksum_is_right() {
        let prelude = |total: u32, headers: u32| {
            let mut out = [total.to_be_bytes(), headers.to_be_bytes()].concat();
            out.extend_from_slice(&crc32(&out).to_be_bytes());
            out
        };
        assert_eq!(split(&[&prelude(15, 0)]), Err(Broken::Corrupt));
        assert_eq!(split(&[&prelude(20, 5)]), Err(Broken::Corrupt));
        assert_eq!(split(&[&prelude(0, u32::MAX)]), Err(Broken::Corrupt));
        assert_eq!(split(&[&prelude(u32::MAX, 0)]), Err(Broken::TooLarge));
        assert_eq!(split(&[&prelude((1 << 16) + 1, 0)]), Err(Broken::TooLarge));
        assert_eq!(split(&[&prelude(1 << 16, 0)]), Ok((vec![], vec![])));
        assert_eq!(split(&[b"data: {}\n\ndata: {}\n\n"]), Err(Broken::Corrupt));
    }

    #[test]
    fn a_header_that_cannot_be_read_is_an_error() {
        let name = text("x");
        let cases: [&[(&str, u8, &[u8])]; 4] = [
            &[("a", 10, &[])],
            &[("a", 5, &[0; 7])],
            &[("a", 7, &[0, 3, b'x'])],
            &[(":event-type", 6, &name)],
        ];
        for headers in cases {
            assert_eq!(split(&[&made(headers, b"")]), Err(Broken::Corrupt));
        }
    }
}
