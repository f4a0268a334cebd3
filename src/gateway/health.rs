//! Between planning and Envoy: which targets cool down, known to all workers, and what became of this
//! request's attempts. The rules are in [`crate::plan::health`]; here they meet the shared data.

use super::{overrides::Patience, story::Story};
use crate::{
    config::{Destination, Gateway, Retries},
    fault::FaultKind,
    host::{
        Host,
        keys::{shared, state},
    },
    log::{
        attempts::{self, Attempt},
        millis,
    },
    plan::{
        HandOver, Step,
        health::{self, Order, Outcome, State, Table, Why, key, told},
    },
};
use serde::Serialize;
use std::time::Duration;

/// How often a writing is tried that others came before.
const MAX_TRIES: usize = 8;
/// How long one probe keeps the others away: an answer may take minutes.
const MAX_LEASE: Duration = Duration::from_secs(30);

/// A target that is not tried in its turn, for the record.
#[derive(Serialize)]
struct Cooling<'a> {
    provider: &'a str,
    cluster: &'a str,
    model: &'a str,
    reason: Why,
    until_ms: u64,
}

/// The attempts in the order of health: a target's clusters one after the other, those that cool down at
/// the end, each target as often as configured, and no more than the limit.
///
/// `seed`: what is drawn for this request.
pub(super) fn arrange(
    host: &dyn Host,
    config: &Gateway,
    retries: &Retries,
    steps: Vec<(usize, Step)>,
    seed: u64,
    probe: Probe,
    story: &mut Story,
) -> Vec<(usize, Step)> {
    let mut steps = spread_out(config, steps, seed);
    if steps.len() > 1 && config.health.is_some() {
        let order = ordered(host, config, &steps, probe);
        for moved in &order.moved {
            story.cools(&moved.target.1, moved.why, moved.until);
        }
        if !order.moved.is_empty() && matches!(probe, Probe::Take(_)) {
            let moved = order.moved.iter().map(|moved| Cooling {
                provider: &moved.target.1.provider,
                cluster: &moved.target.1.cluster,
                model: &moved.target.1.model,
                reason: moved.why,
                until_ms: moved.until,
            });
            let moved: Vec<_> = moved.collect();
            let json = serde_json::to_string(&moved).unwrap_or_default();
            host.set_state(state::COOLING, &json);
        }
        steps = order.plan;
    }
    if retries.attempts_per_target > 1 {
        let again = |step| std::iter::repeat_n(step, retries.attempts_per_target);
        steps = steps.into_iter().flat_map(again).collect();
    }
    cut(retries, &mut steps, story);
    steps
}

/// Cuts a plan that has more attempts than one request may cost.
pub(super) fn cut(retries: &Retries, steps: &mut Vec<(usize, Step)>, story: &mut Story) {
    let most = retries.attempts.max(1);
    if steps.len() > most {
        for (place, step) in steps.drain(most..) {
            let because = "`attempts` allows no more";
            story.left_out(place, &step, "attempts", because);
        }
    }
}

/// Puts the last step there once more, for when its target has been waited for; gives how long it may be. `None`: nobody is
/// waited for, or no attempt is left for it. Units: milliseconds.
pub(super) fn waits(retries: &Retries, steps: &mut Vec<Step>) -> Option<u64> {
    let wait = u64::try_from(retries.wait?.as_millis()).ok()?;
    if steps.len() >= retries.attempts {
        return None;
    }
    let last = steps.last()?.clone();
    steps.push(last);
    Some(wait)
}

/// What becomes of a target whose pause is over.
#[derive(Debug, Clone, Copy)]
pub(super) enum Probe {
    /// This request probes it, and no other does for so long.
    Take(Duration),
    /// It is looked at only.
    Leave,
}

/// The first cluster of a target that does not cool down, beginning with another one each time.
pub(super) fn well(
    host: &dyn Host,
    config: &Gateway,
    target: (usize, Step),
    seed: u64,
) -> Option<(usize, Step)> {
    let mut steps = spread_out(config, vec![target], seed).into_iter();
    if config.health.is_none() {
        return steps.next();
    }
    let table = Table::read(&host.get(shared::HEALTH).bytes);
    let now = millis(host.now());
    steps.find(|(_, step)| state_of(config, &table, step, now) == State::Well)
}

