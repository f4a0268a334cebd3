//! What the registry declares of each dialect is true, and the README's table says the same.
//! `scripts/features.sh` writes the table.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod support;

use envoy_llm_gateway::{
    api::{chat::Chat, client::Api},
    config::Config,
    provider::{
        Entry, Outgoing, REGISTRY,
        features::{Features, Support},
    },
};
use serde_json::{Value, json};
use support::fixtures::{self, Case};

const BEGIN: &str = "<!-- features:begin -->";
const END: &str = "<!-- features:end -->";

/// Settings without which a dialect cannot be opened.
fn settings(dialect: &str) -> Value {
    match dialect {
        "anthropic-vertex" | "vertex" => {
            json!({"project": "my-project", "location": "global"})
        }
        _ => json!({}),
    }
}

/// One request that asks for the feature, and the words that `x-llm-dropped` has when it is lost.
fn canonical(feature: &str) -> (Value, &'static [&'static str]) {
    let tools = json!([{"type": "function", "function": {
        "name": "weather", "description": "Looks the weather up.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    }}]);
    let says = |part: Value| json!([{"role": "user", "content": [{"type": "text", "text": "What is this?"}, part]}]);
    match feature {
        "tools" => (
            json!({"tools": tools, "messages": [
                {"role": "user", "content": "Weather in Oslo?"},
                {"role": "assistant", "content": null, "tool_calls": [
                    {"id": "call_Ab1", "type": "function", "function": {"name": "weather", "arguments": "{\"city\":\"Oslo\"}"}},
                ]},
                {"role": "tool", "tool_call_id": "call_Ab1", "content": "Snow."},
            ]}),
            &["tools", "tool_call"],
        ),
        "parallel_tools" => (
            json!({"tools": tools, "parallel_tool_calls": false}),
            &["parallel_tool_calls"],
        ),
        "tool_choice" => (
            json!({"tools": tools, "tool_choice": {"type": "function", "function": {"name": "weather"}}}),
            &["tool_choice"],
        ),
        "images" => (
            json!({"messages": says(json!({"type": "image_url", "image_url": {
                "url": "data:image/png;base64,iVBORw0KGgo=",
            }}))}),
            &["image", "messages"],
        ),
        "pdfs" => (
            json!({"messages": says(json!({"type": "file", "file": {
                "filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0xLjQK",
            }}))}),
            &["file", "messages"],
        ),
        "json_schema" => (
            json!({"response_format": {"type": "json_schema", "json_schema": {
                "name": "answer", "strict": true, "schema": {
                    "type": "object", "properties": {"city": {"type": "string"}},
                    "required": ["city"], "additionalProperties": false,
                },
            }}}),
            &["response_format"],
        ),
        "reasoning" => (json!({"reasoning_effort": "high"}), &["reasoning_effort"]),
        "signatures" => (json!({}), &["reasoning_details", "reasoning_content"]),
        "logprobs" => (json!({"logprobs": true, "top_logprobs": 2}), &["logprobs"]),
        "n" => (json!({"n": 2}), &["n"]),
        "seed" => (json!({"seed": 7}), &["seed"]),
        "cache_control" => (
            json!({"messages": [{"role": "system", "content": [
                {"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}},
            ]}, {"role": "user", "content": "Hello."}]}),
            &["cache_control"],
        ),
        "stream_usage" => (
            json!({"stream": true, "stream_options": {"include_usage": true}}),
            &["stream_options"],
        ),
        other => panic!("there is no request for {other}"),
    }
}

/// Whether a dropped name is about one of these: itself, or a place in or around it.
fn is_about(dropped: &str, words: &[&str]) -> bool {
    let mut steps = dropped.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    steps.any(|step| {
        words
            .iter()
            .any(|word| step == *word || word.len() > 4 && step.contains(word))
    })
}

fn request(entry: &Entry, fields: &Value) -> Result<Outgoing, String> {
    let mut config = json!({"role": "provider", "dialect": entry.name});
    let all = config.as_object_mut().unwrap();
    all.extend(settings(entry.name).as_object().unwrap().clone());
    let config = match Config::parse(config.to_string().as_bytes()) {
        Ok(Config::Provider(config)) => config,
        other => panic!("{}: {other:?}", entry.name),
    };
    let mut body = json!({
        "model": entry.features.model,
        "messages": [{"role": "user", "content": "Hello."}],
    });
    let all = body.as_object_mut().unwrap();
    all.extend(fields.as_object().unwrap().clone());
    let body = body.to_string();
    let chat = Chat::parse(body.as_bytes()).unwrap();
    let dialect = config.speaks.chat().expect("a dialect of chat completions");
    dialect.request(&chat).map_err(|fault| fault.to_string())
}

#[test]
fn what_is_declared_is_what_becomes_of_a_request() {
    for entry in REGISTRY {
        assert!(!entry.features.model.is_empty(), "{}", entry.name);
        for (feature, support) in entry.features.list() {
            let (fields, words) = canonical(feature);
            let place = format!("{} {feature} {support:?}", entry.name);
            let got = request(entry, &fields);
            let lost = |sent: &Outgoing| sent.dropped.iter().any(|name| is_about(name, words));
            match support {
                Support::Yes => {
                    let sent = got.unwrap_or_else(|fault| panic!("{place}: {fault}"));
                    assert!(!lost(&sent), "{place}: dropped {:?}", sent.dropped);
                }
                Support::Partly(note) => {
                    assert!(!note.is_empty() && note.len() < 80, "{place}");
                    got.unwrap_or_else(|fault| panic!("{place}: {fault}"));
                }
                // Another provider's reasoning is left out, and nobody misses it.
                Support::No if feature == "signatures" => {}
                Support::No => assert!(
                    got.as_ref().is_err() || got.as_ref().is_ok_and(lost),
                    "{place}: is neither refused nor listed: {got:?}"
                ),
            }
        }
    }
}

#[test]
fn every_declared_feature_has_a_fixture() {
    let cases = fixtures::all();
    let mut missing = Vec::new();
    for entry in REGISTRY {
        // Other client APIs come to a dialect as chat requests.
        let own: Vec<_> = cases
            .iter()
            .filter(|c| c.dialect == entry.name && c.api == Api::Chat)
            .collect();
        for (feature, support) in entry.features.list() {
            let shown = own.iter().any(|case| shows(case, feature));
            if support != Support::No && !shown {
                missing.push(format!("{} {feature}", entry.name));
            }
        }
    }
    assert!(missing.is_empty(), "no fixture shows: {missing:#?}");
}

/// Whether a case that is answered uses the feature.
fn shows(case: &Case, feature: &str) -> bool {
    let client: Value = serde_json::from_slice(&case.client).unwrap();
    let sent = case.upstream_request["body"].to_string();
    let answer = case.client_answer.as_ref();
    let answer = answer.map_or(String::new(), |(bytes, _)| {
        String::from_utf8_lossy(bytes).into_owned()
    });
    if case.upstream_request.is_null() || case.client_status != 200 {
        return false;
    }
    let has_part = |kind: &str| {
        let messages = client["messages"].as_array().unwrap();
        let mut parts = messages
            .iter()
            .flat_map(|m| m["content"].as_array().into_iter().flatten());
        parts.any(|part| part["type"] == kind)
    };
    match feature {
        "tools" => client["tools"].is_array() && answer.contains("tool_calls"),
        "parallel_tools" => client["parallel_tool_calls"].is_boolean() || calls(&client) > 1,
        "tool_choice" => client["tool_choice"].is_object() || client["tool_choice"] == "required",
        "images" => has_part("image_url"),
        "pdfs" => has_part("file"),
        "json_schema" => client["response_format"]["type"] == "json_schema",
        "reasoning" => !client["reasoning_effort"].is_null() || answer.contains("\"reasoning"),
        "signatures" => returned(&client)
            .iter()
            .any(|secret| sent.contains(secret.as_str())),
        "cache_control" => client.to_string().contains("\"cache_control\""),
        "stream_usage" => {
            client["stream_options"]["include_usage"] == true
                && answer.contains("\"prompt_tokens\"")
        }
        field => !client[field].is_null(),
    }
}

/// The most calls in one turn of the history.
fn calls(client: &Value) -> usize {
    let messages = client["messages"].as_array().unwrap().iter();
    let counts = messages.map(|m| m["tool_calls"].as_array().map_or(0, Vec::len));
    counts.max().unwrap_or(0)
}

/// What the client gives back of the reasoning: the longer texts of it.
fn returned(client: &Value) -> Vec<String> {
    fn texts(value: &Value, out: &mut Vec<String>) {
        match value {
            Value::String(text) if text.len() >= 12 => out.push(text.clone()),
            Value::Array(items) => items.iter().for_each(|item| texts(item, out)),
            Value::Object(map) => map.values().for_each(|item| texts(item, out)),
            _ => {}
        }
    }
    let mut out = Vec::new();
    for message in client["messages"].as_array().unwrap() {
        for key in ["reasoning_details", "reasoning_content", "reasoning"] {
            texts(&message[key], &mut out);
        }
    }
    out
}

/// The table, one line per dialect; notes below it.
fn table() -> String {
    let names = Features::ALL.list().map(|(name, _)| format!("`{name}`"));
    let mut lines = vec![
        format!("| dialect | {} |", names.join(" | ")),
        format!("|---|{}", "---|".repeat(names.len())),
    ];
    let mut notes: Vec<&str> = Vec::new();
    for entry in REGISTRY {
        let cells = entry.features.list().map(|(_, support)| match support {
            Support::Yes => "yes".to_owned(),
            Support::No => "no".to_owned(),
            Support::Partly(note) => {
                let known = notes.iter().position(|there| *there == note);
                let at = known.unwrap_or_else(|| {
                    notes.push(note);
                    notes.len() - 1
                });
                format!("({})", at + 1)
            }
        });
        lines.push(format!("| `{}` | {} |", entry.name, cells.join(" | ")));
    }
    lines.push(String::new());
    let notes = notes.iter().enumerate();
    lines.extend(notes.map(|(at, note)| format!("{}. {note}", at + 1)));
    lines.join("\n") + "\n"
}

#[test]
fn the_readme_s_table_is_what_the_registry_declares() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let readme = std::fs::read_to_string(path).unwrap();
    let (before, rest) = readme.split_once(BEGIN).expect(BEGIN);
    let (written, after) = rest.split_once(END).expect(END);
    let want = format!("\n{}", table());
    if std::env::var_os("WRITE").is_some() {
        std::fs::write(path, format!("{before}{BEGIN}{want}{END}{after}")).unwrap();
        return;
    }
    assert_eq!(written, want, "run scripts/features.sh");
}

#[test]
fn a_dropped_name_is_about_a_feature_when_it_names_it() {
    assert!(is_about("tool_choice", &["tool_choice"]));
    assert!(is_about(
        "messages[2].content[0].cache_control",
        &["cache_control"]
    ));
    assert!(is_about("top_logprobs", &["logprobs"]));
    assert!(!is_about("presence_penalty", &["n"]));
    assert!(!is_about("tools[0].function.strict", &["tool_choice"]));
}
