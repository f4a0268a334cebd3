//! Anthropic's Messages API.
//!
//! A request is written anew from the client's (`request`): the conversation (`messages`,
//! `content`, `media`), the tools (`tools`, `schema`), how much to think (`thinking`) and how freely
//! (`sampling`), fitted to what the model can do (`model`). An answer is read whole (`answer`)
//! or event by event (`events`) into the same calls; an error by its type and status (`fault`).
//!
//! Source: docs.claude.com, API reference, "Messages", "Streaming", "Errors", "Versions", and the types
//! of the official Python SDK 2.11; read 2026-11.

mod answer;
mod content;
mod events;
mod fault;
mod media;
mod messages;
mod model;
mod request;
mod sampling;
mod schema;
mod thinking;
mod tools;
mod wire;

use super::{
    ChatDialect, ChatEvents, Common, Entry, Outgoing, Pass, Provider,
    features::{Features, Support},
};
use crate::{
    api::{
        answer::AnswerSink,
        chat::{Chat, Extensions},
        client::Api,
    },
    config::node::Fields,
    fault::Fault,
    host::Headers,
};

/// This dialect's line in the registry.
pub(super) const ENTRY: Entry = Entry {
    name: "anthropic",
    base_path: "/v1",
    features: FEATURES,
    open,
};

/// Each limit is told where it is handled: `schema`, `tools`, `request`.
pub(super) const FEATURES: Features = Features {
    model: "claude-sonnet-4-6",
    tool_choice: Support::Partly("the newest models refuse a forced tool"),
    json_schema: Support::Partly("from Claude 4.5 on"),
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
    version: Version,
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

fn open(common: Common, fields: &Fields<'_>) -> Option<Box<dyn Provider>> {
    let default_max_tokens = fields.maybe("default_max_tokens", |node| {
        let count = node.count()?;
        if count == 0 {
            node.wrong("must be at least 1");
            return None;
        }
        Some(count)
    });
    let version = fields.or("version", Version::June2023, |node| node.choice(VERSIONS));
    Some(Box::new(Anthropic {
        common,
        default_max_tokens: default_max_tokens?,
        version: version?,
    }))
}

impl Provider for Anthropic {
    fn chat(&self) -> Option<&dyn ChatDialect> {
        Some(self)
    }

    fn passes(&self, api: Api) -> Option<Pass> {
        let path = match api {
            Api::Messages => "messages",
            Api::CountTokens => "messages/count_tokens",
            _ => return None,
        };
        Some(Pass {
            path: format!("{}/{path}", self.common.base_path),
            headers: vec![("anthropic-version", self.version.header().to_owned())],
            forwards: &["anthropic-version", "anthropic-beta"],
            asks_usage: false,
        })
    }

    fn fault(&self, status: u16, headers: &Headers, body: &[u8]) -> Fault {
        fault::read(status, headers, body)
    }
}

impl ChatDialect for Anthropic {
    fn request(&self, chat: &Chat<'_>) -> Result<Outgoing, Fault> {
        request::translate(self, chat)
    }

    fn answer(&self, body: &[u8], out: &mut dyn AnswerSink) -> Result<(), Fault> {
        answer::read(body, out)
    }

    fn events(&self) -> Option<Box<dyn ChatEvents>> {
        Some(Box::new(events::Events::default()))
    }

    fn takes(&self) -> Extensions {
        Extensions {
            thinking: true,
            ..Extensions::TRANSLATED
        }
    }
}

/// Lists what could not be carried, once.
fn note(dropped: &mut Vec<String>, what: &str) {
    if !dropped.iter().any(|known| known == what) {
        dropped.push(what.to_owned());
    }
}
