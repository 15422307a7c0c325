//! Whatever is read is written as the same bytes.
use keploy_sdk::{Map, Value};
use proptest::prelude::*;

use super::{date, decimal, document, documents, write};

/// A document with one field `a`, of a type and with a value.
fn field(kind: u8, value: &[u8]) -> Vec<u8> {
    let length = 4 + 3 + value.len() + 1;
    [&(length as u32).to_le_bytes()[..], &[kind, b'a', 0], value, &[0]].concat()
}

#[track_caller]
fn reads(kind: u8, value: &[u8], expected: impl Into<Value>) {
    let bytes = field(kind, value);
    let read = document(&bytes).expect("it is well-formed");
    assert_eq!(read.get("a"), Some(&expected.into()));
    returns(&bytes);
}

#[track_caller]
fn returns(bytes: &[u8]) {
    let read = document(bytes).expect("it is well-formed");
    let mut written = Vec::new();
    write(&read, &mut written).expect("what was read can be written");
    assert_eq!(written, bytes, "{read:?}");
}

fn form(name: &str, value: impl Into<Value>) -> Map {
    Map::new().with(name, value)
}

#[test]
fn every_type_has_a_form() {
    reads(1, &0.5f64.to_le_bytes(), 0.5);
    reads(1, &(-0.0f64).to_le_bytes(), form("$numberDouble", "-0.0"));
    reads(1, &f64::NEG_INFINITY.to_le_bytes(), form("$numberDouble", "-Infinity"));
    reads(2, b"\x03\0\0\0ok\0", "ok");
    reads(2, b"\x02\0\0\0\x01\0", vec![1u8]);
    reads(3, b"\x05\0\0\0\0", Map::new());
    reads(4, b"\x0f\0\0\0\x0a0\0\x101\0\x07\0\0\0\0", vec![Value::Null, 7.into()]);
    reads(5, b"\x02\0\0\0\0\x01\x02", form("$binary", form("base64", "AQI=").with("subType", "00")));
    let uuid = b"\x10\0\0\0\x04\xa0\xee\xbc\x99\x9c\x0b\x4e\xf8\xbb\x6d\x6b\xb9\xbd\x38\x0a\x11";
    reads(5, uuid, form("$uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"));
    reads(6, b"", form("$undefined", true));
    reads(7, b"\x65\xf0\0\0\0\0\0\0\0\0\0\x01", form("$oid", "65f000000000000000000001"));
    reads(8, b"\x01", true);
    reads(9, &1_709_210_096_789i64.to_le_bytes(), form("$date", "2024-02-29T12:34:56.789Z"));
    reads(9, &(-1i64).to_le_bytes(), form("$date", form("$numberLong", "-1")));
    reads(10, b"", Value::Null);
    reads(11, b"^a\0i\0", form("$regularExpression", form("pattern", "^a").with("options", "i")));
    let pointer = form("$ref", "db.c").with("$id", form("$oid", "65f000000000000000000001"));
    reads(12, b"\x05\0\0\0db.c\0\x65\xf0\0\0\0\0\0\0\0\0\0\x01", form("$dbPointer", pointer));
    reads(13, b"\x02\0\0\0f\0", form("$code", "f"));
    reads(14, b"\x02\0\0\0s\0", form("$symbol", "s"));
    reads(15, b"\x0f\0\0\0\x02\0\0\0f\0\x05\0\0\0\0", form("$code", "f").with("$scope", Map::new()));
    reads(16, &(-7i32).to_le_bytes(), -7);
    reads(17, &(5u64 << 32 | 9).to_le_bytes(), form("$timestamp", form("t", 5).with("i", 9)));
    reads(18, &5i64.to_le_bytes(), form("$numberLong", "5"));
    reads(18, &(1i64 << 40).to_le_bytes(), 1i64 << 40);
    reads(0xff, b"", form("$minKey", 1));
    reads(0x7f, b"", form("$maxKey", 1));
}

