//! What becomes of an answer's texts on their way back to the client: what the rules say of what the model has
//! written, and in the place of this request's placeholders the values that they stand for.
//!
//! Both happen in one pass, so that neither sees what the other has done: a value that is put back is the client's
//! own, and no rule is asked about it; a placeholder that a rule puts into the answer is never taken for one of the
//! request's. Placeholders that this request has not given pass.

use super::{
    Find,
    answer::Key,
    channel::{Decided, Rewrite},
    edit::{Blocked, Edit, Guard, write},
    policy::{Request, uncut},
    rules::{Direction, Guards, Holding, Tally},
    vault::Vault,
};
use std::{ops::Range, rc::Rc};

/// Rewrites the texts of one answer.
pub struct Back<'g> {
    looks: Looks<'g>,
    /// A rule masks, or may stop, what it finds.
    hides: bool,
    /// What is said is said again.
    repeats: bool,
    /// A tool of the provider says it, and no model.
    told: bool,
    /// Placeholders stay as they are: somebody else has yet to see the texts.
    keeps: bool,
    /// What had been counted before a text that is said again.
    counted: Option<Tally>,
}

enum Looks<'g> {
    /// Rules hold.
    Guard(Guard<'g>, &'g mut Request),
    /// Values are put back, and nothing else.
    Vault(&'g Vault),
}

impl<'g> Back<'g> {
    /// `None`: no rule holds, and there is nothing to put back: the answer passes as it is.
    pub fn new(
        guards: &'g Guards,
        holding: Holding,
        vault: &'g mut Vault,
        tally: &'g mut Tally,
        request: &'g mut Request,
    ) -> Option<Self> {
        if holding.is_empty() {
            return Self::restores(vault);
        }
        let hides = guards.acts(holding);
        let guard = Guard::new(guards, Direction::Output, holding, vault, tally)?;
        Some(Self {
            looks: Looks::Guard(guard, request),
            hides,
            repeats: false,
            told: false,
            keeps: false,
            counted: None,
        })
    }

    /// Puts values back, and asks no rule. `None`: there are none.
    pub fn restores(vault: &'g Vault) -> Option<Self> {
        (!vault.is_empty()).then_some(Self {
            looks: Looks::Vault(vault),
            hides: false,
            repeats: false,
            told: false,
            keeps: false,
            counted: None,
        })
    }

    /// The rules hold as ever, and no value is put back yet.
    pub fn keeping(self) -> Self {
        Self {
            keeps: true,
            ..self
        }
    }

    /// The placeholders from `from` on with their values, and up to where they are known.
    fn known(&mut self, text: &str, from: usize, last: bool) -> (Vec<Edit>, usize) {
        let vault: &Vault = match &mut self.looks {
            Looks::Guard(guard, _) => guard.vault(),
            Looks::Vault(vault) => vault,
        };
        let mut found = Vec::new();
        let rest = text.get(from..).unwrap_or_default();
        let until = vault.known(rest, last, &mut found);
        let keeps = self.keeps;
        let edit = |(place, value): (Range<usize>, &str)| Edit {
            start: place.start + from,
            end: place.end + from,
            with: match keeps {
                true => Rc::from(rest.get(place).unwrap_or_default()),
                false => Rc::from(value),
            },
        };
        (found.into_iter().map(edit).collect(), until + from)
    }
}

/// Whether a find is more than a part of a placeholder, which is no text of the model's. It takes in all of those that
/// it touches: what would be put back there would stand in it.
fn reaches_beyond(find: &mut Find, placeholders: &[Edit]) -> bool {
    let first = placeholders.partition_point(|edit| edit.end <= find.start);
    let behind = placeholders.partition_point(|edit| edit.start < find.end);
    let touched = placeholders.get(first..behind).unwrap_or_default();
    let (Some(first), Some(last)) = (touched.first(), touched.last()) else {
        return true;
    };
    if first.start <= find.start && find.end <= first.end {
        return false;
    }
    find.start = find.start.min(first.start);
    find.end = find.end.max(last.end);
    true
}

/// Whether something else stands in the place of what would be put back.
fn is_hidden(edit: &Edit, hidden: &[Edit]) -> bool {
    let first = hidden.partition_point(|other| other.end <= edit.start);
    hidden
        .get(first)
        .is_some_and(|other| other.start < edit.end)
}

impl Rewrite for Back<'_> {
    type Stop = Blocked;

    fn rewrite(
        &mut self,
        text: &str,
        at: Decided,
        last: bool,
        out: &mut String,
    ) -> Result<Decided, Blocked> {
        let from = at.until;
        let (mut edits, mut until) = self.known(text, from, last);
        let Looks::Guard(guard, request) = &mut self.looks else {
            write(text, from..until, &edits, out);
            let scanned = until;
            return Ok(Decided { until, scanned });
        };
        let mut finds = Vec::new();
        let scanned = guard.find(text, at.scanned, last, &mut finds);
        until = until.min(scanned);
        let policy = guard.policy();
        if !policy.is_empty() {
            until = until.min(policy.scan(request, text, from, last, &mut finds));
        }
        finds.retain_mut(|find| {
            find.start >= from && find.start < find.end && reaches_beyond(find, &edits)
        });
        finds.sort_by_key(|find| find.start);
        while uncut(finds.iter().map(|find| find.start..find.end), &mut until)
            | uncut(edits.iter().map(|edit| edit.start..edit.end), &mut until)
        {}
        let until = until.max(from);
        finds.retain(|find| find.start < until);
        edits.retain(|edit| edit.start < until);
        if !self.repeats && !self.told {
            let said = text.get(from..until).unwrap_or_default();
            guard.count(said, request)?;
        }
        let mut hidden = Vec::new();
        guard.decide(text, &finds, &mut hidden)?;
        edits.retain(|edit| !is_hidden(edit, &hidden));
        edits.append(&mut hidden);
        edits.sort_by_key(|edit| edit.start);
        write(text, from..until, &edits, out);
        Ok(Decided { until, scanned })
    }

    fn hides(&self) -> bool {
        self.hides
    }

    fn of(&mut self, text: Key) {
        self.told = text.is_result();
    }

    fn again(&mut self, again: bool) {
        self.repeats = again;
        let Looks::Guard(guard, _) = &mut self.looks else {
            return;
        };
        if again {
            self.counted = Some(guard.tally().clone());
        } else if let Some(counted) = self.counted.take() {
            *guard.tally() = counted;
        }
    }
}
