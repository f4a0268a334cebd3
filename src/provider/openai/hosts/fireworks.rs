//! Fireworks: fields that it does not know are an error, down to cache marks on parts.
//!
//! Source: Fireworks' Python SDK 1.2, `completion_create_params`, `ChatMessage`; docs.fireworks.ai, "OpenAI
//! compatibility" (usage comes in the last chunk unasked), "Prompt caching", read 2026-11; its error "Extra
//! inputs are not permitted, field: 'messages[0].content.list[ChatMessageContent][0].cache_control'".
//! `context_length_exceeded_behavior` is `truncate` by default, which lowers `max_tokens` and leaves the prompt
//! alone; it passes.

use super::super::{
    difference::{DROP, Difference, Fate, HANDLED, REFUSE},
    messages::Messages,
    open,
};
use crate::api::chat::Extensions;
use crate::provider::{
    Entry,
    features::{Features, Support},
};

pub(in crate::provider) const ENTRY: Entry = Entry {
    name: "fireworks",
    base_path: "/inference/v1",
    features: Features {
        model: "accounts/fireworks/models/kimi-k2-instruct-0905",
        pdfs: Support::No,
        cache_control: Support::No,
        ..Features::ALL
    },
    open: |common, fields| open(&TABLE, common, fields),
};

pub(super) const TABLE: Difference = Difference {
    parameters: &[
        ("audio", REFUSE),
        ("max_completion_tokens", Fate::Instead("max_tokens")),
        ("modalities", Fate::Unsaid(&["[\"text\"]"])),
        ("prompt_cache_retention", DROP),
        (
            "reasoning_effort",
            Fate::Words(&[
                ("\"minimal\"", "\"low\""),
                ("\"xhigh\"", "\"high\""),
                ("\"max\"", "\"high\""),
            ]),
        ),
        ("safety_identifier", DROP),
        (
            "service_tier",
            Fate::Taken(&["\"auto\"", "\"default\"", "\"flex\"", "\"priority\""]),
        ),
        ("store", Fate::Lost(&["false"])),
        ("stream_options", HANDLED),
        ("verbosity", DROP),
        ("web_search_options", REFUSE),
    ],
    own: &[
        "context_length_exceeded_behavior",
        "echo",
        "echo_last",
        "ignore_eos",
        "min_p",
        "mirostat_lr",
        "mirostat_target",
        "perf_metrics_in_response",
        "prompt_cache_isolation_key",
        "prompt_truncate_len",
        "raw_output",
        "reasoning_history",
        "repetition_penalty",
        "return_token_ids",
        "safe_tokenization",
        "speculation",
        "thinking",
        "top_k",
        "typical_p",
    ],
    touches: &[
        "audio",
        "max_completion_tokens",
        "max_tokens",
        "messages",
        "modalities",
        "model",
        "prompt_cache_retention",
        "reasoning_effort",
        "safety_identifier",
        "service_tier",
        "store",
        "stream_options",
        "tools",
        "verbosity",
        "web_search_options",
    ],
    usage_unasked: true,
    messages: Some(&MESSAGES),
    takes: Extensions {
        reasoning: true,
        top_k: true,
        ..Extensions::NONE
    },
    ..Difference::NONE
};

/// `reasoning_content` returns as it came: `reasoning_history` decides what becomes of it.
const MESSAGES: Messages = Messages {
    signs: &[],
    developer: true,
    fields: &[
        ("system", &["role", "content"]),
        ("user", &["role", "content"]),
        (
            "assistant",
            &["role", "content", "reasoning_content", "tool_calls"],
        ),
        ("tool", &["role", "content", "tool_call_id"]),
    ],
    parts: &["text", "image_url", "video_url"],
    unmarked: true,
    ways: &[],
};
