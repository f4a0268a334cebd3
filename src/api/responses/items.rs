//! The conversation: a list of items becomes messages.
//!
//! What the model did in one turn comes as several items in a row (reasoning, text, calls) and is
//! one message of the model.

use super::only_openai;
use crate::{
    api::{
        chat::{
            Extensions,
            compose::{Arguments, Call, Content, Detail, File, Image, Message, Part, Text, note},
            field::{Field, Map, Place, list, needed, object, string},
            names::Origin,
            request::bad,
        },
        thought::{MAX_DETAILS, unseal},
    },
    fault::Fault,
    json::Quoted,
};
use serde::Deserialize;
use serde_json::value::RawValue;

#[derive(Deserialize)]
struct Item<'a> {
    #[serde(borrow, default)]
    r#type: Field<'a>,
    #[serde(borrow, default)]
    role: Field<'a>,
    #[serde(borrow, default)]
    content: Field<'a>,
    #[serde(borrow, default)]
    call_id: Field<'a>,
    #[serde(borrow, default)]
    name: Field<'a>,
    #[serde(borrow, default)]
    arguments: Field<'a>,
    #[serde(borrow, default)]
    output: Field<'a>,
    #[serde(borrow, default)]
    summary: Field<'a>,
    #[serde(borrow, default)]
    encrypted_content: Field<'a>,
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
    image_url: Field<'a>,
    #[serde(borrow, default)]
    detail: Field<'a>,
    #[serde(borrow, default)]
    file_id: Field<'a>,
    #[serde(borrow, default)]
    file_data: Field<'a>,
    #[serde(borrow, default)]
    file_url: Field<'a>,
    #[serde(borrow, default)]
    filename: Field<'a>,
}

#[derive(Deserialize)]
struct Thought<'a> {
    #[serde(borrow, default)]
    text: Field<'a>,
}

/// The messages so far, and the model's turn that is being put together.
struct Talk<'a, 'o> {
    takes: Extensions,
    dropped: &'o mut Vec<String>,
    out: &'o mut Vec<Message<'a>>,
    /// What tools returned and their messages cannot hold; follows after all of them.
    moved: Vec<Part<'a>>,
    turn: Option<Turn<'a>>,
    /// The item that is being read.
    at: usize,
    /// How many more details there may be in seals.
    details: usize,
}

#[derive(Default)]
struct Turn<'a> {
    /// Its first item.
    from: usize,
    parts: Vec<Part<'a>>,
    refusal: Option<Quoted<'a>>,
    thoughts: Vec<Quoted<'a>>,
    details: Vec<Detail<'a>>,
    calls: Vec<Call<'a>>,
}

/// Adds the messages of `input` to `out`.
///
/// Errors: `BadRequest` or `Unsupported` that names the item and the field.
pub(super) fn translate<'a>(
    input: Field<'a>,
    takes: Extensions,
    dropped: &mut Vec<String>,
    out: &mut Vec<Message<'a>>,
) -> Result<(), Fault> {
    let place = Place::root("input");
    let raw = input.ok_or_else(|| place.missing())?;
    if let Some(text) = Quoted::of(raw) {
        out.push(user(Origin::Whole, Content::Text(Text::Kept(text))));
        return Ok(());
    }
    if !raw.get().starts_with('[') {
        return Err(place.wrong("a string or a list of items"));
    }
    let items = list::<Item<'a>>(None, Some(raw.get()), &place)?;
    if items.is_empty() {
        return Err(bad("`input` must hold at least one item.").at("input"));
    }
    let mut talk = Talk {
        takes,
        dropped,
        out,
        moved: Vec::new(),
        turn: None,
        at: 0,
        details: MAX_DETAILS,
    };
    for (index, Map(item)) in items.into_iter().enumerate() {
        talk.at = index;
        talk.item(&item, &place.index(index))?;
    }
    talk.end_turn();
    talk.end_results();
    Ok(())
}

