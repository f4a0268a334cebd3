//! What a client is told when a request cannot be served: one table of kinds, one shape.
//!
//! A message says what to change. It never holds a secret or a prompt; a provider's own words are handed
//! on only where the client can act on them.

use serde::Serialize;
use std::{borrow::Cow, fmt};

/// Every reason for which this filter or a provider refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// The request is malformed; no provider would take it.
    BadRequest,
    /// A parameter that the chosen provider cannot carry and must not lose.
    Unsupported,
    /// Prompt and answer together exceed what the model can read.
    ContextLength,
    /// A content policy refused the request.
    Blocked,
    /// No or an unknown gateway key.
    Unauthenticated,
    /// A known key that may not do this.
    Forbidden,
    /// No such model, here or at the provider.
    UnknownModel,
    /// No such path.
    UnknownPath,
    /// The path exists, for another method.
    WrongMethod,
    /// The client was too slow to send all of it.
    TooSlow,
    /// The body is larger than the limit.
    TooLarge,
    /// The body is not JSON, or compressed.
    UnsupportedMedia,
    /// Too many requests or tokens; wait.
    RateLimited,
    /// Nothing left to spend; waiting does not help.
    QuotaSpent,
    /// The provider refused the gateway's own credentials.
    ProviderAuth,
    /// The provider is overloaded or temporarily closed.
    Overloaded,
    /// The provider did not answer in time.
    TimedOut,
    /// The provider failed or answered something that cannot be read.
    ProviderFailed,
    /// The answer is not the JSON that the request asked for, and `validate_json` insists on it.
    JsonMismatch,
    /// The gateway itself failed or is misconfigured.
    Internal,
}

impl FaultKind {
    /// Every kind.
    pub const ALL: &'static [Self] = &[
        Self::BadRequest,
        Self::Unsupported,
        Self::ContextLength,
        Self::Blocked,
        Self::Unauthenticated,
        Self::Forbidden,
        Self::UnknownModel,
        Self::UnknownPath,
        Self::WrongMethod,
        Self::TooSlow,
        Self::TooLarge,
        Self::UnsupportedMedia,
        Self::RateLimited,
        Self::QuotaSpent,
        Self::ProviderAuth,
        Self::Overloaded,
        Self::TimedOut,
        Self::ProviderFailed,
        Self::JsonMismatch,
        Self::Internal,
    ];

    /// `(HTTP status, error.type, error.code)`.
    ///
    /// Source: OpenAI API reference, error codes, read 2026-11; the last six are this gateway's.
    pub const fn wire(self) -> (u16, &'static str, &'static str) {
        const INVALID: &str = "invalid_request_error";
        match self {
            Self::BadRequest => (400, INVALID, "invalid_request"),
            Self::Unsupported => (400, INVALID, "unsupported_parameter"),
            Self::ContextLength => (400, INVALID, "context_length_exceeded"),
            Self::Blocked => (400, INVALID, "content_filter"),
            Self::Unauthenticated => (401, "authentication_error", "invalid_api_key"),
            Self::Forbidden => (403, "permission_error", "model_not_allowed"),
            Self::UnknownModel => (404, INVALID, "model_not_found"),
            Self::UnknownPath => (404, INVALID, "unknown_url"),
            Self::WrongMethod => (405, INVALID, "method_not_allowed"),
            Self::TooSlow => (408, INVALID, "request_timeout"),
            Self::TooLarge => (413, INVALID, "request_too_large"),
            Self::UnsupportedMedia => (415, INVALID, "unsupported_media_type"),
            Self::RateLimited => (429, "rate_limit_error", "rate_limit_exceeded"),
            Self::QuotaSpent => (429, "insufficient_quota", "insufficient_quota"),
            Self::ProviderAuth => (502, "provider_error", "provider_auth_failed"),
            Self::Overloaded => (503, "provider_error", "provider_overloaded"),
            Self::TimedOut => (504, "provider_error", "provider_timeout"),
            Self::ProviderFailed => (502, "provider_error", "provider_failed"),
            Self::JsonMismatch => (502, "provider_error", "json_mismatch"),
            Self::Internal => (500, "server_error", "internal_error"),
        }
    }

    /// What a client may know of a failed attempt: the provider's own words may quote a key or a prompt.
    pub const fn of_provider(self) -> &'static str {
        match self {
            Self::UnknownModel => "The provider does not have this model.",
            Self::RateLimited => "The provider's rate limit is reached.",
            Self::QuotaSpent => "The gateway's quota at the provider is used up.",
            Self::ProviderAuth => "The provider refused the gateway's credentials.",
            Self::Overloaded => "The provider is overloaded.",
            Self::TimedOut => "The provider did not answer in time.",
            Self::JsonMismatch => "The answer is not the JSON that was asked for.",
            _ => "The provider failed.",
        }
    }

    /// Whether another provider may do better: the attempt failed, not the request.
    pub const fn is_attempts(self) -> bool {
        matches!(
            self,
            Self::UnknownModel
                | Self::RateLimited
                | Self::QuotaSpent
                | Self::ProviderAuth
                | Self::Overloaded
                | Self::TimedOut
                | Self::ProviderFailed
                | Self::JsonMismatch
                | Self::Internal
        )
    }
}

/// One refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What went wrong; decides status, type and code.
    pub kind: FaultKind,
    /// For a person; says what to change.
    pub message: Cow<'static, str>,
    /// The request field to look at, e.g. `messages[2].content`.
    pub param: Option<String>,
    /// A more precise `error.code` than the kind's, e.g. the provider's own.
    pub code: Option<String>,
    /// The provider's `retry-after`, as it came (seconds or a date).
    pub retry_after: Option<String>,
}

#[derive(Serialize)]
struct Body<'a> {
    error: Error<'a>,
}

#[derive(Serialize)]
struct Error<'a> {
    message: &'a str,
    r#type: &'a str,
    param: Option<&'a str>,
    code: &'a str,
}

impl Fault {
    /// A fault of this kind; `message` tells the reader what to change.
    pub fn new(kind: FaultKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            message: message.into(),
            param: None,
            code: None,
            retry_after: None,
        }
    }

    /// Names the request field that is at fault.
    #[must_use]
    pub fn at(mut self, param: impl fmt::Display) -> Self {
        self.param = Some(param.to_string());
        self
    }

    /// Replaces the kind's `error.code` by a more precise one.
    #[must_use]
    pub fn coded(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into());
        self
    }

    /// The HTTP status for the client.
    pub fn status(&self) -> u16 {
        self.kind.wire().0
    }

    /// The body for the client. Shape: `{"error":{"message","type","param","code"}}`.
    pub fn body(&self) -> Vec<u8> {
        let (_, kind, code) = self.kind.wire();
        let body = Body {
            error: Error {
                message: &self.message,
                r#type: kind,
                param: self.param.as_deref(),
                code: self.code.as_deref().unwrap_or(code),
            },
        };
        serde_json::to_vec(&body).unwrap_or_default()
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_client_or_server_status() {
        for kind in FaultKind::ALL {
            assert!((400..600).contains(&kind.wire().0), "{kind:?}");
        }
    }

    #[test]
    fn a_body_has_openai_s_four_fields() {
        let fault = Fault::new(FaultKind::Unsupported, "n above 1 is not supported").at("n");
        assert_eq!(
            String::from_utf8(fault.body()).unwrap(),
            r#"{"error":{"message":"n above 1 is not supported","type":"invalid_request_error","param":"n","code":"unsupported_parameter"}}"#
        );
    }
}
