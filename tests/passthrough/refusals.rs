//! Requests that are refused for their bodies or addresses.

use crate::{FORM, JSON, ask, attempt, form};
use serde_json::json;

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
