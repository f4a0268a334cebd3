//! The dialects: how each provider wants a request and how it answers.
//!
//! A new provider is one file here, one line in [`REGISTRY`] and one folder of fixtures.

pub mod answer_tool;
pub mod features;
pub mod params;

mod anthropic;
mod bedrock;
mod cohere;
mod gemini;
mod openai;
mod path;

use crate::{
    api::{
        answer::{AnswerSink, Usage},
        chat::{Chat, Extensions},
        client::{Api, Asked},
        embeddings::{self, Embed},
        messages,
        relay::Area,
        rerank::Rerank,
        responses,
    },
    config::node::Fields,
    fault::Fault,
    frame::{Event, Framing},
    host::Headers,
};
use features::Features;
use params::Unknown;
use std::borrow::Cow;

/// A dialect's name and how to configure it.
#[derive(Debug)]
pub struct Entry {
    /// What `dialect:` says.
    pub name: &'static str,
    /// Where the provider's API begins; `base_path:` replaces it.
    pub base_path: &'static str,
    /// What it carries.
    pub features: Features,
    /// Reads the dialect's own settings; what is wrong is reported through the fields.
    pub open: fn(Common, &Fields<'_>) -> Option<Box<dyn Provider>>,
}

/// Every dialect there is.
pub const REGISTRY: &[Entry] = &[
    anthropic::ENTRY,
    anthropic::BEDROCK,
    anthropic::VERTEX,
    openai::AZURE,
    bedrock::ENTRY,
    cohere::ENTRY,
    openai::DEEPSEEK,
    openai::FIREWORKS,
    gemini::GEMINI,
    openai::GROQ,
    openai::MISTRAL,
    openai::OLLAMA,
    openai::ENTRY,
    openai::OPENROUTER,
    openai::TOGETHER,
    gemini::VERTEX,
    openai::VLLM,
    openai::XAI,
];

/// Finds a dialect by its name.
pub fn find(name: &str) -> Option<&'static Entry> {
    REGISTRY.iter().find(|entry| entry.name == name)
}

/// The settings that every dialect shares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Common {
    /// Prefix of every path, without a slash at its end, e.g. `/v1`.
    pub base_path: String,
    /// What becomes of parameters that the dialect does not know.
    pub unknown: Unknown,
}

/// A configured upstream dialect. Immutable: what an answer needs to remember lives in [`ChatEvents`].
///
/// A capability is having the object for it.
pub trait Provider: std::fmt::Debug {
    /// Chat completions.
    fn chat(&self) -> Option<&dyn ChatDialect> {
        None
    }
    /// Embeddings.
    fn embed(&self) -> Option<&dyn EmbedDialect> {
        None
    }
    /// Reranking.
    fn rerank(&self) -> Option<&dyn RerankDialect> {
        None
    }
    /// A client API other than chat that the provider speaks itself: the client's bytes pass, only the
    /// model is put in. `None`: such a request goes through [`Provider::chat`].
    fn passes(&self, _api: Api, _model: &str) -> Option<Pass> {
        None
    }
    /// One of OpenAI's other paths, where the provider has it too: path and query. `rest`: the path
    /// below `/v1/`; `model`: empty where the request names none. The client's bytes pass.
    fn relays(&self, _area: Area, _rest: &str, _model: &str) -> Option<String> {
        None
    }
    /// Reads the provider's own error; `status` is what it answered, 200 for an error inside an answer.
    ///
    /// Shape: the kind decides whether the next provider is tried ([`crate::fault::FaultKind::is_attempts`]).
    fn fault(&self, status: u16, headers: &Headers, body: &[u8]) -> Fault;
}

/// How a client's request passes to a provider that speaks its API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pass {
    /// Path and query.
    pub path: String,
    /// Headers besides content-type and accept; never credentials.
    pub headers: Vec<(&'static str, String)>,
    /// The client's own headers that the provider is to see; they win over `headers`.
    pub forwards: &'static [&'static str],
    /// A stream must be asked for its usage, as one of Chat Completions.
    pub asks_usage: bool,
    /// The provider takes some of the request in other places than its API's maker.
    pub elsewhere: Option<Elsewhere>,
    /// How a streamed answer is framed; its events are the client's own.
    pub framing: Framing,
}

/// What stands in other places where an API is served by another than its maker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Elsewhere {
    /// The path of a request for a stream.
    pub stream_path: String,
    /// The version, which stands in the body, in the place of the model, which stands in the path.
    pub version: &'static str,
    /// What is switched on in the body besides what the body says itself.
    pub betas: Vec<String>,
    /// The path says whether a stream is wanted, so the body must not.
    pub stream_in_path: bool,
}

