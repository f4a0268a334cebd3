//! Texts of an answer, whole and streamed: what is put back, and what is hidden.

use crate::{
    CARD, CHAT, MESSAGES, RESPONSES, ask, ask_of, cuts, guards, said, streamed,
    support::response_with_trailers, text_of, whole,
};
use serde_json::{Value, json};

#[test]
fn a_whole_answer_gets_the_client_s_values_back_and_hides_what_the_model_made_up() {
    for path in [CHAT, MESSAGES, RESPONSES] {
        let mut asked = ask(path, "I am \"ann@example.com\".", false);
        assert!(!asked.body.contains("ann@"), "{}", asked.body);
        assert!(asked.body.contains("[EMAIL_1]"));
        let answer = whole(path, &format!("To \"[EMAIL_1]\", not [EMAIL_2]: {CARD}"));
        let got = asked.answer(&answer);
        let want = whole(
            path,
            "To \"ann@example.com\", not [EMAIL_2]: card [CREDIT_CARD_1].",
        );
        assert_eq!(serde_json::from_slice::<Value>(&got.body).unwrap(), want);
        assert_eq!(
            got.header("content-length"),
            Some(&*got.body.len().to_string())
        );
        assert_eq!(
            got.header("x-llm-guard"),
            Some("mail:restore=1,cards:mask=2")
        );
        assert_eq!(
            asked.record()[2].as_deref(),
            Some("mail:restore=1,cards:mask=2")
        );
    }
}

#[test]
fn a_stream_says_what_the_whole_answer_says_however_it_is_cut() {
    let text = format!("To \"[EMAIL_1]\", [EMAIL_12] [EMA: {CARD} \u{1f600}[EMAIL_1]");
    let want =
        "To \"ann@example.com\", [EMAIL_12] [EMA: card [CREDIT_CARD_1]. \u{1f600}ann@example.com";
    for path in [CHAT, MESSAGES, RESPONSES] {
        for pieces in cuts(&text) {
            let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
            let mut asked = ask(path, "I am ann@example.com", true);
            let got = asked.stream(&streamed(path, &pieces), 50);
            assert_eq!(text_of(path, &got.text()), want, "{path} {pieces:?}");
            assert_eq!(got.header("content-length"), None);
            assert_eq!(got.held, 0, "a stream is not held");
            assert_eq!(
                asked.record()[2].as_deref(),
                Some("mail:restore=1,cards:mask=1")
            );
        }
        let mut asked = ask(path, "I am ann@example.com", true);
        let stream = streamed(path, &["To [EM", "AIL_1] now"]);
        assert_eq!(
            text_of(path, &asked.stream(&stream, 1).text()),
            "To ann@example.com now"
        );
    }
}

#[test]
fn where_there_is_nothing_to_do_the_answer_is_not_touched() {
    let others = json!([{"name": "accounts", "detect": ["IBAN_CODE"], "on": "output", "action": "block", "teams": ["other"]},
        {"name": "mail", "detect": ["EMAIL_ADDRESS"], "action": "restore"}]);
    for stream in [false, true] {
        let mut asked = ask_of(&others, CHAT, &said(CHAT, "no address", stream));
        let (got, want) = match stream {
            true => {
                let stream = streamed(CHAT, &["DE8937040044", "0532013000 [EMAIL_1"]);
                (asked.stream(&stream, 10), stream)
            }
            false => {
                let answer = whole(CHAT, "DE89370400440532013000 [EMAIL_1]");
                (asked.answer(&answer), answer.to_string())
            }
        };
        assert_eq!((got.text(), got.held), (want, 0));
        assert_eq!(got.header("content-length"), Some("7"));
    }
}

#[test]
fn the_letters_that_a_guard_may_hide_are_not_told_by_their_probabilities() {
    let card = "4111 1111 1111 1111";
    let mut answer = whole(CHAT, &format!("Pay with {card}."));
    answer["choices"][0]["logprobs"] =
        json!({"content": [{"token": card, "logprob": -0.1, "top_logprobs": []}]});
    let passed = |action: &str| {
        let guards =
            json!([{"name": "cards", "detect": ["CREDIT_CARD"], "on": "output", "action": action}]);
        let passed = ask_of(&guards, CHAT, &said(CHAT, "Hello", false)).answer(&answer);
        passed.text()
    };
    let masked = passed("mask");
    assert!(!masked.contains(card), "{masked}");
    assert!(masked.contains("[CREDIT_CARD_1]"), "{masked}");
    assert_eq!(
        passed("warn"),
        answer.to_string(),
        "who only counts changes nothing"
    );
}

