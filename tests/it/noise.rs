//! Applications that are full of noise: recorded under overlapping clients, they pass without a rule written by hand, and every
//! regression in and beside the noise is caught. See `apps/NOISE.md`. They take minutes: `cargo xtask test` leaves them out,
//! `--long` does not.

use harness::apps::{App, noisy};
use harness::databases::{Database, Server, Tls};
use harness::keploy::{Outcome, Project};
use harness::{Sent, World, is_long, items};
use serde_json::json;

#[test]
fn python() {
    record_learn_replay(noisy("pynoise"), Server::Postgres15);
}

#[test]
fn go() {
    record_learn_replay(noisy("gonoise"), Server::Postgres15);
}

#[test]
fn node() {
    record_learn_replay(noisy("nodenoise"), Server::MySql9);
}

#[test]
fn java() {
    record_learn_replay(noisy("javanoise"), Server::Postgres15);
}

#[test]
fn python_a_year_later() {
    replay_later(noisy("pynoise"), Server::Postgres15);
}

#[test]
fn go_a_year_later() {
    replay_later(noisy("gonoise"), Server::Postgres15);
}

#[test]
fn node_a_year_later() {
    replay_later(noisy("nodenoise"), Server::MySql9);
}

#[test]
fn java_a_year_later() {
    replay_later(noisy("javanoise"), Server::Postgres15);
}

/// `REGRESSION`, and what the report has to name.
const REGRESSIONS: &[(&str, &[&str])] = &[
    ("constant-id", &["the same value as where"]),
    ("equal-ids", &["the same value as where"]),
    ("zero-ref", &["the same value as where"]),
    ("wrong-zone", &["created_local"]),
    ("wrong-format", &["created_at"]),
    ("expiry", &["expires_at"]),
    ("token-life", &["exp"]),
    ("count", &["items_of_user"]),
    ("missing-field", &["updated_at"]),
    ("skipped-write", &["audit"]),
    ("repeated-call", &["items:created"]),
    ("wrong-value", &["items"]),
    ("cache-key", &["items:"]),
    ("late", &["created_at"]),
    ("total", &["total"]),
    ("duplicated-tag", &["words"]),
    ("weekday", &["weekday"]),
    ("no-cookie-expiry", &["set-cookie"]),
    ("etag", &["etag"]),
];

fn record_learn_replay(app: App, server: Server) {
    let name = app.name;
    let world = World::online();
    let database = Database::start(&world, server, Tls::Offered);
    let project = Project::new(&world, app);
    let recording = project.record_and_learn(&world);
    let sent = world.inside(items::visit) as u64;
    let recorded = recording.finish();
    assert_eq!(recorded.code, Some(0), "{name}: {}", recorded.said());
    let counts = ["requests", "tests", "lost", "unparsed"].map(|name| recorded.number(name));
    assert_eq!(counts, [sent, sent, 0, 0], "{name}: {}", recorded.said());
    for trouble in ["flaky", "changed"] {
        assert_eq!(recorded.json[trouble], json!({}), "{name}: {}", recorded.said());
    }
    drop(database);
    for _ in 0..replays() {
        expect(&project, "", 0, &[]);
    }
    for (regression, named) in REGRESSIONS {
        expect(&project, regression, 1, named);
    }
}

/// Recorded a year and three hours ago: tokens have long expired, it is another weekday, and another hour of the day.
fn replay_later(app: App, server: Server) {
    let name = app.name;
    let world = World::online_at(Some("-365d3h"));
    let database = Database::start(&world, server, Tls::Offered);
    let project = Project::new(&world, app);
    let recording = project.record(&world);
    world.inside(items::visit);
    let recorded = recording.finish();
    assert_eq!(recorded.code, Some(0), "{name}: {}", recorded.said());
    drop(database);
    let learned = project.learn(&World::offline());
    assert!(learned.status.success(), "{name}: {}", learned.stderr);
    assert!(!learned.stderr.contains("came out otherwise"), "{name}: {}", learned.stderr);
    for _ in 0..replays() {
        expect(&project, "", 0, &[]);
    }
}

fn replays() -> usize {
    if is_long() { 20 } else { 2 }
}

fn expect(project: &Project, regression: &str, code: i32, named: &[&str]) {
    let offline = World::offline();
    let project = project.with_app(project.app.clone().with("REGRESSION", regression));
    let outcome: Outcome = project.test(&offline, "");
    let what = format!("{}, regression {regression:?}", project.app.name);
    assert_eq!(outcome.code, Some(code), "{what}: {}", outcome.said());
    let said = format!("{}\n{}", outcome.stderr, outcome.json).to_lowercase();
    for words in named {
        assert!(said.contains(words), "{what}: {words:?} is not named: {}", outcome.said());
    }
    assert_eq!(offline.sent(), Sent::default(), "{what}: something tried to leave");
}
