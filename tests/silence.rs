//! A provider that has begun to answer and falls silent, on a fake host.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod support;

use envoy_llm_gateway::{
    attempt::Attempt,
    config::{Config, Gateway},
    gateway::Request,
    host::{Flow, Side, Stream},
    log::attempts,
};
use serde_json::{Value, json};
use std::{
    rc::Rc,
    time::{Duration, SystemTime},
};
use support::{
    FakeHost, START, Shared, request, response,
    ride::{POST, body},
};

const SSE: &[(&str, &str)] = &[(":status", "200"), ("content-type", "text/event-stream")];
const JSON: &[(&str, &str)] = &[(":status", "200"), ("content-type", "application/json")];
const ROLE: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\"}}]}\n\n";
const WORD: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"}}]}\n\n";

fn gateway(more: &Value) -> Rc<Gateway> {
    let mut settings = json!({
        "role": "gateway",
        "models": {"m": {
            "targets": [{"provider": "a", "model": "m-a"}, {"provider": "b", "model": "m-b"}],
            "idle_timeout": "2s",
        }},
        "providers": {"a": {"dialect": "openai"}, "b": {"dialect": "openai"}},
        "overrides": true,
        "health": {"failures": 1},
    });
    for (key, value) in more.as_object().unwrap() {
        settings[key] = value.clone();
    }
    match Config::parse(settings.to_string().as_bytes()) {
        Ok(Config::Gateway(config)) => Rc::new(config),
        other => panic!("{other:?}"),
    }
}

/// One request whose attempt is under way.
struct Ride {
    host: FakeHost,
    role: Request,
    attempt: Attempt,
}

impl Ride {
    /// At attempt `number`; the first one, where it is another, has run out of time. `headers`: the client's own.
    fn begin(
        config: &Rc<Gateway>,
        shared: &Shared,
        number: u64,
        stream: bool,
        headers: &[(&str, &str)],
    ) -> Self {
        let host = FakeHost::sharing(shared);
        let mut role = Request::new(config.clone());
        let lines: Vec<_> = POST.iter().chain(headers).copied().collect();
        request(&mut role, &host, &lines, &[body(stream).as_bytes()]).unwrap();
        let settings = br#"{"role": "provider", "dialect": "openai"}"#;
        let Ok(Config::Provider(provider)) = Config::parse(settings) else {
            panic!()
        };
        let mut attempt = Attempt::new(Rc::new(provider));
        host.attempt_number(number);
        if number > 1 {
            let late = attempts::Attempt::begun("a", "m-a", START * 1000 - 30_000);
            host.board.as_ref().unwrap().set_attempts(&[late]);
        }
        request(&mut attempt, &host, POST, &[body(stream).as_bytes()]).unwrap();
        Self {
            host,
            role,
            attempt,
        }
    }

    /// The provider's headers come, and a first part of the body.
    fn hears(&mut self, headers: &[(&str, &str)], part: &str) -> Flow {
        self.host.set_headers(Side::Response, headers);
        let flow = self.attempt.on_response_headers(&self.host, false);
        if part.is_empty() {
            return flow;
        }
        self.host.gather(Side::Response, part);
        self.attempt.on_response_body(&self.host, part.len(), false)
    }

    /// After so many milliseconds: how many are left before the provider is given up.
    fn left(&self, passed: u64) -> Option<u64> {
        self.host.now_ms.set(START * 1000 + passed);
        let now = SystemTime::UNIX_EPOCH + Duration::from_millis(self.host.now_ms.get());
        let left = self.attempt.deadline()?.duration_since(now).unwrap();
        Some(u64::try_from(left.as_millis()).unwrap())
    }

    fn attempts(&self) -> Value {
        serde_json::from_str(&self.host.state_value("llm.attempts").unwrap()).unwrap()
    }
}

