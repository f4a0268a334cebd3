//! A client's request in Converse's words.

use super::{
    Bedrock,
    content::Around,
    family::{Family, family},
    messages, reasoning, tools,
    wire::{Block, Body, Inference, Tier},
};
use crate::{
    api::chat::{
        Chat, message,
        tool::{self, Format},
    },
    fault::{Fault, FaultKind},
    json::{self, Object, Quoted, Raw, Str},
    provider::{
        OutBody, Outgoing, answer_tool,
        anthropic::{
            note,
            request::{JSON_ONLY, limit, most, refuse_what_would_be_missed, stop, wrong},
            sampling::{self, Allowed},
            schema,
            thinking::{self, Around as Beside},
            wire::Words,
        },
        params::{self, Rule},
        path::segment,
    },
};
use serde::Serialize;
use serde_json::value::RawValue;

/// Refused is what the client would miss in the answer; dropped are hints, and limits of taste that
/// this API does not have. The names in two words are Converse's own.
/// Source: OpenAI API reference, "Create chat completion"; Amazon Bedrock API reference, "Converse";
/// read 2026-11.
const PARAMETERS: &[(&str, Rule)] = &[
    ("additionalModelRequestFields", Rule::Handled),
    ("audio", Rule::Refuse),
    ("frequency_penalty", Rule::Drop),
    ("function_call", Rule::Handled),
    ("functions", Rule::Handled),
    ("logit_bias", Rule::Drop),
    ("logprobs", Rule::Handled),
    ("max_completion_tokens", Rule::Handled),
    ("max_tokens", Rule::Handled),
    ("messages", Rule::Handled),
    ("metadata", Rule::Drop),
    ("modalities", Rule::Handled),
    ("model", Rule::Handled),
    ("n", Rule::Handled),
    ("outputConfig", Rule::Handled),
    ("parallel_tool_calls", Rule::Handled),
    ("prediction", Rule::Drop),
    ("presence_penalty", Rule::Drop),
    ("prompt_cache_key", Rule::Drop),
    ("prompt_cache_retention", Rule::Drop),
    ("reasoning_effort", Rule::Handled),
    ("response_format", Rule::Handled),
    ("safety_identifier", Rule::Drop),
    ("seed", Rule::Drop),
    ("serviceTier", Rule::Keep),
    ("service_tier", Rule::Handled),
    ("stop", Rule::Handled),
    ("store", Rule::Drop),
    ("stream", Rule::Handled),
    ("stream_options", Rule::Handled),
    ("temperature", Rule::Handled),
    ("thinking", Rule::Handled),
    ("tool_choice", Rule::Handled),
    ("tools", Rule::Handled),
    ("top_k", Rule::Handled),
    ("top_logprobs", Rule::Handled),
    ("top_p", Rule::Handled),
    ("user", Rule::Drop),
    ("verbosity", Rule::Drop),
    ("web_search_options", Rule::Refuse),
    ("additionalModelResponseFieldPaths", Rule::Keep),
    ("guardrailConfig", Rule::Keep),
    ("performanceConfig", Rule::Keep),
    ("projectIdentifier", Rule::Keep),
    ("promptVariables", Rule::Keep),
    ("requestMetadata", Rule::Keep),
];

