//! The way out: the client's original becomes a complete request to this provider.

use super::{Sent, headers, mirror, vectors, wait, wanted::Wanted, write_failed};
use crate::{
    api::{
        chat::Chat,
        client::{Api, Asked},
        responses::Echo,
    },
    config::Provider,
    fault::{Fault, FaultKind},
    frame::Framing,
    host::{
        Exchange, Headers, Host, Refused, Side,
        keys::{metric, state},
    },
    json::{Object, Str},
    log::{attempts, millis},
    plan::{HandOver, LIMITS, Step, busy},
    provider::{OutBody, Outgoing},
};
use std::{rc::Rc, time::SystemTime};

/// Reads this attempt's step of the plan and opens the attempt's entry in the record.
///
/// Errors: the gateway role has not run; this step is for afterwards, and nobody was waited for.
pub(super) fn begin(host: &dyn Host, provider: &Provider) -> Result<Sent, Fault> {
    let lost = || {
        Fault::new(
            FaultKind::Internal,
            "This cluster got a request without a plan: the gateway role must run before it.",
        )
    };
    let plan = HandOver::load(host).or_else(|| mirror::plan(host).map(Rc::new));
    let plan = plan.ok_or_else(lost)?;
    let number = if plan.steps.len() > 1 {
        attempt_number(host)
    } else {
        1
    };
    let Step {
        provider: name,
        cluster,
        model,
        dialect,
    } = plan.step(number).ok_or_else(lost)?.clone();
    let now = host.now();
    let mut attempts = if number > 1 {
        attempts::before(host, &plan, number, millis(now))
    } else {
        Vec::new()
    };
    if !wait::permits(&plan, number, &attempts) {
        let message = "Every attempt of the plan has been made.";
        return Err(Fault::new(FaultKind::Overloaded, message));
    }
    if dialect != provider.dialect {
        host.count(metric::DIALECT_MISMATCH, 1);
    }
    if let Some(mark) = plan.of_step(&plan.marks, number).filter(|_| number > 1) {
        busy::go_on(host, mark);
    }
    attempts.push(attempts::Attempt::begun(&name, &model, millis(now)).at(&cluster));
    attempts::store(host, &attempts);
    headers::answered(host, None);
    host.set_state(state::PROVIDER, &name);
    host.set_state(state::DIALECT, provider.dialect);
    host.set_state(state::ATTEMPT_COUNT, &number.to_string());
    Ok(Sent {
        started: now,
        attempts,
        ..Sent::new(name, model, number, plan)
    })
}

impl Sent {
    /// An attempt of which nothing is known but its step.
    pub(super) fn new(name: String, model: String, number: u64, plan: Rc<HandOver>) -> Self {
        Self {
            name,
            model,
            number,
            plan,
            headers: Headers::default(),
            dropped: Vec::new(),
            passes: false,
            edit: None,
            framing: Framing::Sse,
            echo: Echo::default(),
            embed: None,
            answer_tool: None,
            wanted: None,
            started: SystemTime::UNIX_EPOCH,
            attempts: Vec::new(),
            bodiless: false,
        }
    }
}

/// Writes the provider's request: path, headers, body. `size`: bytes of the client's body.
///
/// Errors: the dialect cannot express the request, or the host refuses a write.
pub(super) fn send(
    host: &dyn Host,
    provider: &Provider,
    sent: &mut Sent,
    size: usize,
) -> Result<(), Fault> {
    let read = |most: usize| host.body(Side::Request, 0, most);
    let outgoing = make(provider, sent, size, &read)?;
    write(host, provider, sent, &outgoing, size).map_err(|_| write_failed(Side::Request))?;
    sent.dropped = outgoing.dropped;
    sent.answer_tool = outgoing.answer_tool;
    Ok(())
}

