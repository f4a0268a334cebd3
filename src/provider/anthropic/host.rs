//! Where the Messages API is served: by its maker, on Vertex AI, or by Bedrock's InvokeModel.
//!
//! The other two take the same body, apart from the model, which stands in the path, and what the
//! maker takes in headers: the version and the betas.
//! Source: docs.claude.com, "Claude on Vertex AI", "Claude on Amazon Bedrock"; Amazon Bedrock user
//! guide, "Anthropic Claude Messages API"; the clients for both in the official Python SDK; read
//! 2026-11.

use super::{
    Anthropic, FEATURES, VERSIONS, Version, default_max_tokens,
    events::Events,
    messages::Conversation,
    wire::{Block, Source},
};
use crate::{
    api::{answer::AnswerSink, chat::Chat, client::Asked},
    config::node::{Fields, Node},
    fault::{Fault, FaultKind},
    frame::{self, Framing},
    host::Headers,
    json::Raw,
    provider::{
        ChatEvents, Common, Elsewhere, Entry, Pass, Provider, bedrock,
        features::{Features, Support},
        openai::Splice,
        path::segment,
    },
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use std::{borrow::Cow, collections::BTreeSet};

/// Claude on Vertex AI.
pub(in crate::provider) const VERTEX: Entry = Entry {
    name: "anthropic-vertex",
    base_path: "/v1",
    features: FEATURES,
    open: open_vertex,
};

/// Claude through Bedrock's InvokeModel.
pub(in crate::provider) const BEDROCK: Entry = Entry {
    name: "anthropic-bedrock",
    base_path: "/model",
    features: Features {
        model: "us.anthropic.claude-sonnet-4-6",
        images: Support::Partly("as data, not by address"),
        ..FEATURES
    },
    open: open_bedrock,
};

/// Who serves the API.
#[derive(Debug)]
pub(super) enum Host {
    /// Anthropic, or who speaks its API as it is.
    Own(Version),
    /// Vertex AI.
    Vertex {
        /// `projects/<project>/locations/<location>`.
        place: String,
        betas: Vec<String>,
    },
    /// Bedrock's InvokeModel.
    Bedrock { betas: Vec<String> },
}

fn open_vertex(common: Common, fields: &Fields<'_>) -> Option<Box<dyn Provider>> {
    let default_max_tokens = default_max_tokens(fields);
    let project = fields.needed("project", segment_of);
    let location = fields.needed("location", segment_of);
    let betas = fields.or("betas", Vec::new(), betas);
    Some(Box::new(Anthropic {
        common,
        default_max_tokens: default_max_tokens?,
        host: Host::Vertex {
            place: format!("projects/{}/locations/{}", project?, location?),
            betas: betas?,
        },
    }))
}

fn open_bedrock(common: Common, fields: &Fields<'_>) -> Option<Box<dyn Provider>> {
    let default_max_tokens = default_max_tokens(fields);
    let betas = fields.or("betas", Vec::new(), betas);
    Some(Box::new(Anthropic {
        common,
        default_max_tokens: default_max_tokens?,
        host: Host::Bedrock { betas: betas? },
    }))
}

/// A part of the path.
fn segment_of(node: Node<'_>) -> Option<String> {
    let text = node.nonempty()?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._:".contains(&b);
    if !text.bytes().all(plain) || text.bytes().all(|b| b == b'.') {
        node.wrong("expected letters, digits, `-`, `.`, `_` and `:`");
        return None;
    }
    Some(text.to_owned())
}

fn betas(node: Node<'_>) -> Option<Vec<String>> {
    node.list(|node| node.plain().map(str::to_owned))
}

pub(super) fn open_own(common: Common, fields: &Fields<'_>) -> Option<Box<dyn Provider>> {
    let default_max_tokens = default_max_tokens(fields);
    let version = fields.or("version", Version::June2023, |node| node.choice(VERSIONS));
    Some(Box::new(Anthropic {
        common,
        default_max_tokens: default_max_tokens?,
        host: Host::Own(version?),
    }))
}

/// What the body says because the host takes it there.
#[derive(Debug, Default)]
pub(super) struct InBody<'a> {
    pub(super) model: Option<&'a str>,
    pub(super) stream: Option<bool>,
    pub(super) anthropic_version: Option<&'static str>,
    pub(super) anthropic_beta: Vec<Cow<'a, str>>,
}

impl Host {
    /// Path of a request.
    pub(super) fn path(&self, base: &str, model: &str, stream: bool) -> String {
        match self {
            Self::Own(_) => format!("{base}/messages"),
            Self::Vertex { place, .. } => {
                let model = segment(model, b"@");
                let method = if stream {
                    "streamRawPredict"
                } else {
                    "rawPredict"
                };
                format!("{base}/{place}/publishers/anthropic/models/{model}:{method}")
            }
            Self::Bedrock { .. } => {
                let operation = if stream {
                    "invoke-with-response-stream"
                } else {
                    "invoke"
                };
                format!("{base}/{}/{operation}", segment(model, b""))
            }
        }
    }

