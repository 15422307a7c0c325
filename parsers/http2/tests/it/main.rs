//! The parser from outside.
mod transcripts;
mod upgrade;
