//! What a guard does about its finds, for whom, and who learns of it.

use crate::{CHAT, ask, ask_as, guard, mask, settings};
use serde_json::{Value, json};

/// SHA-256 of `key-of-support`.
const SUPPORT: &str = "6c1d08605eebfcd189e3418495e40f805691fea957334c09ede6cc3683b1464b";

/// SHA-256 of `key-of-all`.
const ALL: &str = "11b61ff8f27ebdeaa6f43de31efa2bb959b0c03b95f5943338d0f95797a6bbd2";

#[test]
fn what_is_refused_is_told_by_the_guard_s_name_alone() {
    let settings = settings(json!([guard(
        json!({"name": "no-cards", "action": "block"})
    )]));
    let body =
        json!({"model": "smart", "messages": [{"role": "user", "content": "4111 1111 1111 1111"}]});
    let mut asked = ask(&settings, CHAT, &body.to_string());
    let message = "The guard `no-cards` of this gateway refuses this request: it holds something that may not be sent. Take it out and send the request again.";
    let error = json!({"error": {"message": message, "type": "invalid_request_error", "param": null, "code": "guardrail_blocked"}});
    assert_eq!(asked.refused(), (400, error));
    let reply = asked.host.replies.borrow()[0].clone();
    assert!(
        reply
            .headers
            .contains(&("x-llm-guard".into(), "no-cards:block=1".into()))
    );
    assert_eq!(
        asked.host.state_value("llm.reason").unwrap(),
        "guardrail_blocked"
    );
    assert_eq!(asked.told().0.unwrap(), "no-cards:block=1");
    // In the words of the API that was asked.
    let body = json!({"model": "smart", "max_tokens": 5, "messages": [{"role": "user", "content": "4111 1111 1111 1111"}]});
    let (status, error) = ask(&settings, "/v1/messages", &body.to_string()).refused();
    assert_eq!(
        (status, &error["type"], &error["error"]["type"]),
        (400, &json!("error"), &json!("invalid_request_error"))
    );
}

#[test]
fn a_warning_is_only_counted_and_its_body_passes_as_it_is() {
    let settings = settings(json!([guard(json!({"action": "warn"}))]));
    let body =
        r#"{"model":"smart","messages":[{"role":"user","content":"a\u0041 ann@example.com"}]}"#;
    let mut asked = ask(&settings, CHAT, body);
    assert_eq!(asked.body(), body);
    assert_eq!(asked.told().0.unwrap(), "pii:warn=1");
}

