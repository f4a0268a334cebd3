//! Guards that are called: a request waits until each has said what it thinks, or one has refused it.
//!
//! All are asked at once, after the guards of this gateway have looked: what those take out is not shown to others.

use super::{
    Request, Stage,
    guard::{BLOCKED, blocked, order, replace},
};
use crate::{
    api::client::Asked,
    fault::{Fault, FaultKind},
    guard::{
        external::{self, About, Call, Mark, Opinion, Unusable},
        request::outside::{self, Said},
        rules::{Action, Direction, Guards, Holding, OnError, Rule, label},
        vault::Kept,
    },
    host::{Flow, Host, Side, SideAnswer, SideCall},
};

/// `error.code` of what is refused because a guard has no opinion. The client may try again.
const UNAVAILABLE: &str = "guardrail_unavailable";
/// What they are asked about.
const REQUEST: &str = "request";

/// A request that waits.
#[derive(Debug)]
pub(super) struct Waiting {
    pending: Vec<Pending>,
    texts: Vec<Said>,
    /// Models that may answer when the targets of the asked one have failed.
    others: Vec<String>,
    /// The model that answers instead.
    to: Option<String>,
}

/// One guard that was asked.
#[derive(Debug)]
pub(super) struct Pending {
    /// Its place in the list of calls.
    pub(super) call: usize,
    /// Under which number its answer comes; `None`: it could not be asked.
    number: Option<u32>,
    pub(super) opinion: Option<Result<Opinion, Unusable>>,
}

/// Asks all the guards that hold at once. `about`: but for the name of the rule.
pub(super) fn ask_all(
    host: &dyn Host,
    guards: &Guards,
    holding: Holding,
    about: &About<'_>,
) -> Vec<Pending> {
    let calls = guards.calls.iter().enumerate();
    calls
        .filter(|(_, call)| holding.has(call.rule.into()))
        .map(|(place, call)| {
            let rule = guards.rule(call.rule.into());
            let about = About {
                rule: rule.map(|rule| rule.name.as_str()).unwrap_or_default(),
                ..*about
            };
            let number = ask(host, call, &about);
            let nobody = || Err(Unusable("it could not be called"));
            Pending {
                call: place,
                number,
                opinion: number.is_none().then(nobody),
            }
        })
        .collect()
}

/// Notes an answer; false: nobody waits for it.
pub(super) fn note(
    guards: &Guards,
    pending: &mut [Pending],
    number: u32,
    answer: &SideAnswer,
    texts: &[&str],
) -> bool {
    let mut open = pending.iter_mut();
    let asked = open.find(|asked| asked.number == Some(number) && asked.opinion.is_none());
    let Some((asked, call)) = asked.and_then(|asked| {
        let call = guards.calls.get(asked.call)?;
        Some((asked, call))
    }) else {
        return false;
    };
    asked.opinion = Some(call.read(answer.status, &answer.body, texts));
    true
}

/// What has become of a request.
pub(super) enum Consulted {
    /// It waits.
    Waits,
    /// It goes on, perhaps with another body, perhaps to another model.
    Goes {
        body: Option<String>,
        to: Option<String>,
    },
}

impl Request {
    /// Asks the guards that are called.
    ///
    /// Errors: there is no opinion of one whose rule lets nothing pass without.
    pub(super) fn consult(
        &mut self,
        host: &dyn Host,
        asked: &Asked<'_>,
        others: &[String],
        to: Option<String>,
    ) -> Result<Consulted, Fault> {
        let config = self.config.clone();
        if config.guards.calls.is_empty() {
            return Ok(Consulted::Goes { body: None, to });
        }
        let names = std::iter::once(&*asked.model).chain(others.iter().map(String::as_str));
        let models: Vec<&str> = names.collect();
        let team = self.caller.who().team;
        let holding = config.guards.calling(Direction::Input, team, &models);
        if holding.is_empty() {
            return Ok(Consulted::Goes { body: None, to });
        }
        let body = asked.body.source();
        let order = order(asked.api);
        let (most, bytes) = (external::MAX_TEXTS, external::MAX_BYTES);
        let Ok(texts) = outside::read(body, order, most, bytes) else {
            for rule in holding.iter() {
                self.no_opinion(rule, REQUEST)?;
            }
            return Ok(Consulted::Goes { body: None, to });
        };
        if texts.is_empty() {
            return Ok(Consulted::Goes { body: None, to });
        }
        let shown: Vec<&str> = texts.iter().map(|said| said.text.as_str()).collect();
        let about = About {
            rule: "",
            team,
            model: &asked.model,
            texts: &shown,
            answer: None,
        };
        let pending = ask_all(host, &config.guards, holding, &about);
        self.waiting = Some(Waiting {
            pending,
            texts,
            others: others.to_vec(),
            to,
        });
        self.consulted(body)
    }

