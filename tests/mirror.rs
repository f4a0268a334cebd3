//! Copies of requests for a target whose answer reaches nobody: the gateway role that has them made, and the provider role
//! that gets them without any filter state.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    missing_docs
)]

mod support;

use envoy_llm_gateway::{
    attempt::Attempt,
    config::{Config, Gateway},
    gateway::Request,
    host::{Exchange, Flow, Side, Stream},
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, rc::Rc};
use support::{FakeHost, Passed, Shared, request, response};

/// SHA-256 of `key-of-support`, and of `key-of-all`.
const SUPPORT: &str = "6c1d08605eebfcd189e3418495e40f805691fea957334c09ede6cc3683b1464b";
const ALL: &str = "11b61ff8f27ebdeaa6f43de31efa2bb959b0c03b95f5943338d0f95797a6bbd2";
const FREE: (&str, &str) = ("x-api-key", "key-of-all");
const LAWYER: (&str, &str) = ("x-api-key", "key-of-support");
const CHAT: &str = r#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#;
const STREAM: &str = r#"{"model":"m","stream":true,"messages":[{"role":"user","content":"hi"}]}"#;
const COPY: [&str; 3] = ["x-llm-mirror", "x-llm-mirror-timeout", "x-llm-mirror-plan"];

fn settings() -> Value {
    json!({
        "role": "gateway",
        "models": {
            "m": {
                "targets": [{"provider": "one", "model": "own"}, {"provider": "eu", "model": "own"}],
                "mirror": {"provider": "two", "model": "next", "percent": 100},
                "answer_timeout": "7s",
            },
            "two": {"targets": [{"provider": "two", "model": "next"}]},
            "same": {"targets": [{"provider": "two", "model": "next"}], "mirror": {"provider": "two", "model": "next", "percent": 100}},
            "other-size": {"targets": [{"provider": "two", "model": "next"}], "mirror": {"provider": "two", "model": "large", "percent": 100}},
            "europe": {"targets": [{"provider": "eu"}], "mirror": {"provider": "two", "model": "next", "labels": {"region": "eu"}, "percent": 100}},
            "secret": {"targets": [{"provider": "eu"}], "mirror": {"provider": "two", "percent": 100}},
            "rare": {"targets": [{"provider": "one"}], "mirror": {"provider": "two", "percent": "0.0001"}},
        },
        "providers": {
            "one": {"dialect": "openai"},
            "two": {"cluster": "cluster-of-two", "dialect": "openai"},
            "eu": {"dialect": "openai", "labels": {"region": "eu"}},
        },
        "guards": [{"name": "cards", "words": ["sesame"], "action": "route", "to": "secret"}],
        "rules": [{"name": "legal", "when": {"team": "legal"}, "require": {"region": "eu"}}],
        "keys": [
            {"id": "lawyer", "sha256": SUPPORT, "team": "legal"},
            {"id": "free", "sha256": ALL, "overrides": true},
        ],
        "health": {"failures": 1, "cool_down": "10s"},
        "model_info": {"two/next": {"input_usd_per_million": 1000, "output_usd_per_million": 2000}},
    })
}

struct Envoy {
    config: Rc<Gateway>,
    shared: Shared,
}

impl Envoy {
    fn new(settings: &Value) -> Self {
        match Config::parse(settings.to_string().as_bytes()) {
            Ok(Config::Gateway(config)) => Self {
                config: Rc::new(config),
                shared: Shared::default(),
            },
            other => panic!("{other:?}"),
        }
    }

    fn ask(&self, more: &[(&str, &str)], body: &str) -> (FakeHost, Request, Option<Passed>) {
        let host = FakeHost::sharing(&self.shared);
        let mut role = Request::new(self.config.clone());
        let usual = [
            (":method", "POST"),
            (":path", "/v1/chat/completions"),
            ("content-type", "application/json"),
            ("x-request-id", "id-1"),
        ];
        let own = |name: &str| more.iter().any(|(own, _)| *own == name);
        let headers: Vec<_> = usual
            .iter()
            .filter(|(name, _)| !own(name))
            .chain(more)
            .copied()
            .collect();
        let passed = request(&mut role, &host, &headers, &[body.as_bytes()]);
        (host, role, passed)
    }