#[test]
fn what_has_no_form_is_kept_as_it_is() {
    // A bool that is neither; two fields of one name; a document that looks like an ObjectId; an array from 1.
    let others: [(u8, &[u8]); 4] = [
        (8, b"\x02"),
        (3, b"\x0b\0\0\0\x0ab\0\x0ab\0\0"),
        (3, b"\x11\0\0\0\x02$oid\0\x02\0\0\0x\0\0"),
        (4, b"\x08\0\0\0\x0a1\0\0"),
    ];
    for (kind, value) in others {
        reads(kind, value, form("$bson", form("type", kind).with("value", value.to_vec())));
    }
}

#[test]
fn what_is_too_deep_is_kept_as_it_is() {
    let mut bytes = b"\x05\0\0\0\0".to_vec();
    for _ in 0..1000 {
        bytes = field(3, &bytes);
    }
    returns(&bytes);
}

#[test]
fn what_is_no_document_is_none() {
    let others: [&[u8]; 6] =
        [b"", b"\x05\0\0\0", b"\x06\0\0\0\0", b"\x05\0\0\0\x01", b"\x08\0\0\0\x10a\0\0", b"\x08\0\0\0\x63a\0\0"];
    for other in others {
        assert_eq!(document(other), None, "{}", other.escape_ascii());
    }
    assert_eq!(documents(b"\x05\0\0\0\0\x05\0\0\0\0").map(|all| all.len()), Some(2));
    assert_eq!(documents(b"\x05\0\0\0\0\x05"), None);
}

#[test]
fn an_edited_document_that_is_no_bson_says_so() {
    let others = [
        form("$oid", "65f0").into(),
        form("$date", "yesterday").into(),
        Value::Int(1 << 70),
        form("$numberDecimal", "1.2.3").into(),
        form("$code", "f").with("other", 1).into(),
    ];
    for other in others {
        let fault = write(&form("a", other.clone()).into(), &mut Vec::new()).expect_err("it is none");
        assert_eq!(fault.code, "bad-document", "{other:?}");
    }
    let fault = write(&Value::from("text"), &mut Vec::new()).expect_err("it is none");
    assert_eq!(fault.message, "expected a document, found Text(\"text\")");
}

#[test]
fn decimals_are_written_as_the_standard_says() {
    let check = |text: &str| {
        let raw = decimal::read(text).expect(text);
        assert_eq!(decimal::shown(raw).as_deref(), Some(text));
    };
    for text in [
        "0",
        "-0",
        "1",
        "-1.20",
        "12345.6789",
        "0.00001234",
        "1.234E-7",
        "1E+3",
        "1.5E+10",
        "0E-6176",
        "9.999999999999999999999999999999999E+6144",
        "1234567890123456789012345678901234",
        "Infinity",
        "-Infinity",
        "NaN",
    ] {
        check(text);
    }
    for other in ["", ".", "1e", "--1", "12345678901234567890123456789012345", "1E+6145", "x"] {
        assert_eq!(decimal::read(other), None, "{other}");
    }
}

#[test]
fn dates_come_back() {
    let day = 24 * 60 * 60 * 1000;
    for since_1970 in (0..3_000_000).step_by(13).map(|day_number| day_number * day + day_number % day) {
        match date::shown(since_1970) {
            Some(text) => assert_eq!(date::read(&text), Some(since_1970), "{text}"),
            None => assert!(since_1970 > 253_402_300_799_999, "{since_1970}"),
        }
    }
    assert_eq!(date::read("2024-02-29T12:34:56Z"), Some(1_709_210_096_000));
    for other in ["2024-02-29", "2024-13-01T00:00:00Z", "2024-02-29T25:00:00Z", "2024-02-29T12:34:56.7Z"] {
        assert_eq!(date::read(other), None, "{other}");
    }
}

proptest! {
    #[test]
    fn any_value_comes_back(kind in any::<u8>(), value in prop::collection::vec(any::<u8>(), 0..40)) {
        let bytes = field(kind, &value);
        if document(&bytes).is_some() {
            returns(&bytes);
        }
    }

    #[test]
    fn any_decimal_comes_back(raw in any::<[u8; 16]>()) {
        returns(&field(0x13, &raw));
    }
}
