//! Secrets in documents: found, replaced by placeholders, put back, and stood in for.
//!
//! Documents go in with what an application was sent and sent: passwords, keys, tokens, cookies. [`Rules`] say what is
//! a secret, by the name beside it and by its shape. A [`Vault`] gives each a placeholder (`keploy-secret-password-1`),
//! numbered in the order of appearance and never made from the value, which could be guessed from it. Out come documents
//! that anybody may read.
//!
//! Reading goes the other way: with the values at hand a document is what it was. Without them each placeholder becomes a
//! *stand-in*: made up, of the secret's [`Shape`], and the same on every run. What is known of secrets in general (which
//! name, which shape) is in here; files are the caller's.
//!
//! Nothing here does I/O. Names of headers are known; protocols are not.
#![forbid(unsafe_code)]

mod find;
mod names;
mod rules;
mod shape;
mod spelling;
mod text;
mod vault;

pub use find::find;
pub use rules::{BadPattern, Rules, Settings};
pub use shape::Shape;
pub use vault::{Entry, PREFIX, Vault};

#[cfg(test)]
mod tests;
