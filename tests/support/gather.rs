//! Puts streams together again as SDKs do, one function per client API.

use serde_json::{Value, json};

/// One `chat.completion` out of its chunks, as an SDK puts it together.
pub fn gather_chat(stream: &str) -> Value {
    let chunks = stream
        .split("\n\n")
        .filter_map(|event| event.strip_prefix("data: "))
        .filter(|data| *data != "[DONE]")
        .map(|data| serde_json::from_str::<Value>(data).unwrap());
    let mut message = json!({"role": "assistant", "content": null, "refusal": null});
    let mut whole = json!({"object": "chat.completion"});
    let mut logprobs: Vec<Value> = Vec::new();
    for chunk in chunks {
        for key in ["id", "created", "model", "usage"] {
            if !chunk[key].is_null() {
                whole[key] = chunk[key].clone();
            }
        }
        let choice = &chunk["choices"][0];
        for key in ["content", "refusal", "reasoning_content"] {
            if let Some(more) = choice["delta"][key].as_str() {
                let before = message[key].as_str().unwrap_or_default();
                message[key] = Value::from(format!("{before}{more}"));
            }
        }
        for key in ["reasoning_details", "images", "tool_calls"] {
            let here = &choice["delta"][key];
            let adds = message[key].is_array() && here[0].get("index").is_none();
            assert!(here.is_null() || !adds, "an SDK cannot add to `{key}`");
            for part in choice["delta"][key].as_array().into_iter().flatten() {
                append(&mut message, key, part);
            }
        }
        let tokens = choice["logprobs"]["content"].as_array();
        logprobs.extend(tokens.into_iter().flatten().cloned());
        if !choice["finish_reason"].is_null() {
            whole["choices"] =
                json!([{"index": 0, "logprobs": null, "finish_reason": choice["finish_reason"]}]);
        }
    }
    if !logprobs.is_empty() {
        whole["choices"][0]["logprobs"] = json!({"content": logprobs, "refusal": null});
    }
    whole["choices"][0]["message"] = message;
    whole
}

/// A value without its `null`s.
pub fn said(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let said = map.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(said.map(|(key, value)| (key, said_of(value))).collect())
        }
        value => said_of(value),
    }
}

fn said_of(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(said).collect(),
        Value::Object(_) => said(value),
        other => other,
    }
}

/// A new element, or more arguments for the tool call of the same index. The SDKs' stream helpers take a list
/// whose elements have no index from one chunk only.
fn append(message: &mut Value, key: &str, part: &Value) {
    if !message[key].is_array() {
        message[key] = json!([]);
    }
    let list = message[key].as_array_mut().unwrap();
    let mut part = part.clone();
    let index = part
        .as_object_mut()
        .unwrap()
        .remove("index")
        .and_then(|index| index.as_u64());
    match index.and_then(|index| list.get_mut(usize::try_from(index).unwrap())) {
        Some(call) => {
            let more = part["function"]["arguments"].as_str().unwrap_or_default();
            let before = call["function"]["arguments"].as_str().unwrap_or_default();
            call["function"]["arguments"] = Value::from(format!("{before}{more}"));
        }
        None => list.push(part),
    }
}

/// The data of each event, whose name must be its type.
pub fn events(stream: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(stream).unwrap();
    let events = text.split_terminator("\n\n").map(|event| {
        let (name, data) = event.split_once('\n').unwrap();
        assert!(
            !data.contains(['\n', '\r']),
            "an event's data has a second line"
        );
        let value: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(name.strip_prefix("event: "), value["type"].as_str());
        value
    });
    events.collect()
}

