//! The provider role on a fake host.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

#[path = "../support/mod.rs"]
mod support;

mod streams;

use envoy_llm_gateway::{
    api::client::{Api, Asked},
    attempt::Attempt,
    config::Config,
    host::{Flow, Side, Stream},
    plan::HandOver,
};
use serde_json::{Value, json};
use std::rc::Rc;
use support::{FakeHost, Passed, START, request, response};

const BODY: &str = "{ \"model\" : \"smart\",\n\"messages\":[ {\"role\":\"user\",\"content\":\"h\u{e9}\"} ], \"seed\": 1e2 }";
const ANSWER: &str = "{ \"id\":\"x\", \"model\" : \"m-1\",\n\"choices\":[{\"index\":0,\"message\":{\"content\":\"h\u{e9}\"},\"finish_reason\":\"stop\"}], \"n\":1.10 }";
const JSON: &[(&str, &str)] = &[(":status", "200"), ("content-type", "application/json")];
const SSE: &[(&str, &str)] = &[(":status", "200"), ("content-type", "text/event-stream")];

fn attempt(settings: Value) -> Attempt {
    let mut all = json!({"role": "provider", "dialect": "openai"});
    all.as_object_mut()
        .unwrap()
        .extend(settings.as_object().unwrap().clone());
    match Config::parse(all.to_string().as_bytes()) {
        Ok(Config::Provider(config)) => Attempt::new(Rc::new(config)),
        other => panic!("{other:?}"),
    }
}

fn step(provider: &str, model: &str) -> Value {
    json!({"provider": provider, "cluster": "c", "model": model, "dialect": "openai"})
}

/// After the gateway role, which is in the same machine or `apart`.
fn handed_over(plan: &Value, stream: bool, apart: bool) -> FakeHost {
    let mut host = FakeHost::default();
    if apart {
        host.board = None;
    }
    let mut chat = Asked::parse(Api::Chat, BODY.as_bytes()).unwrap();
    chat.stream = stream;
    let steps = serde_json::from_value(plan.clone()).unwrap();
    let mut hand_over = HandOver::new(
        &chat,
        steps,
        "gateway.local",
        vec![("traceparent".into(), "00-1-2-01".into())],
    );
    hand_over.request_id = Some("id-1".into());
    hand_over.store(&host);
    host
}

fn planned(plan: &Value, stream: bool) -> FakeHost {
    handed_over(plan, stream, false)
}

const HEAD: &[(&str, &str)] = &[
    (":method", "POST"),
    (":path", "/v1/chat/completions"),
    (":authority", "gateway.local"),
    (":scheme", "http"),
    ("content-type", "application/json"),
    ("content-length", "90"),
    ("authorization", "Bearer key-of-the-attempt-before"),
    ("x-api-key", "key-of-the-attempt-before"),
    ("x-amz-date", "20261101"),
    ("anthropic-version", "2023-06-01"),
    ("cookie", "a=b"),
    ("user-agent", "OpenAI/Python"),
    ("x-request-id", "id"),
    ("x-forwarded-for", "10.0.0.1"),
    ("x-envoy-attempt-count", "1"),
    ("x-llm-plan", "p"),
    ("traceparent", "00-1-2-01"),
    ("accept", "*/*"),
];

fn sent(host: &FakeHost, attempt: &mut Attempt) -> Passed {
    request(attempt, host, HEAD, &[BODY.as_bytes()]).unwrap()
}

fn attempts(host: &FakeHost) -> Value {
    serde_json::from_str(&host.state_value("llm.attempts").unwrap()).unwrap()
}

#[test]
fn a_provider_gets_exactly_these_headers() {
    let host = planned(&json!([step("one", "m")]), false);
    let got = sent(
        &host,
        &mut attempt(json!({"host": "api.one.example", "headers": {"x-extra": "1"}})),
    );
    let length = got.body.len().to_string();
    let want = [
        (":method", "POST"),
        (":scheme", "http"),
        (":authority", "api.one.example"),
        (":path", "/v1/chat/completions"),
        ("content-type", "application/json"),
        ("content-length", &length),
        ("accept", "application/json"),
        ("accept-encoding", "identity"),
        ("x-extra", "1"),
    ];
    assert_eq!(got.headers, want.map(|(n, v)| (n.to_owned(), v.to_owned())));
    let host = planned(&json!([step("one", "m")]), false);
    let got = sent(&host, &mut attempt(json!({"forward_trace": true})));
    assert_eq!(got.header("traceparent"), Some("00-1-2-01"));
}

