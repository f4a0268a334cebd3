//! A streamed answer: held until its first content, then passed on event by event.

use super::{
    Sent,
    back::id,
    facts::{Both, Facts, bounded, record_ttft},
    headers::{Head, Length},
    watch::{Watch, failed},
    write_failed,
};
use crate::{
    api::writer,
    config::Provider,
    fault::Fault,
    frame::{Broken, Event, Framing, Splitter},
    host::{Flow, Headers, Host, Refused, Side, keys::state},
    json::{Str, is_crowded, one_line},
    log::attempts,
    provider::{ChatEvents, answer_tool::Unwrapping},
};
use serde::Deserialize;

/// Largest event.
const EVENT_LIMIT_BYTES: usize = 8 << 20;
/// Most bytes of whole events that may come before the first content, besides [`ECHOES`] of the request.
const HOLD_LIMIT_BYTES: usize = 4 << 20;
/// A response repeats its instructions and tools twice before its first content, and JSON may be written longer than it came.
const ECHOES: usize = 3;
const TOO_LARGE: &str = "The provider sent an event that is too large.";

/// What becomes of the bytes that are here.
#[derive(Debug)]
pub(super) enum Verdict {
    /// Nothing for the client yet.
    Hold,
    /// They go on, as they have been rewritten.
    Pass,
    /// The attempt failed before its first content.
    Failed(Fault),
}

/// All that one streamed answer remembers.
pub(super) struct Streaming {
    splitter: Splitter,
    language: Language,
    /// The client's content type, where it is not the provider's.
    kind: Option<&'static str>,
    facts: Facts,
    recorded: Recorded,
    /// Bytes of the held body that have been looked at.
    fed: usize,
    /// When the body began to be held, a part of an event had gone before it.
    begun_before: bool,
    released: bool,
    /// An error event has been written: nothing more may follow.
    broken: bool,
    /// The end may come behind any event, in trailers as well: everything is held until the host looks at the time. Envoy keeps
    /// the buffer of who goes on then, so that the last events can be written behind what has left.
    apart: bool,
    /// Something is held for that.
    due: bool,
}

/// How the client's events come about.
enum Language {
    /// The provider's events are the client's: they pass as they are.
    Same {
        out: Vec<u8>,
        /// Something was left out or added: `out` must replace what is here.
        changed: bool,
        /// Each event stands in a frame of the provider's.
        framed: bool,
        /// The last event was left out.
        left_out: bool,
        watch: Watch,
        /// How many choices the client asked for.
        choices: u32,
    },
    /// They are written anew.
    Other {
        events: Box<dyn ChatEvents>,
        unwrapping: Unwrapping,
        writer: Box<writer::Stream>,
    },
}

/// What filter state already says.
#[derive(Debug, Default)]
struct Recorded {
    /// Of an attempt that is still held.
    usage: Option<crate::api::answer::Usage>,
    finish: bool,
}

impl std::fmt::Debug for Streaming {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Streaming")
            .field("facts", &self.facts)
            .field("released", &self.released)
            .finish_non_exhaustive()
    }
}

impl Streaming {
    /// `created`: seconds since 1970. `None`: the provider has no chat to translate from.
    pub(super) fn new(
        framing: Framing,
        provider: &Provider,
        sent: &mut Sent,
        created: u64,
    ) -> Option<Self> {
        let (api, usage) = (sent.plan.api, sent.plan.wants_usage);
        let language = if sent.passes {
            Language::Same {
                out: Vec::new(),
                changed: false,
                framed: framing != Framing::Sse,
                left_out: false,
                watch: Watch::new(api, usage),
                choices: sent.plan.choices,
            }
        } else {
            let echo = std::mem::take(&mut sent.echo);
            let chat = provider.speaks.chat()?;
            Language::Other {
                events: chat.chunks(),
                unwrapping: Unwrapping::new(sent.answer_tool.take()),
                writer: Box::new(
                    writer::Stream::new(api, created, usage, echo)
                        .unless_named(id(provider, sent), &sent.model),
                ),
            }
        };
        Some(Self {
            splitter: Splitter::new(framing, EVENT_LIMIT_BYTES),
            language,
            kind: (framing != Framing::Sse).then_some(Framing::Sse.media_type()),
            facts: Facts::new(sent),
            recorded: Recorded::default(),
            fed: 0,
            begun_before: false,
            released: false,
            broken: false,
            apart: false,
            due: false,
        })
    }

