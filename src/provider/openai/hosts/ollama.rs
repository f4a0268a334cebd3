//! Ollama: it ignores what it does not know, so what would be missed is refused here, and the limit
//! of tokens goes by the one name that it reads.
//!
//! Source: github.com/ollama/ollama, `openai/openai.go` (`ChatCompletionRequest`, `FromChatRequest`), and
//! docs.ollama.com, "OpenAI compatibility", where `tool_choice`, `logit_bias`, `user` and `n` are listed as not
//! supported, read 2026-11. The context's size is the server's affair (`OLLAMA_CONTEXT_LENGTH`); a longer prompt is
//! cut there without a word.

use super::super::{
    MARKS_PASS,
    difference::{DROP, Difference, Fate, REFUSE, renamed},
    messages::Messages,
    open,
    splice::Splice,
};
use crate::{
    fault::Fault,
    json::{Object, Raw},
    provider::{
        Entry,
        features::{Features, Support},
        params::refused,
    },
};

pub(in crate::provider) const ENTRY: Entry = Entry {
    name: "ollama",
    base_path: "/v1",
    features: Features {
        model: "gpt-oss:20b",
        parallel_tools: Support::Partly("cannot be turned off"),
        tool_choice: Support::No,
        images: Support::Partly("as `data:` URLs"),
        pdfs: Support::No,
        n: Support::No,
        signatures: Support::Partly("its `reasoning` may return"),
        cache_control: Support::Partly(MARKS_PASS),
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
        ("metadata", DROP),
        ("modalities", Fate::Unsaid(&["[\"text\"]"])),
        ("n", Fate::Only(&["1"])),
        ("parallel_tool_calls", Fate::Lost(&["true"])),
        ("prediction", DROP),
        ("prompt_cache_key", DROP),
        ("prompt_cache_retention", DROP),
        (
            "reasoning_effort",
            Fate::Words(&[("\"minimal\"", "\"low\""), ("\"xhigh\"", "\"high\"")]),
        ),
        ("safety_identifier", DROP),
        ("service_tier", Fate::Lost(&["\"auto\"", "\"default\""])),
        ("store", Fate::Lost(&["false"])),
        ("user", DROP),
        ("verbosity", DROP),
        ("web_search_options", REFUSE),
    ],
    own: &["reasoning"],
    touches: &[
        "audio",
        "function_call",
        "functions",
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
        "prompt_cache_key",
        "prompt_cache_retention",
        "reasoning_effort",
        "safety_identifier",
        "service_tier",
        "store",
        "stream_options",
        "tool_choice",
        "tools",
        "user",
        "verbosity",
        "web_search_options",
    ],
    messages: Some(&MESSAGES),
    odd: Some(tool_choice),
    ..Difference::NONE
};

/// Prompt templates render the roles that they know and pass over others.
const MESSAGES: Messages = Messages {
    signs: &["developer", "\"file\"", "refusal"],
    developer: true,
    fields: &[],
    parts: &["text", "image_url", "input_audio"],
    unmarked: false,
    ways: &[],
};

/// It is not read there: without a choice the model decides, without tools it calls none.
fn tool_choice(
    body: &Object<'_>,
    _: bool,
    splice: &mut Splice<'_, '_>,
    _: &mut Vec<String>,
) -> Result<(), Fault> {
    match body.raw("tool_choice").map(Raw::get) {
        None => {}
        Some("null" | "\"auto\"") => splice.remove("tool_choice"),
        Some("\"none\"") => {
            splice.remove("tool_choice");
            splice.remove("tools");
        }
        Some(_) => return Err(refused("tool_choice")),
    }
    Ok(())
}
