//! The compact form of the catalogue, read where it lies.
//!
//! Layout, numbers little endian; a varint has seven bits a byte, the lowest first:
//!
//! | what | how |
//! |---|---|
//! | head | `LGM1`, then u32: date, keys, blocks, profiles, bytes of all blocks |
//! | places of the blocks, of the profiles | u32 each, from where blocks and profiles begin |
//! | blocks of 16 keys, sorted | each key: bytes shared with the key before, bytes more, those, its profile |
//! | profiles | context window, longest prompt, longest answer, capabilities, rows; each row: tier, above, which rates, the rates |
//!
//! A key is `provider/model` in lower case. All but the list's first row say only what differs from that one. What cannot
//! be read counts as absent; a test reads all of it.

use super::{
    Capabilities, Model,
    prices::{Prices, Rates},
};
use crate::api::answer::Tier;

const HEAD_BYTES: usize = 24;
const BLOCK_KEYS: usize = 16;
/// Longest `provider/model`. Units: bytes.
pub(super) const MAX_KEY_BYTES: usize = 160;

#[derive(Debug, Clone, Copy)]
pub(super) struct Packed<'a> {
    bytes: &'a [u8],
}

impl<'a> Packed<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    pub(super) fn date(&self) -> u32 {
        self.word(0, 4).unwrap_or(0)
    }

    pub(super) fn len(&self) -> usize {
        self.size(8)
    }

    /// The model with exactly this key.
    pub(super) fn get(&self, key: &str) -> Option<Model> {
        let profile = self.number_of(key.as_bytes())?;
        let (blocks, profiles) = (self.size(12), self.size(16));
        let at = (profile < profiles).then(|| self.word(blocks + profile, HEAD_BYTES))??;
        let start = self.blocks_start() + self.size(20) + at as usize;
        read(&mut Cursor(self.bytes.get(start..)?))
    }

    /// Which profile a key has: the block by halving, then along its keys.
    fn number_of(&self, key: &[u8]) -> Option<usize> {
        let (mut low, mut high) = (0, self.size(12));
        while low < high {
            let middle = low.midpoint(high);
            if self.first_key(middle)? <= key {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let mut cursor = self.block(low.checked_sub(1)?)?;
        // `matched`: how much of `key` the key before had in common with it.
        let mut matched = 0;
        for _ in 0..BLOCK_KEYS {
            let shared = cursor.size()?;
            let more = cursor.size()?;
            let rest = cursor.take(more)?;
            let profile = cursor.size()?;
            if shared < matched {
                // The keys have moved past it.
                return None;
            }
            if shared == matched {
                let wanted = key.get(matched..)?;
                let same = rest.iter().zip(wanted).take_while(|(a, b)| a == b).count();
                matched += same;
                if same == rest.len() && matched == key.len() {
                    return Some(profile);
                }
            }
        }
        None
    }

    fn first_key(&self, block: usize) -> Option<&'a [u8]> {
        let mut cursor = self.block(block)?;
        cursor.size()?;
        let length = cursor.size()?;
        cursor.take(length)
    }

    fn block(&self, block: usize) -> Option<Cursor<'a>> {
        let start = self.blocks_start() + self.word(block, HEAD_BYTES)? as usize;
        let end = self.blocks_start() + self.size(20);
        self.bytes.get(start..end).map(Cursor)
    }

    fn blocks_start(&self) -> usize {
        HEAD_BYTES + 4 * (self.size(12) + self.size(16))
    }

    fn size(&self, at: usize) -> usize {
        self.word(0, at).map_or(0, |word| word as usize)
    }

    /// The `index`th u32 from `start` on.
    fn word(&self, index: usize, start: usize) -> Option<u32> {
        let at = start + index * 4;
        let bytes = self.bytes.get(at..at + 4)?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?))
    }

    /// Every key, for tests.
    #[cfg(test)]
    pub(super) fn keys(&self) -> Vec<String> {
        let mut keys = Vec::new();
        for block in 0..self.size(12) {
            let mut cursor = self.block(block).unwrap();
            let mut key = Vec::new();
            for _ in 0..BLOCK_KEYS.min(self.len() - keys.len()) {
                let (shared, more) = (cursor.size().unwrap(), cursor.size().unwrap());
                key.truncate(shared);
                key.extend_from_slice(cursor.take(more).unwrap());
                cursor.size().unwrap();
                keys.push(String::from_utf8(key.clone()).unwrap());
            }
        }
        keys
    }
}

fn read(cursor: &mut Cursor<'_>) -> Option<Model> {
    let known = |value: u64| (value > 0).then_some(value);
    let mut model = Model {
        context_window: known(cursor.number()?),
        max_input: known(cursor.number()?),
        max_output: known(cursor.number()?),
        prices: None,
        can: Capabilities(cursor.number()?),
    };
    let rows = cursor.number()?;
    for place in 0..rows {
        let tier = tier(cursor.number()?)?;
        let above = cursor.number()?;
        let given = cursor.number()?;
        let mut rates = match &model.prices {
            Some(prices) => *prices.standard(),
            None => Rates::default(),
        };
        for (bit, rate) in rates.each().into_iter().enumerate() {
            if given >> bit & 1 == 1 {
                *rate = Some(cursor.number()?);
            }
        }
        match &mut model.prices {
            None if place == 0 => model.prices = Some(Prices::new(rates)),
            Some(prices) => prices.add(tier, above, rates),
            None => return None,
        }
    }
    Some(model)
}

const fn tier(number: u64) -> Option<Tier> {
    Some(match number {
        0 => Tier::Standard,
        1 => Tier::Batch,
        2 => Tier::Flex,
        3 => Tier::Priority,
        _ => return None,
    })
}

struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..63).step_by(7) {
            let byte = *self.take(1)?.first()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn size(&mut self) -> Option<usize> {
        self.number()?.try_into().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_found_and_its_neighbours_are_not() {
        let packed = Packed::new(super::super::PACKED);
        let keys = packed.keys();
        assert_eq!(keys.len(), packed.len());
        assert!(keys.is_sorted());
        for key in &keys {
            assert!(packed.get(key).is_some(), "{key}");
            for near in [format!("{key}~"), format!("{key} "), format!("~{key}")] {
                assert!(
                    !keys.contains(&near) && packed.get(&near).is_none(),
                    "{near}"
                );
            }
            let mut shorter = key.clone();
            while shorter.pop().is_some() {
                let listed = keys.binary_search(&shorter).is_ok();
                assert_eq!(packed.get(&shorter).is_some(), listed, "{shorter}");
            }
        }
    }

    #[test]
    fn damage_finds_nothing_and_breaks_nothing() {
        let whole = super::super::PACKED;
        for size in (0..whole.len()).step_by(97) {
            let cut = Packed::new(whole.get(..size).unwrap());
            let _ = (cut.get("openai/gpt-4o"), cut.get("zai/glm"), cut.get(""));
        }
        let mut bent = whole.to_vec();
        for at in (0..whole.len()).step_by(13) {
            let byte = bent.get(at).copied().unwrap();
            *bent.get_mut(at).unwrap() = !byte;
            let packed = Packed::new(&bent);
            let _ = (packed.get("openai/gpt-4o"), packed.get("zai/glm"));
            *bent.get_mut(at).unwrap() = byte;
        }
    }
}
