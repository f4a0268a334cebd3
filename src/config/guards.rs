//! Reads `guards`: what may be in texts and what is done about it; makes one scanner for each direction.

use super::{
    calls,
    node::{Fields, Node},
    rules::words,
    targets::{bounded, known_model, named, some},
};
use crate::{
    guard::{
        Scan,
        external::{Call, MAX_CALLS},
        injection,
        policy::{Policy, links::Links},
        rules::{Act, Action, Guards, Holding, MAX_RULES, OnError, Rule, Salt, Watch, label},
        scan::{Entity, MAX_WORD, Scanner, Selection, entities, is_group},
    },
    host::keys::metric,
    json::decimal::scaled,
};
use std::collections::{BTreeMap, BTreeSet};

/// Longest name of a guard: it goes into headers and names of counters.
const MAX_NAME_BYTES: usize = 64;
/// Most entities, patterns and words of one guard.
const MAX_ENTITIES: usize = 256;
const MAX_PATTERNS: usize = 64;
const MAX_WORDS: usize = 10_000;
/// Most letters that an answer may be limited to.
const MAX_CHARS: u64 = 100_000_000;
/// What runs of the system prompt are called among the kinds.
const SYSTEM_PROMPT: &str = "guard.system_prompt.echo";
/// Shortest and longest salt. Units: bytes.
const SALT_BYTES: std::ops::RangeInclusive<usize> = 16..=256;
/// A find that a checksum holds.
const SURE: u8 = 100;

/// Where a guard looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum On {
    Input,
    Output,
    Both,
}

/// An entity that a guard looks for.
struct Detected {
    name: String,
    /// Only `PII` or `SECRET` stands for it.
    grouped: bool,
}

/// What a guard looks for, and where that stands.
struct Wanted {
    on: On,
    /// Entities, each once.
    detect: Vec<Detected>,
    /// The name of what its patterns and words find.
    own: String,
    /// The name of its links.
    linking: String,
    patterns: Vec<String>,
    words: Vec<String>,
    /// Hosts that answers may link to, where its links are looked at.
    links: Option<Vec<String>>,
    /// Runs of the system prompt are looked for in answers.
    system_prompt: bool,
    measures: bool,
    threshold: Option<u8>,
    /// Who else is asked.
    call: Option<Call>,
}

/// Reads the list; `None`: what is wrong is reported.
pub(super) fn read(node: &Node<'_>, models: &[String]) -> Option<Guards> {
    let mut names = BTreeMap::new();
    let mut at = 0;
    let list = node.list(|node| {
        let guard = node.object(|fields| guard(fields, models, &mut names, at));
        at += 1;
        guard
    })?;
    bounded(node, list.len(), MAX_RULES, "guards")?;
    let (rules, wanted): (Vec<Rule>, Vec<Wanted>) = list.into_iter().unzip();
    let input = watch(node, &wanted, On::Input);
    let output = watch(node, &wanted, On::Output);
    let calls: Vec<Call> = wanted.into_iter().filter_map(|guard| guard.call).collect();
    bounded(node, calls.len(), MAX_CALLS, "calls")?;
    Some(Guards {
        rules,
        input: input?,
        output: output?,
        calls,
    })
}

