//! What the relay asks of the kernel's maps, and tells them.
use std::{
    fmt, io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use aya::{
    Ebpf,
    maps::{HashMap, MapData, MapError},
};

use crate::{
    Error,
    layout::{Addr, Destination, End, Way},
};

/// A handle for the relay: cheap to clone, for every thread.
#[derive(Clone)]
pub struct Kernel(Arc<Maps>);

struct Maps {
    origin: Mutex<HashMap<MapData, Addr, End>>,
    direct: Mutex<HashMap<MapData, Way, End>>,
    fail: Mutex<HashMap<MapData, Addr, i32>>,
    resolvers: HashMap<MapData, u32, Addr>,
    uncaught: HashMap<MapData, Destination, u64>,
}

impl Kernel {
    pub(crate) fn new(ebpf: &mut Ebpf) -> Result<Self, Error> {
        Ok(Self(Arc::new(Maps {
            origin: Mutex::new(take(ebpf, "ORIGIN")?),
            direct: Mutex::new(take(ebpf, "DIRECT")?),
            fail: Mutex::new(take(ebpf, "FAIL")?),
            resolvers: take(ebpf, "UDP_SLOT")?,
            uncaught: take(ebpf, "UNCAUGHT")?,
        })))
    }

    /// Where the connection was going that the relay's egress listener accepted from `peer`. It is given once, and is there
    /// when `accept()` returns. None: somebody else connected to the relay.
    pub fn take_origin(&self, peer: SocketAddr) -> Option<Origin> {
        let mut map = locked(&self.0.origin);
        let key = peer.into();
        let origin = map.get(&key, 0).ok()?;
        // It is there: only this function removes entries, and it holds the lock.
        let _ = map.remove(&key);
        Some(Origin { address: origin.addr.into(), socket: origin.socket })
    }

    /// A connection of ours from `source` to the port of `to` goes to the application itself instead of the relay, and
    /// the application sees it come from `client`. To be called between `bind` and `connect`; to be dropped before the socket is
    /// closed, after which the port may be somebody else's. `socket` names the connection in [`crate::Turn`]s: the cookie
    /// (SO_COOKIE) of our end, which is no other socket's.
    ///
    /// # Errors
    /// When the kernel has no memory for it.
    pub fn let_through(
        &self,
        source: SocketAddr,
        to: SocketAddr,
        client: SocketAddr,
        socket: u64,
    ) -> io::Result<LetThrough> {
        let client = End { socket, addr: client.into(), zero: 0 };
        let way = Way { from: source.into(), to_port: to.port().into() };
        locked(&self.0.direct).insert(way, client, 0).map_err(io::Error::other)?;
        Ok(LetThrough { kernel: self.clone(), way })
    }

    /// From now on the application's `connect()` to `addr` fails with `errno`, unless the application itself listens there.
    /// On kernels before 5.18 programs cannot choose the errno: there the connection still goes to the relay.
    ///
    /// # Errors
    /// When `errno` does not say that an upstream cannot be reached (ECONNREFUSED, ETIMEDOUT, EHOSTUNREACH, ENETUNREACH),
    /// or when the kernel has no room: it keeps 4096 addresses.
    pub fn refuse(&self, addr: SocketAddr, errno: i32) -> io::Result<()> {
        match errno {
            libc::ECONNREFUSED | libc::ETIMEDOUT | libc::EHOSTUNREACH | libc::ENETUNREACH => {
                locked(&self.0.fail).insert(Addr::from(addr), errno, 0).map_err(io::Error::other)
            }
            _ => Err(io::ErrorKind::InvalidInput.into()),
        }
    }

    /// Undoes [`Kernel::refuse`]: connections to `addr` go to the relay again.
    pub fn allow(&self, addr: SocketAddr) {
        // Not there: it was never refused.
        let _ = locked(&self.0.fail).remove(&addr.into());
    }

    /// The resolver whose questions arrive at the ports of this slot of [`crate::Ports::dns`]. None: nobody was asked there.
    pub fn resolver(&self, slot: usize) -> Option<SocketAddr> {
        let slot = u32::try_from(slot).ok()?;
        self.0.resolvers.get(&slot, 0).ok().map(SocketAddr::from)
    }

    /// What went to other machines or processes and was not intercepted: passed in record, refused in replay.
    pub fn uncaught(&self) -> Vec<Uncaught> {
        let entries = self.0.uncaught.iter().flatten();
        let mut all: Vec<_> = entries.map(|(to, times)| Uncaught::new(to, times)).collect();
        all.sort_by_key(|uncaught| (uncaught.to, uncaught.protocol.0));
        all
    }
}

/// A connection of the application's, as the relay gets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Where it was going.
    pub address: SocketAddr,
    /// Names it in [`crate::Turn`]s: the cookie of the application's socket, which is no other socket's.
    pub socket: u64,
}

/// See [`Kernel::let_through`].
pub struct LetThrough {
    kernel: Kernel,
    way: Way,
}

impl Drop for LetThrough {
    fn drop(&mut self) {
        // Not there: evicted, because 16384 others came after it.
        let _ = locked(&self.kernel.0.direct).remove(&self.way);
    }
}

/// A destination that the relay cannot stand in for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uncaught {
    /// The port is 0 where the protocol has none.
    pub to: SocketAddr,
    pub protocol: Protocol,
    /// Packets; for TCP, connections.
    pub times: u64,
}

impl Uncaught {
    fn new(to: Destination, times: u64) -> Self {
        Self { to: to.addr.into(), protocol: Protocol(to.protocol as u8), times }
    }
}

/// The number of a protocol above IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Protocol(pub u8);

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            1 | 58 => f.write_str("ICMP"),
            6 => f.write_str("TCP"),
            17 => f.write_str("UDP"),
            132 => f.write_str("SCTP"),
            other => write!(f, "IP protocol {other}"),
        }
    }
}

/// Takes a map out of the object, as the type that it is.
pub(crate) fn take<M: TryFrom<aya::maps::Map, Error = MapError>>(
    ebpf: &mut Ebpf,
    name: &'static str,
) -> Result<M, Error> {
    Ok(ebpf.take_map(name).ok_or(Error::Missing(name))?.try_into()?)
}

/// The maps are in the kernel: a holder that panicked leaves nothing half done here.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
