//! Which of the gateway's paths a request names.

use crate::{
    fault::{Fault, FaultKind},
    host::Headers,
};

/// What the client wants.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    Health,
    Models,
    Model(String),
    Chat,
}

/// Reads method and path.
///
/// Errors: `UnknownPath`, or `WrongMethod` for a path that exists.
pub(super) fn find(headers: &Headers) -> Result<Endpoint, Fault> {
    let method = headers.get(":method").unwrap_or_default();
    let path = headers.get(":path").unwrap_or_default();
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let (endpoint, wanted) = match path {
        "/healthz" => (Endpoint::Health, "GET"),
        "/v1/models" => (Endpoint::Models, "GET"),
        "/v1/chat/completions" => (Endpoint::Chat, "POST"),
        _ => match path.strip_prefix("/v1/models/") {
            Some(id) if !id.is_empty() => (Endpoint::Model(percent_decoded(id)), "GET"),
            _ => {
                let message = format!(
                    "There is no {method} {path} here. Known: POST /v1/chat/completions, GET /v1/models, GET /v1/models/{{id}}, GET /healthz."
                );
                return Err(Fault::new(FaultKind::UnknownPath, message));
            }
        },
    };
    if method == wanted {
        return Ok(endpoint);
    }
    let message = format!("{path} takes {wanted}, not {method}.");
    Err(Fault::new(FaultKind::WrongMethod, message))
}

/// The `allow` header that goes with a wrong method.
pub(super) fn allowed_method(headers: &Headers) -> &'static str {
    let path = headers.get(":path").unwrap_or_default();
    if path.starts_with("/v1/chat/completions") {
        "POST"
    } else {
        "GET"
    }
}

/// Model names hold slashes, which SDKs send as `%2F`.
fn percent_decoded(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        let hex = |b: &u8| char::from(*b).to_digit(16);
        match (first, after) {
            (b'%', [a, b, tail @ ..]) if hex(a).is_some() && hex(b).is_some() => {
                let value = hex(a).unwrap_or(0) * 16 + hex(b).unwrap_or(0);
                out.push(u8::try_from(value).unwrap_or(b'?'));
                rest = tail;
            }
            _ => out.push(first),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(method: &str, path: &str) -> Result<Endpoint, (u16, String)> {
        let line = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        find(&Headers(vec![line(":method", method), line(":path", path)]))
            .map_err(|fault| (fault.status(), fault.message.into_owned()))
    }

    #[test]
    fn paths_are_found_with_and_without_a_query() {
        assert_eq!(of("POST", "/v1/chat/completions?x=1"), Ok(Endpoint::Chat));
        assert_eq!(of("GET", "/v1/models"), Ok(Endpoint::Models));
        assert_eq!(of("GET", "/healthz"), Ok(Endpoint::Health));
        for path in ["/v1/models/a%2Fb%zz", "/v1/models/a/b%zz"] {
            assert_eq!(of("GET", path), Ok(Endpoint::Model("a/b%zz".into())));
        }
    }

    #[test]
    fn a_wrong_method_is_not_an_unknown_path() {
        assert_eq!(
            of("GET", "/v1/chat/completions"),
            Err((405, "/v1/chat/completions takes POST, not GET.".into()))
        );
        assert_eq!(of("POST", "/v2/x").unwrap_err().0, 404);
        assert_eq!(of("GET", "/v1/models/").unwrap_err().0, 404);
    }
}
