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
