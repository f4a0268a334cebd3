//! A fake host and the way Envoy drives a role through it: held bodies are gathered, passed ones are
//! handed over in chunks, and headers and bodies can only be changed while they are there.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]
#![allow(dead_code, missing_docs, unreachable_pub)] // each test file uses its part

pub mod fixtures;
pub mod gather;
pub mod ride;

use envoy_llm_gateway::host::{
    Callouts, Clock, Exchange, Flow, Headers, Meter, Refused, Roles, Side, SideCall, Store, Stored,
    Stream, board::Board, header_value,
};
use envoy_llm_gateway::log::attempts;
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
    time::{Duration, SystemTime},
};

/// 2026-11-01T00:00:00Z, the time of every test until it moves the clock.
pub const START: u64 = 1_793_491_200;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

/// What workers share. Hosts with the same one are requests to the same Envoy.
pub type Shared = Rc<RefCell<BTreeMap<String, Stored>>>;

#[derive(Debug)]
pub struct FakeHost {
    headers: RefCell<BTreeMap<Side, Vec<(String, String)>>>,
    bodies: RefCell<BTreeMap<Side, Vec<u8>>>,
    open: RefCell<BTreeMap<Side, bool>>,
    pub state: RefCell<BTreeMap<String, String>>,
    /// What roles of one machine know of the request; `None`: they are in different ones.
    pub board: Option<Rc<Board>>,
    pub properties: RefCell<BTreeMap<String, Vec<u8>>>,
    pub counters: RefCell<BTreeMap<String, i64>>,
    pub replies: RefCell<Vec<Reply>>,
    pub now_ms: Cell<u64>,
    /// Every write of a header fails, as it does once headers have left.
    pub refuse_writes: Cell<bool>,
    /// The answer has been broken off.
    pub stopped: Cell<bool>,
    pub shared: Shared,
    /// Requests beside the exchange, in order; the first has the number 1.
    pub calls: RefCell<Vec<Called>>,
    /// Clusters that cannot be called.
    pub unreachable: RefCell<Vec<String>>,
    /// The provider roles, by their clusters.
    pub roles: RefCell<BTreeMap<String, Rc<envoy_llm_gateway::config::Provider>>>,
    /// So many writings of shared data come too late.
    pub too_late: Cell<u32>,
    /// What the role has asked of the host, in order: each crosses from the filter into Envoy.
    pub asked: RefCell<Vec<String>>,
    /// The side that is driven has ended in trailers: what has passed cannot be changed any more.
    trailers: Cell<bool>,
}

impl Default for FakeHost {
    fn default() -> Self {
        Self {
            headers: RefCell::default(),
            bodies: RefCell::default(),
            open: RefCell::default(),
            state: RefCell::default(),
            board: Some(Rc::new(Board::new(&Rc::default()))),
            properties: RefCell::default(),
            counters: RefCell::default(),
            replies: RefCell::default(),
            now_ms: Cell::new(START * 1000),
            refuse_writes: Cell::new(false),
            stopped: Cell::new(false),
            shared: Shared::default(),
            calls: RefCell::default(),
            unreachable: RefCell::default(),
            roles: RefCell::default(),
            too_late: Cell::new(0),
            asked: RefCell::default(),
            trailers: Cell::new(false),
        }
    }
}

impl FakeHost {
    /// A host whose requests share what workers share.
    pub fn sharing(shared: &Shared) -> Self {
        Self {
            shared: shared.clone(),
            ..Self::default()
        }
    }

    pub fn set_headers(&self, side: Side, headers: &[(&str, &str)]) {
        let lines = headers
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
        self.headers.borrow_mut().insert(side, lines.collect());
    }

    pub fn header_lines(&self, side: Side) -> Vec<(String, String)> {
        self.headers
            .borrow()
            .get(&side)
            .cloned()
            .unwrap_or_default()
    }

    pub fn header_value(&self, side: Side, name: &str) -> Option<String> {
        let lines = self.header_lines(side);
        lines.into_iter().find(|(n, _)| n == name).map(|(_, v)| v)
    }

    /// What has been asked since the last time, and how often.
    pub fn take_asked(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for what in self.asked.take() {
            *counts.entry(what).or_default() += 1;
        }
        counts
    }

