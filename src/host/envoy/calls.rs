//! What is asked of Envoy, and when it may be.

use crate::{
    host::{
        Board, Callouts, Clock, Exchange, Headers, Meter, Refused, Side, SideCall, Store, Stored,
        board::Boards, header_value, keys::state,
    },
    log::record,
};
use proxy_wasm::{
    hostcalls,
    types::{BufferType, MapType, MetricType},
};
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::SystemTime,
};

thread_local! {
    /// The requests of this machine that have been handed over.
    static BOARDS: RefCell<Boards> = RefCell::default();
}

/// What may be touched on one side, at this moment of the stream.
#[derive(Default)]
pub(super) struct Door {
    /// From the headers callback until a callback of this side continued.
    pub(super) headers: Cell<bool>,
    /// Inside a body callback, or after one that paused.
    pub(super) body: Cell<bool>,
}

#[derive(Default)]
pub(super) struct Envoy {
    request: Door,
    response: Door,
    /// `None`: what the roles tell each other goes through filter state.
    pub(super) board: RefCell<Option<Rc<Board>>>,
    /// The number under which the gateway role has handed the board over.
    number: Cell<Option<u64>>,
    /// A provider role in another machine has written more than those in this one.
    apart: Cell<bool>,
    /// It is a provider role, which has the gateway role's board.
    pub(super) joins: bool,
}

impl Envoy {
    pub(super) fn door(&self, side: Side) -> &Door {
        match side {
            Side::Request => &self.request,
            Side::Response => &self.response,
        }
    }

    /// The hand-over as filter state has it: the number of the board, and what a role in another machine reads.
    fn handed_over(&self) -> Option<(u64, Vec<u8>)> {
        let mut bytes = property(&[state::HAND_OVER])?;
        let space = bytes.iter().position(|byte| *byte == b' ')?;
        let json = bytes.split_off(space + 1);
        let number = std::str::from_utf8(bytes.trim_ascii_end()).ok()?;
        Some((number.parse().ok()?, json))
    }

    /// A provider role finds the board of the request, where that is in this machine.
    pub(super) fn join(&self) {
        if !self.joins {
            return;
        }
        let board = self
            .handed_over()
            .and_then(|(number, _)| BOARDS.with(|boards| boards.try_borrow().ok()?.join(number)));
        if let Ok(mut place) = self.board.try_borrow_mut() {
            *place = board;
        }
    }

    /// The gateway role lets provider roles find the board, and tells those in other machines what is to be done.
    fn hand_over(&self, board: &Rc<Board>, json: &str) {
        let number = BOARDS.with(|boards| Some(boards.try_borrow_mut().ok()?.open(board)));
        let number = number.unwrap_or_default();
        self.number.set(Some(number));
        let text = [&*number.to_string(), " ", json].concat();
        set_property(state::HAND_OVER, &text);
    }

    /// The gateway role learns what provider roles in other machines have done, unless one in this machine has the last
    /// word: it answers.
    pub(super) fn catch_up(&self) {
        let (Some(board), Some(_)) = (self.board(), self.number.get()) else {
            return;
        };
        if self.apart.get() || board.answered().is_none() {
            let apart = board.catch_up(|key| property(&[key]), self.apart.get());
            self.apart.set(apart || self.apart.get());
        }
    }

    /// Writes the record, for the access log.
    pub(super) fn write_record(&self) {
        let Some(board) = self.board().filter(|_| !self.joins) else {
            return;
        };
        let attempts = board.attempts();
        let members = board.with_facts(|facts| record::members(facts, attempts.as_deref()));
        if let Some(members) = members {
            set_property(state::RECORD, &members);
        }
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        if let Some(number) = self.number.get() {
            BOARDS.with(|boards| {
                if let Ok(mut boards) = boards.try_borrow_mut() {
                    boards.close(number);
                }
            });
        }
    }
}

fn property(path: &[&str]) -> Option<Vec<u8>> {
    hostcalls::get_property(path.to_vec()).ok().flatten()
}

/// Filter state is written under the plugin's own prefix, and read without it.
fn set_property(key: &str, value: &str) {
    let _ = hostcalls::set_property(vec![key], Some(value.as_bytes()));
}

fn map(side: Side) -> MapType {
    match side {
        Side::Request => MapType::HttpRequestHeaders,
        Side::Response => MapType::HttpResponseHeaders,
    }
}

fn buffer(side: Side) -> BufferType {
    match side {
        Side::Request => BufferType::HttpRequestBody,
        Side::Response => BufferType::HttpResponseBody,
    }
}

pub(super) fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
}

impl Exchange for Envoy {
    fn headers(&self, side: Side) -> Headers {
        if !self.door(side).headers.get() {
            return Headers::default();
        }
        let lines = hostcalls::get_map_bytes(map(side)).unwrap_or_default();
        Headers(
            lines
                .into_iter()
                .map(|(name, value)| (name, text(value)))
                .collect(),
        )
    }

