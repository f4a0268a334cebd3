//! Cohere's API, version 2.
//!
//! A chat request is written anew from the client's (`request`): the conversation (`messages`), the
//! tools (`tools`), how much to think (`thinking`), fitted to what the model can do (`model`). An
//! answer is read whole (`answer`) or event by event (`events`) into the same calls; an error by its
//! status and words (`fault`). Embeddings and reranking are smaller: one file each (`embed`, `rerank`).
//!
//! Source: docs.cohere.com, "Chat API (v2)", "Streaming", "Tool use", "Structured outputs",
//! "Reasoning", "Errors", and the types of the official Python SDK 7.3; read 2026-11.

mod answer;
mod embed;
mod events;
mod fault;
mod messages;
mod model;
mod request;
mod rerank;
mod thinking;
mod tools;
mod wire;

use super::{
    Answered, ChatDialect, ChatEvents, Common, EmbedDialect, Entry, Outgoing, Provider,
    RerankDialect,
    features::{Features, Support},
};
use crate::{
    api::{
        answer::AnswerSink,
        chat::{Chat, Extensions},
        dropped::note,
        embeddings::{Asked, Embed},
        rerank::Rerank,
    },
    config::node::Fields,
    fault::Fault,
    host::Headers,
};

/// This dialect's line in the registry.
pub(super) const ENTRY: Entry = Entry {
    name: "cohere",
    base_path: "/v2",
    features: FEATURES,
    open,
};

/// Each limit is told where it is handled: `tools`, `request`, `messages`.
const FEATURES: Features = Features {
    model: "command-a-plus-05-2026",
    parallel_tools: Support::Partly("one call at a time cannot be asked for"),
    tool_choice: Support::Partly("from Command R7B on"),
    pdfs: Support::No,
    json_schema: Support::Partly("not beside tools or documents"),
    logprobs: Support::Partly("of pieces of text, without alternatives"),
    n: Support::No,
    cache_control: Support::No,
    ..Features::ALL
};

/// The configured dialect.
#[derive(Debug)]
struct Cohere {
    common: Common,
    /// What embeddings are for, where the client does not say it (`input_type`).
    input_type: &'static str,
}

/// What embeddings can be for. `image` is left out: its input is none of OpenAI's.
/// Source: docs.cohere.com, API reference, "Embed API (v2)", read 2026-11.
const INPUT_TYPES: &[(&str, &str)] = &[
    ("search_document", "search_document"),
    ("search_query", "search_query"),
    ("classification", "classification"),
    ("clustering", "clustering"),
];

fn open(common: Common, fields: &Fields<'_>) -> Option<Box<dyn Provider>> {
    let input_type = fields.or("embed_input_type", "search_document", |node| {
        node.choice(INPUT_TYPES)
    });
    Some(Box::new(Cohere {
        common,
        input_type: input_type?,
    }))
}

impl Provider for Cohere {
    fn chat(&self) -> Option<&dyn ChatDialect> {
        Some(self)
    }

    fn embed(&self) -> Option<&dyn EmbedDialect> {
        Some(self)
    }

    fn rerank(&self) -> Option<&dyn RerankDialect> {
        Some(self)
    }

    fn fault(&self, status: u16, headers: &Headers, body: &[u8]) -> Fault {
        fault::read(status, headers, body)
    }
}

impl ChatDialect for Cohere {
    fn request(&self, chat: &Chat<'_>) -> Result<Outgoing, Fault> {
        request::translate(&self.common, chat)
    }

    fn answer(&self, body: &[u8], out: &mut dyn AnswerSink) -> Result<(), Fault> {
        answer::read(body, out)
    }

    fn events(&self) -> Option<Box<dyn ChatEvents>> {
        Some(Box::new(events::Events::default()))
    }

    fn takes(&self, _model: &str) -> Extensions {
        Extensions {
            rich_results: false,
            ..Extensions::TRANSLATED
        }
    }
}

impl EmbedDialect for Cohere {
    fn request(&self, embed: &Embed<'_>) -> Result<Outgoing, Fault> {
        embed::request(self, embed)
    }

    fn answer(
        &self,
        _headers: &Headers,
        body: &[u8],
        asked: Option<&Asked>,
    ) -> Result<Answered, Fault> {
        embed::answer(body, asked)
    }
}

impl RerankDialect for Cohere {
    fn request(&self, rerank: &Rerank<'_>) -> Result<Outgoing, Fault> {
        rerank::request(&self.common, rerank)
    }

    fn answer(&self, _headers: &Headers, body: &[u8]) -> Result<Answered, Fault> {
        rerank::answer(body)
    }
}
