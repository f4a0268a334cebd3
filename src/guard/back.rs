//! What becomes of an answer's texts on their way back to the client: what the rules say of what the model has
//! written, and in the place of this request's placeholders the values that they stand for.
//!
//! Both happen in one pass, so that neither sees what the other has done: a value that is put back is the client's
//! own, and no rule is asked about it; a placeholder that a rule puts into the answer is never taken for one of the
//! request's. Placeholders that this request has not given pass.

use super::{
    Find,
    channel::Rewrite,
    edit::{Blocked, Edit, Guard, write},
    rules::{Action, Direction, Guards, Holding, Tally},
    vault::Vault,
};
use std::{ops::Range, rc::Rc};

/// Rewrites the texts of one answer.
pub struct Back<'g> {
    looks: Looks<'g>,
    /// A rule masks, or may stop, what it finds.
    hides: bool,
    /// What had been counted before a text that is said again.
    counted: Option<Tally>,
}

enum Looks<'g> {
    /// Rules hold.
    Guard(Guard<'g>),
    /// Values are put back, and nothing else.
    Vault(&'g Vault),
}

/// Something that stands at one place.
trait Spanned {
    fn span(&self) -> Range<usize>;
}

impl Spanned for Find {
    fn span(&self) -> Range<usize> {
        self.start..self.end
    }
}

impl Spanned for Edit {
    fn span(&self) -> Range<usize> {
        self.start..self.end
    }
}

/// The rules of these that say something about an answer. What is put back in answers is not taken out of them, and no
/// other model can answer any more.
pub fn holding(guards: &Guards, team: Option<&str>, models: &[&str]) -> Holding {
    let mut holding = Holding::default();
    for place in guards.holding(Direction::Output, team, models).iter() {
        let action = guards.rule(place).map(|rule| rule.action);
        if !matches!(action, None | Some(Action::Restore | Action::Route)) {
            holding.add(place);
        }
    }
    holding
}

impl<'g> Back<'g> {
    /// `None`: no rule holds, and there is nothing to put back: the answer passes as it is.
    pub fn new(
        guards: &'g Guards,
        holding: Holding,
        vault: &'g mut Vault,
        tally: &'g mut Tally,
    ) -> Option<Self> {
        if holding.is_empty() {
            return Self::restores(vault);
        }
        let hides = |place| {
            let action = guards.rule(place).map(|rule| rule.action);
            action.is_some_and(|action| action != Action::Warn)
        };
        let hides = holding.iter().any(hides);
        let guard = Guard::new(guards, Direction::Output, holding, vault, tally)?;
        Some(Self {
            looks: Looks::Guard(guard),
            hides,
            counted: None,
        })
    }

    fn restores(vault: &'g Vault) -> Option<Self> {
        (!vault.is_empty()).then_some(Self {
            looks: Looks::Vault(vault),
            hides: false,
            counted: None,
        })
    }

    /// The placeholders from `from` on with their values, and up to where they are known.
    fn known(&mut self, text: &str, from: usize, last: bool) -> (Vec<Edit>, usize) {
        let vault: &Vault = match &mut self.looks {
            Looks::Guard(guard) => guard.vault(),
            Looks::Vault(vault) => vault,
        };
        let mut found = Vec::new();
        let rest = text.get(from..).unwrap_or_default();
        let until = vault.known(rest, last, &mut found);
        let edit = |(place, value): (Range<usize>, &str)| Edit {
            start: place.start + from,
            end: place.end + from,
            with: Rc::from(value),
        };
        (found.into_iter().map(edit).collect(), until + from)
    }
}

/// Lowers `until` where one of these would be cut, and says whether it was. They come in the order of their starts.
fn spare<T: Spanned>(spans: &[T], until: &mut usize) -> bool {
    let before = *until;
    for span in spans.iter().rev().map(T::span) {
        if span.start < *until && span.end > *until {
            *until = span.start;
        }
    }
    *until < before
}

impl Rewrite for Back<'_> {
    type Stop = Blocked;

    fn rewrite(
        &mut self,
        text: &str,
        from: usize,
        last: bool,
        out: &mut String,
    ) -> Result<usize, Blocked> {
        let (mut edits, mut until) = self.known(text, from, last);
        let Looks::Guard(guard) = &mut self.looks else {
            write(text, from..until, &edits, out);
            return Ok(until);
        };
        let mut finds = Vec::new();
        until = until.min(guard.find(text, from, last, &mut finds));
        // What overlaps with a value that is put back is no more in the answer.
        let mut known = edits.iter().map(Edit::span).peekable();
        finds.retain(|find| {
            while known.next_if(|span| span.end <= find.start).is_some() {}
            let taken = known.peek().is_some_and(|span| span.start < find.end);
            find.start >= from && find.start < find.end && !taken
        });
        while spare(&finds, &mut until) | spare(&edits, &mut until) {}
        let until = until.max(from);
        finds.retain(|find| find.start < until);
        edits.retain(|edit| edit.start < until);
        guard.decide(text, &finds, &mut edits)?;
        edits.sort_by_key(|edit| edit.start);
        write(text, from..until, &edits, out);
        Ok(until)
    }

    fn hides(&self) -> bool {
        self.hides
    }

    fn again(&mut self, again: bool) {
        let Looks::Guard(guard) = &mut self.looks else {
            return;
        };
        if again {
            self.counted = Some(guard.tally().clone());
        } else if let Some(counted) = self.counted.take() {
            *guard.tally() = counted;
        }
    }
}
