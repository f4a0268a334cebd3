//! What Envoy hands over, as one tree of JSON values.
//!
//! A `google.protobuf.Struct` arrives as the serialised message (its map entries in random order,
//! its numbers as doubles), a `StringValue` as its text.

use super::node::{Path, Reading, Step};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;

/// Largest configuration. Units: bytes.
pub(super) const MAX_BYTES: usize = 8 << 20;
/// How deep a Struct may nest; JSON text may nest 128 levels, which is the parser's own limit.
const MAX_DEPTH: usize = 64;

/// Decodes either form.
///
/// A text may begin with a line feed, which is also a Struct's first byte: only a complete, strict
/// reading counts as one. `None`: the reason is reported.
pub(super) fn decode(bytes: &[u8], reading: &Reading) -> Option<Value> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        let what = "the configuration is empty; it needs at least `role`: gateway or provider";
        reading.add(&Path::ROOT, what);
        return None;
    }
    if bytes.len() > MAX_BYTES {
        let what = format_args!("{} bytes long; allowed: {MAX_BYTES}", bytes.len());
        reading.add(&Path::ROOT, what);
        return None;
    }
    object(Wire(bytes), MAX_DEPTH).or_else(|| match text(bytes, reading) {
        Ok(value) => Some(value),
        Err(why) => {
            let what = format_args!(
                "not JSON: {why}; allowed: a google.protobuf.Struct, or a google.protobuf.StringValue with JSON text"
            );
            reading.add(&Path::ROOT, what);
            None
        }
    })
}

/// What is left of a protobuf message.
#[derive(Clone, Copy)]
struct Wire<'a>(&'a [u8]);

impl<'a> Wire<'a> {
    fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn varint(&mut self) -> Option<u64> {
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

    /// The next field must have this tag and is counted in bytes.
    fn field(&mut self, tag: u64) -> Option<Self> {
        (self.varint()? == tag).then_some(())?;
        let size = self.varint()?.try_into().ok()?;
        self.take(size).map(Self)
    }

    fn text(self) -> Option<String> {
        String::from_utf8(self.0.to_vec()).ok()
    }
}

/// `message Struct { map<string, Value> fields = 1; }`, an entry being `{ key = 1; value = 2; }`.
fn object(mut wire: Wire<'_>, depth: usize) -> Option<Value> {
    let depth = depth.checked_sub(1)?;
    let mut map = Map::new();
    while !wire.is_empty() {
        let mut entry = wire.field(0x0a)?;
        let key = entry.field(0x0a)?.text()?;
        let value = value(entry.field(0x12)?, depth)?;
        (entry.is_empty() && map.insert(key, value).is_none()).then_some(())?;
    }
    Some(Value::Object(map))
}

/// `message ListValue { repeated Value values = 1; }`
fn list(mut wire: Wire<'_>, depth: usize) -> Option<Value> {
    let depth = depth.checked_sub(1)?;
    let mut items = Vec::new();
    while !wire.is_empty() {
        items.push(value(wire.field(0x0a)?, depth)?);
    }
    Some(Value::Array(items))
}

/// `message Value { oneof kind { NullValue = 1; double = 2; string = 3; bool = 4; Struct = 5; ListValue = 6; } }`
fn value(mut wire: Wire<'_>, depth: usize) -> Option<Value> {
    let mut rest = wire;
    let value = match rest.varint()? {
        0x08 => (rest.varint()? == 0).then_some(Value::Null)?,
        0x11 => number(f64::from_le_bytes(rest.take(8)?.try_into().ok()?))?,
        0x20 => match rest.varint()? {
            0 => Value::Bool(false),
            1 => Value::Bool(true),
            _ => return None,
        },
        tag => {
            rest = wire;
            let inner = rest.field(tag)?;
            match tag {
                0x1a => Value::String(inner.text()?),
                0x2a => object(inner, depth)?,
                0x32 => list(inner, depth)?,
                _ => return None,
            }
        }
    };
    wire = rest;
    wire.is_empty().then_some(value)
}

/// A Struct knows doubles only; a whole one is what its author wrote as an integer.
fn number(double: f64) -> Option<Value> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if double.fract() == 0.0 && double.abs() <= EXACT {
        return Some(Value::from(double as i64));
    }
    Number::from_f64(double).map(Value::Number)
}

fn text(bytes: &[u8], reading: &Reading) -> serde_json::Result<Value> {
    let mut from = serde_json::Deserializer::from_slice(bytes);
    let tree = Tree {
        path: Path::ROOT,
        reading,
    };
    let value = tree.deserialize(&mut from)?;
    from.end()?;
    Ok(value)
}

/// Builds a [`Value`] and reports keys that stand in an object twice, of which `Value`'s own reader
/// would silently drop one.
struct Tree<'a> {
    path: Path<'a>,
    reading: &'a Reading,
}

