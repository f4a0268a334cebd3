//! When every attempt has failed: one error that names what was tried.

use crate::{
    fault::{Fault, FaultKind},
    log::attempts::{self, Attempt},
    plan::health::told,
};
use std::time::Duration;

/// The longest wait that a client is told.
const LONGEST_WAIT: Duration = Duration::from_hours(24);

/// Why an attempt failed, as far as the final status depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    Kind(FaultKind),
    /// A status of its own, kept when all attempts agree on it.
    Status(u16),
}

/// The error for the client, and its status.
///
/// Shape: the attempts' common status where they agree, 504 when all ran out of time, else 502.
/// `timeout` is what each attempt had. `now`: milliseconds since 1970.
pub(super) fn fault(
    asked: &str,
    attempts: &[Attempt],
    timeout: Duration,
    now: u64,
) -> (u16, Fault) {
    let causes: Vec<Cause> = attempts.iter().map(|a| cause(a, timeout)).collect();
    let first = causes.first().copied().unwrap_or(Cause::Status(502));
    let common = causes.iter().all(|cause| *cause == first).then_some(first);
    let (status, kind) = match common {
        Some(Cause::Kind(kind)) => (kind.wire().0, kind),
        Some(Cause::Status(500)) => (500, FaultKind::ProviderFailed),
        _ => match causes.last() {
            Some(Cause::Kind(FaultKind::ProviderAuth)) => (502, FaultKind::ProviderAuth),
            _ => (502, FaultKind::ProviderFailed),
        },
    };
    let tried: Vec<String> = attempts.iter().map(|a| describe(a, timeout)).collect();
    let message = format!(
        "No provider could answer `{asked}`. Tried: {}.",
        tried.join("; ")
    );
    let mut fault = Fault::new(kind, message);
    fault.retry_after = retry_after(attempts, now);
    (status, fault)
}

fn cause(attempt: &Attempt, timeout: Duration) -> Cause {
    match (attempt.status, attempt.reason.as_deref()) {
        (None, _) if ran_out(attempt, timeout) => Cause::Kind(FaultKind::TimedOut),
        (None, Some(reason)) if reason == FaultKind::TimedOut.wire().2 => {
            Cause::Kind(FaultKind::TimedOut)
        }
        (None, _) => Cause::Status(502),
        (_, Some(attempts::IDLE)) => Cause::Kind(FaultKind::TimedOut),
        (_, Some("insufficient_quota")) => Cause::Kind(FaultKind::QuotaSpent),
        (Some(401..=403), _) => Cause::Kind(FaultKind::ProviderAuth),
        (Some(404), _) => Cause::Kind(FaultKind::UnknownModel),
        (Some(429), _) => Cause::Kind(FaultKind::RateLimited),
        (Some(503 | 529), _) => Cause::Kind(FaultKind::Overloaded),
        (Some(408 | 504), _) => Cause::Kind(FaultKind::TimedOut),
        (Some(200..=299), Some(reason)) => of_reason(reason),
        (Some(_), Some("context_length_exceeded")) => Cause::Kind(FaultKind::ContextLength),
        (Some(status), _) => Cause::Status(status),
    }
}

/// An error inside a 200 is told by its code alone.
fn of_reason(reason: &str) -> Cause {
    let kind = FaultKind::ALL
        .iter()
        .find(|kind| kind.is_attempts() && kind.wire().2 == reason)
        .copied()
        .unwrap_or(FaultKind::ProviderFailed);
    match kind {
        FaultKind::ProviderFailed | FaultKind::Internal => Cause::Status(502),
        kind => Cause::Kind(kind),
    }
}

fn describe(attempt: &Attempt, timeout: Duration) -> String {
    let provider = match attempt.model.as_str() {
        "" => attempt.provider.clone(),
        model => format!("{} ({model})", attempt.provider),
    };
    match (attempt.status, attempt.reason.as_deref()) {
        (None, _) if ran_out(attempt, timeout) => {
            format!(
                "{provider} did not answer within {} ms",
                timeout.as_millis()
            )
        }
        (None, Some(reason)) if reason == FaultKind::TimedOut.wire().2 => {
            let ms = attempt.ms.unwrap_or_default();
            format!("{provider} did not answer within {ms} ms, when the time for all was over")
        }
        (None, _) => format!("{provider} could not be reached"),
        (_, Some(attempts::IDLE)) => {
            format!("{provider} fell silent in the middle of its answer")
        }
        (Some(status), Some(reason)) => format!("{provider} {status} {reason}"),
        (Some(status), None) => format!("{provider} {status}"),
    }
}

