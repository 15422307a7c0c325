//! Deliveries, at the pace at which a consumer takes them.
//!
//! What was recorded as answers to a consumer, and what the host sends, is its backlog, in order. It gets as many messages as
//! it may have unsettled (its `prefetch`), and one more for each that it settles.
use keploy_sdk::{Exchange, Fault, Map, Session, Value};

use super::{Asked, Backlog, Consumer, Mocked, Mocking, News, Tag, Waiting, tag_of, unknown};
use crate::{
    channel::{Channel, Delivered, subject},
    method,
};

const CANCELLED: &str = "its consumer went before it got the message";
const CLOSED: &str = "its channel was closed before the message was settled";

impl Mocking {
    /// A consumer begins; its tag, which is the client's own or, when it said none, the recorded one.
    pub(super) fn consume(&mut self, exchange: Exchange, asked: &Asked, document: &Map) -> Tag {
        let channel = self.channels.entry(asked.channel).or_default();
        let mut tag = tag_of(&asked.arguments).or_else(|| tag_of(document)).unwrap_or_default().to_vec();
        while channel.state.consumers.contains_key(&tag) {
            // The same recorded consumer twice.
            tag.push(b'\'');
        }
        let acks = asked.arguments.get("no-ack").is_none();
        let consumer = Consumer { exchange, queue: channel.state.queue(&asked.arguments), acks };
        channel.state.consumers.insert(tag.clone(), consumer);
        let backlog = Backlog { waiting: Vec::new().into(), prefetch: channel.prefetch, served: 0 };
        channel.backlogs.insert(tag.clone(), backlog);
        tag
    }

    /// The host may send what was recorded for this queue.
    pub(super) fn begins(&mut self, asked: &Asked) {
        let queue = self.channels.entry(asked.channel).or_default().state.queue(&asked.arguments);
        self.news.push(News::Begins(subject(&queue)));
    }

    /// A consumer gets nothing more. It may still settle what it has.
    pub(super) fn end_consumer(&mut self, channel: u16, tag: &Tag) {
        let channel = self.channels.entry(channel).or_default();
        if let Some(consumer) = channel.state.consumers.remove(tag) {
            self.news.push(News::Ends(subject(&consumer.queue)));
        }
        let waiting = channel.backlogs.remove(tag).into_iter().flat_map(|backlog| backlog.waiting);
        self.news.extend(waiting.filter_map(|waiting| Some(News::Lost(waiting.exchange?, CANCELLED))));
    }

    pub(super) fn close_channel(&mut self, number: u16) {
        self.end_consumers(number);
        self.channels.remove(&number);
    }

    /// Nothing more goes out on it.
    pub(super) fn refuse_channel(&mut self, number: u16) {
        self.end_consumers(number);
        self.channels.insert(number, Mocked { refused: true, ..Mocked::default() });
    }

    fn end_consumers(&mut self, number: u16) {
        let Some(channel) = self.channels.get_mut(&number) else { return };
        let tags: Vec<Tag> = channel.state.consumers.keys().cloned().collect();
        let unsettled = std::mem::take(&mut channel.state.delivered).into_values();
        self.news.extend(unsettled.filter_map(|delivered| Some(News::Lost(delivered.exchange?, CLOSED))));
        tags.iter().for_each(|tag| self.end_consumer(number, tag));
    }

    /// The host has something for a queue. Of its consumers, the one gets it that has least to do; of these, the one that
    /// had nothing for the longest time.
    pub fn send(&mut self, host: &mut dyn Session, exchange: Exchange, request: &Value) -> Result<(), Fault> {
        let mut document = request.as_map().ok_or_else(|| unknown("message without a method"))?.clone();
        let queue = document.remove("queue").unwrap_or_default();
        let consumers = self.channels.iter_mut().flat_map(|(number, channel)| {
            let Mocked { state, backlogs, .. } = channel;
            let its =
                backlogs.iter_mut().filter(|(tag, _)| state.consumers.get(*tag).is_some_and(|it| it.queue == queue));
            its.map(|(tag, backlog)| {
                // Who settles nothing shows no outcome.
                let acks = state.consumers.get(tag).is_some_and(|consumer| consumer.acks);
                ((!acks, has(state, tag) + backlog.waiting.len(), backlog.served), *number, backlog)
            })
        });
        match consumers.min_by_key(|(rank, ..)| *rank) {
            Some((_, number, backlog)) => {
                backlog.waiting.push_back(Waiting { document, exchange: Some(exchange) });
                self.hand_out(number)?;
            }
            None => self.news.push(News::Lost(exchange, CANCELLED)),
        }
        self.flush(host);
        Ok(())
    }

