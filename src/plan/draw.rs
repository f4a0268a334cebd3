//! Numbers that stand for targets and requests, and draws that depend on nothing else.

use super::Step;
use crate::config::Gateway;

/// The number that stands for this model of this provider.
pub fn number(provider: &str, model: &str) -> u64 {
    hash(model, hash(provider, FNV))
}

/// The number that stands for a step's target in what all workers share. Models that only a client has named are one
/// target of their provider, so that clients cannot fill a table with names of their own.
pub fn mark(config: &Gateway, step: &Step) -> u64 {
    match config.listed(&step.provider, &step.model) {
        Some(listed) => listed.number,
        None => number(&step.provider, ""),
    }
}

/// FNV-1a's offset basis. Source: general knowledge.
pub(super) const FNV: u64 = 0xcbf2_9ce4_8422_2325;

/// FNV-1a of a text and of a byte that ends it.
pub(super) fn hash(text: &str, from: u64) -> u64 {
    let bytes = text.bytes().chain([0xff]);
    bytes.fold(from, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// Spreads a number over all bits: the end of SplitMix64. Source: general knowledge.
pub(super) const fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A draw from the exponential distribution of rate 1, from 64 even bits.
pub(super) fn exponential(bits: u64) -> f64 {
    // 53 bits are what a double holds; a half keeps it from 0, whose logarithm is none.
    let even = ((bits >> 11) as f64 + 0.5) / 9_007_199_254_740_992.0;
    -even.ln()
}
