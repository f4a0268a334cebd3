//! What a client with leave chooses by headers where no model is named.

use crate::{ask_of, settings};
use serde_json::{Value, json};

/// `GET /v1/files` of a client that may choose, with these headers; its error, or the provider and its time.
fn chosen(settings: &Value, own: &[(&str, &str)]) -> Result<(String, String), (u16, String)> {
    let asked = ask_of(settings, "GET /v1/files", own, &[]);
    let Some(passed) = &asked.passed else {
        let (status, _, param) = asked.error();
        return Err((status, param.unwrap_or_default()));
    };
    let time = passed.header("x-envoy-upstream-rq-per-try-timeout-ms");
    let steps = asked.steps();
    assert_eq!(steps.len(), 1);
    Ok((steps[0].0.clone(), time.unwrap().to_owned()))
}

#[test]
fn a_client_with_leave_chooses_the_provider_and_its_patience_where_no_model_is_named() {
    let mut settings = settings();
    settings["overrides"] = json!(true);
    let chosen = |own: &[(&str, &str)]| chosen(&settings, own);
    let at = |provider: &str, ms: &str| Ok((provider.to_owned(), ms.to_owned()));
    assert_eq!(chosen(&[]), at("openai", "30000"));
    assert_eq!(
        chosen(&[("x-llm-provider", "spare"), ("x-llm-timeout", "5s")]),
        at("spare", "5000")
    );
    // It can only be shorter, and there is one attempt anyhow.
    assert_eq!(
        chosen(&[("x-llm-timeout", "5m"), ("x-llm-attempts", "3")]),
        at("openai", "30000")
    );
}

#[test]
fn what_cannot_be_chosen_where_no_model_is_named_is_refused() {
    let mut settings = settings();
    settings["overrides"] = json!(true);
    for (own, param) in [
        (("x-llm-provider", "nobody"), "x-llm-provider"),
        // It has no files.
        (("x-llm-provider", "claude"), "x-llm-provider"),
        (("x-llm-route", "weighted"), "x-llm-route"),
        (("x-llm-timeout", "soon"), "x-llm-timeout"),
        (("x-llm-attempts", "0"), "x-llm-attempts"),
    ] {
        assert_eq!(chosen(&settings, &[own]), Err((400, param.to_owned())));
    }
    // Labels hold for what is chosen, and without leave nothing is.
    settings["rules"] = json!([{"name": "r", "when": {}, "require": {"region": "eu"}}]);
    settings["providers"]["spare"]["labels"] = json!({"region": "eu"});
    let spare = [("x-llm-provider", "spare")];
    assert_eq!(chosen(&settings, &[]), Err((403, String::new())));
    assert_eq!(chosen(&settings, &spare).unwrap().0, "spare");
    settings["overrides"] = json!(false);
    assert_eq!(chosen(&settings, &spare), Err((403, String::new())));
}

#[test]
fn a_client_with_leave_needs_no_default_provider() {
    let mut settings = settings();
    settings["overrides"] = json!(true);
    settings["passthrough"] = json!({});
    let spare = [("x-llm-provider", "spare")];
    assert_eq!(chosen(&settings, &spare).unwrap().0, "spare");
    assert_eq!(chosen(&settings, &[]), Err((404, String::new())));
}
