//! What an answer costs: its usage times the rates, in whole micro-dollars.
//!
//! Usage is in OpenAI's meaning: what the cache gave and took is part of the input, reasoning is part of the output.
//! So each token is counted by exactly one rate, whatever a provider counts apart. Rounding happens once, at the end.

use crate::{
    api::answer::Usage,
    catalogue::{Prices, Rates},
};

/// Pico-dollars in a micro-dollar.
const PICO: u128 = 1_000_000;

/// The cost of an answer. `None`: it used something that has no price.
///
/// Units: micro-dollars, halves rounded up.
pub fn micros(usage: &Usage, prices: &Prices) -> Option<u64> {
    pico(usage, prices).map(rounded)
}

/// As [`micros`], not rounded. Units: millionths of a millionth of a US dollar.
pub fn pico(usage: &Usage, prices: &Prices) -> Option<u128> {
    let rates = prices.rates(usage.tier, usage.input);
    let (input, output) = match usage.billed {
        // What a provider bills apart from what it counts is not divided further.
        Some(billed) => (
            times(billed.input, rates.input, rates)?,
            times(billed.output, rates.output, rates)?,
        ),
        None => (input(usage, rates)?, output(usage, rates)?),
    };
    let searches = times(usage.searches, rates.search, rates)?;
    input.checked_add(output)?.checked_add(searches)
}

/// What the provider itself says that it charged, in micro-dollars.
pub fn told(usage: &Usage) -> Option<u64> {
    usage.charged_pico.map(|pico| rounded(pico.into()))
}

fn rounded(pico: u128) -> u64 {
    let micros = pico.saturating_add(PICO / 2) / PICO;
    u64::try_from(micros).unwrap_or(u64::MAX)
}

fn input(usage: &Usage, rates: &Rates) -> Option<u128> {
    // Parts that are more than the whole are cut: a token is never charged twice.
    let cached = usage.cached.min(usage.input);
    let written = usage.cache_written.min(usage.input - cached);
    let fresh = usage.input - cached - written;
    let cached_audio = usage.cached_audio.min(cached);
    let written_1h = usage.cache_written_1h.min(written);
    let audio = usage.input_audio.saturating_sub(cached_audio).min(fresh);
    let images = usage.input_image.min(fresh - audio);
    let write = rates.cache_write.or(rates.input);
    let cached_rate = rates.cached_input.or(rates.input);
    total(
        rates,
        [
            (fresh - audio - images, rates.input),
            (audio, rates.input_audio.or(rates.input)),
            (images, rates.input_image.or(rates.input)),
            (cached - cached_audio, cached_rate),
            (cached_audio, rates.cached_audio.or(cached_rate)),
            (written - written_1h, write),
            (written_1h, rates.cache_write_1h.or(write)),
        ],
    )
}

fn output(usage: &Usage, rates: &Rates) -> Option<u128> {
    let reasoning = usage.reasoning.min(usage.output);
    let audio = usage.output_audio.min(usage.output - reasoning);
    let images = usage.output_image.min(usage.output - reasoning - audio);
    total(
        rates,
        [
            (usage.output - reasoning - audio - images, rates.output),
            (reasoning, rates.reasoning.or(rates.output)),
            (audio, rates.output_audio.or(rates.output)),
            (images, rates.output_image.or(rates.output)),
        ],
    )
}

fn total<const N: usize>(rates: &Rates, parts: [(u64, Option<u64>); N]) -> Option<u128> {
    parts.into_iter().try_fold(0_u128, |sum, (count, rate)| {
        sum.checked_add(times(count, rate, rates)?)
    })
}

