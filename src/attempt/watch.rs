//! An answer that passes in the client's own language, watched: per language, what an event says, what
//! ends a stream, and how one that breaks off is ended.

use super::facts::Facts;
use crate::{
    api::{
        chat::{self, Choices},
        client::Api,
        messages::{self, Counts},
        responses,
        watch::Seen,
    },
    fault::{Fault, FaultKind},
};
use serde::Deserialize;
use std::borrow::Cow;

/// What one passing stream remembers.
#[derive(Debug)]
pub(super) struct Watch {
    api: Api,
    wants_usage: bool,
    /// The last event has come.
    done: bool,
    /// Anthropic's counts so far.
    counts: Counts,
    /// The sequence number of the next event of a response.
    sequence: u64,
}

#[derive(Deserialize)]
struct Numbered {
    sequence_number: Option<u64>,
}

impl Watch {
    pub(super) fn new(api: Api, wants_usage: bool) -> Self {
        Self {
            api,
            wants_usage,
            done: false,
            counts: Counts::default(),
            sequence: 0,
        }
    }

    /// Whether the chunks of Chat Completions pass.
    pub(super) fn is_chat(&self) -> bool {
        self.api == Api::Chat
    }

    /// What an event says, and whether the client sees it.
    ///
    /// Errors: it is no event of this language.
    pub(super) fn look<'a>(
        &mut self,
        name: &str,
        data: &'a str,
    ) -> Result<(Seen<'a>, bool), Fault> {
        if self.done {
            return Ok((Seen::default(), false)); // belongs to no answer
        }
        match self.api {
            Api::Chat | Api::Completions => self.chunk(name, data),
            // Neither is streamed.
            Api::Embeddings | Api::Rerank => Err(unknown()),
            Api::Messages | Api::CountTokens => {
                let seen = messages::look(name, data, &mut self.counts).ok_or_else(unknown)?;
                self.done |= seen.done;
                Ok((seen, true))
            }
            Api::Responses => {
                let seen = responses::look(name, data).ok_or_else(unknown)?;
                self.done |= seen.done;
                let number: Option<Numbered> = serde_json::from_str(data).ok();
                if let Some(number) = number.and_then(|n| n.sequence_number) {
                    self.sequence = number.saturating_add(1);
                }
                Ok((seen, true))
            }
        }
    }

    fn chunk<'a>(&mut self, name: &str, data: &'a str) -> Result<(Seen<'a>, bool), Fault> {
        if data.trim() == "[DONE]" {
            self.done = true;
            return Ok((Seen::default(), true));
        }
        let error = Seen {
            error: Some(Cow::Borrowed(data)),
            ..Seen::default()
        };
        if name == "error" {
            return Ok((error, true));
        }
        let Some(chunk) = chat::look(data) else {
            return Err(failed(
                "The provider sent an event that is not a chunk of a chat completion.",
            ));
        };
        if chunk.error {
            return Ok((error, true));
        }
        let goes = self.wants_usage || !chunk.usage_only;
        let seen = Seen {
            model: chunk.model,
            content: chunk.content,
            said: chunk.said,
            finish: chunk.finish,
            choices: chunk.choices,
            usage: chunk.usage,
            done: false,
            error: None,
        };
        Ok((seen, goes))
    }

    /// Whether the last event of an answer has come.
    pub(super) fn is_done(&self, facts: &Facts) -> bool {
        self.done && facts.content
    }

    /// Whether the answer is complete but for the event that ends its stream.
    pub(super) fn lacks_only_its_end(&self, facts: &Facts, choices: u32) -> bool {
        !self.done && matches!(self.close(facts, choices), Ok(Some(_)))
    }

    /// The provider closed the stream; gives the last event where only that one is missing. `choices`: how many
    /// the client asked for.
    ///
    /// Errors: the answer is not complete.
    pub(super) fn close(
        &self,
        facts: &Facts,
        choices: u32,
    ) -> Result<Option<&'static [u8]>, Fault> {
        match self.api {
            _ if self.is_done(facts) => Ok(None),
            Api::Chat | Api::Completions if facts.choices.are_complete(choices) => {
                Ok(Some(b"data: [DONE]\n\n"))
            }
            Api::Messages if facts.finish.is_some() => Ok(Some(
                b"event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
            )),
            _ => Err(failed(
                "The provider closed the stream before the answer was complete.",
            )),
        }
    }

    /// The event that ends a stream that broke off.
    pub(super) fn error(&self, fault: &Fault) -> Vec<u8> {
        self.api.error_event(fault, self.sequence)
    }
}

/// Looks at a whole answer. `None`: it is none of this language.
pub(super) fn look_whole(api: Api, body: &[u8]) -> Option<Seen<'_>> {
    match api {
        Api::Messages | Api::CountTokens => messages::look_whole(body),
        Api::Responses => responses::look_whole(body),
        // Their dialects look themselves.
        Api::Embeddings | Api::Rerank => None,
        Api::Chat | Api::Completions => {
            let whole = chat::look_whole(body)?;
            Some(Seen {
                model: whole.model,
                content: true,
                said: Vec::new(),
                finish: whole.finish,
                choices: Choices::default(),
                usage: whole.usage,
                done: true,
                error: whole.error.then(|| String::from_utf8_lossy(body)),
            })
        }
    }
}

/// A good status with something else behind it.
pub(super) fn not_an_answer(api: Api) -> Fault {
    failed(match api {
        Api::Chat => "The provider's answer is not a chat completion.",
        Api::Completions => "The provider's answer is not a completion.",
        Api::Responses => "The provider's answer is not a response.",
        Api::Messages => "The provider's answer is not a message.",
        Api::CountTokens => "The provider's answer is not a count of tokens.",
        Api::Embeddings => "The provider's answer is not a list of embeddings.",
        Api::Rerank => "The provider's answer is not a list of results.",
    })
}

fn unknown() -> Fault {
    failed("The provider sent an event that cannot be read.")
}

pub(super) fn failed(message: &'static str) -> Fault {
    Fault::new(FaultKind::ProviderFailed, message)
}
