//! Takes the place of a dependency: reads the application's requests through a guest, writes recorded answers.
mod begin;

use std::{collections::HashMap, fs::File, io::Read as _, sync::Arc};

use keploy_value::{Blob, Value};
use plugins::{Connection, Effect, Failure, Mode, Peer, Plugin, Side};
use tokio::{net::TcpStream, sync::mpsc, task::JoinSet};

use crate::{
    Answer, Answers, Common, ConnectionInfo,
    blob::HashOnly,
    guest::Guest,
    now,
    pump::Buffer,
    stream::Stream,
    takers::{Outcome, Sending, Takers},
    tls,
};

/// Serves one connection to its end.
pub(crate) async fn serve(socket: TcpStream, info: Arc<ConnectionInfo>, common: &Common, answers: &dyn Answers) {
    let stream = Stream::Plain(socket);
    let is_it = |(host, port, _): &(String, u16, String)| (host, *port) == (&info.host, info.address.port());
    if answers.out_of_reach().iter().any(is_it) {
        // The kernel could not be told in time: a reset comes nearest.
        return stream.reset();
    }
    let spoken = answers.protocols(&info);
    let mut first = Vec::new();
    let (stream, encrypted) = match begin::begin(stream, &info, common, &spoken, &mut first).await {
        Ok(begun) => begun,
        Err(reason) => return answers.unanswered(&info, &reason),
    };
    let plugin = match begin::choose(&stream, encrypted, &info, common, &spoken, &mut first).await {
        Ok(plugin) => plugin,
        Err(reason) => {
            answers.unanswered(&info, &reason);
            return stream.reset();
        }
    };
    let _taken_back = TakesBack { takers: &common.takers, connection: info.id };
    let mut mock = match Mock::new(plugin, encrypted, &info, common, answers) {
        Ok(mock) => mock,
        Err(failure) => {
            answers.unanswered(&info, &failure.to_string());
            return stream.reset();
        }
    };
    match converse(&stream, &mut mock, &first).await {
        Ok(None) => {}
        Ok(Some(hello)) => {
            let Stream::Plain(socket) = stream else {
                return answers.unanswered(&info, "the parser asked for TLS inside TLS");
            };
            match tls::be_server(&common.tls, &info, socket, hello, &[]).await {
                Ok(stream) => finish(&stream, &mut mock, &info, answers).await,
                Err(reason) => answers.unanswered(&info, &reason),
            }
        }
        Err(broken) => broken_off(&stream, broken, &info, answers),
    }
}

/// What is said inside TLS that began in mid-stream.
async fn finish(stream: &Stream, mock: &mut Mock<'_>, info: &ConnectionInfo, answers: &dyn Answers) {
    match read_on(stream, mock).await {
        Ok(None) => {}
        Ok(Some(_)) => answers.unanswered(info, "the parser asked for TLS inside TLS"),
        Err(broken) => broken_off(stream, broken, info, answers),
    }
}

/// When the connection is over, nobody takes anything on it.
struct TakesBack<'a> {
    takers: &'a Takers,
    connection: u64,
}

impl Drop for TakesBack<'_> {
    fn drop(&mut self) {
        self.takers.remove_all(self.connection);
    }
}

