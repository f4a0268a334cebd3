//! Guards on the way in, as the gateway role follows them, on a fake host.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod support;

use envoy_llm_gateway::{
    config::{Config, Gateway},
    gateway::Request,
    host::Stream,
};
use serde_json::{Value, json};
use std::rc::Rc;
use support::{FakeHost, Passed, request};

/// SHA-256 of `key-of-support`.
const SUPPORT: &str = "6c1d08605eebfcd189e3418495e40f805691fea957334c09ede6cc3683b1464b";
/// SHA-256 of `key-of-all`.
const ALL: &str = "11b61ff8f27ebdeaa6f43de31efa2bb959b0c03b95f5943338d0f95797a6bbd2";

const CHAT: &str = "/v1/chat/completions";

fn settings(guards: Value) -> Value {
    json!({
        "role": "gateway",
        "models": {
            "smart": {"targets": [{"provider": "us", "model": "big"}]},
            "own": {"targets": [{"provider": "home", "model": "llama"}]},
        },
        "providers": {"us": {"dialect": "openai"}, "home": {"dialect": "openai", "labels": {"region": "eu"}}},
        "guards": guards,
    })
}

fn guard(more: Value) -> Value {
    let mut guard =
        json!({"name": "pii", "detect": ["EMAIL_ADDRESS", "CREDIT_CARD"], "action": "mask"});
    guard
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    guard
}

fn mask() -> Value {
    settings(json!([guard(json!({}))]))
}

struct Asked {
    host: FakeHost,
    gateway: Request,
    passed: Option<Passed>,
}

impl Asked {
    /// What goes on to the attempts.
    fn body(&self) -> String {
        match &self.passed {
            Some(passed) => passed.text(),
            None => panic!("{:?}", self.host.replies.borrow()),
        }
    }

    fn refused(&self) -> (u16, Value) {
        let reply = self.host.replies.borrow()[0].clone();
        (reply.status, serde_json::from_str(&reply.body).unwrap())
    }

    /// What the record and the counters say at the end.
    fn told(&mut self) -> (Option<String>, Vec<(String, i64)>) {
        self.gateway.on_log(&self.host);
        let counted = self.host.counters.borrow().clone().into_iter().collect();
        (self.host.state_value("llm.guard"), counted)
    }
}

fn configured(settings: &Value) -> Rc<Gateway> {
    match Config::parse(settings.to_string().as_bytes()) {
        Ok(Config::Gateway(config)) => Rc::new(config),
        other => panic!("{other:?}"),
    }
}

