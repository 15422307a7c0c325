//! `keploy check`: does every document load?
use std::path::Path;

use crate::{
    arguments::{Place, PluginDirectories},
    exit::{Code, Outcome},
    parsers, sets, style,
};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    directories: PluginDirectories,
}

pub(crate) fn run(arguments: &Arguments, config_path: &Path) -> Outcome {
    let (config, project) = sets::project(config_path, arguments.place.path.clone())?;
    let registry = parsers::load(&arguments.directories)?;
    sets::recover(&project)?;
    let names = sets::names(&project, &[])?;
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