/// One message out of its events, in the order that the API promises.
pub fn gather_message(events: &[Value]) -> Value {
    let mut message = Value::Null;
    let (mut texts, mut open) = (Vec::<String>::new(), None);
    for event in events {
        match event["type"].as_str().unwrap() {
            "message_start" => message = event["message"].clone(),
            "content_block_start" => {
                assert_eq!(open, None, "a block begins inside another");
                let list = message["content"].as_array_mut().unwrap();
                assert_eq!(event["index"], json!(list.len()));
                list.push(event["content_block"].clone());
                texts.push(String::new());
                open = event["index"].as_u64();
            }
            "content_block_delta" => {
                let at = usize::try_from(event["index"].as_u64().unwrap()).unwrap();
                let delta = &event["delta"];
                let block = &mut message["content"][at];
                assert_eq!(
                    open,
                    event["index"].as_u64(),
                    "a block goes on after its end"
                );
                let key = match delta["type"].as_str().unwrap() {
                    "text_delta" => "text",
                    "thinking_delta" => "thinking",
                    "signature_delta" => "signature",
                    _ => {
                        texts[at].push_str(delta["partial_json"].as_str().unwrap());
                        continue;
                    }
                };
                let more = delta[key].as_str().unwrap();
                block[key] = json!(format!("{}{more}", block[key].as_str().unwrap()));
            }
            "content_block_stop" => assert_eq!(open.take(), event["index"].as_u64()),
            "message_delta" => {
                for (key, value) in event["delta"].as_object().unwrap() {
                    message[key] = value.clone();
                }
                message["usage"] = event["usage"].clone();
            }
            "message_stop" => {}
            other => panic!("{other}"),
        }
    }
    assert_eq!(
        (open, events.last().unwrap()["type"].as_str()),
        (None, Some("message_stop"))
    );
    for (block, text) in message["content"]
        .as_array_mut()
        .unwrap()
        .iter_mut()
        .zip(texts)
    {
        if block["type"] == json!("tool_use") && !text.is_empty() {
            block["input"] =
                serde_json::from_str(&text).unwrap_or_else(|_| json!({"INVALID_JSON": text}));
        }
    }
    message
}

/// The output out of the deltas of a stream, checked against what the stream itself says of it; and
/// the response of the last event.
pub fn gather_response(events: &[Value]) -> (Value, Value) {
    let mut output: Vec<Value> = Vec::new();
    let at = |event: &Value| usize::try_from(event["output_index"].as_u64().unwrap()).unwrap();
    let part = |event: &Value| usize::try_from(event["content_index"].as_u64().unwrap()).unwrap();
    for (n, event) in events.iter().enumerate() {
        assert_eq!(event["sequence_number"], json!(n));
        let kind = event["type"].as_str().unwrap();
        if let Some(id) = event.get("item_id") {
            assert_eq!(*id, output[at(event)]["id"], "{kind}");
        }
        let add = |slot: &mut Value| {
            let more = event["delta"].as_str().unwrap();
            *slot = json!(format!("{}{more}", slot.as_str().unwrap()));
        };
        match kind {
            "response.created" => assert_eq!(n, 0),
            "response.in_progress" => assert_eq!(n, 1),
            "response.output_item.added" => {
                assert_eq!(event["output_index"], json!(output.len()));
                output.push(event["item"].clone());
            }
            "response.content_part.added" => {
                let list = output[at(event)]["content"].as_array_mut().unwrap();
                assert_eq!(event["content_index"], json!(list.len()));
                list.push(event["part"].clone());
            }
            "response.output_text.delta" => {
                add(&mut output[at(event)]["content"][part(event)]["text"])
            }
            "response.refusal.delta" => {
                add(&mut output[at(event)]["content"][part(event)]["refusal"])
            }
            "response.output_text.done" => assert_eq!(
                output[at(event)]["content"][part(event)]["text"],
                event["text"]
            ),
            "response.refusal.done" => assert_eq!(
                output[at(event)]["content"][part(event)]["refusal"],
                event["refusal"]
            ),
            "response.content_part.done" => {
                assert_eq!(output[at(event)]["content"][part(event)], event["part"])
            }
            "response.function_call_arguments.delta" => add(&mut output[at(event)]["arguments"]),
            "response.function_call_arguments.done" => {
                let item = &mut output[at(event)];
                if item["arguments"] == json!("") {
                    item["arguments"] = json!("{}");
                }
                assert_eq!(item["arguments"], event["arguments"]);
            }
            "response.reasoning_summary_part.added" => {
                output[at(event)]["summary"] = json!([event["part"]])
            }
            "response.reasoning_summary_text.delta" => {
                add(&mut output[at(event)]["summary"][0]["text"])
            }
            "response.reasoning_summary_text.done" => {
                assert_eq!(output[at(event)]["summary"][0]["text"], event["text"])
            }
            "response.reasoning_summary_part.done" => {
                assert_eq!(output[at(event)]["summary"][0], event["part"])
            }
            "response.image_generation_call.in_progress"
            | "response.image_generation_call.generating"
            | "response.image_generation_call.completed" => {
                assert_eq!(output[at(event)]["type"], "image_generation_call");
            }
            "response.output_item.done" => {
                // What only the end of an item tells.
                let item = &mut output[at(event)];
                for key in ["status", "encrypted_content", "result"] {
                    if let Some(value) = event["item"].get(key) {
                        item[key] = value.clone();
                    }
                }
                assert_eq!(*item, event["item"]);
            }
            "response.completed" | "response.incomplete" => assert_eq!(n, events.len() - 1),
            other => panic!("{other}"),
        }
    }
    (
        Value::Array(output),
        events.last().unwrap()["response"].clone(),
    )
}
