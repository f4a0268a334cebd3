//! Makes a JSON schema fit for structured outputs.
//!
//! Anthropic follows a part of JSON Schema and refuses the rest with a 400. Its own SDKs move the
//! limits it does not know into the description, so that the model still reads them, and close
//! objects that do not say whether they are; this does the same and keeps the order of the fields,
//! which is the order of the answer.
//! Source: docs.claude.com, "Structured outputs: JSON Schema limitations", and `transform_schema`
//! of the official Python SDK 2.11; read 2026-11.

use crate::json::{Object, Raw, Str};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// Limits that are not followed.
const LIMITS: &[&str] = &[
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
];

/// Formats of strings that are followed.
const FORMATS: &[&str] = &[
    "date-time",
    "time",
    "date",
    "duration",
    "email",
    "hostname",
    "uri",
    "ipv4",
    "ipv6",
    "uuid",
];

/// A schema that fits.
#[derive(Debug)]
pub(in crate::provider) struct Fitted {
    /// `None`: it fits as it stands.
    pub(in crate::provider) schema: Option<Box<RawValue>>,
    /// A limit became advice.
    pub(in crate::provider) loosened: bool,
}

/// Fits a schema.
pub(in crate::provider) fn fit(schema: &RawValue) -> Fitted {
    let mut loosened = false;
    let text = fitted(schema.get(), &mut loosened).filter(|text| text != schema.get());
    Fitted {
        schema: text.and_then(|text| RawValue::from_string(text).ok()),
        loosened,
    }
}

/// `None`: not an object, e.g. `true`.
fn fitted(text: &str, loosened: &mut bool) -> Option<String> {
    let source = Object::parse(text).ok()?;
    let mut out = Object::default();
    let mut advice = Vec::new();
    for (key, raw) in source.iter() {
        let raw = raw.get();
        let (key, value) = match key {
            "properties" | "$defs" | "definitions" => (key, each_field(raw, loosened)),
            "items" | "not" => (key, fitted(raw, loosened)),
            "anyOf" | "allOf" => (key, each_item(raw, loosened)),
            "oneOf" => ("anyOf", each_item(raw, loosened)),
            _ if is_limit(key, raw) => {
                *loosened = true;
                advice.push(format!("{key}: {raw}"));
                continue;
            }
            _ => (key, None),
        };
        let value = value.unwrap_or_else(|| raw.to_owned());
        out.push(Cow::Owned(key.to_owned()), Raw::Made(value));
    }
    let is_object = out.raw("type").is_some_and(|raw| raw.get() == "\"object\"");
    if is_object && out.raw("additionalProperties").is_none() {
        out.push("additionalProperties".into(), Raw::Made("false".to_owned()));
    }
    if !advice.is_empty() {
        let said: Option<Str<'_>> = source.read("description").unwrap_or_default();
        let said = said.map_or_else(String::new, |said| format!("{}\n\n", &*said));
        let text = format!("{said}{{{}}}", advice.join(", "));
        // A string is always writable.
        let _ = out.set("description", &text);
    }
    String::from_utf8(out.to_vec()).ok()
}

fn each_field(text: &str, loosened: &mut bool) -> Option<String> {
    let source = Object::parse_map(text).ok()?;
    let mut out = Object::default();
    for (key, raw) in source.iter() {
        let value = fitted(raw.get(), loosened).unwrap_or_else(|| raw.get().to_owned());
        out.push(Cow::Owned(key.to_owned()), Raw::Made(value));
    }
    String::from_utf8(out.to_vec()).ok()
}

fn each_item(text: &str, loosened: &mut bool) -> Option<String> {
    let items: Vec<&RawValue> = serde_json::from_str(text).ok()?;
    let items: Vec<_> = items
        .iter()
        .map(|raw| fitted(raw.get(), loosened).unwrap_or_else(|| raw.get().to_owned()))
        .collect();
    Some(format!("[{}]", items.join(",")))
}

fn is_limit(key: &str, raw: &str) -> bool {
    match key {
        "minItems" => raw != "0" && raw != "1",
        "format" => !FORMATS.contains(&raw.trim_matches('"')),
        _ => LIMITS.contains(&key),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit_to(schema: &str) -> (Option<String>, bool) {
        let fitted = fit(serde_json::from_str(schema).unwrap());
        (
            fitted.schema.map(|raw| raw.get().to_owned()),
            fitted.loosened,
        )
    }

    #[test]
    fn a_schema_that_fits_stays_as_it_is() {
        let schema = r##"{"type":"object","properties":{"z":{"type":"string","format":"date"},"a":{"$ref":"#/$defs/a"}},"required":["z","a"],"additionalProperties":false,"$defs":{"a":{"type":"array","items":{"type":"number"},"minItems":1}}}"##;
        assert_eq!(fit_to(schema), (None, false));
    }

    #[test]
    fn objects_are_closed_and_limits_become_advice() {
        assert_eq!(
            fit_to(
                r#"{"type":"object","properties":{"n":{"type":"integer","minimum":1,"maximum":10,"description":"A \"count\""},"b":{"oneOf":[{"type":"null"},{"type":"object","properties":{}}]},"d":{"type":"array","items":{"type":"string","format":"color"},"minItems":2}},"required":["n"]}"#
            ),
            (
                Some(
                    [
                        r#"{"type":"object","properties":{"n":{"type":"integer","description":"A \"count\"\n\n{minimum: 1, maximum: 10}"},"#,
                        r#""b":{"anyOf":[{"type":"null"},{"type":"object","properties":{},"additionalProperties":false}]},"#,
                        r#""d":{"type":"array","items":{"type":"string","description":"{format: \"color\"}"},"description":"{minItems: 2}"}},"#,
                        r#""required":["n"],"additionalProperties":false}"#,
                    ]
                    .concat()
                ),
                true
            )
        );
    }

    #[test]
    fn a_property_may_be_called_like_a_keyword() {
        assert_eq!(
            fit_to(
                r#"{"type":"object","properties":{"minimum":{"type":"number"}},"additionalProperties":false}"#
            ),
            (None, false)
        );
    }

    #[test]
    fn a_schema_may_have_as_many_fields_as_it_likes() {
        let schema = |field: &str, end: &str| {
            let fields = (0..3000).map(|n| format!(r#""a{n}":{field}"#));
            let fields = fields.collect::<Vec<_>>().join(",");
            format!(r#"{{"type":"object","properties":{{{fields}}}{end}}}"#)
        };
        let advised = r#"{"type":"string","description":"{maxLength: 5}"}"#;
        assert_eq!(
            fit_to(&schema(r#"{"type":"string","maxLength":5}"#, "")),
            (
                Some(schema(advised, r#","additionalProperties":false"#)),
                true
            )
        );
    }

    #[test]
    fn a_map_is_left_for_the_provider_to_judge() {
        assert_eq!(
            fit_to(r#"{"type":"object","additionalProperties":{"type":"string"}}"#),
            (None, false)
        );
    }
}
