//! What a bystander learns of an answer: enough for the record and for the decision to let it pass.

use super::{Sent, spoken::Spoken};
use crate::{
    api::{
        answer::{AnswerSink, Finish, Part, Usage},
        chat::Choices,
        watch::Kind,
    },
    fault::{Fault, FaultKind},
    host::{Host, keys::state},
    log,
};

/// What the record needs to know of an answer.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) model: String,
    pub(super) usage: Option<Usage>,
    pub(super) finish: Option<Finish>,
    /// The choices of a stream that passes.
    pub(super) choices: Choices,
    /// The choices of a translated answer that call tools.
    calling: u128,
    /// How many choices of a stream that is translated have ended.
    pub(super) finished: u32,
    /// A part has come that the client must see.
    pub(super) content: bool,
    /// One of them was more than an end or a refusal.
    pub(super) answers: bool,
    /// Whether the first event with such a part was the end that a content policy makes.
    filtered: Option<bool>,
    /// The answer's tokens as they flow; `None`: nothing is to be counted.
    pub(super) spoken: Option<Spoken>,
    /// Usage has come since the last look.
    told: bool,
    /// What the provider had told when usage was last written.
    told_before: Option<Usage>,
    recorded: Option<Recorded>,
}

/// The usage that filter state shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Recorded {
    usage: Usage,
    by_provider: bool,
}

impl Facts {
    /// Nothing is known yet; the answer is counted where the prompt was.
    pub(super) fn new(sent: &Sent) -> Self {
        let input = sent.plan.of_step(&sent.plan.tokens, sent.number);
        Self {
            spoken: input.map(|input| Spoken::new(&sent.model, input)),
            ..Self::default()
        }
    }

    /// Takes in usage that was seen as it passed.
    pub(super) fn tell(&mut self, usage: Option<Usage>) {
        if usage.is_some() {
            self.usage = usage;
            self.told = true;
        }
    }

    /// Writes what is known.
    pub(super) fn record(&mut self, host: &dyn Host, sent: &Sent) {
        if !self.model.is_empty() {
            host.set_state(state::SERVED_MODEL, &self.model);
        }
        if let Some(finish) = self.finish {
            host.set_state(state::FINISH, finish.as_str());
        }
        self.record_usage(host, sent, true);
    }

    /// Why a whole answer is to be asked elsewhere: a content policy ended it, and the plan goes on for that.
    pub(super) fn is_filtered(&self, sent: &Sent, status: u16) -> Option<Fault> {
        let filtered = self.finish == Some(Finish::ContentFilter);
        Self::moves(filtered, sent, status)
    }

    /// The same of a stream, of which nothing has come but that end.
    pub(super) fn begins_filtered(&self, sent: &Sent, status: u16) -> Option<Fault> {
        Self::moves(self.filtered == Some(true), sent, status)
    }

    fn moves(filtered: bool, sent: &Sent, status: u16) -> Option<Fault> {
        let kind = FaultKind::Blocked;
        (filtered && sent.plan.moves_on(sent.number, status, kind))
            .then(|| Fault::new(kind, "The provider's content policy ended the answer."))
    }

    /// Takes in what one event said, once it is complete: its usage covers the text beside it.
    pub(super) fn settle(&mut self) {
        if self.content && self.filtered.is_none() {
            let ended = self.finish == Some(Finish::ContentFilter);
            self.filtered = Some(ended && !self.answers);
        }
        if std::mem::take(&mut self.told)
            && let Some(spoken) = &mut self.spoken
        {
            spoken.told();
        }
    }

