//! Reads an error: by its type, by its status where the type says nothing.
//!
//! Source: docs.claude.com, "Errors" (status codes, `details.error_code`, spend limits as 400),
//! "Rate limits"; read 2026-11.

use crate::{
    fault::{Fault, FaultKind},
    host::Headers,
};
use serde::Deserialize;

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
    details: Option<Details>,
}

#[derive(Deserialize, Default)]
struct Details {
    #[serde(default)]
    error_code: Option<String>,
}

/// The fault behind an error answer; `status` 200 means that it came inside an answer.
pub(super) fn read(status: u16, headers: &Headers, body: &[u8]) -> Fault {
    let said = serde_json::from_slice::<Body>(body)
        .unwrap_or_default()
        .error;
    let code = said.details.and_then(|details| details.error_code);
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
