//! `POST /gateway/explain`: what would become of a request, told without sending anything.
//!
//! The plan is made by the code that plans requests, and each provider's request by the code that makes it for an
//! attempt. What real life would answer before a plan is made (a body that cannot be read) is answered here as well;
//! what the plan itself refuses is told as part of the answer.

use super::{
    Client, ECHO_MODEL,
    caller::Caller,
    endpoint, fit,
    guard::{self, Guarded, Passed, Whose},
    hand_over::{self, Planning, Prepared},
    mirror::Aimed,
    models, overrides,
    planned::From,
    story::Story,
};
use crate::{
    api::client::{Api, Asked},
    attempt::{self, Shown},
    config::{self, Gateway},
    fault::{Fault, FaultKind},
    guard::rules::Direction,
    host::{
        Headers, Host, Side,
        keys::{header, state},
    },
    log::cost,
    plan::{self, HandOver, Step, Unmirrored, dollars},
    tokens::chat::{Count, Counter},
};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// Most bytes of providers' requests that one answer shows.
const MAX_SHOWN_BYTES: usize = 16 << 20;
/// Longest value that an error repeats. Units: letters.
const MAX_SAID: usize = 64;
/// What is assumed of the answer that nobody has seen.
const ASSUMPTION: &str = "an answer of 500 tokens, or of the client's limit where that is less; no token of the prompt comes from a cache";
/// What stands in no request that is shown.
const CREDENTIALS: &str = "put in by Envoy after this filter";
const CHAT_PATH: &str = "/v1/chat/completions";

/// Which request is meant, and whose.
#[derive(Debug)]
pub(super) struct Explained {
    pub(super) api: Api,
    path: String,
    caller: Caller,
}

impl Explained {
    /// Reads the query and the headers; `caller`: who asks.
    ///
    /// Errors: `Forbidden` without leave; there is no such path or key.
    pub(super) fn of(config: &Gateway, caller: &Caller, headers: &Headers) -> Result<Self, Fault> {
        if !caller.is_admin() {
            let message =
                "POST /gateway/explain takes a key that has `admin: true` in the gateway's `keys`.";
            return Err(Fault::new(FaultKind::Forbidden, message).coded("admin_only"));
        }
        let path = path(headers.get(":path").unwrap_or_default());
        let line = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let meant = Headers(vec![line(":method", "POST"), line(":path", &path)]);
        let Ok(endpoint::Endpoint::Ask(api)) = endpoint::find(&meant) else {
            let said: String = path.chars().take(MAX_SAID).collect();
            let message = format!(
                "`path` is `{said}`; requests can be explained for /v1/chat/completions, /v1/responses, /v1/messages, /v1/messages/count_tokens, /v1/completions, /v1/embeddings and /v1/rerank."
            );
            return Err(Fault::new(FaultKind::BadRequest, message).at("path"));
        };
        let caller = match headers.get(header::EXPLAIN_KEY) {
            None => caller.clone(),
            Some(id) => Caller::named(config, id).ok_or_else(|| {
                let said: String = id.chars().take(MAX_SAID).collect();
                let message = format!("No key has the id `{said}`.");
                Fault::new(FaultKind::BadRequest, message).at(header::EXPLAIN_KEY)
            })?,
        };
        Ok(Self { api, path, caller })
    }
}

/// The path that the query names.
fn path(own: &str) -> String {
    let query = own.split_once('?').map(|(_, query)| query);
    let query = query
        .unwrap_or_default()
        .split('#')
        .next()
        .unwrap_or_default();
    let named = query.split('&').find_map(|pair| pair.strip_prefix("path="));
    named.map_or_else(|| CHAT_PATH.to_owned(), endpoint::percent_decoded)
}

