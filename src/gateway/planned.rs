//! The plan of one request: what is known of it, what was chosen, and what the record says of that.

use super::{
    Client,
    caller::Caller,
    models,
    overrides::{self, Patience},
    story::Story,
};
use crate::{
    api::client::{Api, Asked},
    config::{Gateway, MAX_PLAN, Model, OnContextLength, Retries, Route},
    fault::{Fault, FaultKind},
    host::{Host, Side, keys::state},
    plan::{self, Choice, Facts, Overrides, Step, Unmirrored},
};

use std::{borrow::Cow, time::Duration};

/// Whom a request comes from.
#[derive(Clone, Copy)]
pub(super) struct From<'a> {
    pub(super) caller: &'a Caller,
    pub(super) client: &'a Client,
}

/// What a request asks for.
#[derive(Clone, Copy)]
pub(super) struct What<'a> {
    /// The model, and those that may answer when its targets have failed.
    pub(super) model: &'a str,
    pub(super) others: &'a [String],
    /// No rule leads to another one.
    pub(super) only: bool,
    /// What is done, e.g. `chat`.
    pub(super) operation: &'a str,
    /// The request, where its body is read.
    pub(super) asked: Option<&'a Asked<'a>>,
    /// Its path, where it is not the one that this request has.
    pub(super) path: Option<&'a str>,
    /// Counts the prompt's tokens as a model reads it.
    pub(super) count: &'a dyn Fn(&str) -> Option<u64>,
}

/// What was chosen.
pub(super) struct Planned<'c> {
    /// The attempts, each with its provider's place; never empty.
    pub(super) steps: Vec<(usize, Step)>,
    /// The model whose timeouts and retries hold.
    pub(super) model: &'c Model,
    /// Those of the model that follows where a prompt may be too long.
    pub(super) longer: Vec<(usize, Step)>,
    /// Where a copy may go; `None`: the model has no mirror.
    pub(super) mirror: Option<Result<(usize, Step), Unmirrored>>,
    /// Policy and rule, where they are more than the order of a list.
    pub(super) told: Option<String>,
    /// What is drawn for this request.
    pub(super) seed: u64,
    /// What the client says itself.
    pub(super) said: Overrides,
}

/// Chooses the attempts, and writes into the record how.
///
/// Errors: `UnknownModel`; `no_compliant_target`; what the client says itself cannot be done.
pub(super) fn plan<'c>(
    host: &dyn Host,
    config: &'c Gateway,
    from: From<'_>,
    what: What<'_>,
    story: &mut Story,
) -> Result<Planned<'c>, Fault> {
    let caller = from.caller;
    let find =
        |name: &str| plan::model(config, name).ok_or_else(|| models::unknown(config, caller, name));
    let model = find(what.model)?;
    let header = |name: &str| match what.path.filter(|_| name == ":path") {
        Some(path) => Some(path.to_owned()),
        None => host.header(Side::Request, name),
    };
    // The model that the first target asks for says how tokens are counted.
    let count = || {
        let first = plan::first(config, model, what.model);
        (what.count)(first.as_ref().map_or(what.model, |step| &step.model))
    };
    let mut facts = Facts::new(what.model, what.operation, &header, what.asked);
    describe(&mut facts, host, config, from)?;
    let shared = |key: &str| host.get(key).bytes;
    facts.shared = &shared;
    facts.only = what.only;
    facts.count = &count;
    facts.counts = config.count_tokens && what.asked.is_some_and(|a| a.api != Api::CountTokens);
    let first = choose(config, model, what.model, &facts, story);
    if let Some(score) = facts.score() {
        host.set_state(state::SCORE, &score.to_string());
        story.score = Some(score);
    }
    if let Some(language) = facts.found_language() {
        host.set_state(state::LANGUAGE, language);
        story.language = Some(language);
    }
    let longer = match &first {
        Ok(first) => longer(config, first, &facts, story),
        Err(_) => Vec::new(),
    };
    let drawn = (facts.seed, facts.overrides);
    if what.others.is_empty() {
        return Ok(Planned {
            longer,
            ..planned(host, first?, drawn)
        });
    }
    let mut all = vec![first];
    for name in what.others {
        models::permit(config, caller, name)?;
        facts.model = name;
        all.push(choose(config, find(name)?, name, &facts, story));
    }
    Ok(Planned {
        longer,
        ..joined(host, all, drawn)?
    })
}