fn user(from: Origin, content: Content<'_>) -> Message<'_> {
    Message {
        from,
        role: "user",
        content: Some(content),
        ..Message::default()
    }
}

impl<'a> Talk<'a, '_> {
    fn item(&mut self, item: &Item<'a>, place: &Place<'_>) -> Result<(), Fault> {
        let kind = string(item.r#type, &place.key("type"))?;
        match kind.as_ref().map(|kind| kind.text()).as_deref() {
            None | Some("message") => self.message(item, place),
            Some("function_call") => {
                let call = Call {
                    id: needed(item.call_id, &place.key("call_id"))?,
                    name: needed(item.name, &place.key("name"))?,
                    arguments: Arguments::Text(
                        string(item.arguments, &place.key("arguments"))?
                            .map_or(Text::Word("{}"), Text::Kept),
                    ),
                };
                self.turn().calls.push(call);
                Ok(())
            }
            Some("function_call_output") => self.result(item, place),
            Some("reasoning") => self.reasoning(item, place),
            // What the model has drawn; no provider here takes it back as its own.
            Some("image_generation_call") => {
                note(self.dropped, "input[].image_generation_call");
                Ok(())
            }
            Some("item_reference") => Err(only_openai(
                place,
                "refers to a stored item; this gateway stores none. Send the item itself.",
            )),
            Some("custom_tool_call" | "custom_tool_call_output") => Err(only_openai(
                place.key("type"),
                "belongs to a tool that takes free text, which this model's provider cannot carry; declare a function with one string parameter instead.",
            )),
            Some(other) => {
                let place = place.key("type");
                let other: String = other.chars().take(64).collect();
                let why = format!(
                    "\"{other}\" belongs to a tool of OpenAI's own, which this model's provider does not have."
                );
                Err(only_openai(place, &why))
            }
        }
    }

    fn turn(&mut self) -> &mut Turn<'a> {
        self.end_results();
        let from = self.at;
        self.turn.get_or_insert_with(|| Turn {
            from,
            ..Turn::default()
        })
    }

    fn message(&mut self, item: &Item<'a>, place: &Place<'_>) -> Result<(), Fault> {
        let role = needed(item.role, &place.key("role"))?;
        let at = place.key("content");
        let raw = item.content.ok_or_else(|| at.missing())?;
        let role = match &*role.text() {
            "user" => "user",
            "system" | "developer" => "system",
            "assistant" => {
                self.end_results();
                let (parts, refusal) = self.parts(raw, &at)?;
                let turn = self.turn();
                turn.parts.extend(parts);
                turn.refusal = turn.refusal.or(refusal);
                return Ok(());
            }
            _ => {
                let want = "one of user, assistant, system, developer";
                return Err(place.key("role").wrong(want));
            }
        };
        self.end_turn();
        self.end_results();
        let (parts, _) = self.parts(raw, &at)?;
        let content = match role {
            "user" => Content::parts(parts),
            _ => Content::of(parts, "\n"),
        };
        if let Some(content) = content {
            self.out.push(Message {
                from: Origin::At(self.at),
                role,
                content: Some(content),
                ..Message::default()
            });
        }
        Ok(())
    }

    fn result(&mut self, item: &Item<'a>, place: &Place<'_>) -> Result<(), Fault> {
        self.end_turn();
        let id = needed(item.call_id, &place.key("call_id"))?;
        let at = place.key("output");
        let raw = item.output.ok_or_else(|| at.missing())?;
        let (mut parts, _) = self.parts(raw, &at)?;
        if !self.takes.rich_results {
            let (texts, rest): (Vec<_>, Vec<_>) = parts
                .into_iter()
                .partition(|part| matches!(part, Part::Text { .. }));
            parts = texts;
            if !rest.is_empty() {
                self.moved.push(Part::Text {
                    text: Text::Made(format!("What the tool call {} returned:", id.text())),
                    cache_control: None,
                });
                self.moved.extend(rest);
            }
        }
        self.out.push(Message {
            from: Origin::At(self.at),
            role: "tool",
            tool_call_id: Some(id),
            content: Some(Content::of(parts, "\n").unwrap_or(Content::Text(Text::Word("")))),
            ..Message::default()
        });
        Ok(())
    }

    fn reasoning(&mut self, item: &Item<'a>, place: &Place<'_>) -> Result<(), Fault> {
        if !self.takes.reasoning && !self.takes.details {
            note(self.dropped, "input[].reasoning");
            return Ok(());
        }
        let mut thoughts = Vec::new();
        for (field, key) in [(item.summary, "summary"), (item.content, "content")] {
            let place = place.key(key);
            let texts = list::<Thought<'a>>(None, field.map(RawValue::get), &place)?;
            for (index, Map(thought)) in texts.into_iter().enumerate() {
                thoughts.extend(string(thought.text, &place.index(index).key("text"))?);
            }
        }
        let sealed = string(item.encrypted_content, &place.key("encrypted_content"))?;
        let details = match sealed {
            None => Vec::new(),
            Some(sealed) => unseal(&sealed.text(), &mut self.details).unwrap_or_else(|| {
                // Another service's; nobody else can read it.
                note(self.dropped, "input[].encrypted_content");
                Vec::new()
            }),
        };
        let takes = self.takes;
        let turn = self.turn();
        if takes.reasoning {
            turn.thoughts
                .extend(thoughts.into_iter().filter(|text| !text.is_empty()));
        }
        if takes.details {
            turn.details
                .extend(details.into_iter().map(Detail::Returned));
        }
        Ok(())
    }

    /// The parts of a message or of a result, and a refusal among them.
    #[allow(clippy::type_complexity)]
    fn parts(
        &mut self,
        raw: &'a RawValue,
        place: &Place<'_>,
    ) -> Result<(Vec<Part<'a>>, Option<Quoted<'a>>), Fault> {
        let text = |text: Quoted<'a>| Part::Text {
            text: Text::Kept(text),
            cache_control: None,
        };
        if let Some(said) = Quoted::of(raw) {
            return Ok((vec![text(said)], None));
        }
        if !raw.get().starts_with('[') {
            return Err(place.wrong("a string or a list of parts"));
        }
        let (mut parts, mut refusal) = (Vec::new(), None);
        for (index, Map(part)) in list::<PartFields<'a>>(None, Some(raw.get()), place)?
            .into_iter()
            .enumerate()
        {
            let place = place.index(index);
            let kind = needed(part.r#type, &place.key("type"))?;
            match &*kind.text() {
                "input_text" | "output_text" | "text" => {
                    let at = place.key("text");
                    let said = string(part.text, &at)?.ok_or_else(|| at.missing())?;
                    parts.extend((!said.is_empty()).then(|| text(said)));
                }
                "refusal" => refusal = string(part.refusal, &place.key("refusal"))?,
                "input_image" => parts.push(image(&part, &place)?),
                "input_file" => parts.push(file(&part, &place)?),
                _ => {
                    let place = place.key("type");
                    let message = format!(
                        "`{place}` must be input_text, input_image, input_file, output_text or refusal."
                    );
                    return Err(bad(message).at(place));
                }
            }
        }
        Ok((parts, refusal))
    }

    fn end_turn(&mut self) {
        let Some(turn) = self.turn.take() else {
            return;
        };
        let reasoning_content = match turn.thoughts.as_slice() {
            [] => None,
            [one] => Some(Text::Kept(*one)),
            many => {
                let texts: Vec<_> = many.iter().map(|text| text.text()).collect();
                Some(Text::Made(texts.join("\n\n")))
            }
        };
        let message = Message {
            from: Origin::At(turn.from),
            role: "assistant",
            content: Content::of(turn.parts, ""),
            refusal: turn.refusal.map(Text::Kept),
            reasoning_content,
            reasoning_details: turn.details,
            tool_calls: turn.calls,
            ..Message::default()
        };
        // Reasoning alone is a turn that broke off before it said anything.
        if message.content.is_some() || message.refusal.is_some() || !message.tool_calls.is_empty()
        {
            self.out.push(message);
        }
    }

    fn end_results(&mut self) {
        let moved = std::mem::take(&mut self.moved);
        let from = self.out.last().map_or(Origin::Whole, |result| result.from);
        self.out
            .extend(Content::parts(moved).map(|content| user(from, content)));
    }
}

