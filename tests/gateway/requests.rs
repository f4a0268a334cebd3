//! Requests on their way in: what is handed over, what goes no further, and what is refused.

use crate::{
    POST, ask, chat, error, gateway, reply, settings,
    support::{FakeHost, request},
};
use serde_json::{Value, json};

#[test]
fn a_plan_is_handed_to_envoy_and_to_the_provider_role() {
    let body = json!({"model": "smart", "stream": true, "messages": [{}]}).to_string();
    let (host, _, passed) = ask(&settings(), &[], &body);
    let passed = passed.unwrap();
    assert_eq!(passed.text(), body, "the body stays the client's");
    assert_eq!(passed.header("x-envoy-max-retries"), Some("2"));
    assert_eq!(
        passed.header("x-envoy-upstream-rq-per-try-timeout-ms"),
        Some("2000")
    );
    assert!(passed.header("x-llm-plan").is_some());
    let plan: Value = serde_json::from_str(&host.plan().unwrap()).unwrap();
    let step = |provider: &str, cluster: &str, model: &str| json!({"provider": provider, "cluster": cluster, "model": model, "dialect": "openai"});
    assert_eq!(
        plan,
        json!([
            step("one", "cluster-one", "a"),
            step("two", "two", "b"),
            step("one", "cluster-one", "c")
        ])
    );
    let state = |key: &str| host.state_value(key).unwrap();
    assert_eq!(
        ["llm.model", "llm.operation", "llm.stream", "llm.route"].map(state),
        ["smart", "chat", "1", "smart:fallback"]
    );
}

#[test]
fn a_whole_answer_has_its_own_timeout() {
    let (_, _, passed) = ask(&settings(), &[], &chat("smart"));
    assert_eq!(
        passed
            .unwrap()
            .header("x-envoy-upstream-rq-per-try-timeout-ms"),
        Some("30000")
    );
}

#[test]
fn headers_that_steer_and_credentials_go_no_further() {
    let (_, _, passed) = ask(
        &settings(),
        &[
            ("authorization", "Bearer x"),
            ("x-api-key", "x"),
            ("cookie", "x"),
            ("x-llm-plan", "x"),
            ("x-envoy-max-retries", "9"),
            ("x-envoy-upstream-rq-timeout-ms", "1"),
            ("x-custom", "stays"),
        ],
        &chat("gpt-4"),
    );
    let mut names: Vec<_> = passed
        .unwrap()
        .headers
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            ":method",
            ":path",
            "content-type",
            "x-custom",
            "x-envoy-max-retries",
            "x-envoy-upstream-rq-per-try-timeout-ms",
            "x-llm-plan",
            "x-request-id"
        ]
    );
}

#[test]
fn what_cannot_be_a_chat_request_is_refused_with_its_reason() {
    let refused = |headers: &[(&str, &str)], body: &str| error(&ask(&settings(), headers, body).0);
    assert_eq!(
        refused(&[(":path", "/v1/nothing")], "{}"),
        (404, "unknown_url".into(), Value::Null)
    );
    assert_eq!(refused(&[(":method", "GET")], "").0, 405);
    assert_eq!(
        refused(&[], ""),
        (400, "invalid_request".into(), Value::Null)
    );
    assert_eq!(
        refused(&[], "{\"model\":"),
        (400, "invalid_request".into(), json!("model"))
    );
    assert_eq!(
        refused(&[], r#"{"model":1,"messages":[1]}"#).2,
        json!("model")
    );
    assert_eq!(refused(&[("content-type", "text/plain")], "{}").0, 415);
    assert_eq!(refused(&[("content-encoding", "deflate")], "{}").0, 415);
    assert_eq!(
        refused(&[("content-length", "401")], "{}"),
        (413, "request_too_large".into(), Value::Null)
    );
    assert_eq!(
        refused(&[], &"x".repeat(401)).0,
        413,
        "also without a content-length"
    );
    let (host, ..) = ask(
        &settings(),
        &[(":method", "PUT"), (":path", "/v1/models")],
        "",
    );
    assert!(
        reply(&host)
            .headers
            .contains(&("allow".into(), "GET".into()))
    );
}

#[test]
fn a_header_that_cannot_be_removed_stops_the_request() {
    let host = FakeHost::default();
    host.refuse_writes.set(true);
    let headers = [POST, &[("authorization", "Bearer x")]].concat();
    assert_eq!(
        request(
            &mut gateway(&settings()),
            &host,
            &headers,
            &[chat("smart").as_bytes()]
        ),
        None
    );
    assert_eq!(error(&host).0, 500);
}
