//! Routes by what was seen: the fastest target, and the one with the fewest requests. The plans themselves, and the
//! roles on fake hosts that share their data as the workers of one Envoy do.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    missing_docs
)]

mod support;

use envoy_llm_gateway::{
    attempt::Attempt,
    config::{Config, Gateway},
    gateway::Request,
    host::{Side, Stream, keys::shared},
    plan::{
        self, Facts, Reason, busy, number,
        pace::{self, Sample},
    },
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    rc::Rc,
    time::{Duration, SystemTime},
};
use support::{
    FakeHost, START, Shared, request,
    ride::{POST, Ride, body},
};

const NOW: u64 = START * 1000;

fn gateway(models: &Value) -> Gateway {
    let value = json!({
        "role": "gateway",
        "models": models,
        "providers": {
            "a": {"dialect": "openai", "labels": {"region": "eu"}},
            "b": {"dialect": "openai", "labels": {"region": "eu"}},
            "c": {"dialect": "openai", "labels": {"region": "us"}},
        },
        "rules": [{"name": "eu", "when": {"operation": "embeddings"}, "require": {"region": "eu"}}],
        "health": {"enabled": false},
    });
    match Config::parse(value.to_string().as_bytes()) {
        Ok(Config::Gateway(gateway)) => gateway,
        other => panic!("{other:?}"),
    }
}

fn routed(route: &str) -> Gateway {
    let targets = ["a", "b", "c"].map(|name| json!({"provider": name, "model": "m"}));
    gateway(&json!({"m": {"route": route, "targets": targets}}))
}

/// The plan of a request, drawn with this seed, and why each stands where it does.
fn plan_of(config: &Gateway, stored: &[u8], seed: u64, operation: &str) -> Vec<(String, Reason)> {
    let none = |_: &str| None;
    let read = |key: &str| match key {
        shared::PACE | shared::BUSY => stored.to_vec(),
        _ => panic!("{key}"),
    };
    let mut facts = Facts::new("m", operation, &none, None);
    facts.seed = plan::seed(Some(&seed.to_string()), SystemTime::UNIX_EPOCH);
    facts.now = SystemTime::UNIX_EPOCH + Duration::from_millis(NOW);
    facts.shared = &read;
    let model = plan::model(config, "m").unwrap();
    let choice = plan::choose(config, model, "m", &facts).unwrap();
    let candidates = choice.candidates.into_iter();
    candidates.map(|c| (c.step.provider, c.reason)).collect()
}

fn names(plan: &[(String, Reason)]) -> String {
    plan.iter().map(|(name, _)| name.as_str()).collect()
}

/// How often each order comes, of so many requests.
fn orders(config: &Gateway, stored: &[u8], count: u64) -> BTreeMap<String, u64> {
    let mut orders = BTreeMap::new();
    for seed in 0..count {
        let plan = plan_of(config, stored, seed, "chat");
        *orders.entry(names(&plan)).or_default() += 1;
    }
    orders
}

fn paces(samples: &[(&str, &[Sample])]) -> Vec<u8> {
    let mut table = pace::Table::default();
    for (name, samples) in samples {
        for sample in *samples {
            table.note(number(name, "m"), *sample, NOW - 1000);
        }
    }
    table.write()
}

#[test]
fn the_fastest_comes_first_and_a_share_explores_the_others_evenly() {
    use Sample::{First, Rest};
    let rest = |ms| Rest { ms, tokens: 100 };
    // For 500 tokens: a 100 + 5000, b 900 + 500, c 50 + 10000.
    let stored = paces(&[
        ("a", &[First(100), rest(1000)]),
        ("b", &[First(900), rest(100)]),
        ("c", &[First(50), rest(2000)]),
    ]);
    let config = routed("fastest");
    let plan = plan_of(&config, &stored, 1, "chat");
    let told = [("b", 1400), ("a", 5100), ("c", 10_050)];
    let told = told.map(|(name, ms)| (name.to_owned(), Reason::Pace(Some(ms))));
    assert_eq!(plan, told);
    let orders = orders(&config, &stored, 20_000);
    // Five standard deviations of 5 % and of half of that.
    assert!(
        (846..=1154).contains(&(orders["abc"] + orders["cba"])),
        "{orders:?}"
    );
    assert!((390..=610).contains(&orders["abc"]), "{orders:?}");
    assert_eq!(orders["bac"] + orders["abc"] + orders["cba"], 20_000);
}

