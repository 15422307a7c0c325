//! One side of a connection: plain, or with TLS that we take off.
use std::{
    cell::{Cell, RefCell},
    io::{self, Read as _, Write as _},
    net::Shutdown,
    time::Duration,
};

use rustls::Connection;
use socket2::SockRef;
use tokio::{
    io::{Interest, Ready},
    net::TcpStream,
};

/// Try first, wait only when there is nothing: the same calls as on a socket.
pub(crate) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream>),
}

/// A handshake that is over, and the socket below it.
pub(crate) struct TlsStream {
    socket: TcpStream,
    session: RefCell<Connection>,
    /// The other side's end came without a word (`close_notify`): it is passed on so.
    cut: Cell<bool>,
    /// Bytes read from the socket that nobody has asked for yet: see [`Stream::take_raw`].
    raw: Cell<u64>,
}

impl Stream {
    pub fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(socket) => socket,
            Self::Tls(tls) => &tls.socket,
        }
    }

    pub fn is_plain(&self) -> bool {
        matches!(self, Self::Plain(_))
    }

    /// # Errors
    /// When the socket broke.
    pub async fn readable(&self) -> io::Result<()> {
        if let Self::Tls(tls) = self
            && tls.has_plaintext()?
        {
            return Ok(());
        }
        self.socket().readable().await
    }

    /// # Errors
    /// `WouldBlock` when nothing is there; else when the socket or TLS broke. 0 is the end.
    pub fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => read_what_is_there(socket, buffer),
            Self::Tls(tls) => tls.try_read(buffer),
        }
    }

    /// How many bytes were read from the socket, TLS's own included, since this was last asked; `read`: what [`Self::try_read`]
    /// has just returned.
    pub fn take_raw(&self, read: usize) -> u64 {
        match self {
            Self::Plain(_) => read as u64,
            Self::Tls(tls) => tls.raw.take(),
        }
    }

    /// # Errors
    /// `WouldBlock` when nothing can be taken; else when the socket or TLS broke.
    pub fn try_write(&self, data: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.try_write(data),
            Self::Tls(tls) => tls.try_write(data),
        }
    }

    /// # Errors
    /// When the peer is gone.
    pub async fn write_all(&self, mut data: &[u8]) -> io::Result<()> {
        while !data.is_empty() {
            let n = or_nothing(self.try_write(data))?;
            data = &data[n..];
            if !data.is_empty() {
                self.socket().writable().await?;
            }
        }
        match self {
            Self::Plain(_) => Ok(()),
            Self::Tls(tls) => tls.flush().await,
        }
    }

    /// Waits for one of the two, as `interest` says.
    ///
    /// # Errors
    /// When the socket broke.
    pub async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        if let Self::Tls(tls) = self
            && interest.is_readable()
            && tls.has_plaintext()?
        {
            return Ok(Ready::READABLE);
        }
        self.socket().ready(interest).await
    }

    /// Its end was cut off, in so far as TLS can tell.
    pub fn was_cut(&self) -> bool {
        matches!(self, Self::Tls(tls) if tls.cut.get())
    }

    /// "I send no more." `cut`: without a word. The peer may be gone already: then there is nobody to tell.
    ///
    /// # Errors
    /// When the socket broke.
    pub async fn half_close(&self, cut: bool) -> io::Result<()> {
        if let Self::Tls(tls) = self
            && !cut
        {
            tls.session.borrow_mut().send_close_notify();
            if tls.flush().await.is_err() {
                return Ok(());
            }
        }
        match SockRef::from(self.socket()).shutdown(Shutdown::Write) {
            Err(error) if error.kind() != io::ErrorKind::NotConnected => Err(error),
            _ => Ok(()),
        }
    }

    /// What is dropped next will send a reset instead of an orderly end.
    pub fn reset(&self) {
        reset(self.socket());
    }
}

