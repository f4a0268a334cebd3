//! Guards on the way in, as the gateway role follows them, on a fake host.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

#[path = "../support/mod.rs"]
mod support;

mod actions;
mod crossing;
mod limits;
mod texts;

use envoy_llm_gateway::{
    config::{Config, Gateway},
    gateway::Request,
    host::Stream,
};
use serde_json::{Value, json};
use std::rc::Rc;
use support::{FakeHost, Passed, request};

const CHAT: &str = "/v1/chat/completions";

fn settings(guards: Value) -> Value {
    json!({
        "role": "gateway",
        "models": {
            "smart": {"targets": [{"provider": "us", "model": "big"}]},
            "own": {"targets": [{"provider": "home", "model": "llama"}]},
        },
        "providers": {"us": {"dialect": "openai"}, "home": {"dialect": "openai", "labels": {"region": "eu"}}},
        "guards": guards,
    })
}

fn guard(more: Value) -> Value {
    let mut guard =
        json!({"name": "pii", "detect": ["EMAIL_ADDRESS", "CREDIT_CARD"], "action": "mask"});
    guard
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    guard
}

fn mask() -> Value {
    settings(json!([guard(json!({}))]))
}

struct Asked {
    host: FakeHost,
    gateway: Request,
    passed: Option<Passed>,
}

impl Asked {
    /// What goes on to the attempts.
    fn body(&self) -> String {
        match &self.passed {
            Some(passed) => passed.text(),
            None => panic!("{:?}", self.host.replies.borrow()),
        }
    }

    fn refused(&self) -> (u16, Value) {
        let reply = self.host.replies.borrow()[0].clone();
        (reply.status, serde_json::from_str(&reply.body).unwrap())
    }

    /// What the record and the counters say at the end.
    fn told(&mut self) -> (Option<String>, Vec<(String, i64)>) {
        self.gateway.on_log(&self.host);
        let counted = self.host.counters.borrow().clone().into_iter().collect();
        (self.host.state_value("llm.guard"), counted)
    }
}

fn configured(settings: &Value) -> Rc<Gateway> {
    match Config::parse(settings.to_string().as_bytes()) {
        Ok(Config::Gateway(config)) => Rc::new(config),
        other => panic!("{other:?}"),
    }
}

fn ask_as(settings: &Value, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Asked {
    ask_of(configured(settings), path, headers, body)
}

fn ask_of(config: Rc<Gateway>, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Asked {
    let host = FakeHost::default();
    let mut gateway = Request::new(config);
    let usual = [
        (":method", "POST"),
        (":path", path),
        ("content-type", "application/json"),
        ("x-request-id", "id-1"),
    ];
    let of = |name: &str| headers.iter().any(|(own, _)| *own == name);
    let usual = usual.iter().filter(|(name, _)| !of(name));
    let headers: Vec<_> = usual.chain(headers).copied().collect();
    let chunks: Vec<&[u8]> = body.chunks(body.len().max(1).div_ceil(3)).collect();
    let passed = request(&mut gateway, &host, &headers, &chunks);
    Asked {
        host,
        gateway,
        passed,
    }
}

fn ask(settings: &Value, path: &str, body: &str) -> Asked {
    ask_as(settings, path, &[], body.as_bytes())
}
