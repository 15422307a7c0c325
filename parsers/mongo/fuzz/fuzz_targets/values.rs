//! Any bytes as a BSON document: whatever is read is written as the same bytes.
#![no_main]
use libfuzzer_sys::fuzz_target;
use parser_mongo::bson::{document, write};

fuzz_target!(|elements: &[u8]| {
    // The length and the end are given, so that most inputs are documents.
    let bytes = [&(elements.len() as u32 + 5).to_le_bytes()[..], elements, &[0]].concat();
    let Some(read) = document(&bytes) else { return };
    let mut written = Vec::new();
    write(&read, &mut written).expect("what was read can be written");
    assert_eq!(written, bytes, "{read:?}");
});
