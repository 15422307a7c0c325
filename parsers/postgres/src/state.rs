//! What earlier messages mean for later ones. Recording and mocking follow it in the same way, so that the same
//! question has the same document.
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    hash::{BuildHasher, BuildHasherDefault, DefaultHasher},
    sync::Arc,
};

use keploy_sdk::{Map, Value};

use crate::{
    request::Bind,
    response::{Column, Response},
    sql::{Effect, Sql, Statement as Parsed},
    value::{self, Format},
};

#[derive(Default)]
pub struct State {
    /// When it is not the one named like the user, which is the default.
    database: Option<String>,
    pub transaction: Transaction,
    settings: Settings,
    statements: HashMap<Vec<u8>, Statement>,
    portals: HashMap<Vec<u8>, Portal>,
    /// Hashes of the texts that the server is known to understand.
    understood: HashSet<u64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transaction {
    #[default]
    None,
    Open,
    Failed,
}

/// A prepared statement.
#[derive(Clone)]
pub struct Statement {
    pub sql: Arc<Sql>,
    /// The types of parameters that the client named; 0: the server decides.
    pub declared: Vec<u32>,
    /// What the server said they are.
    pub parameters: Option<Vec<u32>>,
    /// None: not described yet. `Some(None)`: it returns no rows.
    pub columns: Option<Option<Vec<Column>>>,
}

/// A statement with its parameters.
#[derive(Clone)]
pub struct Portal {
    /// The name of the statement it is of.
    statement: Vec<u8>,
    pub sql: Arc<Sql>,
    pub params: Vec<Value>,
    pub formats: Vec<i16>,
    pub columns: Option<Option<Vec<Column>>>,
    pub progress: Progress,
}

/// Of a portal that is read in several goes.
#[derive(Clone, Default)]
pub enum Progress {
    #[default]
    New,
    /// Recording: its exchange is open.
    Recording(u64),
    /// Mocking: what is left of the answer.
    Answered(Box<Answer>),
}

/// What is left of a recorded answer.
#[derive(Clone, Default)]
pub struct Answer {
    pub response: Response,
    pub sent: usize,
}

/// Settings that change what an answer says.
#[derive(Default)]
struct Settings {
    /// As they were reported when the connection began: not worth a word.
    initial: BTreeMap<String, String>,
    now: BTreeMap<String, String>,
    /// Until the transaction ends.
    local: BTreeMap<String, String>,
    /// What a rollback brings back.
    before: Option<BTreeMap<String, String>>,
}

impl State {
    /// The client's start-up packet.
    pub fn begin(&mut self, startup: &[(String, String)]) {
        let find = |wanted: &str| startup.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone());
        self.database = find("database").filter(|database| find("user").as_ref() != Some(database));
        for (name, value) in startup {
            let name = name.to_ascii_lowercase();
            if matches!(name.as_str(), "search_path" | "role") || name.contains('.') && !name.starts_with("_pq_.") {
                self.settings.now.insert(name, value.clone());
            }
        }
    }