#[test]
fn silence_counts_from_the_answer_s_headers_and_every_part_begins_it_anew() {
    let mut ride = Ride::begin(&gateway(&json!({})), &Shared::default(), 1, true, &[]);
    assert_eq!(ride.left(500), None, "nothing has come yet");
    assert_eq!(ride.hears(SSE, ""), Flow::Pause);
    assert_eq!(ride.left(1500), Some(1000));
    ride.host.gather(Side::Response, ": still thinking\n\n");
    ride.attempt.on_response_body(&ride.host, 18, false);
    assert_eq!(ride.left(1500), Some(2000));
    let end = ride.host.body_of(Side::Response) + &WORD.repeat(2);
    ride.host.gather(Side::Response, &end);
    ride.attempt.on_response_body(&ride.host, end.len(), true);
    assert_eq!(ride.left(1600), None, "the answer is complete");
}

#[test]
fn a_model_without_the_setting_takes_the_gateway_s_or_waits_for_ever() {
    let plain = json!({"m": {"targets": [{"provider": "a"}]}});
    let left = |more: Value| {
        let config = gateway(&more);
        let mut ride = Ride::begin(&config, &Shared::default(), 1, true, &[]);
        ride.hears(SSE, WORD);
        ride.left(0)
    };
    assert_eq!(left(json!({"models": plain})), None);
    let above = json!({"models": plain, "idle_timeout": "7s"});
    assert_eq!(left(above), Some(7000));
}

#[test]
fn a_client_with_leave_may_shorten_the_silence_and_not_lengthen_it() {
    let left = |more: Value, said: &str| {
        let headers = [("x-llm-idle-timeout", said)];
        let config = gateway(&more);
        let mut ride = Ride::begin(&config, &Shared::default(), 1, true, &headers);
        ride.hears(SSE, WORD);
        ride.left(0)
    };
    assert_eq!(left(json!({}), "1.5s"), Some(1500));
    assert_eq!(left(json!({}), "1h"), Some(2000));
    assert_eq!(left(json!({"overrides": false}), "1.5s"), Some(2000));
    let plain = json!({"models": {"m": {"targets": [{"provider": "a"}]}}});
    assert_eq!(left(plain, "1.5s"), Some(1500));
}

#[test]
fn silence_before_the_first_content_is_a_504_that_envoy_tries_again() {
    for (stream, headers, part) in [
        (true, SSE, ""),
        (true, SSE, ROLE),
        (false, JSON, "{\"id\":\"x\","),
        (false, JSON, ""),
    ] {
        let mut ride = Ride::begin(&gateway(&json!({})), &Shared::default(), 1, stream, &[]);
        assert_eq!(ride.hears(headers, part), Flow::Pause);
        ride.left(2000);
        assert_eq!(ride.attempt.on_deadline(&ride.host), Some(Side::Response));
        let status = ride.host.header_value(Side::Response, ":status");
        assert_eq!(status.as_deref(), Some("504"));
        let entry = &ride.attempts()[0];
        assert_eq!(
            (&entry["status"], &entry["reason"], &entry["ms"]),
            (&json!(200), &json!("idle_timeout"), &json!(2000))
        );
        assert!(!ride.host.stopped.get());
        // Should Envoy not try again, nothing else would end the exchange.
        assert_eq!(ride.left(2000), Some(2000));
        assert_eq!(ride.attempt.on_deadline(&ride.host), None);
        assert!(ride.host.stopped.get());
        assert_eq!(ride.left(2000), None);
    }
}

#[test]
fn the_last_attempt_s_silence_is_an_answer_that_names_no_provider_and_the_client_learns_what_was_tried()
 {
    let mut ride = Ride::begin(&gateway(&json!({})), &Shared::default(), 2, true, &[]);
    ride.hears(SSE, ROLE);
    ride.left(2000);
    assert_eq!(ride.attempt.on_deadline(&ride.host), None);
    let replies = ride.host.replies.borrow().clone();
    assert_eq!((replies.len(), replies[0].status), (1, 504));
    let names: Vec<_> = replies[0].headers.iter().map(|(name, _)| &**name).collect();
    assert_eq!(names, ["content-type", "x-llm-model"]);
    assert_eq!(ride.left(9000), None, "it has ended");
    let body = replies[0].body.clone();
    let head = [(":status", "504"), ("x-llm-model", "m-b")];
    let got = response(&mut ride.role, &ride.host, &head, &[body.as_bytes()]).unwrap();
    assert_eq!(got.header(":status"), Some("504"));
    let error: Value = serde_json::from_str(&got.text()).unwrap();
    assert_eq!(error["error"]["code"], "provider_timeout");
    let message = error["error"]["message"].as_str().unwrap();
    let said = "b (m-b) fell silent in the middle of its answer";
    assert!(message.ends_with(&format!("{said}.")), "{message}");
}

