//! The conversation: turns of blocks become messages.
//!
//! Results of tools are messages of their own and come first; reasoning travels beside the text. A
//! block that another provider cannot be told is refused where the model would miss it, and noted
//! where it would not.

use super::request;
use crate::{
    api::{
        chat::{
            Extensions,
            compose::{Arguments, Call, Content, Detail, File, Image, Message, Part, Text, note},
            field::{Field, Map, Place, flag, list, needed, object, string},
            names::Origin,
        },
        thought::{MAX_DETAILS, is_sealed, unseal},
    },
    fault::{Fault, FaultKind},
    json::{Object, Quoted},
};
use serde::Deserialize;
use serde_json::value::RawValue;

#[derive(Deserialize)]
struct Turn<'a> {
    #[serde(borrow, default)]
    role: Field<'a>,
    #[serde(borrow, default)]
    content: Field<'a>,
}

#[derive(Deserialize)]
struct Block<'a> {
    #[serde(borrow, default)]
    r#type: Field<'a>,
    #[serde(borrow, default)]
    text: Field<'a>,
    #[serde(borrow, default)]
    source: Field<'a>,
    #[serde(borrow, default)]
    title: Field<'a>,
    #[serde(borrow, default)]
    context: Field<'a>,
    #[serde(borrow, default)]
    citations: Field<'a>,
    #[serde(borrow, default)]
    id: Field<'a>,
    #[serde(borrow, default)]
    name: Field<'a>,
    #[serde(borrow, default)]
    input: Field<'a>,
    #[serde(borrow, default)]
    tool_use_id: Field<'a>,
    #[serde(borrow, default)]
    content: Field<'a>,
    #[serde(borrow, default)]
    is_error: Field<'a>,
    #[serde(borrow, default)]
    thinking: Field<'a>,
    #[serde(borrow, default)]
    signature: Field<'a>,
    #[serde(borrow, default)]
    data: Field<'a>,
    #[serde(borrow, default)]
    cache_control: Field<'a>,
}

#[derive(Deserialize)]
struct Source<'a> {
    #[serde(borrow, default)]
    r#type: Field<'a>,
    #[serde(borrow, default)]
    media_type: Field<'a>,
    #[serde(borrow, default)]
    data: Field<'a>,
    #[serde(borrow, default)]
    url: Field<'a>,
    #[serde(borrow, default)]
    content: Field<'a>,
}

/// Where the blocks of one turn go.
struct Reader<'d> {
    takes: Extensions,
    dropped: &'d mut Vec<String>,
    /// How many more details there may be in seals.
    details: usize,
}

impl<'d> Reader<'d> {
    fn new(takes: Extensions, dropped: &'d mut Vec<String>) -> Self {
        Self {
            takes,
            dropped,
            details: MAX_DETAILS,
        }
    }
}

/// Adds the messages of `body` to `out`.
///
/// Errors: `BadRequest` or `Unsupported` that names the block and the field.
pub(super) fn translate<'a>(
    body: &'a Object<'_>,
    takes: Extensions,
    dropped: &mut Vec<String>,
    out: &mut Vec<Message<'a>>,
) -> Result<(), Fault> {
    let mut reader = Reader::new(takes, dropped);
    let place = Place::root("messages");
    let turns = request::messages::<Turn<'a>>(body)?;
    for (index, Map(turn)) in turns.into_iter().enumerate() {
        let place = place.index(index);
        let role = needed(turn.role, &place.key("role"))?;
        let at = place.key("content");
        let raw = turn.content.ok_or_else(|| at.missing())?;
        let before = out.len();
        match &*role.text() {
            "user" => reader.user(raw, &at, out)?,
            "assistant" => reader.assistant(raw, &at, out)?,
            "system" => {
                out.extend(
                    texts(raw, &at, takes, reader.dropped)?.map(|content| Message {
                        role: "system",
                        content: Some(content),
                        ..Message::default()
                    }),
                )
            }
            _ => return Err(place.key("role").wrong("user, assistant or system")),
        }
        for message in out.iter_mut().skip(before) {
            message.from = Origin::At(index);
        }
    }
    Ok(())
}

/// Content that is text and nothing else: a string, or blocks.
pub(super) fn texts<'a>(
    raw: &'a RawValue,
    place: &Place<'_>,
    takes: Extensions,
    dropped: &mut Vec<String>,
) -> Result<Option<Content<'a>>, Fault> {
    if let Some(text) = Quoted::of(raw) {
        return Ok((!text.is_empty()).then_some(Content::Text(Text::Kept(text))));
    }
    let mut reader = Reader::new(takes, dropped);
    let mut parts = Vec::new();
    for (index, Map(block)) in blocks(raw, place)?.into_iter().enumerate() {
        let place = place.index(index);
        let kind = needed(block.r#type, &place.key("type"))?;
        if kind != *"text" {
            return Err(place.key("type").wrong("\"text\""));
        }
        parts.extend(reader.text(&block, &place)?);
    }
    Ok(Content::of(parts, "\n"))
}

