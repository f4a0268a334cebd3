//! `model_info`: what a user knows better of models than the list that is compiled in.
//!
//! Prices are decimal numbers and are read as such: no floating point touches them.

use super::node::{Fields, Node};
use crate::{
    api::answer::Tier,
    catalogue::{Catalogue, Known, Model, Own, Prices, Rates},
    json::decimal::scaled,
};
use std::collections::BTreeMap;

/// Most entries.
const MAX_ENTRIES: usize = 10_000;
/// Most steps of one model's prices.
const MAX_STEPS: usize = 8;
/// From dollars per million tokens to pico-dollars per token, and from dollars per thousand searches to pico-dollars
/// per search, as powers of ten.
const PER_MILLION: i32 = 6;
const PER_THOUSAND: i32 = 9;
/// Dearest token or search. Units: pico-dollars; a thousand dollars.
const DEAREST_PICO: u64 = 1_000_000_000_000_000;
const TOKENS: std::ops::RangeInclusive<u64> = 1..=1_000_000_000;

/// Where a model without a provider is looked for, after the provider of the entry itself.
const MAKERS: &[&str] = &[
    "openai",
    "anthropic",
    "gemini",
    "mistral",
    "cohere",
    "xai",
    "deepseek",
    "groq",
];

/// Reads the block; `None`: what is wrong is reported.
pub(super) fn read(node: &Node<'_>) -> Option<Known> {
    let mut names = BTreeMap::new();
    let entries = node.map(|name, node| {
        // Case does not matter, so one of the two would be nobody's.
        let twin = names.insert(name.to_ascii_lowercase(), name.to_owned());
        if let Some(twin) = &twin {
            node.wrong(format_args!("the same as {twin:?}: case does not matter"));
        }
        entry(name, node).filter(|_| twin.is_none())
    })?;
    if entries.len() > MAX_ENTRIES {
        node.wrong(format_args!(
            "{} entries; allowed: {MAX_ENTRIES}",
            entries.len()
        ));
        return None;
    }
    Some(Known::new(entries))
}

fn entry(name: &str, node: Node<'_>) -> Option<Own> {
    let bad = name.is_empty() || name.chars().any(char::is_control);
    let star = name.find('*').is_some_and(|at| at + 1 != name.len());
    if bad {
        node.wrong("a model's name must not be empty or hold control characters");
    }
    if star {
        node.wrong("`*` may stand at the end only");
    }
    let model = node.object(|fields| model(name, &node, fields))?;
    (!bad && !star).then(|| Own::new(name, model))
}

fn model(name: &str, node: &Node<'_>, fields: &Fields<'_>) -> Option<Model> {
    let like = fields.maybe("like", |node| like(name, &node));
    let free = fields.or("free", false, |node| node.flag());
    let rates = rates(fields);
    let above = fields.or("above", Vec::new(), |node| above(&node));
    let mut tiers = Vec::new();
    let mut good = true;
    for (key, tier) in [
        ("batch", Tier::Batch),
        ("flex", Tier::Flex),
        ("priority", Tier::Priority),
    ] {
        match fields.maybe(key, |node| node.object(self::rates)) {
            Some(Some(rates)) => tiers.push((tier, rates)),
            Some(None) => {}
            None => good = false,
        }
    }
    let tokens = |key| fields.maybe(key, |node| node.count_in(TOKENS));
    let (window, input, output) = (
        tokens("context_window"),
        tokens("max_input_tokens"),
        tokens("max_output_tokens"),
    );
    let (like, free, rates, above) = (like?, free?, rates?, above?);
    let own = Model {
        context_window: window?,
        max_input: input?,
        max_output: output?,
        ..Model::default()
    };
    good.then_some(())?;
    let varied = !above.is_empty() || !tiers.is_empty();
    let priced = rates != Rates::default() || varied;
    if free && priced {
        node.wrong("`free` and a price exclude each other");
        return None;
    }
    if !free && !priced && like.is_none() && own == Model::default() {
        node.wrong("says nothing; allowed: `like`, `free`, a price or a limit");
        return None;
    }
    let below = like.unwrap_or_default();
    if free {
        let prices = Some(Prices::free());
        return Some(Model { prices, ..own }.over(below));
    }
    if !priced {
        return Some(own.over(below));
    }
    // Own prices are all there is: what another model costs in a batch or for a long prompt says nothing of them.
    let base = below.prices.as_ref().map(|prices| *prices.standard());
    let standard = rates.over(base.unwrap_or_default());
    if standard.input.is_none() && standard.search.is_none() {
        node.wrong("a price needs `input_usd_per_million` or `search_usd_per_thousand`, or `like` to take it from");
        return None;
    }
    let mut prices = Prices::new(standard);
    for (tokens, rates) in above {
        prices.add(Tier::Standard, tokens, rates.over(standard));
    }
    for (tier, rates) in tiers {
        prices.add(tier, 0, rates.over(standard));
    }
    let prices = Some(prices);
    Some(Model { prices, ..own }.over(below))
}

