//! The parser in the server's place, behind a real socket, without a host: every request is answered alike.
//! For suites of HTTP/2 servers: `cargo run --example serve 8080`, then `h2spec -p 8080`.
use std::{
    error::Error,
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    thread,
};

use keploy_sdk::{
    Connection, Map, Mode, Parser, Peer, Side, Value,
    testing::{Effect, Recorder},
};
use parser_http2::Http2;

fn main() -> Result<(), Box<dyn Error>> {
    let port = std::env::args().nth(1).ok_or("usage: serve PORT")?.parse()?;
    for stream in TcpListener::bind(("127.0.0.1", port))?.incoming() {
        let stream = stream?;
        thread::spawn(move || {
            if let Err(error) = serve(stream) {
                eprintln!("{error}");
            }
        });
    }
    Ok(())
}

fn serve(mut stream: TcpStream) -> Result<(), Box<dyn Error>> {
    let mut connection = <Http2 as Parser>::Connection::new(Mode::Mock, Peer::default(), Value::Null);
    let mut host = Recorder::new();
    let mut buffer = vec![0; 1 << 16];
    let mut offset = 0;
    loop {
        let n = stream.read(&mut buffer)?;
        match buffer.get(..n) {
            None | Some([]) => return Ok(()),
            Some(data) => connection.feed(&mut host, Side::Client, offset, 0, data)?,
        }
        offset += n as u64;
        let mut effects: Vec<Effect> = host.take();
        while !effects.is_empty() {
            for effect in std::mem::take(&mut effects) {
                match effect {
                    Effect::Open { exchange, .. } => connection.answer(&mut host, exchange, vec![answer()])?,
                    Effect::Write { data, .. } => stream.write_all(&data)?,
                    Effect::Finish { .. } => return Ok(stream.shutdown(Shutdown::Both)?),
                    _ => {}
                }
            }
            effects = host.take();
        }
    }
}

fn answer() -> Value {
    let header = Map::new().with("content-type", "text/plain");
    Map::new().with("status_code", 200).with("header", header).with("body", "hello from the recording\n").into()
}
