//! Answers on their way back through a guard: every stream of every fixture, and streams made for the purpose, cut
//! in every way, against the whole texts.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    missing_docs
)]

mod support;

use envoy_llm_gateway::{
    api::client::Api,
    config::Config,
    guard::{
        answer::{
            stream::{Stream, Unread},
            whole,
        },
        arguments::Arguments,
        back::Back,
        channel::{Channel, Decided, Rewrite},
        document::Document,
        policy::{self, echo::Echo},
        rules::{Direction, Tally},
        vault::{Kept, Vault},
    },
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use support::{
    fixtures,
    gather::{events, gather_message, gather_response},
};

const fn decided(until: usize) -> Decided {
    Decided {
        until,
        scanned: until,
    }
}

/// Turns every word of at least `least` letters round, and stops at `STOP`. A word waits for its end.
#[derive(Default)]
struct Words {
    least: usize,
    /// Not counted while a text is said again.
    turned: usize,
    again: bool,
    /// Words are held, but stay.
    keeps: bool,
}

fn words(least: usize) -> Words {
    Words {
        least,
        ..Words::default()
    }
}

impl Rewrite for Words {
    type Stop = &'static str;

    fn rewrite(
        &mut self,
        text: &str,
        from: Decided,
        last: bool,
        out: &mut String,
    ) -> Result<Decided, Self::Stop> {
        let mut at = from.until;
        while at < text.len() {
            let rest = &text[at..];
            let end = rest.find(|c: char| !c.is_alphanumeric());
            if end.is_none() && !last {
                return Ok(decided(at));
            }
            let word = &rest[..end.unwrap_or(rest.len())];
            at += word.len();
            if word == "STOP" {
                return Err("STOP");
            }
            if word.chars().count() >= self.least && !self.keeps {
                self.turned += usize::from(!self.again);
                out.push('<');
                out.extend(word.chars().rev());
                out.push('>');
            } else {
                out.push_str(word);
            }
            if let Some(letter) = text[at..].chars().next().filter(|_| end.is_some()) {
                out.push(letter);
                at += letter.len_utf8();
            }
        }
        Ok(decided(at))
    }

    fn hides(&self) -> bool {
        !self.keeps
    }

    fn again(&mut self, again: bool) {
        self.again = again;
    }
}

/// The texts of a stream, by where they belong.
type Texts = BTreeMap<String, String>;

fn say(texts: &mut Texts, key: String, value: &Value) {
    if let Some(text) = value.as_str() {
        texts.entry(key).or_default().push_str(text);
    }
}

fn data(stream: &str) -> Vec<Value> {
    stream
        .split("\n\n")
        .flat_map(|event| event.lines().filter_map(|line| line.strip_prefix("data:")))
        .filter(|data| data.trim() != "[DONE]")
        .filter_map(|data| serde_json::from_str(data).ok())
        .collect()
}

fn texts(api: Api, stream: &str) -> Texts {
    let mut texts = Texts::new();
    for event in data(stream) {
        match api {
            Api::Messages => {
                for key in ["text", "thinking", "partial_json"] {
                    let name = format!("{} {key}", event["index"]);
                    say(&mut texts, name, &event["delta"][key]);
                }
            }
            Api::Responses => {
                let kind = event["type"].as_str().unwrap_or_default();
                if kind.ends_with(".delta") {
                    let part = (&event["content_index"], &event["summary_index"]);
                    let name = format!("{} {part:?} {kind}", event["output_index"]);
                    say(&mut texts, name, &event["delta"]);
                }
            }
            _ => {
                for choice in event["choices"].as_array().into_iter().flatten() {
                    let of = &choice["index"];
                    say(&mut texts, format!("{of} text"), &choice["text"]);
                    for key in ["content", "refusal", "reasoning_content", "reasoning"] {
                        say(&mut texts, format!("{of} {key}"), &choice["delta"][key]);
                    }
                    let calls = choice["delta"]["tool_calls"].as_array();
                    for call in calls.into_iter().flatten() {
                        let name = format!("{of} arguments {}", call["index"]);
                        say(&mut texts, name, &call["function"]["arguments"]);
                    }
                }
            }
        }
    }
    texts.retain(|_, text| !text.is_empty());
    texts
}

/// What the texts are to become.
fn turned(mut texts: Texts, rewrite: &mut Words) -> Texts {
    for (key, text) in &mut texts {
        let mut out = String::new();
        if key.contains("arguments") || key.contains("partial_json") {
            Arguments::default()
                .push(text, true, rewrite, &mut out)
                .unwrap();
        } else {
            Document::default()
                .push(text, true, rewrite, &mut out)
                .unwrap();
        }
        *text = out;
    }
    texts
}

/// The stream through a guard, in these chunks.
fn through<'a>(
    api: Api,
    chunks: impl IntoIterator<Item = &'a [u8]>,
    rewrite: &mut Words,
) -> Result<String, whole::Halt<&'static str>> {
    let (mut stream, mut out) = (Stream::new(api, Unread::Passes), Vec::new());
    for chunk in chunks {
        stream.push(chunk, false, rewrite, &mut out)?;
    }
    stream.push(&[], true, rewrite, &mut out)?;
    Ok(String::from_utf8(out).unwrap())
}

