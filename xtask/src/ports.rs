//! Ports for servers of ours.

use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::command::{Failure, Result};

/// Below what the kernel gives to clients: it would give them one of ours between two starts of the server that it is for.
const OURS: std::ops::Range<u16> = 12_000..30_000;

/// How many of [`OURS`] this process has looked at.
static LOOKED_AT: AtomicUsize = AtomicUsize::new(0);

/// Ports that nobody listens on, all different. None is given twice before all were.
pub fn free_ports<const N: usize>() -> Result<[u16; N]> {
    let mut ports = [0; N];
    for port in &mut ports {
        *port = free_port()?;
    }
    Ok(ports)
}

/// The same, one.
pub fn free_port() -> Result<u16> {
    // Others like us may look for some at the same time, and begin elsewhere.
    let first = std::process::id() as usize;
    let next = || OURS.clone().nth((first + LOOKED_AT.fetch_add(1, Ordering::Relaxed)) % OURS.len());
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let port = OURS.filter_map(|_| next()).find(is_free);
    port.ok_or_else(|| Failure::new(format!("every port on 127.0.0.1 from {} to {} is taken", OURS.start, OURS.end)))
}