/// When less came than there was room for, that was all: the next look at this socket waits for more, and asks the kernel
/// only then. What came in between is not overlooked: it makes the socket ready again.
fn read_what_is_there(socket: &TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
    let mut read = Err(io::ErrorKind::WouldBlock.into());
    let _it_is_said_by_read = socket.try_io(Interest::READABLE, || {
        read = (&*SockRef::from(socket)).read(buffer);
        match read {
            Ok(n) if n == 0 || n == buffer.len() => Ok(()),
            _ => Err::<(), _>(io::ErrorKind::WouldBlock.into()),
        }
    });
    read
}

pub(crate) fn reset(socket: &TcpStream) {
    if let Err(error) = SockRef::from(socket).set_linger(Some(Duration::ZERO)) {
        tracing::debug!(%error, "a reset became an orderly end");
    }
}

pub(crate) fn or_nothing(tried: io::Result<usize>) -> io::Result<usize> {
    match tried {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
        other => other,
    }
}

impl TlsStream {
    /// # Errors
    /// When the handshake fails; the peer has been told why.
    pub async fn shake_hands(socket: TcpStream, session: impl Into<Connection>) -> io::Result<Self> {
        let (session, cut, raw) = (RefCell::new(session.into()), Cell::new(false), Cell::new(0));
        let stream = Self { socket, session, cut, raw };
        loop {
            stream.flush().await?;
            if !stream.session.borrow().is_handshaking() {
                return Ok(stream);
            }
            stream.socket.readable().await?;
            match stream.read_records() {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => {
                    let _ = stream.flush().await; // the alert
                    return Err(error);
                }
            }
        }
    }

    /// So many more bytes were read from the socket before the handshake was taken over.
    pub fn add_raw(&self, bytes: u64) {
        self.raw.set(self.raw.get() + bytes);
    }

    /// What the handshake came to.
    pub fn session(&self) -> std::cell::Ref<'_, Connection> {
        self.session.borrow()
    }

    fn has_plaintext(&self) -> io::Result<bool> {
        let state = self.session.borrow_mut().process_new_packets().map_err(io::Error::other)?;
        Ok(state.plaintext_bytes_to_read() > 0 || state.peer_has_closed())
    }

    fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.session.borrow_mut().reader().read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    self.cut.set(true);
                    return Ok(0);
                }
                other => return other,
            }
            self.read_records()?;
        }
    }

    /// Takes from the socket what is there, and off it the TLS. 0: the socket's end.
    fn read_records(&self) -> io::Result<usize> {
        let mut session = self.session.borrow_mut();
        let n = session.read_tls(&mut Below(&self.socket))?;
        self.raw.set(self.raw.get() + n as u64);
        let processed = session.process_new_packets();
        // Answers to what TLS itself asked; what does not fit now goes with the next bytes.
        if session.wants_write() {
            or_nothing(session.write_tls(&mut Below(&self.socket)))?;
        }
        processed.map_err(io::Error::other)?;
        Ok(n)
    }

    fn try_write(&self, data: &[u8]) -> io::Result<usize> {
        let mut session = self.session.borrow_mut();
        let mut taken = 0;
        loop {
            taken += session.writer().write(&data[taken..])?;
            while session.wants_write() {
                match session.write_tls(&mut Below(&self.socket)) {
                    Ok(_) => {}
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock && taken > 0 => return Ok(taken),
                    Err(error) => return Err(error),
                }
            }
            if taken == data.len() {
                return Ok(taken);
            }
        }
    }

    async fn flush(&self) -> io::Result<()> {
        while self.session.borrow().wants_write() {
            let wrote = self.session.borrow_mut().write_tls(&mut Below(&self.socket));
            if or_nothing(wrote)? == 0 {
                self.socket.writable().await?;
            }
        }
        Ok(())
    }
}

/// The socket, as rustls reads and writes it.
struct Below<'a>(&'a TcpStream);

impl io::Read for Below<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(buffer)
    }
}
impl io::Write for Below<'_> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.0.try_write(data)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
