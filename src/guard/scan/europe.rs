//! Numbers of Spain, France, Italy, Poland, Sweden, Finland and Türkiye.

use super::{
    check::{date, luhn, nth, number, part, same, weighted},
    entity::{Entity, Taken, Verdict, named, person, plain, rule},
};

pub(super) static ENTITIES: &[Entity] = &[
    person(
        "ES_NIF",
        "Identity number: up to eight digits and the letter that they give.",
        &[
            "documento nacional de identidad",
            "dni",
            "nif",
            "identificación",
        ],
        &[rule("dddddddd?-?a", 50, |t| spanish(t.own, 0))],
    ),
    person(
        "ES_NIE",
        "Foreigner's number: X, Y or Z, seven digits and the letter that they give.",
        &[
            "número de identificación de extranjero",
            "nie",
            "extranjero",
        ],
        &[rule("[XYZ]d{7}-?a", 50, |t| match t.own.split_first() {
            Some((first, rest)) => spanish(rest, u64::from(first.saturating_sub(b'X'))),
            None => Verdict::No,
        })],
    ),
    person(
        "ES_PASSPORT",
        "Three letters and six digits, only after a word such as `pasaporte`.",
        &[
            "pasaporte",
            "passport",
            "número de pasaporte",
            "passport number",
        ],
        &[plain("aaadddddd", 5)],
    ),
    person(
        "FR_NIR",
        "Social security number: sex, year, month, place and serial with a key of two digits, modulo 97.",
        &[
            "nir",
            "sécurité sociale",
            "securite sociale",
            "numéro de sécu",
            "insee",
            "carte vitale",
        ],
        &[
            rule("[1278]dd[0-9][0-9]d[0-9AB]dddddd~?dd", 50, french),
            rule("[1278] dd dd d[0-9AB] ddd ddd dd", 50, french),
            rule("[1278] dd dd d[0-9AB] ddd ddd-dd", 50, french),
        ],
    ),
    person(
        "FR_PASSPORT",
        "Two digits, two letters, five digits; only after a word such as `passeport`.",
        &["passeport", "passport", "titre de voyage"],
        &[plain("ddaaddddd", 10)],
    ),
    person(
        "FR_ID_CARD",
        "Twelve digits, or nine letters and digits since 2021; only after words such as `carte d'identité`.",
        &[
            "carte d'identité",
            "carte d’identité",
            "carte nationale",
            "cni",
            "identité",
        ],
        &[plain("d{12}", 1), plain("[ACDFGHJKLMNPRTVWXYZ]x{7}d", 1)],
    ),
    person(
        "IT_FISCAL_CODE",
        "Sixteen places with a check letter; one whose letter does not hold is less sure.",
        &["codice fiscale", "cf", "fiscale"],
        &[rule(
            "aaaaaa[0-9LMNP-V][0-9LMNP-V][A-EHLMPR-T][0-9LMNP-V][0-9LMNP-V]a[0-9LMNP-V][0-9LMNP-V][0-9LMNP-V]a",
            30,
            fiscal,
        )],
    ),
    person(
        "IT_VAT_CODE",
        "Company number: eleven digits, Luhn. One number in ten satisfies that by chance.",
        &["piva", "p.iva", "partita iva", "pi", "iva"],
        &[rule("d{11}", 10, |t| {
            (luhn(t.own) && number(t.own) != 0).into()
        })],
    ),
    person(
        "IT_DRIVER_LICENSE",
        "Two letters, seven digits, a letter; or `U1` and eight places.",
        &["patente", "patente di guida", "licenza", "licenza di guida"],
        &[
            plain("aaddddddda", 20),
            plain("U1[B-HJ-NPR-UWXYZ0-9]{7}a", 20),
        ],
    ),
    person(
        "IT_PASSPORT",
        "Two letters and seven digits, only after a word such as `passaporto`.",
        &[
            "passaporto",
            "elettronico",
            "italiano",
            "viaggio",
            "viaggiare",
            "estero",
            "documento",
            "dogana",
        ],
        &[plain("aaddddddd", 1)],
    ),
    person(
        "IT_IDENTITY_CARD",
        "Three formats of letters and digits, only after words such as `carta d'identità`.",
        &[
            "carta",
            "identità",
            "elettronica",
            "cie",
            "documento",
            "riconoscimento",
            "espatrio",
        ],
        &[
            plain("aa_?ddddddd", 1),
            plain("dddddddaa", 1),
            plain("aadddddaa", 1),
        ],
    ),
    person(
        "PL_PESEL",
        "Eleven digits: a date that exists, a check digit.",
        &["pesel"],
        &[rule("d{11}", 40, pesel)],
    ),
    person(
        "SE_PERSONNUMMER",
        "Personal or coordination number: a date that exists, Luhn.",
        &[
            "personnummer",
            "pnr",
            "svensk id",
            "ssn",
            "personal identity number",
            "samordningsnummer",
        ],
        &[
            rule("dddddd[-+]?dddd", 50, swedish),
            rule("dddddddd[-+]?dddd", 50, swedish),
        ],
    ),
    person(
        "SE_ORGANISATIONSNUMMER",
        "Company number: Luhn, and a third digit that cannot be a month's.",
        &[
            "organisationsnummer",
            "orgnr",
            "org nr",
            "orgnummer",
            "företagsnummer",
        ],
        &[
            rule("dddddd-dddd", 60, company),
            rule("dddddddddd", 30, company),
        ],
    ),
    person(
        "FI_PERSONAL_IDENTITY_CODE",
        "A date that exists, a sign for the century, a check character modulo 31.",
        &[
            "hetu",
            "henkilötunnus",
            "personbeteckning",
            "personal identity code",
        ],
        &[rule("dddddd[-+A-FU-Y]ddd[0-9A-FHJ-NPR-Y]", 50, finnish)],
    ),
    person(
        "TR_NATIONAL_ID",
        "Eleven digits with two check digits.",
        &[
            "tc kimlik",
            "kimlik no",
            "kimlik numarası",
            "tckn",
            "tc no",
            "nüfus cüzdanı",
            "national id",
            "turkish id",
            "türk kimlik",
        ],
        &[rule("[1-9]d{10}", 50, turkish)],
    ),
    named(
        "TR_LICENSE_PLATE",
        "Number plate: a province from 01 to 81, letters, digits.",
        &[
            "plaka",
            "araç plakası",
            "plaka numarası",
            "tr plaka",
            "license plate",
            "number plate",
            "plate",
            "taşıt plakası",
            "kayıt",
        ],
        &[
            rule("dd_?[A-PR-VYZ][A-PR-VYZ]?[A-PR-VYZ]?_?ddd?d?", 50, province),
            rule("dd-[A-PR-VYZ][A-PR-VYZ]?[A-PR-VYZ]?-ddd?d?", 50, province),
        ],
    ),
    person(
        "TR_PHONE_NUMBER",
        "Turkish number: sure with +90, less with 0, and without either only after a word such as `telefon`.",
        &[
            "telefon",
            "tel",
            "cep",
            "gsm",
            "mobil",
            "phone",
            "numara",
            "numarası",
            "iletişim",
        ],
        &[
            rule("+90[ -]?(?[1-9]dd)?[ -]?ddd[ -]?dd[ -]?dd", 60, area),
            rule("0_?(?5dd)?[ .-]?ddd[ .-]?dd[ .-]?dd", 40, area),
            rule("0_?(?[234]dd)?[ .-]?ddd[ .-]?dd[ .-]?dd", 15, area),
            rule("5dd[ .-]?ddd[ .-]?dd[ .-]?dd", 15, area),
            rule("[234]dd[ .-]?ddd[ .-]?dd[ .-]?dd", 5, area),
        ],
    ),
];

