//! OpenAI's Chat Completions API, and every host that speaks it.
//!
//! The client's bytes pass untouched, apart from `model` when the plan renames it and
//! `stream_options` so that a stream reports its usage.

mod answer;
mod details;
mod events;
mod fault;
mod splice;
mod vectors;

use super::{
    ChatDialect, ChatEvents, Common, EmbedDialect, Entry, OutBody, Outgoing, Pass, Provider,
    RerankDialect,
    features::{Features, Support},
    params::{self, Rule, Unknown},
};
use crate::{
    api::{answer::AnswerSink, chat::Chat, client::Api},
    config::node::Fields,
    fault::Fault,
    host::Headers,
    json::Object,
};

pub(super) use events::Events;
pub(super) use splice::Splice;

/// This dialect's line in the registry.
pub(super) const ENTRY: Entry = Entry {
    name: "openai",
    base_path: "/v1",
    features: FEATURES,
    open,
};

/// The bytes pass, so what the model can do is what a client can have.
const FEATURES: Features = Features {
    model: "gpt-5-mini",
    reasoning: Support::Partly("no text, which OpenAI keeps to itself"),
    signatures: Support::No,
    cache_control: Support::Partly("passes unread; OpenAI caches by itself"),
    ..Features::ALL
};

/// The parameters of the API; with `unknown_parameters: keep` the table is not even looked at.
/// Source: OpenAI API reference, "Create chat completion", read 2026-11.
const KNOWN: &[&str] = &[
    "audio",
    "frequency_penalty",
    "function_call",
    "functions",
    "logit_bias",
    "logprobs",
    "max_completion_tokens",
    "max_tokens",
    "messages",
    "metadata",
    "modalities",
    "model",
    "n",
    "parallel_tool_calls",
    "prediction",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_cache_retention",
    "reasoning_effort",
    "response_format",
    "safety_identifier",
    "seed",
    "service_tier",
    "stop",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "user",
    "verbosity",
    "web_search_options",
];

#[derive(Debug)]
struct OpenAi {
    common: Common,
    force_usage: bool,
    /// The host has the Responses API as well.
    responses: bool,
}

fn open(common: Common, fields: &Fields<'_>) -> Option<Box<dyn Provider>> {
    let force_usage = fields.or("force_stream_usage", true, |n| n.flag());
    let responses = fields.or("responses", true, |n| n.flag());
    Some(Box::new(OpenAi {
        common,
        force_usage: force_usage?,
        responses: responses?,
    }))
}

impl Provider for OpenAi {
    fn chat(&self) -> Option<&dyn ChatDialect> {
        Some(self)
    }

    fn embed(&self) -> Option<&dyn EmbedDialect> {
        Some(self)
    }

    fn rerank(&self) -> Option<&dyn RerankDialect> {
        Some(self)
    }

    fn passes(&self, api: Api) -> Option<Pass> {
        let (path, asks_usage) = match api {
            Api::Responses if self.responses => ("responses", false),
            Api::Completions => ("completions", self.force_usage),
            _ => return None,
        };
        Some(Pass {
            path: format!("{}/{path}", self.common.base_path),
            headers: Vec::new(),
            forwards: &[],
            asks_usage,
        })
    }

    fn fault(&self, status: u16, headers: &Headers, body: &[u8]) -> Fault {
        fault::read(status, headers, body)
    }
}

impl ChatDialect for OpenAi {
    fn refuses(&self, chat: &Chat<'_>) -> Option<Fault> {
        self.unknown(&chat.body).err()
    }

    fn request(&self, chat: &Chat<'_>) -> Result<Outgoing, Fault> {
        let (fewer, dropped) = self.unknown(&chat.body)?;
        let body = match fewer {
            None => self.spliced(&chat.body, chat).finish(),
            Some(fewer) => {
                let text = String::from_utf8(fewer.to_vec()).unwrap_or_default();
                let body = Object::parse(&text).unwrap_or_default();
                OutBody::Whole(self.spliced(&body, chat).finish().apply(text.as_bytes()))
            }
        };
        Ok(Outgoing {
            path: format!("{}/chat/completions", self.common.base_path),
            headers: Vec::new(),
            body,
            dropped,
        })
    }

    fn touches(&self) -> Option<&'static [&'static str]> {
        (self.common.unknown == Unknown::Keep).then_some(&["model", "stream_options"])
    }

    fn answer(&self, body: &[u8], out: &mut dyn AnswerSink) -> Result<(), Fault> {
        answer::read(body, out)
    }

    fn events(&self) -> Option<Box<dyn ChatEvents>> {
        None
    }
}

impl OpenAi {
    /// The body without the parameters to leave out, when there are any, and their names.
    fn unknown<'a>(&self, body: &Object<'a>) -> Result<(Option<Object<'a>>, Vec<String>), Fault> {
        if self.common.unknown == Unknown::Keep {
            return Ok((None, Vec::new()));
        }
        let table: Vec<_> = KNOWN.iter().map(|name| (*name, Rule::Keep)).collect();
        let (kept, dropped) = params::apply(&table, self.common.unknown, body)?;
        let fewer = kept.iter().count() < body.iter().count();
        Ok((fewer.then_some(kept), dropped))
    }

    fn spliced<'a, 'b>(&self, body: &'b Object<'a>, chat: &Chat<'_>) -> Splice<'a, 'b> {
        let mut splice = Splice::of(body);
        splice.model(&chat.model);
        if chat.stream && self.force_usage {
            splice.ask_for_usage();
        }
        splice
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(body: &str, model: &str, unknown: Unknown) -> (String, Vec<String>) {
        let dialect = OpenAi {
            common: Common {
                base_path: "/v1".into(),
                unknown,
            },
            force_usage: true,
            responses: true,
        };
        let mut chat = Chat::parse(body.as_bytes()).unwrap();
        chat.model = model.into();
        let outgoing = ChatDialect::request(&dialect, &chat).unwrap();
        assert_eq!(outgoing.path, "/v1/chat/completions");
        let sent = outgoing.body.apply(body.as_bytes());
        (String::from_utf8(sent).unwrap(), outgoing.dropped)
    }

    #[test]
    fn unknown_parameters_pass_are_dropped_or_refused_as_configured() {
        let body = r#"{"model":"a","x":{"z":1.10},"messages":[{}],"stream":true}"#;
        assert_eq!(
            sent(body, "b", Unknown::Keep).0,
            r#"{"model":"b","stream_options":{"include_usage":true},"x":{"z":1.10},"messages":[{}],"stream":true}"#
        );
        assert_eq!(
            sent(body, "b", Unknown::Drop),
            (
                r#"{"model":"b","stream_options":{"include_usage":true},"messages":[{}],"stream":true}"#.into(),
                vec!["x".into()]
            )
        );
        let null = r#"{"model":"a","x":null,"messages":[{}]}"#;
        assert_eq!(
            sent(null, "a", Unknown::Drop),
            (r#"{"model":"a","messages":[{}]}"#.into(), vec![]),
            "null asks for nothing and is not sent on"
        );
        let refusing = OpenAi {
            common: Common {
                base_path: "/v1".into(),
                unknown: Unknown::Refuse,
            },
            force_usage: true,
            responses: true,
        };
        let chat = Chat::parse(body.as_bytes()).unwrap();
        let refused = ChatDialect::refuses(&refusing, &chat);
        assert_eq!(refused.unwrap().param.as_deref(), Some("x"));
    }
}
