//! Makes words of a text as they are meant: in lower case, without accents, invisible characters and lookalikes.

use super::words::{Hits, MAX_WORD, Words};

/// A word, and where it stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    /// In bytes of the text.
    pub(super) start: u32,
    pub(super) end: u32,
    /// What it is in the vocabulary.
    pub(super) hits: Hits,
    /// The classes that it belongs to.
    pub(super) classes: u64,
    pub(super) flags: u8,
}

/// It stands right behind a quotation mark.
pub(super) const QUOTED: u8 = 1;
/// It begins a line.
pub(super) const LINE: u8 = 2;
/// A colon follows.
pub(super) const COLON: u8 = 4;
/// It begins a sentence.
pub(super) const SENTENCE: u8 = 8;
/// It is one letter.
pub(super) const SINGLE: u8 = 16;
/// Digits and signs stand for letters in it.
pub(super) const LEET: u8 = 32;
/// It has letters of two scripts that look alike.
pub(super) const MIXED: u8 = 64;

impl Token {
    pub(super) fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// What a character means to the pass.
enum Kind {
    /// Part of a word.
    Letter(char),
    /// A word's part that is nothing by itself; it is left out.
    Nothing,
    /// A word of a script without spaces.
    Alone(char),
    /// Between words.
    Between,
}

/// A character as it is meant.
fn kind(c: char) -> Kind {
    match c {
        'a'..='z' | '0'..='9' => Kind::Letter(c),
        'A'..='Z' => Kind::Letter(c.to_ascii_lowercase()),
        '\0'..='\x7f' => Kind::Between,
        // Joiners, direction marks, variation selectors, soft hyphens, tags, combining accents, Arabic vowels.
        '\u{ad}'
        | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{e0000}'..='\u{e0fff}'
        | '\u{300}'..='\u{36f}'
        | '\u{640}'
        | '\u{64b}'..='\u{65f}'
        | '\u{93c}'
        | '\u{180e}' => Kind::Nothing,
        '\u{900}'..='\u{963}' | '\u{966}'..='\u{97f}' => Kind::Letter(c),
        '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' => Kind::Alone(c),
        _ => match plain(c) {
            Some(c) => Kind::Letter(c),
            None if c.is_alphanumeric() => Kind::Letter(c),
            None => Kind::Between,
        },
    }
}

/// A letter without its accent or its dress; `None`: it has none.
fn plain(c: char) -> Option<char> {
    let ascii = |from: u32, first: u8| {
        u8::try_from((u32::from(c) - from) % 26)
            .ok()
            .map(|offset| char::from(first + offset))
    };
    Some(match c {
        'à'..='å' | 'À'..='Å' | 'ā' | 'ă' | 'ą' | 'Ą' | 'ª' => 'a',
        'ç' | 'Ç' | 'ć' | 'Ć' | 'č' | 'Č' => 'c',
        'è'..='ë' | 'È'..='Ë' | 'ē' | 'ę' | 'Ę' | 'ě' => 'e',
        'ì'..='ï' | 'Ì'..='Ï' | 'ī' | 'ı' | 'İ' => 'i',
        'ñ' | 'Ñ' | 'ń' | 'Ń' => 'n',
        'ò'..='ö' | 'Ò'..='Ö' | 'ø' | 'Ø' | 'ō' | 'º' => 'o',
        'ù'..='ü' | 'Ù'..='Ü' | 'ū' | 'ů' => 'u',
        'ý' | 'ÿ' | 'Ý' => 'y',
        'ś' | 'Ś' | 'š' | 'Š' | 'ß' | 'ſ' => 's',
        'ź' | 'ż' | 'Ź' | 'Ż' | 'ž' | 'Ž' => 'z',
        'ł' | 'Ł' => 'l',
        'ё' | 'Ё' => 'е',
        'أ' | 'إ' | 'آ' => 'ا',
        '\u{ff21}'..='\u{ff3a}' => return ascii(0xff21, b'a'),
        '\u{ff41}'..='\u{ff5a}' => return ascii(0xff41, b'a'),
        '\u{24b6}'..='\u{24e9}' => return ascii(0x24b6, b'a'),
        '\u{1d400}'..='\u{1d6a3}' => return ascii(0x1d400, b'a'),
        '\u{1f130}'..='\u{1f149}' => return ascii(0x1f130, b'a'),
        'А'..='Я' => char::from_u32(u32::from(c) + 0x20)?,
        'Α'..='Ω' => char::from_u32(u32::from(c) + 0x20)?,
        _ => return None,
    })
}

/// The Latin letter that a Cyrillic or Greek one looks like.
fn lookalike(c: char) -> Option<char> {
    Some(match c {
        'а' | 'α' => 'a',
        'в' | 'β' => 'b',
        'с' => 'c',
        'ԁ' => 'd',
        'е' | 'ε' => 'e',
        'һ' | 'н' => 'h',
        'і' | 'ι' | 'ӏ' => 'i',
        'ј' => 'j',
        'к' | 'κ' => 'k',
        'м' | 'μ' => 'm',
        'п' | 'η' => 'n',
        'о' | 'ο' | 'σ' => 'o',
        'р' | 'ρ' => 'p',
        'ѕ' => 's',
        'т' | 'τ' => 't',
        'υ' | 'ц' => 'u',
        'ν' | 'ѵ' => 'v',
        'ѡ' | 'ω' => 'w',
        'х' | 'χ' => 'x',
        'у' | 'γ' => 'y',
        _ => return None,
    })
}

/// The letter that a digit stands for between letters.
fn letter(c: char) -> char {
    match c {
        '0' => 'o',
        '1' => 'i',
        '3' => 'e',
        '4' => 'a',
        '5' => 's',
        '7' => 't',
        '8' => 'b',
        '9' => 'g',
        c => c,
    }
}

/// A text of the vocabulary, as it is compared.
pub(super) fn folded(text: &str) -> String {
    let fold = |c| match kind(c) {
        Kind::Letter(c) | Kind::Alone(c) => Some(c),
        Kind::Nothing | Kind::Between => None,
    };
    text.chars().filter_map(fold).collect()
}

/// Whether a character belongs to a script without spaces.
pub(super) fn is_alone(c: char) -> bool {
    matches!(kind(c), Kind::Alone(_))
}

/// The word that is being read.
struct Word {
    text: String,
    start: usize,
    end: usize,
    chars: usize,
    digits: usize,
    latin: bool,
    other: bool,
    flags: u8,
}

impl Word {
    fn push(&mut self, c: char) {
        self.chars += 1;
        match c {
            '0'..='9' => self.digits += 1,
            'a'..='z' => self.latin = true,
            _ => self.other |= lookalike(c).is_some(),
        }
        if self.text.len() <= MAX_WORD {
            self.text.push(c);
        }
    }

