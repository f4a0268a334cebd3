//! `POST /gateway/explain` on a fake host: who may ask, what is told, and that it is what would be sent.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod support;

use envoy_llm_gateway::{config::Config, gateway::Request};
use serde_json::{Value, json};
use std::rc::Rc;
use support::{
    FakeHost, Reply, Shared,
    fixtures::{self, Case},
    request,
};

/// SHA-256 of `key-of-support`.
const SUPPORT: &str = "6c1d08605eebfcd189e3418495e40f805691fea957334c09ede6cc3683b1464b";
/// SHA-256 of `key-of-all`.
const ALL: &str = "11b61ff8f27ebdeaa6f43de31efa2bb959b0c03b95f5943338d0f95797a6bbd2";
const ADMIN: (&str, &str) = ("authorization", "Bearer key-of-all");

fn settings() -> Value {
    json!({
        "role": "gateway",
        "models": {
            "smart": {"targets": [{"provider": "us", "model": "gpt-5-mini"}, {"provider": "eu", "model": "claude-sonnet-4-6"}]},
            "shared": {"route": "weighted", "targets": [{"provider": "us", "model": "a", "weight": 1}, {"provider": "eu", "model": "b", "weight": 0}]},
            "cheap": {"route": "cheapest", "targets": [{"provider": "us", "model": "dear"}, {"provider": "us", "model": "fair"}, {"provider": "eu", "model": "odd"}]},
            "small": {"targets": [{"provider": "us", "model": "little"}]},
            "us-only": {"targets": [{"provider": "us"}]},
            "tight": {"targets": [{"provider": "us", "model": "gpt-4"}], "on_context_length": "smart", "answer_timeout": "7s", "idle_timeout": "3s", "total_timeout": "9s"},
            "copied": {"targets": [{"provider": "eu"}], "mirror": {"provider": "us", "model": "fair", "percent": 0.5}},
        },
        "providers": {
            "us": {"dialect": "openai"},
            "eu": {"dialect": "anthropic", "labels": {"region": "eu"}},
        },
        "model_info": {
            "dear": {"input_usd_per_million": 1000, "output_usd_per_million": 0},
            "fair": {"input_usd_per_million": 100, "output_usd_per_million": 10},
        },
        "rules": [
            {"name": "legal", "when": {"team": "legal"}, "require": {"region": "eu"}},
            {"name": "messages", "when": {"path": "/v1/messages", "operation": "chat"}, "use": "small"},
            {"name": "german", "when": {"language": "de", "headers": {"x-by-language": "*"}}, "use": "small"},
            {"name": "easy", "when": {"complexity": {"below": 30}, "headers": {"x-auto": "*"}}, "use": "small"},
        ],
        "keys": [
            {"id": "lawyer", "sha256": SUPPORT, "team": "legal", "models": ["smart", "us-only"]},
            {"id": "ops", "sha256": ALL, "admin": true},
        ],
    })
}

/// Asks; the clusters `us` and `eu` carry provider roles.
fn ask(settings: &Value, headers: &[(&str, &str)], body: &str) -> (FakeHost, Reply) {
    on(FakeHost::default(), settings, headers, body)
}

fn on(host: FakeHost, settings: &Value, headers: &[(&str, &str)], body: &str) -> (FakeHost, Reply) {
    let Ok(Config::Gateway(config)) = Config::parse(settings.to_string().as_bytes()) else {
        panic!()
    };
    for (cluster, role) in [
        (
            "us",
            json!({"dialect": "openai", "host": "api.example.com", "headers": {"x-team": "ai"}}),
        ),
        ("eu", json!({"dialect": "anthropic"})),
    ] {
        let mut role = role;
        role["role"] = json!("provider");
        let Ok(Config::Provider(role)) = Config::parse(role.to_string().as_bytes()) else {
            panic!()
        };
        let mut roles = host.roles.borrow_mut();
        roles.entry(cluster.into()).or_insert_with(|| Rc::new(role));
    }
    let mut gateway = Request::new(Rc::new(config));
    let usual = [
        (":method", "POST"),
        (":path", "/gateway/explain"),
        (":authority", "gateway.example.com"),
        ("content-type", "application/json"),
        ("x-request-id", "id-1"),
    ];
    let headers: Vec<_> = usual
        .iter()
        .filter(|(name, _)| !headers.iter().any(|(own, _)| own == name))
        .chain(headers)
        .copied()
        .collect();
    let chunks: Vec<&[u8]> = body.as_bytes().chunks(50).collect();
    assert!(request(&mut gateway, &host, &headers, &chunks).is_none());
    let reply = host.replies.borrow()[0].clone();
    (host, reply)
}

