//! `generationConfig`: how to generate, how much, and in which form.
//! Source: `GenerationConfig` of google-genai 3.6 and of google-cloud-aiplatform 2.7; ai.google.dev,
//! "Structured output"; read 2026-11.

use super::{model::Age, note, schema, wire::Generation, wire::Thinking};
use crate::{
    api::chat::{
        Chat,
        tool::{self, Format},
    },
    fault::{Fault, FaultKind},
    json::{Object, Quoted, Raw},
};
use serde_json::value::RawValue;

/// Most answers at once. Source: ai.google.dev, `candidateCount`, read 2026-11.
const MAX_CHOICES: u64 = 8;
/// Most alternatives per token. Source: docs.cloud.google.com, `logprobs`, read 2026-11.
const MAX_LOGPROBS: u64 = 20;

/// Writes the configuration; `None` when there is nothing to say. What the client gives in Gemini's own
/// words (`generation_config`) wins, field by field.
///
/// Errors: `BadRequest` or `Unsupported` that names the field.
pub(super) fn configure(
    chat: &Chat<'_>,
    thinking: Option<Thinking<'_>>,
    age: Age,
    has_tools: bool,
    dropped: &mut Vec<String>,
) -> Result<Option<Box<RawValue>>, Fault> {
    let mut config = Generation {
        max_output_tokens: limit(chat)?,
        candidate_count: choices(chat)?,
        temperature: number(chat, "temperature", 0.0, 2.0)?,
        top_p: number(chat, "top_p", 0.0, 1.0)?,
        top_k: number(chat, "top_k", 0.0, f64::MAX)?,
        seed: seed(chat, dropped)?,
        presence_penalty: number(chat, "presence_penalty", -2.0, 2.0)?,
        frequency_penalty: number(chat, "frequency_penalty", -2.0, 2.0)?,
        stop_sequences: stop(chat, dropped)?,
        thinking_config: thinking,
        response_modalities: modalities(chat),
        ..Generation::default()
    };
    logprobs(chat, &mut config)?;
    format(chat, age, has_tools, &mut config, dropped)?;
    // Writing such a value into memory cannot fail.
    let ours = serde_json::to_string(&config).unwrap_or_default();
    let mut all = Object::parse(&ours).unwrap_or_default();
    for key in ["generation_config", "generationConfig"] {
        let native: Option<&RawValue> = chat.body.read(key).unwrap_or_default();
        let Some(native) = native else { continue };
        let native = Object::parse(native.get()).map_err(|_| wrong(key, "an object"))?;
        for (field, value) in native.iter() {
            let field = camel(field);
            all.remove(&field);
            all.push(field.into(), Raw::Made(value.get().to_owned()));
        }
    }
    if all.is_empty() {
        return Ok(None);
    }
    let text = String::from_utf8(all.to_vec()).unwrap_or_default();
    Ok(RawValue::from_string(text).ok())
}

/// Text alone is what models do unasked. An image without words cannot be had of every model, so that both
/// are asked for.
fn modalities(chat: &Chat<'_>) -> &'static [&'static str] {
    let wanted = chat.body.raw("modalities").map(Raw::get);
    if wanted.is_some_and(|list| list.contains("\"image\"")) {
        &["TEXT", "IMAGE"]
    } else {
        &[]
    }
}

/// The API takes both `max_output_tokens` and `maxOutputTokens`, but not both at once.
fn camel(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut upper = false;
    for c in name.chars() {
        match c {
            '_' => upper = true,
            c if upper => {
                out.push(c.to_ascii_uppercase());
                upper = false;
            }
            c => out.push(c),
        }
    }
    out
}

/// The client's limit; the newer name wins. Units: tokens, thinking and answer together.
fn limit(chat: &Chat<'_>) -> Result<Option<u64>, Fault> {
    for key in ["max_completion_tokens", "max_tokens"] {
        match chat.body.read::<u64>(key) {
            Ok(None) => {}
            // The field is a 32-bit integer.
            Ok(Some(count)) if count > 0 => return Ok(Some(count.min(i32::MAX as u64))),
            _ => return Err(wrong(key, "a whole number of at least 1")),
        }
    }
    Ok(None)
}

fn choices(chat: &Chat<'_>) -> Result<Option<u64>, Fault> {
    match chat.body.read::<u64>("n") {
        Ok(None | Some(1)) => Ok(None),
        Ok(Some(count)) if (2..=MAX_CHOICES).contains(&count) => Ok(Some(count)),
        Ok(Some(count)) if count > MAX_CHOICES => {
            let message = format!("`n` may be at most {MAX_CHOICES} with this model's provider.");
            Err(Fault::new(FaultKind::Unsupported, message).at("n"))
        }
        _ => Err(wrong("n", "a whole number of at least 1")),
    }
}

fn number<'a>(
    chat: &'a Chat<'_>,
    key: &'static str,
    least: f64,
    most: f64,
) -> Result<Option<&'a RawValue>, Fault> {
    let Some(raw): Option<&RawValue> = chat.body.read(key).unwrap_or_default() else {
        return Ok(None);
    };
    let value: Option<f64> = serde_json::from_str(raw.get()).ok();
    match value {
        Some(value) if (least..=most).contains(&value) => Ok(Some(raw)),
        _ if most < f64::MAX => Err(wrong(key, &format!("a number from {least} to {most}"))),
        _ => Err(wrong(key, &format!("a number of at least {least}"))),
    }
}

