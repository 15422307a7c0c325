//! What earlier statements mean for later ones.
//!
//! Of the settings of a session, those are followed that change what the same statement answers, and that applications
//! change under way: the database, the role, the time zone. A driver's own settings are the same on all connections.
use keploy_sdk::{Map, Value};

use crate::{
    document::{AUTOCOMMIT, IN_TRANSACTION, NO_BACKSLASH_ESCAPES},
    ending::Ok,
    session_track,
    sql::Settings,
};

#[derive(Default)]
pub struct State {
    status: u16,
    /// The one that the connection began with.
    database: Value,
    /// By name; what differs from how the connection began.
    settings: Map,
}

impl State {
    /// The status that was told last, without what it said about one statement only.
    pub fn status(&self) -> u16 {
        self.status & (IN_TRANSACTION | AUTOCOMMIT | NO_BACKSLASH_ESCAPES)
    }

    pub fn told(&mut self, ok: &Ok) {
        self.status = ok.status;
        if let Some(database) = ok.session.as_ref().and_then(session_track::database) {
            self.use_database(database.clone());
        }
    }

    /// A statement that makes these settings was executed without an error.
    pub fn set(&mut self, settings: Settings) {
        for (name, value) in settings {
            match value {
                Some(value) if name == "database" => self.use_database(value),
                Some(value) => self.settings.insert(name, value),
                None => drop(self.settings.remove(name)),
            }
        }
    }

    fn use_database(&mut self, database: Value) {
        if database == self.database {
            self.settings.remove("database");
        } else {
            self.settings.insert("database", database);
        }
    }

    /// The user is another one, with this database.
    pub fn log_in(&mut self, database: Value) {
        self.database = database;
        self.reset();
    }

    pub fn reset(&mut self) {
        self.settings = Map::new();
    }

    /// What of it a request says. Without autocommit everything is in a transaction, and nothing is to be said.
    pub fn put(&self, request: &mut Map) {
        if self.status & IN_TRANSACTION != 0 && self.status & AUTOCOMMIT != 0 {
            request.insert("in", "transaction");
        }
        if !self.settings.is_empty() {
            request.insert("session", self.settings.clone());
        }
    }
}
