//! How many instructions the paths take that every exchange goes: a guard that does not depend on the machine's mood.
//!
//! valgrind counts; what one exchange takes is the difference between many and few, so that starting up does not count. The
//! figures are committed. A processor with other instructions has other copies and hashes, hence the tolerance.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;

use crate::command::{Failure, Result, at};
use crate::place::Place;
use crate::{product, setup};

/// What `bench/product/src/bin/hot.rs` runs, how often at least, and what it is.
const PATHS: [(&str, u64, &str); 8] = [
    ("http", 400, "a small HTTP exchange, bytes to documents, in the sandbox"),
    ("redis", 400, "a small Redis exchange, bytes to documents, in the sandbox"),
    ("record", 400, "a call, from what a guest has read to the journal, secrets looked for"),
    ("files", 400, "a call, from the journal to YAML"),
    ("load", 400, "a call, from YAML to a document"),
    ("prepare", 400, "a call, from files to what is looked up"),
    ("answer", 250, "a call in replay, from its document to its answer"),
    ("compare", 400, "hash, difference and shape of a small document"),
];

/// More than that is another program.
const TOLERANCE: f64 = 0.10;

#[derive(Clone, Copy, PartialEq)]
pub enum Wanted {
    Shown,
    Checked,
    Updated,
}

pub fn run(place: &Place, wanted: Wanted) -> Result {
    setup::for_instructions(place)?;
    product::build_all(place)?;
    let counted = PATHS.iter().map(|(path, times, _)| Ok((*path, count(place, path, *times)?)));
    let counted = counted.collect::<Result<Vec<(&str, f64)>>>()?;
    let file = file(place);
    let known = std::fs::read_to_string(&file).unwrap_or_default();
    let known = |path: &str| known.lines().find_map(|line| line.strip_prefix(path)?.trim().parse::<f64>().ok());
    let mut changed = Vec::new();
    for ((path, now), (.., what)) in counted.iter().zip(PATHS) {
        let was = known(path);
        let ratio = was.map(|was| now / was);
        let shown = was.map(|was| format!("{was:>8.0}")).unwrap_or_default();
        eprintln!("{path:<8} {now:>8.0}  was {shown:>8}  {:.2}  {what}", ratio.unwrap_or(f64::NAN));
        if ratio.is_none_or(|ratio| (ratio - 1.0).abs() > TOLERANCE) {
            changed.push(format!("{path}: {now:.0} instructions, {} are committed", shown.trim()));
        }
    }
    match wanted {
        Wanted::Updated => {
            let mut text = String::new();
            for (path, now) in &counted {
                // Two digits more than matter, so that a change shows in a diff.
                writeln!(text, "{path} {now:.0}").expect("a string takes all");
            }
            std::fs::write(&file, text).map_err(at(&file))
        }
        Wanted::Checked if !changed.is_empty() => Err(Failure::new(format!(
            "other numbers of instructions than in {}, by more than {:.0} %:\n  {}",
            file.display(),
            TOLERANCE * 100.0,
            changed.join("\n  ")
        ))
        .hint("better, or worth it: `cargo xtask bench --instructions --update` and commit; else find what costs them: valgrind --tool=callgrind target/release/hot PATH TIMES")),
        _ => Ok(()),
    }
}

fn file(place: &Place) -> PathBuf {
    place.root.join("bench/instructions.txt")
}

/// Instructions that one more takes.
fn count(place: &Place, path: &str, few: u64) -> Result<f64> {
    let many = 4 * few;
    // Compiled under valgrind, for the processor that it plays, and kept: not counted.
    instructions(place, path, 1)?;
    let (few_took, many_took) = (instructions(place, path, few)?, instructions(place, path, many)?);
    Ok((many_took - few_took) / (many - few) as f64)
}

fn instructions(place: &Place, path: &str, times: u64) -> Result<f64> {
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    valgrind.arg(place.target.join("release/hot")).args([path, &times.to_string()]);
    valgrind.env("KEPLOY_PARSERS_DIR", place.parsers()).env("XDG_CACHE_HOME", place.target.join("bench-cache"));
    let ended = valgrind.output().map_err(|error| Failure::new(format!("valgrind could not be started: {error}")))?;
    let said = String::from_utf8_lossy(&ended.stderr);
    let counted = said.lines().find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok());
    counted.filter(|_| ended.status.success()).ok_or_else(|| {
        Failure::new(format!("valgrind did not count the path {path}:\n{said}"))
            .hint("cargo xtask bench installs valgrind")
    })
}
