//! What a model can do, told from its name.
//! Source: ai.google.dev, "Thinking" and "Gemini 3"; docs.cloud.google.com, "Thinking: supported
//! thinking levels"; read 2026-11.

/// A model's abilities, as far as a request depends on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Model {
    pub(super) age: Age,
    pub(super) thinking: Thinking,
}

/// Which rules a model follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Age {
    /// Gemini 2.5 and before: signatures are optional, tools and JSON answers exclude each other,
    /// results of tools are JSON only.
    Old,
    /// Gemini 3 and later.
    New,
    /// Another name, e.g. a tuned model's or an open one's: nothing is taken for granted.
    Unknown,
}

/// How thinking is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Thinking {
    /// Not at all; asking is refused.
    Never,
    /// By a number of tokens.
    Budget {
        /// The fewest, where it thinks.
        least: i64,
        /// The most.
        most: i64,
        /// 0 turns it off.
        off: bool,
    },
    /// By a word.
    Level {
        /// Knows `MINIMAL`.
        minimal: bool,
        /// Knows `MEDIUM`.
        medium: bool,
    },
}

/// Reads a name such as `gemini-2.5-flash`, `models/gemini-3-pro-preview` or `gemini-flash-latest`.
pub(super) fn model(name: &str) -> Model {
    let unknown = Model {
        age: Age::Unknown,
        thinking: Thinking::Never,
    };
    let name = name
        .rsplit('/')
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    let Some(rest) = name.strip_prefix("gemini-") else {
        return unknown;
    };
    let version = match version(rest) {
        Some(version) => version,
        // Names that move with the newest model.
        None if rest.ends_with("-latest") => (u32::MAX, 0),
        None => return unknown,
    };
    let is = |word: &str| rest.split('-').any(|part| part == word);
    let age = if version >= (3, 0) {
        Age::New
    } else {
        Age::Old
    };
    let silent = is("tts") || is("image") && age == Age::Old;
    let thinking = match version {
        _ if silent => Thinking::Never,
        (2, 5) if is("pro") => budget(128, 32_768, false),
        (2, 5) if is("lite") => budget(512, 24_576, true),
        (2, 5) => budget(1, 24_576, true),
        (3, 0) if is("pro") => Thinking::Level {
            minimal: false,
            medium: false,
        },
        // From 3.7 on the lowest level is LOW.
        _ if age == Age::New => Thinking::Level {
            minimal: is("flash") && version < (3, 7),
            medium: true,
        },
        _ => Thinking::Never,
    };
    Model { age, thinking }
}

const fn budget(least: i64, most: i64, off: bool) -> Thinking {
    Thinking::Budget { least, most, off }
}

/// `2.5-flash` is (2, 5).
fn version(rest: &str) -> Option<(u32, u32)> {
    let number = rest.split('-').next()?;
    let (major, minor) = number.split_once('.').unwrap_or((number, "0"));
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_the_rules_and_the_way_of_thinking() {
        let level = |minimal, medium| Thinking::Level { minimal, medium };
        let cases = [
            ("gemini-1.5-pro", Age::Old, Thinking::Never),
            ("gemini-2.0-flash-001", Age::Old, Thinking::Never),
            ("gemini-2.5-pro", Age::Old, budget(128, 32_768, false)),
            ("models/gemini-2.5-flash", Age::Old, budget(1, 24_576, true)),
            (
                "Gemini-2.5-Flash-Lite-preview-09-2025",
                Age::Old,
                budget(512, 24_576, true),
            ),
            ("gemini-2.5-flash-image", Age::Old, Thinking::Never),
            ("gemini-2.5-pro-preview-tts", Age::Old, Thinking::Never),
            ("gemini-3-pro-preview", Age::New, level(false, false)),
            ("google/gemini-3.1-pro", Age::New, level(false, true)),
            ("gemini-3-flash-preview", Age::New, level(true, true)),
            ("gemini-3.5-flash-lite", Age::New, level(true, true)),
            ("gemini-3.8-flash", Age::New, level(false, true)),
            ("gemini-4-hydrogen", Age::New, level(false, true)),
            ("gemini-flash-latest", Age::New, level(false, true)),
            ("gemini-embedding-001", Age::Unknown, Thinking::Never),
            ("gemma-3-27b-it", Age::Unknown, Thinking::Never),
            ("endpoints/1234", Age::Unknown, Thinking::Never),
            ("", Age::Unknown, Thinking::Never),
        ];
        for (name, age, thinking) in cases {
            assert_eq!(model(name), Model { age, thinking }, "{name}");
        }
    }
}
