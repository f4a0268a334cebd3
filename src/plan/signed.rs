//! A hand-over in a header, for a copy of a request: Envoy gives the copy no filter state.
//!
//! Headers are what clients write, so the hand-over is signed with a secret that only this process has, and holds for
//! the moment in which Envoy makes the copy. Whoever gets to a provider's cluster without the gateway role is refused
//! whatever their headers say.

use super::HandOver;
use crate::{
    host::{Host, keys::shared},
    log::millis,
};
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use sha2::{Digest, Sha256};
use std::hash::{BuildHasher, RandomState};

/// Longest header.
const MAX_BYTES: usize = 16 << 10;
/// A copy is made as soon as the request is here. Units: milliseconds.
const HOLDS_MS: u64 = 10_000;
const SECRET_BYTES: usize = 32;
/// Of SHA-256. Source: RFC 2104; FIPS 180-4.
const BLOCK_BYTES: usize = 64;

/// The header's value. `None`: it would be too long, or there is no secret.
pub fn write(host: &dyn Host, plan: &HandOver) -> Option<String> {
    let body = serde_json::to_vec(plan).ok()?;
    let key = made(host)?;
    let now = millis(host.now());
    let text = format!("{now}.{}", STANDARD_NO_PAD.encode(body));
    let mark = STANDARD_NO_PAD.encode(mac(&key, text.as_bytes()));
    let text = [&*text, ".", &mark].concat();
    (text.len() <= MAX_BYTES).then_some(text)
}

/// What this process has written into a header just now; `None`: it has not.
pub fn read(host: &dyn Host, header: &str) -> Option<HandOver> {
    let (text, mark) = header
        .rsplit_once('.')
        .filter(|_| header.len() <= MAX_BYTES)?;
    let mark = STANDARD_NO_PAD.decode(mark).ok()?;
    let key = secret(host)?;
    // All of it is looked at, however early it differs: the time tells nothing.
    let own = mac(&key, text.as_bytes());
    let differ = own.iter().zip(&mark).fold(0, |all, (a, b)| all | (a ^ b));
    if mark.len() != own.len() || differ != 0 {
        return None;
    }
    let (at, body) = text.split_once('.')?;
    let age = millis(host.now()).checked_sub(at.parse().ok()?)?;
    let body = STANDARD_NO_PAD.decode(body).ok();
    serde_json::from_slice(&body.filter(|_| age <= HOLDS_MS)?).ok()
}

/// What all workers sign with; `None`: nobody has signed anything yet.
fn secret(host: &dyn Host) -> Option<Vec<u8>> {
    let secret = host.get(shared::MIRROR_SECRET).bytes;
    (secret.len() == SECRET_BYTES).then_some(secret)
}

fn made(host: &dyn Host) -> Option<Vec<u8>> {
    if let Some(secret) = secret(host) {
        return Some(secret);
    }
    // Who comes second writes over it at worst: a copy that was signed in between is refused.
    let drawn: Vec<u8> = (0..SECRET_BYTES / 8).flat_map(|_| random()).collect();
    host.set(shared::MIRROR_SECRET, &drawn, 0).ok()?;
    secret(host)
}

/// The standard library's hasher has keys of 128 random bits, and nobody sees what it makes of them.
fn random() -> [u8; 8] {
    RandomState::new().hash_one(0_u8).to_le_bytes()
}

/// HMAC with SHA-256; `key`: no longer than a block. Source: RFC 2104.
fn mac(key: &[u8], text: &[u8]) -> [u8; 32] {
    let padded = |with: u8| {
        let mut block = [with; BLOCK_BYTES];
        for (byte, key) in block.iter_mut().zip(key) {
            *byte ^= key;
        }
        block
    };
    let inner = Sha256::new()
        .chain_update(padded(0x36))
        .chain_update(text)
        .finalize();
    let outer = Sha256::new().chain_update(padded(0x5c)).chain_update(inner);
    outer.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_is_the_standard_s_hmac() {
        // RFC 4231, test case 2.
        let mark = mac(b"Jefe", b"what do ya want for nothing?");
        let hex: String = mark.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            hex,
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn no_two_drawn_numbers_are_alike() {
        assert_ne!(random(), random());
    }
}
