//! OpenAI's model list, and the same in Anthropic's form.
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

/// The same as clients of Anthropic's API see it.
///
/// Source: `ModelInfo` of Anthropic's Python SDK 2.14, read 2026-11. A configured name has no date and no
/// other name; the epoch stands for a date that is not known.
#[derive(Serialize)]
struct Theirs<'a> {
    r#type: &'static str,
    id: &'a str,
    display_name: &'a str,
    created_at: &'static str,
    lifecycle: &'static str,
}

#[derive(Serialize)]
struct Page<'a> {
    data: Vec<Theirs<'a>>,
    has_more: bool,
    first_id: Option<&'a str>,
    last_id: Option<&'a str>,
}

impl<'a> Theirs<'a> {
    fn of(model: &'a ModelView) -> Self {
        Self {
            r#type: "model",
            id: &model.id,
            display_name: &model.id,
            created_at: "1970-01-01T00:00:00Z",
            lifecycle: "active",
        }
    }
}

/// The body of `GET /v1/models/{id}` for a client of Anthropic's API.
pub fn their_body(model: &ModelView) -> Vec<u8> {
    serde_json::to_vec(&Theirs::of(model)).unwrap_or_default()
}

/// The body of `GET /v1/models` for a client of Anthropic's API: everything on one page.
pub fn their_list(data: &[ModelView]) -> Vec<u8> {
    let page = Page {
        data: data.iter().map(Theirs::of).collect(),
        has_more: false,
        first_id: data.first().map(|model| model.id.as_str()),
        last_id: data.last().map(|model| model.id.as_str()),
    };
    serde_json::to_vec(&page).unwrap_or_default()
}

/// The body of `GET /v1/models`.
pub fn list(data: &[ModelView]) -> Vec<u8> {
    let list = List {
        object: "list",
        data,
    };
    serde_json::to_vec(&list).unwrap_or_default()
}
