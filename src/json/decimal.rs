//! Decimal numbers without floating point, for money.

/// A decimal number, times a power of ten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scaled {
    /// The nearest whole number, halves upwards.
    pub nearest: u64,
    /// Nothing was lost.
    pub exact: bool,
}

/// More digits than any price has.
const MAX_BYTES: usize = 64;

/// Reads a number that is not negative (`2.5`, `1e-6`), times 10 to the power of `digits`. `None`: it is no such
/// number, or too large.
pub fn scaled(text: &str, digits: i32) -> Option<Scaled> {
    if text.len() > MAX_BYTES {
        return None;
    }
    let (number, exponent) = match text.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() {
        return None;
    }
    let mut value: u128 = 0;
    for byte in whole.bytes().chain(fraction.bytes()) {
        let digit = byte.is_ascii_digit().then(|| u128::from(byte - b'0'))?;
        value = value.checked_mul(10)?.checked_add(digit)?;
    }
    let places = i32::try_from(fraction.len()).ok()?;
    let shift = digits.checked_add(exponent)?.checked_sub(places)?;
    let power = 10_u128.checked_pow(shift.unsigned_abs());
    let (nearest, exact) = match (shift >= 0 || value == 0, power) {
        (_, _) if value == 0 => (0, true),
        (true, power) => (value.checked_mul(power?)?, true),
        // So small that nothing is left.
        (false, None) => (0, false),
        (false, Some(power)) => {
            let (whole, rest) = (value / power, value % power);
            (whole + u128::from(rest >= power - rest), rest == 0)
        }
    };
    Some(Scaled {
        nearest: u64::try_from(nearest).ok()?,
        exact,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_number_keeps_every_digit_that_it_has_room_for() {
        let read = |text, digits| scaled(text, digits).map(|s| (s.nearest, s.exact));
        assert_eq!(read("2.5", 6), Some((2_500_000, true)));
        assert_eq!(read("0.000001", 6), Some((1, true)));
        assert_eq!(read("0.0000001", 6), Some((0, false)));
        assert_eq!(read("0.0000005", 6), Some((1, false)));
        assert_eq!(read("1e-6", 6), Some((1, true)));
        assert_eq!(read("2.5E2", 0), Some((250, true)));
        assert_eq!(read("0", 6), Some((0, true)));
        assert_eq!(read("0e-999999", 6), Some((0, true)));
        assert_eq!(read("1e-999999", 6), Some((0, false)));
        // 0.1 + 0.2 in floating point.
        assert_eq!(read("0.30000000000000004", 6), Some((300_000, false)));
    }

    #[test]
    fn what_is_no_amount_is_none() {
        for text in [
            "",
            ".",
            ".5",
            "-1",
            "+1",
            "1e",
            "1e+",
            "NaN",
            "1_000",
            "1e99",
            "1e9999999999",
            " 1",
            "18446744073709551616",
        ] {
            assert_eq!(scaled(text, 0), None, "{text}");
        }
        assert_eq!(scaled(&"1".repeat(65), 0), None);
    }
}
