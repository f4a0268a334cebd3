//! Whole answers: they wait until every guard has answered.

use crate::{ALLOW, Asked, BLOCK, CHAT, MESSAGES, RESPONSES, ask, hook, said, told, whole};
use envoy_llm_gateway::host::{Flow, Side};
use serde_json::{Value, json};

fn whole_answer(guards: &Value, path: &str, text: &str) -> Asked {
    let mut asked = ask(guards, path, &said(path, "What is it?", false));
    assert_eq!(asked.headers("application/json"), Flow::Pause);
    asked.chunk(&whole(path, text).to_string(), true);
    asked
}

#[test]
fn a_whole_answer_waits_for_every_guard_and_passes_untouched() {
    let guards = json!([
        hook(&json!({})),
        hook(&json!({"name": "second", "call": {"kind": "judge", "cluster": "j", "model": "lg"}}))
    ]);
    for path in [CHAT, MESSAGES, RESPONSES] {
        let mut asked = whole_answer(&guards, path, "It is \"so\".");
        let questions = asked.questions();
        let texts = json!(["It is \"so\".", "{to:It is \"so\".}"]);
        let first = json!({"rule": "hook", "direction": "output", "id": "id-1", "question": "What is it?", "model": "smart", "team": null, "texts": texts});
        assert_eq!(questions[0], first, "{path}");
        let turns = json!([{"role": "user", "content": "What is it?"},
            {"role": "assistant", "content": "It is \"so\".\n\n{to:It is \"so\".}"}]);
        assert_eq!(questions[1]["messages"], turns);
        assert_eq!(asked.answers(1, 200, ALLOW), None);
        assert_eq!(asked.text(), "");
        let safe = json!({"choices": [{"message": {"content": "safe"}}]}).to_string();
        assert_eq!(asked.answers(2, 200, &safe), Some(Side::Response));
        assert_eq!(asked.text(), whole(path, "It is \"so\".").to_string());
        assert_eq!(asked.answers(2, 200, &safe), None);
        assert_eq!(asked.record(), told("", "", ""));
    }
}

#[test]
fn a_whole_answer_that_is_blocked_or_not_judged_is_an_error() {
    for path in [CHAT, MESSAGES, RESPONSES] {
        let mut asked = whole_answer(&json!([hook(&json!({}))]), path, "It is so.");
        assert_eq!(asked.answers(1, 200, BLOCK), Some(Side::Response));
        assert!(asked.over && !asked.text().contains("It is so"));
        assert_eq!(asked.status(), "400");
        let record = told("refused", "guardrail_blocked", "hook:block=1");
        assert_eq!(asked.record(), record);
    }
    for (status, body) in [(504, ""), (0, ""), (200, "{}")] {
        let mut asked = whole_answer(&json!([hook(&json!({}))]), CHAT, "It is so.");
        asked.answers(1, status, body);
        assert_eq!(
            (asked.status().as_str(), asked.error().0.as_str()),
            ("503", "guardrail_unavailable")
        );
        assert!(asked.error().1.contains("`hook`"));
        let open = json!([hook(&json!({"on_error": "allow"}))]);
        let mut asked = whole_answer(&open, CHAT, "It is so.");
        asked.answers(1, status, body);
        assert_eq!(asked.text(), whole(CHAT, "It is so.").to_string());
        assert_eq!(asked.record(), told("", "", "hook:unread=1"));
    }
}

#[test]
fn what_a_guard_marks_in_a_whole_answer_is_masked_and_what_the_client_said_is_put_back_behind_it() {
    let guards = json!([
        {"name": "mail", "detect": "EMAIL_ADDRESS", "action": "restore"},
        {"name": "cards", "detect": "CREDIT_CARD", "on": "output", "action": "mask"},
        {"name": "people", "call": {"kind": "presidio", "cluster": "p"}, "on": "output", "action": "mask"},
    ]);
    for path in [CHAT, MESSAGES, RESPONSES] {
        let mut asked = ask(&guards, path, &said(path, "Mail a@b.co", false));
        asked.headers("application/json");
        let text = "\u{e9} Ann, 4111 1111 1111 1111, [EMAIL_1]";
        asked.chunk(&whole(path, text).to_string(), true);
        let shown = "\u{e9} Ann, [CREDIT_CARD_1], [EMAIL_1]";
        let both = json!([shown, format!("{{to:{shown}}}")]);
        assert_eq!(asked.questions()[0]["text"], both, "{path}");
        let found = |at: usize| json!([{"entity_type": "PERSON", "start": at, "end": at + 3, "score": 0.9}]);
        let answer = json!([found(2), found(6)]).to_string();
        assert_eq!(asked.answers(1, 200, &answer), Some(Side::Response));
        let want = whole(path, "\u{e9} [PERSON_1], [CREDIT_CARD_1], a@b.co").to_string();
        assert_eq!(asked.text(), want);
        let length = asked.host.header_value(Side::Response, "content-length");
        assert_eq!(length, Some(want.len().to_string()));
        let told = asked.host.header_value(Side::Response, "x-llm-guard");
        assert!(told.unwrap().contains("people:mask=1"));
    }
}

#[test]
fn a_whole_answer_may_end_in_trailers_and_wait_there() {
    for (answer, status) in [(ALLOW, "200"), (BLOCK, "400")] {
        let mut asked = ask(&json!([hook(&json!({}))]), CHAT, &said(CHAT, "hi", false));
        asked.headers("application/json");
        asked.chunk(&whole(CHAT, "It is so.").to_string(), false);
        asked.trailers();
        assert_eq!((asked.text().as_str(), asked.questions().len()), ("", 1));
        assert_eq!(asked.answers(1, 200, answer), Some(Side::Response));
        assert_eq!(
            (asked.status().as_str(), asked.text().is_empty()),
            (status, false)
        );
    }
}
