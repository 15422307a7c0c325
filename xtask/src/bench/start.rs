//! How long it takes until something happens.

use super::figures::{self, Recording};
use super::{Bench, Row};
use crate::command::Result;
use crate::ports::free_port;

pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let rounds = if bench.quick { 5 } else { 15 };
    let (mut recorded, mut direct) = (Vec::new(), Vec::new());
    let folder = bench.new_folder("start")?;
    let moments = folder.join("moments");
    let application = format!("{} {}", bench.program("first-instruction").get_program().display(), moments.display());
    for _ in 0..rounds {
        let mut plain = bench.program("since-start");
        plain.arg(&moments).args(["sh", "-c", &application]).current_dir(&folder);
        direct.push(figures::one(&mut plain)?.value()?);
        let mut under = bench.program("since-start");
        under.arg(&moments).arg(bench.place.keploy()).args(["record", "-c", &application]).current_dir(&folder);
        recorded.push(figures::one(&mut under)?.value()?);
    }
    let plain = super::row::median(&direct).unwrap_or_default();
    let record = Row::new("start of record to the application's first instruction", "ms", recorded).at_most(50.0);
    let tests = to_first_request(bench, rounds)?;
    let test = Row::new("start of test to the first request", "ms", tests).at_most(150.0);
    Ok(vec![
        record.note(format!("without keploy {plain:.1} ms, a shell included")),
        test.note("without the application's own start"),
    ])
}

fn to_first_request(bench: &Bench, rounds: usize) -> Result<Vec<f64>> {
    const REQUESTS: &str = "10";
    let port = free_port()?.to_string();
    let folder = bench.new_folder("first-request")?;
    let moments = folder.join("moments");
    let at_once = bench.program("at-once").get_program().display().to_string();
    let application = format!("{at_once} {port}");
    let recording =
        Recording::start(bench.keploy("first-request")?, &application, &["--no-learn"], &folder.join("said"))?;
    figures::one(bench.program("one-client").args([&port, "/items/", REQUESTS]))?;
    recording.finish()?;
    let round = |_| {
        let mut keploy = bench.program("since-start");
        keploy.arg(&moments).arg(bench.place.keploy()).args(["test", "-c", &application]).current_dir(&folder);
        let moments = figures::run(keploy.env("AT_ONCE_TIMES", &moments))?;
        let moments = figures::values(&moments, "since start")?;
        let [began, listened, asked] = moments[..] else {
            return Err(crate::command::Failure::new("the application says three moments"));
        };
        Ok(asked - (listened - began))
    };
    (0..rounds).map(round).collect()
}
