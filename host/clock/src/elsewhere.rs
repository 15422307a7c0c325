//! Machines that the clock is not there for.
use std::{io, os::unix::net::UnixStream};

use crate::{Clock, Uncovered, Unsupported};

/// There is none on this machine.
#[derive(Debug)]
pub struct Filter(std::convert::Infallible);

impl Filter {
    /// # Errors
    /// Always.
    pub fn install() -> Result<Self, Unsupported> {
        Err(Unsupported::Machine)
    }

    /// There is none to hand over.
    ///
    /// # Errors
    /// Never: it can't be called.
    pub fn hand_over(self, _socket: &UnixStream) -> io::Result<()> {
        match self.0 {}
    }

    /// # Errors
    /// Always.
    pub fn receive(_socket: &UnixStream) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// There is none to wait for.
    ///
    /// # Errors
    /// Never: it can't be called.
    pub fn ended(&self) -> io::Result<()> {
        match self.0 {}
    }
}

/// # Errors
/// Never: it can't be called.
pub fn supervise(
    filter: Filter,
    _clock: Clock,
    _child: Option<u32>,
    _report: impl Fn(Uncovered) + Send + Sync + 'static,
) -> Result<Filter, Unsupported> {
    match filter.0 {}
}
