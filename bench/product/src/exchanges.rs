//! Small exchanges, as a guest sees them.
use keploy_value::Value;
use plugins::{Connection, Effect, Mode, Peer, Plugin, Side};

/// A guest that records.
///
/// # Panics
/// When no instance can be had.
pub fn connection(plugin: &Plugin) -> Connection {
    let peer = Peer { host: "127.0.0.1".to_owned(), port: 8080, encrypted: false };
    plugin.connect(Mode::Record, &peer, &Value::Null).expect("an instance can be had")
}

/// The same request and its answer again and again.
pub struct Exchanges {
    said: [(Side, &'static [u8], u64); 2],
    effects: Vec<Effect>,
}

impl Exchanges {
    /// # Panics
    /// When nothing was made up for that protocol.
    pub fn of(protocol: &str) -> Self {
        let (request, response): (&[u8], &[u8]) = match protocol {
            "Http" => (
                b"GET /items/17 HTTP/1.1\r\nHost: localhost:8080\r\nAccept: */*\r\n\r\n",
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{\"id\": 17}\n",
            ),
            "Redis" => (b"*2\r\n$3\r\nGET\r\n$7\r\nitem:17\r\n", b"$5\r\nhello\r\n"),
            _ => panic!("no exchange of {protocol}"),
        };
        Self { said: [(Side::Client, request, 0), (Side::Server, response, 0)], effects: Vec::new() }
    }

    /// Two calls: bytes in, documents out.
    ///
    /// # Panics
    /// When the guest does not read it.
    pub fn feed(&mut self, connection: &mut Connection) {
        self.effects.clear();
        for (side, bytes, offset) in &mut self.said {
            connection.feed(*side, *offset, 1, bytes, &mut self.effects).expect("it reads this");
            *offset += bytes.len() as u64;
        }
    }
}
