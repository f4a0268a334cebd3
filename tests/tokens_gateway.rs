//! What the gateway role does with a count: the check of the length, and limits to lower.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod support;

use envoy_llm_gateway::{config::Config, gateway::Request, plan::HandOver};
use serde_json::{Value, json};
use std::rc::Rc;
use support::{FakeHost, request};

/// Sends a request to a path; `on`: what becomes of one that is too long.
fn asked(on: &str, path: &str, body: &Value) -> FakeHost {
    let settings = json!({
        "role": "gateway",
        "models": {
            "small-large": {"targets": [{"provider": "openai", "model": "gpt-4"}, {"provider": "openai", "model": "gpt-4o"}]},
            "openai/*": {"targets": [{"provider": "openai"}]},
            "azure/*": {"targets": [{"provider": "azure"}]},
            "anthropic/*": {"targets": [{"provider": "anthropic"}]},
        },
        "providers": {"openai": {}, "azure": {}, "anthropic": {}},
        "model_info": {
            "anthropic/tiny": {"context_window": 1000, "max_output_tokens": 10},
            "azure/mine": {"context_window": 100},
        },
        "on_context_length": on,
        "cap_max_tokens": true,
    });
    let config = match Config::parse(settings.to_string().as_bytes()) {
        Ok(Config::Gateway(config)) => config,
        other => panic!("{other:?}"),
    };
    let (host, mut gateway) = (FakeHost::default(), Request::new(Rc::new(config)));
    let head = [
        (":method", "POST"),
        (":path", path),
        ("content-type", "application/json"),
    ];
    request(&mut gateway, &host, &head, &[body.to_string().as_bytes()]);
    host
}

fn chat(model: &str, words: usize, more: Value) -> Value {
    let mut body =
        json!({"model": model, "messages": [{"role": "user", "content": "word ".repeat(words)}]});
    let more = more.as_object().unwrap().clone();
    body.as_object_mut().unwrap().extend(more);
    body
}

/// `Ok` with the models that were planned, or the message of the refusal.
fn outcome(host: &FakeHost) -> Result<Vec<String>, String> {
    if let Some(reply) = host.replies.borrow().first() {
        let body: Value = serde_json::from_str(&reply.body).unwrap();
        assert_eq!(reply.status, 400);
        assert_eq!(body["error"]["code"], "context_length_exceeded");
        return Err(body["error"]["message"].as_str().unwrap().to_owned());
    }
    let plan = HandOver::load(host).unwrap();
    assert_eq!(plan.tokens.len(), plan.steps.len());
    Ok(plan.steps.iter().map(|step| step.model.clone()).collect())
}

fn told(on: &str, body: &Value) -> Result<Vec<String>, String> {
    outcome(&asked(on, "/v1/chat/completions", body))
}

#[test]
fn an_exact_count_is_taken_at_its_word() {
    // "word " n times is n + 1 tokens, its frame seven more.
    let fits = |words, more| told("refuse", &chat("openai/gpt-4", words, more));
    assert_eq!(fits(8184, json!({})), Ok(vec!["gpt-4".into()]));
    assert_eq!(
        fits(8185, json!({})).unwrap_err(),
        "This model's maximum context length is 8192 tokens. However, your messages resulted in 8193 tokens. Please reduce the length of the messages or choose a model with a longer context than `gpt-4`."
    );
    assert!(fits(8000, json!({"max_tokens": 184})).is_ok());
    assert_eq!(
        fits(8000, json!({"max_tokens": 185})).unwrap_err(),
        "This model's maximum context length is 8192 tokens. However, you requested 8193 tokens (8008 in the messages, 185 in the completion). Please reduce the length of the messages or completion, or choose a model with a longer context than `gpt-4`."
    );
}

#[test]
fn what_becomes_of_it_is_configured() {
    let body = chat("small-large", 9000, json!({}));
    assert!(told("refuse", &body).is_err());
    assert_eq!(told("route_on", &body), Ok(vec!["gpt-4o".into()]));
    assert_eq!(
        told("ignore", &body),
        Ok(vec!["gpt-4".into(), "gpt-4o".into()])
    );
    assert!(told("route_on", &chat("openai/gpt-4", 9000, json!({}))).is_err());
}

#[test]
fn an_uncertain_count_refuses_only_what_is_far_too_long() {
    let fits = |words| told("refuse", &chat("anthropic/tiny", words, json!({})));
    // An unknown model: 30 per cent off either way.
    assert!(fits(1500).is_ok());
    let message = fits(1700).unwrap_err();
    assert!(
        message.contains("resulted in about 1708 tokens"),
        "{message}"
    );
}

#[test]
fn what_is_shortened_embedded_or_named_by_its_owner_is_not_checked() {
    let long = |more| told("refuse", &chat("openai/gpt-4", 9000, more));
    assert!(long(json!({"truncation": "auto"})).is_ok());
    assert!(long(json!({"truncation": "disabled"})).is_err());
    let many =
        json!({"model": "openai/text-embedding-3-small", "input": vec!["word ".repeat(1000); 20]});
    assert!(outcome(&asked("refuse", "/v1/embeddings", &many)).is_ok());
    assert!(told("refuse", &chat("azure/gpt-4", 9000, json!({}))).is_ok());
    assert!(told("refuse", &chat("azure/mine", 9000, json!({}))).is_err());
    // A beta makes it longer.
    assert!(
        told(
            "refuse",
            &chat("anthropic/claude-sonnet-4-5", 300_000, json!({}))
        )
        .is_ok()
    );
}

#[test]
fn limits_are_lowered_to_what_each_model_gives() {
    let caps = |model: &str, more: Value| {
        let host = asked("ignore", "/v1/chat/completions", &chat(model, 1, more));
        HandOver::load(&host).unwrap().caps.clone()
    };
    assert_eq!(
        caps("anthropic/tiny", json!({"max_tokens": 11})),
        [Some(10)]
    );
    assert_eq!(caps("anthropic/tiny", json!({"max_tokens": 10})), []);
    assert_eq!(caps("anthropic/tiny", json!({})), []);
    let both = caps("small-large", json!({"max_completion_tokens": 10_000}));
    assert_eq!((both.len(), both[1]), (2, None));
    assert!(both[0].is_some_and(|most| most < 10_000));
}
