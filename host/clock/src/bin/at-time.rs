//! `at-time OFFSET COMMAND...`: runs a command, and all that it starts, at another time: `at-time -365d3h date`.
use std::{env, process};

use clock::Clock;

const USAGE: &str = "usage: at-time OFFSET COMMAND...\n\
    hint: OFFSET is how far ahead of real time the command lives, or how far behind: -365d3h, +90s, 5m30s";

fn main() {
    let mut arguments = env::args_os().skip(1);
    let offset = arguments.next().and_then(|text| parse(text.to_str()?));
    let (Some(offset), Some(program)) = (offset, arguments.next()) else {
        eprintln!("{USAGE}");
        process::exit(2);
    };
    let mut command = process::Command::new(&program);
    command.args(arguments);
    let failure = match Clock::with_offset(offset) {
        // SAFETY: no thread has been started.
        Ok(clock) => unsafe { clock::exec(&mut command, clock) },
        Err(unsupported) => unsupported.into(),
    };
    eprintln!("at-time: {}: {failure}", program.display());
    process::exit(if matches!(failure, clock::Failure::Exec(_)) { 127 } else { 1 });
}

/// In nanoseconds.
fn parse(text: &str) -> Option<i64> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let mut seconds = 0_i64;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit())?;
        let unit = match rest.as_bytes()[end] {
            b'd' => 86_400,
            b'h' => 3_600,
            b'm' => 60,
            b's' => 1,
            _ => return None,
        };
        seconds = seconds.checked_add(rest[..end].parse::<i64>().ok()?.checked_mul(unit)?)?;
        rest = &rest[end + 1..];
    }
    seconds.checked_mul(sign * 1_000_000_000)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn offsets_are_read() {
        const S: i64 = 1_000_000_000;
        assert_eq!(parse("-365d3h"), Some(-(365 * 86_400 + 3 * 3_600) * S));
        assert_eq!(parse("+1m30s"), Some(90 * S));
        assert_eq!(parse("0s"), Some(0));
        for wrong in ["5", "d", "1x", "--1d", "99999999999d", "1é"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
