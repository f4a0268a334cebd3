//! What is known of a model: what the user configured, over what is listed.

use super::{Catalogue, Model, Prices};
use lru::LruCache;
use std::{cell::RefCell, num::NonZeroUsize, rc::Rc};

/// Most prices that are kept at hand.
const AT_HAND: NonZeroUsize = NonZeroUsize::MIN.saturating_add(127);
/// Longer names are looked up each time.
const MAX_NAME_BYTES: usize = 512;

/// The list and the user's own entries.
#[derive(Debug)]
pub struct Known {
    /// By name; sorted, no two alike.
    own: Vec<Own>,
    /// What was asked for last: answers come from few models.
    at_hand: RefCell<LruCache<String, Option<Rc<Prices>>>>,
}

impl Default for Known {
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

/// What a user says of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Own {
    /// `model` or `provider/model` in lower case; a `*` at the end makes it a prefix.
    name: String,
    /// What is said; what is absent stays as it is listed.
    model: Model,
}

impl Own {
    /// An entry; case does not matter.
    pub fn new(name: &str, model: Model) -> Self {
        Self {
            name: name.to_ascii_lowercase(),
            model,
        }
    }
}

impl Known {
    /// The list with these entries over it.
    pub fn new(mut own: Vec<Own>) -> Self {
        own.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Self {
            own,
            at_hand: RefCell::new(LruCache::new(AT_HAND)),
        }
    }

    /// A model at a provider of the configuration, by any of these names; the first that says something counts, and a
    /// whole name before a beginning.
    ///
    /// `provider`: its configured name; `dialect`: the dialect it speaks.
    pub fn find(&self, provider: &str, dialect: &str, names: &[&str]) -> Option<Model> {
        let named = || names.iter().filter(|name| !name.is_empty());
        let exact = || named().find_map(|name| self.exact(provider, name));
        let own = exact().or_else(|| named().find_map(|name| self.beginning(provider, name)));
        if let Some(model) = own
            && model.context_window.is_some()
            && model.max_output.is_some()
            && model.prices.is_some()
        {
            return Some(model.clone());
        }
        let list = Catalogue::built_in();
        let mut listed: Option<Model> = None;
        for name in named() {
            let found = list.find_at(provider, dialect, name);
            let priced = found.as_ref().is_some_and(|model| model.prices.is_some());
            if priced || listed.is_none() {
                listed = found.or(listed);
            }
            if priced {
                break;
            }
        }
        let Some(own) = own else {
            return listed;
        };
        Some(own.over(listed.unwrap_or_default()))
    }

    /// The prices of a model, as [`Known::find`] finds it.
    pub fn prices(&self, provider: &str, dialect: &str, names: &[&str]) -> Option<Rc<Prices>> {
        let find = || {
            let model = self.find(provider, dialect, names);
            model.and_then(|model| model.prices).map(Rc::new)
        };
        let question = [&[provider, dialect], names].concat().join("\n");
        let Ok(mut at_hand) = self.at_hand.try_borrow_mut() else {
            return find();
        };
        let plain = names.iter().all(|name| !name.contains('\n'));
        if !plain || question.len() > MAX_NAME_BYTES {
            return find();
        }
        if let Some(found) = at_hand.get(&question) {
            return found.clone();
        }
        let found = find();
        at_hand.put(question, found.clone());
        found
    }

    /// The entry of this name at this provider, then of this name.
    fn exact(&self, provider: &str, model: &str) -> Option<&Model> {
        let [full, model] = self.asked(provider, model)?;
        let entry = |name: &str| {
            let at = self.own.binary_search_by(|own| own.name.as_str().cmp(name));
            self.own.get(at.ok()?)
        };
        let found = entry(&full).or_else(|| entry(&model));
        found.map(|own| &own.model)
    }

    /// The entry with the longest beginning of this name.
    fn beginning(&self, provider: &str, model: &str) -> Option<&Model> {
        let [full, model] = self.asked(provider, model)?;
        let own = self.own.iter().filter(|own| {
            let prefix = own.name.strip_suffix('*');
            prefix.is_some_and(|prefix| full.starts_with(prefix) || model.starts_with(prefix))
        });
        own.max_by_key(|own| own.name.len()).map(|own| &own.model)
    }

