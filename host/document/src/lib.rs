//! The document tree: what is recorded is kept, compared and shown as a [`Value`].
//!
//! In go trees that parsers made; out come their [YAML](yaml) and, once [`Noise`] is taken away, their [`hash`] (which
//! mock answers?), their [`diff`] (what changed?) and their [`similarity`] (what came near?). Nothing here does I/O or
//! knows a protocol.
#![forbid(unsafe_code)]

pub mod yaml;

pub use keploy_value::{Blob, Map, Value};
