//! Sockets: accept, dial, forward, and show the bytes to the parsers.
//!
//! Connections steered here by `intercept` come in; what crossed them goes out, as exchanges, to a [`Sink`] (recording)
//! or is answered from [`Answers`] (replay). The relay knows no protocol but DNS, which is part of interception.
//!
//! One task a connection, on current-thread runtimes, one a worker, each with its own listeners.
mod along;
mod backlog;
mod blob;
mod dns_server;
mod drive;
mod guest;
mod listeners;
mod mock;
mod names;
mod pieces;
mod pump;
mod server;
mod stream;
mod takers;
mod tap;
mod tls;
mod told;

use std::{fs::File, io, net::SocketAddr, ops::Range, pin::Pin, sync::Arc};

pub use blob::BlobWriter;
pub use drive::{Drive, DriveError, Driven};
use keploy_value::{Blob, Value};
pub use listeners::Listeners;
pub use names::Names;
pub use plugins::Facts;
use plugins::Registry;
pub use server::{Relay, Server};
pub use takers::{Address, Takers};

/// What the relay asks of the kernel side.
pub trait Interception: Send + Sync + 'static {
    /// Where the connection that was accepted from `peer` was going. Each answer is given once.
    fn origin(&self, peer: SocketAddr) -> Option<Origin>;
    /// Lets a connection of ours from `source` to `to` through to the application, which sees it come from `client`. Until
    /// what it returns is dropped, which has to be before the port is free for others. `socket` is the connection's from now on
    /// (see [`Origin`]).
    ///
    /// # Errors
    /// When the kernel has no memory for it.
    fn let_through(
        &self,
        source: SocketAddr,
        to: SocketAddr,
        client: SocketAddr,
        socket: u64,
    ) -> io::Result<Box<dyn Send>>;
    /// The resolver that the application asked through this DNS slot.
    fn resolver(&self, slot: usize) -> Option<SocketAddr>;
    /// From now on, connecting to `address` fails as it did when it was recorded (see [`Sink::unreachable`]).
    fn refuse(&self, address: SocketAddr, how: &str);
}

/// What the kernel side knows of a connection of the application's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Where it was going.
    pub address: SocketAddr,
    /// By this number the kernel side tells of what happens on it; no other connection has it.
    pub socket: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Somebody called the application.
    Incoming,
    /// The application called somebody.
    Outgoing,
}

/// One connection, as everybody downstream refers to it.
#[derive(Clone, Debug)]
pub struct ConnectionInfo {
    /// Counted from 1 within a run.
    pub id: u64,
    /// See [`Origin`].
    pub socket: u64,
    pub direction: Direction,
    /// Where it was going: the application's port, or a dependency.
    pub address: SocketAddr,
    /// The name that was resolved to `address`, else the address.
    pub host: String,
    /// TLS was taken off from its first byte on; the name that the client asked for, which may be none (empty).
    pub tls: Option<String>,
}

impl ConnectionInfo {
    /// `host:port`, IPv6 in brackets.
    pub fn destination(&self) -> String {
        let port = self.address.port();
        if self.host.contains(':') { format!("[{}]:{port}", self.host) } else { format!("{}:{port}", self.host) }
    }
}

/// A finished exchange. Documents are the guest's CBOR, blobs filled in.
#[derive(Debug)]
pub struct Exchange {
    pub connection: Arc<ConnectionInfo>,
    pub protocol: String,
    pub schema: u32,
    pub facts: Facts,
    pub request: Vec<u8>,
    /// Nanoseconds since the Unix epoch.
    pub started: u64,
    /// Each response and when its last byte arrived.
    pub responses: Vec<(Vec<u8>, u64)>,
    /// Which of the bytes that the application wrote on this connection its own part was read with: the request to a
    /// dependency, or the end of its answer. None: that is not known.
    pub written: Option<Range<u64>>,
    /// The other side of an outgoing connection started it, with something for this subject (a queue).
    pub inbound: Option<String>,
}

/// What recording does with what the relay sees. Called from the workers: must not block.
pub trait Sink: Send + Sync + 'static {
    fn connected(&self, connection: &ConnectionInfo);
    /// A request was read to its end; `exchange` or `lost` follows. Not told of what the other side started.
    fn opened(&self, connection: &ConnectionInfo);
    fn exchange(&self, exchange: Exchange);
    /// An exchange that was opened cannot be recorded.
    fn lost(&self, connection: &ConnectionInfo, reason: &str);
    /// Something came that nobody had asked for, and nothing was seen to come of it: it makes no test.
    fn unsettled(&self, connection: &ConnectionInfo, reason: &str);
    /// From here on nobody reads this connection; its bytes go on. `bytes` were not read.
    fn unparsed(&self, connection: &ConnectionInfo, reason: &str);
    /// Dialling failed: what the application was shown.
    fn unreachable(&self, connection: &ConnectionInfo, started: u64, how: &str);
    /// A DNS question and its answer, as they crossed the wire.
    fn resolved(&self, resolver: SocketAddr, query: &[u8], response: &[u8], started: u64);
    /// A place for a body that is too large for a guest.
    ///
    /// # Errors
    /// When there is no room for it: the exchange is lost.
    fn blob(&self) -> io::Result<Box<dyn BlobWriter>>;
}

/// What a call came to.
pub enum Answer {
    /// The recorded responses, as CBOR.
    Recorded(Vec<Vec<u8>>),
    /// The same, when it is time.
    Later(Pin<Box<dyn Future<Output = Vec<Vec<u8>>> + Send>>),
    /// Nothing matches, and why, in words for the application's log.
    Miss(String),
}

/// Where replay's answers come from. Called from the workers: must not block.
pub trait Answers: Send + Sync + 'static {
    /// The protocols recorded for this destination; empty: it was never called.
    fn protocols(&self, connection: &ConnectionInfo) -> Vec<String>;
    /// Destinations that were never reached when recorded: host, port and how they failed.
    fn out_of_reach(&self) -> Vec<(String, u16, String)>;
    fn answer(&self, connection: &ConnectionInfo, protocol: &str, facts: &Facts, request: Value, at: u64) -> Answer;
    /// Like `answer` for a request that may not be complete yet: a miss is not a miss.
    fn answer_partial(
        &self,
        connection: &ConnectionInfo,
        protocol: &str,
        facts: &Facts,
        request: Value,
    ) -> Option<Vec<Vec<u8>>>;
    /// The application talks to nobody, or what it says cannot be read.
    fn unanswered(&self, connection: &ConnectionInfo, reason: &str);
    fn resolve(&self, query: &[u8]) -> Vec<u8>;
    /// # Errors
    /// When the recording has no such blob.
    fn blob(&self, blob: &Blob) -> io::Result<File>;
}

/// What both modes need.
#[derive(Clone)]
pub struct Common {
    pub interception: Arc<dyn Interception>,
    pub registry: Registry,
    pub names: Arc<Names>,
    pub tls: Arc<::tls::Tls>,
    /// Replay: who takes what dependencies send of themselves.
    pub takers: Arc<Takers>,
    /// `plugins.<protocol>` of keploy.yml.
    pub config: Arc<dyn Fn(&str) -> Value + Send + Sync>,
    /// Whom the application runs as: our sockets on its ports belong to it, so that it can bind them again.
    pub owner: u32,
    pub workers: usize,
}

/// Nanoseconds since the Unix epoch: the one clock of all that is recorded.
#[expect(clippy::disallowed_methods, reason = "this is the one place")]
pub fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
