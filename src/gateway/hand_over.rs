//! The end of the way in: the plan, for Envoy to execute and for the provider role to read.

use super::{
    fit::{self, Lengths, Ways},
    health::{self, Probe},
    load,
    mirror::{self, Aimed},
    overrides::Patience,
    planned::{self, From, What},
    story::Story,
};
use crate::{
    api::{
        chat::Chat,
        client::{Api, Asked},
    },
    config::{Gateway, OnContextLength, Retries},
    fault::{Fault, FaultKind},
    host::{
        Host, Side,
        keys::{header, state},
    },
    plan::{HandOver, Moves, Step, Unmirrored, wire},
    provider::Provider,
    tokens::chat::Counter,
};
use std::{cell::RefCell, time::Duration};

/// Which model answers.
#[derive(Debug, Clone, Copy)]
pub(super) enum To<'a> {
    /// The one that was asked for.
    Asked {
        /// Those that may when its targets have failed.
        others: &'a [String],
    },
    /// This one and no other, whatever a rule says: a guard has found what others must not see.
    Only(&'a str),
}

/// Plans the request and hands it to Envoy; gives the time of each attempt. `None`: tokens are to be
/// counted and no provider of this model does that.
///
/// Errors: `UnknownModel`; `no_compliant_target`; the refusal of the first target when every target refuses.
pub(super) fn send(
    host: &dyn Host,
    config: &Gateway,
    from: From<'_>,
    asked: &Asked<'_>,
    to: To<'_>,
) -> Result<Option<Patience>, Fault> {
    let request = Planning {
        asked,
        to,
        path: None,
    };
    let prepared = prepare(host, config, from, request, &mut Story::default())?;
    let Some(prepared) = prepared else {
        return Ok(None);
    };
    let flag = |on: bool| if on { "1" } else { "0" };
    host.set_state(state::STREAM, flag(asked.stream));
    let (mut told, patience) = (prepared.told, prepared.patience);
    told.wait_ms = health::waits(&prepared.retries, &mut told.steps);
    if told.wait_ms.is_some() {
        // It is the same request as before.
        told.tokens
            .extend_from_within(told.tokens.len().saturating_sub(1)..);
        told.caps
            .extend_from_within(told.caps.len().saturating_sub(1)..);
    }
    let total = prepared.retries.total_timeout;
    steer(host, &told.steps, patience.time, total, false)?;
    if let Some(Ok(copy)) = prepared.mirror {
        mirror::send(host, config, &told, copy);
    }
    told.marks = load::begin(host, config, &told.steps);
    told.store(host);
    Ok(Some(patience))
}

/// A request to be planned.
pub(super) struct Planning<'a> {
    pub(super) asked: &'a Asked<'a>,
    pub(super) to: To<'a>,
    /// Its path, where it is not the one that this request has.
    pub(super) path: Option<&'a str>,
}

/// A request that may be handed over.
pub(super) struct Prepared {
    /// For the provider role.
    pub(super) told: HandOver,
    /// The places of the steps' providers.
    pub(super) places: Vec<usize>,
    /// How long each attempt has.
    pub(super) patience: Patience,
    /// How much is tried.
    pub(super) retries: Retries,
    /// The copy of the request; `None`: the model has no mirror.
    pub(super) mirror: Option<Result<Aimed, Unmirrored>>,
}

