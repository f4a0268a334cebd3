//! Configurations as Envoy hands them over: what they become, and what is said about bad ones.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test's helper fails by panicking"
)]

use envoy_llm_gateway::{
    config::{
        self, Config, Gateway, Key, Model, Named, OnContextLength, Retries, Route, Target, To,
        node::{Fields, Problem, Reading},
    },
    fault::{Fault, FaultKind},
    host::Headers,
    plan::health::Settings,
    provider::{Common, Entry, Provider, features::Features},
};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// A dialect with one setting of its own.
#[derive(Debug, PartialEq)]
struct Parrot {
    common: Common,
    volume: u64,
}

impl Provider for Parrot {
    fn fault(&self, _: u16, _: &Headers, _: &[u8]) -> Fault {
        Fault::new(FaultKind::ProviderFailed, "squawk")
    }
}

fn parrot(common: Common, fields: &Fields<'_>) -> Option<Box<dyn Provider>> {
    let volume = fields.or("volume", 3, |node| node.count())?;
    Some(Box::new(Parrot { common, volume }))
}

const DIALECTS: &[Entry] = &[
    Entry {
        name: "parrot",
        base_path: "/v1",
        features: Features::ALL,
        open: parrot,
    },
    Entry {
        name: "raven",
        base_path: "/v2",
        features: Features::ALL,
        open: parrot,
    },
];

fn read(bytes: &[u8]) -> Result<Config, Vec<Problem>> {
    let reading = Reading::default();
    let config = config::read(bytes, DIALECTS, &reading);
    reading.into_result(config)
}

fn problems(value: &Value) -> Vec<String> {
    let list = read(value.to_string().as_bytes()).unwrap_err();
    list.iter().map(ToString::to_string).collect()
}

fn gateway(value: &Value) -> config::Gateway {
    match read(value.to_string().as_bytes()) {
        Ok(Config::Gateway(gateway)) => gateway,
        other => panic!("{other:?}"),
    }
}

fn provider(value: &Value) -> config::Provider {
    match read(value.to_string().as_bytes()) {
        Ok(Config::Provider(provider)) => provider,
        other => panic!("{other:?}"),
    }
}

fn full() -> Value {
    json!({
        "role": "gateway",
        "models": {
            "smart": {
                "route": "fallback",
                "first_token_timeout": "250ms",
                "targets": [
                    {"provider": "raven", "model": "r-1"},
                    {"provider": "parrot"},
                    {"provider": "raven", "model": "r-2"},
                ],
            },
            "parrot/*": {
                "targets": [{"provider": "parrot"}],
                "answer_timeout": "2m",
                "idle_timeout": "1.5s",
                "attempts": 4,
                "attempts_per_target": 2,
                "on_content_filter": "error",
                "on_context_length": "smart",
                "total_timeout": "5m",
                "wait_for_retry_after": "3s",
                "validate_json": true,
            },
        },
        "providers": {
            "raven": {"cluster": "outbound|443||raven.example.com"},
            "parrot": {},
            "spare": {"dialect": "raven", "clusters": ["spare", "spare-2"]},
        },
        "keys": [
            {
                "id": "a",
                "sha256": "c0e618a52e1af3374137415b36cff0e2d55fc03ec3ffe5837e2558991893dea1",
                "team": "support",
                "models": ["smart", "parrot/small-*", "echo"],
            },
            {
                "id": "b",
                "sha256": "0000000000000000000000000000000000000000000000000000000000000001",
                "admin": true,
            },
        ],
        "body_limit_bytes": 1048576,
        "first_token_timeout": "5s",
        "answer_timeout": "60s",
        "idle_timeout": "30s",
        "attempts": 6,
        "retriable_statuses": [409],
        "on_content_filter": "next",
        "health": {"failures": 5, "error_percent": 0, "cool_down": "1s", "longest_cool_down": "1m"},
        "on_context_length": "route_on",
        "cap_max_tokens": true,
    })
}