#[test]
fn a_whole_answer_may_end_in_trailers() {
    for (text, status) in [(CARD, "200"), ("DE89370400440532013000", "400")] {
        let mut asked = ask(CHAT, "hi", false);
        let head = [
            (":status", "200"),
            ("content-type", "application/json"),
            ("x-llm-provider", "one"),
        ];
        let answer = whole(CHAT, text).to_string();
        let (gateway, host) = (&mut asked.gateway, &asked.host);
        let got = response_with_trailers(gateway, host, &head, &[answer.as_bytes()]).unwrap();
        assert_eq!(got.header(":status"), Some(status));
        assert!(!got.text().contains("4111") && !got.text().contains("DE89370400440532013000"));
    }
}

#[test]
fn a_text_that_stands_where_its_block_begins_goes_on_in_the_pieces_behind() {
    let text = "To [EMAIL_1], card 4111 1111 1111 1111.";
    let want = "To ann@example.com, card [CREDIT_CARD_1].";
    for path in [MESSAGES, RESPONSES] {
        for cut in 1..text.len() {
            let (a, b) = text.split_at(cut);
            let all = streamed(path, &[b]);
            let stream = match path {
                MESSAGES => all.replace(r#""text":"""#, &format!(r#""text":"{a}""#)),
                _ => {
                    let begun = all.replace(r#""text":"""#, &format!(r#""text":"{a}""#));
                    begun.replace(&format!(r#""text":"{b}""#), &format!(r#""text":"{text}""#))
                }
            };
            let mut asked = ask(path, "I am ann@example.com", true);
            let got = asked.stream(&stream, 1000);
            assert_eq!(text_of(path, &got.text()), want, "cut at {cut}");
        }
    }
}

#[test]
fn a_reason_that_says_nothing_ends_no_text() {
    let stream = streamed(CHAT, &["To [EMA", "IL_1], card 4111 1111 ", "1111 1111."]);
    let stream = stream.replace(r#""finish_reason":null"#, r#""finish_reason":"""#);
    let got = ask(CHAT, "I am ann@example.com", true).stream(&stream, 1000);
    let want = "To ann@example.com, card [CREDIT_CARD_1].";
    assert_eq!(text_of(CHAT, &got.text()), want);
}

#[test]
fn a_placeholder_that_the_client_has_written_is_not_given_to_what_an_answer_holds() {
    let cards =
        json!([{"name": "cards", "detect": "CREDIT_CARD", "on": "output", "action": "mask"}]);
    let body = said(CHAT, "Is it [CREDIT_CARD_1]?", false);
    let got = ask_of(&cards, CHAT, &body)
        .answer(&whole(CHAT, CARD))
        .text();
    assert!(got.contains("[CREDIT_CARD_2]"), "{got}");
}

#[test]
fn a_placeholder_of_an_earlier_turn_that_the_provider_remembers_gets_no_value_of_this_one() {
    for field in ["previous_response_id", "conversation"] {
        let mut body = said(RESPONSES, "I am bob@example.com", false);
        body[field] = json!("r-0");
        let mut asked = ask_of(&guards(), RESPONSES, &body);
        let input: Value = serde_json::from_str(&asked.body).unwrap();
        let own = input["input"].as_str().unwrap().trim_start_matches("I am ");
        assert!(own.len() > "[EMAIL_12345]".len(), "{own}");
        let got = asked.answer(&whole(RESPONSES, &format!("[EMAIL_1] and {own}")));
        let want = whole(RESPONSES, "[EMAIL_1] and bob@example.com");
        assert_eq!(got.text(), want.to_string());
        body[field] = Value::Null;
        assert!(
            ask_of(&guards(), RESPONSES, &body)
                .body
                .contains("[EMAIL_1]")
        );
    }
}
