//! Tool call ids for hosts that want exactly nine letters and digits.
//!
//! An id that has that form keeps it, so the host's own come back as they went out. Any other is
//! hashed: the same id gives the same nine characters in the call, in its result, and in every later
//! turn, and the client keeps the id that it knows.
//! Source: Mistral API, error 3280, "Tool call id was .. but must be a-z, A-Z, 0-9, with a length of
//! 9"; mistral-common 1.11, `_validate_tool_call`; read 2026-11.

use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

const LENGTH: usize = 9;
const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// The ids of one conversation: each stands in a call and in its result at least.
#[derive(Debug, Default)]
pub(super) struct Ids(BTreeMap<String, Option<String>>);

impl Ids {
    /// Another id, when this one will not do.
    pub(super) fn nine(&mut self, id: &str) -> Option<&str> {
        if !self.0.contains_key(id) {
            self.0.insert(id.to_owned(), nine(id));
        }
        self.0.get(id)?.as_deref()
    }
}

fn nine(id: &str) -> Option<String> {
    if id.len() == LENGTH && id.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return None;
    }
    let digest = Sha256::digest(id.as_bytes());
    let number = digest
        .iter()
        .take(8)
        .fold(0u64, |n, b| n << 8 | u64::from(*b));
    let mut rest = number;
    let letter = |_| {
        let at = usize::try_from(rest % 62).unwrap_or(0);
        rest /= 62;
        LETTERS.get(at).map_or('A', |b| char::from(*b))
    };
    Some((0..LENGTH).map(letter).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_id_becomes_the_same_nine_characters_every_time_and_a_good_one_stays() {
        assert_eq!(nine("D681PevKs"), None);
        let first = nine("call_0fypS1hVX").unwrap();
        assert_eq!(first.len(), 9);
        assert!(first.bytes().all(|b| b.is_ascii_alphanumeric()));
        assert_eq!(nine("call_0fypS1hVX"), Some(first.clone()));
        assert_eq!(nine(&first), None, "what was mapped is not mapped again");
        assert_ne!(nine("call_0fypS1hVY"), Some(first));
        assert!(
            nine("").is_some() && nine("call_12_4").is_some() && nine("tool-\u{e9}99").is_some()
        );
    }
}