fn broken_off(stream: &Stream, broken: Broken, info: &ConnectionInfo, answers: &dyn Answers) {
    if let Broken::Guest(failure) = broken {
        answers.unanswered(info, &failure.to_string());
    }
    stream.reset();
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

/// Some: TLS begins here; so much of it was read already.
async fn converse(stream: &Stream, mock: &mut Mock<'_>, first: &[u8]) -> Result<Option<Vec<u8>>, Broken> {
    mock.start(stream).await?;
    mock.flush(stream).await?;
    if !first.is_empty() {
        let tls = mock.feed(stream, first).await?;
        mock.flush(stream).await?;
        if let Some(seen) = tls {
            return Ok(Some(first[seen..].to_vec()));
        }
    }
    read_on(stream, mock).await
}

async fn read_on(stream: &Stream, mock: &mut Mock<'_>) -> Result<Option<Vec<u8>>, Broken> {
    loop {
        tokio::select! {
            ready = stream.readable() => ready?,
            held = next_held(&mut mock.held) => {
                mock.answer_held(stream, held).await?;
                mock.flush(stream).await?;
                continue;
            }
            // The mock has a sender itself: there is always one.
            Some(sending) = mock.sending_rx.recv() => {
                mock.send(stream, sending).await?;
                mock.flush(stream).await?;
                continue;
            }
        }
        let mut buffer = Buffer::take();
        match stream.try_read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => {
                if let Some(seen) = mock.feed(stream, &buffer[..n]).await? {
                    mock.flush(stream).await?;
                    return Ok(Some(buffer[seen..n].to_vec()));
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error.into()),
        }
        drop(buffer);
        mock.flush(stream).await?;
    }
    mock.end(stream).await?;
    mock.flush(stream).await?;
    stream.half_close(false).await?;
    Ok(None)
}

/// The answer whose time has come; as long as there is none, this waits.
async fn next_held(held: &mut Option<JoinSet<Held>>) -> Held {
    while let Some(held) = held.as_mut()
        && let Some(done) = held.join_next().await
    {
        // One that failed has no time.
        if let Ok(answer) = done {
            return answer;
        }
    }
    std::future::pending().await
}

struct Mock<'a> {
    info: &'a Arc<ConnectionInfo>,
    answers: &'a dyn Answers,
    protocol: String,
    /// Requests have no end of their own: each is asked about as it grows.
    partial: bool,
    /// Answers that are to be given later, while other exchanges go on. None: exchanges wait for each other.
    held: Option<JoinSet<Held>>,
    guest: Guest,
    out: Vec<Out>,
    /// Recorded bodies, by the number that the guest knows them by.
    blobs: HashMap<u64, Blob>,
    takers: &'a Takers,
    sending_tx: mpsc::UnboundedSender<Sending>,
    sending_rx: mpsc::UnboundedReceiver<Sending>,
    /// What was sent, by number, and who waits for what comes of it.
    sent: HashMap<u64, mpsc::UnboundedSender<Outcome>>,
    /// The number of what was sent last.
    last_sent: u64,
}

/// Far from the numbers that the guest gives to what it opens.
const SENT: u64 = 1 << 32;

/// An exchange, and the recorded responses.
type Held = (u64, Vec<Vec<u8>>);

/// What is to be written, in order.
enum Out {
    Bytes(Vec<u8>),
    File(File),
    Finish,
}

impl<'a> Mock<'a> {
    fn new(
        plugin: Arc<Plugin>,
        encrypted: bool,
        info: &'a Arc<ConnectionInfo>,
        common: &'a Common,
        answers: &'a dyn Answers,
    ) -> Result<Self, Failure> {
        let peer = Peer { host: info.host.clone(), port: info.address.port(), encrypted };
        let manifest = &plugin.manifest;
        let connection = plugin.connect(Mode::Mock, &peer, &(common.config)(&manifest.protocol))?;
        let (sending_tx, sending_rx) = mpsc::unbounded_channel();
        common.takers.join(info.id, &manifest.protocol, sending_tx.clone());
        Ok(Self {
            info,
            answers,
            protocol: manifest.protocol.clone(),
            partial: plugin.has_partial_requests(),
            held: plugin.is_multiplexed().then(JoinSet::new),
            guest: Guest::new(connection, Box::new(|| Ok(Box::new(HashOnly::default())))),
            out: Vec::new(),
            blobs: HashMap::new(),
            takers: &common.takers,
            sending_tx,
            sending_rx,
            sent: HashMap::new(),
            last_sent: SENT,
        })
    }