/// Computes the provider's request, and sends nothing: attempts and whoever asks what an attempt would send come
/// through here. `size`: bytes of the client's body; `read`: so many of them at most.
///
/// Errors: the dialect cannot express the request.
pub(super) fn make(
    provider: &Provider,
    sent: &mut Sent,
    size: usize,
    read: &dyn Fn(usize) -> Vec<u8>,
) -> Result<Outgoing, Fault> {
    let pass = provider.speaks.passes(sent.plan.api, &sent.model);
    let touches = match &pass {
        Some(_) if sent.plan.sealed => None,
        Some(pass) => Some(pass.touches()),
        None if sent.plan.api == Api::Chat => provider.speaks.chat().and_then(|d| d.touches()),
        None if !sent.plan.api.is_chat() => vectors::touches(provider, sent.plan.api),
        None => None,
    };
    let known = size == sent.plan.size;
    let reach = touches
        .filter(|_| known)
        .and_then(|fields| sent.plan.reach(fields));
    let cap = sent.plan.of_step(&sent.plan.caps, sent.number).flatten();
    let checks = sent.plan.validate && !sent.plan.stream;
    let reach = reach.filter(|_| cap.is_none() && !checks);
    let mut body = read(reach.unwrap_or(usize::MAX));
    let capped = cap.and_then(|most| capped(&body, most));
    let is_capped = capped.is_some();
    body = capped.unwrap_or(body);
    let known = known && !is_capped;
    let asked = match described(&sent.plan, &body, known) {
        Some(asked) => asked,
        // It is not described, or something between the two roles has changed it.
        None => {
            if reach.is_some() {
                body = read(usize::MAX);
            }
            Asked::parse(sent.plan.api, &body)?
        }
    };
    sent.wanted = if checks { Wanted::of(&asked) } else { None };
    let mut outgoing = match pass {
        Some(pass) => {
            sent.passes = true;
            sent.framing = pass.framing;
            let plan = &sent.plan;
            pass.request(&asked, &sent.model, &plan.client_headers, plan.sealed)
        }
        None if asked.api.is_chat() => translated(provider, sent, asked)?,
        None => vectors::request(provider, sent, &asked)?,
    };
    if is_capped {
        // Places of the capped body are not places of the client's.
        outgoing.body = OutBody::Whole(outgoing.body.apply(&body));
    }
    Ok(outgoing)
}

/// The request in the words of the provider's chat dialect, by way of a chat request where it is none.
fn translated(provider: &Provider, sent: &mut Sent, asked: Asked<'_>) -> Result<Outgoing, Fault> {
    let dialect = provider.speaks.chat().ok_or_else(|| {
        Fault::new(
            FaultKind::Unsupported,
            "This provider offers no chat completions.",
        )
    })?;
    if asked.api == Api::Chat {
        sent.passes = dialect.events().is_none();
        let mut chat = asked.into_chat();
        chat.model = sent.model.as_str().into();
        return dialect.request(&chat);
    }
    if asked.api == Api::Responses {
        sent.echo = Echo::of(&asked.body);
    }
    let made = asked.translated(&sent.model, dialect.takes(&sent.model))?;
    let outgoing = Chat::parse(&made.body).and_then(|chat| dialect.request(&chat));
    let mut outgoing = outgoing.map_err(|fault| made.refusal(fault))?;
    // Places of the made request are not places of the client's.
    outgoing.body = OutBody::Whole(outgoing.body.apply(&made.body));
    outgoing.dropped.splice(0..0, made.dropped);
    Ok(outgoing)
}

/// The body with its limits of the answer lowered to `most`; `None`: none is above that.
fn capped(body: &[u8], most: u64) -> Option<Vec<u8>> {
    let object = Object::parse(std::str::from_utf8(body).ok()?).ok()?;
    let above = |key: &str| {
        let limit = object.read::<u64>(key).ok().flatten();
        limit.is_some_and(|limit| limit > most)
    };
    let keys = LIMITS.into_iter().filter(|key| above(key));
    let mut places: Vec<_> = keys.filter_map(|key| object.place(key)).collect();
    places.sort_unstable_by_key(|place| std::cmp::Reverse(place.start));
    let mut text = object.source().to_owned();
    for place in &places {
        text.replace_range(place.clone(), &most.to_string());
    }
    (!places.is_empty()).then(|| text.into_bytes())
}

