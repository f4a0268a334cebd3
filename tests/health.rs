//! What keeps failing is left alone: the gateway role and the provider role on fake hosts that share
//! their data as the workers of one Envoy do.
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
    host::{Side, Stream},
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
const FILTERED: &str = r#"{"error":{"message":"no","type":"invalid_request_error","param":null,"code":"content_filter"}}"#;

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

#[test]
fn after_three_failures_the_others_come_first_until_a_probe_is_answered() {
    let mut envoy = Envoy::new(&json!({}));
    for _ in 0..3 {
        assert_eq!(envoy.plan("smart"), ["one", "two"]);
        envoy.ask("smart", &[BAD, GOOD]);
    }
    let (host, _) = envoy.begin("smart");
    assert_eq!(clusters(&host), ["two", "one"]);
    let cooling: Value = serde_json::from_str(&host.state_value("llm.cooling").unwrap()).unwrap();
    let until = NOW + 12 + 10_000;
    assert_eq!(
        cooling,
        json!([{"provider": "one", "cluster": "one", "model": "a", "reason": "failures", "until_ms": until}])
    );
    envoy.now = until - 1;
    assert_eq!(envoy.plan("smart"), ["two", "one"]);
    // One request probes it, the others stay away.
    envoy.now = until;
    let (probe, mut role) = envoy.begin("smart");
    assert_eq!(clusters(&probe), ["one", "two"]);
    assert_eq!(envoy.plan("smart"), ["two", "one"]);
    let mut attempt = provider();
    let body = br#"{"model":"smart","messages":[{"role":"user","content":"hi"}]}"#;
    probe.now_ms.set(until + 1);
    request(&mut attempt, &probe, POST, &[body]).unwrap();
    let passed = response(
        &mut attempt,
        &probe,
        &[(":status", "200")],
        &[ANSWER.as_bytes()],
    )
    .unwrap();
    let lines: Vec<_> = passed
        .headers
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_str()))
        .collect();
    response(&mut role, &probe, &lines, &[ANSWER.as_bytes()]).unwrap();
    assert_eq!(envoy.plan("smart"), ["one", "two"]);
}

#[test]
fn a_probe_that_fails_lengthens_the_pause() {
    let mut envoy = Envoy::new(&json!({}));
    for _ in 0..3 {
        envoy.ask("smart", &[BAD, GOOD]);
    }
    envoy.now += 10_000;
    envoy.ask("smart", &[BAD, GOOD]);
    envoy.now += 19_000;
    assert_eq!(envoy.plan("smart"), ["two", "one"]);
    envoy.now += 1_000;
    assert_eq!(envoy.plan("smart"), ["one", "two"]);
}

#[test]
fn a_told_pause_counts_from_the_first_time_on() {
    let mut envoy = Envoy::new(&json!({}));
    envoy.ask("smart", &[Some((429, &[("retry-after", "7")], "{}")), GOOD]);
    let answered = envoy.now;
    assert_eq!(envoy.plan("smart"), ["two", "one"]);
    envoy.now = answered + 6_999;
    assert_eq!(envoy.plan("smart"), ["two", "one"]);
    envoy.now = answered + 7_000;
    assert_eq!(envoy.plan("smart"), ["one", "two"]);
}

#[test]
fn what_concerns_a_model_does_not_cool_the_provider_and_what_concerns_its_host_does() {
    let mut envoy = Envoy::new(&json!({}));
    for _ in 0..3 {
        envoy.ask("smart", &[BAD, GOOD]);
    }
    assert_eq!(envoy.plan("smart"), ["two", "one"]);
    assert_eq!(envoy.plan("gpt-5"), ["one", "two"]);
    let mut envoy = Envoy::new(&json!({}));
    for _ in 0..3 {
        envoy.ask("smart", &[None, GOOD]);
    }
    assert_eq!(envoy.plan("smart"), ["two", "one"]);
    assert_eq!(envoy.plan("gpt-5"), ["two", "one"]);
}

