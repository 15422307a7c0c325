//! Drivers' own test suites: what passes directly has to pass through us.

use std::collections::BTreeMap;
use std::process::Command;

use crate::apps::{App, installed, python};
use crate::databases::Server;
use crate::{PATIENCE, Process, World};

/// One of them, with its database on `server`.
#[derive(Clone, Copy, Debug)]
pub struct Suite {
    pub name: &'static str,
    pub server: Server,
    arguments: &'static str,
}

/// How many tests, without those inside of others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub passed: usize,
    pub skipped: usize,
    /// By name: some fail directly, too.
    pub failed: Vec<String>,
}

pub const SUITES: &[Suite] = &[
    // The test that is skipped dials an address outside.
    Suite { name: "go-sql-driver", server: Server::MySql9, arguments: "-skip=^TestConnectorReturnsTimeout$ ." },
    // One fails: root may read what the test took away from itself.
    Suite { name: "libpq", server: Server::Postgres15, arguments: "." },
    Suite { name: "pgx", server: Server::Postgres15, arguments: "./..." },
];

impl Suite {
    /// Makes its database, in the world where its server runs.
    pub fn prepare(&self, world: &World) {
        let psql = |arguments: &[&str]| {
            let mut psql = Command::new("psql");
            psql.args(["--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1", "--host=127.0.0.1", "--username=postgres"]);
            psql.args(arguments);
            psql
        };
        match self.name {
            "go-sql-driver" => {
                const CREATE: &str = "import pymysql; \
                    pymysql.connect(host='127.0.0.1', user='t', password='pw').cursor().execute('create database gotest')";
                run(world, Command::new(python()).args(["-c", CREATE]));
            }
            "libpq" => run(world, &mut psql(&["--command=create database pqgotest"])),
            _ => {
                run(world, &mut psql(&["--command=create database pgx_test"]));
                let setup = installed("suites/pgx/testsetup/postgresql_setup.sql");
                run(world, psql(&["--dbname=pgx_test", "--file"]).arg(setup));
            }
        }
    }

    /// As an application: it ends by itself, and prints what [`Counts::of`] reads. Its server is db.test.
    pub fn app(&self) -> App {
        let folder = installed(&format!("suites/{}", self.name));
        let tests = format!("go -C {} test -vet=off -count=1 -v {}", folder.display(), self.arguments);
        let app = App::new(self.name, tests).with("GOFLAGS", "-mod=mod").with("GOPROXY", "off");
        match self.name {
            "go-sql-driver" => app
                .with("MYSQL_TEST_USER", "root")
                .with("MYSQL_TEST_PASS", "")
                .with("MYSQL_TEST_PROT", "tcp")
                .with("MYSQL_TEST_ADDR", "db.test:3306")
                .with("MYSQL_TEST_DBNAME", "gotest")
                .with("MYSQL_TEST_CONCURRENT", "1"),
            "libpq" => app
                .with("PGHOST", "db.test")
                .with("PGPORT", "5432")
                .with("PGUSER", "t")
                .with("PGPASSWORD", "pw")
                .with("PGDATABASE", "pqgotest")
                .with("PGSSLMODE", "disable"),
            _ => {
                let place = "host=db.test port=5432 user=t password=pw dbname=pgx_test sslmode=disable";
                app.with("PGX_TEST_DATABASE", place)
            }
        }
    }
}

impl Counts {
    /// From what `go test -v` prints.
    pub fn of(printed: &str) -> Self {
        let mut by_verdict: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for line in printed.lines() {
            let verdict = line.strip_prefix("--- ").and_then(|line| line.split_once(": "));
            if let Some((verdict, rest)) = verdict {
                by_verdict.entry(verdict).or_default().extend(rest.split(' ').next());
            }
        }
        let count = |verdict: &str| by_verdict.get(verdict).map_or(0, Vec::len);
        let failed = by_verdict.get("FAIL").into_iter().flatten().map(|&name| name.to_owned()).collect();
        Self { passed: count("PASS"), skipped: count("SKIP"), failed }
    }
}

fn run(world: &World, command: &mut Command) {
    let ended = Process::start(world, command).wait(PATIENCE);
    assert!(ended.status.success(), "{command:?}: {}", ended.stderr);
}
