//! An answer on its way from a dialect to a client: open, parts, usage, finish.
//!
//! Dialects drive an [`AnswerSink`]; the writers of each client API implement it. A whole and a
//! streamed answer go through the same calls, so that gathering the one must give the other.

/// Token counts of one answer, in OpenAI's meaning.
///
/// Units: tokens. `cached` and `cache_written` are parts of `input`; `reasoning` is part of `output`.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// The whole prompt, cached parts included.
    pub input: u64,
    /// The whole answer, reasoning included.
    pub output: u64,
    /// Prompt tokens read from the provider's cache.
    pub cached: u64,
    /// Prompt tokens written to the provider's cache.
    pub cache_written: u64,
    /// Answer tokens spent on reasoning.
    pub reasoning: u64,
}

impl Usage {
    /// Prompt and answer together.
    pub const fn total(&self) -> u64 {
        self.input.saturating_add(self.output)
    }
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// The model was done, or a stop sequence came.
    Stop,
    /// The token limit or the context window was reached.
    Length,
    /// The model wants tools to be called.
    ToolCalls,
    /// A content policy ended it.
    ContentFilter,
}

impl Finish {
    /// OpenAI's `finish_reason`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ToolCalls => "tool_calls",
            Self::ContentFilter => "content_filter",
        }
    }
}

/// One piece of an answer, in the order in which the client must see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part<'a> {
    /// Visible text.
    Text(&'a str),
    /// Text of a refusal.
    Refusal(&'a str),
    /// Text of the model's reasoning (`reasoning_content`).
    Thought(&'a str),
    /// One complete element of `reasoning_details`: a JSON object tagged with its provider,
    /// which the client returns unchanged with the next request.
    ThoughtDetail(&'a str),
    /// A tool call begins. `index` counts the calls of this choice from 0.
    ToolCall {
        /// Place among the calls of this choice.
        index: u32,
        /// The id that the tool's result will name.
        id: &'a str,
        /// The function's name.
        name: &'a str,
    },
    /// More of a tool call's arguments: a fragment of JSON text.
    ToolInput {
        /// Which call.
        index: u32,
        /// The fragment.
        json: &'a str,
    },
    /// Log probabilities of the tokens that came since the last such part: a JSON list in the form of
    /// OpenAI's `logprobs.content`.
    Logprobs(&'a str),
    /// An image that the model made. Shape: a data URL.
    Image(&'a str),
    /// A stop sequence ended the choice; which one, where the provider tells. Comes before the end.
    StopSequence(Option<&'a str>),
    /// The last part of a choice.
    Finish(Finish),
}

/// Receives an answer. Dialects drive it; writers implement it.
pub trait AnswerSink {
    /// The answer begins. Called once, before any part; `id` and `model` as the provider names them.
    fn open(&mut self, id: &str, model: &str);
    /// The next piece of choice `choice` (from 0).
    fn part(&mut self, choice: u32, part: Part<'_>);
    /// The token counts known so far. Replaces the former ones, never adds.
    fn usage(&mut self, usage: Usage);
}
