//! Guards on the way back, as the gateway role follows them, on a fake host, with the real scanner.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

#[path = "../support/mod.rs"]
mod support;

mod blocked;
mod json;
mod policy;
mod texts;
mod tools;

use envoy_llm_gateway::{config::Config, gateway::Request, host::Stream};
use serde_json::{Value, json};
use std::rc::Rc;
use support::{
    FakeHost, Passed,
    gather::{events, gather_chat, gather_message, gather_response},
    request, response,
};

const CHAT: &str = "/v1/chat/completions";

const MESSAGES: &str = "/v1/messages";

const RESPONSES: &str = "/v1/responses";

fn guards() -> Value {
    json!([
        {"name": "mail", "detect": ["EMAIL_ADDRESS"], "action": "restore"},
        {"name": "cards", "detect": ["CREDIT_CARD"], "on": "output", "action": "mask"},
        {"name": "accounts", "detect": ["IBAN_CODE"], "on": "output", "action": "block"},
    ])
}

/// A request that has gone to its provider.
struct Asked {
    host: FakeHost,
    gateway: Request,
    /// What the provider has got.
    body: String,
}

fn ask_of(guards: &Value, path: &str, body: &Value) -> Asked {
    let settings = json!({
        "role": "gateway",
        "models": {"smart": {"targets": [{"provider": "one", "model": "a"}, {"provider": "two", "model": "b"}]}},
        "providers": {"one": {"dialect": "openai"}, "two": {"dialect": "openai"}},
        "guards": guards,
    });
    let config = match Config::parse(settings.to_string().as_bytes()) {
        Ok(Config::Gateway(config)) => config,
        other => panic!("{other:?}"),
    };
    let (host, mut gateway) = (FakeHost::default(), Request::new(Rc::new(config)));
    let head = [
        (":method", "POST"),
        (":path", path),
        ("content-type", "application/json"),
        ("x-request-id", "id-1"),
    ];
    let body = body.to_string();
    let passed = request(&mut gateway, &host, &head, &[body.as_bytes()]);
    let Some(passed) = passed else {
        panic!("{:?}", host.replies.borrow());
    };
    Asked {
        host,
        gateway,
        body: passed.text(),
    }
}

fn said(path: &str, text: &str, stream: bool) -> Value {
    match path {
        RESPONSES => json!({"model": "smart", "stream": stream, "input": text}),
        _ => json!({"model": "smart", "stream": stream, "max_tokens": 9,
            "messages": [{"role": "user", "content": text}]}),
    }
}

fn ask(path: &str, text: &str, stream: bool) -> Asked {
    ask_of(&guards(), path, &said(path, text, stream))
}

impl Asked {
    fn answer_as(&mut self, kind: &str, chunks: &[&[u8]]) -> Passed {
        let head = [
            (":status", "200"),
            ("content-type", kind),
            ("x-llm-provider", "one"),
            ("content-length", "7"),
        ];
        match response(&mut self.gateway, &self.host, &head, chunks) {
            Some(passed) => passed,
            None => panic!("{:?}", self.host.replies.borrow()),
        }
    }

    fn answer(&mut self, body: &Value) -> Passed {
        self.answer_as(
            "application/json; charset=utf-8",
            &[body.to_string().as_bytes()],
        )
    }

    fn stream(&mut self, stream: &str, cuts: usize) -> Passed {
        let chunks: Vec<&[u8]> = stream.as_bytes().chunks(cuts).collect();
        self.answer_as("text/event-stream", &chunks)
    }

    /// Outcome, reason and what the guards did, for the record.
    fn record(&mut self) -> [Option<String>; 3] {
        self.gateway.on_log(&self.host);
        ["llm.outcome", "llm.reason", "llm.guard"].map(|key| self.host.state_value(key))
    }
}

fn told(outcome: &str, reason: &str, guard: &str) -> [Option<String>; 3] {
    [outcome, reason, guard].map(|text| (!text.is_empty()).then(|| text.to_owned()))
}

fn whole(path: &str, text: &str) -> Value {
    match path {
        CHAT => json!({"id": "c", "object": "chat.completion", "model": "m", "created": 1,
            "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text,
                "tool_calls": [{"id": "t", "type": "function", "function": {"name": "f",
                    "arguments": json!({"to": text}).to_string()}}]}}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}}),
        MESSAGES => json!({"id": "m", "type": "message", "role": "assistant", "model": "m",
            "content": [{"type": "text", "text": text}, {"type": "tool_use", "id": "t", "name": "f", "input": {"to": text}}],
            "stop_reason": "tool_use", "usage": {"input_tokens": 1, "output_tokens": 1}}),
        _ => {
            json!({"id": "r", "object": "response", "status": "completed", "model": "m", "output": [
            {"id": "msg", "type": "message", "role": "assistant", "status": "completed",
                "content": [{"type": "output_text", "text": text, "annotations": []}]},
            {"id": "fc", "type": "function_call", "call_id": "t", "name": "f", "status": "completed",
                "arguments": json!({"to": text}).to_string()}]})
        }
    }
}