/// Plans the request; nothing is sent yet. `None`, errors: as of [`send`].
pub(super) fn prepare(
    host: &dyn Host,
    config: &Gateway,
    from: From<'_>,
    request: Planning<'_>,
    story: &mut Story,
) -> Result<Option<Prepared>, Fault> {
    let (client, asked) = (from.client, request.asked);
    let (name, others, only) = match request.to {
        To::Asked { others } => (&*asked.model, others, false),
        To::Only(model) => (model, &[][..], true),
    };
    let counter = RefCell::new(Counter::new(asked));
    let what = What {
        model: name,
        others,
        only,
        operation: asked.api.operation(),
        asked: Some(asked),
        path: request.path,
        count: &|model| Some(counter.try_borrow_mut().ok()?.count(model).tokens),
    };
    let mut planned = planned::plan(host, config, from, what, story)?;
    let model = planned.model;
    let configured = if asked.stream {
        model.first_token_timeout
    } else {
        model.answer_timeout
    };
    let (retries, patience) = planned.limits(configured);
    let retries = retries.into_owned();
    let seed = planned.seed;
    let mut steps = std::mem::take(&mut planned.steps);
    let mut longer = std::mem::take(&mut planned.longer);
    if asked.api == Api::CountTokens {
        steps = counting(config, steps, story);
        if steps.is_empty() {
            return Ok(None);
        }
    }
    let steps = able(config, asked, steps, story)?;
    longer.retain(|(provider, step)| takes(config, asked, *provider, step, story));
    let mut counter = counter.into_inner();
    let on = &model.on_context_length;
    let mut ways = Ways { on, steps, longer };
    // Of what is counted, it is the provider that counts.
    let measures = asked.api != Api::CountTokens;
    if measures {
        ways = fit::fit(host, config, asked, &mut counter, ways, story)?;
    }
    let probe = match story.is_heard() {
        true => Probe::Leave,
        false => Probe::Take(patience.time),
    };
    let arrange = |steps, probe, story: &mut Story| {
        health::arrange(host, config, &retries, steps, seed, probe, story)
    };
    let mut steps = arrange(ways.steps, probe, story);
    if !ways.longer.is_empty() {
        // Nobody knows whether they are needed, so nobody is probed, unless there is nobody else.
        let probe = if steps.is_empty() {
            probe
        } else {
            Probe::Leave
        };
        steps.extend(arrange(ways.longer, probe, story));
    }
    health::cut(&retries, &mut steps, story);
    let lengths = match measures {
        true => fit::lengths(host, config, asked, &mut counter, &steps),
        false => Lengths::default(),
    };
    let (places, steps): (Vec<_>, Vec<Step>) = steps.into_iter().unzip();
    let mirror = match asked.api {
        // What is counted has no answer.
        Api::CountTokens => None,
        _ => mirror::aim(host, config, &planned, steps.first(), !story.is_heard()),
    };
    let mirror = mirror.map(|copy| {
        copy.map(|step| Aimed {
            tokens: match config.count_tokens {
                true => vec![counter.count(&step.model).tokens],
                false => Vec::new(),
            },
            time: model.answer_timeout,
            share: model.mirror.as_ref().map_or(0, |mirror| mirror.share),
            step,
        })
    });
    let told = HandOver {
        request_id: client.id.clone(),
        client_headers: client.forwarded.clone(),
        route: planned.told,
        tokens: lengths.tokens,
        caps: lengths.caps,
        moves: Moves {
            context_length: matches!(
                model.on_context_length,
                OnContextLength::RouteOn | OnContextLength::GoTo(_)
            ),
            content_filter: retries.on_content_filter,
            statuses: retries.statuses.clone(),
        },
        idle_ms: patience.idle_ms(),
        validate: retries.validate_json,
        ..HandOver::new(asked, steps, &client.authority, client.traces.clone())
    };
    Ok(Some(Prepared {
        told,
        places,
        patience,
        retries,
        mirror,
    }))
}

/// Whether a step's dialect can take the request.
fn takes(
    config: &Gateway,
    asked: &Asked<'_>,
    provider: usize,
    step: &Step,
    story: &mut Story,
) -> bool {
    let speaks = config.providers.get(provider).map(|to| &to.speaks);
    let mut chat = (asked.api == Api::Chat).then(|| asked.clone().into_chat());
    let fault = speaks.and_then(|speaks| refuses(&**speaks, asked, chat.as_mut(), &step.model));
    if let Some(fault) = &fault {
        story.cannot(provider, step, fault);
    }
    speaks.is_some() && fault.is_none()
}

