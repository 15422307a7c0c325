//! Drives the tests, serves the mocks, judges.
//!
//! A [`Replay`] is made of a loaded test set. The relay asks it for answers ([`Replay::answers`]) while
//! [`Replay::drive`] sends the tests, one after the other, in recorded order. [`Replay::judge`] then says what changed:
//! in what the application answered, and in the calls it made.
#![forbid(unsafe_code)]

mod aliases;
mod answers;
mod comparison;
mod forms;
mod judge;
pub mod lesson;
mod often;
mod pool;
mod prepare;
mod prove;
mod replay;
mod resolver;
mod story;

pub use comparison::Comparison;
pub use judge::{CallChange, CallVerdict, TestVerdict};
pub use prove::Break;
pub use replay::{Clock, Outcome, PrepareError, RealTime, Replay, Settings};
