//! Guards that are called about a stream: its events wait in windows until they have said what they think.
//!
//! Envoy's own buffer holds nothing meanwhile. It takes what may leave where it holds the stream and is told to go on, in the
//! callback of an opinion; or with the next chunk, where nothing waits. Where that chunk is the end and comes just behind an
//! opinion, Envoy takes nothing with it, and is told to go on when the host looks at the time.

use super::{
    Request,
    texts::{Texts, unreadable},
};
use crate::{
    fault::Fault,
    guard::{
        answer::{
            stream::{Stream, Unread},
            whole::Halt,
            window::{Mode, Size, Trouble, Window},
        },
        back::Back,
        rules::Action,
    },
    host::{Flow, Host, Side},
};

/// A stream that waits in windows.
#[derive(Debug)]
pub(super) struct Windows {
    /// The guards of this gateway, before; `None`: none holds.
    first: Option<Stream>,
    window: Window,
    /// Values are put back, behind; `None`: there are none.
    last: Option<Stream>,
    mode: Mode,
    /// How many windows have been asked about.
    asked: u32,
    /// What may leave as soon as Envoy takes it.
    ready: Vec<u8>,
    /// Envoy holds the stream.
    held: bool,
    /// Envoy was told to go on since the last chunk, and then takes nothing with the next one.
    resumed: bool,
}

impl Windows {
    /// A stream that has not begun.
    pub(super) fn new(request: &Request) -> Self {
        let (api, guarded) = (request.api, &request.guarded);
        let guards = &request.config.guards;
        let unread = |rules| match guards.closes(rules) {
            Some(_) => Unread::Halts,
            None => Unread::Passes,
        };
        let calls = guards.calls.iter();
        let calls = calls.filter(|call| guarded.asks.has(call.rule.into()));
        let actions = guarded.asks.iter().filter_map(|rule| guards.rule(rule));
        let mode = actions.map(|rule| match rule.action {
            Action::Warn => Mode::Watch,
            Action::Mask => Mode::Edit,
            _ => Mode::Hold,
        });
        let mode = mode.max().unwrap_or(Mode::Hold);
        let size = Size {
            window: calls.clone().map(|call| call.window).min().unwrap_or(1),
            overlap: calls.map(|call| call.overlap).max().unwrap_or(1),
        };
        let local = !guarded.output.is_empty();
        let values = !guarded.vault.is_empty();
        Self {
            first: local.then(|| Stream::new(api, unread(guarded.output))),
            window: Window::new(api, unread(guarded.asks), mode, size),
            last: values.then(|| Stream::new(api, Unread::Passes)),
            mode,
            asked: 0,
            ready: Vec::new(),
            held: false,
            resumed: false,
        }
    }

    /// Whether events have to wait for opinions.
    fn waits(&self) -> bool {
        self.mode != Mode::Watch && !self.window.is_empty()
    }
}

impl Request {
    /// More of a stream is here, or its end. `trailers`: its end is in them, and no more of the body.
    pub(super) fn windowed(&mut self, host: &dyn Host, end: bool, trailers: bool) -> Flow {
        let Texts::Windows(mut windows) = std::mem::take(&mut self.texts) else {
            return Flow::Continue;
        };
        let bytes = match trailers {
            true => Vec::new(),
            false => host.body(Side::Response, 0, usize::MAX),
        };
        let fed = self.feed(host, &mut windows, &bytes, end);
        let stopped = fed.is_err();
        if let Err(fault) = fed {
            self.stop_windows(host, &mut windows, &fault);
        }
        let open = self.review.is_some();
        let resumed = std::mem::take(&mut windows.resumed);
        let waits = match end {
            true => open && !stopped,
            false => windows.waits() && !stopped,
        };
        let nothing = bytes.is_empty() && windows.ready.is_empty();
        if !waits && (!resumed || nothing) {
            let ready = std::mem::take(&mut windows.ready);
            self.texts = match () {
                () if stopped => Texts::Stopped,
                () if end => Texts::Pass,
                () => Texts::Windows(windows),
            };
            self.give(host, &ready, trailers);
            return self.pass(host, end);
        }
        windows.held = true;
        self.texts = match () {
            () if !waits && end => Texts::Due(windows.ready),
            () if stopped => Texts::Ends(windows.ready),
            () => Texts::Windows(windows),
        };
        self.give(host, &[], trailers);
        Flow::Pause
    }

    /// Puts this in the place of what is here.
    fn give(&self, host: &dyn Host, bytes: &[u8], trailers: bool) {
        if trailers && bytes.is_empty() {
            return;
        }
        let written = host.replace_body(Side::Response, usize::MAX, bytes);
        if written.is_err() {
            log::warn!("a part of a guarded stream could not be written");
            host.stop(); // what is here may not pass
        }
    }

