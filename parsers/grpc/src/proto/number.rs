//! Numbers between documents and the wire.
use keploy_sdk::Value;

/// 64 bits as most people mean them: with a sign.
pub fn signed(bits: u64) -> i128 {
    bits.cast_signed().into()
}

/// The inverse of [`signed`]; numbers above its range are taken as they are.
pub fn unsigned(value: i128) -> Result<u64, String> {
    let negative = || i64::try_from(value).map(i64::cast_unsigned);
    u64::try_from(value).or_else(|_| negative()).map_err(|_| format!("{value} has more than 64 bits"))
}

pub fn int(value: &Value) -> Result<i128, String> {
    value.as_int().ok_or_else(|| "not a whole number".to_owned())
}

#[expect(clippy::cast_precision_loss, reason = "a person wrote a whole number where one with a point belongs")]
pub fn float(value: &Value) -> Result<f64, String> {
    match value {
        Value::Float(value) => Ok(*value),
        Value::Int(value) => Ok(*value as f64),
        _ => Err("not a number".to_owned()),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "it was made from one of 32 bits")]
pub fn single(value: &Value) -> Result<f32, String> {
    float(value).map(|value| value as f32)
}

/// As its shortest decimal form reads: 1.1, where the nearest double would be 1.100000023841858.
pub fn of_single(value: f32) -> f64 {
    value.to_string().parse().unwrap_or_else(|_| value.into())
}

/// 64 bits that make a number somebody would write with a point.
pub fn likely_double(bits: u64) -> Option<f64> {
    Some(f64::from_bits(bits)).filter(|value| is_likely(*value) && value.to_bits() == bits)
}

pub fn likely_float(bits: u32) -> Option<f64> {
    let value = of_single(f32::from_bits(bits));
    let comes_back = single(&Value::Float(value)).is_ok_and(|single| single.to_bits() == bits);
    (is_likely(value) && comes_back).then_some(value)
}

fn is_likely(value: f64) -> bool {
    (1e-7..1e16).contains(&value.abs())
}
