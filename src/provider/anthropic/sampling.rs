//! `temperature`, `top_p`, `top_k`: capped, or left out where the model refuses them.
//!
//! Source: docs.claude.com, "Thinking: sampling parameters", "Migrating to API version 2026-10-21",
//! "Create a Message"; read 2026-11. Temperature ends at 1 there and at 2 here; models from Opus 4.7
//! on take no sampling parameter at all, and earlier ones not both `temperature` and `top_p`.

use super::note;
use crate::{
    api::chat::Chat,
    fault::{Fault, FaultKind},
};
use serde_json::value::RawValue;

/// What is sent.
#[derive(Debug, Default)]
pub(in crate::provider) struct Sampling<'a> {
    pub(in crate::provider) temperature: Option<&'a RawValue>,
    pub(in crate::provider) top_p: Option<&'a RawValue>,
    pub(in crate::provider) top_k: Option<&'a RawValue>,
}

/// What the model and the rest of the request allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::provider) enum Allowed {
    /// All of it.
    Together,
    /// All of it, but `top_p` only where there is no `temperature`.
    All,
    /// With thinking: `top_p` from 0.95 on and nothing else.
    Thinking,
    /// Nothing.
    Nothing,
}

/// Chooses what can be sent; a value that only says the default is left out silently.
///
/// Errors: `BadRequest` for a value outside OpenAI's range.
pub(in crate::provider) fn choose<'a>(
    chat: &'a Chat<'_>,
    allowed: Allowed,
    dropped: &mut Vec<String>,
) -> Result<Sampling<'a>, Fault> {
    let mut out = Sampling::default();
    if let Some((raw, value)) = number(chat, "temperature", 2.0)? {
        match allowed {
            Allowed::Together | Allowed::All if value <= 1.0 => out.temperature = Some(raw),
            Allowed::Together | Allowed::All => out.temperature = serde_json::from_str("1").ok(),
            _ if value == 1.0 => {}
            _ => note(dropped, "temperature"),
        }
    }
    if let Some((raw, value)) = number(chat, "top_p", 1.0)? {
        match allowed {
            _ if value == 1.0 => {}
            Allowed::Together => out.top_p = Some(raw),
            Allowed::All if out.temperature.is_none() => out.top_p = Some(raw),
            Allowed::Thinking if value >= 0.95 => out.top_p = Some(raw),
            _ => note(dropped, "top_p"),
        }
    }
    if let Some(raw) = chat.body.read("top_k").unwrap_or_default() {
        match allowed {
            Allowed::Together | Allowed::All => out.top_k = Some(raw),
            _ => note(dropped, "top_k"),
        }
    }
    Ok(out)
}

fn number<'a>(
    chat: &'a Chat<'_>,
    key: &'static str,
    most: f64,
) -> Result<Option<(&'a RawValue, f64)>, Fault> {
    let Some(raw): Option<&RawValue> = chat.body.read(key).unwrap_or_default() else {
        return Ok(None);
    };
    let value = serde_json::from_str(raw.get()).ok();
    value
        .filter(|value| (0.0..=most).contains(value))
        .map(|value| Some((raw, value)))
        .ok_or_else(|| {
            let message = format!("`{key}` must be a number from 0 to {most}.");
            Fault::new(FaultKind::BadRequest, message).at(key)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(fields: &str, allowed: Allowed) -> Result<String, String> {
        let body = format!(r#"{{"model":"m","messages":[{{}}],{fields}}}"#);
        let chat = Chat::parse(body.as_bytes()).unwrap();
        let mut dropped = Vec::new();
        let out = choose(&chat, allowed, &mut dropped).map_err(|f| f.message.into_owned())?;
        let text = |raw: Option<&RawValue>| raw.map_or("-".to_owned(), |raw| raw.get().to_owned());
        Ok(format!(
            "{} {} {} {}",
            text(out.temperature),
            text(out.top_p),
            text(out.top_k),
            dropped.join(",")
        ))
    }

    #[test]
    fn each_value_is_sent_capped_or_listed() {
        use Allowed::{All, Nothing, Thinking};
        let cases = [
            (r#""temperature":0.70"#, All, "0.70 - - "),
            (r#""temperature":1.5"#, All, "1 - - "),
            (r#""temperature":0,"top_p":0.5"#, All, "0 - - top_p"),
            (r#""temperature":0.5,"top_p":1"#, All, "0.5 - - "),
            (r#""top_p":0.5,"top_k":40"#, All, "- 0.5 40 "),
            (r#""temperature":null"#, All, "- - - "),
            (
                r#""temperature":0.5,"top_p":0.97,"top_k":4"#,
                Thinking,
                "- 0.97 - temperature,top_k",
            ),
            (r#""temperature":1,"top_p":0.5"#, Thinking, "- - - top_p"),
            (
                r#""temperature":0,"top_p":0.97,"top_k":1"#,
                Nothing,
                "- - - temperature,top_p,top_k",
            ),
            (r#""temperature":1.0,"top_p":1.0"#, Nothing, "- - - "),
        ];
        for (fields, allowed, want) in cases {
            assert_eq!(
                chosen(fields, allowed).as_deref(),
                Ok(want),
                "{fields} {allowed:?}"
            );
        }
    }

    #[test]
    fn a_value_out_of_range_is_refused() {
        assert_eq!(
            chosen(r#""temperature":2.1"#, Allowed::All),
            Err("`temperature` must be a number from 0 to 2.".into())
        );
        assert_eq!(
            chosen(r#""top_p":"1""#, Allowed::Nothing),
            Err("`top_p` must be a number from 0 to 1.".into())
        );
    }
}
