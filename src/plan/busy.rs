//! How many requests are at which target now, over all workers: counted up when an attempt begins and down when the
//! request ends or goes on to the next target.
//!
//! A request is counted in the minute in which its attempt began, and a minute that is long past counts no more: what
//! a worker that died has left behind is gone by then, and nothing has to be repaired. A number stands for a target
//! ([`super::mark`]).

use crate::host::{
    Host, Store,
    keys::{shared, state},
    update,
};
use crate::log::millis;
use std::time::Duration;

/// Most targets that are counted. One more takes the place of the one that was asked last the longest ago.
const MAX_ENTRIES: usize = 256;
/// Requests are counted by when they began, in spans of this length.
const SPAN: Duration = Duration::from_mins(1);
/// After so many spans a request is not counted any more.
const SPANS: usize = 11;

/// The form of the bytes; others are not read.
const FORM: u8 = 1;
const ENTRY_BYTES: usize = 12 + 2 * SPANS;

/// One request at one target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hold {
    mark: u64,
    /// The span in which it began.
    span: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    mark: u64,
    /// The newest span that is counted.
    newest: u32,
    /// A span's number, less the multiples of [`SPANS`], is its place.
    counts: [u16; SPANS],
}

/// The targets at which there are requests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
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

    /// How many requests are at a target; `now`: milliseconds since 1970.
    pub fn count(&self, mark: u64, now: u64) -> u32 {
        let Some(mut entry) = self.0.iter().find(|entry| entry.mark == mark).copied() else {
            return 0;
        };
        entry.turn(span(now));
        entry.sum()
    }

    /// Counts one more.
    pub fn take(&mut self, mark: u64, now: u64) -> Hold {
        let now = span(now);
        let place = self.0.iter().position(|entry| entry.mark == mark);
        let place = place.unwrap_or_else(|| self.add(mark, now));
        let mut span = now;
        if let Some(entry) = self.0.get_mut(place) {
            entry.turn(now);
            // A clock that was set back counts in the newest span that there is.
            span = entry.newest;
            if let Some(count) = entry.count_of(span) {
                *count = count.saturating_add(1);
            }
        }
        Hold { mark, span }
    }

    /// Counts one less; what is not counted any more stays so.
    pub fn release(&mut self, hold: Hold, now: u64) {
        let Some(place) = self.0.iter().position(|entry| entry.mark == hold.mark) else {
            return;
        };
        let Some(entry) = self.0.get_mut(place) else {
            return;
        };
        entry.turn(span(now));
        if let Some(count) = entry.count_of(hold.span) {
            *count = count.saturating_sub(1);
        }
        if entry.sum() == 0 {
            self.0.swap_remove(place);
        }
    }

    /// The place of a new entry.
    fn add(&mut self, mark: u64, now: u32) -> usize {
        if self.0.len() >= MAX_ENTRIES {
            let oldest = self.0.iter().enumerate().min_by_key(|(_, e)| e.newest);
            if let Some((place, _)) = oldest {
                self.0.swap_remove(place);
            }
        }
        self.0.push(Entry {
            mark,
            newest: now,
            counts: [0; SPANS],
        });
        self.0.len() - 1
    }
}

impl Entry {
    fn read(bytes: &[u8]) -> Option<Self> {
        let (mark, rest) = bytes.split_first_chunk()?;
        let (newest, rest) = rest.split_first_chunk()?;
        let mut counts = [0; SPANS];
        for (count, bytes) in counts.iter_mut().zip(rest.as_chunks().0) {
            *count = u16::from_le_bytes(*bytes);
        }
        Some(Self {
            mark: u64::from_le_bytes(*mark),
            newest: u32::from_le_bytes(*newest),
            counts,
        })
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.mark.to_le_bytes());
        out.extend_from_slice(&self.newest.to_le_bytes());
        out.extend(self.counts.iter().flat_map(|count| count.to_le_bytes()));
    }

    /// Forgets the spans that are long past.
    fn turn(&mut self, now: u32) {
        let passed = now.saturating_sub(self.newest);
        for _ in 0..passed.min(SPANS as u32) {
            self.newest = self.newest.saturating_add(1);
            let place = self.newest as usize % SPANS;
            if let Some(count) = self.counts.get_mut(place) {
                *count = 0;
            }
        }
        self.newest = self.newest.max(now);
    }

    /// The count of a span that is not yet forgotten.
    fn count_of(&mut self, span: u32) -> Option<&mut u16> {
        let age = self.newest.checked_sub(span)?;
        let kept = usize::try_from(age).is_ok_and(|age| age < SPANS);
        self.counts.get_mut(span as usize % SPANS).filter(|_| kept)
    }

    fn sum(&self) -> u32 {
        self.counts.iter().copied().map(u32::from).sum()
    }
}

fn span(now: u64) -> u32 {
    let millis = u64::try_from(SPAN.as_millis()).unwrap_or(u64::MAX);
    u32::try_from(now / millis).unwrap_or(u32::MAX)
}

