//! What a text may still be after its first characters: one row of bits for each character in each place.

use super::{layout::Set, look::Look};

/// How many characters are told apart.
pub(super) const PLACES: usize = 8;
/// How many different ones a [`Look`] reads.
const CODES: usize = 128;
/// How many ways to write something there can be, as words of bits.
const WIDTH: usize = 8;
pub(super) const MOST: usize = WIDTH * u64::BITS as usize;

/// The ways to write something, by their first characters.
#[derive(Debug)]
pub(super) struct Starts {
    /// How many words of bits a row has.
    width: usize,
    rows: Vec<u64>,
}

impl Starts {
    /// Takes for each way what may stand in its first places; at most [`MOST`] of them.
    pub(super) fn new(ways: &[[Set; PLACES]]) -> Self {
        let width = ways.len().div_ceil(u64::BITS as usize).min(WIDTH);
        let mut rows = vec![0; PLACES * CODES * width];
        for (way, sets) in ways.iter().take(MOST).enumerate() {
            for (place, set) in sets.iter().enumerate() {
                for code in (0..).take(CODES).filter(|code| set.has(*code)) {
                    let row = (place * CODES + usize::from(code)) * width;
                    if let Some(bits) = rows.get_mut(row + way / u64::BITS as usize) {
                        *bits |= 1 << (way % u64::BITS as usize);
                    }
                }
            }
        }
        Self { width, rows }
    }

    /// The ways in which what begins here may be written, in their order. What is not there yet may be anything,
    /// and nobody has asked for it.
    pub(super) fn of(&self, look: &mut Look<'_>) -> impl Iterator<Item = usize> + use<> {
        let mut left = [0_u64; WIDTH];
        for place in 0..PLACES {
            let Some(code) = look.peek(place) else {
                break;
            };
            let row = (place * CODES + usize::from(code)) * self.width;
            let row = self.rows.get(row..row + self.width).unwrap_or_default();
            let mut any = 0;
            for (left, bits) in left.iter_mut().zip(row) {
                *left = if place == 0 { *bits } else { *left & bits };
                any |= *left;
            }
            if any == 0 {
                break;
            }
        }
        let words = left.into_iter().enumerate();
        words.flat_map(|(word, mut bits)| {
            std::iter::from_fn(move || {
                let bit = bits.trailing_zeros();
                bits &= bits.checked_sub(1)?;
                Some(word * u64::BITS as usize + bit as usize)
            })
        })
    }
}

#[cfg(test)]
#[allow(clippy::string_slice)]
mod tests {
    use super::*;
    use crate::guard::scan::{Scanner, Way, entities, pass};
    use std::fs;

    fn look(text: &str, at: usize) -> Look<'_> {
        let mut look = Look::new(text, true);
        look.start(at);
        look
    }

    /// The ways that see something at this place, and those that the first characters leave.
    fn ways(scanner: &Scanner, text: &str, at: usize) -> (Vec<usize>, Vec<usize>) {
        let sees = |way: &Way| match way {
            Way::Rule(rule) => pass::laid_out(rule, &mut look(text, at)).is_some(),
            Way::Read(read) => (read.read)(&mut look(text, at)).is_some(),
        };
        let all = scanner.ways.iter().enumerate();
        let seen = all.filter(|(_, way)| sees(way)).map(|(at, _)| at).collect();
        (seen, scanner.starts.of(&mut look(text, at)).collect())
    }

    #[test]
    fn the_first_characters_rule_out_nothing_that_would_be_found() {
        let scanner = Scanner::all();
        assert!(scanner.ways.len() <= MOST, "{}", scanner.ways.len());
        let rows = fs::read_to_string("tests/fixtures/guard/pii.jsonl").unwrap_or_default();
        let keys = "AKIAABCDEFGHIJKLMNOP ghp_ xoxb-1234567890ab gho_ glpat-abcdefghij0123456789 npm_abcdefghij0123456789abcdefghij012345 sk_live_abcdefgh01234567 \
            sk-ant-abcdefghij0123456789 SK0123456789abcdef0123456789abcdef whsec_abcdefgh01234567 password: 'abc def 1' \
            postgres://app:hunter22@db:5432/x pypi-AgEabcdefghijabcdefghijabcdefghijabcdefghij01 abcQ~ ab1";
        let mut seen = 0;
        let texts = rows.lines().filter_map(|row| {
            let row: serde_json::Value = serde_json::from_str(row).ok()?;
            Some(row.get("text")?.as_str()?.to_owned())
        });
        for text in texts.chain([keys.to_owned()]) {
            let begins = |c: &char| c.is_alphanumeric() || "_+(:".contains(*c);
            for (at, _) in text.char_indices().filter(|(_, c)| begins(c)) {
                let (sees, left) = ways(&scanner, &text, at);
                let missed: Vec<_> = sees.iter().filter(|way| !left.contains(way)).collect();
                assert!(missed.is_empty(), "{missed:?} {}", &text[at..]);
                seen += sees.len();
            }
        }
        assert!(seen > 5000 && entities().count() > 100, "{seen}");
    }

    /// What a text costs is the number of its places times this, whatever it is made of.
    #[test]
    fn few_ways_are_tried_at_each_place_of_a_hostile_text() {
        let scanner = Scanner::all();
        for unit in [
            "1 ", "+1", "1", "12-", "1.", "a1", "1:", "(1", "12345 ", "a ", "A1 ", "1/",
        ] {
            let text = unit.repeat(40);
            let most = (0..text.len() / 2)
                .map(|at| ways(&scanner, &text, at).1.len())
                .max();
            assert!(most.is_some_and(|most| most <= MANY), "{unit:?} {most:?}");
        }
    }

    const MANY: usize = 80;
}
