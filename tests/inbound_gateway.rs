//! The gateway role in the client APIs besides Chat Completions.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod support;

use envoy_llm_gateway::{config::Config, gateway::Request};
use serde_json::{Value, json};
use std::rc::Rc;
use support::{
    FakeHost,
    gather::{events, gather_message},
    request, response,
};

const SETTINGS: &str = r#"{"role":"gateway",
    "models":{"claude":{"targets":[{"provider":"anthropic"}]},
              "gpt":{"targets":[{"provider":"openai"}]},
              "both":{"targets":[{"provider":"openai","model":"g"},{"provider":"anthropic","model":"c"}]}},
    "providers":{"openai":{},"anthropic":{}}}"#;

/// What the gateway role makes of a request; the headers of what goes on, when it does.
fn asked(path: &str, more: &[(&str, &str)], body: &Value) -> (FakeHost, Request, bool) {
    asked_of(SETTINGS, path, more, body)
}

fn asked_of(
    settings: &str,
    path: &str,
    more: &[(&str, &str)],
    body: &Value,
) -> (FakeHost, Request, bool) {
    let Ok(Config::Gateway(config)) = Config::parse(settings.as_bytes()) else {
        panic!("settings");
    };
    let mut role = Request::new(Rc::new(config));
    let host = FakeHost::default();
    let mut head = vec![
        (":method", "POST"),
        (":path", path),
        (":authority", "gateway"),
        ("content-type", "application/json"),
        ("x-request-id", "id-1"),
    ];
    head.extend_from_slice(more);
    let text = body.to_string();
    let sent = request(&mut role, &host, &head, &[text.as_bytes()]).is_some();
    (host, role, sent)
}

fn reply(host: &FakeHost) -> (u16, Value, Vec<(String, String)>) {
    let reply = host.replies.borrow().last().cloned().unwrap();
    (
        reply.status,
        serde_json::from_str(&reply.body).unwrap(),
        reply.headers,
    )
}

fn plan(host: &FakeHost) -> Value {
    serde_json::from_str(&host.state_value("llm.hand_over").unwrap()).unwrap()
}