#[test]
fn names_that_clients_make_up_are_one_target() {
    let mut envoy = Envoy::new(&json!({}));
    for name in ["gpt-1", "gpt-2", "gpt-3"] {
        envoy.ask(name, &[BAD, GOOD]);
    }
    assert_eq!(envoy.plan("gpt-4"), ["two", "one"]);
    let table = envoy.shared.borrow().values().next().unwrap().bytes.clone();
    let table = String::from_utf8(table).unwrap();
    assert!(!table.contains("gpt-"), "{table}");
}

#[test]
fn nobody_sends_a_provider_away_by_asking_for_what_it_does_not_have() {
    for status in [403, 404] {
        let missing: Told = Some((status, &[], "{}"));
        let mut envoy = Envoy::new(&json!({}));
        for _ in 0..5 {
            envoy.ask("gpt-nonsense", &[missing, GOOD]);
        }
        assert_eq!(envoy.plan("gpt-5"), ["one", "two"], "{status}");
        // A name of the configuration is another matter.
        for _ in 0..3 {
            envoy.ask("smart", &[missing, GOOD]);
        }
        assert_eq!(envoy.plan("smart"), ["two", "one"], "{status}");
        assert_eq!(envoy.plan("gpt-5"), ["one", "two"], "{status}");
    }
    // A key that is refused is refused for every model.
    let mut envoy = Envoy::new(&json!({}));
    for _ in 0..3 {
        envoy.ask("smart", &[Some((401, &[], "{}")), GOOD]);
    }
    assert_eq!(envoy.plan("gpt-5"), ["two", "one"]);
}

#[test]
fn a_client_s_error_neither_breaks_a_row_of_failures_nor_ends_a_pause() {
    let mut envoy = Envoy::new(&json!({}));
    for _ in 0..3 {
        envoy.ask("smart", &[BAD, GOOD]);
        envoy.ask("smart", &[Some((400, &[], "{}"))]);
    }
    assert_eq!(envoy.plan("smart"), ["two", "one"]);
    envoy.now += 10_000;
    envoy.ask("smart", &[Some((400, &[], "{}"))]);
    assert_eq!(
        envoy.plan("smart"),
        ["two", "one"],
        "its probe has not been answered"
    );
}

#[test]
fn when_everything_cools_down_the_least_bad_is_asked_and_all_are() {
    let mut envoy = Envoy::new(&json!({}));
    envoy.ask(
        "smart",
        &[
            Some((429, &[("retry-after", "30")], "{}")),
            Some((429, &[("retry-after", "5")], "{}")),
        ],
    );
    assert_eq!(envoy.plan("smart"), ["two", "one"]);
    // Whoever answers is well again.
    envoy.ask("smart", &[BAD, GOOD]);
    assert_eq!(envoy.plan("smart"), ["one", "two"]);
}

#[test]
fn without_a_host_a_cluster_cools_down_at_once() {
    let envoy = Envoy::new(&json!({}));
    let (host, mut role) = envoy.begin("smart");
    let details = "response.code_details".to_owned();
    host.properties
        .borrow_mut()
        .insert(details, b"no_healthy_upstream".to_vec());
    let got = response(
        &mut role,
        &host,
        &[(":status", "503")],
        &[b"no healthy upstream"],
    )
    .unwrap();
    assert_eq!(got.header(":status"), Some("503"));
    assert_eq!(envoy.plan("smart"), ["two", "one"]);
}

#[test]
fn envoy_s_other_refusals_are_nobody_s_failure() {
    let envoy = Envoy::new(&json!({}));
    for status in ["413", "429", "503", "504"] {
        let (host, mut role) = envoy.begin("smart");
        response(&mut role, &host, &[(":status", status)], &[b"no"]).unwrap();
    }
    assert_eq!(envoy.plan("smart"), ["one", "two"]);
}

