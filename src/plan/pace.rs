//! How fast targets answer: moving averages of the time to the first token and of the time for each token behind it,
//! as pure functions of what was seen.
//!
//! A number stands for a target ([`super::mark`]). A target of which nothing was heard for a while is unknown again, so
//! that nobody is judged by what is long past.

use std::time::Duration;

/// Most targets that are remembered. One more takes the place of the one that was not heard of for longest.
const MAX_ENTRIES: usize = 256;
/// After so long without an answer nothing is known of a target.
const MAX_AGE: Duration = Duration::from_mins(10);
/// A new value counts for one in so many, once there are as many.
const AVERAGED: u8 = 8;
/// An answer of fewer tokens says nothing about the time for one.
const FEW_TOKENS: u64 = 16;
/// A failed attempt counts as a first token that took at least so long. Units: milliseconds.
const FAILED_MS: u64 = 10_000;
/// No time is longer than this. Units: milliseconds.
const MAX_MS: u64 = 3_600_000;

/// The form of the bytes; others are not read.
const FORM: u8 = 1;
const ENTRY_BYTES: usize = 22;

/// What an attempt says about the pace of its target. Units: milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sample {
    /// The first content of a stream took so long.
    First(u64),
    /// The rest of a stream, behind its first content.
    Rest {
        /// How long it took.
        ms: u64,
        /// How many tokens the answer has.
        tokens: u64,
    },
    /// An answer that came whole.
    Whole {
        /// How long it took.
        ms: u64,
        /// How many tokens it has.
        tokens: u64,
    },
    /// It failed after so long.
    Failed(u64),
}

/// How fast a target answers. Units: milliseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    /// Until the first token; `None`: not known.
    pub first: Option<f32>,
    /// For each token behind it; `None`: not known.
    pub token: Option<f32>,
}