#[test]
fn a_gateway_becomes_what_was_written() {
    let gateway = gateway(&full());
    let target = |provider, model: Option<&str>| Target {
        to: To::Provider {
            provider,
            model: model.map(str::to_owned),
        },
        weight: 0,
        labels: Vec::new(),
    };
    assert_eq!(
        gateway.models,
        [
            Model {
                name: "parrot/*".into(),
                route: Route::Fallback,
                sticky: None,
                exploration_percent: 5,
                targets: vec![target(0, None)],
                first_token_timeout: Duration::from_secs(5),
                answer_timeout: Duration::from_secs(120),
                idle_timeout: Some(Duration::from_millis(1500)),
                retries: Retries {
                    attempts: 4,
                    attempts_per_target: 2,
                    statuses: vec![409],
                    on_content_filter: false,
                    validate_json: true,
                    total_timeout: Some(Duration::from_secs(300)),
                    wait: Some(Duration::from_secs(3)),
                },
                on_context_length: OnContextLength::GoTo(Named {
                    model: 1,
                    asked: "smart".into(),
                }),
                mirror: None,
            },
            Model {
                name: "smart".into(),
                route: Route::Fallback,
                sticky: None,
                exploration_percent: 5,
                targets: vec![
                    target(1, Some("r-1")),
                    target(0, None),
                    target(1, Some("r-2"))
                ],
                first_token_timeout: Duration::from_millis(250),
                answer_timeout: Duration::from_secs(60),
                idle_timeout: Some(Duration::from_secs(30)),
                retries: Retries {
                    attempts: 6,
                    attempts_per_target: 1,
                    statuses: vec![409],
                    on_content_filter: true,
                    validate_json: false,
                    total_timeout: None,
                    wait: None,
                },
                on_context_length: OnContextLength::RouteOn,
                mirror: None,
            },
        ]
    );
    let providers: Vec<_> = gateway
        .providers
        .iter()
        .map(|p| (&*p.name, &*p.cluster, p.dialect, format!("{:?}", p.speaks)))
        .collect();
    let speaks = |base: &str| {
        format!(
            r#"Parrot {{ common: Common {{ base_path: "{base}", unknown: Keep }}, volume: 3 }}"#
        )
    };
    assert_eq!(
        providers,
        [
            ("parrot", "parrot", "parrot", speaks("/v1")),
            (
                "raven",
                "outbound|443||raven.example.com",
                "raven",
                speaks("/v2")
            ),
            ("spare", "spare", "raven", speaks("/v2")),
        ]
    );
    let mut last = [0; 32];
    last[31] = 1;
    assert_eq!(
        gateway.keys,
        Some(vec![
            Key {
                id: "a".into(),
                sha256: [
                    0xc0, 0xe6, 0x18, 0xa5, 0x2e, 0x1a, 0xf3, 0x37, 0x41, 0x37, 0x41, 0x5b, 0x36,
                    0xcf, 0xf0, 0xe2, 0xd5, 0x5f, 0xc0, 0x3e, 0xc3, 0xff, 0xe5, 0x83, 0x7e, 0x25,
                    0x58, 0x99, 0x18, 0x93, 0xde, 0xa1,
                ],
                team: Some("support".into()),
                user: None,
                project: None,
                require: Vec::new(),
                overrides: false,
                models: Some(vec!["smart".into(), "parrot/small-*".into(), "echo".into()]),
                passthrough: false,
                admin: false,
            },
            Key {
                id: "b".into(),
                sha256: last,
                team: None,
                user: None,
                project: None,
                require: Vec::new(),
                overrides: false,
                models: None,
                passthrough: true,
                admin: true,
            },
        ])
    );
    assert_eq!(gateway.body_limit_bytes, 1_048_576);
    let spare = &gateway.providers[2];
    assert_eq!(
        (&*spare.cluster, &*spare.more_clusters),
        ("spare", ["spare-2".to_owned()].as_slice())
    );
    let health = Settings {
        failures: 5,
        error_rate: 0,
        cool_down: Duration::from_secs(1),
        longest: Duration::from_mins(1),
        ..Settings::default()
    };
    assert_eq!(gateway.health, Some(health));
    assert_eq!(
        (
            gateway.count_tokens,
            gateway.on_context_length,
            gateway.cap_max_tokens
        ),
        (true, OnContextLength::RouteOn, true)
    );
}