    fn ask(&self, what: &str, name: &str) {
        let what = [what, name].join(" ");
        self.asked.borrow_mut().push(what.trim_end().to_owned());
    }

    /// The steps of the plan that was handed over, as JSON.
    pub fn plan(&self) -> Option<String> {
        let told = self.state_value("llm.hand_over")?;
        let told: serde_json::Value = serde_json::from_str(&told).unwrap();
        Some(told["steps"].to_string())
    }

    pub fn state_value(&self, key: &str) -> Option<String> {
        let board = self.board.as_deref();
        let shared = match key {
            "llm.attempts" => board
                .and_then(Board::attempts)
                .map(|list| attempts::json(&list)),
            "llm.used" => board
                .and_then(Board::used)
                .map(|used| serde_json::to_string(&used).unwrap()),
            _ => None,
        };
        shared.or_else(|| self.state.borrow().get(key).cloned())
    }

    /// Writes filter state, as a role in another machine does.
    pub fn tells(&self, key: &str, value: &str) {
        self.state
            .borrow_mut()
            .insert(key.to_owned(), value.to_owned());
    }

    /// Puts a body there, as if it had been gathered.
    pub fn gather(&self, side: Side, body: &str) {
        self.bodies
            .borrow_mut()
            .insert(side, body.as_bytes().to_vec());
    }

    /// The body that is there.
    pub fn body_of(&self, side: Side) -> String {
        String::from_utf8(self.body(side, 0, usize::MAX)).unwrap()
    }

    /// More of a body comes; gives how much of it is here.
    pub fn more(&self, side: Side, bytes: &[u8]) -> usize {
        let mut bodies = self.bodies.borrow_mut();
        let here = bodies.entry(side).or_default();
        here.extend_from_slice(bytes);
        here.len()
    }

    /// What is here of a body leaves.
    pub fn leaves(&self, side: Side) -> Vec<u8> {
        let mut bodies = self.bodies.borrow_mut();
        bodies
            .get_mut(&side)
            .map(std::mem::take)
            .unwrap_or_default()
    }

    /// The headers of a side are here, or have left.
    pub fn headers_are(&self, side: Side, here: bool) {
        self.open.borrow_mut().insert(side, here);
    }

    pub fn attempt_number(&self, number: u64) {
        let path = "upstream.request_attempt_count".to_owned();
        self.properties
            .borrow_mut()
            .insert(path, number.to_le_bytes().to_vec());
    }
}

impl Exchange for FakeHost {
    fn headers(&self, side: Side) -> Headers {
        self.ask("read all headers", "");
        Headers(self.header_lines(side))
    }

    fn set_header(&self, side: Side, name: &str, value: Option<&str>) -> Result<(), Refused> {
        self.ask("set header", name);
        if self.refuse_writes.get() {
            return Err(Refused("headers have left"));
        }
        assert!(
            self.open.borrow().get(&side).copied().unwrap_or(true),
            "{name} is written after the {side:?} headers have left"
        );
        let mut headers = self.headers.borrow_mut();
        let lines = headers.entry(side).or_default();
        let at = lines.iter().position(|(n, _)| n == name);
        lines.retain(|(n, _)| n != name);
        if let Some(value) = value {
            let line = (name.to_owned(), header_value(value).into_owned());
            lines.insert(at.unwrap_or(lines.len()), line);
        }
        Ok(())
    }

    fn header(&self, side: Side, name: &str) -> Option<String> {
        self.ask("read header", name);
        self.header_value(side, name)
    }

    fn replace_headers(&self, side: Side, headers: &[(&str, &str)]) -> Result<(), Refused> {
        self.ask("replace all headers", "");
        if self.refuse_writes.get() {
            return Err(Refused("headers have left"));
        }
        assert!(
            self.open.borrow().get(&side).copied().unwrap_or(true),
            "headers are replaced after the {side:?} headers have left"
        );
        let lines = headers
            .iter()
            .map(|(n, v)| ((*n).to_owned(), header_value(v).into_owned()));
        self.headers.borrow_mut().insert(side, lines.collect());
        Ok(())
    }

    fn body(&self, side: Side, from: usize, size: usize) -> Vec<u8> {
        self.ask("read body", "");
        let bodies = self.bodies.borrow();
        let body = bodies.get(&side).map(Vec::as_slice).unwrap_or_default();
        body.iter().skip(from).take(size).copied().collect()
    }

