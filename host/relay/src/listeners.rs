//! The sockets that the kernel side sends connections to.
use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket},
};

use socket2::{Domain, Protocol, Socket, Type};

/// One listener a family and direction, and two UDP sockets a DNS slot. No IPv6 where the machine has none.
pub struct Listeners {
    pub ingress4: TcpListener,
    pub ingress6: Option<TcpListener>,
    pub egress4: TcpListener,
    pub egress6: Option<TcpListener>,
    /// IPv4 and IPv6 of each slot.
    pub dns: Vec<(UdpSocket, Option<UdpSocket>)>,
}

impl Listeners {
    /// Binds all of them to free ports of the loopback. `owner`: whom the application runs as.
    ///
    /// # Errors
    /// When a socket cannot be had.
    pub fn bind(owner: u32, dns_slots: usize) -> io::Result<Self> {
        let (v4, v6) = (SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), SocketAddr::from((Ipv6Addr::LOCALHOST, 0)));
        let has_v6 = TcpListener::bind(v6).is_ok();
        let tcp6 = || has_v6.then(|| tcp(v6, owner)).transpose();
        let dns = (0..dns_slots).map(|_| Ok((udp(v4)?, has_v6.then(|| udp(v6)).transpose()?)));
        Ok(Self {
            ingress4: tcp(v4, owner)?,
            ingress6: tcp6()?,
            egress4: tcp(v4, owner)?,
            egress6: tcp6()?,
            dns: dns.collect::<io::Result<_>>()?,
        })
    }

    /// Listeners on the same ports, for another worker: the kernel spreads connections over all of them.
    pub(crate) fn another(&self, owner: u32) -> io::Result<Self> {
        let same = |listener: &TcpListener| tcp(listener.local_addr()?, owner);
        Ok(Self {
            ingress4: same(&self.ingress4)?,
            ingress6: self.ingress6.as_ref().map(same).transpose()?,
            egress4: same(&self.egress4)?,
            egress6: self.egress6.as_ref().map(same).transpose()?,
            dns: Vec::new(),
        })
    }
}

fn udp(addr: SocketAddr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind(addr)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// A steered connection occupies the application's port, with the options and the owner of the listener that accepted
/// it. They must be such that the application can still bind: to start again, or to start another worker.
///
/// The backlog is the largest there is: the application's own one is no longer what a burst meets.
fn tcp(addr: SocketAddr, owner: u32) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    std::os::unix::fs::fchown(&socket, Some(owner), None)?;
    socket.bind(&addr.into())?;
    // What it accepts has this from it: a system call less for each connection.
    socket.set_tcp_nodelay(true)?;
    socket.listen(65535)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}