impl Pass {
    /// The fields of the body that are read or changed.
    pub const fn touches(&self) -> &'static [&'static str] {
        if self.elsewhere.is_some() {
            anthropic::MOVED
        } else {
            &["model", "stream_options"]
        }
    }

    /// The complete request; `client`: the headers that came with it; `sealed`: it may
    /// hold reasoning that this gateway has sealed for another provider.
    pub fn request(
        self,
        asked: &Asked<'_>,
        model: &str,
        client: &[(String, String)],
        sealed: bool,
    ) -> Outgoing {
        let (mut splice, mut dropped) = (openai::Splice::of(&asked.body), Vec::new());
        let mut path = self.path;
        match self.elsewhere {
            None => splice.model(model),
            Some(elsewhere) => {
                anthropic::move_fields(asked, client, &elsewhere, &mut splice, &mut dropped);
                if asked.stream {
                    path = elsewhere.stream_path;
                }
            }
        }
        if asked.stream && self.asks_usage {
            splice.ask_for_usage();
        }
        if sealed {
            leave_out_sealed(asked, &mut splice, &mut dropped);
        }
        let mut headers = self.headers;
        for name in self.forwards {
            if let Some((_, value)) = client.iter().find(|(of, _)| of == name) {
                headers.retain(|(of, _)| of != name);
                headers.push((name, value.clone()));
            }
        }
        Outgoing {
            path,
            headers,
            body: splice.finish(),
            dropped,
            answer_tool: None,
        }
    }
}

/// Reasoning of other providers is nothing for one that speaks the client's own language.
fn leave_out_sealed(
    asked: &Asked<'_>,
    splice: &mut openai::Splice<'_, '_>,
    dropped: &mut Vec<String>,
) {
    if asked.api == Api::Responses {
        if let Some(input) = responses::without_sealed(&asked.body) {
            splice.set("input", input);
        }
        return;
    }
    let Some(own) = messages::without_sealed(&asked.body) else {
        return;
    };
    splice.set("messages", own.messages);
    let budget = asked.body.raw("thinking").map(|raw| raw.get());
    if own.lost && budget.is_some_and(|budget| budget.contains("\"enabled\"")) {
        splice.remove("thinking");
        dropped.push("thinking".to_owned());
    }
}

/// A complete request to a provider, computed from the client's original alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Path and query.
    pub path: String,
    /// Headers besides content-type and accept; never credentials.
    pub headers: Vec<(&'static str, String)>,
    /// What to send.
    pub body: OutBody,
    /// Request fields that could not be carried, for `x-llm-dropped`.
    pub dropped: Vec<String>,
    /// The tool whose input is the answer, as [`answer_tool`] says. `None`: the answer is as it is.
    pub answer_tool: Option<String>,
}

/// The body of a request to a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutBody {
    /// The client's bytes as they are.
    Untouched,
    /// The client's bytes with the first `cut` replaced.
    Head {
        /// Units: bytes of the original.
        cut: usize,
        /// What stands there instead.
        head: Vec<u8>,
    },
    /// A new body.
    Whole(Vec<u8>),
}

impl OutBody {
    /// The bytes to send, given the client's.
    pub fn apply(&self, original: &[u8]) -> Vec<u8> {
        match self {
            Self::Untouched => original.to_vec(),
            Self::Head { cut, head } => {
                let rest = original.get(*cut..).unwrap_or_default();
                [head, rest].concat()
            }
            Self::Whole(body) => body.clone(),
        }
    }
}

