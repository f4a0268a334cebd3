//! The record of a request: one piece of filter state that Envoy's access log reads, and facts of it one by one for those
//! who ask for them.

pub mod attempts;
pub mod cost;
pub mod record;

use crate::{
    api::answer::Usage,
    host::{Exchange, keys::state},
};
use serde::{Deserialize, Serialize};
use std::time::{SystemTime, UNIX_EPOCH};

/// What an answer used and who gave it, from which the gateway role makes its cost.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Used {
    /// The provider's name in the plan.
    pub provider: String,
    /// The model that it was asked for.
    pub model: String,
    /// The model that it says it served; empty where it does not say.
    pub served: String,
    /// Which attempt, from 1.
    pub attempt: u64,
    /// What it used.
    pub usage: Usage,
}

impl Used {
    /// Writes it. Called on every change: on a disconnect of the client the log is written before the attempt ends.
    /// `before`: the usage that this attempt has written already.
    pub fn record(&self, host: &dyn Exchange, before: Option<Usage>) {
        usage(host, self.usage, before);
        if let Some(board) = host.board() {
            board.set_used(self);
        } else if let Ok(json) = serde_json::to_string(self) {
            host.set_state(state::USED, &json);
        }
    }

    /// What the last answer used; `None`: it did not say, or there was none.
    pub fn load(host: &dyn Exchange) -> Option<Self> {
        let here = host.board().and_then(|board| board.used());
        here.or_else(|| serde_json::from_slice(&host.state(state::USED)?).ok())
    }
}

/// Writes the token counts that are others than `before`.
pub fn usage(host: &dyn Exchange, usage: Usage, before: Option<Usage>) {
    const KEYS: [&str; 5] = [
        state::INPUT_TOKENS,
        state::OUTPUT_TOKENS,
        state::CACHED_TOKENS,
        state::REASONING_TOKENS,
        state::TOTAL_TOKENS,
    ];
    // A reranker that is paid by the search counts no tokens.
    let counts = |of: Usage| match of.searches > 0 && of.total() == 0 {
        true => [None; 5],
        false => [of.input, of.output, of.cached, of.reasoning, of.total()].map(Some),
    };
    let before = before.map_or([None; 5], counts);
    for ((key, tokens), before) in KEYS.into_iter().zip(counts(usage)).zip(before) {
        if let Some(tokens) = tokens.filter(|_| tokens != before) {
            host.set_state(key, &tokens.to_string());
        }
    }
}

/// Writes who counted them: the provider, or this gateway.
pub fn usage_source(host: &dyn Exchange, by_provider: bool) {
    let source = if by_provider { "provider" } else { "estimate" };
    host.set_state(state::USAGE_SOURCE, source);
}

/// Milliseconds since 1970.
pub fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Seconds since 1970, for `created`.
pub fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs())
}
