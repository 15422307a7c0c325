//! What the application calls: each connection of its clients has one of its own to each backend, once it needs it.
//!
//! Drivers would do more than ask, and each in its own way: here is what the protocols need for one question.

use std::{
    io::{self, ErrorKind},
    net::Ipv4Addr,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::client::is_whole;

/// Where backends listen; 0: there is none.
#[derive(Clone, Copy, Default)]
pub struct Ports {
    http: u16,
    redis: u16,
    postgres: u16,
    mysql: u16,
}

impl Ports {
    /// `NAME=PORT`...; None: that is something else.
    pub fn parse(arguments: &[&str]) -> Option<Self> {
        let mut ports = Self::default();
        for argument in arguments {
            let (name, port) = argument.split_once('=')?;
            let place = match name {
                "http" => &mut ports.http,
                "redis" => &mut ports.redis,
                "postgres" => &mut ports.postgres,
                "mysql" => &mut ports.mysql,
                _ => return None,
            };
            *place = port.parse().ok()?;
        }
        Some(ports)
    }
}

pub struct Backends {
    ports: Ports,
    http: Option<TcpStream>,
    redis: Option<TcpStream>,
    postgres: Option<TcpStream>,
    mysql: Option<TcpStream>,
}

impl Backends {
    pub fn new(ports: Ports) -> Self {
        Self { ports, http: None, redis: None, postgres: None, mysql: None }
    }

    pub async fn http(&mut self) -> io::Result<()> {
        let stream = open(&mut self.http, self.ports.http).await?.0;
        let request = format!("GET / HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n\r\n", self.ports.http);
        stream.write_all(request.as_bytes()).await?;
        until(stream, is_whole).await
    }

    pub async fn redis(&mut self) -> io::Result<()> {
        let stream = open(&mut self.redis, self.ports.redis).await?.0;
        stream.write_all(b"*2\r\n$3\r\nGET\r\n$7\r\nnothing\r\n").await?;
        until(stream, |answer| Ok(answer == b"$-1\r\n")).await
    }

    /// As `postgres`, who needs no password.
    pub async fn postgres(&mut self) -> io::Result<()> {
        let (stream, new) = open(&mut self.postgres, self.ports.postgres).await?;
        let ready = |answer: &[u8]| Ok(answer.ends_with(b"Z\0\0\0\x05I"));
        if new {
            stream.write_all(b"\0\0\0\x25\0\x03\0\0user\0postgres\0database\0test\0\0").await?;
            until(stream, ready).await?;
        }
        stream.write_all(b"Q\0\0\0\x0dselect 1\0").await?;
        until(stream, ready).await
    }

    /// As `root`, who needs no password either.
    pub async fn mysql(&mut self) -> io::Result<()> {
        let (stream, new) = open(&mut self.mysql, self.ports.mysql).await?;
        if new {
            until(stream, |greeting| Ok(packets(greeting).count() == 1)).await?;
            // PROTOCOL_41, SECURE_CONNECTION, PLUGIN_AUTH; 16 MiB; utf8mb4
            let mut login = b"\0\0\0\x01\x00\x82\x08\0\0\0\0\x01\x2d".to_vec();
            login.extend([0; 23]);
            login.extend(b"root\0\0caching_sha2_password\0");
            login[0] = u8::try_from(login.len() - 4).expect("it is short");
            stream.write_all(&login).await?;
            until(stream, |answer| Ok(packets(answer).last().is_some_and(|packet| packet.first() == Some(&0)))).await?;
        }
        stream.write_all(b"\x09\0\0\0\x03select 1").await?;
        // One before the rows, one after them.
        let is_end = |packet: &&[u8]| packet.first() == Some(&0xfe) && packet.len() < 9;
        until(stream, |answer| Ok(packets(answer).filter(is_end).count() == 2)).await
    }
}

/// The connection that there is, or a new one.
async fn open(place: &mut Option<TcpStream>, port: u16) -> io::Result<(&mut TcpStream, bool)> {
    let new = place.is_none();
    if new {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        stream.set_nodelay(true)?;
        *place = Some(stream);
    }
    Ok((place.as_mut().expect("put there above"), new))
}

/// Reads until that is a whole answer.
async fn until(stream: &mut TcpStream, is_whole: impl Fn(&[u8]) -> io::Result<bool>) -> io::Result<()> {
    let mut answer = Vec::with_capacity(1024);
    while !is_whole(&answer)? {
        if stream.read_buf(&mut answer).await? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(())
}

/// MySQL's, those that are whole.
fn packets(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let &[a, b, c, _, ref rest @ ..] = bytes else { return None };
        let (packet, others) = rest.split_at_checked(usize::from(a) | usize::from(b) << 8 | usize::from(c) << 16)?;
        bytes = others;
        Some(packet)
    })
}
