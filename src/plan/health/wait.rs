//! What a provider's `retry-after` asks for.

use std::time::Duration;

const MONTHS: &[&str] = &[
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// How long to wait: seconds, perhaps with a fraction, or a date. `now`: milliseconds since 1970. `None`: it
/// says nothing that can be understood, or no time at all.
/// Source: RFC 9110, sections 5.6.7 and 10.2.3, general knowledge, not confirmed.
pub fn told(text: &str, now: u64) -> Option<Duration> {
    let text = text.trim();
    let pause = match text.parse::<f64>() {
        Ok(seconds) => Duration::try_from_secs_f64(seconds).ok()?,
        Err(_) => Duration::from_millis(date(text)?.checked_mul(1000)?.checked_sub(now)?),
    };
    (!pause.is_zero()).then_some(pause)
}

/// Seconds since 1970 of `Wed, 21 Oct 2026 07:28:00 GMT`.
fn date(text: &str) -> Option<u64> {
    let (_, rest) = text.split_once(", ")?;
    let mut words = rest.strip_suffix(" GMT")?.split(' ');
    let (day, month, year, time) = (words.next()?, words.next()?, words.next()?, words.next()?);
    if words.next().is_some() {
        return None;
    }
    let day: u64 = day.parse().ok().filter(|day| (1..=31).contains(day))?;
    let month = MONTHS.iter().position(|name| *name == month)? as u64;
    let year: u64 = year
        .parse()
        .ok()
        .filter(|year| (1970..=9999).contains(year))?;
    let mut parts = time.split(':').map(|part| part.parse::<u64>().ok());
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    if hour > 23 || minute > 59 || second > 60 || parts.next().is_some() {
        return None;
    }
    // Years begin in March here, so that the odd day is the last one.
    let (years, months) = match month {
        0 | 1 => (year - 1, month + 10),
        _ => (year, month - 2),
    };
    let leaps = years / 4 - years / 100 + years / 400;
    let days = years * 365 + leaps + (months * 153 + 2) / 5 + day - 1;
    let since_1970 = days.checked_sub(719_468)?;
    Some(since_1970 * 86_400 + hour * 3600 + minute * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_793_491_200_000; // 2026-11-01T00:00:00Z

    #[test]
    fn seconds_and_dates_are_understood() {
        let of = |text: &str| told(text, NOW).map(|pause| pause.as_millis());
        assert_eq!(of("7"), Some(7000));
        assert_eq!(of(" 0.25 "), Some(250));
        assert_eq!(of("Sun, 01 Nov 2026 00:00:30 GMT"), Some(30_000));
        assert_eq!(of("Mon, 29 Feb 2028 12:00:00 GMT"), Some(41_947_200_000));
        for nothing in [
            "0",
            "-1",
            "NaN",
            "inf",
            "1e400",
            "soon",
            "",
            "Sat, 31 Oct 2026 23:59:59 GMT",
            "Sun, 01 Nov 2026 00:00:00 GMT",
            "Sun, 01 Now 2026 00:00:30 GMT",
            "Sun, 01 Nov 2026 24:00:00 GMT",
            "Sun, 32 Nov 2026 00:00:30 GMT",
            "x, 01 Nov 2026 00:00:30 GMT y",
        ] {
            assert_eq!(of(nothing), None, "{nothing}");
        }
    }
}
