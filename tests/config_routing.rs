//! Routes, rules and labels of a configuration: what they become, and what is said about bad ones.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test's helper fails by panicking"
)]

use envoy_llm_gateway::config::{
    self, Between, Condition, Config, Mirror, Named, Need, Route, Rule, Sticky, Target, To, Words,
};
use serde_json::{Value, json};

fn gateway(value: &Value) -> config::Gateway {
    match Config::parse(value.to_string().as_bytes()) {
        Ok(Config::Gateway(gateway)) => gateway,
        other => panic!("{other:?}"),
    }
}

fn problems(value: &Value) -> Vec<String> {
    let list = Config::parse(value.to_string().as_bytes()).unwrap_err();
    list.iter().map(ToString::to_string).collect()
}

/// A gateway with these models and rules, and two providers.
fn with(models: &Value, rules: &Value) -> Value {
    json!({
        "role": "gateway",
        "models": models,
        "providers": {
            "eu": {"dialect": "openai", "labels": {"region": "eu", "hipaa": true}},
            "us": {"dialect": "openai"},
        },
        "rules": rules,
    })
}

fn to(provider: usize) -> To {
    To::Provider {
        provider,
        model: None,
    }
}

fn labels(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter()
        .map(|(n, v)| ((*n).into(), (*v).into()))
        .collect()
}

#[test]
fn a_route_becomes_what_was_written() {
    let models = json!({
        "a": {
            "route": "weighted",
            "sticky": "header: X-Session",
            "targets": [
                {"provider": "eu", "weight": 90, "labels": {"region": "eu-west", "zone": "a"}},
                {"route_to": "b-1", "weight": 0},
            ],
        },
        "b-*": {"route": "cheapest", "targets": [{"provider": "us"}]},
    });
    let gateway = gateway(&with(&models, &json!([])));
    let [a, b] = gateway.models.as_slice() else {
        panic!()
    };
    assert_eq!((a.route, b.route), (Route::Weighted, Route::Cheapest));
    assert_eq!(a.sticky, Some(Sticky::Header("x-session".into())));
    assert_eq!(
        a.targets,
        [
            Target {
                to: to(0),
                weight: 90,
                labels: labels(&[("hipaa", "true"), ("region", "eu-west"), ("zone", "a")]),
            },
            Target {
                to: To::Model(Named {
                    model: 1,
                    asked: "b-1".into()
                }),
                weight: 0,
                labels: Vec::new(),
            },
        ]
    );
}

#[test]
fn a_rule_becomes_what_was_written_the_cheap_conditions_first() {
    let rules = json!([
        {"name": "all", "when": {}, "require": {"region": ["eu", "ch"], "hipaa": true}},
        {
            "name": "every condition",
            "use": "m",
            "when": {
                "input_tokens": {"above": 5, "below": 7},
                "complexity": {"below": 30},
                "language": ["de", "fr"],
                "has_images": true,
                "max_tokens": {"above": 1},
                "json_schema": false,
                "has_tools": true,
                "metadata": {"tier": "gold"},
                "hours": "22:00 - 06:30",
                "days": ["mon", "sun"],
                "headers": {"X-Tier": ["a", "b*"]},
                "path": "/v1/*", "project": "p", "user": "u", "team": "t", "key": "k", "operation": "chat", "model": "m*",
            },
        },
    ]);
    let gateway = gateway(&with(
        &json!({"m": {"targets": [{"provider": "us"}]}}),
        &rules,
    ));
    let words = |list: &[&str]| Words(list.iter().map(|w| (*w).to_owned()).collect());
    let one = |word: &str| words(&[word]);
    let need = |name: &str, list: &[&str]| Need {
        name: name.into(),
        values: list.iter().map(|w| (*w).to_owned()).collect(),
    };
    assert_eq!(
        gateway.rules,
        [
            Rule {
                name: "all".into(),
                when: vec![],
                instead: None,
                require: vec![need("hipaa", &["true"]), need("region", &["eu", "ch"])],
            },
            Rule {
                name: "every condition".into(),
                when: vec![
                    Condition::Model(one("m*")),
                    Condition::Key(one("k")),
                    Condition::Team(one("t")),
                    Condition::User(one("u")),
                    Condition::Project(one("p")),
                    Condition::Path(one("/v1/*")),
                    Condition::Operation(one("chat")),
                    Condition::Header("x-tier".into(), words(&["a", "b*"])),
                    Condition::Days(0b100_0001),
                    Condition::Hours(22 * 60, 6 * 60 + 30),
                    Condition::Metadata("tier".into(), one("gold")),
                    Condition::Tools(true),
                    Condition::Schema(false),
                    Condition::MaxTokens(Between {
                        above: Some(1),
                        below: None
                    }),
                    Condition::Images(true),
                    Condition::Language(vec!["de", "fr"]),
                    Condition::Complexity(Between {
                        above: None,
                        below: Some(30)
                    }),
                    Condition::InputTokens(Between {
                        above: Some(5),
                        below: Some(7)
                    }),
                ],
                instead: Some(Named {
                    model: 0,
                    asked: "m".into()
                }),
                require: vec![],
            },
        ]
    );
}

