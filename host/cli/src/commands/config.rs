//! `keploy config`
use std::path::PathBuf;

use store::Config;

use crate::{
    exit::{Code, Failure, Outcome},
    style,
};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Write a keploy.yml with every key that does something, and its default.
    #[arg(long)]
    generate: bool,
    /// Where to.
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    path: PathBuf,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    if !arguments.generate {
        print!("{}", Config::generate());
        return Ok(Code::Success);
    }
    let file = arguments.path.join("keploy.yml");
    if file.exists() {
        let words =
            format!("{} exists\nhint: remove it first, or see `keploy config` for the defaults", file.display());
        return Err(Failure::words(Code::Usage, words));
    }
    fs_err::write(&file, Config::generate())?;
    let user = intercept::caller()?;
    std::os::unix::fs::chown(&file, Some(user.uid), Some(user.gid))?;
    style::say(format!("wrote {}", file.display()));
    Ok(Code::Success)
}
