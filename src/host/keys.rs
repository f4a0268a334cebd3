//! Every header, property, state key and metric that the filter names. One place, so that a
//! configuration, a test and the two roles cannot drift apart.

/// Headers.
pub mod header {
    /// From admins who ask how a request is planned: the id of the key whose request it would be.
    pub const EXPLAIN_KEY: &str = "x-llm-explain-key";
    /// Carries the plan to `header_to_metadata`, which removes it.
    pub const PLAN: &str = "x-llm-plan";
    /// From clients whose key may override: the only provider that may answer.
    /// To clients: the provider that answered. A failed attempt carries none, and that is how the
    /// gateway role knows one.
    pub const PROVIDER: &str = "x-llm-provider";
    /// To clients: the model that answered.
    pub const MODEL: &str = "x-llm-model";
    /// To clients: how many attempts it took. From clients whose key may override: the most that it may take.
    pub const ATTEMPTS: &str = "x-llm-attempts";
    /// From clients whose key may override: the time for each attempt, where that is less than configured.
    pub const TIMEOUT: &str = "x-llm-timeout";
    /// To Envoy's router: how long it waits before the next attempt. Units: seconds.
    pub const WAIT: &str = "x-llm-wait";
    /// From clients whose key may override: the time between two parts of an answer, where that is less than configured.
    pub const IDLE_TIMEOUT: &str = "x-llm-idle-timeout";
    /// To clients: `hit`, `miss` or `off`.
    pub const CACHE: &str = "x-llm-cache";
    /// To clients: request parameters that the provider could not be given.
    pub const DROPPED: &str = "x-llm-dropped";
    /// To clients: which guards have found something, what they did about it, and how often.
    pub const GUARD: &str = "x-llm-guard";
    /// To clients: the prompt's tokens as this gateway counts them.
    pub const TOKENS_ESTIMATE: &str = "x-llm-tokens-estimate";
    /// To Envoy's routes: there is one attempt, so the body need not be kept for another.
    pub const UNBUFFERED: &str = "x-llm-unbuffered";
    /// To Envoy's `request_mirror_policies`: the cluster that gets a copy of the request. To Envoy's `upstream_log`,
    /// beside the answer to the copy: how it ended, `ok` or `error`.
    pub const MIRROR: &str = "x-llm-mirror";
    /// To the latter: why it ended so, and what it used. Units: tokens; micro-dollars.
    pub const REASON: &str = "x-llm-reason";
    /// See [`REASON`].
    pub const INPUT_TOKENS: &str = "x-llm-input-tokens";
    /// See [`REASON`].
    pub const OUTPUT_TOKENS: &str = "x-llm-output-tokens";
    /// See [`REASON`].
    pub const COST_USD_MICROS: &str = "x-llm-cost-usd-micros";
    /// To Envoy's `request_mirror_policies`: how long the copy may take. Units: milliseconds.
    pub const MIRROR_TIMEOUT: &str = "x-llm-mirror-timeout";
    /// To the provider role of that cluster: [`crate::plan::signed`].
    pub const MIRROR_PLAN: &str = "x-llm-mirror-plan";
    /// To Envoy's router: attempts after the first.
    pub const MAX_RETRIES: &str = "x-envoy-max-retries";
    /// To clients: the policy that ordered the targets, and the rule that matched. From clients whose key may override:
    /// the policy.
    pub const ROUTE: &str = "x-llm-route";
    /// To Envoy's router: time for all attempts and the whole answer.
    pub const TOTAL_TIMEOUT: &str = "x-envoy-upstream-rq-timeout-ms";
    /// To Envoy's router: time until an attempt's response headers.
    pub const PER_TRY_TIMEOUT: &str = "x-envoy-upstream-rq-per-try-timeout-ms";

    /// Whether a header of a client is taken out before its request is planned: what only the gateway may say
    /// (`x-llm-*`, `x-envoy-*`), and credentials.
    pub fn is_removed(name: &str) -> bool {
        name.starts_with("x-llm-")
            || name.starts_with("x-envoy-")
            || matches!(
                name,
                "authorization"
                    | "x-api-key"
                    | "api-key"
                    | "x-goog-api-key"
                    | "cookie"
                    | "proxy-authorization"
            )
    }
}

