//! Which kind of character the pre-tokenisation sees: what `\p{L}`, `\p{N}`, `\s` and their
//! subclasses in OpenAI's patterns come down to.

/// The kinds that the patterns tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// None of the others: punctuation, symbols, controls, unassigned.
    Other,
    /// Lu and Lt.
    Upper,
    /// Ll.
    Lower,
    /// Lm and Lo: letters without case, which count as either.
    Letter,
    /// M. No letter, but in `o200k_base` part of a word.
    Mark,
    /// N.
    Number,
    /// White space apart from line ends.
    Space,
    /// `\r` and `\n`.
    Newline,
    /// Behind the last character.
    End,
}

/// First 4352 bytes: for each 256 code points the number of their block. Then the blocks, a class
/// a byte. From the tables of the `regex` crate, as tiktoken's own matching is;
/// `tests/vocabulary.rs` makes it and compares it on every run.
static CLASSES: &[u8] = include_bytes!("data/classes.bin");
const BLOCKS: usize = 0x11_0000 / 256;

impl Class {
    #[inline]
    fn of(number: u8) -> Self {
        match number {
            1 => Self::Upper,
            2 => Self::Lower,
            3 => Self::Letter,
            4 => Self::Mark,
            5 => Self::Number,
            6 => Self::Space,
            7 => Self::Newline,
            _ => Self::Other,
        }
    }

    /// The class of a code point.
    #[inline]
    pub(super) fn of_code_point(code: u32) -> Self {
        let block = CLASSES
            .get((code >> 8) as usize)
            .copied()
            .unwrap_or_default();
        let at = BLOCKS + usize::from(block) * 256 + (code & 255) as usize;
        Self::of(CLASSES.get(at).copied().unwrap_or_default())
    }
}

/// The class of the character at `at`, and its length in bytes.
#[inline]
pub(super) fn class_at(text: &[u8], at: usize) -> (Class, usize) {
    let Some(&first) = text.get(at) else {
        return (Class::End, 0);
    };
    if first < 0x80 {
        return (
            Class::of(ASCII.get(usize::from(first)).copied().unwrap_or_default()),
            1,
        );
    }
    // Text is valid UTF-8: the first byte says how many follow.
    let length = match first {
        0xf0.. => 4,
        0xe0.. => 3,
        _ => 2,
    };
    let mut code = u32::from(first) & (0x7f >> length);
    for byte in text.get(at + 1..at + length).unwrap_or_default() {
        code = (code << 6) | u32::from(byte & 0x3f);
    }
    (Class::of_code_point(code), length)
}

/// The first 128 classes once more, one read instead of two.
static ASCII: [u8; 128] = {
    let mut table = [0; 128];
    let mut i = 0u8;
    while i < 128 {
        let class = match i {
            b'\r' | b'\n' => 7,
            b'\t' | 0x0b | 0x0c | b' ' => 6,
            b'0'..=b'9' => 5,
            b'a'..=b'z' => 2,
            b'A'..=b'Z' => 1,
            _ => 0,
        };
        let (_, tail) = table.split_at_mut(i as usize);
        if let Some(slot) = tail.first_mut() {
            *slot = class;
        }
        i += 1;
    }
    table
};
