//! A provider that has begun to answer and falls silent. Before the first content the next attempt follows; afterwards the
//! answer breaks off, because Envoy lets a filter write nothing behind what has left while nothing comes.

use super::{
    Attempt, Sent,
    back::{Back, conclude},
};
use crate::{
    fault::{Fault, FaultKind},
    host::{
        Flow, Host,
        keys::{header, state},
    },
    log::attempts,
    plan::HandOver,
};
use std::time::{Duration, SystemTime};

/// How long nothing has come of an answer that is not complete.
#[derive(Debug, Default)]
pub(super) struct Silence {
    /// When something came last; `None`: nobody counts.
    since: Option<SystemTime>,
}

impl Silence {
    /// Something of the answer has come; `end`: nothing follows.
    pub(super) fn breaks(&mut self, host: &dyn Host, plan: &HandOver, end: bool) {
        let counts = plan.idle_ms.is_some() && !end;
        self.since = counts.then(|| host.now());
    }
}

impl Attempt {
    /// When the provider will have been silent for too long.
    pub(super) fn is_given_up_at(&self) -> Option<SystemTime> {
        let limit = self.sent.as_ref()?.plan.idle_ms?;
        self.silence
            .since?
            .checked_add(Duration::from_millis(limit))
    }

    /// It has been. Whether the response that was held goes on.
    pub(super) fn give_up(&mut self, host: &dyn Host) -> Flow {
        self.silence.since = None;
        let Some(sent) = &mut self.sent else {
            return Flow::Pause;
        };
        if let Back::Stream(streaming) = &self.back
            && (streaming.is_done() || streaming.holds_the_end(sent))
        {
            return self.end(host);
        }
        let begun = match &self.back {
            Back::Stream(streaming) => streaming.is_released(),
            Back::Error { .. } | Back::Whole { .. } => false,
            // What still was to come is nobody's answer, and its end is waited for.
            Back::Waiting | Back::Done => {
                host.stop();
                return Flow::Pause;
            }
            Back::Passing(_) => true,
        };
        let fault = Fault::new(FaultKind::TimedOut, "The provider fell silent.");
        if begun {
            host.set_state(state::FINISH, "error");
            host.set_state(state::OUTCOME, "partial");
            sent.is_silent(host, sent.status());
            host.stop();
            return Flow::Pause;
        }
        if let Back::Stream(streaming) = &self.back {
            sent.spend(streaming.facts());
        }
        self.back = Back::Done;
        let status = sent.status();
        if sent.plan.goes_on(sent.number) {
            let flow = conclude(host, sent, fault.status(), &fault, None);
            sent.is_silent(host, status);
            // Should Envoy not move on after all, nothing else would end the exchange.
            self.silence.since = Some(host.now());
            return flow;
        }
        sent.close(host, Some(status), Some(&fault));
        sent.is_silent(host, status);
        // Nothing else would end what Envoy does not try again. It names no provider: the gateway role says what was tried.
        let lines = [
            ("content-type", "application/json"),
            (header::MODEL, sent.model.as_str()),
        ];
        host.reply(fault.status(), &lines, &sent.refusal(&fault));
        Flow::Pause
    }

    /// Everything has come but the end, which a client does not wait for.
    fn end(&mut self, host: &dyn Host) -> Flow {
        let Some(sent) = &mut self.sent else {
            return Flow::Pause;
        };
        let flow = match &mut self.back {
            Back::Stream(streaming) if streaming.is_done() => Flow::Pause,
            back => back.body(host, &self.provider, sent, true),
        };
        let broken = matches!(&self.back, Back::Stream(streaming) if streaming.is_broken());
        if broken {
            sent.is_silent(host, sent.status()); // its dialect needs more to be sure
        }
        self.back = Back::Done;
        match flow {
            // What was held leaves first.
            Flow::Continue => self.silence.since = Some(SystemTime::UNIX_EPOCH),
            Flow::Pause => host.stop(),
        }
        flow
    }
}

impl Sent {
    /// The status that the provider has answered with.
    fn status(&self) -> u16 {
        let status = self.headers.get(":status");
        status.and_then(|status| status.parse().ok()).unwrap_or(0)
    }

    /// Notes in this attempt's entry what ended it.
    fn is_silent(&mut self, host: &dyn Host, status: u16) {
        if let Some(entry) = self.attempts.last_mut() {
            entry.status = Some(status);
            entry.reason = Some(attempts::IDLE.to_owned());
        }
        attempts::store(host, &self.attempts);
    }
}
