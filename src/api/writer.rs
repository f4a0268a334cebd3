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
pub struct Whole {
    language: WholeIn,
    unless: Named,
}

/// Writes a streamed answer.
#[derive(Debug)]
pub struct Stream {
    language: StreamIn,
    unless: Named,
}

/// What an answer is called where its provider does not say.
#[derive(Debug, Default)]
struct Named {
    id: String,
    model: String,
}

#[derive(Debug)]
enum WholeIn {
    /// One `chat.completion`.
    Chat(chat::AnswerWriter),
    /// One message of Anthropic's.
    Messages(messages::AnswerWriter),
    /// One response.
    Responses(Box<responses::Writer>),
}

#[derive(Debug)]
enum StreamIn {
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
        let language = match api {
            // The last two are written without parts, elsewhere.
            Api::Chat | Api::Completions | Api::Embeddings | Api::Rerank => {
                WholeIn::Chat(chat::AnswerWriter::default())
            }
            Api::Messages | Api::CountTokens => {
                WholeIn::Messages(messages::AnswerWriter::default())
            }
            Api::Responses => WholeIn::Responses(Box::new(responses::Writer::whole(created, echo))),
        };
        Self {
            language,
            unless: Named::default(),
        }
    }

    /// What the answer is called where the provider does not say.
    #[must_use]
    pub fn unless_named(mut self, id: &str, model: &str) -> Self {
        self.unless = Named {
            id: id.to_owned(),
            model: model.to_owned(),
        };
        self
    }

    /// The answer as JSON. `created`: seconds since 1970.
    pub fn body(&mut self, created: u64) -> Vec<u8> {
        match &mut self.language {
            WholeIn::Chat(writer) => writer.body(created),
            WholeIn::Messages(writer) => writer.body(),
            WholeIn::Responses(writer) => writer.body(),
        }
    }

    fn sink(&mut self) -> &mut dyn AnswerSink {
        match &mut self.language {
            WholeIn::Chat(writer) => writer,
            WholeIn::Messages(writer) => writer,
            WholeIn::Responses(writer) => &mut **writer,
        }
    }
}

impl Stream {
    /// `created`: seconds since 1970; `include_usage`: a chat client asked for the usage chunk; `echo`:
    /// what a response repeats of its request.
    pub fn new(api: Api, created: u64, include_usage: bool, echo: Echo) -> Self {
        let language = match api {
            Api::Chat | Api::Completions | Api::Embeddings | Api::Rerank => {
                StreamIn::Chat(ChunkWriter::new(created, include_usage))
            }
            Api::Messages | Api::CountTokens => {
                StreamIn::Messages(messages::EventWriter::default())
            }
            Api::Responses => {
                StreamIn::Responses(Box::new(responses::Writer::stream(created, echo)))
            }
        };
        Self {
            language,
            unless: Named::default(),
        }
    }

    /// What the answer is called where the provider does not say.
    #[must_use]
    pub fn unless_named(mut self, id: &str, model: &str) -> Self {
        self.unless = Named {
            id: id.to_owned(),
            model: model.to_owned(),
        };
        self
    }

    /// Ends a complete answer.
    pub fn done(&mut self) {
        match &mut self.language {
            StreamIn::Chat(writer) => writer.done(),
            StreamIn::Messages(writer) => writer.done(),
            StreamIn::Responses(writer) => writer.done(),
        }
    }

    /// Ends an answer that broke off.
    pub fn fail(&mut self, fault: &Fault) {
        match &mut self.language {
            StreamIn::Chat(writer) => writer.fail(fault),
            StreamIn::Messages(writer) => writer.fail(fault),
            StreamIn::Responses(writer) => writer.fail(fault),
        }
    }

    /// The bytes written since the last call.
    pub fn take(&mut self) -> Vec<u8> {
        match &mut self.language {
            StreamIn::Chat(writer) => writer.take(),
            StreamIn::Messages(writer) => writer.take(),
            StreamIn::Responses(writer) => writer.take(),
        }
    }

    fn sink(&mut self) -> &mut dyn AnswerSink {
        match &mut self.language {
            StreamIn::Chat(writer) => writer,
            StreamIn::Messages(writer) => writer,
            StreamIn::Responses(writer) => &mut **writer,
        }
    }
}

impl Named {
    fn or(&self, id: &str, model: &str) -> (String, String) {
        let pick = |said: &str, known: &String| match said {
            "" => known.clone(),
            said => said.to_owned(),
        };
        (pick(id, &self.id), pick(model, &self.model))
    }
}

impl AnswerSink for Whole {
    fn open(&mut self, id: &str, model: &str) {
        let (id, model) = self.unless.or(id, model);
        self.sink().open(&id, &model);
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
        let (id, model) = self.unless.or(id, model);
        self.sink().open(&id, &model);
    }

    fn part(&mut self, choice: u32, part: Part<'_>) {
        self.sink().part(choice, part);
    }

    fn usage(&mut self, usage: Usage) {
        self.sink().usage(usage);
    }
}
