//! One pass over one text: where something may begin, and what is asked there.

use super::{
    Active, Rule, Scanner, Way, encoded,
    entity::{Entity, Hit, Taken, Verdict},
    layout,
    look::{self, Look, Unit, is_word},
    password,
};
use crate::guard::Find;

/// Words of at least this length are always looked at: keys have no form of their own.
const LONG: usize = 16;
/// How many characters a layout can match.
const MAX_LAYOUT: usize = 80;
/// How much a word before something adds to its score, and the least that then comes out, as in Presidio.
const CONTEXT_ADDS: u8 = 35;
const CONTEXT_LEAST: u8 = 40;

/// What a byte means to the pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    /// Belongs to no word.
    Other,
    Letter,
    /// A digit, or `_`, which no plain word has.
    Odd,
    /// Not ASCII, or `%`: must be read.
    Unit,
    /// Something may begin here.
    Sign,
}

static CLASSES: [Class; 256] = classes();

const fn classes() -> [Class; 256] {
    let mut table = [Class::Unit; 256];
    let mut byte = 0_u8;
    while byte < 0x80 {
        let class = match byte {
            b'a'..=b'z' | b'A'..=b'Z' => Class::Letter,
            b'0'..=b'9' | b'_' => Class::Odd,
            b'%' => Class::Unit,
            b'+' | b'(' | b':' | b'-' => Class::Sign,
            _ => Class::Other,
        };
        let [_, .., _] = &mut table;
        if let Some((_, rest)) = table.split_at_mut_checked(byte as usize)
            && let Some(place) = rest.first_mut()
        {
            *place = class;
        }
        byte += 1;
    }
    table
}

fn class(byte: u8) -> Class {
    CLASSES
        .get(usize::from(byte))
        .copied()
        .unwrap_or(Class::Other)
}

/// A find, and from where it was read.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) find: Find,
    pub(super) anchor: usize,
}

/// The text cannot be judged from here on before more of it is there.
struct Undecided;

/// One pass over one text.
pub(super) struct Pass<'s, 't> {
    scanner: &'s Scanner,
    text: &'t str,
    last: bool,
    look: Look<'t>,
    pub(super) found: Vec<Found>,
    /// Up to where each entity was found, so that none is found within itself.
    until: Vec<usize>,
    /// How often a text was decoded to get here.
    depth: usize,
}

/// How often a text may be encoded.
const MAX_DEPTH: usize = 2;

impl<'s, 't> Pass<'s, 't> {
    pub(super) fn new(scanner: &'s Scanner, text: &'t str, last: bool) -> Self {
        Self {
            scanner,
            text,
            last,
            look: Look::new(text, last),
            found: Vec::new(),
            until: Vec::new(),
            depth: 0,
        }
    }

    /// Up to where the text is decided.
    pub(super) fn run(&mut self, from: usize) -> usize {
        let bytes = self.text.as_bytes();
        // A field's name is a text of its own, and what it announces stands behind it.
        if let Some(name) = password::announced(self.text, from)
            && self.candidate(name).is_err()
        {
            return from;
        }
        let mut at = from;
        let mut inside = is_word(look::before(self.text, from).0);
        let mut unseen = 0;
        while let Some(byte) = bytes.get(at) {
            let step = match class(*byte) {
                Class::Other => {
                    inside = false;
                    at += 1;
                    continue;
                }
                Class::Letter | Class::Odd if inside => {
                    at += 1;
                    continue;
                }
                Class::Letter | Class::Odd => self.word(at),
                Class::Sign => {
                    inside = false;
                    self.sign(at).map(|()| at + 1)
                }
                Class::Unit => match look::unit(self.text, at, self.last) {
                    Unit::Unseen(length) => {
                        unseen += 1;
                        inside = inside && unseen <= look::MAX_UNSEEN;
                        at += length;
                        continue;
                    }
                    Unit::Code(code, length) if inside || !is_word(code) => {
                        inside = inside && is_word(code);
                        if matches!(code, b'+' | b'(') {
                            self.sign(at).map(|()| at + length)
                        } else {
                            Ok(at + length)
                        }
                    }
                    Unit::Code(..) => self.word(at),
                    Unit::End => Err(Undecided),
                },
            };
            unseen = 0;
            match step {
                Ok(next) => {
                    inside = inside || next > at && is_word(look::before(self.text, next).0);
                    at = next;
                }
                Err(Undecided) => return at,
            }
        }
        bytes.len()
    }

