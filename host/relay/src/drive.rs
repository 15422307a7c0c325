//! Takes the place of a client: sends recorded requests to the application and reads what it answers.
use std::{
    collections::HashMap,
    fs::File,
    io::{self, Read as _},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use keploy_value::Blob;
use plugins::{Effect, Failure, Mode, Peer, Plugin, Side};
use rustls::pki_types::ServerName;
use socket2::SockRef;
use tokio::{
    io::Interest,
    net::{TcpSocket, TcpStream},
    time::{Instant, timeout_at},
};

use crate::{
    Common, Interception, blob::HashOnly, guest::Guest, mock::number_blobs, now, pump::Buffer, stream::Stream, tls,
};

/// Why a test could not be driven.
#[derive(Debug, thiserror::Error)]
pub enum DriveError {
    #[error("cannot connect to the application at {0}: {1}")]
    Connect(SocketAddr, io::Error),
    #[error("the TLS handshake with the application at {0} failed: {1}")]
    Tls(SocketAddr, io::Error),
    #[error("the application closed the connection{0}")]
    Closed(String),
    #[error("no answer within {0:?}\nhint: --api-timeout allows more")]
    Timeout(Duration),
    #[error("the answer cannot be read: {0}")]
    Guest(#[from] Failure),
    #[error(
        "nobody in the application took what is sent to `{0}`, within {1:?}\nhint: --health-poll-timeout allows more"
    )]
    NobodyTakes(String, Duration),
    #[error("nothing came of it: {0}")]
    Lost(String),
    #[error("a recorded body cannot be read: {0}")]
    Blob(io::Error),
}

/// What the application answered.
#[derive(Debug, Default)]
pub struct Driven {
    /// CBOR, and when each was complete.
    pub responses: Vec<(Vec<u8>, u64)>,
    /// The parser says that nothing more will come.
    pub complete: bool,
}

/// One connection to the application, over which one recorded connection's tests are sent.
pub struct Drive {
    /// First: fields are dropped in this order.
    _through: LetThrough,
    stream: Stream,
    guest: Guest,
    exchanges: u64,
    answers: HashMap<u64, Driven>,
    abandoned: Option<String>,
    blobs: HashMap<u64, Blob>,
    out: Vec<Out>,
    open: bool,
    /// The protocol has no end of a message: one ends when the other side speaks, or the connection does.
    by_turns: bool,
    /// The application may say something between exchanges, and one that goes on for long has a response for each message.
    multiplexed: bool,
}

enum Out {
    Bytes(Vec<u8>),
    Blob(Blob),
    Finish,
}

/// While it lives, the kernel does not steer our connection to ourselves.
pub(crate) type LetThrough = Box<dyn Send>;

/// Dials the application from an address that the kernel was told about beforehand, so that it is not steered.
///
/// # Errors
/// When the application does not accept.
pub(crate) async fn dial(
    interception: &Arc<dyn Interception>,
    to: SocketAddr,
    client: Option<SocketAddr>,
) -> io::Result<Dialled> {
    let socket = if to.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // With SO_REUSEADDR the ports of the last minute's connections (TIME_WAIT) are free again.
    socket.set_reuseaddr(true)?;
    socket.bind(SocketAddr::new(to.ip(), 0))?;
    let source = socket.local_addr()?;
    let number = SockRef::from(&socket).cookie()?;
    let through = interception.let_through(source, to, client.unwrap_or(source), number)?;
    let stream = socket.connect(to).await?;
    stream.set_nodelay(true)?;
    Ok(Dialled { stream, through, socket: number })
}

/// A connection to the application.
pub(crate) struct Dialled {
    pub stream: TcpStream,
    /// To be dropped with the stream, a moment before it.
    pub through: LetThrough,
    /// See [`crate::Origin`].
    pub socket: u64,
}

