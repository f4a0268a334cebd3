//! Values that begin in one text and end in the next.

use crate::{CHAT, ask, ask_of, configured, guard, mask, settings};
use serde_json::{Value, json};
use std::rc::Rc;

#[test]
fn a_value_that_is_split_over_neighbours_is_found() {
    let chat = |messages: Value| json!({"model": "smart", "messages": messages}).to_string();
    let parts = |texts: &[&str]| {
        let parts: Vec<_> = texts
            .iter()
            .map(|text| json!({"type": "text", "text": text}))
            .collect();
        chat(json!([{"role": "user", "content": parts}]))
    };
    let masked =
        |body: String, wanted: String| assert_eq!(ask(&mask(), CHAT, &body).body(), wanted);
    masked(
        parts(&["to ann@exa", "mple.com now"]),
        parts(&["to [EMAIL_1]", " now"]),
    );
    masked(
        parts(&["4111 1111", "1111 1111 x"]),
        parts(&["[CREDIT_CARD_1]", " x"]),
    );
    // Nothing is left of the one in the middle, and an empty text is not taken everywhere.
    masked(
        parts(&["ann@", "example", ".com bob@example.com"]),
        parts(&["[EMAIL_1]", "[EMAIL_1]", " [EMAIL_2]"]),
    );
    // What ends where the text ends does not take the next one's beginning with it.
    masked(
        parts(&["ann@example.com", "munity"]),
        parts(&["[EMAIL_1]", "munity"]),
    );
    let messages = |a: &str, b: &str| {
        chat(
            json!([{"role": "user", "content": a}, {"role": "assistant", "content": null}, {"role": "user", "content": b}]),
        )
    };
    masked(
        messages("ann@exam", "ple.com"),
        messages("[EMAIL_1]", "[EMAIL_1]"),
    );
    let long = "lorem ipsum ".repeat(1000);
    masked(
        messages(&format!("{long}ann@exam"), &format!("ple.com {long}")),
        messages(&format!("{long}[EMAIL_1]"), &format!(" {long}")),
    );
    // Texts to embed have nothing to do with each other.
    let body = r#"{"model":"smart","input":["ann@exa","mple.com"]}"#;
    assert_eq!(ask(&mask(), "/v1/embeddings", body).body(), body);
}

#[test]
fn what_crosses_between_long_texts_is_what_crosses_between_short_ones() {
    let config = configured(&settings(json!([guard(
        json!({"detect": ["PII", "SECRET"]})
    )])));
    let long = "lorem ipsum dolor, sit amet; ".repeat(80);
    let told = |a: &str, b: &str| {
        let messages = json!([{"role": "user", "content": a}, {"role": "user", "content": b}]);
        let body = json!({"model": "smart", "messages": messages}).to_string();
        ask_of(Rc::clone(&config), CHAT, &[], body.as_bytes())
            .body()
            .replace(&long, "")
    };
    let token = format!(
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.{}",
        "a1B2c3D4".repeat(40)
    );
    let mut crossing = 0;
    for value in [
        "ann@example.com",
        "4111 1111 1111 1111",
        "password: hunter2-Xy9kQ2",
        &token,
    ] {
        for (cut, _) in value.char_indices().skip(1) {
            let (a, b) = value.split_at(cut);
            let (before, behind) = (format!("to {a}"), format!("{b} now"));
            let short = told(&before, &behind);
            assert_eq!(
                told(&format!("{long}{before}"), &format!("{behind}{long}")),
                short,
                "cut at {cut} of {value}"
            );
            crossing += usize::from(!short.contains(&before) && !short.contains(&behind));
        }
    }
    assert!(crossing > 50, "{crossing}");
}
