//! What a client sends: words on the wire, and the document that stands for them.
//!
//! ```yaml
//! command: SET            # as it was spelled
//! args: [user:1, Ada]
//! db: 2                   # when SELECT led away from 0
//! protocol: 3             # after HELLO 3
//! queued: true            # between MULTI and EXEC
//! subscribed: true        # while subscribed under RESP2, where PING is answered differently
//! silent: true            # under CLIENT REPLY OFF or SKIP
//! transaction: [[SET, a, '1'], [GET, a]] # EXEC: what it executes
//! inline: true            # sent as a plain line; a line that is not simply the words: the line itself
//! ```
use keploy_sdk::{Fault, Map, Value};

use crate::{
    inline,
    resp::Segments,
    secrets,
    state::{Context, Turn},
};

/// One command, as its words.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// The first is the name. There is at least that one. Read from the wire, they are without passwords.
    words: Vec<Value>,
    /// How it was sent, when as a plain line.
    inline: Option<Value>,
}

impl Command {
    /// From an array of bulk strings.
    pub fn from_words(words: Vec<Value>) -> Option<Self> {
        let well = words.first()?.as_raw().is_some() && words.iter().all(|w| w.as_raw().is_some() || is_blob(w));
        well.then(|| Self { words: secrets::hide(words), inline: None })
    }

    /// From a line, its end included. None when it is blank.
    pub fn from_line(line: &[u8]) -> Result<Option<Self>, Fault> {
        let words = inline::split(line)?;
        if words.is_empty() {
            return Ok(None);
        }
        let plain = plain_line(&words) == line;
        let words: Vec<Value> = words.into_iter().map(Value::readable).collect();
        let inline = if plain || secrets::any(&words) { true.into() } else { Value::readable(line.to_vec()) };
        Ok(Some(Self { words: secrets::hide(words), inline: Some(inline) }))
    }

    pub fn from_document(request: &Value) -> Result<Self, Fault> {
        let name = request.get("command").filter(|name| name.as_raw().is_some());
        let name = name.ok_or_else(|| Fault::new("bad-document", "`command` is missing, or not text"))?;
        let args = request.get("args").and_then(Value::as_array).unwrap_or_default();
        let mut words = vec![name.clone()];
        for arg in args {
            words.push(match arg {
                Value::Int(number) => number.to_string().into(), // what a person may have written
                arg if arg.as_raw().is_some() || is_blob(arg) => arg.clone(),
                arg => return Err(Fault::new("bad-document", format!("an argument is not text: {arg:?}"))),
            });
        }
        Ok(Self { words, inline: request.get("inline").cloned() })
    }

    /// The document of this command, sent when the connection was as `context` says; `turn` is what the command does.
    pub fn document(&self, context: Context, turn: &Turn) -> Value {
        let (name, args) = self.words.split_first().expect("a command has a name");
        let setting = self.is_setting() && !turn.queued;
        let mut map = Map::new().with("command", name.clone());
        if !args.is_empty() {
            map.insert("args", args.to_vec());
        }
        if context.db != 0 && !setting {
            map.insert("db", context.db);
        }
        if context.protocol != 2 && self.name() != "HELLO" {
            map.insert("protocol", context.protocol);
        }
        if turn.queued {
            map.insert("queued", true);
        }
        if context.protocol == 2 && context.subscribed {
            map.insert("subscribed", true);
        }
        if turn.silent {
            map.insert("silent", true);
        }
        if let Some(transaction) = &turn.transaction {
            let commands = transaction.iter().map(|command| Value::from(command.words.clone()));
            map.insert("transaction", commands.collect::<Vec<_>>());
        }
        if let Some(inline) = &self.inline {
            map.insert("inline", inline.clone());
        }
        map.into()
    }

    /// The bytes it was sent as.
    pub fn write(&self, out: &mut Segments) -> Result<(), Fault> {
        match &self.inline {
            Some(Value::Bool(true)) => {
                let words: Option<Vec<Vec<u8>>> = self.words.iter().map(|w| w.as_raw().map(<[u8]>::to_vec)).collect();
                let words = words.ok_or_else(|| Fault::new("bad-document", "a blob cannot be sent inline"))?;
                out.bytes(&plain_line(&words));
                Ok(())
            }
            Some(line) if line.as_raw().is_some() => {
                out.bytes(line.as_raw().unwrap_or_default());
                Ok(())
            }
            _ => {
                out.header('*', self.words.len());
                self.words.iter().try_for_each(|word| out.bulk(word))
            }
        }
    }

    /// The name in capitals; empty when it is not ASCII text.
    pub fn name(&self) -> String {
        capitals(self.words.first())
    }

    /// The first argument in capitals: the subcommand, where there are such.
    pub fn sub(&self) -> String {
        capitals(self.words.get(1))
    }

    pub fn args(&self) -> &[Value] {
        self.words.get(1..).unwrap_or_default()
    }

    /// Asked by any connection at any time and answered the same: handshakes, settings, what the server is.
    pub fn is_setting(&self) -> bool {
        match self.name().as_str() {
            "AUTH" | "COMMAND" | "HELLO" | "INFO" | "PING" | "QUIT" | "READONLY" | "READWRITE" | "RESET" | "ROLE"
            | "SELECT" => true,
            "CLIENT" => !matches!(self.sub().as_str(), "KILL" | "PAUSE" | "UNPAUSE" | "UNBLOCK" | "LIST"),
            "CLUSTER" => matches!(self.sub().as_str(), "SLOTS" | "SHARDS" | "NODES" | "INFO" | "MYID" | "KEYSLOT"),
            "CONFIG" => self.sub() == "GET",
            "SCRIPT" => self.sub() == "LOAD",
            "SENTINEL" => true,
            _ => false,
        }
    }
}

/// The form in which requests are compared: names in capitals, and how they were sent left out.
pub fn canonical(mut request: Value) -> Value {
    let Some(map) = request.as_map_mut() else { return request };
    map.remove("inline");
    if let Some(name) = map.get_mut("command") {
        *name = capitals(Some(name)).into();
    }
    if let Some(Value::Array(commands)) = map.get_mut("transaction") {
        for command in commands {
            if let Value::Array(words) = command
                && let Some(name) = words.first_mut()
            {
                *name = capitals(Some(name)).into();
            }
        }
    }
    request
}

fn capitals(word: Option<&Value>) -> String {
    word.and_then(Value::as_str).map(str::to_ascii_uppercase).unwrap_or_default()
}

fn is_blob(value: &Value) -> bool {
    matches!(value, Value::Blob(_))
}

/// The words as the simplest line that says them.
fn plain_line(words: &[Vec<u8>]) -> Vec<u8> {
    let mut line = words.join(&b' ');
    line.extend_from_slice(b"\r\n");
    line
}
