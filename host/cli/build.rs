//! Puts the built-in parsers into the binary, so that one file is a whole installation.
//!
//! `cargo xtask build` makes them first, and says where they are in `KEPLOY_PARSERS_DIR`.
use std::{env, fs, path::PathBuf};

/// In the order in which they are asked; the generic parser is always the last.
const BUILT_IN: [&str; 3] = ["http", "redis", "generic"];

fn main() {
    println!("cargo::rerun-if-env-changed=KEPLOY_PARSERS_DIR");
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let directory = env::var_os("KEPLOY_PARSERS_DIR").map_or_else(|| here.join("../../target/parsers"), PathBuf::from);
    let mut source = String::from("pub(crate) const BUILT_IN: &[(&str, &[u8])] = &[\n");
    for name in BUILT_IN {
        let file = directory.join(format!("{name}.wasm"));
        println!("cargo::rerun-if-changed={}", file.display());
        if !file.is_file() {
            println!(
                "cargo::error={} is missing: run `cargo xtask build`, which builds the parsers first",
                file.display()
            );
            return;
        }
        let file = file.canonicalize().expect("it was there just now");
        source += &format!("    ({name:?}, include_bytes!({:?})),\n", file.display().to_string());
    }
    source += "];\n";
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it")).join("built_in.rs");
    fs::write(out, source).expect("OUT_DIR can be written to");
}
