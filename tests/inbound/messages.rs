//! Requests in Anthropic's Messages API.

use crate::{ALL, NONE, read};
use envoy_llm_gateway::api::{chat::Extensions, messages};
use serde_json::{Value, json};

/// A Messages request with one user message and these fields.
fn message(fields: Value) -> Value {
    let mut body = json!({"model": "asked", "max_tokens": 64, "messages": [{"role": "user", "content": "hi"}]});
    body.as_object_mut()
        .unwrap()
        .extend(fields.as_object().unwrap().clone());
    body
}

/// What a Messages request adds to the plain chat request.
fn adds(fields: Value, takes: Extensions) -> (Value, Vec<String>) {
    let (mut chat, dropped) = read(messages::read, &message(fields), takes).unwrap();
    let fields = chat.as_object_mut().unwrap();
    assert_eq!(fields.remove("max_completion_tokens"), Some(json!(64)));
    assert_eq!(
        fields.remove("messages"),
        Some(json!([{"role": "user", "content": "hi"}]))
    );
    (chat, dropped)
}

#[test]
fn the_parameters_of_a_message_get_their_openai_names() {
    let closed = json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": false});
    let tools = json!([{"name": "f", "input_schema": {}}]);
    let made = json!([{"type": "function", "function": {"name": "f", "parameters": {}}}]);
    let cases = [
        (
            json!({"stop_sequences": ["a"], "temperature": 0.5, "top_p": 0.9, "stream": true}),
            json!({"stop": ["a"], "temperature": 0.5, "top_p": 0.9, "stream": true}),
        ),
        (
            json!({"stop_sequences": [], "stream": false, "temperature": null}),
            json!({}),
        ),
        (
            json!({"metadata": {"user_id": "u"}, "service_tier": "standard_only"}),
            json!({"user": "u", "service_tier": "default"}),
        ),
        (
            json!({"thinking": {"type": "enabled", "budget_tokens": 1024}}),
            json!({"reasoning_effort": "low"}),
        ),
        (
            json!({"thinking": {"type": "enabled", "budget_tokens": 8192}}),
            json!({"reasoning_effort": "medium"}),
        ),
        (
            json!({"thinking": {"type": "enabled", "budget_tokens": 31999}}),
            json!({"reasoning_effort": "high"}),
        ),
        (json!({"thinking": {"type": "adaptive"}}), json!({})),
        (
            json!({"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}}),
            json!({"reasoning_effort": "max"}),
        ),
        (
            json!({"thinking": {"type": "enabled", "budget_tokens": 31999}, "output_config": {"effort": "low"}}),
            json!({"reasoning_effort": "low"}),
        ),
        (
            json!({"tools": tools, "tool_choice": {"type": "auto"}}),
            json!({"tools": made, "tool_choice": "auto"}),
        ),
        (
            json!({"tools": tools, "tool_choice": {"type": "any", "disable_parallel_tool_use": true}}),
            json!({"tools": made, "tool_choice": "required", "parallel_tool_calls": false}),
        ),
        (
            json!({"tools": tools, "tool_choice": {"type": "none"}}),
            json!({"tools": made, "tool_choice": "none"}),
        ),
        (
            json!({"tool_choice": {"type": "auto", "disable_parallel_tool_use": true}}),
            json!({}),
        ),
        (json!({"tool_choice": {"type": "none"}}), json!({})),
        // No host can do it; each says so itself.
        (
            json!({"tool_choice": {"type": "any", "disable_parallel_tool_use": true}}),
            json!({"tool_choice": "required"}),
        ),
        (
            json!({"tool_choice": {"type": "tool", "name": "f"}}),
            json!({"tool_choice": {"type": "function", "function": {"name": "f"}}}),
        ),
        (
            json!({"tools": [{"name": "f", "description": "d", "input_schema": closed, "strict": true}, {"type": "custom", "name": "g", "input_schema": {}}]}),
            json!({"tools": [{"type": "function", "function": {"name": "f", "description": "d", "parameters": closed, "strict": true}},
                          {"type": "function", "function": {"name": "g", "parameters": {}}}]}),
        ),
    ];
    for (fields, want) in cases {
        assert_eq!(
            adds(fields.clone(), ALL),
            (want.clone(), vec![]),
            "{fields}"
        );
        assert_eq!(adds(fields.clone(), NONE), (want, vec![]), "{fields}");
    }
}

#[test]
fn what_the_dialect_does_not_take_is_left_out_and_listed() {
    assert_eq!(
        adds(json!({"top_k": 5}), ALL),
        (json!({"top_k": 5}), vec![])
    );
    assert_eq!(
        adds(json!({"top_k": 5}), NONE),
        (json!({}), vec!["top_k".into()])
    );
    let off = json!({"thinking": {"type": "disabled"}});
    assert_eq!(
        adds(off.clone(), ALL).0,
        json!({"reasoning_effort": "none"})
    );
    assert_eq!(adds(off, NONE).0, json!({}));
    for kind in ["disabled", "between_tools"] {
        let off = json!({"thinking": {"type": kind}, "output_config": {"effort": "high"}});
        let lost = vec!["output_config.effort".to_owned()];
        let none = json!({"reasoning_effort": "none"});
        assert_eq!(adds(off.clone(), ALL), (none, lost.clone()), "{kind}");
        assert_eq!(adds(off, NONE), (json!({}), lost), "{kind}");
    }
    let native = Extensions {
        thinking: true,
        ..ALL
    };
    let thinking = json!({"thinking": {"type": "enabled", "budget_tokens": 3000}});
    assert_eq!(adds(thinking.clone(), native).0, thinking);
    let long = "u".repeat(65);
    assert_eq!(
        adds(
            json!({"metadata": {"user_id": long}, "inference_geo": "eu", "speed": null}),
            ALL
        ),
        (
            json!({}),
            vec!["inference_geo".into(), "metadata.user_id".into()]
        )
    );
    let tool = json!({"name": "f", "input_schema": {}, "cache_control": {"type": "ephemeral"}, "input_examples": [{}]});
    let (chat, dropped) = adds(json!({"tools": [tool]}), NONE);
    assert_eq!(chat["tools"][0].get("cache_control"), None);
    assert_eq!(dropped, ["tools[].input_examples", "cache_control"]);
}

#[test]
fn a_schema_is_enforced_only_where_it_can_be() {
    let strict = |schema: Value| {
        let format = json!({"type": "json_schema", "schema": schema});
        let (chat, _) = adds(json!({"output_config": {"format": format}}), ALL);
        assert_eq!(chat["response_format"]["json_schema"]["schema"], schema);
        assert_eq!(adds(json!({"output_format": format}), ALL).0, chat);
        chat["response_format"]["json_schema"]["strict"].clone()
    };
    let closed = json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": false});
    assert_eq!(strict(closed.clone()), json!(true));
    assert_eq!(
        strict(json!({"type": "array", "items": closed})),
        json!(true)
    );
    assert_eq!(
        strict(json!({"type": "object", "properties": {"a": {}}, "additionalProperties": false})),
        json!(false)
    );
    assert_eq!(
        strict(json!({"type": "object", "properties": {"a": {}}, "required": ["a"]})),
        json!(false)
    );
}

#[test]
fn a_strict_tool_stays_strict_where_its_schema_can_be_enforced() {
    let strict = |schema: &Value, takes| {
        let tool = json!({"name": "f", "strict": true, "input_schema": schema});
        let (chat, dropped) = adds(json!({"tools": [tool]}), takes);
        (chat["tools"][0]["function"]["strict"].clone(), dropped)
    };
    let lost = || vec!["tools[].strict".to_owned()];
    let closed = json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": false});
    assert_eq!(strict(&closed, NONE), (json!(true), vec![]));
    for open in [
        json!({"type": "object", "properties": {"a": {}, "b": {}}, "required": ["a"], "additionalProperties": false}),
        json!({"type": "object", "properties": {"a": {}}, "required": ["a"]}),
        json!({"type": "object"}),
        json!({"type": ["object", "null"]}),
        json!({"type": "object", "properties": {"a": {"type": "object"}}, "required": ["a"], "additionalProperties": false}),
    ] {
        assert_eq!(strict(&open, NONE), (Value::Null, lost()), "{open}");
        assert_eq!(strict(&open, ALL), (json!(true), vec![]), "{open}");
    }
}

#[test]
fn more_stop_sequences_than_openai_takes_are_refused_there_and_only_there() {
    let body = |stops: Value| message(json!({"stop_sequences": stops}));
    let five = body(json!(["a", "b", "c", "d", "e"]));
    assert_eq!(
        read(messages::read, &five, Extensions::OPENAI).unwrap_err(),
        "`stop_sequences` must hold 4 at most: this model's provider takes no more."
    );
    for takes in [NONE, ALL] {
        assert!(read(messages::read, &five, takes).is_ok());
    }
    let four = body(json!(["a", "b", "c", "d"]));
    assert!(read(messages::read, &four, Extensions::OPENAI).is_ok());
}

#[test]
fn a_tool_s_failure_is_told_where_it_can_be() {
    let turns = json!([{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "is_error": true, "content": "no"}]}]);
    let tells = Extensions {
        errors: true,
        ..ALL
    };
    let want = json!([{"role": "tool", "tool_call_id": "t", "content": "no", "is_error": true}]);
    assert_eq!(talk(json!(null), turns, tells), (want, vec![]));
}

