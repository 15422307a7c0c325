//! Compiles the programs under test.
use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    process::{self, Command},
    sync::{Mutex, PoisonError},
};

/// In C.
pub fn c(name: &str, compiler: &str, flags: &[&str]) -> String {
    build(&format!("{name}-{compiler}{}", flags.concat()), |program| {
        let mut command = Command::new(compiler);
        command.args(["-O1", "-pthread", "-o"]).arg(program).arg(source(&format!("{name}.c"))).args(flags).arg("-lrt");
        command
    })
}

/// In Go, which brings its own way to the kernel.
pub fn go(name: &str) -> String {
    build(&format!("{name}-go"), |program| {
        let mut command = Command::new("go");
        command.args(["build", "-o"]).arg(program).arg(source(&format!("{name}.go"))).env("CGO_ENABLED", "0");
        command
    })
}

pub fn source(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/apps").join(name).display().to_string()
}

/// Is there such a program on this machine?
pub fn there_is(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// Once in a run of the tests, several of which may want it at the same time.
fn build(name: &str, command: impl FnOnce(&Path) -> Command) -> String {
    static BUILT: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if !built.contains(&program) {
        // Not in place: another run of the tests may be running the one that is there.
        let new = program.with_extension(process::id().to_string());
        let mut command = command(&new);
        let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        assert!(output.status.success(), "{command:?}\n{}", String::from_utf8_lossy(&output.stderr));
        fs::rename(&new, &program).expect("it has been built");
        built.insert(program.clone());
    }
    program.display().to_string()
}
