//! Reads the rules.

use super::{
    Between, Condition, Rule, Words,
    labels::needs,
    node::{Fields, Node},
    targets::{bounded, known_model, named, some, star_is_last},
};
use crate::{
    api::{client::Api, relay::Area},
    host::keys,
    plan::language::KNOWN,
};

use std::collections::BTreeSet;

/// Most rules, and most headers or fields of one.
const MAX_RULES: usize = 256;
const MAX_NAMED: usize = 16;
/// Most words of one condition.
const MAX_WORDS: usize = 64;
const MAX_TOKENS: u64 = 1_000_000_000;

/// Reads the rules.
pub(super) fn rules(node: &Node<'_>, models: &[String]) -> Option<Vec<Rule>> {
    let mut names = std::collections::BTreeMap::new();
    let mut at = 0;
    let mut last = None;
    let rules = node.list(|node| {
        if let Some(last) = last {
            node.wrong(format_args!(
                "is never looked at: $.rules[{last}] has no conditions, so it always counts first"
            ));
        }
        let rule = node.object(|fields| {
            let name = fields.required("name").and_then(|node| {
                let name = node.plain()?.to_owned();
                if let Some(first) = names.insert(name.clone(), at) {
                    node.wrong(format_args!("the same as in $.rules[{first}]"));
                    return None;
                }
                Some(name)
            });
            // What was commented out to the last line is no way to say "all" or "none".
            let when = match fields.given("when") {
                Some(node) => node.object(|fields| conditions(fields, models)),
                None => {
                    last.get_or_insert(at);
                    Some(Vec::new())
                }
            };
            let instead = fields.maybe("use", |node| named(&node, models));
            let require = match fields.given("require") {
                Some(node) => needs(&node),
                None => Some(Vec::new()),
            };
            if matches!((&instead, &require), (Some(None), Some(needs)) if needs.is_empty()) {
                fields.lacks("use", "missing: a rule needs `use`, `require` or both");
                return None;
            }
            Some(Rule {
                name: name?,
                when: when?,
                instead: instead?,
                require: require?,
            })
        });
        at += 1;
        rule
    })?;
    bounded(node, rules.len(), MAX_RULES, "rules")?;
    Some(rules)
}

