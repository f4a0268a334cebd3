//! The gateway role on a fake host.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod support;

use envoy_llm_gateway::{
    config::Config,
    gateway::Request,
    host::{Side, Stream},
};
use serde_json::{Value, json};
use std::rc::Rc;
use support::{FakeHost, Passed, Reply, request, response};

/// SHA-256 of `key-of-support`.
const SUPPORT: &str = "6c1d08605eebfcd189e3418495e40f805691fea957334c09ede6cc3683b1464b";

/// SHA-256 of `key-of-all`.
const ALL: &str = "11b61ff8f27ebdeaa6f43de31efa2bb959b0c03b95f5943338d0f95797a6bbd2";

fn settings() -> Value {
    json!({
        "role": "gateway",
        "models": {
            "smart": {"targets": [{"provider": "one", "model": "a"}, {"provider": "two", "model": "b"}, {"provider": "one", "model": "c"}], "first_token_timeout": "2s"},
            "gpt-*": {"targets": [{"provider": "one"}]},
            "gpt-5-*": {"targets": [{"provider": "two"}]},
            "two/*": {"targets": [{"provider": "two"}]},
        },
        "providers": {
            "one": {"cluster": "cluster-one", "dialect": "openai"},
            "two": {"dialect": "openai"},
        },
        "body_limit_bytes": 400,
        "answer_timeout": "30s",
    })
}

fn gateway(settings: &Value) -> Request {
    match Config::parse(settings.to_string().as_bytes()) {
        Ok(Config::Gateway(config)) => Request::new(Rc::new(config)),
        other => panic!("{other:?}"),
    }
}

fn with_keys() -> Value {
    let mut settings = settings();
    settings["keys"] = json!([
        {"id": "support-app", "sha256": SUPPORT, "team": "support", "models": ["smart", "gpt-5-mini"]},
        {"id": "everything", "sha256": ALL},
    ]);
    settings
}

const POST: &[(&str, &str)] = &[
    (":method", "POST"),
    (":path", "/v1/chat/completions"),
    ("content-type", "application/json"),
    ("x-request-id", "id-1"),
];

fn ask(
    settings: &Value,
    headers: &[(&str, &str)],
    body: &str,
) -> (FakeHost, Request, Option<Passed>) {
    let host = FakeHost::default();
    let mut gateway = gateway(settings);
    let headers: Vec<_> = POST
        .iter()
        .filter(|(name, _)| !headers.iter().any(|(own, _)| own == name))
        .chain(headers)
        .copied()
        .collect();
    let chunks: Vec<&[u8]> = if body.is_empty() {
        vec![]
    } else {
        body.as_bytes().chunks(50).collect()
    };
    let passed = request(&mut gateway, &host, &headers, &chunks);
    (host, gateway, passed)
}

fn reply(host: &FakeHost) -> Reply {
    let replies = host.replies.borrow();
    assert_eq!(replies.len(), 1, "{replies:?}");
    replies[0].clone()
}

fn error(host: &FakeHost) -> (u16, String, Value) {
    let reply = reply(host);
    let body: Value = serde_json::from_str(&reply.body).unwrap();
    (
        reply.status,
        body["error"]["code"].as_str().unwrap().into(),
        body["error"]["param"].clone(),
    )
}

fn chat(model: &str) -> String {
    json!({"model": model, "messages": [{"role": "user", "content": "hi"}]}).to_string()
}

#[test]
fn a_plan_is_handed_to_envoy_and_to_the_provider_role() {
    let body = json!({"model": "smart", "stream": true, "messages": [{}]}).to_string();
    let (host, _, passed) = ask(&settings(), &[], &body);
    let passed = passed.unwrap();
    assert_eq!(passed.text(), body, "the body stays the client's");
    assert_eq!(passed.header("x-envoy-max-retries"), Some("2"));
    assert_eq!(
        passed.header("x-envoy-upstream-rq-per-try-timeout-ms"),
        Some("2000")
    );
    assert!(passed.header("x-llm-plan").is_some());
    let plan: Value = serde_json::from_str(&host.plan().unwrap()).unwrap();
    let step = |provider: &str, cluster: &str, model: &str| json!({"provider": provider, "cluster": cluster, "model": model, "dialect": "openai"});
    assert_eq!(
        plan,
        json!([
            step("one", "cluster-one", "a"),
            step("two", "two", "b"),
            step("one", "cluster-one", "c")
        ])
    );
    let state = |key: &str| host.state_value(key).unwrap();
    assert_eq!(
        ["llm.model", "llm.operation", "llm.stream", "llm.route"].map(state),
        ["smart", "chat", "1", "smart:fallback"]
    );
}

