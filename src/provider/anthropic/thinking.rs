//! How much the model shall think: `reasoning_effort` and a native `thinking`, fitted to the model.
//!
//! Source: docs.claude.com, "Thinking", "Extended thinking: budget rules", "Troubleshooting thinking",
//! "Effort"; read 2026-11. A budget is at least 1024 and below `max_tokens`, and takes neither a
//! forced tool nor a prefilled answer; where the two meet, the budget yields and is listed as dropped.

use super::{
    model::{Efforts, Model, Off, Thinking as Takes},
    note,
    wire::Thinking,
};
use crate::{
    api::chat::Chat,
    fault::{Fault, FaultKind},
    json::Str,
};
use serde::Deserialize;
use serde_json::value::RawValue;

const LEAST_BUDGET: u64 = 1024;

/// What else the request holds that thinking depends on.
#[derive(Debug, Clone, Copy)]
pub(in crate::provider) struct Around {
    /// Units: tokens, thinking and answer together.
    pub(in crate::provider) max_tokens: u64,
    /// The client set it; else it may be raised.
    pub(in crate::provider) limited: bool,
    /// A budget would be refused: the answer is prefilled, or the reasoning before the last calls is lost.
    pub(in crate::provider) unthinking: bool,
    /// A tool must be called.
    pub(in crate::provider) forced: bool,
}

/// What is sent.
#[derive(Debug)]
pub(in crate::provider) struct Plan<'a> {
    pub(in crate::provider) thinking: Option<Thinking<'a>>,
    pub(in crate::provider) effort: Option<&'static str>,
    pub(in crate::provider) max_tokens: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effort {
    None,
    Minimal,
    Low,
    Medium,
    High,
    XHigh,
    Max,
}

#[derive(Deserialize)]
struct Native<'a> {
    #[serde(borrow)]
    r#type: Str<'a>,
    budget_tokens: Option<u64>,
}

impl Plan<'_> {
    /// Whether thinking is asked for in so many words.
    pub(in crate::provider) fn thinks(&self) -> bool {
        self.budgets() || self.says("adaptive")
    }

    /// Whether it is asked for with a budget, which must stay below `max_tokens`.
    pub(in crate::provider) fn budgets(&self) -> bool {
        self.says("enabled")
    }

    fn says(&self, word: &str) -> bool {
        match &self.thinking {
            None => false,
            Some(Thinking::Made { r#type, .. }) => *r#type == word,
            Some(Thinking::Kept(raw)) => serde_json::from_str::<Native<'_>>(raw.get())
                .is_ok_and(|native| &*native.r#type == word),
        }
    }
}

/// Fits what the client asked for to the model.
///
/// Errors: `BadRequest` that names `reasoning_effort` or `thinking`.
pub(in crate::provider) fn plan<'a>(
    chat: &'a Chat<'_>,
    model: &Model,
    around: Around,
    dropped: &mut Vec<String>,
) -> Result<Plan<'a>, Fault> {
    let effort = effort(chat)?;
    let mut plan = Plan {
        thinking: None,
        effort: effort.and_then(|effort| effort.level(model.efforts)),
        max_tokens: around.max_tokens,
    };
    let raw: Option<&RawValue> = chat.body.read("thinking").unwrap_or_default();
    let fit = Fit { model, around };
    match (raw, effort) {
        (Some(raw), _) => fit.native(raw, &mut plan, dropped)?,
        (None, None) => {}
        (None, Some(Effort::None)) => fit.off(&mut plan, "reasoning_effort", dropped),
        (None, Some(effort)) => fit.effort(effort, &mut plan, "reasoning_effort", dropped),
    }
    Ok(plan)
}

struct Fit<'m> {
    model: &'m Model,
    around: Around,
}

