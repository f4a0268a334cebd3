//! What each family of models can do, in one table.
//!
//! Source: docs.claude.com, "Models overview", "Troubleshooting thinking" (table by model), "Effort",
//! "Structured outputs", "Thinking: limits and feature compatibility" (sampling, forced tools),
//! "Errors: prefill not supported"; read 2026-11. The Models API says the same at run time.

/// How thinking is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::provider) enum Thinking {
    /// The model does not think.
    Never,
    /// With a budget of tokens.
    Budget,
    /// The model finds its own measure; an effort steers it.
    Adaptive,
    /// Both forms are taken; the budget is the older one.
    Either,
}

/// What a request says that wants no thinking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::provider) enum Off {
    /// Nothing: the model only thinks when asked.
    Silence,
    /// `{"type":"disabled"}`.
    Disabled,
    /// `{"type":"between_tools"}`.
    BetweenTools,
    /// It cannot be had.
    Impossible,
}

/// The levels of `output_config.effort`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::provider) enum Efforts {
    /// The parameter is refused.
    None,
    /// `low`, `medium`, `high`.
    UpToHigh,
    /// Those and `max`.
    WithMax,
    /// Those and `xhigh`.
    All,
}

/// What a model can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::provider) struct Model {
    /// Largest `max_tokens`. Units: tokens.
    pub(in crate::provider) max_tokens: u64,
    pub(in crate::provider) thinking: Thinking,
    pub(in crate::provider) off: Off,
    pub(in crate::provider) efforts: Efforts,
    /// Takes `temperature`, `top_p`, `top_k`.
    pub(in crate::provider) sampling: bool,
    /// Continues an assistant message that ends the conversation.
    pub(in crate::provider) prefill: bool,
    /// Can be forced to use a tool.
    pub(in crate::provider) forced_tools: bool,
    /// Follows a JSON schema, in its answer and in strict tools.
    pub(in crate::provider) schemas: bool,
    /// Listed below; what is not may be another host's model with a range of its own.
    pub(in crate::provider) known: bool,
}

/// A host that speaks this API with models of its own: send what the client says. 4096 is the
/// largest answer that every model so far allows.
const UNKNOWN: Model = Model {
    max_tokens: 4096,
    thinking: Thinking::Budget,
    off: Off::Disabled,
    efforts: Efforts::None,
    sampling: true,
    prefill: true,
    forced_tools: true,
    schemas: true,
    known: false,
};

/// Claude 3: no thinking, no schemas.
const CLAUDE_3: Model = Model {
    thinking: Thinking::Never,
    off: Off::Silence,
    schemas: false,
    known: true,
    ..UNKNOWN
};

/// Claude 3.7 to 4.1.
const BUDGET: Model = Model {
    max_tokens: 64_000,
    thinking: Thinking::Budget,
    ..CLAUDE_3
};

const CLAUDE_4_5: Model = Model {
    schemas: true,
    ..BUDGET
};

const CLAUDE_4_6: Model = Model {
    max_tokens: 128_000,
    thinking: Thinking::Either,
    efforts: Efforts::WithMax,
    prefill: false,
    ..CLAUDE_4_5
};

/// Opus 4.7 and 4.8: no sampling parameters, no budgets.
const ADAPTIVE: Model = Model {
    thinking: Thinking::Adaptive,
    efforts: Efforts::All,
    sampling: false,
    ..CLAUDE_4_6
};

/// Thinks unless told not to.
const THINKS: Model = Model {
    off: Off::Disabled,
    ..ADAPTIVE
};

/// Always thinks.
const ALWAYS_THINKS: Model = Model {
    off: Off::Impossible,
    ..ADAPTIVE
};

/// Always thinks and refuses to be forced to use a tool.
const UNFORCED: Model = Model {
    forced_tools: false,
    ..ALWAYS_THINKS
};

type Version = (u16, u16);

