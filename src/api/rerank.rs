//! Reranking, in Cohere's form: the request as it is read. Jina, vLLM and others speak it too; the
//! answer is `{id, results: [{index, relevance_score}], meta}`.
//! Source: docs.cohere.com, API reference, "Rerank API (v2)", read 2026-11.

use super::{
    chat::request::{bad, missing, wrong_type},
    client::{Api, Asked},
};
use crate::{
    fault::Fault,
    json::{Object, Quoted, Raw},
};
use serde::{
    Deserialize, Deserializer,
    de::{SeqAccess, Visitor},
};
use serde_json::value::RawValue;
use std::{borrow::Cow, fmt};

/// Most documents of a request. Source: docs.cohere.com, "Errors" (documents times chunks), read 2026-11.
pub const MAX_DOCUMENTS: usize = 10_000;

/// A request to order documents by what they say of a query.
#[derive(Debug, Clone)]
pub struct Rerank<'a> {
    /// The model to ask the provider for: what the client asked for until the plan renames it.
    pub model: Cow<'a, str>,
    /// The whole request in the client's words.
    pub body: Object<'a>,
}

/// The documents of a request.
#[derive(Debug)]
pub enum Documents<'a> {
    /// Strings, all of them.
    Texts,
    /// The texts of what were strings and objects with a `text`.
    Gathered(Vec<Quoted<'a>>),
}

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow, default)]
    text: Option<&'a RawValue>,
}

impl<'a> Rerank<'a> {
    /// Reads a body and checks what every provider needs.
    ///
    /// Errors: `BadRequest` that names the field.
    pub fn parse(body: &'a [u8]) -> Result<Self, Fault> {
        let request = Asked::parse(Api::Rerank, body)?;
        Ok(Self {
            model: request.model,
            body: request.body,
        })
    }

    /// Errors: `BadRequest` that names the field.
    pub(super) fn check(&self) -> Result<(), Fault> {
        match self.body.raw("query").map(Raw::get) {
            None | Some("null" | "\"\"") => return Err(missing("query")),
            // Objects are queries with images, as some hosts take them.
            Some(text) if text.starts_with(['"', '{']) => {}
            Some(_) => return Err(wrong_type("query", "a string")),
        }
        match self.items()?.len() {
            0 => Err(bad("`documents` must hold at least one document.").at("documents")),
            count if count > MAX_DOCUMENTS => {
                let message = format!("`documents` holds more than {MAX_DOCUMENTS} documents.");
                Err(bad(message).at("documents"))
            }
            _ => match self.body.read::<u64>("top_n") {
                Ok(Some(0)) | Err(_) => Err(wrong_type("top_n", "a whole number of at least 1")),
                Ok(_) => Ok(()),
            },
        }
    }

    fn items(&self) -> Result<Vec<&RawValue>, Fault> {
        match self.body.raw("documents").map(Raw::get) {
            None | Some("null") => Err(missing("documents")),
            Some(text) => serde_json::from_str::<Items<'_>>(text)
                .map(|items| items.0)
                .map_err(|_| wrong_type("documents", "a list of documents")),
        }
    }

    /// The documents as texts, for a provider that takes nothing else.
    ///
    /// Errors: `BadRequest` that names the document.
    pub fn documents(&self) -> Result<Documents<'_>, Fault> {
        let items = self.items()?;
        if items.iter().all(|item| item.get().starts_with('"')) {
            return Ok(Documents::Texts);
        }
        let texts = items.into_iter().enumerate().map(|(index, item)| {
            text_of(item).ok_or_else(|| {
                let place = format!("documents[{index}]");
                wrong_type(&place, "a string, or an object with a `text`")
            })
        });
        Ok(Documents::Gathered(texts.collect::<Result<_, _>>()?))
    }
}

fn text_of(item: &RawValue) -> Option<Quoted<'_>> {
    Quoted::of(item).or_else(|| {
        let document = serde_json::from_str::<Document<'_>>(item.get()).ok()?;
        Quoted::of(document.text?)
    })
}

/// The items of a list; one more than may be there is the sign of too many.
struct Items<'a>(Vec<&'a RawValue>);

impl<'de> Deserialize<'de> for Items<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Look;
        impl<'de> Visitor<'de> for Look {
            type Value = Items<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of documents")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Items<'de>, A::Error> {
                let mut items = Vec::new();
                while let Some(raw) = seq.next_element::<&RawValue>()? {
                    if items.len() <= MAX_DOCUMENTS {
                        items.push(raw);
                    }
                }
                Ok(Items(items))
            }
        }
        deserializer.deserialize_seq(Look)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(fields: &str) -> Result<String, String> {
        let body = format!(r#"{{"model":"m",{fields}}}"#);
        let rerank = Rerank::parse(body.as_bytes()).map_err(|fault| fault.message.into_owned())?;
        match rerank.documents() {
            Ok(Documents::Texts) => Ok("texts".to_owned()),
            Ok(Documents::Gathered(texts)) => {
                let texts: Vec<_> = texts.iter().map(|text| text.text()).collect();
                Ok(texts.join("|"))
            }
            Err(fault) => Err(fault.message.into_owned()),
        }
    }

    #[test]
    fn documents_are_strings_or_objects_with_a_text() {
        assert_eq!(
            parsed(r#""query":"q","documents":["a","b"],"top_n":1"#).as_deref(),
            Ok("texts")
        );
        assert_eq!(
            parsed(r#""query":"q","documents":["a",{"id":1,"text":"b"}]"#).as_deref(),
            Ok("a|b")
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        let many = format!(
            r#""query":"q","documents":[{}"a"]"#,
            r#""a","#.repeat(10_000)
        );
        let cases = [
            (r#""documents":["a"]"#, "`query` is required."),
            (r#""query":"","documents":["a"]"#, "`query` is required."),
            (
                r#""query":7,"documents":["a"]"#,
                "`query` must be a string.",
            ),
            (r#""query":"q""#, "`documents` is required."),
            (
                r#""query":"q","documents":"a""#,
                "`documents` must be a list of documents.",
            ),
            (
                r#""query":"q","documents":[]"#,
                "`documents` must hold at least one document.",
            ),
            (
                r#""query":"q","documents":["a",{"title":"b"}]"#,
                "`documents[1]` must be a string, or an object with a `text`.",
            ),
            (
                r#""query":"q","documents":["a"],"top_n":0"#,
                "`top_n` must be a whole number of at least 1.",
            ),
            (&many, "`documents` holds more than 10000 documents."),
        ];
        for (fields, want) in cases {
            assert_eq!(parsed(fields).unwrap_err(), want, "{fields:.60}");
        }
    }
}
