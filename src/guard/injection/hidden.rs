//! What is hidden in a text: encoded, spelled, or written in characters that nobody sees; and signs of other templates.

use super::{
    Verdict,
    fold::{SINGLE, Token, Tokens},
    weigh::{self, Oddity},
    words::{WORDS, class},
};
use base64::{
    Engine,
    alphabet::{STANDARD, URL_SAFE},
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use std::sync::LazyLock;

/// How often something is decoded that was decoded itself.
const MAX_DEPTH: u8 = 2;
/// How much is read of one encoded run. Units: bytes.
const MAX_RUN: usize = 4 << 10;
/// How much is decoded of one window. Units: bytes.
const MAX_DECODED: usize = 16 << 10;
/// Shortest run that is tried. Units: bytes.
const LEAST_BASE64: usize = 20;
const LEAST_HEX: usize = 24;
/// Shortest spelled run. Units: letters.
const LEAST_SPELLED: usize = 8;
/// Marks of chat templates. Source: general knowledge of the templates of open models.
const MARKS: &[&str] = &[
    "<|im_start|>",
    "<|im_end|>",
    "<|system|>",
    "<|user|>",
    "<|assistant|>",
    "<|eot_id|>",
    "<|start_header_id|>",
    "<|endoftext|>",
    "<|begin_of_text|>",
    "<|end|>",
    "<start_of_turn>",
    "<end_of_turn>",
    "<<sys>>",
    "[inst]",
    "[/inst]",
    "<|channel|>",
    "<|message|>",
    "[system_prompt]",
    "<|begin▁of▁sentence|>",
];

const fn engine(alphabet: &base64::alphabet::Alphabet) -> GeneralPurpose {
    let config = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    GeneralPurpose::new(alphabet, config)
}

/// Words that only occur in such texts.
static ROTATED: LazyLock<u64> = LazyLock::new(|| class("rotated"));
static REVERSED: LazyLock<u64> = LazyLock::new(|| class("reversed"));

static PLAIN: GeneralPurpose = engine(&STANDARD);
static URL: GeneralPurpose = engine(&URL_SAFE);

/// Shows what is hidden in a text. `decode`: the text asks to decode something and to do it.
pub(super) fn find(
    text: &str,
    tokens: &Tokens,
    depth: u8,
    decode: bool,
    show: &mut dyn FnMut(Oddity),
) {
    if !tokens.ascii && may_hide(text.as_bytes()) {
        invisible(text, depth, show);
    }
    if tokens.bracket {
        marks(text, show);
    }
    if depth >= MAX_DEPTH {
        return;
    }
    let mut left = MAX_DECODED;
    runs(text, &mut |start, end| {
        let run = text.get(start..end).unwrap_or_default();
        let Some(plain) = decoded(run).filter(|_| left > 0) else {
            return;
        };
        left = left.saturating_sub(plain.len());
        inner(&plain, depth, decode, start, end, show);
    });
    if tokens.singles >= LEAST_SPELLED {
        spelled(text, &tokens.all, depth, show);
    }
    if tokens.classes & (*ROTATED | *REVERSED) != 0 {
        turned(text, &tokens.all, depth, show);
    }
}

/// Judges what was hidden.
fn inner(
    plain: &str,
    depth: u8,
    decode: bool,
    start: usize,
    end: usize,
    show: &mut dyn FnMut(Oddity),
) {
    let verdict: Verdict = weigh::window(plain, depth + 1);
    let mut score = f32::from(verdict.score);
    if score >= 25.0 {
        score += 20.0;
    }
    if decode {
        score += 40.0;
    }
    if score >= 20.0 {
        show(Oddity {
            score,
            start,
            end,
            reason: "hides a payload",
        });
    }
}

/// What a byte may belong to: [`ENCODED`], [`MARK`] or neither.
static BYTES: [u8; 256] = bytes();
const ENCODED: u8 = 1;
const MARK: u8 = 2;

const fn bytes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0_u8;
    while byte < 0x80 {
        let kind = match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' | b'=' | b'_' | b'-' | b'%' => {
                ENCODED
            }
            b'<' | b'[' => MARK,
            _ => 0,
        };
        if let Some((_, rest)) = table.split_at_mut_checked(byte as usize)
            && let Some(place) = rest.first_mut()
        {
            *place = kind;
        }
        byte += 1;
    }
    table
}

