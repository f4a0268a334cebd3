//! Numbers of Germany.

use super::{
    check::{cross_sum, icao, mod_11_10, nth, part, weighted},
    entity::{Entity, Taken, Verdict, named, person, plain, rule},
};

const PLACES: &str = "[CFGHJ-NPRTV-Z][CFGHJ-NPRTV-Z0-9]{7}d";
/// The same without a second letter, as many other numbers are written.
const NUMBER: &str = "[CFGHJ-NPRTV-Z]dddddddd";

pub(super) static ENTITIES: &[Entity] = &[
    person(
        "DE_ID_CARD",
        "Identity card: nine places with a check digit, or `T` and eight digits; one letter and digits only after a word.",
        &[
            "personalausweis",
            "ausweis",
            "personalausweisnummer",
            "ausweisnummer",
            "ausweisdokument",
            "dokumentennummer",
            "seriennummer",
            "npa",
            "bundespersonalausweis",
            "identity card",
            "national id",
        ],
        &[
            rule("Tdddddddd", 30, |_| Verdict::Maybe),
            rule(NUMBER, 30, |t| icao(t.own).into()),
            rule(PLACES, 40, mixed),
        ],
    ),
    person(
        "DE_PASSPORT",
        "Passport: nine places with a check digit; one letter and digits only after a word.",
        &[
            "reisepass",
            "pass",
            "passnummer",
            "reisepassnummer",
            "passport",
            "pass-nr",
            "dokumentennummer",
            "bundesrepublik deutschland",
            "ausweisdokument",
            "mrz",
        ],
        &[
            rule(NUMBER, 30, |t| icao(t.own).into()),
            rule(PLACES, 40, mixed),
        ],
    ),
    person(
        "DE_TAX_ID",
        "Tax identification number: eleven digits, modulo 11 and 10, and no digit more than three times.",
        &[
            "steueridentifikationsnummer",
            "steuer-id",
            "steuerid",
            "steuerliche identifikation",
            "persönliche identifikationsnummer",
            "idnr",
            "steuer-idnr",
            "steuernummer",
            "bzst",
        ],
        &[
            rule("[1-9]d{10}", 30, tax_id),
            rule("[1-9]d ddd ddd ddd", 50, tax_id),
        ],
    ),
    person(
        "DE_TAX_NUMBER",
        "Tax number of an office; the slashes make it one, or a word such as `Steuernummer`.",
        &[
            "steuernummer",
            "steuer-nr",
            "steuer nr",
            "st.-nr",
            "st-nr",
            "finanzamt",
            "umsatzsteuer",
            "einkommensteuer",
            "körperschaftsteuer",
            "gewerbesteuer",
            "steuerveranlagung",
            "steuerbescheid",
        ],
        &[
            rule("d{13}", 20, |t| {
                if (1..=16).contains(&part(t.own, 0, 2)) {
                    Verdict::Maybe
                } else {
                    Verdict::No
                }
            }),
            plain("ddd/ddd/ddddd", 40),
            plain("ddd?/dddd?/ddddd?", 20),
        ],
    ),
    person(
        "DE_SOCIAL_SECURITY",
        "Pension insurance number: birth date, letter, check digit.",
        &[
            "rentenversicherungsnummer",
            "sozialversicherungsnummer",
            "versicherungsnummer",
            "rvnr",
            "svnr",
            "sv-nummer",
            "rente",
            "rentenversicherung",
            "drv",
            "sozialversicherung",
            "rentenausweis",
        ],
        &[
            rule("ddddddddaddd", 50, pension),
            rule("dd dddddd a ddd", 50, pension),
        ],
    ),
    person(
        "DE_HEALTH_INSURANCE",
        "Health insurance number: a letter and nine digits, the last a check digit.",
        &[
            "krankenversicherungsnummer",
            "krankenversichertennummer",
            "versichertennummer",
            "kvnr",
            "krankenkasse",
            "krankenversicherung",
            "gesundheitskarte",
            "egk",
            "gkv",
            "versichertenausweis",
            "versichertenkarte",
            "aok",
            "tkk",
            "barmer",
            "dak",
        ],
        &[rule("addddddddd", 30, health)],
    ),
    person(
        "DE_LANR",
        "A physician's number: the seventh digit checks the first six. One number in ten satisfies that by chance.",
        &[
            "arztnummer",
            "lanr",
            "arzt-nr",
            "arzt nr",
            "arzt-nummer",
            "vertragsarzt",
            "kassenarzt",
            "kbv",
            "kassenärztliche vereinigung",
            "kv-nummer",
            "rezept",
            "verschreibung",
            "behandelnder arzt",
            "hausarzt",
            "facharzt",
        ],
        &[rule("ddddddddd", 30, |t| {
            let sum = weighted(t.own.get(..6).unwrap_or_default(), &[4, 9, 4, 9, 4, 9]);
            ((10 - sum % 10) % 10 == nth(t.own, 6)).into()
        })],
    ),
    person(
        "DE_BSNR",
        "A practice's number: nine digits, only after a word such as `BSNR`.",
        &[
            "betriebsstättennummer",
            "betriebsstätten-nummer",
            "bsnr",
            "betriebsstätte",
            "praxisnummer",
            "arztpraxis",
            "praxis",
            "kassenärztliche vereinigung",
            "kv-nummer",
            "kv nummer",
            "praxisadresse",
            "praxisstandort",
            "nebenbetriebsstätte",
            "hauptbetriebsstätte",
            "behandlungsort",
            "vertragsarztpraxis",
        ],
        &[rule("ddddddddd", 20, |t| {
            if t.own == b"000000000" {
                Verdict::No
            } else {
                Verdict::Maybe
            }
        })],
    ),
    person(
        "DE_FUEHRERSCHEIN",
        "Driving licence: letters of the office, eight digits, one place; only after a word such as `Führerschein`.",
        &[
            "führerscheinnummer",
            "führerschein",
            "fahrerlaubnis",
            "fev",
            "kba",
            "kraftfahrt-bundesamt",
            "driving licence",
            "driving license",
            "driver's license",
            "licence number",
            "license number",
            "dokument nr",
            "dokument-nr",
            "feld 5",
        ],
        &[
            plain("aaddddddddx", 35),
            plain("[A-Z0-9]ddaaddddd[A-Z0-9]x", 10),
        ],
    ),
    person(
        "DE_VAT_ID",
        "VAT number: `DE` and nine digits; a number whose check digit does not hold is less sure.",
        &[
            "umsatzsteuer-identifikationsnummer",
            "umsatzsteueridentifikationsnummer",
            "ust-idnr",
            "ust-id",
            "ustidnr",
            "umsatzsteuer",
            "mehrwertsteuer",
            "vat",
            "vat-id",
            "vat id",
            "steueridentifikation",
            "bzst",
            "finanzamt",
            "invoice",
            "rechnung",
        ],
        &[rule("DE[ .-]?ddd[ .-]?ddd[ .-]?ddd", 40, vat)],
    ),
    named(
        "DE_HANDELSREGISTER",
        "Commercial register number, department A or B.",
        &[
            "handelsregister",
            "amtsgericht",
            "registergericht",
            "hra",
            "hrb",
            "hr-nummer",
            "registerauszug",
            "firma",
            "gesellschaft",
            "gmbh",
            "ag",
            "ug",
            "kg",
            "ohg",
            "einzelkaufmann",
            "einzelkauffrau",
        ],
        &[plain("HR[AB]_?_?d{1,6}", 50)],
    ),
    named(
        "DE_KFZ",
        "Number plate: up to three letters, up to two letters, up to four digits, with its separators.",
        &[
            "kennzeichen",
            "kfz-kennzeichen",
            "kraftfahrzeugkennzeichen",
            "nummernschild",
            "fahrzeugkennzeichen",
            "zulassung",
            "kfz",
            "fahrzeug",
            "auto",
            "pkw",
            "lkw",
            "fahrzeugschein",
            "fahrzeugbrief",
        ],
        &[
            rule("[A-ZÄ][A-ZÄ]?[A-ZÄ]? aa? [1-9]d{0,3}[EH]?", 30, kfz),
            rule("[A-ZÄ][A-ZÄ]?[A-ZÄ]?-aa?[ -]?[1-9]d{0,3}[EH]?", 30, kfz),
        ],
    ),
    named(
        "DE_PLZ",
        "Postal code: five digits, only after a word such as `PLZ`.",
        &[
            "plz",
            "postleitzahl",
            "postanschrift",
            "adresse",
            "wohnort",
            "ort",
            "wohnanschrift",
            "lieferadresse",
            "rechnungsadresse",
            "straße",
            "strasse",
            "hausnummer",
            "postfach",
            "bundesland",
            "gemeinde",
            "stadt",
            "dorf",
        ],
        &[rule("ddddd", 5, |t| match part(t.own, 0, 5) {
            1001..=99998 if !t.own.starts_with(b"00") => Verdict::Maybe,
            _ => Verdict::No,
        })],
    ),
];

