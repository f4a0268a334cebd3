//! The texts of an answer, in each language that clients speak: whole, or as the events of a stream.
//!
//! Per language, `look` says where the texts of an event or of a whole answer stand and which of them go on in later
//! events; [`stream`] and [`whole`] put back what becomes of them. Every other byte passes as it is: ids, usage,
//! signatures, what is not known here. [`outside`] and [`window`] let somebody else judge the texts.

mod chat;
mod messages;
pub mod outside;
mod replace;
mod responses;
mod splice;
pub mod stream;
mod text;
pub mod whole;
pub mod window;

use crate::api::client::Api;
use std::collections::{BTreeMap, BTreeSet};

/// One text among those of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// Its choice, block or item.
    of: u32,
    /// Its place in there: of a tool call, or of a part.
    part: u32,
    what: What,
}

impl Key {
    /// Whether it is what a tool of the provider has said, or a source.
    pub(super) fn is_result(&self) -> bool {
        self.what == What::Result
    }
}

/// What kind of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Text,
    /// The text of a chunk once more, in the older API's place.
    Mirror,
    Refusal,
    /// Reasoning.
    Thought,
    /// Reasoning again, in the form in which its provider wants it back.
    Detail,
    /// Reasoning under the name that some hosts of OpenAI's language have for it.
    Reasoning,
    /// A summary of reasoning.
    Summary,
    /// What is said aloud.
    Transcript,
    /// The arguments of a tool call.
    Call,
    /// The only call of the older form.
    OnlyCall,
    /// The arguments of a call to an MCP server.
    Mcp,
    /// The input of a tool that takes no JSON.
    Input,
    /// A program that the provider runs.
    Code,
    /// A command for a shell.
    Command,
    /// A change to a file.
    Diff,
    /// What a tool of the provider has said, or a source.
    Result,
    /// Reasoning that this gateway has sealed.
    Sealed,
}

impl What {
    const fn is_thought(self) -> bool {
        matches!(self, Self::Thought | Self::Reasoning | Self::Detail)
    }

    /// Whether another text of the answer says the same.
    const fn repeats(self) -> bool {
        matches!(self, Self::Detail | Self::Sealed | Self::Mirror)
    }
}

/// How a text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// A JSON string.
    Text,
    /// A JSON string that holds a JSON document.
    Arguments,
    /// A JSON document.
    Document,
    /// A JSON string of [`crate::api::thought`].
    Sealed,
}

/// How a text comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comes {
    /// More follows.
    Piece,
    /// All of it, and nothing has come before.
    Whole,
    /// All of it, perhaps once more.
    Again,
}

/// Where a text stands.
#[derive(Debug)]
struct Spot<'a> {
    key: Key,
    /// The JSON value.
    raw: &'a str,
    form: Form,
    comes: Comes,
    /// The item's id, where an event of ours would need it. JSON text.
    id: Option<&'a str>,
}

impl<'a> Spot<'a> {
    fn new(key: Key, raw: &'a str, form: Form, comes: Comes) -> Self {
        Self {
            key,
            raw,
            form,
            comes,
            id: None,
        }
    }
}

/// Which texts are complete before an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    /// One.
    Of(Key),
    /// All of a choice, block or item.
    All(u32),
    /// The reasoning of a choice: something else begins. Should it go on later, it is a new text.
    Thoughts(u32),
    /// All.
    Everything,
}

/// The ends of one event.
struct Ends(BTreeSet<End>);

impl Ends {
    fn of(ends: &[End]) -> Self {
        Self(ends.iter().copied().collect())
    }

    /// Whether a text is complete.
    fn end(&self, key: &Key) -> bool {
        self.end_for_good(key) || key.what.is_thought() && self.0.contains(&End::Thoughts(key.of))
    }

    /// Whether nothing of it can follow.
    fn end_for_good(&self, key: &Key) -> bool {
        [End::Of(*key), End::All(key.of), End::Everything]
            .iter()
            .any(|end| self.0.contains(end))
    }
}

/// What stands in an event, or in a whole answer.
#[derive(Debug, Default)]
struct Look<'a> {
    spots: Vec<Spot<'a>>,
    /// What is complete before this event, whatever more it says under the same keys.
    ended: Vec<End>,
    /// What is complete before this event, but for what it says more of, which it completes.
    ends: Vec<End>,
    /// Values that repeat a text token by token, and what stands in their place where texts may change. JSON text.
    tokens: Vec<(&'a str, &'static str)>,
    /// The number of an event. JSON text.
    number: Option<&'a str>,
}

impl Look<'_> {
    /// The texts of which there is a piece.
    fn pieces(&self) -> BTreeSet<Key> {
        let pieces = self.spots.iter().filter(|spot| spot.comes == Comes::Piece);
        pieces.map(|spot| spot.key).collect()
    }

    /// The last place of each text.
    fn lasts(&self) -> BTreeMap<Key, usize> {
        let places = self.spots.iter().enumerate();
        places.map(|(place, spot)| (spot.key, place)).collect()
    }
}

/// Looks at an event of a stream. `None`: it cannot be read.
fn look<'a>(api: Api, name: &str, data: &'a str) -> Option<Look<'a>> {
    match api {
        Api::Chat | Api::Completions => chat::look(data),
        Api::Messages | Api::CountTokens => messages::look(name, data),
        Api::Responses => responses::look(name, data),
        // Neither is streamed.
        Api::Embeddings | Api::Rerank => Some(Look::default()),
    }
}

/// Looks at a whole answer. `None`: it cannot be read.
fn look_whole(api: Api, body: &str) -> Option<Look<'_>> {
    match api {
        Api::Chat | Api::Completions => chat::look(body),
        Api::Messages => messages::look_whole(body),
        Api::Responses => responses::look_whole(body),
        // A number, numbers, and the client's own texts in another order.
        Api::CountTokens | Api::Embeddings | Api::Rerank => Some(Look::default()),
    }
}
