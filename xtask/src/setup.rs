//! `cargo xtask setup`: from a fresh Debian machine with Rust, Python, Node and Go to one that builds and tests.
//!
//! Each step looks first and is silent when there is nothing to do. After it, nothing here needs a network.

mod apps;
mod grpc;
mod servers;
mod suites;

use std::path::Path;
use std::process::Command;

use crate::command::{Failure, Result, Run, at, exists};
use crate::place::Place;

const BPF_LINKER: &str = "0.13.0";
const CARGO_DENY: &str = "0.20.2";

/// Programs and files the tests need, and the Debian packages they are in.
const DEBIAN: &[(&str, &str)] = &[
    // Servers, and what installs and runs them.
    ("redis-server", "redis-server"),
    ("/usr/lib/postgresql/15/bin/postgres", "postgresql-15"),
    ("mariadbd", "mariadb-server"),
    ("mmdebstrap", "mmdebstrap"),
    ("/usr/lib/rabbitmq/bin/rabbitmq-server", "rabbitmq-server"),
    ("sysbench", "sysbench"),
    ("valgrind", "valgrind"),
    ("dnsmasq", "dnsmasq-base"),
    ("ip", "iproute2"),
    ("setpriv", "util-linux"),
    ("unshare", "util-linux"),
    ("openssl", "openssl"),
    // Applications.
    ("cc", "build-essential"),
    ("curl", "curl"),
    ("python3", "python3-venv"),
    ("node", "nodejs"),
    ("npm", "npm"),
    ("go", "golang"),
    ("javac", "openjdk-17-jdk-headless"),
    ("mvn", "maven"),
    ("ruby", "ruby"),
    ("/usr/lib/ruby/vendor_ruby/pg.rb", "ruby-pg"),
    // mysqlclient is built against MariaDB's C library.
    ("python3-config", "python3-dev"),
    ("mariadb_config", "libmariadb-dev"),
    ("pkg-config", "pkg-config"),
    // What `cargo xtask bench` compares with, and its clients.
    ("haproxy", "haproxy"),
    ("wrk", "wrk"),
    ("redis-benchmark", "redis-tools"),
    ("/usr/lib/postgresql/15/bin/pgbench", "postgresql-15"),
    ("valgrind", "valgrind"),
];

/// Only `cargo xtask bench` needs these.
const FOR_BENCH: &[&str] = &["haproxy", "wrk", "valgrind"];

/// What `cargo xtask demo` needs: a minute instead of six.
pub fn for_demo(place: &Place) -> Result {
    fs_create(&place.cache)?;
    rust(place)?;
    debian(place, &["redis-server", "unshare", "python3"])?;
    apps::for_demo(place)
}

/// What `cargo xtask bench` needs: the databases, and what they are measured with and beside.
pub fn for_bench(place: &Place) -> Result {
    fs_create(&place.cache)?;
    rust(place)?;
    let databases =
        ["redis-server", "/usr/lib/postgresql/15/bin/postgres", "mmdebstrap", "sysbench", "redis-benchmark"];
    debian(place, &databases)?;
    debian(place, FOR_BENCH)?;
    servers::all(place)
}

/// What counts instructions.
pub fn for_instructions(place: &Place) -> Result {
    fs_create(&place.cache)?;
    debian(place, &["valgrind"])
}

pub fn all(place: &Place) -> Result {
    fs_create(&place.cache)?;
    rust(place)?;
    crates(place)?;
    let programs = DEBIAN.iter().map(|(program, _)| *program);
    debian(place, &programs.filter(|program| !FOR_BENCH.contains(program)).collect::<Vec<_>>())?;
    linker(place)?;
    deny(place)?;
    servers::all(place)?;
    apps::all(place)?;
    grpc::all(place)?;
    suites::all(place)
}

/// What rust-toolchain.toml asks for; rustup does not add it by itself when RUSTUP_AUTO_INSTALL=0.
fn rust(place: &Place) -> Result {
    let sysroot = sysroot(place)?;
    let sysroot = Path::new(&sysroot);
    let target = ("wasm32-unknown-unknown", "lib/rustlib/wasm32-unknown-unknown/lib");
    if !sysroot.join(target.1).exists() {
        say(&format!("adding the Rust target {}", target.0));
        rustup(place, &["target", "add", target.0])?;
    }
    let components =
        [("rust-src", "lib/rustlib/src/rust/library"), ("clippy", "bin/cargo-clippy"), ("rustfmt", "bin/cargo-fmt")];
    for (component, file) in components {
        if !sysroot.join(file).exists() {
            say(&format!("adding the Rust component {component}"));
            rustup(place, &["component", "add", component])?;
        }
    }
    Ok(())
}

/// Also those of other platforms and of tests, which a build would not ask for but cargo-deny looks at.
fn crates(place: &Place) -> Result {
    place.cargo(&["fetch", "--quiet"]).run_quietly()?;
    place.cargo(&["fetch", "--quiet", "--manifest-path", "ebpf/Cargo.toml"]).run_quietly()
}

fn rustup(place: &Place, arguments: &[&str]) -> Result {
    Command::new("rustup").args(arguments).current_dir(&place.root).run_quietly()
}