#[test]
fn a_client_that_leaves_tells_nothing_but_what_had_failed_before() {
    let mut envoy = Envoy::new(&json!({}));
    let left = |envoy: &mut Envoy, fails: bool| {
        let (host, mut role) = envoy.begin("smart");
        let body = br#"{"model":"smart","messages":[{"role":"user","content":"hi"}]}"#;
        host.attempt_number(1);
        let mut attempt = provider();
        request(&mut attempt, &host, POST, &[body]).unwrap();
        if fails {
            response(&mut attempt, &host, &[(":status", "500")], &[b"{}"]).unwrap();
            host.attempt_number(2);
            request(&mut provider(), &host, POST, &[body]).unwrap();
        }
        envoy.now += 5;
        host.now_ms.set(envoy.now);
        let details = "response.code_details".to_owned();
        host.properties
            .borrow_mut()
            .insert(details, b"downstream_remote_disconnect".to_vec());
        role.on_log(&host);
    };
    for _ in 0..5 {
        left(&mut envoy, false);
    }
    assert_eq!(envoy.plan("smart"), ["one", "two"]);
    for _ in 0..3 {
        left(&mut envoy, true);
    }
    assert_eq!(envoy.plan("smart"), ["two", "one"]);
}

#[test]
fn the_time_for_all_attempts_being_over_is_nobody_s_failure() {
    let mut envoy = Envoy::new(&json!({"health": {"failures": 1}, "total_timeout": "1s"}));
    // In the middle of the first attempt, or in Envoy's pause behind one that has failed.
    for failed in [false, true] {
        let (host, mut role) = envoy.begin("smart");
        let body = br#"{"model":"smart","messages":[{"role":"user","content":"hi"}]}"#;
        host.attempt_number(1);
        let mut attempt = provider();
        request(&mut attempt, &host, POST, &[body]).unwrap();
        envoy.now += 1000;
        host.now_ms.set(envoy.now);
        if failed {
            response(&mut attempt, &host, &[(":status", "500")], &[b"{}"]).unwrap();
        }
        let details = "response.code_details".to_owned();
        host.properties
            .borrow_mut()
            .insert(details, b"response_timeout".to_vec());
        response(&mut role, &host, &[(":status", "504")], &[b"timeout"]).unwrap();
        role.on_log(&host);
        let told: Value = serde_json::from_str(&host.state_value("llm.attempts").unwrap()).unwrap();
        let asked: Vec<_> = told
            .as_array()
            .unwrap()
            .iter()
            .map(|one| &one["provider"])
            .collect();
        assert_eq!(asked, ["one"], "nobody else was asked");
        let after = if failed {
            ["two", "one"]
        } else {
            ["one", "two"]
        };
        assert_eq!(envoy.plan("smart"), after);
    }
}

#[test]
fn a_writing_that_comes_too_late_is_tried_again() {
    let mut envoy = Envoy::new(&json!({"health": {"failures": 1}}));
    let (host, mut role) = envoy.begin("smart");
    let body = br#"{"model":"smart","messages":[{"role":"user","content":"hi"}]}"#;
    let mut attempt = provider();
    request(&mut attempt, &host, POST, &[body]).unwrap();
    let failed = response(&mut attempt, &host, &[(":status", "500")], &[b"{}"]).unwrap();
    host.too_late.set(3);
    let lines: Vec<_> = failed
        .headers
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_str()))
        .collect();
    response(&mut role, &host, &lines, &[b"{}"]).unwrap();
    assert_eq!(envoy.plan("smart"), ["two", "one"]);
    // Nor does who lost the right to probe go there.
    envoy.now += 20_000;
    let late = envoy.host();
    late.too_late.set(100);
    let mut role = Request::new(envoy.config.clone());
    request(&mut role, &late, POST, &[body]).unwrap();
    assert_eq!(clusters(&late), ["two", "one"]);
}

