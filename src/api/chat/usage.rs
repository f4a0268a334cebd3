//! What an answer used, in the words of Chat Completions and of the hosts that bend them.
//! Source: OpenAI API reference, "The chat completion object", read 2026-11.

use crate::{
    api::answer::{Tier, Usage},
    json::decimal::scaled,
};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::value::RawValue;

/// `usage` of an answer or a chunk. A count that is no number counts as absent.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub struct UsageView {
    #[serde(default, deserialize_with = "count")]
    prompt_tokens: Option<u64>,
    #[serde(default, deserialize_with = "count")]
    completion_tokens: Option<u64>,
    #[serde(default, deserialize_with = "tolerated")]
    prompt_tokens_details: Option<PromptView>,
    #[serde(default, deserialize_with = "tolerated")]
    completion_tokens_details: Option<CompletionView>,
    #[serde(default, deserialize_with = "count")]
    total_tokens: Option<u64>,
    /// DeepSeek's name for cached tokens.
    #[serde(default, deserialize_with = "count")]
    prompt_cache_hit_tokens: Option<u64>,
    /// Some hosts' place for them; general knowledge, not confirmed.
    #[serde(default, deserialize_with = "count")]
    cached_tokens: Option<u64>,
    /// What OpenRouter has charged, in dollars.
    /// Source: openrouter.ai/docs, "Usage Accounting"; general knowledge, not confirmed.
    #[serde(default, deserialize_with = "dollars")]
    cost: Option<u64>,
    /// The client's own key was used upstream: that is charged apart.
    #[serde(default, deserialize_with = "tolerated")]
    is_byok: Option<bool>,
    #[serde(default, deserialize_with = "tolerated")]
    cost_details: Option<CostView>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
struct CostView {
    #[serde(default, deserialize_with = "dollars")]
    upstream_inference_cost: Option<u64>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
struct PromptView {
    #[serde(default, deserialize_with = "count")]
    cached_tokens: Option<u64>,
    #[serde(default, deserialize_with = "count")]
    cache_write_tokens: Option<u64>,
    #[serde(default, deserialize_with = "count")]
    audio_tokens: Option<u64>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
struct CompletionView {
    #[serde(default, deserialize_with = "count")]
    reasoning_tokens: Option<u64>,
    #[serde(default, deserialize_with = "count")]
    audio_tokens: Option<u64>,
    /// OpenRouter's count of what was drawn.
    #[serde(default, deserialize_with = "count")]
    image_tokens: Option<u64>,
}

/// An amount of money in pico-dollars. What is no number counts as absent.
fn dollars<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let raw = <&RawValue>::deserialize(deserializer)?;
    Ok(scaled(raw.get(), 12).map(|scaled| scaled.nearest))
}

/// A field of another form counts as absent: what it would say is no reason to lose an answer.
fn tolerated<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let raw = <&RawValue>::deserialize(deserializer)?;
    Ok(serde_json::from_str(raw.get()).ok())
}

/// Some hosts count in floating point. A count that is no number counts as absent.
pub fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let raw = <&RawValue>::deserialize(deserializer)?;
    if let Ok(count) = raw.get().parse() {
        return Ok(Some(count)); // as nearly all do
    }
    let number: Option<serde_json::Number> = serde_json::from_str(raw.get()).ok();
    Ok(number.and_then(|n| n.as_u64().or_else(|| n.as_f64().map(|n| n as u64))))
}

impl UsageView {
    /// The usage, of an answer that was served as its `service_tier` says.
    pub fn served(self, tier: Option<Tier>) -> Usage {
        Usage {
            tier: tier.unwrap_or_default(),
            ..Usage::from(self)
        }
    }
}

impl From<UsageView> for Usage {
    fn from(view: UsageView) -> Self {
        let prompt = view.prompt_tokens_details.unwrap_or_default();
        let completion = view.completion_tokens_details.unwrap_or_default();
        let input = view.prompt_tokens.unwrap_or(0);
        let mut output = view.completion_tokens.unwrap_or(0);
        let reasoning = completion.reasoning_tokens.unwrap_or(0);
        // xAI counts reasoning beside the completion, OpenAI inside; only the total tells which.
        // Source: xAI docs, "Consumption and Rate Limits", read 2026-11.
        let with_reasoning = output.saturating_add(reasoning);
        if view.total_tokens == Some(input.saturating_add(with_reasoning)) {
            output = with_reasoning;
        }
        let upstream = view
            .cost_details
            .filter(|_| view.is_byok == Some(true))
            .and_then(|details| details.upstream_inference_cost)
            .unwrap_or(0);
        let cached = prompt
            .cached_tokens
            .or(view.prompt_cache_hit_tokens)
            .or(view.cached_tokens);
        Self {
            input,
            output,
            cached: cached.unwrap_or(0),
            cache_written: prompt.cache_write_tokens.unwrap_or(0),
            reasoning,
            input_audio: prompt.audio_tokens.unwrap_or(0),
            output_audio: completion.audio_tokens.unwrap_or(0),
            output_image: completion.image_tokens.unwrap_or(0),
            charged_pico: view.cost.map(|cost| cost.saturating_add(upstream)),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_s_own_charge_is_read_to_the_last_digit() {
        let charged = |text: &str| {
            let view: UsageView = serde_json::from_str(text).unwrap();
            Usage::from(view).charged_pico
        };
        assert_eq!(charged(r#"{"cost":0.00051}"#), Some(510_000_000));
        assert_eq!(charged(r#"{"cost":1.2e-05}"#), Some(12_000_000));
        assert_eq!(charged(r#"{"cost":0}"#), Some(0));
        for none in ["null", "\"x\"", "{\"total_cost\":1}", "-1"] {
            assert_eq!(charged(&format!(r#"{{"cost":{none}}}"#)), None, "{none}");
        }
        // With the client's own key the upstream's charge comes on top; else it is contained.
        let details = r#""cost_details":{"upstream_inference_cost":0.01}"#;
        assert_eq!(
            charged(&format!(r#"{{"cost":0.0005,"is_byok":true,{details}}}"#)),
            Some(10_500_000_000)
        );
        assert_eq!(
            charged(&format!(r#"{{"cost":0.0005,"is_byok":false,{details}}}"#)),
            Some(500_000_000)
        );
    }
}