    /// Takes in bytes of the stream; what may leave is ready.
    ///
    /// Errors: it goes no further.
    fn feed(
        &mut self,
        host: &dyn Host,
        windows: &mut Windows,
        bytes: &[u8],
        end: bool,
    ) -> Result<(), Fault> {
        let config = self.config.clone();
        let mut looked = Vec::with_capacity(bytes.len());
        match (&mut windows.first, self.guarded.looks(&config.guards)) {
            (Some(stream), Some(mut back)) => {
                let pushed = stream.push(bytes, end, &mut back, &mut looked);
                match pushed {
                    Err(Halt::Stopped(by)) => return Err(self.stops(by)),
                    Err(Halt::Unread) => return Err(unreadable(self.closing())),
                    Ok(()) if stream.has_passed_unread() => {
                        self.guarded.tally.unread(self.guarded.output);
                    }
                    Ok(()) => {}
                }
            }
            _ => looked.extend_from_slice(bytes),
        }
        let mut free = Vec::new();
        let pushed = windows.window.push(&looked, end, &mut free);
        let went = match pushed {
            Ok(()) => self.go_through(host, windows, true, &mut free),
            Err(Trouble::Unread) => Err(unreadable(self.closing())),
            Err(Trouble::TooMuch) => self.nobody_judges().map(|()| {
                self.review = None;
                windows.window.give_up(&mut free);
            }),
        };
        if windows.window.has_passed_unread() {
            self.guarded.tally.unread(self.guarded.asks);
        }
        self.restored(windows, &free);
        went
    }

    /// Lets pass what has been judged and, where it `asks`, asks about what is due.
    fn go_through(
        &mut self,
        host: &dyn Host,
        windows: &mut Windows,
        asks: bool,
        free: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        loop {
            if self.review.is_none() {
                let due = asks.then(|| windows.window.question());
                let Some(shown) = due.flatten() else {
                    return Ok(());
                };
                let last = windows.window.has_ended();
                self.ask(host, shown, Some((windows.asked, last)))?;
                windows.asked = windows.asked.saturating_add(1);
            }
            let Some((shown, news)) = self.verdict()? else {
                return Ok(());
            };
            windows.window.passes(&shown, &news, free);
            if windows.window.has_lost() {
                self.nobody_judges()?;
            }
        }
    }

    /// Puts values back in what is free to leave.
    fn restored(&mut self, windows: &mut Windows, free: &[u8]) {
        let end = windows.window.has_ended() && windows.window.is_empty();
        match (&mut windows.last, Back::restores(&self.guarded.vault)) {
            (Some(stream), Some(mut back)) => {
                // It has been read before, and no rule is asked.
                let _ = stream.push(free, end, &mut back, &mut windows.ready);
            }
            _ => windows.ready.extend_from_slice(free),
        }
    }

    /// A guard has answered about a window; `None`: nothing may go on yet.
    pub(super) fn judged_window(&mut self, host: &dyn Host) -> Option<Flow> {
        let Texts::Windows(mut windows) = std::mem::take(&mut self.texts) else {
            return None;
        };
        let mut free = Vec::new();
        // The next question comes with the next chunk: an answer to it must find the stream held.
        let ended = windows.window.has_ended();
        let went = self.go_through(host, &mut windows, ended, &mut free);
        self.restored(&mut windows, &free);
        if let Err(fault) = went {
            self.stop_windows(host, &mut windows, &fault);
            return self.ends(host, *windows);
        }
        // What is handed over after the end is the end.
        let over = ended && self.review.is_none();
        let goes = windows.held && (over || (!ended && !windows.ready.is_empty()));
        if !goes {
            self.texts = Texts::Windows(windows);
            return None;
        }
        let ready = std::mem::take(&mut windows.ready);
        self.give(host, &ready, false);
        windows.held = false;
        windows.resumed = true;
        if over {
            return Some(self.pass(host, true));
        }
        self.texts = Texts::Windows(windows);
        Some(Flow::Continue)
    }

    /// Hands over the last words that waited for the host to look at the time; `None`: there are none.
    pub(super) fn hand_over_due(&mut self, host: &dyn Host) -> Option<Side> {
        let Texts::Due(last) = &mut self.texts else {
            return None;
        };
        let last = std::mem::take(last);
        self.texts = Texts::Pass;
        self.give(host, &last, false);
        self.pass(host, true);
        Some(Side::Response)
    }

    /// The last words of a stream that was stopped are ready.
    fn ends(&mut self, host: &dyn Host, windows: Windows) -> Option<Flow> {
        if !windows.held {
            self.texts = Texts::Ends(windows.ready);
            return None;
        }
        self.texts = Texts::Stopped;
        self.give(host, &windows.ready, false);
        Some(self.pass(host, windows.window.has_ended()))
    }

    /// Ends a stream with an error, in the place of what waits.
    fn stop_windows(&mut self, host: &dyn Host, windows: &mut Windows, fault: &Fault) {
        self.review = None;
        let number = windows.window.number();
        windows.window.drop_all();
        let error = match &windows.last {
            Some(stream) => stream.error(fault),
            None => self.api.error_event(fault, number),
        };
        let ready = &mut windows.ready;
        if !ready.is_empty() && !ready.ends_with(b"\n\n") {
            ready.extend_from_slice(b"\n\n");
        }
        ready.extend_from_slice(&error);
        self.is_cut_short(host, fault);
    }
}
