//! Literate wire-format tests.
//!
//! A transcript is a Markdown file: prose for people, a heading for each case, and fenced blocks with the bytes of one
//! connection and what a parser should make of them. Every case is recorded, mocked and driven, each time with the
//! bytes as written, torn at every byte, and in one lump a direction; and what was mocked is recorded again, which must
//! give the same documents.
//!
//! | block | what it holds |
//! |---|---|
//! | `client`, `server` | bytes of that side, in the order they crossed the wire |
//! | `expect` | YAML: the exchanges, in the order they were opened; a last entry `fault: CODE` when reading must fail |
//! | `mock` | what we write to the client in the server's place; default: the bytes of the `server` blocks |
//! | `drive` | what we write to the server in the client's place; default: the bytes of the `client` blocks |
//! | `config` | YAML: what `keploy.yml` says under `plugins.<protocol>` |
//!
//! In wire blocks each line ends in CR LF on the wire, unless its last character is a `\`, and `\r`, `\n`, `\t`, `\\`
//! and `\xNN` are escapes. Words after a block's name change that:
//!
//! - `raw`: the block's own line ends mean nothing; all bytes are spelled out.
//! - `after`: these bytes are sent only after everything above has been answered, so no lump goes across.
//! - `end`: this side sends no more after the block. At the end of a case both sides end, the client first.
//!
//! After a parser has called `upgrade_tls`, the blocks hold what is inside TLS. A parser that cannot drive is not driven.
//!
//! In `expect`, an exchange is a map with `request`, `responses`, and what of the following it wants to say: `class`,
//! `summary`, `lifetime` (`test`, `connection`, `session`; default `test`), `abandoned: reason`. Bytes are written
//! `!bytes` and blobs `!blob`, with the same escapes. `TRANSCRIPT_UPDATE=1 cargo test` writes the blocks anew.
#![forbid(unsafe_code)]

mod case;
mod driver;
mod expect;
mod host;
mod markdown;
mod run;
mod suite;

pub use driver::{Driver, Link, Native};

/// Checks every transcript in `path`, a file or a directory relative to the crate under test, against the parser `P`.
///
/// # Panics
/// When a case fails, with the file, the line, the name of the case and a diff.
pub fn check<P: keploy_sdk::Parser>(path: &str) {
    check_with(&mut Native::<P>::default(), path);
}

/// [`check`], for a parser behind something else than a function call: the sandbox.
///
/// # Panics
/// As [`check`].
pub fn check_with(driver: &mut dyn Driver, path: &str) {
    let update = std::env::var_os("TRANSCRIPT_UPDATE").is_some_and(|value| value == "1");
    let failures = suite::run(driver, path.as_ref(), update);
    assert!(failures.is_empty(), "\n{}\n{} failed", failures.join("\n"), failures.len());
}