fn sysroot(place: &Place) -> Result<String> {
    Command::new("rustc").args(["--print", "sysroot"]).current_dir(&place.root).text()
}

fn debian(place: &Place, programs: &[&str]) -> Result {
    let wanted = DEBIAN.iter().filter(|(program, _)| programs.contains(program));
    let missing: Vec<&str> = wanted.filter(|(program, _)| !exists(program)).map(|(_, package)| *package).collect();
    if missing.is_empty() {
        return Ok(());
    }
    say(&format!("installing {}", missing.join(" ")));
    let by_hand = format!("as root: apt-get install {}", missing.join(" "));
    if !exists("apt-get") {
        return Err(
            Failure::new(format!("missing: {}", missing.join(" "))).hint("install these with your package manager")
        );
    }
    let _no_services = NoServices::enforce()?;
    let install = |missing: &[&str]| {
        Command::new("apt-get")
            .args(["install", "-y", "--no-install-recommends"])
            .args(missing)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .current_dir(&place.cache)
            .run_quietly()
    };
    install(&missing)
        .or_else(|_| {
            Command::new("apt-get").arg("update").run_quietly()?;
            install(&missing)
        })
        .map_err(|failure| failure.hint(by_hand))
}

/// Debian starts a service when it is installed, unless this file says no. Ours goes away again; somebody else's stays.
struct NoServices {
    ours: bool,
}

impl NoServices {
    const POLICY: &str = "/usr/sbin/policy-rc.d";

    fn enforce() -> Result<Self> {
        let path = Path::new(Self::POLICY);
        if path.exists() {
            return Ok(Self { ours: false });
        }
        std::fs::write(path, "#!/bin/sh\nexit 101\n")
            .map_err(|e| at(path)(e).hint("packages are installed as root"))?;
        Command::new("chmod").args(["+x", Self::POLICY]).run_quietly()?;
        Ok(Self { ours: true })
    }
}

impl Drop for NoServices {
    fn drop(&mut self) {
        if self.ours {
            let _gone_is_fine = std::fs::remove_file(Self::POLICY);
        }
    }
}

/// bpf-linker, built against the LLVM that rustc itself brings: no LLVM has to be installed, and the versions agree.
fn linker(place: &Place) -> Result {
    if is_version(place, "bpf-linker", BPF_LINKER) {
        return Ok(());
    }
    let sysroot = sysroot(place)?;
    let lib = Path::new(&sysroot).join("lib");
    let llvm = place.cache.join("llvm");
    let link = llvm.join("lib/libLLVM.so");
    fs_create(&llvm.join("lib"))?;
    let _absent_is_fine = std::fs::remove_file(&link);
    std::os::unix::fs::symlink(rustc_llvm(&lib)?, &link).map_err(at(&link))?;
    install(place, "bpf-linker", BPF_LINKER, |cargo| {
        cargo
            .args(["--no-default-features", "--features", "llvm-22"])
            .env("LLVM_PREFIX", &llvm)
            .env("RUSTFLAGS", format!("-C link-arg=-Wl,-rpath,{}", lib.display()))
    })
}

fn rustc_llvm(lib: &Path) -> Result<std::path::PathBuf> {
    let files = std::fs::read_dir(lib).map_err(at(lib))?;
    files
        .filter_map(|file| Some(file.ok()?.path()))
        .find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("libLLVM.so.")))
        .ok_or_else(|| Failure::new(format!("no libLLVM.so.* in {}", lib.display())).hint("use rustup's toolchain"))
}

fn deny(place: &Place) -> Result {
    if is_version(place, "cargo-deny", CARGO_DENY) {
        return Ok(());
    }
    install(place, "cargo-deny", CARGO_DENY, |cargo| cargo.arg("--locked"))
}

fn is_version(place: &Place, program: &str, version: &str) -> bool {
    let path = place.cache.join("bin").join(program);
    Command::new(path).arg("--version").text().is_ok_and(|said| said.ends_with(version))
}

fn install(place: &Place, name: &str, version: &str, options: impl FnOnce(&mut Command) -> &mut Command) -> Result {
    say(&format!("building {name} {version} (a few minutes, once)"));
    let mut cargo = place.cargo(&["install", name, "--version", version, "--root"]);
    cargo.arg(&place.cache).env("CARGO_TARGET_DIR", place.cache.join("target"));
    options(&mut cargo).run_quietly()
}

/// Does `work` unless it was done before, into `directory`, for these very files.
fn once(files: &[std::path::PathBuf], directory: &Path, work: impl FnOnce() -> Result) -> Result {
    let wanted =
        files.iter().map(|file| std::fs::read_to_string(file).map_err(at(file))).collect::<Result<String>>()?;
    let stamp = directory.join(".done-for");
    if std::fs::read_to_string(&stamp).is_ok_and(|done| done == wanted) {
        return Ok(());
    }
    work()?;
    std::fs::write(&stamp, wanted).map_err(at(&stamp))
}

fn fs_create(directory: &Path) -> Result {
    std::fs::create_dir_all(directory).map_err(at(directory))
}

fn say(what: &str) {
    eprintln!("setup: {what}");
}
