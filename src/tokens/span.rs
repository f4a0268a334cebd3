//! Places in a text that no token of the vocabulary reaches over. Whatever merges on one side, it
//! never merges with the other: such a place cuts a piece in two that are counted apart. In a
//! language written without spaces the parts are about its words, and short enough to remember.

/// The surroundings of every place inside every token at which a character begins: the byte or the
/// two before it with the byte or the two behind, as far as the token reaches. A set with false
/// members, which only leave a cut out; `tests/vocabulary.rs` makes it and compares it on every
/// run.
pub(super) struct Spans(pub(super) &'static [u8]);

/// The number of bits is 1 << BITS.
pub(super) const BITS: u32 = 20;

/// One factor for each number of bytes before and behind.
const SALTS: [(usize, usize, u32); 4] = [
    (2, 2, 0x9e37_79b1),
    (1, 2, 0x85eb_ca77),
    (2, 1, 0xc2b2_ae3d),
    (1, 1, 0x27d4_eb2f),
];

impl Spans {
    /// Whether a token may reach over the place before `at`.
    #[inline]
    fn over(&self, text: &[u8], at: usize) -> bool {
        let Some(&[a, b, c, d]) = text.get(at.wrapping_sub(2)..).and_then(<[u8]>::first_chunk)
        else {
            return true;
        };
        let around = u32::from_be_bytes([a, b, c, d]);
        SALTS.iter().any(|(before, behind, salt)| {
            let seen = (u32::MAX >> (16 - 8 * before)) & (u32::MAX << (16 - 8 * behind));
            let bit = (around & seen).wrapping_mul(*salt) >> (32 - BITS);
            let byte = self.0.get((bit >> 3) as usize).copied().unwrap_or(u8::MAX);
            (byte >> (bit & 7)) & 1 == 1
        })
    }

    /// Where the part of the piece that begins at `at` ends.
    #[inline]
    pub(super) fn part_end(&self, text: &[u8], at: usize, end: usize) -> usize {
        let starts_character = |at: &usize| text.get(*at).is_some_and(|byte| byte & 0xc0 != 0x80);
        (at + 2..end)
            .filter(starts_character)
            .find(|&place| !self.over(text, place))
            .unwrap_or(end)
    }
}
