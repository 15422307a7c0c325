//! Deliveries, at the pace at which a consumer takes them.
//!
//! All that was recorded for a consumer is its backlog, in order. It gets as many messages as it may have unsettled (its
//! `prefetch`), and one more for each that it settles.
use keploy_sdk::{Exchange, Fault, Map, Value};

use super::{Asked, Backlog, Consumer, Mocking, Tag, tag_of, unknown};
use crate::method;

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
        let backlog = Backlog { waiting: Vec::new().into(), prefetch: channel.prefetch };
        channel.backlogs.insert(tag.clone(), backlog);
        tag
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
                backlog.waiting.push_back(document.clone());
                return;
            }
        }
    }

    /// Gives consumers what they may have now. `first`: the channel that something happened on.
    pub(super) fn hand_out(&mut self, first: u16) -> Result<(), Fault> {
        let mut numbers: Vec<u16> = self.channels.keys().copied().collect();
        numbers.sort_by_key(|number| *number != first);
        for number in numbers {
            while let Some((tag, document)) = self.channels.get_mut(&number).and_then(super::Mocked::next) {
                self.hand(number, tag, &document)?;
            }
        }
        Ok(())
    }

    fn hand(&mut self, number: u16, tag: Tag, document: &Map) -> Result<(), Fault> {
        let name = document.get("method").and_then(Value::as_str).unwrap_or_default();
        let method = method::by_name(name).ok_or_else(|| unknown(name))?;
        let with_tag = document.clone().with("consumer-tag", Value::readable(tag.clone()));
        let channel = self.channels.entry(number).or_default();
        if method.id == method::BASIC_CANCEL {
            channel.state.consumers.remove(&tag);
            channel.backlogs.remove(&tag);
            return self.put(number, method, &with_tag);
        }
        channel.number += 1;
        let delivery = channel.number;
        if let Some(consumer) = channel.state.consumers.get(&tag)
            && consumer.acks
        {
            let queue = consumer.queue.clone();
            channel.state.deliver(delivery, &queue, document, Some(tag));
        }
        self.put(number, method, &with_tag.with("delivery-tag", delivery))
    }
}

impl super::Mocked {
    /// The next thing that a consumer may have, and which consumer.
    fn next(&mut self) -> Option<(Tag, Map)> {
        let delivered = &self.state.delivered;
        let has = |tag: &Tag| delivered.values().filter(|delivered| delivered.consumer.as_ref() == Some(tag)).count();
        let all = delivered.values().filter(|delivered| delivered.consumer.is_some()).count();
        let is_full = self.prefetch_of_all > 0 && all >= self.prefetch_of_all;
        let consumers = &self.state.consumers;
        self.backlogs.iter_mut().find_map(|(tag, backlog)| {
            let settles = consumers.get(tag).is_some_and(|consumer| consumer.acks);
            let may = !settles || (!is_full && (backlog.prefetch == 0 || has(tag) < backlog.prefetch));
            if may { backlog.waiting.pop_front().map(|document| (tag.clone(), document)) } else { None }
        })
    }
}