/// Shape: `scripts/explain.sh` and people read it; only add to it.
#[derive(Serialize)]
struct Told<'a> {
    /// The model that was asked for.
    model: &'a str,
    path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    rule: Option<&'a str>,
    policy: Option<&'a str>,
    /// Whose targets these are, in which order: as in the record.
    route: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<u8>,
    /// Of what the user has said last, where a rule asks for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<&'static str>,
    /// What guards do, as in the record; the requests show what is left.
    #[serde(skip_serializing_if = "Option::is_none")]
    guard: Option<String>,
    /// The guards that are called; nobody asks them for this.
    #[serde(skip_serializing_if = "Option::is_none")]
    calls: Option<Calls<'a>>,
    input_tokens: Option<u64>,
    input_tokens_class: Option<&'static str>,
    assumed_output_tokens: Option<u64>,
    assumption: &'static str,
    /// At the first target.
    estimated_cost_usd: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt_timeout_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    idle_timeout_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total_timeout_ms: Option<u64>,
    credentials: &'static str,
    /// The gateway answers such a request itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    answered_by: Option<&'static str>,
    /// What the client would be told at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<Refusal>,
    plan: Vec<Target>,
    /// Who gets a copy of such requests, or why nobody does.
    #[serde(skip_serializing_if = "Option::is_none")]
    mirror: Option<Mirror>,
    skipped: Vec<Skipped<'a>>,
}

/// Names of guards.
#[derive(Serialize)]
struct Calls<'a> {
    /// About the request, before it is sent.
    input: Vec<&'a str>,
    /// About its answer.
    output: Vec<&'a str>,
}

impl<'a> Calls<'a> {
    /// `None`: nobody is called.
    fn of(config: &'a Gateway, whose: Whose<'_>) -> Option<Self> {
        let guards = &config.guards;
        let names = |direction| -> Vec<&str> {
            let holding = guards.calling(direction, whose.team, whose.models);
            let rules = holding.iter().filter_map(|place| guards.rule(place));
            rules.map(|rule| rule.name.as_str()).collect()
        };
        let (input, output) = (names(Direction::Input), names(Direction::Output));
        (!input.is_empty() || !output.is_empty()).then_some(Self { input, output })
    }
}

#[derive(Serialize)]
struct Target {
    provider: String,
    cluster: String,
    model: String,
    dialect: String,
    reason: &'static str,
    because: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    cooling: Option<Cooling>,
    input_tokens: Option<u64>,
    estimated_cost_usd: Option<f64>,
    dropped: Vec<String>,
    request: Option<Request>,
    /// What such an attempt would answer, without asking the provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<Refusal>,
    /// Why its request cannot be shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_shown: Option<String>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Mirror {
    Copied {
        provider: String,
        cluster: String,
        model: String,
        /// Of how many requests.
        percent: f64,
        estimated_cost_usd: Option<f64>,
    },
    LeftOut {
        left_out: &'static str,
        because: String,
    },
}

#[derive(Serialize)]
struct Cooling {
    reason: plan::health::Why,
    until_ms: u64,
}

#[derive(Serialize)]
struct Request {
    method: String,
    path: String,
    #[serde(serialize_with = "map")]
    headers: Vec<(String, String)>,
    body: Box<RawValue>,
}

fn map<S: Serializer>(lines: &[(String, String)], to: S) -> Result<S::Ok, S::Error> {
    to.collect_map(lines.iter().map(|(name, value)| (name, value)))
}

#[derive(Serialize)]
struct Refusal {
    status: u16,
    code: String,
    param: Option<String>,
    message: String,
}

impl Refusal {
    fn of(fault: Fault) -> Self {
        Self {
            status: fault.status(),
            code: fault.code.unwrap_or_else(|| fault.kind.wire().2.to_owned()),
            param: fault.param,
            message: fault.message.into_owned(),
        }
    }
}

#[derive(Serialize)]
struct Skipped<'a> {
    provider: &'a str,
    model: &'a str,
    reason: &'a str,
    because: &'a str,
}

