//! A look at a request's messages, in any of the clients' languages, for the conditions that need one.
//!
//! Leniently: what has another shape than expected is passed over, and the provider says what is wrong with it.

use super::complexity::Said;
use crate::{
    api::client::{Api, Asked},
    json::Quoted,
};
use serde::Deserialize;
use serde_json::value::RawValue;

/// Of the last question, this much is kept. Units: bytes.
const MAX_KEPT: usize = 16 << 10;
/// How deep parts may stand in parts.
const MAX_DEPTH: u8 = 4;
/// More tools than any provider takes.
const MAX_TOOLS: usize = 4096;

type Field<'a> = Option<&'a RawValue>;

/// What the messages are like.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Look {
    /// What people and models have said, in turns.
    pub(super) turns: usize,
    /// There is an image.
    pub(super) images: bool,
    /// The beginning of what the user has said last.
    pub(super) last: String,
    /// Units: bytes of text in all, escapes included.
    pub(super) bytes: usize,
}

#[derive(Deserialize, Default)]
struct Piece<'a> {
    #[serde(borrow, default)]
    r#type: Field<'a>,
    #[serde(borrow, default)]
    role: Field<'a>,
    #[serde(borrow, default)]
    content: Field<'a>,
    #[serde(borrow, default)]
    output: Field<'a>,
    #[serde(borrow, default)]
    text: Field<'a>,
}

impl Look {
    pub(super) fn at(asked: &Asked<'_>) -> Self {
        let mut look = Self::default();
        let raw = |key: &str| asked.body.read::<&RawValue>(key).ok().flatten();
        match asked.api {
            Api::Chat => look.messages(raw("messages")),
            Api::Messages | Api::CountTokens => {
                look.content(raw("system"), false, 0);
                look.messages(raw("messages"));
            }
            Api::Responses => {
                look.content(raw("instructions"), false, 0);
                match raw("input") {
                    Some(text) if Quoted::of(text).is_some() => look.turn(true, Some(text)),
                    list => look.messages(list),
                }
            }
            Api::Completions => look.turn(true, raw("prompt")),
            Api::Embeddings => look.turn(true, raw("input")),
            Api::Rerank => look.turn(true, raw("query")),
        }
        look
    }

    pub(super) fn said(&self, tools: usize) -> Said<'_> {
        Said {
            text: &self.last,
            bytes: self.bytes,
            turns: self.turns,
            tools,
        }
    }

    fn messages(&mut self, list: Field<'_>) {
        for message in items(list) {
            let Some(message) = piece(message) else {
                continue;
            };
            match message.role.and_then(Quoted::of) {
                Some(role) => self.turn(role.inner() == "user", message.content),
                // An item of a response's input that nobody says.
                None => self.content(message.output, false, 0),
            }
        }
    }

    fn turn(&mut self, is_user: bool, content: Field<'_>) {
        self.turns += 1;
        let before = is_user.then(|| std::mem::take(&mut self.last));
        self.content(content, is_user, 0);
        // A turn of results alone is not what the user has said last.
        if let Some(before) = before.filter(|_| self.last.is_empty()) {
            self.last = before;
        }
    }

    fn content(&mut self, content: Field<'_>, kept: bool, depth: u8) {
        let Some(raw) = content else { return };
        if let Some(text) = Quoted::of(raw) {
            self.text(text, kept);
            return;
        }
        for raw in items(content) {
            if let Some(text) = Quoted::of(raw) {
                self.text(text, kept);
                continue;
            }
            let Some(part) = piece(raw).filter(|_| depth < MAX_DEPTH) else {
                continue;
            };
            let kind = part.r#type.and_then(Quoted::of).map(Quoted::text);
            match kind.as_deref() {
                Some("image_url" | "input_image" | "image") => self.images = true,
                Some("tool_result") => self.content(part.content, false, depth + 1),
                _ => {
                    if let Some(text) = part.text.and_then(Quoted::of) {
                        self.text(text, kept);
                    }
                }
            }
        }
    }

    fn text(&mut self, text: Quoted<'_>, kept: bool) {
        self.bytes = self.bytes.saturating_add(text.inner().len());
        if !kept {
            return;
        }
        let last = &mut self.last;
        text.pieces(4096, &mut |piece| {
            let room = MAX_KEPT.saturating_sub(last.len());
            let end = piece.floor_char_boundary(room);
            last.push_str(piece.get(..end).unwrap_or_default());
            last.len() < MAX_KEPT && end == piece.len()
        });
        last.push('\n');
    }
}

/// How many tools there are.
pub(super) fn tools(asked: &Asked<'_>) -> usize {
    let count = |key: &str| {
        let raw = asked.body.read::<&RawValue>(key).ok().flatten();
        items(raw).len().min(MAX_TOOLS)
    };
    count("tools") + count("functions")
}