#[test]
fn a_key_has_what_rules_and_plans_need_of_it() {
    let mut value = with(&json!({"m": {"targets": [{"provider": "us"}]}}), &json!([]));
    let key = |id: &str, more: Value| {
        let mut key = json!({"id": id, "sha256": format!("{:0>64}", id)});
        key.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        key
    };
    value["overrides"] = json!(true);
    value["keys"] = json!([
        key(
            "1",
            json!({"user": "ann", "project": "search", "require": {"region": "eu"}})
        ),
        key("2", json!({"overrides": false})),
    ]);
    let keys = gateway(&value).keys.unwrap();
    assert_eq!(
        (
            keys[0].user.as_deref(),
            keys[0].project.as_deref(),
            keys[0].overrides,
            keys[1].overrides
        ),
        (Some("ann"), Some("search"), true, false)
    );
    assert_eq!(
        keys[0].require,
        [Need {
            name: "region".into(),
            values: vec!["eu".into()]
        }]
    );
    // A requirement whose lines were all commented out is not none.
    value["keys"] = json!([
        key("1", json!({"require": null})),
        key("2", json!({"require": {}}))
    ]);
    assert_eq!(
        problems(&value),
        [
            "$.keys[0].require: expected an object, found null",
            "$.keys[1].require: empty; name at least one label",
        ]
    );
}

