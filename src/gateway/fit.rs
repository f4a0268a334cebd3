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

/// The targets, before anybody has asked how long the prompt is.
pub(super) struct Ways<'c> {
    /// What becomes of a request that is too long.
    pub(super) on: &'c OnContextLength,
    /// Those of the plan, in its own order: what is too long must not depend on who cools down.
    pub(super) steps: Vec<(usize, Step)>,
    /// Those of the model that follows where that may be needed.
    pub(super) longer: Vec<(usize, Step)>,
}

/// Leaves out the targets that cannot hold the prompt, as configured. Those of the model that follows stay only where the
/// others do not surely hold it: what a provider finds too long then has somewhere to go.
///
/// Errors: `ContextLength` with the numbers; the count is in the record.
pub(super) fn fit<'c>(
    host: &dyn Host,
    config: &Gateway,
    asked: &Asked<'_>,
    counter: &mut Counter<'_, '_>,
    ways: Ways<'c>,
    story: &mut Story,
) -> Result<Ways<'c>, Fault> {
    let Ways { on, steps, longer } = ways;
    let mut fit = Fit {
        config,
        answer: wanted(asked),
        checks: *on != OnContextLength::Ignore && must_fit(asked),
        refusal: None,
        sure: true,
    };
    let first = steps.first().filter(|_| config.count_tokens);
    let first = first.map(|(_, step)| counter.count(&step.model));
    let refused = |fault| {
        first.inspect(|count| record(host, *count));
        Err(fault)
    };
    let mut kept = Vec::with_capacity(steps.len());
    for (at, (provider, step)) in steps.into_iter().enumerate() {
        if fit.takes(provider, &step, counter, story) {
            kept.push((provider, step));
        }
        if at == 0
            && *on == OnContextLength::Refuse
            && let Some(fault) = fit.refusal
        {
            return refused(fault);
        }
    }
    let mut follow = Vec::new();
    let needed = fit.checks && !fit.sure;
    for (provider, step) in longer {
        if !needed {
            let because = "this request has no need of it";
            story.left_out(provider, &step, "not_needed", because);
        } else if fit.takes(provider, &step, counter, story) {
            follow.push((provider, step));
        }
    }
    match fit.refusal {
        Some(fault) if kept.is_empty() && follow.is_empty() => refused(fault),
        _ => Ok(Ways {
            on,
            steps: kept,
            longer: follow,
        }),
    }
}

/// How long the prompt and the answer of each attempt are; writes the count for the first into the record.
pub(super) fn lengths(
    host: &dyn Host,
    config: &Gateway,
    asked: &Asked<'_>,
    counter: &mut Counter<'_, '_>,
    steps: &[(usize, Step)],
) -> Lengths {
    let mut lengths = Lengths::default();
    if config.count_tokens {
        for (at, (_, step)) in steps.iter().enumerate() {
            let count = counter.count(&step.model);
            if at == 0 {
                record(host, count);
            }
            lengths.tokens.push(count.tokens);
        }
    }
    if let Some(answer) = wanted(asked).filter(|_| config.cap_max_tokens) {
        let cap = |(provider, step): &(usize, Step)| cap(known(config, *provider, step), answer);
        lengths.caps = steps.iter().map(cap).collect();
        if lengths.caps.iter().all(Option::is_none) {
            lengths.caps.clear();
        }
    }
    lengths
}

/// The most tokens of an answer, where a model gives fewer than asked for.
fn cap(model: Option<Cow<'_, catalogue::Model>>, answer: u64) -> Option<u64> {
    model?.max_output.filter(|most| answer > *most)
}

/// Finding out which targets can hold a prompt.
struct Fit<'c> {
    config: &'c Gateway,
    /// The longest answer that the client asks for.
    answer: Option<u64>,
    /// A target that cannot hold the prompt is left out.
    checks: bool,
    /// Why the first that was left out cannot hold it.
    refusal: Option<Fault>,
    /// Every target so far surely holds it.
    sure: bool,
}

impl Fit<'_> {
    /// Whether a target may be asked.
    fn takes(
        &mut self,
        provider: usize,
        step: &Step,
        counter: &mut Counter<'_, '_>,
        story: &mut Story,
    ) -> bool {
        if !self.checks {
            return true;
        }
        let model = known(self.config, provider, step);
        let count = self.config.count_tokens.then(|| counter.count(&step.model));
        let Some((model, count)) = model.zip(count) else {
            self.sure = false;
            return true;
        };
        let capped = self.answer.filter(|_| self.config.cap_max_tokens);
        let capped = capped.and_then(|answer| cap(Some(Cow::Borrowed(&*model)), answer));
        let answer = capped.or(self.answer);
        self.sure &= surely_fits(&model, count, answer);
        let Some(fault) = too_long(&model, count, answer, &step.model) else {
            return true;
        };
        story.cannot(provider, step, &fault);
        self.refusal.get_or_insert(fault);
        false
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
) -> Option<Cow<'c, catalogue::Model>> {
    config.providers.get(provider)?;
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
