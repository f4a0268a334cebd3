//! Byte-pair encoding of one piece: how many tokens it becomes.
//!
//! The rule: of all neighbours that merge, the pair of the lowest rank merges first, of equals the
//! leftmost; until none is left. Here the neighbours lie in a linked list, and each place has its
//! pair's rank and its own position in one number, so that the smallest number is the pair to
//! merge. A tournament over these numbers finds it: a merge costs the logarithm of the length.
//!
//! A piece longer than a window is counted window by window. What follows a window changes how its
//! last bytes are encoded, but not far back: a pair is kept from merging by its right neighbour only
//! if that has a lower rank, and so on to the end, and no such row of pairs is longer than a
//! [`MARGIN`] (`tests/vocabulary.rs` measures it). So a window is left that much before its end.

use super::table::{Table, Token};

/// Bytes encoded at once.
const WINDOW: usize = 4096;
const POSITION_BITS: u32 = WINDOW.trailing_zeros();
const POSITION: i32 = WINDOW as i32 - 1;
/// A pair that does not merge. Greater than every pair that does.
const NONE: i32 = i32::MAX;
/// Pieces up to this length are searched place by place. Units: bytes.
const SHORT: usize = 48;
/// Longest row of neighbouring pairs of which each has a higher rank than the next: 232 bytes in
/// `cl100k_base`, 293 in `o200k_base`. Units: bytes.
const MARGIN: usize = 512;

/// What encoding needs besides the table; used again for each piece. 72 KB.
pub(super) struct Scratch {
    tokens: [Token; WINDOW],
    /// What the pair that begins here becomes.
    merged: [Token; WINDOW],
    next: [u16; WINDOW],
    previous: [u16; WINDOW],
    /// rank << POSITION_BITS | position, of the pair that begins here; [`NONE`] without one.
    /// The places are the second part of the array; each entry of the first is the smaller of the
    /// two at twice its index.
    tournament: [i32; 2 * WINDOW],
}

impl Scratch {
    pub(super) fn new() -> Self {
        Self {
            tokens: [Token::NONE; WINDOW],
            merged: [Token::NONE; WINDOW],
            next: [0; WINDOW],
            previous: [0; WINDOW],
            tournament: [NONE; 2 * WINDOW],
        }
    }

    /// The number of tokens of a piece.
    pub(super) fn count(&mut self, table: &Table, piece: &[u8]) -> usize {
        match piece.len() {
            length @ 0..=1 => length,
            ..=WINDOW => self.encode(table, piece),
            _ => self.windows(table, piece),
        }
    }

    fn windows(&mut self, table: &Table, piece: &[u8]) -> usize {
        let mut rest = piece;
        let mut total = 0;
        let mut tokens = self.encode(table, front(rest));
        while rest.len() > WINDOW {
            let (at, before) = self.leave();
            let next = rest.get(at..).unwrap_or_default();
            // The same text again has the same tokens: a long repetition is encoded once.
            if front(next) != front(rest) {
                tokens = self.encode(table, front(next));
            }
            total += before;
            rest = next;
        }
        total + tokens
    }

    /// Where a full window is left, and the number of tokens before.
    fn leave(&self) -> (usize, usize) {
        let (mut at, mut tokens) = (0, 0);
        while at < WINDOW - MARGIN {
            at = self.next(at);
            tokens += 1;
        }
        (at, tokens)
    }

    /// Encodes a piece of 2 bytes up to a window; the tokens' starts are left in `next`.
    fn encode(&mut self, table: &Table, piece: &[u8]) -> usize {
        let length = piece.len();
        let places = length.next_power_of_two();
        self.lay_out(table, piece, places);
        let mut count = length;
        if length <= SHORT {
            while let Some(pair) = self
                .tournament
                .get(places..places + length)
                .and_then(lowest)
            {
                let changed = self.merge(table, pair, length);
                for (at, pair) in changed {
                    self.set(places + at, pair);
                }
                count -= 1;
            }
            return count;
        }
        for parent in (1..places).rev() {
            self.play(parent);
        }
        while let Some(pair) = self.tournament.get(1..2).and_then(lowest) {
            let changed = self.merge(table, pair, length);
            for (at, pair) in changed {
                let mut place = places + at;
                self.set(place, pair);
                while place > 1 {
                    place /= 2;
                    if !self.play(place) {
                        break;
                    }
                }
            }
            count -= 1;
        }
        count
    }