fn guard(
    fields: &Fields<'_>,
    models: &[String],
    names: &mut BTreeMap<String, usize>,
    at: usize,
) -> Option<(Rule, Wanted)> {
    let name = fields.required("name").and_then(|node| {
        let name = name(&node)?.to_owned();
        if let Some(first) = names.insert(name.clone(), at) {
            node.wrong(format_args!("the same as in $.guards[{first}]"));
            return None;
        }
        Some(name)
    });
    let detect = list(fields, "detect", MAX_ENTITIES, |node| entity(&node)).map(|names| {
        let mut names: Vec<Detected> = names.into_iter().flatten().collect();
        names.sort_unstable_by(|a, b| (&a.name, a.grouped).cmp(&(&b.name, b.grouped)));
        names.dedup_by(|b, a| a.name == b.name);
        names
    });
    let patterns = list(fields, "pattern", MAX_PATTERNS, |node| pattern(&node));
    let words = list(fields, "words", MAX_WORDS, |node| word(&node));
    let links = fields.maybe("links", |node| hosts(&node));
    let system_prompt = fields.or("system_prompt", false, |node| node.flag());
    let max_chars = fields.maybe("max_chars", |node| node.count_in(1..=MAX_CHARS));
    let action = fields
        .required("action")
        .and_then(|node| node.choice(Action::ALL));
    let on = fields.maybe("on", |node| on(&node, action));
    let to = fields.maybe("to", |node| named(&node, models));
    let salt = fields.maybe("salt", |node| salt(&node));
    let threshold = fields.maybe("threshold", |node| threshold(&node));
    let teams = fields.if_given("teams", |node| self::words(&node));
    let for_models = match fields.given("models") {
        Some(node) => {
            let list = some(&node, node.each(|node| known_model(&node, models)), "model");
            list.filter(|list| bounded(&node, list.len(), MAX_ENTITIES, "models").is_some())
                .map(Some)
        }
        None => Some(None),
    };
    let on_error = fields.or("on_error", OnError::default(), |node| {
        node.choice(&[("block", OnError::Block), ("allow", OnError::Allow)])
    });
    let some_detected = detect.as_ref().is_none_or(|list| !list.is_empty());
    let in_texts = [&patterns, &words];
    let in_texts = some_detected
        || in_texts
            .iter()
            .any(|list| list.as_ref().is_none_or(|list| !list.is_empty()));
    let in_answers = !matches!(links, Some(None))
        || system_prompt != Some(false)
        || !matches!(max_chars, Some(None));
    let calls = fields.given("call");
    if let Some(node) = calls.as_ref().filter(|_| in_texts || in_answers) {
        node.wrong("asks somebody else: make another guard for what else is looked for");
        return None;
    }
    if !in_texts && !in_answers && calls.is_none() {
        fields.lacks(
            "detect",
            "missing: a guard needs `detect`, `pattern`, `words` or `call`, or for answers `links`, `system_prompt` or `max_chars`",
        );
        return None;
    }
    let call = match &calls {
        Some(node) => {
            let asked = on.flatten().unwrap_or(On::Input);
            let of = calls::Of {
                rule: u8::try_from(at).unwrap_or(u8::MAX),
                threshold: threshold.flatten(),
                input: asked != On::Output,
                output: asked != On::Input,
            };
            let call = node.object(|fields| calls::read(fields, of));
            call.map(Some)
        }
        None => Some(None),
    };
    if let (Some(Some(call)), Some(action)) = (&call, action)
        && let Some((key, wrong)) =
            calls::wrong(call.kind, action, matches!(threshold, Some(Some(_))))
    {
        fields.lacks(key, wrong);
        return None;
    }
    let injects = detect.iter().flatten().any(Detected::injects);
    if injects && action.is_some_and(Action::edits) {
        fields.lacks(
            "action",
            format_args!(
                "{} can be blocked, routed or warned of: there is no value to put something in the place of",
                injection::KIND
            ),
        );
        return None;
    }
    if let (true, Some(Some(On::Output))) = (injects, &on) {
        let what = injection::KIND;
        fields.lacks(
            "on",
            format_args!("{what} looks at requests only: leave `on` out"),
        );
        return None;
    }
    if matches!(max_chars, Some(Some(_)))
        && !matches!(action, None | Some(Action::Block | Action::Warn))
    {
        fields.lacks("max_chars", "belongs to `action: block` or `action: warn`");
        return None;
    }
    if in_answers && matches!(on, Some(Some(On::Input))) {
        fields.lacks(
            "on",
            "`links`, `system_prompt` and `max_chars` look at answers only",
        );
        return None;
    }
    let belongs = |given: bool, key, wanted: Action| match (action, given) {
        (Some(action), false) if action == wanted => {
            fields.lacks(
                key,
                format_args!("missing; `action: {}` needs it", wanted.as_str()),
            );
            false
        }
        (Some(action), true) if action != wanted => {
            fields.lacks(
                key,
                format_args!("belongs to `action: {}`", wanted.as_str()),
            );
            false
        }
        _ => true,
    };
    let given = |option: bool, wrong: bool| option || wrong;
    let routes = belongs(
        given(matches!(to, Some(Some(_))), to.is_none()),
        "to",
        Action::Route,
    );
    let hashes = belongs(
        given(matches!(salt, Some(Some(_))), salt.is_none()),
        "salt",
        Action::Hash,
    );
    let (name, action) = (name?, action?);
    (routes && hashes).then_some(())?;
    let lists = [&patterns, &words].into_iter().flatten();
    let count = detect.as_ref().map_or(0, Vec::len) + lists.map(Vec::len).sum::<usize>();
    let default = match action {
        Action::Restore | Action::Route if in_answers => {
            let what = "`links`, `system_prompt` and `max_chars` look at answers, which are blocked, masked, hashed or only counted";
            fields.lacks("action", what);
            return None;
        }
        Action::Restore | Action::Route => On::Input,
        _ if calls.is_some() || (injects && count == 1 && !in_answers) => On::Input,
        _ if !in_texts => On::Output,
        _ => On::Both,
    };
    let wanted = Wanted {
        on: on?.unwrap_or(default),
        detect: detect?,
        own: format!("guard.{name}"),
        linking: format!("guard.{name}.links"),
        patterns: patterns?,
        words: words?,
        links: links?,
        system_prompt: system_prompt?,
        measures: matches!(max_chars, Some(Some(_))),
        threshold: threshold?,
        call: call?,
    };
    let rule = Rule {
        metric: metric::guard(&name, action.as_str()),
        name,
        action,
        to: to?,
        salt: salt?,
        teams: teams?,
        models: for_models?,
        on_error: on_error?,
        max_chars: max_chars?,
    };
    Some((rule, wanted))
}

