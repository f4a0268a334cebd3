//! The detectors against the published examples of each entity, whole and in pieces.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

use envoy_llm_gateway::guard::{
    Find, LOOK_BEHIND, Scan,
    scan::{Scanner, Selection, entities},
};
use serde::Deserialize;
use std::{collections::BTreeMap, fs};

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

fn only(name: &str) -> Scanner {
    Scanner::new(&Selection {
        kinds: vec![(name.to_owned(), None)],
        ..Selection::default()
    })
    .unwrap()
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

fn code_points(text: &str, byte: usize) -> usize {
    text[..byte].chars().count()
}

/// Right spans, missed ones, wrong ones.
#[derive(Debug, Default, Clone, Copy)]
struct Tally {
    right: usize,
    missed: usize,
    wrong: usize,
}

fn tally(row: &Row, scanner: &Scanner) -> Tally {
    let found: Vec<_> = whole(scanner, &row.text)
        .into_iter()
        .map(|find| {
            (
                code_points(&row.text, find.start),
                code_points(&row.text, find.end),
            )
        })
        .collect();
    match &row.expected_spans {
        _ if !row.positive => Tally {
            wrong: found.len(),
            ..Tally::default()
        },
        Some(spans) => {
            let right = spans.iter().filter(|span| found.contains(span)).count();
            Tally {
                right,
                missed: spans.len() - right,
                wrong: found.len().saturating_sub(right),
            }
        }
        None => {
            let count = row.expected_count.unwrap_or(1);
            let right = found.len().min(count);
            Tally {
                right,
                missed: count - right,
                wrong: found.len() - right,
            }
        }
    }
}

/// Rows that contradict another row (a check digit that one test wants and another does not, the same text with
/// another leniency), or count the quotes around a URL as part of it.
const CONTRADICTIONS: usize = 4;

#[test]
fn published_examples_are_found_as_published() {
    let mut table: BTreeMap<String, Tally> = BTreeMap::new();
    let mut scanners: BTreeMap<String, Scanner> = BTreeMap::new();
    let mut report = String::new();
    for row in rows() {
        let scanner = scanners
            .entry(row.entity.clone())
            .or_insert_with(|| only(&row.entity));
        let it = tally(&row, scanner);
        let sum = table.entry(row.entity.clone()).or_default();
        *sum = Tally {
            right: sum.right + it.right,
            missed: sum.missed + it.missed,
            wrong: sum.wrong + it.wrong,
        };
        if it.missed + it.wrong > 0 {
            report += &format!(
                "{} {:?} {:?} {it:?} {:?}\n",
                row.entity,
                row.text,
                row.expected_spans,
                whole(scanner, &row.text)
            );
        }
    }
    assert_eq!(report.lines().count(), CONTRADICTIONS, "{report}");
}

#[test]
fn every_example_in_two_pieces_is_found_as_in_one() {
    let all = Scanner::all();
    let eager = Scanner::new(&Selection {
        kinds: entities().map(|e| (e.name.to_owned(), None)).collect(),
        ..Selection::default()
    })
    .unwrap();
    for row in rows() {
        for scanner in [&all, &eager] {
            let expected = whole(scanner, &row.text);
            for (cut, _) in row.text.char_indices() {
                let (head, tail) = row.text.split_at(cut);
                assert_eq!(
                    in_pieces(scanner, &[head, tail]),
                    expected,
                    "{head:?} {tail:?}"
                );
            }
        }
    }
}