    /// One guard has answered; `None`: nobody waits for that.
    pub(super) fn opinion(
        &mut self,
        host: &dyn Host,
        number: u32,
        answer: &SideAnswer,
    ) -> Option<Result<Flow, Fault>> {
        if self.stage != Stage::Consulting {
            return None;
        }
        let config = self.config.clone();
        let waiting = self.waiting.as_mut()?;
        let Waiting { pending, texts, .. } = waiting;
        let shown: Vec<&str> = texts.iter().map(|said| said.text.as_str()).collect();
        note(&config.guards, pending, number, answer, &shown).then(|| self.go_on(host))
    }

    /// Goes on when nothing is open any more.
    fn go_on(&mut self, host: &dyn Host) -> Result<Flow, Fault> {
        let body = host.body(Side::Request, 0, usize::MAX);
        let text = std::str::from_utf8(&body).unwrap_or_default();
        let others = self
            .waiting
            .as_mut()
            .map(|waiting| std::mem::take(&mut waiting.others));
        let others = others.unwrap_or_default();
        match self.consulted(text)? {
            Consulted::Waits => {
                if let Some(waiting) = &mut self.waiting {
                    waiting.others = others;
                }
                Ok(Flow::Pause)
            }
            Consulted::Goes { body: new, to } => {
                if let Some(new) = &new {
                    replace(host, new)?;
                }
                let body = new.as_deref().map_or(&*body, str::as_bytes);
                let asked = Asked::parse(self.api, body)?;
                self.hand_on(host, &asked, &others, to)
            }
        }
    }

    /// What the opinions come to that are there.
    ///
    /// Errors: one refuses, or cannot be had and may not be missing.
    fn consulted(&mut self, body: &str) -> Result<Consulted, Fault> {
        let Some(mut waiting) = self.waiting.take() else {
            return Ok(Consulted::Waits);
        };
        let config = self.config.clone();
        let guards = &config.guards;
        // Whoever refuses need not be waited for.
        for asked in &mut waiting.pending {
            let Some(call) = guards.calls.get(asked.call) else {
                continue;
            };
            let Some(rule) = guards.rule(call.rule.into()) else {
                continue;
            };
            match &asked.opinion {
                Some(Err(_)) => {
                    self.no_opinion(call.rule.into(), REQUEST)?;
                    asked.opinion = Some(Ok(Opinion::Pass));
                }
                Some(Ok(opinion)) if refuses(rule, opinion) => {
                    self.guarded.tally.add(call.rule);
                    return Err(blocked(Some(rule)));
                }
                _ => {}
            }
        }
        if waiting.pending.iter().any(|asked| asked.opinion.is_none()) {
            self.stage = Stage::Consulting;
            self.waiting = Some(waiting);
            return Ok(Consulted::Waits);
        }
        let mut to = waiting.to.take();
        let mut marks: Vec<(Action, Mark)> = Vec::new();
        let mut new: Vec<Option<String>> = vec![None; waiting.texts.len()];
        for asked in &mut waiting.pending {
            let call = guards.calls.get(asked.call);
            let rule = call.and_then(|call| guards.rule(call.rule.into()));
            let (Some(call), Some(rule), Some(Ok(opinion))) = (call, rule, asked.opinion.take())
            else {
                continue;
            };
            match (rule.action, opinion) {
                (_, Opinion::Pass) => continue,
                (action @ (Action::Mask | Action::Restore), Opinion::Marks(own)) => {
                    marks.extend(own.into_iter().map(|mark| (action, mark)));
                }
                (Action::Mask, Opinion::Texts(texts)) => {
                    for (place, text) in new.iter_mut().zip(texts) {
                        match place {
                            None => *place = text,
                            // Two have written the same text anew, and neither has seen the other's: the first one's
                            // stays.
                            Some(_) if text.is_some() => {
                                self.no_opinion(call.rule.into(), REQUEST)?;
                            }
                            Some(_) => {}
                        }
                    }
                }
                (Action::Route, _) if to.is_none() => {
                    to = rule.to.as_ref().map(|to| to.asked.clone());
                }
                _ => {}
            }
            self.guarded.tally.add(call.rule);
        }
        self.put_in(&waiting.texts, marks, &mut new)?;
        if new.iter().all(Option::is_none) {
            return Ok(Consulted::Goes { body: None, to });
        }
        let body = outside::replaced(body, &waiting.texts, &new).map_err(|_| {
            let message = "A guard of this gateway would make arguments of a tool unreadable, so this request is refused.";
            Fault::new(FaultKind::Blocked, message).coded(BLOCKED)
        })?;
        Ok(Consulted::Goes {
            body: Some(body),
            to,
        })
    }

