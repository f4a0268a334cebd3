//! Walks a request in any of the clients' languages and gathers what costs tokens.
//!
//! Leniently: a field of another type than expected is counted as the text that it is, and the
//! provider says what is wrong with it.

use super::{
    Encoding, Running,
    chat::Found,
    family::Class,
    image::{Detail, size_of},
    media, tools,
};
use crate::{
    api::client::{Api, Asked},
    json::{Quoted, each},
};
use serde::Deserialize;
use serde_json::value::RawValue;

/// Text beyond this is not counted but taken to be like the text before. Units: bytes.
const MAX_COUNTED: usize = 4 << 20;

/// A string with escapes that is longer is counted in pieces of this size. Units: bytes.
const PIECE: usize = 64 << 10;

/// More images than any provider takes; further ones are not counted.
const MAX_PICTURES: usize = 3000;

/// Text without a space that is longer is data rather than text, where nothing says what it is. Units: bytes.
const LONGEST_WORD: usize = 4096;

/// How deep blocks may stand in blocks.
const MAX_DEPTH: u8 = 8;

/// A list of prompts may hold a list of tokens; each level deeper is read again.
const MAX_LISTS: u8 = 2;

/// Messages, blocks and tools beyond these are not looked into but judged by their size, and so is a tool
/// that is larger: a schema is read again at each of its levels.
const MAX_PIECES: usize = 50_000;
const MAX_TOOL: usize = 256 << 10;

type Field<'a> = Option<&'a RawValue>;

/// A message, an item of a response's input, or a block: every field that any of them has.
#[derive(Deserialize, Default)]
struct Piece<'a> {
    #[serde(borrow, default)]
    r#type: Field<'a>,
    #[serde(borrow, default)]
    role: Field<'a>,
    #[serde(borrow, default)]
    content: Field<'a>,
    #[serde(borrow, default)]
    name: Field<'a>,
    #[serde(borrow, default)]
    text: Field<'a>,
    #[serde(borrow, default)]
    refusal: Field<'a>,
    #[serde(borrow, default)]
    thinking: Field<'a>,
    #[serde(borrow, default)]
    reasoning_content: Field<'a>,
    #[serde(borrow, default)]
    tool_calls: Field<'a>,
    #[serde(borrow, default)]
    function_call: Field<'a>,
    #[serde(borrow, default)]
    function: Field<'a>,
    #[serde(borrow, default)]
    arguments: Field<'a>,
    #[serde(borrow, default)]
    input: Field<'a>,
    #[serde(borrow, default)]
    output: Field<'a>,
    #[serde(borrow, default)]
    title: Field<'a>,
    #[serde(borrow, default)]
    source: Field<'a>,
    #[serde(borrow, default)]
    image_url: Field<'a>,
    #[serde(borrow, default)]
    detail: Field<'a>,
    #[serde(borrow, default)]
    url: Field<'a>,
    #[serde(borrow, default)]
    file: Field<'a>,
    #[serde(borrow, default)]
    file_data: Field<'a>,
    #[serde(borrow, default)]
    input_audio: Field<'a>,
    #[serde(borrow, default)]
    data: Field<'a>,
    #[serde(borrow, default)]
    summary: Field<'a>,
}

/// Gathers one request.
pub(super) struct Walk {
    encoding: Encoding,
    pub(super) found: Found,
    counted: usize,
    pieces: usize,
    pub(super) listed: bool,
}

