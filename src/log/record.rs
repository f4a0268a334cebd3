//! The record as the access log writes it: the members of a JSON object, in one piece of filter state.

use super::attempts::{self, Attempt};
use crate::host::keys::state;

/// How a fact is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Text,
    /// A whole number.
    Number,
    /// `1` is true.
    Flag,
    /// JSON that this filter has written.
    List,
}

/// How many facts there are.
pub const COUNT: usize = 39;

/// The facts of the record, in the order of its line.
const FACTS: [(&str, Form); COUNT] = [
    (state::REQUEST_ID, Form::Text),
    (state::OPERATION, Form::Text),
    (state::PATH, Form::Text),
    (state::API, Form::Text),
    (state::STREAM, Form::Flag),
    (state::TEAM, Form::Text),
    (state::USER, Form::Text),
    (state::PROJECT, Form::Text),
    (state::KEY_ID, Form::Text),
    (state::MODEL, Form::Text),
    (state::ROUTE, Form::Text),
    (state::RULE, Form::Text),
    (state::SCORE, Form::Number),
    (state::LANGUAGE, Form::Text),
    (state::MIRROR, Form::Text),
    (state::PROVIDER, Form::Text),
    (state::DIALECT, Form::Text),
    (state::SERVED_MODEL, Form::Text),
    (state::ATTEMPTS, Form::List),
    (state::COOLING, Form::List),
    (state::ATTEMPT_COUNT, Form::Number),
    (state::TTFT_MS, Form::Number),
    (state::INPUT_TOKENS, Form::Number),
    (state::OUTPUT_TOKENS, Form::Number),
    (state::CACHED_TOKENS, Form::Number),
    (state::REASONING_TOKENS, Form::Number),
    (state::TOTAL_TOKENS, Form::Number),
    (state::USAGE_SOURCE, Form::Text),
    (state::TOKENS_ESTIMATE, Form::Number),
    (state::TOKENS_CLASS, Form::Text),
    (state::TOKENIZER, Form::Text),
    (state::COST_USD_MICROS, Form::Number),
    (state::WASTE_USD_MICROS, Form::Number),
    (state::PRICE, Form::Text),
    (state::FINISH, Form::Text),
    (state::GUARD, Form::Text),
    (state::CACHE, Form::Text),
    (state::OUTCOME, Form::Text),
    (state::REASON, Form::Text),
];

/// Those that attempts write.
pub const OF_ATTEMPTS: [&str; 13] = [
    state::PROVIDER,
    state::DIALECT,
    state::SERVED_MODEL,
    state::ATTEMPT_COUNT,
    state::TTFT_MS,
    state::INPUT_TOKENS,
    state::OUTPUT_TOKENS,
    state::CACHED_TOKENS,
    state::REASONING_TOKENS,
    state::TOTAL_TOKENS,
    state::USAGE_SOURCE,
    state::FINISH,
    state::OUTCOME,
];

/// Where the names of filter state begin.
const PREFIX: &str = "llm.";

/// The names of the facts, without what stands before them in filter state.
pub fn names() -> impl Iterator<Item = &'static str> {
    FACTS.iter().map(|(key, _)| key.trim_start_matches(PREFIX))
}

/// The key of a fact of that name.
pub fn key(name: &str) -> Option<&'static str> {
    let is = |(key, _): &&(&'static str, Form)| key.strip_prefix(PREFIX) == Some(name);
    FACTS.iter().find(is).map(|(key, _)| *key)
}

/// The place of a fact; `None`: the record does not show that.
pub fn place(key: &str) -> Option<usize> {
    FACTS.iter().position(|(name, _)| *name == key)
}

/// The facts that are known as `,"name":value`, to be put behind other members of an object. `facts`: in their places.
pub fn members(facts: &[Option<String>], attempts: Option<&[Attempt]>) -> String {
    let mut out = String::with_capacity(1024);
    for ((key, form), fact) in FACTS.iter().zip(facts) {
        let name = key.strip_prefix(PREFIX).unwrap_or(key);
        match (fact, attempts) {
            (_, Some(attempts)) if *key == state::ATTEMPTS => {
                member(&mut out, name, &attempts::json(attempts), *form);
            }
            (Some(fact), _) => member(&mut out, name, fact, *form),
            (None, _) => {}
        }
    }
    out
}

fn member(out: &mut String, name: &str, value: &str, form: Form) {
    out.push_str(",\"");
    out.push_str(name);
    out.push_str("\":");
    match form {
        Form::Number if is_number(value) => out.push_str(value),
        Form::Flag => out.push_str(if value == "1" { "true" } else { "false" }),
        Form::List => out.push_str(value),
        // Most need no escape.
        _ if value.bytes().all(is_plain) => {
            out.push('"');
            out.push_str(value);
            out.push('"');
        }
        _ => out.push_str(&serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned())),
    }
}

fn is_plain(byte: u8) -> bool {
    byte >= b' ' && byte != b'"' && byte != b'\\'
}

fn is_number(value: &str) -> bool {
    !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn members_continue_an_object_and_keep_what_clients_wrote() {
        let mut facts = vec![None; COUNT];
        let mut set = |key: &str, value: &str| facts[place(key).unwrap()] = Some(value.to_owned());
        set(state::MODEL, "a\"b\\\n\u{1}\u{e9}");
        set(state::STREAM, "1");
        set(state::TOTAL_TOKENS, "18");
        set(state::TTFT_MS, "-1"); // no number that is written here
        set(state::COOLING, r#"[{"provider":"a"}]"#);
        let attempts = [Attempt::begun("a", "b", 1)];
        let line = format!(r#"{{"status":200{}}}"#, members(&facts, Some(&attempts)));
        let line: Value = serde_json::from_str(&line).unwrap();
        let want = json!({
            "status": 200, "stream": true, "model": "a\"b\\\n\u{1}\u{e9}", "cooling": [{"provider": "a"}],
            "ttft_ms": "-1", "total_tokens": 18,
            "attempts": [{"provider": "a", "model": "b", "status": null, "ms": null, "reason": null, "at_ms": 1}],
        });
        assert_eq!(line, want);
    }

    #[test]
    fn each_character_that_json_escapes_is_escaped_by_itself_too() {
        for value in ["a\"", "b\\", "c\n", "d\u{1}", "e\u{7f}\u{e9}", ""] {
            let mut facts = vec![None; COUNT];
            facts[place(state::MODEL).unwrap()] = Some(value.to_owned());
            let line = format!("{{\"status\":200{}}}", members(&facts, None));
            let line: Value = serde_json::from_str(&line).unwrap();
            assert_eq!(line["model"], value);
        }
    }

    #[test]
    fn nothing_known_is_nothing_written() {
        assert_eq!(members(&[const { None }; COUNT], None), "");
    }

    #[test]
    fn a_fact_is_found_by_its_name_and_nothing_else_is() {
        assert_eq!(key("outcome"), Some(state::OUTCOME));
        assert_eq!(key("llm.outcome"), None);
        assert_eq!(key("hand_over"), None);
        assert_eq!(names().count(), COUNT);
    }
}
