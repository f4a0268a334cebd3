//! Payment cards, bank accounts, wallets.

use super::{
    check,
    entity::{Entity, Group, Hit, read},
    layout::ends,
    look::{Look, is_word},
};
use sha2::{Digest, Sha256};

/// Card numbers have twelve to nineteen digits (ISO/IEC 7812).
const MAX_CARD: usize = 19;
/// An account number has at most 34 characters (ISO 13616).
const MAX_IBAN: usize = 34;
const MAX_WALLET: usize = 91;

pub(super) static ENTITIES: &[Entity] = &[
    read(
        "CREDIT_CARD",
        Group::Personal,
        "Twelve to nineteen digits with a brand's beginning and length, Luhn, in one piece or in the groups of a card. One such number in ten satisfies Luhn by chance.",
        &[
            "credit",
            "card",
            "visa",
            "mastercard",
            "cc",
            "amex",
            "discover",
            "jcb",
            "diners",
            "maestro",
        ],
        "[1-68]ddd",
        card,
    ),
    read(
        "IBAN_CODE",
        Group::Personal,
        "The country's own length and classes of characters, modulo 97.",
        &["iban", "bank", "transaction", "konto", "account"],
        "aadd",
        iban,
    ),
    read(
        "CRYPTO",
        Group::Personal,
        "Wallets of Bitcoin and its relatives, whose checksum must hold; Ethereum's forty hexadecimal digits after `0x`.",
        &["wallet", "btc", "bitcoin", "crypto", "ethereum", "eth"],
        "[013LMDTB]x{7}",
        wallet,
    ),
];

/// What a card's digits were gathered into.
struct Digits {
    all: [u8; MAX_CARD],
    /// After so many digits a group ends, at that place.
    ends: [(usize, usize); MAX_CARD],
    groups: usize,
}

fn gather(look: &mut Look<'_>) -> Digits {
    let mut found = Digits {
        all: [b'0'; MAX_CARD],
        ends: [(0, 0); MAX_CARD],
        groups: 0,
    };
    let (mut at, mut count, mut separator) = (0, 0, None);
    loop {
        let length = look.run(at, MAX_CARD - count + 1, |c| c.is_ascii_digit());
        if length == 0 || length > MAX_CARD - count {
            break;
        }
        if let Some(place) = found.all.get_mut(count..count + length) {
            place.copy_from_slice(look.read(at, at + length));
        }
        count += length;
        at += length;
        if let Some(end) = found.ends.get_mut(found.groups) {
            *end = (count, at);
        }
        found.groups += 1;
        let next = look.get(at);
        if !matches!(next, b' ' | b'-')
            || separator.is_some_and(|known| known != next)
            || count >= MAX_CARD
        {
            break;
        }
        separator = Some(next);
        at += 1;
    }
    found
}

fn card(look: &mut Look<'_>) -> Option<Hit> {
    let [before, earlier] = look.before();
    if !look.get(0).is_ascii_digit()
        || (matches!(before, b'-' | b'.' | b'/') && earlier.is_ascii_digit())
    {
        return None;
    }
    // Most numbers are too short, or begin as no card does.
    if !matches!(look.get(0), b'1'..=b'6' | b'8') || look.run(0, 4, |c| c.is_ascii_digit()) < 4 {
        return None;
    }
    let found = gather(look);
    for groups in (1..=found.groups).rev() {
        let Some((count, end)) = found.ends.get(groups - 1).copied() else {
            continue;
        };
        let Some(digits) = found.all.get(..count) else {
            continue;
        };
        let sizes = found.ends.get(..groups).unwrap_or_default();
        if count >= 12
            && is_grouped(sizes)
            && is_brand(digits)
            && check::luhn(digits)
            && ends(look, end)
        {
            return Hit::to(end, 100);
        }
    }
    None
}

/// One piece, groups of four, or 4-6-5 and 4-6-4.
fn is_grouped(ends: &[(usize, usize)]) -> bool {
    match ends {
        [_] => true,
        [(4, _), (10, _), (14 | 15, _)] => true,
        [(4, _), (8, _), (12, _), rest @ ..] => {
            matches!(rest, [(13..=16, _)] | [(16, _), (17..=19, _)])
        }
        _ => false,
    }
}

