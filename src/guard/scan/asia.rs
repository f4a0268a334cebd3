//! Numbers of India, Singapore, Korea, Thailand and the Philippines.

use super::{
    check::{nth, part, same, verhoeff, weighted},
    entity::{Entity, Taken, Verdict, named, person, plain, rule},
};

pub(super) static ENTITIES: &[Entity] = &[
    person(
        "IN_AADHAAR",
        "Twelve digits, not beginning with 0 or 1, Verhoeff's check digit, no palindrome.",
        &["aadhaar", "aadhar", "uidai"],
        &[
            rule("[2-9]d{11}", 1, aadhaar),
            rule("[2-9]ddd[ :-]dddd[ :-]dddd", 30, aadhaar),
        ],
    ),
    person(
        "IN_PAN",
        "Five letters, four digits, a letter; the fourth letter says who holds it.",
        &["permanent account number", "pan"],
        &[plain("aaa[ABCFGHJLPT]adddda", 50), plain("aaaaadddda", 10)],
    ),
    person(
        "IN_GSTIN",
        "Fifteen places: state, PAN, number, `Z`, check character.",
        &[
            "gstin",
            "gst",
            "goods and services tax",
            "tax identification",
            "gst number",
            "gst registration",
        ],
        &[rule("ddxxxxxddddaxZx", 80, gstin)],
    ),
    person(
        "IN_PASSPORT",
        "A letter and seven digits, only after a word such as `passport`.",
        &["passport", "indian passport", "passport number"],
        &[plain("a[1-9]d_?dddd[1-9]", 10)],
    ),
    person(
        "IN_VOTER",
        "Three letters and seven digits; only after a word such as `voter`.",
        &["voter", "epic", "elector photo identity card"],
        &[
            plain("a[ABCDGHJKMNPRSY]addddddd", 35),
            plain("aaaddddddd", 30),
        ],
    ),
    named(
        "IN_VEHICLE_REGISTRATION",
        "Number plate in its several forms.",
        &["rto", "vehicle", "plate", "registration"],
        &[
            rule("adddd", 1, not_zeros),
            rule("aadddd", 1, not_zeros),
            rule("Iddddd", 1, not_zeros),
            rule("aaadddd", 20, not_zeros),
            plain("dd?d?C[CD][1-9]dd?d?", 40),
            plain("dd?d?UN[1-9]dd?d?", 40),
            rule("aad~aa?a?~dddd", 50, state),
            rule("aadd~aa?~dddd", 50, state),
            rule("[2-9][1-9]BHdddd[A-HJ-NP-Z][A-HJ-NP-Z]", 85, not_zeros),
            rule("dd[A-FHKPRX]dddddda", 85, |t| {
                if part(t.own, 0, 2) == 0 {
                    Verdict::No
                } else {
                    Verdict::Maybe
                }
            }),
        ],
    ),
    person(
        "SG_NRIC_FIN",
        "A letter, seven digits and a letter; sure where the check letter holds.",
        &["fin", "fin#", "nric", "nric#"],
        &[rule("[STFGM]ddddddda", 50, nric), plain("addddddda", 30)],
    ),
    person(
        "SG_UEN",
        "Business number in its three forms, each with a check letter.",
        &[
            "uen",
            "unique entity number",
            "business registration",
            "acra",
        ],
        &[
            rule("dddddddda", 30, |t| {
                uen(t.own, &[10, 4, 9, 3, 8, 2, 7, 1], b"XMKECAWLJDB")
            }),
            rule("ddddddddda", 30, |t| {
                if part(t.own, 0, 4) > 2100 {
                    return Verdict::No;
                }
                uen(t.own, &[10, 8, 6, 4, 9, 7, 5, 3, 1], b"ZKCMDNERGWH")
            }),
            rule("[TSR]ddaadddda", 30, uen_other),
        ],
    ),
    person(
        "KR_RRN",
        "Resident registration number: a date and a digit for sex and century; sure where the check digit holds, which numbers since October 2020 need not have; without its hyphen only after a word.",
        &[
            "korean rrn",
            "resident registration number",
            "rrn",
            "rrn#",
            "주민등록번호",
            "주민번호",
        ],
        &[
            rule("dddddd-[1-4]dddddd", 50, |t| korean(t, 11)),
            rule("dddddd[1-4]dddddd", 30, |t| korean(t, 11)),
        ],
    ),
    person(
        "KR_FRN",
        "Foreigner registration number, as the one of residents.",
        &[
            "korean frn",
            "frn",
            "foreigner registration number",
            "외국인등록번호",
            "외국인번호",
        ],
        &[
            rule("dddddd-[5-8]dddddd", 50, |t| korean(t, 13)),
            rule("dddddd[5-8]dddddd", 30, |t| korean(t, 13)),
        ],
    ),
    person(
        "KR_BRN",
        "Business registration number: ten digits with a check digit.",
        &[
            "brn",
            "business registration number",
            "korean brn",
            "business number",
            "tax registration number",
            "사업자등록번호",
            "사업자번호",
            "사업자",
        ],
        &[rule("ddd-dd-ddddd", 10, brn), rule("dddddddddd", 5, brn)],
    ),
    person(
        "KR_PASSPORT",
        "`M`, `S`, `R`, `O` or `D` and eight places, only after a word such as `passport`.",
        &[
            "korean passport",
            "passport",
            "passport number",
            "여권",
            "여권번호",
        ],
        &[plain("[MSROD]dddadddd", 10), plain("[MSROD]dddddddd", 5)],
    ),
    person(
        "KR_DRIVER_LICENSE",
        "Region, year, serial, check digits; the region must exist.",
        &[
            "korean driver license",
            "korean driver's license",
            "driver",
            "운전면허",
            "운전면허번호",
            "면허번호",
        ],
        &[rule("dd~dd~dddddd~dd", 5, |t| match part(t.own, 0, 2) {
            11..=26 | 28 => Verdict::Sure,
            _ => Verdict::No,
        })],
    ),
    person(
        "TH_TNIN",
        "Thirteen digits, modulo 11, with a kind and a province that exist.",
        &[
            "thai national id",
            "thai id",
            "thai id number",
            "tnin",
            "เลขประจำตัวประชาชน",
            "เลขบัตรประชาชน",
            "รหัสปชช",
        ],
        &[
            rule("[1-9]d{12}", 30, thai),
            rule("[1-9]-dddd-ddddd-dd-d", 50, thai),
        ],
    ),
    person(
        "PH_TIN",
        "Taxpayer number: nine or twelve digits with a check digit, only after a word such as `TIN`.",
        &[
            "tin",
            "taxpayer identification number",
            "bir",
            "taxpayer id",
            "tax id",
            "rdo",
            "revenue district office",
        ],
        &[
            rule("ddd-ddd-ddd", 5, filipino),
            rule("ddd-ddd-ddd-ddd", 5, filipino),
            rule("d{9}", 1, filipino),
            rule("d{12}", 1, filipino),
        ],
    ),
    person(
        "PH_MOBILE_NUMBER",
        "Mobile number: sure with +63, less with 09.",
        &[
            "mobile",
            "cell",
            "cellphone",
            "phone",
            "contact",
            "number",
            "tel",
            "call",
            "text",
        ],
        &[plain("+63~9dd~ddd~dddd", 60), plain("09dd~ddd~dddd", 40)],
    ),
    person(
        "PH_UMID",
        "Common reference number.",
        &[
            "umid",
            "crn",
            "common reference number",
            "sss",
            "gsis",
            "philhealth",
            "pag-ibig",
        ],
        &[plain("dddd-ddddddd-d", 50), plain("d{12}", 5)],
    ),
    person(
        "PH_PASSPORT",
        "Letters and seven digits, only after a word such as `passport`.",
        &[
            "passport",
            "passport number",
            "travel document",
            "pasaporte",
            "dfa",
        ],
        &[plain("addddddda", 10), plain("aaddddddd", 10)],
    ),
];

