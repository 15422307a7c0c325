//! Static Go binaries: no C library to preload into, a resolver of their own, and MPTCP listeners.
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use intercept::Mode;
use libtest_mimic::Trial;

use crate::{
    run::{Run, ask},
    test, unreachable,
};

pub fn tests() -> Vec<Trial> {
    if Command::new("go").arg("version").output().is_err() {
        eprintln!("no `go` here: the tests with static Go binaries are left out");
        return Vec::new();
    }
    vec![
        test("go::fast_connections_are_not_mixed_up", fast_connections_are_not_mixed_up),
        test("go::its_listeners_are_steered", its_listeners_are_steered),
        test("go::it_sees_what_cannot_be_reached", it_sees_what_cannot_be_reached),
        test("go::its_own_resolver_resolves", its_own_resolver_resolves),
    ]
}

/// The binary, built once.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("intercept-go");
        fs::create_dir_all(env!("CARGO_TARGET_TMPDIR")).expect("writable");
        let built = Command::new("go")
            .args(["build", "-o"])
            .arg(&out)
            .arg(".")
            .env("CGO_ENABLED", "0")
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/apps/go"))
            .status();
        assert!(built.expect("go runs").success());
        out
    })
}

fn run(arguments: &str) -> Run {
    Run::shell(Mode::Record, &shell(arguments))
}

fn shell(arguments: &str) -> String {
    format!("exec '{}' {arguments}", program().display())
}

fn fast_connections_are_not_mixed_up() {
    let output = run("dial 4000 64").output();
    assert!(output.ends_with("0 wrong of 4000\n"), "{output}");
}

fn its_listeners_are_steered() {
    let mut run = run("serve :0");
    let addr = ([127, 0, 0, 1], run.listening().port()).into();
    let (me, answer) = ask(addr, "").expect("an answer");
    assert_eq!(answer, format!("{addr} {me}"));
    assert!(run.relay.has_steered(me));
}

fn it_sees_what_cannot_be_reached() {
    let ask = |targets: &str| shell(&format!("ask {targets}"));
    unreachable::sees_refusals(&ask);
    unreachable::sees_chosen_errors(&ask);
}

fn its_own_resolver_resolves() {
    assert_eq!(run("resolve example.test").output(), "[203.0.113.7] <nil>\n");
}