/// Runs of characters that encodings use.
fn runs(text: &str, show: &mut dyn FnMut(usize, usize)) {
    let bytes = text.as_bytes();
    let encoded = |byte: &u8| {
        BYTES
            .get(usize::from(*byte))
            .is_some_and(|kind| *kind == ENCODED)
    };
    let mut at = 0;
    // From behind: most stretches of a text are left at their last bytes.
    while let Some(least) = bytes.get(at..at + LEAST_BASE64) {
        if let Some(other) = least.iter().rposition(|byte| !encoded(byte)) {
            at += other + 1;
            continue;
        }
        let rest = bytes.get(at..).unwrap_or_default();
        let length = rest.iter().position(|byte| !encoded(byte));
        let end = at + length.unwrap_or(rest.len());
        show(at, end);
        at = end + 1;
    }
}

/// What a run says in base64, hex or percent signs.
fn decoded(run: &str) -> Option<String> {
    let run = run.get(..run.floor_char_boundary(MAX_RUN))?;
    if run.bytes().filter(|byte| *byte == b'%').count() >= 4 {
        return readable(percent(run));
    }
    let digits = run.strip_prefix("0x").unwrap_or(run).as_bytes();
    if digits.len() >= LEAST_HEX && digits.iter().all(u8::is_ascii_hexdigit) {
        return readable(hex(digits));
    }
    let odd = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
    if !run.bytes().any(odd) || !run.bytes().any(|byte| byte.is_ascii_lowercase()) {
        return None;
    }
    let run = run.trim_end_matches('=');
    // Each four letters stand for themselves: what is cut off is a few letters.
    let run = run.get(..run.len() - usize::from(run.len() % 4 == 1))?;
    readable(PLAIN.decode(run).or_else(|_| URL.decode(run)).ok()?)
}

fn hex(digits: &[u8]) -> Vec<u8> {
    let value = |digit: &u8| {
        char::from(*digit)
            .to_digit(16)
            .and_then(|value| u8::try_from(value).ok())
    };
    let byte = |pair: &[u8]| {
        let [high, low] = pair else { return None };
        Some(value(high)? << 4 | value(low)?)
    };
    digits.chunks_exact(2).filter_map(byte).collect()
}

fn percent(run: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(run.len());
    let mut rest = run.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let pair = after
            .get(..2)
            .filter(|pair| *first == b'%' && pair.iter().all(u8::is_ascii_hexdigit));
        match pair {
            Some(pair) => {
                out.extend(hex(pair));
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                out.push(if *first == b'+' { b' ' } else { *first });
                rest = after;
            }
        }
    }
    out
}

/// Text that somebody may have written.
fn readable(bytes: Vec<u8>) -> Option<String> {
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        // A run that was cut may end within a character.
        Err(error) if error.utf8_error().error_len().is_none() => {
            let valid = error.utf8_error().valid_up_to();
            let mut bytes = error.into_bytes();
            bytes.truncate(valid);
            String::from_utf8(bytes).ok()?
        }
        Err(_) => return None,
    };
    let odd = text
        .chars()
        .filter(|c| c.is_control() && !c.is_whitespace())
        .count();
    (text.len() >= 8 && odd == 0).then_some(text)
}

/// Whether there may be characters in a text that nobody sees: their first bytes.
fn may_hide(bytes: &[u8]) -> bool {
    bytes.windows(3).any(|three| {
        matches!(
            three,
            [0xf3, ..]
                | [0xe2, 0x80, 0x8b..=0x8f | 0xaa..=0xae]
                | [0xe2, 0x81, 0xa0..=0xaf]
                | [0xef, 0xbb, 0xbf]
                | [0xe1, 0xa0, 0x8e]
        )
    })
}

