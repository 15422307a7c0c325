//! The packets that end an answer: OK, EOF and ERR.
use keploy_sdk::{Fault, Map, Value};

use crate::{
    capabilities::{CLIENT_DEPRECATE_EOF, CLIENT_PROTOCOL_41, CLIENT_SESSION_TRACK, Capabilities},
    document::{AUTOCOMMIT, Fields, SESSION_CHANGED, status},
    session_track,
    wire::{Cursor, put_bytes, put_lenenc},
};

/// OK, or the EOF that OK replaced.
#[derive(Clone, Debug, PartialEq)]
pub struct Ok {
    pub affected_rows: u64,
    pub last_insert_id: u64,
    pub status: u16,
    pub warnings: u16,
    pub info: Vec<u8>,
    /// What of the session changed, as a document.
    pub session: Option<Value>,
}

impl Default for Ok {
    fn default() -> Self {
        Self { affected_rows: 0, last_insert_id: 0, status: AUTOCOMMIT, warnings: 0, info: Vec::new(), session: None }
    }
}

pub const OK: u8 = 0x00;
pub const EOF: u8 = 0xfe;
pub const ERR: u8 = 0xff;

impl Ok {
    /// A packet that starts with 0x00, or with 0xfe in place of an EOF.
    pub fn read(payload: &[u8], agreed: Capabilities) -> Result<Self, Fault> {
        let mut packet = Cursor::new("OK", payload);
        packet.u8()?;
        let affected_rows = packet.lenenc()?;
        let last_insert_id = packet.lenenc()?;
        let status = packet.u16()?;
        let warnings = packet.u16()?;
        let mut ok = Self { affected_rows, last_insert_id, status, warnings, ..Self::default() };
        if agreed.has(CLIENT_SESSION_TRACK) && !packet.is_empty() {
            ok.info = packet.bytes()?.to_vec();
            if status & SESSION_CHANGED != 0 && !packet.is_empty() {
                ok.session = Some(session_track::read(packet.bytes()?));
            }
        } else {
            // The book says that it goes to the end; servers put its length before it all the same.
            let mut prefixed = packet.clone();
            let info = prefixed.bytes().ok().filter(|_| prefixed.is_empty());
            ok.info = info.unwrap_or(packet.rest()).to_vec();
        }
        Result::Ok(ok)
    }

    pub fn read_eof(payload: &[u8], agreed: Capabilities) -> Result<Self, Fault> {
        if agreed.has(CLIENT_DEPRECATE_EOF) {
            return Self::read(payload, agreed);
        }
        let mut packet = Cursor::new("EOF", payload);
        packet.u8()?;
        let (warnings, status) = (packet.u16()?, packet.u16()?);
        Result::Ok(Self { warnings, status, ..Self::default() })
    }

    pub fn write(&self, header: u8, agreed: Capabilities) -> Result<Vec<u8>, Fault> {
        let tracks = agreed.has(CLIENT_SESSION_TRACK);
        let session = match &self.session {
            Some(session) if tracks => Some(session_track::write(session)?),
            _ => None,
        };
        let mut status = self.status & !SESSION_CHANGED;
        if session.is_some() {
            status |= SESSION_CHANGED;
        }
        let mut out = vec![header];
        put_lenenc(&mut out, self.affected_rows);
        put_lenenc(&mut out, self.last_insert_id);
        out.extend(status.to_le_bytes());
        out.extend(self.warnings.to_le_bytes());
        if !self.info.is_empty() || session.is_some() {
            put_bytes(&mut out, &self.info);
        }
        if let Some(session) = session {
            put_bytes(&mut out, &session);
        }
        Result::Ok(out)
    }

    pub fn write_eof(&self, agreed: Capabilities) -> Result<Vec<u8>, Fault> {
        if agreed.has(CLIENT_DEPRECATE_EOF) {
            return self.write(EOF, agreed);
        }
        let mut out = vec![EOF];
        out.extend(self.warnings.to_le_bytes());
        out.extend((self.status & !SESSION_CHANGED).to_le_bytes());
        Result::Ok(out)
    }

    /// What is usual is left out.
    pub fn put(&self, map: &mut Map) {
        let numbers = [("affectedRows", self.affected_rows), ("lastInsertId", self.last_insert_id)];
        for (name, number) in numbers.into_iter().filter(|(_, number)| *number != 0) {
            map.insert(name, number);
        }
        if !self.info.is_empty() {
            map.insert("info", Value::readable(self.info.clone()));
        }
        if self.warnings != 0 {
            map.insert("warnings", self.warnings);
        }
        let flags = self.status & !SESSION_CHANGED;
        if flags != AUTOCOMMIT {
            map.insert("status", status(flags));
        }
        if let Some(session) = &self.session {
            map.insert("session", session.clone());
        }
    }

    pub fn document(&self) -> Value {
        let mut ok = Map::new();
        self.put(&mut ok);
        Map::new().with("ok", ok).into()
    }

    pub fn from_fields(fields: Fields) -> Result<Self, Fault> {
        Result::Ok(Self {
            affected_rows: fields.number("affectedRows")?,
            last_insert_id: fields.number("lastInsertId")?,
            status: fields.status("status")?,
            warnings: fields.number("warnings")?,
            info: fields.raw("info")?.to_vec(),
            session: fields.get("session").cloned(),
        })
    }
}

/// `{error: {code, state, message}}`. Before the log-in, errors have no SQLSTATE.
pub fn error(payload: &[u8]) -> Result<Value, Fault> {
    let mut packet = Cursor::new("ERR", payload);
    packet.u8()?;
    let mut error = Map::new().with("code", packet.u16()?);
    if packet.rest().first() == Some(&b'#') && packet.rest().len() >= 6 {
        packet.u8()?;
        error.insert("state", Value::readable(packet.take(5)?.to_vec()));
    }
    error.insert("message", Value::readable(packet.rest().to_vec()));
    Result::Ok(Map::new().with("error", error).into())
}

pub fn write_error(error: &Value, agreed: Capabilities) -> Result<Vec<u8>, Fault> {
    let fields = Fields::new("error", error)?;
    let mut out = vec![ERR];
    out.extend(fields.number::<u16>("code")?.to_le_bytes());
    let state = fields.raw("state")?;
    if agreed.has(CLIENT_PROTOCOL_41) && state.len() == 5 {
        out.push(b'#');
        out.extend_from_slice(state);
    }
    out.extend_from_slice(fields.raw("message")?);
    Result::Ok(out)
}

/// What a mock says when nothing recorded matches (ER_UNKNOWN_ERROR).
pub fn missed(reason: &str) -> Value {
    let message = format!("keploy: {reason}");
    Map::new().with("code", 1105).with("state", "HY000").with("message", message).into()
}
