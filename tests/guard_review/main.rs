//! Guards that are called about answers, whole and in windows, as the gateway role asks them, on a fake host that holds and
//! hands over bodies as Envoy does.
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

mod ends;
mod masks;
mod problems;
mod whole;
mod windows;

use envoy_llm_gateway::{
    config::Config,
    gateway::Request,
    host::{Clock, Flow, Side, SideAnswer, Stream},
};
use serde_json::{Value, json};
use std::rc::Rc;
use support::{
    FakeHost,
    gather::{events, gather_chat, gather_message, gather_response},
    request,
};

const CHAT: &str = "/v1/chat/completions";

const MESSAGES: &str = "/v1/messages";

const RESPONSES: &str = "/v1/responses";

const ALLOW: &str = r#"{"action":"allow"}"#;

const BLOCK: &str = r#"{"action":"block"}"#;

fn hook(more: &Value) -> Value {
    let mut guard = json!({"name": "hook", "on": "output", "action": "block",
        "call": {"kind": "webhook", "cluster": "hook", "window": 10, "overlap": 4}});
    let map = guard.as_object_mut().unwrap();
    map.extend(more.as_object().unwrap().clone());
    guard
}

fn settings(guards: &Value) -> Value {
    json!({
        "role": "gateway",
        "models": {"smart": {"targets": [{"provider": "one", "model": "a"}]}},
        "providers": {"one": {"dialect": "openai"}},
        "guards": guards,
    })
}

/// An answer on its way to the client.
struct Asked {
    host: FakeHost,
    gateway: Request,
    /// What the client has got so far.
    got: Vec<u8>,
    /// Envoy holds the body, and nobody has told it to go on since.
    held: bool,
    /// It was told to go on, and has given no chunk since: it would lose what is put there now and not held.
    resumed: bool,
    ended: bool,
    /// The client has the last byte.
    over: bool,
}

