//! From the model that a client asks for to the ordered attempts.

mod hand_over;
pub mod wire;

pub use hand_over::HandOver;

use crate::config::{Gateway, Model};
use serde::{Deserialize, Serialize};

/// The fields by which clients limit an answer.
pub const LIMITS: [&str; 3] = ["max_tokens", "max_completion_tokens", "max_output_tokens"];

/// One attempt, as the gateway role hands it to the provider role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The provider's name.
    pub provider: String,
    /// Its Envoy cluster.
    pub cluster: String,
    /// The model to ask it for.
    pub model: String,
    /// The dialect that the gateway role planned with.
    pub dialect: String,
}

/// The configured name that covers `asked`: the same name, else the longest prefix.
pub fn model<'c>(config: &'c Gateway, asked: &str) -> Option<&'c Model> {
    let exact = config.models.iter().find(|m| m.name == asked);
    exact.or_else(|| {
        config
            .models
            .iter()
            .filter(|m| covers(&m.name, asked))
            .max_by_key(|m| m.name.len())
    })
}

/// Whether a configured name, perhaps with `*` at its end, covers `asked`.
pub fn covers(name: &str, asked: &str) -> bool {
    match name.strip_suffix('*') {
        // An address without a name behind it asks for nothing.
        Some(prefix) => asked.len() > prefix.len() && asked.starts_with(prefix),
        None => name == asked,
    }
}

/// The attempts for `asked`, with each one's place in the configuration's providers.
pub fn steps(config: &Gateway, model: &Model, asked: &str) -> Vec<(usize, Step)> {
    let step = |target: &crate::config::Target| {
        let destination = config.providers.get(target.provider)?;
        let prefix = format!("{}/", destination.name);
        let wanted = match &target.model {
            Some(model) => model.as_str(),
            // `anthropic/claude-*`: the provider's name is an address, not part of the model's.
            None if model.name.starts_with(&prefix) => asked.strip_prefix(&prefix).unwrap_or(asked),
            None => asked,
        };
        let step = Step {
            provider: destination.name.clone(),
            cluster: destination.cluster.clone(),
            model: wanted.to_owned(),
            dialect: destination.dialect.to_owned(),
        };
        Some((target.provider, step))
    };
    model.targets.iter().filter_map(step).collect()
}
