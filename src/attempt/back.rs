//! The way back: is this the answer, or does Envoy move on?
//!
//! The response headers are held until that is known: for an error and a whole answer until their
//! end, for a stream until its first content.

use super::{
    Sent,
    facts::{Both, Facts, bounded, record_ttft},
    headers::{Head, Length},
    relay::{self, Passing},
    stream::{Streaming, Verdict},
    vectors, wait,
    watch::{self, look_whole},
    write_failed,
};
use crate::{
    api::{client::Api, watch::Kind, writer},
    config::Provider,
    fault::{Fault, FaultKind},
    host::{
        Flow, Headers, Host, Side,
        keys::{header, state},
    },
    json::{Object, Str, is_crowded},
    log::{attempts, seconds},
    provider::answer_tool::Unwrapping,
};

/// Where the answer stands.
#[derive(Debug)]
pub(super) enum Back {
    /// Nothing has come yet.
    Waiting,
    /// Gathering an error answer, or one that is not what was asked for.
    Error { status: u16 },
    /// Gathering a whole answer.
    Whole { status: u16 },
    /// Passing on what only has to be looked at.
    Passing(Box<Passing>),
    /// Passing a stream on, event by event.
    Stream(Box<Streaming>),
    /// Decided; what still comes is nobody's answer.
    Done,
}

impl Back {
    /// Looks at the response headers; they stay held.
    pub(super) fn begin(host: &dyn Host, provider: &Provider, sent: &mut Sent) -> Self {
        sent.headers = host.headers(Side::Response);
        let headers = &sent.headers;
        let status = headers
            .get(":status")
            .and_then(|s| s.parse().ok())
            .unwrap_or(0);
        if !(200..300).contains(&status) {
            return Self::Error { status };
        }
        if let Some(relay) = &sent.plan.relay {
            return match relay::passes(sent) {
                true => Self::Passing(Box::new(Passing::new(status, relay.area, headers))),
                false => Self::Error { status },
            };
        }
        if is_compressed(headers) {
            return Self::Error { status };
        }
        let chat = provider.speaks.chat();
        // What passes comes as the client's own events.
        let framing = chat
            .filter(|_| !sent.passes)
            .map_or(sent.framing, |chat| chat.framing());
        let kind = headers.media_type();
        if sent.plan.stream && (kind.is_empty() || kind == framing.media_type()) {
            let created = seconds(host.now());
            if let Some(streaming) = Streaming::new(framing, provider, sent, created) {
                return Self::Stream(Box::new(streaming));
            }
        }
        Self::Whole { status }
    }

    /// More of the answer is here, or its end.
    pub(super) fn body(
        &mut self,
        host: &dyn Host,
        provider: &Provider,
        sent: &mut Sent,
        end: bool,
    ) -> Flow {
        if let Self::Stream(streaming) = self {
            return match streaming.advance(host, provider, sent, end) {
                Verdict::Hold => Flow::Pause,
                Verdict::Pass => Flow::Continue,
                Verdict::Failed(fault) => {
                    sent.spend(streaming.facts());
                    *self = Self::Done;
                    conclude(host, sent, 200, &fault, None)
                }
            };
        }
        if let Self::Passing(passing) = self {
            passing.advance(host, sent, end);
            return Flow::Continue;
        }
        if let Self::Done = self {
            // Refused where no body is at hand, and then there is none to drop.
            let _ = host.replace_body(Side::Response, usize::MAX, &[]);
            return Flow::Continue;
        }
        if let Self::Waiting = self {
            return Flow::Continue;
        }
        if !end {
            return Flow::Pause;
        }
        let mut body = host.body(Side::Response, 0, usize::MAX);
        if is_crowded(&body) {
            body.clear(); // nothing that can be read
        }
        match std::mem::replace(self, Self::Done) {
            Self::Error { status } => error(host, provider, sent, status, &body),
            Self::Whole { status } => {
                let mut facts = Facts::default();
                match whole(host, provider, sent, status, &body, &mut facts) {
                    Ok(flow) => flow,
                    Err(fault) => {
                        sent.spend(&facts);
                        conclude(host, sent, status, &fault, None)
                    }
                }
            }
            _ => Flow::Continue,
        }
    }
}

