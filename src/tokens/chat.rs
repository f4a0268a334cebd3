//! The tokens of a whole request, before it is sent.
//!
//! A request is walked once for each way of counting ([`super::walk`]); what was found is then counted as
//! each model's family frames it ([`super::family`]). Counting never refuses a request: what it does not
//! understand makes the count an estimate.

use super::{
    Encoding,
    family::{self, Class, Family, Tools},
    image::{Detail, Size, UNSEEN},
    walk,
};
use crate::api::client::Asked;

/// How many tokens a prompt has, and how sure that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// Units: tokens of the prompt, everything that is not the answer.
    pub tokens: u64,
    /// How sure it is.
    pub class: Class,
    /// The encoding that the text was counted in.
    pub encoding: Encoding,
    /// How far it may be off. Units: per cent.
    pub error_percent: u64,
}

/// What a walk over a request finds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// Tokens of everything that is said.
    pub(super) text: u64,
    /// Tokens of the words for who speaks.
    pub(super) roles: u64,
    pub(super) messages: u64,
    pub(super) names: u64,
    /// Calls of tools in the conversation.
    pub(super) calls: u64,
    /// Tokens of the tools and of what frames their parts.
    pub(super) tools: u64,
    pub(super) functions: u64,
    /// `None`: an image that cannot be seen from here.
    pub(super) pictures: Vec<(Option<Size>, Detail)>,
    pub(super) pages: u64,
    pub(super) seconds: u64,
    /// Nothing is said in turns: a text to be completed or embedded.
    pub(super) plain: bool,
    /// The best class that this can still have.
    pub(super) class: Option<Class>,
}

impl Found {
    /// It is at most this sure.
    pub(super) fn at_best(&mut self, class: Class) {
        self.class = self.class.max(Some(class));
    }

    fn counted(&self, family: &Family) -> Count {
        let framing = family.framing;
        let mut fixed = 0_u64;
        if !self.plain {
            fixed += framing.prompt
                + framing.message * self.messages
                + framing.name * self.names
                + framing.call * self.calls;
        }
        let mut text = self.text;
        if self.functions > 0 {
            fixed += match family.tools {
                Tools::Listed { function, any } => {
                    // Twelve end the list. Source: OpenAI cookbook, as in `family`.
                    text += self.tools;
                    function * self.functions + 12 + any
                }
                Tools::Json { any } => {
                    text += self.tools;
                    any
                }
            };
        }
        if matches!(family.tools, Tools::Listed { .. }) {
            text += self.roles;
        }
        let pictures = self.pictures.iter();
        let pictures =
            pictures.map(|(size, detail)| family.pictures.tokens(size.unwrap_or(UNSEEN), *detail));
        let media = pictures.fold(0_u64, u64::saturating_add)
            + family.page * self.pages
            + SECOND * self.seconds;
        let tokens = fixed
            .saturating_add(family.scaled(text))
            .saturating_add(media);
        Count {
            tokens,
            class: family.class.max(self.class.unwrap_or(Class::Exact)),
            encoding: family.encoding,
            error_percent: match self.class {
                Some(Class::Estimate) => family.error_percent.max(30),
                Some(_) => family.error_percent.max(10),
                None => family.error_percent,
            },
        }
    }
}

/// Tokens of a second of sound. Source: ai.google.dev, "Audio understanding" (32); OpenAI's are fewer (about 10, general
/// knowledge, not confirmed).
const SECOND: u64 = 32;

/// Counts one request, perhaps for several models: what they share is counted once.
#[derive(Debug)]
pub struct Counter<'a, 'b> {
    asked: &'b Asked<'a>,
    walked: Vec<(Encoding, bool, Found)>,
}

impl<'a, 'b> Counter<'a, 'b> {
    /// Nothing is counted yet.
    pub fn new(asked: &'b Asked<'a>) -> Self {
        Self {
            asked,
            walked: Vec::new(),
        }
    }

    /// The tokens of the prompt as a model reads it.
    pub fn count(&mut self, model: &str) -> Count {
        self.count_as(&family::of(model))
    }

    /// The same for a family.
    pub fn count_as(&mut self, family: &Family) -> Count {
        let listed = matches!(family.tools, Tools::Listed { .. });
        let key = (family.encoding, listed);
        let known = self.walked.iter().find(|w| (w.0, w.1) == key);
        if let Some((_, _, found)) = known {
            return found.counted(family);
        }
        let found = walk::request(self.asked, family.encoding, listed);
        let count = found.counted(family);
        self.walked.push((family.encoding, listed, found));
        count
    }
}

/// The tokens of a request as `model` reads it.
pub fn count(asked: &Asked<'_>, model: &str) -> Count {
    Counter::new(asked).count(model)
}