#[test]
fn what_is_wrong_with_health_and_retries_is_said() {
    let found = problems(&json!({
        "role": "gateway",
        "models": {"*": {"targets": [{"provider": "parrot"}], "attempts_per_target": 6, "retriable_statuses": [500]}},
        "providers": {
            "parrot": {"cluster": "a", "clusters": ["a", "b"]},
            "raven": {"clusters": []},
            "spare": {"dialect": "raven", "clusters": ["a", "a"]},
        },
        "attempts": 0,
        "on_content_filter": "retry",
        "health": {"failures": -1, "cool_down": "1m", "longest_cool_down": "30s", "error_percent": 101, "x": 1},
    }));
    assert_eq!(
        found,
        [
            "$.attempts: expected 1 to 32, found 0",
            "$.health.error_percent: expected 0 to 100, found 101",
            "$.health.failures: expected a whole number, found -1",
            "$.health.longest_cool_down: is shorter than `cool_down`",
            "$.health.x: unknown key; allowed: cool_down, enabled, error_percent, error_requests, error_window, failures, longest_cool_down",
            "$.models[\"*\"].attempts_per_target: expected 1 to 5, found 6",
            "$.models[\"*\"].retriable_statuses[0]: expected 400 to 499, found 500",
            "$.on_content_filter: unknown value \"retry\"; allowed: error, next",
            "$.providers.parrot.clusters: stands beside `cluster`; leave one out",
            "$.providers.raven.clusters: empty; name at least one cluster",
            "$.providers.spare.clusters[1]: stands here twice",
        ]
    );
}

#[test]
fn a_small_gateway_has_the_documented_defaults() {
    let gateway = gateway(&json!({
        "role": "gateway",
        "models": {"*": {"targets": [{"provider": "parrot"}]}},
        "providers": {"parrot": {}},
    }));
    assert_eq!(
        gateway.models,
        [Model {
            name: "*".into(),
            route: Route::Fallback,
            sticky: None,
            exploration_percent: 5,
            targets: vec![Target {
                to: To::Provider {
                    provider: 0,
                    model: None,
                },
                weight: 0,
                labels: Vec::new(),
            }],
            first_token_timeout: Duration::from_secs(10),
            answer_timeout: Duration::from_secs(600),
            idle_timeout: None,
            retries: Retries::default(),
            on_context_length: OnContextLength::Refuse,
            mirror: None,
        }]
    );
    let health = Settings {
        failures: 3,
        error_rate: 50,
        window: Duration::from_secs(30),
        requests: 20,
        cool_down: Duration::from_secs(10),
        longest: Duration::from_mins(5),
    };
    assert_eq!(gateway.health, Some(health));
    assert_eq!((gateway.keys, gateway.body_limit_bytes), (None, 16_777_216));
    assert_eq!(
        (
            gateway.count_tokens,
            gateway.on_context_length,
            gateway.cap_max_tokens
        ),
        (true, OnContextLength::Refuse, false)
    );
}

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

#[test]
fn a_provider_becomes_what_was_written() {
    let small = provider(&json!({"role": "provider", "dialect": "raven"}));
    assert_eq!(
        format!("{small:?}"),
        r#"Provider { dialect: "raven", speaks: Parrot { common: Common { base_path: "/v2", unknown: Keep }, volume: 3 }, host: None, headers: [], forward_trace: false }"#
    );
    let full = provider(&json!({
        "role": "provider", "dialect": "parrot", "host": "api.example.com:8443", "base_path": "/a/b/",
        "headers": {"X-Extra": "two words", "anthropic-beta": "x"},
        "unknown_parameters": "refuse", "forward_trace": true, "volume": "11",
    }));
    assert_eq!(
        format!("{full:?}"),
        r#"Provider { dialect: "parrot", speaks: Parrot { common: Common { base_path: "/a/b", unknown: Refuse }, volume: 11 }, host: Some("api.example.com:8443"), headers: [("anthropic-beta", "x"), ("x-extra", "two words")], forward_trace: true }"#
    );
    let root = provider(
        &json!({"role": "provider", "dialect": "parrot", "base_path": "/", "unknown_parameters": "drop"}),
    );
    assert_eq!(
        format!("{:?}", root.speaks),
        r#"Parrot { common: Common { base_path: "", unknown: Drop }, volume: 3 }"#
    );
}

