//! What both roles know of one request, in the memory that they share.
//!
//! A worker has one machine for every use of the filter, so what one role finds out need not pass through Envoy to reach
//! the other: each property that is read costs as much as a good part of a small request, and each that is written is an
//! object that Envoy must keep and take apart again. At its end the gateway role writes the record, once.
//!
//! A provider role in a machine of its own finds no board. It reads and writes filter state, and the gateway role catches up
//! with what it has written there.

use super::keys::state;
use crate::{
    log::{
        Used,
        attempts::{self, Attempt},
        record,
    },
    plan::HandOver,
};
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    hash::{BuildHasher, RandomState},
    rc::{Rc, Weak},
};

/// One request.
#[derive(Debug)]
pub struct Board {
    /// The facts that are filter state of their own.
    kept: Rc<[&'static str]>,
    /// In the order of the record.
    facts: RefCell<[Option<String>; record::COUNT]>,
    /// What is no fact of the record.
    notes: RefCell<Vec<(&'static str, String)>>,
    plan: RefCell<Option<Rc<HandOver>>>,
    attempts: RefCell<Option<Vec<Attempt>>>,
    used: RefCell<Option<Used>>,
    /// The status of the attempt that is the answer.
    answered: Cell<Option<u16>>,
}

impl Board {
    /// A request of which nothing is known. `kept`: the facts that are filter state of their own.
    pub fn new(kept: &Rc<[&'static str]>) -> Self {
        Self {
            kept: kept.clone(),
            facts: RefCell::new([const { None }; record::COUNT]),
            notes: RefCell::default(),
            plan: RefCell::default(),
            attempts: RefCell::default(),
            used: RefCell::default(),
            answered: Cell::default(),
        }
    }

    /// Whether a fact is filter state of its own.
    pub fn keeps(&self, key: &str) -> bool {
        self.kept.contains(&key)
    }

    /// A fact of the record.
    pub fn fact(&self, key: &str) -> Option<String> {
        if let Some(place) = record::place(key) {
            return self.facts.try_borrow().ok()?.get(place)?.clone();
        }
        let notes = self.notes.try_borrow().ok()?;
        let found = notes.iter().find(|(name, _)| *name == key);
        found.map(|(_, value)| value.clone())
    }

    /// The facts in the order of the record.
    pub fn with_facts<T>(&self, then: impl FnOnce(&[Option<String>]) -> T) -> Option<T> {
        Some(then(&*self.facts.try_borrow().ok()?))
    }

    /// Writes a fact of the record.
    pub fn set_fact(&self, key: &'static str, value: &str) {
        if let Some(place) = record::place(key) {
            if let Ok(mut facts) = self.facts.try_borrow_mut()
                && let Some(fact) = facts.get_mut(place)
            {
                *fact = Some(value.to_owned());
            }
            return;
        }
        let Ok(mut notes) = self.notes.try_borrow_mut() else {
            return;
        };
        match notes.iter_mut().find(|(name, _)| *name == key) {
            Some((_, old)) => value.clone_into(old),
            None => notes.push((key, value.to_owned())),
        }
    }

    /// What the provider role is to do.
    pub fn plan(&self) -> Option<Rc<HandOver>> {
        self.plan.try_borrow().ok()?.clone()
    }

    /// Hands the plan over.
    pub fn set_plan(&self, plan: Rc<HandOver>) {
        if let Ok(mut place) = self.plan.try_borrow_mut() {
            *place = Some(plan);
        }
    }

    /// The attempts so far; `None`: nobody has written any.
    pub fn attempts(&self) -> Option<Vec<Attempt>> {
        self.attempts.try_borrow().ok()?.clone()
    }

    /// How many attempts there have been.
    pub fn attempt_count(&self) -> Option<usize> {
        Some(self.attempts.try_borrow().ok()?.as_ref()?.len())
    }

    /// Writes the list back.
    pub fn set_attempts(&self, attempts: &[Attempt]) {
        if let Ok(mut place) = self.attempts.try_borrow_mut() {
            *place = Some(attempts.to_vec());
        }
    }

    /// What the answer used.
    pub fn used(&self) -> Option<Used> {
        self.used.try_borrow().ok()?.clone()
    }

    /// Writes what the answer used.
    pub fn set_used(&self, used: &Used) {
        if let Ok(mut place) = self.used.try_borrow_mut() {
            *place = Some(used.clone());
        }
    }

    /// The status of the attempt that is the answer; `None`: there is none, or it has not said so here.
    pub fn answered(&self) -> Option<u16> {
        self.answered.get()
    }

    /// An attempt begins (`None`), or it is the answer and has this status.
    pub fn set_answered(&self, status: Option<u16>) {
        self.answered.set(status);
    }

    /// Takes over what a provider role in another machine has written; false: none has, or all of it is known.
    ///
    /// `state`: reads filter state. `again`: it has been taken over before, and may have changed.
    pub fn catch_up(&self, state: impl Fn(&str) -> Option<Vec<u8>>, again: bool) -> bool {
        let attempts = state(state::ATTEMPTS).and_then(|list| serde_json::from_slice(&list).ok());
        let Some(attempts): Option<Vec<Attempt>> = attempts else {
            return false;
        };
        if !again && attempts.len() <= self.attempt_count().unwrap_or(0) {
            return false;
        }
        let own = self.attempts().unwrap_or_default();
        self.set_attempts(&attempts::told_of(&own, attempts));
        let used = state(state::USED).and_then(|used| serde_json::from_slice(&used).ok());
        if let Some(used) = &used {
            self.set_used(used);
        }
        for key in record::OF_ATTEMPTS {
            // What a guard has made of the answer's end stands.
            let told = (key != state::FINISH || self.fact(key).is_none()).then(|| state(key));
            if let Some(Ok(value)) = told.flatten().map(String::from_utf8) {
                self.set_fact(key, &value);
            }
        }
        true
    }
}

/// The boards of a machine, by numbers that no other machine of the process has.
#[derive(Debug, Default)]
pub struct Boards {
    open: BTreeMap<u64, Weak<Board>>,
    /// `None`: there was none yet.
    next: Option<u64>,
}

impl Boards {
    /// Lets provider roles find a board. A machine begins to count at one of 2^64 numbers, so that those of others (also
    /// of a broken one, whose place it has taken) name nothing in it.
    pub fn open(&mut self, board: &Rc<Board>) -> u64 {
        let number = self.next.unwrap_or_else(random);
        self.next = Some(number.wrapping_add(1));
        self.open.insert(number, Rc::downgrade(board));
        number
    }

    /// The board of that number, which a provider role joins.
    pub fn join(&self, number: u64) -> Option<Rc<Board>> {
        self.open.get(&number)?.upgrade()
    }

    /// The request is over.
    pub fn close(&mut self, number: u64) {
        self.open.remove(&number);
    }
}

/// The standard library's hasher has keys of 128 random bits.
fn random() -> u64 {
    RandomState::new().hash_one(0_u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::attempts::NO_ANSWER;

    fn blank() -> Rc<Board> {
        Rc::new(Board::new(&Rc::default()))
    }

    #[test]
    fn a_board_is_found_while_its_request_is_under_way() {
        let (mut boards, board) = (Boards::default(), blank());
        board.set_fact("llm.model", "a");
        let number = boards.open(&board);
        let joined = boards.join(number).unwrap();
        joined.set_fact("llm.model", "b");
        assert_eq!(board.fact("llm.model").as_deref(), Some("b"));
        boards.close(number);
        assert!(boards.join(number).is_none());
    }

    #[test]
    fn a_machine_does_not_know_the_numbers_of_another() {
        let (board, other) = (blank(), blank());
        let (mut before, mut after) = (Boards::default(), Boards::default());
        let numbers: Vec<_> = (0..1000).map(|_| before.open(&board)).collect();
        for _ in 0..1000 {
            after.open(&other);
        }
        assert!(numbers.iter().all(|number| after.join(*number).is_none()));
    }

    #[test]
    fn a_request_that_is_gone_is_not_found_even_where_nobody_has_closed_it() {
        let mut boards = Boards::default();
        let number = boards.open(&blank());
        assert!(boards.join(number).is_none());
    }

    #[test]
    fn what_a_role_in_another_machine_wrote_is_taken_over_where_it_knows_more() {
        let list = |names: &[&str]| -> Vec<Attempt> {
            let attempt = |name: &&str| Attempt::begun(name, "m", 1);
            names.iter().map(attempt).collect()
        };
        let told = |names: &[&str]| {
            let json = serde_json::to_string(&list(names)).unwrap();
            move |key: &str| {
                let value = match key {
                    state::ATTEMPTS => json.as_str(),
                    state::PROVIDER => "two",
                    state::FINISH => "stop",
                    _ => return None,
                };
                Some(value.as_bytes().to_vec())
            }
        };
        let board = blank();
        board.set_attempts(&list(&["one"]));
        board.set_fact(state::PROVIDER, "one");
        board.set_fact(state::FINISH, "error");
        // Its own list, which it has written for others, is no news.
        assert!(!board.catch_up(told(&["one"]), false));
        assert!(!board.catch_up(|_| None, false));
        assert_eq!(board.fact(state::PROVIDER).as_deref(), Some("one"));
        assert!(board.catch_up(told(&["one", "two"]), false));
        assert_eq!(board.attempt_count(), Some(2));
        let facts = [state::PROVIDER, state::FINISH].map(|key| board.fact(key).unwrap());
        assert_eq!(facts, ["two", "error"]);
        assert!(board.catch_up(told(&["one", "two"]), true));
    }

    #[test]
    fn what_another_machine_guessed_about_an_attempt_of_this_one_is_known_better_here() {
        let silent = |began: u64, ended: Option<u64>| Attempt {
            ms: ended.map(|ended| ended - began),
            reason: ended.map(|_| NO_ANSWER.to_owned()),
            ..Attempt::begun("one", "m", began)
        };
        let board = blank();
        board.set_attempts(&[silent(100, None)]);
        let told = [silent(700, Some(700)), Attempt::begun("two", "m", 700)];
        let json = serde_json::to_string(&told).unwrap();
        assert!(board.catch_up(
            |key| (key == state::ATTEMPTS).then(|| json.clone().into_bytes()),
            false
        ));
        let [_, second] = told;
        assert_eq!(board.attempts().unwrap(), [silent(100, Some(700)), second]);
    }
}
