//! Where the database is, from the environment.

use std::path::PathBuf;

pub const POOL_SIZE: usize = 4;

pub fn env(name: &str, fallback: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| fallback.to_owned())
}

pub struct Where {
    pub host: String,
    pub port: u16,
    pub user: String,
    pub password: String,
    pub name: String,
    pub tls: Tls,
}

pub enum Tls {
    Off,
    /// Encrypt, and trust anybody.
    Require,
    /// Also the name in the certificate. With a file, only who is in it; without, whom the driver trusts by itself.
    Verify(Option<PathBuf>),
}

impl Where {
    pub fn from_environment(port: &str) -> Self {
        let tls = match env("DB_TLS", "off").as_str() {
            "off" => Tls::Off,
            "require" => Tls::Require,
            _ => Tls::Verify(std::env::var_os("DB_CA").map(PathBuf::from)),
        };
        Self {
            host: env("DB_HOST", "127.0.0.1"),
            port: env("DB_PORT", port).parse().expect("DB_PORT is a number"),
            user: env("DB_USER", "t"),
            password: env("DB_PASSWORD", "pw"),
            name: env("DB_NAME", "test"),
            tls,
        }
    }
}
