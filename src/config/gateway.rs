//! The gateway role's configuration: who may ask for what, and where it may go.

use super::{
    Destination, Gateway, Key, Labels, Model, Named, OnContextLength, Passthrough, Retries,
    covering, dialects, guards, health, known, labels,
    node::{Fields, Node, Reading},
    provider::UNKNOWN,
    retries, rules,
    targets::{self, Timeouts, known_model, some},
};
use crate::{
    api::relay::Area,
    catalogue::Known,
    guard::rules::Guards,
    log::record,
    provider::{Common, Entry, Provider, params::Unknown},
};
use serde_json::{Map, Value};
use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
    time::Duration,
};

const BODY_LIMIT_BYTES: u64 = 16 << 20;
const BODY_LIMIT_CEILING_BYTES: u64 = 128 << 20;
/// OpenAI's largest file.
/// Source: OpenAI API reference, "Upload file", general knowledge, not confirmed.
const PASSTHROUGH_LIMIT_BYTES: u64 = 512 << 20;
const PASSTHROUGH_LIMIT_CEILING_BYTES: u64 = 1 << 40;
const MAX_CLUSTERS: usize = 16;
/// SHA-256 of nothing: what a digest is when the variable that should hold the key is not set.
const DIGEST_OF_NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            first_token: Duration::from_secs(10),
            answer: Duration::from_secs(600),
            idle: None,
        }
    }
}

/// Reads everything of the role; `None`: what is wrong is reported.
pub(super) fn read(fields: &Fields<'_>, registry: &[Entry]) -> Option<Gateway> {
    let limit = 1..=BODY_LIMIT_CEILING_BYTES;
    let body_limit = fields.or("body_limit_bytes", BODY_LIMIT_BYTES, |node| {
        node.count_in(limit)
    });
    let timeouts = timeouts(fields, Timeouts::default());
    // Names are noted before what they stand for is read: one mistake makes one problem.
    let mut known_providers = Vec::new();
    let providers = fields.required("providers").and_then(|node| {
        node.map(|name, node| {
            known_providers.push((name.to_owned(), Labels::new()));
            let read = destination(name, &node, registry);
            if let (Some(noted), Some(read)) = (known_providers.last_mut(), &read) {
                noted.1.clone_from(&read.labels);
            }
            read
        })
    });
    let inherited = timeouts.unwrap_or_default();
    let mut known_models = Vec::new();
    let tries = retries::read(fields, &Retries::default());
    let above = tries.clone().unwrap_or_default();
    let count_tokens = fields.or("count_tokens", true, |node| node.flag());
    let counted = count_tokens.unwrap_or(true);
    // Without a count nobody knows what is too long.
    let unsaid = if counted {
        OnContextLength::Refuse
    } else {
        OnContextLength::Ignore
    };
    let mut too_long = None;
    let models = fields.required("models").and_then(|node| {
        known_models = node.map(|name, _| Some(name.to_owned()))?;
        too_long = Some(context_length(fields, &unsaid, counted, &known_models));
        let common = too_long.clone().flatten().unwrap_or_else(|| unsaid.clone());
        let known = targets::Known {
            providers: &known_providers,
            models: &known_models,
        };
        let models = node.map(|name, node| {
            let own = |fields: &Fields<'_>| {
                let timeouts = self::timeouts(fields, inherited);
                let retries = retries::read(fields, &above);
                let too_long = context_length(fields, &common, counted, &known_models);
                Some((timeouts?, retries?, too_long?))
            };
            targets::model(name, &node, &known, own)
        });
        let mut models = some(&node, models, "model")?;
        let mut wrong = targets::nesting(&models);
        if wrong.is_empty() {
            wrong = longer(&mut models, &common);
        }
        for what in &wrong {
            node.wrong(what);
        }
        wrong.is_empty().then_some(models)
    });
    let on_context_length =
        too_long.unwrap_or_else(|| context_length(fields, &unsaid, counted, &known_models));
    let rules = match fields.given("rules") {
        Some(node) => rules::rules(&node, &known_models),
        None => Some(Vec::new()),
    };
    let guards = match fields.given("guards") {
        Some(node) => guards::read(&node, &known_models),
        None => Some(Guards::default()),
    };
    let overrides = fields.or("overrides", false, |node| node.flag());
    let known_providers: Vec<_> = known_providers.into_iter().map(|(name, _)| name).collect();
    let keys = match fields.given("keys") {
        Some(node) => keys(&node, &known_models, overrides.unwrap_or_default()).map(Some),
        None => Some(None),
    };
    let cap_max_tokens = fields.or("cap_max_tokens", false, |node| node.flag());
    let filter_state = fields.or("filter_state", Rc::default(), facts);
    let known = fields.or("model_info", Known::default(), |node| known::read(&node));
    let read =
        |node: Node<'_>| passthrough(&node, providers.as_deref(), &known_providers, registry);
    let passthrough = match fields.optional("passthrough") {
        Some(node) => read(node),
        None => Some(Passthrough {
            provider: None,
            body_limit_bytes: PASSTHROUGH_LIMIT_BYTES,
        }),
    };
    let default = Some(crate::plan::health::Settings::default());
    let health = fields.or("health", default, |node| health::read(&node));
    tries?;
    let (models, providers, known) = (models?, providers?, known?);
    let (rules, guards, on_context_length) = (rules?, guards?, on_context_length?);
    let instead = rules.iter().filter_map(|rule| rule.instead.as_ref());
    let to = guards.rules.iter().filter_map(|rule| rule.to.as_ref());
    let longer = models.iter().map(|model| &model.on_context_length);
    let longer = longer
        .chain([&on_context_length])
        .filter_map(|longer| match longer {
            OnContextLength::GoTo(named) => Some(named),
            _ => None,
        });
    let listed = super::listed(&models, &providers, &known, instead.chain(to).chain(longer));
    Some(Gateway {
        listed,
        known,
        health: health?,
        models,
        providers,
        rules,
        guards,
        overrides: overrides?,
        keys: keys?,
        body_limit_bytes: body_limit?.try_into().ok()?,
        answer_timeout: inherited.answer,
        idle_timeout: inherited.idle,
        passthrough: passthrough?,
        count_tokens: count_tokens?,
        on_context_length,
        cap_max_tokens: cap_max_tokens?,
        filter_state: filter_state?,
    })
}