#[test]
fn every_problem_of_a_route_is_named() {
    let models = json!({
        "a": {"sticky": "user", "targets": [{"provider": "eu", "weight": 1}]},
        "b": {"route": "weighted", "sticky": "session", "targets": [{"provider": "eu"}, {"provider": "us", "weight": 1_000_001}]},
        "c": {"route": "weighted", "sticky": "header:cookie", "targets": [{"provider": "eu", "weight": 0}]},
        "d": {"targets": [{"route_to": "b", "provider": "eu", "model": "m", "labels": {}}, {"route_to": "none"}, {"route_to": "a*"}]},
        "e": {"targets": [{"provider": "eu", "labels": {"a b": "x", "n": 7, "empty": ""}}, {}]},
        "g": {"route": "least_busy", "exploration_percent": 5, "sticky": "user", "targets": [{"provider": "eu", "weight": 1}]},
        "h": {"route": "fastest", "exploration_percent": 101, "targets": [{"provider": "eu"}]},
        "f": {"route": "slowest", "sticky": "header:", "targets": [{"provider": "eu", "weight": 1}]},
    });
    assert_eq!(
        problems(&with(&models, &json!([]))),
        [
            "$.models.a.sticky: belongs to `route: weighted`",
            "$.models.a.targets[0].weight: belongs to `route: weighted`",
            r#"$.models.b.sticky: unknown value "session"; allowed: user, or header: and its name, as in "header:x-session""#,
            "$.models.b.targets[0].weight: missing; 0 makes it a target for when others have failed",
            "$.models.b.targets[1].weight: expected 0 to 1000000, found 1000001",
            "$.models.c.sticky: cookie is removed before a request is planned; nothing can depend on it",
            "$.models.c.targets: every weight is 0; at least one must be above",
            "$.models.d.targets[0].labels: belongs to a provider; `route_to` leads to another model's targets",
            "$.models.d.targets[0].model: belongs to a provider; `route_to` leads to another model's targets",
            "$.models.d.targets[0].provider: belongs to a provider; `route_to` leads to another model's targets",
            r#"$.models.d.targets[1].route_to: no model "none"; configured: a, b, c, d, e, f, g, h"#,
            "$.models.d.targets[2].route_to: names one model, as a client asks for it",
            "$.models.e.targets[0].labels.empty: must not be empty",
            "$.models.e.targets[0].labels.n: expected a string, found 7; put it in quotes",
            r#"$.models.e.targets[0].labels["a b"]: a label's name holds ASCII letters, digits, `.`, `_`, `-` and `/`"#,
            "$.models.e.targets[1].provider: missing",
            r#"$.models.f.route: "slowest" is not a route; allowed: fallback, weighted, cheapest, fastest, least_busy"#,
            "$.models.f.sticky: not a header's name; allowed: ASCII letters, digits, - _ . and the other token characters",
            "$.models.g.exploration_percent: belongs to `route: fastest`",
            "$.models.g.sticky: belongs to `route: weighted`",
            "$.models.g.targets[0].weight: belongs to `route: weighted`",
            "$.models.h.exploration_percent: expected 0 to 100, found 101",
        ]
    );
}

#[test]
fn a_mirror_becomes_what_was_written_with_its_provider_s_labels_under_its_own() {
    let mirror = |mirror: Value| {
        let models = json!({"m": {"targets": [{"provider": "us"}], "mirror": mirror}});
        gateway(&with(&models, &json!([]))).models.remove(0).mirror
    };
    let own =
        json!({"provider": "eu", "model": "next", "percent": "12.5", "labels": {"region": "ch"}});
    let want = Mirror {
        target: Target {
            to: To::Provider {
                provider: 0,
                model: Some("next".into()),
            },
            weight: 0,
            labels: labels(&[("hipaa", "true"), ("region", "ch")]),
        },
        share: 125_000,
    };
    assert_eq!(mirror(own), Some(want));
    let share =
        |percent: Value| mirror(json!({"provider": "us", "percent": percent})).map(|m| m.share);
    assert_eq!(share(json!(100)), Some(Mirror::WHOLE));
    assert_eq!(share(json!(0.0001)), Some(1));
    assert_eq!(share(json!(0)), Some(0));
}

#[test]
fn every_problem_of_a_mirror_is_named() {
    let models = json!({
        "a": {"targets": [{"provider": "eu"}], "mirror": {"provider": "nobody", "model": "x*", "percent": 101}},
        "b": {"targets": [{"provider": "eu"}], "mirror": {"route_to": "a", "percent": "0.00001", "weight": 1}},
        "c": {"targets": [{"provider": "eu"}], "mirror": "eu"},
        "d": {"targets": [{"provider": "eu"}], "mirror": {"provider": "eu"}},
    });
    assert_eq!(
        problems(&with(&models, &json!([]))),
        [
            "$.models.a.mirror.model: names one model; leave it out to pass on the name that was asked for",
            "$.models.a.mirror.percent: expected 0 to 100 with at most 4 decimal places, found 101",
            r#"$.models.a.mirror.provider: no provider "nobody"; configured: eu, us"#,
            "$.models.b.mirror.percent: expected 0 to 100 with at most 4 decimal places, found 0.00001",
            "$.models.b.mirror.provider: missing",
            "$.models.b.mirror.route_to: unknown key; allowed: labels, model, percent, provider",
            "$.models.b.mirror.weight: unknown key; allowed: labels, model, percent, provider",
            "$.models.c.mirror: expected an object, found a string",
            "$.models.d.mirror.percent: missing",
        ]
    );
}

