//! Mistral: unknown fields are an error, tool call ids have nine characters, roles have an order,
//! and `content` may be a list in which the reasoning stands.
//!
//! Source: Mistral's Python SDK 3.7, `ChatCompletionRequest` and the message types (`tool_choice` knows `required`
//! beside `any`, so it passes; usage comes in the last chunk unasked); its errors 422 `extra_forbidden`, 3230,
//! 3280; mistral-common 1.11; read 2026-11. Of OpenAI's other paths those that the SDK has in the same form: its
//! batches stand elsewhere, and its speech answers with JSON (general knowledge, not confirmed).

use super::super::{
    difference::{Answers, DROP, Difference, Fate, HANDLED, REFUSE, renamed},
    messages::{Messages, Way},
    open,
};
use crate::api::{chat::Extensions, relay::Area};
use crate::provider::{
    Entry,
    features::{Features, Support},
};

pub(in crate::provider) const ENTRY: Entry = Entry {
    name: "mistral",
    base_path: "/v1",
    features: Features {
        model: "mistral-medium-latest",
        pdfs: Support::Partly("as `document_url`"),
        signatures: Support::No,
        cache_control: Support::No,
        ..Features::ALL
    },
    open: |common, fields| open(&TABLE, common, fields),
};

pub(super) const TABLE: Difference = Difference {
    parameters: &[
        ("audio", REFUSE),
        ("function_call", REFUSE),
        ("functions", REFUSE),
        ("logit_bias", Fate::Lost(&["{}"])),
        ("max_completion_tokens", renamed("max_tokens")),
        ("modalities", Fate::Unsaid(&["[\"text\"]"])),
        ("prompt_cache_key", DROP),
        ("prompt_cache_retention", DROP),
        ("safety_identifier", DROP),
        ("seed", renamed("random_seed")),
        ("service_tier", Fate::Lost(&["\"auto\"", "\"default\""])),
        ("store", Fate::Lost(&["false"])),
        ("stream_options", HANDLED),
        ("user", DROP),
        ("verbosity", DROP),
        ("web_search_options", REFUSE),
    ],
    own: &[
        "guardrails",
        "min_tokens",
        "prompt_logprobs",
        "prompt_mode",
        "random_seed",
        "repetition_penalty",
        "safe_prompt",
        "top_k",
        "top_prompt_logprobs",
    ],
    touches: &[
        "audio",
        "function_call",
        "functions",
        "logit_bias",
        "max_completion_tokens",
        "max_tokens",
        "messages",
        "modalities",
        "model",
        "prompt_cache_key",
        "prompt_cache_retention",
        "random_seed",
        "safety_identifier",
        "seed",
        "service_tier",
        "store",
        "stream_options",
        "tools",
        "user",
        "verbosity",
        "web_search_options",
    ],
    usage_unasked: true,
    messages: Some(&MESSAGES),
    odd: None,
    answers: Answers {
        parts: true,
        finishes: &[("model_length", "length")],
    },
    takes: Extensions {
        top_k: true,
        ..Extensions::NONE
    },
    completions: false,
    relays: &[Area::Transcription, Area::Moderation, Area::Files],
};

const MESSAGES: Messages = Messages {
    signs: &[],
    developer: true,
    fields: &[
        ("system", &["role", "content"]),
        ("user", &["role", "content"]),
        ("assistant", &["role", "content", "prefix", "tool_calls"]),
        ("tool", &["role", "content", "name", "tool_call_id"]),
    ],
    parts: &["text", "image_url", "document_url", "reference", "thinking"],
    unmarked: true,
    ways: &[Way::DocumentUrls, Way::NineIds, Way::StrictOrder],
};
