//! Protocol Buffers as documents, and back.
pub mod loose;
mod number;
mod wire;
