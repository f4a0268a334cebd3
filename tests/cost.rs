//! What answers cost, from each provider's own usage to whole micro-dollars, by numbers worked out by hand.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod support;

use envoy_llm_gateway::{
    api::answer::Usage,
    catalogue::{Catalogue, Prices, Rates},
    config::Config,
    gateway::Request,
    host::Stream,
    log::{Used, cost},
    provider::REGISTRY,
};
use serde_json::{Value, json};
use std::{collections::BTreeSet, rc::Rc};
use support::{FakeHost, fixtures, request, response};

/// Whole micro-dollars per token: no rounding hides a token that is counted twice.
const RATES: Rates = Rates {
    input: Some(100_000_000),
    output: Some(1_000_000_000),
    cached_input: Some(10_000_000),
    cache_write: Some(125_000_000),
    cache_write_1h: Some(200_000_000),
    reasoning: None,
    input_audio: None,
    output_audio: None,
    cached_audio: None,
    input_image: None,
    output_image: None,
    search: Some(50_000_000),
};

/// Fixture, and what its answer costs: 100 a prompt token, 10 a cached one, 125 and 200 a written one, 1000 an answer's,
/// 50 a search.
const ANSWERS: &[(&str, u64)] = &[
    // 19, of them 8 cached; 10, reasoning inside.
    ("openai/whole", 1100 + 80 + 10_000),
    ("openai/stream", 1100 + 80 + 10_000),
    ("openai/messages-reasoning", 1100 + 80 + 10_000),
    ("openai/responses-pass", 1100 + 80 + 10_000),
    ("openai/responses-pass-stream", 1100 + 80 + 10_000),
    ("openai/completions", 500 + 3000),
    ("openai/embed", 800),
    ("azure/whole", 1100 + 80 + 10_000),
    ("azure/embed", 100),
    // Input excludes what the cache gave and took: 3, 100 written, 2000 read; 6.
    ("anthropic/cache", 300 + 12_500 + 20_000 + 6000),
    ("anthropic/cache-stream", 500 + 12_500 + 20_000 + 6000),
    ("anthropic/messages-pass", 1200 + 40 + 6000),
    ("anthropic-bedrock/whole", 1200 + 625 + 300 + 7000),
    ("anthropic-vertex/whole", 1200 + 625 + 300 + 7000),
    // 3, 1000 read, 200 written for an hour; 2.
    ("bedrock/cache", 300 + 10_000 + 40_000 + 2000),
    ("bedrock/embed-titan", 300),
    ("bedrock/embed-cohere", 900),
    // 1200 with 1024 cached, 10 for tools; 40 and 160 thoughts beside them.
    ("gemini/thinking", 18_600 + 10_240 + 200_000),
    ("gemini/whole", 500 + 3000),
    ("gemini/embed", 400),
    ("vertex/whole", 500 + 3000),
    ("vertex/embed-one", 300),
    // Reasoning stands beside the completion, or inside: 94 of 103 either way.
    ("xai/whole", 2600 + 60 + 103_000),
    ("xai/stream", 2600 + 60 + 103_000),
    ("xai/whole-reasoning-inside", 2600 + 60 + 103_000),
    // 30, of them 20 in DeepSeek's own field; 25, reasoning inside.
    ("deepseek/whole", 1000 + 200 + 25_000),
    ("deepseek/stream", 1000 + 200 + 25_000),
    // OpenRouter says what it charged: 0.00051 dollars.
    ("openrouter/whole", 510),
    ("openrouter/stream", 510),
    ("mistral/whole", 1200 + 30_000),
    ("mistral/thinking-stream", 1200 + 30_000),
    ("together/whole", 1200 + 5000),
    ("fireworks/whole", 400 + 80 + 5000),
    ("groq/whole", 1200 + 25_000),
    ("groq/stream-no-usage", 1200 + 25_000),
    ("ollama/whole", 1200 + 5000),
    ("vllm/whole", 1200 + 5000),
    // 71 and 5 were read and written, 11 and 3 are billed.
    ("cohere/whole", 1100 + 3000),
    ("cohere/stream", 1100 + 3000),
    ("cohere/only-billed-units", 500 + 6000),
    ("cohere/embed", 700),
    ("cohere/rerank", 50),
];

