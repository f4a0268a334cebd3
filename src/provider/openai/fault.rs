//! Reads an error in OpenAI's words, and the shapes that compatible hosts make of it.
//! Source: OpenAI API reference, "Error codes"; OpenRouter, "Errors" (numeric codes in a 200, an error in a
//! choice, `metadata`); vLLM `ErrorResponse`; FastAPI's `detail`, Mistral's `message.detail`; Groq, "API Error
//! Codes" (498, `tool_use_failed`, `json_validate_failed`); DeepSeek, "Error Codes"; read 2026-11.

use crate::{
    fault::{Fault, FaultKind},
    host::Headers,
    json::{Object, Raw},
};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// Longest provider message that is handed on. Units: bytes.
const MAX_MESSAGE: usize = 2000;

#[derive(Deserialize, Default)]
struct Said {
    #[serde(default, deserialize_with = "words")]
    message: Option<String>,
    r#type: Option<Value>,
    param: Option<Value>,
    code: Option<Value>,
    metadata: Option<Metadata>,
}

/// What OpenRouter adds when a prompt was moderated.
#[derive(Deserialize)]
struct Metadata {
    reasons: Option<Value>,
}

/// One complaint of a validator.
#[derive(Deserialize)]
struct Complaint {
    #[serde(default)]
    loc: Vec<Value>,
    #[serde(default)]
    msg: String,
}

/// Text, or the list of complaints of a validator (bare, or below `detail`).
fn words<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(text_of_complaints(&Value::deserialize(deserializer)?))
}

fn text_of_complaints(value: &Value) -> Option<String> {
    const MOST: usize = 5;
    let list = match value {
        Value::String(text) => return Some(text.clone()),
        Value::Array(list) => list,
        Value::Object(map) => map.get("detail")?.as_array()?,
        _ => return None,
    };
    let one = |value: &Value| {
        let complaint: Complaint = serde_json::from_value(value.clone()).ok()?;
        let steps = complaint.loc.iter().filter_map(text_of);
        let place = steps
            .filter(|step| step != "body")
            .collect::<Vec<_>>()
            .join(".");
        Some(format!("`{place}`: {}", complaint.msg))
    };
    let all: Vec<_> = list.iter().take(MOST).filter_map(one).collect();
    (!all.is_empty()).then(|| all.join("; "))
}

/// DeepSeek's finish reason when it ran out of machines.
const EXHAUSTED: &str = "insufficient_system_resource";

/// The fault behind an error answer; `status` 200 means that the answer only looked fine.
pub(super) fn read(status: u16, headers: &Headers, body: &[u8]) -> Fault {
    let said = said(body);
    let code = said.code.as_ref().and_then(text_of);
    let kind_of = said.r#type.as_ref().and_then(text_of);
    // OpenRouter and others put an HTTP status into `code`, for errors inside a 200.
    let numeric = code.as_deref().and_then(|code| code.parse::<u16>().ok());
    let is_status = |code: &u16| (400..600).contains(code);
    let status = if status < 400 {
        numeric.filter(is_status).unwrap_or(status)
    } else {
        status
    };
    let words = (code.as_deref(), kind_of.as_deref());
    let moderated = said
        .metadata
        .is_some_and(|metadata| metadata.reasons.is_some());
    let kind = match status {
        403 if moderated => FaultKind::Blocked,
        _ => kind(status, words, said.message.as_deref()),
    };
    let told = kind.is_attempts() || numeric.is_some() || kind == FaultKind::ContextLength;
    let mut fault = Fault::new(kind, message(kind, said.message));
    fault.param = said.param.as_ref().and_then(text_of);
    fault.code = code.filter(|_| !told);
    fault.retry_after = headers.get("retry-after").map(str::to_owned);
    fault
}

