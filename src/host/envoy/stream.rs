//! A stream as Envoy calls it: each callback opens what the role may touch, and closes it once that has passed on.

use super::calls::{Envoy, text};
use crate::host::{Clock, Flow, Side, SideAnswer, Stream};
use proxy_wasm::{
    hostcalls,
    traits::{Context, HttpContext},
    types::{Action, BufferType, MapType},
};
use std::{
    cell::RefCell,
    collections::BTreeMap,
    rc::{Rc, Weak},
    time::Duration,
};

/// The open streams that have a deadline, by the numbers of their contexts. A stream leaves when it is gone.
pub(super) type Watched = Rc<RefCell<BTreeMap<u32, Weak<RefCell<Core>>>>>;

/// How often deadlines are looked at, while a stream has one.
pub(super) const TICK: Duration = Duration::from_millis(250);

/// And when one is due at once.
const SOON: Duration = Duration::from_millis(1);

/// One stream: the role, and what of Envoy it may touch right now.
pub(super) struct Core {
    pub(super) stream: Box<dyn Stream>,
    pub(super) envoy: Envoy,
}

impl Core {
    fn answered(&self, side: Side, flow: Flow) -> Action {
        let door = self.envoy.door(side);
        let held = flow == Flow::Pause;
        door.headers.set(door.headers.get() && held);
        door.body.set(door.body.get() && held);
        match flow {
            Flow::Continue => Action::Continue,
            Flow::Pause => Action::Pause,
        }
    }

    fn headers_came(&self, side: Side) {
        self.envoy.door(side).headers.set(true);
    }

    fn body_came(&self, side: Side) {
        self.envoy.door(side).body.set(true);
    }

    /// Goes on with a side that was held; outside its own callbacks.
    fn resume(&self, side: Side) {
        // Should the side end in trailers now, its buffer is still there.
        let body = self.envoy.door(side).body.get();
        self.answered(side, Flow::Continue);
        self.envoy.door(side).body.set(body);
        let _ = match side {
            Side::Request => hostcalls::resume_http_request(),
            Side::Response => hostcalls::resume_http_response(),
        };
    }

    fn side_answer(&mut self, number: u32, answer: &SideAnswer) {
        if let Some(side) = self.stream.on_side_answer(&self.envoy, number, answer) {
            self.resume(side);
        }
    }

    fn done(&mut self) {
        self.stream.on_done(&self.envoy);
    }

    fn log(&mut self) {
        self.envoy.catch_up();
        self.stream.on_log(&self.envoy);
        self.envoy.write_record();
    }

    pub(super) fn deadline(&mut self) {
        if let Some(side) = self.stream.on_deadline(&self.envoy) {
            self.resume(side);
        }
    }
}

/// A stream as the SDK knows it. The root looks at its deadline, so the two share it.
pub(super) struct Shell {
    pub(super) id: u32,
    pub(super) core: Rc<RefCell<Core>>,
    pub(super) watched: Watched,
}

impl Shell {
    /// Nobody else has it now: the SDK enters one callback at a time.
    fn enter(&self, step: impl FnOnce(&mut Core) -> Action) -> Action {
        match self.core.try_borrow_mut() {
            Ok(mut core) => step(&mut core),
            Err(_) => Action::Continue,
        }
    }

    /// From here on the root looks at the stream's deadline, if it has one.
    fn watch(&self) {
        let due = |core: &RefCell<Core>| core.try_borrow().ok()?.stream.deadline();
        let Some(due) = due(&self.core) else {
            return;
        };
        let soon = due <= Envoy::default().now();
        let Ok(mut watched) = self.watched.try_borrow_mut() else {
            return;
        };
        let first = watched.is_empty();
        watched.insert(self.id, Rc::downgrade(&self.core));
        if soon {
            let _ = hostcalls::set_tick_period(SOON);
        } else if first {
            let _ = hostcalls::set_tick_period(TICK);
        }
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        if let Ok(mut watched) = self.watched.try_borrow_mut() {
            watched.remove(&self.id);
        }
    }
}

impl Context for Shell {
    fn on_done(&mut self) -> bool {
        if let Ok(mut core) = self.core.try_borrow_mut() {
            core.done();
        }
        true
    }

    fn on_http_call_response(&mut self, number: u32, headers: usize, size: usize, _: usize) {
        // Without headers the call has failed, and nothing of it may be read.
        let (mut status, mut body) = (0, Vec::new());
        if headers > 0 {
            let map = MapType::HttpCallResponseHeaders;
            let line = hostcalls::get_map_value_bytes(map, ":status")
                .ok()
                .flatten();
            status = line.and_then(|line| text(line).parse().ok()).unwrap_or(0);
        }
        if headers > 0 && size > 0 {
            let buffer = BufferType::HttpCallResponseBody;
            let most = size.min(crate::guard::external::MAX_ANSWER + 1);
            let bytes = hostcalls::get_buffer(buffer, 0, most).ok().flatten();
            body = bytes.unwrap_or_default();
        }
        if let Ok(mut core) = self.core.try_borrow_mut() {
            core.side_answer(number, &SideAnswer { status, body });
        }
    }
}

impl HttpContext for Shell {
    fn on_http_request_headers(&mut self, _: usize, end: bool) -> Action {
        self.enter(|core| {
            core.headers_came(Side::Request);
            core.envoy.join();
            let flow = core.stream.on_request_headers(&core.envoy, end);
            core.answered(Side::Request, flow)
        })
    }

    fn on_http_request_body(&mut self, size: usize, end: bool) -> Action {
        self.enter(|core| {
            core.body_came(Side::Request);
            let flow = core.stream.on_request_body(&core.envoy, size, end);
            core.answered(Side::Request, flow)
        })
    }

    fn on_http_request_trailers(&mut self, _: usize) -> Action {
        // Trailers are headers by another door: nothing needs them, so none crosses.
        let _ = hostcalls::set_map(MapType::HttpRequestTrailers, Vec::new());
        self.enter(|core| {
            let flow = core.stream.on_request_trailers(&core.envoy);
            core.answered(Side::Request, flow)
        })
    }

    fn on_http_response_headers(&mut self, _: usize, end: bool) -> Action {
        let action = self.enter(|core| {
            core.headers_came(Side::Response);
            core.envoy.catch_up();
            let flow = core.stream.on_response_headers(&core.envoy, end);
            core.answered(Side::Response, flow)
        });
        self.watch();
        action
    }

    fn on_http_response_body(&mut self, size: usize, end: bool) -> Action {
        let action = self.enter(|core| {
            core.body_came(Side::Response);
            let flow = core.stream.on_response_body(&core.envoy, size, end);
            core.answered(Side::Response, flow)
        });
        if action == Action::Pause {
            self.watch();
        }
        action
    }

    fn on_http_response_trailers(&mut self, _: usize) -> Action {
        let _ = hostcalls::set_map(MapType::HttpResponseTrailers, Vec::new());
        let action = self.enter(|core| {
            let flow = core.stream.on_response_trailers(&core.envoy);
            core.answered(Side::Response, flow)
        });
        self.watch();
        action
    }

    fn on_log(&mut self) {
        if let Ok(mut core) = self.core.try_borrow_mut() {
            core.log();
        }
    }
}
