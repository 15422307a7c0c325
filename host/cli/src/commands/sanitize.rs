//! `keploy sanitize`
use std::path::Path;

use store::{Sanitize, Sanitized};

use crate::{
    arguments::{Place, TestSets},
    exit::{Code, Outcome},
    sets, style, words,
};

/// Secrets that are named; there may be thousands.
const NAMED: usize = 20;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    sets: TestSets,
    /// Change nothing; end with 1 when a file holds a secret.
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(arguments: Arguments, config_path: &Path) -> Outcome {
    let (_, project) = sets::project(config_path, arguments.place.path)?;
    sets::recover(&project)?;
    let how = if arguments.check { Sanitize::Check } else { Sanitize::Replace };
    let mut clean = true;
    for set in sets::names(&project, &arguments.sets.test_sets)? {
        let sanitized = project.sanitize(&set, how)?;
        clean &= sanitized.files.is_empty() && sanitized.found.is_empty();
        print(&set, &sanitized, how);
    }
    let failed = arguments.check && !clean;
    if failed {
        style::say("hint: `keploy sanitize` replaces them; rotate those that were pushed already");
    }
    Ok(if failed { Code::Failed } else { Code::Success })
}

fn print(set: &str, sanitized: &Sanitized, how: Sanitize) {
    let Sanitized { found, files, unread } = sanitized;
    let set = style::bold(set);
    match (how, files.len()) {
        (_, 0) if found.is_empty() => style::say(format!("{set}: no secrets")),
        (Sanitize::Check, count) => {
            style::say(style::red(format!("{set}: secrets in {}", words::count(count, "file"))))
        }
        (Sanitize::Replace, count) => {
            let files = words::count(count, "file");
            style::say(format!("{set}: secrets replaced in {files}; their values are in secret.yaml, not for git"));
        }
    }
    for (name, at) in found.iter().take(NAMED) {
        style::say(format!("  {name}: {at}"));
    }
    if found.len() > NAMED {
        style::say(format!("  and {} more", found.len() - NAMED));
    }
    for path in unread {
        style::say(format!("  not looked into: {}", path.display()));
    }
}
