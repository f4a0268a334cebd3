//! What a model can do, as far as a request depends on it.
//!
//! A name that is not listed is taken to be a newer model, which can do all of it.
//! Source: docs.cohere.com, "Models", "Command A Reasoning", "Reasoning", and the API reference of
//! `tool_choice` ("only compatible with models Command-r7b and newer"); read 2026-11.

/// What a model can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Model {
    /// It thinks before it answers, and can be told not to.
    pub(super) thinks: bool,
    /// It can be told to use a tool, or to use none.
    pub(super) tool_choice: bool,
}

/// Models without reasoning, by the start of their name.
const NOT_THINKING: &[&str] = &[
    "aya-",
    "c4ai-",
    "command-a-03-2025",
    "command-a-translate",
    "command-a-vision",
    "command-light",
    "command-nightly",
    "command-r",
];

/// Models from before `tool_choice`.
const WITHOUT_CHOICE: &[&str] = &["command-light", "command-nightly", "command-r"];

/// The model of that name; a fine-tuned one has a name of its own and counts as newer.
pub(super) fn model(name: &str) -> Model {
    let starts = |list: &[&str]| list.iter().any(|start| name.starts_with(start));
    Model {
        thinks: name != "command" && !starts(NOT_THINKING),
        tool_choice: name != "command"
            && (!starts(WITHOUT_CHOICE) || name.starts_with("command-r7b")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn older_models_are_known_by_name_and_newer_ones_can_do_everything() {
        let of = |name: &str| {
            let Model {
                thinks,
                tool_choice,
            } = model(name);
            (thinks, tool_choice)
        };
        assert_eq!(of("command-a-reasoning-08-2025"), (true, true));
        assert_eq!(of("command-a-plus-05-2026"), (true, true));
        assert_eq!(of("command-z"), (true, true));
        assert_eq!(of("command-a-03-2025"), (false, true));
        assert_eq!(of("command-r7b-12-2024"), (false, true));
        assert_eq!(of("command-r-plus-08-2024"), (false, false));
        assert_eq!(of("command"), (false, false));
    }
}
