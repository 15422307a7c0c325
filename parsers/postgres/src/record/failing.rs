//! What the server refuses, and whose error it is.
use keploy_sdk::{Instant, Level, Session};

use super::Recording;
use crate::{
    question::{Question, shared},
    request::{Request, Target},
    response::{Notice, Response},
    sql::Sql,
};

impl Recording {
    pub(super) fn error(&mut self, host: &mut dyn Session, error: Notice, at: Instant) {
        match self.queue.front() {
            None => {
                let text = String::from_utf8_lossy(error.field(b'M').unwrap_or_default()).into_owned();
                host.log(Level::Info, &format!("the server said, and nobody had asked: {text}"));
            }
            // What was put off until the end of the transaction failed.
            Some(Request::Sync) => {
                if let Some(held) = &mut self.held {
                    held.response.error = Some(error);
                    self.state.done(None, &held.response);
                }
            }
            Some(Request::Function(_)) => {
                let response = Response { error: Some(error), ..Response::default() };
                self.state.done(None, &response);
                self.call(host, response.document(), at);
            }
            Some(request) => {
                let simple = matches!(request, Request::Query(_));
                self.building.error = Some(error);
                match simple || self.running.is_some() {
                    true => {
                        self.open(host);
                        self.copying = None;
                        self.finish(host, at);
                    }
                    false => self.fail(host, at),
                }
                if !simple {
                    self.queue.skip_to_sync();
                }
            }
        }
    }

    /// Something on the way to an execution failed. The error belongs to the first that a mock would look up.
    pub(super) fn fail(&mut self, host: &mut dyn Session, at: Instant) {
        self.release(host);
        let response = std::mem::take(&mut self.building);
        while !matches!(self.queue.front(), None | Some(Request::Sync)) {
            let next = self.queue.next_request();
            let prepares = !matches!(next, Some(Request::Bind(_) | Request::Describe(_)));
            let executes =
                |portal: &[u8]| matches!(next, Some(Request::Execute { portal: next, .. }) if next == portal);
            let question = match self.queue.front() {
                Some(Request::Parse { sql, .. }) if prepares => {
                    Some(Question::prepare(&self.state, &Sql::new(sql)).once())
                }
                Some(Request::Describe(Target::Statement(name))) => {
                    let statement = self.state.statement(name).clone();
                    Some(Question::describe(&self.state, &statement).once())
                }
                Some(Request::Describe(Target::Portal(name))) => {
                    let asks = executes(name);
                    let portal = self.state.executed(name).clone();
                    Some(match asks {
                        true => Question::portal(&self.state, &portal),
                        false => Question::describe_portal(&self.state, &portal.sql).once(),
                    })
                }
                Some(Request::Execute { portal, .. }) => {
                    let portal = self.state.executed(portal).clone();
                    Some(Question::portal(&self.state, &portal))
                }
                _ => None,
            };
            if let Some(question) = question {
                let exchange = question.open(host, self.queue.since());
                self.state.done(None, &response);
                host.reply(exchange, response.document(), at);
                host.close(exchange);
                return;
            }
            match self.queue.pop() {
                Some(Request::Parse { statement, sql, types }) => self.state.parse(statement, shared(&sql), types),
                Some(Request::Bind(bind)) => drop(self.state.bind(bind)),
                _ => {}
            }
        }
        self.state.done(None, &response);
    }
}
