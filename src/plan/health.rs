//! Which targets are well, and in which order a plan takes them: pure functions of what is known, the
//! settings and the time.
//!
//! A target that keeps failing, or that asked for a pause, cools down: it moves to the end of the plan and
//! is never left out, so that a request is tried at the least bad target when nothing is well. When the
//! time is over one request probes it; the others go on as before until that one has been answered.
//!
//! Only targets with something against them are remembered, so that in quiet times there is nothing to
//! read or to write. Everything is keyed by names of the configuration, never by what a client says.

mod wait;

use serde::{Deserialize, Serialize};
use std::time::Duration;

pub use wait::told;

/// Most targets that are remembered. One more takes the place of the one that is well again first.
const MAX_ENTRIES: usize = 512;
/// Longest key that is remembered: clusters and models with longer names never cool down.
const MAX_KEY_BYTES: usize = 512;
/// How far one worker's time may be ahead of another's without anybody having set the clock. Units: milliseconds.
const CLOCKS_DIFFER_MS: u64 = 1000;
/// A cool-down doubles with each failed probe, at most this often.
const MAX_DOUBLINGS: u32 = 16;

/// When a target cools down, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Failures in a row; 0: they do not count.
    pub failures: u32,
    /// Share of failed attempts within `window`. Units: percent; 0: it does not count.
    pub error_rate: u32,
    /// From its first failure on, over which time the share of a target is taken.
    pub window: Duration,
    /// Attempts within `window` before a share means anything.
    pub requests: u32,
    /// The first pause; each failed probe doubles it.
    pub cool_down: Duration,
    /// No pause is longer, whatever a provider asks for.
    pub longest: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            failures: 3,
            error_rate: 50,
            window: Duration::from_secs(30),
            requests: 20,
            cool_down: Duration::from_secs(10),
            longest: Duration::from_mins(5),
        }
    }
}

/// What became of one attempt, as far as its target's health goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It answered.
    Answered,
    /// It failed.
    Failed,
    /// It failed in the middle of an answer that had been counted as one.
    BrokeOff,
    /// It said how long to leave it alone.
    Wait(Duration),
    /// There is nobody to ask: no healthy host, no address.
    Gone,
}

/// Why a target cools down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// It failed several times in a row, or again when it was probed.
    Failures,
    /// Too large a share of its attempts failed.
    ErrorRate,
    /// It asked for a pause.
    RetryAfter,
    /// There was no host.
    NoHost,
}

/// How a target is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Nothing is against it.
    Well,
    /// Its pause is over and nobody has asked it since.
    Due,
    /// It is left alone, or somebody is probing it. Units: milliseconds since 1970.
    Cooling {
        /// Until when.
        until: u64,
        /// Why.
        why: Why,
    },
}

/// Everything that is against one target. Units: milliseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    #[serde(rename = "k")]
    key: String,
    /// In a row.
    #[serde(rename = "f", default, skip_serializing_if = "is_zero")]
    failures: u32,
    #[serde(rename = "w", default, skip_serializing_if = "is_none")]
    window: u64,
    /// Attempts and failures within the window.
    #[serde(rename = "s", default, skip_serializing_if = "is_zero")]
    seen: u32,
    #[serde(rename = "b", default, skip_serializing_if = "is_zero")]
    bad: u32,
    /// When the cool-down began; 0: there is none.
    #[serde(rename = "c", default, skip_serializing_if = "is_none")]
    since: u64,
    #[serde(rename = "u", default, skip_serializing_if = "is_none")]
    until: u64,
    #[serde(rename = "y", default, skip_serializing_if = "Option::is_none")]
    why: Option<Why>,
    /// Cool-downs without a good answer between them.
    #[serde(rename = "t", default, skip_serializing_if = "is_zero")]
    times: u32,
    /// Until when the probe has time.
    #[serde(rename = "p", default, skip_serializing_if = "is_none")]
    probe: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's form
