//! What a response repeats of its request.

use crate::json::{Object, Raw, one_line};

/// Fields of the request that every response holds, with what they are when the client is silent.
/// Source: `Response` of the official Python SDK 3.52, read 2026-11.
const FIELDS: &[(&str, &str)] = &[
    ("background", "false"),
    ("instructions", "null"),
    ("max_output_tokens", "null"),
    ("max_tool_calls", "null"),
    ("metadata", "{}"),
    ("parallel_tool_calls", "true"),
    ("previous_response_id", "null"),
    ("prompt_cache_key", "null"),
    ("reasoning", r#"{"effort":null,"summary":null}"#),
    ("safety_identifier", "null"),
    ("service_tier", "null"),
    ("temperature", "null"),
    ("text", r#"{"format":{"type":"text"}}"#),
    ("tool_choice", r#""auto""#),
    ("tools", "[]"),
    ("top_logprobs", "0"),
    ("top_p", "null"),
    ("truncation", r#""disabled""#),
    ("user", "null"),
];

/// The repeated fields as JSON text, without the braces around them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Echo(String);

impl Default for Echo {
    fn default() -> Self {
        Self::of(&Object::default())
    }
}

impl Echo {
    /// What a response to `body` repeats.
    pub fn of(body: &Object<'_>) -> Self {
        let mut out = String::from(r#""store":false"#);
        for (key, silent) in FIELDS {
            let said = body.raw(key).map(Raw::get).filter(|text| *text != "null");
            out.push_str(",\"");
            out.push_str(key);
            out.push_str("\":");
            out.push_str(&one_line(said.unwrap_or(silent)));
        }
        Self(out)
    }

    pub(super) fn fields(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_client_said_is_repeated_byte_for_byte_and_the_rest_is_named() {
        let body = Object::parse(r#"{"temperature":0.50,"tools":null,"store":true}"#).unwrap();
        let text = format!("{{{}}}", Echo::of(&body).fields());
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert!(text.contains(r#""temperature":0.50"#));
        assert_eq!(value["tools"], serde_json::json!([]));
        assert_eq!(value["store"], serde_json::json!(false));
    }

    #[test]
    fn it_is_one_line_whatever_the_client_s_layout() {
        let body =
            Object::parse("{\"metadata\": {\r\n \"a\": \"b \\n c\",\n\t\"d\": \"e\"\n}}").unwrap();
        let echo = Echo::of(&body);
        assert!(!echo.fields().contains(['\n', '\r']));
        assert!(
            echo.fields()
                .contains(r#""metadata":{"a": "b \n c","d": "e"}"#)
        );
    }
}
