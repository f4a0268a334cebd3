//! OpenAI's other paths: images, audio, moderations, files and what belongs to them. Their bytes pass.
//!
//! Where a request names a model, that decides where it goes, as for a chat: a JSON body is held for it,
//! a form only until the field has come. Everything else goes to the provider that is configured for it
//! and is never held.

use super::{
    ECHO_MODEL, endpoint, entry, hand_over,
    health::{self, Probe},
    load, models,
    overrides::{self, Patience},
    planned::{self, From, Planned, What},
    story::Story,
};
use crate::{
    api::{
        client::MAX_MODEL_BYTES,
        relay::{self, Area, Named, Relayed},
    },
    config::{Gateway, Retries},
    fault::{Fault, FaultKind},
    frame::form::{self, Finder},
    host::{
        Headers, Host, Side,
        keys::{header, state},
    },
    plan::{HandOver, Overrides, Step},
};

/// Longest query, content type and `accept` that go on.
const MAX_QUERY_BYTES: usize = 4096;
const MAX_VALUE_BYTES: usize = 512;

/// Client headers that a provider is sent besides: which version of an interface is meant.
/// Source: openai 3.57 for Python, `resources/vector_stores`, read 2026-11.
const FORWARDED: &str = "openai-beta";

/// A request on its way in.
#[derive(Debug)]
pub(super) struct Incoming {
    relayed: Relayed,
    forwarded: Option<String>,
    reading: Reading,
    /// Bytes that have been read, and of those that are held.
    taken: u64,
    held: usize,
    /// It is on its way.
    sent: bool,
}

/// How much of the body must be read.
#[derive(Debug)]
enum Reading {
    Nothing,
    Json,
    Form(Box<Finder>),
}

/// What becomes of the bytes that are here.
#[derive(Debug)]
pub(super) enum Next {
    /// They are held.
    Hold,
    /// They go on.
    Pass,
    /// The request can be planned; they go on then.
    Send(Option<Model>),
}

/// The model that a request names, and where.
pub(super) type Model = (String, Named);

