//! `keploy learn`
use std::{path::Path, sync::Arc};

use crate::{
    arguments::{Application, TestSets},
    exit::{Code, Outcome},
    learning, parsers,
    replaying::Replaying,
    sets, stage,
};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    application: Application,
    #[command(flatten)]
    sets: TestSets,
    /// Show what the application writes as it writes it.
    #[arg(long)]
    show_app: bool,
}

pub(crate) fn run(arguments: Arguments, config_path: &Path) -> Outcome {
    intercept::check()?;
    stage::ahead();
    let Arguments { application: Application { command, place, directories }, sets, show_app } = arguments;
    let (config, project) = sets::project(config_path, place.path)?;
    let command = stage::command(command, &config)?;
    let registry = parsers::load(&directories)?;
    sets::recover(&project)?;
    let names = sets::names(&project, &sets.test_sets)?;
    let mut replaying = Replaying { show_app, ..Replaying::new(Arc::new(config), registry, command) };
    let runtime = stage::runtime()?;
    for name in names {
        let set = sets::read(&project, &name, &replaying.registry)?;
        let (name, learned) = runtime.block_on(learning::learn(&mut replaying, &project, set))?;
        learning::print(&name, &learned);
    }
    Ok(Code::Success)
}
