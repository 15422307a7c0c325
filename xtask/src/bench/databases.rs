//! Databases: their own load generators as the application, and an application that asks one for each request.

use std::path::Path;
use std::process::Command;

use super::Bench;
use super::http::{Connections, as_a_shell_has_it, row, through_the_application};
use super::lanes::{Turns, Way, haproxy};
use super::program::Program;
use super::recording::Recording;
use super::row::{Goal, Row};
use crate::command::{Failure, Result, Run};
use crate::ports::free_ports;

const POSTGRES: &str = "/usr/lib/postgresql/15/bin";

/// A server, and what is run against it.
struct Load {
    name: &'static str,
    goal: f64,
    server: fn(&Bench, u16) -> Result<Program>,
    /// What has to be there before.
    prepare: fn(u16) -> Option<Command>,
    generate: fn(&Bench, u16) -> Command,
    /// Of what it printed: how many a second, and how many.
    read: fn(&Bench, &str) -> Option<(f64, f64)>,
    backend: &'static str,
}

const LOADS: &[Load] = &[
    Load {
        name: "redis-benchmark -P 16",
        goal: 0.8,
        server: redis,
        prepare: |_| None,
        generate: redis_benchmark,
        read: redis_said,
        backend: "redis",
    },
    Load {
        name: "pgbench -S -M prepared",
        goal: 0.9,
        server: |bench, port| database(bench, "postgres", port),
        prepare: |port| Some(pgbench(port, &["-i", "-q", "-s", "1"])),
        generate: |bench, port| {
            pgbench(port, &["-S", "-M", "prepared", "-c", "8", "-T", &bench.rounds().1.to_string()])
        },
        read: |_, printed| pgbench_said(printed),
        backend: "postgres",
    },
    Load {
        name: "sysbench oltp_point_select",
        goal: 0.9,
        server: |bench, port| database(bench, "mysql", port),
        prepare: |port| Some(sysbench(port, &["prepare"])),
        generate: |bench, port| sysbench(port, &["--threads=8", &format!("--time={}", bench.rounds().1), "run"]),
        read: |_, printed| sysbench_said(printed),
        backend: "mysql",
    },
];

pub fn rows(bench: &Bench) -> Result<Vec<Row>> {
    let each = LOADS.iter().map(|load| of(bench, load)).collect::<Result<Vec<_>>>()?;
    Ok(each.into_iter().flatten().collect())
}

fn of(bench: &Bench, load: &Load) -> Result<Vec<Row>> {
    let [port, front] = free_ports()?;
    let _server = (load.server)(bench, port)?;
    if let Some(mut prepare) = (load.prepare)(port) {
        prepare.run_quietly()?;
    }
    let mut rows = vec![generated(bench, load, port, front)?];
    if bench.quick {
        return Ok(rows);
    }
    let (path, name) = (format!("/{}", load.backend), format!("an application that asks {}, both", load.backend));
    rows.extend(through_the_application(bench, Connections::Kept, &name, &path, Some((load.backend, port)))?);
    Ok(rows)
}

fn generated(bench: &Bench, load: &Load, port: u16, front: u16) -> Result<Row> {
    let _relay = haproxy(&bench.folder, &[(front, port)])?;
    let (mut calls, mut sent) = (0, 0);
    let read = |printed: &str| {
        (load.read)(bench, printed).ok_or_else(|| Failure::new(format!("{} said:\n{printed}", load.name)))
    };
    let turns = Turns::take(
        bench.fewer_rounds().0,
        &bench.ways(),
        |way| *way,
        |&way| {
            let mut generator = (load.generate)(bench, if way == Way::Bare { front } else { port });
            if matches!(way, Way::Direct | Way::Bare) {
                return Ok(read(&generator.text()?)?.0);
            }
            let shell = as_a_shell_has_it(&generator);
            let recorded = Recording::start(&bench.binary(way), &bench.folder, "generator", &shell)?.ended()?;
            let (rate, queries) = read(&recorded.printed)?;
            if way == Way::Ours {
                calls += recorded.calls;
                sent += queries as u64;
            }
            Ok(rate)
        },
    )?;
    let mut row = row(load.name, &turns).counted(calls, sent);
    row.goal = Some(Goal::AtLeast(load.goal));
    row.note.push_str("; recorded are also its log-ins and preparations");
    Ok(row)
}

fn redis(bench: &Bench, port: u16) -> Result<Program> {
    let mut redis = Command::new("redis-server");
    redis.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
    Program::start(&bench.folder, "redis", redis.current_dir(&bench.folder))?.listens(port)
}

fn redis_benchmark(bench: &Bench, port: u16) -> Command {
    let requests = redis_requests(bench).to_string();
    let mut command = Command::new("redis-benchmark");
    command.args(["-p", &port.to_string(), "-P", "16", "-t", "get", "-n", &requests, "--csv"]);
    command
}

fn redis_requests(bench: &Bench) -> u32 {
    if bench.quick { 200_000 } else { 1_000_000 }
}

/// `"GET","123456.78",...` below a line of names. How many there were it does not say.
fn redis_said(bench: &Bench, printed: &str) -> Option<(f64, f64)> {
    let line = printed.lines().find_map(|line| line.strip_prefix("\"GET\",\""))?;
    let rate = line.split('"').next()?.parse().ok()?;
    Some((rate, redis_requests(bench).into()))
}

/// As the tests have it: see `tests/servers`.
fn database(bench: &Bench, script: &str, port: u16) -> Result<Program> {
    let folder = bench.folder.join(script);
    std::fs::create_dir_all(&folder).map_err(crate::command::at(&folder))?;
    let mut run = Command::new(bench.place.root.join("tests/servers").join(script).with_extension("sh"));
    run.args(["run", &port.to_string()]).arg(&folder).env("TLS", "off").env("KEPLOY_DEV_CACHE", &bench.place.cache);
    Program::start(&bench.folder, script, &mut run)?.listens(port)
}

fn pgbench(port: u16, arguments: &[&str]) -> Command {
    let mut command = Command::new(Path::new(POSTGRES).join("pgbench"));
    command.args(["-h", "127.0.0.1", "-p", &port.to_string(), "-U", "postgres"]).args(arguments).arg("test");
    command
}

fn pgbench_said(printed: &str) -> Option<(f64, f64)> {
    let number = |before: &str| {
        let rest = printed.lines().find_map(|line| line.strip_prefix(before))?;
        rest.split([' ', '/']).next()?.parse().ok()
    };
    Some((number("tps = ")?, number("number of transactions actually processed: ")?))
}

fn sysbench(port: u16, arguments: &[&str]) -> Command {
    let mut command = Command::new("sysbench");
    command.args(["oltp_point_select", "--mysql-host=127.0.0.1", "--mysql-user=root", "--mysql-db=test"]);
    command.args([&format!("--mysql-port={port}"), "--table-size=10000"]).args(arguments);
    command
}

/// `    queries:      12345  (4115.00 per sec.)`
fn sysbench_said(printed: &str) -> Option<(f64, f64)> {
    let line = printed.lines().find_map(|line| line.trim().strip_prefix("queries:"))?;
    let mut words = line.split_whitespace();
    let all = words.next()?.parse().ok()?;
    Some((words.next()?.strip_prefix('(')?.parse().ok()?, all))
}