/// Each step at each of its provider's clusters, beginning with another one each time.
fn spread_out(config: &Gateway, steps: Vec<(usize, Step)>, seed: u64) -> Vec<(usize, Step)> {
    let more = |place: usize| config.providers.get(place).map(|to| &to.more_clusters);
    let has_one = |(place, _): &(usize, Step)| more(*place).is_none_or(Vec::is_empty);
    if steps.iter().all(has_one) {
        return steps;
    }
    let mut out = Vec::with_capacity(steps.len() * 2);
    for (place, step) in steps {
        let Some(to) = config.providers.get(place) else {
            continue;
        };
        let count = to.more_clusters.len() + 1;
        let first = usize::try_from(seed % count as u64).unwrap_or(0);
        for cluster in clusters(to).cycle().skip(first).take(count) {
            let cluster = cluster.to_owned();
            out.push((
                place,
                Step {
                    cluster,
                    ..step.clone()
                },
            ));
        }
    }
    out
}

fn clusters(to: &Destination) -> impl Iterator<Item = &str> + Clone {
    std::iter::once(to.cluster.as_str()).chain(to.more_clusters.iter().map(String::as_str))
}

/// The order of health. Whoever is to probe has got the right to; who lost it goes past that target.
fn ordered(
    host: &dyn Host,
    config: &Gateway,
    steps: &[(usize, Step)],
    probe: Probe,
) -> Order<(usize, Step)> {
    let now = millis(host.now());
    for _ in 0..MAX_TRIES {
        let stored = host.get(shared::HEALTH);
        let mut table = Table::read(&stored.bytes);
        let state = |(_, step): &(usize, Step)| state_of(config, &table, step, now);
        let order = health::order(steps.to_vec(), state);
        let Probe::Take(lease) = probe else {
            return order;
        };
        let lease = lease.min(MAX_LEASE);
        let Some((_, first)) = order.plan.first().filter(|_| order.probes) else {
            return order;
        };
        let named = named(config, first);
        table.probe(&key(&first.cluster, None), now, lease);
        table.probe(&key(&first.cluster, named), now, lease);
        if host
            .set(shared::HEALTH, &table.write(), stored.version)
            .is_ok()
        {
            return order;
        }
    }
    // Too many at once: somebody is probing.
    let table = Table::read(&host.get(shared::HEALTH).bytes);
    health::order(steps.to_vec(), |(_, step)| {
        match state_of(config, &table, step, now) {
            State::Due => State::Cooling {
                until: now,
                why: Why::Failures,
            },
            state => state,
        }
    })
}

/// How a step is: as its cluster, or its model there, whichever is worse.
fn state_of(config: &Gateway, table: &Table, step: &Step, now: u64) -> State {
    if table.is_empty() {
        return State::Well;
    }
    let cluster = table.state(&key(&step.cluster, None), now);
    let model = table.state(&key(&step.cluster, named(config, step)), now);
    match (cluster, model) {
        (State::Cooling { until: a, .. }, State::Cooling { until: b, .. }) if b > a => model,
        (State::Cooling { .. }, _) => cluster,
        (_, State::Cooling { .. }) => model,
        (State::Due, _) | (_, State::Due) => State::Due,
        _ => State::Well,
    }
}

/// The step's model as the table knows it: by its name when the configuration names it, else as any
/// other, so that clients cannot fill the table with names of their own. An empty name is no model's.
fn named<'s>(config: &Gateway, step: &'s Step) -> Option<&'s str> {
    Some(if config.names(&step.provider, &step.model) {
        &step.model
    } else {
        ""
    })
}

/// Notes what became of the attempts, once the answer's headers are here.
///
/// `answered`: the last one is the answer. `patience`: what each attempt had.
pub(super) fn note(host: &dyn Host, config: &Gateway, answered: bool, patience: Patience) {
    if config.health.is_none() {
        return;
    }
    let alone = answered && attempts::count(host) <= 1;
    if alone && Table::read(&host.get(shared::HEALTH).bytes).is_empty() {
        return;
    }
    let Some(plan) = HandOver::load(host) else {
        return;
    };
    let attempts = attempts::load(host);
    let mut verdicts = Vec::new();
    for (place, attempt) in attempts.iter().enumerate() {
        let last = place + 1 == attempts.len();
        let Some(step) = plan.step(place as u64 + 1) else {
            continue;
        };
        let mut judged = verdict(config, step, attempt, patience);
        // One that has broken off by now is noted at its end.
        let begun = attempt.ms.is_none() || attempt.status == Some(200);
        if last && answered && begun {
            judged = Some((Scope::Model, Outcome::Answered));
        }
        if last && !answered && had_no_host(host) {
            judged = Some((Scope::Cluster, Outcome::Gone));
        }
        verdicts.extend(judged.map(|judged| (step, judged, attempt.at_ms)));
    }
    if let Some(step) = plan
        .step(1)
        .filter(|_| attempts.is_empty() && !answered && had_no_host(host))
    {
        let gone = (Scope::Cluster, Outcome::Gone);
        verdicts.push((step, gone, millis(host.now())));
    }
    write(host, config, &verdicts);
}

