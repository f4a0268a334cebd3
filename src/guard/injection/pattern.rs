//! Patterns over words: what follows what, with what may stand between.

use super::{
    classes::FILL,
    fold::Token,
    phrases::{PATTERNS, SINGLES},
    words::class,
};

/// What a pattern is a sign of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    /// Earlier instructions are not to count any more.
    Bypass,
    /// The instructions are to be shown.
    Extract,
    /// The model is to be somebody else.
    Persona,
    /// That somebody has no limits.
    Unlimited,
    /// What it does without limits.
    Evil,
    /// The answer is dictated.
    Dictate,
    /// A text talks to the model that reads it for somebody else.
    Latent,
    /// Somebody claims to be in charge.
    Authority,
    /// What a payload is to be decoded for.
    Decode,
    /// The text is about such attacks, and need not be one.
    About,
}

/// How many of them there are.
pub(super) const SIGNS: usize = 10;

/// One part of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// A word of this class.
    Class(u64),
    /// One of these entries.
    Words(Vec<u16>),
    /// At most so many words, whatever they are.
    Gap(usize),
    /// At most so many words that only fill.
    Filled(usize),
}

/// What is looked for, and how much it says.
#[derive(Debug)]
pub(super) struct Pattern {
    pub(super) sign: Sign,
    pub(super) weight: u8,
    parts: Vec<Part>,
}

impl Pattern {
    /// All of them. `entry`: the entry of a word, which is made where there is none.
    pub(super) fn all(entry: &mut dyn FnMut(&str) -> u16) -> Vec<Self> {
        let mut all = Vec::new();
        for (sign, lines) in PATTERNS {
            for line in lines.lines() {
                let Some((weight, parts)) = line.trim().split_once(' ') else {
                    continue;
                };
                let parts = parts.split_whitespace().map(|part| read(part, entry));
                all.push(Self {
                    sign: *sign,
                    weight: number(weight),
                    parts: parts.collect(),
                });
            }
        }
        for (weight, sign, words) in SINGLES {
            let pattern = |word| Self {
                sign: *sign,
                weight: *weight,
                parts: vec![read(word, entry)],
            };
            all.extend(words.split_whitespace().map(pattern));
        }
        all
    }

    pub(super) fn first(&self) -> Option<&Part> {
        self.parts.first()
    }

    /// Where it ends, exclusive, if it stands there, in tokens; the first part does.
    pub(super) fn ends(&self, tokens: &[Token], at: usize) -> Option<usize> {
        fits(self.parts.get(1..)?, tokens, at + 1)
    }
}

fn number<T: std::str::FromStr + Default>(text: &str) -> T {
    text.parse().unwrap_or_default()
}

fn read(part: &str, entry: &mut dyn FnMut(&str) -> u16) -> Part {
    if let Some(name) = part.strip_prefix('@') {
        return Part::Class(name.split('|').fold(0, |bits, name| bits | class(name)));
    }
    if let Some(most) = part.strip_prefix('~') {
        return Part::Gap(number(most));
    }
    if let Some(most) = part.strip_prefix('%') {
        return Part::Filled(number(most));
    }
    Part::Words(part.split('|').map(entry).collect())
}

impl Part {
    /// Whether a word is what this part asks for.
    fn is(&self, token: &Token) -> bool {
        match self {
            Self::Class(bits) => token.classes & bits != 0,
            Self::Words(list) => list.iter().any(|entry| token.hits.has(*entry)),
            Self::Gap(_) | Self::Filled(_) => false,
        }
    }
}

/// The first way that the parts fit, with the shortest gaps. A gap is followed by words, which a test makes sure of.
fn fits(mut parts: &[Part], tokens: &[Token], mut at: usize) -> Option<usize> {
    while let Some((part, rest)) = parts.split_first() {
        let (most, filled) = match part {
            Part::Gap(most) => (*most, false),
            Part::Filled(most) => (*most, true),
            word => {
                if !word.is(tokens.get(at)?) {
                    return None;
                }
                (parts, at) = (rest, at + 1);
                continue;
            }
        };
        let (next, rest) = rest.split_first()?;
        for at in at..=at + most {
            let token = tokens.get(at)?;
            if next.is(token)
                && let Some(end) = fits(rest, tokens, at + 1)
            {
                return Some(end);
            }
            if filled && token.classes & FILL == 0 {
                return None;
            }
        }
        return None;
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_begins_and_ends_with_words_and_so_does_what_is_around_a_gap() {
        let word = |part: &Part| matches!(part, Part::Class(_) | Part::Words(_));
        for pattern in Pattern::all(&mut |_| 0) {
            let (first, last) = (pattern.parts.first(), pattern.parts.last());
            assert!(
                first.is_some_and(word) && last.is_some_and(word),
                "{pattern:?}"
            );
            let mut pairs = pattern.parts.windows(2);
            assert!(pairs.all(|pair| pair.iter().any(word)), "{pattern:?}");
        }
    }
}