fn is_zero(count: &u32) -> bool {
    *count == 0
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's form
fn is_none(time: &u64) -> bool {
    *time == 0
}

/// The targets that have something against them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table(Vec<Entry>);

/// The name of a cluster's model in the table. `model`: `None` for what concerns the whole cluster.
pub fn key(cluster: &str, model: Option<&str>) -> String {
    match model {
        // Names hold no control characters.
        Some(model) => format!("{cluster}\n{model}"),
        None => cluster.to_owned(),
    }
}

impl Table {
    /// Reads what [`Table::write`] wrote; what cannot be read is forgotten.
    pub fn read(bytes: &[u8]) -> Self {
        if bytes.is_empty() {
            return Self::default();
        }
        Self(serde_json::from_slice(bytes).unwrap_or_default())
    }

    /// As bytes; never empty.
    pub fn write(&self) -> Vec<u8> {
        serde_json::to_vec(&self.0).unwrap_or_else(|_| b"[]".to_vec())
    }

    /// Whether nothing is against anybody.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How a target is; `now`: milliseconds since 1970.
    pub fn state(&self, key: &str, now: u64) -> State {
        let Some(entry) = self.0.iter().find(|entry| entry.key == key) else {
            return State::Well;
        };
        if entry.since == 0 || is_ahead(entry.since, now) {
            return State::Well;
        }
        let why = entry.why.unwrap_or(Why::Failures);
        let until = entry.until.max(entry.probe);
        if now < until {
            return State::Cooling { until, why };
        }
        State::Due
    }

    /// Takes the right to probe a target that is due, for as long as `lease`. Only one request may.
    pub fn probe(&mut self, key: &str, now: u64, lease: Duration) {
        if let Some(entry) = self.0.iter_mut().find(|entry| entry.key == key) {
            entry.probe = now.saturating_add(millis(lease));
        }
    }

    /// Notes what became of an attempt at a target; true when the table has changed.
    ///
    /// `began`: when the attempt did. What began before a cool-down did says nothing about its end: many
    /// requests that fail together are one failure more, not many.
    pub fn note(
        &mut self,
        settings: &Settings,
        key: &str,
        outcome: Outcome,
        began: u64,
        now: u64,
    ) -> bool {
        let place = self.0.iter().position(|entry| entry.key == key);
        if outcome == Outcome::Answered {
            let Some(place) = place else {
                return false;
            };
            return self.answered(settings, place, began, now);
        }
        if key.len() > MAX_KEY_BYTES {
            return false;
        }
        let place = place.unwrap_or_else(|| self.add(key, now));
        let Some(entry) = self.0.get_mut(place) else {
            return false;
        };
        entry.failed(settings, outcome, began, now)
    }

    fn answered(&mut self, settings: &Settings, place: usize, began: u64, now: u64) -> bool {
        let Some(entry) = self.0.get_mut(place) else {
            return false;
        };
        if entry.since > 0 && began <= entry.since && !is_ahead(entry.since, now) {
            return false;
        }
        entry.turn(settings, now);
        entry.seen = entry.seen.saturating_add(1);
        entry.failures = 0;
        (entry.since, entry.until, entry.probe) = (0, 0, 0);
        (entry.why, entry.times) = (None, 0);
        if entry.bad == 0 {
            self.0.swap_remove(place);
        }
        true
    }

    /// The place of a new entry.
    fn add(&mut self, key: &str, now: u64) -> usize {
        if self.0.len() >= MAX_ENTRIES {
            let first = self.0.iter().enumerate().min_by_key(|(_, e)| e.until);
            if let Some((place, _)) = first {
                self.0.swap_remove(place);
            }
        }
        self.0.push(Entry {
            key: key.to_owned(),
            failures: 0,
            window: now,
            seen: 0,
            bad: 0,
            since: 0,
            until: 0,
            why: None,
            times: 0,
            probe: 0,
        });
        self.0.len() - 1
    }
}

impl Entry {
    /// Begins a new window when the last one is over.
    fn turn(&mut self, settings: &Settings, now: u64) {
        let over = now >= self.window.saturating_add(millis(settings.window));
        if over || is_ahead(self.window, now) {
            (self.window, self.seen, self.bad) = (now, 0, 0);
        }
    }

    fn failed(&mut self, settings: &Settings, outcome: Outcome, began: u64, now: u64) -> bool {
        if is_ahead(self.since, now) {
            (self.since, self.until, self.probe) = (0, 0, 0);
        }
        if self.since > 0 && began < self.until {
            return self.longer(settings, outcome, now);
        }
        self.turn(settings, now);
        self.failures = self.failures.saturating_add(1);
        self.bad = self.bad.saturating_add(1);
        if outcome != Outcome::BrokeOff {
            self.seen = self.seen.saturating_add(1);
        }
        let again = self.since > 0;
        let (why, told) = match outcome {
            Outcome::Wait(pause) => (Why::RetryAfter, Some(pause)),
            Outcome::Gone => (Why::NoHost, None),
            _ if again || (settings.failures > 0 && self.failures >= settings.failures) => {
                (Why::Failures, None)
            }
            _ if self.fails_often(settings) => (Why::ErrorRate, None),
            _ => return true,
        };
        let pause = match told {
            Some(told) => told,
            None => doubled(settings.cool_down, self.times),
        };
        self.since = now;
        self.until = now.saturating_add(millis(pause.min(settings.longest)));
        self.why = Some(why);
        self.times = self.times.saturating_add(1);
        self.probe = 0;
        (self.window, self.seen, self.bad) = (now, 0, 0);
        true
    }

    /// An attempt that began before the pause was over: only the provider's own word makes it longer.
    fn longer(&mut self, settings: &Settings, outcome: Outcome, now: u64) -> bool {
        let Outcome::Wait(told) = outcome else {
            return false;
        };
        let until = now.saturating_add(millis(told.min(settings.longest)));
        if until <= self.until {
            return false;
        }
        (self.until, self.why) = (until, Some(Why::RetryAfter));
        true
    }

    fn fails_often(&self, settings: &Settings) -> bool {
        settings.error_rate > 0
            && self.seen >= settings.requests
            && u64::from(self.bad) * 100 >= u64::from(settings.error_rate) * u64::from(self.seen)
    }
}

/// Whether the clock has been set back since then: what was noted by it would last until it is as late again.
fn is_ahead(noted: u64, now: u64) -> bool {
    noted > now.saturating_add(CLOCKS_DIFFER_MS)
}

fn doubled(pause: Duration, times: u32) -> Duration {
    pause.saturating_mul(1 << times.min(MAX_DOUBLINGS))
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// One target that is not tried in its turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved<T> {
    /// The target.
    pub target: T,
    /// Why.
    pub why: Why,
    /// Until when. Units: milliseconds since 1970.
    pub until: u64,
}

/// A plan in the order of health.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order<T> {
    /// First those that are well, in the plan's order; at the end those that cool down, the one that is
    /// well again first before the others.
    pub plan: Vec<T>,
    /// Those at the end.
    pub moved: Vec<Moved<T>>,
    /// The first one's pause is over: this request is to probe it, if it gets the right to.
    pub probes: bool,
}

/// Orders the targets of a plan. `state`: how each is.
///
/// A target whose pause is over keeps its place when it is the first, so that it is probed; behind one
/// that is well it waits behind all that are, because nobody knows how it is.
pub fn order<T: Clone>(targets: Vec<T>, state: impl Fn(&T) -> State) -> Order<T> {
    let (mut well, mut due, mut cooling) = (Vec::new(), Vec::new(), Vec::new());
    let mut probes = false;
    for target in targets {
        match state(&target) {
            State::Well => well.push(target),
            State::Due if well.is_empty() && !probes => {
                probes = true;
                well.push(target);
            }
            State::Due => due.push(target),
            State::Cooling { until, why } => cooling.push(Moved { target, why, until }),
        }
    }
    cooling.sort_by_key(|moved| moved.until);
    let mut plan = well;
    plan.append(&mut due);
    plan.extend(cooling.iter().map(|moved| moved.target.clone()));
    Order {
        plan,
        moved: cooling,
        probes,
    }
}

#[cfg(test)]
mod tests;
