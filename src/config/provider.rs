//! The provider role's configuration: how one upstream wants to be spoken to.

use super::{
    Provider,
    node::{Fields, Node},
};
use crate::provider::{Common, Entry, params::Unknown};

const NO_CREDENTIALS: &str = "credentials are not configured here: Envoy's credential_injector adds them, after this filter in the cluster's http_filters";

/// What `unknown_parameters` may say.
pub(super) const UNKNOWN: &[(&str, Unknown)] = &[
    ("keep", Unknown::Keep),
    ("drop", Unknown::Drop),
    ("refuse", Unknown::Refuse),
];

/// Reads everything of the role; `None`: what is wrong is reported.
pub(super) fn read(fields: &Fields<'_>, registry: &[Entry]) -> Option<Provider> {
    let entry = fields
        .required("dialect")
        .and_then(|node| super::dialect(&node, registry));
    let host = fields.maybe("host", host);
    let base_path = fields.maybe("base_path", base_path);
    let headers = fields.or("headers", Vec::new(), headers);
    let unknown = fields.or("unknown_parameters", Unknown::default(), |node| {
        node.choice(UNKNOWN)
    });
    let forward_trace = fields.or("forward_trace", false, |node| node.flag());
    fields.reserved("api_key", NO_CREDENTIALS);
    let Some(entry) = entry else {
        fields.tolerate();
        return None;
    };
    // Opened even when something above is wrong, so that the dialect's own problems are named too.
    let common = Common {
        base_path: match &base_path {
            Some(Some(path)) => path.clone(),
            _ => entry.base_path.to_owned(),
        },
        unknown: unknown.unwrap_or_default(),
    };
    let speaks = (entry.open)(common, fields);
    Some(Provider {
        dialect: entry.name,
        speaks: speaks?,
        host: host?,
        headers: headers?,
        forward_trace: forward_trace?,
    })
}

fn host(node: Node<'_>) -> Option<String> {
    let text = node.nonempty()?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b);
    if !text.bytes().all(plain) {
        node.wrong("expected a host name such as \"api.example.com\", without scheme and path");
        return None;
    }
    Some(text.to_owned())
}

/// Slashes at the end are left out: a dialect's paths begin with one.
fn base_path(node: Node<'_>) -> Option<String> {
    let text = node.text()?;
    let plain = |b: u8| b.is_ascii_graphic() && !b"?#".contains(&b);
    if !text.starts_with('/') || !text.bytes().all(plain) {
        node.wrong("expected a path such as \"/v1\", without query; \"/\" for none");
        return None;
    }
    Some(text.trim_end_matches('/').to_owned())
}

fn headers(node: Node<'_>) -> Option<Vec<(String, String)>> {
    let mut headers: Vec<(String, String)> = node.map(|name, node| {
        let name = name.to_ascii_lowercase();
        let fault = header_fault(&name);
        if let Some(fault) = fault {
            node.wrong(fault);
        }
        let value = header_value(&node);
        fault.is_none().then_some((name, value?))
    })?;
    headers.sort_unstable();
    let twice = headers.iter().zip(headers.iter().skip(1));
    for ((name, _), _) in twice.filter(|(a, b)| a.0 == b.0) {
        node.wrong(format_args!("{name} stands here twice; leave one out"));
    }
    Some(headers)
}

fn header_value(node: &Node<'_>) -> Option<String> {
    let text = node.nonempty()?;
    if text.chars().any(char::is_control) {
        node.wrong("must not hold control characters");
        return None;
    }
    Some(text.to_owned())
}

/// Why a header, its name in lower case, cannot be configured.
fn header_fault(name: &str) -> Option<&'static str> {
    const SECRET: &[&str] = &["authorization", "proxy-authorization", "cookie"];
    const HTTP: &[&str] = &[
        "host",
        "content-length",
        "transfer-encoding",
        "connection",
        "proxy-connection",
        "keep-alive",
        "te",
        "trailer",
        "upgrade",
        "expect",
    ];
    const ROLE: &[&str] = &[
        "content-type",
        "content-encoding",
        "accept",
        "accept-encoding",
        "x-request-id",
    ];
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    let secret_end = ["api-key", "-token", "-secret"];
    if SECRET.contains(&name)
        || secret_end.iter().any(|end| name.ends_with(end))
        || name.starts_with("x-amz-")
    {
        Some(NO_CREDENTIALS)
    } else if name.starts_with("x-envoy-") || name.starts_with("x-llm-") {
        Some("x-envoy-* and x-llm-* never leave the gateway")
    } else if ["traceparent", "tracestate"].contains(&name) {
        Some("set `forward_trace: true` instead")
    } else if HTTP.contains(&name) || name.starts_with(':') {
        Some(
            "belongs to HTTP itself; Envoy writes it (`host` and `base_path` are settings of their own)",
        )
    } else if ROLE.contains(&name) {
        Some("is written by the gateway for each request")
    } else if name.is_empty() || !name.bytes().all(token) {
        Some(
            "not a header name; allowed: ASCII letters, digits, - _ . and the other token characters",
        )
    } else {
        None
    }
}
