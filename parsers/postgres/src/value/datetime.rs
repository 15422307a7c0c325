//! Dates and times: days and microseconds since 2000-01-01 and the ISO text form, in UTC.
const MICROS_A_DAY: i64 = 86_400_000_000;
/// From 0000-03-01, where the arithmetic below begins, to 2000-01-01.
const EPOCH: i64 = 730_425;

pub fn date_to_text(days: i32) -> Option<String> {
    match days {
        i32::MAX => Some("infinity".into()),
        i32::MIN => Some("-infinity".into()),
        days => {
            let (date, era) = date(days.into());
            Some(date + era)
        }
    }
}

pub fn date_from_text(text: &str) -> Option<i32> {
    match text {
        "infinity" => Some(i32::MAX),
        "-infinity" => Some(i32::MIN),
        _ => {
            let (text, before) = era(text);
            i32::try_from(days(text, before)?).ok()
        }
    }
}

/// `zone` goes behind the time, the era behind that.
pub fn timestamp_to_text(micros: i64, zone: &str) -> Option<String> {
    match micros {
        i64::MAX => Some("infinity".into()),
        i64::MIN => Some("-infinity".into()),
        _ => {
            let (date, era) = date(micros.div_euclid(MICROS_A_DAY));
            Some(format!("{date} {}{zone}{era}", time_to_text(micros.rem_euclid(MICROS_A_DAY))?))
        }
    }
}

/// With a zone or without; the result is in UTC.
pub fn timestamp_from_text(text: &str) -> Option<i64> {
    match text {
        "infinity" => return Some(i64::MAX),
        "-infinity" => return Some(i64::MIN),
        _ => {}
    }
    let (text, before) = era(text);
    let (date, time) = text.split_once([' ', 'T'])?;
    let (time, west) = zoned(time)?;
    let micros = days(date, before)?.checked_mul(MICROS_A_DAY)?.checked_add(time_from_text(time)?)?;
    micros.checked_add(i64::from(west) * 1_000_000)
}

pub fn time_to_text(micros: i64) -> Option<String> {
    if !(0..=MICROS_A_DAY).contains(&micros) {
        return None;
    }
    let seconds = micros / 1_000_000;
    let clock = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    Some(clock + &fraction(micros % 1_000_000))
}

/// `.5` of half a million; nothing of none.
pub fn fraction(micros: i64) -> String {
    if micros == 0 { String::new() } else { format!(".{micros:06}").trim_end_matches('0').to_owned() }
}

pub fn time_from_text(text: &str) -> Option<i64> {
    let mut parts = text.split(':');
    let hours: i64 = number(parts.next()?, 2)?;
    let minutes: i64 = number(parts.next()?, 2)?;
    let seconds = parts.next().unwrap_or("00");
    if parts.next().is_some() || minutes > 59 {
        return None;
    }
    Some((hours * 60 + minutes) * 60_000_000 + seconds_from_text(seconds)?)
}

/// `05.25`, in microseconds.
pub fn seconds_from_text(text: &str) -> Option<i64> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let micros: i64 = if fraction.is_empty() { 0 } else { number(&format!("{fraction:0<6}"), 6)? };
    Some(number::<i64>(seconds, 2)? * 1_000_000 + micros)
}

pub fn timetz_to_text(micros: i64, west: i32) -> Option<String> {
    let (sign, seconds) = (if west > 0 { '-' } else { '+' }, west.unsigned_abs());
    let mut text = format!("{}{sign}{:02}", time_to_text(micros)?, seconds / 3600);
    if seconds % 3600 != 0 {
        text += &format!(":{:02}", seconds / 60 % 60);
    }
    if seconds % 60 != 0 {
        text += &format!(":{:02}", seconds % 60);
    }
    Some(text)
}

pub fn timetz_from_text(text: &str) -> Option<(i64, i32)> {
    let (time, west) = zoned(text)?;
    Some((time_from_text(time)?, west))
}