/// Characters that nobody sees.
fn invisible(text: &str, depth: u8, show: &mut dyn FnMut(Oddity)) {
    let mut said = String::new();
    let mut bytes = Vec::new();
    let (mut joiners, mut letters, mut longest, mut run, mut turns) =
        (0_usize, 0_usize, 0_usize, 0_usize, 0_usize);
    let (mut start, mut end) = (0, 0);
    let mut flag = false;
    for (at, c) in text.char_indices() {
        match c {
            '\u{1f3f4}' => {
                flag = true;
                continue;
            }
            // A flag of a region is spelled in tags.
            '\u{e0020}'..='\u{e007f}' if flag => continue,
            '\u{e0000}'..='\u{e007f}' => {
                if said.is_empty() && bytes.is_empty() {
                    start = at;
                }
                end = at + c.len_utf8();
                said.extend(char::from_u32(u32::from(c) - 0xe0000).filter(|c| !c.is_control()));
                continue;
            }
            '\u{e0100}'..='\u{e01ef}' => {
                if said.is_empty() && bytes.is_empty() {
                    start = at;
                }
                end = at + c.len_utf8();
                bytes.extend(u8::try_from(u32::from(c) - 0xe0100 + 16));
            }
            '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2064}' | '\u{feff}' | '\u{180e}' => {
                joiners += 1;
                run += 1;
                longest = longest.max(run);
                continue;
            }
            '\u{202d}' | '\u{202e}' | '\u{2066}'..='\u{2068}' => turns += 1,
            // Scripts that need joiners.
            '\u{600}'..='\u{dff}' => joiners = joiners.saturating_sub(1),
            c if c.is_alphanumeric() => letters += 1,
            _ => {}
        }
        flag = false;
        run = 0;
    }
    const LEAST: usize = 6;
    for hidden in [said, String::from_utf8(bytes).unwrap_or_default()] {
        if hidden.chars().count() >= LEAST {
            let inner = if depth < MAX_DEPTH {
                weigh::window(&hidden, depth + 1).score
            } else {
                0
            };
            let score = 60.0 + f32::from(inner) / 2.0;
            show(Oddity {
                score,
                start,
                end,
                reason: "holds invisible text",
            });
        }
    }
    let place = |score: f32| Oddity {
        score,
        start: 0,
        end: text.len(),
        reason: "holds invisible characters",
    };
    if longest >= 8 {
        show(place(55.0));
    } else if joiners >= 8 && joiners * 4 >= letters {
        show(place(50.0));
    }
    if turns >= 2 {
        show(place(20.0));
    }
}

/// Marks of chat templates.
fn marks(text: &str, show: &mut dyn FnMut(Oddity)) {
    let mut found = 0;
    let bytes = text.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        if BYTES
            .get(usize::from(*byte))
            .is_none_or(|kind| *kind != MARK)
        {
            continue;
        }
        let rest = bytes.get(at..).unwrap_or_default();
        // Most brackets are none of these.
        if !matches!(
            rest.get(1),
            Some(b'|' | b'<' | b's' | b'S' | b'e' | b'E' | b'i' | b'I' | b'/')
        ) {
            continue;
        }
        let is = |mark: &&&str| {
            let head = rest.get(..mark.len());
            head.is_some_and(|head| head.eq_ignore_ascii_case(mark.as_bytes()))
        };
        let Some(mark) = MARKS.iter().find(is) else {
            continue;
        };
        found += 1;
        let after = rest.get(mark.len()..).unwrap_or_default();
        let system = mark.contains("sys")
            || after
                .get(..6)
                .is_some_and(|word| word.eq_ignore_ascii_case(b"system"));
        show(Oddity {
            score: if system { 52.0 } else { 30.0 },
            start: at,
            end: at + mark.len(),
            reason: "imitates a chat template",
        });
        if found >= 3 {
            return;
        }
    }
}

