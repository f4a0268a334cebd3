//! Embeddings and reranking: the bytes pass, apart from `model`.
//!
//! Hosts that speak OpenAI's API speak this part of it as well; reranking is no part of it, but vLLM,
//! Jina, llama.cpp and others have it beside the rest, at the same place and in Cohere's form.
//! Source: OpenAI API reference, "Create embeddings"; docs.vllm.ai, "OpenAI-compatible server" (re-rank
//! API); read 2026-11.

use super::{OpenAi, Splice, fault};
use crate::{
    api::{
        answer::Usage,
        chat::UsageView,
        embeddings::{Asked, Embed, unreadable},
        rerank::Rerank,
    },
    fault::{Fault, FaultKind},
    host::Headers,
    json::Object,
    provider::{
        Answered, EmbedDialect, OutBody, Outgoing, RerankDialect,
        params::{self, Rule, Unknown},
    },
};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::value::RawValue;

/// With `unknown_parameters: keep` the tables are not even looked at.
const EMBED: &[(&str, Rule)] = &[
    ("dimensions", Rule::Keep),
    ("encoding_format", Rule::Keep),
    ("input", Rule::Keep),
    ("model", Rule::Keep),
    ("user", Rule::Keep),
];

const RERANK: &[(&str, Rule)] = &[
    ("documents", Rule::Keep),
    ("max_tokens_per_doc", Rule::Keep),
    ("model", Rule::Keep),
    ("query", Rule::Keep),
    ("return_documents", Rule::Keep),
    ("top_n", Rule::Keep),
];

#[derive(Deserialize)]
struct Seen<'a> {
    #[serde(default)]
    data: Option<Vec<IgnoredAny>>,
    #[serde(default)]
    results: Option<Vec<IgnoredAny>>,
    #[serde(borrow, default)]
    model: Option<&'a RawValue>,
    #[serde(borrow, default)]
    usage: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
}

/// What hosts that only rerank or embed count.
#[derive(Deserialize, Default)]
struct Total {
    #[serde(default)]
    total_tokens: Option<u64>,
}

impl EmbedDialect for OpenAi {
    fn request(&self, embed: &Embed<'_>) -> Result<Outgoing, Fault> {
        self.passing("embeddings", EMBED, &embed.body, &embed.model)
    }

    fn touches(&self) -> Option<&'static [&'static str]> {
        (self.common.unknown == Unknown::Keep).then_some(&["model"])
    }

    fn answer(
        &self,
        _headers: &Headers,
        body: &[u8],
        _asked: Option<&Asked>,
    ) -> Result<Answered, Fault> {
        look(body, |seen| seen.data.is_some(), unreadable)
    }
}

impl RerankDialect for OpenAi {
    fn request(&self, rerank: &Rerank<'_>) -> Result<Outgoing, Fault> {
        self.passing("rerank", RERANK, &rerank.body, &rerank.model)
    }

    fn touches(&self) -> Option<&'static [&'static str]> {
        (self.common.unknown == Unknown::Keep).then_some(&["model"])
    }

    fn answer(&self, _headers: &Headers, body: &[u8]) -> Result<Answered, Fault> {
        // Voyage calls its results `data`.
        let is_answer = |seen: &Seen<'_>| seen.results.is_some() || seen.data.is_some();
        look(body, is_answer, || {
            Fault::new(
                FaultKind::ProviderFailed,
                "The provider's answer is not a list of results.",
            )
        })
    }
}

impl OpenAi {
    fn passing(
        &self,
        path: &str,
        known: &[(&str, Rule)],
        body: &Object<'_>,
        model: &str,
    ) -> Result<Outgoing, Fault> {
        let spliced = |body: &Object<'_>| {
            let mut splice = Splice::of(body);
            splice.model(model);
            splice.finish()
        };
        let mut dropped = Vec::new();
        let body = if self.common.unknown == Unknown::Keep {
            spliced(body)
        } else {
            let (mut kept, left_out) = params::apply(known, self.common.unknown, body)?;
            dropped = left_out;
            // A string is always writable.
            let _ = kept.set("model", model);
            OutBody::Whole(kept.to_vec())
        };
        Ok(Outgoing {
            path: self.path(path, model),
            headers: Vec::new(),
            body,
            dropped,
            answer_tool: None,
        })
    }
}