#[test]
fn in_quiet_times_nothing_is_written() {
    let mut envoy = Envoy::new(&json!({}));
    for _ in 0..5 {
        envoy.ask("smart", &[GOOD]);
        envoy.ask("smart", &[Some((400, &[], TOO_LONG))]);
    }
    assert!(envoy.shared.borrow().is_empty());
    let mut envoy = Envoy::new(&json!({"health": {"enabled": false}}));
    for _ in 0..5 {
        envoy.ask("smart", &[BAD, GOOD]);
    }
    assert!(envoy.shared.borrow().is_empty());
}

#[test]
fn a_stream_that_breaks_off_counts_into_the_share() {
    let more = json!({"health": {"error_requests": 3, "error_percent": 100}});
    let mut envoy = Envoy::new(&more);
    for n in 0..4 {
        assert_eq!(envoy.plan("smart"), ["one", "two"], "{n}");
        let (host, mut role) = (envoy.host(), Request::new(envoy.config.clone()));
        let body =
            br#"{"model":"smart","stream":true,"messages":[{"role":"user","content":"hi"}]}"#;
        request(&mut role, &host, POST, &[body]).unwrap();
        envoy.now += 1;
        host.now_ms.set(envoy.now);
        let mut attempt = provider();
        request(&mut attempt, &host, POST, &[body]).unwrap();
        let head = [(":status", "200"), ("content-type", "text/event-stream")];
        let first = b"data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n".as_slice();
        let passed = response(&mut attempt, &host, &head, &[first]).unwrap();
        let lines: Vec<_> = passed
            .headers
            .iter()
            .map(|(n, v)| (n.as_str(), v.as_str()))
            .collect();
        response(&mut role, &host, &lines, &[&passed.body]).unwrap();
        role.on_log(&host);
        assert_eq!(host.state_value("llm.outcome").as_deref(), Some("partial"));
    }
    assert_eq!(envoy.plan("smart"), ["two", "one"]);
}

#[test]
fn what_is_too_long_goes_on_to_another_model_when_it_is_told_to() {
    let too_long: Told = Some((400, &[], TOO_LONG));
    let mut envoy = Envoy::new(&json!({"on_context_length": "route_on"}));
    let got = envoy.ask("smart", &[too_long, GOOD]).unwrap();
    assert_eq!(
        (got.header(":status"), got.header("x-llm-provider")),
        (Some("200"), Some("two"))
    );
    // The last one's answer is the client's, in its own words.
    let got = envoy.ask("smart", &[too_long, too_long]).unwrap();
    assert_eq!(
        (got.header(":status"), got.text().as_str()),
        (Some("400"), TOO_LONG)
    );
    assert_eq!(envoy.plan("smart"), ["one", "two"], "nobody is to blame");
    let mut envoy = Envoy::new(&json!({}));
    let got = envoy.ask("smart", &[too_long, GOOD]).unwrap();
    assert_eq!(
        (got.header(":status"), got.text().as_str()),
        (Some("400"), TOO_LONG)
    );
    // The same model elsewhere is no longer.
    let same = json!({
        "models": {"m": {"targets": [{"provider": "one", "model": "a"}, {"provider": "two", "model": "a"}]}},
        "on_context_length": "route_on",
    });
    let got = Envoy::new(&same).ask("m", &[too_long, GOOD]).unwrap();
    assert_eq!(got.header(":status"), Some("400"));
}

