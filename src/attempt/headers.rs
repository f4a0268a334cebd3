//! The headers of an answer on its way to a client. They are written anew, from an allow-list: a
//! header that nobody thought of stays with the provider.

use super::Sent;
use crate::host::{Host, Refused, Side, keys::header};

/// Longest `x-llm-dropped`; the names in it are the client's.
const MAX_DROPPED_BYTES: usize = 2048;

/// The headers of an answer to the client.
pub(super) struct Head<'a> {
    pub(super) status: u16,
    /// A new content type; `None`: the provider's.
    pub(super) kind: Option<&'a str>,
    pub(super) length: Length,
    /// The model that answered; empty: the one that was asked.
    pub(super) model: &'a str,
    /// Whether this attempt is the answer. One that is not names no provider.
    pub(super) answers: bool,
}

/// The length of a body on its way to the client.
pub(super) enum Length {
    /// The provider's bytes pass.
    Same,
    /// Not known before the end.
    Unknown,
    /// Units: bytes.
    Bytes(usize),
}

impl Head<'_> {
    /// Replaces the provider's headers: those that may return stay, the gateway's own are added.
    pub(super) fn write(&self, host: &dyn Host, sent: &Sent) -> Result<(), Refused> {
        let status = self.status.to_string();
        let number = sent.number.to_string();
        let mut dropped = sent.dropped.join(",");
        dropped.truncate(dropped.floor_char_boundary(MAX_DROPPED_BYTES));
        let length = match self.length {
            Length::Bytes(size) => Some(size.to_string()),
            Length::Same => sent.headers.get("content-length").map(str::to_owned),
            Length::Unknown => None,
        };
        let limits: Vec<_> = sent
            .headers
            .iter()
            .filter_map(|(name, value)| Some((rate_limit(name)?, value)))
            .collect();
        let mut lines = vec![(":status", status.as_str())];
        lines.extend(
            self.kind
                .or(sent.headers.get("content-type"))
                .map(|kind| ("content-type", kind)),
        );
        lines.extend(length.as_deref().map(|length| ("content-length", length)));
        lines.extend(
            sent.headers
                .iter()
                .filter(|(name, _)| may_return(name, sent)),
        );
        lines.extend(limits.iter().map(|(name, value)| (name.as_str(), *value)));
        if self.answers {
            lines.push((header::PROVIDER, &sent.name));
            lines.extend(
                sent.plan
                    .route
                    .as_deref()
                    .map(|route| (header::ROUTE, route)),
            );
        }
        let model = if self.model.is_empty() {
            &sent.model
        } else {
            self.model
        };
        if !model.is_empty() {
            lines.push((header::MODEL, model));
        }
        lines.push((header::ATTEMPTS, &number));
        if !dropped.is_empty() {
            lines.push((header::DROPPED, &dropped));
        }
        let tokens = sent.plan.of_step(&sent.plan.tokens, sent.number);
        let tokens = tokens.filter(|_| self.answers).map(|n| n.to_string());
        lines.extend(tokens.as_deref().map(|n| (header::TOKENS_ESTIMATE, n)));
        if self.answers {
            for (name, value) in common(sent) {
                lines.push((name, value));
            }
        }
        answered(host, self.answers.then_some(self.status));
        host.replace_headers(Side::Response, &lines)
    }
}

/// Tells the gateway role beforehand what it would have to read from the headers: an attempt begins (`None`), or is the
/// answer and has this status.
pub(super) fn answered(host: &dyn Host, status: Option<u16>) {
    if let Some(board) = host.board() {
        board.set_answered(status);
    }
}

/// What every answer of an attempt tells the client, its own refusals included.
pub(super) fn common(sent: &Sent) -> impl Iterator<Item = (&'static str, &str)> {
    let ids = sent.plan.api.ids(sent.plan.request_id.as_deref());
    std::iter::once((header::CACHE, "off")).chain(ids)
}

/// Whether a provider's response header reaches the client.
fn may_return(name: &str, sent: &Sent) -> bool {
    let is_anthropic = sent.plan.api.is_anthropic();
    // What passes unread keeps the description that belongs to it.
    let passes = sent.plan.relay.is_some();
    (passes && matches!(name, "content-disposition" | "content-encoding"))
        || matches!(
            name,
            "date" | "retry-after" | "retry-after-ms" | "openai-processing-ms" | "openai-version"
        )
        || name.starts_with("x-ratelimit-")
        || (is_anthropic && name.starts_with("anthropic-ratelimit-"))
}

/// The OpenAI name of a provider's rate limit header. `reset` is a date there and a duration here, so it
/// stays behind; `retry-after` says as much.
/// Source: Anthropic API reference, "Rate limits", response headers, read 2026-11; OpenAI, "Rate limits".
fn rate_limit(name: &str) -> Option<String> {
    let rest = name.strip_prefix("anthropic-ratelimit-")?;
    let (what, which) = rest.rsplit_once('-')?;
    (matches!(what, "requests" | "tokens") && matches!(which, "limit" | "remaining"))
        .then(|| format!("x-ratelimit-{which}-{what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_limit_headers_get_openai_s_names() {
        assert_eq!(
            rate_limit("anthropic-ratelimit-requests-remaining").as_deref(),
            Some("x-ratelimit-remaining-requests")
        );
        assert_eq!(rate_limit("anthropic-ratelimit-input-tokens-limit"), None);
        assert_eq!(rate_limit("x-ratelimit-limit-requests"), None);
    }
}
