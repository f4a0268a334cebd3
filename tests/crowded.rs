//! Nothing that is sent costs much more than its size: requests that hold many of something, at every dialect and at
//! the gateway. Four times as much may take eight times as long; what is quick is not looked at any closer.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod support;

use envoy_llm_gateway::{
    api::{
        chat::Chat,
        client::{Api, Asked},
    },
    config::{Config, Gateway, Provider},
    gateway::Request,
    provider::REGISTRY,
};
use serde_json::json;
use std::{
    rc::Rc,
    time::{Duration, Instant},
};
use support::{FakeHost, fixtures::path, request, response};

/// Of a body. Units: bytes.
const LARGE: usize = 256 << 10;
const QUICK: Duration = Duration::from_millis(50);
/// Others may be at work on the machine: too slow is what is so each time. What is far too slow is not tried for long.
const TRIES: usize = 10;
const PATIENCE: Duration = Duration::from_secs(3);

fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

fn assert_grows_with_size(what: &str, make: &dyn Fn(usize) -> String, work: &dyn Fn(&str)) {
    let (small, large) = (make(LARGE / 4), make(LARGE));
    let start = Instant::now();
    let mut told = String::new();
    for _ in 0..TRIES {
        let long = timed(|| work(&large));
        if long < QUICK {
            return;
        }
        let short = timed(|| work(&small));
        if long < short * 8 {
            return;
        }
        told = format!("{what}: {short:?} for a quarter of it, {long:?} for all");
        if start.elapsed() > PATIENCE {
            break;
        }
    }
    panic!("{told}");
}

/// As many as there is room for, with commas between them.
fn many(size: usize, each: impl Fn(usize) -> String) -> String {
    let count = (size / each(size).len()).max(1);
    (0..count).map(each).collect::<Vec<_>>().join(",")
}