#[test]
fn a_gateway_s_problems_are_all_named_at_once() {
    let long: Vec<_> = (0..17).map(|_| json!({"provider": "parrot"})).collect();
    let value = json!({
        "role": "gateway",
        "models": {
            "": {"targets": [{"provider": "parrot"}]},
            "a*b": {"targets": [{"provider": "parrot"}]},
            "bell\u{7}": {"targets": [{"provider": "parrot"}]},
            "echo": {"targets": [{"provider": "parrot"}]},
            "empty": {"targets": []},
            "long": {"targets": long},
            "none": {},
            "shape": [],
            "words": {
                "route": "fastest",
                "targets": [{"provider": "crow", "weight": 2}, {"model": "gpt-*", "provider": "parrot"}, {}],
                "first_token_timeout": "0s",
                "answer_timeout": 600,
                "timeout": "1s",
            },
            "odd": {"route": "random", "targets": "parrot"},
        },
        "providers": {"parrot": {}, "crow/1": {"dialect": "raven"}, "finch": {}, "gull": {"dialect": "cat", "cluster": ""}},
        "keys": [
            {"id": "a", "sha256": "00", "models": []},
            {"id": "a", "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "models": ["nope", "w*s", "a*", null]},
            {"id": "c", "sha256": "ABCDEF0000000000000000000000000000000000000000000000000000000001", "team": ""},
            {"id": "d", "sha256": "abcdef0000000000000000000000000000000000000000000000000000000001"},
            {"id": "e", "sha256": "abcdef0000000000000000000000000000000000000000000000000000000001", "models": null},
        ],
        "body_limit_bytes": 134_217_729_u64,
        "first_token_timeout": "10",
        "answer_timeout": "25h",
        "modles": {},
    });
    assert_eq!(
        problems(&value),
        [
            r#"$.answer_timeout: expected a duration such as "10s", "250ms" or "2m", from 1ms to 24h, found "25h""#,
            "$.body_limit_bytes: expected 1 to 134217728, found 134217729",
            r#"$.first_token_timeout: expected a duration such as "10s", "250ms" or "2m", from 1ms to 24h, found "10""#,
            "$.keys[0].models: empty; name at least one model",
            "$.keys[0].sha256: expected the SHA-256 of the exact key as 64 lower-case hex digits",
            "$.keys[1].id: the same as in $.keys[0]",
            "$.keys[1].models[0]: no such model; configured: , a*b, bell\u{7}, echo, empty, long, none, odd, shape, words, echo",
            "$.keys[1].models[1]: `*` may stand at the end only",
            "$.keys[1].models[3]: expected a string, found null",
            "$.keys[1].sha256: is the digest of an empty key",
            "$.keys[2].sha256: expected the SHA-256 of the exact key as 64 lower-case hex digits",
            "$.keys[2].team: must not be empty",
            "$.keys[4].models: expected a list, found null",
            "$.keys[4].sha256: the same as in $.keys[3]",
            "$.models.echo: is built in and answered by the gateway itself; choose another name",
            "$.models.empty.targets: empty; name at least one target",
            "$.models.long.targets: 17 targets; allowed: 16",
            "$.models.none.targets: missing",
            r#"$.models.odd.route: "random" is not a route; allowed: fallback, weighted, cheapest, fastest, least_busy"#,
            "$.models.odd.targets: expected a list, found a string",
            "$.models.shape: expected an object, found a list",
            r#"$.models.words.answer_timeout: expected a duration such as "10s", "250ms" or "2m", from 1ms to 24h, found a number"#,
            r#"$.models.words.first_token_timeout: expected a duration such as "10s", "250ms" or "2m", from 1ms to 24h, found "0s""#,
            r#"$.models.words.targets[0].provider: no provider "crow"; configured: crow/1, finch, gull, parrot"#,
            "$.models.words.targets[0].weight: belongs to `route: weighted`",
            "$.models.words.targets[1].model: names one model; leave it out to pass on the name that was asked for",
            "$.models.words.targets[2].provider: missing",
            "$.models.words.timeout: unknown key; allowed: answer_timeout, attempts, attempts_per_target, exploration_percent, first_token_timeout, idle_timeout, mirror, on_content_filter, on_context_length, retriable_statuses, route, sticky, targets, total_timeout, validate_json, wait_for_retry_after",
            r#"$.models[""]: a model's name must not be empty"#,
            r#"$.models["a*b"]: `*` may stand at the end only"#,
            r#"$.models["bell\u{7}"]: must not hold control characters"#,
            "$.modles: unknown key; allowed: answer_timeout, attempts, attempts_per_target, body_limit_bytes, cap_max_tokens, count_tokens, filter_state, first_token_timeout, guards, health, idle_timeout, keys, model_info, models, on_content_filter, on_context_length, overrides, passthrough, providers, retriable_statuses, role, rules, total_timeout, validate_json, wait_for_retry_after",
            r#"$.providers.finch.dialect: missing, and "finch" is not a dialect; allowed: parrot, raven"#,
            "$.providers.gull.cluster: must not be empty",
            r#"$.providers.gull.dialect: unknown value "cat"; allowed: parrot, raven"#,
            r#"$.providers["crow/1"]: a provider's name holds ASCII letters, digits, `.`, `_` and `-`; `cluster` may be any"#,
        ]
    );
}

#[test]
fn a_gateway_without_anything_says_what_it_needs() {
    assert_eq!(
        problems(&json!({"role": "gateway"})),
        ["$.models: missing", "$.providers: missing"]
    );
    assert_eq!(
        problems(&json!({"role": "gateway", "models": {}, "providers": {}, "keys": []})),
        [
            "$.keys: empty; name at least one key",
            "$.models: empty; name at least one model",
        ]
    );
}

#[test]
fn keys_that_were_all_commented_out_do_not_open_the_door() {
    let mut value = full();
    value["keys"] = Value::Null;
    assert_eq!(problems(&value), ["$.keys: expected a list, found null"]);
}

#[test]
fn a_provider_s_problems_are_all_named_at_once() {
    let secret = "credentials are not configured here: Envoy's credential_injector adds them, after this filter in the cluster's http_filters";
    let value = json!({
        "role": "provider", "dialect": "parrot", "host": "https://api.example.com", "base_path": "v1",
        "unknown_parameters": "forget", "forward_trace": "yes", "volume": "loud", "api_key": "k", "model": "m",
        "headers": {
            ":path": "/", "Authorization": "Bearer k", "x-goog-api-key": "k", "x-amz-security-token": "k", "cookie": "k",
            "content-length": "1", "accept": "x", "x-envoy-retry-on": "5xx", "X-LLM-Plan": "x", "traceparent": "x",
            "sp ace": "x", "": "x", "x-line": "a\r\nb", "x-number": 1, "x-twice": "a", "X-Twice": "b",
        },
    });
    assert_eq!(
        problems(&value),
        [
            &*format!("$.api_key: {secret}"),
            r#"$.base_path: expected a path such as "/v1", without query; "/" for none"#,
            "$.forward_trace: expected true or false, found a string",
            &format!("$.headers.Authorization: {secret}"),
            "$.headers.X-LLM-Plan: x-envoy-* and x-llm-* never leave the gateway",
            "$.headers.accept: is written by the gateway for each request",
            "$.headers.content-length: belongs to HTTP itself; Envoy writes it (`host` and `base_path` are settings of their own)",
            &format!("$.headers.cookie: {secret}"),
            "$.headers.traceparent: set `forward_trace: true` instead",
            &format!("$.headers.x-amz-security-token: {secret}"),
            "$.headers.x-envoy-retry-on: x-envoy-* and x-llm-* never leave the gateway",
            &format!("$.headers.x-goog-api-key: {secret}"),
            "$.headers.x-line: must not hold control characters",
            "$.headers.x-number: expected a string, found 1; put it in quotes",
            r#"$.headers[""]: not a header name; allowed: ASCII letters, digits, - _ . and the other token characters"#,
            r#"$.headers[":path"]: belongs to HTTP itself; Envoy writes it (`host` and `base_path` are settings of their own)"#,
            r#"$.headers["sp ace"]: not a header name; allowed: ASCII letters, digits, - _ . and the other token characters"#,
            r#"$.host: expected a host name such as "api.example.com", without scheme and path"#,
            "$.model: unknown key; allowed: base_path, dialect, forward_trace, headers, host, role, unknown_parameters, volume",
            r#"$.unknown_parameters: unknown value "forget"; allowed: keep, drop, refuse"#,
            r#"$.volume: expected a whole number, found "loud""#,
        ]
    );
    let value = json!({"role": "provider", "dialect": "parrot", "headers": {"x-twice": "a", "X-Twice": "b"}});
    assert_eq!(
        problems(&value),
        ["$.headers: x-twice stands here twice; leave one out"]
    );
}

#[test]
fn a_wrong_role_or_dialect_is_one_problem() {
    for (value, want) in [
        (
            json!({"models": {}, "dialect": "x"}),
            "$.role: missing; allowed: gateway, provider",
        ),
        (
            json!({"role": "router", "volume": 1}),
            r#"$.role: unknown value "router"; allowed: gateway, provider"#,
        ),
        (
            json!({"role": 1}),
            "$.role: expected a string, found 1; put it in quotes",
        ),
        (json!([1]), "$: expected an object, found a list"),
        (
            json!({"role": "provider", "volume": 1}),
            "$.dialect: missing",
        ),
        (
            json!({"role": "provider", "dialect": "parot", "volume": 1}),
            r#"$.dialect: unknown value "parot"; allowed: parrot, raven"#,
        ),
    ] {
        assert_eq!(problems(&value), [want]);
    }
}

/// A message field that is counted in bytes.
fn field(tag: u8, bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let mut size = bytes.len();
    while size > 0x7f {
        out.push((size & 0x7f) as u8 | 0x80);
        size >>= 7;
    }
    out.push(size as u8);
    out.extend_from_slice(bytes);
    out
}

/// `google.protobuf.Value`, its maps in an order that `dice` decides.
fn message(value: &Value, dice: &mut Dice) -> Vec<u8> {
    match value {
        Value::Null => vec![0x08, 0],
        Value::Number(n) => [&[0x11][..], &n.as_f64().unwrap().to_le_bytes()].concat(),
        Value::String(text) => field(0x1a, text.as_bytes()),
        Value::Bool(flag) => vec![0x20, u8::from(*flag)],
        Value::Object(map) => field(0x2a, &structure(map, dice)),
        Value::Array(items) => {
            let items: Vec<_> = items
                .iter()
                .map(|v| field(0x0a, &message(v, dice)))
                .collect();
            field(0x32, &items.concat())
        }
    }
}

/// `google.protobuf.Struct`.
fn structure(map: &Map<String, Value>, dice: &mut Dice) -> Vec<u8> {
    let mut left: Vec<_> = map.iter().collect();
    let mut out = Vec::new();
    while !left.is_empty() {
        let (key, value) = left.swap_remove(dice.below(left.len()));
        let entry = [
            field(0x0a, key.as_bytes()),
            field(0x12, &message(value, dice)),
        ];
        out.extend(field(0x0a, &entry.concat()));
    }
    out
}

/// Numbers that look random and are the same on every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }
}

