//! Numbers of the United States.

use super::{
    check::{luhn, nth, number, part, same, weighted},
    entity::{Entity, Taken, Verdict, named, person, plain, rule},
};

pub(super) static ENTITIES: &[Entity] = &[
    person(
        "US_SSN",
        "Social security number. Numbers never issued are refused; nine digits without separators only after a word such as `ssn`.",
        &["social", "security", "ssn", "ssns", "ssn#", "ss#", "ssid"],
        &[
            rule("ddd-dd-dddd", 50, ssn),
            rule("ddd_dd_dddd", 50, ssn),
            rule("ddd.dd.dddd", 50, ssn),
            rule("ddddd-dddd", 5, ssn),
            rule("ddd-dddddd", 5, ssn),
            rule("ddddddddd", 5, ssn),
        ],
    ),
    person(
        "US_ITIN",
        "Taxpayer number of those without a social security number: begins with 9, and its fourth and fifth digits lie in the issued ranges.",
        &[
            "individual",
            "taxpayer",
            "itin",
            "tax",
            "payer",
            "taxid",
            "tin",
        ],
        &[
            rule("9dd[ -]dd[ -]dddd", 50, itin),
            rule("9dd[ -]dddddd", 5, itin),
            rule("9dddd[ -]dddd", 5, itin),
            rule("9dddddddd", 30, itin),
        ],
    ),
    person(
        "US_PASSPORT",
        "Nine digits, or a letter and eight digits; only after a word such as `passport`.",
        &[
            "us passport",
            "united states",
            "passport",
            "passport#",
            "travel document",
        ],
        &[plain("ddddddddd", 5), plain("adddddddd", 10)],
    ),
    person(
        "US_DRIVER_LICENSE",
        "The states' formats; they fit many numbers, so only after a word such as `license`.",
        &[
            "driver",
            "license",
            "licence",
            "permit",
            "lic",
            "identification",
            "dl",
            "dls",
            "cdls",
            "lic#",
            "driving",
        ],
        &[
            plain("adddd{0,11}", 30),
            plain("adddddddddddddd?d?", 30),
            plain("ad{18}", 30),
            plain("aadddd{0,4}", 30),
            plain("addddddR", 30),
            plain("aadddddda", 30),
            plain("ddaaadddddd?", 30),
            plain("ddddddddda", 30),
            plain("ddddddddaa", 30),
            plain("dddddddd?a", 30),
            plain("dddaadddd", 30),
            plain("adada", 30),
            plain("d{6,14}", 1),
            plain("d{16}", 1),
        ],
    ),
    person(
        "US_BANK_NUMBER",
        "An account number has no form: eight to seventeen digits, only after a word such as `account`.",
        &[
            "checking", "account", "account#", "acct", "bank", "save", "savings", "debit",
        ],
        &[plain("d{8,17}", 5)],
    ),
    person(
        "ABA_ROUTING_NUMBER",
        "Nine digits with a check digit and an issued prefix. One number in ten satisfies that by chance.",
        &[
            "aba",
            "routing",
            "abarouting",
            "association",
            "bankrouting",
            "rtn",
        ],
        &[
            rule("[0-36-8]dddddddd", 5, routing),
            rule("[0-36-8]ddd-dddd-d", 30, routing),
        ],
    ),
    person(
        "US_MBI",
        "Medicare beneficiary identifier: eleven places, each of a fixed class, without letters that look like digits.",
        &[
            "medicare",
            "mbi",
            "beneficiary",
            "cms",
            "medicaid",
            "hic",
            "hicn",
        ],
        &[
            plain(
                "[1-9][AC-HJKMNP-RT-Y][0-9AC-HJKMNP-RT-Y]d[AC-HJKMNP-RT-Y][0-9AC-HJKMNP-RT-Y]d[AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y]dd",
                30,
            ),
            plain(
                "[1-9][AC-HJKMNP-RT-Y][0-9AC-HJKMNP-RT-Y]d-[AC-HJKMNP-RT-Y][0-9AC-HJKMNP-RT-Y]d-[AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y]dd",
                50,
            ),
        ],
    ),
    person(
        "US_NPI",
        "National provider identifier: Luhn with the prefix 80840. One number in ten satisfies that by chance.",
        &[
            "npi",
            "national provider",
            "provider",
            "provider id",
            "taxonomy",
        ],
        &[
            rule("[12]ddddddddd", 10, npi),
            rule("[12]ddd[ -]ddd[ -]ddd", 40, npi),
        ],
    ),
    person(
        "MEDICAL_LICENSE",
        "DEA registration: two letters and seven digits with a check digit.",
        &["medical", "certificate", "dea"],
        &[
            rule("[A-HJ-MPRSTUX]addddddd", 40, dea),
            rule("[A-HJ-MPRSTUX]9ddddddd", 40, dea),
        ],
    ),
    person(
        "MEDICAL_RECORD_NUMBER",
        "No form of its own: five to twelve digits, perhaps with letters before them, only after words such as `MRN`.",
        &[
            "mrn",
            "medical record",
            "medical record number",
            "patient id",
            "patient number",
            "chart number",
            "health record",
        ],
        &[plain("d{5,12}", 1), plain("aa?a?-?d{5,10}", 1)],
    ),
    named(
        "US_EIN",
        "Employer identification number, after words such as `EIN`.",
        &["ein", "employer identification", "tax id", "tin", "fein"],
        &[rule("dd-ddddddd", 10, |t| {
            if matches!(
                part(t.own, 0, 2),
                0 | 7 | 8 | 9 | 17..=19 | 28 | 29 | 49 | 69 | 70 | 78 | 79 | 89 | 96 | 97
            ) {
                Verdict::No
            } else {
                Verdict::Maybe
            }
        })],
    ),
];

