//! Where the ordinary text inside a string ends, eight bytes at a time.

/// How many bytes from the start are ordinary inside a string: no quote, backslash or control.
#[inline]
pub(super) fn plain(bytes: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let mut rest = bytes;
    while let Some((word, after)) = rest.split_first_chunk::<8>() {
        let word = u64::from_le_bytes(*word);
        // With the quote (0x22) and the space (0x20) exchanged, controls and the quote are all that lies below 0x21.
        let low = word ^ (ONES * 2);
        let slash = word ^ (ONES * b'\\' as u64);
        // A byte that is less than what is taken from it borrows its high bit, unless it had it before; above the first
        // hit there may be false ones, which is fine: only the first counts.
        let special = (low.wrapping_sub(ONES * 0x21) | slash.wrapping_sub(ONES)) & !word & HIGH;
        if special != 0 {
            return bytes.len() - rest.len() + (special.trailing_zeros() / 8) as usize;
        }
        rest = after;
    }
    let special = |b: &u8| matches!(b, b'"' | b'\\' | 0..=0x1f);
    bytes.len() - rest.len() + rest.iter().position(special).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_plain_text_is_found_at_every_offset() {
        for at in 0..40 {
            for special in ['"', '\\', '\n', '\u{1f}'] {
                let mut text = "\u{e9}".repeat(20);
                text.truncate(at - at % 2);
                let at = text.len();
                text.push(special);
                text.push_str("tail of the text");
                assert_eq!(plain(text.as_bytes()), at, "{special:?} at {at}");
            }
        }
        assert_eq!(
            plain("no special thing here \u{7f}\u{80}\u{ff}".as_bytes()),
            27
        );
    }

    #[test]
    fn every_byte_among_every_neighbour_is_plain_or_not() {
        let special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..=0x1f);
        for neighbour in [b' ', b'!', b'#', b'[', b']', 0x7f, 0x80, 0xa2, 0xdc, 0xff] {
            for (byte, at) in (0..=255).flat_map(|byte| (0..17).map(move |at| (byte, at))) {
                let mut bytes = [neighbour; 17];
                bytes[at] = byte;
                let want = bytes.iter().position(special).unwrap_or(17);
                assert_eq!(
                    plain(&bytes),
                    want,
                    "{byte:#x} at {at} among {neighbour:#x}"
                );
            }
        }
    }
}
