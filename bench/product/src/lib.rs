//! Measures the product's own crates, where a whole run of `keploy` would hide the figure in others. Every binary prints JSON
//! lines, one a figure and round, that `cargo xtask bench` makes rows of.
#![expect(clippy::print_stdout, reason = "it prints times, that is what it is for")]

pub mod exchanges;
pub mod sets;

use std::{
    fmt::Display,
    fs,
    hint::black_box,
    path::{Path, PathBuf},
    time::Instant,
};

use plugins::{Engine, Plugin, Registry};

/// The product's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// One figure: `{"figure":NAME,"value":V,...}`.
pub fn say(figure: &str, value: impl Display, more: &[(&str, &dyn Display)]) {
    let more: String = more.iter().map(|(name, value)| format!(",\"{name}\":{value}")).collect();
    println!("{{\"figure\":\"{figure}\",\"value\":{value}{more}}}");
}

/// Microseconds that one of `times` calls takes.
pub fn each<T>(times: usize, mut call: impl FnMut() -> T) -> f64 {
    let started = Instant::now();
    for _ in 0..times {
        black_box(call());
    }
    started.elapsed().as_secs_f64() * 1e6 / times as f64
}

/// Seconds that it takes, and what came of it.
pub fn timed<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let started = Instant::now();
    let made = work();
    (started.elapsed().as_secs_f64(), made)
}

/// Nanoseconds by the clock that no keploy moves.
pub fn monotonic() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is valid for writing, and the clock exists on every Linux.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    time.tv_sec.cast_unsigned() * 1_000_000_000 + time.tv_nsec.cast_unsigned()
}

/// The parsers that the product embeds: `KEPLOY_PARSERS_DIR`, as `cargo xtask` says it, or where it builds them.
///
/// # Panics
/// When they were not built.
pub fn parsers() -> Vec<(String, Vec<u8>)> {
    let here = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/parsers");
    let folder = std::env::var_os("KEPLOY_PARSERS_DIR").map_or_else(here, PathBuf::from);
    let entries = fs::read_dir(&folder).expect("`cargo xtask build` makes the parsers");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("a readable folder").path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "wasm"));
    files.sort();
    let read = |file: &PathBuf| {
        let name = file.file_stem().expect("it has an extension").to_string_lossy().into_owned();
        (name, fs::read(file).expect("a readable file"))
    };
    files.iter().map(read).collect()
}

/// One of them, by its file's name.
///
/// # Panics
/// When it was not built.
pub fn plugin(name: &str) -> Plugin {
    let (_, wasm) = parsers().into_iter().find(|(file, _)| file == name).expect("it is built in");
    Plugin::load(&Engine::new().expect("the sandbox can be had"), name, &wasm).expect("a parser")
}

/// All of them, loaded as the product does.
///
/// # Panics
/// When one is none.
pub fn registry() -> Registry {
    registry_of(&Engine::new().expect("the sandbox can be had"))
}

/// The same, with this sandbox.
///
/// # Panics
/// When one is none.
pub fn registry_of(engine: &Engine) -> Registry {
    let mut registry = Registry::default();
    for (name, wasm) in parsers() {
        registry.add(Plugin::load(engine, &name, &wasm).expect("a parser").trusted());
    }
    registry
}

/// The most memory that this process has had, in bytes, and what it has now.
///
/// # Panics
/// Without procfs.
pub fn memory() -> (u64, u64) {
    let status = fs::read_to_string("/proc/self/status").expect("procfs");
    let kilobytes = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a line of that name");
        line.trim_matches(|c: char| !c.is_ascii_digit()).parse::<u64>().expect("a number")
    };
    (kilobytes("VmHWM:") << 10, kilobytes("VmRSS:") << 10)
}
