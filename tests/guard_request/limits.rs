//! Bodies that cannot be looked at, made by chance, or large.

use crate::{CHAT, ask, ask_as, guard, mask, settings};
use serde_json::{Value, json};

#[test]
fn what_cannot_be_looked_at_is_refused_unless_it_may_pass() {
    let kind = "multipart/form-data; boundary=x";
    let form = "--x\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nsmart\r\n--x\r\nContent-Disposition: form-data; name=\"prompt\"\r\n\r\nann@example.com\r\n--x--\r\n";
    let send = |settings: &Value, path: &str| {
        ask_as(settings, path, &[("content-type", kind)], form.as_bytes())
    };
    let (status, error) = send(&mask(), "/v1/images/edits").refused();
    assert_eq!(
        (status, &error["error"]["code"]),
        (400, &json!("guardrail_error"))
    );
    let mut open = settings(json!([guard(json!({"on_error": "allow"}))]));
    open["passthrough"] = json!({"provider": "us"});
    let mut asked = send(&open, "/v1/images/edits");
    assert_eq!(asked.body(), form);
    assert_eq!(asked.told().0.unwrap(), "pii:unread=1");
    let mut closed = mask();
    closed["passthrough"] = json!({"provider": "us"});
    assert_eq!(send(&closed, "/v1/files").refused().0, 400);
    assert_eq!(send(&open, "/v1/files").body(), form);
    // What only counts closes nothing, and neither does a guard of answers.
    let warn = settings(json!([
        guard(json!({"action": "warn"})),
        guard(json!({"name": "b", "on": "output"}))
    ]));
    assert_eq!(send(&warn, "/v1/images/edits").body(), form);
    let get = ask_as(&closed, "/v1/files", &[(":method", "GET")], b"");
    assert!(get.passed.is_some());
}

#[test]
fn tokens_instead_of_text_cannot_be_looked_at() {
    let cases = [
        (
            "/v1/completions",
            r#"{"model":"smart","prompt":[3957,35984,25]}"#,
        ),
        (
            "/v1/completions",
            r#"{"model":"smart","prompt":[[3957],[35984]]}"#,
        ),
        (
            "/v1/embeddings",
            r#"{"input":[[15339,1917]],"model":"smart"}"#,
        ),
    ];
    for (path, body) in cases {
        let (status, error) = ask(&mask(), path, body).refused();
        let code = &error["error"]["code"];
        assert_eq!((status, code), (400, &json!("guardrail_error")), "{body}");
        let open = settings(json!([guard(json!({"on_error": "allow"}))]));
        let mut asked = ask(&open, path, body);
        assert_eq!(asked.body(), body);
        assert_eq!(asked.told().0.unwrap(), "pii:unread=1");
    }
    // Numbers elsewhere are numbers.
    let body = r#"{"model":"smart","messages":[{"role":"user","content":"hi"}],"logit_bias":{"1":2},"x":{"input":[1]}}"#;
    assert_eq!(ask(&mask(), CHAT, body).body(), body);
}

/// Numbers from a seed; good enough to vary bodies.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }

    fn text(&mut self) -> String {
        const BITS: &[&str] = &[
            "a",
            " ",
            "\\n",
            "\\\"",
            "\\\\",
            "\\u00e9",
            "\\ud83d\\ude00",
            "\\ud800",
            "é",
            "漢",
            "[",
            "]",
            "{",
            "}",
            "EMAIL_1",
            ",",
            ":",
            "1",
            "4111",
            "[EMAIL_1]",
            "@",
            "x.y",
            "\\/",
            "{\\\"a\\\":1}",
        ];
        let count = self.below(8);
        (0..count)
            .map(|_| BITS[self.below(BITS.len() as u64) as usize])
            .collect()
    }

    fn value(&mut self, depth: u64, planted: &str) -> String {
        let space = ["", " ", "\n"][self.below(3) as usize];
        match self.below(if depth > 4 { 6 } else { 9 }) {
            0 => "null".into(),
            1 => "-1.50e3".into(),
            2 => "12345678901234567890".into(),
            3 | 4 => format!("\"{}\"", self.text()),
            5 => format!("\"{}{planted}{}\"", self.text(), self.text()),
            6 => {
                let count = self.below(4);
                let items: Vec<_> = (0..count).map(|_| self.value(depth + 1, planted)).collect();
                format!("[{space}{}]", items.join(","))
            }
            _ => {
                let keys = [
                    "content",
                    "text",
                    "arguments",
                    "input",
                    "type",
                    "id",
                    "name",
                    "data",
                    "url",
                    "k",
                    "role",
                ];
                let first = self.below(keys.len() as u64) as usize;
                let count = self.below(4) as usize;
                let fields: Vec<_> = (0..count)
                    .map(|at| {
                        format!(
                            "\"{}\"{space}:{}",
                            keys[(first + at) % keys.len()],
                            self.value(depth + 1, planted)
                        )
                    })
                    .collect();
                format!("{{{}{space}}}", fields.join(&format!(",{space}")))
            }
        }
    }
}