/// Whether a brand issues numbers that begin so and are so long.
/// Source: published issuer ranges, general knowledge, not confirmed.
fn is_brand(digits: &[u8]) -> bool {
    let four = check::part(digits, 0, 4);
    let two = four / 100;
    match digits.len() {
        12 | 17 => matches!(two, 50 | 56..=59 | 60..=69),
        13 => matches!(two, 40..=49 | 50 | 56..=59 | 60..=69),
        14 => matches!(two, 30 | 36 | 38 | 39 | 50 | 56..=59 | 60..=69),
        15 => matches!(two, 10..=19 | 34 | 37 | 50 | 56..=59 | 60..=69) || four == 2131,
        16 => {
            matches!(two, 40..=49 | 50..=59 | 60..=69 | 81 | 82)
                || matches!(four, 2200..=2204 | 2221..=2720 | 3528..=3589 | 3000..=3099 | 3600..=3699 | 3800..=3999)
        }
        18 | 19 => {
            matches!(two, 40..=49 | 50 | 56..=59 | 60..=69 | 81)
                || matches!(four, 2200..=2204 | 3528..=3589)
        }
        _ => false,
    }
}

/// Countries and how the rest of an account number is written there: so many digits (n), capital letters (a)
/// or either (c) after the country and two check digits.
/// Source: ISO 13616 registry as Presidio lists it, read 2026-11; the last line is general knowledge.
const COUNTRIES: &str = "AL n8c16 AD n8c12 AT n16 AZ c4n20 BH a4c14 BY c4n4c16 BE n12 BA n16 BR n23a1c1 BG a4n6c8 \
    CR n18 HR n17 CY n8c16 CZ n20 DK n14 DO a4n20 TL n19 EE n16 FO n14 FI n14 FR n10c11n2 GE c2n16 DE n18 GI a4c15 \
    GR n7c16 GL n14 GT c20c4 HU n24 IS n22 IE c4n14 IL n19 IT a1n10c12 JO a4n22 KZ n3c13 XK n16 KW a4c22 LV a4c13 \
    LB n4c20 LI n5c12 LT n16 LU n3c13 MT a4n5c18 MR n23 MU a4n19a3 MD c20 MC n10c11n2 ME n18 NL a4n10 MK n3c10n2 \
    NO n11 PK c4n16 PS c4n21 PL n24 PT n21 QA a4c21 RO a4c16 SM a1n10c12 SA n2c18 RS n18 SK n20 SI n15 ES n20 SE n20 \
    CH n5c12 TN n20 TR n5c17 AE n19 GB a4n14 VA n18 VG c4n16 EG n25 IQ a4n15 LY n21 LC a4c24 SC a4n20a3 UA n6c19 \
    SV a4n20 ST n21 NI a4n20 RU n14c15 DJ n23 SO n19 BI n23 SD n14 MN n16 FK a2n12 OM n3c16 HN a4n20";

fn country(code: &[u8]) -> Option<&'static str> {
    let mut words = COUNTRIES.split_ascii_whitespace();
    while let (Some(name), Some(form)) = (words.next(), words.next()) {
        if name.as_bytes() == code {
            return Some(form);
        }
    }
    None
}

/// Reads an account number: as long as its country says, in one piece or in groups of four.
fn iban(look: &mut Look<'_>) -> Option<Hit> {
    if !look.get(0).is_ascii_alphabetic()
        || !look.get(1).is_ascii_alphabetic()
        || !look.get(2).is_ascii_digit()
        || !look.get(3).is_ascii_digit()
    {
        return None;
    }
    let small = look.get(0).is_ascii_lowercase();
    let mut own = [0; MAX_IBAN];
    let (mut at, mut count, mut separator) = (0, 0, None);
    let mut push = |look: &mut Look<'_>, accepts: &dyn Fn(u8) -> bool| -> Option<()> {
        let mut code = look.get(at);
        if count > 0 && count % 4 == 0 && matches!(code, b' ' | b'-') {
            // All separators are the first one.
            if *separator.get_or_insert(code) != code {
                return None;
            }
            at += 1;
            code = look.get(at);
        }
        let other_case = if small {
            code.is_ascii_uppercase()
        } else {
            code.is_ascii_lowercase()
        };
        if other_case || !accepts(code.to_ascii_uppercase()) {
            return None;
        }
        *own.get_mut(count)? = code.to_ascii_uppercase();
        (at, count) = (at + 1, count + 1);
        Some(())
    };
    for index in 0..4 {
        push(look, &|c| {
            if index < 2 {
                c.is_ascii_uppercase()
            } else {
                c.is_ascii_digit()
            }
        })?;
    }
    let code = [
        look.get(0).to_ascii_uppercase(),
        look.get(1).to_ascii_uppercase(),
    ];
    let mut form = country(&code)?;
    while let Some(class) = form.chars().next() {
        let rest = form.get(1..)?;
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (length, tail) = rest.split_at_checked(digits)?;
        for _ in 0..length.parse::<usize>().ok()? {
            push(look, &|c| match class {
                'n' => c.is_ascii_digit(),
                'a' => c.is_ascii_uppercase(),
                _ => c.is_ascii_digit() || c.is_ascii_uppercase(),
            })?;
        }
        form = tail;
    }
    let own = own.get(..count)?;
    if !check::iban(own) || is_word(look.get(at)) {
        return None;
    }
    Hit::to(at, 100)
}

