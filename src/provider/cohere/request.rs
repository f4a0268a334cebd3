//! A client's chat request in Cohere's words.

use super::{
    messages,
    model::model,
    note, thinking,
    tools::{self, Tools},
    wire::{Body, Format},
};
use crate::{
    api::chat::{
        Chat, message,
        tool::{self, Format as Asked},
    },
    fault::{Fault, FaultKind},
    json::{self, Object, Quoted, Raw},
    provider::{
        Common, OutBody, Outgoing,
        params::{self, Rule},
    },
};
use serde_json::value::RawValue;

/// Refused is what the client would miss in the answer. Dropped are hints. Kept by name are Cohere's
/// own parameters, which pass whatever `unknown_parameters` says.
/// Source: OpenAI API reference, "Create chat completion"; docs.cohere.com, API reference, "Chat API
/// (v2)", and "Compatibility API" (what has no counterpart); read 2026-11.
const PARAMETERS: &[(&str, Rule)] = &[
    ("audio", Rule::Refuse),
    ("citation_options", Rule::Keep),
    ("documents", Rule::Keep),
    ("frequency_penalty", Rule::Handled),
    ("function_call", Rule::Handled),
    ("functions", Rule::Handled),
    ("k", Rule::Keep),
    ("logit_bias", Rule::Drop),
    ("logprobs", Rule::Handled),
    ("max_completion_tokens", Rule::Handled),
    ("max_tokens", Rule::Handled),
    ("messages", Rule::Handled),
    ("metadata", Rule::Drop),
    ("modalities", Rule::Handled),
    ("model", Rule::Handled),
    ("n", Rule::Handled),
    ("p", Rule::Keep),
    ("parallel_tool_calls", Rule::Handled),
    ("prediction", Rule::Drop),
    ("presence_penalty", Rule::Handled),
    ("priority", Rule::Keep),
    ("prompt_cache_key", Rule::Drop),
    ("prompt_cache_retention", Rule::Drop),
    ("reasoning_effort", Rule::Handled),
    ("response_format", Rule::Handled),
    ("safety_identifier", Rule::Drop),
    ("safety_mode", Rule::Keep),
    ("seed", Rule::Handled),
    ("service_tier", Rule::Drop),
    ("stop", Rule::Handled),
    ("stop_sequences", Rule::Keep),
    ("store", Rule::Drop),
    ("stream", Rule::Handled),
    ("stream_options", Rule::Handled),
    ("strict_tools", Rule::Keep),
    ("temperature", Rule::Handled),
    ("thinking", Rule::Handled),
    ("tool_choice", Rule::Handled),
    ("tools", Rule::Handled),
    ("top_k", Rule::Rename("k")),
    ("top_logprobs", Rule::Handled),
    ("top_p", Rule::Handled),
    ("user", Rule::Drop),
    ("verbosity", Rule::Drop),
    ("web_search_options", Rule::Refuse),
];

/// Names of one parameter; when a client sends both, Cohere's own wins.
const TWINS: &[(&str, &str)] = &[("p", "top_p"), ("k", "top_k"), ("stop_sequences", "stop")];

/// The complete request.
///
/// Errors: what cannot be carried and must not be lost; names the field.
pub(super) fn translate(common: &Common, chat: &Chat<'_>) -> Result<Outgoing, Fault> {
    let mut source = chat.body.clone();
    for (own, other) in TWINS {
        match source.raw(own).map(Raw::get) {
            // JSON null asks for nothing.
            Some("null") => drop(source.remove(own)),
            Some(_) => drop(source.remove(other)),
            None => {}
        }
    }
    if source.raw("top_k").is_some_and(|raw| raw.get() == "null") {
        source.remove("top_k");
    }
    let (kept, mut dropped) = params::apply(PARAMETERS, common.unknown, &source)?;
    refuse_what_would_be_missed(chat)?;
    let model = model(&chat.model);
    let messages = message::messages(chat)?;
    let turns = messages::translate(&messages, &model, &mut dropped)?;
    let mut tools = tools::translate(chat, &model, &mut dropped)?;
    let response_format = format(chat, &mut tools)?;
    let max_tokens = limit(chat)?;
    let (frequency_penalty, presence_penalty) = penalties(chat, &mut dropped)?;
    let body = Body {
        model: &chat.model,
        stream: chat.stream,
        messages: turns,
        tools: tools.tools,
        tool_choice: tools.choice,
        strict_tools: tools.strict,
        response_format,
        max_tokens,
        stop_sequences: stop(&source)?,
        temperature: within(&source, "temperature", 2.0, 0.0..=1.0)?,
        p: within(&source, "top_p", 1.0, 0.01..=0.99)?,
        seed: seed(chat, &mut dropped)?,
        frequency_penalty,
        presence_penalty,
        logprobs: logprobs(chat, &mut dropped)?,
        thinking: thinking::plan(chat, &model, max_tokens, &mut dropped)?,
    };
    Ok(Outgoing {
        path: format!("{}/chat", common.base_path),
        headers: Vec::new(),
        body: OutBody::Whole(json::write(&body, &kept, chat.body.source().len())),
        dropped,
        answer_tool: None,
    })
}

