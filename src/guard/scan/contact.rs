//! How people are reached, and dates: e-mail addresses, phone numbers, URLs.

use super::{
    entity::{Entity, Group, Hit, Taken, Verdict, named, person, plain, read, rule},
    layout::{ends, thousands},
    look::{LETTER, Look, is_word},
};

/// RFC 5321 allows 64 bytes before the `@`.
const MAX_LOCAL: usize = 64;
const MAX_LABEL: usize = 63;
const MAX_LABELS: usize = 16;
/// How many underscores around an address make it stand out.
const MAX_MARKS: usize = 3;
/// How much of a URL is read; the rest of a longer one is left.
pub(super) const MAX_URL: usize = 2048;
/// ITU-T E.164: at most fifteen digits.
const MAX_PHONE_DIGITS: usize = 15;
const MAX_PHONE: usize = 32;
const MAX_EXTENSION: usize = 6;

const BIRTH: &[&str] = &[
    "born",
    "birth",
    "birthday",
    "birthdate",
    "dob",
    "d.o.b",
    "date of birth",
    "geboren",
    "geb",
    "geburtsdatum",
    "né le",
    "née le",
    "naissance",
    "nacimiento",
    "nacido",
    "nacida",
    "nascita",
    "nato il",
    "nata il",
    "nascimento",
    "geboortedatum",
    "urodzenia",
    "生年月日",
    "出生",
    "생년월일",
];

pub(super) static ENTITIES: &[Entity] = &[
    read(
        "EMAIL_ADDRESS",
        Group::Personal,
        "An address with a domain of at least two labels. Names of files such as `icon@2x.png` are refused.",
        &["email", "e-mail", "mail"],
        "w[A-Z0-9_\u{7f}.+'@-]",
        email,
    ),
    read(
        "PHONE_NUMBER",
        Group::Personal,
        "An international number with a country code that exists, a North American one with its separators, a national one that begins with 0 in groups; ten or eleven digits without separators only after a word such as `phone`.",
        &[
            "phone",
            "number",
            "telephone",
            "cell",
            "cellphone",
            "mobile",
            "call",
            "tel",
            "fax",
            "whatsapp",
            "telefon",
            "handy",
            "mobil",
            "téléphone",
            "teléfono",
            "telefono",
            "telefone",
            "móvil",
            "portable",
            "电话",
            "手机",
            "電話",
            "携帯",
            "전화",
        ],
        "[+(0-9][ +()./0-9-]",
        phone,
    ),
    read(
        "URL",
        Group::Named,
        "An address with a scheme, or a host under a common top-level domain; harmless by itself, so groups do not select it.",
        &["url", "website", "link"],
        "w[A-Z0-9_\u{7f}.:-]",
        url,
    ),
    person(
        "DATE_OF_BIRTH",
        "A date, only after words such as `born`.",
        BIRTH,
        &[
            rule("dd?/dd?/dddd", 15, day),
            rule("dd?/dd?/dd", 15, day),
            rule("dd?-dd?-dddd", 15, day),
            rule("dd?.dd?.dddd", 15, day),
            rule("dd?. ?dd?. ?dddd", 15, day),
            rule("dddd-dd?-dd?", 15, day),
            rule("dddd/dd?/dd?", 15, day),
            rule("dd?[ -]aaa[ -]dddd", 15, month_inside),
            rule("dd?.? w{3,10},? dddd", 15, month_inside),
            rule("dd?[SNRT][TDH] a{3,9},? dddd", 15, month_inside),
            rule("dd?[SNRT][TDH] of a{3,9},? dddd", 15, month_inside),
            rule("1er w{3,9} dddd", 15, month_inside),
            rule("dd? [D]e w{3,10} [D]e dddd", 15, month_inside),
            rule("a{3,9} dd?,? dddd", 15, month_first),
            rule("a{3,9} dd?[SNRT][TDH],? dddd", 15, month_first),
        ],
    ),
    named(
        "DATE_TIME",
        "A date in one of the usual forms; harmless by itself, so groups do not select it.",
        &["date", "birthday", "datum", "fecha"],
        &[
            rule("dddd-dd-ddTdd:dd:dd.d{1,9}Z?[+-]?d?d?:?d?d?", 80, moment),
            rule("dddd-dd-ddTdd:dd:ddZ", 80, moment),
            rule("dddd-dd-ddTdd:dd:dd[+-]dd:dd", 80, moment),
            rule("dddd-dd-ddTdd:ddZ", 80, moment),
            rule("dddd-dd-ddTdd:dd[+-]dd:dd", 80, moment),
            rule("dd?/dd?/dddd", 60, day),
            rule("dd?/dd?/dd", 60, day),
            rule("dd?-dd?-dddd", 60, day),
            rule("dd?.dd?.dddd", 60, day),
            rule("dd?.dd?.dd", 60, day),
            rule("dddd-dd?-dd?", 60, day),
            rule("dddd/dd?/dd?", 60, day),
            rule("dd?-aaa-dddd", 60, month_inside),
            rule("dd?-aaa-dd", 60, month_inside),
            rule("dd?-aaa", 60, month_inside),
            rule("aaa-dddd", 60, month_first),
            rule("aaa-dd", 60, month_first),
            rule("dd?/dddd", 20, month_of),
            rule("dd?/dd", 10, month_of),
            rule("dd? a{3,9},? dddd", 60, month_inside),
            rule("a{3,9} dd?,? dddd", 60, month_first),
        ],
    ),
    person(
        "US_STREET_ADDRESS",
        "A house number, a name of one to three words and a kind of street.",
        &[
            "address",
            "lives at",
            "live at",
            "street",
            "mailing",
            "shipping",
            "residence",
        ],
        &[
            rule("d{1,5} a{3,15} a{2,9}", 50, |t| street(t, 1)),
            rule("d{1,5} [NSEW].? a{3,15} a{2,9}", 60, |t| street(t, 2)),
            rule("d{1,5} a{3,15} a{3,15} a{2,9}", 50, |t| street(t, 2)),
            rule("d{1,5} d{1,3}a{2} a{2,9}", 50, |t| street(t, 1)),
        ],
    ),
    named(
        "UUID",
        "Five groups of hexadecimal digits; identifies things more often than people.",
        &["uuid", "guid", "unique identifier"],
        &[plain("h{8}-hhhh-[1-8]hhh-[89AB]hhh-h{12}", 50)],
    ),
];

