//! The end of the way in: the plan, for Envoy to execute and for the provider role to read.

use super::{Client, caller::Caller, models};
use crate::{
    api::chat::Chat,
    config::Gateway,
    fault::{Fault, FaultKind},
    host::{
        Host, Side,
        keys::{header, state},
    },
    plan::{self, HandOver, Step, wire},
};
use std::time::Duration;

/// Plans the request and hands it to Envoy; gives the timeout of each attempt.
///
/// Errors: `UnknownModel`; the refusal of the first target when every target refuses.
pub(super) fn send(
    host: &dyn Host,
    config: &Gateway,
    caller: &Caller,
    chat: &Chat<'_>,
    client: &Client,
) -> Result<Duration, Fault> {
    let model = plan::model(config, &chat.model)
        .ok_or_else(|| models::unknown(config, caller, &chat.model))?;
    let steps = able(config, chat, plan::steps(config, model, &chat.model))?;
    let timeout = if chat.stream {
        model.first_token_timeout
    } else {
        model.answer_timeout
    };
    let flag = |on: bool| if on { "1" } else { "0" };
    host.set_state(state::STREAM, flag(chat.stream));
    host.set_state(state::WANTS_USAGE, flag(chat.wants_usage));
    host.set_state(state::ROUTE, &format!("{}:fallback", model.name));
    host.set_state(
        state::PLAN,
        &serde_json::to_string(&steps).unwrap_or_default(),
    );
    let set = |name: &str, value: &str| host.set_header(Side::Request, name, Some(value));
    let retries = steps.len().saturating_sub(1).to_string();
    set(header::PLAN, &wire::header(steps.iter()))
        .and_then(|()| set(header::MAX_RETRIES, &retries))
        .and_then(|()| set(header::PER_TRY_TIMEOUT, &timeout.as_millis().to_string()))
        .map_err(|_| {
            Fault::new(
                FaultKind::Internal,
                "The gateway could not hand the plan over.",
            )
        })?;
    HandOver {
        request_id: client.id.clone(),
        ..HandOver::new(chat, steps, &client.authority, client.traces.clone())
    }
    .store(host);
    Ok(timeout)
}

/// The steps whose dialect can take the request. A single target is not asked: what it refuses, its
/// provider role refuses with the same words, and a question costs a translation.
fn able(config: &Gateway, chat: &Chat<'_>, steps: Vec<(usize, Step)>) -> Result<Vec<Step>, Fault> {
    if steps.len() == 1 {
        return Ok(steps.into_iter().map(|(_, step)| step).collect());
    }
    let (mut able, mut refusal) = (Vec::new(), None);
    for (provider, step) in steps {
        let dialect = config.providers.get(provider).and_then(|d| d.speaks.chat());
        let mut asked = chat.clone();
        asked.model = step.model.as_str().into();
        match dialect.map(|dialect| dialect.refuses(&asked)) {
            Some(None) => able.push(step),
            Some(Some(fault)) => {
                refusal.get_or_insert(fault);
            }
            None => {}
        }
    }
    if able.is_empty() {
        return Err(refusal.unwrap_or_else(|| {
            Fault::new(
                FaultKind::Unsupported,
                "No provider of this model offers chat completions.",
            )
        }));
    }
    Ok(able)
}