impl Drive {
    /// Connects to the application where it listens; with TLS, when it was recorded so (see [`ConnectionInfo::tls`]).
    ///
    /// # Errors
    /// When it does not accept, or the parser fails.
    pub async fn connect(
        common: &Common,
        plugin: &Plugin,
        listening: SocketAddr,
        tls: Option<&str>,
    ) -> Result<Self, DriveError> {
        let ip = match listening.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            // A wildcard listener takes IPv4, too, unless it says otherwise; ::1 it always takes.
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        let to = SocketAddr::new(ip, listening.port());
        let fail = |error| DriveError::Connect(to, error);
        let Dialled { stream, through, .. } = dial(&common.interception, to, None).await.map_err(fail)?;
        let stream = match tls {
            None => Stream::Plain(stream),
            Some(name) => {
                let alpn: Vec<_> = plugin.manifest.alpn.iter().map(|name| name.clone().into_bytes()).collect();
                let upstream =
                    common.tls.application(&alpn).map_err(|error| DriveError::Tls(to, io::Error::other(error)))?;
                let name = ServerName::try_from(name.to_owned()).unwrap_or(ip.into());
                let shaken = tls::shake_hands(stream, &upstream, name).await;
                Stream::Tls(Box::new(shaken.map_err(|error| DriveError::Tls(to, error))?))
            }
        };
        let peer = Peer { host: ip.to_string(), port: to.port(), encrypted: tls.is_some() };
        let config = (common.config)(&plugin.manifest.protocol);
        let connection = plugin.connect(Mode::Drive, &peer, &config)?;
        let mut drive = Self {
            stream,
            guest: Guest::new(connection, Box::new(|| Ok(Box::new(HashOnly::default())))),
            _through: through,
            exchanges: 0,
            answers: HashMap::new(),
            abandoned: None,
            blobs: HashMap::new(),
            out: Vec::new(),
            open: true,
            by_turns: plugin.has_partial_requests(),
            multiplexed: plugin.is_multiplexed(),
        };
        let mut effects = Vec::new();
        drive.guest.connection().start(now(), &mut effects)?;
        drive.perform(effects)?;
        Ok(drive)
    }

    /// Can another request be sent over this connection?
    pub fn is_open(&self) -> bool {
        // Not one that ended meanwhile, and not one on which something came that nobody asked for. Where exchanges overlap,
        // windows and pings come at any time.
        let nothing = |error: &io::Error| error.kind() == io::ErrorKind::WouldBlock;
        self.open && (self.multiplexed || self.stream.try_read(&mut [0]).as_ref().is_err_and(nothing))
    }

    /// Sends a recorded request and waits for its answer: until the parser says it is complete, or, for streams that
    /// never are, until `wanted` responses have come. `blob` opens a recorded body.
    ///
    /// # Errors
    /// When no whole answer came. The connection is not used again then.
    pub async fn exchange(
        &mut self,
        request: Vec<u8>,
        wanted: usize,
        limit: Duration,
        blob: &dyn Fn(&Blob) -> io::Result<File>,
    ) -> Result<Driven, DriveError> {
        self.exchanges += 1;
        let exchange = self.exchanges;
        self.answers.insert(exchange, Driven::default());
        let request = number_blobs(request, &mut self.blobs);
        let mut effects = Vec::new();
        self.guest.connection().send(exchange, &request, &mut effects)?;
        self.perform(effects)?;
        let deadline = Instant::now() + limit;
        let done = timeout_at(deadline, self.converse(exchange, wanted, blob)).await;
        let outcome = done.unwrap_or(Err(DriveError::Timeout(limit)));
        self.open &= outcome.is_ok();
        outcome?;
        Ok(self.answers.remove(&exchange).unwrap_or_default())
    }

    async fn converse(
        &mut self,
        exchange: u64,
        wanted: usize,
        blob: &dyn Fn(&Blob) -> io::Result<File>,
    ) -> Result<(), DriveError> {
        self.flush(blob).await?;
        if self.by_turns {
            self.take_turn().await?;
        }
        while !self.is_done(exchange, wanted) {
            if !self.open {
                let why = self.abandoned.take().map_or_else(String::new, |why| format!(": {why}"));
                return Err(DriveError::Closed(why));
            }
            self.read_some().await?;
            self.flush(blob).await?;
        }
        Ok(())
    }

    /// Reads until the application is silent, then says that we are done, so that its answer has an end.
    async fn take_turn(&mut self) -> Result<(), DriveError> {
        const SILENCE: Duration = Duration::from_millis(200);
        let mut patience = Duration::MAX;
        while self.open {
            match tokio::time::timeout(patience, self.read_some()).await {
                Ok(read) => read?,
                Err(_) => break,
            }
            patience = SILENCE;
        }
        if self.open && self.stream.half_close(false).await.is_ok() {
            let mut effects = Vec::new();
            self.guest.end(Side::Client, now(), &mut effects)?;
            self.perform(effects)?;
        }
        Ok(())
    }

