//! The configured names, as far as the caller may use them.

use super::{ECHO_MODEL, caller::Caller};
use crate::{
    api::{
        client::Api,
        models::{ModelView, list as list_body, their_body, their_list},
    },
    config::Gateway,
    fault::{Fault, FaultKind},
    json::{Object, Str},
    plan,
};
use serde::Deserialize;
use serde_json::value::RawValue;

/// Most names that an error message lists.
const MAX_NAMED: usize = 30;

/// The body of `GET /v1/models`.
pub(super) fn list(config: &Gateway, caller: &Caller, api: Api) -> Vec<u8> {
    let views = views(config, caller);
    if api.is_anthropic() {
        their_list(&views)
    } else {
        list_body(&views)
    }
}

/// The body of `GET /v1/models/{id}`.
///
/// Errors: `UnknownModel`, also for one that the caller may not use.
pub(super) fn one(config: &Gateway, caller: &Caller, api: Api, id: &str) -> Result<Vec<u8>, Fault> {
    let owner = owner(config, id).filter(|_| caller.allows(id));
    let owner = owner.ok_or_else(|| unknown(config, caller, id))?;
    let view = ModelView::new(id, owner);
    Ok(if api.is_anthropic() {
        their_body(&view)
    } else {
        view.body()
    })
}

/// Errors: `Forbidden`, with the names that the caller may use.
pub(super) fn permit(config: &Gateway, caller: &Caller, asked: &str) -> Result<(), Fault> {
    if caller.allows(asked) {
        return Ok(());
    }
    let names = names(config, caller).join(", ");
    let message = format!("This key may not use `{asked}`. It may use: {names}.");
    Err(Fault::new(FaultKind::Forbidden, message).at("model"))
}

/// Checks the models that a body names besides the one that is asked: hosts such as OpenRouter go on to others of a list, and
/// a tool may have a model of its own.
///
/// Errors: as of [`permit`]; `BadRequest` for a list that cannot be read.
pub(super) fn permit_others(
    config: &Gateway,
    caller: &Caller,
    body: &Object<'_>,
) -> Result<(), Fault> {
    #[derive(Deserialize)]
    struct Tool<'a> {
        #[serde(borrow)]
        model: Option<Str<'a>>,
    }
    if caller.names().is_none() {
        return Ok(());
    }
    let listed: Option<Vec<Str<'_>>> = body.read("models").map_err(|_| {
        let message = "`models` must be a list of names of models.";
        Fault::new(FaultKind::BadRequest, message).at("models")
    })?;
    for name in listed.iter().flatten() {
        permit(config, caller, name).map_err(|fault| fault.at("models"))?;
    }
    let tools: Option<Vec<&RawValue>> = body.read("tools").ok().flatten();
    for (at, tool) in tools.iter().flatten().enumerate() {
        let named = serde_json::from_str::<Tool<'_>>(tool.get()).ok();
        if let Some(name) = named.and_then(|tool| tool.model) {
            permit(config, caller, &name)
                .map_err(|fault| fault.at(format_args!("tools[{at}].model")))?;
        }
    }
    Ok(())
}

/// `model_not_found`, with the names that the caller may use.
pub(super) fn unknown(config: &Gateway, caller: &Caller, asked: &str) -> Fault {
    let asked: String = asked.chars().take(128).collect();
    let message = format!(
        "The model `{asked}` is not known here. Known: {}.",
        names(config, caller).join(", ")
    );
    Fault::new(FaultKind::UnknownModel, message).at("model")
}

/// The names for a message.
fn names(config: &Gateway, caller: &Caller) -> Vec<String> {
    let mut names: Vec<_> = views(config, caller)
        .into_iter()
        .map(|view| view.id)
        .collect();
    let more = names.len().saturating_sub(MAX_NAMED);
    names.truncate(MAX_NAMED);
    if more > 0 {
        names.push(format!("and {more} more"));
    }
    names
}

/// What the caller may ask for: configured names, and names that its key spells out where the
/// configuration has a wildcard.
fn views(config: &Gateway, caller: &Caller) -> Vec<ModelView> {
    let configured = config.models.iter().map(|model| model.name.as_str());
    let mut ids: Vec<&str> = configured
        .chain([ECHO_MODEL])
        .filter(|id| caller.allows(id))
        .collect();
    for name in caller.names().unwrap_or_default() {
        if !ids.contains(&name.as_str()) && owner(config, name).is_some() {
            ids.push(name);
        }
    }
    ids.sort_unstable();
    let view = |id: &str| ModelView::new(id, owner(config, id).unwrap_or_default());
    ids.into_iter().map(view).collect()
}

/// The provider that serves a name first.
fn owner<'c>(config: &'c Gateway, id: &str) -> Option<&'c str> {
    if id == ECHO_MODEL {
        return Some("envoy-llm-gateway");
    }
    let first = plan::first(config, plan::model(config, id)?, id)?;
    let named = config.providers.iter().find(|d| d.name == first.provider);
    named.map(|d| d.name.as_str())
}
