//! The answer to a copy of a request: it is read as any answer and reaches nobody. What it used and cost is counted, and
//! goes on as headers, which Envoy's `upstream_log` can write.

use super::Sent;
use crate::{
    host::{
        Flow, Host, Side,
        keys::{header, metric},
    },
    log::{Used, attempts, cost},
    plan::{HandOver, signed},
};
use std::rc::Rc;

/// The hand-over of a copy, which comes without the filter state that holds it. `None`: nobody in this process has
/// written it.
pub(super) fn plan(host: &dyn Host) -> Option<HandOver> {
    let header = host.header(Side::Request, header::MIRROR_PLAN)?;
    let plan = signed::read(host, &header).filter(|plan| plan.mirror.is_some());
    if plan.is_none() {
        host.count(metric::MIRROR_REFUSED, 1);
    }
    plan
}

/// Where in an answer a callback is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    Headers,
    Body,
    Trailers,
}

/// Holds the headers of the answer to a copy until its end, and lets go of its bytes as soon as they have been read.
/// `flow`: what would become of them otherwise.
pub(super) fn hush(host: &dyn Host, sent: &mut Sent, flow: Flow, at: At, end: bool) -> Flow {
    if sent.plan.mirror.is_none() {
        return flow;
    }
    if flow == Flow::Pause {
        if end {
            // This filter has answered instead.
            end_of(host, sent, Ended::ByItself);
        }
        return flow;
    }
    if at == At::Body && host.replace_body(Side::Response, usize::MAX, &[]).is_err() {
        log::warn!("a part of the answer to a copy could not be dropped");
    }
    if !end {
        return Flow::Pause;
    }
    let status = host.header(Side::Response, ":status");
    let status = status.unwrap_or_default();
    let facts = end_of(host, sent, Ended::ByItself);
    let lines: Vec<_> = std::iter::once((":status", &*status))
        .chain(facts.iter().map(|(name, value)| (*name, &**value)))
        .collect();
    if host.replace_headers(Side::Response, &lines).is_err() {
        log::warn!("what became of a copy could not be said in headers");
    }
    flow
}

/// How the answer to a copy has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// All of it has been read, or this filter has refused it.
    ByItself,
    /// By Envoy, which waits for nothing more.
    Early,
}

/// Counts what has become of a copy, once; gives the same as headers.
pub(super) fn end_of(
    host: &dyn Host,
    sent: &mut Sent,
    ended: Ended,
) -> Vec<(&'static str, String)> {
    if sent.plan.mirror.is_none() {
        return Vec::new();
    }
    let Some(copied) = Rc::make_mut(&mut sent.plan).mirror.take() else {
        return Vec::new();
    };
    let last = sent.attempts.last();
    let reason = last.and_then(|last| match (&last.reason, ended, last.ms) {
        (Some(reason), _, _) => Some(reason.as_str()),
        (None, Ended::ByItself, _) => None,
        (None, Ended::Early, None) => Some(attempts::NO_ANSWER),
        (None, Ended::Early, Some(_)) => Some(attempts::BROKE_OFF),
    });
    let reason = reason.map(str::to_owned);
    let usage = last.and_then(|last| last.used);
    let usage = usage.or_else(|| Used::load(host).map(|used| used.usage));
    let priced = |usage| match cost::told(usage) {
        Some(micros) => Some(micros),
        None => cost::micros(usage, copied.prices.as_ref()?),
    };
    let cost = usage.as_ref().and_then(priced);
    let outcome = if reason.is_none() { "ok" } else { "error" };
    let count = |what: &str, amount: u64| {
        let amount = i64::try_from(amount).unwrap_or(i64::MAX);
        host.count(&metric::mirror(&sent.name, what), amount);
    };
    count(outcome, 1);
    let mut facts = vec![
        (header::MIRROR, outcome.to_owned()),
        (header::PROVIDER, sent.name.clone()),
        (header::MODEL, sent.model.clone()),
    ];
    facts.extend(reason.map(|reason| (header::REASON, reason)));
    let id = sent.plan.request_id.clone();
    facts.extend(id.map(|id| ("x-request-id", id)));
    match usage {
        Some(usage) => {
            count("input_tokens", usage.input);
            count("output_tokens", usage.output);
            facts.push((header::INPUT_TOKENS, usage.input.to_string()));
            facts.push((header::OUTPUT_TOKENS, usage.output.to_string()));
        }
        None if outcome == "ok" => host.count(metric::USAGE_UNKNOWN, 1),
        None => {}
    }
    match cost {
        Some(micros) => {
            count("cost_usd_micros", micros);
            facts.push((header::COST_USD_MICROS, micros.to_string()));
        }
        None if usage.is_some() => host.count(metric::PRICE_UNKNOWN, 1),
        None => {}
    }
    facts
}