impl<'de> DeserializeSeed<'de> for Tree<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Tree<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = from.next_element_seed(Tree {
            path: self.path.then(Step::Index(items.len())),
            reading: self.reading,
        })? {
            items.push(item);
        }
        Ok(items.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = from.next_key::<String>()? {
            let path = self.path.then(Step::Name(&key));
            if map.contains_key(&key) {
                self.reading.add(&path, "stands here twice; leave one out");
            }
            let reading = self.reading;
            let value = from.next_value_seed(Tree { path, reading })?;
            map.insert(key, value);
        }
        Ok(map.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn decoded(bytes: &[u8]) -> Result<Value, Vec<String>> {
        let reading = Reading::default();
        let value = decode(bytes, &reading);
        let result = reading.into_result(value);
        result.map_err(|list| list.iter().map(ToString::to_string).collect())
    }

    /// The tree of the test below as Google's protobuf library writes it, in hex.
    const STRUCT: &str = "\
        0a100a0362696712091100000000000040430a240a046c697374121c321a0a0911000000000000f0\
        3f0a051a0374776f0a0232000a022a000a110a04726f6c6512091a07676174657761790a0a0a046e\
        6f6e65120208000a110a0468616c66120911000000000000e03f0a120a056d696e75731209110000\
        0000000008c00a200a046465657012182a160a140a0012102a0e0a0c0a02c3bc120632040a020800\
        0a080a026f6e120220010a090a036f666612022000\
        ";

    fn message() -> Vec<u8> {
        let digits: Vec<_> = STRUCT.chars().map(|c| c.to_digit(16).unwrap()).collect();
        digits
            .chunks(2)
            .map(|pair| (pair[0] << 4 | pair[1]) as u8)
            .collect()
    }

    #[test]
    fn a_serialised_struct_is_the_tree_that_it_was_made_from() {
        let want = json!({
            "role": "gateway", "on": true, "off": false, "none": null, "half": 0.5, "minus": -3,
            "list": [1, "two", [], {}], "deep": {"": {"ü": [null]}}, "big": 9007199254740992_i64,
        });
        assert_eq!(decoded(&message()), Ok(want));
    }

    #[test]
    fn a_struct_that_is_cut_or_followed_by_something_is_not_one() {
        let whole = message();
        let tree = object(Wire(&whole), MAX_DEPTH).unwrap();
        let Value::Object(tree) = tree else {
            panic!("not an object");
        };
        // A cut between two entries leaves a smaller Struct; every other cut leaves none.
        let fewer = (1..whole.len()).filter_map(|end| object(Wire(&whole[..end]), MAX_DEPTH));
        let sizes: Vec<_> = fewer.map(|v| v.as_object().unwrap().len()).collect();
        assert_eq!(sizes, (1..tree.len()).collect::<Vec<_>>());
        assert_eq!(object(Wire(&[whole, vec![0]].concat()), MAX_DEPTH), None);
    }

    #[test]
    fn nesting_ends_at_its_limit() {
        let nested = |levels: usize| {
            let mut value = vec![0x08, 0x00];
            for _ in 0..levels {
                let mut entry = vec![0x0a, 0x00, 0x12];
                entry.extend(varint(value.len()));
                entry.append(&mut value);
                let mut fields = vec![0x0a];
                fields.extend(varint(entry.len()));
                fields.append(&mut entry);
                value = vec![0x2a];
                value.extend(varint(fields.len()));
                value.append(&mut fields);
            }
            super::value(Wire(&value), MAX_DEPTH).is_some()
        };
        assert_eq!((nested(64), nested(65)), (true, false));
    }

    fn varint(mut value: usize) -> Vec<u8> {
        let mut out = Vec::new();
        while value > 0x7f {
            out.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        out.push(value as u8);
        out
    }

    #[test]
    fn text_may_begin_with_a_line_feed() {
        assert_eq!(
            decoded(b"\n{\"a\": [1, 2.5, -1]}\n"),
            Ok(json!({"a": [1, 2.5, -1]}))
        );
    }

    #[test]
    fn text_that_is_not_json_says_where() {
        assert_eq!(
            decoded(b"{\n  \"role\": gateway\n}"),
            Err(vec![
                "$: not JSON: expected value at line 2 column 11; allowed: a google.protobuf.Struct, or a google.protobuf.StringValue with JSON text"
                    .into()
            ])
        );
    }

    #[test]
    fn every_key_that_stands_twice_is_named() {
        assert_eq!(
            decoded(br#"{"a": [{"b c": 1, "b c": 2}], "d": {"e": {}, "e": {}}}"#),
            Err(vec![
                r#"$.a[0]["b c"]: stands here twice; leave one out"#.into(),
                "$.d.e: stands here twice; leave one out".into(),
            ])
        );
    }

    #[test]
    fn nothing_at_all_says_what_to_write() {
        let want = "$: the configuration is empty; it needs at least `role`: gateway or provider";
        assert_eq!(decoded(b""), Err(vec![want.into()]));
        assert_eq!(decoded(b" \n"), Err(vec![want.into()]));
    }

    #[test]
    fn a_giant_is_refused_before_it_is_read() {
        assert_eq!(
            decoded(&vec![b'7'; MAX_BYTES + 1]),
            Err(vec!["$: 8388609 bytes long; allowed: 8388608".into()])
        );
    }
}
