//! Whole requests, counted: by the published formula, row by row, and what each client's language adds.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use envoy_llm_gateway::{
    api::client::{Api, Asked},
    tokens::{
        Encoding,
        chat::{Count, Counter, count},
        family::{Class, Family},
    },
};
use serde_json::{Value, json};

fn counted(api: Api, model: &str, body: &Value) -> Count {
    let mut body = body.clone();
    body["model"] = json!(model);
    let text = body.to_string();
    count(&Asked::parse(api, text.as_bytes()).unwrap(), model)
}

fn chat(model: &str, messages: Value) -> Count {
    counted(Api::Chat, model, &json!({"messages": messages}))
}

fn user(content: Value) -> Value {
    json!([{"role": "user", "content": content}])
}

fn o200k(text: &str) -> u64 {
    Encoding::O200kBase.count(text)
}

#[test]
fn every_row_is_counted_as_the_published_formula_says() {
    let rows = include_str!("fixtures/tokens/chat_tokens.jsonl").lines();
    let mut seen = 0;
    for row in rows {
        let row: Value = serde_json::from_str(row).unwrap();
        let mut body = json!({"model": "m", "messages": row["messages"]});
        if row["tools"].is_array() {
            body["tools"] = row["tools"].clone();
        }
        let text = body.to_string();
        let asked = Asked::parse(Api::Chat, text.as_bytes()).unwrap();
        let encoding = Encoding::named(row["encoding"].as_str().unwrap()).unwrap();
        let family = Family::of_encoding(encoding);
        let got = Counter::new(&asked).count_as(&family);
        assert_eq!(got.tokens, row["count"].as_u64().unwrap(), "{}", row["id"]);
        let model = match encoding {
            Encoding::O200kBase => "gpt-4o-mini-2024-07-18",
            Encoding::Cl100kBase => "gpt-4-0613",
        };
        assert_eq!(count(&asked, model).tokens, got.tokens, "{}", row["id"]);
        let class = if row["tools"].is_array() {
            Class::Calibrated
        } else {
            Class::Exact
        };
        assert_eq!(
            (got.class, got.encoding),
            (class, encoding),
            "{}",
            row["id"]
        );
        seen += 1;
    }
    assert!(seen > 20, "{seen}");
}

#[test]
fn tools_cost_what_openai_s_own_example_reports() {
    let body = json!({
        "messages": [
            {"role": "system", "content": "You are a helpful assistant that can answer to questions about the weather."},
            {"role": "user", "content": "What's the weather like in San Francisco?"},
        ],
        "tools": [{"type": "function", "function": {
            "name": "get_current_weather",
            "description": "Get the current weather in a given location.",
            "parameters": {"type": "object", "properties": {
                "location": {"type": "string", "description": "The city and state, e.g. San Francisco, CA"},
                "unit": {"type": "string", "description": "The unit of temperature to return.", "enum": ["celsius", "fahrenheit"]},
            }, "required": ["location"]},
        }}],
    });
    // The API's own numbers, as the cookbook prints them.
    assert_eq!(counted(Api::Chat, "gpt-4o", &body).tokens, 101);
    assert_eq!(counted(Api::Chat, "gpt-4", &body).tokens, 105);
    let mut old = body.clone();
    old["functions"] = json!([body["tools"][0]["function"]]);
    old.as_object_mut().unwrap().remove("tools");
    assert_eq!(counted(Api::Chat, "gpt-4o", &old).tokens, 101);
}

#[test]
fn reasoning_models_report_one_token_less() {
    // Recorded: "What is the capital of France?" is 14 with gpt-4o and gpt-4.1, 13 with o3-mini and gpt-5.
    let question = user(json!("What is the capital of France?"));
    for (model, want) in [
        ("gpt-4o", 14),
        ("gpt-4.1", 14),
        ("o3-mini", 13),
        ("gpt-5", 13),
    ] {
        let got = chat(model, question.clone());
        assert_eq!((got.tokens, got.class), (want, Class::Exact), "{model}");
    }
}