fn tax_id(taken: &Taken<'_>) -> Verdict {
    let body = taken.own.get(..10).unwrap_or_default();
    let most = (b'0'..=b'9')
        .map(|digit| body.iter().filter(|byte| **byte == digit).count())
        .max();
    (most.is_some_and(|most| most <= 3) && mod_11_10(taken.own)).into()
}

fn vat(taken: &Taken<'_>) -> Verdict {
    if mod_11_10(taken.own.get(2..).unwrap_or_default()) {
        Verdict::Sure
    } else {
        Verdict::Maybe
    }
}

/// A letter counts as its place in the alphabet, in two digits.
fn spell(letter: u8) -> [u8; 2] {
    let place = letter.saturating_sub(b'A') + 1;
    [b'0' + place / 10, b'0' + place % 10]
}

/// A check digit holds, and there is more than one letter.
fn mixed(taken: &Taken<'_>) -> Verdict {
    let letters = taken.own.iter().filter(|c| c.is_ascii_uppercase()).count();
    (letters > 1 && icao(taken.own)).into()
}

fn health(taken: &Taken<'_>) -> Verdict {
    let Some((letter, digits)) = taken.own.split_first() else {
        return Verdict::No;
    };
    let mut whole = [b'0'; 10];
    let (head, tail) = whole.split_at_mut(2);
    head.copy_from_slice(&spell(*letter));
    if let Some(digits) = digits.get(..8) {
        tail.copy_from_slice(digits);
    }
    (cross_sum(&whole, &[1, 2]) % 10 == nth(digits, 8)).into()
}

/// The day may be raised by 50 for a second number of the same day.
fn pension(taken: &Taken<'_>) -> Verdict {
    let own = taken.own;
    let (day, month) = (part(own, 2, 4), part(own, 4, 6));
    let (Some(head), Some(letter), Some(tail)) = (own.get(..8), own.get(8), own.get(9..11)) else {
        return Verdict::No;
    };
    let mut whole = [b'0'; 12];
    let (first, rest) = whole.split_at_mut(8);
    let (middle, last) = rest.split_at_mut(2);
    first.copy_from_slice(head);
    middle.copy_from_slice(&spell(*letter));
    last.copy_from_slice(tail);
    let sum = cross_sum(&whole, &[2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1]);
    (matches!(day, 1..=31 | 51..=81) && (1..=12).contains(&month) && sum % 10 == nth(own, 11))
        .into()
}

/// Words such as `in a 5` look like plates: small letters count for less.
fn kfz(taken: &Taken<'_>) -> Verdict {
    if taken.raw.iter().any(u8::is_ascii_lowercase) {
        Verdict::Score(20)
    } else {
        Verdict::Maybe
    }
}
