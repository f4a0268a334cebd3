//! When every attempt has failed: one error that names what was tried.

use crate::{
    fault::{Fault, FaultKind},
    log::attempts::{self, Attempt},
};
use std::time::Duration;

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
/// `timeout` is what each attempt had.
pub(super) fn fault(asked: &str, attempts: &[Attempt], timeout: Duration) -> (u16, Fault) {
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
    fault.retry_after = retry_after(attempts);
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

/// The smallest number of seconds; a date only when there is no number.
fn retry_after(attempts: &[Attempt]) -> Option<String> {
    let told = || attempts.iter().filter_map(|a| a.retry_after.as_deref());
    let seconds = told().filter_map(|text| text.trim().parse::<f64>().ok());
    let smallest = seconds
        .filter(|s| s.is_finite() && *s >= 0.0)
        .reduce(f64::min);
    // Anything else must at least look like a date: it comes from outside.
    let date = |text: &&str| text.ends_with(" GMT") && text.len() < 40;
    smallest
        .map(|s| s.ceil().to_string())
        .or_else(|| told().find(date).map(str::to_owned))
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
        let (status, fault) = fault("x", attempts, Duration::from_secs(1));
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
            fault("x", &attempts, Duration::from_secs(1)).1.message,
            "No provider could answer `x`. Tried: p (m) 529 provider_overloaded; p (m) did not answer within 1000 ms; p (m) could not be reached."
        );
    }

    #[test]
    fn the_smallest_retry_after_counts() {
        let told = |text: &str| Attempt {
            retry_after: Some(text.into()),
            ..attempt(Some(429), 1, "")
        };
        let of = |list: &[Attempt]| retry_after(list);
        assert_eq!(
            of(&[told("30"), told("2.5"), told("x")]).as_deref(),
            Some("3")
        );
        assert_eq!(
            of(&[told("Wed, 21 Oct 2026 07:28:00 GMT")]).as_deref(),
            Some("Wed, 21 Oct 2026 07:28:00 GMT")
        );
        assert_eq!(
            of(&[attempt(Some(429), 1, ""), told("NaN"), told("1e400")]),
            None
        );
    }
}