#[test]
fn escapes_count_as_what_they_mean() {
    let body = r#"{"model":"gpt-4o","messages":[{"role":"user","content":"caf\u00e9 \ud83d\ude00\n\"quoted\""}]}"#;
    let asked = Asked::parse(Api::Chat, body.as_bytes()).unwrap();
    let want = 7 + o200k("caf\u{e9} \u{1f600}\n\"quoted\"");
    assert_eq!(count(&asked, "gpt-4o").tokens, want);
    // A long string is read in pieces; where they end makes no difference.
    let long = "line \u{e9}\u{1f600} of text\n".repeat(9000);
    let got = chat("gpt-4o", user(json!(long)));
    assert_eq!((got.tokens, got.class), (7 + o200k(&long), Class::Exact));
}

#[test]
fn the_same_conversation_costs_the_same_in_every_language() {
    let said = "Tell me a story about a lighthouse keeper.";
    let system = "Answer in one sentence.";
    let want = chat(
        "gpt-4o",
        json!([{"role": "system", "content": system}, {"role": "user", "content": said}]),
    );
    let responses = json!({"instructions": system, "input": said});
    assert_eq!(counted(Api::Responses, "gpt-4o", &responses), want);
    let items = json!({"instructions": system, "input": [
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": said}]},
    ]});
    assert_eq!(counted(Api::Responses, "gpt-4o", &items), want);
    let parts = json!([
        {"role": "system", "content": [{"type": "text", "text": system}]},
        {"role": "user", "content": [{"type": "text", "text": said}]},
    ]);
    assert_eq!(chat("gpt-4o", parts), want);
    let claude = |api, body: &Value| counted(api, "claude-sonnet-4-5", body);
    let blocks =
        json!({"system": [{"type": "text", "text": system}], "messages": user(json!(said))});
    let text = json!({"system": system, "messages": user(json!([{"type": "text", "text": said}]))});
    assert_eq!(
        claude(Api::Messages, &blocks),
        claude(Api::CountTokens, &text)
    );
}

#[test]
fn other_families_are_calibrated_and_unknown_models_estimated() {
    let text = "The quick brown fox jumps over the lazy dog. ".repeat(100);
    let tokens = o200k(&text);
    for (model, per_mille, around, class) in [
        ("claude-sonnet-4-5", 1260, 7, Class::Calibrated),
        ("claude-opus-4-8", 1650, 7, Class::Calibrated),
        ("gemini-2.5-pro", 1130, 0, Class::Calibrated),
        ("meta-llama/llama-3.3-70b", 1000, 35, Class::Calibrated),
        ("mistral-large-latest", 1060, 4, Class::Calibrated),
        ("deepseek-chat", 1075, 5, Class::Calibrated),
        ("somebody/something", 1000, 7, Class::Estimate),
    ] {
        let got = chat(model, user(json!(text)));
        let want = (tokens * per_mille).div_ceil(1000) + around;
        assert_eq!((got.tokens, got.class), (want, class), "{model}");
    }
}

/// A PNG's header, which is all that is looked at.
fn png(width: u32, height: u32) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let start = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".as_slice();
    let size = [width.to_be_bytes(), height.to_be_bytes()].concat();
    STANDARD.encode([start, &size, &[8; 5000]].concat())
}

