//! Applications of real drivers: recorded under eight clients at once, replayed with the database gone.
//!
//! A driver's test records it over TLS, its authority in a file of the driver's own, against the newest server. The long
//! round adds the older servers, and TLS that nobody verifies, and none.

use harness::databases::{Database, Protocol, Server, Tls};
use harness::drivers::{Driver, Trust};
use harness::keploy::Project;
use harness::{Sent, World, files_below, is_long, rows};

macro_rules! drivers {
    ($($test:ident: $name:literal,)*) => {
        $(#[test]
        fn $test() {
            record_and_replay(Driver::named($name));
        })*

        #[test]
        fn no_driver_is_left_out() {
            let tested = [$($name),*];
            let all: Vec<_> = harness::drivers::DRIVERS.iter().map(|driver| driver.name).collect();
            assert_eq!(all, tested);
        }
    };
}

drivers! {
    psycopg: "psycopg",
    asyncpg: "asyncpg",
    sqlalchemy: "sqlalchemy",
    django: "django",
    pgx: "pgx",
    lib_pq: "libpq",
    gorm: "gorm",
    node_pg: "pg",
    node_pg_pipelined: "pg-pipeline",
    postgres_js: "postgres",
    pgjdbc: "pgjdbc",
    ruby_pg: "ruby-pg",
    tokio_postgres: "tokio-postgres",
    pymysql: "pymysql",
    mysql_connector: "mysql-connector",
    mysql_connector_in_c: "mysql-connector-c",
    mysqlclient: "mysqlclient",
    go_sql_driver: "go-sql-driver",
    mysql2: "mysql2",
    connector_j: "connectorj",
    mysql_async: "mysql_async",
}

#[derive(Clone, Copy)]
enum Verified {
    /// By an authority that the application is given in a file.
    ByName,
    No,
    NotEncrypted,
}

fn record_and_replay(driver: Driver) {
    let [new, old] = match driver.protocol {
        Protocol::Postgres => [Server::Postgres18, Server::Postgres15],
        Protocol::MySql => [Server::MySql9, Server::MariaDb],
    };
    let most = if is_long() { 20 } else { 2 };
    round(driver, new, Tls::Required, Verified::ByName, most);
    if is_long() {
        round(driver, old, Tls::Required, Verified::ByName, 2);
        for server in [new, old] {
            round(driver, server, Tls::Offered, Verified::No, 2);
            round(driver, server, Tls::Off, Verified::NotEncrypted, 2);
        }
    }
}

fn round(driver: Driver, server: Server, tls: Tls, verified: Verified, replays: usize) {
    let what = format!("{} with {server:?}, TLS {}", driver.name, tls.name());
    let world = World::online();
    let database = Database::start(&world, server, tls);
    let ca = database.ca();
    let trust = match verified {
        Verified::ByName => Trust::Authority(&ca),
        Verified::No => Trust::Anybody,
        Verified::NotEncrypted => Trust::Off,
    };
    let project = Project::new(&world, driver.app(&database, trust));
    let yaml = format!("caFiles: [{}]\n", ca.display());
    if matches!(verified, Verified::ByName) {
        std::fs::write(project.folder.join("keploy.yml"), yaml).expect("the folder is ours");
    }
    if !driver.asks_for_public_key() && server == Server::MySql9 && matches!(verified, Verified::NotEncrypted) {
        database.remember_password(&world);
    }
    let recording = project.record_and_learn(&world);
    let sent = world.inside(rows::visit) as u64;
    let recorded = recording.finish();
    assert_eq!(recorded.code, Some(0), "{what}: {}", recorded.said());
    let counts = ["requests", "tests", "lost", "unparsed"].map(|name| recorded.number(name));
    assert_eq!(counts, [sent, sent, 0, 0], "{what}: {}", recorded.said());
    no_secrets(&project, &what);
    drop(database);
    for n in 0..replays {
        let offline = World::offline();
        let replayed = project.test(&offline, "");
        assert_eq!(replayed.code, Some(0), "{what}, replay {n}: {}", replayed.said());
        assert_eq!(offline.sent(), Sent::default(), "{what}: something tried to leave");
    }
    // Another quantity in the application's answer, and a statement that was never recorded.
    for (mutation, named) in [("json", &["quantity"][..]), ("query", &["(nearest: mock-"])] {
        let replayed = project.test(&World::offline(), mutation);
        assert_eq!(replayed.code, Some(1), "{what}, {mutation}: {}", replayed.said());
        let said = format!("{}\n{}", replayed.stderr, replayed.json);
        for words in named {
            assert!(said.contains(words), "{what}, {mutation}: {words:?} is not named: {}", replayed.said());
        }
    }
}

/// The password went over the wire, and keys and salts; they are in no file.
fn no_secrets(project: &Project, what: &str) {
    for file in files_below(&project.folder.join("keploy")) {
        let text = String::from_utf8_lossy(&std::fs::read(&file).expect("it was written")).into_owned();
        let said = |line: &str| line.split([' ', ':', '"', '\'', ',']).any(|word| word == "pw");
        assert!(!text.lines().any(said), "{what}: the password is in {}", file.display());
        for secret in ["SCRAM-SHA-256", "PRIVATE KEY", "BEGIN CERTIFICATE"] {
            assert!(!text.contains(secret), "{what}: {secret:?} is in {}", file.display());
        }
    }
}
