//! Reading a text as a person would: one character after the other, without what cannot be seen.
//!
//! Zero-width characters are passed over, full-width letters and digits, digits of other scripts and letters
//! that look like Latin ones are read as ASCII, and `%40` is read as `@`. Whoever reads here never has to think
//! of the end of a text that is not finished: [`Look`] knows that somebody asked for what is not there yet.

use crate::guard::LOOK_BEHIND;

/// What is read where the text ends, or may go on later.
pub(super) const END: u8 = 0;
/// What is read in place of a character that belongs to no word and is not ASCII.
pub(super) const OTHER: u8 = 1;
/// What is read in place of a letter that looks like no ASCII letter.
pub(super) const LETTER: u8 = 127;
/// How many characters that cannot be seen may stand between two that belong together. More of them in a row
/// end a word: what waits for the rest of a text must be bounded.
pub(super) const MAX_UNSEEN: usize = 16;

/// Whether this character belongs to a word: `_` does.
pub(super) fn is_word(code: u8) -> bool {
    code.is_ascii_alphanumeric() || code == b'_' || code == LETTER
}

/// One unit of the text: a character, or a percent-encoded ASCII character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// Read as this code, so many bytes long.
    Code(u8, usize),
    /// Not seen, so many bytes long.
    Unseen(usize),
    /// The text ends here, or within this unit.
    End,
}

/// Reads the unit that begins at a byte, which must be the first of a character.
pub(super) fn unit(text: &str, at: usize, last: bool) -> Unit {
    let bytes = text.as_bytes();
    let Some(&first) = bytes.get(at) else {
        return Unit::End;
    };
    if first == b'%' {
        return percent(bytes, at, last);
    }
    if first < 0x80 {
        // The codes that mean something here stand for no character of a text.
        let code = if matches!(first, END | OTHER | LETTER) {
            OTHER
        } else {
            first
        };
        return Unit::Code(code, 1);
    }
    let Some(character) = text.get(at..).and_then(|rest| rest.chars().next()) else {
        return Unit::Code(OTHER, 1);
    };
    let length = character.len_utf8();
    match fold(character) {
        Some(code) => Unit::Code(code, length),
        None => Unit::Unseen(length),
    }
}

/// `%` and two hexadecimal digits of a printable ASCII character are that character.
fn percent(bytes: &[u8], at: usize, last: bool) -> Unit {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let (high, low) = (bytes.get(at + 1), bytes.get(at + 2));
    let Some(&high) = high else {
        return if last { Unit::Code(b'%', 1) } else { Unit::End };
    };
    let Some(high) = digit(high) else {
        return Unit::Code(b'%', 1);
    };
    let Some(&low) = low else {
        return if last { Unit::Code(b'%', 1) } else { Unit::End };
    };
    match digit(low).and_then(|low| u8::try_from(high * 16 + low).ok()) {
        Some(code @ 0x20..=0x7e) => Unit::Code(code, 3),
        Some(0x80..) => Unit::Code(LETTER, 3),
        _ => Unit::Code(b'%', 1),
    }
}

/// What a character that is not ASCII is read as; none for one that cannot be seen.
fn fold(character: char) -> Option<u8> {
    let code = u32::from(character);
    Some(match code {
        // Soft hyphen, zero-width space and joiners, marks of direction, word joiner, variation selectors,
        // byte order mark.
        0xad
        | 0x34f
        | 0x61c
        | 0x180e
        | 0x200b..=0x200f
        | 0x202a..=0x202e
        | 0x2060..=0x206f
        | 0xfe00..=0xfe0f
        | 0xfeff
        | 0xe0000..=0xe007f => {
            return None;
        }
        // Spaces of other widths, hyphens and dashes, dots.
        0xa0 | 0x2000..=0x200a | 0x202f | 0x205f | 0x3000 => b' ',
        0x2010..=0x2015 | 0x2212 | 0xfe58 | 0xfe63 => b'-',
        0x3002 | 0xff61 | 0x2024 => b'.',
        // Full-width forms are ASCII moved by a constant.
        0xff01..=0xff5e => u8::try_from(code - 0xfee0).unwrap_or(OTHER),
        // Mathematical digits come in five styles of ten.
        0x1d7ce..=0x1d7ff => b'0' + u8::try_from((code - 0x1d7ce) % 10).unwrap_or(0),
        // Scripts whose digits lie in blocks of sixteen: Arabic, Persian, Devanagari, Bengali, Thai.
        0x660..=0x669 | 0x6f0..=0x6f9 => b'0' + u8::try_from(code & 0xf).unwrap_or(0),
        0x966..=0x96f | 0x9e6..=0x9ef => b'0' + u8::try_from((code & 0xf) - 6).unwrap_or(0),
        0xe50..=0xe59 => b'0' + u8::try_from(code & 0xf).unwrap_or(0),
        0x370..=0x52f => look_alike(character),
        // Scripts that put no spaces between words: what stands next to them is not part of a word.
        0xe00..=0xeff | 0x1000..=0x109f | 0x1780..=0x17ff => OTHER,
        0x1100..=0x11ff | 0x2e80..=0x9fff | 0xa000..=0xa4cf | 0xac00..=0xd7ff | 0xf900..=0xfaff => {
            OTHER
        }
        0x2000..=0x2bff | 0xfe10..=0xfe6f | 0xff5f..=0xffef | 0x10000.. => OTHER,
        _ if character.is_alphanumeric() => LETTER,
        _ => OTHER,
    })
}

