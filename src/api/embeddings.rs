//! OpenAI's Embeddings API: the request as it is read, and the writer of its answer.
//!
//! A dialect that passes bytes on reads nothing but the model; one that translates reads the inputs.
//! Source: OpenAI API reference, "Create embeddings", "The embedding object", read 2026-11.

use super::{
    chat::request::{bad, missing, wrong_type},
    client::{Api, Asked as Request},
};
use crate::{
    api::answer::Usage,
    fault::{Fault, FaultKind},
    json::{Object, Quoted, Raw, Str},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error as _, SeqAccess, Visitor},
};
use serde_json::value::RawValue;
use std::{borrow::Cow, fmt};

/// Most inputs of a request.
pub const MAX_INPUTS: usize = 2048;

/// Most numbers of a vector; the largest models have some thousands.
const MAX_DIMENSIONS: usize = 65_536;

/// A request for embeddings.
#[derive(Debug, Clone)]
pub struct Embed<'a> {
    /// The model to ask the provider for: what the client asked for until the plan renames it.
    pub model: Cow<'a, str>,
    /// The whole request in the client's words.
    pub body: Object<'a>,
}

/// What is to be embedded.
#[derive(Debug)]
pub enum Inputs<'a> {
    /// Texts, in order. Shape: 1 to [`MAX_INPUTS`].
    Texts(Vec<Quoted<'a>>),
    /// That many lists of token ids.
    Tokens(usize),
}

/// How the vectors are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encoding {
    /// Lists of numbers.
    #[default]
    Float,
    /// The numbers as 32 bit floating point, little endian, in base64.
    Base64,
}

/// What the way back must know of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The model that the provider was asked for.
    pub model: String,
    /// How the client wants its vectors.
    pub encoding: Encoding,
    /// How many vectors it waits for.
    pub inputs: usize,
}

impl<'a> Embed<'a> {
    /// Reads a body and checks what every provider needs.
    ///
    /// Errors: `BadRequest` that names the field.
    pub fn parse(body: &'a [u8]) -> Result<Self, Fault> {
        let request = Request::parse(Api::Embeddings, body)?;
        Ok(Self {
            model: request.model,
            body: request.body,
        })
    }

    /// Errors: `BadRequest` that names the field.
    pub(super) fn check(&self) -> Result<(), Fault> {
        self.inputs()?;
        self.encoding()?;
        self.dimensions()?;
        Ok(())
    }

    /// What is to be embedded.
    ///
    /// Errors: `BadRequest` that names the input.
    pub fn inputs(&self) -> Result<Inputs<'_>, Fault> {
        const WANT: &str = "a string, a list of strings, or one or more lists of token ids";
        let text = match self.body.raw("input").map(Raw::get) {
            None | Some("null") => return Err(missing("input")),
            Some(text) => text,
        };
        if text.starts_with('"') {
            let input: &RawValue =
                serde_json::from_str(text).map_err(|_| wrong_type("input", WANT))?;
            return Ok(Inputs::Texts(Quoted::of(input).into_iter().collect()));
        }
        let items: Items<'_> = serde_json::from_str(text).map_err(|_| wrong_type("input", WANT))?;
        if items.others > 0 {
            return Err(wrong_type("input", WANT));
        }
        let count = items.texts.len().max(items.lists);
        if count > MAX_INPUTS {
            let message = format!("`input` holds more than {MAX_INPUTS} inputs.");
            return Err(bad(message).at("input"));
        }
        match (items.texts.is_empty(), items.lists, items.ids) {
            (false, 0, false) => Ok(Inputs::Texts(items.texts)),
            (true, lists, false) if lists > 0 => Ok(Inputs::Tokens(lists)),
            (true, 0, true) => Ok(Inputs::Tokens(1)),
            (true, 0, false) => Err(bad("`input` must hold at least one input.").at("input")),
            _ => Err(wrong_type("input", WANT)),
        }
    }

    /// The inputs as texts, for a provider that takes nothing else.
    ///
    /// Errors: `Unsupported` for token ids, which mean something to one tokenizer only.
    pub fn texts(&self) -> Result<Vec<Quoted<'_>>, Fault> {
        match self.inputs()? {
            Inputs::Texts(texts) => Ok(texts),
            Inputs::Tokens(_) => {
                let message = "`input` must be text: this model's provider takes no token ids. Send the string itself (in LangChain: `check_embedding_ctx_length=False`).";
                Err(Fault::new(FaultKind::Unsupported, message).at("input"))
            }
        }
    }

    /// How the client wants its vectors.
    ///
    /// Errors: `BadRequest` that names `encoding_format`.
    pub fn encoding(&self) -> Result<Encoding, Fault> {
        let word = self.body.read::<Str<'_>>("encoding_format");
        match word.as_ref().map(Option::as_deref) {
            Ok(None | Some("float")) => Ok(Encoding::Float),
            Ok(Some("base64")) => Ok(Encoding::Base64),
            _ => Err(wrong_type("encoding_format", "\"float\" or \"base64\"")),
        }
    }

    /// How many numbers the client wants in a vector.
    ///
    /// Errors: `BadRequest` that names `dimensions`.
    pub fn dimensions(&self) -> Result<Option<u64>, Fault> {
        match self.body.read::<u64>("dimensions") {
            Ok(Some(0)) | Err(_) => Err(wrong_type("dimensions", "a whole number of at least 1")),
            Ok(dimensions) => Ok(dimensions),
        }
    }

    /// What the way back must know.
    ///
    /// Errors: as the fields it reads.
    pub fn asked(&self) -> Result<Asked, Fault> {
        Ok(Asked {
            model: self.model.clone().into_owned(),
            encoding: self.encoding()?,
            inputs: match self.inputs()? {
                Inputs::Texts(texts) => texts.len(),
                Inputs::Tokens(lists) => lists,
            },
        })
    }
}