impl Incoming {
    /// Looks at the headers; `end`: there is no body.
    ///
    /// Errors: a body that cannot be read, or is too large.
    pub(super) fn of(
        config: &Gateway,
        area: Area,
        headers: &Headers,
        end: bool,
    ) -> Result<Self, Fault> {
        let path = headers.get(":path").unwrap_or_default();
        let path = path.split('#').next().unwrap_or_default();
        let (path, query) = match path.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (path, None),
        };
        let value = |name: &str| {
            let value = headers.get(name)?;
            (value.len() <= MAX_VALUE_BYTES).then(|| value.to_owned())
        };
        let (reading, content_type) = if area.names_model() {
            let (reading, kind) = reading(config, headers, end)?;
            (reading, Some(kind))
        } else {
            entry::check_encoding(headers)?;
            (Reading::Nothing, value("content-type"))
        };
        if let (Some(length), false) = (entry::length(headers), matches!(reading, Reading::Json)) {
            entry::check_size(length, config.passthrough.body_limit_bytes)?;
        }
        Ok(Self {
            relayed: Relayed {
                area,
                method: headers.get(":method").unwrap_or_default().to_owned(),
                rest: path
                    .strip_prefix(endpoint::BASE)
                    .unwrap_or_default()
                    .to_owned(),
                query: query.map(allowed_query).transpose()?.flatten(),
                content_type,
                accept: value("accept"),
                length: entry::length(headers),
                named: None,
            },
            forwarded: value(FORWARDED),
            reading,
            taken: 0,
            held: 0,
            sent: false,
        })
    }

    /// Whether the body must be looked at before the request can be planned.
    pub(super) fn reads(&self) -> bool {
        !matches!(self.reading, Reading::Nothing)
    }

    /// Whether a model is asked: nothing else has a price.
    pub(super) fn asks(&self) -> bool {
        self.relayed.area.names_model()
    }

    /// Whether the body is held whole, and is JSON.
    pub(super) fn is_json(&self) -> bool {
        matches!(self.reading, Reading::Json)
    }

    /// Another body has been put in the place of the one that is held; gives the model that it names.
    ///
    /// Errors: it cannot be read.
    pub(super) fn replaced(&mut self, body: &[u8]) -> Result<Option<Model>, Fault> {
        self.held = body.len();
        self.taken = body.len() as u64;
        self.relayed.length = Some(self.taken);
        relay::named(body)
    }

    /// How many bytes are held.
    pub(super) fn here(&self) -> usize {
        self.held
    }

    /// More of the body is here, or its end. `size` as for [`crate::host::Stream`].
    ///
    /// Errors: the body is too large or cannot be read; nothing of it may go on.
    pub(super) fn take(
        &mut self,
        host: &dyn Host,
        config: &Gateway,
        size: usize,
        end: bool,
    ) -> Result<Next, Fault> {
        // While it is held, all of it is here; afterwards only what is new.
        let from = self.held.min(size);
        let new = size - from;
        self.taken = self.taken.saturating_add(new as u64);
        let limit = match self.reading {
            Reading::Json => config.body_limit_bytes as u64,
            _ => config.passthrough.body_limit_bytes,
        };
        entry::check_size(self.taken, limit)?;
        let model = match &mut self.reading {
            Reading::Nothing => return Ok(Next::Pass),
            Reading::Json if self.sent => return Ok(Next::Pass),
            Reading::Json if !end => None,
            Reading::Json => {
                let body = host.body(Side::Request, 0, usize::MAX);
                relay::named(&body)?
            }
            // Also behind the field: a second one must not slip through.
            Reading::Form(finder) => {
                let bytes = host.body(Side::Request, from, usize::MAX);
                let found = finder.push(&bytes).map_err(broken)?;
                let found = found.map(|found| {
                    let model = relay::checked(&found.value)?;
                    let named = Named {
                        start: found.start,
                        said: found.value,
                        json: false,
                    };
                    Ok((model, named))
                });
                found.transpose()?
            }
        };
        if self.sent {
            return Ok(Next::Pass);
        }
        self.held = size;
        // However the network cut the body.
        let reach = model.as_ref().map_or(size, |(_, named)| named.end());
        if reach > config.body_limit_bytes {
            let message = format!(
                "The form does not name its `model` among its first {} bytes, which is as much as this gateway holds. Send the field `model` before the file.",
                config.body_limit_bytes
            );
            return Err(Fault::new(FaultKind::TooLarge, message).at("model"));
        }
        if model.is_some() || end {
            if let (Reading::Form(finder), None) = (&self.reading, &model)
                && !finder.is_complete()
            {
                return Err(broken(form::Broken::Malformed));
            }
            if end {
                self.relayed.length = Some(self.taken);
            }
            return Ok(Next::Send(model));
        }
        Ok(Next::Hold)
    }

    /// Plans the request and hands it to Envoy; gives the time of each attempt. `to`: the only model that may
    /// answer, instead of the one that is named.
    ///
    /// Errors: nobody may or can answer it.
    pub(super) fn send(
        &mut self,
        host: &dyn Host,
        config: &Gateway,
        from: From<'_>,
        model: Option<Model>,
        to: Option<&str>,
    ) -> Result<Patience, Fault> {
        let client = from.client;
        let (asked, named) = match model {
            Some((asked, named)) => (Some(asked), Some(named)),
            None => (None, None),
        };
        self.relayed.named = named;
        host.set_state(state::STREAM, "0");
        let (mut steps, patience, retries, route) = match &asked {
            Some(asked) => {
                host.set_state(state::MODEL, asked);
                models::permit(config, from.caller, asked)?;
                let planned =
                    self.planned(host, config, from, to.unwrap_or(asked), to.is_some())?;
                let (retries, patience) = planned.limits(planned.model.answer_timeout);
                let retries = retries.into_owned();
                let steps = planned.steps.into_iter().map(|(_, step)| step).collect();
                (steps, patience, retries, planned.told)
            }
            None => {
                host.set_state(state::ROUTE, "passthrough");
                let said = overrides::read(config, from.caller, client)?;
                let steps = self.default(host, config, from, &said)?;
                let patience = Patience::of(config.answer_timeout, said.timeout);
                let patience = patience.idle(config.idle_timeout, said.idle);
                (steps, patience, Retries::default(), None)
            }
        };
        // Envoy repeats a body only as far as it keeps it.
        let kept = self
            .relayed
            .length
            .is_some_and(|n| n <= config.body_limit_bytes as u64);
        if !kept {
            steps.truncate(1);
        }
        let wait_ms = kept.then(|| health::waits(&retries, &mut steps)).flatten();
        let (total, once) = (retries.total_timeout, steps.len() == 1);
        hand_over::steer(host, &steps, patience.time, total, once)?;
        let marks = load::begin(host, config, &steps);
        let forwarded = self.forwarded.take();
        HandOver {
            marks,
            wait_ms,
            idle_ms: patience.idle_ms(),
            request_id: client.id.clone(),
            route,
            client_headers: forwarded
                .map(|value| (FORWARDED.to_owned(), value))
                .into_iter()
                .collect(),
            ..HandOver::relayed(
                self.relayed.clone(),
                asked.as_deref(),
                steps,
                &client.authority,
                client.traces.clone(),
            )
        }
        .store(host);
        self.sent = true;
        self.held = 0;
        Ok(patience)
    }

    /// The attempts at those targets of the model that have the path.
    fn planned<'c>(
        &self,
        host: &dyn Host,
        config: &'c Gateway,
        from: From<'_>,
        asked: &str,
        only: bool,
    ) -> Result<Planned<'c>, Fault> {
        if asked == ECHO_MODEL {
            let message = "`echo` only repeats what is said in a chat; ask for another model.";
            return Err(Fault::new(FaultKind::Unsupported, message).at("model"));
        }
        let what = What {
            model: asked,
            others: &[],
            only,
            operation: self.relayed.area.as_str(),
            asked: None,
            path: None,
            count: &|_| None,
        };
        let story = &mut Story::default();
        let mut planned = planned::plan(host, config, from, what, story)?;
        let has = |(provider, step): &(usize, Step)| self.is_had_by(config, *provider, &step.model);
        let steps = std::mem::take(&mut planned.steps).into_iter();
        let steps = steps.filter(has).collect();
        let (retries, patience) = planned.limits(planned.model.answer_timeout);
        let (seed, probe) = (planned.seed, Probe::Take(patience.time));
        let steps = health::arrange(host, config, &retries, steps, seed, probe, story);
        if steps.is_empty() {
            let message = format!(
                "No provider of `{}` has {}. Ask for a model of one that has.",
                entry::short(asked),
                self.path()
            );
            return Err(Fault::new(FaultKind::Unsupported, message).at("model"));
        }
        planned.steps = steps;
        Ok(planned)
    }

    /// The one attempt at the provider for requests without a model, or at the one that the client asks for.
    fn default(
        &self,
        host: &dyn Host,
        config: &Gateway,
        from: From<'_>,
        said: &Overrides,
    ) -> Result<Vec<Step>, Fault> {
        if !from.caller.passes() {
            let message = if self.reads() {
                format!(
                    "This key must name a `model` that it may use on {}.",
                    self.path()
                )
            } else {
                format!(
                    "This key may not use {}, whose requests name no model.",
                    self.path()
                )
            };
            return Err(Fault::new(FaultKind::Forbidden, message).coded("path_not_allowed"));
        }
        if said.route.is_some() {
            let message = "This request names no model, so there are no targets that `x-llm-route` could order. Leave the header out, or name the provider with `x-llm-provider`.";
            return Err(Fault::new(FaultKind::BadRequest, message).at(header::ROUTE));
        }
        let provider = said.provider.or(config.passthrough.provider);
        let Some((place, to)) = provider.and_then(|at| Some((at, config.providers.get(at)?)))
        else {
            return Err(if self.reads() {
                let message = "`model` is required: this gateway has no `passthrough.provider` for requests without one.";
                Fault::new(FaultKind::BadRequest, message).at("model")
            } else {
                let message = format!(
                    "This gateway has no provider for {}: its setting `passthrough.provider` is missing.",
                    self.path()
                );
                Fault::new(FaultKind::UnknownPath, message)
            });
        };
        let has = self.is_had_by(config, place, "");
        if !has && said.provider.is_some() {
            let message = format!("The provider `{}` does not have {}.", to.name, self.path());
            return Err(Fault::new(FaultKind::BadRequest, message).at(header::PROVIDER));
        }
        if !has {
            let message = format!(
                "The provider `{}`, which is `passthrough.provider` here, does not have {}.",
                to.name,
                self.path()
            );
            return Err(Fault::new(FaultKind::UnknownPath, message));
        }
        planned::permit(host, config, from, self.relayed.area.as_str(), place)?;
        Ok(vec![Step {
            provider: to.name.clone(),
            cluster: to.cluster.clone(),
            model: String::new(),
            dialect: to.dialect.to_owned(),
        }])
    }

    fn is_had_by(&self, config: &Gateway, provider: usize, model: &str) -> bool {
        let destination = config.providers.get(provider);
        let Relayed { area, rest, .. } = &self.relayed;
        destination.is_some_and(|to| to.speaks.relays(*area, rest, model).is_some())
    }

    fn path(&self) -> String {
        let Relayed { method, rest, .. } = &self.relayed;
        format!("{method} {}{rest}", endpoint::BASE)
    }
}

