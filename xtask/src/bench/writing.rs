//! What the disk does to a recording: nothing, when it is slow, when it stands still, and when it is full.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::figures::{self, Figure, Recording};
use super::{Bench, Row};
use crate::command::{Failure, Result, Run};
use crate::ports::free_port;

/// Requests a second of the steady client.
const RATE: u64 = 2000;

pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let mut rows = alone(bench)?;
    let (rounds, seconds) = if bench.quick { (1, 2) } else { (3, 6) };
    let (mut full, mut still) = (Ratios::default(), Ratios::default());
    for round in 0..rounds {
        let good = steady(bench, &bench.new_folder(&format!("good-{round}"))?, seconds, &|| Ok(()))?;
        let tmpfs = Mounted::tmpfs(bench.new_folder(&format!("full-{round}"))?)?;
        full.add(&good, &steady(bench, &tmpfs.0, seconds, &|| Ok(()))?)?;
        drop(tmpfs);
        let disk = Mounted::disk(bench, round)?;
        still.add(&good, &steady(bench, &disk.0, seconds, &|| disk.stands_still(seconds / 2))?)?;
    }
    if !full.said.contains("exchanges are being lost from the recording") {
        return Err(Failure::new(format!("a full disk is not said: {}", full.said)));
    }
    let sent = RATE * seconds;
    rows.push(full.row("the disk is full: a request's time", sent));
    rows.push(still.row(&format!("the disk stands still for {} s: a request's time", seconds / 2), sent));
    Ok(rows)
}

/// The journal alone, as fast as it takes records.
fn alone(bench: &Bench) -> Result<Vec<Row>> {
    let (rounds, pairs) = if bench.quick { (2, 20_000) } else { (5, 50_000) };
    let mut figures = Vec::new();
    for round in 0..rounds {
        let folder = bench.new_folder(&format!("alone-{round}"))?;
        figures.extend(figures::run(bench.program("writing").arg(pairs.to_string()).arg(folder))?);
    }
    let of = |name: &str| figures::values(&figures, name);
    let dropped = |figure: &Figure| figure.number("dropped").is_ok_and(|dropped| dropped > 0.0);
    let dropped = figures.iter().filter(|figure| dropped(figure)).count();
    Ok(vec![
        Row::new("journal", "records/s", of("writing journal")?).note(format!("{dropped} rounds with losses")),
        Row::new("journal, handing a record over", "us", of("writing hand over")?),
        Row::new("journal to files", "records/s", of("writing files")?).note("after the recording, at low priority"),
    ])
}

/// What one client's requests took.
struct Steady {
    answered: u64,
    middle: f64,
    slowest: f64,
    said: String,
}

/// One client at a steady rate, under `keploy record` in that folder. `meanwhile` happens in the first third.
fn steady(bench: &Bench, folder: &Path, seconds: u64, meanwhile: &(dyn Fn() -> Result + Sync)) -> Result<Steady> {
    let port = free_port()?.to_string();
    let application = format!("{} {port}", bench.program("at-once").get_program().display());
    let mut keploy = Command::new(bench.place.keploy());
    keploy.current_dir(folder);
    let recording = Recording::start(keploy, &application, &["--no-learn"], &bench.folder.join("said"))?;
    let count = (RATE * seconds).to_string();
    let mut client = bench.program("one-client");
    client.args([&port, "/items/", &count, &RATE.to_string()]);
    let figure = std::thread::scope(|scope| {
        let client = scope.spawn(|| figures::one(&mut client));
        #[expect(clippy::disallowed_methods, reason = "so long is what is measured")]
        std::thread::sleep(std::time::Duration::from_millis(seconds * 1000 / 4));
        let done = meanwhile();
        let figure = client.join().map_err(|_| Failure::new("the client's thread panicked"))?;
        done.and(figure)
    })?;
    let said = recording.finish()?;
    let (middle, slowest) = (figure.number("middle")?, figure.number("slowest")?);
    // The client ends with an error when one request is not answered.
    Ok(Steady { answered: RATE * seconds, middle, slowest, said })
}

/// A bad disk beside a good one.
#[derive(Default)]
struct Ratios {
    middle: Vec<f64>,
    slowest: [f64; 2],
    answered: u64,
    said: String,
}

impl Ratios {
    fn add(&mut self, good: &Steady, bad: &Steady) -> Result {
        self.middle.push(bad.middle / good.middle);
        self.slowest = [self.slowest[0].max(good.slowest), self.slowest[1].max(bad.slowest)];
        self.answered = bad.answered;
        self.said.clone_from(&bad.said);
        Ok(())
    }

    fn row(self, name: &str, sent: u64) -> Row {
        let [good, bad] = self.slowest.map(|slowest| slowest / 1e3);
        let lost = self.said.lines().find(|line| line.contains("lost")).unwrap_or_default().to_owned();
        let note = format!("answered of sent; slowest {bad:.1} ms, on a good disk {good:.1} ms; it said: {lost}");
        Row::new(name, "of that on a good disk", self.middle).at_most(1.2).counted(self.answered, sent).note(note)
    }
}

/// A file system that goes away again.
struct Mounted(PathBuf);

impl Mounted {
    /// With room for the beginning of a recording.
    fn tmpfs(folder: PathBuf) -> Result<Self> {
        Command::new("mount").args(["-t", "tmpfs", "-o", "size=1m", "keploy-bench"]).arg(&folder).run_quietly()?;
        Ok(Self(folder))
    }

    /// ext4 in a file, which can be told to stand still.
    fn disk(bench: &Bench, round: usize) -> Result<Self> {
        let image = bench.folder.join(format!("image-{round}"));
        Command::new("truncate").args(["-s", "256M"]).arg(&image).run_quietly()?;
        Command::new("mkfs.ext4").arg("-q").arg(&image).run_quietly()?;
        let folder = bench.new_folder(&format!("still-{round}"))?;
        Command::new("mount").args(["-o", "loop"]).arg(&image).arg(&folder).run_quietly()?;
        Ok(Self(folder))
    }

    /// No write ends meanwhile.
    fn stands_still(&self, seconds: u64) -> Result {
        Command::new("fsfreeze").arg("--freeze").arg(&self.0).run_quietly()?;
        #[expect(clippy::disallowed_methods, reason = "so long is what is measured")]
        std::thread::sleep(std::time::Duration::from_secs(seconds));
        Command::new("fsfreeze").arg("--unfreeze").arg(&self.0).run_quietly()
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // Lazily: somebody who was killed may still hold a file.
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).run_quietly();
    }
}
