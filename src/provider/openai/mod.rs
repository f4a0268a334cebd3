//! OpenAI's Chat Completions API, and every host that speaks it.
//!
//! The client's bytes pass untouched, apart from `model` when the plan renames it and
//! `stream_options` so that a stream reports its usage. A host that differs is a table of its
//! differences ([`difference::Difference`], one file each in `hosts`), applied to the same bytes by
//! `parameters`, `messages` and, on the way back, `straight`.

mod answer;
mod details;
mod difference;
mod events;
mod fault;
mod hosts;
mod ids;
mod messages;
mod parameters;
mod splice;
mod straight;
mod vectors;

pub(super) use hosts::{
    AZURE, DEEPSEEK, FIREWORKS, GROQ, MISTRAL, OLLAMA, OPENROUTER, TOGETHER, VLLM, XAI,
};

use super::{
    ChatDialect, ChatEvents, Common, EmbedDialect, Entry, OutBody, Outgoing, Pass, Provider,
    RerankDialect,
    features::{Features, Support},
    params::{self, Rule, Unknown},
};
use crate::{
    api::{
        answer::AnswerSink,
        chat::{Chat, Extensions},
        client::Api,
        relay::Area,
    },
    config::node::Fields,
    fault::Fault,
    frame::Framing,
    host::Headers,
    json::Object,
};
use difference::Difference;
use hosts::azure::Deployments;

pub(super) use events::Events;
pub(super) use splice::Splice;

/// This dialect's line in the registry.
pub(super) const ENTRY: Entry = Entry {
    name: "openai",
    base_path: "/v1",
    features: FEATURES,
    open: open_own,
};

/// The bytes pass, so what the model can do is what a client can have.
const FEATURES: Features = Features {
    model: "gpt-5-mini",
    reasoning: Support::Partly("no text, which OpenAI keeps to itself"),
    signatures: Support::No,
    cache_control: Support::Partly(MARKS_PASS),
    ..Features::ALL
};

/// Hosts that cache prompts by themselves and do not mind marks.
const MARKS_PASS: &str = "marks pass unread; the provider caches by itself";

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
    table: &'static Difference,
    common: Common,
    force_usage: bool,
    /// The host has the Responses API as well.
    responses: bool,
    /// Azure's older form of addresses.
    deployments: Option<Deployments>,
}

/// OpenAI itself: no difference, and all of its paths.
const OWN: Difference = Difference {
    takes: Extensions::OPENAI,
    relays: Area::ALL,
    ..Difference::NONE
};

fn open_own(common: Common, fields: &Fields<'_>) -> Option<Box<dyn Provider>> {
    let force_usage = fields.or("force_stream_usage", true, |n| n.flag());
    let responses = fields.or("responses", true, |n| n.flag());
    Some(Box::new(OpenAi {
        table: &OWN,
        common,
        force_usage: force_usage?,
        responses: responses?,
        deployments: None,
    }))
}

