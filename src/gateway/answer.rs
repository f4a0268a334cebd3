//! The way back: an attempt's answer passes; what Envoy or the last attempt could not do becomes one
//! error in OpenAI's shape.

use super::{bill::Bill, failed, health};
use crate::{
    api::client::Api,
    config::Gateway,
    fault::{Fault, FaultKind},
    host::{
        Flow, Host, Refused, Side,
        keys::{header, state},
    },
    log::{attempts, millis},
    plan::HandOver,
};
use std::time::Duration;

/// What becomes of the answer.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// An error waits for the body that it replaces; the headers are held until then.
    instead: Option<Instead>,
    /// The error has been written: what still comes is left out.
    replaced: bool,
    status: u16,
    /// The client was given everything.
    complete: bool,
    /// An attempt answered.
    answered: bool,
    /// A guard has stopped it: what the record calls that.
    stopped: Option<&'static str>,
}

/// An error in the place of what Envoy or the last attempt would have said.
#[derive(Debug)]
struct Instead {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Answer {
    /// Looks at the response headers; `api`: the language of an error. `timeout` is what each attempt had; `None`: this filter's own
    /// reply. `id`: Envoy's id of the request.
    pub(super) fn head(
        &mut self,
        host: &dyn Host,
        api: Api,
        timeout: Option<Duration>,
        id: Option<&str>,
        end: bool,
    ) -> Flow {
        self.complete = end;
        let status = || host.header(Side::Response, ":status")?.parse().ok();
        let Some(timeout) = timeout else {
            self.status = status().unwrap_or(0);
            return Flow::Continue;
        };
        // Only an attempt that is the answer names its provider.
        self.answered = host.header(Side::Response, header::PROVIDER).is_some();
        let told = host.board().and_then(|board| board.answered());
        self.status = told.filter(|_| self.answered).or_else(status).unwrap_or(0);
        if self.answered {
            return Flow::Continue;
        }
        let instead = explain(host, api, self.status, timeout, id);
        self.status = instead.status;
        if end {
            instead.reply(host);
        } else {
            self.instead = Some(instead);
        }
        Flow::Pause
    }

    /// Whether this is the answer of an attempt.
    pub(super) fn is_an_attempts(&self) -> bool {
        self.answered
    }

    /// Whether an error waits for the body that it replaces.
    pub(super) fn waits(&self) -> bool {
        self.instead.is_some()
    }

