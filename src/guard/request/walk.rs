//! Which strings of a body are texts.
//!
//! Every string is, but what makes the structure hold together: types, roles, ids, names of models and tools,
//! signatures and sealed reasoning, and data in base64. A field that nobody has heard of is looked at.

use crate::{
    guard::vault::Said,
    json::{MAX_DEPTH, Token, meant, tokens},
};
use std::ops::Range;

/// Most texts of one body.
pub const MAX_TEXTS: usize = 400_000;
/// Shortest number that is looked at. Units: bytes.
const SHORTEST_NUMBER: usize = 7;
/// Shortest string that can be taken for base64, where one is expected. Units: bytes.
const SHORTEST_DATA: usize = 256;

/// How a text is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// With the texts beside it, of which it is a continuation.
    Joined,
    /// Alone.
    Alone,
    /// Without scheme and host, whose loss would make it useless.
    Address,
    /// A number: what stands for it is a string.
    Number,
    /// Together with the key that it belongs to, which says what it is.
    Value,
}

/// A text and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Text {
    /// Between the quotes of a string.
    pub(super) place: Range<usize>,
    pub(super) how: How,
    pub(super) said: Said,
    /// The key of a value.
    pub(super) key: Range<usize>,
}

/// Where in a body we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Zone {
    /// The body's own fields.
    Body,
    /// Messages, items, parts, and whatever else is said.
    Talk,
    /// What tools there are, and which form an answer has.
    Tools,
    /// What an application has made: arguments, metadata. Keys and numbers are texts as well.
    Own,
    /// Nothing here is a text.
    Nothing,
}

/// An object or list that is open.
struct Frame {
    zone: Zone,
    /// The key of the next value; for a list, its own.
    key: Range<usize>,
    /// It has keys.
    keyed: bool,
    /// The first text in it.
    first: usize,
    /// What `role` says.
    role: Role,
    /// The value of `name`, if it has come.
    name: Option<Range<usize>>,
    /// What `type` says: what `data` holds is text.
    plain: bool,
    /// A value of `data` that looks like base64.
    data: Option<Range<usize>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    None,
    Person,
    Model,
    Tool,
}

/// Why there is no list of texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooMuch;

/// The texts of a body, in order. `joins`: what follows each other is one conversation.
///
/// Errors: there are too many, or they lie too deep.
pub(super) fn texts(body: &str, zone: Zone, joins: bool) -> Result<Vec<Text>, TooMuch> {
    let mut walk = Walk {
        body,
        joins,
        texts: Vec::new(),
        open: Vec::new(),
        start: zone,
    };
    let whole = tokens(body, |token| walk.take(token));
    if !whole {
        return Err(TooMuch);
    }
    // A name is only known to be a text when its message is complete.
    walk.texts.sort_by_key(|text| text.place.start);
    Ok(walk.texts)
}

struct Walk<'b> {
    body: &'b str,
    joins: bool,
    texts: Vec<Text>,
    open: Vec<Frame>,
    start: Zone,
}