    fn replace_body(&self, side: Side, cut: usize, bytes: &[u8]) -> Result<(), Refused> {
        self.ask("replace body", "");
        let mut bodies = self.bodies.borrow_mut();
        let Some(body) = bodies.get_mut(&side) else {
            let late = self.trailers.get();
            assert!(late, "a body is replaced where there is none");
            return Err(Refused("there is no body here"));
        };
        body.drain(..cut.min(body.len()));
        body.splice(..0, bytes.iter().copied());
        Ok(())
    }

    fn property(&self, path: &[&str]) -> Option<Vec<u8>> {
        self.ask("read property", &path.join("."));
        self.properties.borrow().get(&path.join(".")).cloned()
    }

    fn board(&self) -> Option<Rc<Board>> {
        self.board.clone()
    }

    fn state(&self, key: &str) -> Option<Vec<u8>> {
        if self.board.is_none() {
            self.ask("read state", key);
        }
        let told = self.state.borrow().get(key).cloned();
        let value = told
            .filter(|_| key == "llm.attempts")
            .or_else(|| self.state_value(key));
        value.map(String::into_bytes)
    }

    fn set_state(&self, key: &'static str, value: &str) {
        if self.board.as_ref().is_none_or(|board| board.keeps(key)) || key == "llm.hand_over" {
            self.ask("set state", key);
        }
        self.state
            .borrow_mut()
            .insert(key.to_owned(), value.to_owned());
    }

    fn stop(&self) {
        self.stopped.set(true);
    }

    fn reply(&self, status: u16, headers: &[(&str, &str)], body: &[u8]) {
        let headers = headers
            .iter()
            .map(|(n, v)| ((*n).to_owned(), header_value(v).into_owned()));
        self.replies.borrow_mut().push(Reply {
            status,
            headers: headers.collect(),
            body: String::from_utf8(body.to_vec()).unwrap(),
        });
    }
}

impl Clock for FakeHost {
    fn now(&self) -> SystemTime {
        self.ask("read clock", "");
        SystemTime::UNIX_EPOCH + Duration::from_millis(self.now_ms.get())
    }
}

impl Meter for FakeHost {
    fn count(&self, metric: &str, amount: i64) {
        self.ask("count", metric);
        *self
            .counters
            .borrow_mut()
            .entry(metric.to_owned())
            .or_default() += amount;
    }
}

/// A request beside the exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Called {
    pub cluster: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
    pub timeout: Duration,
}

impl Callouts for FakeHost {
    fn call(&self, call: &SideCall<'_>) -> Result<u32, Refused> {
        if self
            .unreachable
            .borrow()
            .iter()
            .any(|name| name == call.cluster)
        {
            return Err(Refused("there is no such cluster"));
        }
        let headers = call.headers.iter();
        let headers = headers.map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
        let mut calls = self.calls.borrow_mut();
        calls.push(Called {
            cluster: call.cluster.to_owned(),
            headers: headers.collect(),
            body: String::from_utf8(call.body.to_vec()).unwrap(),
            timeout: call.timeout,
        });
        Ok(u32::try_from(calls.len()).unwrap())
    }
}

impl Roles for FakeHost {
    fn provider(&self, cluster: &str) -> Option<Rc<envoy_llm_gateway::config::Provider>> {
        self.roles.borrow().get(cluster).cloned()
    }
}

impl Store for FakeHost {
    fn get(&self, key: &str) -> Stored {
        self.ask("read shared", key);
        self.shared.borrow().get(key).cloned().unwrap_or_default()
    }

    fn set(&self, key: &str, bytes: &[u8], version: u32) -> Result<(), Refused> {
        self.ask("set shared", key);
        let mut shared = self.shared.borrow_mut();
        let stored = shared.entry(key.to_owned()).or_default();
        if self.too_late.get() > 0 {
            self.too_late.set(self.too_late.get() - 1);
            stored.version += 1;
            return Err(Refused("somebody else was first"));
        }
        if version > 0 && version != stored.version {
            return Err(Refused("somebody else was first"));
        }
        stored.bytes = bytes.to_vec();
        stored.version += 1;
        Ok(())
    }
}

