//! A chat request as it is written for a client of another API: the readers of those APIs fill it in.
//!
//! What the client said stays as it stands ([`Quoted`], raw values) wherever its form allows.

use super::names::{Names, Origin};
use crate::{
    fault::Fault,
    json::{Quoted, one_line},
};
use serde::{Serialize, Serializer, ser::SerializeStruct};
use serde_json::value::RawValue;

pub(in crate::api) use crate::api::dropped::note;

type Mark<'a> = Option<&'a RawValue>;

/// A request that one of the readers made, and what it could not carry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Translated {
    /// A chat request as JSON text.
    pub body: Vec<u8>,
    /// Fields of the client's request that it does not hold, for `x-llm-dropped`.
    pub dropped: Vec<String>,
    /// What the client calls its fields; `None`: as they are called here.
    pub(in crate::api) names: Option<Names>,
    /// Where each message comes from.
    pub(in crate::api) from: Vec<Origin>,
}

impl Translated {
    /// Why a dialect refuses the body, in the words of the client's request.
    pub fn refusal(&self, fault: Fault) -> Fault {
        match &self.names {
            Some(names) => names.of(fault, &self.from),
            None => fault,
        }
    }
}

/// The body.
#[derive(Debug, Default, Serialize)]
pub(in crate::api) struct Request<'a> {
    pub(in crate::api) model: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) stream: Option<bool>,
    pub(in crate::api) messages: Vec<Message<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) max_completion_tokens: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) stop: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) temperature: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) top_p: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) top_k: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) reasoning_effort: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) thinking: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) verbosity: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) response_format: Option<Format<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(in crate::api) tools: Vec<Tool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) tool_choice: Option<Choice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) parallel_tool_calls: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) user: Option<Quoted<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) safety_identifier: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) prompt_cache_key: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) service_tier: Option<Text<'a>>,
}

/// Text of the client as it stands, or text of our own.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub(in crate::api) enum Text<'a> {
    Kept(Quoted<'a>),
    Made(String),
    Word(&'static str),
}

/// One message.
#[derive(Debug, Default, Serialize)]
pub(in crate::api) struct Message<'a> {
    #[serde(skip)]
    pub(in crate::api) from: Origin,
    pub(in crate::api) role: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) tool_call_id: Option<Quoted<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) content: Option<Content<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) refusal: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) reasoning_content: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(in crate::api) reasoning_details: Vec<Detail<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(in crate::api) tool_calls: Vec<Call<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) is_error: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) cache_control: Mark<'a>,
}

/// What a message says.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(in crate::api) enum Content<'a> {
    Text(Text<'a>),
    Parts(Vec<Part<'a>>),
}

/// One part of a message.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(in crate::api) enum Part<'a> {
    Text {
        text: Text<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Mark<'a>,
    },
    ImageUrl {
        image_url: Image<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Mark<'a>,
    },
    File {
        file: File<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Mark<'a>,
    },
}

#[derive(Debug, Serialize)]
pub(in crate::api) struct Image<'a> {
    pub(in crate::api) url: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) detail: Option<Quoted<'a>>,
}

#[derive(Debug, Serialize)]
pub(in crate::api) struct File<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) filename: Option<Text<'a>>,
    pub(in crate::api) file_data: Text<'a>,
}

/// One element of `reasoning_details`.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(in crate::api) enum Detail<'a> {
    /// As another turn gave it out.
    Returned(Box<RawValue>),
    /// A block of Anthropic's.
    Anthropic {
        provider: &'static str,
        r#type: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        thinking: Option<Quoted<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        signature: Option<Quoted<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        data: Option<Quoted<'a>>,
    },
}

/// A call that the model made.
#[derive(Debug)]
pub(in crate::api) struct Call<'a> {
    pub(in crate::api) id: Quoted<'a>,
    pub(in crate::api) name: Quoted<'a>,
    pub(in crate::api) arguments: Arguments<'a>,
}

/// A call's arguments: JSON text inside a string.
#[derive(Debug)]
pub(in crate::api) enum Arguments<'a> {
    /// Already a string.
    Text(Text<'a>),
    /// A JSON value that becomes one.
    Json(&'a RawValue),
}

impl Serialize for Arguments<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => text.serialize(serializer),
            Self::Json(raw) => serializer.serialize_str(&one_line(raw.get())),
        }
    }
}

#[derive(Serialize)]
struct Function<'a> {
    name: Quoted<'a>,
    arguments: &'a Arguments<'a>,
}