    /// Headers of a request.
    pub(super) fn headers(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Own(version) => vec![("anthropic-version", version.header().to_owned())],
            Self::Vertex { .. } | Self::Bedrock { .. } => Vec::new(),
        }
    }

    /// What the body says of the model, the version and the betas. The client's own betas
    /// (`anthropic_beta`) come before those that are configured.
    ///
    /// Errors: `BadRequest` when `anthropic_beta` is no list of strings.
    pub(super) fn in_body<'a>(&'a self, chat: &'a Chat<'_>) -> Result<InBody<'a>, Fault> {
        let stream = chat.stream.then_some(true);
        let (stream, version, betas) = match self {
            Self::Own(_) => {
                return Ok(InBody {
                    model: Some(&chat.model),
                    stream,
                    ..InBody::default()
                });
            }
            Self::Vertex { betas, .. } => (stream, ON_VERTEX, betas),
            Self::Bedrock { betas } => (None, ON_BEDROCK, betas),
        };
        let given: Option<Vec<Cow<'a, str>>> = chat.body.read(BETAS).map_err(|_| {
            let message = format!("`{BETAS}` must be a list of strings.");
            Fault::new(FaultKind::BadRequest, message).at(BETAS)
        })?;
        let mut all = given.unwrap_or_default();
        for beta in betas {
            if !all.iter().any(|known| known == beta) {
                all.push(Cow::Borrowed(beta));
            }
        }
        Ok(InBody {
            model: None,
            stream,
            anthropic_version: Some(version),
            anthropic_beta: all,
        })
    }

    /// How a request in Anthropic's own words passes to another than its maker.
    pub(super) fn pass(&self, base: &str, model: &str) -> Option<Pass> {
        let (version, betas, stream_in_path) = match self {
            Self::Own(_) => return None,
            Self::Vertex { betas, .. } => (ON_VERTEX, betas, false),
            Self::Bedrock { betas } => (ON_BEDROCK, betas, true),
        };
        Some(Pass {
            path: self.path(base, model, false),
            headers: Vec::new(),
            forwards: &[],
            asks_usage: false,
            elsewhere: Some(Elsewhere {
                stream_path: self.path(base, model, true),
                version,
                betas: betas.clone(),
                stream_in_path,
            }),
            framing: self.framing(),
        })
    }

    /// The API's own event inside a frame.
    ///
    /// Errors: the frame is an exception, or cannot be read.
    pub(super) fn unframe<'e>(
        &self,
        event: &'e frame::Event<'_>,
    ) -> Result<Option<Cow<'e, str>>, Fault> {
        match self {
            Self::Own(_) | Self::Vertex { .. } => Ok(event.data.as_deref().map(Cow::Borrowed)),
            Self::Bedrock { .. } => inside(event).map(|inner| inner.map(Cow::Owned)),
        }
    }

    /// Not the API's maker.
    pub(super) const fn is_other_s(&self) -> bool {
        !matches!(self, Self::Own(_))
    }

    /// Whether sampling parameters are refused whatever the model.
    pub(super) fn refuses_sampling(&self) -> bool {
        matches!(self, Self::Own(Version::October2026))
    }

    /// Whether a tier of service may be asked for in the body.
    pub(super) const fn has_tiers(&self) -> bool {
        !self.is_other_s()
    }

    /// Looks for images that the host would have to fetch.
    ///
    /// Errors: `Unsupported` where it fetches nothing.
    pub(super) fn can_fetch(&self, talk: &Conversation<'_>) -> Result<(), Fault> {
        let Self::Bedrock { .. } = self else {
            return Ok(());
        };
        if talk.turns.iter().any(|turn| far(&turn.content)) {
            let message = "`messages` holds an image by its address; this model's provider fetches none, send a data URL in base64.";
            return Err(Fault::new(FaultKind::Unsupported, message).at("messages"));
        }
        Ok(())
    }

    pub(super) const fn framing(&self) -> Framing {
        match self {
            Self::Own(_) | Self::Vertex { .. } => Framing::Sse,
            Self::Bedrock { .. } => Framing::Aws,
        }
    }

    pub(super) fn events(&self) -> Box<dyn ChatEvents> {
        match self {
            Self::Own(_) | Self::Vertex { .. } => Box::new(Events::default()),
            Self::Bedrock { .. } => Box::new(Chunks::default()),
        }
    }

    pub(super) fn fault(&self, status: u16, headers: &Headers, body: &[u8]) -> Fault {
        match self {
            Self::Own(_) | Self::Vertex { .. } => super::fault::read(status, headers, body),
            // An error inside an answer is the API's own.
            Self::Bedrock { .. } if status == 200 => super::fault::read(status, headers, body),
            Self::Bedrock { .. } => bedrock::fault::read(status, headers, body),
        }
    }
}

