//! How much the model shall think: `reasoning_effort`, or a native `thinking`.
//!
//! Models that think do so unless they are told not to; a budget is optional, and the advice is to
//! think without one. Where there is one, an answer needs about a thousand tokens beside it.
//! Source: docs.cohere.com, "Reasoning" (thinking budgets), "Compatibility API" (`none` and `high`
//! are off and on); read 2026-11.

use super::{model::Model, note, wire::Thinking};
use crate::{
    api::chat::Chat,
    fault::{Fault, FaultKind},
    json::Str,
};
use serde::Deserialize;
use serde_json::value::RawValue;

/// What the answer needs beside its reasoning. Units: tokens.
const ROOM: u64 = 1024;

const ON: Thinking = Thinking {
    r#type: "enabled",
    token_budget: None,
};

const OFF: Thinking = Thinking {
    r#type: "disabled",
    token_budget: None,
};

/// Cohere's form, and Anthropic's, which clients send too.
#[derive(Deserialize)]
struct Native<'a> {
    #[serde(borrow, default)]
    r#type: Option<Str<'a>>,
    #[serde(default)]
    token_budget: Option<u64>,
    #[serde(default)]
    budget_tokens: Option<u64>,
}

/// Fits what the client asked for to the model and to its limit of tokens.
///
/// Errors: `BadRequest` that names `reasoning_effort` or `thinking`.
pub(super) fn plan(
    chat: &Chat<'_>,
    model: &Model,
    max_tokens: Option<u64>,
    dropped: &mut Vec<String>,
) -> Result<Option<Thinking>, Fault> {
    let (from, asked) = match native(chat)? {
        Some(native) => ("thinking", Some(native)),
        None => ("reasoning_effort", effort(chat)?),
    };
    let Some(mut thinking) = asked else {
        return Ok(None);
    };
    if !model.thinks {
        if thinking != OFF {
            note(dropped, from);
        }
        return Ok(None);
    }
    if let (Some(budget), Some(limit)) = (thinking.token_budget, max_tokens) {
        let most = limit - ROOM.min(limit / 2);
        thinking.token_budget = Some(budget.min(most));
    }
    Ok(Some(thinking))
}

fn native(chat: &Chat<'_>) -> Result<Option<Thinking>, Fault> {
    let wrong = || {
        let message =
            "`thinking` must be an object like {\"type\": \"enabled\", \"token_budget\": 2048}.";
        Fault::new(FaultKind::BadRequest, message).at("thinking")
    };
    let Some(raw): Option<&RawValue> = chat.body.read("thinking").unwrap_or_default() else {
        return Ok(None);
    };
    let native = Some(raw.get())
        .filter(|text| text.starts_with('{'))
        .and_then(|text| serde_json::from_str::<Native<'_>>(text).ok())
        .ok_or_else(wrong)?;
    match native.r#type.as_deref() {
        Some("disabled") => Ok(Some(OFF)),
        None | Some("enabled" | "adaptive") => Ok(Some(Thinking {
            token_budget: native.token_budget.or(native.budget_tokens),
            ..ON
        })),
        Some(_) => Err(wrong()),
    }
}

fn effort(chat: &Chat<'_>) -> Result<Option<Thinking>, Fault> {
    let word = chat.body.read::<Str<'_>>("reasoning_effort");
    let budget = match word.as_ref().map(Option::as_deref) {
        Ok(None) => return Ok(None),
        Ok(Some("none")) => return Ok(Some(OFF)),
        Ok(Some("minimal")) => Some(512),
        Ok(Some("low")) => Some(2048),
        Ok(Some("medium")) => Some(8192),
        Ok(Some("high" | "xhigh" | "max")) => None,
        _ => {
            let message =
                "`reasoning_effort` must be one of none, minimal, low, medium, high, xhigh, max.";
            return Err(Fault::new(FaultKind::BadRequest, message).at("reasoning_effort"));
        }
    };
    Ok(Some(Thinking {
        token_budget: budget,
        ..ON
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::cohere::model::model;

    fn planned(name: &str, fields: &str, limit: Option<u64>) -> Result<String, String> {
        let body = format!(r#"{{"model":"m","messages":[{{}}],{fields}}}"#);
        let chat = Chat::parse(body.as_bytes()).unwrap();
        let mut dropped = Vec::new();
        let plan = plan(&chat, &model(name), limit, &mut dropped)
            .map_err(|fault| fault.message.into_owned())?;
        let text = plan.map_or("-".to_owned(), |plan| serde_json::to_string(&plan).unwrap());
        Ok(format!("{text} {}", dropped.join(",")))
    }

    const THINKS: &str = "command-a-reasoning-08-2025";

    #[test]
    fn an_effort_is_a_switch_and_perhaps_a_budget() {
        let cases = [
            ("none", r#"{"type":"disabled"} "#),
            ("minimal", r#"{"type":"enabled","token_budget":512} "#),
            ("low", r#"{"type":"enabled","token_budget":2048} "#),
            ("medium", r#"{"type":"enabled","token_budget":8192} "#),
            ("high", r#"{"type":"enabled"} "#),
            ("max", r#"{"type":"enabled"} "#),
        ];
        for (word, want) in cases {
            let fields = format!(r#""reasoning_effort":"{word}""#);
            assert_eq!(planned(THINKS, &fields, None).as_deref(), Ok(want));
        }
    }

    #[test]
    fn a_budget_leaves_room_for_the_answer() {
        let low = r#""reasoning_effort":"low""#;
        for (limit, budget) in [(8000, 2048), (2500, 1476), (1000, 500), (1, 1)] {
            assert_eq!(
                planned(THINKS, low, Some(limit)),
                Ok(format!(r#"{{"type":"enabled","token_budget":{budget}}} "#)),
                "{limit}"
            );
        }
    }

    #[test]
    fn the_native_form_wins_in_either_spelling() {
        let cases = [
            (
                r#"{"token_budget":500}"#,
                r#"{"type":"enabled","token_budget":500} "#,
            ),
            (
                r#"{"type":"enabled","budget_tokens":1024}"#,
                r#"{"type":"enabled","token_budget":1024} "#,
            ),
            (r#"{"type":"disabled"}"#, r#"{"type":"disabled"} "#),
        ];
        for (native, want) in cases {
            let fields = format!(r#""reasoning_effort":"low","thinking":{native}"#);
            assert_eq!(planned(THINKS, &fields, None).as_deref(), Ok(want));
        }
    }

    #[test]
    fn a_model_that_does_not_think_is_not_asked_to() {
        let plain = |fields: &str| planned("command-a-03-2025", fields, None);
        assert_eq!(
            plain(r#""reasoning_effort":"high""#).as_deref(),
            Ok("- reasoning_effort")
        );
        assert_eq!(plain(r#""reasoning_effort":"none""#).as_deref(), Ok("- "));
        assert_eq!(
            plain(r#""thinking":{"type":"enabled"}"#).as_deref(),
            Ok("- thinking")
        );
        assert_eq!(
            planned(THINKS, r#""thinking":true"#, None),
            Err("`thinking` must be an object like {\"type\": \"enabled\", \"token_budget\": 2048}.".into())
        );
        assert!(planned(THINKS, r#""reasoning_effort":"huge""#, None).is_err());
    }
}
