//! What may come in: sizes, content types, and no header that steers the gateway from outside.

use crate::{
    fault::{Fault, FaultKind},
    host::{Exchange, Headers, Side, keys::header},
};

/// Removes what only the gateway may say (`x-llm-*`, `x-envoy-*`) and the client's credentials.
///
/// Errors: the host refuses a removal; then nothing may go on.
pub(super) fn remove_controls(host: &dyn Exchange, headers: &Headers) -> Result<(), Fault> {
    for (name, _) in headers.iter() {
        if header::is_removed(name) {
            host.set_header(Side::Request, name, None).map_err(|_| {
                Fault::new(
                    FaultKind::Internal,
                    "The gateway could not clean the request.",
                )
            })?;
        }
    }
    Ok(())
}

/// The body must not be encoded: whoever reads it would read something else.
///
/// Errors: `UnsupportedMedia`.
pub(super) fn check_encoding(headers: &Headers) -> Result<(), Fault> {
    let encoding = headers.get("content-encoding").unwrap_or("identity").trim();
    if !matches!(encoding, "" | "identity") {
        let message = format!(
            "The body is encoded as `{}`, which this gateway does not decode. Send gzip where Envoy's decompressor is configured, or plain JSON.",
            short(encoding)
        );
        return Err(Fault::new(FaultKind::UnsupportedMedia, message).at("content-encoding"));
    }
    Ok(())
}

/// Checks the headers of a request with a body; `end`: there is none.
///
/// Errors: `UnsupportedMedia`, `TooLarge`, or `BadRequest` without a body.
pub(super) fn check_head(headers: &Headers, limit: usize, end: bool) -> Result<(), Fault> {
    check_encoding(headers)?;
    let kind = headers.get("content-type").unwrap_or("application/json");
    let kind = kind
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    if !(kind.is_empty() || kind == "application/json" || kind.ends_with("+json")) {
        let message = format!(
            "The content type is `{}`. Send `content-type: application/json`.",
            short(&kind)
        );
        return Err(Fault::new(FaultKind::UnsupportedMedia, message).at("content-type"));
    }
    if let Some(length) = length(headers) {
        check_size(length, limit as u64)?;
    }
    if end {
        return Err(Fault::new(
            FaultKind::BadRequest,
            "The request has no body. Send a JSON object with `model` and `messages`.",
        ));
    }
    Ok(())
}

/// The length that the client has announced. Units: bytes.
pub(super) fn length(headers: &Headers) -> Option<u64> {
    headers.get("content-length").and_then(|n| n.parse().ok())
}

/// Units: bytes.
///
/// Errors: `TooLarge` with both numbers.
pub(super) fn check_size(size: u64, limit: u64) -> Result<(), Fault> {
    if size <= limit {
        return Ok(());
    }
    let message = format!("The body has at least {size} bytes; this gateway takes {limit}.");
    Err(Fault::new(FaultKind::TooLarge, message))
}

pub(super) fn short(text: &str) -> String {
    text.chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(headers: &[(&str, &str)]) -> Result<(), u16> {
        let lines = headers
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
        check_head(&Headers(lines.collect()), 100, false).map_err(|fault| fault.status())
    }

    #[test]
    fn json_comes_in_and_other_types_do_not() {
        for kind in [
            "application/json",
            "Application/JSON; charset=utf-8",
            "application/vnd.x+json",
        ] {
            assert_eq!(checked(&[("content-type", kind)]), Ok(()), "{kind}");
        }
        assert_eq!(checked(&[]), Ok(()));
        for kind in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
        ] {
            assert_eq!(checked(&[("content-type", kind)]), Err(415), "{kind}");
        }
        assert_eq!(checked(&[("content-encoding", "br")]), Err(415));
    }

    #[test]
    fn a_body_at_the_limit_passes_and_one_above_does_not() {
        assert_eq!(checked(&[("content-length", "100")]), Ok(()));
        assert_eq!(checked(&[("content-length", "101")]), Err(413));
    }
}
