//! What clients notice of a recording: at a rate that nothing suffers from, and at full speed.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::Bench;
use super::lanes::{Lane, Turns, Way};
use super::program::Program;
use super::row::{Row, median};
use super::table::short;
use crate::command::{Failure, Result, Run};

const RATE: &str = "500";
/// Below what anybody calls a stall: a client that retries does so after a second.
const STALL_MS: f64 = 250.0;

/// 500 requests a second, for a minute each way.
pub fn latency(bench: &Bench) -> Result<Vec<Row>> {
    let (rounds, seconds) = if bench.quick { (2, "1") } else { (6, "10") };
    let lanes = bench.lanes(None)?;
    let mut unanswered: Vec<(Way, u64)> = Vec::new();
    let mut tails: Vec<(Way, f64)> = Vec::new();
    let p50 = Turns::take(
        rounds,
        &lanes,
        |lane| lane.way,
        |lane| {
            let figures = client(bench, &["steady", &lane.port.to_string(), "/", RATE, seconds])?;
            unanswered.push((lane.way, number(&figures, "unanswered")? as u64));
            tails.push((lane.way, number(&figures, "p99")?));
            number(&figures, "p50")
        },
    )?;
    let tail = |way| tails.iter().filter(move |(of, _)| *of == way).map(|(_, wait)| *wait).collect::<Vec<f64>>();
    let added =
        |of: &[f64], direct: &[f64]| of.iter().zip(direct).map(|(of, direct)| of - direct).collect::<Vec<f64>>();
    let note = |bare: &[f64], direct: &[f64]| {
        let bare = short(median(&added(bare, direct)).unwrap_or_default());
        format!("HAProxy adds {bare}; direct {}", short(median(direct).unwrap_or_default()))
    };
    let row = |name: &str, of: &dyn Fn(Way) -> Vec<f64>, goal: f64| {
        let direct = of(Way::Direct);
        let peer = added(&of(Way::Peer), &direct);
        Row::new(name, "us", added(&of(Way::Ours), &direct))
            .at_most(goal)
            .peer(peer)
            .note(note(&of(Way::Bare), &direct))
    };
    let medians = |way| p50.of(way).to_vec();
    let mut rows =
        vec![row("added at 500 requests/s, p50", &medians, 40.0), row("added at 500 requests/s, p99", &tail, 200.0)];
    let lost: u64 = unanswered.iter().filter(|(way, _)| *way == Way::Ours).map(|(_, n)| n).sum();
    let mut row = Row::new("unanswered at 500 requests/s", "", vec![lost as f64]).at_most(0.0);
    for lane in lanes.into_iter().filter(|lane| lane.way == Way::Ours) {
        let sent = lane.served()?;
        if let Some(recorded) = lane.finish()? {
            row = row.counted(recorded.tests, sent);
        }
    }
    rows.push(row);
    Ok(rows)
}

/// A minute of as many requests as are answered.
pub fn full(bench: &Bench) -> Result<Vec<Row>> {
    let seconds = if bench.quick { 3 } else { 60 };
    let mut beside = Vec::new();
    for way in [Way::Direct, Way::Bare] {
        let lane = bench.lane(way, None)?;
        let figures = client(bench, &["full", &lane.port.to_string(), "/", "16", &(seconds / 4).to_string()])?;
        beside.push(short(number(&figures, "gap")? / 1000.0));
    }
    let lane = bench.lane(Way::Ours, None)?;
    let (figures, early, late) = at_full_speed(bench, &lane, seconds)?;
    let sent = lane.served()?;
    let Some(recorded) = lane.finish()? else { return Err(Failure::new("nothing was recorded")) };
    let gap = number(&figures, "gap")? / 1000.0;
    let longest = short(number(&figures, "longest")? / 1000.0);
    let rate = short(number(&figures, "answered")? / number(&figures, "seconds")?);
    let note = format!("longest of one request {longest}; direct {}, HAProxy {}", beside[0], beside[1]);
    let missing = sent.abs_diff(recorded.tests) + recorded.lost + number(&figures, "unanswered")? as u64;
    let ending = format!("{rate} requests/s; ending took {} s", short(recorded.ending.as_secs_f64()));
    let [early, late] = [early, late].map(|bytes| bytes as f64 / f64::from(1 << 20));
    let grown = format!("{} MiB at a quarter of the time, {} at its end", short(early), short(late));
    let peak = recorded.used.peak as f64 / f64::from(1 << 20);
    let all = recorded.used.seconds * 1e6 / recorded.tests.max(1) as f64;
    Ok(vec![
        Row::new(format!("full speed, {seconds} s: longest time with no answer"), "ms", vec![gap])
            .at_most(STALL_MS)
            .note(note),
        Row::new("full speed: unanswered or unrecorded", "", vec![missing as f64])
            .at_most(0.0)
            .counted(recorded.tests, sent)
            .note(ending),
        Row::new("full speed: memory, end against a quarter", "ratio", vec![late / early]).at_most(1.1).note(grown),
        Row::new("full speed: most memory, writing included", "MiB", vec![peak]).at_most(60.0),
        Row::new("full speed: processor time an exchange, all included", "us", vec![all]).at_most(20.0),
    ])
}

/// What the client saw, and how much memory there was in use after a quarter of the time and at its end.
fn at_full_speed(bench: &Bench, lane: &Lane, seconds: u64) -> Result<(Value, u64, u64)> {
    let mut command = bench.traffic();
    command.args(["full", &lane.port.to_string(), "/", "16", &seconds.to_string()]);
    let mut client = Program::start(&bench.folder, "full", &mut command)?;
    let quarter = Instant::now() + Duration::from_secs(seconds) / 4;
    let (mut early, mut late) = (0, 0);
    client.wait(Duration::from_secs(seconds + 60), || {
        late = lane.used().memory;
        if Instant::now() < quarter {
            early = late;
        }
    })?;
    Ok((read(&client.printed())?, early, late))
}

/// What `traffic` measured.
pub fn client(bench: &Bench, arguments: &[&str]) -> Result<Value> {
    read(&bench.traffic().args(arguments).text()?)
}

fn read(printed: &str) -> Result<Value> {
    serde_json::from_str(printed).map_err(|error| Failure::new(format!("traffic printed {printed:?}: {error}")))
}

pub fn number(figures: &Value, name: &str) -> Result<f64> {
    figures[name].as_f64().ok_or_else(|| Failure::new(format!("no {name} in {figures}")))
}
