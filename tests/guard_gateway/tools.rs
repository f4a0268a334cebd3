//! What tools of a provider have said, and the sources that an answer names.

use crate::{CHAT, MESSAGES, RESPONSES, ask, ask_of, events_of, said};
use serde_json::{Value, json};

/// What a provider's own tools have said: a card, and a placeholder.
const TOLD: &str = "[EMAIL_1] 4111111111111111";
const GETS: &str = "ann@example.com [CREDIT_CARD_1]";

fn blocks() -> Value {
    json!([
        {"type": "mcp_tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": TOLD}]},
        {"type": "code_execution_tool_result", "tool_use_id": "t",
            "content": {"type": "code_execution_result", "stdout": TOLD, "stderr": "", "return_code": 0}},
        {"type": "text", "text": "so", "citations": [{"type": "char_location", "cited_text": TOLD, "start_char_index": 4111111111111111_u64}]},
        {"type": "web_search_tool_result", "content": [{"type": "web_search_result", "title": TOLD,
            "url": "https://h.example/4111111111111111", "encrypted_content": "4111111111111111"}]},
    ])
}

fn items() -> Value {
    json!([
        {"id": "a", "type": "local_shell_call", "action": {"type": "exec", "command": ["echo", TOLD]}},
        {"id": "b", "type": "shell_call", "action": {"commands": ["ls", TOLD]}},
        {"id": "c", "type": "apply_patch_call", "operation": {"type": "create_file", "path": "p", "diff": TOLD}},
        {"id": "d", "type": "mcp_call", "arguments": "{}", "output": TOLD},
        {"id": "e", "type": "code_interpreter_call", "code": "", "outputs": [{"type": "logs", "logs": TOLD}]},
        {"id": "f", "type": "file_search_call", "results": [{"file_id": "4111111111111111", "text": TOLD}]},
        {"id": "g", "type": "shell_call_output", "output": [{"stdout": TOLD, "stderr": ""}]},
    ])
}

#[test]
fn what_tools_of_a_provider_have_said_is_guarded_and_gets_its_values_back() {
    for (path, key, list) in [
        (MESSAGES, "content", blocks()),
        (RESPONSES, "output", items()),
    ] {
        let answer = json!({"id": "m", "type": "message", key: list});
        let mut asked = ask(path, "I am ann@example.com", false);
        let got = asked.answer(&answer).text();
        assert_eq!(got, answer.to_string().replace(TOLD, GETS));
    }
    let event = |event: Value| format!("data: {event}\n\n");
    let citation = event(json!({"type": "content_block_delta", "index": 0,
        "delta": {"type": "citations_delta", "citation": {"type": "char_location", "cited_text": TOLD}}}));
    let got = ask(MESSAGES, "I am ann@example.com", true).stream(&citation, 1000);
    assert_eq!(got.text(), citation.replace(TOLD, GETS));
    for (name, whole) in [
        ("shell_call_command", "command"),
        ("apply_patch_call_operation_diff", "diff"),
        ("audio.transcript", "text"),
    ] {
        let (a, b) = TOLD.split_at(15);
        let say = |step: &str, key: &str, text: &str| {
            event(
                json!({"type": format!("response.{name}.{step}"), "output_index": 1, "command_index": 0, key: text}),
            )
        };
        let first = if name == "shell_call_command" {
            say("added", whole, a)
        } else {
            say("delta", "delta", a)
        };
        let events = [first, say("delta", "delta", b), say("done", whole, TOLD)];
        let got = ask(RESPONSES, "I am ann@example.com", true).stream(&events.concat(), 1000);
        let got = events_of(&got.text());
        let text = |event: &Value| {
            [whole, "delta"]
                .map(|key| event[key].as_str().unwrap_or_default().to_owned())
                .concat()
        };
        let (last, deltas) = got.split_last().unwrap();
        assert_eq!(deltas.iter().map(text).collect::<String>(), GETS, "{name}");
        assert_eq!(text(last), GETS, "{name}");
    }
}

