//! Counts of text: against rows that three other implementations agree on, against a fourth on
//! random and hostile text, and counting in pieces against counting at once.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    missing_docs
)]

use envoy_llm_gateway::tokens::{Encoding, Running};
use std::time::Instant;
use tiktoken_rs::{CoreBPE, cl100k_base, o200k_base};

#[derive(serde::Deserialize)]
struct Row {
    id: String,
    encoding: String,
    text: String,
    count: u64,
}

fn rows() -> Vec<Row> {
    let file = include_str!("fixtures/tokens/texts.jsonl");
    file.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn every_row_has_the_count_that_three_implementations_agree_on() {
    for row in rows() {
        let encoding = Encoding::named(&row.encoding).unwrap();
        assert_eq!(encoding.count(&row.text), row.count, "{}", row.id);
    }
}

/// Numbers that look random and are the same on every run (xorshift).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % sides
    }

    fn pick(&mut self, from: &[char]) -> char {
        from[self.roll(from.len())]
    }
}

/// What the patterns treat differently: both cases, letters without case, marks, digits of several
/// scripts, contractions with either s, every kind of white space, slashes, emoji with joiners.
const CHARACTERS: &str = "aAbBdDeElLmMrRsSſtTvVzZ'''   \n\n\r\t/.!1234٣Ⅳ½²中文字のカ한국ñÉßŸǅʰªดี็ंক\u{301}\u{300}\
                          🙂👩\u{200d}💻\u{fe0f}\u{a0}\u{2028}\u{85}\u{b}\u{3000}\u{feff}_-{}\"<>|,&";

fn random_text(dice: &mut Dice, kind: usize) -> String {
    let all: Vec<char> = CHARACTERS.chars().collect();
    let length = 1 + dice.roll(48);
    match kind {
        0 => (0..length).map(|_| dice.pick(&all)).collect(),
        // Few characters, so that they repeat and meet in every order.
        1 => {
            let few: Vec<char> = (0..4).map(|_| dice.pick(&all)).collect();
            (0..length).map(|_| dice.pick(&few)).collect()
        }
        // Runs.
        2 => (0..6)
            .flat_map(|_| [dice.pick(&all)].repeat(1 + dice.roll(24)))
            .collect(),
        // Any character there is.
        3 => (0..length)
            .filter_map(|_| char::from_u32(dice.roll(0x11_0000) as u32))
            .collect(),
        // Any of the lower planes.
        4 => (0..length)
            .filter_map(|_| char::from_u32(dice.roll(0x3000) as u32))
            .collect(),
        // Words that no vocabulary has.
        5 => (0..length * 4)
            .map(|_| dice.pick(&['a', 'e', 'n', 'r', 't', 's', 'q', 'X']))
            .collect(),
        // What looks like special tokens.
        6 => [
            "<|endoftext|>",
            "<|im_start|>",
            "<|fim_prefix|>",
            " ",
            "a",
            "<|",
            "|>",
            "<|endofprompt|>",
        ]
        .into_iter()
        .cycle()
        .skip(dice.roll(8))
        .step_by(1 + dice.roll(5))
        .take(5)
        .collect(),
        // Base64 and hexadecimal.
        _ => {
            let letters: Vec<char> =
                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
                    .chars()
                    .collect();
            let of = if dice.roll(2) == 0 {
                &letters[..]
            } else {
                &letters[52..58]
            };
            (0..length * 6).map(|_| dice.pick(of)).collect()
        }
    }
}

fn agree_on_random_texts(encoding: Encoding, other: &CoreBPE, seed: u64) {
    let mut dice = Dice(seed);
    for round in 0..16_000 {
        let text = random_text(&mut dice, round % 8);
        let expected = other.encode_ordinary(&text).len() as u64;
        assert_eq!(encoding.count(&text), expected, "{text:?}");
    }
}

#[test]
fn o200k_base_agrees_with_tiktoken_rs_on_16000_random_and_hostile_texts() {
    agree_on_random_texts(Encoding::O200kBase, &o200k_base().unwrap(), 0x5eed_0001);
}

#[test]
fn cl100k_base_agrees_with_tiktoken_rs_on_16000_random_and_hostile_texts() {
    agree_on_random_texts(Encoding::Cl100kBase, &cl100k_base().unwrap(), 0x5eed_0002);
}