#[test]
fn what_is_too_long_goes_on_to_the_model_that_is_named_for_it() {
    let too_long: Told = Some((400, &[], TOO_LONG));
    let settings = |large: Value| {
        json!({
            "models": {
                "m": {"targets": [{"provider": "one", "model": "a"}], "on_context_length": "large"},
                "large": {"targets": large},
            },
            "providers": {
                "one": {"dialect": "openai", "labels": {"region": "eu"}},
                "two": {"dialect": "openai"},
            },
        })
    };
    let large = json!([{"provider": "two", "model": "b"}, {"provider": "one", "model": "a"}]);
    let mut envoy = Envoy::new(&settings(large.clone()));
    // What is planned anyhow is not tried twice.
    assert_eq!(envoy.plan("m"), ["one", "two"]);
    let got = envoy.ask("m", &[too_long, GOOD]).unwrap();
    assert_eq!(
        (got.header(":status"), got.header("x-llm-provider")),
        (Some("200"), Some("two"))
    );
    // Labels hold there as well, and rules do not lead elsewhere.
    let mut bound = settings(large);
    bound["rules"] = json!([{"name": "all", "when": {"model": "m"}, "require": {"region": "eu"}}]);
    let mut envoy = Envoy::new(&bound);
    assert_eq!(envoy.plan("m"), ["one"]);
    let got = envoy.ask("m", &[too_long]).unwrap();
    assert_eq!(got.header(":status"), Some("400"));
    let mut led = settings(json!([{"provider": "two", "model": "b"}]));
    led["models"]["short"] = led["models"]["m"].clone();
    led["rules"] = json!([{"name": "all", "when": {"model": "m"}, "use": "short"}]);
    assert_eq!(Envoy::new(&led).plan("m"), ["one", "two"]);
    // A prompt that surely fits has nobody behind its own targets, and one attempt is all that some may cost.
    let mut known = settings(json!([{"provider": "two", "model": "b"}]));
    known["model_info"] = json!({"a": {"context_window": 1000}});
    assert_eq!(Envoy::new(&known).plan("m"), ["one"]);
    known["model_info"] = json!({"a": {"context_window": 9}});
    assert_eq!(Envoy::new(&known).plan("m"), ["one", "two"], "perhaps");
    known["model_info"] = json!({"a": {"context_window": 2}});
    assert_eq!(Envoy::new(&known).plan("m"), ["two"]);
    known["model_info"]["b"] = json!({"context_window": 2});
    let host = {
        let envoy = Envoy::new(&known);
        let (host, mut role) = (envoy.host(), Request::new(envoy.config.clone()));
        let body = json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]});
        request(&mut role, &host, POST, &[body.to_string().as_bytes()]);
        host
    };
    assert_eq!(host.replies.borrow()[0].status, 400);
    known["model_info"] = json!({});
    known["attempts"] = json!(1);
    assert_eq!(Envoy::new(&known).plan("m"), ["one"]);
}

#[test]
fn the_model_for_long_prompts_is_not_probed_in_vain() {
    let mut envoy = Envoy::new(&json!({
        "models": {
            "m": {"targets": [{"provider": "one", "model": "a"}], "on_context_length": "large"},
            "large": {"targets": [{"provider": "two", "model": "b"}, {"provider": "one", "model": "b"}]},
        },
        "health": {"failures": 1, "cool_down": "10s"},
    }));
    envoy.ask("large", &[BAD, GOOD]);
    envoy.now += 20_000;
    assert_eq!(envoy.plan("m"), ["one", "two", "one"]);
    assert_eq!(envoy.plan("m"), ["one", "two", "one"]);
    // The first request that begins there does.
    assert_eq!(envoy.plan("large"), ["two", "one"]);
    assert_eq!(envoy.plan("large"), ["one", "two"]);
}

/// Two windows of 100 and one of 10,000 tokens.
fn windows(targets: &[&str], more: Value) -> Value {
    let targets: Vec<_> = targets
        .iter()
        .map(|to| json!({"provider": to, "model": to}))
        .collect();
    let mut model = json!({"targets": targets});
    model
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    let dialect = json!({"dialect": "openai"});
    json!({
        "models": {"m": model},
        "providers": {"small": dialect, "less": dialect, "large": dialect},
        "model_info": {
            "small/small": {"context_window": 100},
            "less/less": {"context_window": 100},
            "large/large": {"context_window": 10000},
        },
    })
}