/// Facts of the record, by their names.
fn facts(node: Node<'_>) -> Option<Rc<[&'static str]>> {
    let facts = node.list(|node| {
        let name = node.text()?;
        let key = record::key(name);
        if key.is_none() {
            let names: Vec<_> = record::names().collect();
            let names = names.join(", ");
            node.wrong(format_args!("no fact of the record; allowed: {names}"));
        }
        key
    });
    Some(facts?.into())
}

/// One of three words, or the model whose targets follow.
fn context_length(
    fields: &Fields<'_>,
    above: &OnContextLength,
    counted: bool,
    models: &[String],
) -> Option<OnContextLength> {
    fields.or("on_context_length", above.clone(), |node| {
        let choice = match node.text()? {
            "refuse" => OnContextLength::Refuse,
            "route_on" => OnContextLength::RouteOn,
            "ignore" => OnContextLength::Ignore,
            asked => {
                let found = covering(models.iter().map(String::as_str), asked);
                // What any name is covered by says nothing: a word that is written wrong would be a model.
                let found = found.filter(|at| models.get(*at).is_some_and(|name| name != "*"));
                let found = found.filter(|_| !asked.contains('*'));
                if found.is_none() {
                    let models = models.join(", ");
                    node.wrong(format_args!(
                        "no model {asked:?}; allowed: refuse, route_on, ignore, or the name of a model as a client asks for it; configured: {models}"
                    ));
                }
                let (model, asked) = (found?, asked.to_owned());
                OnContextLength::GoTo(Named { model, asked })
            }
        };
        if !counted && choice != OnContextLength::Ignore {
            node.wrong("needs `count_tokens: true`");
            return None;
        }
        Some(choice)
    })
}

/// Whether the models that follow one when a prompt is too long lead back to it.
fn returns(models: &[Model], from: usize) -> bool {
    let mut at = from;
    for _ in 0..models.len() {
        let next = models.get(at).map(|model| &model.on_context_length);
        match next {
            Some(OnContextLength::GoTo(named)) if named.model == from => return true,
            Some(OnContextLength::GoTo(named)) => at = named.model,
            _ => return false,
        }
    }
    false
}

/// What is wrong with models that follow when a prompt is too long. The one that follows everywhere (`common`) has none
/// behind itself, nor have those that it leads to.
fn longer(models: &mut [Model], common: &OnContextLength) -> Vec<String> {
    let mut circles = Vec::new();
    for (at, model) in models.iter().enumerate() {
        if let OnContextLength::GoTo(named) = &model.on_context_length {
            // A wildcard stands for many models, of which one may follow another.
            let other = named.model == at && model.name.ends_with('*');
            if !other && (targets::leads(models, named.model, at) || returns(models, at)) {
                circles.push(at);
            }
        }
    }
    let mut wrong = Vec::new();
    for at in circles {
        let Some(model) = models.get_mut(at) else {
            continue;
        };
        if model.on_context_length == *common {
            model.on_context_length = OnContextLength::RouteOn;
        } else if let OnContextLength::GoTo(named) = &model.on_context_length {
            wrong.push(format!(
                "a circle: `on_context_length` of {:?} is {:?}, which leads back to it",
                model.name, named.asked
            ));
        }
    }
    wrong
}