/// A key whose value is words, and the condition that it makes.
type Named = (&'static str, fn(Words) -> Condition);

fn conditions(fields: &Fields<'_>, models: &[String]) -> Option<Vec<Condition>> {
    // Each is read, so that every problem is told; the order is that of the cost.
    let lists: [Named; 5] = [
        ("key", Condition::Key),
        ("team", Condition::Team),
        ("user", Condition::User),
        ("project", Condition::Project),
        ("path", Condition::Path),
    ];
    let model = fields.if_given("model", |node| {
        model_words(&node, models).map(Condition::Model)
    });
    let mut found = vec![model];
    for (key, made) in lists {
        found.push(fields.if_given(key, |node| words(&node).map(made)));
    }
    let operation = fields.if_given("operation", |node| {
        operations(&node).map(Condition::Operation)
    });
    let headers = fields.if_given("headers", |node| {
        let named = node.map(|name, node| {
            let name = header(&node, name);
            let words = words(&node);
            Some(Condition::Header(name?, words?))
        })?;
        bounded(&node, named.len(), MAX_NAMED, "headers")?;
        Some(named)
    });
    let days = fields.if_given("days", |node| days(&node));
    let hours = fields.if_given("hours", |node| hours(&node));
    let metadata = fields.if_given("metadata", |node| {
        let named =
            node.map(|name, node| Some(Condition::Metadata(name.to_owned(), words(&node)?)))?;
        bounded(&node, named.len(), MAX_NAMED, "fields")?;
        Some(named)
    });
    let tools = fields.if_given("has_tools", |node| node.flag().map(Condition::Tools));
    let schema = fields.if_given("json_schema", |node| node.flag().map(Condition::Schema));
    let most = |key, most, made: fn(Between) -> Condition| {
        fields.if_given(key, |node| between(&node, most).map(made))
    };
    let limit = most("max_tokens", MAX_TOKENS, Condition::MaxTokens);
    let images = fields.if_given("has_images", |node| node.flag().map(Condition::Images));
    let language = fields.if_given("language", |node| languages(&node));
    let complexity = most("complexity", 100, Condition::Complexity);
    let tokens = most("input_tokens", MAX_TOKENS, Condition::InputTokens);
    let mut when = Vec::new();
    for condition in found {
        when.extend(condition?);
    }
    when.extend(operation?);
    when.extend(headers?.into_iter().flatten());
    when.extend(days?);
    when.extend(hours?);
    when.extend(metadata?.into_iter().flatten());
    for condition in [tools, schema, limit, images, language, complexity, tokens] {
        when.extend(condition?);
    }
    Some(when)
}

/// A word or a list of them.
pub(super) fn words(node: &Node<'_>) -> Option<Words> {
    let words = node.each(|node| {
        let word = node.plain()?;
        if !star_is_last(word) {
            node.wrong("`*` may stand at the end only");
            return None;
        }
        Some(word.to_owned())
    });
    let words = some(node, words, "value")?;
    bounded(node, words.len(), MAX_WORDS, "values")?;
    Some(Words(words))
}

/// Words that have something in common with at least one configured model.
fn model_words(node: &Node<'_>, models: &[String]) -> Option<Words> {
    let words = node.each(|node| known_model(&node, models));
    let words = some(node, words, "value")?;
    bounded(node, words.len(), MAX_WORDS, "values")?;
    Some(Words(words))
}

/// Words that at least one operation of the record fits: a rule that no request can meet protects nobody.
fn operations(node: &Node<'_>) -> Option<Words> {
    let names = || {
        let asked = Api::ALL.iter().map(|api| api.operation());
        asked.chain(Area::ALL.iter().map(|area| area.as_str()))
    };
    let words = words(node)?;
    let unknown = words.0.iter().find(|word| {
        let word = Words(vec![word.to_string()]);
        !names().any(|name| word.fit(name))
    });
    if let Some(unknown) = unknown {
        let known: Vec<_> = names().collect::<BTreeSet<_>>().into_iter().collect();
        node.wrong(format_args!(
            "no operation is called {unknown:?}; allowed: {}",
            known.join(", ")
        ));
        return None;
    }
    Some(words)
}

fn between(node: &Node<'_>, most: u64) -> Option<Between> {
    node.object(|fields| {
        let above = fields.maybe("above", |node| node.count_in(0..=most));
        let below = fields.maybe("below", |node| node.count_in(0..=most));
        let (above, below) = (above?, below?);
        let room = match (above, below) {
            (None, None) => {
                node.wrong("says nothing; name `above`, `below` or both");
                false
            }
            (Some(above), Some(below)) if below <= above.saturating_add(1) => {
                node.wrong(format_args!(
                    "no whole number is above {above} and below {below}"
                ));
                false
            }
            _ => true,
        };
        room.then_some(Between { above, below })
    })
}

fn days(node: &Node<'_>) -> Option<Condition> {
    const DAYS: &[(&str, u8)] = &[
        ("mon", 1),
        ("tue", 1 << 1),
        ("wed", 1 << 2),
        ("thu", 1 << 3),
        ("fri", 1 << 4),
        ("sat", 1 << 5),
        ("sun", 1 << 6),
    ];
    let days = node.each(|node| node.choice(DAYS));
    let days = some(node, days, "day")?;
    Some(Condition::Days(
        days.into_iter().fold(0, |all, day| all | day),
    ))
}

fn languages(node: &Node<'_>) -> Option<Condition> {
    let known: Vec<_> = KNOWN.iter().map(|(code, _)| (*code, *code)).collect();
    let codes = node.each(|node| node.choice(&known));
    Some(Condition::Language(some(node, codes, "language")?))
}

/// `"08:00-18:00"`.
fn hours(node: &Node<'_>) -> Option<Condition> {
    let text = node.text()?;
    let minute = |text: &str| {
        let (hour, minute) = text.split_once(':')?;
        let two = |text: &str| {
            let digits = text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
            digits.then(|| text.parse::<u16>().ok()).flatten()
        };
        let (hour, minute) = (two(hour)?, two(minute)?);
        let good = (hour < 24 && minute < 60) || (hour, minute) == (24, 0);
        good.then_some(hour * 60 + minute)
    };
    let hours = text
        .split_once('-')
        .and_then(|(from, to)| Some((minute(from.trim())?, minute(to.trim())?)))
        .filter(|(from, to)| from != to && *from < 1440);
    if hours.is_none() {
        node.wrong(format_args!(
            "expected two times of the day in UTC such as \"08:00-18:00\", found {text:?}"
        ));
    }
    hours.map(|(from, to)| Condition::Hours(from, to))
}

/// The name of a header that a request may still have when it is planned.
pub(super) fn header(node: &Node<'_>, name: &str) -> Option<String> {
    let name = name.to_ascii_lowercase();
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if name.is_empty() || !name.bytes().all(token) {
        node.wrong("not a header's name; allowed: ASCII letters, digits, - _ . and the other token characters");
        return None;
    }
    if keys::header::is_removed(&name) {
        node.wrong(format_args!(
            "{name} is removed before a request is planned; nothing can depend on it"
        ));
        return None;
    }
    Some(name)
}