/// The request as the gateway role has described it, when this still is that request.
fn described<'a>(plan: &HandOver, body: &'a [u8], known: bool) -> Option<Asked<'a>> {
    let layout = plan.layout.as_ref().filter(|_| known)?;
    let body = Object::laid_out(std::str::from_utf8(body).ok()?, layout);
    let model = body.read::<Str<'_>>("model").ok()??;
    (*model == *plan.model).then(|| Asked {
        api: plan.api,
        model: plan.model.clone().into(),
        stream: plan.stream,
        wants_usage: plan.wants_usage,
        body: body.clone(),
    })
}

/// Writes the request. The headers are replaced as a whole: a client's credential, a trace, or what
/// an attempt before has set cannot be left over.
fn write(
    host: &dyn Host,
    provider: &Provider,
    sent: &Sent,
    outgoing: &Outgoing,
    size: usize,
) -> Result<(), Refused> {
    let (cut, new): (usize, &[u8]) = match &outgoing.body {
        OutBody::Untouched => (0, &[]),
        OutBody::Head { cut, head } => (*cut, head),
        OutBody::Whole(body) => (size, body),
    };
    let scheme = host.header(Side::Request, ":scheme");
    let length = size.saturating_sub(cut) + new.len();
    head(
        provider,
        sent,
        outgoing,
        scheme.as_deref(),
        length,
        |lines| host.replace_headers(Side::Request, lines),
    )?;
    if outgoing.body == OutBody::Untouched {
        return Ok(());
    }
    host.replace_body(Side::Request, cut, new)
}

/// The headers of the request, all of them, for `then`. `length`: of its body. Units: bytes.
pub(super) fn head<T>(
    provider: &Provider,
    sent: &Sent,
    outgoing: &Outgoing,
    scheme: Option<&str>,
    length: usize,
    then: impl FnOnce(&[(&str, &str)]) -> T,
) -> T {
    let length = length.to_string();
    let authority = provider.host.as_deref().unwrap_or(&sent.plan.authority);
    let chat = provider.speaks.chat();
    let accept = if sent.plan.stream {
        chat.map_or(Framing::Sse, |chat| chat.framing())
            .media_type()
    } else {
        "application/json"
    };
    let mut lines = vec![
        (":method", "POST"),
        (":scheme", scheme.unwrap_or("https")),
        (":authority", authority),
        (":path", outgoing.path.as_str()),
        ("content-type", "application/json"),
        ("content-length", length.as_str()),
        ("accept", accept),
        // A compressed answer could not be read on its way.
        ("accept-encoding", "identity"),
    ];
    lines.extend(
        outgoing
            .headers
            .iter()
            .map(|(name, value)| (*name, value.as_str())),
    );
    let betas = joined_betas(&outgoing.headers, &provider.headers);
    add_configured(&mut lines, provider, sent);
    if let Some(betas) = &betas {
        lines.retain(|(name, _)| *name != BETAS);
        lines.push((BETAS, betas));
    }
    then(&lines)
}

/// Adds what is configured for every request to this provider.
pub(super) fn add_configured<'a>(
    lines: &mut Vec<(&'a str, &'a str)>,
    provider: &'a Provider,
    sent: &'a Sent,
) {
    for (name, value) in &provider.headers {
        lines.retain(|(there, _)| there != name);
        lines.push((name, value));
    }
    if provider.forward_trace {
        let traces = sent.plan.traces.iter();
        lines.extend(traces.map(|(name, value)| (name.as_str(), value.as_str())));
    }
}

const BETAS: &str = "anthropic-beta";

/// A list: what the client adds to the configured one is not lost.
fn joined_betas(
    outgoing: &[(&'static str, String)],
    configured: &[(String, String)],
) -> Option<String> {
    let (_, client) = outgoing.iter().find(|(name, _)| *name == BETAS)?;
    let (_, ours) = configured.iter().find(|(name, _)| name == BETAS)?;
    Some(format!("{ours},{client}"))
}

/// Counts from 1. An Envoy that does not say is taken to be at the first attempt.
fn attempt_number(host: &dyn Exchange) -> u64 {
    host.property(&["upstream", "request_attempt_count"])
        .and_then(|bytes| Some(u64::from_le_bytes(bytes.try_into().ok()?)))
        .unwrap_or(1)
        .max(1)
}
