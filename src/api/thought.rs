//! What a provider wants back unchanged, on its way through the one opaque string that other client
//! APIs have for it: Anthropic's `signature` and `data`, the Responses API's `encrypted_content`.
//!
//! An element of `reasoning_details` that has no form of its own there is sealed: tagged and encoded.
//! The tag holds a colon, which no provider's base64 does. Nothing is secret in it, and a client that
//! makes one up says no more than it could in `reasoning_details` itself.

use crate::json::{Object, Str};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{
    Deserialize, Deserializer as _,
    de::{Error as _, SeqAccess, Visitor},
};
use serde_json::value::RawValue;
use std::fmt;

const TAG: &str = "gw1:";

/// The seal around nothing: reasoning whose text is all there is. It tells whose it is all the same.
pub(crate) const UNSIGNED: &str = "gw1:W10=";

/// Longest sealed text that is opened. Units: bytes.
const MAX_SEALED: usize = 8 << 20;

/// Most details that the seals of one request hold: reading its body has bounded how many values it holds, but not
/// how many are in them.
pub(super) const MAX_DETAILS: usize = 1 << 14;

/// The JSON text of one or more details as an opaque string.
pub(super) fn seal(json: &str) -> String {
    let mut out = TAG.to_owned();
    STANDARD.encode_string(json, &mut out);
    out
}

/// The object, or the list of objects, behind a sealed string; `left`: how many more there may be. `None`: it is
/// somebody else's, broken, or holds more.
pub(super) fn unseal(text: &str, left: &mut usize) -> Option<Vec<Box<RawValue>>> {
    let json = json(text)?;
    let mut reader = serde_json::Deserializer::from_str(&json);
    let list = match json.starts_with('[') {
        true => reader.deserialize_seq(AtMost(*left)),
        false => Box::deserialize(&mut reader).map(|one| vec![one]),
    };
    let list: Vec<Box<RawValue>> = list.ok()?;
    reader.end().ok()?;
    *left = left.checked_sub(list.len())?;
    // Depth and duplicate keys are as bounded here as in the body itself.
    list.iter()
        .all(|item| Object::parse(item.get()).is_ok())
        .then_some(list)
}

/// Reads a list of at most so many values.
struct AtMost(usize);

impl<'de> Visitor<'de> for AtMost {
    type Value = Vec<Box<RawValue>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of at most {} values", self.0)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = values.next_element()? {
            if list.len() == self.0 {
                return Err(A::Error::invalid_length(list.len() + 1, &self));
            }
            list.push(value);
        }
        Ok(list)
    }
}

/// The JSON text behind a sealed string; `None`: it is somebody else's, or broken.
pub(crate) fn json(text: &str) -> Option<String> {
    let encoded = text.strip_prefix(TAG)?;
    if encoded.len() > MAX_SEALED {
        return None;
    }
    String::from_utf8(STANDARD.decode(encoded).ok()?).ok()
}

/// Whether a body may hold something that is sealed.
pub(super) fn may_hold_sealed(body: &str) -> bool {
    body.contains("\"gw1:")
}

/// Whether a string is one of ours, readable or not.
pub(super) fn is_sealed(text: &str) -> bool {
    text.starts_with(TAG)
}

/// A detail as far as its tag goes.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Detail<'a> {
    #[serde(borrow, default)]
    provider: Option<Str<'a>>,
    #[serde(borrow, default)]
    r#type: Option<Str<'a>>,
    #[serde(borrow, default)]
    thinking: Option<Str<'a>>,
    #[serde(borrow, default)]
    signature: Option<Str<'a>>,
    #[serde(borrow, default)]
    data: Option<Str<'a>>,
}

/// A detail in the form that Anthropic's API has for it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Block {
    /// A thinking block with its signature.
    Signed { thinking: String, signature: String },
    /// A redacted one.
    Hidden { data: String },
    /// Another provider's: sealed.
    Sealed(String),
}

impl Block {
    pub(super) fn of(json: &str) -> Self {
        let detail: Detail<'_> = serde_json::from_str(json).unwrap_or_default();
        let text = |field: Option<Str<'_>>| field.map(|text| text.into_cow().into_owned());
        if detail.provider.as_deref() != Some("anthropic") {
            return Self::Sealed(seal(json));
        }
        match (
            detail.r#type.as_deref(),
            text(detail.signature),
            text(detail.data),
        ) {
            (Some("thinking"), Some(signature), _) => Self::Signed {
                thinking: text(detail.thinking).unwrap_or_default(),
                signature,
            },
            (Some("redacted_thinking"), _, Some(data)) => Self::Hidden { data },
            _ => Self::Sealed(seal(json)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_comes_back_byte_for_byte() {
        let one = r#"{"provider":"gemini","n":1.10}"#;
        let two = format!("[{one},{one}]");
        let texts = |sealed: &str| -> Vec<String> {
            let list = unseal(sealed, &mut 2).unwrap();
            list.iter().map(|raw| raw.get().to_owned()).collect()
        };
        assert_eq!(texts(&seal(one)), [one]);
        assert_eq!(texts(&seal(&two)), [one, one]);
        assert_eq!(seal("[]"), UNSIGNED);
        assert!(texts(UNSIGNED).is_empty());
        assert!(may_hold_sealed(&format!(
            r#"{{"signature": "{UNSIGNED}"}}"#
        )));
    }

    #[test]
    fn what_is_not_ours_or_broken_is_not_opened() {
        for text in [
            "",
            "EqQBCgIYAg==",
            "gw1:!",
            "gw1:",
            &seal("7"),
            &seal("[7]"),
        ] {
            assert!(unseal(text, &mut 9).is_none(), "{text}");
        }
        assert!(unseal(&seal(r#"{"a":1,"a":2}"#), &mut 9).is_none());
    }

    #[test]
    fn the_seals_of_a_request_hold_no_more_details_than_it_may_have() {
        let (list, one) = (seal("[{},{},{}]"), seal("{}"));
        let mut left = 4;
        assert_eq!(unseal(&list, &mut left).map(|list| list.len()), Some(3));
        assert!(unseal(&list, &mut left).is_none(), "one is left");
        assert!(unseal(&one, &mut left).is_some());
        assert!(unseal(&one, &mut left).is_none());
    }

    #[test]
    fn anthropic_s_own_blocks_keep_their_form_and_others_are_sealed() {
        assert_eq!(
            Block::of(
                r#"{"provider":"anthropic","type":"thinking","thinking":"t","signature":"s"}"#
            ),
            Block::Signed {
                thinking: "t".into(),
                signature: "s".into()
            }
        );
        assert_eq!(
            Block::of(r#"{"provider":"anthropic","type":"redacted_thinking","data":"d"}"#),
            Block::Hidden { data: "d".into() }
        );
        let other = r#"{"provider":"x","type":"thinking","signature":"s"}"#;
        assert_eq!(Block::of(other), Block::Sealed(seal(other)));
    }
}
