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

mod support;

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

fn whole_answer(guards: &Value, path: &str, text: &str) -> Asked {
    let mut asked = ask(guards, path, &said(path, "What is it?", false));
    assert_eq!(asked.headers("application/json"), Flow::Pause);
    asked.chunk(&whole(path, text).to_string(), true);
    asked
}

#[test]
fn a_whole_answer_waits_for_every_guard_and_passes_untouched() {
    let guards = json!([
        hook(&json!({})),
        hook(&json!({"name": "second", "call": {"kind": "judge", "cluster": "j", "model": "lg"}}))
    ]);
    for path in [CHAT, MESSAGES, RESPONSES] {
        let mut asked = whole_answer(&guards, path, "It is \"so\".");
        let questions = asked.questions();
        let texts = json!(["It is \"so\".", "{to:It is \"so\".}"]);
        let first = json!({"rule": "hook", "direction": "output", "id": "id-1", "question": "What is it?", "model": "smart", "team": null, "texts": texts});
        assert_eq!(questions[0], first, "{path}");
        let turns = json!([{"role": "user", "content": "What is it?"},
            {"role": "assistant", "content": "It is \"so\".\n\n{to:It is \"so\".}"}]);
        assert_eq!(questions[1]["messages"], turns);
        assert_eq!(asked.answers(1, 200, ALLOW), None);
        assert_eq!(asked.text(), "");
        let safe = json!({"choices": [{"message": {"content": "safe"}}]}).to_string();
        assert_eq!(asked.answers(2, 200, &safe), Some(Side::Response));
        assert_eq!(asked.text(), whole(path, "It is \"so\".").to_string());
        assert_eq!(asked.answers(2, 200, &safe), None);
        assert_eq!(asked.record(), told("", "", ""));
    }
}

#[test]
fn a_whole_answer_that_is_blocked_or_not_judged_is_an_error() {
    for path in [CHAT, MESSAGES, RESPONSES] {
        let mut asked = whole_answer(&json!([hook(&json!({}))]), path, "It is so.");
        assert_eq!(asked.answers(1, 200, BLOCK), Some(Side::Response));
        assert!(asked.over && !asked.text().contains("It is so"));
        assert_eq!(asked.status(), "400");
        let record = told("refused", "guardrail_blocked", "hook:block=1");
        assert_eq!(asked.record(), record);
    }
    for (status, body) in [(504, ""), (0, ""), (200, "{}")] {
        let mut asked = whole_answer(&json!([hook(&json!({}))]), CHAT, "It is so.");
        asked.answers(1, status, body);
        assert_eq!(
            (asked.status().as_str(), asked.error().0.as_str()),
            ("503", "guardrail_unavailable")
        );
        assert!(asked.error().1.contains("`hook`"));
        let open = json!([hook(&json!({"on_error": "allow"}))]);
        let mut asked = whole_answer(&open, CHAT, "It is so.");
        asked.answers(1, status, body);
        assert_eq!(asked.text(), whole(CHAT, "It is so.").to_string());
        assert_eq!(asked.record(), told("", "", "hook:unread=1"));
    }
}

#[test]
fn what_a_guard_marks_in_a_whole_answer_is_masked_and_what_the_client_said_is_put_back_behind_it() {
    let guards = json!([
        {"name": "mail", "detect": "EMAIL_ADDRESS", "action": "restore"},
        {"name": "cards", "detect": "CREDIT_CARD", "on": "output", "action": "mask"},
        {"name": "people", "call": {"kind": "presidio", "cluster": "p"}, "on": "output", "action": "mask"},
    ]);
    for path in [CHAT, MESSAGES, RESPONSES] {
        let mut asked = ask(&guards, path, &said(path, "Mail a@b.co", false));
        asked.headers("application/json");
        let text = "\u{e9} Ann, 4111 1111 1111 1111, [EMAIL_1]";
        asked.chunk(&whole(path, text).to_string(), true);
        let shown = "\u{e9} Ann, [CREDIT_CARD_1], [EMAIL_1]";
        let both = json!([shown, format!("{{to:{shown}}}")]);
        assert_eq!(asked.questions()[0]["text"], both, "{path}");
        let found = |at: usize| json!([{"entity_type": "PERSON", "start": at, "end": at + 3, "score": 0.9}]);
        let answer = json!([found(2), found(6)]).to_string();
        assert_eq!(asked.answers(1, 200, &answer), Some(Side::Response));
        let want = whole(path, "\u{e9} [PERSON_1], [CREDIT_CARD_1], a@b.co").to_string();
        assert_eq!(asked.text(), want);
        let length = asked.host.header_value(Side::Response, "content-length");
        assert_eq!(length, Some(want.len().to_string()));
        let told = asked.host.header_value(Side::Response, "x-llm-guard");
        assert!(told.unwrap().contains("people:mask=1"));
    }
}

