//! What a server says while recording.
use keploy_sdk::{Exchange, Fault, Instant, Map, Session, Value};

use super::{Consumer, Open, Pending, Recording, Sent, forget, protocol_document, response, warn};
use crate::{
    channel::{subject, tag_of},
    facts,
    frame::{Said, Saying},
    method,
};

impl Recording {
    pub fn server_said(&mut self, host: &mut dyn Session, said: Said, at: Instant) -> Result<(), Fault> {
        match said {
            Said::Heartbeat => {}
            Said::Protocol(protocol) => {
                // It does not speak what the client does, says what it would, and hangs up.
                if let Some(greeting) = self.greeting.take() {
                    host.reply(greeting, protocol_document(&protocol), at);
                    host.close(greeting);
                }
            }
            Said::Method(saying) => return self.said_method(host, &saying, at),
        }
        Ok(())
    }

    fn said_method(&mut self, host: &mut dyn Session, saying: &Saying, at: Instant) -> Result<(), Fault> {
        match saying.method.id {
            method::CONNECTION_START => {
                if let Some(greeting) = self.greeting.take() {
                    host.reply(greeting, response(saying).into(), at);
                    host.close(greeting);
                }
            }
            method::BASIC_DELIVER => self.delivery(host, saying, at),
            method::BASIC_RETURN => self.returned(host, saying, at),
            method::BASIC_ACK | method::BASIC_NACK => self.confirmation(host, saying, at),
            method::BASIC_CANCEL => self.cancelled(host, saying, at),
            method::CHANNEL_CLOSE => self.channel_failed(host, saying, at),
            method::CONNECTION_CLOSE => self.connection_failed(host, saying, at),
            // How busy a broker is, is not replayed.
            method::CONNECTION_BLOCKED | method::CONNECTION_UNBLOCKED | method::CHANNEL_FLOW => {}
            _ => return self.reply(host, saying, at),
        }
        Ok(())
    }

    fn reply(&mut self, host: &mut dyn Session, saying: &Saying, at: Instant) -> Result<(), Fault> {
        let channel = self.channels.entry(saying.channel).or_default();
        let is_parting = matches!(saying.method.id, method::CHANNEL_CLOSE_OK | method::CONNECTION_CLOSE_OK);
        if is_parting && channel.pending.is_empty() {
            return Ok(()); // both sides closed it at once
        }
        let Some(pending) = channel.pending.pop_front_if(|pending| pending.is_answered_by(saying)) else {
            let message = format!("no request on channel {} waits for {}", saying.channel, saying.method.name);
            return Err(Fault::new("unasked-reply", message));
        };
        let Pending { exchange, arguments, .. } = pending;
        let mut document = response(saying);
        let mut over = vec![exchange];
        match saying.method.id {
            method::QUEUE_DECLARE_OK => {
                channel.state.last_queue = saying.arguments.get("queue").cloned().unwrap_or_default()
            }
            method::BASIC_CONSUME_OK => {
                let tag = tag_of(&saying.arguments).unwrap_or_default();
                if arguments.get("consumer-tag").is_none() {
                    // The server made it up: a mock has to say some, too.
                    document.insert("consumer-tag", Value::readable(tag.to_vec()));
                }
                let consumer = Consumer::of(exchange, &channel.state, &arguments);
                channel.state.consumers.insert(tag.to_vec(), consumer);
                over.clear();
            }
            method::BASIC_CANCEL_OK => {
                let cancelled = tag_of(&arguments).and_then(|tag| channel.state.consumers.remove(tag));
                over.extend(cancelled.map(|consumer| consumer.exchange));
            }
            method::BASIC_GET_OK if arguments.get("no-ack").is_none() => {
                let queue = channel.state.queue(&arguments);
                channel.state.deliver(number_of(saying), &queue, &document, None);
            }
            _ => {}
        }
        host.reply(exchange, document.into(), at);
        over.into_iter().for_each(|exchange| host.close(exchange));
        // The server goes through a channel in order: what was sent before this request has gone well.
        let passed = channel.sent.extract_if(.., |sent| sent.confirmation.is_none() && sent.exchange < exchange);
        let passed: Vec<Exchange> = passed.map(|sent| sent.exchange).collect();
        passed.into_iter().for_each(|exchange| self.close_unless_awaited(host, exchange));
        match saying.method.id {
            method::CHANNEL_CLOSE_OK => self.close_channel(host, saying.channel),
            method::CONNECTION_CLOSE_OK => self.close_all(host),
            _ => {}
        }
        Ok(())
    }