#[test]
fn an_image_costs_by_its_size_and_not_by_its_bytes() {
    let data = format!("data:image/png;base64,{}", png(1024, 1024));
    let of = |url: &str, detail: &str| {
        user(json!([{"type": "image_url", "image_url": {"url": url, "detail": detail}}]))
    };
    for (model, detail, want, class) in [
        ("gpt-4o", "high", 765, Class::Calibrated),
        ("gpt-4o", "low", 85, Class::Calibrated),
        ("gpt-4o-mini", "high", 2833 + 4 * 5667, Class::Calibrated),
        ("gpt-4.1-mini", "auto", 1659, Class::Calibrated),
        ("o1", "auto", 75 + 4 * 150, Class::Calibrated),
        ("gpt-5", "auto", 70 + 4 * 140, Class::Calibrated),
    ] {
        let got = chat(model, of(&data, detail));
        let text = chat(model, user(json!("")));
        assert_eq!(got.tokens - text.tokens, want, "{model} {detail}");
        assert_eq!(got.class, class, "{model} {detail}");
    }
    let far = chat("gpt-4o", of("https://example.com/cat.png", "auto"));
    assert_eq!((far.tokens, far.class), (7 + 765, Class::Estimate));
    // The same image in the other languages.
    let block = json!({"messages": user(json!([{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": png(1024, 1024)}}]))});
    let got = counted(Api::Messages, "claude-sonnet-4-5", &block);
    assert_eq!((got.tokens, got.class), (7 + 1369, Class::Calibrated));
    let item = json!({"input": [{"role": "user", "content": [{"type": "input_image", "image_url": data, "detail": "high"}]}]});
    assert_eq!(counted(Api::Responses, "gpt-4o", &item).tokens, 7 + 765);
}

#[test]
fn documents_and_sound_are_estimates() {
    let data = "JVBERi0x".repeat(20_000); // 120 000 bytes of a PDF that does not tell its pages
    let file = json!([{"type": "file", "file": {"filename": "a.pdf", "file_data": format!("data:application/pdf;base64,{data}")}}]);
    let got = chat("gpt-4o", user(file));
    assert_eq!((got.tokens, got.class), (7 + 3 * 1100, Class::Estimate));
    let document = json!({"messages": user(json!([{"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": data}}]))});
    let got = counted(Api::Messages, "claude-sonnet-4-5", &document);
    assert_eq!((got.tokens, got.class), (7 + 3 * 2100, Class::Estimate));
    let text = json!({"messages": user(json!([{"type": "document", "source": {"type": "text", "data": "plain words"}}]))});
    let got = counted(Api::Messages, "gpt-4o", &text);
    assert_eq!(
        (got.tokens, got.class),
        (7 + o200k("plain words"), Class::Exact)
    );
    let sound = json!([{"type": "input_audio", "input_audio": {"data": "AAAA".repeat(40_000), "format": "mp3"}}]);
    let got = chat("gemini-2.5-flash", user(sound));
    assert_eq!((got.tokens, got.class), (32 * 8, Class::Estimate));
}

#[test]
fn calls_and_their_results_are_counted() {
    let arguments = r#"{"city":"Paris"}"#;
    let messages = json!([
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "content": null, "tool_calls": [{"id": "call_with_a_long_id", "type": "function", "function": {"name": "weather", "arguments": arguments}}]},
        {"role": "tool", "tool_call_id": "call_with_a_long_id", "content": "sunny"},
    ]);
    let got = chat("gpt-4o", messages);
    let said = [
        "user",
        "assistant",
        "tool",
        "Weather?",
        "weather",
        arguments,
        "sunny",
    ];
    let want = 3 + 3 * 3 + 8 + said.map(o200k).iter().sum::<u64>();
    assert_eq!((got.tokens, got.class), (want, Class::Calibrated));
    let items = json!({"input": [
        {"role": "user", "content": "Weather?"},
        {"type": "function_call", "call_id": "c", "name": "weather", "arguments": arguments},
        {"type": "function_call_output", "call_id": "c", "output": "sunny"},
    ]});
    // No message of its own for the call.
    let got = counted(Api::Responses, "gpt-4o", &items);
    assert_eq!(got.tokens, want - 3 - o200k("assistant"));
    let blocks = json!({"messages": [
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "weather", "input": {"city": "Paris"}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "sunny"}]}]},
    ], "max_tokens": 5});
    let got = counted(Api::Messages, "claude-sonnet-4-5", &blocks);
    let text = o200k("weather") + o200k(arguments) + o200k("sunny");
    assert_eq!(got.tokens, 2 + 2 * 5 + 20 + (text * 1260).div_ceil(1000));
}

#[test]
fn texts_without_turns_have_no_frame() {
    let of = |api, key: &str, value: Value| {
        let got = counted(api, "text-embedding-3-small", &json!({key: value}));
        (got.tokens, got.class)
    };
    let cl100k = |text: &str| Encoding::Cl100kBase.count(text);
    let two = cl100k("one text") + cl100k("and another one");
    let list = json!(["one text", "and another one"]);
    assert_eq!(
        of(Api::Embeddings, "input", list.clone()),
        (two, Class::Exact)
    );
    assert_eq!(
        of(Api::Embeddings, "input", json!([[1, 2, 3], [4]])),
        (4, Class::Exact)
    );
    assert_eq!(of(Api::Completions, "prompt", list), (two, Class::Exact));
}

