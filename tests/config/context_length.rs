//! `on_context_length`: what it needs, and the models that it may name.

use crate::{gateway, problems};
use envoy_llm_gateway::config::{Gateway, Model, OnContextLength};
use serde_json::{Value, json};

#[test]
fn a_check_of_the_length_needs_a_count() {
    let with = |more: Value| {
        let mut value = json!({
            "role": "gateway",
            "models": {"*": {"targets": [{"provider": "parrot"}]}},
            "providers": {"parrot": {}},
            "count_tokens": false,
        });
        let more = more.as_object().unwrap().clone();
        value.as_object_mut().unwrap().extend(more);
        value
    };
    let silent = gateway(&with(json!({})));
    assert_eq!(silent.on_context_length, OnContextLength::Ignore);
    gateway(&with(json!({"on_context_length": "ignore"})));
    assert_eq!(
        problems(&with(
            json!({"on_context_length": "refuse", "cap_max_tokens": "yes"})
        )),
        [
            "$.cap_max_tokens: expected true or false, found a string",
            "$.on_context_length: needs `count_tokens: true`",
        ]
    );
    assert_eq!(
        problems(&with(json!({"on_context_length": "off"}))),
        [
            r#"$.on_context_length: no model "off"; allowed: refuse, route_on, ignore, or the name of a model as a client asks for it; configured: *"#
        ]
    );
}

#[test]
fn a_model_may_follow_where_a_prompt_is_too_long() {
    let with = |common: Value, small: Value| {
        let mut value = json!({
            "role": "gateway",
            "models": {
                "large": {"targets": [{"provider": "parrot"}]},
                "larger": {"targets": [{"route_to": "large"}]},
                "small": {"targets": [{"provider": "parrot"}]},
                "vast-*": {"targets": [{"provider": "parrot"}], "on_context_length": "vast-most"},
            },
            "providers": {"parrot": {}},
        });
        if !common.is_null() {
            value["on_context_length"] = common;
        }
        if !small.is_null() {
            value["models"]["small"]["on_context_length"] = small;
        }
        value
    };
    let follow = |gateway: &Gateway| -> Vec<String> {
        let told = |model: &Model| match &model.on_context_length {
            OnContextLength::GoTo(named) => named.asked.clone(),
            other => format!("{other:?}"),
        };
        gateway.models.iter().map(told).collect()
    };
    // What follows everywhere has nothing behind itself, nor has what it leads to.
    let all = gateway(&with(json!("larger"), Value::Null));
    assert_eq!(follow(&all), ["RouteOn", "RouteOn", "larger", "vast-most"]);
    let one = gateway(&with(Value::Null, json!("large")));
    assert_eq!(follow(&one), ["Refuse", "Refuse", "large", "vast-most"]);
    let own = gateway(&with(json!("large"), json!("refuse")));
    assert_eq!(follow(&own), ["RouteOn", "large", "Refuse", "vast-most"]);
    assert_eq!(
        problems(&with(json!("largest"), json!("sm*"))),
        [
            r#"$.models.small.on_context_length: no model "sm*"; allowed: refuse, route_on, ignore, or the name of a model as a client asks for it; configured: large, larger, small, vast-*"#,
            r#"$.on_context_length: no model "largest"; allowed: refuse, route_on, ignore, or the name of a model as a client asks for it; configured: large, larger, small, vast-*"#,
        ]
    );
    let circle = |small: &str, large: Option<&str>, more: Value| {
        let mut value = with(Value::Null, json!(small));
        if let Some(large) = large {
            value["models"]["large"]["on_context_length"] = json!(large);
        }
        if !more.is_null() {
            value["models"]["large"]["targets"] = more;
        }
        problems(&value)
    };
    assert_eq!(
        circle("small", None, Value::Null),
        [
            r#"$.models: a circle: `on_context_length` of "small" is "small", which leads back to it"#
        ]
    );
    assert_eq!(
        circle("larger", None, json!([{"route_to": "small"}])),
        [
            r#"$.models: a circle: `on_context_length` of "small" is "larger", which leads back to it"#
        ]
    );
    assert_eq!(
        circle("large", Some("small"), Value::Null),
        [
            r#"$.models: a circle: `on_context_length` of "large" is "small", which leads back to it"#,
            r#"$.models: a circle: `on_context_length` of "small" is "large", which leads back to it"#,
        ]
    );
}