    /// Each byte a token, each neighbours' rank looked up.
    fn lay_out(&mut self, table: &Table, piece: &[u8], places: usize) {
        let mut token = piece
            .first()
            .map_or(Token::NONE, |&byte| table.single(byte));
        let followers = piece
            .iter()
            .skip(1)
            .map(|&byte| Some(table.single(byte)))
            .chain([None]);
        let tokens = self.tokens.iter_mut().zip(&mut self.merged);
        let links = self.next.iter_mut().zip(&mut self.previous);
        let pairs = self
            .tournament
            .get_mut(places..2 * places)
            .unwrap_or_default();
        for (at, ((((own, merged), (next, previous)), pair), follower)) in
            (0u16..).zip(tokens.zip(links).zip(pairs.iter_mut()).zip(followers))
        {
            *own = token;
            *next = at + 1;
            *previous = at.wrapping_sub(1);
            let both = follower.and_then(|right| table.merge(token, right));
            *merged = both.unwrap_or(Token::NONE);
            *pair = keyed(both, at);
            token = follower.unwrap_or(Token::NONE);
        }
        pairs.get_mut(piece.len()..).unwrap_or_default().fill(NONE);
    }

    /// Merges a pair. Answers the places whose pair has changed, each with what it is now.
    #[inline]
    fn merge(&mut self, table: &Table, pair: i32, length: usize) -> [(usize, i32); 3] {
        let at = (pair & POSITION) as u16;
        let place = usize::from(at);
        let right = self.next(place);
        let after = self.next(right);
        let token = self.merged.get(place).copied().unwrap_or(Token::NONE);
        if let Some(slot) = self.tokens.get_mut(place) {
            *slot = token;
        }
        if let Some(slot) = self.next.get_mut(place) {
            *slot = after as u16;
        }
        let mut own = NONE;
        if after < length {
            if let Some(slot) = self.previous.get_mut(after) {
                *slot = at;
            }
            own = self.pair(table, at, token, self.token(after));
        }
        if at == 0 {
            return [(right, NONE), (place, own), (place, own)];
        }
        let before = self.previous.get(place).copied().unwrap_or_default();
        let pair = self.pair(table, before, self.token(before.into()), token);
        [(right, NONE), (place, own), (before.into(), pair)]
    }

    #[inline]
    fn pair(&mut self, table: &Table, at: u16, left: Token, right: Token) -> i32 {
        let both = table.merge(left, right);
        if let (Some(slot), Some(token)) = (self.merged.get_mut(usize::from(at)), both) {
            *slot = token;
        }
        keyed(both, at)
    }

    /// Lets the two below this place of the tournament play again; `false` when nothing changes.
    #[inline]
    fn play(&mut self, place: usize) -> bool {
        let Some(&[a, b]) = self
            .tournament
            .get(2 * place..)
            .and_then(<[i32]>::first_chunk)
        else {
            return false;
        };
        let winner = a.min(b);
        match self.tournament.get_mut(place) {
            Some(slot) if *slot != winner => {
                *slot = winner;
                true
            }
            _ => false,
        }
    }

    #[inline]
    fn set(&mut self, place: usize, pair: i32) {
        if let Some(slot) = self.tournament.get_mut(place) {
            *slot = pair;
        }
    }

    #[inline]
    fn next(&self, at: usize) -> usize {
        self.next.get(at).copied().unwrap_or(WINDOW as u16).into()
    }

    #[inline]
    fn token(&self, at: usize) -> Token {
        self.tokens.get(at).copied().unwrap_or(Token::NONE)
    }
}

/// The part of a piece that is encoded at once.
fn front(piece: &[u8]) -> &[u8] {
    piece.get(..WINDOW).unwrap_or(piece)
}

/// The pair to merge first, if there is any.
#[inline]
fn lowest(pairs: &[i32]) -> Option<i32> {
    pairs.iter().copied().min().filter(|&pair| pair != NONE)
}

#[inline]
fn keyed(token: Option<Token>, at: u16) -> i32 {
    token.map_or(NONE, |token| {
        ((token.number() << POSITION_BITS) | u32::from(at)) as i32
    })
}
