//! What keeps failing is left alone: the gateway role and the provider role on fake hosts that share
//! their data as the workers of one Envoy do.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

#[path = "../support/mod.rs"]
mod support;

mod blame;
mod context_length;
mod cooling;
mod record;
mod retries;

use envoy_llm_gateway::{
    attempt::Attempt,
    config::{Config, Gateway},
    gateway::Request,
    host::Stream,
};
use serde_json::{Value, json};
use std::rc::Rc;
use support::{FakeHost, Passed, START, Shared, request, response};

const NOW: u64 = START * 1000;
const POST: &[(&str, &str)] = &[
    (":method", "POST"),
    (":path", "/v1/chat/completions"),
    ("content-type", "application/json"),
    ("x-request-id", "id-1"),
];
const ANSWER: &str = r#"{"id":"x","model":"m","choices":[{"index":0,"message":{"content":"h"},"finish_reason":"stop"}]}"#;
const TOO_LONG: &str = r#"{"error":{"message":"too long","type":"invalid_request_error","param":null,"code":"context_length_exceeded"}}"#;

/// An answer of a provider: status, headers, body; `None`: the connection broke.
type Told = Option<(u16, &'static [(&'static str, &'static str)], &'static str)>;

/// One Envoy: its configuration and what its workers share.
struct Envoy {
    config: Rc<Gateway>,
    shared: Shared,
    now: u64,
}

impl Envoy {
    fn new(more: &Value) -> Self {
        let mut settings = json!({
            "role": "gateway",
            "models": {
                "smart": {"targets": [{"provider": "one", "model": "a"}, {"provider": "two", "model": "b"}]},
                "gpt-*": {"targets": [{"provider": "one"}, {"provider": "two", "model": "b"}]},
            },
            "providers": {"one": {"dialect": "openai"}, "two": {"dialect": "openai"}},
        });
        settings
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let Ok(Config::Gateway(config)) = Config::parse(settings.to_string().as_bytes()) else {
            panic!("{:?}", Config::parse(settings.to_string().as_bytes()));
        };
        Self {
            config: Rc::new(config),
            shared: Shared::default(),
            now: NOW,
        }
    }

    fn host(&self) -> FakeHost {
        let mut host = FakeHost::default();
        host.shared = self.shared.clone();
        host.now_ms.set(self.now);
        host
    }

    fn begin(&self, model: &str) -> (FakeHost, Request) {
        let (host, mut role) = (self.host(), Request::new(self.config.clone()));
        let body =
            json!({"model": model, "messages": [{"role": "user", "content": "hi"}]}).to_string();
        request(&mut role, &host, POST, &[body.as_bytes()]).unwrap();
        (host, role)
    }

    /// The clusters of a plan for a prompt of so many words; `None`: it is refused.
    fn plan_for(&self, model: &str, words: usize) -> Option<Vec<String>> {
        let (host, mut role) = (self.host(), Request::new(self.config.clone()));
        let said = json!([{"role": "user", "content": "word ".repeat(words)}]);
        let body = json!({"model": model, "messages": said}).to_string();
        request(&mut role, &host, POST, &[body.as_bytes()])?;
        Some(clusters(&host))
    }

    /// The clusters of a plan made now, without sending anything.
    fn plan(&self, model: &str) -> Vec<String> {
        clusters(&self.begin(model).0)
    }

    /// One request whose attempts are answered so, as Envoy would go on: `None` is a connection that broke.
    fn ask(&mut self, model: &str, answers: &[Told]) -> Option<Passed> {
        let (host, mut role) = self.begin(model);
        let steps = clusters(&host).len();
        for (at, answer) in answers.iter().enumerate() {
            self.now += 1;
            host.now_ms.set(self.now);
            host.attempt_number(at as u64 + 1);
            let mut attempt = provider();
            let body = json!({"model": model, "messages": [{"role": "user", "content": "hi"}]})
                .to_string();
            request(&mut attempt, &host, POST, &[body.as_bytes()]).unwrap();
            self.now += 1;
            host.now_ms.set(self.now);
            let Some((status, headers, body)) = answer else {
                continue;
            };
            let status = status.to_string();
            let head: Vec<_> = [
                (":status", status.as_str()),
                ("content-type", "application/json"),
            ]
            .into_iter()
            .chain(headers.iter().copied())
            .collect();
            let Some(passed) = response(&mut attempt, &host, &head, &[body.as_bytes()]) else {
                panic!("{:?}", host.replies.borrow());
            };
            let retried = matches!(
                passed.header(":status"),
                Some("408" | "429" | "500" | "502" | "503")
            );
            if retried && at + 1 < steps.min(answers.len()) {
                continue;
            }
            let lines: Vec<_> = passed
                .headers
                .iter()
                .map(|(n, v)| (n.as_str(), v.as_str()))
                .collect();
            let got = response(&mut role, &host, &lines, &[&passed.body]);
            role.on_log(&host);
            return got;
        }
        // Envoy's own words: nobody has answered.
        let got = response(
            &mut role,
            &host,
            &[(":status", "503")],
            &[b"upstream connect error"],
        );
        role.on_log(&host);
        got
    }
}

fn provider() -> Attempt {
    let settings = json!({"role": "provider", "dialect": "openai"}).to_string();
    match Config::parse(settings.as_bytes()) {
        Ok(Config::Provider(config)) => Attempt::new(Rc::new(config)),
        other => panic!("{other:?}"),
    }
}

fn clusters(host: &FakeHost) -> Vec<String> {
    let plan: Value = serde_json::from_str(&host.plan().unwrap()).unwrap();
    let cluster = |step: &Value| step["cluster"].as_str().unwrap().to_owned();
    plan.as_array().unwrap().iter().map(cluster).collect()
}

const GOOD: Told = Some((200, &[], ANSWER));
const BAD: Told = Some((500, &[], "{}"));
