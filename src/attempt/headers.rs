//! Which headers cross to a provider and which come back to a client. Both are allow-lists: a
//! header that nobody thought of stays on its side.

/// Whether a request header may stay before the dialect and the configuration add theirs.
/// Everything else, the credentials of an earlier attempt among it, is removed.
pub(super) fn may_leave(name: &str, forward_trace: bool) -> bool {
    match name {
        // These are written anew before anything leaves.
        "content-length" | "transfer-encoding" | "content-type" | "accept" | "accept-encoding" => {
            true
        }
        "traceparent" | "tracestate" => forward_trace,
        _ => name.starts_with(':'),
    }
}

/// Whether a provider's response header reaches the client.
pub(super) fn may_return(name: &str) -> bool {
    matches!(
        name,
        "content-type"
            | "content-length"
            | "transfer-encoding"
            | "date"
            | "retry-after"
            | "retry-after-ms"
            | "openai-processing-ms"
            | "openai-version"
    ) || name.starts_with(':')
        || name.starts_with("x-ratelimit-")
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
    fn no_credential_identity_or_tracing_header_leaves() {
        for name in [
            "authorization",
            "x-api-key",
            "cookie",
            "x-request-id",
            "x-forwarded-for",
            "x-envoy-attempt-count",
            "x-llm-plan",
            "user-agent",
            "traceparent",
        ] {
            assert!(!may_leave(name, false), "{name}");
        }
        assert!(may_leave("traceparent", true));
    }

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
