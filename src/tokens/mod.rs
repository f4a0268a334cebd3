//! Exact token counts of text, equal to those of OpenAI's tiktoken, and from them the counts of whole
//! requests.
//!
//! [`split`] cuts the text into pieces, [`span`] a long piece into parts, [`merge`] encodes a part,
//! [`table`] holds the vocabulary, [`memory`] knows the parts of a moment ago and [`texts`] whole
//! texts, [`class`] the kinds of characters.
//! [`chat`] counts a request: `walk` gathers what costs tokens in any client's language, [`family`] knows how each
//! model's provider frames it, [`image`], `media` and `tools` what is not plain text.

pub mod chat;
mod class;
pub mod family;
pub mod image;
mod media;
mod memory;
mod merge;
mod running;
mod span;
mod split;
mod table;
mod texts;
mod tools;
mod walk;

pub use running::Running;

use memory::Memory;
use merge::Scratch;
use span::Spans;
use split::Split;
use std::cell::RefCell;
use table::Table;
use texts::Texts;

/// How OpenAI's models cut text into tokens. Special tokens are not known here: a text that looks
/// like one is counted as the text it is, which is what the API does with content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// GPT-4o and every later model; gpt-oss too, whose `o200k_harmony` differs in special tokens
    /// only.
    O200kBase,
    /// GPT-4, GPT-3.5 and the text-embedding models.
    Cl100kBase,
}

// The vocabularies are OpenAI's, taken from the crate tiktoken-rs 0.12.1 (MIT licence), whose files
// are the ones that PyPI tiktoken loads (MIT licence).
static O200K_BASE: Table = Table::read(include_bytes!("data/o200k_base.merges"));
static O200K_SPANS: Spans = Spans(include_bytes!("data/o200k_base.spans"));
static CL100K_BASE: Table = Table::read(include_bytes!("data/cl100k_base.merges"));
static CL100K_SPANS: Spans = Spans(include_bytes!("data/cl100k_base.spans"));

/// The names that [`Encoding::named`] knows.
pub const ENCODINGS: [&str; 3] = ["o200k_base", "o200k_harmony", "cl100k_base"];

impl Encoding {
    /// The encoding of this name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "o200k_base" | "o200k_harmony" => Some(Self::O200kBase),
            "cl100k_base" => Some(Self::Cl100kBase),
            _ => None,
        }
    }

    /// Its name in tiktoken.
    pub fn name(self) -> &'static str {
        match self {
            Self::O200kBase => "o200k_base",
            Self::Cl100kBase => "cl100k_base",
        }
    }

    /// The number of tokens in a text.
    pub fn count(self, text: &str) -> u64 {
        self.with_counter(|counter| counter.count(text.as_bytes()))
    }

    /// Lends this thread's counter: in Envoy, one per worker and encoding.
    fn with_counter<T>(self, count: impl FnOnce(&mut Counter) -> T) -> T {
        let counter = match self {
            Self::O200kBase => &O200K_COUNTER,
            Self::Cl100kBase => &CL100K_COUNTER,
        };
        counter.with(|counter| match counter.try_borrow_mut() {
            Ok(mut counter) => count(counter.get_or_insert_with(|| Counter::new(self))),
            Err(_) => count(&mut Counter::new(self)),
        })
    }
}

thread_local! {
    static O200K_COUNTER: RefCell<Option<Counter>> = const { RefCell::new(None) };
    static CL100K_COUNTER: RefCell<Option<Counter>> = const { RefCell::new(None) };
}

/// Counts texts. Holds 0.6 MB of working memory at most, however long they are.
struct Counter {
    table: &'static Table,
    spans: &'static Spans,
    split: Split,
    texts: Texts,
    memory: Memory,
    scratch: Box<Scratch>,
}

impl Counter {
    fn new(encoding: Encoding) -> Self {
        let (table, spans, split): (_, _, Split) = match encoding {
            Encoding::O200kBase => (&O200K_BASE, &O200K_SPANS, split::o200k),
            Encoding::Cl100kBase => (&CL100K_BASE, &CL100K_SPANS, split::cl100k),
        };
        Self {
            table,
            spans,
            split,
            texts: Texts::new(),
            memory: Memory::new(),
            scratch: Box::new(Scratch::new()),
        }
    }

    fn count(&mut self, text: &[u8]) -> u64 {
        if text.len() < texts::SHORTEST {
            return self.pieces(text);
        }
        let key = self.texts.key(text);
        if let Some(tokens) = self.texts.get(&key) {
            return tokens;
        }
        let tokens = self.pieces(text);
        self.texts.put(key, tokens);
        tokens
    }

    fn pieces(&mut self, text: &[u8]) -> u64 {
        let (mut at, mut tokens) = (0, 0);
        while at < text.len() {
            let end = (self.split)(text, at);
            tokens += if end - at <= memory::LONGEST {
                self.part(text, at, end)
            } else {
                self.parts(text, at, end)
            };
            at = end;
        }
        tokens
    }

    fn parts(&mut self, text: &[u8], mut at: usize, end: usize) -> u64 {
        let mut tokens = 0;
        while at < end {
            let cut = self.spans.part_end(text, at, end);
            tokens += self.part(text, at, cut);
            at = cut;
        }
        tokens
    }

    #[inline]
    fn part(&mut self, text: &[u8], at: usize, end: usize) -> u64 {
        let part = text.get(at..end).unwrap_or_default();
        let Some(key) = Memory::key(text, at, end) else {
            return self.scratch.count(self.table, part) as u64;
        };
        if let Some(tokens) = self.memory.get(&key) {
            return tokens;
        }
        let tokens = self.scratch.count(self.table, part) as u64;
        self.memory.put(&key, tokens);
        tokens
    }
}