/// OpenAI's seed has 64 bits and this one 32; half of it would be another seed.
fn seed(chat: &Chat<'_>, dropped: &mut Vec<String>) -> Result<Option<i32>, Fault> {
    let Some(raw): Option<&RawValue> = chat.body.read("seed").unwrap_or_default() else {
        return Ok(None);
    };
    let digits = raw.get().trim_start_matches('-');
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(wrong("seed", "a whole number"));
    }
    let seed = raw.get().parse().ok();
    if seed.is_none() {
        note(dropped, "seed");
    }
    Ok(seed)
}

/// A string or a list becomes a list; an empty one stops nothing and is refused upstream.
fn stop<'a>(chat: &'a Chat<'_>, dropped: &mut Vec<String>) -> Result<Vec<Quoted<'a>>, Fault> {
    let Some(raw): Option<&RawValue> = chat.body.read("stop").unwrap_or_default() else {
        return Ok(Vec::new());
    };
    let list: Option<Vec<Quoted<'a>>> = match Quoted::of(raw) {
        Some(stop) => Some(vec![stop]),
        None => serde_json::from_str::<Vec<&RawValue>>(raw.get())
            .ok()
            .and_then(|list| list.into_iter().map(Quoted::of).collect()),
    };
    let mut list = list.ok_or_else(|| wrong("stop", "a string or a list of strings"))?;
    let all = list.len();
    list.retain(|stop| !stop.is_empty());
    if list.len() < all {
        note(dropped, "stop");
    }
    Ok(list)
}

fn logprobs(chat: &Chat<'_>, config: &mut Generation<'_>) -> Result<(), Fault> {
    let wanted = chat
        .body
        .read::<bool>("logprobs")
        .map_err(|_| wrong("logprobs", "true or false"))?;
    let top = chat
        .body
        .read::<u64>("top_logprobs")
        .ok()
        .filter(|top| top.is_none_or(|top| top <= MAX_LOGPROBS))
        .ok_or_else(|| wrong("top_logprobs", "a whole number from 0 to 20"))?;
    if wanted == Some(true) {
        config.response_logprobs = Some(true);
        config.logprobs = top.filter(|top| *top > 0);
    } else if top.is_some_and(|top| top > 0) {
        return Err(wrong("top_logprobs", "left out, or `logprobs` true"));
    }
    Ok(())
}

/// `responseJsonSchema` and not `responseSchema`: it takes JSON Schema as it is written, unions and all,
/// and Google's SDK recommends it for both APIs.
fn format(
    chat: &Chat<'_>,
    age: Age,
    has_tools: bool,
    config: &mut Generation<'_>,
    dropped: &mut Vec<String>,
) -> Result<(), Fault> {
    let form = tool::format(chat)?;
    if !matches!(form, Format::Text) && has_tools && age == Age::Old {
        let message = "`response_format` cannot stand beside `tools` on this model; leave one out.";
        return Err(Fault::new(FaultKind::Unsupported, message).at("response_format"));
    }
    match form {
        Format::Text => {}
        Format::JsonObject => config.response_mime_type = Some("application/json"),
        Format::JsonSchema(raw) => {
            let fitted = schema::fit(raw);
            if fitted.loosened {
                note(dropped, "response_format.json_schema.schema");
            }
            config.response_mime_type = Some("application/json");
            config.response_json_schema = Some(fitted.schema);
        }
    }
    Ok(())
}