    /// The headers by which Envoy makes the copy.
    fn copy(&self, more: &[(&str, &str)], body: &str) -> Vec<String> {
        let (_, _, passed) = self.ask(more, body);
        let passed = passed.unwrap();
        let lines = passed.headers.iter();
        let ours = lines.filter(|(name, _)| COPY.contains(&name.as_str()));
        ours.map(|(name, value)| match name.as_str() {
            "x-llm-mirror-plan" => name.clone(),
            _ => format!("{name}: {value}"),
        })
        .collect()
    }

    /// The copy at its provider's cluster, which has the request's headers and nothing else.
    fn shadow(&self, body: &str) -> Copy {
        let (_, _, passed) = self.ask(&[FREE], body);
        Copy::begin(&self.shared, &passed.unwrap())
    }
}

struct Copy {
    host: FakeHost,
    role: Attempt,
    sent: Option<Passed>,
}

impl Copy {
    fn begin(shared: &Shared, passed: &Passed) -> Self {
        let host = FakeHost::sharing(shared);
        Self::begin_on(host, passed)
    }

    fn begin_on(host: FakeHost, passed: &Passed) -> Self {
        let settings =
            json!({"role": "provider", "dialect": "openai", "host": "api.two.example"}).to_string();
        let Ok(Config::Provider(config)) = Config::parse(settings.as_bytes()) else {
            panic!()
        };
        let mut role = Attempt::new(Rc::new(config));
        let headers: Vec<_> = passed
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let sent = request(&mut role, &host, &headers, &[&passed.body]);
        Self { host, role, sent }
    }

    fn answer(&mut self, status: &str, kind: &str, chunks: &[&str]) -> Passed {
        let chunks: Vec<_> = chunks.iter().map(|chunk| chunk.as_bytes()).collect();
        let head = [(":status", status), ("content-type", kind)];
        response(&mut self.role, &self.host, &head, &chunks).unwrap()
    }

    /// What was counted, all of it.
    fn counted(mut self) -> BTreeMap<String, i64> {
        self.role.on_done(&self.host);
        self.host.counters.into_inner()
    }
}

fn counts<const N: usize>(counts: [(&str, i64); N]) -> BTreeMap<String, i64> {
    let counts = counts.into_iter();
    counts.map(|(name, n)| (name.to_owned(), n)).collect()
}

const ANSWER: &str = r#"{"id":"x","model":"next-1","choices":[{"index":0,"message":{"content":"h"},"finish_reason":"stop"}],"usage":{"prompt_tokens":11,"completion_tokens":7,"total_tokens":18}}"#;
const EVENTS: [&str; 4] = [
    "data: {\"id\":\"x\",\"model\":\"next-1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"h\"}}]}\n\n",
    "data: {\"id\":\"x\",\"model\":\"next-1\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
    "data: {\"id\":\"x\",\"model\":\"next-1\",\"choices\":[],\"usage\":{\"prompt_tokens\":11,\"completion_tokens\":7,\"total_tokens\":18}}\n\n",
    "data: [DONE]\n\n",
];
/// 11 tokens of the prompt at a thousandth of a dollar, and 7 of the answer at two.
const COST: i64 = 11_000 + 14_000;

#[test]
fn a_copy_is_asked_for_by_headers_and_the_record_says_where_it_went() {
    let envoy = Envoy::new(&settings());
    let (host, _, passed) = envoy.ask(&[FREE], CHAT);
    let passed = passed.unwrap();
    assert_eq!(passed.header("x-llm-mirror"), Some("cluster-of-two"));
    assert_eq!(passed.header("x-llm-mirror-timeout"), Some("7000"));
    assert_eq!(passed.text(), CHAT);
    assert_eq!(host.state_value("llm.mirror").as_deref(), Some("two/next"));
    let plan: Value = serde_json::from_str(&host.plan().unwrap()).unwrap();
    assert_eq!(plan.as_array().unwrap().len(), 2, "nothing joins the plan");
}

