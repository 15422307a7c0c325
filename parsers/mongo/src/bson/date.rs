//! Milliseconds since 1970 as `2024-02-29T12:34:56.789Z`: always with three digits, so that times of one field have one
//! format.

const DAY: i64 = 24 * 60 * 60 * 1000;

/// None before 1970 and after 9999: extended JSON has them as numbers.
pub fn shown(since_1970: i64) -> Option<String> {
    let (days, time) = (since_1970.div_euclid(DAY), since_1970.rem_euclid(DAY));
    let (year, month, day) = date(days);
    if since_1970 < 0 || year > 9999 {
        return None;
    }
    let (hour, minute, second, milli) = (time / 3_600_000, time / 60_000 % 60, time / 1000 % 60, time % 1000);
    Some(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z"))
}

/// The inverse; a person may have left the milliseconds out.
pub fn read(text: &str) -> Option<i64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let mut date = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let (time, milli) = match time.split_once('.') {
        Some((time, milli)) if milli.len() == 3 => (time, milli.parse::<i64>().ok()?),
        Some(_) => return None,
        None => (time, 0),
    };
    let mut time = time.splitn(3, ':').map(|part| part.parse::<i64>().ok());
    let (hour, minute, second) = (time.next()??, time.next()??, time.next()??);
    let fits = (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && [(hour, 24), (minute, 60), (second, 60), (milli, 1000)].iter().all(|(part, end)| (0..*end).contains(part));
    fits.then(|| days(year, month, day) * DAY + ((hour * 60 + minute) * 60 + second) * 1000 + milli)
}

// http://howardhinnant.github.io/date_algorithms.html: years that begin in March, in eras of 400.
const DAYS_AN_ERA: i64 = 146_097;
const FROM_YEAR_0_TO_1970: i64 = 719_468;

fn date(days: i64) -> (i64, i64, i64) {
    let days = days + FROM_YEAR_0_TO_1970;
    let (era, day) = (days.div_euclid(DAYS_AN_ERA), days.rem_euclid(DAYS_AN_ERA));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (year + era * 400 + next, month, day)
}

fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * DAYS_AN_ERA + of_era * 365 + of_era / 4 - of_era / 100 + day - FROM_YEAR_0_TO_1970
}