/// What came out of one side: its headers and body as the other end sees them, or nothing because
/// the filter answered itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed {
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// How many chunks were held before the first one passed.
    pub held: usize,
}

impl Passed {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, v)| v.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Sends a request through a role, the body in `chunks`; `None` when the filter replied.
pub fn request(
    stream: &mut dyn Stream,
    host: &FakeHost,
    headers: &[(&str, &str)],
    chunks: &[&[u8]],
) -> Option<Passed> {
    drive(stream, host, Side::Request, headers, chunks, false)
}

/// Sends a response through a role.
pub fn response(
    stream: &mut dyn Stream,
    host: &FakeHost,
    headers: &[(&str, &str)],
    chunks: &[&[u8]],
) -> Option<Passed> {
    drive(stream, host, Side::Response, headers, chunks, false)
}

/// Sends a response that ends in trailers, so that no chunk says that it is the last.
pub fn response_with_trailers(
    stream: &mut dyn Stream,
    host: &FakeHost,
    headers: &[(&str, &str)],
    chunks: &[&[u8]],
) -> Option<Passed> {
    drive(stream, host, Side::Response, headers, chunks, true)
}

/// The host looks at the time; whether what is held goes on.
fn goes_on_when_due(stream: &mut dyn Stream, host: &FakeHost, side: Side) -> bool {
    let due = stream.deadline().is_some_and(|due| due <= host.now());
    due && stream.on_deadline(host) == Some(side)
}

fn drive(
    stream: &mut dyn Stream,
    host: &FakeHost,
    side: Side,
    headers: &[(&str, &str)],
    chunks: &[&[u8]],
    trailers: bool,
) -> Option<Passed> {
    let replies = host.replies.borrow().len();
    let replied = || host.replies.borrow().len() > replies;
    host.set_headers(side, headers);
    host.open.borrow_mut().insert(side, true);
    let mut passed = None;
    let (mut body, mut held) = (Vec::new(), 0);
    // Envoy was told to go on outside of its callbacks: it loses what passes with the next chunk.
    let mut resumed = false;
    let mut pass = |flow: Flow| {
        if flow == Flow::Continue && passed.is_none() {
            passed = Some(host.header_lines(side));
            host.open.borrow_mut().insert(side, false);
        }
        flow == Flow::Continue
    };
    pass(match side {
        Side::Request => stream.on_request_headers(host, chunks.is_empty() && !trailers),
        Side::Response => stream.on_response_headers(host, chunks.is_empty() && !trailers),
    });
    for (n, chunk) in chunks.iter().enumerate() {
        if replied() {
            return None;
        }
        let here = {
            let mut bodies = host.bodies.borrow_mut();
            let here = bodies.entry(side).or_default();
            here.extend_from_slice(chunk);
            here.len()
        };
        let end = n + 1 == chunks.len() && !trailers;
        let flow = match side {
            Side::Request => stream.on_request_body(host, here, end),
            Side::Response => stream.on_response_body(host, here, end),
        };
        held += usize::from(flow == Flow::Pause);
        if pass(flow) {
            let here = host.bodies.borrow_mut().remove(&side).unwrap_or_default();
            assert!(!resumed || here.is_empty(), "Envoy would lose this");
            body.extend(here);
            resumed = false;
        } else {
            // Sometimes more comes before the host looks at the time.
            resumed = (end || n % 2 == 1) && goes_on_when_due(stream, host, side);
            if resumed {
                pass(Flow::Continue);
                body.append(host.bodies.borrow_mut().entry(side).or_default());
            }
        }
    }
    if trailers && !replied() {
        host.trailers.set(true);
        let flow = match side {
            Side::Request => stream.on_request_trailers(host),
            Side::Response => stream.on_response_trailers(host),
        };
        host.trailers.set(false);
        if pass(flow) {
            let here = host.bodies.borrow_mut().remove(&side).unwrap_or_default();
            assert!(!resumed || here.is_empty(), "Envoy would lose this");
            body.extend(here);
        } else if goes_on_when_due(stream, host, side) {
            pass(Flow::Continue);
            body.extend(host.bodies.borrow_mut().remove(&side).unwrap_or_default());
        }
    }
    host.bodies.borrow_mut().remove(&side);
    if replied() {
        return None;
    }
    Some(Passed {
        headers: passed?,
        body,
        held,
    })
}
