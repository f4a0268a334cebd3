//! Reads an error: by its words where they say more than the status, else by its status.
//!
//! Source: docs.cohere.com, "Errors" (status codes and example messages), and the API reference (498 is
//! a deny-listed token in a request or an answer, 499 a cancelled request); read 2026-11.

use crate::{
    fault::{Fault, FaultKind},
    host::Headers,
};
use serde::Deserialize;

/// Longest provider message that is handed on. Units: bytes.
const MAX_MESSAGE: usize = 2000;

#[derive(Deserialize, Default)]
struct Said {
    #[serde(default)]
    message: String,
}

/// The fault behind an error answer; `status` 200 means that it came inside an answer.
pub(super) fn read(status: u16, headers: &Headers, body: &[u8]) -> Fault {
    let said = serde_json::from_slice::<Said>(body)
        .unwrap_or_default()
        .message;
    let kind = kind(status, &said);
    let mut fault = Fault::new(kind, message(kind, said));
    fault.retry_after = headers.get("retry-after").map(str::to_owned);
    fault
}

fn kind(status: u16, message: &str) -> FaultKind {
    let says = |words: &[&str]| words.iter().any(|words| message.contains(words));
    let refused = matches!(status, 200 | 400..=499);
    if refused
        && says(&[
            "invalid api token",
            "no api key supplied",
            "API key has expired",
        ])
    {
        return FaultKind::ProviderAuth;
    }
    // A trial key's month does not turn while a client waits.
    if refused && says(&["API calls / month", "Maximum billing reached"]) {
        return FaultKind::QuotaSpent;
    }
    // A limit that is set too high is not a prompt that is too long.
    if refused && says(&["max tokens must be less than"]) {
        return FaultKind::BadRequest;
    }
    if refused && says(&["too many tokens"]) {
        return FaultKind::ContextLength;
    }
    if refused && says(&["rate limit exceeded", "per minute request limit"]) {
        return FaultKind::RateLimited;
    }
    match status {
        // The configured model is none of this API: another target may have it.
        400 if says(&["is not supported by the"]) && message.ends_with("API") => {
            FaultKind::UnknownModel
        }
        400 | 422 if says(&["blocked input", "blocked output"]) => FaultKind::Blocked,
        400 | 422 => FaultKind::BadRequest,
        401..=403 => FaultKind::ProviderAuth,
        404 => FaultKind::UnknownModel,
        408 | 504 => FaultKind::TimedOut,
        413 => FaultKind::TooLarge,
        429 => FaultKind::RateLimited,
        498 => FaultKind::Blocked,
        503 => FaultKind::Overloaded,
        // 499: the client is still here, or nobody would read this.
        499 => FaultKind::ProviderFailed,
        400..=499 => FaultKind::BadRequest,
        200 if message.starts_with("invalid request") => FaultKind::BadRequest,
        _ => FaultKind::ProviderFailed,
    }
}

/// What the client may read: the provider's own words only when the client can change something.
fn message(kind: FaultKind, mut said: String) -> String {
    if kind.is_attempts() {
        return kind.of_provider().to_owned();
    }
    if said.is_empty() {
        return "The provider refused the request without saying why.".to_owned();
    }
    said.truncate(said.floor_char_boundary(MAX_MESSAGE));
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, message: &str) -> Fault {
        let headers = Headers(vec![("retry-after".into(), "7".into())]);
        let body = serde_json::json!({"id": "x", "message": message}).to_string();
        read(status, &headers, body.as_bytes())
    }

    #[test]
    fn the_words_decide_where_they_say_more_than_the_status() {
        use FaultKind::{
            BadRequest, Blocked, ContextLength, Overloaded, ProviderAuth, ProviderFailed,
            QuotaSpent, RateLimited, TimedOut, TooLarge, UnknownModel,
        };
        let cases = [
            (400, "invalid request: query must not be empty", BadRequest),
            (
                400,
                "too many tokens: total number of tokens in the prompt cannot exceed 4081 - received 4292.",
                ContextLength,
            ),
            (
                400,
                "too many tokens: size limit exceeded by 11326 tokens.",
                ContextLength,
            ),
            (
                400,
                "too many tokens: max tokens must be less than or equal to 4096, the maximum output for this model - received 8192.",
                BadRequest,
            ),
            (
                400,
                "invalid request: model 'embed-v4.0' is not supported by the chat API",
                UnknownModel,
            ),
            (400, "invalid api token", ProviderAuth),
            (401, "no api key supplied", ProviderAuth),
            (
                402,
                "Please add or update your payment method",
                ProviderAuth,
            ),
            (402, "Maximum billing reached for this API key", QuotaSpent),
            (403, "", ProviderAuth),
            (404, "model 'xyz' not found", UnknownModel),
            (408, "", TimedOut),
            (413, "", TooLarge),
            (422, "invalid type", BadRequest),
            (429, "Please wait and try again later", RateLimited),
            (
                429,
                "You are using a Trial key, which is limited to 1000 API calls / month.",
                QuotaSpent,
            ),
            (498, "invalid token", Blocked),
            (499, "request cancelled", ProviderFailed),
            (500, "too many tokens", ProviderFailed),
            (501, "", ProviderFailed),
            (503, "", Overloaded),
            (504, "", TimedOut),
            // Inside an answer the words are all there is.
            (200, "trial token rate limit exceeded", RateLimited),
            (200, "invalid request: x", BadRequest),
            (200, "internal server error", ProviderFailed),
        ];
        for (status, message, want) in cases {
            assert_eq!(of(status, message).kind, want, "{status} {message}");
        }
        assert_eq!(
            read(502, &Headers::default(), b"<html>").kind,
            FaultKind::ProviderFailed
        );
    }

    #[test]
    fn a_client_reads_what_it_can_change_and_nothing_of_keys() {
        let fault = of(400, "invalid request: x");
        assert_eq!(
            (&*fault.message, fault.retry_after.as_deref()),
            ("invalid request: x", Some("7"))
        );
        assert_eq!(
            of(401, "invalid api token co-1234").message,
            "The provider refused the gateway's credentials."
        );
        assert_eq!(of(400, &"\u{e9}".repeat(1500)).message.len(), 2000);
        assert_eq!(
            of(400, "").message,
            "The provider refused the request without saying why."
        );
    }
}