fn streams() -> Vec<(String, Api, String)> {
    let all = fixtures::all();
    let streams = all.into_iter().filter_map(|case| {
        let answer = String::from_utf8(case.client_answer?.0).unwrap();
        let streams = answer.starts_with("data:") || answer.starts_with("event:");
        streams.then_some((case.name, case.api, answer))
    });
    streams.collect()
}

#[test]
fn every_text_of_every_streamed_fixture_becomes_what_the_whole_text_becomes() {
    let streams = streams();
    assert!(streams.len() > 150, "{}", streams.len());
    let mut changed = 0;
    for (name, api, stream) in &streams {
        for least in [1, 4] {
            let want = turned(texts(*api, stream), &mut words(least));
            let got = through(*api, [stream.as_bytes()], &mut words(least)).unwrap();
            assert_eq!(texts(*api, &got), want, "{name}\n{got}");
            changed += usize::from(got != *stream);
            // The SDKs' own laws hold as they did.
            let complete = !stream.contains("event: error") && !stream.contains("response.failed");
            match api {
                Api::Messages if stream.contains("message_stop") && complete => {
                    let mut events = events(got.as_bytes());
                    events.retain(|event| event["type"] != "ping");
                    gather_message(&events);
                }
                Api::Responses if stream.contains("response.completed") && complete => {
                    let (output, response) = gather_response(&events(got.as_bytes()));
                    assert_eq!(output, response["output"], "{name}");
                }
                _ => {}
            }
        }
    }
    assert!(changed > 200, "{changed}");
}

#[test]
fn what_is_held_of_a_chat_leaves_before_an_error() {
    let said = r#"data: {"choices":[{"index":0,"delta":{"content":"all is wel"}}]}"#;
    let error = r#"data: {"error":{"message":"m","type":"t","param":null,"code":null}}"#;
    let stream = [said, error, ""].join("\n\n");
    let got = through(Api::Chat, [stream.as_bytes()], &mut words(3)).unwrap();
    assert_eq!(
        texts(Api::Chat, &got),
        turned(texts(Api::Chat, &stream), &mut words(3))
    );
    assert!(got.trim_end().ends_with(error), "{got}");
}

#[test]
fn how_the_network_cuts_a_stream_makes_no_difference() {
    for (name, api, stream) in &streams() {
        let want = through(*api, [stream.as_bytes()], &mut words(3)).unwrap();
        let step = (stream.len() / 300).max(1);
        for cut in (0..stream.len()).step_by(step) {
            let (a, b) = stream.as_bytes().split_at(cut);
            let got = through(*api, [a, b], &mut words(3)).unwrap();
            assert_eq!(got, want, "{name} cut at byte {cut}");
        }
        let got = through(*api, stream.as_bytes().chunks(1), &mut words(3)).unwrap();
        assert_eq!(got, want, "{name} byte by byte");
    }
}

