//! What a request asks of the host: each of it crosses from the filter into Envoy and back, which costs as much
//! as a good part of what the filter does by itself.
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
    host::Stream as _,
};
use serde_json::json;
use std::{collections::BTreeMap, rc::Rc};
use support::{START, Shared, response, ride::Ride};

type Asked = BTreeMap<String, usize>;

fn gateway() -> Rc<Gateway> {
    let config = json!({
        "role": "gateway",
        "providers": {"anthropic": {}},
        "models": {"m": {"targets": [{"provider": "anthropic", "model": "claude-haiku-4-5"}]}},
    });
    match Config::parse(config.to_string().as_bytes()) {
        Ok(Config::Gateway(gateway)) => Rc::new(gateway),
        other => panic!("{other:?}"),
    }
}

fn ridden(stream: bool) -> Ride {
    let mut ride = Ride::begin(&gateway(), &Shared::default(), START * 1000, stream).unwrap();
    ride.attempt_at("anthropic");
    ride
}

/// The answer passes both roles and is logged.
fn answered(mut ride: Ride, kind: &str, chunks: &[&[u8]]) -> Asked {
    let passed = ride.tell("200", kind, chunks);
    let lines: Vec<_> = passed
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    response(&mut ride.role, &ride.host, &lines, &[&passed.body]).unwrap();
    ride.role.on_log(&ride.host);
    ride.host.take_asked()
}

fn event(name: &str, data: &str) -> Vec<u8> {
    format!("event: {name}\ndata: {data}\n\n").into_bytes()
}

/// A stream with so many events of text.
fn stream(texts: usize) -> Vec<Vec<u8>> {
    let delta =
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"word "}}"#;
    let mut events = vec![
        event(
            "message_start",
            r#"{"type":"message_start","message":{"id":"a","model":"claude-haiku-4-5","usage":{"input_tokens":3,"output_tokens":1}}}"#,
        ),
        event(
            "content_block_start",
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
        ),
    ];
    events.extend((0..texts).map(|_| event("content_block_delta", delta)));
    events.extend([
        event("content_block_stop", r#"{"type":"content_block_stop","index":0}"#),
        event(
            "message_delta",
            r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":9}}"#,
        ),
        event("message_stop", r#"{"type":"message_stop"}"#),
    ]);
    events
}

fn streamed(texts: usize) -> Asked {
    let (ride, events) = (ridden(true), stream(texts));
    ride.host.take_asked();
    let chunks: Vec<&[u8]> = events.iter().map(Vec::as_slice).collect();
    answered(ride, "text/event-stream", &chunks)
}

fn all(asked: &Asked) -> usize {
    asked.values().sum()
}

/// What there is more of in `more`.
fn besides(more: &Asked, fewer: &Asked) -> Asked {
    let besides = |(what, often): (&String, &usize)| {
        let more = often - fewer.get(what).copied().unwrap_or(0);
        (more > 0).then(|| (what.clone(), more))
    };
    more.iter().filter_map(besides).collect()
}

#[test]
fn a_plain_request_asks_for_little() {
    // Besides: the provider role finds the board, and the host writes the record.
    let ride = ridden(false);
    let request = ride.host.take_asked();
    let answer = r#"{"id":"a","type":"message","role":"assistant","model":"claude-haiku-4-5","content":[{"type":"text","text":"hello"}],"stop_reason":"end_turn","usage":{"input_tokens":3,"output_tokens":2}}"#;
    let answer = answered(ride, "application/json", &[answer.as_bytes()]);
    assert_eq!(
        (all(&request), all(&answer)),
        (12, 8),
        "{request:?} {answer:?}"
    );
    let reads = |asked: &Asked| {
        let reads = asked.iter().filter(|(what, _)| what.starts_with("read "));
        reads
            .map(|(what, often)| format!("{often} {what}"))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        reads(&request),
        [
            "1 read all headers",
            "2 read body",
            "2 read clock",
            "1 read header :scheme"
        ]
    );
}

#[test]
fn one_more_event_of_a_stream_is_read_and_written_and_nothing_else() {
    let (few, many) = (streamed(2), streamed(5));
    let want = [("read body", 3), ("replace body", 3)];
    let want: Asked = want.map(|(what, often)| (what.to_owned(), often)).into();
    assert_eq!(besides(&many, &few), want);
}
