//! OpenAI's other paths: images, audio, moderations, files and what belongs to them. They are not
//! translated; the bytes pass to a provider that has the same path.
//! Source: openai 3.57 for Python, `resources` (paths and methods), read 2026-11.

use super::{
    chat::request::{bad, malformed, missing, wrong_type},
    client::{MAX_MODEL_BYTES, one_model},
};
use crate::{
    fault::Fault,
    json::{Object, Str},
};
use serde::{Deserialize, Serialize};

/// Longest name between two slashes, and most of them.
const MAX_SEGMENT_BYTES: usize = 256;
const MAX_SEGMENTS: usize = 8;

/// What a path is about: a provider has all of it or nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Area {
    /// Images from words.
    ImageGeneration,
    /// Images from images and words.
    ImageEdit,
    /// Images from images.
    ImageVariation,
    /// Speech from text.
    Speech,
    /// Text from speech.
    Transcription,
    /// English text from speech.
    Translation,
    /// Whether a text or an image is harmful.
    Moderation,
    /// What is stored at the provider.
    Files,
    /// Large files in parts.
    Uploads,
    /// Many requests at once, answered later.
    Batches,
    /// Files that can be searched.
    VectorStores,
    /// Models made from files.
    FineTuning,
}

impl Area {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::ImageGeneration,
        Self::ImageEdit,
        Self::ImageVariation,
        Self::Speech,
        Self::Transcription,
        Self::Translation,
        Self::Moderation,
        Self::Files,
        Self::Uploads,
        Self::Batches,
        Self::VectorStores,
        Self::FineTuning,
    ];

    /// The operation's name in the record.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ImageGeneration => "image_generation",
            Self::ImageEdit => "image_edit",
            Self::ImageVariation => "image_variation",
            Self::Speech => "speech",
            Self::Transcription => "transcription",
            Self::Translation => "translation",
            Self::Moderation => "moderation",
            Self::Files => "files",
            Self::Uploads => "uploads",
            Self::Batches => "batches",
            Self::VectorStores => "vector_stores",
            Self::FineTuning => "fine_tuning",
        }
    }

    /// Whether its requests name the model that is to answer.
    pub const fn names_model(self) -> bool {
        matches!(
            self,
            Self::ImageGeneration
                | Self::ImageEdit
                | Self::ImageVariation
                | Self::Speech
                | Self::Transcription
                | Self::Translation
                | Self::Moderation
        )
    }
}

/// Methods, path below `/v1/`, area. `*` is one name, `**` at the end one or more.
const TABLE: &[(&str, &str, Area)] = &[
    ("POST", "images/generations", Area::ImageGeneration),
    ("POST", "images/edits", Area::ImageEdit),
    ("POST", "images/variations", Area::ImageVariation),
    ("POST", "audio/speech", Area::Speech),
    ("POST", "audio/transcriptions", Area::Transcription),
    ("POST", "audio/translations", Area::Translation),
    ("POST", "moderations", Area::Moderation),
    ("GET, POST", "files", Area::Files),
    ("GET, DELETE", "files/*", Area::Files),
    ("GET", "files/*/content", Area::Files),
    ("POST", "uploads", Area::Uploads),
    ("POST", "uploads/*/parts", Area::Uploads),
    ("POST", "uploads/*/complete", Area::Uploads),
    ("POST", "uploads/*/cancel", Area::Uploads),
    ("GET, POST", "batches", Area::Batches),
    ("GET", "batches/*", Area::Batches),
    ("POST", "batches/*/cancel", Area::Batches),
    ("GET, POST", "vector_stores", Area::VectorStores),
    ("GET, POST, DELETE", "vector_stores/**", Area::VectorStores),
    ("GET, POST, DELETE", "fine_tuning/**", Area::FineTuning),
];

/// The area of a path below `/v1/` and the methods it takes; `None`: it is none of these.
pub fn find(rest: &str) -> Option<(Area, &'static str)> {
    let names: Vec<_> = rest.split('/').collect();
    if names.len() > MAX_SEGMENTS || !names.iter().all(|name| is_name(name)) {
        return None;
    }
    TABLE
        .iter()
        .find(|(_, pattern, _)| covers(pattern, &names))
        .map(|(methods, _, area)| (*area, *methods))
}

/// What cannot mean anything else at another server: no dots alone, nothing encoded.
fn is_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.:@".contains(&b);
    (1..=MAX_SEGMENT_BYTES).contains(&name.len())
        && name.bytes().all(plain)
        && name.bytes().any(|b| b != b'.')
}

