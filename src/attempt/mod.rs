//! The upstream role, once per attempt: from the client's original to one provider, and back.
//!
//! `relay` passes on what belongs to OpenAI's other paths. For the rest
//! `out` computes a complete request and sends nothing of an earlier attempt along; `back`
//! decides whether this attempt is the answer or whether Envoy moves on, and until the first
//! content of a stream nothing has left yet. Envoy executes: a retriable `:status` is a retry.
//! `mirror` is what is different where the request is a copy, whose answer reaches nobody.

mod back;
mod facts;
mod headers;
mod mirror;
mod out;
mod relay;
mod shown;
mod silence;
mod spoken;
mod stream;
mod vectors;
mod wait;
mod wanted;
mod watch;

use crate::{
    api::{answer::Usage, embeddings, responses::Echo},
    config::Provider,
    fault::Fault,
    frame::Framing,
    host::{Flow, Headers, Host, Side, Stream, keys::header},
    log::{Used, attempts, millis},
    plan::HandOver,
};
use back::Back;
use facts::Facts;
use mirror::{At, Ended};
pub use shown::{Shown, show};
use silence::Silence;
use std::{rc::Rc, time::SystemTime};
use wanted::Wanted;

/// One attempt at one provider.
#[derive(Debug)]
pub struct Attempt {
    provider: Rc<Provider>,
    /// Bytes of the client's body that are here.
    gathered: usize,
    sent: Option<Sent>,
    back: Back,
    silence: Silence,
}

/// What the way back must know of the way out.
#[derive(Debug)]
struct Sent {
    name: String,
    model: String,
    number: u64,
    plan: Rc<HandOver>,
    /// The answer's headers as they came.
    headers: Headers,
    dropped: Vec<String>,
    /// The provider answers in the client's language: its bytes pass.
    passes: bool,
    /// The model's name in a body that passes, until it has been replaced.
    edit: Option<relay::Edit>,
    /// How its stream is framed where it passes.
    framing: Framing,
    /// What a response repeats of its request, where one is to be written.
    echo: Echo,
    /// What was asked of a provider whose embeddings are translated.
    embed: Option<embeddings::Asked>,
    /// The tool whose input is the answer, where the provider has no other way.
    answer_tool: Option<String>,
    /// What a whole answer must be, where that is checked.
    wanted: Option<Wanted>,
    started: SystemTime,
    attempts: Vec<attempts::Attempt>,
    /// No part of the response's body has come: there is none that could be replaced.
    bodiless: bool,
}

impl Attempt {
    /// An attempt that has not begun.
    pub fn new(provider: Rc<Provider>) -> Self {
        Self {
            provider,
            gathered: 0,
            sent: None,
            back: Back::Waiting,
            silence: Silence::default(),
        }
    }

    fn request_is_complete(&mut self, host: &dyn Host, size: usize) -> Flow {
        let Some(sent) = &mut self.sent else {
            return Flow::Pause; // already answered
        };
        let step = out::send(host, &self.provider, sent, size).map(|()| Flow::Continue);
        self.settle(host, Some(step))
    }

    /// Goes on with what a step decided, or answers with its refusal; `None`: that has happened already.
    fn settle(&mut self, host: &dyn Host, step: Option<Result<Flow, Fault>>) -> Flow {
        match (step, &mut self.sent) {
            (Some(Ok(flow)), _) => flow,
            (Some(Err(fault)), Some(sent)) => {
                sent.close(host, Some(fault.status()), Some(&fault));
                sent.refuse(host, &fault);
                mirror::end_of(host, sent, Ended::ByItself);
                self.sent = None;
                Flow::Pause
            }
            _ => Flow::Pause,
        }
    }

    fn answer_begins(&mut self, host: &dyn Host, end: bool) -> Flow {
        let Some(sent) = &mut self.sent else {
            return Flow::Continue;
        };
        self.silence.breaks(host, &sent.plan, end);
        self.back = Back::begin(host, &self.provider, sent);
        sent.bodiless = true; // until a part of it comes
        if let Back::Passing(passing) = &self.back
            && let Err(fault) = passing.open(host, sent)
        {
            sent.refuse(host, &fault);
            self.back = Back::Done;
            return Flow::Pause;
        }
        if end {
            return self.back.body(host, &self.provider, sent, true);
        }
        match self.back {
            Back::Passing(_) => Flow::Continue,
            _ => Flow::Pause,
        }
    }

    fn answer_goes_on(&mut self, host: &dyn Host, at: At, end: bool) -> Flow {
        let Some(sent) = &mut self.sent else {
            return Flow::Continue;
        };
        sent.bodiless &= at != At::Body;
        self.silence.breaks(host, &sent.plan, end);
        let flow = self.back.body(host, &self.provider, sent, end);
        mirror::hush(host, sent, flow, at, end)
    }

    fn is_relayed(&self) -> bool {
        self.sent
            .as_ref()
            .is_some_and(|sent| sent.plan.relay.is_some())
    }
}

