//! Writes a body that was made for a provider.

use super::{Object, plain::plain};
use serde::{Serialize, Serializer};
use serde_json::ser::Formatter;
use std::{borrow::Cow, io};

/// A text that may be long and seldom holds anything to escape, as base64: [`write()`] copies it at
/// once, where `serde_json` would look at every byte of it.
///
/// Shape: only [`write()`] knows it; other writers would make a list of numbers of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Long<'a>(pub Cow<'a, str>);

impl Serialize for Long<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes = self.0.as_bytes();
        if plain(bytes) == bytes.len() {
            serializer.serialize_bytes(bytes)
        } else {
            serializer.serialize_str(&self.0)
        }
    }
}

/// As `serde_json` writes by itself, but for [`Long`].
struct Compact;

impl Formatter for Compact {
    fn write_byte_array<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        value: &[u8],
    ) -> io::Result<()> {
        writer.write_all(b"\"")?;
        writer.write_all(value)?;
        writer.write_all(b"\"")
    }
}

/// A body as JSON text, the fields of `kept` behind its own. `size`: about how long it becomes.
pub fn write(body: &impl Serialize, kept: &Object<'_>, size: usize) -> Vec<u8> {
    const MORE: usize = 512;
    let mut out = Vec::with_capacity(size.saturating_add(MORE));
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, Compact);
    // Writing such a value into memory cannot fail.
    let _ = body.serialize(&mut serializer);
    if !kept.is_empty() {
        out.pop();
        if out.last() != Some(&b'{') {
            out.push(b',');
        }
        out.extend_from_slice(kept.to_vec().get(1..).unwrap_or(b"}"));
    }
    out
}

/// One value alone, as a test wants to see it.
#[cfg(test)]
pub(crate) fn written(value: &impl Serialize) -> String {
    String::from_utf8(write(value, &Object::default(), 0)).unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn written(text: &str, kept: &str) -> String {
        let body = BTreeMap::from([("a", Long(text.into()))]);
        let kept = Object::parse(kept).unwrap();
        String::from_utf8(write(&body, &kept, 0)).unwrap()
    }

    #[test]
    fn a_long_text_is_a_string_whatever_it_holds() {
        assert_eq!(written("aGk/+=é", "{}"), r#"{"a":"aGk/+=é"}"#);
        assert_eq!(written("say \"a\"\n\\", "{}"), r#"{"a":"say \"a\"\n\\"}"#);
        assert_eq!(written("", "{}"), r#"{"a":""}"#);
    }

    #[test]
    fn kept_fields_follow_with_their_bytes() {
        assert_eq!(
            written("x", r#"{ "n" : 1.10,"m":[] }"#),
            r#"{"a":"x","n":1.10,"m":[]}"#
        );
        let (nothing, kept) = (BTreeMap::<&str, u8>::new(), Object::parse(r#"{"n":1}"#));
        assert_eq!(write(&nothing, &kept.unwrap(), 0), br#"{"n":1}"#);
    }
}