#[test]
fn what_is_not_found_leaves_every_byte_but_for_what_waits() {
    for (name, api, stream) in &streams() {
        let mut rewrite = Words {
            keeps: true,
            ..words(1)
        };
        let got = through(*api, [stream.as_bytes()], &mut rewrite).unwrap();
        assert_eq!(texts(*api, &got), texts(*api, stream), "{name}");
        let skeleton = |stream: &str| -> Vec<String> {
            let events = data(stream).into_iter().map(without_texts);
            events.map(|event| event.to_string()).collect()
        };
        let (mut rest, before) = (skeleton(&got), skeleton(stream));
        // Events of our own say the rest of a text, and nothing else.
        if *api != Api::Responses {
            let mut want = before.iter();
            let mut next = want.next();
            rest.retain(|event| {
                let theirs = next == Some(event);
                if theirs {
                    next = want.next();
                }
                theirs
            });
            assert_eq!(rest, before, "{name}");
        }
        // What holds nothing changes nothing.
        struct Nothing;
        impl Rewrite for Nothing {
            type Stop = ();
            fn rewrite(
                &mut self,
                text: &str,
                from: Decided,
                _: bool,
                out: &mut String,
            ) -> Result<Decided, ()> {
                out.push_str(&text[from.until..]);
                Ok(decided(text.len()))
            }
            fn hides(&self) -> bool {
                false
            }
        }
        let (mut guarded, mut out) = (Stream::new(*api, Unread::Passes), Vec::new());
        guarded
            .push(stream.as_bytes(), true, &mut Nothing, &mut out)
            .unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), *stream, "{name}");
    }
}

fn without_texts(mut value: Value) -> Value {
    match &mut value {
        Value::Object(map) => {
            let said = [
                "content",
                "refusal",
                "reasoning_content",
                "reasoning",
                "text",
                "thinking",
                "partial_json",
                "arguments",
            ];
            for (key, value) in map.iter_mut() {
                if value.is_string() && said.contains(&key.as_str()) {
                    *value = json!("");
                } else {
                    *value = without_texts(value.take());
                }
            }
        }
        Value::Array(list) => {
            for value in list {
                *value = without_texts(value.take());
            }
        }
        _ => {}
    }
    value
}

#[test]
fn whole_answers_are_edited_text_by_text() {
    let mut seen = 0;
    for case in fixtures::all() {
        let Some((answer, _)) = &case.client_answer else {
            continue;
        };
        let Ok(Value::Object(answer)) = serde_json::from_slice(answer) else {
            continue;
        };
        if answer.contains_key("error") && answer["error"].is_object() {
            continue;
        }
        let body = Value::Object(answer).to_string();
        let got = whole::edited(case.api, &body, &mut words(1)).unwrap();
        let keeps = &mut Words {
            keeps: true,
            ..words(1)
        };
        assert_eq!(
            whole::edited(case.api, &body, keeps).unwrap(),
            None,
            "{}",
            case.name
        );
        if let Some(got) = got {
            let got: Value = serde_json::from_str(&got).unwrap();
            let before: Value = serde_json::from_str(&body).unwrap();
            assert_eq!(got["usage"], before["usage"]);
            assert_eq!(got["id"], before["id"]);
            seen += 1;
        }
    }
    assert!(seen > 100, "{seen}");
}

/// A text in pieces, at every cut and letter by letter.
fn pieces(text: &str) -> Vec<Vec<String>> {
    let mut all = vec![text.chars().map(String::from).collect()];
    for (cut, _) in text.char_indices().skip(1) {
        let (a, b) = text.split_at(cut);
        all.push(vec![a.to_owned(), b.to_owned()]);
    }
    all
}

