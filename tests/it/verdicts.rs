//! What to do with verdicts: explain them, accept them, record again, and prove that they notice.

use std::collections::BTreeSet;
use std::path::Path;

use harness::apps::{self, PORT};
use harness::http::{Client, Connections};
use harness::keploy::{Outcome, Project};
use harness::{World, files_below, is_long};
use serde_json::{Value, json};

#[test]
fn a_test_that_passed_is_explained_with_its_calls_and_what_may_differ() {
    let (world, project) = a_recording();
    project.test(&World::offline(), "").expect_code(0);
    let story = project.keploy(&world, &["explain", "post-notes-1"]);
    story.expect_code(0);
    for words in
        ["PASSED", "/notes", "SET note:", "settled by replays", "as recorded", "args[0] (uuid)", "at the recorded time"]
    {
        assert!(story.stdout.contains(words), "{words:?}: {}", story.stdout);
    }
    assert!(story.stdout.lines().count() < 25, "it fits a screen: {}", story.stdout);
    let story = project.keploy(&world, &["explain", "test-set-0/get-notes-1", "--json"]);
    assert_eq!(story.expect_code(0).json["calls"][0]["summary"], "GET motd", "{}", story.said());
    project.keploy(&world, &["explain", "no-such-test"]).expect_code(2).expect_words(&["no-such-test", "hint:"]);
}

#[test]
fn replays_of_one_recording_write_the_same_reports_but_for_times() {
    let (_world, project) = a_recording();
    let report = |run: usize| {
        let file = project.folder.join(format!("keploy/reports/test-run-{run}/test-set-0-report.yaml"));
        let text = std::fs::read_to_string(file).expect("a report");
        let is_time = |line: &&str| {
            ["started:", "completed:", "created_at:", "time_taken:"]
                .iter()
                .any(|key| line.trim_start().starts_with(key))
        };
        text.lines().filter(|line| !is_time(line)).collect::<Vec<_>>().join("\n")
    };
    // What the third line says of it, too.
    let summary =
        |outcome: &Outcome| outcome.stderr.lines().find(|line| line.contains("by matcher")).map(str::to_owned);
    let first = summary(project.test(&World::offline(), "").expect_code(0)).expect("a line about matchers");
    let runs = if is_long() { 100 } else { 5 };
    for run in 1..runs {
        let outcome = project.test(&World::offline(), "");
        assert_eq!(summary(outcome.expect_code(0)).as_ref(), Some(&first), "run {run}");
        assert_eq!(report(0), report(run), "run {run}");
    }
    // What failed, too, though an id that is made up stands in a key that has changed.
    let changed = project.with_app(project.app.clone().with("CHANGE", "key,field"));
    for _ in 0..2 {
        changed.test(&World::offline(), "").expect_code(1);
    }
    assert_eq!(report(runs), report(runs + 1));
}

#[test]
fn what_was_compared_by_kind_only_is_counted() {
    let (_world, project) = a_recording();
    let outcome = project.test(&World::offline(), "");
    // In the keys under which two notes are stored; from there their ids are followed.
    assert_eq!(outcome.expect_code(0).json["sets"][0]["by_matcher"], json!({ "uuid": 2 }), "{}", outcome.said());
    outcome.expect_words(&["2 values by matcher: 2 uuid"]);
}

#[test]
fn a_flaky_test_keeps_its_verdict_and_is_called_flaky() {
    let world = World::online();
    let app = apps::notes();
    let starts = world.folder().join("starts");
    let project = Project::new(&world, app.with("STARTS", &starts.display().to_string()));
    let recording = project.record_and_learn(&world);
    world.inside(visit);
    let recorded = recording.finish();
    assert!(recorded.expect_code(0).json["flaky"]["post-notes-1"].is_array(), "{}", recorded.said());
    let matchers = || std::fs::read_to_string(project.test_set().join("matchers.yaml")).expect("learned");
    let learned = matchers();

    let differed = ["post-notes-1", "2 of them flaky", "flaky: came out otherwise while learning", "body.mood"];
    let failed = project.test(&World::offline(), "");
    failed.expect_code(1).expect_words(&differed).expect_words(&["FAIL", "2 failed"]);
    let story = project.keploy(&world, &["explain", "post-notes-1"]);
    assert!(story.stdout.contains("flaky") && story.stdout.contains("body.mood changed"), "{}", story.stdout);
    let passed = project.test(&World::offline(), "");
    passed.expect_code(0).expect_words(&differed).expect_words(&["PASS", "0 failed"]);
    assert!(passed.json["sets"][0]["tests"][0]["flaky"][0].as_str().is_some_and(|how| how.contains("body.mood")));

    // Kept in one place, and learned again it is the same.
    assert!(project.learn(&World::offline()).status.success());
    assert_eq!(matchers(), learned);
    project.test(&World::offline(), "").expect_code(1);
    project.keploy(&world, &["accept"]).expect_code(0);
    assert!(!matchers().contains("flaky"), "{}", matchers());
    let rest = matchers();
    assert!(learned.starts_with(&rest), "only that goes: {rest}");
}

