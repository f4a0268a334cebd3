//! Embeddings through InvokeModel: Amazon's Titan, one text at a time, and Cohere's models.
//!
//! To be confirmed against the Amazon Bedrock user guide ("Amazon Titan Embeddings models", "Cohere
//! Embed models"): these bodies and the header `x-amzn-bedrock-input-token-count` are general
//! knowledge of 2026-11, not a reading of those pages, and no live service has been asked.

use super::Bedrock;
use crate::{
    api::{
        answer::Usage,
        embeddings::{Asked, Embed, unreadable, write},
    },
    fault::{Fault, FaultKind},
    host::Headers,
    json::Quoted,
    provider::{
        Answered, OutBody, Outgoing,
        params::{self, Rule},
        path::segment,
    },
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// How many tokens were read; Cohere's answers do not say it here.
const TOKENS: &str = "x-amzn-bedrock-input-token-count";

/// Most texts of a request to Cohere's models.
const MAX_TEXTS: usize = 96;

/// The bodies have no room for parameters of others: unknown ones are listed, whatever is configured for
/// chat, unless they are to be refused.
/// Source: OpenAI API reference, "Create embeddings", read 2026-11.
const PARAMETERS: &[(&str, Rule)] = &[
    ("dimensions", Rule::Handled),
    ("encoding_format", Rule::Handled),
    ("input", Rule::Handled),
    ("input_type", Rule::Handled),
    ("model", Rule::Handled),
    ("normalize", Rule::Handled),
    ("truncate", Rule::Handled),
    ("user", Rule::Drop),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    /// Titan's first text model takes the text and nothing else.
    FirstTitan,
    Titan,
    Cohere,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Titan<'a> {
    input_text: Quoted<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dimensions: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    normalize: Option<&'a RawValue>,
}

#[derive(Serialize)]
struct Cohere<'a> {
    texts: Vec<Quoted<'a>>,
    input_type: Word<'a>,
    embedding_types: [&'static str; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    output_dimension: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    truncate: Option<&'a RawValue>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Word<'a> {
    Said(&'a RawValue),
    Ours(&'static str),
}

#[derive(Deserialize)]
struct Answer<'a> {
    /// Titan's.
    #[serde(borrow, default)]
    embedding: Option<&'a RawValue>,
    #[serde(default, rename = "inputTextTokenCount")]
    tokens: Option<u64>,
    /// Cohere's: by type, or a list of vectors.
    #[serde(borrow, default)]
    embeddings: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct ByType<'a> {
    #[serde(borrow)]
    float: Vec<&'a RawValue>,
}

pub(super) fn request(dialect: &Bedrock, embed: &Embed<'_>) -> Result<Outgoing, Fault> {
    let (kept, mut dropped) = params::apply(PARAMETERS, dialect.common.unknown, &embed.body)?;
    dropped.extend(kept.iter().map(|(key, _)| key.to_owned()));
    let family = family(&embed.model)?;
    let texts = embed.texts()?;
    let most = if family == Family::Cohere {
        MAX_TEXTS
    } else {
        1
    };
    if texts.len() > most {
        let message = format!(
            "`input` holds {} texts; this model takes {most} at a time. Send them in several requests.",
            texts.len()
        );
        return Err(Fault::new(FaultKind::Unsupported, message).at("input"));
    }
    let raw = |key: &str| embed.body.read::<&RawValue>(key).unwrap_or_default();
    let mut lose = |key: &str| {
        if raw(key).is_some() {
            dropped.push(key.to_owned());
        }
    };
    let body = match family {
        Family::Cohere => {
            lose("normalize");
            serde_json::to_vec(&Cohere {
                texts,
                input_type: raw("input_type").map_or(Word::Ours("search_document"), Word::Said),
                embedding_types: ["float"],
                output_dimension: embed.dimensions()?,
                truncate: raw("truncate"),
            })
        }
        Family::Titan | Family::FirstTitan => {
            lose("input_type");
            lose("truncate");
            let first = family == Family::FirstTitan;
            if first {
                lose("dimensions");
                lose("normalize");
            }
            serde_json::to_vec(&Titan {
                input_text: texts.into_iter().next().ok_or_else(unreadable)?,
                dimensions: embed.dimensions()?.filter(|_| !first),
                normalize: raw("normalize").filter(|_| !first),
            })
        }
    };
    Ok(Outgoing {
        path: format!(
            "{}/{}/invoke",
            dialect.common.base_path,
            segment(&embed.model, b"")
        ),
        headers: Vec::new(),
        body: OutBody::Whole(body.unwrap_or_default()),
        dropped,
        answer_tool: None,
    })
}

/// Whose model it is. A prefix such as `us.` says where it may run.
fn family(model: &str) -> Result<Family, Fault> {
    if model.contains("cohere.embed-") {
        Ok(Family::Cohere)
    } else if model.contains("amazon.titan-embed-text-v1") || model.contains("titan-embed-g1-text")
    {
        Ok(Family::FirstTitan)
    } else if model.contains("amazon.titan-embed-text") {
        Ok(Family::Titan)
    } else {
        let message = "This model's embeddings are not supported here; use amazon.titan-embed-text-* or cohere.embed-*.";
        Err(Fault::new(FaultKind::Unsupported, message).at("model"))
    }
}

pub(super) fn answer(
    headers: &Headers,
    body: &[u8],
    asked: Option<&Asked>,
) -> Result<Answered, Fault> {
    let asked = asked.ok_or_else(unreadable)?;
    let answer: Answer<'_> = serde_json::from_slice(body).map_err(|_| unreadable())?;
    let vectors: Vec<&RawValue> = match (answer.embeddings, answer.embedding) {
        (Some(raw), _) if raw.get().starts_with('{') => {
            let by_type: ByType<'_> = serde_json::from_str(raw.get()).map_err(|_| unreadable())?;
            by_type.float
        }
        (Some(raw), _) => serde_json::from_str(raw.get()).map_err(|_| unreadable())?,
        (None, Some(one)) => vec![one],
        (None, None) => return Err(unreadable()),
    };
    let told = headers.get(TOKENS).and_then(|count| count.parse().ok());
    let usage = answer.tokens.or(told).map(|input| Usage {
        input,
        ..Usage::default()
    });
    Ok(Answered {
        body: Some(write(&vectors, asked, usage.unwrap_or_default())?),
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

    fn sent(model: &str, fields: &str) -> Result<(String, String, String), String> {
        let dialect = Bedrock {
            common: Common {
                base_path: "/model".into(),
                unknown: Unknown::Keep,
            },
            default_max_tokens: None,
        };
        let body = format!(r#"{{"model":"{model}",{fields}}}"#);
        let embed = Embed::parse(body.as_bytes()).unwrap();
        let out = request(&dialect, &embed).map_err(|fault| fault.message.into_owned())?;
        let body = String::from_utf8(out.body.apply(b"")).unwrap();
        Ok((out.path, body, out.dropped.join(",")))
    }

    #[test]
    fn titan_takes_one_text_and_cohere_a_list() {
        assert_eq!(
            sent(
                "amazon.titan-embed-text-v2:0",
                r#""input":["a\u0041"],"dimensions":256,"normalize":true,"input_type":"search_query","x":1"#
            ),
            Ok((
                "/model/amazon.titan-embed-text-v2%3A0/invoke".into(),
                r#"{"inputText":"a\u0041","dimensions":256,"normalize":true}"#.into(),
                "x,input_type".into()
            ))
        );
        assert_eq!(
            sent(
                "amazon.titan-embed-text-v1",
                r#""input":"a","dimensions":256"#
            ),
            Ok((
                "/model/amazon.titan-embed-text-v1/invoke".into(),
                r#"{"inputText":"a"}"#.into(),
                "dimensions".into()
            ))
        );
        assert_eq!(
            sent(
                "us.cohere.embed-v4:0",
                r#""input":["a","b"],"dimensions":256,"truncate":"END","user":"u""#
            ),
            Ok((
                "/model/us.cohere.embed-v4%3A0/invoke".into(),
                r#"{"texts":["a","b"],"input_type":"search_document","embedding_types":["float"],"output_dimension":256,"truncate":"END"}"#.into(),
                "user".into()
            ))
        );
    }

    #[test]
    fn what_cannot_be_carried_is_refused() {
        for (model, fields) in [
            ("amazon.titan-embed-text-v2:0", r#""input":["a","b"]"#),
            ("cohere.embed-english-v3", r#""input":[1]"#),
            ("meta.llama3", r#""input":"a""#),
        ] {
            assert!(sent(model, fields).is_err(), "{model}");
        }
    }

    #[test]
    fn an_answer_is_read_in_each_of_its_forms() {
        let asked = Asked {
            model: "m".into(),
            encoding: Encoding::Float,
            inputs: 1,
        };
        let headers = Headers(vec![(TOKENS.into(), "9".into())]);
        let tokens = |body: &str| {
            answer(&headers, body.as_bytes(), Some(&asked))
                .map(|got| got.usage.map(|usage| usage.input))
                .map_err(|fault| fault.kind)
        };
        assert_eq!(
            tokens(
                r#"{"embedding":[0.10],"inputTextTokenCount":3,"embeddingsByType":{"float":[0.10]}}"#
            ),
            Ok(Some(3))
        );
        for body in [
            r#"{"embeddings":[[0.10]],"id":"x","response_type":"embeddings_floats","texts":["a"]}"#,
            r#"{"embeddings":{"float":[[0.10]]},"id":"x","response_type":"embeddings_by_type"}"#,
        ] {
            assert_eq!(tokens(body), Ok(Some(9)), "{body}");
        }
        for bad in [
            "{}",
            r#"{"embeddings":{"int8":[[1]]}}"#,
            r#"{"message":"x"}"#,
        ] {
            assert_eq!(tokens(bad), Err(FaultKind::ProviderFailed), "{bad}");
        }
    }
}
