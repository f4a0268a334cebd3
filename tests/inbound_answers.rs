//! The answers of the client APIs besides Chat Completions: a gathered stream is the whole answer.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod support;

use envoy_llm_gateway::{
    api::{
        answer::{AnswerSink, Finish, Part, Tier, Usage},
        messages,
        responses::{self, Echo},
    },
    fault::{Fault, FaultKind},
    json::Object,
};
use serde_json::{Value, json};
use support::gather::{events, gather_message, gather_response};

/// Answers in every form, as a dialect drives them.
fn answers() -> Vec<Vec<Part<'static>>> {
    use Part::{Finish as End, Image, Refusal, Text, Thought, ThoughtDetail, ToolCall, ToolInput};
    let signed =
        r#"{"provider":"anthropic","type":"thinking","thinking":"hmm","signature":"c2ln"}"#;
    let hidden = r#"{"provider":"anthropic","type":"redacted_thinking","data":"ZGF0"}"#;
    let foreign = r#"{"provider":"gemini","thoughtSignature":"abc"}"#;
    let call = |index, id| ToolCall {
        index,
        id,
        name: "f",
    };
    let input = |index, json| ToolInput { index, json };
    vec![
        vec![],
        vec![End(Finish::Stop)],
        vec![Text("Hel"), Text(""), Text("lo"), End(Finish::Length)],
        vec![
            Thought("hm"),
            Thought("m"),
            ThoughtDetail(signed),
            ThoughtDetail(hidden),
            Text("a"),
            End(Finish::Stop),
        ],
        vec![
            Thought("hm"),
            ThoughtDetail(foreign),
            ThoughtDetail(foreign),
            Text("a"),
            ThoughtDetail(foreign),
            End(Finish::Stop),
        ],
        vec![
            ThoughtDetail(signed),
            Text("a"),
            Thought("late"),
            Text("b"),
            End(Finish::Stop),
        ],
        vec![Thought("only"), End(Finish::Length)],
        vec![
            Text("x"),
            call(0, "a"),
            input(0, "{\"n\":"),
            input(0, "9007199254740993}"),
            call(1, "b"),
            call(2, "c"),
            input(2, "{}"),
            End(Finish::ToolCalls),
        ],
        vec![
            call(0, "a"),
            call(1, "b"),
            input(0, "{\"x\":1}"),
            input(1, "{\"y\":"),
            input(1, "2}"),
            End(Finish::ToolCalls),
        ],
        vec![call(0, "a"), input(0, "{\"cut\":"), End(Finish::Length)],
        vec![
            call(0, "a"),
            input(0, "{\"s\":\"}"),
            Text("x"),
            call(1, "b"),
            input(1, "{}"),
            Thought("late"),
            ThoughtDetail(signed),
            input(0, "\\\"]\"}"),
            call(2, "c"),
            input(2, "{}"),
            ThoughtDetail(foreign),
            Text("y"),
            End(Finish::ToolCalls),
        ],
        vec![
            Text("Here: "),
            Image("data:image/png;base64,iVBO"),
            Image("data:image/jpeg;base64,/9j/"),
            Text("two."),
            End(Finish::Stop),
        ],
        vec![
            Text("Hi. "),
            Refusal("I can"),
            Refusal("not."),
            End(Finish::ContentFilter),
        ],
    ]
}

const USAGE: Usage = Usage {
    input: 20,
    output: 9,
    cached: 5,
    cache_written: 3,
    reasoning: 2,
    cache_written_1h: 0,
    input_audio: 0,
    cached_audio: 0,
    output_audio: 0,
    input_image: 0,
    output_image: 0,
    searches: 0,
    tier: Tier::Standard,
    billed: None,
    charged_pico: None,
};