#[test]
fn what_is_accepted_passes_and_is_a_small_diff() {
    for (change, code, changed_lines) in [
        // One line of JSON in each of two tests, and its Content-Length.
        ("field", 0, 4),
        // Two mocks, and what ties them to their tests.
        ("skip", 0, 0),
        // The key and the class of two mocks, and the class in what may differ. What else came of an unanswered call is left.
        ("key", 1, 4),
    ] {
        let (world, project) = a_recording();
        let changed = project.with_app(project.app.clone().with("CHANGE", change));
        changed.test(&World::offline(), "").expect_code(1);
        let before = lines(&project.test_set());
        project.keploy(&world, &["accept"]).expect_code(code);
        let after = lines(&project.test_set());
        let new: Vec<&String> = after.iter().filter(|line| !before.contains(*line)).collect();
        assert_eq!(new.len(), changed_lines, "{change}: {new:#?}");
        changed.test(&World::offline(), "").expect_code(0);
        project.test(&World::offline(), "").expect_code(1);
    }
}

#[test]
fn a_call_that_has_no_answer_cannot_be_accepted() {
    let (world, project) = a_recording();
    let changed = project.with_app(project.app.clone().with("CHANGE", "extra"));
    changed.test(&World::offline(), "").expect_code(1);
    let before = lines(&project.test_set());
    project.keploy(&world, &["accept"]).expect_code(1).expect_words(&["LPUSH log", "keploy rerecord"]);
    assert_eq!(lines(&project.test_set()), before);
    // Recorded again with its dependencies, it has one.
    changed.rerecord(&world).expect_code(0);
    changed.test(&World::offline(), "").expect_code(0);
    let after = files_below(&project.test_set());
    assert!(after.iter().any(|file| file.ends_with("tests/post-notes-1.yaml")), "{after:?}");
    assert_eq!(
        std::fs::read_dir(project.folder.join("keploy")).expect("a folder").count(),
        3,
        "set, reports, .gitignore"
    );
}

#[test]
fn normalizing_takes_values_and_asks_before_it_breaks_clients() {
    let (world, project) = a_recording();
    let changed = project.with_app(project.app.clone().with("CHANGE", "length"));
    changed.test(&World::offline(), "").expect_code(1);
    project.keploy(&world, &["normalize", "--tests", "test-set-7"]).expect_code(2);
    project.keploy(&world, &["normalize", "--tests", "test-set-0:post-notes-1 post-notes-2"]).expect_code(0);
    changed.test(&World::offline(), "").expect_code(0);

    let changed = project.with_app(project.app.clone().with("CHANGE", "length,type"));
    changed.test(&World::offline(), "").expect_code(1);
    let refused = project.keploy(&world, &["normalize"]);
    refused.expect_code(1).expect_words(&["high risk", "body.length", "--allow-high-risk"]);
    project.keploy(&world, &["normalize", "--allow-high-risk"]).expect_code(0);
    changed.test(&World::offline(), "").expect_code(0);
}

