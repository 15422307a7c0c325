//! Exchanges in; test cases, mocks, and which mock belongs to which test, out.
//!
//! The [`Recorder`] is the relay's sink while the application runs; [`Recorder::finish`] then says how much there was
//! and what was lost, and works out the mappings ([`attribution`]).
#![forbid(unsafe_code)]

pub mod attribution;
mod observed;
mod recorder;
mod threads;
mod traces;

pub use observed::{Observed, Turn};
pub use recorder::{Recorder, Summary};
