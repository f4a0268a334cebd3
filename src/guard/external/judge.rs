//! A model that judges, as Llama Guard does: the first line of its answer is `safe` or `unsafe`, the second names
//! categories.
//!
//! Source: meta-llama's llama-stack, the prompt of its Llama Guard shield, read 2026-11; the API is OpenAI's chat
//! completions, as vLLM and Ollama serve it.

use super::{About, Call, NO_ANSWER, Opinion, Unusable, json};
use serde::{Deserialize, Serialize};

/// Most tokens of a judgement.
const MAX_TOKENS: u32 = 64;

#[derive(Serialize)]
struct Question<'a> {
    model: &'a str,
    messages: Vec<Message<'a>>,
    temperature: u8,
    max_tokens: u32,
    stream: bool,
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'a str,
    content: &'a str,
}

#[derive(Deserialize)]
struct Answer {
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    message: Said,
}

#[derive(Deserialize)]
struct Said {
    content: String,
}

pub(super) fn body(call: &Call, about: &About<'_>) -> Vec<u8> {
    let texts = about.texts.join("\n\n");
    let message = |role, content| Message { role, content };
    // Llama Guard judges the last turn, and wants them by turns.
    let turns = match about.answer {
        Some(answer) => vec![
            message("user", answer.question),
            message("assistant", &texts),
        ],
        None => vec![message("user", &texts)],
    };
    let system = call
        .prompt
        .as_deref()
        .map(|prompt| message("system", prompt));
    json(&Question {
        model: call.model.as_deref().unwrap_or_default(),
        messages: system.into_iter().chain(turns).collect(),
        temperature: 0,
        max_tokens: MAX_TOKENS,
        stream: false,
    })
}

pub(super) fn read(call: &Call, body: &[u8]) -> Result<Opinion, Unusable> {
    let answer: Answer = serde_json::from_slice(body).map_err(|_| NO_ANSWER)?;
    let content = answer
        .choices
        .first()
        .map(|choice| choice.message.content.trim());
    let (first, rest) = match content.ok_or(NO_ANSWER)?.split_once('\n') {
        Some((first, rest)) => (first.trim(), rest),
        None => (content.unwrap_or_default(), ""),
    };
    if first.eq_ignore_ascii_case("safe") {
        return Ok(Opinion::Pass);
    }
    if !first.eq_ignore_ascii_case("unsafe") {
        return Err(Unusable("it said neither safe nor unsafe"));
    }
    let mut named = rest
        .split([',', '\n', ' '])
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .peekable();
    // A judge that names nothing objects all the same.
    let counts = named.peek().is_none() || named.any(|name| call.counts(name));
    Ok(if counts {
        Opinion::Found
    } else {
        Opinion::Pass
    })
}

#[cfg(test)]
mod tests {
    use super::super::{
        Kind,
        tests::{asked, call},
    };
    use super::*;
    use serde_json::json;

    #[test]
    fn it_is_asked_as_a_chat_and_its_first_word_counts() {
        let mut call = call(Kind::Judge);
        call.model = Some("llama-guard3".into());
        let mut question = json!({"model": "llama-guard3", "messages": [{"role": "user", "content": "a\n\nb"}], "temperature": 0, "max_tokens": 64, "stream": false});
        assert_eq!(asked(&call, &["a", "b"]), question);
        call.prompt = Some("Judge.".into());
        question["messages"] =
            json!([{"role": "system", "content": "Judge."}, {"role": "user", "content": "a"}]);
        assert_eq!(asked(&call, &["a"]), question);
        let of = |call: &Call, content: &str| {
            let answer = json!({"choices": [{"index": 0, "message": {"role": "assistant", "content": content}}]});
            call.read(200, answer.to_string().as_bytes(), &["a"])
        };
        assert_eq!(of(&call, "\n\nsafe"), Ok(Opinion::Pass));
        assert_eq!(of(&call, "Safe\n"), Ok(Opinion::Pass));
        assert_eq!(of(&call, "unsafe\nS2,S10"), Ok(Opinion::Found));
        assert_eq!(of(&call, "unsafe"), Ok(Opinion::Found));
        for neither in ["", "I cannot judge this.", "safety first", "unsafe?"] {
            assert!(of(&call, neither).is_err(), "{neither}");
        }
        call.categories = vec!["S1".into()];
        assert_eq!(of(&call, "unsafe\nS2,S10"), Ok(Opinion::Pass));
        assert_eq!(of(&call, "unsafe\nS2, S1"), Ok(Opinion::Found));
        assert_eq!(of(&call, "unsafe"), Ok(Opinion::Found));
    }
}