/// Whether the answer must keep to a JSON schema.
pub(super) fn has_schema(asked: &Asked<'_>) -> bool {
    #[derive(Deserialize, Default)]
    struct Form<'a> {
        #[serde(borrow, default)]
        r#type: Field<'a>,
        #[serde(borrow, default)]
        format: Field<'a>,
    }
    let form = |raw: &RawValue| -> bool {
        let read = |raw: &'_ RawValue| -> Option<bool> {
            let form: Form<'_> = serde_json::from_str(raw.get()).ok()?;
            let is = |form: &Form<'_>| {
                let kind = form.r#type.and_then(Quoted::of).map(Quoted::text);
                kind.as_deref() == Some("json_schema")
            };
            let inner: Form<'_> = form
                .format
                .and_then(|raw| serde_json::from_str(raw.get()).ok())
                .unwrap_or_default();
            Some(is(&form) || is(&inner))
        };
        read(raw).unwrap_or(false)
    };
    ["response_format", "text", "output_config", "output_format"]
        .into_iter()
        .filter_map(|key| asked.body.read::<&RawValue>(key).ok().flatten())
        .any(form)
}

/// The elements of a list; anything else has none.
fn items(list: Field<'_>) -> Vec<&RawValue> {
    let list = list.and_then(|raw| serde_json::from_str(raw.get()).ok());
    list.unwrap_or_default()
}

fn piece(raw: &RawValue) -> Option<Piece<'_>> {
    serde_json::from_str(raw.get()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(api: Api, body: &str) -> (usize, bool, String, usize) {
        let asked = Asked::parse(api, body.as_bytes()).unwrap();
        let Look {
            turns,
            images,
            last,
            bytes,
        } = Look::at(&asked);
        (turns, images, last, bytes)
    }

    #[test]
    fn the_last_question_and_images_are_seen_in_every_language() {
        let chat = r#"{"model":"m","messages":[{"role":"system","content":"abc"},{"role":"user","content":"no"},{"role":"user","content":[{"type":"text","text":"a\n"},{"type":"image_\u0075rl"}]},{"role":"assistant","content":"x"}]}"#;
        assert_eq!(look(Api::Chat, chat), (4, true, "a\n\n".into(), 9));
        let messages = r#"{"model":"m","messages":[{"role":"user","content":"why"},{"role":"user","content":[{"type":"tool_result","content":[{"type":"image"},{"type":"text","text":"it"}]}]}]}"#;
        assert_eq!(look(Api::Messages, messages), (2, true, "why\n".into(), 5));
        let responses = r#"{"model":"m","instructions":"i","input":[{"type":"function_call_output","output":"o"},{"role":"user","content":[{"type":"input_text","text":"q"},{"type":"input_image"}]}]}"#;
        assert_eq!(look(Api::Responses, responses), (1, true, "q\n".into(), 3));
        assert_eq!(
            look(Api::Responses, r#"{"model":"m","input":"q"}"#),
            (1, false, "q\n".into(), 1)
        );
        assert_eq!(
            look(Api::Completions, r#"{"model":"m","prompt":"p"}"#),
            (1, false, "p\n".into(), 1)
        );
    }

    #[test]
    fn a_text_that_looks_like_an_image_is_none_and_odd_shapes_pass() {
        let text = r#"{"model":"m","messages":[{"role":"user","content":"image_url"},7,{"role":"user","content":[{"type":7},"\"type\":\"image_url\""]}]}"#;
        let (_, images, last, _) = look(Api::Chat, text);
        assert_eq!((images, last.as_str()), (false, "\"type\":\"image_url\"\n"));
    }

    #[test]
    fn a_long_question_is_kept_in_part() {
        let body = format!(
            r#"{{"model":"m","messages":[{{"role":"user","content":"{}"}}]}}"#,
            "ü".repeat(20_000)
        );
        assert!(look(Api::Chat, &body).2.len() <= MAX_KEPT + 1);
    }

    #[test]
    fn a_schema_is_found_where_each_language_has_it() {
        let has = |api, more: &str| {
            let body = format!(r#"{{"model":"m","messages":[1],"input":"x",{more}}}"#);
            has_schema(&Asked::parse(api, body.as_bytes()).unwrap())
        };
        assert!(has(
            Api::Chat,
            r#""response_format":{"type":"json_schema"}"#
        ));
        assert!(!has(
            Api::Chat,
            r#""response_format":{"type":"json_object"}"#
        ));
        assert!(!has(Api::Chat, r#""response_format":null"#));
        assert!(has(
            Api::Responses,
            r#""text":{"format":{"type":"json_schema"}}"#
        ));
        assert!(has(
            Api::Messages,
            r#""output_config":{"format":{"type":"json_schema"}}"#
        ));
    }
}
