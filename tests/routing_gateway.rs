//! Routes, rules, labels and overrides as the gateway role follows them, on a fake host.
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
use support::{FakeHost, Passed, request};

/// SHA-256 of `key-of-support`.
const SUPPORT: &str = "6c1d08605eebfcd189e3418495e40f805691fea957334c09ede6cc3683b1464b";
/// SHA-256 of `key-of-all`.
const ALL: &str = "11b61ff8f27ebdeaa6f43de31efa2bb959b0c03b95f5943338d0f95797a6bbd2";

fn settings() -> Value {
    json!({
        "role": "gateway",
        "models": {
            "smart": {"targets": [{"provider": "us", "model": "big"}, {"provider": "eu", "model": "big"}], "first_token_timeout": "2s"},
            "small": {"targets": [{"provider": "us", "model": "little"}], "answer_timeout": "7s"},
            "us-only": {"targets": [{"provider": "us"}]},
        },
        "providers": {
            "us": {"dialect": "openai"},
            "eu": {"dialect": "openai", "labels": {"region": "eu"}},
        },
        "rules": [
            {"name": "legal", "when": {"team": "legal"}, "require": {"region": "eu"}},
            {"name": "easy", "when": {"complexity": {"below": 30}, "headers": {"x-auto": "*"}}, "use": "small"},
        ],
        "keys": [
            {"id": "lawyer", "sha256": SUPPORT, "team": "legal", "user": "ann", "project": "cases", "models": ["smart", "us-only"]},
            {"id": "free", "sha256": ALL, "overrides": true},
        ],
        "passthrough": {"provider": "us"},
        "count_tokens": false,
    })
}

const LAWYER: (&str, &str) = ("x-api-key", "key-of-support");
const FREE: (&str, &str) = ("x-api-key", "key-of-all");

