//! A parser with a bug in it.
#![cfg(target_arch = "wasm32")] // natively there is nothing to export
use bad_parsers::{Bad, Misdeed};

struct Panics;

impl Misdeed for Panics {
    fn commit() {
        panic!("on purpose");
    }
}

keploy_sdk::export!(Bad<Panics>);
