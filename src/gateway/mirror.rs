//! Copies of requests, for a target whose answer reaches nobody: `mirror` of a model.
//!
//! Envoy makes the copy, by the route's `request_mirror_policies`, from what this role hands on: the body that guards
//! have let pass, and headers that name the cluster and carry the hand-over.

use super::{health, planned::Planned};
use crate::{
    config::Gateway,
    host::{
        Host, Side,
        keys::{header, metric, state},
    },
    plan::{HandOver, Step, Unmirrored, mirror::is_drawn, signed},
};
use std::time::Duration;

/// A copy that is to be made.
#[derive(Debug)]
pub(super) struct Aimed {
    pub(super) step: Step,
    /// The prompt's tokens as its model reads it; empty when nothing is counted.
    pub(super) tokens: Vec<u64>,
    /// Of the whole answer.
    pub(super) time: Duration,
    /// How many requests are copied. Units: of [`crate::config::Mirror::WHOLE`].
    pub(super) share: u32,
}

/// Where this request's copy goes, once it is known who is asked first. `draws`: most requests may have none. `None`: the
/// model has no mirror.
pub(super) fn aim(
    host: &dyn Host,
    config: &Gateway,
    planned: &Planned<'_>,
    first: Option<&Step>,
    draws: bool,
) -> Option<Result<Step, Unmirrored>> {
    let mirror = planned.model.mirror.as_ref()?;
    let target = match planned.mirror.as_ref()? {
        Ok(target) => target,
        Err(why) => return Some(Err(*why)),
    };
    if draws && !is_drawn(mirror, planned.seed) {
        return Some(Err(Unmirrored::Share));
    }
    let (_, step) = target;
    if first.is_some_and(|first| first.provider == step.provider && first.model == step.model) {
        return Some(Err(Unmirrored::Asked));
    }
    let well = health::well(host, config, target.clone(), planned.seed);
    if draws && well.is_none() {
        left_out(host, step);
    }
    Some(well.map(|(_, step)| step).ok_or(Unmirrored::Cooling))
}

/// Has the copy made. What cannot be said in a header is not copied: no request fails for it. `told`: what the request's
/// own attempts are told.
pub(super) fn send(host: &dyn Host, config: &Gateway, told: &HandOver, copy: Aimed) {
    let Aimed {
        step, tokens, time, ..
    } = copy;
    let about = config.about(&step.provider, &step.dialect, &step.model);
    let prices = about.and_then(|model| model.prices.clone());
    let plan = told.copied(step.clone(), tokens, prices);
    let Some(plan) = signed::write(host, &plan) else {
        left_out(host, &step);
        return;
    };
    let time = time.as_millis().to_string();
    let set = |name: &str, value: &str| host.set_header(Side::Request, name, Some(value));
    let written = set(header::MIRROR_PLAN, &plan)
        .and_then(|()| set(header::MIRROR_TIMEOUT, &time))
        .and_then(|()| set(header::MIRROR, &step.cluster));
    match written {
        Ok(()) => host.set_state(state::MIRROR, &[&*step.provider, "/", &step.model].concat()),
        Err(_) => left_out(host, &step),
    }
}

fn left_out(host: &dyn Host, step: &Step) {
    host.count(&metric::mirror(&step.provider, "left_out"), 1);
}
