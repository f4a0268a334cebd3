//! Streams: what is held, what leaves, and how they end.

use crate::{
    HEAD, SSE, attempt, planned, sent, step,
    support::{FakeHost, START, request, response},
};
use envoy_llm_gateway::{
    api::client::{Api, Asked},
    attempt::Attempt,
    host::{Flow, Side, Stream},
    plan::HandOver,
};
use serde_json::json;
use std::time::SystemTime;
#[test]
fn nothing_follows_an_error_that_a_stream_begins_with() {
    // An error of the client's: nobody else is asked.
    let error = br#"data: {"error":{"message":"too long","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}"#;
    for end in [
        &[b"\n\n".as_slice(), b"data: [DONE]\n\n"][..],
        &[b"\n\ndata: {}\n\n", b"data: [DONE]", b"\n\n"],
    ] {
        let host = planned(&json!([step("one", "m")]), true);
        let mut attempt = attempt(json!({}));
        sent(&host, &mut attempt);
        let chunks = [&[&error[..]], end].concat();
        let got = response(&mut attempt, &host, SSE, &chunks).unwrap();
        assert_eq!(got.header(":status"), Some("400"));
        let length = got.header("content-length").unwrap();
        assert_eq!(length, got.body.len().to_string(), "{}", got.text());
        assert!(got.text().contains("context_length_exceeded"));
    }
}

#[test]
fn nothing_leaves_before_the_first_content_and_everything_at_once_after_it() {
    let host = planned(&json!([step("one", "m")]), true);
    let mut attempt = attempt(json!({}));
    sent(&host, &mut attempt);
    host.now_ms.set(START * 1000 + 412);
    let chunks: [&[u8]; 5] = [
        b": wait\n\n",
        b"data: {\"choices\":[{\"delta\":{\"role\":\"assistant\"}}]}\n\n",
        b"data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n",
        b"data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
        b"data: [DONE]\n\n",
    ];
    let got = response(&mut attempt, &host, SSE, &chunks).unwrap();
    // Two before the first content, and the end's reason until the end.
    assert_eq!((got.held, got.body), (3, chunks.concat()));
    assert_eq!(host.state_value("llm.ttft_ms").as_deref(), Some("412"));
}

#[test]
fn too_much_before_any_content_is_a_failed_attempt() {
    let host = planned(&json!([step("one", "m")]), true);
    let mut attempt = attempt(json!({}));
    sent(&host, &mut attempt);
    let filler = b":\n".repeat(600_000);
    let chunks: Vec<&[u8]> = vec![&filler; 4];
    let got = response(&mut attempt, &host, SSE, &chunks).unwrap();
    assert_eq!(got.header(":status"), Some("503"));
}

#[test]
fn a_response_may_repeat_all_of_a_large_request_before_its_first_content() {
    let host = FakeHost::default();
    let instructions = "i".repeat(3 << 20);
    let body = json!({"model": "m", "input": "hi", "stream": true, "instructions": instructions});
    let body = body.to_string();
    let asked = Asked::parse(Api::Responses, body.as_bytes()).unwrap();
    let steps = serde_json::from_value(json!([step("one", "m")])).unwrap();
    HandOver::new(&asked, steps, "gateway.local", Vec::new()).store(&host);
    let mut attempt = attempt(json!({}));
    request(&mut attempt, &host, HEAD, &[body.as_bytes()]).unwrap();
    let event = |kind: &str| {
        let response =
            json!({"id": "resp_1", "model": "m", "output": [], "instructions": instructions});
        let event = json!({"type": kind, "response": response});
        format!("event: {kind}\ndata: {event}\n\n")
    };
    let word = r#"{"type":"response.output_text.delta","item_id":"i","output_index":0,"content_index":0,"delta":"x"}"#;
    let stream = [
        event("response.created"),
        event("response.in_progress"),
        format!("event: response.output_text.delta\ndata: {word}\n\n"),
    ]
    .concat();
    let chunks: Vec<&[u8]> = stream.as_bytes().chunks(500_000).collect();
    let got = response(&mut attempt, &host, SSE, &chunks).unwrap();
    assert_eq!(got.header(":status"), Some("200"));
    assert!(got.body.starts_with(stream.as_bytes()));
}

#[test]
fn a_media_type_in_another_case_is_the_same_one() {
    let host = planned(&json!([step("one", "m")]), true);
    let mut attempt = attempt(json!({}));
    sent(&host, &mut attempt);
    let word = b"data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n\n".as_slice();
    let head = [
        (":status", "200"),
        ("content-type", "Text/Event-Stream; Charset=UTF-8"),
    ];
    let got = response(&mut attempt, &host, &head, &[word]).unwrap();
    assert_eq!(got.header(":status"), Some("200"));
    assert!(got.body.starts_with(word), "at once, and before its end");
    assert_eq!(got.held, 0);
}

