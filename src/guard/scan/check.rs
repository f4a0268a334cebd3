//! Check digits. Every function takes what was written without its separators, letters in upper case.

/// The value of a digit; anything else counts as nothing.
pub(super) fn digit(byte: u8) -> u32 {
    if byte.is_ascii_digit() {
        u32::from(byte - b'0')
    } else {
        0
    }
}

/// `0`-`9` are 0 to 9, `A`-`Z` are 10 to 35.
fn value(byte: u8) -> u32 {
    if byte.is_ascii_uppercase() {
        u32::from(byte - b'A') + 10
    } else {
        digit(byte)
    }
}

/// The number that these digits write.
pub(super) fn number(digits: &[u8]) -> u64 {
    digits.iter().fold(0_u64, |sum, byte| {
        sum.wrapping_mul(10).wrapping_add(u64::from(digit(*byte)))
    })
}

/// The digit at a place, 0 where there is none.
pub(super) fn nth(digits: &[u8], index: usize) -> u32 {
    digits.get(index).copied().map_or(0, digit)
}

/// The number that the digits from one place up to another write.
pub(super) fn part(digits: &[u8], from: usize, to: usize) -> u64 {
    number(digits.get(from..to).unwrap_or_default())
}

/// Whether all are the same.
pub(super) fn same(bytes: &[u8]) -> bool {
    bytes.windows(2).all(|pair| match pair {
        [one, two] => one == two,
        _ => true,
    })
}

/// The sum of the digits times these weights.
pub(super) fn weighted(digits: &[u8], weights: &[u32]) -> u32 {
    let pairs = digits.iter().zip(weights);
    pairs.map(|(byte, weight)| digit(*byte) * weight).sum()
}

fn luhn_sum(digits: &[u8]) -> u32 {
    let places = digits.iter().rev().enumerate();
    places
        .map(|(index, byte)| {
            let twice = digit(*byte) << (index % 2);
            if twice > 9 { twice - 9 } else { twice }
        })
        .sum()
}

/// ISO/IEC 7812: every second digit from the right counts double.
pub(super) fn luhn(digits: &[u8]) -> bool {
    luhn_sum(digits).is_multiple_of(10)
}

/// ISO 7064, MOD 97-10, with the first four characters moved to the end: what an IBAN must satisfy.
pub(super) fn iban(bytes: &[u8]) -> bool {
    let (head, tail) = bytes.split_at(bytes.len().min(4));
    let rest = tail.iter().chain(head).fold(0_u32, |rest, byte| {
        let value = value(*byte);
        (rest * if value > 9 { 100 } else { 10 } + value) % 97
    });
    rest == 1
}

/// ISO 7064, MOD 11-10: the German tax and VAT numbers.
pub(super) fn mod_11_10(digits: &[u8]) -> bool {
    let Some((last, body)) = digits.split_last() else {
        return false;
    };
    let product = body.iter().fold(10, |product, byte| {
        let sum = (digit(*byte) + product) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    (11 - product) % 10 == digit(*last)
}

/// Verhoeff's scheme over the dihedral group of ten: Aadhaar and the Nigerian number.
pub(super) fn verhoeff(digits: &[u8]) -> bool {
    let check = digits
        .iter()
        .rev()
        .enumerate()
        .fold(0, |check, (index, byte)| {
            let mut moved = digit(*byte);
            for _ in 0..index % 8 {
                moved = permuted(moved);
            }
            product(check, moved)
        });
    check == 0
}

/// The permutation (1 5 8 9 4 2 7 0)(3 6).
fn permuted(digit: u32) -> u32 {
    match digit {
        0 => 1,
        1 => 5,
        2 => 7,
        3 => 6,
        4 => 2,
        5 => 8,
        6 => 3,
        7 => 0,
        8 => 9,
        _ => 4,
    }
}

/// Multiplication in the dihedral group: 0 to 4 turn, 5 to 9 turn and mirror.
fn product(left: u32, right: u32) -> u32 {
    match (left < 5, right < 5) {
        (true, true) => (left + right) % 5,
        (true, false) => (left + right - 5) % 5 + 5,
        (false, true) => (left - 5 + 5 - right) % 5 + 5,
        (false, false) => (left + 5 - right) % 5,
    }
}

/// Weights 7, 3, 1 over digits and letters, as in machine readable travel documents (ICAO 9303).
pub(super) fn icao(bytes: &[u8]) -> bool {
    let Some((last, body)) = bytes.split_last() else {
        return false;
    };
    let weights = [7, 3, 1].iter().cycle();
    let sum: u32 = body.iter().zip(weights).map(|(b, w)| value(*b) * w).sum();
    last.is_ascii_digit() && sum % 10 == digit(*last)
}

/// The sum of the digits' products' own digits, weights in turn: the German health and pension numbers.
pub(super) fn cross_sum(digits: &[u8], weights: &[u32]) -> u32 {
    let pairs = digits.iter().zip(weights.iter().cycle());
    pairs
        .map(|(byte, weight)| {
            let product = digit(*byte) * weight;
            product / 10 + product % 10
        })
        .sum()
}

/// Whether this day exists; a year of 0 is a leap year.
pub(super) fn date(year: u64, month: u64, day: u64) -> bool {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        1..=12 => 31,
        _ => return false,
    };
    (1..=days).contains(&day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_examples_hold_and_their_neighbours_do_not() {
        type Check = fn(&[u8]) -> bool;
        let rows: [(Check, &str); 5] = [
            (luhn, "79927398713"),
            (iban, "GB82WEST12345698765432"),
            (mod_11_10, "136695976"),
            (verhoeff, "2363"),
            (icao, "L898902C36"),
        ];
        for (check, example) in rows {
            assert!(check(example.as_bytes()), "{example}");
            let mut changed = example.as_bytes().to_vec();
            let end = changed.len() - 1;
            changed[end] = if changed[end] == b'9' {
                b'0'
            } else {
                changed[end] + 1
            };
            assert!(!check(&changed), "{example}");
        }
    }

    #[test]
    fn verhoeff_finds_every_neighbour_transposition() {
        for number in 10_u32..1000 {
            let body = number.to_string();
            let Some(check) = (b'0'..=b'9').find(|c| {
                let mut whole = body.clone().into_bytes();
                whole.push(*c);
                verhoeff(&whole)
            }) else {
                panic!("no check digit for {body}");
            };
            let mut whole = body.into_bytes();
            whole.push(check);
            if whole[0] != whole[1] {
                whole.swap(0, 1);
                assert!(!verhoeff(&whole));
            }
        }
    }

    #[test]
    fn days_that_do_not_exist_are_refused() {
        assert!(date(2024, 2, 29) && !date(2023, 2, 29) && !date(1900, 2, 29));
        assert!(!date(2020, 13, 1) && !date(2020, 4, 31) && !date(2020, 1, 0));
    }
}
