//! Puts the built-in parsers into the binary, so that one file is a whole installation: every .wasm file in a directory.
//!
//! `cargo xtask build` makes them first, and says where they are in `KEPLOY_PARSERS_DIR`.
use std::{
    env, fs,
    path::{Path, PathBuf},
};

fn main() {
    println!("cargo::rerun-if-env-changed=KEPLOY_PARSERS_DIR");
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let directory = env::var_os("KEPLOY_PARSERS_DIR").map_or_else(|| here.join("../../target/parsers"), PathBuf::from);
    println!("cargo::rerun-if-changed={}", directory.display());
    let parsers = parsers(&directory);
    if parsers.is_empty() {
        println!(
            "cargo::error=no parsers in {}: run `cargo xtask build`, which builds them first",
            directory.display()
        );
        return;
    }
    let entry = |file: &PathBuf| {
        println!("cargo::rerun-if-changed={}", file.display());
        let name = file.file_stem().expect("it has an extension").to_string_lossy();
        format!("    ({name:?}, include_bytes!({:?})),\n", file.display().to_string())
    };
    let entries: String = parsers.iter().map(entry).collect();
    let source = format!("pub(crate) const BUILT_IN: &[(&str, &[u8])] = &[\n{entries}];\n");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it")).join("built_in.rs");
    fs::write(out, source).expect("OUT_DIR can be written to");
}

/// In the order of their names: the same files make the same binary.
fn parsers(directory: &Path) -> Vec<PathBuf> {
    let found = fs::read_dir(directory).into_iter().flatten().filter_map(Result::ok).map(|entry| entry.path());
    let is_parser = |file: &PathBuf| file.extension().is_some_and(|extension| extension == "wasm");
    let mut files: Vec<PathBuf> = found.filter_map(|file| file.canonicalize().ok()).filter(is_parser).collect();
    files.sort();
    files
}