/// Pieces around and above the length that is encoded at once.
#[test]
fn a_piece_of_any_length_has_the_count_of_tiktoken_rs() {
    let (o200k, cl100k) = (o200k_base().unwrap(), cl100k_base().unwrap());
    let mut dice = Dice(0x5eed_0003);
    for length in [15, 16, 17, 4095, 4096, 4097, 4098, 7000, 20_000] {
        let mut letters = |from: &[char]| (0..length).map(|_| dice.pick(from)).collect::<String>();
        let texts = [
            letters(&['a']),
            letters(&[' ']),
            letters(&['=']),
            letters(&['中']),
            letters(&['a', 'b']),
            letters(&('a'..='z').collect::<Vec<_>>()),
            letters(&['=', '-', '!', '\u{301}', '>']),
            letters(&['的', '一', '是', '不', '了', '人']),
            "ab".repeat(length / 2),
            "abcdefg".repeat(length / 7),
            format!("{}b", "a".repeat(length)),
        ];
        for text in texts {
            let start: String = text.chars().take(20).collect();
            let expected = o200k.encode_ordinary(&text).len() as u64;
            assert_eq!(
                Encoding::O200kBase.count(&text),
                expected,
                "{length} of {start}"
            );
            let expected = cl100k.encode_ordinary(&text).len() as u64;
            assert_eq!(
                Encoding::Cl100kBase.count(&text),
                expected,
                "{length} of {start}"
            );
        }
    }
}

/// Eight times the text may take eight times the time; the square would be 64 times.
#[test]
fn the_time_for_one_long_run_grows_with_its_length_and_not_with_its_square() {
    let time = |text: &str| {
        let fastest = (0..5).map(|_| {
            let start = Instant::now();
            Encoding::O200kBase.count(text);
            start.elapsed()
        });
        fastest.min().unwrap().as_secs_f64()
    };
    let mut dice = Dice(0x5eed_0004);
    let letters: String = (0..1 << 20)
        .map(|_| dice.pick(&('a'..='z').collect::<Vec<_>>()))
        .collect();
    for text in ["a".repeat(1 << 20), "ab".repeat(1 << 19), letters] {
        let ratio = time(&text) / time(&text[..text.len() / 8]);
        assert!(
            ratio < 24.0,
            "{ratio} times the time for 8 times {}",
            &text[..10]
        );
    }
}

#[test]
fn a_text_counted_as_it_arrives_has_the_same_count_wherever_it_is_cut() {
    for row in rows().iter().filter(|row| row.text.len() < 400) {
        let encoding = Encoding::named(&row.encoding).unwrap();
        for (cut, _) in row.text.char_indices() {
            let mut running = Running::new(encoding);
            running.push(&row.text[..cut]);
            assert_eq!(
                running.total(),
                encoding.count(&row.text[..cut]),
                "{} up to {cut}",
                row.id
            );
            running.push(&row.text[cut..]);
            assert_eq!(running.total(), row.count, "{} cut at {cut}", row.id);
        }
        let mut running = Running::new(encoding);
        row.text
            .chars()
            .for_each(|letter| running.push(letter.encode_utf8(&mut [0; 4])));
        assert_eq!(running.total(), row.count, "{} letter by letter", row.id);
    }
}

#[test]
fn a_run_without_white_space_waits_in_a_bounded_buffer() {
    let mut running = Running::new(Encoding::O200kBase);
    (0..100_000).for_each(|_| running.push("中文"));
    let exact = Encoding::O200kBase.count(&"中文".repeat(100_000));
    assert!(
        running.total().abs_diff(exact) <= 100,
        "{} for {exact}",
        running.total()
    );
}

#[test]
fn names_are_those_of_tiktoken() {
    for name in envoy_llm_gateway::tokens::ENCODINGS {
        assert!(Encoding::named(name).is_some(), "{name}");
    }
    assert_eq!(Encoding::named("o200k_harmony"), Some(Encoding::O200kBase));
    assert_eq!(Encoding::named("p50k_base"), None);
    assert_eq!(Encoding::Cl100kBase.name(), "cl100k_base");
}

#[test]
fn a_long_text_that_comes_again_has_the_same_count_in_each_encoding() {
    let text = "A conversation sends its history again with each turn. ".repeat(40);
    let other = text.replacen("history", "hxqzjyk", 1);
    for encoding in [Encoding::O200kBase, Encoding::Cl100kBase] {
        let first = encoding.count(&text);
        assert!(first > 400);
        assert_eq!(encoding.count(&text), first);
        // As long, with one word that no vocabulary has.
        assert_ne!(encoding.count(&other), first, "{}", encoding.name());
        assert_eq!(encoding.count(&text), first);
    }
}
