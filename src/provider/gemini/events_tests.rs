use super::*;
use crate::api::{
    answer::{Tier, Usage},
    chat::AnswerWriter,
};
use std::borrow::Cow;

fn event(data: &str) -> frame::Event<'_> {
    frame::Event {
        name: Cow::Borrowed(""),
        data: Some(Cow::Borrowed(data)),
        failed: false,
        raw: &[],
    }
}

fn gathered(chunks: &[&str]) -> Result<String, String> {
    let mut writer = AnswerWriter::default();
    let mut events = Events::new("gemini");
    let mut run = || {
        for chunk in chunks {
            events.event(&event(chunk), &mut writer)?;
        }
        events.close(&mut writer)
    };
    run().map_err(|fault| fault.message.into_owned())?;
    Ok(String::from_utf8(writer.body(1)).unwrap())
}

fn whole(body: &str) -> Result<String, String> {
    let mut writer = AnswerWriter::default();
    read("gemini", body.as_bytes(), &mut writer).map_err(|fault| fault.message.into_owned())?;
    Ok(String::from_utf8(writer.body(1)).unwrap())
}

const HEAD: &str = r#""modelVersion":"gemini-3-pro","responseId":"r-1""#;

fn chunk(parts: &str, finish: &str) -> String {
    format!(
        r#"{{"candidates":[{{"content":{{"role":"model","parts":[{parts}]}}{finish},"index":0}}],{HEAD}}}"#
    )
}

const STOP: &str = r#","finishReason":"STOP""#;

