//! Configurations as Envoy hands them over: what they become, and what is said about bad ones.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test's helper fails by panicking"
)]

mod context_length;
mod gateway;
mod gateway_problems;
mod model_info;
mod provider;
mod role;
mod wire;

use envoy_llm_gateway::{
    config::{
        self, Config,
        node::{Fields, Problem, Reading},
    },
    fault::{Fault, FaultKind},
    host::Headers,
    provider::{Common, Entry, Provider, features::Features},
};
use serde_json::{Value, json};

/// A dialect with one setting of its own.
#[derive(Debug, PartialEq)]
struct Parrot {
    common: Common,
    volume: u64,
}

impl Provider for Parrot {
    fn fault(&self, _: u16, _: &Headers, _: &[u8]) -> Fault {
        Fault::new(FaultKind::ProviderFailed, "squawk")
    }
}

fn parrot(common: Common, fields: &Fields<'_>) -> Option<Box<dyn Provider>> {
    let volume = fields.or("volume", 3, |node| node.count())?;
    Some(Box::new(Parrot { common, volume }))
}

const DIALECTS: &[Entry] = &[
    Entry {
        name: "parrot",
        base_path: "/v1",
        features: Features::ALL,
        open: parrot,
    },
    Entry {
        name: "raven",
        base_path: "/v2",
        features: Features::ALL,
        open: parrot,
    },
];

fn read(bytes: &[u8]) -> Result<Config, Vec<Problem>> {
    let reading = Reading::default();
    let config = config::read(bytes, DIALECTS, &reading);
    reading.into_result(config)
}

fn problems(value: &Value) -> Vec<String> {
    let list = read(value.to_string().as_bytes()).unwrap_err();
    list.iter().map(ToString::to_string).collect()
}

fn gateway(value: &Value) -> config::Gateway {
    match read(value.to_string().as_bytes()) {
        Ok(Config::Gateway(gateway)) => gateway,
        other => panic!("{other:?}"),
    }
}

fn provider(value: &Value) -> config::Provider {
    match read(value.to_string().as_bytes()) {
        Ok(Config::Provider(provider)) => provider,
        other => panic!("{other:?}"),
    }
}

fn full() -> Value {
    json!({
        "role": "gateway",
        "models": {
            "smart": {
                "route": "fallback",
                "first_token_timeout": "250ms",
                "targets": [
                    {"provider": "raven", "model": "r-1"},
                    {"provider": "parrot"},
                    {"provider": "raven", "model": "r-2"},
                ],
            },
            "parrot/*": {
                "targets": [{"provider": "parrot"}],
                "answer_timeout": "2m",
                "idle_timeout": "1.5s",
                "attempts": 4,
                "attempts_per_target": 2,
                "on_content_filter": "error",
                "on_context_length": "smart",
                "total_timeout": "5m",
                "wait_for_retry_after": "3s",
                "validate_json": true,
            },
        },
        "providers": {
            "raven": {"cluster": "outbound|443||raven.example.com"},
            "parrot": {},
            "spare": {"dialect": "raven", "clusters": ["spare", "spare-2"]},
        },
        "keys": [
            {
                "id": "a",
                "sha256": "c0e618a52e1af3374137415b36cff0e2d55fc03ec3ffe5837e2558991893dea1",
                "team": "support",
                "models": ["smart", "parrot/small-*", "echo"],
            },
            {
                "id": "b",
                "sha256": "0000000000000000000000000000000000000000000000000000000000000001",
                "admin": true,
            },
        ],
        "body_limit_bytes": 1048576,
        "first_token_timeout": "5s",
        "answer_timeout": "60s",
        "idle_timeout": "30s",
        "attempts": 6,
        "retriable_statuses": [409],
        "on_content_filter": "next",
        "health": {"failures": 5, "error_percent": 0, "cool_down": "1s", "longest_cool_down": "1m"},
        "on_context_length": "route_on",
        "cap_max_tokens": true,
    })
}
