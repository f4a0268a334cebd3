//! Prompts that are too long for a target: which models follow, and that nobody is to blame.

use crate::{BAD, Envoy, GOOD, POST, TOO_LONG, Told, support::request};
use envoy_llm_gateway::gateway::Request;
use serde_json::{Value, json};

#[test]
fn what_is_too_long_goes_on_to_another_model_when_it_is_told_to() {
    let too_long: Told = Some((400, &[], TOO_LONG));
    let mut envoy = Envoy::new(&json!({"on_context_length": "route_on"}));
    let got = envoy.ask("smart", &[too_long, GOOD]).unwrap();
    assert_eq!(
        (got.header(":status"), got.header("x-llm-provider")),
        (Some("200"), Some("two"))
    );
    // The last one's answer is the client's, in its own words.
    let got = envoy.ask("smart", &[too_long, too_long]).unwrap();
    assert_eq!(
        (got.header(":status"), got.text().as_str()),
        (Some("400"), TOO_LONG)
    );
    assert_eq!(envoy.plan("smart"), ["one", "two"], "nobody is to blame");
    let mut envoy = Envoy::new(&json!({}));
    let got = envoy.ask("smart", &[too_long, GOOD]).unwrap();
    assert_eq!(
        (got.header(":status"), got.text().as_str()),
        (Some("400"), TOO_LONG)
    );
    // The same model elsewhere is no longer.
    let same = json!({
        "models": {"m": {"targets": [{"provider": "one", "model": "a"}, {"provider": "two", "model": "a"}]}},
        "on_context_length": "route_on",
    });
    let got = Envoy::new(&same).ask("m", &[too_long, GOOD]).unwrap();
    assert_eq!(got.header(":status"), Some("400"));
}

#[test]
fn what_is_too_long_goes_on_to_the_model_that_is_named_for_it() {
    let too_long: Told = Some((400, &[], TOO_LONG));
    let settings = |large: Value| {
        json!({
            "models": {
                "m": {"targets": [{"provider": "one", "model": "a"}], "on_context_length": "large"},
                "large": {"targets": large},
            },
            "providers": {
                "one": {"dialect": "openai", "labels": {"region": "eu"}},
                "two": {"dialect": "openai"},
            },
        })
    };
    let large = json!([{"provider": "two", "model": "b"}, {"provider": "one", "model": "a"}]);
    let mut envoy = Envoy::new(&settings(large.clone()));
    // What is planned anyhow is not tried twice.
    assert_eq!(envoy.plan("m"), ["one", "two"]);
    let got = envoy.ask("m", &[too_long, GOOD]).unwrap();
    assert_eq!(
        (got.header(":status"), got.header("x-llm-provider")),
        (Some("200"), Some("two"))
    );
    // Labels hold there as well, and rules do not lead elsewhere.
    let mut bound = settings(large);
    bound["rules"] = json!([{"name": "all", "when": {"model": "m"}, "require": {"region": "eu"}}]);
    let mut envoy = Envoy::new(&bound);
    assert_eq!(envoy.plan("m"), ["one"]);
    let got = envoy.ask("m", &[too_long]).unwrap();
    assert_eq!(got.header(":status"), Some("400"));
    let mut led = settings(json!([{"provider": "two", "model": "b"}]));
    led["models"]["short"] = led["models"]["m"].clone();
    led["rules"] = json!([{"name": "all", "when": {"model": "m"}, "use": "short"}]);
    assert_eq!(Envoy::new(&led).plan("m"), ["one", "two"]);
    // A prompt that surely fits has nobody behind its own targets, and one attempt is all that some may cost.
    let mut known = settings(json!([{"provider": "two", "model": "b"}]));
    known["model_info"] = json!({"a": {"context_window": 1000}});
    assert_eq!(Envoy::new(&known).plan("m"), ["one"]);
    known["model_info"] = json!({"a": {"context_window": 9}});
    assert_eq!(Envoy::new(&known).plan("m"), ["one", "two"], "perhaps");
    known["model_info"] = json!({"a": {"context_window": 2}});
    assert_eq!(Envoy::new(&known).plan("m"), ["two"]);
    known["model_info"]["b"] = json!({"context_window": 2});
    let host = {
        let envoy = Envoy::new(&known);
        let (host, mut role) = (envoy.host(), Request::new(envoy.config.clone()));
        let body = json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]});
        request(&mut role, &host, POST, &[body.to_string().as_bytes()]);
        host
    };
    assert_eq!(host.replies.borrow()[0].status, 400);
    known["model_info"] = json!({});
    known["attempts"] = json!(1);
    assert_eq!(Envoy::new(&known).plan("m"), ["one"]);
}

