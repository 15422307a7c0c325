//! Descriptions, and executions of prepared statements.
use std::sync::Arc;

use keploy_sdk::{Fault, Value};

use super::{Mock, write_notification};
use crate::{
    record::CopyIn,
    request::{Request, Target},
    response::{Column, Response, bad, type_from, write_row},
    state::{Answer, Progress},
    value::Format,
};

impl Mock {
    pub(super) fn description(&mut self, target: &Target, responses: Vec<Value>) -> Result<(), Fault> {
        let mut document = responses.into_iter().next().ok_or_else(|| bad("a description without a response"))?;
        let params = document.as_map_mut().and_then(|map| map.remove("params"));
        let response = Response::from_document(document)?;
        if let Some(error) = response.error {
            self.refuse(error);
            return Ok(());
        }
        let mut formats = Vec::new();
        match target {
            Target::Statement(name) => {
                let params = params.as_ref().and_then(Value::as_array).unwrap_or_default();
                let types: Vec<u32> = params.iter().map(type_from).collect::<Result<_, _>>()?;
                self.out.message(b't', |body| {
                    body.extend((types.len() as u16).to_be_bytes());
                    body.extend(types.iter().flat_map(|oid| oid.to_be_bytes()));
                });
                let statement = self.state.statement(name);
                statement.parameters = Some(types);
                statement.columns = Some(response.columns.clone());
                let sql = Arc::clone(&statement.sql);
                self.state.understood(&sql);
            }
            Target::Portal(name) => {
                let portal = self.state.executed(name);
                portal.columns = Some(response.columns.clone());
                formats = portal.result_formats(response.columns.iter().map(Vec::len).sum());
            }
        }
        self.write_columns(response.columns.as_deref(), &formats);
        Ok(())
    }

    pub(super) fn write_columns(&mut self, columns: Option<&[Column]>, formats: &[Format]) {
        match columns {
            Some(columns) => Column::write(columns, formats, &mut self.out),
            None => self.out.message(b'n', |_| {}),
        }
    }

    /// The answer to all executions of a portal. The request that needs it is still in the queue.
    pub(super) fn portal(&mut self, name: &[u8], responses: Vec<Value>) -> Result<(), Fault> {
        let mut whole = Response::default();
        for document in responses {
            write_notification(&document, &mut self.notifications)?;
            if document.get("notification").is_none() {
                let mut part = Response::from_document(document)?;
                whole.rows.append(&mut part.rows);
                whole.notices.append(&mut part.notices);
                let Response { columns, rows, notices, copy, .. } = whole;
                whole = Response { columns: columns.or(part.columns), rows, notices, copy: copy.or(part.copy), ..part };
            }
        }
        if whole.columns.is_none() && !whole.rows.is_empty() {
            let widest = whole.rows.iter().map(Vec::len).max().unwrap_or_default();
            let known = self.state.executed(name).columns.clone().flatten();
            whole.columns = Some(known.unwrap_or_else(|| (0..widest).map(Column::unknown).collect()));
        }
        let describes = matches!(self.queue.front(), Some(Request::Describe(_)));
        if describes && whole.error.is_some() && whole.rows.is_empty() && whole.tag.is_none() {
            whole.write_notices(&mut self.out);
            let portal = self.state.executed(name).sql.clone();
            self.state.done(portal.statements.first(), &whole);
            if let Some(error) = &whole.error {
                self.write_error(error);
            }
            self.queue.skip_to_sync();
            return Ok(());
        }
        if describes {
            self.queue.pop();
            self.describe_answer(name, whole.columns.as_deref());
        }
        self.state.executed(name).progress = Progress::Answered(Box::new(Answer { response: whole, sent: 0 }));
        Ok(())
    }

    /// Describes a portal from the answer to its execution.
    pub(super) fn describe_answer(&mut self, name: &[u8], columns: Option<&[Column]>) {
        let formats = self.state.executed(name).result_formats(columns.map_or(0, <[Column]>::len));
        self.write_columns(columns, &formats);
    }

    /// Rows of a portal, and how it ended.
    pub(super) fn execute(&mut self, name: &[u8], mut answer: Answer, limit: u32) -> Result<(), Fault> {
        let portal = self.state.executed(name);
        let sql = Arc::clone(&portal.sql);
        let columns = answer.response.columns.as_deref().unwrap_or_default();
        let formats = portal.result_formats(columns.len());
        if answer.sent == 0 {
            answer.response.write_notices(&mut self.out);
        }
        let left = answer.response.rows.get(answer.sent..).unwrap_or_default();
        let limit = if limit == 0 { usize::MAX } else { limit as usize };
        let now = left.get(..limit).unwrap_or(left);
        for row in now {
            write_row(row, columns, &formats, &mut self.out)?;
        }
        let count = now.len();
        answer.sent += count;
        if count == limit {
            self.out.message(b's', |_| {});
            self.state.executed(name).progress = Progress::Answered(Box::new(answer));
            return Ok(());
        }
        let mut response = answer.response;
        self.state.executed(name).progress = Progress::New;
        if self.copy(&response)? {
            self.copying = Some((sql, 0, false, CopyIn::default()));
            return Ok(());
        }
        if response.tag.is_none() && !response.empty && response.error.is_none() {
            // The recorded client did not read to the end.
            response.tag = Some(format!("SELECT {count}").into_bytes());
        }
        self.tag(&response)?;
        match response.error.take() {
            Some(error) if response.tag.is_some() => {
                self.at_sync = Some(error);
                self.state.done(sql.statements.first(), &response);
            }
            Some(error) => self.refuse(error),
            None => {
                self.state.understood(&sql);
                self.state.done(sql.statements.first(), &response);
            }
        }
        Ok(())
    }
}
