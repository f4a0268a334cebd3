//! What can be found: every entity with its name, how it is written, and what it says about itself.

use super::look::Look;

/// To which name for many an entity belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// Selected with `PII`.
    Personal,
    /// Selected with `SECRET`.
    Secret,
    /// Only by its own name: too common in harmless texts.
    Named,
}

/// An entity that is known without configuration.
#[derive(Debug)]
pub struct Entity {
    /// As Presidio names it, where Presidio knows it.
    pub name: &'static str,
    /// Whether `PII` or `SECRET` selects it.
    pub group: Group,
    /// What it is, and how it is kept from being found where it is not.
    pub about: &'static str,
    /// Words before it that make it surer, in lower case.
    pub(super) context: &'static [&'static str],
    pub(super) by: By,
}

impl Entity {
    /// The score from which it is reported when a group selects it.
    ///
    /// Units: hundredths.
    pub const LEAST: u8 = 40;

    /// Whether some of what it finds is weak; see [`Hit::weak`].
    pub(super) fn is_weak(&self) -> bool {
        match self.by {
            By::Layouts(rules) => rules.iter().any(|rule| rule.score < Self::LEAST),
            By::Read(..) => false,
        }
    }
}

/// How an entity is recognised.
#[derive(Debug)]
pub(super) enum By {
    /// By any of these ways to write it.
    Layouts(&'static [Rule]),
    /// By reading it, where it begins as a [`Layout`](super::layout::Layout) says; more may follow.
    Read(&'static str, fn(&mut Look<'_>) -> Option<Hit>),
}

/// A way to write an entity.
#[derive(Debug)]
pub(super) struct Rule {
    /// See [`Layout`](super::layout::Layout).
    pub(super) layout: &'static str,
    /// How sure it is without any word before it.
    pub(super) score: u8,
    pub(super) check: fn(&Taken<'_>) -> Verdict,
}

/// Where something was found, as places of a [`Look`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hit {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) score: u8,
    /// Whether a group wants a word before it all the same: a checksum that one number in ten satisfies.
    pub(super) weak: bool,
}

impl Hit {
    /// From where the look began.
    pub(super) fn to(to: usize, score: u8) -> Option<Self> {
        Some(Self {
            from: 0,
            to,
            score,
            weak: false,
        })
    }
}

/// What a layout has matched.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taken<'a> {
    /// As it is written.
    pub(super) raw: &'a [u8],
    /// Its letters, in upper case, and digits.
    pub(super) own: &'a [u8],
}

/// What a check says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is not one.
    No,
    /// As sure as the rule says.
    Maybe,
    /// A checksum holds.
    Sure,
    /// This sure.
    Score(u8),
}

impl From<bool> for Verdict {
    fn from(holds: bool) -> Self {
        if holds { Self::Sure } else { Self::No }
    }
}

/// A rule whose layout says all there is to say.
pub(super) const fn plain(layout: &'static str, score: u8) -> Rule {
    Rule {
        layout,
        score,
        check: |_| Verdict::Maybe,
    }
}

/// A rule with a check.
pub(super) const fn rule(
    layout: &'static str,
    score: u8,
    check: fn(&Taken<'_>) -> Verdict,
) -> Rule {
    Rule {
        layout,
        score,
        check,
    }
}

/// A personal entity recognised by layouts.
pub(super) const fn person(
    name: &'static str,
    about: &'static str,
    context: &'static [&'static str],
    rules: &'static [Rule],
) -> Entity {
    Entity {
        name,
        group: Group::Personal,
        about,
        context,
        by: By::Layouts(rules),
    }
}

/// An entity recognised by layouts that only its name selects.
pub(super) const fn named(
    name: &'static str,
    about: &'static str,
    context: &'static [&'static str],
    rules: &'static [Rule],
) -> Entity {
    Entity {
        group: Group::Named,
        ..person(name, about, context, rules)
    }
}

/// An entity that is read.
pub(super) const fn read(
    name: &'static str,
    group: Group,
    about: &'static str,
    context: &'static [&'static str],
    begins: &'static str,
    read: fn(&mut Look<'_>) -> Option<Hit>,
) -> Entity {
    Entity {
        name,
        group,
        about,
        context,
        by: By::Read(begins, read),
    }
}
