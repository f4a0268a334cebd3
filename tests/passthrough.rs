//! OpenAI's other paths, through both roles on a fake host.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod support;

use envoy_llm_gateway::{
    api::relay::Area,
    attempt::Attempt,
    config::Config,
    gateway::Request,
    host::{Side, Stream},
    provider::REGISTRY,
};
use serde_json::{Value, json};
use std::rc::Rc;
use support::{FakeHost, Passed, request, response};

/// SHA-256 of `key-of-support`.
const SUPPORT: &str = "6c1d08605eebfcd189e3418495e40f805691fea957334c09ede6cc3683b1464b";

fn settings() -> Value {
    json!({
        "role": "gateway",
        "models": {
            "picture": {"targets": [{"provider": "claude", "model": "c"}, {"provider": "openai", "model": "gpt-image-1"}, {"provider": "spare"}]},
            "whisper-1": {"targets": [{"provider": "openai"}]},
            "whisper-large": {"targets": [{"provider": "openai", "model": "whisper-1"}, {"provider": "spare", "model": "w"}]},
            "claude": {"targets": [{"provider": "claude"}]},
        },
        "providers": {
            "claude": {"dialect": "anthropic"},
            "openai": {},
            "spare": {"dialect": "openai", "cluster": "c-spare"},
        },
        "passthrough": {"provider": "openai", "body_limit_bytes": 2000},
        "body_limit_bytes": 1000,
        "answer_timeout": "30s",
    })
}

fn gateway(settings: &Value) -> Request {
    match Config::parse(settings.to_string().as_bytes()) {
        Ok(Config::Gateway(config)) => Request::new(Rc::new(config)),
        other => panic!("{other:?}"),
    }
}

fn attempt(settings: Value) -> Attempt {
    let mut all = json!({"role": "provider", "dialect": "openai"});
    let more = settings.as_object().unwrap().clone();
    all.as_object_mut().unwrap().extend(more);
    match Config::parse(all.to_string().as_bytes()) {
        Ok(Config::Provider(config)) => Attempt::new(Rc::new(config)),
        other => panic!("{other:?}"),
    }
}

const LINES: &[(&str, &str)] = &[
    (":scheme", "http"),
    (":authority", "gateway.local"),
    ("x-request-id", "id-1"),
    ("authorization", "Bearer key-of-support"),
    ("user-agent", "OpenAI/Python"),
    ("cookie", "a=b"),
    ("x-llm-plan", "mine"),
    ("x-llm-unbuffered", "mine"),
];

/// One request at the gateway role.
struct Asked {
    host: FakeHost,
    gateway: Request,
    passed: Option<Passed>,
}

fn ask_of(settings: &Value, line: &str, headers: &[(&str, &str)], chunks: &[&[u8]]) -> Asked {
    let host = FakeHost::default();
    let mut gateway = gateway(settings);
    let (method, path) = line.split_once(' ').unwrap();
    let mut lines = vec![(":method", method), (":path", path)];
    lines.extend(LINES);
    lines.extend(headers);
    let passed = request(&mut gateway, &host, &lines, chunks);
    Asked {
        host,
        gateway,
        passed,
    }
}

fn ask(line: &str, headers: &[(&str, &str)], chunks: &[&[u8]]) -> Asked {
    ask_of(&settings(), line, headers, chunks)
}

impl Asked {
    fn passed(&self) -> &Passed {
        self.passed
            .as_ref()
            .unwrap_or_else(|| panic!("{:?}", self.host.replies.borrow()))
    }

    fn steps(&self) -> Vec<(String, String)> {
        let plan: Value = serde_json::from_str(&self.host.plan().unwrap()).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let step = |step: &Value| (text(&step["provider"]), text(&step["model"]));
        plan.as_array().unwrap().iter().map(step).collect()
    }

