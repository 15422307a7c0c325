//! Instants as RFC 3339.
use jiff::Timestamp as Instant;

use crate::Timestamp;

/// Nanoseconds as `2026-07-17T09:10:53.449166379Z`.
pub fn format(at: Timestamp) -> String {
    // 2^64 nanoseconds end in the year 2554, which jiff can show.
    Instant::from_nanosecond(at.into()).expect("the range is checked by the type").to_string()
}

/// Any offset; none when it is no date, and 0 for years before 1970: Keploy writes year 1 for "not known".
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    let at: Instant = text.trim().parse().ok()?;
    Some(Timestamp::try_from(at.as_nanosecond()).unwrap_or(0))
}

pub(crate) fn seconds(at: Timestamp) -> u64 {
    at / 1_000_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        for at in [0, 1, 1_784_279_453_449_166_379, u64::MAX] {
            assert_eq!(parse(&format(at)), Some(at));
        }
        assert_eq!(format(1_784_279_453_449_166_379), "2026-07-17T09:10:53.449166379Z");
    }

    #[test]
    fn offsets_and_keploys_zero() {
        assert_eq!(parse("2024-08-02T12:22:03.5+05:30"), parse("2024-08-02T06:52:03.5Z"));
        assert_eq!(parse("0001-01-01T00:00:00Z"), Some(0));
        assert_eq!(parse("yesterday"), None);
    }
}
