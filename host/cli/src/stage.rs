//! What `record` and `test` share: the relay, the kernel side, and the application between them.
use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    os::fd::AsFd as _,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use ::tls::Tls;
use anyhow::Context as _;
use intercept::{Application, Event, Intercept, Kernel, Ports, Steered, Turns, User};
use plugins::Registry;
use relay::{Common, ConnectionInfo, Direction, Interception, Listeners, Names, Origin, Relay, Server};
use store::{Config, ParserSettings};
use tokio::sync::{mpsc, watch};

use crate::{exit::Failure, style, tls::TlsArguments};

/// The kernel side as the relay knows it.
struct Eyes(Kernel);

impl Interception for Eyes {
    fn origin(&self, peer: SocketAddr) -> Option<Origin> {
        self.0.take_origin(peer).map(|intercept::Origin { address, socket }| Origin { address, socket })
    }
    fn let_through(
        &self,
        source: SocketAddr,
        to: SocketAddr,
        client: SocketAddr,
        socket: u64,
    ) -> io::Result<Box<dyn Send>> {
        Ok(Box::new(self.0.let_through(source, to, client, socket)?))
    }
    fn resolver(&self, slot: usize) -> Option<SocketAddr> {
        self.0.resolver(slot)
    }
    fn refuse(&self, address: SocketAddr, how: &str) {
        let errno = match how {
            "refused" => libc::ECONNREFUSED,
            "timeout" => libc::ETIMEDOUT,
            "unreachable" => libc::EHOSTUNREACH,
            // The relay resets what arrives.
            _ => return,
        };
        if let Err(error) = self.0.refuse(address, errno) {
            tracing::warn!(%address, %error, "it was {how} when recorded, and will look reset");
        }
    }
}

/// For sending requests as anybody would: they arrive where those of clients do, and are recorded.
pub(crate) struct AsClient(Arc<dyn Interception>);

impl AsClient {
    pub fn common(common: &Common) -> Common {
        Common { interception: Arc::new(Self(common.interception.clone())), ..common.clone() }
    }
}

impl Interception for AsClient {
    fn origin(&self, peer: SocketAddr) -> Option<Origin> {
        self.0.origin(peer)
    }
    fn let_through(&self, _: SocketAddr, _: SocketAddr, _: SocketAddr, _: u64) -> io::Result<Box<dyn Send>> {
        Ok(Box::new(()))
    }
    fn resolver(&self, slot: usize) -> Option<SocketAddr> {
        self.0.resolver(slot)
    }
    fn refuse(&self, address: SocketAddr, how: &str) {
        self.0.refuse(address, how);
    }
}

/// Everything that is needed to run an application, until it is dropped.
pub(crate) struct Stage {
    pub common: Common,
    pub relay: Relay,
    pub application: Application,
    pub kernel: Kernel,
    listening: Arc<Mutex<BTreeMap<u16, SocketAddr>>>,
    /// Changes whenever the application starts or ends to listen.
    changed_rx: watch::Receiver<()>,
    /// Which threads use which connection; only while recording, and where the kernel tells.
    pub turns: Option<Turns>,
    // Dropped last: the cgroup goes with it.
    _intercept: Intercept,
}

/// What to put on the stage.
pub(crate) struct Plan {
    pub mode: intercept::Mode,
    pub command: String,
    pub output: intercept::Stdio,
    pub user: User,
    pub registry: Registry,
    pub config: Arc<Config>,
    /// What the recording brings along for parsers.
    pub settings: ParserSettings,
    pub tls: TlsArguments,
    /// What time it is for the application when it starts; none: what it is.
    pub clock: Option<u64>,
}

/// Begins what [`Stage::set`] would have to wait for. For commands that read other things first.
pub(crate) fn ahead() {
    intercept::read_ahead();
    ::tls::gather_entropy();
}

impl Stage {
    /// Attaches, starts the relay, launches the application. `server` is what the relay does.
    pub fn set(plan: Plan, server: Server) -> Result<Self, Failure> {
        let Plan { mode, command, output, user, registry, config, settings: kept, tls, clock } = plan;
        let tls = Arc::new(Tls::new(crate::tls::settings(&tls, &config, &registry)?)?);
        let owner = user.uid;
        let listeners = Listeners::bind(owner, intercept::DNS_SLOTS).context("opening the relay's sockets")?;
        let (mut intercept, events_rx) = attach(mode, &listeners)?;
        let turns = match mode {
            intercept::Mode::Record => watch_threads(&mut intercept),
            intercept::Mode::Replay => None,
        };
        let kernel = intercept.kernel();
        let (settings, parsers) = (config.clone(), registry.clone());
        let common = Common {
            interception: Arc::new(Eyes(kernel.clone())),
            registry,
            names: Arc::new(Names::default()),
            tls: tls.clone(),
            takers: Arc::default(),
            config: Arc::new(move |protocol: &str| crate::settings::of(protocol, &settings, &parsers, &kept)),
            owner,
            workers: std::thread::available_parallelism().map_or(1, usize::from).min(4),
        };
        let refusals = match &server {
            Server::Record(sink) => Some(sink.clone()),
            Server::Replay(_) => None,
        };
        let relay = Relay::start(common.clone(), server, listeners).context("starting the relay")?;
        let listening = Arc::new(Mutex::new(BTreeMap::new()));
        let (changed_tx, changed_rx) = watch::channel(());
        let (names, refusals) = (common.names.clone(), refusals);
        tokio::spawn(follow(events_rx, listening.clone(), changed_tx, move |address| {
            if let Some(sink) = &refusals {
                let host = names.of(address.ip());
                let direction = Direction::Outgoing;
                let connection = ConnectionInfo { id: 0, socket: 0, direction, address, host, tls: None };
                sink.unreachable(&connection, relay::now(), "refused");
            }
        }));
        let directory = std::env::current_dir().context("the current directory")?;
        let (trust, scratch) = crate::tls::trust(&tls, &config, &user, &directory)?;
        let application = intercept.launch(&intercept::Command {
            shell: command,
            directory,
            user,
            environment: trust.environment.into_iter().map(|(name, value)| (name, Some(value))).collect(),
            output,
            overlays: trust.overlays.into_iter().map(|overlay| (overlay.over, overlay.file)).collect(),
            scratch: Some(scratch),
            clock,
        })?;
        // Only now: the application keeps the limit that it would have without us.
        raise_descriptor_limit();
        Ok(Self { common, relay, application, kernel, listening, changed_rx, turns, _intercept: intercept })
    }

