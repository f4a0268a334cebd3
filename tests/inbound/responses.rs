//! Requests in OpenAI's Responses API.

use crate::{ALL, NONE, read};
use envoy_llm_gateway::api::{chat::Extensions, responses};
use serde_json::{Value, json};

/// The chat request that a Responses request becomes, without its messages, which come first.
pub(crate) fn responds(
    fields: Value,
    takes: Extensions,
) -> Result<(Value, Value, Vec<String>), String> {
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
    let tools = json!([{"type": "function", "name": "f"}]);
    let made = json!([{"type": "function", "function": {"name": "f"}}]);
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
            json!({"tools": [], "tool_choice": "auto", "parallel_tool_calls": true}),
            json!({}),
        ),
        (
            json!({"tool_choice": "none", "parallel_tool_calls": false}),
            json!({}),
        ),
        (
            json!({"tools": tools, "tool_choice": "auto"}),
            json!({"tools": made, "tool_choice": "auto"}),
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
fn an_image_of_a_former_answer_is_left_out_and_listed() {
    let image = json!({"type": "image_generation_call", "id": "ig_1", "status": "completed", "result": "iVBO"});
    let user = json!({"role": "user", "content": "bluer"});
    let (messages, _, dropped) = responds(json!({"input": [image, user]}), ALL).unwrap();
    assert_eq!(
        (messages, dropped),
        (
            json!([user]),
            vec!["input[].image_generation_call".to_owned()]
        )
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
            json!({"tools": [{"type": "custom", "name": "apply_patch"}]}),
            "`tools[0].type` \"custom\" is a tool that takes free text, which this model's provider cannot carry; declare a function with one string parameter instead.",
        ),
        (
            json!({"input": [{"type": "custom_tool_call", "name": "apply_patch"}]}),
            "`input[0].type` belongs to a tool that takes free text, which this model's provider cannot carry; declare a function with one string parameter instead.",
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
