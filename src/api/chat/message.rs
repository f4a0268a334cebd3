//! The messages of a request, borrowed: who says what, which tools were called, what they gave.
//!
//! Strings stay as they stand in the body ([`Quoted`]); types are checked here, once, and a
//! dialect only decides what it can carry.
//! Source: OpenAI API reference, "Create chat completion", field `messages`, read 2026-11.

use super::{
    Chat,
    field::{Field, Inner, Map, Place, list, needed, string},
};
use crate::{
    fault::{Fault, FaultKind},
    json::{Index, Quoted, Raw},
};
use serde::Deserialize;
use serde_json::value::RawValue;

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// `system` and its newer name `developer`.
    System,
    /// `user`.
    User,
    /// `assistant`.
    Assistant,
    /// `tool`: what a tool call gave; the message names the call.
    Tool,
    /// `function`: what a call of the older `function_call` form gave; the message names the function.
    Function,
}

/// One message.
#[derive(Debug, Clone)]
pub struct Message<'a> {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub content: Content<'a>,
    /// What the model said when it refused.
    pub refusal: Option<Quoted<'a>>,
    /// Which of several users or functions speaks.
    pub name: Option<Quoted<'a>>,
    /// The calls that the model asked for, in order.
    pub calls: Vec<Call<'a>>,
    /// Which call this answers. Shape: always there when the role is [`Role::Tool`].
    pub call_id: Option<Quoted<'a>>,
    /// What providers want back unchanged; each item an object tagged with its provider.
    pub reasoning: Vec<&'a RawValue>,
    /// Whether the tool failed, as Anthropic's clients say it.
    pub is_error: bool,
    /// Anthropic's cache mark, which clients send on messages too.
    pub cache_control: Option<&'a RawValue>,
}

/// What a message says.
#[derive(Debug, Clone)]
pub enum Content<'a> {
    /// Absent or `null`.
    Nothing,
    /// A string.
    Text(Quoted<'a>),
    /// A list of parts.
    Parts(Vec<Part<'a>>),
}

/// One part of a message.
#[derive(Debug, Clone, Copy)]
pub struct Part<'a> {
    /// What it is.
    pub is: PartKind<'a>,
    /// Anthropic's cache mark.
    pub cache_control: Option<&'a RawValue>,
}

/// What a part is.
#[derive(Debug, Clone, Copy)]
pub enum PartKind<'a> {
    /// Text.
    Text(Quoted<'a>),
    /// Text of a refusal.
    Refusal(Quoted<'a>),
    /// An image.
    Image {
        /// An address, or the image itself as a `data:` URL.
        url: Quoted<'a>,
        /// `auto`, `low` or `high`.
        detail: Option<Quoted<'a>>,
    },
    /// A document.
    File {
        /// The document itself as a `data:` URL.
        data: Option<Quoted<'a>>,
        /// The name of an uploaded document.
        id: Option<Quoted<'a>>,
        /// Its file name.
        name: Option<Quoted<'a>>,
    },
    /// Sound: the object `input_audio` as it stands.
    Audio(&'a RawValue),
}

/// A call that the model asked for.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// The name under which its result returns. `None`: the older `function_call` form.
    pub id: Option<Quoted<'a>>,
    /// The function's name.
    pub name: Quoted<'a>,
    /// JSON text, inside a string. `None` is as good as empty.
    pub arguments: Option<Quoted<'a>>,
}

#[derive(Deserialize)]
struct MessageFields<'a> {
    #[serde(borrow, default)]
    role: Field<'a>,
    #[serde(borrow, default)]
    content: Field<'a>,
    #[serde(borrow, default)]
    refusal: Field<'a>,
    #[serde(borrow, default)]
    name: Field<'a>,
    #[serde(borrow, default)]
    tool_calls: Field<'a>,
    #[serde(borrow, default)]
    function_call: Inner<FunctionFields<'a>>,
    #[serde(borrow, default)]
    tool_call_id: Field<'a>,
    #[serde(borrow, default)]
    reasoning_details: Field<'a>,
    #[serde(borrow, default)]
    is_error: Field<'a>,
    #[serde(borrow, default)]
    cache_control: Field<'a>,
}

