//! Embeddings: `batchEmbedContents` of the Gemini API, `predict` and `embedContent` of Vertex AI.
//!
//! Source: ai.google.dev, "Embeddings"; docs.cloud.google.com, "Text embeddings API" (one text for
//! `gemini-embedding-001`, 250 for the others); `embed_content` of google-genai 3.6 (which model is
//! asked how on Vertex AI); read 2026-11.

use super::{Gemini, Home, request::place};
use crate::{
    api::{
        answer::Usage,
        embeddings::{Asked, Embed, unreadable, write},
    },
    fault::{Fault, FaultKind},
    json::{Quoted, Str},
    provider::{
        Answered, OutBody, Outgoing,
        params::{self, Rule},
    },
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The body has no room for parameters of others: unknown ones are listed, whatever is configured for
/// chat, unless they are to be refused.
/// Source: OpenAI API reference, "Create embeddings", read 2026-11.
const PARAMETERS: &[(&str, Rule)] = &[
    ("dimensions", Rule::Handled),
    ("encoding_format", Rule::Handled),
    ("input", Rule::Handled),
    ("input_type", Rule::Handled),
    ("model", Rule::Handled),
    ("task_type", Rule::Handled),
    ("title", Rule::Handled),
    ("user", Rule::Drop),
];

/// How a model is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    Batch,
    Predict,
    One,
}

/// What belongs to every text.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
struct Config<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    task_type: Option<Task<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<Quoted<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_dimensionality: Option<u64>,
}

#[derive(Debug, Clone, Copy, Serialize)]
#[serde(untagged)]
enum Task<'a> {
    Said(Quoted<'a>),
    Known(&'static str),
}

#[derive(Serialize)]
struct Content<'a> {
    parts: [Part<'a>; 1],
}

#[derive(Serialize)]
struct Part<'a> {
    text: Quoted<'a>,
}

#[derive(Serialize)]
struct Batch<'a> {
    requests: Vec<BatchItem<'a>>,
}

#[derive(Serialize)]
struct BatchItem<'a> {
    model: &'a str,
    content: Content<'a>,
    #[serde(flatten)]
    config: Config<'a>,
}

#[derive(Serialize)]
struct Predict<'a> {
    instances: Vec<Instance<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<Parameters>,
}

#[derive(Serialize)]
struct Instance<'a> {
    content: Quoted<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    task_type: Option<Task<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<Quoted<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Parameters {
    output_dimensionality: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct One<'a> {
    content: Content<'a>,
    embed_content_config: Config<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    #[serde(borrow, default)]
    embeddings: Option<Vec<Vector<'a>>>,
    #[serde(borrow, default)]
    embedding: Option<Vector<'a>>,
    #[serde(borrow, default)]
    predictions: Option<Vec<Prediction<'a>>>,
    #[serde(default)]
    usage_metadata: Option<Counts>,
}

#[derive(Deserialize)]
struct Prediction<'a> {
    #[serde(borrow)]
    embeddings: Vector<'a>,
}

#[derive(Deserialize)]
struct Vector<'a> {
    #[serde(borrow)]
    values: &'a RawValue,
    #[serde(default)]
    statistics: Option<Statistics>,
}

