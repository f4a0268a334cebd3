//! The bytes that come: a `google.protobuf.Struct` says the same as its text, and no bytes make the reader panic.

use crate::{full, problems, read};
use serde_json::{Map, Value, json};

/// A message field that is counted in bytes.
fn field(tag: u8, bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let mut size = bytes.len();
    while size > 0x7f {
        out.push((size & 0x7f) as u8 | 0x80);
        size >>= 7;
    }
    out.push(size as u8);
    out.extend_from_slice(bytes);
    out
}

/// `google.protobuf.Value`, its maps in an order that `dice` decides.
fn message(value: &Value, dice: &mut Dice) -> Vec<u8> {
    match value {
        Value::Null => vec![0x08, 0],
        Value::Number(n) => [&[0x11][..], &n.as_f64().unwrap().to_le_bytes()].concat(),
        Value::String(text) => field(0x1a, text.as_bytes()),
        Value::Bool(flag) => vec![0x20, u8::from(*flag)],
        Value::Object(map) => field(0x2a, &structure(map, dice)),
        Value::Array(items) => {
            let items: Vec<_> = items
                .iter()
                .map(|v| field(0x0a, &message(v, dice)))
                .collect();
            field(0x32, &items.concat())
        }
    }
}

/// `google.protobuf.Struct`.
fn structure(map: &Map<String, Value>, dice: &mut Dice) -> Vec<u8> {
    let mut left: Vec<_> = map.iter().collect();
    let mut out = Vec::new();
    while !left.is_empty() {
        let (key, value) = left.swap_remove(dice.below(left.len()));
        let entry = [
            field(0x0a, key.as_bytes()),
            field(0x12, &message(value, dice)),
        ];
        out.extend(field(0x0a, &entry.concat()));
    }
    out
}

/// Numbers that look random and are the same on every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }
}

#[test]
fn a_struct_in_any_order_says_the_same_as_its_text() {
    let text = format!("{:?}", read(full().to_string().as_bytes()).unwrap());
    let mut dice = Dice(1);
    let mut wrong = full();
    wrong["models"]["smart"]["targets"][1]["provider"] = json!("crow");
    wrong["extra"] = json!({"b": 1, "a": 2});
    for _ in 0..50 {
        let bytes = structure(full().as_object().unwrap(), &mut dice);
        assert_eq!(format!("{:?}", read(&bytes).unwrap()), text);
        let bytes = structure(wrong.as_object().unwrap(), &mut dice);
        let list: Vec<_> = read(&bytes).unwrap_err();
        let list: Vec<_> = list.iter().map(ToString::to_string).collect();
        assert_eq!(list, problems(&wrong));
    }
}

#[test]
fn nothing_that_is_handed_over_makes_it_panic() {
    let mut dice = Dice(7);
    let text = full().to_string().into_bytes();
    let bytes = structure(full().as_object().unwrap(), &mut dice);
    let (mut taken, mut refused) = (0, 0);
    for round in 0..20_000 {
        let mut input = match round % 3 {
            0 => text.clone(),
            1 => bytes.clone(),
            _ => (0..dice.below(64)).map(|_| dice.below(256) as u8).collect(),
        };
        for _ in 0..dice.below(4) {
            if !input.is_empty() {
                let place = dice.below(input.len());
                input[place] = dice.below(256) as u8;
            }
        }
        if dice.below(4) == 0 {
            input.truncate(dice.below(input.len() + 1));
        }
        match read(&input) {
            Ok(_) => taken += 1,
            Err(list) => {
                assert!(!list.is_empty(), "{input:?}");
                refused += 1;
            }
        }
    }
    assert!(taken > 1_000 && refused > 1_000, "{taken} {refused}");
}
