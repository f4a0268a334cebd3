//! Which texts of a request are looked at, and how they are written anew.

use crate::{CHAT, ask, guard, mask, settings};
use serde_json::json;

#[test]
fn only_the_bytes_of_what_is_found_change() {
    let body = r#" {"model":"smart", "seed":9007199254740993,"temperature":1.10,
        "messages":[ {"role":"user","content":"\u0041sk \"ann@example.com\" or bob@example.com,\n4111 1111 1111 1111 \ud83d\ude00"} ],
        "user":"ann@example.com" , "novel":{"ann@example.com":["x bob@example.com"]}} "#;
    let wanted = r#" {"model":"smart", "seed":9007199254740993,"temperature":1.10,
        "messages":[ {"role":"user","content":"\u0041sk \"[EMAIL_1]\" or [EMAIL_2],\n[CREDIT_CARD_1] \ud83d\ude00"} ],
        "user":"[EMAIL_1]" , "novel":{"ann@example.com":["x [EMAIL_2]"]}} "#;
    let mut asked = ask(&mask(), CHAT, body);
    assert_eq!(asked.body(), wanted);
    assert_eq!(
        asked.told(),
        (
            Some("pii:mask=5".into()),
            vec![("llm.guard.pii.mask".into(), 5)]
        )
    );
}

#[test]
fn arguments_and_results_of_tools_stay_json() {
    let body = r#"{"model":"smart","messages":[
        {"role":"assistant","tool_calls":[{"id":"4111111111111111","type":"function","function":{"name":"send",
         "arguments":"{\"to\": \"ann@example.com\", \"say\":\"a\\nbob@example.com\\u0021\", \"card\":4111111111111111,\"4111111111111111\":[true]}"}}]},
        {"role":"tool","tool_call_id":"4111111111111111","content":"[{\"mail\":\"x\\\"ann@example.com\"}]"},
        {"role":"user","content":"{not json: ann@example.com}"}]}"#;
    let wanted = r#"{"model":"smart","messages":[
        {"role":"assistant","tool_calls":[{"id":"4111111111111111","type":"function","function":{"name":"send",
         "arguments":"{\"to\": \"[EMAIL_1]\", \"say\":\"a\\n[EMAIL_2]\\u0021\", \"card\":\"[CREDIT_CARD_1]\",\"[CREDIT_CARD_1]\":[true]}"}}]},
        {"role":"tool","tool_call_id":"4111111111111111","content":"[{\"mail\":\"x\\\"[EMAIL_1]\"}]"},
        {"role":"user","content":"{not json: [EMAIL_1]}"}]}"#;
    assert_eq!(ask(&mask(), CHAT, body).body(), wanted);
    let body = r#"{"model":"smart","max_tokens":9,"messages":[{"role":"assistant","content":[
        {"type":"tool_use","id":"t","name":"n","input":{"to":["ann@example.com",{"c":4111111111111111}],"n":1}}]}]}"#;
    let wanted = r#"{"model":"smart","max_tokens":9,"messages":[{"role":"assistant","content":[
        {"type":"tool_use","id":"t","name":"n","input":{"to":["[EMAIL_1]",{"c":"[CREDIT_CARD_1]"}],"n":1}}]}]}"#;
    assert_eq!(ask(&mask(), "/v1/messages", body).body(), wanted);
}

#[test]
fn a_password_is_known_by_the_name_of_its_field() {
    let settings = settings(json!([guard(json!({"detect": ["SECRET"]}))]));
    let body = |value: &str| {
        format!(
            r#"{{"model":"smart","messages":[{{"role":"assistant","tool_calls":[{{"id":"t","type":"function","function":{{"name":"n","arguments":"{{\"password\":\"{value}\",\"user\":\"hunter2-Xy9kQ2\"}}"}}}}]}}]}}"#
        )
    };
    assert_eq!(
        ask(&settings, CHAT, &body("hunter2-Xy9kQ2")).body(),
        body("[SECRET_PASSWORD_1]")
    );
}

