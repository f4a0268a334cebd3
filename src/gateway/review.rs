//! Guards that are called about an answer: nothing of it leaves before they have said what they think.
//!
//! They see what the guards of this gateway have left, before values are put back in the place of placeholders. A whole
//! answer is held here, as it is for other guards; `windows` is the same for streams.

use super::{
    Request,
    consult::{self, Pending, refuses},
    guard::{BLOCKED, Guarded},
    texts::Texts,
};
use crate::{
    fault::{Fault, FaultKind},
    guard::{
        answer::{
            outside::{self, New, Shown},
            whole::{self, Halt},
        },
        back::Back,
        edit::Blocked,
        external::{About, Answered, MAX_BYTES, MAX_TEXTS, Opinion},
        rules::{Action, Guards, label},
        vault::Kept,
    },
    host::{Flow, Host, SideAnswer},
};
use std::ops::Range;

/// What they are asked about.
const ANSWER: &str = "answer";

/// What guards that were called are judging.
#[derive(Debug)]
pub(super) struct Review {
    pending: Vec<Pending>,
    shown: Shown,
}

/// A whole answer that waits, as the guards of this gateway have left it.
#[derive(Debug)]
pub(super) struct Whole {
    body: String,
    /// It is not what its provider has sent.
    changed: bool,
}

/// What is put in the place of a part of a text.
enum With {
    Placeholder(String),
    Text(String),
}

impl Guarded {
    /// The guards of this gateway, which put no value back yet; `None`: none holds.
    pub(super) fn looks<'g>(&'g mut self, guards: &'g Guards) -> Option<Back<'g>> {
        if self.output.is_empty() {
            return None;
        }
        let (vault, tally) = (&mut self.vault, &mut self.tally);
        Back::new(guards, self.output, vault, tally, &mut self.policy).map(Back::keeping)
    }
}

impl Request {
    /// A whole answer is here. What waits goes on in [`Self::judged`].
    ///
    /// Errors: a guard refuses it, or cannot look at it.
    pub(super) fn review(&mut self, host: &dyn Host, body: &str) -> Result<Flow, Fault> {
        let config = self.config.clone();
        let api = self.api;
        let edited = match self.guarded.looks(&config.guards) {
            Some(mut back) => whole::edited(api, body, &mut back),
            None => Ok(None),
        };
        let edited = match edited {
            Ok(edited) => edited,
            Err(Halt::Stopped(by)) => return Err(self.stops(by)),
            Err(Halt::Unread) => return self.unread().map_or(Ok(Flow::Continue), Err),
        };
        let changed = edited.is_some();
        let body = edited.unwrap_or_else(|| body.to_owned());
        let Ok(shown) = outside::read(api, &body) else {
            return self.unread().map_or(Ok(Flow::Continue), Err);
        };
        let whole = Whole { body, changed };
        if shown.texts.is_empty() {
            return Ok(self.put_back(host, whole));
        }
        self.ask(host, shown, None)?;
        self.texts = Texts::Reviewed(Box::new(whole));
        self.judged_whole(host)
    }

    /// A guard has answered; `None`: nobody waits for that, or the answer is not held any more.
    pub(super) fn judged(
        &mut self,
        host: &dyn Host,
        number: u32,
        answer: &SideAnswer,
    ) -> Option<Flow> {
        let config = self.config.clone();
        let Review { pending, shown } = self.review.as_mut()?;
        if !consult::note(&config.guards, pending, number, answer, &shown.read()) {
            return None;
        }
        match &self.texts {
            Texts::Reviewed(_) => {
                let step = self.judged_whole(host);
                let flow = step.unwrap_or_else(|fault| {
                    self.texts = Texts::Pass;
                    self.refuse(host, &fault);
                    Flow::Continue
                });
                match flow {
                    Flow::Continue => Some(self.pass(host, true)),
                    Flow::Pause => None,
                }
            }
            Texts::Windows(_) => self.judged_window(host),
            _ => None,
        }
    }

    /// Goes on with a whole answer when nothing is open any more.
    fn judged_whole(&mut self, host: &dyn Host) -> Result<Flow, Fault> {
        let Some((shown, news)) = self.verdict()? else {
            return Ok(Flow::Pause);
        };
        let Texts::Reviewed(whole) = std::mem::take(&mut self.texts) else {
            return Ok(Flow::Continue);
        };
        let hides = self.config.guards.acts(self.guarded.asks);
        let Ok(edited) = outside::replaced(self.api, &whole.body, &shown, &news, hides) else {
            return self.unread().map_or(Ok(Flow::Continue), Err);
        };
        let changed = whole.changed || edited.is_some();
        let body = edited.unwrap_or(whole.body);
        Ok(self.put_back(host, Whole { body, changed }))
    }

    /// The last step of a whole answer: the client's own values.
    fn put_back(&mut self, host: &dyn Host, whole: Whole) -> Flow {
        let restored = Back::restores(&self.guarded.vault).and_then(|mut back| {
            whole::edited(self.api, &whole.body, &mut back)
                .ok()
                .flatten()
        });
        match restored {
            Some(body) => self.write_whole(host, &body),
            None if whole.changed => self.write_whole(host, &whole.body),
            None => {}
        }
        self.guarded.tell(host, &self.config);
        Flow::Continue
    }

