//! What has come of an answer while a call before it is not complete: blocks follow one another here,
//! where other APIs let the pieces of several calls take turns.

use crate::api::answer::Part;
use std::collections::VecDeque;

/// Most that waits. Units: bytes.
const MAX_BYTES: usize = 2 << 20;

/// Blocks to come, in their order.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    blocks: VecDeque<Block>,
    bytes: usize,
}

/// One of them, as far as it has come.
#[derive(Debug)]
pub(super) enum Block {
    Text(String),
    Thought(String),
    Detail(String),
    Call {
        index: u32,
        id: String,
        name: String,
        input: String,
    },
}

impl Waiting {
    pub(super) fn len(&self) -> usize {
        self.blocks.len()
    }

    /// Whether so much waits that it must go on, complete or not.
    pub(super) const fn is_full(&self) -> bool {
        self.bytes > MAX_BYTES
    }

    /// Whether `part` goes on with the block that came last.
    pub(super) fn goes_on(&self, part: &Part<'_>) -> bool {
        matches!(
            (self.blocks.back(), part),
            (Some(Block::Text(_)), Part::Text(_) | Part::Refusal(_))
                | (Some(Block::Thought(_)), Part::Thought(_))
        )
    }

    /// Keeps text, a thought or the beginning of a call.
    pub(super) fn push(&mut self, part: Part<'_>) {
        let block = match (part, self.blocks.back_mut()) {
            (Part::Text(more) | Part::Refusal(more), Some(Block::Text(text)))
            | (Part::Thought(more), Some(Block::Thought(text))) => {
                text.push_str(more);
                self.bytes = self.bytes.saturating_add(more.len());
                return;
            }
            (Part::Text(text) | Part::Refusal(text), _) => Block::Text(text.to_owned()),
            (Part::Thought(text), _) => Block::Thought(text.to_owned()),
            (Part::ThoughtDetail(json), _) => Block::Detail(json.to_owned()),
            (Part::ToolCall { index, id, name }, _) => Block::Call {
                index,
                id: id.to_owned(),
                name: name.to_owned(),
                input: String::new(),
            },
            _ => return,
        };
        self.bytes = self.bytes.saturating_add(block.len());
        self.blocks.push_back(block);
    }

    /// Keeps more of a call's input; whether the call waits.
    pub(super) fn input(&mut self, of: u32, json: &str) -> bool {
        let call = self.blocks.iter_mut().rev().find_map(|block| match block {
            Block::Call { index, input, .. } if *index == of => Some(input),
            _ => None,
        });
        let Some(input) = call else { return false };
        input.push_str(json);
        self.bytes = self.bytes.saturating_add(json.len());
        true
    }

    /// The next block.
    pub(super) fn next(&mut self) -> Option<Block> {
        let block = self.blocks.pop_front()?;
        self.bytes = self.bytes.saturating_sub(block.len());
        Some(block)
    }
}

impl Block {
    fn len(&self) -> usize {
        match self {
            Self::Text(text) | Self::Thought(text) | Self::Detail(text) => text.len(),
            Self::Call {
                id, name, input, ..
            } => id.len() + name.len() + input.len(),
        }
    }
}
