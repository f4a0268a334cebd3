//! From the model that a client asks for to the ordered attempts.
//!
//! [`choose`] is the whole of it: the first rule that matches ([`rules`]), the targets whose labels will do
//! ([`labels`]), and their order ([`policy`]). It is a function of the configuration and of what is known of the
//! request ([`Facts`]); what nobody asks for is never looked at.

pub mod busy;
pub mod complexity;
mod draw;
mod facts;
mod hand_over;
pub mod health;
mod labels;
pub mod language;
mod look;
pub mod mirror;
pub mod pace;
mod policy;
mod reasons;
mod rules;
pub mod signed;
pub mod wire;

pub use crate::config::covers;
pub use draw::{mark, number};
pub use facts::{Facts, Overrides, Who, seed};
pub use hand_over::{Copied, HandOver, Moves};
pub use labels::no_compliant_target;
pub use mirror::Unmirrored;
pub use policy::expected;
pub use reasons::dollars;

use crate::{
    config::{Gateway, Model, Named, Route, Rule, Target, To, covering},
    fault::{Fault, FaultKind},
};
use serde::{Deserialize, Serialize};

/// The fields by which clients limit an answer.
pub const LIMITS: [&str; 3] = ["max_tokens", "max_completion_tokens", "max_output_tokens"];

/// One attempt, as the gateway role hands it to the provider role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The provider's name.
    pub provider: String,
    /// Its Envoy cluster.
    pub cluster: String,
    /// The model to ask it for.
    pub model: String,
    /// The dialect that the gateway role planned with.
    pub dialect: String,
}

/// A target that may be tried, and why it stands where it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its place in [`Gateway::providers`].
    pub provider: usize,
    /// The attempt.
    pub step: Step,
    /// Why it stands here.
    pub reason: Reason,
}

/// Why a candidate stands where it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// It is written there.
    Order,
    /// It was drawn, with this weight.
    Drawn(u32),
    /// Another was drawn; this weight decides the rest.
    Weight(u32),
    /// What the request would cost there. Units: pico-dollars. `None`: there is no price.
    Price(Option<u128>),
    /// How long the answer would take there. Units: milliseconds. `None`: nothing is known of it.
    Pace(Option<u64>),
    /// It is asked to learn how fast it is by now.
    Explored,
    /// How many requests are there.
    Busy(u32),
}

/// A target that is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// The provider's place in [`Gateway::providers`].
    pub provider: usize,
    /// The model that it would have been asked for.
    pub model: String,
    /// Why.
    pub reason: Missing,
}

/// Why a target is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// It lacks a label that the request needs.
    Label,
    /// The client asked for another provider.
    Provider,
}

/// What was chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice<'c> {
    /// The model whose targets these are: that of the rule, else the one that was asked for.
    pub model: &'c Model,
    /// How they are ordered.
    pub route: Route,
    /// The rule that matched.
    pub rule: Option<&'c Rule>,
    /// The attempts in order; never empty.
    pub candidates: Vec<Candidate>,
    /// Where a copy may go, with its provider's place; `None`: the model has no mirror.
    pub mirror: Option<Result<(usize, Step), Unmirrored>>,
    /// What was left out.
    pub skipped: Vec<Skipped>,
}

impl Choice<'_> {
    /// For the record: `smart:weighted`.
    pub fn route(&self) -> String {
        [&self.model.name, ":", self.route.as_str()].concat()
    }

    /// The attempts with their providers' places.
    pub fn into_steps(self) -> Vec<(usize, Step)> {
        let candidates = self.candidates.into_iter();
        candidates.map(|one| (one.provider, one.step)).collect()
    }
}

/// The configured model that covers `asked`: of the same name, else with the longest beginning.
pub fn model<'c>(config: &'c Gateway, asked: &str) -> Option<&'c Model> {
    let names = config.models.iter().map(|model| model.name.as_str());
    config.models.get(covering(names, asked)?)
}

/// Chooses the attempts for a request that asked for `asked`, which `model` covers.
///
/// Errors: `no_compliant_target` when no target has the labels that a rule or the client's key requires; a refusal
/// when the client asked for a provider that is not among them.
pub fn choose<'c>(
    config: &'c Gateway,
    model: &'c Model,
    asked: &str,
    facts: &Facts<'_>,
) -> Result<Choice<'c>, Fault> {
    let choice = consider(config, model, asked, facts)?;
    if choice.candidates.is_empty() {
        let needs = needs(choice.rule, facts);
        let (model, skipped) = (choice.model, &choice.skipped);
        return Err(nothing_left(config, model, needs, skipped, facts));
    }
    Ok(choice)
}

