//! How much is tried for one request, and what else than a failure moves it on.

use super::node::{Fields, Node};
use std::time::Duration;

/// Most attempts that one request may cost.
pub(super) const MAX_ATTEMPTS: u64 = 32;
const MAX_STATUSES: usize = 32;
/// Longest wait; Envoy's routes take up to five minutes without another setting.
const MAX_WAIT: Duration = Duration::from_secs(60);

/// How much is tried for one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retries {
    /// In all; a plan is cut there.
    pub attempts: usize,
    /// At each target, one after the other.
    pub attempts_per_target: usize,
    /// Client errors of a provider that another target may answer better. 5xx, 408, 429 and what is the
    /// gateway's own fault always move on.
    pub statuses: Vec<u16>,
    /// A refusal by a content policy moves on.
    pub on_content_filter: bool,
    /// A whole answer that is not the JSON that was asked for moves on.
    pub validate_json: bool,
    /// How long a provider that asks for a pause is waited for, in all; `None`: not at all.
    pub wait: Option<Duration>,
    /// For all attempts and the whole answer; `None`: without end.
    pub total_timeout: Option<Duration>,
}

impl Default for Retries {
    fn default() -> Self {
        Self {
            attempts: MAX_ATTEMPTS as usize,
            attempts_per_target: 1,
            statuses: Vec::new(),
            on_content_filter: false,
            validate_json: false,
            wait: None,
            total_timeout: None,
        }
    }
}

/// Reads the settings, which a model takes over from the gateway where it has none.
pub(super) fn read(fields: &Fields<'_>, above: &Retries) -> Option<Retries> {
    let count = |node: Node<'_>, most| {
        let count = node.count_in(1..=most)?;
        usize::try_from(count).ok()
    };
    let attempts = fields.or("attempts", above.attempts, |node| count(node, MAX_ATTEMPTS));
    let per_target = fields.or("attempts_per_target", above.attempts_per_target, |node| {
        count(node, 5)
    });
    let statuses = fields.or("retriable_statuses", above.statuses.clone(), |node| {
        let list = node.list(|node| u16::try_from(node.count_in(400..=499)?).ok())?;
        if list.len() > MAX_STATUSES {
            node.wrong(format_args!(
                "{} statuses; allowed: {MAX_STATUSES}",
                list.len()
            ));
            return None;
        }
        Some(list)
    });
    let filter = fields.or("on_content_filter", above.on_content_filter, |node| {
        node.choice(&[("error", false), ("next", true)])
    });
    let validate = fields.or("validate_json", above.validate_json, |node| node.flag());
    let wait = match fields.optional("wait_for_retry_after") {
        Some(node) => wait(&node).map(Some),
        None => Some(above.wait),
    };
    let total = match fields.optional("total_timeout") {
        Some(node) => node.duration().map(Some),
        None => Some(above.total_timeout),
    };
    Some(Retries {
        attempts: attempts?,
        attempts_per_target: per_target?,
        statuses: statuses?,
        on_content_filter: filter?,
        validate_json: validate?,
        wait: wait?,
        total_timeout: total?,
    })
}

fn wait(node: &Node<'_>) -> Option<Duration> {
    let wait = node.duration()?;
    if wait > MAX_WAIT {
        let most = MAX_WAIT.as_secs();
        node.wrong(format_args!("longer than a client waits; allowed: {most}s"));
        return None;
    }
    Some(wait)
}