#[derive(Deserialize)]
struct PartFields<'a> {
    #[serde(borrow, default)]
    r#type: Field<'a>,
    #[serde(borrow, default)]
    text: Field<'a>,
    #[serde(borrow, default)]
    refusal: Field<'a>,
    #[serde(borrow, default)]
    image_url: Inner<ImageFields<'a>>,
    #[serde(borrow, default)]
    file: Inner<FileFields<'a>>,
    #[serde(borrow, default)]
    input_audio: Field<'a>,
    #[serde(borrow, default)]
    cache_control: Field<'a>,
}

#[derive(Deserialize)]
struct ImageFields<'a> {
    #[serde(borrow, default)]
    url: Field<'a>,
    #[serde(borrow, default)]
    detail: Field<'a>,
}

#[derive(Deserialize)]
struct FileFields<'a> {
    #[serde(borrow, default)]
    file_data: Field<'a>,
    #[serde(borrow, default)]
    file_id: Field<'a>,
    #[serde(borrow, default)]
    filename: Field<'a>,
}

#[derive(Deserialize)]
struct CallFields<'a> {
    #[serde(borrow, default)]
    id: Field<'a>,
    #[serde(borrow, default)]
    r#type: Field<'a>,
    #[serde(borrow, default)]
    function: Inner<FunctionFields<'a>>,
}

#[derive(Deserialize)]
struct FunctionFields<'a> {
    #[serde(borrow, default)]
    name: Field<'a>,
    #[serde(borrow, default)]
    arguments: Field<'a>,
}

/// Reads all messages.
///
/// Errors: `BadRequest` or `Unsupported` that names the field, e.g. `messages[2].content[1].text`.
pub fn messages<'a>(chat: &'a Chat<'_>) -> Result<Vec<Message<'a>>, Fault> {
    let place = Place::root("messages");
    let text = chat.body.raw("messages").map(Raw::get);
    let index = chat.body.index("messages");
    let index = index.as_deref();
    let fields = list::<MessageFields<'a>>(index, text, &place)?;
    fields
        .into_iter()
        .enumerate()
        .map(|(at, Map(fields))| message(index, &fields, &place.index(at)))
        .collect()
}

fn message<'a>(
    index: Option<&Index<'a>>,
    fields: &MessageFields<'a>,
    place: &Place<'_>,
) -> Result<Message<'a>, Fault> {
    let said = needed(fields.role, &place.key("role"))?;
    let role = match &*said.text() {
        "system" | "developer" => Role::System,
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "tool" => Role::Tool,
        "function" => Role::Function,
        _ => {
            let want = "one of system, developer, user, assistant, tool, function";
            return Err(place.key("role").wrong(want));
        }
    };
    let name = string(fields.name, &place.key("name"))?;
    let call_id = string(fields.tool_call_id, &place.key("tool_call_id"))?;
    match role {
        Role::Tool if call_id.is_none_or(Quoted::is_empty) => {
            return Err(place.key("tool_call_id").missing());
        }
        Role::Function if name.is_none_or(Quoted::is_empty) => {
            return Err(place.key("name").missing());
        }
        _ => {}
    }
    let reasoning_place = place.key("reasoning_details");
    let reasoning = match fields.reasoning_details {
        None => Vec::new(),
        Some(raw) => {
            serde_json::from_str(raw.get()).map_err(|_| reasoning_place.wrong("a list"))?
        }
    };
    Ok(Message {
        role,
        content: content(index, fields.content, &place.key("content"))?,
        refusal: string(fields.refusal, &place.key("refusal"))?,
        name,
        calls: calls(index, fields, place)?,
        call_id,
        reasoning,
        is_error: fields.is_error.is_some_and(|raw| raw.get() == "true"),
        cache_control: fields.cache_control,
    })
}

fn content<'a>(
    index: Option<&Index<'a>>,
    field: Field<'a>,
    place: &Place<'_>,
) -> Result<Content<'a>, Fault> {
    let Some(raw) = field else {
        return Ok(Content::Nothing);
    };
    if let Some(text) = Quoted::of(raw) {
        return Ok(Content::Text(text));
    }
    if !raw.get().starts_with('[') {
        return Err(place.wrong("a string or a list of parts"));
    }
    let fields = list::<PartFields<'a>>(index, Some(raw.get()), place)?;
    let parts = fields
        .into_iter()
        .enumerate()
        .map(|(index, Map(fields))| part(&fields, &place.index(index)));
    Ok(Content::Parts(parts.collect::<Result<_, _>>()?))
}