/// The complete request.
///
/// Errors: what cannot be carried and must not be lost; names the field.
pub(super) fn translate(dialect: &Bedrock, chat: &Chat<'_>) -> Result<Outgoing, Fault> {
    let (kept, mut dropped) = params::apply(PARAMETERS, dialect.common.unknown, &chat.body)?;
    refuse_what_would_be_missed(chat)?;
    let family = family(&chat.model);
    if !family.schemas()
        && family.forced_tools()
        && let Some(wrapped) = answer_tool::wrap(chat)?
    {
        let mut outgoing = translate(dialect, &wrapped.chat)?;
        if wrapped.strict {
            note(&mut outgoing.dropped, answer_tool::STRICT);
        }
        outgoing.answer_tool = wrapped.name;
        return Ok(outgoing);
    }
    let (native, mut extra) = sorted(kept);
    let messages = message::messages(chat)?;
    let mut around = Around {
        caches: family.caches(&chat.model),
        errors: family.errors(),
        documents: Default::default(),
        dropped: &mut dropped,
    };
    let mut talk = messages::translate(&messages, &mut around)?;
    let tools = tools::translate(chat, &talk, &family, &mut around)?;
    let format = tool::format(chat)?;
    let only = match format {
        Format::JsonObject => Some(JSON_ONLY.to_owned()),
        Format::JsonSchema(schema) if !family.schemas() => Some(format!(
            "{JSON_ONLY} It follows this JSON schema: {}",
            schema.get()
        )),
        _ => None,
    };
    if let Some(only) = only {
        // Asked for, but nothing enforces it.
        note(&mut dropped, "response_format");
        talk.system.push(Block::Text(Words::Made(only)));
    }
    let limit = limit(chat)?;
    let mut inference = Inference {
        max_tokens: limit.or(dialect.default_max_tokens),
        stop_sequences: stop(chat, unstoppable(&family), &mut dropped)?,
        ..Inference::default()
    };
    let mut effort = None;
    let allowed = if let Family::Claude(model) = &family {
        if talk.is_prefilled() && !model.prefill {
            let place = format!("messages[{}]", messages.len().saturating_sub(1));
            let message = format!(
                "`{place}` must not be an assistant message: this model does not continue its own words."
            );
            return Err(Fault::new(FaultKind::Unsupported, message).at(place));
        }
        inference.max_tokens = inference.max_tokens.map(|limit| limit.min(most(model)));
        let beside = Beside {
            max_tokens: inference.max_tokens.unwrap_or(model.max_tokens),
            limited: limit.is_some(),
            unthinking: talk.is_prefilled() || talk.lost_its_thoughts(),
            forced: tools.as_ref().is_some_and(|tools| tools.forced()),
        };
        let plan = thinking::plan(chat, model, beside, &mut dropped)?;
        let thinks = plan.thinks();
        // Without a limit the model's own holds, which no budget could be measured against.
        if inference.max_tokens.is_some() || plan.budgets() {
            inference.max_tokens = Some(plan.max_tokens);
        }
        if let Some(thinking) = &plan.thinking {
            // Such a value is always writable, here and below.
            let _ = extra.set("thinking", thinking);
        }
        effort = plan.effort;
        match (model.sampling, thinks) {
            (false, _) => Allowed::Nothing,
            (true, true) => Allowed::Thinking,
            (true, false) => Allowed::All,
        }
    } else {
        let allowed = reasoning::think(chat, &family, limit, &mut extra, &mut dropped)?;
        if matches!((&family, &allowed), (Family::Nova { .. }, Allowed::Nothing)) {
            // Nova's highest level takes no limit, and the one that is configured is not the client's.
            inference.max_tokens = limit;
        }
        allowed
    };
    let sampling = sampling::choose(chat, allowed, &mut dropped)?;
    inference.temperature = sampling.temperature;
    inference.top_p = sampling.top_p;
    if let Some(top_k) = sampling.top_k {
        match family {
            Family::Nova { .. } => {
                let _ = extra.set("inferenceConfig", &NovaInference { top_k });
            }
            _ => {
                let _ = extra.set("top_k", top_k);
            }
        }
    }
    let body = Body {
        messages: talk.turns,
        system: talk.system,
        inference_config: inference,
        tool_config: tools,
        output_config: output_config(chat, &family, effort, format, &mut dropped)?,
        additional_model_request_fields: merged(chat, extra)?,
        service_tier: service_tier(chat, &native, &mut dropped)?,
    };
    let operation = if chat.stream {
        "converse-stream"
    } else {
        "converse"
    };
    Ok(Outgoing {
        path: format!(
            "{}/{}/{operation}",
            dialect.common.base_path,
            segment(&chat.model, b"")
        ),
        headers: Vec::new(),
        body: OutBody::Whole(json::write(&body, &native, chat.body.source().len())),
        dropped,
        answer_tool: None,
    })
}