fn ask(guards: &Value, path: &str, body: &Value) -> Asked {
    let config = match Config::parse(settings(guards).to_string().as_bytes()) {
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
    request(&mut gateway, &host, &head, &[body.as_bytes()]).unwrap();
    Asked {
        host,
        gateway,
        got: Vec::new(),
        held: false,
        resumed: false,
        ended: false,
        over: false,
    }
}

fn said(path: &str, text: &str, stream: bool) -> Value {
    match path {
        RESPONSES => json!({"model": "smart", "stream": stream, "input": text}),
        _ => json!({"model": "smart", "stream": stream, "max_tokens": 9,
            "messages": [{"role": "user", "content": text}]}),
    }
}

impl Asked {
    fn headers(&mut self, kind: &str) -> Flow {
        let lines = [
            (":status", "200"),
            ("content-type", kind),
            ("x-llm-provider", "one"),
            ("content-length", "7"),
        ];
        self.host.set_headers(Side::Response, &lines);
        self.host.headers_are(Side::Response, true);
        let flow = self.gateway.on_response_headers(&self.host, false);
        self.headers_go(flow);
        flow
    }

    fn headers_go(&self, flow: Flow) {
        if flow == Flow::Continue {
            self.host.headers_are(Side::Response, false);
        }
    }

    fn take(&mut self) -> Vec<u8> {
        self.host.leaves(Side::Response)
    }

    fn chunk(&mut self, bytes: &str, end: bool) {
        let size = self.host.more(Side::Response, bytes.as_bytes());
        self.ended |= end;
        let flow = self.gateway.on_response_body(&self.host, size, end);
        self.headers_go(flow);
        self.held = flow == Flow::Pause;
        if flow == Flow::Continue {
            let here = self.take();
            assert!(!self.resumed || here.is_empty(), "Envoy would lose this");
            self.got.extend(here);
            self.over = end;
        }
        self.resumed = false;
    }

    fn trailers(&mut self) {
        self.ended = true;
        let flow = self.gateway.on_response_trailers(&self.host);
        if flow == Flow::Continue {
            let here = self.take();
            assert!(here.is_empty() || self.held, "Envoy would lose this");
            self.got.extend(here);
            self.over = true;
        }
        self.held = flow == Flow::Pause;
    }

    /// The guard that was asked as the `number`th answers.
    fn answers(&mut self, number: u32, status: u16, body: &str) -> Option<Side> {
        let body = body.as_bytes().to_vec();
        let answer = SideAnswer { status, body };
        let side = self.gateway.on_side_answer(&self.host, number, &answer);
        self.goes_on(side)
    }

    /// The host looks at the time.
    fn tick(&mut self) -> Option<Side> {
        let due = self.gateway.deadline()?;
        assert!(due <= self.host.now());
        let side = self.gateway.on_deadline(&self.host);
        self.goes_on(side)
    }

    fn goes_on(&mut self, side: Option<Side>) -> Option<Side> {
        if side.is_some() {
            assert!(self.held, "Envoy is told to go on, and does");
            self.headers_go(Flow::Continue);
            let here = self.take();
            self.got.extend(here);
            self.held = false;
            self.resumed = true;
            self.over |= self.ended;
        }
        side
    }

    fn text(&self) -> String {
        String::from_utf8(self.got.clone()).unwrap()
    }

    fn questions(&self) -> Vec<Value> {
        let calls = self.host.calls.borrow();
        calls
            .iter()
            .map(|call| serde_json::from_str(&call.body).unwrap())
            .collect()
    }

    fn texts(&self) -> Vec<Value> {
        self.questions()
            .into_iter()
            .map(|asked| asked["texts"].clone())
            .collect()
    }

    fn record(&mut self) -> [Option<String>; 3] {
        self.gateway.on_log(&self.host);
        ["llm.outcome", "llm.reason", "llm.guard"].map(|key| self.host.state_value(key))
    }

    fn status(&self) -> String {
        self.host.header_value(Side::Response, ":status").unwrap()
    }

    fn error(&self) -> (String, String) {
        let body: Value = serde_json::from_str(&self.text()).unwrap();
        let error = &body["error"];
        let word = |key: &str| error[key].as_str().unwrap_or_default().to_owned();
        (word("code"), word("message"))
    }
}

fn told(outcome: &str, reason: &str, guard: &str) -> [Option<String>; 3] {
    [outcome, reason, guard].map(|text| (!text.is_empty()).then(|| text.to_owned()))
}

fn whole(path: &str, text: &str) -> Value {
    let arguments = json!({"to": text}).to_string();
    match path {
        CHAT => json!({"id": "c", "object": "chat.completion", "model": "m", "created": 1,
            "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text,
                "tool_calls": [{"id": "t", "type": "function", "function": {"name": "f", "arguments": arguments}}]}}]}),
        MESSAGES => json!({"id": "m", "type": "message", "role": "assistant", "model": "m",
            "content": [{"type": "text", "text": text}, {"type": "tool_use", "id": "t", "name": "f", "input": {"to": text}}],
            "stop_reason": "tool_use"}),
        _ => {
            json!({"id": "r", "object": "response", "status": "completed", "model": "m", "output": [
            {"id": "msg", "type": "message", "role": "assistant",
                "content": [{"type": "output_text", "text": text, "annotations": []}]},
            {"id": "fc", "type": "function_call", "call_id": "t", "name": "f", "arguments": arguments}]})
        }
    }
}