#[test]
fn a_digest_is_the_same_in_every_request_and_restore_is_numbered() {
    let salt = "sixteen letters!";
    let settings = settings(json!([
        {"name": "mail", "detect": "EMAIL_ADDRESS", "action": "hash", "salt": salt},
        {"name": "card", "detect": "CREDIT_CARD", "action": "restore"},
    ]));
    let body = |text: &str| {
        format!(r#"{{"model":"smart","messages":[{{"role":"user","content":"{text}"}}]}}"#)
    };
    // printf 'sixteen letters!\0EMAIL\0ann@example.com' | sha256sum
    let hash = "[EMAIL_d7e8d366c745]";
    assert_eq!(
        ask(
            &settings,
            CHAT,
            &body("ann@example.com 4111 1111 1111 1111 [CREDIT_CARD_1]")
        )
        .body(),
        body(&format!("{hash} [CREDIT_CARD_2] [CREDIT_CARD_1]"))
    );
    assert_eq!(
        ask(&settings, CHAT, &body("x ann@example.com")).body(),
        body(&format!("x {hash}"))
    );
}

#[test]
fn guards_hold_for_their_teams_and_models() {
    let mut settings = settings(json!([
        guard(json!({"name": "one", "teams": "sup*", "action": "mask"})),
        guard(json!({"name": "two", "models": ["o*"], "action": "block"})),
        guard(json!({"name": "three", "on": "output", "action": "block"})),
    ]));
    settings["keys"] =
        json!([{"id": "a", "sha256": SUPPORT, "team": "support"}, {"id": "b", "sha256": ALL}]);
    let of = |key: &str, model: &str| {
        let body =
            json!({"model": model, "messages": [{"role": "user", "content": "ann@example.com"}]});
        let mut asked = ask_as(
            &settings,
            CHAT,
            &[("x-api-key", key)],
            body.to_string().as_bytes(),
        );
        asked.told().0
    };
    assert_eq!(of("key-of-support", "smart").unwrap(), "one:mask=1");
    assert_eq!(of("key-of-all", "smart"), None);
    assert_eq!(of("key-of-all", "own").unwrap(), "two:block=1");
    assert_eq!(of("key-of-support", "own").unwrap(), "two:block=1");
}

#[test]
fn what_must_stay_at_home_goes_there_whatever_a_rule_says() {
    let mut settings = settings(json!([guard(
        json!({"name": "home", "action": "route", "to": "own"})
    )]));
    settings["rules"] = json!([{"name": "all", "use": "smart"}]);
    // The operator has decided: the key need not allow it.
    settings["keys"] = json!([{"id": "a", "sha256": SUPPORT, "models": ["smart"]}]);
    let key = ("x-api-key", "key-of-support");
    let body = r#"{"model":"smart","messages":[{"role":"user","content":"ann@example.com"}]}"#;
    let asked = ask_as(&settings, CHAT, &[key], body.as_bytes());
    assert_eq!(asked.body(), body);
    let plan: Value = serde_json::from_str(&asked.host.plan().unwrap()).unwrap();
    assert_eq!(
        plan,
        json!([{"provider": "home", "cluster": "home", "model": "llama", "dialect": "openai"}])
    );
    assert_eq!(asked.host.state_value("llm.model").unwrap(), "smart");
    assert_eq!(asked.host.state_value("llm.route").unwrap(), "own:fallback");
    let asked = ask_as(
        &settings,
        "/v1/moderations",
        &[key],
        br#"{"model":"smart","input":"ann@example.com"}"#,
    );
    let plan: Value = serde_json::from_str(&asked.host.plan().unwrap()).unwrap();
    assert_eq!(plan[0]["provider"], "home");
    // Where it may not go, it goes nowhere.
    settings["rules"] = json!([{"name": "all", "require": {"region": "us"}}]);
    let (status, error) = ask_as(&settings, CHAT, &[key], body.as_bytes()).refused();
    assert_eq!(
        (status, &error["error"]["code"]),
        (403, &json!("no_compliant_target"))
    );
}

#[test]
fn tokens_are_counted_as_they_are_sent() {
    let body = |text: &str| {
        format!(r#"{{"model":"smart","messages":[{{"role":"user","content":"{text}"}}]}}"#)
    };
    let count = |settings: &Value, text: &str| {
        ask(settings, CHAT, &body(text))
            .host
            .state_value("llm.tokens_estimate")
            .unwrap()
    };
    let text = "ann@example.com ".repeat(20);
    assert_eq!(
        count(&mask(), &text),
        count(
            &settings(json!([guard(json!({"action": "warn"}))])),
            &"[EMAIL_1] ".repeat(20)
        )
    );
}

#[test]
fn values_are_seen_nowhere_but_in_the_request() {
    for action in ["mask", "restore", "block", "warn"] {
        let settings = settings(json!([guard(json!({"action": action}))]));
        let body = r#"{"model":"smart","messages":[{"role":"user","content":"ann@example.com"}]}"#;
        let mut asked = ask(&settings, CHAT, body);
        asked.told();
        let replies = format!("{:?}", asked.host.replies.borrow());
        let shown = format!(
            "{:?} {:?} {:?} {replies} {:?}",
            asked.host.state, asked.host.counters, asked.host.shared, asked.gateway
        );
        assert!(!shown.contains("ann@"), "{action}: {shown}");
        assert!(shown.contains("pii"));
    }
}

#[test]
fn the_echo_model_says_what_a_provider_would_have_seen() {
    let body = r#"{"model":"echo","messages":[{"role":"user","content":"to ann@example.com"}]}"#;
    let asked = ask(&mask(), CHAT, body);
    let (status, answer) = asked.refused();
    assert_eq!(
        (status, &answer["choices"][0]["message"]["content"]),
        (200, &json!("to [EMAIL_1]"))
    );
    let reply = asked.host.replies.borrow()[0].clone();
    assert!(
        reply
            .headers
            .contains(&("x-llm-guard".into(), "pii:mask=1".into()))
    );
}