#[test]
fn what_is_not_drawn_is_not_copied() {
    let envoy = Envoy::new(&settings());
    let body = CHAT.replace("\"m\"", "\"rare\"");
    assert_eq!(envoy.copy(&[FREE], &body), [""; 0]);
    let (host, _, _) = envoy.ask(&[FREE], &body);
    assert_eq!(host.state_value("llm.mirror"), None);
    let secret = "envoy_llm_gateway.mirror_secret";
    assert!(!envoy.shared.borrow().contains_key(secret));
    envoy.copy(&[FREE], CHAT);
    assert!(envoy.shared.borrow().contains_key(secret));
}

#[test]
fn a_client_cannot_have_a_copy_made() {
    let envoy = Envoy::new(&settings());
    let body = CHAT.replace("\"m\"", "\"two\"");
    let own = COPY.map(|name| (name, "cluster-of-two"));
    let all = [&[FREE], &own[..]].concat();
    assert_eq!(envoy.copy(&all, &body), [""; 0]);
}

#[test]
fn a_copy_obeys_labels_and_what_a_client_insists_on() {
    let envoy = Envoy::new(&settings());
    let made = [
        "x-llm-mirror",
        "x-llm-mirror-timeout: 600000",
        "x-llm-mirror-plan",
    ];
    let whether = |more: &[(&str, &str)], model: &str| {
        let copy = envoy.copy(more, &CHAT.replace("\"m\"", &format!("\"{model}\"")));
        assert!(copy.is_empty() || copy.len() == made.len());
        !copy.is_empty()
    };
    assert!(whether(&[FREE], "m"));
    assert!(!whether(&[LAWYER], "m"), "the rule requires region=eu");
    assert!(
        whether(&[LAWYER], "europe"),
        "its labels are the mirror's own"
    );
    assert!(!whether(&[FREE, ("x-llm-provider", "one")], "m"));
    assert!(whether(&[FREE, ("x-llm-provider", "two")], "other-size"));
}

#[test]
fn who_is_asked_first_anyhow_gets_no_copy_and_the_same_provider_s_other_model_does() {
    let envoy = Envoy::new(&settings());
    let copy = |model: &str| envoy.copy(&[FREE], &CHAT.replace("\"m\"", &format!("\"{model}\"")));
    assert_eq!(copy("same"), [""; 0]);
    assert_eq!(copy("other-size").len(), 3);
}

#[test]
fn what_a_guard_sends_elsewhere_is_not_copied_from_there() {
    let envoy = Envoy::new(&settings());
    let secret = CHAT.replace("hi", "sesame");
    let (host, _, _) = envoy.ask(&[FREE], &secret);
    assert_eq!(
        host.state_value("llm.route").as_deref(),
        Some("secret:fallback")
    );
    assert_eq!(envoy.copy(&[FREE], &secret), [""; 0]);
    let asked = CHAT.replace("\"m\"", "\"secret\"");
    assert_eq!(envoy.copy(&[FREE], &asked).len(), 3, "without a find it is");
}

#[test]
fn a_target_that_cools_down_gets_no_copy() {
    let envoy = Envoy::new(&settings());
    let body = CHAT.replace("\"m\"", "\"two\"");
    let (host, mut role, passed) = envoy.ask(&[FREE], &body);
    let mut own = Copy::begin_on(host, &passed.unwrap());
    let failed = own.answer("503", "application/json", &["{}"]);
    let head: Vec<_> = failed
        .headers
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_str()))
        .collect();
    response(&mut role, &own.host, &head, &[&failed.body]).unwrap();
    role.on_log(&own.host);
    let (host, _, passed) = envoy.ask(&[FREE], CHAT);
    assert_eq!(passed.unwrap().header("x-llm-mirror"), None);
    assert_eq!(host.counters.into_inner()["llm.mirror.two.left_out"], 1);
}

#[test]
fn what_only_counts_tokens_is_not_copied() {
    let mut settings = settings();
    settings["providers"]["one"]["dialect"] = json!("anthropic");
    let envoy = Envoy::new(&settings);
    let path = (":path", "/v1/messages/count_tokens");
    let (_, _, passed) = envoy.ask(&[FREE, path], CHAT);
    let passed = passed.unwrap();
    assert!(passed.header("x-llm-plan").is_some());
    assert_eq!(passed.header("x-llm-mirror"), None);
}