#[test]
fn a_whole_answer_has_its_own_timeout() {
    let (_, _, passed) = ask(&settings(), &[], &chat("smart"));
    assert_eq!(
        passed
            .unwrap()
            .header("x-envoy-upstream-rq-per-try-timeout-ms"),
        Some("30000")
    );
}

#[test]
fn the_longest_wildcard_wins_and_a_provider_s_prefix_is_taken_off() {
    let planned = |model: &str| {
        let (host, ..) = ask(&settings(), &[], &chat(model));
        let plan: Value = serde_json::from_str(&host.plan().unwrap()).unwrap();
        format!(
            "{}:{}",
            plan[0]["provider"].as_str().unwrap(),
            plan[0]["model"].as_str().unwrap()
        )
    };
    assert_eq!(planned("gpt-4"), "one:gpt-4");
    assert_eq!(planned("gpt-5-mini"), "two:gpt-5-mini");
    assert_eq!(planned("two/llama"), "two:llama");
}

#[test]
fn an_unknown_model_is_a_404_that_names_the_known_ones() {
    let (host, ..) = ask(&settings(), &[], &chat("claude"));
    assert_eq!(
        error(&host),
        (404, "model_not_found".into(), json!("model"))
    );
    assert!(
        reply(&host)
            .body
            .contains("Known: echo, gpt-*, gpt-5-*, smart, two/*."),
        "{}",
        reply(&host).body
    );
}

#[test]
fn headers_that_steer_and_credentials_go_no_further() {
    let (_, _, passed) = ask(
        &settings(),
        &[
            ("authorization", "Bearer x"),
            ("x-api-key", "x"),
            ("cookie", "x"),
            ("x-llm-plan", "x"),
            ("x-envoy-max-retries", "9"),
            ("x-envoy-upstream-rq-timeout-ms", "1"),
            ("x-custom", "stays"),
        ],
        &chat("gpt-4"),
    );
    let mut names: Vec<_> = passed
        .unwrap()
        .headers
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            ":method",
            ":path",
            "content-type",
            "x-custom",
            "x-envoy-max-retries",
            "x-envoy-upstream-rq-per-try-timeout-ms",
            "x-llm-plan",
            "x-request-id"
        ]
    );
}

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

#[test]
fn the_model_list_shows_what_the_caller_may_use() {
    let get = |path: &str, key: &str| {
        let headers = [(":method", "GET"), (":path", path), ("x-api-key", key)];
        reply(&ask(&with_keys(), &headers, "").0)
    };
    let body: Value = serde_json::from_str(&get("/v1/models", "key-of-support").body).unwrap();
    let model = |id: &str, owner: &str| json!({"id": id, "object": "model", "created": 0, "owned_by": owner});
    assert_eq!(
        body,
        json!({"object": "list", "data": [model("gpt-5-mini", "two"), model("smart", "one")]})
    );
    assert_eq!(
        serde_json::from_str::<Value>(&get("/v1/models/gpt-5-mini", "key-of-support").body)
            .unwrap(),
        model("gpt-5-mini", "two")
    );
    assert_eq!(get("/v1/models/echo", "key-of-support").status, 404);
    assert_eq!(get("/v1/models/echo", "key-of-all").status, 200);
    assert_eq!(get("/v1/models", "wrong").status, 401);
    assert_eq!(get("/healthz", "wrong").status, 200);
}

#[test]
fn the_echo_model_answers_whole_and_as_a_stream() {
    let (host, ..) = ask(&settings(), &[], &chat("echo"));
    assert_eq!(
        reply(&host).body,
        r#"{"id":"chatcmpl-echo","object":"chat.completion","created":1793491200,"model":"echo","choices":[{"index":0,"message":{"role":"assistant","content":"hi","refusal":null},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":8,"completion_tokens":1,"total_tokens":9,"prompt_tokens_details":{"cached_tokens":0},"completion_tokens_details":{"reasoning_tokens":0}}}"#
    );
    let body = r#"{"model":"echo","stream":true,"messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}]}"#;
    let (host, ..) = ask(&settings(), &[], body);
    let reply = reply(&host);
    assert_eq!(
        reply.headers,
        [
            ("content-type", "text/event-stream"),
            ("x-llm-tokens-estimate", "9"),
            ("x-llm-cache", "off"),
            ("x-request-id", "id-1"),
        ]
        .map(|(n, v)| (n.to_owned(), v.to_owned()))
    );
    assert_eq!(
        reply.body,
        "data: {\"id\":\"chatcmpl-echo\",\"object\":\"chat.completion.chunk\",\"created\":1793491200,\"model\":\"echo\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"ab\"},\"finish_reason\":null}]}\n\n\
         data: {\"id\":\"chatcmpl-echo\",\"object\":\"chat.completion.chunk\",\"created\":1793491200,\"model\":\"echo\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n\
         data: [DONE]\n\n"
    );
}

