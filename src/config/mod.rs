//! From the plugin's configuration to a [`Config`], or every problem with its path.

//!
//! `wire` turns what Envoy hands over into one tree, `node` is the cursor over it, and each role
//! has a file that says what its tree may hold. `envoy/config.schema.json` says the same to editors.

mod calls;
mod gateway;
mod guards;
mod health;
mod known;
mod labels;
mod mirror;
pub mod node;
mod provider;
mod retries;
mod routing;
mod rules;
mod targets;
mod wire;

pub use routing::{
    Between, Condition, EXPLORATION_PERCENT, Labels, MAX_PLAN, Mirror, Model, Named, Need, Route,
    Rule, Sticky, Target, To, Words, covering, covers,
};

use crate::{
    catalogue::{self, Known},
    provider::{Entry, Provider as Dialect, REGISTRY},
};
use node::{Node, Problem, Reading};
pub use retries::Retries;
use std::{borrow::Cow, rc::Rc, time::Duration};

/// A checked configuration: one of the filter's two roles.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "there is one for each use of the filter"
)]
pub enum Config {
    /// Once per request, downstream.
    Gateway(Gateway),
    /// Once per attempt, upstream.
    Provider(Provider),
}

impl Config {
    /// Reads the plugin's configuration: a serialised `google.protobuf.Struct`, or JSON text.
    ///
    /// Errors: every problem there is, sorted by path; never an empty list.
    pub fn parse(bytes: &[u8]) -> Result<Self, Vec<Problem>> {
        let reading = Reading::default();
        let config = read(bytes, REGISTRY, &reading);
        reading.into_result(config)
    }
}

/// As [`Config::parse`], with any set of dialects; `reading` gathers the problems and the known keys.
pub fn read(bytes: &[u8], registry: &[Entry], reading: &Reading) -> Option<Config> {
    let value = wire::decode(bytes, reading)?;
    Node::root(&value, reading).object(|fields| {
        let Some(role) = fields.optional("role") else {
            fields.tolerate();
            fields.lacks("role", "missing; allowed: gateway, provider");
            return None;
        };
        match role.choice(&[("gateway", Role::Gateway), ("provider", Role::Provider)]) {
            Some(Role::Gateway) => gateway::read(fields, registry).map(Config::Gateway),
            Some(Role::Provider) => provider::read(fields, registry).map(Config::Provider),
            None => {
                fields.tolerate();
                None
            }
        }
    })
}

#[derive(Clone, Copy)]
enum Role {
    Gateway,
    Provider,
}

/// The dialect of that name.
fn dialect<'r>(node: &Node<'_>, registry: &'r [Entry]) -> Option<&'r Entry> {
    let words: Vec<_> = registry.iter().map(|entry| (entry.name, entry)).collect();
    node.choice(&words)
}

/// The names of all dialects, for messages.
fn dialects(registry: &[Entry]) -> String {
    let names: Vec<_> = registry.iter().map(|entry| entry.name).collect();
    names.join(", ")
}

/// What the gateway role knows.
#[derive(Debug)]
pub struct Gateway {
    /// What clients may ask for, sorted by name; no two alike.
    pub models: Vec<Model>,
    /// Where a plan may lead, sorted by name; no two alike.
    pub providers: Vec<Destination>,
    /// What is decided for some requests before their model's route; the first that matches counts.
    pub rules: Vec<Rule>,
    /// What texts may hold, and what is done about it.
    pub guards: crate::guard::rules::Guards,
    /// Clients without a key may say themselves where their requests go.
    pub overrides: bool,
    /// Who may ask. `None`: anybody.
    pub keys: Option<Vec<Key>>,
    /// What is known of models: the list that is compiled in, and `model_info` over it.
    pub known: Known,
    /// Largest request body. Units: bytes.
    pub body_limit_bytes: usize,
    /// Time until a whole answer begins, for requests that name no model.
    pub answer_timeout: Duration,
    /// How long a provider may be silent once it has begun to answer, for the same requests.
    pub idle_timeout: Option<Duration>,
    /// OpenAI's other paths.
    pub passthrough: Passthrough,
    /// When targets cool down; `None`: never.
    pub health: Option<crate::plan::health::Settings>,
    /// The tokens of every request are counted before it is sent, and those of a streamed answer as they flow.
    pub count_tokens: bool,
    /// What becomes of a request that is too long for a model, where the model says nothing itself.
    pub on_context_length: OnContextLength,
    /// A limit of the answer that is above what the model can give is lowered to that.
    pub cap_max_tokens: bool,
    /// The facts of the record that are filter state of their own: [`crate::host::keys::state`].
    pub filter_state: Rc<[&'static str]>,
    /// The models that targets name, sorted by their numbers.
    pub listed: Box<[Listed]>,
}

/// A model of a provider that a target names, and what is known of it: looked up once, because a plan asks for it each
/// time.
#[derive(Debug)]
pub struct Listed {
    /// See [`crate::plan::number`].
    pub number: u64,
    provider: String,
    model: String,
    about: Option<catalogue::Model>,
}

/// What the targets name, and what else leads to models by their names (`more`), sorted by number.
fn listed<'n>(
    models: &'n [Model],
    providers: &[Destination],
    known: &Known,
    more: impl Iterator<Item = &'n Named>,
) -> Box<[Listed]> {
    let mut listed = Vec::new();
    let mut add = |place: usize, model: &str| {
        let Some(to) = providers.get(place) else {
            return;
        };
        // `anthropic/claude-*`: the provider's name is an address.
        let own = model.strip_prefix(&to.name);
        let own = own.and_then(|rest| rest.strip_prefix('/'));
        for model in std::iter::once(model).chain(own) {
            listed.push(Listed {
                number: crate::plan::number(&to.name, model),
                provider: to.name.clone(),
                model: model.to_owned(),
                about: known.find(&to.name, to.dialect, &[model]),
            });
        }
    };
    let mut named: Vec<&Named> = more.collect();
    for known in models {
        let copies = known.mirror.as_ref().map(|mirror| &mirror.target);
        for target in known.targets.iter().chain(copies) {
            match &target.to {
                To::Provider { provider, model } => {
                    add(*provider, model.as_deref().unwrap_or(&known.name));
                }
                To::Model(inner) => named.push(inner),
            }
        }
    }
    for one in named {
        let inner = models.get(one.model).map(|inner| inner.targets.as_slice());
        for target in inner.unwrap_or_default() {
            if let To::Provider {
                provider,
                model: None,
            } = target.to
            {
                add(provider, &one.asked);
            }
        }
    }
    listed.sort_by_key(|listed| listed.number);
    listed.dedup_by_key(|listed| listed.number);
    listed.into()
}