fn aadhaar(taken: &Taken<'_>) -> Verdict {
    let palindrome = taken.own.iter().eq(taken.own.iter().rev());
    (verhoeff(taken.own) && !palindrome).into()
}

/// The state lies between 01 and 38 (97 and 99 are others'), and the inner part is a PAN.
fn gstin(taken: &Taken<'_>) -> Verdict {
    let state = part(taken.own, 0, 2);
    let letters = taken.own.get(2..7).unwrap_or_default();
    let letters = letters
        .iter()
        .filter(|byte| byte.is_ascii_uppercase())
        .count();
    (matches!(state, 1..=38 | 97 | 99) && letters >= 3).into()
}

fn not_zeros(taken: &Taken<'_>) -> Verdict {
    let digits = taken.own.iter().filter(|byte| byte.is_ascii_digit());
    if digits.clone().all(|byte| *byte == b'0') {
        Verdict::No
    } else {
        Verdict::Maybe
    }
}

/// States and territories as plates name them.
fn state(taken: &Taken<'_>) -> Verdict {
    const STATES: &[u8] =
        b"ANAPARASBRCGCHDDDLDNGAGJHPHRJHJKKAKLLALDMHMLMNMPMZNLODORPBPYRJSKTNTRTSTGUKUAUPWB";
    let (chunks, _) = STATES.as_chunks::<2>();
    let serial = taken
        .own
        .get(taken.own.len().saturating_sub(4)..)
        .unwrap_or_default();
    let known = taken
        .own
        .get(..2)
        .is_some_and(|two| chunks.iter().any(|state| state == two));
    match (known, serial == b"0000") {
        (_, true) => Verdict::No,
        (true, false) => Verdict::Sure,
        (false, false) => Verdict::Maybe,
    }
}

