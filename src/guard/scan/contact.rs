//! How people are reached, and dates: e-mail addresses, phone numbers, URLs.

use super::{
    entity::{Entity, Group, Hit, Taken, Verdict, named, person, plain, read, rule},
    layout::ends,
    look::{LETTER, Look, is_word},
    phone,
};

/// RFC 5321 allows 64 bytes before the `@`.
const MAX_LOCAL: usize = 64;
const MAX_LABEL: usize = 63;
const MAX_LABELS: usize = 16;
/// How many underscores around an address make it stand out.
const MAX_MARKS: usize = 3;
/// How much of a URL is read; the rest of a longer one is left.
pub(super) const MAX_URL: usize = 2048;

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
        phone::phone,
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

/// The numbers that stand in what was matched, at most three.
pub(super) fn numbers(raw: &[u8]) -> [(u64, usize); 3] {
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
pub(super) fn day(taken: &Taken<'_>) -> Verdict {
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
