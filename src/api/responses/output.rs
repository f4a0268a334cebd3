//! The output of a response as it grows: items, and the texts in them.

use super::wire::{Item, Part, Status, Summary};
use crate::api::thought::seal;

/// Most items of a response, and most text in it; what a provider sends beyond is left out.
pub(super) const MAX_ITEMS: usize = 2048;
const MAX_BYTES: usize = 32 << 20;

/// All items so far.
#[derive(Debug, Default)]
pub(super) struct Output {
    pub(super) items: Vec<Grown>,
    bytes: usize,
}

/// One item.
#[derive(Debug)]
pub(super) struct Grown {
    pub(super) id: String,
    pub(super) is: Kind,
    /// Nothing more is added to it.
    pub(super) closed: bool,
}

#[derive(Debug)]
pub(super) enum Kind {
    Reasoning {
        text: String,
        /// JSON texts of what the provider wants back.
        details: Vec<String>,
    },
    Message(Vec<Text>),
    Call {
        index: u32,
        call_id: String,
        name: String,
        arguments: String,
    },
    /// An image, in base64. In this API it is what a tool of OpenAI's has drawn.
    Image(String),
}

/// One part of a message.
#[derive(Debug)]
pub(super) struct Text {
    pub(super) refusal: bool,
    pub(super) text: String,
}

impl Output {
    /// Whether `more` still fits; it counts when it does.
    pub(super) fn takes(&mut self, more: &str) -> bool {
        let bytes = self.bytes.saturating_add(more.len());
        let fits = bytes <= MAX_BYTES;
        if fits {
            self.bytes = bytes;
        }
        fits
    }
}

impl Grown {
    pub(super) fn json(&self, status: Status) -> Item<'_> {
        match &self.is {
            Kind::Reasoning { text, details } => Item::Reasoning {
                id: &self.id,
                summary: (!text.is_empty())
                    .then_some(Summary {
                        r#type: "summary_text",
                        text,
                    })
                    .into_iter()
                    .collect(),
                encrypted_content: Some(seal(&format!("[{}]", details.join(",")))),
            },
            Kind::Message(texts) => Item::Message {
                id: &self.id,
                status,
                role: "assistant",
                content: texts.iter().map(Text::json).collect(),
            },
            Kind::Call {
                call_id,
                name,
                arguments,
                ..
            } => Item::FunctionCall {
                id: &self.id,
                status,
                call_id,
                name,
                arguments: if arguments.is_empty() {
                    "{}"
                } else {
                    arguments
                },
            },
            // It comes whole.
            Kind::Image(data) => Item::ImageGenerationCall {
                id: &self.id,
                status: Status::Completed,
                result: Some(data),
            },
        }
    }

    /// As it is announced, before anything is in it.
    pub(super) fn empty(&self) -> Item<'_> {
        match &self.is {
            Kind::Reasoning { .. } => Item::Reasoning {
                id: &self.id,
                summary: Vec::new(),
                encrypted_content: None,
            },
            Kind::Message(_) => Item::Message {
                id: &self.id,
                status: Status::InProgress,
                role: "assistant",
                content: Vec::new(),
            },
            Kind::Call { call_id, name, .. } => Item::FunctionCall {
                id: &self.id,
                status: Status::InProgress,
                call_id,
                name,
                arguments: "",
            },
            Kind::Image(_) => Item::ImageGenerationCall {
                id: &self.id,
                status: Status::InProgress,
                result: None,
            },
        }
    }
}

impl Text {
    pub(super) fn json(&self) -> Part<'_> {
        Self::part(self.refusal, &self.text)
    }

    pub(super) const fn part(refusal: bool, text: &str) -> Part<'_> {
        if refusal {
            Part::Refusal { refusal: text }
        } else {
            Part::OutputText {
                text,
                annotations: [],
                logprobs: [],
            }
        }
    }
}
