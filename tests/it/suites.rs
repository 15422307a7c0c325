//! Drivers' own test suites pass through a recording as they pass without one. They take minutes: `cargo xtask test` leaves
//! them out, `--long` does not.

use std::time::Duration;

use harness::apps::App;
use harness::databases::{Database, Tls};
use harness::kafka;
use harness::keploy::Project;
use harness::rabbit::{self, Broker};
use harness::suites::{Counts, SUITES, Suite};
use harness::{Process, World};

#[test]
fn go_sql_driver() {
    through("go-sql-driver", 163, 0, &[]);
}

/// As root, who may read whatever file it likes, one fails without us, too.
#[test]
fn lib_pq() {
    through("libpq", 202, 6, &["TestHasCorrectRootGroupPermissions"]);
}

#[test]
fn pgx() {
    through("pgx", 712, 12, &[]);
}

/// The one that is skipped needs a broker without memory.
#[test]
fn amqp091_go() {
    let world = World::online();
    let _broker = Broker::for_suite(&world);
    pass(&world, rabbit::suite(), 129, 1, &[]);
}

#[test]
fn franz_go() {
    let world = World::online();
    let _broker = kafka::Broker::start(&world);
    pass(&world, kafka::suite(), 43, 0, &[]);
}

fn through(name: &str, passed: usize, skipped: usize, failed: &[&str]) {
    let suite: &Suite = SUITES.iter().find(|suite| suite.name == name).expect("the harness has it");
    let world = World::online();
    let _database = Database::start(&world, suite.server, Tls::Offered);
    suite.prepare(&world);
    pass(&world, suite.app(), passed, skipped, failed);
}

fn pass(world: &World, suite: App, passed: usize, skipped: usize, failed: &[&str]) {
    let project = Project::new(world, suite);
    let ended = Process::start(world, &mut project.command("record")).wait(Duration::from_secs(900));
    let failed = failed.iter().map(|&name| name.to_owned()).collect();
    let last: Vec<&str> = ended.stderr.lines().rev().take(30).collect();
    assert_eq!(Counts::of(&ended.stdout), Counts { passed, skipped, failed }, "{last:#?}");
    assert!(!ended.stderr.contains("panicked"), "{last:#?}");
}
