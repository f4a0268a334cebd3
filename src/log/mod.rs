//! The record of a request: filter state that Envoy's access log, stats and traces read.

pub mod attempts;

use crate::{
    api::answer::Usage,
    host::{Exchange, keys::state},
};
use std::time::{SystemTime, UNIX_EPOCH};

/// Writes the token counts. Called on every change: on a disconnect of the client the log is
/// written before the attempt ends.
pub fn usage(host: &dyn Exchange, usage: Usage) {
    for (key, tokens) in [
        (state::INPUT_TOKENS, usage.input),
        (state::OUTPUT_TOKENS, usage.output),
        (state::CACHED_TOKENS, usage.cached),
        (state::REASONING_TOKENS, usage.reasoning),
        (state::TOTAL_TOKENS, usage.total()),
    ] {
        host.set_state(key, &tokens.to_string());
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
