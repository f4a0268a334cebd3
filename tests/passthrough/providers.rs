//! Who is asked: the provider of the model, or the one for requests that name none.

use crate::{FORM, JSON, ask, ask_of, attempt, form, settings};
use envoy_llm_gateway::{api::relay::Area, config::Config, provider::REGISTRY};
use serde_json::json;

#[test]
fn a_body_without_a_model_goes_to_the_default() {
    for (line, kind, body) in [
        ("POST /v1/moderations", JSON, r#"{"input":"x"}"#.to_owned()),
        ("POST /v1/images/variations", FORM, form(&[("image", "x")])),
    ] {
        let asked = ask(line, &[kind], &[body.as_bytes()]);
        assert_eq!(asked.steps(), [("openai".into(), String::new())]);
        let sent = asked.at(&mut attempt(json!({})), 1, 5).unwrap();
        assert_eq!(sent.text(), body);
        let mut settings = settings();
        settings["passthrough"] = json!({});
        let asked = ask_of(&settings, line, &[kind], &[body.as_bytes()]);
        assert_eq!(
            asked.error(),
            (400, "invalid_request".into(), Some("model".into()))
        );
        assert!(asked.message().contains("passthrough.provider"));
    }
}

#[test]
fn without_a_default_what_names_no_model_is_refused_with_the_setting_s_name() {
    let mut settings = settings();
    settings.as_object_mut().unwrap().remove("passthrough");
    let asked = ask_of(&settings, "GET /v1/files", &[], &[]);
    assert_eq!(asked.error(), (404, "unknown_url".into(), None));
    assert!(asked.message().contains("`passthrough.provider`"));
    let body = r#"{"model":"whisper-1","input":"x"}"#;
    let asked = ask_of(
        &settings,
        "POST /v1/audio/speech",
        &[JSON],
        &[body.as_bytes()],
    );
    assert_eq!(asked.steps().len(), 1, "a model needs no default");
}

#[test]
fn a_path_that_no_provider_has_is_refused() {
    for (model, want) in [
        ("claude", (400, "unsupported_parameter")),
        ("echo", (400, "unsupported_parameter")),
        ("nobody", (404, "model_not_found")),
    ] {
        let body = json!({"model": model, "input": "x"}).to_string();
        let asked = ask("POST /v1/audio/speech", &[JSON], &[body.as_bytes()]);
        assert_eq!(asked.error(), (want.0, want.1.into(), Some("model".into())));
    }
    let mut settings = settings();
    settings["providers"]["groq"] = json!({});
    settings["passthrough"]["provider"] = json!("groq");
    let asked = ask_of(&settings, "GET /v1/vector_stores", &[], &[]);
    assert_eq!(asked.error(), (404, "unknown_url".into(), None));
    assert_eq!(
        ask_of(&settings, "GET /v1/files", &[], &[]).steps()[0].0,
        "groq"
    );
}

#[test]
fn each_dialect_has_the_paths_that_it_declares() {
    let all = || {
        Area::ALL
            .iter()
            .map(|area| area.as_str())
            .collect::<Vec<_>>()
    };
    for entry in REGISTRY {
        let config = json!({
            "role": "gateway",
            "models": {"m": {"targets": [{"provider": "p"}]}},
            "providers": {"p": {"dialect": entry.name}},
        });
        let Ok(Config::Gateway(config)) = Config::parse(config.to_string().as_bytes()) else {
            panic!("{}", entry.name);
        };
        let speaks = &config.providers[0].speaks;
        let has = |area: &&Area| speaks.relays(**area, "x", "m").is_some();
        let has: Vec<_> = Area::ALL.iter().filter(has).map(|a| a.as_str()).collect();
        let want = match entry.name {
            "openai" => all(),
            "azure" => all()
                .into_iter()
                .filter(|area| !["image_variation", "moderation"].contains(area))
                .collect(),
            "groq" => vec!["speech", "transcription", "translation", "files", "batches"],
            "mistral" => vec!["transcription", "moderation", "files"],
            "together" => vec!["image_generation", "speech", "transcription", "translation"],
            "vllm" => vec!["transcription", "translation"],
            "xai" => vec!["image_generation", "image_edit"],
            _ => vec![],
        };
        assert_eq!(has, want, "{}", entry.name);
    }
}

#[test]
fn the_default_provider_must_have_something() {
    let mut settings = settings();
    settings["passthrough"]["provider"] = json!("claude");
    let problems = Config::parse(settings.to_string().as_bytes()).unwrap_err();
    assert_eq!(
        problems.iter().map(ToString::to_string).collect::<Vec<_>>(),
        [
            "$.passthrough.provider: its dialect has none of OpenAI's other paths; those that have some: azure, groq, mistral, openai, together, vllm, xai"
        ]
    );
    settings["passthrough"]["provider"] = json!("x");
    let problems = Config::parse(settings.to_string().as_bytes()).unwrap_err();
    assert_eq!(
        problems[0].to_string(),
        "$.passthrough.provider: no provider \"x\"; configured: claude, openai, spare"
    );
}

#[test]
fn an_attempt_at_a_provider_without_the_path_is_refused() {
    let asked = ask("GET /v1/files", &[], &[]);
    let mut attempt = attempt(json!({"dialect": "vllm"}));
    assert!(asked.at(&mut attempt, 1, 1).is_none());
    assert_eq!(asked.error().0, 400);
}