/// Everything in a request that costs tokens. `listed`: tools are counted by OpenAI's formula.
pub(super) fn request(asked: &Asked<'_>, encoding: Encoding, listed: bool) -> Found {
    let mut walk = Walk {
        encoding,
        found: Found::default(),
        counted: 0,
        pieces: 0,
        listed,
    };
    let raw = |key: &str| asked.body.read::<&RawValue>(key).ok().flatten();
    match asked.api {
        Api::Chat => {
            walk.messages(raw("messages"));
            walk.tools(raw("tools"));
            walk.tools(raw("functions"));
            walk.format(raw("response_format"));
        }
        Api::Messages | Api::CountTokens => {
            walk.content(raw("system"), 0);
            walk.messages(raw("messages"));
            walk.tools(raw("tools"));
            walk.format(raw("output_config"));
            walk.format(raw("output_format"));
        }
        Api::Responses => {
            if let Some(instructions) = raw("instructions") {
                walk.speaker("system");
                walk.content(Some(instructions), 0);
            }
            match raw("input") {
                Some(text) if Quoted::of(text).is_some() => {
                    walk.speaker("user");
                    walk.content(Some(text), 0);
                }
                input => walk.messages(input),
            }
            walk.tools(raw("tools"));
            walk.format(raw("text"));
            // What the provider has stored is not here.
            if ["previous_response_id", "conversation", "prompt"]
                .into_iter()
                .any(|key| raw(key).is_some())
            {
                walk.found.at_best(Class::Estimate);
            }
        }
        Api::Completions => {
            walk.found.plain = true;
            walk.texts(raw("prompt"), 0);
            walk.texts(raw("suffix"), 0);
        }
        Api::Embeddings => {
            walk.found.plain = true;
            walk.texts(raw("input"), 0);
        }
        Api::Rerank => {
            walk.found.plain = true;
            walk.found.at_best(Class::Estimate);
            walk.texts(raw("query"), 0);
            walk.texts(raw("documents"), 0);
        }
    }
    walk.found
}

impl Walk {
    /// Counts a text.
    pub(super) fn count(&mut self, text: &str) -> u64 {
        let room = MAX_COUNTED.saturating_sub(self.counted);
        if text.len() > room {
            self.found.at_best(Class::Estimate);
            let start = text.get(..text.floor_char_boundary(room));
            let (start, whole) = (start.unwrap_or_default(), text.len());
            self.counted = MAX_COUNTED;
            // Four bytes a token where there is nothing to judge by.
            if start.len() < 1024 {
                return u64::try_from(whole / 4).unwrap_or(u64::MAX);
            }
            let tokens = u128::from(self.encoding.count(start));
            let tokens = tokens * whole as u128 / start.len() as u128;
            return u64::try_from(tokens).unwrap_or(u64::MAX);
        }
        self.counted += text.len();
        self.encoding.count(text)
    }

    /// Counts a string of the body.
    pub(super) fn quoted(&mut self, text: Quoted<'_>) -> u64 {
        let inner = text.inner();
        let room = MAX_COUNTED.saturating_sub(self.counted);
        if inner.len() <= PIECE || !inner.contains('\\') || inner.len() > room {
            return self.count(&text.text());
        }
        let mut running = Running::new(self.encoding);
        text.pieces(PIECE, &mut |piece| {
            running.push(piece);
            true
        });
        self.counted += inner.len();
        running.total()
    }

    fn say(&mut self, field: Field<'_>) {
        if let Some(text) = field.and_then(Quoted::of) {
            self.found.text += self.quoted(text);
        }
    }

    /// Counts JSON as the text that it is.
    fn json(&mut self, raw: &RawValue) {
        self.found.text += match Quoted::of(raw) {
            Some(text) => self.quoted(text),
            None => self.count(raw.get()),
        };
    }

    fn speaker(&mut self, role: &str) {
        self.found.messages += 1;
        self.found.roles += self.encoding.count(role);
    }

    fn messages(&mut self, list: Field<'_>) {
        each(list, |raw| {
            if self.looks_into(raw)
                && let Some(message) = piece(raw)
            {
                self.message(&message, raw);
            }
        });
    }

    /// Counts one more piece; false: there are too many, and its size is all that counts.
    fn looks_into(&mut self, raw: &RawValue) -> bool {
        self.pieces += 1;
        if self.pieces <= MAX_PIECES {
            return true;
        }
        self.found.at_best(Class::Estimate);
        self.found.text += u64::try_from(raw.get().len() / 4).unwrap_or(u64::MAX);
        false
    }

