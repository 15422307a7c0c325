//! `keploy.yml`.
use std::time::Duration;

use document::Value;
use fs_err as fs;
use store::{Config, ConfigError, Naming};

fn load(text: &str) -> Result<Config, ConfigError> {
    let directory = tempfile::tempdir().expect("a temporary directory");
    fs::write(directory.path().join("keploy.yml"), text).expect("a new file");
    Config::load(directory.path())
}

fn error(text: &str) -> String {
    let error = load(text).expect_err("something is wrong");
    ConfigError { file: "keploy.yml".into(), ..error }.to_string()
}

#[test]
fn without_a_file_everything_has_its_default() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    assert_eq!(Config::load(directory.path()), Ok(Config::default()));
    assert_eq!(load("# nothing\n"), Ok(Config::default()));
    assert!(Config::default().record.upstream_tls.verify);
}

#[test]
fn what_is_generated_is_the_default() {
    let text = Config::generate();
    assert_eq!(load(&text), Ok(Config::default()));
    insta::assert_snapshot!(text, @"");
}

#[test]
fn settings() {
    let config = load(
        "command: ./app --port 1\n\
         disableANSI: true\n\
         record: {recordTimer: 1m30s, testCaseNaming: sequential, upstreamTls: {verify: false, caCert: ca.pem}}\n\
         test:\n  delay: 7\n  apiTimeout: 9\n  selectedTests: {test-set-0: [a, b], test-set-1: []}\n\
         plugins:\n  Http: {limit: 5, names: [a]}\n",
    )
    .expect("sound");
    assert_eq!((config.command.as_str(), config.disable_ansi), ("./app --port 1", true));
    assert_eq!(config.record.record_timer, Duration::from_secs(90));
    assert_eq!(config.record.naming, Naming::Sequential);
    assert!(!config.record.upstream_tls.verify);
    assert_eq!((config.test.delay, config.test.api_timeout), (7, 9));
    assert_eq!(config.test.selected_tests["test-set-0"], ["a", "b"]);
    assert_eq!(config.plugins["Http"].get("limit"), Some(&Value::from(5)));
    assert_eq!(config.unused(), [""; 0]);
}

#[test]
fn noise() {
    let config = load(
        "test:\n  globalNoise:\n    global:\n      body: {id: [], items.at: ['[0-9]+']}\n      header: {Date: []}\n      url: ['v[0-9]']\n    \
         test-sets:\n      test-set-1:\n        body: {'*': ['*']}\n",
    )
    .expect("sound");
    let noise = |paths: &[(&str, &[&str])]| -> Vec<(String, Vec<String>)> {
        paths
            .iter()
            .map(|(path, values)| (path.to_string(), values.iter().map(ToString::to_string).collect()))
            .collect()
    };
    let global = noise(&[("body.id", &[]), ("body.items.at", &["[0-9]+"]), ("header.Date", &[]), ("url", &["v[0-9]"])]);
    assert_eq!(config.noise_for("test-set-0"), global);
    let own = noise(&[("body.*", &["*"])]);
    assert_eq!(config.noise_for("test-set-1"), [global, own].concat());
}

#[test]
fn what_does_nothing_is_named() {
    let config = load(
        "proxyPort: 1\ndnsPort: 26789\nbypassRules: []\ntest:\n  mustPass: true\n  host: ''\nrecord:\n  filters: [{path: a}]\n",
    );
    assert_eq!(config.expect("sound").unused(), ["proxyPort", "test.mustPass", "test.host", "record.filters"]);
}

#[test]
fn mistakes() {
    insta::assert_snapshot!(error("command: a\ntest:\n  # seconds\n  apitimeout: 5\n"), @"");
    insta::assert_snapshot!(error("comand: a\n"), @"");
    insta::assert_snapshot!(error("colours: no\n"), @"");
    insta::assert_snapshot!(error("test:\n  delay: soon\n"), @"");
    insta::assert_snapshot!(error("record:\n  recordTimer: later\n"), @"");
    insta::assert_snapshot!(error("record:\n  testCaseNaming: random\n"), @"");
    insta::assert_snapshot!(error("test: 5\n"), @"");
    insta::assert_snapshot!(error("command: 'a\n"), @"");
    insta::assert_snapshot!(error("- a\n"), @"");
}