/// Vertex AI counts in floating point.
#[derive(Deserialize)]
struct Statistics {
    #[serde(default)]
    token_count: Option<f64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Counts {
    #[serde(default)]
    prompt_token_count: Option<u64>,
}

pub(super) fn request(dialect: &Gemini, embed: &Embed<'_>) -> Result<Outgoing, Fault> {
    let (kept, mut dropped) = params::apply(PARAMETERS, dialect.common.unknown, &embed.body)?;
    dropped.extend(kept.iter().map(|(key, _)| key.to_owned()));
    let name = embed.model.rsplit('/').next().unwrap_or_default();
    let (method, most) = method(&dialect.home, name);
    let texts = embed.texts()?;
    if texts.len() > most {
        let message = format!(
            "`input` holds {} texts; this model takes {most} at a time. Send them in several requests.",
            texts.len()
        );
        return Err(Fault::new(FaultKind::Unsupported, message).at("input"));
    }
    let config = Config {
        task_type: task(embed)?,
        title: string(embed, "title")?,
        output_dimensionality: embed.dimensions()?,
    };
    let content = |text| Content {
        parts: [Part { text }],
    };
    let (word, body) = match method {
        Method::Batch => {
            let model = embed.model.strip_prefix("models/").unwrap_or(&embed.model);
            let model = format!("models/{model}");
            let item = |text| BatchItem {
                model: &model,
                content: content(text),
                config,
            };
            let requests = texts.into_iter().map(item).collect();
            (
                "batchEmbedContents",
                serde_json::to_vec(&Batch { requests }),
            )
        }
        Method::Predict => {
            let item = |content| Instance {
                content,
                task_type: config.task_type,
                title: config.title,
            };
            let body = Predict {
                instances: texts.into_iter().map(item).collect(),
                parameters: config
                    .output_dimensionality
                    .map(|output_dimensionality| Parameters {
                        output_dimensionality,
                    }),
            };
            ("predict", serde_json::to_vec(&body))
        }
        Method::One => {
            let text = texts.into_iter().next().ok_or_else(unreadable)?;
            let body = One {
                content: content(text),
                embed_content_config: config,
            };
            ("embedContent", serde_json::to_vec(&body))
        }
    };
    Ok(Outgoing {
        path: format!("{}:{word}", place(dialect, &embed.model)),
        headers: Vec::new(),
        body: OutBody::Whole(body.unwrap_or_default()),
        dropped,
        answer_tool: None,
    })
}

/// How a model is asked, and how many texts it takes at once.
fn method(home: &Home, name: &str) -> (Method, usize) {
    match home {
        Home::Gemini => (Method::Batch, 100),
        Home::Vertex { .. } => {
            let first = ["gemini-embedding-001", "gemini-embedding-exp"];
            if first.iter().any(|start| name.starts_with(start)) {
                (Method::Predict, 1)
            } else if name.contains("gemini") {
                (Method::One, 1)
            } else {
                (Method::Predict, 250)
            }
        }
    }
}

/// Google's own word, or what Cohere's `input_type` means, which clients send to every provider.
fn task<'a>(embed: &'a Embed<'_>) -> Result<Option<Task<'a>>, Fault> {
    if let Some(word) = string(embed, "task_type")? {
        return Ok(Some(Task::Said(word)));
    }
    let word = embed.body.read::<Str<'_>>("input_type");
    match word.as_ref().map(Option::as_deref) {
        Ok(None) => Ok(None),
        Ok(Some("search_document")) => Ok(Some(Task::Known("RETRIEVAL_DOCUMENT"))),
        Ok(Some("search_query")) => Ok(Some(Task::Known("RETRIEVAL_QUERY"))),
        Ok(Some("classification")) => Ok(Some(Task::Known("CLASSIFICATION"))),
        Ok(Some("clustering")) => Ok(Some(Task::Known("CLUSTERING"))),
        _ => {
            let message = "`input_type` must be one of search_document, search_query, classification, clustering.";
            Err(Fault::new(FaultKind::BadRequest, message).at("input_type"))
        }
    }
}

fn string<'a>(embed: &'a Embed<'_>, key: &'static str) -> Result<Option<Quoted<'a>>, Fault> {
    let said: Option<&RawValue> = embed.body.read(key).unwrap_or_default();
    match said.map(Quoted::of) {
        None => Ok(None),
        Some(Some(text)) => Ok(Some(text)),
        Some(None) => {
            let message = format!("`{key}` must be a string.");
            Err(Fault::new(FaultKind::BadRequest, message).at(key))
        }
    }
}

