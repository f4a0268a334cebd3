//! Texts within a text: base64.

use super::look::Look;
use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

/// The shortest word that is worth decoding: an address of twelve characters.
const MIN: usize = 16;
/// The longest one: pictures are no texts.
pub(super) const MAX: usize = 4096;

const CONFIG: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, CONFIG);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, CONFIG);

/// The text that a word is the base64 of, and where the word ends. A word longer than [`MAX`] is none.
pub(super) fn text(look: &mut Look<'_>) -> Option<(String, usize)> {
    let [before, _] = look.before();
    if !look.get(0).is_ascii_alphanumeric() || matches!(before, b'+' | b'/' | b'-' | b'_') {
        return None;
    }
    let chars = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'+' | b'/' | b'-' | b'_');
    // Four characters give three bytes: texts show at once.
    if look.run(0, MIN, chars) < MIN || !is_text(look.read(0, 8)) {
        return None;
    }
    let length = look.run(0, MAX + 1, chars);
    if length > MAX {
        return None;
    }
    let decoded = decode(look.read(0, length))?;
    let decoded = String::from_utf8(decoded).ok()?;
    let hidden = decoded
        .chars()
        .any(|c| c.is_control() && !c.is_whitespace());
    let padding = look.run(length, 2, |c| c == b'=');
    (!hidden).then_some((decoded, length + padding))
}

fn decode(word: &[u8]) -> Option<Vec<u8>> {
    let url = word.iter().any(|c| matches!(c, b'-' | b'_'));
    let engine = if url { &URL_SAFE } else { &STANDARD };
    engine.decode(word).ok()
}

/// Whether the first characters decode to what may be written.
fn is_text(word: &[u8]) -> bool {
    decode(word).is_some_and(|bytes| {
        bytes
            .iter()
            .all(|byte| *byte >= b' ' || matches!(byte, b'\n' | b'\r' | b'\t'))
    })
}
