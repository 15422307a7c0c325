//! Notifications come whenever they like.
use keploy_sdk::{Exchange, Instant, Level, Map, Session, Value};

use super::Recording;
use crate::wire::Fields;

impl Recording {
    pub(super) fn notification(&mut self, host: &mut dyn Session, body: &[u8], at: Instant) -> Option<()> {
        let mut fields = Fields(body);
        let (process, channel, payload) = (fields.u32()?, fields.string()?, fields.string()?);
        let mut map = Map::new().with("channel", Value::readable(channel.to_vec()));
        if !payload.is_empty() {
            map.insert("payload", Value::readable(payload.to_vec()));
        }
        if process == self.process && self.queue.front().is_some() {
            // What this connection just did notifies itself.
            self.building.notifications.push(map.into());
            return fields.end(());
        }
        let Some(exchange) = self.listening.get(String::from_utf8_lossy(channel).as_ref()).copied() else {
            host.log(Level::Info, "a notification that nobody was seen to listen for");
            return fields.end(());
        };
        if self.held.as_ref().is_some_and(|held| held.exchange == exchange) {
            self.release(host);
        }
        host.reply(exchange, Map::new().with("notification", map).into(), at);
        fields.end(())
    }

    /// Ends the exchanges that only waited for notifications. `asking` is still at work.
    pub(super) fn unlisten(&mut self, host: &mut dyn Session, channel: Option<&str>, asking: Exchange) {
        let over: Vec<Exchange> = match channel {
            Some(channel) => self.listening.remove(channel).into_iter().collect(),
            None => std::mem::take(&mut self.listening).into_values().collect(),
        };
        for (at, exchange) in over.iter().enumerate() {
            let again = over[..at].contains(exchange) || self.listening.values().any(|other| other == exchange);
            if !again && *exchange != asking {
                host.close(*exchange);
            }
        }
    }
}