/// The number modulo 23 gives the letter.
/// Source: Presidio's recognisers of NIF and NIE, read 2026-11.
fn spanish(body: &[u8], leading: u64) -> Verdict {
    const LETTERS: &[u8; 23] = b"TRWAGMYFPDXBNJZSQVHLCKE";
    let Some((letter, digits)) = body.split_last() else {
        return Verdict::No;
    };
    let scale = u32::try_from(digits.len()).map_or(0, |length| 10_u64.pow(length.min(9)));
    let whole = leading * scale + number(digits);
    let expected = usize::try_from(whole % 23)
        .ok()
        .and_then(|i| LETTERS.get(i));
    (expected == Some(letter)).into()
}

/// 97 less the number modulo 97; Corsica's 2A and 2B count as 19 and 18.
fn french(taken: &Taken<'_>) -> Verdict {
    let mut own = [b'0'; 15];
    if taken.own.len() != own.len() {
        return Verdict::No;
    }
    own.copy_from_slice(taken.own);
    let corsica = match own.get(5..7) {
        Some(b"2A") => Some(*b"19"),
        Some(b"2B") => Some(*b"18"),
        _ => None,
    };
    if let (Some(place), Some(as_digits)) = (own.get_mut(5..7), corsica) {
        place.copy_from_slice(&as_digits);
    }
    let month = part(&own, 3, 5);
    let key = 97 - part(&own, 0, 13) % 97;
    let holds = own.iter().all(u8::is_ascii_digit)
        && matches!(month, 1..=12 | 20..=42 | 50..=99)
        && key == part(&own, 13, 15);
    holds.into()
}