/// Parameters whose effect the client would look for in the answer.
fn refuse_what_would_be_missed(chat: &Chat<'_>) -> Result<(), Fault> {
    let text = |key| chat.body.raw(key).map(Raw::get);
    let asks = [
        ("n", !matches!(text("n"), None | Some("null" | "1"))),
        (
            "modalities",
            text("modalities").is_some_and(|list| list.contains("\"audio\"")),
        ),
    ];
    match asks.iter().find(|(_, asked)| *asked) {
        None => Ok(()),
        Some((key, _)) => {
            let message =
                format!("`{key}` is not supported by this model's provider; leave it out.");
            Err(Fault::new(FaultKind::Unsupported, message).at(key))
        }
    }
}

/// JSON is `json_object`, with a schema where there is one, and never beside tools or documents. A
/// client that wants no tool to be called loses nothing when none are sent.
/// Source: docs.cohere.com, API reference, "Chat API (v2)" (`response_format`, limitation), read 2026-11.
fn format<'a>(chat: &'a Chat<'_>, tools: &mut Tools<'_>) -> Result<Option<Format<'a>>, Fault> {
    let json_schema = match tool::format(chat)? {
        Asked::Text => return Ok(None),
        Asked::JsonObject => None,
        Asked::JsonSchema(schema) => Some(schema),
    };
    if tools.choice == Some("NONE") {
        *tools = Tools::default();
    }
    let beside = if tools.tools.is_empty() {
        let documents = chat.body.raw("documents").map(Raw::get);
        (!matches!(documents, None | Some("null" | "[]"))).then_some("documents")
    } else {
        Some("tools")
    };
    if let Some(beside) = beside {
        let message = format!(
            "`response_format` cannot be combined with `{beside}` at this model's provider; leave one of them out."
        );
        return Err(Fault::new(FaultKind::Unsupported, message).at("response_format"));
    }
    Ok(Some(Format {
        r#type: "json_object",
        json_schema,
    }))
}

/// Whether log probabilities are wanted. Cohere tells them of what it said, not of what it might have.
fn logprobs(chat: &Chat<'_>, dropped: &mut Vec<String>) -> Result<Option<bool>, Fault> {
    let asked = match chat.body.read::<bool>("logprobs") {
        Ok(asked) => asked == Some(true),
        Err(_) => return Err(wrong("logprobs", "true or false")),
    };
    let top = chat.body.raw("top_logprobs").map(Raw::get);
    if !matches!(top, None | Some("null" | "0")) {
        note(dropped, "top_logprobs");
    }
    Ok(asked.then_some(true))
}

/// The client's limit; the newer name wins. Units: tokens.
fn limit(chat: &Chat<'_>) -> Result<Option<u64>, Fault> {
    for key in ["max_completion_tokens", "max_tokens"] {
        match chat.body.read::<u64>(key) {
            Ok(None) => {}
            Ok(Some(count)) if count > 0 => return Ok(Some(count)),
            _ => return Err(wrong(key, "a whole number of at least 1")),
        }
    }
    Ok(None)
}

/// A string or a list becomes a list.
fn stop<'a>(body: &'a Object<'_>) -> Result<Vec<Quoted<'a>>, Fault> {
    let Some(raw): Option<&RawValue> = body.read("stop").unwrap_or_default() else {
        return Ok(Vec::new());
    };
    let list: Option<Vec<Quoted<'a>>> = match Quoted::of(raw) {
        Some(stop) => Some(vec![stop]),
        None => serde_json::from_str::<Vec<&RawValue>>(raw.get())
            .ok()
            .and_then(|list| list.into_iter().map(Quoted::of).collect()),
    };
    let mut list = list.ok_or_else(|| wrong("stop", "a string or a list of strings"))?;
    list.retain(|stop| !stop.is_empty());
    Ok(list)
}

/// A number from 0 to `most`, moved to the nearest that Cohere takes.
/// Source: docs.cohere.com, API reference, "Chat API (v2)" (minimum and maximum of `temperature`, `p`),
/// read 2026-11.
fn within<'a>(
    body: &'a Object<'_>,
    key: &'static str,
    most: f64,
    takes: std::ops::RangeInclusive<f64>,
) -> Result<Option<&'a RawValue>, Fault> {
    let Some((raw, value)) = number(body, key, 0.0..=most)? else {
        return Ok(None);
    };
    Ok(Some(nearest(raw, value, &takes)))
}