    /// Whether it is an answer, and no error.
    pub(super) fn is_good(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Puts an error in the place of an attempt's answer, whose headers are still held.
    pub(super) fn refuse(&mut self, host: &dyn Host, api: Api, fault: &Fault, id: Option<&str>) {
        let count = attempts::load(host).len();
        let instead = Instead::new(api, fault.status(), fault, count, id);
        self.status = instead.status;
        self.instead = Some(instead);
    }

    /// A guard lets nothing more of the answer through. `outcome`: for the record.
    pub(super) fn is_stopped(&mut self, outcome: &'static str) {
        self.stopped = Some(outcome);
    }

    /// All of it has come, though not its end.
    pub(super) fn is_complete(&mut self) {
        self.complete = true;
    }

    /// Whether there were any response headers.
    pub(super) fn has_begun(&self) -> bool {
        self.status != 0
    }

    /// Whether an answer broke off that had begun, and not because the client left or the time for all attempts was over;
    /// asked when the record is complete.
    pub(super) fn broke_off(&self, host: &dyn Host, streams: bool) -> bool {
        self.answered
            && self.stopped.is_none()
            && (streams || !self.complete)
            && !is_out_of_time(host)
            && host.state(state::OUTCOME).as_deref() == Some(b"partial")
    }

    /// Puts the error in the place of the body.
    pub(super) fn body(&mut self, host: &dyn Host, end: bool) -> Flow {
        self.complete |= end;
        // A refused write leaves Envoy's own words, which are an error as well.
        let written = match self.instead.take() {
            Some(instead) => {
                self.replaced = true;
                instead.write(host)
            }
            None if self.replaced => host.replace_body(Side::Response, usize::MAX, &[]),
            None => Ok(()),
        };
        if written.is_err() {
            log::warn!("an error could not be written");
        }
        Flow::Continue
    }

    /// The answer ended in trailers, perhaps without any body.
    pub(super) fn trailers(&mut self, host: &dyn Host) -> Flow {
        self.complete = true;
        match self.instead.take() {
            Some(instead) => {
                instead.reply(host);
                Flow::Pause
            }
            None => Flow::Continue,
        }
    }

    /// Writes the end of the record. `bill`: `None` where nothing is charged. `refused`: this filter answered the
    /// request itself.
    pub(super) fn record(&self, host: &dyn Host, bill: Option<&Gateway>, refused: bool) {
        host.set_state(state::CACHE, "off");
        if refused {
            // An upload may be refused in the middle of its one attempt.
            let mut attempts = attempts::load(host);
            if let Some(last) = attempts.last_mut().filter(|last| last.ms.is_none()) {
                last.ms = Some(millis(host.now()).saturating_sub(last.at_ms));
                last.reason = Some(attempts::CANCELLED.to_owned());
                attempts::store(host, &attempts);
            }
            host.set_state(state::ATTEMPT_COUNT, &attempts.len().to_string());
            host.set_state(
                state::OUTCOME,
                if self.status < 400 { "ok" } else { "refused" },
            );
            return;
        }
        let bill = bill.map(|config| Bill { host, config });
        self.judge(host, bill.as_ref());
        if let Some(outcome) = self.stopped {
            host.set_state(state::OUTCOME, outcome);
        }
    }

    fn judge(&self, host: &dyn Host, bill: Option<&Bill<'_>>) {
        // A complete good answer has been judged by the attempt that gave it.
        let good = self.is_good();
        // One that a guard has refused was complete, and is paid for.
        let held = self.stopped.is_some() && !good;
        if held || (self.complete && good) {
            if let Some(bill) = bill {
                bill.answer();
            }
            return;
        }
        let mut attempts = attempts::load(host);
        let details = host
            .property(&["response", "code_details"])
            .unwrap_or_default();
        let left = details.starts_with(b"downstream") || details == b"http2.remote_reset";
        if let Some(bill) = bill {
            // Who leaves before the first token has used what the attempt had used by then.
            let last = attempts.last_mut().filter(|last| left && last.ms.is_none());
            bill.rest(last, good);
            bill.waste(&mut attempts);
        }
        if let Some(last) = attempts.last_mut() {
            let open = last.ms.is_none() || (good && last.reason.is_none());
            let ended = match left {
                true => attempts::CANCELLED,
                false if is_out_of_time(host) => FaultKind::TimedOut.wire().2,
                false => attempts::BROKE_OFF,
            };
            if open && (left || good) {
                let ms = millis(host.now()).saturating_sub(last.at_ms);
                last.ms.get_or_insert(ms);
                last.reason = Some(ended.to_owned());
            }
        }
        attempts::close_silent(&mut attempts, millis(host.now()));
        attempts.extend(first_unreached(host, &attempts));
        attempts::store(host, &attempts);
        host.set_state(state::ATTEMPT_COUNT, &attempts.len().to_string());
        let outcome = match self.status {
            _ if left => "cancelled",
            200..=299 => "partial",
            _ => "error",
        };
        host.set_state(state::OUTCOME, outcome);
    }
}

impl Instead {
    fn new(api: Api, status: u16, fault: &Fault, count: usize, id: Option<&str>) -> Self {
        let body = api.error(fault, id);
        let mut headers = vec![
            ("content-type", "application/json".to_owned()),
            ("content-length", body.len().to_string()),
            ("x-should-retry", "false".to_owned()),
            (header::ATTEMPTS, count.to_string()),
            (header::CACHE, "off".to_owned()),
        ];
        headers.extend(api.ids(id).map(|(name, id)| (name, id.to_owned())));
        headers.extend(fault.retry_after.clone().map(|wait| ("retry-after", wait)));
        Self {
            status,
            headers,
            body,
        }
    }

    fn lines(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
    }

    /// As an answer of its own.
    fn reply(&self, host: &dyn Host) {
        let lines: Vec<_> = self
            .lines()
            .filter(|(name, _)| *name != "content-length")
            .collect();
        host.reply(self.status, &lines, &self.body);
    }

