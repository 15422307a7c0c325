//! RFC 7541, appendix C, and what must not be taken.
use super::{DEFAULT_TABLE, Decoder, Encoder};
use crate::{Code, Fields};

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.chars().filter_map(|c| c.to_digit(16)).filter_map(|d| u8::try_from(d).ok()).collect();
    digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect()
}

fn fields(list: &[(&str, &str)]) -> Fields {
    list.iter().copied().collect()
}

#[test]
fn requests_of_the_appendix() {
    let first = [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "www.example.com")];
    let second = [&first[..], &[("cache-control", "no-cache")]].concat();
    let third = [
        (":method", "GET"),
        (":scheme", "https"),
        (":path", "/index.html"),
        (":authority", "www.example.com"),
        ("custom-key", "custom-value"),
    ];
    // C.3 in plain text, C.4 with the Huffman code.
    for blocks in [
        [
            "828684410f7777772e6578616d706c652e636f6d",
            "828684be58086e6f2d6361636865",
            "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565",
        ],
        [
            "828684418cf1e3c2e5f23a6ba0ab90f4ff",
            "828684be5886a8eb10649cbf",
            "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
        ],
    ] {
        let mut decoder = Decoder::default();
        let read = blocks.map(|block| decoder.decode(&hex(block)).expect("a block of the RFC"));
        assert_eq!(read, [fields(&first), fields(&second), fields(&third)]);
    }
}

#[test]
fn responses_of_the_appendix_evict_entries() {
    let mut decoder = Decoder::default();
    // C.6 has a table of 256 bytes.
    decoder.decode(&hex("3fe101")).expect("a new size");
    let date = ("date", "Mon, 21 Oct 2013 20:13:21 GMT");
    let location = ("location", "https://www.example.com");
    let first = decoder.decode(&hex(
        "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3",
    ));
    assert_eq!(first, Ok(fields(&[(":status", "302"), ("cache-control", "private"), date, location])));
    let second = decoder.decode(&hex("4883640effc1c0bf"));
    assert_eq!(second, Ok(fields(&[(":status", "307"), ("cache-control", "private"), date, location])));
    let third = decoder.decode(&hex(
        "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
    ));
    let date = ("date", "Mon, 21 Oct 2013 20:13:22 GMT");
    let cookie = ("set-cookie", "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1");
    assert_eq!(
        third,
        Ok(fields(&[
            (":status", "200"),
            ("cache-control", "private"),
            date,
            location,
            ("content-encoding", "gzip"),
            cookie
        ]))
    );
}

#[test]
fn what_we_write_is_read_whatever_the_table() {
    let said = fields(&[(":status", "200"), (":path", "/x"), ("x-long", &"ü".repeat(300)), ("grpc-status", "0")]);
    let (mut encoder, mut decoder) = (Encoder::default(), Decoder::default());
    for _ in 0..2 {
        assert_eq!(decoder.decode(&encoder.encode(&said)), Ok(said.clone()));
    }
}

#[test]
fn a_larger_table_has_to_be_allowed() {
    let mut decoder = Decoder::default();
    let larger = hex("3fe13f");
    assert!(decoder.decode(&larger).is_err());
    decoder.allow_at_least(65_536);
    assert!(decoder.decode(&larger).is_ok());
}

#[test]
fn broken_blocks_are_refused() {
    for block in [
        "80",               // entry 0
        "be",               // an entry that nobody added
        "3fe21f",           // a table larger than allowed
        "823fe11f",         // a new size behind a field
        "00",               // no name
        "000a61",           // a name that is cut off
        "7fffffffffff01",   // a number without an end
        "0081ff0161",       // nothing but padding: too much of it
        "008181",           // padding that is not
        "0084ffffffff0161", // the end-of-string symbol
    ] {
        let error = Decoder::default().decode(&hex(block)).expect_err(block);
        assert_eq!(error.code, Code::COMPRESSION_ERROR, "{block}");
    }
    assert_eq!(DEFAULT_TABLE, 4096, "the block above with a larger one says 4097");
}

#[test]
fn a_small_block_cannot_become_a_huge_list() {
    let mut decoder = Decoder::default();
    let mut block = vec![0x40, 1, b'a', 0x7f, 0x81, 0x1e]; // 4000 bytes of value
    block.extend(vec![b'x'; 4000]);
    block.extend(vec![0xbe; 16_000]);
    assert_eq!(decoder.decode(&block).expect_err("too long").code, Code::ENHANCE_YOUR_CALM);
}
