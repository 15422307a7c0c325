//! The application: one thread, no framework, every answer at hand.
//!
//! | path | |
//! |---|---|
//! | `/` | a small document |
//! | `/bytes/N` | N bytes |
//! | `/upload` | reads the body, says how long it was |
//! | `/http`, `/redis`, `/postgres`, `/mysql` | asks that backend once, then answers |
//! | `/served` | how many requests there were, this one included |

use std::{
    cell::Cell,
    io::{self, ErrorKind},
    net::Ipv4Addr,
    rc::Rc,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::LocalSet,
};

use crate::{
    backends::{Backends, Ports},
    client::length,
};

const PIECE: usize = 64 << 10;
const HEAD: usize = 4096;

pub fn run(port: u16, backends: Ports) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    LocalSet::new().block_on(&runtime, async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let served = Rc::new(Cell::new(0));
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let mut connection =
                Connection { stream, buffer: Vec::new(), backends: Backends::new(backends), served: served.clone() };
            tokio::task::spawn_local(async move {
                let _a_client_that_left = connection.serve().await;
            });
        }
    })
}

struct Connection {
    stream: TcpStream,
    /// What was read and not yet understood. Without room while there is nothing: thousands may be idle.
    buffer: Vec<u8>,
    backends: Backends,
    served: Rc<Cell<u64>>,
}

impl Connection {
    async fn serve(&mut self) -> io::Result<()> {
        loop {
            self.stream.readable().await?;
            self.buffer.reserve(HEAD);
            while let Some(head) = self.head().await? {
                let rest = self.buffer.split_off(head);
                let head = std::mem::replace(&mut self.buffer, rest);
                let closes = memchr::memmem::find(&head, b"\r\nConnection: close\r\n").is_some();
                self.answer(&head, if closes { "Connection: close\r\n" } else { "" }).await?;
                if closes {
                    return Ok(());
                }
                if self.buffer.is_empty() {
                    self.buffer = Vec::new();
                    break;
                }
            }
        }
    }

    /// The end of the next request's head.
    async fn head(&mut self) -> io::Result<Option<usize>> {
        loop {
            if let Some(at) = memchr::memmem::find(&self.buffer, b"\r\n\r\n") {
                return Ok(Some(at + 4));
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
    }

    async fn answer(&mut self, head: &[u8], end: &str) -> io::Result<()> {
        self.served.set(self.served.get() + 1);
        let target = head.split(|&byte| byte == b' ').nth(1).unwrap_or_default();
        match target {
            b"/" => {}
            b"/served" => return self.say(&self.served.get().to_string(), end).await,
            b"/upload" => {
                let bytes = self.upload(length(head)?).await?;
                return self.say(&bytes.to_string(), end).await;
            }
            b"/http" => self.backends.http().await?,
            b"/redis" => self.backends.redis().await?,
            b"/postgres" => self.backends.postgres().await?,
            b"/mysql" => self.backends.mysql().await?,
            _ => {
                let bytes = target.strip_prefix(b"/bytes/").and_then(|n| std::str::from_utf8(n).ok()?.parse().ok());
                return self.bytes(bytes.ok_or(ErrorKind::InvalidInput)?, end).await;
            }
        }
        self.say("{\"id\":17,\"name\":\"a thing\"}\n", end).await
    }

    async fn say(&mut self, text: &str, end: &str) -> io::Result<()> {
        let length = text.len();
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
        let answer = format!("{head}Content-Length: {length}\r\n{end}\r\n{text}");
        self.stream.write_all(answer.as_bytes()).await
    }

    async fn bytes(&mut self, mut left: u64, end: &str) -> io::Result<()> {
        let head =
            format!("HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: {left}\r\n{end}\r\n");
        self.stream.write_all(head.as_bytes()).await?;
        let piece = vec![b'x'; PIECE];
        while left > 0 {
            let n = left.min(PIECE as u64);
            self.stream.write_all(&piece[..usize::try_from(n).expect("at most a piece")]).await?;
            left -= n;
        }
        Ok(())
    }

    async fn upload(&mut self, all: u64) -> io::Result<u64> {
        let mut left = all - (self.buffer.len() as u64).min(all);
        self.buffer.clear();
        let mut piece = vec![0; PIECE];
        while left > 0 {
            match self.stream.read(&mut piece).await? {
                0 => return Err(ErrorKind::UnexpectedEof.into()),
                n => left = left.saturating_sub(n as u64),
            }
        }
        Ok(all)
    }
}
