//! What one message says, as parts; what functions gave.
//! Source: ai.google.dev, "Function calling"; `FunctionResponse` of google-genai 3.6; read 2026-11.

use super::{
    Home, media,
    model::Age,
    note,
    wire::{Outcome, Part, Words},
};
use crate::{
    api::chat::message::{Content, Message, PartKind},
    fault::{Fault, FaultKind},
    json::{self, Object, Quoted},
};
use serde_json::value::RawValue;
use std::{borrow::Cow, fmt::Display};

/// What a message says, as parts.
///
/// Errors: `BadRequest` or `Unsupported` that names the part.
pub(super) fn content<'a>(
    message: &Message<'a>,
    home: &Home,
    place: impl Display,
    dropped: &mut Vec<String>,
    parts: &mut Vec<Part<'a>>,
) -> Result<(), Fault> {
    match &message.content {
        Content::Nothing => {}
        Content::Text(said) => text(*said, parts),
        Content::Parts(list) => {
            for (index, item) in list.iter().enumerate() {
                let place = format_args!("{place}.content[{index}]");
                part(item.is, home, place, dropped, parts)?;
            }
        }
    }
    Ok(())
}

fn part<'a>(
    kind: PartKind<'a>,
    home: &Home,
    place: impl Display,
    dropped: &mut Vec<String>,
    parts: &mut Vec<Part<'a>>,
) -> Result<(), Fault> {
    match kind {
        PartKind::Text(said) | PartKind::Refusal(said) => text(said, parts),
        PartKind::Image { url, detail } => {
            if detail.is_some_and(|detail| detail != *"auto") {
                note(dropped, "messages[].content[].image_url.detail");
            }
            let place = format_args!("{place}.image_url.url");
            parts.push(media::media(url, None, home, place)?);
        }
        PartKind::File { data, id, name } => {
            let (url, field) = match (data, id) {
                (Some(data), _) => (data, "file_data"),
                (None, Some(id)) => (id, "file_id"),
                (None, None) => {
                    let place = format!("{place}.file.file_data");
                    let message = format!("`{place}` is required.");
                    return Err(Fault::new(FaultKind::BadRequest, message).at(place));
                }
            };
            let place = format_args!("{place}.file.{field}");
            parts.push(media::media(url, name, home, place)?);
        }
        PartKind::Audio(raw) => {
            parts.push(media::audio(raw, format_args!("{place}.input_audio"))?);
        }
    }
    Ok(())
}

/// Empty text is refused upstream and says nothing.
pub(super) fn text<'a>(said: Quoted<'a>, parts: &mut Vec<Part<'a>>) {
    if !said.is_empty() {
        parts.push(Part {
            text: Some(Words::Kept(said)),
            ..Part::default()
        });
    }
}

/// What a function gave: a JSON object as it is, anything else as the text of `result`; images and
/// documents beside it, which models before Gemini 3 do not take.
///
/// Errors: `Unsupported` that names the message.
pub(super) fn outcome<'a>(
    mut parts: Vec<Part<'a>>,
    age: Age,
    place: impl Display,
) -> Result<(Outcome<'a>, Vec<Part<'a>>), Fault> {
    let mut words = Vec::new();
    parts.retain_mut(|part| match part.text.take() {
        Some(text) => {
            words.push(text);
            false
        }
        None => true,
    });
    if !parts.is_empty() && age == Age::Old {
        let place = format!("{place}.content");
        let message = format!(
            "`{place}` of a tool's result must be text for this model; send media in a user message."
        );
        return Err(Fault::new(FaultKind::Unsupported, message).at(place));
    }
    Ok((gave(words), parts))
}

fn gave(mut words: Vec<Words<'_>>) -> Outcome<'_> {
    if words.len() != 1 {
        let text: String = words.iter().map(Words::text).collect();
        words = vec![Words::Made(Cow::Owned(text))];
    }
    let result = words.pop().unwrap_or(Words::Made(Cow::Borrowed("")));
    match object(&result) {
        Some(raw) => Outcome::Json(raw),
        None => Outcome::Text { result },
    }
}

fn object(result: &Words<'_>) -> Option<Box<RawValue>> {
    if let Words::Kept(text) = result
        && !text.begins('{')
    {
        return None;
    }
    let text = result.text();
    let text = text.trim();
    // Gemini 3 takes `$ref` inside of a result for one of its own references and refuses the request.
    if !text.starts_with('{') || text.contains("\"$ref\"") || Object::parse(text).is_err() {
        return None;
    }
    json::boxed(text.to_owned())
}

impl Words<'_> {
    /// The text that is meant.
    pub(super) fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Kept(text) => text.text(),
            Self::Made(text) => Cow::Borrowed(text),
            Self::Joined(raw) => serde_json::from_str(raw.get()).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_object_stays_json() {
        let gave = |words: &[&str]| {
            let words = words
                .iter()
                .map(|text| Words::Made(Cow::Owned((*text).to_owned())));
            serde_json::to_string(&super::gave(words.collect())).unwrap()
        };
        assert_eq!(gave(&[" {\"a\":1e400} "]), r#"{"a":1e400}"#);
        assert_eq!(gave(&["21 degrees"]), r#"{"result":"21 degrees"}"#);
        assert_eq!(gave(&["[1]"]), r#"{"result":"[1]"}"#);
        assert_eq!(
            gave(&["{\"a\":1,\"a\":2}"]),
            r#"{"result":"{\"a\":1,\"a\":2}"}"#
        );
        assert_eq!(gave(&["{\"a\":"]), r#"{"result":"{\"a\":"}"#);
        assert_eq!(gave(&["a", "b"]), r#"{"result":"ab"}"#);
        assert_eq!(gave(&[]), r#"{"result":""}"#);
        assert_eq!(
            gave(&["{\"s\":{\"$ref\":\"#/$defs/A\"}}"]),
            r##"{"result":"{\"s\":{\"$ref\":\"#/$defs/A\"}}"}"##
        );
    }
}