/// Chat completions in a provider's words.
pub trait ChatDialect {
    /// Asked while planning, before anything is sent: why this provider cannot take the request.
    fn refuses(&self, chat: &Chat<'_>) -> Option<Fault> {
        self.request(chat).err()
    }
    /// The complete request, from the original only.
    ///
    /// Errors: the request cannot be expressed; final for this provider.
    fn request(&self, chat: &Chat<'_>) -> Result<Outgoing, Fault>;
    /// The fields that [`ChatDialect::request`] reads or changes; `None`: all of them. A dialect that
    /// names a few gets the body only as far as these reach, and answers with [`OutBody::Head`].
    fn touches(&self) -> Option<&'static [&'static str]> {
        None
    }
    /// Translates a whole answer.
    ///
    /// Errors: the answer is an error in disguise or cannot be read.
    fn answer(&self, body: &[u8], out: &mut dyn AnswerSink) -> Result<(), Fault>;
    /// How a streamed answer is cut into events.
    fn framing(&self) -> Framing {
        Framing::Sse
    }
    /// The answer's id, where it stands in the headers and not in the answer.
    fn id<'h>(&self, _headers: &'h Headers) -> Option<&'h str> {
        None
    }
    /// What a provider that speaks the client's API bends, made straight: the data of one event, or a
    /// whole answer. `None`: it passes as it is.
    fn straighten(&self, _data: &[u8]) -> Option<String> {
        None
    }
    /// An event of the client's own language inside the provider's frame; `None`: the frame holds none.
    ///
    /// Errors: the frame is the provider's error.
    fn unframe<'e>(&self, event: &'e Event<'_>) -> Result<Option<Cow<'e, str>>, Fault> {
        Ok(event.data.as_deref().map(Cow::Borrowed))
    }
    /// Translates a streamed answer. `None`: the provider speaks the client's API; bytes pass and are watched.
    fn events(&self) -> Option<Box<dyn ChatEvents>>;
    /// The same for a client that speaks another API than chat: never `None`, since nothing passes.
    fn chunks(&self) -> Box<dyn ChatEvents> {
        self.events()
            .unwrap_or_else(|| Box::new(openai::Events::default()))
    }
    /// What the dialect reads beyond OpenAI's fields, for requests to `model` that were written in another API.
    fn takes(&self, _model: &str) -> Extensions {
        if self.events().is_some() {
            Extensions::TRANSLATED
        } else {
            Extensions::NONE
        }
    }
}

/// Translates one streamed answer, one event of the provider at a time.
pub trait ChatEvents {
    /// The next event that carries data.
    ///
    /// Errors: the provider reports one, or the event cannot be read; the answer ends here.
    fn event(&mut self, event: &Event<'_>, out: &mut dyn AnswerSink) -> Result<(), Fault>;
    /// Whether the end may come next, so that what is here had better wait for it.
    fn may_be_complete(&self) -> bool {
        false
    }
    /// Whether it may come behind any event: what looked like it has gone on.
    fn may_end_anywhere(&self) -> bool {
        false
    }
    /// The provider closed the stream.
    ///
    /// Errors: the answer is not complete.
    fn close(&mut self, out: &mut dyn AnswerSink) -> Result<(), Fault>;
}

/// Embeddings in a provider's words.
///
/// A list that is longer than the provider takes at once is refused with its limit: an attempt is one
/// call upstream, and one call cannot be split.
pub trait EmbedDialect {
    /// Asked while planning, before anything is sent: why this provider cannot take the request.
    fn refuses(&self, embed: &Embed<'_>) -> Option<Fault> {
        self.request(embed).err()
    }
    /// The complete request, from the original only.
    ///
    /// Errors: the request cannot be expressed; final for this provider.
    fn request(&self, embed: &Embed<'_>) -> Result<Outgoing, Fault>;
    /// As [`ChatDialect::touches`]. A dialect that names fields passes its answers on.
    fn touches(&self) -> Option<&'static [&'static str]> {
        None
    }
    /// Translates an answer, or looks at one that passes. `asked` is `None` for a dialect that passes.
    ///
    /// Errors: the answer is an error in disguise or cannot be read.
    fn answer(
        &self,
        headers: &Headers,
        body: &[u8],
        asked: Option<&embeddings::Asked>,
    ) -> Result<Answered, Fault>;
}

/// Reranking in a provider's words.
pub trait RerankDialect {
    /// Asked while planning, before anything is sent: why this provider cannot take the request.
    fn refuses(&self, rerank: &Rerank<'_>) -> Option<Fault> {
        self.request(rerank).err()
    }
    /// The complete request, from the original only.
    ///
    /// Errors: the request cannot be expressed; final for this provider.
    fn request(&self, rerank: &Rerank<'_>) -> Result<Outgoing, Fault>;
    /// As [`ChatDialect::touches`].
    fn touches(&self) -> Option<&'static [&'static str]> {
        None
    }
    /// Translates an answer, or looks at one that passes.
    ///
    /// Errors: the answer is an error in disguise or cannot be read.
    fn answer(&self, headers: &Headers, body: &[u8]) -> Result<Answered, Fault>;
}

/// An answer that is not made of parts.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The client's body. `None`: the provider's bytes pass.
    pub body: Option<Vec<u8>>,
    /// The model that says it answered; empty when none does.
    pub model: String,
    /// The token counts, where they are told.
    pub usage: Option<Usage>,
}
