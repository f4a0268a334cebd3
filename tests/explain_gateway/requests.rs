//! The request that is meant: its path, headers and body are read as those of a request that is sent.

use crate::{ADMIN, ask, chat, plan, said, settings, skipped, told};
use serde_json::{Value, json};

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