#[test]
fn a_target_that_is_too_small_costs_no_attempt() {
    let more = json!({"attempts": 2, "on_context_length": "route_on"});
    let envoy = Envoy::new(&windows(&["small", "less", "large"], more));
    assert_eq!(envoy.plan_for("m", 10).unwrap(), ["small", "less"]);
    assert_eq!(envoy.plan_for("m", 1000).unwrap(), ["large"]);
    assert_eq!(envoy.plan_for("m", 20000), None);
}

#[test]
fn whether_a_prompt_is_refused_does_not_depend_on_who_cools_down() {
    let mut envoy = Envoy::new(&windows(&["large", "small"], json!({})));
    assert_eq!(envoy.plan_for("m", 1000).unwrap(), ["large"]);
    envoy.ask("m", &[Some((429, &[("retry-after", "30")], "{}")), GOOD]);
    assert_eq!(envoy.plan_for("m", 10).unwrap(), ["small", "large"]);
    assert_eq!(envoy.plan_for("m", 1000).unwrap(), ["large"]);
}

#[test]
fn a_request_does_not_take_the_right_to_probe_a_target_that_is_too_small_for_it() {
    let more = json!({"on_context_length": "route_on"});
    let mut envoy = Envoy::new(&windows(&["small", "large"], more));
    envoy.ask("m", &[Some((429, &[("retry-after", "30")], "{}")), GOOD]);
    envoy.now += 31_000;
    assert_eq!(envoy.plan_for("m", 1000).unwrap(), ["large"]);
    assert_eq!(envoy.plan_for("m", 10).unwrap(), ["small", "large"]);
    assert_eq!(envoy.plan_for("m", 10).unwrap(), ["large", "small"]);
}

#[test]
fn the_record_says_how_every_attempt_ended() {
    let entries = |host: &FakeHost| -> Value {
        let text = host.state_value("llm.attempts").unwrap();
        let mut list: Value = serde_json::from_str(&text).unwrap();
        for entry in list.as_array_mut().unwrap() {
            let entry = entry.as_object_mut().unwrap();
            assert!(entry["ms"].is_u64(), "{entry:?}");
            entry.remove("ms");
            entry.remove("at_ms");
            entry.retain(|key, _| !matches!(key.as_str(), "used" | "served"));
        }
        list
    };
    let property = |host: &FakeHost, value: &str| {
        let path = "response.code_details".to_owned();
        let mut properties = host.properties.borrow_mut();
        properties.insert(path, value.as_bytes().to_vec());
    };
    let two = json!({"providers": {"one": {"dialect": "openai", "cluster": "a-cluster"}, "two": {"dialect": "openai"}}});
    let envoy = Envoy::new(&two);
    // Nobody could be asked at all.
    let (host, mut role) = envoy.begin("smart");
    property(&host, "no_healthy_upstream");
    response(
        &mut role,
        &host,
        &[(":status", "503")],
        &[b"no healthy upstream"],
    );
    role.on_log(&host);
    assert_eq!(
        entries(&host),
        json!([{"provider": "one", "cluster": "a-cluster", "model": "a", "status": null, "reason": "no_answer"}])
    );
    let begun = || {
        let (host, role) = Envoy::new(&two).begin("smart");
        let mut attempt = provider();
        let body = r#"{"model":"smart","stream":true,"messages":[{"role":"user","content":"hi"}]}"#;
        host.attempt_number(2);
        request(&mut attempt, &host, POST, &[body.as_bytes()]).unwrap();
        (host, role, attempt)
    };
    // Of the first one nothing is known.
    let one = json!({"provider": "one", "cluster": "a-cluster", "model": "a", "status": null, "reason": "no_answer"});
    let entry = |status: Value, reason: &str| json!([one, {"provider": "two", "model": "b", "status": status, "reason": reason}]);
    // The client left before anything came, and in the middle of the answer.
    let (host, mut role, _) = begun();
    property(&host, "downstream_remote_disconnect");
    role.on_log(&host);
    assert_eq!(entries(&host), entry(Value::Null, "cancelled"));
    let head = [
        (":status", "200"),
        ("content-type", "text/event-stream"),
        ("x-llm-provider", "two"),
    ];
    for (details, reason) in [
        ("downstream_remote_disconnect", "cancelled"),
        ("", "broke_off"),
    ] {
        let (host, mut role, _) = begun();
        // The first content has come, and the answer's headers have left.
        let text = host.state_value("llm.attempts").unwrap();
        let mut list: Value = serde_json::from_str(&text).unwrap();
        list[1]["status"] = json!(200);
        list[1]["ms"] = json!(5);
        let list: Vec<_> = serde_json::from_value(list).unwrap();
        host.board.as_ref().unwrap().set_attempts(&list);
        host.set_headers(Side::Response, &head);
        property(&host, details);
        role.on_response_headers(&host, false);
        role.on_log(&host);
        assert_eq!(entries(&host), entry(json!(200), reason), "{details}");
    }
}

