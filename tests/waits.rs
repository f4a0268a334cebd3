//! A provider that asks for a short pause when nobody else is left, on fake hosts.
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
    host::Stream,
    plan::HandOver,
};
use serde_json::{Value, json};
use std::rc::Rc;
use support::{
    FakeHost, START, request, response,
    ride::{POST, body},
};

const ANSWER: &str = r#"{"id":"x","model":"m","choices":[{"index":0,"message":{"content":"h"},"finish_reason":"stop"}]}"#;

fn gateway(more: &Value) -> Rc<Gateway> {
    let mut settings = json!({
        "role": "gateway",
        "models": {"m": {"targets": [{"provider": "a", "model": "m-a"}]}},
        "providers": {"a": {"dialect": "openai"}, "b": {"dialect": "openai"}},
        "wait_for_retry_after": "3s",
    });
    for (key, value) in more.as_object().unwrap() {
        settings[key] = value.clone();
    }
    match Config::parse(settings.to_string().as_bytes()) {
        Ok(Config::Gateway(config)) => Rc::new(config),
        other => panic!("{other:?}"),
    }
}

/// What a provider answers an attempt with; `None`: nothing, the connection breaks.
type Told = Option<(u16, &'static [(&'static str, &'static str)])>;

const GOOD: Told = Some((200, &[]));
const BAD: Told = Some((500, &[]));

const fn busy(headers: &'static [(&'static str, &'static str)]) -> Told {
    Some((429, headers))
}

const ONE: Told = busy(&[("retry-after", "1")]);
const TWO: Told = busy(&[("retry-after", "2")]);

/// What became of a request.
#[derive(Debug, PartialEq)]
struct Course {
    /// Who was asked, and the pause that Envoy was told to make afterwards.
    asked: Vec<(String, Option<String>)>,
    /// Status, provider and code of the client's answer.
    answer: (String, Option<String>, Option<String>),
    attempts: Value,
}

/// One request whose attempts are answered so, as Envoy goes on.
fn course(more: &Value, answers: &[Told]) -> Course {
    let host = FakeHost::default();
    let mut role = Request::new(gateway(more));
    request(&mut role, &host, POST, &[body(false).as_bytes()]).unwrap();
    let plan: Vec<Value> = serde_json::from_str(&host.plan().unwrap()).unwrap();
    let retries = host.header_value(
        envoy_llm_gateway::host::Side::Request,
        "x-envoy-max-retries",
    );
    assert_eq!(retries, Some((plan.len() - 1).to_string()));
    let mut asked = Vec::new();
    let mut last = (vec![(":status".to_owned(), "503".to_owned())], Vec::new());
    for number in 1..=plan.len() {
        host.attempt_number(number as u64);
        let settings = br#"{"role": "provider", "dialect": "openai"}"#;
        let Ok(Config::Provider(config)) = Config::parse(settings) else {
            panic!()
        };
        let mut attempt = Attempt::new(Rc::new(config));
        if request(&mut attempt, &host, POST, &[body(false).as_bytes()]).is_none() {
            let reply = host.replies.borrow_mut().pop().unwrap();
            let status = reply.status.to_string();
            last = (
                vec![(":status".to_owned(), status)],
                reply.body.into_bytes(),
            );
            break;
        }
        host.now_ms.set(host.now_ms.get() + 5);
        let cluster = plan[number - 1]["cluster"].as_str().unwrap().to_owned();
        let Some((status, headers)) = answers.get(asked.len()).expect("not that often") else {
            asked.push((cluster, None));
            last = (vec![(":status".to_owned(), "503".to_owned())], Vec::new());
            continue;
        };
        let status = status.to_string();
        let mut lines = vec![
            (":status", status.as_str()),
            ("content-type", "application/json"),
            ("x-llm-wait", "99"),
        ];
        lines.extend(headers.iter());
        let said = if status == "200" { ANSWER } else { "{}" };
        let passed = response(&mut attempt, &host, &lines, &[said.as_bytes()]).unwrap();
        let pause = passed.header("x-llm-wait").map(str::to_owned);
        let tried_again = matches!(passed.header(":status"), Some("429" | "500" | "503"));
        asked.push((cluster, pause));
        last = (passed.headers, passed.body);
        if !tried_again {
            break;
        }
    }
    let lines: Vec<_> = last
        .0
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_str()))
        .collect();
    let got = response(&mut role, &host, &lines, &[&last.1]).unwrap();
    role.on_log(&host);
    let said: Value = serde_json::from_str(&got.text()).unwrap();
    assert_eq!(got.header("x-llm-wait"), None, "no client sees it");
    Course {
        asked,
        answer: (
            got.header(":status").unwrap().to_owned(),
            got.header("x-llm-provider").map(str::to_owned),
            said["error"]["code"].as_str().map(str::to_owned),
        ),
        attempts: serde_json::from_str(&host.state_value("llm.attempts").unwrap()).unwrap(),
    }
}