    /// In the place of what is here: no header of an attempt that failed is left.
    fn write(&self, host: &dyn Host) -> Result<(), Refused> {
        let status = self.status.to_string();
        let lines: Vec<_> = std::iter::once((":status", status.as_str()))
            .chain(self.lines())
            .collect();
        host.replace_headers(Side::Response, &lines)?;
        host.replace_body(Side::Response, usize::MAX, &self.body)
    }
}

/// The error for an answer that no attempt gave.
fn explain(host: &dyn Host, api: Api, status: u16, timeout: Duration, id: Option<&str>) -> Instead {
    let mut attempts = attempts::load(host);
    let unreached = unreached(host, &attempts);
    if attempts.is_empty() && unreached.is_none() {
        let fault = envoys_own(status);
        host.set_state(state::REASON, fault.kind.wire().2);
        return Instead::new(api, fault.status(), &fault, 0, id);
    }
    let silent = attempts.last().is_some_and(|last| last.ms.is_none());
    attempts::close_silent(&mut attempts, millis(host.now()));
    // The time for all attempts was over in the middle of this one.
    if let Some(last) = attempts.last_mut().filter(|_| silent)
        && is_out_of_time(host)
    {
        last.reason = Some(FaultKind::TimedOut.wire().2.to_owned());
    }
    attempts.extend(unreached);
    attempts::store(host, &attempts);
    // What names no model is called by what it is.
    let asked = host.state(state::MODEL).filter(|model| !model.is_empty());
    let asked = asked
        .or_else(|| host.state(state::OPERATION))
        .unwrap_or_default();
    let asked = String::from_utf8_lossy(&asked);
    let (status, fault) = failed::fault(&asked, &attempts, timeout, millis(host.now()));
    host.set_state(state::REASON, fault.kind.wire().2);
    Instead::new(api, status, &fault, attempts.len(), id)
}

/// Whether the time for all attempts is over.
fn is_out_of_time(host: &dyn Host) -> bool {
    let details = host.property(&["response", "code_details"]);
    details.is_some_and(|details| details.starts_with(b"response_timeout"))
}

/// A target that Envoy could not even begin to ask: its words come after an attempt that has ended.
fn unreached(host: &dyn Host, attempts: &[attempts::Attempt]) -> Option<attempts::Attempt> {
    let ended = attempts.last().is_some_and(|last| last.ms.is_some());
    // A failed attempt names its model; Envoy does not.
    if !ended || host.header(Side::Response, header::MODEL).is_some() || is_out_of_time(host) {
        return None;
    }
    let plan = HandOver::load(host)?;
    let step = plan.at_once().get(attempts.len())?;
    Some(attempts::Attempt {
        ms: Some(0),
        reason: Some(attempts::NO_ANSWER.to_owned()),
        ..attempts::Attempt::begun(&step.provider, &step.model, millis(host.now()))
            .at(&step.cluster)
    })
}

/// The first target, where Envoy found no host to begin with: nobody else can tell of it.
fn first_unreached(host: &dyn Host, attempts: &[attempts::Attempt]) -> Option<attempts::Attempt> {
    if !attempts.is_empty() || !health::had_no_host(host) {
        return None;
    }
    let plan = HandOver::load(host)?;
    let step = plan.step(1)?;
    Some(attempts::Attempt {
        ms: Some(0),
        reason: Some(attempts::NO_ANSWER.to_owned()),
        ..attempts::Attempt::begun(&step.provider, &step.model, millis(host.now()))
            .at(&step.cluster)
    })
}

/// Envoy answered before any attempt began.
fn envoys_own(status: u16) -> Fault {
    match status {
        413 => Fault::new(
            FaultKind::TooLarge,
            "The body is larger than this gateway buffers. Send less, or raise `request_body_buffer_limit` of the route.",
        ),
        429 => Fault::new(
            FaultKind::RateLimited,
            "The limit of this gateway is reached; wait and try again.",
        ),
        404 => Fault::new(
            FaultKind::UnknownPath,
            "Envoy has no route for this request.",
        ),
        401 => Fault::new(
            FaultKind::Unauthenticated,
            "Envoy refused the request: not authenticated.",
        ),
        403 => Fault::new(
            FaultKind::Forbidden,
            "Envoy refused the request: not allowed.",
        )
        .coded("forbidden"),
        408 => Fault::new(
            FaultKind::TooSlow,
            "The request did not arrive in time. Send it faster, or raise `request_timeout` of the connection manager.",
        ),
        504 => Fault::new(FaultKind::TimedOut, "The request took too long."),
        400..=499 => Fault::new(
            FaultKind::BadRequest,
            format!("Envoy refused the request with status {status}."),
        ),
        _ => Fault::new(
            FaultKind::Overloaded,
            "No provider is available: no healthy host, an open circuit breaker or an unknown cluster.",
        ),
    }
}
