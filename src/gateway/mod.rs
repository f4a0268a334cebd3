//! The downstream role, once per request: who asks, for what, and where it may go.
//!
//! The steps in order: `endpoint` (which API), `caller` (whose key), `entry` (what may come
//! in), `guard` (what its texts may hold), `planned` (where it may go), `hand_over` (the plan, for Envoy and the provider role); `relay` is all of that for OpenAI's
//! other paths, whose bodies pass without being held where nothing must be read. On the way back `answer` turns
//! what Envoy or the last attempt could not do into one error, and writes the end of the record; `texts` guards what an attempt
//! says, and `review` asks others about it.

mod answer;
mod bill;
mod caller;
mod consult;
mod echo;
mod endpoint;
mod entry;
mod explain;
mod failed;
mod fit;
mod guard;
mod hand_over;
mod health;
mod load;
mod mirror;
mod models;
mod overrides;
mod planned;
mod relay;
mod review;
mod story;
mod texts;
mod tokens;
mod windows;

use crate::{
    api::{
        client::{Api, Asked},
        messages,
    },
    config::Gateway,
    fault::{Fault, FaultKind},
    host::{
        Flow, Headers, Host, Side, SideAnswer, Stream,
        keys::{header, state},
    },
};
use answer::Answer;
use caller::Caller;
use consult::{Consulted, Waiting};
use endpoint::Endpoint;
use guard::Guarded;
use overrides::Patience;
use review::Review;
use std::{
    rc::Rc,
    time::{Duration, SystemTime},
};
use texts::Texts;

pub use echo::MODEL as ECHO_MODEL;

/// One request of a client.
#[derive(Debug)]
pub struct Request {
    config: Rc<Gateway>,
    /// The language that the client speaks.
    api: Api,
    caller: Caller,
    client: Client,
    stage: Stage,
    /// The client wants a stream.
    streams: bool,
    /// A request on one of OpenAI's other paths.
    relay: Option<relay::Incoming>,
    guarded: Guarded,
    /// It waits for guards that were called.
    waiting: Option<Waiting>,
    /// Its answer waits for such guards.
    review: Option<Review>,
    /// What would become of the request is to be told.
    explained: Option<explain::Explained>,
    texts: Texts,
    answer: Answer,
}

/// What of the client's headers is needed once the attempts have replaced them.
#[derive(Debug, Default)]
struct Client {
    /// Envoy's id of this request, for the answer.
    id: Option<String>,
    authority: String,
    traces: Vec<(String, String)>,
    /// What a provider of the client's own language may be sent.
    forwarded: Vec<(String, String)>,
    /// Which route and which provider it asks for itself.
    route: Option<String>,
    provider: Option<String>,
    /// How long it waits for an attempt and for the next part of an answer, and for how many attempts.
    timeout: Option<String>,
    idle: Option<String>,
    attempts: Option<String>,
}

/// Client headers that a provider of the client's own language may be sent, and their most bytes.
/// Source: docs.claude.com, "Versions", "Beta headers", read 2026-11.
const FORWARDED: &[&str] = &["anthropic-beta", "anthropic-version"];
const MAX_FORWARDED_BYTES: usize = 1024;

impl Client {
    fn of(headers: &Headers) -> Self {
        let said = |name: &str| headers.get(name).map(str::to_owned);
        let trace = |name: &str| Some((name.to_owned(), said(name)?));
        Self {
            id: said("x-request-id"),
            authority: said(":authority").unwrap_or_default(),
            traces: ["traceparent", "tracestate"]
                .into_iter()
                .filter_map(trace)
                .collect(),
            forwarded: Vec::new(),
            route: said(header::ROUTE),
            provider: said(header::PROVIDER),
            timeout: said(header::TIMEOUT),
            idle: said(header::IDLE_TIMEOUT),
            attempts: said(header::ATTEMPTS),
        }
    }
}

impl Client {
    fn forward(&mut self, headers: &Headers) -> Result<(), Fault> {
        let lines = FORWARDED
            .iter()
            .filter_map(|name| Some((*name, headers.joined(name)?)));
        for (name, value) in lines {
            if value.len() > MAX_FORWARDED_BYTES {
                let message = format!(
                    "The header `{name}` has {} bytes; at most {MAX_FORWARDED_BYTES} are allowed.",
                    value.len()
                );
                return Err(Fault::new(FaultKind::BadRequest, message).at(name));
            }
            self.forwarded.push((name.to_owned(), value));
        }
        Ok(())
    }

    /// What every answer of this filter tells the client.
    fn answered(&self, api: Api) -> impl Iterator<Item = (&'static str, &str)> {
        std::iter::once((header::CACHE, "off")).chain(api.ids(self.id.as_deref()))
    }
}