fn drive(out: &mut dyn AnswerSink, parts: &[Part<'_>]) {
    out.open("id1", "served");
    for part in parts {
        out.part(0, *part);
        out.part(1, Part::Text("another choice"));
    }
    out.usage(USAGE);
}

#[test]
fn a_gathered_stream_of_messages_is_the_whole_message() {
    for parts in answers() {
        let mut whole = messages::AnswerWriter::default();
        drive(&mut whole, &parts);
        let want: Value = serde_json::from_slice(&whole.body()).unwrap();
        let mut stream = messages::EventWriter::default();
        drive(&mut stream, &parts);
        stream.done();
        assert_eq!(gather_message(&events(&stream.take())), want, "{parts:?}");
    }
}

#[test]
fn a_gathered_stream_of_responses_is_the_whole_response() {
    for parts in answers() {
        let echo = Echo::of(&Object::parse(r#"{"temperature":0.5}"#).unwrap());
        let mut whole = responses::Writer::whole(7, echo.clone());
        drive(&mut whole, &parts);
        let want: Value = serde_json::from_slice(&whole.body()).unwrap();
        let mut stream = responses::Writer::stream(7, echo);
        drive(&mut stream, &parts);
        stream.done();
        let events = events(&stream.take());
        let (gathered, last) = gather_response(&events);
        assert_eq!(last, want, "{parts:?}");
        assert_eq!(gathered, want["output"], "{parts:?}");
    }
}

#[test]
fn a_call_without_an_id_gets_one_that_its_result_can_name() {
    let mut writer = responses::Writer::whole(7, Echo::default());
    let call = |index| Part::ToolCall {
        index,
        id: "",
        name: "f",
    };
    drive(&mut writer, &[call(0), call(1)]);
    let body: Value = serde_json::from_slice(&writer.body()).unwrap();
    let ids = [0, 1].map(|n| body["output"][n]["call_id"].clone());
    assert_eq!(ids, ["call_id1_0", "call_id1_1"]);
}

/// The kind of each event and the block it is about, without the parts before the calls.
fn order(stream: &[u8]) -> Vec<String> {
    let events = events(stream);
    let blocks = events.iter().filter(|event| event["index"].is_u64());
    let words = blocks.map(|event| {
        let kind = event["type"].as_str().unwrap();
        let kind = kind.strip_prefix("content_block_").unwrap();
        format!("{kind} {}", event["index"])
    });
    words.collect()
}

#[test]
fn a_call_begins_as_soon_as_the_one_before_it_is_complete_and_not_before() {
    let call = |index| Part::ToolCall {
        index,
        id: "",
        name: "f",
    };
    let input = |index, json| Part::ToolInput { index, json };
    let mut stream = messages::EventWriter::default();
    drive(&mut stream, &[call(0), input(0, "{\"a\":[")]);
    stream.part(0, call(1));
    stream.part(0, input(1, "{\"b\":"));
    assert_eq!(order(&stream.take()), ["start 0", "delta 0"]);
    stream.part(0, input(0, "]}"));
    assert_eq!(
        order(&stream.take()),
        ["delta 0", "stop 0", "start 1", "delta 1"]
    );
    stream.part(0, input(1, "2}"));
    stream.part(0, Part::Text("x"));
    assert_eq!(
        order(&stream.take()),
        ["delta 1", "stop 1", "start 2", "delta 2"]
    );
}

#[test]
fn what_waits_for_a_call_to_end_is_bounded() {
    let call = |index| Part::ToolCall {
        index,
        id: "",
        name: "f",
    };
    let mut stream = messages::EventWriter::default();
    drive(&mut stream, &[call(0), call(1)]);
    stream.take();
    let json = "x".repeat(1 << 16);
    let held = (0..).find(|_| {
        stream.part(
            0,
            Part::ToolInput {
                index: 1,
                json: &json,
            },
        );
        !stream.take().is_empty()
    });
    assert!(held.is_some_and(|pieces| pieces <= 64), "{held:?}");
}

#[test]
fn an_image_is_a_response_s_item_with_the_base64_of_its_data() {
    let mut writer = responses::Writer::whole(7, Echo::default());
    drive(&mut writer, &[Part::Image("data:image/png;base64,iVBO")]);
    let body: Value = serde_json::from_slice(&writer.body()).unwrap();
    assert_eq!(
        body["output"],
        json!([{"id": "ig_id1_0", "type": "image_generation_call", "status": "completed", "result": "iVBO"}])
    );
}

#[test]
fn a_message_of_an_image_alone_is_refused_since_it_has_no_place_for_it() {
    let (image, end) = (
        Part::Image("data:image/png;base64,iVBO"),
        Part::Finish(Finish::Stop),
    );
    let lost = |parts: &[Part<'_>]| {
        let mut whole = messages::AnswerWriter::default();
        drive(&mut whole, parts);
        let mut stream = messages::EventWriter::default();
        drive(&mut stream, parts);
        assert_eq!(stream.lost(), whole.lost());
        whole
            .lost()
            .map(|fault| (fault.status(), fault.message.into_owned()))
    };
    let want = "The answer is an image, which a message cannot carry; ask for it on /v1/chat/completions or /v1/responses.";
    assert_eq!(lost(&[image, end]), Some((400, want.into())));
    assert_eq!(
        lost(&[Part::Thought("hm"), image, end]),
        Some((400, want.into()))
    );
    assert_eq!(lost(&[Part::Text("a"), image, end]), None);
    assert_eq!(lost(&[end]), None);
}

#[test]
fn a_refusal_is_told_of_up_to_a_length() {
    let long = "x".repeat(60 << 10);
    let parts = [Part::Refusal(&long), Part::Refusal(&long)];
    let mut whole = messages::AnswerWriter::default();
    drive(&mut whole, &parts);
    let whole: Value = serde_json::from_slice(&whole.body()).unwrap();
    let mut stream = messages::EventWriter::default();
    drive(&mut stream, &parts);
    stream.done();
    let stream = gather_message(&events(&stream.take()));
    for message in [whole, stream] {
        let told = message["stop_details"]["explanation"].as_str().unwrap();
        assert_eq!(told.len(), 64 << 10);
        assert_eq!(
            message["content"][0]["text"].as_str().unwrap().len(),
            120 << 10
        );
    }
}

#[test]
fn a_stream_that_fails_at_once_begins_all_the_same() {
    let fault = Fault::new(FaultKind::Overloaded, "later");
    let mut stream = responses::Writer::stream(7, Echo::default());
    stream.open("i", "m");
    stream.fail(&fault);
    let events = events(&stream.take());
    let kinds: Vec<_> = events.iter().map(|event| event["type"].clone()).collect();
    assert_eq!(
        kinds,
        [
            "response.created",
            "response.in_progress",
            "response.failed"
        ]
    );
    assert_eq!(events[2]["response"]["id"], events[0]["response"]["id"]);
    assert_eq!(events[2]["sequence_number"], json!(2));
}

#[test]
fn a_stream_that_breaks_off_says_so_in_each_api() {
    let fault = Fault::new(FaultKind::Overloaded, "later");
    let mut stream = messages::EventWriter::default();
    stream.open("i", "m");
    stream.part(0, Part::Text("a"));
    stream.take();
    stream.fail(&fault);
    assert_eq!(
        events(&stream.take()),
        [
            json!({"type": "error", "error": {"type": "overloaded_error", "message": "later"}, "request_id": null})
        ]
    );
    let mut stream = responses::Writer::stream(7, Echo::default());
    stream.open("i", "m");
    stream.part(0, Part::Text("a"));
    stream.take();
    stream.fail(&fault);
    let last = events(&stream.take());
    assert_eq!(last.len(), 1);
    assert_eq!(last[0]["type"], json!("response.failed"));
    assert_eq!(
        last[0]["response"]["error"],
        json!({"code": "server_error", "message": "later"})
    );
    assert_eq!(
        last[0]["response"]["output"][0]["status"],
        json!("incomplete")
    );
}