impl Serialize for Call<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let function = Function {
            name: self.name,
            arguments: &self.arguments,
        };
        let mut call = serializer.serialize_struct("Call", 3)?;
        call.serialize_field("id", &self.id)?;
        call.serialize_field("type", "function")?;
        call.serialize_field("function", &function)?;
        call.end()
    }
}

/// A function that the model may call.
#[derive(Debug, Serialize)]
pub(in crate::api) struct Tool<'a> {
    pub(in crate::api) r#type: &'static str,
    pub(in crate::api) function: Declared<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) cache_control: Mark<'a>,
}

#[derive(Debug, Serialize)]
pub(in crate::api) struct Declared<'a> {
    pub(in crate::api) name: Quoted<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) description: Option<Quoted<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) parameters: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) strict: Option<bool>,
}

/// Which tools must be used.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(in crate::api) enum Choice<'a> {
    Word(&'static str),
    One(Named<'a>),
    Allowed {
        r#type: &'static str,
        allowed_tools: Allowed<'a>,
    },
}

#[derive(Debug, Serialize)]
pub(in crate::api) struct Named<'a> {
    pub(in crate::api) r#type: &'static str,
    pub(in crate::api) function: Name<'a>,
}

#[derive(Debug, Serialize)]
pub(in crate::api) struct Name<'a> {
    pub(in crate::api) name: Quoted<'a>,
}

#[derive(Debug, Serialize)]
pub(in crate::api) struct Allowed<'a> {
    pub(in crate::api) mode: Quoted<'a>,
    pub(in crate::api) tools: Vec<Named<'a>>,
}

impl Choice<'_> {
    fn is_forced(&self) -> bool {
        !matches!(self, Self::Word("auto" | "none"))
    }
}

impl<'a> Named<'a> {
    pub(in crate::api) const fn function(name: Quoted<'a>) -> Self {
        Self {
            r#type: "function",
            function: Name { name },
        }
    }
}

/// The form of the answer.
#[derive(Debug, Serialize)]
pub(in crate::api) struct Format<'a> {
    pub(in crate::api) r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) json_schema: Option<Schema<'a>>,
}

#[derive(Debug, Serialize)]
pub(in crate::api) struct Schema<'a> {
    pub(in crate::api) name: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) description: Option<Quoted<'a>>,
    pub(in crate::api) schema: &'a RawValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) strict: Option<bool>,
}

impl Text<'_> {
    /// The text that is meant.
    pub(in crate::api) fn meant(&self) -> std::borrow::Cow<'_, str> {
        match self {
            Self::Kept(text) => text.text(),
            Self::Made(text) => text.as_str().into(),
            Self::Word(text) => (*text).into(),
        }
    }
}

impl<'a> Content<'a> {
    /// A single plain text as a string, everything else as it is; `None`: nothing is said.
    pub(in crate::api) fn parts(parts: Vec<Part<'a>>) -> Option<Self> {
        match parts.len() {
            0 => None,
            1 => Self::of(parts, ""),
            _ => Some(Self::Parts(parts)),
        }
    }

    /// Texts only become one string, joined by `between`, unless one carries a cache mark: every host
    /// takes a string.
    pub(in crate::api) fn of(mut parts: Vec<Part<'a>>, between: &str) -> Option<Self> {
        let plain = |part: &Part<'_>| {
            matches!(
                part,
                Part::Text {
                    cache_control: None,
                    ..
                }
            )
        };
        if !parts.iter().all(plain) {
            return Some(Self::Parts(parts));
        }
        if parts.len() > 1 {
            let texts = parts.iter().filter_map(|part| match part {
                Part::Text { text, .. } => Some(text.meant()),
                _ => None,
            });
            let text = texts.collect::<Vec<_>>().join(between);
            return Some(Self::Text(Text::Made(text)));
        }
        match parts.pop()? {
            Part::Text { text, .. } => Some(Self::Text(text)),
            other => Some(Self::Parts(vec![other])),
        }
    }
}

impl Request<'_> {
    /// As JSON text; `size`: about how long it becomes.
    pub(in crate::api) fn write(
        mut self,
        size: usize,
        names: Names,
        dropped: Vec<String>,
    ) -> Translated {
        if self.tools.is_empty() {
            // OpenAI refuses both where there is nothing to call. A forced choice is for the host to refuse.
            self.parallel_tool_calls = None;
            self.tool_choice = self.tool_choice.filter(Choice::is_forced);
        }
        let mut body = Vec::with_capacity(size + 512);
        // Writing such a value into memory cannot fail.
        let _ = serde_json::to_writer(&mut body, &self);
        Translated {
            body,
            dropped,
            names: Some(names),
            from: self.messages.iter().map(|message| message.from).collect(),
        }
    }
}
