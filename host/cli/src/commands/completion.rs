//! `keploy completion`
use clap_complete::Shell;

use crate::exit::{Code, Outcome};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    shell: Shell,
}

pub(crate) fn run(arguments: &Arguments, mut command: clap::Command) -> Outcome {
    clap_complete::generate(arguments.shell, &mut command, "keploy", &mut std::io::stdout());
    Ok(Code::Success)
}
