//! What a client may say itself about where its request goes and how long that may take, if its key has leave:
//! `x-llm-route`, `x-llm-provider`, `x-llm-timeout`, `x-llm-idle-timeout`, `x-llm-attempts`, and several models in one
//! body. Times and attempts can only lower what is configured.

use super::{Client, caller::Caller};
use crate::{
    config::{Gateway, MAX_PLAN, Route, node::duration},
    fault::{Fault, FaultKind},
    host::{Host, Side, keys::header},
    json::{Object, Str},
    plan::Overrides,
};
use std::time::Duration;

/// Most models of one request.
const MAX_MODELS: usize = 8;
/// Longest value that an error repeats. Units: letters.
const MAX_SAID: usize = 64;

/// What the client's headers say; nothing without leave.
///
/// Errors: they name a route or provider that there is not.
pub(super) fn read(config: &Gateway, caller: &Caller, client: &Client) -> Result<Overrides, Fault> {
    let (route, provider) = (client.route.as_deref(), client.provider.as_deref());
    // Without leave they are what any other control header of a client is: taken off and not followed.
    if !caller.overrides(config) {
        return Ok(Overrides::default());
    }
    let route = route.map(|said| {
        let known = Route::ALL.iter().find(|(name, _)| *name == said);
        known.map(|(_, route)| *route).ok_or_else(|| {
            let names = Route::ALL.iter().map(|(name, _)| *name);
            unknown(header::ROUTE, said, names)
        })
    });
    let provider = provider.map(|said| {
        let place = config.providers.iter().position(|known| known.name == said);
        place.ok_or_else(|| {
            let names = config.providers.iter().map(|known| known.name.as_str());
            unknown(header::PROVIDER, said, names)
        })
    });
    Ok(Overrides {
        route: route.transpose()?,
        provider: provider.transpose()?,
        timeout: said(
            header::TIMEOUT,
            client.timeout.as_deref(),
            duration,
            "a time such as `5s` or `250ms`",
        )?,
        idle: said(
            header::IDLE_TIMEOUT,
            client.idle.as_deref(),
            duration,
            "a time such as `5s` or `250ms`",
        )?,
        attempts: said(
            header::ATTEMPTS,
            client.attempts.as_deref(),
            |said| said.parse().ok().filter(|n| (1..=MAX_PLAN).contains(n)),
            "a number from 1 to 32",
        )?,
    })
}

/// Reads a header that may be absent.
///
/// Errors: it cannot be read.
fn said<T>(
    name: &str,
    text: Option<&str>,
    read: impl FnOnce(&str) -> Option<T>,
    want: &str,
) -> Result<Option<T>, Fault> {
    let wrong = |text: &str| {
        let text: String = text.chars().take(MAX_SAID).collect();
        let message = format!("`{name}` is `{text}`; it must be {want}.");
        Fault::new(FaultKind::BadRequest, message).at(name)
    };
    let read = text.map(|text| read(text).ok_or_else(|| wrong(text)));
    read.transpose()
}

/// How long each attempt has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Patience {
    pub(super) time: Duration,
    /// The client has made it shorter than it is configured: who is late for it, is not ill.
    pub(super) shortened: bool,
    /// How long a provider may be silent once it has begun to answer; `None`: without end.
    pub(super) idle: Option<Duration>,
    /// The client has made that shorter.
    pub(super) idle_shortened: bool,
}

impl Patience {
    /// What is configured, or what the client says where that is less.
    pub(super) fn of(configured: Duration, said: Option<Duration>) -> Self {
        let shorter = said.filter(|said| *said < configured);
        Self {
            time: shorter.unwrap_or(configured),
            shortened: shorter.is_some(),
            idle: None,
            idle_shortened: false,
        }
    }

    /// With so much silence, or what the client says where that is less.
    #[must_use]
    pub(super) fn idle(mut self, configured: Option<Duration>, said: Option<Duration>) -> Self {
        let shorter = said.filter(|said| configured.is_none_or(|time| *said < time));
        self.idle = shorter.or(configured);
        self.idle_shortened = shorter.is_some();
        self
    }

    /// The same for the provider role. Units: milliseconds.
    pub(super) fn idle_ms(&self) -> Option<u64> {
        u64::try_from(self.idle?.as_millis()).ok()
    }
}

fn unknown<'n>(name: &str, said: &str, known: impl Iterator<Item = &'n str>) -> Fault {
    let said: String = said.chars().take(MAX_SAID).collect();
    let known: Vec<_> = known.collect();
    let message = format!("`{name}` is `{said}`; known here: {}.", known.join(", "));
    Fault::new(FaultKind::BadRequest, message).at(name)
}

/// Takes `models` out of a chat's body: the body now asks for the first of all the names, and the others are given
/// back. A provider would not know the field, or would follow it past the plan.
///
/// Source of the form: openrouter.ai/docs, "Model routing"; general knowledge, not confirmed.
///
/// Errors: `models` is no list of names; the host does not take the new body.
pub(super) fn take_models(host: &dyn Host, body: Vec<u8>) -> Result<(Vec<u8>, Vec<String>), Fault> {
    let parsed = std::str::from_utf8(&body)
        .ok()
        .and_then(|text| Object::parse(text).ok());
    let Some(mut object) = parsed else {
        return Ok((body, Vec::new()));
    };
    let wrong = || {
        let message = format!("`models` must be a list of 1 to {MAX_MODELS} names of models.");
        Fault::new(FaultKind::BadRequest, message).at("models")
    };
    let listed = object.read::<Vec<Str<'_>>>("models").map_err(|_| wrong())?;
    let Some(listed) = listed else {
        return Ok((body, Vec::new()));
    };
    let own = object.read::<Str<'_>>("model").ok().flatten();
    let mut names: Vec<String> = Vec::new();
    for name in own.into_iter().chain(listed) {
        if !names.iter().any(|known| **known == *name) {
            names.push(name.into_cow().into_owned());
        }
    }
    if names.is_empty() || names.len() > MAX_MODELS || names.iter().any(String::is_empty) {
        return Err(wrong());
    }
    let first = names.remove(0);
    object.remove("models");
    let written = object.set("model", &first).is_ok();
    let made = object.to_json().into_bytes();
    let replaced = host.replace_body(Side::Request, usize::MAX, &made);
    if !written || replaced.is_err() {
        let message = "The gateway could not take `models` out of the request.";
        return Err(Fault::new(FaultKind::Internal, message));
    }
    Ok((made, names))
}