/// A list, or one value that stands for a list of one. Absent: empty; one that is given says something.
fn list<T>(
    fields: &Fields<'_>,
    key: &'static str,
    most: usize,
    read: impl FnMut(Node<'_>) -> Option<T>,
) -> Option<Vec<T>> {
    let Some(node) = fields.given(key) else {
        return Some(Vec::new());
    };
    let list = node.each(read);
    let list = some(&node, list, "of them")?;
    bounded(&node, list.len(), most, "of them")?;
    Some(list)
}

/// It becomes a header's value and part of a counter's name.
fn name<'n>(node: &Node<'n>) -> Option<&'n str> {
    let name = node.plain()?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    if !name.bytes().all(plain) || name.len() > MAX_NAME_BYTES {
        node.wrong(format_args!(
            "a guard's name holds ASCII letters, digits, `_` and `-`, at most {MAX_NAME_BYTES}"
        ));
        return None;
    }
    Some(name)
}

impl Detected {
    /// It is no entity: whole texts are judged.
    fn injects(&self) -> bool {
        self.name == injection::KIND
    }
}

/// The entities that a name stands for.
fn entity(node: &Node<'_>) -> Option<Vec<Detected>> {
    let name = node.text()?;
    let of = |name: &str, grouped| Detected {
        name: name.to_owned(),
        grouped,
    };
    if name == injection::KIND {
        return Some(vec![of(name, false)]);
    }
    let selection = Selection {
        kinds: vec![(name.to_owned(), None)],
        ..Selection::default()
    };
    match Scanner::new(&selection) {
        Ok(scanner) => {
            let mut names = scanner.kinds().to_vec();
            names.dedup();
            let names = names.iter().map(|known| of(known, is_group(name)));
            Some(names.collect())
        }
        Err(_) => {
            let known: Vec<_> = entities().map(|entity| entity.name).collect();
            let known = known.join(", ");
            node.wrong(format_args!(
                "no such entity {name:?}; known: PII, SECRET, {}, {known}",
                injection::KIND
            ));
            None
        }
    }
}

