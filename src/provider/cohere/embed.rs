//! Embeddings in Cohere's words.
//! Source: docs.cohere.com, API reference, "Embed API (v2)", and the types of the official Python SDK
//! 7.3; read 2026-11.

use super::Cohere;
use crate::{
    api::{
        answer::{Billed, Usage},
        chat::count,
        embeddings::{Asked, Embed, unreadable, write},
    },
    fault::{Fault, FaultKind},
    json::Quoted,
    provider::{
        Answered, OutBody, Outgoing,
        params::{self, Rule},
    },
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Most texts of a request at this provider.
const MAX_TEXTS: usize = 96;

/// Kept by name are Cohere's own parameters. Vectors of other types than floating point have no form in
/// a client's answer.
/// Source: OpenAI API reference, "Create embeddings"; docs.cohere.com, "Embed API (v2)"; read 2026-11.
const PARAMETERS: &[(&str, Rule)] = &[
    ("dimensions", Rule::Handled),
    ("embedding_types", Rule::Refuse),
    ("encoding_format", Rule::Handled),
    ("images", Rule::Refuse),
    ("input", Rule::Handled),
    ("input_type", Rule::Handled),
    ("inputs", Rule::Refuse),
    ("max_tokens", Rule::Keep),
    ("model", Rule::Handled),
    ("output_dimension", Rule::Handled),
    ("priority", Rule::Keep),
    ("texts", Rule::Refuse),
    ("truncate", Rule::Keep),
    ("user", Rule::Drop),
];

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    texts: Vec<Quoted<'a>>,
    input_type: Purpose<'a>,
    embedding_types: [&'static str; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    output_dimension: Option<u64>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Purpose<'a> {
    Asked(Quoted<'a>),
    Configured(&'static str),
}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow, default)]
    embeddings: Option<Embeddings<'a>>,
    #[serde(default)]
    meta: Option<Meta>,
}

#[derive(Deserialize)]
struct Embeddings<'a> {
    #[serde(borrow, default)]
    float: Option<Vec<&'a RawValue>>,
}

/// What an answer says of its cost.
#[derive(Deserialize, Clone, Copy, Default)]
pub(super) struct Meta {
    #[serde(default)]
    tokens: Option<Tokens>,
    #[serde(default)]
    billed_units: Option<Tokens>,
}

#[derive(Deserialize, Clone, Copy, Default)]
struct Tokens {
    #[serde(default, deserialize_with = "count")]
    input_tokens: Option<u64>,
    #[serde(default, deserialize_with = "count")]
    search_units: Option<u64>,
}

impl Meta {
    /// `None`: nothing is counted. Reranking is charged by the search unit, embedding by the token.
    /// Source: docs.cohere.com, "How Does Cohere's Pricing Work?"; general knowledge, not confirmed.
    pub(super) fn usage(self) -> Option<Usage> {
        let billed = self.billed_units.unwrap_or_default();
        let counted = self.tokens.and_then(|tokens| tokens.input_tokens);
        counted.or(billed.input_tokens).or(billed.search_units)?;
        Some(Usage {
            input: counted.or(billed.input_tokens).unwrap_or(0),
            searches: billed.search_units.unwrap_or(0),
            billed: billed.input_tokens.map(|input| Billed { input, output: 0 }),
            ..Usage::default()
        })
    }
}

pub(super) fn request(dialect: &Cohere, embed: &Embed<'_>) -> Result<Outgoing, Fault> {
    let (kept, dropped) = params::apply(PARAMETERS, dialect.common.unknown, &embed.body)?;
    let texts = embed.texts()?;
    if texts.len() > MAX_TEXTS {
        let message = format!(
            "`input` holds {} texts; this model's provider takes {MAX_TEXTS} at a time. Send them in several requests.",
            texts.len()
        );
        return Err(Fault::new(FaultKind::Unsupported, message).at("input"));
    }
    let native = embed.body.read::<u64>("output_dimension").ok().flatten();
    let body = Body {
        model: &embed.model,
        texts,
        input_type: input_type(dialect, embed)?,
        embedding_types: ["float"],
        output_dimension: embed.dimensions()?.or(native),
    };
    let mut out = serde_json::to_vec(&body).unwrap_or_default();
    if !kept.is_empty() {
        out.pop();
        out.push(b',');
        out.extend_from_slice(kept.to_vec().get(1..).unwrap_or(b"}"));
    }
    Ok(Outgoing {
        path: format!("{}/embed", dialect.common.base_path),
        headers: Vec::new(),
        body: OutBody::Whole(out),
        dropped,
        answer_tool: None,
    })
}

