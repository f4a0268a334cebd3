//! What each dialect can carry, declared beside it. The README's table is made from this, and
//! `tests/features.rs` proves it: by one request per feature, and by the dialect's fixtures.

/// How far a dialect carries a feature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Support {
    /// Carried both ways.
    Yes,
    /// Refused, or left out and listed in `x-llm-dropped`; never lost silently.
    No,
    /// Carried with a limit, told in a few words for the README.
    Partly(&'static str),
}

/// What a dialect carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Features {
    /// A model at this provider that has all that is declared here.
    pub model: &'static str,
    /// Functions that the model may call, and their results.
    pub tools: Support,
    /// Several calls in one turn, and `parallel_tool_calls: false`.
    pub parallel_tools: Support,
    /// `tool_choice`: required, or one function by its name.
    pub tool_choice: Support,
    /// Images in messages.
    pub images: Support,
    /// PDF files in messages.
    pub pdfs: Support,
    /// `response_format` with a JSON schema.
    pub json_schema: Support,
    /// `reasoning_effort`, and the reasoning's text in the answer.
    pub reasoning: Support,
    /// Reasoning that goes back to the provider unchanged with the next turn. `No`: it is left out,
    /// which no client misses.
    pub signatures: Support,
    /// `logprobs` and `top_logprobs`.
    pub logprobs: Support,
    /// Several choices.
    pub n: Support,
    /// `seed`.
    pub seed: Support,
    /// Marks for prompt caching. Where a provider caches by itself, marks only take room.
    pub cache_control: Support,
    /// Token counts at the end of a stream.
    pub stream_usage: Support,
}

impl Features {
    /// Everything; a dialect says what differs.
    pub const ALL: Self = Self {
        model: "",
        tools: Support::Yes,
        parallel_tools: Support::Yes,
        tool_choice: Support::Yes,
        images: Support::Yes,
        pdfs: Support::Yes,
        json_schema: Support::Yes,
        reasoning: Support::Yes,
        signatures: Support::Yes,
        logprobs: Support::Yes,
        n: Support::Yes,
        seed: Support::Yes,
        cache_control: Support::Yes,
        stream_usage: Support::Yes,
    };

    /// Each feature by its name, in the order of the README's table.
    pub const fn list(&self) -> [(&'static str, Support); 13] {
        [
            ("tools", self.tools),
            ("parallel_tools", self.parallel_tools),
            ("tool_choice", self.tool_choice),
            ("images", self.images),
            ("pdfs", self.pdfs),
            ("json_schema", self.json_schema),
            ("reasoning", self.reasoning),
            ("signatures", self.signatures),
            ("logprobs", self.logprobs),
            ("n", self.n),
            ("seed", self.seed),
            ("cache_control", self.cache_control),
            ("stream_usage", self.stream_usage),
        ]
    }
}
