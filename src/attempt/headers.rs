//! Which headers of an answer come back to a client: an allow-list, so that a header that nobody
//! thought of stays where it is. The way out needs no list: its headers are written anew.

/// Whether a provider's response header reaches the client.
pub(super) fn may_return(name: &str) -> bool {
    matches!(
        name,
        "date" | "retry-after" | "retry-after-ms" | "openai-processing-ms" | "openai-version"
    ) || name.starts_with("x-ratelimit-")
}

/// The OpenAI name of a provider's rate limit header.
/// Source: Anthropic API reference, "Rate limits", response headers, read 2026-11; OpenAI, "Rate limits".
pub(super) fn rate_limit(name: &str) -> Option<String> {
    let rest = name.strip_prefix("anthropic-ratelimit-")?;
    let (what, which) = rest.rsplit_once('-')?;
    (matches!(what, "requests" | "tokens") && matches!(which, "limit" | "remaining" | "reset"))
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