/// Whether an image among these blocks, or in a tool's result, is only an address.
fn far(blocks: &[Block<'_>]) -> bool {
    blocks.iter().any(|block| match block {
        Block::Image { source, .. } => matches!(source, Source::Url { .. }),
        Block::ToolResult { content, .. } => far(content),
        _ => false,
    })
}

/// The version of each host.
const ON_VERTEX: &str = "vertex-2023-10-16";
const ON_BEDROCK: &str = "bedrock-2023-05-31";

/// The fields that [`move_fields`] reads or changes.
pub(in crate::provider) const MOVED: &[&str] = &[
    "model",
    "stream",
    BETAS,
    "anthropic_version",
    "service_tier",
];

/// A request in the API's own words as another host wants it: everything else stays as it stands.
///
/// The client's `anthropic-beta` header switches on what the maker knows; hosts refuse a whole request for
/// one word that they do not know, and differ by model. So only what is configured or stands in the
/// body itself is sent, and the rest is listed.
/// Source: claude-code issues 49370, 56595 and 30926 ("invalid beta flag"), read 2026-11.
pub(in crate::provider) fn move_fields(
    asked: &Asked<'_>,
    client: &[(String, String)],
    elsewhere: &Elsewhere,
    splice: &mut Splice<'_, '_>,
    dropped: &mut Vec<String>,
) {
    let mut fields = format!("\"anthropic_version\":\"{}\"", elsewhere.version);
    // No list of strings: the host says so better than a guess here would.
    if let Some(all) = betas_of(asked, &elsewhere.betas) {
        if !all.is_empty() {
            let list = serde_json::to_string(&all).unwrap_or_default();
            fields.push_str(&format!(",\"{BETAS}\":{list}"));
        }
        splice.remove(BETAS);
        let header = client.iter().find(|(name, _)| name == "anthropic-beta");
        let mut wanted = header.into_iter().flat_map(|(_, list)| list.split(','));
        let sent: BTreeSet<&str> = all.iter().map(|beta| &**beta).collect();
        if wanted.any(|beta| !sent.contains(beta.trim())) {
            super::note(dropped, "anthropic-beta");
        }
    }
    splice.remove("anthropic_version");
    if elsewhere.stream_in_path {
        splice.remove("stream");
    }
    if asked.body.raw("service_tier").is_some() {
        splice.remove("service_tier");
        super::note(dropped, "service_tier");
    }
    splice.replace("model", fields);
}

/// The body's own betas and behind them those that are configured; `None`: the body's are no list of strings.
fn betas_of<'a>(asked: &'a Asked<'_>, configured: &'a [String]) -> Option<Vec<Cow<'a, str>>> {
    let given = asked.body.raw(BETAS).map(Raw::get);
    let mut all: Vec<Cow<'a, str>> = match given.filter(|raw| *raw != "null") {
        None => Vec::new(),
        Some(raw) => serde_json::from_str(raw).ok()?,
    };
    for beta in configured {
        if !all.iter().any(|known| known == beta) {
            all.push(Cow::Borrowed(beta));
        }
    }
    Some(all)
}

/// Betas in the body.
const BETAS: &str = "anthropic_beta";

/// Fields that are written from what the client and the configuration say.
pub(super) const IN_BODY: &[&str] = &[BETAS, "anthropic_version"];

/// The events of the API, each wrapped into a `chunk` of Bedrock's stream.
#[derive(Debug, Default)]
struct Chunks(Events);

#[derive(Deserialize)]
struct Chunk<'a> {
    /// One event in base64.
    #[serde(borrow)]
    bytes: Cow<'a, str>,
}

/// The API's own event inside a `chunk`; `None`: the message is none.
fn inside(event: &frame::Event<'_>) -> Result<Option<String>, Fault> {
    let data = event.data.as_deref().unwrap_or_default();
    if event.failed {
        return Err(bedrock::fault::exception(&event.name, data));
    }
    if event.name != "chunk" {
        return Ok(None);
    }
    let unreadable = super::answer::unreadable;
    let chunk: Chunk<'_> = serde_json::from_str(data).map_err(|_| unreadable())?;
    let bytes = STANDARD
        .decode(chunk.bytes.as_bytes())
        .map_err(|_| unreadable())?;
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

impl ChatEvents for Chunks {
    fn event(&mut self, event: &frame::Event<'_>, out: &mut dyn AnswerSink) -> Result<(), Fault> {
        let Some(data) = inside(event)? else {
            return Ok(());
        };
        let inner = frame::Event {
            name: Cow::Borrowed(""),
            data: Some(data.into()),
            failed: false,
            raw: event.raw,
        };
        self.0.event(&inner, out)
    }

    fn may_be_complete(&self) -> bool {
        self.0.may_be_complete()
    }

    fn close(&mut self, out: &mut dyn AnswerSink) -> Result<(), Fault> {
        self.0.close(out)
    }
}