/// The listed model that this one is like.
fn like(name: &str, node: &Node<'_>) -> Option<Model> {
    let wanted = node.plain()?;
    let list = Catalogue::built_in();
    let own = name.split_once('/').map(|(provider, _)| provider);
    let named = || {
        let (provider, model) = wanted.split_once('/')?;
        list.find(provider, model)
    };
    let homes = own.into_iter().chain(MAKERS.iter().copied());
    let found = named().or_else(|| homes.into_iter().find_map(|home| list.find(home, wanted)));
    if found.is_none() {
        node.wrong(format_args!(
            "no model of this name is listed; write `provider/model` with one of the list (data/models.json), or its prices"
        ));
    }
    found
}

fn above(node: &Node<'_>) -> Option<Vec<(u64, Rates)>> {
    let steps = node.list(|node| {
        node.object(|fields| {
            let tokens = fields
                .required("tokens")
                .and_then(|node| node.count_in(TOKENS));
            let rates = rates(fields);
            Some((tokens?, rates?))
        })
    })?;
    if steps.len() > MAX_STEPS {
        node.wrong(format_args!("{} steps; allowed: {MAX_STEPS}", steps.len()));
        return None;
    }
    if !steps.is_sorted_by(|(a, _), (b, _)| a < b) {
        node.wrong("the steps' `tokens` must rise");
        return None;
    }
    Some(steps)
}

fn rates(fields: &Fields<'_>) -> Option<Rates> {
    let token = |key| fields.maybe(key, |node| price(&node, PER_MILLION));
    let rates = (
        token("input_usd_per_million"),
        token("output_usd_per_million"),
        token("cached_input_usd_per_million"),
        token("cache_write_usd_per_million"),
        token("cache_write_1h_usd_per_million"),
        token("reasoning_usd_per_million"),
        token("input_audio_usd_per_million"),
        token("output_audio_usd_per_million"),
        token("cached_audio_usd_per_million"),
        token("input_image_usd_per_million"),
        token("output_image_usd_per_million"),
        fields.maybe("search_usd_per_thousand", |node| price(&node, PER_THOUSAND)),
    );
    Some(Rates {
        input: rates.0?,
        output: rates.1?,
        cached_input: rates.2?,
        cache_write: rates.3?,
        cache_write_1h: rates.4?,
        reasoning: rates.5?,
        input_audio: rates.6?,
        output_audio: rates.7?,
        cached_audio: rates.8?,
        input_image: rates.9?,
        output_image: rates.10?,
        search: rates.11?,
    })
}

/// An amount in dollars, times a power of ten.
fn price(node: &Node<'_>, digits: i32) -> Option<u64> {
    let text = node.number()?;
    let Some(price) = scaled(&text, digits).filter(|price| price.nearest <= DEAREST_PICO) else {
        node.wrong(format_args!(
            "expected an amount in US dollars, such as 2.5, not negative; found {text}"
        ));
        return None;
    };
    if !price.exact {
        node.wrong(format_args!(
            "expected at most {digits} decimal places, found {text}"
        ));
        return None;
    }
    Some(price.nearest)
}