fn asked(course: &Course) -> Vec<(&str, Option<&str>)> {
    let asked = course.asked.iter();
    asked
        .map(|(who, pause)| (who.as_str(), pause.as_deref()))
        .collect()
}

fn answered(course: &Course) -> (&str, Option<&str>) {
    let (status, provider, code) = &course.answer;
    (status, provider.as_deref().or(code.as_deref()))
}

fn both() -> Value {
    json!({"models": {"m": {"targets": [{"provider": "a", "model": "m-a"}, {"provider": "b", "model": "m-b"}]}}})
}

#[test]
fn after_the_pause_it_is_the_same_request() {
    let more = json!({
        "cap_max_tokens": true,
        "model_info": {"a/m-a": {"max_output_tokens": 10, "context_window": 1000}},
    });
    let host = FakeHost::default();
    let mut role = Request::new(gateway(&more));
    let body = r#"{"model":"m","max_tokens":100,"messages":[{"role":"user","content":"hi"}]}"#;
    request(&mut role, &host, POST, &[body.as_bytes()]).unwrap();
    let told = HandOver::load(&host).unwrap();
    assert_eq!((told.steps.len(), told.tokens.len()), (2, 2));
    assert_eq!(told.caps, [Some(10), Some(10)]);
}

#[test]
fn the_only_target_is_asked_again_after_the_pause_that_it_asked_for() {
    let got = course(&json!({}), &[ONE, GOOD]);
    assert_eq!(asked(&got), [("a", Some("1")), ("a", None)]);
    assert_eq!(answered(&got), ("200", Some("a")));
    let entry = |at: usize, key: &str| got.attempts[at][key].clone();
    assert_eq!(
        (entry(0, "status"), entry(0, "wait_ms")),
        (json!(429), json!(1000))
    );
    assert_eq!(
        (entry(1, "status"), entry(1, "wait_ms")),
        (json!(200), Value::Null)
    );
}

#[test]
fn with_another_target_left_nobody_is_waited_for() {
    let got = course(&both(), &[ONE, GOOD]);
    assert_eq!(asked(&got), [("a", None), ("b", None)]);
    let got = course(&both(), &[ONE, TWO, GOOD]);
    assert_eq!(asked(&got), [("a", None), ("b", Some("2")), ("b", None)]);
    assert_eq!(answered(&got), ("200", Some("b")));
}

