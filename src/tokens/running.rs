//! Counting a text that arrives in pieces, as the output of a stream does.

use super::Encoding;

/// How much text may wait for the place where it can be cut. Units: bytes.
const WAITING: usize = 16 * 1024;

/// A count that grows with the text; equal to the count of the whole, except that a single run of
/// text without any white space is cut every 16 KB, at the cost of a token or two.
#[derive(Debug)]
pub struct Running {
    encoding: Encoding,
    settled: u64,
    /// The text behind the last place at which what follows can change nothing.
    waiting: String,
}

impl Running {
    /// A count of nothing so far.
    pub fn new(encoding: Encoding) -> Self {
        Self {
            encoding,
            settled: 0,
            waiting: String::new(),
        }
    }

    /// Adds text.
    pub fn push(&mut self, text: &str) {
        let known = self.waiting.len();
        self.waiting.push_str(text);
        let cut = last_cut(self.waiting.as_bytes(), known);
        if cut > 0 {
            self.settle(cut);
        }
        if self.waiting.len() > WAITING {
            self.settle(self.waiting.len());
        }
    }

    /// The number of tokens so far, as if the text ended here.
    pub fn total(&self) -> u64 {
        self.settled + self.encoding.count(&self.waiting)
    }

    fn settle(&mut self, cut: usize) {
        if let Some(text) = self.waiting.get(..cut) {
            self.settled += self.encoding.count(text);
            self.waiting.drain(..cut);
        }
    }
}

/// The last place, at `from` or behind, where a piece ends whatever comes: in front of a space or a
/// tab that follows something else than white space. (Symbols take line ends with them, and what
/// stands in a run of white space depends on what follows.) 0 when there is none.
fn last_cut(text: &[u8], from: usize) -> usize {
    let pairs = text.windows(2).enumerate().skip(from.saturating_sub(1));
    let mut cut = 0;
    for (at, pair) in pairs {
        if let [before, b' ' | b'\t'] = pair
            && before.is_ascii_graphic()
        {
            cut = at + 1;
        }
    }
    cut
}