fn told(headers: &[(&str, &str)], body: &str) -> Value {
    let mut all = vec![ADMIN];
    all.extend(headers);
    let (host, reply) = ask(&settings(), &all, body);
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(
        host.state_value("llm.operation").as_deref(),
        Some("explain")
    );
    assert_eq!(host.state_value("llm.hand_over"), None, "nothing is sent");
    serde_json::from_str(&reply.body).unwrap()
}

fn chat(model: &str) -> String {
    said(model, "hi")
}

fn said(model: &str, text: &str) -> String {
    json!({"model": model, "messages": [{"role": "user", "content": text}]}).to_string()
}

/// The plan as `provider/model reason`.
fn plan(told: &Value) -> Vec<String> {
    let text = |step: &Value, key: &str| step[key].as_str().unwrap().to_owned();
    let steps = told["plan"].as_array().unwrap().iter();
    steps
        .map(|s| {
            format!(
                "{}/{} {}",
                text(s, "provider"),
                text(s, "model"),
                text(s, "reason")
            )
        })
        .collect()
}

fn skipped(told: &Value) -> Vec<String> {
    let text = |step: &Value, key: &str| step[key].as_str().unwrap().to_owned();
    let steps = told["skipped"].as_array().unwrap().iter();
    steps
        .map(|s| {
            format!(
                "{}/{} {}",
                text(s, "provider"),
                text(s, "model"),
                text(s, "reason")
            )
        })
        .collect()
}

#[test]
fn every_target_is_told_with_its_whole_request() {
    let got = told(&[("traceparent", "00-1-2-03")], &chat("smart"));
    let us = json!({
        "provider": "us",
        "cluster": "us",
        "model": "gpt-5-mini",
        "dialect": "openai",
        "reason": "order",
        "because": "as it is written",
        "input_tokens": 7,
        "estimated_cost_usd": 0.001_001_75,
        "dropped": [],
        "request": {
            "method": "POST",
            "path": "/v1/chat/completions",
            "headers": {
                "host": "api.example.com",
                "content-type": "application/json",
                "content-length": "66",
                "accept": "application/json",
                "accept-encoding": "identity",
                "x-team": "ai",
            },
            "body": {"model": "gpt-5-mini", "messages": [{"role": "user", "content": "hi"}]},
        },
    });
    assert_eq!(got["plan"][0], us);
    let eu = &got["plan"][1]["request"];
    assert_eq!(
        (
            &eu["path"],
            &eu["headers"]["host"],
            &eu["body"]["max_tokens"]
        ),
        (
            &json!("/v1/messages"),
            &json!("gateway.example.com"),
            &json!(128_000)
        )
    );
    let mut rest = got.as_object().unwrap().clone();
    rest.remove("plan");
    let want = json!({
        "model": "smart",
        "path": "/v1/chat/completions",
        "key": "ops",
        "rule": null,
        "policy": "fallback",
        "route": "smart:fallback",
        "input_tokens": 7,
        "input_tokens_class": "exact",
        "assumed_output_tokens": 500,
        "assumption": "an answer of 500 tokens, or of the client's limit where that is less; no token of the prompt comes from a cache",
        "estimated_cost_usd": 0.001_001_75,
        "attempt_timeout_ms": 600_000,
        "credentials": "put in by Envoy after this filter",
        "skipped": [],
    });
    assert_eq!(Value::Object(rest), want);
}

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
fn rules_see_the_request_that_is_meant() {
    let got = told(&[("x-auto", "1")], &chat("smart"));
    assert_eq!(
        (&got["rule"], &got["route"], got["score"].is_number()),
        (&json!("easy"), &json!("small:fallback"), true)
    );
    let message =
        json!({"model": "smart", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]})
            .to_string();
    let got = told(&[(":path", "/gateway/explain?path=/v1/messages")], &message);
    assert_eq!(
        (&got["rule"], &got["assumed_output_tokens"]),
        (&json!("messages"), &json!(9))
    );
    assert_eq!(got["plan"][0]["request"]["path"], "/v1/chat/completions");
    assert_eq!(got["score"], Value::Null, "nothing has asked for it");
    assert_eq!(got["language"], Value::Null);
    let got = told(
        &[("x-by-language", "1")],
        &said("smart", "Wie kündige ich mein Abonnement bei Ihnen?"),
    );
    assert_eq!(
        (&got["rule"], &got["language"]),
        (&json!("german"), &json!("de"))
    );
    let (_, reply) = ask(
        &settings(),
        &[
            ADMIN,
            (
                ":path",
                "/gateway/explain?path=%2Fv1%2Fimages%2Fgenerations",
            ),
        ],
        &chat("smart"),
    );
    assert_eq!(reply.status, 400);
}

