//! What the gateway role tells the provider role: in the memory that they share, and for one in another machine as one
//! piece of filter state, because each property that a role reads costs as much as a good part of a small request.

use super::Step;
use crate::{
    api::{
        client::{Api, Asked},
        relay::Relayed,
    },
    catalogue::Prices,
    fault::FaultKind,
    host::{Exchange, keys::state},
    json::{self, Layout, Object, Place},
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::rc::Rc;

/// A body with more fields than this is read again instead of being described.
const MAX_PLACES: usize = 64;

/// Likewise one with a longer key.
const MAX_KEY_BYTES: usize = 64;

/// What else than a failure of the provider moves a request on, while there is a next step.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moves {
    /// It is too long for the model; the next step must be another model.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub context_length: bool,
    /// A content policy refuses it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub content_filter: bool,
    /// Client errors of these statuses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub statuses: Vec<u16>,
}

impl Moves {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// What the provider role must know of a copy: nobody else hears of its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copied {
    /// Of the model that is asked; `None`: they are not known.
    pub prices: Option<Prices>,
}

/// The plan, and what the gateway role has already found out about the body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandOver {
    /// The attempts in order.
    pub steps: Vec<Step>,
    /// The language that the client speaks.
    #[serde(default, skip_serializing_if = "is_chat")]
    pub api: Api,
    /// The client wants server-sent events.
    pub stream: bool,
    /// The client asked for the usage chunk.
    pub wants_usage: bool,
    /// How many choices the client asked for: `n`, of the older Completions for each prompt.
    #[serde(default, skip_serializing_if = "is_one_at_most")]
    pub choices: u32,
    /// The model that the client asked for.
    pub model: String,
    /// The client's `:authority`, for providers that have no host of their own configured.
    pub authority: String,
    /// Envoy's id of the request, for the answer's headers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The client's `traceparent` and `tracestate`, for providers that are sent them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub traces: Vec<(String, String)>,
    /// Headers of the client that a provider of its own language may be sent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub client_headers: Vec<(String, String)>,
    /// Policy and rule, for the answer's headers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    /// The body may hold reasoning that this gateway has sealed for another provider.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sealed: bool,
    /// The prompt's tokens as the model of each step reads it; empty when nothing is to be counted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tokens: Vec<u64>,
    /// The most tokens of an answer, for each step whose model gives fewer than the client asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub caps: Vec<Option<u64>>,
    /// The numbers of the steps' targets, where the requests at them are counted: see [`super::mark`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub marks: Vec<u64>,
    /// What else than a failure moves on to the next step.
    #[serde(default, skip_serializing_if = "Moves::is_default")]
    pub moves: Moves,
    /// How long a provider may be silent once it has begun to answer. Units: milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_ms: Option<u64>,
    /// How long the target of the last step may be waited for; that step stands there once more, for afterwards. Units:
    /// milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_ms: Option<u64>,
    /// A whole answer must be the JSON that was asked for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub validate: bool,
    /// It is a copy, whose answer reaches nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mirror: Option<Copied>,
    /// A request on one of OpenAI's other paths, whose bytes pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relay: Option<Relayed>,
    /// Units: bytes of the body that the places belong to.
    pub size: usize,
    /// Where the body's fields stand; empty when it is not worth saying. A role in another machine reads the body again.
    #[serde(skip)]
    pub places: Vec<Place>,
    /// And where everything in them lies.
    #[serde(skip)]
    pub layout: Option<Layout>,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's form
fn is_chat(api: &Api) -> bool {
    *api == Api::Chat
}

impl HandOver {
    /// Describes a checked request.
    pub fn new(
        asked: &Asked<'_>,
        steps: Vec<Step>,
        authority: &str,
        traces: Vec<(String, String)>,
    ) -> Self {
        let size = asked.body.source().len();
        let mut places = asked.body.places();
        let mut layout = asked.body.layout();
        if places.len() > MAX_PLACES || places.iter().any(|place| place.key.len() > MAX_KEY_BYTES) {
            places.clear();
            layout = None;
        }
        Self {
            api: asked.api,
            stream: asked.stream,
            wants_usage: asked.wants_usage,
            choices: choices(asked),
            sealed: asked.may_hold_sealed(),
            size,
            places,
            layout,
            ..Self::plain(steps, &asked.model, authority, traces)
        }
    }

    /// Describes a request whose bytes pass; `model`: what the client asked for, where it names one.
    pub fn relayed(
        relay: Relayed,
        model: Option<&str>,
        steps: Vec<Step>,
        authority: &str,
        traces: Vec<(String, String)>,
    ) -> Self {
        Self {
            relay: Some(relay),
            ..Self::plain(steps, model.unwrap_or_default(), authority, traces)
        }
    }

    /// A request of which nothing else is known.
    fn plain(
        steps: Vec<Step>,
        model: &str,
        authority: &str,
        traces: Vec<(String, String)>,
    ) -> Self {
        Self {
            steps,
            api: Api::Chat,
            stream: false,
            wants_usage: false,
            choices: 1,
            model: model.to_owned(),
            authority: authority.to_owned(),
            request_id: None,
            traces,
            client_headers: Vec::new(),
            route: None,
            sealed: false,
            tokens: Vec::new(),
            caps: Vec::new(),
            marks: Vec::new(),
            moves: Moves::default(),
            idle_ms: None,
            wait_ms: None,
            validate: false,
            mirror: None,
            relay: None,
            size: 0,
            places: Vec::new(),
            layout: None,
        }
    }

