//! Both sides are real: which exchange what a server says belongs to.
//!
//! - A reply belongs to the oldest request on its channel that it answers.
//! - A confirmation, and a message that comes back, belong to the publish.
//! - A delivery belongs to the publish that asked for it, when it is the answer to a call: it comes to the queue that the
//!   call named (`reply-to`), under its `correlation-id`. Else it is an exchange that the server started, and the client's
//!   settlement is the answer; but a consumer that settles nothing shows no outcome: what it gets belongs to the consumer.
//! - An error belongs to what it names, and ends all that is open on its channel.
use std::collections::{BTreeMap, VecDeque};

use keploy_sdk::{Exchange, Instant, Level, Map, Session, Value};

use crate::{
    channel::{Channel, Consumer, Delivered, add_content, outcome, tag_of},
    facts,
    frame::{Content, Said, Saying},
    method::{self, Id},
};

mod server;

/// What has no reply of its own stays open for errors until the server has got past it, but not for ever.
const MOST_SENT: usize = 256;
/// Calls whose answers are waited for.
const MOST_CALLS: usize = 10_000;

#[derive(Default)]
pub struct Recording {
    channels: BTreeMap<u16, Open>,
    /// The client's first words.
    greeting: Option<Exchange>,
    /// Calls that wait for a message: by correlation-id, where it is to come to and which publish it was.
    calls: BTreeMap<Vec<u8>, Call>,
    client_ended: bool,
    /// When the last message came. Several may come at once; as tests they have an order.
    last_inbound: Instant,
}

/// A channel; 0 is the connection itself.
#[derive(Default)]
struct Open {
    state: Channel,
    /// Requests that wait for their replies.
    pending: VecDeque<Pending>,
    /// What gets no reply: publishes and settlements.
    sent: Vec<Sent>,
}

struct Pending {
    exchange: Exchange,
    id: Id,
    arguments: Map,
}

struct Sent {
    exchange: Exchange,
    id: Id,
    /// The number that its confirmation will name.
    confirmation: Option<u64>,
    /// Where it went; what it was, if it may come back.
    arguments: Map,
    content: Option<Content>,
}

struct Call {
    exchange: Exchange,
    reply_to: Vec<u8>,
}

impl Recording {
    pub fn client_said(&mut self, host: &mut dyn Session, said: Said, at: Instant) {
        match said {
            Said::Protocol(protocol) => {
                let request = protocol_document(&protocol);
                let facts = facts::of(&request);
                self.greeting = Some(host.open(request, facts, at));
            }
            Said::Heartbeat => {}
            Said::Method(saying) => self.request(host, saying, at),
        }
    }

    fn request(&mut self, host: &mut dyn Session, saying: Saying, at: Instant) {
        if is_answer(saying.method.id) {
            if saying.method.id == method::CHANNEL_CLOSE_OK {
                // What was said before it was read is lost on the server.
                self.close_channel(host, saying.channel);
            }
            return;
        }
        let channel = self.channels.entry(saying.channel).or_default();
        let request = channel.state.request(&saying);
        for delivery in request.outcomes() {
            host.reply(delivery, outcome(&saying), at);
            host.close(delivery);
        }
        if request.is_outcome() {
            return;
        }
        let facts = facts::of(&request.document);
        let exchange = host.open(request.document, facts, saying.since);
        let Saying { method, arguments, content, .. } = saying;
        let id = method.id;
        let without_reply = method.reply().is_none() || arguments.get("no-wait").is_some();
        if !without_reply {
            channel.pending.push_back(Pending { exchange, id, arguments });
            return;
        }
        if id == method::BASIC_CONSUME {
            // It said its own tag, since nobody will tell it another.
            let consumer = Consumer::of(exchange, &channel.state, &arguments);
            channel.state.consumers.insert(tag_of(&arguments).unwrap_or_default().to_vec(), consumer);
            return;
        }
        if let Some(call) = content.as_ref().and_then(|content| Call::of(exchange, content)) {
            let (id, call) = call;
            let replaced = self.calls.insert(id, call);
            let oldest = (self.calls.len() > MOST_CALLS).then(|| self.calls.pop_first()).flatten();
            for given_up in replaced.into_iter().chain(oldest.map(|(_, call)| call)) {
                self.close_unless_awaited(host, given_up.exchange);
            }
        }
        self.remember(
            host,
            saying.channel,
            Sent { exchange, id, confirmation: request.confirmation, arguments, content },
        );
    }