    /// Takes in the bytes that are here.
    pub(super) fn advance(
        &mut self,
        host: &dyn Host,
        provider: &Provider,
        sent: &mut Sent,
        end: bool,
    ) -> Verdict {
        if self.fed == 0 {
            self.begun_before = self.splitter.held() > 0;
        }
        if self.broken && !end && !self.due {
            host.stop(); // its error has left: from here on the provider would speak to nobody
            return Verdict::Hold;
        }
        let bytes = host.body(Side::Response, self.fed, usize::MAX);
        self.fed += bytes.len();
        let read = if self.broken {
            Ok(())
        } else {
            self.read(provider, &bytes, end)
        };
        if !self.released {
            // Content decides, not what else is in this chunk: how the network cut the stream must
            // make no difference.
            match &read {
                Err(fault) if !self.facts.content => return Verdict::Failed(fault.clone()),
                Ok(()) if !self.facts.content && !end => return self.hold(host, sent),
                _ => {}
            }
            // Nothing but the end has come: the client has seen nothing yet.
            if let Some(fault) = self.facts.begins_filtered(sent, 200) {
                return Verdict::Failed(fault);
            }
            if self.release(host, sent).is_err() {
                return Verdict::Failed(write_failed(Side::Response));
            }
        }
        if let Err(fault) = read {
            self.broken = true;
            self.language.fail(&fault);
            host.set_state(state::FINISH, "error");
            host.set_state(state::OUTCOME, "partial");
            sent.broke(host, &fault);
        } else if (end || self.is_done()) && !self.broken {
            host.set_state(state::OUTCOME, "ok");
        }
        self.record(host, sent, end);
        if self.waits_for_the_end(sent, end) {
            return Verdict::Hold;
        }
        if let Language::Other { events, .. } = &self.language
            && !end
            && sent.plan.mirror.is_none()
        {
            self.apart |= events.may_end_anywhere();
        }
        self.due = self.apart;
        if self.due || self.hand_over(host) == Flow::Pause {
            return Verdict::Hold;
        }
        Verdict::Pass
    }

    /// What is here becomes what the client gets of it.
    pub(super) fn hand_over(&mut self, host: &dyn Host) -> Flow {
        self.due = false;
        // What is here is exactly what the client gets when no part of an event was held over the
        // border of this chunk, before or now, and nothing was left out or added.
        let whole = !self.begun_before && self.splitter.held() == 0;
        let here = std::mem::take(&mut self.fed);
        let new = self.language.take(whole);
        if let Some(new) = new
            && host.replace_body(Side::Response, usize::MAX, &new).is_err()
            && (here > 0 || !new.is_empty())
        {
            // Behind trailers, for example: what lacks its end must not look complete.
            host.set_state(state::OUTCOME, "partial");
            host.stop();
            return Flow::Pause;
        }
        if self.broken {
            self.language.mute();
        }
        Flow::Continue
    }

    /// What is known so far.
    pub(super) fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Whether the client has got all of it, or gets it with what is here.
    pub(super) fn is_done(&self) -> bool {
        match &self.language {
            Language::Same { watch, .. } => watch.is_done(&self.facts),
            Language::Other { .. } => false, // its last event is written at the end
        }
    }

    /// Whether something is held until the host looks at the time.
    pub(super) fn is_due(&self) -> bool {
        self.due
    }

    /// Whether an error event has ended it.
    pub(super) fn is_broken(&self) -> bool {
        self.broken
    }

    /// Whether events are held of which the client waits for no more than the end.
    pub(super) fn holds_the_end(&self, sent: &Sent) -> bool {
        self.fed > 0 && self.waits_for_the_end(sent, false)
    }

    /// Whether the client has got something.
    pub(super) fn is_released(&self) -> bool {
        self.released
    }

    /// Once nothing but the end can follow, what is here is held until it comes: behind trailers
    /// nothing can be written any more, and the last events still are to be.
    fn waits_for_the_end(&self, sent: &Sent, end: bool) -> bool {
        let complete = match &self.language {
            Language::Other { events, .. } => {
                self.facts.finished >= sent.plan.choices.max(1) || events.may_be_complete()
            }
            Language::Same { watch, choices, .. } => {
                watch.lacks_only_its_end(&self.facts, *choices)
            }
        };
        complete && !end && !self.broken && self.fed <= HOLD_LIMIT_BYTES
    }

