//! `keploy learn`
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use crate::{
    exit::{Code, Failure, Outcome},
    learning, parsers,
    replaying::Replaying,
    sets, stage,
};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The command that starts the application, as a shell would run it. It has to be the code that was recorded.
    #[arg(short, long)]
    command: Option<String>,
    /// The directory that holds the folder keploy/.
    #[arg(short, long, value_name = "DIR")]
    path: Option<PathBuf>,
    #[command(flatten)]
    directories: stage::PluginDirectories,
    /// Only these test sets.
    #[arg(short, long, alias = "testsets", value_delimiter = ',', value_name = "SET")]
    test_sets: Vec<String>,
    /// Show what the application writes as it writes it.
    #[arg(long)]
    show_app: bool,
}

pub(crate) fn run(arguments: Arguments, config_path: &Path) -> Outcome {
    intercept::check()?;
    let (config, project) = sets::project(config_path, arguments.path)?;
    let command = stage::command(arguments.command, &config)?;
    let registry = parsers::load(&arguments.directories)?;
    sets::recover(&project)?;
    let mut names = project.sets()?;
    if !arguments.test_sets.is_empty() {
        names.retain(|name| arguments.test_sets.contains(name));
    }
    if names.is_empty() {
        return Err(Failure::words(
            Code::Nothing,
            "there is no such test set\nhint: keploy record -c \"...\" makes one",
        ));
    }
    let mut replaying = Replaying {
        api_timeout: Duration::from_secs(config.test.api_timeout),
        delay: Duration::ZERO,
        health_poll_timeout: Duration::from_secs(60),
        show_app: arguments.show_app,
        real_time: false,
        config: Arc::new(config),
        registry,
        command,
        title: String::new(),
    };
    let runtime = stage::runtime()?;
    for name in names {
        let set = sets::load(&project, &name, &replaying.registry).map_err(|errors| {
            let words: Vec<String> = errors.iter().map(ToString::to_string).collect();
            Failure::words(Code::Usage, words.join("\n"))
        })?;
        let (name, learned) = runtime.block_on(learning::learn(&mut replaying, &project, set))?;
        learning::print(&name, &learned);
    }
    Ok(Code::Success)
}