fn open(
    table: &'static Difference,
    common: Common,
    fields: &Fields<'_>,
) -> Option<Box<dyn Provider>> {
    let force_usage = if table.usage_unasked {
        false
    } else {
        fields.or("force_stream_usage", true, |n| n.flag())?
    };
    Some(Box::new(OpenAi {
        table,
        common,
        force_usage,
        responses: false,
        deployments: None,
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

    fn passes(&self, api: Api, model: &str) -> Option<Pass> {
        let (operation, asks_usage) = match api {
            Api::Responses if self.responses => ("responses", false),
            Api::Completions if self.table.completions => ("completions", self.force_usage),
            _ => return None,
        };
        Some(Pass {
            path: self.path(operation, model),
            headers: Vec::new(),
            forwards: &[],
            asks_usage,
            elsewhere: None,
            framing: Framing::Sse,
        })
    }

    fn relays(&self, area: Area, rest: &str, model: &str) -> Option<String> {
        let has = self.table.relays.contains(&area);
        has.then(|| self.path(rest, model))
    }

    fn fault(&self, status: u16, headers: &Headers, body: &[u8]) -> Fault {
        fault::read(status, headers, body)
    }
}

impl ChatDialect for OpenAi {
    fn refuses(&self, chat: &Chat<'_>) -> Option<Fault> {
        if self.table.changes_requests() {
            return ChatDialect::request(self, chat).err();
        }
        self.unknown(&chat.body).err()
    }

    fn request(&self, chat: &Chat<'_>) -> Result<Outgoing, Fault> {
        let (fewer, mut dropped) = self.unknown(&chat.body)?;
        let body = match fewer {
            None => self.edited(&chat.body, chat, &mut dropped)?,
            Some(fewer) => {
                let text = String::from_utf8(fewer.to_vec()).unwrap_or_default();
                let body = Object::parse(&text).unwrap_or_default();
                let edited = self.edited(&body, chat, &mut dropped)?;
                OutBody::Whole(edited.apply(text.as_bytes()))
            }
        };
        Ok(Outgoing {
            path: self.path("chat/completions", &chat.model),
            headers: Vec::new(),
            body,
            dropped,
            answer_tool: None,
        })
    }

    fn touches(&self) -> Option<&'static [&'static str]> {
        (self.common.unknown == Unknown::Keep).then_some(self.table.touches)
    }

    fn answer(&self, body: &[u8], out: &mut dyn AnswerSink) -> Result<(), Fault> {
        match self.straighten(body) {
            Some(straight) => answer::read(straight.as_bytes(), out),
            None => answer::read(body, out),
        }
    }

    fn straighten(&self, data: &[u8]) -> Option<String> {
        straight::straighten(self.table.answers, data)
    }

    fn events(&self) -> Option<Box<dyn ChatEvents>> {
        None
    }

    fn takes(&self, _model: &str) -> Extensions {
        self.table.takes
    }
}

impl OpenAi {
    fn path(&self, operation: &str, model: &str) -> String {
        match &self.deployments {
            Some(deployments) => deployments.path(&self.common.base_path, operation, model),
            None => format!("{}/{operation}", self.common.base_path),
        }
    }

    /// The body without the parameters to leave out, when there are any, and their names.
    fn unknown<'a>(&self, body: &Object<'a>) -> Result<(Option<Object<'a>>, Vec<String>), Fault> {
        if self.common.unknown == Unknown::Keep {
            return Ok((None, Vec::new()));
        }
        let known = KNOWN.iter().chain(self.table.own);
        let table: Vec<_> = known.map(|name| (*name, Rule::Keep)).collect();
        let (kept, dropped) = params::apply(&table, self.common.unknown, body)?;
        let fewer = kept.iter().count() < body.iter().count();
        Ok((fewer.then_some(kept), dropped))
    }

    /// The body as this host wants it.
    fn edited(
        &self,
        body: &Object<'_>,
        chat: &Chat<'_>,
        dropped: &mut Vec<String>,
    ) -> Result<OutBody, Fault> {
        let mut splice = Splice::of(body);
        splice.model(&chat.model);
        if chat.stream && self.force_usage {
            splice.ask_for_usage();
        }
        parameters::apply(self.table, &chat.model, body, &mut splice, dropped)?;
        let mut lost = false;
        if let Some(rules) = self.table.messages {
            let fitted = messages::fit(rules, body, dropped)?;
            lost = fitted.lost_thoughts;
            if let Some(json) = fitted.json {
                splice.set("messages", json);
            }
        }
        let unmarked = self.table.messages.is_some_and(|rules| rules.unmarked);
        if unmarked && let Some(tools) = messages::unmark_tools(body, dropped) {
            splice.set("tools", tools);
        }
        if let Some(odd) = self.table.odd {
            odd(body, lost, &mut splice, dropped)?;
        }
        Ok(splice.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(unknown: Unknown) -> OpenAi {
        OpenAi {
            table: &Difference::NONE,
            common: Common {
                base_path: "/v1".into(),
                unknown,
            },
            force_usage: true,
            responses: true,
            deployments: None,
        }
    }

    fn sent(body: &str, model: &str, unknown: Unknown) -> (String, Vec<String>) {
        let dialect = plain(unknown);
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
        let refusing = plain(Unknown::Refuse);
        let chat = Chat::parse(body.as_bytes()).unwrap();
        let refused = ChatDialect::refuses(&refusing, &chat);
        assert_eq!(refused.unwrap().param.as_deref(), Some("x"));
    }
}
