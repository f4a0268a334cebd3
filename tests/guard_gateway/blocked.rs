//! Answers that go no further, or cannot be looked at.

use crate::{
    CHAT, MESSAGES, RESPONSES, ask, ask_of, guards, said, streamed, support::response, told, whole,
};
use serde_json::{Value, json};

#[test]
fn a_whole_answer_that_is_blocked_becomes_an_error() {
    for path in [CHAT, MESSAGES, RESPONSES] {
        let mut asked = ask(path, "hi", false);
        let got = asked.answer(&whole(path, "It was DE89370400440532013000."));
        assert_eq!(got.header(":status"), Some("400"));
        let error: Value = serde_json::from_slice(&got.body).unwrap();
        let message = error["error"]["message"].as_str().unwrap();
        assert!(message.contains("`accounts`") && !got.text().contains("DE89370400440532013000"));
        if path != MESSAGES {
            assert_eq!(error["error"]["code"], "guardrail_blocked");
        }
        assert_eq!(got.header("x-llm-guard"), Some("accounts:block=1"));
        assert_eq!(
            asked.record(),
            told("refused", "guardrail_blocked", "accounts:block=1")
        );
    }
}

#[test]
fn a_stream_that_is_blocked_ends_with_an_error_and_nobody_listens_any_longer() {
    for path in [CHAT, MESSAGES, RESPONSES] {
        let mut asked = ask(path, "hi", true);
        let stream = streamed(
            path,
            &[
                "It ",
                "was ",
                "DE8937040044",
                "0532013000, ",
                "and he",
                " said",
            ],
        );
        let got = asked.stream(&stream, 64).text();
        assert!(!got.contains("DE89") && !got.contains("said"), "{got}");
        assert!(got.contains("was "), "{got}");
        let last = got.trim_end().rsplit("\n\n").next().unwrap();
        let error: Value = serde_json::from_str(last.split_once("data: ").unwrap().1).unwrap();
        match path {
            CHAT => assert_eq!(error["error"]["code"], "guardrail_blocked"),
            MESSAGES => assert_eq!(error["type"], "error"),
            _ => assert_eq!(error["code"], "guardrail_blocked"),
        }
        assert!(asked.host.stopped.get(), "the provider goes on for nobody");
        assert_eq!(
            asked.record(),
            told("partial", "guardrail_blocked", "accounts:block=1")
        );
        assert_eq!(
            asked.host.state_value("llm.finish").as_deref(),
            Some("error")
        );
    }
}

#[test]
fn an_answer_that_cannot_be_looked_at_is_refused_or_passes_as_configured() {
    let page = "<html>DE89370400440532013000</html>";
    let mut asked = ask(CHAT, "hi", false);
    let got = asked.answer_as("text/html", &[page.as_bytes()]);
    assert_eq!(got.header(":status"), Some("400"));
    assert!(got.text().contains("guardrail_error"), "{}", got.text());
    let mut asked = ask(CHAT, "hi", false);
    let got = asked.answer_as(
        "application/json",
        &[b"{\"choices\":[{\"message\":{\"content\":7}}]}"],
    );
    assert!(got.text().contains("guardrail_error"), "{}", got.text());
    let mut asked = ask(CHAT, "hi", true);
    let got = asked.answer_as(
        "text/event-stream",
        &[b"data: {}\n\ndata: {\n\ndata: x\n\n"],
    );
    assert!(
        got.text().starts_with("data: {}\n\ndata: {\"error\":"),
        "{}",
        got.text()
    );
    let open = json!([{"name": "accounts", "detect": ["IBAN_CODE"], "on": "output", "action": "block", "on_error": "allow"}]);
    for (kind, text) in [
        ("text/html", page),
        ("application/json", "{\"choices\":7}"),
        ("text/event-stream", "data: {\n\ndata: {}\n\n"),
    ] {
        let mut asked = ask_of(&open, CHAT, &said(CHAT, "hi", true));
        let got = asked.answer_as(kind, &[text.as_bytes()]);
        assert_eq!(got.text(), text);
        assert_eq!(asked.record()[2].as_deref(), Some("accounts:unread=1"));
    }
}

#[test]
fn errors_and_answers_without_texts_pass() {
    let mut asked = ask(CHAT, "hi", false);
    let error = json!({"error": {"message": "DE89370400440532013000"}}).to_string();
    let head = [
        (":status", "400"),
        ("content-type", "application/json"),
        ("x-llm-provider", "one"),
    ];
    let got = response(&mut asked.gateway, &asked.host, &head, &[error.as_bytes()]).unwrap();
    assert_eq!((got.text(), got.held), (error, 0));
    let body = json!({"model": "smart", "input": "DE89370400440532013000"});
    let mut asked = ask_of(&guards(), "/v1/embeddings", &body);
    let answer = json!({"data": [], "note": "DE89370400440532013000"});
    assert_eq!(asked.answer(&answer).text(), answer.to_string());
}
