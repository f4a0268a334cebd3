//! The hosts that speak OpenAI's API with differences, one table each.

pub(super) mod azure;
mod deepseek;
mod fireworks;
mod groq;
mod mistral;
mod ollama;
mod openrouter;
mod together;
mod vllm;
mod xai;

pub(in crate::provider) use azure::ENTRY as AZURE;
pub(in crate::provider) use deepseek::ENTRY as DEEPSEEK;
pub(in crate::provider) use fireworks::ENTRY as FIREWORKS;
pub(in crate::provider) use groq::ENTRY as GROQ;
pub(in crate::provider) use mistral::ENTRY as MISTRAL;
pub(in crate::provider) use ollama::ENTRY as OLLAMA;
pub(in crate::provider) use openrouter::ENTRY as OPENROUTER;
pub(in crate::provider) use together::ENTRY as TOGETHER;
pub(in crate::provider) use vllm::ENTRY as VLLM;
pub(in crate::provider) use xai::ENTRY as XAI;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::openai::{KNOWN, difference::Difference};

    const TABLES: &[(&str, &Difference)] = &[
        ("deepseek", &deepseek::TABLE),
        ("fireworks", &fireworks::TABLE),
        ("groq", &groq::TABLE),
        ("mistral", &mistral::TABLE),
        ("ollama", &ollama::TABLE),
        ("openrouter", &openrouter::TABLE),
        ("together", &together::TABLE),
        ("vllm", &vllm::TABLE),
        ("xai", &xai::TABLE),
    ];

    #[test]
    fn a_table_touches_what_it_names() {
        for (name, table) in TABLES {
            let touches = |key: &str| table.touches.contains(&key);
            assert!(touches("model"), "{name}");
            assert!(table.usage_unasked || touches("stream_options"), "{name}");
            assert_eq!(table.messages.is_some(), touches("messages"), "{name}");
            for (key, _) in table.parameters {
                assert!(touches(key), "{name} {key}");
            }
        }
    }

    #[test]
    fn a_table_names_no_parameter_twice_and_only_known_ones() {
        for (name, table) in TABLES {
            let mut keys: Vec<_> = table.parameters.iter().map(|(key, _)| *key).collect();
            keys.sort_unstable();
            let count = keys.len();
            keys.dedup();
            assert_eq!(keys.len(), count, "{name}");
            for key in keys {
                assert!(
                    KNOWN.contains(&key) || table.own.contains(&key),
                    "{name} {key}"
                );
            }
        }
    }
}
