//! The server's first packet (Protocol::HandshakeV10).
use keploy_sdk::{Fault, Map, Value};

use crate::{
    capabilities::{CLIENT_MYSQL, CLIENT_PLUGIN_AUTH, Capabilities},
    document,
    wire::{Cursor, put_nul},
};

pub struct Greeting {
    version: Vec<u8>,
    pub capabilities: Capabilities,
    charset: u8,
    status: u16,
    plugin: Vec<u8>,
}

/// What a mock says in place of a random nonce. It answers for no password, so it need not be one.
pub const NONCE: &[u8; 20] = b"keploy-keploy-keploy";
/// A mock's connections are all the same one.
const CONNECTION: u32 = 1;

impl Greeting {
    pub fn read(payload: &[u8]) -> Result<Self, Fault> {
        let mut packet = Cursor::new("the server's greeting", payload);
        if packet.u8()? != 10 {
            return Err(Fault::new("old-protocol", "the server's greeting: expected version 10 of the protocol"));
        }
        let version = packet.nul().to_vec();
        packet.take(4 + 8 + 1)?; // connection, nonce, filler
        let low = packet.u16()?;
        let charset = packet.u8()?;
        let status = packet.u16()?;
        let high = packet.u16()?;
        let nonce = packet.u8()?;
        packet.take(6)?;
        let extended = packet.u32()?;
        let capabilities = u64::from(low) | u64::from(high) << 16;
        let extended = if capabilities & CLIENT_MYSQL == 0 { u64::from(extended) << 32 } else { 0 };
        packet.take(usize::from(nonce).saturating_sub(8).max(13).min(packet.rest().len()))?;
        let plugin = packet.nul().to_vec();
        Ok(Self { version, capabilities: Capabilities(capabilities | extended), charset, status, plugin })
    }

    pub fn write(&self) -> Vec<u8> {
        let Capabilities(flags) = self.capabilities;
        let (first, second) = NONCE.split_at(8);
        let mut out = vec![10];
        put_nul(&mut out, &self.version);
        out.extend(CONNECTION.to_le_bytes());
        put_nul(&mut out, first);
        out.extend((flags as u16).to_le_bytes());
        out.push(self.charset);
        out.extend(self.status.to_le_bytes());
        out.extend(((flags >> 16) as u16).to_le_bytes());
        out.push(if self.capabilities.has(CLIENT_PLUGIN_AUTH) { NONCE.len() as u8 + 1 } else { 0 });
        out.extend([0; 6]);
        out.extend(((flags >> 32) as u32).to_le_bytes());
        put_nul(&mut out, second);
        if self.capabilities.has(CLIENT_PLUGIN_AUTH) {
            put_nul(&mut out, &self.plugin);
        }
        out
    }

    /// Without what a mock does not offer, so that what a mock says is read as the same document.
    pub fn document(&self) -> Value {
        let mut greeting = Map::new()
            .with("version", Value::readable(self.version.clone()))
            .with("capabilities", self.capabilities.mocked().0)
            .with("charset", self.charset)
            .with("auth", Value::readable(self.plugin.clone()));
        if self.status != document::AUTOCOMMIT {
            greeting.insert("status", document::status(self.status));
        }
        Map::new().with("greeting", greeting).into()
    }

    pub fn from_document(greeting: &Value) -> Result<Self, Fault> {
        let fields = document::Fields::new("greeting", greeting)?;
        Ok(Self {
            version: fields.raw("version")?.to_vec(),
            capabilities: Capabilities(fields.number("capabilities")?).mocked(),
            charset: fields.number("charset")?,
            status: fields.status("status")?,
            plugin: fields.raw("auth")?.to_vec(),
        })
    }
}