/// Characters in odd places have a value of their own, those in even places their number; the sum modulo 26
/// is the last letter.
/// Source: Presidio's recogniser of this code, read 2026-11.
fn fiscal(taken: &Taken<'_>) -> Verdict {
    const ODD: [u32; 26] = [
        1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24,
        23,
    ];
    let Some((last, body)) = taken.own.split_last() else {
        return Verdict::No;
    };
    let sum: u32 = body
        .iter()
        .enumerate()
        .map(|(index, byte)| {
            let value = match byte {
                b'A'..=b'Z' => u32::from(byte - b'A'),
                _ => u32::from(byte.saturating_sub(b'0')),
            };
            if index % 2 == 1 {
                value
            } else {
                usize::try_from(value)
                    .ok()
                    .and_then(|v| ODD.get(v))
                    .copied()
                    .unwrap_or(0)
            }
        })
        .sum();
    if u32::from(last.saturating_sub(b'A')) == sum % 26 {
        Verdict::Sure
    } else {
        Verdict::Maybe
    }
}

/// The month carries the century: 80 for 1800, 20 for 2000, 40 for 2100, 60 for 2200.
fn pesel(taken: &Taken<'_>) -> Verdict {
    let own = taken.own;
    let month = part(own, 2, 4);
    let year = match month / 20 {
        0 => 1900,
        4 => 1800,
        century => 1900 + 100 * century,
    } + part(own, 0, 2);
    let sum = weighted(own, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]);
    (date(year, month % 20, part(own, 4, 6)) && sum.is_multiple_of(10)).into()
}

fn swedish(taken: &Taken<'_>) -> Verdict {
    let own = taken.own;
    let Some(short) = own.get(own.len().saturating_sub(10)..) else {
        return Verdict::No;
    };
    let day = part(short, 4, 6);
    let day = if day > 60 { day - 60 } else { day };
    let year = if own.len() == 12 {
        part(own, 0, 4)
    } else {
        2000
    };
    let possible = own.len() == 10 || (1800..2100).contains(&year);
    (possible && date(year, part(short, 2, 4), day) && luhn(short)).into()
}

fn company(taken: &Taken<'_>) -> Verdict {
    (nth(taken.own, 2) >= 2 && luhn(taken.own) && !same(taken.own)).into()
}

fn finnish(taken: &Taken<'_>) -> Verdict {
    const CONTROL: &[u8; 31] = b"0123456789ABCDEFHJKLMNPRSTUVWXY";
    let raw = taken.raw;
    let century = match raw.get(6).map(u8::to_ascii_uppercase) {
        Some(b'+') => 1800,
        Some(b'-' | b'U'..=b'Y') => 1900,
        _ => 2000,
    };
    let (day, month, year) = (part(raw, 0, 2), part(raw, 2, 4), part(raw, 4, 6));
    let whole = part(raw, 0, 6) * 1000 + part(raw, 7, 10);
    let expected = usize::try_from(whole % 31)
        .ok()
        .and_then(|i| CONTROL.get(i));
    (date(century + year, month, day) && expected == taken.own.last()).into()
}

fn turkish(taken: &Taken<'_>) -> Verdict {
    let own = taken.own;
    let odd = weighted(own, &[1, 0, 1, 0, 1, 0, 1, 0, 1]);
    let even = weighted(own, &[0, 1, 0, 1, 0, 1, 0, 1]);
    let tenth = (odd * 7 + 100 - even) % 10;
    let sum = weighted(own, &[1; 10]);
    (tenth == nth(own, 9) && sum % 10 == nth(own, 10)).into()
}

fn province(taken: &Taken<'_>) -> Verdict {
    match part(taken.own, 0, 2) {
        // `15 and 16` is no plate.
        1..=81 if taken.raw.iter().any(u8::is_ascii_lowercase) => Verdict::Score(10),
        1..=81 => Verdict::Maybe,
        _ => Verdict::No,
    }
}

/// Areas of Türkiye: 2xx, 3xx and 4xx for places, 5xx for mobile networks; a mobile network's second digit
/// is 0, 3, 4 or 5.
fn area(taken: &Taken<'_>) -> Verdict {
    let own = taken.own;
    let national = own.get(own.len().saturating_sub(10)..).unwrap_or_default();
    let first = nth(national, 0);
    let second = nth(national, 1);
    let closed = taken.raw.contains(&b'(') == taken.raw.contains(&b')');
    let known = match first {
        2..=4 => second <= 8,
        5 => matches!(second, 0 | 3 | 4 | 5 | 6),
        _ => false,
    };
    if known && closed {
        Verdict::Maybe
    } else {
        Verdict::No
    }
}
