//! The client APIs besides Chat Completions: what their readers make of requests, and the law that a
//! gathered stream is the whole answer.
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
        answer::{AnswerSink, Finish, Part, Usage},
        chat::{Chat, Extensions},
        messages,
        responses::{self, Echo},
    },
    config::Config,
    fault::{Fault, FaultKind},
    gateway::Request,
    json::Object,
};
use serde_json::{Value, json};
use std::rc::Rc;
use support::{
    FakeHost,
    gather::{events, gather_message, gather_response},
    request, response,
};

const ALL: Extensions = Extensions::TRANSLATED;
const NONE: Extensions = Extensions::NONE;

type Read =
    fn(&Object<'_>, &str, Extensions) -> Result<envoy_llm_gateway::api::chat::Translated, Fault>;

fn read(api: Read, body: &Value, takes: Extensions) -> Result<(Value, Vec<String>), String> {
    let text = body.to_string();
    let made = api(&Object::parse(&text).unwrap(), "m", takes).map_err(|fault| {
        assert_eq!(fault.status(), 400);
        fault.message.into_owned()
    })?;
    Chat::parse(&made.body).unwrap_or_else(|fault| panic!("{fault}"));
    let mut chat: Value = serde_json::from_slice(&made.body).unwrap();
    assert_eq!(
        chat.as_object_mut().unwrap().remove("model"),
        Some(json!("m"))
    );
    Ok((chat, made.dropped))
}

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
            json!({"tool_choice": {"type": "auto"}}),
            json!({"tool_choice": "auto"}),
        ),
        (
            json!({"tool_choice": {"type": "any", "disable_parallel_tool_use": true}}),
            json!({"tool_choice": "required", "parallel_tool_calls": false}),
        ),
        (
            json!({"tool_choice": {"type": "none"}}),
            json!({"tool_choice": "none"}),
        ),
        (
            json!({"tool_choice": {"type": "tool", "name": "f"}}),
            json!({"tool_choice": {"type": "function", "function": {"name": "f"}}}),
        ),
        (
            json!({"tools": [{"name": "f", "description": "d", "input_schema": {"type": "object"}, "strict": true}, {"type": "custom", "name": "g", "input_schema": {}}]}),
            json!({"tools": [{"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}, "strict": true}},
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

/// The messages that a Messages request becomes.
fn talk(system: Value, turns: Value, takes: Extensions) -> (Value, Vec<String>) {
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

/// The chat request that a Responses request becomes, without its messages, which come first.
fn responds(fields: Value, takes: Extensions) -> Result<(Value, Value, Vec<String>), String> {
    let mut body = json!({"model": "asked", "input": "hi"});
    body.as_object_mut()
        .unwrap()
        .extend(fields.as_object().unwrap().clone());
    let (mut chat, dropped) = read(responses::read, &body, takes)?;
    let messages = chat.as_object_mut().unwrap().remove("messages").unwrap();
    Ok((messages, chat, dropped))
}

#[test]
fn the_parameters_of_a_response_get_their_chat_names() {
    let schema = json!({"type": "object"});
    let cases = [
        (
            json!({"max_output_tokens": 9, "temperature": 1, "top_p": 0.5, "stream": true, "store": false}),
            json!({"max_completion_tokens": 9, "temperature": 1, "top_p": 0.5, "stream": true}),
        ),
        (
            json!({"reasoning": {"effort": "low", "summary": "auto"}, "include": ["reasoning.encrypted_content"]}),
            json!({"reasoning_effort": "low"}),
        ),
        (
            json!({"text": {"format": {"type": "text"}, "verbosity": "low"}}),
            json!({"verbosity": "low"}),
        ),
        (
            json!({"text": {"format": {"type": "json_object"}}}),
            json!({"response_format": {"type": "json_object"}}),
        ),
        (
            json!({"text": {"format": {"type": "json_schema", "name": "n", "schema": schema, "strict": true}}}),
            json!({"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": schema, "strict": true}}}),
        ),
        (
            json!({"tools": [{"type": "function", "name": "f", "parameters": schema, "strict": null}], "parallel_tool_calls": false}),
            json!({"tools": [{"type": "function", "function": {"name": "f", "parameters": schema}}], "parallel_tool_calls": false}),
        ),
        (
            json!({"tool_choice": "required"}),
            json!({"tool_choice": "required"}),
        ),
        (
            json!({"tool_choice": {"type": "function", "name": "f"}}),
            json!({"tool_choice": {"type": "function", "function": {"name": "f"}}}),
        ),
        (
            json!({"tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]}}),
            json!({"tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "f"}}]}}}),
        ),
        (
            json!({"metadata": {"a": "b"}, "user": "u", "truncation": "disabled", "top_logprobs": 0}),
            json!({"user": "u"}),
        ),
    ];
    for (fields, want) in cases {
        let (messages, chat, dropped) = responds(fields.clone(), NONE).unwrap();
        assert_eq!((chat, dropped), (want, vec![]), "{fields}");
        assert_eq!(messages, json!([{"role": "user", "content": "hi"}]));
    }
    let (_, chat, dropped) = responds(
        json!({"store": true, "truncation": "auto", "include": ["file_search_call.results"]}),
        NONE,
    )
    .unwrap();
    assert_eq!(
        (chat, dropped),
        (
            json!({}),
            vec!["include".into(), "store".into(), "truncation".into()]
        )
    );
}

#[test]
fn the_items_of_one_turn_are_one_message() {
    let input = json!([
        {"role": "developer", "content": "be brief"},
        {"type": "message", "role": "user", "content": [
            {"type": "input_text", "text": "look"},
            {"type": "input_image", "image_url": "data:image/png;base64,iVBO", "detail": "low"},
            {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBE"}]},
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}], "encrypted_content": "gw1:W3sicHJvdmlkZXIiOiJ4In1d"},
        {"type": "message", "id": "msg_1", "status": "completed", "role": "assistant", "content": [{"type": "output_text", "text": "I call", "annotations": []}]},
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{\"a\":1}"},
        {"type": "function_call", "call_id": "c2", "name": "g", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "one"},
        {"type": "function_call_output", "call_id": "c2", "output": [{"type": "input_text", "text": "two"}, {"type": "input_image", "image_url": "https://a/c.png"}]},
        {"role": "assistant", "content": "done"},
        {"role": "user", "content": "and?"}]);
    let calls = json!([
        {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{\"a\":1}"}},
        {"id": "c2", "type": "function", "function": {"name": "g", "arguments": "{}"}}]);
    let start = json!([
        {"role": "system", "content": "first"},
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": [
            {"type": "text", "text": "look"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBO", "detail": "low"}},
            {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBE"}}]}]);
    let image = json!({"type": "image_url", "image_url": {"url": "https://a/c.png"}});
    let fields = json!({"instructions": "first", "input": input});
    let (messages, _, dropped) = responds(fields.clone(), ALL).unwrap();
    let mut want = start.as_array().unwrap().clone();
    want.extend([
        json!({"role": "assistant", "content": "I call", "reasoning_content": "hm", "reasoning_details": [{"provider": "x"}], "tool_calls": calls}),
        json!({"role": "tool", "tool_call_id": "c1", "content": "one"}),
        json!({"role": "tool", "tool_call_id": "c2", "content": [{"type": "text", "text": "two"}, image]}),
        json!({"role": "assistant", "content": "done"}),
        json!({"role": "user", "content": "and?"}),
    ]);
    assert_eq!((messages, dropped), (Value::Array(want), vec![]));
    let (messages, _, dropped) = responds(fields, NONE).unwrap();
    let mut want = start.as_array().unwrap().clone();
    want.extend([
        json!({"role": "assistant", "content": "I call", "tool_calls": calls}),
        json!({"role": "tool", "tool_call_id": "c1", "content": "one"}),
        json!({"role": "tool", "tool_call_id": "c2", "content": "two"}),
        json!({"role": "user", "content": [{"type": "text", "text": "What the tool call c2 returned:"}, image]}),
        json!({"role": "assistant", "content": "done"}),
        json!({"role": "user", "content": "and?"}),
    ]);
    assert_eq!(
        (messages, dropped),
        (Value::Array(want), vec!["input[].reasoning".into()])
    );
}

#[test]
fn a_wrong_or_foreign_field_of_a_response_is_named() {
    let cases = [
        (json!({"input": null}), "`input` is required."),
        (json!({"input": []}), "`input` must hold at least one item."),
        (
            json!({"input": [{"role": "bot", "content": "x"}]}),
            "`input[0].role` must be one of user, assistant, system, developer.",
        ),
        (
            json!({"input": [{"type": "item_reference", "id": "x"}]}),
            "`input[0]` refers to a stored item; this gateway stores none. Send the item itself.",
        ),
        (
            json!({"input": [{"type": "web_search_call"}]}),
            "`input[0].type` \"web_search_call\" belongs to a tool of OpenAI's own, which this model's provider does not have.",
        ),
        (
            json!({"input": [{"role": "user", "content": [{"type": "input_file", "file_id": "f"}]}]}),
            "`input[0].content[0].file_id` names an upload that this model's provider does not know; send `file_data`.",
        ),
        (
            json!({"input": [{"role": "user", "content": [{"type": "input_audio"}]}]}),
            "`input[0].content[0].type` must be input_text, input_image, input_file, output_text or refusal.",
        ),
        (
            json!({"tools": [{"type": "web_search"}]}),
            "`tools[0].type` \"web_search\" is a tool of OpenAI's own, which this model's provider does not have; declare a function instead.",
        ),
        (
            json!({"tool_choice": {"type": "file_search"}}),
            "`tool_choice.type` \"file_search\" is a tool of OpenAI's own, which this model's provider does not have; declare a function instead.",
        ),
        (
            json!({"previous_response_id": "resp_1"}),
            "`previous_response_id` needs an answer that was stored; this gateway stores none. Send the whole conversation in `input`.",
        ),
        (
            json!({"conversation": "c"}),
            "`conversation` needs an answer that was stored; this gateway stores none. Send the whole conversation in `input`.",
        ),
        (
            json!({"background": true}),
            "`background` is not possible here: this model's provider answers at once or not at all; leave it out.",
        ),
        (
            json!({"prompt": {"id": "p"}}),
            "`prompt` names a template that OpenAI keeps; send `input` and `instructions` instead.",
        ),
        (
            json!({"text": {"format": {"type": "xml"}}}),
            "`text.format.type` must be text, json_object or json_schema.",
        ),
    ];
    for (fields, want) in cases {
        assert_eq!(responds(fields.clone(), ALL).unwrap_err(), want, "{fields}");
    }
}

/// Answers in every form, as a dialect drives them.
fn answers() -> Vec<Vec<Part<'static>>> {
    use Part::{Finish as End, Refusal, Text, Thought, ThoughtDetail, ToolCall, ToolInput};
    let signed =
        r#"{"provider":"anthropic","type":"thinking","thinking":"hmm","signature":"c2ln"}"#;
    let hidden = r#"{"provider":"anthropic","type":"redacted_thinking","data":"ZGF0"}"#;
    let foreign = r#"{"provider":"gemini","thoughtSignature":"abc"}"#;
    let call = |index, id| ToolCall {
        index,
        id,
        name: "f",
    };
    let input = |index, json| ToolInput { index, json };
    vec![
        vec![],
        vec![End(Finish::Stop)],
        vec![Text("Hel"), Text(""), Text("lo"), End(Finish::Length)],
        vec![
            Thought("hm"),
            Thought("m"),
            ThoughtDetail(signed),
            ThoughtDetail(hidden),
            Text("a"),
            End(Finish::Stop),
        ],
        vec![
            Thought("hm"),
            ThoughtDetail(foreign),
            ThoughtDetail(foreign),
            Text("a"),
            ThoughtDetail(foreign),
            End(Finish::Stop),
        ],
        vec![
            ThoughtDetail(signed),
            Text("a"),
            Thought("late"),
            Text("b"),
            End(Finish::Stop),
        ],
        vec![Thought("only"), End(Finish::Length)],
        vec![
            Text("x"),
            call(0, "a"),
            input(0, "{\"n\":"),
            input(0, "9007199254740993}"),
            call(1, "b"),
            call(2, "c"),
            input(2, "{}"),
            End(Finish::ToolCalls),
        ],
        vec![
            call(0, "a"),
            call(1, "b"),
            input(0, "{\"x\":1}"),
            input(1, "{\"y\":"),
            input(1, "2}"),
            End(Finish::ToolCalls),
        ],
        vec![call(0, "a"), input(0, "{\"cut\":"), End(Finish::Length)],
        vec![
            Text("Hi. "),
            Refusal("I can"),
            Refusal("not."),
            End(Finish::ContentFilter),
        ],
    ]
}

const USAGE: Usage = Usage {
    input: 20,
    output: 9,
    cached: 5,
    cache_written: 3,
    reasoning: 2,
};

fn drive(out: &mut dyn AnswerSink, parts: &[Part<'_>]) {
    out.open("id1", "served");
    for part in parts {
        out.part(0, *part);
        out.part(1, Part::Text("another choice"));
    }
    out.usage(USAGE);
}

#[test]
fn a_gathered_stream_of_messages_is_the_whole_message() {
    for parts in answers() {
        let mut whole = messages::AnswerWriter::default();
        drive(&mut whole, &parts);
        let want: Value = serde_json::from_slice(&whole.body()).unwrap();
        let mut stream = messages::EventWriter::default();
        drive(&mut stream, &parts);
        stream.done();
        assert_eq!(gather_message(&events(&stream.take())), want, "{parts:?}");
    }
}

#[test]
fn a_gathered_stream_of_responses_is_the_whole_response() {
    for parts in answers() {
        let echo = Echo::of(&Object::parse(r#"{"temperature":0.5}"#).unwrap());
        let mut whole = responses::Writer::whole(7, echo.clone());
        drive(&mut whole, &parts);
        let want: Value = serde_json::from_slice(&whole.body()).unwrap();
        let mut stream = responses::Writer::stream(7, echo);
        drive(&mut stream, &parts);
        stream.done();
        let events = events(&stream.take());
        let (gathered, last) = gather_response(&events);
        assert_eq!(last, want, "{parts:?}");
        assert_eq!(gathered, want["output"], "{parts:?}");
    }
}

#[test]
fn what_a_provider_wants_back_survives_both_apis() {
    let foreign = r#"{"provider":"gemini","thoughtSignature":"a/b"}"#;
    let parts = [
        Part::Thought("hm"),
        Part::ThoughtDetail(foreign),
        Part::Text("a"),
        Part::Finish(Finish::Stop),
    ];
    let mut whole = messages::AnswerWriter::default();
    drive(&mut whole, &parts);
    let answer: Value = serde_json::from_slice(&whole.body()).unwrap();
    let turns = json!([{"role": "user", "content": "q"}, {"role": "assistant", "content": answer["content"]}]);
    let want = json!({"role": "assistant", "content": "a", "reasoning_content": "hm", "reasoning_details": [serde_json::from_str::<Value>(foreign).unwrap()]});
    assert_eq!(talk(json!(null), turns, ALL).0[1], want);
    let mut whole = responses::Writer::whole(7, Echo::default());
    drive(&mut whole, &parts);
    let answer: Value = serde_json::from_slice(&whole.body()).unwrap();
    assert_eq!(
        responds(json!({"input": answer["output"]}), ALL).unwrap().0[0],
        want
    );
}

#[test]
fn a_stream_that_breaks_off_says_so_in_each_api() {
    let fault = Fault::new(FaultKind::Overloaded, "later");
    let mut stream = messages::EventWriter::default();
    stream.open("i", "m");
    stream.part(0, Part::Text("a"));
    stream.take();
    stream.fail(&fault);
    assert_eq!(
        events(&stream.take()),
        [
            json!({"type": "error", "error": {"type": "overloaded_error", "message": "later"}, "request_id": null})
        ]
    );
    let mut stream = responses::Writer::stream(7, Echo::default());
    stream.open("i", "m");
    stream.part(0, Part::Text("a"));
    stream.take();
    stream.fail(&fault);
    let last = events(&stream.take());
    assert_eq!(last.len(), 1);
    assert_eq!(last[0]["type"], json!("response.failed"));
    assert_eq!(
        last[0]["response"]["error"],
        json!({"code": "server_error", "message": "later"})
    );
    assert_eq!(
        last[0]["response"]["output"][0]["status"],
        json!("incomplete")
    );
}

const SETTINGS: &str = r#"{"role":"gateway",
    "models":{"claude":{"targets":[{"provider":"anthropic"}]},
              "gpt":{"targets":[{"provider":"openai"}]},
              "both":{"targets":[{"provider":"openai","model":"g"},{"provider":"anthropic","model":"c"}]}},
    "providers":{"openai":{},"anthropic":{}}}"#;

/// What the gateway role makes of a request; the headers of what goes on, when it does.
fn asked(path: &str, more: &[(&str, &str)], body: &Value) -> (FakeHost, Request, bool) {
    let Ok(Config::Gateway(config)) = Config::parse(SETTINGS.as_bytes()) else {
        panic!("settings");
    };
    let mut role = Request::new(Rc::new(config));
    let host = FakeHost::default();
    let mut head = vec![
        (":method", "POST"),
        (":path", path),
        (":authority", "gateway"),
        ("content-type", "application/json"),
        ("x-request-id", "id-1"),
    ];
    head.extend_from_slice(more);
    let text = body.to_string();
    let sent = request(&mut role, &host, &head, &[text.as_bytes()]).is_some();
    (host, role, sent)
}

fn reply(host: &FakeHost) -> (u16, Value, Vec<(String, String)>) {
    let reply = host.replies.borrow().last().cloned().unwrap();
    (
        reply.status,
        serde_json::from_str(&reply.body).unwrap(),
        reply.headers,
    )
}

fn plan(host: &FakeHost) -> Value {
    serde_json::from_str(&host.state_value("llm.hand_over").unwrap()).unwrap()
}

fn hello(model: &str) -> Value {
    json!({"model": model, "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]})
}

#[test]
fn each_path_is_handed_over_in_its_language() {
    let betas = [
        ("anthropic-beta", "b-1"),
        ("anthropic-version", "2023-06-01"),
        ("x-other", "o"),
    ];
    let (host, _, sent) = asked("/v1/messages?beta=true", &betas, &hello("gpt"));
    assert!(sent);
    assert_eq!(plan(&host)["api"], json!("messages"));
    assert_eq!(
        plan(&host)["client_headers"],
        json!([
            ["anthropic-beta", "b-1"],
            ["anthropic-version", "2023-06-01"]
        ])
    );
    assert_eq!(host.state_value("llm.api").as_deref(), Some("messages"));
    assert_eq!(host.state_value("llm.operation").as_deref(), Some("chat"));
    let body = json!({"model": "claude", "input": "hi", "stream": true});
    let (host, _, sent) = asked("/v1/responses", &betas, &body);
    assert!(sent);
    assert_eq!(plan(&host)["api"], json!("responses"));
    assert_eq!(plan(&host)["stream"], json!(true));
    assert_eq!(plan(&host).get("client_headers"), None);
    let (host, _, sent) = asked("/v1/chat/completions", &betas, &hello("gpt"));
    assert!(sent);
    assert_eq!(
        (plan(&host).get("api"), plan(&host).get("client_headers")),
        (None, None)
    );
}

#[test]
fn a_provider_that_cannot_take_the_request_is_left_out_of_the_plan() {
    let providers = |host: &FakeHost| -> Vec<Value> {
        let steps = plan(host)["steps"].clone();
        steps
            .as_array()
            .unwrap()
            .iter()
            .map(|s| s["provider"].clone())
            .collect()
    };
    let (host, ..) = asked("/v1/messages", &[], &hello("both"));
    assert_eq!(providers(&host), ["openai", "anthropic"]);
    let mut search = hello("both");
    search["tools"] = json!([{"type": "web_search_20250305", "name": "web_search"}]);
    let (host, ..) = asked("/v1/messages", &[], &search);
    assert_eq!(providers(&host), ["anthropic"]);
    let stored = json!({"model": "both", "input": "hi", "previous_response_id": "resp_1"});
    let (host, ..) = asked("/v1/responses", &[], &stored);
    assert_eq!(providers(&host), ["openai"]);
    let (host, ..) = asked(
        "/v1/completions",
        &[],
        &json!({"model": "both", "prompt": "hi"}),
    );
    assert_eq!(providers(&host), ["openai"]);
    let (host, ..) = asked("/v1/messages/count_tokens", &[], &hello("both"));
    assert_eq!(providers(&host), ["anthropic"]);
}

#[test]
fn tokens_are_estimated_where_no_provider_counts_them() {
    for model in ["gpt", "echo"] {
        let (host, _, sent) = asked("/v1/messages/count_tokens", &[], &hello(model));
        let (status, body, headers) = reply(&host);
        assert_eq!(
            (sent, status, body),
            (false, 200, json!({"input_tokens": 8}))
        );
        let line = |n: &str, v: &str| (n.to_owned(), v.to_owned());
        assert_eq!(
            headers,
            [
                line("content-type", "application/json"),
                line("x-llm-tokens-estimate", "bytes"),
                line("x-llm-cache", "off"),
                line("x-request-id", "id-1"),
                line("request-id", "id-1"),
            ]
        );
    }
    let (host, ..) = asked(
        "/v1/messages/count_tokens",
        &[],
        &json!({"model": "gpt", "messages": 7}),
    );
    assert_eq!(reply(&host).0, 400);
}

#[test]
fn a_refusal_of_the_gateway_has_the_shape_of_its_api() {
    let (host, ..) = asked("/v1/messages", &[], &hello("unknown"));
    let (status, body, headers) = reply(&host);
    assert_eq!(
        (status, body),
        (
            404,
            json!({"type": "error", "request_id": "id-1", "error": {"type": "not_found_error",
                "message": "The model `unknown` is not known here. Known: both, claude, echo, gpt."}})
        )
    );
    assert!(
        headers
            .iter()
            .any(|(n, v)| n == "request-id" && v == "id-1")
    );
    let (host, ..) = asked("/v1/messages", &[], &json!({"model": "gpt"}));
    assert_eq!(
        reply(&host).1["error"]["message"],
        json!("`messages` is required.")
    );
    let (host, ..) = asked("/v1/responses", &[], &json!({"input": "hi"}));
    assert_eq!(
        reply(&host).1,
        json!({"error": {"message": "`model` is required.", "type": "invalid_request_error", "param": "model", "code": "invalid_request"}})
    );
}

#[test]
fn an_error_of_every_attempt_has_the_shape_of_its_api() {
    for (path, body) in [
        ("/v1/messages", hello("gpt")),
        ("/v1/responses", json!({"model": "gpt", "input": "hi"})),
    ] {
        let (host, mut role, _) = asked(path, &[], &body);
        host.state.borrow_mut().insert(
            "llm.attempts".into(),
            r#"[{"provider":"openai","model":"gpt","status":429,"ms":5,"reason":"rate_limit_exceeded","at_ms":0,"retry_after":"3"}]"#.into(),
        );
        let head = [
            (":status", "429"),
            ("x-llm-model", "gpt"),
            ("content-length", "2"),
        ];
        let answer = response(&mut role, &host, &head, &[b"{}"]).unwrap();
        let body: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(answer.header("retry-after"), Some("3"));
        let kind = &body["error"]["type"];
        assert_eq!(*kind, json!("rate_limit_error"));
        if path == "/v1/messages" {
            assert_eq!(
                (&body["type"], &body["request_id"]),
                (&json!("error"), &json!("id-1"))
            );
            assert_eq!(answer.header("request-id"), Some("id-1"));
        } else {
            assert_eq!(body["error"]["code"], json!("rate_limit_exceeded"));
        }
    }
}

#[test]
fn the_echo_model_speaks_every_language() {
    let (host, ..) = asked("/v1/messages", &[], &hello("echo"));
    let (status, body, _) = reply(&host);
    assert_eq!(
        (status, &body["content"]),
        (200, &json!([{"type": "text", "text": "hi"}]))
    );
    let mut streamed = hello("echo");
    streamed["stream"] = json!(true);
    let (host, ..) = asked("/v1/messages", &[], &streamed);
    let stream = host.replies.borrow().last().unwrap().body.clone();
    let gathered = gather_message(&events(stream.as_bytes()));
    assert_eq!(gathered, body);
    let (host, ..) = asked(
        "/v1/responses",
        &[],
        &json!({"model": "echo", "input": "hi"}),
    );
    assert_eq!(
        reply(&host).1["output"][0]["content"][0]["text"],
        json!("hi")
    );
}
