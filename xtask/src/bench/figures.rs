//! The programs of `bench/product`, and what they print.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::Bench;
use crate::command::{Failure, Result, Run};

/// One line of a program.
pub struct Figure(Value);

impl Figure {
    pub fn name(&self) -> &str {
        self.0["figure"].as_str().unwrap_or_default()
    }

    pub fn value(&self) -> Result<f64> {
        self.number("value")
    }

    pub fn number(&self, name: &str) -> Result<f64> {
        let missing = || Failure::new(format!("a figure has no {name}: {}", self.0));
        self.0[name].as_f64().ok_or_else(missing)
    }
}

/// Runs it to its end.
pub fn run(command: &mut Command) -> Result<Vec<Figure>> {
    let printed = command.stderr(Stdio::inherit()).text()?;
    let bad = |line, error| Failure::new(format!("{line:?} is no figure: {error}"));
    let read = |line| serde_json::from_str(line).map(Figure).map_err(|error| bad(line, error));
    printed.lines().map(read).collect()
}

/// Runs it to its end; the only figure that it prints.
pub fn one(command: &mut Command) -> Result<Figure> {
    let mut figures = run(command)?;
    figures.pop().filter(|_| figures.is_empty()).ok_or_else(|| Failure::new("one figure was expected"))
}

/// Of that name, in the order in which they were printed.
pub fn values(figures: &[Figure], name: &str) -> Result<Vec<f64>> {
    figures.iter().filter(|figure| figure.name() == name).map(Figure::value).collect()
}

impl Bench<'_> {
    /// A program of `bench/product`.
    pub fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.place.target.join("release").join(name));
        command.env("KEPLOY_PARSERS_DIR", self.place.parsers());
        command
    }

    /// Our keploy, in a project folder of this name.
    pub fn keploy(&self, folder: &str) -> Result<Command> {
        let mut command = Command::new(self.place.keploy());
        command.current_dir(self.new_folder(folder)?);
        Ok(command)
    }

    /// Below the bench's own; it may be there already.
    pub fn new_folder(&self, name: &str) -> Result<PathBuf> {
        let folder = self.folder.join(name);
        std::fs::create_dir_all(&folder).map_err(crate::command::at(&folder))?;
        Ok(folder)
    }
}

/// A process that ends with us.
pub struct Running(Child);

impl Running {
    pub fn start(command: &mut Command) -> Result<Self> {
        let shown = command.get_program().display().to_string();
        let child = command.stdin(Stdio::null()).spawn();
        child.map(Self).map_err(|error| Failure::new(format!("{shown} could not be started: {error}")))
    }

    /// A server, when it accepts connections.
    pub fn serve(command: &mut Command, port: u16) -> Result<Self> {
        let server = Self::start(command.stdout(Stdio::null()))?;
        wait(&format!("a server on port {port}"), || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok())?;
        Ok(server)
    }

    /// As Ctrl-C does; then waits for its end.
    pub fn interrupt(mut self) -> Result {
        Command::new("kill").args(["-INT", &self.0.id().to_string()]).run_quietly()?;
        self.0.wait().map(drop).map_err(|error| Failure::new(format!("it cannot be waited for: {error}")))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Until it is so, a minute at the most.
pub fn wait(what: &str, mut is_so: impl FnMut() -> bool) -> Result {
    let began = std::time::Instant::now();
    while !is_so() {
        if began.elapsed().as_secs() >= 60 {
            return Err(Failure::new(format!("{what} did not come within a minute")));
        }
        #[expect(clippy::disallowed_methods, reason = "nothing tells of it: it is asked for")]
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    Ok(())
}

/// A `keploy record`, from when the application listens until it is interrupted.
pub struct Recording {
    keploy: Running,
    said: PathBuf,
}

impl Recording {
    /// `said`: where its standard error goes. Nothing is learned unless `options` say otherwise.
    pub fn start(mut keploy: Command, application: &str, options: &[&str], said: &Path) -> Result<Self> {
        let file = std::fs::File::create(said).map_err(crate::command::at(said))?;
        keploy.args(["record", "-c", application]).args(options).stdout(Stdio::null()).stderr(file);
        let recording = Self { keploy: Running::start(&mut keploy)?, said: said.to_owned() };
        wait("the application under keploy", || recording.said().contains("application is listening"))?;
        Ok(recording)
    }

    /// What it has said so far.
    pub fn said(&self) -> String {
        std::fs::read_to_string(&self.said).unwrap_or_default()
    }

    /// Ends it; all that it said.
    pub fn finish(self) -> Result<String> {
        let Self { keploy, said } = self;
        keploy.interrupt()?;
        std::fs::read_to_string(&said).map_err(crate::command::at(&said))
    }
}