/// Looks at an answer that passes, only so far as the record needs it.
fn look(
    body: &[u8],
    is_answer: impl FnOnce(&Seen<'_>) -> bool,
    unreadable: impl FnOnce() -> Fault,
) -> Result<Answered, Fault> {
    // Of what it skips, the parser checks the grammar but not the encoding.
    let text = std::str::from_utf8(body).unwrap_or_default();
    let seen: Option<Seen<'_>> = serde_json::from_str(text).ok();
    let Some(seen) = seen else {
        return Err(unreadable());
    };
    if seen.error.is_some_and(|error| error.get() != "null") {
        return Err(fault::read(200, &Headers::default(), body));
    }
    if !is_answer(&seen) {
        return Err(unreadable());
    }
    let model: Option<String> = seen
        .model
        .and_then(|raw| serde_json::from_str(raw.get()).ok());
    Ok(Answered {
        body: None,
        model: model.unwrap_or_default(),
        usage: seen.usage.and_then(usage),
    })
}

fn usage(raw: &RawValue) -> Option<Usage> {
    let counted: Usage = serde_json::from_str::<UsageView>(raw.get()).ok()?.into();
    let total: Total = serde_json::from_str(raw.get()).unwrap_or_default();
    Some(Usage {
        input: if counted.input == 0 {
            total.total_tokens.unwrap_or(0)
        } else {
            counted.input
        },
        charged_pico: counted.charged_pico,
        ..Usage::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::{Common, openai::Difference};

    fn dialect(unknown: Unknown) -> OpenAi {
        OpenAi {
            table: &Difference::NONE,
            common: Common {
                base_path: "/v1".into(),
                unknown,
            },
            force_usage: true,
            responses: true,
            deployments: None,
        }
    }

    #[test]
    fn only_the_model_changes() {
        let body = r#"{ "input":[1, 2],"model":"a","x":1.10}"#;
        let mut embed = Embed::parse(body.as_bytes()).unwrap();
        let out = EmbedDialect::request(&dialect(Unknown::Keep), &embed).unwrap();
        assert_eq!(
            (out.path.as_str(), out.body),
            ("/v1/embeddings", OutBody::Untouched)
        );
        embed.model = "b".into();
        let out = EmbedDialect::request(&dialect(Unknown::Keep), &embed).unwrap();
        assert_eq!(
            out.body.apply(body.as_bytes()),
            br#"{ "input":[1, 2],"model":"b","x":1.10}"#
        );
        let rerank = Rerank::parse(br#"{"model":"a","query":"q","documents":["d"]}"#).unwrap();
        let out = RerankDialect::request(&dialect(Unknown::Keep), &rerank).unwrap();
        assert_eq!(out.path, "/v1/rerank");
    }

    #[test]
    fn unknown_parameters_are_dropped_where_that_is_configured() {
        let body = br#"{"model":"a","input":"x","input_type":"query","user":"u"}"#;
        let embed = Embed::parse(body).unwrap();
        let out = EmbedDialect::request(&dialect(Unknown::Drop), &embed).unwrap();
        assert_eq!(
            out.body,
            OutBody::Whole(br#"{"model":"a","input":"x","user":"u"}"#.to_vec())
        );
        assert_eq!(out.dropped, ["input_type"]);
        assert!(EmbedDialect::refuses(&dialect(Unknown::Refuse), &embed).is_some());
    }

    #[test]
    fn an_answer_is_only_looked_at() {
        let of = |body: &str| {
            EmbedDialect::answer(
                &dialect(Unknown::Keep),
                &Headers::default(),
                body.as_bytes(),
                None,
            )
            .map(|seen| (seen.body, seen.model, seen.usage.map(|usage| usage.input)))
            .map_err(|fault| fault.kind)
        };
        assert_eq!(
            of(
                r#"{"object":"list","data":[{"embedding":"AAAA"}],"model":"m-2","usage":{"prompt_tokens":5,"total_tokens":5}}"#
            ),
            Ok((None, "m-2".into(), Some(5)))
        );
        assert_eq!(
            of(r#"{"data":[],"model":null,"usage":{"total_tokens":7}}"#),
            Ok((None, String::new(), Some(7)))
        );
        assert_eq!(
            of(r#"{"error":{"message":"x","code":"rate_limit_exceeded"}}"#),
            Err(FaultKind::RateLimited)
        );
        for bad in ["{}", "<html>", r#"{"choices":[]}"#] {
            assert_eq!(of(bad), Err(FaultKind::ProviderFailed), "{bad}");
        }
        let ranked = r#"{"model":"m","results":[{"index":0,"relevance_score":1}],"usage":{"total_tokens":9}}"#;
        let seen = RerankDialect::answer(
            &dialect(Unknown::Keep),
            &Headers::default(),
            ranked.as_bytes(),
        );
        assert_eq!(seen.unwrap().usage.map(|usage| usage.input), Some(9));
    }
}
