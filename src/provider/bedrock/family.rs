//! What the families of models on Bedrock can do, by a model's name.
//!
//! To be confirmed against the Amazon Bedrock user guide ("Structured outputs", "Prompt caching") and
//! the pages of Nova 2 and the OpenAI models: these tables are general knowledge of 2026-11, not a
//! reading of those pages, and no live service has been asked.

use crate::provider::anthropic::model::{Model, model};

/// The maker's line of models.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    /// Claude, as the anthropic dialect knows it.
    Claude(Model),
    /// Amazon's own.
    Nova {
        /// Thinks when asked to.
        thinks: bool,
    },
    /// OpenAI's open models.
    GptOss,
    /// Makers whose models follow no schema.
    Plain,
    /// Everything else, and names that say nothing, such as those of inference profiles.
    Other,
}

/// Lines that Bedrock's structured outputs leave out.
const PLAIN: &[&str] = &["amazon.", "meta.", "cohere.", "ai21.", "writer."];

/// Lines that take no cache points.
const UNCACHED: &[&str] = &["openai.", "mistral.", "deepseek.", "qwen.", "google."];

/// Finds the family of a model, e.g. `us.anthropic.claude-sonnet-4-5-20250929-v1:0`.
pub(super) fn family(name: &str) -> Family {
    if name.contains("claude-") {
        return Family::Claude(model(name));
    }
    if name.contains("amazon.nova") {
        return Family::Nova {
            thinks: name.contains("amazon.nova-2"),
        };
    }
    if name.contains("gpt-oss") {
        return Family::GptOss;
    }
    if PLAIN.iter().any(|line| name.contains(line)) {
        return Family::Plain;
    }
    Family::Other
}

impl Family {
    /// Follows a JSON schema, in its answer and in strict tools.
    pub(super) const fn schemas(&self) -> bool {
        match self {
            Self::Claude(model) => model.schemas,
            Self::Nova { .. } | Self::Plain => false,
            Self::GptOss | Self::Other => true,
        }
    }

    /// Can be made to call a tool. The reference names Claude and Nova; Llama refuses every force.
    /// Source: Amazon Bedrock API reference, "ToolChoice"; strands-agents issue 1241 and bifrost pull
    /// request 3196 (Llama's refusals); read 2026-11.
    pub(super) const fn forced_tools(&self) -> bool {
        match self {
            Self::Claude(model) => model.forced_tools,
            Self::Nova { .. } => true,
            Self::Plain | Self::GptOss | Self::Other => false,
        }
    }

    /// Is told which tools failed.
    /// Source: Amazon Bedrock API reference, "ToolResultBlock" (`status`), read 2026-11.
    pub(super) const fn errors(&self) -> bool {
        matches!(self, Self::Claude(_) | Self::Nova { .. })
    }

    /// Takes cache points.
    pub(super) fn caches(&self, name: &str) -> bool {
        match self {
            Self::Claude(_) | Self::Nova { .. } => true,
            Self::Plain | Self::GptOss => false,
            Self::Other => !UNCACHED.iter().any(|line| name.contains(line)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_to_its_family() {
        let kind = |name| match family(name) {
            Family::Claude(model) if model.schemas => "claude",
            Family::Claude(_) => "older claude",
            Family::Nova { thinks: true } => "nova 2",
            Family::Nova { thinks: false } => "nova",
            Family::GptOss => "gpt-oss",
            Family::Plain => "plain",
            Family::Other => "other",
        };
        for (name, want) in [
            ("eu.anthropic.claude-haiku-4-5-20251001-v1:0", "claude"),
            ("anthropic.claude-3-haiku-20240307-v1:0", "older claude"),
            ("us.amazon.nova-2-lite-v1:0", "nova 2"),
            ("amazon.nova-pro-v1:0", "nova"),
            ("openai.gpt-oss-120b-1:0", "gpt-oss"),
            ("us.meta.llama4-maverick-17b-instruct-v1:0", "plain"),
            ("qwen.qwen3-32b-v1:0", "other"),
            (
                "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2c3",
                "other",
            ),
        ] {
            assert_eq!(kind(name), want, "{name}");
        }
    }
}
