//! `one-client PORT PATH COUNT`: one client that sends its requests one after the other over one connection, `PATH1`, `PATH2`
//! and so on, and says how many a second were answered, and the longest that one took, in microseconds.
//! `one-client PORT PATH COUNT RATE` sends so many a second.
use std::{
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    thread,
    time::Duration,
};

use bench_product::{monotonic, say, timed};

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (port, path, count, rate) = match &arguments[..] {
        [port, path, count] => (port, path, count, None),
        [port, path, count, rate] => (port, path, count, Some(rate.parse::<u64>().expect("a number"))),
        _ => panic!("usage: one-client PORT PATH COUNT [RATE]"),
    };
    let count: u64 = count.parse().expect("a number");
    let stream = TcpStream::connect(format!("127.0.0.1:{port}"))?;
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(&stream);
    let (mut slowest, began) = (0.0_f64, monotonic());
    let mut took = Vec::new();
    for number in 1..=count {
        if let Some(rate) = rate {
            let due = began + number * 1_000_000_000 / rate;
            #[expect(clippy::disallowed_methods, reason = "a rate is kept by waiting for the next turn")]
            thread::sleep(Duration::from_nanos(due.saturating_sub(monotonic())));
        }
        let (seconds, answered) = timed(|| {
            (&stream).write_all(format!("GET {path}{number} HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n").as_bytes())?;
            answer(&mut reader)
        });
        answered?;
        slowest = slowest.max(seconds);
        took.push(seconds);
    }
    let seconds = (monotonic() - began) as f64 / 1e9;
    took.sort_by(f64::total_cmp);
    let middle = took.get(took.len() / 2).copied().unwrap_or_default();
    say("one client", count as f64 / seconds, &[("slowest", &(slowest * 1e6)), ("middle", &(middle * 1e6))]);
    Ok(())
}

/// Reads an answer to its end.
fn answer(reader: &mut BufReader<&TcpStream>) -> io::Result<()> {
    let (mut line, mut length) = (String::new(), 0);
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
        if line == "\r\n" {
            return io::copy(&mut reader.take(length), &mut io::sink()).map(drop);
        }
    }
}
