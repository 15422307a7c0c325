//! Takes the place of a dependency: reads the application's requests through a guest, writes recorded answers.
use std::{collections::HashMap, fs::File, io::Read as _, sync::Arc};

use keploy_value::{Blob, Value};
use plugins::{Connection, Detected, Effect, Failure, Mode, Peer, Plugin, Side};
use tokio::net::TcpStream;

use crate::{
    Answer, Answers, Common, ConnectionInfo,
    blob::HashOnly,
    guest::Guest,
    now,
    pump::{Buffer, half_close, reset, write_all},
};

/// Serves one connection to its end.
pub(crate) async fn serve(stream: TcpStream, info: Arc<ConnectionInfo>, common: &Common, answers: &dyn Answers) {
    let is_it = |(host, port, _): &(String, u16, String)| (host, *port) == (&info.host, info.address.port());
    if answers.out_of_reach().iter().any(is_it) {
        // The kernel could not be told in time: a reset comes nearest.
        return reset(&stream);
    }
    let mut first = Vec::new();
    let plugin = match choose(&stream, &info, common, answers, &mut first).await {
        Ok(plugin) => plugin,
        Err(reason) => {
            answers.unanswered(&info, &reason);
            return reset(&stream);
        }
    };
    let mut mock = match Mock::new(plugin, &info, common, answers) {
        Ok(mock) => mock,
        Err(failure) => {
            answers.unanswered(&info, &failure.to_string());
            return reset(&stream);
        }
    };
    if let Err(broken) = converse(&stream, &mut mock, &first).await {
        if let Broken::Guest(failure) = broken {
            answers.unanswered(&info, &failure.to_string());
        }
        reset(&stream);
    }
}

enum Broken {
    /// The application is gone: nothing to say.
    Socket,
    Guest(Failure),
}
impl From<std::io::Error> for Broken {
    fn from(_: std::io::Error) -> Self {
        Self::Socket
    }
}
impl From<Failure> for Broken {
    fn from(failure: Failure) -> Self {
        Self::Guest(failure)
    }
}

async fn converse(stream: &TcpStream, mock: &mut Mock<'_>, first: &[u8]) -> Result<(), Broken> {
    mock.call(|connection, effects| connection.start(now(), effects))?;
    mock.flush(stream).await?;
    if !first.is_empty() {
        mock.feed(first)?;
        mock.flush(stream).await?;
    }
    loop {
        stream.readable().await?;
        let mut buffer = Buffer::take();
        match stream.try_read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => mock.feed(&buffer[..n])?,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error.into()),
        }
        drop(buffer);
        mock.flush(stream).await?;
    }
    mock.end()?;
    mock.flush(stream).await?;
    Ok(half_close(stream)?)
}

/// The parser that was used for this destination; else the one that recognises what the application says.
async fn choose(
    stream: &TcpStream,
    info: &ConnectionInfo,
    common: &Common,
    answers: &dyn Answers,
    first: &mut Vec<u8>,
) -> Result<Arc<Plugin>, String> {
    let recorded = answers.protocols(info);
    if let [protocol] = &recorded[..] {
        return common.registry.get(protocol).cloned().ok_or_else(|| {
            format!("it was recorded as {protocol}, for which there is no parser\nhint: --plugins DIR adds parsers")
        });
    }
    // Several protocols, or none: the application has to speak first.
    let peer = Peer { host: info.host.clone(), port: info.address.port() };
    loop {
        let mut buffer = Buffer::take();
        let gone = |_| "the application closed it without a word".to_owned();
        stream.readable().await.map_err(gone)?;
        match stream.try_read(&mut buffer) {
            Ok(0) => {
                let found = common.registry.detect_now(&peer, first, &[]);
                return found.ok_or_else(|| "the application closed it without a word".to_owned());
            }
            Ok(n) => first.extend_from_slice(&buffer[..n]),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
            Err(error) => return Err(gone(error)),
        }
        match common.registry.detect(&peer, first, &[]) {
            Detected::Plugin(plugin) => return Ok(plugin),
            Detected::More(_) if first.len() < 16 << 10 => {}
            _ => return Err("no parser recognises what the application says".to_owned()),
        }
    }
}

struct Mock<'a> {
    info: &'a ConnectionInfo,
    answers: &'a dyn Answers,
    protocol: String,
    /// Requests have no end of their own: each is asked about as it grows.
    partial: bool,
    guest: Guest,
    out: Vec<Out>,
    /// Recorded bodies, by the number that the guest knows them by.
    blobs: HashMap<u64, Blob>,
}

/// What is to be written, in order.
enum Out {
    Bytes(Vec<u8>),
    File(File),
    Finish,
}

