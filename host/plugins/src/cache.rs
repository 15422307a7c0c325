//! Compiled parsers on disk: 0.7 s of compiling become 0.3 ms of mapping.
//!
//! A compiled component is native code that is run as it is, so only a folder that belongs to us, and that nobody else
//! can write to, is read. Without one, every start compiles: slower, never wrong.
use std::{
    hash::{Hash, Hasher},
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use fs_err as fs;
use sha2::{Digest as _, Sha256};
use wasmtime::component::Component;

use crate::{engine::Engine, load::LoadError};

/// The compiled form of `wasm`, from the cache or made by `compile` and then kept.
pub(crate) fn compiled(
    engine: &Engine,
    wasm: &[u8],
    compile: impl FnOnce() -> Result<Component, LoadError>,
) -> Result<Component, LoadError> {
    let file = folder().map(|folder| folder.join(format!("{}.cwasm", key(engine, wasm))));
    if let Some(component) = file.as_deref().and_then(|file| read(engine, file)) {
        return Ok(component);
    }
    let component = compile()?;
    if let Some(Err(error)) = file.map(|file| write(&component, &file)) {
        tracing::debug!(%error, "compiled parsers are not kept");
    }
    Ok(component)
}

/// The content, this wasmtime and how it is tuned: what the compiled code depends on.
fn key(engine: &Engine, wasm: &[u8]) -> String {
    /// Feeds what std hashes into SHA-256: wasmtime offers its compatibility only as something to hash.
    struct Into<'a>(&'a mut Sha256);
    impl Hasher for Into<'_> {
        fn write(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }
        fn finish(&self) -> u64 {
            0
        }
    }
    let mut sha = Sha256::new();
    sha.update(wasm);
    engine.wasmtime().precompile_compatibility_hash().hash(&mut Into(&mut sha));
    sha.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn folder() -> Option<PathBuf> {
    let base = match std::env::var_os("XDG_CACHE_HOME") {
        Some(base) => PathBuf::from(base),
        None => Path::new(&std::env::var_os("HOME")?).join(".cache"),
    };
    let folder = base.join("keploy").join("parsers");
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder).ok()?;
    is_ours(&folder).then_some(folder)
}

/// Belongs to us, and nobody else can write to it. Under sudo with the caller's HOME this says no.
fn is_ours(path: &Path) -> bool {
    // SAFETY: geteuid cannot fail and touches nothing.
    let me = unsafe { libc::geteuid() };
    fs::symlink_metadata(path).is_ok_and(|meta| !meta.is_symlink() && meta.uid() == me && meta.mode() & 0o022 == 0)
}

fn read(engine: &Engine, file: &Path) -> Option<Component> {
    if !is_ours(file) {
        return None;
    }
    // SAFETY: the file and its folder are ours alone, so it holds what `write` put there; wasmtime checks that its own
    // version and settings wrote it.
    unsafe { Component::deserialize_file(engine.wasmtime(), file) }.ok()
}

/// Written beside and renamed: a reader sees all of it or nothing.
fn write(component: &Component, file: &Path) -> std::io::Result<()> {
    let bytes = component.serialize().map_err(std::io::Error::other)?;
    let temporary = file.with_extension(format!("{}.tmp", std::process::id()));
    let mut out = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
    out.write_all(&bytes)?;
    fs::rename(&temporary, file)
}