    /// Puts placeholders into the texts.
    ///
    /// Errors: a text was written anew by somebody who has not seen what is marked.
    fn put_in(
        &mut self,
        texts: &[Said],
        mut marks: Vec<(Action, Mark)>,
        new: &mut [Option<String>],
    ) -> Result<(), Fault> {
        if marks.is_empty() {
            return Ok(());
        }
        let vault = &mut self.guarded.vault;
        for said in texts {
            // Before the first value gets its placeholder.
            vault.note(&said.text, crate::guard::vault::Said::Client);
        }
        marks.sort_by_key(|(_, mark)| (mark.text, mark.start, std::cmp::Reverse(mark.end)));
        let mut at = marks.into_iter().peekable();
        while let Some(place) = at.peek().map(|(_, mark)| mark.text) {
            let (Some(said), Some(place_of)) = (texts.get(place), new.get_mut(place)) else {
                break;
            };
            if place_of.is_some() {
                let message = "Two guards of this gateway would change the same text, so this request is refused.";
                return Err(Fault::new(FaultKind::Blocked, message).coded(BLOCKED));
            }
            let (mut out, mut from) = (String::with_capacity(said.text.len()), 0);
            while let Some((mut action, mut mark)) = at.next_if(|(_, mark)| mark.text == place) {
                while let Some((other, next)) =
                    at.next_if(|(_, next)| next.text == place && next.start < mark.end)
                {
                    mark.end = mark.end.max(next.end);
                    action = action.max(other);
                }
                let kept = match action {
                    Action::Restore => Kept::Back,
                    _ => Kept::Away,
                };
                let value = said.text.get(mark.start..mark.end).unwrap_or_default();
                out.push_str(said.text.get(from..mark.start).unwrap_or_default());
                out.push_str(&vault.placeholder(&label(&mark.entity), value, kept));
                from = mark.end;
            }
            out.push_str(said.text.get(from..).unwrap_or_default());
            *place_of = Some(out);
        }
        Ok(())
    }

    /// What holds without an opinion.
    ///
    /// Errors: `guardrail_unavailable`, unless the rule says otherwise.
    pub(super) fn no_opinion(&mut self, place: usize, what: &str) -> Result<(), Fault> {
        let config = self.config.clone();
        let Some(rule) = config.guards.rule(place) else {
            return Ok(());
        };
        if rule.on_error == OnError::Allow || rule.action == Action::Warn {
            let mut holding = Holding::default();
            holding.add(place);
            self.guarded.tally.unread(holding);
            return Ok(());
        }
        let message = format!(
            "The guard `{}` of this gateway cannot be asked about this {what} now, and lets nothing pass unseen. Try again later; its owner may set `on_error: allow`.",
            rule.name
        );
        Err(Fault::new(FaultKind::Overloaded, message).coded(UNAVAILABLE))
    }

    /// What holds for a request that is passed without being held: nobody can be asked about it.
    ///
    /// Errors: as of [`Self::consult`].
    pub(super) fn consult_nobody(&mut self, models: &[&str]) -> Result<(), Fault> {
        if self.config.guards.calls.is_empty() {
            return Ok(());
        }
        let team = self.caller.who().team;
        let holding = self.config.guards.calling(Direction::Input, team, models);
        for rule in holding.iter() {
            self.no_opinion(rule, REQUEST)?;
        }
        Ok(())
    }
}

/// Whether a rule refuses a request or an answer for this.
pub(super) fn refuses(rule: &Rule, opinion: &Opinion) -> bool {
    match opinion {
        Opinion::Pass => false,
        // Who would mask and cannot, has something to object to.
        Opinion::Refused => !matches!(rule.action, Action::Warn | Action::Route),
        Opinion::Found | Opinion::Marks(_) | Opinion::Texts(_) => rule.action == Action::Block,
    }
}

/// Sends the question; `None`: nobody will answer it.
fn ask(host: &dyn Host, call: &Call, about: &About<'_>) -> Option<u32> {
    let body = call.body(about);
    let length = body.len().to_string();
    let headers = [
        (":method", "POST"),
        (":path", call.path.as_str()),
        (":authority", call.host.as_str()),
        ("content-type", "application/json"),
        ("accept", "application/json"),
        ("content-length", length.as_str()),
    ];
    let call = SideCall {
        cluster: &call.cluster,
        headers: &headers,
        body: &body,
        timeout: call.timeout,
    };
    host.call(&call).ok()
}
