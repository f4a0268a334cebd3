//! Numbers of Australia, Canada, South Africa, Nigeria and Brazil.

use super::{
    check::{date, luhn, nth, number, part, same, verhoeff, weighted},
    entity::{Entity, Taken, Verdict, named, person, plain, rule},
};

pub(super) static ENTITIES: &[Entity] = &[
    person(
        "AU_ABN",
        "Business number: eleven digits, modulo 89.",
        &["australian business number", "abn"],
        &[rule("dd ddd ddd ddd", 10, abn), rule("d{11}", 1, abn)],
    ),
    person(
        "AU_ACN",
        "Company number: nine digits with a check digit. One number in ten satisfies that by chance.",
        &["australian company number", "acn"],
        &[rule("ddd ddd ddd", 10, acn), rule("d{9}", 1, acn)],
    ),
    person(
        "AU_TFN",
        "Tax file number: nine digits, modulo 11. One number in eleven satisfies that by chance.",
        &["tax file number", "tfn"],
        &[rule("ddd ddd ddd", 10, tfn), rule("d{9}", 1, tfn)],
    ),
    person(
        "AU_MEDICARE",
        "Medicare number: ten digits beginning with 2 to 6, the ninth a check digit.",
        &["medicare"],
        &[
            rule("[2-6]ddd ddddd d", 10, medicare),
            rule("[2-6]d{9}", 1, medicare),
        ],
    ),
    person(
        "AU_PASSPORT",
        "A letter or two and seven digits, only after a word such as `passport`.",
        &["passport", "australian passport", "travel document"],
        &[plain("aa?ddddddd", 5)],
    ),
    person(
        "CA_SIN",
        "Social insurance number: Luhn, separators all alike; without them only after a word such as `SIN`.",
        &[
            "sin",
            "social insurance",
            "canada",
            "nas",
            "assurance sociale",
        ],
        &[
            rule("[1-79]dd ddd ddd", 50, sin),
            rule("[1-79]dd-ddd-ddd", 50, sin),
            rule("[1-79]dddddddd", 5, sin),
        ],
    ),
    named(
        "CA_POSTAL_CODE",
        "Postal code: letters and digits in turn.",
        &[
            "postal code",
            "postcode",
            "zip",
            "canada",
            "ontario",
            "quebec",
            "alberta",
            "british columbia",
            "code postal",
        ],
        &[
            plain(
                "[ABCEGHJ-NPRSTVXY]d[ABCEGHJ-NPRSTV-Z] d[ABCEGHJ-NPRSTV-Z]d",
                30,
            ),
            plain(
                "[ABCEGHJ-NPRSTVXY]d[ABCEGHJ-NPRSTV-Z]d[ABCEGHJ-NPRSTV-Z]d",
                10,
            ),
        ],
    ),
    person(
        "ZA_ID_NUMBER",
        "Thirteen digits: birth date, citizenship, Luhn.",
        &[
            "id",
            "identity",
            "identity number",
            "id number",
            "south african id",
            "rsa id",
            "smart id",
            "national id",
        ],
        &[rule("d{10}[0-2][89]d", 50, south_african)],
    ),
    person(
        "ZA_PASSPORT",
        "A letter and eight digits, only after a word such as `passport`.",
        &[
            "passport",
            "travel document",
            "dha",
            "south african passport",
            "rsa passport",
        ],
        &[plain("[ADMT]dddddddd", 20)],
    ),
    person(
        "ZA_INCOME_TAX_NUMBER",
        "Ten digits, only after words such as `income tax`.",
        &[
            "sars",
            "tax reference",
            "income tax",
            "tax number",
            "itr",
            "taxpayer",
            "tax registration",
        ],
        &[plain("[01239]d{9}", 5)],
    ),
    person(
        "ZA_VAT_NUMBER",
        "Ten digits beginning with 4, only after a word such as `VAT`.",
        &[
            "vat",
            "vat number",
            "vat registration",
            "tax invoice",
            "sars",
            "value added tax",
        ],
        &[plain("4d{9}", 30)],
    ),
    named(
        "ZA_COMPANY_REGISTRATION",
        "Year, number and kind of a company.",
        &[
            "cipc",
            "company registration",
            "registration number",
            "close corporation",
            "company reg",
            "enterprise number",
        ],
        &[
            rule("dddd/dddddd/dd", 40, |t| year(t, 0)),
            rule("CKdddd/dddddd", 30, |t| year(t, 2)),
            rule("NRdddd/dddddd", 30, |t| year(t, 2)),
            rule("[KTWBMN]dddd/dddddd", 30, |t| year(t, 1)),
        ],
    ),
    named(
        "ZA_LICENSE_PLATE",
        "Number plate ending in a province.",
        &[
            "licence plate",
            "license plate",
            "number plate",
            "registration",
            "vehicle registration",
            "natis",
            "enatis",
            "plate number",
        ],
        &[
            rule("aa_?dd_?aa_?aa", 30, province),
            rule("aaa?_?ddd?_?aa", 30, province),
            rule("aaa?a?ddd?d?aaa?a?a?a?", 30, province),
            rule("ddd?_?aa_?EC", 30, province),
            rule("ddd?_?aaa_?EC", 30, province),
        ],
    ),
    person(
        "ZA_DRIVER_LICENSE",
        "Digits and letters, only after words such as `driving licence`.",
        &[
            "licence",
            "license",
            "driving licence",
            "driving license",
            "driver's licence",
            "driver's license",
            "drivers licence",
            "drivers license",
            "enatis",
            "natis",
        ],
        &[rule("d{6,10}ax{1,4}", 30, |t| {
            if (10..=14).contains(&t.own.len()) {
                Verdict::Maybe
            } else {
                Verdict::No
            }
        })],
    ),
    person(
        "ZA_TRAFFIC_REGISTER_NUMBER",
        "Thirteen digits, only after words such as `traffic register`.",
        &[
            "traffic register",
            "traffic register number",
            "trn",
            "enatis",
            "natis",
            "vehicle register",
        ],
        &[rule("d{13}", 5, |t| match south_african(t) {
            Verdict::No => Verdict::Maybe,
            _ => Verdict::No,
        })],
    ),
    person(
        "NG_NIN",
        "Eleven digits with Verhoeff's check digit.",
        &[
            "nin",
            "national identification number",
            "national identity number",
            "nimc",
            "national identity",
            "nigeria id",
            "nigerian identification",
        ],
        &[rule("d{11}", 1, |t| {
            (verhoeff(t.own) && !same(t.own)).into()
        })],
    ),
    named(
        "NG_VEHICLE_REGISTRATION",
        "Number plate: three letters, three digits, two letters.",
        &[
            "plate number",
            "vehicle registration",
            "license plate",
            "number plate",
            "plate",
            "vehicle",
            "registration",
        ],
        &[plain("aaa~dddaa", 50)],
    ),
    person(
        "BR_CPF",
        "Taxpayer number: eleven digits with two check digits.",
        &["cpf", "cadastro de pessoas"],
        &[rule("ddd.ddd.ddd-dd", 50, cpf), rule("d{11}", 10, cpf)],
    ),
    person(
        "BR_CNPJ",
        "Company number: fourteen digits with two check digits.",
        &["cnpj"],
        &[
            rule("dd.ddd.ddd/dddd-dd", 50, cnpj),
            rule("d{14}", 10, cnpj),
        ],
    ),
];

