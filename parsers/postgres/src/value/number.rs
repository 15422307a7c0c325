//! Numbers: what the server prints, and its binary numerics.
use crate::wire::Fields;

/// As the server prints it: the fewest digits that tell it from its neighbours, with an exponent from 1e15 on.
pub fn float8_text(number: f64) -> String {
    special(number).unwrap_or_else(|| shortest(&format!("{number:e}"), 15))
}

/// The same for single precision, with an exponent from 1e6 on.
pub fn float4_text(number: f32) -> String {
    special(number.into()).unwrap_or_else(|| shortest(&format!("{number:e}"), 6))
}

fn special(number: f64) -> Option<String> {
    match number {
        _ if number.is_nan() => Some("NaN".into()),
        _ if number.is_infinite() => Some(if number > 0.0 { "Infinity" } else { "-Infinity" }.into()),
        _ => None,
    }
}

/// Lays out `1.25e-7`, which Rust prints with the fewest digits, as `printf("%g")` would.
fn shortest(scientific: &str, fixed_below: i32) -> String {
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default(); // Rust wrote it
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
    if !(-4..fixed_below).contains(&exponent) {
        let mark = if exponent < 0 { '-' } else { '+' };
        return format!("{sign}{mantissa}e{mark}{:02}", exponent.abs());
    }
    let digits = mantissa.replace('.', "");
    let Ok(whole) = usize::try_from(exponent + 1) else {
        return format!("{sign}0.{}{digits}", "0".repeat(exponent.unsigned_abs() as usize - 1));
    };
    match digits.split_at_checked(whole) {
        Some(("", rest)) => format!("{sign}0.{rest}"),
        Some((whole, "")) => format!("{sign}{whole}"),
        Some((whole, rest)) => format!("{sign}{whole}.{rest}"),
        None => format!("{sign}{digits}{}", "0".repeat(whole - digits.len())),
    }
}

const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xc000;
const INFINITY: u16 = 0xd000;
const MINUS_INFINITY: u16 = 0xf000;
/// The server's own limits of digits before the point are below this; ours guard against made-up weights.
const MOST_GROUPS: i32 = 40_000;