impl<'a> Mock<'a> {
    fn new(
        plugin: Arc<Plugin>,
        info: &'a ConnectionInfo,
        common: &Common,
        answers: &'a dyn Answers,
    ) -> Result<Self, Failure> {
        let peer = Peer { host: info.host.clone(), port: info.address.port() };
        let manifest = &plugin.manifest;
        let connection = plugin.connect(Mode::Mock, &peer, &(common.config)(&manifest.protocol))?;
        Ok(Self {
            info,
            answers,
            protocol: manifest.protocol.clone(),
            partial: plugin.has_partial_requests(),
            guest: Guest::new(connection, Box::new(|| Ok(Box::new(HashOnly::default())))),
            out: Vec::new(),
            blobs: HashMap::new(),
        })
    }

    fn feed(&mut self, data: &[u8]) -> Result<(), Failure> {
        let mut effects = Vec::new();
        self.guest.feed(Side::Client, now(), data, &mut effects)?;
        self.perform(effects)
    }
    fn end(&mut self) -> Result<(), Failure> {
        let mut effects = Vec::new();
        self.guest.end(Side::Client, now(), &mut effects)?;
        self.perform(effects)
    }
    fn call(
        &mut self,
        f: impl FnOnce(&mut Connection, &mut Vec<Effect>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut effects = Vec::new();
        f(self.guest.connection(), &mut effects)?;
        self.perform(effects)
    }

    /// Does what the guest asks, each thing with all that follows from it before the next.
    fn perform(&mut self, effects: Vec<Effect>) -> Result<(), Failure> {
        for effect in effects {
            match effect {
                Effect::Open { exchange, request, facts, at } => {
                    let request = self.guest.complete(request)?;
                    let request = Value::from_cbor(&request).map_err(|error| Failure::Trap(error.to_string()))?;
                    let answer = if self.partial {
                        let found = self.answers.answer_partial(self.info, &self.protocol, &facts, request);
                        found.map_or_else(|| Answer::Miss("not complete".to_owned()), Answer::Recorded)
                    } else {
                        self.answers.answer(self.info, &self.protocol, &facts, request, at)
                    };
                    match answer {
                        Answer::Recorded(responses) => {
                            let responses: Vec<_> = responses.into_iter().map(|r| self.number_blobs(r)).collect();
                            self.call(|connection, effects| connection.answer(exchange, &responses, effects))?;
                        }
                        Answer::Miss(reason) => {
                            self.call(|connection, effects| connection.miss(exchange, &reason, effects))?;
                        }
                    }
                }
                Effect::Write { data, .. } => match self.out.last_mut() {
                    Some(Out::Bytes(bytes)) => bytes.extend_from_slice(&data),
                    _ => self.out.push(Out::Bytes(data)),
                },
                Effect::WriteBlob { blob, .. } => {
                    let known =
                        self.blobs.get(&blob).ok_or_else(|| Failure::Trap(format!("there is no blob {blob}")))?;
                    let file = self.answers.blob(known).map_err(|error| Failure::Trap(error.to_string()))?;
                    self.out.push(Out::File(file));
                }
                Effect::Finish { .. } => self.out.push(Out::Finish),
                Effect::Abandon { reason, .. } => self.answers.unanswered(self.info, &reason),
                Effect::Reply { .. } | Effect::Close { .. } | Effect::SetPace(_) => {}
                Effect::Keep { .. } | Effect::KeepBytes { .. } => unreachable!("taken out by `Guest`"),
            }
        }
        Ok(())
    }

    fn number_blobs(&mut self, document: Vec<u8>) -> Vec<u8> {
        number_blobs(document, &mut self.blobs)
    }

    async fn flush(&mut self, stream: &TcpStream) -> Result<(), Broken> {
        for out in std::mem::take(&mut self.out) {
            write(stream, out).await?;
        }
        Ok(())
    }
}

async fn write(stream: &TcpStream, out: Out) -> Result<(), Broken> {
    match out {
        Out::Bytes(bytes) => write_all(stream, &bytes).await?,
        Out::File(file) => write_file(stream, file).await?,
        Out::Finish => half_close(stream)?,
    }
    Ok(())
}

/// A recorded body, in pieces.
///
/// # Errors
/// When the peer is gone or the file cannot be read.
async fn write_file(stream: &TcpStream, mut file: File) -> std::io::Result<()> {
    let mut buffer = Buffer::take();
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(()),
            n => write_all(stream, &buffer[..n]).await?,
        }
    }
}

/// Gives the blobs of a recorded document numbers that the guest can refer to them by.
pub(crate) fn number_blobs(document: Vec<u8>, blobs: &mut HashMap<u64, Blob>) -> Vec<u8> {
    /// CBOR's head of the blob tag: a document without these bytes has none.
    const TAG: [u8; 3] = [0xd9, 0x6b, 0x62];
    if !document.windows(3).any(|bytes| bytes == TAG) {
        return document;
    }
    let Ok(mut value) = Value::from_cbor(&document) else { return document };
    value.for_each_blob(&mut |blob| {
        // Far from the numbers that the guest gets for bodies it has kept itself.
        blob.id = (1 << 32) + blobs.len() as u64;
        blobs.insert(blob.id, *blob);
    });
    value.to_cbor()
}
