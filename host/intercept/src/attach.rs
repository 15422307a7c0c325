//! Loads the eBPF programs and attaches them to a new cgroup.
use std::{
    fs::File,
    io, mem,
    net::IpAddr,
    os::fd::{AsFd, AsRawFd as _, BorrowedFd},
    panic::resume_unwind,
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
};

use aya::{
    Btf, Ebpf, EbpfLoader,
    maps::{HashMap, SockMap},
    programs::{
        BtfTracePoint, CgroupAttachMode, CgroupSkb, CgroupSkbAttachType, CgroupSock, CgroupSockAddr, Program,
        ProgramError, ProgramType, SkLookup, SockOps,
    },
    sys::{BpfHelper, is_helper_supported},
};
use nix::ifaddrs::getifaddrs;
use tokio::sync::mpsc;

use crate::{
    Application, Command, DNS_SLOTS, Error, Event, Kernel, Mode, Ports, Steered, Turns,
    address::words,
    check::check,
    events::{self, Reader},
    group::Group,
    kernel::take,
    launch, layout,
};

/// The built kernel side. `cargo xtask ebpf` makes it from `ebpf/`.
static OBJECT: &[u8] = aya::include_bytes_aligned!("../keploy.bpf.o");

/// The interception of one run. Dropping it ends the application and removes every trace.
pub struct Intercept {
    kernel: Kernel,
    group: Arc<Group>,
    _reader: Reader,
    btf: Btf,
    /// Holds the attachments: links that nothing pins.
    ebpf: Ebpf,
}

impl Intercept {
    /// Makes a cgroup and attaches the programs to it. The events are those of the applications launched in it.
    ///
    /// # Errors
    /// When the machine lacks something, or the kernel refuses a program.
    pub fn attach(
        mode: Mode,
        ports: &Ports,
        steered: &Steered<'_>,
    ) -> Result<(Self, mpsc::UnboundedReceiver<Event>), Error> {
        check()?;
        let group = Group::create()?;
        let ahead = AHEAD.lock().unwrap_or_else(PoisonError::into_inner).take();
        let (loader, btf) = ahead.unwrap_or_else(Description::read).wait()?;
        let mut ebpf = load(loader, mode, ports, steered)?;
        settle(&mut ebpf, ports, steered)?;
        attach(&mut ebpf, group.as_fd(), &btf)?;
        let kernel = Kernel::new(&mut ebpf)?;
        let (reader, event_rx) =
            events::read(take(&mut ebpf, "EVENTS")?).map_err(Error::system("cannot read the kernel's events"))?;
        Ok((Self { kernel, group: Arc::new(group), _reader: reader, btf, ebpf }, event_rx))
    }

    /// The handle that the relay wants.
    pub fn kernel(&self) -> Kernel {
        self.kernel.clone()
    }

    /// From now on the kernel tells which threads use the connections that the relay gets. Once; it ends with what is
    /// returned.
    ///
    /// # Errors
    /// When it can't: before Linux 6.3 there is nothing in the kernel to learn it from.
    pub fn watch_threads(&mut self) -> Result<Turns, Error> {
        let btf = &self.btf;
        for (program, point) in [("on_sent", "sock_send_length"), ("on_received", "sock_recv_length")] {
            with(&mut self.ebpf, program, |p: &mut BtfTracePoint| {
                p.load(point, btf).and_then(|()| p.attach().map(drop))
            })?;
        }
        let (ring, lost) = (take(&mut self.ebpf, "TURNS")?, take(&mut self.ebpf, "TURNS_LOST")?);
        Turns::read(ring, lost).map_err(Error::system("cannot read which threads use which connection"))
    }

    /// Starts the application. Returns when it runs. The cgroup ends with the application: for another one, attach again.
    ///
    /// # Errors
    /// When it cannot be started. That its command does not exist is known only when the shell exits: see
    /// [`crate::describe`].
    pub fn launch(&self, command: &Command) -> Result<Application, Error> {
        launch::launch(command, &self.group)
    }
}

impl Drop for Intercept {
    fn drop(&mut self) {
        // Before the programs are detached: nothing lives on half intercepted.
        self.group.kill();
    }
}

/// The kernel's description of itself, being read: the loader keeps one, and we need one, too. That takes 20 ms each, so both
/// are read at once.
struct Description {
    loader: JoinHandle<EbpfLoader<'static>>,
    btf: JoinHandle<Result<Btf, aya::BtfError>>,
}

/// What [`read_ahead`] began and no [`Intercept`] has taken.
static AHEAD: Mutex<Option<Description>> = Mutex::new(None);

/// Begins what [`Intercept::attach`] would wait for, on threads of its own. For who has other things to do first.
pub fn read_ahead() {
    *AHEAD.lock().unwrap_or_else(PoisonError::into_inner) = Some(Description::read());
}

impl Description {
    fn read() -> Self {
        Self { loader: thread::spawn(EbpfLoader::new), btf: thread::spawn(Btf::from_sys_fs) }
    }

    fn wait(self) -> Result<(EbpfLoader<'static>, Btf), Error> {
        let loader = self.loader.join().unwrap_or_else(|panic| resume_unwind(panic));
        let btf = self.btf.join().unwrap_or_else(|panic| resume_unwind(panic));
        Ok((loader, btf.map_err(aya::EbpfError::from)?))
    }
}

