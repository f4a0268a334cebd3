//! Back: calls of the answer's tool become the answer.

use crate::api::answer::{AnswerSink, Finish, Part, Usage};

/// Most text that is held back until it is known whether it stands beside the answer. Units: bytes.
const MAX_HELD: usize = 1 << 20;

/// Turns calls of the answer's tool back into the answer; remembers what one answer needs.
#[derive(Debug, Default)]
pub struct Unwrapping {
    /// The tool's name. `None`: everything passes.
    name: Option<String>,
    /// Text that stands beside a call of something; an answer in the schema's form stands alone.
    held: String,
    /// The provider's indices of the answer's calls; the first is the answer.
    answers: Vec<u32>,
    /// A call of the client's own tools has come.
    calls: bool,
    overflown: bool,
}

/// Most calls of the answer's tool that are told apart from others.
const MAX_ANSWERS: usize = 1024;

impl Unwrapping {
    /// `name`: the tool whose input is the answer.
    pub fn new(name: Option<String>) -> Self {
        Self {
            name,
            ..Self::default()
        }
    }

    /// Stands before a sink.
    pub fn before<'s>(&'s mut self, out: &'s mut dyn AnswerSink) -> Unwrapped<'s> {
        Unwrapped { state: self, out }
    }

    fn flush(&mut self, out: &mut dyn AnswerSink) {
        if !self.held.is_empty() {
            out.part(0, Part::Text(&std::mem::take(&mut self.held)));
        }
    }

    fn part(&mut self, part: Part<'_>, out: &mut dyn AnswerSink) {
        match part {
            // Nothing may stand around the answer.
            Part::Text(_) if !self.answers.is_empty() => {}
            Part::Text(text) if self.calls || self.overflown => out.part(0, Part::Text(text)),
            Part::Text(text) => {
                self.held.push_str(text);
                if self.held.len() > MAX_HELD {
                    self.overflown = true;
                    self.flush(out);
                }
            }
            Part::ToolCall { index, name, .. } if self.name.as_deref() == Some(name) => {
                self.held.clear();
                if self.answers.len() < MAX_ANSWERS {
                    self.answers.push(index);
                }
            }
            Part::ToolCall { index, id, name } => {
                self.calls = true;
                self.flush(out);
                let index = self.index(index);
                out.part(0, Part::ToolCall { index, id, name });
            }
            Part::ToolInput { index, json } if self.answers.contains(&index) => {
                if self.answers.first() == Some(&index) {
                    out.part(0, Part::Text(json));
                }
            }
            Part::ToolInput { index, json } => {
                let index = self.index(index);
                out.part(0, Part::ToolInput { index, json });
            }
            Part::Finish(finish) => {
                self.flush(out);
                let answered = finish == Finish::ToolCalls && !self.calls;
                out.part(
                    0,
                    Part::Finish(if answered { Finish::Stop } else { finish }),
                );
            }
            other => out.part(0, other),
        }
    }

    /// The client counts its own calls only.
    fn index(&self, theirs: u32) -> u32 {
        let before = self.answers.iter().filter(|answer| **answer < theirs);
        theirs.saturating_sub(u32::try_from(before.count()).unwrap_or(u32::MAX))
    }
}

/// A sink that unwraps.
pub struct Unwrapped<'s> {
    state: &'s mut Unwrapping,
    out: &'s mut dyn AnswerSink,
}

impl std::fmt::Debug for Unwrapped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.state.fmt(f)
    }
}

impl AnswerSink for Unwrapped<'_> {
    fn open(&mut self, id: &str, model: &str) {
        self.out.open(id, model);
    }

    fn part(&mut self, choice: u32, part: Part<'_>) {
        // Models that need this give one choice.
        if self.state.name.is_none() || choice > 0 {
            return self.out.part(choice, part);
        }
        self.state.part(part, self.out);
    }

    fn usage(&mut self, usage: Usage) {
        self.out.usage(usage);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::chat::AnswerWriter;

    fn answer(parts: &[Part<'_>]) -> String {
        let (mut state, mut out) = (Unwrapping::new(Some("t".into())), AnswerWriter::default());
        for part in parts {
            state.before(&mut out).part(0, *part);
        }
        let body: serde_json::Value = serde_json::from_slice(&out.body(0)).unwrap();
        let choice = &body["choices"][0];
        let calls = choice["message"]["tool_calls"].to_string();
        format!(
            "{} {calls} {}",
            choice["message"]["content"], choice["finish_reason"]
        )
    }

    #[test]
    fn what_comes_back_is_the_answer_and_the_client_s_own_calls() {
        let call = |index, name| Part::ToolCall {
            index,
            id: "i",
            name,
        };
        let input = |index, json| Part::ToolInput { index, json };
        let end = Part::Finish(Finish::ToolCalls);
        let (text, one) = (Part::Text("Sure: "), input(0, "{\"a\""));
        assert_eq!(
            answer(&[text, call(0, "t"), one, input(0, ":1}"), text, end]),
            r#""{\"a\":1}" null "stop""#
        );
        let own = r#"[{"function":{"arguments":"{}","name":"f"},"id":"i","type":"function"}]"#;
        assert_eq!(
            answer(&[text, call(0, "f"), input(0, "{}"), end]),
            format!(r#""Sure: " {own} "tool_calls""#)
        );
        assert_eq!(
            answer(&[
                call(0, "t"),
                input(0, "{}"),
                call(1, "f"),
                input(1, "{}"),
                call(2, "t"),
                input(2, "7"),
                end
            ]),
            format!(r#""{{}}" {own} "tool_calls""#)
        );
        assert_eq!(
            answer(&[text, Part::Finish(Finish::Length)]),
            r#""Sure: " null "length""#
        );
    }

    #[test]
    fn what_is_remembered_of_an_answer_is_bounded() {
        let (mut state, mut out) = (Unwrapping::new(Some("t".into())), AnswerWriter::default());
        let text = "x".repeat(MAX_HELD / 2 + 1);
        for _ in 0..4 {
            state.before(&mut out).part(0, Part::Text(&text));
            assert!(state.held.len() <= MAX_HELD);
        }
        for index in 0..2000 {
            let (id, name) = ("i", "t");
            let call = Part::ToolCall { index, id, name };
            state.before(&mut out).part(0, call);
        }
        assert_eq!(state.answers.len(), MAX_ANSWERS);
    }
}