#[test]
fn only_the_model_changes_and_the_answer_not_at_all() {
    let host = planned(&json!([step("one", "m")]), false);
    let mut attempt = attempt(json!({}));
    assert_eq!(sent(&host, &mut attempt).text(), BODY.replace("smart", "m"));
    let answer = response(&mut attempt, &host, JSON, &[ANSWER.as_bytes()]).unwrap();
    assert_eq!(answer.text(), ANSWER);
    assert_eq!(answer.header("x-llm-model"), Some("m-1"));
}

#[test]
fn an_answer_without_an_id_is_called_like_its_request_and_so_are_its_calls() {
    let asked =
        r#"{"model":"smart","max_tokens":9,"messages":[{"role":"user","content":"h"}]}"#.as_bytes();
    let host = FakeHost::default();
    let steps = serde_json::from_value(json!([step("one", "m")])).unwrap();
    let mut hand_over = HandOver::new(
        &Asked::parse(Api::Messages, asked).unwrap(),
        steps,
        "gateway.local",
        Vec::new(),
    );
    hand_over.request_id = Some("id-1".into());
    hand_over.store(&host);
    let mut attempt = attempt(json!({}));
    request(&mut attempt, &host, HEAD, &[asked]).unwrap();
    let answer = br#"{"choices":[{"index":0,"message":{"tool_calls":[{"function":{"name":"f","arguments":"{}"}}]},"finish_reason":"tool_calls"}]}"#;
    let answer = response(&mut attempt, &host, JSON, &[answer]).unwrap();
    let answer: Value = serde_json::from_str(&answer.text()).unwrap();
    assert_eq!(
        (&answer["id"], &answer["content"][0]["id"]),
        (&json!("id-1"), &json!("call_id-1_0"))
    );
}

#[test]
fn each_attempt_takes_its_own_step_also_of_a_provider_that_comes_twice() {
    let plan = json!([step("one", "a"), step("two", "b"), step("one", "c")]);
    let host = planned(&plan, false);
    for (number, model) in [(1, "a"), (2, "b"), (3, "c"), (4, "c")] {
        host.attempt_number(number);
        let got = sent(&host, &mut attempt(json!({})));
        assert_eq!(got.text(), BODY.replace("smart", model), "attempt {number}");
    }
    let providers: Vec<_> = attempts(&host)
        .as_array()
        .unwrap()
        .iter()
        .map(|a| a["provider"].clone())
        .collect();
    assert_eq!(providers, ["one", "two", "one", "one"]);
}

#[test]
fn the_record_tells_each_attempt_from_its_start_to_its_verdict() {
    let host = planned(
        &json!([step("one", "a"), step("two", "b"), step("three", "c")]),
        false,
    );
    host.attempt_number(1);
    sent(&host, &mut attempt(json!({})));
    let open = json!({"provider": "one", "cluster": "c", "model": "a", "status": null, "ms": null, "reason": null, "at_ms": START * 1000});
    assert_eq!(attempts(&host), json!([open]));
    // The first one hears nothing; the second is told to wait.
    host.now_ms.set(START * 1000 + 700);
    host.attempt_number(2);
    let mut second = attempt(json!({}));
    sent(&host, &mut second);
    host.now_ms.set(START * 1000 + 750);
    let head = [(":status", "429"), ("retry-after", "3")];
    let failed = response(&mut second, &host, &head, &[b"{}"]).unwrap();
    assert_eq!(
        (failed.header(":status"), failed.header("x-llm-provider")),
        (Some("429"), None)
    );
    host.now_ms.set(START * 1000 + 760);
    host.attempt_number(3);
    let mut third = attempt(json!({}));
    sent(&host, &mut third);
    host.now_ms.set(START * 1000 + 1000);
    response(&mut third, &host, JSON, &[ANSWER.as_bytes()]).unwrap();
    assert_eq!(
        attempts(&host),
        json!([
            {"provider": "one", "cluster": "c", "model": "a", "status": null, "ms": 700, "reason": "no_answer", "at_ms": START * 1000},
            {"provider": "two", "cluster": "c", "model": "b", "status": 429, "ms": 50, "reason": "rate_limit_exceeded", "at_ms": START * 1000 + 700, "retry_after": "3"},
            {"provider": "three", "cluster": "c", "model": "c", "status": 200, "ms": 240, "reason": null, "at_ms": START * 1000 + 760},
        ])
    );
}

