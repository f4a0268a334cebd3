//! How much the model shall think: `reasoning_effort`, an Anthropic-like `thinking`, or Gemini's own
//! `thinking_config`, fitted to the model.
//!
//! Source: ai.google.dev, "Thinking" (budgets and levels by model; both at once are refused), "OpenAI
//! compatibility" (what each effort means: 1024, 8192 and 24576 tokens; `extra_body.google`); read
//! 2026-11.

use super::{
    model::{Model, Thinking as Takes},
    note,
    wire::Thinking,
};
use crate::{
    api::chat::Chat,
    fault::{Fault, FaultKind},
    json::Str,
};
use serde::Deserialize;
use serde_json::value::RawValue;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effort {
    None,
    /// The model finds its own measure.
    Own,
    /// At least so many tokens. Units: tokens.
    Tokens(i64),
}

/// The budget that the API's own OpenAI layer takes an effort for. Units: tokens.
const EFFORTS: &[(&str, Effort)] = &[
    ("none", Effort::None),
    ("minimal", Effort::Tokens(512)),
    ("low", Effort::Tokens(1024)),
    ("medium", Effort::Tokens(8192)),
    ("high", Effort::Tokens(24_576)),
    ("xhigh", Effort::Tokens(32_768)),
    ("max", Effort::Tokens(32_768)),
];

#[derive(Deserialize)]
struct Native<'a> {
    #[serde(borrow)]
    r#type: Str<'a>,
    budget_tokens: Option<i64>,
}

#[derive(Deserialize)]
struct Extra<'a> {
    #[serde(borrow, default)]
    google: Option<Google<'a>>,
}

#[derive(Deserialize)]
struct Google<'a> {
    #[serde(borrow, default, alias = "thinkingConfig")]
    thinking_config: Option<&'a RawValue>,
}

/// Fits what the client asked for to the model. The more exact form wins.
///
/// Errors: `BadRequest` that names the field.
pub(super) fn plan<'a>(
    chat: &'a Chat<'_>,
    model: &Model,
    dropped: &mut Vec<String>,
) -> Result<Option<Thinking<'a>>, Fault> {
    let effort = effort(chat)?;
    if let Some(raw) = own(chat)? {
        return Ok(Some(Thinking::Kept(raw)));
    }
    Ok(match (native(chat)?, effort) {
        // The model finds its measure within the effort.
        (Some(Effort::Own), Some(asked)) => fit(asked, model, "reasoning_effort", dropped),
        (Some(Effort::None), Some(asked)) if asked != Effort::None => {
            note(dropped, "reasoning_effort");
            fit(Effort::None, model, "thinking", dropped)
        }
        (Some(asked), _) => fit(asked, model, "thinking", dropped),
        (None, Some(asked)) => fit(asked, model, "reasoning_effort", dropped),
        (None, None) => None,
    })
}

/// Gemini's own words, which go to the model as they are.
fn own<'a>(chat: &'a Chat<'_>) -> Result<Option<&'a RawValue>, Fault> {
    let extra: Option<Extra<'a>> = chat.body.read("extra_body").unwrap_or_default();
    let extra = extra
        .and_then(|extra| extra.google)
        .and_then(|google| google.thinking_config);
    let at =
        |key: &'static str| -> Option<&'a RawValue> { chat.body.read(key).unwrap_or_default() };
    let found = [
        ("thinking_config", at("thinking_config")),
        ("thinkingConfig", at("thinkingConfig")),
        ("extra_body.google.thinking_config", extra),
    ];
    for (key, raw) in found {
        match raw {
            Some(raw) if raw.get().starts_with('{') => return Ok(Some(raw)),
            Some(_) => {
                let message =
                    format!("`{key}` must be an object like {{\"thinking_budget\": 1024}}.");
                return Err(Fault::new(FaultKind::BadRequest, message).at(key));
            }
            None => {}
        }
    }
    Ok(None)
}