    /// Judges the word that begins here; where it, or the part of it that was seen, ends.
    fn word(&mut self, start: usize) -> Result<usize, Undecided> {
        let bytes = self.text.as_bytes();
        let (mut at, mut length, mut odd, mut unseen) = (start, 0, false, 0);
        while let Some(byte) = bytes.get(at) {
            match class(*byte) {
                Class::Letter => at += 1,
                Class::Odd => {
                    odd = true;
                    at += 1;
                }
                Class::Other | Class::Sign => break,
                Class::Unit => match look::unit(self.text, at, self.last) {
                    Unit::Unseen(size) => {
                        unseen += 1;
                        if unseen > look::MAX_UNSEEN {
                            break;
                        }
                        at += size;
                        continue;
                    }
                    Unit::Code(code, size) if is_word(code) => {
                        odd |= code.is_ascii_digit() || code == b'_';
                        at += size;
                    }
                    Unit::Code(..) => break,
                    Unit::End => return Err(Undecided),
                },
            }
            unseen = 0;
            length += 1;
            if length >= LONG {
                odd = true;
                break;
            }
        }
        if odd || self.goes_on(start, at, length)? {
            self.candidate(start)?;
        }
        Ok(at)
    }

    /// Whether what follows a plain word makes more than a word of it.
    fn goes_on(&self, start: usize, end: usize, length: usize) -> Result<bool, Undecided> {
        let mut at = end;
        let mut read = || match look::unit(self.text, at, self.last) {
            Unit::Code(code, size) => {
                at += size;
                Ok(code)
            }
            Unit::Unseen(_) => Ok(look::OTHER),
            Unit::End if self.last => Ok(look::END),
            Unit::End => Err(Undecided),
        };
        let sign = read()?;
        let joins = match sign {
            b'.' | b'@' | b'+' | b'/' | b'\'' | b'-' => is_word(read()?),
            b':' => {
                let next = read()?;
                is_word(next) || matches!(next, b'/' | b':')
            }
            b' ' if length < 10 => {
                let next = read()?;
                next.is_ascii_digit()
                    || (length <= 3 && is_word(next) && short_then_digit(&mut read)?)
            }
            _ => false,
        };
        let assigned = matches!(sign, b'=' | b':' | b' ' | b'"' | b'\'') && length >= 3;
        let word = || self.text.as_bytes().get(start..end).unwrap_or_default();
        Ok(joins || assigned && password::is_password(word()))
    }

    /// Judges a sign with which something may begin.
    fn sign(&mut self, at: usize) -> Result<(), Undecided> {
        const KEY: &[u8] = b"-----BEGIN ";
        let rest = self.text.as_bytes().get(at..).unwrap_or_default();
        let begins = match rest {
            [b'-', ..] => {
                let known = rest
                    .iter()
                    .zip(KEY)
                    .take_while(|(one, two)| one == two)
                    .count();
                if known < KEY.len() && known == rest.len() && !self.last {
                    return Err(Undecided);
                }
                known == KEY.len()
            }
            [b':', b':', ..] | [b'+', b'0'..=b'9' | b'(', ..] | [b'(', b'0'..=b'9' | b'+', ..] => {
                true
            }
            [_] if !self.last => return Err(Undecided),
            [byte, ..] if *byte >= 0x80 || *byte == b'%' => true,
            [b'+' | b'(', next, ..] if *next >= 0x80 || *next == b'%' => true,
            _ => false,
        };
        if begins { self.candidate(at) } else { Ok(()) }
    }

    /// Asks everything that can begin here.
    fn candidate(&mut self, start: usize) -> Result<(), Undecided> {
        let scanner = self.scanner;
        self.look.start(start);
        let mut hits = Hits::default();
        let middle = self.is_middle();
        for way in scanner.starts.of(&mut self.look) {
            match scanner.ways.get(way) {
                Some(Way::Rule(rule)) if !middle => {
                    if let Some(hit) = laid_out(rule, &mut self.look) {
                        hits.push(rule.active, hit);
                    }
                }
                Some(Way::Read(read)) => {
                    // Nothing is found within itself, so nobody need read that again.
                    let until = self.until.get(read.active);
                    let known = until.is_some_and(|until| start < *until);
                    if !known && let Some(hit) = (read.read)(&mut self.look) {
                        hits.push(read.active, hit);
                    }
                }
                _ => {}
            }
        }
        let decoded = if self.depth < MAX_DEPTH {
            encoded::text(&mut self.look)
        } else {
            None
        };
        if self.look.is_open() {
            return Err(Undecided);
        }
        if !hits.all.is_empty() {
            self.report(start, &hits.all);
        }
        if let Some((decoded, end)) = decoded {
            self.inner(start, &decoded, end);
        }
        Ok(())
    }

