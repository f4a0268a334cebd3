//! vLLM: OpenAI's API as its server has it; what the model's chat template knows decides the rest.
//!
//! Extras such as `structured_outputs`, `chat_template_kwargs` or `top_k` pass. What it would ignore
//! is listed. Reasoning comes as `reasoning` (`reasoning_content` before 0.12) and stays as it is.
//! Source: github.com/vllm-project/vllm, `entrypoints/openai/chat_completion/protocol.py`, and docs.vllm.ai,
//! "OpenAI-Compatible Server" (transcriptions and translations), read 2026-11.

use super::super::{
    MARKS_PASS,
    difference::{DROP, Difference, Fate, REFUSE},
    messages::Messages,
    open,
};
use crate::api::{chat::Extensions, relay::Area};
use crate::provider::{
    Entry,
    features::{Features, Support},
};

pub(in crate::provider) const ENTRY: Entry = Entry {
    name: "vllm",
    base_path: "/v1",
    features: Features {
        model: "Qwen/Qwen3-32B",
        pdfs: Support::No,
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
        ("metadata", DROP),
        ("prediction", DROP),
        ("prompt_cache_key", DROP),
        ("prompt_cache_retention", DROP),
        ("safety_identifier", DROP),
        ("store", Fate::Lost(&["false"])),
        ("user", DROP),
        ("verbosity", DROP),
        ("web_search_options", REFUSE),
    ],
    own: &[
        "add_generation_prompt",
        "add_special_tokens",
        "allowed_token_ids",
        "bad_words",
        "cache_salt",
        "chat_template",
        "chat_template_kwargs",
        "continue_final_message",
        "documents",
        "echo",
        "ignore_eos",
        "include_reasoning",
        "include_stop_str_in_output",
        "kv_transfer_params",
        "length_penalty",
        "logits_processors",
        "min_p",
        "min_tokens",
        "mm_processor_kwargs",
        "priority",
        "prompt_logprobs",
        "repetition_penalty",
        "request_id",
        "return_token_ids",
        "return_tokens_as_token_ids",
        "skip_special_tokens",
        "spaces_between_special_tokens",
        "stop_token_ids",
        "structured_outputs",
        "thinking_token_budget",
        "top_k",
        "truncate_prompt_tokens",
        "use_beam_search",
        "vllm_xargs",
    ],
    touches: &[
        "audio",
        "functions",
        "messages",
        "metadata",
        "model",
        "prediction",
        "prompt_cache_key",
        "prompt_cache_retention",
        "safety_identifier",
        "store",
        "stream_options",
        "user",
        "verbosity",
        "web_search_options",
    ],
    messages: Some(&MESSAGES),
    takes: Extensions {
        top_k: true,
        ..Extensions::NONE
    },
    relays: &[Area::Transcription, Area::Translation],
    ..Difference::NONE
};

/// Many templates refuse a role that they do not know; all that know `developer` know `system`.
const MESSAGES: Messages = Messages {
    signs: &["developer", "\"file\""],
    developer: true,
    fields: &[],
    parts: &[
        "text",
        "image_url",
        "image_embeds",
        "input_audio",
        "audio_url",
        "video_url",
        "refusal",
        "thinking",
    ],
    unmarked: false,
    ways: &[],
};