#[test]
fn an_attempt_that_another_machine_never_told_of_has_its_place_in_the_list() {
    let plan = json!([step("one", "a"), step("two", "b"), step("three", "c")]);
    let host = handed_over(&plan, false, true);
    // The first was silent, in the other machine.
    host.attempt_number(2);
    let mut second = attempt(json!({}));
    sent(&host, &mut second);
    response(&mut second, &host, &[(":status", "500")], &[b"{}"]).unwrap();
    let told = |list: Value| -> Vec<_> {
        let told = |a: &Value| (a["provider"].to_string(), a["reason"].to_string());
        list.as_array().unwrap().iter().map(told).collect()
    };
    let both = [("one", "no_answer"), ("two", "provider_failed")];
    let both = both.map(|(name, reason)| (format!("{name:?}"), format!("{reason:?}")));
    assert_eq!(told(attempts(&host)), both);
    // The third one's machine had the first alone, and saw nothing of it.
    let again = planned(&plan, false);
    again.attempt_number(1);
    sent(&again, &mut attempt(json!({})));
    again.tells("llm.attempts", &attempts(&host).to_string());
    again.attempt_number(3);
    let mut third = attempt(json!({}));
    sent(&again, &mut third);
    response(&mut third, &again, JSON, &[ANSWER.as_bytes()]).unwrap();
    let three = [&both[..], &[("\"three\"".into(), "null".into())]].concat();
    assert_eq!(told(attempts(&again)), three);
}

#[test]
fn a_client_gets_exactly_these_headers() {
    let host = planned(&json!([step("two", "n"), step("one", "m")]), false);
    host.attempt_number(2);
    let mut attempt = attempt(json!({}));
    sent(&host, &mut attempt);
    let head = [
        JSON,
        &[
            ("set-cookie", "a"),
            ("openai-organization", "ours"),
            ("x-request-id", "theirs"),
            ("x-llm-provider", "forged"),
            ("server", "s"),
            ("cf-ray", "r"),
            ("x-ratelimit-limit-tokens", "5"),
            ("anthropic-ratelimit-tokens-remaining", "4"),
            ("openai-processing-ms", "12"),
        ],
    ]
    .concat();
    let got = response(&mut attempt, &host, &head, &[ANSWER.as_bytes()]).unwrap();
    let want = [
        (":status", "200"),
        ("content-type", "application/json"),
        ("x-ratelimit-limit-tokens", "5"),
        ("openai-processing-ms", "12"),
        ("x-ratelimit-remaining-tokens", "4"),
        ("x-llm-provider", "one"),
        ("x-llm-model", "m-1"),
        ("x-llm-attempts", "2"),
        ("x-llm-cache", "off"),
        ("x-request-id", "id-1"),
    ];
    assert_eq!(got.headers, want.map(|(n, v)| (n.to_owned(), v.to_owned())));
}

#[test]
fn an_error_without_a_body_is_retried_or_answered_like_one_with_a_body() {
    let answer = |status: &str| {
        let host = planned(&json!([step("one", "m")]), false);
        let mut attempt = attempt(json!({}));
        sent(&host, &mut attempt);
        let passed = response(&mut attempt, &host, &[(":status", status)], &[]);
        let reply = host
            .replies
            .borrow()
            .last()
            .map(|reply| (reply.status, reply.body.clone()));
        (
            passed.and_then(|p| p.header(":status").map(str::to_owned)),
            reply,
        )
    };
    assert_eq!(answer("503"), (Some("503".into()), None));
    assert_eq!(answer("401"), (Some("503".into()), None));
    assert_eq!(answer("200"), (Some("503".into()), None));
    let (passed, reply) = answer("400");
    assert_eq!(passed, None);
    assert_eq!(reply.unwrap().0, 400);
}

#[test]
fn without_a_plan_or_with_headers_that_cannot_be_written_nothing_is_sent() {
    let refused = |host: &FakeHost| {
        assert_eq!(
            request(&mut attempt(json!({})), host, HEAD, &[BODY.as_bytes()]),
            None
        );
        host.replies.borrow()[0].status
    };
    assert_eq!(refused(&FakeHost::default()), 500);
    let host = planned(&json!([step("one", "m")]), false);
    host.refuse_writes.set(true);
    assert_eq!(refused(&host), 500);
}

#[test]
fn a_cluster_with_another_dialect_than_planned_is_counted() {
    let mut other = step("one", "m");
    other["dialect"] = json!("something");
    let host = planned(&json!([other]), false);
    sent(&host, &mut attempt(json!({})));
    assert_eq!(host.counters.borrow().get("llm.dialect_mismatch"), Some(&1));
}