    /// Writes the word down.
    fn close(&mut self, words: &Words, out: &mut Tokens) {
        if self.chars == 0 {
            return;
        }
        if self.latin && self.other {
            self.text = self
                .text
                .chars()
                .map(|c| lookalike(c).unwrap_or(c))
                .collect();
            self.flags |= MIXED;
        }
        let (mut hits, mut classes) = words.find(&self.text);
        let letters = self.chars > self.digits;
        if hits.is_empty() && self.digits > 0 && letters && self.chars > 2 {
            let read: String = self.text.chars().map(letter).collect();
            (hits, classes) = words.find(&read);
            if !hits.is_empty() {
                self.flags |= LEET;
            }
        }
        if self.chars == 1 {
            self.flags |= SINGLE;
        }
        out.push(self.start, self.end, (hits, classes), self.flags);
        self.text.clear();
        (self.chars, self.digits) = (0, 0);
        (self.latin, self.other) = (false, false);
        self.flags = 0;
    }
}

/// The words of a text, and what else was seen on the way.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    pub(super) all: Vec<Token>,
    /// The classes of all of them.
    pub(super) classes: u64,
    /// Most words in a row that are one letter each.
    pub(super) singles: usize,
    /// Whether marks of templates may be in it: a bracket was seen.
    pub(super) bracket: bool,
    /// Whether all of it is ASCII.
    pub(super) ascii: bool,
    /// How many of the last words are one letter each.
    row: usize,
}

impl Tokens {
    fn push(&mut self, start: usize, end: usize, (hits, classes): (Hits, u64), flags: u8) {
        if flags & SINGLE != 0 {
            self.row += 1;
            self.singles = self.singles.max(self.row);
        } else {
            self.row = 0;
        }
        self.classes |= classes;
        self.all.push(Token {
            start: u32::try_from(start).unwrap_or(u32::MAX),
            end: u32::try_from(end).unwrap_or(u32::MAX),
            hits,
            classes,
            flags,
        });
    }
}

/// What an ASCII character is: part of a word, or what it says about the next word.
static SIGNS: [u8; 128] = signs();
/// A letter or digit.
const WORD: u8 = 128;
/// A digit.
const DIGIT: u8 = 64;
/// A bracket that marks of templates begin with.
const BRACKET: u8 = 32;