    /// The same request for one other target, to be read beside it: nothing of it moves on.
    #[must_use]
    pub fn copied(&self, step: Step, tokens: Vec<u64>, prices: Option<Prices>) -> Self {
        Self {
            steps: vec![step],
            tokens,
            caps: Vec::new(),
            marks: Vec::new(),
            moves: Moves::default(),
            idle_ms: None,
            wait_ms: None,
            validate: false,
            route: None,
            places: Vec::new(),
            layout: None,
            mirror: Some(Copied { prices }),
            ..self.clone()
        }
    }

    /// Writes it for the provider role, which may be in a machine of its own.
    pub fn store(self, host: &dyn Exchange) {
        let json = serde_json::to_string(&self).unwrap_or_default();
        host.set_state(state::HAND_OVER, &json);
        if let Some(board) = host.board() {
            board.set_plan(Rc::new(self));
        }
    }

    /// What the gateway role wrote; `None` when it has not run.
    pub fn load(host: &dyn Exchange) -> Option<Rc<Self>> {
        let here = host.board().and_then(|board| board.plan());
        let read = || serde_json::from_slice(&host.state(state::HAND_OVER)?).ok();
        here.or_else(|| read().map(Rc::new))
    }

    /// The step of an attempt, counted from 1. A plan shorter than the attempts stays on its last
    /// step, as Envoy does.
    pub fn step(&self, number: u64) -> Option<&Step> {
        self.steps.get(self.at(number)?)
    }

    /// The steps that are taken without waiting for anybody.
    pub fn at_once(&self) -> &[Step] {
        let count = self
            .steps
            .len()
            .saturating_sub(self.wait_ms.map_or(0, |_| 1));
        self.steps.get(..count).unwrap_or_default()
    }

    /// Whether something follows attempt `number` that is none of the last resort.
    pub fn goes_on(&self, number: u64) -> bool {
        usize::try_from(number).is_ok_and(|number| number < self.at_once().len())
    }

    /// Whether all that follows attempt `number` is its own target.
    pub fn only_itself_follows(&self, number: u64) -> bool {
        let own = self.step(number);
        let later = usize::try_from(number).unwrap_or(usize::MAX);
        let mut later = self.steps.iter().skip(later).peekable();
        later.peek().is_some() && later.all(|step| Some(step) == own)
    }

    /// What was found out of an attempt's step; `None`: nothing.
    pub fn of_step<T: Copy>(&self, found: &[T], number: u64) -> Option<T> {
        found.get(self.at(number)?).copied()
    }

    fn at(&self, number: u64) -> Option<usize> {
        let last = self.steps.len().checked_sub(1)?;
        Some(usize::try_from(number.saturating_sub(1)).map_or(last, |at| at.min(last)))
    }

    /// Whether an error that is the client's, of attempt `number`, is tried at the next step all the same.
    pub fn moves_on(&self, number: u64, status: u16, kind: FaultKind) -> bool {
        let later = usize::try_from(number).unwrap_or(usize::MAX);
        let mut later = self.at_once().iter().skip(later).peekable();
        if later.peek().is_none() {
            return false;
        }
        let asked = self.step(number).map(|step| &step.model);
        match kind {
            FaultKind::ContextLength => {
                self.moves.context_length && later.any(|step| Some(&step.model) != asked)
            }
            FaultKind::Blocked => self.moves.content_filter,
            _ => self.moves.statuses.contains(&status),
        }
    }

    /// How many bytes from the start of the body hold all of these fields.
    pub fn reach(&self, fields: &[&str]) -> Option<usize> {
        if self.places.is_empty() {
            return None;
        }
        let touched = self
            .places
            .iter()
            .filter(|place| fields.contains(&place.key.as_str()));
        Some(touched.map(|place| place.end).max().unwrap_or(0))
    }
}

fn choices(asked: &Asked<'_>) -> u32 {
    let each: u32 = asked.body.read("n").ok().flatten().unwrap_or(1);
    match asked.api {
        Api::Completions => each.saturating_mul(prompts(&asked.body)),
        _ => each,
    }
}

/// How many prompts the older Completions are to continue: texts or lists of tokens; a list of tokens is one.
fn prompts(body: &Object<'_>) -> u32 {
    let mut count = 0u32;
    let prompt: Option<&RawValue> = body.read("prompt").unwrap_or_default();
    json::each(prompt, |one| {
        count = count.saturating_add(u32::from(one.get().starts_with(['"', '['])));
    });
    count.max(1)
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's form
fn is_one_at_most(choices: &u32) -> bool {
    *choices <= 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_prompt_has_choices_of_its_own_and_a_list_of_tokens_is_one_prompt() {
        let count = |prompt: &str| {
            let body = format!(r#"{{"prompt":{prompt}}}"#);
            prompts(&Object::parse(&body).unwrap())
        };
        for (prompt, want) in [
            (r#""a""#, 1),
            (r#"["a"]"#, 1),
            (r#"["a", "b","c"]"#, 3),
            ("[1, 2,3]", 1),
            ("[[1,2], [3]]", 2),
            ("[]", 1),
            ("null", 1),
            ("7", 1),
        ] {
            assert_eq!(count(prompt), want, "{prompt}");
        }
    }
}
