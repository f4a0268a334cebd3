//! What a guard marks is masked wherever it stands, and everything else stays.

use crate::{
    ALLOW, Asked, CHAT, MESSAGES, RESPONSES, ask, gathered, hook, parsed, presidio, said, stream,
    streamed, webhook, whole,
};
use serde_json::{Value, json};

#[test]
fn what_is_marked_in_a_stream_is_masked_wherever_windows_and_events_cut_it() {
    let text = "\u{e9}Ann and Bob, Ann, An nAnn.";
    let guards = |hook: bool| {
        let kind = if hook { "webhook" } else { "presidio" };
        json!([{"name": "people", "on": "output", "action": "mask", "call": {"kind": kind, "cluster": "p", "window": 7, "overlap": 3}}])
    };
    for path in [CHAT, MESSAGES, RESPONSES] {
        for size in 1..9 {
            for hook in [false, true] {
                let letters: Vec<char> = text.chars().collect();
                let pieces: Vec<String> = letters
                    .chunks(size)
                    .map(|piece| piece.iter().collect())
                    .collect();
                let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
                let mut asked = stream(&guards(hook), path);
                let mut answered = 0;
                let mut events = streamed(path, &pieces);
                events.push(String::new());
                let ends = events.len() - 1;
                for (place, event) in events.iter().enumerate() {
                    asked.chunk(event, place == ends);
                    while asked.questions().len() > answered && (place % 2 == 0 || place == ends) {
                        answered += 1;
                        let answer = if hook {
                            webhook(&asked, answered)
                        } else {
                            presidio(&asked, answered)
                        };
                        asked.answers(u32::try_from(answered).unwrap(), 200, &answer);
                    }
                }
                assert!(asked.over, "{path} {size}");
                let with = if hook { "***" } else { "[PERSON_1]" };
                let got = asked.text();
                assert_eq!(
                    gathered(path, &got),
                    text.replace("Ann", with),
                    "{path} {size} {hook}"
                );
                assert!(!got.contains("Ann"), "{got}");
            }
        }
    }
}

#[test]
fn arguments_of_a_tool_are_judged_with_their_names_and_stay_json_when_they_are_masked() {
    let guards = json!([{"name": "people", "on": "output", "action": "mask", "call": {"kind": "presidio", "cluster": "p", "window": 5, "overlap": 2}}]);
    let arguments = r#"{"to": "Ann \"A\" Lee", "n": [4111, true], "Ann": "\u00e9"}"#;
    for size in 1..20 {
        let mut asked = stream(&guards, CHAT);
        let pieces = arguments.as_bytes().chunks(size);
        let chunk = |delta: Value| json!({"id": "c", "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": null}]});
        let call = |piece: &str| {
            chunk(
                json!({"tool_calls": [{"index": 0, "id": "t", "type": "function", "function": {"name": "f", "arguments": piece}}]}),
            )
        };
        let mut events: Vec<String> = pieces
            .map(|piece| format!("data: {}\n\n", call(std::str::from_utf8(piece).unwrap())))
            .collect();
        events.push("data: [DONE]\n\n".into());
        let mut answered = 0;
        for (place, event) in events.iter().enumerate() {
            asked.chunk(event, place + 1 == events.len());
            while asked.questions().len() > answered {
                answered += 1;
                let answer = presidio(&asked, answered);
                asked.answers(u32::try_from(answered).unwrap(), 200, &answer);
            }
        }
        let got: String = parsed(&asked.text())
            .iter()
            .map(|event| {
                event["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned()
            })
            .collect();
        let want = json!({"to": "[PERSON_1] \"A\" Lee", "n": [4111, true], "[PERSON_1]": "\u{e9}"});
        assert_eq!(
            serde_json::from_str::<Value>(&got).unwrap(),
            want,
            "{size}: {got}"
        );
        assert!(asked.over);
    }
}

#[test]
fn a_stream_is_masked_here_judged_elsewhere_and_gets_its_values_back_last() {
    let guards = json!([
        {"name": "mail", "detect": "EMAIL_ADDRESS", "action": "restore"},
        {"name": "accounts", "detect": "IBAN_CODE", "on": "output", "action": "block"},
        hook(&json!({})),
    ]);
    for path in [CHAT, MESSAGES, RESPONSES] {
        let mut asked = ask(&guards, path, &said(path, "Mail a@b.co", true));
        asked.headers("text/event-stream");
        let events = streamed(
            path,
            &[
                "Write to [EMA",
                "IL_1], now. ",
                "Yes, ",
                "now.",
                "It is DE8937040044",
                "0532013000 and so on",
            ],
        );
        let mut number = 0;
        for event in &events {
            asked.chunk(event, false);
            if asked.questions().len() > number {
                number += 1;
                asked.answers(u32::try_from(number).unwrap(), 200, ALLOW);
            }
        }
        let texts = json!(asked.texts()).to_string();
        assert!(
            texts.contains("[EMAIL_1]") && !texts.contains("a@b.co"),
            "{texts}"
        );
        let got = asked.text();
        assert!(got.contains("a@b.co"), "{got}");
        assert!(got.contains("accounts") && !got.contains("DE89"), "{got}");
        assert!(!texts.contains("DE89"));
    }
}

