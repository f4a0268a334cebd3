//! `POST /v1/messages/count_tokens` where the provider does not count itself: this gateway's own count.

use crate::{fault::Fault, json::Object};
use serde::Deserialize;
use serde_json::value::RawValue;

/// Checks what is to be counted.
///
/// Errors: `BadRequest` when there are no messages.
pub fn check_count(body: &Object<'_>) -> Result<(), Fault> {
    #[derive(Deserialize)]
    struct Any<'a> {
        #[serde(borrow, default)]
        #[allow(dead_code)] // only its being there counts
        role: Option<&'a RawValue>,
    }
    super::request::messages::<Any<'_>>(body).map(|_| ())
}

/// The answer's body.
pub fn count_body(tokens: u64) -> Vec<u8> {
    format!(r#"{{"input_tokens":{tokens}}}"#).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_needs_messages() {
        assert!(check_count(&Object::parse(r#"{"model":"m"}"#).unwrap()).is_err());
        assert!(check_count(&Object::parse(r#"{"messages":[{}]}"#).unwrap()).is_ok());
    }
}