#[test]
fn no_answer_of_random_bytes_traps_the_filter() {
    let mut seed = 0x5eed_u64;
    let mut roll = || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    const WORDS: &[&[u8]] = &[
        b"data: ",
        b"\n\n",
        b"\r\n",
        b"{",
        b"}",
        b"\"choices\":[",
        b"]",
        b"null",
        b"\xff\xfe",
        b"event: error\n",
        b"[DONE]",
        b"\"delta\":{",
        b"\"content\":\"a\"",
        b",",
        b"\0",
        b"data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n",
    ];
    for _ in 0..3000 {
        let stream = roll() % 2 == 0;
        let host = planned(&json!([step("one", "m")]), stream);
        let mut attempt = attempt(json!({}));
        sent(&host, &mut attempt);
        let pieces: Vec<&[u8]> = (0..roll() % 8)
            .map(|_| WORDS[usize::try_from(roll()).unwrap() % WORDS.len()])
            .collect();
        let status = ["200", "200", "400", "500", "302"][usize::try_from(roll() % 5).unwrap()];
        let head = [(":status", status), ("content-type", "text/event-stream")];
        let passed = response(&mut attempt, &host, &head, &pieces);
        assert!(
            passed.is_some() || !host.replies.borrow().is_empty(),
            "{pieces:?}"
        );
    }
}

#[test]
fn a_later_attempt_starts_from_the_original_not_from_the_attempt_before() {
    let host = planned(&json!([step("one", "smart"), step("two", "smart")]), false);
    host.attempt_number(2);
    let before = [
        (":method", "POST"),
        (":path", "/elsewhere"),
        (":authority", "api.one.example"),
        ("content-type", "application/json"),
        ("content-length", "7"),
        ("accept", "text/event-stream"),
        ("accept-encoding", "identity"),
        ("x-of-one", "1"),
    ];
    let got = request(&mut attempt(json!({})), &host, &before, &[BODY.as_bytes()]).unwrap();
    let length = BODY.len().to_string();
    let want = [
        (":method", "POST"),
        (":scheme", "https"),
        (":authority", "gateway.local"),
        (":path", "/v1/chat/completions"),
        ("content-type", "application/json"),
        ("content-length", &length),
        ("accept", "application/json"),
        ("accept-encoding", "identity"),
    ];
    assert_eq!(got.headers, want.map(|(n, v)| (n.to_owned(), v.to_owned())));
    assert_eq!(got.text(), BODY);
}

#[test]
fn a_body_that_was_changed_after_the_gateway_role_is_read_again() {
    let plan = json!([step("one", "m")]);
    let other =
        r#"{"messages":[{}],"model":"other","x":"012345678901234567890123456789012345678901"}"#;
    assert_eq!(other.len(), BODY.len(), "also when its size is the same");
    for body in [other, r#"{"model":"short","messages":[{}]}"#] {
        let got = request(
            &mut attempt(json!({})),
            &planned(&plan, false),
            HEAD,
            &[body.as_bytes()],
        )
        .unwrap();
        assert_eq!(got.text(), body.replace("other", "m").replace("short", "m"));
    }
    let got = sent(&handed_over(&plan, false, true), &mut attempt(json!({})));
    assert_eq!(
        got.text(),
        BODY.replace("smart", "m"),
        "and one whose description is in another machine"
    );
}

#[test]
fn a_model_s_name_cannot_write_headers() {
    let host = planned(&json!([step("one", "a\r\nset-cookie: x=1\0")]), false);
    let mut attempt = attempt(json!({}));
    sent(&host, &mut attempt);
    let answer = ANSWER.replace("m-1", "");
    let got = response(&mut attempt, &host, JSON, &[answer.as_bytes()]).unwrap();
    assert_eq!(got.header("x-llm-model"), Some("a??set-cookie: x=1?"));
}

#[test]
fn an_answer_of_headers_and_trailers_alone_is_a_failed_attempt() {
    let host = planned(&json!([step("one", "m")]), false);
    let mut attempt = attempt(json!({}));
    sent(&host, &mut attempt);
    host.set_headers(Side::Response, &[(":status", "503")]);
    assert_eq!(attempt.on_response_headers(&host, false), Flow::Pause);
    assert_eq!(attempt.on_response_trailers(&host), Flow::Continue);
    assert_eq!(
        host.header_value(Side::Response, ":status").as_deref(),
        Some("503")
    );
    assert_eq!(host.header_value(Side::Response, "x-llm-provider"), None);
    assert!(host.replies.borrow().is_empty());
}

#[test]
fn a_later_attempt_gets_the_client_s_trace_when_it_is_asked_for() {
    let host = planned(&json!([step("one", "m"), step("two", "m")]), false);
    host.attempt_number(2);
    let before = [(":method", "POST"), (":path", "/x")];
    let got = request(
        &mut attempt(json!({"forward_trace": true})),
        &host,
        &before,
        &[BODY.as_bytes()],
    );
    assert_eq!(got.unwrap().header("traceparent"), Some("00-1-2-01"));
}
