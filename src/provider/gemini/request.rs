//! A client's request in Gemini's words.

use super::{
    Gemini, Home, generation,
    generation::wrong,
    messages,
    model::model,
    note, thinking, tools,
    wire::{Body, ToolConfig},
};
use crate::{
    api::chat::{Chat, message},
    fault::{Fault, FaultKind},
    json::{self, Object, Quoted, Raw},
    provider::{
        OutBody, Outgoing,
        params::{self, Rule},
        path::segment,
    },
};
use serde::Deserialize;
use serde_json::value::RawValue;

/// Refused is what the client would miss in the answer. Dropped are hints, and what this API does not
/// have. The fields of Gemini's own body that this dialect writes cannot be given.
/// Source: OpenAI API reference, "Create chat completion"; `GenerateContentRequest`; read 2026-11.
const PARAMETERS: &[(&str, Rule)] = &[
    ("audio", Rule::Refuse),
    ("cachedContent", Rule::Handled),
    ("cached_content", Rule::Handled),
    ("contents", Rule::Drop),
    ("extra_body", Rule::Handled),
    ("frequency_penalty", Rule::Handled),
    ("function_call", Rule::Handled),
    ("functions", Rule::Handled),
    ("generationConfig", Rule::Handled),
    ("generation_config", Rule::Handled),
    ("logit_bias", Rule::Drop),
    ("logprobs", Rule::Handled),
    ("max_completion_tokens", Rule::Handled),
    ("max_tokens", Rule::Handled),
    ("messages", Rule::Handled),
    ("metadata", Rule::Drop),
    ("modalities", Rule::Handled),
    ("model", Rule::Handled),
    ("n", Rule::Handled),
    ("parallel_tool_calls", Rule::Handled),
    ("prediction", Rule::Drop),
    ("presence_penalty", Rule::Handled),
    ("prompt_cache_key", Rule::Drop),
    ("prompt_cache_retention", Rule::Drop),
    ("reasoning_effort", Rule::Handled),
    ("response_format", Rule::Handled),
    ("safetySettings", Rule::Handled),
    ("safety_identifier", Rule::Drop),
    ("safety_settings", Rule::Handled),
    ("seed", Rule::Handled),
    ("serviceTier", Rule::Drop),
    ("service_tier", Rule::Handled),
    ("stop", Rule::Handled),
    ("store", Rule::Drop),
    ("stream", Rule::Handled),
    ("stream_options", Rule::Handled),
    ("systemInstruction", Rule::Drop),
    ("system_instruction", Rule::Drop),
    ("temperature", Rule::Handled),
    ("thinking", Rule::Handled),
    ("thinkingConfig", Rule::Handled),
    ("thinking_config", Rule::Handled),
    ("toolConfig", Rule::Drop),
    ("tool_choice", Rule::Handled),
    ("tool_config", Rule::Drop),
    ("tools", Rule::Handled),
    ("top_k", Rule::Handled),
    ("top_logprobs", Rule::Handled),
    ("top_p", Rule::Handled),
    ("user", Rule::Drop),
    ("verbosity", Rule::Drop),
    ("web_search_options", Rule::Refuse),
];

/// The complete request.
///
/// Errors: what cannot be carried and must not be lost; names the field.
pub(super) fn translate(dialect: &Gemini, chat: &Chat<'_>) -> Result<Outgoing, Fault> {
    let (kept, mut dropped) = params::apply(PARAMETERS, dialect.common.unknown, &chat.body)?;
    let home = &dialect.home;
    refuse_sound(chat)?;
    let model = model(&chat.model);
    let messages = message::messages(chat)?;
    let talk = messages::translate(&messages, home, model.age, &mut dropped)?;
    let (tools, tool_config) = tools::translate(chat, &mut dropped)?;
    let may_call = tools.is_some() && !tool_config.as_ref().is_some_and(ToolConfig::is_none);
    let thinking = thinking::plan(chat, &model, &mut dropped)?;
    let extra = extra(chat, &mut dropped)?;
    let body = Body {
        system_instruction: talk.system,
        contents: talk.contents,
        generation_config: generation::configure(
            chat,
            thinking,
            model.age,
            may_call,
            &mut dropped,
        )?,
        tools,
        tool_config,
        safety_settings: either(chat, ["safety_settings", "safetySettings"]).or(extra.safety),
        cached_content: either(chat, ["cached_content", "cachedContent"]).or(extra.cached),
        service_tier: service_tier(chat, home, &mut dropped)?,
    };
    Ok(Outgoing {
        path: path(dialect, chat),
        headers: Vec::new(),
        body: OutBody::Whole(json::write(&body, &kept, chat.body.source().len())),
        dropped,
        answer_tool: None,
    })
}

impl ToolConfig<'_> {
    fn is_none(&self) -> bool {
        self.function_calling_config.mode == "NONE"
    }
}