fn blocks<'a>(raw: &'a RawValue, place: &Place<'_>) -> Result<Vec<Map<Block<'a>>>, Fault> {
    if !raw.get().starts_with('[') {
        return Err(place.wrong("a string or a list of blocks"));
    }
    list(None, Some(raw.get()), place)
}

impl Reader<'_> {
    fn user<'a>(
        &mut self,
        raw: &'a RawValue,
        place: &Place<'_>,
        out: &mut Vec<Message<'a>>,
    ) -> Result<(), Fault> {
        if let Some(text) = Quoted::of(raw) {
            out.push(Message {
                role: "user",
                content: Some(Content::Text(Text::Kept(text))),
                ..Message::default()
            });
            return Ok(());
        }
        // What the messages of tools cannot hold follows after all of them.
        let (mut moved, mut parts) = (Vec::new(), Vec::new());
        for (index, Map(block)) in blocks(raw, place)?.into_iter().enumerate() {
            let place = place.index(index);
            let kind = needed(block.r#type, &place.key("type"))?;
            if kind == *"tool_result" {
                out.push(self.result(&block, &place, &mut moved)?);
            } else {
                self.part(&block, &kind.text(), &place, &mut parts)?;
            }
        }
        moved.append(&mut parts);
        if let Some(content) = Content::parts(moved) {
            out.push(Message {
                role: "user",
                content: Some(content),
                ..Message::default()
            });
        }
        Ok(())
    }

    fn result<'a>(
        &mut self,
        block: &Block<'a>,
        place: &Place<'_>,
        moved: &mut Vec<Part<'a>>,
    ) -> Result<Message<'a>, Fault> {
        let id = needed(block.tool_use_id, &place.key("tool_use_id"))?;
        let mut is_error = flag(block.is_error, &place.key("is_error"))?.filter(|wrong| *wrong);
        if is_error.is_some() && !self.takes.errors {
            // The text of the result is all that other providers have for it.
            note(self.dropped, "messages[].content[].is_error");
            is_error = None;
        }
        let content = match block.content.map(|raw| (raw, Quoted::of(raw))) {
            None => None,
            Some((_, Some(text))) => Some(Content::Text(Text::Kept(text))),
            Some((raw, None)) => {
                let mut parts = Vec::new();
                let place = place.key("content");
                for (index, Map(block)) in blocks(raw, &place)?.into_iter().enumerate() {
                    let place = place.index(index);
                    let kind = needed(block.r#type, &place.key("type"))?;
                    self.part(&block, &kind.text(), &place, &mut parts)?;
                }
                if !self.takes.rich_results {
                    let (texts, rest): (Vec<_>, Vec<_>) = parts
                        .into_iter()
                        .partition(|part| matches!(part, Part::Text { .. }));
                    parts = texts;
                    if !rest.is_empty() {
                        let lead = format!("What the tool call {} returned:", id.text());
                        moved.push(Part::Text {
                            text: Text::Made(lead),
                            cache_control: None,
                        });
                        moved.extend(rest);
                    }
                }
                Content::of(parts, "\n")
            }
        };
        Ok(Message {
            role: "tool",
            tool_call_id: Some(id),
            content: Some(content.unwrap_or(Content::Text(Text::Word("")))),
            is_error,
            cache_control: self.mark(block),
            ..Message::default()
        })
    }

    fn assistant<'a>(
        &mut self,
        raw: &'a RawValue,
        place: &Place<'_>,
        out: &mut Vec<Message<'a>>,
    ) -> Result<(), Fault> {
        let mut message = Message {
            role: "assistant",
            ..Message::default()
        };
        if let Some(text) = Quoted::of(raw) {
            message.content = Some(Content::Text(Text::Kept(text)));
            out.push(message);
            return Ok(());
        }
        let (mut parts, mut thoughts) = (Vec::new(), Vec::new());
        for (index, Map(block)) in blocks(raw, place)?.into_iter().enumerate() {
            let place = place.index(index);
            let kind = needed(block.r#type, &place.key("type"))?;
            match &*kind.text() {
                "text" => parts.extend(self.text(&block, &place)?),
                "thinking" | "redacted_thinking"
                    if !self.takes.reasoning && !self.takes.details =>
                {
                    note(self.dropped, "messages[].content[].thinking");
                }
                "thinking" => {
                    let at = place.key("thinking");
                    let text = string(block.thinking, &at)?.ok_or_else(|| at.missing())?;
                    let signature = string(block.signature, &place.key("signature"))?;
                    thoughts.push(text);
                    let signature = signature.filter(|s| !s.is_empty());
                    message
                        .reasoning_details
                        .extend(self.signed(text, signature));
                }
                "redacted_thinking" => {
                    let data = needed(block.data, &place.key("data"))?;
                    message.reasoning_details.extend(self.hidden(data));
                }
                "tool_use" => message.tool_calls.push(call(&block, &place)?),
                // What Anthropic's own tools did, which no other model can go on from.
                other => note(self.dropped, &format!("messages[].content[].{other}")),
            }
        }
        if !self.takes.reasoning {
            thoughts.clear();
        }
        if !self.takes.details {
            message.reasoning_details.clear();
        }
        thoughts.retain(|text| !text.is_empty());
        message.reasoning_content = match thoughts.as_slice() {
            [] => None,
            [one] => Some(Text::Kept(*one)),
            many => {
                let texts: Vec<_> = many.iter().map(|text| text.text()).collect();
                Some(Text::Made(texts.concat()))
            }
        };
        message.content = Content::of(parts, "");
        let says = message.content.is_some()
            || !message.tool_calls.is_empty()
            || !message.reasoning_details.is_empty()
            || message.reasoning_content.is_some();
        if says {
            out.push(message);
        }
        Ok(())
    }

    /// A part of a user's message or of a tool's result.
    fn part<'a>(
        &mut self,
        block: &Block<'a>,
        kind: &str,
        place: &Place<'_>,
        parts: &mut Vec<Part<'a>>,
    ) -> Result<(), Fault> {
        match kind {
            "text" => parts.extend(self.text(block, place)?),
            "image" => parts.push(Part::ImageUrl {
                image_url: Image {
                    url: image(block, place)?,
                    detail: None,
                },
                cache_control: self.mark(block),
            }),
            "document" => self.document(block, place, parts)?,
            "search_result" => self.search_result(block, place, parts)?,
            "tool_reference" | "browser_state" | "container_upload" => {
                note(self.dropped, &format!("messages[].content[].{kind}"));
            }
            _ => {
                let place = place.key("type");
                let want = "text, image, document, search_result or tool_result";
                return Err(place.wrong(want));
            }
        }
        Ok(())
    }

    fn text<'a>(
        &mut self,
        block: &Block<'a>,
        place: &Place<'_>,
    ) -> Result<Option<Part<'a>>, Fault> {
        let place = place.key("text");
        let text = string(block.text, &place)?.ok_or_else(|| place.missing())?;
        let cache_control = self.mark(block);
        Ok((!text.is_empty()).then_some(Part::Text {
            text: Text::Kept(text),
            cache_control,
        }))
    }

    fn document<'a>(
        &mut self,
        block: &Block<'a>,
        place: &Place<'_>,
        parts: &mut Vec<Part<'a>>,
    ) -> Result<(), Fault> {
        let title = string(block.title, &place.key("title"))?.filter(|title| !title.is_blank());
        if block.context.is_some() {
            note(self.dropped, "messages[].content[].context");
        }
        if block.citations.is_some_and(|c| c.get().contains("true")) {
            note(self.dropped, "messages[].content[].citations");
        }
        let cache_control = self.mark(block);
        let place = place.key("source");
        let source: Source<'a> = object(block.source.ok_or_else(|| place.missing())?, &place)?;
        match &*needed(source.r#type, &place.key("type"))?.text() {
            "base64" => parts.push(Part::File {
                file: File {
                    filename: Some(title.map_or(Text::Word("document.pdf"), Text::Kept)),
                    file_data: data_url(&source, &place)?,
                },
                cache_control,
            }),
            "text" => {
                let data = needed(source.data, &place.key("data"))?;
                parts.extend(title.map(|title| Part::Text {
                    text: Text::Kept(title),
                    cache_control: None,
                }));
                parts.push(Part::Text {
                    text: Text::Kept(data),
                    cache_control,
                });
            }
            "content" => {
                let place = place.key("content");
                let raw = source.content.ok_or_else(|| place.missing())?;
                if let Some(text) = Quoted::of(raw) {
                    parts.push(Part::Text {
                        text: Text::Kept(text),
                        cache_control,
                    });
                    return Ok(());
                }
                for (index, Map(block)) in blocks(raw, &place)?.into_iter().enumerate() {
                    let place = place.index(index);
                    let kind = needed(block.r#type, &place.key("type"))?;
                    match &*kind.text() {
                        // A document in a document is no form of this API.
                        kind @ ("text" | "image") => self.part(&block, kind, &place, parts)?,
                        _ => return Err(place.key("type").wrong("text or image")),
                    }
                }
            }
            kind => return Err(elsewhere(kind, &place)),
        }
        Ok(())
    }

    fn search_result<'a>(
        &mut self,
        block: &Block<'a>,
        place: &Place<'_>,
        parts: &mut Vec<Part<'a>>,
    ) -> Result<(), Fault> {
        for (field, key) in [(block.title, "title"), (block.source, "source")] {
            let text = needed(field, &place.key(key))?;
            parts.push(Part::Text {
                text: Text::Kept(text),
                cache_control: None,
            });
        }
        let place = place.key("content");
        let raw = block.content.ok_or_else(|| place.missing())?;
        for (index, Map(block)) in blocks(raw, &place)?.into_iter().enumerate() {
            parts.extend(self.text(&block, &place.index(index))?);
        }
        Ok(())
    }

    fn mark<'a>(&mut self, block: &Block<'a>) -> Field<'a> {
        if block.cache_control.is_some() && !self.takes.marks {
            note(self.dropped, "cache_control");
            return None;
        }
        block.cache_control
    }

    /// What goes back to the provider that gave a thinking block.
    fn signed<'a>(
        &mut self,
        thinking: Quoted<'a>,
        signature: Option<Quoted<'a>>,
    ) -> Vec<Detail<'a>> {
        let Some(signature) = signature else {
            return Vec::new(); // its text is all there is
        };
        if is_sealed(signature.inner()) {
            return self.returned(signature);
        }
        vec![Detail::Anthropic {
            provider: "anthropic",
            r#type: "thinking",
            thinking: Some(thinking),
            signature: Some(signature),
            data: None,
        }]
    }

    fn hidden<'a>(&mut self, data: Quoted<'a>) -> Vec<Detail<'a>> {
        if is_sealed(data.inner()) {
            return self.returned(data);
        }
        vec![Detail::Anthropic {
            provider: "anthropic",
            r#type: "redacted_thinking",
            thinking: None,
            signature: None,
            data: Some(data),
        }]
    }

    fn returned<'a>(&mut self, sealed: Quoted<'_>) -> Vec<Detail<'a>> {
        let list = unseal(&sealed.text(), &mut self.details).unwrap_or_default();
        list.into_iter().map(Detail::Returned).collect()
    }
}

