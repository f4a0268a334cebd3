//! Plans: laws that hold for every request, over many draws and many configurations.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test's helper fails by panicking"
)]

use envoy_llm_gateway::{
    api::client::{Api, Asked},
    config::{Config, Gateway, Route},
    plan::{self, Facts, Overrides, Who, seed},
};
use serde_json::{Value, json};
use std::{
    cell::Cell,
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

fn gateway(models: &Value) -> Gateway {
    let labels = |region: &str| json!({"dialect": "openai", "labels": {"region": region}});
    let value = json!({
        "role": "gateway",
        "models": models,
        "providers": {"a": labels("eu"), "b": labels("us"), "c": labels("eu"), "d": labels("ch")},
    });
    parsed(&value)
}

fn parsed(value: &Value) -> Gateway {
    match Config::parse(value.to_string().as_bytes()) {
        Ok(Config::Gateway(gateway)) => gateway,
        other => panic!("{other:?}"),
    }
}

const NO_HEADER: fn(&str) -> Option<String> = |_| None;

fn facts(seed: u64) -> Facts<'static> {
    let mut facts = Facts::new("m", "chat", &NO_HEADER, None);
    facts.seed = seed;
    facts
}

/// The plan as `provider/model`, in order.
fn plan(config: &Gateway, asked: &str, facts: &Facts<'_>) -> Vec<String> {
    let model = plan::model(config, asked).unwrap();
    let choice = plan::choose(config, model, asked, facts).unwrap();
    let steps = choice.into_steps().into_iter();
    steps
        .map(|(_, s)| format!("{}/{}", s.provider, s.model))
        .collect()
}

fn weighted(weights: &[(&str, u32)]) -> Value {
    let target = |(provider, weight): &(&str, u32)| json!({"provider": provider, "weight": weight});
    let targets: Vec<_> = weights.iter().map(target).collect();
    json!({"route": "weighted", "targets": targets})
}

const DRAWS: u64 = 100_000;

/// How often each target comes first.
fn shares(config: &Gateway) -> BTreeMap<String, u64> {
    let mut shares = BTreeMap::new();
    for draw in 0..DRAWS {
        let now = SystemTime::UNIX_EPOCH + Duration::from_millis(1_793_491_200_000 + draw);
        let facts = facts(seed(Some(&format!("id-{draw}")), now));
        let first = plan(config, "m", &facts).swap_remove(0);
        *shares.entry(first).or_default() += 1;
    }
    shares
}

/// Within five standard deviations of its share: one run in a million is outside by chance, and the draws are fixed.
fn is_share(count: u64, weight: u32, total: u32) {
    let share = f64::from(weight) / f64::from(total);
    let deviation = (DRAWS as f64 * share * (1.0 - share)).sqrt();
    let off = (count as f64 - DRAWS as f64 * share).abs();
    assert!(
        off <= 5.0 * deviation,
        "{count} of {DRAWS} for {weight} of {total}"
    );
}

#[test]
fn a_weight_is_an_exact_share_in_the_long_run() {
    for weights in [
        &[("a", 90), ("b", 10)][..],
        &[("a", 1), ("b", 1), ("c", 1)],
        &[("a", 997), ("b", 3), ("c", 0)],
    ] {
        let shares = shares(&gateway(&json!({"m": weighted(weights)})));
        let total = weights.iter().map(|(_, w)| w).sum();
        for (name, weight) in weights {
            is_share(
                shares.get(&format!("{name}/m")).copied().unwrap_or(0),
                *weight,
                total,
            );
        }
        let zero = weights.iter().filter(|(_, w)| *w == 0).count();
        assert_eq!(shares.len(), weights.len() - zero);
    }
}

#[test]
fn the_same_target_twice_has_both_shares() {
    let shares = shares(&gateway(
        &json!({"m": weighted(&[("a", 25), ("b", 50), ("a", 25)])}),
    ));
    is_share(shares["a/m"], 50, 100);
}

#[test]
fn a_model_in_a_model_draws_for_itself() {
    let inner = json!({"route": "weighted", "targets": [{"provider": "b", "weight": 1}, {"provider": "c", "weight": 3}]});
    let outer = json!({"route": "weighted", "targets": [{"provider": "a", "weight": 1}, {"route_to": "inner", "weight": 1}]});
    let shares = shares(&gateway(&json!({"m": outer, "inner": inner})));
    is_share(shares["a/m"], 4, 8);
    is_share(shares["b/inner"], 1, 8);
    is_share(shares["c/inner"], 3, 8);
}