#[test]
fn the_model_for_long_prompts_is_not_probed_in_vain() {
    let mut envoy = Envoy::new(&json!({
        "models": {
            "m": {"targets": [{"provider": "one", "model": "a"}], "on_context_length": "large"},
            "large": {"targets": [{"provider": "two", "model": "b"}, {"provider": "one", "model": "b"}]},
        },
        "health": {"failures": 1, "cool_down": "10s"},
    }));
    envoy.ask("large", &[BAD, GOOD]);
    envoy.now += 20_000;
    assert_eq!(envoy.plan("m"), ["one", "two", "one"]);
    assert_eq!(envoy.plan("m"), ["one", "two", "one"]);
    // The first request that begins there does.
    assert_eq!(envoy.plan("large"), ["two", "one"]);
    assert_eq!(envoy.plan("large"), ["one", "two"]);
}

/// Two windows of 100 and one of 10,000 tokens.
fn windows(targets: &[&str], more: Value) -> Value {
    let targets: Vec<_> = targets
        .iter()
        .map(|to| json!({"provider": to, "model": to}))
        .collect();
    let mut model = json!({"targets": targets});
    model
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    let dialect = json!({"dialect": "openai"});
    json!({
        "models": {"m": model},
        "providers": {"small": dialect, "less": dialect, "large": dialect},
        "model_info": {
            "small/small": {"context_window": 100},
            "less/less": {"context_window": 100},
            "large/large": {"context_window": 10000},
        },
    })
}

#[test]
fn a_target_that_is_too_small_costs_no_attempt() {
    let more = json!({"attempts": 2, "on_context_length": "route_on"});
    let envoy = Envoy::new(&windows(&["small", "less", "large"], more));
    assert_eq!(envoy.plan_for("m", 10).unwrap(), ["small", "less"]);
    assert_eq!(envoy.plan_for("m", 1000).unwrap(), ["large"]);
    assert_eq!(envoy.plan_for("m", 20000), None);
}

#[test]
fn whether_a_prompt_is_refused_does_not_depend_on_who_cools_down() {
    let mut envoy = Envoy::new(&windows(&["large", "small"], json!({})));
    assert_eq!(envoy.plan_for("m", 1000).unwrap(), ["large"]);
    envoy.ask("m", &[Some((429, &[("retry-after", "30")], "{}")), GOOD]);
    assert_eq!(envoy.plan_for("m", 10).unwrap(), ["small", "large"]);
    assert_eq!(envoy.plan_for("m", 1000).unwrap(), ["large"]);
}

#[test]
fn a_request_does_not_take_the_right_to_probe_a_target_that_is_too_small_for_it() {
    let more = json!({"on_context_length": "route_on"});
    let mut envoy = Envoy::new(&windows(&["small", "large"], more));
    envoy.ask("m", &[Some((429, &[("retry-after", "30")], "{}")), GOOD]);
    envoy.now += 31_000;
    assert_eq!(envoy.plan_for("m", 1000).unwrap(), ["large"]);
    assert_eq!(envoy.plan_for("m", 10).unwrap(), ["small", "large"]);
    assert_eq!(envoy.plan_for("m", 10).unwrap(), ["large", "small"]);
}
