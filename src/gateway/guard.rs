//! Guards on the way in: what the request's texts hold, and what becomes of that.
//!
//! A body is edited once, before the plan: every attempt is made from what is left of it. What stands for what is
//! known to this request alone.

use super::{Request, planned::From, relay};
use crate::{
    api::client::{Api, Asked},
    config::Gateway,
    fault::{Fault, FaultKind},
    guard::{
        edit::Guard,
        policy::{self, echo::Echo, system},
        request::{self, Order, Stop},
        rules::{Direction, Holding, Rule, Tally},
        vault::Vault,
    },
    host::{
        Host, Side,
        keys::{header, state},
    },
    json::Object,
    log::millis,
};

/// `error.code` of what a rule refuses.
pub(super) const BLOCKED: &str = "guardrail_blocked";
/// `error.code` of what is refused because nobody could look at it.
pub(super) const UNREAD: &str = "guardrail_error";

/// What guards have done in one request so far.
#[derive(Debug, Default)]
pub(super) struct Guarded {
    /// The rules that hold for the answer.
    pub(super) output: Holding,
    /// The values that the provider does not see.
    pub(super) vault: Vault,
    /// What was done in both directions.
    pub(super) tally: Tally,
    /// What rules about answers must know of this request.
    pub(super) policy: policy::Request,
    /// The guards that are called about the answer.
    pub(super) asks: Holding,
    /// What those are told: the model that was asked for, and what the user has said last.
    pub(super) model: String,
    pub(super) question: String,
}

/// A request that may go on.
#[derive(Debug, Default)]
pub(super) struct Passed {
    /// Its body, where that has changed.
    pub(super) body: Option<String>,
    /// The model that answers instead, as a client would ask for it.
    pub(super) to: Option<String>,
}

/// Whose request it is, and which models may answer it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Whose<'a> {
    pub(super) team: Option<&'a str>,
    pub(super) models: &'a [&'a str],
}

/// Whether what a request says is one conversation.
pub(super) const fn order(api: Api) -> Order {
    match api {
        Api::Chat | Api::Messages | Api::CountTokens | Api::Responses => Order::Conversation,
        Api::Completions | Api::Embeddings | Api::Rerank => Order::Apart,
    }
}

impl Guarded {
    /// Remembers what guards of the answer are told of the request, as the provider gets it.
    pub(super) fn recall(&mut self, asked: &Asked<'_>) {
        if !self.asks.is_empty() {
            asked.model.as_ref().clone_into(&mut self.model);
            self.question = system::question(asked.api, &asked.body);
        }
    }

    /// Looks at the body of a request.
    ///
    /// Errors: `guardrail_blocked` names the rule; `guardrail_error`: the body cannot be looked at.
    pub(super) fn request(
        &mut self,
        config: &Gateway,
        whose: Whose<'_>,
        order: Order,
        body: &str,
    ) -> Result<Passed, Fault> {
        let guards = &config.guards;
        self.output = guards.holding(Direction::Output, whose.team, whose.models);
        self.asks = guards.calling(Direction::Output, whose.team, whose.models);
        let holding = guards.holding(Direction::Input, whose.team, whose.models);
        let notes = guards.edits(holding.and(self.output).and(self.asks));
        if notes && holding.is_empty() {
            request::note(&mut self.vault, body);
        }
        let (vault, tally) = (&mut self.vault, &mut self.tally);
        let Some(mut guard) = Guard::new(guards, Direction::Input, holding, vault, tally) else {
            return Ok(Passed::default());
        };
        match request::guard(&mut guard, body, order, notes) {
            Ok(body) => {
                let routed = guard.routed().and_then(|rule| guards.rule(rule.into()));
                let to = routed.and_then(|rule| rule.to.as_ref());
                let to = to.map(|to| to.asked.clone());
                Ok(Passed { body, to })
            }
            Err(Stop::Blocked(by)) => Err(blocked(guards.rule(by.rule.into()))),
            Err(Stop::Unreadable) => {
                self.unreadable(config, whose)?;
                self.vault.crowd();
                Ok(Passed::default())
            }
        }
    }

    /// What holds for a request whose body cannot be looked at.
    ///
    /// Errors: `guardrail_error` names the first rule that lets nothing pass unseen.
    pub(super) fn unreadable(&mut self, config: &Gateway, whose: Whose<'_>) -> Result<(), Fault> {
        let guards = &config.guards;
        let holding = guards.holding(Direction::Input, whose.team, whose.models);
        if let Some(rule) = guards.closes(holding) {
            let message = format!(
                "The guard `{}` of this gateway cannot look at this request, and lets nothing pass unseen. Send JSON with fewer or less deeply nested texts, and text instead of tokens; or its owner may set `on_error: allow`, or limit it by `teams` or `models`.",
                rule.name
            );
            return Err(Fault::new(FaultKind::Blocked, message).coded(UNREAD));
        }
        self.tally.unread(holding);
        Ok(())
    }

    /// Tells the client what was done.
    pub(super) fn tell(&self, host: &dyn Host, config: &Gateway) {
        if let Some(text) = self.told(config) {
            // An answer without this header is still an answer.
            let _ = host.set_header(Side::Response, header::GUARD, Some(&text));
        }
    }

    /// What was done, in words; `None`: nothing.
    pub(super) fn told(&self, config: &Gateway) -> Option<String> {
        (!self.tally.is_empty()).then(|| self.tally.text(&config.guards))
    }