    fn remember(&mut self, host: &mut dyn Session, channel: u16, mut sent: Sent) {
        if sent.arguments.get("mandatory").is_none() {
            sent.content = None;
        }
        let channel = self.channels.entry(channel).or_default();
        channel.sent.push(sent);
        let unconfirmed = channel.sent.iter().filter(|sent| sent.confirmation.is_none()).count();
        if unconfirmed > MOST_SENT
            && let Some(oldest) = channel.sent.iter().position(|sent| sent.confirmation.is_none())
        {
            let oldest = channel.sent.remove(oldest);
            self.close_unless_awaited(host, oldest.exchange);
        }
    }

    /// Closes a publish or a settlement, unless something of it is still to come.
    fn close_unless_awaited(&self, host: &mut dyn Session, exchange: Exchange) {
        let is_sent = |channel: &Open| channel.sent.iter().any(|sent| sent.exchange == exchange);
        let is_call = self.calls.values().any(|call| call.exchange == exchange);
        if !is_call && !self.channels.values().any(is_sent) {
            host.close(exchange);
        }
    }

    pub fn client_ended(&mut self) {
        self.client_ended = true;
    }

    /// `inside`: in the middle of something.
    pub fn server_ended(&mut self, host: &mut dyn Session, inside: bool) {
        let reason = match inside {
            true => "the server hung up inside an answer",
            false => "the server hung up before it answered",
        };
        let mut left: Vec<Exchange> = self.greeting.take().into_iter().collect();
        let mut over = Vec::new();
        for channel in std::mem::take(&mut self.channels).into_values() {
            left.extend(channel.pending.iter().map(|pending| pending.exchange));
            over.extend(channel.sent.iter().map(|sent| sent.exchange));
            over.extend(channel.state.consumers.values().map(|consumer| consumer.exchange));
            forget(host, channel.state.delivered.into_values());
        }
        over.extend(std::mem::take(&mut self.calls).into_values().map(|call| call.exchange));
        over.sort_unstable();
        over.dedup();
        over.into_iter().for_each(|exchange| host.close(exchange));
        for exchange in left {
            match self.client_ended && !inside {
                true => host.close(exchange),
                false => host.abandon(exchange, reason),
            }
        }
    }
}

/// Nobody will settle these any more.
fn forget(host: &mut dyn Session, delivered: impl Iterator<Item = Delivered>) {
    for delivery in delivered.filter_map(|delivered| delivered.exchange) {
        host.abandon(delivery, "the consumer went before it had settled the message");
    }
}

impl Consumer {
    fn of(exchange: Exchange, channel: &Channel, arguments: &Map) -> Self {
        Self { exchange, queue: channel.queue(arguments), acks: arguments.get("no-ack").is_none() }
    }
}

impl Call {
    /// A message that names where its answer is to go, with the name that the answer will have.
    fn of(exchange: Exchange, content: &Content) -> Option<(Vec<u8>, Self)> {
        let raw = |name: &str| content.properties.get(name).and_then(Value::as_raw).filter(|raw| !raw.is_empty());
        Some((raw("correlation-id")?.to_vec(), Self { exchange, reply_to: raw("reply-to")?.to_vec() }))
    }
}

/// What a client says to something that the server said.
pub fn is_answer(id: Id) -> bool {
    matches!(
        id,
        method::CONNECTION_CLOSE_OK | method::CHANNEL_CLOSE_OK | method::CHANNEL_FLOW_OK | method::BASIC_CANCEL_OK
    )
}

/// `AMQP`, a zero, and the version.
pub fn protocol_document(protocol: &[u8; 8]) -> Value {
    let version: Vec<String> = protocol[5..].iter().map(u8::to_string).collect();
    Map::new().with("method", "protocol").with("version", version.join("-")).into()
}

/// A method of a server, without the names that it makes up for this connection.
fn response(saying: &Saying) -> Map {
    let mut document = Map::new().with("method", saying.method.name);
    let is_made_up = |name: &str| matches!(name, "consumer-tag" | "delivery-tag" | "multiple" | "challenge");
    for (name, value) in saying.arguments.iter().filter(|(name, _)| !is_made_up(name)) {
        document.insert(name, value.clone());
    }
    if let Some(content) = &saying.content {
        add_content(&mut document, content);
    }
    document
}

fn warn(host: &mut dyn Session, message: &str) {
    host.log(Level::Warn, message);
}
