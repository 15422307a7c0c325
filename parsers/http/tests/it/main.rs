//! The parser from outside.
mod blobs;
mod codings;
mod keploy;
mod modes;
mod mutations;
mod transcripts;
mod wire;