    /// Writes the end of the record.
    pub(super) fn record(&self, host: &dyn Host, config: &Gateway) {
        let Some(text) = self.told(config) else {
            return;
        };
        host.set_state(state::GUARD, &text);
        for (place, count) in self.tally.iter() {
            if let Some(rule) = config.guards.rule(place) {
                host.count(&rule.metric, count.into());
            }
        }
    }
}

/// Whether the provider adds what it remembers of earlier requests.
fn is_remembered(asked: &Asked<'_>) -> bool {
    let has = |field| asked.body.raw(field).is_some_and(|raw| raw.get() != "null");
    asked.api == Api::Responses && (has("previous_response_id") || has("conversation"))
}

/// The refusal of a rule. What it has found is not said.
pub(super) fn blocked(rule: Option<&Rule>) -> Fault {
    let name = rule.map(|rule| rule.name.as_str()).unwrap_or_default();
    let message = format!(
        "The guard `{name}` of this gateway refuses this request: it holds something that may not be sent. Take it out and send the request again."
    );
    Fault::new(FaultKind::Blocked, message).coded(BLOCKED)
}

impl Request {
    /// Guards a request for a model. What must wait for somebody else's opinion would pause here: the body stays in the
    /// proxy's buffer, and everything after this step begins with reading it.
    ///
    /// Errors: as of [`Guarded::request`]; the host does not take the new body.
    pub(super) fn guard(
        &mut self,
        host: &dyn Host,
        asked: &Asked<'_>,
        others: &[String],
    ) -> Result<Passed, Fault> {
        if self.config.guards.rules.is_empty() {
            return Ok(Passed::default());
        }
        let names = std::iter::once(&*asked.model).chain(others.iter().map(String::as_str));
        let models: Vec<&str> = names.collect();
        let whose = Whose {
            team: self.caller.who().team,
            models: &models,
        };
        if is_remembered(asked) {
            let id = self.client.id.as_deref().unwrap_or_default();
            let now = millis(host.now());
            self.guarded.vault.stand_apart(&format!("{id} {now}"));
        }
        let body = asked.body.source();
        let passed = self
            .guarded
            .request(&self.config, whose, order(asked.api), body)?;
        if let Some(body) = &passed.body {
            replace(host, body)?;
        }
        self.listen(asked, passed.body.as_deref());
        Ok(passed)
    }

    /// Remembers the system prompt as the provider gets it, where a rule looks for it in answers.
    fn listen(&mut self, asked: &Asked<'_>, body: Option<&str>) {
        let watch = self.config.guards.output.as_ref();
        if self.guarded.output.is_empty() || watch.is_none_or(|watch| watch.policy.echo.is_none()) {
            return;
        }
        let new = body.and_then(|body| Object::parse(body).ok());
        let mut echo = Echo::default();
        system::each_text(
            asked.api,
            new.as_ref().unwrap_or(&asked.body),
            &mut |text| {
                echo.add(text);
            },
        );
        self.guarded.policy.echo = Some(echo).filter(|echo| !echo.is_empty());
    }

    /// Guards a request on one of OpenAI's other paths; gives the model that it names, and the one that answers instead.
    ///
    /// Errors: as of [`Guarded::request`].
    pub(super) fn guard_relayed(
        &mut self,
        host: &dyn Host,
        model: Option<relay::Model>,
    ) -> Result<(Option<relay::Model>, Option<String>), Fault> {
        let asked = model.as_ref().map(|(asked, _)| asked.clone());
        let names: Vec<&str> = asked.iter().map(String::as_str).collect();
        self.consult_nobody(&names)?;
        let config = self.config.clone();
        let whose = Whose {
            team: self.caller.who().team,
            models: &names,
        };
        let holding = config
            .guards
            .holding(Direction::Input, whose.team, whose.models);
        let Some(relay) = self.relay.as_mut().filter(|_| !holding.is_empty()) else {
            return Ok((model, None));
        };
        if !relay.is_json() {
            self.guarded.unreadable(&config, whose)?;
            return Ok((model, None));
        }
        let body = host.body(Side::Request, 0, usize::MAX);
        let Ok(body) = std::str::from_utf8(&body) else {
            self.guarded.unreadable(&config, whose)?;
            return Ok((model, None));
        };
        let passed = self.guarded.request(&config, whose, Order::Apart, body)?;
        // What an answer of these paths holds is not looked at.
        self.guarded.output = Holding::default();
        self.guarded.asks = Holding::default();
        if passed.to.is_some() && model.is_none() {
            let message = "A guard of this gateway sends this request to another model, which only a request can go to that names one. Name a `model`.";
            return Err(Fault::new(FaultKind::Blocked, message).coded(BLOCKED));
        }
        let Some(body) = passed.body else {
            return Ok((model, passed.to));
        };
        replace(host, &body)?;
        Ok((relay.replaced(body.as_bytes())?, passed.to))
    }

    /// Guards a request whose body passes without being held.
    ///
    /// Errors: a rule lets nothing pass unseen.
    pub(super) fn guard_unheld(&mut self) -> Result<(), Fault> {
        self.consult_nobody(&[])?;
        let whose = Whose {
            team: self.caller.who().team,
            models: &[],
        };
        self.guarded.unreadable(&self.config, whose)
    }

    /// Who asks, for the plan.
    pub(super) fn from(&self) -> From<'_> {
        From {
            caller: &self.caller,
            client: &self.client,
        }
    }
}

pub(super) fn replace(host: &dyn Host, body: &str) -> Result<(), Fault> {
    let written = host.replace_body(Side::Request, usize::MAX, body.as_bytes());
    written.map_err(|_| {
        let message = "The gateway could not write the request anew.";
        Fault::new(FaultKind::Internal, message)
    })
}