    /// Asks about this. `window`: its number in the stream, and whether nothing follows.
    ///
    /// Errors: it is more than anybody is asked about.
    pub(super) fn ask(
        &mut self,
        host: &dyn Host,
        shown: Shown,
        window: Option<(u32, bool)>,
    ) -> Result<(), Fault> {
        let config = self.config.clone();
        let bytes: usize = shown.texts.iter().map(String::len).sum();
        if shown.texts.len() > MAX_TEXTS || bytes > MAX_BYTES {
            self.nobody_judges()?;
            let pending = Vec::new();
            self.review = Some(Review { pending, shown });
            return Ok(());
        }
        let about = About {
            rule: "",
            team: self.caller.who().team,
            model: &self.guarded.model,
            texts: &shown.read(),
            answer: Some(Answered {
                id: self.client.id.as_deref().unwrap_or_default(),
                question: &self.guarded.question,
                window,
            }),
        };
        let pending = consult::ask_all(host, &config.guards, self.guarded.asks, &about);
        self.review = Some(Review { pending, shown });
        Ok(())
    }

    /// What holds for what nobody can be asked about.
    ///
    /// Errors: a guard lets nothing pass unseen.
    pub(super) fn nobody_judges(&mut self) -> Result<(), Fault> {
        let asks = self.guarded.asks;
        asks.iter()
            .try_for_each(|rule| self.no_opinion(rule, ANSWER))
    }

    /// What the opinions come to; `None`: some are open.
    ///
    /// Errors: one refuses, or cannot be had and may not be missing.
    pub(super) fn verdict(&mut self) -> Result<Option<(Shown, Vec<New>)>, Fault> {
        let config = self.config.clone();
        let guards = &config.guards;
        let Some(mut review) = self.review.take() else {
            return Ok(None);
        };
        // Whoever refuses need not be waited for.
        for asked in &mut review.pending {
            let call = guards.calls.get(asked.call);
            let Some((call, rule)) =
                call.and_then(|call| Some((call, guards.rule(call.rule.into())?)))
            else {
                continue;
            };
            match &asked.opinion {
                Some(Err(_)) => {
                    self.no_opinion(call.rule.into(), ANSWER)?;
                    asked.opinion = Some(Ok(Opinion::Pass));
                }
                Some(Ok(opinion)) if refuses(rule, opinion) => {
                    self.guarded.tally.add(call.rule);
                    return Err(self.stops(Blocked { rule: call.rule }));
                }
                _ => {}
            }
        }
        if review.pending.iter().any(|asked| asked.opinion.is_none()) {
            self.review = Some(review);
            return Ok(None);
        }
        let Review { pending, shown } = review;
        let mut found: Vec<(usize, Range<usize>, With)> = Vec::new();
        for asked in pending {
            let call = guards.calls.get(asked.call);
            let rule = call.and_then(|call| guards.rule(call.rule.into()));
            let (Some(call), Some(rule), Some(Ok(opinion))) = (call, rule, asked.opinion) else {
                continue;
            };
            match opinion {
                Opinion::Pass => continue,
                Opinion::Marks(marks) if rule.action == Action::Mask => {
                    found.extend(marks.into_iter().map(|mark| {
                        let with = With::Placeholder(label(&mark.entity));
                        (mark.text, mark.start..mark.end, with)
                    }));
                }
                Opinion::Texts(texts) if rule.action == Action::Mask => {
                    let before = found.len();
                    for (place, new) in texts.into_iter().enumerate() {
                        let news = new.map(|new| shown.differences(place, &new));
                        let news = news.into_iter().flatten();
                        found.extend(news.map(|new| (place, new.place, With::Text(new.with))));
                    }
                    if found.len() == before {
                        continue;
                    }
                }
                _ => {}
            }
            self.guarded.tally.add(call.rule);
        }
        let news = self.news(&shown, found)?;
        Ok(Some((shown, news)))
    }

    /// What stands in the places of what was found; marks that overlap are one.
    ///
    /// Errors: a text was written anew by somebody who has not seen what is marked.
    fn news(
        &mut self,
        shown: &Shown,
        mut found: Vec<(usize, Range<usize>, With)>,
    ) -> Result<Vec<New>, Fault> {
        found.sort_by_key(|(text, place, _)| (*text, place.start, std::cmp::Reverse(place.end)));
        let mut news: Vec<New> = Vec::new();
        let mut found = found.into_iter().peekable();
        while let Some((text, mut place, with)) = found.next() {
            let mut alone = true;
            while let Some((_, next, other)) =
                found.next_if(|(other, next, _)| *other == text && next.start < place.end)
            {
                place.end = place.end.max(next.end);
                alone = false;
                if matches!((&with, other), (With::Text(_), _) | (_, With::Text(_))) {
                    let message = "Two guards of this gateway would change the same text of this answer, so it is stopped.";
                    return Err(Fault::new(FaultKind::Blocked, message).coded(BLOCKED));
                }
            }
            let mut new = New {
                text,
                place,
                with: String::new(),
            };
            new.with = match with {
                With::Text(with) if alone => with,
                With::Text(_) => String::new(),
                With::Placeholder(label) => {
                    let value = shown.part(new.text, &new.place);
                    let vault = &mut self.guarded.vault;
                    vault.placeholder(&label, value, Kept::Away).to_string()
                }
            };
            news.push(new);
        }
        Ok(news)
    }
}
