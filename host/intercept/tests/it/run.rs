//! An application under interception, with the relay.
use std::{
    env,
    ffi::OsString,
    io::{self, BufRead as _, BufReader, Read as _},
    net::{SocketAddr, TcpListener, TcpStream, UdpSocket},
    os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
    path::PathBuf,
    process::{self, ExitStatus},
    sync::atomic::{AtomicU16, Ordering},
    time::Duration,
};

use intercept::{Application, Command, Event, Intercept, Kernel, Mode, Stdio, User};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tokio::{runtime, sync::mpsc, time::timeout};

use crate::relay::Relay;

/// For what takes milliseconds: long enough on a busy machine, short enough to fail.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub struct Run {
    pub relay: Relay,
    pub application: Application,
    pub kernel: Kernel,
    event_rx: mpsc::UnboundedReceiver<Event>,
    runtime: runtime::Runtime,
    // Last: the application ends before its interception does.
    _intercept: Intercept,
}

impl Run {
    /// This program, as the application that `app.rs` describes.
    pub fn app(mode: Mode, arguments: &str) -> Self {
        Self::shell(mode, &app(arguments))
    }

    /// Any command.
    pub fn shell(mode: Mode, shell: &str) -> Self {
        Self::start(mode, 0, command(shell))
    }

    /// `owner`: whom the application runs as when it listens.
    pub fn start(mode: Mode, owner: u32, command: Command) -> Self {
        Self::prepared(mode, owner, command, |_| ())
    }

    /// `prepare` happens before the application runs.
    pub fn prepared(mode: Mode, owner: u32, command: Command, prepare: impl FnOnce(&Kernel)) -> Self {
        let relay = Relay::bind(owner);
        let (intercept, event_rx) = Intercept::attach(mode, &relay.ports(), &relay.steered()).expect("attached");
        relay.start(&intercept.kernel());
        prepare(&intercept.kernel());
        let application = intercept.launch(&command).expect("launched");
        let runtime = runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        Self { relay, application, kernel: intercept.kernel(), event_rx, runtime, _intercept: intercept }
    }

    pub fn next_event(&mut self) -> Event {
        let next = async { timeout(PATIENCE, self.event_rx.recv()).await };
        self.runtime.block_on(next).expect("an event in time").expect("the events go on")
    }

    /// Waits until the application listens, and says where.
    pub fn listening(&mut self) -> SocketAddr {
        loop {
            if let Event::Listening { addr, .. } = self.next_event() {
                return addr;
            }
        }
    }

    pub fn wait(&self) -> ExitStatus {
        let exited = async { timeout(PATIENCE, self.application.wait()).await };
        self.runtime.block_on(exited).expect("the application exits")
    }

    pub fn terminate(&self, grace: Duration) -> ExitStatus {
        self.runtime.block_on(self.application.terminate(grace))
    }

    /// Everything the application writes until it ends, both streams.
    pub fn output(&mut self) -> String {
        let mut output = self.application.take_output().expect("taken once");
        let mut text = String::new();
        output.stdout.read_to_string(&mut text).expect("text");
        output.stderr.read_to_string(&mut text).expect("text");
        self.wait();
        text
    }
}

/// A command that runs as whoever runs the tests.
pub fn command(shell: &str) -> Command {
    Command {
        shell: shell.into(),
        directory: env::current_dir().expect("there is one"),
        user: root(),
        environment: Vec::new(),
        output: Stdio::Pipe,
        overlays: Vec::new(),
        scratch: None,
        clock: None,
    }
}

pub fn root() -> User {
    User { uid: 0, gid: 0, groups: vec![0], name: "root".into(), home: PathBuf::from("/root") }
}

/// The shell command for `app.rs`.
pub fn app(arguments: &str) -> String {
    format!("exec '{}' app {arguments}", this_program().display())
}

pub fn this_program() -> PathBuf {
    env::current_exe().expect("Linux knows")
}

/// Connects, asks, and returns the answer's line with the asker's own address.
pub fn ask(addr: SocketAddr, question: &str) -> io::Result<(SocketAddr, String)> {
    ask_over(TcpStream::connect_timeout(&addr, PATIENCE)?, question)
}

pub fn ask_over(mut stream: TcpStream, question: &str) -> io::Result<(SocketAddr, String)> {
    stream.set_read_timeout(Some(PATIENCE))?;
    io::Write::write_all(&mut stream, format!("{question}\n").as_bytes())?;
    let mut line = String::new();
    BufReader::new(&stream).read_line(&mut line)?;
    Ok((stream.local_addr()?, line.trim_end().to_owned()))
}

/// A TCP port that nobody listens on: below those that the kernel hands out, because a client that dials one of those in a
/// loop will one day be given the same as its own, and is connected to itself.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 12_000 + (process::id() % 100) as u16 * 200;
    loop {
        let port = first + NEXT.fetch_add(1, Ordering::Relaxed) % 200;
        if TcpListener::bind(("0.0.0.0", port)).is_ok() && TcpListener::bind(("::", port)).is_ok() {
            return port;
        }
    }
}

/// Somebody else's UDP service on this machine.
pub fn outsider() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    socket
}

/// An address of this machine that is not loopback, if it has one.
pub fn own_address() -> Option<std::net::IpAddr> {
    // Nothing is sent: the kernel only chooses the source address.
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("198.51.100.1:9").ok()?;
    socket.local_addr().ok().map(|addr| addr.ip()).filter(|ip| !ip.is_unspecified())
}

/// A process that can be waited for, without being its parent and without taking another one for it.
pub struct Process(OwnedFd);

impl Process {
    pub fn open(pid: u32) -> Self {
        // SAFETY: a system call without pointers.
        let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
        assert!(fd >= 0, "process {pid}: {}", io::Error::last_os_error());
        // SAFETY: it is new and ours.
        Self(unsafe { OwnedFd::from_raw_fd(fd as i32) })
    }

    pub fn kill(&self, signal: i32) {
        // SAFETY: the descriptor is open, and a null siginfo is allowed.
        let done = unsafe {
            libc::syscall(
                libc::SYS_pidfd_send_signal,
                self.0.as_raw_fd(),
                signal,
                std::ptr::null::<libc::siginfo_t>(),
                0,
            )
        };
        assert_eq!(done, 0, "{}", io::Error::last_os_error());
    }

    /// Is it gone within the time?
    pub fn ends(&self) -> bool {
        let mut one = [PollFd::new(std::os::fd::AsFd::as_fd(&self.0), PollFlags::POLLIN)];
        poll(&mut one, PollTimeout::try_from(PATIENCE).expect("fits")).expect("polled") == 1
    }
}

/// `name=value` pairs for [`Command::environment`].
pub fn set(name: &str, value: &str) -> (OsString, Option<OsString>) {
    (name.into(), Some(value.into()))
}
