//! What an answer is charged when its provider tells too little, and limits that are lowered: the provider
//! role on a fake host.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod support;

use envoy_llm_gateway::{
    api::client::{Api, Asked},
    attempt::Attempt,
    config::Config,
    plan::HandOver,
    tokens::Encoding,
};
use serde_json::{Value, json};
use std::rc::Rc;
use support::{FakeHost, Passed, request, response};

const JSON: &[(&str, &str)] = &[(":status", "200"), ("content-type", "application/json")];
const SSE: &[(&str, &str)] = &[(":status", "200"), ("content-type", "text/event-stream")];
const HEAD: &[(&str, &str)] = &[(":method", "POST"), (":path", "/v1/chat/completions")];

/// A request with 20 prompt tokens on its way to `model`.
fn asked(api: Api, dialect: &str, model: &str, body: &Value) -> (FakeHost, Attempt, Passed) {
    let (host, text) = (FakeHost::default(), body.to_string());
    let asked = Asked::parse(api, text.as_bytes()).unwrap();
    let step = json!([{"provider": "p", "cluster": "c", "model": model, "dialect": dialect}]);
    let steps = serde_json::from_value(step).unwrap();
    let plan = HandOver {
        tokens: vec![20],
        caps: vec![Some(100)],
        ..HandOver::new(&asked, steps, "gateway.local", Vec::new())
    };
    plan.store(&host);
    let settings = json!({"role": "provider", "dialect": dialect}).to_string();
    let mut attempt = match Config::parse(settings.as_bytes()) {
        Ok(Config::Provider(config)) => Attempt::new(Rc::new(config)),
        other => panic!("{other:?}"),
    };
    let sent = request(&mut attempt, &host, HEAD, &[text.as_bytes()]).unwrap();
    (host, attempt, sent)
}

fn chat(stream: bool) -> Value {
    json!({"model": "m", "stream": stream, "messages": [{"role": "user", "content": "hi"}]})
}

/// `[input, output, source]` of the record.
fn charged(host: &FakeHost) -> [String; 3] {
    ["llm.input_tokens", "llm.output_tokens", "llm.usage_source"]
        .map(|key| host.state_value(key).unwrap_or_default())
}

fn events(datas: &[Value]) -> Vec<String> {
    datas
        .iter()
        .map(|data| format!("data: {data}\n\n"))
        .collect()
}

fn streamed(dialect: &str, model: &str, events: &[String]) -> FakeHost {
    let (host, mut attempt, _) = asked(Api::Chat, dialect, model, &chat(true));
    let chunks: Vec<_> = events.iter().map(String::as_bytes).collect();
    response(&mut attempt, &host, SSE, &chunks).unwrap();
    host
}

