//! A chat request, read one level deep; the body is only borrowed.

use crate::{
    api::client::{Api, Asked},
    fault::{Fault, FaultKind},
    json::{Object, Problem},
};
use std::borrow::Cow;

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

impl<'a> Chat<'a> {
    /// Reads a body and checks what every provider needs: valid JSON, `model`, `messages`, `stream`.
    ///
    /// Errors: `BadRequest` that names the field.
    pub fn parse(body: &'a [u8]) -> Result<Self, Fault> {
        Asked::parse(Api::Chat, body).map(Asked::into_chat)
    }
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

pub(in crate::api) fn malformed(problem: Problem) -> Fault {
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
        assert!(Chat::parse(named(512).as_bytes()).is_ok());
        assert_eq!(
            refused(named(512 + 1).as_bytes()).0,
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