pub(super) fn answer(body: &[u8], asked: Option<&Asked>) -> Result<Answered, Fault> {
    let asked = asked.ok_or_else(unreadable)?;
    let answer: Answer<'_> = serde_json::from_slice(body).map_err(|_| unreadable())?;
    let vectors = answer
        .embeddings
        .or(answer
            .predictions
            .map(|list| list.into_iter().map(|item| item.embeddings).collect()))
        .or(answer.embedding.map(|one| vec![one]))
        .ok_or_else(unreadable)?;
    let told = answer.usage_metadata.and_then(|c| c.prompt_token_count);
    let each = vectors.iter().map(|vector| {
        let count = vector.statistics.as_ref()?.token_count?;
        Some(count as u64)
    });
    let usage = told.or(each.sum::<Option<u64>>()).map(|input| Usage {
        input,
        ..Usage::default()
    });
    let values: Vec<_> = vectors.iter().map(|vector| vector.values).collect();
    Ok(Answered {
        body: Some(write(&values, asked, usage.unwrap_or_default())?),
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

    fn sent(home: Home, model: &str, fields: &str) -> Result<(String, String, String), String> {
        let dialect = Gemini {
            common: Common {
                base_path: "/b".into(),
                unknown: Unknown::Keep,
            },
            home,
        };
        let body = format!(r#"{{"model":"{model}",{fields}}}"#);
        let embed = Embed::parse(body.as_bytes()).unwrap();
        let out = request(&dialect, &embed).map_err(|fault| fault.message.into_owned())?;
        let body = String::from_utf8(out.body.apply(b"")).unwrap();
        Ok((out.path, body, out.dropped.join(",")))
    }

    fn vertex() -> Home {
        Home::Vertex {
            project: "p".into(),
            location: "l".into(),
        }
    }

    #[test]
    fn the_gemini_api_is_asked_for_a_batch() {
        assert_eq!(
            sent(
                Home::Gemini,
                "gemini-embedding-001",
                r#""input":["a\u0041","b"],"dimensions":768,"input_type":"search_query","user":"u","x":1"#
            ),
            Ok((
                "/b/models/gemini-embedding-001:batchEmbedContents".into(),
                [
                    r#"{"requests":[{"model":"models/gemini-embedding-001","content":{"parts":[{"text":"a\u0041"}]},"taskType":"RETRIEVAL_QUERY","outputDimensionality":768},"#,
                    r#"{"model":"models/gemini-embedding-001","content":{"parts":[{"text":"b"}]},"taskType":"RETRIEVAL_QUERY","outputDimensionality":768}]}"#
                ]
                .concat(),
                "user,x".into()
            ))
        );
    }

    #[test]
    fn vertex_is_asked_as_each_model_wants_it() {
        let base = "/b/projects/p/locations/l/publishers/google/models/";
        assert_eq!(
            sent(
                vertex(),
                "text-embedding-005",
                r#""input":["a","b"],"task_type":"CODE_RETRIEVAL_QUERY","title":"t","dimensions":64"#
            ),
            Ok((
                format!("{base}text-embedding-005:predict"),
                r#"{"instances":[{"content":"a","task_type":"CODE_RETRIEVAL_QUERY","title":"t"},{"content":"b","task_type":"CODE_RETRIEVAL_QUERY","title":"t"}],"parameters":{"outputDimensionality":64}}"#.into(),
                String::new()
            ))
        );
        assert_eq!(
            sent(vertex(), "gemini-embedding-001", r#""input":"a""#).unwrap(),
            (
                format!("{base}gemini-embedding-001:predict"),
                r#"{"instances":[{"content":"a"}]}"#.into(),
                String::new()
            )
        );
        assert_eq!(
            sent(
                vertex(),
                "gemini-embedding-2",
                r#""input":"a","dimensions":64"#
            )
            .unwrap(),
            (
                format!("{base}gemini-embedding-2:embedContent"),
                r#"{"content":{"parts":[{"text":"a"}]},"embedContentConfig":{"outputDimensionality":64}}"#.into(),
                String::new()
            )
        );
    }

    #[test]
    fn what_cannot_be_carried_is_refused() {
        let one =
            "`input` holds 2 texts; this model takes 1 at a time. Send them in several requests.";
        assert_eq!(
            sent(vertex(), "gemini-embedding-001", r#""input":["a","b"]"#),
            Err(one.into())
        );
        for fields in [
            r#""input":[1]"#,
            r#""input":"a","input_type":"image""#,
            r#""input":"a","title":1"#,
        ] {
            assert!(sent(Home::Gemini, "m", fields).is_err(), "{fields}");
        }
    }

    #[test]
    fn an_answer_is_read_in_each_of_its_forms() {
        let asked = Asked {
            model: "m".into(),
            encoding: Encoding::Float,
            inputs: 1,
        };
        let tokens = |body: &str| {
            answer(body.as_bytes(), Some(&asked))
                .map(|got| got.usage.map(|usage| usage.input))
                .map_err(|fault| fault.kind)
        };
        let cases = [
            (r#"{"embeddings":[{"values":[0.10]}]}"#, None),
            (
                r#"{"embeddings":[{"values":[0.10]}],"usageMetadata":{"promptTokenCount":4}}"#,
                Some(4),
            ),
            (
                r#"{"predictions":[{"embeddings":{"values":[0.10],"statistics":{"truncated":false,"token_count":6.0}}}],"metadata":{"billableCharacterCount":3}}"#,
                Some(6),
            ),
            (
                r#"{"embedding":{"values":[0.10]},"usageMetadata":{"promptTokenCount":5}}"#,
                Some(5),
            ),
        ];
        for (body, want) in cases {
            assert_eq!(tokens(body), Ok(want), "{body}");
        }
        let got = answer(cases[0].0.as_bytes(), Some(&asked)).unwrap();
        let body = String::from_utf8(got.body.unwrap()).unwrap();
        assert!(body.contains(r#""embedding":[0.10]"#), "{body}");
        for bad in ["{}", r#"{"embeddings":[]}"#, r#"{"error":{"code":400}}"#] {
            assert_eq!(tokens(bad), Err(FaultKind::ProviderFailed), "{bad}");
        }
    }
}
