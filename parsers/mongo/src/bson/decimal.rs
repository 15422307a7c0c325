//! IEEE 754 decimal128 as text, by the rules of
//! <https://github.com/mongodb/specifications/blob/master/source/bson-decimal128/decimal128.md>.

const BIAS: i32 = 6176;
const LARGEST_EXPONENT: i32 = 6111;
const SIGN: u128 = 1 << 127;
const INFINITY: u128 = 0b1111 << 123;
const NAN: u128 = 0b11111 << 122;
/// 34 digits.
const LARGEST: u128 = 10u128.pow(34) - 1;
const COEFFICIENT_BITS: u32 = 113;

/// None: a number that has another, usual encoding.
pub fn shown(raw: [u8; 16]) -> Option<String> {
    let bits = u128::from_le_bytes(raw);
    let sign = if bits & SIGN == 0 { "" } else { "-" };
    let text = match bits & !SIGN {
        INFINITY => format!("{sign}Infinity"),
        NAN => format!("{sign}NaN"),
        unsigned => {
            let exponent = (unsigned >> COEFFICIENT_BITS) as i32 - BIAS;
            let coefficient = unsigned & ((1 << COEFFICIENT_BITS) - 1);
            format!("{sign}{}", digits(coefficient, exponent))
        }
    };
    (read(&text) == Some(raw)).then_some(text)
}

fn digits(coefficient: u128, exponent: i32) -> String {
    let digits = coefficient.to_string();
    let adjusted = exponent + digits.len() as i32 - 1;
    if exponent > 0 || adjusted < -6 {
        let (first, rest) = digits.split_at(1);
        let point = if rest.is_empty() { "" } else { "." };
        return format!("{first}{point}{rest}E{adjusted:+}");
    }
    let fraction = exponent.unsigned_abs() as usize;
    if fraction == 0 {
        return digits;
    }
    let padded = format!("{digits:0>width$}", width = fraction + 1);
    let (whole, fraction) = padded.split_at(padded.len() - fraction);
    format!("{whole}.{fraction}")
}

/// None: not a number of at most 34 digits.
pub fn read(text: &str) -> Option<[u8; 16]> {
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => (SIGN, rest),
        None => (0, text),
    };
    let unsigned = match text {
        "Infinity" => INFINITY,
        "NaN" => NAN,
        number => {
            let (mantissa, exponent) = number.split_once(['E', 'e']).unwrap_or((number, "0"));
            let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
            let digits = format!("{whole}{fraction}");
            if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            let digits = digits.trim_start_matches('0');
            if digits.len() > 34 {
                return None;
            }
            let coefficient: u128 = if digits.is_empty() { 0 } else { digits.parse().ok()? };
            let exponent = exponent.parse::<i32>().ok()?.checked_sub(i32::try_from(fraction.len()).ok()?)?;
            if coefficient > LARGEST || !(-BIAS..=LARGEST_EXPONENT).contains(&exponent) {
                return None;
            }
            u128::from((exponent + BIAS) as u32) << COEFFICIENT_BITS | coefficient
        }
    };
    Some((sign | unsigned).to_le_bytes())
}
