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
    let errors = TestSet::load(directory, &Plugins).expect_err("something is wrong");
    let text: Vec<String> = errors.iter().map(ToString::to_string).collect();
    text.join("\n").replace(&directory.display().to_string(), "SET")
}

const OURS: &str =
    "version: api.keploy.io/v1beta1\nkind: Http\nname: a\nspec:\n  metadata:\n    schema: 1\n  req: {}\n";

#[test]
fn yaml_that_is_none() {
    insta::assert_snapshot!(errors(&[("tests/a.yaml", "kind: Http\nname: 'a\n"), ("mocks.yaml", "kind: [Http\n")]), @r#"
    SET/tests/a.yaml:2: a quoted text goes on here, but less indented than its name (column 1)
    hint: is its closing quote missing? Inside '...' a ' is written twice, inside "..." a " is written \"
    SET/mocks.yaml:1: a [ or { that is never closed (column 7)
    hint: add the missing ] or }
    "#);
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
    insta::assert_snapshot!(errors(&files), @"
    SET/tests/a.yaml:1: `version` is missing
    hint: add `version: api.keploy.io/v1beta1`
    SET/tests/b.yaml:1: `version` is `api.keploy.io/v2`
    hint: this keploy reads `api.keploy.io/v1beta1`; the document is newer, or it is not Keploy's
    SET/tests/c.yaml: the file is empty
    hint: delete it, or restore it from version control
    SET/tests/d.yaml:1: this is no map
    hint: a document has `version`, `kind`, `name` and `spec`
    SET/tests/e.json: tests in JSON cannot be read
    hint: record again with `storageFormat: yaml`
    ");
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
    insta::assert_snapshot!(errors(&files), @"
    SET/tests/a.yaml:8: `spec.app_port` is `many`
    hint: it has to be a whole number in range
    SET/tests/b.yaml:9: `spec.responses[0].at` is `never`
    hint: it has to be a time like 2026-07-17T09:10:53.449166379Z
    SET/tests/c.yaml:7: `spec.metadata.started` is `yesterday`
    hint: it has to be a time like 2026-07-17T09:10:53.449166379Z
    SET/tests/d.yaml:4: `spec.req` is missing
    hint: a document without its request cannot be used; record it again
    SET/tests/e.yaml:6: `Http` documents of schema 7 are newer than the parser, which has 1
    hint: update keploy, or the parser in --plugins
    SET/tests/f.yaml:9: `spec.assertions.noise.body.a` is a map
    hint: it has to be a list of texts
    SET/mocks.yaml:15: `spec.metadata.lifetime` is `long`
    hint: it has to be `test`, `connection` or `session`
    ");
}

#[test]
fn what_cannot_be_read_is_not_skipped() {
    let files = [("mocks.gob", ""), ("mocks.json", ""), (".journal", "")];
    insta::assert_snapshot!(errors(&files), @"
    SET/.journal: this recording was not finished
    hint: wait for the keploy that is recording, or let `keploy test` complete it
    SET/mocks.gob: mocks in Go's own binary form cannot be read
    hint: record again with `record.mockFormat: yaml`
    SET/mocks.json: mocks in JSON cannot be read
    hint: record again with `storageFormat: yaml`
    ");
}

#[test]
fn names_and_bodies() {
    let blob = "  resp: {body: !blob {path: assets/ab00000000000000000000000000000000000000000000000000000000000000, size: 3}}\n";
    let test = format!("{OURS}{blob}");
    insta::assert_snapshot!(errors(&[("tests/a.yaml", OURS), ("tests/b.yaml", &test)]), @"
    SET/tests/b.yaml:1: two tests are called `a`
    hint: give one of them another name
    SET/tests/b.yaml:1: its body is kept in SET/assets/ab00000000000000000000000000000000000000000000000000000000000000, which is not there
    hint: restore that file from version control, or record again
    ");
}

#[test]
fn what_a_plugin_cannot_read() {
    let seed = "version: api.keploy.io/v1beta1\nkind: Redis\nname: mock-0\nspec:\n  metadata: {}\n";
    insta::assert_snapshot!(errors(&[("mocks.yaml", seed)]), @"
    SET/mocks.yaml:4: the Redis parser cannot read this: `redisrequests` is missing
    hint: record this test set again, or report the document that cannot be read
    ");
}

#[test]
fn mappings() {
    let mappings =
        "version: api.keploy.io/v1beta1\nkind: TestMocksMapping\ntests:\n  - id: a\n    mocks: [b]\n  - mocks: [c]\n";
    insta::assert_snapshot!(errors(&[("mappings.yaml", mappings)]), @"
    SET/mappings.yaml:6: `tests[1].id` is missing
    hint: it is the name of the test
    ");
}

#[test]
fn other_encodings_and_no_test_set() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    fs::write(directory.path().join("mocks.yaml"), b"# a\n# \xff\n").expect("a new file");
    insta::assert_snapshot!(said(directory.path()), @"
    SET/mocks.yaml:2: this is not UTF-8
    hint: save the file as UTF-8; binary bodies are `!!binary` in base64
    ");
    insta::assert_snapshot!(said(&directory.path().join("none")).replace(&directory.path().display().to_string(), ""), @"
    SET: there is no such test set
    hint: `keploy record` makes one
    ");
}
