//! Arbitrary bytes of both sides, once whole and once in pieces: no panic, and the same effects.
#![no_main]

use keploy_sdk::{Fault, Mode, Side, testing::Effect};
use libfuzzer_sys::fuzz_target;

#[path = "../../tests/it/wire.rs"]
#[expect(dead_code, reason = "the tests use all of it")]
mod wire;

/// From the client, these bytes, in pieces of so many.
type Step = (bool, Vec<u8>, u8);

fuzz_target!(|steps: Vec<Step>| {
    let (whole, fault) = record(&steps, |step| step.1.len());
    let (cut, cut_fault) = record(&steps, |step| usize::from(step.2));
    assert_eq!(fault.as_ref().map(|fault| &fault.code), cut_fault.as_ref().map(|fault| &fault.code));
    match fault {
        None => assert_eq!(whole, cut),
        // A fault drops what its call had asked for, so the cut run has seen at least as much.
        Some(_) => assert_eq!(whole[..], cut[..whole.len()]),
    }
});

fn record(steps: &[Step], size: impl Fn(&Step) -> usize) -> (Vec<Effect>, Option<Fault>) {
    let mut wire = wire::Wire::new(Mode::Record);
    let outcome = steps.iter().zip(0..).try_for_each(|(step, at)| {
        let from = if step.0 { Side::Client } else { Side::Server };
        step.1.chunks(size(step).max(1)).try_for_each(|piece| wire.feed(from, at, piece))
    });
    let ends = [Side::Server, Side::Client];
    let outcome = outcome.and_then(|()| ends.into_iter().try_for_each(|side| wire.end(side, u64::MAX)));
    (wire.take(), outcome.err())
}
