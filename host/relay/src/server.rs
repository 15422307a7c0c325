//! The workers: accept what the kernel steers here, and start a task for each connection.
use std::{
    cell::RefCell,
    io,
    net::{SocketAddr, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{net::TcpStream, task::LocalSet};

use crate::{
    Answers, Common, ConnectionInfo, Direction, Listeners, Origin, Sink,
    along::Along,
    backlog::Backlog,
    dns_server,
    drive::{self, Dialled, LetThrough},
    mock, now,
    pump::{self, Moved},
    stream::{Stream, reset},
    tls::{self, Encrypted, Redial, TakenOff},
};

/// What the relay does with what arrives.
#[derive(Clone)]
pub enum Server {
    /// Forward, and record.
    Record(Arc<dyn Sink>),
    /// Answer; nothing leaves.
    Replay(Arc<dyn Answers>),
}

/// A [`Server`] at work.
#[derive(Clone)]
pub(crate) enum Role {
    /// What is recorded is read from the backlog.
    Record(Arc<Backlog>),
    Replay(Arc<dyn Answers>),
}

/// The running relay. Its threads end with the process.
pub struct Relay {
    shared: Arc<Shared>,
}

struct Shared {
    common: Common,
    role: Role,
    active: Arc<AtomicUsize>,
    ids: AtomicU64,
}

impl Relay {
    /// Starts the workers.
    ///
    /// # Errors
    /// When sockets or threads cannot be had.
    pub fn start(common: Common, server: Server, listeners: Listeners) -> io::Result<Self> {
        if let Server::Replay(answers) = &server {
            for (host, port, how) in answers.out_of_reach() {
                if let Ok(ip) = host.parse() {
                    common.interception.refuse(SocketAddr::new(ip, port), &how);
                }
            }
        }
        let owner = common.owner;
        let others: Vec<Listeners> =
            (1..common.workers).map(|_| listeners.another(owner)).collect::<io::Result<_>>()?;
        let role = match server {
            Server::Record(sink) => {
                let backlog = Backlog::new(sink);
                let read = backlog.clone();
                std::thread::Builder::new().name("reader".to_owned()).spawn(move || read.read())?;
                Role::Record(backlog)
            }
            Server::Replay(answers) => Role::Replay(answers),
        };
        let shared = Arc::new(Shared { common, role, active: Arc::default(), ids: AtomicU64::new(0) });
        for (n, listeners) in std::iter::once(listeners).chain(others).enumerate() {
            let shared = shared.clone();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            std::thread::Builder::new()
                .name(format!("relay {n}"))
                .spawn(move || LocalSet::new().block_on(&runtime, work(listeners, shared)))?;
        }
        Ok(Self { shared })
    }

    /// Connections that are open now.
    pub fn active(&self) -> usize {
        self.shared.active.load(Ordering::Acquire)
    }

    /// Waits until no connection is open, or the time is over; and until what has crossed them is read. False: some are
    /// still open.
    pub async fn drained(&self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        while self.active() > 0 && Instant::now() <= deadline {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let ended = self.active() == 0;
        if let Role::Record(backlog) = &self.shared.role {
            backlog.read_up().await;
        }
        ended
    }
}

async fn work(listeners: Listeners, shared: Arc<Shared>) {
    for listener in [Some(listeners.ingress4), listeners.ingress6].into_iter().flatten() {
        tokio::task::spawn_local(accept(listener, shared.clone(), Direction::Incoming));
    }
    for listener in [Some(listeners.egress4), listeners.egress6].into_iter().flatten() {
        tokio::task::spawn_local(accept(listener, shared.clone(), Direction::Outgoing));
    }
    for (slot, (v4, v6)) in listeners.dns.into_iter().enumerate() {
        for socket in [Some(v4), v6].into_iter().flatten() {
            let (common, role) = (shared.common.clone(), shared.role.clone());
            tokio::task::spawn_local(dns_server::serve_udp(socket, slot, common, role));
        }
    }
    std::future::pending().await
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, direction: Direction) {
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(%error, "a listener could not be used"),
    };
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let (shared, active) = (shared.clone(), Active::new(&shared.active));
                tokio::task::spawn_local(async move {
                    match direction {
                        Direction::Incoming => incoming(&shared, stream, peer).await,
                        Direction::Outgoing => outgoing(&shared, stream, peer).await,
                    }
                    drop(active);
                });
            }
            Err(error) => {
                // Out of descriptors, most likely: connections wait in the backlog until some are closed.
                tracing::warn!(%error, "accepting");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }
}

/// Counts a connection while it lives, also when its task panics.
struct Active(Arc<AtomicUsize>);
impl Active {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::AcqRel);
        Self(count.clone())
    }
}
impl Drop for Active {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Shared {
    fn connection(&self, direction: Direction, Origin { address, socket }: Origin) -> Arc<ConnectionInfo> {
        let address = SocketAddr::new(address.ip().to_canonical(), address.port());
        let host = match direction {
            Direction::Incoming => address.ip().to_string(),
            Direction::Outgoing => self.common.names.of(address.ip()),
        };
        let id = self.ids.fetch_add(1, Ordering::Relaxed) + 1;
        Arc::new(ConnectionInfo { id, socket, direction, address, host, tls: None })
    }
}

/// A steered connection. Its local address is the address that was dialled: nothing has to be looked up.
async fn incoming(shared: &Shared, client: TcpStream, peer: SocketAddr) {
    let Ok(dialled) = client.local_addr() else { return };
    // The application sees the real client's address (see `intercept`).
    let Dialled { stream: app, through, socket } =
        match drive::dial(&shared.common.interception, dialled, Some(peer)).await {
            Ok(dialled) => dialled,
            Err(error) => {
                // It stopped listening a moment ago: the client gets the reset that it would have got.
                tracing::debug!(%error, %dialled, "the application did not accept");
                return reset(&client);
            }
        };
    match &shared.role {
        Role::Record(backlog) => {
            let info = shared.connection(Direction::Incoming, Origin { address: dialled, socket });
            record(shared, backlog, info, client, app, (&ToApplication { shared, dialled, peer }, Some(through))).await;
        }
        // Somebody else's request, not a test: it gets its answer and is no business of ours.
        Role::Replay(_) => {
            let (client, app) = (Stream::Plain(client), Stream::Plain(app));
            pump::run(&client, &app, None).await;
            drop(through); // before the port is free for others
        }
    }
}

/// A connection of the application's.
async fn outgoing(shared: &Shared, app: TcpStream, peer: SocketAddr) {
    let Some(origin) = shared.common.interception.origin(peer) else {
        tracing::warn!(%peer, "a connection came with no original destination; it was closed");
        return reset(&app);
    };
    let address = origin.address;
    if address.port() == 53 {
        return Box::pin(dns_server::serve_tcp(app, address, &shared.common, &shared.role)).await;
    }
    let info = shared.connection(Direction::Outgoing, origin);
    let backlog = match &shared.role {
        Role::Record(backlog) => backlog,
        Role::Replay(answers) => return Box::pin(mock::serve(app, info, &shared.common, &**answers)).await,
    };
    let started = now();
    match TcpStream::connect(address).await {
        Ok(upstream) => {
            let _ = upstream.set_nodelay(true);
            record(shared, backlog, info, app, upstream, (&ToUpstream(address), None)).await;
        }
        Err(error) => {
            backlog.sink().unreachable(&info, started, how(&error));
            reset(&app);
        }
    }
}

async fn record(
    shared: &Shared,
    backlog: &Arc<Backlog>,
    info: Arc<ConnectionInfo>,
    client: TcpStream,
    server: TcpStream,
    (again, through): (&impl Redial, Option<LetThrough>),
) {
    backlog.sink().connected(&info);
    let tap = RefCell::new(Along::new(info.clone(), shared.common.clone(), backlog.clone()));
    let (client, server) = (Stream::Plain(client), Stream::Plain(server));
    let Moved::ToTls(first) = pump::run(&client, &server, Some(&tap)).await else {
        return drop(through); // before the port is free for others
    };
    let (Stream::Plain(client), Stream::Plain(server)) = (client, server) else {
        return tap.borrow_mut().left_on("there is TLS inside TLS".to_owned());
    };
    // With nothing said before the handshake, the server can be dialled once more.
    let again = tap.borrow_mut().in_step().is_some_and(|tap| !tap.is_reading()).then_some(again);
    // In a box of its own: what has no TLS needs no memory for it.
    let encrypted = Encrypted { client, server, first };
    Box::pin(record_inside(shared, &tap, &info, encrypted, again)).await;
}

/// Takes TLS off, if it can be, and goes on with what is inside.
async fn record_inside(
    shared: &Shared,
    tap: &RefCell<Along>,
    info: &ConnectionInfo,
    encrypted: Encrypted,
    again: Option<&impl Redial>,
) {
    match tls::take_off(&shared.common.tls, info, encrypted, again).await {
        TakenOff::Off { client, server, destination, name } => {
            if let Some(tap) = tap.borrow_mut().in_step() {
                tap.taken_off(destination.clone(), name);
            }
            if let Moved::ToTls(_) = pump::run(&client, &server, Some(tap)).await {
                tap.borrow_mut().left_on("there is TLS inside TLS".to_owned());
            }
            if again.is_some() && info.direction == Direction::Outgoing {
                shared.common.tls.ended(&destination, !tap.borrow().has_heard());
            }
        }
        TakenOff::LeftOn { client, server, first, why, through } => {
            tap.borrow_mut().left_on(why);
            let (client, server) = (Stream::Plain(client), Stream::Plain(server));
            if server.write_all(&first).await.is_ok() {
                pump::run(&client, &server, Some(tap)).await;
            }
            drop((server, through));
        }
        // Both sides see a connection that ended in its handshake.
        TakenOff::Broken(why) => tap.borrow_mut().left_on(why),
    }
}

/// Dials a dependency again.
struct ToUpstream(SocketAddr);

impl Redial for ToUpstream {
    async fn redial(&self) -> io::Result<(TcpStream, Option<LetThrough>)> {
        let upstream = TcpStream::connect(self.0).await?;
        upstream.set_nodelay(true)?;
        Ok((upstream, None))
    }
}

/// Dials the application again.
struct ToApplication<'a> {
    shared: &'a Shared,
    dialled: SocketAddr,
    peer: SocketAddr,
}

impl Redial for ToApplication<'_> {
    async fn redial(&self) -> io::Result<(TcpStream, Option<LetThrough>)> {
        let dialled = drive::dial(&self.shared.common.interception, self.dialled, Some(self.peer)).await;
        dialled.map(|Dialled { stream, through, .. }| (stream, Some(through)))
    }
}

/// The word that recordings use.
fn how(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "refused",
        io::ErrorKind::TimedOut => "timeout",
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => "reset",
        _ => "unreachable",
    }
}
