//! What an attempt sends: the method, the path, the headers and the body as the client sent them, but for what belongs
//! to the gateway.

use crate::{FORM, JSON, SPEECH, ask, attempt, form, lines};
use serde_json::json;

#[test]
fn an_upload_passes_piece_by_piece_and_is_never_held() {
    let body = form(&[("purpose", "batch"), ("file", &"x".repeat(500))]);
    let chunks: Vec<_> = body.as_bytes().chunks(100).collect();
    let length = body.len().to_string();
    let asked = ask(
        "POST /v1/files?x=1&api-version=2&y=2",
        &[FORM, ("content-length", &length), ("accept", "a/b")],
        &chunks,
    );
    let passed = asked.passed();
    assert_eq!((passed.held, passed.text()), (0, body.clone()));
    assert_eq!(passed.header("x-envoy-max-retries"), Some("0"));
    assert_eq!(passed.header("x-llm-unbuffered"), Some("1"));
    assert_eq!(
        passed.header("x-envoy-upstream-rq-per-try-timeout-ms"),
        Some("30000")
    );
    assert_eq!(passed.header("authorization"), None);
    assert_eq!(asked.steps(), [("openai".into(), String::new())]);
    let mut attempt =
        attempt(json!({"host": "api.example", "base_path": "/p/v1", "headers": {"x-extra": "1"}}));
    let sent = asked.at(&mut attempt, 1, 100).unwrap();
    let want = [
        (":method", "POST"),
        (":scheme", "http"),
        (":authority", "api.example"),
        (":path", "/p/v1/files?x=1&y=2"),
        FORM,
        ("content-length", &length),
        ("accept", "a/b"),
        ("accept-encoding", "identity"),
        ("x-extra", "1"),
    ];
    assert_eq!(sent.headers, lines(&want));
    assert_eq!((sent.held, sent.text()), (0, body));
    assert_eq!(
        asked.host.state_value("llm.operation").as_deref(),
        Some("files")
    );
    assert_eq!(asked.host.state_value("llm.model"), None);
}

#[test]
fn a_request_without_a_body_passes_with_its_method() {
    for line in [
        "GET /v1/files",
        "DELETE /v1/files/file-1",
        "GET /v1/files/file-1/content",
        "GET /v1/batches?limit=2",
        "POST /v1/batches/b_1/cancel",
        "GET /v1/vector_stores/vs_1/files/f/content",
        "GET /v1/fine_tuning/jobs/j/events",
    ] {
        let asked = ask(line, &[("openai-beta", "assistants=v2")], &[]);
        let sent = asked.at(&mut attempt(json!({})), 1, 1).unwrap();
        let (method, path) = line.split_once(' ').unwrap();
        let want = [
            (":method", method),
            (":scheme", "http"),
            (":authority", "gateway.local"),
            (":path", path),
            ("accept", "*/*"),
            ("accept-encoding", "identity"),
            ("openai-beta", "assistants=v2"),
        ];
        assert_eq!(sent.headers, lines(&want), "{line}");
    }
}

#[test]
fn a_json_body_goes_where_its_model_leads_and_only_the_name_changes() {
    let body = r#"{"prompt":"a \u00e9", "model" : "picture", "n":1e0}"#;
    let asked = ask("POST /v1/images/generations", &[JSON], &[body.as_bytes()]);
    assert_eq!(
        asked.steps(),
        [
            ("openai".into(), "gpt-image-1".into()),
            ("spare".into(), "picture".into())
        ],
        "Anthropic has no such path"
    );
    assert_eq!(asked.passed().header("x-envoy-max-retries"), Some("1"));
    assert_eq!(asked.passed().header("x-llm-unbuffered"), None);
    for (number, model) in [(1, "gpt-image-1"), (2, "picture")] {
        for size in [1, 7, 1000] {
            let sent = asked.at(&mut attempt(json!({})), number, size).unwrap();
            assert_eq!(sent.text(), body.replace("picture", model));
            let length = sent.body.len().to_string();
            assert_eq!(sent.header("content-length"), Some(length.as_str()));
            assert_eq!(sent.header(":path"), Some("/v1/images/generations"));
        }
    }
    assert_eq!(
        asked.host.state_value("llm.model").as_deref(),
        Some("picture")
    );
    assert_eq!(
        asked.host.state_value("llm.route").as_deref(),
        Some("picture:fallback")
    );
}

#[test]
fn a_body_goes_on_as_what_it_was_read_as() {
    let body = form(&[("model", "whisper-1")]);
    let forms = [
        ("multipart/form-data; charset=cp037; boundary=b1", FORM.1),
        (
            "Multipart/Form-Data; boundary=\"b1\"; boundary*=utf-8''b2",
            FORM.1,
        ),
        (
            "multipart/form-data; boundary=\"b 1\"",
            "multipart/form-data; boundary=\"b 1\"",
        ),
    ];
    for (kind, want) in forms {
        let body = body.replace("--b1", if want == FORM.1 { "--b1" } else { "--b 1" });
        let asked = ask(
            "POST /v1/audio/transcriptions",
            &[("content-type", kind)],
            &[body.as_bytes()],
        );
        let sent = asked.at(&mut attempt(json!({})), 1, 1000).unwrap();
        assert_eq!(sent.header("content-type"), Some(want), "{kind}");
    }
    let kind = ("content-type", "application/json; charset=utf-7");
    let asked = ask("POST /v1/images/generations", &[kind], &[SPEECH]);
    let sent = asked.at(&mut attempt(json!({})), 1, 1000).unwrap();
    assert_eq!(sent.header("content-type"), Some("application/json"));
}

#[test]
fn the_version_of_an_interface_is_the_gateway_s_to_say() {
    for query in [
        "api-version=1",
        "Api-Version=1",
        "api%2Dversion=1&api-version",
    ] {
        let asked = ask(&format!("GET /v1/files?{query}&a=api-version"), &[], &[]);
        let sent = asked.at(&mut attempt(json!({})), 1, 1).unwrap();
        assert_eq!(sent.header(":path"), Some("/v1/files?a=api-version"));
    }
}
