//! How a plan came about, for whoever asks. A request that is sent remembers nothing of it.

use crate::{
    config::Gateway,
    fault::Fault,
    plan::{Choice, Reason, Step, health::Why},
};

/// Why a target stands where it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) provider: usize,
    pub(super) model: String,
    pub(super) reason: &'static str,
    pub(super) because: String,
}

/// A target that is not asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Left {
    pub(super) provider: usize,
    pub(super) model: String,
    pub(super) reason: &'static str,
    pub(super) because: String,
}

/// A target that cools down, so that others come before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cooled {
    pub(super) cluster: String,
    pub(super) model: String,
    pub(super) why: Why,
    /// Units: milliseconds since 1970.
    pub(super) until: u64,
}

/// What is told while a plan is made.
#[derive(Debug, Default)]
pub(super) struct Story {
    listens: bool,
    pub(super) rule: Option<String>,
    /// Of the first model, where there are several.
    pub(super) policy: Option<&'static str>,
    pub(super) score: Option<u8>,
    /// The language of the last question, where a rule asks for it.
    pub(super) language: Option<&'static str>,
    pub(super) places: Vec<Place>,
    pub(super) left: Vec<Left>,
    pub(super) cooled: Vec<Cooled>,
}

/// The word for targets of the model that follows when a prompt is too long.
const LONGER: &str = "longer";

impl Story {
    /// Somebody listens.
    pub(super) fn heard() -> Self {
        Self {
            listens: true,
            ..Self::default()
        }
    }

    /// Whether somebody listens: then nothing is sent, and nobody is probed.
    pub(super) const fn is_heard(&self) -> bool {
        self.listens
    }

    /// What was chosen. `longer`: for prompts that are too long for the others.
    pub(super) fn chose(&mut self, choice: &Choice<'_>, longer: bool) {
        if !self.listens {
            return;
        }
        if !longer && self.policy.is_none() {
            self.policy = Some(choice.route.as_str());
            self.rule = choice.rule.map(|rule| rule.name.clone());
        }
        let name = &choice.model.name;
        self.places.extend(choice.candidates.iter().map(|one| {
            let (reason, because) = match longer {
                true => {
                    let because = format!(
                        "a target of `{name}`, for prompts that are too long for the others"
                    );
                    (LONGER, because)
                }
                false => told(one.reason),
            };
            Place {
                provider: one.provider,
                model: one.step.model.clone(),
                reason,
                because,
            }
        }));
        self.left.extend(choice.skipped.iter().map(|one| Left {
            provider: one.provider,
            model: one.model.clone(),
            reason: one.reason.as_str(),
            because: one.reason.to_string(),
        }));
    }

    /// A step is left out because of what its dialect or its model cannot take.
    pub(super) fn cannot(&mut self, provider: usize, step: &Step, fault: &Fault) {
        if self.listens {
            let code = fault.code.is_none().then(|| fault.kind.wire().2);
            self.left_out(provider, step, code.unwrap_or("refused"), &fault.message);
        }
    }

    /// A step is left out.
    pub(super) fn left_out(
        &mut self,
        provider: usize,
        step: &Step,
        reason: &'static str,
        because: &str,
    ) {
        if self.listens {
            self.left.push(Left {
                provider,
                model: step.model.clone(),
                reason,
                because: because.to_owned(),
            });
        }
    }

    /// A step cools down.
    pub(super) fn cools(&mut self, step: &Step, why: Why, until: u64) {
        if self.listens {
            self.cooled.push(Cooled {
                cluster: step.cluster.clone(),
                model: step.model.clone(),
                why,
                until,
            });
        }
    }

    /// Why a step stands where it does.
    pub(super) fn place(&self, provider: usize, step: &Step) -> Option<&Place> {
        let same = |place: &&Place| place.provider == provider && place.model == step.model;
        self.places.iter().find(same)
    }

    /// What is against a step.
    pub(super) fn cooling(&self, step: &Step) -> Option<&Cooled> {
        let same = |cooled: &&Cooled| cooled.cluster == step.cluster && cooled.model == step.model;
        self.cooled.iter().find(same)
    }
}

fn told(reason: Reason) -> (&'static str, String) {
    (reason.as_str(), reason.to_string())
}

impl Left {
    /// The provider's name.
    pub(super) fn provider<'c>(&self, config: &'c Gateway) -> &'c str {
        let to = config.providers.get(self.provider);
        to.map(|to| to.name.as_str()).unwrap_or_default()
    }
}
