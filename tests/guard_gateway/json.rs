//! Answers that are JSON, and such as have to be.

use crate::{
    CHAT, MESSAGES, RESPONSES, ask_of, cuts, events_of, said, streamed,
    support::{FakeHost, request, response},
    text_of, whole,
};
use envoy_llm_gateway::{attempt::Attempt, config::Config, gateway::Request};
use serde_json::{Value, json};
use std::rc::Rc;

#[test]
fn a_whole_answer_that_is_json_stays_json() {
    let guards = json!([
        {"name": "mail", "detect": ["EMAIL_ADDRESS"], "action": "restore"},
        {"name": "cards", "detect": ["CREDIT_CARD"], "on": "output", "action": "mask"},
        {"name": "names", "words": ["Ann"], "action": "restore"},
    ]);
    let text = r#" {"card": 4111111111111111, "to": ["[EMAIL_1]", 1.10], "n": "[NAMES_1]"} "#;
    let want = r#" {"card": "[CREDIT_CARD_1]", "to": ["ann@example.com", 1.10], "n": "Ann"} "#;
    for path in [CHAT, MESSAGES, RESPONSES] {
        let mut asked = ask_of(&guards, path, &said(path, "Ann, ann@example.com", false));
        let got: Value = serde_json::from_str(&asked.answer(&whole(path, text)).text()).unwrap();
        let got = match path {
            CHAT => &got["choices"][0]["message"]["content"],
            MESSAGES => &got["content"][0]["text"],
            _ => &got["output"][0]["content"][0]["text"],
        };
        assert_eq!(got, want);
    }
}

#[test]
fn an_answer_that_is_json_stays_json_however_a_stream_is_cut_and_one_that_is_not_is_a_text() {
    let guards = json!([
        {"name": "mail", "detect": ["EMAIL_ADDRESS"], "action": "restore"},
        {"name": "cards", "detect": ["CREDIT_CARD"], "on": "output", "action": "mask"},
        {"name": "names", "pattern": "Ann .A. Lee", "action": "restore"},
        {"name": "marks", "pattern": "[{] ?[{]x", "on": "output", "action": "mask"},
    ]);
    for (text, want) in [
        (
            r#" {"card": 4111111111111111, "to": ["[EMAIL_1]", 1.10], "n": "[NAMES_1]\u00e9"} "#,
            r#" {"card": "[CREDIT_CARD_1]", "to": ["ann@example.com", 1.10], "n": "Ann \"A\" Lee\u00e9"} "#,
        ),
        (
            "[4111111111111111]\n[true,-1.5e3]\n",
            "[\"[CREDIT_CARD_1]\"]\n[true,-1.5e3]\n",
        ),
        (
            r#"{"cut off": "a\"b 4111 1111 1111 1111"#,
            r#"{"cut off": "a\"b [CREDIT_CARD_1]"#,
        ),
        ("[EMAIL_1] is {mine}", "ann@example.com is {mine}"),
        ("[4111 1111 1111 1111] is mine", "[[CREDIT_CARD_1]] is mine"),
        (
            r#"{"to": [EMAIL_1], "n": "[NAMES_1]"}"#,
            r#"{"to": ann@example.com, "n": "Ann "A" Lee"}"#,
        ),
        (
            r#"{"a": 1}} 4111111111111111, "#,
            r#"{"a": 1}} [CREDIT_CARD_1], "#,
        ),
        ("{ {x} [1] [a]", "[MARKS_1]} [1] [a]"),
        ("[today] [nul", "[today] [nul"),
    ] {
        for path in [CHAT, MESSAGES, RESPONSES] {
            let asked = "Ann \"A\" Lee, ann@example.com";
            let mut whole_one = ask_of(&guards, path, &said(path, asked, false));
            let got = whole_one.answer(&whole(path, text)).text();
            let got: Value = serde_json::from_str(&got).unwrap();
            let got = match path {
                CHAT => &got["choices"][0]["message"]["content"],
                MESSAGES => &got["content"][0]["text"],
                _ => &got["output"][0]["content"][0]["text"],
            };
            assert_eq!(got, want, "{path}");
            for pieces in cuts(text) {
                let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
                let mut asked = ask_of(&guards, path, &said(path, asked, true));
                let got = asked.stream(&streamed(path, &pieces), 1000).text();
                assert_eq!(text_of(path, &got), want, "{path} {pieces:?}");
            }
        }
    }
}

