//! Where things are.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command::{Failure, Result};

/// The repository, what is built from it, and what is kept outside of it between builds.
pub struct Place {
    /// The repository's root.
    pub root: PathBuf,
    /// Cargo's target directory.
    pub target: PathBuf,
    /// Tools and drivers that were installed for development.
    pub cache: PathBuf,
}

impl Place {
    pub fn find() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the repository").to_owned();
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |dir| root.join(dir));
        let cache = match (std::env::var_os("KEPLOY_DEV_CACHE"), std::env::home_dir()) {
            (Some(cache), _) => root.join(cache),
            (None, Some(home)) => home.join(".cache/keploy-dev"),
            (None, None) => return Err(Failure::new("no home directory").hint("set KEPLOY_DEV_CACHE to a directory")),
        };
        Ok(Self { root, target, cache })
    }

    /// The parsers as WebAssembly, by protocol: what `keploy` embeds.
    pub fn parsers(&self) -> PathBuf {
        self.target.join("parsers")
    }

    /// The product.
    pub fn keploy(&self) -> PathBuf {
        self.target.join("release/keploy")
    }

    /// Python with the sample applications' packages.
    pub fn demo_python(&self, program: &str) -> PathBuf {
        self.cache.join("venv-demo/bin").join(program)
    }

    /// cargo, run from the root, with what every build of this project is given.
    pub fn cargo(&self, arguments: &[&str]) -> Command {
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.current_dir(&self.root).args(arguments);
        cargo.env("CARGO_TARGET_DIR", &self.target);
        cargo.env("KEPLOY_PARSERS_DIR", self.parsers());
        cargo.env("KEPLOY_DEV_CACHE", &self.cache);
        cargo
    }
}
