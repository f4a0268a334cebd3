//! xAI: reasoning models refuse penalties and stop sequences, and their reasoning tokens are counted
//! beside the completion.
//!
//! The answer's own usage passes; the record counts reasoning as part of the output.
//! Source: docs.x.ai, "Reasoning" (requests with `presence_penalty`, `frequency_penalty` or `stop` return an error),
//! "REST API Reference", "Consumption and Rate Limits" (reasoning is counted separately from completion tokens and
//! in the total; image generations and edits), xAI's Python SDK 1.21 (`developer`), read 2026-11. Its batches have a
//! form of their own.

use super::super::{
    MARKS_PASS,
    difference::{DROP, Difference, Fate, REFUSE},
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
    name: "xai",
    base_path: "/v1",
    features: Features {
        model: "grok-4.3",
        pdfs: Support::Partly("passes; xAI decides by model"),
        reasoning: Support::Partly("effort from grok-4.3 on; text from few models"),
        signatures: Support::No,
        cache_control: Support::Partly(MARKS_PASS),
        ..Features::ALL
    },
    open: |common, fields| open(&TABLE, common, fields),
};

pub(super) const TABLE: Difference = Difference {
    parameters: &[
        ("audio", REFUSE),
        (
            "frequency_penalty",
            Fate::Where(reasons, &Fate::Lost(&["0", "0.0"])),
        ),
        ("logit_bias", Fate::Lost(&["{}"])),
        ("metadata", DROP),
        ("modalities", Fate::Unsaid(&["[\"text\"]"])),
        ("prediction", DROP),
        (
            "presence_penalty",
            Fate::Where(reasons, &Fate::Lost(&["0", "0.0"])),
        ),
        (
            "reasoning_effort",
            Fate::Words(&[
                ("\"minimal\"", "\"low\""),
                ("\"xhigh\"", "\"high\""),
                ("\"max\"", "\"high\""),
            ]),
        ),
        ("stop", Fate::Where(reasons, &REFUSE)),
        ("store", Fate::Lost(&["false"])),
        ("verbosity", DROP),
    ],
    own: &["deferred", "search_parameters"],
    touches: &[
        "audio",
        "frequency_penalty",
        "logit_bias",
        "metadata",
        "modalities",
        "model",
        "prediction",
        "presence_penalty",
        "reasoning_effort",
        "stop",
        "store",
        "stream_options",
        "verbosity",
    ],
    relays: &[Area::ImageGeneration, Area::ImageEdit],
    ..Difference::NONE
};

/// All but those that say otherwise and the oldest.
fn reasons(model: &str) -> bool {
    let old = model.starts_with("grok-2") || model.starts_with("grok-3");
    let old = old && !model.contains("mini");
    model.starts_with("grok-") && !old && !model.contains("non-reasoning")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_s_name_says_whether_it_reasons() {
        for model in [
            "grok-4",
            "grok-4.3",
            "grok-3-mini",
            "grok-4-1-fast-reasoning",
            "grok-code-fast-1",
        ] {
            assert!(reasons(model), "{model}");
        }
        for model in [
            "grok-3",
            "grok-2-vision",
            "grok-4-1-fast-non-reasoning",
            "other",
        ] {
            assert!(!reasons(model), "{model}");
        }
    }
}