#[test]
fn the_share_that_explores_is_as_configured_and_the_record_can_tell() {
    let stored = paces(&[
        ("a", &[Sample::First(10)]),
        ("b", &[Sample::First(20)]),
        ("c", &[Sample::First(30)]),
    ]);
    let with = |percent: u8| {
        let targets = ["a", "b", "c"].map(|name| json!({"provider": name, "model": "m"}));
        gateway(
            &json!({"m": {"route": "fastest", "exploration_percent": percent, "targets": targets}}),
        )
    };
    assert_eq!(
        orders(&with(0), &stored, 1000),
        BTreeMap::from([("abc".to_owned(), 1000)])
    );
    let all = orders(&with(100), &stored, 1000);
    assert_eq!(all.keys().collect::<Vec<_>>(), ["bac", "cab"]);
    let plan = plan_of(&with(100), &stored, 1, "chat");
    let (first, second) = (plan[0].1, plan[1].1);
    assert_eq!((first, second), (Reason::Explored, Reason::Pace(Some(10))));
}

#[test]
fn unknown_targets_come_first_and_share_evenly() {
    let stored = paces(&[("b", &[Sample::First(1)])]);
    let orders = orders(&routed("fastest"), &stored, 2000);
    assert_eq!(orders.keys().collect::<Vec<_>>(), ["acb", "cab"]);
    assert!((888..=1112).contains(&orders["acb"]), "{orders:?}");
}

#[test]
fn a_target_whose_answers_are_too_short_to_tell_is_as_fast_as_the_others() {
    use Sample::{First, Rest};
    let rest = Rest {
        ms: 1000,
        tokens: 100,
    };
    let stored = paces(&[
        ("a", &[First(100), rest]),
        ("b", &[First(200)]),
        ("c", &[First(50), rest]),
    ]);
    assert_eq!(
        names(&plan_of(&routed("fastest"), &stored, 1, "chat")),
        "cab"
    );
    // Embeddings have no tokens behind the first.
    let plan = plan_of(&routed("fastest"), &stored, 1, "embeddings");
    assert_eq!(names(&plan), "ab", "labels hold");
}

#[test]
fn labels_hold_whoever_is_fastest_or_idle() {
    let mut table = busy::Table::default();
    table.take(number("a", "m"), NOW);
    for route in ["fastest", "least_busy"] {
        let stored = match route {
            "fastest" => paces(&[("c", &[Sample::First(1)]), ("b", &[Sample::First(9)])]),
            _ => table.write(),
        };
        for seed in 0..200 {
            let plan = names(&plan_of(&routed(route), &stored, seed, "embeddings"));
            assert!(["ab", "ba"].contains(&plan.as_str()), "{route}: {plan}");
        }
    }
}

#[test]
fn the_idle_come_first_and_those_that_are_alike_share_evenly() {
    let mut table = busy::Table::default();
    table.take(number("a", "m"), NOW);
    table.take(number("a", "m"), NOW);
    table.take(number("c", "m"), NOW);
    let config = routed("least_busy");
    let plan = plan_of(&config, &table.write(), 1, "chat");
    let told = [("b", 0), ("c", 1), ("a", 2)];
    assert_eq!(
        plan,
        told.map(|(name, count)| (name.to_owned(), Reason::Busy(count)))
    );
    let counted = orders(&config, &table.write(), 50);
    assert_eq!(counted, BTreeMap::from([("bca".to_owned(), 50)]));
    let orders = orders(&config, &[], 6000);
    assert_eq!(orders.len(), 6);
    assert!(
        orders.values().all(|count| (850..=1150).contains(count)),
        "{orders:?}"
    );
}