#[test]
fn the_letters_that_a_called_guard_may_hide_are_not_told_by_their_probabilities() {
    let tokens = json!({"content": [{"token": "Ann", "logprob": -0.1, "top_logprobs": []}]});
    for (action, told) in [("mask", false), ("block", false), ("warn", true)] {
        let guards = json!([hook(&json!({"action": action}))]);
        let mut answer = whole(CHAT, "by Ann");
        answer["choices"][0]["logprobs"] = tokens.clone();
        let mut asked = ask(&guards, CHAT, &said(CHAT, "Who?", false));
        asked.headers("application/json");
        asked.chunk(&answer.to_string(), true);
        asked.answers(1, 200, ALLOW);
        assert!(asked.over && asked.text().contains("by Ann"));
        assert_eq!(asked.text().contains("token"), told, "{}", asked.text());

        let events = streamed(CHAT, &["by Ann"]).concat();
        let with = format!(r#""logprobs":{tokens},"delta""#);
        let mut asked = stream(&guards, CHAT);
        asked.chunk(&events.replace(r#""delta""#, &with), false);
        asked.chunk("", true);
        asked.answers(1, 200, ALLOW);
        assert!(asked.over && asked.text().contains("by Ann"));
        assert_eq!(asked.text().contains("token"), told, "{}", asked.text());
    }
}

/// Answers every question as Presidio would that knows numbers.
fn numbers(asked: &Asked, number: usize) -> String {
    let texts = asked.questions()[number - 1]["text"].clone();
    let found = |text: &Value| {
        let letters: Vec<char> = text.as_str().unwrap().chars().collect();
        let mut found = Vec::new();
        for (place, letter) in letters.iter().enumerate() {
            let begins = place == 0 || !letters[place - 1].is_ascii_digit();
            if letter.is_ascii_digit() && begins {
                let size = letters[place..]
                    .iter()
                    .take_while(|letter| letter.is_ascii_digit());
                found.push(json!({"entity_type": "N", "start": place, "end": place + size.count(), "score": 0.9}));
            }
        }
        json!(found)
    };
    let found: Vec<Value> = texts.as_array().unwrap().iter().map(found).collect();
    json!(found).to_string()
}

#[test]
fn however_many_values_are_masked_none_is_told_when_a_response_repeats_them() {
    let guards = json!([{"name": "people", "on": "output", "action": "mask", "call": {"kind": "presidio", "cluster": "p", "window": 2000, "overlap": 9}}]);
    let pieces: Vec<String> = (0..1500)
        .map(|n| format!("n {} or ", 100_000 + 7 * n))
        .collect();
    let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
    let mut asked = stream(&guards, RESPONSES);
    let (mut answered, mut events) = (0, streamed(RESPONSES, &pieces));
    events.push(String::new());
    let ends = events.len() - 1;
    for (place, event) in events.iter().enumerate() {
        asked.chunk(event, place == ends);
        while asked.questions().len() > answered {
            answered += 1;
            let answer = numbers(&asked, answered);
            asked.answers(u32::try_from(answered).unwrap(), 200, &answer);
        }
    }
    assert!(asked.over);
    let got = gathered(RESPONSES, &asked.text());
    let want: String = (1..=1500).map(|n| format!("n [N_{n}] or ")).collect();
    assert_eq!(got, want);
}

#[test]
fn a_webhook_may_mask_several_places_of_arguments_and_add_to_them() {
    let guards = json!([{"name": "people", "on": "output", "action": "mask", "call": {"kind": "webhook", "cluster": "p"}}]);
    let arguments = json!({"to": "Ann, Lee", "cc": ["Bob", 41], "n": true}).to_string();
    let mut answer = whole(CHAT, "so");
    let call = |answer: &Value| {
        answer["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"].clone()
    };
    answer["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"] = json!(arguments);
    let changed = |change: &dyn Fn(&str) -> String| {
        let mut asked = ask(&guards, CHAT, &said(CHAT, "Who?", false));
        asked.headers("application/json");
        asked.chunk(&answer.to_string(), true);
        let shown = asked.texts()[0][1].as_str().unwrap().to_owned();
        let masked = json!({"action": "mask", "texts": [null, change(&shown)]}).to_string();
        asked.answers(1, 200, &masked);
        let got: Value = serde_json::from_str(&asked.text()).unwrap();
        let got: Value = serde_json::from_str(call(&got).as_str().unwrap()).unwrap();
        (got, asked.record()[2].clone())
    };
    let mask = |shown: &str| {
        shown
            .replace("Ann, Lee", "***")
            .replace("Bob", "[a] b")
            .replace("41", "*")
    };
    let want = json!({"to": "***", "cc": ["[a] b", "*"], "n": true});
    assert_eq!(changed(&mask), (want, Some("people:mask=1".into())));
    let want = json!({"to": "Ann, Lee (here)", "cc": ["Bob", 41], "n": true});
    let add = |shown: &str| shown.replace("Lee", "Lee (here)");
    assert_eq!(changed(&add), (want, Some("people:mask=1".into())));
    let same = |shown: &str| shown.to_owned();
    assert_eq!(changed(&same).1, None);
}
