//! Reading both sides, once the client is logged in.
//!
//! A request takes effect when the server answers it: only then is it known whether it was carried out, failed, or was
//! passed over because something before it failed. So requests wait in a queue, and the server's messages move it on.
mod copying;
mod failing;
mod notifying;
mod preparing;

use std::{collections::BTreeMap, sync::Arc};

pub use copying::CopyIn;
use keploy_sdk::{Exchange, Fault, Instant, Map, Session, Value};

use crate::{
    question::{Question, shared},
    queue::Queue,
    request::Request,
    response::{Column, Copy, Direction, Notice, Response},
    sql::{Effect, Sql},
    state::{Progress, State, Transaction},
    value::{self, Format},
    wire::{Body, Fields, Message},
};

/// Of one answer, as it lies in memory; a longer one is counted as lost.
const LARGEST_ANSWER: usize = 16 << 20;

#[derive(Default)]
pub struct Recording {
    pub state: State,
    queue: Queue,
    /// The statement that is being answered.
    running: Option<Running>,
    /// Its answer so far.
    building: Response,
    size: usize,
    /// The last answer that was complete. What follows may still belong to it.
    held: Option<Held>,
    copying: Option<CopyIn>,
    /// The exchanges that asked for notifications, by channel.
    listening: BTreeMap<String, Exchange>,
    /// The server's number for this connection.
    pub process: u32,
    /// A replication stream: nothing more is read.
    pub over: bool,
}

struct Running {
    exchange: Exchange,
    sql: Arc<Sql>,
    /// Which statement of the text.
    at: usize,
    portal: Option<Vec<u8>>,
    formats: Vec<Format>,
    lost: Option<&'static str>,
}

struct Held {
    exchange: Exchange,
    response: Response,
    at: Instant,
    /// Nothing more comes for this exchange.
    last: bool,
}

impl Recording {
    pub fn client(&mut self, host: &mut dyn Session, request: Request, since: Instant) {
        self.queue.push(request, since);
        self.copy_in(host);
    }

    pub fn server(&mut self, host: &mut dyn Session, message: Message, at: Instant) -> Result<(), Fault> {
        let tag = message.tag;
        let body = match message.body {
            Body::Bytes(body) => body,
            Body::TooLarge(_) => return self.too_large(host, tag),
        };
        self.queue.settle(self.copying.is_some());
        let bad =
            || Fault::new("bad-message", format!("the fields of a server's message {:?} do not fit", char::from(tag)));
        let read = match tag {
            b'n' | b'1' | b'2' | b'3' | b'c' | b'I' | b's' => {
                self.bodiless(host, tag, at);
                Some(())
            }
            b'N' => Notice::read(&body).map(|notice| self.building.notices.push(notice)),
            b'S' => parameter(&body).map(|parameter| self.building.parameters.push(parameter)),
            b'A' => self.notification(host, &body, at),
            b'E' => Notice::read(&body).map(|error| self.error(host, error, at)),
            b'Z' => Fields(&body).u8().map(|status| self.ready(host, status)),
            b'T' => Column::read(&body).map(|(columns, formats)| self.columns(host, columns, formats, at)),
            b't' => Fields(&body).list(Fields::u32).map(|types| self.parameters(types)),
            b'D' => self.row(host, &body),
            b'C' => Fields(&body).string().map(|tag| {
                self.open(host);
                self.building.tag = Some(tag.to_vec());
                self.finish(host, at);
            }),
            b'G' | b'H' | b'W' => self.copy(host, tag, &body, at),
            b'd' => {
                self.copied(body);
                Some(())
            }
            b'V' => Fields(&body).value().map(|value| self.called(host, value, at)),
            _ => {
                return Err(Fault::new(
                    "bad-message",
                    format!("the server sent a message of type {:?}", char::from(tag)),
                ));
            }
        };
        read.ok_or_else(bad)
    }

    /// Messages that say all by their type.
    fn bodiless(&mut self, host: &mut dyn Session, tag: u8, at: Instant) {
        match tag {
            b'n' => self.described(host, None, at),
            b'1' => self.parsed(host, at),
            b'2' => self.bound(host),
            b'3' => self.closed(host),
            b'I' => {
                self.open(host);
                self.building.empty = true;
                self.finish(host, at);
            }
            b's' => {
                self.building.suspended = true;
                self.finish(host, at);
            }
            _ => {} // the end of a copy: the tag that follows says so, too
        }
    }

