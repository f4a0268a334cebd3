//! The names that clients ask for: wildcards, prefixes, unknown ones, the list, and the built-in one.

use crate::{ask, chat, error, reply, settings, with_keys};
use serde_json::{Value, json};

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
fn an_address_without_a_name_is_an_unknown_model() {
    let (host, ..) = ask(&settings(), &[], &chat("two/"));
    assert_eq!(error(&host).1, "model_not_found");
}
