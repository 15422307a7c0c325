//! The server's direction: responses, reported under the exchanges they answer. Recording and driving share it.
use std::collections::VecDeque;

use keploy_sdk::{Exchange, Fault, Instant, Level, Map, Mode, Session, Side, Value};

use crate::{
    about::About,
    document, facts, framing,
    head::Response,
    inbox::Inbox,
    reader::{CutOff, Message, Reader, Step},
    switch::{Protocol, Switch},
};

pub struct Responses {
    mode: Mode,
    pub inbox: Inbox,
    reader: Reader<Response>,
    /// Requests whose responses are still to come, in the order they were sent.
    queue: VecDeque<Pending>,
    /// The response being read came when nothing had been asked.
    unsolicited: bool,
}

struct Pending {
    about: About,
    /// None while the rest of the request is still to come.
    exchange: Option<Exchange>,
    /// What the server said before it had the whole request.
    early: Vec<(Value, Instant)>,
    answered: bool,
}

/// What reading came to.
pub enum Event {
    Wait,
    /// A final response: a request that was held back may go on.
    Answered,
    Switch(Switch),
}

/// What becomes of requests that never got a response.
#[derive(Clone, Copy)]
pub enum Unanswered {
    /// The server went without an answer: that is how it behaved.
    Close,
    /// The client did not wait: nobody knows what the server would have said.
    Abandon,
}

impl Responses {
    pub fn new(mode: Mode) -> Self {
        Self {
            mode,
            inbox: Inbox::default(),
            reader: Reader::new(Side::Server),
            queue: VecDeque::new(),
            unsolicited: false,
        }
    }

    /// The head of a request was read or sent: the next response that is free belongs to it.
    pub fn expect(&mut self, about: About, exchange: Option<Exchange>) {
        self.queue.push_back(Pending { about, exchange, early: Vec::new(), answered: false });
    }

    /// The last request is complete, and is this exchange.
    pub fn opened(&mut self, exchange: Exchange, host: &mut dyn Session) {
        let Some(pending) = self.queue.back_mut() else { return };
        pending.exchange = Some(exchange);
        for (response, at) in pending.early.drain(..) {
            host.reply(exchange, response, at);
        }
        if pending.answered {
            host.close(exchange);
            self.queue.pop_back();
        }
    }

    /// The last request will never be complete: it is this exchange, and it is lost.
    pub fn broken(&mut self, exchange: Exchange, reason: &str, host: &mut dyn Session) {
        if let Some(pending) = self.queue.pop_back_if(|pending| pending.exchange.is_none()) {
            for (response, at) in pending.early {
                host.reply(exchange, response, at);
            }
        }
        host.abandon(exchange, reason);
    }

    /// A complete request may end HTTP on this connection: what follows it has to wait for the answer.
    pub fn may_switch(&self) -> bool {
        self.queue.back().is_some_and(|pending| pending.exchange.is_some() && pending.about.may_switch)
    }

    /// Reads on. Call again after everything but [`Event::Wait`].
    ///
    /// # Errors
    /// When the bytes are not HTTP/1.
    pub fn next(&mut self, host: &mut dyn Session) -> Result<Event, Fault> {
        loop {
            match self.reader.next(&mut self.inbox, host)? {
                Step::Wait => return Ok(Event::Wait),
                Step::Head => {
                    let Some(head) = self.reader.head() else { continue };
                    let waiting = self.queue.iter().find(|pending| !pending.answered);
                    self.unsolicited = waiting.is_none();
                    let framing = match waiting {
                        Some(pending) => framing::of_response(head, &pending.about)?,
                        None => framing::of_response(head, &About::method("GET"))?,
                    };
                    self.reader.frame(framing, &mut self.inbox, host);
                }
                Step::Message(message) => match self.message(message, host)? {
                    Event::Wait => {}
                    event => return Ok(event),
                },
            }
        }
    }

    pub fn kept(&mut self, at: Instant) {
        self.reader.kept(&mut self.inbox, at);
    }

    /// The server will send no more: a body that ends so is complete.
    ///
    /// # Errors
    /// As for [`Responses::next`].
    pub fn end(&mut self, host: &mut dyn Session) -> Result<(), Fault> {
        match self.reader.end(&self.inbox) {
            Some(message) => self.message(message, host).map(|_| ()),
            None => Ok(()),
        }
    }

    /// Nothing more will come: closes or abandons every exchange that is still open.
    pub fn settle(&mut self, unanswered: Unanswered, host: &mut dyn Session) {
        if let Some(cut_off) = self.reader.cut_off(&mut self.inbox) {
            let exchange =
                if self.unsolicited { None } else { self.queue.pop_front().and_then(|pending| pending.exchange) };
            match (exchange, cut_off) {
                (Some(exchange), CutOff::Message(message, _)) if document::is_event_stream(&message.head.headers) => {
                    let at = message.last;
                    host.reply(exchange, document::unfinished_response(message, host), at);
                    host.close(exchange);
                }
                (Some(exchange), CutOff::Message(_, missing) | CutOff::Head { missing, .. }) => {
                    host.abandon(exchange, &missing)
                }
                (None, CutOff::Message(_, missing) | CutOff::Head { missing, .. }) => {
                    host.log(Level::Warn, &format!("{missing}, and no request was waiting for it"));
                }
            }
        }
        for exchange in self.queue.drain(..).filter_map(|pending| pending.exchange) {
            match unanswered {
                Unanswered::Close => host.close(exchange),
                Unanswered::Abandon => {
                    host.abandon(exchange, "the client closed the connection before a response came")
                }
            }
        }
    }

    fn message(&mut self, message: Message<Response>, host: &mut dyn Session) -> Result<Event, Fault> {
        let (status, at) = (message.head.status, message.last);
        let waiting = self.queue.iter_mut().find(|pending| !pending.answered);
        let Some(pending) = waiting.filter(|_| !self.unsolicited) else {
            self.unasked(message, host);
            return Ok(Event::Wait);
        };
        if status == 100 && pending.about.expects_continue {
            // Between these two hops only: a mock says it by itself.
            return Ok(Event::Wait);
        }
        let protocol = Protocol::after(status, &message.head.headers, &pending.about);
        let response = document::response(message, host);
        match pending.exchange {
            Some(exchange) => host.reply(exchange, response, at),
            None => pending.early.push((response, at)),
        }
        match (protocol, pending.exchange) {
            (Some(protocol), Some(exchange)) => {
                let url = std::mem::take(&mut pending.about.url);
                self.queue.clear();
                Ok(Event::Switch(Switch { exchange, url, protocol }))
            }
            (Some(_), None) => {
                Err(Fault::new("early-switch", "the server changed the protocol before it had the whole request"))
            }
            (None, _) if status < 200 => Ok(Event::Wait),
            (None, Some(exchange)) => {
                host.close(exchange);
                self.queue.pop_front();
                Ok(Event::Answered)
            }
            (None, None) => {
                pending.answered = true;
                Ok(Event::Wait)
            }
        }
    }

    /// A server says `408 Request Timeout` to a connection it is tired of. Nobody can replay that: it is counted.
    fn unasked(&mut self, message: Message<Response>, host: &mut dyn Session) {
        let (status, at) = (message.head.status, message.first);
        let reason = format!("the server sent a response ({status}) when no request was waiting for one");
        if self.mode != Mode::Record {
            return host.log(Level::Warn, &reason);
        }
        let request = Map::new().with("unsolicited", document::response(message, host)).into();
        let exchange = host.open(request, facts::unsolicited(), at);
        host.abandon(exchange, &reason);
    }
}