/// A streamed answer in pieces, each an event of its own.
fn streamed(path: &str, pieces: &[&str]) -> Vec<String> {
    let mut out = Vec::new();
    let mut add = |event: Value| {
        let named = event["type"].as_str();
        let name = named.map(|name| format!("event: {name}\n"));
        out.push(format!("{}data: {event}\n\n", name.unwrap_or_default()));
    };
    let text = pieces.concat();
    match path {
        CHAT => {
            let chunk = |delta: Value, finish: Value| {
                json!({"id": "c", "object": "chat.completion.chunk", "model": "m", "created": 1,
                    "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})
            };
            add(chunk(
                json!({"role": "assistant", "content": ""}),
                Value::Null,
            ));
            for piece in pieces {
                add(chunk(json!({"content": piece}), Value::Null));
            }
            add(chunk(json!({}), json!("stop")));
            out.push("data: [DONE]\n\n".to_owned());
        }
        MESSAGES => {
            add(
                json!({"type": "message_start", "message": {"id": "m", "type": "message", "role": "assistant", "model": "m", "content": []}}),
            );
            add(
                json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
            );
            for piece in pieces {
                add(
                    json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": piece}}),
                );
            }
            add(json!({"type": "content_block_stop", "index": 0}));
            add(json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}}));
            add(json!({"type": "message_stop"}));
        }
        _ => {
            let mut number = 0;
            let mut event = |name: &str, mut event: Value| {
                event["type"] = json!(format!("response.{name}"));
                event["sequence_number"] = json!(number);
                number += 1;
                add(event);
            };
            let part = |text: &str| json!({"type": "output_text", "text": text, "annotations": []});
            let item = |content: Value| json!({"id": "i", "type": "message", "role": "assistant", "content": content});
            event(
                "created",
                json!({"response": {"id": "r", "status": "in_progress", "output": []}}),
            );
            event(
                "output_item.added",
                json!({"output_index": 0, "item": item(json!([]))}),
            );
            event(
                "content_part.added",
                json!({"item_id": "i", "output_index": 0, "content_index": 0, "part": part("")}),
            );
            for piece in pieces {
                event(
                    "output_text.delta",
                    json!({"item_id": "i", "output_index": 0, "content_index": 0, "delta": piece}),
                );
            }
            event(
                "output_text.done",
                json!({"item_id": "i", "output_index": 0, "content_index": 0, "text": text}),
            );
            event(
                "content_part.done",
                json!({"item_id": "i", "output_index": 0, "content_index": 0, "part": part(&text)}),
            );
            event(
                "output_item.done",
                json!({"output_index": 0, "item": item(json!([part(&text)]))}),
            );
            event(
                "completed",
                json!({"response": {"id": "r", "status": "completed", "output": [item(json!([part(&text)]))]}}),
            );
        }
    }
    out
}

fn stream(guards: &Value, path: &str) -> Asked {
    let mut asked = ask(guards, path, &said(path, "What is it?", true));
    assert_eq!(asked.headers("text/event-stream"), Flow::Continue);
    asked
}

/// The data of each event.
fn parsed(stream: &str) -> Vec<Value> {
    let lines = stream
        .lines()
        .filter_map(|line| line.strip_prefix("data: "));
    let data = lines.filter(|data| *data != "[DONE]");
    data.map(|data| serde_json::from_str(data).unwrap())
        .collect()
}

/// What the client is told, whatever its language.
fn gathered(path: &str, stream: &str) -> String {
    let text = match path {
        CHAT => gather_chat(stream)["choices"][0]["message"]["content"].clone(),
        MESSAGES => gather_message(&events(stream.as_bytes()))["content"][0]["text"].clone(),
        _ => {
            let (output, last) = gather_response(&events(stream.as_bytes()));
            let said = |output: &Value| output[0]["content"][0]["text"].clone();
            assert_eq!(said(&output), said(&last["output"]));
            said(&output)
        }
    };
    text.as_str().unwrap_or_default().to_owned()
}

/// Answers every question as Presidio would that knows one name.
fn presidio(asked: &Asked, number: usize) -> String {
    let texts = asked.questions()[number - 1]["text"].clone();
    let found = |text: &Value| {
        let text = text.as_str().unwrap();
        let places = text.match_indices("Ann").map(|(at, _)| {
            let start = text[..at].chars().count();
            json!({"entity_type": "PERSON", "start": start, "end": start + 3, "score": 0.9})
        });
        json!(places.collect::<Vec<_>>())
    };
    let found: Vec<Value> = texts.as_array().unwrap().iter().map(found).collect();
    json!(found).to_string()
}

/// A webhook that knows the same name.
fn webhook(asked: &Asked, number: usize) -> String {
    let texts = asked.questions()[number - 1]["texts"].clone();
    let masked: Vec<String> = texts
        .as_array()
        .unwrap()
        .iter()
        .map(|text| text.as_str().unwrap().replace("Ann", "***"))
        .collect();
    json!({"action": "mask", "texts": masked}).to_string()
}