/// The messages that a Messages request becomes.
pub(crate) fn talk(system: Value, turns: Value, takes: Extensions) -> (Value, Vec<String>) {
    let body = json!({"model": "asked", "max_tokens": 64, "system": system, "messages": turns});
    let (chat, dropped) = read(messages::read, &body, takes).unwrap();
    (chat["messages"].clone(), dropped)
}

#[test]
fn system_prompts_come_first_and_keep_their_marks_where_they_are_read() {
    let mark = json!({"type": "ephemeral"});
    let system = json!([{"type": "text", "text": "a"}, {"type": "text", "text": "b", "cache_control": mark}]);
    let hi = json!([{"role": "user", "content": "hi"}]);
    assert_eq!(
        talk(system.clone(), hi.clone(), ALL),
        (
            json!([{"role": "system", "content": system}, {"role": "user", "content": "hi"}]),
            vec![]
        )
    );
    assert_eq!(
        talk(system, hi.clone(), NONE),
        (
            json!([{"role": "system", "content": "a\nb"}, {"role": "user", "content": "hi"}]),
            vec!["cache_control".into()]
        )
    );
    assert_eq!(
        talk(json!("s"), hi.clone(), NONE).0[0],
        json!({"role": "system", "content": "s"})
    );
    assert_eq!(talk(json!(""), hi.clone(), NONE).0, hi);
    let late = json!([{"role": "user", "content": "hi"}, {"role": "system", "content": "now"}]);
    assert_eq!(talk(json!(null), late.clone(), NONE).0, late);
}

