//! Answering in the server's place, once the client is logged in.
//!
//! Requests are dealt with one by one: what one means may depend on how the one before it was answered. Where an answer
//! has to be looked up, the rest waits.
mod portals;

use std::sync::Arc;

use keploy_sdk::{Exchange, Fault, Instant, Session, Side, Value};

use crate::{
    question::{Question, shared},
    queue::Queue,
    record::CopyIn,
    request::{Request, Target},
    response::{Column, Direction, Notice, Response, bad, parameters_from, write_parameters, write_row},
    sql::Sql,
    state::{Progress, State, Transaction},
    wire::{Out, put_string, put_value},
};

/// `system_error`: neither the statement nor the data is to blame, and no driver tries again.
pub const MISSING: &str = "58000";
/// The number of every mocked connection, and of whoever notifies it.
pub const PROCESS: u32 = 1;
const OTHER_PROCESS: u32 = 2;

#[derive(Default)]
pub struct Mock {
    pub state: State,
    queue: Queue,
    waiting: Option<(Exchange, Waiting)>,
    /// The client copies, and this is what it copied.
    copying: Option<(Arc<Sql>, usize, bool, CopyIn)>,
    /// What fails when the transaction ends.
    at_sync: Option<Notice>,
    /// The server ended the connection with an error.
    hangs_up: bool,
    /// Sent when the client is told that the server is ready.
    notifications: Out,
    out: Out,
}

/// What was looked up.
enum Waiting {
    Query(Arc<Sql>),
    Prepare(Arc<Sql>),
    Describe(Target),
    Portal(Vec<u8>),
    /// The text, the statement in it, and whether it was sent as a `Query`.
    Copy(Arc<Sql>, usize, bool),
    Function,
}

impl Mock {
    pub fn client(&mut self, host: &mut dyn Session, request: Request, since: Instant) -> Result<(), Fault> {
        self.queue.push(request, since);
        self.go_on(host)
    }

    pub fn answer(&mut self, host: &mut dyn Session, exchange: Exchange, responses: Vec<Value>) -> Result<(), Fault> {
        let Some((_, waiting)) = self.waiting.take_if(|(waiting, _)| *waiting == exchange) else {
            return Err(Fault::new("unasked-answer", format!("nothing waits for exchange {exchange}")));
        };
        match waiting {
            Waiting::Query(sql) => self.results(&sql, 0, responses, true)?,
            Waiting::Copy(sql, at, simple) => self.results(&sql, at, responses, simple)?,
            Waiting::Prepare(sql) => self.prepared(&sql, responses)?,
            Waiting::Describe(target) => self.description(&target, responses)?,
            Waiting::Portal(name) => self.portal(&name, responses)?,
            Waiting::Function => self.function(responses)?,
        }
        self.go_on(host)
    }

    pub fn miss(&mut self, host: &mut dyn Session, exchange: Exchange, reason: &str) -> Result<(), Fault> {
        let response = self.without_asking().unwrap_or_else(|| {
            let error = Notice::error("ERROR", MISSING, &format!("keploy: {reason}"));
            Response { error: Some(error), ..Response::default() }
        });
        self.answer(host, exchange, vec![response.document()])
    }

    /// What the server would say to something that nobody has to look up: drivers and pools tidy up when they please,
    /// and a statement that nothing is known against is understood.
    fn without_asking(&mut self) -> Option<Response> {
        let sql = match &self.waiting.as_ref()?.1 {
            Waiting::Prepare(_) => return Some(Response::default()),
            Waiting::Query(sql) => Arc::clone(sql),
            Waiting::Portal(name) => {
                let name = name.clone();
                Arc::clone(&self.state.executed(&name).sql)
            }
            _ => return None,
        };
        let failed = self.state.transaction == Transaction::Failed;
        let tag = sql.tidies_up().or_else(|| sql.gives_up(failed))?.to_owned();
        Some(Response { tag: Some(tag.into_bytes()), ..Response::default() })
    }

    fn go_on(&mut self, host: &mut dyn Session) -> Result<(), Fault> {
        while self.waiting.is_none() && !self.hangs_up && self.step(host)? {}
        self.send(host);
        if self.hangs_up {
            host.finish(Side::Client);
        }
        Ok(())
    }

    fn send(&mut self, host: &mut dyn Session) {
        if !self.out.0.is_empty() {
            host.write(Side::Client, &std::mem::take(&mut self.out.0));
        }
    }

    fn ask(&mut self, host: &mut dyn Session, question: Question, since: Instant, waiting: Waiting) {
        self.send(host);
        self.waiting = Some((question.open(host, since), waiting));
    }