/// Area 000, 666 and 900 on, group 00 and serial 0000 are never issued; some numbers stood in advertisements.
/// Source: ssa.gov/employer/randomization, general knowledge, not confirmed.
fn ssn(taken: &Taken<'_>) -> Verdict {
    let own = taken.own;
    let area = part(own, 0, 3);
    let never = area == 0
        || area == 666
        || part(own, 3, 5) == 0
        || part(own, 5, 9) == 0
        || same(own)
        || matches!(number(own), 123_456_789 | 987_654_320 | 78_051_120);
    if never || area >= 900 {
        Verdict::No
    } else {
        Verdict::Maybe
    }
}

fn itin(taken: &Taken<'_>) -> Verdict {
    match part(taken.own, 3, 5) {
        50..=65 | 70..=88 | 90..=92 | 94..=99 => Verdict::Maybe,
        _ => Verdict::No,
    }
}

fn routing(taken: &Taken<'_>) -> Verdict {
    let sum = weighted(taken.own, &[3, 7, 1, 3, 7, 1, 3, 7, 1]);
    (sum.is_multiple_of(10) && number(taken.own) != 0).into()
}

/// The Luhn sum of the prefix 80840 is 24.
/// Source: Presidio's recogniser of this number, read 2026-11.
fn npi(taken: &Taken<'_>) -> Verdict {
    let mut whole = [0; 15];
    let (prefix, body) = whole.split_at_mut(5);
    prefix.copy_from_slice(b"80840");
    if body.len() != taken.own.len() {
        return Verdict::No;
    }
    body.copy_from_slice(taken.own);
    let repeats = taken.own.get(..9).is_some_and(same);
    (luhn(&whole) && !repeats).into()
}

/// Odd places once and even places twice give the check digit.
fn dea(taken: &Taken<'_>) -> Verdict {
    let digits = taken
        .own
        .get(taken.own.len().saturating_sub(7)..)
        .unwrap_or_default();
    let sum = weighted(digits, &[1, 2, 1, 2, 1, 2]);
    (sum % 10 == nth(digits, 6) && number(digits) != 0).into()
}
