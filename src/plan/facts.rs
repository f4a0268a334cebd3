//! What a plan may depend on, each looked at when something asks for it, and once.

use super::{
    LIMITS, busy, complexity,
    draw::{FNV, hash, mix},
    language,
    look::{self, Look},
    pace,
};
use crate::{
    api::client::{Api, Asked},
    config::{Need, Route},
    host::keys::shared,
    json::{Object, Str},
};
use std::{
    cell::OnceCell,
    time::{Duration, SystemTime},
};

/// Who asks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Who<'a> {
    /// The id of the key.
    pub key: Option<&'a str>,
    /// Its team.
    pub team: Option<&'a str>,
    /// Its user.
    pub user: Option<&'a str>,
    /// Its project.
    pub project: Option<&'a str>,
}

/// What a client with leave to do so has said itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Overrides {
    /// How the targets are ordered.
    pub route: Option<Route>,
    /// The only provider that may answer; a place in [`crate::config::Gateway::providers`].
    pub provider: Option<usize>,
    /// The time for each attempt.
    pub timeout: Option<Duration>,
    /// The time between two parts of an answer.
    pub idle: Option<Duration>,
    /// The most attempts.
    pub attempts: Option<usize>,
}

/// A request as a plan sees it.
pub struct Facts<'a> {
    /// The model that the client asked for.
    pub model: &'a str,
    /// What is done, e.g. `chat`.
    pub operation: &'a str,
    /// Who asks.
    pub who: Who<'a>,
    /// The labels that the client's key requires.
    pub require: &'a [Need],
    /// What the client has said itself.
    pub overrides: Overrides,
    /// A header of the request, its name in lower case; `:path` is the path.
    pub header: &'a dyn Fn(&str) -> Option<String>,
    /// The request; `None`: its body is not read.
    pub asked: Option<&'a Asked<'a>>,
    /// Counts the prompt's tokens. Units: tokens; `None`: that cannot be known.
    pub count: &'a dyn Fn() -> Option<u64>,
    /// Tokens are counted for every request.
    pub counts: bool,
    /// Reads what all workers share; see [`crate::host::Store`].
    pub shared: &'a dyn Fn(&str) -> Vec<u8>,
    /// The model is settled: no rule leads to another one.
    pub only: bool,
    /// The time of day.
    pub now: SystemTime,
    /// What is drawn for this request; see [`seed`].
    pub seed: u64,
    tokens: OnceCell<Option<u64>>,
    look: OnceCell<Look>,
    score: OnceCell<u8>,
    language: OnceCell<Option<&'static str>>,
    pace: OnceCell<pace::Table>,
    busy: OnceCell<busy::Table>,
}

impl std::fmt::Debug for Facts<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Facts");
        shown.field("model", &self.model).field("who", &self.who);
        shown.field("seed", &self.seed).finish_non_exhaustive()
    }
}

/// What is drawn for a request. The proxy gives a filter no randomness, but every request an id that is drawn; the time
/// is mixed in so that a client that chooses its own ids does not choose its target.
pub fn seed(id: Option<&str>, now: SystemTime) -> u64 {
    let since = now
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let nanos = u64::try_from(since.as_nanos()).unwrap_or(u64::MAX);
    mix(hash(id.unwrap_or_default(), FNV) ^ mix(nanos))
}

impl<'a> Facts<'a> {
    /// Facts of a request of which nothing but the model and the operation is known yet.
    pub fn new(
        model: &'a str,
        operation: &'a str,
        header: &'a dyn Fn(&str) -> Option<String>,
        asked: Option<&'a Asked<'a>>,
    ) -> Self {
        Self {
            model,
            operation,
            who: Who::default(),
            require: &[],
            overrides: Overrides::default(),
            header,
            asked,
            count: &|| None,
            counts: false,
            shared: &|_| Vec::new(),
            only: false,
            now: SystemTime::UNIX_EPOCH,
            seed: 0,
            tokens: OnceCell::new(),
            look: OnceCell::new(),
            score: OnceCell::new(),
            language: OnceCell::new(),
            pace: OnceCell::new(),
            busy: OnceCell::new(),
        }
    }

