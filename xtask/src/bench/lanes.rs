//! The same traffic by several ways: directly, through HAProxy, and recorded.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::Bench;
use super::program::{Program, Used};
use super::recording::{Recorded, Recording};
use crate::command::{Failure, Result, at};
use crate::ports::free_ports;

/// By which way the traffic goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Direct,
    /// HAProxy in tcp mode, in the same places where a recording stands.
    Bare,
    Ours,
    Peer,
}

/// The application behind one of the ways.
pub struct Lane {
    pub way: Way,
    /// Where clients go, and where they would reach the application with nothing in between (but where it is recorded).
    pub port: u16,
    behind: Behind,
}

enum Behind {
    Programs { _application: Program, relay: Option<Program>, served_at: u16 },
    Recording(Recording),
}

/// A number a round, by way.
pub struct Turns(Vec<(Way, Vec<f64>)>);

impl Bench<'_> {
    pub fn traffic(&self) -> Command {
        Command::new(self.traffic_path())
    }

    pub fn traffic_path(&self) -> PathBuf {
        self.place.target.join("release/traffic")
    }

    /// Those that take turns.
    pub fn ways(&self) -> Vec<Way> {
        let peer = self.peer.map(|_| Way::Peer);
        [Way::Direct, Way::Bare, Way::Ours].into_iter().chain(peer).collect()
    }

    /// The one that records.
    pub fn binary(&self, way: Way) -> PathBuf {
        match (way, self.peer) {
            (Way::Peer, Some(peer)) => peer.to_owned(),
            _ => self.place.keploy(),
        }
    }

    /// Rounds, and seconds of each: for a figure to rely on, or quickly.
    pub fn rounds(&self) -> (usize, u64) {
        if self.quick { (2, 1) } else { (5, 2) }
    }

    /// The same, for what is measured beside others of its kind.
    pub fn fewer_rounds(&self) -> (usize, u64) {
        if self.quick { (1, 1) } else { self.rounds() }
    }

    /// The application of `traffic serve`, once for each way. `backend`: what it calls, and where that is.
    pub fn lanes(&self, backend: Option<(&str, u16)>) -> Result<Vec<Lane>> {
        self.ways().into_iter().map(|way| self.lane(way, backend)).collect()
    }

    pub fn lane(&self, way: Way, backend: Option<(&str, u16)>) -> Result<Lane> {
        let [port, front, back] = free_ports()?;
        let application = |backend: Option<(&str, u16)>| {
            let backend = backend.map(|(name, port)| format!("{name}={port}"));
            let mut words = vec![self.traffic_path().display().to_string(), "serve".to_owned(), port.to_string()];
            words.extend(backend);
            words
        };
        let start = |words: Vec<String>| {
            let mut command = with_files(&words);
            Program::start(&self.folder, &format!("application-{port}"), &mut command)?.listens(port)
        };
        Ok(match way {
            Way::Direct => {
                let behind =
                    Behind::Programs { _application: start(application(backend))?, relay: None, served_at: port };
                Lane { way, port, behind }
            }
            Way::Bare => {
                let through = backend.map(|(name, _)| (name, back));
                let mut relayed = vec![(front, port)];
                relayed.extend(backend.map(|(_, to)| (back, to)));
                let relay = Some(haproxy(&self.folder, &relayed)?);
                let behind = Behind::Programs { _application: start(application(through))?, relay, served_at: port };
                Lane { way, port: front, behind }
            }
            Way::Ours | Way::Peer => {
                let name = format!("recording-{port}");
                let words = application(backend).join(" ");
                let recording = Recording::start(&self.binary(way), &self.folder, &name, &words)?.listens(port)?;
                Lane { way, port, behind: Behind::Recording(recording) }
            }
        })
    }
}

impl Lane {
    /// What stands in between has used so much.
    pub fn used(&self) -> Used {
        match &self.behind {
            Behind::Programs { relay, .. } => relay.as_ref().map(Program::used).unwrap_or_default(),
            Behind::Recording(recording) => recording.used(),
        }
    }

