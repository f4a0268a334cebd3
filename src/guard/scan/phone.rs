//! Phone numbers.

use super::{
    check,
    contact::{day, numbers},
    entity::{Hit, Taken, Verdict},
    layout::{ends, thousands},
    look::Look,
};

/// ITU-T E.164: at most fifteen digits.
const MAX_PHONE_DIGITS: usize = 15;
const MAX_PHONE: usize = 32;
const MAX_EXTENSION: usize = 6;

/// Reads a phone number: groups of digits and what people put between them.
pub(super) fn phone(look: &mut Look<'_>) -> Option<Hit> {
    let [before, earlier] = look.before();
    let plus = look.get(0) == b'+';
    let joined = match before {
        b'+' | b'(' => true,
        b'.' | b'-' | b'/' | b':' => earlier.is_ascii_digit(),
        b',' => earlier.is_ascii_digit() && thousands(look),
        _ => false,
    };
    if !plus && (joined || is_date(look)) {
        return None;
    }
    let mut digits = [b'0'; MAX_PHONE_DIGITS];
    let (mut count, mut at, mut end) = (0, usize::from(plus), 0);
    let (mut groups, mut group, mut open, mut dotted, mut leading) = (0, 0, false, 0, 0);
    // How long the last group is, where the one before it ends, and how many points stand behind one digit.
    let (mut tail, mut shorter, mut points) = (0, 0, 0);
    let mut single = false;
    while at < MAX_PHONE {
        let code = look.get(at);
        if code.is_ascii_digit() {
            *digits.get_mut(count)? = code;
            count += 1;
            if group == 0 {
                (groups, shorter) = (groups + 1, end);
            }
            group += 1;
            tail = group;
            leading += usize::from(groups == 1);
            at += 1;
            end = at;
            continue;
        }
        // `1 2 3 4` counts something.
        if group == 1 && single && count > 1 {
            return None;
        }
        // In brackets it is what one leaves out.
        single = group == 1 && code != b')';
        group = 0;
        let next = look.get(at + 1);
        let step = match code {
            // Only the code of a country stands before a bracket: `0.12.0 (2026/05/12)` is a version.
            b'(' if !open && groups < 2 && (next.is_ascii_digit() || (next == b'+' && at == 0)) => {
                open = true;
                1
            }
            b')' if open && count > 0 => {
                open = false;
                end = at + 1;
                if matches!(next, b' ' | b'-') { 2 } else { 1 }
            }
            b' ' if next.is_ascii_digit() || next == b'(' => 1,
            // `030 / 1234567`.
            b' ' if matches!(next, b'/' | b'-')
                && look.get(at + 2) == b' '
                && (digits.first() == Some(&b'0') && groups == 1 && (3..=5).contains(&leading)
                    || plus && groups == 2) =>
            {
                3
            }
            b'-' | b'.' | b'/' if next.is_ascii_digit() => {
                dotted += usize::from(code == b'.');
                points += usize::from(code == b'.' && single);
                1
            }
            _ => break,
        };
        // What follows must be digits, or the number ended before.
        let goes_on = look.get(at + step);
        if code == b')' && !goes_on.is_ascii_digit() && goes_on != b'(' {
            break;
        }
        at += step;
    }
    // No number ends in a group of one digit, nor in the hours of a time.
    let hours = tail <= 2 && look.get(end) == b':' && look.get(end + 1).is_ascii_digit();
    if groups > 1 && (tail == 1 || hours) {
        (count, groups, end) = (count - tail, groups - 1, shorter);
    }
    if count >= 10 && matches!(look.get(end), b'x' | b'X') {
        let extension = look.run(end + 1, MAX_EXTENSION, |c| c.is_ascii_digit());
        end += if extension > 0 { 1 + extension } else { 0 };
    }
    let national = digits.get(..count)?;
    // Brackets around all of it are no area code's.
    let bracket = look.get(0) == b'(' && groups > 1;
    if open
        || count < 7
        || !ends(look, end)
        || (groups == 4 && dotted == 3 && count <= 12)
        || (groups == 2 && leading == 5 && count == 9)
        // A fraction.
        || (groups == 2 && leading == 1 && dotted == 1 && !plus)
        || (points > 1 && !plus)
        || (points == 1 && leading == 1 && national.first() == Some(&b'0') && dotted + 1 < groups)
        || is_dumped(look, end)
    {
        return None;
    }
    Hit::to(end, score(national, plus, groups, bracket)).filter(|hit| hit.score > 0)
}