/// What an address may hold before its `@`, besides what belongs to words.
fn is_local(code: u8) -> bool {
    is_word(code) || matches!(code, b'.' | b'+' | b'-' | b'\'')
}

/// Reads an address from the first character of its local part.
fn email(look: &mut Look<'_>) -> Option<Hit> {
    let [before, earlier] = look.before();
    if !is_word(look.get(0)) || before == b'@' || (is_local(before) && is_word(earlier)) {
        return None;
    }
    let mut at = 0;
    loop {
        let code = look.get(at);
        if code == b'@' {
            break;
        }
        let dots = code == b'.' && look.get(at + 1) == b'.';
        if at >= MAX_LOCAL || dots || !is_local(code) {
            return None;
        }
        at += 1;
    }
    let (end, good) = host(look, at + 1)?;
    let marks = emphasis(look, end);
    let around = marks < at && look.run(0, marks, |c| c == b'_') == marks;
    good.then_some(Hit {
        from: if around { marks } else { 0 },
        to: end,
        score: 100,
        weak: false,
    })
}

/// How many underscores stand here, if they are no part of a word: signs of emphasis.
fn emphasis(look: &mut Look<'_>, at: usize) -> usize {
    let marks = look.run(at, MAX_MARKS, |c| c == b'_');
    if is_word(look.get(at + marks)) {
        0
    } else {
        marks
    }
}

/// Reads a host name of at least two labels, as far as it ends in one that may be a top-level domain; whether
/// that one is used by people rather than by files.
fn host(look: &mut Look<'_>, from: usize) -> Option<(usize, bool)> {
    let (mut at, mut found) = (from, None);
    for label in 0..MAX_LABELS {
        let length = look.run(at, MAX_LABEL + 1, |c| {
            (is_word(c) && c != b'_') || c == b'-'
        });
        let mut end = at + length;
        while end > at && look.get(end - 1) == b'-' {
            end -= 1;
        }
        if length > MAX_LABEL || end == at || look.get(at) == b'-' {
            break;
        }
        let ends = |look: &mut Look<'_>| !is_word(look.get(end)) || emphasis(look, end) > 0;
        if label > 0 && is_top(look.read(at, end)) && ends(look) {
            found = Some((end, !is_file(look.read(at, end))));
        }
        if look.get(end) != b'.' || end != at + length || !is_word(look.get(end + 1)) {
            break;
        }
        at = end + 1;
    }
    found
}

