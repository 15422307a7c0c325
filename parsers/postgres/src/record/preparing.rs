//! Statements and portals: what goes before an execution.
use std::sync::Arc;

use keploy_sdk::{Instant, Map, Session, Value};

use super::Recording;
use crate::{
    question::{Question, shared},
    request::{Request, Target},
    response::{Column, Response, type_document},
    state::Progress,
};

impl Recording {
    pub(super) fn parsed(&mut self, host: &mut dyn Session, at: Instant) {
        let prepares = !matches!(self.queue.next_request(), Some(Request::Bind(_) | Request::Describe(_)));
        let since = self.queue.since();
        let Some(Request::Parse { statement, sql, types }) = self.queue.pop() else { return };
        let parsed = shared(&sql);
        if prepares && !self.state.understands(&parsed) {
            self.release(host);
            let exchange = Question::prepare(&self.state, &parsed).open(host, since);
            host.reply(exchange, Response::default().document(), at);
            host.close(exchange);
            self.state.understood(&parsed);
        }
        self.state.parse(statement, parsed, types);
    }

    pub(super) fn bound(&mut self, host: &mut dyn Session) {
        if let Some(Request::Bind(bind)) = self.queue.pop()
            && let Some(before) = self.state.bind(bind)
        {
            self.close_portal(host, before.progress);
        }
    }

    pub(super) fn closed(&mut self, host: &mut dyn Session) {
        match self.queue.pop() {
            Some(Request::Close(Target::Statement(name))) => self.state.close_statement(&name),
            Some(Request::Close(Target::Portal(name))) => {
                if let Some(portal) = self.state.close_portal(&name) {
                    self.close_portal(host, portal.progress);
                }
            }
            _ => {}
        }
    }

    pub(super) fn close_portals(&mut self, host: &mut dyn Session) {
        let open: Vec<Progress> = self.state.close_portals().map(|portal| portal.progress).collect();
        open.into_iter().for_each(|progress| self.close_portal(host, progress));
    }

    pub(super) fn close_portal(&mut self, host: &mut dyn Session, progress: Progress) {
        if let Progress::Recording(exchange) = progress {
            self.release(host);
            host.close(exchange);
        }
    }

    pub(super) fn parameters(&mut self, types: Vec<u32>) {
        if let Some(Request::Describe(Target::Statement(name))) = self.queue.front() {
            self.state.statement(name).parameters = Some(types);
        }
    }

    pub(super) fn described(&mut self, host: &mut dyn Session, columns: Option<Vec<Column>>, at: Instant) {
        let since = self.queue.since();
        let executes = self.queue.executes_next();
        let document = |types: Option<&[u32]>| {
            let mut map = Map::new();
            if let Some(types) = types {
                map.insert("params", types.iter().map(|oid| type_document(*oid)).collect::<Vec<_>>());
            }
            if let Some(columns) = &columns {
                map.insert("columns", columns.iter().map(Column::document).collect::<Vec<_>>());
            }
            Value::from(map)
        };
        let (question, document) = match self.queue.pop() {
            Some(Request::Describe(Target::Statement(name))) => {
                let statement = self.state.statement(&name);
                let document = document(Some(statement.types()));
                statement.columns = Some(columns);
                let statement = statement.clone();
                self.state.understood(&statement.sql);
                (Question::describe(&self.state, &statement), document)
            }
            Some(Request::Describe(Target::Portal(name))) => {
                let document = document(None);
                let portal = self.state.portal_returns(&name, columns);
                if executes {
                    return;
                }
                let sql = Arc::clone(&portal.sql);
                (Question::describe_portal(&self.state, &sql), document)
            }
            _ => return,
        };
        self.release(host);
        let exchange = question.open(host, since);
        host.reply(exchange, document, at);
        host.close(exchange);
    }
}
