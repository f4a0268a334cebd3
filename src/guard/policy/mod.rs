//! What an answer may say besides data that is found by its form: links that would carry data away, the words of
//! the system prompt, more than so much.

pub mod echo;
pub mod links;
pub mod system;

use super::Find;
use echo::Echo;
use links::Links;

/// What the rules for answers look for besides. Its kinds stand behind those of the scanner.
#[derive(Debug, Default)]
pub struct Policy {
    /// Links, by what they are found as.
    pub links: Vec<(u16, Links)>,
    /// What runs of the system prompt are found as; `None`: nobody looks for them.
    pub echo: Option<u16>,
    /// A rule counts how long an answer is.
    pub measures: bool,
}

impl Policy {
    /// As [`Scan::scan`](super::Scan::scan); `from` may be any place up to which everything is decided.
    pub fn scan(
        &self,
        request: &Request,
        text: &str,
        from: usize,
        last: bool,
        finds: &mut Vec<Find>,
    ) -> usize {
        let mut until = text.len();
        for (kind, links) in &self.links {
            until = until.min(links.scan(*kind, text, from, last, finds));
        }
        if let (Some(kind), Some(echo)) = (self.echo, &request.echo) {
            until = until.min(echo.scan(kind, text, from, last, finds));
        }
        until
    }

    /// Whether there is nothing to look for.
    pub fn is_empty(&self) -> bool {
        self.links.is_empty() && self.echo.is_none()
    }
}

/// Lowers `until` where one of these would be cut, and says whether it was. They come in the order of their starts.
pub(super) fn uncut(
    spans: impl DoubleEndedIterator<Item = std::ops::Range<usize>>,
    until: &mut usize,
) -> bool {
    let before = *until;
    for span in spans.rev() {
        if span.start < *until && span.end > *until {
            *until = span.start;
        }
    }
    *until < before
}

/// What the policy must know of one request, and what it remembers of its answer.
#[derive(Debug, Default)]
pub struct Request {
    /// The system prompt, where a rule looks for it.
    pub echo: Option<Echo>,
    /// Letters of the answer so far, all its texts together.
    pub letters: u64,
    /// Rules that have counted too many.
    pub over: super::rules::Holding,
}
