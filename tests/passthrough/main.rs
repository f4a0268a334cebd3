//! OpenAI's other paths, through both roles on a fake host.
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
mod failures;
mod forms;
mod keys;
mod overrides;
mod providers;
mod refusals;
mod requests;

use envoy_llm_gateway::{attempt::Attempt, config::Config, gateway::Request};
use serde_json::{Value, json};
use std::rc::Rc;
use support::{FakeHost, Passed, request};

fn settings() -> Value {
    json!({
        "role": "gateway",
        "models": {
            "picture": {"targets": [{"provider": "claude", "model": "c"}, {"provider": "openai", "model": "gpt-image-1"}, {"provider": "spare"}]},
            "whisper-1": {"targets": [{"provider": "openai"}]},
            "whisper-large": {"targets": [{"provider": "openai", "model": "whisper-1"}, {"provider": "spare", "model": "w"}]},
            "claude": {"targets": [{"provider": "claude"}]},
        },
        "providers": {
            "claude": {"dialect": "anthropic"},
            "openai": {},
            "spare": {"dialect": "openai", "cluster": "c-spare"},
        },
        "passthrough": {"provider": "openai", "body_limit_bytes": 2000},
        "body_limit_bytes": 1000,
        "answer_timeout": "30s",
    })
}

fn gateway(settings: &Value) -> Request {
    match Config::parse(settings.to_string().as_bytes()) {
        Ok(Config::Gateway(config)) => Request::new(Rc::new(config)),
        other => panic!("{other:?}"),
    }
}

fn attempt(settings: Value) -> Attempt {
    let mut all = json!({"role": "provider", "dialect": "openai"});
    let more = settings.as_object().unwrap().clone();
    all.as_object_mut().unwrap().extend(more);
    match Config::parse(all.to_string().as_bytes()) {
        Ok(Config::Provider(config)) => Attempt::new(Rc::new(config)),
        other => panic!("{other:?}"),
    }
}

const LINES: &[(&str, &str)] = &[
    (":scheme", "http"),
    (":authority", "gateway.local"),
    ("x-request-id", "id-1"),
    ("authorization", "Bearer key-of-support"),
    ("user-agent", "OpenAI/Python"),
    ("cookie", "a=b"),
    ("x-llm-plan", "mine"),
    ("x-llm-unbuffered", "mine"),
];

/// One request at the gateway role.
struct Asked {
    host: FakeHost,
    gateway: Request,
    passed: Option<Passed>,
}

fn ask_of(settings: &Value, line: &str, headers: &[(&str, &str)], chunks: &[&[u8]]) -> Asked {
    let host = FakeHost::default();
    let mut gateway = gateway(settings);
    let (method, path) = line.split_once(' ').unwrap();
    let mut lines = vec![(":method", method), (":path", path)];
    lines.extend(LINES);
    lines.extend(headers);
    let passed = request(&mut gateway, &host, &lines, chunks);
    Asked {
        host,
        gateway,
        passed,
    }
}

fn ask(line: &str, headers: &[(&str, &str)], chunks: &[&[u8]]) -> Asked {
    ask_of(&settings(), line, headers, chunks)
}

impl Asked {
    fn passed(&self) -> &Passed {
        self.passed
            .as_ref()
            .unwrap_or_else(|| panic!("{:?}", self.host.replies.borrow()))
    }

    fn steps(&self) -> Vec<(String, String)> {
        let plan: Value = serde_json::from_str(&self.host.plan().unwrap()).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let step = |step: &Value| (text(&step["provider"]), text(&step["model"]));
        plan.as_array().unwrap().iter().map(step).collect()
    }

    fn error(&self) -> (u16, String, Option<String>) {
        let replies = self.host.replies.borrow();
        let reply = replies.last().expect("no reply");
        let body: Value = serde_json::from_str(&reply.body).unwrap();
        let text = |key: &str| body["error"][key].as_str().map(str::to_owned);
        (reply.status, text("code").unwrap(), text("param"))
    }

    fn message(&self) -> String {
        let replies = self.host.replies.borrow();
        let body: Value = serde_json::from_str(&replies.last().unwrap().body).unwrap();
        body["error"]["message"].as_str().unwrap().to_owned()
    }

    /// The same request at an attempt, its body cut into pieces of `size`.
    fn at(&self, attempt: &mut Attempt, number: u64, size: usize) -> Option<Passed> {
        self.host.attempt_number(number);
        let passed = self.passed();
        let lines: Vec<_> = passed
            .headers
            .iter()
            .map(|(n, v)| (n.as_str(), v.as_str()))
            .collect();
        let chunks: Vec<_> = passed.body.chunks(size).collect();
        request(attempt, &self.host, &lines, &chunks)
    }
}

fn lines(of: &[(&str, &str)]) -> Vec<(String, String)> {
    of.iter()
        .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
        .collect()
}

const FORM: (&str, &str) = ("content-type", "multipart/form-data; boundary=b1");

fn form(fields: &[(&str, &str)]) -> String {
    let part = |(name, value): &(&str, &str)| {
        format!("--b1\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    fields.iter().map(part).collect::<String>() + "--b1--\r\n"
}

const JSON: (&str, &str) = ("content-type", "application/json");

const SPEECH: &[u8] = br#"{"model":"picture","input":"x"}"#;

/// A request that has reached an attempt at `openai`.
fn reached(line: &str, headers: &[(&str, &str)], chunks: &[&[u8]]) -> (Asked, Attempt) {
    let asked = ask(line, headers, chunks);
    let mut attempt = attempt(json!({}));
    asked.at(&mut attempt, 1, 1000).unwrap();
    (asked, attempt)
}