fn hello(model: &str) -> Value {
    json!({"model": model, "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]})
}

#[test]
fn each_path_is_handed_over_in_its_language() {
    let betas = [
        ("anthropic-beta", "b-1"),
        ("anthropic-version", "2023-06-01"),
        ("x-other", "o"),
    ];
    let (host, _, sent) = asked("/v1/messages?beta=true", &betas, &hello("gpt"));
    assert!(sent);
    assert_eq!(plan(&host)["api"], json!("messages"));
    assert_eq!(
        plan(&host)["client_headers"],
        json!([
            ["anthropic-beta", "b-1"],
            ["anthropic-version", "2023-06-01"]
        ])
    );
    assert_eq!(host.state_value("llm.api").as_deref(), Some("messages"));
    assert_eq!(host.state_value("llm.operation").as_deref(), Some("chat"));
    let body = json!({"model": "claude", "input": "hi", "stream": true});
    let (host, _, sent) = asked("/v1/responses", &betas, &body);
    assert!(sent);
    assert_eq!(plan(&host)["api"], json!("responses"));
    assert_eq!(plan(&host)["stream"], json!(true));
    assert_eq!(plan(&host).get("client_headers"), None);
    let (host, _, sent) = asked("/v1/chat/completions", &betas, &hello("gpt"));
    assert!(sent);
    assert_eq!(
        (plan(&host).get("api"), plan(&host).get("client_headers")),
        (None, None)
    );
}

#[test]
fn a_provider_that_cannot_take_the_request_is_left_out_of_the_plan() {
    let providers = |host: &FakeHost| -> Vec<Value> {
        let steps = plan(host)["steps"].clone();
        steps
            .as_array()
            .unwrap()
            .iter()
            .map(|s| s["provider"].clone())
            .collect()
    };
    let (host, ..) = asked("/v1/messages", &[], &hello("both"));
    assert_eq!(providers(&host), ["openai", "anthropic"]);
    let mut search = hello("both");
    search["tools"] = json!([{"type": "web_search_20250305", "name": "web_search"}]);
    let (host, ..) = asked("/v1/messages", &[], &search);
    assert_eq!(providers(&host), ["anthropic"]);
    let stored = json!({"model": "both", "input": "hi", "previous_response_id": "resp_1"});
    let (host, ..) = asked("/v1/responses", &[], &stored);
    assert_eq!(providers(&host), ["openai"]);
    let (host, ..) = asked(
        "/v1/completions",
        &[],
        &json!({"model": "both", "prompt": "hi"}),
    );
    assert_eq!(providers(&host), ["openai"]);
    let (host, ..) = asked("/v1/messages/count_tokens", &[], &hello("both"));
    assert_eq!(providers(&host), ["anthropic"]);
}

#[test]
fn a_plan_knows_the_settings_that_decide_what_a_target_takes() {
    let steps = |host: &FakeHost| plan(host)["steps"].as_array().unwrap().len();
    let with = |provider: &str| SETTINGS.replace(r#""openai":{}"#, provider);
    let stored = json!({"model": "both", "input": "hi", "previous_response_id": "resp_1"});
    let settings = with(r#""openai":{"responses":false}"#);
    let (host, _, sent) = asked_of(&settings, "/v1/responses", &[], &stored);
    assert!(!sent);
    let (status, body, _) = reply(&host);
    assert_eq!(
        (status, &body["error"]["param"]),
        (400, &json!("previous_response_id"))
    );
    let plain = json!({"model": "both", "input": "hi"});
    let (host, ..) = asked_of(&settings, "/v1/responses", &[], &plain);
    assert_eq!(steps(&host), 2);
    let odd =
        json!({"model": "both", "brand_new": 1, "messages": [{"role": "user", "content": "hi"}]});
    let settings = with(r#""openai":{"unknown_parameters":"refuse"}"#);
    for (settings, want) in [(SETTINGS, 2), (&settings, 1)] {
        let (host, ..) = asked_of(settings, "/v1/chat/completions", &[], &odd);
        assert_eq!(steps(&host), want);
    }
    let settings = SETTINGS.replace(r#""anthropic":{}"#, r#""anthropic":{"responses":false}"#);
    let problems = Config::parse(settings.as_bytes()).unwrap_err();
    assert_eq!(
        problems.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["$.providers.anthropic.responses: is no setting of this dialect"]
    );
}

#[test]
fn the_models_are_listed_in_the_form_of_the_client_that_asks() {
    let of = |path: &str, more: &[(&str, &str)]| {
        let Ok(Config::Gateway(config)) = Config::parse(SETTINGS.as_bytes()) else {
            panic!("settings");
        };
        let (mut role, host) = (Request::new(Rc::new(config)), FakeHost::default());
        let mut head = vec![
            (":method", "GET"),
            (":path", path),
            ("x-request-id", "id-1"),
        ];
        head.extend_from_slice(more);
        assert!(request(&mut role, &host, &head, &[]).is_none());
        reply(&host)
    };
    let theirs = [("anthropic-version", "2023-06-01")];
    let model = |id: &str| {
        json!({"type": "model", "id": id, "display_name": id,
            "created_at": "1970-01-01T00:00:00Z", "lifecycle": "active"})
    };
    let (status, body, headers) = of("/v1/models?limit=20", &theirs);
    assert_eq!(
        (status, body),
        (
            200,
            json!({"data": [model("both"), model("claude"), model("echo"), model("gpt")],
                "has_more": false, "first_id": "both", "last_id": "gpt"})
        )
    );
    assert!(headers.contains(&("request-id".into(), "id-1".into())));
    assert_eq!(of("/v1/models/gpt", &theirs).1, model("gpt"));
    let (status, body, _) = of("/v1/models/none", &theirs);
    assert_eq!(
        (status, &body["error"]["type"]),
        (404, &json!("not_found_error"))
    );
    assert_eq!(of("/v1/models", &[]).1["object"], json!("list"));
    assert_eq!(of("/v1/models/gpt", &[]).1["object"], json!("model"));
}

#[test]
fn tokens_are_estimated_where_no_provider_counts_them() {
    for model in ["gpt", "echo"] {
        let (host, _, sent) = asked("/v1/messages/count_tokens", &[], &hello(model));
        let (status, body, headers) = reply(&host);
        assert_eq!(
            (sent, status, body),
            (false, 200, json!({"input_tokens": 8}))
        );
        let line = |n: &str, v: &str| (n.to_owned(), v.to_owned());
        assert_eq!(
            headers,
            [
                line("content-type", "application/json"),
                line("x-llm-tokens-estimate", "8"),
                line("x-llm-cache", "off"),
                line("x-request-id", "id-1"),
                line("request-id", "id-1"),
            ]
        );
    }
    let (host, ..) = asked(
        "/v1/messages/count_tokens",
        &[],
        &json!({"model": "gpt", "messages": 7}),
    );
    assert_eq!(reply(&host).0, 400);
}

#[test]
fn a_refusal_of_the_gateway_has_the_shape_of_its_api() {
    let (host, ..) = asked("/v1/messages", &[], &hello("unknown"));
    let (status, body, headers) = reply(&host);
    assert_eq!(
        (status, body),
        (
            404,
            json!({"type": "error", "request_id": "id-1", "error": {"type": "not_found_error",
                "message": "The model `unknown` is not known here. Known: both, claude, echo, gpt."}})
        )
    );
    assert!(
        headers
            .iter()
            .any(|(n, v)| n == "request-id" && v == "id-1")
    );
    let (host, ..) = asked("/v1/messages", &[], &json!({"model": "gpt"}));
    assert_eq!(
        reply(&host).1["error"]["message"],
        json!("`messages` is required.")
    );
    let (host, ..) = asked("/v1/responses", &[], &json!({"input": "hi"}));
    assert_eq!(
        reply(&host).1,
        json!({"error": {"message": "`model` is required.", "type": "invalid_request_error", "param": "model", "code": "invalid_request"}})
    );
}

#[test]
fn an_error_of_every_attempt_has_the_shape_of_its_api() {
    for (path, body) in [
        ("/v1/messages", hello("gpt")),
        ("/v1/responses", json!({"model": "gpt", "input": "hi"})),
    ] {
        let (host, mut role, _) = asked(path, &[], &body);
        host.state.borrow_mut().insert(
            "llm.attempts".into(),
            r#"[{"provider":"openai","model":"gpt","status":429,"ms":5,"reason":"rate_limit_exceeded","at_ms":0,"retry_after":"3"}]"#.into(),
        );
        let head = [
            (":status", "429"),
            ("x-llm-model", "gpt"),
            ("content-length", "2"),
        ];
        let answer = response(&mut role, &host, &head, &[b"{}"]).unwrap();
        let body: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(answer.header("retry-after"), Some("3"));
        let kind = &body["error"]["type"];
        assert_eq!(*kind, json!("rate_limit_error"));
        if path == "/v1/messages" {
            assert_eq!(
                (&body["type"], &body["request_id"]),
                (&json!("error"), &json!("id-1"))
            );
            assert_eq!(answer.header("request-id"), Some("id-1"));
        } else {
            assert_eq!(body["error"]["code"], json!("rate_limit_exceeded"));
        }
    }
}

#[test]
fn the_echo_model_speaks_every_language() {
    let (host, ..) = asked("/v1/messages", &[], &hello("echo"));
    let (status, body, _) = reply(&host);
    assert_eq!(
        (status, &body["content"]),
        (200, &json!([{"type": "text", "text": "hi"}]))
    );
    let mut streamed = hello("echo");
    streamed["stream"] = json!(true);
    let (host, ..) = asked("/v1/messages", &[], &streamed);
    let stream = host.replies.borrow().last().unwrap().body.clone();
    let gathered = gather_message(&events(stream.as_bytes()));
    assert_eq!(gathered, body);
    let (host, ..) = asked(
        "/v1/responses",
        &[],
        &json!({"model": "echo", "input": "hi"}),
    );
    assert_eq!(
        reply(&host).1["output"][0]["content"][0]["text"],
        json!("hi")
    );
}

#[test]
fn lines_of_one_header_are_one_list_and_a_list_that_is_too_long_is_refused() {
    let betas = [("anthropic-beta", "a-1"), ("anthropic-beta", "b-2,c-3")];
    let (host, _, _) = asked("/v1/messages", &betas, &hello("claude"));
    assert_eq!(
        plan(&host)["client_headers"],
        json!([["anthropic-beta", "a-1,b-2,c-3"]])
    );
    let long = "b".repeat(1025);
    let (host, _, sent) = asked(
        "/v1/messages",
        &[("anthropic-beta", &long)],
        &hello("claude"),
    );
    assert!(!sent);
    let (status, body, _) = reply(&host);
    assert_eq!(
        (status, &body["error"]["message"]),
        (
            400,
            &json!("The header `anthropic-beta` has 1025 bytes; at most 1024 are allowed.")
        )
    );
}
