//! `keploy report`
use std::path::Path;

use crate::{
    arguments::Place,
    exit::{Code, Outcome},
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
    for file in sets::run(&project, None)?.reports()? {
        print!("{}", fs_err::read_to_string(file)?);
    }
    Ok(Code::Success)
}