/// Each is tried alone, so that what is wrong is said where it stands.
fn pattern(node: &Node<'_>) -> Option<String> {
    let pattern = node.nonempty()?.to_owned();
    let selection = Selection {
        patterns: vec![("pattern".to_owned(), pattern.clone())],
        ..Selection::default()
    };
    if let Err(problems) = Scanner::new(&selection) {
        for problem in problems {
            node.wrong(problem.message);
        }
        return None;
    }
    Some(pattern)
}

fn word(node: &Node<'_>) -> Option<String> {
    let word = node.nonempty()?;
    if word.trim().is_empty() {
        node.wrong("must not be blank");
        return None;
    }
    if word.len() > MAX_WORD {
        node.wrong(format_args!("longer than {MAX_WORD} bytes"));
        return None;
    }
    Some(word.to_owned())
}

fn on(node: &Node<'_>, action: Option<Action>) -> Option<On> {
    let on = node.choice(&[
        ("input", On::Input),
        ("output", On::Output),
        ("both", On::Both),
    ])?;
    let wrong = match action {
        _ if on == On::Input => None,
        Some(Action::Restore) => Some(
            "`restore` takes values out of requests; in answers it puts them back by itself: leave `on` out",
        ),
        Some(Action::Route) => Some("an answer cannot go to another model: leave `on` out"),
        _ => None,
    };
    if let Some(wrong) = wrong {
        node.wrong(wrong);
        return None;
    }
    Some(on)
}

fn salt(node: &Node<'_>) -> Option<Salt> {
    let salt = node.plain()?;
    if !SALT_BYTES.contains(&salt.len()) {
        let (least, most) = SALT_BYTES.into_inner();
        // What it is would be a secret in a log.
        node.wrong(format_args!("expected {least} to {most} bytes"));
        return None;
    }
    Some(Salt(salt.to_owned()))
}

/// From 0 to 1.
fn threshold(node: &Node<'_>) -> Option<u8> {
    let text = node.number()?;
    let scaled = scaled(&text, 2).filter(|number| number.exact && number.nearest <= 100);
    let score = scaled.and_then(|number| u8::try_from(number.nearest).ok());
    if score.is_none() {
        node.wrong(format_args!(
            "expected 0 to 1 with at most two decimal places, found {text}"
        ));
    }
    score
}

/// What a guard looks for in answers only.
fn answers<'w>(
    guard: &'w Wanted,
    rule: u8,
    kinds: &mut BTreeMap<&'w str, Vec<Act>>,
    labels: &mut BTreeMap<&'w str, String>,
    links: &mut Vec<(String, Links)>,
) {
    let least = guard.threshold.unwrap_or(Entity::LEAST);
    if guard.system_prompt {
        let acts = kinds.entry(SYSTEM_PROMPT).or_default();
        acts.push(Act { rule, least });
        labels.insert(SYSTEM_PROMPT, "SYSTEM_PROMPT".to_owned());
    }
    if let Some(allowed) = &guard.links {
        let acts = kinds.entry(&guard.linking).or_default();
        acts.push(Act { rule, least });
        labels.insert(&guard.linking, "LINK".to_owned());
        let allowed = allowed.clone();
        links.push((guard.linking.clone(), Links { allowed }));
    }
}

/// Hosts in lower case; none is a list as well.
fn hosts(node: &Node<'_>) -> Option<Vec<String>> {
    let list = node.list(|node| {
        let host = node.plain()?;
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-');
        if !host.bytes().all(plain) || host.starts_with('.') || host.len() > MAX_NAME_BYTES * 4 {
            node.wrong("expected a host such as \"example.com\", without scheme, port or `*`; those below it are meant as well");
            return None;
        }
        Some(host.to_ascii_lowercase())
    })?;
    bounded(node, list.len(), MAX_ENTITIES, "hosts")?;
    Some(list)
}