    /// The connection is over.
    pub fn end(&mut self, host: &mut dyn Session) {
        self.release(host);
        self.queue.settle(false);
        if self.running.is_none() && matches!(self.queue.front(), Some(Request::Query(_) | Request::Execute { .. })) {
            self.open(host);
        }
        if let Some(running) = self.running.take() {
            host.abandon(running.exchange, "the connection ended before the answer was complete");
        }
        self.close_portals(host);
        let mut listening: Vec<Exchange> = std::mem::take(&mut self.listening).into_values().collect();
        listening.sort_unstable();
        listening.dedup();
        listening.into_iter().for_each(|exchange| host.close(exchange));
    }

    /// The exchange of the request that is being answered: of an `Execute` or a `Query`.
    fn open(&mut self, host: &mut dyn Session) {
        if self.running.is_some() {
            return;
        }
        let since = self.queue.since();
        match self.queue.front() {
            Some(Request::Query(text)) => {
                let sql = shared(text);
                let exchange = Question::query(&self.state, &sql, &[]).open(host, since);
                self.run(exchange, sql, None);
            }
            Some(Request::Execute { portal, .. }) => {
                let name = portal.clone();
                self.open_portal(host, name, since);
            }
            Some(Request::TooLarge(_)) => {
                let sql = shared(b"");
                let exchange = Question::query(&self.state, &sql, &[]).open(host, since);
                self.run(exchange, sql, None);
                self.lose("the request is too large to be read");
            }
            _ => {}
        }
    }

    fn open_portal(&mut self, host: &mut dyn Session, name: Vec<u8>, since: Instant) {
        let portal = self.state.executed(&name).clone();
        let exchange = match portal.progress {
            Progress::Recording(exchange) => exchange,
            _ => {
                self.building.columns = portal.columns.clone().flatten();
                Question::portal(&self.state, &portal).open(host, since)
            }
        };
        let count = portal.columns.iter().flatten().map(Vec::len).max().unwrap_or_default();
        self.run(exchange, Arc::clone(&portal.sql), Some(name.clone()));
        if let (Some(running), true) = (&mut self.running, count > 0) {
            running.formats = portal.result_formats(count);
        }
        if let Some(portal) = self.state.portal(&name) {
            portal.progress = Progress::Recording(exchange);
        }
    }

    fn run(&mut self, exchange: Exchange, sql: Arc<Sql>, portal: Option<Vec<u8>>) {
        self.size = 0;
        self.running = Some(Running { exchange, sql, at: 0, portal, formats: Vec::new(), lost: None });
    }

    fn lose(&mut self, reason: &'static str) {
        self.building.rows = Vec::new();
        if let Some(running) = &mut self.running {
            running.lost = Some(reason);
        }
    }

    fn columns(&mut self, host: &mut dyn Session, columns: Vec<Column>, formats: Vec<Format>, at: Instant) {
        if matches!(self.queue.front(), Some(Request::Describe(_))) {
            self.described(host, Some(columns), at);
            return;
        }
        self.open(host);
        self.building.columns = Some(columns);
        if let Some(running) = &mut self.running {
            running.formats = formats;
        }
    }

    fn row(&mut self, host: &mut dyn Session, body: &[u8]) -> Option<()> {
        self.open(host);
        let Some(running) = &self.running else { return Some(()) };
        if running.lost.is_some() {
            return Some(());
        }
        let columns = match &running.portal {
            // A portal's later rows come without their columns.
            Some(portal) => self.state.portal(portal).and_then(|portal| portal.columns.as_ref()?.as_deref()),
            None => self.building.columns.as_deref(),
        };
        let mut fields = Fields(body);
        let mut at = 0;
        let row = fields.list(|fields| {
            let oid = columns.and_then(|columns| columns.get(at)).map_or(0, |column| column.oid);
            let format = running.formats.get(at).copied().unwrap_or(Format::Text);
            at += 1;
            Some(fields.value()?.map_or(Value::Null, |raw| value::decode(oid, format, raw)))
        })?;
        self.size += body.len() + row.len() * size_of::<Value>() + size_of::<Vec<Value>>();
        if self.size > LARGEST_ANSWER {
            self.lose("the answer is larger than 16 MiB");
        } else {
            self.building.rows.push(row);
        }
        fields.end(())
    }

