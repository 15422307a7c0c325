//! Real database servers, each in a test's world.

use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::signal::Signal;

use crate::apps::{cache, python};
use crate::{PATIENCE, Process, World, file};

/// Those that `cargo xtask setup` installs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    Postgres15,
    Postgres18,
    /// Oracle's.
    MySql9,
    MariaDb,
}

/// What drivers have to speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Postgres,
    MySql,
}

/// What a server says about encryption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    Required,
    Offered,
    Off,
}

/// A server with the users t (password "pw"; superuser) and others that its script names, and an empty database "test".
/// It ends with this value.
pub struct Database {
    process: Option<Process>,
    folder: PathBuf,
    server: Server,
}

impl Server {
    pub fn protocol(self) -> Protocol {
        match self {
            Self::Postgres15 | Self::Postgres18 => Protocol::Postgres,
            Self::MySql9 | Self::MariaDb => Protocol::MySql,
        }
    }

    /// Where everybody expects it. Each test has a network of its own, so they never meet.
    pub fn port(self) -> u16 {
        match self.protocol() {
            Protocol::Postgres => 5432,
            Protocol::MySql => 3306,
        }
    }

    fn script(self) -> (&'static str, &'static str) {
        match self {
            Self::Postgres15 => ("postgres.sh", "15"),
            Self::Postgres18 => ("postgres.sh", "18"),
            Self::MySql9 => ("mysql.sh", ""),
            Self::MariaDb => ("mariadb.sh", ""),
        }
    }
}

impl Tls {
    pub fn name(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Offered => "offered",
            Self::Off => "off",
        }
    }
}

impl Database {
    /// In `world`, which knows it as db.test, and killed with it.
    pub fn start(world: &World, server: Server, tls: Tls) -> Self {
        let folder = world.folder().join(format!("{server:?}"));
        let (script, version) = server.script();
        let mut run = run(script, server.port(), &folder, tls);
        if !version.is_empty() {
            run.env("VERSION", version);
        }
        let process = Process::start(world, &mut run);
        process.wait_for_port(world, server.port());
        Self { process: Some(process), folder, server }
    }

    pub fn server(&self) -> Server {
        self.server
    }

    /// Who signed its certificate. The file stays as long as the world it was started in.
    pub fn ca(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// Logs in once as t. After it, MySQL knows the password and lets t in without encryption and without its public key,
    /// which not every driver asks for: see [`crate::drivers::Driver::asks_for_public_key`].
    ///
    /// # Panics
    /// When it is not let in.
    pub fn remember_password(&self, world: &World) {
        const LOG_IN: &str = "import pymysql; pymysql.connect(host='127.0.0.1', user='t', password='pw')";
        let login = Process::start(world, Command::new(python()).args(["-c", LOG_IN]));
        let ended = login.wait(PATIENCE);
        assert!(ended.status.success(), "{:?} does not let t in: {}", self.server, ended.stderr);
    }

    pub fn process(&self) -> &Process {
        self.process.as_ref().expect("there until drop")
    }
}

impl Drop for Database {
    /// At once, but in its own way: PostgreSQL would leave shared memory behind.
    fn drop(&mut self) {
        let Some(process) = self.process.take() else { return };
        if self.server.protocol() == Protocol::Postgres && !std::thread::panicking() {
            process.signal(Signal::SIGQUIT);
            process.wait(PATIENCE);
        }
    }
}

/// A web server that speaks HTTPS, known as secure.test: see `servers/https.sh`. With [`Tls::Required`], only to clients
/// that show a certificate: `client.pem` and `client.key` in its folder, where `ca.pem` is, too.
pub fn https(world: &World, port: u16, folder: &Path, clients: Tls) -> Process {
    let process = Process::start(world, &mut run("https.sh", port, folder, clients));
    process.wait_for_port(world, port);
    process
}

fn run(script: &str, port: u16, folder: &Path, tls: Tls) -> Command {
    let mut command = Command::new(file("servers").join(script));
    command.arg("run").arg(port.to_string()).arg(folder);
    command.env("TLS", tls.name()).env("KEPLOY_DEV_CACHE", cache());
    command
}
