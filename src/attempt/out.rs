//! The way out: the client's original becomes a complete request to this provider.

use super::{Sent, headers::may_leave, write_failed};
use crate::{
    api::chat::Chat,
    config::Provider,
    fault::{Fault, FaultKind},
    host::{
        Exchange, Host, Refused, Side,
        keys::{metric, state},
    },
    log::{attempts, now_ms},
    plan::Step,
    provider::{OutBody, Outgoing},
};

/// Reads this attempt's step of the plan, takes away every header that is not the provider's
/// business, and opens the attempt's entry in the record.
///
/// Errors: the gateway role has not run, or the host refuses to change a header.
pub(super) fn begin(host: &dyn Host, provider: &Provider) -> Result<Sent, Fault> {
    let number = attempt_number(host);
    let step = step(host, number).ok_or_else(|| {
        Fault::new(
            FaultKind::Internal,
            "This cluster got a request without a plan: the gateway role must run before it.",
        )
    })?;
    if step.dialect != provider.dialect {
        host.count(metric::DIALECT_MISMATCH, 1);
    }
    clean(host, provider).map_err(|_| write_failed(Side::Request))?;
    let mut attempts = attempts::load(host);
    attempts::close_silent(&mut attempts, now_ms(host));
    attempts.push(attempts::Attempt {
        provider: step.provider.clone(),
        model: step.model.clone(),
        status: None,
        ms: None,
        reason: None,
        at_ms: now_ms(host),
        retry_after: None,
    });
    attempts::store(host, &attempts);
    host.set_state(state::PROVIDER, &step.provider);
    host.set_state(state::DIALECT, provider.dialect);
    Ok(Sent {
        name: step.provider,
        model: step.model,
        number,
        stream: is_set(host, state::STREAM),
        wants_usage: is_set(host, state::WANTS_USAGE),
        dropped: Vec::new(),
        started: host.now(),
        attempts,
        bodiless: false,
    })
}

/// Writes the provider's request: path, headers, body.
///
/// Errors: the dialect cannot express the request, or the host refuses a write.
pub(super) fn send(host: &dyn Host, provider: &Provider, sent: &mut Sent) -> Result<(), Fault> {
    let body = host.body(Side::Request, 0);
    let mut chat = Chat::parse(&body)?;
    chat.model = sent.model.as_str().into();
    let dialect = provider.speaks.chat().ok_or_else(|| {
        Fault::new(
            FaultKind::Unsupported,
            "This provider offers no chat completions.",
        )
    })?;
    let outgoing = dialect.request(&chat)?;
    write(host, provider, sent.stream, &outgoing, body.len())
        .map_err(|_| write_failed(Side::Request))?;
    sent.dropped = outgoing.dropped;
    Ok(())
}

fn write(
    host: &dyn Host,
    provider: &Provider,
    stream: bool,
    outgoing: &Outgoing,
    size: usize,
) -> Result<(), Refused> {
    let set = |name: &str, value: &str| host.set_header(Side::Request, name, Some(value));
    set(":path", &outgoing.path)?;
    if let Some(authority) = &provider.host {
        set(":authority", authority)?;
    }
    set("content-type", "application/json")?;
    set(
        "accept",
        if stream {
            "text/event-stream"
        } else {
            "application/json"
        },
    )?;
    set("accept-encoding", "identity")?;
    for (name, value) in &outgoing.headers {
        set(name, value)?;
    }
    for (name, value) in &provider.headers {
        set(name, value)?;
    }
    let (cut, new): (usize, &[u8]) = match &outgoing.body {
        OutBody::Untouched => return Ok(()),
        OutBody::Head { cut, head } => (*cut, head),
        OutBody::Whole(body) => (size, body),
    };
    set(
        "content-length",
        &(size.saturating_sub(cut) + new.len()).to_string(),
    )?;
    host.replace_body(Side::Request, cut, new)
}

fn clean(host: &dyn Host, provider: &Provider) -> Result<(), Refused> {
    let headers = host.headers(Side::Request);
    for (name, _) in headers.iter() {
        if !may_leave(name, provider.forward_trace) {
            host.set_header(Side::Request, name, None)?;
        }
    }
    Ok(())
}

/// Counts from 1. An Envoy that does not say is taken to be at the first attempt.
fn attempt_number(host: &dyn Exchange) -> u64 {
    host.property(&["upstream", "request_attempt_count"])
        .and_then(|bytes| Some(u64::from_le_bytes(bytes.try_into().ok()?)))
        .unwrap_or(1)
        .max(1)
}

/// A plan shorter than the attempts stays on its last step, as Envoy does.
fn step(host: &dyn Exchange, number: u64) -> Option<Step> {
    let plan = host.state(state::PLAN)?;
    let steps: Vec<Step> = serde_json::from_slice(&plan).ok()?;
    let at = usize::try_from(number - 1)
        .ok()?
        .min(steps.len().checked_sub(1)?);
    steps.into_iter().nth(at)
}

fn is_set(host: &dyn Exchange, key: &str) -> bool {
    host.state(key).as_deref() == Some(b"1")
}