    fn error(&self) -> (u16, String, Option<String>) {
        let replies = self.host.replies.borrow();
        let reply = replies.last().expect("no reply");
        let body: Value = serde_json::from_str(&reply.body).unwrap();
        let text = |key: &str| body["error"][key].as_str().map(str::to_owned);
        (reply.status, text("code").unwrap(), text("param"))
    }

    fn message(&self) -> String {
        let replies = self.host.replies.borrow();
        let body: Value = serde_json::from_str(&replies.last().unwrap().body).unwrap();
        body["error"]["message"].as_str().unwrap().to_owned()
    }

    /// The same request at an attempt, its body cut into pieces of `size`.
    fn at(&self, attempt: &mut Attempt, number: u64, size: usize) -> Option<Passed> {
        self.host.attempt_number(number);
        let passed = self.passed();
        let lines: Vec<_> = passed
            .headers
            .iter()
            .map(|(n, v)| (n.as_str(), v.as_str()))
            .collect();
        let chunks: Vec<_> = passed.body.chunks(size).collect();
        request(attempt, &self.host, &lines, &chunks)
    }
}

fn lines(of: &[(&str, &str)]) -> Vec<(String, String)> {
    of.iter()
        .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
        .collect()
}

const FORM: (&str, &str) = ("content-type", "multipart/form-data; boundary=b1");