#[test]
fn a_line_begins_with_a_value_of_json_in_answers_too() {
    let guards = json!([
        {"name": "staff", "pattern": ["^EMP-[0-9]{6}$", "^77[0-9]{8}$"], "on": "output", "action": "mask"},
        {"name": "keys", "detect": "SECRET", "on": "output", "action": "mask"},
    ]);
    let document = r#"{"EMP-111111": "EMP-222222", "is": [ "EMP-333333" , 7712345678],"n":"is EMP-444444", "db_password" : "hunter2!"}"#;
    let want = r#"{"[STAFF_1]": "[STAFF_2]", "is": [ "[STAFF_3]" , "[STAFF_4]"],"n":"is EMP-444444", "db_password" : "[SECRET_PASSWORD_1]"}"#;
    let call = |arguments: &str| {
        json!({"choices": [{"index": 0, "delta": {"tool_calls": [
            {"index": 0, "function": {"arguments": arguments}}]}}]})
    };
    for pieces in cuts(document) {
        let chunks = pieces
            .iter()
            .map(|piece| format!("data: {}\n\n", call(piece)));
        let mut asked = ask_of(&guards, CHAT, &said(CHAT, "hi", true));
        let got = asked.stream(&chunks.collect::<String>(), 1000).text();
        let got = events_of(&got);
        let said = got.iter().map(|event| {
            let call = &event["choices"][0]["delta"]["tool_calls"][0];
            call["function"]["arguments"].as_str().unwrap()
        });
        assert_eq!(said.collect::<String>(), want, "{pieces:?}");
    }
}

#[test]
fn structured_output_that_does_not_fit_moves_on_to_the_next_target() {
    let settings = json!({"role": "gateway", "validate_json": true,
        "models": {"smart": {"targets": [{"provider": "one", "model": "a"}, {"provider": "two", "model": "b"}]}},
        "providers": {"one": {"dialect": "openai"}, "two": {"dialect": "openai"}}});
    let Ok(Config::Gateway(config)) = Config::parse(settings.to_string().as_bytes()) else {
        panic!("settings");
    };
    let (host, mut gateway) = (FakeHost::default(), Request::new(Rc::new(config)));
    let schema =
        json!({"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}}});
    let format = json!({"type": "json_schema", "json_schema": {"name": "n", "schema": schema}});
    let mut body = said(CHAT, "hi", false);
    body["response_format"] = format;
    let body = body.to_string();
    let head = [
        (":method", "POST"),
        (":path", CHAT),
        ("content-type", "application/json"),
    ];
    request(&mut gateway, &host, &head, &[body.as_bytes()]).unwrap();
    let attempt = |number: u64, content: &str| {
        host.attempt_number(number);
        let provider = json!({"role": "provider", "dialect": "openai"}).to_string();
        let Ok(Config::Provider(config)) = Config::parse(provider.as_bytes()) else {
            panic!("provider");
        };
        let mut attempt = Attempt::new(Rc::new(config));
        request(&mut attempt, &host, &head, &[body.as_bytes()]).unwrap();
        let answer = json!({"choices": [{"index": 0, "finish_reason": "stop", "message": {"content": content}}]});
        let answer = answer.to_string();
        let head = [(":status", "200"), ("content-type", "application/json")];
        let got = response(&mut attempt, &host, &head, &[answer.as_bytes()]).unwrap();
        got.header(":status").unwrap().to_owned()
    };
    assert_eq!(attempt(1, "{\"a\":\"one\"}"), "503");
    assert_eq!(attempt(2, "{\"a\":1}"), "200");
}