/// Reads the address of a wallet.
fn wallet(look: &mut Look<'_>) -> Option<Hit> {
    let first = look.get(0);
    if first == b'0' {
        let digits = look.is(0, "0x") && look.run(2, 41, |c| c.is_ascii_hexdigit()) == 40;
        return if digits && !is_word(look.get(42)) {
            Hit::to(42, 60)
        } else {
            None
        };
    }
    if ["bc1", "tb1", "ltc1"]
        .iter()
        .any(|prefix| look.says(0, prefix))
    {
        let length = look.run(0, MAX_WALLET, |c| c.is_ascii_alphanumeric());
        let good =
            length < MAX_WALLET && !is_word(look.get(length)) && is_bech32(look.read(0, length));
        return if good { Hit::to(length, 100) } else { None };
    }
    if !matches!(first, b'1' | b'3' | b'L' | b'M' | b'D' | b'T') {
        return None;
    }
    let length = look.run(0, 36, |c| c.is_ascii_alphanumeric());
    if !(25..=35).contains(&length) || is_word(look.get(length)) || !is_base58(look.read(0, length))
    {
        return None;
    }
    Hit::to(length, 100)
}

/// Twenty-one bytes and the first four of their double SHA-256, the first byte a coin's.
fn is_base58(address: &[u8]) -> bool {
    const DIGITS: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    let mut bytes = [0_u8; 25];
    for code in address {
        let Some(digit) = DIGITS.iter().position(|known| known == code) else {
            return false;
        };
        let mut carry = digit;
        for byte in bytes.iter_mut().rev() {
            carry += usize::from(*byte) * 58;
            *byte = u8::try_from(carry & 0xff).unwrap_or_default();
            carry >>= 8;
        }
        if carry > 0 {
            return false;
        }
    }
    let (body, sum) = bytes.split_at(21);
    let twice = Sha256::digest(Sha256::digest(body));
    // Bitcoin, Litecoin, Dogecoin, Tron.
    let coin = matches!(body.first(), Some(0 | 5 | 0x30 | 0x32 | 0x1e | 0x16 | 0x41));
    coin && twice.get(..4) == Some(sum)
}

/// The checksum of BIP 173 and BIP 350.
/// Source: BIP 173, general knowledge, held against published addresses.
fn is_bech32(address: &[u8]) -> bool {
    const DIGITS: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    const STEPS: [u32; 5] = [
        0x3b6a_57b2,
        0x2650_8e6d,
        0x1ea1_19fa,
        0x3d42_33dd,
        0x2a14_62b3,
    ];
    let mixed =
        address.iter().any(u8::is_ascii_uppercase) && address.iter().any(u8::is_ascii_lowercase);
    let Some(split) = address.iter().rposition(|byte| *byte == b'1') else {
        return false;
    };
    let (human, data) = address.split_at(split);
    let Some(data) = data.get(1..).filter(|data| data.len() >= 6 && !mixed) else {
        return false;
    };
    let mut sum = 1_u32;
    let mut add = |value: u32| {
        let top = sum >> 25;
        sum = ((sum & 0x01ff_ffff) << 5) ^ value;
        for (bit, step) in STEPS.iter().enumerate() {
            if top >> bit & 1 == 1 {
                sum ^= step;
            }
        }
    };
    for byte in human {
        add(u32::from(byte.to_ascii_lowercase()) >> 5);
    }
    add(0);
    for byte in human {
        add(u32::from(byte.to_ascii_lowercase()) & 31);
    }
    for byte in data {
        match DIGITS
            .iter()
            .position(|digit| *digit == byte.to_ascii_lowercase())
        {
            Some(value) => add(u32::try_from(value).unwrap_or_default()),
            None => return false,
        }
    }
    matches!(sum, 1 | 0x2bc8_30a3)
}
