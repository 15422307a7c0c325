//! What client and server agreed on. A capability holds only when both offered it.

/// Capability flags: the protocol's 32 bits, and above them MariaDB's extended ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities(pub u64);

macro_rules! flags {
    ($($name:ident = $bit:literal),* $(,)?) => {
        $(pub const $name: u64 = 1 << $bit;)*
    };
}

// Names as in the sources of MySQL (mysql_com.h) and MariaDB.
flags! {
    CLIENT_MYSQL = 0, // MariaDB's word for LONG_PASSWORD: without it, its extended flags count
    CLIENT_CONNECT_WITH_DB = 3,
    CLIENT_COMPRESS = 5,
    CLIENT_PROTOCOL_41 = 9,
    CLIENT_SSL = 11,
    CLIENT_SECURE_CONNECTION = 15,
    CLIENT_PLUGIN_AUTH = 19,
    CLIENT_PLUGIN_AUTH_LENENC = 21,
    CLIENT_SESSION_TRACK = 23,
    CLIENT_DEPRECATE_EOF = 24,
    CLIENT_OPTIONAL_RESULTSET_METADATA = 25,
    CLIENT_ZSTD_COMPRESSION = 26,
    CLIENT_QUERY_ATTRIBUTES = 27,
    MULTI_FACTOR_AUTHENTICATION = 28,
    MARIADB_CLIENT_PROGRESS = 32,
    MARIADB_CLIENT_COM_MULTI = 33,
    MARIADB_CLIENT_EXTENDED_METADATA = 35,
    MARIADB_CLIENT_CACHE_METADATA = 36,
}

/// What a mock does not offer: each lets a server leave out what only it knows.
const NOT_MOCKED: u64 = CLIENT_OPTIONAL_RESULTSET_METADATA
    | MULTI_FACTOR_AUTHENTICATION
    | MARIADB_CLIENT_COM_MULTI
    | MARIADB_CLIENT_CACHE_METADATA;

impl Capabilities {
    pub fn has(self, flag: u64) -> bool {
        self.0 & flag != 0
    }

    pub fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// What a mock of this server offers.
    pub fn mocked(self) -> Self {
        Self(self.0 & !NOT_MOCKED)
    }
}