    fn hold(&mut self, host: &dyn Host, sent: &mut Sent) -> Verdict {
        // Envoy may end the attempt, or the client leave, before anything else is heard of it.
        if self.facts.usage != self.recorded.usage {
            self.recorded.usage = self.facts.usage;
            sent.spend(&self.facts);
            attempts::store(host, &sent.attempts);
        }
        // An event that is still coming, an image for example, may be the first content.
        let limit = HOLD_LIMIT_BYTES.saturating_add(sent.plan.size.saturating_mul(ECHOES));
        if self.fed.saturating_sub(self.splitter.held()) > limit {
            return Verdict::Failed(failed("The provider sent too much before any content."));
        }
        Verdict::Hold
    }

    /// The first content is here: this attempt is the answer.
    fn release(&mut self, host: &dyn Host, sent: &mut Sent) -> Result<(), Refused> {
        let head = Head {
            status: 200,
            kind: self.kind,
            length: Length::Unknown,
            model: &self.facts.model,
            answers: true,
        };
        head.write(host, sent)?;
        self.released = true;
        self.recorded.usage = None;
        record_ttft(host, sent);
        sent.close(host, Some(200), None);
        if !self.facts.model.is_empty() {
            host.set_state(state::SERVED_MODEL, &self.facts.model);
        }
        Ok(())
    }

    fn read(&mut self, provider: &Provider, bytes: &[u8], end: bool) -> Result<(), Fault> {
        let Self {
            splitter,
            language,
            facts,
            ..
        } = self;
        let mut result = Ok(());
        let mut each = |event: Event<'_>| {
            if result.is_ok() && is_crowded(event.data.as_deref().unwrap_or_default().as_bytes()) {
                result = Err(failed(TOO_LARGE));
            }
            if result.is_ok() {
                result = language.event(provider, &event, facts);
                facts.settle();
            }
        };
        let fed = splitter.push(bytes, &mut each);
        if end {
            splitter.close(&mut each);
        }
        result?;
        fed.map_err(|broken| {
            failed(match broken {
                Broken::TooLarge => TOO_LARGE,
                Broken::Corrupt => "The provider's stream is damaged, or no stream of events.",
            })
        })?;
        if end {
            language.close(facts)?;
            // Some ends are known only now.
            facts.settle();
        }
        Ok(())
    }

    fn record(&mut self, host: &dyn Host, sent: &Sent, end: bool) {
        self.facts.record_usage(host, sent, end || self.broken);
        if let (Some(finish), false, false) = (self.facts.finish, self.recorded.finish, self.broken)
        {
            host.set_state(state::FINISH, finish.as_str());
            self.recorded.finish = true;
        }
    }
}

impl Language {
    fn event(
        &mut self,
        provider: &Provider,
        event: &Event<'_>,
        facts: &mut Facts,
    ) -> Result<(), Fault> {
        match self {
            Self::Other {
                events,
                unwrapping,
                writer,
            } => {
                let mut both = Both(facts, writer.as_mut());
                let out = &mut unwrapping.before(&mut both);
                match (&event.data, straight(provider, event)) {
                    (None, _) => Ok(()),
                    (Some(_), None) => events.event(event, out),
                    (Some(_), Some(straight)) => {
                        let event = Event {
                            name: event.name.clone(),
                            data: Some(straight.into()),
                            ..*event
                        };
                        events.event(&event, out)
                    }
                }
            }
            Self::Same {
                out,
                changed,
                framed: true,
                watch,
                ..
            } => {
                *changed = true;
                let chat = provider.speaks.chat();
                let Some(data) = chat.map_or(Ok(None), |chat| chat.unframe(event))? else {
                    return Ok(());
                };
                let inner = Event {
                    name: "".into(),
                    data: Some(data),
                    failed: false,
                    raw: &[],
                };
                if look(provider, &inner, facts, watch)? {
                    add_named(out, inner.data.as_deref().unwrap_or_default());
                }
                Ok(())
            }
            Self::Same {
                out,
                changed,
                left_out,
                watch,
                ..
            } => {
                // A lone LF is the second half of the CRLF that ended the event before.
                let goes = match event.raw {
                    b"\n" if *left_out => false,
                    _ => look(provider, event, facts, watch)?,
                };
                *left_out = !goes;
                if !goes {
                    *changed = true;
                } else if let Some(straight) = straight(provider, event).filter(|_| watch.is_chat())
                {
                    out.extend_from_slice(b"data: ");
                    out.extend_from_slice(one_line(&straight).as_bytes());
                    out.extend_from_slice(b"\n\n");
                    *changed = true;
                    *left_out = true; // the rest of its line ending
                } else {
                    out.extend_from_slice(event.raw);
                }
                Ok(())
            }
        }
    }

