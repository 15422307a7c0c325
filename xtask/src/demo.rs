//! `cargo xtask demo`: a real application with a real Redis, recorded; then replayed with both gone.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::command::{Failure, Result, Run, at};
use crate::place::Place;
use crate::ports::free_ports;
use crate::{product, setup};

const PATIENCE: Duration = Duration::from_secs(60);

pub fn run(place: &Place) -> Result {
    setup::for_demo(place)?;
    product::build(place)?;
    let demo = Demo::new(place)?;

    tell("1. Record: the orders API (Flask, gunicorn) with a real Redis and a real upstream service");
    demo.record()?;

    tell("2. Replay: Redis and the upstream are stopped, and the network is only a loopback");
    let faithful = demo.replay("")?;
    tell("3. Replay a broken version of the application: it adds 1 to every total");
    let broken = demo.replay("json")?;

    tell("What was recorded");
    Command::new("find").args(["keploy", "-type", "f"]).current_dir(&demo.folder).run()?;
    println!("\nThe recording and the reports are in {}", demo.folder.display());
    match (faithful.code(), broken.code()) {
        (Some(0), Some(1)) => {
            println!("The unchanged application passed; the broken one was found out.");
            Ok(())
        }
        _ => Err(Failure::new(format!("expected exit codes 0 and 1, saw: {faithful}; {broken}"))),
    }
}

struct Demo<'a> {
    place: &'a Place,
    folder: PathBuf,
    application: u16,
    redis: u16,
    upstream: u16,
}

impl<'a> Demo<'a> {
    fn new(place: &'a Place) -> Result<Self> {
        let folder = place.target.join("demo");
        let _absent_is_fine = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).map_err(at(&folder))?;
        let [application, redis, upstream] = free_ports()?;
        Ok(Self { place, folder, application, redis, upstream })
    }

    fn record(&self) -> Result {
        let _redis = Background::start(
            Command::new("redis-server")
                .args(["--save", "", "--port", &self.redis.to_string()])
                .current_dir(&self.folder),
            self.redis,
        )?;
        let _upstream = Background::start(
            Command::new(self.place.demo_python("python"))
                .arg(self.place.root.join("tests/apps/upstream.py"))
                .env("PORT", self.upstream.to_string()),
            self.upstream,
        )?;
        let mut keploy = self.keploy("record");
        shown(&keploy);
        let mut keploy = keploy.stderr(Stdio::piped()).spawn().map_err(at(&self.place.keploy()))?;
        let mut messages = BufReader::new(keploy.stderr.take().expect("piped above")).lines();
        let mut shown = messages.by_ref().map_while(std::io::Result::ok).inspect(|line| eprintln!("{line}"));
        let ready = shown.any(|line| line.contains("application is listening"));
        if ready {
            Command::new(self.place.demo_python("python"))
                .arg(self.place.root.join("tests/apps/visit.py"))
                .arg(format!("http://127.0.0.1:{}", self.application))
                .run()?;
            Command::new("kill").args(["-INT", &keploy.id().to_string()]).run()?;
        }
        messages.map_while(std::io::Result::ok).for_each(|line| eprintln!("{line}"));
        let status = keploy.wait().map_err(at(&self.place.keploy()))?;
        if ready && status.success() {
            return Ok(());
        }
        Err(Failure::new(format!("recording ended with {status}")).hint("the application's last lines are above"))
    }

    /// In a network namespace of its own: whatever is not answered from the recording fails.
    fn replay(&self, mutation: &str) -> Result<ExitStatus> {
        let keploy = self.keploy("test");
        shown(&keploy);
        let mut offline = Command::new("unshare");
        offline.args(["--net", "sh", "-c", "ip link set lo up && exec \"$0\" \"$@\""]);
        offline.arg(keploy.get_program()).args(keploy.get_args()).current_dir(&self.folder);
        offline.envs(keploy.get_envs().filter_map(|(name, value)| Some((name, value?)))).env("MUTATE", mutation);
        offline
            .stdin(Stdio::null())
            .status()
            .map_err(|error| Failure::new(format!("unshare: {error}")).hint("the demo runs as root"))
    }

    fn keploy(&self, verb: &str) -> Command {
        let flask = self.place.root.join("tests/apps/flask");
        let gunicorn = self.place.demo_python("gunicorn");
        let application = format!(
            "{} --chdir {} -c {}/gunicorn.conf.py app:app",
            gunicorn.display(),
            flask.display(),
            flask.display()
        );
        let mut keploy = Command::new(self.place.keploy());
        keploy.args([verb, "-c", &application]).current_dir(&self.folder);
        keploy
            .env("PORT", self.application.to_string())
            .env("REDIS_URL", format!("redis://localhost:{}/0", self.redis))
            .env("UPSTREAM_URL", format!("http://localhost:{}", self.upstream))
            .env("PYTHONDONTWRITEBYTECODE", "1");
        keploy
    }
}

/// A server that ends with this value.
struct Background(Child);

impl Background {
    fn start(command: &mut Command, port: u16) -> Result<Self> {
        let program = command.get_program().display().to_string();
        let quiet = command.stdin(Stdio::null()).stdout(Stdio::null());
        let mut server = Self(quiet.spawn().map_err(|error| Failure::new(format!("{program}: {error}")))?);
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if let Ok(Some(status)) = server.0.try_wait() {
                return Err(Failure::new(format!("{program} ended at once: {status}")));
            }
            if Instant::now() > deadline {
                return Err(Failure::new(format!("{program} does not listen on port {port}")));
            }
            look_again_soon();
        }
        Ok(server)
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        let _gone_is_fine = self.0.kill();
        let _gone_is_fine = self.0.wait();
    }
}

#[expect(clippy::disallowed_methods, reason = "a server that is not ours tells nobody when it listens")]
fn look_again_soon() {
    std::thread::sleep(Duration::from_millis(20));
}

fn tell(what: &str) {
    println!("\n{what}\n");
}

fn shown(keploy: &Command) {
    let words = keploy.get_args().map(|word| word.to_string_lossy());
    let words = words.map(|word| if word.contains(' ') { format!("\"{word}\"") } else { word.into_owned() });
    println!("$ keploy {}\n", words.collect::<Vec<_>>().join(" "));
}