    /// Where the application listens on a port.
    pub fn listening(&self, port: u16) -> Option<SocketAddr> {
        lock(&self.listening).get(&port).copied()
    }

    /// All ports that the application listens on.
    pub fn ports(&self) -> Vec<u16> {
        lock(&self.listening).keys().copied().collect()
    }

    /// Waits until the application listens on all of these ports.
    pub async fn listens(&self, ports: &[u16]) {
        let mut changed_rx = self.changed_rx.clone();
        while !ports.iter().all(|port| self.listening(*port).is_some()) {
            if changed_rx.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// What the application sent past the relay: neither TCP nor DNS.
    pub fn say_uncaught(&self, what_happened: &str) {
        for uncaught in self.kernel.uncaught() {
            let intercept::Uncaught { to, protocol, times } = uncaught;
            style::say(format!("{what_happened}: {times} x {protocol} to {to}"));
        }
    }
}

fn attach(
    mode: intercept::Mode,
    listeners: &Listeners,
) -> Result<(Intercept, mpsc::UnboundedReceiver<Event>), Failure> {
    let port = |listener: &std::net::TcpListener| Ok::<_, io::Error>(listener.local_addr()?.port());
    let udp = |socket: &std::net::UdpSocket| Ok::<_, io::Error>(socket.local_addr()?.port());
    let dns = listeners.dns.iter().map(|(v4, v6)| Ok::<_, io::Error>((udp(v4)?, v6.as_ref().map(udp).transpose()?)));
    let ports = Ports {
        egress4: port(&listeners.egress4)?,
        egress6: listeners.egress6.as_ref().map(port).transpose()?,
        dns: dns.collect::<Result<_, _>>()?,
    };
    let steered = Steered {
        ingress4: listeners.ingress4.as_fd(),
        ingress6: listeners.ingress6.as_ref().map(|listener| listener.as_fd()),
    };
    Ok(Intercept::attach(mode, &ports, &steered)?)
}

/// Without it, calls of overlapping requests are told apart by their values, and by replays.
fn watch_threads(intercept: &mut Intercept) -> Option<Turns> {
    let turns = intercept.watch_threads();
    turns.inspect_err(|error| tracing::info!("which thread makes which call is not known: {error}")).ok()
}

/// kernel --listeners--> `listening`; destinations at which nobody listened go to `refused`
async fn follow(
    mut events_rx: mpsc::UnboundedReceiver<Event>,
    listening: Arc<Mutex<BTreeMap<u16, SocketAddr>>>,
    changed_tx: watch::Sender<()>,
    refused: impl Fn(SocketAddr) + Send,
) {
    let mut counts: BTreeMap<SocketAddr, usize> = BTreeMap::new();
    while let Some(event) = events_rx.recv().await {
        match event {
            Event::Listening { addr, .. } => {
                let count = counts.entry(addr).or_default();
                *count += 1;
                if lock(&listening).insert(addr.port(), addr).is_none() {
                    style::say(format!("application is listening on {addr}"));
                }
            }
            // One of several workers; the last one takes the port with it.
            Event::Closed { addr } => {
                let left = counts.get_mut(&addr).map_or(0, |count| {
                    *count = count.saturating_sub(1);
                    *count
                });
                if left == 0 {
                    lock(&listening).remove(&addr.port());
                }
            }
            Event::Refused { addr, .. } => refused(addr),
        }
        // Nobody may be waiting.
        let _ = changed_tx.send(());
    }
}

/// Each connection takes two descriptors.
fn raise_descriptor_limit() {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is valid for reading and writing during both calls.
    unsafe {
        if libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) == 0 {
            limit.rlim_cur = limit.rlim_max;
            libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit);
        }
    }
}

/// Ends with the first SIGINT or SIGTERM.
pub(crate) async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut int), Ok(mut term)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) else {
        return std::future::pending().await;
    };
    tokio::select! { _ = int.recv() => {}, _ = term.recv() => {} }
}

/// A runtime for everything but the relay's workers.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

/// The command to run: the argument, else keploy.yml's.
pub(crate) fn command(argument: Option<String>, config: &Config) -> Result<String, Failure> {
    let command = argument.unwrap_or_else(|| config.command.clone());
    if command.trim().is_empty() {
        return Err(Failure::words(
            crate::exit::Code::Usage,
            "there is no command to run\nhint: say it with -c \"python app.py\", or with `command:` in keploy.yml",
        ));
    }
    Ok(command)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
