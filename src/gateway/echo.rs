//! The built-in model `echo`: repeats the last message, with no provider and no key. The quick start
//! and health probes work with nothing else.

use super::fit;
use crate::{
    api::{
        answer::{AnswerSink, Finish, Part, Usage},
        chat::{Chat, Extensions},
        client::{Api, Asked},
        responses::Echo,
        writer,
    },
    fault::{Fault, FaultKind},
    host::{Host, keys::state},
    json::Str,
    log::{self, seconds},
    tokens::{self, chat::Count},
};
use serde::Deserialize;
use serde_json::value::RawValue;

/// Its name, which no configuration may use.
pub const MODEL: &str = "echo";

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    content: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct TextPart<'a> {
    #[serde(borrow, default)]
    text: Option<Str<'a>>,
}

/// The answer's content type and body (JSON, or all events of a stream at once), and the prompt's tokens.
///
/// Errors: the request cannot be read as a chat.
pub(super) fn answer(
    host: &dyn Host,
    asked: &Asked<'_>,
) -> Result<(&'static str, Vec<u8>, u64), Fault> {
    let (api, stream) = (asked.api, asked.stream);
    if !api.is_chat() {
        let message = "`echo` only repeats what is said in a chat; ask for another model.";
        return Err(Fault::new(FaultKind::Unsupported, message).at("model"));
    }
    let count = tokens::chat::count(asked, MODEL);
    fit::record(host, count);
    if api == Api::Chat {
        let chat = asked.clone().into_chat();
        let (kind, body) = say(host, api, &chat, stream, Echo::default(), count);
        return Ok((kind, body, count.tokens));
    }
    let made = asked.translated(MODEL, Extensions::TRANSLATED)?;
    let echo = Echo::of(&asked.body);
    let chat = Chat::parse(&made.body)?;
    let (kind, body) = say(host, api, &chat, stream, echo, count);
    Ok((kind, body, count.tokens))
}

fn say(
    host: &dyn Host,
    api: Api,
    chat: &Chat<'_>,
    stream: bool,
    echo: Echo,
    count: Count,
) -> (&'static str, Vec<u8>) {
    let now = host.now();
    let text = last_text(chat);
    let usage = Usage {
        input: count.tokens,
        output: count.encoding.count(&text),
        ..Usage::default()
    };
    host.set_state(state::SERVED_MODEL, MODEL);
    host.set_state(state::STREAM, if stream { "1" } else { "0" });
    host.set_state(state::FINISH, Finish::Stop.as_str());
    log::usage(host, usage, None);
    let say = |out: &mut dyn AnswerSink| {
        out.open("chatcmpl-echo", MODEL);
        out.part(0, Part::Text(&text));
        out.part(0, Part::Finish(Finish::Stop));
        out.usage(usage);
    };
    if stream {
        let mut writer = writer::Stream::new(api, seconds(now), chat.wants_usage, echo);
        say(&mut writer);
        writer.done();
        return ("text/event-stream", writer.take());
    }
    let mut writer = writer::Whole::new(api, seconds(now), echo);
    say(&mut writer);
    ("application/json", writer.body(seconds(now)))
}

fn last_text(chat: &Chat<'_>) -> String {
    let messages: Vec<Message<'_>> = chat
        .body
        .read("messages")
        .ok()
        .flatten()
        .unwrap_or_default();
    let content = messages
        .last()
        .and_then(|m| m.content)
        .map_or("null", RawValue::get);
    if let Ok(text) = serde_json::from_str::<Str<'_>>(content) {
        return text.into_cow().into_owned();
    }
    let parts: Vec<TextPart<'_>> = serde_json::from_str(content).unwrap_or_default();
    parts
        .iter()
        .filter_map(|part| part.text.as_deref())
        .collect()
}
