//! How many attempts a plan has, and which refusals lead to the next.

use crate::{Envoy, GOOD, Told};
use serde_json::{Value, json};

const FILTERED: &str = r#"{"error":{"message":"no","type":"invalid_request_error","param":null,"code":"content_filter"}}"#;

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