    /// Whether a number or a word that began before goes on here.
    fn is_middle(&mut self) -> bool {
        let digits = self.look.get(0).is_ascii_digit();
        let [before, earlier] = self.look.before();
        match before {
            b'-' if digits => earlier.is_ascii_digit(),
            b'-' => is_word(earlier),
            b'.' | b'/' | b':' => digits && earlier.is_ascii_digit(),
            b',' => earlier.is_ascii_digit() && layout::thousands(&mut self.look),
            _ => false,
        }
    }

    /// Keeps what is sure enough.
    fn report(&mut self, anchor: usize, hits: &[(usize, Hit)]) {
        let mut spoken_of = None;
        for (index, hit) in hits {
            let Some(active) = self.scanner.active.get(*index) else {
                continue;
            };
            let (start, end) = (self.look.begins(hit.from), self.look.ends(hit.to));
            let raised = hit
                .score
                .saturating_add(CONTEXT_ADDS)
                .clamp(CONTEXT_LEAST, 100);
            let strong = Some(active.kind);
            let (mut kind, mut score) = (if hit.weak { active.weak } else { strong }, hit.score);
            if active.context && (hit.weak || raised > score) && raised >= active.least {
                let bits =
                    *spoken_of.get_or_insert_with(|| self.scanner.context.at(self.text, start));
                if bits.has(*index) {
                    (kind, score) = (strong, raised);
                }
            }
            if let Some(kind) = kind.filter(|_| score >= active.least) {
                let find = Find {
                    start,
                    end,
                    kind,
                    score,
                };
                self.keep(*index, anchor, find);
            }
        }
    }

    fn keep(&mut self, active: usize, anchor: usize, find: Find) {
        if self.until.is_empty() {
            self.until.resize(self.scanner.active.len(), 0);
        }
        if let Some(until) = self.until.get_mut(active)
            && find.start >= *until
        {
            *until = find.end;
            self.found.push(Found { find, anchor });
        }
    }

    /// What is found in an encoded text stands for the whole of it.
    fn inner(&mut self, start: usize, decoded: &str, end: usize) {
        let end = self.look.ends(end);
        let mut pass = Pass::new(self.scanner, decoded, true);
        pass.depth = self.depth + 1;
        pass.run(0);
        for found in pass.found {
            let find = Find {
                start,
                end,
                ..found.find
            };
            let is = |active: &Active| [Some(active.kind), active.weak].contains(&Some(find.kind));
            if let Some(active) = self.scanner.active.iter().position(is) {
                self.keep(active, start, find);
            }
        }
    }
}

/// What is written as a rule says, if its check holds.
pub(super) fn laid_out(rule: &Rule, look: &mut Look<'_>) -> Option<Hit> {
    let end = rule.layout.take(look)?;
    if end == 0 || !layout::ends(look, end) {
        return None;
    }
    let mut own = [0; MAX_LAYOUT];
    let raw = look.read(0, end);
    let kept = raw.iter().filter(|code| code.is_ascii_alphanumeric());
    let mut length = 0;
    for (place, code) in own.iter_mut().zip(kept) {
        *place = code.to_ascii_uppercase();
        length += 1;
    }
    let taken = Taken {
        raw,
        own: own.get(..length).unwrap_or_default(),
    };
    let score = match (rule.check)(&taken) {
        Verdict::No => return None,
        Verdict::Maybe => rule.score,
        Verdict::Sure => 100,
        Verdict::Score(score) => score,
    };
    Some(Hit {
        from: 0,
        to: end,
        score,
        weak: rule.score < Entity::LEAST,
    })
}

/// One or two letters, a separator, a digit: the rest of a number plate.
fn short_then_digit(read: &mut impl FnMut() -> Result<u8, Undecided>) -> Result<bool, Undecided> {
    let mut next = read()?;
    if is_word(next) {
        next = read()?;
    }
    Ok(matches!(next, b' ' | b'-') && read()?.is_ascii_digit())
}

/// What was found at one place, the best of each entity.
#[derive(Debug, Default)]
struct Hits {
    all: Vec<(usize, Hit)>,
}

impl Hits {
    fn push(&mut self, active: usize, hit: Hit) {
        match self.all.iter_mut().find(|known| known.0 == active) {
            Some(known) if (hit.score, hit.to) > (known.1.score, known.1.to) => known.1 = hit,
            Some(_) => {}
            None => self.all.push((active, hit)),
        }
    }
}
