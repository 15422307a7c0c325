//! `cargo xtask bench`: what recording and replaying cost, each figure beside its neighbour's in the same minute.
//!
//! A group of rows is a file. Contenders take turns, round by round, so that what else the machine does hits all of them;
//! rows are ratios with their spread wherever a goal can be put as one.

mod bulk;
mod databases;
mod figures;
mod guest;
mod http;
pub mod instructions;
mod lanes;
mod mocks;
mod program;
mod recording;
mod replay;
mod row;
mod start;
mod steady;
mod table;
mod writing;

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command::{Failure, Result, Run as _, at};
use crate::place::Place;
use crate::{product, setup};
use row::Row;

pub const USAGE: &str = "\
usage: cargo xtask bench [OPTION...]

  --quick          fewer and shorter rounds: two minutes
  --only GROUP     one group of rows; may be given several times
  --peer KEPLOY    another binary with the same command line, beside ours
  --json PATH      the rows as JSON; - is standard output
  --save PATH      keep the rows, for a later --against
  --against PATH   show what changed since those were kept

       cargo xtask bench --instructions [--check | --update]
                   count the instructions of the paths that every exchange goes; compare them with those that are
                   committed, or write those
";

/// A group of rows, and how they come about.
struct Group {
    name: &'static str,
    what: &'static str,
    measure: fn(&Bench) -> Result<Vec<Row>>,
}

const GROUPS: &[Group] = &[
    Group { name: "http", what: "HTTP through a recording, processor time, memory", measure: http::rows },
    Group { name: "latency", what: "what is added at 500 requests a second", measure: steady::latency },
    Group { name: "full", what: "a minute at full speed", measure: steady::full },
    Group { name: "databases", what: "Redis, PostgreSQL and MySQL through a recording", measure: databases::rows },
    Group { name: "bodies", what: "large bodies through a recording", measure: bulk::bodies },
    Group { name: "idle", what: "connections that are kept", measure: bulk::idle },
    Group { name: "start", what: "until something happens", measure: start::measure },
    Group { name: "replay", what: "tests a second", measure: replay::measure },
    Group { name: "mocks", what: "a large recording", measure: mocks::measure },
    Group { name: "writing", what: "the journal, and bad disks", measure: writing::measure },
    Group { name: "guest", what: "parsers in their sandbox", measure: guest::measure },
];

#[derive(Default)]
pub struct Options {
    quick: bool,
    only: Vec<String>,
    peer: Option<PathBuf>,
    json: Option<PathBuf>,
    save: Option<PathBuf>,
    against: Option<PathBuf>,
}

impl Options {
    pub fn parse(arguments: &[&str]) -> Result<Self> {
        let mut options = Self::default();
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            match (*argument, rest.as_slice()) {
                ("--quick", _) => {
                    options.quick = true;
                    continue;
                }
                ("--only", [name, ..]) if GROUPS.iter().any(|group| group.name == *name) => {
                    options.only.push((*name).to_owned());
                }
                ("--peer", [path, ..]) => options.peer = Some(path.into()),
                ("--json", [path, ..]) => options.json = Some(path.into()),
                ("--save", [path, ..]) => options.save = Some(path.into()),
                ("--against", [path, ..]) => options.against = Some(path.into()),
                _ => {
                    let names: Vec<&str> = GROUPS.iter().map(|group| group.name).collect();
                    return Err(Failure::new(format!("unknown argument {argument}"))
                        .hint(format!("cargo xtask bench --help; groups: {}", names.join(" "))));
                }
            }
            rest.next();
        }
        Ok(options)
    }
}

/// Bytes that a group may need: a minute at full speed leaves more than 10 GB behind.
const NEEDED: u64 = 40 << 30;

/// Bytes that may still be written there.
fn free_space(folder: &Path) -> Result<u64> {
    let said = Command::new("df").args(["--block-size=1", "--output=avail"]).arg(folder).text()?;
    let bytes = said.lines().last().and_then(|line| line.trim().parse().ok());
    bytes.ok_or_else(|| Failure::new(format!("df said {said:?}")))
}

/// What a group needs to know to measure.
pub struct Bench<'a> {
    pub place: &'a Place,
    /// Two minutes for everything, instead of figures to rely on.
    pub quick: bool,
    /// Another binary to put beside ours.
    pub peer: Option<&'a Path>,
    /// Where the group keeps what it needs; removed when all went well.
    pub folder: PathBuf,
}

pub fn run(place: &Place, options: &Options) -> Result {
    setup::for_bench(place)?;
    product::build_all(place)?;
    let before = options.against.as_deref().map(row::read).transpose()?;
    // Another one than last time: see `Recording::start`.
    let folder = place.target.join(format!("bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).map_err(at(&folder))?;
    let mut rows = Vec::new();
    let chosen = |group: &&Group| options.only.is_empty() || options.only.iter().any(|name| name == group.name);
    let mut failed = Vec::new();
    for group in GROUPS.iter().filter(chosen) {
        eprintln!("bench: {}: {}", group.name, group.what);
        let folder = folder.join(group.name);
        std::fs::create_dir_all(&folder).map_err(at(&folder))?;
        let bench = Bench { place, quick: options.quick, peer: options.peer.as_deref(), folder };
        // The others are worth having.
        match (group.measure)(&bench) {
            Ok(measured) => {
                rows.extend(measured);
                // For minutes ext4 makes files slowly where many were removed.
                if free_space(&bench.folder)? < NEEDED {
                    std::fs::remove_dir_all(&bench.folder).map_err(at(&bench.folder))?;
                }
            }
            Err(failure) => {
                eprintln!("{failure}");
                failed.push(group.name);
            }
        }
    }
    if options.json.as_deref() != Some(Path::new("-")) {
        print!("{}", table::of(&rows, before.as_deref()));
    }
    for path in options.json.iter().chain(&options.save) {
        row::write(path, &rows)?;
    }
    if failed.is_empty() {
        std::fs::remove_dir_all(&folder).map_err(at(&folder))
    } else {
        Err(Failure::new(format!("not measured: {}", failed.join(", "))))
    }
}
