//! What the record says of the attempts.

use crate::{
    Envoy, POST, provider,
    support::{FakeHost, request, response},
};
use envoy_llm_gateway::host::{Side, Stream};
use serde_json::{Value, json};

#[test]
fn the_record_says_how_every_attempt_ended() {
    let entries = |host: &FakeHost| -> Value {
        let text = host.state_value("llm.attempts").unwrap();
        let mut list: Value = serde_json::from_str(&text).unwrap();
        for entry in list.as_array_mut().unwrap() {
            let entry = entry.as_object_mut().unwrap();
            assert!(entry["ms"].is_u64(), "{entry:?}");
            entry.remove("ms");
            entry.remove("at_ms");
            entry.retain(|key, _| !matches!(key.as_str(), "used" | "served"));
        }
        list
    };
    let property = |host: &FakeHost, value: &str| {
        let path = "response.code_details".to_owned();
        let mut properties = host.properties.borrow_mut();
        properties.insert(path, value.as_bytes().to_vec());
    };
    let two = json!({"providers": {"one": {"dialect": "openai", "cluster": "a-cluster"}, "two": {"dialect": "openai"}}});
    let envoy = Envoy::new(&two);
    // Nobody could be asked at all.
    let (host, mut role) = envoy.begin("smart");
    property(&host, "no_healthy_upstream");
    response(
        &mut role,
        &host,
        &[(":status", "503")],
        &[b"no healthy upstream"],
    );
    role.on_log(&host);
    assert_eq!(
        entries(&host),
        json!([{"provider": "one", "cluster": "a-cluster", "model": "a", "status": null, "reason": "no_answer"}])
    );
    let begun = || {
        let (host, role) = Envoy::new(&two).begin("smart");
        let mut attempt = provider();
        let body = r#"{"model":"smart","stream":true,"messages":[{"role":"user","content":"hi"}]}"#;
        host.attempt_number(2);
        request(&mut attempt, &host, POST, &[body.as_bytes()]).unwrap();
        (host, role, attempt)
    };
    // Of the first one nothing is known.
    let one = json!({"provider": "one", "cluster": "a-cluster", "model": "a", "status": null, "reason": "no_answer"});
    let entry = |status: Value, reason: &str| json!([one, {"provider": "two", "model": "b", "status": status, "reason": reason}]);
    // The client left before anything came, and in the middle of the answer.
    let (host, mut role, _) = begun();
    property(&host, "downstream_remote_disconnect");
    role.on_log(&host);
    assert_eq!(entries(&host), entry(Value::Null, "cancelled"));
    let head = [
        (":status", "200"),
        ("content-type", "text/event-stream"),
        ("x-llm-provider", "two"),
    ];
    for (details, reason) in [
        ("downstream_remote_disconnect", "cancelled"),
        ("", "broke_off"),
    ] {
        let (host, mut role, _) = begun();
        // The first content has come, and the answer's headers have left.
        let text = host.state_value("llm.attempts").unwrap();
        let mut list: Value = serde_json::from_str(&text).unwrap();
        list[1]["status"] = json!(200);
        list[1]["ms"] = json!(5);
        let list: Vec<_> = serde_json::from_value(list).unwrap();
        host.board.as_ref().unwrap().set_attempts(&list);
        host.set_headers(Side::Response, &head);
        property(&host, details);
        role.on_response_headers(&host, false);
        role.on_log(&host);
        assert_eq!(entries(&host), entry(json!(200), reason), "{details}");
    }
}