#[test]
fn every_problem_of_a_rule_is_named() {
    let rules = json!([
        {"name": "a", "when": {"model": "a*b", "team": [], "headers": {"x-llm-plan": "x", "a b": "x"}, "colour": "red"}, "use": "m"},
        {"name": "a", "when": {"team": "x"}, "use": "nobody"},
        {"when": {"hours": "8-18", "days": ["montag"], "input_tokens": {}, "complexity": {"above": 10, "below": 11}, "max_tokens": 7}, "use": "m"},
        {"name": "d", "when": {"hours": "08:00-08:00", "complexity": {"above": 101}}, "require": {}},
        {"name": "e", "when": {"hours": "24:00-08:00", "language": ["de", "deu"]}},
    ]);
    let models = json!({"m": {"targets": [{"provider": "us"}]}});
    assert_eq!(
        problems(&with(&models, &rules)),
        [
            "$.rules[0].when.colour: unknown key; allowed: complexity, days, has_images, has_tools, headers, hours, input_tokens, json_schema, key, language, max_tokens, metadata, model, operation, path, project, team, user",
            "$.rules[0].when.headers.x-llm-plan: x-llm-plan is removed before a request is planned; nothing can depend on it",
            r#"$.rules[0].when.headers["a b"]: not a header's name; allowed: ASCII letters, digits, - _ . and the other token characters"#,
            "$.rules[0].when.model: `*` may stand at the end only",
            "$.rules[0].when.team: empty; name at least one value",
            "$.rules[1].name: the same as in $.rules[0]",
            r#"$.rules[1].use: no model "nobody"; configured: m"#,
            "$.rules[2].name: missing",
            "$.rules[2].when.complexity: no whole number is above 10 and below 11",
            r#"$.rules[2].when.days[0]: unknown value "montag"; allowed: mon, tue, wed, thu, fri, sat, sun"#,
            r#"$.rules[2].when.hours: expected two times of the day in UTC such as "08:00-18:00", found "8-18""#,
            "$.rules[2].when.input_tokens: says nothing; name `above`, `below` or both",
            "$.rules[2].when.max_tokens: expected an object, found a number",
            "$.rules[3].require: empty; name at least one label",
            "$.rules[3].when.complexity.above: expected 0 to 100, found 101",
            r#"$.rules[3].when.hours: expected two times of the day in UTC such as "08:00-18:00", found "08:00-08:00""#,
            "$.rules[4].use: missing: a rule needs `use`, `require` or both",
            r#"$.rules[4].when.hours: expected two times of the day in UTC such as "08:00-18:00", found "24:00-08:00""#,
            r#"$.rules[4].when.language[1]: unknown value "deu"; allowed: ar, bg, cs, da, de, el, en, es, fa, fi, fr, he, hi, hu, id, it, ja, ko, nl, no, pl, pt, ro, ru, sv, th, tr, uk, vi, zh"#,
        ]
    );
}

#[test]
fn rules_whose_lines_are_all_commented_out_are_no_rules_by_chance() {
    let models = json!({"m": {"targets": [{"provider": "us"}]}});
    assert_eq!(
        problems(&with(&models, &Value::Null)),
        ["$.rules: expected a list, found null"]
    );
    let rules = json!([{"name": "a", "when": null, "use": "m", "require": null}]);
    assert_eq!(
        problems(&with(&models, &rules)),
        [
            "$.rules[0].require: expected an object, found null",
            "$.rules[0].when: expected an object, found null",
        ]
    );
    let rules =
        json!([{"name": "a", "when": {"team": null, "headers": null, "days": null}, "use": "m"}]);
    assert_eq!(
        problems(&with(&models, &rules)),
        [
            "$.rules[0].when.days: expected a string, found null",
            "$.rules[0].when.headers: expected an object, found null",
            "$.rules[0].when.team: expected a string, found null",
        ]
    );
}

