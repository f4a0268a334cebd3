//! What it costs to look for everything in a text, on this machine and without Envoy: all entities in one pass
//! against each of them alone, one after the other; and to judge it for prompt injection. Called by `scripts/bench.sh guard`; `--quick` takes a tenth of
//! the time. With `--peer FILE` it also prints, entity by entity, what is found of the published examples in
//! `tests/fixtures/guard/pii.jsonl` beside the counts in the file (`entity right missed wrong` a line).
//!
//! Everything is measured in turns; the best turn counts, since other work on the machine only ever adds.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    missing_docs
)]

use envoy_llm_gateway::guard::{
    Scan, injection,
    scan::{Scanner, Selection, entities},
};
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    fs,
    hint::black_box,
    time::{Duration, Instant},
};

/// Units: bytes of a text.
const SIZE: usize = 300 << 10;
const PROMPT: usize = 16 << 10;
const TURNS: usize = 100;

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let quick = arguments.iter().any(|argument| argument == "--quick");
    speed(if quick { TURNS / 10 } else { TURNS });
    let peer = arguments
        .iter()
        .skip_while(|argument| *argument != "--peer")
        .nth(1);
    if let Some(peer) = peer {
        quality(&fs::read_to_string(peer).expect("the peer's counts"));
    }
}

/// Measured values, as people paste them.
fn table() -> String {
    let row = |n: usize| {
        format!(
            "{n},{}.{:03},{}\n",
            n * 7 % 1000,
            n * 31 % 1000,
            n * 13 % 97
        )
    };
    let mut text: String = (0..SIZE / 10).map(row).collect();
    text.truncate(SIZE);
    text
}

fn speed(turns: usize) {
    let text = |path: &str| {
        let text = fs::read_to_string(path).unwrap();
        text.repeat(SIZE / text.len() + 1)
    };
    let texts = [
        ("clean English (the licence)", text("LICENSE")),
        ("a technical text (the README)", text("README.md")),
        ("source code", text("src/guard/scan/mod.rs")),
        (
            "rows of examples, one in two with a find",
            text("tests/fixtures/guard/pii.jsonl"),
        ),
        ("a table of numbers", table()),
        ("hostile: `1 1 1`", "1 ".repeat(SIZE / 2)),
        ("hostile: `+1+1`", "+1".repeat(SIZE / 2)),
    ];
    let all = Scanner::all();
    let each: Vec<_> = entities().map(|entity| only(entity.name)).collect();
    println!(
        "| text | all in one pass, MB/s | {} entities one by one, MB/s | 16 KB | PROMPT_INJECTION, MB/s | 16 KB |",
        each.len()
    );
    println!("|---|---|---|---|---|---|");
    injection::prepare();
    for (name, text) in texts {
        let mut end = PROMPT;
        while !text.is_char_boundary(end) {
            end += 1;
        }
        let one = best(turns, || scan(&all, &text));
        let many = best((turns / 10).max(2), || {
            each.iter().for_each(|each| scan(each, &text))
        });
        let prompt = best(turns, || scan(&all, &text[..end]));
        let judged = best(turns, || judge_whole(&text));
        let judged_prompt = best(turns, || judge_whole(&text[..end]));
        let rate = |time: Duration| text.len() as f64 / time.as_secs_f64() / 1e6;
        println!(
            "| {name} | {:.0} | {:.1} | {:.3} ms | {:.0} | {:.3} ms |",
            rate(one),
            rate(many),
            prompt.as_secs_f64() * 1e3,
            rate(judged),
            judged_prompt.as_secs_f64() * 1e3
        );
    }
}

fn scan(scanner: &Scanner, text: &str) {
    let mut finds = Vec::new();
    black_box(scanner.scan(black_box(text), 0, true, &mut finds));
    black_box(finds);
}

fn judge_whole(text: &str) {
    black_box(injection::score(black_box(text)));
}

