//! OpenRouter: speaks for many providers and fits requests to each itself, so nearly all passes,
//! its own `models`, `provider`, `reasoning` and `plugins` included.
//!
//! Comments in streams pass and are no content; errors come inside a 200 with `finish_reason: error`.
//! `reasoning` and `reasoning_details` stay as they are, and the details must return with the message.
//! Source: openrouter.ai/docs, "Parameters", "Streaming", "Errors and Debugging", "Reasoning tokens", "Usage
//! accounting", read 2026-11.

use super::super::{
    difference::Difference,
    messages::{Messages, Way},
    open,
};
use crate::api::chat::Extensions;
use crate::provider::{Entry, features::Features};

pub(in crate::provider) const ENTRY: Entry = Entry {
    name: "openrouter",
    base_path: "/api/v1",
    features: Features {
        model: "anthropic/claude-sonnet-4.6",
        ..Features::ALL
    },
    open: |common, fields| open(&TABLE, common, fields),
};

pub(super) const TABLE: Difference = Difference {
    own: &[
        "debug",
        "include_reasoning",
        "min_p",
        "models",
        "plugins",
        "provider",
        "reasoning",
        "repetition_penalty",
        "route",
        "session_id",
        "structured_outputs",
        "top_a",
        "top_k",
        "trace",
        "transforms",
        "usage",
    ],
    touches: &["messages", "model", "stream_options"],
    messages: Some(&MESSAGES),
    takes: Extensions {
        marks: true,
        reasoning: true,
        details: true,
        top_k: true,
        ..Extensions::NONE
    },
    ..Difference::NONE
};

const MESSAGES: Messages = Messages {
    signs: &["reasoning_details"],
    developer: false,
    fields: &[],
    parts: &[],
    unmarked: false,
    ways: &[Way::OwnDetails],
};
