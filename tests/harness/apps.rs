//! The sample applications, and how their authors would start them.

use std::path::PathBuf;
use std::process::Command;

use crate::databases::{Protocol, Server};
use crate::file;

/// One of `tests/apps`.
#[derive(Clone, Debug)]
pub struct App {
    pub name: &'static str,
    /// What follows `-c`.
    pub command: String,
    pub environment: Vec<(&'static str, String)>,
}

/// Where every application listens. Each test has a network of its own, so they never meet.
pub const PORT: u16 = 8080;

impl App {
    /// What `/bin/sh -c` runs, with the variables that all of them read.
    pub fn new(name: &'static str, command: String) -> Self {
        let environment = vec![
            ("PORT", PORT.to_string()),
            ("REDIS_URL", "redis://cache.test:6379/0".to_owned()),
            ("PYTHONDONTWRITEBYTECODE", "1".to_owned()),
        ];
        Self { name, command, environment }
    }

    /// As its author starts it, without keploy.
    pub fn started_directly(&self) -> Command {
        let mut words = self.command.split(' ');
        let mut command = Command::new(words.next().expect("a command has a program"));
        command.args(words).envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// With one more variable.
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.environment.push((name, value.to_owned()));
        self
    }
}

/// Pre-forking: four workers of four threads behind one listener.
pub fn flask() -> App {
    let folder = file("apps/flask").display().to_string();
    let gunicorn = cache().join("venv/bin/gunicorn").display().to_string();
    App::new("flask", format!("{gunicorn} --chdir {folder} -c {folder}/gunicorn.conf.py app:app"))
}

/// The same application: one thread reads, 32 others work and answer.
pub fn waitress() -> App {
    let waitress = cache().join("venv/bin/waitress-serve").display().to_string();
    let app = App::new("waitress", format!("{waitress} --listen=127.0.0.1:{PORT} --threads=32 app:app"));
    app.with("PYTHONPATH", &file("apps/flask").display().to_string())
}

/// One asyncio loop.
pub fn aiohttp() -> App {
    App::new("aiohttp", format!("{} {}", python().display(), file("apps/aiohttp/app.py").display()))
}

/// Static: no libc between it and the kernel.
pub fn gohttp() -> App {
    App::new("gohttp", installed("gohttp").display().to_string())
}

pub fn nodehttp() -> App {
    let app = App::new("nodehttp", format!("node {}", file("apps/nodehttp/server.js").display()));
    app.with("NODE_PATH", &installed("node/node_modules").display().to_string())
}

/// The four that are full of noise: see `apps/NOISE.md`.
pub fn noisy(name: &'static str) -> App {
    let app = match name {
        "pynoise" => App::new(name, format!("{} {}", python().display(), file("apps/pynoise/app.py").display())),
        "gonoise" => App::new(name, installed(name).display().to_string()),
        "nodenoise" => App::new(name, format!("node {}", file("apps/nodenoise/app.js").display()))
            .with("NODE_PATH", &installed("nodenoise/node_modules").display().to_string()),
        _ => {
            let (classes, libraries) = (installed("javanoise/classes"), installed("javanoise/lib"));
            App::new(name, "java App".to_owned())
                .with("CLASSPATH", &format!("{}:{}/*", classes.display(), libraries.display()))
        }
    };
    let port = if name == "nodenoise" { "3306" } else { "5432" };
    [
        ("DB_HOST", "db.test"),
        ("DB_PORT", port),
        ("DB_USER", "t"),
        ("DB_PASSWORD", "pw"),
        ("DB_NAME", "test"),
        ("REDIS_HOST", "cache.test"),
        ("REDIS_PORT", "6379"),
    ]
    .into_iter()
    .fold(app, |app, (name, value)| app.with(name, value))
}

/// Passwords, sessions, tokens, keys, cards.
pub fn secrets() -> App {
    App::new("secrets", format!("{} {}", python().display(), file("apps/secrets/app.py").display()))
}

/// A pipe from its port to another: see `apps/pipe.py`.
pub fn pipe() -> App {
    App::new("pipe", format!("{} {}", python().display(), file("apps/pipe.py").display()))
}

/// An application of the line protocol that the SDK has as its example: see `apps/line.py`.
pub fn line() -> App {
    App::new("line", format!("{} {}", python().display(), file("apps/line.py").display()))
}

/// Notes in Redis, in several versions: see `apps/notes.py`.
pub fn notes() -> App {
    App::new("notes", format!("{} {}", python().display(), file("apps/notes.py").display()))
}

/// A ledger in a database, in several versions: see `apps/ledger.py`.
pub fn ledger(server: Server) -> App {
    let (name, driver) = match server.protocol() {
        Protocol::Postgres => ("ledger-postgres", "psycopg"),
        Protocol::MySql => ("ledger-mysql", "pymysql"),
    };
    let app = App::new(name, format!("{} {}", python().display(), file("apps/ledger.py").display()));
    let app = app.with("DRIVER", driver).with("DB_HOST", "db.test").with("DB_PORT", &server.port().to_string());
    app.with("DB_USER", "t").with("DB_PASSWORD", "pw").with("DB_NAME", "test")
}

/// A Python program that goes wrong in its own way, as text.
pub fn script(code: &str) -> App {
    App::new("script", format!("{} -c '{code}'", python().display()))
}

pub fn python() -> PathBuf {
    installed("venv/bin/python")
}

/// What `cargo xtask setup` installed.
pub(crate) fn installed(path: &str) -> PathBuf {
    let path = cache().join(path);
    assert!(path.exists(), "no {}\nhint: cargo xtask setup", path.display());
    path
}

pub(crate) fn cache() -> PathBuf {
    let home = || std::env::home_dir().expect("a home directory").join(".cache/keploy-dev");
    std::env::var_os("KEPLOY_DEV_CACHE").map_or_else(home, PathBuf::from)
}
