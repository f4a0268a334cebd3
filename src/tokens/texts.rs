//! Remembers what long texts came to: a conversation sends its whole history again with each turn,
//! an agent the same instructions and tools with each call.

use lru::LruCache;
use std::{
    hash::{BuildHasher, RandomState},
    num::NonZeroUsize,
};

/// Shorter texts are counted sooner than looked up. Units: bytes.
pub(super) const SHORTEST: usize = 256;
/// Texts remembered; about 80 bytes each, whatever their length.
const ENTRIES: NonZeroUsize = NonZeroUsize::MIN.saturating_add(4095);

/// A text is known by its length and a 64-bit SipHash under a secret key: that two differ and agree
/// in both is left out of account.
type Key = (usize, u64);

/// The counts of the last long texts.
pub(super) struct Texts {
    hash: RandomState,
    counts: LruCache<Key, u64>,
}

impl Texts {
    pub(super) fn new() -> Self {
        Self {
            hash: RandomState::new(),
            counts: LruCache::new(ENTRIES),
        }
    }

    pub(super) fn key(&self, text: &[u8]) -> Key {
        (text.len(), self.hash.hash_one(text))
    }

    /// The count of a text, if it is among the last.
    pub(super) fn get(&mut self, key: &Key) -> Option<u64> {
        self.counts.get(key).copied()
    }

    /// Remembers a text instead of the one that was not asked for the longest.
    pub(super) fn put(&mut self, key: Key, tokens: u64) {
        self.counts.put(key, tokens);
    }
}
