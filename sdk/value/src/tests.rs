use crate::{Blob, Map, Value};

fn sample() -> Value {
    Map::new()
        .with("method", "GET")
        .with("ints", vec![Value::from(0), Value::from(-1), Value::from(u64::MAX), Value::Int(-(1 << 64))])
        .with("body", vec![0xff_u8, 0])
        .with("float", 1.5)
        .with("nothing", Value::Null)
        .with("blob", Blob { id: 3, size: 9, sha256: [7; 32] })
        .with("inner", Map::new().with("yes", true))
        .into()
}

#[test]
fn what_goes_in_comes_out_in_the_same_order() {
    let cbor = sample().to_cbor();
    let back = Value::from_cbor(&cbor).expect("well-formed");
    assert_eq!(back, sample());
    assert_eq!(back.to_cbor(), cbor, "one document has one form");
}

#[test]
fn the_order_of_entries_carries_no_meaning() {
    let (a, b) = (Map::new().with("x", 1).with("y", 2), Map::new().with("y", 2).with("x", 1));
    assert_eq!(a, b);
    assert_ne!(a, b.with("z", 3));
}

#[test]
fn no_bytes_make_the_decoder_panic() {
    let cbor = sample().to_cbor();
    for cut in 0..cbor.len() {
        assert!(Value::from_cbor(&cbor[..cut]).is_err(), "cut at {cut}");
        for flip in 0..=255_u8 {
            let mut broken = cbor.clone();
            broken[cut] ^= flip;
            drop(Value::from_cbor(&broken));
        }
    }
    assert!(Value::from_cbor(&[0x81; 100_000]).is_err(), "depth is bounded");
}

#[test]
fn readable_keeps_every_byte() {
    for bytes in [&b"plain\r\n"[..], b"\xff\x00", "\u{7f}".as_bytes(), "\u{feff}x".as_bytes(), "ünïcode 🦀".as_bytes()]
    {
        assert_eq!(Value::readable(bytes.to_vec()).as_raw(), Some(bytes));
    }
    assert!(matches!(Value::readable(b"a\x00b".to_vec()), Value::Bytes(_)));
}

#[test]
fn a_packed_map_is_what_it_was() {
    let (mut packed, whole) = (sample(), sample());
    packed.pack();
    assert!(matches!(&packed, Value::Map(map) if map.as_packed().is_some()));
    assert_eq!(packed.to_cbor(), whole.to_cbor());
    assert_eq!(packed, whole);
    let around = Value::from(vec![packed.clone()]);
    assert_eq!(around.to_cbor(), Value::from(vec![whole]).to_cbor(), "inside of another, too");
    let map = packed.as_map_mut().expect("a map");
    map.insert("method", "PUT");
    assert_eq!(map.clone().into_iter().next(), Some(("method".to_owned(), "PUT".into())));
    assert_eq!(Value::from_cbor(&packed.to_cbor()).expect("well-formed"), packed, "not what was packed before");
}

#[test]
fn what_cbor_cannot_hold_is_not_packed() {
    let deep = (0..200).fold(Value::Null, |inner, _| vec![inner].into());
    for value in [Value::Int(i128::MAX), deep, Value::Null] {
        let (mut packed, whole) = (Value::from(Map::new().with("value", value.clone())), value);
        packed.pack();
        assert_eq!(packed.get("value"), Some(&whole));
    }
}