#[test]
fn what_cannot_be_a_chat_request_is_refused_with_its_reason() {
    let refused = |headers: &[(&str, &str)], body: &str| error(&ask(&settings(), headers, body).0);
    assert_eq!(
        refused(&[(":path", "/v1/nothing")], "{}"),
        (404, "unknown_url".into(), Value::Null)
    );
    assert_eq!(refused(&[(":method", "GET")], "").0, 405);
    assert_eq!(
        refused(&[], ""),
        (400, "invalid_request".into(), Value::Null)
    );
    assert_eq!(
        refused(&[], "{\"model\":"),
        (400, "invalid_request".into(), json!("model"))
    );
    assert_eq!(
        refused(&[], r#"{"model":1,"messages":[1]}"#).2,
        json!("model")
    );
    assert_eq!(refused(&[("content-type", "text/plain")], "{}").0, 415);
    assert_eq!(refused(&[("content-encoding", "deflate")], "{}").0, 415);
    assert_eq!(
        refused(&[("content-length", "401")], "{}"),
        (413, "request_too_large".into(), Value::Null)
    );
    assert_eq!(
        refused(&[], &"x".repeat(401)).0,
        413,
        "also without a content-length"
    );
    let (host, ..) = ask(
        &settings(),
        &[(":method", "PUT"), (":path", "/v1/models")],
        "",
    );
    assert!(
        reply(&host)
            .headers
            .contains(&("allow".into(), "GET".into()))
    );
}

#[test]
fn a_header_that_cannot_be_removed_stops_the_request() {
    let host = FakeHost::default();
    host.refuse_writes.set(true);
    let headers = [POST, &[("authorization", "Bearer x")]].concat();
    assert_eq!(
        request(
            &mut gateway(&settings()),
            &host,
            &headers,
            &[chat("smart").as_bytes()]
        ),
        None
    );
    assert_eq!(error(&host).0, 500);
}

/// Answers after a hand-over, as Envoy or the last attempt would.
fn after(attempts: &Value, headers: &[(&str, &str)], body: &[&[u8]]) -> (FakeHost, Option<Passed>) {
    let (host, mut gateway, passed) = ask(&settings(), &[], &chat("smart"));
    assert!(passed.is_some());
    if !attempts.is_null() {
        host.state
            .borrow_mut()
            .insert("llm.attempts".into(), attempts.to_string());
    }
    let passed = response(&mut gateway, &host, headers, body);
    gateway.on_log(&host);
    (host, passed)
}

fn tried(provider: &str, status: Value, ms: Value, reason: Value) -> Value {
    json!({"provider": provider, "model": "m", "status": status, "ms": ms, "reason": reason, "at_ms": 0})
}

#[test]
fn an_attempt_s_answer_passes_with_the_request_s_id() {
    let attempts = json!([tried("one", json!(200), json!(5), Value::Null)]);
    let headers = [
        (":status", "200"),
        ("x-llm-provider", "one"),
        ("content-type", "application/json"),
    ];
    let (_, passed) = after(&attempts, &headers, &[b"{\"an\":", b"\"answer\"}"]);
    let passed = passed.unwrap();
    assert_eq!(passed.text(), r#"{"an":"answer"}"#);
    assert_eq!(passed.headers.len(), 3, "the attempt has written them all");
}

#[test]
fn when_every_attempt_failed_one_error_names_them() {
    let attempts = json!([
        tried("one", Value::Null, json!(30_000), json!("no_answer")),
        tried("two", json!(429), json!(3), json!("rate_limit_exceeded")),
    ]);
    let headers = [
        (":status", "429"),
        ("x-llm-model", "m"),
        ("retry-after-ms", "1"),
        ("content-length", "6"),
    ];
    let (host, passed) = after(&attempts, &headers, &[b"sec", b"ret"]);
    let passed = passed.unwrap();
    let want = r#"{"error":{"message":"No provider could answer `smart`. Tried: one (m) did not answer within 30000 ms; two (m) 429 rate_limit_exceeded.","type":"provider_error","param":null,"code":"provider_failed"}}"#;
    assert_eq!(passed.text(), want);
    assert_eq!(
        passed.headers,
        [
            (":status", "502"),
            ("content-type", "application/json"),
            ("content-length", &want.len().to_string()),
            ("x-should-retry", "false"),
            ("x-llm-attempts", "2"),
            ("x-llm-cache", "off"),
            ("x-request-id", "id-1"),
        ]
        .map(|(n, v)| (n.to_owned(), v.to_owned()))
    );
    assert_eq!(host.state_value("llm.outcome").as_deref(), Some("error"));
    assert_eq!(
        host.state_value("llm.reason").as_deref(),
        Some("provider_failed")
    );
}

#[test]
fn a_target_that_envoy_could_not_begin_to_ask_is_named_too() {
    let attempts = json!([tried(
        "one",
        json!(429),
        json!(3),
        json!("rate_limit_exceeded")
    )]);
    let (host, passed) = after(&attempts, &[(":status", "503")], &[b"no healthy upstream"]);
    let text = passed.unwrap().text();
    assert!(
        text.contains("Tried: one (m) 429 rate_limit_exceeded; two (b) could not be reached."),
        "{text}"
    );
    assert_eq!(host.state_value("llm.attempt_count").as_deref(), Some("2"));
}

#[test]
fn an_error_that_ends_in_trailers_or_at_once_is_answered_with_the_request_s_id() {
    for trailers in [false, true] {
        let (host, mut gateway, _) = ask(&settings(), &[], &chat("smart"));
        host.set_headers(Side::Response, &[(":status", "503")]);
        gateway.on_response_headers(&host, !trailers);
        if trailers {
            gateway.on_response_trailers(&host);
        }
        let reply = reply(&host);
        assert_eq!(reply.status, 503);
        assert!(
            reply
                .headers
                .contains(&("x-request-id".into(), "id-1".into()))
        );
    }
}

#[test]
fn an_address_without_a_name_is_an_unknown_model() {
    let (host, ..) = ask(&settings(), &[], &chat("two/"));
    assert_eq!(error(&host).1, "model_not_found");
}

#[test]
fn an_attempt_that_never_answered_is_completed_and_named() {
    let attempts = json!([tried("one", Value::Null, Value::Null, Value::Null)]);
    let (host, passed) = after(
        &attempts,
        &[(":status", "504")],
        &[b"upstream request timeout"],
    );
    assert_eq!(passed.unwrap().header(":status"), Some("504"));
    let attempts: Value = serde_json::from_str(&host.state_value("llm.attempts").unwrap()).unwrap();
    assert_eq!(attempts[0]["reason"], json!("no_answer"));
    assert!(attempts[0]["ms"].as_u64().is_some());
}

#[test]
fn envoy_s_own_words_get_openai_s_shape_with_and_without_a_body() {
    let cases = [
        (413, "request_too_large"),
        (429, "rate_limit_exceeded"),
        (503, "provider_overloaded"),
        (504, "provider_timeout"),
    ];
    for (status, code) in cases {
        let status = status.to_string();
        let (_, passed) = after(
            &Value::Null,
            &[(":status", &status), ("content-type", "text/plain")],
            &[b"Payload Too Large"],
        );
        let passed = passed.unwrap();
        assert_eq!(passed.header(":status"), Some(status.as_str()));
        let body: Value = serde_json::from_str(&passed.text()).unwrap();
        assert_eq!(body["error"]["code"], json!(code));
        let (host, passed) = after(&Value::Null, &[(":status", &status)], &[]);
        assert_eq!(passed, None, "an empty reply is replaced");
        assert_eq!(error(&host).1, code);
    }
}

#[test]
fn the_outcome_tells_how_it_ended() {
    let outcome = |status: &str, end: bool, details: &str| {
        let (host, mut gateway, _) = ask(&settings(), &[], &chat("smart"));
        host.state
            .borrow_mut()
            .insert("llm.outcome".into(), "the attempt's own".into());
        host.properties
            .borrow_mut()
            .insert("response.code_details".into(), details.into());
        host.set_headers(
            Side::Response,
            &[(":status", status), ("x-llm-provider", "one")],
        );
        gateway.on_response_headers(&host, false);
        gateway.on_response_body(&host, 2, end);
        gateway.on_log(&host);
        host.state_value("llm.outcome").unwrap()
    };
    assert_eq!(outcome("200", true, "via_upstream"), "the attempt's own");
    assert_eq!(
        outcome("200", false, "upstream_reset_after_response_started"),
        "partial"
    );
    assert_eq!(
        outcome("200", false, "downstream_remote_disconnect"),
        "cancelled"
    );
    assert_eq!(outcome("400", true, "via_upstream"), "error");
    assert_eq!(outcome("400", false, "http2.remote_reset"), "cancelled");
    let (host, mut gateway, _) = ask(&settings(), &[], &chat("nothing"));
    response(&mut gateway, &host, &[(":status", "404")], &[b"{}"]);
    gateway.on_log(&host);
    assert_eq!(host.state_value("llm.outcome").as_deref(), Some("refused"));
    assert_eq!(
        host.state_value("llm.reason").as_deref(),
        Some("model_not_found")
    );
    let reply = reply(&host);
    for line in [("x-request-id", "id-1"), ("x-llm-cache", "off")] {
        assert!(reply.headers.contains(&(line.0.into(), line.1.into())));
    }
}
