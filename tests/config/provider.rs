//! What the provider role's settings become, and what is said about bad ones.

use crate::{problems, provider};
use serde_json::json;

#[test]
fn a_provider_becomes_what_was_written() {
    let small = provider(&json!({"role": "provider", "dialect": "raven"}));
    assert_eq!(
        format!("{small:?}"),
        r#"Provider { dialect: "raven", speaks: Parrot { common: Common { base_path: "/v2", unknown: Keep }, volume: 3 }, host: None, headers: [], forward_trace: false }"#
    );
    let full = provider(&json!({
        "role": "provider", "dialect": "parrot", "host": "api.example.com:8443", "base_path": "/a/b/",
        "headers": {"X-Extra": "two words", "anthropic-beta": "x"},
        "unknown_parameters": "refuse", "forward_trace": true, "volume": "11",
    }));
    assert_eq!(
        format!("{full:?}"),
        r#"Provider { dialect: "parrot", speaks: Parrot { common: Common { base_path: "/a/b", unknown: Refuse }, volume: 11 }, host: Some("api.example.com:8443"), headers: [("anthropic-beta", "x"), ("x-extra", "two words")], forward_trace: true }"#
    );
    let root = provider(
        &json!({"role": "provider", "dialect": "parrot", "base_path": "/", "unknown_parameters": "drop"}),
    );
    assert_eq!(
        format!("{:?}", root.speaks),
        r#"Parrot { common: Common { base_path: "", unknown: Drop }, volume: 3 }"#
    );
}

#[test]
fn a_provider_s_problems_are_all_named_at_once() {
    let secret = "credentials are not configured here: Envoy's credential_injector adds them, after this filter in the cluster's http_filters";
    let value = json!({
        "role": "provider", "dialect": "parrot", "host": "https://api.example.com", "base_path": "v1",
        "unknown_parameters": "forget", "forward_trace": "yes", "volume": "loud", "api_key": "k", "model": "m",
        "headers": {
            ":path": "/", "Authorization": "Bearer k", "x-goog-api-key": "k", "x-amz-security-token": "k", "cookie": "k",
            "content-length": "1", "accept": "x", "x-envoy-retry-on": "5xx", "X-LLM-Plan": "x", "traceparent": "x",
            "sp ace": "x", "": "x", "x-line": "a\r\nb", "x-number": 1, "x-twice": "a", "X-Twice": "b",
        },
    });
    assert_eq!(
        problems(&value),
        [
            &*format!("$.api_key: {secret}"),
            r#"$.base_path: expected a path such as "/v1", without query; "/" for none"#,
            "$.forward_trace: expected true or false, found a string",
            &format!("$.headers.Authorization: {secret}"),
            "$.headers.X-LLM-Plan: x-envoy-* and x-llm-* never leave the gateway",
            "$.headers.accept: is written by the gateway for each request",
            "$.headers.content-length: belongs to HTTP itself; Envoy writes it (`host` and `base_path` are settings of their own)",
            &format!("$.headers.cookie: {secret}"),
            "$.headers.traceparent: set `forward_trace: true` instead",
            &format!("$.headers.x-amz-security-token: {secret}"),
            "$.headers.x-envoy-retry-on: x-envoy-* and x-llm-* never leave the gateway",
            &format!("$.headers.x-goog-api-key: {secret}"),
            "$.headers.x-line: must not hold control characters",
            "$.headers.x-number: expected a string, found 1; put it in quotes",
            r#"$.headers[""]: not a header name; allowed: ASCII letters, digits, - _ . and the other token characters"#,
            r#"$.headers[":path"]: belongs to HTTP itself; Envoy writes it (`host` and `base_path` are settings of their own)"#,
            r#"$.headers["sp ace"]: not a header name; allowed: ASCII letters, digits, - _ . and the other token characters"#,
            r#"$.host: expected a host name such as "api.example.com", without scheme and path"#,
            "$.model: unknown key; allowed: base_path, dialect, forward_trace, headers, host, role, unknown_parameters, volume",
            r#"$.unknown_parameters: unknown value "forget"; allowed: keep, drop, refuse"#,
            r#"$.volume: expected a whole number, found "loud""#,
        ]
    );
    let value = json!({"role": "provider", "dialect": "parrot", "headers": {"x-twice": "a", "X-Twice": "b"}});
    assert_eq!(
        problems(&value),
        ["$.headers: x-twice stands here twice; leave one out"]
    );
}