    fn delivery(&mut self, host: &mut dyn Session, saying: &Saying, at: Instant) {
        let tag = tag_of(&saying.arguments).unwrap_or_default();
        let channel = self.channels.entry(saying.channel).or_default();
        let Some(consumer) = channel.state.consumers.get(tag) else {
            // What was on its way when the consumer went.
            channel.state.deliver(number_of(saying), &Value::Null, &response(saying), Some(tag.to_vec()));
            return;
        };
        let (home, queue, acks) = (consumer.exchange, consumer.queue.clone(), consumer.acks);
        let mut document = response(saying);
        if let Some(call) = self.take_call(saying) {
            if acks {
                let channel = self.channels.entry(saying.channel).or_default();
                channel.state.deliver(number_of(saying), &queue, &document, Some(tag.to_vec()));
            }
            document.insert("queue", queue);
            host.reply(call, document.into(), at);
            return self.close_unless_awaited(host, call);
        }
        if !acks {
            return host.reply(home, document.into(), at);
        }
        let delivery = self.open_inbound(host, &queue, saying);
        let channel = self.channels.entry(saying.channel).or_default();
        channel.state.deliver_as(delivery, number_of(saying), tag.to_vec());
    }

    /// What comes to a consumer of this queue and is a test.
    fn open_inbound(&mut self, host: &mut dyn Session, queue: &Value, saying: &Saying) -> Exchange {
        let mut request = Map::new().with("method", saying.method.name).with("queue", queue.clone());
        response(saying).into_iter().for_each(|(name, value)| request.insert(name, value));
        let request = request.into();
        let facts = facts::of(&request);
        self.last_inbound = saying.since.max(self.last_inbound + 1);
        host.open_inbound(&subject(queue), request, facts, self.last_inbound)
    }

    /// The publish that this message answers.
    fn take_call(&mut self, saying: &Saying) -> Option<Exchange> {
        let id = saying.content.as_ref()?.properties.get("correlation-id")?.as_raw()?;
        let call = self.calls.get(id)?;
        let came_to = saying.arguments.get("routing-key")?.as_raw()?;
        if !came_to.starts_with(&call.reply_to) {
            return None;
        }
        self.calls.remove(id).map(|call| call.exchange)
    }

    /// The message comes back that was sent first of those that are like it.
    fn returned(&mut self, host: &mut dyn Session, saying: &Saying, at: Instant) {
        let channel = self.channels.entry(saying.channel).or_default();
        let is_it = |sent: &&Sent| {
            let same = |name: &str| sent.arguments.get(name) == saying.arguments.get(name);
            let body = |content: &crate::frame::Content| content.body.clone();
            same("exchange")
                && same("routing-key")
                && sent.content.as_ref().map(body) == saying.content.as_ref().map(body)
        };
        match channel.sent.iter().find(is_it).map(|sent| sent.exchange) {
            Some(exchange) => host.reply(exchange, response(saying).into(), at),
            None => warn(host, "a message came back that nobody was seen to publish"),
        }
    }

    fn confirmation(&mut self, host: &mut dyn Session, saying: &Saying, at: Instant) {
        let number = saying.arguments.get("delivery-tag").and_then(Value::as_int).unwrap_or_default();
        let multiple = saying.arguments.get("multiple").is_some();
        let is_confirmed = |sent: &mut Sent| {
            let confirmation = sent.confirmation.map(i128::from);
            confirmation.is_some_and(|of| of == number || (multiple && (of < number || number == 0)))
        };
        let channel = self.channels.entry(saying.channel).or_default();
        let confirmed: Vec<Exchange> = channel.sent.extract_if(.., is_confirmed).map(|sent| sent.exchange).collect();
        for exchange in confirmed {
            host.reply(exchange, Map::new().with("method", saying.method.name).into(), at);
            self.close_unless_awaited(host, exchange);
        }
    }

