//! The plan: the order of the targets, those that are left out, and why.

use crate::{
    ADMIN, ask, chat, on, plan, said, settings, skipped,
    support::{self, FakeHost, Shared, request},
    told,
};
use envoy_llm_gateway::{config::Config, gateway::Request};
use serde_json::{Value, json};
use std::rc::Rc;

#[test]
fn what_policies_weigh_is_told() {
    assert_eq!(
        plan(&told(&[], &chat("shared"))),
        ["us/a drawn", "eu/b weight"]
    );
    let got = told(&[], &said("cheap", "hi"));
    assert_eq!(
        plan(&got),
        ["us/fair price", "us/dear price", "eu/odd price"]
    );
    let first = &got["plan"][0];
    let tokens = first["input_tokens"].as_u64().unwrap() as f64;
    let want = (tokens * 100.0 + 500.0 * 10.0) / 1e6;
    assert!((got["estimated_cost_usd"].as_f64().unwrap() - want).abs() < 1e-12);
    assert_eq!(first["because"], format!("by its price: {want} US dollars"));
    assert_eq!(got["plan"][2]["estimated_cost_usd"], Value::Null);
}

#[test]
fn targets_that_cannot_take_the_request_are_told_with_the_reason() {
    let many = json!({"model": "smart", "n": 2, "messages": [{"role": "user", "content": "hi"}]});
    let got = told(&[], &many.to_string());
    assert_eq!(
        (plan(&got), skipped(&got)),
        (
            vec!["us/gpt-5-mini order".to_owned()],
            vec!["eu/claude-sonnet-4-6 unsupported_parameter".to_owned()]
        )
    );
    // A single target is asked, and refuses itself.
    let mut alone = settings();
    alone["models"]["smart"]["targets"] = json!([{"provider": "eu", "model": "claude-sonnet-4-6"}]);
    let (_, reply) = ask(&alone, &[ADMIN], &many.to_string());
    let got: Value = serde_json::from_str(&reply.body).unwrap();
    assert_eq!(
        (
            &got["plan"][0]["request"],
            &got["plan"][0]["refusal"]["status"]
        ),
        (&Value::Null, &json!(400))
    );
}

#[test]
fn a_prompt_that_is_too_long_shows_where_it_goes() {
    let got = told(&[], &said("tight", &"word ".repeat(9000)));
    assert_eq!(
        plan(&got),
        ["us/gpt-5-mini longer", "eu/claude-sonnet-4-6 longer"]
    );
    assert_eq!(skipped(&got), ["us/gpt-4 context_length_exceeded"]);
    assert_eq!(
        (
            &got["attempt_timeout_ms"],
            &got["idle_timeout_ms"],
            &got["total_timeout_ms"]
        ),
        (&json!(7000), &json!(3000), &json!(9000))
    );
    let got = told(&[], &chat("tight"));
    assert_eq!(plan(&got), ["us/gpt-4 order"]);
    assert_eq!(
        skipped(&got),
        [
            "us/gpt-5-mini not_needed",
            "eu/claude-sonnet-4-6 not_needed"
        ]
    );
}

#[test]
fn what_cools_down_is_told_and_not_probed() {
    let shared = Shared::default();
    let mut host = FakeHost::default();
    host.shared = shared.clone();
    let since = host.now_ms.get();
    let mut gateway_settings = settings();
    gateway_settings["health"] = json!({"failures": 1, "cool_down": "10s"});
    let fail = |host: &FakeHost| {
        let Ok(Config::Gateway(config)) = Config::parse(gateway_settings.to_string().as_bytes())
        else {
            panic!()
        };
        let mut role = Request::new(Rc::new(config));
        let head = [
            (":method", "POST"),
            (":path", "/v1/chat/completions"),
            ADMIN,
        ];
        request(&mut role, host, &head, &[chat("smart").as_bytes()]).unwrap();
        host.state.borrow_mut().insert(
            "llm.attempts".to_owned(),
            json!([
                {"provider": "us", "model": "gpt-5-mini", "status": 503, "ms": 1, "reason": "provider_overloaded", "at_ms": since},
                {"provider": "eu", "model": "claude-sonnet-4-6", "status": 200, "ms": null, "reason": null, "at_ms": since},
            ])
            .to_string(),
        );
        let answer = [
            (":status", "200"),
            ("x-llm-provider", "eu"),
            ("x-llm-attempts", "2"),
        ];
        support::response(&mut role, host, &answer, &[b"{}"]);
    };
    fail(&host);
    let asked = |now: u64| {
        let mut host = FakeHost::default();
        host.shared = shared.clone();
        host.now_ms.set(now);
        let (_, reply) = on(host, &gateway_settings, &[ADMIN], &chat("smart"));
        serde_json::from_str::<Value>(&reply.body).unwrap()
    };
    let before = shared.borrow().clone();
    let got = asked(since + 9_000);
    assert_eq!(
        plan(&got),
        ["eu/claude-sonnet-4-6 order", "us/gpt-5-mini order"]
    );
    assert_eq!(
        got["plan"][1]["cooling"],
        json!({"reason": "failures", "until_ms": since + 10_000})
    );
    assert_eq!(got["plan"][0]["cooling"], Value::Null);
    // Its pause is over: this request would probe it, and so would the next, since nobody has.
    for _ in 0..2 {
        let got = asked(since + 10_000);
        assert_eq!(
            plan(&got),
            ["us/gpt-5-mini order", "eu/claude-sonnet-4-6 order"]
        );
    }
    assert_eq!(*shared.borrow(), before);
}
