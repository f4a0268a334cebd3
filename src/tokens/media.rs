//! What documents and sound cost, as far as their first bytes tell. All of it is a rule of thumb: a
//! provider reads the pages, this gateway does not.

use super::image::start;
use crate::json::Quoted;

/// The part of a document that is looked at. Units: bytes.
const MAX_LOOKED_AT: usize = 64 << 10;

/// A page of a document that does not tell its pages: between scanned and printed ones. Units: bytes.
const BYTES_A_PAGE: u64 = 50_000;

/// More pages than any provider takes.
const MAX_PAGES: u64 = 10_000;

/// Pages of a document that only has a name or an address.
pub(super) const UNSEEN_PAGES: u64 = 5;

/// Seconds of sound that only has a name.
pub(super) const UNSEEN_SECONDS: u64 = 60;

/// Bytes of a second of sound that is not WAV: 128 kbit, the usual rate of MP3.
const BYTES_A_SECOND: u64 = 16_000;

/// Pages of a document in a `data:` URL or in bare base64: what its page tree says, where that is not
/// compressed and stands near the start, else by its size.
pub(super) fn pages(text: Quoted<'_>) -> u64 {
    let size = size(text);
    let Some(bytes) = start(text, MAX_LOOKED_AT) else {
        return UNSEEN_PAGES;
    };
    let told = if bytes.starts_with(b"%PDF-") {
        // A linearised document says it at once; the root of a page tree counts all of its leaves.
        let first = bytes.get(..bytes.len().min(1024)).unwrap_or_default();
        let linear = first.windows(11).any(|part| part == b"/Linearized");
        let linear = linear.then(|| largest(first, b"/N")).flatten();
        linear.or_else(|| largest(&bytes, b"/Count"))
    } else {
        None
    };
    told.unwrap_or_else(|| size.div_ceil(BYTES_A_PAGE))
        .clamp(1, MAX_PAGES)
}

/// The largest number behind a name and perhaps spaces.
fn largest(bytes: &[u8], name: &[u8]) -> Option<u64> {
    let number = |at: usize| {
        let value = bytes.get(at + name.len()..)?.trim_ascii_start();
        let digits = value.iter().take(7).take_while(|b| b.is_ascii_digit());
        let digits: Vec<u8> = digits.copied().collect();
        std::str::from_utf8(&digits).ok()?.parse().ok()
    };
    let places = bytes.windows(name.len()).enumerate();
    let places = places.filter(|(_, part)| *part == name);
    places.filter_map(|(at, _)| number(at)).max()
}

/// Seconds of sound in base64.
pub(super) fn seconds(text: Quoted<'_>) -> u64 {
    let rate = start(text, 64).and_then(|bytes| {
        let wave = bytes.starts_with(b"RIFF") && bytes.get(8..16) == Some(b"WAVEfmt ");
        let rate = bytes.get(28..32).filter(|_| wave)?;
        Some(rate.iter().rev().fold(0, |n, b| n << 8 | u64::from(*b)))
    });
    let rate = rate.filter(|rate| *rate >= 1000).unwrap_or(BYTES_A_SECOND);
    size(text).div_ceil(rate).max(1)
}

/// About how many bytes base64 text stands for.
fn size(text: Quoted<'_>) -> u64 {
    u64::try_from(text.inner().len() / 4 * 3).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::{Engine, engine::general_purpose::STANDARD};

    fn with<T>(bytes: &[u8], read: impl Fn(Quoted<'_>) -> T) -> T {
        let json = format!("\"{}\"", STANDARD.encode(bytes));
        read(Quoted::of(serde_json::from_str(&json).unwrap()).unwrap())
    }

    #[test]
    fn pages_are_what_the_document_says_or_what_its_size_suggests() {
        let of =
            |text: &str, more: usize| with(&[text.as_bytes(), &vec![b' '; more]].concat(), pages);
        let tree =
            "%PDF-1.4 2 0 obj <</Type/Pages/Kids[3 0 R 9 0 R]/Count 12>> 3 0 obj <</Count 5>>";
        assert_eq!(of(tree, 1000), 12);
        assert_eq!(
            of(
                "%PDF-1.7 1 0 obj <</Linearized 1/L 9/N 7/T 3>> /Count 3",
                10
            ),
            7
        );
        assert_eq!(of("%PDF-1.7 compressed", 500_000), 11);
        assert_eq!(of("%PDF-1.7 /Count 99999999999999999999", 10), MAX_PAGES);
        assert_eq!(of("plain text", 10), 1);
        assert_eq!(with(b"", pages), UNSEEN_PAGES);
    }

    #[test]
    fn seconds_are_those_of_the_header_or_of_an_usual_rate() {
        let mut wave = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0".to_vec();
        wave.extend(24_000u32.to_le_bytes());
        wave.extend(48_000u32.to_le_bytes());
        wave.resize(480_000, 0);
        assert_eq!(with(&wave, seconds), 10);
        assert_eq!(with(&vec![0xff; 159_999], seconds), 10);
        wave[28..32].fill(0);
        assert_eq!(with(&wave, seconds), 30, "a rate of nothing");
        assert_eq!(with(b"", seconds), 1);
    }
}
