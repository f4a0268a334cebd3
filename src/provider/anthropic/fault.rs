//! Reads an error: by its type, by its status where the type says nothing.
//!
//! On Vertex AI an error may be Google's own: a status in words, details in a list, and all of it in a
//! list of one. Its status code says enough.
//! Source: docs.claude.com, "Errors" (status codes, `details.error_code`, spend limits as 400),
//! "Rate limits"; Google Cloud API design guide,
//! "Errors"; read 2026-11.

use crate::{
    fault::{Fault, FaultKind},
    host::Headers,
};
use serde::Deserialize;
use serde_json::value::RawValue;

/// Longest provider message that is handed on. Units: bytes.
const MAX_MESSAGE: usize = 2000;

#[derive(Deserialize, Default)]
struct Body {
    #[serde(default)]
    error: Said,
}

#[derive(Deserialize, Default)]
struct Said {
    #[serde(default)]
    r#type: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    details: Option<Box<RawValue>>,
}

#[derive(Deserialize, Default)]
struct Details {
    #[serde(default)]
    error_code: Option<String>,
}

/// The fault behind an error answer; `status` 200 means that it came inside an answer.
pub(super) fn read(status: u16, headers: &Headers, body: &[u8]) -> Fault {
    let said = serde_json::from_slice::<Body>(body)
        .or_else(|_| serde_json::from_slice::<[Body; 1]>(body).map(|[body]| body))
        .unwrap_or_default()
        .error;
    let details = said
        .details
        .map(|raw| serde_json::from_str::<Details>(raw.get()));
    let code = details.and_then(|details| details.ok()?.error_code);
    let kind = kind(status, &said.r#type, code.as_deref(), &said.message);
    let mut fault = Fault::new(kind, message(kind, said.message));
    // Codes of the provider's own troubles would only mislead a client.
    fault.code = code.filter(|_| !kind.is_attempts() && kind != FaultKind::ContextLength);
    fault.retry_after = headers.get("retry-after").map(str::to_owned);
    fault
}

fn kind(status: u16, of: &str, code: Option<&str>, message: &str) -> FaultKind {
    let says = |words: &[&str]| words.iter().any(|words| message.contains(words));
    let refused = of == "invalid_request_error" || status == 400;
    if code.is_some_and(|code| code.ends_with("spend_limit_reached")) {
        return FaultKind::QuotaSpent;
    }
    // An empty purse and a spent limit are the gateway's trouble, whatever type they come with.
    if refused && says(&["credit balance is too low", "API usage limits"]) {
        return FaultKind::QuotaSpent;
    }
    if refused && says(&["prompt is too long", "exceed context limit"]) {
        return FaultKind::ContextLength;
    }
    if refused && says(&["content filtering policy"]) {
        return FaultKind::Blocked;
    }
    match of {
        // "May also be used for other 4XX status codes."
        "invalid_request_error" if status == 200 => FaultKind::BadRequest,
        "authentication_error" | "permission_error" | "billing_error" => FaultKind::ProviderAuth,
        "not_found_error" => FaultKind::UnknownModel,
        "request_too_large" => FaultKind::TooLarge,
        "rate_limit_error" => FaultKind::RateLimited,
        "timeout_error" => FaultKind::TimedOut,
        "overloaded_error" => FaultKind::Overloaded,
        _ => by_status(status),
    }
}

const fn by_status(status: u16) -> FaultKind {
    match status {
        401..=403 => FaultKind::ProviderAuth,
        404 => FaultKind::UnknownModel,
        408 | 504 => FaultKind::TimedOut,
        413 => FaultKind::TooLarge,
        429 => FaultKind::RateLimited,
        503 | 529 => FaultKind::Overloaded,
        400..=499 => FaultKind::BadRequest,
        _ => FaultKind::ProviderFailed,
    }
}

/// What the client may read: the provider's own words only when the client can change something.
/// What it says of keys may quote them.
fn message(kind: FaultKind, mut said: String) -> String {
    let ours = match kind {
        FaultKind::ProviderAuth => "The provider refused the gateway's credentials.",
        FaultKind::UnknownModel => "The provider does not know this model.",
        FaultKind::RateLimited => "The provider's rate limit is reached; wait and try again.",
        FaultKind::QuotaSpent => "The gateway's account at the provider is spent.",
        FaultKind::Overloaded => "The provider is overloaded; try again later.",
        FaultKind::TimedOut => "The provider did not answer in time.",
        _ if kind.is_attempts() => "The provider failed.",
        _ if said.is_empty() => "The provider refused the request without saying why.",
        _ => {
            said.truncate(said.floor_char_boundary(MAX_MESSAGE));
            return said;
        }
    };
    ours.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, body: &str) -> Fault {
        let headers = Headers(vec![("retry-after".into(), "7".into())]);
        read(status, &headers, body.as_bytes())
    }

    fn said(kind: &str, message: &str) -> String {
        format!(
            r#"{{"type":"error","error":{{"type":"{kind}","message":"{message}"}},"request_id":"req_1"}}"#
        )
    }

    #[test]
    fn the_type_decides_and_the_status_where_the_type_says_nothing() {
        use FaultKind::{
            BadRequest, Blocked, ContextLength, Overloaded, ProviderAuth, ProviderFailed,
            QuotaSpent, RateLimited, TimedOut, TooLarge, UnknownModel,
        };
        let cases = [
            (400, said("invalid_request_error", "m"), BadRequest),
            (
                400,
                said(
                    "invalid_request_error",
                    "prompt is too long: 2 tokens > 1 maximum",
                ),
                ContextLength,
            ),
            (
                400,
                said(
                    "invalid_request_error",
                    "input length and `max_tokens` exceed context limit: 1 + 2 > 2",
                ),
                ContextLength,
            ),
            (
                400,
                said(
                    "invalid_request_error",
                    "Output blocked by content filtering policy",
                ),
                Blocked,
            ),
            (
                400,
                said("invalid_request_error", "Your credit balance is too low"),
                QuotaSpent,
            ),
            (
                400,
                said(
                    "invalid_request_error",
                    "You have reached your specified API usage limits.",
                ),
                QuotaSpent,
            ),
            (401, said("authentication_error", "m"), ProviderAuth),
            (402, said("billing_error", "m"), ProviderAuth),
            (403, said("permission_error", "m"), ProviderAuth),
            (404, said("not_found_error", "m"), UnknownModel),
            (409, said("conflict_error", "m"), BadRequest),
            (413, said("request_too_large", "m"), TooLarge),
            (413, said("invalid_request_error", "m"), TooLarge),
            (429, said("rate_limit_error", "m"), RateLimited),
            (500, said("api_error", "m"), ProviderFailed),
            (504, said("timeout_error", "m"), TimedOut),
            (529, said("overloaded_error", "m"), Overloaded),
            // Inside an answer the type is all there is.
            (200, said("invalid_request_error", "m"), BadRequest),
            (200, said("overloaded_error", "m"), Overloaded),
            (200, said("api_error", "m"), ProviderFailed),
            (200, said("rate_limit_error", "m"), RateLimited),
            (200, said("brand_new_error", "m"), ProviderFailed),
            // Google's own.
            (
                429,
                r#"[{"error":{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED","details":[{"reason":"r"}]}}]"#.into(),
                RateLimited,
            ),
            // Not the provider itself.
            (401, "<html>".into(), ProviderAuth),
            (408, String::new(), TimedOut),
            (413, "null".into(), TooLarge),
            (422, "[]".into(), BadRequest),
            (502, "<html>".into(), ProviderFailed),
            (503, "{".into(), Overloaded),
        ];
        for (status, body, want) in cases {
            assert_eq!(of(status, &body).kind, want, "{status} {body}");
        }
    }

    #[test]
    fn a_client_reads_what_it_can_change_and_nothing_of_keys() {
        let fault = of(400, &said("invalid_request_error", "messages: too many"));
        assert_eq!(
            (&*fault.message, fault.retry_after.as_deref(), fault.code),
            ("messages: too many", Some("7"), None)
        );
        let google = r#"{"error":{"code":400,"message":"bad field","status":"INVALID_ARGUMENT","details":[]}}"#;
        assert_eq!(of(400, google).message, "bad field");
        for status in [401, 402, 403] {
            let fault = of(
                status,
                &said("authentication_error", "invalid x-api-key sk-ant-1"),
            );
            assert_eq!(
                fault.message,
                "The provider refused the gateway's credentials."
            );
        }
        assert_eq!(
            of(400, "<html>sk-ant-1</html>").message,
            "The provider refused the request without saying why."
        );
        let long = of(400, &said("invalid_request_error", &"\u{e9}".repeat(1500)));
        assert_eq!(long.message.len(), 2000);
    }

    #[test]
    fn a_stable_code_is_handed_on_to_a_client_and_a_spent_limit_is_known_by_it() {
        let body = |kind: &str, code: &str| {
            format!(
                r#"{{"type":"error","error":{{"type":"{kind}","message":"m","details":{{"error_code":"{code}"}}}}}}"#
            )
        };
        let fault = of(
            400,
            &body("invalid_request_error", "compaction_unavailable"),
        );
        assert_eq!(fault.code.as_deref(), Some("compaction_unavailable"));
        let fault = of(
            429,
            &body("rate_limit_error", "contract_spend_limit_reached"),
        );
        assert_eq!((fault.kind, fault.code), (FaultKind::QuotaSpent, None));
    }
}