fn image<'a>(block: &Block<'a>, place: &Place<'_>) -> Result<Text<'a>, Fault> {
    let place = place.key("source");
    let source: Source<'a> = object(block.source.ok_or_else(|| place.missing())?, &place)?;
    match &*needed(source.r#type, &place.key("type"))?.text() {
        "base64" => data_url(&source, &place),
        "url" => needed(source.url, &place.key("url")).map(Text::Kept),
        kind => Err(elsewhere(kind, &place)),
    }
}

fn data_url<'a>(source: &Source<'a>, place: &Place<'_>) -> Result<Text<'a>, Fault> {
    let kind = needed(source.media_type, &place.key("media_type"))?;
    let data = needed(source.data, &place.key("data"))?;
    Ok(Text::Made(
        ["data:", &*kind.text(), ";base64,", &*data.text()].concat(),
    ))
}

/// A source that only Anthropic can reach.
fn elsewhere(kind: &str, place: &Place<'_>) -> Fault {
    let (key, why) = match kind {
        "file" => (
            "file_id",
            "names an upload that this model's provider does not know; send the data itself",
        ),
        "url" => (
            "url",
            "is an address, which this model's provider does not fetch documents from; send the data itself",
        ),
        _ => ("type", "must be base64, url, text or content"),
    };
    let place = place.key(key);
    Fault::new(FaultKind::Unsupported, format!("`{place}` {why}.")).at(place)
}

fn call<'a>(block: &Block<'a>, place: &Place<'_>) -> Result<Call<'a>, Fault> {
    let place_of_input = place.key("input");
    let input = block.input.ok_or_else(|| place_of_input.missing())?;
    if !input.get().starts_with('{') {
        return Err(place_of_input.wrong("an object"));
    }
    Ok(Call {
        id: needed(block.id, &place.key("id"))?,
        name: needed(block.name, &place.key("name"))?,
        arguments: Arguments::Json(input),
    })
}
