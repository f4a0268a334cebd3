//! Measures what planning costs inside Envoy's V8, and logs one line per case: `plan <name> <microseconds>`.
//!
//! Shared data is Envoy's own; headers and filter state are kept here, so that the numbers are those of the filter's
//! code. `choose` is the choice alone; `role` is the whole gateway role from headers to the plan that is handed over.

use envoy_llm_gateway::{
    api::client::{Api, Asked},
    config::{Config, Gateway},
    gateway::Request,
    host::{
        Callouts, Clock, Exchange, Flow, Headers, Meter, Refused, Roles, Side, SideCall, Store, Stored,
        Stream, keys::shared,
    },
    plan::{self, Facts, busy, health, number, pace},
};
use proxy_wasm::{
    hostcalls,
    traits::{Context, RootContext},
    types::LogLevel,
};
use serde_json::{Value, json};
use std::{
    cell::RefCell,
    collections::BTreeMap,
    rc::Rc,
    time::{Duration, SystemTime},
};

const MODELS: usize = 50;
const TARGETS: usize = 10;
/// V8 compiles a function anew while it runs; the first turns tell nothing.
const WARM_UP: usize = 5_000;
const TURNS: usize = 2_000;
const ROUNDS: usize = 9;

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_root_context(|_| Box::new(Bench));
}}

struct Bench;

impl Context for Bench {}

impl RootContext for Bench {
    fn on_configure(&mut self, _size: usize) -> bool {
        measure_all();
        true
    }
}

fn now() -> SystemTime {
    hostcalls::get_current_time().expect("the time")
}

/// The fastest round's time for one turn.
fn measure(name: &str, mut turn: impl FnMut(u64)) {
    for draw in 0..WARM_UP {
        turn(draw as u64);
    }
    let mut fastest = Duration::MAX;
    for round in 0..ROUNDS {
        let start = now();
        for draw in 0..TURNS {
            turn((round * TURNS + draw) as u64);
        }
        let spent = now().duration_since(start).unwrap_or_default();
        fastest = fastest.min(spent);
    }
    let micros = fastest.as_secs_f64() * 1e6 / TURNS as f64;
    log::info!("plan {name} {micros:.2}");
}

fn provider(at: usize) -> String {
    format!("provider-{at}")
}

fn own_model(at: usize) -> String {
    format!("vendor/some-model-{at}-2026-11-01")
}

/// A gateway with so many models of so many targets, and as many providers.
fn gateway(route: &str, models: usize, targets: usize) -> Gateway {
    let target = |at: usize| {
        let mut target = json!({"provider": provider(at), "model": own_model(at)});
        if route == "weighted" {
            target["weight"] = json!(at + 1);
        }
        target
    };
    let list: Vec<_> = (0..targets).map(target).collect();
    let models = (0..models).map(|at| {
        (
            format!("model-{at}"),
            json!({"route": route, "targets": list}),
        )
    });
    let providers = (0..targets).map(|at| {
        (
            provider(at),
            json!({"dialect": "openai", "labels": {"region": "eu"}}),
        )
    });
    let prices = (0..targets).map(|at| {
        let price = json!({"input_usd_per_million": at + 1, "output_usd_per_million": 2 * at + 1});
        (own_model(at), price)
    });
    let value = json!({
        "role": "gateway",
        "models": models.collect::<serde_json::Map<String, Value>>(),
        "providers": providers.collect::<serde_json::Map<String, Value>>(),
        "model_info": prices.collect::<serde_json::Map<String, Value>>(),
        "rules": [{"name": "legal", "when": {"team": "legal"}, "require": {"region": "eu"}}],
        "count_tokens": false,
    });
    match Config::parse(value.to_string().as_bytes()) {
        Ok(Config::Gateway(gateway)) => gateway,
        other => panic!("{other:?}"),
    }
}

fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap_or_default().as_millis() as u64
}

/// Every target is known, and a few are busy.
fn fill() {
    let (mut paces, mut counts, at) = (
        pace::Table::default(),
        busy::Table::default(),
        millis(now()),
    );
    for target in 0..TARGETS {
        let mark = number(&provider(target), &own_model(target));
        paces.note(mark, pace::Sample::First(100 + target as u64), at);
        paces.note(
            mark,
            pace::Sample::Rest {
                ms: 1000,
                tokens: 100,
            },
            at,
        );
        counts.take(mark, at);
    }
    let set = |key: &str, bytes: &[u8]| {
        hostcalls::set_shared_data(key, Some(bytes), None).expect("shared data")
    };
    set(shared::PACE, &paces.write());
    set(shared::BUSY, &counts.write());
}

fn body(model: &str) -> Vec<u8> {
    let text = "word ".repeat(200);
    json!({"model": model, "messages": [{"role": "user", "content": text}]})
        .to_string()
        .into_bytes()
}

const ROUTES: [&str; 5] = ["fallback", "weighted", "cheapest", "fastest", "least_busy"];