#[test]
fn a_stream_gathers_to_the_whole_answer_and_a_list_of_chunks_too() {
    let pieces = [
        (r#"{"text":"h","thought":true}"#, ""),
        (r#"{"text":"m","thought":true,"thoughtSignature":"s0"}"#, ""),
        (r#"{"text":"one "}"#, STOP),
        (r#"{"text":"two","x":{"y":1}},{"executableCode":{}}"#, ""),
        (r#"{"text":"","thoughtSignature":"s1"}"#, ""),
        (
            r#"{"functionCall":{"name":"f","args":{"n":1e400}},"thoughtSignature":"s2"},{"functionCall":{"id":"own","name":"g"}}"#,
            STOP,
        ),
    ];
    let chunks: Vec<_> = pieces
        .iter()
        .map(|(parts, end)| chunk(parts, end))
        .collect();
    let chunks: Vec<_> = chunks.iter().map(String::as_str).collect();
    let parts: Vec<_> = pieces.iter().map(|(parts, _)| *parts).collect();
    let want = whole(&chunk(&parts.join(","), STOP)).unwrap();
    assert_eq!(gathered(&chunks).as_ref(), Ok(&want));
    assert_eq!(
        whole(&format!("[{}]", chunks.join(","))).as_ref(),
        Ok(&want)
    );
    assert_eq!(
        want,
        r#"{"id":"r-1","object":"chat.completion","created":1,"model":"gemini-3-pro","choices":[{"index":0,"message":{"role":"assistant","content":"one two","refusal":null,"reasoning_content":"hm","reasoning_details":[{"provider":"gemini","type":"thinking","model":"gemini-3-pro","thinking":"hm","signature":"s0"},{"provider":"gemini","type":"text_signature","model":"gemini-3-pro","signature":"s1"},{"provider":"gemini","type":"call_signature","model":"gemini-3-pro","call":"call_r-1_0","signature":"s2"}],"tool_calls":[{"id":"call_r-1_0","type":"function","function":{"name":"f","arguments":"{\"n\":1e400}"}},{"id":"own","type":"function","function":{"name":"g","arguments":"{}"}}]},"logprobs":null,"finish_reason":"tool_calls"}]}"#
    );
}

#[test]
fn an_answer_is_complete_when_its_last_words_came_with_a_finish_reason() {
    let (said, end) = (chunk(r#"{"text":"a"}"#, ""), chunk("", STOP));
    let stopped = chunk(r#"{"text":"a"}"#, STOP);
    let usage = r#"{"usageMetadata":{"promptTokenCount":1}}"#;
    let cut = Err("The provider ended its answer before it was complete.".to_owned());
    assert!(gathered(&[&said, &end]).is_ok());
    assert!(gathered(&[&stopped, usage]).is_ok());
    assert_eq!(gathered(&[&said]), cut);
    assert_eq!(gathered(&[&stopped, &said]), cut);
    assert_eq!(gathered(&[]), cut);
    assert_eq!(gathered(&[usage]), cut);
    assert_eq!(gathered(&["{}"]), cut);
}

#[test]
fn every_finish_reason_is_known() {
    let end = |reason: &str| {
        let body = chunk(
            r#"{"text":"a"}"#,
            &format!(r#","finishReason":"{reason}","finishMessage":"why""#),
        );
        let body = whole(&body)?;
        let refusal = body.contains(r#""refusal":"why""#);
        let reason = body
            .split(r#""finish_reason":""#)
            .nth(1)
            .unwrap_or_default();
        let reason = reason.split('"').next().unwrap_or_default();
        Ok::<_, String>((reason.to_owned(), refusal))
    };
    for (reasons, want, refusal) in [
        (
            "STOP OTHER FINISH_REASON_UNSPECIFIED NO_IMAGE NEW",
            "stop",
            false,
        ),
        ("MAX_TOKENS CONTINUATION", "length", false),
        (
            "SAFETY RECITATION LANGUAGE BLOCKLIST PROHIBITED_CONTENT SPII IMAGE_SAFETY MODEL_ARMOR ESCALATION",
            "content_filter",
            true,
        ),
    ] {
        for reason in reasons.split(' ') {
            assert_eq!(end(reason), Ok((want.to_owned(), refusal)), "{reason}");
        }
    }
    for reason in [
        "MALFORMED_FUNCTION_CALL",
        "UNEXPECTED_TOOL_CALL",
        "TOO_MANY_TOOL_CALLS",
        "MALFORMED_RESPONSE",
        "MISSING_THOUGHT_SIGNATURE",
        "PUP_LIMITED_DISABLED",
    ] {
        assert!(end(reason).is_err(), "{reason}");
    }
}

/// The last usage only; every call is remembered.
#[derive(Default)]
struct Usages(Vec<Usage>);

impl AnswerSink for Usages {
    fn open(&mut self, _: &str, _: &str) {}
    fn part(&mut self, _: u32, _: Part<'_>) {}
    fn usage(&mut self, usage: Usage) {
        self.0.push(usage);
    }
}

#[test]
fn counts_replace_each_other_and_never_add_up() {
    let (mut sink, mut events) = (Usages::default(), Events::new("gemini"));
    for counts in [
        r#"{"promptTokenCount":10,"totalTokenCount":10,"trafficType":"ON_DEMAND"}"#,
        r#"{"promptTokenCount":10,"thoughtsTokenCount":5,"totalTokenCount":15}"#,
        r#"{"promptTokenCount":10,"thoughtsTokenCount":5,"candidatesTokenCount":3,"cachedContentTokenCount":4,"toolUsePromptTokenCount":2,"totalTokenCount":20}"#,
        "null",
        r#"{"promptTokenCount":"many"}"#,
    ] {
        let data = format!(r#"{{"usageMetadata":{counts}}}"#);
        events.event(&event(&data), &mut sink).unwrap();
    }
    let usage = |input, output, cached, reasoning| Usage {
        input,
        output,
        cached,
        reasoning,
        ..Usage::default()
    };
    assert_eq!(
        sink.0,
        [usage(10, 0, 0, 0), usage(10, 5, 0, 5), usage(12, 8, 4, 5)]
    );
}

#[test]
fn sound_pictures_and_traffic_are_told_apart() {
    let mut sink = Usages(Vec::new());
    let counts = r#"{"promptTokenCount":100,"cachedContentTokenCount":40,"candidatesTokenCount":70,"promptTokensDetails":[{"modality":"TEXT","tokenCount":60},{"modality":"AUDIO","tokenCount":30},{"modality":"DOCUMENT","tokenCount":10}],"cacheTokensDetails":[{"modality":"AUDIO","tokenCount":20},{}],"candidatesTokensDetails":[{"modality":"IMAGE","tokenCount":50},{"modality":"AUDIO"}],"trafficType":"ON_DEMAND_PRIORITY"}"#;
    let data = format!(r#"{{"usageMetadata":{counts}}}"#);
    let mut events = Events::new("gemini");
    events.event(&event(&data), &mut sink).unwrap();
    let want = Usage {
        input: 100,
        output: 70,
        cached: 40,
        input_audio: 30,
        cached_audio: 20,
        output_image: 50,
        tier: Tier::Priority,
        ..Usage::default()
    };
    assert_eq!(sink.0, [want]);
}

/// Swallows everything.
struct Nothing;

impl AnswerSink for Nothing {
    fn open(&mut self, _: &str, _: &str) {}
    fn part(&mut self, _: u32, _: Part<'_>) {}
    fn usage(&mut self, _: Usage) {}
}

#[test]
fn no_answer_however_cut_or_bent_does_harm() {
    let full = r#"{"candidates":[{"content":{"parts":[{"text":"h\u00e9","thought":true,"thoughtSignature":"s"},{"functionCall":{"id":"i","name":"f","args":{"a":[1]}}}],"role":"model"},"finishReason":"STOP","index":0,"logprobsResult":{"chosenCandidates":[{"token":"a","logProbability":-1}]}}],"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{"promptTokenCount":1},"modelVersion":"m","responseId":"r"}"#;
    let error = r#"[{"error":{"code":400,"message":"m","status":"INVALID_ARGUMENT","details":[{"reason":"R","retryDelay":"1s"}]}}]"#;
    let strange: [&[u8]; 10] = [
        b"null",
        b"[]",
        b"{}",
        b"-1",
        b"\"x\"",
        b"\xff\xfe",
        b"4294967296",
        b"true",
        b"1e999",
        b"[[[]]]",
    ];
    for body in [full.as_bytes(), error.as_bytes()] {
        for at in 0..body.len() {
            let (before, after) = body.split_at(at);
            let _ = read("gemini", before, &mut Nothing);
            fault::read(200, &Headers::default(), before);
            // Each value that begins here becomes another one.
            let value = after
                .iter()
                .position(|b| b",}]".contains(b))
                .unwrap_or(after.len());
            for other in strange {
                let bent = [before, other, &after[value..]].concat();
                let _ = read("gemini", &bent, &mut Nothing);
                fault::read(400, &Headers::default(), &bent);
            }
        }
    }
}

#[test]
fn candidates_come_in_their_order_however_a_chunk_lists_them() {
    let candidate = |index: u32| {
        format!(
            r#"{{"index":{index},"content":{{"parts":[{{"text":"{index}"}}]}},"finishReason":"STOP"}}"#
        )
    };
    let list = [2, 0, 1].map(candidate).join(",");
    let answer = whole(&format!(r#"{{"candidates":[{list}],{HEAD}}}"#)).unwrap();
    let places = [0, 1, 2].map(|n| answer.find(&format!(r#""index":{n}"#)).unwrap());
    assert!(places.is_sorted(), "{answer}");
}
