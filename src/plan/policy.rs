//! In which order the targets of a model are tried.
//!
//! A target that leads to another model stands for that model's targets, in the order of that model's own route. Targets
//! without the labels that a request needs are left out before anything is drawn or compared, so that a share that may
//! not be used is divided among the others by their weights.

use super::{
    Candidate, Facts, Missing, Reason, Skipped,
    draw::{FNV, exponential, hash, mark, mix, number},
    labels, step,
};
use crate::{
    api::{
        answer::Usage,
        client::{Api, Asked},
    },
    config::{Gateway, MAX_PLAN, Model, Route, Sticky, To},
    fault::{Fault, FaultKind},
    log::{cost, millis},
};

/// A prompt that is not counted is taken to be this long. Units: tokens.
const USUAL_PROMPT: u64 = 1000;
/// An answer is taken to be this long, or as long as the client allows where that is less. Units: tokens.
const USUAL_ANSWER: u64 = 500;

/// One plan in the making.
pub(super) struct Plan<'p, 'f> {
    pub(super) config: &'p Gateway,
    pub(super) facts: &'p Facts<'f>,
    pub(super) needs: labels::Needs<'p>,
    pub(super) skipped: Vec<Skipped>,
}

/// A target with the attempts that it stands for; at least one.
struct Group {
    weight: u32,
    /// Which target it is, in numbers that no change of the others changes.
    target: u64,
    /// The same, and which of several that are alike.
    mark: u64,
    candidates: Vec<Candidate>,
}

impl Group {
    /// Says of each attempt why it stands where it does.
    fn give(&mut self, reason: Reason) {
        for candidate in &mut self.candidates {
            candidate.reason = reason;
        }
    }
}

/// A model inside another draws for itself.
fn own_seed(seed: u64, model: &Model) -> u64 {
    mix(seed ^ hash(&model.name, FNV))
}

impl Plan<'_, '_> {
    /// The candidates of a model in the order of a route; empty: none may be used.
    ///
    /// Errors: the route needs weights and the model has none.
    pub(super) fn order(
        &mut self,
        model: &Model,
        route: Route,
        asked: &str,
    ) -> Result<Vec<Candidate>, Fault> {
        if route == Route::Weighted && model.targets.iter().all(|target| target.weight == 0) {
            let message = format!("`{}` has no weights, which `weighted` needs.", model.name);
            return Err(Fault::new(FaultKind::BadRequest, message).at("x-llm-route"));
        }
        let mut out = Vec::with_capacity(model.targets.len());
        self.expand(model, route, asked, 0, &mut out);
        out.truncate(MAX_PLAN);
        Ok(out)
    }

    fn expand(
        &mut self,
        model: &Model,
        route: Route,
        asked: &str,
        depth: usize,
        out: &mut Vec<Candidate>,
    ) {
        if route == Route::Fallback || model.targets.len() == 1 {
            for at in 0..model.targets.len() {
                self.follow(model, at, asked, depth, out);
            }
            return;
        }
        let mut groups = Vec::with_capacity(model.targets.len());
        for (at, target) in model.targets.iter().enumerate() {
            let mut candidates = Vec::new();
            self.follow(model, at, asked, depth, &mut candidates);
            if let Some(first) = candidates.first() {
                let first = &first.step;
                let identity = number(&first.provider, &first.model);
                // The same target twice has two shares.
                let before = groups.iter().filter(|g: &&Group| g.target == identity);
                let mark = identity ^ mix(before.count() as u64);
                groups.push(Group {
                    target: identity,
                    weight: target.weight,
                    mark,
                    candidates,
                });
            }
        }
        match route {
            Route::Cheapest => self.by_price(&mut groups),
            Route::Fastest => self.by_pace(model, &mut groups),
            Route::LeastBusy => self.by_load(model, &mut groups),
            _ => self.by_weight(model, &mut groups),
        }
        out.extend(groups.into_iter().flat_map(|group| group.candidates));
    }

    /// Adds what the target of this place stands for.
    fn follow(
        &mut self,
        model: &Model,
        at: usize,
        asked: &str,
        depth: usize,
        out: &mut Vec<Candidate>,
    ) {
        let Some(target) = model.targets.get(at) else {
            return;
        };
        if let To::Model(named) = &target.to {
            // The configuration has no circles; the depth is bounded all the same.
            let inner = self.config.models.get(named.model);
            if let Some(inner) = inner.filter(|_| depth < MAX_PLAN) {
                self.expand(inner, inner.route, &named.asked, depth + 1, out);
            }
            return;
        }
        let Some((provider, step)) = step(self.config, model, target, asked) else {
            return;
        };
        let wanted = self.facts.overrides.provider;
        let reason = if !labels::comply(&target.labels, self.needs) {
            Missing::Label
        } else if wanted.is_some_and(|wanted| wanted != provider) {
            Missing::Provider
        } else {
            out.push(Candidate {
                provider,
                step,
                reason: Reason::Order,
            });
            return;
        };
        self.skipped.push(Skipped {
            provider,
            model: step.model,
            reason,
        });
    }

