//! How long a prompt is, and which targets can hold it.

use super::story::Story;
use crate::{
    api::client::{Api, Asked},
    catalogue::{self, Catalogue},
    config::{Gateway, OnContextLength},
    fault::{Fault, FaultKind},
    host::{Host, keys::state},
    json::Raw,
    plan::{LIMITS, Step},
    tokens::{
        chat::{Count, Counter},
        family::Class,
    },
};
use std::borrow::Cow;

/// What is known of a request's length.
#[derive(Debug, Default)]
pub(super) struct Lengths {
    /// The prompt's tokens, for each step; empty when nothing is counted.
    pub(super) tokens: Vec<u64>,
    /// The most tokens of an answer, for each step that gives fewer than asked for; empty when none does.
    pub(super) caps: Vec<Option<u64>>,
}

/// The attempts, before anybody has asked how long the prompt is.
pub(super) struct Ways<'c> {
    /// What becomes of a request that is too long.
    pub(super) on: &'c OnContextLength,
    /// Those of the plan.
    pub(super) steps: Vec<(usize, Step)>,
    /// Those of the model that follows where that may be needed.
    pub(super) longer: Vec<(usize, Step)>,
}

/// Counts the prompt, leaves out the steps that cannot hold it as configured, and writes the count into the record.
/// The steps of the model that follows are put behind the others unless these surely hold the prompt: what a provider
/// finds too long then has somewhere to go.
///
/// Errors: `ContextLength` with the numbers.
pub(super) fn fit(
    host: &dyn Host,
    config: &Gateway,
    asked: &Asked<'_>,
    counter: &mut Counter<'_, '_>,
    ways: Ways<'_>,
    story: &mut Story,
) -> Result<(Vec<(usize, Step)>, Lengths), Fault> {
    let mut fit = Fit {
        config,
        answer: wanted(asked),
        checks: *ways.on != OnContextLength::Ignore && must_fit(asked),
        kept: Vec::new(),
        lengths: Lengths::default(),
        refusal: None,
        sure: true,
    };
    for (at, (provider, step)) in ways.steps.into_iter().enumerate() {
        let count = config.count_tokens.then(|| counter.count(&step.model));
        if let Some(count) = count.filter(|_| at == 0) {
            record(host, count);
        }
        fit.add(provider, step, count, story);
        if at == 0
            && *ways.on == OnContextLength::Refuse
            && let Some(fault) = fit.refusal
        {
            return Err(fault);
        }
    }
    if fit.checks && !fit.sure {
        for (provider, step) in ways.longer {
            let count = config.count_tokens.then(|| counter.count(&step.model));
            fit.add(provider, step, count, story);
        }
    } else {
        for (provider, step) in ways.longer {
            let because = "this request has no need of it";
            story.left_out(provider, &step, "not_needed", because);
        }
    }
    let (kept, mut lengths) = (fit.kept, fit.lengths);
    if lengths.caps.iter().all(Option::is_none) {
        lengths.caps.clear();
    }
    match fit.refusal {
        Some(fault) if kept.is_empty() => Err(fault),
        _ => Ok((kept, lengths)),
    }
}

/// Finding out which steps can hold a prompt.
struct Fit<'c> {
    config: &'c Gateway,
    /// The longest answer that the client asks for.
    answer: Option<u64>,
    /// A step that cannot hold the prompt is left out.
    checks: bool,
    kept: Vec<(usize, Step)>,
    lengths: Lengths,
    /// Why the first that was left out cannot hold it.
    refusal: Option<Fault>,
    /// Every step so far surely holds it.
    sure: bool,
}

impl Fit<'_> {
    fn add(&mut self, provider: usize, step: Step, count: Option<Count>, story: &mut Story) {
        let model = known(self.config, provider, &step, self.checks);
        let cap = model.as_ref().and_then(|model| model.max_output);
        let caps = self.config.cap_max_tokens;
        let cap = cap.filter(|most| caps && self.answer.is_some_and(|a| a > *most));
        let answer = cap.or(self.answer);
        if self.checks {
            let both = model.as_ref().zip(count);
            self.sure &= both.is_some_and(|(model, count)| surely_fits(model, count, answer));
            let fault = both.and_then(|(model, count)| too_long(model, count, answer, &step.model));
            if let Some(fault) = fault {
                story.cannot(provider, &step, &fault);
                self.refusal.get_or_insert(fault);
                return;
            }
        }
        self.lengths.tokens.extend(count.map(|count| count.tokens));
        self.lengths.caps.push(cap);
        self.kept.push((provider, step));
    }
}

