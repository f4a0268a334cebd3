//! OpenAI's moderations API, which others speak as well.
//!
//! Source: the answer's fields as the client libraries of the API document them (`CreateModerationResponse`), read 2026-11.

use super::{About, Call, NO_ANSWER, Opinion, Unusable, json};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Serialize)]
struct Question<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'a str>,
    input: &'a [&'a str],
}

#[derive(Deserialize)]
struct Answer {
    results: Vec<Finding>,
}

#[derive(Deserialize)]
struct Finding {
    flagged: bool,
    #[serde(default)]
    categories: BTreeMap<String, Option<bool>>,
    #[serde(default)]
    category_scores: BTreeMap<String, Option<f64>>,
}

pub(super) fn body(call: &Call, about: &About<'_>) -> Vec<u8> {
    json(&Question {
        model: call.model.as_deref(),
        input: about.texts,
    })
}

/// With a threshold the scores count; without one, what the API itself calls a violation.
pub(super) fn read(call: &Call, body: &[u8], texts: usize) -> Result<Opinion, Unusable> {
    let answer: Answer = serde_json::from_slice(body).map_err(|_| NO_ANSWER)?;
    if answer.results.len() != texts {
        return Err(Unusable("it answered for another number of texts"));
    }
    let found = answer.results.iter().any(|finding| {
        if call.threshold.is_some() {
            let scores = finding.category_scores.iter();
            let mut scores = scores.filter(|(name, _)| call.counts(name));
            return scores.any(|(_, score)| score.is_some_and(|s| call.enough(s) == Some(true)));
        }
        if call.categories.is_empty() {
            return finding.flagged;
        }
        let flagged = finding
            .categories
            .iter()
            .filter(|(name, _)| call.counts(name));
        flagged
            .into_iter()
            .any(|(_, flagged)| *flagged == Some(true))
    });
    // Who asks for scores and gets none would let everything pass.
    let scored = |finding: &Finding| !finding.category_scores.is_empty();
    if call.threshold.is_some() && !answer.results.iter().all(scored) {
        return Err(NO_ANSWER);
    }
    Ok(if found { Opinion::Found } else { Opinion::Pass })
}

#[cfg(test)]
mod tests {
    use super::super::{
        Kind,
        tests::{asked, call},
    };
    use super::*;
    use serde_json::json;

    const ANSWER: &str = r#"{"id":"modr-1","model":"omni-moderation-latest","results":[
        {"flagged":false,"categories":{"hate":false,"violence":false},"category_scores":{"hate":0.01,"violence":0.2}},
        {"flagged":true,"categories":{"hate":false,"violence":true,"illicit":null},"category_scores":{"hate":0.02,"violence":0.91},"new":1}]}"#;

    #[test]
    fn every_text_is_an_input() {
        let mut call = call(Kind::Moderation);
        assert_eq!(asked(&call, &["a", "b\n"]), json!({"input": ["a", "b\n"]}));
        call.model = Some("omni-moderation-latest".into());
        let with = json!({"model": "omni-moderation-latest", "input": ["a"]});
        assert_eq!(asked(&call, &["a"]), with);
    }

    #[test]
    fn flags_count_or_the_scores_of_the_categories_that_were_named() {
        let mut call = call(Kind::Moderation);
        let of = |call: &Call| call.read(200, ANSWER.as_bytes(), &["a", "b"]);
        assert_eq!(of(&call), Ok(Opinion::Found));
        call.categories = vec!["hate".into(), "illicit".into()];
        assert_eq!(of(&call), Ok(Opinion::Pass));
        call.threshold = Some(2);
        assert_eq!(of(&call), Ok(Opinion::Found));
        call.threshold = Some(3);
        assert_eq!(of(&call), Ok(Opinion::Pass));
        call.categories = Vec::new();
        assert_eq!(of(&call), Ok(Opinion::Found));
        call.threshold = Some(92);
        assert_eq!(of(&call), Ok(Opinion::Pass));
        let fewer = call.read(200, ANSWER.as_bytes(), &["a"]);
        assert_eq!(
            fewer,
            Err(Unusable("it answered for another number of texts"))
        );
        let none = br#"{"results":[{"flagged":false}]}"#;
        assert_eq!(call.read(200, none, &["a"]), Err(NO_ANSWER));
    }
}