/// The answer's body.
///
/// Errors: those of a body that no request may have.
pub(super) fn answer(
    host: &dyn Host,
    config: &Gateway,
    explained: &Explained,
    client: &Client,
    body: Vec<u8>,
) -> Result<Vec<u8>, Fault> {
    let caller = &explained.caller;
    let (body, others) = match explained.api {
        Api::Chat if caller.overrides(config) => overrides::take_models(host, body)?,
        _ => (body, Vec::new()),
    };
    let asked = Asked::parse(explained.api, &body)?;
    host.set_state(state::MODEL, &asked.model);
    let mut guarded = Guarded::default();
    let names = std::iter::once(&*asked.model).chain(others.iter().map(String::as_str));
    let whose = Whose {
        team: caller.who().team,
        models: &names.collect::<Vec<_>>(),
    };
    let calls = Calls::of(config, whose);
    let order = guard::order(asked.api);
    let looked = guarded.request(config, whose, order, asked.body.source());
    let (passed, stopped) = match looked {
        Ok(passed) => (passed, None),
        Err(fault) => (Passed::default(), Some(fault)),
    };
    let (asked, body) = match &passed.body {
        Some(made) => (
            Asked::parse(explained.api, made.as_bytes())?,
            made.as_bytes(),
        ),
        None => (asked, body.as_slice()),
    };
    let mut story = Story::heard();
    let request = Planning {
        asked: &asked,
        to: match &passed.to {
            Some(model) => hand_over::To::Only(model),
            None => hand_over::To::Asked { others: &others },
        },
        path: Some(&explained.path),
    };
    let permitted = models::permit(config, caller, &asked.model)
        .and_then(|()| models::permit_others(config, caller, &asked.body));
    let prepared = match (permitted, stopped) {
        (Err(fault), _) | (_, Some(fault)) => Err(fault),
        _ => planned(host, config, caller, client, request, &mut story),
    };
    let mut told = Told {
        model: &asked.model,
        path: &explained.path,
        key: caller.who().key,
        rule: story.rule.as_deref(),
        policy: story.policy,
        route: host
            .state(state::ROUTE)
            .and_then(|r| String::from_utf8(r).ok()),
        score: story.score,
        language: story.language,
        guard: guarded.told(config),
        calls,
        input_tokens: None,
        input_tokens_class: None,
        assumed_output_tokens: None,
        assumption: ASSUMPTION,
        estimated_cost_usd: None,
        attempt_timeout_ms: None,
        idle_timeout_ms: None,
        total_timeout_ms: None,
        credentials: CREDENTIALS,
        answered_by: None,
        refusal: None,
        plan: Vec::new(),
        mirror: None,
        skipped: skipped(config, &story),
    };
    match prepared {
        Err(fault) => told.refusal = Some(Refusal::of(fault)),
        Ok(None) => told.answered_by = Some("gateway"),
        Ok(Some(prepared)) => {
            let ms =
                |time: std::time::Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
            told.attempt_timeout_ms = Some(ms(prepared.patience.time));
            told.idle_timeout_ms = prepared.patience.idle_ms();
            told.total_timeout_ms = prepared.retries.total_timeout.map(ms);
            told.plan = targets(host, config, &asked, body, &prepared, &story);
            told.mirror = prepared.mirror.map(|copy| mirror(config, &asked, copy));
        }
    }
    let first = told
        .plan
        .first()
        .map_or(&*asked.model, |first| &first.model);
    let count = counted(&asked, first);
    told.input_tokens = Some(count.tokens);
    told.input_tokens_class = Some(count.class.as_str());
    told.assumed_output_tokens = Some(plan::expected(Some(&asked), 0, fit::least(&asked)).output);
    told.estimated_cost_usd = told.plan.first().and_then(|first| first.estimated_cost_usd);
    fit::record(host, count);
    Ok(serde_json::to_vec(&told).unwrap_or_default())
}

/// As a request is planned that may be asked for. `None`: the gateway answers it itself.
fn planned(
    host: &dyn Host,
    config: &Gateway,
    caller: &Caller,
    client: &Client,
    request: Planning<'_>,
    story: &mut Story,
) -> Result<Option<Prepared>, Fault> {
    let asked = matches!(request.to, hand_over::To::Asked { .. });
    if asked && request.asked.model == ECHO_MODEL {
        return Ok(None);
    }
    let from = From { caller, client };
    hand_over::prepare(host, config, from, request, story)
}

fn counted(asked: &Asked<'_>, model: &str) -> Count {
    Counter::new(asked).count(model)
}

