//! From bytes to events, whatever the chunking. Knows framings; knows no provider.

pub mod aws;
pub mod form;
mod part;
pub mod sse;

use std::borrow::Cow;

/// How a provider cuts its stream into events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// Server-sent events.
    Sse,
    /// AWS event stream messages.
    Aws,
}

impl Framing {
    /// The content type of such a stream.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Sse => "text/event-stream",
            Self::Aws => "application/vnd.amazon.eventstream",
        }
    }
}

/// One event of a stream, whatever its framing.
#[derive(Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// What it is called: the `event` field, or the event or exception type; empty when absent.
    pub name: Cow<'a, str>,
    /// What it says; `None` for what carries nothing, such as a block of comments.
    pub data: Option<Cow<'a, str>>,
    /// The framing itself says that this is an error.
    pub failed: bool,
    /// The bytes of the event, for passing it on untouched.
    pub raw: &'a [u8],
}

/// A stream that cannot be continued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// One event is larger than the limit.
    TooLarge,
    /// The bytes are not what was sent, or no stream of this framing at all.
    Corrupt,
}

/// Cuts a byte stream of either framing into events.
#[derive(Debug)]
pub enum Splitter {
    /// Server-sent events.
    Sse(sse::Splitter),
    /// AWS event stream messages.
    Aws(aws::Splitter),
}

impl Splitter {
    /// Units: bytes of one event, as far as it may be held back.
    pub fn new(framing: Framing, limit: usize) -> Self {
        match framing {
            Framing::Sse => Self::Sse(sse::Splitter::new(limit)),
            Framing::Aws => Self::Aws(aws::Splitter::new(limit)),
        }
    }

    /// Feeds bytes and calls `each` once per finished event.
    ///
    /// Errors: [`Broken`]; the stream cannot be continued after it.
    pub fn push(&mut self, bytes: &[u8], each: impl FnMut(Event<'_>)) -> Result<(), Broken> {
        match self {
            Self::Sse(splitter) => splitter.push(bytes, each),
            Self::Aws(splitter) => splitter.push(bytes, each),
        }
    }

    /// The stream is over. An event that is not complete counts where its framing lets one end so.
    pub fn close(&mut self, each: impl FnMut(Event<'_>)) {
        if let Self::Sse(splitter) = self {
            splitter.close(each);
        }
    }

    /// Bytes held back until their event is complete.
    pub fn held(&self) -> usize {
        match self {
            Self::Sse(splitter) => splitter.held(),
            Self::Aws(splitter) => splitter.held(),
        }
    }
}