fn ask(settings: &Value, headers: &[(&str, &str)], body: &str) -> (FakeHost, Option<Passed>) {
    let host = FakeHost::default();
    let Ok(Config::Gateway(config)) = Config::parse(settings.to_string().as_bytes()) else {
        panic!()
    };
    let mut gateway = Request::new(Rc::new(config));
    let usual = [
        (":method", "POST"),
        (":path", "/v1/chat/completions"),
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
    let passed = request(&mut gateway, &host, &headers, &chunks);
    (host, passed)
}

/// The plan as `provider/model`, or the refusal's status and code.
fn plan(
    settings: &Value,
    headers: &[(&str, &str)],
    body: &str,
) -> Result<Vec<String>, (u16, String)> {
    let (host, passed) = ask(settings, headers, body);
    if passed.is_none() {
        let reply = host.replies.borrow()[0].clone();
        let body: Value = serde_json::from_str(&reply.body).unwrap();
        return Err((reply.status, body["error"]["code"].as_str().unwrap().into()));
    }
    let plan: Value = serde_json::from_str(&host.plan().unwrap()).unwrap();
    let text = |step: &Value, key: &str| step[key].as_str().unwrap().to_owned();
    let steps = plan.as_array().unwrap().iter();
    Ok(steps
        .map(|s| format!("{}/{}", text(s, "provider"), text(s, "model")))
        .collect())
}

fn chat(model: &str) -> String {
    json!({"model": model, "messages": [{"role": "user", "content": "hi"}]}).to_string()
}

fn refused(status: u16, code: &str) -> Result<Vec<String>, (u16, String)> {
    Err((status, code.into()))
}

#[test]
fn a_rule_s_labels_hold_for_every_attempt_and_the_record_names_it() {
    assert_eq!(
        plan(&settings(), &[LAWYER], &chat("smart")).unwrap(),
        ["eu/big"]
    );
    assert_eq!(
        plan(&settings(), &[LAWYER], &chat("us-only")),
        refused(403, "no_compliant_target")
    );
    assert_eq!(
        plan(&settings(), &[FREE], &chat("smart")).unwrap(),
        ["us/big", "eu/big"]
    );
    let (host, _) = ask(&settings(), &[LAWYER], &chat("smart"));
    let state = |key: &str| host.state_value(key);
    assert_eq!(
        [
            "llm.route",
            "llm.rule",
            "llm.team",
            "llm.user",
            "llm.project"
        ]
        .map(|key| state(key).unwrap()),
        ["smart:fallback", "legal", "legal", "ann", "cases"]
    );
    assert_eq!(state("llm.score"), None, "nothing asked for it");
    let told: Value = serde_json::from_str(&state("llm.hand_over").unwrap()).unwrap();
    assert_eq!(told["route"], "smart:fallback;rule=legal");
    let (host, _) = ask(&settings(), &[FREE], &chat("smart"));
    let told: Value = serde_json::from_str(&host.state_value("llm.hand_over").unwrap()).unwrap();
    assert_eq!(
        (&told["route"], host.state_value("llm.rule")),
        (&Value::Null, None)
    );
}

#[test]
fn the_refusal_says_which_labels_and_that_nothing_was_sent() {
    let (host, _) = ask(&settings(), &[LAWYER], &chat("us-only"));
    let body: Value = serde_json::from_str(&host.replies.borrow()[0].body).unwrap();
    assert_eq!(
        body["error"],
        json!({
            "message": "No target of `us-only` has the labels that this request needs: region=eu. It was sent nowhere.",
            "type": "permission_error", "param": null, "code": "no_compliant_target",
        })
    );
    assert_eq!(
        host.state_value("llm.reason").as_deref(),
        Some("no_compliant_target")
    );
}

#[test]
fn labels_of_a_key_hold_besides_those_of_a_rule_and_for_every_path() {
    let mut settings = settings();
    settings["keys"][1]["require"] = json!({"region": "eu"});
    assert_eq!(
        plan(&settings, &[FREE], &chat("smart")).unwrap(),
        ["eu/big"]
    );
    let post = |path: &'static str, key| [(":path", path), key];
    // A path whose body passes, with and without a model.
    let image = r#"{"model":"smart","prompt":"x"}"#;
    assert_eq!(
        plan(&settings, &post("/v1/images/generations", FREE), image).unwrap(),
        ["eu/big"]
    );
    assert_eq!(
        plan(&settings, &post("/v1/files", FREE), "x"),
        refused(403, "no_compliant_target")
    );
    settings["keys"][1]["require"] = json!({"region": ["us", "eu"]});
    settings["providers"]["us"]["labels"] = json!({"region": "us"});
    assert_eq!(
        plan(&settings, &post("/v1/files", FREE), "x").unwrap(),
        ["us/"]
    );
    // The rule of the team and the key together leave nothing that the other alone would allow.
    settings["keys"][0]["require"] = json!({"region": "us"});
    assert_eq!(
        plan(&settings, &[LAWYER], &chat("smart")),
        refused(403, "no_compliant_target")
    );
    settings["keys"][0]["passthrough"] = json!(true);
    settings["keys"][0]
        .as_object_mut()
        .unwrap()
        .remove("require");
    assert_eq!(
        plan(&settings, &post("/v1/files", LAWYER), "x"),
        refused(403, "no_compliant_target")
    );
}

#[test]
fn a_rule_sends_elsewhere_with_the_other_model_s_timeouts_and_its_score_is_recorded() {
    let (host, passed) = ask(&settings(), &[FREE, ("x-auto", "1")], &chat("smart"));
    let passed = passed.unwrap();
    assert_eq!(
        passed.header("x-envoy-upstream-rq-per-try-timeout-ms"),
        Some("7000")
    );
    let state = |key: &str| host.state_value(key).unwrap();
    assert_eq!(
        ["llm.model", "llm.route", "llm.rule", "llm.score"].map(state),
        ["smart", "small:fallback", "easy", "0"]
    );
    let hard = json!({"model": "smart", "messages": [{"role": "user", "content": "Prove that x^2 ≥ 0, and explain why each step is needed."}]});
    let (host, _) = ask(&settings(), &[FREE, ("x-auto", "1")], &hard.to_string());
    let state = |key: &str| host.state_value(key);
    assert_eq!(
        (state("llm.route").as_deref(), state("llm.rule")),
        (Some("smart:fallback"), None)
    );
    assert!(state("llm.score").unwrap().parse::<u8>().unwrap() >= 30);
}

#[test]
fn a_client_chooses_only_with_leave() {
    let chosen = |key, header| plan(&settings(), &[key, header], &chat("smart"));
    assert_eq!(chosen(FREE, ("x-llm-provider", "eu")).unwrap(), ["eu/big"]);
    assert_eq!(
        chosen(FREE, ("x-llm-route", "cheapest")).unwrap(),
        ["us/big", "eu/big"]
    );
    assert_eq!(
        chosen(FREE, ("x-llm-provider", "nobody")),
        refused(400, "invalid_request")
    );
    assert_eq!(
        chosen(FREE, ("x-llm-route", "weighted")),
        refused(400, "invalid_request")
    );
    assert_eq!(
        chosen(FREE, ("x-llm-route", "slowest")),
        refused(400, "invalid_request")
    );
    let ordinary = plan(&settings(), &[LAWYER], &chat("smart"));
    for header in ["x-llm-provider", "x-llm-route"] {
        for said in ["us", "fallback", "nobody"] {
            assert_eq!(chosen(LAWYER, (header, said)), ordinary, "{header}: {said}");
        }
    }
    // Leave never goes past a label.
    let mut settings = settings();
    settings["keys"][0]["overrides"] = json!(true);
    assert_eq!(
        plan(
            &settings,
            &[LAWYER, ("x-llm-provider", "us")],
            &chat("smart")
        ),
        refused(403, "no_compliant_target")
    );
    // An open gateway has one answer for all.
    settings.as_object_mut().unwrap().remove("keys");
    let own = [("x-llm-provider", "eu")];
    assert_eq!(
        plan(&settings, &own, &chat("smart")),
        plan(&settings, &[], &chat("smart"))
    );
    settings["overrides"] = json!(true);
    assert_eq!(plan(&settings, &own, &chat("smart")).unwrap(), ["eu/big"]);
}

#[test]
fn a_client_with_leave_may_shorten_the_time_and_the_attempts_and_never_lengthen_them() {
    let sent = |key, headers: &[(&str, &str)], stream: bool| {
        let body = json!({"model": "smart", "stream": stream, "messages": [{"role": "user", "content": "hi"}]});
        let headers: Vec<_> = [key].into_iter().chain(headers.iter().copied()).collect();
        let (host, passed) = ask(&settings(), &headers, &body.to_string());
        assert!(passed.is_some(), "{:?}", host.replies.borrow());
        let header = |name| host.header_value(envoy_llm_gateway::host::Side::Request, name);
        let time = header("x-envoy-upstream-rq-per-try-timeout-ms").unwrap();
        (time, header("x-envoy-max-retries").unwrap())
    };
    let both = |timeout, attempts| [("x-llm-timeout", timeout), ("x-llm-attempts", attempts)];
    let told = |time: &str, retries: &str| (time.to_owned(), retries.to_owned());
    assert_eq!(sent(FREE, &[], true), told("2000", "1"));
    assert_eq!(sent(FREE, &both("1.5s", "1"), true), told("1500", "0"));
    assert_eq!(sent(FREE, &both("1.5s", "1"), false), told("1500", "0"));
    assert_eq!(sent(FREE, &both("2s", "2"), true), told("2000", "1"));
    assert_eq!(sent(FREE, &both("1h", "32"), true), told("2000", "1"));
    for key in [
        [LAWYER, ("x-a", "b")],
        [LAWYER, ("x-llm-timeout", "nonsense")],
    ] {
        let with = |more: &[(&str, &str)]| sent(key[0], more, true);
        assert_eq!(
            with(&[key[1]]),
            with(&[]),
            "without leave nothing is followed"
        );
    }
    for (name, value) in [
        ("x-llm-timeout", "10"),
        ("x-llm-timeout", "0s"),
        ("x-llm-timeout", "25h"),
        ("x-llm-idle-timeout", "soon"),
        ("x-llm-attempts", "0"),
        ("x-llm-attempts", "33"),
        ("x-llm-attempts", "-1"),
    ] {
        let got = plan(&settings(), &[FREE, (name, value)], &chat("smart"));
        assert_eq!(got, refused(400, "invalid_request"), "{name}: {value}");
    }
}

#[test]
fn several_models_follow_each_other_and_the_field_is_taken_out() {
    let body = |more: &str| format!(r#"{{"messages":[{{"role":"user","content":"hi"}}],{more}}}"#);
    let (host, passed) = ask(
        &settings(),
        &[FREE],
        &body(r#""models":["small","smart","small"],"seed":1"#),
    );
    assert_eq!(
        passed.unwrap().text(),
        r#"{"messages":[{"role":"user","content":"hi"}],"seed":1,"model":"small"}"#
    );
    let state = |key: &str| host.state_value(key).unwrap();
    assert_eq!(
        [state("llm.model"), state("llm.route")],
        ["small", "small:fallback,smart:fallback"]
    );
    let planned = |key, more: &str| plan(&settings(), &[key], &body(more));
    assert_eq!(
        planned(FREE, r#""models":["small","smart"]"#).unwrap(),
        ["us/little", "us/big", "eu/big"]
    );
    assert_eq!(
        planned(FREE, r#""model":"smart","models":["small"]"#).unwrap(),
        ["us/big", "eu/big", "us/little"]
    );
    assert_eq!(
        planned(FREE, r#""models":["small","nobody"]"#),
        refused(404, "model_not_found")
    );
    assert_eq!(
        planned(FREE, r#""models":[]"#),
        refused(400, "invalid_request")
    );
    assert_eq!(
        planned(FREE, r#""models":"small""#),
        refused(400, "invalid_request")
    );
    assert_eq!(
        planned(FREE, r#""models":["a","b","c","d","e","f","g","h","i"]"#),
        refused(400, "invalid_request")
    );
    // Without leave the field is the provider's, as ever.
    assert_eq!(
        planned(LAWYER, r#""models":["smart"]"#),
        refused(400, "invalid_request")
    );
    assert_eq!(
        planned(LAWYER, r#""model":"smart","models":["us-only"]"#).unwrap(),
        ["eu/big"]
    );
    // Each name must be allowed, and labels leave out what does not comply.
    let mut settings = settings();
    settings["keys"][0]["overrides"] = json!(true);
    let planned = |more: &str| plan(&settings, &[LAWYER], &body(more));
    assert_eq!(
        planned(r#""models":["smart","small"]"#),
        refused(403, "model_not_allowed")
    );
    assert_eq!(
        planned(r#""models":["us-only","smart"]"#).unwrap(),
        ["eu/big"]
    );
    assert_eq!(
        planned(r#""models":["us-only"]"#),
        refused(403, "no_compliant_target")
    );
}

#[test]
fn tokens_are_counted_for_a_rule_and_sent_on_as_counted() {
    let mut settings = settings();
    settings["count_tokens"] = json!(true);
    settings["rules"] =
        json!([{"name": "long", "when": {"input_tokens": {"above": 50}}, "use": "small"}]);
    let body = |text: &str| {
        json!({"model": "smart", "messages": [{"role": "user", "content": text}]}).to_string()
    };
    assert_eq!(
        plan(&settings, &[FREE], &body("hi")).unwrap(),
        ["us/big", "eu/big"]
    );
    assert_eq!(
        plan(&settings, &[FREE], &body(&"word ".repeat(60))).unwrap(),
        ["us/little"]
    );
}
