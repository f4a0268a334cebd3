//! Adds up what a text shows.

use super::{
    Verdict,
    fold::{self, COLON, LEET, LINE, MIXED, QUOTED, SENTENCE, Token},
    hidden,
    pattern::{SIGNS, Sign},
    words::{WORDS, Words, class},
};
use std::sync::LazyLock;

/// After so many words a sign says half as much. Units: words.
const HALF_LIFE: f32 = 200.0;
/// A sign that is repeated within so many words says a quarter more. Units: words.
const AGAIN: usize = 150;
/// Talk about attacks counts for so many words.
const ABOUT_REACH: usize = 80;

/// A pattern about encodings that says so much asks to do what is decoded.
const ASKS: u8 = 18;

/// The most that each sign adds, in the order of [`Sign`].
const MOST: [f32; SIGNS] = [90.0, 85.0, 38.0, 95.0, 30.0, 44.0, 75.0, 40.0, 60.0, 0.0];

/// What is said about each sign.
const REASONS: [&str; SIGNS] = [
    "bypasses instructions",
    "asks for the system prompt",
    "changes who the model is",
    "lifts limits",
    "lifts limits",
    "dictates the answer",
    "talks to the model that reads",
    "claims authority",
    "hides a payload",
    "",
];

static NOT: LazyLock<u64> = LazyLock::new(|| class("not"));
static NEED: LazyLock<u64> = LazyLock::new(|| class("need"));
static SUBJECT: LazyLock<u64> = LazyLock::new(|| class("subject"));

/// What stands in a text besides words, found while it is read or decoded.
#[derive(Debug, Clone, Copy)]
pub(super) struct Oddity {
    pub(super) score: f32,
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) reason: &'static str,
}

/// The sums while a text is read.
struct Sums {
    sums: [f32; SIGNS],
    /// The word that they are of.
    at: usize,
    best: Verdict,
    /// The strongest single sign since the sums were nothing.
    strongest: (f32, usize, usize, &'static str),
}

impl Sums {
    fn fade(&mut self, at: usize) {
        let distance = at.saturating_sub(self.at) as f32;
        let factor = (-distance / HALF_LIFE).exp2();
        for sum in &mut self.sums {
            *sum *= factor;
        }
        self.strongest.0 *= factor;
        self.at = at;
    }

    fn add(&mut self, sign: Sign, weight: f32, place: (usize, usize)) {
        let index = sign as usize;
        let (Some(sum), Some(most), Some(reason)) = (
            self.sums.get_mut(index),
            MOST.get(index),
            REASONS.get(index),
        ) else {
            return;
        };
        *sum = match sign {
            // Several patterns see the same words: the strongest counts.
            Sign::Bypass | Sign::Extract => sum.max(weight) + 0.2 * sum.min(weight),
            Sign::Latent => sum.max(weight) + 0.45 * sum.min(weight),
            _ => *sum + weight,
        }
        .min(*most);
        if weight >= self.strongest.0 {
            self.strongest = (weight, place.0, place.1, reason);
        }
        self.judge();
    }