fn kind(status: u16, (code, of): (Option<&str>, Option<&str>), message: Option<&str>) -> FaultKind {
    let is = |word: &str| code == Some(word) || of == Some(word);
    let too_long = |m: &str| {
        [
            "maximum context length",
            "maximum prompt length",
            "tokens + `max_new_tokens` must be",
        ]
        .iter()
        .any(|words| m.contains(words))
    };
    // Some hosts answer 400 where the gateway's own account is at fault (xAI, Gemini's OpenAI form). Their message begins
    // so; further on it may repeat what the client has sent.
    let of_key = |m: &str| {
        [
            "Incorrect API key provided",
            "No API key provided",
            "API key not valid",
            "Invalid API key",
            "invalid api key",
        ]
        .iter()
        .any(|words| m.starts_with(words))
    };
    match status {
        400..=499 if is("invalid_api_key") || message.is_some_and(of_key) => {
            FaultKind::ProviderAuth
        }
        400..=499 if is("insufficient_quota") => FaultKind::QuotaSpent,
        400..=499 if is("model_not_found") => FaultKind::UnknownModel,
        400..=499 if is("context_length_exceeded") || message.is_some_and(too_long) => {
            FaultKind::ContextLength
        }
        400 | 422 if is("content_filter") || is("content_policy_violation") => FaultKind::Blocked,
        // The model made a call or an object that is none; the request is not at fault.
        400 | 422 if is("tool_use_failed") || is("json_validate_failed") => {
            FaultKind::ProviderFailed
        }
        401..=403 => FaultKind::ProviderAuth,
        404 => FaultKind::UnknownModel,
        408 => FaultKind::TimedOut,
        // Groq: more tokens than the account may use in a minute.
        413 if is("rate_limit_exceeded") => FaultKind::RateLimited,
        413 => FaultKind::TooLarge,
        429 => FaultKind::RateLimited,
        498 => FaultKind::Overloaded,
        400..=499 => FaultKind::BadRequest,
        503 | 529 => FaultKind::Overloaded,
        504 => FaultKind::TimedOut,
        500..=599 => FaultKind::ProviderFailed,
        // No status to go by: an error inside a 200.
        _ if is("insufficient_quota") => FaultKind::QuotaSpent,
        _ if is("rate_limit_exceeded") || is("rate_limit_error") => FaultKind::RateLimited,
        _ if is("invalid_api_key") || is("authentication_error") => FaultKind::ProviderAuth,
        _ if is("model_not_found") => FaultKind::UnknownModel,
        _ if is("context_length_exceeded") => FaultKind::ContextLength,
        _ if is("content_filter") => FaultKind::Blocked,
        _ if is("overloaded_error") || is(EXHAUSTED) => FaultKind::Overloaded,
        _ if is("tool_use_failed") || is("json_validate_failed") => FaultKind::ProviderFailed,
        _ if is("invalid_request_error") => FaultKind::BadRequest,
        _ => FaultKind::ProviderFailed,
    }
}

/// What the client may read: the provider's own words only when the client caused the error.
/// A provider quotes parts of the key it refused, and its other failures are of no use to a client.
fn message(kind: FaultKind, said: Option<String>) -> String {
    match kind {
        _ if kind.is_attempts() => kind.of_provider().to_owned(),
        _ => said.filter(|m| !m.is_empty()).map_or_else(
            || "The provider refused the request without saying why.".to_owned(),
            |mut message| {
                message.truncate(message.floor_char_boundary(MAX_MESSAGE));
                message
            },
        ),
    }
}

fn said(body: &[u8]) -> Said {
    let text = std::str::from_utf8(body).unwrap_or_default();
    let Ok(object) = Object::parse(text.trim()) else {
        return Said::default();
    };
    match object.raw("error").map(|raw| raw.get()) {
        // An answer that broke off says so where it ends.
        None | Some("null") if object.raw("choices").is_some() => in_choice(&object),
        // {"error": {"message": ..}}
        Some(error) if error.starts_with('{') => serde_json::from_str(error).unwrap_or_default(),
        // {"error": "..", "message": ..}
        Some(error) if error.starts_with('"') => Said {
            message: serde_json::from_str(error).ok(),
            ..Said::default()
        },
        // {"message": .., "type": .., "code": ..} and {"detail": ".."}
        _ => {
            let mut said: Said = serde_json::from_str(text).unwrap_or_default();
            said.message = said.message.or_else(|| {
                let detail: Value = object.read("detail").ok().flatten()?;
                text_of_complaints(&detail)
            });
            said
        }
    }
}

