//! `keploy report`
use std::path::{Path, PathBuf};

use crate::{
    arguments::Place,
    exit::{Code, Failure, Outcome},
    sets,
};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    place: Place,
}

/// Prints the reports of the last run, as they are on disk.
pub(crate) fn run(arguments: &Arguments, config_path: &Path) -> Outcome {
    let (_, project) = sets::project(config_path, arguments.place.path.clone())?;
    let runs = project.root().join("keploy").join("reports");
    let number = |path: &Path| path.file_name()?.to_str()?.strip_prefix("test-run-")?.parse::<u64>().ok();
    let found = fs_err::read_dir(&runs).ok().into_iter().flatten().filter_map(Result::ok).map(|entry| entry.path());
    let last = found.filter_map(|path| number(&path).map(|n| (n, path))).max();
    let Some((_, last)) = last else {
        let words = format!("there is no report in {}\nhint: keploy test -c \"...\" makes one", runs.display());
        return Err(Failure::words(Code::Nothing, words));
    };
    let mut files: Vec<PathBuf> = fs_err::read_dir(&last)?.filter_map(Result::ok).map(|entry| entry.path()).collect();
    files.sort();
    for file in files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "yaml")) {
        print!("{}", fs_err::read_to_string(file)?);
    }
    Ok(Code::Success)
}