#[test]
fn a_body_that_no_request_may_have_is_refused_as_ever() {
    for body in ["{", "[]", r#"{"model":"smart"}"#, r#"{"messages":[{}]}"#] {
        let (_, reply) = ask(&settings(), &[ADMIN], body);
        assert_eq!(reply.status, 400, "{body}");
    }
    let (_, reply) = ask(
        &settings(),
        &[ADMIN, (":path", "/gateway/explain?path=/v1/messages")],
        r#"{"model":"smart"}"#,
    );
    let body: Value = serde_json::from_str(&reply.body).unwrap();
    assert_eq!((reply.status, &body["type"]), (400, &json!("error")));
}

#[test]
fn what_policies_weigh_is_told() {
    assert_eq!(
        plan(&told(&[], &chat("shared"))),
        ["us/a drawn", "eu/b weight"]
    );
    let got = told(&[], &said("cheap", "hi"));
    assert_eq!(
        plan(&got),
        ["us/fair price", "us/dear price", "eu/odd price"]
    );
    let first = &got["plan"][0];
    let tokens = first["input_tokens"].as_u64().unwrap() as f64;
    let want = (tokens * 100.0 + 500.0 * 10.0) / 1e6;
    assert!((got["estimated_cost_usd"].as_f64().unwrap() - want).abs() < 1e-12);
    assert_eq!(first["because"], format!("by its price: {want} US dollars"));
    assert_eq!(got["plan"][2]["estimated_cost_usd"], Value::Null);
}

#[test]
fn targets_that_cannot_take_the_request_are_told_with_the_reason() {
    let many = json!({"model": "smart", "n": 2, "messages": [{"role": "user", "content": "hi"}]});
    let got = told(&[], &many.to_string());
    assert_eq!(
        (plan(&got), skipped(&got)),
        (
            vec!["us/gpt-5-mini order".to_owned()],
            vec!["eu/claude-sonnet-4-6 unsupported_parameter".to_owned()]
        )
    );
    // A single target is asked, and refuses itself.
    let mut alone = settings();
    alone["models"]["smart"]["targets"] = json!([{"provider": "eu", "model": "claude-sonnet-4-6"}]);
    let (_, reply) = ask(&alone, &[ADMIN], &many.to_string());
    let got: Value = serde_json::from_str(&reply.body).unwrap();
    assert_eq!(
        (
            &got["plan"][0]["request"],
            &got["plan"][0]["refusal"]["status"]
        ),
        (&Value::Null, &json!(400))
    );
}

#[test]
fn a_prompt_that_is_too_long_shows_where_it_goes() {
    let got = told(&[], &said("tight", &"word ".repeat(9000)));
    assert_eq!(
        plan(&got),
        ["us/gpt-5-mini longer", "eu/claude-sonnet-4-6 longer"]
    );
    assert_eq!(skipped(&got), ["us/gpt-4 context_length_exceeded"]);
    assert_eq!(
        (
            &got["attempt_timeout_ms"],
            &got["idle_timeout_ms"],
            &got["total_timeout_ms"]
        ),
        (&json!(7000), &json!(3000), &json!(9000))
    );
    let got = told(&[], &chat("tight"));
    assert_eq!(plan(&got), ["us/gpt-4 order"]);
    assert_eq!(
        skipped(&got),
        [
            "us/gpt-5-mini not_needed",
            "eu/claude-sonnet-4-6 not_needed"
        ]
    );
}

