//! Regular expressions of a configuration.
//!
//! Each becomes a table (a deterministic automaton) when the configuration is read, so a byte of text costs one
//! step whatever the expression, and one that needs too large a table is refused then. A match has at most
//! [`MAX_MATCH`] bytes: from each place the expression sees no more than that, in whole texts as in pieces.

use crate::guard::Find;
use regex_automata::{
    Anchored, Input, MatchKind,
    dfa::{Automaton, StartKind, dense, regex::Regex},
    nfa::thompson::{NFA, WhichCaptures},
};
use regex_syntax::{
    ParserBuilder,
    hir::{Hir, HirKind, Look},
};
use std::ops::Range;

/// The longest match.
///
/// Units: bytes.
pub(super) const MAX_MATCH: usize = 256;
/// The longest expression.
///
/// Units: bytes.
const MAX_SOURCE: usize = 1000;
/// How much memory the tables of one expression may take, and building one.
const MAX_TABLE: usize = 1 << 20;
const MAX_BUILD: usize = 4 << 20;
const MAX_NEST: u32 = 32;

/// An expression, ready to be looked for.
#[derive(Debug)]
pub(super) struct Pattern {
    kind: u16,
    regex: Regex,
}

impl Pattern {
    /// Errors: what is wrong with the expression, and what to write instead.
    pub(super) fn new(kind: u16, source: &str) -> Result<Self, String> {
        if source.len() > MAX_SOURCE {
            return Err(format!("the pattern is longer than {MAX_SOURCE} bytes"));
        }
        let hir = ParserBuilder::new()
            .multi_line(true)
            .nest_limit(MAX_NEST)
            .build()
            .parse(&plain_classes(source))
            .map_err(|error| format!("the pattern cannot be read: {error}"))?;
        if hir
            .properties()
            .minimum_len()
            .is_none_or(|least| least == 0)
        {
            return Err(
                "the pattern matches the empty text; make a part of it required".to_owned(),
            );
        }
        let edges = hir.properties().look_set();
        if edges.contains(Look::Start) || edges.contains(Look::End) {
            return Err(
                "\\A and \\z are not supported, since a text may come in pieces; ^ and $ match at lines".to_owned(),
            );
        }
        let hir = plain_words(hir);
        let too_large =
            |_| "the pattern needs too large a table; use fewer or smaller repetitions".to_owned();
        let table = |reverse: bool| {
            let nfa = NFA::compiler()
                .configure(
                    NFA::config()
                        .reverse(reverse)
                        .which_captures(WhichCaptures::None)
                        .nfa_size_limit(Some(MAX_TABLE)),
                )
                .build_from_hir(&hir)
                .map_err(|_| ())?;
            dense::Builder::new()
                .configure(
                    dense::Config::new()
                        .start_kind(StartKind::Both)
                        .match_kind(if reverse {
                            MatchKind::All
                        } else {
                            MatchKind::LeftmostFirst
                        })
                        .starts_for_each_pattern(false)
                        .dfa_size_limit(Some(MAX_TABLE))
                        .determinize_size_limit(Some(MAX_BUILD)),
                )
                .build_from_nfa(&nfa)
                .map_err(|_| ())
        };
        let forward = table(false).map_err(too_large)?;
        let reverse = table(true).map_err(too_large)?;
        Ok(Self {
            kind,
            regex: Regex::builder().build_from_dfas(forward, reverse),
        })
    }

    /// Adds what is found from a place on; up to where that is decided.
    pub(super) fn scan(&self, text: &str, from: usize, last: bool, finds: &mut Vec<Find>) -> usize {
        let decided = if last {
            text.len()
        } else {
            self.decided(text, from)
        };
        let mut at = from;
        while at < decided {
            // All that begins in the first half of this stretch and is not too long lies within it.
            let half = ceil(text, at + MAX_MATCH);
            let end = ceil(text, half + MAX_MATCH);
            let (base, input) = within(text, at..end);
            let found = self.regex.try_search(&input).ok().flatten();
            let found = found.map(|found| (base + found.start(), base + found.end()));
            let Some((start, mut stop)) = found.filter(|(start, _)| *start < half) else {
                at = half;
                continue;
            };
            if stop - start > MAX_MATCH {
                match self.limited(text, start) {
                    Some(shorter) => stop = shorter,
                    None => {
                        at = ceil(text, start + 1);
                        continue;
                    }
                }
            }
            if start >= decided {
                break;
            }
            finds.push(Find {
                start,
                end: stop,
                kind: self.kind,
                score: 100,
            });
            at = stop.max(ceil(text, start + 1));
        }
        decided
    }

