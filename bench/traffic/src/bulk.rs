//! One large body, one way or the other.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{Ipv4Addr, TcpStream},
    time::Instant,
};

use crate::client::is_whole;

const PIECE: usize = 256 << 10;

pub fn download(port: u16, bytes: u64) -> io::Result<()> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    let started = Instant::now();
    write!(stream, "GET /bytes/{bytes} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n")?;
    let (mut piece, mut got) = (vec![0; PIECE], 0);
    loop {
        match stream.read(&mut piece)? {
            0 if got > bytes => break,
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            n => got += n as u64,
        }
    }
    say(started, bytes);
    Ok(())
}

pub fn upload(port: u16, bytes: u64) -> io::Result<()> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    let started = Instant::now();
    write!(stream, "POST /upload HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: {bytes}\r\n\r\n")?;
    let (piece, mut left) = (vec![b'x'; PIECE], bytes);
    while left > 0 {
        let n = left.min(PIECE as u64);
        stream.write_all(&piece[..usize::try_from(n).expect("at most a piece")])?;
        left -= n;
    }
    let (mut answer, mut filled) = ([0; 1024], 0);
    while !is_whole(&answer[..filled])? {
        match stream.read(&mut answer[filled..])? {
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            n => filled += n,
        }
    }
    say(started, bytes);
    Ok(())
}

fn say(started: Instant, bytes: u64) {
    println!("{{\"bytes\":{bytes},\"seconds\":{:.4}}}", started.elapsed().as_secs_f64());
}