#[test]
fn a_conversation_with_tools_images_and_reasoning_is_carried() {
    let turns = json!([
        {"role": "user", "content": [
            {"type": "text", "text": "look"},
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBO"}},
            {"type": "image", "source": {"type": "url", "url": "https://a/b.png"}},
            {"type": "document", "title": "T", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBE"}},
            {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "words"}}]},
        {"role": "assistant", "content": [
            {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
            {"type": "redacted_thinking", "data": "ZGF0"},
            {"type": "text", "text": "I "}, {"type": "text", "text": "call"},
            {"type": "tool_use", "id": "t1", "name": "f", "input": {"n": 9007199254740993_u64}},
            {"type": "tool_use", "id": "t2", "name": "g", "input": {}}]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "t1", "content": "one"},
            {"type": "tool_result", "tool_use_id": "t2", "is_error": true, "content": [
                {"type": "text", "text": "two"},
                {"type": "image", "source": {"type": "url", "url": "https://a/c.png"}}]},
            {"type": "text", "text": "and?"}]}]);
    let assistant = |more: Value| {
        let mut message = json!({"role": "assistant", "content": "I call", "tool_calls": [
            {"id": "t1", "type": "function", "function": {"name": "f", "arguments": "{\"n\":9007199254740993}"}},
            {"id": "t2", "type": "function", "function": {"name": "g", "arguments": "{}"}}]});
        message
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        message
    };
    let first = json!({"role": "user", "content": [
        {"type": "text", "text": "look"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBO"}},
        {"type": "image_url", "image_url": {"url": "https://a/b.png"}},
        {"type": "file", "file": {"filename": "T", "file_data": "data:application/pdf;base64,JVBE"}},
        {"type": "text", "text": "words"}]});
    let image = json!({"type": "image_url", "image_url": {"url": "https://a/c.png"}});
    let is_error = "messages[].content[].is_error".to_owned();
    assert_eq!(
        talk(json!(null), turns.clone(), ALL),
        (
            json!([first,
                assistant(json!({"reasoning_content": "hm", "reasoning_details": [
                    {"provider": "anthropic", "type": "thinking", "thinking": "hm", "signature": "c2ln"},
                    {"provider": "anthropic", "type": "redacted_thinking", "data": "ZGF0"}]})),
                {"role": "tool", "tool_call_id": "t1", "content": "one"},
                {"role": "tool", "tool_call_id": "t2", "content": [{"type": "text", "text": "two"}, image]},
                {"role": "user", "content": "and?"}]),
            vec![is_error.clone()]
        )
    );
    assert_eq!(
        talk(json!(null), turns, NONE),
        (
            json!([first,
                assistant(json!({})),
                {"role": "tool", "tool_call_id": "t1", "content": "one"},
                {"role": "tool", "tool_call_id": "t2", "content": "two"},
                {"role": "user", "content": [
                    {"type": "text", "text": "What the tool call t2 returned:"}, image,
                    {"type": "text", "text": "and?"}]}]),
            vec!["messages[].content[].thinking".into(), is_error]
        )
    );
}