    /// A part as it is meant: some hosts end an answer that calls a tool with `stop`, and whoever goes by that
    /// would never answer the call.
    fn meant<'p>(&mut self, choice: u32, part: Part<'p>) -> Part<'p> {
        let bit = 1u128.checked_shl(choice).unwrap_or(0);
        match part {
            Part::ToolCall { .. } => self.calling |= bit,
            // It may have cut the call off.
            Part::StopSequence(_) => self.calling &= !bit,
            Part::Finish(Finish::Stop) if self.calling & bit != 0 => {
                return Part::Finish(Finish::ToolCalls);
            }
            _ => {}
        }
        part
    }

    /// Counts a piece of an answer that passes.
    pub(super) fn say(&mut self, choice: u32, kind: Kind, text: &str) {
        if let Some(spoken) = &mut self.spoken {
            spoken.push(choice, kind, text);
        }
    }

    /// Writes the usage as far as it is known: the provider's where it has told it, else what this gateway has
    /// counted. `now`: also where it has hardly grown.
    pub(super) fn record_usage(&mut self, host: &dyn Host, sent: &Sent, now: bool) {
        self.settle();
        let told = self.usage.is_some() && self.usage != self.told_before;
        let due = self.spoken.as_mut().is_some_and(Spoken::is_due);
        if !(told || due || now) {
            return;
        }
        self.told_before = self.usage;
        let known = match (&self.spoken, self.usage) {
            (Some(spoken), told) => Some(spoken.usage(told)),
            (None, told) => told.map(|usage| (usage, true)),
        };
        let Some((usage, by_provider)) = known else {
            return;
        };
        let new = Recorded { usage, by_provider };
        if self.recorded == Some(new) {
            return;
        }
        let before = self.recorded.map(|old| old.usage);
        sent.used(self, usage).record(host, before);
        if self.recorded.map(|old| old.by_provider) != Some(by_provider) {
            log::usage_source(host, by_provider);
        }
        self.recorded = Some(new);
    }
}

/// A name for headers and logs: what a provider says there is bounded.
pub(super) fn bounded(model: &str) -> String {
    const MAX_BYTES: usize = 512;
    model.chars().take(MAX_BYTES / 4).collect()
}

impl AnswerSink for Facts {
    fn open(&mut self, _id: &str, model: &str) {
        self.model = bounded(model);
    }

    fn part(&mut self, choice: u32, part: Part<'_>) {
        self.content = true;
        let ends = matches!(
            part,
            Part::Refusal(_) | Part::StopSequence(_) | Part::Finish(_)
        );
        self.answers |= !ends;
        match part {
            Part::Text(text) | Part::Refusal(text) => self.say(choice, Kind::Text, text),
            Part::Thought(text) => self.say(choice, Kind::Thought, text),
            Part::ToolCall { name, .. } => self.say(choice, Kind::Call, name),
            Part::ToolInput { json, .. } => self.say(choice, Kind::Call, json),
            // No text of the answer; an image's tokens only its provider knows.
            _ => {}
        }
        if let Part::Finish(finish) = part {
            self.finish.get_or_insert(finish);
            self.finished = self.finished.saturating_add(1);
        }
    }

    fn usage(&mut self, usage: Usage) {
        self.usage = Some(usage);
        self.told = true;
    }
}

/// Two sinks for one answer.
pub(super) struct Both<'a>(pub(super) &'a mut Facts, pub(super) &'a mut dyn AnswerSink);

impl AnswerSink for Both<'_> {
    fn open(&mut self, id: &str, model: &str) {
        self.0.open(id, model);
        self.1.open(id, model);
    }

    fn part(&mut self, choice: u32, part: Part<'_>) {
        let part = self.0.meant(choice, part);
        self.0.part(choice, part);
        self.1.part(choice, part);
    }

    fn usage(&mut self, usage: Usage) {
        self.0.usage(usage);
        self.1.usage(usage);
    }
}

/// Writes the time to first token.
pub(super) fn record_ttft(host: &dyn Host, sent: &Sent) {
    let elapsed = host.now().duration_since(sent.started).unwrap_or_default();
    host.set_state(state::TTFT_MS, &elapsed.as_millis().to_string());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_beside_a_call_means_the_call_unless_a_stop_sequence_may_have_cut_it() {
        let (call, stop) = (
            Part::ToolCall {
                index: 0,
                id: "a",
                name: "f",
            },
            Part::Finish(Finish::Stop),
        );
        let mut facts = Facts::default();
        facts.meant(1, call);
        assert_eq!(facts.meant(1, stop), Part::Finish(Finish::ToolCalls));
        assert_eq!(facts.meant(0, stop), stop, "another choice");
        assert_eq!(facts.meant(4000, call), call, "one that is not followed");
        assert_eq!(facts.meant(4000, stop), stop);
        let length = Part::Finish(Finish::Length);
        assert_eq!(facts.meant(1, length), length);
        facts.meant(1, Part::StopSequence(None));
        assert_eq!(facts.meant(1, stop), stop);
    }
}
