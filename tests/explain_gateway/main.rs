//! `POST /gateway/explain` on a fake host: who may ask, what is told, and that it is what would be sent.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

#[path = "../support/mod.rs"]
mod support;

mod guards;
mod keys;
mod mirror;
mod plan;
mod requests;
mod sent;

use envoy_llm_gateway::{config::Config, gateway::Request};
use serde_json::{Value, json};
use std::rc::Rc;
use support::{FakeHost, Reply, request};

/// SHA-256 of `key-of-support`.
const SUPPORT: &str = "6c1d08605eebfcd189e3418495e40f805691fea957334c09ede6cc3683b1464b";
/// SHA-256 of `key-of-all`.
const ALL: &str = "11b61ff8f27ebdeaa6f43de31efa2bb959b0c03b95f5943338d0f95797a6bbd2";
const ADMIN: (&str, &str) = ("authorization", "Bearer key-of-all");

fn settings() -> Value {
    json!({
        "role": "gateway",
        "models": {
            "smart": {"targets": [{"provider": "us", "model": "gpt-5-mini"}, {"provider": "eu", "model": "claude-sonnet-4-6"}]},
            "shared": {"route": "weighted", "targets": [{"provider": "us", "model": "a", "weight": 1}, {"provider": "eu", "model": "b", "weight": 0}]},
            "cheap": {"route": "cheapest", "targets": [{"provider": "us", "model": "dear"}, {"provider": "us", "model": "fair"}, {"provider": "eu", "model": "odd"}]},
            "small": {"targets": [{"provider": "us", "model": "little"}]},
            "us-only": {"targets": [{"provider": "us"}]},
            "tight": {"targets": [{"provider": "us", "model": "gpt-4"}], "on_context_length": "smart", "answer_timeout": "7s", "idle_timeout": "3s", "total_timeout": "9s"},
            "copied": {"targets": [{"provider": "eu"}], "mirror": {"provider": "us", "model": "fair", "percent": 0.5}},
        },
        "providers": {
            "us": {"dialect": "openai"},
            "eu": {"dialect": "anthropic", "labels": {"region": "eu"}},
        },
        "model_info": {
            "dear": {"input_usd_per_million": 1000, "output_usd_per_million": 0},
            "fair": {"input_usd_per_million": 100, "output_usd_per_million": 10},
        },
        "rules": [
            {"name": "legal", "when": {"team": "legal"}, "require": {"region": "eu"}},
            {"name": "messages", "when": {"path": "/v1/messages", "operation": "chat"}, "use": "small"},
            {"name": "german", "when": {"language": "de", "headers": {"x-by-language": "*"}}, "use": "small"},
            {"name": "easy", "when": {"complexity": {"below": 30}, "headers": {"x-auto": "*"}}, "use": "small"},
        ],
        "keys": [
            {"id": "lawyer", "sha256": SUPPORT, "team": "legal", "models": ["smart", "us-only"]},
            {"id": "ops", "sha256": ALL, "admin": true},
        ],
    })
}

/// Asks; the clusters `us` and `eu` carry provider roles.
fn ask(settings: &Value, headers: &[(&str, &str)], body: &str) -> (FakeHost, Reply) {
    on(FakeHost::default(), settings, headers, body)
}

fn on(host: FakeHost, settings: &Value, headers: &[(&str, &str)], body: &str) -> (FakeHost, Reply) {
    let Ok(Config::Gateway(config)) = Config::parse(settings.to_string().as_bytes()) else {
        panic!()
    };
    for (cluster, role) in [
        (
            "us",
            json!({"dialect": "openai", "host": "api.example.com", "headers": {"x-team": "ai"}}),
        ),
        ("eu", json!({"dialect": "anthropic"})),
    ] {
        let mut role = role;
        role["role"] = json!("provider");
        let Ok(Config::Provider(role)) = Config::parse(role.to_string().as_bytes()) else {
            panic!()
        };
        let mut roles = host.roles.borrow_mut();
        roles.entry(cluster.into()).or_insert_with(|| Rc::new(role));
    }
    let mut gateway = Request::new(Rc::new(config));
    let usual = [
        (":method", "POST"),
        (":path", "/gateway/explain"),
        (":authority", "gateway.example.com"),
        ("content-type", "application/json"),
        ("x-request-id", "id-1"),
    ];
    let headers: Vec<_> = usual
        .iter()
        .filter(|(name, _)| !headers.iter().any(|(own, _)| own == name))
        .chain(headers)
        .copied()
        .collect();
    let chunks: Vec<&[u8]> = body.as_bytes().chunks(50).collect();
    assert!(request(&mut gateway, &host, &headers, &chunks).is_none());
    let reply = host.replies.borrow()[0].clone();
    (host, reply)
}

fn told(headers: &[(&str, &str)], body: &str) -> Value {
    let mut all = vec![ADMIN];
    all.extend(headers);
    let (host, reply) = ask(&settings(), &all, body);
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(
        host.state_value("llm.operation").as_deref(),
        Some("explain")
    );
    assert_eq!(host.state_value("llm.hand_over"), None, "nothing is sent");
    serde_json::from_str(&reply.body).unwrap()
}

fn chat(model: &str) -> String {
    said(model, "hi")
}

fn said(model: &str, text: &str) -> String {
    json!({"model": model, "messages": [{"role": "user", "content": text}]}).to_string()
}

/// The plan as `provider/model reason`.
fn plan(told: &Value) -> Vec<String> {
    let text = |step: &Value, key: &str| step[key].as_str().unwrap().to_owned();
    let steps = told["plan"].as_array().unwrap().iter();
    steps
        .map(|s| {
            format!(
                "{}/{} {}",
                text(s, "provider"),
                text(s, "model"),
                text(s, "reason")
            )
        })
        .collect()
}

fn skipped(told: &Value) -> Vec<String> {
    let text = |step: &Value, key: &str| step[key].as_str().unwrap().to_owned();
    let steps = told["skipped"].as_array().unwrap().iter();
    steps
        .map(|s| {
            format!(
                "{}/{} {}",
                text(s, "provider"),
                text(s, "model"),
                text(s, "reason")
            )
        })
        .collect()
}
