//! Together: `logprobs` is a number, `stop` a list, and an answer may end with `eos`.
//!
//! Source: Together's Python SDK 3.1, `completion_create_params`, the message types and
//! `ChatCompletionChunk` (usage comes in the last chunk unasked); docs.together.ai, "Chat completions", "Reasoning", "JSON
//! mode" (the schema has OpenAI's form); the SDK's `resources` for its other paths (files are uploaded in its own
//! way); read 2026-11.

use super::super::{
    MARKS_PASS,
    difference::{Answers, DROP, Difference, Fate, HANDLED, REFUSE, renamed},
    messages::Messages,
    open,
    splice::Splice,
};
use crate::{
    api::{chat::Extensions, relay::Area},
    fault::Fault,
    json::{Object, Raw},
    provider::{
        Entry,
        features::{Features, Support},
    },
};

pub(in crate::provider) const ENTRY: Entry = Entry {
    name: "together",
    base_path: "/v1",
    features: Features {
        model: "openai/gpt-oss-120b",
        parallel_tools: Support::Partly("cannot be turned off"),
        pdfs: Support::No,
        logprobs: Support::Partly("the answer has Together's form"),
        signatures: Support::Partly("its `reasoning` may return"),
        cache_control: Support::Partly(MARKS_PASS),
        ..Features::ALL
    },
    open: |common, fields| open(&TABLE, common, fields),
};

pub(super) const TABLE: Difference = Difference {
    parameters: &[
        ("audio", REFUSE),
        ("functions", REFUSE),
        ("max_completion_tokens", renamed("max_tokens")),
        ("metadata", DROP),
        ("modalities", Fate::Unsaid(&["[\"text\"]"])),
        ("parallel_tool_calls", Fate::Lost(&["true"])),
        ("prediction", DROP),
        ("prompt_cache_key", DROP),
        ("prompt_cache_retention", DROP),
        ("safety_identifier", DROP),
        ("service_tier", Fate::Lost(&["\"auto\"", "\"default\""])),
        ("stop", Fate::List),
        ("store", Fate::Lost(&["false"])),
        ("stream_options", HANDLED),
        ("user", DROP),
        ("verbosity", DROP),
        ("web_search_options", REFUSE),
    ],
    own: &[
        "chat_template_kwargs",
        "compliance",
        "context_length_exceeded_behavior",
        "echo",
        "min_p",
        "reasoning",
        "repetition_penalty",
        "safety_model",
        "top_k",
    ],
    touches: &[
        "audio",
        "functions",
        "logprobs",
        "max_completion_tokens",
        "max_tokens",
        "messages",
        "metadata",
        "modalities",
        "model",
        "parallel_tool_calls",
        "prediction",
        "prompt_cache_key",
        "prompt_cache_retention",
        "reasoning",
        "reasoning_effort",
        "safety_identifier",
        "service_tier",
        "stop",
        "store",
        "stream_options",
        "top_logprobs",
        "user",
        "verbosity",
        "web_search_options",
    ],
    usage_unasked: true,
    messages: Some(&MESSAGES),
    odd: Some(odd),
    answers: Answers {
        parts: false,
        finishes: &[("eos", "stop")],
    },
    takes: Extensions {
        top_k: true,
        ..Extensions::NONE
    },
    completions: true,
    relays: &[
        Area::ImageGeneration,
        Area::Speech,
        Area::Transcription,
        Area::Translation,
    ],
};

const MESSAGES: Messages = Messages {
    signs: &["developer", "\"file\"", "refusal"],
    developer: true,
    fields: &[],
    parts: &["text", "image_url", "video_url", "audio_url", "input_audio"],
    unmarked: false,
    ways: &[],
};

/// `logprobs: true, top_logprobs: 3` is `logprobs: 3`; no reasoning is a switch of its own.
fn odd(
    body: &Object<'_>,
    _: bool,
    splice: &mut Splice<'_, '_>,
    _: &mut Vec<String>,
) -> Result<(), Fault> {
    let text = |key| body.raw(key).map(Raw::get);
    let top = text("top_logprobs").filter(|top| !matches!(*top, "null" | "0"));
    match text("logprobs") {
        Some("true") => splice.set("logprobs", top.unwrap_or("1")),
        Some("false" | "null") => splice.remove("logprobs"),
        _ => {}
    }
    if text("top_logprobs").is_some() {
        splice.remove("top_logprobs");
    }
    match text("reasoning_effort") {
        Some("\"none\"") => {
            splice.remove("reasoning_effort");
            splice.set("reasoning", r#"{"enabled":false}"#);
        }
        Some("\"minimal\"") => splice.set("reasoning_effort", "\"low\""),
        Some("\"xhigh\"" | "\"max\"") => splice.set("reasoning_effort", "\"high\""),
        _ => {}
    }
    Ok(())
}
