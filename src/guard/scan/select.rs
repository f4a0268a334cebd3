//! What somebody wants to be found.

use super::{
    asia, contact, de,
    entity::{Entity, Group},
    europe, finance, network, secret, uk, us, world,
};
use std::fmt;

/// Every entity that is known without configuration, in the order of their kinds.
pub fn entities() -> impl Iterator<Item = &'static Entity> {
    let all = [
        contact::ENTITIES,
        finance::ENTITIES,
        network::ENTITIES,
        us::ENTITIES,
        uk::ENTITIES,
        de::ENTITIES,
        europe::ENTITIES,
        asia::ENTITIES,
        world::ENTITIES,
        secret::ENTITIES,
    ];
    all.into_iter().flatten()
}

/// Other names of entities.
const ALIASES: [(&str, &str); 3] = [
    ("PHONE", "PHONE_NUMBER"),
    ("IBAN", "IBAN_CODE"),
    ("IT_VAT", "IT_VAT_CODE"),
];

/// What to look for.
///
/// A name selects an entity, `PII` all that is personal, `SECRET` all secrets. Who names an entity wants all that
/// looks like it, and gets every score; a group reports what is sure from [`Entity::LEAST`] on. A least score, in
/// hundredths, overrules both; but what only a weak checksum makes one, a group with no lower score than its own
/// never reports without a word before it.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Names of entities and groups, each perhaps with its least score.
    pub kinds: Vec<(String, Option<u8>)>,
    /// Names of one's own, each with a regular expression.
    pub patterns: Vec<(String, String)>,
    /// Names of one's own, each with words or phrases.
    pub words: Vec<(String, Vec<String>)>,
}

/// Why a selection cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What it is about: a name.
    pub name: String,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.message)
    }
}

/// An entity that was selected, and how.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chosen {
    pub(super) entity: &'static Entity,
    /// From which score on it is reported.
    pub(super) least: u8,
    /// A group selected it, with no lower score than its own.
    pub(super) grouped: bool,
}

/// Whether a name stands for many entities.
pub fn is_group(name: &str) -> bool {
    group(name).is_some()
}

impl Selection {
    /// The entities with their least scores; a name wins over a group, and a later name over an earlier one.
    pub(super) fn resolve(&self) -> (Vec<Chosen>, Vec<Problem>) {
        let (mut chosen, mut problems): (Vec<Chosen>, _) = (Vec::new(), Vec::new());
        let groups = self.kinds.iter().filter(|(name, _)| group(name).is_some());
        let names = self.kinds.iter().filter(|(name, _)| group(name).is_none());
        for (name, least) in groups.chain(names) {
            let before = chosen.len();
            for entity in entities() {
                let least = match group(name) {
                    Some(group) if group == entity.group => least.unwrap_or(Entity::LEAST),
                    None if entity.name == known_as(name) => least.unwrap_or(0),
                    _ => continue,
                };
                let one = Chosen {
                    entity,
                    least,
                    grouped: is_group(name) && least >= Entity::LEAST,
                };
                let mut known = chosen.iter_mut();
                match known.find(|known| known.entity.name == entity.name) {
                    Some(known) => *known = one,
                    None => chosen.push(one),
                }
            }
            let unknown = chosen.len() == before
                && !entities().any(|e| e.name == known_as(name))
                && group(name).is_none();
            if unknown {
                problems.push(Problem {
                    name: name.clone(),
                    message:
                        "no entity has this name; use PII, SECRET, or a name such as EMAIL_ADDRESS"
                            .to_owned(),
                });
            }
        }
        (chosen, problems)
    }
}

fn group(name: &str) -> Option<Group> {
    match name {
        "PII" => Some(Group::Personal),
        "SECRET" => Some(Group::Secret),
        _ => None,
    }
}

fn known_as(name: &str) -> &str {
    let alias = ALIASES.iter().find(|(alias, _)| *alias == name);
    alias.map_or(name, |(_, name)| name)
}