#[test]
fn what_cools_down_is_told_and_not_probed() {
    let shared = Shared::default();
    let mut host = FakeHost::default();
    host.shared = shared.clone();
    let since = host.now_ms.get();
    let mut gateway_settings = settings();
    gateway_settings["health"] = json!({"failures": 1, "cool_down": "10s"});
    let fail = |host: &FakeHost| {
        let Ok(Config::Gateway(config)) = Config::parse(gateway_settings.to_string().as_bytes())
        else {
            panic!()
        };
        let mut role = Request::new(Rc::new(config));
        let head = [
            (":method", "POST"),
            (":path", "/v1/chat/completions"),
            ADMIN,
        ];
        request(&mut role, host, &head, &[chat("smart").as_bytes()]).unwrap();
        host.state.borrow_mut().insert(
            "llm.attempts".to_owned(),
            json!([
                {"provider": "us", "model": "gpt-5-mini", "status": 503, "ms": 1, "reason": "provider_overloaded", "at_ms": since},
                {"provider": "eu", "model": "claude-sonnet-4-6", "status": 200, "ms": null, "reason": null, "at_ms": since},
            ])
            .to_string(),
        );
        let answer = [
            (":status", "200"),
            ("x-llm-provider", "eu"),
            ("x-llm-attempts", "2"),
        ];
        support::response(&mut role, host, &answer, &[b"{}"]);
    };
    fail(&host);
    let asked = |now: u64| {
        let mut host = FakeHost::default();
        host.shared = shared.clone();
        host.now_ms.set(now);
        let (_, reply) = on(host, &gateway_settings, &[ADMIN], &chat("smart"));
        serde_json::from_str::<Value>(&reply.body).unwrap()
    };
    let before = shared.borrow().clone();
    let got = asked(since + 9_000);
    assert_eq!(
        plan(&got),
        ["eu/claude-sonnet-4-6 order", "us/gpt-5-mini order"]
    );
    assert_eq!(
        got["plan"][1]["cooling"],
        json!({"reason": "failures", "until_ms": since + 10_000})
    );
    assert_eq!(got["plan"][0]["cooling"], Value::Null);
    // Its pause is over: this request would probe it, and so would the next, since nobody has.
    for _ in 0..2 {
        let got = asked(since + 10_000);
        assert_eq!(
            plan(&got),
            ["us/gpt-5-mini order", "eu/claude-sonnet-4-6 order"]
        );
    }
    assert_eq!(*shared.borrow(), before);
}

#[test]
fn what_the_gateway_answers_itself_is_told() {
    let got = told(&[], &chat("echo"));
    assert_eq!(
        (&got["answered_by"], plan(&got).len()),
        (&json!("gateway"), 0)
    );
    let message =
        json!({"model": "small", "messages": [{"role": "user", "content": "hi"}]}).to_string();
    let path = (":path", "/gateway/explain?path=/v1/messages/count_tokens");
    let got = told(&[path], &message);
    assert_eq!(
        (&got["answered_by"], skipped(&got)),
        (&json!("gateway"), vec!["us/little unsupported".to_owned()])
    );
}