/// `providers`: what is known of them where all of them are well.
fn passthrough(
    node: &Node<'_>,
    providers: Option<&[Destination]>,
    names: &[String],
    registry: &[Entry],
) -> Option<Passthrough> {
    node.object(|fields| {
        let provider = fields.maybe("provider", |node| {
            let place = place(&node, names)?;
            let speaks = providers.and_then(|all| all.get(place)).map(|d| &d.speaks);
            if speaks.is_some_and(|speaks| !relays_anything(&**speaks)) {
                let able = registry.iter().filter(|entry| {
                    asked_while_planning(entry, Unknown::default(), None)
                        .is_some_and(|speaks| relays_anything(&*speaks))
                });
                let able: Vec<_> = able.map(|entry| entry.name).collect();
                let able = able.join(", ");
                node.wrong(format_args!(
                    "its dialect has none of OpenAI's other paths; those that have some: {able}"
                ));
                return None;
            }
            Some(place)
        });
        let limit = 1..=PASSTHROUGH_LIMIT_CEILING_BYTES;
        let body_limit = fields.or("body_limit_bytes", PASSTHROUGH_LIMIT_BYTES, |node| {
            node.count_in(limit)
        });
        Some(Passthrough {
            provider: provider?,
            body_limit_bytes: body_limit?,
        })
    })
}

fn relays_anything(speaks: &dyn Provider) -> bool {
    let has = |area: &Area| speaks.relays(*area, "x", "").is_some();
    Area::ALL.iter().any(has)
}

/// The place of the provider of that name.
fn place(node: &Node<'_>, providers: &[String]) -> Option<usize> {
    let name = node.text()?;
    let place = providers.iter().position(|known| known == name);
    if place.is_none() {
        let known = providers.join(", ");
        node.wrong(format_args!("no provider {name:?}; configured: {known}"));
    }
    place
}

fn timeouts(fields: &Fields<'_>, inherited: Timeouts) -> Option<Timeouts> {
    let first_token = fields.or("first_token_timeout", inherited.first_token, |node| {
        node.duration()
    });
    let answer = fields.or("answer_timeout", inherited.answer, |node| node.duration());
    let idle = match fields.optional("idle_timeout") {
        Some(node) => node.duration().map(Some),
        None => Some(inherited.idle),
    };
    Some(Timeouts {
        first_token: first_token?,
        answer: answer?,
        idle: idle?,
    })
}

fn destination(name: &str, node: &Node<'_>, registry: &[Entry]) -> Option<Destination> {
    // The name becomes a header's value and the part of a model's name before its first `/`.
    let named = !name.is_empty()
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    if !named {
        node.wrong(
            "a provider's name holds ASCII letters, digits, `.`, `_` and `-`; `cluster` may be any",
        );
    }
    node.object(|fields| {
        let clusters = clusters(fields, name);
        let entry = match fields.optional("dialect") {
            Some(node) => super::dialect(&node, registry),
            None => {
                let entry = registry.iter().find(|entry| entry.name == name);
                if entry.is_none() {
                    let allowed = dialects(registry);
                    fields.lacks(
                        "dialect",
                        format_args!("missing, and {name:?} is not a dialect; allowed: {allowed}"),
                    );
                }
                entry
            }
        };
        let unknown = fields.or("unknown_parameters", Unknown::default(), |node| {
            node.choice(UNKNOWN)
        });
        let responses = fields.maybe("responses", |node| node.flag());
        let labels = fields.or("labels", Labels::new(), |node| labels::labels(&node));
        let entry = entry?;
        let speaks = asked_while_planning(entry, unknown?, responses?);
        if speaks.is_none() {
            match responses {
                Some(Some(_)) => fields.lacks("responses", "is no setting of this dialect"),
                _ => fields.lacks("dialect", "cannot be asked without settings of its own"),
            }
        }
        let mut clusters = clusters?.into_iter();
        let cluster = clusters.next()?;
        named.then_some(Destination {
            name: name.to_owned(),
            cluster,
            more_clusters: clusters.collect(),
            dialect: entry.name,
            speaks: speaks?,
            labels: labels?,
        })
    })
}