fn native(chat: &Chat<'_>) -> Result<Option<Effort>, Fault> {
    let wrong = || {
        let message =
            "`thinking` must be an object like {\"type\": \"enabled\", \"budget_tokens\": 2048}.";
        Fault::new(FaultKind::BadRequest, message).at("thinking")
    };
    let native: Option<Native<'_>> = chat.body.read("thinking").map_err(|_| wrong())?;
    native
        .map(|native| match (&*native.r#type, native.budget_tokens) {
            ("disabled" | "between_tools", _) => Ok(Effort::None),
            ("adaptive", _) | ("enabled", None) => Ok(Effort::Own),
            ("enabled", Some(tokens)) if tokens > 0 => Ok(Effort::Tokens(tokens)),
            _ => Err(wrong()),
        })
        .transpose()
}

fn effort(chat: &Chat<'_>) -> Result<Option<Effort>, Fault> {
    let word = chat.body.read::<Str<'_>>("reasoning_effort");
    let known = |word: &str| EFFORTS.iter().find(|(known, _)| *known == word);
    match word.as_ref().map(Option::as_deref) {
        Ok(None) => return Ok(None),
        Ok(Some(word)) => {
            if let Some((_, effort)) = known(word) {
                return Ok(Some(*effort));
            }
        }
        Err(_) => {}
    }
    let message = "`reasoning_effort` must be one of none, minimal, low, medium, high, xhigh, max.";
    Err(Fault::new(FaultKind::BadRequest, message).at("reasoning_effort"))
}

fn fit<'a>(
    asked: Effort,
    model: &Model,
    from: &str,
    dropped: &mut Vec<String>,
) -> Option<Thinking<'a>> {
    match (model.thinking, asked) {
        (Takes::Never, Effort::None) => None,
        (Takes::Never, _) => {
            note(dropped, from);
            None
        }
        (Takes::Budget { off: true, .. }, Effort::None) => Some(made(false, Some(0), None)),
        (Takes::Budget { least, .. }, Effort::None) => {
            note(dropped, from);
            Some(made(false, Some(least), None))
        }
        // -1 leaves the measure to the model.
        (Takes::Budget { .. }, Effort::Own) => Some(made(true, Some(-1), None)),
        (Takes::Budget { least, most, .. }, Effort::Tokens(tokens)) => {
            Some(made(true, Some(tokens.clamp(least, most)), None))
        }
        (Takes::Level { minimal, .. }, Effort::None) => {
            note(dropped, from);
            let lowest = if minimal { "MINIMAL" } else { "LOW" };
            Some(made(false, None, Some(lowest)))
        }
        (Takes::Level { .. }, Effort::Own) => Some(made(true, None, None)),
        (Takes::Level { minimal, medium }, Effort::Tokens(tokens)) => {
            // The nearest level that does not promise less. `XHIGH` is known to the SDK, but no
            // document says which models take it: `thinking_config` can ask for it.
            let level = match tokens {
                ..=512 if minimal => "MINIMAL",
                ..=1024 => "LOW",
                ..=8192 if medium => "MEDIUM",
                _ => "HIGH",
            };
            Some(made(true, None, Some(level)))
        }
    }
}