/// The Latin letter that a Greek or Cyrillic one looks like.
fn look_alike(character: char) -> u8 {
    match character {
        'А' | 'Α' => b'A',
        'В' | 'Β' => b'B',
        'С' => b'C',
        'Е' | 'Ε' => b'E',
        'Н' | 'Η' => b'H',
        'І' | 'Ι' => b'I',
        'Ј' => b'J',
        'К' | 'Κ' => b'K',
        'М' | 'Μ' => b'M',
        'Ν' => b'N',
        'О' | 'Ο' => b'O',
        'Р' | 'Ρ' => b'P',
        'Ѕ' => b'S',
        'Т' | 'Τ' => b'T',
        'Х' | 'Χ' => b'X',
        'У' | 'Υ' => b'Y',
        'Ζ' => b'Z',
        'а' | 'α' => b'a',
        'с' => b'c',
        'ԁ' => b'd',
        'е' => b'e',
        'һ' => b'h',
        'і' | 'ι' => b'i',
        'ј' => b'j',
        'ο' | 'о' => b'o',
        'р' | 'ρ' => b'p',
        'ѕ' => b's',
        'у' => b'y',
        'х' => b'x',
        'ν' => b'v',
        '\u{37e}' | '\u{387}' | '\u{482}' => OTHER,
        _ => LETTER,
    }
}

/// What is read just before a byte, and where that begins. It depends on a bounded stretch of text only.
pub(super) fn before(text: &str, at: usize) -> (u8, usize) {
    let bytes = text.as_bytes();
    let byte = |back: usize| at.checked_sub(back).and_then(|at| bytes.get(at));
    // Most of most texts is this.
    if let Some(plain @ 0x20..=0x7e) = byte(1)
        && *plain != b'%'
        && byte(3) != Some(&b'%')
    {
        return (*plain, at - 1);
    }
    let mut end = at;
    for _ in 0..=MAX_UNSEEN {
        let Some(character) = text.get(..end).and_then(|head| head.chars().next_back()) else {
            return (END, end);
        };
        let start = end - character.len_utf8();
        if character.is_ascii() {
            if let Some(percent) = end.checked_sub(3)
                && bytes.get(percent) == Some(&b'%')
                && let Unit::Code(code, 3) = unit(text, percent, true)
            {
                return (code, percent);
            }
            return match unit(text, start, true) {
                Unit::Code(code, _) => (code, start),
                Unit::Unseen(_) | Unit::End => (OTHER, start),
            };
        }
        match fold(character) {
            Some(code) => return (code, start),
            None => end = start,
        }
    }
    (OTHER, end)
}

/// What is read from one place on, as far as somebody has asked.
#[derive(Debug)]
pub(super) struct Look<'t> {
    text: &'t str,
    last: bool,
    /// What stands before the start, the nearer one first.
    before: [u8; 2],
    /// What was read, and from where to where each of it stands in the text.
    codes: Vec<u8>,
    spans: Vec<(u32, u32)>,
    /// Where in them the start is: who begins inside of what was read before need not read it again.
    base: usize,
    next: usize,
    ended: bool,
    /// Whether somebody asked for what may still come.
    past: bool,
}

impl<'t> Look<'t> {
    /// Nothing is read yet; nothing is allocated either.
    pub(super) fn new(text: &'t str, last: bool) -> Self {
        Self {
            text,
            last,
            before: [END; 2],
            codes: Vec::new(),
            spans: Vec::new(),
            base: 0,
            next: 0,
            ended: false,
            past: false,
        }
    }

    /// Begins again, at this byte.
    pub(super) fn start(&mut self, at: usize) {
        if !self.knows(at) {
            self.codes.clear();
            self.spans.clear();
            self.base = 0;
            self.next = at;
            self.ended = false;
        }
        let (near, place) = before(self.text, at);
        self.before = [near, before(self.text, place).0];
        self.past = false;
    }

