//! Large bodies, and many connections: what a recording does with bytes and with memory.

use std::process::Command;

use super::Bench;
use super::lanes::{Lane, Turns, Way, with_files};
use super::program::Program;
use super::row::{Row, median};
use super::steady::{client, number};
use super::table::short;
use crate::command::{Result, Run};

const MIB: f64 = (1 << 20) as f64;

/// 1 GiB, one way and the other.
pub fn bodies(bench: &Bench) -> Result<Vec<Row>> {
    let (rounds, bytes, size) = if bench.quick { (2, 256u64 << 20, "256 MiB") } else { (5, 1 << 30, "1 GiB") };
    let mut rows = Vec::new();
    for verb in ["download", "upload"] {
        let lanes = bench.lanes(None)?;
        let ours = |lanes: &[Lane]| lanes.iter().find(|lane| lane.way == Way::Ours).map(Lane::used).unwrap_or_default();
        let before = ours(&lanes);
        let turns = Turns::take(
            rounds,
            &lanes,
            |lane| lane.way,
            |lane| {
                let figures = client(bench, &[verb, &lane.port.to_string(), &bytes.to_string()])?;
                Ok(bytes as f64 / MIB / number(&figures, "seconds")?)
            },
        )?;
        let after = ours(&lanes);
        let [direct, bare] = [Way::Direct, Way::Bare].map(|way| short(median(turns.of(way)).unwrap_or_default()));
        let row = Row::new(format!("{size} {verb}"), "of HAProxy", turns.ratios(Way::Ours, Way::Bare)).at_least(0.9);
        let mut row =
            row.peer(turns.ratios(Way::Peer, Way::Bare)).note(format!("MiB/s: direct {direct}, HAProxy {bare}"));
        for lane in lanes.into_iter().filter(|lane| lane.way == Way::Ours) {
            let sent = lane.served()?;
            if let Some(recorded) = lane.finish()? {
                row = row.counted(recorded.tests, sent);
            }
        }
        let grown = after.peak.saturating_sub(before.memory) as f64 / MIB;
        let note = format!("from {} MiB", short(before.memory as f64 / MIB));
        rows.extend([
            row,
            Row::new(format!("{size} {verb}: memory grows by"), "MiB", vec![grown]).at_most(16.0).note(note),
        ]);
    }
    Ok(rows)
}

/// As many connections as this machine lets one process have, at most 10,000, each used once.
pub fn idle(bench: &Bench) -> Result<Vec<Row>> {
    let files: u64 = Command::new("sh").args(["-c", "ulimit -Hn"]).text()?.parse().unwrap_or(u64::MAX);
    let most = if bench.quick { 2_000 } else { 10_000 };
    // A relay has two sockets for each, and other files.
    let connections = most.min(files.saturating_sub(1_000) / 2);
    let direct = cost(bench, Way::Direct, connections)?;
    let bare = cost(bench, Way::Bare, connections)?;
    let ours = cost(bench, Way::Ours, connections)?;
    let beside = |cost: &Cost| (short(cost.own), short(cost.kernel - direct.kernel));
    let ((own, kernel), (bare_own, bare_kernel)) = (beside(&ours), beside(&bare));
    let all = ours.own + ours.kernel - direct.kernel;
    let note = format!("ours {own}, the kernel {kernel} more than without; HAProxy {bare_own} and {bare_kernel}");
    let mut row = Row::new(format!("{connections} idle connections, each"), "KiB", vec![all]).at_most(40.0).note(note);
    row.counted = ours.counted;
    Ok(vec![row])
}

/// KiB a connection.
struct Cost {
    /// What stands in between.
    own: f64,
    kernel: f64,
    counted: Option<(u64, u64)>,
}

fn cost(bench: &Bench, way: Way, connections: u64) -> Result<Cost> {
    let lane = bench.lane(way, None)?;
    let (own, kernel) = (lane.used().memory, in_kernel());
    let words = [bench.traffic_path().display().to_string(), "idle".to_owned(), lane.port.to_string()];
    let words: Vec<String> = words.into_iter().chain([connections.to_string()]).collect();
    let mut client = Program::start(&bench.folder, &format!("idle-{}", lane.port), &mut with_files(&words))?;
    client.line()?;
    let each = |before: u64, after: u64| (after as f64 - before as f64) / 1024.0 / connections as f64;
    let (own, kernel) = (each(own, lane.used().memory), each(kernel, in_kernel()));
    drop(client);
    let sent = lane.served()?;
    let counted = lane.finish()?.map(|recorded| (recorded.tests, sent));
    Ok(Cost { own, kernel, counted })
}

/// What the whole machine's kernel has for its objects and its sockets, in bytes.
fn in_kernel() -> u64 {
    let read = |file: &str| std::fs::read_to_string(file).unwrap_or_default();
    let number = |text: &str| text.split_whitespace().next().and_then(|n| n.parse::<u64>().ok()).unwrap_or_default();
    let (memory, sockets) = (read("/proc/meminfo"), read("/proc/net/sockstat"));
    let slab = memory.lines().find_map(|line| line.strip_prefix("Slab:")).map(number).unwrap_or_default();
    let pages = sockets.lines().find_map(|line| line.strip_prefix("TCP:")?.split_once(" mem ")).map(|(_, n)| number(n));
    (slab << 10) + pages.unwrap_or_default() * 4096
}