#[test]
fn the_copy_is_sent_in_its_provider_s_words_without_anything_of_the_gateway_s() {
    let copy = Envoy::new(&settings()).shadow(CHAT);
    let sent = copy.sent.as_ref().unwrap();
    let names: Vec<_> = sent.headers.iter().map(|(name, _)| name.as_str()).collect();
    let want = [
        ":method",
        ":scheme",
        ":authority",
        ":path",
        "content-type",
        "content-length",
        "accept",
        "accept-encoding",
    ];
    assert_eq!(names, want);
    assert_eq!(sent.header(":authority"), Some("api.two.example"));
    assert_eq!(sent.text(), CHAT.replace("\"m\"", "\"next\""));
}

#[test]
fn a_whole_answer_is_counted_and_goes_on_as_headers_alone() {
    let mut copy = Envoy::new(&settings()).shadow(CHAT);
    let (head, tail) = ANSWER.split_at(60);
    let got = copy.answer("200", "application/json", &[head, tail]);
    assert_eq!(got.text(), "");
    let want = [
        (":status", "200"),
        ("x-llm-mirror", "ok"),
        ("x-llm-provider", "two"),
        ("x-llm-model", "next"),
        ("x-request-id", "id-1"),
        ("x-llm-input-tokens", "11"),
        ("x-llm-output-tokens", "7"),
        ("x-llm-cost-usd-micros", "25000"),
    ];
    assert_eq!(got.headers, want.map(|(n, v)| (n.to_owned(), v.to_owned())));
    let want = counts([
        ("llm.mirror.two.ok", 1),
        ("llm.mirror.two.input_tokens", 11),
        ("llm.mirror.two.output_tokens", 7),
        ("llm.mirror.two.cost_usd_micros", COST),
    ]);
    assert_eq!(copy.counted(), want, "once, although the stream ends later");
}

#[test]
fn a_stream_is_read_to_its_end_and_no_event_goes_on() {
    let mut copy = Envoy::new(&settings()).shadow(STREAM);
    let got = copy.answer("200", "text/event-stream", &EVENTS);
    assert_eq!((got.text().as_str(), got.held), ("", EVENTS.len() - 1));
    assert_eq!(got.header("x-llm-cost-usd-micros"), Some("25000"));
    assert_eq!(copy.counted()["llm.mirror.two.cost_usd_micros"], COST);
}

#[test]
fn an_answer_that_fails_is_an_error_with_its_reason() {
    let mut copy = Envoy::new(&settings()).shadow(CHAT);
    let got = copy.answer("500", "application/json", &["{}"]);
    assert_eq!(got.header("x-llm-mirror"), Some("error"));
    assert_eq!(got.header("x-llm-reason"), Some("provider_failed"));
    assert_eq!(copy.counted(), counts([("llm.mirror.two.error", 1)]));
}

#[test]
fn a_stream_that_is_cut_is_charged_by_what_came() {
    let mut copy = Envoy::new(&settings()).shadow(STREAM);
    let got = copy.answer("200", "text/event-stream", &EVENTS[..1]);
    assert_eq!(got.header("x-llm-mirror"), Some("error"));
    let counted = copy.counted();
    assert_eq!(counted["llm.mirror.two.error"], 1);
    assert!(counted["llm.mirror.two.input_tokens"] > 0);
    assert!(counted["llm.mirror.two.cost_usd_micros"] > 2000);
}

#[test]
fn a_stream_that_envoy_sees_break_off_is_an_error() {
    let mut copy = Envoy::new(&settings()).shadow(STREAM);
    let head = [(":status", "200"), ("content-type", "text/event-stream")];
    copy.host.set_headers(Side::Response, &head);
    copy.role.on_response_headers(&copy.host, false);
    copy.host.gather(Side::Response, EVENTS[0]);
    let flow = copy
        .role
        .on_response_body(&copy.host, EVENTS[0].len(), false);
    assert_eq!(flow, Flow::Pause);
    assert_eq!(copy.host.body(Side::Response, 0, usize::MAX), b"");
    let counted = copy.counted();
    assert_eq!(counted["llm.mirror.two.error"], 1);
    assert!(!counted.contains_key("llm.mirror.two.ok"));
    assert!(counted["llm.mirror.two.cost_usd_micros"] > 2000);
}