fn part<'a>(fields: &PartFields<'a>, place: &Place<'_>) -> Result<Part<'a>, Fault> {
    let said = needed(fields.r#type, &place.key("type"))?;
    let is = match &*said.text() {
        "text" => {
            let place = place.key("text");
            PartKind::Text(string(fields.text, &place)?.ok_or_else(|| place.missing())?)
        }
        "refusal" => {
            let place = place.key("refusal");
            PartKind::Refusal(string(fields.refusal, &place)?.ok_or_else(|| place.missing())?)
        }
        "image_url" => {
            let place = place.key("image_url");
            let image = fields.image_url.needed(&place)?;
            PartKind::Image {
                url: needed(image.url, &place.key("url"))?,
                detail: string(image.detail, &place.key("detail"))?,
            }
        }
        "file" => {
            let place = place.key("file");
            let file = fields.file.needed(&place)?;
            PartKind::File {
                data: string(file.file_data, &place.key("file_data"))?,
                id: string(file.file_id, &place.key("file_id"))?,
                name: string(file.filename, &place.key("filename"))?,
            }
        }
        "input_audio" => {
            let place = place.key("input_audio");
            PartKind::Audio(fields.input_audio.ok_or_else(|| place.missing())?)
        }
        _ => {
            let place = place.key("type");
            let message = format!(
                "`{place}` is not supported; send text, image_url, file, input_audio or refusal."
            );
            return Err(Fault::new(FaultKind::Unsupported, message).at(place));
        }
    };
    Ok(Part {
        is,
        cache_control: fields.cache_control,
    })
}

fn calls<'a>(
    index: Option<&Index<'a>>,
    fields: &MessageFields<'a>,
    place: &Place<'_>,
) -> Result<Vec<Call<'a>>, Fault> {
    if !matches!(fields.function_call, Inner::Absent) {
        let place = place.key("function_call");
        return Ok(vec![call(
            None,
            fields.function_call.needed(&place)?,
            &place,
        )?]);
    }
    let place = place.key("tool_calls");
    let fields = list::<CallFields<'a>>(index, fields.tool_calls.map(RawValue::get), &place)?;
    let calls = fields.into_iter().enumerate().map(|(index, Map(fields))| {
        let place = place.index(index);
        let kind = string(fields.r#type, &place.key("type"))?;
        if kind.is_some_and(|kind| kind != *"function") {
            let place = place.key("type");
            let message = format!("`{place}` must be \"function\"; other tools are not supported.");
            return Err(Fault::new(FaultKind::Unsupported, message).at(place));
        }
        let id = needed(fields.id, &place.key("id"))?;
        let place = place.key("function");
        call(Some(id), fields.function.needed(&place)?, &place)
    });
    calls.collect()
}

