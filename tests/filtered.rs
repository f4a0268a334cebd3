//! An answer that a content policy ends is asked elsewhere where that is configured, as long as the client has seen
//! nothing of it.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod support;

use envoy_llm_gateway::config::{Config, Gateway};
use serde_json::json;
use std::rc::Rc;
use support::{START, Shared, ride::Ride};

fn config(policy: &str) -> Rc<Gateway> {
    let value = json!({
        "role": "gateway",
        "models": {"m": {"on_content_filter": policy, "targets": [{"provider": "a", "model": "x"}, {"provider": "b", "model": "y"}]}},
        "providers": {"a": {"dialect": "anthropic"}, "b": {"dialect": "openai"}},
    });
    match Config::parse(value.to_string().as_bytes()) {
        Ok(Config::Gateway(config)) => Rc::new(config),
        other => panic!("{other:?}"),
    }
}

/// What becomes of the answer of attempt `number` to a request, handed over in pieces of this size: its status.
fn status(
    policy: &str,
    dialect: &str,
    number: u64,
    stream: bool,
    body: &str,
    size: usize,
) -> String {
    let mut ride = Ride::begin(&config(policy), &Shared::default(), START * 1000, stream).unwrap();
    ride.number = number - 1;
    ride.attempt_at(dialect);
    let kind = if stream {
        "text/event-stream"
    } else {
        "application/json"
    };
    let chunks: Vec<&[u8]> = body.as_bytes().chunks(size).collect();
    let passed = ride.tell("200", kind, &chunks);
    passed.header(":status").unwrap().to_owned()
}

fn chunk(delta: &str, finish: &str) -> String {
    format!(
        "data: {{\"id\":\"x\",\"model\":\"m\",\"choices\":[{{\"index\":0,\"delta\":{delta},\"finish_reason\":{finish}}}]}}\n\n"
    )
}

fn openai(text: Option<&str>) -> String {
    let role = chunk(r#"{"role":"assistant","content":""}"#, "null");
    let said = text.map(|text| chunk(&json!({"content": text}).to_string(), "null"));
    role + &said.unwrap_or_default() + &chunk("{}", r#""content_filter""#) + "data: [DONE]\n\n"
}

fn anthropic(text: Option<&str>) -> String {
    let event =
        |name: &str, more: &str| format!("event: {name}\ndata: {{\"type\":\"{name}\"{more}}}\n\n");
    let start = r#","message":{"id":"x","model":"m","role":"assistant","content":[],"usage":{"input_tokens":1,"output_tokens":1}}"#;
    let mut out = event("message_start", start);
    if let Some(text) = text {
        let delta = json!({"type": "text_delta", "text": text});
        out += &event(
            "content_block_start",
            r#","index":0,"content_block":{"type":"text","text":""}"#,
        );
        out += &event(
            "content_block_delta",
            &format!(",\"index\":0,\"delta\":{delta}"),
        );
        out += &event("content_block_stop", r#","index":0"#);
    }
    out += &event(
        "message_delta",
        r#","delta":{"stop_reason":"refusal"},"usage":{"output_tokens":1}"#,
    );
    out + &event("message_stop", "")
}

const WHOLE: &str = r#"{"id":"x","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":""},"finish_reason":"content_filter"}]}"#;
const REFUSAL: &str = r#"{"id":"x","type":"message","model":"m","role":"assistant","content":[],"stop_reason":"refusal","usage":{"input_tokens":1,"output_tokens":1}}"#;

#[test]
fn a_filtered_answer_moves_on_only_where_that_is_configured_and_there_is_another_target() {
    for (dialect, whole, stream) in [
        ("openai", WHOLE, openai(None)),
        ("anthropic", REFUSAL, anthropic(None)),
    ] {
        for (body, streams) in [(whole, false), (stream.as_str(), true)] {
            let of = |policy, number| status(policy, dialect, number, streams, body, usize::MAX);
            let told = [of("next", 1), of("next", 2), of("error", 1)];
            assert_eq!(told, ["503", "200", "200"], "{dialect}, stream: {streams}");
        }
    }
}

#[test]
fn a_stream_of_which_something_has_come_stays_however_the_network_cuts_it() {
    for (dialect, nothing, something) in [
        ("openai", openai(None), openai(Some("h"))),
        ("anthropic", anthropic(None), anthropic(Some("h"))),
    ] {
        for size in [1, 7, 64, 200, usize::MAX] {
            let of = |body: &str| status("next", dialect, 1, true, body, size);
            assert_eq!(
                [of(&nothing), of(&something)],
                ["503", "200"],
                "{dialect}, {size}"
            );
        }
    }
}

#[test]
fn text_in_the_event_of_the_end_is_an_answer() {
    let both = chunk(r#"{"content":"h"}"#, r#""content_filter""#) + "data: [DONE]\n\n";
    assert_eq!(status("next", "openai", 1, true, &both, usize::MAX), "200");
    let gemini = |parts: &str| {
        format!(
            "data: {{\"candidates\":[{{\"content\":{{\"role\":\"model\",\"parts\":[{parts}]}},\"finishReason\":\"SAFETY\",\"index\":0}}],\"modelVersion\":\"m\"}}\r\n\r\n"
        )
    };
    let of = |body: &str| status("next", "gemini", 1, true, body, usize::MAX);
    assert_eq!(
        [of(&gemini(r#"{"text":"h"}"#)), of(&gemini(""))],
        ["200", "503"]
    );
}

#[test]
fn the_record_says_why_and_what_it_used() {
    let mut ride = Ride::begin(&config("next"), &Shared::default(), START * 1000, true).unwrap();
    ride.attempt_at("anthropic");
    ride.tell("200", "text/event-stream", &[anthropic(None).as_bytes()]);
    ride.attempt_at("openai");
    let answer = WHOLE
        .replace("content_filter", "stop")
        .replace(r#""content":"""#, r#""content":"h""#);
    let got = ride.answer("200", "application/json", &answer);
    assert_eq!(
        (got.header("x-llm-provider"), got.header("x-llm-attempts")),
        (Some("b"), Some("2"))
    );
    let attempts = ride.host.state_value("llm.attempts").unwrap();
    let attempts: serde_json::Value = serde_json::from_str(&attempts).unwrap();
    assert_eq!(attempts.pointer("/0/reason").unwrap(), "content_filter");
    assert_eq!(attempts.pointer("/0/used/input").unwrap(), 1);
}
