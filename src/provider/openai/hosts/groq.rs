//! Groq: one choice, no log probabilities, and messages without anything beside what they need.
//!
//! Source: console.groq.com/docs/openai (400 for `logprobs`, `top_logprobs`, `logit_bias`, `messages[].name`, `n` other
//! than 1; a temperature of 0 is made 1e-8 by Groq itself, so it passes), "API Error Codes", Groq's Python
//! SDK 1.7, `completion_create_params` and the message types (`developer` is known), read 2026-11. Usage
//! stands in `x_groq` as well, which the record reads too. Its other paths are those of the SDK's `resources`.

use super::super::{
    difference::{DROP, Difference, Fate, REFUSE},
    messages::Messages,
    open,
};
use crate::{
    api::relay::Area,
    provider::{
        Entry,
        features::{Features, Support},
    },
};

pub(in crate::provider) const ENTRY: Entry = Entry {
    name: "groq",
    base_path: "/openai/v1",
    features: Features {
        model: "openai/gpt-oss-120b",
        pdfs: Support::No,
        logprobs: Support::No,
        n: Support::No,
        signatures: Support::Partly("its `reasoning` may return"),
        cache_control: Support::No,
        ..Features::ALL
    },
    open: |common, fields| open(&TABLE, common, fields),
};

pub(super) const TABLE: Difference = Difference {
    parameters: &[
        ("audio", REFUSE),
        ("frequency_penalty", Fate::Lost(&["0", "0.0"])),
        ("logit_bias", Fate::Lost(&["{}"])),
        ("logprobs", REFUSE),
        ("metadata", DROP),
        ("modalities", Fate::Unsaid(&["[\"text\"]"])),
        ("n", Fate::Only(&["1"])),
        ("prediction", DROP),
        ("presence_penalty", Fate::Lost(&["0", "0.0"])),
        ("prompt_cache_key", DROP),
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
            Fate::Taken(&["\"auto\"", "\"on_demand\"", "\"flex\"", "\"performance\""]),
        ),
        ("store", Fate::Lost(&["false"])),
        ("top_logprobs", REFUSE),
        ("verbosity", DROP),
        ("web_search_options", REFUSE),
    ],
    own: &[
        "citation_options",
        "compound_custom",
        "disable_tool_validation",
        "documents",
        "exclude_domains",
        "include_domains",
        "include_reasoning",
        "reasoning_format",
        "search_settings",
    ],
    touches: &[
        "audio",
        "frequency_penalty",
        "logit_bias",
        "logprobs",
        "messages",
        "metadata",
        "modalities",
        "model",
        "n",
        "prediction",
        "presence_penalty",
        "prompt_cache_key",
        "prompt_cache_retention",
        "reasoning_effort",
        "safety_identifier",
        "service_tier",
        "store",
        "stream_options",
        "tools",
        "top_logprobs",
        "verbosity",
        "web_search_options",
    ],
    messages: Some(&MESSAGES),
    completions: false,
    relays: &[
        Area::Speech,
        Area::Transcription,
        Area::Translation,
        Area::Files,
        Area::Batches,
    ],
    ..Difference::NONE
};

const MESSAGES: Messages = Messages {
    signs: &[],
    developer: false,
    fields: &[
        ("system", &["role", "content"]),
        ("developer", &["role", "content"]),
        ("user", &["role", "content"]),
        (
            "assistant",
            &[
                "role",
                "content",
                "function_call",
                "reasoning",
                "tool_calls",
            ],
        ),
        ("tool", &["role", "content", "tool_call_id"]),
        ("function", &["role", "content", "name"]),
    ],
    parts: &["text", "image_url", "document"],
    unmarked: true,
    ways: &[],
};
