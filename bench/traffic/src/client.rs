//! A connection that is kept, one request at a time, blocking.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{Ipv4Addr, TcpStream},
    time::Duration,
};

/// Who is not answered for so long will not be.
const PATIENCE: Duration = Duration::from_secs(10);

pub struct Client {
    stream: TcpStream,
    request: Vec<u8>,
    answer: Vec<u8>,
}

impl Client {
    pub fn connect(port: u16, path: &str) -> io::Result<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n").into_bytes();
        Ok(Self { stream, request, answer: vec![0; 4096] })
    }

    /// One request and its whole answer, which is small and says how long it is.
    pub fn ask(&mut self) -> io::Result<()> {
        self.stream.write_all(&self.request)?;
        let mut filled = 0;
        loop {
            match self.stream.read(&mut self.answer[filled..])? {
                0 => return Err(ErrorKind::UnexpectedEof.into()),
                n => filled += n,
            }
            if is_whole(&self.answer[..filled])? {
                return Ok(());
            }
        }
    }
}

/// Is this a whole answer, and one that says 200?
pub fn is_whole(answer: &[u8]) -> io::Result<bool> {
    let Some(head) = memchr::memmem::find(answer, b"\r\n\r\n") else { return Ok(false) };
    if !answer.starts_with(b"HTTP/1.1 200 ") {
        return Err(io::Error::other(String::from_utf8_lossy(answer).into_owned()));
    }
    Ok(answer.len() as u64 >= head as u64 + 4 + length(&answer[..head + 2])?)
}

/// What `Content-Length` says; 0 without one.
pub fn length(head: &[u8]) -> io::Result<u64> {
    const NAME: &[u8] = b"\r\nContent-Length: ";
    let Some(at) = memchr::memmem::find(head, NAME) else { return Ok(0) };
    let rest = &head[at + NAME.len()..];
    let digits = rest.split(|byte| !byte.is_ascii_digit()).next().unwrap_or_default();
    let digits = std::str::from_utf8(digits).map_err(io::Error::other)?;
    digits.parse().map_err(io::Error::other)
}