/// Whether a request that is too long is refused by its provider: texts to embed or to complete are each on their own, and
/// some requests ask to be shortened.
fn must_fit(asked: &Asked<'_>) -> bool {
    const SHORTENED: [&str; 4] = ["truncation", "context_management", "transforms", "plugins"];
    let says = |key: &str| {
        let raw = asked.body.raw(key).map(Raw::get);
        !matches!(raw, None | Some("null" | "[]" | "\"disabled\""))
    };
    matches!(asked.api, Api::Chat | Api::Messages | Api::Responses)
        && !SHORTENED.into_iter().any(says)
}

/// What is known of the model that a step asks for.
fn known<'c>(
    config: &'c Gateway,
    provider: usize,
    step: &Step,
    checks: bool,
) -> Option<Cow<'c, catalogue::Model>> {
    let wanted = config.cap_max_tokens || checks;
    config.providers.get(provider).filter(|_| wanted)?;
    let (provider, dialect) = (&step.provider, &step.dialect);
    let mut model = config.about(provider, dialect, &step.model)?;
    // A deployment's name is its owner's: that it is also a model's proves nothing.
    if dialect == "azure"
        && Catalogue::built_in()
            .find_at(provider, dialect, &step.model)
            .is_some()
    {
        return None;
    }
    // These have a longer window with a beta, which the cluster may set.
    // Anthropic's "Context windows", 1M beta: general knowledge, not confirmed.
    if step.model.contains("claude-sonnet-4") {
        let longer = |window: u64| window.max(1_000_000);
        let model = model.to_mut();
        model.context_window = model.context_window.map(longer);
        model.max_input = model.max_input.map(longer);
    }
    Some(model)
}

/// The longest answer that the client asks for. Of several limits, a provider takes one; it is not known which.
fn wanted(asked: &Asked<'_>) -> Option<u64> {
    let limits = LIMITS.iter();
    limits
        .filter_map(|key| asked.body.read(key).ok().flatten())
        .max()
}

/// The least limit that the client sets for the answer.
pub(super) fn least(asked: &Asked<'_>) -> Option<u64> {
    let limits = LIMITS.iter();
    limits
        .filter_map(|key| asked.body.read(key).ok().flatten())
        .min()
}

/// Writes the count for the first target into the record.
pub(super) fn record(host: &dyn Host, count: Count) {
    host.set_state(state::TOKENS_ESTIMATE, &count.tokens.to_string());
    host.set_state(state::TOKENS_CLASS, count.class.as_str());
    host.set_state(state::TOKENIZER, count.encoding.name());
}

/// Whether a model holds a request even if the prompt is as much longer than its count as that may be off.
fn surely_fits(model: &catalogue::Model, count: Count, answer: Option<u64>) -> bool {
    let most = model
        .context_window
        .into_iter()
        .chain(model.max_input)
        .min();
    let longest = count.tokens.saturating_mul(100 + 2 * count.error_percent) / 100;
    most.is_some_and(|most| longest.saturating_add(answer.unwrap_or(0)) <= most)
}

/// Why a model cannot hold a request. An exact count is taken at its word, together with the answer that is asked for, which
/// OpenAI's models must have room for; of any other count, only its least that is possible.
fn too_long(
    model: &catalogue::Model,
    count: Count,
    answer: Option<u64>,
    name: &str,
) -> Option<Fault> {
    let window = model.context_window;
    let exact = count.class == Class::Exact;
    let least = if exact {
        count.tokens
    } else {
        count.tokens.saturating_mul(100) / (100 + 2 * count.error_percent)
    };
    let answer = answer.filter(|_| exact).unwrap_or(0);
    let most = window.into_iter().chain(model.max_input).min()?;
    let about = if exact { "" } else { "about " };
    let prompt = count.tokens;
    let message = if least > most {
        format!(
            "This model's maximum context length is {most} tokens. However, your messages resulted in {about}{prompt} tokens. Please reduce the length of the messages or choose a model with a longer context than `{name}`."
        )
    } else if let Some(window) = window.filter(|w| least.saturating_add(answer) > *w) {
        let both = prompt.saturating_add(answer);
        format!(
            "This model's maximum context length is {window} tokens. However, you requested {both} tokens ({prompt} in the messages, {answer} in the completion). Please reduce the length of the messages or completion, or choose a model with a longer context than `{name}`."
        )
    } else {
        return None;
    };
    Some(Fault::new(FaultKind::ContextLength, message).at("messages"))
}