#[test]
fn a_line_begins_with_a_value_of_json() {
    let guards = json!([
        {"name": "staff", "pattern": ["^EMP-[0-9]{6}$", "^77[0-9]{8}$"], "action": "mask"},
        {"name": "keys", "detect": "SECRET", "action": "mask"},
    ]);
    let body = |id: &str, next: &str, password: &str| {
        format!(
            r#"{{"model":"smart","messages":[{{"role":"tool","content":"{{\"id\":\"{id}\",\"other\":\"is EMP-123456\",\"n\":{next},\"db_password\": \"{password}\"}}"}}]}}"#
        )
    };
    assert_eq!(
        ask(
            &settings(guards),
            CHAT,
            &body("EMP-123456", "7712345678", "hunter2!")
        )
        .body(),
        body("[STAFF_1]", r#"\"[STAFF_2]\""#, "[SECRET_PASSWORD_1]")
    );
}

#[test]
fn a_number_that_a_checksum_allows_needs_a_word_for_a_group_and_none_for_its_name() {
    let body = |text: &str| {
        format!(r#"{{"model":"smart","messages":[{{"role":"user","content":"{text}"}}]}}"#)
    };
    let (plain, spoken) = (body("it is 121000358"), body("ABA routing 121000358"));
    let masked = body("ABA routing [ABA_ROUTING_NUMBER_1]");
    let pii = |threshold: f64| json!({"name": "pii", "detect": "PII", "action": "mask", "threshold": threshold});
    let lax = json!({"name": "lax", "detect": "PII", "action": "warn", "threshold": 0.1});
    let named = json!({"name": "named", "detect": "ABA_ROUTING_NUMBER", "action": "warn"});
    for threshold in [0.4, 0.41, 0.6, 1.0] {
        for others in [vec![], vec![lax.clone()], vec![named.clone()]] {
            let guards = [vec![pii(threshold)], others].concat();
            let settings = settings(json!(guards));
            assert_eq!(ask(&settings, CHAT, &plain).body(), plain, "{guards:?}");
            assert_eq!(ask(&settings, CHAT, &spoken).body(), masked, "{guards:?}");
        }
    }
    for guard in [
        json!({"name": "named", "detect": "ABA_ROUTING_NUMBER", "action": "mask"}),
        json!({"name": "named", "detect": ["PII", "ABA_ROUTING_NUMBER"], "action": "mask"}),
    ] {
        let settings = settings(json!([guard, lax]));
        let masked = body("it is [ABA_ROUTING_NUMBER_1]");
        assert_eq!(ask(&settings, CHAT, &plain).body(), masked);
        // Nine digits by themselves are none, even by name.
        let other = body("it is 121000359");
        assert_eq!(ask(&settings, CHAT, &other).body(), other);
    }
}

#[test]
fn every_text_of_every_api_is_looked_at() {
    for (path, body) in [
        (
            CHAT,
            r#"{"model":"smart","messages":[{"role":"system","content":"@"},{"role":"user","name":"@","content":[{"type":"text","text":"@"},{"type":"file","file":{"filename":"@","file_data":"data:text/plain,@"}},{"type":"image_url","image_url":{"url":"https://x.example/?a=@"}}]},{"role":"assistant","content":"@","refusal":"@","reasoning_content":"@"},{"role":"tool","tool_call_id":"t","content":[{"type":"text","text":"@"}]}],"tools":[{"type":"function","function":{"name":"f","description":"@","parameters":{"type":"object","properties":{"type":{"type":"string","description":"@","enum":["@"]}}}}}],"metadata":{"k":"@"},"stop":["@"],"prediction":{"type":"content","content":"@"}}"#,
        ),
        (
            "/v1/messages",
            r#"{"model":"smart","max_tokens":9,"system":[{"type":"text","text":"@"}],"messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":[{"type":"text","text":"@"}]},{"type":"document","title":"@","context":"@","source":{"type":"text","media_type":"text/plain","data":"@"}}]},{"role":"assistant","content":[{"type":"thinking","thinking":"@","signature":"s"}]}],"metadata":{"user_id":"@"}}"#,
        ),
        (
            "/v1/responses",
            r#"{"model":"smart","instructions":"@","input":[{"role":"user","content":[{"type":"input_text","text":"@"},{"type":"input_file","filename":"@"}]},{"type":"function_call","call_id":"c","name":"n","arguments":"{\"a\":\"@\"}"},{"type":"function_call_output","call_id":"c","output":"@"},{"type":"reasoning","id":"r","summary":[{"type":"summary_text","text":"@"}]}]}"#,
        ),
        ("/v1/responses", r#"{"model":"smart","input":"@"}"#),
        (
            "/v1/completions",
            r#"{"model":"smart","prompt":["@","@"],"suffix":"@"}"#,
        ),
        ("/v1/embeddings", r#"{"model":"smart","input":["@","x @"]}"#),
        ("/v1/moderations", r#"{"model":"smart","input":["@"]}"#),
        (
            "/v1/images/generations",
            r#"{"prompt":"@","model":"smart"}"#,
        ),
    ] {
        let full = body.replace('@', "ann@example.com");
        let mut asked = ask(&mask(), path, &full);
        assert_eq!(asked.body(), body.replace('@', "[EMAIL_1]"), "{path}");
        let count = body.matches('@').count();
        assert_eq!(
            asked.told().0.unwrap(),
            format!("pii:mask={count}"),
            "{path}"
        );
    }
}
