//! What of an answer's texts reaches the client: guards on the way back, and the values that the provider has not
//! seen, put back.
//!
//! Where no rule looks at answers and nothing stands for a value, an answer is not touched at all. A whole answer is held,
//! and a rule that blocks it makes an error of it. Of a stream only the ends of texts are held that are not decided yet; one
//! that is blocked ends with an error event in the client's language, and the provider is not listened to any longer.

use super::{
    Request,
    guard::{BLOCKED, Guarded, UNREAD},
    review::Whole,
    windows::Windows,
};
use crate::{
    api::client::Api,
    fault::{Fault, FaultKind},
    guard::{
        answer::{
            stream::{Stream, Unread},
            whole::{self, Halt},
        },
        back::Back,
        edit::Blocked,
        rules::Guards,
    },
    host::{Flow, Host, Side, keys::state},
};

/// How far the texts of an answer have come.
#[derive(Debug, Default)]
pub(super) enum Texts {
    /// They pass, or there are none.
    #[default]
    Pass,
    /// The whole answer is held.
    Held,
    /// They are looked at as they come.
    Streams(Box<Stream>),
    /// The whole answer waits for guards that were called.
    Reviewed(Box<Whole>),
    /// They wait in windows for such guards.
    Windows(Box<Windows>),
    /// These are the last words, which Envoy takes with the next chunk.
    Ends(Vec<u8>),
    /// These are the last bytes, which Envoy takes when the host looks at the time.
    Due(Vec<u8>),
    /// The client has been told that nothing more follows.
    Stopped,
}

impl Guarded {
    /// What guards the answer; `None`: it passes as it is.
    fn back<'g>(&'g mut self, guards: &'g Guards) -> Option<Back<'g>> {
        let (vault, tally) = (&mut self.vault, &mut self.tally);
        Back::new(guards, self.output, vault, tally, &mut self.policy)
    }
}

impl Request {
    /// The headers of an answer are here, and it goes to the client.
    pub(super) fn texts_begin(&mut self, host: &dyn Host) -> Flow {
        let guarded = &self.guarded;
        let rules = guarded.output.and(guarded.asks);
        let nothing = rules.is_empty() && guarded.vault.is_empty();
        let says = self.api.is_chat() && self.api != Api::CountTokens && self.relay.is_none();
        if nothing || !says || !self.answer.is_good() {
            return Flow::Continue;
        }
        let header = |name| host.header(Side::Response, name).unwrap_or_default();
        let plain = matches!(header("content-encoding").as_str(), "" | "identity");
        let kind = header("content-type").to_ascii_lowercase();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        match kind {
            "text/event-stream" if plain => {
                let unread = match self.config.guards.closes(guarded.output) {
                    Some(_) => Unread::Halts,
                    None => Unread::Passes,
                };
                self.texts = match guarded.asks.is_empty() {
                    true => Texts::Streams(Box::new(Stream::new(self.api, unread))),
                    false => Texts::Windows(Box::new(Windows::new(self))),
                };
                // Its length is not known any more.
                if host.header(Side::Response, "content-length").is_some() {
                    let _ = host.set_header(Side::Response, "content-length", None);
                }
                Flow::Continue
            }
            "application/json" if plain => {
                self.texts = Texts::Held;
                Flow::Pause
            }
            _ => match self.unread() {
                Some(fault) => {
                    self.refuse(host, &fault);
                    Flow::Pause
                }
                None => Flow::Continue,
            },
        }
    }

    /// More of the body is here.
    pub(super) fn texts_go_on(&mut self, host: &dyn Host, end: bool) -> Flow {
        match &mut self.texts {
            Texts::Reviewed(_) | Texts::Due(_) => return Flow::Pause,
            Texts::Held if !end => return Flow::Pause,
            Texts::Held => {
                if self.whole(host) == Flow::Pause {
                    return Flow::Pause;
                }
            }
            Texts::Streams(_) => self.streamed(host, end),
            Texts::Windows(_) => return self.windowed(host, end, false),
            Texts::Ends(last) => {
                let last = std::mem::take(last);
                self.texts = Texts::Stopped;
                if host
                    .replace_body(Side::Response, usize::MAX, &last)
                    .is_err()
                {
                    host.stop();
                }
            }
            Texts::Stopped => {
                let _ = host.replace_body(Side::Response, usize::MAX, &[]);
                if !end {
                    // What was said last has gone: from here on the provider would speak to nobody.
                    host.stop();
                }
            }
            Texts::Pass => {}
        }
        self.pass(host, end)
    }

    /// Lets what is here go on, or the error that stands in its place.
    pub(super) fn pass(&mut self, host: &dyn Host, end: bool) -> Flow {
        let waits = self.answer.waits();
        let flow = self.answer.body(host, end);
        if waits {
            // The error has headers of its own.
            self.guarded.tell(host, &self.config);
        }
        flow
    }

    /// The answer ends in trailers.
    pub(super) fn texts_end(&mut self, host: &dyn Host) -> Flow {
        match self.texts {
            Texts::Held => {
                if self.whole(host) == Flow::Pause {
                    return Flow::Pause;
                }
                if self.answer.waits() {
                    self.pass(host, true);
                }
                Flow::Continue
            }
            Texts::Reviewed(_) | Texts::Due(_) => Flow::Pause,
            Texts::Windows(_) => self.windowed(host, true, true),
            Texts::Ends(_) => self.texts_go_on(host, true),
            _ => Flow::Continue,
        }
    }

