//! The writers of every client API behind one face.

use super::{
    answer::{AnswerSink, Part, Usage},
    chat::{self, ChunkWriter},
    client::Api,
    messages,
    responses::{self, Echo},
};
use crate::fault::Fault;

/// Gathers a whole answer.
#[derive(Debug)]
pub enum Whole {
    /// One `chat.completion`.
    Chat(chat::AnswerWriter),
    /// One message of Anthropic's.
    Messages(messages::AnswerWriter),
    /// One response.
    Responses(Box<responses::Writer>),
}

/// Writes a streamed answer.
#[derive(Debug)]
pub enum Stream {
    /// `chat.completion.chunk` events.
    Chat(ChunkWriter),
    /// Anthropic's events.
    Messages(messages::EventWriter),
    /// The events of a response.
    Responses(Box<responses::Writer>),
}

impl Whole {
    /// `created`: seconds since 1970; `echo`: what a response repeats of its request.
    pub fn new(api: Api, created: u64, echo: Echo) -> Self {
        match api {
            // The last two are written without parts, elsewhere.
            Api::Chat | Api::Completions | Api::Embeddings | Api::Rerank => {
                Self::Chat(chat::AnswerWriter::default())
            }
            Api::Messages | Api::CountTokens => Self::Messages(messages::AnswerWriter::default()),
            Api::Responses => Self::Responses(Box::new(responses::Writer::whole(created, echo))),
        }
    }

    /// What the answer is called where the provider does not say.
    #[must_use]
    pub fn unless_named(mut self, id: &str, model: &str) -> Self {
        self.open(id, model);
        self
    }

    /// Why this API cannot give the answer at all.
    pub fn lost(&self) -> Option<Fault> {
        match self {
            Self::Messages(writer) => writer.lost(),
            Self::Chat(_) | Self::Responses(_) => None,
        }
    }

    /// The answer as JSON. `created`: seconds since 1970.
    pub fn body(&mut self, created: u64) -> Vec<u8> {
        match self {
            Self::Chat(writer) => writer.body(created),
            Self::Messages(writer) => writer.body(),
            Self::Responses(writer) => writer.body(),
        }
    }

    fn sink(&mut self) -> &mut dyn AnswerSink {
        match self {
            Self::Chat(writer) => writer,
            Self::Messages(writer) => writer,
            Self::Responses(writer) => &mut **writer,
        }
    }
}

impl Stream {
    /// `created`: seconds since 1970; `include_usage`: a chat client asked for the usage chunk; `echo`:
    /// what a response repeats of its request.
    pub fn new(api: Api, created: u64, include_usage: bool, echo: Echo) -> Self {
        match api {
            Api::Chat | Api::Completions | Api::Embeddings | Api::Rerank => {
                Self::Chat(ChunkWriter::new(created, include_usage))
            }
            Api::Messages | Api::CountTokens => Self::Messages(messages::EventWriter::default()),
            Api::Responses => Self::Responses(Box::new(responses::Writer::stream(created, echo))),
        }
    }

    /// What the answer is called where the provider does not say.
    #[must_use]
    pub fn unless_named(mut self, id: &str, model: &str) -> Self {
        self.open(id, model);
        self
    }

    /// Why this API cannot give the answer at all.
    pub fn lost(&self) -> Option<Fault> {
        match self {
            Self::Messages(writer) => writer.lost(),
            Self::Chat(_) | Self::Responses(_) => None,
        }
    }

    /// Ends a complete answer.
    pub fn done(&mut self) {
        match self {
            Self::Chat(writer) => writer.done(),
            Self::Messages(writer) => writer.done(),
            Self::Responses(writer) => writer.done(),
        }
    }

    /// Ends an answer that broke off.
    pub fn fail(&mut self, fault: &Fault) {
        match self {
            Self::Chat(writer) => writer.fail(fault),
            Self::Messages(writer) => writer.fail(fault),
            Self::Responses(writer) => writer.fail(fault),
        }
    }

    /// The bytes written since the last call.
    pub fn take(&mut self) -> Vec<u8> {
        match self {
            Self::Chat(writer) => writer.take(),
            Self::Messages(writer) => writer.take(),
            Self::Responses(writer) => writer.take(),
        }
    }

    fn sink(&mut self) -> &mut dyn AnswerSink {
        match self {
            Self::Chat(writer) => writer,
            Self::Messages(writer) => writer,
            Self::Responses(writer) => &mut **writer,
        }
    }
}

impl AnswerSink for Whole {
    fn open(&mut self, id: &str, model: &str) {
        self.sink().open(id, model);
    }

    fn part(&mut self, choice: u32, part: Part<'_>) {
        self.sink().part(choice, part);
    }

    fn usage(&mut self, usage: Usage) {
        self.sink().usage(usage);
    }
}

impl AnswerSink for Stream {
    fn open(&mut self, id: &str, model: &str) {
        self.sink().open(id, model);
    }

    fn part(&mut self, choice: u32, part: Part<'_>) {
        self.sink().part(choice, part);
    }

    fn usage(&mut self, usage: Usage) {
        self.sink().usage(usage);
    }
}
