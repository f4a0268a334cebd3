//! Forms, which name their model somewhere among their fields.

use crate::{FORM, ask, attempt, form};
use serde_json::json;

#[test]
fn a_form_is_held_until_its_model_has_come() {
    let fields = [
        ("a", "1"),
        ("model", "whisper-large"),
        ("file", &"x".repeat(400)),
    ];
    let body = form(&fields);
    let length = body.len().to_string();
    let chunks: Vec<_> = body.as_bytes().chunks(10).collect();
    let asked = ask(
        "POST /v1/audio/transcriptions",
        &[FORM, ("content-length", &length)],
        &chunks,
    );
    let passed = asked.passed();
    let end_of_field = body
        .find("\r\n--b1\r\nContent-Disposition: form-data; name=\"file\"")
        .unwrap();
    assert_eq!(passed.held, (end_of_field + 6) / 10);
    assert_eq!(passed.text(), body);
    assert_eq!(asked.steps().len(), 2, "what Envoy keeps can be sent again");
    for (number, model) in [(1, "whisper-1"), (2, "w")] {
        for size in [1, 50, 1000] {
            let sent = asked.at(&mut attempt(json!({})), number, size).unwrap();
            assert_eq!(sent.text(), body.replace("whisper-large", model));
            let length = sent.body.len().to_string();
            assert_eq!(sent.header("content-length"), Some(length.as_str()));
            assert_eq!(sent.header("content-type"), Some(FORM.1));
        }
    }
}

#[test]
fn a_form_whose_model_stays_is_never_held_on_the_way_out() {
    let body = form(&[("file", "x"), ("model", "whisper-1")]);
    let asked = ask("POST /v1/audio/transcriptions", &[FORM], &[body.as_bytes()]);
    let sent = asked.at(&mut attempt(json!({})), 1, 10).unwrap();
    assert_eq!((sent.held, sent.text()), (0, body));
}

#[test]
fn what_is_longer_than_envoy_keeps_has_one_attempt() {
    let fields = [("model", "whisper-large"), ("file", &"x".repeat(1200))];
    let body = form(&fields);
    let length = body.len().to_string();
    let chunks: Vec<_> = body.as_bytes().chunks(100).collect();
    for headers in [&[FORM, ("content-length", length.as_str())][..], &[FORM]] {
        let asked = ask("POST /v1/audio/translations", headers, &chunks);
        assert_eq!(asked.steps(), [("openai".into(), "whisper-1".into())]);
        assert_eq!(asked.passed().header("x-llm-unbuffered"), Some("1"));
    }
}

#[test]
fn a_second_model_never_reaches_a_provider() {
    let body = form(&[
        ("model", "whisper-1"),
        ("file", &"x".repeat(100)),
        ("model", "claude"),
    ]);
    for size in [20, 1000] {
        let chunks: Vec<_> = body.as_bytes().chunks(size).collect();
        let asked = ask("POST /v1/audio/transcriptions", &[FORM], &chunks);
        assert_eq!(
            asked.error(),
            (400, "invalid_request".into(), Some("model".into()))
        );
        assert!(asked.passed.is_none());
    }
}

#[test]
fn a_form_that_does_not_name_its_model_in_time_is_told_so() {
    let body = form(&[("file", &"x".repeat(1000)), ("model", "whisper-1")]);
    for size in [100, 2000] {
        let chunks: Vec<_> = body.as_bytes().chunks(size).collect();
        let asked = ask("POST /v1/audio/transcriptions", &[FORM], &chunks);
        assert_eq!(
            asked.error(),
            (413, "request_too_large".into(), Some("model".into()))
        );
        assert!(asked.message().contains("before the file"));
    }
}
