//! All parsers of a run, and which of them a connection gets.
use std::{path::Path, sync::Arc};

use fs_err as fs;

use crate::{Engine, LoadError, Peer, Plugin, Verdict};

/// Why a directory of parsers could not be used.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    #[error("the parsers of --plugins cannot be read: {0}\nhint: --plugins takes a directory with .wasm files in it")]
    Directory(#[from] std::io::Error),
    #[error("no .wasm file in {0}\nhint: copy target/wasm32-unknown-unknown/release/*.wasm there")]
    Empty(String),
    #[error(transparent)]
    Load(#[from] LoadError),
}

/// The parsers of a run, by the name of their protocol.
#[derive(Clone, Default)]
pub struct Registry {
    plugins: Vec<Arc<Plugin>>,
}

/// What detection came to.
pub enum Detected {
    Plugin(Arc<Plugin>),
    /// Nobody is sure yet: at least so many bytes would help.
    More(usize),
    Nobody,
}

impl Registry {
    /// Adds a parser; one of the same protocol is replaced.
    pub fn add(&mut self, plugin: Plugin) {
        let plugin = Arc::new(plugin);
        match self.plugins.iter_mut().find(|known| known.manifest.protocol == plugin.manifest.protocol) {
            Some(known) => *known = plugin,
            None => self.plugins.push(plugin),
        }
    }

    /// Adds every `.wasm` file of a directory, in the order of their names. `is_trusted`: see [`Plugin::trusted`].
    ///
    /// # Errors
    /// When the directory cannot be read, holds none, or one of them is not a parser.
    pub fn add_directory(
        &mut self,
        engine: &Engine,
        directory: &Path,
        is_trusted: &dyn Fn(&Plugin, &[u8]) -> bool,
    ) -> Result<(), RegistryError> {
        let mut files = Vec::new();
        for entry in fs::read_dir(directory)? {
            files.push(entry?.path());
        }
        files.retain(|file| file.extension().is_some_and(|extension| extension == "wasm"));
        files.sort();
        if files.is_empty() {
            return Err(RegistryError::Empty(directory.display().to_string()));
        }
        for file in files {
            let wasm = fs::read(&file)?;
            let plugin = Plugin::load(engine, &file.display().to_string(), &wasm)?;
            self.add(if is_trusted(&plugin, &wasm) { plugin.trusted() } else { plugin });
        }
        Ok(())
    }

    fn asked(&self, incoming: bool) -> impl DoubleEndedIterator<Item = &Arc<Plugin>> {
        self.plugins.iter().filter(move |plugin| !plugin.is_benched() && (plugin.manifest.drives || !incoming))
    }

    pub fn iter(&self) -> impl Iterator<Item = &Arc<Plugin>> {
        self.plugins.iter()
    }

    pub fn get(&self, protocol: &str) -> Option<&Arc<Plugin>> {
        self.plugins.iter().find(|plugin| plugin.manifest.protocol == protocol)
    }

    /// Asks every parser about the first bytes of a connection. The surest wins; of equals, the one that names the
    /// port, then the one that was added first. While somebody surer could still come, the answer is `More`.
    /// A connection that comes `incoming` to the application is for those who can take its client's place.
    pub fn detect(&self, peer: &Peer, incoming: bool, client: &[u8], server: &[u8]) -> Detected {
        let mut best: Option<((u8, bool), &Arc<Plugin>)> = None;
        let mut more: Option<usize> = None;
        for plugin in self.asked(incoming) {
            match ask(plugin, peer, client, server) {
                Verdict::Yes(sure) => {
                    let rank = (sure, plugin.manifest.ports.contains(&peer.port));
                    if best.as_ref().is_none_or(|(known, _)| rank > *known) {
                        best = Some((rank, plugin));
                    }
                }
                Verdict::More(n) => more = Some(more.map_or(n as usize, |m| m.min(n as usize))),
                Verdict::No => {}
            }
        }
        match (best, more) {
            // The generic parser's 1 is no reason to stop asking.
            (Some(((sure, _), plugin)), None) if sure > 0 => Detected::Plugin(plugin.clone()),
            (Some(((sure, _), plugin)), Some(_)) if sure > 100 => Detected::Plugin(plugin.clone()),
            (_, Some(n)) => Detected::More(n),
            (Some((_, plugin)), None) => Detected::Plugin(plugin.clone()),
            (None, None) => Detected::Nobody,
        }
    }

    /// Could the connection belong to a parser that has to see bytes before they go on?
    pub fn any_in_step(&self, peer: &Peer, incoming: bool, client: &[u8], server: &[u8]) -> bool {
        let mut in_step = self.asked(incoming).filter(|plugin| plugin.manifest.lockstep);
        in_step.any(|plugin| matches!(ask(plugin, peer, client, server), Verdict::Yes(_) | Verdict::More(_)))
    }

    /// `detect` when no more bytes will come in time: the surest of those that are sure at all.
    pub fn detect_now(&self, peer: &Peer, incoming: bool, client: &[u8], server: &[u8]) -> Option<Arc<Plugin>> {
        let sure = |plugin: &&Arc<Plugin>| match ask(plugin, peer, client, server) {
            Verdict::Yes(sure) => Some((sure, plugin.manifest.ports.contains(&peer.port))),
            _ => None,
        };
        let answers = self.asked(incoming).filter_map(|plugin| sure(&plugin).map(|sure| (sure, plugin)));
        answers.rev().max_by_key(|(sure, _)| *sure).map(|(_, plugin)| plugin.clone())
    }
}

/// One that fails does not know the connection; it is noted, since it may hold up others.
fn ask(plugin: &Plugin, peer: &Peer, client: &[u8], server: &[u8]) -> Verdict {
    plugin.detect(peer, client, server).unwrap_or_else(|failure| {
        plugin.note(&failure);
        tracing::warn!(parser = %plugin.manifest.protocol, %failure, "detection failed");
        Verdict::No
    })
}
