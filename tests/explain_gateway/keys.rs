//! Who may ask, and for whose key it is told.

use crate::{ADMIN, ask, chat, plan, settings, skipped, told};
use serde_json::{Value, json};

#[test]
fn only_a_key_with_leave_may_ask() {
    let asked = |settings: &Value, headers: &[(&str, &str)]| {
        let (_, reply) = ask(settings, headers, &chat("smart"));
        let body: Value = serde_json::from_str(&reply.body).unwrap();
        (
            reply.status,
            body["error"]["code"].as_str().map(str::to_owned),
        )
    };
    let refused = (403, Some("admin_only".to_owned()));
    let lawyer = ("x-api-key", "key-of-support");
    assert_eq!(asked(&settings(), &[lawyer]), refused);
    assert_eq!(asked(&settings(), &[]).0, 401);
    assert_eq!(asked(&settings(), &[ADMIN]), (200, None));
    let mut open = settings();
    open.as_object_mut().unwrap().remove("keys");
    assert_eq!(
        asked(&open, &[ADMIN]),
        refused,
        "an open gateway tells nobody"
    );
    let (_, reply) = ask(&settings(), &[ADMIN, (":method", "GET")], "");
    assert_eq!(reply.status, 405);
}

#[test]
fn rules_and_labels_are_those_of_the_key_that_is_named() {
    let lawyer = ("x-llm-explain-key", "lawyer");
    let got = told(&[lawyer], &chat("smart"));
    assert_eq!(
        (&got["rule"], &got["key"], plan(&got), skipped(&got)),
        (
            &json!("legal"),
            &json!("lawyer"),
            vec!["eu/claude-sonnet-4-6 order".to_owned()],
            vec!["us/gpt-5-mini label".to_owned()]
        )
    );
    let got = told(&[lawyer], &chat("us-only"));
    assert_eq!(
        (
            &got["refusal"]["status"],
            &got["refusal"]["code"],
            skipped(&got)
        ),
        (
            &json!(403),
            &json!("no_compliant_target"),
            vec!["us/us-only label".to_owned()]
        )
    );
    assert_eq!((&got["rule"], plan(&got).len()), (&json!("legal"), 0));
    let got = told(&[lawyer], &chat("small"));
    assert_eq!(got["refusal"]["code"], "model_not_allowed");
    let got = told(&[], &chat("nobody"));
    assert_eq!(
        (&got["refusal"]["status"], &got["refusal"]["code"]),
        (&json!(404), &json!("model_not_found"))
    );
    let (_, reply) = ask(
        &settings(),
        &[ADMIN, ("x-llm-explain-key", "nobody")],
        &chat("smart"),
    );
    assert_eq!(reply.status, 400);
}

#[test]
fn several_models_and_overrides_are_those_of_the_key() {
    let body = r#"{"models":["small","smart"],"messages":[{"role":"user","content":"hi"}]}"#;
    let mut settings = settings();
    let (_, reply) = ask(&settings, &[ADMIN], body);
    assert_eq!(reply.status, 400, "without leave `model` is missing");
    settings["keys"][1]["overrides"] = json!(true);
    let (_, reply) = ask(&settings, &[ADMIN], body);
    let got: Value = serde_json::from_str(&reply.body).unwrap();
    assert_eq!(
        (plan(&got), &got["route"]),
        (
            [
                "us/little order",
                "us/gpt-5-mini order",
                "eu/claude-sonnet-4-6 order"
            ]
            .map(str::to_owned)
            .to_vec(),
            &json!("small:fallback,smart:fallback")
        )
    );
    let (_, reply) = ask(
        &settings,
        &[ADMIN, ("x-llm-provider", "eu")],
        &chat("smart"),
    );
    let got: Value = serde_json::from_str(&reply.body).unwrap();
    assert_eq!(skipped(&got), ["us/gpt-5-mini provider"]);
}

#[test]
fn every_model_that_a_body_names_must_be_one_of_the_key() {
    let body =
        r#"{"model":"smart","models":["small"],"messages":[{"role":"user","content":"hi"}]}"#;
    let got = told(&[("x-llm-explain-key", "lawyer")], body);
    assert_eq!(
        (
            &got["refusal"]["status"],
            &got["refusal"]["code"],
            plan(&got).len()
        ),
        (&json!(403), &json!("model_not_allowed"), 0)
    );
    assert_eq!(told(&[], body)["refusal"], Value::Null);
}
