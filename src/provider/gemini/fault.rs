//! Reads an error: by its reason, its status word, and its HTTP status, in this order.
//!
//! Google answers 400 to a key that it does not know, and wraps the errors of streams into a list.
//! Source: ai.google.dev, "Troubleshooting: error codes"; google.rpc `Code`, `ErrorInfo`, `RetryInfo`;
//! `google.api.ErrorReason`; `APIError` of google-genai 3.6 (the list of one); read 2026-11.

use crate::{
    fault::{Fault, FaultKind},
    host::Headers,
};
use serde::Deserialize;
use serde_json::Value;

/// Longest provider message that is handed on. Units: bytes.
const MAX_MESSAGE: usize = 2000;

#[derive(Deserialize, Default)]
struct Wrapped {
    error: Said,
}

#[derive(Deserialize, Default)]
struct Said {
    #[serde(default)]
    code: Option<u16>,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    details: Value,
}

/// The fault behind an error answer; `status` 200 means that it came inside an answer.
pub(super) fn read(status: u16, headers: &Headers, body: &[u8]) -> Fault {
    let said = said(body);
    let status = match said.code {
        Some(code) if status < 400 => code,
        _ => status,
    };
    let reasons: Vec<_> = said.each("reason").collect();
    let message = said.message.as_deref().unwrap_or_default();
    let word = said.status.as_deref().unwrap_or_default();
    let kind = kind(status, word, &reasons, message);
    let mut fault = Fault::new(kind, told(kind, message));
    let header = headers.get("retry-after").map(str::to_owned);
    fault.retry_after = header.or_else(|| said.each("retryDelay").find_map(seconds));
    fault
}

fn said(body: &[u8]) -> Said {
    if body.trim_ascii_start().starts_with(b"[") {
        let list: Vec<Wrapped> = serde_json::from_slice(body).unwrap_or_default();
        return list.into_iter().next().unwrap_or_default().error;
    }
    let wrapped: Wrapped = serde_json::from_slice(body).unwrap_or_default();
    wrapped.error
}

impl Said {
    /// A text that the details hold; their kinds differ in their fields' names.
    fn each(&self, key: &'static str) -> impl Iterator<Item = &str> {
        let details = self.details.as_array().into_iter().flatten();
        details.filter_map(move |detail| detail.get(key)?.as_str())
    }
}

/// `34.07s` is 35. Source: the JSON form of google.protobuf.Duration.
fn seconds(delay: &str) -> Option<String> {
    let number: f64 = delay.strip_suffix('s')?.parse().ok()?;
    let whole = number.ceil();
    (0.0..=86_400.0)
        .contains(&whole)
        .then(|| format!("{whole:.0}"))
}

fn kind(status: u16, word: &str, reasons: &[&str], message: &str) -> FaultKind {
    let says = |words: &[&str]| words.iter().any(|words| message.contains(words));
    // The gateway's key, token, project or account is at fault, whatever the status.
    let of_account = |reason: &&str| {
        let starts = [
            "API_KEY_",
            "ACCESS_TOKEN_",
            "CONSUMER_",
            "ACCOUNT_",
            "USER_PROJECT_",
        ];
        starts.iter().any(|start| reason.starts_with(start))
            || matches!(
                *reason,
                "CREDENTIALS_MISSING"
                    | "SERVICE_DISABLED"
                    | "SERVICE_NOT_VISIBLE"
                    | "BILLING_DISABLED"
                    | "IAM_PERMISSION_DENIED"
                    | "RESOURCE_PROJECT_INVALID"
                    | "LOCATION_POLICY_VIOLATED"
                    | "SECURITY_POLICY_VIOLATED"
            )
    };
    if reasons.iter().any(of_account)
        || says(&["API key not valid", "API key expired", "API Key not found"])
        || says(&["User location is not supported", "enable billing"])
    {
        return FaultKind::ProviderAuth;
    }
    if says(&["prepayment credits are depleted", "spending cap"]) {
        return FaultKind::QuotaSpent;
    }
    let refused = status == 400 || word == "INVALID_ARGUMENT";
    if refused
        && says(&[
            "exceeds the maximum number of tokens",
            "input token count",
            "input context is too long",
        ])
    {
        return FaultKind::ContextLength;
    }
    if says(&["payload size exceeds"]) {
        return FaultKind::TooLarge;
    }
    // Files and caches that the client names are the client's.
    if says(&[
        "access the File",
        "CachedContent not found",
        "cached content",
    ]) && matches!(status, 400 | 403 | 404)
    {
        return FaultKind::BadRequest;
    }
    match word {
        "INVALID_ARGUMENT" | "OUT_OF_RANGE" => FaultKind::BadRequest,
        "UNAUTHENTICATED" | "PERMISSION_DENIED" => FaultKind::ProviderAuth,
        "NOT_FOUND" => FaultKind::UnknownModel,
        "RESOURCE_EXHAUSTED" => FaultKind::RateLimited,
        "UNAVAILABLE" => FaultKind::Overloaded,
        "DEADLINE_EXCEEDED" => FaultKind::TimedOut,
        // A state that the project is in, and troubles of the provider.
        "FAILED_PRECONDITION"
        | "INTERNAL"
        | "UNKNOWN"
        | "ABORTED"
        | "CANCELLED"
        | "DATA_LOSS"
        | "UNIMPLEMENTED" => FaultKind::ProviderFailed,
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
        // Google's word for a request that was given up.
        499 => FaultKind::ProviderFailed,
        400..=498 => FaultKind::BadRequest,
        _ => FaultKind::ProviderFailed,
    }
}

