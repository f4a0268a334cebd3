//! What an attempt would send, for somebody who asks before anything is sent. The request is made by the very code
//! that makes it for an attempt.

use super::{Sent, out};
use crate::{config::Provider, fault::Fault, plan::HandOver};
use std::rc::Rc;

/// A complete request to a provider, without the credentials: those are put in by Envoy, after this filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// All header lines in order, `:method`, `:authority` and `:path` among them.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// Request fields that could not be carried.
    pub dropped: Vec<String>,
}

/// The request of attempt `number`, counted from 1, of this plan. `body`: the client's; `scheme`: as it came.
///
/// Errors: the dialect cannot express the request: the attempt would answer this.
pub fn show(
    provider: &Provider,
    plan: &HandOver,
    number: u64,
    body: &[u8],
    scheme: Option<&str>,
) -> Result<Shown, Fault> {
    let step = plan.step(number).cloned();
    let (name, model) = step.map(|s| (s.provider, s.model)).unwrap_or_default();
    let mut sent = Sent::new(name, model, number, Rc::new(plan.clone()));
    let read = |most: usize| body.get(..most).unwrap_or(body).to_vec();
    let outgoing = out::make(provider, &mut sent, body.len(), &read)?;
    let made = outgoing.body.apply(body);
    let owned = |lines: &[(&str, &str)]| {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        lines.iter().map(owned).collect()
    };
    Ok(Shown {
        headers: out::head(provider, &sent, &outgoing, scheme, made.len(), owned),
        body: made,
        dropped: outgoing.dropped,
    })
}