#[test]
fn models_in_models_are_as_fast_and_as_busy_as_their_first_target() {
    let stored = paces(&[
        ("a", &[Sample::First(30)]),
        ("b", &[Sample::First(20)]),
        ("c", &[Sample::First(10)]),
    ]);
    let config = gateway(&json!({
        "m": {"route": "fastest", "exploration_percent": 0, "targets": [{"provider": "b", "model": "m"}, {"route_to": "inner"}]},
        "inner": {"targets": [{"provider": "a", "model": "m"}, {"provider": "c", "model": "m"}]},
    }));
    assert_eq!(names(&plan_of(&config, &stored, 1, "chat")), "bac");
}

/// One Envoy: its configuration and what its workers share.
struct Envoy {
    config: Rc<Gateway>,
    shared: Shared,
    now: u64,
}

impl Envoy {
    fn new(config: Gateway) -> Self {
        Self {
            config: Rc::new(config),
            shared: Shared::default(),
            now: NOW,
        }
    }

    fn begin(&self, stream: bool) -> Ride {
        let ride = Ride::begin(&self.config, &self.shared, self.now, stream);
        ride.unwrap()
    }

    /// What is counted at a, b and c.
    fn counts(&self) -> [u32; 3] {
        let stored = self
            .shared
            .borrow()
            .get(shared::BUSY)
            .cloned()
            .unwrap_or_default();
        let table = busy::Table::read(&stored.bytes);
        ["a", "b", "c"].map(|name| table.count(number(name, "m"), self.now))
    }

    fn pace(&self, name: &str) -> Option<pace::Pace> {
        let stored = self
            .shared
            .borrow()
            .get(shared::PACE)
            .cloned()
            .unwrap_or_default();
        pace::Table::read(&stored.bytes).pace(number(name, "m"), self.now)
    }
}