/// What a list of inputs holds. Token ids are not kept, nor are texts beyond the limit: a body may hold
/// millions of them.
#[derive(Default)]
struct Items<'a> {
    texts: Vec<Quoted<'a>>,
    lists: usize,
    /// Some item is a token id.
    ids: bool,
    others: usize,
}

impl<'de> Deserialize<'de> for Items<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Look;
        impl<'de> Visitor<'de> for Look {
            type Value = Items<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of inputs")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Items<'de>, A::Error> {
                let mut items = Items::default();
                while let Some(raw) = seq.next_element::<&RawValue>()? {
                    match raw.get().as_bytes().first() {
                        Some(b'"') if items.texts.len() <= MAX_INPUTS => {
                            items.texts.extend(Quoted::of(raw));
                        }
                        Some(b'"') => {}
                        Some(b'[') if raw.get() != "[]" => items.lists += 1,
                        Some(b'0'..=b'9') => items.ids = true,
                        _ => items.others += 1,
                    }
                }
                Ok(items)
            }
        }
        deserializer.deserialize_seq(Look)
    }
}

#[derive(Serialize)]
struct List<'a> {
    object: &'static str,
    data: Vec<Item<'a>>,
    model: &'a str,
    usage: UsageJson,
}

#[derive(Serialize)]
struct Item<'a> {
    object: &'static str,
    index: usize,
    embedding: Vector<'a>,
}

#[derive(Serialize)]
struct UsageJson {
    prompt_tokens: u64,
    total_tokens: u64,
}

enum Vector<'a> {
    /// Every number as the provider wrote it.
    Numbers(&'a RawValue),
    Base64(String),
}

impl Serialize for Vector<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Numbers(raw) => raw.serialize(serializer),
            Self::Base64(text) => serializer.serialize_str(text),
        }
    }
}

/// The answer's body, from the provider's vectors in the order of the inputs.
///
/// Errors: `ProviderFailed` when these are not the vectors that were asked for.
pub fn write(vectors: &[&RawValue], asked: &Asked, usage: Usage) -> Result<Vec<u8>, Fault> {
    if vectors.len() != asked.inputs {
        return Err(unreadable());
    }
    let mut data = Vec::with_capacity(vectors.len());
    for (index, vector) in vectors.iter().enumerate() {
        let embedding = match asked.encoding {
            Encoding::Float if vector.get().starts_with('[') => Vector::Numbers(vector),
            Encoding::Float => return Err(unreadable()),
            Encoding::Base64 => Vector::Base64(base64_of(vector)?),
        };
        data.push(Item {
            object: "embedding",
            index,
            embedding,
        });
    }
    let list = List {
        object: "list",
        data,
        model: &asked.model,
        usage: UsageJson {
            prompt_tokens: usage.input,
            total_tokens: usage.total(),
        },
    };
    Ok(serde_json::to_vec(&list).unwrap_or_default())
}

fn base64_of(vector: &RawValue) -> Result<String, Fault> {
    struct Bytes(Vec<u8>);
    impl<'de> Deserialize<'de> for Bytes {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Read;
            impl<'de> Visitor<'de> for Read {
                type Value = Bytes;
                fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str("a list of numbers")
                }
                fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Bytes, A::Error> {
                    let mut bytes = Vec::new();
                    while let Some(number) = seq.next_element::<f32>()? {
                        if bytes.len() >= MAX_DIMENSIONS * size_of::<f32>() {
                            return Err(A::Error::custom("too many numbers"));
                        }
                        bytes.extend_from_slice(&number.to_le_bytes());
                    }
                    Ok(Bytes(bytes))
                }
            }
            deserializer.deserialize_seq(Read)
        }
    }
    let bytes: Bytes = serde_json::from_str(vector.get()).map_err(|_| unreadable())?;
    Ok(STANDARD.encode(bytes.0))
}