impl Pace {
    /// How long an answer of so many tokens takes. `usual`: the time for a token where this target's is not known.
    pub fn expected(&self, tokens: u64, usual: f32) -> u64 {
        let flow = self.token.unwrap_or(usual) * tokens as f32;
        // A float becomes the nearest number that there is.
        (self.first.unwrap_or(0.0) + flow).round() as u64
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Entry {
    mark: u64,
    /// When it was last heard of. Units: seconds since 1970.
    at: u32,
    first: f32,
    token: f32,
    /// How many values are in each average, up to [`AVERAGED`].
    firsts: u8,
    tokens: u8,
}

/// What is known of the pace of targets.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Table(Vec<Entry>);

impl Table {
    /// Reads what [`Table::write`] wrote; what cannot be read is forgotten.
    pub fn read(bytes: &[u8]) -> Self {
        let Some((&FORM, rest)) = bytes.split_first() else {
            return Self::default();
        };
        let entries = rest.chunks_exact(ENTRY_BYTES).take(MAX_ENTRIES);
        Self(entries.filter_map(Entry::read).collect())
    }

    /// As bytes; never empty.
    pub fn write(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(1 + self.0.len() * ENTRY_BYTES);
        out.push(FORM);
        self.0.iter().for_each(|entry| entry.write(&mut out));
        out
    }

    /// What is known of a target; `now`: milliseconds since 1970. `None`: nothing, or nothing that is not long past.
    pub fn pace(&self, mark: u64, now: u64) -> Option<Pace> {
        let entry = self.0.iter().find(|entry| entry.mark == mark)?;
        let known = |value: f32, count: u8| (count > 0).then_some(value);
        (!entry.is_old(seconds(now))).then(|| Pace {
            first: known(entry.first, entry.firsts),
            token: known(entry.token, entry.tokens),
        })
    }

    /// Takes in what an attempt says about its target.
    pub fn note(&mut self, mark: u64, sample: Sample, now: u64) {
        let now = seconds(now);
        let place = self.0.iter().position(|entry| entry.mark == mark);
        let place = place.unwrap_or_else(|| self.add(mark, now));
        if let Some(entry) = self.0.get_mut(place) {
            if entry.is_old(now) {
                *entry = Entry::new(mark, now);
            }
            entry.at = now;
            entry.note(sample);
        }
    }

    /// The place of a new entry.
    fn add(&mut self, mark: u64, now: u32) -> usize {
        self.0.retain(|entry| !entry.is_old(now));
        if self.0.len() >= MAX_ENTRIES {
            let oldest = self.0.iter().enumerate().min_by_key(|(_, e)| e.at);
            if let Some((place, _)) = oldest {
                self.0.swap_remove(place);
            }
        }
        self.0.push(Entry::new(mark, now));
        self.0.len() - 1
    }
}

impl Entry {
    const fn new(mark: u64, at: u32) -> Self {
        Self {
            mark,
            at,
            first: 0.0,
            token: 0.0,
            firsts: 0,
            tokens: 0,
        }
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (mark, rest) = bytes.split_first_chunk()?;
        let (at, rest) = rest.split_first_chunk()?;
        let (first, rest) = rest.split_first_chunk()?;
        let (token, rest) = rest.split_first_chunk()?;
        let [firsts, tokens] = *rest else { return None };
        let (first, token) = (f32::from_le_bytes(*first), f32::from_le_bytes(*token));
        (first.is_finite() && token.is_finite()).then_some(Self {
            mark: u64::from_le_bytes(*mark),
            at: u32::from_le_bytes(*at),
            first,
            token,
            firsts,
            tokens,
        })
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.mark.to_le_bytes());
        out.extend_from_slice(&self.at.to_le_bytes());
        out.extend_from_slice(&self.first.to_le_bytes());
        out.extend_from_slice(&self.token.to_le_bytes());
        out.extend_from_slice(&[self.firsts, self.tokens]);
    }

    fn is_old(&self, now: u32) -> bool {
        // By a clock that has been set back since.
        let ahead = self.at > now.saturating_add(1);
        ahead || u64::from(now.saturating_sub(self.at)) >= MAX_AGE.as_secs()
    }

    fn note(&mut self, sample: Sample) {
        match sample {
            Sample::First(ms) => self.first(ms),
            Sample::Failed(ms) => self.first(ms.max(FAILED_MS)),
            // Too few to tell the two times apart.
            Sample::Whole { ms, tokens } if tokens < FEW_TOKENS => self.first(ms),
            Sample::Whole { ms, tokens } => {
                let rest = ms.min(MAX_MS) as f32 - self.first;
                self.token(rest.max(0.0), tokens);
            }
            Sample::Rest { tokens, .. } if tokens < FEW_TOKENS => {}
            Sample::Rest { ms, tokens } => self.token(ms.min(MAX_MS) as f32, tokens),
        }
    }

    fn first(&mut self, ms: u64) {
        average(&mut self.first, &mut self.firsts, ms.min(MAX_MS) as f32);
    }

    fn token(&mut self, ms: f32, tokens: u64) {
        average(&mut self.token, &mut self.tokens, ms / tokens as f32);
    }
}

/// Moves an average of so many values towards a new one.
fn average(average: &mut f32, count: &mut u8, new: f32) {
    *count = count.saturating_add(1).min(AVERAGED);
    *average += (new - *average) / f32::from(*count);
}

fn seconds(ms: u64) -> u32 {
    u32::try_from(ms / 1000).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Sample::{Failed, First, Rest, Whole};

    const NOW: u64 = 1_795_564_800_000;

    fn after(samples: &[Sample]) -> Option<Pace> {
        let mut table = Table::default();
        for sample in samples {
            table.note(1, *sample, NOW);
        }
        Table::read(&table.write()).pace(1, NOW)
    }

    fn pace(first: impl Into<Option<f32>>, token: impl Into<Option<f32>>) -> Option<Pace> {
        let (first, token) = (first.into(), token.into());
        Some(Pace { first, token })
    }

    #[test]
    fn the_first_values_are_averaged_evenly_and_then_the_newest_counts_for_an_eighth() {
        assert_eq!(after(&[]), None);
        assert_eq!(after(&[First(100)]), pace(100.0, None));
        assert_eq!(after(&[First(100), First(300)]), pace(200.0, None));
        let mut many = vec![First(80); 20];
        many.push(First(160));
        assert_eq!(after(&many), pace(90.0, None));
    }

    #[test]
    fn the_time_for_a_token_is_that_of_what_follows_the_first() {
        let rest = Rest {
            ms: 320,
            tokens: 16,
        };
        assert_eq!(after(&[First(100), rest]), pace(100.0, 20.0));
        let short = Rest {
            ms: 320,
            tokens: 15,
        };
        assert_eq!(after(&[First(100), short]), pace(100.0, None));
    }

    #[test]
    fn a_whole_answer_tells_one_of_the_two_times() {
        let whole = |ms, tokens| Whole { ms, tokens };
        assert_eq!(after(&[whole(500, 15)]), pace(500.0, None));
        assert_eq!(after(&[whole(480, 16)]), pace(None, 30.0));
        assert_eq!(after(&[First(160), whole(480, 16)]), pace(160.0, 20.0));
        assert_eq!(after(&[First(160), whole(100, 16)]), pace(160.0, 0.0));
    }

    #[test]
    fn a_failure_counts_as_a_first_token_that_came_late() {
        assert_eq!(after(&[Failed(3)]), pace(10_000.0, None));
        assert_eq!(after(&[Failed(20_000)]), pace(20_000.0, None));
        assert_eq!(after(&[Failed(u64::MAX)]), pace(3_600_000.0, None));
    }

    #[test]
    fn what_is_expected_is_the_first_token_and_the_others() {
        let both = Pace {
            first: Some(100.0),
            token: Some(2.5),
        };
        assert_eq!(both.expected(500, 9.0), 1350);
        let first = Pace {
            token: None,
            ..both
        };
        assert_eq!(first.expected(10, 9.0), 190);
    }

    #[test]
    fn what_is_ten_minutes_old_is_unknown_exactly_then() {
        let mut table = Table::default();
        table.note(1, First(100), NOW);
        assert_eq!(table.pace(1, NOW + 599_999), pace(100.0, None));
        assert_eq!(table.pace(1, NOW + 600_000), None);
        // What comes then begins anew.
        table.note(1, First(500), NOW + 600_000);
        assert_eq!(table.pace(1, NOW + 600_000), pace(500.0, None));
        assert_eq!(table.pace(2, NOW), None);
    }

    #[test]
    fn the_table_is_bounded_and_the_one_not_heard_of_for_longest_goes() {
        let mut table = Table::default();
        for mark in 0..=MAX_ENTRIES as u64 {
            table.note(mark, First(1), NOW + mark * 1000);
        }
        let now = NOW + MAX_ENTRIES as u64 * 1000;
        assert_eq!(table.0.len(), MAX_ENTRIES);
        assert_eq!(
            (table.pace(0, now), table.pace(1, now).is_some()),
            (None, true)
        );
    }

    #[test]
    fn bytes_of_another_form_are_forgotten() {
        for bytes in [&b""[..], &[0; 23], &[2; 23], &[1, 2, 3]] {
            assert_eq!(Table::read(bytes), Table::default());
        }
        let mut table = Table::default();
        table.note(1, First(1), NOW);
        let mut damaged = table.write();
        damaged.splice(13..17, f32::NAN.to_le_bytes());
        assert_eq!(Table::read(&damaged), Table::default());
    }
}
