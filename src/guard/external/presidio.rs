//! Presidio's analyzer.
//!
//! Source: microsoft/presidio, presidio-analyzer/app.py, `/analyze`: a list of texts is answered by a list of lists,
//! read 2026-11. Places are counted in characters.

use super::{About, Call, Mark, NO_ANSWER, Opinion, Unusable, json};
use serde::{Deserialize, Serialize};

#[derive(Serialize)]
struct Question<'a> {
    text: &'a [&'a str],
    language: &'a str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    entities: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    score_threshold: Option<f64>,
}

#[derive(Deserialize)]
struct Finding {
    entity_type: String,
    start: usize,
    end: usize,
    score: f64,
}

pub(super) fn body(call: &Call, about: &About<'_>) -> Vec<u8> {
    json(&Question {
        text: about.texts,
        language: &call.language,
        entities: &call.categories,
        score_threshold: call.threshold.map(|least| f64::from(least) / 100.0),
    })
}

pub(super) fn read(call: &Call, body: &[u8], texts: &[&str]) -> Result<Opinion, Unusable> {
    let answer: Vec<Vec<Finding>> = serde_json::from_slice(body).map_err(|_| NO_ANSWER)?;
    if answer.len() != texts.len() {
        return Err(Unusable("it answered for another number of texts"));
    }
    let mut marks = Vec::new();
    for (place, (findings, text)) in answer.into_iter().zip(texts).enumerate() {
        let mut findings: Vec<Finding> = findings
            .into_iter()
            .filter(|f| call.counts(&f.entity_type) && call.enough(f.score) != Some(false))
            .collect();
        if findings.is_empty() {
            continue;
        }
        findings.sort_by_key(|finding| (finding.start, finding.end));
        let mut ends: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        ends.push(text.len());
        for finding in findings {
            let (start, end) = (ends.get(finding.start), ends.get(finding.end));
            let (Some(start), Some(end)) = (start, end) else {
                return Err(Unusable("it found something outside of the text"));
            };
            if start >= end {
                return Err(Unusable("it found something outside of the text"));
            }
            marks.push(Mark {
                text: place,
                start: *start,
                end: *end,
                entity: finding.entity_type,
            });
        }
    }
    Ok(match marks.is_empty() {
        true => Opinion::Pass,
        false => Opinion::Marks(marks),
    })
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
    fn it_is_asked_for_all_texts_at_once() {
        let mut call = call(Kind::Presidio);
        assert_eq!(
            asked(&call, &["a"]),
            json!({"text": ["a"], "language": "en"})
        );
        (call.language, call.threshold) = ("de".into(), Some(60));
        call.categories = vec!["PERSON".into()];
        let all = json!({"text": ["a"], "language": "de", "entities": ["PERSON"], "score_threshold": 0.6});
        assert_eq!(asked(&call, &["a"]), all);
    }

    #[test]
    fn places_are_counted_in_characters() {
        let mut call = call(Kind::Presidio);
        let texts = ["nobody", "Grüße an Zoë und 😀 Ann"];
        let of =
            |call: &Call, found: &str| call.read(200, format!("[[],[{found}]]").as_bytes(), &texts);
        let found = |start, end, score: f64| {
            format!(
                r#"{{"entity_type":"PERSON","start":{start},"end":{end},"score":{score},"analysis_explanation":null}}"#
            )
        };
        let both = [found(19, 22, 0.85), found(9, 12, 0.5)].join(",");
        let marks = |opinion: Result<Opinion, Unusable>| match opinion {
            Ok(Opinion::Marks(marks)) => marks
                .iter()
                .map(|mark| {
                    texts[mark.text]
                        .get(mark.start..mark.end)
                        .unwrap()
                        .to_owned()
                })
                .collect(),
            _ => Vec::new(),
        };
        assert_eq!(marks(of(&call, &both)), ["Zoë", "Ann"]);
        call.threshold = Some(60);
        assert_eq!(marks(of(&call, &both)), ["Ann"]);
        call.categories = vec!["LOCATION".into()];
        assert_eq!(of(&call, &both), Ok(Opinion::Pass));
        call.categories = Vec::new();
        for (start, end) in [(5, 5), (7, 5), (0, 24), (99, 100)] {
            assert!(of(&call, &found(start, end, 0.9)).is_err(), "{start} {end}");
        }
        assert!(call.read(200, b"[]", &texts).is_err());
    }
}
