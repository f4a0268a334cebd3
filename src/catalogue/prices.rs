//! Prices of one model: rates by the kind of token, which change with the service tier and the length of the prompt.

use crate::api::answer::Tier;
use serde::{Deserialize, Serialize};

/// What a token costs. `None`: there is no price of its own, and the kind that it belongs to decides.
///
/// Units: millionths of a millionth of a US dollar (pico-dollars) per token, which is the same number as
/// micro-dollars per million tokens; `search`: per search.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rates {
    /// Of the prompt.
    pub input: Option<u64>,
    /// Of the answer.
    pub output: Option<u64>,
    /// Of the prompt, read from the provider's cache.
    pub cached_input: Option<u64>,
    /// Of the prompt, written to the provider's cache.
    pub cache_write: Option<u64>,
    /// Of the prompt, written to the provider's cache for an hour.
    pub cache_write_1h: Option<u64>,
    /// Of the answer, spent on reasoning, where it is not the price of the answer.
    pub reasoning: Option<u64>,
    /// Of the prompt's sound.
    pub input_audio: Option<u64>,
    /// Of the answer's sound.
    pub output_audio: Option<u64>,
    /// Of the prompt's sound, read from the cache.
    pub cached_audio: Option<u64>,
    /// Of the prompt's images.
    pub input_image: Option<u64>,
    /// Of the answer's images.
    pub output_image: Option<u64>,
    /// Of one search of a reranker.
    pub search: Option<u64>,
}

impl Rates {
    /// These, and where there is none, `below`.
    #[must_use]
    pub fn over(mut self, mut below: Self) -> Self {
        for (rate, below) in self.each().into_iter().zip(below.each()) {
            *rate = rate.or(*below);
        }
        self
    }

    /// All of them, in the order of the compact form's bits.
    pub(super) fn each(&mut self) -> [&mut Option<u64>; 12] {
        [
            &mut self.input,
            &mut self.output,
            &mut self.cached_input,
            &mut self.cache_write,
            &mut self.cache_write_1h,
            &mut self.reasoning,
            &mut self.input_audio,
            &mut self.output_audio,
            &mut self.cached_audio,
            &mut self.input_image,
            &mut self.output_image,
            &mut self.search,
        ]
    }
}

/// The rates of a model, by tier and length of prompt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prices {
    standard: Rates,
    others: Vec<Row>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Row {
    tier: Tier,
    /// It holds for prompts longer than this. Units: tokens.
    above: u64,
    rates: Rates,
}

impl Prices {
    /// The same rates for every request.
    pub const fn new(standard: Rates) -> Self {
        Self {
            standard,
            others: Vec::new(),
        }
    }

    /// Nothing is charged.
    pub fn free() -> Self {
        Self::new(Rates {
            input: Some(0),
            output: Some(0),
            search: Some(0),
            ..Rates::default()
        })
    }

    /// Adds the rates of a tier, or of prompts longer than `above`: complete ones, nothing is inherited.
    pub fn add(&mut self, tier: Tier, above: u64, rates: Rates) {
        self.others.push(Row { tier, above, rates });
    }

    /// What an ordinary short request is charged by.
    pub const fn standard(&self) -> &Rates {
        &self.standard
    }

    /// The rates for a prompt of so many tokens: the whole request is charged by the step that its prompt reaches, as
    /// the providers do. A tier without a price of its own is charged as the standard one.
    pub fn rates(&self, tier: Tier, input: u64) -> &Rates {
        let has = self.others.iter().any(|row| row.tier == tier);
        let tier = if has { tier } else { Tier::Standard };
        let rows = self.others.iter();
        rows.filter(|row| row.tier == tier && (row.above == 0 || input > row.above))
            .max_by_key(|row| row.above)
            .map_or(&self.standard, |row| &row.rates)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tier_and_the_length_of_the_prompt_choose_the_rates() {
        let at = |input| Rates {
            input: Some(input),
            ..Rates::default()
        };
        let mut prices = Prices::new(at(10));
        prices.add(Tier::Standard, 100, at(20));
        prices.add(Tier::Standard, 200, at(30));
        prices.add(Tier::Batch, 0, at(5));
        prices.add(Tier::Batch, 100, at(6));
        let rate = |tier, input| prices.rates(tier, input).input.unwrap();
        assert_eq!(rate(Tier::Standard, 100), 10);
        assert_eq!(rate(Tier::Standard, 101), 20);
        assert_eq!(rate(Tier::Standard, u64::MAX), 30);
        assert_eq!((rate(Tier::Batch, 100), rate(Tier::Batch, 201)), (5, 6));
        assert_eq!((rate(Tier::Flex, 1), rate(Tier::Flex, 150)), (10, 20));
    }
}
