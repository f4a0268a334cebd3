//! What one message says, as blocks, and the ids of calls.
//! Source: Amazon Bedrock API reference, "ContentBlock", "ToolUseBlock", "CachePointBlock"; read 2026-11.

use super::{
    PROVIDER, media,
    wire::{Block, CachePoint, Reasoning},
};
use crate::{
    api::chat::message::{Content, Message, Part, PartKind},
    fault::{Fault, FaultKind},
    json::{Quoted, Str},
    provider::anthropic::{
        content::{Thought, thoughts_of},
        note,
        wire::Words,
    },
};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::{borrow::Cow, fmt::Display};

/// Longest id of a call.
const MAX_ID: usize = 64;

/// A call's id as Converse takes it, at most 64 of `[a-zA-Z0-9_.:-]`. The same id always gives the
/// same text, and two ids that differ only in what is lost stay apart.
pub(super) fn tool_id(id: Cow<'_, str>) -> Cow<'_, str> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "_.:-".contains(c);
    if !id.is_empty() && id.len() <= MAX_ID && id.chars().all(fits) {
        return id;
    }
    // FNV-1a, 64 bits.
    let hash = id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let kept = id.chars().map(|c| if fits(c) { c } else { '_' });
    let kept: String = kept.take(MAX_ID - 17).collect();
    Cow::Owned(format!("{kept}_{hash:016x}"))
}

/// The reasoning that this provider wants back, unchanged; that of others is left out.
pub(super) fn thoughts<'a>(message: &Message<'a>) -> Vec<Block<'a>> {
    let blocks = thoughts_of(PROVIDER, message).map(|thought| {
        Block::ReasoningContent(match thought {
            Thought::Shown {
                thinking,
                signature,
            } => Reasoning::ReasoningText {
                text: thinking,
                signature,
            },
            Thought::Hidden(data) => Reasoning::RedactedContent(data),
        })
    });
    blocks.collect()
}

/// What is shared by all messages of a request.
#[derive(Debug)]
pub(super) struct Around<'d> {
    /// The model takes cache points.
    pub(super) caches: bool,
    /// The model is told which tools failed.
    pub(super) errors: bool,
    /// The names of the documents so far.
    pub(super) documents: media::Names,
    pub(super) dropped: &'d mut Vec<String>,
}

#[derive(Deserialize)]
struct Mark<'a> {
    #[serde(borrow, default)]
    ttl: Option<Str<'a>>,
}

impl Around<'_> {
    /// Anthropic's cache mark as a block of its own, which follows the one that carried the mark.
    pub(super) fn cache_point(&mut self, mark: Option<&RawValue>) -> Option<CachePoint> {
        let mark = mark?;
        if !self.caches {
            note(self.dropped, "cache_control");
            return None;
        }
        let mark: Option<Mark<'_>> = serde_json::from_str(mark.get()).ok();
        let ttl = mark.and_then(|mark| mark.ttl);
        Some(CachePoint {
            r#type: "default",
            ttl: (ttl.as_deref() == Some("1h")).then_some("1h"),
        })
    }

    /// What a message says, as blocks.
    ///
    /// Errors: `Unsupported` that names the part.
    pub(super) fn content<'a>(
        &mut self,
        message: &Message<'a>,
        place: impl Display,
        blocks: &mut Vec<Block<'a>>,
    ) -> Result<(), Fault> {
        match &message.content {
            Content::Nothing => {}
            Content::Text(said) => text(*said, blocks),
            Content::Parts(parts) => {
                for (index, item) in parts.iter().enumerate() {
                    let place = format_args!("{place}.content[{index}]");
                    let before = blocks.len();
                    self.part(item, place, blocks)?;
                    if blocks.len() > before {
                        let point = self.cache_point(item.cache_control);
                        blocks.extend(point.map(Block::CachePoint));
                    }
                }
            }
        }
        Ok(())
    }

    fn part<'a>(
        &mut self,
        part: &Part<'a>,
        place: impl Display,
        blocks: &mut Vec<Block<'a>>,
    ) -> Result<(), Fault> {
        match part.is {
            PartKind::Text(said) | PartKind::Refusal(said) => text(said, blocks),
            PartKind::Image { url, detail } => {
                if detail.is_some_and(|detail| detail != *"auto") {
                    note(self.dropped, "messages[].content[].image_url.detail");
                }
                let (format, source) = media::image(url, format_args!("{place}.image_url.url"))?;
                blocks.push(Block::Image { format, source });
            }
            PartKind::File { data, id, name } => {
                let Some(data) = data else {
                    return Err(no_data(id.is_some(), &place));
                };
                let place = format_args!("{place}.file.file_data");
                let (format, source) = media::document(data, place)?;
                blocks.push(Block::Document {
                    format,
                    name: media::document_name(name, &mut self.documents),
                    source,
                });
            }
            PartKind::Audio(raw) => blocks.push(audio(raw, &place)?),
        }
        Ok(())
    }
}

fn no_data(uploaded: bool, place: &impl Display) -> Fault {
    let (field, why) = if uploaded {
        (
            "file_id",
            "names an upload that this model's provider does not know; send `file_data`.",
        )
    } else {
        ("file_data", "is required.")
    };
    let place = format!("{place}.file.{field}");
    Fault::new(FaultKind::Unsupported, format!("`{place}` {why}")).at(place)
}

#[derive(Deserialize)]
struct AudioFields<'a> {
    #[serde(borrow)]
    data: Str<'a>,
    #[serde(borrow)]
    format: Str<'a>,
}

fn audio<'a>(raw: &'a RawValue, place: &impl Display) -> Result<Block<'a>, Fault> {
    let place = format!("{place}.input_audio");
    let fields: AudioFields<'a> = serde_json::from_str(raw.get()).map_err(|_| {
        let message = format!("`{place}` must hold `data` and `format`.");
        Fault::new(FaultKind::BadRequest, message).at(&place)
    })?;
    let (format, source) = media::audio(&fields.format, fields.data.into_cow(), place)?;
    Ok(Block::Audio { format, source })
}

/// Blank text is refused upstream and says nothing.
pub(super) fn text<'a>(text: Quoted<'a>, blocks: &mut Vec<Block<'a>>) {
    if !text.is_blank() {
        blocks.push(Block::Text(Words::Kept(text)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_made_to_fit_and_stay_apart() {
        let kept = "call_A-1.b:c";
        assert!(matches!(tool_id(kept.into()), Cow::Borrowed(text) if text == kept));
        assert_eq!(tool_id("call 1".into()), "call_1_9593b4995d8524ce");
        assert_ne!(tool_id("call 1".into()), tool_id("call/1".into()));
        let long = "x".repeat(65);
        let other = format!("{}y", "x".repeat(64));
        assert_eq!(tool_id(long.as_str().into()).len(), MAX_ID);
        assert_ne!(tool_id(long.as_str().into()), tool_id(other.into()));
        assert_eq!(tool_id("".into()), "_cbf29ce484222325");
    }
}
