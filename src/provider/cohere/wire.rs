//! A request in Cohere's words, as it is written.
//! Source: docs.cohere.com, API reference, "Chat API (v2)", and the types of the official Python
//! SDK 7.3; read 2026-11.

use crate::json::Quoted;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// The body. Cohere's own parameters that the client sent follow after the last field.
#[derive(Debug, Serialize)]
pub(super) struct Body<'a> {
    pub(super) model: &'a str,
    pub(super) stream: bool,
    pub(super) messages: Vec<Turn<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) tools: Vec<Tool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tool_choice: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) strict_tools: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) response_format: Option<Format<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) stop_sequences: Vec<Quoted<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) temperature: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) p: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) seed: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) frequency_penalty: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) presence_penalty: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) logprobs: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) thinking: Option<Thinking>,
}

/// One message.
#[derive(Debug, Serialize)]
#[serde(tag = "role", rename_all = "lowercase")]
pub(super) enum Turn<'a> {
    System {
        content: Words<'a>,
    },
    User {
        #[serde(serialize_with = "blocks")]
        content: Vec<Block<'a>>,
    },
    Assistant {
        #[serde(skip_serializing_if = "Option::is_none")]
        tool_plan: Option<&'a RawValue>,
        #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "blocks")]
        content: Vec<Block<'a>>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        tool_calls: Vec<Call<'a>>,
    },
    Tool {
        tool_call_id: Cow<'a, str>,
        #[serde(serialize_with = "blocks")]
        content: Vec<Block<'a>>,
    },
}

/// One plain text is a string, which is the API's own short form.
#[allow(clippy::ptr_arg)] // serde's form
fn blocks<S: Serializer>(blocks: &Vec<Block<'_>>, serializer: S) -> Result<S::Ok, S::Error> {
    match blocks.as_slice() {
        [Block::Text { text }] => text.serialize(serializer),
        blocks => blocks.serialize(serializer),
    }
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Block<'a> {
    Text { text: Words<'a> },
    Thinking { thinking: &'a RawValue },
    ImageUrl { image_url: Image<'a> },
}

/// Text of the client as it stands, or text of our own.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Words<'a> {
    Kept(Quoted<'a>),
    Made(String),
}

#[derive(Debug, Serialize)]
pub(super) struct Image<'a> {
    pub(super) url: Quoted<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) detail: Option<Quoted<'a>>,
}

#[derive(Debug, Serialize)]
pub(super) struct Call<'a> {
    pub(super) id: Cow<'a, str>,
    pub(super) r#type: &'static str,
    pub(super) function: Called<'a>,
}

#[derive(Debug, Serialize)]
pub(super) struct Called<'a> {
    pub(super) name: Quoted<'a>,
    /// JSON text inside a string, as in OpenAI's form.
    pub(super) arguments: Words<'a>,
}

#[derive(Debug, Serialize)]
pub(super) struct Tool<'a> {
    pub(super) r#type: &'static str,
    pub(super) function: Function<'a>,
}

#[derive(Debug, Serialize)]
pub(super) struct Function<'a> {
    pub(super) name: Quoted<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<Quoted<'a>>,
    pub(super) parameters: Cow<'a, RawValue>,
}

#[derive(Debug, Serialize)]
pub(super) struct Format<'a> {
    pub(super) r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) json_schema: Option<&'a RawValue>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct Thinking {
    pub(super) r#type: &'static str,
    /// Units: tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) token_budget: Option<u64>,
}
