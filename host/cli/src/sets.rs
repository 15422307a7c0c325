//! Test sets from disk, with the parsers that read what older versions, and Keploy, wrote.
use std::path::{Path, PathBuf};

use document::Value;
use plugins::Registry;
use store::{Config, LoadError, Owner, Project, Recording, TestSet, Upgrade, Upgraded};

use crate::{exit::Failure, style};

/// keploy.yml and the project it belongs to. `path`, when given, wins over keploy.yml's.
pub(crate) fn project(config_path: &Path, path: Option<PathBuf>) -> Result<(Config, Project), Failure> {
    let config = Config::load(config_path)?;
    if !config.unused().is_empty() {
        style::say(format!("keploy.yml sets what this version does nothing with: {}", config.unused().join(", ")));
    }
    let path = path
        .unwrap_or_else(|| if config.path.as_os_str().is_empty() { PathBuf::from(".") } else { config.path.clone() });
    let user = intercept::caller()?;
    // Files belong to the user who ran the command, also under sudo.
    let owner = Owner { uid: user.uid, gid: user.gid };
    Ok((config, Project::open(&path, Some(owner))))
}

/// Completes recordings that were killed.
pub(crate) fn recover(project: &Project) -> Result<(), Failure> {
    for set in project.unfinished()? {
        let Some(mut recording) = Recording::recover(project, &set)? else { continue };
        let mappings = record::attribution::of_recording(&mut recording)?;
        let finished = recording.finish(None, &mappings)?;
        style::say(format!(
            "completed {set}, whose recording was cut short: {} tests, {} mocks",
            finished.tests, finished.mocks
        ));
    }
    Ok(())
}

/// Loads a test set; without mappings in it, they are worked out from the times.
pub(crate) fn load(project: &Project, set: &str, registry: &Registry) -> Result<TestSet, Vec<LoadError>> {
    let mut loaded = TestSet::load(&project.set_dir(set), &mut Parsers(registry))?;
    if loaded.mappings.is_empty() {
        loaded.mappings = record::attribution::of_set(&loaded);
    }
    Ok(loaded)
}

struct Parsers<'a>(&'a Registry);

impl Upgrade for Parsers<'_> {
    fn schema(&self, kind: &str) -> Option<u32> {
        self.0.get(kind).map(|plugin| plugin.manifest.schema)
    }

    fn upgrade(&mut self, kind: &str, schema: u32, spec: &Value) -> Result<Vec<Upgraded>, String> {
        let plugin = self.0.get(kind).ok_or_else(|| format!("there is no parser for {kind}"))?;
        let exchanges = plugin.upgrade(schema, spec).map_err(|failure| failure.to_string())??;
        let upgraded = |exchange: plugins::Recorded| Upgraded {
            request: exchange.request,
            class: exchange.facts.class,
            lifetime: match exchange.facts.lifetime {
                plugins::Lifetime::Test => store::Lifetime::Test,
                plugins::Lifetime::Connection => store::Lifetime::Connection,
                plugins::Lifetime::Session => store::Lifetime::Session,
            },
            responses: exchange.responses,
        };
        Ok(exchanges.into_iter().map(upgraded).collect())
    }
}