/// Letters, at least two; or punycode.
fn is_top(label: &[u8]) -> bool {
    let letters = label.len() >= 2
        && label
            .iter()
            .all(|c| c.is_ascii_alphabetic() || *c == LETTER);
    letters
        || label
            .get(..4)
            .is_some_and(|head| head.eq_ignore_ascii_case(b"xn--"))
}

/// Ends of names of files, and of units of systemd, that no domain has.
fn is_file(label: &[u8]) -> bool {
    const FILES: [&[u8]; 30] = [
        b"png", b"jpg", b"jpeg", b"gif", b"svg", b"webp", b"html", b"htm", b"json", b"yaml",
        b"yml", b"toml", b"tgz", b"css", b"scss", b"js", b"jsx", b"ts", b"tsx", b"txt", b"pdf",
        b"exe", b"lock", b"conf", b"service", b"socket", b"timer", b"target", b"slice", b"scope",
    ];
    FILES.iter().any(|file| label.eq_ignore_ascii_case(file))
}

/// Reads a URL with its scheme, or a host that needs none.
fn url(look: &mut Look<'_>) -> Option<Hit> {
    let [before, earlier] = look.before();
    let scheme = [
        "https://", "http://", "ftp://", "ftps://", "wss://", "ws://",
    ]
    .into_iter()
    .find(|scheme| look.says(0, scheme));
    let (host_from, least) = match scheme {
        Some(scheme) => (scheme.len(), 60),
        None if before == b'@' || (matches!(before, b'.' | b'-' | b'/') && is_word(earlier)) => {
            return None;
        }
        None => (0, 50),
    };
    let mut from = host_from;
    if scheme.is_some() {
        // A name and a password may stand before the host.
        let user = look.run(from, 128, |c| is_local(c) || c == b':');
        if look.get(from + user) == b'@' {
            from += user + 1;
        }
    }
    let end = match (host(look, from), scheme) {
        (Some((end, good)), Some(_)) if good || least == 60 => end,
        (Some((end, true)), None) if common(look, end) => end,
        (None, Some(_)) => {
            // A host of one label, or an address.
            let length = look.run(from, 64, |c| {
                is_word(c) || matches!(c, b'.' | b'-' | b'[' | b']')
            });
            if length == 0 {
                return None;
            }
            from + length
        }
        _ => return None,
    };
    let at = port_and_path(look, end);
    if scheme.is_none() && at == end && !ends(look, at) {
        return None;
    }
    // The quotes around a URL belong to it, as Presidio counts them, only where both are there: not here.
    Hit::to(at, least)
}

/// Where a URL ends whose host ends here.
fn port_and_path(look: &mut Look<'_>, end: usize) -> usize {
    let mut at = end;
    if look.get(at) == b':' {
        let port = look.run(at + 1, 5, |c| c.is_ascii_digit());
        if port > 0 {
            at += 1 + port;
        }
    }
    if !matches!(look.get(at), b'/' | b'?' | b'#') {
        return at;
    }
    let path = |c: u8| is_word(c) || b"/?#&=%.-~+:;,@!$*'()[]|".contains(&c);
    let mut length = look.run(at, MAX_URL, path);
    // A sentence's own marks are not the address's.
    while length > 1 && b".,;:!?'\")]".contains(&look.get(at + length - 1)) {
        length -= 1;
    }
    at + length
}

/// Whether a host without a scheme ends in a top-level domain that people write so.
fn common(look: &mut Look<'_>, end: usize) -> bool {
    const COMMON: [&[u8]; 44] = [
        b"com", b"org", b"net", b"edu", b"gov", b"mil", b"int", b"info", b"biz", b"name", b"pro",
        b"app", b"dev", b"xyz", b"online", b"site", b"shop", b"store", b"tech", b"blog", b"cloud",
        b"wiki", b"news", b"live", b"club", b"world", b"email", b"agency", b"media", b"digital",
        b"network", b"academy", b"space", b"website", b"today", b"group", b"ltd", b"link", b"page",
        b"top", b"vip", b"work", b"art", b"travel",
    ];
    // Two letters are a country's, except where files end so.
    const FILES: [&[u8]; 8] = [b"py", b"rs", b"sh", b"md", b"so", b"ps", b"cc", b"pm"];
    let mut start = end;
    while start > 0 && look.get(start - 1) != b'.' {
        start -= 1;
    }
    let label = look.read(start, end);
    if label.len() == 2 {
        let countries = label.iter().all(u8::is_ascii_alphabetic);
        return countries
            && is_country(label)
            && !FILES.iter().any(|file| label.eq_ignore_ascii_case(file));
    }
    COMMON.iter().any(|top| label.eq_ignore_ascii_case(top))
        || label
            .get(..4)
            .is_some_and(|head| head.eq_ignore_ascii_case(b"xn--"))
}

