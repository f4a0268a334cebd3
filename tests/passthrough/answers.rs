//! What the client gets when a provider answers, and what the record says of its use and cost.

use crate::{JSON, SPEECH, lines, reached, support::response};
use envoy_llm_gateway::host::{Side, Stream};
use serde_json::{Value, json};

#[test]
fn an_answer_passes_as_it_comes_with_the_headers_that_belong_to_it() {
    let (asked, mut attempt) = reached("POST /v1/audio/speech", &[JSON], &[SPEECH]);
    let audio: Vec<u8> = (0..=255).cycle().take(1000).collect();
    let chunks: Vec<_> = audio.chunks(10).collect();
    let answer = response(
        &mut attempt,
        &asked.host,
        &[
            (":status", "200"),
            ("content-type", "audio/mpeg"),
            ("content-disposition", "attachment; filename=\"a.mp3\""),
            ("content-encoding", "x"),
            ("set-cookie", "a=b"),
            ("openai-processing-ms", "7"),
            ("openai-organization", "org"),
        ],
        &chunks,
    )
    .unwrap();
    let want = [
        (":status", "200"),
        ("content-type", "audio/mpeg"),
        ("content-disposition", "attachment; filename=\"a.mp3\""),
        ("content-encoding", "x"),
        ("openai-processing-ms", "7"),
        ("x-llm-provider", "openai"),
        ("x-llm-model", "gpt-image-1"),
        ("x-llm-attempts", "1"),
        ("x-llm-cache", "off"),
        ("x-request-id", "id-1"),
    ];
    assert_eq!(answer.headers, lines(&want));
    assert_eq!((answer.held, answer.body), (0, audio));
    let state = |key: &str| asked.host.state_value(key);
    assert_eq!(state("llm.outcome").as_deref(), Some("ok"));
    assert_eq!(state("llm.ttft_ms").as_deref(), Some("0"));
    let attempts: Value = serde_json::from_str(&state("llm.attempts").unwrap()).unwrap();
    assert_eq!(
        (&attempts[0]["status"], &attempts[0]["reason"]),
        (&json!(200), &Value::Null)
    );
}

#[test]
fn usage_is_found_in_an_answer_that_passes() {
    let body = br#"{"created":1,"data":[{"b64_json":"eA=="}],"model":"gpt-image-1-x","usage":{"input_tokens":5,"output_tokens":6,"total_tokens":11}}"#;
    let (asked, mut attempt) = reached("POST /v1/images/generations", &[JSON], &[SPEECH]);
    let chunks: Vec<_> = body.chunks(9).collect();
    let head = [(":status", "200"), JSON];
    let answer = response(&mut attempt, &asked.host, &head, &chunks).unwrap();
    assert_eq!((answer.held, answer.body), (0, body.to_vec()));
    let state = |key: &str| asked.host.state_value(key);
    assert_eq!(state("llm.input_tokens").as_deref(), Some("5"));
    assert_eq!(state("llm.total_tokens").as_deref(), Some("11"));
    assert_eq!(state("llm.served_model").as_deref(), Some("gpt-image-1-x"));
    let (asked, mut attempt) = reached("GET /v1/batches/b", &[], &[]);
    response(&mut attempt, &asked.host, &head, &[body]).unwrap();
    assert_eq!(
        asked.host.state_value("llm.input_tokens"),
        None,
        "no tokens of this request"
    );
}

#[test]
fn the_last_event_of_a_stream_may_lack_its_line_end() {
    let (asked, mut attempt) = reached("POST /v1/images/generations", &[JSON], &[SPEECH]);
    let head = [(":status", "200"), ("content-type", "text/event-stream")];
    let body = br#"data: {"usage":{"input_tokens":5,"output_tokens":6}}"#;
    let chunks: Vec<_> = body.chunks(20).collect();
    let answer = response(&mut attempt, &asked.host, &head, &chunks).unwrap();
    assert_eq!((answer.held, answer.body), (0, body.to_vec()));
    let total = asked.host.state_value("llm.total_tokens");
    assert_eq!(total.as_deref(), Some("11"));
}

#[test]
fn the_time_to_the_first_bytes_is_not_that_to_the_last() {
    let (asked, mut attempt) = reached("POST /v1/images/generations", &[JSON], &[SPEECH]);
    let host = &asked.host;
    host.set_headers(
        Side::Response,
        &[(":status", "200"), ("content-type", "audio/mpeg")],
    );
    attempt.on_response_headers(host, false);
    for ms in [40, 70] {
        host.now_ms.set(host.now_ms.get() + ms);
        attempt.on_response_body(host, 1, false);
    }
    assert_eq!(host.state_value("llm.ttft_ms").as_deref(), Some("40"));
}

#[test]
fn only_what_a_model_was_asked_for_has_a_cost() {
    let body = br#"{"usage":{"input_tokens":10,"output_tokens":1000,"input_tokens_details":{"image_tokens":4,"text_tokens":6}}}"#;
    let ended = |line: &str, headers: &[(&str, &str)], chunks: &[&[u8]], body: &[u8]| {
        let (mut asked, mut attempt) = reached(line, headers, chunks);
        let head = [(":status", "200"), JSON];
        let answer = response(&mut attempt, &asked.host, &head, &[body]).unwrap();
        let lines = answer.headers.iter();
        let head: Vec<_> = lines.map(|(n, v)| (n.as_str(), v.as_str())).collect();
        response(&mut asked.gateway, &asked.host, &head, &[body]).unwrap();
        asked.gateway.on_log(&asked.host);
        let counted = asked
            .host
            .counters
            .borrow()
            .contains_key("llm.usage_unknown");
        (asked.host.state_value("llm.cost_usd_micros"), counted)
    };
    let path = "POST /v1/images/generations";
    // gpt-image-1: 6 of text at 5, 4 of images at 10, 1000 drawn at 40.
    let cost = Some((30 + 40 + 40_000).to_string());
    assert_eq!(ended(path, &[JSON], &[SPEECH], body), (cost, false));
    assert_eq!(ended(path, &[JSON], &[SPEECH], b"{}"), (None, true));
    assert_eq!(ended("GET /v1/files", &[], &[], body), (None, false));
}

#[test]
fn an_answer_without_a_body_is_complete() {
    let (asked, mut attempt) = reached("DELETE /v1/files/f", &[], &[]);
    let answer = response(&mut attempt, &asked.host, &[(":status", "204")], &[]).unwrap();
    assert_eq!(answer.header("x-llm-provider"), Some("openai"));
    assert_eq!(asked.host.state_value("llm.outcome").as_deref(), Some("ok"));
}
