//! Requests a second, in front of the application, behind it, and both; with connections that are kept, and with a new one
//! for each request.

use std::process::Command;

use super::Bench;
use super::lanes::{Turns, Way, haproxy, served};
use super::program::{Program, Used};
use super::recording::Recording;
use super::row::{Row, median};
use super::table::short;
use crate::command::{Failure, Result, Run};
use crate::ports::free_ports;

const CONNECTIONS: &str = "16";

#[derive(Clone, Copy, PartialEq)]
pub enum Connections {
    Kept,
    NewEach,
}

impl Connections {
    fn rounds(self, bench: &Bench) -> (usize, u64) {
        match self {
            Self::Kept => bench.rounds(),
            Self::NewEach => bench.fewer_rounds(),
        }
    }
}

pub fn rows(bench: &Bench) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (connections, name) in [(Connections::Kept, "keep-alive"), (Connections::NewEach, "new connections")] {
        rows.extend(ingress(bench, connections, &format!("HTTP {name}, ingress"))?);
        rows.extend(egress(bench, connections, &format!("HTTP {name}, egress"))?);
        rows.extend(both(bench, connections, &format!("HTTP {name}, both"))?);
    }
    Ok(rows)
}

/// wrk, then a relay, then the application.
fn ingress(bench: &Bench, connections: Connections, name: &str) -> Result<Vec<Row>> {
    through_the_application(bench, connections, name, "/", None)
}

/// wrk, a relay, the application, a relay, a service that it asks for each request.
fn both(bench: &Bench, connections: Connections, name: &str) -> Result<Vec<Row>> {
    let [port] = free_ports()?;
    let _service = service(bench, port)?;
    through_the_application(bench, connections, name, "/http", Some(("http", port)))
}

/// The application is asked for `path`, and asks `backend`.
pub fn through_the_application(
    bench: &Bench,
    connections: Connections,
    name: &str,
    path: &str,
    backend: Option<(&str, u16)>,
) -> Result<Vec<Row>> {
    let (rounds, seconds) = connections.rounds(bench);
    let lanes = bench.lanes(backend)?;
    // Microseconds of ours, or HAProxy's, for each request of a round.
    let mut costs: Vec<(Way, f64)> = Vec::new();
    let turns = Turns::take(
        rounds,
        &lanes,
        |lane| lane.way,
        |lane| {
            let before = lane.used();
            let url = format!("http://127.0.0.1:{}{path}", lane.port);
            let (rate, requests) = said(&wrk(connections, seconds, &url).text()?)?;
            costs.push((lane.way, (lane.used().seconds - before.seconds) * 1e6 / requests));
            Ok(rate)
        },
    )?;
    let mut row = row(name, &turns);
    let mut whole = None;
    for lane in lanes {
        if matches!(lane.way, Way::Direct | Way::Bare) {
            continue;
        }
        let (way, sent) = (lane.way, lane.served()?);
        let Some(recorded) = lane.finish()? else { continue };
        if way == Way::Ours {
            row = row.counted(recorded.tests, sent);
            if backend.is_some() {
                // All but this last request made one, and drivers log in.
                row.note.push_str(&format!("; {} calls of {}", recorded.calls, sent - 1));
            }
            if recorded.lost > 0 {
                row.note.push_str(&format!("; {} LOST", recorded.lost));
            }
            whole = Some(recorded);
        }
    }
    let Some(recorded) = whole else { return Ok(vec![row]) };
    if connections == Connections::NewEach || backend.is_some() {
        return Ok(vec![row]);
    }
    let of = |way| costs.iter().filter(|(of, _)| *of == way).map(|(_, cost)| *cost).collect::<Vec<f64>>();
    let beside = format!("HAProxy {}", short(median(&of(Way::Bare)).unwrap_or_default()));
    let Used { seconds, peak, .. } = recorded.used;
    let all = seconds * 1e6 / recorded.tests as f64;
    let ending = format!("ending took {} s for {} tests", short(recorded.ending.as_secs_f64()), recorded.tests);
    Ok(vec![
        row,
        Row::new("processor time an exchange, while recording", "us", of(Way::Ours)).peer(of(Way::Peer)).note(beside),
        Row::new("processor time an exchange, start and writing included", "us", vec![all]).at_most(20.0).note(ending),
        Row::new("most memory, of the same", "MiB", vec![peak as f64 / f64::from(1 << 20)]).at_most(60.0),
    ])
}

