//! What an answer says several times.

use crate::{support::gather::gather_response, through, words};
use envoy_llm_gateway::{api::client::Api, guard::answer::whole};
use serde_json::{Value, json};

#[test]
fn every_repetition_in_a_stream_of_a_response_says_what_its_deltas_say() {
    let mut events = Vec::new();
    let mut add = |kind: &str, mut event: Value| {
        event["type"] = json!(kind);
        event["sequence_number"] = json!(events.len());
        events.push(format!("event: {kind}\ndata: {event}\n\n"));
    };
    let text = "one two three";
    let arguments = r#"{"a":"four"}"#;
    let part = json!({"type": "output_text", "text": text, "annotations": [],
        "logprobs": [{"token": "one"}]});
    let message = json!({"id": "msg_1", "type": "message", "role": "assistant", "content": [part]});
    let call = json!({"id": "fc_1", "type": "function_call", "name": "f", "call_id": "call_1",
        "arguments": arguments});
    let empty = |mut item: Value| {
        item["content"] = json!([]);
        item
    };
    add(
        "response.created",
        json!({"response": {"id": "resp_1", "output": [], "instructions": "say three"}}),
    );
    add(
        "response.in_progress",
        json!({"response": {"id": "resp_1", "output": []}}),
    );
    add(
        "response.output_item.added",
        json!({"output_index": 0, "item": empty(message.clone())}),
    );
    add(
        "response.content_part.added",
        json!({"item_id": "msg_1", "output_index": 0, "content_index": 0,
        "part": {"type": "output_text", "text": "", "annotations": [], "logprobs": []}}),
    );
    for piece in ["on", "e t", "wo ", "three"] {
        add(
            "response.output_text.delta",
            json!({"item_id": "msg_1", "output_index": 0, "content_index": 0,
            "delta": piece, "logprobs": [{"token": piece}]}),
        );
    }
    add(
        "response.output_text.done",
        json!({"item_id": "msg_1", "output_index": 0, "content_index": 0,
        "text": text, "logprobs": []}),
    );
    add(
        "response.content_part.done",
        json!({"item_id": "msg_1", "output_index": 0, "content_index": 0, "part": part}),
    );
    add(
        "response.output_item.done",
        json!({"output_index": 0, "item": message}),
    );
    let mut open = call.clone();
    open["arguments"] = json!("");
    add(
        "response.output_item.added",
        json!({"output_index": 1, "item": open}),
    );
    for piece in ["{\"a\":\"fo", "ur", "\"}"] {
        add(
            "response.function_call_arguments.delta",
            json!({"item_id": "fc_1", "output_index": 1, "delta": piece}),
        );
    }
    add(
        "response.function_call_arguments.done",
        json!({"item_id": "fc_1", "output_index": 1,
        "name": "f", "arguments": arguments}),
    );
    add(
        "response.output_item.done",
        json!({"output_index": 1, "item": call}),
    );
    let response = json!({"id": "resp_1", "output": [message, call], "usage": {"input_tokens": 1},
        "instructions": "say three"});
    add("response.completed", json!({"response": response}));
    let stream = events.concat();
    let mut rewrite = words(3);
    let got = through(Api::Responses, [stream.as_bytes()], &mut rewrite).unwrap();
    assert_eq!(rewrite.turned, 4, "what is said again is not counted again");
    let values = crate::support::gather::events(got.as_bytes());
    let (output, whole) = gather_response(&values);
    assert_eq!(output, whole["output"]);
    assert_eq!(output[0]["content"][0]["text"], "<eno> <owt> <eerht>");
    assert_eq!(output[1]["arguments"], r#"{"a":"<ruof>"}"#);
    assert_eq!(whole["instructions"], "say three");
    assert!(!got.contains("token\""), "{got}");
    let body = response.to_string();
    let whole = whole::edited(Api::Responses, &body, &mut words(3))
        .unwrap()
        .unwrap();
    let whole: Value = serde_json::from_str(&whole).unwrap();
    assert_eq!(whole["output"], output);
}

#[test]
fn what_a_provider_wants_back_does_not_tell_what_is_masked() {
    let detail = json!([{"provider": "anthropic", "type": "thinking", "thinking": "a secret thought", "signature": "c2lnbmVk"}]);
    let body =
        json!({"choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant",
        "content": "hi", "reasoning_content": "a secret thought", "reasoning_details": detail}}]})
        .to_string();
    let mut rewrite = words(6);
    let got = whole::edited(Api::Chat, &body, &mut rewrite)
        .unwrap()
        .unwrap();
    let got: Value = serde_json::from_str(&got).unwrap();
    let message = &got["choices"][0]["message"];
    assert_eq!(
        message["reasoning_details"][0]["thinking"],
        "a <terces> <thguoht>"
    );
    assert_eq!(message["reasoning_details"][0]["signature"], "c2lnbmVk");
    assert_eq!(rewrite.turned, 2);
    // `[{"provider":"p","thinking":"a secret thought"}]`
    let sealed = "gw1:W3sicHJvdmlkZXIiOiJwIiwidGhpbmtpbmciOiJhIHNlY3JldCB0aG91Z2h0In1d";
    let body = json!({"type": "message", "content": [
        {"type": "thinking", "thinking": "a secret thought", "signature": sealed},
        {"type": "redacted_thinking", "data": "opaque-and-somebody-elses"},
        {"type": "tool_use", "id": "t", "name": "n", "input": {"longer": ["secret", 1234567]}}]})
    .to_string();
    let got = whole::edited(Api::Messages, &body, &mut words(6))
        .unwrap()
        .unwrap();
    let got: Value = serde_json::from_str(&got).unwrap();
    assert_eq!(
        got["content"],
        json!([{"type": "thinking", "thinking": "a <terces> <thguoht>", "signature": "gw1:W10="},
            {"type": "redacted_thinking", "data": "opaque-and-somebody-elses"},
            {"type": "tool_use", "id": "t", "name": "n",
                "input": {"<regnol>": ["<terces>", "<7654321>"]}}])
    );
}
