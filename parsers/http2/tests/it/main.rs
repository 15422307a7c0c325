//! The parser from outside.
mod transcripts;