fn ask_as(settings: &Value, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Asked {
    ask_of(configured(settings), path, headers, body)
}

fn ask_of(config: Rc<Gateway>, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Asked {
    let host = FakeHost::default();
    let mut gateway = Request::new(config);
    let usual = [
        (":method", "POST"),
        (":path", path),
        ("content-type", "application/json"),
        ("x-request-id", "id-1"),
    ];
    let of = |name: &str| headers.iter().any(|(own, _)| *own == name);
    let usual = usual.iter().filter(|(name, _)| !of(name));
    let headers: Vec<_> = usual.chain(headers).copied().collect();
    let chunks: Vec<&[u8]> = body.chunks(body.len().max(1).div_ceil(3)).collect();
    let passed = request(&mut gateway, &host, &headers, &chunks);
    Asked {
        host,
        gateway,
        passed,
    }
}

fn ask(settings: &Value, path: &str, body: &str) -> Asked {
    ask_as(settings, path, &[], body.as_bytes())
}

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

#[test]
fn a_value_that_is_split_over_neighbours_is_found() {
    let chat = |messages: Value| json!({"model": "smart", "messages": messages}).to_string();
    let parts = |texts: &[&str]| {
        let parts: Vec<_> = texts
            .iter()
            .map(|text| json!({"type": "text", "text": text}))
            .collect();
        chat(json!([{"role": "user", "content": parts}]))
    };
    let masked =
        |body: String, wanted: String| assert_eq!(ask(&mask(), CHAT, &body).body(), wanted);
    masked(
        parts(&["to ann@exa", "mple.com now"]),
        parts(&["to [EMAIL_1]", " now"]),
    );
    masked(
        parts(&["4111 1111", "1111 1111 x"]),
        parts(&["[CREDIT_CARD_1]", " x"]),
    );
    // Nothing is left of the one in the middle, and an empty text is not taken everywhere.
    masked(
        parts(&["ann@", "example", ".com bob@example.com"]),
        parts(&["[EMAIL_1]", "[EMAIL_1]", " [EMAIL_2]"]),
    );
    // What ends where the text ends does not take the next one's beginning with it.
    masked(
        parts(&["ann@example.com", "munity"]),
        parts(&["[EMAIL_1]", "munity"]),
    );
    let messages = |a: &str, b: &str| {
        chat(
            json!([{"role": "user", "content": a}, {"role": "assistant", "content": null}, {"role": "user", "content": b}]),
        )
    };
    masked(
        messages("ann@exam", "ple.com"),
        messages("[EMAIL_1]", "[EMAIL_1]"),
    );
    let long = "lorem ipsum ".repeat(1000);
    masked(
        messages(&format!("{long}ann@exam"), &format!("ple.com {long}")),
        messages(&format!("{long}[EMAIL_1]"), &format!(" {long}")),
    );
    // Texts to embed have nothing to do with each other.
    let body = r#"{"model":"smart","input":["ann@exa","mple.com"]}"#;
    assert_eq!(ask(&mask(), "/v1/embeddings", body).body(), body);
}

#[test]
fn what_crosses_between_long_texts_is_what_crosses_between_short_ones() {
    let config = configured(&settings(json!([guard(
        json!({"detect": ["PII", "SECRET"]})
    )])));
    let long = "lorem ipsum dolor, sit amet; ".repeat(80);
    let told = |a: &str, b: &str| {
        let messages = json!([{"role": "user", "content": a}, {"role": "user", "content": b}]);
        let body = json!({"model": "smart", "messages": messages}).to_string();
        ask_of(Rc::clone(&config), CHAT, &[], body.as_bytes())
            .body()
            .replace(&long, "")
    };
    let token = format!(
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.{}",
        "a1B2c3D4".repeat(40)
    );
    let mut crossing = 0;
    for value in [
        "ann@example.com",
        "4111 1111 1111 1111",
        "password: hunter2-Xy9kQ2",
        &token,
    ] {
        for (cut, _) in value.char_indices().skip(1) {
            let (a, b) = value.split_at(cut);
            let (before, behind) = (format!("to {a}"), format!("{b} now"));
            let short = told(&before, &behind);
            assert_eq!(
                told(&format!("{long}{before}"), &format!("{behind}{long}")),
                short,
                "cut at {cut} of {value}"
            );
            crossing += usize::from(!short.contains(&before) && !short.contains(&behind));
        }
    }
    assert!(crossing > 50, "{crossing}");
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
fn what_cannot_be_looked_at_is_refused_unless_it_may_pass() {
    let kind = "multipart/form-data; boundary=x";
    let form = "--x\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nsmart\r\n--x\r\nContent-Disposition: form-data; name=\"prompt\"\r\n\r\nann@example.com\r\n--x--\r\n";
    let send = |settings: &Value, path: &str| {
        ask_as(settings, path, &[("content-type", kind)], form.as_bytes())
    };
    let (status, error) = send(&mask(), "/v1/images/edits").refused();
    assert_eq!(
        (status, &error["error"]["code"]),
        (400, &json!("guardrail_error"))
    );
    let mut open = settings(json!([guard(json!({"on_error": "allow"}))]));
    open["passthrough"] = json!({"provider": "us"});
    let mut asked = send(&open, "/v1/images/edits");
    assert_eq!(asked.body(), form);
    assert_eq!(asked.told().0.unwrap(), "pii:unread=1");
    let mut closed = mask();
    closed["passthrough"] = json!({"provider": "us"});
    assert_eq!(send(&closed, "/v1/files").refused().0, 400);
    assert_eq!(send(&open, "/v1/files").body(), form);
    // What only counts closes nothing, and neither does a guard of answers.
    let warn = settings(json!([
        guard(json!({"action": "warn"})),
        guard(json!({"name": "b", "on": "output"}))
    ]));
    assert_eq!(send(&warn, "/v1/images/edits").body(), form);
    let get = ask_as(&closed, "/v1/files", &[(":method", "GET")], b"");
    assert!(get.passed.is_some());
}

#[test]
fn tokens_instead_of_text_cannot_be_looked_at() {
    let cases = [
        (
            "/v1/completions",
            r#"{"model":"smart","prompt":[3957,35984,25]}"#,
        ),
        (
            "/v1/completions",
            r#"{"model":"smart","prompt":[[3957],[35984]]}"#,
        ),
        (
            "/v1/embeddings",
            r#"{"input":[[15339,1917]],"model":"smart"}"#,
        ),
    ];
    for (path, body) in cases {
        let (status, error) = ask(&mask(), path, body).refused();
        let code = &error["error"]["code"];
        assert_eq!((status, code), (400, &json!("guardrail_error")), "{body}");
        let open = settings(json!([guard(json!({"on_error": "allow"}))]));
        let mut asked = ask(&open, path, body);
        assert_eq!(asked.body(), body);
        assert_eq!(asked.told().0.unwrap(), "pii:unread=1");
    }
    // Numbers elsewhere are numbers.
    let body = r#"{"model":"smart","messages":[{"role":"user","content":"hi"}],"logit_bias":{"1":2},"x":{"input":[1]}}"#;
    assert_eq!(ask(&mask(), CHAT, body).body(), body);
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

/// Numbers from a seed; good enough to vary bodies.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }

    fn text(&mut self) -> String {
        const BITS: &[&str] = &[
            "a",
            " ",
            "\\n",
            "\\\"",
            "\\\\",
            "\\u00e9",
            "\\ud83d\\ude00",
            "\\ud800",
            "é",
            "漢",
            "[",
            "]",
            "{",
            "}",
            "EMAIL_1",
            ",",
            ":",
            "1",
            "4111",
            "[EMAIL_1]",
            "@",
            "x.y",
            "\\/",
            "{\\\"a\\\":1}",
        ];
        let count = self.below(8);
        (0..count)
            .map(|_| BITS[self.below(BITS.len() as u64) as usize])
            .collect()
    }

    fn value(&mut self, depth: u64, planted: &str) -> String {
        let space = ["", " ", "\n"][self.below(3) as usize];
        match self.below(if depth > 4 { 6 } else { 9 }) {
            0 => "null".into(),
            1 => "-1.50e3".into(),
            2 => "12345678901234567890".into(),
            3 | 4 => format!("\"{}\"", self.text()),
            5 => format!("\"{}{planted}{}\"", self.text(), self.text()),
            6 => {
                let count = self.below(4);
                let items: Vec<_> = (0..count).map(|_| self.value(depth + 1, planted)).collect();
                format!("[{space}{}]", items.join(","))
            }
            _ => {
                let keys = [
                    "content",
                    "text",
                    "arguments",
                    "input",
                    "type",
                    "id",
                    "name",
                    "data",
                    "url",
                    "k",
                    "role",
                ];
                let first = self.below(keys.len() as u64) as usize;
                let count = self.below(4) as usize;
                let fields: Vec<_> = (0..count)
                    .map(|at| {
                        format!(
                            "\"{}\"{space}:{}",
                            keys[(first + at) % keys.len()],
                            self.value(depth + 1, planted)
                        )
                    })
                    .collect();
                format!("{{{}{space}}}", fields.join(&format!(",{space}")))
            }
        }
    }
}

#[test]
fn random_bodies_are_unchanged_where_nothing_is_found_and_valid_where_something_is() {
    let settings = mask();
    for seed in 0..400 {
        let mut dice = Dice(seed);
        let body = |dice: &mut Dice, planted: &str| {
            let values: Vec<_> = (0..3).map(|_| dice.value(0, planted)).collect();
            format!(
                r#"{{"messages":[{}], "model":"smart","x":{}, "y":{}}}"#,
                values[0], values[1], values[2]
            )
        };
        let clean = body(&mut dice, "");
        let asked = ask(&settings, CHAT, &clean);
        if let Some(passed) = &asked.passed {
            assert_eq!(passed.text(), clean, "{seed}");
        }
        let planted = body(&mut dice, " ann@example.com ");
        let asked = ask(&settings, CHAT, &planted);
        if let Some(passed) = &asked.passed {
            let text = passed.text();
            assert!(
                serde_json::from_str::<&serde_json::value::RawValue>(&text).is_ok(),
                "{seed}: {text}"
            );
            // Under these keys, nothing is a text.
            let hidden = ["type", "id", "role", "name"]
                .iter()
                .any(|key| planted.contains(&format!("\"{key}\"")));
            assert!(
                hidden || !text.contains("ann@example.com"),
                "{seed}: {text}"
            );
        }
    }
}

#[test]
fn ten_megabytes_of_finds_are_done_in_one_go() {
    let text = "ann@example.com bob@example.com 4111 1111 1111 1111\\n".repeat(200_000);
    let body = format!(r#"{{"model":"smart","messages":[{{"role":"user","content":"{text}"}}]}}"#);
    assert!(body.len() > 10 << 20);
    let mut open = mask();
    open["count_tokens"] = json!(false);
    let mut asked = ask(&open, CHAT, &body);
    let masked = "[EMAIL_1] [EMAIL_2] [CREDIT_CARD_1]\\n".repeat(200_000);
    assert!(
        asked.body()
            == format!(
                r#"{{"model":"smart","messages":[{{"role":"user","content":"{masked}"}}]}}"#
            )
    );
    assert_eq!(asked.told().0.unwrap(), "pii:mask=600000");
}

#[test]
fn a_long_chain_of_finds_that_overlap_is_masked_in_linear_time() {
    let mut settings = settings(json!([guard(json!({"detect": "PII"}))]));
    settings["count_tokens"] = json!(false);
    let text = "1.x@h.ab::".repeat(100_000);
    let body = json!({"model": "smart", "messages": [{"role": "user", "content": text}]});
    let begun = std::time::Instant::now();
    let masked = ask(&settings, CHAT, &body.to_string()).body();
    assert!(begun.elapsed().as_secs() < 10);
    assert!(masked.len() < 2000, "{}", masked.len());
    assert!(!masked.contains('@') && !masked.contains("ab"), "{masked}");
}

#[test]
fn a_long_text_without_escapes_takes_linear_time() {
    let mut settings = settings(json!([
        guard(json!({})),
        {"name": "staff", "pattern": ["\\bEMP-[0-9]{6}\\b"], "words": ["Project Falcon", "猎鹰"], "action": "mask"},
    ]));
    settings["count_tokens"] = json!(false);
    let values: Vec<_> = (0..60_000)
        .map(|at| format!("n{at}@example.com 4111 1111 1111 1111"))
        .collect();
    let text = format!("EMP-123456 in project FALCON, 猎鹰 {}", values.join(" "));
    let body =
        json!({"model": "smart", "messages": [{"role": "user", "content": text}]}).to_string();
    let begun = std::time::Instant::now();
    let mut asked = ask(&settings, CHAT, &body);
    // Seconds, were it not linear; the machine may be busy.
    assert!(begun.elapsed().as_secs() < 10);
    let body = asked.body();
    assert!(
        body.contains("\"[STAFF_1] in [STAFF_2], [STAFF_3] [EMAIL_1] [CREDIT_CARD_1] [EMAIL_2] "),
    );
    assert!(!body.contains("@example.com"));
    assert_eq!(asked.told().0.unwrap(), "pii:mask=120000,staff:mask=3");
}
