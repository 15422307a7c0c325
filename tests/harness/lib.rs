//! What end-to-end tests are made of: a [`World`] without our network in it, the sample applications, the product as a
//! user runs it, and clients.
//!
//! Nothing here knows how keploy works inside: it is started by its command line and judged by what it prints, by what
//! lies on disk, and by what the application and its clients saw.

pub mod apps;
pub mod databases;
pub mod drivers;
pub mod http;
pub mod items;
pub mod kafka;
pub mod keploy;
pub mod mongo;
pub mod orders;
pub mod pipe;
mod process;
pub mod rabbit;
pub mod rows;
pub mod shop;
pub mod suites;
mod world;

use std::path::{Path, PathBuf};
use std::time::Duration;

pub use process::{Ended, Process};
pub use world::{Sent, World};

/// How long anything may take before a test calls it stuck.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Twenty replays instead of two, and the large volumes: `cargo xtask test --long`.
pub fn is_long() -> bool {
    std::env::var_os("KEPLOY_TEST_LONG").is_some()
}

/// A file of the folder `tests`.
pub fn file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Every file below `folder`.
///
/// # Panics
/// When it cannot be read.
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

/// What `cargo xtask build` and `cargo xtask test` leave in cargo's target directory.
///
/// # Panics
/// When it is not there.
pub fn built(path: &str) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| file("../target"), PathBuf::from);
    let built = target.join(path);
    assert!(built.exists(), "no {}\nhint: cargo xtask build, and cargo xtask test --only tests", built.display());
    built
}

/// A folder with a parser that only tests load.
pub fn test_parsers(name: &str) -> PathBuf {
    built("test-parsers").join(name)
}
