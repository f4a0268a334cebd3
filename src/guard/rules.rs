//! The guards of a configuration: for whom each holds, and what becomes of what is found.
//!
//! One scanner per direction finds for all of them in one pass; which rules hold for a request is a set of
//! bits ([`Holding`]). Where finds overlap, the strongest action counts.

use super::{Find, Scan, external::Call, policy::Policy};
use crate::config::{Named, Words, covers};
use std::fmt;

/// Most guards of one configuration: as many as [`Holding`] has bits.
pub const MAX_RULES: usize = 64;

/// Longest type in a placeholder. Units: bytes.
pub const MAX_LABEL_BYTES: usize = 32;

/// What is done about a find, the weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// It is counted, and passes.
    Warn,
    /// A placeholder is sent, and put back in the answer.
    Restore,
    /// A digest is sent: the same for the same value, in every request.
    Hash,
    /// A placeholder is sent.
    Mask,
    /// The request goes to another model, as it is.
    Route,
    /// The request is refused.
    Block,
}

impl Action {
    /// Every one, with its name.
    pub const ALL: &'static [(&'static str, Self)] = &[
        ("block", Self::Block),
        ("mask", Self::Mask),
        ("restore", Self::Restore),
        ("hash", Self::Hash),
        ("warn", Self::Warn),
        ("route", Self::Route),
    ];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Warn => "warn",
            Self::Restore => "restore",
            Self::Hash => "hash",
            Self::Mask => "mask",
            Self::Route => "route",
            Self::Block => "block",
        }
    }

    /// Whether something else is put in the place of what is found.
    pub const fn edits(self) -> bool {
        matches!(self, Self::Restore | Self::Hash | Self::Mask)
    }
}

/// Which way a text goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// To the provider.
    Input,
    /// To the client.
    Output,
}

/// What becomes of a text that cannot be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnError {
    /// It is refused.
    #[default]
    Block,
    /// It passes, and the record says so.
    Allow,
}

/// What makes digests differ from gateway to gateway. It is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Salt(pub String);

impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Salt")
    }
}

/// One guard, without what it looks for: its scanner knows that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its name in errors, the record, headers and counters.
    pub name: String,
    /// What is done.
    pub action: Action,
    /// The name of its counter.
    pub metric: String,
    /// The model that answers instead, where it routes.
    pub to: Option<Named>,
    /// What its digests are made with, where it hashes.
    pub salt: Option<Salt>,
    /// The teams that it holds for; `None`: everybody.
    pub teams: Option<Words>,
    /// The models, as clients ask for them, that it holds for; `None`: all of them, and requests without one.
    pub models: Option<Vec<String>>,
    /// What becomes of a text that cannot be looked at.
    pub on_error: OnError,
    /// Letters that an answer may have; `None`: as many as there are.
    pub max_chars: Option<u64>,
}

/// What a rule makes of one kind of find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Act {
    /// The rule's place.
    pub rule: u8,
    /// The least score that it acts upon. Units: hundredths.
    pub least: u8,
}

/// What all the rules of one direction look for.
pub struct Watch {
    /// Finds it.
    pub scan: Box<dyn Scan>,
    /// For each of [`Scan::kinds`], and those of the policy behind them, the rules that act upon it.
    pub acts: Vec<Vec<Act>>,
    /// For each of those, its type in placeholders.
    pub labels: Vec<String>,
    /// The rules that look this way.
    pub rules: Holding,
    /// The rules that judge whether a text tries to take over the model.
    pub injection: Vec<Act>,
    /// What is looked for besides, in answers.
    pub policy: Policy,
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Watch");
        shown.field("kinds", &self.scan.kinds());
        shown.field("acts", &self.acts).finish_non_exhaustive()
    }
}

/// The rules of a configuration, and their scanners.
#[derive(Debug, Default)]
pub struct Guards {
    /// In the order in which they are written.
    pub rules: Vec<Rule>,
    /// What is looked for in requests; `None`: nothing.
    pub input: Option<Watch>,
    /// What is looked for in answers; `None`: nothing.
    pub output: Option<Watch>,
    /// The guards that are called, in the order of their rules.
    pub calls: Vec<Call>,
}

/// Which rules hold for one request, in one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Holding(u64);

impl Holding {
    /// Adds the rule of this place.
    pub fn add(&mut self, rule: usize) {
        self.0 |= 1_u64
            .checked_shl(u32::try_from(rule).unwrap_or(u32::MAX))
            .unwrap_or(0);
    }

    /// Whether the rule of this place holds.
    pub fn has(self, rule: usize) -> bool {
        let bit = 1_u64.checked_shl(u32::try_from(rule).unwrap_or(u32::MAX));
        self.0 & bit.unwrap_or(0) != 0
    }

    /// Those that hold here or there.
    #[must_use]
    pub fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// Whether no rule holds: nothing needs to be looked at.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The places of the rules that hold.
    pub fn iter(self) -> impl Iterator<Item = usize> {
        (0..MAX_RULES).filter(move |rule| self.has(*rule))
    }
}

impl Guards {
    /// What is looked for that way.
    pub fn watch(&self, direction: Direction) -> Option<&Watch> {
        match direction {
            Direction::Input => self.input.as_ref(),
            Direction::Output => self.output.as_ref(),
        }
    }

    /// The rule of this place.
    pub fn rule(&self, place: usize) -> Option<&Rule> {
        self.rules.get(place)
    }

