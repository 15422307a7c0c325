//! `cargo xtask build`: the parsers, and the binary they travel in.

use std::path::Path;

use crate::command::{Result, Run, at};
use crate::place::Place;

/// What `keploy` embeds.
const PARSERS: &[&str] = &["http", "http2", "grpc", "redis", "postgres", "mysql", "amqp", "kafka", "mongo", "generic"];

pub fn build(place: &Place) -> Result {
    parsers(place)?;
    place.cargo(&["build", "--release", "-p", "keploy"]).run()
}

/// All that `cargo xtask test` and `cargo xtask bench` run. One selection for both: with fewer packages their dependencies
/// would have other features, and the sandbox would be compiled once more.
pub fn build_all(place: &Place) -> Result {
    parsers(place)?;
    test_parsers(place)?;
    place.cargo(&["build", "--release", "--workspace", "--all-targets"]).run()
}

/// target/parsers/PROTOCOL.wasm
fn parsers(place: &Place) -> Result {
    let crates: Vec<String> = PARSERS.iter().map(|name| format!("parser-{name}")).collect();
    let names: Vec<&str> = crates.iter().map(String::as_str).collect();
    wasm(place, &names, &[])?;
    for name in PARSERS {
        copy(place, &format!("parser_{name}.wasm"), &place.parsers().join(format!("{name}.wasm")))?;
    }
    Ok(())
}

/// Parsers that only tests load: the SDK's example, and some that misbehave on purpose.
fn test_parsers(place: &Place) -> Result {
    wasm(place, &["line"], &[])?;
    copy(place, "line.wasm", &place.target.join("test-parsers/line/line.wasm"))?;
    wasm(place, &["bad-parsers"], &["--examples"])?;
    for name in ["panics", "loops", "eats"] {
        copy(place, &format!("examples/{name}.wasm"), &place.target.join(format!("test-parsers/{name}/{name}.wasm")))?;
    }
    Ok(())
}

/// Plain cargo makes the whole component: the host reads its type from a section that the SDK left in it.
fn wasm(place: &Place, crates: &[&str], options: &[&str]) -> Result {
    let mut cargo = place.cargo(&["build", "--profile", "wasm", "--target", "wasm32-unknown-unknown"]);
    cargo.args(crates.iter().flat_map(|name| ["-p", name]));
    cargo.args(options).run()
}

fn copy(place: &Place, built: &str, to: &Path) -> Result {
    let from = place.target.join("wasm32-unknown-unknown/wasm").join(built);
    let directory = to.parent().expect("a file lies in a directory");
    std::fs::create_dir_all(directory).map_err(at(directory))?;
    let new = std::fs::read(&from).map_err(at(&from))?;
    // An unchanged file keeps its time, so that cargo does not link the binary again.
    if std::fs::read(to).is_ok_and(|old| old == new) {
        return Ok(());
    }
    std::fs::write(to, new).map_err(at(to))
}
