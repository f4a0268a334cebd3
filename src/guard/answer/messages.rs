//! Anthropic's Messages: the blocks of a whole message, and the deltas of a stream.
//! Source: `Message`, `RawMessageStreamEvent` of Anthropic's official Python SDK, read 2026-11.

use super::{Comes, End, Form, Key, Look, What};
use crate::{
    guard::request::Addresses,
    json::{Str, each},
};
use serde::Deserialize;
use serde_json::value::RawValue;

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow, default)]
    r#type: Option<Str<'a>>,
    #[serde(default)]
    index: Option<u32>,
    #[serde(borrow, default)]
    content_block: Option<Block<'a>>,
    #[serde(borrow, default)]
    delta: Option<Block<'a>>,
    #[serde(borrow, default)]
    message: Option<Message<'a>>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    content: Option<&'a RawValue>,
}

/// A block, or what a delta adds to one.
#[derive(Deserialize)]
struct Block<'a> {
    #[serde(borrow, default)]
    text: Option<&'a RawValue>,
    #[serde(borrow, default)]
    thinking: Option<&'a RawValue>,
    #[serde(borrow, default)]
    signature: Option<&'a RawValue>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
    #[serde(borrow, default)]
    input: Option<&'a RawValue>,
    #[serde(borrow, default)]
    partial_json: Option<&'a RawValue>,
    /// What a tool of the provider has said.
    #[serde(borrow, default)]
    content: Option<&'a RawValue>,
    #[serde(borrow, default)]
    citations: Option<&'a RawValue>,
    #[serde(borrow, default)]
    citation: Option<&'a RawValue>,
}

/// Looks at an event of a stream. `None`: it cannot be read.
pub(super) fn look<'a>(name: &str, data: &'a str) -> Option<Look<'a>> {
    let event: Event<'a> = serde_json::from_str(data).ok()?;
    let mut look = Look::default();
    let index = event.index.unwrap_or(0);
    match event.r#type.as_deref().unwrap_or(name) {
        "content_block_start" => {
            look.ended.push(End::All(index));
            if let Some(block) = &event.content_block {
                look.block(index, block, Comes::Piece)?;
            }
        }
        "content_block_delta" => {
            if let Some(delta) = &event.delta {
                look.block(index, delta, Comes::Piece)?;
            }
        }
        "content_block_stop" => look.ends.push(End::All(index)),
        "message_start" => {
            if let Some(message) = &event.message {
                look.blocks(message.content)?;
            }
        }
        "message_delta" | "message_stop" | "error" => look.ends.push(End::Everything),
        _ => {}
    }
    Some(look)
}

/// Looks at a whole message. `None`: it cannot be read.
pub(super) fn look_whole(body: &str) -> Option<Look<'_>> {
    let message: Message<'_> = serde_json::from_str(body).ok()?;
    let mut look = Look::default();
    look.blocks(message.content)?;
    Some(look)
}

impl<'a> Look<'a> {
    fn blocks(&mut self, list: Option<&'a RawValue>) -> Option<()> {
        let (mut index, mut read) = (0, Some(()));
        each(list, |raw| {
            let block: Option<Block<'a>> = serde_json::from_str(raw.get()).ok();
            let seen = block.and_then(|block| self.block(index, &block, Comes::Whole));
            read = read.and(seen);
            index += 1;
        });
        read
    }

    fn block(&mut self, index: u32, block: &Block<'a>, comes: Comes) -> Option<()> {
        let key = |what| Key::new(index, 0, what);
        if let Some(raw) = block.text {
            self.add(key(What::Text), raw, comes)?;
        }
        if let Some(raw) = block.thinking {
            self.add(key(What::Thought), raw, comes)?;
        }
        for raw in block.signature.into_iter().chain(block.data) {
            self.push(key(What::Sealed), raw, Form::Sealed, Comes::Whole);
        }
        // The input of a block that begins is empty; what it says comes in pieces.
        if let Some(raw) = block.input.filter(|raw| raw.get() != "{}") {
            self.push(key(What::Call), raw, Form::Document, Comes::Whole);
        }
        if let Some(raw) = block.partial_json {
            self.push_arguments(key(What::Call), raw, comes);
        }
        let said = block.content.map(|raw| (raw, Addresses::Stay));
        let sources = block.citations.into_iter().chain(block.citation);
        let sources = sources.map(|raw| (raw, Addresses::Are));
        let mut next = 0;
        for (raw, addresses) in said.into_iter().chain(sources) {
            self.results(index, &mut next, raw, addresses, Comes::Whole)?;
        }
        Some(())
    }
}
