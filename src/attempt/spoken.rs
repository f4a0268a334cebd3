//! Counts an answer as it flows, for the case that its provider never says how long it was.

use crate::{
    api::{answer::Usage, watch::Kind},
    tokens::{
        Running,
        family::{self, Family},
    },
};

/// How far an answer may grow before its count is made and written again: both cost as much as many small events. A
/// client that leaves in between is charged for so much less. Units: bytes, and a fraction of all.
const LEAST_GROWTH: u64 = 32;
const GROWTH: u64 = 16;

/// The answer's tokens since the provider last told its usage.
#[derive(Debug)]
pub(super) struct Spoken {
    family: Family,
    /// The prompt's tokens, as counted before it was sent.
    input: u64,
    running: Running,
    now: Option<(u32, Kind)>,
    /// Tokens of the pieces before the current one.
    before: u64,
    /// Units: bytes of all pieces.
    bytes: u64,
    /// The bytes at which a count is due again.
    due: u64,
}

impl Spoken {
    /// Nothing is said yet. `model`: what the provider was asked for.
    pub(super) fn new(model: &str, input: u64) -> Self {
        let family = family::of(model);
        Self {
            running: Running::new(family.encoding),
            family,
            input,
            now: None,
            before: 0,
            bytes: 0,
            due: 0,
        }
    }

    /// More is said in a choice.
    pub(super) fn push(&mut self, choice: u32, kind: Kind, text: &str) {
        if text.is_empty() {
            return;
        }
        if self.now != Some((choice, kind)) {
            self.before = self.total();
            self.running = Running::new(self.family.encoding);
            self.now = Some((choice, kind));
        }
        self.running.push(text);
        let size = u64::try_from(text.len()).unwrap_or(u64::MAX);
        self.bytes = self.bytes.saturating_add(size);
    }

    /// The provider has told its usage, and everything before that is in it.
    pub(super) fn told(&mut self) {
        self.running = Running::new(self.family.encoding);
        self.now = None;
        self.before = 0;
        self.bytes = 0;
        self.due = 0;
    }

    /// Whether enough has been said since the last time that this was answered with yes.
    pub(super) fn is_due(&mut self) -> bool {
        let is_due = self.bytes > 0 && self.bytes >= self.due;
        if is_due {
            self.due = self.bytes + LEAST_GROWTH.max(self.bytes / GROWTH);
        }
        is_due
    }

    fn total(&self) -> u64 {
        self.before.saturating_add(self.running.total())
    }

    /// The usage so far: what the provider has told and what was said since. The second: whether all
    /// of it is the provider's.
    pub(super) fn usage(&self, told: Option<Usage>) -> (Usage, bool) {
        match told {
            Some(told) if self.bytes == 0 => (told, true),
            told => {
                let told = told.unwrap_or_default();
                let usage = Usage {
                    input: if told.input == 0 {
                        self.input
                    } else {
                        told.input
                    },
                    output: told.output.saturating_add(self.family.scaled(self.total())),
                    ..told
                };
                (usage, false)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_provider_tells_replaces_what_was_counted_until_then() {
        let mut spoken = Spoken::new("gpt-4o", 20);
        spoken.push(0, Kind::Text, "Hello");
        spoken.push(0, Kind::Text, " world, hello");
        let alone = spoken.usage(None).0;
        assert!(alone.output >= 4, "{alone:?}");
        assert_eq!(alone.input, 20);
        let told = Usage {
            input: 9,
            output: 3,
            cached: 2,
            ..Usage::default()
        };
        spoken.told();
        assert_eq!(spoken.usage(Some(told)), (told, true));
        spoken.push(1, Kind::Text, "Hello");
        let (after, whole) = spoken.usage(Some(told));
        assert!(!whole && after.output > 3, "{after:?}");
        assert_eq!((after.input, after.cached), (9, 2));
    }

    #[test]
    fn a_count_is_due_at_once_and_then_when_the_answer_has_grown() {
        let mut spoken = Spoken::new("gpt-4o", 20);
        assert!(!spoken.is_due(), "nothing is said");
        let mut dues = Vec::new();
        for n in 0..2000 {
            spoken.push(0, Kind::Text, " word");
            if spoken.is_due() {
                dues.push(n);
            }
        }
        assert_eq!(dues.first(), Some(&0));
        assert!(dues.len() < 80, "{dues:?}");
        let near = dues.iter().zip(dues.iter().skip(1));
        assert!(
            near.clone().all(|(a, b)| b - a <= 8.max(b / 15)),
            "{dues:?}"
        );
    }
}