#[test]
fn templates_stand_for_values_that_flow() {
    let (world, project) = a_recording();
    project.keploy(&world, &["templatize"]).expect_code(0);
    let read = |file: &str| std::fs::read_to_string(project.test_set().join(file)).expect("a file");
    assert!(read("config.yaml").contains("template:"), "{}", read("config.yaml"));
    assert!(
        read("tests/post-notes-1.yaml").contains(r#""id": "{{string .id }}""#),
        "{}",
        read("tests/post-notes-1.yaml")
    );
    assert!(read("tests/get-notes-1.yaml").contains("/notes/{{string .id }}"));
    project.test(&World::offline(), "").expect_code(0);
    let before = lines(&project.test_set());
    project.keploy(&world, &["templatize"]).expect_code(0);
    assert_eq!(lines(&project.test_set()), before, "a second time there is nothing to do");
}

#[test]
fn a_template_follows_the_live_value_and_survives_accepting() {
    let world = World::online();
    let project = Project::new(&world, apps::notes());
    let recording = project.record(&world);
    world.inside(|| {
        let client = Client::new(PORT, Connections::Kept);
        let drawn = client.send("POST", "/tickets", b"{}", "application/json").expect("an answer");
        let ticket: Value = serde_json::from_slice(&drawn.body).expect("JSON");
        let shown = client.send("GET", &format!("/tickets/{}", ticket["ticket"]), b"", "").expect("an answer");
        assert_eq!(shown.status, 200);
    });
    recording.finish().expect_code(0);
    // A random number: nothing but a name for it says that the second request asks for what the first one got.
    project.test(&World::offline(), "").expect_code(1);
    project.keploy(&world, &["templatize"]).expect_code(0);
    project.test(&World::offline(), "").expect_code(0);
    project.test(&World::offline(), "").expect_code(0);

    let wrong = project.with_app(project.app.clone().with("CHANGE", "wrong")).test(&World::offline(), "");
    wrong.expect_code(1).expect_words(&["body.ticket: expected", "not like the value of its template"]);

    let changed = project.with_app(project.app.clone().with("CHANGE", "field"));
    changed.test(&World::offline(), "").expect_code(1);
    project.keploy(&world, &["accept"]).expect_code(0);
    let drawn = std::fs::read_to_string(project.test_set().join("tests/post-tickets-1.yaml")).expect("a test");
    assert!(drawn.contains(r#""ticket": {{int .ticket }}, "waiting": 0, "version": 2"#), "{drawn}");
    changed.test(&World::offline(), "").expect_code(0);
}

#[test]
fn what_nobody_would_notice_is_named() {
    let (_world, project) = a_recording();
    let proved = project.test_with(&World::offline(), &["--prove"]);
    proved.expect_code(0).expect_words(&["blind spots: "]);
    let proof = &proved.json["prove"];
    assert_eq!(proof["unproved"], 0, "{}", proved.said());
    let blind = proof["blind"].as_array().expect("a list");
    let of = |field: &str, mock: bool| {
        blind.iter().filter(|spot| spot["field"] == field && spot["mock"].is_string() == mock).count()
    };
    // Nobody uses what GET motd and INCR answer; what GET answers for a note is shown, as is the length.
    assert!(blind.iter().any(|spot| spot["mock"].is_string()), "{}", proved.json);
    assert_eq!(of("body.text", false) + of("body.length", false), 0, "{}", proved.json);
}

/// Every line of every file, with the file's name.
fn lines(folder: &Path) -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    for file in files_below(folder) {
        for line in std::fs::read_to_string(&file).expect("text").lines() {
            lines.insert(format!("{}: {line}", file.strip_prefix(folder).expect("below").display()));
        }
    }
    lines
}

/// Two notes made, and read again.
fn a_recording() -> (World, Project) {
    let world = World::online();
    let project = Project::new(&world, apps::notes());
    let recording = project.record_and_learn(&world);
    world.inside(visit);
    recording.finish().expect_code(0);
    (world, project)
}

fn visit() {
    let client = Client::new(PORT, Connections::Kept);
    for text in ["milk", "a longer one"] {
        let body = serde_json::json!({ "text": text }).to_string();
        let made = client.send("POST", "/notes", body.as_bytes(), "application/json").expect("an answer");
        let note: Value = serde_json::from_slice(&made.body).expect("JSON");
        let id = note["id"].as_str().expect("an id");
        let shown = client.send("GET", &format!("/notes/{id}"), b"", "").expect("an answer");
        assert_eq!(shown.status, 200);
    }
}