#[test]
fn a_wrong_or_foreign_field_of_a_message_is_named() {
    let block = |block: Value| json!({"messages": [{"role": "user", "content": [block]}]});
    let cases = [
        (
            json!({"messages": []}),
            "`messages` must hold at least one message.",
        ),
        (
            json!({"messages": [{"role": "bot", "content": "x"}]}),
            "`messages[0].role` must be user, assistant or system.",
        ),
        (
            json!({"messages": [{"role": "user"}]}),
            "`messages[0].content` is required.",
        ),
        (
            json!({"messages": [{"role": "user", "content": 7}]}),
            "`messages[0].content` must be a string or a list of blocks.",
        ),
        (
            block(json!({"type": "text"})),
            "`messages[0].content[0].text` is required.",
        ),
        (
            block(json!({"type": "video"})),
            "`messages[0].content[0].type` must be text, image, document, search_result or tool_result.",
        ),
        (
            block(json!({"type": "tool_result"})),
            "`messages[0].content[0].tool_use_id` is required.",
        ),
        (
            block(json!({"type": "image", "source": {"type": "file", "file_id": "f"}})),
            "`messages[0].content[0].source.file_id` names an upload that this model's provider does not know; send the data itself.",
        ),
        (
            block(json!({"type": "document", "source": {"type": "url", "url": "https://a"}})),
            "`messages[0].content[0].source.url` is an address, which this model's provider does not fetch documents from; send the data itself.",
        ),
        (
            json!({"messages": [{"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "f", "input": "{}"}]}]}),
            "`messages[0].content[0].input` must be an object.",
        ),
        (
            json!({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}),
            "`tools[0].type` \"web_search_20250305\" is a tool of Anthropic's own, which this model's provider does not have; declare a tool with `name` and `input_schema` instead.",
        ),
        (
            json!({"tools": [{"name": "f"}]}),
            "`tools[0].input_schema` is required.",
        ),
        (
            json!({"tool_choice": {"type": "some"}}),
            "`tool_choice.type` must be one of auto, any, tool, none.",
        ),
        (
            json!({"mcp_servers": [{}]}),
            "`mcp_servers` works with Anthropic's own API only; leave it out.",
        ),
        (
            json!({"thinking": {"type": "enabled"}}),
            "`thinking.budget_tokens` is required.",
        ),
        (
            json!({"stop_sequences": "x"}),
            "`stop_sequences` must be a list of strings.",
        ),
        (
            json!({"stop_sequences": ["a", 5]}),
            "`stop_sequences` must be a list of strings.",
        ),
        (
            json!({"output_config": {"effort": "much"}}),
            "`output_config.effort` must be one of low, medium, high, xhigh, max.",
        ),
        (
            json!({"system": [{"type": "image"}]}),
            "`system[0].type` must be \"text\".",
        ),
    ];
    for (fields, want) in cases {
        let got = read(messages::read, &message(fields.clone()), ALL).unwrap_err();
        assert_eq!(got, want, "{fields}");
    }
}