fn nearest<'a>(
    raw: &'a RawValue,
    value: f64,
    takes: &std::ops::RangeInclusive<f64>,
) -> &'a RawValue {
    const EDGES: [(&str, f64); 4] = [("0", 0.0), ("0.01", 0.01), ("0.99", 0.99), ("1", 1.0)];
    let edge = value.clamp(*takes.start(), *takes.end());
    if edge.to_bits() == value.to_bits() {
        return raw;
    }
    let edge = EDGES.iter().find(|(_, known)| *known == edge);
    edge.and_then(|(text, _)| serde_json::from_str(text).ok())
        .unwrap_or(raw)
}

fn number<'a>(
    body: &'a Object<'_>,
    key: &'static str,
    range: std::ops::RangeInclusive<f64>,
) -> Result<Option<(&'a RawValue, f64)>, Fault> {
    let Some(raw): Option<&RawValue> = body.read(key).unwrap_or_default() else {
        return Ok(None);
    };
    let value = serde_json::from_str(raw.get()).ok();
    value
        .filter(|value| range.contains(value))
        .map(|value| Some((raw, value)))
        .ok_or_else(|| {
            let (low, high) = (range.start(), range.end());
            wrong(key, &format!("a number from {low} to {high}"))
        })
}

type Penalty<'a> = Option<&'a RawValue>;

/// From 0 to 1 here, from -2 to 2 at OpenAI, and never both.
/// Source: docs.cohere.com, "Errors" ("cannot specify both frequency_penalty and presence_penalty"),
/// read 2026-11.
fn penalties<'a>(
    chat: &'a Chat<'_>,
    dropped: &mut Vec<String>,
) -> Result<(Penalty<'a>, Penalty<'a>), Fault> {
    let mut penalty = |key: &'static str, taken: bool| -> Result<Penalty<'a>, Fault> {
        match number(&chat.body, key, -2.0..=2.0)? {
            Some((_, 0.0)) => Ok(None),
            Some((raw, value)) if value > 0.0 && !taken => {
                Ok(Some(nearest(raw, value, &(0.0..=1.0))))
            }
            Some(_) => {
                note(dropped, key);
                Ok(None)
            }
            None => Ok(None),
        }
    };
    let frequency = penalty("frequency_penalty", false)?;
    let presence = penalty("presence_penalty", frequency.is_some())?;
    Ok((frequency, presence))
}

/// A seed is not negative here.
fn seed<'a>(chat: &'a Chat<'_>, dropped: &mut Vec<String>) -> Result<Option<&'a RawValue>, Fault> {
    let Some(raw): Option<&RawValue> = chat.body.read("seed").unwrap_or_default() else {
        return Ok(None);
    };
    if raw.get().parse::<u64>().is_ok() {
        return Ok(Some(raw));
    }
    if raw.get().parse::<i64>().is_err() {
        return Err(wrong("seed", "a whole number"));
    }
    note(dropped, "seed");
    Ok(None)
}

