//! Streams: which windows are asked about, what waits, and what leaves.

use crate::{
    ALLOW, BLOCK, CHAT, MESSAGES, RESPONSES, hook, parsed, presidio, stream, streamed, told,
};
use envoy_llm_gateway::host::Side;
use serde_json::{Value, json};

#[test]
fn a_stream_waits_in_windows_that_overlap_and_keeps_its_bytes() {
    let pieces = ["one ", "two ", "three ", "four ", "five ", "six"];
    for path in [CHAT, MESSAGES, RESPONSES] {
        let mut asked = stream(&json!([hook(&json!({}))]), path);
        let events = streamed(path, &pieces);
        let first = events
            .iter()
            .position(|event| event.contains("one "))
            .unwrap();
        for event in &events[..first] {
            asked.chunk(event, false);
        }
        assert_eq!(
            asked.text(),
            events[..first].concat(),
            "no text, no waiting"
        );
        for event in &events[first..first + 4] {
            asked.chunk(event, false);
        }
        assert_eq!(asked.text(), events[..first].concat());
        let question = json!({"rule": "hook", "direction": "output", "id": "id-1", "question": "What is it?", "model": "smart", "team": null,
            "window": 0, "last": false, "texts": ["one two three "]});
        assert_eq!(asked.questions(), [question], "{path}");
        assert_eq!(asked.answers(1, 200, ALLOW), Some(Side::Response));
        // Four letters at the end wait for the next window, and so does what has come meanwhile.
        assert_eq!(asked.text(), events[..first + 2].concat());
        let (last, rest) = events[first + 4..].split_last().unwrap();
        for event in rest {
            asked.chunk(event, false);
        }
        asked.chunk(last, false);
        asked.chunk("", true);
        assert!(!asked.over);
        assert_eq!(asked.answers(2, 200, ALLOW), None, "{path}");
        let texts = asked.texts();
        assert_eq!(texts[1], json!(["three four five "]));
        assert_eq!(asked.answers(3, 200, ALLOW), Some(Side::Response));
        assert_eq!(
            asked.texts()[2][0]
                .as_str()
                .map(|text| text.ends_with("five six")),
            Some(true)
        );
        assert_eq!(asked.questions()[2]["last"], json!(true));
        assert_eq!((asked.text(), asked.over), (events.concat(), true));
        assert_eq!(asked.record(), told("", "", ""));
    }
}

#[test]
fn a_window_that_is_blocked_ends_the_stream_with_an_error_and_nothing_of_it_leaves() {
    let pieces = ["one two ", "three ", "four ", "five six ", "seven "];
    for path in [CHAT, MESSAGES, RESPONSES] {
        for blocked in [1, 2] {
            let mut asked = stream(&json!([hook(&json!({}))]), path);
            for event in streamed(path, &pieces) {
                asked.chunk(&event, false);
                if asked.questions().len() == 1 && blocked == 2 && asked.got.len() < 2000 {
                    asked.answers(1, 200, ALLOW);
                }
            }
            assert_eq!(
                asked.answers(blocked, 200, BLOCK),
                Some(Side::Response),
                "{path}"
            );
            let text = asked.text();
            assert!(text.contains("one two ") == (blocked == 2), "{text}");
            assert!(!text.contains("seven") && text.contains("`hook`"), "{text}");
            if path == RESPONSES {
                let numbers: Vec<u64> = parsed(&text)
                    .iter()
                    .map(|event| event["sequence_number"].as_u64().unwrap())
                    .collect();
                let want: Vec<u64> = (0..numbers.len() as u64).collect();
                assert_eq!(numbers, want);
            }
            asked.chunk("data: {}\n\n", false);
            assert!(asked.host.stopped.get(), "the provider goes on for nobody");
            assert_eq!(asked.text(), text);
            let guard = "hook:block=1";
            assert_eq!(asked.record(), told("partial", "guardrail_blocked", guard));
        }
    }
}

#[test]
fn a_stream_that_nobody_judges_ends_or_passes_as_configured() {
    let run = |more: Value, unreachable: bool| {
        let mut asked = stream(&json!([hook(&more)]), CHAT);
        if unreachable {
            asked.host.unreachable.borrow_mut().push("hook".into());
        }
        let events = streamed(CHAT, &["one two three ", "four five six ", "seven"]);
        for event in &events {
            asked.chunk(event, false);
            let number = asked.questions().len();
            if asked.held && number > 0 {
                asked.answers(u32::try_from(number).unwrap(), 504, "");
            }
        }
        if !asked.over {
            asked.chunk("", true);
            for number in 1..9 {
                asked.answers(number, 504, "");
            }
        }
        let record = asked.record();
        (asked.text(), events.concat(), record)
    };
    for unreachable in [false, true] {
        let (got, _, record) = run(json!({}), unreachable);
        assert!(
            !got.contains("one") && got.contains("guardrail_unavailable"),
            "{got}"
        );
        assert_eq!(record, told("partial", "guardrail_unavailable", ""));
        for more in [json!({"on_error": "allow"}), json!({"action": "warn"})] {
            let (got, sent, record) = run(more, unreachable);
            assert_eq!(got, sent);
            assert_eq!(record, told("", "", "hook:unread=1"));
        }
    }
}

#[test]
fn who_only_counts_holds_nothing_but_the_end() {
    let mut asked = stream(&json!([hook(&json!({"action": "warn"}))]), CHAT);
    let events = streamed(CHAT, &["one two three ", "four five six ", "seven"]);
    for event in &events {
        asked.chunk(event, false);
        assert!(!asked.held);
    }
    assert_eq!(asked.text(), events.concat());
    asked.chunk("", true);
    assert!(asked.held && !asked.over);
    assert_eq!(asked.answers(1, 200, BLOCK), None);
    assert_eq!(asked.answers(2, 200, ALLOW), Some(Side::Response));
    assert_eq!((asked.text(), asked.over), (events.concat(), true));
    assert_eq!(asked.record(), told("", "", "hook:warn=1"));
}

#[test]
fn each_of_several_choices_that_mix_is_seen_again_at_the_border_of_a_window() {
    let guards = json!([{"name": "people", "on": "output", "action": "mask", "call": {"kind": "presidio", "cluster": "p", "window": 12, "overlap": 3}}]);
    for before in 0..8 {
        let text = format!("{}Ann{}", "-".repeat(before), "-".repeat(8 - before));
        let mut asked = stream(&guards, CHAT);
        let mut answered = 0;
        for letter in text.chars() {
            for index in 0..4 {
                let event = json!({"id": "c", "model": "m", "choices": [{"index": index, "delta": {"content": letter}, "finish_reason": null}]});
                asked.chunk(&format!("data: {event}\n\n"), false);
                while asked.questions().len() > answered {
                    answered += 1;
                    let answer = presidio(&asked, answered);
                    asked.answers(u32::try_from(answered).unwrap(), 200, &answer);
                }
            }
        }
        asked.chunk("data: [DONE]\n\n", true);
        let answer = presidio(&asked, answered + 1);
        asked.answers(u32::try_from(answered + 1).unwrap(), 200, &answer);
        assert!(asked.over);
        let mut said = vec![String::new(); 4];
        for event in parsed(&asked.text()) {
            let choice = &event["choices"][0];
            let place = choice["index"].as_u64().unwrap();
            said[place as usize].push_str(choice["delta"]["content"].as_str().unwrap());
        }
        let want = text.replace("Ann", "[PERSON_1]");
        assert_eq!(said, vec![want; 4], "{before}");
    }
}
