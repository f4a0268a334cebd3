//! Reads a model: its route and its targets.

use super::{
    EXPLORATION_PERCENT, Labels, MAX_PLAN, Model, Named, OnContextLength, Retries, Route, Sticky,
    Target, To, covering,
    labels::{labels, over},
    mirror,
    node::{Fields, Node},
    rules::header,
};
use std::time::Duration;

/// Most targets of one model.
const MAX_TARGETS: usize = 16;
/// How deep models may stand in models.
const MAX_NESTED: usize = 4;
/// Heaviest target.
const MAX_WEIGHT: u64 = 1_000_000;
/// Answered by the gateway itself.
const ECHO: &str = "echo";

/// What names in the tree may mean.
pub(super) struct Known<'k> {
    /// The providers with their labels, sorted.
    pub(super) providers: &'k [(String, Labels)],
    /// The models, sorted.
    pub(super) models: &'k [String],
}

/// How long the attempts of a model may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timeouts {
    pub(super) first_token: Duration,
    pub(super) answer: Duration,
    /// Between two parts of an answer; `None`: without end.
    pub(super) idle: Option<Duration>,
}

pub(super) fn model(
    name: &str,
    node: &Node<'_>,
    known: &Known<'_>,
    own: impl FnOnce(&Fields<'_>) -> Option<(Timeouts, Retries, OnContextLength)>,
) -> Option<Model> {
    let fault = match name {
        "" => Some("a model's name must not be empty"),
        ECHO => Some("is built in and answered by the gateway itself; choose another name"),
        _ if name.chars().any(char::is_control) => Some("must not hold control characters"),
        _ if !star_is_last(name) => Some("`*` may stand at the end only"),
        _ => None,
    };
    if let Some(fault) = fault {
        node.wrong(fault);
    }
    node.object(|fields| {
        let route = fields.or("route", Route::Fallback, |node| self::route(&node));
        let weighted = route == Some(Route::Weighted);
        let sticky = fields.maybe("sticky", |node| {
            if !weighted && route.is_some() {
                node.wrong("belongs to `route: weighted`");
                return None;
            }
            self::sticky(&node)
        });
        let exploration = fields.or("exploration_percent", EXPLORATION_PERCENT, |node| {
            if route.is_some_and(|route| route != Route::Fastest) {
                node.wrong("belongs to `route: fastest`");
                return None;
            }
            u8::try_from(node.count_in(0..=100)?).ok()
        });
        let targets = fields.required("targets").and_then(|node| {
            let read = |node: Node<'_>| target(&node, known, route);
            let targets = some(&node, node.list(read), "target")?;
            if targets.len() > MAX_TARGETS {
                let count = targets.len();
                node.wrong(format_args!("{count} targets; allowed: {MAX_TARGETS}"));
                return None;
            }
            if weighted && targets.iter().all(|target| target.weight == 0) {
                node.wrong("every weight is 0; at least one must be above");
                return None;
            }
            Some(targets)
        });
        let mirror = fields.maybe("mirror", |node| mirror::read(&node, known));
        let own = own(fields);
        let (timeouts, retries, on_context_length) = own?;
        Some(Model {
            name: name.to_owned(),
            route: route?,
            sticky: sticky?,
            exploration_percent: exploration?,
            targets: targets?,
            first_token_timeout: timeouts.first_token,
            answer_timeout: timeouts.answer,
            idle_timeout: timeouts.idle,
            retries,
            on_context_length,
            mirror: mirror?,
        })
    })
}

fn route(node: &Node<'_>) -> Option<Route> {
    let text = node.text()?;
    if let Some((_, route)) = Route::ALL.iter().find(|(name, _)| *name == text) {
        return Some(*route);
    }
    let names: Vec<_> = Route::ALL.iter().map(|(name, _)| *name).collect();
    let names = names.join(", ");
    node.wrong(format_args!("{text:?} is not a route; allowed: {names}"));
    None
}

/// `user`, or `header:` and its name.
fn sticky(node: &Node<'_>) -> Option<Sticky> {
    let text = node.text()?;
    if text == "user" {
        return Some(Sticky::User);
    }
    let Some(name) = text.strip_prefix("header:") else {
        node.wrong(format_args!(
            "unknown value {text:?}; allowed: user, or header: and its name, as in \"header:x-session\""
        ));
        return None;
    };
    header(node, name.trim()).map(Sticky::Header)
}

fn target(node: &Node<'_>, known: &Known<'_>, route: Option<Route>) -> Option<Target> {
    node.object(|fields| {
        let nested = fields.maybe("route_to", |node| named(&node, known.models));
        let is_nested = !matches!(nested, Some(None));
        let provider = if is_nested {
            for key in ["provider", "model", "labels"] {
                if fields.optional(key).is_some() {
                    fields.lacks(
                        key,
                        "belongs to a provider; `route_to` leads to another model's targets",
                    );
                }
            }
            Some(None)
        } else {
            match fields.optional("provider") {
                Some(node) => place(&node, known.providers).map(Some),
                None => {
                    fields.lacks("provider", "missing");
                    None
                }
            }
        };
        let model = match fields.optional("model").filter(|_| !is_nested) {
            Some(node) => own_name(&node).map(Some),
            None => Some(None),
        };
        let own = match fields.optional("labels").filter(|_| !is_nested) {
            Some(node) => labels(&node),
            None => Some(Labels::new()),
        };
        let weight = match (fields.optional("weight"), route) {
            (Some(node), Some(Route::Weighted) | None) => node.count_in(0..=MAX_WEIGHT),
            (Some(node), Some(_)) => {
                node.wrong("belongs to `route: weighted`");
                None
            }
            (None, Some(Route::Weighted)) => {
                fields.lacks(
                    "weight",
                    "missing; 0 makes it a target for when others have failed",
                );
                None
            }
            (None, _) => Some(0),
        };
        let (nested, provider, model) = (nested?, provider?, model?);
        let inherited = provider
            .and_then(|at| known.providers.get(at))
            .map(|(_, labels)| labels.as_slice());
        let to = match (nested, provider) {
            (Some(named), _) => To::Model(named),
            (None, Some(provider)) => To::Provider { provider, model },
            (None, None) => return None,
        };
        Some(Target {
            to,
            weight: u32::try_from(weight?).ok()?,
            labels: over(own?, inherited.unwrap_or_default()),
        })
    })
}

pub(super) fn own_name(node: &Node<'_>) -> Option<String> {
    let name = node.plain()?;
    if name.contains('*') {
        node.wrong("names one model; leave it out to pass on the name that was asked for");
        return None;
    }
    Some(name.to_owned())
}

/// The place of the provider of that name.
pub(super) fn place(node: &Node<'_>, providers: &[(String, Labels)]) -> Option<usize> {
    let name = node.text()?;
    let place = providers.iter().position(|(known, _)| known == name);
    if place.is_none() {
        let known: Vec<_> = providers.iter().map(|(name, _)| name.as_str()).collect();
        let known = known.join(", ");
        node.wrong(format_args!("no provider {name:?}; configured: {known}"));
    }
    place
}

/// A model as a client would ask for it.
pub(super) fn named(node: &Node<'_>, models: &[String]) -> Option<Named> {
    let asked = node.plain()?;
    if asked.contains('*') {
        node.wrong("names one model, as a client asks for it");
        return None;
    }
    let found = covering(models.iter().map(String::as_str), asked);
    if found.is_none() {
        let known = models.join(", ");
        node.wrong(format_args!("no model {asked:?}; configured: {known}"));
    }
    Some(Named {
        model: found?,
        asked: asked.to_owned(),
    })
}

/// What is wrong with models that lead to each other, each said once.
pub(super) fn nesting(models: &[Model]) -> Vec<String> {
    let (mut wrong, mut other) = (Vec::new(), None);
    for at in 0..models.len() {
        let mut way = vec![at];
        match leaves(models, &mut way) {
            Ok(count) if count > MAX_PLAN => {
                let name = models.get(at).map(|m| m.name.as_str()).unwrap_or_default();
                wrong.push(format!(
                    "{name:?} has more than {MAX_PLAN} targets with those of the models that it leads to"
                ));
            }
            Ok(_) => {}
            Err(way) => {
                let names: Vec<_> = way
                    .iter()
                    .filter_map(|&at| models.get(at))
                    .map(|m| m.name.as_str())
                    .collect();
                let names = names.join(" -> ");
                let (last, before) = way.split_last().unwrap_or((&at, &[]));
                if !before.contains(last) {
                    wrong.push(format!(
                        "{names}: models may lead to models {MAX_NESTED} times"
                    ));
                } else if before.first() == Some(last) && before.iter().min() == Some(last) {
                    // Each circle is told once, from the first of its names.
                    wrong.push(format!("a circle: {names}"));
                } else {
                    other.get_or_insert(format!("a circle: {names}"));
                }
            }
        }
    }
    // Circles that hide each other.
    if wrong.is_empty() {
        wrong.extend(other);
    }
    wrong
}

/// Whether a model is this one or leads to it; for models whose nesting is well.
pub(super) fn leads(models: &[Model], from: usize, to: usize) -> bool {
    from == to
        || models.get(from).is_some_and(|model| {
            model.targets.iter().any(
                |target| matches!(&target.to, To::Model(named) if leads(models, named.model, to)),
            )
        })
}

/// How many attempts the last model of the way has; the way that goes wrong: in a circle or too deep.
fn leaves(models: &[Model], way: &mut Vec<usize>) -> Result<usize, Vec<usize>> {
    let model = way.last().and_then(|&at| models.get(at));
    let mut count = 0_usize;
    for target in model.map(|m| m.targets.as_slice()).unwrap_or_default() {
        let To::Model(named) = &target.to else {
            count += 1;
            continue;
        };
        let again = way.contains(&named.model);
        way.push(named.model);
        if again || way.len() > MAX_NESTED + 1 {
            return Err(way.clone());
        }
        count = count.saturating_add(leaves(models, way)?);
        way.pop();
        if count > MAX_PLAN {
            break;
        }
    }
    Ok(count)
}

/// A list with something in it.
pub(super) fn some<T>(node: &Node<'_>, list: Option<Vec<T>>, what: &str) -> Option<Vec<T>> {
    if list.as_ref().is_some_and(Vec::is_empty) {
        node.wrong(format_args!("empty; name at least one {what}"));
        return None;
    }
    list
}

pub(super) fn star_is_last(name: &str) -> bool {
    name.find('*').is_none_or(|at| at + 1 == name.len())
}

/// Nothing when there are too many.
pub(super) fn bounded(node: &Node<'_>, count: usize, most: usize, what: &str) -> Option<()> {
    if count > most {
        node.wrong(format_args!("{count} {what}; allowed: {most}"));
        return None;
    }
    Some(())
}

/// A name, or the beginning of names, that has something in common with a configured model.
pub(super) fn known_model(node: &Node<'_>, models: &[String]) -> Option<String> {
    let name = node.plain()?;
    if !star_is_last(name) {
        node.wrong("`*` may stand at the end only");
        return None;
    }
    let known = models.iter().map(String::as_str).chain([ECHO]);
    if !models.is_empty() && !known.clone().any(|model| overlap(name, model)) {
        let known: Vec<_> = known.collect();
        let known = known.join(", ");
        node.wrong(format_args!("no such model; configured: {known}"));
        return None;
    }
    Some(name.to_owned())
}

/// Whether one name, or beginning of names, has anything in common with another.
fn overlap(a: &str, b: &str) -> bool {
    match (a.strip_suffix('*'), b.strip_suffix('*')) {
        (None, None) => a == b,
        (Some(a), None) => b.starts_with(a),
        (None, Some(b)) => a.starts_with(b),
        (Some(a), Some(b)) => a.starts_with(b) || b.starts_with(a),
    }
}