/// A whole answer with a good status.
fn whole(
    host: &dyn Host,
    provider: &Provider,
    sent: &mut Sent,
    status: u16,
    body: &[u8],
    facts: &mut Facts,
) -> Result<Flow, Fault> {
    let (api, created) = (sent.plan.api, seconds(host.now()));
    let echo = std::mem::take(&mut sent.echo);
    // The client's own language passes untouched, unless it asked for a stream and got none.
    let new = if !api.is_chat() {
        vectors::answer(provider, sent, body, facts)?
    } else if sent.passes && !sent.plan.stream {
        watched(provider, api, body, facts)?;
        let chat = provider.speaks.chat().filter(|_| api == Api::Chat);
        chat.and_then(|chat| chat.straighten(body))
            .map(String::into_bytes)
    } else {
        let dialect = provider.speaks.chat().filter(|_| {
            // A whole response cannot be read into parts; its provider was asked for a stream.
            !sent.passes || api != Api::Responses
        });
        let dialect = dialect.ok_or_else(|| watch::not_an_answer(api))?;
        let mut unwrapping = Unwrapping::new(sent.answer_tool.take());
        let id = id(provider, sent);
        if sent.plan.stream {
            let usage = sent.plan.wants_usage;
            let mut writer =
                writer::Stream::new(api, created, usage, echo).unless_named(id, &sent.model);
            let mut both = Both(facts, &mut writer);
            dialect.answer(body, &mut unwrapping.before(&mut both))?;
            if let Some(fault) = writer.lost() {
                return Err(fault);
            }
            writer.done();
            Some(writer.take())
        } else {
            let mut writer = writer::Whole::new(api, created, echo).unless_named(id, &sent.model);
            let mut both = Both(facts, &mut writer);
            dialect.answer(body, &mut unwrapping.before(&mut both))?;
            if let Some(fault) = writer.lost() {
                return Err(fault);
            }
            Some(writer.body(created))
        }
    };
    if let Some(fault) = facts.is_filtered(sent, status) {
        return Err(fault);
    }
    if facts.usage.is_none() {
        estimate(provider, sent, body, facts);
    }
    if let Some(wanted) = &sent.wanted {
        wanted.check(api, new.as_deref().unwrap_or(body))?;
    }
    let head = Head {
        status,
        kind: sent.plan.stream.then_some("text/event-stream"),
        length: new
            .as_ref()
            .map_or(Length::Same, |new| Length::Bytes(new.len())),
        model: &facts.model,
        answers: true,
    };
    head.write(host, sent)
        .and_then(|()| match &new {
            Some(new) => host.replace_body(Side::Response, usize::MAX, new),
            None => Ok(()),
        })
        .map_err(|_| write_failed(Side::Response))?;
    sent.close(host, Some(status), None);
    facts.record(host, sent);
    host.set_state(state::OUTCOME, "ok");
    if sent.plan.stream {
        record_ttft(host, sent);
    }
    Ok(Flow::Continue)
}

/// Counts a whole answer whose provider does not say how long it is.
fn estimate(provider: &Provider, sent: &Sent, body: &[u8], facts: &mut Facts) {
    let mut counted = Facts::new(sent);
    if counted.spoken.is_none() {
        return;
    }
    let chat = provider.speaks.chat().filter(|_| match sent.plan.api {
        Api::Chat => true,
        Api::Messages | Api::Responses => !sent.passes || sent.plan.api == Api::Messages,
        _ => false,
    });
    let read = chat.is_some_and(|chat| chat.answer(body, &mut counted).is_ok());
    if !read && sent.plan.api.is_chat() {
        // In no language that is read here: about as many tokens as its JSON.
        let text = std::str::from_utf8(body).unwrap_or_default();
        counted.say(0, Kind::Text, text);
    }
    facts.spoken = counted.spoken;
}

/// Looks at a whole answer that passes: only so far as the record needs it, because hosts that speak
/// the client's language bend it in ways that are the client's business.
///
/// Errors: it is an error in disguise, or no answer at all.
fn watched(provider: &Provider, api: Api, body: &[u8], facts: &mut Facts) -> Result<(), Fault> {
    let seen = look_whole(api, body).ok_or_else(|| watch::not_an_answer(api))?;
    facts.usage = seen.usage;
    if let Some(error) = &seen.error {
        return Err(provider
            .speaks
            .fault(200, &Headers::default(), error.as_bytes()));
    }
    facts.model = seen.model.as_deref().map(bounded).unwrap_or_default();
    facts.finish = seen.finish;
    Ok(())
}

