//! The vocabulary of one encoding as a table of merges: which two tokens become which third.
//!
//! In both of OpenAI's vocabularies every token longer than a byte comes from exactly one pair of
//! earlier tokens, and a token's number is also its rank. So the pairs alone say everything that
//! counting needs, and no token's text is stored. Each pair has one place, found by a perfect hash:
//! a lookup reads one seed and one slot, whether the pair is there or not.
//!
//! The tables are read where they lie in the file: nothing is built at start, nothing is allocated.
//! `tests/vocabulary.rs` makes them from the vocabularies and compares them on every run.

/// A token's number, which is its rank, in the low 18 bits. Above them, which tokens it may merge
/// with on its right and on its left: one bit for each fifth of all tokens. Most pairs that do not
/// merge are known by these bits, without a look into the table.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Token(u32);

/// Bits of a token's number: both vocabularies have fewer than 2^18 tokens.
const NUMBER_BITS: u32 = 18;
const NUMBER: u32 = (1 << NUMBER_BITS) - 1;
const PAIR: u64 = (1 << (2 * NUMBER_BITS)) - 1;
/// Into how many parts the tokens are divided for the bits above the number.
const PARTS: u32 = 5;

impl Token {
    /// Stands where there is no token.
    pub(super) const NONE: Self = Self(u32::MAX);

    #[inline]
    pub(super) fn number(self) -> u32 {
        self.0 & NUMBER
    }

    #[inline]
    fn merges_with(self, right: Self) -> bool {
        let rights = self.0 >> NUMBER_BITS;
        let lefts = right.0 >> (NUMBER_BITS + PARTS);
        let mutual = (rights >> right.part()) & (lefts >> self.part());
        mutual & 1 == 1
    }

    #[inline]
    fn part(self) -> u32 {
        ((self.number().wrapping_mul(0x9e37_79b1) >> 16) * PARTS) >> 16
    }
}

/// One encoding's merges.
pub(super) struct Table {
    /// The token of each single byte, little-endian.
    singles: &'static [[u8; 4]],
    /// One seed for each group of pairs, little-endian.
    seeds: &'static [[u8; 2]],
    /// The left number, the right number and the token they become, from the lowest bit on,
    /// little-endian; all ones where no pair lies.
    slots: &'static [[u8; 8]],
}

impl Table {
    /// Reads the file: 256 single tokens, the number of seeds as 8 bytes little-endian, the seeds,
    /// the slots. Called at compile time: a file of another shape does not build.
    pub(super) const fn read(file: &'static [u8]) -> Self {
        let (singles, rest) = file.split_at(256 * 4);
        let (head, rest) = rest.split_at(8);
        let mut seeds = 0;
        let mut i = head.len();
        while let Some((last, front)) = head.split_at(i).0.split_last() {
            seeds = seeds << 8 | *last as usize;
            i = front.len();
        }
        let (seeds, slots) = rest.split_at(2 * seeds);
        Self {
            singles: singles.as_chunks().0,
            seeds: seeds.as_chunks().0,
            slots: slots.as_chunks().0,
        }
    }

    /// The token of one byte.
    #[inline]
    pub(super) fn single(&self, byte: u8) -> Token {
        let token = self.singles.get(usize::from(byte));
        token.map_or(Token::NONE, |&bytes| Token(u32::from_le_bytes(bytes)))
    }

    /// The token that two neighbours become.
    #[inline]
    pub(super) fn merge(&self, left: Token, right: Token) -> Option<Token> {
        if !left.merges_with(right) {
            return None;
        }
        let pair = u64::from(left.number()) | u64::from(right.number()) << NUMBER_BITS;
        let seed = self.seeds.get(group(pair, self.seeds.len()));
        let seed = seed.map_or(0, |&bytes| u16::from_le_bytes(bytes));
        let slot = self.slots.get(place(pair, seed, self.slots.len()));
        let slot = slot.map_or(u64::MAX, |&bytes| u64::from_le_bytes(bytes));
        (slot & PAIR == pair).then_some(Token((slot >> (2 * NUMBER_BITS)) as u32))
    }
}

/// The group of a pair, whose seed leads on to its slot.
#[inline]
fn group(pair: u64, groups: usize) -> usize {
    scaled(pair.wrapping_mul(0x9e37_79b9_7f4a_7c15), groups)
}

/// The slot of a pair under its group's seed.
#[inline]
fn place(pair: u64, seed: u16, slots: usize) -> usize {
    let mixed = pair.wrapping_mul(0x9e37_79b9_7f4a_7c15)
        ^ (u64::from(seed) + 1).wrapping_mul(0xd6e8_feb8_6659_fd93);
    scaled(mixed.wrapping_mul(0xc2b2_ae3d_27d4_eb4f), slots)
}

/// The upper half of a hash, spread evenly over `0..below`.
#[inline]
fn scaled(hash: u64, below: usize) -> usize {
    (((hash >> 32) * below as u64) >> 32) as usize
}