fn image<'a>(part: &PartFields<'a>, place: &Place<'_>) -> Result<Part<'a>, Fault> {
    let Some(raw) = part.image_url else {
        return Err(upload(part, place, "image_url"));
    };
    // A string here, an object in Chat Completions, which clients send as well.
    let url = match Quoted::of(raw) {
        Some(url) => url,
        None => {
            #[derive(Deserialize)]
            struct Url<'a> {
                #[serde(borrow, default)]
                url: Field<'a>,
            }
            let place = place.key("image_url");
            let fields: Url<'a> = object(raw, &place)?;
            needed(fields.url, &place.key("url"))?
        }
    };
    let detail = string(part.detail, &place.key("detail"))?;
    Ok(Part::ImageUrl {
        image_url: Image {
            url: Text::Kept(url),
            detail,
        },
        cache_control: None,
    })
}

fn file<'a>(part: &PartFields<'a>, place: &Place<'_>) -> Result<Part<'a>, Fault> {
    let Some(data) = string(part.file_data, &place.key("file_data"))? else {
        return Err(upload(part, place, "file_data"));
    };
    Ok(Part::File {
        file: File {
            filename: string(part.filename, &place.key("filename"))?.map(Text::Kept),
            file_data: Text::Kept(data),
        },
        cache_control: None,
    })
}

/// The data is not there: perhaps it lies somewhere that this provider cannot reach.
fn upload(part: &PartFields<'_>, place: &Place<'_>, wanted: &'static str) -> Fault {
    if part.file_id.is_some() {
        let why =
            format!("names an upload that this model's provider does not know; send `{wanted}`.");
        return only_openai(place.key("file_id"), &why);
    }
    if part.file_url.is_some() {
        let why = "is an address, which this model's provider does not fetch; send `file_data`.";
        return only_openai(place.key("file_url"), why);
    }
    place.key(wanted).missing()
}
