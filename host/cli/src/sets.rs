//! Test sets from disk, with the parsers that read what older versions, and Keploy, wrote.
use std::path::{Path, PathBuf};

use document::Value;
use plugins::Registry;
use store::{Config, LoadError, Owner, Project, Recording, RunDir, TestSet, Upgrade, Upgraded};

use crate::{
    exit::{Code, Failure},
    style,
};

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
    let secrets = config.record.secrets.rules()?;
    Ok((config, Project::open(&path, Some(owner)).with_secrets(secrets)))
}

/// Completes recordings that were killed.
pub(crate) fn recover(project: &Project) -> Result<(), Failure> {
    for set in project.unfinished()? {
        let Some(mut recording) = Recording::recover(project, &set)? else { continue };
        let mappings = record::attribution::of_recording(&mut recording, &record::Observed::default())?;
        let finished = recording.finish(None, &mappings)?;
        style::say(format!(
            "completed {set}, whose recording was cut short: {} tests, {} mocks",
            finished.tests, finished.mocks
        ));
    }
    Ok(())
}

/// The test sets that were asked for, in natural order; all when none was.
pub(crate) fn names(project: &Project, wanted: &[String]) -> Result<Vec<String>, Failure> {
    let mut names = project.sets()?;
    if names.is_empty() {
        let words =
            format!("there is no test set in {}\nhint: keploy record -c \"...\" makes one", project.root().display());
        return Err(Failure::words(Code::Nothing, words));
    }
    if let Some(unknown) = wanted.iter().find(|name| !names.contains(name)) {
        let words = format!("there is no test set {unknown}\nhint: there are: {}", names.join(", "));
        return Err(Failure::words(Code::Usage, words));
    }
    if !wanted.is_empty() {
        names.retain(|name| wanted.contains(name));
    }
    Ok(names)
}

/// Those that were asked for, else those that keploy.yml selects, with only the tests that it selects.
pub(crate) fn selected(
    wanted: &[String],
    config: &Config,
    project: &Project,
    registry: &Registry,
) -> Result<Vec<TestSet>, Failure> {
    let selected = &config.test.selected_tests;
    let mut names = names(project, wanted)?;
    if wanted.is_empty() && !selected.is_empty() {
        names.retain(|name| selected.contains_key(name));
    }
    let mut loaded = names.iter().map(|name| read(project, name, registry)).collect::<Result<Vec<_>, _>>()?;
    for set in &mut loaded {
        if let Some(only) = selected.get(&set.name).filter(|only| !only.is_empty()) {
            set.tests.retain(|test| only.contains(&test.name));
        }
        if let Some(ignored) = config.test.ignored_tests.get(&set.name) {
            set.tests.retain(|test| !ignored.is_empty() && !ignored.contains(&test.name));
        }
    }
    // Documents that nobody can read are no reason to say that there are none.
    loaded.retain(|set| !set.tests.is_empty() || !set.foreign.is_empty());
    if loaded.is_empty() {
        let words = format!(
            "there is nothing to test in {}\nhint: keploy record -c \"...\" records tests; or selectedTests in keploy.yml leaves none",
            project.root().display()
        );
        return Err(Failure::words(Code::Nothing, words));
    }
    Ok(loaded)
}

/// A run of `keploy test`; the last one for none.
pub(crate) fn run(project: &Project, wanted: Option<&str>) -> Result<RunDir, Failure> {
    project.run(wanted)?.ok_or_else(|| {
        let what = wanted.map_or_else(|| "report".to_owned(), |wanted| format!("report of {wanted}"));
        let words =
            format!("there is no {what} in {}\nhint: keploy test -c \"...\" makes one", project.root().display());
        Failure::words(Code::Nothing, words)
    })
}

/// Loads a test set, for those who cannot go on without it.
pub(crate) fn read(project: &Project, set: &str, registry: &Registry) -> Result<TestSet, Failure> {
    load(project, set, registry).map_err(|errors| {
        let words: Vec<String> = errors.iter().map(ToString::to_string).collect();
        Failure::words(Code::Usage, words.join("\n"))
    })
}

/// Loads a test set; without mappings in it, they are worked out from the times.
pub(crate) fn load(project: &Project, set: &str, registry: &Registry) -> Result<TestSet, Vec<LoadError>> {
    let mut loaded = TestSet::load(&project.set_dir(set), &Parsers(registry))?;
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

    fn upgrade(&self, kind: &str, schema: u32, spec: &Value) -> Result<Vec<Upgraded>, String> {
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
