//! The same with SQL: what is accepted, recorded again and proved of an application with a database.

use harness::apps::{self, PORT};
use harness::databases::{Database, Server, Tls};
use harness::http::{Client, Connections};
use harness::keploy::Project;
use harness::{World, files_below};
use serde_json::json;

#[test]
fn postgres() {
    verdicts(Server::Postgres15);
}

#[test]
fn mysql() {
    verdicts(Server::MySql9);
}

fn verdicts(server: Server) {
    let world = World::online();
    let database = Database::start(&world, server, Tls::Offered);
    let project = Project::new(&world, apps::ledger(server));
    let recording = project.record_and_learn(&world);
    world.inside(visit);
    recording.finish().expect_code(0);
    let recorded = files(&project);

    // An answer; calls that are not made; a call to another table, answered as the one to the old.
    accept(&world, &project, "field", 0, &["tests/post-entries-1.yaml", "tests/post-entries-2.yaml"]);
    restore(&project, &recorded);
    accept(&world, &project, "skip", 0, &["mappings.yaml", "mocks.yaml"]);
    restore(&project, &recorded);
    accept(&world, &project, "table", 1, &["matchers.yaml", "mocks.yaml"]);
    let mocks = |files: &[(String, String)]| files.iter().find(|(file, _)| file == "mocks.yaml").cloned();
    let (_, old) = mocks(&recorded).expect("recorded");
    let (_, new) = mocks(&files(&project)).expect("still there");
    let of_the_other =
        |line: &str| line.replace("INSERT entries", "INSERT postings").replace("into entries", "into postings");
    let changed: Vec<_> = old.lines().zip(new.lines()).filter(|(old, new)| old != new).collect();
    assert_eq!(changed.len(), 4, "class and statement of two inserts: {changed:#?}");
    assert!(changed.iter().all(|(old, new)| of_the_other(old) == **new), "only the table is another: {changed:#?}");
    restore(&project, &recorded);

    // What nobody looks at: how many audits there are. What is looked at: the balance.
    let proved = project.test_with(&World::offline(), &["--prove"]);
    proved.expect_code(0).expect_words(&["blind spots: "]);
    assert!(!proved.stderr.contains("WARN"), "{}", proved.said());
    let blind = proved.json["prove"]["blind"].as_array().expect("a list");
    let of = |test: &str| blind.iter().filter(|spot| spot["test"] == test && is_row(spot)).count();
    assert_eq!([of("get-accounts-ann-1"), of("get-accounts-ann-2")], [1, 1], "{}", proved.json["prove"]);

    // A call that was never made has no answer, until it is recorded again with its database.
    let changed = project.with_app(project.app.clone().with("CHANGE", "extra"));
    changed.test(&World::offline(), "").expect_code(1).expect_words(&["call additional"]);
    project.keploy(&world, &["accept"]).expect_code(1).expect_words(&["keploy rerecord"]);
    assert_eq!(files(&project), recorded);
    changed.rerecord(&world).expect_code(0);
    drop(database);
    changed.test(&World::offline(), "").expect_code(0);
}

/// Fails with a change, is accepted with `code`, and passes with it from then on; only `written` is.
fn accept(world: &World, project: &Project, change: &str, code: i32, written: &[&str]) {
    let changed = project.with_app(project.app.clone().with("CHANGE", change));
    changed.test(&World::offline(), "").expect_code(1);
    let before = files(project);
    project.keploy(world, &["accept"]).expect_code(code);
    let after = files(project);
    let new: Vec<&str> = after.iter().filter(|file| !before.contains(file)).map(|(file, _)| file.as_str()).collect();
    assert_eq!(new, written, "{change}");
    changed.test(&World::offline(), "").expect_code(0);
    project.test(&World::offline(), "").expect_code(1);
}

fn is_row(spot: &serde_json::Value) -> bool {
    spot["mock"].is_string() && spot["field"].as_str().is_some_and(|field| field.contains("rows"))
}

/// The recorded files, by name.
fn files(project: &Project) -> Vec<(String, String)> {
    let set = project.test_set();
    let read = |file: &std::path::PathBuf| {
        let name = file.strip_prefix(&set).expect("below").display().to_string();
        (name, std::fs::read_to_string(file).expect("text"))
    };
    let mut files: Vec<_> = files_below(&set).iter().map(read).collect();
    files.sort();
    files
}

fn restore(project: &Project, files: &[(String, String)]) {
    for (file, text) in files {
        std::fs::write(project.test_set().join(file), text).expect("the folder is ours");
    }
}

fn visit() {
    let client = Client::new(PORT, Connections::OneEach);
    let post = |path: &str, body: serde_json::Value| {
        let made = client.send("POST", path, body.to_string().as_bytes(), "application/json").expect("an answer");
        assert!(made.status < 300, "{path}: {}", made.status);
    };
    post("/setup", json!({}));
    for amount in [5, 7] {
        post("/entries", json!({ "account": "ann", "amount": amount }));
        assert_eq!(client.send("GET", "/accounts/ann", b"", "").expect("an answer").status, 200);
    }
}
