//! `POST /gateway/tokens`: counts text in an encoding, or a whole request as its model reads it.

use super::{ECHO_MODEL, caller::Caller, models};
use crate::{
    api::client::{Api, Asked},
    config::Gateway,
    fault::{Fault, FaultKind},
    json::{Object, Quoted, Str},
    plan,
    tokens::{
        ENCODINGS, Encoding,
        chat::{Count, Counter},
        family::Family,
    },
};
use serde::Serialize;
use serde_json::value::RawValue;

#[derive(Serialize)]
struct One<'a> {
    encoding: &'a str,
    tokens: u64,
}

#[derive(Serialize)]
struct Many<'a> {
    encoding: &'a str,
    tokens: Vec<u64>,
}

#[derive(Serialize)]
struct Whole<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'a str>,
    encoding: &'static str,
    class: &'static str,
    input_tokens: u64,
}

/// The answer's body.
///
/// Errors: `BadRequest` that says what to send; `UnknownModel` and `Forbidden` as for a chat.
pub(super) fn answer(config: &Gateway, caller: &Caller, body: &[u8]) -> Result<Vec<u8>, Fault> {
    let text = std::str::from_utf8(body).map_err(|_| bad("The body is not valid UTF-8."))?;
    let object = Object::parse(text).map_err(|problem| {
        let (what, at) = (problem.what, problem.at);
        bad(format!(
            "The body is not acceptable JSON: {what} (at byte {at})."
        ))
    })?;
    if ["messages", "input", "prompt"]
        .into_iter()
        .any(|key| object.raw(key).is_some())
    {
        return whole(config, caller, object);
    }
    let encoding = encoding(&object)?.ok_or_else(|| {
        bad(format!(
            "`encoding` is required with `text` or `texts`: one of {}. Or send a whole request with `model` and `messages`.",
            ENCODINGS.join(", ")
        ))
        .at("encoding")
    })?;
    let (name, encoding) = (&*encoding.0, encoding.1);
    let read = |key: &'static str| object.read::<&RawValue>(key).ok().flatten();
    let json = match (read("text"), read("texts")) {
        (Some(text), None) => {
            let text =
                Quoted::of(text).ok_or_else(|| bad("`text` must be a string.").at("text"))?;
            let tokens = encoding.count(&text.text());
            serde_json::to_vec(&One {
                encoding: name,
                tokens,
            })
        }
        (None, Some(texts)) => {
            let wrong = || bad("`texts` must be a list of strings.").at("texts");
            let texts: Vec<Str<'_>> = serde_json::from_str(texts.get()).map_err(|_| wrong())?;
            let tokens = texts.iter().map(|text| encoding.count(text)).collect();
            serde_json::to_vec(&Many {
                encoding: name,
                tokens,
            })
        }
        (None, None) => return Err(bad("`text` or `texts` is required.").at("text")),
        (Some(_), Some(_)) => {
            return Err(bad("Send either `text` or `texts`, not both.").at("texts"));
        }
    };
    Ok(json.unwrap_or_default())
}

/// A request as the first target of its model reads it.
fn whole(config: &Gateway, caller: &Caller, body: Object<'_>) -> Result<Vec<u8>, Fault> {
    let api = if body.raw("messages").is_none() {
        let is_prompt = body.raw("prompt").is_some() && body.raw("input").is_none();
        if is_prompt {
            Api::Completions
        } else {
            Api::Responses
        }
    } else if body.raw("system").is_some() {
        Api::Messages
    } else {
        Api::Chat
    };
    let model = body.read::<Str<'_>>("model");
    let model = model.map_err(|_| bad("`model` must be a string.").at("model"))?;
    let model = model
        .filter(|model| !model.is_empty())
        .map(|m| m.into_cow().into_owned());
    let encoding = encoding(&body)?;
    let asked = Asked {
        api,
        model: model.clone().unwrap_or_default().into(),
        stream: false,
        wants_usage: false,
        body: body.clone(),
    };
    let Some(model) = model else {
        // By the formula of an encoding.
        let (_, encoding) = encoding.ok_or_else(|| bad("`model` is required.").at("model"))?;
        let family = Family::of_encoding(encoding);
        return Ok(written(None, Counter::new(&asked).count_as(&family)));
    };
    models::permit(config, caller, &model)?;
    let target = target(config, caller, &model)?;
    Ok(written(Some(&target), Counter::new(&asked).count(&target)))
}

/// The model that a request for `asked` is counted for.
///
/// Errors: `UnknownModel`.
pub(super) fn target(config: &Gateway, caller: &Caller, asked: &str) -> Result<String, Fault> {
    if asked == ECHO_MODEL {
        return Ok(asked.to_owned());
    }
    let model = plan::model(config, asked).ok_or_else(|| models::unknown(config, caller, asked))?;
    let first = plan::steps(config, model, asked).into_iter().next();
    Ok(first.map_or_else(|| asked.to_owned(), |(_, step)| step.model))
}

fn written(model: Option<&str>, count: Count) -> Vec<u8> {
    serde_json::to_vec(&Whole {
        model,
        encoding: count.encoding.name(),
        class: count.class.as_str(),
        input_tokens: count.tokens,
    })
    .unwrap_or_default()
}

/// The encoding that is asked for, with its name as the client wrote it.
fn encoding(body: &Object<'_>) -> Result<Option<(String, Encoding)>, Fault> {
    let name = body.read::<Str<'_>>("encoding");
    let name = name.map_err(|_| bad("`encoding` must be a string.").at("encoding"))?;
    let Some(name) = name else { return Ok(None) };
    let Some(known) = Encoding::named(&name) else {
        let name: String = name.chars().take(64).collect();
        let message = format!(
            "The encoding `{name}` is not known here. Known: {}.",
            ENCODINGS.join(", ")
        );
        return Err(bad(message).at("encoding"));
    };
    Ok(Some((name.into_cow().into_owned(), known)))
}

fn bad(message: impl Into<std::borrow::Cow<'static, str>>) -> Fault {
    Fault::new(FaultKind::BadRequest, message)
}
