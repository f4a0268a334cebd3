//! What routes by pace and by load know: how fast targets answered, and how many requests are at them.
//!
//! Only where a route can ask for it. What cannot be written is not known: no request fails for it.

use super::{health, overrides::Patience};
use crate::{
    config::{Gateway, Route},
    host::{
        Host,
        keys::{shared, state},
        update,
    },
    log::{
        Used,
        attempts::{self, Attempt},
        millis,
    },
    plan::{
        HandOver, Step, busy,
        health::Outcome,
        mark,
        pace::{Sample, Table},
    },
};

/// Counts a request at its first target; gives the numbers of all, for the attempts. Empty: nothing is counted.
pub(super) fn begin(host: &dyn Host, config: &Gateway, steps: &[Step]) -> Vec<u64> {
    if !config.may_route(Route::LeastBusy) {
        return Vec::new();
    }
    let marks: Vec<u64> = steps.iter().map(|step| mark(config, step)).collect();
    if let Some(first) = marks.first() {
        busy::take(host, *first);
    }
    marks
}

/// Notes how fast the attempts have been whose verdict is known, once the answer's headers are here.
pub(super) fn head(host: &dyn Host, config: &Gateway, patience: Patience) {
    if !config.may_route(Route::Fastest) {
        return;
    }
    let Some(plan) = HandOver::load(host) else {
        return;
    };
    let attempts = attempts::load(host);
    let mut samples = Vec::new();
    for (place, attempt) in attempts.iter().enumerate() {
        let failed = match health::judged(attempt, patience) {
            Some((_, Outcome::Answered)) | None => None,
            Some(_) => attempt.ms.map(Sample::Failed),
        };
        // A whole answer says more when it has been given.
        let first = || match attempt.reason {
            None if plan.stream => attempt.ms.map(Sample::First),
            _ => None,
        };
        if let (Some(sample), Some(step)) = (failed.or_else(first), plan.step(place as u64 + 1)) {
            samples.push((mark(config, step), sample));
        }
    }
    note(host, &samples);
}

/// Notes how fast the answer was, and that the request is nowhere any more. Called once, at its very end.
pub(super) fn end(host: &dyn Host, config: &Gateway) {
    if config.may_route(Route::LeastBusy) {
        busy::release(host);
    }
    if config.may_route(Route::Fastest) && host.state(state::OUTCOME).as_deref() == Some(b"ok") {
        note(host, answered(host, config).as_slice());
    }
}

/// What the last attempt, which is the answer, says of its target.
fn answered(host: &dyn Host, config: &Gateway) -> Option<(u64, Sample)> {
    let plan = HandOver::load(host)?;
    let attempts = attempts::load(host);
    let (attempt, step) = (attempts.last()?, plan.step(attempts.len() as u64)?);
    let Attempt { at_ms, ms, .. } = *attempt;
    let tokens = Used::load(host).map_or(0, |used| used.usage.output);
    let ms = ms?;
    let all = millis(host.now()).saturating_sub(at_ms);
    let sample = if plan.relay.is_some() {
        Sample::Whole { ms: all, tokens } // it was the answer when its headers came
    } else if plan.stream {
        Sample::Rest {
            ms: all.saturating_sub(ms),
            tokens,
        }
    } else {
        Sample::Whole { ms, tokens }
    };
    Some((mark(config, step), sample))
}

fn note(host: &dyn Host, samples: &[(u64, Sample)]) {
    if samples.is_empty() {
        return;
    }
    let now = millis(host.now());
    update(host, shared::PACE, |bytes| {
        let mut table = Table::read(bytes);
        for (mark, sample) in samples {
            table.note(*mark, *sample, now);
        }
        table.write()
    });
}