fn chunk(choices: Value) -> String {
    let chunk = json!({"id": "c-1", "object": "chat.completion.chunk", "created": 7, "model": "m",
        "choices": choices, "usage": null});
    format!("data: {chunk}\n\n")
}

fn run(api: Api, stream: &str, least: usize) -> String {
    through(api, [stream.as_bytes()], &mut words(least)).unwrap()
}

#[test]
fn choices_calls_and_reasoning_that_mix_are_texts_of_their_own() {
    let spoken = "one two \u{e9}\u{1f600}three \"four\" five";
    let arguments = r#"{"a b": "one \u00e9two", "n": [12, "three\"four"]}"#;
    for (text, call) in pieces(spoken).into_iter().zip(pieces(arguments)) {
        let mut stream = String::new();
        let longest = text.len().max(call.len());
        for n in 0..longest {
            let mut choices = Vec::new();
            for index in [0, 1] {
                let piece = text.get(n).map_or("", String::as_str);
                let calls: Vec<Value> = [0, 1]
                    .iter()
                    .map(|at| json!({"index": at, "function": {"arguments": call.get(n).map_or("", String::as_str)}}))
                    .collect();
                choices.push(json!({"index": index, "delta": {"content": piece, "tool_calls": calls}, "finish_reason": null}));
            }
            stream.push_str(&chunk(json!(choices)));
        }
        stream.push_str(&chunk(
            json!([{"index": 1, "delta": {}, "finish_reason": "stop"}]),
        ));
        stream.push_str(&chunk(
            json!([{"index": 0, "delta": {"content": ""}, "finish_reason": "stop"}]),
        ));
        stream.push_str("data: [DONE]\n\n");
        let got = run(Api::Chat, &stream, 3);
        let got = texts(Api::Chat, &got);
        for index in [0, 1] {
            assert_eq!(
                got[&format!("{index} content")],
                "<eno> <owt> \u{e9}\u{1f600}<eerht> \"<ruof>\" <evif>"
            );
            for at in [0, 1] {
                let arguments: Value =
                    serde_json::from_str(&got[&format!("{index} arguments {at}")]).unwrap();
                assert_eq!(
                    arguments,
                    json!({"a b": "<eno> <owt\u{e9}>", "n": [12, "<eerht>\"<ruof>"]})
                );
            }
        }
    }
}

