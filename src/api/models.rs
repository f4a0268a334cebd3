//! OpenAI's model list.
//! Source: OpenAI API reference, "Models", read 2026-11.

use serde::Serialize;

/// One model as clients see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ModelView {
    /// What to ask for.
    pub id: String,
    object: &'static str,
    created: u64,
    /// Who serves it first.
    pub owned_by: String,
}

#[derive(Serialize)]
struct List<'a> {
    object: &'static str,
    data: &'a [ModelView],
}

impl ModelView {
    /// `created` is 0: a configured name has no date.
    pub fn new(id: impl Into<String>, owned_by: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            object: "model",
            created: 0,
            owned_by: owned_by.into(),
        }
    }

    /// The body of `GET /v1/models/{id}`.
    pub fn body(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

/// The body of `GET /v1/models`.
pub fn list(data: &[ModelView]) -> Vec<u8> {
    let list = List {
        object: "list",
        data,
    };
    serde_json::to_vec(&list).unwrap_or_default()
}
