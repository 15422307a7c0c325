//! Messages by name, against what protoc made.
use keploy_sdk::{Map, Value};

use super::{Of, Types, bytes, readable, types};

/// `protoc --descriptor_set_out` of tests/shop.proto.
const SHOP: &[u8] = include_bytes!("../../tests/shop.pb");
const FIND: &str = "/shop.v1.Shop/Find";

fn shop() -> Types {
    types(&Map::new().with("descriptorSet", SHOP.to_vec()).into()).expect("protoc made it")
}

/// An Item: name, stock (sint64), price, tags, sizes (packed), attributes (map), quality, picture, is_new.
const ITEM: &[u8] = b"\x0a\x03pen\x10\x05\x19\x00\x00\x00\x00\x00\x00\xf4\x3f\x22\x01a\x22\x03pen\x2a\x04\x01\x03\xac\x02\x32\x0a\x0a\x06weight\x10\x03\x38\x01\x42\x03\x00\xff\x03\x48\x01";

#[test]
fn a_message_is_read_by_name_and_comes_back() {
    let types = shop();
    let item = readable(&types, FIND, Of::Response, ITEM);
    let expected = Map::new()
        .with("name", "pen")
        .with("stock", -3)
        .with("price", 1.25)
        .with("tags", ["a", "pen"].map(Value::from).to_vec())
        .with("sizes", vec![Value::Int(1), Value::Int(3), Value::Int(300)])
        .with("attributes", Map::new().with("weight", 3))
        .with("quality", "GOOD")
        .with("picture", vec![0_u8, 255, 3])
        .with("is_new", true);
    assert_eq!(item, expected.into());
    assert_eq!(bytes(&types, FIND, Of::Response, &item).as_deref(), Ok(ITEM));
}

#[test]
fn what_the_descriptors_do_not_say_comes_back_by_number() {
    let types = shop();
    for odd in [
        &b"\x0a\x03pen\xc0\x3e\x07"[..], // a field that is newer than the descriptors
        b"\x38\x63",                     // an unknown value of an enum
        b"\x48\x02",                     // a bool that is neither
        b"\x28\x01\x28\x02",             // a packed field that is not packed
        b"\x0a\x01a\x10\x01\x22\x01a\x10\x02\x22\x01b", // out of order
        b"\x32\x03\x0a\x01k",            // an entry of a map without a value
        b"\x08\x81\x00",                 // not minimal
        b"no message",
        b"",
    ] {
        let document = readable(&types, FIND, Of::Response, odd);
        assert_eq!(bytes(&types, FIND, Of::Response, &document).as_deref(), Ok(odd), "{document:?}");
    }
    assert_eq!(readable(&types, "/un.Known/Method", Of::Request, b"\x08\x07"), Map::new().with("1", 7).into());
}

#[test]
fn what_a_person_wrote_wrong_is_named() {
    let types = shop();
    for (field, value, named) in [
        ("stock", Value::from("many"), "shop.v1.Item.stock"),
        ("quality", Value::from("SUPERB"), "SUPERB"),
        ("colour", Value::from("red"), "colour"),
        ("tags", Value::from("a"), "a list"),
    ] {
        let document = Map::new().with(field, value).into();
        let why = bytes(&types, FIND, Of::Response, &document).expect_err(field);
        assert!(why.contains(named), "{why}");
    }
}

#[test]
fn broken_descriptors_are_refused() {
    for config in [Value::from("!"), Value::from("AAAA"), Value::from(7), Value::from(vec![0, 1])] {
        let why = types(&Map::new().with("descriptorSet", config).into()).err().expect("no descriptors");
        assert!(why.contains("hint:"), "{why}");
    }
    assert!(types(&Value::Null).is_ok());
}