    /// One is drawn by its weight and comes first; the others follow, the heaviest first.
    ///
    /// Each target draws a number from an exponential distribution whose rate is its weight, and the smallest wins: that
    /// is each one's exact share. The number of a target depends on it and on the request (or on what is sticky) alone,
    /// so a target that comes or goes moves no other requests than its own: a weighted rendezvous hash.
    fn by_weight(&self, model: &Model, groups: &mut [Group]) {
        groups.sort_by_key(|group| std::cmp::Reverse(group.weight));
        let sticky = model.sticky.as_ref().and_then(|sticky| self.sticky(sticky));
        let seed = match sticky {
            Some(text) => hash(&text, FNV),
            None => self.facts.seed,
        };
        let seed = own_seed(seed, model);
        let drawn = groups
            .iter()
            .enumerate()
            .filter(|(_, group)| group.weight > 0)
            .map(|(at, group)| {
                (
                    at,
                    exponential(mix(seed ^ group.mark)) / f64::from(group.weight),
                )
            })
            .min_by(|a, b| a.1.total_cmp(&b.1));
        for group in &mut *groups {
            group.give(Reason::Weight(group.weight));
        }
        if let Some(front) = drawn.and_then(|(at, _)| groups.get_mut(..=at)) {
            front.rotate_right(1);
            if let Some(group) = front.first_mut() {
                group.give(Reason::Drawn(group.weight));
            }
        }
    }

    fn sticky(&self, sticky: &Sticky) -> Option<String> {
        match sticky {
            Sticky::User => self.facts.sticky_user(),
            Sticky::Header(name) => (self.facts.header)(name),
        }
        .filter(|text| !text.is_empty())
    }

    /// The cheapest first; those without a price come last, as written.
    fn by_price(&self, groups: &mut [Group]) {
        let facts = self.facts;
        let input = facts.counted().unwrap_or(USUAL_PROMPT);
        let usage = expected(facts.asked, input, facts.max_tokens());
        for group in &mut *groups {
            for candidate in &mut group.candidates {
                candidate.reason = Reason::Price(self.price(candidate, &usage));
            }
        }
        groups.sort_by_key(|group| match group.candidates.first() {
            Some(Candidate {
                reason: Reason::Price(Some(price)),
                ..
            }) => *price,
            _ => u128::MAX,
        });
    }

    /// The fastest first, by what is known of their answers; before them those of which nothing is known, drawn evenly.
    /// Where all are known, some requests begin at another target than the fastest, to learn how fast that is by now.
    fn by_pace(&self, model: &Model, groups: &mut [Group]) {
        let facts = self.facts;
        let usage = expected(facts.asked, 0, facts.max_tokens());
        let (tokens, now) = (usage.output, millis(facts.now));
        let seed = own_seed(self.facts.seed, model);
        let known = groups.iter().map(|group| {
            let mark = mark(self.config, &group.candidates.first()?.step);
            self.facts.pace().pace(mark, now)
        });
        let known: Vec<_> = known.collect();
        // A target whose answers were too short to tell is taken to be as fast as the others.
        let told = known.iter().flatten().filter_map(|pace| pace.token);
        let (sum, count) = told.fold((0.0, 0.0), |(sum, count), token| (sum + token, count + 1.0));
        let usual: f32 = if count > 0.0 { sum / count } else { 0.0 };
        for (group, pace) in groups.iter_mut().zip(known) {
            let expected = pace.map(|pace| pace.expected(tokens, usual));
            group.give(Reason::Pace(expected));
        }
        groups.sort_by_cached_key(|group| match group.candidates.first().map(|c| c.reason) {
            Some(Reason::Pace(Some(ms))) => (true, ms),
            _ => (false, mix(seed ^ group.mark)),
        });
        let all_known = !matches!(
            groups.first().and_then(|g| g.candidates.first()),
            Some(Candidate {
                reason: Reason::Pace(None),
                ..
            })
        );
        let others = (groups.len() as u64).saturating_sub(1);
        if !all_known || others == 0 || seed % 100 >= u64::from(model.exploration_percent) {
            return;
        }
        let explored = usize::try_from(1 + mix(seed) % others).unwrap_or(1);
        if let Some(front) = groups.get_mut(..=explored) {
            front.rotate_right(1);
            if let Some(group) = front.first_mut() {
                group.give(Reason::Explored);
            }
        }
    }

    /// The one with the fewest requests first; those that are alike are drawn evenly.
    fn by_load(&self, model: &Model, groups: &mut [Group]) {
        let now = millis(self.facts.now);
        let seed = own_seed(self.facts.seed, model);
        for group in &mut *groups {
            let first = group.candidates.first();
            let mark = first.map(|first| mark(self.config, &first.step));
            let count = mark.map_or(0, |mark| self.facts.busy().count(mark, now));
            group.give(Reason::Busy(count));
        }
        groups.sort_by_cached_key(|group| {
            let count = match group.candidates.first().map(|c| c.reason) {
                Some(Reason::Busy(count)) => count,
                _ => u32::MAX,
            };
            (count, mix(seed ^ group.mark))
        });
    }

    fn price(&self, candidate: &Candidate, usage: &Usage) -> Option<u128> {
        let Candidate { step, .. } = candidate;
        let (provider, dialect) = (&step.provider, &step.dialect);
        let model = self.config.about(provider, dialect, &step.model)?;
        cost::pico(usage, model.prices.as_ref()?)
    }
}

/// What a request will probably use; `input`: the prompt's tokens, `most`: the client's limit of the answer.
pub fn expected(asked: Option<&Asked<'_>>, input: u64, most: Option<u64>) -> Usage {
    let api = asked.map(|asked| asked.api);
    let answers = api.is_none_or(Api::is_chat);
    let usual = most.map_or(USUAL_ANSWER, |most| most.min(USUAL_ANSWER));
    Usage {
        input,
        output: if answers { usual } else { 0 },
        searches: u64::from(api == Some(Api::Rerank)),
        ..Usage::default()
    }
}
