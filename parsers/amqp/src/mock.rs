//! In the server's place.
//!
//! Delivery tags, confirmations and consumer tags are the live connection's. What was recorded for a consumer is handed out
//! in order, as fast as it settles messages: see `mock/consumers.rs`.
use std::collections::{BTreeMap, VecDeque};

use keploy_sdk::{Exchange, Fault, Instant, Map, Session, Side, Value};

use crate::{
    channel::{Channel, Consumer, Tag, outcome, tag_of},
    facts,
    frame::{PROTOCOL, Said, Saying, put_content, put_heartbeat, put_method},
    method::{self, Id, Method},
    record::{is_answer, protocol_document},
};

mod consumers;
mod misses;

/// Of a body, as long as nothing was agreed: what RabbitMQ proposes.
const FRAME_MAX: usize = 128 << 10;
const NANOSECONDS: u64 = 1_000_000_000;

#[derive(Default)]
pub struct Mocking {
    channels: BTreeMap<u16, Mocked>,
    asked: BTreeMap<Exchange, Asked>,
    /// As agreed; 0: nothing was.
    frame_max: usize,
    /// In seconds; 0: none.
    heartbeat: u64,
    last_written: Instant,
    now: Instant,
    /// We said that the connection is over.
    refused: bool,
    out: Vec<u8>,
    /// To be told when `out` is written.
    news: Vec<News>,
    /// How many messages were handed to consumers.
    handed: u64,
}

/// What the host learns of consumers, and of the deliveries that it sends them.
enum News {
    Begins(String),
    Ends(String),
    Settled(Exchange, Value, Instant),
    /// The consumer settles nothing: nothing comes of it.
    Taken(Exchange),
    Lost(Exchange, &'static str),
}

#[derive(Default)]
struct Mocked {
    state: Channel,
    /// Of the delivery before.
    number: u64,
    /// How many unsettled messages consumers that are yet to come may have; 0: any number.
    prefetch: usize,
    /// How many all consumers of this channel may have together; 0: any number.
    prefetch_of_all: usize,
    backlogs: BTreeMap<Tag, Backlog>,
    /// We said that the channel is over, and wait for the client to say that it has understood.
    refused: bool,
}

/// What a consumer is still to get.
struct Backlog {
    waiting: VecDeque<Waiting>,
    prefetch: usize,
    /// When it got something last, counted in messages.
    served: u64,
}

struct Waiting {
    document: Map,
    /// The host sent it.
    exchange: Option<Exchange>,
}

/// What was asked and has no answer yet.
struct Asked {
    channel: u16,
    method: &'static Method,
    arguments: Map,
    confirmation: Option<u64>,
}

impl Mocking {
    pub fn client_said(&mut self, host: &mut dyn Session, said: Said, at: Instant) -> Result<(), Fault> {
        self.now = at;
        match said {
            Said::Protocol(protocol) => {
                let request = protocol_document(&protocol);
                let facts = facts::of(&request);
                let exchange = host.open(request, facts, at);
                let method = method::by_id(method::CONNECTION_START).ok_or_else(|| unknown("connection.start"))?;
                self.asked.insert(exchange, Asked { channel: 0, method, arguments: Map::new(), confirmation: None });
            }
            Said::Heartbeat => put_heartbeat(&mut self.out),
            Said::Method(saying) => self.request(host, saying)?,
        }
        self.beat();
        self.flush(host);
        Ok(())
    }

    /// A client that only talks would take our silence for death.
    fn beat(&mut self) {
        if self.heartbeat > 0 && self.now.saturating_sub(self.last_written) > self.heartbeat * NANOSECONDS / 4 {
            put_heartbeat(&mut self.out);
        }
    }

    fn flush(&mut self, host: &mut dyn Session) {
        if !self.out.is_empty() {
            host.write(Side::Client, &std::mem::take(&mut self.out));
            self.last_written = self.now;
        }
        for news in self.news.drain(..) {
            match news {
                News::Begins(queue) => host.serves(&queue),
                News::Ends(queue) => host.serves_no_more(&queue),
                News::Settled(delivery, outcome, at) => {
                    host.reply(delivery, outcome, at);
                    host.close(delivery);
                }
                News::Taken(delivery) => host.close(delivery),
                News::Lost(delivery, why) => host.abandon(delivery, why),
            }
        }
    }