/// How a body that may name a model is read, and the type under which it goes on: as it was read here,
/// without a character set or anything else by which a provider would read another name in it.
fn reading(config: &Gateway, headers: &Headers, end: bool) -> Result<(Reading, String), Fault> {
    let kind = headers.get("content-type").unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("multipart/form-data") {
        entry::check_head(headers, config.body_limit_bytes, end)?;
        return Ok((Reading::Json, "application/json".to_owned()));
    }
    entry::check_encoding(headers)?;
    if end {
        return Err(Fault::new(
            FaultKind::BadRequest,
            "The request has no body. Send a form.",
        ));
    }
    let boundary = form::boundary(kind).ok_or_else(|| {
        let message =
            "The content type of a form must name its boundary, once and without escapes.";
        Fault::new(FaultKind::BadRequest, message).at("content-type")
    })?;
    let finder = Finder::new(boundary, "model", MAX_MODEL_BYTES);
    Ok((
        Reading::Form(Box::new(finder)),
        form::content_type(boundary),
    ))
}

/// The query without what only the gateway may say.
fn allowed_query(query: &str) -> Result<Option<String>, Fault> {
    if query.len() > MAX_QUERY_BYTES || !query.bytes().all(|b| b.is_ascii_graphic()) {
        let message = format!("The query is longer than {MAX_QUERY_BYTES} bytes, or not ASCII.");
        return Err(Fault::new(FaultKind::BadRequest, message));
    }
    // Which version of its API Azure is asked for is configured.
    let version = |pair: &&str| {
        let name = endpoint::percent_decoded(pair.split('=').next().unwrap_or_default());
        !name.eq_ignore_ascii_case("api-version")
    };
    let pairs: Vec<_> = query.split('&').filter(version).collect();
    let query = pairs.join("&");
    Ok(Some(query).filter(|query| !query.is_empty()))
}

fn broken(broken: form::Broken) -> Fault {
    let message = match broken {
        form::Broken::Malformed => "The body is not a well-formed multipart form.",
        form::Broken::Twice => "The form has the field `model` twice.",
        form::Broken::NoText => {
            "The form's field `model` must be short text, without a file name and not encoded."
        }
    };
    let fault = Fault::new(FaultKind::BadRequest, message);
    match broken {
        form::Broken::Malformed => fault,
        _ => fault.at("model"),
    }
}