/// What is before the zone, and the zone in seconds west of Greenwich, as the server counts.
fn zoned(time: &str) -> Option<(&str, i32)> {
    if let Some(time) = time.strip_suffix('Z') {
        return Some((time, 0));
    }
    let Some(at) = time.rfind(['+', '-']) else { return Some((time, 0)) };
    let (time, zone) = time.split_at(at);
    let sign = if zone.starts_with('-') { 1 } else { -1 };
    let mut seconds = 0;
    for (part, unit) in zone.get(1..)?.split(':').zip([3600, 60, 1]) {
        seconds += number::<i32>(part, 2)? * unit;
    }
    Some((time, sign * seconds))
}

fn era(text: &str) -> (&str, bool) {
    text.strip_suffix(" BC").map_or((text, false), |text| (text, true))
}

/// `2024-02-29` and the era. After Howard Hinnant's `civil_from_days`: years begin in March, so that leap days are last.
fn date(days: i64) -> (String, &'static str) {
    let days = days + EPOCH;
    let (cycle, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + cycle * 400 + i64::from(month <= 2);
    match year {
        1.. => (format!("{year:04}-{month:02}-{day:02}"), ""),
        _ => (format!("{:04}-{month:02}-{day:02}", 1 - year), " BC"), // 1 BC is the year 0
    }
}

fn days(date: &str, before: bool) -> Option<i64> {
    let mut parts = date.split('-');
    let year: i64 = number(parts.next()?, 7)?;
    let month: i64 = number(parts.next()?, 2)?;
    let day: i64 = number(parts.next()?, 2)?;
    if parts.next().is_some() || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let year = if before { 1 - year } else { year } - i64::from(month <= 2);
    let (cycle, year) = (year.div_euclid(400), year.rem_euclid(400));
    let month = if month > 2 { month - 3 } else { month + 9 };
    let day = (153 * month + 2) / 5 + day - 1;
    Some(cycle * 146_097 + year * 365 + year / 4 - year / 100 + day - EPOCH)
}

/// Digits, and not more than `most`.
fn number<T: std::str::FromStr>(text: &str, most: usize) -> Option<T> {
    let plain = !text.is_empty() && text.len() <= most && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_day_comes_back() {
        for (days, text) in [
            (0, "2000-01-01"),
            (59, "2000-02-29"),
            (-1, "1999-12-31"),
            (8825, "2024-02-29"),
            (-730_119, "0001-01-01"),
            (-730_120, "0001-12-31 BC"),
            (2_921_939, "9999-12-31"),
            (2_921_940, "10000-01-01"),
            (i32::MAX, "infinity"),
            (i32::MIN, "-infinity"),
        ] {
            assert_eq!(date_from_text(text), Some(days), "{text}");
            assert_eq!(date_to_text(days).as_deref(), Some(text));
        }
    }

    #[test]
    fn times_and_zones() {
        let check = |text: &str, micros| {
            assert_eq!(timestamp_from_text(text), Some(micros), "{text}");
        };
        check("2000-01-01 00:00:00+00", 0);
        check("2000-01-01 02:00:00.5+02", 500_000);
        check("1999-12-31 18:30:00-05:30", 0);
        check("2000-01-01T00:00:01Z", 1_000_000);
        assert_eq!(timestamp_to_text(-1, "+00").as_deref(), Some("1999-12-31 23:59:59.999999+00"));
        assert_eq!(timestamp_to_text(-730_120 * MICROS_A_DAY, "").as_deref(), Some("0001-12-31 00:00:00 BC"));
        assert_eq!(time_from_text("24:00:00"), Some(MICROS_A_DAY));
        for text in ["10:00:00+02", "10:00:00.25-05:30", "00:00:00+00", "12:00:00+01:02:03"] {
            let (micros, west) = timetz_from_text(text).expect(text);
            assert_eq!(timetz_to_text(micros, west).as_deref(), Some(text));
        }
    }
}