impl Stream for Attempt {
    fn on_request_headers(&mut self, host: &dyn Host, end: bool) -> Flow {
        match out::begin(host, &self.provider) {
            Ok(sent) => self.sent = Some(sent),
            Err(fault) => {
                host.reply(fault.status(), &[], &fault.body());
                return Flow::Pause;
            }
        }
        if self.is_relayed() {
            let step = |sent: &mut Sent| relay::send(host, &self.provider, sent);
            let step = self.sent.as_mut().map(step);
            return self.settle(host, step);
        }
        if end {
            return self.request_is_complete(host, 0);
        }
        Flow::Pause
    }

    fn on_request_body(&mut self, host: &dyn Host, size: usize, end: bool) -> Flow {
        self.gathered = size;
        if self.is_relayed() {
            let step = |sent: &mut Sent| relay::body(host, sent, size, end);
            let step = self.sent.as_mut().map(step);
            return self.settle(host, step);
        }
        if end {
            return self.request_is_complete(host, size);
        }
        Flow::Pause
    }

    fn on_request_trailers(&mut self, host: &dyn Host) -> Flow {
        if self.is_relayed() {
            let size = self.gathered;
            let step = |sent: &mut Sent| relay::body(host, sent, size, true);
            let step = self.sent.as_mut().map(step);
            return self.settle(host, step);
        }
        self.request_is_complete(host, self.gathered)
    }

    fn on_response_headers(&mut self, host: &dyn Host, end: bool) -> Flow {
        let flow = self.answer_begins(host, end);
        match &mut self.sent {
            Some(sent) => mirror::hush(host, sent, flow, At::Headers, end),
            None => flow,
        }
    }

    fn on_response_body(&mut self, host: &dyn Host, _size: usize, end: bool) -> Flow {
        self.answer_goes_on(host, At::Body, end)
    }

    fn on_response_trailers(&mut self, host: &dyn Host) -> Flow {
        self.answer_goes_on(host, At::Trailers, true)
    }

    fn on_done(&mut self, host: &dyn Host) {
        if let Some(sent) = &mut self.sent {
            mirror::end_of(host, sent, Ended::Early);
        }
    }

    fn deadline(&self) -> Option<SystemTime> {
        match &self.back {
            Back::Stream(streaming) if streaming.is_due() => Some(SystemTime::UNIX_EPOCH),
            _ => self.is_given_up_at(),
        }
    }

    fn on_deadline(&mut self, host: &dyn Host) -> Option<Side> {
        let flow = match &mut self.back {
            Back::Stream(streaming) if streaming.is_due() => streaming.hand_over(host),
            _ => self.give_up(host),
        };
        (flow == Flow::Continue).then_some(Side::Response)
    }
}

impl Sent {
    /// Notes in this attempt's entry what it has used so far: should it fail, that is waste.
    fn spend(&mut self, facts: &Facts) {
        if let Some(entry) = self.attempts.last_mut() {
            entry.used = facts.usage;
            entry.served = Some(facts.model.clone()).filter(|model| !model.is_empty());
        }
    }

    /// What the answer used, for the record.
    fn used(&self, facts: &Facts, usage: Usage) -> Used {
        Used {
            provider: self.name.clone(),
            model: self.model.clone(),
            served: facts.model.clone(),
            attempt: self.number,
            usage,
        }
    }

    /// Completes this attempt's entry in the record.
    fn close(&mut self, host: &dyn Host, status: Option<u16>, fault: Option<&Fault>) {
        let now = millis(host.now());
        if let Some(entry) = self.attempts.last_mut() {
            entry.status = status;
            if fault.is_none() {
                (entry.used, entry.served) = (None, None);
            }
            entry.ms = Some(now.saturating_sub(entry.at_ms));
            entry.reason = fault.map(|fault| fault.kind.wire().2.to_owned());
            entry.retry_after = fault
                .and_then(|fault| fault.retry_after.clone())
                .filter(|wait| wait.len() < 40);
        }
        attempts::store(host, &self.attempts);
    }

    /// Notes in this attempt's entry why its answer ended before its end.
    fn broke(&mut self, host: &dyn Host, fault: &Fault) {
        if let Some(entry) = self.attempts.last_mut() {
            entry.reason = Some(fault.kind.wire().2.to_owned());
        }
        attempts::store(host, &self.attempts);
    }

    /// A final refusal by this filter: Envoy does not retry it.
    fn refuse(&self, host: &dyn Host, fault: &Fault) {
        let number = self.number.to_string();
        let mut headers = vec![
            ("content-type", "application/json"),
            (header::PROVIDER, self.name.as_str()),
            (header::ATTEMPTS, number.as_str()),
        ];
        if !self.model.is_empty() {
            headers.push((header::MODEL, &self.model));
        }
        headers.extend(headers::common(self));
        headers::answered(host, Some(fault.status()));
        host.reply(fault.status(), &headers, &self.refusal(fault));
    }

    /// A refusal in the client's language.
    fn refusal(&self, fault: &Fault) -> Vec<u8> {
        self.plan.api.error(fault, self.plan.request_id.as_deref())
    }
}

/// A host that refuses a write leaves the exchange half translated: nothing may go on.
fn write_failed(side: Side) -> Fault {
    let side = match side {
        Side::Request => "request",
        Side::Response => "answer",
    };
    Fault::new(
        crate::fault::FaultKind::Internal,
        format!("The gateway could not write the {side}."),
    )
}