/// The top-level domains of countries.
/// Source: ISO 3166-1, general knowledge, not confirmed.
fn is_country(label: &[u8]) -> bool {
    const COUNTRIES: &[u8] = b"acadaeafagaialamaoaqarasatauawaxazbabbbdbebfbgbhbibjbmbnbobrbsbtbwbybzcacccdcfcgchcickclcmcncocrcucvcwcxcyczdedjdkdmdodzeceeegereseteufifjfkfmfofrgagdgegfggghgiglgmgngpgqgrgsgtgugwgyhkhmhnhrhthuidieiliminioiqirisitjejmjojpkekgkhkikmknkpkrkwkykzlalblclilklrlsltlulvlymamcmdmemgmhmkmlmmmnmompmqmrmsmtmumvmwmxmymznancnenfngninlnonpnrnunzompapepfpgphpkplpmpnprpsptpwpyqarerorsrurwsasbscsdsesgshsiskslsmsnsosrssstsvsxsysztctdtftgthtjtktltmtntotrtttvtwtzuaugukusuyuzvavcvevgvivnvuwfwsyeytzazmzw";
    let (codes, _) = COUNTRIES.as_chunks::<2>();
    codes.iter().any(|code| label.eq_ignore_ascii_case(code))
}

/// Reads a phone number: groups of digits and what people put between them.
fn phone(look: &mut Look<'_>) -> Option<Hit> {
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
    if open
        || count < 7
        || !ends(look, end)
        || (groups == 4 && dotted == 3 && count <= 12)
        || (groups == 2 && leading == 5 && count == 9)
        // A fraction.
        || (groups == 2 && leading == 1 && dotted == 1 && !plus)
        || (points > 1 && !plus)
        || (points == 1 && leading == 1 && national.first() == Some(&b'0') && dotted + 1 < groups)
    {
        return None;
    }
    Hit::to(end, score(national, plus, groups, look.get(0) == b'(')).filter(|hit| hit.score > 0)
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

/// How sure a number of these digits is; 0 when it is none.
fn score(digits: &[u8], plus: bool, groups: usize, bracket: bool) -> u8 {
    let american = |digits: &[u8]| match digits {
        [area, _, _, exchange, ..] if digits.len() == 10 => {
            (b'2'..=b'9').contains(area)
                && (b'2'..=b'9').contains(exchange)
                && !super::check::same(digits)
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

/// The numbers that stand in what was matched, at most three.
fn numbers(raw: &[u8]) -> [(u64, usize); 3] {
    let mut found = [(0, 0); 3];
    let parts = raw
        .split(|byte| !byte.is_ascii_digit())
        .filter(|part| !part.is_empty());
    for (place, part) in found.iter_mut().zip(parts) {
        *place = (super::check::number(part), part.len());
    }
    found
}

/// A day and a month in either order, with the year at one end.
fn day(taken: &Taken<'_>) -> Verdict {
    let [first, second, third] = numbers(taken.raw);
    let (one, two) = if first.1 == 4 {
        (second.0, third.0)
    } else {
        (first.0, second.0)
    };
    let month_day = (1..=12).contains(&one) && (1..=31).contains(&two);
    let day_month = first.1 != 4 && (1..=31).contains(&one) && (1..=12).contains(&two);
    if month_day || day_month {
        Verdict::Maybe
    } else {
        Verdict::No
    }
}

fn month_of(taken: &Taken<'_>) -> Verdict {
    if (1..=12).contains(&numbers(taken.raw)[0].0) {
        Verdict::Maybe
    } else {
        Verdict::No
    }
}

/// A moment of ISO 8601, with its zone.
fn moment(taken: &Taken<'_>) -> Verdict {
    let part = |from, to| super::check::part(taken.raw, from, to);
    let zone = taken.raw.get(16..).is_some_and(|rest| {
        rest.ends_with(b"Z")
            || rest.ends_with(b"z")
            || rest.len() >= 6
                && rest.get(rest.len() - 3) == Some(&b':')
                && matches!(rest.get(rest.len() - 6), Some(b'+' | b'-'))
    });
    let good = zone
        && (1..=12).contains(&part(5, 7))
        && (1..=31).contains(&part(8, 10))
        && part(11, 13) < 30
        && part(14, 16) < 60;
    if good { Verdict::Maybe } else { Verdict::No }
}

/// Whether a name of a month stands among the letters.
fn has_month(raw: &[u8]) -> bool {
    // In German, French, Spanish, Italian, Portuguese and Dutch; what is not ASCII is read as one code.
    const OTHERS: [&[u8]; 53] = [
        b"JANUAR",
        b"FEBRUAR",
        b"M\x7fRZ",
        b"MAI",
        b"JUNI",
        b"JULI",
        b"OKTOBER",
        b"DEZEMBER",
        b"JANVIER",
        b"F\x7fVRIER",
        b"MARS",
        b"AVRIL",
        b"JUIN",
        b"JUILLET",
        b"AO\x7fT",
        b"SEPTEMBRE",
        b"OCTOBRE",
        b"NOVEMBRE",
        b"D\x7fCEMBRE",
        b"ENERO",
        b"FEBRERO",
        b"MARZO",
        b"ABRIL",
        b"MAYO",
        b"JUNIO",
        b"JULIO",
        b"AGOSTO",
        b"SEPTIEMBRE",
        b"OCTUBRE",
        b"NOVIEMBRE",
        b"DICIEMBRE",
        b"GENNAIO",
        b"FEBBRAIO",
        b"APRILE",
        b"MAGGIO",
        b"GIUGNO",
        b"LUGLIO",
        b"SETTEMBRE",
        b"OTTOBRE",
        b"DICEMBRE",
        b"JANEIRO",
        b"FEVEREIRO",
        b"MAR\x7fO",
        b"MAIO",
        b"JUNHO",
        b"JULHO",
        b"SETEMBRO",
        b"OUTUBRO",
        b"NOVEMBRO",
        b"DEZEMBRO",
        b"JANUARI",
        b"FEBRUARI",
        b"MAART",
    ];
    const LONG: [&[u8]; 12] = [
        b"JANUARY",
        b"FEBRUARY",
        b"MARCH",
        b"APRIL",
        b"MAY",
        b"JUNE",
        b"JULY",
        b"AUGUST",
        b"SEPTEMBER",
        b"OCTOBER",
        b"NOVEMBER",
        b"DECEMBER",
    ];
    let mut words = raw
        .split(|byte| !byte.is_ascii_alphabetic() && *byte != LETTER)
        .filter(|word| !word.is_empty());
    words.any(|word| {
        let other = OTHERS.iter().any(|name| word.eq_ignore_ascii_case(name));
        other
            || LONG.iter().any(|name| {
                word.eq_ignore_ascii_case(name)
                    || name
                        .get(..3)
                        .is_some_and(|short| word.eq_ignore_ascii_case(short))
            })
    })
}

fn month_inside(taken: &Taken<'_>) -> Verdict {
    let day = numbers(taken.raw)[0].0;
    if has_month(taken.raw) && (1..=31).contains(&day) {
        Verdict::Maybe
    } else {
        Verdict::No
    }
}

fn month_first(taken: &Taken<'_>) -> Verdict {
    let [day, year, _] = numbers(taken.raw);
    let possible = year.1 == 0 || (1..=31).contains(&day.0);
    if has_month(taken.raw) && possible {
        Verdict::Maybe
    } else {
        Verdict::No
    }
}

/// Names that begin with a capital, so many of them, and then a kind of street.
fn street(taken: &Taken<'_>, names: usize) -> Verdict {
    const KINDS: [&[u8]; 26] = [
        b"STREET",
        b"ST",
        b"AVENUE",
        b"AVE",
        b"ROAD",
        b"RD",
        b"BOULEVARD",
        b"BLVD",
        b"LANE",
        b"LN",
        b"DRIVE",
        b"DR",
        b"COURT",
        b"CT",
        b"PLACE",
        b"PL",
        b"TERRACE",
        b"WAY",
        b"PARKWAY",
        b"PKWY",
        b"CIRCLE",
        b"CIR",
        b"HIGHWAY",
        b"HWY",
        b"SQUARE",
        b"TRAIL",
    ];
    let mut words = taken.raw.split(|byte| *byte == b' ').skip(1);
    let capital = |word: &[u8]| {
        word.first()
            .is_some_and(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
    };
    let named = words.by_ref().take(names).all(capital);
    let street = words.next().is_some_and(|word| {
        capital(word) && KINDS.iter().any(|kind| word.eq_ignore_ascii_case(kind))
    });
    if named && street {
        Verdict::Maybe
    } else {
        Verdict::No
    }
}
