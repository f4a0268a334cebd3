//! Remembers what short pieces came to: nine of ten pieces of natural text and code were seen a
//! moment ago.

/// Longest piece that is remembered. Units: bytes.
pub(super) const LONGEST: usize = 16;
/// A power of two; 24 bytes each.
const ENTRIES: usize = 8192;

#[derive(Clone, Copy)]
struct Entry {
    /// The piece, filled up with zeros.
    piece: [u8; LONGEST],
    length: u8,
    tokens: u8,
}

/// The last pieces and their number of tokens. 150 KB.
pub(super) struct Memory {
    entries: Box<[Entry; ENTRIES]>,
}

/// A piece that can be remembered, and its place.
pub(super) struct Key {
    piece: u128,
    length: u8,
    at: usize,
}

impl Memory {
    pub(super) fn new() -> Self {
        let empty = Entry {
            piece: [0; LONGEST],
            length: 0,
            tokens: 0,
        };
        Self {
            entries: Box::new([empty; ENTRIES]),
        }
    }

    /// The key of a piece, unless it is too long.
    #[inline]
    pub(super) fn key(text: &[u8], at: usize, end: usize) -> Option<Key> {
        let length = end - at;
        if length > LONGEST {
            return None;
        }
        let piece = match text.get(at..).and_then(<[u8]>::first_chunk::<LONGEST>) {
            Some(bytes) => u128::from_le_bytes(*bytes) & (u128::MAX >> (8 * (LONGEST - length))),
            // Near the text's end there are not as many bytes to read.
            None => text
                .get(at..end)?
                .iter()
                .rev()
                .fold(0, |piece, &byte| (piece << 8) | u128::from(byte)),
        };
        let (low, high) = (piece as u64, (piece >> 64) as u64);
        let mixed =
            (low ^ high.wrapping_mul(0xd6e8_feb8_6659_fd93)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Some(Key {
            piece,
            length: length as u8,
            at: (mixed >> 51) as usize,
        })
    }

    /// The number of tokens, where it is known.
    #[inline]
    pub(super) fn get(&self, key: &Key) -> Option<u64> {
        let entry = self.entries.get(key.at)?;
        (u128::from_le_bytes(entry.piece) == key.piece && entry.length == key.length)
            .then_some(entry.tokens.into())
    }

    /// Remembers a piece instead of the one that had its place.
    #[inline]
    pub(super) fn put(&mut self, key: &Key, tokens: u64) {
        if let Some(entry) = self.entries.get_mut(key.at) {
            entry.piece = key.piece.to_le_bytes();
            entry.length = key.length;
            entry.tokens = tokens as u8;
        }
    }
}

const _: () = assert!(ENTRIES == 1 << (64 - 51));