/// The error in the first choice, or what its finish reason says.
fn in_choice(object: &Object<'_>) -> Said {
    #[derive(Deserialize)]
    struct Choice {
        error: Option<Said>,
        finish_reason: Option<String>,
    }
    let choices = object.raw("choices").map(Raw::get).unwrap_or_default();
    let choices: Vec<Choice> = serde_json::from_str(choices).unwrap_or_default();
    let Some(first) = choices.into_iter().next() else {
        return Said::default();
    };
    let reason = first.finish_reason;
    first.error.unwrap_or_else(|| Said {
        code: reason.map(Value::String),
        ..Said::default()
    })
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_validator_s_complaints_are_told() {
        let want = "`messages.0.user.name`: Extra inputs are not permitted; `n`: too many";
        let list = r#"[{"type":"extra_forbidden","loc":["body","messages",0,"user","name"],"msg":"Extra inputs are not permitted","input":null},{"loc":["body","n"],"msg":"too many"}]"#;
        for body in [
            format!(
                r#"{{"object":"error","message":{{"detail":{list}}},"type":"invalid_request_error","code":null}}"#
            ),
            format!(r#"{{"detail":{list}}}"#),
        ] {
            assert_eq!(
                of(422, &body),
                (FaultKind::BadRequest, want.into(), None, None)
            );
        }
    }

    fn of(status: u16, body: &str) -> (FaultKind, String, Option<String>, Option<String>) {
        let fault = read(status, &Headers::default(), body.as_bytes());
        (
            fault.kind,
            fault.message.into_owned(),
            fault.param,
            fault.code,
        )
    }

    #[test]
    fn a_client_s_error_keeps_the_provider_s_words() {
        let body = r#"{"error":{"message":"'x' is too high","type":"invalid_request_error","param":"temperature","code":"too_high"}}"#;
        assert_eq!(
            of(400, body),
            (
                FaultKind::BadRequest,
                "'x' is too high".into(),
                Some("temperature".into()),
                Some("too_high".into())
            )
        );
        assert_eq!(of(422, r#"{"detail":"n must be 1"}"#).1, "n must be 1");
        assert_eq!(
            of(
                400,
                r#"{"object":"error","message":"bad","type":"BadRequestError","code":400}"#
            )
            .1,
            "bad"
        );
        assert_eq!(
            of(400, "<html>").1,
            "The provider refused the request without saying why."
        );
    }

    #[test]
    fn a_refused_credential_never_quotes_the_key() {
        let body = r#"{"error":{"message":"Incorrect API key provided: sk-ab***yz","code":"invalid_api_key"}}"#;
        for status in [401, 402, 403] {
            assert_eq!(
                of(status, body),
                (
                    FaultKind::ProviderAuth,
                    "The provider refused the gateway's credentials.".into(),
                    None,
                    None
                )
            );
        }
    }

    #[test]
    fn the_kind_follows_the_status_and_the_code() {
        let error = |code: &str| format!(r#"{{"error":{{"message":"m","code":"{code}"}}}}"#);
        let cases = [
            (
                400,
                error("context_length_exceeded"),
                FaultKind::ContextLength,
            ),
            (400, error("content_filter"), FaultKind::Blocked),
            (404, error(""), FaultKind::UnknownModel),
            (408, String::new(), FaultKind::TimedOut),
            (413, String::new(), FaultKind::TooLarge),
            (429, error("insufficient_quota"), FaultKind::QuotaSpent),
            (429, error(""), FaultKind::RateLimited),
            (500, String::new(), FaultKind::ProviderFailed),
            (529, String::new(), FaultKind::Overloaded),
            (400, error("invalid_api_key"), FaultKind::ProviderAuth),
            (400, error("insufficient_quota"), FaultKind::QuotaSpent),
            (400, error("model_not_found"), FaultKind::UnknownModel),
            (
                400,
                r#"{"code":"Client specified an invalid argument","error":"Incorrect API key provided: sk***YA."}"#.into(),
                FaultKind::ProviderAuth,
            ),
            // The client's own words.
            (
                400,
                r#"{"error":{"message":"Invalid value: 'Invalid API key'. Supported values are: 'system'.","param":"messages[0].role"}}"#.into(),
                FaultKind::BadRequest,
            ),
            (403, r#"{"error":{"message":"flagged","code":403,"metadata":{"reasons":["violence"]}}}"#.into(), FaultKind::Blocked),
            (413, error("rate_limit_exceeded"), FaultKind::RateLimited),
            (498, error("capacity"), FaultKind::Overloaded),
            (400, error("tool_use_failed"), FaultKind::ProviderFailed),
            (200, r#"{"choices":[{"error":{"message":"m","code":429},"finish_reason":"error"}]}"#.into(), FaultKind::RateLimited),
            (200, r#"{"choices":[{"finish_reason":"insufficient_system_resource"}]}"#.into(), FaultKind::Overloaded),
            (200, r#"{"choices":[{"finish_reason":"error"}]}"#.into(), FaultKind::ProviderFailed),
            (200, error("rate_limit_exceeded"), FaultKind::RateLimited),
            (
                200,
                r#"{"error":{"message":"m","code":502}}"#.into(),
                FaultKind::ProviderFailed,
            ),
            (
                200,
                r#"{"error":{"message":"m","code":429}}"#.into(),
                FaultKind::RateLimited,
            ),
            (200, error("invalid_request_error"), FaultKind::BadRequest),
        ];
        for (status, body, want) in cases {
            assert_eq!(of(status, &body).0, want, "{status} {body}");
        }
    }
}