fn wrong(key: &str, want: &str) -> Fault {
    Fault::new(FaultKind::BadRequest, format!("`{key}` must be {want}.")).at(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::params::Unknown;

    const HEAD: &str = r#"{"model":"m","stream":false,"messages":[{"role":"user","content":"hi"}]"#;

    fn sent_with(fields: &str, unknown: Unknown) -> Result<String, String> {
        let common = Common {
            base_path: "/v2".into(),
            unknown,
        };
        let body =
            format!(r#"{{"model":"m","messages":[{{"role":"user","content":"hi"}}],{fields}}}"#);
        let chat = Chat::parse(body.as_bytes()).unwrap();
        let out = translate(&common, &chat).map_err(|fault| fault.message.into_owned())?;
        assert_eq!(out.path, "/v2/chat");
        let OutBody::Whole(body) = out.body else {
            panic!("a whole body is written");
        };
        let body = String::from_utf8(body).unwrap();
        let body = body.strip_prefix(HEAD).unwrap().strip_suffix('}').unwrap();
        Ok(format!("{body} {}", out.dropped.join(",")))
    }

    fn sent(fields: &str) -> Result<String, String> {
        sent_with(fields, Unknown::Keep)
    }

    #[test]
    fn each_parameter_is_renamed_moved_or_listed() {
        let cases = [
            (
                r#""top_p":0.70,"top_k":40,"stop":"x""#,
                r#","stop_sequences":["x"],"p":0.70,"k":40 "#,
            ),
            (
                r#""top_p":1,"temperature":1.5,"stop":["a","","b"]"#,
                r#","stop_sequences":["a","b"],"temperature":1,"p":0.99 "#,
            ),
            (r#""top_p":0"#, r#","p":0.01 "#),
            (
                r#""top_p":0.5,"p":0.9,"top_k":1,"k":2,"stop":"a","stop_sequences":["b"]"#,
                r#","p":0.9,"k":2,"stop_sequences":["b"] "#,
            ),
            (
                r#""top_p":0.5,"p":null,"top_k":null,"stop":null"#,
                r#","p":0.5 "#,
            ),
            (
                r#""max_tokens":5,"max_completion_tokens":6"#,
                r#","max_tokens":6 "#,
            ),
            (
                r#""seed":18446744073709551615"#,
                r#","seed":18446744073709551615 "#,
            ),
            (r#""seed":-1"#, " seed"),
            (
                r#""frequency_penalty":1.5,"presence_penalty":0.5"#,
                r#","frequency_penalty":1 presence_penalty"#,
            ),
            (
                r#""frequency_penalty":0,"presence_penalty":0.50"#,
                r#","presence_penalty":0.50 "#,
            ),
            (r#""frequency_penalty":-1"#, " frequency_penalty"),
            (
                r#""logprobs":true,"top_logprobs":2"#,
                r#","logprobs":true top_logprobs"#,
            ),
            (
                r#""user":"u","logit_bias":{"1":2},"n":1,"logprobs":false"#,
                " user,logit_bias",
            ),
        ];
        for (fields, want) in cases {
            assert_eq!(sent(fields).as_deref(), Ok(want), "{fields}");
        }
    }

    #[test]
    fn cohere_s_own_parameters_pass_whatever_is_said_of_unknown_ones() {
        let own = r#""documents":[{"data":{"t":1.10}}],"citation_options":{"mode":"OFF"},"safety_mode":"STRICT","priority":3"#;
        assert_eq!(
            sent_with(&format!(r#"{own},"new":1"#), Unknown::Drop),
            Ok(format!(",{own} new"))
        );
        assert_eq!(
            sent(r#""new":{"z":1.10}"#).as_deref(),
            Ok(r#","new":{"z":1.10} "#)
        );
    }

    #[test]
    fn json_is_an_object_with_or_without_a_schema() {
        assert_eq!(
            sent(r#""response_format":{"type":"json_object"}"#).as_deref(),
            Ok(r#","response_format":{"type":"json_object"} "#)
        );
        assert_eq!(
            sent(r#""response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object"}}}"#).as_deref(),
            Ok(r#","response_format":{"type":"json_object","json_schema":{"type":"object"}} "#)
        );
    }

    #[test]
    fn json_beside_tools_is_refused_unless_none_may_be_called() {
        let json = r#""response_format":{"type":"json_object"}"#;
        let tools = r#""tools":[{"type":"function","function":{"name":"f"}}]"#;
        assert_eq!(
            sent(&format!("{json},{tools}")),
            Err("`response_format` cannot be combined with `tools` at this model's provider; leave one of them out.".into())
        );
        assert_eq!(
            sent(&format!(r#"{json},{tools},"tool_choice":"none""#)).as_deref(),
            Ok(r#","response_format":{"type":"json_object"} "#)
        );
        assert_eq!(
            sent(&format!(r#"{json},"documents":["d"]"#)),
            Err("`response_format` cannot be combined with `documents` at this model's provider; leave one of them out.".into())
        );
    }

    #[test]
    fn what_the_client_would_miss_and_what_is_out_of_range_is_refused() {
        let missed =
            |key: &str| format!("`{key}` is not supported by this model's provider; leave it out.");
        let cases = [
            (r#""n":2"#, missed("n")),
            (r#""modalities":["text","audio"]"#, missed("modalities")),
            (r#""audio":{}"#, missed("audio")),
            (
                r#""temperature":2.1"#,
                "`temperature` must be a number from 0 to 2.".into(),
            ),
            (
                r#""presence_penalty":3"#,
                "`presence_penalty` must be a number from -2 to 2.".into(),
            ),
            (r#""seed":1.5"#, "`seed` must be a whole number.".into()),
            (
                r#""max_tokens":0"#,
                "`max_tokens` must be a whole number of at least 1.".into(),
            ),
            (
                r#""stop":[1]"#,
                "`stop` must be a string or a list of strings.".into(),
            ),
        ];
        for (fields, want) in cases {
            assert_eq!(sent(fields), Err(want), "{fields}");
        }
    }
}
