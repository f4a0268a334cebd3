//! The gateway role on a fake host.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

#[path = "../support/mod.rs"]
mod support;

mod answers;
mod keys;
mod models;
mod requests;

use envoy_llm_gateway::{config::Config, gateway::Request};
use serde_json::{Value, json};
use std::rc::Rc;
use support::{FakeHost, Passed, Reply, request};

/// SHA-256 of `key-of-support`.
const SUPPORT: &str = "6c1d08605eebfcd189e3418495e40f805691fea957334c09ede6cc3683b1464b";

/// SHA-256 of `key-of-all`.
const ALL: &str = "11b61ff8f27ebdeaa6f43de31efa2bb959b0c03b95f5943338d0f95797a6bbd2";

fn settings() -> Value {
    json!({
        "role": "gateway",
        "models": {
            "smart": {"targets": [{"provider": "one", "model": "a"}, {"provider": "two", "model": "b"}, {"provider": "one", "model": "c"}], "first_token_timeout": "2s"},
            "gpt-*": {"targets": [{"provider": "one"}]},
            "gpt-5-*": {"targets": [{"provider": "two"}]},
            "two/*": {"targets": [{"provider": "two"}]},
        },
        "providers": {
            "one": {"cluster": "cluster-one", "dialect": "openai"},
            "two": {"dialect": "openai"},
        },
        "body_limit_bytes": 400,
        "answer_timeout": "30s",
    })
}

fn gateway(settings: &Value) -> Request {
    match Config::parse(settings.to_string().as_bytes()) {
        Ok(Config::Gateway(config)) => Request::new(Rc::new(config)),
        other => panic!("{other:?}"),
    }
}

fn with_keys() -> Value {
    let mut settings = settings();
    settings["keys"] = json!([
        {"id": "support-app", "sha256": SUPPORT, "team": "support", "models": ["smart", "gpt-5-mini"]},
        {"id": "everything", "sha256": ALL},
    ]);
    settings
}

const POST: &[(&str, &str)] = &[
    (":method", "POST"),
    (":path", "/v1/chat/completions"),
    ("content-type", "application/json"),
    ("x-request-id", "id-1"),
];

fn ask(
    settings: &Value,
    headers: &[(&str, &str)],
    body: &str,
) -> (FakeHost, Request, Option<Passed>) {
    let host = FakeHost::default();
    let mut gateway = gateway(settings);
    let headers: Vec<_> = POST
        .iter()
        .filter(|(name, _)| !headers.iter().any(|(own, _)| own == name))
        .chain(headers)
        .copied()
        .collect();
    let chunks: Vec<&[u8]> = if body.is_empty() {
        vec![]
    } else {
        body.as_bytes().chunks(50).collect()
    };
    let passed = request(&mut gateway, &host, &headers, &chunks);
    (host, gateway, passed)
}

fn reply(host: &FakeHost) -> Reply {
    let replies = host.replies.borrow();
    assert_eq!(replies.len(), 1, "{replies:?}");
    replies[0].clone()
}

fn error(host: &FakeHost) -> (u16, String, Value) {
    let reply = reply(host);
    let body: Value = serde_json::from_str(&reply.body).unwrap();
    (
        reply.status,
        body["error"]["code"].as_str().unwrap().into(),
        body["error"]["param"].clone(),
    )
}

fn chat(model: &str) -> String {
    json!({"model": model, "messages": [{"role": "user", "content": "hi"}]}).to_string()
}