#[test]
fn silence_behind_content_breaks_the_answer_off_and_the_record_says_so() {
    let mut ride = Ride::begin(&gateway(&json!({})), &Shared::default(), 1, true, &[]);
    assert_eq!(ride.hears(SSE, WORD), Flow::Continue);
    ride.left(2000);
    assert_eq!(ride.attempt.on_deadline(&ride.host), None);
    assert!(ride.host.stopped.get());
    assert_eq!(ride.attempts()[0]["reason"], "idle_timeout");
    let state = |key| ride.host.state_value(key);
    assert_eq!(state("llm.outcome").as_deref(), Some("partial"));
    assert_eq!(state("llm.finish").as_deref(), Some("error"));
    assert_eq!(ride.left(9000), None);
}

#[test]
fn who_is_too_silent_cools_down_but_not_for_a_client_that_waits_less_than_configured() {
    let config = gateway(&json!({}));
    let cooled = |said: &[(&str, &str)]| {
        let shared = Shared::default();
        let mut ride = Ride::begin(&config, &shared, 1, true, said);
        ride.hears(SSE, WORD);
        let lines = ride.host.header_lines(Side::Response);
        let lines: Vec<_> = lines
            .iter()
            .map(|(n, v)| (n.as_str(), v.as_str()))
            .collect();
        ride.host.set_headers(Side::Response, &lines);
        ride.role.on_response_headers(&ride.host, false);
        ride.host.now_ms.set(START * 1000 + 2000);
        ride.attempt.on_deadline(&ride.host);
        ride.role.on_log(&ride.host);
        assert_eq!(ride.attempts()[0]["reason"], "idle_timeout");
        let health = shared.borrow().get("envoy_llm_gateway.health").cloned();
        health.is_some_and(|health| !health.bytes.is_empty())
    };
    assert!(cooled(&[]));
    assert!(!cooled(&[("x-llm-idle-timeout", "1s")]));
}

#[test]
fn a_file_that_stops_is_not_its_provider_s_silence_since_a_slow_reader_looks_the_same() {
    let config = gateway(&json!({"passthrough": {"provider": "a"}, "idle_timeout": "2s"}));
    let shared = Shared::default();
    let host = FakeHost::sharing(&shared);
    let mut role = Request::new(config);
    let head = [(":method", "GET"), (":path", "/v1/files/file-1/content")];
    request(&mut role, &host, &head, &[]).unwrap();
    let settings = br#"{"role": "provider", "dialect": "openai"}"#;
    let Ok(Config::Provider(provider)) = Config::parse(settings) else {
        panic!()
    };
    let mut attempt = Attempt::new(Rc::new(provider));
    host.attempt_number(1);
    request(&mut attempt, &host, &head, &[]).unwrap();
    let mut ride = Ride {
        host,
        role,
        attempt,
    };
    let file = [
        (":status", "200"),
        ("content-type", "application/octet-stream"),
    ];
    ride.hears(&file, "a part");
    let lines = ride.host.header_lines(Side::Response);
    let lines: Vec<_> = lines
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_str()))
        .collect();
    ride.host.set_headers(Side::Response, &lines);
    ride.role.on_response_headers(&ride.host, false);
    ride.host.now_ms.set(START * 1000 + 2000);
    ride.attempt.on_deadline(&ride.host);
    ride.role.on_log(&ride.host);
    assert_eq!(ride.attempts()[0]["reason"], "idle_timeout");
    assert!(!shared.borrow().contains_key("envoy_llm_gateway.health"));
}
