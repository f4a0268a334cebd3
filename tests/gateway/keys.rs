//! Callers' keys: how one is known, and which models it may use.

use crate::{SUPPORT, ask, chat, error, reply, with_keys};
use serde_json::{Value, json};

#[test]
fn a_key_is_known_by_its_hash_in_either_header_and_leaves_team_and_id() {
    for headers in [
        [("authorization", "Bearer key-of-support")],
        [("authorization", "bearer  key-of-support ")],
        [("x-api-key", "key-of-support")],
    ] {
        let (host, _, passed) = ask(&with_keys(), &headers, &chat("smart"));
        assert!(passed.is_some(), "{headers:?}: {:?}", host.replies.borrow());
        assert_eq!(
            host.state_value("llm.key_id").as_deref(),
            Some("support-app")
        );
        assert_eq!(host.state_value("llm.team").as_deref(), Some("support"));
    }
}

#[test]
fn a_missing_or_unknown_key_is_a_401_and_authorization_wins_over_x_api_key() {
    let refused = |headers: &[(&str, &str)]| error(&ask(&with_keys(), headers, &chat("smart")).0);
    assert_eq!(refused(&[]), (401, "invalid_api_key".into(), Value::Null));
    assert_eq!(refused(&[("x-api-key", "other")]).0, 401);
    assert_eq!(
        refused(&[("authorization", "Basic a2V5LW9mLWFsbA==")]).0,
        401
    );
    assert_eq!(
        refused(&[
            ("authorization", "Bearer other"),
            ("x-api-key", "key-of-all")
        ])
        .0,
        401
    );
    assert_eq!(
        refused(&[("authorization", &format!("Bearer {SUPPORT}"))]).0,
        401,
        "the hash is not the key"
    );
}

#[test]
fn a_key_may_use_its_models_only() {
    let with = |model: &str| {
        ask(
            &with_keys(),
            &[("x-api-key", "key-of-support")],
            &chat(model),
        )
    };
    assert!(with("gpt-5-mini").2.is_some());
    let (host, ..) = with("gpt-4");
    assert_eq!(
        error(&host),
        (403, "model_not_allowed".into(), json!("model"))
    );
    assert!(
        reply(&host).body.contains("It may use: gpt-5-mini, smart."),
        "{}",
        reply(&host).body
    );
    assert_eq!(error(&with("echo").0).0, 403);
}

#[test]
fn a_key_may_use_its_models_only_also_where_a_body_names_others() {
    let with = |key: &str, more: Value| {
        let mut body: Value = serde_json::from_str(&chat("gpt-5-mini")).unwrap();
        let more = more.as_object().unwrap().clone();
        body.as_object_mut().unwrap().extend(more);
        ask(&with_keys(), &[("x-api-key", key)], &body.to_string())
    };
    let tool = |model: &str| json!({"tools": [{"type": "function"}, {"type": "image_generation", "model": model}]});
    let lists = |names: &[&str]| json!({"models": names});
    for passes in [
        lists(&["smart"]),
        tool("smart"),
        json!({"tools": 7}),
        json!({"models": null}),
    ] {
        assert!(with("key-of-support", passes).2.is_some());
    }
    let refused = |more: Value| error(&with("key-of-support", more).0);
    let not_allowed = |at: &str| (403, "model_not_allowed".to_owned(), json!(at));
    assert_eq!(refused(lists(&["smart", "gpt-4"])), not_allowed("models"));
    assert_eq!(refused(tool("gpt-image-1")), not_allowed("tools[1].model"));
    assert_eq!(refused(json!({"models": [{"name": "gpt-4"}]})).0, 400);
    assert!(with("key-of-all", lists(&["gpt-4"])).2.is_some());
}