    /// Which rules hold for a request of this team, to any of these models.
    pub fn holding(&self, direction: Direction, team: Option<&str>, models: &[&str]) -> Holding {
        let rules = self.watch(direction).map(|watch| watch.rules);
        self.of(rules.unwrap_or_default(), team, models)
    }

    /// Which guards are called about what goes this way, for a request of this team, to any of these models.
    pub fn calling(&self, direction: Direction, team: Option<&str>, models: &[&str]) -> Holding {
        let mut rules = Holding::default();
        for call in self.calls.iter().filter(|call| call.looks(direction)) {
            rules.add(call.rule.into());
        }
        self.of(rules, team, models)
    }

    fn of(&self, rules: Holding, team: Option<&str>, models: &[&str]) -> Holding {
        let mut holding = Holding::default();
        for place in rules.iter() {
            let Some(rule) = self.rules.get(place) else {
                break;
            };
            let teams = rule.teams.as_ref();
            let whose = teams.is_none_or(|words| team.is_some_and(|team| words.fit(team)));
            let covered = |asked: &&str| {
                let names = rule.models.iter().flatten();
                names.into_iter().any(|name| covers(name, asked))
            };
            if whose && (rule.models.is_none() || models.iter().any(covered)) {
                holding.add(place);
            }
        }
        holding
    }

    /// Whether one of these rules puts placeholders in the place of what it finds.
    pub fn edits(&self, holding: Holding) -> bool {
        let mut rules = holding.iter().filter_map(|place| self.rules.get(place));
        rules.any(|rule| rule.action.edits())
    }

    /// Whether one of these rules does more than count.
    pub fn acts(&self, holding: Holding) -> bool {
        let mut rules = holding.iter().filter_map(|place| self.rules.get(place));
        rules.any(|rule| rule.action != Action::Warn)
    }

    /// The first of these rules that lets nothing pass that it cannot look at. What only counts never does that.
    pub fn closes(&self, holding: Holding) -> Option<&Rule> {
        let mut rules = holding.iter().filter_map(|place| self.rules.get(place));
        rules.find(|rule| rule.on_error == OnError::Block && rule.action != Action::Warn)
    }

    /// The strongest thing that is done about a find, and by which rule; the first of equals. `None`: nobody
    /// who holds acts upon it.
    pub fn decide(&self, watch: &Watch, holding: Holding, find: &Find) -> Option<(u8, Action)> {
        let acts = watch.acts.get(usize::from(find.kind))?;
        self.strongest(acts, holding, find.score)
    }

    /// The strongest thing that is done about something of this score, and by which rule.
    pub fn strongest(&self, acts: &[Act], holding: Holding, score: u8) -> Option<(u8, Action)> {
        let mut best: Option<(u8, Action)> = None;
        for act in acts {
            let place = usize::from(act.rule);
            if score < act.least || !holding.has(place) {
                continue;
            }
            let Some(rule) = self.rules.get(place) else {
                continue;
            };
            if best.is_none_or(|(_, action)| rule.action > action) {
                best = Some((act.rule, rule.action));
            }
        }
        best
    }
}

/// The type of a find in placeholders: short, in upper case, of letters that no JSON string must escape.
pub fn label(kind: &str) -> String {
    let short = match kind {
        "EMAIL_ADDRESS" => "EMAIL",
        "PHONE_NUMBER" => "PHONE",
        "IBAN_CODE" => "IBAN",
        "US_SSN" => "SSN",
        "DATE_TIME" | "DATE_OF_BIRTH" => "DATE",
        _ => kind,
    };
    let plain = |c: char| match c {
        'a'..='z' => c.to_ascii_uppercase(),
        'A'..='Z' | '0'..='9' => c,
        _ => '_',
    };
    let text: String = short.chars().map(plain).take(MAX_LABEL_BYTES).collect();
    if text.starts_with(|c: char| c.is_ascii_uppercase()) {
        return text;
    }
    let text: String = ["X_", &text].concat();
    text.chars().take(MAX_LABEL_BYTES).collect()
}

/// How often each rule has acted upon something in one request. It holds numbers, and never what was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    counts: Vec<(u8, u32)>,
    unread: Holding,
}

impl Tally {
    /// A rule has acted.
    pub fn add(&mut self, rule: u8) {
        match self.counts.iter_mut().find(|(known, _)| *known == rule) {
            Some((_, count)) => *count = count.saturating_add(1),
            None => self.counts.push((rule, 1)),
        }
    }

    /// These rules could not look at something, which has passed.
    pub fn unread(&mut self, holding: Holding) {
        self.unread.0 |= holding.0;
    }

    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty() && self.unread.is_empty()
    }

    /// The rules that have acted, and how often.
    pub fn iter(&self) -> impl Iterator<Item = (usize, u32)> {
        let counts = self.counts.iter();
        counts.map(|(rule, count)| (usize::from(*rule), *count))
    }

    /// For the record: `pii:mask=2,keys:block=1`, in the order of the rules; `notes:unread=1` where a rule
    /// could not look.
    pub fn text(&self, guards: &Guards) -> String {
        let mut words = Vec::new();
        for (place, rule) in guards.rules.iter().enumerate() {
            if let Some((_, count)) = self.iter().find(|(known, _)| *known == place) {
                words.push(format!("{}:{}={count}", rule.name, rule.action.as_str()));
            }
            if self.unread.has(place) {
                words.push(format!("{}:unread=1", rule.name));
            }
        }
        words.join(",")
    }
}
