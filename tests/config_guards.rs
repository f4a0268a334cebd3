//! Guards of a configuration: what they become, and what is said about bad ones.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test's helper fails by panicking"
)]

use envoy_llm_gateway::{
    config::{self, Config, Named, Words},
    guard::rules::{Action, Direction, Guards, OnError, Rule, Salt, label},
};
use serde_json::{Value, json};

fn with(guards: &Value) -> Value {
    json!({
        "role": "gateway",
        "models": {"own-*": {"targets": [{"provider": "p"}]}},
        "providers": {"p": {"dialect": "openai"}},
        "guards": guards,
    })
}

fn guards(guards: &Value) -> Guards {
    match Config::parse(with(guards).to_string().as_bytes()) {
        Ok(Config::Gateway(config::Gateway { guards, .. })) => guards,
        other => panic!("{other:?}"),
    }
}

fn problems(guards: &Value) -> Vec<String> {
    let list = Config::parse(with(guards).to_string().as_bytes()).unwrap_err();
    list.iter().map(ToString::to_string).collect()
}

#[test]
fn a_guard_becomes_what_was_written() {
    let guards = guards(&json!([
        {"name": "home", "detect": "EMAIL_ADDRESS", "action": "route", "to": "own-1", "teams": "sup*", "models": ["own-*", "own-x"], "on_error": "allow", "threshold": "0.65"},
        {"name": "h", "detect": ["PHONE", "EMAIL_ADDRESS", "EMAIL_ADDRESS"], "action": "hash", "salt": "sixteen letters!", "on": "output"},
    ]));
    let home = Rule {
        name: "home".into(),
        action: Action::Route,
        metric: "llm.guard.home.route".into(),
        to: Some(Named {
            model: 0,
            asked: "own-1".into(),
        }),
        salt: None,
        teams: Some(Words(vec!["sup*".into()])),
        models: Some(vec!["own-*".into(), "own-x".into()]),
        on_error: OnError::Allow,
        max_chars: None,
    };
    let h = Rule {
        name: "h".into(),
        action: Action::Hash,
        metric: "llm.guard.h.hash".into(),
        to: None,
        salt: Some(Salt("sixteen letters!".into())),
        teams: None,
        models: None,
        on_error: OnError::Block,
        max_chars: None,
    };
    assert_eq!(guards.rules, [home, h]);
    let input = guards.input.unwrap();
    assert_eq!(input.scan.kinds(), ["EMAIL_ADDRESS"]);
    assert_eq!((input.acts[0][0].rule, input.acts[0][0].least), (0, 65));
    assert_eq!(input.labels, ["EMAIL"]);
    let output = guards.output.unwrap();
    assert_eq!(output.scan.kinds(), ["EMAIL_ADDRESS", "PHONE_NUMBER"]);
    assert_eq!(output.acts.concat().len(), 2);
    assert_eq!((output.acts[0][0].rule, output.acts[0][0].least), (1, 40));
}

#[test]
fn a_guard_looks_both_ways_unless_only_one_makes_sense() {
    let of = |action: &str, more: Value| {
        let mut guard = json!({"name": "g", "detect": "SECRET", "action": action});
        guard
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let guards = guards(&json!([guard]));
        [Direction::Input, Direction::Output]
            .map(|way| !guards.holding(way, None, &["m"]).is_empty())
    };
    for action in ["block", "mask", "warn"] {
        assert_eq!(of(action, json!({})), [true, true], "{action}");
        assert_eq!(of(action, json!({"on": "both"})), [true, true]);
    }
    assert_eq!(of("restore", json!({})), [true, false]);
    assert_eq!(
        of("route", json!({"to": "own-1", "on": "input"})),
        [true, false]
    );
    assert_eq!(of("mask", json!({"on": "output"})), [false, true]);
    assert_eq!(of("mask", json!({"on": "input"})), [true, false]);
}

