//! A request in Anthropic's words, as it is written.
//! Source: docs.claude.com, API reference, "Create a Message", and the types of the official
//! Python SDK 2.11; read 2026-11.

use crate::json::{Long, Quoted};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use std::borrow::Cow;

type Mark<'a> = Option<&'a RawValue>;

/// The body. Unknown parameters that are kept follow after the last field.
#[derive(Debug, Serialize)]
pub(super) struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) model: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) anthropic_version: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) anthropic_beta: Vec<Cow<'a, str>>,
    pub(super) max_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) stream: Option<bool>,
    #[serde(skip_serializing_if = "System::is_empty")]
    pub(super) system: System<'a>,
    pub(super) messages: Vec<Turn<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) tools: Vec<Tool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tool_choice: Option<ToolChoice<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) stop_sequences: Vec<Quoted<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) temperature: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) top_p: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) top_k: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) thinking: Option<Thinking<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) output_config: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) metadata: Option<Metadata<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) service_tier: Option<&'static str>,
}

/// The prompt beside the messages: plain text, or blocks as soon as one carries a cache mark.
#[derive(Debug, Default)]
pub(super) struct System<'a>(pub(super) Vec<Block<'a>>);

/// One turn; two neighbours never have the same role.
#[derive(Debug, Serialize)]
pub(super) struct Turn<'a> {
    pub(super) role: &'static str,
    #[serde(serialize_with = "blocks")]
    pub(super) content: Vec<Block<'a>>,
}

/// One plain text is a string, which is the API's own short form.
#[allow(clippy::ptr_arg)] // serde's form
fn blocks<S: Serializer>(blocks: &Vec<Block<'_>>, serializer: S) -> Result<S::Ok, S::Error> {
    match blocks.as_slice() {
        [
            Block::Text {
                text,
                cache_control: None,
            },
        ] => text.serialize(serializer),
        blocks => blocks.serialize(serializer),
    }
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Block<'a> {
    Text {
        text: Words<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Mark<'a>,
    },
    Image {
        source: Source<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Mark<'a>,
    },
    Document {
        source: Source<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        title: Option<Quoted<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Mark<'a>,
    },
    Thinking {
        thinking: &'a RawValue,
        signature: &'a RawValue,
    },
    RedactedThinking {
        data: &'a RawValue,
    },
    ToolUse {
        id: Cow<'a, str>,
        name: Quoted<'a>,
        input: Box<RawValue>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Mark<'a>,
    },
    ToolResult {
        tool_use_id: Cow<'a, str>,
        #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "blocks")]
        content: Vec<Block<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Mark<'a>,
    },
}

/// Text of the client as it stands, or text of our own.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(in crate::provider) enum Words<'a> {
    Kept(Quoted<'a>),
    Made(String),
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Source<'a> {
    Base64 {
        media_type: &'static str,
        data: Long<'a>,
    },
    Url {
        url: Quoted<'a>,
    },
    Text {
        media_type: &'static str,
        data: String,
    },
}

#[derive(Debug, Serialize)]
pub(super) struct Tool<'a> {
    pub(super) name: Quoted<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<Quoted<'a>>,
    pub(super) input_schema: Schema<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) strict: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cache_control: Mark<'a>,
}

/// A schema of the client as it stands, or one made to fit.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(in crate::provider) enum Schema<'a> {
    Kept(&'a RawValue),
    Made(Box<RawValue>),
}

#[derive(Debug, Serialize)]
pub(super) struct ToolChoice<'a> {
    pub(super) r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<Quoted<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) disable_parallel_tool_use: Option<bool>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(in crate::provider) enum Thinking<'a> {
    Kept(&'a RawValue),
    Made {
        r#type: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        budget_tokens: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        display: Option<&'static str>,
    },
}

#[derive(Debug, Serialize)]
pub(super) struct Metadata<'a> {
    pub(super) user_id: Quoted<'a>,
}

impl System<'_> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for System<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let plain = |block: &Block<'_>| {
            matches!(
                block,
                Block::Text {
                    cache_control: None,
                    ..
                }
            )
        };
        if self.0.len() == 1 || !self.0.iter().all(plain) {
            return blocks(&self.0, serializer);
        }
        let texts = self.0.iter().filter_map(|block| match block {
            Block::Text { text, .. } => Some(text.text()),
            _ => None,
        });
        serializer.serialize_str(&texts.collect::<Vec<_>>().join("\n"))
    }
}

impl Words<'_> {
    pub(in crate::provider) fn text(&self) -> Cow<'_, str> {
        match self {
            Words::Kept(text) => text.text(),
            Words::Made(text) => Cow::Borrowed(text),
        }
    }
}
