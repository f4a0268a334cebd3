//! Anthropic's Messages API, at its maker's and where others serve it (`host`).
//!
//! A request is written anew from the client's (`request`): the conversation (`messages`,
//! `content`, `media`), the tools (`tools`, `schema`), how much to think (`thinking`) and how freely
//! (`sampling`), fitted to what the model can do (`model`). An answer is read whole (`answer`)
//! or event by event (`events`) into the same calls; an error by its type and status (`fault`).
//!
//! Source: docs.claude.com, API reference, "Messages", "Streaming", "Errors", "Versions", and the types
//! of the official Python SDK 2.11; read 2026-11.

pub(super) mod answer;
pub(super) mod content;
mod events;
mod fault;
mod host;
pub(super) mod media;
mod messages;
pub(super) mod model;
pub(super) mod request;
pub(super) mod sampling;
pub(super) mod schema;
pub(super) mod thinking;
pub(super) mod tools;
pub(super) mod wire;

pub(super) use host::{MOVED, move_fields};

use super::{
    ChatDialect, ChatEvents, Common, Entry, Outgoing, Pass, Provider,
    features::{Features, Support},
    params::Unknown,
};
use crate::{
    api::{
        answer::AnswerSink,
        chat::{Chat, Extensions},
        client::Api,
    },
    config::node::Fields,
    fault::Fault,
    frame::{Event, Framing},
    host::Headers,
};
use host::Host;
use std::borrow::Cow;

pub(in crate::provider) use crate::api::dropped::note;

/// This dialect's line in the registry.
pub(super) const ENTRY: Entry = Entry {
    name: "anthropic",
    base_path: "/v1",
    features: FEATURES,
    open: host::open_own,
};

/// The same API on Vertex AI.
pub(super) const VERTEX: Entry = host::VERTEX;

/// The same API through Bedrock's InvokeModel.
pub(super) const BEDROCK: Entry = host::BEDROCK;

/// Each limit is told where it is handled: `schema`, `tools`, `request`.
pub(super) const FEATURES: Features = Features {
    model: "claude-sonnet-4-6",
    tool_choice: Support::Partly("the newest models refuse a forced tool"),
    json_schema: Support::Partly("before Claude 4.5 by way of a tool"),
    logprobs: Support::No,
    n: Support::No,
    seed: Support::No,
    ..Features::ALL
};

/// The configured dialect.
#[derive(Debug)]
struct Anthropic {
    common: Common,
    /// `max_tokens` when the client says nothing. `None`: the most that the model allows.
    default_max_tokens: Option<u64>,
    host: Host,
}

/// The `anthropic-version` header. The newer one refuses sampling parameters on every model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    June2023,
    October2026,
}

const VERSIONS: &[(&str, Version)] = &[
    ("2023-06-01", Version::June2023),
    ("2026-10-21", Version::October2026),
];

impl Version {
    const fn header(self) -> &'static str {
        match self {
            Self::June2023 => "2023-06-01",
            Self::October2026 => "2026-10-21",
        }
    }
}

/// Reads the setting; `None`: it is there and wrong.
fn default_max_tokens(fields: &Fields<'_>) -> Option<Option<u64>> {
    fields.maybe("default_max_tokens", |node| {
        let count = node.count()?;
        if count == 0 {
            node.wrong("must be at least 1");
            return None;
        }
        Some(count)
    })
}

impl Provider for Anthropic {
    fn chat(&self) -> Option<&dyn ChatDialect> {
        Some(self)
    }

    fn passes(&self, api: Api, model: &str) -> Option<Pass> {
        let Host::Own(version) = &self.host else {
            // What is unknown is only seen when the request is read.
            let reads = self.common.unknown != Unknown::Keep;
            return (api == Api::Messages && !reads)
                .then(|| self.host.pass(&self.common.base_path, model))
                .flatten();
        };
        let path = match api {
            Api::Messages => "messages",
            Api::CountTokens => "messages/count_tokens",
            _ => return None,
        };
        Some(Pass {
            path: format!("{}/{path}", self.common.base_path),
            headers: vec![("anthropic-version", version.header().to_owned())],
            forwards: &["anthropic-version", "anthropic-beta"],
            asks_usage: false,
            elsewhere: None,
            framing: Framing::Sse,
        })
    }

    fn fault(&self, status: u16, headers: &Headers, body: &[u8]) -> Fault {
        self.host.fault(status, headers, body)
    }
}

impl ChatDialect for Anthropic {
    fn request(&self, chat: &Chat<'_>) -> Result<Outgoing, Fault> {
        request::translate(self, chat)
    }

    fn answer(&self, body: &[u8], out: &mut dyn AnswerSink) -> Result<(), Fault> {
        answer::read(body, out)
    }

    fn framing(&self) -> Framing {
        self.host.framing()
    }

    fn events(&self) -> Option<Box<dyn ChatEvents>> {
        Some(self.host.events())
    }

    fn unframe<'e>(&self, event: &'e Event<'_>) -> Result<Option<Cow<'e, str>>, Fault> {
        self.host.unframe(event)
    }

    fn takes(&self, _model: &str) -> Extensions {
        Extensions {
            thinking: true,
            ..Extensions::TRANSLATED
        }
    }
}