/// Envoy's timer may fire a little before the clocks of two callbacks differ by as much.
fn ran_out(attempt: &Attempt, timeout: Duration) -> bool {
    let timeout = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
    attempt
        .ms
        .is_some_and(|ms| ms.saturating_add(ms / 20) >= timeout)
}

/// The shortest wait that an attempt told. Units: whole seconds.
fn retry_after(attempts: &[Attempt], now: u64) -> Option<String> {
    let waits = attempts.iter().filter_map(|a| a.retry_after.as_deref());
    let shortest = waits.filter_map(|text| told(text, now)).min()?;
    let seconds = shortest.min(LONGEST_WAIT).as_millis().div_ceil(1000);
    Some(seconds.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(status: Option<u16>, ms: u64, reason: &str) -> Attempt {
        Attempt {
            status,
            ms: Some(ms),
            reason: Some(reason.into()),
            ..Attempt::begun("p", "m", 0)
        }
    }

    fn of(attempts: &[Attempt]) -> (u16, &'static str) {
        let (status, fault) = fault("x", attempts, Duration::from_secs(1), 0);
        (status, fault.kind.wire().2)
    }

    #[test]
    fn the_status_is_the_attempts_own_where_they_agree() {
        let all = |status| of(&[attempt(Some(status), 5, ""), attempt(Some(status), 5, "")]);
        assert_eq!(all(429), (429, "rate_limit_exceeded"));
        assert_eq!(all(500), (500, "provider_failed"));
        assert_eq!(all(503), (503, "provider_overloaded"));
        assert_eq!(all(529), (503, "provider_overloaded"));
        assert_eq!(all(401), (502, "provider_auth_failed"));
        assert_eq!(all(404), (404, "model_not_found"));
        assert_eq!(all(502), (502, "provider_failed"));
        assert_eq!(
            of(&[attempt(Some(200), 5, "provider_overloaded")]),
            (503, "provider_overloaded")
        );
        assert_eq!(
            of(&[attempt(None, 1000, ""), attempt(None, 996, "")]),
            (504, "provider_timeout")
        );
        assert_eq!(of(&[attempt(None, 3, "")]), (502, "provider_failed"));
    }

    #[test]
    fn attempts_that_disagree_are_a_502() {
        assert_eq!(
            of(&[attempt(Some(429), 5, ""), attempt(Some(500), 5, "")]),
            (502, "provider_failed")
        );
        assert_eq!(
            of(&[attempt(Some(500), 5, ""), attempt(Some(403), 5, "")]),
            (502, "provider_auth_failed")
        );
        assert_eq!(of(&[]), (502, "provider_failed"));
    }

    #[test]
    fn the_message_names_every_attempt() {
        let attempts = [
            attempt(Some(529), 5, "provider_overloaded"),
            attempt(None, 1000, ""),
            attempt(None, 3, ""),
        ];
        assert_eq!(
            fault("x", &attempts, Duration::from_secs(1), 0).1.message,
            "No provider could answer `x`. Tried: p (m) 529 provider_overloaded; p (m) did not answer within 1000 ms; p (m) could not be reached."
        );
    }

    #[test]
    fn the_shortest_wait_is_told_in_whole_seconds() {
        // 21 Oct 2026 07:28:00 GMT
        let now = 1_792_567_680_000;
        let of = |waits: &[&str]| {
            let told = |text: &&str| Attempt {
                retry_after: Some((*text).into()),
                ..attempt(Some(429), 1, "")
            };
            let list: Vec<_> = waits.iter().map(told).collect();
            retry_after(&list, now)
        };
        let date = "Wed, 21 Oct 2026 07:28:09 GMT";
        assert_eq!(of(&["30", "2.5", "x"]).as_deref(), Some("3"));
        assert_eq!(of(&[date, "30"]).as_deref(), Some("9"));
        assert_eq!(of(&["99999999"]).as_deref(), Some("86400"));
        for nothing in ["", "NaN", "1e400", "1e300", "-0", "-1", "Wed"] {
            assert_eq!(of(&[nothing]), None, "{nothing}");
        }
    }
}