fn best(turns: usize, mut run: impl FnMut()) -> Duration {
    let turn = |_| {
        let start = Instant::now();
        run();
        start.elapsed()
    };
    (0..turns).map(turn).min().unwrap()
}

fn only(name: &str) -> Scanner {
    let kinds = vec![(name.to_owned(), None)];
    Scanner::new(&Selection {
        kinds,
        ..Selection::default()
    })
    .unwrap()
}

/// A text, and where the entity stands in it (in code points).
#[derive(Debug, Deserialize)]
struct Row {
    entity: String,
    text: String,
    expected_spans: Option<Vec<(usize, usize)>>,
    expected_count: Option<usize>,
    positive: bool,
}

/// Right, missed, wrong.
type Counts = [usize; 3];

fn quality(peer: &str) {
    let peer: BTreeMap<&str, Counts> = peer.lines().map(counts).collect();
    let rows = fs::read_to_string("tests/fixtures/guard/pii.jsonl").unwrap();
    let mut table: BTreeMap<String, (usize, Counts)> = BTreeMap::new();
    for line in rows.lines() {
        let row: Row = serde_json::from_str(line).unwrap();
        let (rows, sums) = table.entry(row.entity.clone()).or_default();
        *rows += 1;
        for (sum, count) in sums.iter_mut().zip(judge(&row)) {
            *sum += count;
        }
    }
    println!(
        "\n| entity | rows | precision | recall | Presidio: precision | recall |\n|---|---|---|---|---|---|"
    );
    let mut totals = [[0; 3]; 2];
    for (entity, (rows, ours)) in &table {
        let theirs = peer.get(entity.as_str());
        println!(
            "| `{entity}` | {rows} | {} | {} |",
            share(*ours),
            theirs.map_or("- | -".to_owned(), |counts| share(*counts))
        );
        for (total, counts) in totals.iter_mut().zip([Some(ours), theirs]) {
            for (sum, count) in total.iter_mut().zip(counts.into_iter().flatten()) {
                *sum += count;
            }
        }
    }
    println!("| all | | {} | {} |", share(totals[0]), share(totals[1]));
}

fn counts(line: &str) -> (&str, Counts) {
    let mut words = line.split(' ');
    let entity = words.next().unwrap();
    (
        entity,
        [(); 3].map(|()| words.next().unwrap().parse().unwrap()),
    )
}

fn judge(row: &Row) -> Counts {
    let scanner = only(&row.entity);
    let mut finds = Vec::new();
    scanner.scan(&row.text, 0, true, &mut finds);
    let points = |byte: usize| row.text[..byte].chars().count();
    let found: Vec<_> = finds
        .iter()
        .map(|find| (points(find.start), points(find.end)))
        .collect();
    let (right, expected) = match &row.expected_spans {
        _ if !row.positive => (0, 0),
        Some(spans) => {
            let found: Vec<_> = found.iter().map(|span| bare(&row.text, *span)).collect();
            let is_found = |span: &&(usize, usize)| found.contains(&bare(&row.text, **span));
            (spans.iter().filter(is_found).count(), spans.len())
        }
        None => {
            let expected = row.expected_count.unwrap_or(1);
            (found.len().min(expected), expected)
        }
    };
    [right, expected - right, found.len() - right]
}

/// A place without the quotes around it, which belong to no value: what masks them breaks what they quote.
fn bare(text: &str, (start, end): (usize, usize)) -> (usize, usize) {
    let at = |place: usize| text.chars().nth(place);
    match (at(start), at(end - 1)) {
        (Some(first @ ('"' | '\'')), Some(last)) if first == last => (start + 1, end - 1),
        _ => (start, end),
    }
}

fn share([right, missed, wrong]: Counts) -> String {
    let of = |others: usize| match right + others {
        0 => "-".to_owned(),
        all => format!("{:.3}", right as f64 / all as f64),
    };
    format!("{} | {}", of(wrong), of(missed))
}