impl Fit<'_> {
    fn native<'a>(
        &self,
        raw: &'a RawValue,
        plan: &mut Plan<'a>,
        dropped: &mut Vec<String>,
    ) -> Result<(), Fault> {
        let Ok(native) = serde_json::from_str::<Native<'_>>(raw.get()) else {
            let message = "`thinking` must be an object like {\"type\": \"enabled\", \"budget_tokens\": 2048}.";
            return Err(Fault::new(FaultKind::BadRequest, message).at("thinking"));
        };
        let takes = self.model.thinking;
        match &*native.r#type {
            "enabled" if matches!(takes, Takes::Budget | Takes::Either) => {
                let asked = native.budget_tokens.unwrap_or(LEAST_BUDGET);
                match self.budget(asked, plan) {
                    Some(budget) if Some(budget) == native.budget_tokens => {
                        plan.thinking = Some(Thinking::Kept(raw));
                    }
                    Some(budget) => plan.thinking = Some(enabled(budget)),
                    None => note(dropped, "thinking"),
                }
            }
            "enabled" | "adaptive" if takes == Takes::Adaptive && self.must_not_think() => {
                self.not_beside_a_forced_tool(plan, "thinking", dropped);
            }
            "adaptive" if takes == Takes::Either && self.must_not_think() => {
                self.not_beside_a_forced_tool(plan, "thinking", dropped);
            }
            "enabled" if takes == Takes::Adaptive => {
                note(dropped, "thinking.budget_tokens");
                plan.thinking = Some(adaptive());
            }
            "adaptive" if matches!(takes, Takes::Adaptive | Takes::Either) => {
                plan.thinking = Some(Thinking::Kept(raw));
            }
            // Effort `high` is what adaptive thinking starts from.
            "adaptive" => self.effort(Effort::High, plan, "thinking", dropped),
            "enabled" => note(dropped, "thinking"),
            "disabled" | "between_tools" => self.off(plan, "thinking", dropped),
            _ => plan.thinking = Some(Thinking::Kept(raw)),
        }
        Ok(())
    }

    fn off(&self, plan: &mut Plan<'_>, from: &str, dropped: &mut Vec<String>) {
        match self.model.off {
            Off::Silence => {}
            // Other hosts may not know the word; that it is off there is only a guess.
            Off::Disabled if !self.model.known && from == "reasoning_effort" => {}
            Off::Disabled => plan.thinking = Some(made("disabled", None, None)),
            Off::BetweenTools => plan.thinking = Some(made("between_tools", None, None)),
            Off::Impossible => {
                plan.effort = Effort::Low.level(self.model.efforts);
                note(dropped, from);
            }
        }
    }

    /// A tool that must be called leaves no room for thoughts, however the model thinks. Source: the documentation of
    /// extended thinking, 2026-11: `tool_choice` is `auto` or `none` beside it.
    fn must_not_think(&self) -> bool {
        self.around.forced && !matches!(self.model.off, Off::Impossible)
    }

    fn not_beside_a_forced_tool(&self, plan: &mut Plan<'_>, from: &str, dropped: &mut Vec<String>) {
        note(dropped, from);
        self.off(plan, from, dropped);
    }

    fn effort(&self, effort: Effort, plan: &mut Plan<'_>, from: &str, dropped: &mut Vec<String>) {
        match self.model.thinking {
            Takes::Never => note(dropped, from),
            Takes::Adaptive | Takes::Either if self.must_not_think() => {
                self.not_beside_a_forced_tool(plan, from, dropped);
            }
            Takes::Adaptive | Takes::Either => plan.thinking = Some(adaptive()),
            Takes::Budget => {
                // The budget says it; an effort beside it would weigh twice.
                plan.effort = None;
                // At most half of the client's limit, so that an answer has room.
                let room = if self.around.limited {
                    self.around.max_tokens / 2
                } else {
                    u64::MAX
                };
                match self.budget(effort.budget().min(room), plan) {
                    Some(budget) => plan.thinking = Some(enabled(budget)),
                    None => note(dropped, from),
                }
            }
        }
    }

    /// The budget that fits. A `max_tokens` of ours is raised to keep the answer's room, a
    /// client's is not. `None`: none fits.
    fn budget(&self, asked: u64, plan: &mut Plan<'_>) -> Option<u64> {
        let Around {
            max_tokens,
            limited,
            unthinking,
            forced,
        } = self.around;
        if unthinking || forced {
            return None;
        }
        let asked = asked.max(LEAST_BUDGET);
        if !limited && asked >= max_tokens {
            let most = if self.model.known {
                self.model.max_tokens
            } else {
                u64::MAX
            };
            plan.max_tokens = asked.saturating_add(max_tokens).min(most);
        }
        let budget = asked.min(plan.max_tokens.saturating_sub(1));
        (budget >= LEAST_BUDGET).then_some(budget)
    }
}

impl Effort {
    /// Units: tokens. From the documentation's advice: the least is 1024, complex tasks want 16k,
    /// and above 32k an answer takes too long for a connection.
    const fn budget(self) -> u64 {
        match self {
            Self::None | Self::Minimal => LEAST_BUDGET,
            Self::Low => 2048,
            Self::Medium => 8192,
            Self::High => 16_384,
            Self::XHigh | Self::Max => 32_000,
        }
    }

    /// The model's nearest level that does not promise less.
    const fn level(self, efforts: Efforts) -> Option<&'static str> {
        Some(match (self, efforts) {
            (_, Efforts::None) | (Self::None, _) => return None,
            (Self::Minimal | Self::Low, _) => "low",
            (Self::Medium, _) => "medium",
            (Self::High, _) | (Self::XHigh | Self::Max, Efforts::UpToHigh) => "high",
            (Self::XHigh, Efforts::All) => "xhigh",
            (Self::XHigh, Efforts::WithMax) | (Self::Max, _) => "max",
        })
    }
}