fn measure_all() {
    fill();
    let none = |_: &str| None;
    let shared = |key: &str| get(key).bytes;
    let asked = format!("model-{}", MODELS / 2);
    let body = body(&asked);
    let parsed = Asked::parse(Api::Chat, &body).expect("a chat");
    for route in ROUTES {
        let config = gateway(route, MODELS, TARGETS);
        measure(&format!("choose {route}"), |draw| {
            let mut facts = Facts::new(&asked, "chat", &none, Some(&parsed));
            facts.now = now();
            facts.seed = plan::seed(Some(&draw.to_string()), facts.now);
            facts.shared = &shared;
            let model = plan::model(&config, &asked).expect("the model");
            let choice = plan::choose(&config, model, &asked, &facts).expect("a choice");
            assert_eq!(choice.candidates.len(), TARGETS);
        });
    }
    role(
        "role of 1 model with 1 target",
        gateway("fallback", 1, 1),
        "model-0",
    );
    for route in ROUTES {
        role(
            &format!("role {route}"),
            gateway(route, MODELS, TARGETS),
            &asked,
        );
    }
    let settings = health::Settings::default();
    let (mut table, at) = (health::Table::default(), millis(now()));
    for _ in 0..3 {
        let key = health::key(&provider(0), Some(&own_model(0)));
        table.note(&settings, &key, health::Outcome::Failed, at, at);
    }
    hostcalls::set_shared_data(shared::HEALTH, Some(&table.write()), None).expect("shared data");
    role(
        "role fallback, one target cooling down",
        gateway("fallback", MODELS, TARGETS),
        &asked,
    );
    hostcalls::set_shared_data(shared::HEALTH, Some(b"[]"), None).expect("shared data");
}

fn role(name: &str, config: Gateway, asked: &str) {
    let (config, body) = (Rc::new(config), body(asked));
    measure(name, |_| {
        let host = Host::new(&body);
        let mut request = Request::new(config.clone());
        request.on_request_headers(&host, false);
        let flow = request.on_request_body(&host, body.len(), true);
        assert_eq!(flow, Flow::Continue);
    });
}

fn get(key: &str) -> Stored {
    match hostcalls::get_shared_data(key) {
        Ok((bytes, version)) => Stored {
            bytes: bytes.unwrap_or_default(),
            version: version.unwrap_or_default(),
        },
        Err(_) => Stored::default(),
    }
}

struct Host<'b> {
    headers: RefCell<Vec<(String, String)>>,
    state: RefCell<BTreeMap<String, String>>,
    body: &'b [u8],
}

impl<'b> Host<'b> {
    fn new(body: &'b [u8]) -> Self {
        let lines = [
            (":method", "POST"),
            (":path", "/v1/chat/completions"),
            (":authority", "gateway"),
            ("content-type", "application/json"),
            ("x-request-id", "8f14e45f-ceea-467f-a7d1-1f2f0b3a9c11"),
        ];
        let lines = lines.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self {
            headers: RefCell::new(lines.into()),
            state: RefCell::default(),
            body,
        }
    }
}

impl Exchange for Host<'_> {
    fn headers(&self, _: Side) -> Headers {
        Headers(self.headers.borrow().clone())
    }

    fn set_header(&self, _: Side, name: &str, value: Option<&str>) -> Result<(), Refused> {
        let mut headers = self.headers.borrow_mut();
        headers.retain(|(known, _)| known != name);
        headers.extend(value.map(|value| (name.to_owned(), value.to_owned())));
        Ok(())
    }

    fn header(&self, _: Side, name: &str) -> Option<String> {
        let headers = self.headers.borrow();
        let line = headers.iter().find(|(known, _)| known == name);
        line.map(|(_, value)| value.clone())
    }

    fn replace_headers(&self, _: Side, _: &[(&str, &str)]) -> Result<(), Refused> {
        Ok(())
    }

    fn body(&self, _: Side, from: usize, size: usize) -> Vec<u8> {
        let rest = self.body.get(from..).unwrap_or_default();
        rest.get(..size).unwrap_or(rest).to_vec()
    }

    fn replace_body(&self, _: Side, _: usize, _: &[u8]) -> Result<(), Refused> {
        Ok(())
    }

    fn property(&self, _: &[&str]) -> Option<Vec<u8>> {
        None
    }

    fn state(&self, key: &str) -> Option<Vec<u8>> {
        let state = self.state.borrow();
        state.get(key).map(|value| value.clone().into_bytes())
    }

    fn set_state(&self, key: &str, value: &str) {
        self.state
            .borrow_mut()
            .insert(key.to_owned(), value.to_owned());
    }

    fn stop(&self) {}

    fn reply(&self, status: u16, _: &[(&str, &str)], body: &[u8]) {
        panic!("{status}: {}", String::from_utf8_lossy(body));
    }
}

impl Clock for Host<'_> {
    fn now(&self) -> SystemTime {
        now()
    }
}

impl Meter for Host<'_> {
    fn count(&self, _: &str, _: i64) {}
}

impl Callouts for Host<'_> {
    fn call(&self, _: &SideCall<'_>) -> Result<u32, Refused> {
        Err(Refused("nobody is called"))
    }
}

impl Roles for Host<'_> {
    fn provider(&self, _: &str) -> Option<Rc<envoy_llm_gateway::config::Provider>> {
        None
    }
}

impl Store for Host<'_> {
    fn get(&self, key: &str) -> Stored {
        get(key)
    }

    fn set(&self, key: &str, bytes: &[u8], version: u32) -> Result<(), Refused> {
        let version = (version > 0).then_some(version);
        hostcalls::set_shared_data(key, Some(bytes), version)
            .map_err(|_| Refused("somebody else was first"))
    }
}
