//! What a client asks: each command as a request that means something on its own.
use keploy_sdk::{Fault, Map, Value};

use crate::{
    capabilities::{CLIENT_QUERY_ATTRIBUTES, Capabilities},
    login::Login,
    parameters,
    state::State,
    statements::{self, Statements},
    wire::Cursor,
};

/// What follows from a command.
pub enum Command {
    /// An exchange.
    Ask(Map, Answer),
    /// OK or an error, of which nothing is worth recording: pings and the like.
    Acknowledged(Upkeep),
    /// Nothing comes back.
    Silent,
    Login(Login),
    Quit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upkeep {
    Other,
    /// COM_SET_OPTION, COM_DEBUG: acknowledged by an EOF.
    Eof,
    /// COM_RESET_CONNECTION.
    ResetConnection,
}

/// How the answer looks.
#[derive(Clone, Debug)]
pub enum Answer {
    /// OK, an error, a file that is asked for, or results, in the text encoding.
    Text,
    /// The same in the binary encoding, of this statement.
    Binary(u32),
    /// COM_STMT_PREPARE, of this text.
    Prepared(Value),
    /// More rows of a statement's cursor.
    Rows(u32),
    /// COM_FIELD_LIST: columns only.
    Columns,
    /// COM_STATISTICS: a line of text.
    Line,
}

/// COM_STMT_EXECUTE with query attributes: the number of parameters is sent even when there are none.
const PARAMETER_COUNT_AVAILABLE: u8 = 8;
/// COM_STMT_EXECUTE: the rows are to be fetched.
const CURSORS: u8 = 7;
/// COM_STMT_BULK_EXECUTE: the types are sent along.
const SEND_TYPES_TO_SERVER: u16 = 128;
const UNKNOWN: &str = "a statement that this connection did not prepare";

pub struct Context<'a> {
    pub agreed: Capabilities,
    pub state: &'a State,
    pub statements: &'a mut Statements,
}

