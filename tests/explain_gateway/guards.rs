//! What guards do to the request, and which would be called.

use crate::{ADMIN, ask, settings};
use serde_json::{Value, json};

#[test]
fn the_guards_that_would_be_called_are_told_and_nobody_is_asked() {
    let told = |model: &str| {
        let mut settings = settings();
        let guard = |name: &str, on: &str, models: Value| json!({"name": name, "on": on, "action": "block", "models": models, "call": {"kind": "webhook", "cluster": "hook"}});
        settings["guards"] = json!([
            guard("before", "input", json!(["*"])),
            guard("both", "both", json!(["smart"])),
            guard("behind", "output", json!(["*"])),
        ]);
        let body = json!({"model": model, "messages": [{"role": "user", "content": "hi"}]});
        let (host, reply) = ask(&settings, &[ADMIN], &body.to_string());
        assert!(host.calls.borrow().is_empty());
        serde_json::from_str::<Value>(&reply.body).unwrap()["calls"].clone()
    };
    let all = json!({"input": ["before", "both"], "output": ["both", "behind"]});
    assert_eq!(told("smart"), all);
    let some = json!({"input": ["before"], "output": ["behind"]});
    assert_eq!(told("small"), some);
}

#[test]
fn what_guards_do_is_told_and_shown() {
    let told = |action: &str, more: Value| {
        let mut settings = settings();
        let mut guard =
            json!({"name": "pii", "detect": "EMAIL_ADDRESS", "action": action, "on": "input"});
        guard
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        settings["guards"] = json!([guard]);
        let body =
            json!({"model": "smart", "messages": [{"role": "user", "content": "ann@example.com"}]});
        let (_, reply) = ask(&settings, &[ADMIN], &body.to_string());
        serde_json::from_str::<Value>(&reply.body).unwrap()
    };
    let masked = told("mask", json!({}));
    assert_eq!(masked["guard"], "pii:mask=1");
    for target in masked["plan"].as_array().unwrap() {
        let body = target["request"]["body"].to_string();
        assert!(
            body.contains("[EMAIL_1]") && !body.contains("ann@"),
            "{body}"
        );
    }
    let blocked = told("block", json!({}));
    assert_eq!(
        (
            &blocked["guard"],
            &blocked["refusal"]["code"],
            &blocked["plan"]
        ),
        (
            &json!("pii:block=1"),
            &json!("guardrail_blocked"),
            &json!([])
        )
    );
    let routed = told("route", json!({"to": "small"}));
    assert_eq!(
        (&routed["guard"], &routed["plan"][0]["model"]),
        (&json!("pii:route=1"), &json!("little"))
    );
}
