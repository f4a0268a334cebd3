//! Amazon Bedrock's Converse API, one form for the models of many makers.
//!
//! A request is written anew from the client's (`request`): the conversation (`messages`, `content`,
//! `media`), the tools (`tools`), how much to think (`reasoning`, and what the anthropic dialect knows
//! of Claude) and how freely, fitted to the model's family (`family`). An answer is read
//! whole (`answer`) or event by event (`events`); an error by its type and status (`fault`).
//! Embeddings go through InvokeModel (`embed`).
//!
//! Requests leave without a signature: Envoy's `aws_request_signing` signs the finished bytes after
//! this filter.
//!
//! Source: Amazon Bedrock API reference, "Converse" and "ConverseStream", and the service model
//! `bedrock-runtime` of botocore 1.44; read 2026-11.

mod answer;
mod content;
mod embed;
mod events;
mod family;
pub(super) mod fault;
mod media;
mod messages;
mod reasoning;
mod request;
mod tools;
mod wire;

use super::{
    Answered, ChatDialect, ChatEvents, Common, EmbedDialect, Entry, Outgoing, Provider,
    features::{Features, Support},
};
use crate::{
    api::{
        answer::AnswerSink,
        chat::{Chat, Extensions},
        embeddings::{Asked, Embed},
    },
    config::node::Fields,
    fault::Fault,
    frame::Framing,
    host::Headers,
};

/// This dialect's line in the registry.
pub(super) const ENTRY: Entry = Entry {
    name: "bedrock",
    base_path: "/model",
    features: FEATURES,
    open,
};

/// Each limit is told where it is handled: `family`, `media`, `tools`.
const FEATURES: Features = Features {
    model: "us.anthropic.claude-sonnet-4-6",
    parallel_tools: Support::Partly("several calls; one at a time cannot be asked for"),
    tool_choice: Support::Partly("the newest models refuse a forced tool"),
    images: Support::Partly("as data or in S3, not by another address"),
    json_schema: Support::Partly(
        "older Claude and Nova by way of a tool, Llama and others as an instruction",
    ),
    reasoning: Support::Partly("Claude, Nova 2, gpt-oss"),
    cache_control: Support::Partly("Claude and Nova"),
    logprobs: Support::No,
    n: Support::No,
    seed: Support::No,
    ..Features::ALL
};

/// The tag of this provider's reasoning.
const PROVIDER: &str = "bedrock";

/// The configured dialect.
#[derive(Debug)]
struct Bedrock {
    common: Common,
    /// `maxTokens` when the client says nothing. `None`: the service's own default.
    default_max_tokens: Option<u64>,
}

fn open(common: Common, fields: &Fields<'_>) -> Option<Box<dyn Provider>> {
    let default_max_tokens = fields.maybe("default_max_tokens", |node| node.count_in(1..=u64::MAX));
    Some(Box::new(Bedrock {
        common,
        default_max_tokens: default_max_tokens?,
    }))
}

impl Provider for Bedrock {
    fn chat(&self) -> Option<&dyn ChatDialect> {
        Some(self)
    }

    fn embed(&self) -> Option<&dyn EmbedDialect> {
        Some(self)
    }

    fn fault(&self, status: u16, headers: &Headers, body: &[u8]) -> Fault {
        fault::read(status, headers, body)
    }
}

impl EmbedDialect for Bedrock {
    fn request(&self, embed: &Embed<'_>) -> Result<Outgoing, Fault> {
        embed::request(self, embed)
    }

    fn answer(
        &self,
        headers: &Headers,
        body: &[u8],
        asked: Option<&Asked>,
    ) -> Result<Answered, Fault> {
        embed::answer(headers, body, asked)
    }
}

impl ChatDialect for Bedrock {
    fn request(&self, chat: &Chat<'_>) -> Result<Outgoing, Fault> {
        request::translate(self, chat)
    }

    fn answer(&self, body: &[u8], out: &mut dyn AnswerSink) -> Result<(), Fault> {
        answer::read(body, out)
    }

    fn framing(&self) -> Framing {
        Framing::Aws
    }

    fn id<'h>(&self, headers: &'h Headers) -> Option<&'h str> {
        headers.get("x-amzn-requestid")
    }

    fn events(&self) -> Option<Box<dyn ChatEvents>> {
        Some(Box::new(events::Events::default()))
    }

    fn takes(&self, model: &str) -> Extensions {
        Extensions {
            thinking: true,
            errors: family::family(model).errors(),
            ..Extensions::TRANSLATED
        }
    }
}