#[test]
fn a_struct_in_any_order_says_the_same_as_its_text() {
    let text = format!("{:?}", read(full().to_string().as_bytes()).unwrap());
    let mut dice = Dice(1);
    let mut wrong = full();
    wrong["models"]["smart"]["targets"][1]["provider"] = json!("crow");
    wrong["extra"] = json!({"b": 1, "a": 2});
    for _ in 0..50 {
        let bytes = structure(full().as_object().unwrap(), &mut dice);
        assert_eq!(format!("{:?}", read(&bytes).unwrap()), text);
        let bytes = structure(wrong.as_object().unwrap(), &mut dice);
        let list: Vec<_> = read(&bytes).unwrap_err();
        let list: Vec<_> = list.iter().map(ToString::to_string).collect();
        assert_eq!(list, problems(&wrong));
    }
}

#[test]
fn nothing_that_is_handed_over_makes_it_panic() {
    let mut dice = Dice(7);
    let text = full().to_string().into_bytes();
    let bytes = structure(full().as_object().unwrap(), &mut dice);
    let (mut taken, mut refused) = (0, 0);
    for round in 0..20_000 {
        let mut input = match round % 3 {
            0 => text.clone(),
            1 => bytes.clone(),
            _ => (0..dice.below(64)).map(|_| dice.below(256) as u8).collect(),
        };
        for _ in 0..dice.below(4) {
            if !input.is_empty() {
                let place = dice.below(input.len());
                input[place] = dice.below(256) as u8;
            }
        }
        if dice.below(4) == 0 {
            input.truncate(dice.below(input.len() + 1));
        }
        match read(&input) {
            Ok(_) => taken += 1,
            Err(list) => {
                assert!(!list.is_empty(), "{input:?}");
                refused += 1;
            }
        }
    }
    assert!(taken > 1_000 && refused > 1_000, "{taken} {refused}");
}