#[test]
fn the_rest_follow_the_heaviest_first() {
    let config = gateway(&json!({"m": weighted(&[("a", 1), ("b", 5), ("c", 0), ("d", 3)])}));
    let mut seen = BTreeMap::new();
    for draw in 0..2000 {
        let plan = plan(
            &config,
            "m",
            &facts(seed(
                None,
                SystemTime::UNIX_EPOCH + Duration::from_nanos(draw),
            )),
        );
        seen.insert(plan[0].clone(), plan);
    }
    let plans: Vec<_> = seen.into_values().collect();
    assert_eq!(
        plans,
        [
            ["a/m", "b/m", "d/m", "c/m"],
            ["b/m", "d/m", "a/m", "c/m"],
            ["d/m", "b/m", "a/m", "c/m"],
        ]
    );
}

#[test]
fn sticky_requests_stay_and_move_only_when_their_target_goes() {
    let model = |weights: &[(&str, u32)]| {
        let mut model = weighted(weights);
        model["sticky"] = json!("header:x-session");
        gateway(&json!({"m": model}))
    };
    let all = model(&[("a", 2), ("b", 1), ("c", 1)]);
    let fewer = model(&[("a", 2), ("c", 1)]);
    let first = |config: &Gateway, session: u64, draw: u64| {
        let header = |name: &str| (name == "x-session").then(|| session.to_string());
        let mut facts = Facts::new("m", "chat", &header, None);
        facts.seed = draw;
        plan(config, "m", &facts).swap_remove(0)
    };
    let mut shares = BTreeMap::new();
    for session in 0..20_000 {
        let before = first(&all, session, 1);
        assert_eq!(before, first(&all, session, 2));
        let after = first(&fewer, session, 3);
        assert!(
            after == before || before == "b/m",
            "{session}: {before} to {after}"
        );
        *shares.entry(before).or_insert(0_u64) += 1;
    }
    for (name, share) in [("a/m", 10_000), ("b/m", 5000), ("c/m", 5000)] {
        assert!(shares[name].abs_diff(share) < 350, "{shares:?}");
    }
}