#[test]
fn a_refusal_of_a_content_policy_and_other_statuses_move_on_only_when_configured() {
    let filtered: Told = Some((400, &[], FILTERED));
    let conflict: Told = Some((409, &[], "{}"));
    let mut envoy = Envoy::new(&json!({}));
    for answer in [filtered, conflict] {
        let got = envoy.ask("smart", &[answer, GOOD]).unwrap();
        assert!(got.header(":status").unwrap().starts_with('4'));
    }
    let mut envoy = Envoy::new(&json!({"on_content_filter": "next", "retriable_statuses": [409]}));
    for answer in [filtered, conflict] {
        let got = envoy.ask("smart", &[answer, GOOD]).unwrap();
        assert_eq!(got.header("x-llm-provider"), Some("two"));
        let got = envoy.ask("smart", &[answer, answer]).unwrap();
        assert!(got.header(":status").unwrap().starts_with('4'));
    }
    assert_eq!(envoy.plan("smart"), ["one", "two"], "nobody is to blame");
}

#[test]
fn a_plan_has_as_many_attempts_as_configured() {
    let of = |more: &Value| Envoy::new(more).plan("smart");
    assert_eq!(
        of(&json!({"attempts_per_target": 2})),
        ["one", "one", "two", "two"]
    );
    assert_eq!(
        of(&json!({"attempts_per_target": 2, "attempts": 3})),
        ["one", "one", "two"]
    );
    assert_eq!(of(&json!({"attempts": 1})), ["one"]);
    let host = Envoy::new(&json!({"total_timeout": "90s"}))
        .begin("smart")
        .0;
    let total = host.header_value(
        envoy_llm_gateway::host::Side::Request,
        "x-envoy-upstream-rq-timeout-ms",
    );
    assert_eq!(total.as_deref(), Some("90000"));
}

#[test]
fn several_clusters_of_a_provider_share_the_requests_and_cool_down_apart() {
    let keys = json!({"providers": {
        "one": {"dialect": "openai", "clusters": ["k1", "k2", "k3"]},
        "two": {"dialect": "openai"},
    }});
    let mut envoy = Envoy::new(&keys);
    let mut first = std::collections::BTreeMap::new();
    for _ in 0..3000 {
        envoy.now += 1;
        let plan = envoy.plan("smart");
        assert_eq!((plan.len(), plan[3].as_str()), (4, "two"));
        *first.entry(plan[0].clone()).or_insert(0) += 1;
    }
    assert_eq!(first.len(), 3);
    assert!(
        first.values().all(|count| (800..1200).contains(count)),
        "{first:?}"
    );
    // Find a request that begins with k2, and let it be told to wait.
    while envoy.plan("smart")[0] != "k2" {
        envoy.now += 1;
    }
    envoy.ask(
        "smart",
        &[Some((429, &[("retry-after", "60")], "{}")), GOOD],
    );
    for _ in 0..100 {
        envoy.now += 1;
        let plan = envoy.plan("smart");
        assert_eq!(plan[3], "k2");
        assert_eq!(plan[2], "two");
    }
}
