//! Which of the gateway's paths a request names.

use crate::{
    api::{
        client::Api,
        relay::{self, Area},
    },
    fault::{Fault, FaultKind},
    host::Headers,
};

/// Where OpenAI's paths begin.
pub(super) const BASE: &str = "/v1/";

/// What the client wants.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    Health,
    Models,
    Model(String),
    /// Tokens are to be counted.
    Tokens,
    /// What would become of a request is to be told.
    Explain,
    /// Something to answer, in this language.
    Ask(Api),
    /// One of OpenAI's other paths.
    Relay(Area),
}

/// Longest path that is told again. Units: bytes.
const MAX_SHOWN_PATH: usize = 256;

/// The path without its query, which may hold what is nobody's business.
fn path(headers: &Headers) -> &str {
    let path = headers.get(":path").unwrap_or_default();
    path.split(['?', '#']).next().unwrap_or_default()
}

fn shown(path: &str) -> &str {
    path.get(..path.floor_char_boundary(MAX_SHOWN_PATH))
        .unwrap_or_default()
}

/// The path as the record has it, where it leads nowhere.
pub(super) fn told(headers: &Headers) -> &str {
    shown(path(headers))
}

/// Reads method and path.
///
/// Errors: `UnknownPath`, or `WrongMethod` for a path that exists.
pub(super) fn find(headers: &Headers) -> Result<Endpoint, Fault> {
    let method = headers.get(":method").unwrap_or_default();
    let path = path(headers);
    let (endpoint, wanted) = match path {
        "/healthz" => (Endpoint::Health, "GET, HEAD"),
        "/v1/models" => (Endpoint::Models, "GET"),
        "/v1/chat/completions" => (Endpoint::Ask(Api::Chat), "POST"),
        "/v1/completions" => (Endpoint::Ask(Api::Completions), "POST"),
        "/v1/responses" => (Endpoint::Ask(Api::Responses), "POST"),
        "/v1/messages" => (Endpoint::Ask(Api::Messages), "POST"),
        "/v1/messages/count_tokens" => (Endpoint::Ask(Api::CountTokens), "POST"),
        "/v1/embeddings" => (Endpoint::Ask(Api::Embeddings), "POST"),
        "/gateway/tokens" => (Endpoint::Tokens, "POST"),
        "/gateway/explain" => (Endpoint::Explain, "POST"),
        "/v1/rerank" | "/v2/rerank" => (Endpoint::Ask(Api::Rerank), "POST"),
        _ => match (path.strip_prefix("/v1/models/"), other(path)) {
            (Some(id), _) if !id.is_empty() => (Endpoint::Model(percent_decoded(id)), "GET"),
            (_, Some((area, methods))) => (Endpoint::Relay(area), methods),
            _ => {
                let path = shown(path);
                let message = format!(
                    "There is no {method} {path} here. Known: POST /v1/chat/completions, POST /v1/responses, POST /v1/messages, POST /v1/messages/count_tokens, POST /v1/completions, POST /v1/embeddings, POST /v1/rerank, POST /gateway/tokens, POST /gateway/explain, GET /v1/models, GET /v1/models/{{id}}, GET /healthz, and OpenAI's paths below /v1/images, /v1/audio, /v1/moderations, /v1/files, /v1/uploads, /v1/batches, /v1/vector_stores and /v1/fine_tuning."
                );
                return Err(Fault::new(FaultKind::UnknownPath, message));
            }
        },
    };
    if wanted.split(", ").any(|one| one == method) {
        return Ok(endpoint);
    }
    let message = format!("{path} takes {wanted}, not {method}.");
    Err(Fault::new(FaultKind::WrongMethod, message))
}

/// One of OpenAI's other paths, and the methods that it takes.
fn other(path: &str) -> Option<(Area, &'static str)> {
    path.strip_prefix(BASE).and_then(relay::find)
}

/// The language in which a request to this path expects its errors, and the list of models. Both makers
/// have that list at the same path; only Anthropic's clients name a version.
pub(super) fn language(headers: &Headers) -> Api {
    let path = headers.get(":path").unwrap_or_default();
    let versioned = headers.get("anthropic-version").is_some();
    if path.starts_with("/v1/messages") || (versioned && path.starts_with("/v1/models")) {
        Api::Messages
    } else {
        Api::Chat
    }
}

/// The `allow` header that goes with a wrong method.
pub(super) fn allowed_method(headers: &Headers) -> &'static str {
    let asks = [
        "/v1/chat/",
        "/v1/completions",
        "/v1/responses",
        "/v1/messages",
        "/v1/embeddings",
        "/v1/rerank",
        "/v2/rerank",
        "/gateway/tokens",
        "/gateway/explain",
    ];
    let path = headers.get(":path").unwrap_or_default();
    let path = path.split(['?', '#']).next().unwrap_or_default();
    if let Some((_, methods)) = other(path) {
        return methods;
    }
    if asks.iter().any(|start| path.starts_with(start)) {
        "POST"
    } else {
        "GET"
    }
}

/// Model names hold slashes, which SDKs send as `%2F`.
pub(super) fn percent_decoded(text: &str) -> String {
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
        for (path, api) in [
            ("/v1/chat/completions?x=1", Api::Chat),
            ("/v1/completions", Api::Completions),
            ("/v1/responses", Api::Responses),
            ("/v1/messages?beta=true", Api::Messages),
            ("/v1/messages/count_tokens", Api::CountTokens),
            ("/v1/embeddings", Api::Embeddings),
            ("/v1/rerank", Api::Rerank),
            ("/v2/rerank", Api::Rerank),
        ] {
            assert_eq!(of("POST", path), Ok(Endpoint::Ask(api)), "{path}");
        }
        assert_eq!(of("POST", "/gateway/tokens"), Ok(Endpoint::Tokens));
        assert_eq!(of("GET", "/v1/models"), Ok(Endpoint::Models));
        for method in ["GET", "HEAD"] {
            assert_eq!(of(method, "/healthz"), Ok(Endpoint::Health));
        }
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
        assert_eq!(
            of("PUT", "/v1/files/f-1?x=1"),
            Err((405, "/v1/files/f-1 takes GET, DELETE, not PUT.".into()))
        );
        assert_eq!(
            of("DELETE", "/v1/files/f-1?x=1"),
            Ok(Endpoint::Relay(Area::Files))
        );
    }
}
