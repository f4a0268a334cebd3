//! The API that a client speaks, and a request in it as far as every step must know it.

use super::{
    chat::{
        Chat, Extensions, Translated,
        request::{bad, malformed, missing, wrong_type},
    },
    embeddings::Embed,
    messages,
    rerank::Rerank,
    responses,
    thought::may_hold_sealed,
};
use crate::{
    fault::{Fault, FaultKind},
    json::{Object, Str},
};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Longest model name; it goes into headers, logs and metrics.
pub(crate) const MAX_MODEL_BYTES: usize = 512;

/// The API that a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Api {
    /// OpenAI's Chat Completions.
    #[default]
    Chat,
    /// OpenAI's older Completions.
    Completions,
    /// OpenAI's Responses.
    Responses,
    /// Anthropic's Messages.
    Messages,
    /// Anthropic's count of a message's tokens.
    CountTokens,
    /// OpenAI's Embeddings.
    Embeddings,
    /// Reranking, in Cohere's form.
    Rerank,
}

impl Api {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::Chat,
        Self::Completions,
        Self::Responses,
        Self::Messages,
        Self::CountTokens,
        Self::Embeddings,
        Self::Rerank,
    ];

    /// Its name in the record.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Completions => "completions",
            Self::Responses => "responses",
            Self::Messages => "messages",
            Self::CountTokens => "count_tokens",
            Self::Embeddings => "embeddings",
            Self::Rerank => "rerank",
        }
    }

    /// What is done, whatever the language it is asked for in: its name in the record.
    pub const fn operation(self) -> &'static str {
        match self {
            Self::Chat | Self::Messages | Self::Responses => Self::Chat.as_str(),
            Self::Completions | Self::CountTokens | Self::Embeddings | Self::Rerank => {
                self.as_str()
            }
        }
    }

    /// Whether an answer is made of text and calls.
    pub const fn is_chat(self) -> bool {
        !matches!(self, Self::Embeddings | Self::Rerank)
    }

    /// Whether its errors and headers are Anthropic's.
    pub const fn is_anthropic(self) -> bool {
        matches!(self, Self::Messages | Self::CountTokens)
    }

    /// The headers that tell a client its request's id; Anthropic's SDKs look for one of their own.
    pub fn ids(self, id: Option<&str>) -> impl Iterator<Item = (&'static str, &str)> {
        let theirs = id.filter(|_| self.is_anthropic());
        let ours = id.map(|id| ("x-request-id", id));
        ours.into_iter().chain(theirs.map(|id| ("request-id", id)))
    }

    /// A refusal in this API's shape; `id`: the request's, where it is known.
    pub fn error(self, fault: &Fault, id: Option<&str>) -> Vec<u8> {
        if self.is_anthropic() {
            messages::error(fault, id)
        } else {
            fault.body()
        }
    }

    /// The event that ends a stream that breaks off. `number`: what it would have, where events are numbered.
    pub fn error_event(self, fault: &Fault, number: u64) -> Vec<u8> {
        match self {
            Self::Messages | Self::CountTokens => messages::error_event(fault),
            Self::Chat | Self::Completions | Self::Embeddings | Self::Rerank => {
                [b"data: ".as_slice(), &fault.body(), b"\n\n"].concat()
            }
            Self::Responses => responses::error_event(fault, number),
        }
    }

    /// What a request must hold besides its model, and whether it is a list.
    const fn needs(self) -> Option<(&'static str, bool)> {
        match self {
            Self::Chat | Self::Messages | Self::CountTokens => Some(("messages", true)),
            // An answer may also continue what the provider has stored.
            Self::Responses => None,
            Self::Completions => Some(("prompt", false)),
            // They look at all of their fields themselves.
            Self::Embeddings | Self::Rerank => None,
        }
    }
}

/// A request in the client's own words.
#[derive(Debug, Clone)]
pub struct Asked<'a> {
    /// The language it is in.
    pub api: Api,
    /// The model that the client asked for.
    pub model: Cow<'a, str>,
    /// The client wants server-sent events.
    pub stream: bool,
    /// The client asked for a usage chunk at the end of the stream.
    pub wants_usage: bool,
    /// The whole request.
    pub body: Object<'a>,
}