    /// `provider/model` and `model` in lower case; `None`: there is nothing to look for them in.
    fn asked(&self, provider: &str, model: &str) -> Option<[String; 2]> {
        let model = (!self.own.is_empty()).then(|| model.to_ascii_lowercase())?;
        Some([format!("{}/{model}", provider.to_ascii_lowercase()), model])
    }
}

impl Model {
    /// This, and where it says nothing, `below`.
    #[must_use]
    pub fn over(&self, below: Self) -> Self {
        Self {
            context_window: self.context_window.or(below.context_window),
            max_input: self.max_input.or(below.max_input),
            max_output: self.max_output.or(below.max_output),
            prices: self.prices.clone().or(below.prices),
            can: self.can.or(below.can),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::{Prices, Rates};

    fn at(input: u64) -> Model {
        Model {
            prices: Some(Prices::new(Rates {
                input: Some(input),
                ..Rates::default()
            })),
            ..Model::default()
        }
    }

    fn input(known: &Known, provider: &str, dialect: &str, names: &[&str]) -> Option<u64> {
        known
            .find(provider, dialect, names)?
            .prices?
            .standard()
            .input
    }

    #[test]
    fn the_nearest_name_of_the_user_wins_over_the_list() {
        let known = Known::new(vec![
            Own::new("gpt-4o", at(1)),
            Own::new("azure/GPT-4o", at(2)),
            Own::new("local/*", at(3)),
            Own::new("local/big-*", at(4)),
        ]);
        assert_eq!(input(&known, "openai", "openai", &["gpt-4o"]), Some(1));
        assert_eq!(input(&known, "azure", "azure", &["gpt-4o"]), Some(2));
        assert_eq!(input(&known, "local", "vllm", &["any"]), Some(3));
        assert_eq!(input(&known, "local", "vllm", &["Big-1"]), Some(4));
        assert_eq!(input(&known, "other", "vllm", &["any"]), None);
        // The served name is listed; the one that was asked for is the user's.
        assert_eq!(
            input(&known, "openai", "openai", &["gpt-4o-2024-08-06", "gpt-4o"]),
            Some(1)
        );
        assert_eq!(
            input(&known, "openai", "openai", &["gpt-4o-2024-08-06"]),
            Some(2_500_000)
        );
        assert_eq!(
            input(&known, "openai", "openai", &["", "gpt-5"]),
            Some(1_250_000)
        );
        assert_eq!(
            input(&known, "azure", "azure", &["my-deployment", "gpt-5"]),
            Some(1_250_000)
        );
    }

    #[test]
    fn a_whole_name_wins_over_the_beginning_of_another() {
        let known = Known::new(vec![
            Own::new("local/*", at(1)),
            Own::new("small", at(2)),
            Own::new("qwen*", at(3)),
        ]);
        let served = |names: &[&str]| input(&known, "local", "vllm", names);
        assert_eq!(served(&["qwen-0.5b", "small"]), Some(2));
        assert_eq!(served(&["qwen-0.5b", "other"]), Some(1));
        assert_eq!(input(&known, "far", "vllm", &["small-2", "qwen"]), Some(3));
    }

    #[test]
    fn prices_at_hand_are_those_that_are_found() {
        let known = Known::new(vec![Own::new("a/gpt-4o", at(1))]);
        let input = |provider: &str, names: &[&str]| {
            let prices = known.prices(provider, "openai", names)?;
            prices.standard().input
        };
        for _ in 0..2 {
            assert_eq!(input("a", &["gpt-4o"]), Some(1));
            assert_eq!(input("openai", &["gpt-4o"]), Some(2_500_000));
            assert_eq!(input("openai", &["nobody's"]), None);
            assert_eq!(input("openai", &["nobody's", "gpt-4o"]), Some(2_500_000));
        }
    }

    #[test]
    fn what_the_user_leaves_out_stays_as_listed() {
        let limits = Model {
            max_output: Some(100),
            ..Model::default()
        };
        let known = Known::new(vec![Own::new("gpt-4o", limits)]);
        let found = known.find("openai", "openai", &["gpt-4o"]).unwrap();
        assert_eq!(
            (found.context_window, found.max_output),
            (Some(128_000), Some(100))
        );
        assert_eq!(found.prices.unwrap().standard().output, Some(10_000_000));
    }
}
