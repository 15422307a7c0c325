//! The database applications: one a language, each with several drivers, and all with the API of [`crate::rows`].

use std::path::Path;

use crate::apps::{App, installed, python};
use crate::databases::{Database, Protocol};
use crate::file;

/// An application with a driver, started with the driver's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Driver {
    pub name: &'static str,
    pub language: Language,
    pub protocol: Protocol,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    Python,
    Go,
    Node,
    Java,
    Ruby,
    Rust,
}

/// What an application asks of its connections.
#[derive(Clone, Copy, Debug)]
pub enum Trust<'a> {
    /// No encryption.
    Off,
    /// Encryption, with anybody.
    Anybody,
    /// Encryption, with whom this authority vouches for, by name.
    Authority(&'a Path),
    /// Encryption, with whom the driver trusts by itself, by name.
    Default,
}

const fn driver(name: &'static str, language: Language, protocol: Protocol) -> Driver {
    Driver { name, language, protocol }
}

pub const DRIVERS: &[Driver] = &[
    driver("psycopg", Language::Python, Protocol::Postgres),
    driver("asyncpg", Language::Python, Protocol::Postgres),
    driver("sqlalchemy", Language::Python, Protocol::Postgres),
    driver("django", Language::Python, Protocol::Postgres),
    driver("pgx", Language::Go, Protocol::Postgres),
    driver("libpq", Language::Go, Protocol::Postgres),
    driver("gorm", Language::Go, Protocol::Postgres),
    driver("pg", Language::Node, Protocol::Postgres),
    driver("pg-pipeline", Language::Node, Protocol::Postgres),
    driver("postgres", Language::Node, Protocol::Postgres),
    driver("pgjdbc", Language::Java, Protocol::Postgres),
    driver("ruby-pg", Language::Ruby, Protocol::Postgres),
    driver("tokio-postgres", Language::Rust, Protocol::Postgres),
    driver("pymysql", Language::Python, Protocol::MySql),
    driver("mysql-connector", Language::Python, Protocol::MySql),
    driver("mysql-connector-c", Language::Python, Protocol::MySql),
    driver("mysqlclient", Language::Python, Protocol::MySql),
    driver("go-sql-driver", Language::Go, Protocol::MySql),
    driver("mysql2", Language::Node, Protocol::MySql),
    driver("connectorj", Language::Java, Protocol::MySql),
    driver("mysql_async", Language::Rust, Protocol::MySql),
];

/// HTTPS clients, by the names that `GET /fetch?client=` takes.
pub const CLIENTS: &[(Language, &[&str])] = &[
    (Language::Python, &["curl", "urllib", "requests", "httpx", "aiohttp"]),
    (Language::Go, &["nethttp"]),
    (Language::Node, &["fetch", "axios", "https"]),
    (Language::Java, &["httpclient", "okhttp"]),
    (Language::Ruby, &["nethttp"]),
    (Language::Rust, &["reqwest-native"]),
];

/// A client that carries its roots inside, and can be made to trust nobody else.
pub const UNTRUSTING: (Language, &str) = (Language::Rust, "reqwest-webpki");

impl Driver {
    /// # Panics
    /// When there is none of that name.
    pub fn named(name: &str) -> Self {
        *DRIVERS.iter().find(|driver| driver.name == name).unwrap_or_else(|| panic!("no driver {name}"))
    }

    /// Can it log in to MySQL without encryption, when the server has not seen the password before?
    pub fn asks_for_public_key(self) -> bool {
        !self.name.starts_with("mysql-connector")
    }

    /// Its application, as user t of `database`.
    pub fn app(self, database: &Database, trust: Trust<'_>) -> App {
        let app = self.language.app(self.name, self.name);
        let app = app.with("DB_HOST", "db.test").with("DB_PORT", &database.server().port().to_string());
        let app = app.with("DB_USER", "t").with("DB_PASSWORD", "pw").with("DB_NAME", "test");
        match trust {
            Trust::Off => app.with("DB_TLS", "off"),
            Trust::Anybody => app.with("DB_TLS", "require"),
            Trust::Authority(ca) => app.with("DB_TLS", "verify").with("DB_CA", &ca.display().to_string()),
            Trust::Default => app.with("DB_TLS", "verify"),
        }
    }
}

impl Language {
    /// Its application without a database, which only fetches.
    pub fn fetcher(self) -> App {
        let name = match self {
            Self::Python => "fetch-python",
            Self::Go => "fetch-go",
            Self::Node => "fetch-node",
            Self::Java => "fetch-java",
            Self::Ruby => "fetch-ruby",
            Self::Rust => "fetch-rust",
        };
        self.app(name, "")
    }

    fn app(self, name: &'static str, argument: &str) -> App {
        let script = |path: &str| file(path).display().to_string();
        let program = match self {
            Self::Python => format!("{} {}", python().display(), script("apps/pydb/app.py")),
            Self::Go => installed("godb").display().to_string(),
            Self::Node => format!("node {}", script("apps/nodedb/app.js")),
            Self::Java => "java App".to_owned(),
            Self::Ruby => format!("ruby {}", script("apps/rubydb/app.rb")),
            Self::Rust => installed("rustdb-target/release/rustdb").display().to_string(),
        };
        let app = App::new(name, format!("{program} {argument}").trim_end().to_owned());
        match self {
            Self::Node => app.with("NODE_PATH", &installed("nodedb/node_modules").display().to_string()),
            Self::Java => {
                let (classes, libraries) = (installed("javadb/classes"), installed("javadb/lib"));
                app.with("CLASSPATH", &format!("{}:{}/*", classes.display(), libraries.display()))
            }
            _ => app,
        }
    }
}