#[test]
fn random_bodies_are_unchanged_where_nothing_is_found_and_valid_where_something_is() {
    let settings = mask();
    for seed in 0..400 {
        let mut dice = Dice(seed);
        let body = |dice: &mut Dice, planted: &str| {
            let values: Vec<_> = (0..3).map(|_| dice.value(0, planted)).collect();
            format!(
                r#"{{"messages":[{}], "model":"smart","x":{}, "y":{}}}"#,
                values[0], values[1], values[2]
            )
        };
        let clean = body(&mut dice, "");
        let asked = ask(&settings, CHAT, &clean);
        if let Some(passed) = &asked.passed {
            assert_eq!(passed.text(), clean, "{seed}");
        }
        let planted = body(&mut dice, " ann@example.com ");
        let asked = ask(&settings, CHAT, &planted);
        if let Some(passed) = &asked.passed {
            let text = passed.text();
            assert!(
                serde_json::from_str::<&serde_json::value::RawValue>(&text).is_ok(),
                "{seed}: {text}"
            );
            // Under these keys, nothing is a text.
            let hidden = ["type", "id", "role", "name"]
                .iter()
                .any(|key| planted.contains(&format!("\"{key}\"")));
            assert!(
                hidden || !text.contains("ann@example.com"),
                "{seed}: {text}"
            );
        }
    }
}

#[test]
fn ten_megabytes_of_finds_are_done_in_one_go() {
    let text = "ann@example.com bob@example.com 4111 1111 1111 1111\\n".repeat(200_000);
    let body = format!(r#"{{"model":"smart","messages":[{{"role":"user","content":"{text}"}}]}}"#);
    assert!(body.len() > 10 << 20);
    let mut open = mask();
    open["count_tokens"] = json!(false);
    let mut asked = ask(&open, CHAT, &body);
    let masked = "[EMAIL_1] [EMAIL_2] [CREDIT_CARD_1]\\n".repeat(200_000);
    assert!(
        asked.body()
            == format!(
                r#"{{"model":"smart","messages":[{{"role":"user","content":"{masked}"}}]}}"#
            )
    );
    assert_eq!(asked.told().0.unwrap(), "pii:mask=600000");
}

#[test]
fn a_long_chain_of_finds_that_overlap_is_masked_in_linear_time() {
    let mut settings = settings(json!([guard(json!({"detect": "PII"}))]));
    settings["count_tokens"] = json!(false);
    let text = "1.x@h.ab::".repeat(100_000);
    let body = json!({"model": "smart", "messages": [{"role": "user", "content": text}]});
    let begun = std::time::Instant::now();
    let masked = ask(&settings, CHAT, &body.to_string()).body();
    assert!(begun.elapsed().as_secs() < 10);
    assert!(masked.len() < 2000, "{}", masked.len());
    assert!(!masked.contains('@') && !masked.contains("ab"), "{masked}");
}

#[test]
fn a_long_text_without_escapes_takes_linear_time() {
    let mut settings = settings(json!([
        guard(json!({})),
        {"name": "staff", "pattern": ["\\bEMP-[0-9]{6}\\b"], "words": ["Project Falcon", "猎鹰"], "action": "mask"},
    ]));
    settings["count_tokens"] = json!(false);
    let values: Vec<_> = (0..60_000)
        .map(|at| format!("n{at}@example.com 4111 1111 1111 1111"))
        .collect();
    let text = format!("EMP-123456 in project FALCON, 猎鹰 {}", values.join(" "));
    let body =
        json!({"model": "smart", "messages": [{"role": "user", "content": text}]}).to_string();
    let begun = std::time::Instant::now();
    let mut asked = ask(&settings, CHAT, &body);
    // Seconds, were it not linear; the machine may be busy.
    assert!(begun.elapsed().as_secs() < 10);
    let body = asked.body();
    assert!(
        body.contains("\"[STAFF_1] in [STAFF_2], [STAFF_3] [EMAIL_1] [CREDIT_CARD_1] [EMAIL_2] "),
    );
    assert!(!body.contains("@example.com"));
    assert_eq!(asked.told().0.unwrap(), "pii:mask=120000,staff:mask=3");
}