impl Walk<'_> {
    /// False: it is too much.
    fn take(&mut self, token: Token) -> bool {
        match token {
            Token::Open => {
                if self.open.len() == MAX_DEPTH {
                    return false;
                }
                let (zone, key) = self.inside();
                self.open.push(Frame {
                    zone,
                    key,
                    keyed: false,
                    first: self.texts.len(),
                    role: Role::None,
                    name: None,
                    plain: false,
                    data: None,
                });
            }
            Token::Close => self.close(),
            Token::Key(place) => {
                if self.zone() == Zone::Own && !place.is_empty() {
                    self.add(place.clone(), How::Alone, 0..0);
                }
                if let Some(frame) = self.open.last_mut() {
                    frame.key = place;
                    frame.keyed = true;
                }
            }
            // Text as the provider's tokens: nobody here can read it.
            Token::Number(_) if self.is_token() => return false,
            Token::Number(place) => {
                let long = place.len() >= SHORTEST_NUMBER && self.zone() == Zone::Own;
                let whole = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
                if long && self.body.get(place.clone()).is_some_and(whole) {
                    let key = self.key();
                    self.add(place, How::Number, key);
                }
            }
            Token::Text(place) => self.text(place),
            Token::Word => {}
        }
        self.texts.len() <= MAX_TEXTS
    }

    /// In a list, or a list of lists, that is the whole of what is asked.
    fn is_token(&self) -> bool {
        let [root, lists @ ..] = self.open.as_slice() else {
            return false;
        };
        let asked = || {
            let key = meant(self.body.get(root.key.clone()).unwrap_or_default());
            matches!(&*key, "prompt" | "input")
        };
        self.start == Zone::Body
            && root.keyed
            && !lists.is_empty()
            && lists.iter().all(|list| !list.keyed)
            && asked()
    }

    fn zone(&self) -> Zone {
        self.open.last().map_or(self.start, |frame| frame.zone)
    }

    fn key(&self) -> Range<usize> {
        self.open.last().map_or(0..0, |frame| frame.key.clone())
    }

    /// The zone of what opens here, and the key that its items have.
    fn inside(&self) -> (Zone, Range<usize>) {
        let Some(frame) = self.open.last() else {
            return (self.start, 0..0);
        };
        if !frame.keyed {
            return (frame.zone, frame.key.clone());
        }
        let key = meant(self.body.get(frame.key.clone()).unwrap_or_default());
        let zone = match (frame.zone, &*key) {
            (Zone::Nothing | Zone::Own, _) => frame.zone,
            (Zone::Tools, _) => Zone::Tools,
            (Zone::Body, "tool_choice" | "stream_options") => Zone::Nothing,
            (Zone::Body, "metadata") => Zone::Own,
            (
                Zone::Body,
                "tools" | "functions" | "response_format" | "output_config" | "output_format"
                | "text",
            ) => Zone::Tools,
            (Zone::Body, _) => Zone::Talk,
            // A tool's input, wherever its call stands.
            (Zone::Talk, "arguments" | "input" | "variables") => Zone::Own,
            (Zone::Talk, _) => Zone::Talk,
        };
        (zone, frame.key.clone())
    }

    fn close(&mut self) {
        let Some(frame) = self.open.pop() else { return };
        if let Some(name) = frame.name
            && matches!(frame.role, Role::Person | Role::Model)
        {
            self.add(name, How::Alone, 0..0);
        }
        if let Some(data) = frame.data.filter(|_| frame.plain) {
            self.add(data, How::Alone, 0..0);
        }
        if frame.role == Role::Model {
            for text in self.texts.iter_mut().skip(frame.first) {
                text.said = Said::Model;
            }
        }
    }

    fn text(&mut self, place: Range<usize>) {
        let key = self.key();
        let zone = self.zone();
        let inner = self.body.get(place.clone()).unwrap_or_default();
        if zone == Zone::Own && !place.is_empty() {
            return self.add(place, How::Value, key);
        }
        let name = meant(self.body.get(key).unwrap_or_default());
        if matches!(&*name, "role" | "name")
            && let Some(frame) = self.open.last_mut()
        {
            match (&*name, inner) {
                ("role", "assistant") => frame.role = Role::Model,
                ("role", "tool" | "function") => frame.role = Role::Tool,
                ("role", _) => frame.role = Role::Person,
                _ => frame.name = Some(place),
            }
            return;
        }
        if name == "type"
            && let Some(frame) = self.open.last_mut()
        {
            frame.plain = meant(inner) == "text";
        }
        if zone == Zone::Nothing || place.is_empty() || is_structure(zone, &name) {
            return;
        }
        if name == "data"
            && is_data(inner)
            && let Some(frame) = self.open.last_mut()
        {
            // Its type may come behind it.
            frame.data = Some(place);
            return;
        }
        let how = match &*name {
            "file_data" | "bytes" | "b64_json" | "url" | "image_url" | "file_url" | "video_url"
                if is_data(inner) =>
            {
                return;
            }
            "url" | "image_url" | "file_url" | "video_url" | "server_url"
                if inner.contains(':') =>
            {
                How::Address
            }
            "content" | "text" | "output" | "refusal" | "thinking" | "reasoning_content"
            | "system" | "instructions" | "input" | "messages"
                if self.joins && zone != Zone::Tools =>
            {
                How::Joined
            }
            _ => How::Alone,
        };
        self.add(place, how, 0..0);
    }

    fn add(&mut self, place: Range<usize>, how: How, key: Range<usize>) {
        self.texts.push(Text {
            place,
            how,
            said: Said::Client,
            key,
        });
    }
}

