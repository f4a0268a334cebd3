//! Counts an answer as it flows, for the case that its provider never says how long it was.

use crate::{
    api::{answer::Usage, watch::Kind},
    tokens::{
        Running,
        family::{self, Family},
    },
};

/// The answer's tokens so far.
#[derive(Debug)]
pub(super) struct Spoken {
    family: Family,
    /// The prompt's tokens, as counted before it was sent.
    input: u64,
    running: Running,
    now: Option<(u32, Kind)>,
    /// Tokens of the pieces before the current one.
    before: u64,
    /// What had been counted when the provider last told its usage.
    at_usage: u64,
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
            at_usage: 0,
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
    }

    /// The provider has told its usage, and everything before that is in it.
    pub(super) fn told(&mut self) {
        self.at_usage = self.scaled();
    }

    fn total(&self) -> u64 {
        self.before.saturating_add(self.running.total())
    }

    fn scaled(&self) -> u64 {
        self.family.scaled(self.total())
    }

    /// The usage so far: what the provider has told and what was said since. The second: whether all
    /// of it is the provider's.
    pub(super) fn usage(&self, told: Option<Usage>) -> (Usage, bool) {
        let since = self.scaled().saturating_sub(self.at_usage);
        match told {
            Some(told) if since == 0 => (told, true),
            Some(told) => {
                let usage = Usage {
                    input: if told.input == 0 {
                        self.input
                    } else {
                        told.input
                    },
                    output: told.output.saturating_add(since),
                    ..told
                };
                (usage, false)
            }
            None => {
                let usage = Usage {
                    input: self.input,
                    output: since,
                    ..Usage::default()
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
}