fn path(dialect: &Gemini, chat: &Chat<'_>) -> String {
    let method = if chat.stream {
        "streamGenerateContent?alt=sse"
    } else {
        "generateContent"
    };
    format!("{}:{method}", place(dialect, &chat.model))
}

/// The model is part of the path; what a client names there cannot leave its segment.
pub(super) fn place(dialect: &Gemini, name: &str) -> String {
    let base = &dialect.common.base_path;
    match &dialect.home {
        Home::Gemini => {
            let (kind, name) = match name.strip_prefix("tunedModels/") {
                Some(name) => ("tunedModels", name),
                None => ("models", name.strip_prefix("models/").unwrap_or(name)),
            };
            format!("{base}/{kind}/{}", segment(name, b"@"))
        }
        Home::Vertex { project, location } => {
            let place = format!("{base}/projects/{project}/locations/{location}");
            if let Some(name) = name.strip_prefix("endpoints/") {
                return format!("{place}/endpoints/{}", segment(name, b"@"));
            }
            let name = ["publishers/google/models/", "google/", "models/"]
                .iter()
                .find_map(|prefix| name.strip_prefix(prefix))
                .unwrap_or(name);
            format!("{place}/publishers/google/models/{}", segment(name, b"@"))
        }
    }
}

/// The client would look for it in the answer.
fn refuse_sound(chat: &Chat<'_>) -> Result<(), Fault> {
    let wanted = chat.body.raw("modalities").map(Raw::get);
    match wanted {
        Some(list) if list.contains("\"audio\"") => {
            let message =
                "`modalities` may hold \"text\" and \"image\" only with this model's provider.";
            Err(Fault::new(FaultKind::Unsupported, message).at("modalities"))
        }
        _ => Ok(()),
    }
}

/// A field under Gemini's name or its other spelling.
fn either<'a>(chat: &'a Chat<'_>, keys: [&'static str; 2]) -> Option<&'a RawValue> {
    keys.into_iter()
        .find_map(|key| chat.body.read(key).unwrap_or_default())
}

#[derive(Default)]
struct Extra<'a> {
    safety: Option<&'a RawValue>,
    cached: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct ExtraBody<'a> {
    #[serde(borrow, default)]
    google: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Google<'a> {
    #[serde(borrow, default)]
    safety_settings: Option<&'a RawValue>,
    #[serde(borrow, default)]
    cached_content: Option<&'a RawValue>,
}

/// `extra_body.google`, where Google's own OpenAI layer looks for what OpenAI has no name for.
/// Source: ai.google.dev, "OpenAI compatibility: extra_body", read 2026-11.
fn extra<'a>(chat: &'a Chat<'_>, dropped: &mut Vec<String>) -> Result<Extra<'a>, Fault> {
    const KNOWN: &[&str] = &[
        "thinking_config",
        "thinkingConfig",
        "safety_settings",
        "cached_content",
    ];
    let Some(raw): Option<&RawValue> = chat.body.read("extra_body").unwrap_or_default() else {
        return Ok(Extra::default());
    };
    let extra: ExtraBody<'a> =
        serde_json::from_str(raw.get()).map_err(|_| wrong("extra_body", "an object"))?;
    let Some(raw) = extra.google else {
        note(dropped, "extra_body");
        return Ok(Extra::default());
    };
    let all = Object::parse(raw.get()).map_err(|_| wrong("extra_body.google", "an object"))?;
    for (key, _) in all.iter().filter(|(key, _)| !KNOWN.contains(key)) {
        note(dropped, &format!("extra_body.google.{key}"));
    }
    let google: Google<'a> =
        serde_json::from_str(raw.get()).map_err(|_| wrong("extra_body.google", "an object"))?;
    Ok(Extra {
        safety: google.safety_settings,
        cached: google.cached_content,
    })
}

