//! What a bystander learns of an answer: enough for the record and for the decision to let it pass.

use super::Sent;
use crate::{
    api::{
        answer::{AnswerSink, Finish, Part, Usage},
        chat::Choices,
    },
    host::{Host, keys::state},
};

/// What the record needs to know of an answer.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) model: String,
    pub(super) usage: Option<Usage>,
    pub(super) finish: Option<Finish>,
    /// The choices of a stream that passes.
    pub(super) choices: Choices,
    /// How many choices of a stream that is translated have ended.
    pub(super) finished: u32,
    /// A part has come that the client must see.
    pub(super) content: bool,
}

impl Facts {
    /// Writes what is known.
    pub(super) fn record(&self, host: &dyn Host, sent: &Sent) {
        if !self.model.is_empty() {
            host.set_state(state::SERVED_MODEL, &self.model);
        }
        if let Some(finish) = self.finish {
            host.set_state(state::FINISH, finish.as_str());
        }
        if let Some(used) = sent.used(self) {
            used.record(host);
        }
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

    fn part(&mut self, _choice: u32, part: Part<'_>) {
        self.content = true;
        if let Part::Finish(finish) = part {
            self.finish.get_or_insert(finish);
            self.finished = self.finished.saturating_add(1);
        }
    }

    fn usage(&mut self, usage: Usage) {
        self.usage = Some(usage);
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
