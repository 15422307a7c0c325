//! Intervals in the server's own style: `1 year 2 mons -3 days +04:05:06.5`.
use super::datetime::{fraction, seconds_from_text};

pub fn to_text(micros: i64, days: i32, months: i32) -> String {
    match (micros, days, months) {
        (i64::MAX, i32::MAX, i32::MAX) => return "infinity".into(),
        (i64::MIN, i32::MIN, i32::MIN) => return "-infinity".into(),
        _ => {}
    }
    let mut text = String::new();
    // A sign is written where it changes.
    let mut negative = false;
    for (count, unit) in [(months / 12, "year"), (months % 12, "mon"), (days, "day")] {
        if count != 0 {
            let space = if text.is_empty() { "" } else { " " };
            let plus = if negative && count > 0 { "+" } else { "" };
            let plural = if count == 1 { "" } else { "s" };
            text += &format!("{space}{plus}{count} {unit}{plural}");
            negative = count < 0;
        }
    }
    if micros != 0 || text.is_empty() {
        let space = if text.is_empty() { "" } else { " " };
        let sign = match (micros < 0, negative) {
            (true, _) => "-",
            (false, true) => "+",
            (false, false) => "",
        };
        let clock = micros.unsigned_abs();
        let seconds = clock / 1_000_000;
        let fraction = fraction((clock % 1_000_000) as i64);
        text += &format!("{space}{sign}{:02}:{:02}:{:02}{fraction}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    }
    text
}

/// Microseconds, days and months.
pub fn from_text(text: &str) -> Option<(i64, i32, i32)> {
    match text {
        "infinity" => return Some((i64::MAX, i32::MAX, i32::MAX)),
        "-infinity" => return Some((i64::MIN, i32::MIN, i32::MIN)),
        _ => {}
    }
    let (mut micros, mut days, mut months) = (0, 0, 0_i32);
    let mut words = text.split(' ');
    while let Some(word) = words.next() {
        if word.contains(':') {
            micros = clock(word)?;
            continue;
        }
        let count: i32 = word.parse().ok()?;
        match words.next()?.trim_end_matches('s') {
            "year" => months = months.checked_add(count.checked_mul(12)?)?,
            "mon" => months = months.checked_add(count)?,
            "day" => days = count,
            _ => return None,
        }
    }
    Some((micros, days, months))
}

/// `-04:05:06.5`; hours may be many.
fn clock(text: &str) -> Option<i64> {
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let mut parts = text.split(':');
    let hours: i64 = parts.next()?.parse().ok()?;
    let minutes: i64 = parts.next()?.parse().ok()?;
    let seconds = seconds_from_text(parts.next().unwrap_or("00"))?;
    let total =
        hours.checked_mul(3_600_000_000)?.checked_add(minutes.checked_mul(60_000_000)?)?.checked_add(seconds)?;
    parts.next().is_none().then_some(sign * total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_read() {
        for text in [
            "00:00:00",
            "1 year",
            "2 years 1 mon",
            "-1 years",
            "1 day",
            "-3 days +04:05:06",
            "1 mon -1 days",
            "-1 years -2 mons +3 days -04:05:06.789",
            "04:05:06.5",
            "-00:00:00.000001",
            "2562047788:00:54.775807",
            "infinity",
        ] {
            let (micros, days, months) = from_text(text).expect(text);
            assert_eq!(to_text(micros, days, months), text);
        }
        assert_eq!(from_text("P1Y"), None);
    }
}
