//! Structured output that a client has asked for, and whether a whole answer is that: where `validate_json` says so, one that
//! is not has failed, and the next target is asked.
//!
//! Streams are not checked: their first words have gone before the last can be known. Nor is an answer that calls tools, refuses, or
//! was cut off at its limit: that it is no such document is what the client has to be told.

use crate::{
    api::{
        client::{Api, Asked},
        schema,
    },
    fault::{Fault, FaultKind},
    json::Str,
};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

/// Largest schema that is checked against, and largest answer. Units: bytes.
const MAX_SCHEMA_BYTES: usize = 256 << 10;
const MAX_ANSWER_BYTES: usize = 4 << 20;

/// What a client wants.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Wanted {
    /// Any JSON object.
    Object,
    /// What fits this schema.
    Fitting(Value),
}

/// A `response_format`, a `text.format` or an `output_format`.
#[derive(Deserialize)]
struct Format<'a> {
    #[serde(borrow, default)]
    r#type: Option<Str<'a>>,
    #[serde(borrow, default)]
    json_schema: Option<Named<'a>>,
    #[serde(borrow, default)]
    schema: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Named<'a> {
    #[serde(borrow, default)]
    schema: Option<&'a RawValue>,
}

/// The field that holds a format.
#[derive(Deserialize)]
struct Holds<'a> {
    #[serde(borrow, default)]
    format: Option<&'a RawValue>,
}

impl Wanted {
    /// What a request wants; `None`: nothing that could be checked.
    pub(super) fn of(asked: &Asked<'_>) -> Option<Self> {
        if asked.stream {
            return None;
        }
        let raw = |key: &str| asked.body.raw(key).map(|raw| raw.get());
        let inside = |key: &str| {
            let holds: Holds<'_> = serde_json::from_str(raw(key)?).ok()?;
            holds.format.map(RawValue::get)
        };
        let format = match asked.api {
            Api::Chat => raw("response_format"),
            Api::Responses => inside("text"),
            Api::Messages => inside("output_config").or_else(|| raw("output_format")),
            _ => None,
        };
        let format: Format<'_> = serde_json::from_str(format?).ok()?;
        let named = format.json_schema.as_ref().and_then(|named| named.schema);
        match format.r#type.as_deref()? {
            "json_object" => Some(Self::Object),
            "json_schema" => {
                let schema = named.or(format.schema)?.get();
                let small = schema.len() <= MAX_SCHEMA_BYTES;
                let schema = small.then(|| serde_json::from_str(schema).ok());
                schema.flatten().map(Self::Fitting)
            }
            _ => None,
        }
    }

    /// Whether an answer in the client's language is that.
    ///
    /// Errors: `JsonMismatch`; it says where the answer does not fit, and not what stands there.
    pub(super) fn check(&self, api: Api, answer: &[u8]) -> Result<(), Fault> {
        let texts = texts(api, answer).unwrap_or_default();
        texts.iter().try_for_each(|text| self.fits(text))
    }

    fn fits(&self, text: &str) -> Result<(), Fault> {
        if text.len() > MAX_ANSWER_BYTES {
            return Ok(());
        }
        let Ok(value) = serde_json::from_str::<Value>(text) else {
            return Err(misfit(
                "The answer is not the JSON that was asked for.".into(),
            ));
        };
        match self {
            Self::Object if value.is_object() => Ok(()),
            Self::Object => Err(misfit("The answer is JSON, but no object.".into())),
            Self::Fitting(schema) => schema::check(schema, &value).map_err(|misfit| {
                let place = if misfit.at.is_empty() {
                    "/"
                } else {
                    &misfit.at
                };
                self::misfit(format!(
                    "The answer does not fit the schema that was asked for: `{}` at `{place}`.",
                    misfit.word
                ))
            }),
        }
    }
}

fn misfit(message: String) -> Fault {
    Fault::new(FaultKind::JsonMismatch, message)
}

#[derive(Deserialize)]
struct Chat<'a> {
    #[serde(borrow, default)]
    choices: Vec<Choice<'a>>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow)]
    message: Said<'a>,
    #[serde(borrow, default)]
    finish_reason: Option<Str<'a>>,
}

#[derive(Deserialize)]
struct Said<'a> {
    #[serde(borrow, default)]
    content: Option<Str<'a>>,
    #[serde(borrow, default)]
    refusal: Option<Str<'a>>,
    #[serde(borrow, default)]
    tool_calls: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    content: Vec<Block<'a>>,
    #[serde(borrow, default)]
    stop_reason: Option<Str<'a>>,
}

#[derive(Deserialize)]
struct Response<'a> {
    #[serde(borrow, default)]
    output: Vec<Block<'a>>,
    #[serde(borrow, default)]
    status: Option<Str<'a>>,
}

/// A block of a message, an item of a response, or a part of one.
#[derive(Deserialize)]
struct Block<'a> {
    #[serde(borrow, default)]
    r#type: Option<Str<'a>>,
    #[serde(borrow, default)]
    text: Option<Str<'a>>,
    #[serde(borrow, default)]
    content: Option<&'a RawValue>,
}

