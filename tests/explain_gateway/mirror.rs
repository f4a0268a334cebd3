//! Who gets a copy.

use crate::{ADMIN, ask, chat, settings, told};
use serde_json::{Value, json};

#[test]
fn who_gets_a_copy_is_told_or_why_nobody_does() {
    let mirror =
        |headers: &[(&str, &str)], model: &str| told(headers, &chat(model))["mirror"].clone();
    let copied = mirror(&[], "copied");
    assert_eq!(
        [&copied["provider"], &copied["cluster"], &copied["model"]],
        ["us", "us", "fair"]
    );
    // Whether this very request is drawn makes no difference.
    assert_eq!(copied["percent"], 0.5);
    assert!(copied["estimated_cost_usd"].as_f64().unwrap() > 0.005);
    let mut settings = settings();
    settings["keys"][0]["models"] = json!(["copied"]);
    let (_, reply) = ask(
        &settings,
        &[ADMIN, ("x-llm-explain-key", "lawyer")],
        &chat("copied"),
    );
    let told: Value = serde_json::from_str(&reply.body).unwrap();
    assert_eq!(
        told["mirror"],
        json!({"left_out": "label", "because": "it lacks a label that the rule or the key requires"})
    );
    assert_eq!(mirror(&[], "smart"), Value::Null);
}