#[test]
fn what_is_wrong_with_model_info_is_named() {
    let problems = |info: Value| -> Vec<String> {
        let settings = json!({
            "role": "gateway",
            "models": {"m": {"targets": [{"provider": "openai"}]}},
            "providers": {"openai": {}},
            "model_info": info,
        });
        match Config::parse(settings.to_string().as_bytes()) {
            Ok(_) => vec![],
            Err(list) => list.iter().map(ToString::to_string).collect(),
        }
    };
    let info = json!({
        "a": {},
        "b": {"free": true, "input_usd_per_million": 1},
        "c": {"input_usd_per_million": "0.0000001"},
        "d": {"input_usd_per_million": -1},
        "e": {"output_usd_per_million": 1},
        "f": {"like": "nobody/nothing"},
        "g": {"input_usd_per_million": 1, "above": [{"tokens": 2}, {"tokens": 2}]},
        "h": {"prices": 1},
        "i*j": {"free": true},
        "k": {"context_window": 0},
        "l": {"input_usd_per_million": true},
    });
    let allowed = "above, batch, cache_write_1h_usd_per_million, cache_write_usd_per_million, cached_audio_usd_per_million, cached_input_usd_per_million, context_window, flex, free, input_audio_usd_per_million, input_image_usd_per_million, input_usd_per_million, like, max_input_tokens, max_output_tokens, output_audio_usd_per_million, output_image_usd_per_million, output_usd_per_million, priority, reasoning_usd_per_million, search_usd_per_thousand";
    assert_eq!(
        problems(info),
        [
            "$.model_info.a: says nothing; allowed: `like`, `free`, a price or a limit".to_owned(),
            "$.model_info.b: `free` and a price exclude each other".into(),
            "$.model_info.c.input_usd_per_million: expected at most 6 decimal places, found 0.0000001".into(),
            "$.model_info.d.input_usd_per_million: expected an amount in US dollars, such as 2.5, not negative; found -1".into(),
            "$.model_info.e: a price needs `input_usd_per_million` or `search_usd_per_thousand`, or `like` to take it from".into(),
            "$.model_info.f.like: no model of this name is listed; write `provider/model` with one of the list (data/models.json), or its prices".into(),
            "$.model_info.g.above: the steps' `tokens` must rise".into(),
            "$.model_info.h: says nothing; allowed: `like`, `free`, a price or a limit".into(),
            format!("$.model_info.h.prices: unknown key; allowed: {allowed}"),
            "$.model_info.k.context_window: expected 1 to 1000000000, found 0".into(),
            "$.model_info.l.input_usd_per_million: expected a number, found true or false".into(),
            "$.model_info[\"i*j\"]: `*` may stand at the end only".into(),
        ]
    );
    assert_eq!(
        problems(
            json!({"azure/prod": {"like": "gpt-4o"}, "local/*": {"free": true}, "x": {"max_output_tokens": 5}})
        ),
        [""; 0]
    );
}
