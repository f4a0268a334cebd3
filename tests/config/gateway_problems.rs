//! What is said about bad settings of the gateway role: all of it at once, each with its place.

use crate::{full, problems};
use serde_json::{Value, json};

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
