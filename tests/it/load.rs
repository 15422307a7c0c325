//! Databases' own load generators, through a recording: what they send and get is what they would without us.

use std::time::Duration;

use harness::apps::App;
use harness::databases::{Database, Server, Tls};
use harness::keploy::Project;
use harness::{Process, World};

/// Each way in which it can ask: text, unnamed statements, named ones, and batches of those.
#[test]
fn pgbench() {
    let world = World::online();
    let _database = Database::start(&world, Server::Postgres15, Tls::Offered);
    let place = "PGHOST=db.test PGUSER=t PGPASSWORD=pw PGDATABASE=test PGSSLMODE";
    let shell = format!(
        "export {place}=disable; pgbench --initialize --quiet --scale=1 &&
         for mode in simple extended prepared; do pgbench --protocol=$mode --client=8 --transactions=100 || exit; done
         export PGSSLMODE=require; pgbench --select-only --protocol=prepared --client=8 --transactions=500"
    );
    let printed = record(&world, "pgbench", shell);
    let count = |line: &str| printed.lines().filter(|printed| *printed == line).count();
    assert_eq!(count("number of failed transactions: 0 (0.000%)"), 4, "{printed}");
    assert_eq!(count("number of transactions actually processed: 800/800"), 3, "{printed}");
    assert_eq!(count("number of transactions actually processed: 4000/4000"), 1, "{printed}");
}

/// Statements that the server prepares, and those that it does not.
#[test]
fn sysbench() {
    for server in [Server::MySql9, Server::MariaDb] {
        let world = World::online();
        let _database = Database::start(&world, server, Tls::Offered);
        let run = "sysbench --mysql-host=db.test --mysql-user=t --mysql-password=pw --mysql-db=test \
                   --table-size=1000 --threads=8 --events=400 --time=0";
        let shell = format!(
            "{run} oltp_read_write prepare && {run} oltp_read_write run &&
             {run} --db-ps-mode=disable oltp_read_write run && {run} oltp_point_select run"
        );
        let printed = record(&world, "sysbench", shell);
        let count =
            |words: &[&str]| printed.lines().filter(|line| words.iter().all(|word| line.contains(word))).count();
        // Transactions that met on a row were tried again: the database's own doing, which it has without us, too.
        assert_eq!(count(&["transactions:", " 400 "]), 3, "{server:?}: {printed}");
        assert_eq!(count(&["reconnects:", " 0 "]), 3, "{server:?}: {printed}");
        assert_eq!(count(&["FATAL"]), 0, "{server:?}: {printed}");
    }
}

/// It ends by itself, and so does the recording of it: no test, all calls read.
fn record(world: &World, name: &'static str, shell: String) -> String {
    let project = Project::new(world, App::new(name, shell));
    let ended = Process::start(world, &mut project.command("record")).wait(Duration::from_secs(300));
    let said = &ended.stderr;
    for trouble in ["panicked", "not recorded", "not read further"] {
        assert!(!said.contains(trouble), "{trouble}: {said}");
    }
    ended.stdout
}
