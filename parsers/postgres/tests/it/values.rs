//! The law of values: whatever crosses the wire in a format is given back in that format as the same bytes.
use parser_postgres::value::{Format, decode, encode, types};
use proptest::prelude::*;

#[track_caller]
fn comes_back(oid: u32, format: Format, raw: &[u8]) {
    let value = decode(oid, format, raw);
    let back = encode(oid, format, &value);
    assert_eq!(back.as_deref(), Some(raw), "type {oid}, {format:?}: {value:?}");
}

fn any_type() -> impl Strategy<Value = u32> {
    let known: Vec<u32> = (0..7000).filter(|oid| types::name(*oid).is_some()).chain([0, 16_400]).collect();
    proptest::sample::select(known)
}

proptest! {
    #[test]
    fn any_bytes_come_back(oid in any_type(), raw in proptest::collection::vec(any::<u8>(), 0..40)) {
        comes_back(oid, Format::Binary, &raw);
        comes_back(oid, Format::Text, &raw);
    }

    #[test]
    fn likely_bytes_come_back(oid in any_type(), raw in proptest::collection::vec(0_u8..4, 0..40)) {
        comes_back(oid, Format::Binary, &raw);
    }

    #[test]
    fn likely_texts_come_back(oid in any_type(), text in "[-+{}\\[\\]()\",.:/ 0-9abefntNUL\\\\]{0,24}") {
        comes_back(oid, Format::Text, text.as_bytes());
    }

    #[test]
    fn numbers_and_times_cross_formats(number in any::<i64>(), small in any::<i32>(), float in any::<f64>()) {
        for oid in [20, 790, 1083, 1114, 1184] {
            crosses(oid, &number.to_be_bytes());
        }
        for oid in [23, 26, 1082] {
            crosses(oid, &small.to_be_bytes());
        }
        crosses(700, &(float as f32).to_be_bytes());
        crosses(701, &float.to_be_bytes());
        crosses(1186, &[&number.to_be_bytes()[..], &small.to_be_bytes(), &small.rotate_left(7).to_be_bytes()].concat());
    }
}

/// What was recorded in binary says the same in text, and the other way.
fn crosses(oid: u32, raw: &[u8]) {
    let value = decode(oid, Format::Binary, raw);
    if value.get("binary").is_some() {
        return; // it has no text form
    }
    let text = encode(oid, Format::Text, &value).expect("there is a text form");
    let again = decode(oid, Format::Text, &text);
    assert_eq!(again, value, "type {oid}");
    assert_eq!(encode(oid, Format::Binary, &again).as_deref(), Some(raw), "type {oid}: {value:?}");
}

/// What a server printed, in both formats (PostgreSQL 18).
#[test]
fn texts_and_bytes_of_a_server() {
    #[track_caller]
    fn check(name: &str, text: &str, hex: &str) {
        let oid = types::by_name(name).expect(name);
        let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
        let digit = |at: usize| char::from(digits[at]).to_digit(16).expect("a digit") as u8;
        let raw: Vec<u8> = (0..digits.len() / 2).map(|at| digit(2 * at) << 4 | digit(2 * at + 1)).collect();
        let value = decode(oid, Format::Binary, &raw);
        assert_eq!(value, decode(oid, Format::Text, text.as_bytes()), "{name} {text}");
        let written = encode(oid, Format::Text, &value).map(|text| String::from_utf8_lossy(&text).into_owned());
        assert_eq!(written.as_deref(), Some(text), "{name}");
        assert_eq!(encode(oid, Format::Binary, &value), Some(raw), "{name} {text}");
    }
    include!("server_values.rs");
}