    /// Where the match that begins here ends when it sees only so much as a match can have.
    fn limited(&self, text: &str, start: usize) -> Option<usize> {
        let end = floor(text, start + MAX_MATCH);
        let (base, input) = within(text, start..end);
        let input = input.anchored(Anchored::Yes);
        let found = self.regex.forward().try_search_fwd(&input).ok().flatten()?;
        Some(base + found.offset())
    }

    /// The first place from which a match may go on past the end of the text.
    fn decided(&self, text: &str, from: usize) -> usize {
        let table = self.regex.forward();
        let mut start = ceil(text, from.max(text.len().saturating_sub(MAX_MATCH + 1)));
        while start < text.len() {
            let input = Input::new(text)
                .span(start..text.len())
                .anchored(Anchored::Yes);
            let Ok(mut state) = table.start_state_forward(&input) else {
                return start;
            };
            let rest = text.as_bytes().get(start..).unwrap_or_default();
            let dead = rest.iter().any(|byte| {
                state = table.next_state(state, *byte);
                table.is_dead_state(state)
            });
            if !dead {
                return start;
            }
            start = ceil(text, start + 1);
        }
        text.len()
    }
}

/// What a search of a stretch gets: the stretch with one character on each side, and where that begins. Of the whole
/// text a search would look at more: for a byte that a match begins with it looks to the end of what it has.
fn within(text: &str, span: Range<usize>) -> (usize, Input<'_>) {
    let base = floor(text, span.start.saturating_sub(1));
    let seen = text.get(base..ceil(text, span.end + 1)).unwrap_or_default();
    let input = Input::new(seen).span(span.start - base..span.end - base);
    (base, input)
}

/// The next place between two characters, at or after this one.
fn ceil(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at += 1;
    }
    at
}

fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// `\d`, `\w` and `\s` stand for their ASCII characters: those of all scripts need tables that are ten times as
/// large, and so many patterns would be refused.
fn plain_classes(source: &str) -> String {
    let mut plain = String::new();
    let (mut depth, mut rest) = (0_usize, source.chars().peekable());
    while let Some(character) = rest.next() {
        match character {
            '\\' => {
                let escaped = rest.next();
                let inside = match escaped {
                    Some('d' | 'D') => "0-9",
                    Some('w' | 'W') => "0-9A-Za-z_",
                    Some('s' | 'S') => r"\t\n\x0B\x0C\r\x20",
                    _ => {
                        plain.push(character);
                        plain.extend(escaped);
                        continue;
                    }
                };
                let not = matches!(escaped, Some('D' | 'W' | 'S'));
                match (depth > 0, not) {
                    (true, false) => plain.push_str(inside),
                    (_, true) => plain.extend(["[^", inside, "]"]),
                    (false, false) => plain.extend(["[", inside, "]"]),
                }
            }
            '[' => {
                depth += 1;
                plain.push(character);
                plain.extend(rest.next_if_eq(&'^'));
                plain.extend(rest.next_if_eq(&']'));
            }
            ']' => {
                depth = depth.saturating_sub(1);
                plain.push(character);
            }
            _ => plain.push(character),
        }
    }
    plain
}

/// Tables know only the ASCII sense of `\b`. The depth is that of the expression, which is bounded.
fn plain_words(hir: Hir) -> Hir {
    match hir.into_kind() {
        HirKind::Look(look) => Hir::look(match look {
            Look::WordUnicode => Look::WordAscii,
            Look::WordUnicodeNegate => Look::WordAsciiNegate,
            Look::WordStartUnicode => Look::WordStartAscii,
            Look::WordEndUnicode => Look::WordEndAscii,
            Look::WordStartHalfUnicode => Look::WordStartHalfAscii,
            Look::WordEndHalfUnicode => Look::WordEndHalfAscii,
            other => other,
        }),
        HirKind::Repetition(mut repetition) => {
            repetition.sub = Box::new(plain_words(*repetition.sub));
            Hir::repetition(repetition)
        }
        HirKind::Capture(capture) => plain_words(*capture.sub),
        HirKind::Concat(parts) => Hir::concat(parts.into_iter().map(plain_words).collect()),
        HirKind::Alternation(parts) => {
            Hir::alternation(parts.into_iter().map(plain_words).collect())
        }
        HirKind::Empty => Hir::empty(),
        HirKind::Literal(literal) => Hir::literal(literal.0),
        HirKind::Class(class) => Hir::class(class),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_sees_its_stretch_and_one_character_on_each_side() {
        let text = "\u{e9}".repeat(1000);
        for (span, want) in [
            (0..0, 0..2),
            (0..512, 0..514),
            (512..1024, 510..1026),
            (1998..2000, 1996..2000),
        ] {
            let (base, input) = within(&text, span.clone());
            assert_eq!(base..base + input.haystack().len(), want);
            assert_eq!(base + input.start()..base + input.end(), span);
        }
    }
}
