//! The smallest relay that there can be: it tells outgoing connections where they were going, passes incoming ones on, and
//! tells DNS clients whom they asked.
use std::{
    io::{self, Write as _},
    net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket},
    os::fd::AsFd as _,
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use intercept::{DNS_SLOTS, Kernel, Ports, Steered};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use socket2::{Domain, SockRef, Socket, Type};

pub struct Relay {
    ingress: [TcpListener; 2],
    egress: [TcpListener; 2],
    dns: Arc<Vec<[UdpSocket; 2]>>,
    /// The clients that were steered here.
    steered: Arc<Mutex<Vec<SocketAddr>>>,
    /// Where outgoing connections were going.
    origins: Arc<Mutex<Vec<Option<SocketAddr>>>>,
}

impl Relay {
    pub fn bind(owner: u32) -> Self {
        let [v4, v6] = [SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), SocketAddr::from((Ipv6Addr::LOCALHOST, 0))];
        let udp = |addr| UdpSocket::bind(addr).expect("a port");
        let mut dns: Vec<_> = (0..DNS_SLOTS).map(|_| [udp(v4), udp(v6)]).collect();
        // Each slot's IPv6 port is the next one's IPv4 port, as far as they are free: families number theirs apart.
        for slot in 1..dns.len() {
            let port = dns[slot][0].local_addr().expect("bound").port();
            if let Ok(socket) = UdpSocket::bind((Ipv6Addr::LOCALHOST, port)) {
                dns[slot - 1][1] = socket;
            }
        }
        Self {
            ingress: [listen(v4, owner), listen(v6, owner)],
            egress: [listen(v4, owner), listen(v6, owner)],
            dns: Arc::new(dns),
            steered: Arc::default(),
            origins: Arc::default(),
        }
    }

    pub fn ports(&self) -> Ports {
        let tcp = |listener: &TcpListener| listener.local_addr().expect("bound").port();
        let udp = |socket: &UdpSocket| socket.local_addr().expect("bound").port();
        Ports {
            egress4: tcp(&self.egress[0]),
            egress6: Some(tcp(&self.egress[1])),
            dns: self.dns.iter().map(|[v4, v6]| (udp(v4), Some(udp(v6)))).collect(),
        }
    }

    pub fn steered(&self) -> Steered<'_> {
        Steered { ingress4: self.ingress[0].as_fd(), ingress6: Some(self.ingress[1].as_fd()) }
    }

    /// How many clients were steered here, and was this one?
    pub fn has_steered(&self, client: SocketAddr) -> bool {
        let client = SocketAddr::new(client.ip().to_canonical(), client.port());
        self.steered.lock().expect("no holder panics").contains(&client)
    }
    pub fn count_steered(&self) -> usize {
        self.steered.lock().expect("no holder panics").len()
    }
    pub fn origins(&self) -> Vec<Option<SocketAddr>> {
        self.origins.lock().expect("no holder panics").clone()
    }

    pub fn start(&self, kernel: &Kernel) {
        for listener in &self.egress {
            let (kernel, origins) = (kernel.clone(), self.origins.clone());
            serve(listener, move |mut app, peer| {
                let origin = kernel.take_origin(peer).map(|origin| origin.address);
                origins.lock().expect("no holder panics").push(origin);
                app.write_all(origin.map_or("nowhere\n".into(), |origin| format!("{origin}\n")).as_bytes())
            });
        }
        for listener in &self.ingress {
            let (kernel, steered) = (kernel.clone(), self.steered.clone());
            serve(listener, move |client, peer| {
                let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
                steered.lock().expect("no holder panics").push(peer);
                let kernel = kernel.clone();
                thread::spawn(move || {
                    if pass_on(&kernel, &client, peer).is_err() {
                        // It stopped listening a moment ago: the client gets the reset that it would have got.
                        let _ = SockRef::from(&client).set_linger(Some(Duration::ZERO));
                    }
                });
                Ok(())
            });
        }
        let (kernel, dns) = (kernel.clone(), self.dns.clone());
        thread::spawn(move || answer_questions(&kernel, &dns));
    }
}

/// Threads end with the test program.
fn serve(listener: &TcpListener, handle: impl Fn(TcpStream, SocketAddr) -> io::Result<()> + Send + 'static) {
    let listener = listener.try_clone().expect("a descriptor");
    thread::spawn(move || {
        loop {
            if let Ok((stream, peer)) = listener.accept() {
                let _ = handle(stream, peer);
            }
        }
    });
}

/// A steered connection. Its local address is the address that was dialled: nothing has to be looked up.
fn pass_on(kernel: &Kernel, client: &TcpStream, peer: SocketAddr) -> io::Result<()> {
    let dialled = client.local_addr()?;
    let socket = Socket::new(Domain::for_address(dialled), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&SocketAddr::new(dialled.ip(), 0).into())?;
    let source = socket.local_addr()?.as_socket().expect("an internet address");
    let _through = kernel.let_through(source, dialled, peer, socket.cookie()?)?;
    socket.connect(&dialled.into())?;
    let application = TcpStream::from(socket);
    let (from, to) = (client.try_clone()?, application.try_clone()?);
    let there = thread::spawn(move || copy(&from, &to));
    copy(&application, client);
    let _ = there.join();
    Ok(())
}

fn copy(mut from: &TcpStream, mut to: &TcpStream) {
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}

fn answer_questions(kernel: &Kernel, dns: &[[UdpSocket; 2]]) {
    loop {
        let sockets = dns.as_flattened();
        let mut readable: Vec<_> =
            sockets.iter().map(|socket| PollFd::new(socket.as_fd(), PollFlags::POLLIN)).collect();
        let _ = poll(&mut readable, PollTimeout::NONE);
        for (n, socket) in sockets.iter().enumerate().filter(|(n, _)| readable[*n].any() == Some(true)) {
            let _ = answer(kernel, socket, n / 2);
        }
    }
}

/// Real questions get real answers; anything else gets the resolver's address.
fn answer(kernel: &Kernel, socket: &UdpSocket, slot: usize) -> io::Result<usize> {
    let mut buffer = [0; 4096];
    let (n, peer) = socket.recv_from(&mut buffer)?;
    let resolver = kernel.resolver(slot).map_or("nobody".into(), |resolver| resolver.to_string());
    let answer = crate::dns::answer(&buffer[..n]).unwrap_or_else(|| resolver.into_bytes());
    socket.send_to(&answer, peer)
}

fn listen(addr: SocketAddr, owner: u32) -> TcpListener {
    let made = || {
        let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
        socket.set_reuse_address(true)?;
        socket.set_reuse_port(true)?;
        std::os::unix::fs::fchown(&socket, Some(owner), None)?;
        socket.bind(&addr.into())?;
        socket.listen(65535)?;
        io::Result::Ok(socket.into())
    };
    made().expect("a listener on the loopback")
}
