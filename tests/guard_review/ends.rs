//! How streams end: in trailers, too long, or because somebody leaves.

use crate::{ALLOW, CHAT, hook, stream, streamed};
use envoy_llm_gateway::host::Side;
use serde_json::json;

#[test]
fn the_end_of_a_stream_that_cannot_be_handed_over_is_never_passed_on() {
    let guards = json!([hook(&json!({})),
        {"name": "accounts", "detect": "IBAN_CODE", "on": "output", "action": "block"}]);
    for trailers in [false, true] {
        let mut asked = stream(&guards, CHAT);
        for event in streamed(CHAT, &["one two ", "three four "]).iter().take(3) {
            asked.chunk(event, false);
        }
        assert_eq!(asked.answers(1, 200, ALLOW), Some(Side::Response));
        let before = asked.text();
        let last = streamed(CHAT, &["DE89370400440532013000 "])[1..].concat();
        match trailers {
            true => {
                asked.chunk(&last, false);
                asked.trailers();
            }
            false => asked.chunk(&last, true),
        }
        assert!(!asked.text().contains("DE89"));
        assert!(asked.text().len() == before.len() || asked.text().contains("accounts"));
        assert!(asked.host.stopped.get() || asked.over);
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
