//! What becomes of a provider's errors.

use crate::{JSON, SPEECH, reached, support::response};
use serde_json::{Value, json};

const MISSING: &[u8] = br#"{"error": {"message":"No such File object: f","type":"invalid_request_error","param":"id","code":null}}"#;

#[test]
fn a_client_s_error_comes_in_the_provider_s_own_words() {
    let (asked, mut attempt) = reached("GET /v1/files/f", &[], &[]);
    let head = [(":status", "404"), JSON];
    let answer = response(&mut attempt, &asked.host, &head, &[MISSING]).unwrap();
    assert_eq!(answer.header(":status"), Some("404"));
    assert_eq!(answer.header("x-llm-provider"), Some("openai"));
    assert_eq!(answer.body, MISSING);
    let (asked, mut attempt) = reached("GET /v1/files/f", &[], &[]);
    let head = [(":status", "404"), ("content-type", "text/html")];
    let answer = response(&mut attempt, &asked.host, &head, &[b"<html>"]).unwrap();
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(
        (answer.header(":status"), &body["error"]["code"]),
        (Some("404"), &json!("not_found"))
    );
}

#[test]
fn what_another_provider_might_do_better_is_a_failed_attempt() {
    for (status, want) in [
        ("500", "500"),
        ("429", "429"),
        ("401", "503"),
        ("404", "503"),
    ] {
        let (asked, mut attempt) = reached("POST /v1/images/generations", &[JSON], &[SPEECH]);
        let head = [(":status", status), JSON];
        let answer = response(&mut attempt, &asked.host, &head, &[MISSING]).unwrap();
        assert_eq!(answer.header(":status"), Some(want), "{status}");
        assert_eq!(answer.header("x-llm-provider"), None, "{status}");
    }
    let (asked, mut attempt) = reached("POST /v1/images/generations", &[JSON], &[SPEECH]);
    let head = [
        (":status", "200"),
        ("content-type", "text/html; charset=utf-8"),
    ];
    let answer = response(&mut attempt, &asked.host, &head, &[b"<html>"]).unwrap();
    assert_eq!(answer.header(":status"), Some("503"), "a page is no image");
    let (asked, mut attempt) = reached("GET /v1/files/f/content", &[], &[]);
    let answer = response(&mut attempt, &asked.host, &head, &[b"<html>"]).unwrap();
    assert_eq!(answer.body, b"<html>", "but it may be a file");
}

#[test]
fn the_last_error_names_what_was_asked_for_when_that_was_no_model() {
    let (mut asked, mut attempt) = reached("GET /v1/files", &[], &[]);
    let head = [(":status", "401"), JSON];
    let failed = response(&mut attempt, &asked.host, &head, &[MISSING]).unwrap();
    let head: Vec<_> = failed
        .headers
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_str()))
        .collect();
    let answer = response(&mut asked.gateway, &asked.host, &head, &[&failed.body]).unwrap();
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(answer.header(":status"), Some("502"));
    assert_eq!(body["error"]["code"], json!("provider_auth_failed"));
    assert_eq!(
        body["error"]["message"],
        json!("No provider could answer `files`. Tried: openai 401 provider_auth_failed.")
    );
}