/// The scanner of one direction; `Some(None)`: no guard looks there.
fn watch(node: &Node<'_>, wanted: &[Wanted], direction: On) -> Option<Option<Watch>> {
    let mut selection = Selection::default();
    let mut kinds: BTreeMap<&str, Vec<Act>> = BTreeMap::new();
    let mut labels: BTreeMap<&str, String> = BTreeMap::new();
    // The entities that a guard looks for only as one of many, and not more than a group does.
    let mut groups: BTreeSet<(&str, u8)> = BTreeSet::new();
    let mut rules = Holding::default();
    let mut injects = Vec::new();
    let (mut links, mut echoes, mut policy) = (Vec::new(), false, Policy::default());
    for (place, guard) in wanted.iter().enumerate() {
        let looks = guard.on == direction || guard.on == On::Both;
        if !looks || guard.call.is_some() {
            continue;
        }
        rules.add(place);
        let rule = u8::try_from(place).ok()?;
        if direction == On::Input && guard.detect.iter().any(Detected::injects) {
            let least = guard.threshold.unwrap_or(injection::DEFAULT);
            injects.push(Act { rule, least });
        }
        for Detected { name, grouped } in guard.detect.iter().filter(|one| !one.injects()) {
            let least = guard.threshold.unwrap_or(Entity::LEAST);
            let acts = kinds.entry(name).or_default();
            acts.push(Act { rule, least });
            labels.insert(name, label(name));
            if *grouped && least >= Entity::LEAST {
                groups.insert((name, rule));
            }
        }
        if direction == On::Output {
            answers(guard, rule, &mut kinds, &mut labels, &mut links);
            echoes |= guard.system_prompt;
            policy.measures |= guard.measures;
        }
        if guard.patterns.is_empty() && guard.words.is_empty() {
            continue;
        }
        kinds
            .entry(&guard.own)
            .or_default()
            .push(Act { rule, least: 0 });
        let name = guard.own.trim_start_matches("guard.");
        labels.insert(&guard.own, label(name));
        let own = || guard.own.clone();
        let patterns = guard.patterns.iter();
        selection
            .patterns
            .extend(patterns.map(|pattern| (own(), pattern.clone())));
        if !guard.words.is_empty() {
            selection.words.push((own(), guard.words.clone()));
        }
    }
    if rules.is_empty() {
        return Some(None);
    }
    if !injects.is_empty() {
        injection::prepare();
    }
    for (name, acts) in &kinds {
        if !name.starts_with("guard.") {
            let least = acts.iter().map(|act| act.least).min().unwrap_or(SURE);
            selection.kinds.push(((*name).to_owned(), Some(least)));
        }
    }
    let scanner = match Scanner::new(&selection) {
        Ok(scanner) => scanner,
        Err(problems) => {
            for problem in problems {
                node.wrong(problem);
            }
            return None;
        }
    };
    let mut found = scanner.kinds().to_vec();
    for (name, links) in links {
        policy.links.push((u16::try_from(found.len()).ok()?, links));
        found.push(name);
    }
    if echoes {
        policy.echo = Some(u16::try_from(found.len()).ok()?);
        found.push(SYSTEM_PROMPT.to_owned());
    }
    let acts = found.iter().enumerate().map(|(place, kind)| {
        let mut acts = kinds.get(kind.as_str()).cloned().unwrap_or_default();
        acts.retain(|act| !(scanner.is_weak(place) && groups.contains(&(kind, act.rule))));
        acts
    });
    let acts = acts.collect();
    let labels = found.iter().map(|kind| labels.get(kind.as_str()).cloned());
    let labels = labels
        .map(|label| label.unwrap_or_else(|| "DATA".to_owned()))
        .collect();
    Some(Some(Watch {
        scan: Box::new(scanner),
        acts,
        labels,
        rules,
        injection: injects,
        policy,
    }))
}
