//! `keploy.yml`, under the names Keploy's users know.
//!
//! Every key of Keploy's is accepted. Those that do something here are fields of [`Config`]; the others are named by
//! [`Config::unused`] when they are set, so that nothing is ignored in silence. A key nobody knows is an error.
//! Keploy's `KEPLOY_<KEY>` environment variables are not read.
mod keys;

use std::{collections::BTreeMap, fmt, path::PathBuf, time::Duration};

use document::{Map, Path, Segment, Value, yaml};
use fs_err as fs;
use keys::{KEYS, Key, Use};
use serde::{Deserialize, Serialize};

use crate::{Naming, envelope::Complaint, error::advice};

const FILE: &str = "keploy.yml";

/// The settings that do something.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Config {
    /// Where `keploy/` lives; empty: here.
    pub path: PathBuf,
    /// How the application is started.
    pub command: String,
    pub debug: bool,
    #[serde(rename = "disableANSI")]
    pub disable_ansi: bool,
    /// Files of authorities that the application reads by a name of its own: PEM or Java stores.
    pub ca_files: Vec<PathBuf>,
    pub record: RecordConfig,
    pub test: TestConfig,
    /// Passed to the plugin of that protocol as it is.
    #[serde(skip)]
    pub plugins: BTreeMap<String, Value>,
    /// The file as it is, for [`Config::at`].
    #[serde(skip)]
    tree: AsWritten,
    #[serde(skip)]
    unused: Vec<&'static str>,
}

/// Two files that say the same are equal, however they are written.
#[derive(Clone, Debug, Default)]
struct AsWritten(Map);

impl PartialEq for AsWritten {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct RecordConfig {
    /// Ends the recording after so long; zero: when the user or the application does.
    #[serde(with = "duration")]
    pub record_timer: Duration,
    #[serde(rename = "testCaseNaming")]
    pub naming: Naming,
    pub upstream_tls: UpstreamTls,
    /// The application's own certificate and key, PEM files, when it serves TLS; empty: it is passed through.
    pub tls_cert_path: PathBuf,
    pub tls_private_key_path: PathBuf,
    pub secrets: SecretsConfig,
}

/// What is a secret, beside what is known to be one: names, and regular expressions of values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SecretsConfig {
    /// Secrets are replaced as they are written.
    pub enabled: bool,
    pub headers: Vec<String>,
    pub fields: Vec<String>,
    pub patterns: Vec<String>,
    pub allow: Vec<String>,
}

impl Default for SecretsConfig {
    fn default() -> Self {
        let ::secrets::Settings { enabled, headers, fields, patterns, allow } = Default::default();
        Self { enabled, headers, fields, patterns, allow }
    }
}

