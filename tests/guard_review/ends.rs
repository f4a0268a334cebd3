//! How streams end: in trailers, too long, or because somebody leaves.

use crate::{ALLOW, CHAT, gathered, hook, stream, streamed};
use envoy_llm_gateway::host::Side;
use serde_json::json;

#[test]
fn an_end_just_behind_an_opinion_is_handed_over_when_the_host_looks_at_the_time() {
    let guards = json!([hook(&json!({"on_error": "allow"})),
        {"name": "accounts", "detect": "IBAN_CODE", "on": "output", "action": "block"}]);
    for (word, trailers) in [
        ("five", false),
        ("DE89370400440532013000", false),
        ("DE89370400440532013000", true),
    ] {
        let mut asked = stream(&guards, CHAT);
        let events = streamed(CHAT, &["one two ", "three four ", word]);
        let (first, last) = events.split_at(3);
        for event in first {
            asked.chunk(event, false);
        }
        // What may be the beginning of a longer number waits for more.
        if trailers {
            asked.chunk(&last[0], false);
        }
        assert_eq!(asked.answers(1, 200, ALLOW), Some(Side::Response));
        asked.host.unreachable.borrow_mut().push("hook".to_owned());
        match trailers {
            true => asked.trailers(),
            false => asked.chunk(&last.concat(), true),
        }
        assert!(!asked.over && asked.held);
        assert_eq!(asked.tick(), Some(Side::Response));
        assert_eq!(asked.tick(), None);
        assert!(asked.over && !asked.host.stopped.get());
        let text = asked.text();
        if word == "five" {
            assert_eq!(gathered(CHAT, &text), "one two three four five");
            assert!(text.ends_with("data: [DONE]\n\n"));
        } else {
            assert!(text.contains("accounts") && !text.contains(word));
        }
    }
}

#[test]
fn a_stream_may_end_in_trailers_and_wait_there() {
    for answers_first in [false, true] {
        let mut asked = stream(&json!([hook(&json!({}))]), CHAT);
        let events = streamed(CHAT, &["one two three ", "four"]);
        for event in &events {
            asked.chunk(event, false);
            if answers_first && asked.questions().len() == 1 && asked.held {
                asked.answers(1, 200, ALLOW);
            }
        }
        asked.trailers();
        assert!(!asked.over && asked.held);
        let last = u32::try_from(asked.questions().len()).unwrap();
        if !answers_first {
            assert_eq!(asked.answers(1, 200, ALLOW), None);
        }
        let last = last.max(u32::try_from(asked.questions().len()).unwrap());
        assert_eq!(asked.answers(last, 200, ALLOW), Some(Side::Response));
        assert_eq!((asked.text(), asked.over), (events.concat(), true));
    }
}

#[test]
fn what_waits_has_an_end() {
    for (more, passes) in [(json!({}), false), (json!({"on_error": "allow"}), true)] {
        let mut asked = stream(&json!([hook(&more)]), CHAT);
        let word = "x".repeat(1 << 20);
        let events = streamed(
            CHAT,
            &[
                "one two three ",
                &word,
                &word,
                &word,
                &word,
                &word,
                &word,
                &word,
                &word,
            ],
        );
        for event in &events {
            asked.chunk(event, false);
        }
        asked.chunk("", false);
        asked.chunk("", true);
        let got = asked.text();
        assert_eq!(got.contains("guardrail_unavailable"), !passes);
        assert_eq!(got == events.concat(), passes, "{}", got.len());
    }
}

#[test]
fn a_client_or_provider_that_leaves_while_a_guard_is_asked_is_recorded_and_nothing_panics() {
    let mut asked = stream(&json!([hook(&json!({}))]), CHAT);
    for event in &streamed(CHAT, &["one two three ", "four"])[..3] {
        asked.chunk(event, false);
    }
    assert_eq!(asked.questions().len(), 1);
    asked.record();
    asked.answers(1, 200, ALLOW);
    assert_eq!(asked.answers(1, 200, ALLOW), None);
}
