//! Answers on their way back through a guard: every stream of every fixture, and streams made for the purpose, cut
//! in every way, against the whole texts.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    missing_docs
)]

#[path = "../support/mod.rs"]
mod support;

mod fixtures;
mod repeats;
mod scanner;
mod streams;

use envoy_llm_gateway::{
    api::client::Api,
    guard::{
        answer::{
            stream::{Stream, Unread},
            whole,
        },
        arguments::Arguments,
        channel::{Decided, Rewrite},
        document::Document,
    },
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const fn decided(until: usize) -> Decided {
    Decided {
        until,
        scanned: until,
    }
}

/// Turns every word of at least `least` letters round, and stops at `STOP`. A word waits for its end.
#[derive(Default)]
struct Words {
    least: usize,
    /// Not counted while a text is said again.
    turned: usize,
    again: bool,
    /// Words are held, but stay.
    keeps: bool,
}

fn words(least: usize) -> Words {
    Words {
        least,
        ..Words::default()
    }
}

impl Rewrite for Words {
    type Stop = &'static str;

    fn rewrite(
        &mut self,
        text: &str,
        from: Decided,
        last: bool,
        out: &mut String,
    ) -> Result<Decided, Self::Stop> {
        let mut at = from.until;
        while at < text.len() {
            let rest = &text[at..];
            let end = rest.find(|c: char| !c.is_alphanumeric());
            if end.is_none() && !last {
                return Ok(decided(at));
            }
            let word = &rest[..end.unwrap_or(rest.len())];
            at += word.len();
            if word == "STOP" {
                return Err("STOP");
            }
            if word.chars().count() >= self.least && !self.keeps {
                self.turned += usize::from(!self.again);
                out.push('<');
                out.extend(word.chars().rev());
                out.push('>');
            } else {
                out.push_str(word);
            }
            if let Some(letter) = text[at..].chars().next().filter(|_| end.is_some()) {
                out.push(letter);
                at += letter.len_utf8();
            }
        }
        Ok(decided(at))
    }

    fn hides(&self) -> bool {
        !self.keeps
    }

    fn again(&mut self, again: bool) {
        self.again = again;
    }
}

/// The texts of a stream, by where they belong.
type Texts = BTreeMap<String, String>;

fn say(texts: &mut Texts, key: String, value: &Value) {
    if let Some(text) = value.as_str() {
        texts.entry(key).or_default().push_str(text);
    }
}

fn data(stream: &str) -> Vec<Value> {
    stream
        .split("\n\n")
        .flat_map(|event| event.lines().filter_map(|line| line.strip_prefix("data:")))
        .filter(|data| data.trim() != "[DONE]")
        .filter_map(|data| serde_json::from_str(data).ok())
        .collect()
}

fn texts(api: Api, stream: &str) -> Texts {
    let mut texts = Texts::new();
    for event in data(stream) {
        match api {
            Api::Messages => {
                for key in ["text", "thinking", "partial_json"] {
                    let name = format!("{} {key}", event["index"]);
                    say(&mut texts, name, &event["delta"][key]);
                }
            }
            Api::Responses => {
                let kind = event["type"].as_str().unwrap_or_default();
                if kind.ends_with(".delta") {
                    let part = (&event["content_index"], &event["summary_index"]);
                    let name = format!("{} {part:?} {kind}", event["output_index"]);
                    say(&mut texts, name, &event["delta"]);
                }
            }
            _ => {
                for choice in event["choices"].as_array().into_iter().flatten() {
                    let of = &choice["index"];
                    say(&mut texts, format!("{of} text"), &choice["text"]);
                    for key in ["content", "refusal", "reasoning_content", "reasoning"] {
                        say(&mut texts, format!("{of} {key}"), &choice["delta"][key]);
                    }
                    let calls = choice["delta"]["tool_calls"].as_array();
                    for call in calls.into_iter().flatten() {
                        let name = format!("{of} arguments {}", call["index"]);
                        say(&mut texts, name, &call["function"]["arguments"]);
                    }
                }
            }
        }
    }
    texts.retain(|_, text| !text.is_empty());
    texts
}

/// What the texts are to become.
fn turned(mut texts: Texts, rewrite: &mut Words) -> Texts {
    for (key, text) in &mut texts {
        let mut out = String::new();
        if key.contains("arguments") || key.contains("partial_json") {
            Arguments::default()
                .push(text, true, rewrite, &mut out)
                .unwrap();
        } else {
            Document::default()
                .push(text, true, rewrite, &mut out)
                .unwrap();
        }
        *text = out;
    }
    texts
}

/// The stream through a guard, in these chunks.
fn through<'a>(
    api: Api,
    chunks: impl IntoIterator<Item = &'a [u8]>,
    rewrite: &mut Words,
) -> Result<String, whole::Halt<&'static str>> {
    let (mut stream, mut out) = (Stream::new(api, Unread::Passes), Vec::new());
    for chunk in chunks {
        stream.push(chunk, false, rewrite, &mut out)?;
    }
    stream.push(&[], true, rewrite, &mut out)?;
    Ok(String::from_utf8(out).unwrap())
}

fn chunk(choices: Value) -> String {
    let chunk = json!({"id": "c-1", "object": "chat.completion.chunk", "created": 7, "model": "m",
        "choices": choices, "usage": null});
    format!("data: {chunk}\n\n")
}

fn run(api: Api, stream: &str, least: usize) -> String {
    through(api, [stream.as_bytes()], &mut words(least)).unwrap()
}