    /// How hard the request looks, if something has asked for it.
    pub fn score(&self) -> Option<u8> {
        self.score.get().copied()
    }

    /// The language that was found, if something has asked for it.
    pub fn found_language(&self) -> Option<&'static str> {
        self.language.get().copied().flatten()
    }

    /// How fast targets answer.
    pub(super) fn pace(&self) -> &pace::Table {
        self.pace
            .get_or_init(|| pace::Table::read(&(self.shared)(shared::PACE)))
    }

    /// How many requests are where.
    pub(super) fn busy(&self) -> &busy::Table {
        self.busy
            .get_or_init(|| busy::Table::read(&(self.shared)(shared::BUSY)))
    }

    /// The prompt's tokens.
    pub(super) fn input_tokens(&self) -> Option<u64> {
        self.asked?;
        *self.tokens.get_or_init(|| (self.count)())
    }

    /// The prompt's tokens where they are counted anyhow.
    pub(super) fn counted(&self) -> Option<u64> {
        let wanted = self.counts || self.tokens.get().is_some();
        wanted.then(|| self.input_tokens()).flatten()
    }

    /// The least limit that the client sets for the answer.
    pub(super) fn max_tokens(&self) -> Option<u64> {
        let body = &self.asked?.body;
        let limits = LIMITS.iter();
        limits
            .filter_map(|key| body.read::<u64>(key).ok().flatten())
            .min()
    }

    pub(super) fn has_tools(&self) -> Option<bool> {
        let body = &self.asked?.body;
        let given = |key: &str| {
            let raw = body.raw(key).map(|raw| raw.get().as_bytes());
            // A list with something in it.
            matches!(raw, Some([b'[', inner @ .., b']']) if inner.iter().any(|b| !b.is_ascii_whitespace()))
        };
        Some(given("tools") || given("functions"))
    }

    pub(super) fn has_schema(&self) -> Option<bool> {
        let asked = self.asked?;
        Some(look::has_schema(asked))
    }

    pub(super) fn has_images(&self) -> Option<bool> {
        Some(self.look()?.images)
    }

    pub(super) fn complexity(&self) -> Option<u64> {
        let look = self.look()?;
        let tools = self.asked.map_or(0, look::tools);
        let score = self
            .score
            .get_or_init(|| complexity::score(&look.said(tools)));
        Some(u64::from(*score))
    }

    /// The language of what the user has said last.
    pub(super) fn language(&self) -> Option<&'static str> {
        let look = self.look()?;
        *self.language.get_or_init(|| language::of(&look.last))
    }

    /// A field of the body's `metadata`, as text.
    pub(super) fn metadata(&self, key: &str) -> Option<String> {
        let raw = self.asked?.body.raw("metadata")?;
        let fields = Object::parse(raw.get()).ok()?;
        let value = fields.raw(key)?.get();
        let text = serde_json::from_str::<Str<'_>>(value);
        Some(text.map_or_else(|_| value.to_owned(), |text| text.into_cow().into_owned()))
    }

    /// The user of the key, else the one that the body names.
    pub(super) fn sticky_user(&self) -> Option<String> {
        if let Some(user) = self.who.user {
            return Some(user.to_owned());
        }
        let asked = self.asked?;
        if matches!(asked.api, Api::Messages | Api::CountTokens) {
            return self.metadata("user_id");
        }
        let text = |key: &str| asked.body.read::<Str<'_>>(key).ok().flatten();
        let user = text("user").or_else(|| text("safety_identifier"))?;
        Some(user.into_cow().into_owned())
    }

    fn look(&self) -> Option<&Look> {
        let asked = self.asked?;
        Some(self.look.get_or_init(|| Look::at(asked)))
    }
}