const fn signs() -> [u8; 128] {
    let mut table = [0; 128];
    let mut byte = 0_u8;
    while byte < 128 {
        let sign = match byte {
            b'a'..=b'z' | b'A'..=b'Z' => WORD,
            b'0'..=b'9' => WORD | DIGIT,
            b'\n' => LINE | SENTENCE,
            b'[' => SENTENCE | BRACKET,
            b'<' => BRACKET,
            b'.' | b'!' | b'?' | b';' | b':' | b'(' | b'{' | b'>' | b'*' | b'#' | b'|' => SENTENCE,
            b'"' | b'\'' | b'`' => QUOTED,
            _ => 0,
        };
        if let Some((_, rest)) = table.split_at_mut_checked(byte as usize)
            && let Some(place) = rest.first_mut()
        {
            *place = sign;
        }
        byte += 1;
    }
    table
}

/// The words of a text.
pub(super) fn tokens(text: &str, words: &Words) -> Tokens {
    let bytes = text.as_bytes();
    let sign = |at: usize| {
        let byte = bytes.get(at);
        byte.and_then(|byte| SIGNS.get(usize::from(*byte)).copied())
    };
    let mut out = Tokens {
        all: Vec::with_capacity(text.len() / 5),
        ascii: true,
        ..Tokens::default()
    };
    let mut word = Word {
        text: String::with_capacity(MAX_WORD + 4),
        start: 0,
        end: 0,
        chars: 0,
        digits: 0,
        latin: false,
        other: false,
        flags: 0,
    };
    // Of the next word.
    let mut next = LINE | SENTENCE;
    // Up to here a word of a script without spaces has been read.
    let mut taken = 0;
    let mut end = 0;
    while end < bytes.len() {
        let at = end;
        // Most of most texts is this: plain words, and what stands between them.
        if let Some(first) = sign(at) {
            if first & WORD != 0 {
                let (mut any, mut every) = (first, first);
                end += 1;
                while let Some(sign) = sign(end).filter(|sign| sign & WORD != 0) {
                    (any, every) = (any | sign, every & sign);
                    end += 1;
                }
                let run = text.get(at..end).unwrap_or_default();
                let after = bytes.get(end).copied().unwrap_or_default();
                let whole = word.chars == 0 && after.is_ascii() && after != b'\'';
                if whole && any & DIGIT == every & DIGIT {
                    let single = if run.len() == 1 { SINGLE } else { 0 };
                    let colon = if after == b':' { COLON } else { 0 };
                    out.push(at, end, words.find_plain(run), next | single | colon);
                    next = 0;
                    continue;
                }
                if word.chars == 0 {
                    word.start = at;
                    word.flags = next;
                    next = 0;
                }
                run.chars().for_each(|c| word.push(c.to_ascii_lowercase()));
                word.end = end;
                continue;
            }
            if word.chars == 0 {
                next |= first & !BRACKET;
                out.bracket |= first & BRACKET != 0;
                end += 1;
                continue;
            }
        }
        let Some(c) = text.get(at..).and_then(|rest| rest.chars().next()) else {
            break;
        };
        end += c.len_utf8();
        out.ascii &= c.is_ascii();
        match kind(c) {
            Kind::Letter(c) => {
                if word.chars == 0 {
                    word.start = at;
                    word.flags = next;
                    next = 0;
                }
                word.push(c);
                word.end = end;
            }
            Kind::Nothing => {}
            Kind::Alone(_) => {
                word.close(words, &mut out);
                if at < taken {
                    continue;
                }
                let rest = text.get(at..).unwrap_or_default();
                let (hits, classes, length) = words.find_at(rest);
                taken = at + length.max(c.len_utf8());
                out.push(at, taken, (hits, classes), next);
                next = 0;
            }
            Kind::Between => {
                // `don't` is one word, and `I'm` too.
                if matches!(c, '\'' | '’') && word.chars > 0 {
                    let rest = text.get(end..).unwrap_or_default();
                    if rest.starts_with(|c: char| c.is_ascii_alphabetic()) {
                        continue;
                    }
                }
                let closed = word.chars > 0;
                word.close(words, &mut out);
                match c {
                    '：' | '。' | '！' | '？' | '।' => next |= SENTENCE,
                    '“' | '‘' | '«' | '„' | '「' | '『' => next |= QUOTED,
                    _ => {
                        let sign = sign(at).unwrap_or_default();
                        out.bracket |= sign & BRACKET != 0;
                        next |= sign & !BRACKET;
                    }
                }
                if matches!(c, ':' | '：')
                    && let Some(token) = out.all.last_mut().filter(|_| closed)
                {
                    token.flags |= COLON;
                }
            }
        }
    }
    word.close(words, &mut out);
    out
}