fn form(fields: &[(&str, &str)]) -> String {
    let part = |(name, value): &(&str, &str)| {
        format!("--b1\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    fields.iter().map(part).collect::<String>() + "--b1--\r\n"
}

const JSON: (&str, &str) = ("content-type", "application/json");

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
fn a_form_is_held_until_its_model_has_come() {
    let fields = [
        ("a", "1"),
        ("model", "whisper-large"),
        ("file", &"x".repeat(400)),
    ];
    let body = form(&fields);
    let length = body.len().to_string();
    let chunks: Vec<_> = body.as_bytes().chunks(10).collect();
    let asked = ask(
        "POST /v1/audio/transcriptions",
        &[FORM, ("content-length", &length)],
        &chunks,
    );
    let passed = asked.passed();
    let end_of_field = body
        .find("\r\n--b1\r\nContent-Disposition: form-data; name=\"file\"")
        .unwrap();
    assert_eq!(passed.held, (end_of_field + 6) / 10);
    assert_eq!(passed.text(), body);
    assert_eq!(asked.steps().len(), 2, "what Envoy keeps can be sent again");
    for (number, model) in [(1, "whisper-1"), (2, "w")] {
        for size in [1, 50, 1000] {
            let sent = asked.at(&mut attempt(json!({})), number, size).unwrap();
            assert_eq!(sent.text(), body.replace("whisper-large", model));
            let length = sent.body.len().to_string();
            assert_eq!(sent.header("content-length"), Some(length.as_str()));
            assert_eq!(sent.header("content-type"), Some(FORM.1));
        }
    }
}

#[test]
fn a_form_whose_model_stays_is_never_held_on_the_way_out() {
    let body = form(&[("file", "x"), ("model", "whisper-1")]);
    let asked = ask("POST /v1/audio/transcriptions", &[FORM], &[body.as_bytes()]);
    let sent = asked.at(&mut attempt(json!({})), 1, 10).unwrap();
    assert_eq!((sent.held, sent.text()), (0, body));
}

#[test]
fn what_is_longer_than_envoy_keeps_has_one_attempt() {
    let fields = [("model", "whisper-large"), ("file", &"x".repeat(1200))];
    let body = form(&fields);
    let length = body.len().to_string();
    let chunks: Vec<_> = body.as_bytes().chunks(100).collect();
    for headers in [&[FORM, ("content-length", length.as_str())][..], &[FORM]] {
        let asked = ask("POST /v1/audio/translations", headers, &chunks);
        assert_eq!(asked.steps(), [("openai".into(), "whisper-1".into())]);
        assert_eq!(asked.passed().header("x-llm-unbuffered"), Some("1"));
    }
}

#[test]
fn a_second_model_never_reaches_a_provider() {
    let body = form(&[
        ("model", "whisper-1"),
        ("file", &"x".repeat(100)),
        ("model", "claude"),
    ]);
    for size in [20, 1000] {
        let chunks: Vec<_> = body.as_bytes().chunks(size).collect();
        let asked = ask("POST /v1/audio/transcriptions", &[FORM], &chunks);
        assert_eq!(
            asked.error(),
            (400, "invalid_request".into(), Some("model".into()))
        );
        assert!(asked.passed.is_none());
    }
}

#[test]
fn a_form_that_does_not_name_its_model_in_time_is_told_so() {
    let body = form(&[("file", &"x".repeat(1000)), ("model", "whisper-1")]);
    for size in [100, 2000] {
        let chunks: Vec<_> = body.as_bytes().chunks(size).collect();
        let asked = ask("POST /v1/audio/transcriptions", &[FORM], &chunks);
        assert_eq!(
            asked.error(),
            (413, "request_too_large".into(), Some("model".into()))
        );
        assert!(asked.message().contains("before the file"));
    }
}

#[test]
fn bodies_have_limits() {
    let large = "x".repeat(2100);
    let chunks: Vec<_> = large.as_bytes().chunks(500).collect();
    for headers in [&[FORM, ("content-length", "2100")][..], &[FORM]] {
        let asked = ask("POST /v1/files", headers, &chunks);
        assert_eq!(asked.error().0, 413);
    }
    let path = "POST /v1/audio/transcriptions";
    let announced = ask(path, &[FORM, ("content-length", "2001")], &[b"--b1"]);
    assert_eq!(announced.error().0, 413, "before anything of it is read");
    let json = format!(r#"{{"model":"picture","prompt":"{}"}}"#, "x".repeat(1000));
    let asked = ask("POST /v1/images/generations", &[JSON], &[json.as_bytes()]);
    assert_eq!(asked.error().0, 413, "what is held has the limit of a chat");
}

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
fn a_key_with_models_may_use_these_and_nothing_without_one_unless_it_is_allowed() {
    let with = |more: Value| {
        let mut settings = settings();
        let mut key = json!({"id": "k", "sha256": SUPPORT});
        key.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        settings["keys"] = json!([key]);
        settings
    };
    let limited = with(json!({"models": ["whisper-1"]}));
    let form_of = |model: &str| form(&[("model", model), ("file", "x")]);
    let may = form_of("whisper-1");
    let asked = ask_of(
        &limited,
        "POST /v1/audio/transcriptions",
        &[FORM],
        &[may.as_bytes()],
    );
    assert_eq!(asked.steps().len(), 1);
    let may_not = form_of("whisper-large");
    let asked = ask_of(
        &limited,
        "POST /v1/audio/transcriptions",
        &[FORM],
        &[may_not.as_bytes()],
    );
    assert_eq!(
        asked.error(),
        (403, "model_not_allowed".into(), Some("model".into()))
    );
    let moderation = br#"{"input":"x"}"#;
    for (settings, allowed) in [
        (&limited, false),
        (
            &with(json!({"models": ["whisper-1"], "passthrough": true})),
            true,
        ),
        (&with(json!({})), true),
        (&with(json!({"passthrough": false})), false),
    ] {
        for (line, headers, chunks) in [
            ("GET /v1/files", &[][..], &[][..]),
            ("POST /v1/batches", &[JSON][..], &[&b"{}"[..]][..]),
            ("POST /v1/moderations", &[JSON][..], &[&moderation[..]][..]),
        ] {
            let asked = ask_of(settings, line, headers, chunks);
            if allowed {
                assert_eq!(asked.steps().len(), 1, "{line}");
            } else {
                assert_eq!(
                    asked.error(),
                    (403, "path_not_allowed".into(), None),
                    "{line}"
                );
            }
        }
    }
}

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

#[test]
fn bodies_that_cannot_be_read_are_refused() {
    let path = "POST /v1/audio/transcriptions";
    for (kind, body, status) in [
        ("multipart/form-data", "--b1--", 400),
        (
            "multipart/form-data; boundary=a; boundary=b1",
            "--b1--",
            400,
        ),
        ("multipart/form-data; boundary=b1", "no form", 400),
        ("text/plain", "x", 415),
        ("application/json", "{\"model\":1}", 400),
        ("application/json", "{\"model\":\"a\",\"model\":\"b\"}", 400),
    ] {
        let asked = ask(path, &[("content-type", kind)], &[body.as_bytes()]);
        assert_eq!(asked.error().0, status, "{kind} {body}");
    }
    let encoded = ("content-encoding", "br");
    assert_eq!(ask(path, &[FORM, encoded], &[b"x"]).error().0, 415);
    assert_eq!(
        ask("POST /v1/files", &[FORM, encoded], &[b"x"]).error().0,
        415
    );
    assert_eq!(ask(path, &[FORM], &[]).error().0, 400);
    assert_eq!(ask("GET /v1/files?\u{e9}", &[], &[]).error().0, 400);
    let query = |size| format!("GET /v1/files?{}", "a".repeat(size));
    assert!(ask(&query(4096), &[], &[]).passed.is_some());
    assert_eq!(ask(&query(4097), &[], &[]).error().0, 400);
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

#[test]
fn a_body_that_was_changed_on_its_way_is_refused() {
    let body = form(&[("model", "whisper-large"), ("file", "x")]);
    let mut asked = ask("POST /v1/audio/transcriptions", &[FORM], &[body.as_bytes()]);
    let passed = asked.passed.as_mut().unwrap();
    passed.body.insert(0, b' ');
    assert!(asked.at(&mut attempt(json!({})), 1, 1000).is_none());
    assert_eq!(asked.error().0, 500);
    let passed = asked.passed.as_mut().unwrap();
    passed.body.truncate(20);
    assert!(asked.at(&mut attempt(json!({})), 1, 1000).is_none());
}

const SPEECH: &[u8] = br#"{"model":"picture","input":"x"}"#;

/// A request that has reached an attempt at `openai`.
fn reached(line: &str, headers: &[(&str, &str)], chunks: &[&[u8]]) -> (Asked, Attempt) {
    let asked = ask(line, headers, chunks);
    let mut attempt = attempt(json!({}));
    asked.at(&mut attempt, 1, 1000).unwrap();
    (asked, attempt)
}

#[test]
fn an_answer_passes_as_it_comes_with_the_headers_that_belong_to_it() {
    let (asked, mut attempt) = reached("POST /v1/audio/speech", &[JSON], &[SPEECH]);
    let audio: Vec<u8> = (0..=255).cycle().take(1000).collect();
    let chunks: Vec<_> = audio.chunks(10).collect();
    let answer = response(
        &mut attempt,
        &asked.host,
        &[
            (":status", "200"),
            ("content-type", "audio/mpeg"),
            ("content-disposition", "attachment; filename=\"a.mp3\""),
            ("content-encoding", "x"),
            ("set-cookie", "a=b"),
            ("openai-processing-ms", "7"),
            ("openai-organization", "org"),
        ],
        &chunks,
    )
    .unwrap();
    let want = [
        (":status", "200"),
        ("content-type", "audio/mpeg"),
        ("content-disposition", "attachment; filename=\"a.mp3\""),
        ("content-encoding", "x"),
        ("openai-processing-ms", "7"),
        ("x-llm-provider", "openai"),
        ("x-llm-model", "gpt-image-1"),
        ("x-llm-attempts", "1"),
        ("x-llm-cache", "off"),
        ("x-request-id", "id-1"),
    ];
    assert_eq!(answer.headers, lines(&want));
    assert_eq!((answer.held, answer.body), (0, audio));
    let state = |key: &str| asked.host.state_value(key);
    assert_eq!(state("llm.outcome").as_deref(), Some("ok"));
    assert_eq!(state("llm.ttft_ms").as_deref(), Some("0"));
    let attempts: Value = serde_json::from_str(&state("llm.attempts").unwrap()).unwrap();
    assert_eq!(
        (&attempts[0]["status"], &attempts[0]["reason"]),
        (&json!(200), &Value::Null)
    );
}

#[test]
fn usage_is_found_in_an_answer_that_passes() {
    let body = br#"{"created":1,"data":[{"b64_json":"eA=="}],"model":"gpt-image-1-x","usage":{"input_tokens":5,"output_tokens":6,"total_tokens":11}}"#;
    let (asked, mut attempt) = reached("POST /v1/images/generations", &[JSON], &[SPEECH]);
    let chunks: Vec<_> = body.chunks(9).collect();
    let head = [(":status", "200"), JSON];
    let answer = response(&mut attempt, &asked.host, &head, &chunks).unwrap();
    assert_eq!((answer.held, answer.body), (0, body.to_vec()));
    let state = |key: &str| asked.host.state_value(key);
    assert_eq!(state("llm.input_tokens").as_deref(), Some("5"));
    assert_eq!(state("llm.total_tokens").as_deref(), Some("11"));
    assert_eq!(state("llm.served_model").as_deref(), Some("gpt-image-1-x"));
    let (asked, mut attempt) = reached("GET /v1/batches/b", &[], &[]);
    response(&mut attempt, &asked.host, &head, &[body]).unwrap();
    assert_eq!(
        asked.host.state_value("llm.input_tokens"),
        None,
        "no tokens of this request"
    );
}

#[test]
fn the_last_event_of_a_stream_may_lack_its_line_end() {
    let (asked, mut attempt) = reached("POST /v1/images/generations", &[JSON], &[SPEECH]);
    let head = [(":status", "200"), ("content-type", "text/event-stream")];
    let body = br#"data: {"usage":{"input_tokens":5,"output_tokens":6}}"#;
    let chunks: Vec<_> = body.chunks(20).collect();
    let answer = response(&mut attempt, &asked.host, &head, &chunks).unwrap();
    assert_eq!((answer.held, answer.body), (0, body.to_vec()));
    let total = asked.host.state_value("llm.total_tokens");
    assert_eq!(total.as_deref(), Some("11"));
}

#[test]
fn the_time_to_the_first_bytes_is_not_that_to_the_last() {
    let (asked, mut attempt) = reached("POST /v1/images/generations", &[JSON], &[SPEECH]);
    let host = &asked.host;
    host.set_headers(
        Side::Response,
        &[(":status", "200"), ("content-type", "audio/mpeg")],
    );
    attempt.on_response_headers(host, false);
    for ms in [40, 70] {
        host.now_ms.set(host.now_ms.get() + ms);
        attempt.on_response_body(host, 1, false);
    }
    assert_eq!(host.state_value("llm.ttft_ms").as_deref(), Some("40"));
}

#[test]
fn only_what_a_model_was_asked_for_has_a_cost() {
    let body = br#"{"usage":{"input_tokens":10,"output_tokens":1000,"input_tokens_details":{"image_tokens":4,"text_tokens":6}}}"#;
    let ended = |line: &str, headers: &[(&str, &str)], chunks: &[&[u8]], body: &[u8]| {
        let (mut asked, mut attempt) = reached(line, headers, chunks);
        let head = [(":status", "200"), JSON];
        let answer = response(&mut attempt, &asked.host, &head, &[body]).unwrap();
        let lines = answer.headers.iter();
        let head: Vec<_> = lines.map(|(n, v)| (n.as_str(), v.as_str())).collect();
        response(&mut asked.gateway, &asked.host, &head, &[body]).unwrap();
        asked.gateway.on_log(&asked.host);
        let counted = asked
            .host
            .counters
            .borrow()
            .contains_key("llm.usage_unknown");
        (asked.host.state_value("llm.cost_usd_micros"), counted)
    };
    let path = "POST /v1/images/generations";
    // gpt-image-1: 6 of text at 5, 4 of images at 10, 1000 drawn at 40.
    let cost = Some((30 + 40 + 40_000).to_string());
    assert_eq!(ended(path, &[JSON], &[SPEECH], body), (cost, false));
    assert_eq!(ended(path, &[JSON], &[SPEECH], b"{}"), (None, true));
    assert_eq!(ended("GET /v1/files", &[], &[], body), (None, false));
}

#[test]
fn an_answer_without_a_body_is_complete() {
    let (asked, mut attempt) = reached("DELETE /v1/files/f", &[], &[]);
    let answer = response(&mut attempt, &asked.host, &[(":status", "204")], &[]).unwrap();
    assert_eq!(answer.header("x-llm-provider"), Some("openai"));
    assert_eq!(asked.host.state_value("llm.outcome").as_deref(), Some("ok"));
}

const MISSING: &[u8] = br#"{"error": {"message":"No such File object: f","type":"invalid_request_error","param":"id","code":null}}"#;

#[test]
fn a_client_s_error_comes_in_the_provider_s_own_words() {
    let (asked, mut attempt) = reached("GET /v1/files/f", &[], &[]);
    let head = [(":status", "404"), JSON];
    let answer = response(&mut attempt, &asked.host, &head, &[MISSING]).unwrap();
    assert_eq!(answer.header(":status"), Some("404"));
    assert_eq!(answer.header("x-llm-provider"), Some("openai"));
    assert_eq!(answer.body, MISSING);
    let (asked, mut attempt) = reached("GET /v1/files/f", &[], &[]);
    let head = [(":status", "404"), ("content-type", "text/html")];
    let answer = response(&mut attempt, &asked.host, &head, &[b"<html>"]).unwrap();
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(
        (answer.header(":status"), &body["error"]["code"]),
        (Some("404"), &json!("not_found"))
    );
}

#[test]
fn what_another_provider_might_do_better_is_a_failed_attempt() {
    for (status, want) in [
        ("500", "500"),
        ("429", "429"),
        ("401", "503"),
        ("404", "503"),
    ] {
        let (asked, mut attempt) = reached("POST /v1/images/generations", &[JSON], &[SPEECH]);
        let head = [(":status", status), JSON];
        let answer = response(&mut attempt, &asked.host, &head, &[MISSING]).unwrap();
        assert_eq!(answer.header(":status"), Some(want), "{status}");
        assert_eq!(answer.header("x-llm-provider"), None, "{status}");
    }
    let (asked, mut attempt) = reached("POST /v1/images/generations", &[JSON], &[SPEECH]);
    let head = [
        (":status", "200"),
        ("content-type", "text/html; charset=utf-8"),
    ];
    let answer = response(&mut attempt, &asked.host, &head, &[b"<html>"]).unwrap();
    assert_eq!(answer.header(":status"), Some("503"), "a page is no image");
    let (asked, mut attempt) = reached("GET /v1/files/f/content", &[], &[]);
    let answer = response(&mut attempt, &asked.host, &head, &[b"<html>"]).unwrap();
    assert_eq!(answer.body, b"<html>", "but it may be a file");
}

#[test]
fn the_last_error_names_what_was_asked_for_when_that_was_no_model() {
    let (mut asked, mut attempt) = reached("GET /v1/files", &[], &[]);
    let head = [(":status", "401"), JSON];
    let failed = response(&mut attempt, &asked.host, &head, &[MISSING]).unwrap();
    let head: Vec<_> = failed
        .headers
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_str()))
        .collect();
    let answer = response(&mut asked.gateway, &asked.host, &head, &[&failed.body]).unwrap();
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(answer.header(":status"), Some("502"));
    assert_eq!(body["error"]["code"], json!("provider_auth_failed"));
    assert_eq!(
        body["error"]["message"],
        json!("No provider could answer `files`. Tried: openai 401 provider_auth_failed.")
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
