//! What a client says about itself. Of how it proves that, nothing is kept.
use keploy_sdk::{Fault, Map, Value};

use crate::{
    capabilities::{
        CLIENT_CONNECT_WITH_DB, CLIENT_MYSQL, CLIENT_PLUGIN_AUTH, CLIENT_PLUGIN_AUTH_LENENC, CLIENT_PROTOCOL_41,
        CLIENT_SECURE_CONNECTION, CLIENT_SSL, Capabilities,
    },
    wire::Cursor,
};

/// The client's first packet: it asks for TLS (Protocol::SSLRequest), or it logs in (Protocol::HandshakeResponse41).
pub enum Hello {
    Tls,
    Login(Capabilities, Login),
}

pub struct Login {
    /// The connection had a user before (COM_CHANGE_USER).
    pub changes: bool,
    user: Vec<u8>,
    database: Vec<u8>,
    /// What the mock has to say before it accepts.
    pub expects: Expects,
}

/// What a client waits for behind its log-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expects {
    /// OK is enough.
    Ok,
    /// That its fast proof was good (caching_sha2_password).
    FastOk,
    /// A key, with which to send the password (sha256_password). It is asked for another kind of proof instead.
    Key,
}

/// Of a SSLRequest: a HandshakeResponse41 has at least a user behind that.
const SSL_REQUEST: usize = 32;

impl Hello {
    /// `offered`: by the server.
    pub fn read(payload: &[u8], offered: Capabilities) -> Result<Self, Fault> {
        let mut packet = Cursor::new("the client's log-in", payload);
        let low = packet.u32()?;
        if u64::from(low) & CLIENT_PROTOCOL_41 == 0 {
            return Err(Fault::new("old-protocol", "the client's log-in: expected CLIENT_PROTOCOL_41"));
        }
        packet.take(4 + 1 + 19)?; // largest packet, character set, filler
        let extended = packet.u32()?;
        let extended = if u64::from(low) & CLIENT_MYSQL == 0 { u64::from(extended) << 32 } else { 0 };
        let agreed = Capabilities(u64::from(low) | extended).and(offered);
        if agreed.has(CLIENT_SSL) && payload.len() == SSL_REQUEST {
            return Ok(Self::Tls);
        }
        let user = packet.nul().to_vec();
        let proof = match agreed {
            _ if agreed.has(CLIENT_PLUGIN_AUTH_LENENC) => packet.bytes()?,
            _ if agreed.has(CLIENT_SECURE_CONNECTION) => {
                let length = packet.u8()?;
                packet.take(length.into())?
            }
            _ => packet.nul(),
        };
        let database = if agreed.has(CLIENT_CONNECT_WITH_DB) { packet.nul() } else { b"" };
        let plugin = if agreed.has(CLIENT_PLUGIN_AUTH) { packet.nul() } else { b"" };
        Ok(Self::Login(agreed, Login::new(user, database, plugin, proof)))
    }
}

impl Login {
    /// COM_CHANGE_USER, behind its first byte.
    pub fn change(payload: &[u8], agreed: Capabilities) -> Result<Self, Fault> {
        let mut packet = Cursor::new("COM_CHANGE_USER", payload);
        let user = packet.nul().to_vec();
        let proof = if agreed.has(CLIENT_SECURE_CONNECTION) {
            let length = packet.u8()?;
            packet.take(length.into())?
        } else {
            packet.nul()
        };
        let database = packet.nul();
        packet.take(packet.rest().len().min(2))?; // character set
        let plugin = if agreed.has(CLIENT_PLUGIN_AUTH) { packet.nul() } else { b"" };
        Ok(Self { changes: true, ..Self::new(user, database, plugin, proof) })
    }

    fn new(user: Vec<u8>, database: &[u8], plugin: &[u8], proof: &[u8]) -> Self {
        let expects = match (plugin, proof) {
            // An empty password is proved by nothing, and nothing is said about it.
            (b"caching_sha2_password", [] | [0]) => Expects::Ok,
            (b"caching_sha2_password", _) => Expects::FastOk,
            (b"sha256_password", [1]) => Expects::Key,
            _ => Expects::Ok,
        };
        Self { changes: false, user, database: database.to_vec(), expects }
    }

    pub fn database(&self) -> Value {
        Value::readable(self.database.clone())
    }

    pub fn document(&self) -> Value {
        let mut login = Map::new().with("user", Value::readable(self.user.clone()));
        if !self.database.is_empty() {
            login.insert("database", self.database());
        }
        Map::new().with(if self.changes { "changeUser" } else { "login" }, login).into()
    }
}