fn load(loader: EbpfLoader<'static>, mode: Mode, ports: &Ports, steered: &Steered<'_>) -> Result<Ebpf, Error> {
    let (egress4, egress6) = (u32::from(ports.egress4), u32::from(ports.egress6.unwrap_or(0)));
    let cookie = netns_cookie(steered.ingress4).map_err(Error::system("cannot ask for the network namespace"))?;
    let replay = u32::from(mode == Mode::Replay);
    // Without it (before 5.18) the call is dead code, which the verifier does not look at. In doubt, do without.
    let helper = is_helper_supported(ProgramType::CgroupSockAddr, BpfHelper::BPF_FUNC_set_retval);
    let can_fail_connect = u32::from(helper.unwrap_or(false));
    let mut loader: EbpfLoader<'_> = loader; // it borrows these now
    loader
        .override_global("EGRESS_PORT4", &egress4, true)
        .override_global("EGRESS_PORT6", &egress6, true)
        .override_global("NETNS_COOKIE", &cookie, true)
        .override_global("REPLAY", &replay, true)
        .override_global("CAN_FAIL_CONNECT", &can_fail_connect, true);
    Ok(loader.load(OBJECT)?)
}

/// Fills the maps that only we write.
fn settle(ebpf: &mut Ebpf, ports: &Ports, steered: &Steered<'_>) -> Result<(), Error> {
    let mut relay: SockMap<_> = ebpf.map_mut("RELAY").ok_or(Error::Missing("RELAY"))?.try_into()?;
    relay.set(0, &steered.ingress4, 0)?;
    if let Some(ingress6) = steered.ingress6 {
        relay.set(1, &ingress6, 0)?;
    }

    // Addresses that the machine gets later are not known: a connection of the application to itself by such an address
    // is taken for one to another machine.
    let mut local: HashMap<_, [u32; 4], u32> = ebpf.map_mut("LOCAL").ok_or(Error::Missing("LOCAL"))?.try_into()?;
    for interface in getifaddrs().map_err(Error::system("cannot list the machine's addresses"))? {
        let Some(address) = interface.address else { continue };
        let v4 = address.as_sockaddr_in().map(|a| IpAddr::from(a.ip()));
        if let Some(ip) = v4.or(address.as_sockaddr_in6().map(|a| IpAddr::from(a.ip()))) {
            local.insert(words(ip), 1, 0)?;
        }
    }

    for (slot, (port4, port6)) in (0..).zip(ports.dns.iter().take(DNS_SLOTS)) {
        for (key, port, is_v4) in [(2 * slot, Some(*port4), true), (2 * slot + 1, *port6, false)] {
            let Some(port) = port.map(u32::from) else { continue };
            let mut forth: HashMap<_, u32, u32> =
                ebpf.map_mut("UDP_PORT").ok_or(Error::Missing("UDP_PORT"))?.try_into()?;
            forth.insert(key, port, 0)?;
            let mut back: HashMap<_, u32, u32> =
                ebpf.map_mut("UDP_PORT_SLOT").ok_or(Error::Missing("UDP_PORT_SLOT"))?.try_into()?;
            back.insert(layout::udp_port_key(port, is_v4), slot, 0)?;
        }
    }
    Ok(())
}

/// By links, which live beside the programs of parent cgroups and end with this process.
fn attach(ebpf: &mut Ebpf, group: BorrowedFd<'_>, btf: &Btf) -> Result<(), Error> {
    const ALONE: CgroupAttachMode = CgroupAttachMode::Single; // which for links means "beside others"
    for name in [
        "on_connect4",
        "on_connect6",
        "on_sendmsg4",
        "on_sendmsg6",
        "on_recvmsg4",
        "on_recvmsg6",
        "on_getpeername4",
        "on_getpeername6",
    ] {
        with(ebpf, name, |p: &mut CgroupSockAddr| p.load().and_then(|()| p.attach(group, ALONE).map(drop)))?;
    }
    for name in ["on_bound4", "on_bound6"] {
        with(ebpf, name, |p: &mut CgroupSock| p.load().and_then(|()| p.attach(group, ALONE).map(drop)))?;
    }
    with(ebpf, "on_tcp", |p: &mut SockOps| p.load().and_then(|()| p.attach(group, ALONE).map(drop)))?;
    with(ebpf, "on_egress", |p: &mut CgroupSkb| {
        p.load().and_then(|()| p.attach(group, CgroupSkbAttachType::Egress, ALONE).map(drop))
    })?;
    with(ebpf, "on_state", |p: &mut BtfTracePoint| {
        p.load("inet_sock_set_state", btf).and_then(|()| p.attach().map(drop))
    })?;
    // The thread's, as it was for the relay's sockets.
    let netns = File::open("/proc/thread-self/ns/net").map_err(Error::system("cannot open the network namespace"))?;
    with(ebpf, "steer", |p: &mut SkLookup| p.load().and_then(|()| p.attach(netns).map(drop)))
}

fn with<'a, P: 'a>(
    ebpf: &'a mut Ebpf,
    name: &'static str,
    f: impl FnOnce(&'a mut P) -> Result<(), ProgramError>,
) -> Result<(), Error>
where
    &'a mut P: TryFrom<&'a mut Program, Error = ProgramError>,
{
    let program = ebpf.program_mut(name).ok_or(Error::Missing(name))?;
    program.try_into().and_then(f).map_err(|source| Error::Program { name, source })
}

/// The cookie of the network namespace that a socket lives in.
fn netns_cookie(socket: BorrowedFd<'_>) -> io::Result<u64> {
    let (mut cookie, mut size) = (0_u64, mem::size_of::<u64>() as libc::socklen_t);
    // SAFETY: both pointers are valid and `size` is the size of `cookie`.
    let done = unsafe {
        let (cookie, size) = ((&raw mut cookie).cast(), &raw mut size);
        libc::getsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, libc::SO_NETNS_COOKIE, cookie, size)
    };
    if done == 0 { Ok(cookie) } else { Err(io::Error::last_os_error()) }
}
