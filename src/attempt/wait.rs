//! A provider that asks for a short pause, where nobody else is left to ask: Envoy waits for it and asks it again.
//!
//! The plan ends in a step for that. It is taken after such a pause only: what Envoy tries again for another reason is
//! refused there before anything is sent.

use super::Sent;
use crate::{
    fault::{Fault, FaultKind},
    log::attempts::Attempt,
    plan::{HandOver, health::told},
};

/// The pause that Envoy makes before it asks the same target again. Units: seconds. `None`: it makes none.
///
/// `attempts`: those so far, the last one has ended with this fault.
pub(super) fn before_next(
    plan: &HandOver,
    number: u64,
    attempts: &[Attempt],
    fault: &Fault,
) -> Option<u64> {
    let most = plan.wait_ms?;
    let busy = matches!(fault.kind, FaultKind::RateLimited | FaultKind::Overloaded);
    if !busy || !plan.only_itself_follows(number) {
        return None;
    }
    let last = attempts.last()?;
    let ended = last.at_ms.saturating_add(last.ms?);
    let pause = told(last.retry_after.as_deref()?, ended)?;
    // Envoy reads whole seconds from the header.
    let seconds = pause.as_secs() + u64::from(pause.subsec_nanos() > 0);
    let before: u64 = attempts.iter().filter_map(|a| a.wait_ms).sum();
    let all = seconds.checked_mul(1000)?.checked_add(before)?;
    // So that not all come back at once, it adds up to a half.
    // Source: Envoy documentation, `rate_limited_retry_back_off`, general knowledge; seen on 1.40.
    (all.checked_add(all / 2)? <= most).then_some(seconds)
}

/// Whether attempt `number` may be made: a step that stands there for a pause only is not taken without one.
pub(super) fn permits(plan: &HandOver, number: u64, attempts: &[Attempt]) -> bool {
    let at_once = plan.at_once().len();
    let first = usize::try_from(number).is_ok_and(|number| number <= at_once);
    let waited = attempts.last().is_some_and(|last| last.wait_ms.is_some());
    plan.wait_ms.is_none() || first || waited
}

impl Sent {
    /// Notes that Envoy waits before the next attempt.
    pub(super) fn waits(&mut self, seconds: Option<u64>) {
        if let Some(entry) = self.attempts.last_mut() {
            entry.wait_ms = seconds.map(|seconds| seconds.saturating_mul(1000));
        }
    }
}