/// The documents of an answer; empty where it is none, or gives none for a reason of its own.
fn texts(api: Api, answer: &[u8]) -> Option<Vec<String>> {
    let answer = std::str::from_utf8(answer).ok()?;
    match api {
        Api::Chat => {
            let chat: Chat<'_> = serde_json::from_str(answer).ok()?;
            let document = |choice: Choice<'_>| {
                let said = choice.message;
                let calls = said.tool_calls.is_some_and(|calls| !calls.is_empty());
                let ended = choice
                    .finish_reason
                    .as_deref()
                    .is_none_or(|why| matches!(why, "stop" | ""));
                let text = said
                    .content
                    .filter(|_| !calls && ended && said.refusal.is_none());
                text.map(|text| text.to_string())
            };
            Some(chat.choices.into_iter().filter_map(document).collect())
        }
        Api::Messages => {
            let message: Message<'_> = serde_json::from_str(answer).ok()?;
            let ended = message.stop_reason.as_deref() == Some("end_turn");
            let texts = message
                .content
                .iter()
                .filter_map(|block| block.text.as_deref());
            let text: String = texts.collect();
            Some(ended.then_some(text).into_iter().collect())
        }
        Api::Responses => {
            let response: Response<'_> = serde_json::from_str(answer).ok()?;
            let mut text = None;
            for item in &response.output {
                match item.r#type.as_deref() {
                    Some("function_call" | "custom_tool_call") => return None,
                    Some("message") => {}
                    _ => continue,
                }
                let parts: Vec<Block<'_>> = serde_json::from_str(item.content?.get()).ok()?;
                for part in parts {
                    if part.r#type.as_deref() == Some("refusal") {
                        return None;
                    }
                    let said = part.text.as_deref().unwrap_or_default();
                    text.get_or_insert_with(String::new).push_str(said);
                }
            }
            let ended = response
                .status
                .as_deref()
                .is_none_or(|status| status == "completed");
            Some(text.filter(|_| ended).into_iter().collect())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn wanted(api: Api, body: &Value) -> Option<Wanted> {
        let body = body.to_string();
        Wanted::of(&Asked::parse(api, body.as_bytes()).unwrap())
    }

    #[test]
    fn each_api_says_what_it_wants_in_its_own_place() {
        let schema = json!({"type": "object"});
        let chat = |format: Value| json!({"model": "m", "messages": [{"role": "user", "content": "x"}], "response_format": format});
        let of = |format| wanted(Api::Chat, &chat(format));
        let fitting = Some(Wanted::Fitting(schema.clone()));
        assert_eq!(of(json!({"type": "json_object"})), Some(Wanted::Object));
        assert_eq!(of(json!({"type": "text"})), None);
        assert_eq!(of(Value::Null), None);
        let format = json!({"type": "json_schema", "json_schema": {"name": "n", "schema": schema}});
        assert_eq!(of(format.clone()), fitting);
        let mut streamed = chat(format);
        streamed["stream"] = json!(true);
        assert_eq!(wanted(Api::Chat, &streamed), None);
        let format = json!({"type": "json_schema", "name": "n", "schema": schema});
        let response = json!({"model": "m", "input": "x", "text": {"format": format}});
        assert_eq!(wanted(Api::Responses, &response), fitting);
        let message = json!({"model": "m", "messages": [{}], "output_config": {"format": format}});
        assert_eq!(wanted(Api::Messages, &message), fitting);
        let message = json!({"model": "m", "messages": [{}], "output_format": format});
        assert_eq!(wanted(Api::Messages, &message), fitting);
    }

    #[test]
    fn an_answer_that_does_not_fit_has_failed_and_its_values_are_not_told() {
        let wanted = Wanted::Fitting(json!({"properties": {"a": {"type": "integer"}}}));
        let of = |api, answer: Value| {
            let checked = wanted.check(api, answer.to_string().as_bytes());
            checked.err().map(|fault| fault.message)
        };
        let chat = |message: Value, finish: &str| json!({"choices": [{"index": 0, "message": message, "finish_reason": finish}]});
        let message = "The answer does not fit the schema that was asked for: `type` at `/a`.";
        let bad = json!({"content": "{\"a\":\"secret\"}"});
        assert_eq!(
            of(Api::Chat, chat(bad.clone(), "stop")).as_deref(),
            Some(message)
        );
        assert_eq!(of(Api::Chat, chat(bad, "length")), None);
        assert_eq!(
            of(Api::Chat, chat(json!({"content": "{\"a\":1}"}), "stop")),
            None
        );
        let not_json = "The answer is not the JSON that was asked for.";
        let sure = chat(json!({"content": "Sure: {}"}), "stop");
        assert_eq!(of(Api::Chat, sure).as_deref(), Some(not_json));
        let calls = json!({"content": "x", "tool_calls": [{}]});
        assert_eq!(of(Api::Chat, chat(calls, "stop")), None);
        let refusal = json!({"content": null, "refusal": "no"});
        assert_eq!(of(Api::Chat, chat(refusal, "stop")), None);
        let block = |text: &str, stop: &str| {
            json!({"content": [{"type": "thinking", "thinking": "x"}, {"type": "text", "text": text}],
                "stop_reason": stop})
        };
        assert_eq!(
            of(Api::Messages, block("{\"a\":\"b\"}", "end_turn")).as_deref(),
            Some(message)
        );
        assert_eq!(of(Api::Messages, block("{\"a\":\"b\"}", "tool_use")), None);
        let response = |kind: &str, text: &str| {
            json!({"status": "completed", "output": [{"type": "reasoning", "summary": []},
                {"type": "message", "content": [{"type": kind, "text": text}]}]})
        };
        let bad = response("output_text", "{\"a\":\"b\"}");
        assert_eq!(of(Api::Responses, bad).as_deref(), Some(message));
        assert_eq!(of(Api::Responses, response("refusal", "no")), None);
        let object = Wanted::Object.check(
            Api::Chat,
            chat(json!({"content": "[]"}), "stop")
                .to_string()
                .as_bytes(),
        );
        assert!(object.is_err());
    }
}
