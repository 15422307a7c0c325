//! Times in texts and numbers, and their relation to the application's clock.
use jiff::{Timestamp, civil, fmt::rfc2822, tz::TimeZone};

const SECOND: i128 = 1_000_000_000;
const DAY: i128 = 86_400 * SECOND;

/// When something was recorded and when it happens now, by the application's clock. All in nanoseconds; clocks since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    pub recorded: u64,
    pub live: u64,
    /// By how much two times may be further apart now than they were then: how long both took, and a little.
    pub slack: u64,
}

impl Moment {
    /// By how many seconds it is later now than when it was recorded.
    pub(crate) fn drift(self) -> f64 {
        (i128::from(self.live) - i128::from(self.recorded)) as f64 / SECOND as f64
    }

    /// Is `live` as far from now as `recorded` was from then?
    fn fits(self, recorded: i128, live: i128, unit: i128) -> bool {
        let (then, now) = (recorded - i128::from(self.recorded), live - i128::from(self.live));
        (now - then).abs() <= i128::from(self.slack) + unit
    }

    /// Does a rule for times explain these numbers: seconds, milli-, micro- or nanoseconds since 1970?
    pub(crate) fn explains_numbers(self, recorded: f64, live: f64) -> bool {
        // Further from the recording than this, it is some other number.
        const NEAR: i128 = 400 * DAY;
        let units = [SECOND, SECOND / 1_000, SECOND / 1_000_000, 1];
        units.into_iter().any(|unit| {
            let at = |number: f64| (number * unit as f64) as i128;
            (at(recorded) - i128::from(self.recorded)).abs() < NEAR && self.fits(at(recorded), at(live), unit)
        })
    }

    /// Of two texts that the tokenizer takes for times: the same format, and does it fit the clock?
    pub(crate) fn explains_texts(self, recorded: &str, live: &str) -> Result<(), String> {
        if format_of(recorded) != format_of(live) {
            return Err("a time in another format or zone".to_owned());
        }
        let (Some((then, unit)), Some((now, _))) = (instant(recorded), instant(live)) else {
            return Err("no time".to_owned());
        };
        if self.fits(then, now, unit) {
            return Ok(());
        }
        let off = (now - i128::from(self.live)) - (then - i128::from(self.recorded));
        Err(format!(
            "{} {} than recorded, by the application's clock",
            span(off.abs()),
            if off > 0 { "later" } else { "earlier" }
        ))
    }
}

/// What is left of a time when its numbers and names are gone: the separators and the zone. Fractions of seconds are as long
/// as they have to be in some languages and databases (Go, Java, PostgreSQL), and not there when they are zero.
fn format_of(text: &str) -> String {
    let zone_at =
        text.char_indices().skip(11).find(|(_, c)| matches!(c, 'Z' | '+' | '-')).map_or(text.len(), |(at, _)| at);
    let (date, zone) = text.split_at(zone_at);
    let date = date.split_once('.').map_or(date, |(date, _)| date);
    let date: String = date
        .chars()
        .map(|c| match c {
            '0'..='9' => '0',
            'a'..='z' | 'A'..='Z' if date.len() > 20 => 'a',
            other => other,
        })
        .collect();
    format!("{date}{zone}")
}

/// A time and the unit it is exact to. Without a zone it is taken for UTC: only its distance to another one counts.
fn instant(text: &str) -> Option<(i128, i128)> {
    let spaced = text.trim();
    if let Ok(zoned) = rfc2822::DateTimeParser::new().relaxed_weekday(true).parse_zoned(spaced) {
        return Some((zoned.timestamp().as_nanosecond(), SECOND));
    }
    let plain = spaced.trim_end_matches("UTC").trim_end().split('[').next().unwrap_or_default();
    let plain = match plain.len() {
        // PostgreSQL's `+01` is no offset elsewhere.
        n if n > 19 && matches!(plain.as_bytes()[n - 3], b'+' | b'-') => format!("{plain}:00"),
        _ => plain.to_owned(),
    };
    let unit = if plain.contains('.') { SECOND / 1_000 } else { SECOND };
    if let Ok(at) = plain.parse::<Timestamp>() {
        return Some((at.as_nanosecond(), unit));
    }
    let civil =
        |civil: civil::DateTime| civil.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp().as_nanosecond());
    if let Ok(at) = plain.parse::<civil::DateTime>()
        && plain.len() > 10
    {
        return Some((civil(at)?, unit));
    }
    let date: civil::Date = plain.parse().ok()?;
    Some((civil(date.at(0, 0, 0, 0))?, DAY))
}

fn span(nanoseconds: i128) -> String {
    match nanoseconds / SECOND {
        s if s >= 2 * 86_400 => format!("{} days", s / 86_400),
        s if s >= 2 * 3_600 => format!("{} hours", s / 3_600),
        s if s >= 120 => format!("{} minutes", s / 60),
        s => format!("{s} seconds"),
    }
}