#[test]
fn what_is_not_understood_is_an_estimate_and_never_a_refusal() {
    for messages in [
        json!([{"role": "user", "content": [{"type": "hologram", "light": "blue and green"}]}]),
        json!([{"role": "user", "content": {"odd": "object"}}]),
        json!([{"role": 7, "content": 8}]),
        json!(["text"]),
        json!([{"role": "user", "content": [[["deep"]]]}]),
    ] {
        let got = chat("gpt-4o", messages.clone());
        assert!(got.tokens < 100, "{messages}: {got:?}");
    }
    let odd = chat(
        "gpt-4o",
        user(json!([{"type": "hologram", "light": "blue"}])),
    );
    assert_eq!(odd.class, Class::Estimate);
    assert!(odd.tokens > 10, "{odd:?}");
    let data = chat(
        "gpt-4o",
        user(json!([{"type": "hologram", "data": "A".repeat(100_000)}])),
    );
    assert!(data.tokens < 5000, "data is not text: {data:?}");
    let stored = json!({"input": "more", "previous_response_id": "resp_1"});
    assert_eq!(
        counted(Api::Responses, "gpt-5", &stored).class,
        Class::Estimate
    );
}

#[test]
fn a_very_long_text_is_extrapolated() {
    let text = "All work and no play makes Jack a dull boy. ".repeat(200_000); // 8.8 MB
    let got = chat("gpt-4o", user(json!(text)));
    assert_eq!(got.class, Class::Estimate);
    let want = 200_000 * 11;
    assert!(got.tokens.abs_diff(want) < want / 50, "{got:?}");
}

fn completion(prompt: &str) -> Count {
    let text = format!(r#"{{"model":"gpt-4o","prompt":{prompt}}}"#);
    count(
        &Asked::parse(Api::Completions, text.as_bytes()).unwrap(),
        "gpt-4o",
    )
}

#[test]
fn what_an_attacker_stacks_or_repeats_is_judged_by_its_size() {
    assert_eq!(completion("[[1,2],[3],\"a\"]").tokens, 4);
    assert_eq!(completion("[[1,2],[3]]").class, Class::Exact);
    assert_eq!(completion("[[[1]]]").class, Class::Estimate);
    // More text than is counted, in pieces that each could be.
    let line = format!("\"{}\"", "a word and another\\n".repeat(5000));
    let texts = |n| completion(&format!("[{}]", vec![line.as_str(); n].join(",")));
    assert_eq!(texts(10).class, Class::Exact);
    assert_eq!(texts(60).class, Class::Estimate);
    let part = r#"{"type":"text","text":"a"}"#;
    let parts = |n| {
        let parts = vec![part; n].join(",");
        let text =
            format!(r#"{{"model":"gpt-4o","messages":[{{"role":"user","content":[{parts}]}}]}}"#);
        count(&Asked::parse(Api::Chat, text.as_bytes()).unwrap(), "gpt-4o")
    };
    let (all, more) = (parts(49_999), parts(50_099));
    assert_eq!((all.class, more.class), (Class::Exact, Class::Estimate));
    assert_eq!(more.tokens - all.tokens, 100 * (part.len() as u64 / 4));
}

#[test]
fn a_tool_as_long_as_a_book_is_text() {
    let tool = |size: usize| {
        let tool = json!({"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {
            "a": {"type": "string", "description": "word ".repeat(size)}}}}});
        let with = |tools: Value| {
            counted(
                Api::Chat,
                "gpt-4o",
                &json!({"messages": user(json!("a")), "tools": tools}),
            )
            .tokens
        };
        let none = with(json!([]));
        with(json!([tool])) - none - 19 - o200k(&tool.to_string())
    };
    assert_eq!(tool(60_000), 0);
}

#[test]
fn every_property_of_a_tool_counts_however_many_there_are() {
    let with = |count: usize| {
        let fields = (0..count).map(|n| (format!("a{n}"), json!({"type": "string"})));
        let fields: serde_json::Map<_, _> = fields.collect();
        let tool = json!({"type": "function", "function": {"name": "f",
            "parameters": {"type": "object", "properties": fields}}});
        let body = json!({"messages": user(json!("a")), "tools": [tool]});
        counted(Api::Chat, "gpt-4o", &body).tokens
    };
    assert_eq!(with(301) - with(300), with(201) - with(200));
}
