//! Documents as YAML, in the look of Keploy's files.
//!
//! What [`emit`] writes, [`parse_one`] reads back exactly, and other readers (go-yaml v3, YAML 1.1, YAML 1.2) read the
//! same texts. What Keploy wrote, and people edited, is read the way go-yaml v3 reads it, except that nothing is lost:
//! timestamps stay texts, names of entries stay as they were written, binary stays binary.
//!
//! | value | YAML |
//! |---|---|
//! | text | plain, `'quoted'`, `"escaped"` or a literal block `\|` |
//! | bytes | `!!binary` and base64 |
//! | blob | `!blob {path: assets/<SHA-256 in hex>, size: <bytes>}` |
//! | float | always with a point: `1.0`, `1.0e+300`, `.inf`, `.nan` |

mod build;
mod edit;
mod emit;
mod error;
mod find;
mod parse;
mod scalar;
#[cfg(test)]
mod tests;
mod usual;

pub use edit::edit;
pub use emit::{emit, emit_into};
pub use error::Error;
pub use find::find_line;
pub use parse::{Documents, Located, parse_all, parse_one};

/// Where blobs lie, from the folder of the file that names them.
const ASSETS: &str = "assets/";