#[derive(Deserialize)]
struct StreamOptions {
    include_usage: Option<bool>,
}

impl<'a> Asked<'a> {
    /// Reads a body and checks what every provider needs: valid JSON, `model`, `stream` and what is to
    /// be answered.
    ///
    /// Errors: `BadRequest` that names the field.
    pub fn parse(api: Api, body: &'a [u8]) -> Result<Self, Fault> {
        let text = std::str::from_utf8(body).map_err(|e| {
            bad(format!(
                "The body is not valid UTF-8 (at byte {}). Send JSON text encoded as UTF-8.",
                e.valid_up_to()
            ))
        })?;
        let body = Object::indexed(text).map_err(malformed)?;
        one_model(&body)?;
        let model = wanted::<Str<'_>>(&body, "model", "a string")?
            .ok_or_else(|| missing("model"))?
            .into_cow()
            .into_owned();
        if model.is_empty() {
            return Err(missing("model"));
        }
        if model.len() > MAX_MODEL_BYTES {
            let message = format!("`model` is longer than {MAX_MODEL_BYTES} bytes.");
            return Err(bad(message).at("model"));
        }
        if let Some((key, list)) = api.needs() {
            match body.raw(key).map(|raw| raw.get().as_bytes()) {
                None | Some(b"null") => return Err(missing(key)),
                Some(_) if !list => {}
                Some([b'[', inner @ .., b']'])
                    if inner.iter().any(|b| !b.is_ascii_whitespace()) => {}
                Some([b'[', ..]) => {
                    return Err(bad("`messages` must hold at least one message.").at(key));
                }
                Some(_) => return Err(wrong_type(key, "a list of messages")),
            }
        }
        if api.is_chat() {
            return Self::conversation(api, model, body);
        }
        // Neither is streamed.
        let asked = Self {
            api,
            model: Cow::Owned(model),
            stream: false,
            wants_usage: false,
            body,
        };
        match api {
            Api::Rerank => asked.rerank("").check()?,
            _ => asked.embed("").check()?,
        }
        Ok(asked)
    }

    fn conversation(api: Api, model: String, body: Object<'a>) -> Result<Self, Fault> {
        let stream = wanted(&body, "stream", "true or false")?.unwrap_or(false);
        let options: Option<StreamOptions> = wanted(
            &body,
            "stream_options",
            "an object like {\"include_usage\": true}",
        )?;
        let wants_usage = options.and_then(|o| o.include_usage).unwrap_or(false);
        if api == Api::Responses
            && body
                .raw("background")
                .is_some_and(|raw| raw.get() == "true")
        {
            let message = "`background` is not possible here: the answer could not be fetched through this gateway; leave it out.";
            return Err(Fault::new(FaultKind::Unsupported, message).at("background"));
        }
        Ok(Self {
            api,
            model: Cow::Owned(model),
            stream: stream && api != Api::CountTokens,
            wants_usage,
            body,
        })
    }

    /// Whether it may hold reasoning that this gateway has sealed for another provider.
    pub fn may_hold_sealed(&self) -> bool {
        matches!(self.api, Api::Messages | Api::CountTokens | Api::Responses)
            && may_hold_sealed(self.body.source())
    }

    /// As a chat request to `model`, for a dialect that reads `takes` besides OpenAI's fields.
    ///
    /// Errors: what cannot be said in a chat request and must not be lost.
    pub fn translated(&self, model: &str, takes: Extensions) -> Result<Translated, Fault> {
        match self.api {
            Api::Messages | Api::CountTokens => messages::read(&self.body, model, takes),
            Api::Responses => responses::read(&self.body, model, takes),
            Api::Chat => Ok(Translated {
                body: self.body.to_vec(),
                dropped: Vec::new(),
                names: None,
                from: Vec::new(),
            }),
            Api::Completions => Err(Fault::new(
                FaultKind::Unsupported,
                "This model's provider has no Completions API; use /v1/chat/completions.",
            )),
            Api::Embeddings | Api::Rerank => Err(Fault::new(
                FaultKind::Unsupported,
                "This is no request for a chat.",
            )),
        }
    }