/// The first digit less one, weights 10, 1, 3, .. 19, modulo 89.
fn abn(taken: &Taken<'_>) -> Verdict {
    let sum = weighted(taken.own, &[10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19]);
    (nth(taken.own, 0) > 0 && sum % 89 == 10).into()
}

fn acn(taken: &Taken<'_>) -> Verdict {
    let sum = weighted(taken.own, &[8, 7, 6, 5, 4, 3, 2, 1]);
    ((10 - sum % 10) % 10 == nth(taken.own, 8) && number(taken.own) != 0).into()
}

fn tfn(taken: &Taken<'_>) -> Verdict {
    let sum = weighted(taken.own, &[1, 4, 3, 7, 5, 8, 6, 9, 10]);
    (sum.is_multiple_of(11) && number(taken.own) != 0).into()
}

fn medicare(taken: &Taken<'_>) -> Verdict {
    let sum = weighted(taken.own, &[1, 3, 7, 9, 1, 3, 7, 9]);
    (sum % 10 == nth(taken.own, 8)).into()
}

fn sin(taken: &Taken<'_>) -> Verdict {
    if luhn(taken.own) {
        Verdict::Maybe
    } else {
        Verdict::No
    }
}

/// Two digits of a year may belong to either century: the date must exist in one of them.
fn south_african(taken: &Taken<'_>) -> Verdict {
    let own = taken.own;
    let (year, month, day) = (part(own, 0, 2), part(own, 2, 4), part(own, 4, 6));
    let exists = date(1900 + year, month, day) || date(2000 + year, month, day);
    (exists && nth(own, 10) <= 2 && matches!(nth(own, 11), 8 | 9) && luhn(own)).into()
}

fn year(taken: &Taken<'_>, at: usize) -> Verdict {
    match part(taken.own, at, at + 4) {
        1800..=2100 => Verdict::Maybe,
        _ => Verdict::No,
    }
}

fn province(taken: &Taken<'_>) -> Verdict {
    let end = taken.own.get(taken.own.len().saturating_sub(2)..);
    match end {
        Some(b"GP" | b"ZN" | b"WP" | b"EC" | b"NC" | b"FS" | b"LP" | b"MP" | b"NW") => {
            Verdict::Sure
        }
        _ => Verdict::No,
    }
}

/// A check digit is 11 less the weighted sum modulo 11, or 0.
fn brazilian(digits: &[u8], weights: &[u32]) -> bool {
    let rest = weighted(digits, weights) % 11;
    let expected = if rest < 2 { 0 } else { 11 - rest };
    expected == nth(digits, weights.len())
}

fn cpf(taken: &Taken<'_>) -> Verdict {
    let own = taken.own;
    let holds = brazilian(own, &[10, 9, 8, 7, 6, 5, 4, 3, 2])
        && brazilian(own, &[11, 10, 9, 8, 7, 6, 5, 4, 3, 2]);
    (holds && !same(own)).into()
}

fn cnpj(taken: &Taken<'_>) -> Verdict {
    let own = taken.own;
    let holds = brazilian(own, &[5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2])
        && brazilian(own, &[6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]);
    (holds && !same(own)).into()
}