    /// Some: TLS begins after so many of the bytes.
    async fn feed(&mut self, stream: &Stream, data: &[u8]) -> Result<Option<usize>, Broken> {
        let mut effects = Vec::new();
        let seen = self.guest.feed(Side::Client, now(), data, &mut effects)?;
        self.perform(stream, effects).await?;
        Ok(self.guest.begins_tls(Mode::Mock)?.then_some(seen))
    }
    async fn end(&mut self, stream: &Stream) -> Result<(), Broken> {
        let mut effects = Vec::new();
        self.guest.end(Side::Client, now(), &mut effects)?;
        self.perform(stream, effects).await
    }
    async fn start(&mut self, stream: &Stream) -> Result<(), Broken> {
        let effects = self.ask(|connection, effects| connection.start(now(), effects))?;
        self.perform(stream, effects).await
    }

    /// What the guest wants done, without what is the host's own.
    fn ask(
        &mut self,
        f: impl FnOnce(&mut Connection, &mut Vec<Effect>) -> Result<(), Failure>,
    ) -> Result<Vec<Effect>, Failure> {
        let mut effects = Vec::new();
        f(self.guest.connection(), &mut effects)?;
        self.guest.take_ours(&mut effects)?;
        Ok(effects)
    }

    /// Does what the guest asks, each thing with all that follows from it before the next. However long a pipeline of
    /// requests is, nothing is nested: what is still to be done waits here.
    async fn perform(&mut self, stream: &Stream, effects: Vec<Effect>) -> Result<(), Broken> {
        let mut to_do = vec![effects.into_iter()];
        while let Some(next) = to_do.last_mut() {
            let Some(effect) = next.next() else {
                to_do.pop();
                continue;
            };
            if next.len() == 0 {
                to_do.pop();
            }
            let follows = match effect {
                Effect::Open { exchange, request, facts, at } => {
                    match self.look_up(request, &facts, at)? {
                        Answer::Recorded(responses) => self.answer(exchange, responses)?,
                        Answer::Later(responses) => match &mut self.held {
                            Some(held) => {
                                held.spawn(async move { (exchange, responses.await) });
                                Vec::new()
                            }
                            None => {
                                // What was said before it need not wait.
                                self.flush(stream).await?;
                                self.answer(exchange, responses.await)?
                            }
                        },
                        Answer::Miss(reason) => {
                            self.ask(|connection, effects| connection.miss(exchange, &reason, effects))?
                        }
                    }
                }
                effect => {
                    self.perform_one(effect)?;
                    Vec::new()
                }
            };
            to_do.push(follows.into_iter());
        }
        Ok(())
    }

    fn look_up(&mut self, request: Vec<u8>, facts: &plugins::Facts, at: u64) -> Result<Answer, Failure> {
        let request = self.guest.complete(request)?;
        let request = Value::from_cbor(&request).map_err(|error| Failure::Trap(error.to_string()))?;
        if self.partial {
            let found = self.answers.answer_partial(self.info, &self.protocol, facts, request);
            return Ok(found.map_or_else(|| Answer::Miss("not complete".to_owned()), Answer::Recorded));
        }
        Ok(self.answers.answer(self.info, &self.protocol, facts, request, at))
    }

    async fn answer_held(&mut self, stream: &Stream, (exchange, responses): Held) -> Result<(), Broken> {
        let effects = self.answer(exchange, responses)?;
        self.perform(stream, effects).await
    }

    /// What the server sent of itself; or what another connection of this parser told.
    async fn send(&mut self, stream: &Stream, Sending { request, outcome_tx }: Sending) -> Result<(), Broken> {
        let Some(outcome_tx) = outcome_tx else {
            let mut effects = self.ask(|connection, effects| connection.send(0, &request, effects))?;
            // They would never stop.
            effects.retain(|effect| !matches!(effect, Effect::Tell { .. }));
            return self.perform(stream, effects).await;
        };
        self.last_sent += 1;
        let exchange = self.last_sent;
        self.sent.insert(exchange, outcome_tx);
        let request = self.number_blobs(Arc::unwrap_or_clone(request));
        let effects = self.ask(|connection, effects| connection.send(exchange, &request, effects))?;
        self.perform(stream, effects).await
    }

