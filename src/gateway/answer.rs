//! The way back: an attempt's answer passes; what Envoy or the last attempt could not do becomes one
//! error in OpenAI's shape.

use super::failed;
use crate::{
    fault::{Fault, FaultKind},
    host::{
        Exchange, Flow, Host, Refused, Side,
        keys::{header, state},
    },
    log::{attempts, millis},
};
use std::time::Duration;

/// What becomes of the answer.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// Stands in for the body, once; empty afterwards.
    instead: Option<Vec<u8>>,
    status: u16,
    /// The client was given everything.
    complete: bool,
}

impl Answer {
    /// Looks at the response headers. `timeout` is what each attempt had; `None`: this filter's own reply.
    pub(super) fn head(&mut self, host: &dyn Host, timeout: Option<Duration>, end: bool) -> Flow {
        let status = host.header(Side::Response, ":status");
        self.status = status.and_then(|s| s.parse().ok()).unwrap_or(0);
        self.complete = end;
        let Some(timeout) = timeout else {
            return Flow::Continue;
        };
        // Only an attempt that is the answer names its provider.
        if host.header(Side::Response, header::PROVIDER).is_some() {
            return Flow::Continue;
        }
        // Not an attempt's answer: a failed attempt that nobody came after, or Envoy's own words.
        let (status, fault, count) = explain(host, self.status, timeout);
        self.status = status;
        host.set_state(state::REASON, fault.kind.wire().2);
        let body = fault.body();
        if end {
            self.reply(host, &fault, status, count, &body);
            return Flow::Pause;
        }
        let length = body.len();
        self.instead = Some(body);
        // A refused write leaves Envoy's own words, which are an error as well.
        let _ = rewrite(host, &fault, status, count, length);
        Flow::Continue
    }

    /// Puts the error in the place of the body.
    pub(super) fn body(&mut self, host: &dyn Host, end: bool) -> Flow {
        self.complete |= end;
        if let Some(instead) = &mut self.instead {
            let body = std::mem::take(instead);
            if host
                .replace_body(Side::Response, usize::MAX, &body)
                .is_err()
            {
                log::warn!("an error could not be written");
            }
        }
        Flow::Continue
    }

    /// The answer ended in trailers.
    pub(super) fn ended(&mut self) {
        self.complete = true;
    }

    /// Writes the end of the record. `refused`: this filter answered the request itself.
    pub(super) fn record(&self, host: &dyn Host, refused: bool) {
        host.set_state(state::CACHE, "off");
        if refused {
            host.set_state(state::ATTEMPT_COUNT, "0");
            host.set_state(
                state::OUTCOME,
                if self.status < 400 { "ok" } else { "refused" },
            );
            return;
        }
        // A complete good answer has been judged by the attempt that gave it.
        if self.complete && (200..300).contains(&self.status) {
            return;
        }
        let mut attempts = attempts::load(host);
        attempts::close_silent(&mut attempts, millis(host.now()));
        attempts::store(host, &attempts);
        host.set_state(state::ATTEMPT_COUNT, &attempts.len().to_string());
        let details = host
            .property(&["response", "code_details"])
            .unwrap_or_default();
        let left = details.starts_with(b"downstream") || details == b"http2.remote_reset";
        let outcome = match self.status {
            _ if left => "cancelled",
            200..=299 => "partial",
            _ => "error",
        };
        host.set_state(state::OUTCOME, outcome);
    }

    fn reply(&self, host: &dyn Host, fault: &Fault, status: u16, count: usize, body: &[u8]) {
        let count = count.to_string();
        let mut headers = vec![
            ("content-type", "application/json"),
            ("x-should-retry", "false"),
            (header::ATTEMPTS, count.as_str()),
            (header::CACHE, "off"),
        ];
        if let Some(wait) = &fault.retry_after {
            headers.push(("retry-after", wait));
        }
        host.reply(status, &headers, body);
    }
}

fn rewrite(
    host: &dyn Exchange,
    fault: &Fault,
    status: u16,
    count: usize,
    length: usize,
) -> Result<(), Refused> {
    let set = |name: &str, value: Option<&str>| host.set_header(Side::Response, name, value);
    set(":status", Some(&status.to_string()))?;
    set("content-type", Some("application/json"))?;
    set("content-length", Some(&length.to_string()))?;
    set("x-should-retry", Some("false"))?;
    set(header::ATTEMPTS, Some(&count.to_string()))?;
    set(header::MODEL, None)?;
    set(header::DROPPED, None)?;
    set("retry-after", fault.retry_after.as_deref())
}

/// The error for an answer that no attempt gave, its status, and how many attempts there were.
fn explain(host: &dyn Host, status: u16, timeout: Duration) -> (u16, Fault, usize) {
    let mut attempts = attempts::load(host);
    if attempts.is_empty() {
        let fault = envoys_own(status);
        return (fault.status(), fault, 0);
    }
    attempts::close_silent(&mut attempts, millis(host.now()));
    attempts::store(host, &attempts);
    let asked = host.state(state::MODEL).unwrap_or_default();
    let asked = String::from_utf8_lossy(&asked);
    let (status, fault) = failed::fault(&asked, &attempts, timeout);
    (status, fault, attempts.len())
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
        408 | 504 => Fault::new(FaultKind::TimedOut, "The request took too long."),
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
