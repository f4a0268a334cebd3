//! Cohere's API, version 2.
//!
//! A chat request is written anew from the client's (`request`): the conversation (`messages`), the
//! tools (`tools`), how much to think (`thinking`), fitted to what the model can do (`model`). An
//! answer is read whole (`answer`) or event by event (`events`) into the same calls; an error by its
//! status and words (`fault`).
//!
//! Source: docs.cohere.com, "Chat API (v2)", "Streaming", "Tool use", "Structured outputs",
//! "Reasoning", "Errors", and the types of the official Python SDK 7.3; read 2026-11.

mod answer;
mod events;
mod fault;
mod messages;
mod model;
mod request;
mod thinking;
mod tools;
mod wire;

use super::{ChatDialect, ChatEvents, Common, Entry, Outgoing, Provider};
use crate::{
    api::{answer::AnswerSink, chat::Chat},
    config::node::Fields,
    fault::Fault,
    host::Headers,
};

/// This dialect's line in the registry.
pub(super) const ENTRY: Entry = Entry {
    name: "cohere",
    base_path: "/v2",
    open,
};

/// The configured dialect.
#[derive(Debug)]
struct Cohere {
    common: Common,
}

#[allow(clippy::unnecessary_wraps)] // the registry's form
fn open(common: Common, _fields: &Fields<'_>) -> Option<Box<dyn Provider>> {
    Some(Box::new(Cohere { common }))
}

impl Provider for Cohere {
    fn chat(&self) -> Option<&dyn ChatDialect> {
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
}

/// Lists what could not be carried, once.
fn note(dropped: &mut Vec<String>, what: &str) {
    if !dropped.iter().any(|known| known == what) {
        dropped.push(what.to_owned());
    }
}
