//! The texts of a request that the client's own program says, and not the person who uses it.

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

/// Shows each text of the system prompt. What cannot be read has none: who reads the request will say so.
pub fn each_text(api: Api, body: &Object<'_>, show: &mut dyn FnMut(&str)) {
    let raw = |key: &str| -> Option<&RawValue> { serde_json::from_str(body.raw(key)?.get()).ok() };
    match api {
        Api::Chat => messages(raw("messages"), show),
        Api::Messages => texts(raw("system"), show),
        Api::Responses => {
            texts(raw("instructions"), show);
            messages(raw("input"), show);
        }
        _ => {}
    }
}

fn messages(list: Option<&RawValue>, show: &mut dyn FnMut(&str)) {
    each(list, |raw| {
        let message: Option<Message<'_>> = serde_json::from_str(raw.get()).ok();
        if let Some(message) = message
            && matches!(message.role.as_deref(), Some("system" | "developer"))
        {
            texts(message.content, show);
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
