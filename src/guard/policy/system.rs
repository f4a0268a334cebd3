//! The texts of a request that the client's own program says, and not the person who uses it; and what that person has
//! said last.

use crate::{
    api::client::Api,
    json::{Object, Quoted, Str, each},
};
use serde::Deserialize;
use serde_json::value::RawValue;

/// A message, or an item.
#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    role: Option<Str<'a>>,
    #[serde(borrow, default)]
    content: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Part<'a> {
    #[serde(borrow, default)]
    text: Option<&'a RawValue>,
}

/// Longest question that is remembered. Units: bytes.
const MAX_QUESTION: usize = 16 << 10;
/// Who speaks for the client's program.
const SYSTEM: &[&str] = &["system", "developer"];

/// Shows each text of the system prompt. What cannot be read has none: who reads the request will say so.
pub fn each_text(api: Api, body: &Object<'_>, show: &mut dyn FnMut(&str)) {
    let raw = |key: &str| -> Option<&RawValue> { serde_json::from_str(body.raw(key)?.get()).ok() };
    match api {
        Api::Chat => messages(raw("messages"), SYSTEM, &mut |content| {
            texts(Some(content), show)
        }),
        Api::Messages => texts(raw("system"), show),
        Api::Responses => {
            texts(raw("instructions"), show);
            messages(raw("input"), SYSTEM, &mut |content| {
                texts(Some(content), show);
            });
        }
        _ => {}
    }
}

/// What the user has said last, at most its first 16 KiB; empty where that cannot be told.
pub fn question(api: Api, body: &Object<'_>) -> String {
    let raw = |key: &str| -> Option<&RawValue> { serde_json::from_str(body.raw(key)?.get()).ok() };
    let list = match api {
        Api::Responses => raw("input"),
        Api::Completions => raw("prompt"),
        _ => raw("messages"),
    };
    let mut last = list.filter(|list| Quoted::of(list).is_some());
    messages(list, &["user"], &mut |content| last = Some(content));
    let mut said: Vec<String> = Vec::new();
    texts(last, &mut |text| said.push(text.to_owned()));
    let mut said = said.join("\n\n");
    said.truncate(said.floor_char_boundary(MAX_QUESTION));
    said
}

fn messages<'a>(list: Option<&'a RawValue>, roles: &[&str], show: &mut dyn FnMut(&'a RawValue)) {
    each(list, |raw| {
        let message: Option<Message<'_>> = serde_json::from_str(raw.get()).ok();
        let message = message.filter(|message| {
            let role = message.role.as_deref();
            role.is_some_and(|role| roles.contains(&role))
        });
        if let Some(content) = message.and_then(|message| message.content) {
            show(content);
        }
    });
}

/// A text, or a list of parts.
fn texts(content: Option<&RawValue>, show: &mut dyn FnMut(&str)) {
    let Some(content) = content else { return };
    match Quoted::of(content) {
        Some(text) => show(&text.text()),
        None => each(Some(content), |raw| {
            let part: Option<Part<'_>> = serde_json::from_str(raw.get()).ok();
            if let Some(text) = part.and_then(|part| Quoted::of(part.text?)) {
                show(&text.text());
            }
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(api: Api, body: &str) -> Vec<String> {
        let mut texts = Vec::new();
        let body = Object::parse(body).unwrap();
        each_text(api, &body, &mut |text| texts.push(text.to_owned()));
        texts
    }

    #[test]
    fn each_api_has_its_system_prompt_somewhere_else() {
        let chat = r#"{"messages":[{"role":"system","content":"a \"b\""},{"role":"user","content":"no"},
            {"role":"developer","content":[{"type":"text","text":"c"},{"type":"image_url"}]}]}"#;
        assert_eq!(all(Api::Chat, chat), ["a \"b\"", "c"]);
        let message = r#"{"system":[{"type":"text","text":"a"}],"messages":[{"role":"user","content":"no"}]}"#;
        assert_eq!(all(Api::Messages, message), ["a"]);
        assert_eq!(all(Api::Messages, r#"{"system":"a"}"#), ["a"]);
        let response = r#"{"instructions":"a","input":[{"role":"developer","content":[{"type":"input_text","text":"b"}]},
            {"type":"message","role":"user","content":"no"}]}"#;
        assert_eq!(all(Api::Responses, response), ["a", "b"]);
        assert_eq!(all(Api::Responses, r#"{"input":"no"}"#), [""; 0]);
        assert_eq!(all(Api::Chat, r#"{"messages":7}"#), [""; 0]);
    }
}