    fn message(&mut self, message: &Piece<'_>, raw: &RawValue) {
        let kind = word(message.r#type);
        match (word(message.role), kind.as_deref()) {
            (Some(role), None | Some("message")) => {
                self.speaker(role.get(..role.len().min(64)).unwrap_or_default());
            }
            // An item of a response's input that nobody says.
            (_, kind) => return self.item(message, kind.unwrap_or_default(), raw),
        }
        if let Some(name) = message.name.and_then(Quoted::of) {
            self.found.text += self.quoted(name);
            self.found.names += 1;
        }
        self.content(message.content, 0);
        self.say(message.refusal);
        if message.reasoning_content.is_some() {
            // Some models are shown it again, some are not.
            self.found.at_best(Class::Calibrated);
            self.say(message.reasoning_content);
        }
        each(message.tool_calls, |raw| {
            if self.looks_into(raw) {
                let call = piece(raw).unwrap_or_default();
                self.call(call.function.and_then(piece).unwrap_or_default());
            }
        });
        if let Some(call) = message.function_call.and_then(piece) {
            self.call(call);
        }
        // How what a tool gave is framed is not published.
        if word(message.role).as_deref() == Some("tool") {
            self.found.at_best(Class::Calibrated);
        }
    }

    /// A call of a tool; its input may be JSON or a string of JSON.
    fn call(&mut self, call: Piece<'_>) {
        self.found.calls += 1;
        self.found.at_best(Class::Calibrated);
        self.say(call.name);
        for input in [call.arguments, call.input].into_iter().flatten() {
            self.json(input);
        }
    }

    fn item(&mut self, item: &Piece<'_>, kind: &str, raw: &RawValue) {
        match kind {
            "function_call" | "custom_tool_call" => self.call(Piece {
                name: item.name,
                arguments: item.arguments,
                input: item.input,
                ..Piece::default()
            }),
            "function_call_output" | "custom_tool_call_output" => {
                self.speaker("tool");
                self.found.at_best(Class::Calibrated);
                self.content(item.output, 0);
            }
            // Earlier reasoning is mostly not shown again; sealed reasoning cannot be counted.
            "reasoning" => {
                self.found.at_best(Class::Estimate);
                each(item.summary, |raw| {
                    if self.looks_into(raw) {
                        self.say(piece(raw).unwrap_or_default().text);
                    }
                });
            }
            "item_reference" => self.found.at_best(Class::Estimate),
            _ => self.unknown(raw),
        }
    }

    /// A string or a list of parts or blocks.
    fn content(&mut self, content: Field<'_>, depth: u8) {
        let Some(raw) = content else { return };
        if let Some(text) = Quoted::of(raw) {
            self.found.text += self.quoted(text);
            return;
        }
        each(content, |raw| {
            if !self.looks_into(raw) {
                return;
            }
            match piece(raw) {
                Some(part) if depth < MAX_DEPTH => self.part(&part, raw, depth),
                _ => self.unknown(raw),
            }
        });
    }

    fn part(&mut self, part: &Piece<'_>, raw: &RawValue, depth: u8) {
        match word(part.r#type).as_deref().unwrap_or("text") {
            "text" | "input_text" | "output_text" | "refusal" => {
                self.say(part.text);
                self.say(part.refusal);
            }
            "thinking" => {
                self.found.at_best(Class::Calibrated);
                self.say(part.thinking);
            }
            "redacted_thinking" => self.found.at_best(Class::Estimate),
            "image_url" | "input_image" | "image" => self.image(part),
            "document" | "file" | "input_file" => self.document(part, depth),
            "input_audio" => self.audio(part),
            "tool_use" => self.call(Piece {
                name: part.name,
                input: part.input,
                ..Piece::default()
            }),
            "tool_result" => {
                self.found.at_best(Class::Calibrated);
                self.content(part.content, depth + 1);
            }
            _ => self.unknown(raw),
        }
    }

    /// An image: `image_url: {url, detail}` or `image_url: "url"`, or `source: {type, data}`.
    fn image(&mut self, part: &Piece<'_>) {
        let (mut url, mut detail) = (part.image_url, part.detail);
        if let Some(inner) = url.filter(|raw| Quoted::of(raw).is_none()).and_then(piece) {
            (url, detail) = (inner.url, inner.detail);
        }
        let source = part.source.and_then(piece).unwrap_or_default();
        let text = url.or(source.data).and_then(Quoted::of);
        let text = text.filter(|t| source.data.is_some() || t.inner().starts_with("data:"));
        let size = text.and_then(size_of);
        self.found.at_best(if size.is_some() {
            Class::Calibrated
        } else {
            Class::Estimate
        });
        if self.found.pictures.len() < MAX_PICTURES {
            let detail = Detail::named(word(detail).as_deref());
            self.found.pictures.push((size, detail));
        }
    }

    fn document(&mut self, part: &Piece<'_>, depth: u8) {
        self.say(part.title);
        let source = part.source.and_then(piece).unwrap_or_default();
        match word(source.r#type).as_deref() {
            Some("text") => return self.say(source.data),
            Some("content") => return self.content(source.content, depth + 1),
            _ => {}
        }
        self.found.at_best(Class::Estimate);
        let file = part.file.and_then(piece).unwrap_or_default();
        let data = file.file_data.or(part.file_data).or(source.data);
        let pages = data.and_then(Quoted::of).map(media::pages);
        self.found.pages += pages.unwrap_or(media::UNSEEN_PAGES);
    }

    fn audio(&mut self, part: &Piece<'_>) {
        self.found.at_best(Class::Estimate);
        let inner = part.input_audio.and_then(piece).unwrap_or_default();
        let seconds = inner.data.and_then(Quoted::of).map(media::seconds);
        self.found.seconds += seconds.unwrap_or(media::UNSEEN_SECONDS);
    }

    /// Something that this gateway has no name for.
    fn unknown(&mut self, raw: &RawValue) {
        self.found.at_best(Class::Estimate);
        let text = raw.get();
        let mut words = text.split(|c: char| c.is_ascii_whitespace() || c == '"');
        if words.any(|word| word.len() > LONGEST_WORD) {
            self.found.pages += 1; // data of some kind
        } else {
            self.json(raw);
        }
    }

    /// What the answer must look like: a schema is shown to the model.
    fn format(&mut self, format: Field<'_>) {
        #[derive(Deserialize)]
        struct Form<'a> {
            #[serde(borrow, default)]
            format: Field<'a>,
            #[serde(borrow, default)]
            json_schema: Field<'a>,
            #[serde(borrow, default)]
            schema: Field<'a>,
        }
        let read = |raw: &'_ RawValue| {
            serde_json::from_str::<Form<'_>>(raw.get())
                .ok()
                .map(|form| {
                    let inner = form
                        .format
                        .and_then(|raw| serde_json::from_str::<Form<'_>>(raw.get()).ok());
                    let inner = inner.and_then(|inner| inner.json_schema.or(inner.schema));
                    inner
                        .or(form.json_schema)
                        .or(form.schema)
                        .map(RawValue::to_owned)
                })
        };
        if let Some(schema) = format.and_then(read).flatten() {
            self.found.at_best(Class::Calibrated);
            self.json(&schema);
        }
    }