fn input_type<'a>(dialect: &Cohere, embed: &'a Embed<'_>) -> Result<Purpose<'a>, Fault> {
    let said: Option<&RawValue> = embed.body.read("input_type").unwrap_or_default();
    match said.map(Quoted::of) {
        None => Ok(Purpose::Configured(dialect.input_type)),
        Some(Some(word)) => Ok(Purpose::Asked(word)),
        Some(None) => {
            let message = "`input_type` must be a string such as \"search_query\".";
            Err(Fault::new(FaultKind::BadRequest, message).at("input_type"))
        }
    }
}

pub(super) fn answer(body: &[u8], asked: Option<&Asked>) -> Result<Answered, Fault> {
    let asked = asked.ok_or_else(unreadable)?;
    let answer: Answer<'_> = serde_json::from_slice(body).map_err(|_| unreadable())?;
    let vectors = answer.embeddings.and_then(|by_type| by_type.float);
    let usage = answer.meta.and_then(Meta::usage);
    Ok(Answered {
        body: Some(write(
            &vectors.ok_or_else(unreadable)?,
            asked,
            usage.unwrap_or_default(),
        )?),
        // The model is not named; the one that was asked answers.
        model: String::new(),
        usage,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        api::embeddings::Encoding,
        provider::{Common, params::Unknown},
    };

    fn sent(fields: &str) -> Result<String, String> {
        let dialect = Cohere {
            common: Common {
                base_path: "/v2".into(),
                unknown: Unknown::Keep,
            },
            input_type: "search_document",
        };
        let body = format!(r#"{{"model":"m",{fields}}}"#);
        let embed = Embed::parse(body.as_bytes()).unwrap();
        let out = request(&dialect, &embed).map_err(|fault| fault.message.into_owned())?;
        assert_eq!(out.path, "/v2/embed");
        let body = String::from_utf8(out.body.apply(b"")).unwrap();
        Ok(format!("{body} {}", out.dropped.join(",")))
    }

    #[test]
    fn a_request_says_what_it_is_for() {
        assert_eq!(
            sent(r#""input":"a\u0041","user":"u""#).as_deref(),
            Ok(
                r#"{"model":"m","texts":["a\u0041"],"input_type":"search_document","embedding_types":["float"]} user"#
            )
        );
        assert_eq!(
            sent(r#""input":["a","b"],"input_type":"search_query","dimensions":512,"truncate":"END","new":1.10,"encoding_format":"base64""#).as_deref(),
            Ok(r#"{"model":"m","texts":["a","b"],"input_type":"search_query","embedding_types":["float"],"output_dimension":512,"truncate":"END","new":1.10} "#)
        );
    }

    #[test]
    fn what_cannot_be_carried_is_refused() {
        let cases = [
            (
                r#""input":[1,2]"#.to_owned(),
                "`input` must be text: this model's provider takes no token ids. Send the string itself (in LangChain: `check_embedding_ctx_length=False`).",
            ),
            (
                format!(r#""input":[{}"a"]"#, r#""a","#.repeat(96)),
                "`input` holds 97 texts; this model's provider takes 96 at a time. Send them in several requests.",
            ),
            (
                r#""input":"a","embedding_types":["int8"]"#.to_owned(),
                "`embedding_types` is not supported by this model's provider; leave it out.",
            ),
            (
                r#""input":"a","input_type":1"#.to_owned(),
                "`input_type` must be a string such as \"search_query\".",
            ),
        ];
        for (fields, want) in cases {
            assert_eq!(sent(&fields).unwrap_err(), want);
        }
    }

    #[test]
    fn an_answer_counts_what_was_read() {
        let asked = Asked {
            model: "m".into(),
            encoding: Encoding::Float,
            inputs: 1,
        };
        let of = |body: &str| answer(body.as_bytes(), Some(&asked));
        let got = of(r#"{"id":"x","embeddings":{"float":[[0.10]]},"texts":["a"],"meta":{"billed_units":{"input_tokens":3.0}}}"#).unwrap();
        assert_eq!(
            String::from_utf8(got.body.unwrap()).unwrap(),
            r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.10]}],"model":"m","usage":{"prompt_tokens":3,"total_tokens":3}}"#
        );
        assert_eq!(got.usage.map(|usage| usage.input), Some(3));
        for bad in [
            "{}",
            r#"{"embeddings":{"int8":[[1]]}}"#,
            r#"{"embeddings":{"float":[[1],[2]]}}"#,
            r#"{"message":"x"}"#,
        ] {
            assert_eq!(
                of(bad).unwrap_err().kind,
                FaultKind::ProviderFailed,
                "{bad}"
            );
        }
    }
}