fn messages(list: &str) -> String {
    format!(r#"{{"model":"m","max_tokens":9,"messages":[{list}]}}"#)
}

fn asking(fields: &str) -> String {
    format!(
        r#"{{"model":"m","max_tokens":9,"messages":[{{"role":"user","content":"q"}}],{fields}}}"#
    )
}

fn provider(dialect: &str) -> Provider {
    let mut settings = json!({"role": "provider", "dialect": dialect});
    if dialect == "vertex" || dialect == "anthropic-vertex" {
        settings["project"] = json!("p");
        settings["location"] = json!("global");
    }
    match Config::parse(settings.to_string().as_bytes()) {
        Ok(Config::Provider(config)) => config,
        other => panic!("{other:?}"),
    }
}

/// The request as each dialect writes it, or refuses it.
fn every_dialect(api: Api, make: &dyn Fn(usize) -> String) {
    for entry in REGISTRY {
        let config = provider(entry.name);
        let dialect = config.speaks.chat().unwrap();
        let work = |body: &str| {
            let asked = Asked::parse(api, body.as_bytes()).unwrap();
            if let Ok(made) =
                asked.translated(entry.features.model, dialect.takes(entry.features.model))
            {
                let chat = Chat::parse(&made.body).unwrap();
                let _ = dialect.request(&chat).is_ok();
            }
        };
        assert_grows_with_size(entry.name, make, &work);
    }
}

fn every_chat(make: impl Fn(usize) -> String) {
    every_dialect(Api::Chat, &make);
}

#[test]
fn keys_of_a_message() {
    every_chat(|size| {
        let keys = many(size, |n| format!(r#""key{n}":1"#));
        messages(&format!(r#"{{"role":"user","content":"q",{keys}}}"#))
    });
}

#[test]
fn parts_of_a_message() {
    every_chat(|size| {
        let parts = many(size, |n| format!(r#"{{"type":"text","text":"{n}"}}"#));
        messages(&format!(r#"{{"role":"user","content":[{parts}]}}"#))
    });
}

#[test]
fn turns_of_every_order() {
    every_chat(|size| {
        let turns = many(size, |n| {
            let turn = |role: &str| format!(r#"{{"role":"{role}","content":"{n}"}}"#);
            ["user", "assistant", "system", "developer"]
                .map(turn)
                .join(",")
        });
        messages(&turns)
    });
}

#[test]
fn results_from_the_last_to_the_first() {
    every_chat(|size| {
        let call = |n| {
            format!(
                r#"{{"id":"c{n}","type":"function","function":{{"name":"f","arguments":"{{}}"}}}}"#
            )
        };
        let calls = many(2 * size, call);
        let count = calls.matches("\"id\"").count();
        let result = |n: usize| format!(r#"{{"role":"tool","tool_call_id":"c{n}","content":"r"}}"#);
        let results: Vec<_> = (0..count).rev().map(result).collect();
        let turns = [
            r#"{"role":"user","content":"q"}"#.to_owned(),
            format!(r#"{{"role":"assistant","content":null,"tool_calls":[{calls}]}}"#),
            results.join(","),
        ];
        messages(&turns.join(","))
    });
}

#[test]
fn results_behind_many_parts() {
    every_chat(|size| {
        let parts = many(size, |n| format!(r#"{{"type":"text","text":"{n}"}}"#));
        let result = |n| format!(r#"{{"role":"tool","tool_call_id":"c{n}","content":"r"}}"#);
        messages(&format!(
            r#"{{"role":"user","content":[{parts}]}},{}"#,
            many(size, result)
        ))
    });
}

#[test]
fn calls_of_many_names() {
    every_chat(|size| {
        let calls = many(size, |n| {
            format!(
                r#"{{"id":"c{n}","type":"function","function":{{"name":"f{n}","arguments":"{{}}"}}}}"#
            )
        });
        messages(&format!(
            r#"{{"role":"user","content":"q"}},{{"role":"assistant","tool_calls":[{calls}]}}"#
        ))
    });
}

#[test]
fn documents_of_one_name() {
    every_chat(|size| {
        let file = r#"{"filename":"a.pdf","file_data":"data:application/pdf;base64,AA=="}"#;
        let parts = many(size, |_| format!(r#"{{"type":"file","file":{file}}}"#));
        messages(&format!(
            r#"{{"role":"user","content":[{{"type":"text","text":"q"}},{parts}]}}"#
        ))
    });
}

#[test]
fn results_each_before_a_user_s_word() {
    every_chat(|size| {
        let turns = many(size, |n| {
            let call = format!(
                r#"{{"id":"c{n}","type":"function","function":{{"name":"f","arguments":"{{}}"}}}}"#
            );
            [
                r#"{"role":"user","content":"q"}"#.to_owned(),
                format!(r#"{{"role":"assistant","content":null,"tool_calls":[{call}]}}"#),
                format!(r#"{{"role":"tool","tool_call_id":"c{n}","content":"r"}}"#),
            ]
            .join(",")
        });
        messages(&turns)
    });
}

#[test]
fn thoughts_of_a_turn() {
    every_chat(|size| {
        let details = many(size, |n| {
            format!(r#"{{"provider":"gemini","type":"thinking","id":"c{n}","signature":"s"}}"#)
        });
        let turn =
            format!(r#"{{"role":"assistant","content":"a","reasoning_details":[{details}]}}"#);
        messages(
            &[
                r#"{"role":"user","content":"q"}"#,
                &turn,
                r#"{"role":"user","content":"q"}"#,
            ]
            .join(","),
        )
    });
}

#[test]
fn tools_and_those_that_are_allowed() {
    every_chat(|size| {
        let tools = many(size * 3 / 4, |n| {
            format!(
                r#"{{"type":"function","function":{{"name":"f{n}","parameters":{{"type":"object"}}}}}}"#
            )
        });
        let allowed = many(size / 4, |n| {
            format!(r#"{{"type":"function","function":{{"name":"f{n}"}}}}"#)
        });
        let allowed = format!(r#"{{"mode":"auto","tools":[{allowed}]}}"#);
        asking(&format!(
            r#""tools":[{tools}],"tool_choice":{{"type":"allowed_tools","allowed_tools":{allowed}}}"#
        ))
    });
}

fn tool(schema: &str) -> String {
    let function = format!(r#"{{"name":"f","strict":true,"parameters":{schema}}}"#);
    asking(&format!(
        r#""tools":[{{"type":"function","function":{function}}}]"#
    ))
}

#[test]
fn references_to_a_large_definition() {
    every_chat(|size| {
        let references = many(size / 2, |_| r##"{"$ref":"#/$defs/a"}"##.to_owned());
        let fields = many(size / 2, |n| format!("{n}"));
        tool(&format!(
            r#"{{"type":"object","anyOf":[{references}],"$defs":{{"a":{{"x-a":[{fields}]}}}}}}"#
        ))
    });
}

#[test]
fn references_to_many_definitions() {
    every_chat(|size| {
        let references = many(size / 2, |n| format!(r##"{{"$ref":"#/$defs/a{n}"}}"##));
        let definitions = many(size / 2, |n| format!(r#""a{n}":{{"type":"null"}}"#));
        tool(&format!(
            r#"{{"type":"object","anyOf":[{references}],"$defs":{{{definitions}}}}}"#
        ))
    });
}

#[test]
fn branches_of_many_properties() {
    every_chat(|size| {
        let fields = |key: &str| many(size / 2, |n| format!(r#""{key}{n}":{{"type":"null"}}"#));
        tool(&format!(
            r#"{{"type":"object","properties":{{{}}},"allOf":[{{"properties":{{{}}}}},{{}}]}}"#,
            fields("a"),
            fields("b")
        ))
    });
}

#[test]
fn branches_beside_large_properties() {
    every_chat(|size| {
        let branches = many(size / 2, |_| r#"{"properties":{}}"#.to_owned());
        let values = many(size / 2, |n| format!("{n}"));
        tool(&format!(
            r#"{{"type":"object","properties":{{"a":{{"enum":[{values}]}}}},"allOf":[{branches}]}}"#
        ))
    });
}

#[test]
fn names_that_are_required() {
    every_chat(|size| {
        let names = many(size / 4, |n| format!(r#""key{n}""#));
        let fields = many(size * 3 / 4, |n| format!(r#""key{n}":{{"type":"string"}}"#));
        tool(&format!(
            r#"{{"type":"object","properties":{{{fields}}},"required":[{names}],"additionalProperties":false}}"#
        ))
    });
}

#[test]
fn schemas_inside_each_other() {
    every_chat(|size| {
        let (open, close) = (r#"{"properties":{"a":"#.repeat(25), "}}".repeat(25));
        let large = many(size, |n| format!("{n}"));
        tool(&format!(r#"{open}{{"enum":[{large}]}}{close}"#))
    });
}

#[test]
fn schema_of_a_message_s_answer() {
    every_dialect(Api::Messages, &|size| {
        let names = many(size / 4, |n| format!(r#""key{n}""#));
        let fields = many(size * 3 / 4, |n| format!(r#""key{n}":{{"type":"string"}}"#));
        let schema = format!(
            r#"{{"type":"object","properties":{{{fields}}},"required":[{names}],"additionalProperties":false}}"#
        );
        asking(&format!(
            r#""output_format":{{"type":"json_schema","schema":{schema}}}"#
        ))
    });
}

#[test]
fn blocks_that_nobody_knows() {
    every_dialect(Api::Messages, &|size| {
        let blocks = many(size, |n| format!(r#"{{"type":"odd{n}"}}"#));
        messages(&format!(
            r#"{{"role":"user","content":"q"}},{{"role":"assistant","content":[{blocks}]}}"#
        ))
    });
}

#[test]
fn blocks_and_results_of_a_message() {
    every_dialect(Api::Messages, &|size| {
        let calls = many(size / 2, |n| {
            format!(r#"{{"type":"tool_use","id":"c{n}","name":"f","input":{{}}}}"#)
        });
        let count = calls.matches("tool_use").count();
        let result =
            |n: usize| format!(r#"{{"type":"tool_result","tool_use_id":"c{n}","content":"r"}}"#);
        let results: Vec<_> = (0..count).rev().map(result).collect();
        let results = results.join(",");
        let turns = [
            r#"{"role":"user","content":"q"}"#.to_owned(),
            format!(r#"{{"role":"assistant","content":[{calls}]}}"#),
            format!(r#"{{"role":"user","content":[{results}]}}"#),
        ];
        messages(&turns.join(","))
    });
}

#[test]
fn items_of_a_response_s_input() {
    every_dialect(Api::Responses, &|size| {
        let items = many(size, |n| {
            let call = format!(
                r#"{{"type":"function_call","call_id":"c{n}","name":"f","arguments":"{{}}"}}"#
            );
            let result =
                format!(r#"{{"type":"function_call_output","call_id":"c{n}","output":"r"}}"#);
            let thought = r#"{"type":"reasoning","summary":[{"type":"summary_text","text":"t"}]}"#;
            [thought, &call, &result].join(",")
        });
        format!(r#"{{"model":"m","input":[{items}]}}"#)
    });
}

fn gateway() -> Rc<Gateway> {
    let settings = json!({
        "role": "gateway",
        "models": {"m": {"targets": [{"provider": "openai", "model": "gpt-4o"}]}},
        "providers": {"openai": {}},
        "on_context_length": "refuse",
        "guards": [
            {"name": "all", "detect": ["PII", "SECRET"], "action": "mask"},
            {"name": "no-orders", "detect": "PROMPT_INJECTION", "action": "warn"},
            {"name": "words", "words": ["Project Falcon"], "pattern": "[a-c]{3,9}x", "action": "mask"},
            {"name": "prompt", "system_prompt": true, "action": "mask"},
        ],
    });
    match Config::parse(settings.to_string().as_bytes()) {
        Ok(Config::Gateway(config)) => Rc::new(config),
        other => panic!("{other:?}"),
    }
}

/// The request as the gateway plans it: looked for what guards find, and counted.
fn at_the_gateway(make: &dyn Fn(usize) -> String) {
    let config = gateway();
    let work = |body: &str| {
        let mut role = Request::new(config.clone());
        let head = [
            (":method", "POST"),
            (":path", path(Api::Chat)),
            ("content-type", "application/json"),
        ];
        request(&mut role, &FakeHost::default(), &head, &[body.as_bytes()]);
    };
    assert_grows_with_size("the gateway", make, &work);
}

#[test]
fn an_image_of_white_space() {
    at_the_gateway(&|size| {
        let url = format!(r#"{{"url":"data:,{}\n"}}"#, " ".repeat(16 * size));
        messages(&format!(
            r#"{{"role":"user","content":[{{"type":"image_url","image_url":{url}}}]}}"#
        ))
    });
}

#[test]
fn a_system_prompt_of_one_word() {
    at_the_gateway(&|size| {
        let word = "a".repeat(size);
        messages(&format!(
            r#"{{"role":"system","content":"{word}"}},{{"role":"user","content":"q"}}"#
        ))
    });
}

#[test]
fn choices_of_a_guarded_chunk() {
    let config = gateway();
    let make = |size: usize| {
        let choices = many(size, |n| {
            format!(r#"{{"index":{n},"delta":{{"content":"a{n}"}},"finish_reason":"stop"}}"#)
        });
        format!(r#"{{"id":"c","object":"chat.completion.chunk","choices":[{choices}]}}"#)
    };
    let work = |chunk: &str| {
        let (host, mut role) = (FakeHost::default(), Request::new(config.clone()));
        let asked = r#"{"model":"m","stream":true,"messages":[{"role":"user","content":"q"}]}"#;
        let head = [
            (":method", "POST"),
            (":path", path(Api::Chat)),
            ("content-type", "application/json"),
        ];
        request(&mut role, &host, &head, &[asked.as_bytes()]).unwrap();
        let head = [(":status", "200"), ("content-type", "text/event-stream")];
        response(
            &mut role,
            &host,
            &head,
            &[b"data: ", chunk.as_bytes(), b"\n\n"],
        );
    };
    assert_grows_with_size("a guarded stream", &make, &work);
}