#[test]
fn pauses_are_whole_seconds_and_with_envoy_s_half_never_above_the_limit() {
    let pause = |limit: &str, told: Told| {
        let more = json!({"wait_for_retry_after": limit});
        let got = course(&more, &[told, GOOD]);
        got.asked[0].1.clone()
    };
    let some = |seconds: &str| Some(seconds.to_owned());
    assert_eq!(pause("3s", TWO), some("2"));
    assert_eq!(pause("2999ms", TWO), None);
    assert_eq!(pause("1500ms", busy(&[("retry-after", "0.2")])), some("1"));
    assert_eq!(pause("60s", busy(&[("retry-after", "40")])), some("40"));
    assert_eq!(pause("60s", busy(&[("retry-after", "41")])), None);
    // 2026-11-01T00:00:00Z is the beginning; the answer came 5 ms later.
    let date = busy(&[("retry-after", "Sun, 01 Nov 2026 00:00:02 GMT")]);
    assert_eq!(START, 1_793_491_200);
    assert_eq!(pause("3s", date), some("2"));
    for told in ["0", "-1", "soon", "1e300"] {
        let headers: &'static [_] = Box::leak(Box::new([("retry-after", told)]));
        assert_eq!(pause("60s", busy(headers)), None, "{told}");
    }
    assert_eq!(pause("60s", busy(&[])), None);
}

#[test]
fn only_who_is_busy_is_waited_for() {
    let pause = |status: u16| {
        let told = Some((status, &[("retry-after", "1")][..]));
        course(&json!({}), &[told, GOOD]).asked[0].1.clone()
    };
    for status in [429, 503, 529] {
        assert_eq!(pause(status).as_deref(), Some("1"), "{status}");
    }
    for status in [500, 401, 404] {
        assert_eq!(pause(status), None, "{status}");
    }
}

#[test]
fn what_fails_for_another_reason_is_not_asked_once_more() {
    for told in [BAD, None, busy(&[("retry-after", "30")])] {
        let got = course(&json!({}), &[told]);
        assert_eq!(asked(&got), [("a", None)]);
        assert_eq!(got.attempts.as_array().unwrap().len(), 1);
    }
    let got = course(&json!({}), &[BAD]);
    assert_eq!(answered(&got), ("500", Some("provider_failed")));
    let got = course(&json!({}), &[busy(&[("retry-after", "30")])]);
    assert_eq!(answered(&got), ("429", Some("rate_limit_exceeded")));
    // A client's own fault stays what it is.
    let got = course(&json!({"retriable_statuses": [409]}), &[Some((409, &[]))]);
    assert_eq!(answered(&got), ("400", Some("a")));
}

#[test]
fn several_pauses_together_keep_to_the_limit() {
    let more = json!({"attempts_per_target": 3, "wait_for_retry_after": "3s"});
    let got = course(&more, &[ONE, ONE, ONE, GOOD]);
    let pauses: Vec<_> = asked(&got).into_iter().map(|(_, pause)| pause).collect();
    assert_eq!(pauses, [Some("1"), Some("1"), None]);
    assert_eq!(answered(&got), ("429", Some("rate_limit_exceeded")));
}

#[test]
fn a_pause_costs_an_attempt_of_those_that_are_allowed() {
    let got = course(&json!({"attempts": 1}), &[ONE]);
    assert_eq!(asked(&got), [("a", None)]);
    let mut more = both();
    more["attempts"] = json!(2);
    assert_eq!(
        asked(&course(&more, &[ONE, ONE])),
        [("a", None), ("b", None)]
    );
}

#[test]
fn who_was_waited_for_in_vain_ends_the_request() {
    let got = course(&json!({}), &[ONE, TWO]);
    assert_eq!(asked(&got), [("a", Some("1")), ("a", None)]);
    assert_eq!(answered(&got), ("429", Some("rate_limit_exceeded")));
}

#[test]
fn a_wait_is_no_longer_than_a_client_would_be_patient() {
    let read = |wait: &str| {
        let settings = json!({
            "role": "gateway",
            "models": {"m": {"targets": [{"provider": "openai"}]}},
            "providers": {"openai": {}},
            "wait_for_retry_after": wait,
        });
        let problems = Config::parse(settings.to_string().as_bytes()).err();
        problems.map(|list| list.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    assert_eq!(read("60s"), None);
    let said = "$.wait_for_retry_after: longer than a client waits; allowed: 60s";
    assert_eq!(read("61s").unwrap(), [said]);
}
