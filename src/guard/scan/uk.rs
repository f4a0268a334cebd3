//! Numbers of the United Kingdom.

use super::{
    check::{part, same, weighted},
    entity::{Entity, Taken, Verdict, named, person, plain, rule},
};

pub(super) static ENTITIES: &[Entity] = &[
    person(
        "UK_NHS",
        "National health service number: ten digits, modulo 11. Without a word such as `nhs` one number in eleven would do, hence the separators or the word.",
        &[
            "national health service",
            "nhs",
            "health services authority",
            "health authority",
        ],
        &[
            rule("ddd[ -]ddd[ -]dddd", 50, nhs),
            rule("dddddddddd", 30, nhs),
        ],
    ),
    person(
        "UK_NINO",
        "National insurance number: prefixes never issued are refused.",
        &[
            "national insurance",
            "ni number",
            "nino",
            "insurance number",
        ],
        &[rule(
            "[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]_?dd_?dd_?dd_?[A-D]",
            50,
            nino,
        )],
    ),
    person(
        "UK_DRIVING_LICENCE",
        "Sixteen places: surname, date of birth, initials; the date must be possible.",
        &[
            "driving licence",
            "driving license",
            "driver's licence",
            "driver's license",
            "dvla",
            "dl number",
            "licence number",
            "license number",
        ],
        &[rule("[A-Z9]{5}d[0156]dddd[A-Z9][A-Z9]xaa", 50, licence)],
    ),
    person(
        "UK_PASSPORT",
        "Two letters and seven digits, only after a word such as `passport`; nine digits likewise.",
        &[
            "passport",
            "passport number",
            "travel document",
            "uk passport",
            "british passport",
            "his majesty",
            "her majesty",
            "hm passport",
            "hmpo",
        ],
        &[plain("aaddddddd", 10)],
    ),
    named(
        "UK_POSTCODE",
        "A postcode in one of its six forms; it fits other codes, so groups do not select it.",
        &[
            "postcode",
            "post code",
            "postal code",
            "zip",
            "address",
            "delivery",
            "mailing",
            "shipping",
            "correspondence",
        ],
        &[
            plain("GIR_?0AA", 10),
            plain(
                "[A-PR-UWYZ]d[ABCDEFGHJKPSTUW]?_?d[ABD-HJLNP-UW-Z][ABD-HJLNP-UW-Z]",
                10,
            ),
            plain("[A-PR-UWYZ]d_?d[ABD-HJLNP-UW-Z][ABD-HJLNP-UW-Z]", 10),
            plain("[A-PR-UWYZ]dd_?d[ABD-HJLNP-UW-Z][ABD-HJLNP-UW-Z]", 10),
            plain(
                "[A-PR-UWYZ][A-HK-Y]d[ABEHMNPRVWXY]?_?d[ABD-HJLNP-UW-Z][ABD-HJLNP-UW-Z]",
                10,
            ),
            plain(
                "[A-PR-UWYZ][A-HK-Y]dd_?d[ABD-HJLNP-UW-Z][ABD-HJLNP-UW-Z]",
                10,
            ),
        ],
    ),
    named(
        "UK_VEHICLE_REGISTRATION",
        "Number plates since 1963; those since 2001 have a period that must exist.",
        &[
            "vehicle",
            "registration",
            "number plate",
            "licence plate",
            "license plate",
            "reg",
            "vrn",
            "dvla",
            "v5c",
            "logbook",
            "mot",
            "car",
            "insured vehicle",
        ],
        &[
            rule(
                "[A-HJ-PR-Y][A-HJ-PR-Y]dd~[A-HJ-PR-Z][A-HJ-PR-Z][A-HJ-PR-Z]",
                30,
                plate,
            ),
            plain(
                "[A-HJ-NPR-TV-Y][1-9]dd?~[A-HJ-PR-Y][A-HJ-PR-Z][A-HJ-PR-Z]",
                20,
            ),
            plain("[A-HJ-NPR-TV-Y][1-9]~[A-HJ-PR-Y][A-HJ-PR-Z][A-HJ-PR-Z]", 20),
            plain(
                "[A-HJ-PR-Z][A-HJ-PR-Z][A-HJ-PR-Z]~[1-9]d?d?~[A-HJ-NPR-TV-Y]",
                15,
            ),
        ],
    ),
];

/// Weights 10 to 1, modulo 11.
/// Source: datadictionary.nhs.uk, general knowledge, not confirmed.
fn nhs(taken: &Taken<'_>) -> Verdict {
    let sum = weighted(taken.own, &[10, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
    if !sum.is_multiple_of(11) || same(taken.own) {
        Verdict::No
    } else {
        Verdict::Sure
    }
}

fn nino(taken: &Taken<'_>) -> Verdict {
    match taken.own.get(..2) {
        Some(b"BG" | b"GB" | b"NK" | b"KN" | b"NT" | b"TN" | b"ZZ") => Verdict::No,
        _ => Verdict::Maybe,
    }
}

/// The surname's five places are letters, then nines; women's months are raised by 50.
fn licence(taken: &Taken<'_>) -> Verdict {
    let own = taken.own;
    let surname = own.get(..5).unwrap_or_default();
    let nines = surname.iter().rev().take_while(|b| **b == b'9').count();
    let letters = surname
        .iter()
        .take_while(|b| b.is_ascii_uppercase())
        .count();
    let month = part(own, 6, 8);
    let day = part(own, 8, 10);
    let possible = own.len() == 16
        && letters > 0
        && letters + nines == 5
        && matches!(month, 1..=12 | 51..=62)
        && (1..=31).contains(&day);
    if possible {
        Verdict::Maybe
    } else {
        Verdict::No
    }
}

/// The period of a plate: 02 to 29 from March, 51 to 79 from September.
fn plate(taken: &Taken<'_>) -> Verdict {
    match part(taken.own, 2, 4) {
        2..=29 | 51..=79 => Verdict::Sure,
        _ => Verdict::No,
    }
}