/// Whether addresses in what a tool has said are texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::guard) enum Addresses {
    /// They stay as they are.
    Stay,
    Are,
}

/// The places of the texts in what a tool has said, between their quotes.
///
/// Errors: there are too many, or they lie too deep.
pub(super) fn said(document: &str, addresses: Addresses) -> Result<Vec<Range<usize>>, TooMuch> {
    let texts = texts(document, Zone::Talk, false)?.into_iter();
    let texts = texts.filter(|text| match text.how {
        How::Alone => true,
        How::Address => addresses == Addresses::Are,
        _ => false,
    });
    Ok(texts.map(|text| text.place).collect())
}

/// Whether a string under this key holds the structure together.
fn is_structure(zone: Zone, key: &str) -> bool {
    if zone == Zone::Tools {
        return matches!(key, "type" | "$ref" | "$schema" | "format" | "pattern");
    }
    is_id(key)
        || key.starts_with("encrypted_")
        || matches!(
            key,
            "type"
                | "model"
                | "models"
                | "signature"
                | "thought_signature"
                | "media_type"
                | "mime_type"
                | "format"
                | "object"
                | "status"
                | "tool_choice"
                | "function_call"
                | "server_label"
        )
}

/// Whether this is the key of an id. The user's is one that the client makes.
fn is_id(key: &str) -> bool {
    let id = key == "id" || key.ends_with("_id") || key.ends_with("_ids");
    id && key != "user_id"
}