/// Summaries of thoughts are left out unless they are asked for, and a stream would say nothing at
/// all while the model thinks.
fn made<'a>(
    include: bool,
    thinking_budget: Option<i64>,
    thinking_level: Option<&'static str>,
) -> Thinking<'a> {
    Thinking::Made {
        include_thoughts: include.then_some(true),
        thinking_budget,
        thinking_level,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::gemini::model::model;

    fn planned(name: &str, fields: &str) -> Result<String, String> {
        let body = format!(r#"{{"model":"m","messages":[{{}}],{fields}}}"#);
        let chat = Chat::parse(body.as_bytes()).unwrap();
        let mut dropped = Vec::new();
        let plan =
            plan(&chat, &model(name), &mut dropped).map_err(|fault| fault.message.into_owned())?;
        let sent = serde_json::to_string(&plan).unwrap();
        Ok(format!("{sent} {}", dropped.join(",")))
    }

    #[test]
    fn an_effort_is_a_budget_or_a_level() {
        let budget = |n: i64| format!(r#"{{"includeThoughts":true,"thinkingBudget":{n}}} "#);
        let level = |word: &str| format!(r#"{{"includeThoughts":true,"thinkingLevel":"{word}"}} "#);
        let cases = [
            ("gemini-2.5-flash", "minimal", budget(512)),
            ("gemini-2.5-flash", "medium", budget(8192)),
            ("gemini-2.5-flash", "max", budget(24_576)),
            ("gemini-2.5-pro", "max", budget(32_768)),
            ("gemini-3-pro-preview", "minimal", level("LOW")),
            ("gemini-3-pro-preview", "medium", level("HIGH")),
            ("gemini-3-flash-preview", "minimal", level("MINIMAL")),
            ("gemini-3.8-flash", "minimal", level("LOW")),
            ("gemini-3.8-flash", "medium", level("MEDIUM")),
            ("gemini-3.8-flash", "xhigh", level("HIGH")),
            (
                "gemini-2.5-flash",
                "none",
                r#"{"thinkingBudget":0} "#.into(),
            ),
            (
                "gemini-2.5-pro",
                "none",
                r#"{"thinkingBudget":128} reasoning_effort"#.into(),
            ),
            (
                "gemini-3-pro-preview",
                "none",
                r#"{"thinkingLevel":"LOW"} reasoning_effort"#.into(),
            ),
            ("gemini-2.0-flash", "none", "null ".into()),
            ("gemini-2.0-flash", "high", "null reasoning_effort".into()),
            ("gemma-3-27b-it", "low", "null reasoning_effort".into()),
        ];
        for (name, said, want) in cases {
            let fields = format!(r#""reasoning_effort":"{said}""#);
            assert_eq!(planned(name, &fields), Ok(want), "{name} {said}");
        }
    }

    #[test]
    fn the_more_exact_form_wins() {
        let cases = [
            (
                r#""reasoning_effort":"low","thinking_config":{"thinking_budget":77}"#,
                r#"{"thinking_budget":77} "#,
            ),
            (
                r#""extra_body":{"google":{"thinking_config":{"includeThoughts":true}}}"#,
                r#"{"includeThoughts":true} "#,
            ),
            (
                r#""thinking":{"type":"enabled","budget_tokens":2000},"reasoning_effort":"high""#,
                r#"{"includeThoughts":true,"thinkingBudget":2000} "#,
            ),
            (
                r#""thinking":{"type":"enabled","budget_tokens":99999}"#,
                r#"{"includeThoughts":true,"thinkingBudget":24576} "#,
            ),
            (
                r#""thinking":{"type":"adaptive"}"#,
                r#"{"includeThoughts":true,"thinkingBudget":-1} "#,
            ),
            (
                r#""thinking":{"type":"disabled"}"#,
                r#"{"thinkingBudget":0} "#,
            ),
            (
                r#""thinking":{"type":"between_tools"}"#,
                r#"{"thinkingBudget":0} "#,
            ),
            (
                r#""thinking":{"type":"adaptive"},"reasoning_effort":"low""#,
                r#"{"includeThoughts":true,"thinkingBudget":1024} "#,
            ),
            (
                r#""thinking":{"type":"enabled"},"reasoning_effort":"low""#,
                r#"{"includeThoughts":true,"thinkingBudget":1024} "#,
            ),
            (
                r#""thinking":{"type":"disabled"},"reasoning_effort":"high""#,
                r#"{"thinkingBudget":0} reasoning_effort"#,
            ),
            (
                r#""thinking":{"type":"disabled"},"reasoning_effort":"none""#,
                r#"{"thinkingBudget":0} "#,
            ),
        ];
        for (fields, want) in cases {
            assert_eq!(
                planned("gemini-2.5-flash", fields).as_deref(),
                Ok(want),
                "{fields}"
            );
        }
        assert_eq!(
            planned("gemini-3.8-flash", r#""thinking":{"type":"adaptive"}"#).as_deref(),
            Ok(r#"{"includeThoughts":true} "#)
        );
    }

    #[test]
    fn a_wrong_word_is_refused() {
        let cases = [
            (
                r#""reasoning_effort":"much""#,
                "`reasoning_effort` must be one of none, minimal, low, medium, high, xhigh, max.",
            ),
            (
                r#""thinking":true"#,
                "`thinking` must be an object like {\"type\": \"enabled\", \"budget_tokens\": 2048}.",
            ),
            (
                r#""thinking_config":7"#,
                "`thinking_config` must be an object like {\"thinking_budget\": 1024}.",
            ),
        ];
        for (fields, want) in cases {
            assert_eq!(
                planned("gemini-2.5-flash", fields),
                Err(want.to_owned()),
                "{fields}"
            );
        }
    }
}
