//! What a client asks, and the document that says so.
use keploy_sdk::{Fault, Instant, Map, Value};

use crate::{
    hello,
    login::{HIDDEN, Step},
    wire::{Compressor, Content, EXHAUST_ALLOWED, MORE_TO_COME, Message},
};

/// A command of a client.
pub struct Command {
    pub id: i32,
    pub since: Instant,
    pub compressor: Option<Compressor>,
    /// Asked in the old way, and to be answered so.
    pub legacy: bool,
    /// Nobody waits for an answer.
    pub unacknowledged: bool,
    /// The answer may go on and on.
    exhaust: bool,
    db: String,
    name: String,
    /// A document, with the sequences as the lists that they stand for; or the blob that it is.
    body: Value,
}

impl Command {
    /// # Errors
    /// When it is no command.
    pub fn read(message: Message) -> Result<Self, Fault> {
        let Message { id, since, compressor, content, .. } = message;
        match content {
            Content::Reply(_) => Err(Fault::new("bad-opcode", format!("message {id} of the client is a reply"))),
            Content::Query { db, command } => Ok(Self {
                id,
                since,
                compressor,
                legacy: true,
                unacknowledged: false,
                exhaust: false,
                db,
                name: name(&command).to_owned(),
                body: command,
            }),
            Content::Msg(message) => {
                let mut body = message.body;
                if let Some(map) = body.as_map_mut() {
                    for (name, documents) in message.sequences {
                        map.insert(name, documents);
                    }
                }
                let db = body.get("$db").and_then(Value::as_str).unwrap_or_default().to_owned();
                let unacknowledged = message.flags & MORE_TO_COME != 0;
                let exhaust = message.flags & EXHAUST_ALLOWED != 0;
                let name = name(&body).to_owned();
                Ok(Self { id, since, compressor, legacy: false, unacknowledged, exhaust, db, name, body })
            }
        }
    }

    /// Its first field; nothing when the host has it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Of a hello.
    pub fn body(&self) -> &Value {
        &self.body
    }

    pub fn is_hello(&self) -> bool {
        hello::is_hello(self.name())
    }

    /// A heartbeat that is answered when something changes, or after ten seconds, over and over.
    pub fn is_heartbeat(&self) -> bool {
        self.is_hello() && self.body.get("topologyVersion").is_some()
    }

    /// What it does to log in.
    pub fn log_in(&self) -> Option<Step> {
        Step::of(&self.db, &self.body)
    }

    /// What a hello says beside hello: the first step to log in.
    pub fn speculates(&self) -> Option<Step> {
        let first = self.body.get("speculativeAuthenticate").filter(|_| self.is_hello())?;
        Step::of(first.get("db").and_then(Value::as_str).unwrap_or("admin"), first)
    }

    /// Without what is another on every run by nature: sessions, their transactions' numbers, clocks. Once: a body may be
    /// large, and only that of a hello is needed again.
    pub fn document(&mut self) -> Value {
        let mut document = Map::new();
        if !self.db.is_empty() {
            document.insert("db", self.db.as_str());
        }
        let mut body = if self.is_hello() { self.body.clone() } else { std::mem::take(&mut self.body) };
        if let Some(map) = body.as_map_mut() {
            if self.is_hello() {
                hello::strip_request(map);
            }
            strip(map);
            hide(map);
        }
        document.insert("command", body);
        if self.exhaust && !self.is_hello() {
            document.insert("exhaust", true);
        }
        if self.unacknowledged {
            document.insert("unacknowledged", true);
        }
        document.into()
    }
}

/// The name of the command that a document is.
pub fn name(body: &Value) -> &str {
    body.as_map().and_then(|map| map.iter().next()).map_or("", |(name, _)| name)
}

fn strip(command: &mut Map) {
    for field in ["$db", "lsid", "txnNumber", "$clusterTime"] {
        command.remove(field);
    }
    if let Some(concern) = command.get_mut("readConcern").and_then(Value::as_map_mut) {
        concern.remove("afterClusterTime");
        if concern.is_empty() {
            command.remove("readConcern");
        }
    }
    // Of each session that the driver has used.
    if let Some(sessions) = command.get_mut("endSessions") {
        *sessions = Vec::<Value>::new().into();
    }
}

/// Passwords are written by nobody.
fn hide(command: &mut Map) {
    let names = ["createUser", "updateUser"];
    if names.iter().any(|name| command.get(name).is_some())
        && let Some(password) = command.get_mut("pwd")
    {
        *password = HIDDEN.into();
    }
}