/// Whether a string is base64, or a data URL of it: there is no text in it to read.
fn is_data(inner: &str) -> bool {
    let bytes = match inner.strip_prefix("data:") {
        Some(rest) => match rest.split_once(";base64,") {
            Some((kind, bytes)) if kind.len() < SHORTEST_DATA => bytes,
            _ => return false,
        },
        None if inner.len() >= SHORTEST_DATA => inner,
        None => return false,
    };
    let data = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=' | b'-' | b'_');
    // A slash may be escaped, as some libraries do.
    let text = bytes.as_bytes();
    let escaped = |at: usize| text.get(at + 1) == Some(&b'/');
    text.iter()
        .enumerate()
        .all(|(at, byte)| data(*byte) || (*byte == b'\\' && escaped(at)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(body: &str) -> Vec<String> {
        let texts = texts(body, Zone::Body, true).unwrap();
        texts
            .iter()
            .map(|text| {
                let key = body.get(text.key.clone()).unwrap();
                let how = match text.how {
                    How::Joined => "joined",
                    How::Alone => "alone",
                    How::Address => "address",
                    How::Number => "number",
                    How::Value => "value",
                };
                let said = if text.said == Said::Model {
                    "model "
                } else {
                    ""
                };
                format!(
                    "{said}{how} {key}={}",
                    body.get(text.place.clone()).unwrap()
                )
            })
            .collect()
    }

    #[test]
    fn the_texts_of_a_chat() {
        let body = r#"{"model":"m","user":"ann","messages":[
            {"role":"system","content":"s"},
            {"content":[{"type":"text","text":"t"},{"type":"image_url","image_url":{"url":"https://h/p"}},
             {"type":"file","file":{"filename":"f","file_id":"file-1"}}],"name":"n","role":"user"},
            {"role":"assistant","content":null,"refusal":"r","tool_calls":[{"id":"c1","type":"function",
             "function":{"name":"send","arguments":"{\"to\":1}"}}]},
            {"role":"tool","tool_call_id":"c1","name":"send","content":"done"}],
            "tools":[{"type":"function","function":{"name":"send","description":"d","parameters":
             {"type":"object","properties":{"name":{"type":"string","enum":["e"]},"tool_choice":{"description":"c"}}}}}],
            "tool_choice":{"function":{"name":"send"}},"metadata":{"k":"v"},"stop":["end"],"novel":{"x":"y"}}"#;
        assert_eq!(
            shown(body),
            [
                "alone =ann",
                "joined =s",
                "joined =t",
                "address =https://h/p",
                "alone =f",
                "alone =n",
                "model joined =r",
                r#"model alone ={\"to\":1}"#,
                "joined =done",
                "alone =d",
                "alone =e",
                "alone =c",
                "alone =k",
                "value k=v",
                "alone =end",
                "alone =y",
            ]
        );
    }

    #[test]
    fn the_texts_of_messages_and_responses() {
        let body = r#"{"system":[{"type":"text","text":"s","cache_control":{"type":"ephemeral"}}],"messages":[
            {"role":"assistant","content":[{"type":"thinking","thinking":"h","signature":"sig"},
             {"type":"tool_use","id":"t1","name":"n","input":{"id":"x","list":[4111111111111111,{"k":1}]}}]},
            {"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":[{"type":"text","text":"r"}]},
             {"type":"document","title":"d","source":{"type":"text","media_type":"text/plain","data":"doc"}}]}],
            "metadata":{"user_id":"u"}}"#;
        assert_eq!(
            shown(body),
            [
                "joined =s",
                "model joined =h",
                "model alone =id",
                "model value id=x",
                "model alone =list",
                "model number list=4111111111111111",
                "model alone =k",
                "joined =r",
                "alone =d",
                "alone =doc",
                "alone =user_id",
                "value user_id=u",
            ]
        );
        let body = r#"{"instructions":"i","input":[{"role":"user","content":[{"type":"input_text","text":"t"}]},
            {"type":"function_call","call_id":"c","name":"n","arguments":"{}"},
            {"type":"function_call_output","call_id":"c","output":"o"},
            {"type":"reasoning","id":"rs","encrypted_content":"z","summary":[{"type":"summary_text","text":"w"}]}],
            "text":{"format":{"type":"json_schema","name":"n","schema":{"description":"d"}}}}"#;
        assert_eq!(
            shown(body),
            [
                "joined =i",
                "joined =t",
                "alone ={}",
                "joined =o",
                "joined =w",
                "alone =d"
            ]
        );
    }

    #[test]
    fn base64_is_no_text_and_what_only_says_so_is() {
        let data = "iVBORw0KGgo".repeat(40);
        let body =
            |data: &str| format!(r#"{{"input":[{{"type":"x","source":{{"data":"{data}"}}}}]}}"#);
        assert_eq!(shown(&body(&data)), [""; 0]);
        assert_eq!(
            shown(&body(&format!("data:image/png;base64,{data}"))),
            [""; 0]
        );
        assert_eq!(shown(&body(&format!("{data} a@b.co"))).len(), 1);
        assert_eq!(shown(&body("data:text/plain,a@b.co")).len(), 1);
        assert_eq!(shown(&body("data:x;base64,a@b.co")).len(), 1);
        assert_eq!(shown(&format!(r#"{{"input":"{data}"}}"#)).len(), 1);
    }

    #[test]
    fn a_plain_text_document_is_read_however_it_looks() {
        let data = "4111111111111111".repeat(20);
        for source in [
            format!(r#"{{"type":"text","media_type":"text/plain","data":"{data}"}}"#),
            format!(r#"{{"data":"{data}","type":"te\u0078t"}}"#),
        ] {
            let body = format!(r#"{{"messages":[{{"content":[{{"source":{source}}}]}}]}}"#);
            assert_eq!(shown(&body), [format!("alone ={data}")]);
            let image = body.replace(r#""type":"te"#, r#""type":"base64","x":"te"#);
            assert!(!shown(&image).concat().contains("4111"));
        }
    }

    #[test]
    fn too_many_texts_are_too_much() {
        let body = format!(r#"{{"input":["a"{}]}}"#, r#","a""#.repeat(MAX_TEXTS));
        assert_eq!(texts(&body, Zone::Body, true), Err(TooMuch));
    }
}
