//! The prepared statements of a connection. Their numbers never leave it.
use std::collections::BTreeMap;

use keploy_sdk::Value;

use crate::{column::Column, parameters::Types};

#[derive(Default)]
pub struct Statements {
    all: BTreeMap<u32, Statement>,
    last: Option<u32>,
    given: u32,
}

#[derive(Default)]
pub struct Statement {
    pub sql: Value,
    pub params: usize,
    pub columns: Vec<Column>,
    pub types: Types,
    /// Values sent ahead, by parameter.
    pub long: BTreeMap<u16, Vec<u8>>,
    pub cursor: Option<Cursor>,
}

/// An open cursor: what it runs over, and how far it was read.
#[derive(Clone)]
pub struct Cursor {
    pub params: Value,
    pub row: u64,
}

/// MariaDB: the statement that was prepared last.
const LAST: u32 = u32::MAX;

impl Statements {
    pub fn insert(&mut self, number: u32, statement: Statement) {
        self.last = Some(number);
        self.all.insert(number, statement);
    }

    /// MariaDB: what fails to be prepared is not the one before it either.
    pub fn failed(&mut self) {
        self.last = None;
    }

    /// A number for the next one.
    pub fn number(&mut self) -> u32 {
        self.given += 1;
        self.given
    }

    pub fn get(&mut self, number: u32) -> Option<&mut Statement> {
        let number = if number == LAST { self.last? } else { number };
        self.all.get_mut(&number)
    }

    pub fn remove(&mut self, number: u32) {
        self.all.remove(&number);
    }

    pub fn clear(&mut self) {
        self.all.clear();
        self.last = None;
    }
}
