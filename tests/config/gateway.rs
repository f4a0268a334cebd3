//! What the gateway role's settings become, with the defaults of those that are left out.

use crate::{full, gateway};
use envoy_llm_gateway::{
    config::{Key, Model, Named, OnContextLength, Retries, Route, Target, To},
    plan::health::Settings,
};
use serde_json::json;
use std::time::Duration;

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
