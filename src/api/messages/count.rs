//! `POST /v1/messages/count_tokens` where the provider does not count itself: an estimate.
//!
//! Four bytes of English text make about one token; other scripts have more bytes a letter and fewer
//! letters a token, which comes to about the same. Data of images and documents is not text: each
//! counts as much as an ordinary image.
//! Source: docs.claude.com, "Vision" (1.15 megapixels are about 1600 tokens), read 2026-11.

use super::request;
use crate::{fault::Fault, json::Object};
use serde::Deserialize;
use serde_json::value::RawValue;

/// Bytes of JSON text that are counted as one token.
const BYTES_PER_TOKEN: usize = 4;

/// Tokens of an image or a document.
const TOKENS_PER_ATTACHMENT: usize = 1600;

/// Shortest string that is taken for base64 of an attachment when it follows `"data":`.
const LEAST_ATTACHMENT: usize = 256;

/// An estimate of the prompt's tokens.
///
/// Errors: `BadRequest` when there are no messages.
pub fn estimate(body: &Object<'_>) -> Result<u64, Fault> {
    #[derive(Deserialize)]
    struct Any<'a> {
        #[serde(borrow, default)]
        #[allow(dead_code)] // only its being there counts
        role: Option<&'a RawValue>,
    }
    request::messages::<Any<'_>>(body)?;
    let tokens: usize = request::parts(body).map(of_text).sum();
    Ok(u64::try_from(tokens).unwrap_or(u64::MAX).max(1))
}

/// The answer's body.
pub fn estimate_body(tokens: u64) -> Vec<u8> {
    format!(r#"{{"input_tokens":{tokens}}}"#).into_bytes()
}

fn of_text(json: &str) -> usize {
    let (mut bytes, mut attachments) = (0, 0);
    let mut rest = json;
    while let Some((before, after)) = rest.split_once("\"data\"") {
        bytes += before.len();
        rest = after;
        let value = after.trim_start_matches([':', ' ', '\n', '\r', '\t']);
        let Some(text) = value.strip_prefix('"') else {
            continue;
        };
        let end = text.find('"').unwrap_or(text.len());
        if end >= LEAST_ATTACHMENT && !text.get(..LEAST_ATTACHMENT).is_none_or(|t| t.contains(' '))
        {
            attachments += 1;
            rest = text.get(end..).unwrap_or_default();
        }
    }
    bytes += rest.len();
    bytes.div_ceil(BYTES_PER_TOKEN) + attachments * TOKENS_PER_ATTACHMENT
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(body: &str) -> u64 {
        estimate(&Object::parse(body).unwrap()).unwrap()
    }

    #[test]
    fn text_counts_by_its_length_and_an_image_does_not() {
        let text = of(r#"{"messages":[{"role":"user","content":"0123456789abcdef"}]}"#);
        assert_eq!(text, 12);
        let image = format!(
            r#"{{"messages":[{{"role":"user","content":[{{"type":"image","source":{{"type":"base64","data":"{}"}}}}]}}]}}"#,
            "A".repeat(100_000)
        );
        assert!((1600..1700).contains(&of(&image)), "{}", of(&image));
        let words = format!(
            r#"{{"messages":[{{"role":"user","content":[{{"type":"document","source":{{"type":"text","data":"{}"}}}}]}}]}}"#,
            "some words ".repeat(1000)
        );
        assert!(of(&words) > 2700);
    }

    #[test]
    fn a_count_needs_messages() {
        assert!(estimate(&Object::parse(r#"{"model":"m"}"#).unwrap()).is_err());
    }
}
