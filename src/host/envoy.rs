//! The real host. The only file that names `proxy_wasm`.
//!
//! The SDK panics when the proxy answers a call with an unexpected status, and a panic cuts every
//! stream of the worker. So each call is made only where it cannot fail: headers while their side
//! is held, bodies inside a body callback or while gathered. Everything else is refused here.

use super::{
    Board, Callouts, Clock, Exchange, Flow, Headers, Host, Meter, Refused, Roles, Side, SideAnswer,
    SideCall, Store, Stored, Stream, board::Boards, header_value, keys::state,
};
use crate::{attempt::Attempt, config::Config, gateway::Request, log::record};
use proxy_wasm::{
    hostcalls,
    traits::{Context, HttpContext, RootContext},
    types::{Action, BufferType, LogLevel, MapType, MetricType},
};
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::{Rc, Weak},
    time::{Duration, SystemTime},
};

type Provider = crate::config::Provider;

thread_local! {
    /// The provider roles of this machine, by the names of their plugins.
    static PROVIDERS: RefCell<BTreeMap<String, Weak<Provider>>> = const { RefCell::new(BTreeMap::new()) };
    /// The requests of this machine that have been handed over.
    static BOARDS: RefCell<Boards> = RefCell::default();
}

/// Notes a provider role; those that are gone are forgotten.
fn note(provider: &Rc<Provider>) {
    let names = ["plugin_root_id", "plugin_name"].map(|name| {
        let name = hostcalls::get_property(vec![name]).ok().flatten();
        text(name.unwrap_or_default())
    });
    PROVIDERS.with(|known| {
        let Ok(mut known) = known.try_borrow_mut() else {
            return;
        };
        known.retain(|_, role| role.strong_count() > 0);
        for name in names {
            known.insert(name, Rc::downgrade(provider));
        }
    });
}

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_root_context(|_| Box::new(Root { config: None, watched: Rc::default() }));
}}

/// The plugin: one per configuration and worker.
struct Root {
    config: Option<Role>,
    watched: Watched,
}

/// The open streams that have a deadline, by the numbers of their contexts. A stream leaves when it is gone.
type Watched = Rc<RefCell<BTreeMap<u32, Weak<RefCell<Core>>>>>;

/// How often deadlines are looked at, while a stream has one.
const TICK: Duration = Duration::from_millis(250);

/// And when one is due at once.
const SOON: Duration = Duration::from_millis(1);

enum Role {
    Gateway(Rc<crate::config::Gateway>),
    Provider(Rc<Provider>),
}

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, _size: usize) -> bool {
        let bytes = hostcalls::get_buffer(BufferType::PluginConfiguration, 0, usize::MAX);
        match Config::parse(&bytes.ok().flatten().unwrap_or_default()) {
            Ok(Config::Gateway(config)) => {
                if config.keys.is_none() {
                    log::warn!(
                        "no `keys` are configured: this gateway serves anybody who can reach it"
                    );
                }
                self.config = Some(Role::Gateway(Rc::new(config)));
                true
            }
            Ok(Config::Provider(config)) => {
                let config = Rc::new(config);
                note(&config);
                self.config = Some(Role::Provider(config));
                true
            }
            Err(problems) => {
                log::error!("the configuration has {} problem(s):", problems.len());
                for problem in problems {
                    log::error!("  {problem}");
                }
                false
            }
        }
    }

    fn on_tick(&mut self) {
        let now = Envoy::default().now();
        // What is done about one stream may end others: the list is not held meanwhile.
        let open: Vec<_> = match self.watched.try_borrow() {
            Ok(watched) => watched
                .iter()
                .map(|(id, core)| (*id, core.clone()))
                .collect(),
            Err(_) => return,
        };
        let mut done = false;
        for (id, core) in &open {
            if let Some(core) = core.upgrade()
                && let Ok(mut core) = core.try_borrow_mut()
                && core.stream.deadline().is_some_and(|end| end <= now)
                && hostcalls::set_effective_context(*id).is_ok()
            {
                core.deadline();
                done = true;
            }
        }
        if open.is_empty() {
            let _ = hostcalls::set_tick_period(Duration::ZERO);
        } else if done {
            let _ = hostcalls::set_tick_period(TICK); // it may have been `SOON`
        }
    }

    fn create_http_context(&self, id: u32) -> Option<Box<dyn HttpContext>> {
        let mut envoy = Envoy::default();
        let stream: Box<dyn Stream> = match &self.config {
            Some(Role::Gateway(config)) => {
                envoy.board = Some(Rc::new(Board::new(&config.filter_state))).into();
                Box::new(Request::new(config.clone()))
            }
            Some(Role::Provider(config)) => {
                envoy.joins = true;
                Box::new(Attempt::new(config.clone()))
            }
            // Envoy sends no stream to a plugin whose configuration was refused.
            None => Box::new(Unconfigured),
        };
        Some(Box::new(Shell {
            id,
            core: Rc::new(RefCell::new(Core { stream, envoy })),
            watched: self.watched.clone(),
        }))
    }

    fn get_type(&self) -> Option<proxy_wasm::types::ContextType> {
        Some(proxy_wasm::types::ContextType::HttpContext)
    }
}

/// Answers for a plugin without a configuration.
struct Unconfigured;

impl Stream for Unconfigured {
    fn on_request_headers(&mut self, host: &dyn Host, _end: bool) -> Flow {
        host.reply(503, &[], b"the LLM gateway has no configuration");
        Flow::Pause
    }
}

/// What may be touched on one side, at this moment of the stream.
#[derive(Default)]
struct Door {
    /// From the headers callback until a callback of this side continued.
    headers: Cell<bool>,
    /// Inside a body callback, or after one that paused.
    body: Cell<bool>,
}

#[derive(Default)]
struct Envoy {
    request: Door,
    response: Door,
    /// `None`: what the roles tell each other goes through filter state.
    board: RefCell<Option<Rc<Board>>>,
    /// The number under which the gateway role has handed the board over.
    number: Cell<Option<u64>>,
    /// A provider role in another machine has written more than those in this one.
    apart: Cell<bool>,
    /// It is a provider role, which has the gateway role's board.
    joins: bool,
}

impl Envoy {
    fn door(&self, side: Side) -> &Door {
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
    fn join(&self) {
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
    fn catch_up(&self) {
        let (Some(board), Some(_)) = (self.board(), self.number.get()) else {
            return;
        };
        if self.apart.get() || board.answered().is_none() {
            let apart = board.catch_up(|key| property(&[key]), self.apart.get());
            self.apart.set(apart || self.apart.get());
        }
    }

    /// Writes the record, for the access log.
    fn write_record(&self) {
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

fn text(bytes: Vec<u8>) -> String {
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

impl Roles for Envoy {
    fn provider(&self, cluster: &str) -> Option<Rc<Provider>> {
        let find = |known: &RefCell<BTreeMap<String, Weak<Provider>>>| {
            known.try_borrow().ok()?.get(cluster)?.upgrade()
        };
        PROVIDERS.with(find)
    }
}

/// One stream: the role, and what of Envoy it may touch right now.
struct Core {
    stream: Box<dyn Stream>,
    envoy: Envoy,
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

    fn deadline(&mut self) {
        if let Some(side) = self.stream.on_deadline(&self.envoy) {
            self.resume(side);
        }
    }
}

/// A stream as the SDK knows it. The root looks at its deadline, so the two share it.
struct Shell {
    id: u32,
    core: Rc<RefCell<Core>>,
    watched: Watched,
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
