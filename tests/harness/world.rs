//! A network of its own for each test, and the servers that live in it.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc;
use std::thread::JoinHandle;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use tempfile::TempDir;

use crate::{Process, apps, file};

/// A network namespace with a loopback and one interface that leads nowhere, and a resolv.conf of its own.
///
/// Namespaces belong to threads: everything that is to happen in this world goes through [`World::inside`]. Programs
/// started there are killed with it, also when a test panics.
pub struct World {
    // Before the thread, so that the thread sees the end of its work and then ends.
    servers: Vec<Process>,
    jobs_tx: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    folder: TempDir,
    /// How far from the machine's time everything lives that is started here, as `at-time` wants it.
    offset: Option<&'static str>,
}

type Job = Box<dyn FnOnce() + Send>;

/// What tried to leave: packets over the interface that leads nowhere, and packets without any route.
#[derive(Debug, PartialEq, Eq, Default)]
pub struct Sent {
    pub packets: u64,
    pub without_route: u64,
}

impl World {
    /// With Redis on 6379, the rates service on 8085, and a resolver that knows them as `cache.test` and `rates.test`, and
    /// the rates also as `neighbour.test`, at the address of Redis.
    pub fn online() -> Self {
        Self::online_at(None)
    }

    /// The same at another time: `-365d3h` is a year and three hours ago.
    pub fn online_at(offset: Option<&'static str>) -> Self {
        let mut world = Self::new("nameserver 127.0.0.1\n");
        world.offset = offset;
        for (mut server, port) in [(redis(world.folder()), 6379), (upstream(), 8085), (resolver(), 53)] {
            let process = Process::start(&world, &mut server);
            process.wait_for_port(&world, port);
            world.servers.push(process);
        }
        world
    }

    /// With nobody in it. Its resolver's address is out there, where a question would be counted.
    pub fn offline() -> Self {
        Self::new("nameserver 192.0.2.53\n")
    }

    fn new(resolv_conf: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let resolv = folder.path().join("resolv.conf");
        std::fs::write(&resolv, resolv_conf).expect("the folder is ours");
        // test --closures--> this world's thread
        let (jobs_tx, jobs_rx) = mpsc::channel::<Job>();
        let (made_tx, made_rx) = mpsc::channel();
        let thread = std::thread::Builder::new().name("world".into()).spawn(move || {
            let made = enter(&resolv);
            let failed = made.is_err();
            made_tx.send(made).expect("new() waits");
            if !failed {
                jobs_rx.into_iter().for_each(|job| job());
            }
        });
        let thread = thread.expect("a thread");
        if let Err(error) = made_rx.recv().expect("the thread says how it went") {
            panic!("no namespace of our own: {error}\nhint: end-to-end tests run as root");
        }
        Self { servers: Vec::new(), jobs_tx: Some(jobs_tx), thread: Some(thread), folder, offset: None }
    }

    pub fn offset(&self) -> Option<&'static str> {
        self.offset
    }

    /// Where this test keeps its files.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs `work` in this world and hands over its result, or its panic. Threads it starts are in this world too.
    pub fn inside<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let (result_tx, result_rx) = mpsc::channel();
        let job = move || {
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
            let _nobody_waits = result_tx.send(result);
        };
        self.jobs_tx
            .as_ref()
            .expect("there until drop")
            .send(Box::new(job))
            .expect("the thread lives as long as we do");
        match result_rx.recv().expect("the thread lives as long as we do") {
            Ok(value) => value,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }

    /// Does anybody listen on `port`? Looked up, not tried: a connection would be one that the test did not mean.
    pub fn is_listened_on(&self, port: u16) -> bool {
        const LISTEN: &str = "0A";
        let address = format!(":{port:04X}");
        let listens = move |line: &str| {
            let mut columns = line.split_whitespace().skip(1);
            columns.next().is_some_and(|local| local.ends_with(&address)) && columns.nth(1) == Some(LISTEN)
        };
        self.inside(move || {
            let tables = ["/proc/thread-self/net/tcp", "/proc/thread-self/net/tcp6"];
            tables.iter().any(|table| std::fs::read_to_string(table).expect("procfs").lines().any(&listens))
        })
    }

    /// Since this world began.
    pub fn sent(&self) -> Sent {
        self.inside(|| {
            let read = |name: &str| std::fs::read_to_string(format!("/proc/thread-self/net/{name}")).expect("procfs");
            Sent { packets: transmitted(&read("dev")), without_route: no_routes(&read("snmp"), &read("snmp6")) }
        })
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.servers.clear();
        drop(self.jobs_tx.take());
        if let Some(thread) = self.thread.take() {
            let _its_panics_were_handed_over = thread.join();
        }
        if std::thread::panicking() && std::env::var_os("KEPLOY_TEST_KEEP").is_some() {
            eprintln!("kept: {}", self.folder.path().display());
            self.folder.disable_cleanup(true);
        }
    }
}

