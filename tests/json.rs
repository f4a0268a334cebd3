//! The scanner against `serde_json`: on mutated bodies both must agree on what is JSON.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use envoy_llm_gateway::json::{MAX_DEPTH, Object};
use serde::de::IgnoredAny;
use std::collections::BTreeMap;

const SEEDS: &[&str] = &[
    r#"{"model":"m","messages":[{"role":"user","content":"h\u00e9\n\"x\" \ud83c\udf89"}],"n":-1.5e+10}"#,
    r#" { "a" : [ true , false , null , {} , [] , 0 , -0.1E-2 ] , "b" : { "c" : { "d" : "" } } } "#,
    r#"{"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{"x":{"enum":[1,"1",null]}}}}}],"é":"日本語"}"#,
];

/// A small generator, so that a failure repeats.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % sides as u64).unwrap()
    }
}

fn mutated(seed: &str, dice: &mut Dice) -> String {
    const SPICE: &[&str] = &[
        "\"", "\\", "{", "}", "[", "]", ",", ":", "0", "-", ".", "e", "t", "null", " ", "\n",
        "\u{1}", "é", "\\u12", "\\u0041", "01", "1.", "\"a\":1,",
    ];
    let mut chars: Vec<char> = seed.chars().collect();
    for _ in 0..=dice.roll(3) {
        if chars.is_empty() {
            break;
        }
        let at = dice.roll(chars.len());
        match dice.roll(3) {
            0 => {
                chars.remove(at);
            }
            1 => {
                let spice = SPICE[dice.roll(SPICE.len())];
                chars.splice(at..at, spice.chars());
            }
            _ => chars.truncate(at.max(1)),
        }
    }
    chars.into_iter().collect()
}

/// What the scanner refuses beyond the grammar: duplicate keys.
fn is_stricter(text: &str) -> bool {
    Object::parse(text).is_err_and(|problem| problem.what == "a key appears twice")
}

#[test]
fn the_scanner_and_serde_agree_on_what_is_an_object() {
    let mut dice = Dice(0x5eed);
    let (mut good, mut bad) = (0, 0);
    for round in 0..60_000 {
        let text = mutated(SEEDS[round % SEEDS.len()], &mut dice);
        let serde = serde_json::from_str::<BTreeMap<String, IgnoredAny>>(&text).is_ok();
        let ours = Object::parse(&text).is_ok();
        if !is_stricter(&text) {
            assert_eq!(ours, serde, "{text}");
        }
        if ours { good += 1 } else { bad += 1 }
    }
    assert!(
        good > 5_000 && bad > 5_000,
        "{good} good, {bad} bad: the seeds or mutations say too little"
    );
}

#[test]
fn a_field_is_exactly_the_text_that_serde_sees() {
    for seed in SEEDS {
        let object = Object::parse(seed).unwrap();
        let want: BTreeMap<String, &serde_json::value::RawValue> =
            serde_json::from_str(seed).unwrap();
        assert_eq!(object.iter().count(), want.len());
        for (key, raw) in object.iter() {
            assert_eq!(raw.get(), want[key].get());
        }
    }
}

#[test]
fn the_worst_bodies_are_refused_in_time_that_grows_with_their_size() {
    let megabyte = 1 << 20;
    let deep = format!("{{\"a\":{}", "[".repeat(megabyte));
    assert!(Object::parse(&deep).unwrap_err().what.contains("nested"));
    let wide: Vec<_> = (0..megabyte / 8).map(|n| format!("\"{n:x}\":0")).collect();
    assert!(Object::parse(&format!("{{\"a\":{{{}}}}}", wide.join(","))).is_ok());
    let open = "{\"a\":".repeat(MAX_DEPTH + 1);
    assert!(Object::parse(&open).is_err());
}
