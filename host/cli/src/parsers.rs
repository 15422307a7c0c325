//! The parsers of a run: the built-in ones, and those of `--plugins`.
use plugins::{Engine, Plugin, Registry};

use crate::{arguments::PluginDirectories, exit::Failure};

include!(concat!(env!("OUT_DIR"), "/built_in.rs"));

/// The built-in parsers, overridden and added to by the directories, in order. Those that take part in log-ins while
/// recording are trusted with it when they are ours or the user says so.
pub(crate) fn load(directories: &PluginDirectories) -> Result<Registry, Failure> {
    let engine = Engine::new().map_err(|error| anyhow::anyhow!("the sandbox for parsers cannot be had: {error:#}"))?;
    let mut registry = Registry::default();
    for (name, wasm) in BUILT_IN {
        registry.add(Plugin::load(&engine, &format!("built-in {name}"), wasm)?.trusted());
    }
    let is_trusted = |plugin: &Plugin, wasm: &[u8]| {
        directories.trust_parser.contains(&plugin.manifest.protocol) || BUILT_IN.iter().any(|(_, ours)| *ours == wasm)
    };
    for directory in &directories.plugins {
        registry.add_directory(&engine, directory, &is_trusted)?;
    }
    Ok(registry)
}

/// For those who record.
pub(crate) fn warn_of_untrusted(registry: &Registry) {
    for plugin in registry.iter().filter(|plugin| plugin.manifest.intervenes && !plugin.may_intervene()) {
        let (protocol, source) = (&plugin.manifest.protocol, &plugin.source);
        tracing::warn!(
            "{source} would take part in log-ins while recording; it may not, and such connections go unread\n\
             hint: --trust-parser {protocol}"
        );
    }
}