    /// Whoever sent it may have given up.
    fn tell(&self, exchange: u64, outcome: Outcome) {
        if let Some(outcome_tx) = self.sent.get(&exchange) {
            let _ = outcome_tx.send(outcome);
        }
    }

    fn answer(&mut self, exchange: u64, responses: Vec<Vec<u8>>) -> Result<Vec<Effect>, Failure> {
        let responses: Vec<_> = responses.into_iter().map(|r| self.number_blobs(r)).collect();
        self.ask(|connection, effects| connection.answer(exchange, &responses, effects))
    }

    fn perform_one(&mut self, effect: Effect) -> Result<(), Failure> {
        match effect {
            Effect::Open { .. } => unreachable!("answered by `perform`"),
            Effect::Write { data, .. } => match self.out.last_mut() {
                Some(Out::Bytes(bytes)) => bytes.extend_from_slice(&data),
                _ => self.out.push(Out::Bytes(data)),
            },
            Effect::WriteBlob { blob, .. } => {
                let known = self.blobs.get(&blob).ok_or_else(|| Failure::Trap(format!("there is no blob {blob}")))?;
                let file = self.answers.blob(known).map_err(|error| Failure::Trap(error.to_string()))?;
                self.out.push(Out::File(file));
            }
            Effect::Finish { .. } => self.out.push(Out::Finish),
            Effect::Reply { exchange, response, at } => {
                let response = self.guest.complete(response)?;
                self.tell(exchange, Outcome::Response(response, at));
            }
            Effect::Close { exchange } => {
                self.tell(exchange, Outcome::Complete);
                self.sent.remove(&exchange);
            }
            Effect::Abandon { exchange, reason } if self.sent.contains_key(&exchange) => {
                self.tell(exchange, Outcome::Lost(reason));
                self.sent.remove(&exchange);
            }
            Effect::Abandon { reason, .. } => self.answers.unanswered(self.info, &reason),
            Effect::Serves { subject } => self.takers.add(self.info, subject, self.sending_tx.clone()),
            Effect::ServesNoMore { subject } => self.takers.remove(self.info.id, &subject),
            Effect::Tell { subject, message } => {
                self.takers.tell(self.info.id, &self.protocol, subject, message.into())
            }
            Effect::OpenInbound { .. }
            | Effect::SetPace(_)
            | Effect::LeaveEncrypted { .. }
            | Effect::Withhold { .. } => {}
            Effect::Keep { .. } | Effect::KeepBytes { .. } | Effect::UpgradeTls { .. } => {
                unreachable!("taken out by `Guest`")
            }
        }
        Ok(())
    }

    fn number_blobs(&mut self, document: Vec<u8>) -> Vec<u8> {
        number_blobs(document, &mut self.blobs)
    }

    async fn flush(&mut self, stream: &Stream) -> Result<(), Broken> {
        for out in std::mem::take(&mut self.out) {
            write(stream, out).await?;
        }
        Ok(())
    }
}

async fn write(stream: &Stream, out: Out) -> Result<(), Broken> {
    match out {
        Out::Bytes(bytes) => stream.write_all(&bytes).await?,
        Out::File(file) => write_file(stream, file).await?,
        Out::Finish => stream.half_close(false).await?,
    }
    Ok(())
}

/// A recorded body, in pieces.
///
/// # Errors
/// When the peer is gone or the file cannot be read.
async fn write_file(stream: &Stream, mut file: File) -> std::io::Result<()> {
    let mut buffer = Buffer::take();
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(()),
            n => stream.write_all(&buffer[..n]).await?,
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
