//! What a request cost, at its end: the answer, and apart from it what failed attempts used in vain.
//!
//! A price that is not known never stops a request: the cost is absent from the record, and a counter says so.

use crate::{
    api::answer::Usage,
    config::Gateway,
    host::{
        Host,
        keys::{metric, state},
    },
    log::{
        Used,
        attempts::{self, Attempt},
        cost,
    },
};

/// Prices usage for one request.
pub(super) struct Bill<'a> {
    pub(super) host: &'a dyn Host,
    pub(super) config: &'a Gateway,
}

/// How a cost came about.
enum Price {
    Known(u64),
    Told(u64),
    Unknown,
}

impl Bill<'_> {
    /// A complete answer, and the attempts before it.
    pub(super) fn answer(&self) {
        let used = Used::load(self.host);
        match &used {
            Some(used) => self.charge(used),
            None => self.host.count(metric::USAGE_UNKNOWN, 1),
        }
        if used.is_none_or(|used| used.attempt > 1) {
            let mut attempts = attempts::load(self.host);
            if self.waste(&mut attempts) {
                attempts::store(self.host, &attempts);
            }
        }
    }

    /// An answer that broke off, is charged by what was seen of it. `last`: the attempt that a client left before its
    /// first token; `begun`: an answer had begun.
    pub(super) fn rest(&self, last: Option<&mut Attempt>, begun: bool) {
        let waiting = last.and_then(|last| {
            Some(Used {
                usage: last.used.take()?,
                served: last.served.take().unwrap_or_default(),
                provider: last.provider.clone(),
                model: last.model.clone(),
                attempt: 0,
            })
        });
        match waiting.or_else(|| Used::load(self.host).filter(|_| begun)) {
            Some(used) => self.charge(&used),
            None if begun => self.host.count(metric::USAGE_UNKNOWN, 1),
            None => {}
        }
    }

    /// Prices what failed attempts used, in the list and as a sum; false: none did.
    pub(super) fn waste(&self, attempts: &mut [Attempt]) -> bool {
        let mut sum: Option<u64> = None;
        let mut any = false;
        for attempt in attempts {
            let Some(usage) = attempt.used else {
                continue;
            };
            any = true;
            let served = attempt.served.as_deref().unwrap_or_default();
            match self.price(&attempt.provider, &[served, &attempt.model], &usage) {
                Price::Known(micros) | Price::Told(micros) => {
                    attempt.waste_usd_micros = Some(micros);
                    sum = Some(sum.unwrap_or(0).saturating_add(micros));
                }
                Price::Unknown => self.host.count(metric::PRICE_UNKNOWN, 1),
            }
        }
        if let Some(micros) = sum {
            self.host
                .set_state(state::WASTE_USD_MICROS, &micros.to_string());
        }
        any
    }

    fn charge(&self, used: &Used) {
        let (price, micros) =
            match self.price(&used.provider, &[&used.served, &used.model], &used.usage) {
                Price::Known(micros) => ("known", Some(micros)),
                Price::Told(micros) => ("told", Some(micros)),
                Price::Unknown => ("unknown", None),
            };
        self.host.set_state(state::PRICE, price);
        match micros {
            Some(micros) => self
                .host
                .set_state(state::COST_USD_MICROS, &micros.to_string()),
            None => self.host.count(metric::PRICE_UNKNOWN, 1),
        }
    }

    /// The cost of this usage at a provider of the configuration, of the model that one of these names means.
    fn price(&self, provider: &str, names: &[&str], usage: &Usage) -> Price {
        if let Some(micros) = cost::told(usage) {
            return Price::Told(micros);
        }
        let destination = self.config.providers.iter().find(|d| d.name == provider);
        let dialect = destination.map_or("", |d| d.dialect);
        let prices = self.config.known.prices(provider, dialect, names);
        let micros = prices.and_then(|prices| cost::micros(usage, &prices));
        micros.map_or(Price::Unknown, Price::Known)
    }
}
