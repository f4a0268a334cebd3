//! No bent request traps a reader.

use crate::{ALL, NONE, Read};
use envoy_llm_gateway::{
    api::{chat::Chat, messages, responses},
    json::Object,
};
use serde_json::{Value, json};

/// Cheap random numbers, the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(sides).unwrap()).unwrap()
    }
}

#[test]
fn no_bent_request_traps_a_reader_and_what_is_read_is_a_chat() {
    let message = json!({"model": "m", "max_tokens": 9, "system": [{"type": "text", "text": "s"}],
        "thinking": {"type": "enabled", "budget_tokens": 2000}, "tool_choice": {"type": "tool", "name": "f"},
        "tools": [{"name": "f", "input_schema": {"type": "object"}}], "stop_sequences": ["x"],
        "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": {}}}, "metadata": {"user_id": "u"},
        "messages": [{"role": "user", "content": [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aa"}},
            {"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "t"}]}}]},
            {"role": "assistant", "content": [{"type": "thinking", "thinking": "t", "signature": "gw1:W10="},
            {"type": "tool_use", "id": "a", "name": "f", "input": {}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": [{"type": "text", "text": "r"}]}]}]});
    let response = json!({"model": "m", "instructions": "i", "text": {"format": {"type": "json_schema", "name": "n", "schema": {}}},
        "tools": [{"type": "function", "name": "f", "parameters": {}}], "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]},
        "reasoning": {"effort": "low"}, "include": ["x"],
        "input": [{"role": "user", "content": [{"type": "input_image", "image_url": "https://a"}, {"type": "input_file", "file_data": "d"}]},
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "t"}], "encrypted_content": "gw1:W10="},
            {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "a", "output": [{"type": "input_text", "text": "r"}]}]});
    const WORDS: &[&str] = &[
        "null",
        "[]",
        "{}",
        "7",
        "\"x\"",
        "[[]]",
        "{\"type\":\"text\"}",
        "true",
        "1e400",
    ];
    let mut dice = Dice(0x5eed);
    let readers: [(Read, String); 2] = [
        (messages::read, message.to_string()),
        (responses::read, response.to_string()),
    ];
    let (mut taken, mut refused) = (0, 0);
    for (reader, text) in &readers {
        // Every value, one after the other, becomes something else.
        let starts: Vec<usize> = text.match_indices(':').map(|(at, _)| at + 1).collect();
        for _ in 0..4000 {
            let at = starts[dice.roll(starts.len())];
            let Some(raw) = serde_json::Deserializer::from_str(text.get(at..).unwrap())
                .into_iter::<Value>()
                .next()
                .and_then(Result::ok)
            else {
                continue;
            };
            let old = raw.to_string();
            let word = WORDS[dice.roll(WORDS.len())];
            let bent = {
                let (before, after) = text.split_at(at);
                format!("{before}{}", after.replacen(&old, word, 1))
            };
            let Ok(object) = Object::parse(&bent) else {
                continue;
            };
            match reader(&object, "m", if dice.roll(2) == 0 { ALL } else { NONE }) {
                Ok(made) => {
                    let parsed = Chat::parse(&made.body);
                    assert!(
                        parsed.is_ok() || parsed.unwrap_err().param.as_deref() == Some("messages"),
                        "{bent}"
                    );
                    taken += 1;
                }
                Err(fault) => {
                    assert_eq!(fault.status(), 400, "{bent}");
                    refused += 1;
                }
            }
        }
    }
    assert!(taken > 500 && refused > 500, "{taken} {refused}");
}