/// An answer with a bad status, or one that cannot be read because it is compressed.
fn error(host: &dyn Host, provider: &Provider, sent: &mut Sent, status: u16, body: &[u8]) -> Flow {
    if is_compressed(&sent.headers) {
        let fault = Fault::new(
            FaultKind::ProviderFailed,
            "The provider sent a compressed answer, which it was asked not to do.",
        );
        return conclude(host, sent, status, &fault, None);
    }
    if !(400..600).contains(&status) {
        let fault = Fault::new(
            FaultKind::ProviderFailed,
            "The provider answered with a redirect, an unknown status or a page for people.",
        );
        return conclude(host, sent, status, &fault, None);
    }
    let fault = provider.speaks.fault(status, &sent.headers, body);
    let fault = relay::meant(fault, sent);
    let own_words = sent.passes && says_error(body, fault.kind);
    conclude(host, sent, status, &fault, own_words.then_some(body))
}

/// Ends the attempt with a fault: a failed attempt gets a status that Envoy retries, a client's
/// fault goes to the client (`own_words`: the provider's body already has its language's shape).
pub(super) fn conclude(
    host: &dyn Host,
    sent: &mut Sent,
    status: u16,
    fault: &Fault,
    own_words: Option<&[u8]>,
) -> Flow {
    sent.close(host, Some(status), Some(fault));
    let moves = sent.plan.moves_on(sent.number, status, fault.kind);
    let failed = fault.kind.is_attempts() || moves;
    let pause = wait::before_next(&sent.plan, sent.number, &sent.attempts, fault);
    if pause.is_some() {
        sent.waits(pause);
        attempts::store(host, &sent.attempts);
    }
    let own_words = own_words.filter(|_| !failed);
    if sent.bodiless && !failed {
        sent.refuse(host, fault);
        return Flow::Pause;
    }
    let status = match status {
        408 | 429 | 500..=599 if failed => status,
        _ if failed => 503,
        _ if own_words.is_some() => status,
        _ => fault.status(),
    };
    // Without a body there is none to replace: Envoy moves on, or the gateway role answers.
    let new = (own_words.is_none() && !sent.bodiless).then(|| sent.refusal(fault));
    let head = Head {
        status,
        kind: Some("application/json"),
        length: new
            .as_ref()
            .map_or(Length::Same, |new| Length::Bytes(new.len())),
        model: "",
        answers: !failed,
    };
    let pause = pause.map(|seconds| seconds.to_string());
    let written = head
        .write(host, sent)
        .and_then(|()| match &pause {
            Some(pause) => host.set_header(Side::Response, header::WAIT, Some(pause)),
            None => Ok(()),
        })
        .and_then(|()| match &new {
            Some(new) => host.replace_body(Side::Response, usize::MAX, new),
            None => Ok(()),
        });
    if written.is_err() {
        sent.refuse(host, &write_failed(Side::Response));
        return Flow::Pause;
    }
    Flow::Continue
}

/// What the answer is called where it does not say: as its headers have it, or like the request.
pub(super) fn id<'s>(provider: &Provider, sent: &'s Sent) -> &'s str {
    let chat = provider.speaks.chat();
    let id = chat.and_then(|chat| chat.id(&sent.headers));
    id.or(sent.plan.request_id.as_deref()).unwrap_or_default()
}

fn is_compressed(headers: &Headers) -> bool {
    let encoding = headers.get("content-encoding").unwrap_or("identity");
    !matches!(encoding, "" | "identity")
}

/// Whether a body is an error as OpenAI's and Anthropic's SDKs read it: `type` and `code` are strings or nothing, and
/// the code is OpenAI's where programs act on it.
fn says_error(body: &[u8], kind: FaultKind) -> bool {
    let text = std::str::from_utf8(body).unwrap_or_default();
    let object = Object::parse(text.trim()).unwrap_or_default();
    let error = object.raw("error").map(|raw| raw.get()).unwrap_or_default();
    let Ok(error) = Object::parse(error) else {
        return false;
    };
    let is_text = |key| {
        let raw = error.raw(key).map(|raw| raw.get());
        raw.is_none_or(|raw| raw == "null" || raw.starts_with('"'))
    };
    let code = error.read::<Str<'_>>("code").ok().flatten();
    let known = kind != FaultKind::ContextLength || code.as_deref() == Some(kind.wire().2);
    let message = error.raw("message").is_some() && is_text("message");
    message && is_text("type") && is_text("code") && known
}