impl Planned<'_> {
    /// How much is tried, and how long each attempt has of the time that is configured.
    pub(super) fn limits(&self, configured: Duration) -> (Cow<'_, Retries>, Patience) {
        let mut retries = Cow::Borrowed(&self.model.retries);
        if let Some(said) = self.said.attempts.filter(|said| *said < retries.attempts) {
            retries.to_mut().attempts = said;
        }
        let patience = Patience::of(configured, self.said.timeout);
        (
            retries,
            patience.idle(self.model.idle_timeout, self.said.idle),
        )
    }
}

/// Chooses, and tells of what was not chosen even where nothing is left.
fn choose<'c>(
    config: &'c Gateway,
    model: &'c Model,
    asked: &str,
    facts: &Facts<'_>,
    story: &mut Story,
) -> Result<Choice<'c>, Fault> {
    let chosen = plan::choose(config, model, asked, facts);
    match &chosen {
        Ok(choice) => story.chose(choice, false),
        Err(_) if story.is_heard() => {
            if let Ok(none) = plan::consider(config, model, asked, facts) {
                story.chose(&none, false);
            }
        }
        Err(_) => {}
    }
    chosen
}

/// The attempts of the model that follows when a prompt is too long, but for those that are in the plan anyhow.
fn longer(
    config: &Gateway,
    first: &Choice<'_>,
    facts: &Facts<'_>,
    story: &mut Story,
) -> Vec<(usize, Step)> {
    // What must go to one model goes to no other, however long it is.
    let (OnContextLength::GoTo(named), false) = (&first.model.on_context_length, facts.only) else {
        return Vec::new();
    };
    let Some(mut choice) = plan::longer(config, named, facts) else {
        return Vec::new();
    };
    let planned = |step: &Step| first.candidates.iter().any(|one| one.step == *step);
    choice.candidates.retain(|one| !planned(&one.step));
    story.chose(&choice, true);
    choice.into_steps()
}

/// Checks that a request that names no model may go to the provider of this place.
///
/// Errors: `no_compliant_target`; what the client says itself cannot be done.
pub(super) fn permit(
    host: &dyn Host,
    config: &Gateway,
    from: From<'_>,
    operation: &str,
    provider: usize,
) -> Result<(), Fault> {
    let header = |name: &str| host.header(Side::Request, name);
    let mut facts = Facts::new("", operation, &header, None);
    describe(&mut facts, host, config, from)?;
    if let Some(rule) = plan::permit(config, provider, &facts)? {
        host.set_state(state::RULE, &rule.name);
    }
    Ok(())
}

/// Who asks, when, and what the client says itself.
fn describe<'a>(
    facts: &mut Facts<'a>,
    host: &dyn Host,
    config: &Gateway,
    from: From<'a>,
) -> Result<(), Fault> {
    let From { caller, client } = from;
    facts.who = caller.who();
    facts.require = caller.requires();
    facts.overrides = overrides::read(config, caller, client)?;
    facts.now = host.now();
    facts.seed = plan::seed(client.id.as_deref(), facts.now);
    Ok(())
}

/// The attempts of several models, one after the other; a refusal counts only when there is nothing else.
fn joined<'c>(
    host: &dyn Host,
    all: Vec<Result<Choice<'c>, Fault>>,
    drawn: (u64, Overrides),
) -> Result<Planned<'c>, Fault> {
    let mut joined: Option<Planned<'c>> = None;
    let mut routes: Vec<String> = Vec::new();
    let mut refusal = None;
    for one in all {
        match one {
            Ok(choice) => {
                routes.push(choice.route());
                match &mut joined {
                    None => joined = Some(planned(host, choice, drawn)),
                    Some(joined) => joined.steps.extend(choice.into_steps()),
                }
            }
            Err(fault) => {
                refusal.get_or_insert(fault);
            }
        }
    }
    let Some(mut joined) = joined else {
        let none = || Fault::new(FaultKind::Internal, "There is no plan.");
        return Err(refusal.unwrap_or_else(none));
    };
    joined.steps.truncate(MAX_PLAN);
    let routes = routes.join(",");
    host.set_state(state::ROUTE, &routes);
    joined.told = Some(routes);
    Ok(joined)
}

fn planned<'c>(host: &dyn Host, choice: Choice<'c>, drawn: (u64, Overrides)) -> Planned<'c> {
    let (seed, said) = drawn;
    let route = choice.route();
    host.set_state(state::ROUTE, &route);
    if let Some(rule) = choice.rule {
        host.set_state(state::RULE, &rule.name);
    }
    let told = match choice.rule {
        Some(rule) => Some(format!("{route};rule={}", rule.name)),
        None if choice.route == Route::Fallback => None,
        None => Some(route),
    };
    Planned {
        model: choice.model,
        told,
        seed,
        said,
        longer: Vec::new(),
        mirror: choice.mirror.clone(),
        steps: choice.into_steps(),
    }
}