#[test]
fn the_first_content_may_be_an_event_of_several_megabytes() {
    let host = planned(&json!([step("one", "m")]), true);
    let mut attempt = attempt(json!({}));
    sent(&host, &mut attempt);
    let image = "A".repeat(6 << 20);
    let event = format!(
        "data: {{\"choices\":[{{\"delta\":{{\"images\":[{{\"url\":\"{image}\"}}]}},\"finish_reason\":\"stop\"}}]}}\n\n"
    );
    let mut chunks: Vec<&[u8]> = event.as_bytes().chunks(500_000).collect();
    chunks.push(b"data: [DONE]\n\n");
    let got = response(&mut attempt, &host, SSE, &chunks).unwrap();
    assert_eq!(got.header(":status"), Some("200"));
    assert_eq!(got.body.len(), event.len() + b"data: [DONE]\n\n".len());
}

#[test]
fn after_an_error_in_the_middle_nothing_follows() {
    let host = planned(&json!([step("one", "m")]), true);
    let mut attempt = attempt(json!({}));
    sent(&host, &mut attempt);
    let first = b"data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n".as_slice();
    let chunks = [
        first,
        b"data: {\"error\":{\"message\":\"x\",\"code\":500}}\n\n",
        b"data: {\"choices\":[{\"delta\":{\"content\":\"b\"}}]}\n\n",
        b"data: [DONE]\n\n",
    ];
    let got = response(&mut attempt, &host, SSE, &chunks).unwrap();
    let error = "data: {\"error\":{\"message\":\"The provider failed.\",\"type\":\"provider_error\",\"param\":null,\"code\":\"provider_failed\"}}\n\n";
    assert_eq!(
        got.text(),
        format!("{}{error}", String::from_utf8_lossy(first))
    );
    assert!(
        host.stopped.get(),
        "the provider goes on speaking to nobody"
    );
}

#[test]
fn a_stream_with_a_reason_to_end_in_every_chunk_goes_on_when_the_host_looks_at_the_time() {
    let gemini = json!({"provider": "one", "cluster": "c", "model": "m", "dialect": "gemini"});
    let host = planned(&json!([gemini]), true);
    let mut attempt = attempt(json!({"dialect": "gemini"}));
    let body = br#"{"model":"smart","messages":[{"role":"user","content":"h"}],"stream":true}"#;
    request(&mut attempt, &host, HEAD, &[body]).unwrap();
    host.set_headers(Side::Response, SSE);
    assert_eq!(attempt.on_response_headers(&host, false), Flow::Pause);
    let said = |text: &str| {
        let content = json!({"role": "model", "parts": [{"text": text}]});
        let candidate = json!({"index": 0, "content": content, "finishReason": "STOP"});
        format!("data: {}\n\n", json!({"candidates": [candidate]}))
    };
    let hears = |attempt: &mut Attempt, part: &str| {
        let size = host.more(Side::Response, part.as_bytes());
        assert_eq!(attempt.on_response_body(&host, size, false), Flow::Pause);
    };
    let looks = |attempt: &mut Attempt| {
        assert_eq!(attempt.deadline(), Some(SystemTime::UNIX_EPOCH));
        assert_eq!(attempt.on_deadline(&host), Some(Side::Response));
        String::from_utf8(host.leaves(Side::Response)).unwrap()
    };
    // The first one may be all.
    hears(&mut attempt, &said("one"));
    assert_eq!(attempt.deadline(), None);
    hears(&mut attempt, &said("two"));
    let got = looks(&mut attempt);
    assert!(got.contains("one") && got.contains("two") && !got.contains("stop"));
    assert_eq!(attempt.deadline(), None);
    hears(&mut attempt, &said("three"));
    assert!(looks(&mut attempt).contains("three"));
    // An error leaves before the provider is not listened to any more.
    hears(&mut attempt, "data: {\"error\":{\"code\":503}}\n\n");
    hears(&mut attempt, &said("four"));
    assert!(!host.stopped.get());
    let got = looks(&mut attempt);
    assert!(got.contains("\"error\"") && !got.contains("four"));
    hears(&mut attempt, &said("five"));
    assert!(host.stopped.get());
}

#[test]
fn a_stream_of_nothing_but_its_end_is_a_failed_attempt() {
    let role = b"data: {\"choices\":[{\"delta\":{\"role\":\"assistant\"}}]}\n\n".as_slice();
    for chunks in [
        vec![b"data: [DONE]\n\n".as_slice()],
        vec![role, b"data: [DONE] \n\n"],
    ] {
        let host = planned(&json!([step("one", "m")]), true);
        let mut attempt = attempt(json!({}));
        sent(&host, &mut attempt);
        let got = response(&mut attempt, &host, SSE, &chunks).unwrap();
        assert_eq!(got.header(":status"), Some("503"));
    }
}
