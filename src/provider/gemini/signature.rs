//! What Gemini wants back unchanged: thought signatures, as they travel in `reasoning_details`.
//!
//! A signature belongs to the part it came with: a thought, the text, or a call. Each is one item,
//! tagged with the API that sealed it and the model that thought; an item of another API or of another
//! generation is left out. Calls without their own then say so, which Gemini 3 insists on.
//! Source: ai.google.dev, "Thought signatures" (where they stand, which are checked, what to send for
//! history from elsewhere), read 2026-11.

use super::model::{Age, model};
use crate::{
    api::{
        answer::{AnswerSink, Part},
        chat::message::Message,
    },
    json::Str,
};
use serde::{Deserialize, Serialize};
use std::{borrow::Cow, collections::BTreeMap};

/// The documented word for calls that another model made: their signature is not checked.
pub(super) const FOREIGN: &str = "skip_thought_signature_validator";

/// Longest thought that is given back for the next request. Units: bytes.
pub(super) const MAX_THOUGHT: usize = 4 << 20;

#[derive(Serialize, Deserialize)]
struct Detail<'a> {
    #[serde(borrow, default)]
    provider: Str<'a>,
    #[serde(borrow, default)]
    r#type: Str<'a>,
    #[serde(borrow, default)]
    model: Str<'a>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    thinking: Option<Str<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    call: Option<Str<'a>>,
    #[serde(borrow, default)]
    signature: Str<'a>,
}

/// Where a signature stands.
#[derive(Debug, Clone, Copy)]
pub(super) enum On<'a> {
    /// On a thought with this text.
    Thought(&'a str),
    /// On the text.
    Text,
    /// On the call with this id.
    Call(&'a str),
}

/// Hands a signature out as the client must return it.
pub(super) fn hand_out(
    choice: u32,
    (provider, model): (&str, &str),
    on: On<'_>,
    signature: &str,
    out: &mut dyn AnswerSink,
) {
    let (kind, thinking, call) = match on {
        // A thought that is cut could not be returned unchanged.
        On::Thought(text) if text.len() > MAX_THOUGHT => return,
        On::Thought(text) => ("thinking", Some(text.into()), None),
        On::Text => ("text_signature", None, None),
        On::Call(id) => ("call_signature", None, Some(id.into())),
    };
    let detail = Detail {
        provider: provider.into(),
        r#type: kind.into(),
        model: model.into(),
        thinking,
        call,
        signature: signature.into(),
    };
    let json = serde_json::to_string(&detail).unwrap_or_default();
    out.part(choice, Part::ThoughtDetail(&json));
}

/// The signatures of one message.
#[derive(Debug, Default)]
pub(super) struct Signatures<'a> {
    /// Thoughts and their signatures, in order.
    pub(super) thoughts: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// The text's.
    pub(super) text: Option<Cow<'a, str>>,
    /// By the call's id.
    pub(super) calls: BTreeMap<Cow<'a, str>, Cow<'a, str>>,
}

impl<'a> Signatures<'a> {
    /// Those that this API sealed for a model of this age.
    pub(super) fn of(message: &Message<'a>, provider: &str, age: Age) -> Self {
        let mut found = Self::default();
        for raw in &message.reasoning {
            let Ok(detail) = serde_json::from_str::<Detail<'a>>(raw.get()) else {
                continue;
            };
            let made_by = model(&detail.model).age;
            let strange = made_by != age && made_by != Age::Unknown && age != Age::Unknown;
            if *detail.provider != *provider || strange || detail.signature.is_empty() {
                continue;
            }
            let signature = detail.signature.into_cow();
            match (&*detail.r#type, detail.thinking, detail.call) {
                ("thinking", Some(text), _) => found.thoughts.push((text.into_cow(), signature)),
                ("text_signature", ..) => found.text = Some(signature),
                ("call_signature", _, Some(id)) => {
                    found.calls.insert(id.into_cow(), signature);
                }
                _ => {}
            }
        }
        found
    }
}
