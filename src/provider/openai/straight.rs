//! Straightens what a host bends in an answer; everything else in it keeps its bytes.
//!
//! `content` as a list of parts becomes text and `reasoning_content`, the host's own finish reasons
//! become OpenAI's. Parts that OpenAI's clients have no place for (references) are left out.
//! Source: Mistral's Python SDK 3.7, `AssistantMessage`, `DeltaMessage`, `ThinkChunk`; Together's
//! Python SDK 3.1, `ChatCompletionChunk`; read 2026-11.

use super::difference::Answers;
use crate::json::{Object, Raw, Str};
use serde::Deserialize;
use serde_json::value::RawValue;

#[derive(Deserialize)]
struct Part<'a> {
    #[serde(borrow, default)]
    r#type: Option<Str<'a>>,
    #[serde(borrow, default)]
    text: Option<Str<'a>>,
    #[serde(borrow, default)]
    thinking: Option<&'a RawValue>,
}

/// The chunk or the whole answer in OpenAI's words; `None`: it already is, or it cannot be read.
pub(super) fn straighten(answers: Answers, data: &[u8]) -> Option<String> {
    if answers == Answers::default() {
        return None;
    }
    let data = std::str::from_utf8(data).ok()?;
    if !is_bent(answers, data) {
        return None;
    }
    let mut answer = Object::parse(data.trim()).ok()?;
    let choices = answer.raw("choices")?.get().to_owned();
    let items: Vec<&RawValue> = serde_json::from_str(&choices).ok()?;
    let (mut made, mut changed) = (Vec::with_capacity(items.len()), false);
    for item in items {
        let new = choice(answers, item.get());
        changed |= new.is_some();
        made.push(new.unwrap_or_else(|| item.get().to_owned()));
    }
    if !changed {
        return None;
    }
    let json = format!("[{}]", made.join(","));
    answer
        .set("choices", serde_json::from_str::<&RawValue>(&json).ok()?)
        .ok()?;
    String::from_utf8(answer.to_vec()).ok()
}

/// A quick look that finds too much rather than too little.
fn is_bent(answers: Answers, data: &str) -> bool {
    let has_finish = |(word, _): &(&str, &str)| data.contains(&format!("\"{word}\""));
    answers.parts && has_list(data) || answers.finishes.iter().any(has_finish)
}

/// Whether a field named `content` holds a list.
fn has_list(data: &str) -> bool {
    data.split("\"content\"").skip(1).any(|rest| {
        let value = rest.trim_start().strip_prefix(':').unwrap_or_default();
        value.trim_start().starts_with('[')
    })
}

fn choice(answers: Answers, text: &str) -> Option<String> {
    let mut choice = Object::parse(text).ok()?;
    let mut changed = false;
    for key in ["delta", "message"] {
        let Some(said) = choice.raw(key).filter(|_| answers.parts) else {
            continue;
        };
        if let Some(new) = message(said.get()) {
            choice
                .set(key, serde_json::from_str::<&RawValue>(&new).ok()?)
                .ok()?;
            changed = true;
        }
    }
    let reason = choice.read::<Str<'_>>("finish_reason").ok().flatten();
    let word = reason.and_then(|reason| answers.finishes.iter().find(|(own, _)| *own == &*reason));
    if let Some((_, word)) = word {
        choice.set("finish_reason", word).ok()?;
        changed = true;
    }
    changed.then(|| String::from_utf8(choice.to_vec()).ok())?
}

fn message(text: &str) -> Option<String> {
    let mut message = Object::parse(text).ok()?;
    let content = message.raw("content").map(Raw::get)?.to_owned();
    if !content.starts_with('[') {
        return None;
    }
    let parts: Vec<Part<'_>> = serde_json::from_str(&content).ok()?;
    let (mut words, mut thoughts) = (String::new(), String::new());
    for part in &parts {
        match part.r#type.as_deref() {
            Some("thinking") => thoughts.push_str(&thinking(part.thinking)),
            _ => words.push_str(part.text.as_deref().unwrap_or_default()),
        }
    }
    message.set("content", &words).ok()?;
    if !thoughts.is_empty() {
        message.set("reasoning_content", &thoughts).ok()?;
    }
    String::from_utf8(message.to_vec()).ok()
}

/// The text of a thinking part: a list of parts, or, as some models have it, a string.
fn thinking(raw: Option<&RawValue>) -> String {
    let Some(raw) = raw.map(RawValue::get) else {
        return String::new();
    };
    if let Ok(text) = serde_json::from_str::<Str<'_>>(raw) {
        return (*text).to_owned();
    }
    let parts: Vec<Part<'_>> = serde_json::from_str(raw).unwrap_or_default();
    parts
        .iter()
        .filter_map(|part| part.text.as_deref())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MISTRAL: Answers = Answers {
        parts: true,
        finishes: &[("model_length", "length")],
    };

    #[test]
    fn parts_become_text_and_reasoning_and_the_rest_keeps_its_bytes() {
        let cases = [
            (
                r#"{"id":"a","choices":[{"index":0,"delta":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"h\u00e9"},{"type":"text","text":"m"}]}]},"finish_reason":null}],"p":1.10}"#,
                r#"{"id":"a","choices":[{"index":0,"delta":{"content":"","reasoning_content":"hém"},"finish_reason":null}],"p":1.10}"#,
            ),
            (
                r#"{"choices":[{"message":{"role":"assistant","content":[{"type":"thinking","thinking":"t"},{"type":"text","text":"a"},{"type":"reference","reference_ids":[1]},{"type":"text","text":"b"}],"tool_calls":null}}]}"#,
                r#"{"choices":[{"message":{"role":"assistant","content":"ab","tool_calls":null,"reasoning_content":"t"}}]}"#,
            ),
            (
                r#"{"choices":[{"delta":{"content":"x"},"finish_reason":"model_length"}]}"#,
                r#"{"choices":[{"delta":{"content":"x"},"finish_reason":"length"}]}"#,
            ),
        ];
        for (data, want) in cases {
            assert_eq!(straighten(MISTRAL, data.as_bytes()).as_deref(), Some(want));
        }
    }

    #[test]
    fn what_is_straight_or_cannot_be_read_stays() {
        for data in [
            r#"{"choices":[{"delta":{"content":"model_length"},"finish_reason":"stop"}]}"#,
            r#"{"choices":[{"delta":{"content":"say \"content\":[1]"}}]}"#,
            r#"{"choices":[{"delta":{"content":[7]}}]}"#,
            r#"{"choices":7,"content":[]}"#,
            r#"{"content":["#,
            "[DONE]",
        ] {
            assert_eq!(straighten(MISTRAL, data.as_bytes()), None, "{data}");
        }
    }
}
