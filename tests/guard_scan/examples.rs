//! Published examples, and their places.

use crate::{Row, eager, in_pieces, rows, whole};
use envoy_llm_gateway::guard::scan::{Scanner, Selection};
use std::collections::BTreeMap;

fn only(name: &str) -> Scanner {
    Scanner::new(&Selection {
        kinds: vec![(name.to_owned(), None)],
        ..Selection::default()
    })
    .unwrap()
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
    for scanner in [&Scanner::all(), &eager()] {
        for row in rows() {
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