/// Notes what is known of the attempts of a client that left before any of them was its answer.
pub(super) fn left(host: &dyn Host, config: &Gateway, patience: Patience) {
    let Some(plan) = HandOver::load(host).filter(|_| config.health.is_some()) else {
        return;
    };
    let attempts = attempts::load(host);
    let judge = |(place, attempt): (usize, &Attempt)| {
        let step = plan.step(place as u64 + 1)?;
        let judged = verdict(config, step, attempt, patience)?;
        Some((step, judged, attempt.at_ms))
    };
    let verdicts: Vec<_> = attempts.iter().enumerate().filter_map(judge).collect();
    write(host, config, &verdicts);
}

/// Notes that the last attempt's answer broke off after it had begun.
pub(super) fn broke_off(host: &dyn Host, config: &Gateway, patience: Option<Patience>) {
    let Some(plan) = HandOver::load(host).filter(|_| config.health.is_some()) else {
        return;
    };
    let attempts = attempts::load(host);
    let (Some(attempt), Some(step)) = (attempts.last(), plan.step(attempts.len() as u64)) else {
        return;
    };
    // A client that reads a long file slowly makes Envoy stop reading as well: from here that looks like silence.
    let slow = plan.relay.is_some() && attempt.reason.as_deref() == Some(attempts::IDLE);
    if slow || impatient(attempt, patience) {
        return;
    }
    let broke = (Scope::Model, Outcome::BrokeOff);
    write(host, config, &[(step, broke, attempt.at_ms)]);
}

/// What a verdict is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// The cluster as a whole: nobody could be reached, or its key was refused.
    Cluster,
    /// The model there.
    Model,
}

/// What an attempt says about its step. A name that a client made up says nothing when the provider does
/// not have it or does not give it: else anybody could send a provider's other models away.
fn verdict(
    config: &Gateway,
    step: &Step,
    attempt: &Attempt,
    patience: Patience,
) -> Option<(Scope, Outcome)> {
    let refused = matches!(attempt.status, Some(403 | 404));
    if refused && named(config, step) == Some("") {
        return None;
    }
    judged(attempt, patience)
}

/// What an attempt says about its target. `None`: nothing, or it has not ended.
///
/// An error of the client's says nothing: it may have been found here, before anything was sent.
pub(super) fn judged(attempt: &Attempt, patience: Patience) -> Option<(Scope, Outcome)> {
    let ms = attempt.ms?;
    let Some(reason) = attempt.reason.as_deref() else {
        return Some((Scope::Model, Outcome::Answered));
    };
    if attempt.status.is_none() && reason == attempts::NO_ANSWER {
        let late = u128::from(ms) * 20 >= patience.time.as_millis() * 19;
        if late && patience.shortened {
            return None;
        }
        let scope = if late { Scope::Model } else { Scope::Cluster };
        return Some((scope, Outcome::Failed));
    }
    // The time for all attempts was over: it was whoever's turn it happened to be.
    let tells = attempt.status.is_some() || reason != FaultKind::TimedOut.wire().2;
    if impatient(attempt, Some(patience)) || !tells {
        return None;
    }
    let kind = FaultKind::ALL.iter().find(|kind| kind.wire().2 == reason);
    let (scope, outcome) = match kind {
        // A schema is the client's: nothing may fit it.
        Some(FaultKind::Internal | FaultKind::JsonMismatch) => return None,
        Some(kind) if !kind.is_attempts() => return None,
        // A key may be good for one model and not for another.
        Some(FaultKind::ProviderAuth) if attempt.status == Some(403) => {
            (Scope::Model, Outcome::Failed)
        }
        Some(FaultKind::ProviderAuth | FaultKind::QuotaSpent) => (Scope::Cluster, Outcome::Failed),
        _ => (Scope::Model, Outcome::Failed),
    };
    let ended = attempt.at_ms.saturating_add(ms);
    let wait = attempt
        .retry_after
        .as_deref()
        .and_then(|text| told(text, ended));
    Some((scope, wait.map_or(outcome, Outcome::Wait)))
}

/// Whether an attempt was only too silent for its client.
fn impatient(attempt: &Attempt, patience: Option<Patience>) -> bool {
    let silent = attempt.reason.as_deref() == Some(attempts::IDLE);
    silent && patience.is_some_and(|patience| patience.idle_shortened)
}

/// Whether Envoy found no host to begin an attempt at.
/// Source: Envoy documentation, "Response Code Details", general knowledge; seen on 1.40.
pub(super) fn had_no_host(host: &dyn Host) -> bool {
    let details = host.property(&["response", "code_details"]);
    let details = details.unwrap_or_default();
    ["no_healthy_upstream", "cluster_not_found"]
        .iter()
        .any(|known| details.starts_with(known.as_bytes()))
}