impl SecretsConfig {
    /// # Errors
    /// When a pattern is no regular expression.
    pub fn rules(&self) -> Result<::secrets::Rules, ::secrets::BadPattern> {
        let Self { enabled, headers, fields, patterns, allow } = self.clone();
        ::secrets::Rules::new(&::secrets::Settings { enabled, headers, fields, patterns, allow })
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct UpstreamTls {
    /// Unlike Keploy we verify unless told not to.
    pub verify: bool,
    /// A PEM file of authorities to trust beside the system's; empty: none.
    pub ca_cert: PathBuf,
    /// PEM files of the certificate and its key that servers are shown when they ask; empty: none.
    pub client_cert: PathBuf,
    pub client_key: PathBuf,
}

impl Default for UpstreamTls {
    fn default() -> Self {
        Self { verify: true, ca_cert: PathBuf::new(), client_cert: PathBuf::new(), client_key: PathBuf::new() }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct TestConfig {
    /// Test set -> its tests to run (none: all of them). Empty: every test set.
    pub selected_tests: BTreeMap<String, Vec<String>>,
    /// Test set -> its tests not to run (none: all of them).
    pub ignored_tests: BTreeMap<String, Vec<String>>,
    pub global_noise: GlobalNoise,
    /// Seconds to wait before the first test, beside waiting until the application listens.
    pub delay: u64,
    /// Seconds a test may take.
    pub api_timeout: u64,
    /// For log-ins whose clients want proof that the server knows the password. Never in a recording.
    pub mongo_password: String,
    /// What gRPC's messages are called, for recording: a .proto file, a directory of them, and where imports are looked for.
    pub proto_file: PathBuf,
    pub proto_dir: PathBuf,
    pub proto_include: Vec<PathBuf>,
}

impl Default for TestConfig {
    fn default() -> Self {
        Self {
            selected_tests: BTreeMap::new(),
            ignored_tests: BTreeMap::new(),
            global_noise: GlobalNoise::default(),
            delay: 0,
            api_timeout: 5,
            mongo_password: String::new(),
            proto_file: PathBuf::new(),
            proto_dir: PathBuf::new(),
            proto_include: Vec::new(),
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct GlobalNoise {
    pub global: BTreeMap<String, NoiseOf>,
    pub test_sets: BTreeMap<String, BTreeMap<String, NoiseOf>>,
}

/// What of a part (`body`, `header`, `url`) may differ.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum NoiseOf {
    /// The part itself, where it matches one of these.
    Whole(Vec<String>),
    /// Path -> regular expressions.
    Paths(BTreeMap<String, Vec<String>>),
}

/// What is wrong with `keploy.yml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    pub file: PathBuf,
    /// 1-based; 0 when it is about the file as a whole.
    pub line: usize,
    pub column: usize,
    pub message: String,
    /// May be empty.
    pub hint: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file.display())?;
        if self.line > 0 {
            write!(f, "{}:{}:", self.line, self.column)?;
        }
        write!(f, " {}", self.message)?;
        if self.hint.is_empty() { Ok(()) } else { write!(f, "\nhint: {}", self.hint) }
    }
}

impl std::error::Error for ConfigError {}

impl Config {
    /// Reads `keploy.yml` in `directory`; without one everything has its default.
    ///
    /// # Errors
    /// The first thing that is wrong: with the YAML, an unknown key, a value of the wrong type.
    pub fn load(directory: &std::path::Path) -> Result<Self, ConfigError> {
        let path = directory.join(FILE);
        match fs::read_to_string(&path) {
            Ok(text) => Self::parse(&path, &text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(ConfigError {
                message: error.to_string(),
                hint: advice(error.kind()).trim_start_matches("\nhint: ").to_owned(),
                file: path,
                line: 0,
                column: 0,
            }),
        }
    }

    fn parse(file: &std::path::Path, text: &str) -> Result<Self, ConfigError> {
        let error = |line, column, message: String, hint: String| ConfigError {
            file: file.to_owned(),
            line,
            column,
            message,
            hint,
        };
        let documents = yaml::parse_all(text).map_err(|e| {
            error(
                e.line,
                e.column,
                e.message,
                e.hint.unwrap_or_else(|| "`keploy config` shows a file that is right".to_owned()),
            )
        })?;
        let Some(document) = documents.into_iter().next() else { return Ok(Self::default()) };
        let first_line = document.line;
        let mut tree = match document.value {
            Value::Null => return Ok(Self::default()),
            Value::Map(map) => map,
            _ => return Err(error(1, 1, "this is no map".into(), "it has lines like `command: ./app`".into())),
        };
        let mut unused = Vec::new();
        check(&tree, &mut Path::default(), &mut unused).map_err(|complaint| {
            let line = yaml::find_line(text, first_line, &complaint.path);
            let column = text.lines().nth(line - 1).map_or(1, |l| 1 + l.len() - l.trim_start().len());
            error(line, column, complaint.message, complaint.hint)
        })?;
        let mut config: Self = serde_yaml::from_str(text).map_err(|e| {
            let (line, column) = e.location().map_or((0, 0), |at| (at.line(), at.column()));
            error(line, column, plain(&e.to_string()), String::new())
        })?;
        if let Some(Value::Map(plugins)) = tree.remove("plugins") {
            config.plugins = plugins.into_iter().collect();
        }
        config.tree = AsWritten(tree);
        config.unused = unused;
        Ok(config)
    }

    /// The keys that were set to something else than Keploy's default, and that nothing here acts on.
    pub fn unused(&self) -> &[&'static str] {
        &self.unused
    }

    /// What the file says under a key, e.g. `test.delay`.
    pub fn at(&self, key: &str) -> Option<&Value> {
        let (first, rest) = key.split_once('.').unwrap_or((key, ""));
        let mut names = rest.split('.').filter(|name| !name.is_empty());
        names.try_fold(self.tree.0.get(first)?, |value, name| value.as_map()?.get(name))
    }

    /// What may differ in a test set: path (`body.id`, `header.Date`, `url`; `body.*`: all of it) and regular expressions
    /// (none, or `*`: anything), as [`document::Noise`] takes them.
    pub fn noise_for(&self, set: &str) -> Vec<(String, Vec<String>)> {
        let GlobalNoise { global, test_sets } = &self.test.global_noise;
        let parts = global.iter().chain(test_sets.get(set).into_iter().flatten());
        parts.flat_map(|(part, noise)| noise.patterns(part)).collect()
    }

    /// A `keploy.yml` with every key that does something, its default and what it means.
    pub fn generate() -> String {
        let mut text = format!("{}# Every key that does something, with its default.\n", crate::envelope::HEADER);
        let mut within: Vec<&str> = Vec::new();
        for Key { path, default, used } in KEYS {
            let Use::Acts(meaning) = used else { continue };
            let mut parents: Vec<&str> = path.split('.').collect();
            let name = parents.pop().unwrap_or_default();
            let common = parents.iter().zip(&within).take_while(|(a, b)| a == b).count();
            for (depth, parent) in parents.iter().enumerate().skip(common) {
                text.push_str(&format!("{:indent$}{parent}:\n", "", indent = 2 * depth));
            }
            let indent = 2 * parents.len();
            text.push_str(&format!("{:indent$}# {meaning}\n{:indent$}{name}: {default}\n", "", ""));
            within = parents;
        }
        text
    }
}

impl NoiseOf {
    fn patterns(&self, part: &str) -> Vec<(String, Vec<String>)> {
        match self {
            Self::Whole(patterns) => vec![(part.to_owned(), patterns.clone())],
            Self::Paths(paths) => {
                paths.iter().map(|(path, patterns)| (format!("{part}.{path}"), patterns.clone())).collect()
            }
        }
    }
}

/// Walks the keys of the file along those we know.
fn check(map: &Map, path: &mut Path, unused: &mut Vec<&'static str>) -> Result<(), Complaint> {
    for (name, value) in map.iter() {
        path.0.push(Segment::Name(name.to_owned()));
        let dotted = path.to_string();
        if let Some(key) = KEYS.iter().find(|key| key.path == dotted) {
            if key.used == Use::Accepted && !key.is_default(value) {
                unused.push(key.path);
            }
        } else if keys::below(&dotted).next().is_some() {
            match value {
                Value::Null => {}
                Value::Map(map) => check(map, path, unused)?,
                _ => {
                    let known = keys::below(&dotted).next().unwrap_or_default();
                    let hint = format!("its settings stand below it and further to the right, e.g. `{known}: ...`");
                    return Err(Complaint {
                        path: path.clone(),
                        message: format!("`{dotted}` is no setting itself"),
                        hint,
                    });
                }
            }
        } else {
            let parent = dotted.strip_suffix(name).unwrap_or_default().trim_end_matches('.');
            let hint = keys::nearest(parent, name).map_or_else(
                || "`keploy config` lists the settings".to_owned(),
                |known| format!("did you mean `{known}`?"),
            );
            return Err(Complaint { path: path.clone(), message: format!("`{dotted}` is no setting"), hint });
        }
        path.0.pop();
    }
    Ok(())
}

/// serde's message, in plain words and without the place at its end, which stands at the front of ours.
fn plain(message: &str) -> String {
    let message = message.rsplit_once(" at line ").map_or(message, |(message, _)| message);
    message.replace("expected u64", "expected a whole number")
}

/// Durations as Go writes them: `90s`, `1m30s`, `250ms`.
mod duration {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{duration:?}"))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let text = String::deserialize(deserializer)?;
        let parsed: Option<jiff::SignedDuration> = text.parse().ok();
        parsed
            .and_then(|duration| Duration::try_from(duration).ok())
            .ok_or_else(|| D::Error::custom(format!("`{text}` is no duration like 90s or 1m30s")))
    }
}
