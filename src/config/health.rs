//! When targets cool down.

use super::node::Node;
use crate::plan::health::Settings;

/// Reads the settings; inner `None`: nothing ever cools down.
pub(super) fn read(node: &Node<'_>) -> Option<Option<Settings>> {
    let default = Settings::default();
    node.object(|fields| {
        let enabled = fields.or("enabled", true, |node| node.flag());
        let count = |key, default, low, high| {
            let read = |node: Node<'_>| u32::try_from(node.count_in(low..=high)?).ok();
            fields.or(key, default, read)
        };
        let failures = count("failures", default.failures, 0, 1000);
        let percent = count("error_percent", default.error_rate, 0, 100);
        let requests = count("error_requests", default.requests, 1, 100_000);
        let window = fields.or("error_window", default.window, |node| node.duration());
        let cool_down = fields.or("cool_down", default.cool_down, |node| node.duration());
        let longest = fields.or("longest_cool_down", default.longest, |node| {
            let longest = node.duration()?;
            if cool_down.is_some_and(|cool_down| longest < cool_down) {
                node.wrong("is shorter than `cool_down`");
                return None;
            }
            Some(longest)
        });
        let settings = Settings {
            failures: failures?,
            error_rate: percent?,
            window: window?,
            requests: requests?,
            cool_down: cool_down?,
            longest: longest?,
        };
        Some(enabled?.then_some(settings))
    })
}