#[test]
fn every_mistake_is_told_with_its_path() {
    let known = guards(&json!([{"name": "g", "detect": ["PII", "SECRET"], "action": "warn"}]));
    assert!(known.input.unwrap().scan.kinds().len() > 20);
    let wrong = problems(&json!([
        {"name": "a b", "detect": ["EMAIL_ADRESS"], "action": "drop"},
        {"name": "x", "detect": "SECRET", "action": "mask", "to": "own-1", "salt": "sixteen letters!", "threshold": 1.5, "teams": [], "models": ["a*b", "gpt-5"], "on_error": "no"},
        {"name": "x", "action": "route", "detect": [], "on": "output"},
        {"name": "y", "action": "hash", "detect": "SECRET", "salt": "short"},
        {"name": "z", "action": "hash", "detect": "SECRET"},
        {"name": "r", "action": "restore", "detect": "SECRET", "on": "both"},
        {"name": "s", "action": "route", "detect": "SECRET", "to": "nobody"},
        {"name": "t", "action": "mask"},
        {},
    ]));
    let first = wrong[1].clone();
    assert!(first.starts_with(
        "$.guards[0].detect[0]: no such entity \"EMAIL_ADRESS\"; known: PII, SECRET, "
    ));
    assert!(first.contains("EMAIL_ADDRESS") && first.contains("IBAN_CODE"));
    let rest: Vec<_> = wrong
        .iter()
        .filter(|line| **line != first)
        .map(String::as_str)
        .collect();
    assert_eq!(
        rest,
        [
            "$.guards[0].action: unknown value \"drop\"; allowed: block, mask, restore, hash, warn, route",
            "$.guards[0].name: a guard's name holds ASCII letters, digits, `_` and `-`, at most 64",
            "$.guards[1].models[0]: `*` may stand at the end only",
            "$.guards[1].models[1]: no such model; configured: own-*, echo",
            "$.guards[1].on_error: unknown value \"no\"; allowed: block, allow",
            "$.guards[1].salt: belongs to `action: hash`",
            "$.guards[1].teams: empty; name at least one value",
            "$.guards[1].threshold: expected 0 to 1 with at most two decimal places, found 1.5",
            "$.guards[1].to: belongs to `action: route`",
            "$.guards[2].detect: empty; name at least one of them",
            "$.guards[2].name: the same as in $.guards[1]",
            "$.guards[2].on: an answer cannot go to another model: leave `on` out",
            "$.guards[2].to: missing; `action: route` needs it",
            "$.guards[3].salt: expected 16 to 256 bytes",
            "$.guards[4].salt: missing; `action: hash` needs it",
            "$.guards[5].on: `restore` takes values out of requests; in answers it puts them back by itself: leave `on` out",
            "$.guards[6].to: no model \"nobody\"; configured: own-*",
            "$.guards[7].detect: missing: a guard needs `detect`, `pattern`, `words` or `call`, or for answers `links`, `system_prompt` or `max_chars`",
            "$.guards[8].action: missing",
            "$.guards[8].detect: missing: a guard needs `detect`, `pattern`, `words` or `call`, or for answers `links`, `system_prompt` or `max_chars`",
            "$.guards[8].name: missing",
        ]
    );
    assert!(!wrong.concat().contains("short"), "a salt is a secret");
    let many: Vec<_> = (0..65)
        .map(|n| json!({"name": n.to_string(), "detect": "SECRET", "action": "warn"}))
        .collect();
    assert_eq!(problems(&json!(many)), ["$.guards: 65 guards; allowed: 64"]);
}

#[test]
fn types_in_placeholders_are_short_and_plain() {
    let of = [
        "EMAIL_ADDRESS",
        "US_SSN",
        "CREDIT_CARD",
        "staff-no",
        "7up",
        "é",
        "",
    ];
    assert_eq!(
        of.map(label),
        [
            "EMAIL",
            "SSN",
            "CREDIT_CARD",
            "STAFF_NO",
            "X_7UP",
            "X__",
            "X_"
        ]
    );
    assert_eq!(label(&"a".repeat(100)).len(), 32);
}