fn covers(pattern: &str, names: &[&str]) -> bool {
    let mut names = names.iter();
    for want in pattern.split('/') {
        match (want, names.next()) {
            ("**", Some(_)) => return true,
            ("*", Some(_)) => {}
            (want, Some(name)) if want == *name => {}
            _ => return false,
        }
    }
    names.next().is_none()
}

/// A request on one of these paths, as the provider role must know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relayed {
    /// What it is about.
    pub area: Area,
    /// The client's method.
    pub method: String,
    /// The path below `/v1/`.
    pub rest: String,
    /// What stands behind `?`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// The body's type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// What the client wants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accept: Option<String>,
    /// Units: bytes of the body, where that is known beforehand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<u64>,
    /// Where the body names its model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub named: Option<Named>,
}

/// A model's name in a body that passes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// Its first byte.
    pub start: usize,
    /// What stands there.
    pub said: String,
    /// It stands there as JSON.
    pub json: bool,
}

impl Named {
    /// The byte after its last.
    pub fn end(&self) -> usize {
        self.start.saturating_add(self.said.len())
    }

    /// Another name in its place.
    pub fn instead(&self, model: &str) -> Vec<u8> {
        if self.json {
            serde_json::to_vec(model).unwrap_or_default()
        } else {
            model.as_bytes().to_vec()
        }
    }
}

/// The model that a JSON body names, and where; `None` when it names none.
///
/// Errors: `BadRequest` for what is no JSON object, or no name.
pub fn named(body: &[u8]) -> Result<Option<(String, Named)>, Fault> {
    let text = std::str::from_utf8(body).map_err(|e| {
        bad(format!(
            "The body is not valid UTF-8 (at byte {}). Send JSON text encoded as UTF-8.",
            e.valid_up_to()
        ))
    })?;
    let body = Object::parse(text).map_err(malformed)?;
    one_model(&body)?;
    let model: Option<Str<'_>> = body
        .read("model")
        .map_err(|_| wrong_type("model", "a string"))?;
    let Some((model, place)) = model.zip(body.place("model")) else {
        return Ok(None);
    };
    let model = checked(&model)?;
    let said = text.get(place.clone()).unwrap_or_default().to_owned();
    let named = Named {
        start: place.start,
        said,
        json: true,
    };
    Ok(Some((model, named)))
}

/// A name that may go into headers and logs.
///
/// Errors: it is empty or too long.
pub fn checked(model: &str) -> Result<String, Fault> {
    if model.is_empty() {
        return Err(missing("model"));
    }
    if model.len() > MAX_MODEL_BYTES {
        let message = format!("`model` is longer than {MAX_MODEL_BYTES} bytes.");
        return Err(bad(message).at("model"));
    }
    Ok(model.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_is_found_by_its_path() {
        for (methods, pattern, area) in TABLE {
            let path = pattern.replace("**", "a/b-1").replace('*', "file-1.x:y@2");
            assert_eq!(find(&path), Some((*area, *methods)), "{path}");
        }
    }

    #[test]
    fn what_could_mean_another_path_is_none_of_these() {
        for path in [
            "files/..",
            "files/.",
            "files/../chat",
            "files/%2e%2e",
            "files/a%2Fb",
            "files//content",
            "files/",
            "files/a/b",
            "files/a/content/b",
            "fine_tuning",
            "vector_stores/",
            "vector_stores/a/..",
            "images",
            "audio/speech/x",
            "files/a;b",
            "files/\u{e9}",
            "",
        ] {
            assert_eq!(find(path), None, "{path}");
        }
        assert_eq!(find(&format!("files/{}", "a".repeat(257))), None);
        let deep = |levels| find(&format!("vector_stores{}", "/a".repeat(levels)));
        assert!(deep(7).is_some() && deep(8).is_none());
    }

    #[test]
    fn a_json_body_names_its_model_where_it_stands() {
        let body = r#"{"prompt":"x", "model" : "a\u0062c"}"#;
        let (model, named) = super::named(body.as_bytes()).unwrap().unwrap();
        assert_eq!(model, "abc");
        assert_eq!(body.get(named.start..named.end()), Some(r#""a\u0062c""#));
        assert_eq!(named.instead("q\"x"), br#""q\"x""#);
        for none in ["{}", r#"{"model":null}"#] {
            assert_eq!(super::named(none.as_bytes()), Ok(None), "{none}");
        }
        for bad in [
            "[]",
            r#"{"model":1}"#,
            r#"{"model":""}"#,
            r#"{"model":"a","model":"b"}"#,
            r#"{"model":"a","Model":"b"}"#,
            r#"{"MODEL":"b"}"#,
        ] {
            let fault = super::named(bad.as_bytes()).unwrap_err();
            assert_eq!(fault.status(), 400, "{bad}");
        }
    }
}
