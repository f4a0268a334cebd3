//! What cannot be configured.

use crate::settings;
use envoy_llm_gateway::config::Config;
use serde_json::{Value, json};

fn problems(guards: &Value) -> Vec<String> {
    let list = Config::parse(settings(guards).to_string().as_bytes()).unwrap_err();
    list.iter().map(ToString::to_string).collect()
}

#[test]
fn what_cannot_be_asked_about_answers_is_told() {
    let call = |more: Value| {
        let mut call = json!({"kind": "presidio", "cluster": "p"});
        call.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        call
    };
    let wrong = problems(&json!([
        {"name": "a", "on": "both", "action": "restore", "call": call(json!({}))},
        {"name": "b", "on": "input", "action": "block", "call": call(json!({"window": 100}))},
        {"name": "c", "on": "output", "action": "block", "call": call(json!({"window": 50, "overlap": 50}))},
        {"name": "d", "on": "both", "action": "block", "call": call(json!({"window": 1}))},
        {"name": "e", "on": "both", "action": "mask", "call": {"kind": "judge", "cluster": "p", "model": "m"}},
    ]));
    assert_eq!(
        wrong,
        [
            "$.guards[0].on: `restore` takes values out of requests; in answers it puts them back by itself: leave `on` out",
            "$.guards[1].call.window: belongs to guards of answers: `on: output` or `on: both`",
            "$.guards[2].call.overlap: must be less than `window`",
            "$.guards[3].call.window: expected 2 to 100000, found 1",
            "$.guards[4].action: this kind of `call` does not say what could stand in another's place; use block, warn or route",
        ]
    );
}
