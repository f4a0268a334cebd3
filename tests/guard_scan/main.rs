//! The detectors against the published examples of each entity, whole and in pieces.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod alike;
mod examples;
mod meanings;
mod own;
mod pieces;
mod secrets;

use envoy_llm_gateway::guard::{
    Find, LOOK_BEHIND, Scan,
    scan::{Scanner, Selection, entities},
};
use serde::Deserialize;
use std::fs;

/// A text, and where the entity stands in it (in code points).
#[derive(Debug, Deserialize)]
struct Row {
    entity: String,
    text: String,
    expected_spans: Option<Vec<(usize, usize)>>,
    expected_count: Option<usize>,
    positive: bool,
}

fn rows() -> Vec<Row> {
    let text = fs::read_to_string("tests/fixtures/guard/pii.jsonl").unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn whole(scanner: &Scanner, text: &str) -> Vec<Find> {
    let mut finds = Vec::new();
    assert_eq!(scanner.scan(text, 0, true, &mut finds), text.len());
    finds
}

/// Finds as a stream gives them that brings the text in these two pieces, in bytes of the whole.
fn in_pieces(scanner: &Scanner, pieces: &[&str]) -> Vec<Find> {
    let (mut text, mut base, mut decided, mut finds) = (String::new(), 0, 0, Vec::new());
    for (index, piece) in pieces.iter().enumerate() {
        text.push_str(piece);
        let last = index + 1 == pieces.len();
        let mut now = Vec::new();
        let from: usize = decided - base;
        let until = scanner.scan(&text, from, last, &mut now);
        assert!(until >= from && until <= text.len() && (!last || until == text.len()));
        for find in now {
            assert!(
                find.start >= from && find.end <= until,
                "{find:?} {from} {until} {text:?}"
            );
            finds.push(Find {
                start: find.start + base,
                end: find.end + base,
                ..find
            });
        }
        decided = until + base;
        // Only so much of what is decided is kept.
        let mut cut = until.saturating_sub(LOOK_BEHIND);
        while !text.is_char_boundary(cut) {
            cut -= 1;
        }
        text.drain(..cut);
        base += cut;
    }
    finds
}

/// Numbers that look random and are the same in every run (a linear congruential generator).
struct Dice(u64);

impl Dice {
    fn next(&mut self, below: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % below
    }

    fn text(&mut self, alphabet: &str, length: usize) -> String {
        let alphabet: Vec<_> = alphabet.chars().collect();
        (0..length)
            .map(|_| alphabet[self.next(alphabet.len())])
            .collect()
    }
}

const ALNUM: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

const HEX: &str = "0123456789abcdef";

/// Every name at every score, with a pattern and words.
fn eager() -> Scanner {
    Scanner::new(&Selection {
        kinds: entities()
            .map(|entity| (entity.name.to_owned(), None))
            .collect(),
        patterns: vec![
            (
                "TICKET".to_owned(),
                r"(?i)\bproj-[a-z]+-\d{2,6}\b".to_owned(),
            ),
            ("LINE".to_owned(), r"^key .*$".to_owned()),
            (
                "LETTERS".to_owned(),
                r"\p{Alphabetic}".replace(r"\p{Alphabetic}", "x[a-z]+y"),
            ),
        ],
        words: vec![(
            "SECRET_NAMES".to_owned(),
            ["Bluebird", "new york", "new", "Straße", "機密", "Ωmega"]
                .map(str::to_owned)
                .to_vec(),
        )],
    })
    .unwrap()
}

fn all_pii() -> Scanner {
    Scanner::new(&Selection {
        kinds: vec![("PII".to_owned(), None), ("SECRET".to_owned(), None)],
        ..Selection::default()
    })
    .unwrap()
}

/// The names of what is found, and what it is.
fn found<'t>(scanner: &'t Scanner, text: &'t str) -> Vec<(&'t str, &'t str)> {
    let finds = whole(scanner, text).into_iter();
    finds
        .map(|find| {
            (
                scanner.kinds()[usize::from(find.kind)].as_str(),
                &text[find.start..find.end],
            )
        })
        .collect()
}

fn cuts_change_nothing(scanner: &Scanner, text: &str) {
    for (cut, _) in text.char_indices() {
        let (head, tail) = text.split_at(cut);
        assert_eq!(
            in_pieces(scanner, &[head, tail]),
            whole(scanner, text),
            "{head:?} {tail:?}"
        );
    }
}
