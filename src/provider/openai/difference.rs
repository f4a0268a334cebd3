//! How one host differs from OpenAI, as data: a dialect of this family is one table.
//!
//! What a table does not name passes untouched, so that a host costs as much as it differs.

use super::{messages::Messages, splice::Splice};
use crate::{
    api::{chat::Extensions, relay::Area},
    fault::Fault,
    json::Object,
    provider::params::Rule,
};

/// The differences of one host.
#[derive(Debug, Clone, Copy)]
pub(super) struct Difference {
    /// What becomes of single parameters. Those that stand nowhere here pass.
    pub(super) parameters: &'static [(&'static str, Fate)],
    /// Parameters of the host's own, known beside OpenAI's.
    pub(super) own: &'static [&'static str],
    /// Every field that the table reads or changes: the body is read only as far as these reach.
    /// Shape: `model` is among them, `stream_options` unless usage comes unasked.
    pub(super) touches: &'static [&'static str],
    /// Streams report their usage whether asked or not, so nobody asks.
    pub(super) usage_unasked: bool,
    /// What becomes of the messages. `None`: they pass.
    pub(super) messages: Option<&'static Messages>,
    /// What no rule can say.
    pub(super) odd: Option<Odd>,
    /// How answers are bent.
    pub(super) answers: Answers,
    /// What the host reads beyond OpenAI's fields, for clients of other APIs.
    pub(super) takes: Extensions,
    /// The host has the older Completions API.
    pub(super) completions: bool,
    /// What else of OpenAI's API the host has, in OpenAI's form.
    pub(super) relays: &'static [Area],
}

/// The last word on a request; `lost`: the history lacks reasoning that the host insists on.
pub(super) type Odd =
    fn(&Object<'_>, bool, &mut Splice<'_, '_>, &mut Vec<String>) -> Result<(), Fault>;

/// What becomes of one parameter.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fate {
    /// As every dialect says it. A name that is taken gives way to what is renamed.
    Rule(Rule),
    /// Left out and listed, unless it only says one of these defaults. Units: JSON text.
    Lost(&'static [&'static str]),
    /// Left out when it is one of these, which is what the host does anyway, else refused. Units: JSON text.
    Unsaid(&'static [&'static str]),
    /// Sent when it is one of these, else refused. Units: JSON text.
    Only(&'static [&'static str]),
    /// Sent when it is one of these, else left out and listed. Units: JSON text.
    Taken(&'static [&'static str]),
    /// These values have other words here; others pass. Units: JSON text.
    Words(&'static [(&'static str, &'static str)]),
    /// An object whose `type` is one of these, else refused.
    Types(&'static [&'static str]),
    /// A string becomes a list of one.
    List,
    /// Sent, and the older name of the same thing is left out.
    Instead(&'static str),
    /// This fate for the models of which that is true; others keep theirs.
    Where(fn(&str) -> bool, &'static Fate),
}

/// How a host bends OpenAI's answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Answers {
    /// `content` may be a list of parts, reasoning among them.
    pub(super) parts: bool,
    /// Its own finish reasons, and OpenAI's words for them.
    pub(super) finishes: &'static [(&'static str, &'static str)],
}

impl Difference {
    /// None at all.
    pub(super) const NONE: Self = Self {
        parameters: &[],
        own: &[],
        touches: &["model", "stream_options"],
        usage_unasked: false,
        messages: None,
        odd: None,
        answers: Answers {
            parts: false,
            finishes: &[],
        },
        takes: Extensions::NONE,
        completions: true,
        relays: &[],
    };

    /// Whether the request needs more than the model's name.
    pub(super) fn changes_requests(&self) -> bool {
        !self.parameters.is_empty() || self.messages.is_some() || self.odd.is_some()
    }
}

/// Sent under another name.
pub(super) const fn renamed(name: &'static str) -> Fate {
    Fate::Rule(Rule::Rename(name))
}

/// Left out and listed.
pub(super) const DROP: Fate = Fate::Rule(Rule::Drop);
/// Left out silently: the host does it unasked.
pub(super) const HANDLED: Fate = Fate::Rule(Rule::Handled);
/// Refused, unless it asks for nothing.
pub(super) const REFUSE: Fate = Fate::Rule(Rule::Refuse);