    /// The queue is gone.
    fn cancelled(&mut self, host: &mut dyn Session, saying: &Saying, at: Instant) {
        let channel = self.channels.entry(saying.channel).or_default();
        if let Some(consumer) = tag_of(&saying.arguments).and_then(|tag| channel.state.consumers.remove(tag)) {
            match consumer.acks {
                // In its order with the messages that came before.
                true => {
                    let cancel = self.open_inbound(host, &consumer.queue, saying);
                    host.close(cancel);
                }
                false => host.reply(consumer.exchange, response(saying).into(), at),
            }
            host.close(consumer.exchange);
        }
    }

    fn channel_failed(&mut self, host: &mut dyn Session, saying: &Saying, at: Instant) {
        let channel = self.channels.entry(saying.channel).or_default();
        match channel.culprit(saying) {
            Some(exchange) => host.reply(exchange, response(saying).into(), at),
            None => warn(host, "a channel was closed and nobody was seen to cause it"),
        }
        self.close_channel(host, saying.channel);
    }

    fn connection_failed(&mut self, host: &mut dyn Session, saying: &Saying, at: Instant) {
        // It does not say on which channel. Log-ins are refused without naming a method.
        let culprit = self.channels.values().find_map(|channel| channel.culprit(saying));
        let log_in = || self.channels.get(&0)?.pending.front().map(|pending| pending.exchange);
        match culprit.or_else(log_in) {
            Some(exchange) => host.reply(exchange, response(saying).into(), at),
            None => warn(host, "the server closed the connection"),
        }
        self.close_all(host);
    }

    fn close_all(&mut self, host: &mut dyn Session) {
        let channels: Vec<u16> = self.channels.keys().copied().collect();
        channels.into_iter().for_each(|channel| self.close_channel(host, channel));
    }

    /// Nothing more comes on it. Answers to calls may still come on others.
    pub(super) fn close_channel(&mut self, host: &mut dyn Session, number: u16) {
        let Some(channel) = self.channels.remove(&number) else { return };
        channel.pending.into_iter().for_each(|pending| host.close(pending.exchange));
        channel.state.consumers.into_values().for_each(|consumer| host.close(consumer.exchange));
        forget(host, channel.state.delivered.into_values());
        channel.sent.into_iter().for_each(|sent| self.close_unless_awaited(host, sent.exchange));
    }
}

impl Open {
    /// What an error is about: it names a method, and usually an exchange.
    fn culprit(&self, error: &Saying) -> Option<Exchange> {
        let number = |name: &str| error.arguments.get(name).and_then(Value::as_int).unwrap_or_default();
        let id = (u16::try_from(number("class-id")).ok()?, u16::try_from(number("method-id")).ok()?);
        if let Some(pending) = self.pending.iter().find(|pending| pending.id == id) {
            return Some(pending.exchange);
        }
        let text = error.arguments.get("reply-text").and_then(Value::as_str).unwrap_or_default();
        let is_named = |sent: &&Sent| {
            let exchange = sent.arguments.get("exchange").and_then(Value::as_str);
            exchange.is_some_and(|name| text.contains(&format!("'{name}'")))
        };
        let alike = || self.sent.iter().filter(|sent| sent.id == id);
        alike().find(is_named).or_else(|| alike().next()).map(|sent| sent.exchange)
    }
}

impl Pending {
    fn is_answered_by(&self, saying: &Saying) -> bool {
        let is_empty = (self.id, saying.method.id) == (method::BASIC_GET, method::BASIC_GET_EMPTY);
        // Instead of letting the client in, a server may ask for more.
        let goes_on = matches!(
            (self.id, saying.method.id),
            (
                method::CONNECTION_START_OK | method::CONNECTION_SECURE_OK,
                method::CONNECTION_SECURE | method::CONNECTION_TUNE
            )
        );
        is_empty || goes_on || method::by_id(self.id).and_then(method::Method::reply) == Some(saying.method.id)
    }
}

/// Of a delivery or a message that was fetched.
fn number_of(saying: &Saying) -> u64 {
    let number = saying.arguments.get("delivery-tag").and_then(Value::as_int);
    number.and_then(|number| u64::try_from(number).ok()).unwrap_or_default()
}