/// What the client may read: the provider's own words only when the client can change something.
fn told(kind: FaultKind, said: &str) -> String {
    if kind.is_attempts() {
        return kind.of_provider().to_owned();
    }
    if said.is_empty() {
        return "The provider refused the request without saying why.".to_owned();
    }
    let end = said.floor_char_boundary(MAX_MESSAGE);
    said.get(..end).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use FaultKind::{
        BadRequest, ContextLength, Overloaded, ProviderAuth, ProviderFailed, QuotaSpent,
        RateLimited, TimedOut, TooLarge, UnknownModel,
    };

    fn of(status: u16, body: &str) -> Fault {
        read(status, &Headers::default(), body.as_bytes())
    }

    fn error(code: u16, word: &str, message: &str, details: &str) -> String {
        format!(
            r#"{{"error":{{"code":{code},"message":"{message}","status":"{word}","details":[{details}]}}}}"#
        )
    }

    #[test]
    fn reason_word_and_status_decide() {
        let info = |reason: &str| {
            format!(
                r#"{{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"{reason}","domain":"googleapis.com"}}"#
            )
        };
        let cases = [
            (
                400,
                error(
                    400,
                    "INVALID_ARGUMENT",
                    "API key not valid. Please pass a valid API key.",
                    &info("API_KEY_INVALID"),
                ),
                ProviderAuth,
            ),
            (
                400,
                error(400, "INVALID_ARGUMENT", "API key expired.", ""),
                ProviderAuth,
            ),
            (
                400,
                error(
                    400,
                    "FAILED_PRECONDITION",
                    "User location is not supported for the API use.",
                    "",
                ),
                ProviderAuth,
            ),
            (
                403,
                error(403, "PERMISSION_DENIED", "m", &info("SERVICE_DISABLED")),
                ProviderAuth,
            ),
            (
                401,
                error(401, "UNAUTHENTICATED", "m", &info("ACCESS_TOKEN_EXPIRED")),
                ProviderAuth,
            ),
            (
                403,
                error(
                    403,
                    "PERMISSION_DENIED",
                    "You do not have permission to access the File abc or it may not exist.",
                    "",
                ),
                BadRequest,
            ),
            (
                400,
                error(
                    400,
                    "INVALID_ARGUMENT",
                    "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
                    "",
                ),
                ContextLength,
            ),
            (
                400,
                error(
                    400,
                    "INVALID_ARGUMENT",
                    "Request payload size exceeds the limit: 20971520 bytes.",
                    "",
                ),
                TooLarge,
            ),
            (
                400,
                error(400, "INVALID_ARGUMENT", "Unknown name", ""),
                BadRequest,
            ),
            (
                404,
                error(404, "NOT_FOUND", "models/x is not found", ""),
                UnknownModel,
            ),
            (
                429,
                error(429, "RESOURCE_EXHAUSTED", "quota", ""),
                RateLimited,
            ),
            (
                429,
                error(
                    429,
                    "RESOURCE_EXHAUSTED",
                    "Your prepayment credits are depleted.",
                    "",
                ),
                QuotaSpent,
            ),
            (500, error(500, "INTERNAL", "m", ""), ProviderFailed),
            (503, error(503, "UNAVAILABLE", "overloaded", ""), Overloaded),
            (504, error(504, "DEADLINE_EXCEEDED", "m", ""), TimedOut),
            (499, error(499, "CANCELLED", "m", ""), ProviderFailed),
            // Inside an answer its own code is all there is.
            (200, error(503, "UNAVAILABLE", "m", ""), Overloaded),
            (200, error(429, "", "m", ""), RateLimited),
            (
                200,
                format!("[{}]", error(429, "RESOURCE_EXHAUSTED", "m", "")),
                RateLimited,
            ),
            (200, r#"{"error":{}}"#.into(), ProviderFailed),
            (200, r#"{"error":"x"}"#.into(), ProviderFailed),
            // Not the API itself.
            (401, "<html>".into(), ProviderAuth),
            (413, "[]".into(), TooLarge),
            (422, "null".into(), BadRequest),
            (502, "<html>".into(), ProviderFailed),
        ];
        for (status, body, want) in cases {
            assert_eq!(of(status, &body).kind, want, "{status} {body}");
        }
    }

    #[test]
    fn a_delay_is_rounded_up_to_whole_seconds_and_the_header_wins() {
        let delay = |text: &str| {
            let detail = format!(
                r#"{{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[]}},{{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"{text}"}}"#
            );
            error(429, "RESOURCE_EXHAUSTED", "m", &detail)
        };
        let after = |text: &str| of(429, &delay(text)).retry_after;
        assert_eq!(after("34.074824224s").as_deref(), Some("35"));
        assert_eq!(after("34s").as_deref(), Some("34"));
        for bad in ["", "34", "-1s", "NaNs", "1e99s"] {
            assert_eq!(after(bad), None, "{bad}");
        }
        let headers = Headers(vec![("retry-after".into(), "7".into())]);
        let fault = read(429, &headers, delay("34s").as_bytes());
        assert_eq!(fault.retry_after.as_deref(), Some("7"));
    }

    #[test]
    fn a_client_reads_what_it_can_change_and_nothing_of_keys() {
        let fault = of(
            400,
            &error(400, "INVALID_ARGUMENT", "Unknown name \\\"x\\\"", ""),
        );
        assert_eq!(fault.message, "Unknown name \"x\"");
        let fault = of(400, &error(400, "", "API key not valid: AIza-1", ""));
        assert_eq!(fault.message, ProviderAuth.of_provider());
        let long = of(400, &error(400, "", &"\u{e9}".repeat(1500), ""));
        assert_eq!(long.message.len(), 2000);
    }
}