/// Attempts that failed after something was used.
const FAILED: &[(&str, u64)] = &[
    ("anthropic/stream-error-first", 1200 + 1000),
    ("anthropic/messages-stream-error-first", 1200 + 40 + 1000),
    ("gemini/malformed-call", 500 + 3000),
    ("cohere/finish-error", 1100 + 3000),
    ("openrouter/error-in-choice", 510),
];

fn micros(usage: &Usage) -> u64 {
    cost::told(usage).unwrap_or_else(|| cost::micros(usage, &Prices::new(RATES)).unwrap())
}

#[test]
fn every_provider_s_usage_gives_the_cost_that_was_worked_out_by_hand() {
    let cases = fixtures::all();
    let mut wrong = Vec::new();
    for (name, want) in ANSWERS {
        let case = cases.iter().find(|case| case.name == *name);
        let case = case.unwrap_or_else(|| panic!("there is no {name}"));
        for cuts in [vec![], case.all_cuts()] {
            let host = FakeHost::default();
            case.run_on(&host, &cuts);
            let used = Used::load(&host).map(|used| (micros(&used.usage), used.usage));
            if used.map(|(micros, _)| micros) != Some(*want) {
                wrong.push(format!("{name}: want {want}, got {used:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let priced: BTreeSet<_> = ANSWERS
        .iter()
        .map(|(name, _)| name.split('/').next().unwrap())
        .collect();
    let dialects: BTreeSet<_> = REGISTRY.iter().map(|entry| entry.name).collect();
    assert_eq!(priced, dialects, "every dialect has its cost worked out");
}

#[test]
fn a_failed_attempt_remembers_what_it_used() {
    let cases = fixtures::all();
    for (name, want) in FAILED {
        let case = cases.iter().find(|case| case.name == *name).unwrap();
        for cuts in [vec![], case.all_cuts()] {
            let host = FakeHost::default();
            assert!(case.run_on(&host, &cuts).failed, "{name}");
            assert_eq!(Used::load(&host), None, "{name}");
            let attempts: Value =
                serde_json::from_str(&host.state_value("llm.attempts").unwrap()).unwrap();
            let usage: Usage = serde_json::from_value(attempts[0]["used"].clone())
                .unwrap_or_else(|why| panic!("{name}: {why}: {attempts}"));
            assert_eq!(micros(&usage), *want, "{name}: {usage:?}");
        }
    }
}

/// The gateway role's settings in these tests.
fn settings(model_info: &Value) -> Value {
    json!({
        "role": "gateway",
        "models": {"m": {"targets": [{"provider": "openai", "model": "gpt-4o"}, {"provider": "azure", "model": "prod-chat"}]}},
        "providers": {"openai": {}, "azure": {}},
        "model_info": model_info,
    })
}

/// What the record says at the end of a request whose attempts left this behind.
struct End {
    cost: Option<String>,
    waste: Option<String>,
    price: Option<String>,
    attempts: Value,
    counters: Vec<(String, i64)>,
}

fn ended(model_info: &Value, states: &[(&str, Value)], complete: bool, status: &str) -> End {
    let config = match Config::parse(settings(model_info).to_string().as_bytes()) {
        Ok(Config::Gateway(config)) => Rc::new(config),
        other => panic!("{other:?}"),
    };
    let host = FakeHost::default();
    let mut gateway = Request::new(config);
    let body = json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]}).to_string();
    let head = [
        (":method", "POST"),
        (":path", "/v1/chat/completions"),
        ("content-type", "application/json"),
    ];
    request(&mut gateway, &host, &head, &[body.as_bytes()]).unwrap();
    for (key, value) in states {
        host.state
            .borrow_mut()
            .insert((*key).to_owned(), value.to_string());
    }
    let head = [(":status", status), ("x-llm-provider", "openai")];
    if complete {
        response(&mut gateway, &host, &head, &[b"{}"]);
    } else {
        host.set_headers(envoy_llm_gateway::host::Side::Response, &head);
        gateway.on_response_headers(&host, false);
        let details = b"downstream_remote_disconnect".to_vec();
        host.properties
            .borrow_mut()
            .insert("response.code_details".into(), details);
    }
    gateway.on_log(&host);
    let attempts = host
        .state_value("llm.attempts")
        .unwrap_or_else(|| "null".into());
    End {
        cost: host.state_value("llm.cost_usd_micros"),
        waste: host.state_value("llm.waste_usd_micros"),
        price: host.state_value("llm.price"),
        attempts: serde_json::from_str(&attempts).unwrap(),
        counters: host
            .counters
            .borrow()
            .iter()
            .map(|(name, count)| (name.clone(), *count))
            .collect(),
    }
}

fn used(
    provider: &str,
    model: &str,
    served: &str,
    attempt: u64,
    usage: Value,
) -> (&'static str, Value) {
    let used = json!({"provider": provider, "model": model, "served": served, "attempt": attempt, "usage": usage});
    ("llm.used", used)
}

fn failed(used: Value) -> Value {
    json!({"provider": "openai", "model": "gpt-4o", "status": 200, "ms": 5, "reason": "overloaded", "at_ms": 0, "used": used})
}

#[test]
fn an_answer_is_charged_by_the_model_that_served_it() {
    let usage = json!({"input": 1000, "output": 100});
    // gpt-4o: 2.5 and 10; its version of May 2024: 5 and 15.
    let end = ended(
        &json!({}),
        &[used(
            "openai",
            "gpt-4o",
            "gpt-4o-2024-05-13",
            1,
            usage.clone(),
        )],
        true,
        "200",
    );
    assert_eq!(
        (end.cost.as_deref(), end.price.as_deref()),
        (Some("6500"), Some("known"))
    );
    assert_eq!((end.waste, end.counters), (None, vec![]));
    let end = ended(
        &json!({}),
        &[used("openai", "gpt-4o", "unheard-of", 1, usage.clone())],
        true,
        "200",
    );
    assert_eq!(end.cost.as_deref(), Some("3500"));
    // An Azure deployment that is called anything, served as it says.
    let end = ended(
        &json!({}),
        &[used("azure", "prod-chat", "gpt-4o-2024-08-06", 1, usage)],
        true,
        "200",
    );
    assert_eq!(end.cost.as_deref(), Some("3500"));
}

#[test]
fn an_unknown_price_costs_nothing_but_a_count() {
    let usage = json!({"input": 1000, "output": 100});
    let end = ended(
        &json!({}),
        &[used("azure", "prod-chat", "", 1, usage.clone())],
        true,
        "200",
    );
    assert_eq!((end.cost, end.price.as_deref()), (None, Some("unknown")));
    assert_eq!(end.counters, [("llm.price_unknown".to_owned(), 1)]);
    let end = ended(&json!({}), &[], true, "200");
    assert_eq!(
        (end.cost, end.price, end.counters),
        (None, None, vec![("llm.usage_unknown".to_owned(), 1)])
    );
    let told = json!({"input": 1000, "output": 100, "charged_pico": 1_499_999});
    let end = ended(
        &json!({}),
        &[used("azure", "prod-chat", "", 1, told)],
        true,
        "200",
    );
    assert_eq!(
        (end.cost.as_deref(), end.price.as_deref()),
        (Some("1"), Some("told"))
    );
    assert_eq!(end.counters, []);
}

#[test]
fn the_configuration_knows_better() {
    let usage = json!({"input": 1000, "output": 100, "cached": 400});
    let cost = |info: Value, provider: &str, model: &str, served: &str| {
        ended(
            &info,
            &[used(provider, model, served, 1, usage.clone())],
            true,
            "200",
        )
        .cost
    };
    let deployment = json!({"azure/prod-chat": {"like": "gpt-4o"}});
    assert_eq!(
        cost(deployment, "azure", "prod-chat", ""),
        Some((1500 + 500 + 1000).to_string())
    );
    let own = json!({"gpt-4o": {"input_usd_per_million": "2.000001", "output_usd_per_million": 8}});
    // 1000 at 2.000001 and 100 at 8; what the cache gave has no price of its own.
    assert_eq!(
        cost(own, "openai", "gpt-4o", "gpt-4o-2024-08-06"),
        Some((2000 + 800).to_string())
    );
    let free = json!({"openai/*": {"free": true}});
    assert_eq!(cost(free, "openai", "gpt-4o", ""), Some("0".into()));
    let steps = json!({"gpt-4o": {"like": "gpt-4o", "output_usd_per_million": 20, "above": [{"tokens": 999, "input_usd_per_million": 4}]}});
    assert_eq!(
        cost(steps, "openai", "gpt-4o", ""),
        Some((2400 + 500 + 2000).to_string())
    );
}

#[test]
fn failed_attempts_that_used_something_are_waste() {
    let first = failed(json!({"input": 4000, "output": 0}));
    let attempts = json!([first, {"provider": "azure", "model": "prod-chat", "status": 200, "ms": 9, "reason": null, "at_ms": 6}]);
    let answer = used(
        "azure",
        "prod-chat",
        "gpt-4o",
        2,
        json!({"input": 4000, "output": 10}),
    );
    let end = ended(
        &json!({}),
        &[("llm.attempts", attempts), answer],
        true,
        "200",
    );
    assert_eq!(
        (end.cost.as_deref(), end.waste.as_deref()),
        (Some("10100"), Some("10000"))
    );
    assert_eq!(end.attempts[0]["waste_usd_micros"], 10_000);
    assert_eq!(end.attempts[1].get("waste_usd_micros"), None);

    // The answer itself says nothing of what it used.
    let silent = json!([failed(json!({"input": 4000, "output": 0})), {"provider": "azure", "model": "prod-chat", "status": 200, "ms": 5, "reason": null, "at_ms": 0}]);
    let end = ended(&json!({}), &[("llm.attempts", silent)], true, "200");
    assert_eq!((end.cost, end.waste.as_deref()), (None, Some("10000")));

    let both = json!([
        failed(json!({"input": 4000, "output": 0})),
        failed(json!({"input": 400, "output": 1}))
    ]);
    let end = ended(&json!({}), &[("llm.attempts", both)], true, "503");
    assert_eq!((end.cost, end.price), (None, None));
    assert_eq!(end.waste.as_deref(), Some("11010"));
}

#[test]
fn a_client_who_leaves_is_charged_by_what_was_seen() {
    let answer = used(
        "openai",
        "gpt-4o",
        "gpt-4o",
        1,
        json!({"input": 4000, "output": 7}),
    );
    let end = ended(&json!({}), &[answer], false, "200");
    assert_eq!((end.cost.as_deref(), end.waste), (Some("10070"), None));
    // Before the first token: the attempt had been told what it read.
    let waiting = json!([{"provider": "openai", "model": "gpt-4o", "status": null, "ms": null, "reason": null, "at_ms": 0, "used": {"input": 4000, "output": 0}}]);
    let end = ended(&json!({}), &[("llm.attempts", waiting)], false, "0");
    assert_eq!((end.cost.as_deref(), end.waste), (Some("10000"), None));
    assert_eq!(end.attempts[0]["reason"], "cancelled");
}

#[test]
fn the_list_is_what_its_source_says() {
    let source: Value = serde_json::from_str(include_str!("../data/models.json")).unwrap();
    let list = Catalogue::built_in();
    let day: u32 = source["date"]
        .as_str()
        .unwrap()
        .replace('-', "")
        .parse()
        .unwrap();
    assert_eq!(list.date(), day);
    let models = source["models"].as_array().unwrap();
    assert_eq!(list.len(), models.len());
    for model in models {
        let name = |key: &str| model[key].as_str().unwrap().to_owned();
        let found = list
            .find(&name("provider"), &name("model"))
            .unwrap_or_else(|| panic!("{model}"));
        assert_eq!(
            found.context_window,
            model["context_window"].as_u64(),
            "{model}"
        );
        assert_eq!(
            found.max_input,
            model["max_input_tokens"].as_u64(),
            "{model}"
        );
        assert_eq!(
            found.max_output,
            model["max_output_tokens"].as_u64(),
            "{model}"
        );
        let rates = &model["usd_per_million"];
        let standard = found
            .prices
            .as_ref()
            .map(|prices| *prices.standard())
            .unwrap_or_default();
        for (rate, key) in [
            (standard.input, "input"),
            (standard.output, "output"),
            (standard.cached_input, "cached_input"),
            (standard.cache_write, "cache_write"),
            (standard.cache_write_1h, "cache_write_1h"),
            (standard.search, "search"),
        ] {
            let dollars = rate.map(|pico| format!("{}.{:06}", pico / 1_000_000, pico % 1_000_000));
            let dollars =
                dollars.map(|text| text.trim_end_matches('0').trim_end_matches('.').to_owned());
            assert_eq!(dollars.as_deref(), rates[key].as_str(), "{key} of {model}");
        }
    }
}
