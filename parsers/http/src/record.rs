//! Both sides are real: read them.
use keploy_sdk::{Fault, Instant, Map, Mode, Session, Side};

use crate::{
    about::About,
    document, facts, framing,
    head::{MAX_HEAD, Request},
    inbox::Inbox,
    reader::{CutOff, Reader, Step},
    record_tunnel::Tunnel,
    responses::{Event, Responses, Unanswered},
};

pub struct Record {
    client: Inbox,
    /// Of the URLs in documents.
    scheme: &'static str,
    requests: Reader<Request>,
    responses: Responses,
    /// Once HTTP has ended.
    tunnel: Option<Tunnel>,
    /// The side that ended first.
    ended: Option<Side>,
}

impl Record {
    pub fn new(scheme: &'static str) -> Self {
        Self {
            client: Inbox::default(),
            scheme,
            requests: Reader::new(Side::Client),
            responses: Responses::new(Mode::Record),
            tunnel: None,
            ended: None,
        }
    }

    pub fn feed(
        &mut self,
        host: &mut dyn Session,
        from: Side,
        offset: u64,
        at: Instant,
        data: &[u8],
    ) -> Result<(), Fault> {
        match (&mut self.tunnel, from) {
            (Some(tunnel), _) => tunnel.feed(host, from, offset, at, data),
            (None, Side::Client) => {
                self.client.push(offset, at, data);
                self.read_requests(host)?;
                self.client.fed();
                Ok(())
            }
            (None, Side::Server) => {
                self.responses.inbox.push(offset, at, data);
                self.read_responses(host)?;
                self.responses.inbox.fed();
                Ok(())
            }
        }
    }

    pub fn kept(&mut self, host: &mut dyn Session, from: Side, at: Instant) -> Result<(), Fault> {
        match from {
            Side::Client => {
                self.requests.kept(&mut self.client, at);
                self.read_requests(host)
            }
            Side::Server => {
                self.responses.kept(at);
                self.read_responses(host)
            }
        }
    }

    pub fn end(&mut self, host: &mut dyn Session, from: Side) -> Result<(), Fault> {
        if from == Side::Server && self.tunnel.is_none() {
            self.responses.end(host)?;
            self.read_requests(host)?;
        }
        match self.ended {
            None => self.ended = Some(from),
            Some(first) if first != from => self.settle(first, host),
            Some(_) => {}
        }
        Ok(())
    }

    fn read_requests(&mut self, host: &mut dyn Session) -> Result<(), Fault> {
        loop {
            if self.responses.may_switch() {
                // What comes next may not be HTTP. A client that does not wait is rare, and one that goes on for long
                // is none.
                if self.client.rest().len() > MAX_HEAD {
                    return Err(Fault::new("early-data", "the client goes on behind a request for another protocol"));
                }
                return Ok(());
            }
            match self.requests.next(&mut self.client, host)? {
                Step::Wait => return Ok(()),
                Step::Head => {
                    let Some(head) = self.requests.head() else { continue };
                    let framing = framing::of_request(head)?;
                    self.responses.expect(About::of(head, self.scheme), None);
                    self.requests.frame(framing, &mut self.client, host);
                }
                Step::Message(message) => {
                    let at = message.first;
                    let request = document::request(message, self.scheme, host);
                    let about = facts::of(&request);
                    let exchange = host.open(request, about, at);
                    self.responses.opened(exchange, host);
                }
            }
        }
    }

    fn read_responses(&mut self, host: &mut dyn Session) -> Result<(), Fault> {
        loop {
            match self.responses.next(host)? {
                Event::Wait => return Ok(()),
                Event::Answered => self.read_requests(host)?,
                Event::Switch(switch) => {
                    let (client, server) =
                        (std::mem::take(&mut self.client), std::mem::take(&mut self.responses.inbox));
                    let tunnel = self.tunnel.insert(Tunnel::new(switch, client, server));
                    return tunnel.start(host);
                }
            }
        }
    }

    fn settle(&mut self, first: Side, host: &mut dyn Session) {
        if let Some(tunnel) = self.tunnel.take() {
            return tunnel.end(host);
        }
        match self.requests.cut_off(&mut self.client) {
            None => {}
            Some(CutOff::Head { bytes, at, missing }) => {
                let exchange = host.open(Map::new().with("partial", bytes).into(), facts::partial(), at);
                self.responses.broken(exchange, &missing, host);
            }
            Some(CutOff::Message(message, missing)) => {
                let at = message.first;
                let request = document::request(message, self.scheme, host);
                let about = facts::of(&request);
                let exchange = host.open(request, about, at);
                self.responses.broken(exchange, &missing, host);
            }
        }
        let unanswered = if first == Side::Server { Unanswered::Close } else { Unanswered::Abandon };
        self.responses.settle(unanswered, host);
    }
}
