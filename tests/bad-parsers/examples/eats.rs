//! A parser that wants all the memory there is.
#![cfg(target_arch = "wasm32")] // natively there is nothing to export
use bad_parsers::{Bad, Misdeed};

struct Eats;

impl Misdeed for Eats {
    fn commit() {
        let mut eaten = Vec::new();
        loop {
            eaten.push(std::hint::black_box(vec![0xff_u8; 1 << 20]));
        }
    }
}

keploy_sdk::export!(Bad<Eats>);