    /// Deals with one request. False when there is none, or one that has to wait for the next.
    fn step(&mut self, host: &mut dyn Session) -> Result<bool, Fault> {
        if self.copying.is_some() {
            return Ok(self.copy_in(host));
        }
        let (since, next) = (self.queue.since(), self.queue.next_request());
        match (self.queue.front(), next) {
            (None, _) | (Some(Request::Parse { .. } | Request::Describe(Target::Portal(_))), None) => return Ok(false),
            _ => {}
        }
        let prepares = !matches!(next, Some(Request::Bind(_) | Request::Describe(_)));
        let executes = self.queue.executes_next();
        match self.queue.pop() {
            Some(Request::Query(text)) => {
                let sql = shared(&text);
                self.ask(host, Question::query(&self.state, &sql, &[]), since, Waiting::Query(sql));
            }
            Some(Request::Parse { statement, sql, types }) => {
                let sql = shared(&sql);
                self.state.parse(statement, Arc::clone(&sql), types);
                if prepares && !self.state.understands(&sql) {
                    self.ask(host, Question::prepare(&self.state, &sql), since, Waiting::Prepare(sql));
                } else {
                    self.out.message(b'1', |_| {});
                }
            }
            Some(Request::Bind(bind)) => {
                self.state.bind(bind);
                self.out.message(b'2', |_| {});
            }
            Some(Request::Describe(Target::Statement(name))) => {
                let statement = self.state.statement(&name).clone();
                let question = Question::describe(&self.state, &statement);
                self.ask(host, question, since, Waiting::Describe(Target::Statement(name)));
            }
            Some(Request::Describe(Target::Portal(name))) => {
                let portal = self.state.executed(&name);
                let known = match &portal.progress {
                    Progress::Answered(answer) => Some(answer.response.columns.clone()),
                    _ => None,
                };
                let sql = Arc::clone(&portal.sql);
                if !executes {
                    let question = Question::describe_portal(&self.state, &sql);
                    self.ask(host, question, since, Waiting::Describe(Target::Portal(name)));
                } else if let Some(columns) = known {
                    self.describe_answer(&name, columns.as_deref());
                } else {
                    self.queue.push_front(Request::Describe(Target::Portal(name.clone())), since);
                    self.ask_portal(host, name, since);
                }
            }
            Some(Request::Execute { portal: name, limit }) => {
                match std::mem::take(&mut self.state.executed(&name).progress) {
                    Progress::Answered(answer) => self.execute(&name, *answer, limit)?,
                    _ => {
                        self.queue.push_front(Request::Execute { portal: name.clone(), limit }, since);
                        self.ask_portal(host, name, since);
                    }
                }
            }
            Some(Request::Close(target)) => {
                match target {
                    Target::Statement(name) => self.state.close_statement(&name),
                    Target::Portal(name) => drop(self.state.close_portal(&name)),
                }
                self.out.message(b'3', |_| {});
            }
            Some(Request::Function(function)) => {
                self.ask(host, Question::function(&self.state, &function), since, Waiting::Function);
            }
            Some(Request::Sync) => {
                if let Some(error) = self.at_sync.take() {
                    self.error(error);
                }
                self.ready();
            }
            Some(Request::Terminate) => {
                self.send(host);
                host.finish(Side::Client);
            }
            Some(Request::TooLarge(_)) => {
                self.error(Notice::error("ERROR", "54000", "keploy: the request is too large to be read"));
                self.ready();
            }
            Some(
                Request::Flush | Request::Secret | Request::CopyData(_) | Request::CopyDone | Request::CopyFail(_),
            )
            | None => {}
        }
        Ok(true)
    }

    fn ask_portal(&mut self, host: &mut dyn Session, name: Vec<u8>, since: Instant) {
        let portal = self.state.executed(&name).clone();
        self.ask(host, Question::portal(&self.state, &portal), since, Waiting::Portal(name));
    }

    /// What statements came to, from statement `at` of the text on.
    fn results(&mut self, sql: &Arc<Sql>, mut at: usize, responses: Vec<Value>, simple: bool) -> Result<(), Fault> {
        let mut failed = false;
        for document in responses {
            write_notification(&document, &mut self.notifications)?;
            if document.get("notification").is_some() {
                continue;
            }
            let response = Response::from_document(document)?;
            self.copying = None;
            response.write_notices(&mut self.out);
            let columns = response.columns.as_deref().unwrap_or_default();
            if response.columns.is_some() {
                Column::write(columns, &[], &mut self.out);
            }
            for row in &response.rows {
                write_row(row, columns, &[], &mut self.out)?;
            }
            if self.copy(&response)? {
                self.copying = Some((Arc::clone(sql), at, simple, CopyIn::default()));
                continue;
            }
            self.tag(&response)?;
            self.state.done(sql.statements.get(at), &response);
            at += 1;
            if let Some(error) = &response.error {
                self.write_error(error);
                failed = true;
            }
        }
        if self.copying.is_some() {
            return Ok(());
        }
        if simple {
            self.ready();
        } else if failed {
            self.queue.skip_to_sync();
        }
        Ok(())
    }

