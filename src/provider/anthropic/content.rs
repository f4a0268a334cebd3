//! What one message says, as blocks; the ids of calls.
//! Source: docs.claude.com, API reference, "Messages"; "Thinking: preserving thinking blocks"; read 2026-11.

use super::{
    answer::PROVIDER,
    media, note,
    wire::{Block, Words},
};
use crate::{
    api::chat::message::{Content, Message, Part, PartKind},
    fault::{Fault, FaultKind},
    json::{Quoted, Str},
};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::{borrow::Cow, fmt::Display};

#[derive(Deserialize)]
struct Detail<'a> {
    #[serde(borrow)]
    provider: Option<Str<'a>>,
    #[serde(borrow)]
    r#type: Option<Str<'a>>,
    #[serde(borrow)]
    thinking: Option<&'a RawValue>,
    #[serde(borrow)]
    signature: Option<&'a RawValue>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

/// A call's id with the characters that Anthropic takes, `[a-zA-Z0-9_-]`. The same id always gives
/// the same text, and two ids that differ only in other characters stay apart.
pub(super) fn tool_id(id: Cow<'_, str>) -> Cow<'_, str> {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if id.chars().all(fits) {
        return id;
    }
    // FNV-1a, 32 bits.
    let hash = id.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    let fitting: String = id.chars().map(|c| if fits(c) { c } else { '_' }).collect();
    Cow::Owned(format!("{fitting}_{hash:08x}"))
}

/// A block of reasoning as this gateway has handed it out.
pub(in crate::provider) enum Thought<'a> {
    /// With the signature that proves it.
    Shown {
        thinking: &'a RawValue,
        signature: &'a RawValue,
    },
    /// Not to be read.
    Hidden(&'a RawValue),
}

/// The reasoning that this provider wants back, unchanged; that of others is left out.
pub(super) fn thoughts<'a>(message: &Message<'a>) -> Vec<Block<'a>> {
    let blocks = thoughts_of(PROVIDER, message).map(|thought| match thought {
        Thought::Shown {
            thinking,
            signature,
        } => Block::Thinking {
            thinking,
            signature,
        },
        Thought::Hidden(data) => Block::RedactedThinking { data },
    });
    blocks.collect()
}

/// The reasoning in a message that is tagged with this provider.
pub(in crate::provider) fn thoughts_of<'a>(
    provider: &str,
    message: &Message<'a>,
) -> impl Iterator<Item = Thought<'a>> {
    message.reasoning.iter().filter_map(move |raw| {
        let detail: Detail<'a> = serde_json::from_str(raw.get()).ok()?;
        if detail.provider.as_deref() != Some(provider) {
            return None;
        }
        match (
            &*detail.r#type?,
            detail.thinking,
            detail.signature,
            detail.data,
        ) {
            ("thinking", Some(thinking), Some(signature), _) => Some(Thought::Shown {
                thinking,
                signature,
            }),
            ("redacted_thinking", _, _, Some(data)) => Some(Thought::Hidden(data)),
            _ => None,
        }
    })
}

/// What a message says, as blocks.
///
/// Errors: `Unsupported` that names the part.
pub(super) fn content<'a>(
    message: &Message<'a>,
    place: impl Display,
    dropped: &mut Vec<String>,
    blocks: &mut Vec<Block<'a>>,
) -> Result<(), Fault> {
    match &message.content {
        Content::Nothing => {}
        Content::Text(text) => text_block(*text, None, blocks),
        Content::Parts(parts) => {
            for (index, item) in parts.iter().enumerate() {
                part(
                    item,
                    format_args!("{place}.content[{index}]"),
                    dropped,
                    blocks,
                )?;
            }
        }
    }
    Ok(())
}

fn part<'a>(
    part: &Part<'a>,
    place: impl Display,
    dropped: &mut Vec<String>,
    blocks: &mut Vec<Block<'a>>,
) -> Result<(), Fault> {
    let cache_control = part.cache_control;
    match part.is {
        PartKind::Text(text) | PartKind::Refusal(text) => text_block(text, cache_control, blocks),
        PartKind::Image { url, detail } => {
            if detail.is_some_and(|detail| detail != *"auto") {
                note(dropped, "messages[].content[].image_url.detail");
            }
            blocks.push(Block::Image {
                source: media::image(url, format_args!("{place}.image_url.url"))?,
                cache_control,
            });
        }
        PartKind::File { data, id, name } => {
            let Some(data) = data else {
                let (field, why) = match id {
                    Some(_) => (
                        "file_id",
                        "names an upload that this model's provider does not know; send `file_data`.",
                    ),
                    None => ("file_data", "is required."),
                };
                let place = format!("{place}.file.{field}");
                let message = format!("`{place}` {why}");
                return Err(Fault::new(FaultKind::Unsupported, message).at(place));
            };
            blocks.push(Block::Document {
                source: media::document(data, format_args!("{place}.file.file_data"))?,
                title: name.filter(|name| !name.is_blank()),
                cache_control,
            });
        }
        PartKind::Audio(_) => {
            let place = format!("{place}.input_audio");
            let message = format!("`{place}` is not supported by this model's provider.");
            return Err(Fault::new(FaultKind::Unsupported, message).at(place));
        }
    }
    Ok(())
}

/// Empty text is refused upstream and says nothing.
pub(super) fn text_block<'a>(
    text: Quoted<'a>,
    cache_control: Option<&'a RawValue>,
    blocks: &mut Vec<Block<'a>>,
) {
    if !text.is_blank() {
        blocks.push(Block::Text {
            text: Words::Kept(text),
            cache_control,
        });
    }
}

/// A mark on a message is one on its last block that can carry it.
pub(super) fn mark<'a>(blocks: &mut [Block<'a>], mark: Option<&'a RawValue>) {
    let Some(mark) = mark else {
        return;
    };
    for block in blocks.iter_mut().rev() {
        match block {
            Block::Thinking { .. } | Block::RedactedThinking { .. } => {}
            Block::Text { cache_control, .. }
            | Block::Image { cache_control, .. }
            | Block::Document { cache_control, .. }
            | Block::ToolUse { cache_control, .. }
            | Block::ToolResult { cache_control, .. } => {
                cache_control.get_or_insert(mark);
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_made_to_fit_and_stay_apart() {
        assert!(matches!(
            tool_id("call_A-1".into()),
            Cow::Borrowed("call_A-1")
        ));
        assert_eq!(tool_id("call.1".into()), "call_1_2945fb5c");
        assert_ne!(tool_id("call.1".into()), tool_id("call:1".into()));
    }
}
