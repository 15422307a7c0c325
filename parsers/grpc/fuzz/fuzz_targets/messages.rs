//! Any bytes as a message, with descriptors and without: what is read is written the same again.
#![no_main]
use std::sync::LazyLock;

use keploy_sdk::Map;
use libfuzzer_sys::fuzz_target;
use parser_grpc::proto::{self, Of, Types};

static SHOP: LazyLock<Types> = LazyLock::new(|| {
    let set = include_bytes!("../../tests/shop.pb").to_vec();
    proto::types(&Map::new().with("descriptorSet", set).into()).expect("protoc made it")
});

fuzz_target!(|message: &[u8]| {
    for path in ["/shop.v1.Shop/Find", "/un.Known/Method"] {
        let document = proto::readable(&SHOP, path, Of::Response, message);
        let again = proto::bytes(&SHOP, path, Of::Response, &document).expect("what was read can be written");
        assert_eq!(again, message, "{document:?}");
    }
});