/// Lines (`None`: any) and their versions from this one on, newest first; the first match counts.
const TABLE: &[(Option<&str>, Version, Model)] = &[
    (Some("fable"), (5, 1), UNFORCED),
    (Some("fable"), (5, 0), ALWAYS_THINKS),
    (Some("mythos"), (5, 1), UNFORCED),
    (Some("mythos"), (5, 0), ALWAYS_THINKS),
    (
        Some("mythos"), // the preview
        (0, 0),
        Model {
            thinking: Thinking::Either,
            efforts: Efforts::WithMax,
            ..ALWAYS_THINKS
        },
    ),
    (Some("opus"), (5, 5), UNFORCED),
    (Some("opus"), (5, 0), THINKS),
    (Some("opus"), (4, 7), ADAPTIVE),
    (
        Some("sonnet"),
        (5, 5),
        Model {
            off: Off::BetweenTools,
            ..UNFORCED
        },
    ),
    (None, (5, 0), THINKS),
    (None, (4, 6), CLAUDE_4_6),
    (
        Some("opus"),
        (4, 5),
        Model {
            efforts: Efforts::UpToHigh,
            ..CLAUDE_4_5
        },
    ),
    (None, (4, 5), CLAUDE_4_5),
    (
        Some("opus"),
        (4, 0),
        Model {
            max_tokens: 32_000,
            ..BUDGET
        },
    ),
    (None, (3, 7), BUDGET),
    (
        None,
        (3, 5),
        Model {
            max_tokens: 8192,
            ..CLAUDE_3
        },
    ),
    (None, (1, 0), CLAUDE_3),
];

/// What is known of a model by its name, e.g. `claude-sonnet-4-5-20250929` or `claude-3-7-sonnet-latest`.
pub(in crate::provider) fn model(name: &str) -> Model {
    let Some((_, name)) = name.split_once("claude-") else {
        return UNKNOWN;
    };
    let words = || name.split(|c: char| !c.is_ascii_alphanumeric());
    // A date has eight digits; what comes first are the version and its point.
    let mut numbers = words().filter(|word| word.len() <= 2).flat_map(str::parse);
    let version = (
        numbers.next().unwrap_or_default(),
        numbers.next().unwrap_or_default(),
    );
    let found = TABLE.iter().find(|(line, from, _)| {
        line.is_none_or(|line| words().any(|word| word == line)) && version >= *from
    });
    found.map_or(UNKNOWN, |(_, _, model)| *model)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_to_its_family() {
        let cases = [
            ("claude-fable-5-1", UNFORCED),
            ("claude-fable-5", ALWAYS_THINKS),
            ("claude-opus-5-5", UNFORCED),
            ("claude-opus-5", THINKS),
            ("claude-opus-4-8", ADAPTIVE),
            ("claude-sonnet-5", THINKS),
            ("claude-haiku-5-5", THINKS),
            ("claude-sonnet-4-6", CLAUDE_4_6),
            ("anthropic.claude-sonnet-4-5-20250929-v1:0", CLAUDE_4_5),
            ("claude-haiku-4-5@20251001", CLAUDE_4_5),
            ("claude-sonnet-4-20250514", BUDGET),
            ("claude-3-7-sonnet-latest", BUDGET),
            ("claude-3-haiku-20240307", CLAUDE_3),
            ("deepseek-v4", UNKNOWN),
            ("claude-next", UNKNOWN),
        ];
        for (name, want) in cases {
            assert_eq!(model(name), want, "{name}");
        }
    }

    #[test]
    fn the_default_answer_is_as_long_as_the_family_allows() {
        let cases = [
            ("claude-opus-5-5", 128_000),
            ("claude-mythos-preview", 128_000),
            ("claude-opus-4-6", 128_000),
            ("claude-opus-4-5-20251101", 64_000),
            ("claude-opus-4-1-20250805", 32_000),
            ("claude-opus-4-20250514", 32_000),
            ("claude-3-5-haiku-20241022", 8192),
            ("claude-3-opus-20240229", 4096),
            ("my-model", 4096),
        ];
        for (name, want) in cases {
            assert_eq!(model(name).max_tokens, want, "{name}");
        }
    }
}
