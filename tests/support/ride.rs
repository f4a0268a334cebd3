//! One request to the model `m` as Envoy takes it from attempt to attempt, on a fake host.

use super::{FakeHost, Passed, Shared, request, response};
use envoy_llm_gateway::{
    attempt::Attempt,
    config::{Config, Gateway},
    gateway::Request,
    host::Stream,
};
use serde_json::{Value, json};
use std::rc::Rc;

pub const POST: &[(&str, &str)] = &[
    (":method", "POST"),
    (":path", "/v1/chat/completions"),
    ("content-type", "application/json"),
    ("x-request-id", "id-1"),
];

/// One request under way.
pub struct Ride {
    pub host: FakeHost,
    pub role: Request,
    pub attempt: Option<Attempt>,
    pub number: u64,
    pub stream: bool,
}

pub fn body(stream: bool) -> String {
    json!({"model": "m", "stream": stream, "messages": [{"role": "user", "content": "hi"}]})
        .to_string()
}

impl Ride {
    /// The gateway role plans it; `None`: it refuses.
    pub fn begin(config: &Rc<Gateway>, shared: &Shared, now: u64, stream: bool) -> Option<Self> {
        let host = FakeHost::sharing(shared);
        host.now_ms.set(now);
        let mut role = Request::new(config.clone());
        request(&mut role, &host, POST, &[body(stream).as_bytes()])?;
        Some(Self {
            host,
            role,
            attempt: None,
            number: 0,
            stream,
        })
    }

    pub fn plan(&self) -> String {
        let plan: Value = serde_json::from_str(&self.host.plan().unwrap()).unwrap();
        plan.as_array()
            .unwrap()
            .iter()
            .map(|step| step["provider"].as_str().unwrap())
            .collect()
    }

    /// Envoy begins the next attempt.
    pub fn attempt(&mut self) {
        self.attempt_at("openai");
    }

    /// The same at a provider of this dialect.
    pub fn attempt_at(&mut self, dialect: &str) {
        self.number += 1;
        self.host.attempt_number(self.number);
        let settings = json!({"role": "provider", "dialect": dialect}).to_string();
        let Ok(Config::Provider(config)) = Config::parse(settings.as_bytes()) else {
            panic!()
        };
        let mut attempt = Attempt::new(Rc::new(config));
        request(
            &mut attempt,
            &self.host,
            POST,
            &[body(self.stream).as_bytes()],
        )
        .unwrap();
        self.attempt = Some(attempt);
    }

    /// It is answered, and Envoy goes on with that; what the client gets.
    pub fn answer(&mut self, status: &str, kind: &str, body: &str) -> Passed {
        let passed = self.tell(status, kind, &[body.as_bytes()]);
        let lines: Vec<_> = passed
            .headers
            .iter()
            .map(|(n, v)| (n.as_str(), v.as_str()))
            .collect();
        response(&mut self.role, &self.host, &lines, &[&passed.body]).unwrap()
    }

    /// It is answered; what the provider role makes of it.
    pub fn tell(&mut self, status: &str, kind: &str, chunks: &[&[u8]]) -> Passed {
        let head = [(":status", status), ("content-type", kind)];
        response(self.attempt.as_mut().unwrap(), &self.host, &head, chunks).unwrap()
    }

    /// It fails, and Envoy moves on.
    pub fn fail(&mut self, status: &str) {
        self.tell(status, "application/json", &[b"{}"]);
        self.attempt();
    }

    pub fn end(mut self) {
        self.role.on_log(&self.host);
    }
}
