//! What is known of models: limits, capabilities and list prices, compiled in and read in place.
//!
//! `data/models.json` is the readable source, with its date and where it comes from; `scripts/prices.py` makes both
//! it and the compact form that stands here. `packed` reads that form without unpacking it (nothing is built at
//! start, nothing stays on the heap), `names` turns the many names of a model into the one that is listed.
//! What a user knows better is configured (`model_info`) and asked first, by the caller.

mod known;
mod names;
mod packed;
mod prices;

pub use known::{Known, Own};
pub use prices::{Prices, Rates};

/// The compact form. Its layout is described in `packed`.
const PACKED: &[u8] = include_bytes!("../../data/models.bin");

/// The models that this build knows.
#[derive(Debug, Clone, Copy)]
pub struct Catalogue(packed::Packed<'static>);

/// What is known of one model. Absent means unknown, never zero.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Model {
    /// Prompt and answer together. Units: tokens.
    pub context_window: Option<u64>,
    /// The longest prompt, where it is less than the window. Units: tokens.
    pub max_input: Option<u64>,
    /// The longest answer, reasoning included. Units: tokens.
    pub max_output: Option<u64>,
    /// What it costs.
    pub prices: Option<Prices>,
    /// What it can do, as far as the sources say.
    pub can: Capabilities,
}

/// A set of [`Capability`].
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities(u64);

/// Something that a model can do, in the order of the compact form's bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Capability {
    /// Answers chats.
    Chat,
    /// Makes embeddings.
    Embeddings,
    /// Reranks documents.
    Rerank,
    /// Is reached by OpenAI's Responses API alone.
    ResponsesOnly,
    /// Calls tools.
    Tools,
    /// Calls several tools at once.
    ParallelTools,
    /// Looks at images.
    Images,
    /// Reads PDFs.
    Pdfs,
    /// Hears.
    AudioInput,
    /// Speaks.
    AudioOutput,
    /// Watches videos.
    Video,
    /// Reasons before it answers.
    Reasoning,
    /// Keeps to a JSON schema.
    JsonSchema,
    /// Its provider caches prompts.
    PromptCache,
    /// Searches the web itself.
    WebSearch,
}

impl Capabilities {
    /// Whether it is known that the model can. `false`: it cannot, or nobody said so.
    pub const fn has(self, capability: Capability) -> bool {
        self.0 >> (capability as u32) & 1 == 1
    }

    /// These, or the others where nothing is said.
    const fn or(self, others: Self) -> Self {
        if self.0 == 0 { others } else { self }
    }
}

impl Catalogue {
    /// What is compiled in. Costs nothing: the data stays where it is.
    pub fn built_in() -> Self {
        Self(packed::Packed::new(PACKED))
    }

    /// The day on which the list was made. Shape: year, month and day as one decimal number, 20261125.
    pub fn date(&self) -> u32 {
        self.0.date()
    }

    /// How many names are listed.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing is listed.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A model by the name that a client, a plan or an answer gives it.
    ///
    /// `provider`: a dialect (`anthropic-bedrock`), or one of the other hosts that the list knows (`perplexity`).
    /// Dated, `-latest`, prefixed and regional names are resolved; a name that says nothing, such as that of an Azure
    /// deployment, finds nothing.
    pub fn find(&self, provider: &str, model: &str) -> Option<Model> {
        names::resolve(provider, model, &|key| self.0.get(key))
    }

    /// As [`Catalogue::find`], for a provider of the configuration. The dialect says who it is, save for the two that
    /// many hosts speak: there its own name counts where the list knows it, because a host of OpenAI's language under a
    /// name like `perplexity` is not OpenAI.
    pub fn find_at(&self, name: &str, dialect: &str, model: &str) -> Option<Model> {
        let home = match dialect {
            "openai" | "anthropic" if names::home(name).is_some() => name,
            _ => dialect,
        };
        self.find(home, model)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::answer::Tier;

    #[test]
    fn a_model_is_found_with_all_that_is_known_of_it() {
        let model = Catalogue::built_in().find("openai", "gpt-5").unwrap();
        assert_eq!(model.context_window, Some(400_000));
        assert_eq!(model.max_input, Some(272_000));
        assert_eq!(model.max_output, Some(128_000));
        assert!(model.can.has(Capability::Tools) && model.can.has(Capability::Reasoning));
        assert!(!model.can.has(Capability::Embeddings));
        let rates = *model.prices.unwrap().rates(Tier::Standard, 10);
        assert_eq!(
            rates,
            Rates {
                input: Some(1_250_000),
                output: Some(10_000_000),
                cached_input: Some(125_000),
                ..Rates::default()
            }
        );
    }

    #[test]
    fn a_name_at_another_host_is_another_model() {
        let list = Catalogue::built_in();
        assert_eq!(list.find("vllm", "gpt-4o"), None);
        assert_eq!(list.find_at("perplexity", "openai", "gpt-4o"), None);
        assert!(list.find_at("perplexity", "openai", "sonar").is_some());
        assert!(list.find_at("my-openai", "openai", "gpt-4o").is_some());
        // Called after its maker, and still what its dialect says.
        assert_eq!(list.find_at("meta", "vllm", "llama-3.3-70b-instruct"), None);
        let claude = "claude-sonnet-4-5@20250929";
        assert!(list.find_at("google", "anthropic-vertex", claude).is_some());
    }
}