    /// Something for the consumer that `exchange` began; or, when it is a publish, for the one that waits for its answer.
    pub(super) fn enqueue(&mut self, exchange: Exchange, asked_on: u16, document: &Map) {
        let queue = document.get("queue");
        let is_its = |consumer: &Consumer| match queue {
            Some(queue) => consumer.queue == *queue,
            None => consumer.exchange == exchange,
        };
        // The answer to a call mostly comes on the channel of the call.
        let mut numbers: Vec<u16> = self.channels.keys().copied().collect();
        numbers.sort_by_key(|number| *number != asked_on);
        for number in numbers {
            let Some(channel) = self.channels.get_mut(&number) else { continue };
            let found = channel.state.consumers.iter().find(|(_, consumer)| is_its(consumer));
            if let Some((tag, _)) = found
                && let Some(backlog) = channel.backlogs.get_mut(tag)
            {
                backlog.waiting.push_back(Waiting { document: document.clone(), exchange: None });
                return;
            }
        }
    }

    /// Gives consumers what they may have now. `first`: the channel that something happened on.
    pub(super) fn hand_out(&mut self, first: u16) -> Result<(), Fault> {
        let mut numbers: Vec<u16> = self.channels.keys().copied().collect();
        numbers.sort_by_key(|number| *number != first);
        for number in numbers {
            while let Some((tag, waiting)) = self.channels.get_mut(&number).and_then(Mocked::next) {
                self.hand(number, tag, &waiting)?;
            }
        }
        Ok(())
    }

    fn hand(&mut self, number: u16, tag: Tag, Waiting { document, exchange }: &Waiting) -> Result<(), Fault> {
        let name = document.get("method").and_then(Value::as_str).unwrap_or_default();
        let method = method::by_name(name).ok_or_else(|| unknown(name))?;
        let with_tag = document.clone().with("consumer-tag", Value::readable(tag.clone()));
        if method.id == method::BASIC_CANCEL {
            self.end_consumer(number, &tag);
            self.news.extend(exchange.map(News::Taken));
            return self.put(number, method, &with_tag);
        }
        self.handed += 1;
        let channel = self.channels.entry(number).or_default();
        channel.number += 1;
        let delivery = channel.number;
        if let Some(backlog) = channel.backlogs.get_mut(&tag) {
            backlog.served = self.handed;
        }
        match (channel.state.consumers.get(&tag), exchange) {
            (Some(consumer), None) if consumer.acks => {
                let queue = consumer.queue.clone();
                channel.state.deliver(delivery, &queue, document, Some(tag));
            }
            (Some(consumer), Some(exchange)) if consumer.acks => channel.state.deliver_as(*exchange, delivery, tag),
            (_, Some(exchange)) => self.news.push(News::Taken(*exchange)),
            _ => {}
        }
        self.put(number, method, &with_tag.with("delivery-tag", delivery))
    }
}

/// How many messages a consumer has not settled.
fn has(state: &Channel, tag: &Tag) -> usize {
    let is_its = |delivered: &&Delivered| delivered.consumer.as_ref() == Some(tag);
    state.delivered.values().filter(is_its).count()
}

impl Mocked {
    /// The next thing that a consumer may have, and which consumer.
    fn next(&mut self) -> Option<(Tag, Waiting)> {
        let all = self.state.delivered.values().filter(|delivered| delivered.consumer.is_some()).count();
        let is_full = self.prefetch_of_all > 0 && all >= self.prefetch_of_all;
        let consumers = &self.state.consumers;
        self.backlogs.iter_mut().find_map(|(tag, backlog)| {
            let settles = consumers.get(tag).is_some_and(|consumer| consumer.acks);
            let has_room = || backlog.prefetch == 0 || has(&self.state, tag) < backlog.prefetch;
            let is_cancelled = || {
                let method = backlog.waiting.front()?.document.get("method")?.as_str()?;
                (method::by_name(method)?.id == method::BASIC_CANCEL).then_some(())
            };
            let may = !settles || (!is_full && has_room()) || is_cancelled().is_some();
            if may { backlog.waiting.pop_front().map(|waiting| (tag.clone(), waiting)) } else { None }
        })
    }
}