    fn judge(&mut self) {
        let [
            bypass,
            extract,
            persona,
            unlimited,
            evil,
            dictate,
            latent,
            authority,
            decode,
            _,
        ] = self.sums;
        let anchored = persona >= 8.0 || bypass >= 30.0;
        let unlimited = if anchored {
            unlimited
        } else {
            unlimited * 0.55
        };
        let evil = if persona >= 8.0 && unlimited >= 10.0 {
            evil
        } else {
            evil * 0.3
        };
        let alone = bypass + extract + unlimited + latent + authority < 10.0;
        let persona = if alone { persona * 0.7 } else { persona };
        let dictate = if alone && persona > 8.0 {
            dictate * 0.7
        } else {
            dictate
        };
        let sum = bypass
            + extract
            + persona
            + unlimited
            + evil
            + dictate
            + latent
            + authority
            + decode * 0.5;
        let score = sum.clamp(0.0, 100.0) as u8;
        if score > self.best.score {
            let (_, start, end, reason) = self.strongest;
            self.best = Verdict {
                score,
                start,
                end,
                reason,
            };
        }
    }
}

/// Judges a window of a text. `depth`: how often it was decoded.
pub(super) fn window(text: &str, depth: u8) -> Verdict {
    let words = &*WORDS;
    let tokens = fold::tokens(text, words);
    let (mut verdict, decode) = patterns(words, &tokens.all, text);
    hidden::find(text, &tokens, depth, decode, &mut |odd: Oddity| {
        let score = odd.score.clamp(0.0, 100.0) as u8;
        let found = Verdict {
            score,
            start: odd.start,
            end: odd.end,
            reason: odd.reason,
        };
        // What hides something is read with what stands around it.
        let both = score.saturating_add(verdict.score / 2).min(100);
        verdict = match found.score >= verdict.score {
            true => Verdict {
                score: both,
                ..found
            },
            false => Verdict {
                score: verdict.score.saturating_add(score / 2).min(100),
                ..verdict
            },
        };
    });
    verdict
}

/// What the words say, and whether they ask to decode something and to do it.
fn patterns(words: &Words, tokens: &[Token], text: &str) -> (Verdict, bool) {
    let mut sums = Sums {
        sums: [0.0; SIGNS],
        at: 0,
        best: Verdict::default(),
        strongest: (0.0, 0, 0, ""),
    };
    let mut seen = vec![usize::MAX; words.patterns.len()];
    let mut about = None;
    let mut odd_words = 0_u32;
    let mut decode = false;
    for (at, token) in tokens.iter().enumerate() {
        if token.has(LEET | MIXED) && !token.hits.is_empty() {
            odd_words += 1;
            if odd_words <= 5 {
                sums.fade(at);
                sums.add(Sign::Decode, 14.0, place(tokens, at, at + 1));
            }
        }
        if token.hits.is_empty() {
            continue;
        }
        if token.has(LINE) && token.has(COLON) && at > 0 {
            let word = text.get(token.start as usize..token.end as usize);
            let weight = match word.map(str::to_ascii_lowercase).as_deref() {
                Some("system") => 24.0,
                Some("assistant") => 12.0,
                _ => 0.0,
            };
            if weight > 0.0 {
                sums.fade(at);
                sums.add(Sign::Latent, weight, place(tokens, at, at + 1));
            }
        }
        for number in words.begins(token.hits) {
            let Some(pattern) = words.patterns.get(usize::from(number)) else {
                continue;
            };
            let Some(end) = pattern.ends(tokens, at) else {
                continue;
            };
            if pattern.sign == Sign::About {
                about = Some(at);
                continue;
            }
            decode |= pattern.sign == Sign::Decode && pattern.weight >= ASKS;
            let mut weight = f32::from(pattern.weight);
            if let Some(last) = seen.get_mut(usize::from(number)) {
                if *last != usize::MAX && at - *last < AGAIN {
                    weight *= 0.25;
                }
                *last = at;
            }
            if matches!(pattern.sign, Sign::Bypass | Sign::Extract | Sign::Latent) {
                weight *= said_of(tokens, at, about);
            }
            sums.fade(at);
            sums.add(pattern.sign, weight, place(tokens, at, end));
        }
    }
    (sums.best, decode)
}

/// How much of a command is left of it where it is not given: negated, told of somebody, or quoted.
fn said_of(tokens: &[Token], at: usize, about: Option<usize>) -> f32 {
    let Some(token) = tokens.get(at) else {
        return 1.0;
    };
    let before = |back: usize| {
        let token = at.checked_sub(back).and_then(|at| tokens.get(at));
        token.map_or(0, |token| token.classes)
    };
    let begins = token.has(SENTENCE);
    let own = token.classes & *NOT != 0;
    if !begins && !own {
        let same = |back: usize| {
            let between = at
                .checked_sub(back)
                .and_then(|from| tokens.get(from + 1..at));
            between.is_some_and(|between| !between.iter().any(|token| token.has(SENTENCE)))
        };
        let not = |back: usize| before(back) & *NOT != 0 && same(back);
        // `do not`, `never to`, `need not have to`.
        if not(1) || not(2) || (not(3) && before(2) & *NEED != 0) {
            return 0.1;
        }
        if before(1) & *SUBJECT != 0 {
            return 0.6;
        }
    }
    let near = about.is_some_and(|about| at - about.min(at) <= ABOUT_REACH);
    if near && (token.has(QUOTED) || !begins) {
        return 0.45;
    }
    1.0
}

fn place(tokens: &[Token], from: usize, to: usize) -> (usize, usize) {
    let start = tokens.get(from).map_or(0, |token| token.start);
    let last = to.checked_sub(1).and_then(|last| tokens.get(last));
    let end = last.map_or(start, |token| token.end);
    (start as usize, (end as usize).max(start as usize))
}