    fn is_done(&self, exchange: u64, wanted: usize) -> bool {
        self.answers.get(&exchange).is_none_or(|answer| {
            // One response may be an interim one: streams have been recorded with several.
            answer.complete || ((wanted != 1 || self.multiplexed) && answer.responses.len() >= wanted)
        })
    }

    async fn read_some(&mut self) -> Result<(), DriveError> {
        let mut effects = Vec::new();
        let mut buffer = Buffer::take();
        let read = match self.stream.readable().await {
            Ok(()) => self.stream.try_read(&mut buffer),
            Err(error) => Err(error),
        };
        match read {
            Ok(n @ 1..) => {
                self.guest.feed(Side::Server, now(), &buffer[..n], &mut effects)?;
                self.guest.begins_tls(Mode::Drive)?;
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Ok(0) | Err(_) => {
                self.open = false;
                self.guest.end(Side::Server, now(), &mut effects)?;
            }
        }
        drop(buffer);
        Ok(self.perform(effects)?)
    }

    fn perform(&mut self, effects: Vec<Effect>) -> Result<(), Failure> {
        for effect in effects {
            match effect {
                Effect::Reply { exchange, response, at } => {
                    let response = self.guest.complete(response)?;
                    if let Some(answer) = self.answers.get_mut(&exchange) {
                        answer.responses.push((response, at));
                    }
                }
                Effect::Close { exchange } => {
                    if let Some(answer) = self.answers.get_mut(&exchange) {
                        answer.complete = true;
                    }
                }
                Effect::Abandon { reason, .. } => {
                    self.open = false;
                    self.abandoned = Some(reason);
                }
                Effect::Write { data, .. } => self.out.push(Out::Bytes(data)),
                Effect::WriteBlob { blob, .. } => {
                    let known =
                        self.blobs.get(&blob).ok_or_else(|| Failure::Trap(format!("there is no blob {blob}")))?;
                    self.out.push(Out::Blob(*known));
                }
                Effect::Finish { .. } => self.out.push(Out::Finish),
                Effect::Open { .. }
                | Effect::OpenInbound { .. }
                | Effect::Serves { .. }
                | Effect::ServesNoMore { .. }
                | Effect::Tell { .. }
                | Effect::SetPace(_)
                | Effect::LeaveEncrypted { .. }
                | Effect::Withhold { .. } => {}
                Effect::Keep { .. } | Effect::KeepBytes { .. } | Effect::UpgradeTls { .. } => {
                    unreachable!("taken out by `Guest`")
                }
            }
        }
        Ok(())
    }

    /// Writes what is due. The application may answer, or close, before it has read everything: that is no error here.
    async fn flush(&mut self, blob: &dyn Fn(&Blob) -> io::Result<File>) -> Result<(), DriveError> {
        for out in std::mem::take(&mut self.out) {
            let written = match out {
                Out::Bytes(bytes) => self.write(&bytes).await?,
                Out::Blob(known) => self.write_file(blob(&known).map_err(DriveError::Blob)?).await?,
                Out::Finish => self.stream.half_close(false).await,
            };
            if let Err(error) = written {
                tracing::debug!(%error, "the application stopped reading");
            }
        }
        Ok(())
    }

    /// A recorded body, in pieces.
    async fn write_file(&mut self, mut file: File) -> Result<io::Result<()>, DriveError> {
        let mut buffer = Buffer::take();
        loop {
            let n = file.read(&mut buffer).map_err(DriveError::Blob)?;
            if n == 0 {
                return Ok(Ok(()));
            }
            if let Err(error) = self.write(&buffer[..n]).await? {
                return Ok(Err(error));
            }
        }
    }

    /// Writes while reading: an application that echoes must not be waited for while it waits for us.
    async fn write(&mut self, mut data: &[u8]) -> Result<io::Result<()>, DriveError> {
        while !data.is_empty() {
            match self.stream.try_write(data) {
                Ok(n) => data = &data[n..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let either = if self.open { Interest::READABLE | Interest::WRITABLE } else { Interest::WRITABLE };
                    match self.stream.ready(either).await {
                        Ok(ready) if ready.is_readable() && self.open => self.read_some().await?,
                        Ok(_) => {}
                        Err(error) => return Ok(Err(error)),
                    }
                }
                Err(error) => return Ok(Err(error)),
            }
        }
        Ok(Ok(()))
    }
}
