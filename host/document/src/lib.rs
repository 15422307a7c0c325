//! The document tree: what is recorded is kept, compared and shown as a [`Value`].
//!
//! In go trees that parsers made. Out come their [YAML](yaml) and, once their [`Noise`] is taken away, their [`hash`]
//! (which mock answers?), their [`diff`] (what changed?), what one takes over from another ([`adopt`]) and their [`similarity`] (what came near?). Nothing here does
//! I/O or knows a protocol.
//!
//! *Invariant*: two documents have the same hash exactly when their diff is empty, so that matching and verdicts agree.
#![forbid(unsafe_code)]

mod adopt;
mod diff;
mod hash;
mod json;
mod leaves;
mod node;
mod noise;
mod path;
mod render;
mod similarity;
mod spelling;
mod variations;
pub mod yaml;

pub use adopt::adopt;
pub use diff::{DiffOptions, Difference, DifferenceKind, diff, reordered};
pub use hash::{Hash, hash};
pub use keploy_value::{Blob, Map, Value};
pub use leaves::leaves;
pub use noise::{BadRule, Noise};
pub use path::{Path, Segment};
pub use render::render;
pub use similarity::similarity;
pub use variations::variations;

#[cfg(test)]
mod tests;