impl Context<'_> {
    pub fn read(&mut self, payload: &[u8]) -> Result<Command, Fault> {
        let mut packet = Cursor::new("a command", payload);
        let code = packet.u8()?;
        Ok(match code {
            0x01 => Command::Quit,
            0x02 => self.ask("use", Value::readable(packet.rest().to_vec()), Answer::Text),
            0x03 => self.query(&mut packet)?,
            0x04 => {
                let fields = Value::readable(packet.nul().to_vec());
                let like = Some(packet.rest()).filter(|like| !like.is_empty());
                self.ask_with("fields", fields, like.map(|like| ("like", like)), Answer::Columns)
            }
            0x09 => self.ask("command", "statistics", Answer::Line),
            0x0a => self.ask("command", "processes", Answer::Text),
            0x0c => self.ask("command", "kill", Answer::Text),
            0x05 => self.ask("createDatabase", Value::readable(packet.rest().to_vec()), Answer::Text),
            0x06 => self.ask("dropDatabase", Value::readable(packet.rest().to_vec()), Answer::Text),
            0x0e => Command::Acknowledged(Upkeep::Other), // COM_PING
            0x0d | 0x1b => Command::Acknowledged(Upkeep::Eof),
            0x1f => Command::Acknowledged(Upkeep::ResetConnection),
            0x11 => Command::Login(Login::change(packet.rest(), self.agreed)?),
            0x16 => {
                let sql = Value::readable(packet.rest().to_vec());
                self.ask("prepare", sql.clone(), Answer::Prepared(sql))
            }
            0x17 => self.execute(&mut packet)?,
            0x18 => {
                let (number, parameter) = (packet.u32()?, packet.u16()?);
                if let Some(statement) = self.statements.get(number) {
                    statement.long.entry(parameter).or_default().extend_from_slice(packet.rest());
                }
                Command::Silent
            }
            0x19 => {
                self.statements.remove(packet.u32()?);
                Command::Silent
            }
            0x1a => {
                if let Some(statement) = self.statements.get(packet.u32()?) {
                    statement.long.clear();
                    statement.cursor = None;
                }
                Command::Acknowledged(Upkeep::Other)
            }
            0x1c => self.fetch(&mut packet)?,
            0xfa => self.bulk(&mut packet)?,
            // COM_BINLOG_DUMP, COM_TABLE_DUMP, COM_REGISTER_SLAVE, COM_BINLOG_DUMP_GTID, COM_CLONE
            0x12 | 0x13 | 0x15 | 0x1e | 0x20 => {
                let message = format!("behind command {code:#04x} the connection carries a replica's stream");
                return Err(Fault::new("replication", message));
            }
            _ => {
                let data = Some(packet.rest()).filter(|data| !data.is_empty());
                self.ask_with("command", code, data.map(|data| ("data", data)), Answer::Text)
            }
        })
    }

    fn ask(&self, name: &str, value: impl Into<Value>, answer: Answer) -> Command {
        self.ask_with(name, value, None, answer)
    }

    fn ask_with(&self, name: &str, value: impl Into<Value>, more: Option<(&str, &[u8])>, answer: Answer) -> Command {
        let mut request = Map::new().with(name, value);
        if let Some((name, bytes)) = more {
            request.insert(name, Value::readable(bytes.to_vec()));
        }
        self.state.put(&mut request);
        Command::Ask(request, answer)
    }

    fn query(&mut self, packet: &mut Cursor) -> Result<Command, Fault> {
        let mut attributes = Map::new();
        if self.agreed.has(CLIENT_QUERY_ATTRIBUTES) {
            let count = usize::try_from(packet.lenenc()?).unwrap_or(usize::MAX);
            packet.lenenc()?; // sets of them, always 1
            attributes = parameters::read(packet, count, 0, true, &mut Vec::new(), &Default::default())?.attributes;
        }
        let mut request = Map::new().with("query", Value::readable(packet.rest().to_vec()));
        self.finish(&mut request, attributes);
        Ok(Command::Ask(request, Answer::Text))
    }

    fn execute(&mut self, packet: &mut Cursor) -> Result<Command, Fault> {
        let (number, flags) = (packet.u32()?, packet.u8()?);
        packet.u32()?; // iterations, always 1
        let named = self.agreed.has(CLIENT_QUERY_ATTRIBUTES);
        let Some(statement) = self.statements.get(number) else { return Ok(self.unknown(Answer::Binary(number))) };
        let mut count = statement.params;
        if named && (count > 0 || flags & PARAMETER_COUNT_AVAILABLE != 0) {
            count = usize::try_from(packet.lenenc()?).unwrap_or(usize::MAX);
        }
        let long = std::mem::take(&mut statement.long);
        let given = parameters::read(packet, count, statement.params, named, &mut statement.types, &long)?;
        let mut request = Map::new().with("query", statement.sql.clone());
        let params = Value::Array(given.params);
        statement.cursor = None;
        if statement.params > 0 {
            request.insert("params", params.clone());
        }
        if flags & CURSORS != 0 {
            request.insert("cursor", true);
            statement.cursor = Some(statements::Cursor { params, row: 0 });
        }
        self.finish(&mut request, given.attributes);
        Ok(Command::Ask(request, Answer::Binary(number)))
    }

    fn bulk(&mut self, packet: &mut Cursor) -> Result<Command, Fault> {
        let (number, flags) = (packet.u32()?, packet.u16()?);
        let Some(statement) = self.statements.get(number) else { return Ok(self.unknown(Answer::Binary(number))) };
        let sends_types = flags & SEND_TYPES_TO_SERVER != 0;
        let rows = parameters::read_bulk(packet, statement.params, &mut statement.types, sends_types)?;
        let mut request = Map::new().with("query", statement.sql.clone()).with("bulk", rows);
        self.finish(&mut request, Map::new());
        Ok(Command::Ask(request, Answer::Binary(number)))
    }

    fn fetch(&mut self, packet: &mut Cursor) -> Result<Command, Fault> {
        let (number, count) = (packet.u32()?, packet.u32()?);
        let Some(statement) = self.statements.get(number) else { return Ok(self.unknown(Answer::Rows(number))) };
        let mut request = Map::new().with("query", statement.sql.clone());
        let cursor = statement.cursor.clone();
        let row = cursor.as_ref().map_or(0, |cursor| cursor.row);
        if let Some(cursor) = cursor.filter(|_| statement.params > 0) {
            request.insert("params", cursor.params);
        }
        request.insert("fetch", Map::new().with("from", row).with("rows", count));
        self.state.put(&mut request);
        Ok(Command::Ask(request, Answer::Rows(number)))
    }

    fn unknown(&self, answer: Answer) -> Command {
        self.ask("execute", UNKNOWN, answer)
    }

    fn finish(&self, request: &mut Map, attributes: Map) {
        if !attributes.is_empty() {
            request.insert("attributes", attributes);
        }
        self.state.put(request);
    }
}
