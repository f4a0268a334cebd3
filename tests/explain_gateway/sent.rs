//! What each target would be sent.

use crate::{
    ADMIN, ALL, ask, chat, on, settings,
    support::{
        FakeHost,
        fixtures::{self, Case},
    },
    told,
};
use serde_json::{Value, json};

#[test]
fn every_target_is_told_with_its_whole_request() {
    let got = told(&[("traceparent", "00-1-2-03")], &chat("smart"));
    let us = json!({
        "provider": "us",
        "cluster": "us",
        "model": "gpt-5-mini",
        "dialect": "openai",
        "reason": "order",
        "because": "as it is written",
        "input_tokens": 7,
        "estimated_cost_usd": 0.001_001_75,
        "dropped": [],
        "request": {
            "method": "POST",
            "path": "/v1/chat/completions",
            "headers": {
                "host": "api.example.com",
                "content-type": "application/json",
                "content-length": "66",
                "accept": "application/json",
                "accept-encoding": "identity",
                "x-team": "ai",
            },
            "body": {"model": "gpt-5-mini", "messages": [{"role": "user", "content": "hi"}]},
        },
    });
    assert_eq!(got["plan"][0], us);
    let eu = &got["plan"][1]["request"];
    assert_eq!(
        (
            &eu["path"],
            &eu["headers"]["host"],
            &eu["body"]["max_tokens"]
        ),
        (
            &json!("/v1/messages"),
            &json!("gateway.example.com"),
            &json!(128_000)
        )
    );
    let mut rest = got.as_object().unwrap().clone();
    rest.remove("plan");
    let want = json!({
        "model": "smart",
        "path": "/v1/chat/completions",
        "key": "ops",
        "rule": null,
        "policy": "fallback",
        "route": "smart:fallback",
        "input_tokens": 7,
        "input_tokens_class": "exact",
        "assumed_output_tokens": 500,
        "assumption": "an answer of 500 tokens, or of the client's limit where that is less; no token of the prompt comes from a cache",
        "estimated_cost_usd": 0.001_001_75,
        "attempt_timeout_ms": 600_000,
        "credentials": "put in by Envoy after this filter",
        "skipped": [],
    });
    assert_eq!(Value::Object(rest), want);
}

#[test]
fn a_cluster_whose_role_is_not_known_says_how_to_name_it() {
    let mut settings = settings();
    settings["providers"]["us"]["clusters"] = json!(["us", "us-2"]);
    let (_, reply) = ask(&settings, &[ADMIN], &chat("small"));
    let got: Value = serde_json::from_str(&reply.body).unwrap();
    let targets = got["plan"].as_array().unwrap();
    let other = targets.iter().find(|t| t["cluster"] == "us-2").unwrap();
    assert_eq!(other["request"], Value::Null);
    assert!(other["not_shown"].as_str().unwrap().contains("`us-2`"));
    let known = targets.iter().find(|t| t["cluster"] == "us").unwrap();
    assert!(known["request"]["body"].is_object());
}

/// What is told is what is sent: the law that makes it worth asking, for every fixture of every dialect.
#[test]
fn for_every_fixture_the_request_that_is_told_is_the_one_that_is_sent() {
    let cases = fixtures::all();
    let (mut shown, mut refused) = (0, 0);
    for case in &cases {
        let target = explained(case);
        if case.upstream_request.is_null() {
            assert_eq!(
                (&target["request"], &target["refusal"]["status"]),
                (&Value::Null, &json!(case.client_status)),
                "{}",
                case.name
            );
            refused += 1;
            continue;
        }
        let mut request = target["request"].clone();
        let headers = request["headers"].as_object_mut().unwrap();
        headers.remove("content-length");
        headers.remove("host");
        assert_eq!(request, case.upstream_request, "{}", case.name);
        if !case.failed && case.client_status == 200 {
            assert_eq!(target["dropped"], json!(case.dropped), "{}", case.name);
        }
        shown += 1;
    }
    assert!(
        shown > 400 && refused > 20,
        "{shown} shown, {refused} refused"
    );
}

fn explained(case: &Case) -> Value {
    let settings = json!({
        "role": "gateway",
        "models": {"*": {"targets": [{"provider": "p", "model": case.target}]}},
        "providers": {"p": {"cluster": "c", "dialect": case.dialect}},
        "keys": [{"id": "ops", "sha256": ALL, "admin": true}],
        "on_context_length": "ignore",
    });
    let host = FakeHost::default();
    host.roles.borrow_mut().insert("c".into(), case.role());
    let path = format!("/gateway/explain?path={}", fixtures::path(case.api));
    let mut headers = vec![ADMIN, (":path", path.as_str())];
    let own = case.client_headers.iter();
    headers.extend(own.map(|(name, value)| (name.as_str(), value.as_str())));
    let body = String::from_utf8(case.client.clone()).unwrap();
    let (_, reply) = on(host, &settings, &headers, &body);
    assert_eq!(reply.status, 200, "{}: {}", case.name, reply.body);
    let got: Value = serde_json::from_str(&reply.body).unwrap();
    if got["answered_by"] == "gateway" || got["refusal"].is_object() {
        return json!({"refusal": got["refusal"], "name": case.name});
    }
    assert_eq!(
        got["plan"].as_array().unwrap().len(),
        1,
        "{}: {got}",
        case.name
    );
    got["plan"][0].clone()
}