#[test]
fn a_cluster_whose_role_is_not_known_says_how_to_name_it() {
    let mut settings = settings();
    settings["providers"]["us"]["clusters"] = json!(["us", "us-2"]);
    let (_, reply) = ask(&settings, &[ADMIN], &chat("small"));
    let got: Value = serde_json::from_str(&reply.body).unwrap();
    let targets = got["plan"].as_array().unwrap();
    let other = targets.iter().find(|t| t["cluster"] == "us-2").unwrap();
    assert_eq!(other["request"], Value::Null);
    assert!(other["not_shown"].as_str().unwrap().contains("`us-2`"));
    let known = targets.iter().find(|t| t["cluster"] == "us").unwrap();
    assert!(known["request"]["body"].is_object());
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

/// What is told is what is sent: the law that makes it worth asking, for every fixture of every dialect.
#[test]
fn for_every_fixture_the_request_that_is_told_is_the_one_that_is_sent() {
    let cases = fixtures::all();
    let (mut shown, mut refused) = (0, 0);
    for case in &cases {
        let target = explained(case);
        if case.upstream_request.is_null() {
            assert_eq!(
                (&target["request"], &target["refusal"]["status"]),
                (&Value::Null, &json!(case.client_status)),
                "{}",
                case.name
            );
            refused += 1;
            continue;
        }
        let mut request = target["request"].clone();
        let headers = request["headers"].as_object_mut().unwrap();
        headers.remove("content-length");
        headers.remove("host");
        assert_eq!(request, case.upstream_request, "{}", case.name);
        if !case.failed && case.client_status == 200 {
            assert_eq!(target["dropped"], json!(case.dropped), "{}", case.name);
        }
        shown += 1;
    }
    assert!(
        shown > 400 && refused > 20,
        "{shown} shown, {refused} refused"
    );
}

fn explained(case: &Case) -> Value {
    let settings = json!({
        "role": "gateway",
        "models": {"*": {"targets": [{"provider": "p", "model": case.target}]}},
        "providers": {"p": {"cluster": "c", "dialect": case.dialect}},
        "keys": [{"id": "ops", "sha256": ALL, "admin": true}],
        "on_context_length": "ignore",
    });
    let host = FakeHost::default();
    host.roles.borrow_mut().insert("c".into(), case.role());
    let path = format!("/gateway/explain?path={}", fixtures::path(case.api));
    let mut headers = vec![ADMIN, (":path", path.as_str())];
    let own = case.client_headers.iter();
    headers.extend(own.map(|(name, value)| (name.as_str(), value.as_str())));
    let body = String::from_utf8(case.client.clone()).unwrap();
    let (_, reply) = on(host, &settings, &headers, &body);
    assert_eq!(reply.status, 200, "{}: {}", case.name, reply.body);
    let got: Value = serde_json::from_str(&reply.body).unwrap();
    if got["answered_by"] == "gateway" || got["refusal"].is_object() {
        return json!({"refusal": got["refusal"], "name": case.name});
    }
    assert_eq!(
        got["plan"].as_array().unwrap().len(),
        1,
        "{}: {got}",
        case.name
    );
    got["plan"][0].clone()
}

#[test]
fn the_guards_that_would_be_called_are_told_and_nobody_is_asked() {
    let told = |model: &str| {
        let mut settings = settings();
        let guard = |name: &str, on: &str, models: Value| json!({"name": name, "on": on, "action": "block", "models": models, "call": {"kind": "webhook", "cluster": "hook"}});
        settings["guards"] = json!([
            guard("before", "input", json!(["*"])),
            guard("both", "both", json!(["smart"])),
            guard("behind", "output", json!(["*"])),
        ]);
        let body = json!({"model": model, "messages": [{"role": "user", "content": "hi"}]});
        let (host, reply) = ask(&settings, &[ADMIN], &body.to_string());
        assert!(host.calls.borrow().is_empty());
        serde_json::from_str::<Value>(&reply.body).unwrap()["calls"].clone()
    };
    let all = json!({"input": ["before", "both"], "output": ["both", "behind"]});
    assert_eq!(told("smart"), all);
    let some = json!({"input": ["before"], "output": ["behind"]});
    assert_eq!(told("small"), some);
}

#[test]
fn what_guards_do_is_told_and_shown() {
    let told = |action: &str, more: Value| {
        let mut settings = settings();
        let mut guard =
            json!({"name": "pii", "detect": "EMAIL_ADDRESS", "action": action, "on": "input"});
        guard
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        settings["guards"] = json!([guard]);
        let body =
            json!({"model": "smart", "messages": [{"role": "user", "content": "ann@example.com"}]});
        let (_, reply) = ask(&settings, &[ADMIN], &body.to_string());
        serde_json::from_str::<Value>(&reply.body).unwrap()
    };
    let masked = told("mask", json!({}));
    assert_eq!(masked["guard"], "pii:mask=1");
    for target in masked["plan"].as_array().unwrap() {
        let body = target["request"]["body"].to_string();
        assert!(
            body.contains("[EMAIL_1]") && !body.contains("ann@"),
            "{body}"
        );
    }
    let blocked = told("block", json!({}));
    assert_eq!(
        (
            &blocked["guard"],
            &blocked["refusal"]["code"],
            &blocked["plan"]
        ),
        (
            &json!("pii:block=1"),
            &json!("guardrail_blocked"),
            &json!([])
        )
    );
    let routed = told("route", json!({"to": "small"}));
    assert_eq!(
        (&routed["guard"], &routed["plan"][0]["model"]),
        (&json!("pii:route=1"), &json!("little"))
    );
}

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
