//! Finds personal data and secrets in a text, in one pass.
//!
//! The pass skips plain words at the speed of a table of bytes and stops where something may begin: a word with
//! a digit in it, one that a sign such as `@` or `.` joins to the next, a `+` before a digit. There every entity that can begin so
//! reads on through a [`Look`], which shows what is written as a person sees it and knows when somebody asked
//! for what is not there yet. A text that is not finished is decided up to the first place where that happened,
//! so that pieces give what the whole gives.
//!
//! Nothing reads further than a constant, so what is held back is bounded, and a text takes linear time.

mod asia;
mod check;
mod contact;
mod context;
mod de;
mod encoded;
mod entity;
mod europe;
mod finance;
mod key;
mod layout;
mod look;
mod network;
mod pass;
mod password;
mod pattern;
mod phone;
mod secret;
mod select;
mod starts;
mod uk;
mod us;
mod words;
mod world;

pub use entity::{Entity, Group};
pub use select::{Problem, Selection, entities, is_group};
pub use words::MAX_WORD;

use super::{Find, Scan};
use context::{Bits, Context};
use entity::{By, Hit, Taken, Verdict};
use layout::{Layout, Set};
use look::Look;
use pass::{Found, Pass};
use select::Chosen;
use starts::Starts;
use std::ops::Range;

/// What stands between the key of a document and its value where they are looked at together: a line of its own begins
/// with the value, so that `^` matches there, and no text is written so by chance.
pub const KEY_ENDS: &str = ":\u{1e}\n";
/// The end of it, which stands before whatever is a text of its own in a document.
pub const VALUE_BEGINS: &str = "\u{1e}\n";

/// How long finds that overlap each other wait for their end. Units: bytes.
const MAX_CHAIN: usize = 32 << 10;

/// An entity that was selected.
#[derive(Debug, Clone, Copy)]
struct Active {
    kind: u16,
    /// From which score on it is reported.
    least: u8,
    /// Whether words before it matter.
    context: bool,
    /// As what a weak checksum alone has it reported; none: a group selected it, which wants more than that.
    weak: Option<u16>,
}

#[derive(Debug)]
struct Rule {
    /// Its place among those selected.
    active: usize,
    layout: Layout,
    score: u8,
    check: fn(&Taken<'_>) -> Verdict,
}

#[derive(Debug)]
struct Read {
    /// Its place among those selected.
    active: usize,
    read: fn(&mut Look<'_>) -> Option<Hit>,
}

/// A way to recognise something.
#[derive(Debug)]
enum Way {
    Rule(Rule),
    Read(Read),
}

/// Everything that was selected, ready to be looked for.
#[derive(Debug)]
pub struct Scanner {
    names: Vec<String>,
    active: Vec<Active>,
    ways: Vec<Way>,
    /// The ways by what a candidate begins with.
    starts: Starts,
    context: Context,
    patterns: Vec<pattern::Pattern>,
    words: Option<words::Words>,
    /// The kinds of weak finds, each with the name of its entity.
    weak: Range<usize>,
}

impl Scan for Scanner {
    fn kinds(&self) -> &[String] {
        &self.names
    }

    fn scan(&self, text: &str, from: usize, last: bool, finds: &mut Vec<Find>) -> usize {
        let mut pass = Pass::new(self, text, last);
        let mut decided = pass.run(from);
        let mut found = pass.found;
        let mut own = Vec::new();
        for pattern in &self.patterns {
            decided = decided.min(pattern.scan(text, from, last, &mut own));
        }
        if let Some(words) = &self.words {
            decided = decided.min(words.scan(text, from, last, &mut own));
        }
        found.extend(own.into_iter().map(|find| Found {
            find,
            anchor: find.start,
        }));
        found.sort_by_key(|found| found.anchor);
        decided = apart(&found, decided);
        found.retain(|found| found.find.start < decided && found.find.start >= from);
        for found in &mut found {
            found.find.end = found.find.end.min(decided);
        }
        found.sort_by_key(|found| (found.find.start, found.find.kind));
        finds.extend(found.into_iter().map(|found| found.find));
        decided.max(from)
    }
}

/// The last place up to `decided` that is neither within a find nor behind the place from which one was read. The
/// finds are in the order of those places.
///
/// Of a chain that is too long only the end waits: it is cut where a find begins that reaches further than all before
/// it, so that what is cut off the others is still covered.
fn apart(found: &[Found], decided: usize) -> usize {
    let (mut start, mut reach, mut cut) = (0, 0, None);
    for found in found.iter().take_while(|found| found.anchor < decided) {
        if found.anchor >= reach {
            (start, cut) = (found.anchor, None);
        } else if found.find.end > reach && found.find.start == found.anchor {
            cut = Some(found.anchor);
        }
        reach = reach.max(found.find.end);
    }
    if reach <= decided {
        return decided;
    }
    match cut {
        Some(cut) if decided - start > MAX_CHAIN => cut,
        _ => start,
    }
}

impl Scanner {
    /// Everything, as a group would select it.
    pub fn all() -> Self {
        let chosen = entities().map(|entity| Chosen {
            entity,
            least: Entity::LEAST,
            grouped: true,
        });
        Self::build(&chosen.collect::<Vec<_>>())
    }

