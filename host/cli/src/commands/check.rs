//! `keploy check`: does every document load?
use std::path::{Path, PathBuf};

use crate::{
    exit::{Code, Failure, Outcome},
    parsers, sets, stage, style,
};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The directory that holds the folder keploy/.
    #[arg(short, long, value_name = "DIR")]
    path: Option<PathBuf>,
    #[command(flatten)]
    directories: stage::PluginDirectories,
}

pub(crate) fn run(arguments: &Arguments, config_path: &Path) -> Outcome {
    let (config, project) = sets::project(config_path, arguments.path.clone())?;
    let registry = parsers::load(&arguments.directories)?;
    sets::recover(&project)?;
    let names = project.sets()?;
    if names.is_empty() {
        return Err(Failure::words(
            Code::Nothing,
            format!("there is no test set in {}\nhint: keploy record -c \"...\" makes one", project.root().display()),
        ));
    }
    let mut failed = false;
    for name in &names {
        document::Noise::new(config.noise_for(name))
            .map_err(|error| anyhow::anyhow!("{error}\nhint: {}", error.hint()))?;
        match sets::load(&project, name, &registry) {
            Ok(set) => {
                println!("{name}: {} tests, {} mocks", set.tests.len(), set.mocks.len());
                let mut foreign: Vec<&str> = set.foreign.iter().map(|document| document.kind.as_str()).collect();
                foreign.sort_unstable();
                for kinds in foreign.chunk_by(|a, b| a == b) {
                    println!(
                        "  {} documents of kind {} are kept as they are: there is no parser for it",
                        kinds.len(),
                        kinds[0]
                    );
                }
            }
            Err(errors) => {
                failed = true;
                for error in errors {
                    style::error(&anyhow::anyhow!("{error}"));
                }
            }
        }
    }
    Ok(if failed { Code::Failed } else { Code::Success })
}