/// Whether a date begins here, of this century or the last.
fn is_date(look: &mut Look<'_>) -> bool {
    let (mut sizes, mut at) = ([0; 3], 0);
    let sign = look.run(0, 5, |c| c.is_ascii_digit());
    let sign = look.get(sign);
    for size in &mut sizes {
        *size = look.run(at, 5, |c| c.is_ascii_digit());
        at += *size + 1;
        if look.get(at - 1) != sign {
            break;
        }
    }
    if !matches!(sign, b'/' | b'.' | b'-')
        || !matches!(sizes, [4, 1..=2, 1..=2] | [1..=2, 1..=2, 4])
    {
        return false;
    }
    let raw = look.read(0, at - 1);
    let years = numbers(raw).into_iter().filter(|(_, length)| *length == 4);
    let mut recent = years.map(|(year, _)| (1900..2100).contains(&year));
    recent.any(|recent| recent) && day(&Taken { raw, own: &[] }) == Verdict::Maybe
}

/// Whether the groups up to `end` are bytes of a dump: as long as each other, beside one with letters in it, or behind
/// others of four digits.
fn is_dumped(look: &mut Look<'_>, end: usize) -> bool {
    let mut groups = look.read(0, end).split(|code| *code == b' ');
    let size = groups.next().map_or(0, <[u8]>::len);
    let even = |group: &[u8]| group.len() == size && group.iter().all(u8::is_ascii_digit);
    if !matches!(size, 2 | 4) || !groups.all(even) {
        return false;
    }
    let is_byte = |group: &[u8]| {
        group.iter().all(u8::is_ascii_hexdigit)
            && group.iter().any(u8::is_ascii_digit)
            && !group.iter().all(u8::is_ascii_digit)
    };
    let hex = |code: u8| code.is_ascii_hexdigit();
    if look.get(end) == b' ' && look.run(end + 1, size + 1, hex) == size {
        // `06 12 34 56 78 2b rue` is no dump.
        let next = end + size + 2;
        let word = look.get(next - 1) == b' ' && look.get(next).is_ascii_alphabetic();
        let goes_on = !word || look.run(next, size + 1, hex) == size;
        if goes_on && is_byte(look.read(end + 1, end + 1 + size)) {
            return true;
        }
    }
    let mut behind = [0; 10];
    look.behind(&mut behind);
    let mut behind = behind.chunks_exact(size + 1);
    let mut next = || match behind.next() {
        Some([b' ', group @ ..]) => Some(group),
        _ => None,
    };
    let near = next();
    let digits = |group: Option<&[u8]>| group.is_some_and(even);
    near.is_some_and(is_byte) || (size == 4 && digits(near) && digits(next()))
}

/// How sure a number of these digits is; 0 when it is none.
fn score(digits: &[u8], plus: bool, groups: usize, bracket: bool) -> u8 {
    let american = |digits: &[u8]| match digits {
        [area, _, _, exchange, ..] if digits.len() == 10 => {
            (b'2'..=b'9').contains(area) && (b'2'..=b'9').contains(exchange) && !check::same(digits)
        }
        _ => false,
    };
    let country = digits.split_first().filter(|(first, _)| **first == b'1');
    match (digits, digits.len()) {
        (_, 8..) if plus => {
            if country.is_some_and(|(_, rest)| !american(rest)) || !has_country(digits) {
                0
            } else {
                75
            }
        }
        _ if plus => 0,
        (_, 10) if american(digits) && (groups == 3 || bracket) => 60,
        (_, 11) if country.is_some_and(|(_, rest)| american(rest)) && groups >= 3 => 60,
        ([b'0', b'1'..=b'9', ..], 9..=12) if groups >= 2 => 40,
        ([b'0', b'0', rest @ ..], 10..=15) if has_country(rest) => {
            // Other numbers are filled up with zeros.
            if groups >= 2 || digits.len() >= 12 {
                45
            } else {
                20
            }
        }
        ([b'0', b'1'..=b'9', ..], 9..=12) => 20,
        (_, 10) if american(digits) => 20,
        ([b'1', b'3'..=b'9', ..], 11) => 20,
        ([b'6'..=b'9', ..], 10) => 20,
        (_, 10..=13) if groups >= 3 && has_country(digits) => 30,
        (_, 11..=13) if has_country(digits) => 10,
        _ => 0,
    }
}

/// Whether these digits begin with a country code.
/// Source: ITU-T E.164 assigned country codes, general knowledge, not confirmed.
fn has_country(digits: &[u8]) -> bool {
    matches!(
        digits,
        [b'1' | b'7', ..]
            | [b'2', b'0' | b'7', ..]
            | [b'2', b'1', b'0'..=b'3' | b'6' | b'8', ..]
            | [b'2', b'2'..=b'6' | b'9', ..]
            | [b'3', b'0'..=b'9', ..]
            | [b'4', b'0' | b'1' | b'3'..=b'9', ..]
            | [b'4', b'2', b'0' | b'1' | b'3', ..]
            | [b'5', _, ..]
            | [b'6', _, ..]
            | [b'8', b'0'..=b'2' | b'4'..=b'8', ..]
            | [b'9', _, ..]
    )
}