impl Gateway {
    /// What is known of a model of a provider.
    pub fn about(
        &self,
        provider: &str,
        dialect: &str,
        model: &str,
    ) -> Option<Cow<'_, catalogue::Model>> {
        match self.listed(provider, model) {
            Some(listed) => listed.about.as_ref().map(Cow::Borrowed),
            None => self.known.find(provider, dialect, &[model]).map(Cow::Owned),
        }
    }

    /// The entry of a model that a target names.
    pub fn listed(&self, provider: &str, model: &str) -> Option<&Listed> {
        let number = crate::plan::number(provider, model);
        let found = self.listed.binary_search_by_key(&number, |one| one.number);
        let found = self.listed.get(found.ok()?)?;
        (found.provider == provider && found.model == model).then_some(found)
    }

    /// Whether any request may be routed so: a model is, or a client may ask for it.
    pub fn may_route(&self, route: Route) -> bool {
        let asks = |keys: &Vec<Key>| keys.iter().any(|key| key.overrides);
        self.models.iter().any(|model| model.route == route)
            || self.overrides
            || self.keys.as_ref().is_some_and(asks)
    }

    /// Whether the configuration names this model of this provider, rather than taking what a client says.
    pub fn names(&self, provider: &str, model: &str) -> bool {
        self.listed(provider, model).is_some()
    }
}

/// Where requests go that are not translated and name no model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passthrough {
    /// Place in [`Gateway::providers`]; `None`: they are refused.
    pub provider: Option<usize>,
    /// Largest body of a request that is not held. Units: bytes.
    pub body_limit_bytes: u64,
}

/// What becomes of a request that a model's context window cannot hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OnContextLength {
    /// It is refused when the first target cannot hold it.
    Refuse,
    /// Targets that cannot hold it are left out; it is refused when none can.
    RouteOn,
    /// The provider says so itself.
    Ignore,
    /// Targets that cannot hold it are left out; those of this model follow where that may be needed.
    GoTo(Named),
}

/// A provider as the gateway role sees it.
#[derive(Debug)]
pub struct Destination {
    /// Its name in targets, logs and the `x-llm-provider` header.
    pub name: String,
    /// The Envoy cluster that carries the provider role; the first of several.
    pub cluster: String,
    /// The others, each with a key of its own.
    pub more_clusters: Vec<String>,
    /// The dialect's name.
    pub dialect: &'static str,
    /// The dialect, with its default settings, for questions while planning.
    pub speaks: Box<dyn Dialect>,
    /// What is said of it, sorted by name.
    pub labels: Labels,
}

/// A client's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Its name in logs.
    pub id: String,
    /// SHA-256 of the exact key.
    pub sha256: [u8; 32],
    /// Whose it is.
    pub team: Option<String>,
    /// Who uses it.
    pub user: Option<String>,
    /// What it is for.
    pub project: Option<String>,
    /// The labels that every target of its requests must carry.
    pub require: Vec<Need>,
    /// Its clients may say themselves where their requests go, among the models that it may use.
    pub overrides: bool,
    /// Which names it may ask for: whole names, or prefixes ending in `*`. `None`: all.
    pub models: Option<Vec<String>>,
    /// Whether it may use paths whose requests name no model.
    pub passthrough: bool,
    /// Whether it may ask how requests are planned, its own and those of other keys.
    pub admin: bool,
}

/// What the provider role knows.
#[derive(Debug)]
pub struct Provider {
    /// The dialect's name.
    pub dialect: &'static str,
    /// The configured dialect.
    pub speaks: Box<dyn Dialect>,
    /// `:authority` towards the provider; `None` leaves the client's.
    pub host: Option<String>,
    /// Extra headers, names in lower case; never credentials.
    pub headers: Vec<(String, String)>,
    /// Whether `traceparent` and `tracestate` go to the provider.
    pub forward_trace: bool,
}
