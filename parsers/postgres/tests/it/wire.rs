//! Messages, spelled out once for the tests.
use keploy_sdk::{
    Connection, Mode, Peer, Side, Value,
    testing::{Effect, Recorder},
};
use parser_postgres::Conversation;

pub const STARTUP: &[u8] = b"\0\0\0\x12\0\x03\0\0user\0ada\0\0";
pub const LOGGED_IN: &[u8] = b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I";

pub fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    [&[tag][..], &(body.len() as u32 + 4).to_be_bytes(), body].concat()
}

pub fn query(sql: &str) -> Vec<u8> {
    message(b'Q', &[sql.as_bytes(), b"\0"].concat())
}

/// A `RowDescription` of one column.
pub fn column(name: &str, oid: u32) -> Vec<u8> {
    let body = [b"\0\x01", name.as_bytes(), b"\0\0\0\0\0\0\0", &oid.to_be_bytes(), b"\xff\xff\xff\xff\xff\xff\0\0"];
    message(b'T', &body.concat())
}

pub fn row(value: &[u8]) -> Vec<u8> {
    message(b'D', &[b"\0\x01", &(value.len() as u32).to_be_bytes()[..], value].concat())
}

pub fn tag(text: &str) -> Vec<u8> {
    message(b'C', &[text.as_bytes(), b"\0"].concat())
}

pub fn ready() -> Vec<u8> {
    message(b'Z', b"I")
}

/// A connection, and what it asked of the host.
pub struct Link {
    pub conversation: Conversation,
    pub host: Recorder,
    offsets: [u64; 2],
}

impl Link {
    pub fn new(mode: Mode) -> Self {
        let conversation = Conversation::new(mode, Peer::default(), Value::Null);
        Self { conversation, host: Recorder::new(), offsets: [0, 0] }
    }

    /// Logged in; what that asked of the host is dropped.
    pub fn ready(mode: Mode) -> Self {
        let mut link = Self::new(mode);
        link.client(STARTUP);
        match mode {
            Mode::Mock => {
                let response = keploy_sdk::Map::new().with("parameters", keploy_sdk::Map::new());
                link.conversation.answer(&mut link.host, 1, vec![response.into()]).expect("a log-in can be answered");
            }
            _ => drop(link.server(LOGGED_IN)),
        }
        link.host.take();
        link
    }

    pub fn client(&mut self, data: &[u8]) -> Vec<Effect> {
        self.feed(Side::Client, data)
    }

    pub fn server(&mut self, data: &[u8]) -> Vec<Effect> {
        self.feed(Side::Server, data)
    }

    fn feed(&mut self, from: Side, data: &[u8]) -> Vec<Effect> {
        let offset = &mut self.offsets[usize::from(from == Side::Server)];
        self.conversation.feed(&mut self.host, from, *offset, 1, data).expect("no fault");
        *offset += data.len() as u64;
        self.host.take()
    }
}
