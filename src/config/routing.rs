//! Where a request may go: the models with their targets, and the rules before them. What they are; `targets`,
//! `rules` and `labels` read them.

use std::time::Duration;

/// See [`Model::exploration_percent`].
pub const EXPLORATION_PERCENT: u8 = 5;

/// Most attempts of one plan, where targets are models with targets of their own.
pub const MAX_PLAN: usize = 32;

/// A name that clients may ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    /// As written; a `*` at the end makes it a prefix.
    pub name: String,
    /// How the attempts are ordered.
    pub route: Route,
    /// Whose requests always begin at the same target; `None`: nobody's.
    pub sticky: Option<Sticky>,
    /// Of how many requests in a hundred [`Route::Fastest`] lets one begin at another target than the fastest, to learn
    /// how fast that is by now.
    pub exploration_percent: u8,
    /// The attempts, in order; never empty.
    pub targets: Vec<Target>,
    /// Time until the first content of a streamed answer, per attempt.
    pub first_token_timeout: Duration,
    /// Time until a whole answer is complete, per attempt.
    pub answer_timeout: Duration,
    /// How long a provider may be silent once it has begun to answer; `None`: without end.
    pub idle_timeout: Option<Duration>,
    /// How much is tried.
    pub retries: super::Retries,
    /// What becomes of a request that is too long.
    pub on_context_length: super::OnContextLength,
    /// Who else is asked, for some of the requests, without being heard.
    pub mirror: Option<Mirror>,
}

/// A target that gets copies of a model's requests; its answers reach nobody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror {
    /// A provider's, whose labels must do as any target's must.
    pub target: Target,
    /// How many of the requests. Units: of [`Mirror::WHOLE`].
    pub share: u32,
}

impl Mirror {
    /// The share of every request.
    pub const WHOLE: u32 = 1_000_000;
}

/// How the targets of a model are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Route {
    /// As they are written.
    #[default]
    Fallback,
    /// One is drawn by its weight; the others follow, the heaviest first.
    Weighted,
    /// By what the request would cost.
    Cheapest,
    /// By how long the answer would take.
    Fastest,
    /// By how many requests are there now.
    LeastBusy,
}

impl Route {
    /// Every one, with its name.
    pub const ALL: &'static [(&'static str, Self)] = &[
        ("fallback", Self::Fallback),
        ("weighted", Self::Weighted),
        ("cheapest", Self::Cheapest),
        ("fastest", Self::Fastest),
        ("least_busy", Self::LeastBusy),
    ];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fallback => "fallback",
            Self::Weighted => "weighted",
            Self::Cheapest => "cheapest",
            Self::Fastest => "fastest",
            Self::LeastBusy => "least_busy",
        }
    }
}

/// By what requests are told that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sticky {
    /// The user of the key, else the one that the body names.
    User,
    /// The value of a header.
    Header(String),
}

/// One attempt of a plan, or the attempts of another model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Where it leads.
    pub to: To,
    /// Its share under [`Route::Weighted`]; 0: only when others have failed.
    pub weight: u32,
    /// Its own and its provider's, sorted by name; no two alike.
    pub labels: Labels,
}

/// Where a target leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum To {
    /// To a provider.
    Provider {
        /// Place in [`super::Gateway::providers`].
        provider: usize,
        /// The model to ask for; `None`: the name the client asked for, without a `provider/` prefix
        /// when the model's name has one.
        model: Option<String>,
    },
    /// To another model's targets.
    Model(Named),
}

/// A configured model, and what it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Place in [`super::Gateway::models`].
    pub model: usize,
    /// The name that it is asked for: its own, or one that its wildcard covers.
    pub asked: String,
}

/// What is said of a target: names and values.
pub type Labels = Vec<(String, String)>;

/// A label that a target must carry, with one of these values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// The label's name.
    pub name: String,
    /// The values that will do; never empty.
    pub values: Vec<String>,
}

/// What is decided for some requests before their model's route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its name in the record.
    pub name: String,
    /// All of them must hold, the cheap ones first.
    pub when: Vec<Condition>,
    /// The model that answers instead.
    pub instead: Option<Named>,
    /// The labels that every target must carry.
    pub require: Vec<Need>,
}

/// One condition of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// The model that was asked for.
    Model(Words),
    /// What is done.
    Operation(Words),
    /// The id of the client's key.
    Key(Words),
    /// Its team.
    Team(Words),
    /// Its user.
    User(Words),
    /// Its project.
    Project(Words),
    /// The request's path, without its query.
    Path(Words),
    /// A header, its name in lower case.
    Header(String, Words),
    /// On these days of the week, the lowest bit being Monday (UTC).
    Days(u8),
    /// At these minutes of the day (UTC): from the first until before the second, over midnight when that is earlier.
    Hours(u16, u16),
    /// A field of the body's `metadata`.
    Metadata(String, Words),
    /// Whether there are tools.
    Tools(bool),
    /// Whether the answer must keep to a JSON schema.
    Schema(bool),
    /// The limit that the client sets for the answer. Units: tokens.
    MaxTokens(Between),
    /// Whether there are images.
    Images(bool),
    /// The language of what the user has said last: one of these, as in [`crate::plan::language`].
    Language(Vec<&'static str>),
    /// How hard the request looks. Units: as of [`crate::plan::complexity`].
    Complexity(Between),
    /// The prompt's length. Units: tokens.
    InputTokens(Between),
}

/// Words of which one must fit; a `*` at the end makes one a beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words(pub Vec<String>);

/// A number above the one and below the other, neither included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Between {
    /// `None`: however small.
    pub above: Option<u64>,
    /// `None`: however large.
    pub below: Option<u64>,
}

/// The place of the name that covers `asked`: the same name, else the longest beginning.
pub fn covering<'n>(names: impl Iterator<Item = &'n str> + Clone, asked: &str) -> Option<usize> {
    let exact = names.clone().position(|name| name == asked);
    exact.or_else(|| {
        names
            .enumerate()
            .filter(|(_, name)| covers(name, asked))
            .max_by_key(|(_, name)| name.len())
            .map(|(at, _)| at)
    })
}

/// Whether a configured name, perhaps with `*` at its end, covers `asked`.
pub fn covers(name: &str, asked: &str) -> bool {
    match name.strip_suffix('*') {
        // An address without a name behind it asks for nothing.
        Some(prefix) => asked.len() > prefix.len() && asked.starts_with(prefix),
        None => name == asked,
    }
}

impl Words {
    /// Whether one of them fits.
    pub fn fit(&self, text: &str) -> bool {
        self.0.iter().any(|word| match word.strip_suffix('*') {
            Some(start) => text.starts_with(start),
            None => word == text,
        })
    }
}

impl Between {
    /// Whether a number is between the two.
    pub fn holds(&self, number: u64) -> bool {
        self.above.is_none_or(|above| number > above)
            && self.below.is_none_or(|below| number < below)
    }
}