fn delta(delta: Value, finish: Value) -> Value {
    json!({"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})
}

fn o200k(text: &str) -> u64 {
    Encoding::O200kBase.count(text)
}

#[test]
fn a_stream_without_usage_is_charged_what_was_said() {
    let arguments = r#"{"city":"Paris"}"#;
    let call = json!([{"index": 0, "id": "c", "function": {"name": "weather", "arguments": ""}}]);
    let more = json!([{"index": 0, "function": {"arguments": arguments}}]);
    let host = streamed(
        "openai",
        "gpt-4o",
        &events(&[
            delta(json!({"role": "assistant", "content": ""}), json!(null)),
            delta(json!({"reasoning_content": "Let me think"}), json!(null)),
            delta(json!({"content": "Hello wor"}), json!(null)),
            delta(json!({"content": "ld"}), json!(null)),
            delta(json!({"tool_calls": call}), json!(null)),
            delta(json!({"tool_calls": more}), json!(null)),
            delta(json!({}), json!("tool_calls")),
        ]),
    );
    let said = o200k("Let me think") + o200k("Hello world") + o200k(&format!("weather{arguments}"));
    assert_eq!(
        charged(&host),
        ["20".into(), said.to_string(), "estimate".into()]
    );
    assert_eq!(
        host.state_value("llm.total_tokens"),
        Some((20 + said).to_string())
    );
    let used: Value = serde_json::from_str(&host.state_value("llm.used").unwrap()).unwrap();
    assert_eq!(used["usage"], json!({"input": 20, "output": said}));
}

#[test]
fn the_provider_s_usage_replaces_the_estimate() {
    let usage = json!({"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 4}});
    let mut all = events(&[
        delta(
            json!({"content": "Hello world, hello everybody"}),
            json!(null),
        ),
        delta(json!({}), json!("stop")),
        usage,
    ]);
    all.push("data: [DONE]\n\n".into());
    let host = streamed("openai", "gpt-4o", &all);
    assert_eq!(charged(&host), ["9", "4", "provider"]);
}

#[test]
fn a_translated_stream_that_breaks_keeps_what_was_told_and_adds_what_was_said() {
    let text = "one two three four five six seven eight nine ten";
    let events = [
        r#"{"type":"message_start","message":{"id":"m","type":"message","role":"assistant","model":"claude-sonnet-4-5","content":[],"usage":{"input_tokens":11,"output_tokens":1}}}"#.to_owned(),
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#.to_owned(),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}).to_string(),
    ];
    let events = events.map(|data| format!("data: {data}\n\n"));
    let host = streamed("anthropic", "claude-sonnet-4-5", &events);
    let said = (o200k(text) * 1260).div_ceil(1000);
    let want = ["11".into(), (1 + said).to_string(), "estimate".into()];
    assert_eq!(charged(&host), want);
    assert_eq!(host.state_value("llm.outcome").as_deref(), Some("partial"));
}

#[test]
fn streams_in_other_languages_are_charged_too() {
    let body = json!({"model": "m", "stream": true, "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]});
    let (host, mut attempt, _) = asked(Api::Messages, "anthropic", "claude-sonnet-4-5", &body);
    let start = r#"{"type":"message_start","message":{"model":"c","usage":{"input_tokens":11,"output_tokens":1}}}"#;
    let delta = r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"hello world"}}"#;
    let chunks = [start, delta].map(|data| format!("data: {data}\n\n"));
    let chunks = chunks.each_ref().map(|chunk| chunk.as_bytes());
    response(&mut attempt, &host, SSE, &chunks).unwrap();
    assert_eq!(charged(&host), ["11", "4", "estimate"]);

    let body = json!({"model": "m", "stream": true, "input": "hi"});
    let (host, mut attempt, _) = asked(Api::Responses, "openai", "gpt-4o", &body);
    let delta = r#"{"type":"response.output_text.delta","delta":"hello world"}"#;
    let chunk = format!("event: response.output_text.delta\ndata: {delta}\n\n");
    response(&mut attempt, &host, SSE, &[chunk.as_bytes()]).unwrap();
    assert_eq!(charged(&host), ["20", "2", "estimate"]);
}

#[test]
fn a_whole_answer_without_usage_is_charged_what_it_says() {
    let answer = r#"{"choices":[{"index":0,"message":{"role":"assistant","content":"hello world"},"finish_reason":"stop"}]}"#;
    let (host, mut attempt, _) = asked(Api::Chat, "openai", "gpt-4o", &chat(false));
    response(&mut attempt, &host, JSON, &[answer.as_bytes()]).unwrap();
    assert_eq!(charged(&host), ["20", "2", "estimate"]);
    let told = answer.replace(
        r#"{"choices""#,
        r#"{"usage":{"prompt_tokens":3,"completion_tokens":1},"choices""#,
    );
    let (host, mut attempt, _) = asked(Api::Chat, "openai", "gpt-4o", &chat(false));
    response(&mut attempt, &host, JSON, &[told.as_bytes()]).unwrap();
    assert_eq!(charged(&host), ["3", "1", "provider"]);
}

#[test]
fn limits_above_the_model_s_are_lowered_in_every_dialect() {
    let of = |dialect: &str, key: &str, limit: u64| {
        let mut body = chat(false);
        body[key] = json!(limit);
        let (_, _, sent) = asked(Api::Chat, dialect, "m", &body);
        serde_json::from_slice::<Value>(&sent.body).unwrap()
    };
    assert_eq!(of("openai", "max_tokens", 500)["max_tokens"], 100);
    assert_eq!(
        of("openai", "max_completion_tokens", 101)["max_completion_tokens"],
        100
    );
    assert_eq!(of("openai", "max_tokens", 99)["max_tokens"], 99);
    assert_eq!(
        of("anthropic", "max_completion_tokens", 500)["max_tokens"],
        100
    );
    assert_eq!(
        of("gemini", "max_tokens", 500)["generationConfig"]["maxOutputTokens"],
        100
    );
    assert_eq!(
        of("mistral", "max_completion_tokens", 500)["max_tokens"],
        100
    );
    let body =
        json!({"model": "m", "input": "hi", "max_output_tokens": 500, "metadata": {"a": "1"}});
    let (_, _, sent) = asked(Api::Responses, "openai", "m", &body);
    assert_eq!(
        serde_json::from_slice::<Value>(&sent.body).unwrap(),
        json!({"model": "m", "input": "hi", "max_output_tokens": 100, "metadata": {"a": "1"}})
    );
}