/// Converse's own parameters, and those that only the model may know.
fn sorted(kept: Object<'_>) -> (Object<'_>, Object<'_>) {
    let (mut native, mut extra) = (Object::default(), Object::default());
    for (key, raw) in kept.iter() {
        if raw.get() == "null" {
            continue;
        }
        let known = PARAMETERS.iter().any(|(name, _)| *name == key);
        let into = if known { &mut native } else { &mut extra };
        into.push(key.to_owned().into(), raw.clone());
    }
    (native, extra)
}

/// A stop of white space is refused by Claude, an empty one by all.
fn unstoppable<'a>(family: &Family) -> fn(Quoted<'a>) -> bool {
    match family {
        Family::Claude(_) => Quoted::is_blank,
        _ => Quoted::is_empty,
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NovaInference<'a> {
    top_k: &'a RawValue,
}

/// What the client gave for the model itself wins over what was derived.
fn merged(chat: &Chat<'_>, mut extra: Object<'_>) -> Result<Option<Box<RawValue>>, Fault> {
    const KEY: &str = "additionalModelRequestFields";
    let given: Option<&RawValue> = chat.body.read(KEY).unwrap_or_default();
    if let Some(raw) = given {
        let given = Object::parse(raw.get()).map_err(|_| wrong(KEY, "an object"))?;
        for (key, raw) in given.iter() {
            extra.remove(key);
            extra.push(key.to_owned().into(), Raw::Made(raw.get().to_owned()));
        }
    }
    Ok(written(&extra))
}

fn written(object: &Object<'_>) -> Option<Box<RawValue>> {
    if object.is_empty() {
        return None;
    }
    let text = String::from_utf8(object.to_vec()).ok()?;
    RawValue::from_string(text).ok()
}

#[derive(Serialize)]
struct TextFormat<'a> {
    r#type: &'static str,
    structure: Structure<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Structure<'a> {
    json_schema: JsonSchema<'a>,
}

#[derive(Serialize)]
struct JsonSchema<'a> {
    /// JSON, inside a string.
    schema: &'a str,
}

/// What the client gave natively stays; effort and format are added where it is silent.
fn output_config(
    chat: &Chat<'_>,
    family: &Family,
    effort: Option<&'static str>,
    format: Format<'_>,
    dropped: &mut Vec<String>,
) -> Result<Option<Box<RawValue>>, Fault> {
    let native: Option<&RawValue> = chat.body.read("outputConfig").unwrap_or_default();
    let native = native.map(|raw| Object::parse(raw.get())).transpose();
    let mut config = native
        .map_err(|_| wrong("outputConfig", "an object"))?
        .unwrap_or_default();
    if let Format::JsonSchema(schema) = format
        && family.schemas()
        && config.raw("textFormat").is_none()
    {
        let fitted = schema::fit(schema);
        if fitted.loosened {
            note(dropped, "response_format.json_schema.schema");
        }
        let schema = fitted.schema.as_deref().unwrap_or(schema).get();
        let format = TextFormat {
            r#type: "json_schema",
            structure: Structure {
                json_schema: JsonSchema { schema },
            },
        };
        let _ = config.set("textFormat", &format);
    }
    if let Some(effort) = effort
        && config.raw("effort").is_none()
    {
        let _ = config.set("effort", effort);
    }
    Ok(written(&config))
}

