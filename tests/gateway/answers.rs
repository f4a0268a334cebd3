//! Answers on their way out: an attempt's own, the one error when all failed, Envoy's own words, and the outcome.

use crate::{
    ask, chat, error, reply, settings,
    support::{FakeHost, Passed, response},
};
use envoy_llm_gateway::host::{Side, Stream};
use serde_json::{Value, json};

/// Answers after a hand-over, as Envoy or the last attempt would.
fn after(attempts: &Value, headers: &[(&str, &str)], body: &[&[u8]]) -> (FakeHost, Option<Passed>) {
    let (host, mut gateway, passed) = ask(&settings(), &[], &chat("smart"));
    assert!(passed.is_some());
    if !attempts.is_null() {
        host.state
            .borrow_mut()
            .insert("llm.attempts".into(), attempts.to_string());
    }
    let passed = response(&mut gateway, &host, headers, body);
    gateway.on_log(&host);
    (host, passed)
}

fn tried(provider: &str, status: Value, ms: Value, reason: Value) -> Value {
    json!({"provider": provider, "model": "m", "status": status, "ms": ms, "reason": reason, "at_ms": 0})
}

#[test]
fn an_attempt_s_answer_passes_with_the_request_s_id() {
    let attempts = json!([tried("one", json!(200), json!(5), Value::Null)]);
    let headers = [
        (":status", "200"),
        ("x-llm-provider", "one"),
        ("content-type", "application/json"),
    ];
    let (_, passed) = after(&attempts, &headers, &[b"{\"an\":", b"\"answer\"}"]);
    let passed = passed.unwrap();
    assert_eq!(passed.text(), r#"{"an":"answer"}"#);
    assert_eq!(passed.headers.len(), 3, "the attempt has written them all");
}

#[test]
fn when_every_attempt_failed_one_error_names_them() {
    let attempts = json!([
        tried("one", Value::Null, json!(30_000), json!("no_answer")),
        tried("two", json!(429), json!(3), json!("rate_limit_exceeded")),
    ]);
    let headers = [
        (":status", "429"),
        ("x-llm-model", "m"),
        ("retry-after-ms", "1"),
        ("content-length", "6"),
    ];
    let (host, passed) = after(&attempts, &headers, &[b"sec", b"ret"]);
    let passed = passed.unwrap();
    let want = r#"{"error":{"message":"No provider could answer `smart`. Tried: one (m) did not answer within 30000 ms; two (m) 429 rate_limit_exceeded.","type":"provider_error","param":null,"code":"provider_failed"}}"#;
    assert_eq!(passed.text(), want);
    assert_eq!(
        passed.headers,
        [
            (":status", "502"),
            ("content-type", "application/json"),
            ("content-length", &want.len().to_string()),
            ("x-should-retry", "false"),
            ("x-llm-attempts", "2"),
            ("x-llm-cache", "off"),
            ("x-request-id", "id-1"),
        ]
        .map(|(n, v)| (n.to_owned(), v.to_owned()))
    );
    assert_eq!(host.state_value("llm.outcome").as_deref(), Some("error"));
    assert_eq!(
        host.state_value("llm.reason").as_deref(),
        Some("provider_failed")
    );
}

#[test]
fn a_target_that_envoy_could_not_begin_to_ask_is_named_too() {
    let attempts = json!([tried(
        "one",
        json!(429),
        json!(3),
        json!("rate_limit_exceeded")
    )]);
    let (host, passed) = after(&attempts, &[(":status", "503")], &[b"no healthy upstream"]);
    let text = passed.unwrap().text();
    assert!(
        text.contains("Tried: one (m) 429 rate_limit_exceeded; two (b) could not be reached."),
        "{text}"
    );
    assert_eq!(host.state_value("llm.attempt_count").as_deref(), Some("2"));
}

#[test]
fn an_error_that_ends_in_trailers_or_at_once_is_answered_with_the_request_s_id() {
    for trailers in [false, true] {
        let (host, mut gateway, _) = ask(&settings(), &[], &chat("smart"));
        host.set_headers(Side::Response, &[(":status", "503")]);
        gateway.on_response_headers(&host, !trailers);
        if trailers {
            gateway.on_response_trailers(&host);
        }
        let reply = reply(&host);
        assert_eq!(reply.status, 503);
        assert!(
            reply
                .headers
                .contains(&("x-request-id".into(), "id-1".into()))
        );
    }
}

#[test]
fn an_attempt_that_never_answered_is_completed_and_named() {
    let attempts = json!([tried("one", Value::Null, Value::Null, Value::Null)]);
    let (host, passed) = after(
        &attempts,
        &[(":status", "504")],
        &[b"upstream request timeout"],
    );
    assert_eq!(passed.unwrap().header(":status"), Some("504"));
    let attempts: Value = serde_json::from_str(&host.state_value("llm.attempts").unwrap()).unwrap();
    assert_eq!(attempts[0]["reason"], json!("no_answer"));
    assert!(attempts[0]["ms"].as_u64().is_some());
}

#[test]
fn envoy_s_own_words_get_openai_s_shape_with_and_without_a_body() {
    let cases = [
        (413, "request_too_large"),
        (429, "rate_limit_exceeded"),
        (503, "provider_overloaded"),
        (504, "provider_timeout"),
    ];
    for (status, code) in cases {
        let status = status.to_string();
        let (_, passed) = after(
            &Value::Null,
            &[(":status", &status), ("content-type", "text/plain")],
            &[b"Payload Too Large"],
        );
        let passed = passed.unwrap();
        assert_eq!(passed.header(":status"), Some(status.as_str()));
        let body: Value = serde_json::from_str(&passed.text()).unwrap();
        assert_eq!(body["error"]["code"], json!(code));
        let (host, passed) = after(&Value::Null, &[(":status", &status)], &[]);
        assert_eq!(passed, None, "an empty reply is replaced");
        assert_eq!(error(&host).1, code);
    }
}

#[test]
fn the_outcome_tells_how_it_ended() {
    let outcome = |status: &str, end: bool, details: &str| {
        let (host, mut gateway, _) = ask(&settings(), &[], &chat("smart"));
        host.state
            .borrow_mut()
            .insert("llm.outcome".into(), "the attempt's own".into());
        host.properties
            .borrow_mut()
            .insert("response.code_details".into(), details.into());
        host.set_headers(
            Side::Response,
            &[(":status", status), ("x-llm-provider", "one")],
        );
        gateway.on_response_headers(&host, false);
        gateway.on_response_body(&host, 2, end);
        gateway.on_log(&host);
        host.state_value("llm.outcome").unwrap()
    };
    assert_eq!(outcome("200", true, "via_upstream"), "the attempt's own");
    assert_eq!(
        outcome("200", false, "upstream_reset_after_response_started"),
        "partial"
    );
    assert_eq!(
        outcome("200", false, "downstream_remote_disconnect"),
        "cancelled"
    );
    assert_eq!(outcome("400", true, "via_upstream"), "error");
    assert_eq!(outcome("400", false, "http2.remote_reset"), "cancelled");
    let (host, mut gateway, _) = ask(&settings(), &[], &chat("nothing"));
    response(&mut gateway, &host, &[(":status", "404")], &[b"{}"]);
    gateway.on_log(&host);
    assert_eq!(host.state_value("llm.outcome").as_deref(), Some("refused"));
    assert_eq!(
        host.state_value("llm.reason").as_deref(),
        Some("model_not_found")
    );
    let reply = reply(&host);
    for line in [("x-request-id", "id-1"), ("x-llm-cache", "off")] {
        assert!(reply.headers.contains(&(line.0.into(), line.1.into())));
    }
}
