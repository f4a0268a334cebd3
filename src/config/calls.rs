//! Reads `call` of a guard: who else is asked about texts.

use super::{
    node::{Fields, Node},
    targets::{bounded, some},
};
use crate::guard::{
    external::{Call, Kind, OVERLAP, TIMEOUT, WINDOW},
    rules::Action,
};
use std::{ops::RangeInclusive, time::Duration};

/// Most categories of one guard.
const MAX_CATEGORIES: usize = 256;
/// Longest prompt for a judge. Units: bytes.
const MAX_PROMPT: usize = 16 << 10;
/// Longest time that a request may wait for a guard.
const MOST_TIME: Duration = Duration::from_secs(60);

/// Characters that a guard may be asked about at once.
const WINDOWS: RangeInclusive<u64> = 2..=100_000;
/// Characters that it may be asked about again.
const OVERLAPS: RangeInclusive<u64> = 1..=99_999;
/// Unless it is given, so large a part of the window is asked about again.
const OVERLAP_PART: usize = 5;

/// Of what a call belongs to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Of {
    /// Its rule's place.
    pub(super) rule: u8,
    pub(super) threshold: Option<u8>,
    pub(super) input: bool,
    pub(super) output: bool,
}

/// Reads it.
pub(super) fn read(fields: &Fields<'_>, of: Of) -> Option<Call> {
    let kind = fields
        .required("kind")
        .and_then(|node| node.choice(Kind::ALL));
    let cluster = fields
        .required("cluster")
        .and_then(|node| node.plain().map(str::to_owned));
    let host = fields.maybe("host", |node| node.plain().map(str::to_owned));
    let path = fields.maybe("path", |node| path(&node));
    let timeout = fields.maybe("timeout", |node| timeout(&node));
    let model = fields.maybe("model", |node| node.plain().map(str::to_owned));
    let prompt = fields.maybe("prompt", |node| prompt(&node));
    let language = fields.maybe("language", |node| node.plain().map(str::to_owned));
    let window = fields.maybe("window", |node| node.count_in(WINDOWS));
    let overlap = fields.maybe("overlap", |node| node.count_in(OVERLAPS));
    let categories = match fields.given("categories") {
        Some(node) => {
            let list = node.each(|node| node.plain().map(str::to_owned));
            let list = some(&node, list, "category")?;
            bounded(&node, list.len(), MAX_CATEGORIES, "categories").map(|()| list)
        }
        None => Some(Vec::new()),
    };
    let kind = kind?;
    let mut right = true;
    let mut belongs = |given: bool, key: &'static str, to: &[Kind]| {
        if given && !to.contains(&kind) {
            let names = Kind::ALL.iter().filter(|(_, kind)| to.contains(kind));
            let names: Vec<_> = names.map(|(name, _)| *name).collect();
            fields.lacks(
                key,
                format_args!("belongs to `kind: {}`", names.join("` or `")),
            );
            right = false;
        }
    };
    let set = |value: &Option<Option<String>>| matches!(value, Some(Some(_)));
    belongs(set(&model), "model", &[Kind::Moderation, Kind::Judge]);
    belongs(set(&prompt), "prompt", &[Kind::Judge]);
    belongs(set(&language), "language", &[Kind::Presidio]);
    let sorted = [Kind::Moderation, Kind::Presidio, Kind::Judge];
    belongs(
        categories.as_ref().is_some_and(|list| !list.is_empty()),
        "categories",
        &sorted,
    );
    if kind == Kind::Judge && matches!(model, Some(None)) {
        fields.lacks("model", "missing; `kind: judge` needs it");
        right = false;
    }
    for (key, given) in [("window", &window), ("overlap", &overlap)] {
        if matches!(given, Some(Some(_))) && !of.output {
            fields.lacks(
                key,
                "belongs to guards of answers: `on: output` or `on: both`",
            );
            right = false;
        }
    }
    let length = |given: Option<u64>| given.and_then(|count| usize::try_from(count).ok());
    let window = length(window?).unwrap_or(WINDOW);
    let overlap = length(overlap?).unwrap_or_else(|| OVERLAP.min(window / OVERLAP_PART).max(1));
    if overlap >= window {
        fields.lacks("overlap", "must be less than `window`");
        right = false;
    }
    let cluster = cluster?;
    let call = Call {
        rule: of.rule,
        input: of.input,
        output: of.output,
        window,
        overlap,
        kind,
        host: host?.unwrap_or_else(|| cluster.clone()),
        cluster,
        path: path?.unwrap_or_else(|| kind.path().to_owned()),
        timeout: timeout?.unwrap_or(TIMEOUT),
        model: model?,
        prompt: prompt?,
        language: language?.unwrap_or_else(|| "en".to_owned()),
        categories: categories?,
        threshold: of.threshold,
    };
    right.then_some(call)
}

/// What is wrong with an action after a call; `None`: nothing.
pub(super) fn wrong(
    kind: Kind,
    action: Action,
    threshold: bool,
) -> Option<(&'static str, &'static str)> {
    if threshold && matches!(kind, Kind::Webhook | Kind::Judge) {
        return Some(("threshold", "this kind of `call` gives no scores"));
    }
    let wrong = match action {
        Action::Block | Action::Warn | Action::Route => return None,
        Action::Mask if kind.edits() => return None,
        Action::Restore if kind == Kind::Presidio => return None,
        Action::Mask | Action::Restore => {
            "this kind of `call` does not say what could stand in another's place; use block, warn or route"
        }
        Action::Hash => "what a `call` finds cannot be hashed; use block, mask, warn or route",
    };
    Some(("action", wrong))
}

fn path(node: &Node<'_>) -> Option<String> {
    let path = node.plain()?;
    if !path.starts_with('/') {
        node.wrong("must begin with `/`");
        return None;
    }
    Some(path.to_owned())
}

fn prompt(node: &Node<'_>) -> Option<String> {
    let prompt = node.nonempty()?;
    if prompt.len() > MAX_PROMPT {
        node.wrong(format_args!("longer than {MAX_PROMPT} bytes"));
        return None;
    }
    Some(prompt.to_owned())
}

fn timeout(node: &Node<'_>) -> Option<Duration> {
    let timeout = node.duration()?;
    if timeout > MOST_TIME {
        node.wrong(format_args!("at most {}s", MOST_TIME.as_secs()));
        return None;
    }
    Some(timeout)
}