#[test]
fn the_sources_that_an_answer_names_are_looked_at_and_get_their_values_back() {
    let guards = json!([
        {"name": "mail", "detect": ["EMAIL_ADDRESS"], "action": "restore"},
        {"name": "cards", "detect": ["CREDIT_CARD"], "on": "output", "action": "mask"},
        {"name": "links", "links": ["good.example"], "action": "mask"},
    ]);
    let long = "https://evil.example/?q=aGVsbG8gd29ybGQgdGhpcyBpcyBzZWNyZXQ";
    let source = |url: &str, title: &str| json!({"url": url, "title": title, "start_index": 0, "end_index": 5});
    let sources = |of: &dyn Fn(Value) -> Value, urls: [&str; 2], titles: [&str; 2]| {
        let all = urls.into_iter().zip(titles);
        all.map(|(url, title)| of(source(url, title)))
            .collect::<Vec<_>>()
    };
    let urls = [
        long,
        "https://good.example/?q=aGVsbG8gd29ybGQgdGhpcyBpcyBzZWNyZXQ",
    ];
    let titles = ["of [EMAIL_1]", "card 4111 1111 1111 1111"];
    let (new_urls, new_titles) = (
        ["[LINK_1]", urls[1]],
        ["of ann@example.com", "card [CREDIT_CARD_1]"],
    );
    let chat = |source: Value| json!({"type": "url_citation", "url_citation": source});
    let flat = |mut source: Value| {
        source["type"] = json!("url_citation");
        source
    };
    let asked = |path, stream| ask_of(&guards, path, &said(path, "I am ann@example.com", stream));

    let message = |annotations: &Value| json!({"choices": [{"index": 0, "message": {"content": "See.", "annotations": annotations}}]});
    let before = json!(sources(&chat, urls, titles));
    let after = json!(sources(&chat, new_urls, new_titles));
    let got = asked(CHAT, false).answer(&message(&before)).text();
    assert_eq!(got, message(&after).to_string());
    let chunk = |annotations: &Value| json!({"choices": [{"index": 0, "delta": {"annotations": annotations}}]});
    let stream = format!("data: {}\n\n", chunk(&before));
    let got = asked(CHAT, true).stream(&stream, 1000).text();
    assert_eq!(events_of(&got), [chunk(&after)]);

    let block = |citations: &Value| json!({"type": "message", "content": [{"type": "text", "text": "See.", "citations": citations}]});
    let delta = |citation: &Value| json!({"type": "content_block_delta", "index": 0, "delta": {"type": "citations_delta", "citation": citation}});
    let before = json!(sources(&flat, urls, titles));
    let after = json!(sources(&flat, new_urls, new_titles));
    let got = asked(MESSAGES, false).answer(&block(&before)).text();
    assert_eq!(got, block(&after).to_string());
    let stream = format!("data: {}\n\n", delta(&before[0]));
    let got = asked(MESSAGES, true).stream(&stream, 1000).text();
    assert_eq!(events_of(&got), [delta(&after[0])]);

    let before = sources(&flat, urls, titles);
    let after = sources(&flat, new_urls, new_titles);
    let part = |annotations: &[Value]| json!({"type": "output_text", "text": "See.", "annotations": annotations});
    let item = |annotations: &[Value]| json!({"id": "msg", "type": "message", "content": [part(annotations)]});
    let response = |annotations: &[Value]| json!({"id": "r", "output": [item(annotations)]});
    let got = asked(RESPONSES, false).answer(&response(&before)).text();
    assert_eq!(got, response(&after).to_string());
    let events = |annotations: &[Value]| {
        let added = annotations.iter().enumerate().map(|(place, annotation)| {
            json!({"type": "response.output_text.annotation.added", "item_id": "msg", "output_index": 0,
                "content_index": 0, "annotation_index": place, "annotation": annotation})
        });
        let mut all: Vec<Value> = added.collect();
        all.push(json!({"type": "response.content_part.done", "output_index": 0, "content_index": 0, "part": part(annotations)}));
        all.push(json!({"type": "response.output_item.done", "output_index": 0, "item": item(annotations)}));
        all.push(json!({"type": "response.completed", "response": response(annotations)}));
        all
    };
    let stream = events(&before)
        .iter()
        .map(|event| format!("data: {event}\n\n"))
        .collect::<String>();
    let mut streamed = asked(RESPONSES, true);
    let got = streamed.stream(&stream, 1000).text();
    assert_eq!(events_of(&got), events(&after));
    assert_eq!(
        streamed.record()[2].as_deref(),
        Some("mail:restore=1,cards:mask=1,links:mask=1")
    );
}
