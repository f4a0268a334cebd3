//! DeepSeek: thinking is on unless it is turned off, and reasoning must return in turns with tools.
//!
//! Source: api-docs.deepseek.com, "Create Chat Completion", "Thinking Mode", "JSON Output", "Context Caching",
//! "Vision", "Error Codes", "Rate Limit", read 2026-11. Efforts from `minimal` to `ultra` are mapped by
//! DeepSeek itself; only `none` is not known in this API. Temperature and penalties are ignored
//! while thinking, without an error, so they pass.

use super::super::{
    MARKS_PASS,
    difference::{DROP, Difference, Fate, REFUSE, renamed},
    messages::{Messages, Way},
    open,
    splice::Splice,
};
use crate::{
    api::chat::Extensions,
    fault::Fault,
    json::{Object, Str},
    provider::{
        Entry,
        features::{Features, Support},
    },
};
use serde::Deserialize;

pub(in crate::provider) const ENTRY: Entry = Entry {
    name: "deepseek",
    base_path: "/v1",
    features: Features {
        model: "deepseek-v4-flash",
        parallel_tools: Support::Partly("cannot be turned off"),
        images: Support::Partly("on its vision model"),
        pdfs: Support::No,
        json_schema: Support::No,
        n: Support::No,
        seed: Support::No,
        logprobs: Support::Partly("not while thinking"),
        cache_control: Support::Partly(MARKS_PASS),
        ..Features::ALL
    },
    open: |common, fields| open(&TABLE, common, fields),
};

pub(super) const TABLE: Difference = Difference {
    parameters: &[
        ("audio", REFUSE),
        ("logit_bias", DROP),
        ("max_completion_tokens", renamed("max_tokens")),
        ("metadata", DROP),
        ("modalities", Fate::Unsaid(&["[\"text\"]"])),
        ("n", Fate::Only(&["1"])),
        ("parallel_tool_calls", Fate::Lost(&["true"])),
        ("prediction", DROP),
        ("response_format", Fate::Types(&["text", "json_object"])),
        ("seed", DROP),
        ("service_tier", Fate::Lost(&["\"auto\"", "\"default\""])),
        ("store", Fate::Lost(&["false"])),
        ("verbosity", DROP),
        ("web_search_options", REFUSE),
    ],
    own: &["thinking", "user_id"],
    touches: &[
        "audio",
        "logit_bias",
        "max_completion_tokens",
        "max_tokens",
        "messages",
        "metadata",
        "modalities",
        "model",
        "n",
        "parallel_tool_calls",
        "prediction",
        "reasoning_effort",
        "response_format",
        "seed",
        "service_tier",
        "store",
        "stream_options",
        "thinking",
        "verbosity",
        "web_search_options",
    ],
    messages: Some(&MESSAGES),
    odd: Some(thinking),
    takes: Extensions {
        reasoning: true,
        ..Extensions::NONE
    },
    completions: false,
    ..Difference::NONE
};

/// Whether a part is an image is the model's affair; it takes neither files nor sound.
const MESSAGES: Messages = Messages {
    signs: &[
        "developer",
        "reasoning_content",
        "tool_calls",
        "\"file\"",
        "input_audio",
        "refusal",
    ],
    developer: true,
    fields: &[],
    parts: &["text", "image_url"],
    unmarked: false,
    ways: &[Way::ToolThoughts],
};

/// Turns thinking off where the client says so in OpenAI's words, and where the history has tool
/// calls without their reasoning (those of another provider), which DeepSeek answers with 400.
fn thinking(
    body: &Object<'_>,
    lost: bool,
    splice: &mut Splice<'_, '_>,
    dropped: &mut Vec<String>,
) -> Result<(), Fault> {
    #[derive(Deserialize)]
    struct Thinking<'a> {
        #[serde(borrow, default)]
        r#type: Option<Str<'a>>,
    }
    let given = body.read::<Thinking<'_>>("thinking").ok().flatten();
    let off = given.is_some_and(|given| given.r#type.as_deref() == Some("disabled"));
    let effort = body.raw("reasoning_effort").map(|raw| raw.get());
    let none = effort == Some("\"none\"");
    if none || lost {
        splice.remove("reasoning_effort");
        if !off {
            splice.set("thinking", r#"{"type":"disabled"}"#);
        }
    }
    if lost && !off {
        let asked = [
            (
                "reasoning_effort",
                !none && !matches!(effort, None | Some("null")),
            ),
            (
                "thinking",
                !matches!(
                    body.raw("thinking").map(|raw| raw.get()),
                    None | Some("null")
                ),
            ),
        ];
        let asked = asked.iter().filter(|(_, asked)| *asked);
        dropped.extend(asked.map(|(key, _)| (*key).to_owned()));
    }
    Ok(())
}