type Verdict<'p> = (&'p Step, (Scope, Outcome), u64);

fn write(host: &dyn Host, config: &Gateway, verdicts: &[Verdict<'_>]) {
    let Some(settings) = config.health.filter(|_| !verdicts.is_empty()) else {
        return;
    };
    let now = millis(host.now());
    for _ in 0..MAX_TRIES {
        let stored = host.get(shared::HEALTH);
        let mut table = Table::read(&stored.bytes);
        let mut changed = false;
        let mut begun = Vec::new();
        for (step, (scope, outcome), began) in verdicts {
            let cluster = key(&step.cluster, None);
            let model = key(&step.cluster, named(config, step));
            let keys = match (scope, outcome) {
                (_, Outcome::Answered) => vec![cluster, model],
                (Scope::Model, _) => vec![model],
                (Scope::Cluster, _) => vec![cluster],
            };
            for key in keys {
                let before = table.state(&key, now);
                changed |= table.note(&settings, &key, *outcome, *began, now);
                if let (State::Well | State::Due, State::Cooling { until, why }) =
                    (before, table.state(&key, now))
                {
                    begun.push((key, until.saturating_sub(now), why));
                }
            }
        }
        if !changed {
            return;
        }
        if host
            .set(shared::HEALTH, &table.write(), stored.version)
            .is_ok()
        {
            for (key, ms, why) in begun {
                let target = key.replace('\n', " ");
                log::warn!("cluster {target} cools down for {ms} ms: {why:?}");
            }
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(
        status: Option<u16>,
        ms: u64,
        reason: Option<&str>,
        wait: Option<&str>,
    ) -> Option<(Scope, Outcome)> {
        let attempt = Attempt {
            status,
            ms: Some(ms),
            reason: reason.map(str::to_owned),
            retry_after: wait.map(str::to_owned),
            ..Attempt::begun("p", "m", 0)
        };
        judged(&attempt, Patience::of(Duration::from_secs(10), None))
    }

    #[test]
    fn an_attempt_says_something_about_its_model_or_its_cluster_or_nothing() {
        use Outcome::{Answered, Failed, Wait};
        use Scope::{Cluster, Model};
        assert_eq!(of(Some(200), 5, None, None), Some((Model, Answered)));
        assert_eq!(of(Some(400), 5, Some("invalid_request"), None), None);
        assert_eq!(
            of(Some(400), 5, Some("context_length_exceeded"), None),
            None
        );
        assert_eq!(
            of(Some(403), 5, Some("provider_auth_failed"), None),
            Some((Model, Failed))
        );
        assert_eq!(
            of(None, 5, Some("no_answer"), None),
            Some((Cluster, Failed))
        );
        assert_eq!(
            of(None, 9_500, Some("no_answer"), None),
            Some((Model, Failed))
        );
        assert_eq!(
            of(None, 9_499, Some("no_answer"), None),
            Some((Cluster, Failed))
        );
        assert_eq!(
            of(Some(500), 5, Some("provider_failed"), None),
            Some((Model, Failed))
        );
        assert_eq!(
            of(Some(401), 5, Some("provider_auth_failed"), None),
            Some((Cluster, Failed))
        );
        assert_eq!(
            of(Some(429), 5, Some("insufficient_quota"), None),
            Some((Cluster, Failed))
        );
        assert_eq!(
            of(Some(429), 5, Some("rate_limit_exceeded"), Some("x")),
            Some((Model, Failed))
        );
        let pause = Wait(Duration::from_secs(7));
        assert_eq!(
            of(Some(429), 5, Some("rate_limit_exceeded"), Some("7")),
            Some((Model, pause))
        );
        assert_eq!(of(Some(500), 5, Some("internal_error"), None), None);
        let patience = Patience::of(Duration::MAX, None);
        assert_eq!(judged(&Attempt::begun("p", "m", 0), patience), None);
    }

    #[test]
    fn who_is_late_for_a_client_that_waits_less_than_configured_is_not_ill() {
        let second = Duration::from_secs(1);
        let silent = |ms, said| {
            let attempt = Attempt {
                ms: Some(ms),
                reason: Some(attempts::NO_ANSWER.to_owned()),
                ..Attempt::begun("p", "m", 0)
            };
            judged(&attempt, Patience::of(second * 10, said))
        };
        assert_eq!(silent(999, Some(second)), None);
        let broken = Some((Scope::Cluster, Outcome::Failed));
        assert_eq!(silent(500, Some(second)), broken);
        let late = Some((Scope::Model, Outcome::Failed));
        assert_eq!(silent(9_999, Some(second * 10)), late);
        assert_eq!(silent(9_999, None), late);
    }
}