fn effort(chat: &Chat<'_>) -> Result<Option<Effort>, Fault> {
    let word = chat.body.read::<Str<'_>>("reasoning_effort");
    let effort = match word.as_ref().map(Option::as_deref) {
        Ok(None) => return Ok(None),
        Ok(Some("none")) => Effort::None,
        Ok(Some("minimal")) => Effort::Minimal,
        Ok(Some("low")) => Effort::Low,
        Ok(Some("medium")) => Effort::Medium,
        Ok(Some("high")) => Effort::High,
        Ok(Some("xhigh")) => Effort::XHigh,
        Ok(Some("max")) => Effort::Max,
        _ => {
            let message =
                "`reasoning_effort` must be one of none, minimal, low, medium, high, xhigh, max.";
            return Err(Fault::new(FaultKind::BadRequest, message).at("reasoning_effort"));
        }
    };
    Ok(Some(effort))
}

const fn enabled<'a>(budget: u64) -> Thinking<'a> {
    made("enabled", Some(budget), None)
}

/// The newer models leave the text of their thinking out unless it is asked for, and a stream
/// would say nothing at all while they think.
const fn adaptive<'a>() -> Thinking<'a> {
    made("adaptive", None, Some("summarized"))
}

const fn made<'a>(
    r#type: &'static str,
    budget_tokens: Option<u64>,
    display: Option<&'static str>,
) -> Thinking<'a> {
    Thinking::Made {
        r#type,
        budget_tokens,
        display,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::anthropic::model::model;

    /// `thinking`, effort, max_tokens, dropped.
    fn planned(name: &str, fields: &str, around: Around) -> Result<String, String> {
        let body = format!(r#"{{"model":"m","messages":[{{}}],{fields}}}"#);
        let chat = Chat::parse(body.as_bytes()).unwrap();
        let mut dropped = Vec::new();
        let plan = plan(&chat, &model(name), around, &mut dropped)
            .map_err(|fault| fault.message.into_owned())?;
        Ok(format!(
            "{} {} {} {}",
            serde_json::to_string(&plan.thinking).unwrap(),
            plan.effort.unwrap_or("-"),
            plan.max_tokens,
            dropped.join(",")
        ))
    }

    const FREE: Around = Around {
        max_tokens: 64_000,
        limited: false,
        unthinking: false,
        forced: false,
    };

    const fn limit(max_tokens: u64) -> Around {
        Around {
            max_tokens,
            limited: true,
            unthinking: false,
            forced: false,
        }
    }

    fn all(cases: &[(&str, &str, Around, &str)]) {
        for (name, fields, around, want) in cases {
            assert_eq!(
                planned(name, fields, *around).as_deref(),
                Ok(*want),
                "{name} {fields}"
            );
        }
    }

    const ADAPTIVE: &str = r#"{"type":"adaptive","display":"summarized"}"#;

    #[test]
    fn an_effort_is_adaptive_thinking_where_the_model_finds_its_own_measure() {
        let efforts = [
            ("claude-opus-4-8", "minimal", "low"),
            ("claude-sonnet-5", "xhigh", "xhigh"),
            ("claude-opus-4-6", "xhigh", "max"),
            ("claude-fable-5-1", "max", "max"),
            ("claude-sonnet-4-6", "medium", "medium"),
        ];
        for (name, said, want) in efforts {
            let fields = format!(r#""reasoning_effort":"{said}""#);
            let want = format!("{ADAPTIVE} {want} 64000 ");
            assert_eq!(planned(name, &fields, FREE), Ok(want), "{name} {said}");
        }
    }

    #[test]
    fn an_effort_is_a_budget_for_older_models() {
        all(&[
            (
                "claude-sonnet-4-5",
                r#""reasoning_effort":"high""#,
                FREE,
                r#"{"type":"enabled","budget_tokens":16384} - 64000 "#,
            ),
            (
                "claude-opus-4-5",
                r#""reasoning_effort":"minimal""#,
                FREE,
                r#"{"type":"enabled","budget_tokens":1024} - 64000 "#,
            ),
            (
                "claude-haiku-4-5",
                r#""reasoning_effort":"high""#,
                limit(8000),
                r#"{"type":"enabled","budget_tokens":4000} - 8000 "#,
            ),
            (
                "claude-haiku-4-5",
                r#""reasoning_effort":"low""#,
                limit(1500),
                r#"{"type":"enabled","budget_tokens":1024} - 1500 "#,
            ),
            (
                "claude-haiku-4-5",
                r#""reasoning_effort":"low""#,
                limit(1024),
                "null - 1024 reasoning_effort",
            ),
            (
                "claude-3-5-haiku-20241022",
                r#""reasoning_effort":"low""#,
                FREE,
                "null - 64000 reasoning_effort",
            ),
        ]);
    }

    #[test]
    fn no_thinking_is_said_as_each_model_wants_to_hear_it() {
        let none = r#""reasoning_effort":"none""#;
        all(&[
            ("claude-opus-4-8", none, FREE, "null - 64000 "),
            (
                "claude-haiku-5-5",
                none,
                FREE,
                r#"{"type":"disabled"} - 64000 "#,
            ),
            (
                "claude-sonnet-5-5",
                none,
                FREE,
                r#"{"type":"between_tools"} - 64000 "#,
            ),
            (
                "claude-opus-5-5",
                none,
                FREE,
                "null low 64000 reasoning_effort",
            ),
            ("local", none, FREE, "null - 64000 "),
            (
                "claude-sonnet-5-5",
                r#""thinking":{"type":"disabled"}"#,
                FREE,
                r#"{"type":"between_tools"} - 64000 "#,
            ),
        ]);
    }

    #[test]
    fn a_native_form_stays_when_the_model_takes_it_and_is_fitted_when_not() {
        let budget = r#""thinking":{"type":"enabled","budget_tokens":2000,"display":"omitted"}"#;
        let kept = r#"{"type":"enabled","budget_tokens":2000,"display":"omitted"}"#;
        all(&[
            (
                "claude-sonnet-4-5",
                budget,
                FREE,
                &format!("{kept} - 64000 "),
            ),
            ("local", budget, FREE, &format!("{kept} - 64000 ")),
            (
                "claude-sonnet-4-5",
                budget,
                limit(1800),
                r#"{"type":"enabled","budget_tokens":1799} - 1800 "#,
            ),
            (
                "claude-opus-5",
                budget,
                FREE,
                &format!("{ADAPTIVE} - 64000 thinking.budget_tokens"),
            ),
            (
                "claude-haiku-4-5",
                r#""thinking":{"type":"adaptive"}"#,
                FREE,
                r#"{"type":"enabled","budget_tokens":16384} - 64000 "#,
            ),
            (
                "claude-opus-5",
                r#""thinking":{"type":"adaptive"},"reasoning_effort":"low""#,
                FREE,
                r#"{"type":"adaptive"} low 64000 "#,
            ),
        ]);
    }

    #[test]
    fn a_limit_of_ours_is_raised_for_a_budget() {
        let ours = Around {
            max_tokens: 4096,
            ..FREE
        };
        all(&[(
            "claude-sonnet-4-5",
            r#""thinking":{"type":"enabled","budget_tokens":10000}"#,
            ours,
            r#"{"type":"enabled","budget_tokens":10000} - 14096 "#,
        )]);
    }

    #[test]
    fn a_budget_yields_to_what_it_cannot_stand_beside() {
        let lost = Around {
            unthinking: true,
            ..FREE
        };
        let effort = r#""reasoning_effort":"high""#;
        all(&[
            (
                "claude-sonnet-4-5",
                effort,
                lost,
                "null - 64000 reasoning_effort",
            ),
            (
                "claude-opus-4-8",
                effort,
                lost,
                &format!("{ADAPTIVE} high 64000 "),
            ),
        ]);
    }

    #[test]
    fn beside_a_tool_that_must_be_called_nothing_is_thought() {
        let forced = Around {
            forced: true,
            ..FREE
        };
        let effort = r#""reasoning_effort":"high""#;
        let native = r#""thinking":{"type":"adaptive"}"#;
        all(&[
            (
                "claude-sonnet-4-5",
                effort,
                forced,
                "null - 64000 reasoning_effort",
            ),
            (
                "claude-opus-4-8",
                effort,
                forced,
                "null high 64000 reasoning_effort",
            ),
            ("claude-opus-4-8", native, forced, "null - 64000 thinking"),
            (
                "claude-opus-5",
                effort,
                forced,
                r#"{"type":"disabled"} high 64000 reasoning_effort"#,
            ),
        ]);
    }

    #[test]
    fn a_wrong_word_is_refused() {
        assert_eq!(
            planned("claude-opus-5", r#""reasoning_effort":"much""#, FREE),
            Err(
                "`reasoning_effort` must be one of none, minimal, low, medium, high, xhigh, max."
                    .into()
            )
        );
        assert_eq!(
            planned("claude-opus-5", r#""thinking":true"#, FREE),
            Err("`thinking` must be an object like {\"type\": \"enabled\", \"budget_tokens\": 2048}.".into())
        );
    }
}
