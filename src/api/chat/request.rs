//! A chat request, read one level deep; the body is only borrowed.

use crate::{
    fault::{Fault, FaultKind},
    json::{Object, Problem, Str},
};
use serde::Deserialize;
use std::borrow::Cow;

/// Longest model name; it goes into headers, logs and metrics.
const MAX_MODEL_BYTES: usize = 512;

/// A chat request of a client.
#[derive(Debug, Clone)]
pub struct Chat<'a> {
    /// The model to ask the provider for: what the client asked for until the plan renames it.
    pub model: Cow<'a, str>,
    /// The client wants server-sent events.
    pub stream: bool,
    /// The client asked for a usage chunk at the end of the stream.
    pub wants_usage: bool,
    /// The whole request in the client's words.
    pub body: Object<'a>,
}

#[derive(Deserialize)]
struct StreamOptions {
    include_usage: Option<bool>,
}

impl<'a> Chat<'a> {
    /// Reads a body and checks what every provider needs: valid JSON, `model`, `messages`, `stream`.
    ///
    /// Errors: `BadRequest` that names the field.
    pub fn parse(body: &'a [u8]) -> Result<Self, Fault> {
        let body = opened(body)?;
        let model = asked_model(&body)?;
        match body.raw("messages").map(|raw| raw.get().as_bytes()) {
            None | Some(b"null") => return Err(missing("messages")),
            Some([b'[', inner @ .., b']']) if inner.iter().any(|b| !b.is_ascii_whitespace()) => {}
            Some([b'[', ..]) => {
                return Err(bad("`messages` must hold at least one message.").at("messages"));
            }
            Some(_) => return Err(wrong_type("messages", "a list of messages")),
        }
        let stream = wanted(&body, "stream", "true or false")?.unwrap_or(false);
        let options: Option<StreamOptions> = wanted(
            &body,
            "stream_options",
            "an object like {\"include_usage\": true}",
        )?;
        let wants_usage = options.and_then(|o| o.include_usage).unwrap_or(false);
        Ok(Self {
            model: Cow::Owned(model),
            stream,
            wants_usage,
            body,
        })
    }
}

/// A body as one JSON object.
///
/// Errors: `BadRequest` that says where it is none.
pub(in crate::api) fn opened(body: &[u8]) -> Result<Object<'_>, Fault> {
    let text = std::str::from_utf8(body).map_err(|e| {
        bad(format!(
            "The body is not valid UTF-8 (at byte {}). Send JSON text encoded as UTF-8.",
            e.valid_up_to()
        ))
    })?;
    Object::parse(text).map_err(malformed)
}

/// The model that a client asks for.
///
/// Errors: `BadRequest` that names `model`.
pub(in crate::api) fn asked_model(body: &Object<'_>) -> Result<String, Fault> {
    let model = wanted::<Str<'_>>(body, "model", "a string")?
        .ok_or_else(|| missing("model"))?
        .into_cow()
        .into_owned();
    if model.is_empty() {
        return Err(missing("model"));
    }
    if model.len() > MAX_MODEL_BYTES {
        let message = format!("`model` is longer than {MAX_MODEL_BYTES} bytes.");
        return Err(bad(message).at("model"));
    }
    Ok(model)
}

fn wanted<'s, T: Deserialize<'s>>(
    body: &'s Object<'_>,
    key: &'static str,
    want: &str,
) -> Result<Option<T>, Fault> {
    body.read(key).map_err(|_| wrong_type(key, want))
}

pub(in crate::api) fn bad(message: impl Into<Cow<'static, str>>) -> Fault {
    Fault::new(FaultKind::BadRequest, message)
}

pub(in crate::api) fn missing(key: &str) -> Fault {
    bad(format!("`{key}` is required.")).at(key)
}

pub(in crate::api) fn wrong_type(key: &str, want: &str) -> Fault {
    bad(format!("`{key}` must be {want}.")).at(key)
}

fn malformed(problem: Problem) -> Fault {
    let Problem { what, at, path } = problem;
    if path.is_empty() {
        return bad(format!(
            "The body is not acceptable JSON: {what} (at byte {at})."
        ));
    }
    bad(format!(
        "The body is not acceptable JSON: {what}, in `{path}` (at byte {at})."
    ))
    .at(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(body: &[u8]) -> (String, Option<String>) {
        let fault = Chat::parse(body).unwrap_err();
        assert_eq!(fault.status(), 400);
        (fault.message.into_owned(), fault.param)
    }

    #[test]
    fn the_facts_of_a_request_are_read() {
        let body = br#"{"model":"m\u0061","stream":true,"messages":[{}],"stream_options":{"include_usage":true}}"#;
        let chat = Chat::parse(body).unwrap();
        assert_eq!(
            (&*chat.model, chat.stream, chat.wants_usage),
            ("ma", true, true)
        );
        let chat = Chat::parse(br#"{"model":"m","stream":null,"messages":[1]}"#).unwrap();
        assert_eq!((chat.stream, chat.wants_usage), (false, false));
    }

    #[test]
    fn a_wrong_field_is_named() {
        let cases: [(&[u8], &str, &str); 8] = [
            (br#"{"messages":[1]}"#, "`model` is required.", "model"),
            (
                br#"{"model":7,"messages":[1]}"#,
                "`model` must be a string.",
                "model",
            ),
            (
                br#"{"model":"","messages":[1]}"#,
                "`model` is required.",
                "model",
            ),
            (br#"{"model":"m"}"#, "`messages` is required.", "messages"),
            (
                br#"{"model":"m","messages":"x"}"#,
                "`messages` must be a list of messages.",
                "messages",
            ),
            (
                br#"{"model":"m","messages":[ ]}"#,
                "`messages` must hold at least one message.",
                "messages",
            ),
            (
                br#"{"model":"m","messages":[1],"stream":"yes"}"#,
                "`stream` must be true or false.",
                "stream",
            ),
            (
                br#"{"model":"m","messages":[1],"stream_options":3}"#,
                "`stream_options` must be an object like {\"include_usage\": true}.",
                "stream_options",
            ),
        ];
        for (body, message, param) in cases {
            assert_eq!(refused(body), (message.into(), Some(param.into())));
        }
    }

    #[test]
    fn a_model_s_name_is_bounded() {
        let named = |size: usize| format!(r#"{{"model":"{}","messages":[1]}}"#, "x".repeat(size));
        assert!(Chat::parse(named(MAX_MODEL_BYTES).as_bytes()).is_ok());
        assert_eq!(
            refused(named(MAX_MODEL_BYTES + 1).as_bytes()).0,
            "`model` is longer than 512 bytes."
        );
    }

    #[test]
    fn a_malformed_body_says_where() {
        assert_eq!(
            refused(br#"{"model":"m","messages":[{"role":"user","role":"tool"}]}"#),
            (
                "The body is not acceptable JSON: a key appears twice, in `messages[0].role` (at byte 46).".into(),
                Some("messages[0].role".into())
            )
        );
        assert_eq!(
            refused(b"{\"model\":\"\xff\"}").0,
            "The body is not valid UTF-8 (at byte 10). Send JSON text encoded as UTF-8."
        );
        assert_eq!(
            refused(b"").0,
            "The body is not acceptable JSON: it is not a JSON object (at byte 0)."
        );
    }
}