/// How far the request has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The body is being gathered.
    Gathering,
    /// The body is being gathered, to count what is in it.
    Counting,
    /// Guards that were called have not answered yet.
    Consulting,
    /// This filter has answered; nothing goes further.
    Replied,
    /// Envoy executes the plan. The time of each attempt tells a late attempt from a broken one.
    HandedOver { patience: Patience },
}

impl Request {
    /// A request that has not begun.
    pub fn new(config: Rc<Gateway>) -> Self {
        Self {
            config,
            api: Api::Chat,
            caller: Caller::default(),
            client: Client::default(),
            stage: Stage::Gathering,
            streams: false,
            relay: None,
            guarded: Guarded::default(),
            waiting: None,
            review: None,
            explained: None,
            texts: Texts::default(),
            answer: Answer::default(),
        }
    }

    fn admit(&mut self, host: &dyn Host, end: bool) -> Result<Flow, Fault> {
        let headers = host.headers(Side::Request);
        self.client = Client::of(&headers);
        if let Some(id) = &self.client.id {
            host.set_state(state::REQUEST_ID, id);
        }
        self.api = endpoint::language(&headers);
        entry::remove_controls(host, &headers)?;
        let endpoint = endpoint::find(&headers)
            .inspect_err(|_| host.set_state(state::PATH, endpoint::told(&headers)))?;
        if endpoint == Endpoint::Health {
            return Ok(self.reply(host, "application/json", br#"{"status":"ok"}"#));
        }
        self.caller = Caller::identify(&self.config, &headers)?;
        self.caller.record(host);
        match endpoint {
            Endpoint::Health => {}
            Endpoint::Models => {
                let body = models::list(&self.config, &self.caller, self.api);
                return Ok(self.reply(host, "application/json", &body));
            }
            Endpoint::Model(id) => {
                let body = models::one(&self.config, &self.caller, self.api, &id)?;
                return Ok(self.reply(host, "application/json", &body));
            }
            Endpoint::Tokens => {
                self.stage = Stage::Counting;
                entry::check_head(&headers, self.config.body_limit_bytes, end)?;
            }
            Endpoint::Explain => {
                host.set_state(state::OPERATION, "explain");
                let explained = explain::Explained::of(&self.config, &self.caller, &headers)?;
                self.api = explained.api;
                self.explained = Some(explained);
                if self.api.is_anthropic() {
                    self.client.forward(&headers)?;
                }
                entry::check_head(&headers, self.config.body_limit_bytes, end)?;
            }
            Endpoint::Ask(api) => {
                self.api = api;
                if api.is_anthropic() {
                    self.client.forward(&headers)?;
                }
                entry::check_head(&headers, self.config.body_limit_bytes, end)?;
            }
            Endpoint::Relay(area) => {
                host.set_state(state::OPERATION, area.as_str());
                let incoming = relay::Incoming::of(&self.config, area, &headers, end)?;
                let reads = incoming.reads();
                self.relay = Some(incoming);
                if reads {
                    return Ok(Flow::Pause);
                }
                if !end {
                    self.guard_unheld()?;
                }
                return self.relay_on(host, None, None);
            }
        }
        Ok(Flow::Pause)
    }

    /// More of the body of a request on one of OpenAI's other paths, or its end.
    fn relayed(&mut self, host: &dyn Host, size: usize, end: bool) -> Result<Flow, Fault> {
        let Some(relay) = &mut self.relay else {
            return Ok(Flow::Pause);
        };
        match relay.take(host, &self.config, size, end)? {
            relay::Next::Hold => Ok(Flow::Pause),
            relay::Next::Pass => Ok(Flow::Continue),
            relay::Next::Send(model) => {
                if let Some((asked, _)) = &model {
                    models::permit(&self.config, &self.caller, asked)?;
                }
                let (model, to) = self.guard_relayed(host, model)?;
                self.relay_on(host, model, to.as_deref())
            }
        }
    }

    /// `to`: the model that answers instead of the one that is named.
    fn relay_on(
        &mut self,
        host: &dyn Host,
        model: Option<relay::Model>,
        to: Option<&str>,
    ) -> Result<Flow, Fault> {
        let Some(relay) = &mut self.relay else {
            return Ok(Flow::Pause);
        };
        let from = planned::From {
            caller: &self.caller,
            client: &self.client,
        };
        let patience = relay.send(host, &self.config, from, model, to)?;
        self.stage = Stage::HandedOver { patience };
        Ok(Flow::Continue)
    }

    fn send_on(&mut self, host: &dyn Host) -> Result<Flow, Fault> {
        let body = host.body(Side::Request, 0, usize::MAX);
        entry::check_size(body.len() as u64, self.config.body_limit_bytes as u64)?;
        if self.stage == Stage::Counting {
            host.set_state(state::OPERATION, "tokens");
            let answer = tokens::answer(&self.config, &self.caller, &body)?;
            return Ok(self.reply(host, "application/json", &answer));
        }
        if let Some(explained) = &self.explained {
            let answer = explain::answer(host, &self.config, explained, &self.client, body)?;
            return Ok(self.reply(host, "application/json", &answer));
        }
        let (body, others) = match self.api {
            Api::Chat if self.caller.overrides(&self.config) => overrides::take_models(host, body)?,
            _ => (body, Vec::new()),
        };
        let asked = Asked::parse(self.api, &body)?;
        host.set_state(state::OPERATION, self.api.operation());
        if self.api != Api::Chat {
            host.set_state(state::API, self.api.as_str());
        }
        host.set_state(state::MODEL, &asked.model);
        models::permit(&self.config, &self.caller, &asked.model)?;
        models::permit_others(&self.config, &self.caller, &asked.body)?;
        let passed = self.guard(host, &asked, &others)?;
        let asked = match &passed.body {
            Some(body) => Asked::parse(self.api, body.as_bytes())?,
            None => asked,
        };
        match self.consult(host, &asked, &others, passed.to)? {
            Consulted::Waits => Ok(Flow::Pause),
            Consulted::Goes { body: None, to } => self.hand_on(host, &asked, &others, to),
            Consulted::Goes {
                body: Some(body),
                to,
            } => {
                guard::replace(host, &body)?;
                let asked = Asked::parse(self.api, body.as_bytes())?;
                self.hand_on(host, &asked, &others, to)
            }
        }
    }

    /// Answers a request that every guard has let pass, or hands it to Envoy. `to`: the model that answers instead.
    fn hand_on(
        &mut self,
        host: &dyn Host,
        asked: &Asked<'_>,
        others: &[String],
        to: Option<String>,
    ) -> Result<Flow, Fault> {
        self.guarded.recall(asked);
        let echoed = asked.model == ECHO_MODEL && to.is_none();
        if echoed && self.api != Api::CountTokens {
            let (kind, body, tokens) = echo::answer(host, asked)?;
            return Ok(self.counted(host, kind, &body, tokens));
        }
        let sent = match echoed {
            true => None,
            false => {
                let to = match &to {
                    Some(model) => hand_over::To::Only(model),
                    None => hand_over::To::Asked { others },
                };
                hand_over::send(host, &self.config, self.from(), asked, to)?
            }
        };
        let Some(patience) = sent else {
            messages::check_count(&asked.body)?;
            let target = tokens::target(&self.config, &self.caller, &asked.model)?;
            let count = crate::tokens::chat::count(asked, &target);
            fit::record(host, count);
            let body = messages::count_body(count.tokens);
            return Ok(self.counted(host, "application/json", &body, count.tokens));
        };
        self.streams = asked.stream;
        self.stage = Stage::HandedOver { patience };
        Ok(Flow::Continue)
    }

    /// Answers, and says what this gateway has counted.
    fn counted(&mut self, host: &dyn Host, kind: &str, body: &[u8], tokens: u64) -> Flow {
        self.stage = Stage::Replied;
        let number = tokens.to_string();
        let told = self.guarded.told(&self.config);
        let mut headers = vec![
            ("content-type", kind),
            (header::TOKENS_ESTIMATE, number.as_str()),
        ];
        headers.extend(told.as_deref().map(|told| (header::GUARD, told)));
        headers.extend(self.client.answered(self.api));
        host.reply(200, &headers, body);
        Flow::Pause
    }

    /// Goes on with what a step decided, or answers with its refusal.
    fn settle(&mut self, host: &dyn Host, step: Result<Flow, Fault>) -> Flow {
        let Err(fault) = step else {
            return step.unwrap_or(Flow::Pause);
        };
        host.set_state(
            state::REASON,
            fault.code.as_deref().unwrap_or(fault.kind.wire().2),
        );
        self.stage = Stage::Replied;
        let told = self.guarded.told(&self.config);
        let mut headers = vec![("content-type", "application/json")];
        headers.extend(told.as_deref().map(|told| (header::GUARD, told)));
        if fault.kind == FaultKind::WrongMethod {
            let allowed = endpoint::allowed_method(&host.headers(Side::Request));
            headers.push(("allow", allowed));
        }
        headers.extend(self.client.answered(self.api));
        let body = self.api.error(&fault, self.client.id.as_deref());
        host.reply(fault.status(), &headers, &body);
        Flow::Pause
    }

    fn is_gathering(&self) -> bool {
        matches!(self.stage, Stage::Gathering | Stage::Counting)
    }

    fn reply(&mut self, host: &dyn Host, kind: &str, body: &[u8]) -> Flow {
        self.stage = Stage::Replied;
        let mut headers = vec![("content-type", kind)];
        headers.extend(self.client.answered(self.api));
        host.reply(200, &headers, body);
        Flow::Pause
    }
}

impl Stream for Request {
    fn on_request_headers(&mut self, host: &dyn Host, end: bool) -> Flow {
        let step = self.admit(host, end);
        self.settle(host, step)
    }

    fn on_request_body(&mut self, host: &dyn Host, size: usize, end: bool) -> Flow {
        if self.relay.is_some() && self.stage != Stage::Replied {
            let step = self.relayed(host, size, end);
            return self.settle(host, step);
        }
        if !self.is_gathering() {
            return Flow::Pause;
        }
        let step = match entry::check_size(size as u64, self.config.body_limit_bytes as u64) {
            Ok(()) if !end => return Flow::Pause,
            Ok(()) => self.send_on(host),
            Err(fault) => Err(fault),
        };
        self.settle(host, step)
    }

    fn on_request_trailers(&mut self, host: &dyn Host) -> Flow {
        if let Some(relay) = self.relay.as_ref().filter(|_| self.stage != Stage::Replied) {
            let step = self.relayed(host, relay.here(), true);
            return self.settle(host, step);
        }
        if !self.is_gathering() {
            return Flow::Pause;
        }
        let step = self.send_on(host);
        self.settle(host, step)
    }

    fn on_response_headers(&mut self, host: &dyn Host, end: bool) -> Flow {
        let timeout = match self.stage {
            Stage::HandedOver { patience } => Some(patience.time),
            Stage::Gathering | Stage::Counting | Stage::Consulting => Some(Duration::MAX), // Envoy refused it before its body was here
            Stage::Replied => None,
        };
        self.guarded.tell(host, &self.config);
        let id = self.client.id.as_deref();
        let flow = self.answer.head(host, self.api, timeout, id, end);
        if let Stage::HandedOver { patience } = self.stage {
            health::note(host, &self.config, self.answer.is_an_attempts(), patience);
            load::head(host, &self.config, patience);
        }
        if flow == Flow::Continue && !end && self.answer.is_an_attempts() {
            return self.texts_begin(host);
        }
        flow
    }

    fn on_response_body(&mut self, host: &dyn Host, _size: usize, end: bool) -> Flow {
        self.texts_go_on(host, end)
    }

    fn on_response_trailers(&mut self, host: &dyn Host) -> Flow {
        match self.texts_end(host) {
            Flow::Pause => Flow::Pause,
            Flow::Continue => self.answer.trailers(host),
        }
    }

    fn on_side_answer(
        &mut self,
        host: &dyn Host,
        number: u32,
        answer: &SideAnswer,
    ) -> Option<Side> {
        if self.review.is_some() {
            let flow = self.judged(host, number, answer)?;
            return (flow == Flow::Continue).then_some(Side::Response);
        }
        let step = self.opinion(host, number, answer)?;
        let flow = self.settle(host, step);
        (flow == Flow::Continue).then_some(Side::Request)
    }

    fn deadline(&self) -> Option<SystemTime> {
        matches!(self.texts, Texts::Due(_)).then_some(SystemTime::UNIX_EPOCH)
    }

    fn on_deadline(&mut self, host: &dyn Host) -> Option<Side> {
        self.hand_over_due(host)
    }

    fn on_log(&mut self, host: &dyn Host) {
        let asks = self.relay.as_ref().is_none_or(relay::Incoming::asks);
        let charged = asks && self.api != Api::CountTokens;
        let bill = charged.then_some(&*self.config);
        let refused = self.stage == Stage::Replied;
        // Before the record says of every attempt how it ended.
        match self.stage {
            Stage::HandedOver { patience } if !self.answer.has_begun() => {
                health::left(host, &self.config, patience);
            }
            _ => {}
        }
        // Nothing that follows the last event is missed, and no guard waits with it.
        if self.streams
            && self.review.is_none()
            && host
                .state(state::OUTCOME)
                .is_some_and(|outcome| outcome == b"ok")
        {
            self.answer.is_complete();
        }
        self.answer.record(host, bill, refused);
        self.guarded.record(host, &self.config);
        if self.answer.broke_off(host, self.streams) {
            let patience = match self.stage {
                Stage::HandedOver { patience } => Some(patience),
                _ => None,
            };
            health::broke_off(host, &self.config, patience);
        }
        load::end(host, &self.config);
    }
}