/// Counts this request at a target.
pub fn take(host: &dyn Host, mark: u64) {
    exchange(host, None, mark);
}

/// Counts this request at another target than before; nothing when it was counted nowhere.
pub fn go_on(host: &dyn Host, mark: u64) {
    let Some(held) = Hold::load(host) else {
        return;
    };
    if held.mark != mark {
        exchange(host, Some(held), mark);
    }
}

/// Counts this request nowhere any more.
pub fn release(host: &dyn Host) {
    let Some(held) = Hold::load(host) else {
        return;
    };
    let now = millis(host.now());
    change(host, |table| table.release(held, now));
}

fn exchange(host: &dyn Host, held: Option<Hold>, mark: u64) {
    let now = millis(host.now());
    let taken = change(host, |table| {
        if let Some(held) = held {
            table.release(held, now);
        }
        table.take(mark, now)
    });
    if let Some(taken) = taken {
        let text = format!("{:x}:{:x}", taken.mark, taken.span);
        host.set_state(state::HELD, &text);
    }
}

/// `None`: too many others were first.
fn change<T>(host: &dyn Store, mut change: impl FnMut(&mut Table) -> T) -> Option<T> {
    let mut out = None;
    let written = update(host, shared::BUSY, |bytes| {
        let mut table = Table::read(bytes);
        out = Some(change(&mut table));
        table.write()
    });
    out.filter(|_| written)
}

impl Hold {
    fn load(host: &dyn Host) -> Option<Self> {
        let bytes = host.state(state::HELD)?;
        let (mark, span) = std::str::from_utf8(&bytes).ok()?.split_once(':')?;
        Some(Self {
            mark: u64::from_str_radix(mark, 16).ok()?,
            span: u32::from_str_radix(span, 16).ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: u64 = 60_000;
    const NOW: u64 = 29_926_080 * MINUTE;

    #[test]
    fn what_is_taken_is_counted_until_it_is_given_back() {
        let mut table = Table::default();
        let (a, b, c) = (table.take(1, NOW), table.take(1, NOW), table.take(2, NOW));
        assert_eq!([1, 2, 3].map(|mark| table.count(mark, NOW)), [2, 1, 0]);
        let mut table = Table::read(&table.write());
        table.release(a, NOW + MINUTE);
        assert_eq!([1, 2].map(|mark| table.count(mark, NOW + MINUTE)), [1, 1]);
        table.release(b, NOW + 2 * MINUTE);
        table.release(c, NOW + 2 * MINUTE);
        assert_eq!(table, Table::default());
        assert_eq!(table.write().len(), 1);
    }

    #[test]
    fn what_is_never_given_back_is_forgotten_after_eleven_minutes() {
        let mut table = Table::default();
        let lost = table.take(1, NOW);
        let end = NOW + SPANS as u64 * MINUTE;
        assert_eq!((table.count(1, end - 1), table.count(1, end)), (1, 0));
        let new = table.take(1, end);
        // The same place, another minute.
        table.release(lost, end);
        assert_eq!(table.count(1, end), 1);
        table.release(new, end);
        assert_eq!(table, Table::default());
    }

    #[test]
    fn minutes_between_are_counted_apart() {
        let mut table = Table::default();
        for minute in 0..30 {
            table.take(1, NOW + minute * MINUTE);
            assert_eq!(
                table.count(1, NOW + minute * MINUTE),
                (minute as u32 + 1).min(11)
            );
        }
        assert_eq!(table.count(1, NOW + 1_000 * MINUTE), 0);
    }

    #[test]
    fn a_clock_that_is_set_back_loses_nothing() {
        let mut table = Table::default();
        let (first, second) = (table.take(1, NOW), table.take(1, NOW - 5 * MINUTE));
        assert_eq!(table.count(1, NOW - 5 * MINUTE), 2);
        table.release(second, NOW - 5 * MINUTE);
        table.release(first, NOW - 5 * MINUTE);
        assert_eq!(table, Table::default());
    }

    #[test]
    fn counts_neither_overflow_nor_fall_below_nothing() {
        let mut table = Table::default();
        let hold = table.take(1, NOW);
        for _ in 0..70_000 {
            table.take(1, NOW);
        }
        assert_eq!(table.count(1, NOW), u32::from(u16::MAX));
        for _ in 0..70_000 {
            table.release(hold, NOW);
        }
        assert_eq!(table, Table::default());
    }

    #[test]
    fn the_table_is_bounded() {
        let mut table = Table::default();
        for mark in 0..=MAX_ENTRIES as u64 {
            table.take(mark, NOW + mark * MINUTE / 100);
        }
        assert_eq!(table.0.len(), MAX_ENTRIES);
        for bytes in [&b""[..], &[7; 35], &[1, 2]] {
            assert_eq!(Table::read(bytes), Table::default());
        }
    }
}