/// The answer is not one.
pub fn unreadable() -> Fault {
    Fault::new(
        FaultKind::ProviderFailed,
        "The provider's answer is not a list of embeddings.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(fields: &str) -> Result<String, String> {
        let body = format!(r#"{{"model":"m",{fields}}}"#);
        let embed = Embed::parse(body.as_bytes()).map_err(|fault| fault.message.into_owned())?;
        Ok(match embed.inputs().unwrap() {
            Inputs::Texts(texts) => {
                let texts: Vec<_> = texts.iter().map(|text| text.text()).collect();
                texts.join("|")
            }
            Inputs::Tokens(lists) => format!("{lists} of ids"),
        })
    }

    #[test]
    fn every_form_of_an_input_is_read() {
        let cases = [
            (r#""input":"a\u0041""#, "aA"),
            (r#""input":["a","","b"],"dimensions":256"#, "a||b"),
            (r#""input":[1,22,333],"encoding_format":null"#, "1 of ids"),
            (
                r#""input":[[1],[2,3]],"encoding_format":"base64""#,
                "2 of ids",
            ),
        ];
        for (fields, want) in cases {
            assert_eq!(seen(fields).as_deref(), Ok(want), "{fields}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let want =
            "`input` must be a string, a list of strings, or one or more lists of token ids.";
        let texts = |count: usize| format!(r#""input":[{}"a"]"#, r#""a","#.repeat(count - 1));
        let cases = [
            (r#""x":1"#.to_owned(), "`input` is required."),
            (r#""input":null"#.to_owned(), "`input` is required."),
            (
                r#""input":[]"#.to_owned(),
                "`input` must hold at least one input.",
            ),
            (r#""input":7"#.to_owned(), want),
            (r#""input":["a",1]"#.to_owned(), want),
            (r#""input":[["a"],"b"]"#.to_owned(), want),
            (r#""input":[{"text":"a"}]"#.to_owned(), want),
            (r#""input":[null]"#.to_owned(), want),
            (texts(2049), "`input` holds more than 2048 inputs."),
            (
                r#""input":"a","encoding_format":"int8""#.to_owned(),
                "`encoding_format` must be \"float\" or \"base64\".",
            ),
            (
                r#""input":"a","dimensions":0"#.to_owned(),
                "`dimensions` must be a whole number of at least 1.",
            ),
        ];
        for (fields, want) in cases {
            assert_eq!(seen(&fields).unwrap_err(), want, "{fields}");
        }
        assert!(seen(&texts(2048)).is_ok());
    }

    #[test]
    fn token_ids_are_refused_where_a_provider_takes_text() {
        let embed = Embed::parse(br#"{"model":"m","input":[1,2]}"#).unwrap();
        let fault = embed.texts().unwrap_err();
        assert_eq!(
            (fault.status(), fault.param.as_deref()),
            (400, Some("input"))
        );
    }

    fn written(vectors: &str, encoding: Encoding, inputs: usize) -> Result<String, String> {
        let vectors: Vec<&RawValue> = serde_json::from_str(vectors).unwrap();
        let asked = Asked {
            model: "m".into(),
            encoding,
            inputs,
        };
        let usage = Usage {
            input: 5,
            ..Usage::default()
        };
        write(&vectors, &asked, usage)
            .map(|body| String::from_utf8(body).unwrap())
            .map_err(|fault| fault.message.into_owned())
    }

    #[test]
    fn numbers_keep_their_text() {
        assert_eq!(
            written(
                "[[0.10,-1e-9,12345678901234567890],[1]]",
                Encoding::Float,
                2
            )
            .as_deref(),
            Ok(
                r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.10,-1e-9,12345678901234567890]},{"object":"embedding","index":1,"embedding":[1]}],"model":"m","usage":{"prompt_tokens":5,"total_tokens":5}}"#
            )
        );
    }

    #[test]
    fn base64_is_little_endian_single_precision() {
        // struct.pack('<3f', 0.5, -1.0, 0.1)
        let body = written("[[0.5,-1,0.1]]", Encoding::Base64, 1).unwrap();
        assert!(body.contains(r#""embedding":"AAAAPwAAgL/NzMw9""#), "{body}");
    }

    #[test]
    fn vectors_that_were_not_asked_for_are_a_failed_attempt() {
        let want = Err("The provider's answer is not a list of embeddings.".to_owned());
        assert_eq!(written("[[1]]", Encoding::Float, 2), want);
        assert_eq!(written(r#"["x"]"#, Encoding::Float, 1), want);
        assert_eq!(written(r#"[["x"]]"#, Encoding::Base64, 1), want);
        let long = format!("[[{}1]]", "1,".repeat(MAX_DIMENSIONS));
        assert_eq!(written(&long, Encoding::Base64, 1), want);
    }
}