#[test]
fn a_rule_that_no_request_can_meet_is_refused() {
    let models =
        json!({"m": {"targets": [{"provider": "us"}]}, "gpt-*": {"targets": [{"provider": "us"}]}});
    let rules = json!([
        {"name": "a", "when": {"model": ["mm", "gpt-5", "g*", "echo"]}, "use": "m"},
        {"name": "all", "use": "m"},
        {"name": "dead", "when": {"team": "legal"}, "require": {"region": "eu"}},
    ]);
    assert_eq!(
        problems(&with(&models, &rules)),
        [
            "$.rules[0].when.model[0]: no such model; configured: gpt-*, m, echo",
            "$.rules[2]: is never looked at: $.rules[1] has no conditions, so it always counts first",
        ]
    );
}

#[test]
fn a_rule_for_an_operation_that_nobody_knows_is_refused() {
    let models = json!({"m": {"targets": [{"provider": "us"}]}});
    let rule = |operation: Value| {
        let rule = json!([{"name": "a", "when": {"operation": operation}, "use": "m"}]);
        with(&models, &rule)
    };
    let known = "batches, chat, completions, count_tokens, embeddings, files, fine_tuning, image_edit, image_generation, \
                 image_variation, moderation, rerank, speech, transcription, translation, uploads, vector_stores";
    for wrong in ["images", "audio", "messages", "imag", "images*"] {
        assert_eq!(
            problems(&rule(json!(["chat", wrong]))),
            [format!(
                "$.rules[0].when.operation: no operation is called {wrong:?}; allowed: {known}"
            )]
        );
    }
    let known = gateway(&rule(json!(["chat", "image_*", "*"])));
    assert_eq!(known.rules.len(), 1);
}

#[test]
fn models_that_lead_to_each_other_in_a_circle_are_refused() {
    let model = |to: &[&str]| {
        let targets: Vec<_> = to.iter().map(|to| json!({"route_to": to})).collect();
        json!({"targets": targets})
    };
    let refused = |models: Value| problems(&with(&models, &json!([])));
    assert_eq!(
        refused(json!({"a": model(&["b"]), "b": model(&["c"]), "c": model(&["a"])})),
        ["$.models: a circle: a -> b -> c -> a"]
    );
    assert_eq!(
        refused(json!({"a": model(&["a"])})),
        ["$.models: a circle: a -> a"]
    );
    // Through a wildcard, and beside a way that is well.
    let end = json!({"targets": [{"provider": "us"}]});
    assert_eq!(
        refused(json!({"end": end, "x": model(&["end", "y-1"]), "y-*": model(&["x"])})),
        ["$.models: a circle: x -> y-* -> x"]
    );
    // Two ways to one model are no circle.
    gateway(&with(
        &json!({"end": end, "x": model(&["end", "y"]), "y": model(&["end"])}),
        &json!([]),
    ));
}

#[test]
fn models_in_models_are_bounded_in_depth_and_number() {
    let chain = |depth: usize| {
        let mut models = json!({"m0": {"targets": [{"provider": "us"}]}});
        for at in 1..=depth {
            models[format!("m{at}")] = json!({"targets": [{"route_to": format!("m{}", at - 1)}]});
        }
        with(&models, &json!([]))
    };
    gateway(&chain(4));
    assert_eq!(
        problems(&chain(5)),
        ["$.models: m5 -> m4 -> m3 -> m2 -> m1 -> m0: models may lead to models 4 times"]
    );
    let wide = |count: usize| {
        let leaf: Vec<_> = (0..16).map(|_| json!({"provider": "us"})).collect();
        let mut nested: Vec<_> = (0..2).map(|_| json!({"route_to": "leaf"})).collect();
        nested.extend((2..count).map(|_| json!({"provider": "us"})));
        with(
            &json!({"leaf": {"targets": leaf}, "wide": {"targets": nested}}),
            &json!([]),
        )
    };
    gateway(&wide(2));
    assert_eq!(
        problems(&wide(3)),
        [r#"$.models: "wide" has more than 32 targets with those of the models that it leads to"#]
    );
}