fn call<'a>(
    id: Option<Quoted<'a>>,
    fields: &FunctionFields<'a>,
    place: &Place<'_>,
) -> Result<Call<'a>, Fault> {
    Ok(Call {
        id,
        name: needed(fields.name, &place.key("name"))?,
        arguments: string(fields.arguments, &place.key("arguments"))?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(list: &str) -> String {
        let body = format!(r#"{{"model":"m","messages":{list}}}"#);
        let chat = Chat::parse(body.as_bytes()).unwrap();
        let fault = messages(&chat).unwrap_err();
        assert_eq!(fault.status(), 400);
        let message = fault.message.into_owned();
        assert!(
            message.contains(&format!("`{}`", fault.param.unwrap())),
            "{message}"
        );
        message
    }

    #[test]
    fn every_form_of_a_message_is_read() {
        let body = br#"{"model":"m","messages":[
            {"role":"developer","content":[{"type":"text","text":"a","cache_control":{"type":"ephemeral"}}]},
            {"role":"assistant","content":null,"refusal":"no","reasoning_details":[{"provider":"x"}],
             "tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}}]},
            {"role":"tool","tool_call_id":"c1","content":"r"},
            {"role":"assistant","function_call":{"name":"g","arguments":null}},
            {"role":"function","name":"g","content":[]}]}"#;
        let chat = Chat::parse(body).unwrap();
        let list = messages(&chat).unwrap();
        let roles: Vec<_> = list.iter().map(|m| m.role).collect();
        use Role::{Assistant, Function, System, Tool};
        assert_eq!(roles, [System, Assistant, Tool, Assistant, Function]);
        let Content::Parts(parts) = &list[0].content else {
            panic!("{:?}", list[0]);
        };
        assert!(matches!(parts[0].is, PartKind::Text(text) if text == *"a"));
        assert_eq!(
            parts[0].cache_control.unwrap().get(),
            r#"{"type":"ephemeral"}"#
        );
        assert_eq!(list[1].reasoning[0].get(), r#"{"provider":"x"}"#);
        let ids: Vec<_> = list[1].calls.iter().map(|c| c.id.unwrap().text()).collect();
        assert_eq!(ids, ["c1"]);
        assert!(list[3].calls[0].id.is_none() && list[3].calls[0].arguments.is_none());
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let cases = [
            ("[1]", "`messages[0]` must be an object."),
            (
                r#"[{"role":"user"},[]]"#,
                "`messages[1]` must be an object.",
            ),
            ("[{}]", "`messages[0].role` is required."),
            (
                r#"[{"role":"bot"}]"#,
                "`messages[0].role` must be one of system, developer, user, assistant, tool, function.",
            ),
            (
                r#"[{"role":"user","content":{"a":1}}]"#,
                "`messages[0].content` must be a string or a list of parts.",
            ),
            (
                r#"[{"role":"user","content":["a"]}]"#,
                "`messages[0].content[0]` must be an object.",
            ),
            (
                r#"[{"role":"user","content":[{"type":"text"}]}]"#,
                "`messages[0].content[0].text` is required.",
            ),
            (
                r#"[{"role":"user","content":[{"type":"image_url","image_url":"u"}]}]"#,
                "`messages[0].content[0].image_url` must be an object.",
            ),
            (
                r#"[{"role":"user","content":[{"type":"image_url","image_url":[{"url":"u"}]}]}]"#,
                "`messages[0].content[0].image_url` must be an object.",
            ),
            (
                r#"[{"role":"user","content":[{"type":"file","file":-1.5}]}]"#,
                "`messages[0].content[0].file` must be an object.",
            ),
            (
                r#"[{"role":"user","content":[{"type":"file","file":null}]}]"#,
                "`messages[0].content[0].file` is required.",
            ),
            (
                r#"[{"role":"assistant","function_call":true}]"#,
                "`messages[0].function_call` must be an object.",
            ),
            (
                r#"[{"role":"user","content":[{"type":"image_url","image_url":{"url":7}}]}]"#,
                "`messages[0].content[0].image_url.url` must be a string.",
            ),
            (
                r#"[{"role":"user","content":[{"type":"video"}]}]"#,
                "`messages[0].content[0].type` is not supported; send text, image_url, file, input_audio or refusal.",
            ),
            (
                r#"[{"role":"tool","content":"x"}]"#,
                "`messages[0].tool_call_id` is required.",
            ),
            (
                r#"[{"role":"function","content":"x"}]"#,
                "`messages[0].name` is required.",
            ),
            (
                r#"[{"role":"assistant","tool_calls":[{"function":{"name":"f"}}]}]"#,
                "`messages[0].tool_calls[0].id` is required.",
            ),
            (
                r#"[{"role":"assistant","tool_calls":[{"id":"a","function":{"name":"f","arguments":{}}}]}]"#,
                "`messages[0].tool_calls[0].function.arguments` must be a string.",
            ),
            (
                r#"[{"role":"assistant","tool_calls":[{"id":"a","type":"custom"}]}]"#,
                "`messages[0].tool_calls[0].type` must be \"function\"; other tools are not supported.",
            ),
        ];
        for (list, want) in cases {
            assert_eq!(refused(list), want, "{list}");
        }
    }
}
