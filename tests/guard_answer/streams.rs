//! Texts that mix, what is held of them, and where it goes.

use crate::{Words, chunk, data, run, texts, through, turned, words};
use envoy_llm_gateway::{
    api::client::Api,
    guard::answer::{
        stream::{Stream, Unread},
        whole,
    },
};
use serde_json::{Value, json};

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

/// A text in pieces, at every cut and letter by letter.
fn pieces(text: &str) -> Vec<Vec<String>> {
    let mut all = vec![text.chars().map(String::from).collect()];
    for (cut, _) in text.char_indices().skip(1) {
        let (a, b) = text.split_at(cut);
        all.push(vec![a.to_owned(), b.to_owned()]);
    }
    all
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
