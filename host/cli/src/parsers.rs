//! The parsers of a run: the built-in ones, and those of `--plugins`.
use std::path::PathBuf;

use plugins::{Engine, Plugin, Registry};

use crate::exit::Failure;

include!(concat!(env!("OUT_DIR"), "/built_in.rs"));

/// The built-in parsers, overridden and added to by the directories, in order.
pub(crate) fn load(directories: &[PathBuf]) -> Result<Registry, Failure> {
    let engine = Engine::new().map_err(|error| anyhow::anyhow!("the sandbox for parsers cannot be had: {error:#}"))?;
    let mut registry = Registry::default();
    for (name, wasm) in BUILT_IN {
        registry.add(Plugin::load(&engine, &format!("built-in {name}"), wasm)?);
    }
    for directory in directories {
        registry.add_directory(&engine, directory)?;
    }
    Ok(registry)
}
