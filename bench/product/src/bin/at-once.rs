//! `at-once PORT [PEER]`: an application that answers at once, a thread a connection. `GET /call/N` asks the peer first, over
//! one connection for each of its own: `GET item:N`, as Redis' clients do. `at-once peer PORT` is that peer.
//!
//! With `AT_ONCE_TIMES` in its environment it writes there when it started, when it listened and when the first request came,
//! by the monotonic clock, in nanoseconds.
use std::{
    fs,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
};

use bench_product::monotonic;

fn main() -> io::Result<()> {
    let started = monotonic();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (port, peer) = match &arguments[..] {
        [word, port] if word == "peer" => return serve(port, |stream| answer_calls(&stream)),
        [port] => (port, None),
        [port, peer] => (port, Some(peer.clone())),
        _ => panic!("usage: at-once PORT [PEER] | at-once peer PORT"),
    };
    let times = std::env::var_os("AT_ONCE_TIMES");
    let is_first = AtomicBool::new(true);
    let first = move |came: u64| {
        if let Some(file) = &times
            && is_first.swap(false, Ordering::Relaxed)
        {
            let listened = LISTENED.load(Ordering::Relaxed);
            fs::write(file, format!("{started} {listened} {came}\n")).expect("a file that can be written");
        }
    };
    serve(port, move |stream| answer_requests(&stream, peer.as_deref(), &first))
}

/// When it began to listen.
static LISTENED: AtomicU64 = AtomicU64::new(0);

fn serve(port: &str, each: impl Fn(TcpStream) -> io::Result<()> + Send + Sync + 'static) -> io::Result<()> {
    let listener = TcpListener::bind(format!("127.0.0.1:{port}"))?;
    LISTENED.store(monotonic(), Ordering::Relaxed);
    let each = Arc::new(each);
    for stream in listener.incoming() {
        let (stream, each) = (stream?, each.clone());
        stream.set_nodelay(true)?;
        // A client that goes away in the middle is no reason to say anything.
        thread::spawn(move || each(stream));
    }
    Ok(())
}

fn answer_requests(stream: &TcpStream, peer: Option<&str>, asked: &impl Fn(u64)) -> io::Result<()> {
    let (mut reader, mut out) = (BufReader::new(stream), stream);
    let mut called: Option<TcpStream> = None;
    let (mut line, mut head) = (String::new(), String::new());
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        asked(monotonic());
        loop {
            head.clear();
            if reader.read_line(&mut head)? <= 2 {
                break;
            }
        }
        let path = line.split(' ').nth(1).unwrap_or("/");
        let body = match (path.strip_prefix("/call/"), peer) {
            (Some(item), Some(peer)) => {
                let connection = match called.take() {
                    Some(open) => open,
                    None => TcpStream::connect(peer)?,
                };
                let body = call(&connection, item)?;
                called = Some(connection);
                body
            }
            _ => format!("{{\"path\":\"{path}\"}}"),
        };
        let length = body.len();
        out.write_all(
            format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}")
                .as_bytes(),
        )?;
    }
}

/// What the peer has for this item.
fn call(mut peer: &TcpStream, item: &str) -> io::Result<String> {
    let key = format!("item:{item}");
    peer.write_all(format!("*2\r\n$3\r\nGET\r\n${}\r\n{key}\r\n", key.len()).as_bytes())?;
    let (mut answer, mut buffer) = (Vec::new(), [0; 256]);
    while answer.iter().filter(|byte| **byte == b'\n').count() < 2 {
        match peer.read(&mut buffer)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => answer.extend_from_slice(&buffer[..read]),
        }
    }
    let answer = String::from_utf8_lossy(&answer);
    Ok(format!("{{\"item\":\"{}\"}}", answer.lines().nth(1).unwrap_or_default()))
}

fn answer_calls(stream: &TcpStream) -> io::Result<()> {
    let (mut reader, mut out) = (BufReader::new(stream), stream);
    let mut line = String::new();
    loop {
        // Five lines: `*2`, `$3`, `GET`, `$LENGTH`, the key.
        for _ in 0..5 {
            line.clear();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
        }
        let value = format!("value of {}", line.trim_end());
        out.write_all(format!("${}\r\n{value}\r\n", value.len()).as_bytes())?;
    }
}