#[test]
fn a_whole_answer_may_end_in_trailers_and_wait_there() {
    for (answer, status) in [(ALLOW, "200"), (BLOCK, "400")] {
        let mut asked = ask(&json!([hook(&json!({}))]), CHAT, &said(CHAT, "hi", false));
        asked.headers("application/json");
        asked.chunk(&whole(CHAT, "It is so.").to_string(), false);
        asked.trailers();
        assert_eq!((asked.text().as_str(), asked.questions().len()), ("", 1));
        assert_eq!(asked.answers(1, 200, answer), Some(Side::Response));
        assert_eq!(
            (asked.status().as_str(), asked.text().is_empty()),
            (status, false)
        );
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

#[test]
fn a_stream_waits_in_windows_that_overlap_and_keeps_its_bytes() {
    let pieces = ["one ", "two ", "three ", "four ", "five ", "six"];
    for path in [CHAT, MESSAGES, RESPONSES] {
        let mut asked = stream(&json!([hook(&json!({}))]), path);
        let events = streamed(path, &pieces);
        let first = events
            .iter()
            .position(|event| event.contains("one "))
            .unwrap();
        for event in &events[..first] {
            asked.chunk(event, false);
        }
        assert_eq!(
            asked.text(),
            events[..first].concat(),
            "no text, no waiting"
        );
        for event in &events[first..first + 4] {
            asked.chunk(event, false);
        }
        assert_eq!(asked.text(), events[..first].concat());
        let question = json!({"rule": "hook", "direction": "output", "id": "id-1", "question": "What is it?", "model": "smart", "team": null,
            "window": 0, "last": false, "texts": ["one two three "]});
        assert_eq!(asked.questions(), [question], "{path}");
        assert_eq!(asked.answers(1, 200, ALLOW), Some(Side::Response));
        // Four letters at the end wait for the next window, and so does what has come meanwhile.
        assert_eq!(asked.text(), events[..first + 2].concat());
        let (last, rest) = events[first + 4..].split_last().unwrap();
        for event in rest {
            asked.chunk(event, false);
        }
        asked.chunk(last, false);
        asked.chunk("", true);
        assert!(!asked.over);
        assert_eq!(asked.answers(2, 200, ALLOW), None, "{path}");
        let texts = asked.texts();
        assert_eq!(texts[1], json!(["three four five "]));
        assert_eq!(asked.answers(3, 200, ALLOW), Some(Side::Response));
        assert_eq!(
            asked.texts()[2][0]
                .as_str()
                .map(|text| text.ends_with("five six")),
            Some(true)
        );
        assert_eq!(asked.questions()[2]["last"], json!(true));
        assert_eq!((asked.text(), asked.over), (events.concat(), true));
        assert_eq!(asked.record(), told("", "", ""));
    }
}

#[test]
fn a_window_that_is_blocked_ends_the_stream_with_an_error_and_nothing_of_it_leaves() {
    let pieces = ["one two ", "three ", "four ", "five six ", "seven "];
    for path in [CHAT, MESSAGES, RESPONSES] {
        for blocked in [1, 2] {
            let mut asked = stream(&json!([hook(&json!({}))]), path);
            for event in streamed(path, &pieces) {
                asked.chunk(&event, false);
                if asked.questions().len() == 1 && blocked == 2 && asked.got.len() < 2000 {
                    asked.answers(1, 200, ALLOW);
                }
            }
            assert_eq!(
                asked.answers(blocked, 200, BLOCK),
                Some(Side::Response),
                "{path}"
            );
            let text = asked.text();
            assert!(text.contains("one two ") == (blocked == 2), "{text}");
            assert!(!text.contains("seven") && text.contains("`hook`"), "{text}");
            if path == RESPONSES {
                let numbers: Vec<u64> = parsed(&text)
                    .iter()
                    .map(|event| event["sequence_number"].as_u64().unwrap())
                    .collect();
                let want: Vec<u64> = (0..numbers.len() as u64).collect();
                assert_eq!(numbers, want);
            }
            asked.chunk("data: {}\n\n", false);
            assert!(asked.host.stopped.get(), "the provider goes on for nobody");
            assert_eq!(asked.text(), text);
            let guard = "hook:block=1";
            assert_eq!(asked.record(), told("partial", "guardrail_blocked", guard));
        }
    }
}

#[test]
fn a_stream_that_nobody_judges_ends_or_passes_as_configured() {
    let run = |more: Value, unreachable: bool| {
        let mut asked = stream(&json!([hook(&more)]), CHAT);
        if unreachable {
            asked.host.unreachable.borrow_mut().push("hook".into());
        }
        let events = streamed(CHAT, &["one two three ", "four five six ", "seven"]);
        for event in &events {
            asked.chunk(event, false);
            let number = asked.questions().len();
            if asked.held && number > 0 {
                asked.answers(u32::try_from(number).unwrap(), 504, "");
            }
        }
        if !asked.over {
            asked.chunk("", true);
            for number in 1..9 {
                asked.answers(number, 504, "");
            }
        }
        let record = asked.record();
        (asked.text(), events.concat(), record)
    };
    for unreachable in [false, true] {
        let (got, _, record) = run(json!({}), unreachable);
        assert!(
            !got.contains("one") && got.contains("guardrail_unavailable"),
            "{got}"
        );
        assert_eq!(record, told("partial", "guardrail_unavailable", ""));
        for more in [json!({"on_error": "allow"}), json!({"action": "warn"})] {
            let (got, sent, record) = run(more, unreachable);
            assert_eq!(got, sent);
            assert_eq!(record, told("", "", "hook:unread=1"));
        }
    }
}

#[test]
fn who_only_counts_holds_nothing_but_the_end() {
    let mut asked = stream(&json!([hook(&json!({"action": "warn"}))]), CHAT);
    let events = streamed(CHAT, &["one two three ", "four five six ", "seven"]);
    for event in &events {
        asked.chunk(event, false);
        assert!(!asked.held);
    }
    assert_eq!(asked.text(), events.concat());
    asked.chunk("", true);
    assert!(asked.held && !asked.over);
    assert_eq!(asked.answers(1, 200, BLOCK), None);
    assert_eq!(asked.answers(2, 200, ALLOW), Some(Side::Response));
    assert_eq!((asked.text(), asked.over), (events.concat(), true));
    assert_eq!(asked.record(), told("", "", "hook:warn=1"));
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

#[test]
fn what_is_marked_in_a_stream_is_masked_wherever_windows_and_events_cut_it() {
    let text = "\u{e9}Ann and Bob, Ann, An nAnn.";
    let guards = |hook: bool| {
        let kind = if hook { "webhook" } else { "presidio" };
        json!([{"name": "people", "on": "output", "action": "mask", "call": {"kind": kind, "cluster": "p", "window": 7, "overlap": 3}}])
    };
    for path in [CHAT, MESSAGES, RESPONSES] {
        for size in 1..9 {
            for hook in [false, true] {
                let letters: Vec<char> = text.chars().collect();
                let pieces: Vec<String> = letters
                    .chunks(size)
                    .map(|piece| piece.iter().collect())
                    .collect();
                let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
                let mut asked = stream(&guards(hook), path);
                let mut answered = 0;
                let mut events = streamed(path, &pieces);
                events.push(String::new());
                let ends = events.len() - 1;
                for (place, event) in events.iter().enumerate() {
                    asked.chunk(event, place == ends);
                    while asked.questions().len() > answered && (place % 2 == 0 || place == ends) {
                        answered += 1;
                        let answer = if hook {
                            webhook(&asked, answered)
                        } else {
                            presidio(&asked, answered)
                        };
                        asked.answers(u32::try_from(answered).unwrap(), 200, &answer);
                    }
                }
                assert!(asked.over, "{path} {size}");
                let with = if hook { "***" } else { "[PERSON_1]" };
                let got = asked.text();
                assert_eq!(
                    gathered(path, &got),
                    text.replace("Ann", with),
                    "{path} {size} {hook}"
                );
                assert!(!got.contains("Ann"), "{got}");
            }
        }
    }
}

#[test]
fn arguments_of_a_tool_are_judged_with_their_names_and_stay_json_when_they_are_masked() {
    let guards = json!([{"name": "people", "on": "output", "action": "mask", "call": {"kind": "presidio", "cluster": "p", "window": 5, "overlap": 2}}]);
    let arguments = r#"{"to": "Ann \"A\" Lee", "n": [4111, true], "Ann": "\u00e9"}"#;
    for size in 1..20 {
        let mut asked = stream(&guards, CHAT);
        let pieces = arguments.as_bytes().chunks(size);
        let chunk = |delta: Value| json!({"id": "c", "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": null}]});
        let call = |piece: &str| {
            chunk(
                json!({"tool_calls": [{"index": 0, "id": "t", "type": "function", "function": {"name": "f", "arguments": piece}}]}),
            )
        };
        let mut events: Vec<String> = pieces
            .map(|piece| format!("data: {}\n\n", call(std::str::from_utf8(piece).unwrap())))
            .collect();
        events.push("data: [DONE]\n\n".into());
        let mut answered = 0;
        for (place, event) in events.iter().enumerate() {
            asked.chunk(event, place + 1 == events.len());
            while asked.questions().len() > answered {
                answered += 1;
                let answer = presidio(&asked, answered);
                asked.answers(u32::try_from(answered).unwrap(), 200, &answer);
            }
        }
        let got: String = parsed(&asked.text())
            .iter()
            .map(|event| {
                event["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned()
            })
            .collect();
        let want = json!({"to": "[PERSON_1] \"A\" Lee", "n": [4111, true], "[PERSON_1]": "\u{e9}"});
        assert_eq!(
            serde_json::from_str::<Value>(&got).unwrap(),
            want,
            "{size}: {got}"
        );
        assert!(asked.over);
    }
}

#[test]
fn a_stream_is_masked_here_judged_elsewhere_and_gets_its_values_back_last() {
    let guards = json!([
        {"name": "mail", "detect": "EMAIL_ADDRESS", "action": "restore"},
        {"name": "accounts", "detect": "IBAN_CODE", "on": "output", "action": "block"},
        hook(&json!({})),
    ]);
    for path in [CHAT, MESSAGES, RESPONSES] {
        let mut asked = ask(&guards, path, &said(path, "Mail a@b.co", true));
        asked.headers("text/event-stream");
        let events = streamed(
            path,
            &[
                "Write to [EMA",
                "IL_1], now. ",
                "Yes, ",
                "now.",
                "It is DE8937040044",
                "0532013000 and so on",
            ],
        );
        let mut number = 0;
        for event in &events {
            asked.chunk(event, false);
            if asked.questions().len() > number {
                number += 1;
                asked.answers(u32::try_from(number).unwrap(), 200, ALLOW);
            }
        }
        let texts = json!(asked.texts()).to_string();
        assert!(
            texts.contains("[EMAIL_1]") && !texts.contains("a@b.co"),
            "{texts}"
        );
        let got = asked.text();
        assert!(got.contains("a@b.co"), "{got}");
        assert!(got.contains("accounts") && !got.contains("DE89"), "{got}");
        assert!(!texts.contains("DE89"));
    }
}

#[test]
fn the_letters_that_a_called_guard_may_hide_are_not_told_by_their_probabilities() {
    let tokens = json!({"content": [{"token": "Ann", "logprob": -0.1, "top_logprobs": []}]});
    for (action, told) in [("mask", false), ("block", false), ("warn", true)] {
        let guards = json!([hook(&json!({"action": action}))]);
        let mut answer = whole(CHAT, "by Ann");
        answer["choices"][0]["logprobs"] = tokens.clone();
        let mut asked = ask(&guards, CHAT, &said(CHAT, "Who?", false));
        asked.headers("application/json");
        asked.chunk(&answer.to_string(), true);
        asked.answers(1, 200, ALLOW);
        assert!(asked.over && asked.text().contains("by Ann"));
        assert_eq!(asked.text().contains("token"), told, "{}", asked.text());

        let events = streamed(CHAT, &["by Ann"]).concat();
        let with = format!(r#""logprobs":{tokens},"delta""#);
        let mut asked = stream(&guards, CHAT);
        asked.chunk(&events.replace(r#""delta""#, &with), false);
        asked.chunk("", true);
        asked.answers(1, 200, ALLOW);
        assert!(asked.over && asked.text().contains("by Ann"));
        assert_eq!(asked.text().contains("token"), told, "{}", asked.text());
    }
}

#[test]
fn each_of_several_choices_that_mix_is_seen_again_at_the_border_of_a_window() {
    let guards = json!([{"name": "people", "on": "output", "action": "mask", "call": {"kind": "presidio", "cluster": "p", "window": 12, "overlap": 3}}]);
    for before in 0..8 {
        let text = format!("{}Ann{}", "-".repeat(before), "-".repeat(8 - before));
        let mut asked = stream(&guards, CHAT);
        let mut answered = 0;
        for letter in text.chars() {
            for index in 0..4 {
                let event = json!({"id": "c", "model": "m", "choices": [{"index": index, "delta": {"content": letter}, "finish_reason": null}]});
                asked.chunk(&format!("data: {event}\n\n"), false);
                while asked.questions().len() > answered {
                    answered += 1;
                    let answer = presidio(&asked, answered);
                    asked.answers(u32::try_from(answered).unwrap(), 200, &answer);
                }
            }
        }
        asked.chunk("data: [DONE]\n\n", true);
        let answer = presidio(&asked, answered + 1);
        asked.answers(u32::try_from(answered + 1).unwrap(), 200, &answer);
        assert!(asked.over);
        let mut said = vec![String::new(); 4];
        for event in parsed(&asked.text()) {
            let choice = &event["choices"][0];
            let place = choice["index"].as_u64().unwrap();
            said[place as usize].push_str(choice["delta"]["content"].as_str().unwrap());
        }
        let want = text.replace("Ann", "[PERSON_1]");
        assert_eq!(said, vec![want; 4], "{before}");
    }
}

/// Answers every question as Presidio would that knows numbers.
fn numbers(asked: &Asked, number: usize) -> String {
    let texts = asked.questions()[number - 1]["text"].clone();
    let found = |text: &Value| {
        let letters: Vec<char> = text.as_str().unwrap().chars().collect();
        let mut found = Vec::new();
        for (place, letter) in letters.iter().enumerate() {
            let begins = place == 0 || !letters[place - 1].is_ascii_digit();
            if letter.is_ascii_digit() && begins {
                let size = letters[place..]
                    .iter()
                    .take_while(|letter| letter.is_ascii_digit());
                found.push(json!({"entity_type": "N", "start": place, "end": place + size.count(), "score": 0.9}));
            }
        }
        json!(found)
    };
    let found: Vec<Value> = texts.as_array().unwrap().iter().map(found).collect();
    json!(found).to_string()
}

#[test]
fn however_many_values_are_masked_none_is_told_when_a_response_repeats_them() {
    let guards = json!([{"name": "people", "on": "output", "action": "mask", "call": {"kind": "presidio", "cluster": "p", "window": 2000, "overlap": 9}}]);
    let pieces: Vec<String> = (0..1500)
        .map(|n| format!("n {} or ", 100_000 + 7 * n))
        .collect();
    let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
    let mut asked = stream(&guards, RESPONSES);
    let (mut answered, mut events) = (0, streamed(RESPONSES, &pieces));
    events.push(String::new());
    let ends = events.len() - 1;
    for (place, event) in events.iter().enumerate() {
        asked.chunk(event, place == ends);
        while asked.questions().len() > answered {
            answered += 1;
            let answer = numbers(&asked, answered);
            asked.answers(u32::try_from(answered).unwrap(), 200, &answer);
        }
    }
    assert!(asked.over);
    let got = gathered(RESPONSES, &asked.text());
    let want: String = (1..=1500).map(|n| format!("n [N_{n}] or ")).collect();
    assert_eq!(got, want);
}

#[test]
fn a_webhook_may_mask_several_places_of_arguments_and_add_to_them() {
    let guards = json!([{"name": "people", "on": "output", "action": "mask", "call": {"kind": "webhook", "cluster": "p"}}]);
    let arguments = json!({"to": "Ann, Lee", "cc": ["Bob", 41], "n": true}).to_string();
    let mut answer = whole(CHAT, "so");
    let call = |answer: &Value| {
        answer["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"].clone()
    };
    answer["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"] = json!(arguments);
    let changed = |change: &dyn Fn(&str) -> String| {
        let mut asked = ask(&guards, CHAT, &said(CHAT, "Who?", false));
        asked.headers("application/json");
        asked.chunk(&answer.to_string(), true);
        let shown = asked.texts()[0][1].as_str().unwrap().to_owned();
        let masked = json!({"action": "mask", "texts": [null, change(&shown)]}).to_string();
        asked.answers(1, 200, &masked);
        let got: Value = serde_json::from_str(&asked.text()).unwrap();
        let got: Value = serde_json::from_str(call(&got).as_str().unwrap()).unwrap();
        (got, asked.record()[2].clone())
    };
    let mask = |shown: &str| {
        shown
            .replace("Ann, Lee", "***")
            .replace("Bob", "[a] b")
            .replace("41", "*")
    };
    let want = json!({"to": "***", "cc": ["[a] b", "*"], "n": true});
    assert_eq!(changed(&mask), (want, Some("people:mask=1".into())));
    let want = json!({"to": "Ann, Lee (here)", "cc": ["Bob", 41], "n": true});
    let add = |shown: &str| shown.replace("Lee", "Lee (here)");
    assert_eq!(changed(&add), (want, Some("people:mask=1".into())));
    let same = |shown: &str| shown.to_owned();
    assert_eq!(changed(&same).1, None);
}

#[test]
fn an_end_just_behind_an_opinion_is_handed_over_when_the_host_looks_at_the_time() {
    let guards = json!([hook(&json!({"on_error": "allow"})),
        {"name": "accounts", "detect": "IBAN_CODE", "on": "output", "action": "block"}]);
    for (word, trailers) in [
        ("five", false),
        ("DE89370400440532013000", false),
        ("DE89370400440532013000", true),
    ] {
        let mut asked = stream(&guards, CHAT);
        let events = streamed(CHAT, &["one two ", "three four ", word]);
        let (first, last) = events.split_at(3);
        for event in first {
            asked.chunk(event, false);
        }
        // What may be the beginning of a longer number waits for more.
        if trailers {
            asked.chunk(&last[0], false);
        }
        assert_eq!(asked.answers(1, 200, ALLOW), Some(Side::Response));
        asked.host.unreachable.borrow_mut().push("hook".to_owned());
        match trailers {
            true => asked.trailers(),
            false => asked.chunk(&last.concat(), true),
        }
        assert!(!asked.over && asked.held);
        assert_eq!(asked.tick(), Some(Side::Response));
        assert_eq!(asked.tick(), None);
        assert!(asked.over && !asked.host.stopped.get());
        let text = asked.text();
        if word == "five" {
            assert_eq!(gathered(CHAT, &text), "one two three four five");
            assert!(text.ends_with("data: [DONE]\n\n"));
        } else {
            assert!(text.contains("accounts") && !text.contains(word));
        }
    }
}

#[test]
fn a_stream_may_end_in_trailers_and_wait_there() {
    for answers_first in [false, true] {
        let mut asked = stream(&json!([hook(&json!({}))]), CHAT);
        let events = streamed(CHAT, &["one two three ", "four"]);
        for event in &events {
            asked.chunk(event, false);
            if answers_first && asked.questions().len() == 1 && asked.held {
                asked.answers(1, 200, ALLOW);
            }
        }
        asked.trailers();
        assert!(!asked.over && asked.held);
        let last = u32::try_from(asked.questions().len()).unwrap();
        if !answers_first {
            assert_eq!(asked.answers(1, 200, ALLOW), None);
        }
        let last = last.max(u32::try_from(asked.questions().len()).unwrap());
        assert_eq!(asked.answers(last, 200, ALLOW), Some(Side::Response));
        assert_eq!((asked.text(), asked.over), (events.concat(), true));
    }
}

#[test]
fn what_waits_has_an_end() {
    for (more, passes) in [(json!({}), false), (json!({"on_error": "allow"}), true)] {
        let mut asked = stream(&json!([hook(&more)]), CHAT);
        let word = "x".repeat(1 << 20);
        let events = streamed(
            CHAT,
            &[
                "one two three ",
                &word,
                &word,
                &word,
                &word,
                &word,
                &word,
                &word,
                &word,
            ],
        );
        for event in &events {
            asked.chunk(event, false);
        }
        asked.chunk("", false);
        asked.chunk("", true);
        let got = asked.text();
        assert_eq!(got.contains("guardrail_unavailable"), !passes);
        assert_eq!(got == events.concat(), passes, "{}", got.len());
    }
}

#[test]
fn a_client_or_provider_that_leaves_while_a_guard_is_asked_is_recorded_and_nothing_panics() {
    let mut asked = stream(&json!([hook(&json!({}))]), CHAT);
    for event in &streamed(CHAT, &["one two three ", "four"])[..3] {
        asked.chunk(event, false);
    }
    assert_eq!(asked.questions().len(), 1);
    asked.record();
    asked.answers(1, 200, ALLOW);
    assert_eq!(asked.answers(1, 200, ALLOW), None);
}

fn problems(guards: &Value) -> Vec<String> {
    let list = Config::parse(settings(guards).to_string().as_bytes()).unwrap_err();
    list.iter().map(ToString::to_string).collect()
}

#[test]
fn what_cannot_be_asked_about_answers_is_told() {
    let call = |more: Value| {
        let mut call = json!({"kind": "presidio", "cluster": "p"});
        call.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        call
    };
    let wrong = problems(&json!([
        {"name": "a", "on": "both", "action": "restore", "call": call(json!({}))},
        {"name": "b", "on": "input", "action": "block", "call": call(json!({"window": 100}))},
        {"name": "c", "on": "output", "action": "block", "call": call(json!({"window": 50, "overlap": 50}))},
        {"name": "d", "on": "both", "action": "block", "call": call(json!({"window": 1}))},
        {"name": "e", "on": "both", "action": "mask", "call": {"kind": "judge", "cluster": "p", "model": "m"}},
    ]));
    assert_eq!(
        wrong,
        [
            "$.guards[0].on: `restore` takes values out of requests; in answers it puts them back by itself: leave `on` out",
            "$.guards[1].call.window: belongs to guards of answers: `on: output` or `on: both`",
            "$.guards[2].call.overlap: must be less than `window`",
            "$.guards[3].call.window: expected 2 to 100000, found 1",
            "$.guards[4].action: this kind of `call` does not say what could stand in another's place; use block, warn or route",
        ]
    );
}
