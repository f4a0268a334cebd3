//! In which order the targets of a model are tried.
//!
//! A target that leads to another model stands for that model's targets, in the order of that model's own route. Targets
//! without the labels that a request needs are left out before anything is drawn or compared, so that a share that may
//! not be used is divided among the others by their weights.

use super::{Candidate, Facts, Missing, Reason, Skipped, labels, step};
use crate::{
    api::{
        answer::Usage,
        client::{Api, Asked},
    },
    config::{Gateway, MAX_PLAN, Model, Route, Sticky, To},
    fault::{Fault, FaultKind},
    log::cost,
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
                let identity = hash(&first.model, hash(&first.provider, FNV));
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
        // A model inside another draws for itself.
        let seed = mix(seed ^ hash(&model.name, FNV));
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
            for candidate in &mut group.candidates {
                candidate.reason = Reason::Weight(group.weight);
            }
        }
        if let Some(front) = drawn.and_then(|(at, _)| groups.get_mut(..=at)) {
            front.rotate_right(1);
            if let Some(group) = front.first_mut() {
                for candidate in &mut group.candidates {
                    candidate.reason = Reason::Drawn(group.weight);
                }
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

    fn price(&self, candidate: &Candidate, usage: &Usage) -> Option<u128> {
        let Candidate { step, .. } = candidate;
        let known = &self.config.known;
        let model = known.find(&step.provider, &step.dialect, &[&step.model])?;
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

/// FNV-1a's offset basis. Source: general knowledge.
pub(super) const FNV: u64 = 0xcbf2_9ce4_8422_2325;

/// FNV-1a of a text and of a byte that ends it.
pub(super) fn hash(text: &str, from: u64) -> u64 {
    let bytes = text.bytes().chain([0xff]);
    bytes.fold(from, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// Spreads a number over all bits: the end of SplitMix64. Source: general knowledge.
pub(super) const fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A draw from the exponential distribution of rate 1, from 64 even bits.
fn exponential(bits: u64) -> f64 {
    // 53 bits are what a double holds; a half keeps it from 0, whose logarithm is none.
    let even = ((bits >> 11) as f64 + 0.5) / 9_007_199_254_740_992.0;
    -even.ln()
}
