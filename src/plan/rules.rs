//! The rules before a model's route: the first one whose conditions all hold.

use super::Facts;
use crate::config::{Condition, Gateway, Rule};
use std::time::SystemTime;

/// The first rule that matches.
pub(super) fn first<'c>(config: &'c Gateway, facts: &Facts<'_>) -> Option<&'c Rule> {
    let matches = |rule: &&Rule| rule.when.iter().all(|condition| holds(condition, facts));
    config.rules.iter().find(matches)
}

/// Whether a condition holds; one about something that the request does not have, does not.
fn holds(condition: &Condition, facts: &Facts<'_>) -> bool {
    let who = facts.who;
    let is = |text: Option<&str>, words: &crate::config::Words| text.is_some_and(|t| words.fit(t));
    match condition {
        Condition::Model(words) => words.fit(facts.model),
        Condition::Operation(words) => words.fit(facts.operation),
        Condition::Key(words) => is(who.key, words),
        Condition::Team(words) => is(who.team, words),
        Condition::User(words) => is(who.user, words),
        Condition::Project(words) => is(who.project, words),
        Condition::Path(words) => {
            let path = (facts.header)(":path").unwrap_or_default();
            words.fit(path.split(['?', '#']).next().unwrap_or_default())
        }
        Condition::Header(name, words) => is((facts.header)(name).as_deref(), words),
        Condition::Days(days) => days >> weekday(facts.now) & 1 == 1,
        Condition::Hours(from, to) => {
            let now = minute(facts.now);
            if from < to {
                (*from..*to).contains(&now)
            } else {
                now >= *from || now < *to
            }
        }
        Condition::Metadata(key, words) => is(facts.metadata(key).as_deref(), words),
        Condition::Tools(has) => facts.has_tools() == Some(*has),
        Condition::Schema(has) => facts.has_schema() == Some(*has),
        Condition::MaxTokens(most) => facts.max_tokens().is_some_and(|n| most.holds(n)),
        Condition::Images(has) => facts.has_images() == Some(*has),
        Condition::Language(codes) => facts.language().is_some_and(|code| codes.contains(&code)),
        Condition::Complexity(score) => facts.complexity().is_some_and(|n| score.holds(n)),
        Condition::InputTokens(tokens) => facts.input_tokens().is_some_and(|n| tokens.holds(n)),
    }
}

fn minutes(now: SystemTime) -> u64 {
    let since = now.duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs() / 60)
}

/// Minutes since midnight, UTC.
fn minute(now: SystemTime) -> u16 {
    u16::try_from(minutes(now) % 1440).unwrap_or(0)
}

/// 0 is Monday, UTC.
fn weekday(now: SystemTime) -> u8 {
    // 1970-01-01 was a Thursday.
    u8::try_from((minutes(now) / 1440 + 3) % 7).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// Units: seconds since 1970.
    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn days_and_minutes_are_those_of_utc() {
        // 2026-11-25, a Wednesday, 00:00:00Z.
        let midnight = 1_795_564_800;
        assert_eq!((weekday(at(midnight)), minute(at(midnight))), (2, 0));
        assert_eq!(
            (weekday(at(midnight - 1)), minute(at(midnight - 1))),
            (1, 1439)
        );
        assert_eq!(minute(at(midnight + 8 * 3600 + 59)), 480);
        assert_eq!(weekday(at(0)), 3);
    }

    #[test]
    fn hours_begin_at_the_first_and_end_before_the_second() {
        let none = |_: &str| None;
        let holds = |from: u16, to: u16, minute: u64| {
            let mut facts = Facts::new("m", "chat", &none, None);
            facts.now = at(minute * 60);
            super::holds(&Condition::Hours(from, to), &facts)
        };
        assert_eq!(
            [479, 480, 1079, 1080].map(|m| holds(480, 1080, m)),
            [false, true, true, false]
        );
        assert_eq!(
            [1319, 1320, 359, 360].map(|m| holds(1320, 360, m)),
            [false, true, true, false]
        );
        assert!(holds(0, 1440, 1439));
    }
}
