//! Reads an error of an AWS service: by its type, by its status where the type says nothing.
//!
//! The type stands in the header `x-amzn-errortype`, in the body's `__type`, or in the frame of a
//! stream; in front of it there may be a namespace, behind it an address.
//! Source: the errors of `Converse` and `InvokeModel` in botocore 1.44; Amazon Bedrock user guide,
//! "Troubleshooting API error codes"; AWS, "Common error types"; smithy.io, "restJson1: operation
//! error serialization"; messages as reported in public issues; read 2026-11.

use crate::{
    fault::{Fault, FaultKind},
    host::Headers,
    json::Str,
};
use serde::Deserialize;

/// Longest provider message that is handed on. Units: bytes.
const MAX_MESSAGE: usize = 2000;

#[derive(Deserialize, Default)]
struct Said<'a> {
    #[serde(borrow, default, rename = "__type")]
    r#type: Option<Str<'a>>,
    #[serde(borrow, default)]
    message: Option<Str<'a>>,
    /// The security services' spelling.
    #[serde(borrow, default, rename = "Message")]
    title: Option<Str<'a>>,
    #[serde(borrow, default, rename = "originalMessage")]
    original: Option<Str<'a>>,
}

/// The fault behind an error answer; `status` 200 means that it came inside an answer.
pub(in crate::provider) fn read(status: u16, headers: &Headers, body: &[u8]) -> Fault {
    let said: Said<'_> = serde_json::from_slice(body).unwrap_or_default();
    let name = headers
        .get("x-amzn-errortype")
        .or(said.r#type.as_deref())
        .unwrap_or_default();
    let mut fault = fault(name, status, &said);
    fault.retry_after = headers.get("retry-after").map(str::to_owned);
    fault
}

/// The fault behind an exception in a stream.
pub(in crate::provider) fn exception(name: &str, data: &str) -> Fault {
    // An error of the service itself is a text and no object.
    let said = serde_json::from_str(data).unwrap_or_else(|_| Said {
        message: Some(data.into()),
        ..Said::default()
    });
    fault(name, 200, &said)
}

fn fault(name: &str, status: u16, said: &Said<'_>) -> Fault {
    let texts = [&said.message, &said.title, &said.original];
    let texts: Vec<&str> = texts.into_iter().flatten().map(|text| &**text).collect();
    let kind = kind(name, status, &texts);
    Fault::new(
        kind,
        message(kind, texts.first().copied().unwrap_or_default()),
    )
}

/// What the models of several makers say when a prompt is too long.
const TOO_LONG: &[&str] = &[
    "input is too long",
    "prompt is too long",
    "exceed context limit",
    "exceeds the maximum context",
    "maximum context length",
    "context window",
    "too many input tokens",
    "maximum number of input tokens",
];

/// The model is not there, not there in this region, or not for this operation.
const NO_MODEL: &[&str] = &[
    "model identifier is invalid",
    "throughput isn",
    "is not supported in this region",
    "reached the end of its life",
    "doesn't support the model",
    "t support converse",
];

/// The account may not do this.
const NOT_ALLOWED: &[&str] = &[
    "operation not allowed",
    "access to bedrock models is not allowed",
    "security token included in the request",
];

fn kind(name: &str, status: u16, texts: &[&str]) -> FaultKind {
    let says = |words: &[&str]| {
        texts.iter().any(|text| {
            let text = text.to_ascii_lowercase();
            words.iter().any(|word| text.contains(word))
        })
    };
    // `com.amazon.coral.service#ExpiredTokenException`, `ThrottlingException:http://..`
    let name = name.rsplit('#').next().unwrap_or_default();
    let name = name.split(':').next().unwrap_or_default();
    let name = name.to_ascii_lowercase();
    match name.strip_suffix("exception").unwrap_or(&name) {
        "validation" | "modelerror" | "modelstreamerror" if says(TOO_LONG) => {
            FaultKind::ContextLength
        }
        "validation" if says(NO_MODEL) => FaultKind::UnknownModel,
        "validation" if says(NOT_ALLOWED) => FaultKind::ProviderAuth,
        "validation" | "serialization" => FaultKind::BadRequest,
        "throttling" | "toomanyrequests" | "requestlimitexceeded" => FaultKind::RateLimited,
        "servicequotaexceeded" => FaultKind::QuotaSpent,
        "modelnotready" | "serviceunavailable" => FaultKind::Overloaded,
        "modeltimeout" | "requesttimeout" => FaultKind::TimedOut,
        "modelerror" | "modelstreamerror" | "internalserver" | "internalfailure" => {
            FaultKind::ProviderFailed
        }
        "resourcenotfound" => FaultKind::UnknownModel,
        "accessdenied"
        | "expiredtoken"
        | "incompletesignature"
        | "invalidclienttokenid"
        | "invalidsignature"
        | "missingauthenticationtoken"
        | "notauthorized"
        | "optinrequired"
        | "signaturedoesnotmatch"
        | "unrecognizedclient" => FaultKind::ProviderAuth,
        "requestentitytoolarge" => FaultKind::TooLarge,
        _ => by_status(status),
    }
}

const fn by_status(status: u16) -> FaultKind {
    match status {
        401..=403 => FaultKind::ProviderAuth,
        404 => FaultKind::UnknownModel,
        408 | 504 => FaultKind::TimedOut,
        413 => FaultKind::TooLarge,
        // The model failed, not the request.
        424 => FaultKind::ProviderFailed,
        429 => FaultKind::RateLimited,
        503 => FaultKind::Overloaded,
        400..=499 => FaultKind::BadRequest,
        _ => FaultKind::ProviderFailed,
    }
}

/// What the client may read: the provider's own words only when the client can change something.
fn message(kind: FaultKind, said: &str) -> String {
    const BEFORE: &str = "The model returned the following errors: ";
    if kind.is_attempts() {
        return kind.of_provider().to_owned();
    }
    let said = said.strip_prefix(BEFORE).unwrap_or(said);
    if said.is_empty() {
        return "The provider refused the request without saying why.".to_owned();
    }
    let end = said.floor_char_boundary(MAX_MESSAGE);
    said.get(..end).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, name: &str, message: &str) -> FaultKind {
        let headers = Headers(vec![("x-amzn-errortype".into(), name.into())]);
        let body = format!(r#"{{"message":"{message}"}}"#);
        read(status, &headers, body.as_bytes()).kind
    }

    #[test]
    fn the_type_decides_and_the_message_where_one_type_says_many_things() {
        use FaultKind::{
            BadRequest, ContextLength, Overloaded, ProviderAuth, ProviderFailed, QuotaSpent,
            RateLimited, TimedOut, UnknownModel,
        };
        let cases = [
            (
                400,
                "ValidationException",
                "Malformed input request",
                BadRequest,
            ),
            (
                400,
                "ValidationException:http://internal.amazon.com/coral/com.amazon.bedrock/",
                "Input is too long for requested model.",
                ContextLength,
            ),
            (
                400,
                "ValidationException",
                "The model returned the following errors: prompt is too long: 2 tokens > 1 maximum",
                ContextLength,
            ),
            (
                400,
                "ValidationException",
                "The provided model identifier is invalid.",
                UnknownModel,
            ),
            (
                400,
                "ValidationException",
                "Invocation of model ID m with on-demand throughput isn\u{2019}t supported.",
                UnknownModel,
            ),
            (
                400,
                "ValidationException",
                "Operation not allowed",
                ProviderAuth,
            ),
            (429, "ThrottlingException", "Too many tokens", RateLimited),
            (400, "ThrottlingException", "Rate exceeded", RateLimited),
            (429, "ModelNotReadyException", "m", Overloaded),
            (400, "ServiceQuotaExceededException", "m", QuotaSpent),
            (403, "AccessDeniedException", "m", ProviderAuth),
            (
                403,
                "com.amazon.coral.service#ExpiredTokenException",
                "m",
                ProviderAuth,
            ),
            (400, "UnrecognizedClientException", "m", ProviderAuth),
            (404, "ResourceNotFoundException", "m", UnknownModel),
            (408, "ModelTimeoutException", "m", TimedOut),
            (424, "ModelErrorException", "m", ProviderFailed),
            (500, "InternalServerException", "m", ProviderFailed),
            (503, "ServiceUnavailableException", "m", Overloaded),
            (418, "", "m", BadRequest),
            (424, "", "m", ProviderFailed),
        ];
        for (status, name, message, want) in cases {
            assert_eq!(of(status, name, message), want, "{status} {name} {message}");
        }
    }

    #[test]
    fn a_body_may_name_the_type_and_a_stream_s_frame_does() {
        let body = br#"{"__type":"com.amazon.coral.service#UnrecognizedClientException","Message":"token AKIA1"}"#;
        let fault = read(403, &Headers::default(), body);
        assert_eq!(
            (fault.kind, &*fault.message),
            (
                FaultKind::ProviderAuth,
                "The provider refused the gateway's credentials."
            )
        );
        let fault = exception(
            "validationException",
            r#"{"message":"The model returned the following errors: max_tokens is too high"}"#,
        );
        assert_eq!(
            (fault.kind, &*fault.message),
            (FaultKind::BadRequest, "max_tokens is too high")
        );
        let original = r#"{"message":"m","originalStatusCode":400,"originalMessage":"prompt is too long: 2 > 1"}"#;
        assert_eq!(
            exception("modelStreamErrorException", original).kind,
            FaultKind::ContextLength
        );
        assert_eq!(
            exception("InternalError", "It broke").kind,
            FaultKind::ProviderFailed
        );
    }

    #[test]
    fn what_no_service_wrote_is_judged_by_its_status() {
        for (status, body, want) in [
            (403, "<html>", FaultKind::ProviderAuth),
            (413, "", FaultKind::TooLarge),
            (502, "<html>", FaultKind::ProviderFailed),
            (503, "{", FaultKind::Overloaded),
        ] {
            let fault = read(status, &Headers::default(), body.as_bytes());
            assert_eq!(fault.kind, want, "{status}");
        }
    }
}