/// A numeric: groups of four decimal digits, and how many digits are shown behind the point.
pub fn numeric_to_text(raw: &[u8]) -> Option<String> {
    let mut fields = Fields(raw);
    let count = fields.u16()?;
    let (weight, sign, scale) = (i32::from(fields.i16()?), fields.u16()?, usize::from(fields.u16()?));
    let groups: Vec<u16> = (0..count).map(|_| fields.u16().filter(|group| *group < 10_000)).collect::<Option<_>>()?;
    fields.end(())?;
    let sign = match sign {
        0 => "",
        NEGATIVE => "-",
        NAN => return Some("NaN".into()),
        INFINITY => return Some("Infinity".into()),
        MINUS_INFINITY => return Some("-Infinity".into()),
        _ => return None,
    };
    let group = |at: i32| usize::try_from(at).ok().and_then(|at| groups.get(at)).copied().unwrap_or_default();
    let mut whole: String = (0..=weight).map(|at| format!("{:04}", group(at))).collect();
    whole.drain(..whole.len() - whole.trim_start_matches('0').len());
    if whole.is_empty() {
        whole.push('0');
    }
    let behind = scale.div_ceil(4) as i32;
    let mut fraction: String = (0..behind).map(|at| format!("{:04}", group(at + weight + 1))).collect();
    fraction.truncate(scale);
    Some(if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") })
}

pub fn numeric_from_text(text: &str) -> Option<Vec<u8>> {
    let special = match text {
        "NaN" => Some(NAN),
        "Infinity" => Some(INFINITY),
        "-Infinity" => Some(MINUS_INFINITY),
        _ => None,
    };
    if let Some(sign) = special {
        // Infinities come with a scale, which says nothing; without it the bytes would not be the server's.
        return Some(header(0, 0, sign, if sign == NAN { 0 } else { 32 }));
    }
    let (sign, digits) = text.strip_prefix('-').map_or((0, text), |rest| (NEGATIVE, rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all = [whole, fraction].concat();
    if whole.is_empty() || !all.bytes().all(|byte| byte.is_ascii_digit()) || all.len() > MOST_GROUPS as usize * 4 {
        return None;
    }
    // Groups are counted from the point, so both ends are filled up with zeros.
    let before = (4 - whole.len() % 4) % 4;
    let after = (4 - fraction.len() % 4) % 4;
    let padded = [&"0".repeat(before), all.as_str(), &"0".repeat(after)].concat();
    let groups: Vec<u16> = padded
        .as_bytes()
        .chunks(4)
        .map(|group| group.iter().fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0')))
        .collect();
    let leading = groups.iter().take_while(|group| **group == 0).count();
    let trailing = groups.iter().skip(leading).rev().take_while(|group| **group == 0).count();
    let sent = &groups[leading..groups.len() - trailing];
    let weight = if sent.is_empty() { 0 } else { whole.len().div_ceil(4) as i32 - 1 - leading as i32 };
    let sign = if sent.is_empty() { 0 } else { sign };
    let mut raw = header(sent.len(), i16::try_from(weight).ok()?, sign, u16::try_from(fraction.len()).ok()?);
    raw.extend(sent.iter().flat_map(|group| group.to_be_bytes()));
    Some(raw)
}

fn header(groups: usize, weight: i16, sign: u16, scale: u16) -> Vec<u8> {
    [(groups as u16).to_be_bytes(), weight.to_be_bytes(), sign.to_be_bytes(), scale.to_be_bytes()].concat()
}

/// `$1,234.56`, as the C locale has it. Other locales print other things, which stay text.
pub fn money_to_text(cents: i64) -> String {
    let (sign, cents) = (if cents < 0 { "-" } else { "" }, cents.unsigned_abs());
    let whole = (cents / 100).to_string();
    let groups: Vec<&str> =
        whole.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap_or_default()).collect();
    format!("{sign}${}.{:02}", groups.join(","), cents % 100)
}

pub fn money_from_text(text: &str) -> Option<i64> {
    let (sign, rest) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let (whole, cents) = rest.strip_prefix('$')?.split_once('.')?;
    let cents: i128 = cents.parse::<u8>().ok().filter(|_| cents.len() == 2)?.into();
    let whole: i128 = whole.replace(',', "").parse::<i64>().ok()?.into();
    i64::try_from(sign * (whole * 100 + cents)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_look_as_the_server_prints_them() {
        let check = |number: f64, text| assert_eq!(float8_text(number), text);
        check(0.0, "0");
        check(-0.0, "-0");
        check(1.0, "1");
        check(1.5, "1.5");
        check(-1234.5678, "-1234.5678");
        check(0.0001, "0.0001");
        check(0.00001, "1e-05");
        check(1e14, "100000000000000");
        check(1e15, "1e+15");
        check(-1.25e17, "-1.25e+17");
        check(5e-324, "5e-324");
        check(f64::NEG_INFINITY, "-Infinity");
        assert_eq!(float4_text(0.1), "0.1");
        assert_eq!(float4_text(1e6), "1e+06");
        assert_eq!(float4_text(123_456.0), "123456");
    }

    #[test]
    fn numerics_and_money_come_back() {
        for text in [
            "0",
            "0.00",
            "1",
            "-1",
            "10000",
            "9999.9999",
            "0.0001",
            "0.00000001",
            "-0.00012300",
            "123456789.123456789",
            "1000000000000000000000000",
            "NaN",
            "Infinity",
            "-Infinity",
            "10000.0001",
            "0.10",
            "100.00",
        ] {
            let raw = numeric_from_text(text).expect(text);
            assert_eq!(numeric_to_text(&raw).as_deref(), Some(text));
        }
        for (cents, text) in
            [(0, "$0.00"), (-5, "-$0.05"), (123_456_789, "$1,234,567.89"), (i64::MIN, "-$92,233,720,368,547,758.08")]
        {
            assert_eq!(money_to_text(cents), text);
            assert_eq!(money_from_text(text), Some(cents));
        }
    }

    #[test]
    fn what_no_amount_can_be_is_no_amount() {
        for text in ["$99999999999999999999999999999999999999.99", "$1", "1.00", "$1.5", "$.50"] {
            assert_eq!(money_from_text(text), None, "{text}");
        }
    }
}