#[test]
fn a_copy_that_nobody_answers_is_counted_when_envoy_gives_up() {
    let copy = Envoy::new(&settings()).shadow(CHAT);
    assert_eq!(copy.counted(), counts([("llm.mirror.two.error", 1)]));
}

#[test]
fn a_copy_whose_price_is_not_known_says_so() {
    let mut settings = settings();
    settings["models"]["m"]["mirror"]["model"] = json!("nobody-s-model");
    let mut copy = Envoy::new(&settings).shadow(CHAT);
    let got = copy.answer("200", "application/json", &[ANSWER]);
    assert_eq!(got.header("x-llm-cost-usd-micros"), None);
    let counted = copy.counted();
    assert_eq!(counted["llm.price_unknown"], 1);
    assert_eq!(counted["llm.mirror.two.output_tokens"], 7);
}

#[test]
fn an_own_attempt_is_no_copy_whatever_headers_come_with_it() {
    let envoy = Envoy::new(&settings());
    let (host, _, passed) = envoy.ask(&[FREE], CHAT);
    // Envoy's first attempt has the filter state, and the headers of the copy.
    let mut own = Copy::begin_on(host, &passed.unwrap());
    assert_eq!(
        own.sent.as_ref().unwrap().text(),
        CHAT.replace("\"m\"", "\"own\"")
    );
    let got = own.answer("200", "application/json", &[ANSWER]);
    assert_eq!(got.text(), ANSWER);
    assert_eq!(own.counted(), counts([]));
}

/// What a cluster makes of a request that the gateway role has not seen: nothing but an error.
fn is_refused(copy: &Copy) -> bool {
    let replies = copy.host.replies.borrow();
    copy.sent.is_none() && replies.len() == 1 && replies[0].status == 500
}

#[test]
fn a_header_that_this_process_has_not_signed_is_refused() {
    let envoy = Envoy::new(&settings());
    let (_, _, passed) = envoy.ask(&[FREE], CHAT);
    let good = passed.unwrap();
    assert!(!is_refused(&Copy::begin(&envoy.shared, &good)));

    let with = |plan: &str| {
        let mut other = good.clone();
        for (name, value) in &mut other.headers {
            if name == "x-llm-mirror-plan" {
                plan.clone_into(value);
            }
        }
        other
    };
    let plan = good.header("x-llm-mirror-plan").unwrap();
    let at = plan.find('.').unwrap() + 20;
    let mut changed = plan.to_owned();
    changed.replace_range(at..=at, if &plan[at..=at] == "A" { "B" } else { "A" });
    for wrong in [&*changed, "", "..", "a.b.c", &plan[..plan.len() - 1]] {
        let copy = Copy::begin(&envoy.shared, &with(wrong));
        assert!(is_refused(&copy), "{wrong}");
        assert_eq!(copy.counted(), counts([("llm.mirror_refused", 1)]));
    }
    // Another process, and one that has never signed anything.
    let other = Envoy::new(&settings());
    assert!(is_refused(&Copy::begin(&other.shared, &good)));
    other.copy(&[FREE], CHAT);
    assert!(is_refused(&Copy::begin(&other.shared, &good)));
}

#[test]
fn a_signed_header_holds_for_ten_seconds() {
    let envoy = Envoy::new(&settings());
    let (_, _, passed) = envoy.ask(&[FREE], CHAT);
    let good = passed.unwrap();
    let after = |ms: u64| {
        let host = FakeHost::sharing(&envoy.shared);
        host.now_ms.set(host.now_ms.get() + ms);
        Copy::begin_on(host, &good)
    };
    assert!(!is_refused(&after(10_000)));
    assert!(is_refused(&after(10_001)));
}

#[test]
fn what_would_be_too_long_for_a_header_is_not_copied() {
    let envoy = Envoy::new(&settings());
    let trace = "a".repeat(16 << 10);
    let (host, _, passed) = envoy.ask(&[FREE, ("tracestate", &trace)], CHAT);
    let passed = passed.unwrap();
    assert!(COPY.iter().all(|name| passed.header(name).is_none()));
    assert_eq!(host.counters.into_inner()["llm.mirror.two.left_out"], 1);
}