/// So many, each at this rate.
fn times(count: u64, rate: Option<u64>, rates: &Rates) -> Option<u128> {
    match rate {
        _ if count == 0 => Some(0),
        Some(rate) => Some(u128::from(count) * u128::from(rate)),
        // A reranker is paid by the search; what it reads is told but not charged.
        None if rates.search.is_some() && rates.input.is_none() => Some(0),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        api::answer::{Billed, Tier},
        catalogue::Catalogue,
    };

    const RATES: Rates = Rates {
        input: Some(3_000_000),
        output: Some(15_000_000),
        cached_input: Some(300_000),
        cache_write: Some(3_750_000),
        cache_write_1h: Some(6_000_000),
        reasoning: None,
        input_audio: Some(10_000_000),
        output_audio: Some(20_000_000),
        cached_audio: Some(1_000_000),
        input_image: None,
        output_image: Some(40_000_000),
        search: Some(2_000_000_000),
    };

    fn cost(usage: Usage) -> u64 {
        micros(&usage, &Prices::new(RATES)).unwrap()
    }

    #[test]
    fn each_token_is_charged_once() {
        // 1000 fresh at 3, 2000 read at 0.3, 300 written at 3.75, 200 written for an hour at 6; 500 at 15.
        let usage = Usage {
            input: 3500,
            cached: 2000,
            cache_written: 500,
            cache_written_1h: 200,
            output: 500,
            reasoning: 400,
            ..Usage::default()
        };
        assert_eq!(cost(usage), 3000 + 600 + 1125 + 1200 + 7500);
    }

    #[test]
    fn sound_images_and_searches_have_their_own_rates() {
        // 50 fresh at 3, 30 of sound at 10, 15 read at 0.3, 5 of sound read at 1; 10 at 15, 20 at 20, 30 at 40; 2 searches.
        let usage = Usage {
            input: 100,
            input_audio: 35,
            cached: 20,
            cached_audio: 5,
            output: 60,
            output_audio: 20,
            output_image: 30,
            searches: 2,
            ..Usage::default()
        };
        // The 4.5 of what was read is half a micro-dollar more than 4: the sum is rounded, not its parts.
        assert_eq!(cost(usage), 150 + 300 + 5 + 5 + 150 + 400 + 1200 + 4000);
    }

    #[test]
    fn rounding_happens_once_and_halves_go_up() {
        let at = |rate, input| {
            let rates = Rates {
                input: Some(rate),
                output: Some(rate),
                ..Rates::default()
            };
            let usage = Usage {
                input,
                output: input,
                ..Usage::default()
            };
            micros(&usage, &Prices::new(rates)).unwrap()
        };
        assert_eq!(at(250_000, 1), 1); // 0.25 + 0.25
        assert_eq!(at(249_999, 1), 0);
        assert_eq!(at(1, 249_999), 0);
        assert_eq!(at(1, 250_000), 1);
    }

    #[test]
    fn parts_that_are_more_than_the_whole_are_cut() {
        let usage = Usage {
            input: 100,
            cached: 150,
            cache_written: 70,
            cache_written_1h: 90,
            input_audio: 1000,
            output: 10,
            reasoning: 50,
            output_audio: 70,
            ..Usage::default()
        };
        assert_eq!(cost(usage), 30 + 150);
    }

    #[test]
    fn what_has_no_price_makes_the_cost_unknown_unless_there_is_none_of_it() {
        let prices = Prices::new(Rates {
            input: Some(20_000),
            ..Rates::default()
        });
        let usage = |input, output| Usage {
            input,
            output,
            ..Usage::default()
        };
        assert_eq!(micros(&usage(1000, 0), &prices), Some(20));
        assert_eq!(micros(&usage(1000, 1), &prices), None);
        assert_eq!(micros(&usage(u64::MAX, u64::MAX), &Prices::free()), Some(0));
        let searches = Prices::new(Rates {
            search: Some(2_000_000_000),
            ..Rates::default()
        });
        let rerank = Usage {
            input: 77,
            searches: 3,
            ..Usage::default()
        };
        assert_eq!(micros(&rerank, &searches), Some(6000));
    }

    #[test]
    fn what_is_billed_counts_where_it_is_not_what_was_read() {
        let usage = Usage {
            input: 500,
            output: 50,
            billed: Some(Billed {
                input: 100,
                output: 10,
            }),
            ..Usage::default()
        };
        assert_eq!(cost(usage), 300 + 150);
        let told = Usage {
            charged_pico: Some(1_500_000),
            ..usage
        };
        assert_eq!(super::told(&told), Some(2));
        assert_eq!(super::told(&usage), None);
    }

    #[test]
    fn a_long_prompt_and_a_tier_change_the_price_of_the_whole_request() {
        let prices = Catalogue::built_in()
            .find("gemini", "gemini-2.5-pro")
            .unwrap()
            .prices
            .unwrap();
        let usage = |input, tier| Usage {
            input,
            output: 1000,
            tier,
            ..Usage::default()
        };
        let cost = |input, tier| micros(&usage(input, tier), &prices).unwrap();
        // 1.25 and 10 up to 200 000, 2.5 and 15 above; half of it in a batch.
        assert_eq!(cost(200_000, Tier::Standard), 250_000 + 10_000);
        assert_eq!(cost(200_001, Tier::Standard), 500_003 + 15_000);
        assert_eq!(cost(200_000, Tier::Batch), 125_000 + 5_000);
        assert_eq!(cost(300_000, Tier::Batch), 375_000 + 7_500);
    }

    /// A generator of numbers that look like none: the same ones on every run.
    struct Numbers(u64);

    impl Numbers {
        fn next(&mut self, below: u64) -> u64 {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let drawn = self.0 >> 11;
            // Every size, up to the largest.
            let shifted = drawn << 11 >> (drawn % 64);
            if below == 0 { shifted } else { shifted % below }
        }
    }

    #[test]
    fn no_usage_overflows_and_more_never_costs_less() {
        let mut numbers = Numbers(7);
        for _ in 0..20_000 {
            let mut rates = Rates::default();
            for rate in [&mut rates.input, &mut rates.output, &mut rates.search] {
                *rate = Some(numbers.next(1 << 50));
            }
            // Cheaper than the plain rate or dearer, as they come.
            for rate in [
                &mut rates.cached_input,
                &mut rates.cache_write,
                &mut rates.reasoning,
                &mut rates.input_audio,
            ] {
                *rate = (numbers.next(2) == 1).then(|| numbers.next(1 << 50));
            }
            let usage = Usage {
                input: numbers.next(0),
                output: numbers.next(0),
                cached: numbers.next(0),
                cache_written: numbers.next(0),
                cache_written_1h: numbers.next(0),
                reasoning: numbers.next(0),
                input_audio: numbers.next(0),
                cached_audio: numbers.next(0),
                output_audio: numbers.next(0),
                input_image: numbers.next(0),
                output_image: numbers.next(0),
                searches: numbers.next(1 << 20),
                ..Usage::default()
            };
            let prices = Prices::new(rates);
            let cost = micros(&usage, &prices).unwrap();
            let more = numbers.next(1 << 20);
            for dearer in [
                Usage {
                    input: usage.input.saturating_add(more),
                    cached: usage.cached.min(usage.input),
                    cache_written: 0,
                    input_audio: 0,
                    input_image: 0,
                    ..usage
                },
                Usage {
                    output: usage.output.saturating_add(more),
                    reasoning: usage.reasoning.min(usage.output),
                    output_audio: 0,
                    output_image: 0,
                    ..usage
                },
                Usage {
                    searches: usage.searches + more,
                    ..usage
                },
            ] {
                let same = Usage {
                    input: usage.input,
                    output: usage.output,
                    searches: usage.searches,
                    ..dearer
                };
                assert!(micros(&dearer, &prices).unwrap() >= micros(&same, &prices).unwrap());
            }
            // No token is charged by more than the dearest rate.
            let dearest = rates_of(&rates).max().unwrap_or(0);
            let tokens =
                u128::from(usage.input) + u128::from(usage.output) + u128::from(usage.searches);
            assert!(u128::from(cost) <= tokens * u128::from(dearest) / PICO + 1);
        }
    }

    fn rates_of(rates: &Rates) -> impl Iterator<Item = u64> {
        [
            rates.input,
            rates.output,
            rates.search,
            rates.cached_input,
            rates.cache_write,
            rates.reasoning,
            rates.input_audio,
        ]
        .into_iter()
        .flatten()
    }
}