/// Tells Envoy the plan; `unbuffered`: there is no attempt after the first, so that it need not keep the
/// body.
///
/// Errors: the host refuses a header.
pub(super) fn steer(
    host: &dyn Host,
    steps: &[Step],
    timeout: Duration,
    total: Option<Duration>,
    unbuffered: bool,
) -> Result<(), Fault> {
    let set = |name: &str, value: &str| host.set_header(Side::Request, name, Some(value));
    let retries = steps.len().saturating_sub(1).to_string();
    set(header::PLAN, &wire::header(steps.iter()))
        .and_then(|()| set(header::MAX_RETRIES, &retries))
        .and_then(|()| set(header::PER_TRY_TIMEOUT, &timeout.as_millis().to_string()))
        .and_then(|()| match total {
            Some(total) => set(header::TOTAL_TIMEOUT, &total.as_millis().to_string()),
            None => Ok(()),
        })
        .and_then(|()| match unbuffered {
            true => set(header::UNBUFFERED, "1"),
            false => Ok(()),
        })
        .map_err(|_| {
            Fault::new(
                FaultKind::Internal,
                "The gateway could not hand the plan over.",
            )
        })
}

/// The steps whose dialect can take the request. A single target is not asked: what it refuses, its
/// provider role refuses with the same words, and a question costs a translation.
fn able(
    config: &Gateway,
    asked: &Asked<'_>,
    steps: Vec<(usize, Step)>,
    story: &mut Story,
) -> Result<Vec<(usize, Step)>, Fault> {
    if steps.len() == 1 {
        return Ok(steps);
    }
    let (mut able, mut refusal) = (Vec::with_capacity(steps.len()), None);
    // One for all the questions: only its model changes.
    let mut chat = (asked.api == Api::Chat).then(|| asked.clone().into_chat());
    for (provider, step) in steps {
        let speaks = config.providers.get(provider).map(|d| &d.speaks);
        match speaks.map(|speaks| refuses(&**speaks, asked, chat.as_mut(), &step.model)) {
            Some(None) => able.push((provider, step)),
            Some(Some(fault)) => {
                story.cannot(provider, &step, &fault);
                refusal.get_or_insert(fault);
            }
            None => {}
        }
    }
    if able.is_empty() {
        return Err(refusal.unwrap_or_else(|| no_provider(asked.api)));
    }
    Ok(able)
}

/// Why a provider cannot take the request; `chat`: the same, where it is one.
fn refuses(
    speaks: &dyn Provider,
    asked: &Asked<'_>,
    chat: Option<&mut Chat<'_>>,
    model: &str,
) -> Option<Fault> {
    let none = || Some(no_provider(asked.api));
    match asked.api {
        Api::Embeddings => {
            let dialect = speaks.embed();
            return dialect.map_or_else(none, |dialect| dialect.refuses(&asked.embed(model)));
        }
        Api::Rerank => {
            let dialect = speaks.rerank();
            return dialect.map_or_else(none, |dialect| dialect.refuses(&asked.rerank(model)));
        }
        api if speaks.passes(api, model).is_some() => return None,
        _ => {}
    }
    let Some(dialect) = speaks.chat() else {
        return none();
    };
    if let Some(chat) = chat {
        chat.model = model.to_owned().into();
        return dialect.refuses(chat);
    }
    let made = match asked.translated(model, dialect.takes(model)) {
        Ok(made) => made,
        Err(fault) => return Some(fault),
    };
    let refusal = match Chat::parse(&made.body) {
        Ok(chat) => dialect.refuses(&chat),
        Err(fault) => Some(fault),
    };
    refusal.map(|fault| made.refusal(fault))
}

fn no_provider(api: Api) -> Fault {
    let message = match api {
        Api::Embeddings => "No provider of this model offers embeddings.",
        Api::Rerank => "No provider of this model offers reranking.",
        _ => "No provider of this model offers chat completions.",
    };
    Fault::new(FaultKind::Unsupported, message)
}

/// The steps whose provider counts tokens itself; empty: none does.
fn counting(
    config: &Gateway,
    mut steps: Vec<(usize, Step)>,
    story: &mut Story,
) -> Vec<(usize, Step)> {
    steps.retain(|(provider, step)| {
        let destination = config.providers.get(*provider);
        let counts =
            destination.is_some_and(|d| d.speaks.passes(Api::CountTokens, &step.model).is_some());
        if !counts {
            let because = "its provider does not count tokens";
            story.left_out(*provider, step, "unsupported", because);
        }
        counts
    });
    steps
}