    /// Prepares what was selected.
    ///
    /// Errors: every problem of the selection, each naming what it is about.
    pub fn new(selection: &Selection) -> Result<Self, Vec<Problem>> {
        let (chosen, mut problems) = selection.resolve();
        let mut scanner = Self::build(&chosen);
        let mut lists = Vec::new();
        for (name, source) in &selection.patterns {
            match pattern::Pattern::new(scanner.custom(name), source) {
                Ok(pattern) => scanner.patterns.push(pattern),
                Err(message) => problems.push(Problem {
                    name: name.clone(),
                    message,
                }),
            }
        }
        for (name, words) in &selection.words {
            lists.push((scanner.custom(name), words.as_slice()));
        }
        if !lists.is_empty() {
            match words::Words::new(&lists) {
                Ok(words) => scanner.words = Some(words),
                Err(message) => problems.push(Problem {
                    name: "words".to_owned(),
                    message,
                }),
            }
        }
        if problems.is_empty() {
            Ok(scanner)
        } else {
            Err(problems)
        }
    }

    /// Whether finds of this kind are such as only their own name selects, and no group: for a number that satisfies a
    /// checksum by chance.
    pub fn is_weak(&self, kind: usize) -> bool {
        self.weak.contains(&kind)
    }

    /// The kind of this name, new where there is none yet.
    fn custom(&mut self, name: &str) -> u16 {
        let place = self
            .names
            .iter()
            .position(|known| known == name)
            .unwrap_or_else(|| {
                self.names.push(name.to_owned());
                self.names.len() - 1
            });
        u16::try_from(place).unwrap_or(u16::MAX)
    }

    fn build(chosen: &[Chosen]) -> Self {
        let mut names: Vec<_> = chosen
            .iter()
            .map(|one| one.entity.name.to_owned())
            .collect();
        let strong = names.len();
        let (mut active, mut words) = (Vec::new(), Vec::new());
        let (mut rules, mut reads, mut firsts) = (Vec::new(), Vec::new(), Vec::new());
        let mut first_reads = Vec::new();
        for (index, one) in chosen.iter().take(Bits::MOST).enumerate() {
            let entity = one.entity;
            let place = |index: usize| u16::try_from(index).unwrap_or(u16::MAX);
            let weak = (!one.grouped && entity.is_weak()).then(|| {
                names.push(entity.name.to_owned());
                place(names.len() - 1)
            });
            active.push(Active {
                kind: place(index),
                least: one.least,
                context: !entity.context.is_empty(),
                weak,
            });
            words.push((index, entity.context));
            match entity.by {
                By::Layouts(all) => {
                    for rule in all {
                        let layout = Layout::new(rule.layout);
                        firsts.push(layout.first(Set::AFTER));
                        rules.push(Way::Rule(Rule {
                            active: index,
                            layout,
                            score: rule.score,
                            check: rule.check,
                        }));
                    }
                }
                By::Read(begins, read) => {
                    first_reads.push(Layout::new(begins).first(Set::ANY));
                    reads.push(Way::Read(Read {
                        active: index,
                        read,
                    }));
                }
            }
        }
        firsts.append(&mut first_reads);
        rules.append(&mut reads);
        Self {
            weak: strong..names.len(),
            names,
            active,
            ways: rules,
            starts: Starts::new(&firsts),
            context: Context::new(&words),
            patterns: Vec::new(),
            words: None,
        }
    }
}