    /// Whether this byte has been read already as the first of a character; the start is moved there.
    fn knows(&mut self, at: usize) -> bool {
        // What is behind the start is kept for some time: moving what is left costs as much as reading it.
        const MOST_BEHIND: usize = 4096;
        let begins = |span: &(u32, u32)| span.0 as usize;
        let left = self.spans.get(self.base..).unwrap_or_default();
        let passed = left.iter().take_while(|span| begins(span) < at).count();
        // An empty one is where too much that is unseen was cut off: from here it is not.
        let is_here = left
            .get(passed)
            .is_some_and(|span| begins(span) == at && span.1 > span.0);
        self.base += passed;
        if is_here && self.base > MOST_BEHIND {
            self.codes.drain(..self.base);
            self.spans.drain(..self.base);
            self.base = 0;
        }
        is_here
    }

    /// Whether what was found so far could change with what may follow.
    pub(super) fn is_open(&self) -> bool {
        self.past && !self.last
    }

    /// The two codes before the start, the nearer one first.
    pub(super) fn before(&self) -> [u8; 2] {
        self.before
    }

    /// What stands before the start, the nearest first, as far as a bounded stretch of text has it.
    pub(super) fn behind(&self, codes: &mut [u8]) {
        let start = self.begins(0);
        let mut at = start;
        for code in codes {
            if start - at > LOOK_BEHIND / 2 {
                return;
            }
            (*code, at) = before(self.text, at);
        }
    }

    /// The code at this place, counted from the start; [`END`] past the text.
    #[inline]
    pub(super) fn get(&mut self, index: usize) -> u8 {
        match self.codes.get(self.base + index) {
            Some(code) => *code,
            None => self.get_unread(self.base + index),
        }
    }

    /// The same, for who can do without: none past the text.
    pub(super) fn peek(&mut self, index: usize) -> Option<u8> {
        let index = self.base + index;
        while self.codes.len() <= index && !self.ended {
            self.fill();
        }
        self.codes.get(index).copied()
    }

    fn get_unread(&mut self, index: usize) -> u8 {
        loop {
            if let Some(code) = self.codes.get(index) {
                return *code;
            }
            if self.ended {
                self.past = true;
                return END;
            }
            self.fill();
        }
    }

    fn fill(&mut self) {
        if let Some(byte @ 0x20..=0x7e) = self.text.as_bytes().get(self.next)
            && *byte != b'%'
        {
            self.push(*byte, 1);
            return;
        }
        for _ in 0..=MAX_UNSEEN {
            match unit(self.text, self.next, self.last) {
                Unit::Code(code, length) => {
                    self.push(code, length);
                    return;
                }
                Unit::Unseen(length) => self.next += length,
                Unit::End => {
                    self.ended = true;
                    return;
                }
            }
        }
        self.push(OTHER, 0);
    }

    fn push(&mut self, code: u8, length: usize) {
        self.codes.push(code);
        let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        self.spans
            .push((place(self.next), place(self.next + length)));
        self.next += length;
    }

    /// Where what is read at this place begins in the text; call it only for what was read.
    pub(super) fn begins(&self, index: usize) -> usize {
        self.spans
            .get(self.base + index)
            .map_or(self.next, |span| span.0 as usize)
    }

    /// Where what is read just before this place ends in the text.
    pub(super) fn ends(&self, index: usize) -> usize {
        let before = index.checked_sub(1);
        before
            .and_then(|index| self.spans.get(self.base + index))
            .map_or(self.next, |span| span.1 as usize)
    }

    /// What was read in these places; shorter where that is not read yet.
    pub(super) fn read(&self, from: usize, to: usize) -> &[u8] {
        let codes = self.codes.get(self.base..).unwrap_or_default();
        codes.get(from..to.min(codes.len())).unwrap_or_default()
    }

    /// Whether these characters come next, whatever their case.
    pub(super) fn says(&mut self, at: usize, words: &str) -> bool {
        words
            .bytes()
            .enumerate()
            .all(|(index, byte)| self.get(at + index).eq_ignore_ascii_case(&byte))
    }

    /// Whether exactly these characters come next.
    pub(super) fn is(&mut self, at: usize, words: &str) -> bool {
        words
            .bytes()
            .enumerate()
            .all(|(index, byte)| self.get(at + index) == byte)
    }

    /// How many characters from here on pass the test, at most `most`.
    pub(super) fn run(&mut self, at: usize, most: usize, test: impl Fn(u8) -> bool) -> usize {
        (0..most)
            .find(|offset| !test(self.get(at + offset)))
            .unwrap_or(most)
    }
}