/// Puts the calling thread into new namespaces.
fn enter(resolv_conf: &Path) -> io::Result<()> {
    unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS)?;
    let nothing = None::<&str>;
    mount(nothing, "/", nothing, MsFlags::MS_REC | MsFlags::MS_PRIVATE, nothing)?;
    mount(Some(resolv_conf), "/etc/resolv.conf", nothing, MsFlags::MS_BIND, nothing)?;
    ip("link set lo up")?;
    // A cable whose other end nobody holds: there is a way out, so what takes it is counted.
    ip("link add out type veth peer name nowhere")?;
    for interface in ["out", "nowhere"] {
        // The kernel itself would send neighbour discovery.
        std::fs::write(format!("/proc/sys/net/ipv6/conf/{interface}/disable_ipv6"), "1")?;
        ip(&format!("link set {interface} arp off up"))?;
    }
    ip("address add 198.18.0.1/24 dev out")?;
    ip("route add default dev out")
}

fn ip(arguments: &str) -> io::Result<()> {
    let output = Command::new("ip").args(arguments.split(' ')).output()?;
    let said = || format!("ip {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    if output.status.success() { Ok(()) } else { Err(io::Error::other(said())) }
}

/// Packets sent over `out`, from /proc/net/dev: the tenth number of its line.
fn transmitted(dev: &str) -> u64 {
    let line = dev.lines().find_map(|line| line.trim_start().strip_prefix("out:")).expect("the interface is there");
    line.split_whitespace().nth(9).and_then(|n| n.parse().ok()).expect("a line of 16 numbers")
}

/// OutNoRoutes of /proc/net/snmp (a line of names, a line of numbers) and of snmp6 (a name and a number a line).
fn no_routes(snmp: &str, snmp6: &str) -> u64 {
    let mut ip = snmp.lines().filter_map(|line| line.strip_prefix("Ip: ")).map(str::split_whitespace);
    let (names, numbers) = (ip.next().expect("names"), ip.next().expect("numbers"));
    let v4 = names.zip(numbers).find(|(name, _)| *name == "OutNoRoutes").expect("a counter of IPv4").1;
    let v6 = snmp6.lines().find_map(|line| line.strip_prefix("Ip6OutNoRoutes")).expect("a counter of IPv6");
    [v4, v6].iter().map(|n| n.trim().parse::<u64>().expect("a number")).sum()
}

fn redis(folder: &Path) -> Command {
    let mut redis = Command::new("redis-server");
    redis.args(["--port", "6379", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir"]).arg(folder);
    redis
}

fn upstream() -> Command {
    let mut upstream = Command::new(apps::python());
    upstream.arg(file("apps/upstream.py"));
    upstream
}

fn resolver() -> Command {
    let mut dnsmasq = Command::new(PathBuf::from("/usr/sbin/dnsmasq"));
    dnsmasq.args(["--no-daemon", "--no-resolv", "--no-hosts", "--user=root", "--pid-file=", "--local=/test/"]);
    dnsmasq.args(["--listen-address=127.0.0.1", "--bind-interfaces"]);
    let names = ["rates.test/127.0.0.2", "cache.test/127.0.0.1", "neighbour.test/127.0.0.1"];
    // Servers that a test adds: databases, brokers, and one that speaks HTTPS.
    let added = ["db.test/127.0.0.1", "broker.test/127.0.0.1", "secure.test/127.0.0.1"];
    dnsmasq.args(names.iter().chain(&added).map(|name| format!("--address=/{name}")));
    dnsmasq
}
