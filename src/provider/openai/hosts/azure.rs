//! Azure OpenAI: other addresses; the model is the name of a deployment.
//!
//! The answers are OpenAI's with more in them, which passes: `content_filter_results`, and a first
//! chunk without choices that holds `prompt_filter_results`.
//! Source: learn.microsoft.com, "Azure OpenAI in Azure AI Foundry Models API lifecycle" (`/openai/v1`, where
//! `api-version` is optional), "REST API reference", "Content filtering", read 2026-11.

use super::super::{FEATURES, OpenAi, difference::Difference};
use crate::{
    api::{chat::Extensions, relay::Area},
    config::node::{Fields, Node},
    provider::{Common, Entry, Provider, features::Features},
};
use std::fmt::Write;

pub(in crate::provider) const ENTRY: Entry = Entry {
    name: "azure",
    base_path: "/openai/v1",
    features: Features {
        model: "my-gpt-5-mini",
        ..FEATURES
    },
    open,
};

/// The newer form has these paths of OpenAI's, the older one those with a deployment and files.
/// Source: learn.microsoft.com, "Azure OpenAI REST API preview reference" (image and audio operations of `/openai/v1`;
/// files, fine-tuning and vector stores are named there), openai 3.57 for Python, `lib/azure.py`, read 2026-11;
/// batches and uploads are general knowledge, not confirmed.
const TABLE: Difference = Difference {
    takes: Extensions::OPENAI,
    relays: &[
        Area::ImageGeneration,
        Area::ImageEdit,
        Area::Speech,
        Area::Transcription,
        Area::Translation,
        Area::Files,
        Area::Uploads,
        Area::Batches,
        Area::VectorStores,
        Area::FineTuning,
    ],
    ..Difference::NONE
};

/// How addresses are made, where it is not OpenAI's way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::provider::openai) struct Deployments {
    /// The deployment stands in the path.
    in_path: bool,
    api_version: Option<String>,
}

fn open(common: Common, fields: &Fields<'_>) -> Option<Box<dyn Provider>> {
    let force_usage = fields.or("force_stream_usage", true, |node| node.flag());
    let responses = fields.or("responses", true, |node| node.flag());
    let in_path = fields.or("form", false, |node| {
        node.choice(&[("v1", false), ("deployments", true)])
    });
    let api_version = fields.maybe("api_version", version);
    let (in_path, api_version) = (in_path?, api_version?);
    if in_path && api_version.is_none() {
        fields.lacks(
            "api_version",
            "missing; `form: deployments` needs one, such as \"2024-10-21\"",
        );
        return None;
    }
    Some(Box::new(OpenAi {
        table: &TABLE,
        common,
        force_usage: force_usage?,
        responses: responses?,
        deployments: (in_path || api_version.is_some()).then_some(Deployments {
            in_path,
            api_version,
        }),
    }))
}

fn version(node: Node<'_>) -> Option<String> {
    let text = node.nonempty()?;
    if !text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        node.wrong("expected a version such as \"2024-10-21\" or \"preview\"");
        return None;
    }
    Some(text.to_owned())
}

impl Deployments {
    /// Path and query of an operation at a deployment.
    pub(in crate::provider::openai) fn path(
        &self,
        base_path: &str,
        operation: &str,
        deployment: &str,
    ) -> String {
        let mut path = base_path.to_owned();
        if self.in_path {
            // The base path's default is that of the newer form.
            path.truncate(base_path.strip_suffix("/v1").map_or(path.len(), str::len));
        }
        // A response names its deployment in the body in either form, and a file belongs to none.
        if self.in_path && operation != "responses" && !deployment.is_empty() {
            path.push_str("/deployments/");
            for byte in deployment.bytes() {
                if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                    path.push(char::from(byte));
                } else {
                    let _ = write!(path, "%{byte:02X}"); // into memory, which cannot fail
                }
            }
        }
        path.push('/');
        path.push_str(operation);
        if let Some(version) = &self.api_version {
            path.push_str("?api-version=");
            path.push_str(version);
        }
        path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deployment_stands_in_the_path_or_in_the_body() {
        let path = |in_path, version: Option<&str>, base: &str, deployment: &str| {
            let api_version = version.map(str::to_owned);
            Deployments {
                in_path,
                api_version,
            }
            .path(base, "chat/completions", deployment)
        };
        assert_eq!(
            path(true, Some("2024-10-21"), "/openai/v1", "gpt 5/a?b"),
            "/openai/deployments/gpt%205%2Fa%3Fb/chat/completions?api-version=2024-10-21"
        );
        assert_eq!(
            path(true, Some("2024-10-21"), "/proxy/openai", "d"),
            "/proxy/openai/deployments/d/chat/completions?api-version=2024-10-21"
        );
        assert_eq!(
            path(false, Some("preview"), "/openai/v1", "d"),
            "/openai/v1/chat/completions?api-version=preview"
        );
        let older = Deployments {
            in_path: true,
            api_version: Some("2025-03-01-preview".to_owned()),
        };
        assert_eq!(
            older.path("/openai/v1", "responses", "d"),
            "/openai/responses?api-version=2025-03-01-preview"
        );
        assert_eq!(
            older.path("/openai/v1", "files/f-1/content", ""),
            "/openai/files/f-1/content?api-version=2025-03-01-preview"
        );
    }
}