    /// As a request for embeddings to `model`.
    pub fn embed(&self, model: &str) -> Embed<'a> {
        Embed {
            model: Cow::Owned(model.to_owned()),
            body: self.body.clone(),
        }
    }

    /// As a request for reranking to `model`.
    pub fn rerank(&self, model: &str) -> Rerank<'a> {
        Rerank {
            model: Cow::Owned(model.to_owned()),
            body: self.body.clone(),
        }
    }

    /// The chat request that this is already.
    pub fn into_chat(self) -> Chat<'a> {
        Chat {
            model: self.model,
            stream: self.stream,
            wants_usage: self.wants_usage,
            body: self.body,
        }
    }
}

/// Hosts written in Go take a key in any case for `model`, and the last one counts: what the gateway
/// permits and what the host reads must be the same.
///
/// Errors: a key that differs from `model` in case only.
/// Source: go101.org, "The json.Unmarshal function accepts case-insensitive object key matches", read
/// 2026-11.
pub(super) fn one_model(body: &Object<'_>) -> Result<(), Fault> {
    let odd = |key: &str| key != "model" && key.eq_ignore_ascii_case("model");
    match body.iter().find(|(key, _)| odd(key)) {
        None => Ok(()),
        Some((key, _)) => {
            let message = format!("`{key}` could be taken for `model`; write `model`, once.");
            Err(bad(message).at("model"))
        }
    }
}

fn wanted<'s, T: Deserialize<'s>>(
    body: &'s Object<'_>,
    key: &'static str,
    want: &str,
) -> Result<Option<T>, Fault> {
    body.read(key).map_err(|_| wrong_type(key, want))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_other_key_can_be_taken_for_the_model() {
        for key in ["Model", "MODEL", "mo\\u0044el"] {
            let body = format!(r#"{{"model":"m","{key}":"x","messages":[{{}}]}}"#);
            let fault = Asked::parse(Api::Chat, body.as_bytes()).unwrap_err();
            assert_eq!(
                (fault.status(), fault.param.as_deref()),
                (400, Some("model"))
            );
        }
        let twice = br#"{"model":"m","mo\u0064el":"x","messages":[{}]}"#;
        assert_eq!(Asked::parse(Api::Chat, twice).unwrap_err().status(), 400);
        let others = br#"{"model":"m","models":[1],"model_":1,"messages":[{"Model":1}]}"#;
        assert!(Asked::parse(Api::Chat, others).is_ok());
    }

    #[test]
    fn each_api_needs_what_it_answers() {
        let of = |api, body: &str| Asked::parse(api, body.as_bytes()).map(|a| a.stream);
        let refused = |api, body: &str| of(api, body).unwrap_err().param.unwrap();
        let message = r#"{"model":"m","messages":[{}],"stream":true}"#;
        assert_eq!(of(Api::Messages, message), Ok(true));
        assert_eq!(of(Api::CountTokens, message), Ok(false));
        assert_eq!(refused(Api::Messages, r#"{"model":"m"}"#), "messages");
        assert_eq!(of(Api::Responses, r#"{"model":"m"}"#), Ok(false));
        assert_eq!(refused(Api::Responses, r#"{"input":"x"}"#), "model");
        let background = |on| format!(r#"{{"model":"m","input":"x","background":{on}}}"#);
        assert_eq!(refused(Api::Responses, &background(true)), "background");
        assert_eq!(of(Api::Responses, &background(false)), Ok(false));
        assert_eq!(refused(Api::Completions, r#"{"model":"m"}"#), "prompt");
        assert_eq!(
            of(Api::Completions, r#"{"model":"m","prompt":""}"#),
            Ok(false)
        );
    }
}
