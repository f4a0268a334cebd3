//! What an answer may say besides data that is found by its form: links that would carry data away, the words of
//! the system prompt, more than so much.

pub mod echo;
pub mod links;
pub mod system;

use super::{Find, Scan};
use echo::Echo;
use links::Links;

/// Finds what a scanner finds, and links.
pub struct Output {
    scanner: Box<dyn Scan>,
    kinds: Vec<String>,
    links: Vec<(u16, Links)>,
}

impl Output {
    /// `links`: with the name of what each finds. `others`: names of what others find beside this one.
    pub fn new(
        scanner: Box<dyn Scan>,
        links: Vec<(String, Links)>,
        others: impl IntoIterator<Item = String>,
    ) -> Self {
        let mut kinds = scanner.kinds().to_vec();
        let mut named = Vec::new();
        for (name, links) in links {
            named.extend(u16::try_from(kinds.len()).ok().map(|kind| (kind, links)));
            kinds.push(name);
        }
        kinds.extend(others);
        Self {
            scanner,
            kinds,
            links: named,
        }
    }
}

impl Scan for Output {
    fn kinds(&self) -> &[String] {
        &self.kinds
    }

    fn scan(&self, text: &str, from: usize, last: bool, finds: &mut Vec<Find>) -> usize {
        let mut until = self.scanner.scan(text, from, last, finds);
        for (kind, links) in &self.links {
            until = until.min(links.scan(*kind, text, from, last, finds));
        }
        if !self.links.is_empty() {
            finds.sort_by_key(|find| find.start);
            while uncut(finds.iter().map(|find| find.start..find.end), &mut until) {}
        }
        until.max(from)
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
