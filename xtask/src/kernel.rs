//! `cargo xtask ebpf`: the kernel object. It is committed, so that users need no LLVM; CI builds it again and compares.

use std::path::Path;
use std::process::Command;

use crate::command::{Failure, Result, Run, at};
use crate::place::Place;

const OBJECT: &str = "host/intercept/keploy.bpf.o";

pub fn rebuild(place: &Place) -> Result {
    compile(place, &place.root.join(OBJECT))
}

pub fn check(place: &Place) -> Result {
    let (committed, fresh) = (place.root.join(OBJECT), place.target.join("keploy.bpf.o"));
    compile(place, &fresh)?;
    let read = |path: &Path| std::fs::read(path).map_err(at(path));
    if read(&committed)? == read(&fresh)? {
        return Ok(());
    }
    Err(Failure::new(format!("{OBJECT} is not what ebpf/ builds")).hint("cargo xtask ebpf, then commit the object"))
}

fn compile(place: &Place, out: &Path) -> Result {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::iter::once(place.cache.join("bin")).chain(std::env::split_paths(&path));
    let path = std::env::join_paths(path).map_err(|error| Failure::new(format!("PATH: {error}")))?;
    Command::new(place.root.join("ebpf/build.sh"))
        .arg(out)
        .current_dir(&place.root)
        .env("PATH", path)
        .env("CARGO_TARGET_DIR", &place.target)
        // What a developer's environment may hold, and changes the bytes.
        .env_remove("RUSTFLAGS")
        .env("CARGO_INCREMENTAL", "0")
        .run()
}