    /// The answer to one statement is complete.
    fn finish(&mut self, host: &mut dyn Session, at: Instant) {
        self.release(host);
        let response = std::mem::take(&mut self.building);
        let Some(mut running) = self.running.take() else { return };
        let statement = running.sql.statements.get(running.at);
        self.state.done(statement, &response);
        if response.error.is_none() {
            self.state.understood(&running.sql);
        }
        let fatal = response.error.as_ref().is_some_and(Notice::is_fatal);
        let mut last = fatal || (running.portal.is_some() && !response.suspended);
        if response.tag.is_some() {
            match statement.map(|statement| &statement.effect) {
                Some(Effect::Listen(channel)) if !self.listening.contains_key(channel) => {
                    self.listening.insert(channel.clone(), running.exchange);
                    last = false;
                }
                Some(Effect::Unlisten(channel)) => self.unlisten(host, channel.as_deref(), running.exchange),
                Some(Effect::DiscardAll) => self.unlisten(host, None, running.exchange),
                _ => {}
            }
        }
        if let Some(portal) = &running.portal {
            self.queue.pop();
            if last && let Some(portal) = self.state.portal(portal) {
                portal.progress = Progress::New;
            }
        }
        let exchange = running.exchange;
        match running.lost {
            Some(reason) if running.portal.is_some() => host.abandon(exchange, reason),
            Some(_) => {}
            None => self.held = Some(Held { exchange, response, at, last }),
        }
        if fatal {
            self.queue = Queue::default(); // nothing else will be answered
        } else if running.portal.is_none() {
            running.at += 1;
            self.running = Some(running);
        }
    }

    /// Hands over the answer that was complete.
    fn release(&mut self, host: &mut dyn Session) {
        let Some(held) = self.held.take() else { return };
        host.reply(held.exchange, held.response.document(), held.at);
        if held.last {
            host.close(held.exchange);
        }
    }

    fn ready(&mut self, host: &mut dyn Session, status: u8) {
        // What a server reports before it is ready comes of what it just did.
        let late = std::mem::take(&mut self.building);
        if let Some(held) = &mut self.held {
            held.response.notices.extend(late.notices);
            held.response.parameters.extend(late.parameters);
            held.response.notifications.extend(late.notifications);
        }
        self.release(host);
        if let Some(running) = self.running.take() {
            match running.lost {
                Some(reason) => host.abandon(running.exchange, reason),
                None if self.listening.values().any(|exchange| *exchange == running.exchange) => {}
                None => host.close(running.exchange),
            }
        }
        self.copying = None;
        self.queue.pop_to_ready();
        self.state.ready(status);
        if self.state.transaction == Transaction::None {
            self.close_portals(host);
        }
    }

    fn called(&mut self, host: &mut dyn Session, value: Option<&[u8]>, at: Instant) {
        let value = value.map_or(Value::Null, |raw| Value::readable(raw.to_vec()));
        self.call(host, Map::new().with("value", value).into(), at);
    }

    fn call(&mut self, host: &mut dyn Session, response: Value, at: Instant) {
        if let Some(Request::Function(function)) = self.queue.front() {
            let exchange = Question::function(&self.state, function).open(host, self.queue.since());
            host.reply(exchange, response, at);
            host.close(exchange);
        }
    }

    fn too_large(&mut self, host: &mut dyn Session, tag: u8) -> Result<(), Fault> {
        match tag {
            b'D' | b'd' => {
                self.open(host);
                self.lose("a row is too large to be read");
                Ok(())
            }
            b'N' => Ok(()),
            _ => Err(Fault::new("too-large", format!("a message {:?} of the server is too large", char::from(tag)))),
        }
    }
}

fn parameter(body: &[u8]) -> Option<(String, String)> {
    let mut fields = Fields(body);
    let mut text = || fields.string().map(|text| String::from_utf8_lossy(text).into_owned());
    Some((text()?, text()?))
}

impl Copy {
    fn read(tag: u8, body: &[u8]) -> Option<Self> {
        let direction = if tag == b'G' { Direction::In } else { Direction::Out };
        let mut fields = Fields(body);
        let format = Format::from_code(fields.u8()?.into());
        let columns = fields.list(|fields| fields.i16().map(Format::from_code))?;
        fields.end(Self { direction, format, columns, data: Vec::new() })
    }
}
