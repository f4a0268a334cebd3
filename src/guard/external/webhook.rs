//! The contract for guards that somebody writes for this gateway.
//!
//! It gets `{"rule", "direction": "input", "model", "team", "texts": [..]}`, for an answer with `"direction": "output"`,
//! `"id"` (that of the request) and `"question"` (what the user has said last), and for a part of a stream with
//! `"window"` (counted from 0) and `"last"` (nothing follows). It answers
//! `{"action": "allow" | "block" | "mask", "texts": [..], "reason": ".."}`: with `mask` as many texts as it got, `null` for
//! one that stays. `reason` is for people who read the guard's own log; the gateway hands it to nobody.

use super::{About, NO_ANSWER, Opinion, Unusable, json};
use serde::{Deserialize, Serialize};

#[derive(Serialize)]
struct Question<'a> {
    rule: &'a str,
    direction: &'a str,
    model: &'a str,
    team: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    question: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    window: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<bool>,
    texts: &'a [&'a str],
}

#[derive(Deserialize)]
struct Answer {
    action: Action,
    texts: Option<Vec<Option<String>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Action {
    Allow,
    Block,
    Mask,
}

pub(super) fn body(about: &About<'_>) -> Vec<u8> {
    let answer = about.answer;
    let window = answer.and_then(|answer| answer.window);
    json(&Question {
        rule: about.rule,
        direction: if answer.is_some() { "output" } else { "input" },
        id: answer.map(|answer| answer.id),
        question: answer.map(|answer| answer.question),
        window: window.map(|(window, _)| window),
        last: window.map(|(_, last)| last),
        model: about.model,
        team: about.team,
        texts: about.texts,
    })
}

pub(super) fn read(body: &[u8], texts: usize) -> Result<Opinion, Unusable> {
    let answer: Answer = serde_json::from_slice(body).map_err(|_| NO_ANSWER)?;
    match (answer.action, answer.texts) {
        (Action::Allow, _) => Ok(Opinion::Pass),
        (Action::Block, _) => Ok(Opinion::Refused),
        (Action::Mask, Some(new)) if new.len() == texts => Ok(Opinion::Texts(new)),
        (Action::Mask, _) => Err(Unusable("it answered with another number of texts")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{
        Kind,
        tests::{asked, call},
    };
    use super::*;
    use serde_json::json;

    #[test]
    fn it_is_told_whose_texts_they_are_and_says_what_becomes_of_them() {
        let call = call(Kind::Webhook);
        let question = json!({"rule": "safe", "direction": "input", "model": "gpt-x", "team": "support", "texts": ["a", "b"]});
        assert_eq!(asked(&call, &["a", "b"]), question);
        let of = |answer: &str| call.read(200, answer.as_bytes(), &["a", "b"]);
        assert_eq!(of(r#"{"action":"allow","more":[]}"#), Ok(Opinion::Pass));
        assert_eq!(
            of(r#"{"action":"block","reason":"x"}"#),
            Ok(Opinion::Refused)
        );
        let masked = Opinion::Texts(vec![None, Some("*".into())]);
        assert_eq!(of(r#"{"action":"mask","texts":[null,"*"]}"#), Ok(masked));
        let number = Err(Unusable("it answered with another number of texts"));
        assert_eq!(of(r#"{"action":"mask","texts":["*"]}"#), number);
        assert_eq!(of(r#"{"action":"mask"}"#), number);
        assert_eq!(of(r#"{"action":"maybe"}"#), Err(NO_ANSWER));
        assert_eq!(of(r#"{"action":"mask","texts":[1,2]}"#), Err(NO_ANSWER));
    }
}