/// The provider's clusters: one, or several with a key each.
fn clusters(fields: &Fields<'_>, name: &str) -> Option<Vec<String>> {
    let one = fields.or("cluster", name.to_owned(), |node| {
        node.plain().map(str::to_owned)
    });
    let Some(node) = fields.optional("clusters") else {
        return Some(vec![one?]);
    };
    if fields.optional("cluster").is_some() {
        node.wrong("stands beside `cluster`; leave one out");
        return None;
    }
    let mut seen = Vec::new();
    let clusters = node.list(|node| {
        let cluster = node.plain()?.to_owned();
        if seen.contains(&cluster) {
            node.wrong("stands here twice");
            return None;
        }
        seen.push(cluster.clone());
        Some(cluster)
    });
    let clusters = some(&node, clusters, "cluster")?;
    if clusters.len() > MAX_CLUSTERS {
        let count = clusters.len();
        node.wrong(format_args!("{count} clusters; allowed: {MAX_CLUSTERS}"));
        return None;
    }
    Some(clusters)
}

/// A dialect with those settings of its cluster that decide what it can take; a plan needs no others.
/// `None`: it lacks one that it needs, or has no such setting.
fn asked_while_planning(
    entry: &Entry,
    unknown: Unknown,
    responses: Option<bool>,
) -> Option<Box<dyn Provider>> {
    let mut settings = Map::new();
    settings.extend(responses.map(|has| ("responses".to_owned(), Value::Bool(has))));
    let (settings, reading) = (Value::Object(settings), Reading::default());
    let common = Common {
        base_path: entry.base_path.to_owned(),
        unknown,
    };
    let speaks = Node::root(&settings, &reading).object(|fields| (entry.open)(common, fields));
    // Which settings a dialect has, only the reading of them tells.
    let known = |keys: &BTreeSet<&str>| keys.contains("responses");
    speaks.filter(|_| responses.is_none() || reading.known().values().any(known))
}

fn keys(node: &Node<'_>, models: &[String], may_override: bool) -> Option<Vec<Key>> {
    let (mut ids, mut digests) = (BTreeMap::new(), BTreeMap::new());
    let mut place = 0;
    let keys = node.list(|node| {
        let key = node.object(|fields| {
            let id = fields.required("id").and_then(|node| {
                let id = node.plain()?.to_owned();
                unique(&node, &mut ids, id, place)
            });
            let sha256 = fields.required("sha256").and_then(|node| {
                let digest = digest(&node)?;
                unique(&node, &mut digests, digest, place)
            });
            let text = |key| fields.maybe(key, |node| node.plain().map(str::to_owned));
            let (team, user, project) = (text("team"), text("user"), text("project"));
            let require = match fields.given("require") {
                Some(node) => labels::needs(&node),
                None => Some(Vec::new()),
            };
            let overrides = fields.or("overrides", may_override, |node| node.flag());
            let may = match fields.given("models") {
                Some(node) => {
                    let may = node.list(|node| known_model(&node, models));
                    some(&node, may, "model").map(Some)
                }
                None => Some(None),
            };
            // What names no model cannot be held against a list of models.
            let unlimited = matches!(may, Some(None));
            let passthrough = fields.or("passthrough", unlimited, |node| node.flag());
            let admin = fields.or("admin", false, |node| node.flag());
            Some(Key {
                id: id?,
                sha256: sha256?,
                team: team?,
                user: user?,
                project: project?,
                require: require?,
                overrides: overrides?,
                models: may?,
                passthrough: passthrough?,
                admin: admin?,
            })
        });
        place += 1;
        key
    });
    some(node, keys, "key")
}

fn digest(node: &Node<'_>) -> Option<[u8; 32]> {
    let text = node.text()?;
    if text == DIGEST_OF_NOTHING {
        node.wrong("is the digest of an empty key");
        return None;
    }
    let digest = (text.len() == 64).then(|| unhex(text)).flatten();
    if digest.is_none() {
        node.wrong("expected the SHA-256 of the exact key as 64 lower-case hex digits");
    }
    digest
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let nibble = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut out = [0; 32];
    for (byte, pair) in out.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let (high, low) = (*pair.first()?, *pair.last()?);
        *byte = nibble(high)? << 4 | nibble(low)?;
    }
    Some(out)
}

/// The value, unless an earlier key has the same.
fn unique<T: Ord + Clone>(
    node: &Node<'_>,
    seen: &mut BTreeMap<T, usize>,
    value: T,
    place: usize,
) -> Option<T> {
    if let Some(first) = seen.get(&value) {
        node.wrong(format_args!("the same as in $.keys[{first}]"));
        return None;
    }
    seen.insert(value.clone(), place);
    Some(value)
}