pub(super) fn wrong(key: &str, want: &str) -> Fault {
    Fault::new(FaultKind::BadRequest, format!("`{key}` must be {want}.")).at(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configured(fields: &str) -> Result<String, String> {
        let body = format!(r#"{{"model":"m","messages":[{{}}],{fields}}}"#);
        let chat = Chat::parse(body.as_bytes()).unwrap();
        let mut dropped = Vec::new();
        let config = configure(&chat, None, Age::Old, false, &mut dropped)
            .map_err(|fault| fault.message.into_owned())?;
        let config = config.map_or_else(|| "-".to_owned(), |raw| raw.get().to_owned());
        Ok(format!("{config} {}", dropped.join(",")))
    }

    #[test]
    fn each_parameter_finds_its_field() {
        let cases = [
            (r#""n":1"#, "- "),
            (
                r#""max_tokens":5,"max_completion_tokens":9,"temperature":0.70,"top_p":1,"top_k":40,"seed":-7"#,
                r#"{"maxOutputTokens":9,"temperature":0.70,"topP":1,"topK":40,"seed":-7} "#,
            ),
            (
                r#""n":2,"presence_penalty":-0.5,"frequency_penalty":2,"stop":"X""#,
                r#"{"candidateCount":2,"presencePenalty":-0.5,"frequencyPenalty":2,"stopSequences":["X"]} "#,
            ),
            (
                r#""seed":12345678901234567890,"stop":["","\n"]"#,
                r#"{"stopSequences":["\n"]} seed,stop"#,
            ),
            (
                r#""logprobs":true,"top_logprobs":3"#,
                r#"{"responseLogprobs":true,"logprobs":3} "#,
            ),
            (r#""logprobs":false,"top_logprobs":0"#, "- "),
            (
                r#""max_tokens":99999999999"#,
                r#"{"maxOutputTokens":2147483647} "#,
            ),
            (
                r#""response_format":{"type":"json_object"}"#,
                r#"{"responseMimeType":"application/json"} "#,
            ),
            (
                r#""temperature":1,"generation_config":{"temperature":0.5,"media_resolution":"MEDIA_RESOLUTION_LOW"}"#,
                r#"{"temperature":0.5,"mediaResolution":"MEDIA_RESOLUTION_LOW"} "#,
            ),
            (
                r#""max_tokens":5,"generationConfig":{"maxOutputTokens":7}"#,
                r#"{"maxOutputTokens":7} "#,
            ),
        ];
        for (fields, want) in cases {
            assert_eq!(configured(fields).as_deref(), Ok(want), "{fields}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let cases = [
            (r#""n":0"#, "`n` must be a whole number of at least 1."),
            (
                r#""n":9"#,
                "`n` may be at most 8 with this model's provider.",
            ),
            (
                r#""max_tokens":1.5"#,
                "`max_tokens` must be a whole number of at least 1.",
            ),
            (
                r#""temperature":2.5"#,
                "`temperature` must be a number from 0 to 2.",
            ),
            (r#""top_k":-1"#, "`top_k` must be a number of at least 0."),
            (r#""seed":1.5"#, "`seed` must be a whole number."),
            (
                r#""stop":[1]"#,
                "`stop` must be a string or a list of strings.",
            ),
            (
                r#""top_logprobs":21,"logprobs":true"#,
                "`top_logprobs` must be a whole number from 0 to 20.",
            ),
            (
                r#""top_logprobs":2"#,
                "`top_logprobs` must be left out, or `logprobs` true.",
            ),
            (
                r#""generation_config":[]"#,
                "`generation_config` must be an object.",
            ),
        ];
        for (fields, want) in cases {
            assert_eq!(configured(fields), Err(want.to_owned()), "{fields}");
        }
    }
}