/// What is known of a request. Envoy reads [`state::RECORD`] as `%FILTER_STATE(wasm.<key>:PLAIN)%`, and by themselves the
/// facts that `filter_state` of the configuration names.
pub mod state {
    /// The facts that are known at the request's end, as `,"name":value`: see [`crate::log::record`].
    pub const RECORD: &str = "llm.record";
    /// What the provider role reads, in one: the number of the board ([`super::super::board`]), a space, and for a role in
    /// another machine JSON of [`crate::plan::HandOver`].
    pub const HAND_OVER: &str = "llm.hand_over";
    /// The client's language when it is not `chat`: `messages`, `responses`, `completions` or
    /// `count_tokens`.
    pub const API: &str = "llm.api";
    /// `chat`, `completions`, `count_tokens`, or the name of a [`crate::api::relay::Area`].
    pub const OPERATION: &str = "llm.operation";
    /// The path that was asked for, without its query, where there is nothing.
    pub const PATH: &str = "llm.path";
    /// `1` for a stream.
    pub const STREAM: &str = "llm.stream";
    /// Envoy's id of the request.
    pub const REQUEST_ID: &str = "llm.request_id";
    /// The model that the client asked for.
    pub const MODEL: &str = "llm.model";
    /// The team of the client's key.
    pub const TEAM: &str = "llm.team";
    /// The id of the client's key.
    pub const KEY_ID: &str = "llm.key_id";
    /// The model whose targets were planned, and the policy that ordered them: `smart:weighted`.
    pub const ROUTE: &str = "llm.route";
    /// The rule that matched.
    pub const RULE: &str = "llm.rule";
    /// Where a copy of the request went: `provider/model`.
    pub const MIRROR: &str = "llm.mirror";
    /// How hard the request looks, where a rule asks for it; from 0 to 100.
    pub const SCORE: &str = "llm.score";
    /// The language of what the user has said last, where a rule asks for it and it can be told; an ISO 639-1 code.
    pub const LANGUAGE: &str = "llm.language";
    /// The user of the client's key.
    pub const USER: &str = "llm.user";
    /// The project of the client's key.
    pub const PROJECT: &str = "llm.project";
    /// Targets that were not tried in their turn: JSON list of `{provider, cluster, model, reason, until_ms}`.
    pub const COOLING: &str = "llm.cooling";
    /// Where this request is counted as one that is under way: [`crate::plan::busy`].
    pub const HELD: &str = "llm.held";
    /// The provider of the current attempt.
    pub const PROVIDER: &str = "llm.provider";
    /// Its dialect.
    pub const DIALECT: &str = "llm.dialect";
    /// The model it says it served.
    pub const SERVED_MODEL: &str = "llm.served_model";
    /// Milliseconds from the attempt's start to its first content.
    pub const TTFT_MS: &str = "llm.ttft_ms";
    /// The answer's finish reason, or `error` when it broke off.
    pub const FINISH: &str = "llm.finish";
    /// Prompt tokens, cached ones included.
    pub const INPUT_TOKENS: &str = "llm.input_tokens";
    /// Answer tokens, reasoning included.
    pub const OUTPUT_TOKENS: &str = "llm.output_tokens";
    /// Prompt tokens read from the provider's cache.
    pub const CACHED_TOKENS: &str = "llm.cached_tokens";
    /// Answer tokens spent on reasoning.
    pub const REASONING_TOKENS: &str = "llm.reasoning_tokens";
    /// Prompt and answer together.
    pub const TOTAL_TOKENS: &str = "llm.total_tokens";
    /// Who counted those tokens: `provider`, or `estimate` for this gateway.
    pub const USAGE_SOURCE: &str = "llm.usage_source";
    /// The prompt's tokens as counted before it was sent.
    pub const TOKENS_ESTIMATE: &str = "llm.tokens_estimate";
    /// How sure that is: `exact`, `calibrated` or `estimate`.
    pub const TOKENS_CLASS: &str = "llm.tokens_class";
    /// The encoding that it was counted in.
    pub const TOKENIZER: &str = "llm.tokenizer";
    /// What the answer used and who gave it, for the gateway role: JSON of [`crate::log::Used`].
    pub const USED: &str = "llm.used";
    /// What the answer cost. Units: micro-dollars. Absent where that is not known.
    pub const COST_USD_MICROS: &str = "llm.cost_usd_micros";
    /// What failed attempts cost. Units: micro-dollars. Absent where none did.
    pub const WASTE_USD_MICROS: &str = "llm.waste_usd_micros";
    /// `known`; `told` where the provider said what it charged; `unknown`.
    pub const PRICE: &str = "llm.price";
    /// JSON list of `{provider, cluster, model, status, ms, reason, at_ms, retry_after, served, used, waste_usd_micros}`.
    pub const ATTEMPTS: &str = "llm.attempts";
    /// `ok`, `error`, `partial`, `refused`, `cached` or `cancelled`.
    pub const OUTCOME: &str = "llm.outcome";
    /// How many attempts were made.
    pub const ATTEMPT_COUNT: &str = "llm.attempt_count";
    /// `hit`, `miss` or `off`.
    pub const CACHE: &str = "llm.cache";
    /// Which guards have found something, what they did about it, and how often: `pii:mask=2,keys:block=1`.
    pub const GUARD: &str = "llm.guard";
    /// Why the gateway refused: the error's code.
    pub const REASON: &str = "llm.reason";
}

/// Shared data. Every key begins with the plugin's name: other plugins may share the machine.
pub mod shared {
    /// What is against which target: [`crate::plan::health::Table`].
    pub const HEALTH: &str = "envoy_llm_gateway.health";
    /// How fast targets answer: [`crate::plan::pace::Table`].
    pub const PACE: &str = "envoy_llm_gateway.pace";
    /// How many requests are at which target: [`crate::plan::busy::Table`].
    pub const BUSY: &str = "envoy_llm_gateway.busy";
    /// What hand-overs in headers are signed with: see [`crate::plan::signed`].
    pub const MIRROR_SECRET: &str = "envoy_llm_gateway.mirror_secret";
}

/// Counters, seen as `wasmcustom.<name>`.
pub mod metric {
    /// An attempt ran in a cluster whose dialect is not the one the gateway planned with.
    pub const DIALECT_MISMATCH: &str = "llm.dialect_mismatch";
    /// An answer, or a failed attempt, used tokens of a model whose price is not known.
    pub const PRICE_UNKNOWN: &str = "llm.price_unknown";
    /// An answer came without saying what it used: it has no cost in the record.
    pub const USAGE_UNKNOWN: &str = "llm.usage_unknown";

    /// A copy of a request came to a provider's cluster without a hand-over that this process has signed.
    pub const MIRROR_REFUSED: &str = "llm.mirror_refused";

    /// What became of copies of requests at a provider of the configuration, and what they used: `ok`, `error`,
    /// `left_out`, `input_tokens`, `output_tokens`, `cost_usd_micros`.
    pub fn mirror(provider: &str, what: &str) -> String {
        ["llm.mirror.", provider, ".", what].concat()
    }

    /// How often a guard of the configuration has acted.
    pub fn guard(rule: &str, action: &str) -> String {
        ["llm.guard.", rule, ".", action].concat()
    }
}