    /// What the server reported at the end of the start-up.
    pub fn begun(&mut self, parameters: &[(String, String)]) {
        self.settings.initial =
            parameters.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone())).collect();
    }

    /// Adds to a request's document what the answer depends on. `steady`: what is asked does not depend on transactions.
    pub fn describe(&self, map: &mut Map, steady: bool) {
        match self.transaction {
            Transaction::Open if !steady => map.insert("in", "transaction"),
            Transaction::Failed => map.insert("in", "failed transaction"),
            Transaction::None | Transaction::Open => {}
        }
        if let Some(database) = &self.database {
            map.insert("database", database.as_str());
        }
        let settings = self.settings.telling();
        if !settings.is_empty() {
            map.insert("settings", settings);
        }
    }

    pub fn understands(&self, sql: &Sql) -> bool {
        self.understood.contains(&hash(&sql.text))
    }

    pub fn understood(&mut self, sql: &Sql) {
        const MOST: usize = 10_000;
        if self.understood.len() < MOST {
            self.understood.insert(hash(&sql.text));
        }
    }

    pub fn parse(&mut self, name: Vec<u8>, sql: Arc<Sql>, declared: Vec<u32>) {
        self.statements.insert(name, Statement { sql, declared, parameters: None, columns: None });
    }

    /// A statement; one that the client did not send as a message was prepared in SQL, which is not followed.
    pub fn statement(&mut self, name: &[u8]) -> &mut Statement {
        self.statements.entry(name.to_vec()).or_insert_with(|| {
            let text = [b"EXECUTE \"", name, b"\""].concat();
            Statement { sql: Arc::new(Sql::new(&text)), declared: Vec::new(), parameters: None, columns: None }
        })
    }

    pub fn bind(&mut self, bind: Bind) -> Option<Portal> {
        let statement = self.statement(&bind.statement);
        let types = statement.parameters.as_ref().unwrap_or(&statement.declared);
        let params = bind.params.iter().enumerate().map(|(at, value)| match value {
            None => Value::Null,
            Some(raw) => value::decode(types.get(at).copied().unwrap_or_default(), format(&bind.formats, at), raw),
        });
        let portal = Portal {
            sql: Arc::clone(&statement.sql),
            params: params.collect(),
            formats: bind.results,
            columns: statement.columns.clone(),
            progress: Progress::New,
            statement: bind.statement,
        };
        self.portals.insert(bind.portal, portal)
    }

    pub fn portal(&mut self, name: &[u8]) -> Option<&mut Portal> {
        self.portals.get_mut(name)
    }

    /// A portal that is executed; one that was not bound is a cursor declared in SQL, which is not followed.
    pub fn executed(&mut self, name: &[u8]) -> &mut Portal {
        self.portals.entry(name.to_vec()).or_insert_with(|| {
            let sql = Arc::new(Sql::new(&[b"FETCH ALL FROM \"", name, b"\""].concat()));
            let (statement, params, formats) = (Vec::new(), Vec::new(), Vec::new());
            Portal { statement, sql, params, formats, columns: None, progress: Progress::New }
        })
    }

    /// What a portal returns was said: its statement returns the same, and drivers do not ask again.
    pub fn portal_returns(&mut self, name: &[u8], columns: Option<Vec<Column>>) -> &Portal {
        let portal = self.executed(name);
        portal.columns = Some(columns.clone());
        let (statement, sql) = (portal.statement.clone(), Arc::clone(&portal.sql));
        if let Some(statement) = self.statements.get_mut(&statement)
            && Arc::ptr_eq(&statement.sql, &sql)
        {
            statement.columns.get_or_insert(columns);
        }
        self.executed(name)
    }

    pub fn close_statement(&mut self, name: &[u8]) {
        self.statements.remove(name);
    }

    pub fn close_portal(&mut self, name: &[u8]) -> Option<Portal> {
        self.portals.remove(name)
    }

    /// Portals do not outlive their transaction.
    pub fn close_portals(&mut self) -> impl Iterator<Item = Portal> {
        std::mem::take(&mut self.portals).into_values()
    }

    /// A statement was carried out, or failed.
    pub fn done(&mut self, statement: Option<&Parsed>, response: &Response) {
        if response.error.is_some() {
            if self.transaction == Transaction::Open {
                self.transaction = Transaction::Failed;
            }
            return;
        }
        let Some(statement) = statement else { return };
        match &statement.effect {
            Effect::None | Effect::Listen(_) | Effect::Unlisten(_) => {}
            Effect::Begin => {
                if self.transaction == Transaction::None {
                    self.settings.before = Some(self.settings.now.clone());
                }
                self.transaction = Transaction::Open;
            }
            Effect::End { commits, chain } => {
                let rolled_back = !commits || self.transaction == Transaction::Failed;
                self.settings.end(rolled_back);
                self.transaction = if *chain { Transaction::Open } else { Transaction::None };
            }
            Effect::RollbackTo => self.transaction = Transaction::Open,
            Effect::Set { name, value, local } => {
                let settings = if *local { &mut self.settings.local } else { &mut self.settings.now };
                settings.insert(name.clone(), value.clone());
            }
            Effect::Reset(Some(name)) => drop(self.settings.now.remove(name)),
            Effect::Reset(None) => self.settings.now.clear(),
            Effect::DiscardAll => {
                self.settings.now.clear();
                self.statements.clear();
            }
        }
    }

    /// The server says what is so, where it and we differ: a procedure may end a transaction.
    pub fn ready(&mut self, status: u8) {
        let now = match status {
            b'T' => Transaction::Open,
            b'E' => Transaction::Failed,
            _ => Transaction::None,
        };
        self.transaction = now;
        if now == Transaction::None {
            self.settings.local.clear();
            self.settings.before = None;
        }
    }
}

impl Transaction {
    pub fn status(self) -> u8 {
        match self {
            Self::None => b'I',
            Self::Open => b'T',
            Self::Failed => b'E',
        }
    }
}

impl Statement {
    pub fn types(&self) -> &[u32] {
        self.parameters.as_ref().unwrap_or(&self.declared)
    }
}

impl Portal {
    /// The format of each of `count` columns.
    pub fn result_formats(&self, count: usize) -> Vec<Format> {
        (0..count).map(|at| format(&self.formats, at)).collect()
    }
}

impl Settings {
    /// What is worth a word. Most settings of a driver change no answer.
    fn telling(&self) -> Map {
        const TELLING: [&str; 7] =
            ["bytea_output", "datestyle", "intervalstyle", "role", "search_path", "session_authorization", "timezone"];
        let mut all = self.now.clone();
        all.extend(self.local.clone());
        all.into_iter()
            .filter(|(name, value)| {
                (TELLING.contains(&name.as_str()) || name.contains('.')) && self.initial.get(name) != Some(value)
            })
            .map(|(name, value)| (name, Value::from(value)))
            .collect()
    }

    fn end(&mut self, rolled_back: bool) {
        self.local.clear();
        if let Some(before) = self.before.take().filter(|_| rolled_back) {
            self.now = before;
        }
    }
}

/// Formats are given for each, one for all, or none for text.
pub fn format(formats: &[i16], at: usize) -> Format {
    match formats {
        [] => Format::Text,
        [all] => Format::from_code(*all),
        each => each.get(at).map_or(Format::Text, |code| Format::from_code(*code)),
    }
}

fn hash(text: &[u8]) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(text)
}
