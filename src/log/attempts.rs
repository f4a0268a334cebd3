//! The list of attempts, kept in filter state: each provider role adds its own entry, the gateway
//! role reads the list when every attempt has failed, and the access log shows it.

use crate::{
    api::answer::Usage,
    host::{Exchange, keys::state},
    plan::HandOver,
};
use serde::{Deserialize, Serialize};

/// One try at one provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// The provider's name in the plan.
    pub provider: String,
    /// The cluster, where it does not have the provider's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// The model it was asked for.
    pub model: String,
    /// What it answered; `None` until response headers came.
    pub status: Option<u16>,
    /// From the attempt's start to the verdict. Units: milliseconds.
    pub ms: Option<u64>,
    /// Why it failed: an `error.code`; `no_answer` when nothing came back; `broke_off` when the answer ended before its
    /// end; `idle_timeout` when nothing more of it came; `cancelled` when the client left. `None`: it did not fail.
    pub reason: Option<String>,
    /// When it began. Units: milliseconds since 1970.
    pub at_ms: u64,
    /// The provider's `retry-after`, as it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<String>,
    /// How long Envoy was told to wait before the next attempt. Units: milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_ms: Option<u64>,
    /// The model that it said it served, where it used something and failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub served: Option<String>,
    /// What it used, where it failed: an attempt that is the answer has it in the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used: Option<Usage>,
    /// What that cost. Units: micro-dollars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waste_usd_micros: Option<u64>,
}

impl Attempt {
    /// An attempt that has just begun.
    pub fn begun(provider: &str, model: &str, at_ms: u64) -> Self {
        Self {
            provider: provider.to_owned(),
            cluster: None,
            model: model.to_owned(),
            status: None,
            ms: None,
            reason: None,
            at_ms,
            retry_after: None,
            wait_ms: None,
            served: None,
            used: None,
            waste_usd_micros: None,
        }
    }

    /// At this cluster.
    #[must_use]
    pub fn at(mut self, cluster: &str) -> Self {
        self.cluster = Some(cluster.to_owned()).filter(|cluster| *cluster != self.provider);
        self
    }
}

/// The `reason` of an attempt that ended without response headers.
pub const NO_ANSWER: &str = "no_answer";

/// The `reason` of an attempt whose answer ended before its end.
pub const BROKE_OFF: &str = "broke_off";
/// The `reason` of an attempt whose provider fell silent in the middle of its answer.
pub const IDLE: &str = "idle_timeout";
/// The `reason` of an attempt that was not waited for.
pub const CANCELLED: &str = "cancelled";

/// The attempts so far. What cannot be read counts as none.
pub fn load(host: &dyn Exchange) -> Vec<Attempt> {
    let here = host.board().and_then(|board| board.attempts());
    let read = || serde_json::from_slice(&host.state(state::ATTEMPTS)?).ok();
    here.or_else(read).unwrap_or_default()
}

/// The attempts before this one, `number` counted from 1: each has its place. What a machine has not told the others, as
/// of an attempt that heard nothing, is known from the plan alone.
pub fn before(host: &dyn Exchange, plan: &HandOver, number: u64, now_ms: u64) -> Vec<Attempt> {
    let mut attempts = load(host);
    if host.board().is_some() {
        let told = host.state(state::ATTEMPTS);
        let told = told.and_then(|list| serde_json::from_slice::<Vec<_>>(&list).ok());
        if let Some(told) = told.filter(|told| told.len() > attempts.len()) {
            attempts = told;
        }
    }
    for missing in attempts.len() as u64 + 1..number {
        let Some(step) = plan.step(missing) else {
            break;
        };
        attempts.push(Attempt::begun(&step.provider, &step.model, now_ms).at(&step.cluster));
    }
    close_silent(&mut attempts, now_ms);
    attempts
}

/// What another machine tells, with what is known better here: when an attempt of this one began that heard nothing.
#[must_use]
pub fn told_of(own: &[Attempt], told: Vec<Attempt>) -> Vec<Attempt> {
    let better = |(place, told): (usize, Attempt)| {
        let silent = told.reason.as_deref() == Some(NO_ANSWER);
        match own.get(place).filter(|own| silent && own.ms.is_none()) {
            Some(own) => {
                let ended = told.at_ms.saturating_add(told.ms.unwrap_or(0));
                Attempt {
                    at_ms: own.at_ms,
                    ms: Some(ended.saturating_sub(own.at_ms)),
                    ..told
                }
            }
            None => told,
        }
    };
    told.into_iter().enumerate().map(better).collect()
}

/// How many there have been.
pub fn count(host: &dyn Exchange) -> usize {
    let here = host.board().and_then(|board| board.attempt_count());
    here.unwrap_or_else(|| load(host).len())
}

/// Writes the list back.
pub fn store(host: &dyn Exchange, attempts: &[Attempt]) {
    if let Some(board) = host.board() {
        board.set_attempts(attempts);
        // The next attempt may be in another machine.
        let failed = attempts.last().is_some_and(|last| last.reason.is_some());
        if failed {
            host.tell(state::ATTEMPTS, &json(attempts));
        }
        if !board.keeps(state::ATTEMPTS) {
            return;
        }
    }
    host.set_state(state::ATTEMPTS, &json(attempts));
}

/// The list as the record shows it.
pub fn json(attempts: &[Attempt]) -> String {
    serde_json::to_string(attempts).unwrap_or_default()
}

/// Completes the entries that nothing was heard of: their time ended by `now_ms` at the latest.
pub fn close_silent(attempts: &mut [Attempt], now_ms: u64) {
    for attempt in attempts.iter_mut().filter(|a| a.ms.is_none()) {
        attempt.ms = Some(now_ms.saturating_sub(attempt.at_ms));
        attempt.reason = Some(NO_ANSWER.to_owned());
    }
}