    /// How many requests the application was sent. A recorded one is sent one more by this, which counts.
    pub fn served(&self) -> Result<u64> {
        served(match &self.behind {
            Behind::Programs { served_at, .. } => *served_at,
            Behind::Recording(_) => self.port,
        })
    }

    /// Ends the recording, if it is one.
    pub fn finish(self) -> Result<Option<Recorded>> {
        match self.behind {
            Behind::Programs { .. } => Ok(None),
            Behind::Recording(recording) => recording.finish().map(Some),
        }
    }
}

impl Turns {
    /// Does `measure` for each lane in each round, every round beginning with another.
    pub fn take<L>(
        rounds: usize,
        lanes: &[L],
        way: impl Fn(&L) -> Way,
        mut measure: impl FnMut(&L) -> Result<f64>,
    ) -> Result<Self> {
        let mut turns: Vec<(Way, Vec<f64>)> = lanes.iter().map(|lane| (way(lane), Vec::new())).collect();
        for round in 0..rounds {
            for n in 0..lanes.len() {
                let n = (n + round) % lanes.len();
                turns[n].1.push(measure(&lanes[n])?);
            }
        }
        Ok(Self(turns))
    }

    /// Nothing, of a way that had no turns.
    pub fn of(&self, way: Way) -> &[f64] {
        self.0.iter().find(|(of, _)| *of == way).map_or(&[], |(_, numbers)| numbers)
    }

    /// Round by round.
    pub fn ratios(&self, way: Way, to: Way) -> Vec<f64> {
        self.of(way).iter().zip(self.of(to)).map(|(number, to)| number / to).collect()
    }
}

/// HAProxy in tcp mode, from each of these ports to the other.
pub fn haproxy(folder: &Path, relayed: &[(u16, u16)]) -> Result<Program> {
    let (first, _) = relayed[0];
    let config = folder.join(format!("haproxy-{first}.cfg"));
    let listens = relayed.iter().map(|(from, to)| {
        format!("listen from{from}\n  bind 127.0.0.1:{from} backlog 65535\n  server to{to} 127.0.0.1:{to}\n")
    });
    let text = format!(
        "global\n  maxconn 9900\ndefaults\n  mode tcp\n  maxconn 9900\n  timeout connect 5s\n  timeout client 1h\n  timeout server 1h\n{}",
        listens.collect::<String>()
    );
    std::fs::write(&config, text).map_err(at(&config))?;
    let words = ["haproxy".to_owned(), "-db".to_owned(), "-f".to_owned(), config.display().to_string()];
    let mut program = Program::start(folder, &format!("haproxy-{first}"), &mut with_files(&words))?;
    for (port, _) in relayed {
        program = program.listens(*port)?;
    }
    Ok(program)
}

/// The command, with as many open files as thousands of connections need.
pub fn with_files(words: &[String]) -> Command {
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", "ulimit -n \"$(ulimit -Hn)\" && exec \"$@\"", "sh"]).args(words);
    let path = std::env::var_os("PATH").unwrap_or_default();
    shell.env("PATH", std::env::join_paths(std::env::split_paths(&path).chain(["/usr/sbin".into()])).unwrap_or(path));
    shell
}

/// What the application at `port` was sent, this one included.
pub fn served(port: u16) -> Result<u64> {
    use std::io::{Read, Write};
    let ask = || {
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", port))?;
        stream.write_all(b"GET /served HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok::<_, std::io::Error>(answer)
    };
    let answer = ask().map_err(|error| Failure::new(format!("the application on port {port}: {error}")))?;
    let number = answer.rsplit("\r\n\r\n").next().and_then(|body| body.trim().parse().ok());
    number.ok_or_else(|| Failure::new(format!("the application on port {port} answered {answer:?}")))
}
