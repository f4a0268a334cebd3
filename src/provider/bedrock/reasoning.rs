//! How much a model that is not Claude shall think, in its family's own words.
//! Source: Amazon Nova 2 user guide, "Extended thinking"; Amazon Bedrock user guide, "OpenAI models";
//! read 2026-11.

use super::family::Family;
use crate::{
    api::chat::Chat,
    fault::Fault,
    json::{Object, Raw, Str},
    provider::anthropic::{note, request::wrong, sampling::Allowed},
};
use serde::Serialize;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NovaReasoning {
    r#type: &'static str,
    max_reasoning_effort: &'static str,
}

/// How much a model that is not Claude shall think, and what it takes beside that.
///
/// Errors: `BadRequest` for a word that is no effort.
pub(super) fn think(
    chat: &Chat<'_>,
    family: &Family,
    limit: Option<u64>,
    extra: &mut Object<'_>,
    dropped: &mut Vec<String>,
) -> Result<Allowed, Fault> {
    if let Some(raw) = chat.body.raw("thinking").filter(|raw| raw.get() != "null") {
        extra.push("thinking".into(), Raw::Made(raw.get().to_owned()));
    }
    let effort: Option<Str<'_>> = chat.body.read("reasoning_effort").map_err(|_| {
        wrong(
            "reasoning_effort",
            "one of none, minimal, low, medium, high, xhigh, max",
        )
    })?;
    let Some(effort) = effort else {
        return Ok(Allowed::Together);
    };
    let level = match &*effort {
        "none" => None,
        "minimal" | "low" => Some("low"),
        "medium" => Some("medium"),
        "high" | "xhigh" | "max" => Some("high"),
        _ => {
            let want = "one of none, minimal, low, medium, high, xhigh, max";
            return Err(wrong("reasoning_effort", want));
        }
    };
    match (family, level) {
        (Family::Nova { thinks: true }, Some(level)) => {
            // The highest level takes neither a limit nor sampling beside it; a limit must hold.
            let level = if level == "high" && limit.is_some() {
                note(dropped, "reasoning_effort");
                "medium"
            } else {
                level
            };
            let reasoning = NovaReasoning {
                r#type: "enabled",
                max_reasoning_effort: level,
            };
            let _ = extra.set("reasoningConfig", &reasoning);
            if level == "high" {
                return Ok(Allowed::Nothing);
            }
        }
        (Family::GptOss, _) => {
            // It always thinks.
            if level.is_none() {
                note(dropped, "reasoning_effort");
            }
            let _ = extra.set("reasoning_effort", level.unwrap_or("low"));
        }
        (_, None) => {}
        (_, Some(_)) => note(dropped, "reasoning_effort"),
    }
    Ok(Allowed::Together)
}