    fn request(&mut self, host: &mut dyn Session, saying: Saying) -> Result<(), Fault> {
        let id = saying.method.id;
        if is_answer(id) {
            match id {
                method::CHANNEL_CLOSE_OK => self.close_channel(saying.channel),
                method::CONNECTION_CLOSE_OK => host.finish(Side::Client),
                _ => {}
            }
            return Ok(());
        }
        let channel = self.channels.entry(saying.channel).or_default();
        let closes = matches!(id, method::CHANNEL_CLOSE | method::CONNECTION_CLOSE);
        if (self.refused || channel.refused) && !closes {
            return Ok(()); // said before our refusal was read
        }
        let request = channel.state.request(&saying);
        let number = |name: &str| saying.arguments.get(name).and_then(Value::as_int).unwrap_or_default();
        match id {
            method::CONNECTION_TUNE_OK => {
                self.frame_max = usize::try_from(number("frame-max")).unwrap_or_default();
                self.heartbeat = u64::try_from(number("heartbeat")).unwrap_or_default();
            }
            method::BASIC_QOS => {
                let count = usize::try_from(number("prefetch-count")).unwrap_or_default();
                match saying.arguments.get("global").is_some() {
                    true => channel.prefetch_of_all = count,
                    false => channel.prefetch = count,
                }
            }
            _ => {}
        }
        let settled = request.outcomes().map(|delivery| News::Settled(delivery, outcome(&saying), self.now));
        self.news.extend(settled);
        let (is_outcome, settles) = (request.is_outcome(), !request.settled.is_empty());
        let Saying { channel, method, arguments, since, .. } = saying;
        if !is_outcome {
            let facts = facts::of(&request.document);
            let exchange = host.open(request.document, facts, since);
            self.asked.insert(exchange, Asked { channel, method, arguments, confirmation: request.confirmation });
        }
        if settles { self.hand_out(channel) } else { Ok(()) }
    }

    pub fn answer(&mut self, host: &mut dyn Session, exchange: Exchange, responses: &[Value]) -> Result<(), Fault> {
        let Some(asked) = self.asked.remove(&exchange) else { return Ok(()) };
        let id = asked.method.id;
        if asked.arguments.get("no-wait").is_some() && id == method::BASIC_CONSUME {
            self.consume(exchange, &asked, &Map::new());
            self.begins(&asked);
        }
        let mut hangs_up = false;
        for response in responses {
            let document = response.as_map().ok_or_else(|| unknown("response without a method"))?;
            let name = document.get("method").and_then(Value::as_str).unwrap_or_default();
            if name == "protocol" {
                self.out.extend(PROTOCOL);
                hangs_up = true;
                continue;
            }
            let method = method::by_name(name).ok_or_else(|| unknown(name))?;
            self.respond(exchange, &asked, method, document)?;
        }
        self.hand_out(asked.channel)?;
        self.part(host, &asked, hangs_up);
        Ok(())
    }

    /// What is over behind the answer.
    fn part(&mut self, host: &mut dyn Session, asked: &Asked, hangs_up: bool) {
        self.flush(host);
        match asked.method.id {
            method::CHANNEL_CLOSE => {
                self.close_channel(asked.channel);
                self.flush(host);
            }
            method::CONNECTION_CLOSE => host.finish(Side::Client),
            _ if hangs_up => host.finish(Side::Client),
            _ => {}
        }
    }

    fn respond(&mut self, exchange: Exchange, asked: &Asked, method: &Method, document: &Map) -> Result<(), Fault> {
        match method.id {
            method::BASIC_ACK | method::BASIC_NACK => {
                let Some(number) = asked.confirmation else { return Ok(()) };
                return self.put(asked.channel, method, &document.clone().with("delivery-tag", number));
            }
            method::BASIC_CONSUME_OK => {
                let tag = self.consume(exchange, asked, document);
                self.begins(asked);
                return self.put(asked.channel, method, &document.clone().with("consumer-tag", Value::readable(tag)));
            }
            method::BASIC_DELIVER | method::BASIC_CANCEL => {
                self.enqueue(exchange, asked.channel, document);
                return Ok(());
            }
            method::BASIC_CANCEL_OK => {
                let tag = tag_of(&asked.arguments).unwrap_or_default().to_vec();
                self.end_consumer(asked.channel, &tag);
                return self.put(asked.channel, method, &Map::new().with("consumer-tag", Value::readable(tag)));
            }
            method::BASIC_GET_OK => return self.give(asked, method, document),
            method::QUEUE_DECLARE_OK => {
                let channel = self.channels.entry(asked.channel).or_default();
                channel.state.last_queue = document.get("queue").cloned().unwrap_or_default();
            }
            method::CHANNEL_CLOSE => self.refuse_channel(asked.channel),
            method::CONNECTION_CLOSE => self.refused = true,
            _ => {}
        }
        self.put(asked.channel, method, document)
    }

    /// A message that was fetched.
    fn give(&mut self, asked: &Asked, method: &Method, document: &Map) -> Result<(), Fault> {
        let channel = self.channels.entry(asked.channel).or_default();
        channel.number += 1;
        let number = channel.number;
        if asked.arguments.get("no-ack").is_none() {
            let queue = channel.state.queue(&asked.arguments);
            channel.state.deliver(number, &queue, document, None);
        }
        self.put(asked.channel, method, &document.clone().with("delivery-tag", number))
    }

    fn put(&mut self, channel: u16, method: &Method, document: &Map) -> Result<(), Fault> {
        let channel = if method.id.0 == method::CONNECTION_START.0 { 0 } else { channel };
        put_method(&mut self.out, channel, method, document)?;
        if method.has_content() {
            let frame_max = if self.frame_max == 0 { FRAME_MAX } else { self.frame_max };
            put_content(&mut self.out, channel, document, frame_max)?;
        }
        Ok(())
    }
}

fn unknown(what: &str) -> Fault {
    Fault::new("bad-document", format!("there is no method {what:?}"))
}