    /// The whole answer is here; it may have to wait for guards that are called.
    fn whole(&mut self, host: &dyn Host) -> Flow {
        self.texts = Texts::Pass;
        let body = host.body(Side::Response, 0, usize::MAX);
        if self.guarded.asks.is_empty() {
            self.whole_here(host, &body);
            return Flow::Continue;
        }
        let step = match std::str::from_utf8(&body) {
            Ok(text) => self.review(host, text),
            Err(_) => self.unread().map_or(Ok(Flow::Continue), Err),
        };
        step.unwrap_or_else(|fault| {
            self.texts = Texts::Pass;
            self.refuse(host, &fault);
            Flow::Continue
        })
    }

    /// Writes a whole answer anew.
    pub(super) fn write_whole(&self, host: &dyn Host, new: &str) {
        let length = new.len().to_string();
        let written = host
            .set_header(Side::Response, "content-length", Some(&length))
            .and_then(|()| host.replace_body(Side::Response, usize::MAX, new.as_bytes()));
        if written.is_err() {
            log::warn!("a guarded answer could not be written");
            host.stop(); // what is here may not pass
        }
    }

    /// Only the guards of this gateway look at it.
    fn whole_here(&mut self, host: &dyn Host, body: &[u8]) {
        let config = self.config.clone();
        let Some(mut back) = self.guarded.back(&config.guards) else {
            return;
        };
        let edited = match std::str::from_utf8(body) {
            Ok(text) => whole::edited(self.api, text, &mut back),
            Err(_) => Err(Halt::Unread),
        };
        let fault = match edited {
            Ok(None) => None,
            Ok(Some(new)) => {
                self.write_whole(host, &new);
                None
            }
            Err(Halt::Stopped(by)) => Some(self.stops(by)),
            Err(Halt::Unread) => self.unread(),
        };
        match fault {
            Some(fault) => self.refuse(host, &fault),
            None => self.guarded.tell(host, &self.config),
        }
    }

    fn streamed(&mut self, host: &dyn Host, end: bool) {
        let Texts::Streams(stream) = &mut self.texts else {
            return;
        };
        let bytes = host.body(Side::Response, 0, usize::MAX);
        let config = self.config.clone();
        let Some(mut back) = self.guarded.back(&config.guards) else {
            return;
        };
        let mut out = Vec::with_capacity(bytes.len());
        let pushed = stream.push(&bytes, end, &mut back, &mut out);
        if let Err(halt) = pushed {
            let fault = match halt {
                Halt::Stopped(by) => self.stops(by),
                // Unless it may pass, it says so itself; and what is too large never may.
                Halt::Unread => unreadable(self.closing()),
            };
            let Texts::Streams(stream) = &self.texts else {
                return;
            };
            if !out.is_empty() && !out.ends_with(b"\n\n") {
                out.extend_from_slice(b"\n\n");
            }
            out.extend_from_slice(&stream.error(&fault));
            self.texts = Texts::Stopped;
            self.is_cut_short(host, &fault);
        } else if stream.has_passed_unread() {
            self.guarded.tally.unread(self.guarded.output);
        }
        if out != bytes && host.replace_body(Side::Response, usize::MAX, &out).is_err() {
            log::warn!("a part of a guarded stream could not be written");
            host.stop(); // what is here may not pass
        }
    }

    /// A stream ends with an error.
    pub(super) fn is_cut_short(&mut self, host: &dyn Host, fault: &Fault) {
        self.answer.is_stopped("partial");
        note(host, fault);
        host.set_state(state::FINISH, "error");
    }

    /// The name of the guard that lets nothing pass unseen.
    pub(super) fn closing(&self) -> &str {
        let rules = self.guarded.output.and(self.guarded.asks);
        let rule = self.config.guards.closes(rules);
        rule.map(|rule| rule.name.as_str()).unwrap_or_default()
    }

    /// What becomes of an answer that cannot be looked at; `None`: it passes.
    pub(super) fn unread(&mut self) -> Option<Fault> {
        let rules = self.guarded.output.and(self.guarded.asks);
        if self.config.guards.closes(rules).is_some() {
            return Some(unreadable(self.closing()));
        }
        self.guarded.tally.unread(rules);
        None
    }

    /// The refusal of a rule. What it has found is not said.
    pub(super) fn stops(&self, by: Blocked) -> Fault {
        let rule = self.config.guards.rule(by.rule.into());
        let name = rule.map(|rule| rule.name.as_str()).unwrap_or_default();
        let message = format!(
            "The guard `{name}` of this gateway stops this answer: it holds something that may not be passed on."
        );
        Fault::new(FaultKind::Blocked, message).coded(BLOCKED)
    }

    /// Puts an error in the place of an answer whose headers are still here.
    pub(super) fn refuse(&mut self, host: &dyn Host, fault: &Fault) {
        note(host, fault);
        let id = self.client.id.as_deref();
        self.answer.refuse(host, self.api, fault, id);
        self.answer.is_stopped("refused");
    }
}

fn note(host: &dyn Host, fault: &Fault) {
    host.set_state(state::REASON, fault.code.as_deref().unwrap_or_default());
}

pub(super) fn unreadable(guard: &str) -> Fault {
    let message = format!(
        "The guard `{guard}` of this gateway cannot look at this answer, and lets nothing pass unseen. Its owner may set `on_error: allow`, or limit it by `teams` or `models`."
    );
    Fault::new(FaultKind::Blocked, message).coded(UNREAD)
}
