//! What a failing transcript says. That good ones pass is seen in every parser's tests.
use std::{fs, panic, path::PathBuf};

use line::Line;

/// A good case, to be spoilt.
const GOOD: &str = "# Line

## A value is read

```client raw
GET a\\n
```

```server raw
VALUE 1\\n
```

```expect
- class: GET
  request: {command: GET, key: a}
  responses: [{status: VALUE, value: '1'}]
```
";

/// Runs the text, which must fail; returns what is said.
fn failure(name: &str, text: &str) -> String {
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.md"));
    fs::write(&file, text).expect("the test's own folder");
    let check = || keploy_transcript::check::<Line>(file.to_str().expect("a path of ASCII"));
    let said = panic::catch_unwind(check).expect_err("must fail");
    said.downcast_ref::<String>().expect("says something").clone()
}

fn spoilt(name: &str, from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "{from}");
    failure(name, &GOOD.replace(from, to))
}

#[test]
fn another_document_is_shown_as_a_diff_at_its_case() {
    let said = spoilt("document", "value: '1'", "value: '2'");
    for part in ["document.md:3: A value is read: recorded: not as expected", "-    value: '2'", "+    value: '1'"] {
        assert!(said.contains(part), "{part} is missing in {said}");
    }
}

#[test]
fn other_facts_count_where_they_are_given() {
    assert!(spoilt("class", "class: GET", "class: SET").contains("+- class: GET"));
    assert!(spoilt("lifetime", "class: GET", "lifetime: session").contains("-- lifetime: session"));
}

#[test]
fn a_missing_and_an_additional_exchange_fail() {
    assert!(
        spoilt("missing", "```expect\n", "```expect\n- request: {command: QUIT}\n  responses: []\n").contains("QUIT")
    );
    assert!(spoilt("additional", "GET a\\n", "GET a\\nGET b\\n").contains("key: b"));
}

#[test]
fn other_bytes_written_are_shown() {
    let mock = "```expect\n";
    let said = spoilt("mock", mock, &format!("```mock raw\nVALUE 2\\n\n```\n\n{mock}"));
    assert!(said.contains("mocked as written: wrote other bytes") && said.contains("-VALUE 2\\n"), "{said}");
    let said = spoilt("drive", mock, &format!("```drive raw\nGET b\\n\n```\n\n{mock}"));
    assert!(said.contains("driven as written: wrote other bytes") && said.contains("+GET a\\n"), "{said}");
}

#[test]
fn a_server_that_hung_up_must_be_mocked_so() {
    let said = spoilt("end", "```server raw", "```server raw end");
    assert!(said.contains("the mock left it open"), "{said}");
}

#[test]
fn a_fault_that_does_not_come_fails() {
    assert!(spoilt("fault", "```expect\n", "```expect\n- fault: not-text\n").contains("fault: not-text"));
}

#[test]
fn what_is_not_a_transcript_is_told_by_line() {
    assert!(spoilt("escape", "GET a\\n", "GET a\\q").contains("line 5: `\\q`: not an escape"));
    assert!(spoilt("word", "client raw", "client row").contains("unknown word `row`"));
    assert!(spoilt("yaml", "- class: GET", "- [").contains("not YAML"));
    assert!(failure("open", "```client\nGET a\n").contains("line 1: this block is not closed"));
    assert!(
        failure("unexpected", GOOD.split("```expect").next().unwrap_or_default()).contains("hint: TRANSCRIPT_UPDATE=1")
    );
}