    /// Writes what was copied. True when it is the client that copies.
    fn copy(&mut self, response: &Response) -> Result<bool, Fault> {
        let Some(copy) = &response.copy else { return Ok(false) };
        copy.write(&mut self.out);
        if copy.direction == Direction::In {
            return Ok(true);
        }
        for data in &copy.data {
            let data = data.as_raw().ok_or_else(|| bad("what was copied is neither text nor bytes"))?;
            self.out.message(b'd', |body| body.extend_from_slice(data));
        }
        if response.tag.is_some() {
            self.out.message(b'c', |_| {});
        }
        Ok(false)
    }

    fn copy_in(&mut self, host: &mut dyn Session) -> bool {
        let since = self.queue.since();
        let Some((_, _, _, copied)) = &mut self.copying else { return false };
        let fail = match self.queue.pop() {
            None => return false,
            Some(Request::CopyData(data)) => {
                copied.add(host, &data);
                return true;
            }
            Some(Request::CopyDone) => None,
            Some(Request::CopyFail(reason)) => Some(reason),
            Some(_) => return true, // Flush and Sync mean nothing while copying
        };
        let Some((sql, at, simple, copied)) = self.copying.take() else { return false };
        let data = copied.document(host);
        let question = Question::copy(&self.state, &sql, data, fail.as_deref());
        self.ask(host, question, since, Waiting::Copy(sql, at, simple));
        true
    }

    fn prepared(&mut self, sql: &Sql, responses: Vec<Value>) -> Result<(), Fault> {
        match only(responses)?.error {
            Some(error) => self.refuse(error),
            None => {
                self.state.understood(sql);
                self.out.message(b'1', |_| {});
            }
        }
        Ok(())
    }

    /// How a statement ended, and what came of it beside its rows.
    fn tag(&mut self, response: &Response) -> Result<(), Fault> {
        response.write_tag(&mut self.out);
        response.write_parameters(&mut self.out);
        response.notifications.iter().try_for_each(|notification| notify(notification, PROCESS, &mut self.out))
    }

    fn function(&mut self, responses: Vec<Value>) -> Result<(), Fault> {
        let document = responses.into_iter().next().ok_or_else(|| bad("a function call without a response"))?;
        match document.get("value") {
            Some(value) => self.out.message(b'V', |body| put_value(body, value.as_raw())),
            None => {
                if let Some(error) = Response::from_document(document)?.error {
                    self.error(error);
                }
            }
        }
        self.ready();
        Ok(())
    }

    fn error(&mut self, error: Notice) {
        self.write_error(&error);
        self.state.done(None, &Response { error: Some(error), ..Response::default() });
    }

    fn write_error(&mut self, error: &Notice) {
        error.write(b'E', &mut self.out);
        self.hangs_up |= error.is_fatal();
    }

    /// An error in the extended protocol: the rest is passed over.
    fn refuse(&mut self, error: Notice) {
        self.error(error);
        self.queue.skip_to_sync();
    }

    fn ready(&mut self) {
        if self.hangs_up {
            return;
        }
        let status = self.state.transaction.status();
        self.state.ready(status);
        if self.state.transaction == Transaction::None {
            self.state.close_portals().for_each(drop);
        }
        self.out.message(b'Z', |body| body.push(status));
        self.out.0.append(&mut self.notifications.0);
    }
}

fn only(responses: Vec<Value>) -> Result<Response, Fault> {
    responses.into_iter().next().map_or_else(|| Ok(Response::default()), Response::from_document)
}

fn write_notification(document: &Value, out: &mut Out) -> Result<(), Fault> {
    match document.get("notification") {
        Some(notification) => notify(notification, OTHER_PROCESS, out),
        None => Ok(()),
    }
}

fn notify(notification: &Value, process: u32, out: &mut Out) -> Result<(), Fault> {
    let text = |name: &str| notification.get(name).and_then(Value::as_raw);
    let channel = text("channel").ok_or_else(|| bad("a notification without a channel"))?;
    out.message(b'A', |body| {
        body.extend(process.to_be_bytes());
        put_string(body, channel);
        put_string(body, text("payload").unwrap_or_default());
    });
    Ok(())
}

/// Lets anyone in, and tells the settings that were recorded. Returns these.
pub fn write_login(response: &Value, out: &mut Out) -> Result<Vec<(String, String)>, Fault> {
    out.message(b'R', |body| body.extend([0; 4]));
    let parameters = response.get("parameters").map_or_else(|| Ok(Vec::new()), parameters_from)?;
    write_parameters(&parameters, out);
    out.message(b'K', |body| {
        body.extend(PROCESS.to_be_bytes());
        body.extend([0; 4]);
    });
    out.message(b'Z', |body| body.push(b'I'));
    Ok(parameters)
}