const CARD: &str = "card 4111 1111 1111 1111.";

/// A stream of these pieces.
fn streamed(path: &str, pieces: &[&str]) -> String {
    let mut out = String::new();
    let mut add = |name: &str, event: Value| {
        if !name.is_empty() {
            out.push_str(&format!("event: {name}\n"));
        }
        out.push_str(&format!("data: {event}\n\n"));
    };
    match path {
        CHAT => {
            let chunk = |delta: Value, finish: Value| {
                json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
                    "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})
            };
            add(
                "",
                chunk(json!({"role": "assistant", "content": ""}), Value::Null),
            );
            for piece in pieces {
                add("", chunk(json!({"content": piece}), Value::Null));
            }
            add("", chunk(json!({}), json!("stop")));
            out.push_str("data: [DONE]\n\n");
        }
        MESSAGES => {
            let named = |event: Value| (event["type"].as_str().unwrap().to_owned(), event);
            let mut all = vec![
                json!({"type": "message_start", "message": {"id": "m", "content": [], "usage": {}}}),
                json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
            ];
            all.extend(pieces.iter().map(|piece| {
                json!({"type": "content_block_delta", "index": 0,
                "delta": {"type": "text_delta", "text": piece}})
            }));
            all.push(json!({"type": "content_block_stop", "index": 0}));
            all.push(
                json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {}}),
            );
            all.push(json!({"type": "message_stop"}));
            for (name, event) in all.into_iter().map(named) {
                add(&name, event);
            }
        }
        _ => {
            let text = pieces.concat();
            let place = json!({"item_id": "msg", "output_index": 0, "content_index": 0});
            let part = json!({"type": "output_text", "text": text, "annotations": []});
            let item = |content: Value| json!({"id": "msg", "type": "message", "role": "assistant", "content": content});
            let mut all = vec![
                json!({"type": "response.created", "response": {"id": "r", "output": []}}),
                json!({"type": "response.in_progress", "response": {"id": "r", "output": []}}),
                json!({"type": "response.output_item.added", "output_index": 0, "item": item(json!([]))}),
                json!({"type": "response.content_part.added", "part": {"type": "output_text", "text": "", "annotations": []}}),
            ];
            all.extend(
                pieces
                    .iter()
                    .map(|piece| json!({"type": "response.output_text.delta", "delta": piece})),
            );
            all.push(json!({"type": "response.output_text.done", "text": text}));
            all.push(json!({"type": "response.content_part.done", "part": part}));
            all.push(json!({"type": "response.output_item.done", "output_index": 0, "item": item(json!([part]))}));
            all.push(json!({"type": "response.completed", "response": {"id": "r", "output": [item(json!([part]))]}}));
            for (number, mut event) in all.into_iter().enumerate() {
                event["sequence_number"] = json!(number);
                let name = event["type"].as_str().unwrap().to_owned();
                if name.contains("output_text") || name.contains("content_part") {
                    event
                        .as_object_mut()
                        .unwrap()
                        .extend(place.as_object().unwrap().clone());
                }
                add(&name, event);
            }
        }
    }
    out
}

fn text_of(path: &str, stream: &str) -> String {
    let text = match path {
        CHAT => gather_chat(stream)["choices"][0]["message"]["content"].clone(),
        MESSAGES => gather_message(&events(stream.as_bytes()))["content"][0]["text"].clone(),
        _ => {
            let (output, response) = gather_response(&events(stream.as_bytes()));
            assert_eq!(output, response["output"]);
            output[0]["content"][0]["text"].clone()
        }
    };
    text.as_str().unwrap().to_owned()
}

fn events_of(stream: &str) -> Vec<Value> {
    let data = stream
        .lines()
        .filter_map(|line| line.strip_prefix("data: "));
    data.map(|data| serde_json::from_str(data).unwrap())
        .collect()
}

/// A text letter by letter, and in two at every place.
fn cuts(text: &str) -> Vec<Vec<String>> {
    let mut all: Vec<Vec<String>> = vec![text.chars().map(String::from).collect()];
    for (cut, _) in text.char_indices().skip(1) {
        let (a, b) = text.split_at(cut);
        all.push(vec![a.to_owned(), b.to_owned()]);
    }
    all
}