fn whole(tokens: u64) -> String {
    json!({
        "id": "x", "model": "m", "choices": [{"index": 0, "message": {"role": "assistant", "content": "h"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 5, "completion_tokens": tokens, "total_tokens": 5 + tokens},
    })
    .to_string()
}

fn busy_envoy() -> Envoy {
    Envoy::new(routed("least_busy"))
}

#[test]
fn a_request_is_counted_at_its_target_until_it_has_ended_in_whatever_way() {
    let envoy = busy_envoy();
    let mut rides: Vec<_> = (0..6).map(|_| envoy.begin(false)).collect();
    assert_eq!(envoy.counts(), [2, 2, 2]);
    let place = rides
        .iter()
        .position(|ride| ride.plan().starts_with('a'))
        .unwrap();
    // One is answered, one refused by its provider, one cut off in the middle, one whose client left before anything.
    let mut answered = rides.remove(place);
    answered.attempt();
    answered.answer("200", "application/json", &whole(3));
    assert_eq!(envoy.counts(), [2, 2, 2]);
    answered.end();
    assert_eq!(envoy.counts(), [1, 2, 2]);
    let mut refused = rides.remove(0);
    refused.attempt();
    refused.answer("400", "application/json", r#"{"error":{"message":"no"}}"#);
    refused.end();
    let mut cut = rides.remove(0);
    cut.attempt();
    cut.end();
    for ride in rides {
        ride.end();
    }
    assert_eq!(envoy.counts(), [0, 0, 0]);
    let stored = envoy.shared.borrow()[shared::BUSY].bytes.len();
    assert_eq!(stored, 1, "nothing is left");
}

#[test]
fn a_request_that_goes_on_is_counted_at_the_next_target() {
    let envoy = busy_envoy();
    let mut ride = envoy.begin(true);
    let plan = ride.plan();
    let at = |count: [u32; 3]| -> String {
        "abc"
            .chars()
            .zip(count)
            .filter(|(_, n)| *n == 1)
            .map(|(c, _)| c)
            .collect()
    };
    ride.attempt();
    assert_eq!(at(envoy.counts()), plan[..1]);
    ride.fail("503");
    assert_eq!(at(envoy.counts()), plan[1..2]);
    ride.fail("500");
    assert_eq!(at(envoy.counts()), plan[2..]);
    ride.end();
    assert_eq!(envoy.counts(), [0, 0, 0]);
}

#[test]
fn a_request_that_is_refused_before_it_is_planned_is_counted_nowhere() {
    let envoy = busy_envoy();
    let host = FakeHost::sharing(&envoy.shared);
    let mut role = Request::new(envoy.config.clone());
    assert_eq!(request(&mut role, &host, POST, &[b"{}"]), None);
    role.on_log(&host);
    assert!(envoy.shared.borrow().is_empty());
}

#[test]
fn what_a_dead_worker_has_left_is_forgotten() {
    let mut envoy = busy_envoy();
    for _ in 0..9 {
        drop(envoy.begin(false)); // its worker died: nobody is told
    }
    assert_eq!(envoy.counts(), [3, 3, 3]);
    envoy.now += 11 * 60_000;
    assert_eq!(envoy.counts(), [0, 0, 0]);
}

#[test]
fn others_who_write_at_the_same_time_lose_nothing() {
    let envoy = busy_envoy();
    let mut rides = Vec::new();
    for _ in 0..20 {
        let host = FakeHost::sharing(&envoy.shared);
        host.too_late.set(20);
        let mut role = Request::new(envoy.config.clone());
        request(&mut role, &host, POST, &[body(false).as_bytes()]).unwrap();
        rides.push((host, role));
    }
    assert_eq!(envoy.counts().iter().sum::<u32>(), 20);
    for (host, mut role) in rides {
        host.too_late.set(20);
        role.on_log(&host);
    }
    assert_eq!(envoy.counts(), [0, 0, 0]);
}

#[test]
fn a_stream_tells_its_target_s_time_to_first_token_at_once_and_the_rest_at_its_end() {
    let mut envoy = Envoy::new(routed("fastest"));
    let mut ride = envoy.begin(true);
    let name = ride.plan()[..1].to_owned();
    envoy.now += 100;
    ride.host.now_ms.set(envoy.now);
    ride.attempt();
    envoy.now += 250;
    ride.host.now_ms.set(envoy.now);
    let chunk =
        |rest: &str| format!("data: {{\"id\":\"x\",\"model\":\"m\",\"choices\":[{rest}\n\n");
    let events = chunk(r#"{"index":0,"delta":{"content":"h"}}]}"#)
        + &chunk(r#"{"index":0,"delta":{},"finish_reason":"stop"}]}"#)
        + &chunk(r#"],"usage":{"prompt_tokens":1,"completion_tokens":20,"total_tokens":21}}"#)
        + "data: [DONE]\n\n";
    ride.answer("200", "text/event-stream", &events);
    let first = pace::Pace {
        first: Some(250.0),
        token: None,
    };
    assert_eq!(envoy.pace(&name), Some(first));
    envoy.now += 400;
    ride.host.now_ms.set(envoy.now);
    ride.end();
    assert_eq!(
        envoy.pace(&name),
        Some(pace::Pace {
            token: Some(20.0),
            ..first
        })
    );
}

#[test]
fn a_whole_answer_tells_once_and_a_failed_attempt_tells_of_its_own_target() {
    let mut envoy = Envoy::new(routed("fastest"));
    let mut ride = envoy.begin(false);
    let plan = ride.plan();
    ride.attempt();
    envoy.now += 30;
    ride.host.now_ms.set(envoy.now);
    ride.fail("500");
    envoy.now += 640;
    ride.host.now_ms.set(envoy.now);
    ride.answer("200", "application/json", &whole(32));
    let late = pace::Pace {
        first: Some(10_000.0),
        token: None,
    };
    assert_eq!(
        [envoy.pace(&plan[..1]), envoy.pace(&plan[1..2])],
        [Some(late), None]
    );
    ride.end();
    let slow = pace::Pace {
        first: None,
        token: Some(20.0),
    };
    assert_eq!(
        [envoy.pace(&plan[..1]), envoy.pace(&plan[1..2])],
        [Some(late), Some(slow)]
    );
    // An answer that the client's own mistake is, says nothing.
    let mut ride = envoy.begin(false);
    let name = ride.plan()[..1].to_owned();
    ride.attempt();
    ride.answer("400", "application/json", r#"{"error":{"message":"no"}}"#);
    ride.end();
    assert_eq!(envoy.pace(&name), None);
}

#[test]
fn a_relayed_answer_tells_its_time_when_all_of_it_has_come() {
    let mut envoy = Envoy::new(routed("fastest"));
    let host = FakeHost::sharing(&envoy.shared);
    host.now_ms.set(envoy.now);
    let mut role = Request::new(envoy.config.clone());
    let head = [
        (":method", "POST"),
        (":path", "/v1/images/generations"),
        ("content-type", "application/json"),
    ];
    let body = br#"{"model":"m","prompt":"a cat"}"#;
    request(&mut role, &host, &head, &[body]).unwrap();
    let plan: Value = serde_json::from_str(&host.plan().unwrap()).unwrap();
    let name = plan[0]["provider"].as_str().unwrap().to_owned();
    host.attempt_number(1);
    let Ok(Config::Provider(config)) =
        Config::parse(br#"{"role": "provider", "dialect": "openai"}"#)
    else {
        panic!()
    };
    let mut attempt = Attempt::new(Rc::new(config));
    request(&mut attempt, &host, &head, &[body]).unwrap();
    // The headers come at once, the answer a second later.
    let lines = [(":status", "200"), ("content-type", "application/json")];
    host.set_headers(Side::Response, &lines);
    attempt.on_response_headers(&host, false);
    role.on_response_headers(&host, false);
    envoy.now += 1000;
    host.now_ms.set(envoy.now);
    let usage = br#"{"data":[],"usage":{"input_tokens":5,"output_tokens":20,"total_tokens":25}}"#;
    let size = host.more(Side::Response, usage);
    attempt.on_response_body(&host, size, true);
    role.on_response_body(&host, size, true);
    role.on_log(&host);
    let pace = envoy.pace(&name).unwrap();
    assert_eq!(pace.token, Some(50.0));
}

#[test]
fn nothing_is_written_where_no_route_can_ask_for_it() {
    let envoy = Envoy::new(routed("fallback"));
    let mut ride = envoy.begin(false);
    ride.attempt();
    ride.answer("200", "application/json", &whole(32));
    assert_eq!(ride.host.state_value("llm.held"), None);
    ride.end();
    assert!(envoy.shared.borrow().is_empty());
}

#[test]
fn a_model_that_only_a_client_names_is_counted_as_any_other_of_its_provider() {
    let config = gateway(
        &json!({"x-*": {"route": "least_busy", "targets": [{"provider": "a"}, {"provider": "b", "model": "m"}]}}),
    );
    let envoy = Envoy::new(config);
    for name in ["x-1", "x-2", "x-3", "x-4"] {
        let host = FakeHost::sharing(&envoy.shared);
        let mut role = Request::new(envoy.config.clone());
        let body =
            json!({"model": name, "messages": [{"role": "user", "content": "hi"}]}).to_string();
        request(&mut role, &host, POST, &[body.as_bytes()]).unwrap();
    }
    let stored = envoy.shared.borrow()[shared::BUSY].bytes.clone();
    let table = busy::Table::read(&stored);
    let counts =
        [("a", ""), ("b", "m")].map(|(provider, model)| table.count(number(provider, model), NOW));
    assert_eq!(counts, [2, 2]);
}