/// Weights 2, 7, 6, 5, 4, 3, 2; an offset by first letter; two alphabets.
/// Source: general knowledge, not confirmed; a letter that does not hold only leaves the score as it is.
fn nric(taken: &Taken<'_>) -> Verdict {
    let own = taken.own;
    let Some(first) = own.first() else {
        return Verdict::No;
    };
    let sum = weighted(own.get(1..8).unwrap_or_default(), &[2, 7, 6, 5, 4, 3, 2]);
    let (offset, letters): (u32, &[u8; 11]) = match first {
        b'S' => (0, b"JZIHGFEDCBA"),
        b'T' => (4, b"JZIHGFEDCBA"),
        b'F' => (0, b"XWUTRQPNMLK"),
        b'G' => (4, b"XWUTRQPNMLK"),
        _ => (3, b"XWUTRQPNJLK"),
    };
    let index = usize::try_from((sum + offset) % 11).unwrap_or_default();
    if letters.get(index) == own.last() {
        Verdict::Sure
    } else {
        Verdict::Maybe
    }
}

/// The weighted sum modulo 11 gives the letter.
/// Source: Presidio's recogniser of this number, read 2026-11, as the third form below.
fn uen(own: &[u8], weights: &[u32], letters: &[u8; 11]) -> Verdict {
    let index = usize::try_from(weighted(own, weights) % 11).unwrap_or_default();
    (letters.get(index) == own.last()).into()
}

fn uen_other(taken: &Taken<'_>) -> Verdict {
    const LETTERS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWX0123456789";
    const WEIGHTS: [usize; 9] = [4, 3, 5, 3, 10, 2, 2, 5, 7];
    const TYPES: &[u8] =
        b"LPLLFCPFRFMQMMNBCCCSMBFMGSDPCPNRCMCDMDHSVHCHMHCLXLCXHCRPTUTCFBFNPAPBSSMCSMGAGB";
    let (types, _) = TYPES.as_chunks::<2>();
    let own = taken.own;
    let known = own
        .get(3..5)
        .is_some_and(|two| types.iter().any(|kind| kind == two));
    let mut sum = 0;
    for (byte, weight) in own.iter().zip(WEIGHTS) {
        let Some(value) = LETTERS.iter().position(|letter| letter == byte) else {
            return Verdict::No;
        };
        sum += value * weight;
    }
    // Five less, modulo 11.
    let letter = LETTERS.get((sum + 6) % 11);
    (known && letter == own.last()).into()
}

/// Weights 2 to 9 and 2 to 5; the check digit is a constant less the sum, modulo 11 and 10.
/// Source: Presidio's recognisers of both numbers, read 2026-11.
fn korean(taken: &Taken<'_>, constant: u32) -> Verdict {
    let own = taken.own;
    let (month, day) = (part(own, 2, 4), part(own, 4, 6));
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return Verdict::No;
    }
    let sum = weighted(own, &[2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5]);
    let holds = (constant - sum % 11) % 10 == nth(own, 12);
    if holds && part(own, 7, 9) <= 95 {
        Verdict::Sure
    } else {
        Verdict::Maybe
    }
}

fn brn(taken: &Taken<'_>) -> Verdict {
    let own = taken.own;
    let sum = weighted(own, &[1, 3, 7, 1, 3, 7, 1, 3, 5]) + nth(own, 8) * 5 / 10;
    ((10 - sum % 10) % 10 == nth(own, 9) && !same(own)).into()
}

/// The second and third digits are a province.
/// Source: Presidio's recogniser of this number, read 2026-11.
fn thai(taken: &Taken<'_>) -> Verdict {
    let own = taken.own;
    let province = part(own, 1, 3);
    let known =
        matches!(province, 10..=27 | 30..=49 | 50..=58 | 60..=67 | 70..=77 | 80..=86 | 90..=96);
    let rest = weighted(own, &[13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11;
    (known && (11 - rest) % 10 == nth(own, 12)).into()
}

fn filipino(taken: &Taken<'_>) -> Verdict {
    let own = taken.own;
    let rest = weighted(own, &[9, 8, 7, 6, 5, 4, 3, 2]) % 11;
    if rest == nth(own, 8) && !same(own) {
        Verdict::Maybe
    } else {
        Verdict::No
    }
}
