//! Every answer of every fixture, cut in every way, against its whole texts.

use crate::{
    Words, data, decided,
    support::{
        fixtures,
        gather::{events, gather_message, gather_response},
    },
    texts, through, turned, words,
};
use envoy_llm_gateway::{
    api::client::Api,
    guard::{
        answer::{
            stream::{Stream, Unread},
            whole,
        },
        channel::{Decided, Rewrite},
    },
};
use serde_json::{Value, json};

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
