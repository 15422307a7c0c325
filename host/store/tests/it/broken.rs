//! What is wrong with a file is said with its place and what to do.
use std::path::Path;

use fs_err as fs;
use store::TestSet;

use crate::Plugins;

/// Loads a test set of these files, and what it says about them.
fn errors(files: &[(&str, &str)]) -> String {
    let directory = tempfile::tempdir().expect("a temporary directory");
    fs::create_dir(directory.path().join("tests")).expect("a new directory");
    for (name, content) in files {
        fs::write(directory.path().join(name), content).expect("a new file");
    }
    said(directory.path())
}

fn said(directory: &Path) -> String {
    let errors = TestSet::load(directory, &mut Plugins).expect_err("something is wrong");
    let text: Vec<String> = errors.iter().map(ToString::to_string).collect();
    text.join("\n").replace(&directory.display().to_string(), "SET")
}

const OURS: &str =
    "version: api.keploy.io/v1beta1\nkind: Http\nname: a\nspec:\n  metadata:\n    schema: 1\n  req: {}\n";

#[test]
fn yaml_that_is_none() {
    insta::assert_snapshot!(errors(&[("tests/a.yaml", "kind: Http\nname: 'a\n"), ("mocks.yaml", "kind: [Http\n")]), @"");
}

#[test]
fn everything_is_said_at_once() {
    let files = [
        ("tests/a.yaml", "kind: Http\n"),
        ("tests/b.yaml", "version: api.keploy.io/v2\nkind: Http\n"),
        ("tests/c.yaml", "# only a comment\n"),
        ("tests/d.yaml", "- a\n- b\n"),
        ("tests/e.json", "{}"),
    ];
    insta::assert_snapshot!(errors(&files), @"");
}

#[test]
fn values_of_the_wrong_kind() {
    let files = [
        ("tests/a.yaml", format!("{OURS}  app_port: many\n")),
        ("tests/b.yaml", format!("{OURS}  responses:\n    - at: never\n")),
        ("tests/c.yaml", OURS.replace("schema: 1", "schema: 1\n    started: yesterday")),
        ("tests/d.yaml", OURS.replace("  req: {}\n", "")),
        ("tests/e.yaml", OURS.replace("schema: 1", "schema: 7")),
        ("tests/f.yaml", format!("{OURS}  assertions:\n    noise: {{body.a: [{{}}]}}\n")),
        ("mocks.yaml", format!("{OURS}---\n{}", OURS.replace("schema: 1", "schema: 1\n    lifetime: long"))),
    ];
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    insta::assert_snapshot!(errors(&files), @"");
}

#[test]
fn what_cannot_be_read_is_not_skipped() {
    let files = [("mocks.gob", ""), ("mocks.json", ""), (".journal", "")];
    insta::assert_snapshot!(errors(&files), @"");
}

#[test]
fn names_and_bodies() {
    let blob = "  resp: {body: !blob {path: assets/ab00000000000000000000000000000000000000000000000000000000000000, size: 3}}\n";
    let test = format!("{OURS}{blob}");
    insta::assert_snapshot!(errors(&[("tests/a.yaml", OURS), ("tests/b.yaml", &test)]), @"");
}

#[test]
fn what_a_plugin_cannot_read() {
    let seed = "version: api.keploy.io/v1beta1\nkind: Redis\nname: mock-0\nspec:\n  metadata: {}\n";
    insta::assert_snapshot!(errors(&[("mocks.yaml", seed)]), @"");
}

#[test]
fn mappings() {
    let mappings =
        "version: api.keploy.io/v1beta1\nkind: TestMocksMapping\ntests:\n  - id: a\n    mocks: [b]\n  - mocks: [c]\n";
    insta::assert_snapshot!(errors(&[("mappings.yaml", mappings)]), @"");
}

#[test]
fn other_encodings_and_no_test_set() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    fs::write(directory.path().join("mocks.yaml"), b"# a\n# \xff\n").expect("a new file");
    insta::assert_snapshot!(said(directory.path()), @"");
    insta::assert_snapshot!(said(&directory.path().join("none")).replace(&directory.path().display().to_string(), ""), @"");
}