#[test]
fn sticky_by_user_takes_the_key_s_user_before_the_body_s() {
    let mut model = weighted(&[("a", 1), ("b", 1), ("c", 1), ("d", 1)]);
    model["sticky"] = json!("user");
    let config = gateway(&json!({"m": model}));
    let first = |api: Api, body: &str, user: Option<&str>, draw: u64| {
        let asked = Asked::parse(api, body.as_bytes()).unwrap();
        let mut facts = Facts::new("m", "chat", &NO_HEADER, Some(&asked));
        facts.who = Who {
            user,
            ..Who::default()
        };
        facts.seed = draw;
        plan(&config, "m", &facts).swap_remove(0)
    };
    let chat = |user: &str| format!(r#"{{"model":"m","messages":[1],"user":"{user}"}}"#);
    let messages = r#"{"model":"m","messages":[1],"metadata":{"user_id":"u7"}}"#;
    let mut users = BTreeMap::new();
    for draw in 0..50 {
        assert_eq!(
            first(Api::Chat, &chat("u7"), None, draw),
            first(Api::Messages, messages, None, 99)
        );
        assert_eq!(
            first(Api::Chat, &chat("u7"), Some("ann"), draw),
            first(Api::Chat, &chat(&draw.to_string()), Some("ann"), 99)
        );
        users.insert(first(Api::Chat, &chat(&draw.to_string()), None, 0), ());
        users.insert(
            first(Api::Chat, r#"{"model":"m","messages":[1]}"#, None, draw),
            (),
        );
    }
    assert_eq!(users.len(), 4, "without a user each request is drawn");
}

/// A small source of draws for making up configurations.
struct Draws(Cell<u64>);

impl Draws {
    fn below(&self, end: u64) -> u64 {
        self.0.set(self.0.get() + 1);
        seed(Some(&self.0.get().to_string()), SystemTime::UNIX_EPOCH) % end
    }
}

#[test]
fn no_plan_ever_holds_a_target_without_the_labels() {
    let draws = Draws(Cell::new(0));
    let (mut kept, mut refused) = (0, 0);
    for _ in 0..400 {
        let mut models = json!({});
        for at in 0..4 {
            let route = ["fallback", "weighted", "cheapest"][draws.below(3) as usize];
            let targets: Vec<_> = (0..=draws.below(4))
                .map(|n| {
                    let mut target = match draws.below(4) {
                        0 if at > 0 => json!({"route_to": format!("m{}", draws.below(at))}),
                        _ => json!({"provider": (["a", "b", "c", "d"][draws.below(4) as usize])}),
                    };
                    if draws.below(4) == 0 && target.get("provider").is_some() {
                        target["labels"] = json!({"region": "us"});
                    }
                    if route == "weighted" {
                        target["weight"] = json!(draws.below(5) + u64::from(n == 0));
                    }
                    target
                })
                .collect();
            models[format!("m{at}")] = json!({"route": route, "targets": targets});
        }
        let mut value = json!({
            "role": "gateway", "models": models,
            "providers": {
                "a": {"dialect": "openai", "labels": {"region": "eu"}}, "b": {"dialect": "openai", "labels": {"region": "us"}},
                "c": {"dialect": "openai"}, "d": {"dialect": "openai", "labels": {"region": "ch"}},
            },
        });
        if draws.below(2) == 0 {
            value["rules"] = json!([{"name": "r", "use": format!("m{}", draws.below(4)), "require": {"region": ["eu", "ch"]}}]);
        } else {
            value["keys"] =
                json!([{"id": "k", "sha256": "0".repeat(64), "require": {"region": ["eu", "ch"]}}]);
        }
        let config = parsed(&value);
        let require = config
            .keys
            .as_ref()
            .map(|keys| keys[0].require.clone())
            .unwrap_or_default();
        for draw in 0..20 {
            let mut facts = facts(draws.below(u64::MAX));
            facts.require = &require;
            if draw % 3 == 0 {
                facts.overrides.route = Some(Route::Fallback);
            }
            let asked = format!("m{}", draws.below(4));
            match plan::choose(
                &config,
                plan::model(&config, &asked).unwrap(),
                &asked,
                &facts,
            ) {
                Ok(choice) => {
                    assert!(!choice.candidates.is_empty() && choice.candidates.len() <= 32);
                    for (_, step) in choice.into_steps() {
                        assert!(matches!(step.provider.as_str(), "a" | "d"), "{value}");
                        kept += 1;
                    }
                }
                Err(fault) => {
                    assert_eq!(fault.code.as_deref(), Some("no_compliant_target"));
                    refused += 1;
                }
            }
        }
    }
    assert!(kept > 2000 && refused > 500, "{kept} {refused}");
}

#[test]
fn a_share_that_may_not_be_used_is_divided_among_the_others() {
    let mut model = weighted(&[("a", 1), ("b", 96), ("c", 3)]);
    model["targets"][1]["labels"] = json!({"region": "us"});
    let value = json!({
        "role": "gateway", "models": {"m": model},
        "providers": {"a": {"dialect": "openai", "labels": {"region": "eu"}}, "b": {"dialect": "openai"}, "c": {"dialect": "openai", "labels": {"region": "eu"}}},
        "rules": [{"name": "eu", "require": {"region": "eu"}}],
    });
    let shares = shares(&parsed(&value));
    is_share(shares["a/m"], 1, 4);
    is_share(shares["c/m"], 3, 4);
}

/// Prices per million tokens: `cheap-in` 1 in 20 out, `cheap-out` 5 in 4 out, `free`, `unknown`.
fn priced() -> Gateway {
    parsed(&json!({
        "role": "gateway",
        "models": {"m": {"route": "cheapest", "targets": [
            {"provider": "a", "model": "unknown"}, {"provider": "a", "model": "cheap-out"},
            {"provider": "b", "model": "cheap-in"}, {"provider": "a", "model": "unknown-2"},
        ]}},
        "providers": {"a": {"dialect": "vllm"}, "b": {"dialect": "vllm"}},
        "model_info": {
            "cheap-in": {"input_usd_per_million": 1, "output_usd_per_million": 20},
            "cheap-out": {"input_usd_per_million": 5, "output_usd_per_million": 4},
        },
    }))
}

#[test]
fn the_cheapest_for_this_request_comes_first_and_the_unknown_last() {
    let config = priced();
    let order = |body: &str, tokens: Option<u64>| {
        let asked = Asked::parse(Api::Chat, body.as_bytes()).unwrap();
        let mut facts = Facts::new("m", "chat", &NO_HEADER, Some(&asked));
        let count = || tokens;
        facts.count = &count;
        facts.counts = tokens.is_some();
        plan(&config, "m", &facts)
    };
    let body = r#"{"model":"m","messages":[1]}"#;
    let (cheap_in, cheap_out) = ("b/cheap-in", "a/cheap-out");
    // 1000 x 1 + 500 x 20 = 11 000 against 1000 x 5 + 500 x 4 = 7 000.
    assert_eq!(
        order(body, None),
        [cheap_out, cheap_in, "a/unknown", "a/unknown-2"]
    );
    // 2000 x 1 + 10 000 = 12 000 against 10 000 + 2 000: a tie stays as written.
    assert_eq!(order(body, Some(2000))[0], cheap_out);
    assert_eq!(order(body, Some(2001))[0], cheap_in);
    // A short answer: 1000 + 100 x 20 against 5000 + 100 x 4.
    assert_eq!(
        order(r#"{"model":"m","messages":[1],"max_tokens":100}"#, None)[0],
        cheap_in
    );
    assert_eq!(
        order(
            r#"{"model":"m","messages":[1],"max_completion_tokens":900}"#,
            None
        )[0],
        cheap_out
    );
}

#[test]
fn what_a_client_may_say_itself_orders_and_narrows_but_never_forces() {
    let config = gateway(
        &json!({"m": {"targets": [{"provider": "a"}, {"provider": "b"}, {"provider": "a", "model": "x"}]}}),
    );
    let choose = |overrides: Overrides| {
        let mut facts = facts(1);
        facts.overrides = overrides;
        plan::choose(&config, plan::model(&config, "m").unwrap(), "m", &facts)
            .map(|choice| {
                choice
                    .into_steps()
                    .into_iter()
                    .map(|(_, s)| s.model)
                    .collect::<Vec<_>>()
            })
            .map_err(|fault| (fault.status(), fault.message.into_owned()))
    };
    let only = |provider| Overrides {
        provider: Some(provider),
        route: None,
        ..Overrides::default()
    };
    assert_eq!(choose(only(0)).unwrap(), ["m", "x"]);
    assert_eq!(
        choose(only(2)).unwrap_err(),
        (
            400,
            "`m` has no target at the provider `c` that may be used.".into()
        )
    );
    let route = |route| Overrides {
        provider: None,
        route: Some(route),
        ..Overrides::default()
    };
    assert_eq!(choose(route(Route::Cheapest)).unwrap().len(), 3);
    assert_eq!(
        choose(route(Route::Weighted)).unwrap_err(),
        (400, "`m` has no weights, which `weighted` needs.".into())
    );
}

/// Whether a rule with this condition matches.
fn matches(when: &Value, facts: impl FnOnce(&mut Facts<'_>), body: Option<&str>) -> bool {
    let value = json!({
        "role": "gateway",
        "models": {"m": {"targets": [{"provider": "a"}]}, "n": {"targets": [{"provider": "a"}]}},
        "providers": {"a": {"dialect": "openai"}},
        "rules": [{"name": "r", "when": when, "use": "n"}],
    });
    let config = parsed(&value);
    let asked = body.map(|body| Asked::parse(Api::Chat, body.as_bytes()).unwrap());
    let header = |name: &str| match name {
        ":path" => Some("/v1/chat/completions?x=1".to_owned()),
        "x-tier" => Some("gold".to_owned()),
        _ => None,
    };
    let count = || Some(100);
    let mut told = Facts::new("m", "chat", &header, asked.as_ref());
    told.who = Who {
        key: Some("k"),
        team: Some("t"),
        user: None,
        project: Some("p-1"),
    };
    told.count = &count;
    facts(&mut told);
    let choice = plan::choose(&config, plan::model(&config, "m").unwrap(), "m", &told).unwrap();
    assert_eq!(choice.rule.is_some(), choice.model.name == "n");
    choice.rule.is_some()
}

#[test]
fn each_condition_holds_for_what_it_names_and_not_for_what_is_absent() {
    let body = r#"{"model":"m","max_tokens":50,"metadata":{"tier":"gold","n":7},"tools":[{}],"response_format":{"type":"json_schema"},
        "messages":[{"role":"user","content":[{"type":"image_url"},{"type":"text","text":"Prove that x^2 ≥ 0 and explain why."}]}]}"#;
    let plain = r#"{"model":"m","messages":[{"role":"user","content":"hi"}],"tools":[ ]}"#;
    let cases = [
        // The condition; with the full body, with a plain one, without one.
        (json!({}), [true, true, true]),
        (json!({"model": "m"}), [true, true, true]),
        (json!({"model": ["n", "m*"]}), [true, true, true]),
        (json!({"model": "n*"}), [false, false, false]),
        (json!({"operation": "chat"}), [true, true, true]),
        (json!({"operation": "image_*"}), [false, false, false]),
        (
            json!({"key": "k", "team": "t", "project": "p-*"}),
            [true, true, true],
        ),
        (json!({"key": "k", "team": "u"}), [false, false, false]),
        (json!({"user": "*"}), [false, false, false]),
        (json!({"path": "/v1/chat/completions"}), [true, true, true]),
        (json!({"path": "/v1/messages*"}), [false, false, false]),
        (json!({"headers": {"X-Tier": "gold"}}), [true, true, true]),
        (json!({"headers": {"x-tier": "*"}}), [true, true, true]),
        (
            json!({"headers": {"x-tier": "gold", "x-none": "*"}}),
            [false, false, false],
        ),
        (
            json!({"metadata": {"tier": "gold", "n": "7"}}),
            [true, false, false],
        ),
        (
            json!({"metadata": {"tier": "silver"}}),
            [false, false, false],
        ),
        (json!({"has_tools": true}), [true, false, false]),
        (json!({"has_tools": false}), [false, true, false]),
        (json!({"json_schema": true}), [true, false, false]),
        (json!({"has_images": true}), [true, false, false]),
        (json!({"has_images": false}), [false, true, false]),
        (json!({"max_tokens": {"above": 49}}), [true, false, false]),
        (json!({"max_tokens": {"above": 50}}), [false, false, false]),
        (json!({"max_tokens": {"below": 51}}), [true, false, false]),
        (json!({"language": "en"}), [true, false, false]),
        (json!({"language": ["de", "en"]}), [true, false, false]),
        (json!({"language": ["de", "fr"]}), [false, false, false]),
        (json!({"complexity": {"above": 30}}), [true, false, false]),
        (json!({"complexity": {"below": 30}}), [false, true, false]),
        (
            json!({"input_tokens": {"above": 99, "below": 101}}),
            [true, true, false],
        ),
        (
            json!({"input_tokens": {"above": 100}}),
            [false, false, false],
        ),
    ];
    for (when, wanted) in cases {
        let got = [Some(body), Some(plain), None].map(|body| matches(&when, |_| {}, body));
        assert_eq!(got, wanted, "{when}");
    }
}

#[test]
fn the_first_rule_that_matches_counts_and_the_rest_are_not_looked_at() {
    let config = parsed(&json!({
        "role": "gateway",
        "models": {"m": {"targets": [{"provider": "a"}]}, "n-*": {"targets": [{"provider": "a"}]}},
        "providers": {"a": {"dialect": "openai"}},
        "rules": [
            {"name": "no", "when": {"model": "n-2"}, "use": "m"},
            {"name": "yes", "when": {"model": "m"}, "use": "n-1"},
            {"name": "late", "when": {"input_tokens": {"above": 0}}, "require": {"x": "y"}},
            {"name": "too", "when": {"model": "m*"}, "use": "m"},
        ],
    }));
    let count = || panic!("counted for a rule that is not reached");
    let asked = Asked::parse(
        Api::Chat,
        br#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#,
    )
    .unwrap();
    let mut facts = Facts::new("m", "chat", &NO_HEADER, Some(&asked));
    facts.count = &count;
    let choice = plan::choose(&config, plan::model(&config, "m").unwrap(), "m", &facts).unwrap();
    assert_eq!(
        (choice.rule.unwrap().name.as_str(), choice.route().as_str()),
        ("yes", "n-*:fallback")
    );
    assert_eq!(
        choice.into_steps()[0].1.model,
        "n-1",
        "the name behind the wildcard"
    );
    assert_eq!(facts.score(), None);
}

#[test]
fn ids_and_times_draw_evenly() {
    let mut buckets = [0_u32; 16];
    for n in 0..16_000_u64 {
        let now = SystemTime::UNIX_EPOCH + Duration::from_nanos(n);
        buckets[(seed(None, now) >> 60) as usize] += 1;
        buckets[(seed(Some(&n.to_string()), SystemTime::UNIX_EPOCH) >> 60) as usize] += 1;
    }
    assert!(
        buckets.iter().all(|n| n.abs_diff(2000) < 220),
        "{buckets:?}"
    );
}