/// As [`choose`], but that there may be no candidate: for whoever asks why there is none.
///
/// Errors: the route that the client asked for needs weights.
pub fn consider<'c>(
    config: &'c Gateway,
    model: &'c Model,
    asked: &str,
    facts: &Facts<'_>,
) -> Result<Choice<'c>, Fault> {
    let rule = rules::first(config, facts);
    let instead = rule.filter(|_| !facts.only);
    let instead = instead.and_then(|rule| rule.instead.as_ref());
    let instead = instead.and_then(|to| Some((config.models.get(to.model)?, to.asked.as_str())));
    let (model, asked) = instead.unwrap_or((model, asked));
    let route = facts.overrides.route.unwrap_or(model.route);
    ordered(config, rule, (model, asked), route, facts)
}

/// The attempts of the model that follows when a prompt is too long for the others; there may be none. The same labels
/// hold for them, and the provider that a client insists on; which model it is has been decided.
pub fn longer<'c>(config: &'c Gateway, named: &Named, facts: &Facts<'_>) -> Option<Choice<'c>> {
    let model = config.models.get(named.model)?;
    let rule = rules::first(config, facts);
    ordered(config, rule, (model, &named.asked), model.route, facts).ok()
}

/// What the rule and what the client's key require.
fn needs<'n>(rule: Option<&'n Rule>, facts: &Facts<'n>) -> labels::Needs<'n> {
    let rule = rule.map(|rule| rule.require.as_slice());
    [rule.unwrap_or_default(), facts.require]
}

fn ordered<'c>(
    config: &'c Gateway,
    rule: Option<&'c Rule>,
    (model, asked): (&'c Model, &str),
    route: Route,
    facts: &Facts<'_>,
) -> Result<Choice<'c>, Fault> {
    let mut planned = policy::Plan {
        config,
        facts,
        needs: needs(rule, facts),
        skipped: Vec::new(),
    };
    let candidates = planned.order(model, route, asked)?;
    let mirror = mirror::target(config, model, asked, planned.needs, facts);
    let skipped = planned.skipped;
    Ok(Choice {
        model,
        route,
        rule,
        candidates,
        mirror,
        skipped,
    })
}

/// Checks that a request that names no model may go to the provider of this place; gives the rule that matched.
///
/// Errors: as of [`choose`].
pub fn permit<'c>(
    config: &'c Gateway,
    provider: usize,
    facts: &Facts<'_>,
) -> Result<Option<&'c Rule>, Fault> {
    let rule = rules::first(config, facts);
    let needs = needs(rule, facts);
    let to = config.providers.get(provider);
    let name = to.map(|to| to.name.as_str()).unwrap_or_default();
    if !to.is_some_and(|to| labels::comply(&to.labels, needs)) {
        return Err(no_compliant_target(name, needs.into_iter().flatten()));
    }
    Ok(rule)
}

/// Why no target is left.
fn nothing_left(
    config: &Gateway,
    model: &Model,
    needs: labels::Needs<'_>,
    skipped: &[Skipped],
    facts: &Facts<'_>,
) -> Fault {
    let wanted = facts.overrides.provider;
    // What labels forbid is told before what the client has narrowed.
    let forbidden = |s: &Skipped| s.reason == Missing::Label && wanted == Some(s.provider);
    let place = wanted.filter(|_| !skipped.iter().any(forbidden));
    let narrowed = skipped.iter().any(|s| s.reason == Missing::Provider);
    match place
        .filter(|_| narrowed)
        .and_then(|at| config.providers.get(at))
    {
        Some(wanted) => {
            let message = format!(
                "`{}` has no target at the provider `{}` that may be used.",
                model.name, wanted.name
            );
            Fault::new(FaultKind::BadRequest, message).at("x-llm-provider")
        }
        None => no_compliant_target(&model.name, needs.into_iter().flatten()),
    }
}

/// The attempt that is written first for a model, wherever its requests begin.
pub fn first(config: &Gateway, model: &Model, asked: &str) -> Option<Step> {
    let (mut model, mut asked) = (model, asked);
    // As deep as a configuration may nest.
    for _ in 0..config.models.len() {
        let target = model.targets.first()?;
        match &target.to {
            To::Provider { .. } => return step(config, model, target, asked).map(|(_, step)| step),
            To::Model(named) => (model, asked) = (config.models.get(named.model)?, &named.asked),
        }
    }
    None
}

/// The attempt at a target that leads to a provider.
fn step(config: &Gateway, model: &Model, target: &Target, asked: &str) -> Option<(usize, Step)> {
    let To::Provider {
        provider,
        model: own,
    } = &target.to
    else {
        return None;
    };
    let destination = config.providers.get(*provider)?;
    // `anthropic/claude-*`: the provider's name is an address, not part of the model's.
    let addressed = |name: &str| -> Option<usize> {
        let rest = name.strip_prefix(&destination.name)?.strip_prefix('/')?;
        Some(name.len() - rest.len())
    };
    let wanted = match own {
        Some(model) => model.as_str(),
        None => match addressed(&model.name) {
            Some(prefix) => asked.get(prefix..).unwrap_or(asked),
            None => asked,
        },
    };
    let step = Step {
        provider: destination.name.clone(),
        cluster: destination.cluster.clone(),
        model: wanted.to_owned(),
        dialect: destination.dialect.to_owned(),
    };
    Some((*provider, step))
}