/// Letters that stand apart: `i g n o r e`.
fn spelled(text: &str, tokens: &[Token], depth: u8, show: &mut dyn FnMut(Oddity)) {
    let mut at = 0;
    let mut left = MAX_DECODED;
    while let Some(first) = tokens.get(at) {
        let rest = tokens.get(at..).unwrap_or_default();
        let length = rest.iter().take_while(|token| token.has(SINGLE)).count();
        if length < LEAST_SPELLED || left == 0 {
            at += length.max(1);
            continue;
        }
        let mut word = String::new();
        let mut before = first.start;
        for token in rest.iter().take(length) {
            // Wider than between the letters.
            if token.start > before + 1 && !word.is_empty() {
                word.push(' ');
            }
            word.push_str(
                text.get(token.start as usize..token.end as usize)
                    .unwrap_or_default(),
            );
            before = token.end;
        }
        left = left.saturating_sub(word.len());
        let end = rest.get(length - 1).map_or(first.end, |last| last.end);
        let spaced = words_in(&word);
        let (one, other) = (
            weigh::window(&word, depth + 1).score,
            weigh::window(&spaced, depth + 1).score,
        );
        let score = one.max(other);
        if score >= 20 {
            let score = f32::from(score) + 20.0;
            show(Oddity {
                score,
                start: first.start as usize,
                end: end as usize,
                reason: "spells words letter by letter",
            });
        }
        at += length;
    }
}

/// Words that are joined, taken apart where the vocabulary knows them.
fn words_in(joined: &str) -> String {
    let mut out = String::with_capacity(joined.len() * 2);
    let letters: String = joined
        .chars()
        .filter(|c| *c != ' ')
        .map(|c| c.to_ascii_lowercase())
        .collect();
    let mut rest = letters.as_str();
    let words = &*WORDS;
    while let Some(first) = rest.chars().next() {
        let mut lengths = words.lengths(rest).filter(|length| *length <= 16);
        let longest = lengths.find_map(|length| {
            let word = rest.get(..length)?;
            let known = !words.find(word).0.is_empty();
            (known
                && (length > 2 || matches!(word, "me" | "us" | "my" | "to" | "is" | "of" | "as")))
            .then_some(word)
        });
        match longest {
            Some(word) => {
                out.push(' ');
                out.push_str(word);
                out.push(' ');
                rest = rest.get(word.len()..).unwrap_or_default();
            }
            None => {
                out.push(first);
                rest = rest.get(first.len_utf8()..).unwrap_or_default();
            }
        }
    }
    out
}

/// A text that is turned by thirteen letters, or from behind.
fn turned(text: &str, tokens: &[Token], depth: u8, show: &mut dyn FnMut(Oddity)) {
    let holds = |class: u64| {
        tokens
            .iter()
            .filter(|token| token.classes & class != 0)
            .nth(1)
            .is_some()
    };
    let mut judge = |plain: &str| {
        let score = weigh::window(plain, depth + 1).score;
        if score >= 20 {
            let score = f32::from(score) + 20.0;
            show(Oddity {
                score,
                start: 0,
                end: text.len(),
                reason: "hides a payload",
            });
        }
    };
    let text = text
        .get(..text.floor_char_boundary(MAX_DECODED))
        .unwrap_or_default();
    if holds(*ROTATED) {
        let turn = |c: char| match c {
            'a'..='m' | 'A'..='M' => char::from_u32(u32::from(c) + 13).unwrap_or(c),
            'n'..='z' | 'N'..='Z' => char::from_u32(u32::from(c) - 13).unwrap_or(c),
            c => c,
        };
        judge(&text.chars().map(turn).collect::<String>());
    }
    if holds(*REVERSED) {
        judge(&text.chars().rev().collect::<String>());
    }
}
