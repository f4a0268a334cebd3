//! Reranking in Cohere's words, which are the client's; only the documents must be strings.
//! Source: docs.cohere.com, API reference, "Rerank API (v2)", "Migrating from v1 to v2"; read 2026-11.

use super::{embed::Meta, fault};
use crate::{
    api::rerank::{Documents, Rerank},
    fault::{Fault, FaultKind},
    host::Headers,
    json::Raw,
    provider::{
        Answered, Common, OutBody, Outgoing,
        params::{self, Rule},
    },
};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::value::RawValue;

/// Dropped is what version 1 and other hosts have.
const PARAMETERS: &[(&str, Rule)] = &[
    ("documents", Rule::Keep),
    ("max_chunks_per_doc", Rule::Drop),
    ("max_tokens_per_doc", Rule::Keep),
    ("model", Rule::Keep),
    ("priority", Rule::Keep),
    ("query", Rule::Keep),
    ("rank_fields", Rule::Drop),
    ("relevant_spans", Rule::Keep),
    ("return_documents", Rule::Handled),
    ("top_n", Rule::Keep),
    ("user", Rule::Drop),
];

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(default)]
    results: Option<Vec<IgnoredAny>>,
    #[serde(default)]
    meta: Option<Meta>,
    #[serde(borrow, default)]
    message: Option<&'a RawValue>,
}

pub(super) fn request(common: &Common, rerank: &Rerank<'_>) -> Result<Outgoing, Fault> {
    let (mut kept, mut dropped) = params::apply(PARAMETERS, common.unknown, &rerank.body)?;
    let query = rerank.body.raw("query").map(Raw::get).unwrap_or_default();
    if !query.starts_with('"') {
        let message = "`query` must be a string for this model's provider.";
        return Err(Fault::new(FaultKind::Unsupported, message).at("query"));
    }
    let wants_documents = rerank.body.raw("return_documents").map(Raw::get);
    if wants_documents == Some("true") {
        dropped.push("return_documents".to_owned());
    }
    // Strings are always writable.
    let _ = kept.set("model", &*rerank.model);
    if let Documents::Gathered(texts) = rerank.documents()? {
        let _ = kept.set("documents", &texts);
    }
    Ok(Outgoing {
        path: format!("{}/rerank", common.base_path),
        headers: Vec::new(),
        body: OutBody::Whole(kept.to_vec()),
        dropped,
        answer_tool: None,
    })
}

/// The answer passes.
pub(super) fn answer(body: &[u8]) -> Result<Answered, Fault> {
    // Of what it skips, the parser checks the grammar but not the encoding.
    let text = std::str::from_utf8(body).unwrap_or_default();
    let answer: Option<Answer<'_>> = serde_json::from_str(text).ok();
    match answer {
        Some(Answer {
            results: Some(_),
            meta,
            ..
        }) => Ok(Answered {
            usage: meta.and_then(Meta::usage),
            ..Answered::default()
        }),
        Some(Answer {
            message: Some(_), ..
        }) => Err(fault::read(200, &Headers::default(), body)),
        _ => Err(Fault::new(
            FaultKind::ProviderFailed,
            "The provider's answer is not a list of results.",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{api::answer::Usage, provider::params::Unknown};

    fn sent(fields: &str) -> Result<String, String> {
        let common = Common {
            base_path: "/v2".into(),
            unknown: Unknown::Keep,
        };
        let body = format!(r#"{{"model":"a",{fields}}}"#);
        let mut rerank = Rerank::parse(body.as_bytes()).unwrap();
        rerank.model = "b".into();
        let out = request(&common, &rerank).map_err(|fault| fault.message.into_owned())?;
        assert_eq!(out.path, "/v2/rerank");
        let body = String::from_utf8(out.body.apply(b"")).unwrap();
        Ok(format!("{body} {}", out.dropped.join(",")))
    }

    #[test]
    fn documents_become_strings_and_the_rest_stays() {
        assert_eq!(
            sent(r#""query":"q\u0041","documents":["a"],"top_n":2,"relevant_spans":{"mode":"enabled","threshold":0.10}"#).as_deref(),
            Ok(r#"{"model":"b","query":"q\u0041","documents":["a"],"top_n":2,"relevant_spans":{"mode":"enabled","threshold":0.10}} "#)
        );
        assert_eq!(
            sent(r#""query":"q","documents":[{"id":7,"text":"a\n"},"b"],"return_documents":true,"rank_fields":["text"]"#).as_deref(),
            Ok(r#"{"model":"b","query":"q","documents":["a\n","b"]} rank_fields,return_documents"#)
        );
        assert_eq!(
            sent(r#""query":{"image":"x"},"documents":["b"]"#),
            Err("`query` must be a string for this model's provider.".into())
        );
    }

    #[test]
    fn an_answer_passes_and_one_that_is_none_does_not() {
        let kind = |body: &str| answer(body.as_bytes()).map_err(|fault| fault.kind);
        let body = r#"{"id":"x","results":[{"index":1,"relevance_score":0.9}],"meta":{"billed_units":{"search_units":1}}}"#;
        let searched = Answered {
            usage: Some(Usage {
                searches: 1,
                ..Usage::default()
            }),
            ..Answered::default()
        };
        assert_eq!(kind(body), Ok(searched));
        assert_eq!(
            kind(r#"{"message":"invalid api token"}"#),
            Err(FaultKind::ProviderAuth)
        );
        for bad in ["{}", "<html>", r#"{"results":7}"#] {
            assert_eq!(kind(bad), Err(FaultKind::ProviderFailed), "{bad}");
        }
    }
}