/// `default` is the ordinary tier on both sides. Vertex chooses tiers by a header, not in the body.
/// Source: `ServiceTier` of google-genai 3.6 and the absence of the field in aiplatform_v1, read 2026-11.
fn service_tier(
    chat: &Chat<'_>,
    home: &Home,
    dropped: &mut Vec<String>,
) -> Result<Option<&'static str>, Fault> {
    let Some(raw): Option<&RawValue> = chat.body.read("service_tier").unwrap_or_default() else {
        return Ok(None);
    };
    let tier = Quoted::of(raw).ok_or_else(|| wrong("service_tier", "a string"))?;
    let tier = match &*tier.text() {
        "auto" => return Ok(None),
        "default" | "standard" if *home != Home::Gemini => return Ok(None),
        "default" | "standard" => Some("standard"),
        "flex" => Some("flex"),
        "priority" => Some("priority"),
        _ => None,
    };
    let tier = tier.filter(|_| *home == Home::Gemini);
    if tier.is_none() {
        note(dropped, "service_tier");
    }
    Ok(tier)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::{Common, params::Unknown};

    fn dialect(home: Home) -> Gemini {
        Gemini {
            common: Common {
                base_path: "/b".into(),
                unknown: Unknown::Keep,
            },
            home,
        }
    }

    fn vertex() -> Home {
        Home::Vertex {
            project: "p".into(),
            location: "global".into(),
        }
    }

    fn sent(home: Home, model: &str, fields: &str) -> Result<(String, String, String), String> {
        let body =
            format!(r#"{{"model":"x","messages":[{{"role":"user","content":"hi"}}]{fields}}}"#);
        let mut chat = Chat::parse(body.as_bytes()).unwrap();
        chat.model = model.into();
        let out = translate(&dialect(home), &chat).map_err(|fault| fault.message.into_owned())?;
        let sent = String::from_utf8(out.body.apply(body.as_bytes())).unwrap();
        Ok((out.path, sent, out.dropped.join(",")))
    }

    #[test]
    fn a_model_s_name_stays_in_its_segment() {
        let cases = [
            (
                Home::Gemini,
                "gemini-3-pro",
                "/b/models/gemini-3-pro:generateContent",
            ),
            (
                Home::Gemini,
                "models/gemini-3-pro",
                "/b/models/gemini-3-pro:generateContent",
            ),
            (
                Home::Gemini,
                "tunedModels/mine",
                "/b/tunedModels/mine:generateContent",
            ),
            (
                Home::Gemini,
                "../x:countTokens?key=1#\u{e9}",
                "/b/models/..%2Fx%3AcountTokens%3Fkey%3D1%23%C3%A9:generateContent",
            ),
            (
                vertex(),
                "google/gemini-3-pro",
                "/b/projects/p/locations/global/publishers/google/models/gemini-3-pro:generateContent",
            ),
            (
                vertex(),
                "publishers/google/models/gemini-2.5-pro",
                "/b/projects/p/locations/global/publishers/google/models/gemini-2.5-pro:generateContent",
            ),
            (
                vertex(),
                "endpoints/123",
                "/b/projects/p/locations/global/endpoints/123:generateContent",
            ),
        ];
        for (home, model, want) in cases {
            assert_eq!(sent(home, model, "").unwrap().0, want);
        }
        let (path, ..) = sent(Home::Gemini, "m", r#","stream":true"#).unwrap();
        assert_eq!(path, "/b/models/m:streamGenerateContent?alt=sse");
    }

    #[test]
    fn what_has_no_counterpart_is_listed_and_gemini_s_own_words_pass() {
        let cases = [
            (
                r#","user":"u","store":true,"logit_bias":null"#,
                "",
                "store,user",
            ),
            (
                r#","safety_settings":[{"category":"HARM_CATEGORY_HARASSMENT","threshold":"BLOCK_NONE"}],"cached_content":"cachedContents/1""#,
                r#","safetySettings":[{"category":"HARM_CATEGORY_HARASSMENT","threshold":"BLOCK_NONE"}],"cachedContent":"cachedContents/1""#,
                "",
            ),
            (
                r#","extra_body":{"google":{"cached_content":"c","new":1}}"#,
                r#","cachedContent":"c""#,
                "extra_body.google.new",
            ),
            (r#","service_tier":"flex""#, r#","serviceTier":"flex""#, ""),
            (r#","service_tier":"scale""#, "", "service_tier"),
            (r#","labels":{"a":"b"}"#, r#","labels":{"a":"b"}"#, ""),
            (
                r#","contents":[],"tool_config":{}"#,
                "",
                "contents,tool_config",
            ),
        ];
        for (fields, end, dropped) in cases {
            let (_, body, listed) = sent(Home::Gemini, "m", fields).unwrap();
            let mut listed: Vec<_> = listed.split(',').collect();
            listed.sort_unstable();
            let want =
                format!(r#"{{"contents":[{{"role":"user","parts":[{{"text":"hi"}}]}}]{end}}}"#);
            assert_eq!(
                (body, listed.join(",")),
                (want, dropped.to_owned()),
                "{fields}"
            );
        }
        let (_, body, listed) = sent(vertex(), "m", r#","service_tier":"flex""#).unwrap();
        assert!(!body.contains("Tier"));
        assert_eq!(listed, "service_tier");
    }

    #[test]
    fn what_would_be_missed_is_refused_by_name() {
        for (fields, want) in [
            (
                r#","modalities":["text","audio"]"#,
                "`modalities` may hold \"text\" and \"image\" only with this model's provider.",
            ),
            (
                r#","web_search_options":{}"#,
                "`web_search_options` is not supported by this model's provider; leave it out.",
            ),
            (r#","service_tier":1"#, "`service_tier` must be a string."),
            (r#","extra_body":1"#, "`extra_body` must be an object."),
            (
                r#","response_format":{"type":"json_object"},"tools":[{"type":"function","function":{"name":"f"}}]"#,
                "`response_format` cannot stand beside `tools` on this model; leave one out.",
            ),
        ] {
            assert_eq!(
                sent(Home::Gemini, "gemini-2.5-pro", fields),
                Err(want.to_owned()),
                "{fields}"
            );
        }
    }
}