    fn tools(&mut self, list: Field<'_>) {
        each(list, |raw| {
            if !self.looks_into(raw) {
                return;
            }
            // The formula is one of 2024; what later models and strict tools cost differs by a few.
            self.found.at_best(Class::Calibrated);
            self.found.functions += 1;
            if self.listed && raw.get().len() <= MAX_TOOL {
                tools::listed(self, raw);
            } else {
                self.found.tools += self.count(raw.get());
            }
        });
    }

    /// A text, a list of texts, or tokens that the client has counted out itself.
    fn texts(&mut self, raw: Field<'_>, depth: u8) {
        let Some(raw) = raw else { return };
        if let Some(text) = Quoted::of(raw) {
            self.found.text += self.quoted(text);
            return;
        }
        each(Some(raw), |inner| match inner.get().as_bytes() {
            [b'"', ..] => self.texts(Some(inner), depth),
            [b'[', ..] if depth + 1 < MAX_LISTS => self.texts(Some(inner), depth + 1),
            [b'-' | b'0'..=b'9', ..] => self.found.text += 1,
            _ => self.unknown(inner),
        });
    }
}

fn piece(raw: &RawValue) -> Option<Piece<'_>> {
    serde_json::from_str(raw.get()).ok()
}

/// A short word such as a type.
fn word(field: Field<'_>) -> Option<std::borrow::Cow<'_, str>> {
    const LONGEST: usize = 64;
    let word = field.and_then(Quoted::of)?;
    (word.inner().len() <= LONGEST).then(|| word.text())
}
