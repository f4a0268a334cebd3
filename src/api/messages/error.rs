//! A refusal in this API's shape: `{"type":"error","error":{"type","message"},"request_id"}`.
//! Source: docs.claude.com, "Errors", and `ErrorType` of the official Python SDK 2.14; read 2026-11.

use crate::fault::{Fault, FaultKind};
use serde::Serialize;
use std::borrow::Cow;

#[derive(Serialize)]
struct Body<'a> {
    r#type: &'static str,
    error: Said<'a>,
    request_id: Option<&'a str>,
}

#[derive(Serialize)]
struct Said<'a> {
    r#type: &'static str,
    message: Cow<'a, str>,
}

/// The body for the client; `id`: the request's, where it is known.
pub fn error(fault: &Fault, id: Option<&str>) -> Vec<u8> {
    let body = Body {
        r#type: "error",
        error: Said {
            r#type: kind(fault.kind),
            message: message(fault),
        },
        request_id: id,
    };
    serde_json::to_vec(&body).unwrap_or_default()
}

/// The same as the last event of a stream that broke off.
pub fn error_event(fault: &Fault) -> Vec<u8> {
    [
        b"event: error\ndata: ".as_slice(),
        &error(fault, None),
        b"\n\n",
    ]
    .concat()
}

const fn kind(kind: FaultKind) -> &'static str {
    match kind {
        FaultKind::Unauthenticated => "authentication_error",
        FaultKind::Forbidden => "permission_error",
        FaultKind::UnknownModel | FaultKind::UnknownPath => "not_found_error",
        FaultKind::TooLarge => "request_too_large",
        FaultKind::RateLimited | FaultKind::QuotaSpent => "rate_limit_error",
        FaultKind::Overloaded => "overloaded_error",
        FaultKind::TimedOut | FaultKind::TooSlow => "timeout_error",
        FaultKind::ProviderAuth
        | FaultKind::ProviderFailed
        | FaultKind::JsonMismatch
        | FaultKind::Internal => "api_error",
        FaultKind::BadRequest
        | FaultKind::Unsupported
        | FaultKind::ContextLength
        | FaultKind::Blocked
        | FaultKind::WrongMethod
        | FaultKind::UnsupportedMedia => "invalid_request_error",
    }
}

/// This API has no codes: clients know by these words that the conversation must become shorter.
fn message(fault: &Fault) -> Cow<'_, str> {
    const TOO_LONG: &str = "prompt is too long";
    if fault.kind == FaultKind::ContextLength && !fault.message.contains(TOO_LONG) {
        return Cow::Owned(format!("{TOO_LONG}: {}", fault.message));
    }
    Cow::Borrowed(&fault.message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(kind: FaultKind, message: &'static str, id: Option<&str>) -> String {
        String::from_utf8(error(&Fault::new(kind, message), id)).unwrap()
    }

    #[test]
    fn a_fault_has_this_api_s_shape_and_type() {
        assert_eq!(
            text(FaultKind::UnknownModel, "no such model", Some("r1")),
            r#"{"type":"error","error":{"type":"not_found_error","message":"no such model"},"request_id":"r1"}"#
        );
        assert_eq!(
            text(FaultKind::Overloaded, "later", None),
            r#"{"type":"error","error":{"type":"overloaded_error","message":"later"},"request_id":null}"#
        );
    }

    #[test]
    fn a_conversation_that_is_too_long_says_so_in_the_known_words() {
        let said = text(FaultKind::ContextLength, "8193 tokens", None);
        assert!(
            said.contains(r#""message":"prompt is too long: 8193 tokens""#),
            "{said}"
        );
        let said = text(FaultKind::ContextLength, "prompt is too long: 2 > 1", None);
        assert!(
            said.contains(r#""message":"prompt is too long: 2 > 1""#),
            "{said}"
        );
    }
}
