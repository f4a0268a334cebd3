//! What counts as a failure, and of what: a model at a provider, the whole provider, or nobody.

use crate::{
    ANSWER, BAD, Envoy, GOOD, POST, Told, provider,
    support::{FakeHost, request, response},
};
use envoy_llm_gateway::{
    gateway::Request,
    host::{Side, Stream},
};
use serde_json::{Value, json};

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

/// A stream that began and has ended before its end, as Envoy's `details` say.
fn begun_stream(envoy: &mut Envoy, details: &str) -> FakeHost {
    let (host, mut role) = (envoy.host(), Request::new(envoy.config.clone()));
    let body = br#"{"model":"smart","stream":true,"messages":[{"role":"user","content":"hi"}]}"#;
    request(&mut role, &host, POST, &[body]).unwrap();
    envoy.now += 1;
    host.now_ms.set(envoy.now);
    let mut attempt = provider();
    request(&mut attempt, &host, POST, &[body]).unwrap();
    let head = [(":status", "200"), ("content-type", "text/event-stream")];
    let first = b"data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n".as_slice();
    host.set_headers(Side::Response, &head);
    attempt.on_response_headers(&host, false);
    host.gather(Side::Response, std::str::from_utf8(first).unwrap());
    attempt.on_response_body(&host, first.len(), false);
    role.on_response_headers(&host, false);
    role.on_response_body(&host, first.len(), false);
    let key = "response.code_details".to_owned();
    host.properties
        .borrow_mut()
        .insert(key, details.as_bytes().to_vec());
    role.on_log(&host);
    host
}

#[test]
fn a_stream_that_breaks_off_counts_into_the_share() {
    let more = json!({"health": {"error_requests": 3, "error_percent": 100}});
    let mut envoy = Envoy::new(&more);
    for n in 0..4 {
        assert_eq!(envoy.plan("smart"), ["one", "two"], "{n}");
        let host = begun_stream(&mut envoy, "");
        assert_eq!(host.state_value("llm.outcome").as_deref(), Some("partial"));
    }
    assert_eq!(envoy.plan("smart"), ["two", "one"]);
}

#[test]
fn an_answer_that_does_not_fit_the_client_s_schema_is_nobody_s_failure() {
    let mut envoy = Envoy::new(&json!({"health": {"failures": 1}, "validate_json": true}));
    let schema = json!({"name": "n", "schema": {"type": "integer", "enum": [7]}});
    let format = json!({"type": "json_schema", "json_schema": schema});
    let said = json!([{"role": "user", "content": "hi"}]);
    let body = json!({"model": "smart", "messages": said, "response_format": format}).to_string();
    let (host, mut role) = (envoy.host(), Request::new(envoy.config.clone()));
    request(&mut role, &host, POST, &[body.as_bytes()]).unwrap();
    let mut last = None;
    for number in 1..=2 {
        host.attempt_number(number);
        let mut attempt = provider();
        request(&mut attempt, &host, POST, &[body.as_bytes()]).unwrap();
        envoy.now += 1;
        host.now_ms.set(envoy.now);
        let head = [(":status", "200"), ("content-type", "application/json")];
        last = response(&mut attempt, &host, &head, &[ANSWER.as_bytes()]);
    }
    let last = last.unwrap();
    let lines: Vec<_> = last
        .headers
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_str()))
        .collect();
    response(&mut role, &host, &lines, &[&last.body]);
    role.on_log(&host);
    let told: Value = serde_json::from_str(&host.state_value("llm.attempts").unwrap()).unwrap();
    assert_eq!(
        [&told[0]["reason"], &told[1]["reason"]],
        ["json_mismatch"; 2]
    );
    assert_eq!(envoy.plan("smart"), ["one", "two"]);
}

#[test]
fn a_stream_that_the_time_for_all_attempts_cuts_is_nobody_s_failure() {
    let more = json!({"health": {"error_requests": 1, "error_percent": 1, "failures": 1}, "total_timeout": "1s"});
    let mut envoy = Envoy::new(&more);
    for (details, reason, plan) in [
        ("response_timeout", "provider_timeout", ["one", "two"]),
        (
            "upstream_reset_after_response_started{remote_reset}",
            "broke_off",
            ["two", "one"],
        ),
    ] {
        let host = begun_stream(&mut envoy, details);
        let told: Value = serde_json::from_str(&host.state_value("llm.attempts").unwrap()).unwrap();
        assert_eq!(told[0]["reason"], reason);
        assert_eq!(host.state_value("llm.outcome").as_deref(), Some("partial"));
        assert_eq!(envoy.plan("smart"), plan, "{details}");
    }
}

#[test]
fn a_name_that_a_rule_or_a_guard_asks_a_wildcard_for_is_one_of_the_configuration() {
    for more in [
        json!({"rules": [{"name": "r", "use": "gpt-5"}]}),
        json!({"on_context_length": "gpt-5"}),
        json!({"guards": [{"name": "g", "detect": "PII", "action": "route", "to": "gpt-5"}]}),
    ] {
        let mut envoy = Envoy::new(&more);
        for _ in 0..3 {
            envoy.ask("gpt-5", &[Some((404, &[], "{}")), GOOD]);
        }
        assert_eq!(envoy.plan("gpt-5"), ["two", "one"], "{more}");
    }
}
