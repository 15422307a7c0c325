//! A parser that never returns.
#![cfg(target_arch = "wasm32")] // natively there is nothing to export
use bad_parsers::{Bad, Misdeed};

struct Loops;

impl Misdeed for Loops {
    fn commit() {
        loop {
            std::hint::black_box(());
        }
    }
}

keploy_sdk::export!(Bad<Loops>);