/// wrk is the application: it is what calls a service, through a relay.
fn egress(bench: &Bench, connections: Connections, name: &str) -> Result<Vec<Row>> {
    let (rounds, seconds) = connections.rounds(bench);
    let [port, front] = free_ports()?;
    let _service = service(bench, port)?;
    let _relay = haproxy(&bench.folder, &[(front, port)])?;
    let (mut calls, mut sent) = (0, 0);
    let turns = Turns::take(
        rounds,
        &bench.ways(),
        |way| *way,
        |&way| {
            let to = if way == Way::Bare { front } else { port };
            let mut wrk = wrk(connections, seconds, &format!("http://127.0.0.1:{to}/"));
            if matches!(way, Way::Direct | Way::Bare) {
                return Ok(said(&wrk.text()?)?.0);
            }
            let before = served(port)?;
            let recorded =
                Recording::start(&bench.binary(way), &bench.folder, "wrk", &as_a_shell_has_it(&wrk))?.ended()?;
            if way == Way::Ours {
                calls += recorded.calls;
                sent += served(port)? - before - 1;
            }
            Ok(said(&recorded.printed)?.0)
        },
    )?;
    Ok(vec![row(name, &turns).counted(calls, sent)])
}

/// Of HAProxy, and beside it what both are of nothing at all.
pub fn row(name: &str, turns: &Turns) -> Row {
    let of_direct = |way| short(median(&turns.ratios(way, Way::Direct)).unwrap_or_default());
    let direct = short(median(turns.of(Way::Direct)).unwrap_or_default());
    let note = format!("of direct ({direct}/s): ours {}, HAProxy {}", of_direct(Way::Ours), of_direct(Way::Bare));
    let row = Row::new(name, "of HAProxy", turns.ratios(Way::Ours, Way::Bare));
    row.at_least(0.9).peer(turns.ratios(Way::Peer, Way::Bare)).note(note)
}

fn service(bench: &Bench, port: u16) -> Result<Program> {
    let mut serve = bench.traffic();
    Program::start(&bench.folder, "service", serve.args(["serve", &port.to_string()]))?.listens(port)
}

fn wrk(connections: Connections, seconds: u64, url: &str) -> Command {
    let mut wrk = Command::new("wrk");
    wrk.args(["-t", "1", "-c", CONNECTIONS, "-d", &format!("{seconds}s")]);
    if connections == Connections::NewEach {
        wrk.args(["-H", "Connection: close"]);
    }
    wrk.arg(url);
    wrk
}

pub fn as_a_shell_has_it(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| format!("'{}'", word.to_string_lossy())).collect::<Vec<_>>().join(" ")
}

/// Requests a second, and how many there were.
fn said(printed: &str) -> Result<(f64, f64)> {
    let rate = printed.lines().find_map(|line| line.strip_prefix("Requests/sec:")?.trim().parse().ok());
    let all = printed.lines().find_map(|line| line.trim().split_once(" requests in ")?.0.parse().ok());
    let troubles = ["Socket errors", "Non-2xx"];
    if let Some(trouble) = printed.lines().find(|line| troubles.iter().any(|words| line.trim().starts_with(words))) {
        eprintln!("bench: wrk had trouble: {}", trouble.trim());
    }
    rate.zip(all).ok_or_else(|| Failure::new(format!("wrk said:\n{printed}")))
}
