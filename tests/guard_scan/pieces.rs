//! Texts in pieces of any size, and what takes how long.

use crate::{Dice, all_pii, eager, in_pieces, rows, whole};
use envoy_llm_gateway::guard::{LOOK_BEHIND, Scan, scan::Scanner};

#[test]
fn texts_of_everything_in_pieces_of_any_size_give_what_the_whole_gives() {
    let (scanner, mut dice) = (eager(), Dice(7));
    let examples: Vec<_> = rows().into_iter().map(|row| row.text).collect();
    let joints = [
        " ",
        "",
        "\n",
        ". ",
        "@",
        "-",
        ":",
        "::",
        "=",
        "\u{200b}",
        "%40",
        "%",
        " new york",
        "proj-ab-1",
        "中文",
        "é",
        "password: ",
        "+",
        "(",
        "/",
        "-----BEGIN ",
        "-----BEGIN PRIVATE KEY-----",
        "-----END ",
        "eyJhbGciOiJub25lIn0.",
        "https://",
        "x",
        "key ",
        "am9obkBleGFtcGxlLmNvbSBpcyBoZXJl",
        "Bluebird",
        "機密",
        "xabcy",
        "a b c ",
        "ＡＢ１２",
        "\u{200f}",
        "'",
        "\"",
        "_",
        "~",
        "Straß",
        "STRAS",
        "SE ",
        ",",
        " / ",
        "x12",
        "_password=",
    ];
    for _ in 0..1500 {
        let mut text = String::new();
        for _ in 0..dice.next(9) + 1 {
            text.push_str(&examples[dice.next(examples.len())]);
            text.push_str(joints[dice.next(joints.len())]);
            text.push_str(joints[dice.next(joints.len())]);
        }
        let mut pieces = Vec::new();
        let mut rest = text.as_str();
        let size = [1, 2, 5, 40][dice.next(4)];
        while !rest.is_empty() {
            let mut cut = (dice.next(size) + 1).min(rest.len());
            while !rest.is_char_boundary(cut) {
                cut += 1;
            }
            let (head, tail) = rest.split_at(cut);
            pieces.push(head);
            rest = tail;
        }
        assert_eq!(
            in_pieces(&scanner, &pieces),
            whole(&scanner, &text),
            "{pieces:?}"
        );
    }
}

/// How long a text takes at best.
fn time(scanner: &Scanner, text: &str) -> std::time::Duration {
    let once = |_| {
        let start = std::time::Instant::now();
        scanner.scan(text, 0, true, &mut Vec::new());
        start.elapsed()
    };
    (0..3).map(once).min().unwrap()
}

#[test]
fn what_begins_like_a_token_again_and_again_is_read_once() {
    let scanner = all_pii();
    let plain = time(&scanner, &"abc-".repeat(25_000));
    for unit in [
        "eyJ-",
        "--eyJ",
        "_-eyJ",
        "eyJ%2D",
        "The quick brown ",
        "(",
        "ya29.",
    ] {
        let taken = time(&scanner, &unit.repeat(100_000 / unit.len()));
        assert!(taken < plain * 15, "{unit:?} {taken:?} {plain:?}");
    }
}

/// Finds that overlap each other without end are decided all the same, and nothing of them stays uncovered.
#[test]
fn a_chain_of_finds_that_overlap_takes_linear_time() {
    let scanner = all_pii();
    let text = "1.x@h.ab::".repeat(100_000);
    let start = std::time::Instant::now();
    let (mut from, mut covered, mut turns) = (0, 0, 0);
    while from < text.len() {
        let end = text.len().min(from + (64 << 10));
        let mut finds = Vec::new();
        let last = end == text.len();
        let piece = &text[from.saturating_sub(LOOK_BEHIND)..end];
        let base = end - piece.len();
        let until = base + scanner.scan(piece, from - base, last, &mut finds);
        assert!(last || end - until <= 40_000, "{} are held", end - until);
        for find in finds {
            assert!(base + find.end <= until);
            assert!(base + find.start <= covered, "{} is not covered", covered);
            covered = covered.max(base + find.end);
        }
        (from, turns) = (until, turns + 1);
    }
    assert!(covered + 8 >= text.len() && turns < 60, "{covered} {turns}");
    assert!(start.elapsed().as_secs() < 10, "{:?}", start.elapsed());
}

/// What waits for more text is bounded, whatever the text.
#[test]
fn hostile_texts_take_bounded_time_and_are_not_held_back() {
    let scanner = eager();
    for unit in [
        "1",
        "@",
        "a@",
        "1 ",
        "a.",
        "WVdKaVlXSmg",
        "::",
        "-----BEGIN ",
        "-----BEGIN PRIVATE KEY-----",
        "eyJaaa.",
        "\u{200b}",
        "a\u{200b}",
        "+1",
        "%",
        "%41",
        "12-",
        "1234 ",
        "http://a/",
        "a://b:c",
        "password:",
        "x",
        "AB1 ",
        "a b c ",
        "_",
        "(",
        "proj-a",
        "new ",
        "1.x@h.ab::",
        "eyJ-",
        "--eyJ",
        "PRIVATE KEY-----\nab12 ",
        "db_password=",
        "12,",
    ] {
        let text = unit.repeat(200_000 / unit.len());
        let mut finds = Vec::new();
        let start = std::time::Instant::now();
        let decided = scanner.scan(&text, 0, false, &mut finds);
        assert!(
            text.len() - decided <= 40_000,
            "{unit:?} holds {}",
            text.len() - decided
        );
        assert!(
            start.elapsed().as_secs() < 20,
            "{unit:?} {:?}",
            start.elapsed()
        );
    }
}