    /// The provider closed the stream.
    fn close(&mut self, facts: &mut Facts) -> Result<(), Fault> {
        match self {
            Self::Other {
                events,
                unwrapping,
                writer,
            } => {
                let mut both = Both(facts, writer.as_mut());
                events.close(&mut unwrapping.before(&mut both))?;
                if let Some(fault) = writer.lost() {
                    return Err(fault);
                }
                writer.done();
                Ok(())
            }
            Self::Same {
                out,
                changed,
                watch,
                choices,
                ..
            } => {
                // Some hosts leave the last event out; the SDKs wait for it.
                if let Some(missing) = watch.close(facts, *choices)? {
                    add(out, missing);
                    *changed = true;
                }
                Ok(())
            }
        }
    }

    /// Ends the client's stream with an error event and nothing behind it.
    fn fail(&mut self, fault: &Fault) {
        match self {
            Self::Other { writer, .. } => writer.fail(fault),
            Self::Same {
                out,
                changed,
                watch,
                ..
            } => {
                add(out, &watch.error(fault));
                *changed = true;
            }
        }
    }

    /// What replaces the bytes that are here; `None` when they may go as they are.
    fn take(&mut self, whole: bool) -> Option<Vec<u8>> {
        match self {
            Self::Other { writer, .. } => Some(writer.take()),
            Self::Same { out, changed, .. } => {
                let new = std::mem::take(out);
                let changed = std::mem::take(changed);
                (changed || !whole).then_some(new)
            }
        }
    }

    /// From here on everything that the provider sends is left out.
    fn mute(&mut self) {
        if let Self::Same { changed, .. } = self {
            *changed = true;
        }
    }
}

/// Adds an event of our own behind what passes.
fn add(out: &mut Vec<u8>, event: &[u8]) {
    if !out.is_empty() && !out.ends_with(b"\n\n") {
        out.extend_from_slice(b"\n\n");
    }
    out.extend_from_slice(event);
}

/// Adds an event as the client's language writes it: named by its type.
fn add_named(out: &mut Vec<u8>, json: &str) {
    #[derive(Deserialize)]
    struct Typed<'a> {
        #[serde(borrow, default)]
        r#type: Option<Str<'a>>,
    }
    let typed: Option<Typed<'_>> = serde_json::from_str(json).ok();
    if let Some(name) = typed.and_then(|typed| typed.r#type) {
        out.extend_from_slice(b"event: ");
        out.extend_from_slice(one_line(&name).as_bytes());
        out.push(b'\n');
    }
    out.extend_from_slice(b"data: ");
    out.extend_from_slice(one_line(json).as_bytes());
    out.extend_from_slice(b"\n\n");
}

/// The event's data where a host of OpenAI's language bends it.
fn straight(provider: &Provider, event: &Event<'_>) -> Option<String> {
    provider
        .speaks
        .chat()?
        .straighten(event.data.as_deref()?.as_bytes())
}

/// Looks at an event that passes; false when the client must not see it.
///
/// Errors: the event is the provider's error.
fn look(
    provider: &Provider,
    event: &Event<'_>,
    facts: &mut Facts,
    watch: &mut Watch,
) -> Result<bool, Fault> {
    let Some(data) = event.data.as_deref() else {
        return Ok(true);
    };
    if data.trim().is_empty() {
        return Ok(true); // kept alive, nothing said
    }
    let (seen, goes) = watch.look(&event.name, data)?;
    facts.tell(seen.usage);
    if let Some(error) = &seen.error {
        return Err(provider
            .speaks
            .fault(200, &Headers::default(), error.as_bytes()));
    }
    if let Some(model) = seen.model
        && facts.model.is_empty()
    {
        facts.model = bounded(&model);
    }
    facts.content |= seen.content;
    facts.choices.see(seen.choices);
    facts.finish = facts.finish.or(seen.finish);
    facts.answers |= seen.said.iter().any(|said| !said.text.is_empty());
    for said in &seen.said {
        facts.say(said.choice, said.kind, &said.text);
    }
    Ok(goes)
}