fn targets(
    host: &dyn Host,
    config: &Gateway,
    asked: &Asked<'_>,
    body: &[u8],
    prepared: &Prepared,
    story: &Story,
) -> Vec<Target> {
    let mut counter = Counter::new(asked);
    let scheme = host.header(Side::Request, ":scheme");
    let steps = prepared.told.steps.iter().zip(&prepared.places);
    let mut left = MAX_SHOWN_BYTES;
    let target = |(at, (step, place)): (usize, (&Step, &usize))| {
        let place = story.place(*place, step);
        let tokens = counter.count(&step.model).tokens;
        let number = at as u64 + 1;
        let mut target = Target {
            provider: step.provider.clone(),
            cluster: step.cluster.clone(),
            model: step.model.clone(),
            dialect: step.dialect.clone(),
            reason: place.map_or("order", |place| place.reason),
            because: place.map(|place| place.because.clone()).unwrap_or_default(),
            cooling: story.cooling(step).map(|cooled| Cooling {
                reason: cooled.why,
                until_ms: cooled.until,
            }),
            input_tokens: Some(tokens),
            estimated_cost_usd: cost_at(config, asked, step, tokens),
            dropped: Vec::new(),
            request: None,
            refusal: None,
            not_shown: None,
        };
        match shown(
            host,
            &prepared.told,
            step,
            number,
            body,
            scheme.as_deref(),
            left,
        ) {
            Ok(Ok(shown)) => {
                left = left.saturating_sub(shown.body.len());
                target.dropped.clone_from(&shown.dropped);
                target.request = request(shown);
            }
            Ok(Err(fault)) => target.refusal = Some(Refusal::of(fault)),
            Err(why) => target.not_shown = Some(why),
        }
        target
    };
    steps.enumerate().map(target).collect()
}

/// The request of an attempt; the inner error is what the attempt would answer, the outer one why nobody can know.
fn shown(
    host: &dyn Host,
    told: &HandOver,
    step: &Step,
    number: u64,
    body: &[u8],
    scheme: Option<&str>,
    left: usize,
) -> Result<Result<Shown, Fault>, String> {
    let Some(role) = host.provider(&step.cluster) else {
        return Err(format!(
            "this worker knows no provider role of the cluster `{}`: give the plugin in the cluster the cluster's name (`name` and `root_id`), and the same `vm_config` as the gateway's; after a reload of the filter it is known from its first request on",
            step.cluster
        ));
    };
    if left < body.len() {
        return Err(format!(
            "the requests before it are {MAX_SHOWN_BYTES} bytes long together; shorten the prompt"
        ));
    }
    Ok(attempt::show(&role, told, number, body, scheme))
}

fn request(shown: Shown) -> Option<Request> {
    let said = |name: &str| {
        let line = shown.headers.iter().find(|(known, _)| known == name);
        line.map(|(_, value)| value.clone()).unwrap_or_default()
    };
    let (method, path, host) = (said(":method"), said(":path"), said(":authority"));
    let lines = shown.headers.into_iter();
    let lines = lines.filter(|(name, _)| !name.starts_with(':'));
    let headers = std::iter::once(("host".to_owned(), host)).chain(lines);
    Some(Request {
        method,
        path,
        headers: headers.collect(),
        body: RawValue::from_string(String::from_utf8(shown.body).ok()?).ok()?,
    })
}

fn mirror(config: &Gateway, asked: &Asked<'_>, copy: Result<Aimed, Unmirrored>) -> Mirror {
    match copy {
        Ok(Aimed { step, share, .. }) => Mirror::Copied {
            percent: f64::from(share) * 100.0 / f64::from(config::Mirror::WHOLE),
            estimated_cost_usd: cost_at(config, asked, &step, counted(asked, &step.model).tokens),
            provider: step.provider,
            cluster: step.cluster,
            model: step.model,
        },
        Err(why) => Mirror::LeftOut {
            left_out: why.as_str(),
            because: why.to_string(),
        },
    }
}

fn cost_at(config: &Gateway, asked: &Asked<'_>, step: &Step, tokens: u64) -> Option<f64> {
    let names = [step.model.as_str()];
    let model = config.known.find(&step.provider, &step.dialect, &names)?;
    let usage = plan::expected(Some(asked), tokens, fit::least(asked));
    cost::pico(&usage, model.prices.as_ref()?).map(dollars)
}

fn skipped<'s>(config: &'s Gateway, story: &'s Story) -> Vec<Skipped<'s>> {
    let skipped = story.left.iter().map(|left| Skipped {
        provider: left.provider(config),
        model: &left.model,
        reason: left.reason,
        because: &left.because,
    });
    skipped.collect()
}