#[test]
fn what_is_held_goes_before_the_event_that_ends_its_text() {
    let stream = [
        chunk(
            json!([{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": null}]),
        ),
        chunk(
            json!([{"index": 0, "delta": {"reasoning_content": "a thought"}, "finish_reason": null}]),
        ),
        chunk(json!([{"index": 0, "delta": {"content": "two wo"}, "finish_reason": null}])),
        chunk(json!([{"index": 0, "delta": {"content": "rds"}, "finish_reason": null}])),
        chunk(json!([{"index": 0, "delta": {}, "finish_reason": "stop"}])),
        "data: [DONE]\n\n".to_owned(),
    ];
    let got = run(Api::Chat, &stream.concat(), 3);
    let own = |delta: Value| {
        let choices = json!([{"index": 0, "delta": delta, "finish_reason": null}]);
        format!(
            "data: {{\"id\":\"c-1\",\"object\":\"chat.completion.chunk\",\"created\":7,\"model\":\"m\",\"choices\":{choices}}}\n\n"
        )
    };
    let want = [
        stream[0].clone(),
        stream[1].replace("a thought", "a "),
        own(json!({"reasoning_content": "<thguoht>"})),
        stream[2].replace("two wo", "<owt> "),
        stream[3].replace("rds", ""),
        own(json!({"content": "<sdrow>"})),
        stream[4].clone(),
        stream[5].clone(),
    ];
    let sorted = |events: &str| {
        let values = data(events);
        values.iter().map(Value::to_string).collect::<Vec<_>>()
    };
    assert_eq!(sorted(&got), sorted(&want.concat()));
    assert!(got.starts_with(&stream[0]), "the first event has no text");
    // The last piece and the reason in one event.
    let last = chunk(json!([{"index": 0, "delta": {"content": "rds"}, "finish_reason": "length"}]));
    let got = run(Api::Chat, &[stream[2].clone(), last.clone()].concat(), 3);
    let want = stream[2].replace("two wo", "<owt> ") + &last.replace("rds", "<sdrow>");
    assert_eq!(sorted(&got), sorted(&want));
    // Without any end at all.
    let got = run(Api::Chat, &stream[2], 3);
    assert_eq!(texts(Api::Chat, &got)["0 content"], "<owt> wo");
}

#[test]
fn completions_are_guarded_choice_by_choice() {
    let chunk = |index: u32, text: &str, reason: Value| {
        let chunk = json!({"id": "c", "object": "text_completion", "created": 7, "model": "m",
            "choices": [{"index": index, "text": text, "logprobs": {"tokens": ["one"]}, "finish_reason": reason}]});
        format!("data: {chunk}\n\n")
    };
    let stream = [
        chunk(0, "one tw", Value::Null),
        chunk(1, "six se", Value::Null),
        chunk(0, "o thr", Value::Null),
        chunk(1, "ven", json!("stop")),
        chunk(0, "", json!("stop")),
        "data: [DONE]\n\n".to_owned(),
    ]
    .concat();
    let got = run(Api::Completions, &stream, 3);
    let want = [("0 text", "<eno> <owt> <rht>"), ("1 text", "<xis> <neves>")];
    assert_eq!(
        texts(Api::Completions, &got),
        want.map(|(key, text)| (key.to_owned(), text.to_owned()))
            .into()
    );
    assert!(
        !got.contains("tokens"),
        "the tokens would tell the text: {got}"
    );
    let kept = Words {
        keeps: true,
        ..words(1)
    };
    let got = through(Api::Completions, [stream.as_bytes()], &mut { kept }).unwrap();
    assert!(got.contains("tokens"));
}

#[test]
fn every_repetition_in_a_stream_of_a_response_says_what_its_deltas_say() {
    let mut events = Vec::new();
    let mut add = |kind: &str, mut event: Value| {
        event["type"] = json!(kind);
        event["sequence_number"] = json!(events.len());
        events.push(format!("event: {kind}\ndata: {event}\n\n"));
    };
    let text = "one two three";
    let arguments = r#"{"a":"four"}"#;
    let part = json!({"type": "output_text", "text": text, "annotations": [],
        "logprobs": [{"token": "one"}]});
    let message = json!({"id": "msg_1", "type": "message", "role": "assistant", "content": [part]});
    let call = json!({"id": "fc_1", "type": "function_call", "name": "f", "call_id": "call_1",
        "arguments": arguments});
    let empty = |mut item: Value| {
        item["content"] = json!([]);
        item
    };
    add(
        "response.created",
        json!({"response": {"id": "resp_1", "output": [], "instructions": "say three"}}),
    );
    add(
        "response.in_progress",
        json!({"response": {"id": "resp_1", "output": []}}),
    );
    add(
        "response.output_item.added",
        json!({"output_index": 0, "item": empty(message.clone())}),
    );
    add(
        "response.content_part.added",
        json!({"item_id": "msg_1", "output_index": 0, "content_index": 0,
        "part": {"type": "output_text", "text": "", "annotations": [], "logprobs": []}}),
    );
    for piece in ["on", "e t", "wo ", "three"] {
        add(
            "response.output_text.delta",
            json!({"item_id": "msg_1", "output_index": 0, "content_index": 0,
            "delta": piece, "logprobs": [{"token": piece}]}),
        );
    }
    add(
        "response.output_text.done",
        json!({"item_id": "msg_1", "output_index": 0, "content_index": 0,
        "text": text, "logprobs": []}),
    );
    add(
        "response.content_part.done",
        json!({"item_id": "msg_1", "output_index": 0, "content_index": 0, "part": part}),
    );
    add(
        "response.output_item.done",
        json!({"output_index": 0, "item": message}),
    );
    let mut open = call.clone();
    open["arguments"] = json!("");
    add(
        "response.output_item.added",
        json!({"output_index": 1, "item": open}),
    );
    for piece in ["{\"a\":\"fo", "ur", "\"}"] {
        add(
            "response.function_call_arguments.delta",
            json!({"item_id": "fc_1", "output_index": 1, "delta": piece}),
        );
    }
    add(
        "response.function_call_arguments.done",
        json!({"item_id": "fc_1", "output_index": 1,
        "name": "f", "arguments": arguments}),
    );
    add(
        "response.output_item.done",
        json!({"output_index": 1, "item": call}),
    );
    let response = json!({"id": "resp_1", "output": [message, call], "usage": {"input_tokens": 1},
        "instructions": "say three"});
    add("response.completed", json!({"response": response}));
    let stream = events.concat();
    let mut rewrite = words(3);
    let got = through(Api::Responses, [stream.as_bytes()], &mut rewrite).unwrap();
    assert_eq!(rewrite.turned, 4, "what is said again is not counted again");
    let values = support::gather::events(got.as_bytes());
    let (output, whole) = gather_response(&values);
    assert_eq!(output, whole["output"]);
    assert_eq!(output[0]["content"][0]["text"], "<eno> <owt> <eerht>");
    assert_eq!(output[1]["arguments"], r#"{"a":"<ruof>"}"#);
    assert_eq!(whole["instructions"], "say three");
    assert!(!got.contains("token\""), "{got}");
    let body = response.to_string();
    let whole = whole::edited(Api::Responses, &body, &mut words(3))
        .unwrap()
        .unwrap();
    let whole: Value = serde_json::from_str(&whole).unwrap();
    assert_eq!(whole["output"], output);
}

#[test]
fn what_a_provider_wants_back_does_not_tell_what_is_masked() {
    let detail = json!([{"provider": "anthropic", "type": "thinking", "thinking": "a secret thought", "signature": "c2lnbmVk"}]);
    let body =
        json!({"choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant",
        "content": "hi", "reasoning_content": "a secret thought", "reasoning_details": detail}}]})
        .to_string();
    let mut rewrite = words(6);
    let got = whole::edited(Api::Chat, &body, &mut rewrite)
        .unwrap()
        .unwrap();
    let got: Value = serde_json::from_str(&got).unwrap();
    let message = &got["choices"][0]["message"];
    assert_eq!(
        message["reasoning_details"][0]["thinking"],
        "a <terces> <thguoht>"
    );
    assert_eq!(message["reasoning_details"][0]["signature"], "c2lnbmVk");
    assert_eq!(rewrite.turned, 2);
    // `[{"provider":"p","thinking":"a secret thought"}]`
    let sealed = "gw1:W3sicHJvdmlkZXIiOiJwIiwidGhpbmtpbmciOiJhIHNlY3JldCB0aG91Z2h0In1d";
    let body = json!({"type": "message", "content": [
        {"type": "thinking", "thinking": "a secret thought", "signature": sealed},
        {"type": "redacted_thinking", "data": "opaque-and-somebody-elses"},
        {"type": "tool_use", "id": "t", "name": "n", "input": {"longer": ["secret", 1234567]}}]})
    .to_string();
    let got = whole::edited(Api::Messages, &body, &mut words(6))
        .unwrap()
        .unwrap();
    let got: Value = serde_json::from_str(&got).unwrap();
    assert_eq!(
        got["content"],
        json!([{"type": "thinking", "thinking": "a <terces> <thguoht>", "signature": "gw1:W10="},
            {"type": "redacted_thinking", "data": "opaque-and-somebody-elses"},
            {"type": "tool_use", "id": "t", "name": "n",
                "input": {"<regnol>": ["<terces>", "<7654321>"]}}])
    );
}

#[test]
fn a_stream_that_is_stopped_ends_in_its_own_language_and_nothing_of_the_match_has_gone() {
    let fault =
        envoy_llm_gateway::fault::Fault::new(envoy_llm_gateway::fault::FaultKind::Blocked, "no");
    let chat: Vec<String> = "fine S T STOP more"
        .chars()
        .map(|c| {
            chunk(json!([{"index": 0, "delta": {"content": c.to_string()}, "finish_reason": null}]))
        })
        .collect();
    let (mut stream, mut out, mut stopped) =
        (Stream::new(Api::Chat, Unread::Halts), Vec::new(), false);
    for event in &chat {
        let pushed = stream.push(event.as_bytes(), false, &mut words(9), &mut out);
        stopped = pushed.is_err();
        if stopped {
            break;
        }
    }
    assert!(stopped);
    let said = texts(Api::Chat, &String::from_utf8(out).unwrap());
    assert_eq!(said["0 content"], "fine S T ");
    assert!(stream.error(&fault).starts_with(b"data: {\"error\":{"));
    let mut stream = Stream::new(Api::Responses, Unread::Halts);
    let event = "data: {\"type\":\"response.created\",\"sequence_number\":4}\n\n";
    let mut out = Vec::new();
    stream
        .push(event.as_bytes(), false, &mut words(9), &mut out)
        .unwrap();
    let error = String::from_utf8(stream.error(&fault)).unwrap();
    assert!(error.starts_with("event: error\n"), "{error}");
    assert!(error.contains("\"sequence_number\":5"), "{error}");
    let messages = Stream::new(Api::Messages, Unread::Halts);
    assert!(messages.error(&fault).starts_with(b"event: error\ndata: "));
}

#[test]
fn what_cannot_be_read_halts_or_passes_as_it_is_told() {
    for odd in [
        "data: no JSON\n\n",
        "data: {\"choices\":[{\"delta\":{\"content\":\"a\",\"content\":\"b\"}}]}\n\n",
        "data: {\"choices\":[{\"delta\":{\"content\":7}}]}\n\n",
    ] {
        let (mut stream, mut out) = (Stream::new(Api::Chat, Unread::Halts), Vec::new());
        let halted = stream.push(odd.as_bytes(), false, &mut words(1), &mut out);
        assert_eq!(halted, Err(whole::Halt::Unread), "{odd}");
        let (mut stream, mut out) = (Stream::new(Api::Chat, Unread::Passes), Vec::new());
        stream
            .push(odd.as_bytes(), false, &mut words(1), &mut out)
            .unwrap();
        assert_eq!(out, odd.as_bytes());
        assert!(stream.has_passed_unread());
    }
    let mut rewrite = words(1);
    assert_eq!(
        whole::edited(Api::Chat, "<html>", &mut rewrite),
        Err(whole::Halt::Unread)
    );
}

/// The rules of a configuration with the real scanner, and what a request has left in the vault.
fn guards() -> envoy_llm_gateway::guard::rules::Guards {
    let settings = json!({"role": "gateway", "models": {"m": {"targets": [{"provider": "one"}]}},
    "providers": {"one": {"dialect": "openai"}},
    "guards": [
        {"name": "all", "detect": ["PII", "SECRET"], "threshold": 0.4, "action": "mask", "on": "output"},
        {"name": "words", "words": ["Bertram the Brave"], "action": "mask", "on": "output"},
        {"name": "links", "links": [], "action": "mask"},
        {"name": "prompt", "system_prompt": true, "action": "mask"},
    ]});
    match Config::parse(settings.to_string().as_bytes()) {
        Ok(Config::Gateway(config)) => config.guards,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_real_scanner_decides_pieces_as_the_whole_at_every_cut() {
    let guards = guards();
    let holding = guards.holding(Direction::Output, None, &["m"]);
    let mut echo = Echo::default();
    echo.add("One two three four five six seven eight nine ten eleven twelve thirteen fourteen.");
    let mut request = policy::Request {
        echo: Some(echo),
        ..policy::Request::default()
    };
    let mut through = |pieces: &[&str]| {
        let (mut vault, mut tally) = (Vault::default(), Tally::default());
        for value in ["ann@example.com", "bob@example.com"] {
            vault.placeholder("EMAIL", value, Kept::Back);
        }
        let (mut channel, mut out) = (Channel::default(), String::new());
        for (place, piece) in pieces.iter().enumerate() {
            let last = place + 1 == pieces.len();
            let mut back =
                Back::new(&guards, holding, &mut vault, &mut tally, &mut request).unwrap();
            channel.push(piece, last, &mut back, &mut out).unwrap();
        }
        (out, tally.text(&guards))
    };
    let rows = include_str!("fixtures/guard/pii.jsonl").lines();
    let mut texts: Vec<String> = rows
        .map(|row| {
            let row: Value = serde_json::from_str(row).unwrap();
            row["text"].as_str().unwrap().to_owned()
        })
        .collect();
    texts.extend([
        "[EMAIL_1][EMAIL_2] [EMAIL_3] [EMA [[EMAIL_1]]",
        "password: [EMAIL_1] and password: hunter2[EMA, mail [EMAIL_2]@example.com x[EMAIL_1].org",
        "one two three four, one two three four five six seven eight nine ten eleven twelve 4111 1111 1111 1111",
        "see ![a](https://evil.example/?card=4111111111111111) by Bertram the Brave, Bertram the bold [EMAIL_1",
        "the password is one two three password: xK9!dfa83jsDf two three four",
    ].map(str::to_owned));
    let mut changed = 0;
    for text in &texts {
        let whole = through(&[text]);
        changed += usize::from(whole.0 != *text);
        let letters: Vec<String> = text.chars().map(String::from).collect();
        let letters: Vec<&str> = letters.iter().map(String::as_str).collect();
        assert_eq!(through(&letters), whole, "letter by letter: {text:?}");
        let step = (text.len() / 200).max(1);
        for (cut, _) in text.char_indices().step_by(step) {
            let (a, b) = text.split_at(cut);
            assert_eq!(through(&[a, b]), whole, "cut at {cut} of {text:?}");
        }
    }
    assert!(changed > texts.len() / 3, "{changed} of {}", texts.len());
}

#[test]
fn a_password_is_known_by_the_name_of_its_field_at_every_cut() {
    let guards = guards();
    let holding = guards.holding(Direction::Output, None, &["m"]);
    let through = |pieces: &[&str]| {
        let (mut vault, mut tally) = (Vault::default(), Tally::default());
        let mut request = policy::Request::default();
        let (mut arguments, mut out) = (Arguments::default(), String::new());
        for (place, piece) in pieces.iter().enumerate() {
            let last = place + 1 == pieces.len();
            let mut back =
                Back::new(&guards, holding, &mut vault, &mut tally, &mut request).unwrap();
            arguments.push(piece, last, &mut back, &mut out).unwrap();
        }
        out
    };
    for (document, wanted) in [
        (
            r#"{"user":"ann","password":"hunter2-Xy9kQ2","n":1}"#,
            r#"{"user":"ann","password":"[SECRET_PASSWORD_1]","n":1}"#,
        ),
        (
            r#"{"Password" : "hunter2-Xy9kQ2"}"#,
            r#"{"Password" : "[SECRET_PASSWORD_1]"}"#,
        ),
        // A field's name says nothing about the next field, and a placeholder is no secret.
        (
            r#"{"password":null,"note":"hunter2-Xy9kQ2"}"#,
            r#"{"password":null,"note":"hunter2-Xy9kQ2"}"#,
        ),
        (
            r#"{"password":"${PASSWORD}"}"#,
            r#"{"password":"${PASSWORD}"}"#,
        ),
    ] {
        for cut in 0..=document.len() {
            let (a, b) = document.split_at(cut);
            assert_eq!(through(&[a, b]), wanted, "cut at {cut}");
        }
    }
}