/// Source: Amazon Bedrock API reference, "ServiceTier"; `auto` is to name none.
fn service_tier(
    chat: &Chat<'_>,
    native: &Object<'_>,
    dropped: &mut Vec<String>,
) -> Result<Option<Tier>, Fault> {
    let tier: Option<Str<'_>> = chat
        .body
        .read("service_tier")
        .map_err(|_| wrong("service_tier", "a string"))?;
    let r#type = match tier.as_deref() {
        None | Some("auto") => return Ok(None),
        Some("default") => "default",
        Some("flex") => "flex",
        Some("priority") => "priority",
        Some(_) => {
            note(dropped, "service_tier");
            return Ok(None);
        }
    };
    Ok(native
        .raw("serviceTier")
        .is_none()
        .then_some(Tier { r#type }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::{Common, params::Unknown};

    const CLAUDE: &str = "anthropic.claude-haiku-4-5-20251001-v1:0";
    const NOVA: &str = "us.amazon.nova-2-lite-v1:0";

    fn sent(model: &str, fields: &str) -> Result<(String, String), String> {
        limited(None, model, fields)
    }

    /// With this default of `maxTokens`.
    fn limited(
        default_max_tokens: impl Into<Option<u64>>,
        model: &str,
        fields: &str,
    ) -> Result<(String, String), String> {
        let dialect = Bedrock {
            common: Common {
                base_path: "/model".into(),
                unknown: Unknown::Keep,
            },
            default_max_tokens: default_max_tokens.into(),
        };
        let body = format!(
            r#"{{"model":"{model}","messages":[{{"role":"user","content":"h\u0069"}}]{fields}}}"#
        );
        let chat = Chat::parse(body.as_bytes()).unwrap();
        let outgoing = translate(&dialect, &chat).map_err(|fault| fault.message.into_owned())?;
        let sent = String::from_utf8(outgoing.body.apply(body.as_bytes())).unwrap();
        let start = r#"{"messages":[{"role":"user","content":[{"text":"h\u0069"}]}]"#;
        let rest = sent.strip_prefix(start).unwrap().trim_start_matches(',');
        Ok((rest.to_owned(), outgoing.dropped.join(",")))
    }

    fn all(cases: &[(&str, &str, &str, &str)]) {
        for (model, fields, rest, dropped) in cases {
            let want = Ok((format!("{rest}}}"), (*dropped).to_owned()));
            assert_eq!(sent(model, fields), want, "{model} {fields}");
        }
    }

    #[test]
    fn inference_is_capped_and_what_only_the_model_knows_is_passed_beside_it() {
        all(&[
            (CLAUDE, "", "", ""),
            (
                CLAUDE,
                r#","max_tokens":5,"max_completion_tokens":9,"temperature":1.5,"top_k":40,"stop":["a"," "]"#,
                r#""inferenceConfig":{"maxTokens":9,"temperature":1,"stopSequences":["a"]},"additionalModelRequestFields":{"top_k":40}"#,
                "stop",
            ),
            (
                CLAUDE,
                r#","temperature":0.5,"top_p":0.9"#,
                r#""inferenceConfig":{"temperature":0.5}"#,
                "top_p",
            ),
            (
                NOVA,
                r#","temperature":0.5,"top_p":0.9,"top_k":4,"stop":"\n\n""#,
                r#""inferenceConfig":{"temperature":0.5,"topP":0.9,"stopSequences":["\n\n"]},"additionalModelRequestFields":{"inferenceConfig":{"topK":4}}"#,
                "",
            ),
            (
                "mistral.x",
                r#","min_p":0.10,"gone":null,"additionalModelRequestFields":{"min_p":0.2,"y":1}"#,
                r#""additionalModelRequestFields":{"min_p":0.2,"y":1}"#,
                "",
            ),
            (
                CLAUDE,
                r#","guardrailConfig":{"guardrailIdentifier":"g","guardrailVersion":"1"},"requestMetadata":{"team":"a"},"seed":1,"user":"u""#,
                r#""guardrailConfig":{"guardrailIdentifier":"g","guardrailVersion":"1"},"requestMetadata":{"team":"a"}"#,
                "seed,user",
            ),
            (
                CLAUDE,
                r#","service_tier":"flex""#,
                r#""serviceTier":{"type":"flex"}"#,
                "",
            ),
            (CLAUDE, r#","service_tier":"scale""#, "", "service_tier"),
        ]);
    }

    #[test]
    fn each_family_is_asked_to_think_in_its_own_words() {
        let effort = |level: &str| format!(r#","reasoning_effort":"{level}""#);
        all(&[
            (
                CLAUDE,
                &effort("low"),
                r#""inferenceConfig":{"maxTokens":64000},"additionalModelRequestFields":{"thinking":{"type":"enabled","budget_tokens":2048}}"#,
                "",
            ),
            (
                CLAUDE,
                r#","reasoning_effort":"high","max_tokens":8000,"temperature":0.2"#,
                r#""inferenceConfig":{"maxTokens":8000},"additionalModelRequestFields":{"thinking":{"type":"enabled","budget_tokens":4000}}"#,
                "temperature",
            ),
            (
                "us.anthropic.claude-opus-4-8-v1",
                &effort("medium"),
                r#""additionalModelRequestFields":{"thinking":{"type":"adaptive","display":"summarized"}},"outputConfig":{"effort":"medium"}"#,
                "",
            ),
            (
                NOVA,
                &effort("low"),
                r#""additionalModelRequestFields":{"reasoningConfig":{"type":"enabled","maxReasoningEffort":"low"}}"#,
                "",
            ),
            (
                NOVA,
                r#","reasoning_effort":"high","temperature":0.3"#,
                r#""additionalModelRequestFields":{"reasoningConfig":{"type":"enabled","maxReasoningEffort":"high"}}"#,
                "temperature",
            ),
            (
                NOVA,
                r#","reasoning_effort":"high","max_tokens":100"#,
                r#""inferenceConfig":{"maxTokens":100},"additionalModelRequestFields":{"reasoningConfig":{"type":"enabled","maxReasoningEffort":"medium"}}"#,
                "reasoning_effort",
            ),
            (
                "openai.gpt-oss-20b-1:0",
                &effort("minimal"),
                r#""additionalModelRequestFields":{"reasoning_effort":"low"}"#,
                "",
            ),
            ("meta.llama3-3-70b", &effort("low"), "", "reasoning_effort"),
            ("meta.llama3-3-70b", &effort("none"), "", ""),
        ]);
        // A limit that is configured is not the client's.
        let own = limited(4096, NOVA, &effort("high")).unwrap();
        let thinks = r#""additionalModelRequestFields":{"reasoningConfig":{"type":"enabled","maxReasoningEffort":"high"}}}"#;
        assert_eq!(own, (thinks.to_owned(), String::new()));
        let own = limited(4096, NOVA, &effort("low")).unwrap().0;
        assert!(own.contains(r#""maxTokens":4096"#), "{own}");
        assert_eq!(
            sent(NOVA, &effort("much")),
            Err(
                "`reasoning_effort` must be one of none, minimal, low, medium, high, xhigh, max."
                    .to_owned()
            )
        );
    }

    #[test]
    fn a_schema_is_a_string_and_a_tool_where_the_model_would_not_follow_it() {
        let format = r#","response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object","properties":{"a":{"type":"string"}}}}}"#;
        all(&[
            (
                CLAUDE,
                format,
                r#""outputConfig":{"textFormat":{"type":"json_schema","structure":{"jsonSchema":{"schema":"{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}},\"additionalProperties\":false}"}}}}"#,
                "",
            ),
            (
                CLAUDE,
                &format!(r#"{format},"outputConfig":{{"textFormat":{{"type":"json_schema"}}}}"#),
                r#""outputConfig":{"textFormat":{"type":"json_schema"}}"#,
                "",
            ),
        ]);
        for model in [NOVA, "anthropic.claude-3-haiku-20240307-v1:0"] {
            let (sent, dropped) = sent(model, format).unwrap();
            assert!(
                sent.ends_with(r#""toolChoice":{"tool":{"name":"give_the_answer"}}}}"#),
                "{sent}"
            );
            assert_eq!(dropped, "");
        }
    }
}
