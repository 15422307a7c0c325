//! Any bytes as a value of any type, in both formats: they come back.
#![no_main]
use libfuzzer_sys::fuzz_target;
use parser_postgres::value::{Format, decode, encode};

fuzz_target!(|input: (u16, &[u8])| {
    let (oid, raw) = input;
    for format in [Format::Text, Format::Binary] {
        let value = decode(u32::from(oid), format, raw);
        assert_eq!(encode(u32::from(oid), format, &value).as_deref(), Some(raw), "{value:?}");
        let other = if format == Format::Text { Format::Binary } else { Format::Text };
        drop(encode(u32::from(oid), other, &value));
    }
});