    fn set_header(&self, side: Side, name: &str, value: Option<&str>) -> Result<(), Refused> {
        if !self.door(side).headers.get() {
            return Err(Refused("the headers have left"));
        }
        let value = value.map(header_value);
        hostcalls::set_map_value(map(side), name, value.as_deref())
            .map_err(|_| Refused("header not written"))
    }

    fn header(&self, side: Side, name: &str) -> Option<String> {
        if !self.door(side).headers.get() {
            return None;
        }
        hostcalls::get_map_value_bytes(map(side), name)
            .ok()
            .flatten()
            .map(text)
    }

    fn replace_headers(&self, side: Side, headers: &[(&str, &str)]) -> Result<(), Refused> {
        if !self.door(side).headers.get() {
            return Err(Refused("the headers have left"));
        }
        let clean: Vec<_> = headers
            .iter()
            .map(|(name, value)| (*name, header_value(value)))
            .collect();
        let lines = clean
            .iter()
            .map(|(name, value)| (*name, &**value))
            .collect();
        hostcalls::set_map(map(side), lines).map_err(|_| Refused("headers not written"))
    }

    fn body(&self, side: Side, from: usize, size: usize) -> Vec<u8> {
        if !self.door(side).body.get() {
            return Vec::new();
        }
        hostcalls::get_buffer(buffer(side), from, size)
            .ok()
            .flatten()
            .unwrap_or_default()
    }

    fn replace_body(&self, side: Side, cut: usize, bytes: &[u8]) -> Result<(), Refused> {
        if !self.door(side).body.get() {
            return Err(Refused("there is no body here"));
        }
        hostcalls::set_buffer(buffer(side), 0, cut, bytes).map_err(|_| Refused("body not written"))
    }

    fn property(&self, path: &[&str]) -> Option<Vec<u8>> {
        property(path)
    }

    fn board(&self) -> Option<Rc<Board>> {
        self.board.try_borrow().ok()?.clone()
    }

    fn state(&self, key: &str) -> Option<Vec<u8>> {
        match self.board() {
            // The attempts before may have been in another machine.
            Some(_) if self.joins && key == state::ATTEMPTS => property(&[key]),
            Some(board) => board.fact(key).map(String::into_bytes),
            None if key == state::HAND_OVER => self.handed_over().map(|(_, json)| json),
            None => property(&[key]),
        }
    }

    fn set_state(&self, key: &'static str, value: &str) {
        let Some(board) = self.board() else {
            set_property(key, value);
            return;
        };
        if key == state::HAND_OVER {
            self.hand_over(&board, value);
            return;
        }
        if board.keeps(key) {
            set_property(key, value);
        }
        board.set_fact(key, value);
    }

    fn tell(&self, key: &'static str, value: &str) {
        set_property(key, value);
    }

    fn stop(&self) {
        let _ = hostcalls::reset_http_response();
    }

    fn reply(&self, status: u16, headers: &[(&str, &str)], body: &[u8]) {
        let clean: Vec<_> = headers
            .iter()
            .map(|(name, value)| (*name, header_value(value)))
            .collect();
        let lines = clean
            .iter()
            .map(|(name, value)| (*name, &**value))
            .collect();
        let _ = hostcalls::send_http_response(status.into(), lines, Some(body));
    }
}

impl Clock for Envoy {
    fn now(&self) -> SystemTime {
        hostcalls::get_current_time().unwrap_or(SystemTime::UNIX_EPOCH)
    }
}

impl Meter for Envoy {
    fn count(&self, metric: &str, amount: i64) {
        // Defining an existing counter gives its id again.
        if let Ok(id) = hostcalls::define_metric(MetricType::Counter, metric) {
            let _ = hostcalls::increment_metric(id, amount);
        }
    }
}

impl Store for Envoy {
    // The SDK panics at any status but found, not found and mismatch, and the host knows no other.
    fn get(&self, key: &str) -> Stored {
        let (bytes, version) = hostcalls::get_shared_data(key).unwrap_or_default();
        Stored {
            bytes: bytes.unwrap_or_default(),
            version: version.unwrap_or_default(),
        }
    }

    fn set(&self, key: &str, bytes: &[u8], version: u32) -> Result<(), Refused> {
        let version = (version > 0).then_some(version);
        hostcalls::set_shared_data(key, Some(bytes), version)
            .map_err(|_| Refused("somebody else was first"))
    }
}

impl Callouts for Envoy {
    fn call(&self, call: &SideCall<'_>) -> Result<u32, Refused> {
        let clean: Vec<_> = call
            .headers
            .iter()
            .map(|(name, value)| (*name, header_value(value)))
            .collect();
        let lines = clean
            .iter()
            .map(|(name, value)| (*name, &**value))
            .collect();
        hostcalls::dispatch_http_call(
            call.cluster,
            lines,
            Some(call.body),
            Vec::new(),
            call.timeout,
        )
        .map_err(|_| Refused("the cluster cannot be called"))
    }
}
